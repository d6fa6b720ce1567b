/*
 * jwt.c
 *		The text of a signed token, taken apart.
 *
 * A token (RFC 7519, in the compact form of RFC 7515) is three parts with
 * points between them: a header, claims and a signature, each in base64url
 * without padding.  Header and claims are JSON objects.  The signature is of
 * the text of the first two parts.
 *
 * The header is read before the signature can be verified, so whatever it
 * holds comes from anybody; the claims are read afterwards.  There are two
 * functions, so that nobody can have the claims by accident.
 *
 * The server's parser reads the JSON.  What it could raise an error at is
 * refused beforehand: too much nesting, and in databases that do not use
 * UTF-8 all that is not ASCII.  It does not mind an object with two members of
 * one name, or text that is not UTF-8; we do.  Of members that we do not know,
 * only the names are looked at.
 *
 * Nothing here knows settings, keys, roles or the time.  That is for token.c,
 * and it lets this file be tried outside of a server (test/fuzz).
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"

#include "base/compat.h"
#include "binding/jwt.h"

#define MAX_DEPTH	8
#define MAX_STRING	1024		/* bytes of a string that we keep */
#define MAX_TIME	253402300799.0	/* last second of the year 9999 */

/* What the value of a member has to be */
typedef enum MemberKind
{
	MEMBER_STRING,
	MEMBER_TIME,
	MEMBER_BOOLEAN,
	MEMBER_AUDIENCE,			/* a string, or an array of strings */
	MEMBER_REFUSED				/* not to be there at all */
} MemberKind;

/* A member of an object that we know, and where its value goes */
typedef struct Member
{
	const char *name;
	MemberKind	kind;
	void	   *value;			/* char *, double or bool by its kind */
} Member;

/* An object while it is parsed */
typedef struct ObjectState
{
	const Member *members;		/* those that we know */
	int			nmembers;
	JwtClaims  *claims;			/* where an audience goes, or NULL */
	int			depth;			/* objects and arrays that are open */
	const Member *current;		/* whose value comes, NULL if not known */
	char	   *names[JWT_MAX_MEMBERS]; /* that have occurred */
	int			nnames;
	const char *problem;		/* the first one, or NULL */
} ObjectState;

static const char *read_header(char *json, Size size, bool ascii,
							   JwtToken *token);
static const char *parse_object(const char *json, Size size, bool ascii,
								ObjectState *state);
static const char *check_text(const char *json, Size size, bool ascii);
static TmJsonResult at_begin(void *arg);
static TmJsonResult at_begin_array(void *arg);
static TmJsonResult at_end(void *arg);
static TmJsonResult at_field(void *arg, char *name, bool isnull);
static TmJsonResult at_scalar(void *arg, char *value, JsonTokenType type);
static void begin_nested(ObjectState *state, bool is_array);
static void take_field(ObjectState *state, char *name);
static void take_scalar(ObjectState *state, char *value, JsonTokenType type);
static void take_audience(ObjectState *state, char *value,
						  JsonTokenType type);
static bool take_time(const char *value, double *seconds);
static char *decode_part(const char *part, Size size, Size *decoded);

const char *
tm_jwt_parse(const char *string, Size size, bool ascii, JwtToken *token)
{
	const char *end = string + size;
	const char *first_point;
	const char *second_point;
	const char *reason;
	char	   *header;
	char	   *signature;
	Size		header_size;
	Size		signature_size;

	memset(token, 0, sizeof(*token));
	if (size > JWT_MAX_SIZE)
		return gettext_noop("it is too long");

	first_point = memchr(string, '.', size);
	if (first_point == NULL)
		return gettext_noop("it has not three parts");
	second_point = memchr(first_point + 1, '.', end - first_point - 1);
	if (second_point == NULL ||
		memchr(second_point + 1, '.', end - second_point - 1) != NULL)
		return gettext_noop("it has not three parts");

	header = decode_part(string, first_point - string, &header_size);
	token->payload = decode_part(first_point + 1,
								 second_point - first_point - 1,
								 &token->payload_size);
	signature = decode_part(second_point + 1, end - second_point - 1,
							&signature_size);
	if (header == NULL || token->payload == NULL || signature == NULL)
		return gettext_noop("a part is not base64url");

	reason = read_header(header, header_size, ascii, token);
	if (reason != NULL)
		return reason;
	if (signature_size != JWT_SIGNATURE_BYTES)
		return gettext_noop("its signature has the wrong length");
	memcpy(token->signature, signature, JWT_SIGNATURE_BYTES);
	token->signed_size = second_point - string;
	return NULL;
}

