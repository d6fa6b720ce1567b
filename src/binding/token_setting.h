/*
 * token_setting.h
 *		The settings of tokens.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_TOKEN_SETTING_H
#define TENANT_MGR_TOKEN_SETTING_H

typedef enum SwitchRequirement
{
	SWITCH_REQUIRES_USAGE,
	SWITCH_REQUIRES_TOKEN
} SwitchRequirement;

typedef enum TokenSingleUse
{
	TOKEN_SINGLE_USE_MARKED,	/* those that say so */
	TOKEN_SINGLE_USE_ALL
} TokenSingleUse;

extern int	tm_switch_requires; /* a SwitchRequirement */
extern char *tm_token_public_key;	/* see token_key.c */
extern char *tm_token_audience; /* whom tokens have to be for, or '' */
extern int	tm_token_leeway;	/* seconds by which clocks may differ */
extern int	tm_token_max_lifetime;	/* seconds from issue to expiry, or 0 */
extern int	tm_token_enforce_expiry;	/* also after the switch? */
extern int	tm_token_single_use;	/* a TokenSingleUse */
extern int	tm_max_used_tokens; /* that can be remembered */

/* Define them; for guc.c. */
extern void tm_token_setting_define(void);

#endif							/* TENANT_MGR_TOKEN_SETTING_H */
