/*
 * import.c
 *		Secrets that were sealed by others.
 *
 * What comes in a Fernet token leaves as a secret of ours, and is never seen in
 * between.  There is no AES-128-CBC in libsodium, but in the extension pgcrypto.
 * Its function is called if it is a member of the extension and written in C,
 * which only superusers can bring about: anybody might have made another
 * function of that name.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/crypto.h"
#include "base/tenant_mgr.h"
#include "base/wipe.h"
#include "secrets/fernet.h"
#include "secrets/secret.h"

#define CIPHER	"aes-cbc/pad:none"

static void refuse_null(FunctionCallInfo fcinfo);
static bytea *seal_again(const SecretPlace *place, const FernetToken *token,
						 const unsigned char *key);
static bytea *decipher(const FernetToken *token, const unsigned char *key);
static bytea *bytea_of(const void *bytes, Size size);
static Oid	find_cipher_function(void);
static bool is_cipher_function(HeapTuple tuple, Oid extension);
static void refuse_token(void);

PG_FUNCTION_INFO_V1(tenant_import_fernet);

/* import_fernet(token, key, context, aad): a secret from a Fernet token. */
Datum
tenant_import_fernet(PG_FUNCTION_ARGS)
{
	SecretPlace place;
	FernetToken token;
	unsigned char key[TM_FERNET_KEY_BYTES];
	unsigned char *bytes;
	text	   *token_text;
	text	   *key_text;
	bytea	   *volatile secret;

	refuse_null(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	tm_secret_place(&place, PG_GETARG_TEXT_PP(2), PG_GETARG_TEXT_PP(3));
	token_text = PG_GETARG_TEXT_PP(0);
	bytes = palloc(VARSIZE_ANY_EXHDR(token_text) + 1);

	key_text = PG_GETARG_TEXT_PP(1);
	PG_TRY();
	{
		if (!tm_fernet_parse_key(VARDATA_ANY(key_text),
								 VARSIZE_ANY_EXHDR(key_text), key))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid Fernet key"),
					 errdetail("A key is 32 bytes in base64 with the alphabet for URLs.")));
		if (!tm_fernet_parse(VARDATA_ANY(token_text),
							 VARSIZE_ANY_EXHDR(token_text), key, bytes,
							 &token))
			refuse_token();
		secret = seal_again(&place, &token, key + TM_FERNET_HALF_BYTES);
	}
	PG_FINALLY();
	{
		tm_crypto_wipe(key, sizeof(key));
		tm_wipe_detoasted(PG_GETARG_DATUM(1), key_text);
	}
	PG_END_TRY();

	PG_RETURN_BYTEA_P(secret);
}

static void
refuse_null(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("key, context and associated data must not be null")));
}

/* What is in the token is in a context of its own, and goes with that. */
static bytea *
seal_again(const SecretPlace *place, const FernetToken *token,
		   const unsigned char *key)
{
	MemoryContext context = tm_wipe_context_create(token->size);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	bytea	   *volatile secret;

	PG_TRY();
	{
		bytea	   *padded = decipher(token, key);
		Size		size;

		if (!tm_fernet_unpad((unsigned char *) VARDATA_ANY(padded),
							 VARSIZE_ANY_EXHDR(padded), &size))
			refuse_token();
		if (!pg_verify_mbstr(GetDatabaseEncoding(), VARDATA_ANY(padded),
							 (int) size, true))
			ereport(ERROR,
					(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
					 errmsg("secret is not a text in the encoding of this database")));
		MemoryContextSwitchTo(old_context);
		secret = tm_secret_seal(place, VARDATA_ANY(padded), size);
		tm_crypto_wipe(VARDATA_ANY(padded), VARSIZE_ANY_EXHDR(padded));
	}
	PG_FINALLY();
	{
		MemoryContextSwitchTo(old_context);
		tm_wipe_context_delete(context);
	}
	PG_END_TRY();
	return secret;
}

/* With the padding, in the current context, as all that it takes. */
static bytea *
decipher(const FernetToken *token, const unsigned char *key)
{
	Oid			function = find_cipher_function();
	Datum		plain;

	plain = OidFunctionCall4(function,
							 PointerGetDatum(bytea_of(token->sealed,
													  token->size)),
							 PointerGetDatum(bytea_of(key, TM_FERNET_HALF_BYTES)),
							 PointerGetDatum(bytea_of(token->iv,
													  TM_FERNET_BLOCK_BYTES)),
							 CStringGetTextDatum(CIPHER));
	return DatumGetByteaPP(plain);
}

static bytea *
bytea_of(const void *bytes, Size size)
{
	bytea	   *value = palloc(VARHDRSZ + size);

	SET_VARSIZE(value, VARHDRSZ + size);
	memcpy(VARDATA(value), bytes, size);
	return value;
}

/* decrypt_iv(data, key, iv, type) of pgcrypto, wherever that is. */
static Oid
find_cipher_function(void)
{
	Oid			extension = get_extension_oid("pgcrypto", true);
	Oid			function = InvalidOid;
	CatCList   *candidates;
	int			i;

	if (OidIsValid(extension))
	{
		candidates = SearchSysCacheList1(PROCNAMEARGSNSP,
										 CStringGetDatum("decrypt_iv"));
		for (i = 0; i < candidates->n_members; i++)
		{
			HeapTuple	tuple = &candidates->members[i]->tuple;

			if (is_cipher_function(tuple, extension))
				function = ((Form_pg_proc) GETSTRUCT(tuple))->oid;
		}
		ReleaseSysCacheList(candidates);
	}
	if (!OidIsValid(function))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"%s\" is not installed in this database",
						"pgcrypto"),
				 errdetail("Fernet tokens are encrypted with AES-128-CBC, which that extension provides."),
				 errhint("Use CREATE EXTENSION pgcrypto.")));
	return function;
}

static bool
is_cipher_function(HeapTuple tuple, Oid extension)
{
	static const Oid types[] = {BYTEAOID, BYTEAOID, BYTEAOID, TEXTOID};
	Form_pg_proc proc = (Form_pg_proc) GETSTRUCT(tuple);

	return proc->pronargs == lengthof(types) &&
		memcmp(proc->proargtypes.values, types, sizeof(types)) == 0 &&
		proc->prorettype == BYTEAOID &&
		proc->prolang == ClanguageId &&
		getExtensionOfObject(ProcedureRelationId, proc->oid) == extension;
}

/* Whatever is wrong with it, the error is the same. */
static void
refuse_token(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_SECRET_SEALED),
			 errmsg("token cannot be opened"),
			 errdetail("It was changed, or made with another key.")));
}
