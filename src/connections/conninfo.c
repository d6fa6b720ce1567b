/*
 * conninfo.c
 *		Connections as libpq wants them described.
 *
 * A connection has options beyond its columns: further parameters of libpq
 * (connection_option.c).
 *
 * What a process of the server opens itself goes by another string than what
 * is shown: files of certificates have their path, and whatever libpq would
 * take from elsewhere, the environment or the home of the server's user, is
 * said not to be there.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "libpq-fe.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "connections/connection_host.h"
#include "connections/connection_option.h"
#include "connections/conninfo.h"

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
static bool needs_quotes(const char *value);

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
		while (tm_connection_option_next(&iterator, &keyword, &value))
			append_option(&conninfo, keyword, tm_connection_option_text(&value),
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
	if (for_server && (!tm_connection_option_is_allowed(keyword) ||
					   strcmp(keyword, "connect_timeout") == 0))
		return;
	if (for_server && tm_connection_option_is_file(keyword) && strcmp(value, "system") != 0)
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
	return value != NULL ? tm_connection_option_text(value) : NULL;
}
