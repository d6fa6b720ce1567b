/*
 * argument.c
 *		Arguments of functions that are not strict.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/argument.h"
#include "base/compat.h"

char *
tm_argument_text(FunctionCallInfo fcinfo, int argno, const char *what)
{
	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", what)));
	return text_to_cstring(PG_GETARG_TEXT_PP(argno));
}

char *
tm_argument_optional_text(FunctionCallInfo fcinfo, int argno)
{
	return PG_ARGISNULL(argno) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(argno));
}

List *
tm_argument_texts(ArrayType *array, const char *what)
{
	List	   *texts = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			nelements;

	deconstruct_array_builtin(array, TEXTOID, &elements, &nulls, &nelements);
	for (int i = 0; i < nelements; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not be null", what)));
		texts = lappend(texts, TextDatumGetCString(elements[i]));
	}
	return texts;
}
