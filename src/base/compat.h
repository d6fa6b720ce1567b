/*
 * compat.h
 *		Every difference between the supported servers, in one place.
 *
 * The rest of tenant_mgr is written against these wrappers and does not look
 * at the version number.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_COMPAT_H
#define TENANT_MGR_COMPAT_H

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_tablespace.h"
#include "catalog/pg_type.h"
#include "catalog/storage.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "common/jsonapi.h"
#include "executor/executor.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parse_relation.h"
#include "parser/parse_type.h"
#include "pgstat.h"
#include "rewrite/rewriteHandler.h"
#include "storage/bufmgr.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "storage/smgr.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/fmgroids.h"
#include "utils/guc_tables.h"
#include "utils/inval.h"
#include "utils/rangetypes.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/relmapper.h"
#include "utils/wait_event.h"

#if PG_VERSION_NUM < 150000
#error "tenant_mgr needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "storage/relfilelocator.h"
#else
#include "storage/relfilenode.h"
typedef RelFileNode RelFileLocator;
#endif

/* For background workers: as a role that need not be able to log in */
#if PG_VERSION_NUM >= 170000
#define TM_BGWORKER_ANY_ROLE	BGWORKER_BYPASS_ROLELOGINCHECK
#else
#define TM_BGWORKER_ANY_ROLE	0
#endif

/* Is NOT NULL a constraint with a name: of a column, of a domain? */
#define TM_COLUMN_NOT_NULL_CONSTRAINTS	(PG_VERSION_NUM >= 180000)
#define TM_DOMAIN_NOT_NULL_CONSTRAINTS	(PG_VERSION_NUM >= 170000)

/* How many entries for OLD and NEW does the query of a view begin with? */
#define TM_VIEW_PLACEHOLDERS	(PG_VERSION_NUM >= 160000 ? 0 : 2)

/* Can what a column is generated from be changed? */
#define TM_SET_EXPRESSION	(PG_VERSION_NUM >= 170000)

/*
 * A part of ALTER TABLE without whether it goes on to children: before PostgreSQL 16
 * that was one of its own.
 */
static inline AlterTableType
tm_alter_table_part(AlterTableType subtype)
{
#if PG_VERSION_NUM < 160000
	switch (subtype)
	{
		case AT_AddColumnRecurse:
			return AT_AddColumn;
		case AT_AddConstraintRecurse:
			return AT_AddConstraint;
		case AT_DropColumnRecurse:
			return AT_DropColumn;
		case AT_DropConstraintRecurse:
			return AT_DropConstraint;
		case AT_ValidateConstraintRecurse:
			return AT_ValidateConstraint;
		default:
			break;
	}
#endif
	return subtype;
}

/* Where the files of a relation in this database are */
static inline RelFileLocator
tm_file_locator(Oid reltablespace, Oid relfilenumber)
{
	RelFileLocator locator;

	if (!OidIsValid(reltablespace))
		reltablespace = MyDatabaseTableSpace;
#if PG_VERSION_NUM >= 160000
	locator.spcOid = reltablespace;
	locator.dbOid = MyDatabaseId;
	locator.relNumber = relfilenumber;
#else
	locator.spcNode = reltablespace;
	locator.dbNode = MyDatabaseId;
	locator.relNode = relfilenumber;
#endif
	return locator;
}

/* Start an index scan whose use nobody counts */
static inline IndexScanDesc
tm_index_beginscan(Relation heap, Relation index, Snapshot snapshot, int nkeys)
{
#if PG_VERSION_NUM >= 180000
	return index_beginscan(heap, index, snapshot, NULL, nkeys, 0);
#else
	return index_beginscan(heap, index, snapshot, nkeys, 0);
#endif
}

#if PG_VERSION_NUM < 160000
/* Room for a page that direct I/O can write; PostgreSQL 15 has no direct I/O */
typedef PGAlignedBlock PGIOAlignedBlock;

