/*
 * relation_news.c
 *		Being told that a relation has changed.
 *
 * A process has room for ten callbacks of the relation cache, the server's own and
 * those of all libraries together, and is ended when they do not suffice.  So we
 * take one for all who remember something of relations.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "utils/inval.h"

#include "base/relation_news.h"

#define MAX_LISTENERS	8

/* All of them, in the order in which they have asked */
static RelationListener listeners[MAX_LISTENERS];
static int	nlisteners = 0;

static void tell_all(Datum arg, Oid relid);

void
tm_relation_news_to(RelationListener listener)
{
	for (int i = 0; i < nlisteners; i++)
	{
		if (listeners[i] == listener)
			return;
	}
	if (nlisteners == MAX_LISTENERS)
		elog(ERROR, "out of listeners to relations");
	if (nlisteners == 0)
		CacheRegisterRelcacheCallback(tell_all, (Datum) 0);
	listeners[nlisteners++] = listener;
}

static void
tell_all(Datum arg, Oid relid)
{
	for (int i = 0; i < nlisteners; i++)
		listeners[i] (relid);
}
