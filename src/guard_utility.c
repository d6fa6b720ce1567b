/*
 * guard_utility.c
 *		What a bound session's utility statement names.
 *
 * Statements that contain a query or start one are left to the hooks for
 * queries, except for arguments that the planner never sees: those of CALL
 * and EXECUTE, defaults and conditions of COPY.
 *
 * All others are judged in three steps.  First the relations and schemas that
 * they name are looked up as the server will look them up, for those commands
 * that tell nobody what they do (LOCK, VACUUM, COMMENT, GRANT and so on), and
 * for the sake of a message that names the object.  Then guard_access.c
 * listens while the statement is executed.  When it is done, what has been
 * made of it is judged.
 *
 * A name is judged only if its schema may be used, so that a refusal does not
 * tell what the server would not tell.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_shdepend.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "parser/parse_type.h"
#include "rewrite/rewriteHandler.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "compat.h"
#include "guard.h"
#include "guard_access.h"
#include "guard_query.h"
#include "guard_utility.h"
#include "registry.h"

static bool is_about_objects(Node *stmt);
static PlannedStmt *guard_arguments(PlannedStmt *pstmt);
static Node *inner_execute(Node *stmt);
static PlannedStmt *limit_vacuum(PlannedStmt *pstmt);
static bool family_out_of_reach(Form_pg_class form);
static void check_relations_named(Node *stmt);
static void check_others_named(Node *stmt);
static void check_range_vars(List *relations);
static void check_family(RangeVar *relation);
static Oid	check_range_var(RangeVar *relation);
static void check_drop(DropStmt *stmt);
static void check_publication(List *objects);
static void check_reindex(ReindexStmt *stmt);
static void check_grant(GrantStmt *stmt);
static void check_default_privileges(AlterDefaultPrivilegesStmt *stmt);
static void check_schemas(List *names);
static void check_schema(const char *name);
static void check_address(ObjectType objtype, Node *object);
static void check_owned(List *roles);
static void check_copy(CopyStmt *stmt);
static bool uses_default(CopyStmt *stmt, const char *column);
static void check_all_tenants(void);

void
tm_guard_before_utility(UtilityStatement *statement)
{
	if (!tm_guard_is_on())
		return;
	statement->pstmt = guard_arguments(statement->pstmt);
	statement->pstmt = limit_vacuum(statement->pstmt);
	if (!is_about_objects(statement->pstmt->utilityStmt))
		return;

	check_relations_named(statement->pstmt->utilityStmt);
	tm_guard_access_begin();
	statement->listened = true;
	check_others_named(statement->pstmt->utilityStmt);
}

void
tm_guard_after_utility(UtilityStatement *statement)
{
	if (statement->listened)
		tm_guard_access_check();
}

void
tm_guard_end_utility(UtilityStatement *statement)
{
	if (statement->listened)
		tm_guard_access_end();
}

/*
 * Not so are statements about the transaction, settings and the session, and
 * those whose inside comes by again.
 */
static bool
is_about_objects(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_TransactionStmt:
		case T_VariableSetStmt:
		case T_VariableShowStmt:
		case T_DiscardStmt:
		case T_PrepareStmt:
		case T_ExecuteStmt:
		case T_DeallocateStmt:
		case T_DeclareCursorStmt:
		case T_FetchStmt:
		case T_ClosePortalStmt:
		case T_ExplainStmt:
		case T_CopyStmt:
		case T_DoStmt:
		case T_CallStmt:
		case T_ListenStmt:
		case T_NotifyStmt:
		case T_UnlistenStmt:
		case T_CheckPointStmt:
		case T_LoadStmt:
		case T_ConstraintsSetStmt:
			return false;
		default:
			return true;
	}
}

/*
 * Arguments that are evaluated without being planned.  The statement may be
 * in a cache, so a copy is changed.
 */
static PlannedStmt *
guard_arguments(PlannedStmt *pstmt)
{
	Node	   *stmt = pstmt->utilityStmt;

	if (IsA(stmt, CallStmt))
	{
		pstmt = copyObject(pstmt);
		stmt = pstmt->utilityStmt;
		tm_guard_query((Node *) ((CallStmt *) stmt)->funcexpr);
	}
	else if (IsA(stmt, CopyStmt))
	{
		check_copy((CopyStmt *) stmt);
		if (((CopyStmt *) stmt)->whereClause != NULL)
		{
			pstmt = copyObject(pstmt);
			stmt = pstmt->utilityStmt;
			tm_guard_raw_calls(((CopyStmt *) stmt)->whereClause);
		}
	}
	else if (inner_execute(stmt) != NULL)
	{
		pstmt = copyObject(pstmt);
		stmt = inner_execute(pstmt->utilityStmt);
		tm_guard_raw_calls((Node *) ((ExecuteStmt *) stmt)->params);
	}
	return pstmt;
}

