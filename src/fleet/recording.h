/*
 * recording.h
 *		What a session does to a tenant, kept as a migration for all others.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_RECORDING_H
#define TENANT_MGR_RECORDING_H

#include "utils/guc.h"

#include "fleet/migration.h"

#define TM_RECORD_SETTING	"tenant_mgr.record"

/* The version that is recorded, '' for none; written by the GUC machinery */
extern char *tm_record;
extern bool tm_recording_check(char **newval, void **extra, GucSource source);

/* Does the session record?  Costs nothing. */
#define tm_recording_is_on() \
	(tm_record != NULL && tm_record[0] != '\0')

/*
 * Before a statement that will be kept: the session is bound to a tenant that
 * the user owns, may record, and holds the recording.  Raises an error if any
 * of that is not so.  The description is used if this is its beginning.  Returns
 * the schema of the tenant.
 */
extern Oid	tm_recording_open(const char *description);

/* What is to be known about a statement that is kept */
typedef struct RecordedEffect
{
	bool		alone;			/* it cannot be a part of a transaction */
	bool		deferrable;		/* it may leave events of deferrable triggers, */
	bool		deferred;		/* and these are deferred at first */
} RecordedEffect;

/*
 * Keep a statement; text, types and values are given, the rest is filled in.
 * It is gone again if the (sub)transaction rolls back.
 */
extern void tm_recording_keep(MigrationStatement *statement,
							  const RecordedEffect *effect);

/* The client rolls back what has not failed, which is no failure. */
extern void tm_recording_note_rollback(void);

#endif							/* TENANT_MGR_RECORDING_H */
