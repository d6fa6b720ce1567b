/*
 * domain.c
 *		Which tenant a host name belongs to.
 *
 * This is the only file that knows the columns of tenant.domain.  A host is
 * kept in one form: lower case, no port, no trailing dot.  Like the registry
 * the table is read and written without regard to privileges on it; what a
 * role may do is decided here.
 *
 * A host refers to its tenant by the tenant's id, so it follows a rename and
 * waits in vain while the tenant is in the trash.  A row whose tenant is gone
 * altogether means nothing, and makes room for the next one.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "base/argument.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "base/own_table.h"
#include "base/setting.h"
#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "binding/domain.h"
#include "binding/ownership.h"
#include "binding/punycode.h"
#include "tenants/registry.h"
#include "tenants/tenant_lock.h"
#include "tenants/tenant_name.h"

/* Columns of tenant.domain */
#define Anum_domain_host		1
#define Anum_domain_tenant_id	2
#define Natts_domain			2

#define DOMAIN_HOST_INDEX		"domain_pkey"
#define DOMAIN_TENANT_INDEX		"domain_tenant_id_idx"

/* Limits of the domain name system */
#define TM_MAX_HOST_LEN			253
#define TM_MAX_LABEL_LEN		63

/* A host with a port and some white space around it is no longer than this */
#define TM_MAX_HOST_INPUT_LEN	512

/* Where a host is, as seen from the base domains */
typedef enum HostPlace
{
	HOST_ELSEWHERE,
	HOST_IS_BASE,
	HOST_BELOW_BASE
} HostPlace;

/* the settings; written by the GUC machinery only */
char	   *tm_base_domains = NULL;
char	   *tm_excluded_subdomains = NULL;

static char *host_argument(FunctionCallInfo fcinfo, int argno);
static char *normalize_host(const char *input);
static void cut_port(char *host);
static void check_host(const char *host);
static bool find_host(Relation rel, const char *host, pg_uuid_t *tenant_id,
					  ItemPointer tid);
static TenantInfo *tenant_by_label(const char *host);
static HostPlace place_of_host(const char *host);
static void check_may_claim(const char *host, const TenantInfo *tenant);

PG_FUNCTION_INFO_V1(tenant_add_domain);
PG_FUNCTION_INFO_V1(tenant_drop_domain);
PG_FUNCTION_INFO_V1(tenant_resolve);

/* add_domain(host, name): the host belongs to the tenant from now on. */
Datum
tenant_add_domain(PG_FUNCTION_ARGS)
{
	char	   *host = host_argument(fcinfo, 0);
	char	   *name;
	TenantInfo *tenant;
	TenantInfo *holder;
	pg_uuid_t	holder_id;
	ItemPointerData tid;
	Relation	rel;
	Datum		values[Natts_domain];
	bool		nulls[Natts_domain] = {false, false};

	name = tm_argument_text(fcinfo, 1, "tenant name");
	check_host(host);

	tm_tenant_lock_begin("tenant.add_domain()");
	tenant = tm_ownership_lock_tenant(name, NoLock, false);
	check_may_claim(host, tenant);

	rel = tm_own_table_open("domain", Natts_domain, RowExclusiveLock);
	if (find_host(rel, host, &holder_id, &tid))
	{
		holder = tm_registry_lookup_id(&holder_id);
		/* The holder may be gone for good. */
		if (holder == NULL)
			tm_own_table_delete(rel, &tid);
		else if (!tm_uuid_equals(&holder_id, &tenant->id))
			ereport(ERROR,
					(errcode(ERRCODE_UNIQUE_VIOLATION),
					 errmsg("host \"%s\" already belongs to tenant \"%s\"",
							host, holder->name),
					 holder->state != TENANT_TRASHED ? 0 :
					 errdetail("That one is in the trash, with its hosts, its secrets and its connections."),
					 holder->state != TENANT_TRASHED ? 0 :
					 errhint("Use tenant.drop_domain() to take the host away, or tenant.restore() or tenant.restore_from() to bring that tenant back.")));
		else
		{
			ereport(NOTICE,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("host \"%s\" already belongs to tenant \"%s\", skipping",
							host, holder->name)));
			table_close(rel, NoLock);
			PG_RETURN_VOID();
		}
	}

	values[Anum_domain_host - 1] = CStringGetTextDatum(host);
	values[Anum_domain_tenant_id - 1] = UUIDPGetDatum(&tenant->id);
	tm_own_table_insert(rel, Natts_domain, values, nulls);
	table_close(rel, NoLock);
	PG_RETURN_VOID();
}

