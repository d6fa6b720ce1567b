/*
 * hook_table.c
 *		Functions to be called when something becomes of a tenant: rows of
 *		tenant.hook.
 *
 * This is the only file that knows the columns of that table, which is read
 * and written like the registry.  A function is kept by its name, for OIDs do
 * not survive a dump; its arguments are always the same.
 *
 * A name can come to be that of another function.  What is called runs with the
 * rights of every tenant's owner, so it must be the function of somebody who is
 * trusted with that: the role that owned it when it was added, or one that may
 * add hooks itself.
 *
 * A hook whose function is renamed or moved keeps the old name, and whatever it
 * is a hook of fails until there is such a function again.  One that is dropped
 * takes its hooks along.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/own_schema.h"
#include "base/own_table.h"
#include "base/tenant_mgr.h"
#include "binding/ownership.h"
#include "lifecycle/hook_table.h"
#include "tenants/event.h"
#include "tenants/registry.h"
#include "tenants/schema_owner.h"
#include "tenants/tenant_lock.h"

/* Columns of tenant.hook */
#define Anum_hook_event				1
#define Anum_hook_function_schema	2
#define Anum_hook_function_name		3
#define Anum_hook_priority			4
#define Anum_hook_function_owner	5
#define Natts_hook					5

#define HOOK_TABLE		"hook"
#define HOOK_INDEX		"hook_pkey"

static const char *const events[] = {
	"before_create", "after_create",
	"before_clone", "after_clone",
	"before_rename", "after_rename",
	"before_suspend", "after_suspend",
	"before_resume", "after_resume",
	"before_drop", "after_drop",
	"before_restore", "after_restore",
	"before_purge", "after_purge",
	"before_snapshot", "after_snapshot",
	"before_rollback", "after_rollback",
	"before_migrate", "after_migrate",
	"after_switch"
};

/* which events have hooks; written by tm_hook_is_there */
static struct
{
	bool		valid;
	uint64		generation;		/* of the registry of which it is true */
	uint32		events;			/* those that have, as a set */
}			known;

static int	event_number(const char *event);
static int	event_argument(FunctionCallInfo fcinfo, int argno);
static bool table_exists(void);
static uint32 events_with_hooks(void);
static SysScanDesc scan_hooks(Relation rel, const char *event,
							  ScanKeyData *key);
static void read_hook(HeapTuple tuple, TupleDesc desc, TenantHook *hook);
static int	compare_hooks(const ListCell *a, const ListCell *b);
static HeapTuple function_row(Oid funcid);
static void describe_function(Oid funcid, TenantHook *hook);
static void check_may_change(Oid funcid);
static bool find_hook(Relation rel, const TenantHook *hook, ItemPointer tid);
static bool may_add_hooks(Oid roleid);
static bool sets_search_path(HeapTuple tuple);

PG_FUNCTION_INFO_V1(tenant_add_hook);
PG_FUNCTION_INFO_V1(tenant_drop_hook);

/* add_hook(event, function, priority) */
Datum
tenant_add_hook(PG_FUNCTION_ARGS)
{
	int			event = event_argument(fcinfo, 0);
	Oid			funcid = PG_GETARG_OID(1);
	Datum		values[Natts_hook];
	bool		nulls[Natts_hook] = {0};
	TenantHook	hook = {0};
	ItemPointerData tid;
	Relation	rel;

	tm_tenant_lock_begin("tenant.add_hook()");
	tm_ownership_refuse_other(NULL);
	check_may_change(funcid);
	strlcpy(hook.event, events[event], NAMEDATALEN);
	describe_function(funcid, &hook);
	tm_hook_check_function(&hook, funcid);

	rel = tm_own_table_open(HOOK_TABLE, Natts_hook, ShareRowExclusiveLock);
	if (find_hook(rel, &hook, &tid))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("function %s is already a hook of %s",
						format_procedure(funcid), hook.event),
				 errhint("Use tenant.drop_hook() first.")));
	values[Anum_hook_event - 1] = CStringGetTextDatum(hook.event);
	values[Anum_hook_function_schema - 1] = CStringGetTextDatum(hook.schema);
	values[Anum_hook_function_name - 1] = CStringGetTextDatum(hook.name);
	values[Anum_hook_priority - 1] = PG_GETARG_DATUM(2);
	values[Anum_hook_function_owner - 1] = CStringGetTextDatum(hook.owner);
	tm_own_table_insert(rel, Natts_hook, values, nulls);
	table_close(rel, NoLock);
	tm_event_record("add_hook", NULL, hook.event,
					tm_event_detail("function",
									quote_qualified_identifier(hook.schema,
															   hook.name),
									NULL));
	PG_RETURN_VOID();
}

