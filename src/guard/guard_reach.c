/*
 * guard_reach.c
 *		What a bound session's utility statement can reach.
 *
 * A statement reaches more than it names: children and partitions of a table,
 * the default partition that loses rows to a new one, tables that are typed,
 * columns of a domain, what a view stands for when the view is locked, members
 * of an extension.  Much of it is read, and code of the caller's is run on it,
 * long before the server says that it has changed anything.  So all of it is
 * judged here, before the statement is executed, and only here.
 *
 * Names are judged by guard_name.c.  What lies behind a name is judged in any
 * case.
 *
 * A kind of statement that is not known here cannot be judged and is refused.
 *
 * No locks are taken on relations, because the server will want stronger ones.
 * What others do between our look and the server's is noticed where the server
 * itself looks the schema up, and when it says what it has changed; see
 * guard_access.c.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/heap.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "binding/temp_object.h"
#include "guard/guard.h"
#include "guard/guard_access.h"
#include "guard/guard_closure.h"
#include "guard/guard_grant.h"
#include "guard/guard_name.h"
#include "guard/guard_raw.h"
#include "guard/guard_reach.h"
#include "guard/shared_ddl.h"

static bool reach_by_command(Node *stmt);
static bool reach_by_definition(Node *stmt);
static bool reach_by_name(Node *stmt);
static bool reaches_what_is_told(Node *stmt);
static Oid	reach_new(const RangeVar *relation);
static void reach_viewed(ViewStmt *stmt);
static void reach_family(const RangeVar *relation);
static void reach_partitions(const RangeVar *relation);
static void reach_truncated(TruncateStmt *stmt);
static void reach_locked(const RangeVar *relation);
static void reach_reindexed(ReindexStmt *stmt);
static void reach_created(CreateStmt *stmt);
static void reach_altered(AlterTableStmt *stmt);
static bool stays_at_relation(AlterTableCmd *cmd);
static void reach_by_subcommand(AlterTableCmd *cmd, Oid relid);
static void reach_domain(AlterDomainStmt *stmt);
static void reach_dropped(DropStmt *stmt);
static void reach_published(List *objects);
static void reach_schema_option(List *options, const char *option);
static void reach_object(ObjectType objtype, Node *object);

void
tm_guard_reach(Node *stmt)
{
	tm_guard_raw_definition(stmt);
	if (reach_by_command(stmt) || reach_by_definition(stmt) ||
		reach_by_name(stmt) || reaches_what_is_told(stmt))
		return;
	ereport(tm_guard_elevel(),
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot execute %s while bound to a tenant",
					GetCommandTagName(CreateCommandTag(stmt))),
			 errdetail("It is not known which objects the command reaches.")));
}

/* Commands that work on relations and their rows */
static bool
reach_by_command(Node *stmt)
{
	ListCell   *lc;

	switch (nodeTag(stmt))
	{
		case T_LockStmt:
			foreach(lc, ((LockStmt *) stmt)->relations)
				reach_locked(lfirst_node(RangeVar, lc));
			return true;
		case T_TruncateStmt:
			reach_truncated((TruncateStmt *) stmt);
			return true;
		case T_VacuumStmt:
			foreach(lc, ((VacuumStmt *) stmt)->rels)
				reach_family(lfirst_node(VacuumRelation, lc)->relation);
			return true;
		case T_ClusterStmt:
			if (((ClusterStmt *) stmt)->relation == NULL)
				tm_guard_check_all_tenants();
			reach_family(((ClusterStmt *) stmt)->relation);
			return true;
		case T_ReindexStmt:
			reach_reindexed((ReindexStmt *) stmt);
			return true;
		case T_RefreshMatViewStmt:
			(void) tm_guard_name_relation(((RefreshMatViewStmt *) stmt)->relation);
			return true;
		case T_CreatePublicationStmt:
			if (((CreatePublicationStmt *) stmt)->for_all_tables)
				tm_guard_check_all_tenants();
			reach_published(((CreatePublicationStmt *) stmt)->pubobjects);
			return true;
		case T_AlterPublicationStmt:
			reach_published(((AlterPublicationStmt *) stmt)->pubobjects);
			return true;
		case T_CreateSubscriptionStmt:
		case T_AlterSubscriptionStmt:
		case T_AlterTableMoveAllStmt:
			tm_guard_check_all_tenants();
			return true;
		default:
			return false;
	}
}

