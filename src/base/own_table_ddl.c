/*
 * own_table_ddl.c
 *		What cannot be hung on a table of the extension is refused at once.
 *
 * Indexes, keys, checks, triggers and generated columns are served.  Columns
 * are not: pg_dump writes the rows of an extension's table with all of its
 * columns, but leaves it to CREATE EXTENSION to make the table, which has only
 * ours then, so no row at all would come back.  Nor are rules, which belong to
 * SQL and not to those who write rows.  An event trigger tells us when the
 * command is done.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "utils/lsyscache.h"

#include "base/own_table.h"
#include "base/tenant_mgr.h"

static void check_alter(AlterTableStmt *stmt);
static bool is_damaged(const OwnTable *table);
static void check_rename(RenameStmt *stmt);
static bool is_generated(ColumnDef *column);
static const OwnTable *own_table(RangeVar *relation);
static bool is_own(Oid relid);
static const OwnTable *own_table_by_name(const char *name);
static void refuse_change(const char *table);

PG_FUNCTION_INFO_V1(tenant_keep_tables);

/* ddl_command_end of commands that can change tables */
Datum
tenant_keep_tables(PG_FUNCTION_ARGS)
{
	Node	   *stmt;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function was not called by event trigger manager")));
	stmt = ((EventTriggerData *) fcinfo->context)->parsetree;

	/* The scripts of extensions, ours above all, know what they do. */
	if (creating_extension)
		PG_RETURN_NULL();
	if (IsA(stmt, AlterTableStmt))
		check_alter(castNode(AlterTableStmt, stmt));
	else if (IsA(stmt, RenameStmt))
		check_rename(castNode(RenameStmt, stmt));
	else if (IsA(stmt, AlterObjectSchemaStmt))
	{
		RangeVar   *relation = castNode(AlterObjectSchemaStmt, stmt)->relation;

		/* By the name that it had: it is somewhere else by now. */
		if (relation != NULL && relation->schemaname != NULL &&
			strcmp(relation->schemaname, TM_SCHEMA_NAME) == 0 &&
			own_table_by_name(relation->relname) != NULL)
			refuse_change(relation->relname);
	}
	else if (IsA(stmt, RuleStmt) &&
			 own_table(castNode(RuleStmt, stmt)->relation) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot create a rule on table \"%s.%s\"",
						TM_SCHEMA_NAME,
						castNode(RuleStmt, stmt)->relation->relname),
				 errdetail("It would not be applied when the extension writes the table."),
				 errhint("Use a trigger.")));

	PG_RETURN_NULL();
}

static void
check_alter(AlterTableStmt *stmt)
{
	const OwnTable *table = own_table(stmt->relation);
	ListCell   *lc;

	if (table == NULL)
		return;
	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_AddColumn &&
			!is_generated(castNode(ColumnDef, cmd->def)))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot add column \"%s\" to table \"%s.%s\"",
							castNode(ColumnDef, cmd->def)->colname,
							TM_SCHEMA_NAME, table->name),
					 errdetail("Dumps would have rows with the column and no table with it, and could not be restored."),
					 errhint("Keep what belongs to tenants in their metadata, or in a table of your own with a foreign key to %s.registry (id).",
							 TM_SCHEMA_NAME)));
		if (cmd->subtype == AT_AlterColumnType ||
			cmd->subtype == AT_DropExpression)
			refuse_change(table->name);

		/* A column that has been added before all this may go. */
		if ((cmd->subtype == AT_DropColumn ||
			 cmd->subtype == AT_DropNotNull ||
			 cmd->subtype == AT_DropConstraint) && is_damaged(table))
			refuse_change(table->name);
	}
}

/* Has one of our columns gone, or can it be null now? */
static bool
is_damaged(const OwnTable *table)
{
	Relation	rel = table_open(tm_own_table_relid(table->name),
								 AccessShareLock);
	bool		damaged = tm_own_table_damaged_column(rel) != NULL;

	table_close(rel, AccessShareLock);
	return damaged;
}

static void
check_rename(RenameStmt *stmt)
{
	const OwnTable *table;

	if (stmt->relation == NULL)
		return;
	if (stmt->renameType == OBJECT_COLUMN)
	{
		table = own_table(stmt->relation);
		if (table != NULL &&
			get_attnum(tm_own_table_relid(table->name), stmt->newname) <=
			table->natts)
			refuse_change(table->name);
	}
	else if (stmt->renameType == OBJECT_TABLE)
	{
		RangeVar   *renamed = copyObject(stmt->relation);
		Oid			relid;

		renamed->relname = stmt->newname;
		relid = RangeVarGetRelid(renamed, NoLock, true);
		if (own_table_by_name(stmt->relation->relname) != NULL &&
			OidIsValid(relid) && is_own(relid))
			refuse_change(stmt->relation->relname);
	}
}

/* Such columns are not in dumps. */
static bool
is_generated(ColumnDef *column)
{
	ListCell   *lc;

	if (column->generated != '\0')
		return true;
	foreach(lc, column->constraints)
	{
		if (lfirst_node(Constraint, lc)->contype == CONSTR_GENERATED)
			return true;
	}
	return false;
}

/* NULL if it is none of ours. */
static const OwnTable *
own_table(RangeVar *relation)
{
	const OwnTable *table = own_table_by_name(relation->relname);
	Oid			relid;

	if (table == NULL)
		return NULL;
	relid = RangeVarGetRelid(relation, NoLock, true);
	return OidIsValid(relid) && is_own(relid) ? table : NULL;
}

static bool
is_own(Oid relid)
{
	return getExtensionOfObject(RelationRelationId, relid) ==
		get_extension_oid(TM_EXTENSION_NAME, true);
}

static const OwnTable *
own_table_by_name(const char *name)
{
	for (int i = 0; tm_own_table_at(i) != NULL; i++)
	{
		if (strcmp(tm_own_table_at(i)->name, name) == 0)
			return tm_own_table_at(i);
	}
	return NULL;
}

static void
refuse_change(const char *table)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot change table \"%s.%s\" in this way",
					TM_SCHEMA_NAME, table),
			 errdetail("The library knows its columns by their numbers and types, and which of them cannot be null.")));
}
