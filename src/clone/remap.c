/*
 * remap.c
 *		The catalog rows of a schema again, under new OIDs.
 *
 * First every member gets its new OID, so that the map is complete; then the
 * rows are read with one snapshot, changed one by one (remap_row.c) and
 * inserted in batches, a catalog at a time.  What a row of the source refers
 * to outside of the schema, the clone's row refers to as well.
 *
 * A member is more than its own row: rows without an address of their own go
 * with it ("parts": columns, enum labels, ...), and so do rows that address
 * it (dependencies, comments, labels).
 *
 * Relations outside of the schema that get triggers or children by the clone
 * are noted when a row that concerns them is met, to be locked later.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/heap.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_default_acl.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_description.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_range.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_seclabel.h"
#include "catalog/pg_sequence.h"
#include "catalog/pg_shdepend.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_statistic_ext_data.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_config_map.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "base/tenant_mgr.h"
#include "clone/catalog_insert.h"
#include "clone/catalog_reader.h"
#include "clone/catalog_rules.h"
#include "clone/clone_lock.h"
#include "clone/free_oid.h"
#include "clone/remap.h"
#include "clone/remap_labels.h"
#include "clone/remap_roles.h"
#include "clone/remap_row.h"
#include "clone/remap_statistics.h"
#include "clone/schema_mention.h"
#include "clone/unclonable.h"
#include "clone/valuemap.h"

/* Rows that are inserted at once */
#define BATCH_ROWS	1000

/* A catalog that takes part, and the rows on their way into it */
typedef struct CatalogTarget
{
	Oid			catalog;		/* its OID */
	Relation	rel;			/* open, RowExclusiveLock */
	CatalogIndexState indstate; /* its indexes, open */
	CatalogRules *rules;		/* what changes in its rows */
	Oid			identity;		/* unique index on its OIDs, or InvalidOid */
	AttrNumber	owner_attno;	/* its owner column, or 0 */
	TupleDesc	tupdesc;		/* of the slots, which count no references */
	CatalogReader *reader;		/* the source's rows, once they are read */
	TupleTableSlot *slots[BATCH_ROWS];	/* made when first needed */
	int			nslots;			/* slots that hold a row */
} CatalogTarget;

typedef struct Remap
{
	CloneState *state;			/* the clone at hand */
	List	   *targets;		/* CatalogTarget, all that were used so far */
	MemoryContext scratch;		/* reset after each member */
	MemoryContext context;		/* where this lives */
	bool		labels;			/* are there security labels at all? */
} Remap;

/* A catalog that gives OIDs to members */
typedef struct FreeCatalog
{
	Oid			catalog;		/* its OID */
	FreeOids	oids;			/* which are free */
} FreeCatalog;

static void assign_member_oid(CloneState *state, Relation rel, Oid index,
							  AttrNumber attno, const ClosureMember *member,
							  FreeOids *oids);
static FreeOids *free_oids_of(List **all_free, Oid catalog);
static CatalogTarget *open_target(Remap *remap, Oid catalog);
static CatalogReader *seek_rows(Remap *remap, CatalogTarget *target,
								Oid index, int nkeys, const Oid *keys);
static void close_targets(Remap *remap);
static void copy_object(Remap *remap, Oid classid, Oid objid);
static Oid	check_owner(Remap *remap, CatalogTarget *target,
						HeapTuple row, Oid objid);
static void depend_on_new_owner(Remap *remap, CatalogTarget *target,
								Oid classid, Oid objid, HeapTuple copy);
static void note_mention(Remap *remap, CatalogTarget *target,
						 HeapTuple row, Oid classid, Oid objid);
static void copy_parts(Remap *remap, Oid classid, Oid objid, char kind);
static bool may_have_parent(const Closure *closure, char relkind, Oid relid);
static char kind_of_row(Oid classid, HeapTuple row);
static void note_parent(CloneState *state, Form_pg_inherits form);
static void copy_dependencies(Remap *remap, Oid classid, Oid objid,
							  char kind, Oid owner);
