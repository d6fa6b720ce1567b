/*
 * probe_text.h
 *		What came of a probe, in words.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_PROBE_TEXT_H
#define TENANT_MGR_PROBE_TEXT_H

#include "connections/probe.h"
#include "connections/probe_protocol.h"

/*
 * Fill in all but the time.  The texts of the answer end with null bytes.  The
 * password, or NULL, is what no text shall have in it.
 */
extern void tm_probe_text_result(const ProbeAnswer *answer, int timeout_ms,
								 const char *password, ProbeResult *result);

#endif							/* TENANT_MGR_PROBE_TEXT_H */
