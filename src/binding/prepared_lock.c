/*
 * prepared_lock.c
 *		Which prepared transaction holds a lock.
 *
 * Such a transaction has no process, and nobody who could be asked to end it.
 * It is found by the lock on its own number.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"

#include "binding/prepared_lock.h"

static const char holder_query[] =
"SELECT p.gid"
" FROM pg_catalog.pg_locks o"
" JOIN pg_catalog.pg_locks x ON x.virtualtransaction OPERATOR(pg_catalog.=) o.virtualtransaction"
" AND x.locktype OPERATOR(pg_catalog.=) 'transactionid' AND x.pid IS NULL AND x.granted"
" JOIN pg_catalog.pg_prepared_xacts p ON p.transaction OPERATOR(pg_catalog.=) x.transactionid"
" WHERE o.locktype OPERATOR(pg_catalog.=) 'object' AND o.pid IS NULL AND o.granted"
" AND o.database OPERATOR(pg_catalog.=) $1 AND o.classid OPERATOR(pg_catalog.=) $2"
" AND o.objid OPERATOR(pg_catalog.=) $3 AND o.objsubid OPERATOR(pg_catalog.=) $4 LIMIT 1";

char *
tm_prepared_lock_holder(Oid classid, Oid objid, uint16 part)
{
	Oid			types[] = {OIDOID, OIDOID, OIDOID, INT2OID};
	Datum		values[4];
	MemoryContext context = CurrentMemoryContext;
	char	   *gid = NULL;

	values[0] = ObjectIdGetDatum(MyDatabaseId);
	values[1] = ObjectIdGetDatum(classid);
	values[2] = ObjectIdGetDatum(objid);
	values[3] = Int16GetDatum((int16) part);

	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	if (SPI_execute_with_args(holder_query, lengthof(types), types, values,
							  NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for prepared transactions");
	if (SPI_processed > 0)
	{
		gid = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
		gid = MemoryContextStrdup(context, gid);
	}
	SPI_finish();
	PopActiveSnapshot();
	return gid;
}
