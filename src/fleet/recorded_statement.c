/*
 * recorded_statement.c
 *		Which statements of a session that records are kept, and how.
 *
 * Kept is what the client has sent, as it has sent it: its text, and the values
 * of its parameters as texts.  What functions, triggers and DO blocks execute in
 * turn comes with it.  A statement of the client's is told from theirs by its
 * text, which is that of the portal at work and that which the client has sent
 * last.  EXECUTE stands for the statement that was prepared.
 *
 * It is kept if it changes something for some tenant, even if not for this one:
 * INSERT, UPDATE, DELETE and MERGE whether there are rows or not, for a template
 * is mostly empty; SELECT that calls a volatile function of somebody's; DO, CALL
 * and all that the server counts as data definition.  Temporary objects are the
 * session's own and are left out, so nothing that is kept may read them.  What
 * is about something outside of the tenant's schema would be repeated by each of
 * the others, and is refused.
 *
 * Plans are kept before they are executed, for a query may be fetched from until
 * its transaction ends; utility statements are kept afterwards, for some of them
 * end transactions themselves.  An error undoes it in any case.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include <ctype.h>

#include "access/parallel.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/params.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "parser/scansup.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/portal.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/own_schema.h"
#include "base/tenant_mgr.h"
#include "fleet/recorded_statement.h"
#include "fleet/recording.h"
#include "fleet/statement_refusal.h"
#include "fleet/statement_text.h"

/* What a plan works on */
typedef struct PlanTargets
{
	bool		inside;			/* tables of the tenant's are changed */
	bool		temporary;		/* temporary tables are read */
	Oid			outside;		/* a table elsewhere that is changed */
} PlanTargets;

/*
 * Is a utility statement of the client's at work, does it execute a prepared
 * one, or explain it, and which kind is it if the result of a query is all that it
 * is about, or NULL?  Written by before and end.
 */
static bool in_utility = false;
static bool executes_prepared = false;
static bool explains_prepared = false;
static const char *shows_query = NULL;

static bool shows_result(Node *stmt);
static bool makes_shown(Node *stmt);
static void refuse_shown(void);
static bool is_clients(const QueryDesc *queryDesc);
static bool changes_something(const PlannedStmt *pstmt);
static bool plan_is_volatile(Plan *plan);
static bool plans_are_volatile(List *plans);
static bool volatile_walker(Node *node, void *context);
static bool acts(Oid funcid, void *context);
static PlanTargets targets_of(const PlannedStmt *pstmt, Oid nspid);
static void refuse_outside(Oid relid, Oid nspid);
static void refuse_temporary(const char *what);
static RecordedEffect effect_of(const PlannedStmt *pstmt);
static void fill_parameters(MigrationStatement *statement,
							ParamListInfo params);
static void set_for_output(const char *name, const char *value);
static bool is_kept(Node *stmt);
static bool is_no_op(Node *stmt);
static bool is_temporary(Node *stmt);
static bool executes(Node *stmt);
static void refuse_foreign_target(Node *stmt, Oid nspid);
static void refuse_qualified(const char *schema, const char *name, Oid nspid);
static const char *without_schema(const char *text, Oid nspid);
static const RangeVar *qualified_target(const char *text);
static const char *after_identifier(const char *name);
static List *relations_of(Node *stmt);
static bool drops_relations(ObjectType type);
static List *names_of(Node *stmt);

void
tm_record_plan(QueryDesc *queryDesc)
{
	const PlannedStmt *pstmt = queryDesc->plannedstmt;
	MigrationStatement statement = {0};
	RecordedEffect effect;
	PlanTargets targets;
	Oid			nspid;

	if (IsParallelWorker() || RecoveryInProgress() ||
		!is_clients(queryDesc) || !changes_something(pstmt))
		return;
	executes_prepared = false;
	statement.text = tm_statement_part(queryDesc->sourceText,
									   pstmt->stmt_location, pstmt->stmt_len);
	if (pg_strncasecmp(statement.text, "prepare", 7) == 0)
		statement.text = tm_statement_of_prepare(statement.text);

	targets = targets_of(pstmt, InvalidOid);
	if (pstmt->resultRelations != NIL && !targets.inside)
		return;					/* nothing but temporary tables */
	if (shows_query != NULL)
		refuse_shown();
	nspid = tm_recording_open(NULL);
	targets = targets_of(pstmt, nspid);
	if (OidIsValid(targets.outside))
		refuse_outside(targets.outside, nspid);
	if (targets.temporary)
		refuse_temporary(_("It uses a temporary table."));
	tm_statement_refuse_schema(statement.text, nspid);
	fill_parameters(&statement, queryDesc->params);
	effect = effect_of(pstmt);
	tm_recording_keep(&statement, &effect);
}

