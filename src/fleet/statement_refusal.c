/*
 * statement_refusal.c
 *		Statements that a migration cannot have.
 *
 * A migration is repeated for each tenant, on the search path of that tenant,
 * by the owner of its schema, mostly in one transaction.  So it has nothing that
 * ends a transaction, that talks to the client, that leaves the tenant, or that
 * there can be only once in a database.  It is better to be told so once, when
 * the migration is written, than by each tenant.
 *
 * This is no wall: what a statement does is judged where it is executed.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/catcache.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/own_schema.h"
#include "base/tenant_mgr.h"
#include "fleet/statement_refusal.h"
#include "fleet/statement_text.h"
#include "tenants/schema_owner.h"
#include "tenants/tenant_name.h"

/* Why a statement is refused */
typedef struct Refusal
{
	const char *detail;			/* the reason */
	const char *hint;			/* the way out */
} Refusal;

static const Refusal of_transactions = {
	gettext_noop("Each tenant gets the migration in a transaction of its own."),
	gettext_noop("Leave out commands that begin, end or divide transactions.")
};

static const Refusal of_client = {
	gettext_noop("There is no client that sends or takes the rows when it is repeated for other tenants."),
	gettext_noop("Use INSERT ... VALUES.")
};

static const Refusal of_session = {
	gettext_noop("Tenants get migrations on their own search path, as the owners of their schemas."),
	gettext_noop("Leave it out.")
};

static const Refusal of_database = {
	gettext_noop("It is about what all tenants share, and could not be repeated for each of them."),
	gettext_noop("Do it once, outside of migrations.")
};

static const Refusal of_schema = {
	gettext_noop("It would take an object out of the schemas of tenants, or into them."),
	gettext_noop("Create the object where it belongs.")
};

static const Refusal of_temporary = {
	gettext_noop("Temporary objects belong to a session, and the code of tenants cannot create any."),
	gettext_noop("Use WITH, or a table that the migration drops in the end.")
};

static const Refusal of_everything = {
	gettext_noop("Without the name of a table it is about all in the database, and would be done anew for each tenant."),
	gettext_noop("Name the tables.")
};

static const Refusal of_role = {
	gettext_noop("It is about all that the role creates anywhere, and a schema cannot be named."),
	gettext_noop("Use GRANT for what the migration creates.")
};

static const Refusal of_tenants = {
	gettext_noop("Each tenant would call it once more."),
	gettext_noop("Call it once, outside of migrations, or for each tenant in a hook.")
};

static const Refusal of_runs = {
	gettext_noop("It applies migrations, and is none."),
	gettext_noop("Call it outside of migrations.  A session that records one ends that with tenant.record_stop(), or by setting \"tenant_mgr.record\" to an empty string.")
};

static const Refusal of_psql = {
	gettext_noop("It is a command of psql, which the server does not know."),
	gettext_noop("Leave it out, or write in SQL what it stands for.")
};

static const Refusal of_cursor = {
	gettext_noop("The cursor belongs to a session."),
	gettext_noop("Use a DO block, or a statement without a cursor.")
};

static void refuse(const char *what, const Refusal *refusal);
static bool refuse_calls(Node *node, void *context);
static void refuse_call(const FuncCall *call);
static bool is_reserved(const char *setting);
static bool changes_tenants(const char *function);
static bool is_temporary(Node *tree);
static bool is_about_all(Node *tree);
static const Refusal *refusal_of(Node *tree);
static bool reaches_beyond_schema(NodeTag tag);
static const Refusal *refusal_of_copy(CopyStmt *stmt);
static const Refusal *refusal_of_setting(VariableSetStmt *stmt);
static const Refusal *refusal_of_object(ObjectType type);
static bool has_option(List *options, const char *name);
static bool alters_alone(AlterTableStmt *stmt);
static bool is_unwanted(const char *name, void *arg);

