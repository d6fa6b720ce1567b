/*
 * statement_tag.h
 *		The tenant that a statement says it is for.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_STATEMENT_TAG_H
#define TENANT_MGR_STATEMENT_TAG_H

/* What happens if a statement is for another tenant than the session is */
typedef enum VerifyTag
{
	VERIFY_TAG_OFF,
	VERIFY_TAG_LOG,
	VERIFY_TAG_ENFORCE
} VerifyTag;

extern int	tm_verify_tag;		/* a VerifyTag */

/*
 * Find the next comment at or after *position that names a tenant, and move
 * the position behind it.  The result is the name, palloc'd; NULL when there
 * is none left.
 */
extern char *tm_statement_tag_next(const char *sql, const char **position);

/*
 * Raise an error, or write to the log, if the text of a statement that the
 * client has sent is tagged for another tenant than the session is bound to.
 */
extern void tm_statement_tag_verify(const char *sql);

#endif							/* TENANT_MGR_STATEMENT_TAG_H */
