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
#include "miscadmin.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/setting.h"

/* How the server takes a list of some kind apart */
typedef bool (*SplitFunction) (char *rawstring, char separator,
							   List **elements);

static bool check_list(const char *value, SplitFunction split);
static struct config_generic *find_defined(const char *name,
										   enum config_type vartype);

void
tm_setting_define_bool(const BoolSetting *setting)
{
	struct config_generic *record = find_defined(setting->name, PGC_BOOL);

	if (record != NULL &&
		((struct config_bool *) record)->variable == setting->variable)
		return;
	DefineCustomBoolVariable(setting->name, setting->short_desc,
							 setting->long_desc, setting->variable,
							 setting->boot_value, setting->context,
							 setting->flags,
							 setting->check_hook, setting->assign_hook,
							 setting->show_hook);
}

void
tm_setting_define_int(const IntSetting *setting)
{
	struct config_generic *record = find_defined(setting->name, PGC_INT);
	GucContext	context = setting->context;

	if (record != NULL &&
		((struct config_int *) record)->variable == setting->variable)
		return;
	if (context == PGC_POSTMASTER &&
		!process_shared_preload_libraries_in_progress)
		context = PGC_SIGHUP;
	DefineCustomIntVariable(setting->name, setting->short_desc,
							setting->long_desc, setting->variable,
							setting->boot_value, setting->min_value,
							setting->max_value, context, setting->flags,
							setting->check_hook, setting->assign_hook,
							setting->show_hook);
}

void
tm_setting_define_string(const StringSetting *setting)
{
	struct config_generic *record = find_defined(setting->name, PGC_STRING);

	if (record != NULL &&
		((struct config_string *) record)->variable == setting->variable)
		return;
	DefineCustomStringVariable(setting->name, setting->short_desc,
							   setting->long_desc, setting->variable,
							   setting->boot_value, setting->context,
							   setting->flags,
							   setting->check_hook, setting->assign_hook,
							   setting->show_hook);
}

void
tm_setting_define_enum(const EnumSetting *setting)
{
	struct config_generic *record = find_defined(setting->name, PGC_ENUM);

	if (record != NULL &&
		((struct config_enum *) record)->variable == setting->variable)
		return;
	/* A variable has to have its default before it is defined. */
	*setting->variable = setting->boot_value;
	DefineCustomEnumVariable(setting->name, setting->short_desc,
							 setting->long_desc, setting->variable,
							 setting->boot_value, setting->options,
							 setting->context, setting->flags,
							 setting->check_hook, setting->assign_hook,
							 setting->show_hook);
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

bool
tm_setting_check_names(char **newval, void **extra, GucSource source)
{
	return check_list(*newval, SplitIdentifierString);
}

bool
tm_setting_check_words(char **newval, void **extra, GucSource source)
{
	return check_list(*newval, SplitGUCList);
}

static bool
check_list(const char *value, SplitFunction split)
{
	char	   *copy = pstrdup(value);
	List	   *elements;
	bool		valid = split(copy, ',', &elements);

	if (!valid)
		GUC_check_errdetail("List syntax is invalid.");
	else
		list_free(elements);
	pfree(copy);
	return valid;
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
