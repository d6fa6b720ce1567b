/*
 * structure_event.c
 *		What changes schemas: which ones, and who tells.
 *
 * Event triggers tell of nearly everything, whoever does it.  What a command has
 * changed is in a schema, which is noted; or it is in none, or in one that no
 * tenant has: then the schemas of tenants that use it, directly or not, are noted
 * as well, for they may name it.  If these are many, all are.  Tenants' own objects
 * are not followed: what uses those of another tenant is not kept (outside_names.c).
 *
 * DROP INDEX CONCURRENTLY commits before it is done, and may fail then, so that is
 * noted as part of its first commit.
 *
 * Event triggers are not told of DROP OWNED in detail, of REASSIGN OWNED, of
 * CLUSTER, of what is written to catalogs as to tables, and where they are switched
 * off.  That is noted by the hooks of a session that has loaded the library.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_publication_namespace.h"
#include "catalog/pg_publication_rel.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_subscription.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parsetree.h"
#include "tcop/deparse_utility.h"
#include "tcop/utility.h"
#include "utils/aclchk_internal.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/dependency.h"
#include "base/tenant_mgr.h"
#include "binding/object_schema.h"
#include "compare/command_reach.h"
#include "compare/structure_event.h"
#include "tenants/registry.h"
#include "tenants/schema_owner.h"
#include "tenants/structure_change.h"

/* Columns of pg_event_trigger_ddl_commands() */
#define Anum_commands_command		9

/* Columns of pg_event_trigger_dropped_objects() */
#define Anum_dropped_classid		1
#define Anum_dropped_objsubid		3
#define Anum_dropped_is_temporary	6
#define Anum_dropped_object_type	7
#define Anum_dropped_schema_name	8
#define Anum_dropped_address_names	11
#define Anum_dropped_address_args	12

/* When more tenants than this use something, all are noted. */
#define MAX_NOTED_USERS		50

/* What uses an object, while it is followed */
typedef struct Users
{
	HTAB	   *seen;			/* ObjectAddress of what has been met */
	List	   *pending;		/* those of them that are to be looked at */
	List	   *schemas;		/* OIDs of the schemas of tenants */
	Relation	pg_depend;		/* open */
} Users;

typedef void (*RowReader) (TupleTableSlot *slot);

static bool fills_catalog(const Node *statement);
static void read_rows(Oid function, RowReader reader);
static void note_command(TupleTableSlot *slot);
static void note_table_command(const CollectedCommand *command, bool alone);
static void note_grant(const CollectedCommand *command, bool alone);
static void note_default_privileges(const Node *statement);
static void note_dropped(TupleTableSlot *slot);
static void note_dropped_cast(TupleTableSlot *slot);
static bool note_dropped_index(TupleTableSlot *slot);
static bool note_dropped_part(TupleTableSlot *slot, Oid classid);
static char *nth_text(TupleTableSlot *slot, AttrNumber attno, int n);
static void note_schema_named(const char *name);
static void note_index_drop(const Node *statement);
static void note_object(const ObjectAddress *object, bool names_change,
						bool alone);
static void note_cast(Oid castid);
static bool is_no_matter(Oid classid);
static void note_users(const ObjectAddress *object);
static void meet(Users *users, Oid classid, Oid objid);
static void look_at_users(Users *users, const ObjectAddress *object);

PG_FUNCTION_INFO_V1(tenant_structure_changed);

/* Event trigger: ddl_command_start, ddl_command_end, sql_drop. */
Datum
tenant_structure_changed(PG_FUNCTION_ARGS)
{
	EventTriggerData *data;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function was not called by event trigger manager")));
	if ((creating_extension &&
		 CurrentExtensionObject == get_extension_oid(TM_EXTENSION_NAME, true)) ||
		!tm_registry_installed())
		PG_RETURN_NULL();

	data = (EventTriggerData *) fcinfo->context;
	if (strcmp(data->event, "ddl_command_start") == 0)
		note_index_drop(data->parsetree);
	else if (strcmp(data->event, "sql_drop") == 0)
		read_rows(F_PG_EVENT_TRIGGER_DROPPED_OBJECTS, note_dropped);
	else if (data->tag == CMDTAG_DROP_OWNED)
		tm_structure_changed_everywhere();
	else if (data->tag != CMDTAG_REFRESH_MATERIALIZED_VIEW &&
			 data->tag != CMDTAG_REINDEX)
		read_rows(F_PG_EVENT_TRIGGER_DDL_COMMANDS, note_command);

	PG_RETURN_NULL();
}

