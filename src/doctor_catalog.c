/*
 * doctor_catalog.c
 *		What the relations of all tenants tell.
 *
 * The catalog of relations is by far the largest one that the doctor reads, so
 * each check takes what it needs from one scan of it.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/twophase.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/hsearch.h"
#include "utils/rel.h"

#include "base/setting.h"
#include "doctor.h"
#include "tenants/persistent_schemas.h"
#include "tenants/registry.h"

/* A schema whose relations are looked at */
typedef struct SeenSchema
{
	Oid			nspid;			/* hash key */
	const TenantInfo *tenant;	/* whose it is, NULL for a persistent one */
	int			nrelations;		/* what is in it, and has to be locked */
} SeenSchema;

/* What is called so, in whatever schema */
typedef struct SeenName
{
	char		name[NAMEDATALEN];	/* hash key */
	Oid			persistent;		/* a persistent schema that has one, or 0 */
	int			ntenants;		/* tenants that have one */
	int			nunnamed;		/* where its rows cannot be told apart */
} SeenName;

/* A table without a primary key, as long as none has been found */
typedef struct SeenTable
{
	Oid			relid;			/* hash key */
	SeenName   *name;			/* what it is called */
} SeenTable;

/* What has been found */
typedef struct Findings
{
	HTAB	   *schemas;		/* OID -> SeenSchema */
	HTAB	   *names;			/* SeenName */
	HTAB	   *tables;			/* OID -> SeenTable; NULL if not asked for */
} Findings;

static void begin(Findings *findings, List *tenants);
static void read_relations(Findings *findings);
static void note_relation(Findings *findings, Form_pg_class form);
static bool has_rows(char relkind);
static void read_keys(Findings *findings);
static void report_names(ReturnSetInfo *rsinfo, Findings *findings);
static void report_locks(ReturnSetInfo *rsinfo, Findings *findings);

void
tm_doctor_check_catalog(ReturnSetInfo *rsinfo, List *tenants)
{
	Findings	findings = {0};

	begin(&findings, tenants);
	read_relations(&findings);
	if (findings.tables != NULL)
		read_keys(&findings);
	report_names(rsinfo, &findings);
	report_locks(rsinfo, &findings);
	hash_destroy(findings.names);
	hash_destroy(findings.schemas);
}

/*
 * Tables are told apart by logical replication, so it matters to who can use that
 * to move a tenant.
 */
