/*
 * origin.h
 *		The binding under which a session came to remember something.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_ORIGIN_H
#define TENANT_MGR_ORIGIN_H

#include "utils/guc.h"
#include "utils/uuid.h"

#include "binding/authorization.h"
#include "binding/binding.h"
#include "binding/running_code.h"
#include "binding/session_lock.h"

/* A binding as something remembers it; a value, to be copied freely */
typedef struct Origin
{
	pg_uuid_t	tenant_id;		/* all zero if the session was not bound */
	bool		bound;			/* was it? */
	bool		locked;			/* and was it locked? */
	Oid			code;			/* schema of another tenant whose code was run */
	Authorization authorization;	/* by what right it was bound */
} Origin;

/* The present one */
extern void tm_origin_now(Origin *origin);

/*
 * The same as a label, which stays where it is until the end of the
 * transaction: equal origins have one label.  Costs next to nothing.  The
 * other direction gives NULL for what is no label.
 */
typedef struct LabelOfNow
{
	const char *label;			/* NULL if it has to be looked for */
	Oid			code;			/* schema of the tenant whose code is run */
	bool		locked;			/* is the session? */
} LabelOfNow;

extern LabelOfNow tm_label_of_now;	/* written by origin.c only */
extern const char *tm_origin_label_anew(void);

static inline const char *
tm_origin_label(void)
{
	const LabelOfNow *now = &tm_label_of_now;

	return now->label != NULL &&
		now->locked == tm_session_locked &&
		now->code == tm_running_code_schema() ?
		now->label : tm_origin_label_anew();
}

extern const Origin *tm_origin_of_label(const char *label);

/* The session is bound elsewhere now. */
static inline void
tm_origin_forget_label(void)
{
	tm_label_of_now.label = NULL;
}

/* Is the session bound to the same tenant, or not bound likewise? */
extern bool tm_origin_is_here(const Origin *origin);

/* Is the same tenant's code run, or likewise only that of the session's own? */
extern bool tm_origin_is_code_here(const Origin *origin);

/*
 * Go back to the binding, as a function with a SET clause would.  Raises an
 * error if the session may not be bound so any more, or is locked to another
 * tenant.  The second ends it; an error does so by itself.  The result is 0 if
 * there was nothing to do.
 */
extern int	tm_origin_enter(const Origin *origin);
static inline void
tm_origin_leave(int save_nestlevel)
{
	if (save_nestlevel > 0)
		AtEOXact_GUC(true, save_nestlevel);
}

/* The name of the tenant, palloc'd, or NULL if it was not bound. */
extern char *tm_origin_tenant(const Origin *origin);

/* A transaction has ended, and with it all that has a label. */
extern void tm_origin_end_of_transaction(void);

#endif							/* TENANT_MGR_ORIGIN_H */