void
tm_structure_before_utility(const PlannedStmt *pstmt)
{
	const Node *statement = pstmt->utilityStmt;

	/* it will be refused, as all but CLUSTER are in a read-only transaction */
	if (RecoveryInProgress() || (XactReadOnly && !IsA(statement, ClusterStmt)))
		return;
	if (IsA(statement, ReassignOwnedStmt) || fills_catalog(statement) ||
		(!tm_event_triggers_fire() &&
		 GetCommandLogLevel((Node *) statement) == LOGSTMT_DDL))
	{
		if (tm_registry_installed())
			tm_structure_changed_everywhere();
	}
	else if (IsA(statement, ClusterStmt))
	{
		const ClusterStmt *cluster = (const ClusterStmt *) statement;

		if (cluster->indexname != NULL && tm_registry_installed())
			tm_structure_changed(get_rel_namespace(RangeVarGetRelid(cluster->relation,
																	NoLock, true)));
	}
}

/* COPY is not a plan, and asks for no more than the privilege to insert. */
static bool
fills_catalog(const Node *statement)
{
	const CopyStmt *copy = (const CopyStmt *) statement;
	Oid			relid;

	if (!IsA(statement, CopyStmt) || !copy->is_from || copy->relation == NULL)
		return false;
	relid = RangeVarGetRelid(copy->relation, NoLock, true);
	return OidIsValid(relid) && relid < FirstUnpinnedObjectId;
}

void
tm_structure_before_change(const PlannedStmt *plan)
{
	ListCell   *lc;

	foreach(lc, plan->resultRelations)
	{
		const RangeTblEntry *rte = rt_fetch(lfirst_int(lc), plan->rtable);

		if (rte->relid < FirstUnpinnedObjectId && !XactReadOnly &&
			tm_registry_installed())
			tm_structure_changed_everywhere();
	}
}

void
tm_structure_users_changed(Oid nspid)
{
	ObjectAddress schema;

	ObjectAddressSet(schema, NamespaceRelationId, nspid);
	note_users(&schema);
}

/* Call one of the server's functions for event triggers, without a query. */
static void
read_rows(Oid function, RowReader reader)
{
	LOCAL_FCINFO(fcinfo, 0);
	ReturnSetInfo rsinfo = {.type = T_ReturnSetInfo,
	.allowedModes = SFRM_Materialize};
	FmgrInfo	flinfo;
	TupleTableSlot *slot;

	rsinfo.econtext = CreateStandaloneExprContext();
	fmgr_info(function, &flinfo);
	InitFunctionCallInfoData(*fcinfo, &flinfo, 0, InvalidOid, NULL,
							 (Node *) &rsinfo);
	(void) FunctionCallInvoke(fcinfo);

	slot = MakeSingleTupleTableSlot(rsinfo.setDesc, &TTSOpsMinimalTuple);
	while (tuplestore_gettupleslot(rsinfo.setResult, true, false, slot))
	{
		CHECK_FOR_INTERRUPTS();
		reader(slot);
	}
	ExecDropSingleTupleTableSlot(slot);
	FreeExprContext(rsinfo.econtext, true);
}

