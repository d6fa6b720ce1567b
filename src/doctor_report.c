/*
 * doctor_report.c
 *		A row of tenant.doctor().
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "doctor.h"

#define DOCTOR_COLUMNS	4

void
tm_doctor_report(ReturnSetInfo *rsinfo, const char *severity, const char *object,
				 const char *problem, const char *hint)
{
	Datum		values[DOCTOR_COLUMNS];
	bool		nulls[DOCTOR_COLUMNS] = {0};

	values[0] = CStringGetTextDatum(severity);
	values[1] = CStringGetTextDatum(object);
	values[2] = CStringGetTextDatum(problem);
	values[3] = CStringGetTextDatum(hint);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}
