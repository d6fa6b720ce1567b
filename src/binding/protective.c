/*
 * protective.c
 *		Settings that protect the database from its users.
 *
 * None of them is a user's to choose, but the owner of a session may be a
 * superuser, as many applications are.  So while a session is locked they keep
 * their values.  New ones are refused by check hooks (session_lock.c).  What no
 * check hook is asked about is the return to a default or to the value from
 * before, so the values that the session itself has set are noted when it is
 * locked, and looked at with every statement.  A value from elsewhere may change
 * as the administrator changes it.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "utils/guc_tables.h"

#include "base/compat.h"
#include "base/setting.h"
#include "binding/protective.h"

/* The value that the session had set when it was locked */
typedef struct FrozenValue
{
	bool		is_set;			/* had it set any? */
	int			number;			/* of a setting that is no string */
	char	   *string;			/* of one that is; malloc'd, or NULL */
} FrozenValue;

static const char *const protective_settings[] = {
	"tenant_mgr.guard",
	"tenant_mgr.persistent_schemas",
	"tenant_mgr.session_switch",
	"tenant_mgr.shared_ddl",
	"tenant_mgr.switch_requires",
	"tenant_mgr.token_audience",
	"tenant_mgr.token_enforce_expiry",
	"tenant_mgr.token_leeway",
	"tenant_mgr.token_max_lifetime",
	"tenant_mgr.token_public_key",
	"tenant_mgr.token_single_use",
	"tenant_mgr.unbound",
	"tenant_mgr.unbound_superuser",
	"tenant_mgr.verify_tag"
};

#define NUM_PROTECTIVE	lengthof(protective_settings)

/* the records of the settings; written by tm_protective_start */
static struct config_generic *records[NUM_PROTECTIVE];

/* written by tm_protective_freeze */
static FrozenValue frozen[NUM_PROTECTIVE];

static int	number_of(const struct config_generic *record);

/*
 * Until the library is loaded, the server lets anybody choose any value.  What
 * the client gives when it connects takes the place of the value from a file
 * or from ALTER DATABASE, and when it turns out that the client may not choose
 * one, that is gone and the default is in force.  Without the library, the
 * session gets nowhere.
 */
void
tm_protective_refuse_hidden(void)
{
	int			i;

	for (i = 0; i < NUM_PROTECTIVE; i++)
	{
		struct config_generic *record = tm_guc_find(protective_settings[i]);

		if (record != NULL && record->reset_source == PGC_S_CLIENT &&
			record->reset_scontext != PGC_SU_BACKEND)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied to set parameter \"%s\"",
							protective_settings[i])));
	}
}

/* A setting's own check hook asks for the lock itself. */
void
tm_protective_start(GucBoolCheckHook check_bool, GucIntCheckHook check_number,
					GucStringCheckHook check_string)
{
	int			i;

	for (i = 0; i < NUM_PROTECTIVE; i++)
	{
		struct config_generic *record =
			tm_setting_record(protective_settings[i]);

		records[i] = record;
		switch (record->vartype)
		{
			case PGC_BOOL:
				((struct config_bool *) record)->check_hook = check_bool;
				break;
			case PGC_INT:
				((struct config_int *) record)->check_hook = check_number;
				break;
			case PGC_ENUM:
				((struct config_enum *) record)->check_hook = check_number;
				break;
			case PGC_STRING:
				if (((struct config_string *) record)->check_hook == NULL)
					((struct config_string *) record)->check_hook =
						check_string;
				break;
			case PGC_REAL:
				break;
		}
	}
}

/* Without memory for a value there is no lock. */
void
tm_protective_freeze(void)
{
	int			i;

	for (i = 0; i < NUM_PROTECTIVE; i++)
	{
		free(frozen[i].string);
		frozen[i].string = NULL;
		frozen[i].is_set = (records[i]->source >= PGC_S_INTERACTIVE);
		if (!frozen[i].is_set)
			continue;
		if (records[i]->vartype != PGC_STRING)
		{
			frozen[i].number = number_of(records[i]);
			continue;
		}
		frozen[i].string =
			strdup(*((struct config_string *) records[i])->variable);
		if (frozen[i].string == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory")));
	}
}

bool
tm_protective_is_intact(void)
{
	int			i;

	for (i = 0; i < NUM_PROTECTIVE; i++)
	{
		if (!frozen[i].is_set)
			continue;
		if (records[i]->source < PGC_S_INTERACTIVE)
			return false;
		if (records[i]->vartype == PGC_STRING ?
			strcmp(frozen[i].string,
				   *((struct config_string *) records[i])->variable) != 0 :
			frozen[i].number != number_of(records[i]))
			return false;
	}
	return true;
}

/* The value of a setting that is no string */
static int
number_of(const struct config_generic *record)
{
	switch (record->vartype)
	{
		case PGC_BOOL:
			return *((const struct config_bool *) record)->variable;
		case PGC_INT:
			return *((const struct config_int *) record)->variable;
		default:
			return *((const struct config_enum *) record)->variable;
	}
}
