/*
 * kept_fingerprint.c
 *		Fingerprints of tenants, kept for as long as they are true.
 *
 * This is the only file that knows the columns of tenant.kept_fingerprint.  A row
 * is believed if all of this holds:
 *
 * - It is about the schema that the tenant has, and about the present owner.
 * - Nothing says that the schema has changed (structure_change.c).
 * - Its basis is the present one: the server's version, this database, the names
 *   of tablespaces, changes that may have been anywhere, and the event triggers
 *   that tell of changes.  These are looked at by the transaction that wrote their
 *   rows in the catalog; so whoever has disabled one, be it for a moment, has made
 *   all rows untrue.
 * - The roles that the fingerprint names are called as before.
 *
 * Who reads a schema takes away the notes about its changes first, and keeps the
 * result only if there are no new ones afterwards.  A change that is committed
 * later leaves a note that stays.  One session at a time keeps the fingerprint of
 * a tenant; others do without rather than wait, as do those that cannot write.
 *
 * The table is not in dumps: what is restored may be different, and so are OIDs.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_tablespace.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/own_table.h"
#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "compare/canonical_bytes.h"
#include "compare/kept_fingerprint.h"
#include "compare/known_change.h"
#include "tenants/structure_change.h"
#include "tenants/touched_objects.h"

/* Columns of tenant.kept_fingerprint */
#define Anum_kept_tenant_id			1
#define Anum_kept_schema_oid		2
#define Anum_kept_schema_owner		3
#define Anum_kept_fingerprint		4
#define Anum_kept_basis				5
#define Anum_kept_role_oids			6
#define Anum_kept_role_names		7
#define Anum_kept_changed_at		8
#define Anum_kept_compared_as		9
#define Anum_kept_compared_with		10
#define Anum_kept_differences		11
#define Anum_kept_differs_since		12
#define Natts_kept					12

#define KEPT_TABLE			"kept_fingerprint"
#define KEPT_BY_TENANT		"kept_fingerprint_pkey"

/*
 * Tenants share this many locks, so that who reads thousands of them does not
 * fill the lock table.
 */
#define NUM_KEEPER_LOCKS	256

/* The event triggers without which nothing can be kept */
#define NUM_TELLING_TRIGGERS	3
static const char *const telling_triggers[NUM_TELLING_TRIGGERS] = {
	"tenant_mgr_structure_start",
	"tenant_mgr_structure_end",
	"tenant_mgr_structure_drop"
};

/* What a row is compared with */
typedef struct Present
{
	char	   *basis;			/* NULL if nothing can be kept */
	Oid			nspid;			/* the tenant's schema, */
	Oid			owner;			/* and its owner */
} Present;

/*
 * The fingerprint that the schema had whose touched objects are being noted, see
 * tm_kept_fingerprint_follow().
 */
static char followed[TM_FINGERPRINT_SIZE];

static Present present_of(const TenantInfo *tenant);
static Relation open_kept(LOCKMODE lockmode);
static SysScanDesc scan_kept(Relation rel, const pg_uuid_t *tenant_id);
static char *present_basis(void);
static bool append_triggers(StringInfo buf);
static void append_tablespaces(StringInfo buf);
static char *digest_text(const StringInfo buf);
static Oid	owner_of(Oid nspid);
static bool lookup(const pg_uuid_t *tenant_id, const Present *present,
				   KeptFingerprint *kept);
static bool lookup_row(const pg_uuid_t *tenant_id, const Present *present,
					   KeptFingerprint *kept);
static void kept_from_tuple(HeapTuple tuple, TupleDesc desc,
							const Present *present, KeptFingerprint *kept);
static bool same_roles(Datum oids, Datum names);
static void copy_text(char *target, Datum value);
static bool lock_for_keeping(const pg_uuid_t *tenant_id);
static void read_now(const TenantInfo *tenant, const Present *present,
					 bool locked, bool fresh, KeptFingerprint *kept);
static bool read_change(const TenantInfo *tenant, const Present *present,
						ChangeKey *key);
