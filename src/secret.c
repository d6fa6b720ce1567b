/*
 * secret.c
 *		Secrets: values that are stored sealed, and only so.
 *
 * A value of type tenant.secret is an envelope: a header that says how it was
 * sealed (format, algorithm, version of the data key, scope) and a box (see
 * crypto.c).  In and out of it goes the envelope, never what is in it.  As
 * text it is
 *
 *		tm1:ALGORITHM:KEY VERSION:SCOPE:BASE64 OF THE BOX
 *
 * where the scope is the tenant's id or the word "database", and there is one
 * way only to write an envelope.  As binary it is the bytes that are stored.
 *
 * The box is bound to the header, to a context and to associated data, which
 * both have to be given again to open it.  Whatever does not fit, the error is
 * the same.  A secret is opened in the scope that it was sealed in: by a
 * session that is bound to that tenant, or, if it is the database's, by one
 * that is not bound.
 *
 * No message quotes input of the type: it may be a plain secret that was put
 * in the wrong place.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "fmgr.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "binding.h"
#include "compat.h"
#include "crypto.h"
#include "data_key.h"
#include "guc.h"
#include "secret.h"
#include "tenant_mgr.h"

#define ENVELOPE_FORMAT		1
#define ENVELOPE_PREFIX		"tm1:"
#define DATABASE_SCOPE		"database"
#define UUID_TEXT_LEN		36

/* Most that can be sealed, so that base64 of it is still a value. */
#define MAX_PLAIN_SIZE		(64 * 1024 * 1024)
#define MAX_ENVELOPE_SIZE	(sizeof(EnvelopeHeader) + TM_CRYPTO_OVERHEAD + \
							 MAX_PLAIN_SIZE)

/* How an envelope begins; bytes only, so there is no padding. */
typedef struct EnvelopeHeader
{
	uint8		format;			/* ENVELOPE_FORMAT */
	uint8		algorithm;		/* a CryptoAlgorithm */
	uint8		key_version[4]; /* of the data key, big-endian */
	pg_uuid_t	scope;			/* id of the tenant, or zeros */
} EnvelopeHeader;

static bool is_envelope(const char *bytes, Size size);
static bytea *parse_envelope(const char *input);
static bool parse_header(const char **position, EnvelopeHeader *header);
static bool parse_scope(const char *text, Size size, pg_uuid_t *scope);
static int	hex_value(char c);
static char *format_envelope(const char *bytes, Size size);
static uint32 key_version_of(const EnvelopeHeader *header);
static void refuse_input(void);
static void refuse_to_open(void);
static void refuse_null(FunctionCallInfo fcinfo);
static void current_scope(pg_uuid_t *scope);
static void place_from_arguments(SecretPlace *place, FunctionCallInfo fcinfo);
static void begin_associated_data(StringInfo ad, const SecretPlace *place,
								  const EnvelopeHeader *header);

PG_FUNCTION_INFO_V1(tenant_secret_in);
PG_FUNCTION_INFO_V1(tenant_secret_out);
PG_FUNCTION_INFO_V1(tenant_secret_recv);
PG_FUNCTION_INFO_V1(tenant_secret_send);
PG_FUNCTION_INFO_V1(tenant_encrypt);
PG_FUNCTION_INFO_V1(tenant_decrypt);

/* An envelope from its text. */
Datum
tenant_secret_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(parse_envelope(PG_GETARG_CSTRING(0)));
}

/* The text of an envelope. */
Datum
tenant_secret_out(PG_FUNCTION_ARGS)
{
	bytea	   *envelope = PG_GETARG_BYTEA_PP(0);

	if (!is_envelope(VARDATA_ANY(envelope), VARSIZE_ANY_EXHDR(envelope)))
		elog(ERROR, "value of type tenant.secret is not an envelope");
	PG_RETURN_CSTRING(format_envelope(VARDATA_ANY(envelope),
									  VARSIZE_ANY_EXHDR(envelope)));
}

