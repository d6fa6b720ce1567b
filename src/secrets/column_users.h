/*
 * column_users.h
 *		What depends on a column.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_COLUMN_USERS_H
#define TENANT_MGR_COLUMN_USERS_H

#include "access/attnum.h"
#include "utils/relcache.h"

/*
 * Raise 2BP01, naming them, if there are indexes, constraints, defaults, views
 * or anything else that depends on the column and could not do with a secret.
 */
extern void tm_column_refuse_users(Relation rel, AttrNumber attno);

#endif							/* TENANT_MGR_COLUMN_USERS_H */
