/*
 * notification.h
 *		Telling whoever listens that something has become of a tenant.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_NOTIFICATION_H
#define TENANT_MGR_NOTIFICATION_H

#include "tenants/registry.h"

#define TM_CHANNEL	"tenant_mgr"

/*
 * Notify the channel when the transaction commits, if the event is one of a
 * tenant's life.  The tenant is as it was before; new_name may be NULL.
 */
extern void tm_notification_add(const char *event, const TenantInfo *tenant,
								const char *new_name);

/* The transaction is about to commit, and is over. */
extern void tm_notification_before_commit(void);
extern void tm_notification_end_of_transaction(void);
extern void tm_notification_end_of_subtransaction(bool committed,
												  SubTransactionId subid,
												  SubTransactionId parent);

#endif							/* TENANT_MGR_NOTIFICATION_H */
