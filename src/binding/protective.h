/*
 * protective.h
 *		Settings that protect the database from its users.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_PROTECTIVE_H
#define TENANT_MGR_PROTECTIVE_H

#include "utils/guc.h"

/*
 * Raise 42501 if the client has hidden a setting that is not its to choose.
 * To be called before the settings are defined.
 */
extern void tm_protective_refuse_hidden(void);

/*
 * Give those that have no check hook of their own one of these.  To be called
 * once they are defined; does nothing the second time.
 */
extern void tm_protective_start(GucBoolCheckHook check_bool,
								GucIntCheckHook check_number,
								GucStringCheckHook check_string);

/*
 * Note what the session has set them to, for as long as it is locked; and is
 * all of it still there?
 */
extern void tm_protective_freeze(void);
extern bool tm_protective_is_intact(void);

#endif							/* TENANT_MGR_PROTECTIVE_H */
