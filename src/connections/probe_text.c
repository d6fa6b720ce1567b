/*
 * probe_text.c
 *		What came of a probe, in words.
 *
 * There are two accounts of it.  One is for everybody: words of our own, of
 * which the server can choose nothing but which of them it is, an SQLSTATE that
 * is known, and the number of its version.  The other one is what the server
 * said, for who may see the password anyway.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "connections/probe_text.h"

/* What a server may have against us; sorted by nothing */
static const struct
{
	const char *sqlstate;		/* its code */
	const char *words;			/* what that means */
}			known_states[] = {
	{"28P01", gettext_noop("password authentication failed")},
	{"28000", gettext_noop("it does not let this user in")},
	{"3D000", gettext_noop("the database does not exist")},
	{"53300", gettext_noop("it has too many connections")},
	{"53200", gettext_noop("it is out of memory")},
	{"53100", gettext_noop("its disk is full")},
	{"57P01", gettext_noop("it is shutting down")},
	{"57P02", gettext_noop("it is recovering from a crash")},
	{"57P03", gettext_noop("it is starting up or shutting down")},
	{"57P04", gettext_noop("the database was dropped")},
	{"57014", gettext_noop("it has cancelled the query")},
	{"42501", gettext_noop("permission is denied")},
	{"42883", gettext_noop("it does not know the function")},
	{"55000", gettext_noop("it does not take connections")},
	{"08P01", gettext_noop("it does not understand the protocol")},
	{"08004", gettext_noop("it rejected the connection")},
	{"0A000", gettext_noop("it does not support what was asked for")},
	{"22023", gettext_noop("it does not take a parameter")},
	{"XX000", gettext_noop("an internal error")}
};

static char *own_error(const ProbeAnswer *answer, int timeout_ms);
static char *describe_timeout(const ProbeAnswer *answer, int timeout_ms);
static char *describe_refusal(const char *sqlstate);
static char *version_number(const char *version);
static char *presentable(const char *text, const char *password);

void
tm_probe_text_result(const ProbeAnswer *answer, int timeout_ms,
					 const char *password, ProbeResult *result)
{
	result->answered = answer->outcome == PROBE_ANSWERED;
	result->no_password_used = answer->outcome == PROBE_NO_PASSWORD_USED;
	if (result->answered)
	{
		result->in_recovery = answer->in_recovery != 0;
		result->latency_ms = answer->latency_ms;
		result->server_version = version_number(answer->version);
		result->far_version = presentable(answer->version, password);
		return;
	}
	result->error = own_error(answer, timeout_ms);
	if (answer->far_text[0] != '\0')
		result->far_error = presentable(answer->far_text, password);
}

static char *
own_error(const ProbeAnswer *answer, int timeout_ms)
{
	switch (answer->outcome)
	{
		case PROBE_TIMED_OUT:
			return describe_timeout(answer, timeout_ms);
		case PROBE_NO_PASSWORD_USED:
			return pstrdup(_("the server did not ask for the password"));
		case PROBE_ODD_ANSWER:
			return pstrdup(_("the server's answer is none to the question"));
		case PROBE_REFUSED:
			return describe_refusal(answer->sqlstate);
		default:
			break;
	}
	if (answer->own_text[0] == '\0')
		return pstrdup(_("the server said something that it should not"));
	return presentable(answer->own_text, NULL);
}

static char *
describe_timeout(const ProbeAnswer *answer, int timeout_ms)
{
	if (answer->phase == PROBE_ASKING)
		return psprintf(_("the server did not answer a query within %d ms"),
						timeout_ms);
	if (answer->phase == PROBE_LOGGING_IN)
		return psprintf(_("the server accepted the connection, but did not let us in within %d ms"),
						timeout_ms);
	return psprintf(_("no connection to the server could be made within %d ms"),
					timeout_ms);
}

/* Not even five characters of a code can be chosen. */
static char *
describe_refusal(const char *sqlstate)
{
	int			i;

	for (i = 0; i < lengthof(known_states); i++)
	{
		if (strcmp(sqlstate, known_states[i].sqlstate) == 0)
			return psprintf(_("the server refuses with SQLSTATE %s: %s"),
							sqlstate, _(known_states[i].words));
	}
	return pstrdup(_("the server refuses with another SQLSTATE"));
}

/* "15.8" of "15.8 (Debian ...)", or an empty string. */
static char *
version_number(const char *version)
{
	Size		size = strspn(version, "0123456789.");

	return pnstrdup(version, Min(size, 12));
}

static char *
presentable(const char *text, const char *password)
{
	/* It may have been cut off within a character. */
	int			size = pg_mbcliplen(text, strlen(text),
									PROBE_TEXT_SIZE - 2 * MAX_MULTIBYTE_CHAR_LEN);

	if (password != NULL && password[0] != '\0' &&
		strstr(text, password) != NULL)
		return pstrdup(_("the message is not shown because the password occurs in it"));
	if (!pg_verify_mbstr(GetDatabaseEncoding(), text, size, true))
		return pstrdup(_("the message is not shown because it is in another encoding"));
	return pnstrdup(text, size);
}
