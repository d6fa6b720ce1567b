/*
 * migrate_choice.h
 *		Which tenants a run is about, and in which order.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_MIGRATE_CHOICE_H
#define TENANT_MGR_MIGRATE_CHOICE_H

#include "nodes/pg_list.h"
#include "utils/hsearch.h"

#include "fleet/migrate_options.h"

/* Ids of tenants that have been chosen before; palloc'd. */
extern HTAB *tm_migrate_chosen_init(void);

/*
 * A list of PendingTenant, palloc'd: those that lack something and have not been
 * chosen before, templates first; they are chosen now.  Tenants that were named
 * come in that order; 3F000 if one does not exist, 42501 if it is not the
 * current user's.  Without names it is all that are his.
 */
extern List *tm_migrate_choose(const MigrateOptions *options, HTAB *chosen);

#endif							/* TENANT_MGR_MIGRATE_CHOICE_H */
