/*
 * setting.c
 *		Settings of the server, and lists in their values.
 *
 * The server loads a library anew whose start-up has failed, so a setting may
 * have been defined already.  It is ours if it has our variable.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/setting.h"

static struct config_generic *find_defined(const char *name,
										   enum config_type vartype);

void
tm_setting_define_bool(const char *name, const char *short_desc,
					   const char *long_desc, bool *variable,
					   bool boot_value, GucContext context, int flags,
					   GucBoolCheckHook check_hook,
					   GucBoolAssignHook assign_hook, GucShowHook show_hook)
{
	struct config_generic *record = find_defined(name, PGC_BOOL);

	if (record == NULL ||
		((struct config_bool *) record)->variable != variable)
		DefineCustomBoolVariable(name, short_desc, long_desc, variable,
								 boot_value, context, flags, check_hook,
								 assign_hook, show_hook);
}

void
tm_setting_define_int(const char *name, const char *short_desc,
					  const char *long_desc, int *variable, int boot_value,
					  int min_value, int max_value, GucContext context,
					  int flags, GucIntCheckHook check_hook,
					  GucIntAssignHook assign_hook, GucShowHook show_hook)
{
	struct config_generic *record = find_defined(name, PGC_INT);

	if (record == NULL ||
		((struct config_int *) record)->variable != variable)
		DefineCustomIntVariable(name, short_desc, long_desc, variable,
								boot_value, min_value, max_value, context,
								flags, check_hook, assign_hook, show_hook);
}

void
tm_setting_define_string(const char *name, const char *short_desc,
						 const char *long_desc, char **variable,
						 const char *boot_value, GucContext context,
						 int flags, GucStringCheckHook check_hook,
						 GucStringAssignHook assign_hook,
						 GucShowHook show_hook)
{
	struct config_generic *record = find_defined(name, PGC_STRING);

	if (record == NULL ||
		((struct config_string *) record)->variable != variable)
		DefineCustomStringVariable(name, short_desc, long_desc, variable,
								   boot_value, context, flags, check_hook,
								   assign_hook, show_hook);
}

void
tm_setting_define_enum(const char *name, const char *short_desc,
					   const char *long_desc, int *variable, int boot_value,
					   const struct config_enum_entry *options,
					   GucContext context, int flags,
					   GucEnumCheckHook check_hook,
					   GucEnumAssignHook assign_hook, GucShowHook show_hook)
{
	struct config_generic *record = find_defined(name, PGC_ENUM);

	if (record == NULL ||
		((struct config_enum *) record)->variable != variable)
	{
		/* A variable has to have its default before it is defined. */
		*variable = boot_value;
		DefineCustomEnumVariable(name, short_desc, long_desc, variable,
								 boot_value, options, context, flags,
								 check_hook, assign_hook, show_hook);
	}
}

struct config_generic *
tm_setting_record(const char *name)
{
	struct config_generic *record = tm_guc_find(name);

	if (record == NULL)
		elog(ERROR, "could not find setting \"%s\"", name);
	return record;
}

bool
tm_setting_returns_to_default(struct config_generic *record,
							  const char *newval)
{
	struct config_string *setting = (struct config_string *) record;
	GucStack   *stack = record->stack;

	if (!IsTransactionState() || InitializingParallelWorker ||
		newval != setting->reset_val || newval == *setting->variable)
		return false;

	/* What is restored lies on the setting's stack. */
	if (stack != NULL && (newval == stack->prior.val.stringval ||
						  (stack->state == GUC_SET_LOCAL &&
						   newval == stack->masked.val.stringval)))
		return false;
	return newval == NULL || *setting->variable == NULL ||
		strcmp(newval, *setting->variable) != 0;
}

void
tm_setting_discard(const char *newval, void *extra)
{
	tm_guc_free(unconstify(char *, newval));
	tm_guc_free(extra);
}

List *
tm_setting_split_names(const char *value)
{
	List	   *names;

	if (!SplitIdentifierString(pstrdup(value), ',', &names))
		elog(ERROR, "invalid list of names: %s", value);
	return names;
}

List *
tm_setting_split_words(const char *value)
{
	List	   *words;

	if (!SplitGUCList(pstrdup(value), ',', &words))
		elog(ERROR, "invalid list of words: %s", value);
	return words;
}

/* A setting of this type, unless it is only a value given to its name. */
static struct config_generic *
find_defined(const char *name, enum config_type vartype)
{
	struct config_generic *record = tm_guc_find(name);

	if (record == NULL || (record->flags & GUC_CUSTOM_PLACEHOLDER) != 0 ||
		record->vartype != vartype)
		return NULL;
	return record;
}