/* drop_hook(event, function) */
Datum
tenant_drop_hook(PG_FUNCTION_ARGS)
{
	int			event = event_argument(fcinfo, 0);
	Oid			funcid = PG_GETARG_OID(1);
	TenantHook	hook = {0};
	ItemPointerData tid;
	Relation	rel;

	tm_tenant_lock_begin("tenant.drop_hook()");
	tm_ownership_refuse_other(NULL);
	check_may_change(funcid);
	strlcpy(hook.event, events[event], NAMEDATALEN);
	describe_function(funcid, &hook);

	rel = tm_own_table_open(HOOK_TABLE, Natts_hook, ShareRowExclusiveLock);
	if (!find_hook(rel, &hook, &tid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("function %s is not a hook of %s",
						format_procedure(funcid), hook.event)));
	tm_own_table_delete(rel, &tid);
	table_close(rel, NoLock);
	tm_event_record("drop_hook", NULL, hook.event,
					tm_event_detail("function",
									quote_qualified_identifier(hook.schema,
															   hook.name),
									NULL));
	PG_RETURN_VOID();
}

bool
tm_hook_is_there(const char *event)
{
	int			number = event_number(event);
	uint64		as_of = tm_registry_generation();

	if (!known.valid || known.generation != as_of)
	{
		known.valid = false;
		known.events = events_with_hooks();
		known.generation = as_of;
		known.valid = true;
	}
	return number >= 0 && (known.events & (UINT32_C(1) << number)) != 0;
}

List *
tm_hook_list(const char *event)
{
	List	   *hooks = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Relation	rel;

	if (!table_exists())
		return NIL;
	rel = tm_own_table_open(HOOK_TABLE, Natts_hook, AccessShareLock);
	scan = scan_hooks(rel, event, &key);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		TenantHook *hook = palloc(sizeof(TenantHook));

		read_hook(tuple, RelationGetDescr(rel), hook);
		hooks = lappend(hooks, hook);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	list_sort(hooks, compare_hooks);

	return hooks;
}

Oid
tm_hook_function(const TenantHook *hook)
{
	Oid			nspid = get_namespace_oid(hook->schema, true);
	Oid			argument = JSONBOID;

	if (!OidIsValid(nspid))
		return InvalidOid;
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
						   CStringGetDatum(hook->name),
						   PointerGetDatum(buildoidvector(&argument, 1)),
						   ObjectIdGetDatum(nspid));
}

void
tm_hook_check_function(const TenantHook *hook, Oid funcid)
{
	HeapTuple	tuple = function_row(funcid);
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);

	if (form->prokind != PROKIND_FUNCTION || form->proretset ||
		form->pronargs != 1 || form->proargtypes.values[0] != JSONBOID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("function %s cannot be a hook",
						format_procedure(funcid)),
				 errdetail("A hook is a function that takes one argument of type jsonb and does not return a set.")));
	if (isAnyTempNamespace(form->pronamespace) ||
		tm_schema_owner(form->pronamespace, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("function %s cannot be a hook",
						format_procedure(funcid)),
				 errdetail("It is a tenant's or a temporary one."),
				 errhint("Keep hooks in a schema that is neither.")));

	/* Its caller's path leads to what a tenant's owner has made. */
	if (form->prosecdef && !sets_search_path(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("function %s cannot be a hook",
						format_procedure(funcid)),
				 errdetail("It has the rights of its owner and finds objects of the tenant by its search path."),
				 errhint("Use ALTER FUNCTION ... SET search_path.")));
	if (strcmp(GetUserNameFromId(form->proowner, false), hook->owner) != 0 &&
		!may_add_hooks(form->proowner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("function %s has got another owner since it was made a hook",
						format_procedure(funcid)),
				 errdetail("It was owned by role \"%s\", and the owner that it has cannot add hooks.",
						   hook->owner),
				 errhint("Drop the hook and add it again, or grant the owner EXECUTE on tenant.add_hook().")));
	ReleaseSysCache(tuple);
}

void
tm_hook_forget_dropped(void)
{
	List	   *dropped = NIL;
	ListCell   *lc;
	Relation	rel;

	foreach(lc, tm_hook_list(NULL))
	{
		if (!OidIsValid(tm_hook_function(lfirst(lc))))
			dropped = lappend(dropped, lfirst(lc));
	}
	if (dropped == NIL)
		return;
	rel = tm_own_table_open(HOOK_TABLE, Natts_hook, ShareRowExclusiveLock);
	foreach(lc, dropped)
	{
		const TenantHook *hook = lfirst(lc);
		ItemPointerData tid;

		if (!find_hook(rel, hook, &tid))
			continue;
		tm_own_table_delete(rel, &tid);
		ereport(NOTICE,
				(errmsg("function %s is not a hook of %s any more",
						quote_qualified_identifier(hook->schema, hook->name),
						hook->event)));
	}
	table_close(rel, NoLock);
}

/* -1 if there is no such event. */
static int
event_number(const char *event)
{
	for (int i = 0; i < lengthof(events); i++)
	{
		if (strcmp(events[i], event) == 0)
			return i;
	}
	return -1;
}

static int
event_argument(FunctionCallInfo fcinfo, int argno)
{
	char	   *event = text_to_cstring(PG_GETARG_TEXT_PP(argno));
	int			number = event_number(event);

	StaticAssertStmt(lengthof(events) <= 32, "too many events for a set");
	if (number < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no event of this name for hooks"),
				 errhint("Events are \"before_\" or \"after_\" and one of create, clone, rename, suspend, resume, drop, restore, purge, snapshot, rollback, migrate; and \"after_switch\".")));
	return number;
}