/* An envelope from its bytes. */
Datum
tenant_secret_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	Size		size = message->len - message->cursor;
	const char *bytes = pq_getmsgbytes(message, size);
	bytea	   *envelope;

	if (!is_envelope(bytes, size))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid binary value for type %s", "tenant.secret")));
	envelope = palloc(VARHDRSZ + size);
	SET_VARSIZE(envelope, VARHDRSZ + size);
	memcpy(VARDATA(envelope), bytes, size);
	PG_RETURN_BYTEA_P(envelope);
}

/* The bytes of an envelope. */
Datum
tenant_secret_send(PG_FUNCTION_ARGS)
{
	bytea	   *envelope = PG_GETARG_BYTEA_PP(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbytes(&message, VARDATA_ANY(envelope),
				 VARSIZE_ANY_EXHDR(envelope));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* encrypt(plaintext, context, aad): a secret of the tenant or the database. */
Datum
tenant_encrypt(PG_FUNCTION_ARGS)
{
	SecretPlace place;
	text	   *plain;

	refuse_null(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	plain = PG_GETARG_TEXT_PP(0);
	place_from_arguments(&place, fcinfo);

	PG_RETURN_BYTEA_P(tm_secret_seal(&place, VARDATA_ANY(plain),
									 VARSIZE_ANY_EXHDR(plain)));
}

/* decrypt(secret, context, aad): what was encrypted. */
Datum
tenant_decrypt(PG_FUNCTION_ARGS)
{
	SecretPlace place;

	refuse_null(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	place_from_arguments(&place, fcinfo);

	PG_RETURN_TEXT_P(tm_secret_open(&place, PG_GETARG_BYTEA_PP(0)));
}

bytea *
tm_secret_seal(const SecretPlace *place, const char *plain, Size plain_size)
{
	CryptoAlgorithm algorithm = (CryptoAlgorithm) tm_secret_algorithm;
	EnvelopeHeader header;
	StringInfoData ad;
	const unsigned char *key;
	Size		size;
	bytea	   *envelope;
	int32		key_version;
	uint32		key_version_bytes;

	if (plain_size > MAX_PLAIN_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("secret is too long"),
				 errdetail("A secret can have at most %d bytes.",
						   MAX_PLAIN_SIZE)));
	tm_crypto_require(algorithm);

	header.format = ENVELOPE_FORMAT;
	header.algorithm = (uint8) algorithm;
	header.scope = place->scope;
	size = sizeof(header) + plain_size + TM_CRYPTO_OVERHEAD;
	envelope = palloc(VARHDRSZ + size);
	SET_VARSIZE(envelope, VARHDRSZ + size);

	key = tm_data_key_to_seal(&header.scope, &key_version);
	key_version_bytes = pg_hton32((uint32) key_version);
	memcpy(header.key_version, &key_version_bytes,
		   sizeof(header.key_version));
	memcpy(VARDATA(envelope), &header, sizeof(header));
	begin_associated_data(&ad, place, &header);
	tm_crypto_seal(algorithm, key, &ad, plain, plain_size,
				   (unsigned char *) VARDATA(envelope) + sizeof(header));
	tm_data_key_release();

	return envelope;
}

text *
tm_secret_open(const SecretPlace *place, bytea *secret)
{
	const char *bytes = VARDATA_ANY(secret);
	Size		size = VARSIZE_ANY_EXHDR(secret);
	EnvelopeHeader header;
	StringInfoData ad;
	const unsigned char *key;
	Size		plain_size;
	text	   *plain;
	bool		opened;

	if (!is_envelope(bytes, size))
		refuse_to_open();
	memcpy(&header, bytes, sizeof(header));
	if (memcmp(&header.scope, &place->scope, sizeof(pg_uuid_t)) != 0)
		refuse_to_open();
	tm_crypto_require((CryptoAlgorithm) header.algorithm);

	plain_size = size - sizeof(header) - TM_CRYPTO_OVERHEAD;
	plain = palloc(VARHDRSZ + plain_size);
	SET_VARSIZE(plain, VARHDRSZ + plain_size);
	begin_associated_data(&ad, place, &header);
	key = tm_data_key_to_open(&header.scope,
							  (int32) key_version_of(&header));
	opened = tm_crypto_open((CryptoAlgorithm) header.algorithm, key, &ad,
							(const unsigned char *) bytes + sizeof(header),
							size - sizeof(header), VARDATA(plain));
	tm_data_key_release();
	if (!opened)
		refuse_to_open();

	/* It may come from a database with another encoding. */
	if (!pg_verify_mbstr(GetDatabaseEncoding(), VARDATA(plain),
						 (int) plain_size, true))
	{
		tm_crypto_wipe(VARDATA(plain), plain_size);
		ereport(ERROR,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("secret is not a text in the encoding of this database")));
	}

	return plain;
}

/* Can these bytes be an envelope?  Says nothing about what is in the box. */
static bool
is_envelope(const char *bytes, Size size)
{
	EnvelopeHeader header;

	if (size < sizeof(header) + TM_CRYPTO_OVERHEAD ||
		size > MAX_ENVELOPE_SIZE)
		return false;
	memcpy(&header, bytes, sizeof(header));
	return header.format == ENVELOPE_FORMAT &&
		tm_crypto_algorithm_name(header.algorithm) != NULL &&
		key_version_of(&header) >= 1 &&
		key_version_of(&header) <= PG_INT32_MAX;
}

/* The text is one that format_envelope() would have written, or an error. */
static bytea *
parse_envelope(const char *input)
{
	EnvelopeHeader header;
	const char *position = input;
	bytea	   *envelope;
	Size		capacity;
	int			box_size;
	Size		size;

	if (strlen(input) > MAX_ENVELOPE_SIZE / 3 * 4 + 200 ||
		!parse_header(&position, &header))
		refuse_input();

	capacity = pg_b64_dec_len(strlen(position));
	envelope = palloc(VARHDRSZ + sizeof(header) + capacity);
	memcpy(VARDATA(envelope), &header, sizeof(header));
	box_size = tm_base64_decode(position, strlen(position),
								VARDATA(envelope) + sizeof(header), capacity);
	if (box_size < 0)
		refuse_input();
	size = sizeof(header) + box_size;
	SET_VARSIZE(envelope, VARHDRSZ + size);
	if (!is_envelope(VARDATA(envelope), size) ||
		strcmp(format_envelope(VARDATA(envelope), size), input) != 0)
		refuse_input();
	return envelope;
}

/* What stands before the box; the position is moved behind it. */
static bool
parse_header(const char **position, EnvelopeHeader *header)
{
	const char *field;
	const char *colon;
	uint32		version = 0;
	uint32		version_bytes;

	if (strncmp(*position, ENVELOPE_PREFIX, strlen(ENVELOPE_PREFIX)) != 0)
		return false;
	header->format = ENVELOPE_FORMAT;

	field = *position + strlen(ENVELOPE_PREFIX);
	colon = strchr(field, ':');
	if (colon == NULL)
		return false;
	header->algorithm = tm_crypto_algorithm_number(field, colon - field);

	/* Ten digits at most, and what wraps around is not canonical. */
	field = colon + 1;
	colon = strchr(field, ':');
	if (colon == NULL || colon - field > 10)
		return false;
	for (; field < colon; field++)
	{
		if (*field < '0' || *field > '9')
			return false;
		version = version * 10 + (*field - '0');
	}
	version_bytes = pg_hton32(version);
	memcpy(header->key_version, &version_bytes, sizeof(header->key_version));

	field = colon + 1;
	colon = strchr(field, ':');
	if (colon == NULL || !parse_scope(field, colon - field, &header->scope))
		return false;
	*position = colon + 1;
	return true;
}

static bool
parse_scope(const char *text, Size size, pg_uuid_t *scope)
{
	const char *position = text;
	int			i;

	memset(scope, 0, sizeof(*scope));
	if (size == strlen(DATABASE_SCOPE) &&
		memcmp(text, DATABASE_SCOPE, size) == 0)
		return true;
	if (size != UUID_TEXT_LEN)
		return false;
	for (i = 0; i < UUID_LEN; i++)
	{
		if (*position == '-')
			position++;
		if (position + 2 > text + size ||
			hex_value(position[0]) < 0 || hex_value(position[1]) < 0)
			return false;
		scope->data[i] = (hex_value(position[0]) << 4) |
			hex_value(position[1]);
		position += 2;
	}
	return true;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static char *
format_envelope(const char *bytes, Size size)
{
	static const pg_uuid_t database_scope = {{0}};
	EnvelopeHeader header;
	StringInfoData text;
	char	   *base64;
	int			capacity;
	int			length;

	memcpy(&header, bytes, sizeof(header));
	initStringInfo(&text);
	appendStringInfo(&text, "%s%s:%u:", ENVELOPE_PREFIX,
					 tm_crypto_algorithm_name(header.algorithm),
					 key_version_of(&header));
	if (memcmp(&header.scope, &database_scope, sizeof(pg_uuid_t)) == 0)
		appendStringInfoString(&text, DATABASE_SCOPE);
	else
		appendStringInfoString(&text,
							   DatumGetCString(DirectFunctionCall1(uuid_out,
																   UUIDPGetDatum(&header.scope))));
	appendStringInfoChar(&text, ':');

	capacity = pg_b64_enc_len(size - sizeof(header));
	base64 = palloc(capacity + 1);
	length = tm_base64_encode(bytes + sizeof(header), size - sizeof(header),
							  base64, capacity);
	if (length < 0)
		elog(ERROR, "could not encode secret");
	appendBinaryStringInfo(&text, base64, length);
	pfree(base64);
	return text.data;
}

static uint32
key_version_of(const EnvelopeHeader *header)
{
	uint32		version;

	memcpy(&version, header->key_version, sizeof(version));
	return pg_ntoh32(version);
}

static void
refuse_input(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s", "tenant.secret"),
			 errhint("Secrets are made by tenant.encrypt().")));
}

static void
refuse_to_open(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_SECRET_SEALED),
			 errmsg("secret cannot be opened"),
			 errdetail("It was changed, or made for another tenant, context or associated data.")));
}

