/*
 * migration.c
 *		Migrations and their statements: rows of tenant.migration and
 *		tenant.migration_statement.
 *
 * This is the only file that knows the columns of these tables.  They are read
 * and written without regard to privileges on them.
 *
 * A migration is a version, by which it has its place among others, and a list
 * of statements.  While it is being recorded it is not complete: it grows with
 * each transaction of the session that records it, and nobody gets it.
 *
 * Lock order: migrations are added and removed under ShareUpdateExclusiveLock
 * on tenant.migration, which readers do not notice.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "common/cryptohash.h"
#include "common/hashfn.h"
#include "common/sha2.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/own_table.h"
#include "fleet/migration.h"
#include "fleet/version_form.h"
#include "tenants/tenant_name.h"

/* Of advisory locks, those that SQL can take are of the classes 1 and 2 */
#define RECORDING_LOCK_CLASS	3

/* Columns of tenant.migration */
#define Anum_migration_version			1
#define Anum_migration_position			2
#define Anum_migration_description		3
#define Anum_migration_checksum			4
#define Anum_migration_transactional	5
#define Anum_migration_recorded			6
#define Anum_migration_created_at		7
#define Anum_migration_created_by		8
#define Anum_migration_complete			9
#define Anum_migration_tenant_id		10
#define Natts_migration					10

/* Columns of tenant.migration_statement */
#define Anum_statement_version			1
#define Anum_statement_ordinal			2
#define Anum_statement_text				3
#define Anum_statement_types			4
#define Anum_statement_values			5
#define Anum_statement_role				6
#define Anum_statement_settings			7
#define Natts_statement					7

#define MIGRATION_TABLE			"migration"
#define MIGRATION_BY_VERSION	"migration_pkey"
#define STATEMENT_TABLE			"migration_statement"
#define STATEMENT_BY_VERSION	"migration_statement_pkey"

static Relation open_migrations(LOCKMODE lockmode);
static void lock_version(const char *version, LOCKMODE lockmode);
static SysScanDesc scan_version(Relation rel, const char *version);
static SysScanDesc scan_statements(Relation rel, const char *version);
static Migration *migration_from_tuple(HeapTuple tuple, TupleDesc desc);
static int	compare_migrations(const ListCell *a, const ListCell *b);
static int	compare_statements(const ListCell *a, const ListCell *b);
static MigrationStatement *statement_from_tuple(HeapTuple tuple,
												TupleDesc desc);
static void change_row(const char *version, const Datum *values,
					   const bool *replace);
static void delete_statements(const char *version);
static Datum text_or_null(const char *value, bool *isnull);
static char *cstring_or_null(Datum value, bool isnull);
static Datum array_of_texts(char **values, int nvalues);
static char **texts_of_array(Datum array, int *nvalues);
static void hash_text(pg_cryptohash_ctx *context, const char *value);

Migration *
tm_migration_lookup(const char *version, bool missing_ok)
{
	Relation	rel = open_migrations(AccessShareLock);
	SysScanDesc scan = scan_version(rel, version);
	HeapTuple	tuple = systable_getnext(scan);
	Migration  *migration = NULL;

	if (tuple != NULL)
		migration = migration_from_tuple(tuple, RelationGetDescr(rel));
	else if (!missing_ok)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("migration \"%s\" does not exist",
						tm_tenant_name_printable(version))));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return migration;
}

List *
tm_migration_list(const char *to_version)
{
	Relation	rel = open_migrations(AccessShareLock);
	SysScanDesc scan = tm_own_table_scan(rel, MIGRATION_BY_VERSION, 0, NULL);
	List	   *migrations = NIL;
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Migration  *migration = migration_from_tuple(tuple,
													 RelationGetDescr(rel));

		CHECK_FOR_INTERRUPTS();
		if (migration->complete &&
			(to_version == NULL ||
			 tm_migration_compare(migration->version, to_version) <= 0))
			migrations = lappend(migrations, migration);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	list_sort(migrations, compare_migrations);
	return migrations;
}

List *
tm_migration_statements(const char *version)
{
	Relation	rel = tm_own_table_open(STATEMENT_TABLE, Natts_statement,
										AccessShareLock);
	SysScanDesc scan = scan_statements(rel, version);
	List	   *statements = NIL;
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		statements = lappend(statements,
							 statement_from_tuple(tuple,
												  RelationGetDescr(rel)));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	list_sort(statements, compare_statements);
	return statements;
}

int
tm_migration_last_ordinal(const char *version)
{
	Relation	rel = tm_own_table_open(STATEMENT_TABLE, Natts_statement,
										AccessShareLock);
	SysScanDesc scan = scan_statements(rel, version);
	int			last = 0;
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		bool		isnull;
		Datum		ordinal = heap_getattr(tuple, Anum_statement_ordinal,
										   RelationGetDescr(rel), &isnull);

		last = Max(last, DatumGetInt32(ordinal));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return last;
}