/* Commands that define a relation or a part of one, or a domain */
static bool
reach_by_definition(Node *stmt)
{
	ListCell   *lc;

	switch (nodeTag(stmt))
	{
		case T_CreateStmt:
			reach_created((CreateStmt *) stmt);
			return true;
		case T_CreateForeignTableStmt:
			reach_created(&((CreateForeignTableStmt *) stmt)->base);
			return true;
		case T_CreateTableAsStmt:
			(void) reach_new(((CreateTableAsStmt *) stmt)->into->rel);
			return true;
		case T_ViewStmt:
			reach_viewed((ViewStmt *) stmt);
			return true;
		case T_CreateSeqStmt:
			(void) reach_new(((CreateSeqStmt *) stmt)->sequence);
			return true;
		case T_AlterSeqStmt:
			(void) tm_guard_name_changed(((AlterSeqStmt *) stmt)->sequence);
			return true;
		case T_CompositeTypeStmt:
			(void) reach_new(((CompositeTypeStmt *) stmt)->typevar);
			return true;
		case T_AlterTableStmt:
			reach_altered((AlterTableStmt *) stmt);
			return true;
		case T_IndexStmt:
			reach_partitions(((IndexStmt *) stmt)->relation);
			return true;
		case T_CreateTrigStmt:
			reach_partitions(((CreateTrigStmt *) stmt)->relation);
			(void) tm_guard_name_relation(((CreateTrigStmt *) stmt)->constrrel);
			return true;
		case T_RuleStmt:
			(void) tm_guard_name_changed(((RuleStmt *) stmt)->relation);
			return true;
		case T_CreatePolicyStmt:
			(void) tm_guard_name_changed(((CreatePolicyStmt *) stmt)->table);
			return true;
		case T_AlterPolicyStmt:
			(void) tm_guard_name_changed(((AlterPolicyStmt *) stmt)->table);
			return true;
		case T_CreateStatsStmt:
			foreach(lc, ((CreateStatsStmt *) stmt)->relations)
			{
				if (IsA(lfirst(lc), RangeVar))
					(void) tm_guard_name_changed(lfirst(lc));
			}
			return true;
		case T_AlterDomainStmt:
			reach_domain((AlterDomainStmt *) stmt);
			return true;
		default:
			return false;
	}
}

/* Commands that work on objects of any kind, and tell few hooks about it */
static bool
reach_by_name(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_RenameStmt:
			(void) tm_guard_name_changed(((RenameStmt *) stmt)->relation);
			reach_object(((RenameStmt *) stmt)->renameType,
						 ((RenameStmt *) stmt)->object);
			return true;
		case T_AlterObjectSchemaStmt:
			(void) tm_guard_name_changed(((AlterObjectSchemaStmt *) stmt)->relation);
			reach_object(((AlterObjectSchemaStmt *) stmt)->objectType,
						 ((AlterObjectSchemaStmt *) stmt)->object);
			(void) tm_guard_name_schema(((AlterObjectSchemaStmt *) stmt)->newschema);
			return true;
		case T_AlterOwnerStmt:
			(void) tm_guard_name_changed(((AlterOwnerStmt *) stmt)->relation);
			reach_object(((AlterOwnerStmt *) stmt)->objectType,
						 ((AlterOwnerStmt *) stmt)->object);
			return true;
		case T_AlterObjectDependsStmt:
			(void) tm_guard_name_relation(((AlterObjectDependsStmt *) stmt)->relation);
			return true;
		case T_DropStmt:
			reach_dropped((DropStmt *) stmt);
			return true;
		case T_CommentStmt:
			reach_object(((CommentStmt *) stmt)->objtype,
						 ((CommentStmt *) stmt)->object);
			return true;
		case T_SecLabelStmt:
			reach_object(((SecLabelStmt *) stmt)->objtype,
						 ((SecLabelStmt *) stmt)->object);
			return true;
		case T_GrantStmt:
			tm_guard_reach_granted((GrantStmt *) stmt);
			return true;
		case T_AlterDefaultPrivilegesStmt:
			tm_guard_reach_default_privileges((AlterDefaultPrivilegesStmt *) stmt);
			return true;
		case T_DropOwnedStmt:
			tm_guard_check_owned(((DropOwnedStmt *) stmt)->roles);
			return true;
		case T_ReassignOwnedStmt:
			tm_guard_check_owned(((ReassignOwnedStmt *) stmt)->roles);
			return true;
		case T_CreateExtensionStmt:
			reach_schema_option(((CreateExtensionStmt *) stmt)->options,
								"schema");
			return true;
		case T_AlterExtensionStmt:
			tm_guard_check_extension(((AlterExtensionStmt *) stmt)->extname);
			return true;
		case T_AlterExtensionContentsStmt:
			reach_object(((AlterExtensionContentsStmt *) stmt)->objtype,
						 ((AlterExtensionContentsStmt *) stmt)->object);
			return true;
		case T_ImportForeignSchemaStmt:
			(void) tm_guard_name_schema(((ImportForeignSchemaStmt *) stmt)->local_schema);
			return true;
		default:
			return false;
	}
}

