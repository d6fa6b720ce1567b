/*
 * fleet_rows.h
 *		The rows of a query over many tenants, with the tenant before each.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_FLEET_ROWS_H
#define TENANT_MGR_FLEET_ROWS_H

#include "fleet/fleet_work.h"
#include "utils/tuplestore.h"

/* Rows that one tenant has returned */
typedef struct FleetRows FleetRows;

/* For rows of this description, whose first column is the tenant; palloc'd. */
extern FleetRows *tm_fleet_rows_create(TupleDesc desc);
extern void tm_fleet_rows_destroy(FleetRows *rows);

/*
 * Run a query for a tenant and keep its rows.  They are there until the next
 * call; an error leaves none.
 */
extern bool tm_fleet_rows_query(FleetRows *rows, const TenantInfo *tenant,
								const char *sql, FleetResult *result);

/* Hand them on. */
extern void tm_fleet_rows_put(FleetRows *rows, Tuplestorestate *store);
extern void tm_fleet_rows_send(FleetRows *rows, DestReceiver *dest);

#endif							/* TENANT_MGR_FLEET_ROWS_H */