static bool is_unchanged(const Present *present);
static void note_change(const KeptFingerprint *before, TimestampTz changed_at,
						KeptFingerprint *kept);
static void keep(KeptFingerprint *kept, const Present *present,
				 const OutsideNames *names);
static void mark_untrue(const KeptFingerprint *kept);
static void write_row(const pg_uuid_t *tenant_id, bool inserts,
					  const Datum *values, const bool *nulls,
					  const bool *replace);
static void fill_comparison(const KeptFingerprint *kept, Datum *values,
							bool *nulls);
static void fill_roles(const List *roles, Datum *values);

KeptFingerprint *
tm_kept_fingerprint(const TenantInfo *tenant, bool fresh)
{
	KeptFingerprint *kept = palloc0(sizeof(KeptFingerprint));
	Present		present = present_of(tenant);
	bool		locked;

	if (lookup(&tenant->id, &present, kept) && kept->is_true && !fresh)
		return kept;
	locked = present.basis != NULL && lock_for_keeping(&tenant->id);

	/* Somebody else may have been faster. */
	if (locked && !fresh && lookup(&tenant->id, &present, kept) &&
		kept->is_true)
		return kept;
	read_now(tenant, &present, locked, fresh, kept);
	return kept;
}

void
tm_kept_fingerprint_follow(const TenantInfo *tenant)
{
	Present		present = present_of(tenant);
	KeptFingerprint kept;

	if (!lookup(&tenant->id, &present, &kept) || !kept.is_true)
		return;
	strlcpy(followed, kept.text, sizeof(followed));
	tm_touched_begin(tenant->nspid);
}

/* What was true when the reading began is good enough. */
HTAB *
tm_kept_fingerprints(void)
{
	HASHCTL		ctl = {.keysize = sizeof(pg_uuid_t),
	.entrysize = sizeof(KeptFingerprint),.hcxt = CurrentMemoryContext};
	HTAB	   *all = hash_create("tenant_mgr kept fingerprints", 1024, &ctl,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	Present		present = {.basis = present_basis()};
	HTAB	   *changed;
	Relation	rel = open_kept(AccessShareLock);
	SysScanDesc scan;
	HeapTuple	tuple;
	ListCell   *lc;

	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(Oid);
	changed = hash_create("tenant_mgr changed schemas", 64, &ctl,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach(lc, tm_structure_changed_schemas())
		(void) hash_search(changed, &lfirst_oid(lc), HASH_ENTER, NULL);

	scan = systable_beginscan(rel, InvalidOid, false, SnapshotSelf, 0, NULL);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		TupleDesc	desc = RelationGetDescr(rel);
		KeptFingerprint *kept;
		bool		isnull;
		Datum		id = heap_getattr(tuple, Anum_kept_tenant_id, desc,
									  &isnull);

		CHECK_FOR_INTERRUPTS();
		present.nspid = DatumGetObjectId(heap_getattr(tuple,
													  Anum_kept_schema_oid,
													  desc, &isnull));
		present.owner = owner_of(present.nspid);
		kept = hash_search(all, DatumGetUUIDP(id), HASH_ENTER, NULL);
		kept_from_tuple(tuple, desc, &present, kept);
		if (hash_search(changed, &present.nspid, HASH_FIND, NULL) != NULL)
			kept->is_true = false;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	hash_destroy(changed);
	return all;
}

void
tm_kept_note_comparison(const KeptFingerprint *kept)
{
	Datum		values[Natts_kept];
	bool		nulls[Natts_kept] = {false};
	bool		replace[Natts_kept] = {false};

	if (!kept->is_kept || !lock_for_keeping(&kept->tenant_id))
		return;
	fill_comparison(kept, values, nulls);
	replace[Anum_kept_compared_as - 1] = true;
	replace[Anum_kept_compared_with - 1] = true;
	replace[Anum_kept_differences - 1] = true;
	replace[Anum_kept_differs_since - 1] = true;
	write_row(&kept->tenant_id, false, values, nulls, replace);
}

void
tm_kept_forget(const pg_uuid_t *tenant_id)
{
	Relation	rel;

	/* The extension's objects may be older than the library. */
	if (!OidIsValid(tm_own_table_find(KEPT_TABLE)))
		return;
	rel = open_kept(RowExclusiveLock);
	tm_own_table_delete_found(rel, scan_kept(rel, tenant_id));
	table_close(rel, NoLock);
}

static Present
present_of(const TenantInfo *tenant)
{
	Present		present = {.basis = present_basis(),.nspid = tenant->nspid,
	.owner = owner_of(tenant->nspid)};

	return present;
}

static Relation
open_kept(LOCKMODE lockmode)
{
	return tm_own_table_open(KEPT_TABLE, Natts_kept, lockmode);
}

static SysScanDesc
scan_kept(Relation rel, const pg_uuid_t *tenant_id)
{
	ScanKeyData key;

	ScanKeyInit(&key, Anum_kept_tenant_id, BTEqualStrategyNumber, F_UUID_EQ,
				UUIDPGetDatum(tenant_id));
	return tm_own_table_scan_as_of(rel, KEPT_BY_TENANT, SnapshotSelf, 1, &key);
}

/* What all that is kept relies on, or NULL if nobody would tell of changes. */
static char *
present_basis(void)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%d %s " UINT64_FORMAT " %u", TM_FINGERPRINT_METHOD,
					 GetConfigOption("server_version_num", false, false),
					 GetSystemIdentifier(), MyDatabaseId);
	append_tablespaces(&buf);
	if (!append_triggers(&buf))
		return NULL;
	tm_structure_append_everywhere(&buf);
	return digest_text(&buf);
}

