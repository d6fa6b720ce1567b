/*
 * secret.h
 *		Secrets: values that are stored sealed, and only so.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SECRET_H
#define TENANT_MGR_SECRET_H

#include "utils/uuid.h"

#include "secrets/data_key.h"

extern int	tm_secret_algorithm;	/* a CryptoAlgorithm, for new secrets */

/* What a secret is bound to; it is opened nowhere else */
typedef struct SecretPlace
{
	KeyDomain	domain;			/* who can name it */
	pg_uuid_t	scope;			/* id of the tenant, zeros for the database */
	const char *context;		/* what kind of secret it is */
	Size		context_size;	/* bytes of it */
	const char *aad;			/* whose secret it is */
	Size		aad_size;		/* bytes of it */
} SecretPlace;

/*
 * The place of a secret of the bound tenant, or of the database if the session
 * is not bound, as SQL names it; never one of the extension's own.  Points into
 * the texts.
 */
extern void tm_secret_place(SecretPlace *place, const text *context,
							const text *aad);

/*
 * A value of type tenant.secret with the text sealed in it, as tenant.encrypt()
 * returns it, and back.  Results are palloc'd; the caller wipes a text that is
 * not to be left in memory, but for the copy that is made of a text that is
 * toasted.  The errors are those of tenant.encrypt() and tenant.decrypt().
 * Privileges are not looked at.
 */
extern bytea *tm_secret_seal(const SecretPlace *place, const char *plain,
							 Size size);
extern bytea *tm_secret_seal_text(const SecretPlace *place, Datum plain);
extern text *tm_secret_open(const SecretPlace *place, bytea *secret);

/* The same, but NULL if the secret does not belong to the place. */
extern text *tm_secret_try_open(const SecretPlace *place, bytea *secret);

/*
 * Is the text in the secret, sealed with the data key that seals at present?
 * Raises an error if there are no keys, but none because of the secret.
 */
extern bool tm_secret_matches(const SecretPlace *place, bytea *secret,
							  const char *plain, Size size);

/*
 * The place of a connection's password, given its id as text; and what it was
 * in version 0.1.0, when SQL could name it.
 */
extern void tm_secret_place_password(SecretPlace *place, const char *id);
extern void tm_secret_place_old_password(SecretPlace *place, const char *id);

/* The OID of the type. */
extern Oid	tm_secret_type(void);

#endif							/* TENANT_MGR_SECRET_H */