/* drop_domain(host): the host belongs to nobody from now on. */
Datum
tenant_drop_domain(PG_FUNCTION_ARGS)
{
	char	   *host = host_argument(fcinfo, 0);
	TenantInfo *tenant;
	pg_uuid_t	tenant_id;
	ItemPointerData tid;
	Relation	rel;

	tm_tenant_lock_begin("tenant.drop_domain()");

	rel = tm_own_table_open("domain", Natts_domain, RowExclusiveLock);
	if (!find_host(rel, host, &tenant_id, &tid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("host \"%s\" does not exist",
						tm_tenant_name_printable(host))));

	/* Where there is no schema any more there is nobody to ask. */
	tenant = tm_registry_lookup_id(&tenant_id);
	if (tenant != NULL && OidIsValid(tenant->nspid))
		tm_ownership_check(tenant);

	tm_own_table_delete(rel, &tid);
	table_close(rel, NoLock);
	PG_RETURN_VOID();
}

/*
 * resolve(host): name of the tenant that a request for this host is meant
 * for, or NULL.  Takes what a Host header contains.
 */
Datum
tenant_resolve(PG_FUNCTION_ARGS)
{
	char	   *input = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *host;
	char	   *decoded;
	Relation	rel;
	pg_uuid_t	tenant_id;
	ItemPointerData tid;
	TenantInfo *tenant;
	bool		found;

	if (strlen(input) > TM_MAX_HOST_INPUT_LEN)
		PG_RETURN_NULL();
	host = normalize_host(input);
	if (host[0] == '\0')
		PG_RETURN_NULL();

	rel = tm_own_table_open("domain", Natts_domain, AccessShareLock);
	found = find_host(rel, host, &tenant_id, &tid);
	if (!found && (decoded = tm_punycode_decode_host(host)) != NULL)
		found = find_host(rel, decoded, &tenant_id, &tid);
	table_close(rel, AccessShareLock);

	tenant = found ? tm_registry_lookup_id(&tenant_id) : NULL;
	if (tenant == NULL)
		tenant = tenant_by_label(host);
	if (tenant == NULL || tenant->state == TENANT_TRASHED)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(tenant->name));
}

void
tm_domain_forget(const pg_uuid_t *id)
{
	Relation	rel = tm_own_table_open("domain", Natts_domain, RowExclusiveLock);
	ScanKeyData key;
	SysScanDesc scan;

	ScanKeyInit(&key, Anum_domain_tenant_id, BTEqualStrategyNumber,
				F_UUID_EQ, UUIDPGetDatum(id));
	scan = tm_own_table_scan(rel, DOMAIN_TENANT_INDEX, 1, &key);
	tm_own_table_delete_found(rel, scan);
	table_close(rel, NoLock);
}

List *
tm_domain_orphans(void)
{
	Relation	rel = tm_own_table_open("domain", Natts_domain, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	List	   *hosts = NIL;
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		TupleDesc	desc = RelationGetDescr(rel);
		pg_uuid_t	tenant_id;
		ItemPointerData tid;
		bool		isnull;
		Datum		id = heap_getattr(tuple, Anum_domain_tenant_id, desc, &isnull);
		Datum		host = heap_getattr(tuple, Anum_domain_host, desc, &isnull);

		CHECK_FOR_INTERRUPTS();

		/* Both may just have gone. */
		if (tm_registry_lookup_id(DatumGetUUIDP(id)) == NULL &&
			find_host(rel, TextDatumGetCString(host), &tenant_id, &tid))
			hosts = lappend(hosts, TextDatumGetCString(host));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	return hosts;
}

/*
 * The host in an argument of a function that changes something, in the form
 * in which it is kept.  No port is cut off: it would be a misunderstanding.
 */
static char *
host_argument(FunctionCallInfo fcinfo, int argno)
{
	char	   *input;
	char	   *host;
	Size		len;

	input = tm_argument_text(fcinfo, argno, "host name");
	if (strlen(input) > TM_MAX_HOST_INPUT_LEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("host name is too long"),
				 errdetail("The limit is %d bytes.", TM_MAX_HOST_LEN)));
	host = tm_tenant_name_fold(input);
	len = strlen(host);
	if (len > 0 && host[len - 1] == '.')
		host[len - 1] = '\0';
	return host;
}

/* The host in a request, in the form in which hosts are kept. */
static char *
normalize_host(const char *input)
{
	char	   *host = tm_tenant_name_fold(input);
	Size		len;

	while (isspace((unsigned char) *host))
		host++;
	len = strlen(host);
	while (len > 0 && isspace((unsigned char) host[len - 1]))
		host[--len] = '\0';

	cut_port(host);
	len = strlen(host);
	if (len > 0 && host[len - 1] == '.')
		host[len - 1] = '\0';
	return host;
}

/*
 * Cut off ":port" in place.  The colons of an IPv6 address are told from the
 * one of a port by the brackets around it, or by their number.
 */
