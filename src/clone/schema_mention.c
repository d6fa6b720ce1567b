/*
 * schema_mention.c
 *		Texts that name a schema.
 *
 * Most of what an object refers to is kept as an OID and follows when a schema
 * is copied or renamed.  What is kept as text does not: bodies of functions
 * and their settings, arguments of triggers, options of foreign tables and of
 * dictionaries, and constants in stored expressions, as in
 * nextval('shop.number'::text).  This is the one place that knows all of them.
 *
 * Here they are found and told.  A text may be in any language, and only who
 * wrote it knows what it means: but for settings of functions
 * (function_settings.c), and for what certainly is the name in a function's text
 * if that is wanted (function_text.c), it stays what it is.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/name_scan.h"
#include "clone/closure.h"
#include "clone/schema_mention.h"

/* One row that is looked through */
typedef struct RowSearch
{
	Relation	catalog;		/* where it is from */
	HeapTuple	row;			/* the row */
	MentionWanted wanted;		/* what is looked for */
	void	   *arg;			/* and with what */
	List	   *found;			/* names, palloc'd */
} RowSearch;

/* Where the texts of an object are */
typedef struct TextCatalog
{
	Oid			owner_catalog;	/* catalog of the object */
	char		relkind;		/* for relations: only these; 0 for all */
	Oid			catalog;		/* catalog with the text */
	Oid			index;			/* an index of that on the object's OID */
	AttrNumber	attno;			/* the column with the object's OID */
} TextCatalog;

static const TextCatalog text_catalogs[] = {
	{ProcedureRelationId, 0, ProcedureRelationId,
	ProcedureOidIndexId, Anum_pg_proc_oid},
	{TriggerRelationId, 0, TriggerRelationId,
	TriggerOidIndexId, Anum_pg_trigger_oid},
	{AttrDefaultRelationId, 0, AttrDefaultRelationId,
	AttrDefaultOidIndexId, Anum_pg_attrdef_oid},
	{ConstraintRelationId, 0, ConstraintRelationId,
	ConstraintOidIndexId, Anum_pg_constraint_oid},
	{RewriteRelationId, 0, RewriteRelationId,
	RewriteOidIndexId, Anum_pg_rewrite_oid},
	{PolicyRelationId, 0, PolicyRelationId,
	PolicyOidIndexId, Anum_pg_policy_oid},
	{StatisticExtRelationId, 0, StatisticExtRelationId,
	StatisticExtOidIndexId, Anum_pg_statistic_ext_oid},
	{TSDictionaryRelationId, 0, TSDictionaryRelationId,
	TSDictionaryOidIndexId, Anum_pg_ts_dict_oid},
	{TypeRelationId, 0, TypeRelationId,
	TypeOidIndexId, Anum_pg_type_oid},
	{RelationRelationId, RELKIND_RELATION, RelationRelationId,
	ClassOidIndexId, Anum_pg_class_oid},
	{RelationRelationId, RELKIND_FOREIGN_TABLE, ForeignTableRelationId,
	ForeignTableRelidIndexId, Anum_pg_foreign_table_ftrelid},
	{RelationRelationId, RELKIND_FOREIGN_TABLE, AttributeRelationId,
	AttributeRelidNumIndexId, Anum_pg_attribute_attrelid},
	{RelationRelationId, RELKIND_INDEX, IndexRelationId,
	IndexRelidIndexId, Anum_pg_index_indexrelid},
};

/* Where relations of some kind are listed, in a small catalog */
typedef struct RelationList
{
	Oid			catalog;
	AttrNumber	attno;			/* its column with their OIDs */
} RelationList;

/* Columns of these have options, and these have bounds. */
static const RelationList foreign_tables = {
	ForeignTableRelationId, Anum_pg_foreign_table_ftrelid
};
static const RelationList partitions = {
	InheritsRelationId, Anum_pg_inherits_inhrelid
};

const char	tm_mention_hint[] =
"Use tenant.retarget(), or leave names unqualified, and give functions that dumps or indexes need a search path of their own by ALTER FUNCTION ... SET search_path.";

