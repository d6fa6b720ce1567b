/*
 * parser/parser.h: see postgres.h above.  Comes before our own headers and
 * stands for those that need a server.
 */
#ifndef TENANT_MGR_FUZZ_PARSER_H
#define TENANT_MGR_FUZZ_PARSER_H

#include "utils/uuid.h"

#define TENANT_MGR_BINDING_H
#define TENANT_MGR_GUARD_STATS_H
#define TENANT_MGR_H
#define TENANT_MGR_TENANT_NAME_H

extern bool standard_conforming_strings;

/* There is never a binding, so nothing is compared. */
typedef struct Binding
{
	bool		verified;
	pg_uuid_t	id;
} Binding;
typedef int64 TimestampTz;

#define tm_binding_current()			((Binding *) NULL)
#define tm_tenant						""
#define pg_verifymbstr(text, size, quiet)	true
#define GetCurrentStatementStartTimestamp()	0
#define tm_guard_count_violation(id, refused)	((void) (id))

#endif							/* TENANT_MGR_FUZZ_PARSER_H */