/* Those that tell, and who has written their rows; false if one does not fire. */
static bool
append_triggers(StringInfo buf)
{
	for (int i = 0; i < NUM_TELLING_TRIGGERS; i++)
	{
		HeapTuple	tup = SearchSysCache1(EVENTTRIGGERNAME,
										  CStringGetDatum(telling_triggers[i]));
		Form_pg_event_trigger form;
		bool		fires;

		if (!HeapTupleIsValid(tup))
			return false;
		form = (Form_pg_event_trigger) GETSTRUCT(tup);
		fires = form->evtenabled == TRIGGER_FIRES_ALWAYS;
		appendStringInfo(buf, " %u %u", form->oid,
						 HeapTupleHeaderGetRawXmin(tup->t_data));
		ReleaseSysCache(tup);
		if (!fires)
			return false;
	}
	return true;
}

/*
 * There are few of them, and no event trigger tells of their names.  To open the
 * catalog brings news of all others.
 */
static void
append_tablespaces(StringInfo buf)
{
	Relation	rel = table_open(TableSpaceRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, TablespaceOidIndexId, true, NULL,
										  0, NULL);
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_tablespace form = (Form_pg_tablespace) GETSTRUCT(tuple);

		appendStringInfo(buf, " %u %s", form->oid,
						 quote_identifier(NameStr(form->spcname)));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

static char *
digest_text(const StringInfo buf)
{
	uint8		digest[TM_DIGEST_SIZE];
	char	   *text = palloc(TM_FINGERPRINT_SIZE);

	tm_canonical_digest(buf, digest);
	tm_fingerprint_digits(digest, text);
	return text;
}

/* InvalidOid if the schema is gone. */
static Oid
owner_of(Oid nspid)
{
	HeapTuple	tup = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(nspid));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tup))
	{
		owner = ((Form_pg_namespace) GETSTRUCT(tup))->nspowner;
		ReleaseSysCache(tup);
	}
	return owner;
}

/* What is kept of one tenant; false if there is nothing. */
static bool
lookup(const pg_uuid_t *tenant_id, const Present *present,
	   KeptFingerprint *kept)
{
	if (!lookup_row(tenant_id, present, kept))
		return false;
	if (kept->is_true && tm_structure_is_changed(present->nspid))
		kept->is_true = false;
	return true;
}

