/*
 * copy_plan.c
 *		How the contents of each relation get into the clone.
 *
 * Three ways, from the fastest to the one that always works: blocks as they
 * are, blocks in which OIDs of fixed size are replaced, rows one by one.  The
 * choice is made a relation at a time and depends on facts about it only, so
 * it can be told beforehand (tenant.clone_plan).
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/tenant_mgr.h"
#include "clone/clone_lock.h"
#include "clone/closure.h"
#include "clone/copy_plan.h"
#include "clone/derived_value.h"
#include "clone/page_copy.h"
#include "clone/valuemap.h"
#include "guard/run_as.h"
#include "tenants/tenant_lock.h"

static CopyChoice make_choice(CopyMethod method, const char *reason);
static const char *own_format(Relation rel);
static bool toast_has_blocks(Relation table);
static bool has_dropped_varlena(Relation table);
static void refuse_moving_rows(Relation table, const OidMap *map);
static bool key_follows_oids(const PartitionKeyData *key, const OidMap *map);
static bool built_in_index_am(Oid amid);
static bool index_depends_on_oids(Relation index, const OidMap *map);
static bool expression_depends_on_oids(Node *node, void *map);
static bool type_of_part(Node *node, Oid *typid);
static OidMap *members_map(const Closure *closure);
static CopyMethod plan_relation(const OidMap *map, Oid relid, char relkind,
								CopyChoice *choice);
static void emit_plan(ReturnSetInfo *rsinfo, const OidMap *map,
					  const ClosureMember *member);
static int64 relation_bytes(Oid relid);

PG_FUNCTION_INFO_V1(tenant_clone_plan);

/*
 * tenant.clone_plan(source text)
 */
Datum
tenant_clone_plan(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Closure    *closure;
	OidMap	   *map;
	Oid			nspid;
	bool		is_template;

	InitMaterializedSRF(fcinfo, 0);
	nspid = tm_tenant_lock_find_source(text_to_cstring(PG_GETARG_TEXT_PP(0)),
									   &is_template);
	if (!is_template && !tm_schema_ownercheck(nspid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_SCHEMA,
					   get_namespace_name(nspid));
	closure = tm_closure_of_schema(nspid, NULL);
	map = members_map(closure);
	for (int i = 0; i < closure->nmembers; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (closure->members[i].classid == RelationRelationId)
			emit_plan(rsinfo, map, &closure->members[i]);
	}
	PG_RETURN_NULL();
}

CopyChoice
tm_copy_plan_table(Relation table, const OidMap *map)
{
	TupleDesc	tupdesc = RelationGetDescr(table);
	CopyChoice	choice = make_choice(COPY_BLOCKS, "no value depends on an OID");
	int			column;

	if (RelationGetNumberOfBlocks(table) == 0)
		return make_choice(COPY_EMPTY, "there are no rows");
	refuse_moving_rows(table, map);
	if (table->rd_rel->relam != HEAP_TABLE_AM_OID)
		return make_choice(COPY_ROWS, own_format(table));
	column = bms_next_member(tm_derived_columns(table, map), -1);
	if (column > 0)
		return make_choice(COPY_ROWS,
						   psprintf("column \"%s\" is computed from OIDs of the schema",
									NameStr(TupleDescAttr(tupdesc, column - 1)->attname)));
	if (toast_has_blocks(table))
	{
		if (has_dropped_varlena(table))
			return make_choice(COPY_ROWS,
							   "values of a dropped column are out of line");
		choice = make_choice(COPY_PATCHED, "there are values out of line");
	}

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (att->attisdropped)
		{
			if (choice.method == COPY_BLOCKS)
				choice = make_choice(COPY_PATCHED,
									 "values of a dropped column are wiped");
			continue;
		}
		if (!tm_valuemap_holds_oids(map, att->atttypid))
			continue;
		if (!tm_column_patchable(att->atttypid))
			return make_choice(COPY_ROWS,
							   psprintf("values of column \"%s\" hold OIDs of the schema",
										NameStr(att->attname)));
		choice = make_choice(COPY_PATCHED,
							 psprintf("column \"%s\" is an OID of the schema",
									  NameStr(att->attname)));
	}
	return choice;
}

CopyChoice
tm_copy_plan_index(Relation index, CopyMethod table_method, const OidMap *map)
{
	if (table_method == COPY_EMPTY)
		return make_choice(COPY_EMPTY, "there are no rows");
	if (table_method == COPY_ROWS)
		return make_choice(COPY_BUILD, "the rows get other places");
	if (tm_clone_lock == CLONE_LOCK_NONE)
		return make_choice(COPY_BUILD, "the source is not locked");
	if (index->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT)
		return make_choice(COPY_BUILD, "the index is unlogged");
	if (!built_in_index_am(index->rd_rel->relam))
		return make_choice(COPY_BUILD, own_format(index));
	if (index_depends_on_oids(index, map))
		return make_choice(COPY_BUILD, "keys are OIDs of the schema");
	return make_choice(COPY_BLOCKS, "rows keep their places");
}

