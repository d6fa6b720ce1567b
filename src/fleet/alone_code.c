/*
 * alone_code.c
 *		Code that runs by a statement that cannot be part of a transaction.
 *
 * CREATE INDEX CONCURRENTLY and its like work as the owner of the tenant's schema,
 * but not in a security-restricted operation.  A function that they called could
 * take the session's role, which may be a superuser's, or leave settings and
 * triggers behind that are the session's.  Where the server builds an index or
 * looks at rows it restricts such code itself.  In other places it does not expect
 * that somebody else's code is run: when it reads a literal, which may be of a
 * domain with a check, or simplifies the key of a partitioned table.
 *
 * So the only functions that are called without that restriction are those of the
 * server that neither write nor set anything.  Event triggers are the superusers' own, but
 * may call what comes first on the tenant's path: they are restricted.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "fleet/alone_code.h"

bool		tm_in_alone_statement = false;

/* the hook that was there before ours; written by tm_alone_code_begin */
static object_access_hook_type prev_object_access = NULL;

/* somebody has put a hook before ours, for good */
static bool wedged = false;

/*
 * Event triggers under way, one within the other, and the settings from before
 * the outermost, or 0; written by tm_alone_code_restrict.
 */
static int	ntriggers = 0;
static int	nestlevel = 0;

static void check_function(ObjectAccessType access, Oid classid, Oid objid,
						   int subid, void *arg);
static bool is_event_trigger(Oid funcid);
static bool has_settings(Oid funcid);

void
tm_alone_code_begin(void)
{
	tm_in_alone_statement = true;
	ntriggers = 0;
	nestlevel = 0;
	if (!wedged)
	{
		prev_object_access = object_access_hook;
		object_access_hook = check_function;
	}
}

void
tm_alone_code_end(void)
{
	tm_in_alone_statement = false;
	if (object_access_hook == check_function)
		object_access_hook = prev_object_access;
	else
		wedged = true;
}

bool
tm_alone_code_watches(Oid funcid)
{
	return tm_in_alone_statement && is_event_trigger(funcid);
}

/*
 * The settings of a function are put back by the server, and with them what is
 * set within, so there is no place for ours in between.
 */
void
tm_alone_code_restrict(Oid funcid)
{
	Oid			userid;
	int			sec_context;

	if (!is_event_trigger(funcid) || ntriggers++ > 0)
		return;
	nestlevel = has_settings(funcid) ? 0 : NewGUCNestLevel();
	GetUserIdAndSecContext(&userid, &sec_context);
	SetUserIdAndSecContext(userid,
						   sec_context | SECURITY_RESTRICTED_OPERATION);
}

/* The user of a SECURITY DEFINER function has been put back by now. */
void
tm_alone_code_release(Oid funcid)
{
	Oid			userid;
	int			sec_context;

	if (!IsTransactionState() || !is_event_trigger(funcid) || --ntriggers > 0)
		return;
	GetUserIdAndSecContext(&userid, &sec_context);
	SetUserIdAndSecContext(userid,
						   sec_context & ~SECURITY_RESTRICTED_OPERATION);
	if (nestlevel > 0)
		AtEOXact_GUC(false, nestlevel);
	nestlevel = 0;
}

static void
check_function(ObjectAccessType access, Oid classid, Oid objid, int subid,
			   void *arg)
{
	if (prev_object_access)
		prev_object_access(access, classid, objid, subid, arg);
	if (!tm_in_alone_statement || access != OAT_FUNCTION_EXECUTE ||
		InSecurityRestrictedOperation() ||
		(objid < FirstNormalObjectId &&
		 func_volatile(objid) != PROVOLATILE_VOLATILE))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("cannot execute function %s in a migration outside of a transaction",
					format_procedure_qualified(objid)),
			 errdetail("There it could take the rights of whoever applies the migration."),
			 errhint("Use a migration that is transactional, without CONCURRENTLY.")));
}

static bool
is_event_trigger(Oid funcid)
{
	return funcid >= FirstNormalObjectId &&
		get_func_rettype(funcid) == EVENT_TRIGGEROID;
}

static bool
has_settings(Oid funcid)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", funcid);
	result = !heap_attisnull(tuple, Anum_pg_proc_proconfig, NULL);
	ReleaseSysCache(tuple);
	return result;
}
