/*
 * conninfo.c
 *		Connections as libpq wants them described.
 *
 * A connection has options beyond its columns: further parameters of libpq.
 * Some would undo what the columns say, name files that hold secrets or make
 * the server act under its own identity, so only those in the list here are
 * accepted; the table's constraint asks for it.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "conninfo.h"
#include "tenant_name.h"

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
	"krbsrvname",
	"load_balance_hosts",
	"options",
	"require_auth",
	"requirepeer",
	"ssl_max_protocol_version",
	"ssl_min_protocol_version",
	"sslcrl",
	"sslcrldir",
	"sslnegotiation",
	"sslrootcert",
	"sslsni",
	"target_session_attrs",
	"tcp_user_timeout"
};

static bool needs_quotes(const char *value);
static void check_option(const char *keyword, const JsonbValue *value);
static bool is_allowed(const char *keyword);
static char *list_allowed(void);
static bool next_option(JsonbIterator **iterator, char **keyword,
						JsonbValue *value);
static char *scalar_to_text(const JsonbValue *value);

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
	while (next_option(&iterator, &keyword, &value))
		check_option(keyword, &value);
	PG_RETURN_BOOL(true);
}

char *
tm_conninfo_build(const ConnectionInfo *connection, const char *password)
{
	StringInfoData conninfo;

	initStringInfo(&conninfo);
	tm_conninfo_append(&conninfo, "host", connection->host);
	tm_conninfo_append(&conninfo, "port", psprintf("%d", connection->port));
	tm_conninfo_append(&conninfo, "dbname", connection->database);
	tm_conninfo_append(&conninfo, "user", connection->username);
	tm_conninfo_append(&conninfo, "sslmode", connection->ssl_mode);
	if (connection->options != NULL)
	{
		JsonbIterator *iterator;
		JsonbValue	value;
		char	   *keyword;

		iterator = JsonbIteratorInit(&connection->options->root);
		while (next_option(&iterator, &keyword, &value))
			tm_conninfo_append(&conninfo, keyword, scalar_to_text(&value));
	}

	/* Last, so that no copy of it is left behind when the buffer grows. */
	if (password != NULL)
	{
		enlargeStringInfo(&conninfo, 2 * strlen(password) + 20);
		tm_conninfo_append(&conninfo, "password", password);
	}
	return conninfo.data;
}

void
tm_conninfo_append(StringInfo conninfo, const char *keyword, const char *value)
{
	bool		quote = needs_quotes(value);

	if (conninfo->len > 0)
		appendStringInfoChar(conninfo, ' ');
	appendStringInfo(conninfo, "%s=%s", keyword, quote ? "'" : "");
	for (; *value != '\0'; value++)
	{
		if (*value == '\'' || *value == '\\')
			appendStringInfoChar(conninfo, '\\');
		appendStringInfoChar(conninfo, *value);
	}
	if (quote)
		appendStringInfoChar(conninfo, '\'');
}

/* What libpq takes for white space depends on the locale. */
static bool
needs_quotes(const char *value)
{
	const char *c;

	for (c = value; *c != '\0'; c++)
	{
		if (*c <= ' ' || *c == '\177' || IS_HIGHBIT_SET(*c) ||
			*c == '\'' || *c == '\\')
			return true;
	}
	return value[0] == '\0';
}

bool
tm_conninfo_has_option(const ConnectionInfo *connection, const char *keyword)
{
	JsonbValue	key;

	key.type = jbvString;
	key.val.string.val = unconstify(char *, keyword);
	key.val.string.len = strlen(keyword);
	return connection->options != NULL &&
		findJsonbValueFromContainer(&connection->options->root, JB_FOBJECT,
									&key) != NULL;
}

static void
check_option(const char *keyword, const JsonbValue *value)
{
	const char *c;

	if (!is_allowed(keyword))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("connection option \"%s\" is not allowed",
						tm_tenant_name_printable(keyword)),
				 errdetail("Options that are allowed: %s.", list_allowed())));
	if (!IsAJsonbScalar(value) || value->type == jbvNull)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("connection option \"%s\" must be a string, a number or a boolean",
						keyword)));
	for (c = scalar_to_text(value); *c != '\0'; c++)
	{
		if ((unsigned char) *c < ' ' || *c == '\177')
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("connection option \"%s\" contains a control character",
							keyword)));
	}
}

static bool
is_allowed(const char *keyword)
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
static bool
next_option(JsonbIterator **iterator, char **keyword, JsonbValue *value)
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
static char *
scalar_to_text(const JsonbValue *value)
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
