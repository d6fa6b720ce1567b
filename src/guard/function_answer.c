/*
 * function_answer.c
 *		What has been found out about functions, until one changes.
 *
 * Whether a function may be inlined, say, takes a look at its body, and is asked
 * each time that it is called.  A body names types and operators as well, so the
 * answers hold until one of those changes, too.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "utils/inval.h"
#include "utils/syscache.h"

#include "guard/function_answer.h"

/* An answer */
typedef struct FunctionAnswer
{
	Oid			funcid;			/* hash key */
	bool		answer;
} FunctionAnswer;

static void forget_functions(Datum arg, int cacheid, uint32 hashvalue);

bool
tm_function_answer_known(FunctionAnswers *answers, Oid funcid, bool *answer)
{
	FunctionAnswer *entry;

	if (!answers->registered)
	{
		static const int caches[] = {CASTSOURCETARGET, PROCOID, TYPEOID, OPEROID};

		for (int i = 0; i < lengthof(caches); i++)
			CacheRegisterSyscacheCallback(caches[i], forget_functions,
										  PointerGetDatum(answers));
	}
	answers->registered = true;
	if (answers->table == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(FunctionAnswer);
		answers->table = hash_create(answers->name, 64, &ctl,
									 HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(answers->table, &funcid, HASH_FIND, NULL);
	if (entry != NULL)
		*answer = entry->answer;
	return entry != NULL;
}

/* Everything may have been forgotten while somebody looked. */
void
tm_function_answer_keep(FunctionAnswers *answers, Oid funcid, bool answer)
{
	FunctionAnswer *entry;

	if (answers->table == NULL)
		return;
	entry = hash_search(answers->table, &funcid, HASH_ENTER, NULL);
	entry->answer = answer;
}

void
tm_function_answers_forget(FunctionAnswers *answers)
{
	if (answers->table != NULL)
		hash_destroy(answers->table);
	answers->table = NULL;
}

/* Called at awkward moments; nobody is looking at an entry then. */
static void
forget_functions(Datum arg, int cacheid, uint32 hashvalue)
{
	tm_function_answers_forget((FunctionAnswers *) DatumGetPointer(arg));
}
