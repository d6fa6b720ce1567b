/*
 * change.c
 *		The change of a session's binding that is under way.
 *
 * Who begins a step sets what the hooks on the way need, and unsets it after
 * the step.  An error on the way is caught, if at all, where a subtransaction
 * ends, so that is where all of it is unset (watch.c); no step has to look
 * after that.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "binding/change.h"

/* written by whoever changes something, and by tm_change_reset */
Change		tm_change;

void
tm_change_reset(void)
{
	memset(&tm_change, 0, sizeof(tm_change));
}
