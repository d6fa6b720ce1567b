/*
 * union_view.c
 *		Views of a table of all tenants.
 *
 * all_tenants.orders is a UNION ALL over the tenants' tables of that name, with
 * the tenant's name before the columns.  It belongs to whoever has asked for
 * it, and whoever reads it needs privileges on the tables themselves.  When
 * tenants come and go, it is defined anew, as its owner, with the columns that
 * it has.  This is the only file that knows the columns of
 * tenant.united_table, which says what views there are.
 *
 * A type of the tenant's own is another one in each of them, so its values
 * become texts, by the type's output function and not by a cast, which the
 * tenant could have made.  Of what has other columns, and of views, which can
 * hide code of a tenant's, it is said that they are not there.
 *
 * The branches are paired, so that the depth of the query, and the stack that
 * it takes, grows with the logarithm of their number.  What does grow with it
 * is the number of locks of whoever defines or reads the view.
 *
 * Locks: the table of views in ShareRowExclusiveLock mode, so that of two that
 * define a view the second one sees the other's tenant; then the tables.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/twophase.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/view.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "parser/parser.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/own_schema.h"
#include "base/own_table.h"
#include "base/tenant_mgr.h"
#include "binding/binding.h"
#include "binding/ownership.h"
#include "lifecycle/union_view.h"
#include "tenants/registry.h"
#include "tenants/tenant_lock.h"
#include "tenants/tenant_name.h"

#define VIEW_SCHEMA		"all_tenants"

/* How many tenants that are left out are named */
#define MAX_TOLD		100

/* Columns of tenant.united_table */
#define Anum_united_table_name	1
#define Natts_united			1

#define UNITED_TABLE	"united_table"
#define UNITED_INDEX	"united_table_pkey"

/* A column of a view, after that of the tenant */
typedef struct UnitedColumn
{
	char		name[NAMEDATALEN];
	Oid			type;			/* TEXTOID for types of tenants' own */
	int32		typmod;
	Oid			collation;
} UnitedColumn;

static Oid	view_schema(void);
static Oid	type_namespace(Oid type);
static Oid	collation_namespace(Oid collation);
static List *live_tenants(const pg_uuid_t *leaving);
static int	compare_tenants(const ListCell *a, const ListCell *b);
static List *reference_columns(const char *table, List *tenants);
static List *columns_of(Relation rel, Oid own_schema, int first);
static void define_view(const char *table, List *columns, List *tenants,
						bool replace, int elevel);
static void refuse_too_many(int ntables);
static char *branch(const char *table, List *columns,
					const TenantInfo *tenant, char **reason);
static void append_column(StringInfo sql, const UnitedColumn *column,
						  Form_pg_attribute attribute, Oid own_schema);
static void append_output(StringInfo sql, const char *column, Oid type);
static char *empty_branch(List *columns);
static char *unite(List *branches);
static void follow_view(Relation united, const char *table,
						const pg_uuid_t *leaving, ItemPointer tid);
static SysScanDesc scan_table(Relation rel, const char *table,
							  ScanKeyData *key);

PG_FUNCTION_INFO_V1(tenant_union_view);
PG_FUNCTION_INFO_V1(tenant_drop_union_view);