/* The same, true if nothing has changed. */
static bool
lookup_row(const pg_uuid_t *tenant_id, const Present *present,
		   KeptFingerprint *kept)
{
	Relation	rel = open_kept(AccessShareLock);
	SysScanDesc scan = scan_kept(rel, tenant_id);
	HeapTuple	tuple = systable_getnext(scan);

	memset(kept, 0, sizeof(KeptFingerprint));
	kept->tenant_id = *tenant_id;
	if (tuple != NULL)
		kept_from_tuple(tuple, RelationGetDescr(rel), present, kept);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return kept->is_kept;
}

/* It is true if nothing has changed; that is for the caller to see. */
static void
kept_from_tuple(HeapTuple tuple, TupleDesc desc, const Present *present,
				KeptFingerprint *kept)
{
	Datum		values[Natts_kept];
	bool		nulls[Natts_kept];

	tm_own_table_deform(tuple, desc, Natts_kept, values, nulls);
	kept->tenant_id = *DatumGetUUIDP(values[Anum_kept_tenant_id - 1]);
	copy_text(kept->text, values[Anum_kept_fingerprint - 1]);
	kept->nspid = DatumGetObjectId(values[Anum_kept_schema_oid - 1]);
	kept->is_kept = true;
	kept->is_true = present->basis != NULL && kept->nspid == present->nspid &&
		DatumGetObjectId(values[Anum_kept_schema_owner - 1]) == present->owner;
	if (kept->is_true)
	{
		char		basis[TM_FINGERPRINT_SIZE];

		copy_text(basis, values[Anum_kept_basis - 1]);
		kept->is_true = strcmp(basis, present->basis) == 0 &&
			same_roles(values[Anum_kept_role_oids - 1],
					   values[Anum_kept_role_names - 1]);
	}
	kept->changed_at = nulls[Anum_kept_changed_at - 1] ? DT_NOBEGIN :
		DatumGetTimestampTz(values[Anum_kept_changed_at - 1]);
	kept->compared = !nulls[Anum_kept_compared_as - 1] &&
		!nulls[Anum_kept_compared_with - 1];
	kept->compared_as[0] = '\0';
	kept->compared_with[0] = '\0';
	if (kept->compared)
	{
		copy_text(kept->compared_as, values[Anum_kept_compared_as - 1]);
		copy_text(kept->compared_with, values[Anum_kept_compared_with - 1]);
	}
	kept->differences = nulls[Anum_kept_differences - 1] ? -1 :
		DatumGetInt32(values[Anum_kept_differences - 1]);
	kept->differs_since = nulls[Anum_kept_differs_since - 1] ? DT_NOBEGIN :
		DatumGetTimestampTz(values[Anum_kept_differs_since - 1]);
}

/* Are these roles still called so? */
static bool
same_roles(Datum oids, Datum names)
{
	ArrayType  *oid_array = DatumGetArrayTypeP(oids);
	ArrayType  *name_array = DatumGetArrayTypeP(names);
	int			noids = ArrayGetNItems(ARR_NDIM(oid_array), ARR_DIMS(oid_array));
	Oid		   *roles = (Oid *) ARR_DATA_PTR(oid_array);
	char	   *name = ARR_DATA_PTR(name_array);

	if (ArrayGetNItems(ARR_NDIM(name_array), ARR_DIMS(name_array)) != noids)
		return false;
	for (int i = 0; i < noids; i++)
	{
		const char *present = GetUserNameFromId(roles[i], true);

		if (present == NULL ||
			strcmp(TextDatumGetCString(PointerGetDatum(name)), present) != 0)
			return false;
		name = att_addlength_pointer(name, -1, name);
		name = (char *) att_align_nominal(name, TYPALIGN_INT);
	}
	return true;
}

static void
copy_text(char *target, Datum value)
{
	text	   *source = DatumGetTextPP(value);

	strlcpy(target, VARDATA_ANY(source),
			Min(VARSIZE_ANY_EXHDR(source) + 1, TM_FINGERPRINT_SIZE));
}

/*
 * May the fingerprint of this tenant be written?  Who gets the lock has it until
 * the end of the transaction, so that all see what has been written.
 */
