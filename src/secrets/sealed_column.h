/*
 * sealed_column.h
 *		The state of a column that is being encrypted.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SEALED_COLUMN_H
#define TENANT_MGR_SEALED_COLUMN_H

#include "access/attnum.h"
#include "executor/tuptable.h"
#include "utils/relcache.h"
#include "utils/uuid.h"

/* A column on its way, in one table */
typedef struct SealedColumn
{
	pg_uuid_t	tenant_id;		/* whose key seals it */
	AttrNumber	plain;			/* the column */
	AttrNumber	sealed;			/* the one beside it, or 0 if there is none */
	char	   *context;		/* what secrets are bound to */
} SealedColumn;

/*
 * Look at a table, which is open, for a column of that name, for a tenant.
 * False if the column is one of secrets already.  Raises an error if there is
 * no such column, or if it is not one of texts.
 */
extern bool tm_sealed_column_find(Relation rel, const char *column,
								  const pg_uuid_t *tenant_id,
								  SealedColumn *result);

/* The secret for a row: its text, sealed; palloc'd. */
extern Datum tm_sealed_column_value(const SealedColumn *column,
									TupleTableSlot *slot, bool *isnull);

/* The names of what is added to a table meanwhile; palloc'd. */
extern char *tm_sealed_column_name(AttrNumber plain);
extern char *tm_sealed_column_trigger(AttrNumber plain);

/*
 * Does the row hold the plain value, or none, also sealed, by the key that
 * seals at present?
 */
extern bool tm_sealed_column_is_done(const SealedColumn *column,
									 TupleTableSlot *slot);

#endif							/* TENANT_MGR_SEALED_COLUMN_H */