const char *
tm_copy_plan_method_name(CopyMethod method)
{
	switch (method)
	{
		case COPY_EMPTY:
			return "empty";
		case COPY_POSITION:
			return "position";
		case COPY_BLOCKS:
			return "blocks";
		case COPY_PATCHED:
			return "patched blocks";
		case COPY_ROWS:
			return "rows";
		case COPY_BUILD:
			return "build";
	}
	return NULL;				/* keep compiler quiet */
}

static CopyChoice
make_choice(CopyMethod method, const char *reason)
{
	CopyChoice	choice;

	choice.method = method;
	choice.reason = reason;
	return choice;
}

static const char *
own_format(Relation rel)
{
	return psprintf("access method \"%s\" has a format of its own",
					get_am_name(rel->rd_rel->relam));
}

static bool
toast_has_blocks(Relation table)
{
	Relation	toast;
	bool		result;

	if (!OidIsValid(table->rd_rel->reltoastrelid))
		return false;
	toast = table_open(table->rd_rel->reltoastrelid, AccessShareLock);
	result = RelationGetNumberOfBlocks(toast) > 0;
	table_close(toast, AccessShareLock);
	return result;
}

static bool
has_dropped_varlena(Relation table)
{
	TupleDesc	tupdesc = RelationGetDescr(table);

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (att->attisdropped && att->attlen == -1)
			return true;
	}
	return false;
}

/*
 * A row stays in its partition.  If the partition follows from an OID that is
 * another one in the clone, the row would be where nobody looks for it.
 */
static void
refuse_moving_rows(Relation table, const OidMap *map)
{
	ListCell   *lc;

	if (!table->rd_rel->relispartition)
		return;
	foreach(lc, get_partition_ancestors(RelationGetRelid(table)))
	{
		Relation	parent = table_open(lfirst_oid(lc), AccessShareLock);
		RunAs		before;
		bool		moving;

		/* The expressions of the key are simplified, by calls of functions. */
		tm_run_as_owner(&before, parent);
		moving = key_follows_oids(RelationGetPartitionKey(parent), map);
		tm_run_as_end(&before);
		if (moving)
			ereport(ERROR,
					(errcode(ERRCODE_TENANT_NOT_CLONABLE),
					 errmsg("cannot clone the rows of table \"%s\"",
							RelationGetRelationName(parent)),
					 errdetail("The partition of a row depends on values that are OIDs of the schema, such as those of an enum type."),
					 errhint("Partition the table by other values, by list or by range, or leave out its rows.")));
		table_close(parent, NoLock);
	}
}

/* Enum values keep their order, but not what is computed from them. */
static bool
key_follows_oids(const PartitionKeyData *key, const OidMap *map)
{
	if (key->strategy == PARTITION_STRATEGY_HASH)
	{
		for (int i = 0; i < key->partnatts; i++)
		{
			if (tm_valuemap_holds_oids(map, key->parttypid[i]))
				return true;
		}
	}
	return expression_depends_on_oids((Node *) key->partexprs,
									  unconstify(OidMap *, map));
}

/* Those whose pages are known to mean the same in another file. */
static bool
built_in_index_am(Oid amid)
{
	switch (amid)
	{
		case BRIN_AM_OID:
		case BTREE_AM_OID:
		case GIN_AM_OID:
		case GIST_AM_OID:
		case HASH_AM_OID:
		case SPGIST_AM_OID:
			return true;
		default:
			return false;
	}
}

/*
 * An index may hold something else than the values, such as their hashes, so
 * it is the table's columns that count, and all that expressions are made of;
 * and the type of what it holds, which an operator class may determine.
 */
static bool
index_depends_on_oids(Relation index, const OidMap *map)
{
	Relation	table = table_open(index->rd_index->indrelid, AccessShareLock);
	TupleDesc	columns = RelationGetDescr(table);
	TupleDesc	keys = RelationGetDescr(index);
	bool		result;
	RunAs		before;

	/* To get an expression is to simplify it, by calls of its functions. */
	tm_run_as_owner(&before, table);
	result = expression_depends_on_oids((Node *) RelationGetIndexExpressions(index),
										unconstify(OidMap *, map)) ||
		expression_depends_on_oids((Node *) RelationGetIndexPredicate(index),
								   unconstify(OidMap *, map));
	tm_run_as_end(&before);
	for (int i = 0; i < index->rd_index->indnatts && !result; i++)
	{
		AttrNumber	attnum = index->rd_index->indkey.values[i];

		result = tm_valuemap_holds_oids(map, TupleDescAttr(keys, i)->atttypid) ||
			(attnum > 0 &&
			 tm_valuemap_holds_oids(map, TupleDescAttr(columns, attnum - 1)->atttypid));
	}
	table_close(table, NoLock);
	return result;
}

