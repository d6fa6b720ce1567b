/*
 * remap_texts.c
 *		Texts that the server derives from expressions.
 *
 * The default of a domain is stored twice, as an expression and as the text
 * that the information schema shows.  The text can be spelled out only when
 * the clone's objects are visible.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "clone/remap.h"

static void refresh_domain_default(Relation rel, Oid typid);

void
tm_remap_note_domain(CloneState *state, Relation rel, HeapTuple source, HeapTuple copy)
{
	TupleDesc	tupdesc = RelationGetDescr(rel);
	bool		isnull;
	Datum		before;
	Datum		after;

	before = heap_getattr(source, Anum_pg_type_typdefaultbin, tupdesc, &isnull);
	if (isnull)
		return;
	after = heap_getattr(copy, Anum_pg_type_typdefaultbin, tupdesc, &isnull);
	if (strcmp(TextDatumGetCString(before), TextDatumGetCString(after)) != 0)
		state->domains = lappend_oid(state->domains,
									 ((Form_pg_type) GETSTRUCT(copy))->oid);
}

void
tm_remap_refresh_texts(CloneState *state)
{
	Relation	rel;
	ListCell   *lc;

	if (state->domains == NIL)
		return;
	rel = table_open(TypeRelationId, RowExclusiveLock);
	foreach(lc, state->domains)
		refresh_domain_default(rel, lfirst_oid(lc));
	table_close(rel, RowExclusiveLock);
}

static void
refresh_domain_default(Relation rel, Oid typid)
{
	HeapTuple	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(typid));
	Datum		values[Natts_pg_type] = {0};
	bool		nulls[Natts_pg_type] = {0};
	bool		replaces[Natts_pg_type] = {0};
	HeapTuple	newtup;
	bool		isnull;
	Datum		tree;
	char	   *spelled;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for type %u", typid);
	tree = SysCacheGetAttr(TYPEOID, tup, Anum_pg_type_typdefaultbin, &isnull);
	Assert(!isnull);
	spelled = deparse_expression(stringToNode(TextDatumGetCString(tree)),
								 NIL, false, false);
	values[Anum_pg_type_typdefault - 1] = CStringGetTextDatum(spelled);
	replaces[Anum_pg_type_typdefault - 1] = true;
	newtup = heap_modify_tuple(tup, RelationGetDescr(rel), values, nulls,
							   replaces);
	CatalogTupleUpdate(rel, &newtup->t_self, newtup);
	ReleaseSysCache(tup);
}
