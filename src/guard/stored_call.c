/*
 * stored_call.c
 *		Expressions of relations and domains that work on a sequence.
 *
 * CHECK constraints and conditions of triggers are evaluated without being
 * planned, and nextval() and its like are built in, so nobody asks.  A bound
 * session's own definitions are judged when they are made (guard_raw.c); others
 * may have been made by somebody who is bound to nothing.  So what a statement
 * writes to is looked at before it runs.
 *
 * That such an expression is there is an exception.  Relations and domains
 * without one are remembered, each in the place that its OID leads to.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "partitioning/partdesc.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/relation_news.h"
#include "guard/guard_raw.h"
#include "guard/guard_statistics.h"
#include "guard/stored_call.h"

#define N_INNOCENT	256
#define N_PARENTS	16
#define N_MARKS		65536

/* Without any; forgotten by the callbacks */
static Oid	innocent_relations[N_INNOCENT];
static Oid	innocent_parents[N_PARENTS];
static Oid	innocent_domains[N_INNOCENT];

/*
 * A bit for each partition of these parents, and perhaps for what is none.
 * Partitions do not tell their parent when they change, so parents are forgotten
 * with any of them, but not with each temporary table that somebody makes.
 */
static uint8 partition_marks[N_MARKS / BITS_PER_BYTE];

/* moves with them, for a look that began before */
static uint64 forgotten = 0;

static void register_callbacks(void);
static void forget_relation(Oid relid);
static void forget_all(Datum arg, int cacheid, uint32 hashvalue);
static void forget_parents(void);
static void mark(Oid partition);
static bool is_marked(Oid relid);
static List *calls_of_open_relation(Relation rel);
static List *calls_of_partitions(Relation rel);
static List *calls_of_type(Oid typid);
static List *calls_of_constraints(Oid typid);
static List *add_if_it_calls(List *list, const char *text);
static bool call_walker(Node *node, void *context);
static bool works_on_relation(Oid funcid, void *context);

List *
tm_stored_calls_of_relation(Oid relid)
{
	Oid		   *innocent = &innocent_relations[relid % N_INNOCENT];
	uint64		before;
	Relation	rel;
	List	   *result;

	if (*innocent == relid || innocent_parents[relid % N_PARENTS] == relid)
		return NIL;
	register_callbacks();
	before = forgotten;
	rel = try_relation_open(relid, AccessShareLock);
	if (rel == NULL)
		return NIL;
	result = calls_of_open_relation(rel);

	if (result == NIL && before == forgotten)
	{
		if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
			innocent_parents[relid % N_PARENTS] = relid;
		else
			*innocent = relid;
	}
	relation_close(rel, AccessShareLock);
	return result;
}

List *
tm_stored_calls_of_domain(Oid typid)
{
	Oid		   *innocent = &innocent_domains[typid % N_INNOCENT];
	uint64		before;
	List	   *result = NIL;
	Oid			beneath = typid;

	if (*innocent == typid || typid < FirstNormalObjectId)
		return NIL;
	register_callbacks();
	before = forgotten;
	while (get_typtype(beneath) == TYPTYPE_DOMAIN)
	{
		HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(beneath));

		if (!HeapTupleIsValid(tuple))
			break;
		result = list_concat(result, calls_of_constraints(beneath));
		beneath = ((Form_pg_type) GETSTRUCT(tuple))->typbasetype;
		ReleaseSysCache(tuple);
	}
	if (beneath != typid)
		result = list_concat(result, calls_of_type(beneath));
	if (result == NIL && before == forgotten)
		*innocent = typid;
	return result;
}

static void
register_callbacks(void)
{
	static bool registered = false;

	if (registered)
		return;
	tm_relation_news_to(forget_relation);
	CacheRegisterSyscacheCallback(CONSTROID, forget_all, (Datum) 0);
	registered = true;
}

static void
forget_relation(Oid relid)
{
	Oid		   *innocent = &innocent_relations[relid % N_INNOCENT];

	forgotten++;
	if (!OidIsValid(relid))
		memset(innocent_relations, 0, sizeof(innocent_relations));
	else if (*innocent == relid)
		*innocent = InvalidOid;
	if (!OidIsValid(relid) || innocent_parents[relid % N_PARENTS] == relid ||
		is_marked(relid))
		forget_parents();
}

/* A constraint has come or gone, perhaps one of a domain. */
static void
forget_all(Datum arg, int cacheid, uint32 hashvalue)
{
	forgotten++;
	memset(innocent_relations, 0, sizeof(innocent_relations));
	memset(innocent_domains, 0, sizeof(innocent_domains));
	forget_parents();
}

static void
forget_parents(void)
{
	memset(innocent_parents, 0, sizeof(innocent_parents));
	memset(partition_marks, 0, sizeof(partition_marks));
}

static void
mark(Oid partition)
{
	Oid			bit = partition % N_MARKS;

	partition_marks[bit / BITS_PER_BYTE] |= 1 << bit % BITS_PER_BYTE;
}

static bool
is_marked(Oid relid)
{
	Oid			bit = relid % N_MARKS;

	return (partition_marks[bit / BITS_PER_BYTE] &
			1 << bit % BITS_PER_BYTE) != 0;
}

static List *
calls_of_open_relation(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);
	TriggerDesc *triggers = rel->trigdesc;
	List	   *result = NIL;

	for (int i = 0; desc->constr != NULL && i < desc->constr->num_check; i++)
		result = add_if_it_calls(result, desc->constr->check[i].ccbin);
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		result = add_if_it_calls(result, triggers->triggers[i].tgqual);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (!column->attisdropped)
			result = list_concat(result, calls_of_type(column->atttypid));
	}
	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		result = list_concat(result, calls_of_partitions(rel));
	return result;
}

static List *
calls_of_partitions(Relation rel)
{
	PartitionDesc desc = RelationGetPartitionDesc(rel, true);
	List	   *result = NIL;

	check_stack_depth();
	for (int i = 0; i < desc->nparts; i++)
	{
		mark(desc->oids[i]);
		result = list_concat(result,
							 tm_stored_calls_of_relation(desc->oids[i]));
	}
	return result;
}

/* Values of an array are checked one by one. */
static List *
calls_of_type(Oid typid)
{
	Oid			element;

	if (typid < FirstNormalObjectId)
		return NIL;
	element = get_element_type(typid);
	if (OidIsValid(element))
		typid = element;
	return get_typtype(typid) == TYPTYPE_DOMAIN ?
		tm_stored_calls_of_domain(typid) : NIL;
}

static List *
calls_of_constraints(Oid typid)
{
	Relation	rel = table_open(ConstraintRelationId, AccessShareLock);
	List	   *result = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_constraint_contypid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(typid));
	scan = systable_beginscan(rel, ConstraintTypidIndexId, true, NULL, 1, &key);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		bool		isnull;
		Datum		conbin = heap_getattr(tuple, Anum_pg_constraint_conbin,
										  RelationGetDescr(rel), &isnull);

		if (!isnull)
			result = add_if_it_calls(result, TextDatumGetCString(conbin));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

static List *
add_if_it_calls(List *list, const char *text)
{
	Node	   *node = text == NULL ? NULL : stringToNode(text);

	return call_walker(node, NULL) ? lappend(list, node) : list;
}

static bool
call_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return check_functions_in_node(node, works_on_relation, NULL) ||
		expression_tree_walker(node, call_walker, context);
}

static bool
works_on_relation(Oid funcid, void *context)
{
	return tm_guard_works_on_relation(funcid) || tm_guard_is_statistics(funcid);
}
