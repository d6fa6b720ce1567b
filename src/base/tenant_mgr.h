/*
 * tenant_mgr.h
 *		What every module of tenant_mgr shares: names, SQLSTATEs, start-up.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_H
#define TENANT_MGR_H

#define TM_EXTENSION_NAME	"tenant_mgr"
#define TM_SCHEMA_NAME		"tenant"

/*
 * SQLSTATEs of our own.  A core code is used wherever one fits; these exist
 * only where a program must be able to branch on the condition.
 */
#define ERRCODE_TENANT_SUSPENDED		MAKE_SQLSTATE('T','M','0','0','1')
#define ERRCODE_TENANT_NOT_BOUND		MAKE_SQLSTATE('T','M','0','0','2')
#define ERRCODE_TENANT_FOREIGN_OBJECT	MAKE_SQLSTATE('T','M','0','0','3')
#define ERRCODE_TENANT_LOCKED			MAKE_SQLSTATE('T','M','0','0','4')
#define ERRCODE_TENANT_TOKEN_REFUSED	MAKE_SQLSTATE('T','M','0','0','5')
#define ERRCODE_TENANT_NO_KEY			MAKE_SQLSTATE('T','M','0','0','6')
#define ERRCODE_TENANT_SECRET_SEALED	MAKE_SQLSTATE('T','M','0','0','7')
#define ERRCODE_TENANT_QUOTA			MAKE_SQLSTATE('T','M','0','0','8')
#define ERRCODE_TENANT_NOT_CLONABLE		MAKE_SQLSTATE('T','M','0','0','9')

#endif							/* TENANT_MGR_H */
