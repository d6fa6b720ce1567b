/*
 * canonical_row.c
 *		A row of a catalog as bytes that mean the same everywhere.
 *
 * The bytes of two rows are equal if, and only if, the rows say the same of their
 * objects.  Each column has its form (column_form.c); what is special about some
 * rows of a catalog is here.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "clone/function_settings.h"
#include "clone/function_text.h"
#include "compare/canonical_row.h"
#include "compare/expression_text.h"
#include "compare/object_name.h"

/*
 * What stands for the name of the schema in texts of functions, where no name is
 * empty, and in their settings, where one is; there it counts whether it stands
 * for anything.
 */
#define SCHEMA_IN_TEXT		""
#define SCHEMA_IN_SETTING	"$schema"

/* One item of a list of privileges */
typedef struct AclBytes
{
	ObjectName	grantee;		/* whose they are */
	ObjectName	grantor;		/* who has given them */
	uint8		privileges[8];	/* what they are */
} AclBytes;

static void adjust_values(SchemaView *view, ViewCatalog *catalog);
static void adjust_attribute(SchemaView *view, Datum *values, bool *nulls);
static void append_column(SchemaView *view, ViewCatalog *catalog,
						  AttrNumber attno, StringInfo buf);
static void append_body(SchemaView *view, ViewCatalog *catalog,
						Datum value, StringInfo buf);
static void append_plain(Form_pg_attribute att, Datum value, StringInfo buf);
static void append_array(SchemaView *view, Oid refclass, Datum value,
						 StringInfo buf);
static void append_names(SchemaView *view, Oid relid, Datum value,
						 StringInfo buf);
static void append_texts(Datum value, bool sorted, StringInfo buf);
static void append_acl(SchemaView *view, ViewCatalog *catalog,
					   AttrNumber attno, StringInfo buf);
static Acl *default_acl(ViewCatalog *catalog);
static int	compare_names(const void *a, const void *b);
static int	compare_privileges(const void *a, const void *b);
static int	compare_strings(const void *a, const void *b);

void
tm_canonical_deform(SchemaView *view, ViewCatalog *catalog, HeapTuple row)
{
	heap_deform_tuple(row, RelationGetDescr(catalog->rel), catalog->values,
					  catalog->nulls);
	adjust_values(view, catalog);
}

void
tm_canonical_append(SchemaView *view, ViewCatalog *catalog, StringInfo buf)
{
	tm_canonical_number(buf, catalog->catalog);
	for (int i = 0; i < catalog->natts; i++)
	{
		if (catalog->columns[i].form == FORM_IGNORED)
			continue;
		if (catalog->columns[i].form == FORM_ACL)
			append_acl(view, catalog, i + 1, buf);
		else if (catalog->nulls[i])
			appendStringInfoChar(buf, 'n');
		else
			append_column(view, catalog, i + 1, buf);
	}
}

void
tm_canonical_texts(StringInfo buf, Datum texts)
{
	append_texts(texts, true, buf);
}

/* What does not count in some rows of a catalog only. */
static void
adjust_values(SchemaView *view, ViewCatalog *catalog)
{
	Datum	   *values = catalog->values;
	bool	   *nulls = catalog->nulls;
	char		kind;

	switch (catalog->catalog)
	{
		case AttributeRelationId:
			adjust_attribute(view, values, nulls);
			break;
		case ConstraintRelationId:
			kind = DatumGetChar(values[Anum_pg_constraint_contype - 1]);

			/* which columns a check is about, its expression shows */
			if (kind == CONSTRAINT_CHECK)
				nulls[Anum_pg_constraint_conkey - 1] = true;
			/* any of several indexes that are alike */
			if (kind == CONSTRAINT_FOREIGN)
				nulls[Anum_pg_constraint_conindid - 1] = true;
			/* of keys it tells only whether a partition had them before */
			if (kind == CONSTRAINT_PRIMARY || kind == CONSTRAINT_UNIQUE ||
				kind == CONSTRAINT_EXCLUSION)
				nulls[Anum_pg_constraint_connoinherit - 1] = true;
			break;
		case TypeRelationId:
			/* a text that is made of the expression */
			if (!nulls[Anum_pg_type_typdefaultbin - 1])
				nulls[Anum_pg_type_typdefault - 1] = true;
			break;
		case TriggerRelationId:
			/* of a partition's trigger only its state is its own */
			if (!OidIsValid(DatumGetObjectId(values[Anum_pg_trigger_tgparentid - 1])))
				break;
			for (int i = 0; i < catalog->natts; i++)
			{
				if (i != Anum_pg_trigger_tgrelid - 1 &&
					i != Anum_pg_trigger_tgname - 1 &&
					i != Anum_pg_trigger_tgenabled - 1)
					nulls[i] = true;
			}
			break;
		default:
			break;
	}
}

/*
 * Columns of indexes and views follow from what these are made of.  What can be
 * set for them is their statistics target, and the options of a column.
 */
