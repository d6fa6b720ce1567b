/*
 * origin.c
 *		The binding under which a session came to remember something.
 *
 * What a session remembers belongs to the binding that made it: plans that are
 * executed bit by bit and cursors (open_plan.c), statements prepared by SQL
 * (prepared.c), and the events that constraints and triggers have deferred
 * (deferred.c).  Under another binding it is refused, or the session goes back
 * for as long as it takes.  To go back is what a function with a SET clause for
 * tenant_mgr.tenant does, by the same action: the search path follows, and an
 * error undoes it.
 *
 * Whoever was bound by a token goes back by the authorization of then, which is only
 * worth something for as long as it holds.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"

#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "binding/binding.h"
#include "binding/origin.h"
#include "binding/running_code.h"
#include "binding/session_lock.h"
#include "tenants/registry.h"

/* So many labels are kept beyond the end of a transaction. */
#define MAX_LABELS		256

/* What makes origins equal */
typedef struct LabelKey
{
	pg_uuid_t	tenant_id;
	bool		bound;
	bool		locked;
	Oid			code;
} LabelKey;

typedef struct Label
{
	LabelKey	key;			/* hash key */
	Origin		origin;			/* with the latest authorization */
	char		words[64];		/* for people who look at memory */
} Label;

/* written by tm_origin_label and tm_origin_end_of_transaction */
static HTAB *labels = NULL;
static Label *latest_label = NULL;
LabelOfNow	tm_label_of_now;

static inline Oid code_now(const Binding *binding);
static void find_label_of_now(void);
static inline bool is_label_of_now(Label *label);
static Label *find_label(const Origin *origin, const LabelKey *key);

void
tm_origin_now(Origin *origin)
{
	const Binding *binding = tm_binding_current();

	memset(origin, 0, sizeof(*origin));
	origin->locked = tm_session_locked;
	origin->code = code_now(binding);
	if (binding == NULL || !binding->verified)
		return;
	origin->bound = true;
	origin->tenant_id = binding->id;
	origin->authorization = binding->authorization;
}

const char *
tm_origin_label_anew(void)
{
	LabelOfNow *now = &tm_label_of_now;

	if (latest_label == NULL || !is_label_of_now(latest_label))
		find_label_of_now();
	now->label = latest_label->words;
	now->code = tm_running_code_schema();
	now->locked = tm_session_locked;
	return now->label;
}

static void
find_label_of_now(void)
{
	Origin		origin;
	LabelKey	key;

	tm_origin_now(&origin);
	memset(&key, 0, sizeof(key));	/* padding counts */
	key.tenant_id = origin.tenant_id;
	key.bound = origin.bound;
	key.locked = origin.locked;
	key.code = origin.code;
	latest_label = find_label(&origin, &key);
	latest_label->origin = origin;
}

const Origin *
tm_origin_of_label(const char *label)
{
	HASH_SEQ_STATUS status;
	Label	   *entry;

	if (latest_label != NULL && label == latest_label->words)
		return &latest_label->origin;
	if (labels == NULL || label == NULL)
		return NULL;
	hash_seq_init(&status, labels);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->words == label)
		{
			hash_seq_term(&status);
			return &entry->origin;
		}
	}
	return NULL;
}

bool
tm_origin_is_here(const Origin *origin)
{
	const Binding *binding = tm_binding_current();

	if (binding == NULL || !binding->verified)
		return !origin->bound;
	return origin->bound &&
		tm_uuid_equals(&binding->id, &origin->tenant_id);
}

bool
tm_origin_is_code_here(const Origin *origin)
{
	return origin->code == code_now(tm_binding_current());
}

int
tm_origin_enter(const Origin *origin)
{
	TenantInfo *tenant;
	int			save_nestlevel;

	if (tm_origin_is_here(origin))
		return 0;
	save_nestlevel = NewGUCNestLevel();
	if (!origin->bound)
	{
		tm_binding_set("", GUC_ACTION_SAVE);
		return save_nestlevel;
	}
	tenant = tm_registry_lookup_id(&origin->tenant_id);
	if (tenant == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("tenant that the session was bound to does not exist")));
	tm_authorization_bind(&origin->authorization, tenant->name, GUC_ACTION_SAVE);
	return save_nestlevel;
}

char *
tm_origin_tenant(const Origin *origin)
{
	TenantInfo *tenant = NULL;

	if (origin->bound && tm_registry_installed())
		tenant = tm_registry_lookup_id(&origin->tenant_id);
	return tenant != NULL ? pstrdup(tenant->name) : NULL;
}

/* A session that visits many tenants starts afresh. */
void
tm_origin_end_of_transaction(void)
{
	if (labels == NULL || hash_get_num_entries(labels) <= MAX_LABELS)
		return;
	hash_destroy(labels);
	labels = NULL;
	latest_label = NULL;
	tm_origin_forget_label();
}

/* The code of the tenant that the session is bound to is the session's own. */
static inline Oid
code_now(const Binding *binding)
{
	Oid			nspid = tm_running_code_schema();

	return binding != NULL && binding->verified && binding->nspid == nspid ?
		InvalidOid : nspid;
}

/* So it is for nearly all statements.  It gets the latest authorization. */
static inline bool
is_label_of_now(Label *label)
{
	const Binding *binding = tm_binding_current();
	bool		bound = binding != NULL && binding->verified;

	if (label->key.bound != bound || label->key.locked != tm_session_locked ||
		label->key.code != code_now(binding) ||
		(bound && !tm_uuid_equals(&label->key.tenant_id, &binding->id)))
		return false;
	if (bound)
		label->origin.authorization = binding->authorization;
	return true;
}

static Label *
find_label(const Origin *origin, const LabelKey *key)
{
	Label	   *label;
	bool		found;

	if (labels == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(LabelKey);
		ctl.entrysize = sizeof(Label);
		labels = hash_create("tenant_mgr origins", 16, &ctl,
							 HASH_ELEM | HASH_BLOBS);
	}
	label = hash_search(labels, key, HASH_ENTER, &found);
	if (!found)
		snprintf(label->words, sizeof(label->words), "%s%s",
				 !origin->bound ? "no tenant" :
				 DatumGetCString(DirectFunctionCall1(uuid_out,
													 UUIDPGetDatum(&origin->tenant_id))),
				 origin->locked ? ", locked" : "");
	return label;
}
