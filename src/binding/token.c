/*
 * token.c
 *		Switching to a tenant by a signed token.
 *
 * Somebody whom the server trusts, and knows by a public key, states in a
 * token which tenant its bearer may work for, and for how long.  The order in
 * which a token is looked at matters.  Nothing that it claims is read before
 * its signature has been verified; and it counts as used, if it is for a
 * single use, only when the session has been bound, so that a bearer who lacks
 * a privilege can try again.
 *
 * Whatever is wrong with a token, its bearer gets the same error.  The reason
 * is for the operator and goes to the server's log, in a line of its own
 * because the error may be caught and is not logged then; but not in so many
 * lines that the log is full of them.  Neither says more
 * of the token than names, and only printable characters of these; the
 * statement, which may contain the token, is left out.
 *
 * What a token gives is an authorization (authorization.c), not a privilege: the role has
 * to have USAGE on the tenant's schema as ever.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/detoast.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/crypto.h"
#include "base/log_limit.h"
#include "base/tenant_mgr.h"
#include "binding/authorization.h"
#include "binding/binding.h"
#include "binding/binding_refusals.h"
#include "binding/jwt.h"
#include "binding/switch.h"
#include "binding/token.h"
#include "binding/token_key.h"
#include "binding/used_token.h"
#include "tenants/tenant_name.h"

StaticAssertDecl(JWT_SIGNATURE_BYTES == TM_CRYPTO_SIGNATURE_BYTES,
				 "signature of the wrong size");

/* Times of a token by the server's clock; DT_NOBEGIN for those not told */
typedef struct TokenTimes
{
	TimestampTz issued_at;
	TimestampTz begins_at;
	TimestampTz expires_at;
} TokenTimes;

/* the settings; written by the GUC machinery, those that are walls by wall.c */
char	   *tm_token_audience = NULL;
int			tm_token_leeway = 0;
int			tm_token_max_lifetime = 24 * 60 * 60;
int			tm_token_enforce_expiry = true;
int			tm_token_single_use = TOKEN_SINGLE_USE_MARKED;

static const char *verify(const char *text, Size size, JwtToken *token,
						  JwtClaims *claims);
static void take_times(const JwtClaims *claims, TokenTimes *times);
static TimestampTz timestamp_of(double seconds);
static const char *check_times(const TokenTimes *times);
static const char *check_audience(const JwtClaims *claims);
static const char *check_role(const JwtClaims *claims);
static char *issuer_of(const JwtToken *token, const JwtClaims *claims);
static const char *use_up(const JwtToken *token, const JwtClaims *claims,
						  const TokenTimes *times);
static void log_refusal(const char *reason, const JwtToken *token,
						const JwtClaims *claims, uint64 left_out);
static void refuse(const char *reason, const JwtToken *token,
				   const JwtClaims *claims);
static void append_name(StringInfo buf, const char *label, const char *name);

PG_FUNCTION_INFO_V1(tenant_switch_token);

/* Bind the session, or the rest of the transaction, to a token's tenant. */
Datum
tenant_switch_token(PG_FUNCTION_ARGS)
{
	text	   *text_token;
	JwtToken	token = {0};
	JwtClaims	claims = {0};
	TokenTimes	times;
	Authorization authorization;
	const char *reason;
	bool		local;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 PG_ARGISNULL(0) ? errmsg("token must not be null") :
				 errmsg("\"local\" must not be null")));
	if (toast_raw_datum_size(PG_GETARG_DATUM(0)) - VARHDRSZ > JWT_MAX_SIZE)
		refuse(_("it is too long"), &token, &claims);
	text_token = PG_GETARG_TEXT_PP(0);
	local = PG_GETARG_BOOL(1);

	reason = verify(VARDATA_ANY(text_token), VARSIZE_ANY_EXHDR(text_token),
					&token, &claims);
	if (reason != NULL)
		refuse(reason, &token, &claims);
	take_times(&claims, &times);
	if ((reason = check_times(&times)) != NULL ||
		(reason = check_audience(&claims)) != NULL ||
		(reason = check_role(&claims)) != NULL)
		refuse(reason, &token, &claims);

	tm_authorization_unlimited(&authorization);
	if (tm_token_enforce_expiry)
		authorization.deadline = times.expires_at + tm_token_leeway * USECS_PER_SEC;
	if (local)
	{
		tm_binding_warn_unconfined("tenant.switch_token() with \"local\"");
		authorization.lxid = tm_local_transaction_id();
	}
	tm_authorization_bind(&authorization, claims.tenant,
						  local ? GUC_ACTION_LOCAL : GUC_ACTION_SET);

	if (claims.single_use || tm_token_single_use == TOKEN_SINGLE_USE_ALL)
	{
		reason = use_up(&token, &claims, &times);
		if (reason != NULL)
			refuse(reason, &token, &claims);
	}
	if (tm_switched_hook != NULL)
		tm_switched_hook();
	PG_RETURN_TEXT_P(cstring_to_text(claims.tenant));
}