static List *each_once(List *mentions);
static int	compare_mentions(const ListCell *a, const ListCell *b);
static void search_columns(RowSearch *search);
static void search_constants(RowSearch *search, const CatalogRules *rules);
static void search_tree(RowSearch *search, const char *tree);
static void search_options(RowSearch *search, AttrNumber attno);
static void search_arguments(RowSearch *search);
static bool body_is_text(HeapTuple proc);
static char *column_text(const RowSearch *search, AttrNumber attno);
static void search_text(RowSearch *search, const char *text, bool whole);
static void note_name(const char *name, void *arg);
static bool is_name(const char *name, void *arg);
static List *search_catalog(List *mentions, const Closure *closure,
							const TextCatalog *texts, MentionWanted wanted,
							void *arg);
static List *search_whole(List *mentions, const TextCatalog *texts,
						  MentionWanted wanted, void *arg);
static List *search_some(List *mentions, const TextCatalog *texts,
						 const RelationList *relations, MentionWanted wanted,
						 void *arg);
static void note_schema(List *mentions, int nfound, Oid catalog,
						HeapTuple row);
static List *search_row(List *mentions, const TextCatalog *texts,
						Relation rel, const CatalogRules *rules,
						HeapTuple row, MemoryContext context,
						MentionWanted wanted, void *arg);
static Oid	schema_of_row(Oid catalog, HeapTuple row, Oid objid);
static List *search_member(List *mentions, const ClosureMember *member,
						   const TextCatalog *texts, Relation rel,
						   const CatalogRules *rules, MemoryContext context,
						   MentionWanted wanted, void *arg);

List *
tm_mentions_in_row(Relation catalog, const CatalogRules *rules, HeapTuple row,
				   MentionWanted wanted, void *arg)
{
	RowSearch	search = {0};

	search.catalog = catalog;
	search.row = row;
	search.wanted = wanted;
	search.arg = arg;
	search_columns(&search);
	search_constants(&search, rules);
	return search.found;
}

bool
tm_row_mentions_schema(Relation catalog, const CatalogRules *rules,
					   HeapTuple row, const char *nspname)
{
	return tm_mentions_in_row(catalog, rules, row, is_name,
							  unconstify(char *, nspname)) != NIL;
}

List *
tm_mentions_in_schema(Oid nspid, MentionWanted wanted, void *arg)
{
	Closure    *closure = tm_closure_of_schema(nspid, NULL);
	List	   *mentions = NIL;

	tm_closure_sort(closure);
	for (int i = 0; i < (int) lengthof(text_catalogs); i++)
		mentions = search_catalog(mentions, closure, &text_catalogs[i],
								  wanted, arg);
	return each_once(mentions);
}

List *
tm_mentions_everywhere(MentionWanted wanted, void *arg)
{
	List	   *mentions = NIL;

	for (int i = 0; i < (int) lengthof(text_catalogs); i++)
	{
		if (text_catalogs[i].catalog == AttributeRelationId)
			mentions = search_some(mentions, &text_catalogs[i],
								   &foreign_tables, wanted, arg);
		else if (text_catalogs[i].catalog == RelationRelationId)
			mentions = search_some(mentions, &text_catalogs[i], &partitions,
								   wanted, arg);
		else
			mentions = search_whole(mentions, &text_catalogs[i], wanted, arg);
	}
	return each_once(mentions);
}

void
tm_mention_tell(Oid nspid, const char *old_name, const char *new_name)
{
	ListCell   *lc;

	foreach(lc, tm_mentions_in_schema(nspid, is_name,
									  unconstify(char *, old_name)))
	{
		const SchemaMention *mention = lfirst(lc);
		char	   *object = getObjectDescription(&mention->address, true);

		if (object != NULL)
			ereport(NOTICE,
					(errmsg("%s names schema \"%s\" in its text", object,
							old_name),
					 errdetail("The schema is called \"%s\" now, and the text is what it was.",
							   new_name),
					 errhint("%s", _(tm_mention_hint))));
	}
}

