/*
 * postgres.h
 *		As much of the server as the parsers need, for use without one.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_FUZZ_POSTGRES_H
#define TENANT_MGR_FUZZ_POSTGRES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef uint8_t uint8;
typedef uint32_t uint32;
typedef uint64_t uint64;
typedef int32_t int32;
typedef int64_t int64;
typedef size_t Size;

#define PG_INT32_MAX		INT32_MAX
#define lengthof(array)		(sizeof(array) / sizeof((array)[0]))
#define Min(x, y)			((x) < (y) ? (x) : (y))
#define IS_HIGHBIT_SET(ch)	((unsigned char) (ch) & 0x80)
#define NAMEDATALEN			64
#define CHECK_FOR_INTERRUPTS()	((void) 0)
#define pg_strncasecmp(a, b, n)	strncasecmp(a, b, n)
#define Max(x, y)			((x) > (y) ? (x) : (y))
#define _(text)				(text)
#define StaticAssertDecl(condition, message) _Static_assert(condition, message)

/* What raises an error is not to be reached from a parser. */
#define ERROR				21
#define ereport(level, rest)	abort()
#define elog(level, ...)	abort()

#define palloc(size)		malloc((size) > 0 ? (size) : 1)
#define pfree(pointer)		free(pointer)
#define pstrdup(text)		strdup(text)

static inline char *
psprintf(const char *format,...)
{
	char	   *text;
	va_list		args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	return text;
}

static inline size_t
tm_fuzz_strlcpy(char *to, const char *from, size_t size)
{
	snprintf(to, size, "%s", from);
	return strlen(from);
}
#define strlcpy(to, from, size)	tm_fuzz_strlcpy(to, from, size)

#endif							/* TENANT_MGR_FUZZ_POSTGRES_H */