bool
tm_token_cannot_switch(void)
{
	return tm_switch_requires == SWITCH_REQUIRES_TOKEN && !tm_token_key_any();
}

bool
tm_token_cannot_remember(void)
{
	return tm_token_key_any() && !tm_used_token_can_remember();
}

/*
 * Take a token apart and verify its signature, in the order that matters.
 * Returns NULL, or the reason to refuse it, translated.
 */
static const char *
verify(const char *text, Size size, JwtToken *token, JwtClaims *claims)
{
	bool		ascii = (GetDatabaseEncoding() != PG_UTF8);
	const TokenKey *key;
	const char *reason;

	reason = tm_jwt_parse(text, size, ascii, token);
	if (reason != NULL)
		return _(reason);

	if (!tm_token_key_any())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no key to verify tokens is configured"),
				 errhint("Set tenant_mgr.token_public_key."),
				 errhidestmt(true),
				 errhidecontext(true)));
	key = tm_token_key_find(token->kid);
	if (key == NULL)
		return _("there is no such key");
	if (!tm_crypto_verify(key->key, token->signature, text,
						  token->signed_size))
		return _("its signature does not match the key");

	reason = tm_jwt_parse_claims(token, ascii, claims);
	return reason != NULL ? _(reason) : NULL;
}

static void
take_times(const JwtClaims *claims, TokenTimes *times)
{
	times->issued_at = timestamp_of(claims->iat);
	times->begins_at = timestamp_of(claims->nbf);
	times->expires_at = timestamp_of(claims->exp);
}

static TimestampTz
timestamp_of(double seconds)
{
	const double epoch = (double) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) *
		SECS_PER_DAY;

	if (seconds == JWT_NO_TIME)
		return DT_NOBEGIN;
	return (TimestampTz) ((seconds - epoch) * USECS_PER_SEC);
}

/*
 * Is it time for the token, and not for too long a time?  Clocks may differ
 * by the leeway.  A token that does not tell when it was issued may have been
 * issued when it begins, or just now.
 */
static const char *
check_times(const TokenTimes *times)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz leeway = tm_token_leeway * USECS_PER_SEC;
	TimestampTz start = times->issued_at;

	if (now >= times->expires_at + leeway)
		return _("it has expired");
	if (times->begins_at != DT_NOBEGIN && now < times->begins_at - leeway)
		return _("it is not valid yet");
	if (times->issued_at != DT_NOBEGIN && now < times->issued_at - leeway)
		return _("it was issued in the future");

	if (start == DT_NOBEGIN)
		start = times->begins_at;
	if (start == DT_NOBEGIN)
		start = now;
	if (tm_token_max_lifetime > 0 &&
		times->expires_at - start > tm_token_max_lifetime * USECS_PER_SEC)
		return _("it is valid for longer than tenant_mgr.token_max_lifetime allows");
	return NULL;
}