/* EXECUTE with arguments, on its own or in EXPLAIN or CREATE TABLE AS */
static Node *
inner_execute(Node *stmt)
{
	Node	   *query = NULL;

	if (IsA(stmt, ExplainStmt))
		query = ((ExplainStmt *) stmt)->query;
	else if (IsA(stmt, CreateTableAsStmt))
		query = ((CreateTableAsStmt *) stmt)->query;
	if (query != NULL)
	{
		if (!IsA(query, Query) || ((Query *) query)->utilityStmt == NULL)
			return NULL;
		return inner_execute(((Query *) query)->utilityStmt);
	}
	if (IsA(stmt, ExecuteStmt) && ((ExecuteStmt *) stmt)->params != NIL)
		return stmt;
	return NULL;
}

/*
 * VACUUM and ANALYZE without a list mean all tables; for a bound session, all
 * that are within its reach.
 */
static PlannedStmt *
limit_vacuum(PlannedStmt *pstmt)
{
	VacuumStmt *stmt;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *rels = NIL;
	ListCell   *lc;

	if (!IsA(pstmt->utilityStmt, VacuumStmt) ||
		((VacuumStmt *) pstmt->utilityStmt)->rels != NIL)
		return pstmt;
	foreach(lc, ((VacuumStmt *) pstmt->utilityStmt)->options)
	{
		if (strcmp(lfirst_node(DefElem, lc)->defname,
				   "only_database_stats") == 0)
			return pstmt;
	}

	rel = table_open(RelationRelationId, AccessShareLock);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		if ((form->relkind == RELKIND_RELATION ||
			 form->relkind == RELKIND_MATVIEW ||
			 form->relkind == RELKIND_PARTITIONED_TABLE) &&
			!family_out_of_reach(form))
			rels = lappend(rels, makeVacuumRelation(NULL, form->oid, NIL));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	pstmt = copyObject(pstmt);
	stmt = (VacuumStmt *) pstmt->utilityStmt;
	stmt->rels = rels;
	return pstmt;
}

/* Is the relation, or one whose rows would be read with its own? */
static bool
family_out_of_reach(Form_pg_class form)
{
	ListCell   *lc;

	if (tm_guard_out_of_reach(NamespaceRelationId, form->relnamespace))
		return true;
	if (!form->relhassubclass)
		return false;
	foreach(lc, find_all_inheritors(form->oid, NoLock, NULL))
	{
		if (tm_guard_out_of_reach(RelationRelationId, lfirst_oid(lc)))
			return true;
	}
	return false;
}

/* Relations that a statement names */
static void
check_relations_named(Node *stmt)
{
	ListCell   *lc;

	switch (nodeTag(stmt))
	{
		case T_LockStmt:
			foreach(lc, ((LockStmt *) stmt)->relations)
				check_family(lfirst_node(RangeVar, lc));
			break;
		case T_TruncateStmt:
			check_range_vars(((TruncateStmt *) stmt)->relations);
			break;
		case T_VacuumStmt:
			foreach(lc, ((VacuumStmt *) stmt)->rels)
				check_family(lfirst_node(VacuumRelation, lc)->relation);
			break;
		case T_ClusterStmt:
			if (((ClusterStmt *) stmt)->relation == NULL)
				check_all_tenants();
			check_family(((ClusterStmt *) stmt)->relation);
			break;
		case T_ReindexStmt:
			check_reindex((ReindexStmt *) stmt);
			break;
		case T_RefreshMatViewStmt:
			(void) check_range_var(((RefreshMatViewStmt *) stmt)->relation);
			break;
		case T_IndexStmt:
			(void) check_range_var(((IndexStmt *) stmt)->relation);
			break;
		case T_CreateTrigStmt:
			(void) check_range_var(((CreateTrigStmt *) stmt)->relation);
			break;
		case T_RuleStmt:
			(void) check_range_var(((RuleStmt *) stmt)->relation);
			break;
		case T_CreatePolicyStmt:
			(void) check_range_var(((CreatePolicyStmt *) stmt)->table);
			break;
		case T_AlterPolicyStmt:
			(void) check_range_var(((AlterPolicyStmt *) stmt)->table);
			break;
		case T_CreateStatsStmt:
			foreach(lc, ((CreateStatsStmt *) stmt)->relations)
			{
				if (IsA(lfirst(lc), RangeVar))
					(void) check_range_var(lfirst(lc));
			}
			break;
		case T_AlterTableStmt:
			(void) check_range_var(((AlterTableStmt *) stmt)->relation);
			break;
		case T_RenameStmt:
			(void) check_range_var(((RenameStmt *) stmt)->relation);
			break;
		case T_AlterObjectSchemaStmt:
			(void) check_range_var(((AlterObjectSchemaStmt *) stmt)->relation);
			check_schema(((AlterObjectSchemaStmt *) stmt)->newschema);
			break;
		case T_DropStmt:
			check_drop((DropStmt *) stmt);
			break;
		case T_CreatePublicationStmt:
			check_publication(((CreatePublicationStmt *) stmt)->pubobjects);
			break;
		case T_AlterPublicationStmt:
			check_publication(((AlterPublicationStmt *) stmt)->pubobjects);
			break;
		case T_GrantStmt:
			check_grant((GrantStmt *) stmt);
			break;
		default:
			break;
	}
}