/* In the order of addresses, without those that are there already. */
static List *
each_once(List *mentions)
{
	List	   *result = NIL;
	ListCell   *lc;
	const ListCell *previous = NULL;

	list_sort(mentions, compare_mentions);
	foreach(lc, mentions)
	{
		if (previous == NULL || compare_mentions(previous, lc) != 0)
			result = lappend(result, lfirst(lc));
		previous = lc;
	}
	return result;
}

/* list_sort comparator: by address and schema. */
static int
compare_mentions(const ListCell *a, const ListCell *b)
{
	const SchemaMention *left = lfirst(a);
	const SchemaMention *right = lfirst(b);

	if (left->address.classId != right->address.classId)
		return left->address.classId < right->address.classId ? -1 : 1;
	if (left->address.objectId != right->address.objectId)
		return left->address.objectId < right->address.objectId ? -1 : 1;
	return strcmp(left->schema, right->schema);
}

/* Columns that are text. */
static void
search_columns(RowSearch *search)
{
	switch (RelationGetRelid(search->catalog))
	{
		case ProcedureRelationId:
			if (body_is_text(search->row))
				search_text(search, column_text(search, Anum_pg_proc_prosrc),
							false);
			search_options(search, Anum_pg_proc_proconfig);
			break;
		case TriggerRelationId:
			search_arguments(search);
			break;
		case ForeignTableRelationId:
			search_options(search, Anum_pg_foreign_table_ftoptions);
			break;
		case AttributeRelationId:
			search_options(search, Anum_pg_attribute_attfdwoptions);
			break;
		case TSDictionaryRelationId:
			search_text(search,
						column_text(search, Anum_pg_ts_dict_dictinitoption),
						false);
			break;
		default:
			break;
	}
}

/* Constants in expressions. */
static void
search_constants(RowSearch *search, const CatalogRules *rules)
{
	for (int i = 0; i < rules->nvariable; i++)
	{
		char	   *tree;

		if (rules->variable[i].kind != COLUMN_NODE_TREE)
			continue;
		tree = column_text(search, rules->variable[i].attno);
		if (tree != NULL)
			search_tree(search, tree);
	}
}

/*
 * A tree shows the bytes of a constant as numbers.  They are read back without
 * regard to the type: what is no text will hardly look like one.
 */
static void
search_tree(RowSearch *search, const char *tree)
{
	static const char label[] = ":constvalue ";
	const char *p;

	for (p = strstr(tree, label); p != NULL; p = strstr(p, label))
	{
		char	   *end;
		long		size = strtol(p + strlen(label), &end, 10);
		char	   *body;

		p = end;
		if (size <= VARHDRSZ || strncmp(p, " [ ", 3) != 0)
			continue;
		body = palloc(size + 1);
		p += 3;
		for (long i = 0; i < size; i++)
		{
			body[i] = (char) strtol(p, &end, 10);
			p = end;
			/* the length, and whatever else is not text */
			if (body[i] == '\0')
				body[i] = ' ';
		}
		body[size] = '\0';
		search_text(search, body + VARHDRSZ, true);
		pfree(body);
	}
}

/* An array of "name=value": the values. */
static void
search_options(RowSearch *search, AttrNumber attno)
{
	bool		isnull;
	Datum		value = heap_getattr(search->row, attno,
									 RelationGetDescr(search->catalog),
									 &isnull);
	Datum	   *options;
	int			noptions;

	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false,
					  TYPALIGN_INT, &options, NULL, &noptions);
	for (int i = 0; i < noptions; i++)
	{
		char	   *option = TextDatumGetCString(options[i]);
		char	   *text = strchr(option, '=');

		/* the name decides whether the value is a list of schemas */
		search_text(search, option, false);
		search_text(search, text != NULL ? text + 1 : NULL, true);
	}
}