void
tm_statement_refuse_unrepeatable(Node *tree)
{
	const Refusal *refusal = refusal_of(tree);

	if (refusal != NULL)
		refuse(tm_statement_tag_of(tree), refusal);
	if (is_temporary(tree))
		refuse(_("a temporary object"), &of_temporary);
	if (is_about_all(tree))
		refuse(psprintf(_("%s of all tables"), CreateCommandName(tree)),
			   &of_everything);

	switch (nodeTag(tree))
	{
		case T_SelectStmt:
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_MergeStmt:
			(void) refuse_calls(tree, NULL);
			break;
		case T_CallStmt:
			(void) refuse_calls((Node *) castNode(CallStmt, tree)->funccall,
								NULL);
			break;
		default:
			break;
	}
}

void
tm_statement_refuse_client(const char *text)
{
	char	   *what = tm_statement_of_client(text);

	if (what != NULL)
		refuse(what, what[0] == '\\' ? &of_psql : &of_client);
}

static void
refuse(const char *what, const Refusal *refusal)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s cannot be a part of a migration", what),
			 errdetail("%s", _(refusal->detail)),
			 errhint("%s", _(refusal->hint))));
}

/* Calls of functions, as far as they can be told from their names */
static bool
refuse_calls(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncCall))
		refuse_call(castNode(FuncCall, node));
	return raw_expression_tree_walker(node, refuse_calls, context);
}

static void
refuse_call(const FuncCall *call)
{
	const char *function = strVal(llast(call->funcname));

	if (list_length(call->funcname) > 1 &&
		strcmp(strVal(linitial(call->funcname)), TM_SCHEMA_NAME) == 0 &&
		changes_tenants(function))
		refuse(psprintf("%s.%s()", TM_SCHEMA_NAME, function),
			   strcmp(function, "migrate") == 0 ? &of_runs : &of_tenants);
	if (strcmp(function, "set_config") == 0 && call->args != NIL &&
		IsA(linitial(call->args), A_Const))
	{
		A_Const    *setting = linitial_node(A_Const, call->args);

		if (!setting->isnull && IsA(&setting->val, String) &&
			is_reserved(strVal(&setting->val)))
			refuse(psprintf("set_config('%s')", strVal(&setting->val)),
				   &of_session);
	}
}

/* Is it one of ours that is volatile, and not about rows? */
static bool
changes_tenants(const char *function)
{
	Oid			nspid = tm_own_schema();
	CatCList   *list;
	bool		result = false;

	if (strcmp(function, "encrypt") == 0 || strcmp(function, "decrypt") == 0)
		return false;
	list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(function));
	for (int i = 0; i < list->n_members; i++)
	{
		HeapTuple	tuple = &list->members[i]->tuple;
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);

		result |= form->pronamespace == nspid &&
			form->provolatile == PROVOLATILE_VOLATILE;
	}
	ReleaseSysCacheList(list);
	return result;
}

/* Does it create something temporary? */
static bool
is_temporary(Node *tree)
{
	const RangeVar *relation;

	switch (nodeTag(tree))
	{
		case T_CreateStmt:
			relation = castNode(CreateStmt, tree)->relation;
			break;
		case T_CreateTableAsStmt:
			relation = castNode(CreateTableAsStmt, tree)->into->rel;
			break;
		case T_ViewStmt:
			relation = castNode(ViewStmt, tree)->view;
			break;
		case T_CreateSeqStmt:
			relation = castNode(CreateSeqStmt, tree)->sequence;
			break;
		case T_SelectStmt:
			if (castNode(SelectStmt, tree)->intoClause == NULL)
				return false;
			relation = castNode(SelectStmt, tree)->intoClause->rel;
			break;
		default:
			return false;
	}
	return relation->relpersistence == RELPERSISTENCE_TEMP ||
		(relation->schemaname != NULL &&
		 strcmp(relation->schemaname, "pg_temp") == 0);
}

/* Does it go through all tables because it names none? */
static bool
is_about_all(Node *tree)
{
	return (IsA(tree, VacuumStmt) &&
			castNode(VacuumStmt, tree)->rels == NIL) ||
		(IsA(tree, ClusterStmt) &&
		 castNode(ClusterStmt, tree)->relation == NULL);
}