/* Functions that are not there yet */
#define F_PG_INPUT_IS_VALID		InvalidOid
#define F_PG_INPUT_ERROR_INFO	InvalidOid
#endif

/* The storage manager's view of a file */
static inline SMgrRelation
tm_smgropen(RelFileLocator file)
{
#if PG_VERSION_NUM >= 170000
	return smgropen(file, INVALID_PROC_NUMBER);
#else
	return smgropen(file, InvalidBackendId);
#endif
}

/* Where the first segment of a fork is, palloc'd */
static inline char *
tm_file_path(RelFileLocator file, ForkNumber fork)
{
#if PG_VERSION_NUM >= 180000
	return pstrdup(relpathperm(file, fork).str);
#else
	return relpathperm(file, fork);
#endif
}

/* With wal_level = minimal: will the file be synced instead of being logged? */
static inline bool
tm_file_skips_wal(RelFileLocator file)
{
#if PG_VERSION_NUM >= 160000
	return RelFileLocatorSkippingWAL(file);
#else
	return RelFileNodeSkippingWAL(file);
#endif
}

/*
 * Have the statistics of a new relation go should the transaction be rolled
 * back.  The server asks for an open relation and looks at nothing else.
 */
static inline void
tm_stats_create_relation(Form_pg_class form)
{
	RelationData rel = {0};

	rel.rd_id = form->oid;
	rel.rd_rel = form;
	pgstat_create_relation(&rel);
}

/* Tell the relation cache that the relation's file was made just now */
static inline void
tm_assume_new_file(Relation rel)
{
#if PG_VERSION_NUM >= 160000
	RelationAssumeNewRelfilelocator(rel);
#else
	RelationAssumeNewRelfilenode(rel);
#endif
}

/* Does the role own the relation, or act as its owner? */
static inline bool
tm_class_ownercheck(Oid relid, Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relid, roleid);
#else
	return pg_class_ownercheck(relid, roleid);
#endif
}

/* Put what they are generated from in the place of virtual columns. */
static inline Node *
tm_expand_generated(Node *expression, Relation rel)
{
#if PG_VERSION_NUM >= 180000
	return expand_generated_columns_in_expr(expression, rel, 1);
#else
	return expression;
#endif
}

/* The sequence of an identity column, or InvalidOid */
static inline Oid
tm_identity_sequence(Oid relid, AttrNumber attnum)
{
#if PG_VERSION_NUM >= 170000
	Relation	rel = table_open(relid, AccessShareLock);
	Oid			result = getIdentitySequence(rel, attnum, true);

	table_close(rel, AccessShareLock);
	return result;
#else
	return getIdentitySequence(relid, attnum, true);
#endif
}

static inline bool
tm_database_ownercheck(Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(DatabaseRelationId, MyDatabaseId, roleid);
#else
	return pg_database_ownercheck(MyDatabaseId, roleid);
#endif
}

static inline bool
tm_schema_ownercheck(Oid nspid, Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(NamespaceRelationId, nspid, roleid);
#else
	return pg_namespace_ownercheck(nspid, roleid);
#endif
}

static inline bool
tm_extension_ownercheck(Oid extension, Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(ExtensionRelationId, extension, roleid);
#else
	return pg_extension_ownercheck(extension, roleid);
#endif
}

/* Does the role have these privileges on the schema? */
static inline AclResult
tm_schema_aclcheck(Oid nspid, Oid roleid, AclMode mode)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(NamespaceRelationId, nspid, roleid, mode);
#else
	return pg_namespace_aclcheck(nspid, roleid, mode);
#endif
}

/* Does the role have these privileges on the function? */
static inline AclResult
tm_function_aclcheck(Oid function, Oid roleid, AclMode mode)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(ProcedureRelationId, function, roleid, mode);
#else
	return pg_proc_aclcheck(function, roleid, mode);
#endif
}

/* Does the role own the function? */
static inline bool
tm_function_ownercheck(Oid function, Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(ProcedureRelationId, function, roleid);
#else
	return pg_proc_ownercheck(function, roleid);
#endif
}