static bool may_depend_on_roles(Oid classid, char kind);
static void copy_role_dependencies(Remap *remap, Oid classid, Oid objid);
static void enqueue_role_dependency(Remap *remap, CatalogTarget *target,
									HeapTuple row);
static void copy_remarks(Remap *remap, Oid catalog, Oid index,
						 Oid classid, Oid objid);
static void enqueue(CatalogTarget *target, HeapTuple row);
static void flush(CatalogTarget *target);

void
tm_remap_assign_oids(CloneState *state)
{
	Relation	rel;
	Closure    *closure = state->closure;
	List	   *all_free = NIL;

	state->map = tm_oidmap_create();
	if (OidIsValid(state->old_owner))
		tm_oidmap_add(state->map, AuthIdRelationId,
					  state->old_owner, state->request->owner);

	rel = table_open(NamespaceRelationId, RowExclusiveLock);
	state->namespace = GetNewOidWithIndex(rel, NamespaceOidIndexId,
										  Anum_pg_namespace_oid);
	tm_oidmap_add(state->map, NamespaceRelationId, closure->nspid,
				  state->namespace);
	table_close(rel, RowExclusiveLock);

	for (int i = 0; i < closure->nmembers; i++)
	{
		const ClosureMember *member = &closure->members[i];
		Oid			index;
		AttrNumber	attno;

		CHECK_FOR_INTERRUPTS();
		if (member->left_out)
			continue;
		if (!tm_catalog_identity(member->classid, &index, &attno))
			ereport(ERROR,
					(errcode(ERRCODE_TENANT_NOT_CLONABLE),
					 errmsg("schema \"%s\" cannot be cloned because of %s",
							closure->nspname,
							getObjectDescriptionOids(member->classid,
													 member->objid)),
					 errdetail("Objects of this kind cannot be cloned.")));

		rel = table_open(member->classid, RowExclusiveLock);
		assign_member_oid(state, rel, index, attno, member,
						  free_oids_of(&all_free, member->classid));
		table_close(rel, RowExclusiveLock);
	}
}

void
tm_remap_copy_rows(CloneState *state)
{
	Remap		remap;
	Closure    *closure = state->closure;
	Relation	labelRel;

	remap.state = state;
	remap.targets = NIL;
	remap.context = CurrentMemoryContext;
	remap.scratch = AllocSetContextCreate(CurrentMemoryContext,
										  "tenant_mgr remap",
										  ALLOCSET_DEFAULT_SIZES);
	labelRel = table_open(SecLabelRelationId, AccessShareLock);
	remap.labels = RelationGetNumberOfBlocks(labelRel) > 0;
	table_close(labelRel, AccessShareLock);

	state->maxrelations = 256;
	state->nrelations = 0;
	state->relations = palloc(sizeof(CloneRelation) * state->maxrelations);

	copy_object(&remap, NamespaceRelationId, closure->nspid);
	for (int i = 0; i < closure->nmembers; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!closure->members[i].left_out)
			copy_object(&remap, closure->members[i].classid,
						closure->members[i].objid);
		MemoryContextReset(remap.scratch);
	}
	close_targets(&remap);
	MemoryContextDelete(remap.scratch);
}

CloneRelation *
tm_remap_relation(CloneState *state, Oid source)
{
	ClosureMember *member = tm_closure_find(state->closure,
											RelationRelationId, source);

	Assert(member != NULL);
	return &state->relations[member->file];
}

/* What is known of a catalog's free OIDs */
static FreeOids *
free_oids_of(List **all_free, Oid catalog)
{
	FreeCatalog *entry;
	ListCell   *lc;

	foreach(lc, *all_free)
	{
		entry = lfirst(lc);
		if (entry->catalog == catalog)
			return &entry->oids;
	}
	entry = palloc0(sizeof(FreeCatalog));
	entry->catalog = catalog;
	*all_free = lappend(*all_free, entry);
	return &entry->oids;
}

