/*
 * key_check.c
 *		Whether the keys of a database fit each other.
 *
 * Each data key names the root key that it is wrapped with, and how that one is
 * recognized.  What a missing or wrong root key means for many data keys is
 * told once.  Only where the root key is the right one are the data keys
 * themselves tried.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/uuid.h"

#include "base/crypto.h"
#include "base/uuid.h"
#include "secrets/data_key.h"
#include "secrets/key_check.h"
#include "secrets/keyring.h"
#include "tenants/registry.h"

/* A root key, as data keys know it */
typedef struct RootUse
{
	int32		version;		/* its number */
	unsigned char check[TM_CRYPTO_CHECK_BYTES]; /* what it is recognized by */
	int			nkeys;			/* how many data keys it wraps */
} RootUse;

static void add_problem(List **problems, bool is_error, char *object,
						char *problem, char *hint);
static void check_ring(List **problems, bool is_needed);
static List *collect_root_uses(List *keys);
static bool check_root_use(List **problems, const RootUse *use);
static bool is_used_by(const RootUse *use, const DataKeyInfo *info);
static void check_data_key(List **problems, const DataKeyInfo *info,
						   List *good_roots);
static bool is_orphan(const DataKeyInfo *info);

List *
tm_key_check(void)
{
	List	   *problems = NIL;
	List	   *keys = tm_data_key_list();
	List	   *roots = collect_root_uses(keys);
	List	   *good_roots = NIL;
	char	   *ring_problem;
	ListCell   *lc;

	check_ring(&problems, roots != NIL);
	if (tm_keyring_is_usable(&ring_problem))
	{
		foreach(lc, roots)
		{
			if (check_root_use(&problems, lfirst(lc)))
				good_roots = lappend(good_roots, lfirst(lc));
		}
	}
	foreach(lc, keys)
	{
		CHECK_FOR_INTERRUPTS();
		check_data_key(&problems, lfirst(lc), good_roots);
	}
	return problems;
}

static void
add_problem(List **problems, bool is_error, char *object, char *problem,
			char *hint)
{
	KeyProblem *result = palloc(sizeof(KeyProblem));

	result->is_error = is_error;
	result->object = object;
	result->problem = problem;
	result->hint = hint;
	*problems = lappend(*problems, result);
}

/* Without data keys, nobody may want a ring. */
static void
check_ring(List **problems, bool is_needed)
{
	char	   *problem;
	bool		in_force = tm_keyring_is_usable(&problem);

	if (tm_keyring_is_in_data_directory())
		add_problem(problems, false, _("key ring"),
					_("it is in the data directory, so a base backup includes it"),
					_("Move it, and set tenant_mgr.key_file."));
	if (problem == NULL ||
		(!is_needed && strcmp(tm_keyring_source(), "none") == 0))
		return;
	add_problem(problems, !in_force, _("key ring"),
				psprintf(in_force ?
						 _("it cannot be used, a former one is in force: %s") :
						 _("it cannot be used: %s"), problem),
				_("Correct it, or tenant_mgr.key_file and tenant_mgr.key_command."));
}

static List *
collect_root_uses(List *keys)
{
	List	   *roots = NIL;
	ListCell   *lc;

	foreach(lc, keys)
	{
		const DataKeyInfo *info = lfirst(lc);
		RootUse    *use = NULL;
		ListCell   *lc2;

		if (info->shredded)
			continue;
		foreach(lc2, roots)
		{
			use = lfirst(lc2);
			if (is_used_by(use, info))
				break;
			use = NULL;
		}
		if (use == NULL)
		{
			use = palloc0(sizeof(RootUse));
			use->version = info->root_version;
			memcpy(use->check, info->root_check, TM_CRYPTO_CHECK_BYTES);
			roots = lappend(roots, use);
		}
		use->nkeys++;
	}
	return roots;
}

/* Does the ring have the very key? */
static bool
check_root_use(List **problems, const RootUse *use)
{
	const RootKey *root = tm_keyring_find(use->version);
	char	   *object = psprintf(_("root key version %d"), use->version);

	if (root == NULL)
		add_problem(problems, true, object,
					psprintf(ngettext("it is not in the key ring, and %d data key needs it",
									  "it is not in the key ring, and %d data keys need it",
									  use->nkeys), use->nkeys),
					_("Add the key to the ring again."));
	else if (!tm_crypto_same(root->check, use->check, TM_CRYPTO_CHECK_BYTES))
		add_problem(problems, true, object,
					psprintf(ngettext("the one in the key ring is not the one that %d data key was wrapped with",
									  "the one in the key ring is not the one that %d data keys were wrapped with",
									  use->nkeys), use->nkeys),
					_("Put the former key of that version back, and give the new one a higher version."));
	else
	{
		if (use->version != tm_keyring_current()->version)
			add_problem(problems, false, object,
						psprintf(ngettext("it is not the current one, and %d data key is wrapped with it",
										  "it is not the current one, and %d data keys are wrapped with it",
										  use->nkeys), use->nkeys),
						_("Use CALL tenant.rotate_keys() before it is removed from the key ring."));
		return true;
	}
	return false;
}

static bool
is_used_by(const RootUse *use, const DataKeyInfo *info)
{
	return use->version == info->root_version &&
		memcmp(use->check, info->root_check, TM_CRYPTO_CHECK_BYTES) == 0;
}

static void
check_data_key(List **problems, const DataKeyInfo *info, List *good_roots)
{
	pg_uuid_t	scope = info->scope;
	char	   *object;
	ListCell   *lc;

	object = psprintf(_("data key version %d of scope %s"), info->version,
					  DatumGetCString(DirectFunctionCall1(uuid_out,
														  UUIDPGetDatum(&scope))));
	if (is_orphan(info))
		add_problem(problems, false, object,
					_("the tenant that it belongs to does not exist"),
					_("Delete its row in tenant.data_key, unless the tenant is yet to be restored from a dump."));
	foreach(lc, good_roots)
	{
		if (!info->shredded && is_used_by(lfirst(lc), info) &&
			!tm_data_key_is_intact(info))
			add_problem(problems, true, object,
						_("it cannot be opened, for its row in tenant.data_key has been changed"),
						_("Restore the row from a backup."));
	}
}

/* The database's own keys belong to nobody. */
static bool
is_orphan(const DataKeyInfo *info)
{
	return !tm_uuid_is_zero(&info->scope) &&
		tm_registry_lookup_id(&info->scope) == NULL;
}
