/*
 * remap_roles.c
 *		Roles: what they may do to a clone, and what depends on them.
 *
 * Whoever clones gets nothing that the commands which made the source would
 * not have given: objects belong to roles whose privileges the current user
 * has, and what reaches out of the schema, a foreign key or a table's parent,
 * needs the same privileges again.
 *
 * When one owner takes the place of another, the source's records of who
 * depends on whom cannot simply be translated.  Nothing is recorded about the
 * bootstrap superuser, to whom many a template belongs, nor about an owner's
 * privileges on what is its own.  So all that concerns the new owner is
 * derived from the rows themselves.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_conversion.h"
#include "catalog/pg_default_acl.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_shdepend.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/tenant_mgr.h"
#include "clone/remap_roles.h"

static void check_use(const CloneState *state, Oid catalog, Oid objid,
					  Oid source_owner, AclMode mode);
static bool may_use(Oid catalog, Oid objid, Oid roleid, AclMode mode);
static Oid	owner_of_row(Oid catalog, HeapTuple row, TupleDesc tupdesc);
static bool records_owner(const CloneState *state,
						  const ObjectAddress *source);
static bool has_privileges(HeapTuple row, TupleDesc tupdesc, Oid roleid);
static bool has_policy(HeapTuple row, TupleDesc tupdesc, Oid roleid);
static HeapTuple shdepend_row(const CloneState *state, Relation shdepend,
							  const ObjectAddress *source,
							  SharedDependencyType deptype);
static bool may_reference_columns(Oid relid, Oid constraint, Oid roleid);

AttrNumber
tm_remap_owner_column(Oid catalog)
{
	if (catalog == DefaultAclRelationId)
		return Anum_pg_default_acl_defaclrole;
	if (is_objectclass_supported(catalog))
		return get_object_attnum_owner(catalog);
	return InvalidAttrNumber;
}

/*
 * The exception are templates, which exist to be cloned: there, objects of
 * the template's owner become objects of the clone's owner.
 */
void
tm_remap_check_owner(const CloneState *state, Oid catalog, Oid objid,
					 Oid owner)
{
	if (has_privs_of_role(GetUserId(), owner) ||
		(state->request->is_template && owner == state->old_owner))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_NOT_CLONABLE),
			 errmsg("schema \"%s\" cannot be cloned because of %s",
					state->closure->nspname,
					getObjectDescriptionOids(catalog, objid)),
			 errdetail("It is owned by role \"%s\", whose privileges role \"%s\" does not have.",
					   GetUserNameFromId(owner, false),
					   GetUserNameFromId(GetUserId(), false)),
			 errhint("Clone as a member of that role, or change the owner.")));
}

/* The rows of the clone become rows of the parent, so one must own that. */
void
tm_remap_check_parent(Form_pg_inherits inherits)
{
	Oid			parent = inherits->inhparent;

	if (!has_privs_of_role(GetUserId(), tm_remap_owner_of_relation(parent)))
		aclcheck_error(ACLCHECK_NOT_OWNER,
					   get_relkind_objtype(get_rel_relkind(parent)),
					   get_rel_name(parent));
}

void
tm_remap_check_reference(const CloneState *state, Form_pg_trigger trigger)
{
	Oid			relid = trigger->tgrelid;
	Oid			roleid = OidIsValid(state->old_owner) ?
		state->request->owner : GetUserId();

	if (pg_class_aclcheck(relid, roleid, ACL_REFERENCES) != ACLCHECK_OK &&
		!may_reference_columns(relid, trigger->tgconstraint, roleid))
		aclcheck_error(ACLCHECK_NO_PRIV,
					   get_relkind_objtype(get_rel_relkind(relid)),
					   get_rel_name(relid));
}

/*
 * What the command that makes such an object asks for.  A type in an expression
 * needs nothing, one of a column, an argument or the like USAGE; functions that
 * the server will call without asking again need EXECUTE.
 */
void
tm_remap_check_use(const CloneState *state, Oid classid, char kind,
				   Oid owner, Form_pg_depend dependency)
{
	switch (dependency->refclassid)
	{
		case ForeignServerRelationId:
		case LanguageRelationId:
			break;
		case TypeRelationId:
			if (classid != RelationRelationId && classid != TypeRelationId &&
				classid != ProcedureRelationId &&
				classid != OperatorRelationId)
				return;
			break;
		case ProcedureRelationId:
			if (classid != TriggerRelationId && classid != OperatorRelationId &&
				classid != ConversionRelationId &&
				(classid != ProcedureRelationId || kind != PROKIND_AGGREGATE))
				return;
			break;
		default:
			return;
	}
	check_use(state, dependency->refclassid, dependency->refobjid, owner,
			  dependency->refclassid == ProcedureRelationId ?
			  ACL_EXECUTE : ACL_USAGE);
}

