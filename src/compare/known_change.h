/*
 * known_change.h
 *		What the same change has made of a schema that was the same.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_KNOWN_CHANGE_H
#define TENANT_MGR_KNOWN_CHANGE_H

#include "compare/fingerprint.h"
#include "compare/outside_names.h"

/* A change, by the fingerprints of what it was made to and of what it has touched */
typedef struct ChangeKey
{
	char		before[TM_FINGERPRINT_SIZE];	/* the schema, before */
	char		touched[TM_FINGERPRINT_SIZE];	/* those objects, afterwards */
} ChangeKey;

/* What comes of it */
typedef struct KnownChange
{
	ChangeKey	key;			/* hash key, null bytes behind the texts */
	char		after[TM_FINGERPRINT_SIZE]; /* the schema, afterwards */
	List	   *roles;			/* of OutsideNames */
} KnownChange;

/* What this process has seen come of it, or NULL. */
extern const KnownChange *tm_known_change(const ChangeKey *key);

/* It has read the whole schema, and found this. */
extern void tm_known_change_remember(const ChangeKey *key, const char *after,
									 const OutsideNames *names);

#endif							/* TENANT_MGR_KNOWN_CHANGE_H */
