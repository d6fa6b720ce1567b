/*
 * connection_option.h
 *		Which parameters of libpq a connection can have beyond its columns.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_CONNECTION_OPTION_H
#define TENANT_MGR_CONNECTION_OPTION_H

#include "utils/jsonb.h"

/* Can there be such an option, whatever its value? */
extern bool tm_connection_option_is_allowed(const char *keyword);

/* Does it name a file? */
extern bool tm_connection_option_is_file(const char *keyword);

/* The next key of the object, palloc'd, and its value, maybe a container. */
extern bool tm_connection_option_next(JsonbIterator **iterator,
									  char **keyword, JsonbValue *value);

/* A scalar as libpq wants it, palloc'd. */
extern char *tm_connection_option_text(const JsonbValue *value);

/*
 * For a row from a dump, of a connection of that name: the options without those
 * that there cannot be; there is a warning about each.
 */
extern Jsonb *tm_connection_options_that_may_be(Jsonb *options,
												const char *connection);

#endif							/* TENANT_MGR_CONNECTION_OPTION_H */