/* Does the role have these privileges on the current database? */
static inline AclResult
tm_database_aclcheck(Oid roleid, AclMode mode)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(DatabaseRelationId, MyDatabaseId, roleid, mode);
#else
	return pg_database_aclcheck(MyDatabaseId, roleid, mode);
#endif
}

/* Raise 42501 unless the member may make the role an owner of something. */
static inline void
tm_check_can_set_role(Oid member, Oid role)
{
#if PG_VERSION_NUM >= 160000
	check_can_set_role(member, role);
#else
	check_is_member_of_role(member, role);
#endif
}

/* Does the role have these privileges on an object of one of these kinds? */
static inline AclResult
tm_object_aclcheck(Oid classid, Oid objid, Oid roleid, AclMode mode)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(classid, objid, roleid, mode);
#else
	switch (classid)
	{
		case ForeignServerRelationId:
			return pg_foreign_server_aclcheck(objid, roleid, mode);
		case LanguageRelationId:
			return pg_language_aclcheck(objid, roleid, mode);
		case ProcedureRelationId:
			return pg_proc_aclcheck(objid, roleid, mode);
		case TableSpaceRelationId:
			return pg_tablespace_aclcheck(objid, roleid, mode);
		case TypeRelationId:
			return pg_type_aclcheck(objid, roleid, mode);
		default:
			elog(ERROR, "unexpected catalog %u", classid);
	}
#endif
}

/* Has this process the lock, in this mode and not only in a stronger one? */
static inline bool
tm_lock_held_by_me(const LOCKTAG *tag, LOCKMODE lockmode)
{
#if PG_VERSION_NUM >= 170000
	return LockHeldByMe(tag, lockmode, false);
#else
	return LockHeldByMe(tag, lockmode);
#endif
}

/*
 * LockDatabaseObject(), unless it would have to wait.  Minor releases have got
 * ConditionalLockDatabaseObject(), and earlier ones of the same version have not.
 */