int
tm_migration_compare(const char *a, const char *b)
{
	return strcmp(a, b);
}

bool
tm_migration_may_write(void)
{
	return pg_class_aclcheck(tm_own_table_relid(MIGRATION_TABLE), GetUserId(),
							 ACL_INSERT) == ACLCHECK_OK;
}

void
tm_migration_check_version(const char *version)
{
	const char *problem = tm_version_problem(version);

	/* What came under an older rule can be used and got rid of. */
	if (problem == NULL || tm_migration_lookup(version, true) != NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_NAME),
			 errmsg("invalid version of a migration: \"%s\"",
					tm_tenant_name_printable(version)),
			 errdetail_internal("%s", problem)));
}

void
tm_migration_lock(void)
{
	table_close(open_migrations(ShareUpdateExclusiveLock), NoLock);
}

void
tm_migration_lock_shared(void)
{
	table_close(open_migrations(ShareLock), NoLock);
}

void
tm_migration_hold(const char *version)
{
	lock_version(version, AccessShareLock);
}

void
tm_migration_lock_out(const char *version)
{
	lock_version(version, AccessExclusiveLock);
}

LOCKTAG
tm_migration_recording_tag(const char *version)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId,
						 tm_own_table_relid(MIGRATION_TABLE),
						 hash_bytes((const unsigned char *) version,
									strlen(version)),
						 RECORDING_LOCK_CLASS);
	return tag;
}

void
tm_migration_hold_recording(const char *version, bool for_session)
{
	LOCKTAG		tag = tm_migration_recording_tag(version);

	if (LockAcquire(&tag, ExclusiveLock, for_session,
					true) == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("migration \"%s\" is being recorded by another session",
						version),
				 errhint("Wait until that has ended, or use another version.")));
}

static void
lock_version(const char *version, LOCKMODE lockmode)
{
	LockDatabaseObject(tm_own_table_relid(MIGRATION_TABLE),
					   hash_bytes((const unsigned char *) version,
								  strlen(version)), 0, lockmode);
}

void
tm_migration_insert(Migration *migration)
{
	Relation	rel = open_migrations(ShareUpdateExclusiveLock);
	Datum		values[Natts_migration];
	bool		nulls[Natts_migration] = {0};

	migration->position = tm_own_table_next_number(rel, MIGRATION_BY_VERSION,
												   Anum_migration_position);
	migration->created_at = GetCurrentTransactionStartTimestamp();
	migration->created_by = GetUserNameFromId(GetUserId(), false);

	values[Anum_migration_version - 1] =
		CStringGetTextDatum(migration->version);
	values[Anum_migration_position - 1] = Int64GetDatum(migration->position);
	values[Anum_migration_description - 1] =
		text_or_null(migration->description,
					 &nulls[Anum_migration_description - 1]);
	values[Anum_migration_checksum - 1] =
		text_or_null(migration->checksum, &nulls[Anum_migration_checksum - 1]);
	values[Anum_migration_transactional - 1] =
		BoolGetDatum(migration->transactional);
	values[Anum_migration_recorded - 1] = BoolGetDatum(migration->recorded);
	values[Anum_migration_created_at - 1] =
		TimestampTzGetDatum(migration->created_at);
	values[Anum_migration_created_by - 1] =
		CStringGetTextDatum(migration->created_by);
	values[Anum_migration_complete - 1] = BoolGetDatum(migration->complete);
	values[Anum_migration_tenant_id - 1] =
		UUIDPGetDatum(&migration->tenant_id);
	nulls[Anum_migration_tenant_id - 1] = !migration->has_tenant;
	tm_own_table_insert(rel, Natts_migration, values, nulls);
	table_close(rel, NoLock);
}

void
tm_migration_add_statement(const char *version,
						   const MigrationStatement *statement)
{
	Relation	rel = tm_own_table_open(STATEMENT_TABLE, Natts_statement,
										RowExclusiveLock);
	Datum		values[Natts_statement];
	bool		nulls[Natts_statement] = {0};
	char	  **settings;
	int			nsettings = 0;
	ListCell   *lc;

	values[Anum_statement_version - 1] = CStringGetTextDatum(version);
	values[Anum_statement_ordinal - 1] = Int32GetDatum(statement->ordinal);
	values[Anum_statement_text - 1] = CStringGetTextDatum(statement->text);
	values[Anum_statement_types - 1] =
		array_of_texts(statement->types, statement->nparams);
	values[Anum_statement_values - 1] =
		array_of_texts(statement->values, statement->nparams);
	nulls[Anum_statement_types - 1] = nulls[Anum_statement_values - 1] =
		statement->nparams == 0;
	values[Anum_statement_role - 1] =
		text_or_null(statement->role, &nulls[Anum_statement_role - 1]);
	settings = palloc(sizeof(char *) * (list_length(statement->settings) + 1));
	foreach(lc, statement->settings)
		settings[nsettings++] = lfirst(lc);
	values[Anum_statement_settings - 1] = array_of_texts(settings, nsettings);
	nulls[Anum_statement_settings - 1] = nsettings == 0;
	tm_own_table_insert(rel, Natts_statement, values, nulls);
	table_close(rel, NoLock);
}

