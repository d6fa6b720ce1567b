/*
 * preload.c
 *		Has the server loaded the library at its start?
 *
 * Only then is there shared memory, and are sessions looked after from their
 * first statement on.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/preload.h"

/* written by tm_preload_note */
static bool preloaded = false;

void
tm_preload_note(void)
{
	preloaded = process_shared_preload_libraries_in_progress;
}

bool
tm_is_preloaded(void)
{
	return preloaded;
}
