/*
 * name_escape.h
 *		Names and strings that are written with escapes.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_NAME_ESCAPE_H
#define TENANT_MGR_NAME_ESCAPE_H

/* Is the quote part of U&'...' or U&"..."?  Both point into one text. */
extern bool tm_name_has_unicode_mark(const char *body, const char *quote);

/*
 * What a string means that begins here, after its quote, palloc'd: with Unicode
 * escapes, or with those of E'...'.  NULL if it has none, or no end.
 */
extern char *tm_name_escaped_string(const char *start, bool unicode);

/* What a name or string with Unicode escapes means; palloc'd. */
extern char *tm_name_unescape(const char *written, char escape);

/*
 * Read the rest of U&"...", with UESCAPE if that follows, into a buffer of
 * NAMEDATALEN bytes; returns where it ends, NULL if it is no name.
 */
extern const char *tm_name_escaped_identifier(const char *start, char *name);

#endif							/* TENANT_MGR_NAME_ESCAPE_H */
