/*
 * fingerprint.h
 *		What is equal for schemas that are alike.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_FINGERPRINT_H
#define TENANT_MGR_FINGERPRINT_H

#include "catalog/objectaddress.h"

#include "compare/canonical_bytes.h"

#include "compare/outside_names.h"

/* Digits of a fingerprint, and room for them and a null byte */
#define TM_FINGERPRINT_DIGITS	(TM_DIGEST_SIZE * 2)
#define TM_FINGERPRINT_SIZE		(TM_FINGERPRINT_DIGITS + 1)

/*
 * To be increased with whatever makes fingerprints of the same schema others than
 * before: those that have been kept are not believed any more.
 */
#define TM_FINGERPRINT_METHOD	2

/* In the place of a column's number: the order of a relation's columns */
#define TM_COLUMN_ORDER		(-100)

/* One object of a schema */
typedef struct FingerprintItem
{
	uint8		name[TM_NAME_SIZE]; /* a digest of its name, */
	uint8		digest[TM_DIGEST_SIZE]; /* and of what it is */
	ObjectAddress object;		/* where it is in this schema */
} FingerprintItem;

/* All objects of a schema, in the order of their names' digests */
typedef struct Fingerprint
{
	char		text[TM_FINGERPRINT_SIZE];	/* of all of it, in hexadecimal */
	int			nitems;
	FingerprintItem *items;		/* array of nitems */
} Fingerprint;

/*
 * The fingerprint of a schema as it is now, as the current transaction sees it;
 * palloc'd.  The caller has checked privileges.  No lock is left behind, so it is
 * true of the moment only, unless the caller has locked what it is about.
 */
extern Fingerprint *tm_fingerprint_read(Oid nspid);

/* The same for who keeps it, with what it depends on. */
extern Fingerprint *tm_fingerprint_read_to_keep(Oid nspid,
												OutsideNames *names);

/*
 * The same of some of its objects (tm_closure_of_objects): what is equal for two
 * schemas in which they have the same names and are the same.
 */
extern void tm_fingerprint_of_objects(Oid nspid, const List *objects,
									  char text[TM_FINGERPRINT_SIZE]);

/* Its text only; palloc'd. */
extern char *tm_fingerprint_of_schema(Oid nspid);

/* A digest in hexadecimal. */
extern void tm_fingerprint_digits(const uint8 *digest,
								  char digits[TM_FINGERPRINT_SIZE]);

#endif							/* TENANT_MGR_FINGERPRINT_H */