const char *
tm_jwt_parse_claims(const JwtToken *token, bool ascii, JwtClaims *claims)
{
	const Member members[] = {
		{"tenant", MEMBER_STRING, &claims->tenant},
		{"role", MEMBER_STRING, &claims->role},
		{"jti", MEMBER_STRING, &claims->jti},
		{"aud", MEMBER_AUDIENCE, NULL},
		{"single_use", MEMBER_BOOLEAN, &claims->single_use},
		{"exp", MEMBER_TIME, &claims->exp},
		{"nbf", MEMBER_TIME, &claims->nbf},
		{"iat", MEMBER_TIME, &claims->iat}
	};
	ObjectState state = {0};
	const char *reason;

	memset(claims, 0, sizeof(*claims));
	claims->exp = claims->nbf = claims->iat = JWT_NO_TIME;
	state.members = members;
	state.nmembers = lengthof(members);
	state.claims = claims;

	reason = parse_object(token->payload, token->payload_size, ascii, &state);
	if (reason != NULL)
		return reason;
	if (claims->tenant == NULL)
		return gettext_noop("it names no tenant");
	if (claims->exp == JWT_NO_TIME)
		return gettext_noop("it never expires");
	if (claims->single_use && claims->jti == NULL)
		return gettext_noop("it is for a single use and has no id");
	return NULL;
}

int
tm_jwt_base64url_decode(const char *string, Size size, unsigned char *bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32		bits = 0;
	int			nbits = 0;
	int			nbytes = 0;
	Size		i;

	for (i = 0; i < size; i++)
	{
		const char *digit = string[i] != '\0' ? strchr(digits, string[i]) : NULL;

		if (digit == NULL)
			return -1;
		bits = (bits << 6 | (uint32) (digit - digits)) & 0xffff;
		nbits += 6;
		if (nbits >= 8)
		{
			nbits -= 8;
			bytes[nbytes++] = (unsigned char) (bits >> nbits);
		}
	}

	/* What is left belongs to no byte: less than a digit, and zeros. */
	if (nbits >= 6 || (bits & ((1 << nbits) - 1)) != 0)
		return -1;
	return nbytes;
}

/* What the header says about how to verify the token. */
static const char *
read_header(char *json, Size size, bool ascii, JwtToken *token)
{
	char	   *alg = NULL;
	char	   *typ = NULL;
	const Member members[] = {
		{"alg", MEMBER_STRING, &alg},
		{"typ", MEMBER_STRING, &typ},
		{"kid", MEMBER_STRING, &token->kid},
		{"crit", MEMBER_REFUSED, NULL}
	};
	ObjectState state = {0};
	const char *reason;

	state.members = members;
	state.nmembers = lengthof(members);
	reason = parse_object(json, size, ascii, &state);
	if (reason != NULL)
		return reason;
	if (alg == NULL || strcmp(alg, "EdDSA") != 0)
		return gettext_noop("its algorithm is not EdDSA");
	if (typ != NULL && strcmp(typ, "JWT") != 0)
		return gettext_noop("its type is not JWT");
	if (token->kid != NULL && strlen(token->kid) > JWT_MAX_KID)
		return gettext_noop("the id of its key is too long");
	return NULL;
}

/* Have the members of a JSON object put where they belong. */
static const char *
parse_object(const char *json, Size size, bool ascii, ObjectState *state)
{
	JsonSemAction actions = {0};
	const char *reason = check_text(json, size, ascii);

	if (reason != NULL)
		return reason;

	actions.semstate = state;
	actions.object_start = at_begin;
	actions.object_end = at_end;
	actions.array_start = at_begin_array;
	actions.array_end = at_end;
	actions.object_field_start = at_field;
	actions.scalar = at_scalar;
	if (pg_parse_json(tm_json_lexer(json, size), &actions) != JSON_SUCCESS)
		return gettext_noop("a part is not JSON");
	return state->problem;
}

/*
 * Is this text one that the parser can be given?  A bracket counts unless it
 * is within a string, which ends at a quote that no backslash precedes.
 */
static const char *
check_text(const char *json, Size size, bool ascii)
{
	bool		in_string = false;
	int			depth = 0;
	Size		i;

	if (pg_encoding_verifymbstr(PG_UTF8, json, size) != size)
		return gettext_noop("a part is not UTF-8");

	for (i = 0; i < size; i++)
	{
		if (ascii && IS_HIGHBIT_SET(json[i]))
			return gettext_noop("it has characters that the encoding of the database does not allow");
		if (in_string && json[i] == '\\')
		{
			/* the escapes of ASCII characters are \u0000 to \u007f */
			i++;
			if (ascii && i + 3 < size && json[i] == 'u' &&
				(json[i + 1] != '0' || json[i + 2] != '0' ||
				 json[i + 3] < '0' || json[i + 3] > '7'))
				return gettext_noop("it has characters that the encoding of the database does not allow");
		}
		else if (json[i] == '"')
			in_string = !in_string;
		else if (in_string)
			continue;
		else if (json[i] == '{' || json[i] == '[')
		{
			if (++depth > MAX_DEPTH)
				return gettext_noop("it is nested too deeply");
		}
		else if (json[i] == '}' || json[i] == ']')
			depth--;
	}
	return NULL;
}