/* union_view(table_name): make it, or make it anew. */
Datum
tenant_union_view(PG_FUNCTION_ARGS)
{
	char	   *table = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Relation	united;
	ScanKeyData key;
	SysScanDesc scan;
	List	   *tenants;
	List	   *columns;
	bool		is_known;
	Oid			nspid;

	tm_tenant_lock_begin("tenant.union_view()");
	tm_ownership_refuse_other(NULL);
	if (tm_binding_current() != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s cannot be used by a session that is bound to a tenant",
						"tenant.union_view()"),
				 errhint("Use tenant.reset() first.")));

	united = tm_own_table_open(UNITED_TABLE, Natts_united,
							   ShareRowExclusiveLock);
	tenants = live_tenants(NULL);
	columns = reference_columns(table, tenants);
	if (columns == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("no tenant has a table \"%s\"",
						tm_tenant_name_printable(table))));
	nspid = view_schema();
	define_view(table, columns, tenants,
				OidIsValid(get_relname_relid(table, nspid)), WARNING);

	scan = scan_table(united, table, &key);
	is_known = systable_getnext(scan) != NULL;
	systable_endscan(scan);
	if (!is_known)
	{
		Datum		values[Natts_united] = {CStringGetTextDatum(table)};
		bool		nulls[Natts_united] = {false};

		tm_own_table_insert(united, Natts_united, values, nulls);
	}
	table_close(united, NoLock);

	PG_RETURN_OID(get_relname_relid(table, nspid));
}

/* drop_union_view(table_name) */
Datum
tenant_drop_union_view(PG_FUNCTION_ARGS)
{
	char	   *table = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Oid			nspid = get_namespace_oid(VIEW_SCHEMA, true);
	Oid			relid = OidIsValid(nspid) ?
		get_relname_relid(table, nspid) : InvalidOid;
	Relation	united;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	tm_tenant_lock_begin("tenant.drop_union_view()");
	tm_ownership_refuse_other(NULL);
	united = tm_own_table_open(UNITED_TABLE, Natts_united,
							   ShareRowExclusiveLock);
	scan = scan_table(united, table, &key);
	tuple = systable_getnext(scan);
	if (tuple == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no view of table \"%s\" of all tenants",
						tm_tenant_name_printable(table))));
	if (OidIsValid(relid))
	{
		ObjectAddress address;

		if (!tm_class_ownercheck(relid, GetUserId()))
			aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_VIEW, table);
		ObjectAddressSet(address, RelationRelationId, relid);
		performDeletion(&address, DROP_RESTRICT, 0);
	}
	tm_own_table_delete(united, &tuple->t_self);
	systable_endscan(scan);
	table_close(united, NoLock);

	PG_RETURN_VOID();
}

void
tm_union_views_follow(const pg_uuid_t *leaving)
{
	Oid			our_schema = tm_own_schema();
	List	   *tables = NIL;
	Relation	united;
	SysScanDesc scan;
	HeapTuple	tuple;

	/* The extension's objects may be older than the library. */
	if (!OidIsValid(get_relname_relid(UNITED_TABLE, our_schema)))
		return;
	united = tm_own_table_open(UNITED_TABLE, Natts_united, AccessShareLock);
	scan = tm_own_table_scan(united, UNITED_INDEX, 0, NULL);
	if (systable_getnext(scan) == NULL)
	{
		systable_endscan(scan);
		table_close(united, AccessShareLock);
		return;
	}
	systable_endscan(scan);
	table_close(united, AccessShareLock);

	united = tm_own_table_open(UNITED_TABLE, Natts_united,
							   ShareRowExclusiveLock);
	scan = tm_own_table_scan(united, UNITED_INDEX, 0, NULL);
	while ((tuple = systable_getnext(scan)) != NULL)
		tables = lappend(tables, heap_copytuple(tuple));
	systable_endscan(scan);

	while (tables != NIL)
	{
		Datum		values[Natts_united];
		bool		nulls[Natts_united];

		tuple = linitial(tables);
		tm_own_table_deform(tuple, RelationGetDescr(united), Natts_united,
							values, nulls);
		follow_view(united, TextDatumGetCString(values[0]), leaving,
					&tuple->t_self);
		tables = list_delete_first(tables);
	}
	table_close(united, NoLock);
}

