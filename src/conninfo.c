/*
 * conninfo.c
 *		Connections as libpq wants them described.
 *
 * A connection has options beyond its columns: further parameters of libpq.
 * Some would undo what the columns say, name files, configure the session at
 * the other end or make the server act under its own identity, so only those in
 * the list here are accepted; the table's constraint asks for it.  A few are
 * accepted with such values only as do none of that.
 *
 * What a process of the server opens itself goes by another string than what
 * is shown: files of certificates have their path, and whatever libpq would
 * take from elsewhere, the environment or the home of the server's user, is
 * said not to be there.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "fmgr.h"
#include "libpq-fe.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "connection_host.h"
#include "conninfo.h"
#include "tenant_name.h"

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

/* What libpq would take from elsewhere; sorted by nothing */
static const char *const from_elsewhere[][2] = {
	{"passfile", TM_CONNINFO_NO_FILE},
	{"sslcert", TM_CONNINFO_NO_FILE},
	{"sslkey", TM_CONNINFO_NO_FILE},
	{"gssencmode", "disable"},
	{"sslcertmode", "disable"}
};

static char *build(const ConnectionInfo *connection, const char *password,
				   bool for_server);
static void append_option(StringInfo conninfo, const char *keyword,
						  const char *value, bool for_server);
static void append_protection(StringInfo conninfo,
							  const ConnectionInfo *connection);
static bool libpq_knows(const char *keyword);
static void check_value(const char *keyword, const char *value);
static bool are_allowed_methods(const char *value);
static bool is_file_option(const char *keyword);
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
	return build(connection, password, false);
}

char *
tm_conninfo_build_for_server(const ConnectionInfo *connection,
							 const char *password)
{
	return build(connection, password, true);
}

static char *
build(const ConnectionInfo *connection, const char *password, bool for_server)
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
			append_option(&conninfo, keyword, scalar_to_text(&value),
						  for_server);
	}
	if (for_server)
		append_protection(&conninfo, connection);

	/* Last, so that no copy of it is left behind when the buffer grows. */
	if (password != NULL)
	{
		enlargeStringInfo(&conninfo, 2 * strlen(password) + 20);
		tm_conninfo_append(&conninfo, "password", password);
	}
	return conninfo.data;
}

/*
 * For the server, what is not accepted any more does not count, a certificate
 * that is not there is looked for where there is none, and how long to wait is
 * for who does so to say.
 */
static void
append_option(StringInfo conninfo, const char *keyword, const char *value,
			  bool for_server)
{
	if (for_server &&
		(!is_allowed(keyword) || strcmp(keyword, "connect_timeout") == 0))
		return;
	if (for_server && is_file_option(keyword) && strcmp(value, "system") != 0)
	{
		const char *path = strchr(value, '/') == NULL ?
			tm_connection_file(value) : NULL;

		value = path != NULL ? path : TM_CONNINFO_NO_FILE;
	}
	tm_conninfo_append(conninfo, keyword, value);
}

/* What is said here is in force, for it comes after the options. */
static void
append_protection(StringInfo conninfo, const ConnectionInfo *connection)
{
	int			i;

	for (i = 0; i < lengthof(from_elsewhere); i++)
	{
		if (libpq_knows(from_elsewhere[i][0]))
			tm_conninfo_append(conninfo, from_elsewhere[i][0],
							   from_elsewhere[i][1]);
	}
	if (!tm_conninfo_has_option(connection, "sslrootcert"))
		tm_conninfo_append(conninfo, "sslrootcert", TM_CONNINFO_NO_FILE);
	if (!tm_conninfo_has_option(connection, "sslcrl"))
		tm_conninfo_append(conninfo, "sslcrl", TM_CONNINFO_NO_FILE);
	if (!tm_conninfo_has_option(connection, "require_auth") &&
		libpq_knows("require_auth"))
		tm_conninfo_append(conninfo, "require_auth",
						   tm_connection_must_use_password(connection) ?
						   "password,md5,scram-sha-256" : "!gss,!sspi");
}

/* Some are news to older versions. */
static bool
libpq_knows(const char *keyword)
{
	PQconninfoOption *options = PQconndefaults();
	PQconninfoOption *option;
	bool		found = false;

	for (option = options; option != NULL && option->keyword != NULL; option++)
		found |= strcmp(option->keyword, keyword) == 0;
	PQconninfoFree(options);
	return found;
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
	return tm_conninfo_option(connection, keyword) != NULL;
}

char *
tm_conninfo_option(const ConnectionInfo *connection, const char *keyword)
{
	JsonbValue	key;
	JsonbValue *value;

	if (connection->options == NULL)
		return NULL;
	key.type = jbvString;
	key.val.string.val = unconstify(char *, keyword);
	key.val.string.len = strlen(keyword);
	value = findJsonbValueFromContainer(&connection->options->root,
										JB_FOBJECT, &key);
	return value != NULL ? scalar_to_text(value) : NULL;
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
	if (strlen(scalar_to_text(value)) > MAX_OPTION)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("connection option \"%s\" is longer than %d bytes",
						keyword, MAX_OPTION)));
	for (c = scalar_to_text(value); *c != '\0'; c++)
	{
		if ((unsigned char) *c < ' ' || *c == '\177')
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("connection option \"%s\" contains a control character",
							keyword)));
	}
	check_value(keyword, scalar_to_text(value));
}

static void
check_value(const char *keyword, const char *value)
{
	if (is_file_option(keyword) &&
		(strchr(value, '/') != NULL || value[0] == '.' || value[0] == '\0'))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("connection option \"%s\" must be the name of a file",
						keyword),
				 errdetail("It is looked for in tenant_mgr.certificate_directory.")));
	if (strcmp(keyword, "gssencmode") == 0 && strcmp(value, "disable") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("connection option \"%s\" must be \"disable\"",
						keyword)));
	if (strcmp(keyword, "require_auth") == 0 && !are_allowed_methods(value))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("connection option \"%s\" has a method that is not allowed",
						keyword),
				 errdetail("Methods that are allowed: none, password, md5, scram-sha-256.")));
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

static bool
is_file_option(const char *keyword)
{
	return strcmp(keyword, "sslrootcert") == 0 ||
		strcmp(keyword, "sslcrl") == 0;
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