/* Arguments of a trigger, each ended by a zero byte. */
static void
search_arguments(RowSearch *search)
{
	int			nargs = ((Form_pg_trigger) GETSTRUCT(search->row))->tgnargs;
	bool		isnull;
	Datum		value;
	bytea	   *args;
	const char *p;

	if (nargs == 0)
		return;
	value = heap_getattr(search->row, Anum_pg_trigger_tgargs,
						 RelationGetDescr(search->catalog), &isnull);
	args = DatumGetByteaPP(value);
	p = VARDATA_ANY(args);
	for (int i = 0; i < nargs; i++)
	{
		search_text(search, p, true);
		p += strlen(p) + 1;
	}
}

/* The "text" of some functions is the name of a C symbol. */
static bool
body_is_text(HeapTuple proc)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(proc);

	return form->prolang != INTERNALlanguageId && form->prolang != ClanguageId;
}

/* A column of text, palloc'd, or NULL. */
static char *
column_text(const RowSearch *search, AttrNumber attno)
{
	bool		isnull;
	Datum		value = heap_getattr(search->row, attno,
									 RelationGetDescr(search->catalog),
									 &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* A text; if it is a value, all of it may be a name as well. */
static void
search_text(RowSearch *search, const char *text, bool whole)
{
	if (text == NULL)
		return;
	if (whole)
		note_name(text, search);
	tm_scan_names(text, note_name, search);
}

/* Remember a name if it is wanted. */
static void
note_name(const char *name, void *arg)
{
	RowSearch  *search = arg;
	ListCell   *lc;

	if (!search->wanted(name, search->arg))
		return;
	foreach(lc, search->found)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return;
	}
	search->found = lappend(search->found, pstrdup(name));
}

static bool
is_name(const char *name, void *arg)
{
	return strcmp(name, arg) == 0;
}

/* The rows of all members in one catalog. */
static List *
search_catalog(List *mentions, const Closure *closure,
			   const TextCatalog *texts, MentionWanted wanted, void *arg)
{
	Relation	rel = table_open(texts->catalog, AccessShareLock);
	CatalogRules *rules = tm_catalog_rules(rel);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "tenant_mgr texts",
												  ALLOCSET_DEFAULT_SIZES);

	for (int i = 0; i < closure->nmembers; i++)
	{
		const ClosureMember *member = &closure->members[i];

		CHECK_FOR_INTERRUPTS();
		if (member->classid != texts->owner_catalog ||
			(texts->relkind != 0 && member->relkind != texts->relkind))
			continue;
		mentions = search_member(mentions, member, texts, rel, rules, context,
								 wanted, arg);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	table_close(rel, AccessShareLock);
	return mentions;
}

/* The rows of one member; what is not to stay goes to the given context. */
static List *
search_member(List *mentions, const ClosureMember *member,
			  const TextCatalog *texts, Relation rel,
			  const CatalogRules *rules, MemoryContext context,
			  MentionWanted wanted, void *arg)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;

	ScanKeyInit(&key, texts->attno, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(member->objid));
	scan = systable_beginscan(rel, texts->index, true, NULL, 1, &key);
	while (HeapTupleIsValid(row = systable_getnext(scan)))
		mentions = search_row(mentions, texts, rel, rules, row, context,
							  wanted, arg);
	systable_endscan(scan);
	return mentions;
}

static List *
search_row(List *mentions, const TextCatalog *texts, Relation rel,
		   const CatalogRules *rules, HeapTuple row, MemoryContext context,
		   MentionWanted wanted, void *arg)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	List	   *names = tm_mentions_in_row(rel, rules, row, wanted, arg);
	ListCell   *lc;

	MemoryContextSwitchTo(caller);
	foreach(lc, names)
	{
		SchemaMention *mention = palloc0(sizeof(SchemaMention));
		bool		isnull;
		Datum		owner = heap_getattr(row, texts->attno,
										 RelationGetDescr(rel), &isnull);

		ObjectAddressSet(mention->address, texts->owner_catalog,
						 DatumGetObjectId(owner));
		strlcpy(mention->schema, lfirst(lc), NAMEDATALEN);
		mentions = lappend(mentions, mention);
	}
	return mentions;
}

