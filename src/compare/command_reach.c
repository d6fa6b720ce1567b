/*
 * command_reach.c
 *		Does a command change nothing but the objects that it names?
 *
 * These are the commands that migrations are made of.  To leave one out costs time,
 * to take one in that changes more would cost the truth: so what is not listed
 * changes anything.  That is so of all that gives another name to something, for it
 * is said of others by name; and of what moves a part from one object to another,
 * such as the partition of a table.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "nodes/parsenodes.h"

#include "base/compat.h"
#include "compare/command_reach.h"

static bool statement_keeps(const Node *statement);
static bool subcommand_keeps(AlterTableType subtype);

bool
tm_command_keeps_to_named(const CollectedCommand *command)
{
	ListCell   *lc;

	if (command->in_extension)
		return false;
	switch (command->type)
	{
		case SCT_Simple:
			return statement_keeps(command->parsetree);
		case SCT_Grant:
			return true;
		case SCT_AlterTable:
			foreach(lc, command->d.alterTable.subcmds)
			{
				const CollectedATSubcmd *part = lfirst(lc);

				if (!IsA(part->parsetree, AlterTableCmd) ||
					!subcommand_keeps(((AlterTableCmd *) part->parsetree)->subtype))
					return false;
			}
			return true;
		default:
			return false;
	}
}

static bool
statement_keeps(const Node *statement)
{
	if (statement == NULL)
		return false;
	switch (nodeTag(statement))
	{
		case T_AlterPolicyStmt:
		case T_AlterSeqStmt:
		case T_CommentStmt:
		case T_CompositeTypeStmt:
		case T_CreateDomainStmt:
		case T_CreateEnumStmt:
		case T_CreateFunctionStmt:
		case T_CreatePolicyStmt:
		case T_CreateSeqStmt:
		case T_CreateStatsStmt:
		case T_CreateStmt:
		case T_CreateTableAsStmt:
		case T_CreateTrigStmt:
		case T_IndexStmt:
		case T_ViewStmt:
			return true;
		case T_AlterEnumStmt:
			/* another name of a label is a matter of all that mention it */
			return ((const AlterEnumStmt *) statement)->oldVal == NULL;
		default:
			return false;
	}
}

static bool
subcommand_keeps(AlterTableType subtype)
{
	switch (tm_alter_table_part(subtype))
	{
		case AT_AddColumn:
		case AT_AddColumnToView:
		case AT_AddConstraint:
		case AT_AddIdentity:
		case AT_AddIndex:
		case AT_ColumnDefault:
		case AT_CookedColumnDefault:
		case AT_DisableRowSecurity:
		case AT_DropColumn:
		case AT_DropConstraint:
		case AT_DropNotNull:
		case AT_EnableRowSecurity:
		case AT_ForceRowSecurity:
		case AT_NoForceRowSecurity:
		case AT_ReplaceRelOptions:
		case AT_ResetRelOptions:
		case AT_SetCompression:
		case AT_SetNotNull:
		case AT_SetOptions:
		case AT_SetRelOptions:
		case AT_SetStatistics:
		case AT_SetStorage:
		case AT_ValidateConstraint:
			return true;
		default:
			return false;
	}
}