/* One that has been executed. */
static void
note_command(TupleTableSlot *slot)
{
	const CollectedCommand *command;
	bool		isnull;
	bool		remarks;
	bool		alone;

	command = (const CollectedCommand *)
		DatumGetPointer(slot_getattr(slot, Anum_commands_command, &isnull));
	remarks = command->parsetree != NULL &&
		(IsA(command->parsetree, CommentStmt) ||
		 IsA(command->parsetree, SecLabelStmt));
	alone = tm_command_keeps_to_named(command);
	switch (command->type)
	{
		case SCT_Simple:
			note_object(&command->d.simple.address, !remarks, alone);
			note_object(&command->d.simple.secondaryObject, false, alone);
			break;
		case SCT_AlterTable:
			note_table_command(command, alone);
			break;
		case SCT_Grant:
			note_grant(command, alone);
			break;
		case SCT_AlterOpFamily:
			note_object(&command->d.opfam.address, true, alone);
			break;
		case SCT_AlterDefaultPrivileges:
			note_default_privileges(command->parsetree);
			break;
		case SCT_CreateOpClass:
			note_object(&command->d.createopc.address, true, alone);
			break;
		case SCT_AlterTSConfig:
			note_object(&command->d.atscfg.address, true, alone);
			break;
	}
}

/* With a partition that is one no more, for example. */
static void
note_table_command(const CollectedCommand *command, bool alone)
{
	ObjectAddress object;
	ListCell   *lc;

	ObjectAddressSet(object, command->d.alterTable.classId,
					 command->d.alterTable.objectId);
	note_object(&object, true, alone);
	foreach(lc, command->d.alterTable.subcmds)
		note_object(&((CollectedATSubcmd *) lfirst(lc))->address, false,
					alone);
}

/* Privileges on what is outside are no matter of a tenant's schema. */
static void
note_grant(const CollectedCommand *command, bool alone)
{
	const InternalGrant *grant = command->d.grant.istmt;
	Oid			classid;
	ListCell   *lc;

	switch (grant->objtype)
	{
		case OBJECT_TABLE:
		case OBJECT_SEQUENCE:
			classid = RelationRelationId;
			break;
		case OBJECT_DOMAIN:
		case OBJECT_TYPE:
			classid = TypeRelationId;
			break;
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
			classid = ProcedureRelationId;
			break;
		case OBJECT_SCHEMA:
			classid = NamespaceRelationId;
			break;
		default:
			return;
	}
	foreach(lc, grant->objects)
	{
		ObjectAddress object;

		ObjectAddressSet(object, classid, lfirst_oid(lc));
		note_object(&object, false, alone);
	}
}

/* Those that are not about a schema are about none. */
static void
note_default_privileges(const Node *statement)
{
	ListCell   *lc;

	foreach(lc, ((const AlterDefaultPrivilegesStmt *) statement)->options)
	{
		const DefElem *option = lfirst_node(DefElem, lc);
		ListCell   *name;

		if (strcmp(option->defname, "schemas") != 0)
			continue;
		foreach(name, (List *) option->arg)
			note_schema_named(strVal(lfirst(name)));
	}
}

/*
 * What is not called by a schema's name but by that of its table has the schema as
 * the first part of its address.
 */
static void
note_dropped(TupleTableSlot *slot)
{
	bool		isnull;
	Oid			classid = DatumGetObjectId(slot_getattr(slot, Anum_dropped_classid,
														&isnull));
	Datum		value;
	char	   *name;

	if (DatumGetBool(slot_getattr(slot, Anum_dropped_is_temporary, &isnull)) ||
		note_dropped_index(slot) || note_dropped_part(slot, classid))
		return;
	value = slot_getattr(slot, Anum_dropped_schema_name, &isnull);
	if (!isnull)
	{
		note_schema_named(TextDatumGetCString(value));
		return;
	}
	switch (classid)
	{
		case CastRelationId:
			note_dropped_cast(slot);
			return;
		case ExtensionRelationId:
			/* nobody tells in which schema it was */
			tm_structure_changed_everywhere();
			return;
		case AttrDefaultRelationId:
		case PolicyRelationId:
		case RewriteRelationId:
		case TriggerRelationId:
			name = nth_text(slot, Anum_dropped_address_names, 0);
			break;
		case AccessMethodOperatorRelationId:
		case AccessMethodProcedureRelationId:
			/* that of the family comes after the access method */
			name = nth_text(slot, Anum_dropped_address_names, 1);
			break;
		default:
			return;
	}
	if (name != NULL)
		note_schema_named(name);
}

