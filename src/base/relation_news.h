/*
 * relation_news.h
 *		Being told that a relation has changed.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_RELATION_NEWS_H
#define TENANT_MGR_RELATION_NEWS_H

/*
 * Called with the relation, or with InvalidOid when it may be any, in the midst of
 * whatever this process does: it takes a note, and neither fails nor looks at
 * catalogs.
 */
typedef void (*RelationListener) (Oid relid);

/* Have it called from now on; once, however often this is asked for. */
extern void tm_relation_news_to(RelationListener listener);

#endif							/* TENANT_MGR_RELATION_NEWS_H */