void
tm_migration_set_transactional(const char *version, bool transactional)
{
	Datum		values[Natts_migration] = {0};
	bool		replace[Natts_migration] = {0};

	values[Anum_migration_transactional - 1] = BoolGetDatum(transactional);
	replace[Anum_migration_transactional - 1] = true;
	change_row(version, values, replace);
}

void
tm_migration_set_complete(const char *version, const char *checksum)
{
	Datum		values[Natts_migration] = {0};
	bool		replace[Natts_migration] = {0};

	values[Anum_migration_complete - 1] = BoolGetDatum(true);
	values[Anum_migration_checksum - 1] = CStringGetTextDatum(checksum);
	replace[Anum_migration_complete - 1] = true;
	replace[Anum_migration_checksum - 1] = true;
	change_row(version, values, replace);
}

void
tm_migration_delete(const char *version)
{
	change_row(version, NULL, NULL);
	delete_statements(version);
}

char *
tm_migration_checksum(List *statements, bool transactional)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char	   *result = palloc(2 * sizeof(digest) + 1);
	ListCell   *lc;

	if (pg_cryptohash_init(context) < 0)
		elog(ERROR, "could not begin a digest: %s",
			 pg_cryptohash_error(context));
	hash_text(context, transactional ? "t" : "f");
	foreach(lc, statements)
	{
		const MigrationStatement *statement = lfirst(lc);

		hash_text(context, statement->text);
		for (int i = 0; i < statement->nparams; i++)
		{
			hash_text(context, statement->types[i]);
			hash_text(context, statement->values[i]);
		}
	}
	if (pg_cryptohash_final(context, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not finish a digest: %s",
			 pg_cryptohash_error(context));
	pg_cryptohash_free(context);
	result[hex_encode((char *) digest, sizeof(digest), result)] = '\0';
	return result;
}

static Relation
open_migrations(LOCKMODE lockmode)
{
	return tm_own_table_open(MIGRATION_TABLE, Natts_migration, lockmode);
}

static SysScanDesc
scan_version(Relation rel, const char *version)
{
	ScanKeyData key;

	ScanKeyInit(&key, Anum_migration_version, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(version));
	return tm_own_table_scan(rel, MIGRATION_BY_VERSION, 1, &key);
}

static SysScanDesc
scan_statements(Relation rel, const char *version)
{
	ScanKeyData key;

	ScanKeyInit(&key, Anum_statement_version, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(version));
	return tm_own_table_scan(rel, STATEMENT_BY_VERSION, 1, &key);
}

static Migration *
migration_from_tuple(HeapTuple tuple, TupleDesc desc)
{
	Migration  *migration = palloc0(sizeof(Migration));
	Datum		values[Natts_migration];
	bool		nulls[Natts_migration];

	tm_own_table_deform(tuple, desc, Natts_migration, values, nulls);
	migration->version =
		TextDatumGetCString(values[Anum_migration_version - 1]);
	migration->position = DatumGetInt64(values[Anum_migration_position - 1]);
	migration->description =
		cstring_or_null(values[Anum_migration_description - 1],
						nulls[Anum_migration_description - 1]);
	migration->checksum = cstring_or_null(values[Anum_migration_checksum - 1],
										  nulls[Anum_migration_checksum - 1]);
	migration->transactional =
		DatumGetBool(values[Anum_migration_transactional - 1]);
	migration->recorded = DatumGetBool(values[Anum_migration_recorded - 1]);
	migration->complete = DatumGetBool(values[Anum_migration_complete - 1]);
	migration->has_tenant = !nulls[Anum_migration_tenant_id - 1];
	if (migration->has_tenant)
		migration->tenant_id =
			*DatumGetUUIDP(values[Anum_migration_tenant_id - 1]);
	migration->created_at =
		DatumGetTimestampTz(values[Anum_migration_created_at - 1]);
	migration->created_by =
		TextDatumGetCString(values[Anum_migration_created_by - 1]);
	return migration;
}

/* The index may have been dropped, and then rows come in no order. */
static int
compare_migrations(const ListCell *a, const ListCell *b)
{
	const Migration *left = lfirst(a);
	const Migration *right = lfirst(b);

	return tm_migration_compare(left->version, right->version);
}