static void
begin(Findings *findings, List *tenants)
{
	HASHCTL		ctl = {.keysize = sizeof(Oid),
	.entrysize = sizeof(SeenSchema),.hcxt = CurrentMemoryContext};
	ListCell   *lc;

	findings->schemas = hash_create("tenant_mgr schemas seen", 256, &ctl,
									HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	if (XLogLogicalInfoActive())
	{
		ctl.entrysize = sizeof(SeenTable);
		findings->tables = hash_create("tenant_mgr tables seen", 256, &ctl,
									   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	ctl.keysize = NAMEDATALEN;
	ctl.entrysize = sizeof(SeenName);
	findings->names = hash_create("tenant_mgr names seen", 256, &ctl,
								  HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);

	foreach(lc, tm_setting_split_names(tm_persistent_schemas))
	{
		Oid			nspid = get_namespace_oid(lfirst(lc), true);

		if (OidIsValid(nspid))
			memset((char *) hash_search(findings->schemas, &nspid, HASH_ENTER,
										NULL) + sizeof(Oid),
				   0, sizeof(SeenSchema) - sizeof(Oid));
	}
	foreach(lc, tenants)
	{
		const TenantInfo *tenant = lfirst(lc);
		SeenSchema *schema;

		if (tenant->state == TENANT_TRASHED || !OidIsValid(tenant->nspid))
			continue;
		schema = hash_search(findings->schemas, &tenant->nspid, HASH_ENTER,
							 NULL);
		schema->tenant = tenant;
		schema->nrelations = 0;
	}
}

static void
read_relations(Findings *findings)
{
	Relation	rel = table_open(RelationRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		note_relation(findings, (Form_pg_class) GETSTRUCT(tuple));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

static void
note_relation(Findings *findings, Form_pg_class form)
{
	SeenSchema *schema = hash_search(findings->schemas, &form->relnamespace,
									 HASH_FIND, NULL);
	SeenName   *name;
	bool		found;

	if (schema == NULL)
		return;
	if (form->relkind != RELKIND_COMPOSITE_TYPE)
		schema->nrelations++;
	if (!has_rows(form->relkind))
		return;
	name = hash_search(findings->names, NameStr(form->relname), HASH_ENTER,
					   &found);
	if (!found)
		memset((char *) name + NAMEDATALEN, 0, sizeof(SeenName) - NAMEDATALEN);
	if (schema->tenant == NULL)
		name->persistent = form->relnamespace;
	else
		name->ntenants++;
	if (findings->tables != NULL && schema->tenant != NULL &&
		form->relkind == RELKIND_RELATION &&
		(form->relreplident == REPLICA_IDENTITY_DEFAULT ||
		 form->relreplident == REPLICA_IDENTITY_NOTHING))
	{
		SeenTable  *table = hash_search(findings->tables, &form->oid,
										HASH_ENTER, NULL);

		table->name = form->relreplident == REPLICA_IDENTITY_DEFAULT ? name :
			NULL;
		name->nunnamed++;
	}
}

static bool
has_rows(char relkind)
{
	switch (relkind)
	{
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_MATVIEW:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_RELATION:
		case RELKIND_VIEW:
			return true;
		default:
			return false;
	}
}

/* A primary key will do, unless the table is told to do without. */
static void
read_keys(Findings *findings)
{
	Relation	rel = table_open(IndexRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_index form = (Form_pg_index) GETSTRUCT(tuple);
		SeenTable  *table;

		CHECK_FOR_INTERRUPTS();
		if (!form->indisprimary || !form->indisvalid)
			continue;
		table = hash_search(findings->tables, &form->indrelid, HASH_FIND, NULL);
		if (table != NULL && table->name != NULL)
			table->name->nunnamed--;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

static void
report_names(ReturnSetInfo *rsinfo, Findings *findings)
{
	HASH_SEQ_STATUS status;
	SeenName   *name;

	hash_seq_init(&status, findings->names);
	while ((name = hash_seq_search(&status)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (OidIsValid(name->persistent) && name->ntenants > 0)
			tm_doctor_report(rsinfo, DOCTOR_WARNING,
							 psprintf(_("table \"%s\" of a persistent schema"),
									  name->name),
							 psprintf(ngettext("%d tenant has one that is called so, too",
											   "%d tenants have one that is called so, too",
											   name->ntenants), name->ntenants),
							 _("Sessions that are not bound, and tenants without it, use this one.  Drop or rename it if it is a leftover."));
		if (name->nunnamed > 0)
			tm_doctor_report(rsinfo, DOCTOR_WARNING,
							 psprintf(_("table \"%s\" of tenants"), name->name),
							 psprintf(ngettext("in %d tenant it has neither a primary key nor another replica identity",
											   "in %d tenants it has neither a primary key nor another replica identity",
											   name->nunnamed), name->nunnamed),
							 _("While it is replicated, as when the tenant moves to another server, its rows cannot be updated or deleted.  Add a primary key, or use ALTER TABLE ... REPLICA IDENTITY FULL."));
	}
}

/* Whoever drops, clones or dumps a tenant locks all of it. */
static void
report_locks(ReturnSetInfo *rsinfo, Findings *findings)
{
	long		room = (long) max_locks_per_xact *
		(MaxBackends + max_prepared_xacts);
	const SeenSchema *largest = NULL;
	HASH_SEQ_STATUS status;
	SeenSchema *schema;

	hash_seq_init(&status, findings->schemas);
	while ((schema = hash_seq_search(&status)) != NULL)
	{
		if (schema->tenant != NULL &&
			(largest == NULL || schema->nrelations > largest->nrelations))
			largest = schema;
	}
	if (largest == NULL || largest->nrelations <= room)
		return;
	tm_doctor_report(rsinfo, DOCTOR_WARNING,
					 _("setting \"max_locks_per_transaction\""),
					 psprintf(_("tenant \"%s\" has %d relations, and there is room for %ld locks"),
							  largest->tenant->name, largest->nrelations, room),
					 psprintf(_("Set it to %ld or more, and restart the server: who drops, clones or dumps the tenant needs a lock on each."),
							  (long) largest->nrelations /
							  (MaxBackends + max_prepared_xacts) + 1));
}