static bool
lock_for_keeping(const pg_uuid_t *tenant_id)
{
	uint32		number = DatumGetUInt32(hash_any(tenant_id->data, UUID_LEN));
	LOCKTAG		tag;

	if (XactReadOnly || RecoveryInProgress() || IsInParallelMode())
		return false;
	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, tm_own_table_relid(KEPT_TABLE),
					   number % NUM_KEEPER_LOCKS, 0);
	return LockAcquire(&tag, ExclusiveLock, false, true) !=
		LOCKACQUIRE_NOT_AVAIL;
}

/*
 * Read the schema, unless it follows from what has been read of another what it is
 * (known_change.c); and keep that, if we have the lock, and what has been seen
 * cannot have changed meanwhile.
 */
static void
read_now(const TenantInfo *tenant, const Present *present, bool locked,
		 bool fresh, KeptFingerprint *kept)
{
	KeptFingerprint before = *kept;
	StructureNews news = {.changed_at = DT_NOEND};
	bool		settled = locked && tm_structure_take(tenant->nspid, &news);
	OutsideNames names = {0};
	ChangeKey	key = {0};
	bool		followed_it = settled && !fresh && !news.by_others &&
		read_change(tenant, present, &key);
	const KnownChange *known = followed_it ? tm_known_change(&key) : NULL;

	if (known != NULL)
	{
		elog(DEBUG1, "fingerprint of schema \"%s\" follows from its change",
			 tenant->name);
		strlcpy(kept->text, known->after, sizeof(kept->text));
		names.roles = known->roles;
	}
	else
		strlcpy(kept->text,
				tm_fingerprint_read_to_keep(tenant->nspid, &names)->text,
				sizeof(kept->text));
	kept->tenant_id = tenant->id;
	kept->nspid = tenant->nspid;
	kept->is_true = true;
	note_change(&before, news.changed_at, kept);
	if (settled && !names.unsettled && is_unchanged(present))
	{
		keep(kept, present, &names);
		if (followed_it && known == NULL)
			tm_known_change_remember(&key, kept->text, &names);
	}
	else if (before.is_kept && news.changed_at != DT_NOEND)
		mark_untrue(kept);
}

/*
 * What this transaction has done to a schema that it follows.  False if it does not,
 * or if what it started from is not what all know of it.
 */
static bool
read_change(const TenantInfo *tenant, const Present *present, ChangeKey *key)
{
	List	   *objects;
	KeptFingerprint before;

	if (!tm_touched_end(tenant->nspid, &objects) ||
		!lookup_row(&tenant->id, present, &before) || !before.is_true ||
		strcmp(before.text, followed) != 0)
		return false;
	strlcpy(key->before, followed, sizeof(key->before));
	tm_fingerprint_of_objects(tenant->nspid, objects, key->touched);
	return true;
}

/* Has nothing been committed since we have begun? */
static bool
is_unchanged(const Present *present)
{
	char	   *basis = present_basis();

	return basis != NULL && strcmp(basis, present->basis) == 0 &&
		owner_of(present->nspid) == present->owner &&
		!tm_structure_is_changed(present->nspid);
}

/*
 * Since when it is this fingerprint: unless it is the one from before, since the
 * first change that has been noted.  A change that nobody has noted is worth a
 * warning.
 */
static void
note_change(const KeptFingerprint *before, TimestampTz changed_at,
			KeptFingerprint *kept)
{
	bool		known = changed_at != DT_NOEND;

	if (!before->is_kept)
		kept->changed_at = known ? changed_at : DT_NOBEGIN;
	else if (strcmp(before->text, kept->text) != 0)
	{
		kept->changed_at = known ? changed_at : GetCurrentTimestamp();
		if (before->is_true)
			ereport(WARNING,
					(errmsg("schema \"%s\" had changed without a command that event triggers are told of",
							get_namespace_name(kept->nspid)),
					 errhint("Put tenant_mgr into shared_preload_libraries, and do not write to the catalogs.")));
	}
}

