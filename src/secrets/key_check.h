/*
 * key_check.h
 *		Whether the keys of a database fit each other.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_KEY_CHECK_H
#define TENANT_MGR_KEY_CHECK_H

#include "nodes/pg_list.h"

/* Something that is wrong; texts are translated and palloc'd */
typedef struct KeyProblem
{
	bool		is_error;		/* do some secrets not open? */
	char	   *object;			/* what it is about */
	char	   *problem;		/* no sentence */
	char	   *hint;			/* a sentence */
} KeyProblem;

/*
 * All that is wrong with the key ring and the data keys of this database; a
 * palloc'd list of KeyProblem.  Opens every data key.
 */
extern List *tm_key_check(void);

#endif							/* TENANT_MGR_KEY_CHECK_H */