/* All rows of one catalog, with the schemas of their objects. */
static List *
search_whole(List *mentions, const TextCatalog *texts, MentionWanted wanted,
			 void *arg)
{
	Relation	rel = table_open(texts->catalog, AccessShareLock);
	CatalogRules *rules = tm_catalog_rules(rel);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "tenant_mgr texts",
												  ALLOCSET_DEFAULT_SIZES);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	row;
	int			nrows = 0;

	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		int			nfound = list_length(mentions);

		CHECK_FOR_INTERRUPTS();
		mentions = search_row(mentions, texts, rel, rules, row, context,
							  wanted, arg);
		note_schema(mentions, nfound, texts->catalog, row);
		if (list_length(mentions) > nfound || ++nrows % 1024 == 0)
			MemoryContextReset(context);
	}
	systable_endscan(scan);
	MemoryContextDelete(context);
	table_close(rel, AccessShareLock);
	return mentions;
}

/*
 * Rows about some of all relations.  Others have no texts, and there are more of
 * them than of all else in the catalogs.
 */
static List *
search_some(List *mentions, const TextCatalog *texts,
			const RelationList *relations, MentionWanted wanted, void *arg)
{
	Relation	list = table_open(relations->catalog, AccessShareLock);
	Relation	rel = table_open(texts->catalog, AccessShareLock);
	CatalogRules *rules = tm_catalog_rules(rel);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "tenant_mgr texts",
												  ALLOCSET_DEFAULT_SIZES);
	SysScanDesc scan = systable_beginscan(list, InvalidOid, false, NULL, 0,
										  NULL);
	HeapTuple	row;

	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		relid = heap_getattr(row, relations->attno,
										 RelationGetDescr(list), &isnull);
		ClosureMember member = {.classid = RelationRelationId,
		.objid = DatumGetObjectId(relid)};
		int			nfound = list_length(mentions);

		CHECK_FOR_INTERRUPTS();
		mentions = search_member(mentions, &member, texts, rel, rules, context,
								 wanted, arg);
		note_schema(mentions, nfound, texts->owner_catalog, row);
		MemoryContextReset(context);
	}
	systable_endscan(scan);
	MemoryContextDelete(context);
	table_close(rel, AccessShareLock);
	table_close(list, AccessShareLock);
	return mentions;
}

/* The schema of what has been found in a row, from this place in the list on */
static void
note_schema(List *mentions, int nfound, Oid catalog, HeapTuple row)
{
	for (int i = nfound; i < list_length(mentions); i++)
	{
		SchemaMention *mention = list_nth(mentions, i);

		mention->nspid = schema_of_row(catalog, row, mention->address.objectId);
	}
}

/* The schema of the object that a row is about, or of the object's table. */
static Oid
schema_of_row(Oid catalog, HeapTuple row, Oid objid)
{
	switch (catalog)
	{
		case ProcedureRelationId:
			return ((Form_pg_proc) GETSTRUCT(row))->pronamespace;
		case ConstraintRelationId:
			return ((Form_pg_constraint) GETSTRUCT(row))->connamespace;
		case StatisticExtRelationId:
			return ((Form_pg_statistic_ext) GETSTRUCT(row))->stxnamespace;
		case TSDictionaryRelationId:
			return ((Form_pg_ts_dict) GETSTRUCT(row))->dictnamespace;
		case TypeRelationId:
			return ((Form_pg_type) GETSTRUCT(row))->typnamespace;
		case TriggerRelationId:
			return get_rel_namespace(((Form_pg_trigger) GETSTRUCT(row))->tgrelid);
		case AttrDefaultRelationId:
			return get_rel_namespace(((Form_pg_attrdef) GETSTRUCT(row))->adrelid);
		case RewriteRelationId:
			return get_rel_namespace(((Form_pg_rewrite) GETSTRUCT(row))->ev_class);
		case PolicyRelationId:
			return get_rel_namespace(((Form_pg_policy) GETSTRUCT(row))->polrelid);
		default:
			return get_rel_namespace(objid);
	}
}
