/*
 * remap_row.c
 *		One catalog row for the clone.
 *
 * Two kinds of change come together here.  The general one follows the rules
 * of the catalog (catalog_rules.c): OIDs that the map knows, expressions,
 * privileges.  Most rows need nothing else, and most of their columns have a
 * fixed place, so those are overwritten in a plain copy of the row; only when
 * a column of variable width has to change is the row taken apart.
 *
 * The special one is about facts that are derived from an OID or that are
 * simply different in the clone: names of TOAST tables and of internal
 * triggers, file numbers, freeze horizons.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/multixact.h"
#include "access/transam.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/tenant_mgr.h"
#include "clone/clone_lock.h"
#include "clone/function_settings.h"
#include "clone/nodetree.h"
#include "clone/remap_roles.h"
#include "clone/remap_row.h"
#include "clone/valuemap.h"

static bool any_variable_column(const CatalogRules *rules, HeapTuple row);
static HeapTuple remap_variable(CloneState *state, Relation catalog,
								const CatalogRules *rules, HeapTuple row,
								MemoryContext scratch);
static bool remap_column(CloneState *state, const ColumnRule *rule,
						 Datum *value);
static void refuse_node(CloneState *state, int tag);
static Datum remap_oid_array(const OidMap *map, Oid refclass, Datum value);
static void leave_out_doubles(ArrayType *array);
static void adjust_row(CloneState *state, Oid catalog, HeapTuple source,
					   HeapTuple copy);
static void adjust_class(CloneState *state, Form_pg_class form, Oid source);
static void adjust_class_rows(Form_pg_class form, bool verbatim,
							  bool with_rows);
static void note_relation(CloneState *state, Form_pg_class form,
						  ClosureMember *member, Oid source_file);
static void adjust_trigger(CloneState *state, Form_pg_trigger form,
						   Form_pg_trigger source);
static void refuse_outside_trigger(CloneState *state, Form_pg_trigger source);

HeapTuple
tm_remap_row(CloneState *state, Relation catalog, const CatalogRules *rules,
			 HeapTuple row, MemoryContext scratch)
{
	HeapTuple	copy;

	if (any_variable_column(rules, row))
		copy = remap_variable(state, catalog, rules, row, scratch);
	else
		copy = heap_copytuple(row);

	for (int i = 0; i < rules->nfixed; i++)
	{
		const ColumnRule *rule = &rules->fixed[i];
		Oid		   *column = (Oid *) ((char *) GETSTRUCT(copy) + rule->offset);

		*column = tm_oidmap_translate(state->map, rule->refclass, *column);
	}
	adjust_row(state, RelationGetRelid(catalog), row, copy);
	return copy;
}

/* Does the row hold anything that the variable rules apply to? */
static bool
any_variable_column(const CatalogRules *rules, HeapTuple row)
{
	for (int i = 0; i < rules->nvariable; i++)
	{
		if (!heap_attisnull(row, rules->variable[i].attno, NULL))
			return true;
	}
	return false;
}

/* Take the row apart, change its columns of variable width, and rebuild it. */
static HeapTuple
remap_variable(CloneState *state, Relation catalog, const CatalogRules *rules,
			   HeapTuple row, MemoryContext scratch)
{
	TupleDesc	tupdesc = RelationGetDescr(catalog);
	MemoryContext result_context = MemoryContextSwitchTo(scratch);
	Datum	   *values = palloc(sizeof(Datum) * tupdesc->natts);
	bool	   *nulls = palloc(sizeof(bool) * tupdesc->natts);
	bool		changed = false;
	HeapTuple	copy;

	heap_deform_tuple(row, tupdesc, values, nulls);
	for (int i = 0; i < rules->nvariable; i++)
	{
		int			column = rules->variable[i].attno - 1;

		if (!nulls[column] &&
			remap_column(state, &rules->variable[i], &values[column]))
			changed = true;
	}

	MemoryContextSwitchTo(result_context);
	copy = changed ? heap_form_tuple(tupdesc, values, nulls) :
		heap_copytuple(row);
	return copy;
}

