/*
 * migration_admin.h
 *		What an administrator does with migrations.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_MIGRATION_ADMIN_H
#define TENANT_MGR_MIGRATION_ADMIN_H

/*
 * Raise 42501 unless the current user may decide what all tenants get; the verb
 * is for the message.
 */
extern void tm_migration_check_permission(const char *verb);

#endif							/* TENANT_MGR_MIGRATION_ADMIN_H */