/* Other objects, looked up with the object access hook in place */
static void
check_others_named(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_CommentStmt:
			check_address(((CommentStmt *) stmt)->objtype,
						  ((CommentStmt *) stmt)->object);
			break;
		case T_SecLabelStmt:
			check_address(((SecLabelStmt *) stmt)->objtype,
						  ((SecLabelStmt *) stmt)->object);
			break;
		case T_AlterDefaultPrivilegesStmt:
			check_default_privileges((AlterDefaultPrivilegesStmt *) stmt);
			break;
		case T_DropOwnedStmt:
			check_owned(((DropOwnedStmt *) stmt)->roles);
			break;
		case T_ReassignOwnedStmt:
			check_owned(((ReassignOwnedStmt *) stmt)->roles);
			break;
		default:
			break;
	}
}

static void
check_range_vars(List *relations)
{
	ListCell   *lc;

	foreach(lc, relations)
		(void) check_range_var(lfirst_node(RangeVar, lc));
}

/* A relation, for a command that goes on to its children */
static void
check_family(RangeVar *relation)
{
	Oid			relid = check_range_var(relation);
	ListCell   *lc;

	if (!OidIsValid(relid) || !relation->inh || !has_subclass(relid))
		return;
	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
		tm_guard_check_object(RelationRelationId, lfirst_oid(lc));
}

/*
 * A relation by its name.  What is not there yet, or not any more, is judged
 * by its schema.
 */
static Oid
check_range_var(RangeVar *relation)
{
	Oid			relid;

	if (relation == NULL)
		return InvalidOid;
	if (relation->schemaname != NULL)
	{
		Oid			nspid = get_namespace_oid(relation->schemaname, true);

		if (!OidIsValid(nspid) ||
			tm_schema_aclcheck(nspid, GetUserId(), ACL_USAGE) != ACLCHECK_OK)
			return InvalidOid;
		relid = get_relname_relid(relation->relname, nspid);
		if (!OidIsValid(relid))
			tm_guard_check_object(NamespaceRelationId, nspid);
	}
	else
		relid = RangeVarGetRelid(relation, NoLock, true);
	if (OidIsValid(relid))
		tm_guard_check_object(RelationRelationId, relid);
	return relid;
}

static void
check_drop(DropStmt *stmt)
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
				(void) check_range_var(makeRangeVarFromNameList((List *) lfirst(lc)));
			break;
		case OBJECT_SCHEMA:
			check_schemas(stmt->objects);
			break;
		default:
			break;
	}
}

static void
check_publication(List *objects)
{
	ListCell   *lc;

	foreach(lc, objects)
	{
		PublicationObjSpec *object = lfirst_node(PublicationObjSpec, lc);

		if (object->pubobjtype == PUBLICATIONOBJ_TABLES_IN_SCHEMA)
			check_schema(object->name);
		else if (object->pubtable != NULL)
			(void) check_range_var(object->pubtable->relation);
	}
}

static void
check_reindex(ReindexStmt *stmt)
{
	switch (stmt->kind)
	{
		case REINDEX_OBJECT_SCHEMA:
			check_schema(stmt->name);
			break;
		case REINDEX_OBJECT_DATABASE:
			check_all_tenants();
			break;
		case REINDEX_OBJECT_SYSTEM:
			break;
		default:
			check_family(stmt->relation);
			break;
	}
}

/* GRANT and REVOKE tell no hook what they do. */
static void
check_grant(GrantStmt *stmt)
{
	ListCell   *lc;

	if (stmt->targtype == ACL_TARGET_ALL_IN_SCHEMA)
	{
		check_schemas(stmt->objects);
		return;
	}
	switch (stmt->objtype)
	{
		case OBJECT_TABLE:
		case OBJECT_SEQUENCE:
			check_range_vars(stmt->objects);
			break;
		case OBJECT_SCHEMA:
			check_schemas(stmt->objects);
			break;
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
			foreach(lc, stmt->objects)
				tm_guard_check_object(ProcedureRelationId,
									  LookupFuncWithArgs(stmt->objtype,
														 lfirst(lc), true));
			break;
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
			foreach(lc, stmt->objects)
			{
				Oid			typid;

				typid = LookupTypeNameOid(NULL,
										  makeTypeNameFromNameList(lfirst(lc)),
										  true);
				tm_guard_check_object(TypeRelationId, typid);
			}
			break;
		default:
			break;
	}
}

