/*
 * token.h
 *		Switching to a tenant by a signed token.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_TOKEN_H
#define TENANT_MGR_TOKEN_H

/* Which tokens can be used only once */
typedef enum TokenSingleUse
{
	TOKEN_SINGLE_USE_MARKED,	/* those that say so */
	TOKEN_SINGLE_USE_ALL
} TokenSingleUse;

extern char *tm_token_audience; /* whom tokens have to be for, or '' */
extern int	tm_token_leeway;	/* seconds by which clocks may differ */
extern int	tm_token_max_lifetime;	/* seconds from issue to expiry, or 0 */
extern int	tm_token_enforce_expiry;	/* also after the switch? */
extern int	tm_token_single_use;	/* a TokenSingleUse */

/* Does nobody but a superuser get anywhere, for there is no key? */
extern bool tm_token_cannot_switch(void);

/* Is there a key, and no memory of tokens for a single use? */
extern bool tm_token_cannot_remember(void);

#endif							/* TENANT_MGR_TOKEN_H */
