/*
 * running_code.h
 *		For which tenant's object the server works just now.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_RUNNING_CODE_H
#define TENANT_MGR_RUNNING_CODE_H

#include "access/xact.h"
#include "catalog/pg_namespace.h"
#include "nodes/plannodes.h"
#include "utils/uuid.h"

#include "base/maintained.h"
#include "binding/binding_in_force.h"
#include "binding/guard_mode.h"

/* What is known of the code that runs, and what was before something began */
typedef struct RunningCode
{
	Oid			schema;			/* of the tenant whose code it is, or
								 * InvalidOid */
	const PlannedStmt *plan;	/* by which that is known, whose own
								 * expressions and triggers are evaluated, and
								 * by nothing else; or NULL */
	Oid			offered;		/* whose code it would be, if it comes to any
								 * within the planning of a query */
	bool		referential;	/* the server looks after a foreign key */
	bool		in_statement;	/* there is a statement whose code it would
								 * be, and not only the end of a transaction */
	int			nestlevel;		/* of what was before: settings for parallel
								 * workers, or 0 */
} RunningCode;

/* Written by running_code.c and tenant_code.c only. */
extern RunningCode tm_running_code;

/* That of the table that is being maintained, if it is a tenant's */
extern Oid	tm_running_code_look_maintained(void);
static inline Oid
tm_running_code_maintained(void)
{
	return tm_maintained_any() ?
		tm_running_code_look_maintained() : InvalidOid;
}

/*
 * The schema of the tenant whose code is being run, or InvalidOid while there
 * is nothing but what the session's own statements say.  Needs a transaction.
 */
static inline Oid
tm_running_code_schema(void)
{
	if (OidIsValid(tm_running_code.schema))
		return tm_running_code.schema;
	return tm_running_code.referential ? InvalidOid :
		tm_running_code_maintained();
}

/*
 * Something begins that may run code; nothing is known of it yet but that.  The
 * second one has to be called on error, too.
 */
extern void tm_running_code_begin(RunningCode *before);
static inline void
tm_running_code_end(const RunningCode *before)
{
	tm_running_code = *before;
}

/*
 * Is it not known, and would it have to be?  A binding tells whose code it is,
 * and so does what is being run already.  A binding that comes only then does
 * not take anybody out of that again.
 */
static inline bool
tm_running_code_is_open(void)
{
	return tm_guard != GUARD_OFF && !OidIsValid(tm_running_code.schema) &&
		tm_binding_in_force() == NULL && IsTransactionState();
}

/*
 * From here on it is the code of this schema's tenant, unless it is known whose
 * it is.
 */
static inline void
tm_running_code_enter(Oid nspid)
{
	if (OidIsValid(nspid) && tm_running_code_is_open())
		tm_running_code.schema = nspid;
}

/* Code of two tenants reaches no tenant's objects, as nothing in pg_catalog does. */
static inline Oid
tm_running_code_joined(Oid nspid, Oid other)
{
	if (!OidIsValid(nspid) || nspid == other)
		return other;
	return OidIsValid(other) ? PG_CATALOG_NAMESPACE : nspid;
}

/*
 * Raise an error if code of another tenant than this one is run, or of any
 * tenant if it is NULL.
 */
extern void tm_running_code_refuse_other(const pg_uuid_t *tenant_id);

#endif							/* TENANT_MGR_RUNNING_CODE_H */