void
tm_remap_check_tablespace(const CloneState *state, Oid classid,
						  HeapTuple row)
{
	Form_pg_class relation = (Form_pg_class) GETSTRUCT(row);

	if (classid == RelationRelationId &&
		OidIsValid(relation->reltablespace) &&
		relation->reltablespace != MyDatabaseTableSpace &&
		relation->relkind != RELKIND_TOASTVALUE)
		check_use(state, TableSpaceRelationId, relation->reltablespace,
				  relation->relowner, ACL_CREATE);
}

bool
tm_remap_role_moves(const CloneState *state, Oid roleid)
{
	return OidIsValid(state->old_owner) &&
		(roleid == state->old_owner || roleid == state->request->owner);
}

List *
tm_remap_new_owner_rows(const CloneState *state, Relation shdepend,
						const ObjectAddress *source, HeapTuple copy,
						TupleDesc tupdesc)
{
	Oid			roleid = state->request->owner;
	List	   *rows = NIL;
	Oid			owner;

	if (!OidIsValid(state->old_owner) ||
		IsPinnedObject(AuthIdRelationId, roleid))
		return NIL;

	/* a column belongs to the owner of its table */
	if (source->objectSubId != 0)
		owner = tm_oidmap_translate(state->map, AuthIdRelationId,
									tm_remap_owner_of_relation(source->objectId));
	else
		owner = owner_of_row(source->classId, copy, tupdesc);

	if (owner == roleid)
	{
		if (source->objectSubId == 0 && records_owner(state, source))
			rows = lappend(rows, shdepend_row(state, shdepend, source,
											  SHARED_DEPENDENCY_OWNER));
	}
	else if (has_privileges(copy, tupdesc, roleid))
		rows = lappend(rows, shdepend_row(state, shdepend, source,
										  SHARED_DEPENDENCY_ACL));
	if (source->classId == PolicyRelationId &&
		has_policy(copy, tupdesc, roleid))
		rows = lappend(rows, shdepend_row(state, shdepend, source,
										  SHARED_DEPENDENCY_POLICY));
	return rows;
}

bool
tm_remap_default_acl_yields(const CloneState *state, HeapTuple row)
{
	Form_pg_default_acl form = (Form_pg_default_acl) GETSTRUCT(row);

	return OidIsValid(state->old_owner) &&
		form->defaclrole == state->old_owner &&
		SearchSysCacheExists3(DEFACLROLENSPOBJ,
							  ObjectIdGetDatum(state->request->owner),
							  ObjectIdGetDatum(form->defaclnamespace),
							  CharGetDatum(form->defaclobjtype));
}

/*
 * An owner who takes another's place is asked; who stays the owner has been,
 * and is asked again unless whoever clones could give it to him.
 */
static void
check_use(const CloneState *state, Oid catalog, Oid objid, Oid source_owner,
		  AclMode mode)
{
	Oid			owner = tm_oidmap_translate(state->map, AuthIdRelationId,
											source_owner);
	ObjectAddress object;

	if (may_use(catalog, objid, owner, mode) ||
		(owner == source_owner &&
		 may_use(catalog, objid, GetUserId(), mode)))
		return;
	if (catalog == TypeRelationId)
		aclcheck_error_type(ACLCHECK_NO_PRIV, objid);
	ObjectAddressSet(object, catalog, objid);
	aclcheck_error(ACLCHECK_NO_PRIV, get_object_type(catalog, objid),
				   getObjectIdentity(&object, false));
}

/* Functions in a language that is not trusted are made by superusers. */
static bool
may_use(Oid catalog, Oid objid, Oid roleid, AclMode mode)
{
	if (superuser_arg(roleid))
		return true;
	if (catalog == LanguageRelationId)
	{
		HeapTuple	tup = SearchSysCache1(LANGOID, ObjectIdGetDatum(objid));
		bool		trusted;

		if (!HeapTupleIsValid(tup))
			elog(ERROR, "cache lookup failed for language %u", objid);
		trusted = ((Form_pg_language) GETSTRUCT(tup))->lanpltrusted;
		ReleaseSysCache(tup);
		if (!trusted)
			return superuser();
	}
	return tm_object_aclcheck(catalog, objid, roleid, mode) == ACLCHECK_OK;
}