const char *
tm_statement_tag_of(Node *tree)
{
	if (IsA(tree, CopyStmt) && castNode(CopyStmt, tree)->filename == NULL)
		return castNode(CopyStmt, tree)->is_from ? "COPY FROM STDIN" :
			"COPY TO STDOUT";
	if (tm_statement_is_alone(tree) && !IsA(tree, VacuumStmt))
		return psprintf("%s CONCURRENTLY", CreateCommandName(tree));
	return CreateCommandName(tree);
}

bool
tm_statement_is_alone(Node *tree)
{
	switch (nodeTag(tree))
	{
		case T_IndexStmt:
			return castNode(IndexStmt, tree)->concurrent;
		case T_DropStmt:
			return castNode(DropStmt, tree)->concurrent;
		case T_ReindexStmt:
			return has_option(castNode(ReindexStmt, tree)->params,
							  "concurrently");
		case T_AlterTableStmt:
			return alters_alone(castNode(AlterTableStmt, tree));
		case T_VacuumStmt:
			return castNode(VacuumStmt, tree)->is_vacuumcmd;
		default:
			return false;
	}
}

void
tm_statement_refuse_schema(const char *text, Oid nspid)
{
	char	   *name = tm_statement_names_schema(text, is_unwanted, &nspid);

	if (name != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a migration cannot name schema \"%s\" of a tenant",
						name),
				 errdetail("For other tenants it would mean that schema, and not theirs."),
				 errhint("Leave the name of the schema out: it is the first on the search path.  A text that only looks like it can be put together by \"||\".")));
}

/* NULL if there is nothing to be said against it. */
static const Refusal *
refusal_of(Node *tree)
{
	if (reaches_beyond_schema(nodeTag(tree)))
		return &of_database;
	switch (nodeTag(tree))
	{
		case T_TransactionStmt:
			return &of_transactions;
		case T_CopyStmt:
			return refusal_of_copy(castNode(CopyStmt, tree));
		case T_VariableSetStmt:
			return refusal_of_setting(castNode(VariableSetStmt, tree));
		case T_DiscardStmt:
		case T_ListenStmt:
		case T_UnlistenStmt:
		case T_PrepareStmt:
		case T_ExecuteStmt:
		case T_DeallocateStmt:
		case T_LoadStmt:
			return &of_session;
		case T_DeclareCursorStmt:
		case T_FetchStmt:
		case T_ClosePortalStmt:
			return &of_cursor;
		case T_ReindexStmt:
			return castNode(ReindexStmt, tree)->relation == NULL ?
				&of_database : NULL;
		case T_DropStmt:
			return refusal_of_object(castNode(DropStmt, tree)->removeType);
		case T_RenameStmt:
			return refusal_of_object(castNode(RenameStmt, tree)->renameType);
		case T_AlterOwnerStmt:
			return refusal_of_object(castNode(AlterOwnerStmt,
											  tree)->objectType);
		case T_CommentStmt:
			return refusal_of_object(castNode(CommentStmt, tree)->objtype);
		case T_SecLabelStmt:
			return refusal_of_object(castNode(SecLabelStmt, tree)->objtype);
		case T_GrantStmt:
			return refusal_of_object(castNode(GrantStmt, tree)->objtype);
		case T_AlterDefaultPrivilegesStmt:
			return &of_role;
		case T_AlterObjectSchemaStmt:
		case T_ImportForeignSchemaStmt:
			return &of_schema;
		default:
			return NULL;
	}
}

