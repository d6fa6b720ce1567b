/*
 * secret.c
 *		Secrets: values that are stored sealed, and only so.
 *
 * A value of type tenant.secret is an envelope (envelope.c).  In and out of it
 * goes the envelope, never what is in it.  As binary it is the bytes that are
 * stored.
 *
 * What is in it is sealed with keys that are derived from the data key of its
 * scope for its algorithm and its context (data_key.c), and bound to
 * associated data.  Context and associated data have to be given again to open
 * it.  Whatever does not fit, the error is the same.  A secret is opened in
 * the scope that it was sealed in: by a session that is bound to that tenant,
 * or, if it is the database's, by one that is not bound.
 *
 * What the extension seals for itself, the passwords of connections, is in a
 * domain of its own: whatever context and associated data SQL gives, it gets
 * other keys.  Version 0.1.0 made no such difference, and what it sealed is
 * still opened; so SQL has keys of a third domain where a password of that
 * version could be.
 *
 * No message quotes input of the type: it may be a plain secret that was put
 * in the wrong place.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

#include "base/crypto.h"
#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "base/wipe.h"
#include "binding/binding.h"
#include "binding/binding_settle.h"
#include "secrets/data_key.h"
#include "secrets/envelope.h"
#include "secrets/secret.h"

/* What passwords of connections are bound to, together with an id */
#define PASSWORD_CONTEXT	"connection.password"
#define UUID_TEXT_LEN		36

/* the setting; written by the GUC machinery only */
int			tm_secret_algorithm = CRYPTO_XCHACHA20_POLY1305;

static void refuse_to_open(void);
static void refuse_null(FunctionCallInfo fcinfo);
static void current_scope(pg_uuid_t *scope);
static bool is_old_password_place(const SecretPlace *place);
static void use_from_place(KeyUse *use, const SecretPlace *place,
						   CryptoAlgorithm algorithm);

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
	const char *input = PG_GETARG_CSTRING(0);
	Size		input_size = strlen(input);
	bytea	   *envelope = palloc(VARHDRSZ + input_size);
	Size		size;

	size = tm_envelope_parse(input, input_size, VARDATA(envelope));
	if (size == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", "tenant.secret"),
				 errhint("Secrets are made by tenant.encrypt().")));
	SET_VARSIZE(envelope, VARHDRSZ + size);
	PG_RETURN_BYTEA_P(envelope);
}

/* The text of an envelope. */
Datum
tenant_secret_out(PG_FUNCTION_ARGS)
{
	bytea	   *envelope = PG_GETARG_BYTEA_PP(0);
	Size		size = VARSIZE_ANY_EXHDR(envelope);
	char	   *text;

	if (!tm_envelope_check(VARDATA_ANY(envelope), size))
		elog(ERROR, "value of type tenant.secret is not an envelope");
	text = palloc(tm_envelope_text_size(size));

	tm_envelope_format(VARDATA_ANY(envelope), size, text);
	PG_RETURN_CSTRING(text);
}

/* An envelope from its bytes. */
Datum
tenant_secret_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	Size		size = message->len - message->cursor;
	const char *bytes = pq_getmsgbytes(message, size);
	bytea	   *envelope;

	if (!tm_envelope_check(bytes, size))
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

	refuse_null(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	tm_secret_place(&place, PG_GETARG_TEXT_PP(1), PG_GETARG_TEXT_PP(2));
	PG_RETURN_BYTEA_P(tm_secret_seal_text(&place, PG_GETARG_DATUM(0)));
}

/* decrypt(secret, context, aad): what was encrypted. */
Datum
tenant_decrypt(PG_FUNCTION_ARGS)
{
	SecretPlace place;

	refuse_null(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	tm_secret_place(&place, PG_GETARG_TEXT_PP(1), PG_GETARG_TEXT_PP(2));

	PG_RETURN_TEXT_P(tm_secret_open(&place, PG_GETARG_BYTEA_PP(0)));
}

void
tm_secret_place(SecretPlace *place, const text *context, const text * aad)
{
	current_scope(&place->scope);
	place->context = VARDATA_ANY(context);
	place->context_size = VARSIZE_ANY_EXHDR(context);
	place->aad = VARDATA_ANY(aad);
	place->aad_size = VARSIZE_ANY_EXHDR(aad);
	place->domain = is_old_password_place(place) ?
		KEY_FOR_NAMESAKES : KEY_FOR_SQL;
}

void
tm_secret_place_password(SecretPlace *place, const char *id)
{
	tm_secret_place_old_password(place, id);
	place->domain = KEY_FOR_EXTENSION;
}

void
tm_secret_place_old_password(SecretPlace *place, const char *id)
{
	memset(place, 0, sizeof(*place));
	place->domain = KEY_FOR_SQL;
	place->context = PASSWORD_CONTEXT;
	place->context_size = strlen(PASSWORD_CONTEXT);
	place->aad = id;
	place->aad_size = strlen(id);
}

bytea *
tm_secret_seal(const SecretPlace *place, const char *plain, Size plain_size)
{
	EnvelopeHeader header;
	KeyUse		use;
	const CryptoKeys *keys;
	int32		key_version;
	Size		size = TM_ENVELOPE_OVERHEAD + plain_size;
	bytea	   *envelope;

	if (plain_size > TM_ENVELOPE_MAX_PLAIN)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("secret is too long"),
				 errdetail("A secret can have at most %d bytes.",
						   TM_ENVELOPE_MAX_PLAIN)));
	use_from_place(&use, place, (CryptoAlgorithm) tm_secret_algorithm);
	tm_crypto_require(use.algorithm);
	envelope = palloc(VARHDRSZ + size);
	SET_VARSIZE(envelope, VARHDRSZ + size);

	keys = tm_data_key_to_seal(&use, &key_version);
	header.format = TM_ENVELOPE_FORMAT;
	header.algorithm = (uint8) use.algorithm;
	tm_envelope_set_key_version(&header, key_version);
	header.scope = place->scope;
	memcpy(VARDATA(envelope), &header, sizeof(header));
	tm_crypto_seal(use.algorithm, keys, place->aad, place->aad_size,
				   plain, plain_size, VARDATA(envelope) + sizeof(header));

	return envelope;
}

