/*
 * fernet.h
 *		Tokens of the Fernet format, which others keep secrets in.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_FERNET_H
#define TENANT_MGR_FERNET_H

#define TM_FERNET_KEY_BYTES		32	/* both halves of a key */
#define TM_FERNET_HALF_BYTES	16	/* each of them */
#define TM_FERNET_BLOCK_BYTES	16	/* of the cipher, and of its first vector */

/* A token that was made with the key; points into the caller's memory */
typedef struct FernetToken
{
	const unsigned char *iv;	/* first vector of the cipher */
	const unsigned char *sealed;	/* what was encrypted */
	Size		size;			/* bytes of it, a number of whole blocks */
} FernetToken;

/* None of these functions allocates memory or raises an error. */

/*
 * A key from its text.  The first half signs, the second half encrypts.  False
 * if it is no key.
 */
extern bool tm_fernet_parse_key(const char *string, Size size,
								unsigned char *key);

/*
 * Take a token apart, with room for as many bytes as its text has.  False
 * unless it is a token that was signed with the key.
 */
extern bool tm_fernet_parse(const char *string, Size size,
							const unsigned char *key, unsigned char *bytes,
							FernetToken *token);

/*
 * How much of what has been deciphered is not padding; false if the padding is
 * not what it should be.
 */
extern bool tm_fernet_unpad(const unsigned char *plain, Size size,
							Size *unpadded);

#endif							/* TENANT_MGR_FERNET_H */
