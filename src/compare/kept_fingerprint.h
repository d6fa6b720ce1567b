/*
 * kept_fingerprint.h
 *		Fingerprints of tenants, kept for as long as they are true.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_KEPT_FINGERPRINT_H
#define TENANT_MGR_KEPT_FINGERPRINT_H

#include "datatype/timestamp.h"
#include "utils/hsearch.h"

#include "compare/fingerprint.h"
#include "tenants/registry.h"

/* What is known of a tenant */
typedef struct KeptFingerprint
{
	pg_uuid_t	tenant_id;		/* whose it is; hash key */
	char		text[TM_FINGERPRINT_SIZE];	/* the fingerprint */
	Oid			nspid;			/* the schema that it is of */
	bool		is_true;		/* it is that of the tenant now */
	bool		is_kept;		/* it is in the table */
	TimestampTz changed_at;		/* since when, or DT_NOBEGIN */
	bool		compared;		/* has somebody compared it? */
	char		compared_as[TM_FINGERPRINT_SIZE];	/* as it was then, */
	char		compared_with[TM_FINGERPRINT_SIZE]; /* with this one, */
	int			differences;	/* and found so many objects to differ, */
	TimestampTz differs_since;	/* since then, or DT_NOBEGIN */
} KeptFingerprint;

/*
 * The fingerprint of a tenant as it is now, palloc'd; read only if what is kept is
 * not true any more, or if it is to be fresh.  The caller has checked privileges.
 * It is kept if it can be, as part of the current transaction.
 */
extern KeptFingerprint *tm_kept_fingerprint(const TenantInfo *tenant,
											bool fresh);

/*
 * The caller is about to change the tenant, as it does others that are alike, and will
 * ask for its fingerprint in the same transaction: that needs not be read if it
 * follows from theirs.
 */
extern void tm_kept_fingerprint_follow(const TenantInfo *tenant);

/*
 * All that is kept, true or not, by tenant.  What is true is so of a schema; the
 * caller sees whether that is the tenant's still.
 */
extern HTAB *tm_kept_fingerprints(void);

/* Keep the result of a comparison, in the last five fields. */
extern void tm_kept_note_comparison(const KeptFingerprint *kept);

/* The tenant is gone. */
extern void tm_kept_forget(const pg_uuid_t *tenant_id);

#endif							/* TENANT_MGR_KEPT_FINGERPRINT_H */