/* The extension's objects may be older than the library. */
static bool
table_exists(void)
{
	Oid			nspid = tm_own_schema();

	return OidIsValid(nspid) &&
		OidIsValid(get_relname_relid(HOOK_TABLE, nspid));
}

static uint32
events_with_hooks(void)
{
	uint32		result = 0;
	ListCell   *lc;

	foreach(lc, tm_hook_list(NULL))
	{
		int			number = event_number(((TenantHook *) lfirst(lc))->event);

		if (number >= 0)
			result |= UINT32_C(1) << number;
	}
	return result;
}

/* All of them if no event is given. */
static SysScanDesc
scan_hooks(Relation rel, const char *event, ScanKeyData *key)
{
	if (event == NULL)
		return tm_own_table_scan(rel, HOOK_INDEX, 0, NULL);
	ScanKeyInit(key, Anum_hook_event, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(event));
	return tm_own_table_scan(rel, HOOK_INDEX, 1, key);
}

static void
read_hook(HeapTuple tuple, TupleDesc desc, TenantHook *hook)
{
	Datum		values[Natts_hook];
	bool		nulls[Natts_hook];

	tm_own_table_deform(tuple, desc, Natts_hook, values, nulls);
	text_to_cstring_buffer(DatumGetTextPP(values[Anum_hook_event - 1]),
						   hook->event, NAMEDATALEN);
	text_to_cstring_buffer(DatumGetTextPP(values[Anum_hook_function_schema - 1]),
						   hook->schema, NAMEDATALEN);
	text_to_cstring_buffer(DatumGetTextPP(values[Anum_hook_function_name - 1]),
						   hook->name, NAMEDATALEN);
	hook->priority = DatumGetInt32(values[Anum_hook_priority - 1]);
	text_to_cstring_buffer(DatumGetTextPP(values[Anum_hook_function_owner - 1]),
						   hook->owner, NAMEDATALEN);
}

/* By priority, and then by name, so that the order is always the same. */
static int
compare_hooks(const ListCell *a, const ListCell *b)
{
	const TenantHook *one = lfirst(a);
	const TenantHook *other = lfirst(b);
	int			result;

	if (one->priority != other->priority)
		return one->priority < other->priority ? -1 : 1;
	result = strcmp(one->schema, other->schema);
	return result != 0 ? result : strcmp(one->name, other->name);
}

/* To be released with ReleaseSysCache(). */
static HeapTuple
function_row(Oid funcid)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function with OID %u does not exist", funcid)));
	return tuple;
}

static void
describe_function(Oid funcid, TenantHook *hook)
{
	HeapTuple	tuple = function_row(funcid);
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);

	strlcpy(hook->schema, get_namespace_name(form->pronamespace),
			NAMEDATALEN);
	strlcpy(hook->name, NameStr(form->proname), NAMEDATALEN);
	strlcpy(hook->owner, GetUserNameFromId(form->proowner, false),
			NAMEDATALEN);
	ReleaseSysCache(tuple);
}

static void
check_may_change(Oid funcid)
{
	if (!superuser() && !tm_function_ownercheck(funcid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_FUNCTION,
					   get_func_name(funcid));
}

static bool
find_hook(Relation rel, const TenantHook *hook, ItemPointer tid)
{
	ScanKeyData key;
	SysScanDesc scan = scan_hooks(rel, hook->event, &key);
	HeapTuple	tuple;
	bool		found = false;

	while (!found && (tuple = systable_getnext(scan)) != NULL)
	{
		TenantHook	other;

		read_hook(tuple, RelationGetDescr(rel), &other);
		found = strcmp(other.schema, hook->schema) == 0 &&
			strcmp(other.name, hook->name) == 0;
		*tid = tuple->t_self;
	}
	systable_endscan(scan);
	return found;
}

/* Has the role been granted what it takes? */
static bool
may_add_hooks(Oid roleid)
{
	Oid			arguments[] = {TEXTOID, REGPROCEDUREOID, INT4OID};
	Oid			funcid;

	if (superuser_arg(roleid))
		return true;
	funcid = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
							 CStringGetDatum("add_hook"),
							 PointerGetDatum(buildoidvector(arguments, 3)),
							 ObjectIdGetDatum(tm_own_schema()));
	return OidIsValid(funcid) &&
		tm_function_aclcheck(funcid, roleid, ACL_EXECUTE) == ACLCHECK_OK;
}

static bool
sets_search_path(HeapTuple tuple)
{
	bool		is_null;
	Datum		config = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proconfig,
										 &is_null);
	Datum	   *settings;
	int			nsettings;

	if (is_null)
		return false;
	deconstruct_array_builtin(DatumGetArrayTypeP(config), TEXTOID, &settings,
							  NULL, &nsettings);
	for (int i = 0; i < nsettings; i++)
	{
		if (pg_strncasecmp(TextDatumGetCString(settings[i]), "search_path=",
						   strlen("search_path=")) == 0)
			return true;
	}
	return false;
}
