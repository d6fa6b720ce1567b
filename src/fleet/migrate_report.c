/*
 * migrate_report.c
 *		What a run tells on its way.
 *
 * Once a second the client gets a line with a bar; tenant.progress shows the same
 * to others.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/progress.h"
#include "fleet/migrate_report.h"

#define TELL_EVERY_MS	1000
#define BAR_LENGTH		20

static void show(MigrateReport *report, const QueueCounts *counts);
static void tell(const MigrateReport *report, const QueueCounts *counts,
				 TimestampTz now);

void
tm_migrate_report_begin(MigrateReport *report)
{
	report->started_at = GetCurrentTimestamp();
	report->told_at = report->started_at;
	report->stage = -1;
	report->nended = 0;
}

void
tm_migrate_report(MigrateReport *report, const QueueCounts *counts)
{
	TimestampTz now = GetCurrentTimestamp();

	show(report, counts);
	if (!TimestampDifferenceExceeds(report->told_at, now, TELL_EVERY_MS))
		return;
	report->told_at = now;
	tell(report, counts, now);
}

static void
show(MigrateReport *report, const QueueCounts *counts)
{
	static const ProgressPhase phases[] = {
		[MIGRATE_TEMPLATES] = PROGRESS_MIGRATING_TEMPLATES,
		[MIGRATE_CANARIES] = PROGRESS_MIGRATING_CANARIES,
		[MIGRATE_REST] = PROGRESS_MIGRATING_TENANTS
	};
	int			nended = counts->ndone + counts->nfailed;

	if (report->stage != (int) counts->stage)
	{
		tm_progress_phase(phases[counts->stage], counts->nitems, 0);
		report->stage = counts->stage;
		report->nended = 0;
	}
	tm_progress_add(nended - report->nended, 0);
	report->nended = nended;
}

static void
tell(const MigrateReport *report, const QueueCounts *counts, TimestampTz now)
{
	int			nended = counts->ndone + counts->nfailed;
	double		seconds = (double) (now - report->started_at) / USECS_PER_SEC;
	double		rate = nended / seconds;
	int			length = (int) ((int64) BAR_LENGTH * nended / counts->nitems);
	char		bar[BAR_LENGTH + 1];
	char		left[64] = "";

	memset(bar, '-', BAR_LENGTH);
	memset(bar, '#', length);
	bar[BAR_LENGTH] = '\0';
	if (nended > 0)
		snprintf(left, sizeof(left), ", %.0f s left",
				 (counts->nitems - nended) / rate);
	ereport(NOTICE,
			(errmsg("[%s] %d/%d tenants, %.1f/s, %d failed%s",
					bar, nended, counts->nitems, rate, counts->nfailed, left),
			 errhidestmt(true), errhidecontext(true)));
}