/* A token for somebody else is none for us, whatever else it says. */
static const char *
check_audience(const JwtClaims *claims)
{
	int			i;

	if (tm_token_audience[0] == '\0')
		return claims->for_audience ?
			_("it is for an audience, and tenant_mgr.token_audience is not set") :
			NULL;
	for (i = 0; i < claims->naudience; i++)
	{
		if (strcmp(claims->audience[i], tm_token_audience) == 0)
			return NULL;
	}
	return _("it is not for tenant_mgr.token_audience");
}

/*
 * The role that has logged in, or the one it has changed to.  That of a
 * function which runs with its owner's rights does not count.
 */
static const char *
check_role(const JwtClaims *claims)
{
	if (claims->role == NULL ||
		strcmp(claims->role,
			   GetUserNameFromId(GetOuterUserId(), false)) == 0 ||
		strcmp(claims->role,
			   GetUserNameFromId(GetSessionUserId(), false)) == 0)
		return NULL;
	return _("it is for another role");
}

/*
 * Whose ids they are, that are not to occur twice: those of a key, whatever it
 * is called, for a tenant of this database.
 */
static char *
issuer_of(const JwtToken *token, const JwtClaims *claims)
{
	char		hex[2 * TM_CRYPTO_KEY_BYTES + 1];

	tm_crypto_key_to_hex(tm_token_key_find(token->kid)->key, hex);
	return psprintf("%u %s %s", MyDatabaseId, hex, claims->tenant);
}

static const char *
use_up(const JwtToken *token, const JwtClaims *claims,
	   const TokenTimes *times)
{
	if (claims->jti == NULL)
		return _("it is for a single use and has no id");
	if (times->issued_at == DT_NOBEGIN)
		return _("it is for a single use and does not tell when it was issued");
	switch (tm_used_token_add(issuer_of(token, claims), claims->tenant,
							  claims->jti, times->issued_at,
							  times->expires_at, tm_token_leeway))
	{
		case TOKEN_USE_FIRST:
			return NULL;
		case TOKEN_USE_REPEATED:
			return _("it has been used already");
		case TOKEN_USE_UNKNOWN:
			return _("it was issued before the server remembers which have been used");
		case TOKEN_USE_FULL:
			return _("no more than tenant_mgr.max_used_tokens can be remembered");
		case TOKEN_USE_NO_MEMORY:
			break;
	}
	return _("it is for a single use, which needs the library in shared_preload_libraries");
}

static void
log_refusal(const char *reason, const JwtToken *token,
			const JwtClaims *claims, uint64 left_out)
{
	StringInfoData detail;

	initStringInfo(&detail);
	append_name(&detail, _("key"), token->kid);
	append_name(&detail, _("tenant"), claims->tenant);
	append_name(&detail, _("role"), claims->role);
	append_name(&detail, _("id"), claims->jti);
	if (detail.len > 0)
	{
		char	   *names = detail.data;

		initStringInfo(&detail);
		appendStringInfo(&detail, _("The token has %s."), names);
	}
	if (left_out > 0)
		appendStringInfo(&detail, "%s%s", detail.len > 0 ? "  " : "",
						 tm_log_limit_detail(left_out));

	ereport(LOG_SERVER_ONLY,
			(errcode(ERRCODE_TENANT_TOKEN_REFUSED),
			 errmsg("token refused: %s", reason),
			 detail.len > 0 ? errdetail_internal("%s", detail.data) : 0,
			 errhidestmt(true),
			 errhidecontext(true)));
}

/* Refuse a token.  The claims are empty until they have been verified. */
static void
refuse(const char *reason, const JwtToken *token, const JwtClaims *claims)
{
	uint64		left_out;

	if (tm_log_limit_admits(LOG_LIMIT_TOKEN, &left_out))
		log_refusal(reason, token, claims, left_out);
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_TOKEN_REFUSED),
			 errmsg("token refused"),
			 errhidestmt(true),
			 errhidecontext(true)));
}

static void
append_name(StringInfo buf, const char *label, const char *name)
{
	if (name == NULL)
		return;
	appendStringInfo(buf, "%s%s \"%s\"", buf->len > 0 ? ", " : "", label,
					 tm_tenant_name_printable(name));
}