static void
adjust_attribute(SchemaView *view, Datum *values, bool *nulls)
{
	Oid			relid = DatumGetObjectId(values[Anum_pg_attribute_attrelid - 1]);
	const ClosureMember *member = tm_closure_find(view->closure,
												  RelationRelationId, relid);
	char		relkind = member != NULL ? member->relkind :
		get_rel_relkind(relid);

	if (relkind == RELKIND_INDEX || relkind == RELKIND_PARTITIONED_INDEX)
	{
		for (int i = 0; i < Natts_pg_attribute; i++)
		{
			if (i != Anum_pg_attribute_attstattarget - 1 &&
				i != Anum_pg_attribute_attoptions - 1)
				nulls[i] = true;
		}
	}
	else if (relkind == RELKIND_VIEW || relkind == RELKIND_COMPOSITE_TYPE)
	{
		nulls[Anum_pg_attribute_attstorage - 1] = true;
		nulls[Anum_pg_attribute_attcompression - 1] = true;
		nulls[Anum_pg_attribute_attstattarget - 1] = true;
	}
}

/* One column that is not null. */
static void
append_column(SchemaView *view, ViewCatalog *catalog, AttrNumber attno,
			  StringInfo buf)
{
	const ViewColumn *column = &catalog->columns[attno - 1];
	Datum		value = catalog->values[attno - 1];
	ObjectName	name;
	const char *text;

	switch (column->form)
	{
		case FORM_PLAIN:
			append_plain(TupleDescAttr(RelationGetDescr(catalog->rel),
									   attno - 1), value, buf);
			break;
		case FORM_OID:
			name = tm_object_name(view, column->refclass,
								  DatumGetObjectId(value));
			tm_canonical_name(buf, &name);
			break;
		case FORM_OID_ARRAY:
			append_array(view, column->refclass, value, buf);
			break;
		case FORM_COLUMN:
			text = tm_column_name(view,
								  DatumGetObjectId(catalog->values[column->relation - 1]),
								  DatumGetInt16(value));

			tm_canonical_bytes(buf, text, strlen(text));
			break;
		case FORM_COLUMN_ARRAY:
			append_names(view,
						 DatumGetObjectId(catalog->values[column->relation - 1]),
						 value, buf);
			break;
		case FORM_EXPRESSION:
			text = tm_expression_text(view, catalog, attno);

			tm_canonical_bytes(buf, text, strlen(text));
			break;
		case FORM_SETTINGS:
			tm_canonical_char(buf,
							  tm_function_settings_retarget(&value, view->nspname,
															SCHEMA_IN_SETTING));
			append_texts(value, true, buf);
			break;
		case FORM_OPTIONS:
			append_texts(value, true, buf);
			break;
		case FORM_BODY:
			append_body(view, catalog, value, buf);
			break;
		case FORM_ACL:
		case FORM_IGNORED:
			break;
	}
}

/* The text of a function, which may name the schema */
static void
append_body(SchemaView *view, ViewCatalog *catalog, Datum value,
			StringInfo buf)
{
	Oid			language = DatumGetObjectId(catalog->values[Anum_pg_proc_prolang - 1]);
	Name		name = DatumGetName(catalog->values[Anum_pg_proc_proname - 1]);
	const char *body = TextDatumGetCString(value);
	const char *neutral = NULL;
	SchemaText	source;

	if (tm_function_text(&source, language, NameStr(*name), body))
		neutral = tm_function_text_retarget(&source, view->nspname,
											SCHEMA_IN_TEXT);
	if (neutral == NULL)
		neutral = body;
	tm_canonical_bytes(buf, neutral, strlen(neutral));
}

static void
append_plain(Form_pg_attribute att, Datum value, StringInfo buf)
{
	switch (att->atttypid)
	{
		case NAMEOID:
			tm_canonical_bytes(buf, NameStr(*DatumGetName(value)),
							   strlen(NameStr(*DatumGetName(value))));
			break;
		case TEXTOID:
		case BYTEAOID:
			{
				text	   *varlena = DatumGetTextPP(value);

				tm_canonical_bytes(buf, VARDATA_ANY(varlena),
								   VARSIZE_ANY_EXHDR(varlena));
				break;
			}
		case TEXTARRAYOID:
			append_texts(value, false, buf);
			break;
		case BOOLOID:
		case CHAROID:
			tm_canonical_char(buf, (uint8) DatumGetChar(value));
			break;
		case INT2OID:
			tm_canonical_number(buf, (uint64) DatumGetInt16(value));
			break;
		case INT4OID:
		case OIDOID:
		case FLOAT4OID:
			tm_canonical_number(buf, (uint64) DatumGetInt32(value));
			break;
		case INT8OID:
			tm_canonical_number(buf, (uint64) DatumGetInt64(value));
			break;
		default:
			{
				Oid			output;
				bool		is_varlena;
				char	   *text;

				getTypeOutputInfo(att->atttypid, &output, &is_varlena);
				text = OidOutputFunctionCall(output, value);

				tm_canonical_bytes(buf, text, strlen(text));
				break;
			}
	}
}