static inline bool
tm_try_lock_object(Oid classid, Oid objid, LOCKMODE lockmode)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, classid, objid, 0);
	if (LockAcquire(&tag, lockmode, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return false;

	/* The lock was free, but perhaps only since a moment ago. */
	AcceptInvalidationMessages();
	return true;
}

/* Could the member act as the role, by SET ROLE or without? */
static inline bool
tm_can_act_as(Oid member, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return has_privs_of_role(member, role) || member_can_set_role(member, role);
#else
	return is_member_of_role(member, role);
#endif
}

/* May the current user do what a query, its subqueries aside, does? */
static inline bool
tm_query_is_permitted(Query *query)
{
#if PG_VERSION_NUM >= 160000
	return ExecCheckPermissions(query->rtable, query->rteperminfos, false);
#else
	return ExecCheckRTPerms(query->rtable, false);
#endif
}

/* The row which a PL/pgSQL function was compiled of, and who made it */
#if PG_VERSION_NUM >= 180000
#define TM_FUNCTION_XMIN(func) ((func)->cfunc.fn_xmin)
#define TM_FUNCTION_TID(func) ((func)->cfunc.fn_tid)
#else
#define TM_FUNCTION_XMIN(func) ((func)->fn_xmin)
#define TM_FUNCTION_TID(func) ((func)->fn_tid)
#endif

/* Can indexes like this one be built by several processes? */
static inline bool
tm_index_builds_in_parallel(Relation index)
{
#if PG_VERSION_NUM >= 170000
	return index->rd_indam->amcanbuildparallel;
#else
	return index->rd_rel->relam == BTREE_AM_OID;
#endif
}

/* What the executor hands to its hook for checking permissions */
#if PG_VERSION_NUM >= 160000
#define TM_CHECK_PERMS_PARAMETERS \
	List *rangeTable, List *rteperminfos, bool ereport_on_violation
#define TM_CHECK_PERMS_ARGUMENTS \
	rangeTable, rteperminfos, ereport_on_violation
#else
#define TM_CHECK_PERMS_PARAMETERS \
	List *rangeTable, bool ereport_on_violation
#define TM_CHECK_PERMS_ARGUMENTS \
	rangeTable, ereport_on_violation
#endif

/* A function that works on a sequence, since PostgreSQL 18 */
#ifdef F_PG_GET_SEQUENCE_DATA
#define TM_F_PG_GET_SEQUENCE_DATA	F_PG_GET_SEQUENCE_DATA
#else
#define TM_F_PG_GET_SEQUENCE_DATA	InvalidOid
#endif

/* Functions that change statistics, since PostgreSQL 18 */
#ifdef F_PG_CLEAR_RELATION_STATS
#define TM_F_PG_CLEAR_ATTRIBUTE_STATS	F_PG_CLEAR_ATTRIBUTE_STATS
#define TM_F_PG_CLEAR_RELATION_STATS	F_PG_CLEAR_RELATION_STATS
#define TM_F_PG_RESTORE_ATTRIBUTE_STATS F_PG_RESTORE_ATTRIBUTE_STATS
#define TM_F_PG_RESTORE_RELATION_STATS	F_PG_RESTORE_RELATION_STATS
#else
#define TM_F_PG_CLEAR_ATTRIBUTE_STATS	InvalidOid
#define TM_F_PG_CLEAR_RELATION_STATS	InvalidOid
#define TM_F_PG_RESTORE_ATTRIBUTE_STATS InvalidOid
#define TM_F_PG_RESTORE_RELATION_STATS	InvalidOid
#endif

/* In a parallel worker: is the leader a session of a client? */
static inline bool
tm_leader_is_backend(void)
{
	PGPROC	   *leader = MyProc->lockGroupLeader;

	if (leader == NULL)
		return true;
#if PG_VERSION_NUM >= 180000
	return leader->isRegularBackend;
#else
	return !leader->isBackgroundWorker;
#endif
}

/*
 * Parts of expression trees that later servers have and PostgreSQL 15 has not;
 * see nodetree.c.  A range table entry's role is always unset in stored rules,
 * so relation OIDs are all there is to permission entries.
 */
static inline List *
tm_query_permissions(const Query *query)
{
#if PG_VERSION_NUM >= 160000
	return query->rteperminfos;
#else
	return NIL;
#endif
}

static inline Oid *
tm_permission_relid(void *permission)
{
#if PG_VERSION_NUM >= 160000
	return &castNode(RTEPermissionInfo, permission)->relid;
#else
	return NULL;				/* not reached */
#endif
}

/*
 * Is it a node that PostgreSQL 15 has not?  Its OIDs, each NULL if there is none:
 * a type that RETURNING of an SQL/JSON function names, to which the server's walker
 * does not go, and a collation.
 */
static inline bool
tm_node_is_newer(Node *node, Oid **type, Oid **collation)
{
#if PG_VERSION_NUM >= 160000
	JsonReturning *returning = NULL;
#endif

	*type = NULL;
	*collation = NULL;
	switch (nodeTag(node))
	{
#if PG_VERSION_NUM >= 160000
		case T_JsonConstructorExpr:
			returning = ((JsonConstructorExpr *) node)->returning;
			break;
		case T_JsonIsPredicate:
		case T_JsonValueExpr:
			break;
#endif
#if PG_VERSION_NUM >= 170000
		case T_JsonExpr:
			returning = ((JsonExpr *) node)->returning;
			*collation = &((JsonExpr *) node)->collation;
			break;
		case T_JsonBehavior:
		case T_MergeSupportFunc:
			break;
#endif
#if PG_VERSION_NUM >= 180000
		case T_ReturningExpr:
			break;
#endif
		default:
			return false;
	}
#if PG_VERSION_NUM >= 160000
	if (returning != NULL)
		*type = &returning->typid;
#endif
	return true;
}

/*
 * How much of a table is frozen is kept apart from how much of it is visible
 * since PostgreSQL 18.
 */
static inline void
tm_set_frozen_pages(Form_pg_class form, int32 npages)
{
#if PG_VERSION_NUM >= 180000
	form->relallfrozen = npages;
#endif
}

/* A range from its bounds, as they are */
static inline RangeType *
tm_range_serialize(TypeCacheEntry *typcache, RangeBound *lower,
				   RangeBound *upper, bool empty)
{
#if PG_VERSION_NUM >= 160000
	return range_serialize(typcache, lower, upper, empty, NULL);
#else
	return range_serialize(typcache, lower, upper, empty);
#endif
}

/* Do names mean the same setting?  Only letters of ASCII have a case. */
static inline bool
tm_guc_same_name(const char *a, const char *b)
{
	while (*a != '\0' &&
		   pg_ascii_tolower((unsigned char) *a) ==
		   pg_ascii_tolower((unsigned char) *b))
	{
		a++;
		b++;
	}
	return *a == *b;
}

/*
 * The record of a setting, which tells where its value came from and what a
 * transaction has done to it; NULL when there is no such setting.
 */
static inline struct config_generic *
tm_guc_find(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return find_option(name, false, true, DEBUG5);
#else
	struct config_generic **records = get_guc_variables();
	int			nrecords = GetNumConfigOptions();
	int			i;

	for (i = 0; i < nrecords; i++)
	{
		if (tm_guc_same_name(records[i]->name, name))
			return records[i];
	}
	return NULL;
#endif
}

/* Memory for a setting's "extra", or NULL; the GUC machinery frees it. */
static inline void *
tm_guc_alloc(Size size)
{
#if PG_VERSION_NUM >= 160000
	return guc_malloc(LOG, size);
#else
	return malloc(size);
#endif
}

/* Free that, or a value that the machinery has copied; NULL does no harm. */
static inline void
tm_guc_free(void *memory)
{
#if PG_VERSION_NUM >= 160000
	guc_free(memory);
#else
	free(memory);
#endif
}

/* Number of the current top-level transaction within this session. */
static inline LocalTransactionId
tm_local_transaction_id(void)
{
#if PG_VERSION_NUM >= 170000
	return MyProc->vxid.lxid;
#else
	return MyProc->lxid;
#endif
}

/* Which of the server's processes we are: at least 0, less than MaxBackends */
static inline int
tm_backend_number(void)
{
#if PG_VERSION_NUM >= 170000
	return MyProcNumber;
#else
	return MyProc->pgprocno;
#endif
}

/* What one of the backends, counted from 1, is doing; NULL if it has gone */
static inline PgBackendStatus *
tm_backend_status(int number)
{
#if PG_VERSION_NUM >= 160000
	LocalPgBackendStatus *local = pgstat_get_local_beentry_by_index(number);
#else
	LocalPgBackendStatus *local = pgstat_fetch_stat_local_beentry(number);
#endif

	return local != NULL ? &local->backendStatus : NULL;
}

/* The relation of this database that has the file by way of the map, or 0 */
static inline Oid
tm_mapped_relation(Oid filenumber)
{
#if PG_VERSION_NUM >= 160000
	return RelationMapFilenumberToOid(filenumber, false);
#else
	return RelationMapFilenodeToOid(filenumber, false);
#endif
}

/* Parameters of ExecutorRun and its hook, and what is handed on */
#if PG_VERSION_NUM >= 180000
#define TM_EXECUTOR_RUN_PARAMETERS \
	QueryDesc *queryDesc, ScanDirection direction, uint64 count
#define TM_EXECUTOR_RUN_ARGUMENTS	queryDesc, direction, count
#else
#define TM_EXECUTOR_RUN_PARAMETERS \
	QueryDesc *queryDesc, ScanDirection direction, uint64 count, \
	bool execute_once
#define TM_EXECUTOR_RUN_ARGUMENTS	queryDesc, direction, count, execute_once
#endif

/*
 * What the actions of a JSON parser return: nothing before PostgreSQL 16, so
 * that they cannot stop it.
 */
#if PG_VERSION_NUM >= 160000
typedef JsonParseErrorType TmJsonResult;
#define TM_JSON_CONTINUE	return JSON_SUCCESS
#else
typedef void TmJsonResult;
#define TM_JSON_CONTINUE	return
#endif

/* What the server's JSON parser reads a text in UTF-8 from */
static inline JsonLexContext *
tm_json_lexer(const char *json, Size size)
{
#if PG_VERSION_NUM >= 170000
	return makeJsonLexContextCstringLen(NULL, json, size, PG_UTF8, true);
#else
	return makeJsonLexContextCstringLen(unconstify(char *, json), size,
										PG_UTF8, true);
#endif
}

/* A set of sockets to wait for, freed by FreeWaitEventSet() in any case */
static inline WaitEventSet *
tm_create_wait_event_set(int size)
{
#if PG_VERSION_NUM >= 170000
	return CreateWaitEventSet(NULL, size);
#else
	return CreateWaitEventSet(CurrentMemoryContext, size);
#endif
}

/* What pg_stat_activity shows while we wait, where it can be given a name */
static inline uint32
tm_wait_event(const char *name)
{
#if PG_VERSION_NUM >= 170000
	return WaitEventExtensionNew(name);
#else
	return PG_WAIT_EXTENSION;
#endif
}

/* The schema that an extension was created in */
static inline Oid
tm_extension_schema(Oid extension)
{
#if PG_VERSION_NUM >= 160000
	return get_extension_schema(extension);
#else
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	HeapTuple	tuple = get_catalog_object_by_oid(rel, Anum_pg_extension_oid,
												  extension);
	Oid			schema = InvalidOid;

	if (HeapTupleIsValid(tuple))
		schema = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	table_close(rel, AccessShareLock);
	return schema;
#endif
}

/* Have another backend process invalidation messages soon. */
static inline void
tm_signal_catchup(PGPROC *proc)
{
#if PG_VERSION_NUM >= 170000
	SendProcSignal(proc->pid, PROCSIG_CATCHUP_INTERRUPT,
				   proc->vxid.procNumber);
#else
	SendProcSignal(proc->pid, PROCSIG_CATCHUP_INTERRUPT, proc->backendId);
#endif
}

/*
 * Writing a row by the executor's routines
 */

/* Which indexes need an entry for a row */
typedef enum TmIndexUpdate
{
	TM_INDEX_NONE,				/* updated in place, as far as they can see */
	TM_INDEX_SUMMARIZING,		/* only those that know no single rows */
	TM_INDEX_ALL,				/* a new version of a row */
	TM_INDEX_INSERT				/* a new row */
} TmIndexUpdate;

/* The one table that is written to, and which of its columns change */
static inline void
tm_init_range_table(EState *estate, Relation rel, Bitmapset *columns)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
#if PG_VERSION_NUM >= 160000
	List	   *perminfos = NIL;
#endif

	rte->rtekind = RTE_RELATION;
	rte->relid = RelationGetRelid(rel);
	rte->relkind = rel->rd_rel->relkind;
	rte->rellockmode = RowExclusiveLock;
#if PG_VERSION_NUM >= 160000
	addRTEPermissionInfo(&perminfos, rte)->updatedCols = columns;
#else
	rte->updatedCols = columns;
#endif
#if PG_VERSION_NUM >= 180000
	ExecInitRangeTable(estate, list_make1(rte), perminfos,
					   bms_make_singleton(1));
#elif PG_VERSION_NUM >= 160000
	ExecInitRangeTable(estate, list_make1(rte), perminfos);
#else
	ExecInitRangeTable(estate, list_make1(rte));
#endif
}

