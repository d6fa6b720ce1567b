/*
 * migrate_alone.c
 *		Statements that cannot be part of a transaction.
 *
 * CREATE INDEX CONCURRENTLY and its like commit on their way.  They are executed
 * as if the client had sent them: by ProcessUtility, with nothing above them that
 * would have to survive, neither a snapshot nor a connection of SPI.
 *
 * The current user is the owner of the tenant's schema.  It cannot be in a
 * security-restricted operation, for none can begin a transaction.  So there are
 * few kinds of statements that are executed here: those for which the server
 * itself restricts the tenant's code and runs it as its owner.  They are kept from
 * running any other code of the tenant (alone_code.c).
 *
 * If the server has gone down, nothing says for sure whether the statement was
 * completed; so each kind knows what an earlier try leaves behind.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "binding/binding.h"
#include "fleet/alone_code.h"
#include "fleet/migrate_alone.h"
#include "fleet/migrate_statement.h"
#include "fleet/refused_command.h"
#include "fleet/statement_settings.h"
#include "tenants/tenant_lock.h"

/* A setting of the session, and what it was before */
typedef struct Setting
{
	char	   *name;			/* itself */
	char	   *value;			/* NULL if there was none */
} Setting;

static Portal begin_portal(void);
static void end_portal(Portal portal);
static void execute(const List *statements, int number,
					const TenantInfo *tenant, AloneBefore before,
					List **settings);
static List *set_for_session(const List *statements, int number);
static void put_back(const List *settings);
static void refuse_nameless(Node *stmt);
static bool prepare(Node *stmt, bool unknown, Oid *leftover);
static bool prepare_index(const IndexStmt *stmt, bool unknown, Oid *leftover);
static bool prepare_detach(AlterTableStmt *stmt, bool unknown);
static AlterTableCmd *detaching(AlterTableStmt *stmt);
static void drop_index(Oid index);
static void process(RawStmt *raw, const char *text);

bool
tm_migrate_is_alone(const MigrationStatement *statement)
{
	Node	   *stmt = tm_migrate_parse(statement->text)->stmt;

	switch (nodeTag(stmt))
	{
		case T_IndexStmt:
			return castNode(IndexStmt, stmt)->concurrent;
		case T_DropStmt:
			return castNode(DropStmt, stmt)->concurrent;
		case T_VacuumStmt:
			return castNode(VacuumStmt, stmt)->is_vacuumcmd;
		case T_ReindexStmt:
			return true;
		case T_AlterTableStmt:
			return detaching(castNode(AlterTableStmt, stmt)) != NULL;
		default:
			return false;
	}
}

ErrorData *
tm_migrate_alone(const List *statements, int number,
				 const TenantInfo *tenant, AloneBefore before)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;
	List	  **settings = palloc0(sizeof(List *));
	Portal volatile portal;
	Oid			userid;
	int			sec_context;

	GetUserIdAndSecContext(&userid, &sec_context);

	/* From here on there is no snapshot, and nothing else to be lost. */
	SPI_commit();
	SPI_finish();
	tm_refused_command_begin();
	tm_alone_code_begin();
	portal = begin_portal();
	PG_TRY();
	{
		MemoryContextSwitchTo(context);
		execute(statements, number, tenant, before, settings);

		/* An error would leave the user that the transaction began with. */
		CommitTransactionCommand();
		SetUserIdAndSecContext(userid, sec_context);
		StartTransactionCommand();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		SetUserIdAndSecContext(userid, sec_context);
		StartTransactionCommand();
	}
	PG_END_TRY();
	end_portal(portal);
	tm_alone_code_end();
	tm_refused_command_end();

	/* Nobody who cancels shall leave the session bound to the tenant. */
	HOLD_INTERRUPTS();
	put_back(*settings);
	tm_binding_set("", GUC_ACTION_SET);
	CommitTransactionCommand();
	RESUME_INTERRUPTS();
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(context);
	return error;
}

/*
 * What an event trigger calls gets its snapshot from the portal of the client's
 * command, which a worker does not have.  The portal outlives transactions, as any
 * that is at work.  NULL if there is one.
 */
static Portal
begin_portal(void)
{
	Portal volatile portal;

	if (ActivePortal != NULL)
		return NULL;
	portal = CreateNewPortal();
	portal->visible = false;
	portal->cleanup = NULL;
	PortalDefineQuery(portal, NULL, "", CMDTAG_UNKNOWN, NIL, NULL);
	portal->status = PORTAL_READY;
	MarkPortalActive(portal);
	ActivePortal = portal;
	return portal;
}

static void
end_portal(Portal portal)
{
	if (portal == NULL)
		return;
	ActivePortal = NULL;
	portal->portalSnapshot = NULL;
	MarkPortalDone(portal);
	PortalDrop(portal, false);
}

/*
 * The binding and settings are the session's: those of the transaction would not
 * last as long as the statement.
 */
static void
execute(const List *statements, int number, const TenantInfo *tenant,
		AloneBefore before, List **settings)
{
	const MigrationStatement *statement = list_nth(statements, number);
	MemoryContext context = CurrentMemoryContext;
	Oid			owner = tm_tenant_lock_schema_owner(tenant->nspid);
	Oid			leftover = InvalidOid;
	bool		needed = true;
	RawStmt    *raw;

	tm_binding_lend(tenant->name, true);
	CommitTransactionCommand();
	SetUserIdAndSecContext(owner, 0);
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	*settings = set_for_session(statements, number);
	CommitTransactionCommand();
	StartTransactionCommand();
	MemoryContextSwitchTo(context);

	tm_statement_settings_apply(statement->settings);
	PushActiveSnapshot(GetTransactionSnapshot());
	raw = tm_migrate_parse(statement->text);
	refuse_nameless(raw->stmt);
	if (before != ALONE_NEW)
		needed = prepare(raw->stmt, before == ALONE_UNKNOWN, &leftover);
	PopActiveSnapshot();

	if (OidIsValid(leftover))
		drop_index(leftover);
	MemoryContextSwitchTo(context);
	if (needed)
		process(raw, statement->text);
}

