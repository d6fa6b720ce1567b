/*
 * list_setting.h
 *		Names in quotes, in settings that are lists of names.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_LIST_SETTING_H
#define TENANT_MGR_LIST_SETTING_H

#include "base/utility_statement.h"

/*
 * The step about a utility statement that gives one of them a value: keep the
 * quotes that it was written with.
 */
extern void tm_list_setting_before_utility(UtilityStatement *statement,
										   const char *query);

#endif							/* TENANT_MGR_LIST_SETTING_H */
