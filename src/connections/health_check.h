/*
 * health_check.h
 *		Looking at a connection, and telling when its health has changed.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_HEALTH_CHECK_H
#define TENANT_MGR_HEALTH_CHECK_H

#include "connections/connection.h"
#include "connections/health_record.h"
#include "connections/probe.h"

/*
 * What a probe needs, palloc'd; tm_probe_run() wipes it.  The errors are those
 * of opening a secret.
 */
extern void tm_health_check_target(const ConnectionInfo *connection,
								   ProbeTarget *target);

/* What the result of a probe says about the connection. */
extern void tm_health_check_judge(const ConnectionInfo *connection,
								  const ProbeResult *result,
								  HealthFinding *finding);

/*
 * The status has changed: tell the server's log, and sessions that listen and
 * tenant.event if this transaction may write.
 */
extern void tm_health_check_log(const ConnectionInfo *connection,
								const HealthFinding *finding,
								HealthStatus before, HealthStatus after);
extern void tm_health_check_announce(const ConnectionInfo *connection,
									 const HealthFinding *finding,
									 HealthStatus before,
									 HealthStatus after);

#endif							/* TENANT_MGR_HEALTH_CHECK_H */