/* As the owner of the view, which has the columns that it has. */
static void
follow_view(Relation united, const char *table, const pg_uuid_t *leaving,
			ItemPointer tid)
{
	Oid			nspid = get_namespace_oid(VIEW_SCHEMA, true);
	Oid			relid = OidIsValid(nspid) ?
		get_relname_relid(table, nspid) : InvalidOid;
	Oid			save_userid;
	int			save_sec_context;
	Relation	view;
	List	   *columns;
	Oid			owner;

	if (get_rel_relkind(relid) != RELKIND_VIEW)
	{
		ereport(WARNING,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("view \"%s.%s\" is not there any more", VIEW_SCHEMA,
						table),
				 errhint("Use tenant.union_view() to make it again.")));
		tm_own_table_delete(united, tid);
		return;
	}
	view = table_open(relid, AccessExclusiveLock);
	columns = columns_of(view, InvalidOid, 1);
	owner = view->rd_rel->relowner;
	table_close(view, NoLock);

	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	SetUserIdAndSecContext(owner, save_sec_context |
						   SECURITY_RESTRICTED_OPERATION);
	define_view(table, columns, live_tenants(leaving), true, NOTICE);
	SetUserIdAndSecContext(save_userid, save_sec_context);
}

static Oid
view_schema(void)
{
	Oid			nspid = get_namespace_oid(VIEW_SCHEMA, true);

	if (OidIsValid(nspid))
		return nspid;
	tm_tenant_lock_check_create();
	nspid = NamespaceCreate(VIEW_SCHEMA, GetUserId(), false);
	CommandCounterIncrement();
	return nspid;
}

static Oid
type_namespace(Oid type)
{
	return GetSysCacheOid1(TYPEOID, Anum_pg_type_typnamespace,
						   ObjectIdGetDatum(type));
}

static Oid
collation_namespace(Oid collation)
{
	return GetSysCacheOid1(COLLOID, Anum_pg_collation_collnamespace,
						   ObjectIdGetDatum(collation));
}

/* Those that are no templates, in the order of their names. */
static List *
live_tenants(const pg_uuid_t *leaving)
{
	List	   *tenants = tm_registry_list();
	ListCell   *lc;

	foreach(lc, tenants)
	{
		const TenantInfo *tenant = lfirst(lc);

		if (tenant->state == TENANT_TRASHED || tenant->is_template ||
			!OidIsValid(tenant->nspid) ||
			(leaving != NULL &&
			 memcmp(&tenant->id, leaving, sizeof(pg_uuid_t)) == 0))
			tenants = foreach_delete_current(tenants, lc);
	}
	list_sort(tenants, compare_tenants);
	return tenants;
}

static int
compare_tenants(const ListCell *a, const ListCell *b)
{
	return strcmp(((const TenantInfo *) lfirst(a))->name,
				  ((const TenantInfo *) lfirst(b))->name);
}

/* The columns of the first tenant that has the table */
static List *
reference_columns(const char *table, List *tenants)
{
	ListCell   *lc;

	foreach(lc, tenants)
	{
		const TenantInfo *tenant = lfirst(lc);
		Oid			relid = get_relname_relid(table, tenant->nspid);
		char		relkind = get_rel_relkind(relid);
		Relation	rel;
		List	   *columns;

		if (relkind != RELKIND_RELATION &&
			relkind != RELKIND_PARTITIONED_TABLE)
			continue;
		rel = try_table_open(relid, AccessShareLock);
		if (rel == NULL)
			continue;
		columns = columns_of(rel, tenant->nspid, 0);
		table_close(rel, NoLock);
		return columns;
	}
	return NIL;
}

/* From some column on; those of types of a schema as texts. */
static List *
columns_of(Relation rel, Oid own_schema, int first)
{
	TupleDesc	desc = RelationGetDescr(rel);
	List	   *columns = NIL;

	for (int i = first; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		UnitedColumn *column;

		if (attribute->attisdropped)
			continue;
		column = palloc(sizeof(UnitedColumn));
		strlcpy(column->name, NameStr(attribute->attname), NAMEDATALEN);
		column->type = attribute->atttypid;
		column->typmod = attribute->atttypmod;
		column->collation = attribute->attcollation;
		if (OidIsValid(own_schema) &&
			type_namespace(attribute->atttypid) == own_schema)
		{
			column->type = TEXTOID;
			column->typmod = -1;
			column->collation = DEFAULT_COLLATION_OID;
		}
		columns = lappend(columns, column);
	}
	return columns;
}

