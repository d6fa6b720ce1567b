/*
 * notification.c
 *		Telling whoever listens that something has become of a tenant.
 *
 * Channels have no privileges: whoever may connect to the database may listen.
 * So a notification says what everybody can read in pg_namespace anyway, names
 * and that they come and go, and the tenant's id; not who has done it, why, or
 * what else the registry knows.  Who may know more, looks it up by the id.
 *
 * The server is given the notifications when the transaction commits.  Until
 * then they are kept here, for a transaction that has notified anybody cannot
 * be prepared; one that is prepared tells nobody.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/async.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "tenants/notification.h"

/* One that is waiting for the transaction to commit */
typedef struct Notification
{
	SubTransactionId subid;		/* that it stands or falls with */
	char	   *payload;		/* JSON */
} Notification;

/* What becomes of tenants */
static const char *const told_events[] = {
	"create", "adopt", "clone", "rename", "suspend", "resume", "drop",
	"restore", "purge", "snapshot", "rollback"
};

/* those that wait, in the memory of the transaction; written here only */
static List *waiting = NIL;

static bool is_told(const char *event);
static void add_member(StringInfo payload, const char *key,
					   const char *value);

void
tm_notification_add(const char *event, const TenantInfo *tenant,
					const char *new_name)
{
	MemoryContext old_context;
	Notification *notification;
	StringInfoData payload;

	if (tenant == NULL || !is_told(event))
		return;
	old_context = MemoryContextSwitchTo(TopTransactionContext);
	initStringInfo(&payload);
	add_member(&payload, "event", event);
	add_member(&payload, "tenant", tenant->name);
	if (new_name != NULL)
		add_member(&payload, "new_name", new_name);
	add_member(&payload, "id",
			   DatumGetCString(DirectFunctionCall1(uuid_out,
												   UUIDPGetDatum(&tenant->id))));
	appendStringInfoChar(&payload, '}');

	notification = palloc(sizeof(Notification));
	notification->subid = GetCurrentSubTransactionId();
	notification->payload = payload.data;
	waiting = lappend(waiting, notification);
	MemoryContextSwitchTo(old_context);
}

void
tm_notification_before_commit(void)
{
	ListCell   *lc;

	foreach(lc, waiting)
		Async_Notify(TM_CHANNEL, ((Notification *) lfirst(lc))->payload);
	waiting = NIL;
}

void
tm_notification_end_of_transaction(void)
{
	waiting = NIL;
}

void
tm_notification_end_of_subtransaction(bool committed, SubTransactionId subid,
									  SubTransactionId parent)
{
	ListCell   *lc;

	foreach(lc, waiting)
	{
		Notification *notification = lfirst(lc);

		if (notification->subid != subid)
			continue;
		if (committed)
			notification->subid = parent;
		else
			waiting = foreach_delete_current(waiting, lc);
	}
}

static bool
is_told(const char *event)
{
	for (int i = 0; i < lengthof(told_events); i++)
	{
		if (strcmp(told_events[i], event) == 0)
			return true;
	}
	return false;
}

static void
add_member(StringInfo payload, const char *key, const char *value)
{
	appendStringInfoString(payload, payload->len == 0 ? "{" : ", ");
	escape_json(payload, key);
	appendStringInfoString(payload, ": ");
	escape_json(payload, value);
}