void
tm_record_before_utility(UtilityStatement *statement, const char *query,
						 ProcessUtilityContext context)
{
	Node	   *stmt = statement->pstmt->utilityStmt;
	const char *text;
	Oid			nspid;

	/* Nothing can be changed on a standby, which the server says itself. */
	if (!tm_recording_is_on() || context != PROCESS_UTILITY_TOPLEVEL ||
		in_utility || RecoveryInProgress())
		return;
	if (IsA(stmt, TransactionStmt))
	{
		if (castNode(TransactionStmt, stmt)->kind == TRANS_STMT_ROLLBACK &&
			!IsAbortedTransactionBlockState())
			tm_recording_note_rollback();
		return;
	}
	in_utility = statement->records = true;
	executes_prepared = IsA(stmt, ExecuteStmt);
	if (!is_kept(stmt) && shows_result(stmt))
	{
		shows_query = CreateCommandName(stmt);
		explains_prepared = IsA(stmt, ExplainStmt) &&
			executes(castNode(ExplainStmt, stmt)->query);
		if (makes_shown(stmt))
			refuse_shown();
	}
	if (!is_kept(stmt) || is_no_op(stmt) || is_temporary(stmt))
		return;
	tm_statement_refuse_unrepeatable(stmt);
	text = tm_statement_part(query, statement->pstmt->stmt_location,
							 statement->pstmt->stmt_len);

	nspid = tm_recording_open(NULL);
	text = without_schema(text, nspid);

	tm_statement_refuse_schema(text, nspid);
	refuse_foreign_target(stmt, nspid);
	statement->record_alone = tm_statement_is_alone(stmt);
	statement->record_lxid = tm_local_transaction_id();
	statement->record_runs_code = IsA(stmt, DoStmt) || IsA(stmt, CallStmt);
	statement->record = text;
}

void
tm_record_after_utility(UtilityStatement *statement)
{
	MigrationStatement kept = {0};
	RecordedEffect effect = {0};

	if (statement->record == NULL)
		return;
	kept.text = unconstify(char *, statement->record);
	/* One that has ended transactions cannot be executed within another. */
	effect.alone = statement->record_alone ||
		statement->record_lxid != tm_local_transaction_id();
	effect.deferrable = effect.deferred = statement->record_runs_code;
	tm_recording_keep(&kept, &effect);
}

void
tm_record_end_utility(UtilityStatement *statement)
{
	if (statement->records)
	{
		in_utility = executes_prepared = explains_prepared = false;
		shows_query = NULL;
	}
}

/* Does it execute a query for its result, and have no other effect? */
static bool
shows_result(Node *stmt)
{
	ListCell   *lc;

	if (IsA(stmt, ExplainStmt))
	{
		foreach(lc, castNode(ExplainStmt, stmt)->options)
		{
			DefElem    *option = lfirst_node(DefElem, lc);

			if (strcmp(option->defname, "analyze") == 0)
				return defGetBoolean(option);
		}
		return false;
	}
	return (IsA(stmt, CopyStmt) && !castNode(CopyStmt, stmt)->is_from) ||
		IsA(stmt, DeclareCursorStmt);
}

/* Does it make a table of the result, which no plan tells of? */
static bool
makes_shown(Node *stmt)
{
	Node	   *query = IsA(stmt, ExplainStmt) ?
		castNode(ExplainStmt, stmt)->query : NULL;

	if (query != NULL && IsA(query, Query))
		query = castNode(Query, query)->utilityStmt;
	return query != NULL && IsA(query, CreateTableAsStmt);
}

/* What it is executed for cannot be repeated, and would hide what it does. */
static void
refuse_shown(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot record %s of a query that changes something",
					shows_query),
			 errhint("Execute the query by itself.")));
}

