/*
 * prepared_xact.h
 *		Prepared transactions, and for whom they were prepared.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_PREPARED_XACT_H
#define TENANT_MGR_PREPARED_XACT_H

#include "base/utility_statement.h"

/*
 * Raise an error if a bound session is about to decide about a transaction
 * that was prepared for another tenant.
 */
extern void tm_prepared_xact_before_utility(UtilityStatement *statement);

#endif							/* TENANT_MGR_PREPARED_XACT_H */
