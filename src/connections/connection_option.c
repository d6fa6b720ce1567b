/*
 * connection_option.c
 *		Which parameters of libpq a connection can have beyond its columns.
 *
 * Some would undo what the columns say, name files, configure the session at
 * the other end or make the server act under its own identity, so only those in
 * the list here are accepted; the table's constraint asks for it.  A few are
 * accepted with such values only as do none of that.
 *
 * Version 0.1.0 accepted more.  In a row of a dump, what is not accepted is left
 * out, with a warning: otherwise no connection of the dump would come back.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "connections/connection_option.h"
#include "tenants/tenant_name.h"

/* Bytes of a value, which is read again with each round of health checks */
#define MAX_OPTION	1024

/* sorted; some of them are news to older versions of libpq */
static const char *const allowed_options[] = {
	"application_name",
	"channel_binding",
	"client_encoding",
	"connect_timeout",
	"fallback_application_name",
	"gssencmode",
	"keepalives",
	"keepalives_count",
	"keepalives_idle",
	"keepalives_interval",
	"load_balance_hosts",
	"require_auth",
	"requirepeer",
	"ssl_max_protocol_version",
	"ssl_min_protocol_version",
	"sslcrl",
	"sslnegotiation",
	"sslrootcert",
	"sslsni",
	"target_session_attrs",
	"tcp_user_timeout"
};

/* Methods of authentication that lend nobody's identity */
static const char *const allowed_methods[] = {
	"none",
	"password",
	"md5",
	"scram-sha-256"
};

static char *problem_of(const char *keyword, const JsonbValue *value,
						char **detail);
static char *problem_of_value(const char *keyword, const char *value,
							  char **detail);
static bool are_allowed_methods(const char *value);
static char *list_allowed(void);

PG_FUNCTION_INFO_V1(tenant_valid_connection_options);

/*
 * valid_connection_options(options): true, or an error that says what is
 * wrong; for the constraint.
 */
Datum
tenant_valid_connection_options(PG_FUNCTION_ARGS)
{
	Jsonb	   *options = PG_GETARG_JSONB_P(0);
	JsonbIterator *iterator;
	JsonbValue	value;
	char	   *keyword;

	if (!JB_ROOT_IS_OBJECT(options))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("connection options must be a JSON object")));
	iterator = JsonbIteratorInit(&options->root);
	while (tm_connection_option_next(&iterator, &keyword, &value))
	{
		char	   *detail = NULL;
		char	   *problem = problem_of(keyword, &value, &detail);

		if (problem != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg_internal("%s", problem),
					 detail != NULL ? errdetail_internal("%s", detail) : 0));
	}
	PG_RETURN_BOOL(true);
}

Jsonb *
tm_connection_options_that_may_be(Jsonb *options, const char *connection)
{
	JsonbIterator *iterator;
	JsonbValue	value;
	char	   *keyword;
	Jsonb	   *result = options;

	if (!JB_ROOT_IS_OBJECT(options))
		return options;
	iterator = JsonbIteratorInit(&options->root);
	while (tm_connection_option_next(&iterator, &keyword, &value))
	{
		char	   *detail = NULL;
		char	   *problem = problem_of(keyword, &value, &detail);

		if (problem == NULL)
			continue;
		ereport(WARNING,
				(errmsg_internal("%s", problem),
				 errdetail("Connection \"%s\" is restored without it.",
						   tm_tenant_name_printable(connection))));
		result = DatumGetJsonbP(DirectFunctionCall2(jsonb_delete,
													JsonbPGetDatum(result),
													CStringGetTextDatum(keyword)));
	}
	return result;
}