/*
 * Is it the client's own, or what EXECUTE stands for, and not a part of what it
 * brings about?  Of an EXECUTE that is explained the text is that of PREPARE; as it
 * is not kept, what it brings about may count as well.
 */
static bool
is_clients(const QueryDesc *queryDesc)
{
	if (ActivePortal == NULL || debug_query_string == NULL)
		return false;
	if (explains_prepared)
		return true;
	if (queryDesc->sourceText != ActivePortal->sourceText)
		return false;
	if (in_utility)
		return executes_prepared || shows_query != NULL;
	return strcmp(queryDesc->sourceText, debug_query_string) == 0;
}

static bool
changes_something(const PlannedStmt *pstmt)
{
	return pstmt->commandType != CMD_SELECT || pstmt->hasModifyingCTE ||
		plan_is_volatile(pstmt->planTree) ||
		plans_are_volatile(pstmt->subplans);
}

/*
 * Look for functions that act in a plan tree.  They stand in what a query
 * returns or has as its source; a condition that acts is a rarity.
 */
static bool
plan_is_volatile(Plan *plan)
{
	List	   *children = NIL;

	if (plan == NULL)
		return false;
	check_stack_depth();
	if (volatile_walker((Node *) plan->targetlist, NULL) ||
		volatile_walker((Node *) plan->qual, NULL))
		return true;
	if (IsA(plan, FunctionScan) &&
		volatile_walker((Node *) ((FunctionScan *) plan)->functions, NULL))
		return true;
	if (IsA(plan, ValuesScan) &&
		volatile_walker((Node *) ((ValuesScan *) plan)->values_lists, NULL))
		return true;
	if (IsA(plan, SubqueryScan))
		children = list_make1(((SubqueryScan *) plan)->subplan);
	else if (IsA(plan, Append))
		children = ((Append *) plan)->appendplans;
	else if (IsA(plan, MergeAppend))
		children = ((MergeAppend *) plan)->mergeplans;
	return plans_are_volatile(children) || plan_is_volatile(plan->lefttree) ||
		plan_is_volatile(plan->righttree);
}

static bool
plans_are_volatile(List *plans)
{
	ListCell   *lc;

	foreach(lc, plans)
	{
		if (plan_is_volatile(lfirst(lc)))
			return true;
	}
	return false;
}

static bool
volatile_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, NextValueExpr) || check_functions_in_node(node, acts, NULL))
		return true;
	if (IsA(node, RangeTblFunction))
		return volatile_walker(((RangeTblFunction *) node)->funcexpr, context);
	return expression_tree_walker(node, volatile_walker, context);
}

/*
 * Volatile functions of the server do nothing to tables, but for those about
 * sequences and large objects; ours say themselves what becomes of them.
 */
static bool
acts(Oid funcid, void *context)
{
	static const Oid of_server[] = {
		F_NEXTVAL, F_SETVAL_REGCLASS_INT8, F_SETVAL_REGCLASS_INT8_BOOL,
		F_LO_CREAT, F_LO_CREATE, F_LO_FROM_BYTEA, F_LO_PUT, F_LO_UNLINK,
		F_LOWRITE
	};

	if (funcid >= FirstNormalObjectId)
		return func_volatile(funcid) == PROVOLATILE_VOLATILE &&
			get_func_namespace(funcid) != tm_own_schema();
	for (int i = 0; i < (int) lengthof(of_server); i++)
	{
		if (funcid == of_server[i])
			return true;
	}
	return false;
}

/* What it reads and changes; without a schema, of which nothing is outside. */
static PlanTargets
targets_of(const PlannedStmt *pstmt, Oid nspid)
{
	PlanTargets targets = {0};
	ListCell   *lc;

	foreach(lc, pstmt->rtable)
	{
		const RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		bool		changed = list_member_int(pstmt->resultRelations,
											  foreach_current_index(lc) + 1);

		if (rte->rtekind != RTE_RELATION)
			continue;
		if (get_rel_persistence(rte->relid) == RELPERSISTENCE_TEMP)
			targets.temporary = true;
		else if (changed)
		{
			targets.inside = true;
			if (OidIsValid(nspid) && get_rel_namespace(rte->relid) != nspid)
				targets.outside = rte->relid;
		}
	}
	return targets;
}