/* The server tells that its table has changed. */
static bool
note_dropped_index(TupleTableSlot *slot)
{
	bool		isnull;
	Datum		type = slot_getattr(slot, Anum_dropped_object_type, &isnull);
	char	   *schema = nth_text(slot, Anum_dropped_address_names, 0);

	ObjectAddress object;

	if (isnull || schema == NULL ||
		strcmp(TextDatumGetCString(type), "index") != 0)
		return false;
	ObjectAddressSet(object, NamespaceRelationId,
					 get_namespace_oid(schema, true));
	tm_structure_changed_object(object.objectId, &object);
	return true;
}

/*
 * A part of a table that is still there: its address begins with the names of the
 * schema and of the table.
 */
static bool
note_dropped_part(TupleTableSlot *slot, Oid classid)
{
	bool		isnull;
	char	   *schema;
	char	   *table;
	ObjectAddress object;

	switch (classid)
	{
		case RelationRelationId:
			if (DatumGetInt32(slot_getattr(slot, Anum_dropped_objsubid,
										   &isnull)) == 0)
				return false;
			break;
		case AttrDefaultRelationId:
		case ConstraintRelationId:
		case PolicyRelationId:
		case TriggerRelationId:
			break;
		default:
			return false;
	}
	schema = nth_text(slot, Anum_dropped_address_names, 0);
	table = nth_text(slot, Anum_dropped_address_names, 1);
	if (schema == NULL || table == NULL)
		return false;
	ObjectAddressSet(object, RelationRelationId,
					 RangeVarGetRelid(makeRangeVar(schema, table, -1), NoLock,
									  true));
	if (!OidIsValid(object.objectId))
		return false;
	tm_structure_changed_object(get_rel_namespace(object.objectId), &object);
	return true;
}

/* Its address is made of the names of both types. */
static void
note_dropped_cast(TupleTableSlot *slot)
{
	const AttrNumber columns[] = {Anum_dropped_address_names,
	Anum_dropped_address_args};

	for (int i = 0; i < lengthof(columns); i++)
	{
		char	   *type = nth_text(slot, columns[i], 0);
		char	   *brackets = type == NULL ? NULL : strstr(type, "[]");
		List	   *names;

		if (brackets != NULL)
			*brackets = '\0';
		if (type != NULL && SplitIdentifierString(type, '.', &names) &&
			list_length(names) == 2)
			note_schema_named(linitial(names));
	}
}

/* Of a column that has several texts, one of them, or NULL */
static char *
nth_text(TupleTableSlot *slot, AttrNumber attno, int n)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, attno, &isnull);
	Datum	   *texts;
	int			ntexts;

	if (isnull)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false,
					  TYPALIGN_INT, &texts, NULL, &ntexts);
	return ntexts > n ? TextDatumGetCString(texts[n]) : NULL;
}

/* It may have been dropped as well. */
static void
note_schema_named(const char *name)
{
	Oid			nspid = get_namespace_oid(name, true);

	if (OidIsValid(nspid) && !isAnyTempNamespace(nspid))
		tm_structure_changed(nspid);
}

/* The event trigger is told of nothing but DROP INDEX. */
static void
note_index_drop(const Node *statement)
{
	const DropStmt *drop;
	ListCell   *lc;

	if (!IsA(statement, DropStmt))
		return;
	drop = (const DropStmt *) statement;
	if (!drop->concurrent)
		return;
	foreach(lc, drop->objects)
	{
		RangeVar   *name = makeRangeVarFromNameList(lfirst(lc));
		Oid			relid = RangeVarGetRelid(name, NoLock, true);

		if (OidIsValid(relid))
			tm_structure_changes_at_commit(get_rel_namespace(relid));
	}
}

/*
 * An object is new, has changed or is about to; and what it is called, which is a
 * matter of whoever uses it.  Alone: nothing else of its schema has.
 */
