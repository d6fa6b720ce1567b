/*
 * unclonable.h
 *		What stands in the way of a clone.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_UNCLONABLE_H
#define TENANT_MGR_UNCLONABLE_H

#include "clone/closure.h"

/*
 * Raise TM009 for the first member that a clone cannot reproduce, before
 * anything has been done.
 */
extern void tm_refuse_unclonable(const Closure *closure);

/* What to do about an extension in the schema; translated. */
extern const char *tm_unclonable_extension_hint(const Closure *closure);

#endif							/* TENANT_MGR_UNCLONABLE_H */