/* The owner that a catalog row names, or InvalidOid. */
static Oid
owner_of_row(Oid catalog, HeapTuple row, TupleDesc tupdesc)
{
	AttrNumber	attno = tm_remap_owner_column(catalog);
	bool		isnull;

	if (attno == InvalidAttrNumber)
		return InvalidOid;
	return DatumGetObjectId(heap_getattr(row, attno, tupdesc, &isnull));
}

Oid
tm_remap_owner_of_relation(Oid relid)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tup))->relowner;
	ReleaseSysCache(tup);
	return owner;
}

/*
 * Is there a record of the object's owner?  What belongs to another object,
 * like an index or a row type, goes without; and it is the same objects that
 * go without a record of their schema.
 */
static bool
records_owner(const CloneState *state, const ObjectAddress *source)
{
	const ClosureMember *member;

	if (source->classId == NamespaceRelationId)
		return true;
	member = tm_closure_find(state->closure, source->classId,
							 source->objectId);
	return member != NULL && member->owner_seed == source->objectId &&
		member->owner_class == source->classId;
}

/* Do the privileges in a row mention the role, by whatever column? */
static bool
has_privileges(HeapTuple row, TupleDesc tupdesc, Oid roleid)
{
	for (int i = 0; i < tupdesc->natts; i++)
	{
		bool		isnull;
		Datum		acl;
		Oid		   *members;
		int			nmembers;

		if (TupleDescAttr(tupdesc, i)->atttypid != ACLITEMARRAYOID)
			continue;
		acl = heap_getattr(row, i + 1, tupdesc, &isnull);
		if (isnull)
			continue;
		nmembers = aclmembers(DatumGetAclP(acl), &members);
		while (nmembers-- > 0)
		{
			if (members[nmembers] == roleid)
				return true;
		}
	}
	return false;
}

/* Is a policy for the role? */
static bool
has_policy(HeapTuple row, TupleDesc tupdesc, Oid roleid)
{
	bool		isnull;
	Datum		value = heap_getattr(row, Anum_pg_policy_polroles, tupdesc,
									 &isnull);
	ArrayType  *roles = DatumGetArrayTypeP(value);
	Oid		   *oids = (Oid *) ARR_DATA_PTR(roles);
	int			noids = ArrayGetNItems(ARR_NDIM(roles), ARR_DIMS(roles));

	Assert(!isnull);
	for (int i = 0; i < noids; i++)
	{
		if (oids[i] == roleid)
			return true;
	}
	return false;
}

static HeapTuple
shdepend_row(const CloneState *state, Relation shdepend,
			 const ObjectAddress *source, SharedDependencyType deptype)
{
	Datum		values[Natts_pg_shdepend];
	bool		nulls[Natts_pg_shdepend] = {0};
	Oid			clone = tm_oidmap_translate(state->map, source->classId,
											source->objectId);

	values[Anum_pg_shdepend_dbid - 1] = ObjectIdGetDatum(MyDatabaseId);
	values[Anum_pg_shdepend_classid - 1] = ObjectIdGetDatum(source->classId);
	values[Anum_pg_shdepend_objid - 1] = ObjectIdGetDatum(clone);
	values[Anum_pg_shdepend_objsubid - 1] = Int32GetDatum(source->objectSubId);
	values[Anum_pg_shdepend_refclassid - 1] = ObjectIdGetDatum(AuthIdRelationId);
	values[Anum_pg_shdepend_refobjid - 1] = ObjectIdGetDatum(state->request->owner);
	values[Anum_pg_shdepend_deptype - 1] = CharGetDatum(deptype);
	return heap_form_tuple(RelationGetDescr(shdepend), values, nulls);
}

/* May the role refer to each column that the foreign key refers to? */
static bool
may_reference_columns(Oid relid, Oid constraint, Oid roleid)
{
	HeapTuple	tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	Datum		value;
	bool		isnull;
	bool		result = false;

	if (!HeapTupleIsValid(tup))
		return false;
	value = SysCacheGetAttr(CONSTROID, tup, Anum_pg_constraint_confkey,
							&isnull);
	if (!isnull)
	{
		ArrayType  *columns = DatumGetArrayTypeP(value);
		int16	   *attnums = (int16 *) ARR_DATA_PTR(columns);
		int			natts = ArrayGetNItems(ARR_NDIM(columns), ARR_DIMS(columns));

		result = natts > 0;
		for (int i = 0; i < natts && result; i++)
			result = pg_attribute_aclcheck(relid, attnums[i], roleid,
										   ACL_REFERENCES) == ACLCHECK_OK;
	}
	ReleaseSysCache(tup);
	return result;
}