static void
keep(KeptFingerprint *kept, const Present *present,
	 const OutsideNames *names)
{
	Datum		values[Natts_kept];
	bool		nulls[Natts_kept] = {false};
	bool		replace[Natts_kept];

	memset(replace, true, sizeof(replace));
	values[Anum_kept_tenant_id - 1] = UUIDPGetDatum(&kept->tenant_id);
	values[Anum_kept_schema_oid - 1] = ObjectIdGetDatum(kept->nspid);
	values[Anum_kept_schema_owner - 1] = ObjectIdGetDatum(present->owner);
	values[Anum_kept_fingerprint - 1] = CStringGetTextDatum(kept->text);
	values[Anum_kept_basis - 1] = CStringGetTextDatum(present->basis);
	fill_roles(names->roles, values);
	values[Anum_kept_changed_at - 1] = TimestampTzGetDatum(kept->changed_at);
	nulls[Anum_kept_changed_at - 1] = kept->changed_at == DT_NOBEGIN;
	fill_comparison(kept, values, nulls);
	write_row(&kept->tenant_id, true, values, nulls, replace);
	kept->is_kept = true;
}

/* What said that it is not true has been taken away. */
static void
mark_untrue(const KeptFingerprint *kept)
{
	Datum		values[Natts_kept] = {0};
	bool		nulls[Natts_kept] = {false};
	bool		replace[Natts_kept] = {false};

	values[Anum_kept_basis - 1] = CStringGetTextDatum("");
	replace[Anum_kept_basis - 1] = true;
	write_row(&kept->tenant_id, false, values, nulls, replace);
}

/* Change the tenant's row, or insert one; the lock on it is held. */
static void
write_row(const pg_uuid_t *tenant_id, bool inserts, const Datum *values,
		  const bool *nulls, const bool *replace)
{
	Relation	rel = open_kept(RowExclusiveLock);
	SysScanDesc scan = scan_kept(rel, tenant_id);
	HeapTuple	tuple = systable_getnext(scan);

	if (tuple != NULL)
		tm_own_table_update(rel, &tuple->t_self, Natts_kept, values, nulls,
							replace);
	else if (inserts)
		tm_own_table_insert(rel, Natts_kept, values, nulls);
	systable_endscan(scan);
	table_close(rel, NoLock);
}

static void
fill_comparison(const KeptFingerprint *kept, Datum *values, bool *nulls)
{
	values[Anum_kept_compared_as - 1] = CStringGetTextDatum(kept->compared_as);
	nulls[Anum_kept_compared_as - 1] = !kept->compared;
	values[Anum_kept_compared_with - 1] =
		CStringGetTextDatum(kept->compared_with);
	nulls[Anum_kept_compared_with - 1] = !kept->compared;
	values[Anum_kept_differences - 1] = Int32GetDatum(kept->differences);
	nulls[Anum_kept_differences - 1] = !kept->compared ||
		kept->differences < 0;
	values[Anum_kept_differs_since - 1] =
		TimestampTzGetDatum(kept->differs_since);
	nulls[Anum_kept_differs_since - 1] = !kept->compared ||
		kept->differs_since == DT_NOBEGIN;
}

/* Their OIDs, and how they are called now. */
static void
fill_roles(const List *roles, Datum *values)
{
	int			nroles = list_length(roles);
	Datum	   *oids = palloc(sizeof(Datum) * Max(nroles, 1));
	Datum	   *names = palloc(sizeof(Datum) * Max(nroles, 1));

	for (int i = 0; i < nroles; i++)
	{
		Oid			roleid = list_nth_oid(roles, i);
		const char *name = GetUserNameFromId(roleid, true);

		oids[i] = ObjectIdGetDatum(roleid);
		names[i] = CStringGetTextDatum(name != NULL ? name : "");
	}
	values[Anum_kept_role_oids - 1] =
		PointerGetDatum(construct_array(oids, nroles, OIDOID, sizeof(Oid),
										true, TYPALIGN_INT));
	values[Anum_kept_role_names - 1] =
		PointerGetDatum(construct_array(names, nroles, TEXTOID, -1, false,
										TYPALIGN_INT));
}