/* Why there cannot be such an option, palloc'd, and perhaps a detail; or NULL */
static char *
problem_of(const char *keyword, const JsonbValue *value, char **detail)
{
	const char *c;

	if (!tm_connection_option_is_allowed(keyword))
	{
		*detail = psprintf(_("Options that are allowed: %s."), list_allowed());
		return psprintf(_("connection option \"%s\" is not allowed"),
						tm_tenant_name_printable(keyword));
	}
	if (!IsAJsonbScalar(value) || value->type == jbvNull)
		return psprintf(_("connection option \"%s\" must be a string, a number or a boolean"),
						keyword);
	if (strlen(tm_connection_option_text(value)) > MAX_OPTION)
		return psprintf(_("connection option \"%s\" is longer than %d bytes"),
						keyword, MAX_OPTION);
	for (c = tm_connection_option_text(value); *c != '\0'; c++)
	{
		if ((unsigned char) *c < ' ' || *c == '\177')
			return psprintf(_("connection option \"%s\" contains a control character"),
							keyword);
	}
	return problem_of_value(keyword, tm_connection_option_text(value),
							detail);
}

static char *
problem_of_value(const char *keyword, const char *value, char **detail)
{
	if (tm_connection_option_is_file(keyword) &&
		(strchr(value, '/') != NULL || value[0] == '.' || value[0] == '\0'))
	{
		*detail = pstrdup(_("It is looked for in tenant_mgr.certificate_directory."));
		return psprintf(_("connection option \"%s\" must be the name of a file"),
						keyword);
	}
	if (strcmp(keyword, "gssencmode") == 0 && strcmp(value, "disable") != 0)
		return psprintf(_("connection option \"%s\" must be \"disable\""),
						keyword);
	if (strcmp(keyword, "require_auth") == 0 && !are_allowed_methods(value))
	{
		*detail = pstrdup(_("Methods that are allowed: none, password, md5, scram-sha-256."));
		return psprintf(_("connection option \"%s\" has a method that is not allowed"),
						keyword);
	}
	return NULL;
}

/* A list of them, without anything else in it?  An empty one allows all. */
static bool
are_allowed_methods(const char *value)
{
	if (*value == '\0')
		return false;
	while (*value != '\0')
	{
		Size		size = strcspn(value, ",");
		bool		allowed = false;
		int			i;

		for (i = 0; i < lengthof(allowed_methods); i++)
			allowed |= strlen(allowed_methods[i]) == size &&
				strncmp(value, allowed_methods[i], size) == 0;
		if (!allowed)
			return false;
		value += size;
		value += (*value == ',');
	}
	return true;
}

bool
tm_connection_option_is_file(const char *keyword)
{
	return strcmp(keyword, "sslrootcert") == 0 ||
		strcmp(keyword, "sslcrl") == 0;
}

bool
tm_connection_option_is_allowed(const char *keyword)
{
	int			i;

	for (i = 0; i < lengthof(allowed_options); i++)
	{
		if (strcmp(keyword, allowed_options[i]) == 0)
			return true;
	}
	return false;
}

static char *
list_allowed(void)
{
	StringInfoData list;
	int			i;

	initStringInfo(&list);
	for (i = 0; i < lengthof(allowed_options); i++)
		appendStringInfo(&list, "%s%s", i == 0 ? "" : ", ",
						 allowed_options[i]);
	return list.data;
}

/* The next key of the object, and its value, which may be a container. */
bool
tm_connection_option_next(JsonbIterator **iterator, char **keyword,
						  JsonbValue *value)
{
	JsonbValue	key;
	JsonbIteratorToken token;

	for (;;)
	{
		token = JsonbIteratorNext(iterator, &key, true);
		if (token == WJB_DONE)
			return false;
		if (token != WJB_KEY)
			continue;
		*keyword = pnstrdup(key.val.string.val, key.val.string.len);
		(void) JsonbIteratorNext(iterator, value, true);
		return true;
	}
}

/* libpq has numbers where JSON has truth values. */
char *
tm_connection_option_text(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out,
													   NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return pstrdup(value->val.boolean ? "1" : "0");
		default:
			elog(ERROR, "connection option is not a scalar");
			return NULL;		/* keep compiler quiet */
	}
}
