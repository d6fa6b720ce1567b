/*
 * version_place.h
 *		The place of a version in a list of migrations.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_VERSION_PLACE_H
#define TENANT_MGR_VERSION_PLACE_H

#include "nodes/pg_list.h"
#include "utils/hsearch.h"

/* For a list of Migration, which has to outlive it; to be destroyed by the caller */
extern HTAB *tm_version_places(List *migrations);

/* Where in that list a version is, a text of a row, or -1 */
extern int	tm_version_place(HTAB *places, Datum version);

/* Is a text of a row this string?  It must not be compressed. */
extern bool tm_text_is(Datum value, const char *string);

#endif							/* TENANT_MGR_VERSION_PLACE_H */
