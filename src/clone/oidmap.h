/*
 * oidmap.h
 *		What became of an OID: (catalog, old OID) -> new OID.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_OIDMAP_H
#define TENANT_MGR_OIDMAP_H

typedef struct OidMap OidMap;

/* An empty map in the current memory context. */
extern OidMap *tm_oidmap_create(void);

/* Note that an object of this catalog has another OID in the clone. */
extern void tm_oidmap_add(OidMap *map, Oid classid, Oid source, Oid clone);

/* The OID in the clone; the OID itself for objects that are not cloned. */
extern Oid	tm_oidmap_translate(const OidMap *map, Oid classid, Oid oid);

/* Is the object one of those that are cloned? */
extern bool tm_oidmap_contains(const OidMap *map, Oid classid, Oid oid);

/* Is there any cloned object of this number, in whatever catalog? */
extern bool tm_oidmap_contains_number(const OidMap *map, Oid oid);

#endif							/* TENANT_MGR_OIDMAP_H */
