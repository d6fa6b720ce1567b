/*
 * envelope.h
 *		What a secret looks like, as bytes and as text.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_ENVELOPE_H
#define TENANT_MGR_ENVELOPE_H

#include "utils/uuid.h"

#include "base/crypto.h"

#define TM_ENVELOPE_FORMAT	1

/* Most that can be sealed, so that base64 of it is still a value. */
#define TM_ENVELOPE_MAX_PLAIN	(64 * 1024 * 1024)

/* How an envelope begins; bytes only, so there is no padding. */
typedef struct EnvelopeHeader
{
	uint8		format;			/* TM_ENVELOPE_FORMAT */
	uint8		algorithm;		/* a CryptoAlgorithm */
	uint8		key_version[4]; /* of the data key, big-endian */
	pg_uuid_t	scope;			/* id of the tenant, or zeros */
} EnvelopeHeader;

/* An envelope with nothing in its box */
#define TM_ENVELOPE_OVERHEAD	(sizeof(EnvelopeHeader) + TM_CRYPTO_OVERHEAD)

/* None of these functions allocates memory or raises an error. */

extern int32 tm_envelope_key_version(const EnvelopeHeader *header);
extern void tm_envelope_set_key_version(EnvelopeHeader *header,
										int32 version);

/* Can these bytes be an envelope?  Says nothing about what is in the box. */
extern bool tm_envelope_check(const char *bytes, Size size);

/*
 * The bytes of an envelope that is written as text; there is one way to do
 * so, and everything else is refused.  There is room for as many bytes as the
 * text has.  Returns the number of bytes, or 0.
 */
extern Size tm_envelope_parse(const char *string, Size size, char *bytes);

/*
 * And back: the room that the text takes, with its null byte, and the text.
 * The bytes have passed the check.
 */
extern Size tm_envelope_text_size(Size size);
extern void tm_envelope_format(const char *bytes, Size size, char *string);

#endif							/* TENANT_MGR_ENVELOPE_H */
