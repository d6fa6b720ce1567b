/*
 * guard_utility.c
 *		The guard's steps about a bound session's utility statement.
 *
 * What a statement can reach is judged before it is executed (guard_reach.c).
 * While it is executed guard_access.c listens, and in the end what has been
 * made of it is judged.
 *
 * Queries are left to the hooks for queries, except for arguments that the
 * planner never sees: those of CALL and EXECUTE, defaults and conditions of
 * COPY.  A statement that contains another one is judged as if that stood
 * alone: EXPLAIN carries out what it explains without coming by here again, and
 * so does EXECUTE within EXPLAIN.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/prepare.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "rewrite/rewriteHandler.h"
#include "utils/rel.h"

#include "binding/object_schema.h"
#include "binding/running_code.h"
#include "guard/guard.h"
#include "guard/guard_access.h"
#include "guard/guard_closure.h"
#include "guard/guard_name.h"
#include "guard/guard_query.h"
#include "guard/guard_raw.h"
#include "guard/guard_reach.h"
#include "guard/guard_utility.h"
#include "tenants/schema_owner.h"

static Node *contained_statement(Node *stmt);
static Node *utility_of_query(Node *query);
static Node *prepared_utility(const char *name);
static bool is_about_objects(Node *stmt);
static PlannedStmt *guard_arguments(PlannedStmt *pstmt);
static Node *inner_execute(Node *stmt);
static PlannedStmt *limit_vacuum(PlannedStmt *pstmt);
static void judge_stored_expressions(Node *stmt);
static void judge_domain(Node *stmt);
static Oid	schema_of_domain(Node *stmt);
static void check_copy(CopyStmt *stmt);
static bool uses_default(CopyStmt *stmt, const char *column);

void
tm_guard_before_utility(UtilityStatement *statement)
{
	Node	   *stmt;

	judge_stored_expressions(statement->pstmt->utilityStmt);
	judge_domain(statement->pstmt->utilityStmt);
	if (!tm_guard_is_on())
		return;
	statement->pstmt = guard_arguments(statement->pstmt);
	statement->pstmt = limit_vacuum(statement->pstmt);
	stmt = contained_statement(statement->pstmt->utilityStmt);
	if (!is_about_objects(stmt))
		return;

	tm_guard_access_begin();
	statement->listened = true;
	tm_guard_reach(stmt);
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

/* The utility statement that EXPLAIN will execute, or else the statement */
static Node *
contained_statement(Node *stmt)
{
	Node	   *inner;

	if (!IsA(stmt, ExplainStmt))
		return stmt;
	inner = utility_of_query(((ExplainStmt *) stmt)->query);
	if (inner != NULL && IsA(inner, ExecuteStmt))
		inner = prepared_utility(((ExecuteStmt *) inner)->name);
	return inner != NULL ? inner : stmt;
}

static Node *
utility_of_query(Node *query)
{
	return IsA(query, Query) ? ((Query *) query)->utilityStmt : NULL;
}

/* PREPARE takes queries only, but the protocol takes anything. */
static Node *
prepared_utility(const char *name)
{
	PreparedStatement *entry = FetchPreparedStatement(name, false);

	if (entry == NULL || list_length(entry->plansource->query_list) != 1)
		return NULL;
	return utility_of_query(linitial(entry->plansource->query_list));
}

/*
 * Does the statement name objects that have to be judged here?  Statements about
 * the transaction, settings and the session name none.  What EXPLAIN, EXECUTE and
 * their like contain is judged when it is executed in turn.
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
	if (IsA(stmt, ExplainStmt))
		stmt = utility_of_query(((ExplainStmt *) stmt)->query);
	if (stmt != NULL && IsA(stmt, CreateTableAsStmt))
		stmt = utility_of_query(((CreateTableAsStmt *) stmt)->query);
	if (stmt != NULL && IsA(stmt, ExecuteStmt) &&
		((ExecuteStmt *) stmt)->params != NIL)
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
			!tm_guard_family_out_of_reach(form->oid))
			rels = lappend(rels, makeVacuumRelation(NULL, form->oid, NIL));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	pstmt = copyObject(pstmt);
	stmt = (VacuumStmt *) pstmt->utilityStmt;
	stmt->rels = rels;
	return pstmt;
}

/* Statements that evaluate what tables have stored, and are no plans */
static void
judge_stored_expressions(Node *stmt)
{
	List	   *relations = NIL;
	ListCell   *lc;

	if (IsA(stmt, CopyStmt) && ((CopyStmt *) stmt)->is_from)
		relations = list_make1(((CopyStmt *) stmt)->relation);
	else if (IsA(stmt, TruncateStmt))
		relations = ((TruncateStmt *) stmt)->relations;
	else if (IsA(stmt, AlterTableStmt))
		relations = list_make1(((AlterTableStmt *) stmt)->relation);
	foreach(lc, relations)
		tm_guard_stored_expressions(RangeVarGetRelid(lfirst_node(RangeVar, lc),
													 NoLock, true));
}

/*
 * Domains are checked in more places than anybody can look at, so their
 * expressions are judged when they are made, as those of the domain's tenant.
 */
static void
judge_domain(Node *stmt)
{
	RunningCode before = tm_running_code;
	Oid			nspid;

	if (!(IsA(stmt, CreateDomainStmt) || IsA(stmt, AlterDomainStmt)) ||
		!tm_running_code_is_open())
		return;
	nspid = schema_of_domain(stmt);
	if (!OidIsValid(nspid) || !tm_schema_owner(nspid, NULL))
		return;
	tm_running_code_enter(nspid);
	PG_TRY();
	{
		tm_guard_raw_definition(stmt);
	}
	PG_FINALLY();
	{
		tm_running_code_end(&before);
	}
	PG_END_TRY();
}

static Oid
schema_of_domain(Node *stmt)
{
	char	   *name;
	Oid			typid;

	if (IsA(stmt, CreateDomainStmt))
		return QualifiedNameGetCreationNamespace(((CreateDomainStmt *) stmt)->domainname,
												 &name);
	typid = LookupTypeNameOid(NULL,
							  makeTypeNameFromNameList(((AlterDomainStmt *) stmt)->typeName),
							  true);
	return OidIsValid(typid) ? tm_object_schema(TypeRelationId, typid) : InvalidOid;
}

/*
 * COPY FROM evaluates defaults itself, and sends rows to partitions.  The
 * executor's hook judges the table.
 */
static void
check_copy(CopyStmt *stmt)
{
	Relation	rel;
	int			i;

	if (!stmt->is_from || stmt->relation == NULL)
		return;
	(void) tm_guard_name_relation(stmt->relation);
	rel = relation_openrv_extended(stmt->relation, AccessShareLock, true);
	if (rel == NULL)
		return;
	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		tm_guard_partitions(RelationGetRelid(rel));
	for (i = 0; i < RelationGetNumberOfAttributes(rel); i++)
	{
		Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(rel), i);
		Node	   *value;

		if (attr->attgenerated || attr->attisdropped ||
			!uses_default(stmt, NameStr(attr->attname)))
			continue;
		/* the name of a sequence may have to be looked up, in old dumps */
		value = build_column_default(rel, i + 1);
		if (value != NULL)
			tm_guard_kept_expression(tm_guard_fold(value));
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