static void
refuse_outside(Oid relid, Oid nspid)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot record a change of table \"%s.%s\"",
					get_namespace_name(get_rel_namespace(relid)),
					get_rel_name(relid)),
			 errdetail("It is not in schema \"%s\": each other tenant would change it once more.",
					   get_namespace_name(nspid)),
			 errhint("Change what tenants share once, in a session that does not record.")));
}

static void
refuse_temporary(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot record a statement that depends on a temporary object"),
			 errdetail_internal("%s", what),
			 errhint("Use a table of the tenant's and drop it afterwards, or WITH.")));
}

/* May it leave something to be done at the end of the transaction? */
static RecordedEffect
effect_of(const PlannedStmt *pstmt)
{
	RecordedEffect effect = {0};
	ListCell   *lc;

	/* Nobody knows what functions have changed. */
	if (pstmt->resultRelations == NIL)
		effect.deferrable = effect.deferred = true;
	foreach(lc, pstmt->resultRelations)
	{
		Relation	rel = table_open(rt_fetch(lfirst_int(lc),
											  pstmt->rtable)->relid, NoLock);
		TriggerDesc *triggers = rel->trigdesc;

		for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		{
			effect.deferrable |= triggers->triggers[i].tgdeferrable;
			effect.deferred |= triggers->triggers[i].tginitdeferred;
		}
		table_close(rel, NoLock);
	}
	return effect;
}

/*
 * The values as the client has given them, under the names of their types.  With
 * fewer digits, or the names of time zones, they would be others when they are read
 * again.
 */
static void
fill_parameters(MigrationStatement *statement, ParamListInfo params)
{
	int			nestlevel;

	if (params == NULL || params->numParams == 0)
		return;
	nestlevel = NewGUCNestLevel();
	set_for_output("extra_float_digits", "1");
	set_for_output("DateStyle", "ISO");
	statement->nparams = params->numParams;
	statement->types = palloc0(sizeof(char *) * params->numParams);
	statement->values = palloc0(sizeof(char *) * params->numParams);
	for (int i = 0; i < params->numParams; i++)
	{
		ParamExternData buffer;
		const ParamExternData *param = params->paramFetch != NULL ?
			params->paramFetch(params, i + 1, false, &buffer) :
			&params->params[i];
		Oid			output;
		bool		is_varlena;

		/* One that the statement does not use */
		if (!OidIsValid(param->ptype))
		{
			statement->types[i] = pstrdup("text");
			continue;
		}
		statement->types[i] = format_type_be(param->ptype);
		if (param->isnull)
			continue;
		getTypeOutputInfo(param->ptype, &output, &is_varlena);
		statement->values[i] = OidOutputFunctionCall(output, param->value);
	}
	AtEOXact_GUC(false, nestlevel);
}

static void
set_for_output(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/* Does it change something, by what kind of statement it is? */
static bool
is_kept(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_PrepareStmt:
		case T_ExecuteStmt:
		case T_ExplainStmt:
			return false;
		case T_DoStmt:
		case T_CallStmt:
			return true;
		case T_ConstraintsSetStmt:
			return IsTransactionBlock();	/* means nothing elsewhere */
		default:
			return GetCommandLogLevel(stmt) != LOGSTMT_ALL;
	}
}

/* What tenants share and is there already */
static bool
is_no_op(Node *stmt)
{
	if (IsA(stmt, CreateExtensionStmt))
		return castNode(CreateExtensionStmt, stmt)->if_not_exists &&
			OidIsValid(get_extension_oid(castNode(CreateExtensionStmt,
												  stmt)->extname, true));
	if (IsA(stmt, CreateSchemaStmt))
	{
		const CreateSchemaStmt *create = castNode(CreateSchemaStmt, stmt);

		return create->if_not_exists && create->schemaname != NULL &&
			OidIsValid(get_namespace_oid(create->schemaname, true));
	}
	return false;
}