static int
compare_statements(const ListCell *a, const ListCell *b)
{
	const MigrationStatement *left = lfirst(a);
	const MigrationStatement *right = lfirst(b);

	return left->ordinal < right->ordinal ? -1 :
		left->ordinal > right->ordinal;
}

static MigrationStatement *
statement_from_tuple(HeapTuple tuple, TupleDesc desc)
{
	MigrationStatement *statement = palloc0(sizeof(MigrationStatement));
	Datum		values[Natts_statement];
	bool		nulls[Natts_statement];

	tm_own_table_deform(tuple, desc, Natts_statement, values, nulls);
	statement->ordinal = DatumGetInt32(values[Anum_statement_ordinal - 1]);
	statement->text = TextDatumGetCString(values[Anum_statement_text - 1]);
	statement->role = cstring_or_null(values[Anum_statement_role - 1],
									  nulls[Anum_statement_role - 1]);
	if (!nulls[Anum_statement_types - 1] && !nulls[Anum_statement_values - 1])
	{
		int			nvalues;

		statement->types = texts_of_array(values[Anum_statement_types - 1],
										  &statement->nparams);
		statement->values = texts_of_array(values[Anum_statement_values - 1],
										   &nvalues);
		if (nvalues != statement->nparams)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("statement %d of a migration has %d types of parameters and %d values",
							statement->ordinal, statement->nparams, nvalues)));
	}
	if (!nulls[Anum_statement_settings - 1])
	{
		int			nsettings;
		char	  **settings = texts_of_array(values[Anum_statement_settings - 1],
											  &nsettings);

		for (int i = 0; i < nsettings; i++)
			statement->settings = lappend(statement->settings, settings[i]);
	}
	return statement;
}

/* Give columns of the row other values, or delete it if there are none. */
static void
change_row(const char *version, const Datum *values, const bool *replace)
{
	Relation	rel = open_migrations(ShareUpdateExclusiveLock);
	SysScanDesc scan = scan_version(rel, version);
	HeapTuple	tuple = systable_getnext(scan);
	bool		nulls[Natts_migration] = {0};

	if (tuple == NULL)
		elog(ERROR, "row of migration \"%s\" has vanished", version);
	if (values != NULL)
		tm_own_table_update(rel, &tuple->t_self, Natts_migration, values,
							nulls, replace);
	else
		tm_own_table_delete(rel, &tuple->t_self);
	systable_endscan(scan);
	table_close(rel, NoLock);
}

static void
delete_statements(const char *version)
{
	Relation	rel = tm_own_table_open(STATEMENT_TABLE, Natts_statement,
										RowExclusiveLock);

	tm_own_table_delete_found(rel, scan_statements(rel, version));
	table_close(rel, NoLock);
}

static Datum
text_or_null(const char *value, bool *isnull)
{
	*isnull = value == NULL;
	return value != NULL ? CStringGetTextDatum(value) : (Datum) 0;
}

static char *
cstring_or_null(Datum value, bool isnull)
{
	return isnull ? NULL : TextDatumGetCString(value);
}

/* NULL becomes null. */
static Datum
array_of_texts(char **values, int nvalues)
{
	Datum	   *elements = palloc(sizeof(Datum) * (nvalues + 1));
	bool	   *nulls = palloc(sizeof(bool) * (nvalues + 1));
	int			lower = 1;

	for (int i = 0; i < nvalues; i++)
		elements[i] = text_or_null(values[i], &nulls[i]);
	return PointerGetDatum(construct_md_array(elements, nulls, 1, &nvalues,
											  &lower, TEXTOID, -1, false,
											  TYPALIGN_INT));
}

static char **
texts_of_array(Datum array, int *nvalues)
{
	Datum	   *elements;
	bool	   *nulls;
	char	  **values;

	deconstruct_array_builtin(DatumGetArrayTypeP(array), TEXTOID, &elements,
							  &nulls, nvalues);
	values = palloc(sizeof(char *) * (*nvalues + 1));
	for (int i = 0; i < *nvalues; i++)
		values[i] = cstring_or_null(elements[i], nulls[i]);
	return values;
}

/* With its length, so that texts one after the other are not one text. */
static void
hash_text(pg_cryptohash_ctx *context, const char *value)
{
	uint32		length = value != NULL ? strlen(value) : PG_UINT32_MAX;
	uint8		bytes[4] = {length >> 24, length >> 16, length >> 8, length};

	if (pg_cryptohash_update(context, bytes, sizeof(bytes)) < 0 ||
		(value != NULL &&
		 pg_cryptohash_update(context, (const uint8 *) value, length) < 0))
		elog(ERROR, "could not compute a digest: %s",
			 pg_cryptohash_error(context));
}