/* Change one column; false if there was nothing to change. */
static bool
remap_column(CloneState *state, const ColumnRule *rule, Datum *value)
{
	switch (rule->kind)
	{
		case COLUMN_OID:
			*value = ObjectIdGetDatum(tm_oidmap_translate(state->map,
														  rule->refclass,
														  DatumGetObjectId(*value)));
			return true;
		case COLUMN_OID_ARRAY:
			*value = remap_oid_array(state->map, rule->refclass, *value);
			return true;
		case COLUMN_NODE_TREE:
			{
				char	   *tree = TextDatumGetCString(*value);
				int			unknown;
				char	   *mapped = tm_nodetree_map(state->map, tree,
													 &unknown);

				if (mapped == NULL)
					refuse_node(state, unknown);
				if (mapped == tree)
					return false;
				*value = CStringGetTextDatum(mapped);
				return true;
			}
		case COLUMN_ACL:
			if (!OidIsValid(state->old_owner))
				return false;
			*value = PointerGetDatum(aclnewowner(DatumGetAclP(*value),
												 state->old_owner,
												 state->request->owner));
			return true;
		case COLUMN_ANYARRAY:
			*value = tm_valuemap_anyarray(state->map, *value);
			return true;
		case COLUMN_SETTINGS:
			return tm_function_settings_retarget(value, state->closure->nspname,
												 state->request->target);
	}
	return false;				/* keep compiler quiet */
}

/* What is in an expression that we do not know might be an OID. */
static void
refuse_node(CloneState *state, int tag)
{
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_NOT_CLONABLE),
			 errmsg("schema \"%s\" cannot be cloned because of %s",
					state->closure->nspname,
					getObjectDescription(&state->at_hand, false)),
			 errdetail("An expression has a node of type %d, which is not known.",
					   tag),
			 errhint("Use a later version of the extension \"%s\".",
					 TM_EXTENSION_NAME)));
}

/* oid[] and oidvector have the same layout, and never hold nulls. */
static Datum
remap_oid_array(const OidMap *map, Oid refclass, Datum value)
{
	ArrayType  *array = DatumGetArrayTypePCopy(value);
	Oid		   *oids = (Oid *) ARR_DATA_PTR(array);
	int			noids = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	for (int i = 0; i < noids; i++)
		oids[i] = tm_oidmap_translate(map, refclass, oids[i]);
	if (refclass == AuthIdRelationId)
		leave_out_doubles(array);
	return PointerGetDatum(array);
}

/* A policy for two roles is for one, if one takes the other's place. */
static void
leave_out_doubles(ArrayType *array)
{
	Oid		   *oids = (Oid *) ARR_DATA_PTR(array);
	int			noids = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	int			kept = 0;

	for (int i = 0; i < noids; i++)
	{
		int			j = 0;

		while (j < kept && oids[j] != oids[i])
			j++;
		if (j == kept)
			oids[kept++] = oids[i];
	}
	if (kept == noids)
		return;
	ARR_DIMS(array)[0] = kept;
	SET_VARSIZE(array, ARR_OVERHEAD_NONULLS(1) + sizeof(Oid) * kept);
}

/* What follows from the OID, or is different in the clone by nature. */
static void
adjust_row(CloneState *state, Oid catalog, HeapTuple source, HeapTuple copy)
{
	switch (catalog)
	{
		case NamespaceRelationId:
			namestrcpy(&((Form_pg_namespace) GETSTRUCT(copy))->nspname,
					   state->request->target);
			break;
		case RelationRelationId:
			adjust_class(state, (Form_pg_class) GETSTRUCT(copy),
						 ((Form_pg_class) GETSTRUCT(source))->oid);
			break;
		case IndexRelationId:
			/* broken HOT chains come along with pages as they are only */
			if (!state->verbatim)
				((Form_pg_index) GETSTRUCT(copy))->indcheckxmin = false;
			break;
		case InheritsRelationId:
			/* nobody will come and finish the detaching of the clone's */
			((Form_pg_inherits) GETSTRUCT(copy))->inhdetachpending = false;
			break;
		case ProcedureRelationId:
			pgstat_create_function(((Form_pg_proc) GETSTRUCT(copy))->oid);
			break;
		case TriggerRelationId:
			adjust_trigger(state, (Form_pg_trigger) GETSTRUCT(copy),
						   (Form_pg_trigger) GETSTRUCT(source));
			break;
		default:
			break;
	}
}