/* A relation's new OID must be free as the number of a file, too. */
static void
assign_member_oid(CloneState *state, Relation rel, Oid index, AttrNumber attno,
				  const ClosureMember *member, FreeOids *oids)
{
	Oid			clone;

	if (member->classid == RelationRelationId &&
		RELKIND_HAS_STORAGE(member->relkind))
		clone = tm_free_file_number(oids, rel, index, attno,
									member->reltablespace);
	else
		clone = tm_free_oid(oids, rel, index, attno);
	tm_oidmap_add(state->map, member->classid, member->objid, clone);

	if (member->classid == TypeRelationId &&
		get_typtype(member->objid) == TYPTYPE_ENUM)
		tm_remap_assign_labels(state, member->objid);
}

/* The catalog, opened when it is first needed. */
static CatalogTarget *
open_target(Remap *remap, Oid catalog)
{
	MemoryContext old_context;
	CatalogTarget *target;
	AttrNumber	attno;
	ListCell   *lc;

	foreach(lc, remap->targets)
	{
		target = lfirst(lc);
		if (target->catalog == catalog)
			return target;
	}

	old_context = MemoryContextSwitchTo(remap->context);
	target = palloc0(sizeof(CatalogTarget));
	target->catalog = catalog;
	target->rel = table_open(catalog, RowExclusiveLock);
	target->indstate = CatalogOpenIndexes(target->rel);
	target->rules = tm_catalog_rules(target->rel);
	if (!tm_catalog_identity(catalog, &target->identity, &attno))
		target->identity = InvalidOid;
	target->owner_attno = tm_remap_owner_column(catalog);
	target->tupdesc = CreateTupleDescCopy(RelationGetDescr(target->rel));
	remap->targets = lappend(remap->targets, target);
	MemoryContextSwitchTo(old_context);
	return target;
}

/*
 * The source's rows with these keys.  No catalog is read by more than one
 * index.
 */
static CatalogReader *
seek_rows(Remap *remap, CatalogTarget *target, Oid index, int nkeys,
		  const Oid *keys)
{
	if (target->reader == NULL)
	{
		MemoryContext old_context = MemoryContextSwitchTo(remap->context);

		target->reader = tm_catalog_reader_open(target->rel, index, nkeys,
												remap->state->snapshot);
		MemoryContextSwitchTo(old_context);
	}
	tm_catalog_reader_seek(target->reader, keys);
	return target->reader;
}

static void
close_targets(Remap *remap)
{
	ListCell   *lc;

	foreach(lc, remap->targets)
	{
		CatalogTarget *target = lfirst(lc);

		flush(target);
		for (int i = 0; i < BATCH_ROWS && target->slots[i] != NULL; i++)
			ExecDropSingleTupleTableSlot(target->slots[i]);
		if (target->reader != NULL)
			tm_catalog_reader_close(target->reader);
		CatalogCloseIndexes(target->indstate);
		table_close(target->rel, RowExclusiveLock);
	}
}

/* All rows of one member (or of the schema itself). */
static void
copy_object(Remap *remap, Oid classid, Oid objid)
{
	CloneState *state = remap->state;
	CatalogTarget *target = open_target(remap, classid);
	CatalogReader *reader = seek_rows(remap, target, target->identity,
									  1, &objid);
	HeapTuple	row = tm_catalog_reader_next(reader);
	HeapTuple	copy;
	Oid			owner;
	char		kind;

	if (!HeapTupleIsValid(row))
		elog(ERROR, "cache lookup failed for object %u of catalog %u",
			 objid, classid);
	ObjectAddressSet(state->at_hand, classid, objid);
	owner = check_owner(remap, target, row, objid);
	tm_remap_check_tablespace(state, classid, row);
	if (classid == DefaultAclRelationId &&
		tm_remap_default_acl_yields(state, row))
	{
		tm_closure_find(state->closure, classid, objid)->left_out = true;
		return;
	}
	kind = kind_of_row(classid, row);
	copy = tm_remap_row(state, target->rel, target->rules, row,
						remap->scratch);
	note_mention(remap, target, copy, classid, objid);
	if (kind == TYPTYPE_DOMAIN && classid == TypeRelationId)
		tm_remap_note_domain(state, target->rel, row, copy);
	depend_on_new_owner(remap, target, classid, objid, copy);
	enqueue(target, copy);

	copy_parts(remap, classid, objid, kind);
	copy_dependencies(remap, classid, objid, kind, owner);
	if (may_depend_on_roles(classid, kind))
		copy_role_dependencies(remap, classid, objid);
	copy_remarks(remap, DescriptionRelationId, DescriptionObjIndexId,
				 classid, objid);
	if (remap->labels)
		copy_remarks(remap, SecLabelRelationId, SecLabelObjectIndexId,
					 classid, objid);
}

