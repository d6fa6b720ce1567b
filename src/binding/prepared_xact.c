/*
 * prepared_xact.c
 *		Prepared transactions, and for whom they were prepared.
 *
 * A transaction that is bound holds a lock on its tenant's schema, and keeps it
 * when it is prepared, also after a restart of the server.  So the locks say
 * for which tenants a transaction has worked.  A bound session decides about
 * those of its own tenant only; a locked one neither about those of nobody.
 * Whoever is not bound, as a transaction manager should be, decides about all.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "binding/origin.h"
#include "binding/prepared_xact.h"
#include "tenants/schema_owner.h"

/*
 * The schemas that a prepared transaction has locked.  It is found by the lock
 * on its own number, and has no process.
 */
static const char schemas_query[] =
"SELECT o.objid"
" FROM pg_catalog.pg_prepared_xacts p"
" JOIN pg_catalog.pg_locks x ON x.locktype OPERATOR(pg_catalog.=) 'transactionid'"
" AND x.transactionid OPERATOR(pg_catalog.=) p.transaction"
" AND x.pid IS NULL AND x.granted"
" LEFT JOIN pg_catalog.pg_locks o ON o.locktype OPERATOR(pg_catalog.=) 'object'"
" AND o.virtualtransaction OPERATOR(pg_catalog.=) x.virtualtransaction"
" AND o.pid IS NULL AND o.granted AND o.classid OPERATOR(pg_catalog.=) $2"
" AND o.database OPERATOR(pg_catalog.=) $3"
" WHERE p.gid OPERATOR(pg_catalog.=) $1";

static void check(const char *gid, const Origin *here);
static void find_tenants(const char *gid, const Origin *here, bool *found,
						 bool *own, bool *others);

void
tm_prepared_xact_before_utility(UtilityStatement *statement)
{
	TransactionStmt *stmt = (TransactionStmt *) statement->pstmt->utilityStmt;
	Origin		here;

	if (!statement->watched || !IsA(stmt, TransactionStmt) ||
		(stmt->kind != TRANS_STMT_COMMIT_PREPARED &&
		 stmt->kind != TRANS_STMT_ROLLBACK_PREPARED))
		return;
	tm_origin_now(&here);
	if (here.bound || here.locked)
		check(stmt->gid, &here);
}

static void
check(const char *gid, const Origin *here)
{
	bool		found;
	bool		own;
	bool		others;

	find_tenants(gid, here, &found, &own, &others);
	if (!found || (!others && (own || !here->locked)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
			 others ?
			 errmsg("prepared transaction \"%s\" belongs to another tenant",
					gid) :
			 errmsg("prepared transaction \"%s\" does not belong to the tenant that the session is locked to",
					gid),
			 errhint("Finish it in a session that is not bound to a tenant.")));
}

/* Whether there is such a transaction, and which tenants have a part in it */
static void
find_tenants(const char *gid, const Origin *here, bool *found, bool *own,
			 bool *others)
{
	Oid			types[] = {TEXTOID, OIDOID, OIDOID};
	Datum		values[3];
	uint64		i;

	values[0] = CStringGetTextDatum(gid);
	values[1] = ObjectIdGetDatum(NamespaceRelationId);
	values[2] = ObjectIdGetDatum(MyDatabaseId);
	*own = false;
	*others = false;

	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	if (SPI_execute_with_args(schemas_query, lengthof(types), types, values,
							  NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not look for prepared transaction \"%s\"", gid);
	*found = SPI_processed > 0;
	for (i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Datum		nspid = SPI_getbinval(SPI_tuptable->vals[i],
										  SPI_tuptable->tupdesc, 1, &isnull);
		SchemaOwner owner;

		if (isnull || !tm_schema_owner(DatumGetObjectId(nspid), &owner))
			continue;
		if (here->bound && tm_uuid_equals(&owner.id, &here->tenant_id))
			*own = true;
		else
			*others = true;
	}
	SPI_finish();
	PopActiveSnapshot();
}