/*
 * Define it as CREATE VIEW does, but not by way of SQL: the guard has nothing to
 * say about what it names, for reading it is what will be judged.  Of what is
 * left out, not everything is said for ever.
 */
static void
define_view(const char *table, List *columns, List *tenants, bool replace,
			int elevel)
{
	List	   *branches = NIL;
	int			nleft_out = 0;
	StringInfoData sql;
	int			save_nestlevel;
	RawStmt    *statement;
	ListCell   *lc;

	refuse_too_many(list_length(tenants));
	foreach(lc, tenants)
	{
		const TenantInfo *tenant = lfirst(lc);
		char	   *reason = NULL;
		char	   *text = branch(table, columns, tenant, &reason);

		CHECK_FOR_INTERRUPTS();
		if (text != NULL)
			branches = lappend(branches, text);
		else
		{
			ereport(nleft_out++ < MAX_TOLD ? elevel : DEBUG1,
					(errmsg("table \"%s\" of tenant \"%s\" is not in view \"%s.%s\"",
							table, tenant->name, VIEW_SCHEMA, table),
					 errdetail_internal("%s", reason)));
		}
	}
	if (nleft_out > MAX_TOLD)
		ereport(elevel,
				(errmsg("so are tables of %d other tenants",
						nleft_out - MAX_TOLD)));
	if (branches == NIL)
		branches = list_make1(empty_branch(columns));

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE %sVIEW %s.%s WITH (security_invoker = true) AS %s",
					 replace ? "OR REPLACE " : "", VIEW_SCHEMA,
					 quote_identifier(table), unite(branches));
	statement = linitial_node(RawStmt, raw_parser(sql.data, RAW_PARSE_DEFAULT));
	save_nestlevel = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	DefineView(castNode(ViewStmt, statement->stmt), sql.data,
			   statement->stmt_location, statement->stmt_len);
	AtEOXact_GUC(false, save_nestlevel);
	CommandCounterIncrement();
}

/* Whoever defines or reads the view locks all of the tables. */
static void
refuse_too_many(int ntables)
{
	int			limit = max_locks_per_xact *
		(MaxBackends + max_prepared_xacts) / 2;

	if (ntables > limit)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("too many tenants for a view of all of them"),
				 errdetail("There are %d; %d locks can be taken at once.",
						   ntables, limit),
				 errhint("Use tenant.query(), or raise max_locks_per_transaction.")));
}

/* The tenant's part of the query, or NULL and why there is none */
static char *
branch(const char *table, List *columns, const TenantInfo *tenant,
	   char **reason)
{
	Oid			relid = get_relname_relid(table, tenant->nspid);
	char		relkind = get_rel_relkind(relid);
	StringInfoData sql;
	Relation	rel;
	ListCell   *lc;

	if (!OidIsValid(relid))
		*reason = _("There is no such table.");
	else if (relkind != RELKIND_RELATION &&
			 relkind != RELKIND_PARTITIONED_TABLE)
		*reason = _("It is not a table.");
	else if (tm_schema_aclcheck(tenant->nspid, GetUserId(),
								ACL_USAGE) != ACLCHECK_OK)
		*reason = _("The owner of the view may not use the schema.");
	if (*reason != NULL)
		return NULL;

	rel = try_table_open(relid, AccessShareLock);
	if (rel == NULL)
	{
		*reason = _("There is no such table.");
		return NULL;
	}
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s::pg_catalog.text AS tenant",
					 quote_literal_cstr(tenant->name));
	foreach(lc, columns)
	{
		const UnitedColumn *column = lfirst(lc);
		AttrNumber	attnum = get_attnum(relid, column->name);
		Form_pg_attribute attribute;
		bool		is_own;

		if (attnum <= 0)
		{
			*reason = psprintf(_("It has no column \"%s\"."), column->name);
			break;
		}
		attribute = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
		is_own = type_namespace(attribute->atttypid) == tenant->nspid;
		if (is_own ? column->type != TEXTOID :
			(attribute->atttypid != column->type ||
			 attribute->atttypmod != column->typmod ||
			 attribute->attcollation != column->collation))
		{
			*reason = psprintf(_("Its column \"%s\" is of type %s, and the view's is %s."),
							   column->name,
							   format_type_with_typemod(attribute->atttypid,
														attribute->atttypmod),
							   format_type_with_typemod(column->type,
														column->typmod));
			break;
		}
		append_column(&sql, column, attribute, tenant->nspid);
	}
	table_close(rel, NoLock);
	if (*reason != NULL)
		return NULL;
	appendStringInfo(&sql, " FROM %s",
					 quote_qualified_identifier(tenant->schema_name, table));
	return sql.data;
}