bytea *
tm_secret_seal_text(const SecretPlace *place, Datum plain)
{
	text	   *plain_text = DatumGetTextPP(plain);
	bytea	   *volatile secret;

	if (DatumGetPointer(plain) == (Pointer) plain_text)
		return tm_secret_seal(place, VARDATA_ANY(plain_text),
							  VARSIZE_ANY_EXHDR(plain_text));

	PG_TRY();
	{
		secret = tm_secret_seal(place, VARDATA_ANY(plain_text),
								VARSIZE_ANY_EXHDR(plain_text));
	}
	PG_FINALLY();
	{
		tm_wipe_detoasted(plain, plain_text);
	}
	PG_END_TRY();
	return secret;
}

text *
tm_secret_open(const SecretPlace *place, bytea *secret)
{
	text	   *plain = tm_secret_try_open(place, secret);

	if (plain == NULL)
		refuse_to_open();
	return plain;
}

text *
tm_secret_try_open(const SecretPlace *place, bytea *secret)
{
	const char *bytes = VARDATA_ANY(secret);
	Size		size = VARSIZE_ANY_EXHDR(secret);
	EnvelopeHeader header;
	KeyUse		use;
	const CryptoKeys *keys;
	Size		plain_size;
	text	   *plain;

	if (!tm_envelope_check(bytes, size))
		return NULL;
	memcpy(&header, bytes, sizeof(header));
	if (!tm_uuid_equals(&header.scope, &place->scope))
		return NULL;
	use_from_place(&use, place, (CryptoAlgorithm) header.algorithm);
	tm_crypto_require(use.algorithm);
	plain_size = size - TM_ENVELOPE_OVERHEAD;
	plain = palloc(VARHDRSZ + plain_size);
	SET_VARSIZE(plain, VARHDRSZ + plain_size);

	keys = tm_data_key_to_open(&use, tm_envelope_key_version(&header));
	if (!tm_crypto_open(use.algorithm, keys, place->aad, place->aad_size,
						bytes + sizeof(header), size - sizeof(header),
						VARDATA(plain)))
		return NULL;

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

bool
tm_secret_matches(const SecretPlace *place, bytea *secret, const char *plain,
				  Size plain_size)
{
	const char *bytes = VARDATA_ANY(secret);
	EnvelopeHeader header;
	KeyUse		use;
	const CryptoKeys *keys;
	int32		key_version;
	char	   *opened;
	bool		same;

	if (VARSIZE_ANY_EXHDR(secret) != TM_ENVELOPE_OVERHEAD + plain_size ||
		!tm_envelope_check(bytes, VARSIZE_ANY_EXHDR(secret)))
		return false;
	memcpy(&header, bytes, sizeof(header));
	use_from_place(&use, place, (CryptoAlgorithm) header.algorithm);
	if (!tm_uuid_equals(&header.scope, &place->scope) ||
		!tm_crypto_is_available(use.algorithm))
		return false;

	opened = palloc(plain_size + 1);
	keys = tm_data_key_to_seal(&use, &key_version);
	same = key_version == tm_envelope_key_version(&header) &&
		tm_crypto_open(use.algorithm, keys, place->aad, place->aad_size,
					   bytes + sizeof(header),
					   VARSIZE_ANY_EXHDR(secret) - sizeof(header), opened) &&
		tm_crypto_same(opened, plain, plain_size);
	tm_crypto_wipe(opened, plain_size);
	pfree(opened);
	return same;
}

Oid
tm_secret_type(void)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
						   CStringGetDatum("secret"),
						   ObjectIdGetDatum(get_namespace_oid(TM_SCHEMA_NAME,
															  false)));
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

/*
 * Is it where version 0.1.0 kept a connection's password?  There may be one
 * still, which is not for SQL; what SQL keeps under that name goes elsewhere.
 */
static bool
is_old_password_place(const SecretPlace *place)
{
	return tm_uuid_is_zero(&place->scope) &&
		place->context_size == strlen(PASSWORD_CONTEXT) &&
		memcmp(place->context, PASSWORD_CONTEXT, place->context_size) == 0 &&
		place->aad_size == UUID_TEXT_LEN;
}

static void
use_from_place(KeyUse *use, const SecretPlace *place,
			   CryptoAlgorithm algorithm)
{
	use->domain = place->domain;
	use->scope = place->scope;
	use->algorithm = algorithm;
	use->context = place->context;
	use->context_size = place->context_size;
}
