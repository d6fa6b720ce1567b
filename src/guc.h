/*
 * guc.h
 *		The settings of tenant_mgr.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_GUC_H
#define TENANT_MGR_GUC_H

/* Define every setting and reserve the prefix. */
extern void tm_guc_init(void);

#endif							/* TENANT_MGR_GUC_H */