/*
 * Commands that touch nobody's rows, and of which the server tells what they
 * create, change and drop; or that are about what all databases share.
 */
static bool
reaches_what_is_told(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_AlterCollationStmt:
		case T_AlterDatabaseRefreshCollStmt:
		case T_AlterDatabaseSetStmt:
		case T_AlterDatabaseStmt:
		case T_AlterEnumStmt:
		case T_AlterEventTrigStmt:
		case T_AlterFdwStmt:
		case T_AlterForeignServerStmt:
		case T_AlterFunctionStmt:
		case T_AlterOpFamilyStmt:
		case T_AlterOperatorStmt:
		case T_AlterRoleSetStmt:
		case T_AlterRoleStmt:
		case T_AlterStatsStmt:
		case T_AlterSystemStmt:
		case T_AlterTSConfigurationStmt:
		case T_AlterTSDictionaryStmt:
		case T_AlterTableSpaceOptionsStmt:
		case T_AlterTypeStmt:
		case T_AlterUserMappingStmt:
		case T_CreateAmStmt:
		case T_CreateCastStmt:
		case T_CreateConversionStmt:
		case T_CreateDomainStmt:
		case T_CreateEnumStmt:
		case T_CreateEventTrigStmt:
		case T_CreateFdwStmt:
		case T_CreateForeignServerStmt:
		case T_CreateFunctionStmt:
		case T_CreateOpClassStmt:
		case T_CreateOpFamilyStmt:
		case T_CreatePLangStmt:
		case T_CreateRangeStmt:
		case T_CreateRoleStmt:
		case T_CreateSchemaStmt:
		case T_CreateTableSpaceStmt:
		case T_CreateTransformStmt:
		case T_CreateUserMappingStmt:
		case T_CreatedbStmt:
		case T_DefineStmt:
		case T_DropRoleStmt:
		case T_DropSubscriptionStmt:
		case T_DropTableSpaceStmt:
		case T_DropUserMappingStmt:
		case T_DropdbStmt:
		case T_GrantRoleStmt:
			return true;
		default:
			return false;
	}
}

/*
 * A relation that is about to be made: what counts is where.  InvalidOid if that
 * is not known yet.
 */
static Oid
reach_new(const RangeVar *relation)
{
	Oid			nspid = InvalidOid;
	List	   *path;

	if (relation->schemaname != NULL)
		return tm_guard_name_schema(relation->schemaname);
	if (relation->relpersistence == RELPERSISTENCE_TEMP)
		return InvalidOid;
	path = fetch_search_path(false);
	if (path != NIL)
	{
		nspid = linitial_oid(path);
		tm_guard_check_object(NamespaceRelationId, nspid);
	}
	list_free(path);
	return nspid;
}

/* A view may take the place of another one. */
static void
reach_viewed(ViewStmt *stmt)
{
	Oid			nspid = reach_new(stmt->view);
	Oid			relid;

	if (!stmt->replace || !OidIsValid(nspid))
		return;
	relid = get_relname_relid(stmt->view->relname, nspid);
	if (OidIsValid(relid))
		tm_shared_ddl_check(RelationRelationId, relid);
}