/*
 * Who clones must own what is cloned.  Returns the owner, or InvalidOid; a
 * trigger's is that of its table.
 */
static Oid
check_owner(Remap *remap, CatalogTarget *target, HeapTuple row, Oid objid)
{
	bool		isnull;
	Oid			owner;

	if (target->catalog == TriggerRelationId)
		return tm_remap_owner_of_relation(((Form_pg_trigger) GETSTRUCT(row))->tgrelid);
	if (target->owner_attno == InvalidAttrNumber)
		return InvalidOid;
	owner = DatumGetObjectId(heap_getattr(row, target->owner_attno,
										  RelationGetDescr(target->rel),
										  &isnull));
	tm_remap_check_owner(remap->state, target->catalog, objid, owner);
	return owner;
}

/* Remember the member if a text in this row of its clone names the source. */
static void
note_mention(Remap *remap, CatalogTarget *target, HeapTuple row,
			 Oid classid, Oid objid)
{
	CloneState *state = remap->state;
	MemoryContext old_context = MemoryContextSwitchTo(remap->scratch);
	bool		found;
	ObjectAddress *address;

	found = tm_row_mentions_schema(target->rel, target->rules, row,
								   state->closure->nspname);
	MemoryContextSwitchTo(old_context);
	if (!found)
		return;

	/* a member's rows come one after the other */
	if (state->mentions != NIL)
	{
		address = llast(state->mentions);
		if (address->classId == classid && address->objectId == objid)
			return;
	}
	address = palloc(sizeof(ObjectAddress));
	ObjectAddressSet(*address, classid, objid);
	state->mentions = lappend(state->mentions, address);
}

/* Rows that go with a member. */
static void
copy_parts(Remap *remap, Oid classid, Oid objid, char kind)
{
	for (int i = 0; i < tm_part_catalogs_count; i++)
	{
		const PartCatalog *part = &tm_part_catalogs[i];
		CatalogTarget *target;
		CatalogReader *reader;
		HeapTuple	row;
		HeapTuple	copy;

		if (part->owner_catalog != classid ||
			(part->kind != 0 && part->kind != kind) ||
			(part->catalog == InheritsRelationId &&
			 !may_have_parent(remap->state->closure, kind, objid)) ||
			(part->about_rows &&
			 !tm_statistics_travel(remap->state, classid, objid)))
			continue;

		target = open_target(remap, part->catalog);
		reader = seek_rows(remap, target, part->index, 1, &objid);
		while (HeapTupleIsValid(row = tm_catalog_reader_next(reader)))
		{
			if (part->catalog == InheritsRelationId)
				note_parent(remap->state, (Form_pg_inherits) GETSTRUCT(row));
			if (part->about_rows &&
				!tm_statistics_row_travels(remap->state, target->rel, row))
				continue;
			copy = tm_remap_row(remap->state, target->rel, target->rules,
								row, remap->scratch);
			note_mention(remap, target, copy, classid, objid);
			if (part->catalog == AttributeRelationId)
				depend_on_new_owner(remap, target, classid, objid, copy);
			enqueue(target, copy);
		}
	}
}

/*
 * Tables can be children of others; anything else only as a partition.  Most
 * relations of a schema are indexes and TOAST tables.
 */
static bool
may_have_parent(const Closure *closure, char relkind, Oid relid)
{
	return relkind == RELKIND_RELATION ||
		relkind == RELKIND_PARTITIONED_TABLE ||
		relkind == RELKIND_FOREIGN_TABLE ||
		tm_closure_find(closure, RelationRelationId, relid)->relispartition;
}

