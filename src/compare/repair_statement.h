/*
 * repair_statement.h
 *		The statements that repair one object.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_REPAIR_STATEMENT_H
#define TENANT_MGR_REPAIR_STATEMENT_H

#include "compare/repair_plan.h"

/* What is done to one object happens in up to three stages, in this order */
typedef enum RepairStage
{
	STAGE_UNDO,					/* what goes, and what others have to find */
	STAGE_MAKE,
	STAGE_LATE,					/* what has to find others */
} RepairStage;

#define TM_REPAIR_STAGES	3

/* The statements and comments of one stage, palloc'd strings. */
extern List *tm_repair_statements(const RepairPlan *plan,
								  const RepairItem *item, RepairStage stage);

/* A comment that gives the reason why a statement is only told; palloc'd. */
extern char *tm_repair_comment(const char *reason, const char *text);

#endif							/* TENANT_MGR_REPAIR_STATEMENT_H */