static inline void
tm_init_epq(EPQState *epq, EState *estate)
{
#if PG_VERSION_NUM >= 160000
	EvalPlanQualInit(epq, estate, NULL, NIL, -1, NIL);
#else
	EvalPlanQualInit(epq, estate, NULL, NIL, -1);
#endif
}

static inline List *
tm_insert_index_tuples(ResultRelInfo *info, TupleTableSlot *slot,
					   EState *estate, TmIndexUpdate update)
{
#if PG_VERSION_NUM >= 160000
	return ExecInsertIndexTuples(info, slot, estate, update != TM_INDEX_INSERT,
								 false, NULL, NIL,
								 update == TM_INDEX_SUMMARIZING);
#else
	return ExecInsertIndexTuples(info, slot, estate, update != TM_INDEX_INSERT,
								 false, NULL, NIL);
#endif
}

/* Change a row that is locked */
static inline TmIndexUpdate
tm_simple_update(Relation rel, ItemPointer tid, TupleTableSlot *slot,
				 Snapshot snapshot)
{
#if PG_VERSION_NUM >= 160000
	TU_UpdateIndexes update;

	simple_table_tuple_update(rel, tid, slot, snapshot, &update);
	if (update == TU_None)
		return TM_INDEX_NONE;
	return update == TU_Summarizing ? TM_INDEX_SUMMARIZING : TM_INDEX_ALL;
#else
	bool		update;

	simple_table_tuple_update(rel, tid, slot, snapshot, &update);
	return update ? TM_INDEX_ALL : TM_INDEX_NONE;
#endif
}