/* What decides which parts a row has. */
static char
kind_of_row(Oid classid, HeapTuple row)
{
	switch (classid)
	{
		case RelationRelationId:
			return ((Form_pg_class) GETSTRUCT(row))->relkind;
		case TypeRelationId:
			return ((Form_pg_type) GETSTRUCT(row))->typtype;
		case ProcedureRelationId:
			return ((Form_pg_proc) GETSTRUCT(row))->prokind;
		default:
			return '\0';
	}
}

/* A table of the clone becomes a child of a table outside, as in the source. */
static void
note_parent(CloneState *state, Form_pg_inherits form)
{
	if (tm_oidmap_contains(state->map, RelationRelationId, form->inhparent))
		return;
	tm_clone_note_outside(state, form->inhparent, ShareUpdateExclusiveLock);
	tm_remap_check_parent(form);
	CacheInvalidateRelcacheByRelid(form->inhparent);
}

/* What the member, of this kind and of this owner's, depends on. */
static void
copy_dependencies(Remap *remap, Oid classid, Oid objid, char kind,
				  Oid owner)
{
	CloneState *state = remap->state;
	CatalogTarget *target = open_target(remap, DependRelationId);
	Oid			keys[] = {classid, objid};
	CatalogReader *reader = seek_rows(remap, target, DependDependerIndexId,
									  lengthof(keys), keys);
	HeapTuple	row;

	while (HeapTupleIsValid(row = tm_catalog_reader_next(reader)))
	{
		HeapTuple	copy = heap_copytuple(row);
		Form_pg_depend dep = (Form_pg_depend) GETSTRUCT(copy);

		if (dep->deptype == DEPENDENCY_EXTENSION)
			ereport(ERROR,
					(errcode(ERRCODE_TENANT_NOT_CLONABLE),
					 errmsg("schema \"%s\" cannot be cloned because of %s",
							state->closure->nspname,
							getObjectDescriptionOids(classid, objid)),
					 errdetail("It belongs to extension \"%s\", which cannot be in the database twice.",
							   get_extension_name(dep->refobjid)),
					 errhint("%s", tm_unclonable_extension_hint(state->closure))));
		if (!tm_oidmap_contains(state->map, dep->refclassid, dep->refobjid))
		{
			tm_remap_check_use(state, classid, kind, owner, dep);
			tm_clone_hold_outside(state, dep->refclassid, dep->refobjid);
		}
		dep->objid = tm_oidmap_translate(state->map, classid, objid);
		dep->refobjid = tm_oidmap_translate(state->map, dep->refclassid,
											dep->refobjid);
		enqueue(target, copy);
	}
}

/*
 * Objects that have neither an owner nor privileges nor a tablespace of their
 * own are the majority, and need no look into pg_shdepend.
 */
static bool
may_depend_on_roles(Oid classid, char kind)
{
	switch (classid)
	{
		case AttrDefaultRelationId:
		case ConstraintRelationId:
		case RewriteRelationId:
		case TriggerRelationId:
			return false;
		case RelationRelationId:
			return kind != RELKIND_INDEX && kind != RELKIND_TOASTVALUE;
		default:
			return true;
	}
}

/* Roles, and tablespaces, that the member depends on. */
static void
copy_role_dependencies(Remap *remap, Oid classid, Oid objid)
{
	CloneState *state = remap->state;
	CatalogTarget *target = open_target(remap, SharedDependRelationId);
	Oid			keys[] = {MyDatabaseId, classid, objid};
	CatalogReader *reader = seek_rows(remap, target,
									  SharedDependDependerIndexId,
									  lengthof(keys), keys);
	HeapTuple	row;

	while (HeapTupleIsValid(row = tm_catalog_reader_next(reader)))
	{
		HeapTuple	copy = heap_copytuple(row);
		Form_pg_shdepend dep = (Form_pg_shdepend) GETSTRUCT(copy);

		/* see depend_on_new_owner() */
		if (dep->refclassid == AuthIdRelationId &&
			tm_remap_role_moves(state, dep->refobjid))
			continue;
		dep->objid = tm_oidmap_translate(state->map, classid, objid);
		enqueue_role_dependency(remap, target, copy);
	}
}