/* A relation, for a command that goes on to its children */
static void
reach_family(const RangeVar *relation)
{
	Oid			relid = tm_guard_name_relation(relation);

	if (OidIsValid(relid) && relation->inh)
		tm_guard_check_children(relid);
}

/* A relation that gains a part, as its partitions will */
static void
reach_partitions(const RangeVar *relation)
{
	Oid			relid = tm_guard_name_changed(relation);

	if (OidIsValid(relid) && relation->inh &&
		get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE)
		tm_guard_check_children(relid);
}

/* With CASCADE, tables that refer to the tables are emptied, too. */
static void
reach_truncated(TruncateStmt *stmt)
{
	List	   *reached = NIL;
	List	   *more;
	ListCell   *lc;

	foreach(lc, stmt->relations)
	{
		Oid			relid = tm_guard_name_changed(lfirst_node(RangeVar, lc));

		reach_family(lfirst_node(RangeVar, lc));
		if (OidIsValid(relid))
			reached = list_append_unique_oid(reached, relid);
	}
	if (stmt->behavior != DROP_CASCADE)
		return;
	while ((more = heap_truncate_find_FKs(reached)) != NIL)
	{
		foreach(lc, more)
		{
			tm_guard_check_object(RelationRelationId, lfirst_oid(lc));
			tm_guard_check_children(lfirst_oid(lc));
		}
		reached = list_concat(reached, more);
	}
}

/* LOCK TABLE locks what a view stands for. */
static void
reach_locked(const RangeVar *relation)
{
	Oid			relid = tm_guard_name_relation(relation);

	reach_family(relation);
	if (OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_VIEW)
		tm_guard_check_view(relid);
}

static void
reach_reindexed(ReindexStmt *stmt)
{
	switch (stmt->kind)
	{
		case REINDEX_OBJECT_SCHEMA:
			(void) tm_guard_name_schema(stmt->name);
			break;
		case REINDEX_OBJECT_DATABASE:
			tm_guard_check_all_tenants();
			break;
		case REINDEX_OBJECT_SYSTEM:
			break;
		default:
			reach_family(stmt->relation);
			break;
	}
}

/* A table, its parents and what it is made like */
static void
reach_created(CreateStmt *stmt)
{
	ListCell   *lc;

	(void) reach_new(stmt->relation);
	foreach(lc, stmt->inhRelations)
	{
		Oid			parent = tm_guard_name_relation(lfirst_node(RangeVar, lc));

		if (stmt->partbound != NULL && !stmt->partbound->is_default)
			tm_guard_check_default_partition(parent);
	}
	foreach(lc, stmt->tableElts)
	{
		if (IsA(lfirst(lc), TableLikeClause))
			(void) tm_guard_name_relation(((TableLikeClause *) lfirst(lc))->relation);
	}
}

static void
reach_altered(AlterTableStmt *stmt)
{
	Oid			relid = tm_guard_name_changed(stmt->relation);
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		reach_by_subcommand(cmd, relid);
		if (OidIsValid(relid) && stmt->relation->inh &&
			!stays_at_relation(cmd))
			tm_guard_check_children(relid);
	}
	if (OidIsValid(relid) && stmt->objtype == OBJECT_TYPE)
		tm_guard_check_typed_tables(relid);
}

/* Subcommands that leave children alone; all others go on to them. */
static bool
stays_at_relation(AlterTableCmd *cmd)
{
	switch (cmd->subtype)
	{
		case AT_AttachPartition:
		case AT_DetachPartition:
		case AT_DetachPartitionFinalize:
		case AT_AddInherit:
		case AT_DropInherit:
		case AT_AddOf:
		case AT_DropOf:
		case AT_ChangeOwner:
		case AT_ClusterOn:
		case AT_DropCluster:
		case AT_SetLogged:
		case AT_SetUnLogged:
		case AT_SetAccessMethod:
		case AT_SetTableSpace:
		case AT_SetRelOptions:
		case AT_ResetRelOptions:
		case AT_ReplicaIdentity:
		case AT_EnableRowSecurity:
		case AT_DisableRowSecurity:
		case AT_ForceRowSecurity:
		case AT_NoForceRowSecurity:
		case AT_GenericOptions:
			return true;
		default:
			return false;
	}
}