/* Is it about temporary relations only? */
static bool
is_temporary(Node *stmt)
{
	List	   *relations = relations_of(stmt);
	ListCell   *lc;

	foreach(lc, relations)
	{
		const RangeVar *relation = lfirst_node(RangeVar, lc);
		Oid			relid;

		if (relation->relpersistence == RELPERSISTENCE_TEMP ||
			(relation->schemaname != NULL &&
			 strcmp(relation->schemaname, "pg_temp") == 0))
			continue;
		relid = RangeVarGetRelid(relation, NoLock, true);
		if (!OidIsValid(relid) ||
			get_rel_persistence(relid) != RELPERSISTENCE_TEMP)
			return false;
	}
	return relations != NIL;
}

/* Is it EXECUTE, analyzed or not? */
static bool
executes(Node *stmt)
{
	if (IsA(stmt, Query))
		stmt = castNode(Query, stmt)->utilityStmt;
	return stmt != NULL && IsA(stmt, ExecuteStmt);
}

/* What is created, changed or dropped is in the tenant's schema. */
static void
refuse_foreign_target(Node *stmt, Oid nspid)
{
	bool		creates = IsA(stmt, CreateStmt) || IsA(stmt, ViewStmt) ||
		IsA(stmt, CreateSeqStmt) || IsA(stmt, CreateTableAsStmt) ||
		IsA(stmt, CreateForeignTableStmt) || IsA(stmt, CompositeTypeStmt);
	ListCell   *lc;

	if (IsA(stmt, CreateTableAsStmt) &&
		executes(castNode(CreateTableAsStmt, stmt)->query))
		refuse_temporary(_("It executes a prepared statement."));
	foreach(lc, relations_of(stmt))
	{
		const RangeVar *relation = lfirst_node(RangeVar, lc);
		Oid			relid = creates ? InvalidOid :
			RangeVarGetRelid(relation, NoLock, true);

		if (OidIsValid(relid) && get_rel_namespace(relid) != nspid)
			refuse_outside(relid, nspid);
		if (creates && relation->schemaname != NULL)
			refuse_qualified(relation->schemaname, relation->relname, nspid);
	}
	if (list_length(names_of(stmt)) > 1)
		refuse_qualified(strVal(linitial(names_of(stmt))),
						 strVal(llast(names_of(stmt))), nspid);
}

static void
refuse_qualified(const char *schema, const char *name, Oid nspid)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot record a change of \"%s.%s\"", schema, name),
			 errdetail("It is not in schema \"%s\": each other tenant would change it once more.",
					   get_namespace_name(nspid)),
			 errhint("Change what tenants share once, in a session that does not record.")));
}

/*
 * Some frameworks give the one relation that they change the name of its schema,
 * which they have read in the catalogs.  It is left out if that is the tenant's, and
 * the search path finds the same relation without it.
 */
static const char *
without_schema(const char *text, Oid nspid)
{
	const RangeVar *target = qualified_target(text);
	const char *rest;
	RangeVar	plain;
	Oid			relid;

	if (target == NULL || get_namespace_oid(target->schemaname, true) != nspid)
		return text;

	plain = *target;
	plain.schemaname = NULL;
	relid = RangeVarGetRelid(target, NoLock, true);
	if (!OidIsValid(relid) || RangeVarGetRelid(&plain, NoLock, true) != relid)
		return text;

	rest = after_identifier(text + target->location);
	while (scanner_isspace(*rest))
		rest++;
	if (*rest != '.')
		return text;			/* a comment, or a name in escapes */

	return psprintf("%.*s%s", target->location, text, rest + 1);
}

/* The relation that it is about, if it is one, and its place in the text known. */
static const RangeVar *
qualified_target(const char *text)
{
	List	   *parsed = raw_parser(text, RAW_PARSE_DEFAULT);
	List	   *relations = relations_of(linitial_node(RawStmt, parsed)->stmt);
	const RangeVar *target;

	if (list_length(relations) != 1)
		return NULL;
	target = linitial_node(RangeVar, relations);
	return target->schemaname != NULL && target->catalogname == NULL &&
		target->location >= 0 ? target : NULL;
}

static const char *
after_identifier(const char *name)
{
	if (*name != '"')
	{
		while (IS_HIGHBIT_SET(*name) || isalnum((unsigned char) *name) ||
			   *name == '_' || *name == '$')
			name++;
		return name;
	}
	do
	{
		name = strchr(name + 1, '"') + 1;
	} while (*name == '"');
	return name;
}

