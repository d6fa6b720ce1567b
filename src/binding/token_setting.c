/*
 * token_setting.c
 *		The settings of tokens.
 *
 * All of them protect the database from its users, so none is a user's to
 * choose: an administrator sets them for the server, for a database or for a
 * role.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/setting.h"
#include "binding/token_key.h"
#include "binding/token_setting.h"
#include "binding/used_token.h"
#include "binding/wall.h"

#define DEFAULT_LIFETIME	(24 * 60 * 60)
#define DEFAULT_USED_TOKENS	16384

/* the settings; written by the GUC machinery, those that are walls by wall.c */
int			tm_switch_requires = SWITCH_REQUIRES_USAGE;
char	   *tm_token_public_key = NULL;
char	   *tm_token_audience = NULL;
int			tm_token_leeway = 0;
int			tm_token_max_lifetime = DEFAULT_LIFETIME;
int			tm_token_enforce_expiry = true;
int			tm_token_single_use = TOKEN_SINGLE_USE_MARKED;
int			tm_max_used_tokens = DEFAULT_USED_TOKENS;

static const struct config_enum_entry switch_requires_options[] = {
	{"usage", SWITCH_REQUIRES_USAGE, false},
	{"token", SWITCH_REQUIRES_TOKEN, false},
	{NULL, 0, false}
};

static const struct config_enum_entry single_use_options[] = {
	{"marked", TOKEN_SINGLE_USE_MARKED, false},
	{"all", TOKEN_SINGLE_USE_ALL, false},
	{NULL, 0, false}
};

/* what the server takes for a truth value, too */
static const struct config_enum_entry expiry_options[] = {
	{"off", false, false},
	{"on", true, false},
	{"false", false, true},
	{"true", true, true},
	{"no", false, true},
	{"yes", true, true},
	{"0", false, true},
	{"1", true, true},
	{"f", false, true},
	{"t", true, true},
	{"n", false, true},
	{"y", true, true},
	{NULL, 0, false}
};

static void define_limits(void);

void
tm_token_setting_define(void)
{
	tm_wall_define(WALL_SWITCH_REQUIRES, "tenant_mgr.switch_requires",
				   "Sets what a role needs to switch to a tenant.",
				   "With \"token\", USAGE on the tenant's schema is not enough.",
				   &tm_switch_requires, SWITCH_REQUIRES_USAGE, switch_requires_options,
				   NULL);

	tm_setting_define_string("tenant_mgr.token_public_key",
							 "Sets the public keys that tokens are verified with.",
							 "A list of \"id=key\", or a single key, in base64url.",
							 &tm_token_public_key,
							 "",
							 PGC_SUSET,
							 GUC_LIST_INPUT,
							 tm_token_key_check,
							 tm_token_key_assign,
							 NULL);

	tm_setting_define_string("tenant_mgr.token_audience",
							 "Sets the audience that tokens have to be for.",
							 "If it is empty, tokens that are for an audience are refused.",
							 &tm_token_audience,
							 "",
							 PGC_SUSET,
							 0,
							 NULL,
							 NULL,
							 NULL);

	tm_wall_define(WALL_TOKEN_SINGLE_USE, "tenant_mgr.token_single_use",
				   "Sets which tokens can be used only once.",
				   NULL,
				   &tm_token_single_use, TOKEN_SINGLE_USE_MARKED, single_use_options,
				   NULL);

	define_limits();
}

static void
define_limits(void)
{
	tm_setting_define_int("tenant_mgr.token_leeway",
						  "Sets how much the clock of who issues tokens may differ from ours.",
						  NULL,
						  &tm_token_leeway,
						  0,
						  0, TM_MAX_TOKEN_LEEWAY,
						  PGC_SUSET,
						  GUC_UNIT_S,
						  NULL,
						  NULL,
						  NULL);

	tm_setting_define_int("tenant_mgr.token_max_lifetime",
						  "Sets the longest time from the issue of a token to its expiry.",
						  "Zero means that there is no limit.",
						  &tm_token_max_lifetime,
						  DEFAULT_LIFETIME,
						  0, INT_MAX,
						  PGC_SUSET,
						  GUC_UNIT_S,
						  NULL,
						  NULL,
						  NULL);

	tm_wall_define(WALL_TOKEN_EXPIRY, "tenant_mgr.token_enforce_expiry",
				   "Ends what a token allows when the token expires.",
				   "Off, it has to be valid only at the switch.",
				   &tm_token_enforce_expiry, true, expiry_options,
				   NULL);

	/*
	 * This one is about shared memory.  Where the library was not preloaded
	 * there is none, and it cannot be defined as what it is.
	 */
	tm_setting_define_int("tenant_mgr.max_used_tokens",
						  "Sets the maximum number of tokens for a single use that are remembered.",
						  "Until they have expired, and five minutes more.",
						  &tm_max_used_tokens,
						  DEFAULT_USED_TOKENS,
						  16, 10000000,
						  process_shared_preload_libraries_in_progress ?
						  PGC_POSTMASTER : PGC_SIGHUP,
						  0,
						  NULL,
						  NULL,
						  NULL);
}