/* Is it about what all schemas of the database share, or all databases? */
static bool
reaches_beyond_schema(NodeTag tag)
{
	switch (tag)
	{
		case T_CreatedbStmt:
		case T_DropdbStmt:
		case T_AlterDatabaseStmt:
		case T_AlterDatabaseSetStmt:
		case T_AlterSystemStmt:
		case T_CreateTableSpaceStmt:
		case T_DropTableSpaceStmt:
		case T_AlterTableSpaceOptionsStmt:
		case T_AlterTableMoveAllStmt:
		case T_CreateRoleStmt:
		case T_AlterRoleStmt:
		case T_AlterRoleSetStmt:
		case T_DropRoleStmt:
		case T_GrantRoleStmt:
		case T_DropOwnedStmt:
		case T_ReassignOwnedStmt:
		case T_CreateSchemaStmt:
		case T_CreateExtensionStmt:
		case T_AlterExtensionStmt:
		case T_AlterExtensionContentsStmt:
		case T_CreateEventTrigStmt:
		case T_AlterEventTrigStmt:
		case T_CreateFdwStmt:
		case T_AlterFdwStmt:
		case T_CreateForeignServerStmt:
		case T_AlterForeignServerStmt:
		case T_CreateUserMappingStmt:
		case T_AlterUserMappingStmt:
		case T_DropUserMappingStmt:
		case T_CreatePLangStmt:
		case T_CreateAmStmt:
		case T_CreatePublicationStmt:
		case T_AlterPublicationStmt:
		case T_CreateSubscriptionStmt:
		case T_AlterSubscriptionStmt:
		case T_DropSubscriptionStmt:
		case T_CheckPointStmt:
			return true;
		default:
			return false;
	}
}

/* Files and programs of the server are there for others, too. */
static const Refusal *
refusal_of_copy(CopyStmt *stmt)
{
	return stmt->filename == NULL ? &of_client : NULL;
}

/* Settings of one's own are let through, for functions to read. */
static const Refusal *
refusal_of_setting(VariableSetStmt *stmt)
{
	if (stmt->kind == VAR_RESET_ALL)
		return &of_session;
	if (stmt->name == NULL)
		return NULL;
	if (stmt->kind == VAR_SET_MULTI)
		return &of_transactions;
	return is_reserved(stmt->name) ? &of_session : NULL;
}

/* Does the setting belong to whoever applies migrations? */
static bool
is_reserved(const char *setting)
{
	static const char *const reserved[] = {
		"search_path", "role", "session_authorization",
		"session_replication_role", "transaction_isolation",
		"transaction_read_only"
	};

	for (int i = 0; i < (int) lengthof(reserved); i++)
	{
		if (pg_strcasecmp(setting, reserved[i]) == 0)
			return true;
	}
	return pg_strncasecmp(setting, "tenant_mgr.", 11) == 0;
}

/* Is it a kind of object that is not in a schema, nor a part of one that is? */
static const Refusal *
refusal_of_object(ObjectType type)
{
	switch (type)
	{
		case OBJECT_ACCESS_METHOD:
		case OBJECT_DATABASE:
		case OBJECT_EVENT_TRIGGER:
		case OBJECT_EXTENSION:
		case OBJECT_FDW:
		case OBJECT_FOREIGN_SERVER:
		case OBJECT_LANGUAGE:
		case OBJECT_PARAMETER_ACL:
		case OBJECT_PUBLICATION:
		case OBJECT_ROLE:
		case OBJECT_SCHEMA:
		case OBJECT_SUBSCRIPTION:
		case OBJECT_TABLESPACE:
		case OBJECT_USER_MAPPING:
			return &of_database;
		default:
			return NULL;
	}
}

/* As the commands read such options. */
static bool
has_option(List *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		const DefElem *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, name) == 0)
			return option->arg == NULL || !IsA(option->arg, Boolean) ||
				boolVal(option->arg);
	}
	return false;
}

static bool
alters_alone(AlterTableStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		const AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_DetachPartitionFinalize ||
			(cmd->subtype == AT_DetachPartition &&
			 castNode(PartitionCmd, cmd->def)->concurrent))
			return true;
	}
	return false;
}

/* The schema that is given, or without one that of any tenant. */
static bool
is_unwanted(const char *name, void *arg)
{
	Oid			nspid = get_namespace_oid(name, true);
	Oid			wanted = *(Oid *) arg;

	if (!OidIsValid(nspid))
		return false;
	return OidIsValid(wanted) ? nspid == wanted : tm_schema_owner(nspid, NULL);
}
