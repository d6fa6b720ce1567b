/*
 * command_reach.h
 *		Does a command change nothing but the objects that it names?
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_COMMAND_REACH_H
#define TENANT_MGR_COMMAND_REACH_H

#include "postgres.h"

#include "tcop/deparse_utility.h"

/*
 * Objects that it names, their parts, and relations of which relation cache
 * invalidations tell.  It neither gives another name to something, nor moves it from
 * one object to another.  False where that is not known.
 */
extern bool tm_command_keeps_to_named(const CollectedCommand *command);

#endif							/* TENANT_MGR_COMMAND_REACH_H */