/*
 * The actions of the parser.  On PostgreSQL 15 they cannot stop it, so each
 * begins by asking whether there is any use in going on.
 */
static TmJsonResult
at_begin(void *arg)
{
	begin_nested((ObjectState *) arg, false);
	TM_JSON_CONTINUE;
}

static TmJsonResult
at_begin_array(void *arg)
{
	begin_nested((ObjectState *) arg, true);
	TM_JSON_CONTINUE;
}

static TmJsonResult
at_end(void *arg)
{
	((ObjectState *) arg)->depth--;
	TM_JSON_CONTINUE;
}

static TmJsonResult
at_field(void *arg, char *name, bool isnull)
{
	ObjectState *state = (ObjectState *) arg;

	if (state->problem == NULL && state->depth == 1)
		take_field(state, name);
	TM_JSON_CONTINUE;
}

static TmJsonResult
at_scalar(void *arg, char *value, JsonTokenType type)
{
	ObjectState *state = (ObjectState *) arg;

	if (state->problem == NULL)
		take_scalar(state, value, type);
	TM_JSON_CONTINUE;
}

/* An object or an array; the outermost one is the object that we look at. */
static void
begin_nested(ObjectState *state, bool is_array)
{
	int			depth = state->depth++;

	if (state->problem != NULL)
		return;
	if (depth == 0)
	{
		if (is_array)
			state->problem = gettext_noop("a part is not a JSON object");
		return;
	}
	if (state->current == NULL)
		return;
	if (state->current->kind == MEMBER_AUDIENCE && is_array && depth == 1)
		state->claims->for_audience = true;
	else
		state->problem = gettext_noop("a member has a value that does not fit");
}

/* A member of the object that we look at. */
static void
take_field(ObjectState *state, char *name)
{
	int			i;

	for (i = 0; i < state->nnames; i++)
	{
		if (strcmp(state->names[i], name) == 0)
		{
			state->problem = gettext_noop("a name occurs twice");
			return;
		}
	}
	if (state->nnames >= lengthof(state->names))
	{
		state->problem = gettext_noop("it has too many members");
		return;
	}
	state->names[state->nnames++] = name;

	state->current = NULL;
	for (i = 0; i < state->nmembers; i++)
	{
		if (strcmp(state->members[i].name, name) == 0)
			state->current = &state->members[i];
	}
	if (state->current != NULL && state->current->kind == MEMBER_REFUSED)
		state->problem = gettext_noop("it demands an extension");
}

/* A value that is neither an object nor an array, at any depth. */
static void
take_scalar(ObjectState *state, char *value, JsonTokenType type)
{
	const Member *member = state->current;
	bool		fits = false;

	if (state->depth == 0)
	{
		state->problem = gettext_noop("a part is not a JSON object");
		return;
	}
	if (member == NULL)
		return;

	switch (member->kind)
	{
		case MEMBER_STRING:
			fits = type == JSON_TOKEN_STRING && value[0] != '\0' &&
				strlen(value) <= MAX_STRING;
			if (fits)
				*(char **) member->value = value;
			break;
		case MEMBER_TIME:
			fits = type == JSON_TOKEN_NUMBER &&
				take_time(value, (double *) member->value);
			break;
		case MEMBER_BOOLEAN:
			fits = type == JSON_TOKEN_TRUE || type == JSON_TOKEN_FALSE;
			if (fits)
				*(bool *) member->value = (type == JSON_TOKEN_TRUE);
			break;
		case MEMBER_AUDIENCE:
			take_audience(state, value, type);
			return;
		case MEMBER_REFUSED:
			break;
	}
	if (!fits)
		state->problem = gettext_noop("a member has a value that does not fit");
}

/* One of those that the token is meant for. */
static void
take_audience(ObjectState *state, char *value, JsonTokenType type)
{
	JwtClaims  *claims = state->claims;

	claims->for_audience = true;
	if (type != JSON_TOKEN_STRING)
		state->problem = gettext_noop("a member has a value that does not fit");
	else if (claims->naudience >= lengthof(claims->audience))
		state->problem = gettext_noop("it has too many audiences");
	else
		claims->audience[claims->naudience++] = value;
}

/* Seconds since 1970, perhaps with a fraction; the parser knows a number. */
static bool
take_time(const char *value, double *seconds)
{
	*seconds = strtod(value, NULL);
	return *seconds >= 0 && *seconds <= MAX_TIME;
}

/* A part of a token, palloc'd and with a null byte behind it, or NULL. */
static char *
decode_part(const char *part, Size size, Size *decoded)
{
	char	   *bytes = palloc(size + 1);
	int			nbytes = tm_jwt_base64url_decode(part, size,
												 (unsigned char *) bytes);

	if (nbytes < 0)
		return NULL;
	bytes[nbytes] = '\0';
	*decoded = nbytes;
	return bytes;
}
