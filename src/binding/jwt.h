/*
 * jwt.h
 *		The text of a signed token, taken apart.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_JWT_H
#define TENANT_MGR_JWT_H

#define JWT_MAX_SIZE		8192
#define JWT_MAX_KID			128
#define JWT_MAX_MEMBERS		64
#define JWT_SIGNATURE_BYTES	64

/* Value of a time that a token does not tell */
#define JWT_NO_TIME			(-1.0)

/* A token before its signature has been verified */
typedef struct JwtToken
{
	char	   *kid;			/* which key it names, or NULL; palloc'd */
	Size		signed_size;	/* the signature is of the string up to here */
	unsigned char signature[JWT_SIGNATURE_BYTES];
	char	   *payload;		/* decoded, palloc'd; a byte follows it */
	Size		payload_size;
} JwtToken;

/* What a token claims; strings are palloc'd, NULL where there is none */
typedef struct JwtClaims
{
	char	   *tenant;			/* always there, not empty */
	char	   *role;
	char	   *jti;
	char	   *audience[JWT_MAX_MEMBERS];
	int			naudience;
	bool		for_audience;	/* there is a claim "aud", perhaps empty */
	bool		single_use;
	double		exp;			/* seconds since 1970; always there */
	double		nbf;			/* or JWT_NO_TIME */
	double		iat;			/* or JWT_NO_TIME */
} JwtClaims;

/*
 * Take a token of size bytes apart as far as that is possible before it has
 * been verified, and then its claims.  With ascii, a token that has other
 * characters in it is refused, because the database could not hold them.
 * NULL on success, or a reason why it is refused: not a sentence, not yet
 * translated, and it quotes nothing.  No errors but for lack of memory.
 */
extern const char *tm_jwt_parse(const char *string, Size size, bool ascii,
								JwtToken *token);
extern const char *tm_jwt_parse_claims(const JwtToken *token, bool ascii,
									   JwtClaims *claims);

/*
 * Decode base64url (RFC 4648) without padding, of which each string of bytes
 * has exactly one form.  The number of bytes, at most size * 3 / 4, or -1.
 */
extern int	tm_jwt_base64url_decode(const char *string, Size size,
									unsigned char *bytes);

#endif							/* TENANT_MGR_JWT_H */