/* The relations that it is about, a list of RangeVar; NIL if it is not known. */
static List *
relations_of(Node *stmt)
{
	RangeVar   *relation = NULL;
	List	   *relations = NIL;
	ListCell   *lc;

	switch (nodeTag(stmt))
	{
		case T_CreateStmt:
			relation = castNode(CreateStmt, stmt)->relation;
			break;
		case T_CreateForeignTableStmt:
			relation = ((CreateForeignTableStmt *) stmt)->base.relation;
			break;
		case T_CreateTableAsStmt:
			relation = castNode(CreateTableAsStmt, stmt)->into->rel;
			break;
		case T_ViewStmt:
			relation = castNode(ViewStmt, stmt)->view;
			break;
		case T_CreateSeqStmt:
			relation = castNode(CreateSeqStmt, stmt)->sequence;
			break;
		case T_AlterSeqStmt:
			relation = castNode(AlterSeqStmt, stmt)->sequence;
			break;
		case T_CompositeTypeStmt:
			relation = castNode(CompositeTypeStmt, stmt)->typevar;
			break;
		case T_AlterTableStmt:
			relation = castNode(AlterTableStmt, stmt)->relation;
			break;
		case T_IndexStmt:
			relation = castNode(IndexStmt, stmt)->relation;
			break;
		case T_RenameStmt:
			relation = castNode(RenameStmt, stmt)->relation;
			break;
		case T_CreateTrigStmt:
			relation = castNode(CreateTrigStmt, stmt)->relation;
			break;
		case T_RuleStmt:
			relation = castNode(RuleStmt, stmt)->relation;
			break;
		case T_CreatePolicyStmt:
			relation = castNode(CreatePolicyStmt, stmt)->table;
			break;
		case T_AlterPolicyStmt:
			relation = castNode(AlterPolicyStmt, stmt)->table;
			break;
		case T_RefreshMatViewStmt:
			relation = castNode(RefreshMatViewStmt, stmt)->relation;
			break;
		case T_ClusterStmt:
			relation = castNode(ClusterStmt, stmt)->relation;
			break;
		case T_CopyStmt:
			relation = castNode(CopyStmt, stmt)->relation;
			break;
		case T_GrantStmt:
			if (castNode(GrantStmt, stmt)->targtype == ACL_TARGET_OBJECT &&
				(castNode(GrantStmt, stmt)->objtype == OBJECT_TABLE ||
				 castNode(GrantStmt, stmt)->objtype == OBJECT_SEQUENCE))
				relations = castNode(GrantStmt, stmt)->objects;
			break;
		case T_TruncateStmt:
			relations = castNode(TruncateStmt, stmt)->relations;
			break;
		case T_DropStmt:
			if (!drops_relations(castNode(DropStmt, stmt)->removeType))
				break;
			foreach(lc, castNode(DropStmt, stmt)->objects)
				relations = lappend(relations,
									makeRangeVarFromNameList(lfirst(lc)));
			break;
		default:
			break;
	}
	return relation != NULL ? list_make1(relation) : relations;
}

static bool
drops_relations(ObjectType type)
{
	return type == OBJECT_TABLE || type == OBJECT_VIEW ||
		type == OBJECT_MATVIEW || type == OBJECT_INDEX ||
		type == OBJECT_SEQUENCE || type == OBJECT_FOREIGN_TABLE;
}

/* The name of what else it creates or changes, a list of its parts. */
static List *
names_of(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_CreateFunctionStmt:
			return castNode(CreateFunctionStmt, stmt)->funcname;
		case T_CreateEnumStmt:
			return castNode(CreateEnumStmt, stmt)->typeName;
		case T_AlterEnumStmt:
			return castNode(AlterEnumStmt, stmt)->typeName;
		case T_CreateDomainStmt:
			return castNode(CreateDomainStmt, stmt)->domainname;
		case T_CreateRangeStmt:
			return castNode(CreateRangeStmt, stmt)->typeName;
		case T_DefineStmt:
			return castNode(DefineStmt, stmt)->defnames;
		default:
			return NIL;
	}
}