/* Other relations that a subcommand names */
static void
reach_by_subcommand(AlterTableCmd *cmd, Oid relid)
{
	if (cmd->def == NULL)
		return;
	switch (nodeTag(cmd->def))
	{
		case T_RangeVar:
			(void) tm_guard_name_relation((RangeVar *) cmd->def);
			break;
		case T_PartitionCmd:
			reach_family(((PartitionCmd *) cmd->def)->name);
			if (cmd->subtype == AT_AttachPartition)
				tm_guard_check_default_partition(relid);
			break;
		case T_Constraint:
			(void) tm_guard_name_relation(((Constraint *) cmd->def)->pktable);
			break;
		default:
			break;
	}
}

/* What is said about a domain is tried on every value that there is. */
static void
reach_domain(AlterDomainStmt *stmt)
{
	Oid			typid;

	typid = LookupTypeNameOid(NULL, makeTypeNameFromNameList(stmt->typeName),
							  true);
	if (!OidIsValid(typid))
		return;
	tm_guard_check_object(TypeRelationId, typid);
	switch (stmt->subtype)
	{
		case 'T':				/* default */
		case 'N':				/* DROP NOT NULL */
		case 'X':				/* DROP CONSTRAINT */
			break;
		case 'C':				/* ADD CONSTRAINT */
			if (((Constraint *) stmt->def)->skip_validation)
				break;
			tm_guard_check_users_of_type(typid);
			break;
		default:
			tm_guard_check_users_of_type(typid);
			break;
	}
}

static void
reach_dropped(DropStmt *stmt)
{
	ListCell   *lc;

	switch (stmt->removeType)
	{
		case OBJECT_TABLE:
		case OBJECT_SEQUENCE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_INDEX:
		case OBJECT_FOREIGN_TABLE:
			foreach(lc, stmt->objects)
			{
				/* Temporary ones may be dropped, whosoever they are. */
				if (!tm_temp_object_is_named(lfirst(lc)))
					(void) tm_guard_name_changed(makeRangeVarFromNameList((List *) lfirst(lc)));
			}
			break;
		case OBJECT_SCHEMA:
			tm_guard_name_schemas(stmt->objects);
			break;
		default:
			break;
	}
}

static void
reach_published(List *objects)
{
	ListCell   *lc;

	foreach(lc, objects)
	{
		PublicationObjSpec *object = lfirst_node(PublicationObjSpec, lc);

		if (object->pubobjtype == PUBLICATIONOBJ_TABLES_IN_SCHEMA)
			(void) tm_guard_name_schema(object->name);
		else if (object->pubtable != NULL)
			reach_family(object->pubtable->relation);
	}
}

static void
reach_schema_option(List *options, const char *option)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		if (strcmp(lfirst_node(DefElem, lc)->defname, option) == 0)
			(void) tm_guard_name_schema(defGetString(lfirst_node(DefElem, lc)));
	}
}

/* An object of whatever kind, as statements name it that take any kind */
static void
reach_object(ObjectType objtype, Node *object)
{
	Relation	rel = NULL;
	ObjectAddress address;

	if (object == NULL)
		return;
	switch (objtype)
	{
		case OBJECT_DOMCONSTRAINT:
			/* RENAME gives the domain only, COMMENT both. */
			if (!IsA(linitial((List *) object), TypeName))
				object = (Node *) makeTypeNameFromNameList((List *) object);
			else
				object = linitial((List *) object);
			objtype = OBJECT_DOMAIN;
			break;
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
			if (IsA(object, List))
				object = (Node *) makeTypeNameFromNameList((List *) object);
			break;
		case OBJECT_EXTENSION:
			tm_guard_check_extension(strVal(object));
			return;
		default:
			break;
	}
	address = get_object_address(objtype, object, &rel, AccessShareLock, true);
	if (OidIsValid(address.objectId))
		tm_guard_check_object(address.classId, address.objectId);
	if (rel != NULL)
		relation_close(rel, NoLock);
}