/* Of a null context or null associated data, one could not tell later. */
static void
refuse_null(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("context and associated data must not be null")));
}

/* Whose secrets this session can seal and open. */
static void
current_scope(pg_uuid_t *scope)
{
	Binding    *binding;

	if (!tm_binding_is_settled())
		tm_binding_validate();
	binding = tm_binding_current();
	memset(scope, 0, sizeof(*scope));
	if (binding == NULL)
		return;
	if (!binding->verified)
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_NOT_BOUND),
				 errmsg("session has not been bound to tenant \"%s\" yet",
						tm_tenant)));
	*scope = binding->id;
}

/* The bound tenant, or the database, with the arguments of either function. */
static void
place_from_arguments(SecretPlace *place, FunctionCallInfo fcinfo)
{
	text	   *context = PG_GETARG_TEXT_PP(1);
	text	   *aad = PG_GETARG_TEXT_PP(2);

	current_scope(&place->scope);
	place->context = VARDATA_ANY(context);
	place->context_size = VARSIZE_ANY_EXHDR(context);
	place->aad = VARDATA_ANY(aad);
	place->aad_size = VARSIZE_ANY_EXHDR(aad);
}

static void
begin_associated_data(StringInfo ad, const SecretPlace *place,
					  const EnvelopeHeader *header)
{
	tm_crypto_ad_begin(ad, "tenant_mgr secret");
	tm_crypto_ad_bytes(ad, header, sizeof(*header));
	tm_crypto_ad_bytes(ad, place->context, place->context_size);
	tm_crypto_ad_bytes(ad, place->aad, place->aad_size);
}
