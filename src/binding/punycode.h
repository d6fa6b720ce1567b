/*
 * punycode.h
 *		Host names as the domain name system writes them.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_PUNYCODE_H
#define TENANT_MGR_PUNYCODE_H

/*
 * The host with each label that begins with "xn--" as the letters it stands
 * for, palloc'd, in the server's encoding.  NULL if there is no such label, or
 * if one stands for nothing that the encoding has.
 */
extern char *tm_punycode_decode_host(const char *host);

#endif							/* TENANT_MGR_PUNYCODE_H */
