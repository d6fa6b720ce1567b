/*
 * name_scan.h
 *		Names of schemas in a text.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_NAME_SCAN_H
#define TENANT_MGR_NAME_SCAN_H

/* Told of each name, which is valid during the call only */
typedef void (*NameFound) (const char *name, void *arg);

/*
 * What in a text, SQL or not, may be meant as the name of a schema.  The same
 * name may be told more than once.
 */
extern void tm_scan_names(const char *body, NameFound found, void *arg);

/* May the text name this schema, or be its name? */
extern bool tm_scan_for_name(const char *text, const char *name);

#endif							/* TENANT_MGR_NAME_SCAN_H */