static void
append_column(StringInfo sql, const UnitedColumn *column,
			  Form_pg_attribute attribute, Oid own_schema)
{
	const char *name = quote_identifier(column->name);

	appendStringInfoString(sql, ", ");
	if (type_namespace(attribute->atttypid) == own_schema)
		append_output(sql, name, attribute->atttypid);
	else
		appendStringInfoString(sql, name);
	appendStringInfo(sql, " AS %s", name);
}

/* A value as a text: what textin makes of what the type's function gives */
static void
append_output(StringInfo sql, const char *column, Oid type)
{
	Oid			base = getBaseType(type);
	Oid			function;
	bool		is_varlena;

	getTypeOutputInfo(base, &function, &is_varlena);
	appendStringInfo(sql, "pg_catalog.textin(%s(%s",
					 quote_qualified_identifier(get_namespace_name(get_func_namespace(function)),
												get_func_name(function)),
					 column);
	if (base != type)
		appendStringInfo(sql, "::%s",
						 format_type_extended(base, -1,
											  FORMAT_TYPE_FORCE_QUALIFY));
	appendStringInfoString(sql, "))");
}

/* So the view has its columns when there is no tenant. */
static char *
empty_branch(List *columns)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT NULL::pg_catalog.text AS tenant");
	foreach(lc, columns)
	{
		const UnitedColumn *column = lfirst(lc);

		appendStringInfo(&sql, ", NULL::%s",
						 format_type_extended(column->type, column->typmod,
											  FORMAT_TYPE_TYPEMOD_GIVEN |
											  FORMAT_TYPE_FORCE_QUALIFY));
		if (OidIsValid(column->collation) &&
			column->collation != get_typcollation(column->type))
			appendStringInfo(&sql, " COLLATE %s",
							 quote_qualified_identifier(get_namespace_name(collation_namespace(column->collation)), get_collation_name(column->collation)));
		appendStringInfo(&sql, " AS %s", quote_identifier(column->name));
	}
	appendStringInfoString(&sql, " WHERE false");
	return sql.data;
}

/* Pairs of pairs: neither parser nor planner have to go deep. */
static char *
unite(List *branches)
{
	while (list_length(branches) > 1)
	{
		List	   *pairs = NIL;

		for (int i = 0; i < list_length(branches); i += 2)
		{
			if (i + 1 == list_length(branches))
				pairs = lappend(pairs, list_nth(branches, i));
			else
				pairs = lappend(pairs, psprintf("(%s UNION ALL %s)",
												(char *) list_nth(branches, i),
												(char *) list_nth(branches,
																  i + 1)));
			CHECK_FOR_INTERRUPTS();
		}
		branches = pairs;
	}
	return linitial(branches);
}

static SysScanDesc
scan_table(Relation rel, const char *table, ScanKeyData *key)
{
	ScanKeyInit(key, Anum_united_table_name, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(table));
	return tm_own_table_scan(rel, UNITED_INDEX, 1, key);
}