/* Names of several objects.  Roles of a policy are in no order. */
static void
append_array(SchemaView *view, Oid refclass, Datum value, StringInfo buf)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	Oid		   *oids = (Oid *) ARR_DATA_PTR(array);
	int			noids = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	ObjectName *names = palloc(sizeof(ObjectName) * Max(noids, 1));

	for (int i = 0; i < noids; i++)
		names[i] = tm_object_name(view, refclass, oids[i]);
	if (refclass == AuthIdRelationId)
		qsort(names, noids, sizeof(ObjectName), compare_names);
	tm_canonical_number(buf, noids);
	for (int i = 0; i < noids; i++)
		tm_canonical_name(buf, &names[i]);
}

/* Names of several columns; int2[] and int2vector have the same layout. */
static void
append_names(SchemaView *view, Oid relid, Datum value, StringInfo buf)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	int16	   *numbers = (int16 *) ARR_DATA_PTR(array);
	int			nnumbers = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	tm_canonical_number(buf, nnumbers);
	for (int i = 0; i < nnumbers; i++)
	{
		const char *name = tm_column_name(view, relid, numbers[i]);

		tm_canonical_bytes(buf, name, strlen(name));
	}
}

static void
append_texts(Datum value, bool sorted, StringInfo buf)
{
	Datum	   *elements;
	bool	   *nulls;
	int			nelements;
	char	  **texts;
	int			ntexts = 0;

	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, &nulls, &nelements);
	texts = palloc(sizeof(char *) * Max(nelements, 1));
	for (int i = 0; i < nelements; i++)
	{
		char	   *element = nulls[i] ? "" : TextDatumGetCString(elements[i]);

		if (!sorted || tm_option_counts(element))
			texts[ntexts++] = element;
	}

	/* no options are as good as none that count */
	if (sorted && ntexts == 0)
	{
		appendStringInfoChar(buf, 'n');
		return;
	}
	if (sorted)
		qsort(texts, ntexts, sizeof(char *), compare_strings);
	tm_canonical_number(buf, ntexts);
	for (int i = 0; i < ntexts; i++)
		tm_canonical_bytes(buf, texts[i], strlen(texts[i]));
}

/* What is not written down is the default of the kind of object. */
static void
append_acl(SchemaView *view, ViewCatalog *catalog, AttrNumber attno,
		   StringInfo buf)
{
	Acl		   *acl = catalog->nulls[attno - 1] ? default_acl(catalog) :
		DatumGetAclP(catalog->values[attno - 1]);
	AclBytes   *items;
	int			nitems;

	if (acl == NULL)
	{
		appendStringInfoChar(buf, 'n');
		return;
	}
	nitems = ACL_NUM(acl);
	items = palloc0(sizeof(AclBytes) * Max(nitems, 1));
	for (int i = 0; i < nitems; i++)
	{
		const AclItem *item = &ACL_DAT(acl)[i];

		items[i].grantee = tm_object_name(view, AuthIdRelationId,
										  item->ai_grantee);
		items[i].grantor = tm_object_name(view, AuthIdRelationId,
										  item->ai_grantor);
		for (int j = 0; j < 8; j++)
			items[i].privileges[j] =
				(uint8) ((uint64) item->ai_privs >> (56 - 8 * j));
	}
	qsort(items, nitems, sizeof(AclBytes), compare_privileges);
	tm_canonical_number(buf, nitems);
	for (int i = 0; i < nitems; i++)
		appendBinaryStringInfo(buf, (char *) &items[i], sizeof(AclBytes));
}

/* The privileges on the object at hand if nobody has changed them, or NULL. */
static Acl *
default_acl(ViewCatalog *catalog)
{
	Oid			owner = catalog->owner == 0 ? InvalidOid :
		DatumGetObjectId(catalog->values[catalog->owner - 1]);

	switch (catalog->catalog)
	{
		case NamespaceRelationId:
			return acldefault(OBJECT_SCHEMA, owner);
		case ProcedureRelationId:
			return acldefault(OBJECT_FUNCTION, owner);
		case TypeRelationId:
			return acldefault(OBJECT_TYPE, owner);
		case RelationRelationId:
			switch (DatumGetChar(catalog->values[Anum_pg_class_relkind - 1]))
			{
				case RELKIND_SEQUENCE:
					return acldefault(OBJECT_SEQUENCE, owner);
				case RELKIND_RELATION:
				case RELKIND_PARTITIONED_TABLE:
				case RELKIND_FOREIGN_TABLE:
				case RELKIND_VIEW:
				case RELKIND_MATVIEW:
					return acldefault(OBJECT_TABLE, owner);
				default:
					return NULL;
			}
		default:
			return NULL;
	}
}

static int
compare_names(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(ObjectName));
}

static int
compare_privileges(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(AclBytes));
}

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}