static void
cut_port(char *host)
{
	char	   *colon;

	if (host[0] == '[')
	{
		char	   *end = strchr(host, ']');

		if (end == NULL)
			return;
		*end = '\0';
		memmove(host, host + 1, end - host);
		return;
	}
	colon = strchr(host, ':');
	if (colon != NULL && strchr(colon + 1, ':') == NULL)
		*colon = '\0';
}

/*
 * Raise an error unless this is a host name: labels of letters, digits,
 * underscores, as tenants' names have them, and inner hyphens.  Letters beyond
 * ASCII are taken on trust.
 */
static void
check_host(const char *host)
{
	const char *label = host;
	const char *reason = NULL;
	const char *c;

	if (strlen(host) > TM_MAX_HOST_LEN)
		reason = gettext_noop("A host name has at most 253 bytes.");

	while (reason == NULL)
	{
		Size		len = strcspn(label, ".");

		if (len == 0)
			reason = gettext_noop("Labels must not be empty.");
		else if (len > TM_MAX_LABEL_LEN)
			reason = gettext_noop("A label has at most 63 bytes.");
		else if (label[0] == '-' || label[len - 1] == '-')
			reason = gettext_noop("Labels must not begin or end with a hyphen.");
		for (c = label; reason == NULL && c < label + len; c++)
		{
			if (!IS_HIGHBIT_SET(*c) && !isalnum((unsigned char) *c) &&
				*c != '-' && *c != '_')
				reason = gettext_noop("Labels consist of letters, digits, hyphens and underscores.");
		}
		if (label[len] == '\0')
			break;
		label += len + 1;
	}

	if (reason != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid host name: \"%s\"",
						tm_tenant_name_printable(host)),
				 errdetail("%s", _(reason))));
}

/* Whom a host belongs to, and where the row is. */
static bool
find_host(Relation rel, const char *host, pg_uuid_t *tenant_id,
		  ItemPointer tid)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_domain_host, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(host));
	scan = tm_own_table_scan(rel, DOMAIN_HOST_INDEX, 1, &key);
	tuple = systable_getnext(scan);
	if (tuple != NULL)
	{
		bool		isnull;
		Datum		id = heap_getattr(tuple, Anum_domain_tenant_id,
									  RelationGetDescr(rel), &isnull);

		memcpy(tenant_id, DatumGetUUIDP(id), sizeof(pg_uuid_t));
		ItemPointerCopy(&tuple->t_self, tid);
	}
	systable_endscan(scan);
	return tuple != NULL;
}

/*
 * The tenant named by the first label of a host below one of the base
 * domains.  A base domain itself is nobody's, even below another one.
 */
static TenantInfo *
tenant_by_label(const char *host)
{
	char	   *label = pnstrdup(host, strcspn(host, "."));
	TenantInfo *tenant;
	char	   *decoded;
	ListCell   *lc;

	if (place_of_host(host) != HOST_BELOW_BASE)
		return NULL;
	foreach(lc, tm_setting_split_words(tm_excluded_subdomains))
	{
		if (strcmp(label, tm_tenant_name_fold((char *) lfirst(lc))) == 0)
			return NULL;
	}
	tenant = tm_registry_lookup_fold(label);
	if (tenant == NULL && (decoded = tm_punycode_decode_host(label)) != NULL)
		tenant = tm_registry_lookup_fold(decoded);
	return tenant;
}

static HostPlace
place_of_host(const char *host)
{
	Size		hostlen = strlen(host);
	HostPlace	place = HOST_ELSEWHERE;
	ListCell   *lc;

	foreach(lc, tm_setting_split_words(tm_base_domains))
	{
		char	   *base = tm_tenant_name_fold((char *) lfirst(lc));
		Size		baselen;

		if (*base == '.')
			base++;
		baselen = strlen(base);
		if (baselen == 0)
			continue;
		if (strcmp(host, base) == 0)
			return HOST_IS_BASE;
		if (hostlen > baselen + 1 &&
			host[hostlen - baselen - 1] == '.' &&
			strcmp(host + hostlen - baselen, base) == 0)
			place = HOST_BELOW_BASE;
	}
	return place;
}

/*
 * Below a base domain the first label says whose a host is.  To say otherwise,
 * now or before there is a tenant of that name, is not for the owner of a
 * tenant.
 */
static void
check_may_claim(const char *host, const TenantInfo *tenant)
{
	HostPlace	place = place_of_host(host);
	char	   *label = pnstrdup(host, strcspn(host, "."));

	if (place == HOST_ELSEWHERE || superuser())
		return;
	if (place == HOST_BELOW_BASE &&
		strcmp(label, tm_tenant_name_fold(tenant->name)) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to give host \"%s\" to tenant \"%s\"",
					tm_tenant_name_printable(host), tenant->name),
			 errdetail("It is one of \"tenant_mgr.base_domains\", or below one, and not called like the tenant."),
			 errhint("Only superusers can do that.")));
}