/* Its statistics are gone with it should the transaction be rolled back. */
static void
adjust_class(CloneState *state, Form_pg_class form, Oid source)
{
	ClosureMember *member = tm_closure_find(state->closure,
											RelationRelationId, source);
	Oid			source_file = form->relfilenode;

	tm_stats_create_relation(form);
	/* a TOAST table, and its index, is named after its table */
	if (IsToastNamespace(form->relnamespace))
		snprintf(NameStr(form->relname), NAMEDATALEN,
				 form->relkind == RELKIND_TOASTVALUE ?
				 "pg_toast_%u" : "pg_toast_%u_index",
				 tm_oidmap_translate(state->map, RelationRelationId,
									 member->owner_seed));

	form->relrewrite = InvalidOid;
	if (form->relkind == RELKIND_PARTITIONED_TABLE && member->shows_left_out)
		form->reltuples = -1;
	if (!RELKIND_HAS_STORAGE(form->relkind))
		return;

	form->relfilenode = form->oid;
	adjust_class_rows(form, state->verbatim && member->with_rows,
					  member->with_rows);
	note_relation(state, form, member, source_file);
}

/*
 * Figures about the rows, which are frozen now, or not there at all.  Those of
 * an index that is built will be overwritten.
 */
static void
adjust_class_rows(Form_pg_class form, bool verbatim, bool with_rows)
{
	if (!with_rows)
	{
		form->relpages = 0;
		form->reltuples = -1;
		form->relallvisible = 0;
	}
	if (!verbatim)
		tm_set_frozen_pages(form, form->relallvisible);
	if (form->relkind == RELKIND_SEQUENCE)
	{
		form->relpages = 1;
		form->reltuples = 1;
	}
	if (form->relkind == RELKIND_MATVIEW && !with_rows)
		form->relispopulated = false;
	/* rows are frozen on their way, unless pages are taken as they are */
	if (TransactionIdIsValid(form->relfrozenxid) && !verbatim)
	{
		form->relfrozenxid = RecentXmin;
		form->relminmxid = GetOldestMultiXactId();
	}
}

/* Remember that this relation needs files. */
static void
note_relation(CloneState *state, Form_pg_class form, ClosureMember *member,
			  Oid source_file)
{
	CloneRelation *relation;

	if (state->nrelations == state->maxrelations)
	{
		state->maxrelations *= 2;
		state->relations = repalloc_huge(state->relations,
										 sizeof(CloneRelation) *
										 state->maxrelations);
	}
	member->file = state->nrelations++;
	relation = &state->relations[member->file];
	relation->source = member->objid;
	relation->clone = form->oid;
	relation->heap = member->table;
	relation->relkind = form->relkind;
	relation->relpersistence = form->relpersistence;
	relation->relam = form->relam;
	relation->source_file = tm_file_locator(form->reltablespace, source_file);
	relation->clone_file = tm_file_locator(form->reltablespace,
										   form->relfilenode);
	relation->with_rows = member->with_rows;
	relation->method = form->relkind == RELKIND_SEQUENCE ?
		COPY_POSITION : COPY_EMPTY;
	relation->keep_pointers = false;
	relation->suspect = false;
}

/*
 * Names of internal triggers end with their OID.  A foreign key to a table
 * outside of the schema puts triggers on that table, which gets more of them
 * by the clone.  As for ALTER TABLE ... ADD FOREIGN KEY, it has to be locked,
 * if only at last, and one must be allowed to reference it.
 */
static void
adjust_trigger(CloneState *state, Form_pg_trigger form, Form_pg_trigger source)
{
	char	   *name = NameStr(form->tgname);
	char	   *suffix = psprintf("_%u", source->oid);
	size_t		stem = strlen(name) - Min(strlen(suffix), strlen(name));

	if (form->tgisinternal && strcmp(name + stem, suffix) == 0)
	{
		name[stem] = '\0';
		namestrcpy(&form->tgname, psprintf("%s_%u", name, form->oid));
	}

	if (tm_oidmap_contains(state->map, RelationRelationId, source->tgrelid))
		return;
	if (!source->tgisinternal)
		refuse_outside_trigger(state, source);
	tm_remap_check_reference(state, source);
	tm_clone_note_outside(state, form->tgrelid, ShareRowExclusiveLock);
	tm_clone_note_reference(state, form->tgconstraint, form->tgconstrrelid,
							form->tgrelid);
	CacheInvalidateRelcacheByRelid(form->tgrelid);
}

/* CREATE CONSTRAINT TRIGGER ... ON a table outside FROM one of the schema. */
static void
refuse_outside_trigger(CloneState *state, Form_pg_trigger source)
{
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_NOT_CLONABLE),
			 errmsg("schema \"%s\" cannot be cloned because of %s",
					state->closure->nspname,
					getObjectDescriptionOids(TriggerRelationId, source->oid)),
			 errdetail("It belongs to a table of the schema, and is a trigger of a table outside, which cannot have two of that name."),
			 errhint("Drop the trigger, or create it without FROM.")));
}