/*
 * What statements before this one have set, each in a transaction of its own.
 * Returns what was there before, the last first.
 */
static List *
set_for_session(const List *statements, int number)
{
	List	   *settings = NIL;

	for (int i = 0; i < number; i++)
	{
		const MigrationStatement *statement = list_nth(statements, i);
		VariableSetStmt *stmt;
		Setting    *setting;

		if (!tm_migrate_is_setting(statement))
			continue;
		stmt = castNode(VariableSetStmt,
						tm_migrate_parse(statement->text)->stmt);
		stmt->is_local = false;
		setting = palloc(sizeof(Setting));
		setting->name = stmt->name;
		setting->value = GetConfigOptionByName(stmt->name, NULL, true);
		settings = lcons(setting, settings);
		ExecSetVariableStmt(stmt, false);
	}
	return settings;
}

static void
put_back(const List *settings)
{
	ListCell   *lc;

	foreach(lc, settings)
	{
		const Setting *setting = lfirst(lc);

		(void) set_config_option(setting->name, setting->value, PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SET, true, 0,
								 false);
	}
}

static void
refuse_nameless(Node *stmt)
{
	if (!IsA(stmt, IndexStmt) || castNode(IndexStmt, stmt)->idxname != NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("an index that a migration creates concurrently must have a name"),
			 errdetail("Without one it would not be found again after a failure."),
			 errhint("Give the index a name.")));
}

/*
 * Make the statement fit what an earlier try has left behind, which may be an
 * index that is to be dropped first; false if there is nothing left to do.  If
 * that try has come to an error it was not completed, and what looks as if it
 * were is somebody else's doing: then the server is to say so again.
 */
static bool
prepare(Node *stmt, bool unknown, Oid *leftover)
{
	switch (nodeTag(stmt))
	{
		case T_IndexStmt:
			return prepare_index(castNode(IndexStmt, stmt), unknown, leftover);
		case T_DropStmt:
			castNode(DropStmt, stmt)->missing_ok |= unknown;
			return true;
		case T_AlterTableStmt:
			return prepare_detach(castNode(AlterTableStmt, stmt), unknown);
		default:
			return true;
	}
}

/* An index that nobody can use goes before it is built again. */
static bool
prepare_index(const IndexStmt *stmt, bool unknown, Oid *leftover)
{
	Oid			table = RangeVarGetRelid(stmt->relation, NoLock, true);
	Oid			index;

	if (!OidIsValid(table))
		return true;
	index = get_relname_relid(stmt->idxname, get_rel_namespace(table));
	if (!OidIsValid(index) || get_rel_relkind(index) != RELKIND_INDEX ||
		IndexGetRelation(index, true) != table)
		return true;
	if (get_index_isvalid(index))
		return !unknown;
	*leftover = index;
	return true;
}

/* A partition can be gone, or half gone. */
static bool
prepare_detach(AlterTableStmt *stmt, bool unknown)
{
	AlterTableCmd *cmd = detaching(stmt);
	PartitionCmd *partition = castNode(PartitionCmd, cmd->def);
	Oid			child = RangeVarGetRelid(partition->name, NoLock, true);

	if (!OidIsValid(child))
		return true;
	if (!get_rel_relispartition(child))
		return !unknown;
	if (PartitionHasPendingDetach(child))
	{
		cmd->subtype = AT_DetachPartitionFinalize;
		partition->concurrent = false;
	}
	return true;
}

/* The command that detaches a partition concurrently, or NULL */
static AlterTableCmd *
detaching(AlterTableStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_DetachPartition &&
			castNode(PartitionCmd, cmd->def)->concurrent)
			return cmd;
	}
	return NULL;
}

/* By a statement of its own: readers and writers go on. */
static void
drop_index(Oid index)
{
	char	   *schema = get_namespace_name(get_rel_namespace(index));
	char	   *text = psprintf("DROP INDEX CONCURRENTLY IF EXISTS %s",
								quote_qualified_identifier(schema,
														   get_rel_name(index)));

	process(tm_migrate_parse(text), text);
}

/* As the server does with what a client sends. */
static void
process(RawStmt *raw, const char *text)
{
	PlannedStmt *pstmt;
	QueryCompletion qc;

	PushActiveSnapshot(GetTransactionSnapshot());
	pstmt = linitial_node(PlannedStmt,
						  pg_plan_queries(pg_analyze_and_rewrite_fixedparams(raw,
																			 text,
																			 NULL,
																			 0,
																			 NULL),
										  text, 0, NULL));
	PopActiveSnapshot();

	if (PlannedStmtRequiresSnapshot(pstmt))
		PushActiveSnapshot(GetTransactionSnapshot());
	InitializeQueryCompletion(&qc);
	ProcessUtility(pstmt, text, false, PROCESS_UTILITY_TOPLEVEL, NULL, NULL,
				   None_Receiver, &qc);
	if (ActiveSnapshotSet())
		PopActiveSnapshot();
	if (ActivePortal != NULL)
		ActivePortal->portalSnapshot = NULL;
}
