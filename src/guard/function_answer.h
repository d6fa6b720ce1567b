/*
 * function_answer.h
 *		What has been found out about functions, until one changes.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_FUNCTION_ANSWER_H
#define TENANT_MGR_FUNCTION_ANSWER_H

#include "utils/hsearch.h"

/* The answers to one question; a static variable of whoever asks it */
typedef struct FunctionAnswers
{
	const char *name;			/* what the table is called */
	HTAB	   *table;			/* NULL if there are none */
	bool		registered;		/* are we told of changes? */
} FunctionAnswers;

/* Is the answer known?  If not, find it and hand it over. */
extern bool tm_function_answer_known(FunctionAnswers *answers, Oid funcid,
									 bool *answer);
extern void tm_function_answer_keep(FunctionAnswers *answers, Oid funcid,
									bool answer);

/* May be called at any time. */
extern void tm_function_answers_forget(FunctionAnswers *answers);

#endif							/* TENANT_MGR_FUNCTION_ANSWER_H */