/*
 * A row for pg_shdepend.  Until it is committed, nobody who drops the role or
 * the tablespace sees it, so that is locked, and looked at again.
 */
static void
enqueue_role_dependency(Remap *remap, CatalogTarget *target, HeapTuple row)
{
	Form_pg_shdepend dep = (Form_pg_shdepend) GETSTRUCT(row);

	tm_clone_hold_outside(remap->state, dep->refclassid, dep->refobjid);
	enqueue(target, row);
}

/* What the new owner, if there is one, has to do with an object or a column. */
static void
depend_on_new_owner(Remap *remap, CatalogTarget *target, Oid classid,
					Oid objid, HeapTuple copy)
{
	CatalogTarget *shdepend;
	ObjectAddress source;
	ListCell   *lc;

	if (!OidIsValid(remap->state->old_owner))
		return;
	shdepend = open_target(remap, SharedDependRelationId);
	ObjectAddressSet(source, classid, objid);
	if (target->catalog == AttributeRelationId)
		source.objectSubId = ((Form_pg_attribute) GETSTRUCT(copy))->attnum;
	foreach(lc, tm_remap_new_owner_rows(remap->state, shdepend->rel,
										&source, copy,
										RelationGetDescr(target->rel)))
		enqueue_role_dependency(remap, shdepend, lfirst(lc));
}

/* Comments or security labels; both catalogs begin with the same columns. */
static void
copy_remarks(Remap *remap, Oid catalog, Oid index, Oid classid, Oid objid)
{
	CloneState *state = remap->state;
	CatalogTarget *target = open_target(remap, catalog);
	CatalogReader *reader = seek_rows(remap, target, index, 1, &objid);
	HeapTuple	row;

	StaticAssertStmt(Anum_pg_description_objoid == Anum_pg_seclabel_objoid &&
					 Anum_pg_description_classoid == Anum_pg_seclabel_classoid,
					 "pg_description and pg_seclabel are addressed alike");

	while (HeapTupleIsValid(row = tm_catalog_reader_next(reader)))
	{
		HeapTuple	copy;

		/* OIDs are unique within a catalog only */
		if (((Form_pg_description) GETSTRUCT(row))->classoid != classid)
			continue;
		copy = heap_copytuple(row);
		((Form_pg_description) GETSTRUCT(copy))->objoid =
			tm_oidmap_translate(state->map, classid, objid);
		enqueue(target, copy);
	}
}

/*
 * Put a row on its way.  A wide row goes alone, with its out-of-line values
 * fetched: they belong to the source's row.
 */
static void
enqueue(CatalogTarget *target, HeapTuple row)
{
	TupleTableSlot *slot;

	if (HeapTupleHasExternal(row) || row->t_len > TOAST_TUPLE_THRESHOLD)
	{
		if (HeapTupleHasExternal(row))
			row = toast_flatten_tuple(row, RelationGetDescr(target->rel));
		CatalogTupleInsertWithInfo(target->rel, row, target->indstate);
		heap_freetuple(row);
		return;
	}

	slot = target->slots[target->nslots];
	if (slot == NULL)
	{
		slot = MakeSingleTupleTableSlot(target->tupdesc, &TTSOpsHeapTuple);
		target->slots[target->nslots] = slot;
	}
	ExecStoreHeapTuple(row, slot, true);
	if (++target->nslots == BATCH_ROWS)
		flush(target);
}

/*
 * Insert the rows that are waiting.  Each row of a relation announces that the
 * relation has changed, and the server looks through all announcements of a
 * command for one that is there already; so this is a command.
 */
static void
flush(CatalogTarget *target)
{
	if (target->nslots == 0)
		return;
	tm_catalog_insert(target->rel, target->indstate, target->slots,
					  target->nslots);
	for (int i = 0; i < target->nslots; i++)
		ExecClearTuple(target->slots[i]);
	target->nslots = 0;
	CommandCounterIncrement();

	/* the WAL writer can begin with what the commit would have to flush */
	XLogSetAsyncXactLSN(XactLastRecEnd);
}
