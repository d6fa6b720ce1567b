/*
 * refused_command.h
 *		Functions that change tenants, where statements are recorded or repeated.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_REFUSED_COMMAND_H
#define TENANT_MGR_REFUSED_COMMAND_H

/*
 * Statements of migrations are executed from here on, or not any more.  The
 * caller sees to it that they end, after an error as well.
 */
extern void tm_refused_command_begin(void);
extern void tm_refused_command_end(void);

/* Raise an error if the function cannot be called now. */
extern void tm_refused_command_check(const char *command);

#endif							/* TENANT_MGR_REFUSED_COMMAND_H */