/* Does any part of an expression have a value that holds OIDs? */
static bool
expression_depends_on_oids(Node *node, void *map)
{
	Oid			typid;

	if (node == NULL)
		return false;
	if (!type_of_part(node, &typid) ||
		(OidIsValid(typid) && tm_valuemap_holds_oids(map, typid)))
		return true;
	return expression_tree_walker(node, expression_depends_on_oids, map);
}

/*
 * The type of a part of an expression, or InvalidOid if it is no value itself.
 * False for kinds of nodes that are not known here, of which one has to expect
 * anything.
 */
static bool
type_of_part(Node *node, Oid *typid)
{
	switch (nodeTag(node))
	{
		case T_List:
		case T_CaseWhen:
			*typid = InvalidOid;
			return true;
		case T_Var:
		case T_Const:
		case T_SubscriptingRef:
		case T_FuncExpr:
		case T_NamedArgExpr:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
		case T_BoolExpr:
		case T_FieldSelect:
		case T_FieldStore:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ConvertRowtypeExpr:
		case T_CollateExpr:
		case T_CaseExpr:
		case T_CaseTestExpr:
		case T_ArrayExpr:
		case T_RowExpr:
		case T_RowCompareExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_XmlExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_CoerceToDomain:
		case T_CoerceToDomainValue:
			*typid = exprType(node);
			return true;
		default:
			return false;
	}
}

/* Enough of a map to tell which types are the schema's own. */
static OidMap *
members_map(const Closure *closure)
{
	OidMap	   *map = tm_oidmap_create();

	for (int i = 0; i < closure->nmembers; i++)
		tm_oidmap_add(map, closure->members[i].classid,
					  closure->members[i].objid, closure->members[i].objid);
	return map;
}

/* Plan one relation by its OID; fills choice and returns the method. */
static CopyMethod
plan_relation(const OidMap *map, Oid relid, char relkind, CopyChoice *choice)
{
	Relation	rel;

	if (relkind == RELKIND_SEQUENCE)
	{
		choice->method = COPY_POSITION;
		choice->reason = "a sequence is one row";
	}
	else if (relkind == RELKIND_INDEX)
	{
		CopyChoice	table_choice;

		rel = index_open(relid, AccessShareLock);
		plan_relation(map, rel->rd_index->indrelid, RELKIND_RELATION,
					  &table_choice);
		*choice = tm_copy_plan_index(rel, table_choice.method, map);
		index_close(rel, AccessShareLock);
	}
	else
	{
		rel = table_open(relid, AccessShareLock);
		*choice = tm_copy_plan_table(rel, map);
		table_close(rel, AccessShareLock);
	}
	return choice->method;
}

/* One line of the plan; a TOAST table and its index go with their table. */
static void
emit_plan(ReturnSetInfo *rsinfo, const OidMap *map, const ClosureMember *member)
{
	CopyChoice	choice;
	Datum		values[4];
	bool		nulls[4] = {0};
	Relation	rel;
	char	   *name;

	if (!RELKIND_HAS_STORAGE(member->relkind) ||
		member->relkind == RELKIND_TOASTVALUE ||
		get_rel_namespace(member->objid) == PG_TOAST_NAMESPACE)
		return;
	/* nothing is locked yet, so it may be gone */
	rel = try_relation_open(member->objid, AccessShareLock);
	if (rel == NULL)
		return;
	name = pstrdup(RelationGetRelationName(rel));
	relation_close(rel, NoLock);

	plan_relation(map, member->objid, member->relkind, &choice);
	values[0] = CStringGetTextDatum(name);
	values[1] = CStringGetTextDatum(tm_copy_plan_method_name(choice.method));
	values[2] = CStringGetTextDatum(choice.reason);
	values[3] = Int64GetDatum(relation_bytes(member->objid));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* What would be copied: all forks, and the TOAST table with its index. */
static int64
relation_bytes(Oid relid)
{
	Oid			toast = InvalidOid;
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Datum		size;

	if (!HeapTupleIsValid(tup))
		return 0;
	toast = ((Form_pg_class) GETSTRUCT(tup))->reltoastrelid;
	ReleaseSysCache(tup);
	size = OidIsValid(toast) ?
		DirectFunctionCall1(pg_table_size, ObjectIdGetDatum(relid)) :
		DirectFunctionCall2(pg_relation_size, ObjectIdGetDatum(relid),
							CStringGetTextDatum("main"));
	return DatumGetInt64(size);
}
