/*
 * migrate_statement.c
 *		One statement of a migration is executed.
 *
 * It goes the way of every statement of a function: SPI has it parsed, analyzed,
 * planned and run, with the parameters that were recorded.  Names of types and
 * their values are read in the tenant, for types can be the tenant's own.
 *
 * What SPI does not do (transactions, copies from the client) cannot be part of
 * a migration.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "nodes/params.h"
#include "parser/parse_param.h"
#include "parser/parse_type.h"
#include "parser/parser.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "fleet/migrate_statement.h"

/* Types of $1 and so on, for the parser */
typedef struct ParameterTypes
{
	int			nparams;		/* number of them */
	Oid		   *types;			/* and themselves */
} ParameterTypes;

static bool defers_constraints(const char *text);
static ParamListInfo read_parameters(const MigrationStatement *statement,
									 ParameterTypes *types);
static void read_parameter(const MigrationStatement *statement, int i,
						   ParamExternData *param);
static void set_up_parser(ParseState *pstate, void *arg);
static void refuse(int result, const char *text);

RawStmt *
tm_migrate_parse(const char *text)
{
	List	   *statements = raw_parser(text, RAW_PARSE_DEFAULT);

	if (list_length(statements) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("a statement of a migration must be a single statement")));
	return linitial_node(RawStmt, statements);
}

void
tm_migrate_execute(const MigrationStatement *statement)
{
	SPIExecuteOptions options = {0};
	ParameterTypes types;
	int			result;

	if (defers_constraints(statement->text))
		return;
	SPI_connect();
	if (statement->nparams > 0)
		options.params = read_parameters(statement, &types);
	options.dest = None_Receiver;
	result = SPI_execute_extended(statement->text, &options);
	if (result < 0)
		refuse(result, statement->text);
	SPI_finish();
}

bool
tm_migrate_is_setting(const MigrationStatement *statement)
{
	const char *text = statement->text;

	/* Nothing else begins so. */
	if (pg_strncasecmp(text, "set", 3) != 0 &&
		pg_strncasecmp(text, "reset", 5) != 0)
		return false;
	return IsA(tm_migrate_parse(text)->stmt, VariableSetStmt);
}

/*
 * SET CONSTRAINTS ... DEFERRED would leave checks for later, which the server
 * does not permit in a security-restricted operation.  Without it they are made
 * at once.
 */
static bool
defers_constraints(const char *text)
{
	Node	   *stmt = tm_migrate_parse(text)->stmt;

	return IsA(stmt, ConstraintsSetStmt) &&
		castNode(ConstraintsSetStmt, stmt)->deferred;
}

static ParamListInfo
read_parameters(const MigrationStatement *statement, ParameterTypes *types)
{
	ParamListInfo params = makeParamList(statement->nparams);

	types->nparams = statement->nparams;
	types->types = palloc(sizeof(Oid) * statement->nparams);
	for (int i = 0; i < statement->nparams; i++)
	{
		read_parameter(statement, i, &params->params[i]);
		types->types[i] = params->params[i].ptype;
	}
	params->parserSetup = set_up_parser;
	params->parserSetupArg = types;
	return params;
}

static void
read_parameter(const MigrationStatement *statement, int i,
			   ParamExternData *param)
{
	Oid			input;
	Oid			io_param;
	int32		typmod;

	/* Parameters have no length, though "character" means one by itself. */
	tm_parse_type(statement->types[i], &param->ptype, &typmod);
	getTypeInputInfo(param->ptype, &input, &io_param);
	param->value = OidInputFunctionCall(input, statement->values[i], io_param,
										-1);
	param->isnull = statement->values[i] == NULL;
	param->pflags = PARAM_FLAG_CONST;
}

static void
set_up_parser(ParseState *pstate, void *arg)
{
	const ParameterTypes *types = arg;

	setup_parse_fixed_parameters(pstate, types->types, types->nparams);
}

/* Say what SPI has said by a number. */
static void
refuse(int result, const char *text)
{
	switch (result)
	{
		case SPI_ERROR_COPY:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot COPY to or from the client in a migration"),
					 errhint("Use INSERT.")));
			break;
		case SPI_ERROR_TRANSACTION:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
					 errmsg("cannot begin or end a transaction in a migration")));
			break;
		default:
			elog(ERROR, "SPI_execute_extended failed executing \"%s\": %s",
				 text, SPI_result_code_string(result));
	}
}