static void
check_default_privileges(AlterDefaultPrivilegesStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, "schemas") == 0)
			check_schemas((List *) option->arg);
	}
}

static void
check_schemas(List *names)
{
	ListCell   *lc;

	foreach(lc, names)
		check_schema(strVal(lfirst(lc)));
}

static void
check_schema(const char *name)
{
	Oid			nspid = get_namespace_oid(name, true);

	if (OidIsValid(nspid) &&
		tm_schema_aclcheck(nspid, GetUserId(), ACL_USAGE) == ACLCHECK_OK)
		tm_guard_check_object(NamespaceRelationId, nspid);
}

/* Whatever a comment or a label can be put on */
static void
check_address(ObjectType objtype, Node *object)
{
	Relation	rel = NULL;
	ObjectAddress address;

	address = get_object_address(objtype, object, &rel, AccessShareLock, true);
	if (OidIsValid(address.objectId))
		tm_guard_check_object(address.classId, address.objectId);
	if (rel != NULL)
		relation_close(rel, NoLock);
}

/*
 * DROP OWNED takes privileges away as well, of which no hook is told: look at
 * everything here that has to do with the roles.
 */
static void
check_owned(List *roles)
{
	Relation	rel = table_open(SharedDependRelationId, AccessShareLock);
	ListCell   *lc;

	foreach(lc, roles)
	{
		Oid			roleid = get_rolespec_oid(lfirst(lc), false);
		ScanKeyData keys[2];
		SysScanDesc scan;
		HeapTuple	tuple;

		ScanKeyInit(&keys[0], Anum_pg_shdepend_refclassid,
					BTEqualStrategyNumber, F_OIDEQ,
					ObjectIdGetDatum(AuthIdRelationId));
		ScanKeyInit(&keys[1], Anum_pg_shdepend_refobjid,
					BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(roleid));
		scan = systable_beginscan(rel, SharedDependReferenceIndexId, true,
								  NULL, 2, keys);
		while ((tuple = systable_getnext(scan)) != NULL)
		{
			Form_pg_shdepend form = (Form_pg_shdepend) GETSTRUCT(tuple);

			CHECK_FOR_INTERRUPTS();
			if (form->dbid == MyDatabaseId)
				tm_guard_check_object(form->classid, form->objid);
		}
		systable_endscan(scan);
	}
	table_close(rel, AccessShareLock);
}

/*
 * COPY FROM evaluates defaults itself, and sends rows to partitions.  The
 * executor's hook judges the table.
 */
static void
check_copy(CopyStmt *stmt)
{
	PlannerInfo *root = makeNode(PlannerInfo);
	Relation	rel;
	int			i;

	if (!stmt->is_from || stmt->relation == NULL)
		return;
	root->parse = makeNode(Query);
	root->glob = makeNode(PlannerGlobal);
	(void) check_range_var(stmt->relation);
	rel = relation_openrv_extended(stmt->relation, AccessShareLock, true);
	if (rel == NULL)
		return;
	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		tm_guard_partitions(RelationGetRelid(rel));
	for (i = 0; i < RelationGetNumberOfAttributes(rel); i++)
	{
		Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(rel), i);
		Node	   *value;

		if (!attr->atthasdef || attr->attgenerated || attr->attisdropped ||
			!uses_default(stmt, NameStr(attr->attname)))
			continue;
		/* the name of a sequence may have to be looked up, in old dumps */
		value = build_column_default(rel, i + 1);
		tm_guard_query(estimate_expression_value(root, value));
	}
	relation_close(rel, NoLock);
}

/*
 * Does the column's default matter to COPY FROM?  Not if a value comes for it,
 * unless there is a word that stands for the default.
 */
static bool
uses_default(CopyStmt *stmt, const char *column)
{
	ListCell   *lc;

	foreach(lc, stmt->options)
	{
		if (strcmp(lfirst_node(DefElem, lc)->defname, "default") == 0)
			return true;
	}
	return stmt->attlist != NIL &&
		!list_member(stmt->attlist, makeString(pstrdup(column)));
}

/* A command that takes no list and means everything */
static void
check_all_tenants(void)
{
	ListCell   *lc;

	foreach(lc, tm_registry_installed() ? tm_registry_list() : NIL)
	{
		TenantInfo *tenant = (TenantInfo *) lfirst(lc);

		if (OidIsValid(tenant->nspid))
			tm_guard_check_object(NamespaceRelationId, tenant->nspid);
	}
}
