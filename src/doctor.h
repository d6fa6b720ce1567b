/*
 * doctor.h
 *		What is wrong with the tenants of this database.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_DOCTOR_H
#define TENANT_MGR_DOCTOR_H

#include "nodes/execnodes.h"
#include "nodes/pg_list.h"

/* An error keeps something from working, a warning may need attention. */
#define DOCTOR_ERROR	"error"
#define DOCTOR_WARNING	"warning"

/*
 * Add a row to the result; the texts have been translated: doctor_report.c
 */
extern void tm_doctor_report(ReturnSetInfo *rsinfo, const char *severity,
							 const char *object, const char *problem,
							 const char *hint);

/* Tenants, a list of TenantInfo, and their schemas: doctor_registry.c */
extern void tm_doctor_check_registry(ReturnSetInfo *rsinfo, List *tenants);

/* Their relations: doctor_catalog.c */
extern void tm_doctor_check_catalog(ReturnSetInfo *rsinfo, List *tenants);

/* Migrations and templates of the same tenants: doctor_fleet.c */
extern void tm_doctor_check_fleet(ReturnSetInfo *rsinfo, List *tenants);

/* The objects of the extension: doctor_installation.c */
extern void tm_doctor_check_installation(ReturnSetInfo *rsinfo);

/* Hooks that cannot be called for the tenants, a list as above: doctor_hooks.c */
extern void tm_doctor_check_hooks(ReturnSetInfo *rsinfo, List *tenants);

/* What has been set and cannot be read. */
extern void tm_doctor_check_settings(ReturnSetInfo *rsinfo);

#endif							/* TENANT_MGR_DOCTOR_H */
