/*
 * guard_mode.c
 *		How strict the guard is.
 *
 * The guard itself stands above the binding.  Its mode has to be known here, for that
 * decides whether a session may be bound anew while a tenant's code runs.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "binding/guard_mode.h"

/* the setting; written by wall.c */
int			tm_guard = GUARD_OFF;
