/*
 * set_policy.c
 *		The SQL function by which a database is told to keep a policy.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "commands/extension.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/tenant_mgr.h"
#include "binding/binding.h"
#include "binding/ownership.h"
#include "binding/policy.h"
#include "binding/session_wakeup.h"
#include "tenants/event.h"
#include "tenants/registry.h"
#include "tenants/tenant_lock.h"
#include "tenants/tenant_name.h"

static WallId setting_argument(text *setting);
static char *settings(void);
static void check_value(WallId wall, const char *value, int *level);
static void check_permission(void);

PG_FUNCTION_INFO_V1(tenant_set_policy);

/* set_policy(setting, value): the database keeps it at least as strict. */
Datum
tenant_set_policy(PG_FUNCTION_ARGS)
{
	const char *value = NULL;
	int			level = 0;
	WallId		wall;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("setting must not be null")));
	tm_tenant_lock_begin("tenant.set_policy()");
	check_permission();
	tm_ownership_refuse_other(NULL);
	wall = setting_argument(PG_GETARG_TEXT_PP(0));
	if (!PG_ARGISNULL(1))
	{
		value = text_to_cstring(PG_GETARG_TEXT_PP(1));
		check_value(wall, value, &level);
		value = tm_wall_value(wall, level);
	}
	tm_policy_write(wall, value);
	tm_registry_announce();
	tm_event_record("set_policy", NULL, tm_wall_name(wall),
					tm_event_detail("value", value, NULL));
	tm_session_wakeup_at_commit();
	PG_RETURN_VOID();
}

static WallId
setting_argument(text *setting)
{
	char	   *name = text_to_cstring(setting);
	WallId		wall = tm_wall_find(name);

	if (wall == WALL_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("setting \"%s\" cannot be a policy",
						tm_tenant_name_printable(name)),
				 errdetail("Policies are about settings whose values are more or less strict."),
				 errhint("Settings that can be policies: %s.", settings())));
	if (wall == WALL_UNBOUND_SUPERUSER)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("setting \"%s\" cannot be a policy",
						tm_wall_name(wall)),
				 errdetail("Nobody could restore a dump of the database."),
				 errhint("Use ALTER DATABASE or ALTER ROLE to set it.")));
	return wall;
}

static char *
settings(void)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < NUM_WALLS; i++)
	{
		if (tm_policy_is_possible((WallId) i))
			appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
							 tm_wall_name(i));
	}
	return list.data;
}

static void
check_value(WallId wall, const char *value, int *level)
{
	if (!tm_wall_read(wall, value, level))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for policy \"%s\": \"%s\"",
						tm_wall_name(wall), tm_tenant_name_printable(value)),
				 errhint("Available values: %s.", tm_wall_values(wall))));
	if (*level == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("policy \"%s\" cannot be \"%s\"",
						tm_wall_name(wall), tm_wall_value(wall, *level)),
				 errdetail("A policy makes the setting stricter, and no value is less strict."),
				 errhint("Use NULL to remove the policy.")));
}

/* EXECUTE is not enough: whoever may write here decides for all roles. */
static void
check_permission(void)
{
	Oid			extension = get_extension_oid(TM_EXTENSION_NAME, true);

	if (superuser() ||
		(OidIsValid(extension) &&
		 tm_extension_ownercheck(extension, GetUserId())))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to set policies"),
			 errhint("Only superusers and the owner of extension \"%s\" may do that.",
					 TM_EXTENSION_NAME)));
}