/* Row triggers before a change of a row that is locked */
static inline bool
tm_before_update(EState *estate, EPQState *epq, ResultRelInfo *info,
				 ItemPointer tid, TupleTableSlot *slot)
{
#if PG_VERSION_NUM >= 180000
	return ExecBRUpdateTriggers(estate, epq, info, tid, NULL, slot, NULL, NULL,
								false);
#elif PG_VERSION_NUM >= 160000
	return ExecBRUpdateTriggers(estate, epq, info, tid, NULL, slot, NULL,
								NULL);
#else
	return ExecBRUpdateTriggers(estate, epq, info, tid, NULL, slot, NULL);
#endif
}

static inline bool
tm_before_delete(EState *estate, EPQState *epq, ResultRelInfo *info,
				 ItemPointer tid)
{
#if PG_VERSION_NUM >= 180000
	return ExecBRDeleteTriggers(estate, epq, info, tid, NULL, NULL, NULL, NULL,
								false);
#elif PG_VERSION_NUM >= 160000
	return ExecBRDeleteTriggers(estate, epq, info, tid, NULL, NULL, NULL,
								NULL);
#else
	return ExecBRDeleteTriggers(estate, epq, info, tid, NULL, NULL);
#endif
}

/* The leaf page for a key, locked to be written to */
static inline BTStack
tm_bt_search(Relation index, Relation table, BTScanInsert key, Buffer *buffer)
{
#if PG_VERSION_NUM >= 170000
	return _bt_search(index, table, key, buffer, BT_WRITE);
#elif PG_VERSION_NUM >= 160000
	return _bt_search(index, table, key, buffer, BT_WRITE, NULL);
#else
	return _bt_search(index, key, buffer, BT_WRITE, NULL);
#endif
}

/* The type that is called so on the search path; an error if there is none */
static inline void
tm_parse_type(const char *name, Oid *type_id, int32 *typmod)
{
#if PG_VERSION_NUM >= 160000
	(void) parseTypeString(name, type_id, typmod, NULL);
#else
	parseTypeString(name, type_id, typmod, false);
#endif
}

/* Catalogs of another major version have other columns. */
#define TM_SERVER_MAJOR	(PG_VERSION_NUM / 10000)

/* Are event triggers told of what this session does? */
static inline bool
tm_event_triggers_fire(void)
{
#if PG_VERSION_NUM >= 170000
	return IsUnderPostmaster && event_triggers;
#else
	return IsUnderPostmaster;
#endif
}

#endif							/* TENANT_MGR_COMPAT_H */
