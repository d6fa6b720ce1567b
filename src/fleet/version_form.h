/*
 * version_form.h
 *		What a new migration may be called.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_VERSION_FORM_H
#define TENANT_MGR_VERSION_FORM_H

/* What is wrong with this version, a sentence, or NULL */
extern const char *tm_version_problem(const char *version);

#endif							/* TENANT_MGR_VERSION_FORM_H */