static void
note_object(const ObjectAddress *object, bool names_change, bool alone)
{
	ObjectAddress place = *object;
	Oid			nspid;

	if (!OidIsValid(object->objectId) || is_no_matter(object->classId))
		return;
	if (object->classId == CastRelationId)
		note_cast(object->objectId);
	nspid = tm_object_place(&place);
	if (OidIsValid(nspid) && isAnyTempNamespace(nspid))
		return;
	if (alone)
		tm_structure_changed_object(nspid, object);
	else
		tm_structure_changed(nspid);
	if (!names_change ||
		(OidIsValid(nspid) && tm_schema_owner(nspid, NULL)))
		return;

	/* Nobody knows who uses what the server has brought along. */
	if (!OidIsValid(nspid) && object->objectId < FirstNormalObjectId)
		tm_structure_changed_everywhere();
	else
		note_users(object);
}

/* A cast is in no schema: it is a matter of those of its types. */
static void
note_cast(Oid castid)
{
	Relation	rel = table_open(CastRelationId, AccessShareLock);
	HeapTuple	tuple = get_catalog_object_by_oid(rel, Anum_pg_cast_oid, castid);

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_cast form = (Form_pg_cast) GETSTRUCT(tuple);

		tm_structure_changed(tm_object_schema(TypeRelationId, form->castsource));
		tm_structure_changed(tm_object_schema(TypeRelationId, form->casttarget));
	}
	table_close(rel, AccessShareLock);
}

/* Nothing in a schema depends on these, or is told of them. */
static bool
is_no_matter(Oid classid)
{
	return classid == EventTriggerRelationId ||
		classid == PublicationNamespaceRelationId ||
		classid == PublicationRelRelationId ||
		classid == PublicationRelationId ||
		classid == SubscriptionRelationId;
}

/* Tenants that use the object, or something that uses it. */
static void
note_users(const ObjectAddress *object)
{
	HASHCTL		ctl = {.keysize = sizeof(Oid) * 2,.entrysize = sizeof(Oid) * 2,
	.hcxt = CurrentMemoryContext};
	Users		users = {0};
	ListCell   *lc;

	users.seen = hash_create("tenant_mgr users of an object", 64, &ctl,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	users.pg_depend = table_open(DependRelationId, AccessShareLock);
	meet(&users, object->classId, object->objectId);
	while (users.pending != NIL &&
		   list_length(users.schemas) <= MAX_NOTED_USERS)
	{
		ObjectAddress *next = llast(users.pending);

		CHECK_FOR_INTERRUPTS();
		users.pending = list_delete_last(users.pending);
		look_at_users(&users, next);
	}
	table_close(users.pg_depend, AccessShareLock);
	hash_destroy(users.seen);

	if (list_length(users.schemas) > MAX_NOTED_USERS)
	{
		tm_structure_changed_everywhere();
		return;
	}
	foreach(lc, users.schemas)
		tm_structure_changed(lfirst_oid(lc));
}

/* It is to be looked at, unless it has been. */
static void
meet(Users *users, Oid classid, Oid objid)
{
	Oid			key[] = {classid, objid};
	bool		found;
	ObjectAddress *object;

	(void) hash_search(users->seen, key, HASH_ENTER, &found);
	if (found)
		return;
	object = palloc(sizeof(ObjectAddress));
	ObjectAddressSet(*object, classid, objid);
	users->pending = lappend(users->pending, object);
}

/* What is a tenant's is noted, and other users are to be looked at in turn. */
static void
look_at_users(Users *users, const ObjectAddress *object)
{
	SysScanDesc scan = tm_dependency_scan_dependents(users->pg_depend, NULL,
													 object->classId,
													 object->objectId);
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_depend dep = (Form_pg_depend) GETSTRUCT(tuple);
		ObjectAddress user;
		Oid			nspid;

		if (is_no_matter(dep->classid))
			continue;
		ObjectAddressSet(user, dep->classid, dep->objid);
		nspid = tm_object_place(&user);
		if (OidIsValid(nspid) && tm_schema_owner(nspid, NULL))
			users->schemas = list_append_unique_oid(users->schemas, nspid);
		else
			meet(users, dep->classid, dep->objid);
	}
	systable_endscan(scan);
}
