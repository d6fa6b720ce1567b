/*
 * token.h
 *		Switching to a tenant by a signed token.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_TOKEN_H
#define TENANT_MGR_TOKEN_H

/* Does nobody but a superuser get anywhere, for there is no key? */
extern bool tm_token_cannot_switch(void);

/* Is there a key, and no memory of tokens for a single use? */
extern bool tm_token_cannot_remember(void);

#endif							/* TENANT_MGR_TOKEN_H */
