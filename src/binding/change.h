/*
 * change.h
 *		The change of a session's binding that is under way.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_CHANGE_H
#define TENANT_MGR_CHANGE_H

#include "binding/binding.h"

/*
 * What the hooks of settings have to know about a change and cannot be told by
 * the machinery that calls them.  All of it is unset unless a change is under
 * way.
 */
typedef struct Change
{
	bool		following;		/* the session sets the tenant on its own */
	const Authorization *presented; /* by what right, if it brings one */
	Binding    *binding;		/* the new value's, from check to assign hook */
	const char *path;			/* its search path, about to be set */
	void	   *path_extra;		/* "extra" of a path that may be a function's */
	bool		turning_key;	/* lock() or unlock() is at work */
	bool		lending;		/* the binding is lent by whoever sets it */
} Change;

extern Change tm_change;

/* There is no change under way any more, because of an error for example. */
extern void tm_change_reset(void);

#endif							/* TENANT_MGR_CHANGE_H */
