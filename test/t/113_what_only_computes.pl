# 113_what_only_computes.pl: code of a tenant that seems to do nothing, or to be
# nobody's: functions that "only compute", actions of rules, and the expressions that
# tables and domains evaluate by themselves.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('only_computes', "shared_preload_libraries = 'tenant_mgr'\nautovacuum = off\n");
new_database($node, 'app');

# Both tenants are app's; the author has privileges on a only.
$node->safe_psql('app', q{
	CREATE ROLE app LOGIN; CREATE ROLE author LOGIN;
	SELECT tenant.create('a'), tenant.create('b');
	CREATE TABLE a.t (k int, v text); INSERT INTO a.t VALUES (1, 'a1');
	CREATE TABLE b.t (k int, v text); INSERT INTO b.t VALUES (1, 'B-SECRET');
	CREATE SEQUENCE a.s; CREATE SEQUENCE b.s; CREATE TABLE public.out (v text);
	CREATE FUNCTION public.run(text) RETURNS text LANGUAGE plpgsql AS $$
		DECLARE r text; BEGIN EXECUTE $1 INTO r; RETURN r; END$$;
	GRANT USAGE ON SCHEMA a, b TO app; GRANT USAGE, CREATE ON SCHEMA a TO author;
	GRANT ALL ON ALL TABLES IN SCHEMA a, b, public TO app;
	GRANT ALL ON ALL SEQUENCES IN SCHEMA a, b TO app; GRANT ALL ON a.t, public.out TO author});

my $sequence = $node->safe_psql('app', q{SELECT 'b.s'::regclass::oid});
my $has_xml = $node->safe_psql('app', q{SELECT setting LIKE '%--with-libxml%' FROM pg_config WHERE name = 'CONFIGURE'}) eq 't';

sub sqlstate_of
{
	my ($role, $sql) = @_;
	my ($status, $stdout, $stderr) =
	  $node->psql('app', "\\set VERBOSITY sqlstate\nSET client_min_messages = error;\n$sql",
		connstr => $node->connstr('app') . " user=$role", on_error_stop => 1);
	return $stderr =~ /ERROR:\s+(\w{5})/ ? $1 : $stdout;
}

sub author { my ($sql) = @_; my $result = sqlstate_of('author', $sql); die "$sql: $result" if $result =~ /^\w{5}$/; return; }

# Functions that SQL may inline: nothing in them is a function of a user's.
my $query = q{'select v from b.t'};
my $xml = q{table_to_xml(to_regclass('b.t'), false, false, '')::text};
my %functions = (
	'a field is a call' => "RETURNS bigint LANGUAGE sql AS 'SELECT ($sequence\:\:regclass).nextval'",
	'an operator is one' => "RETURNS bigint LANGUAGE sql AS 'SELECT OPERATOR(a.!!!) $sequence\:\:regclass'",
	'a field of a shared function' => "RETURNS text LANGUAGE sql AS \$\$SELECT ($query\:\:text).run\$\$",
	'an operator over ts_rewrite' => q{RETURNS tsquery LANGUAGE sql AS $$SELECT 'x'::tsquery OPERATOR(a.###) 'SELECT to_tsquery(''simple'', v), ''x''::tsquery FROM b.t'$$},
	'the result is a domain' => "RETURNS a.dom LANGUAGE sql AS \$\$SELECT $query\:\:text\$\$",
	'a column of the result is one' => "RETURNS TABLE (x a.dom) LANGUAGE sql AS \$\$SELECT $query\:\:text\$\$",
	'a field of a row is one' => q{RETURNS a.comp LANGUAGE sql AS $$SELECT json_populate_record(null::a.comp, '{"x":"select v from b.t"}')$$},
	'the same, parsed' => q{RETURNS a.comp LANGUAGE sql BEGIN ATOMIC SELECT json_populate_record(null::a.comp, '{"x":"select v from b.t"}'); END},
	'an array of one' => q{RETURNS text LANGUAGE sql AS $$SELECT '{"select v from b.t"}'::a._dom::text$$},
	'a function that reads a domain' => q{RETURNS bool LANGUAGE sql AS $$SELECT domain_in('select v from b.t', 'a.dom'::regtype::oid, -1) IS NULL$$},
	'one that reads an array' => q{RETURNS bool LANGUAGE sql AS $$SELECT array_in('{select v from b.t}', 'a.dom'::regtype::oid, -1) IS NULL$$},
	'one that reads a row, parsed' => q{RETURNS bool LANGUAGE sql BEGIN ATOMIC SELECT record_in('(select v from b.t)', 'a.comp'::regtype::oid, -1) IS NULL; END},
	($node->pg_version < 16 ? () : ('one that tries' => q{RETURNS bool LANGUAGE sql AS $$SELECT pg_input_is_valid('select v from b.t', 'a.dom')$$})),
	'a cast by which JSON is made' => q{RETURNS json LANGUAGE sql AS $$SELECT to_json('red'::a.color)$$},
	'the same in an array' => q{RETURNS json LANGUAGE sql AS $$SELECT json_build_object('k', ARRAY['red'::a.color])$$},
	'the same of an argument' => q{RETURNS json LANGUAGE sql AS $$SELECT to_json(($1).c)$$},
	'the same as jsonb, parsed' => q{RETURNS jsonb LANGUAGE sql BEGIN ATOMIC SELECT to_jsonb('red'::a.color); END},
	'a change within WITH' => q{RETURNS SETOF text LANGUAGE sql AS $$WITH x AS (UPDATE t SET v = v RETURNING v) SELECT v FROM x$$});
if ($has_xml)
{
	$functions{'a built-in function reads'} = "RETURNS text STABLE LANGUAGE sql AS \$\$SELECT $xml\$\$";
	$functions{'the same, of a schema'} = q{RETURNS text STABLE LANGUAGE sql AS $$SELECT schema_to_xml('b', false, false, '')::text$$};
	$functions{'and parsed'} = "RETURNS text STABLE LANGUAGE sql BEGIN ATOMIC SELECT $xml; END";
}
author(q{
	CREATE OPERATOR a.!!! (rightarg = regclass, function = pg_catalog.nextval);
	CREATE OPERATOR a.### (leftarg = tsquery, rightarg = text, function = pg_catalog.ts_rewrite);
	CREATE DOMAIN a.dom AS text CHECK (public.run(value) IS NOT NULL); CREATE TYPE a.comp AS (x a.dom);
	CREATE TYPE a.color AS ENUM ('red'); CREATE TYPE a.paint AS (c a.color)});
$node->safe_psql('app', q{
	CREATE FUNCTION public.of_color(a.color) RETURNS json LANGUAGE plpgsql AS $$BEGIN RETURN to_json(public.run('select v from b.t')); END$$;
	CREATE FUNCTION public.of_color2(a.color) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN RETURN to_jsonb(public.run('select v from b.t')); END$$});
author(q{
	CREATE CAST (a.color AS json) WITH FUNCTION public.of_color(a.color); CREATE CAST (a.color AS jsonb) WITH FUNCTION public.of_color2(a.color)});
foreach my $name (sort keys %functions)
{
	my ($parameters, $value) = $name =~ /argument/ ? ('a.paint', q{'(red)'}) : ('', '');
	author("SET check_function_bodies = off; CREATE FUNCTION a.f($parameters) $functions{$name}");
	my $way = $name eq 'a change within WITH' ? "SET search_path = b; " : '';
	is(sqlstate_of('app', "${way}SELECT a.f($value)"), 'TM003', "function: $name");
	author("DROP FUNCTION a.f($parameters)");
}

# Others are inlined as ever, also those with types of a tenant that compute.
author(q{
	CREATE TYPE a.mood AS ENUM ('sad', 'glad'); CREATE TYPE a.pair AS (x int, y a.mood[]);
	CREATE FUNCTION a.add(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 1';
	CREATE FUNCTION a.glad(a.mood) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$SELECT $1 = 'glad'::a.mood$$;
	CREATE FUNCTION a.x(a.pair) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT ($1).x';
	SET search_path = a;
	CREATE FUNCTION a.pairs() RETURNS SETOF a.pair STABLE LANGUAGE sql AS 'SELECT k, null::a.mood[] FROM t'});
unlike(sqlstate_of('app', "SET search_path = a; EXPLAIN (VERBOSE, COSTS OFF) SELECT $_"), qr/a\.\w+\(/, "inlined: $_")
  foreach 'a.add(k) FROM t', "a.glad(v::a.mood) FROM t", 'a.x((k, null)::a.pair) FROM t', 'x FROM a.pairs()';

# An answer that has been kept does not outlive the type that it was about.
author(q{CREATE TYPE a.later AS ENUM ('select v from b.t');
	CREATE FUNCTION a.g() RETURNS text LANGUAGE sql AS $$SELECT 'select v from b.t'::a.later::text$$});
my ($status, $stdout, $stderr) = $node->psql('app', q{SELECT a.g(); SET ROLE author; DROP TYPE a.later;
	CREATE DOMAIN a.later AS text CHECK (public.run(value) IS NOT NULL); RESET ROLE; SELECT a.g()});
like($stderr, qr/cannot access table b\.t/, 'an enum has become a domain');

# The action of a rule is its table's, also if it changes another one or none.
author('CREATE TABLE a.ruled (k int); CREATE TABLE a.loot (v text); GRANT ALL ON a.ruled, a.loot TO app');
foreach my $action (
	"INSERT INTO public.out SELECT public.run($query)",
	"UPDATE public.out SET v = public.run($query)",
	q{SELECT public.run('insert into a.loot select v from b.t returning v')},
	$has_xml ? "INSERT INTO public.out SELECT $xml" : ())
{
	author("CREATE RULE r AS ON INSERT TO a.ruled DO ALSO $action");
	is(sqlstate_of('app', q{INSERT INTO public.out VALUES ('x'); INSERT INTO a.ruled VALUES (1)}), 'TM003', "rule: $action");
	author('DROP RULE r ON a.ruled');
}
is(sqlstate_of('app', q{UPDATE a.t AS new SET v = old.v FROM b.t AS old; SELECT v FROM a.t}), 'B-SECRET', 'names that rules use are free');

# TRUNCATE is no plan, but has triggers, to which a shared function may belong.
$node->safe_psql('app', q{CREATE FUNCTION public.told() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN EXECUTE tg_argv[0]; RETURN NULL; END$$});
author(q{CREATE TABLE a.cut (k int); CREATE TABLE a.cut2 (k int); GRANT ALL ON a.cut, a.cut2 TO app;
	CREATE TRIGGER z BEFORE TRUNCATE ON a.cut2 EXECUTE FUNCTION public.told('INSERT INTO a.loot SELECT v FROM b.t')});
is(sqlstate_of('app', 'TRUNCATE a.cut, a.cut2'), 'TM003', 'a trigger of TRUNCATE');
is(sqlstate_of('app', 'TRUNCATE a.cut'), '', 'TRUNCATE alone');

# Sequences in what is evaluated without being planned: whoever writes there can
# use the sequence, and whoever has planted it cannot.
author("CREATE TABLE a.checked (k int, CHECK (setval($sequence\:\:regclass, 1000) > 0))");
author("CREATE FUNCTION a.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
	CREATE TABLE a.fired (k int); CREATE TRIGGER z BEFORE INSERT ON a.fired FOR EACH ROW
		WHEN (nextval($sequence\:\:regclass) > 0) EXECUTE FUNCTION a.nothing();
	CREATE TABLE a.emptied (k int); CREATE TRIGGER z BEFORE TRUNCATE ON a.emptied
		WHEN (nextval($sequence\:\:regclass) > 0) EXECUTE FUNCTION a.nothing();
	GRANT ALL ON a.checked, a.fired, a.emptied TO app");
$node->safe_psql('app', q{
	CREATE TABLE a.own (k int, CHECK (nextval('a.s') > 0)); GRANT ALL ON a.own TO app;
	CREATE TABLE public.log (k int) PARTITION BY LIST (k); GRANT ALL ON public.log TO app;
	CREATE TABLE public.log2 PARTITION OF public.log FOR VALUES IN (2)});
$node->safe_psql('app', "CREATE TABLE a.log PARTITION OF public.log (CHECK (nextval($sequence\:\:regclass) > 0)) FOR VALUES IN (1)");
foreach my $session ('', "SELECT tenant.switch('a'); ", "SELECT tenant.switch('a'); SELECT tenant.lock('k'); ")
{
	foreach my $statement (
		'INSERT INTO a.checked VALUES (1)', 'INSERT INTO a.fired SELECT 1', 'COPY a.checked FROM STDIN;',
		'WITH x AS (INSERT INTO a.checked VALUES (1) RETURNING k) SELECT k FROM x', 'TRUNCATE a.emptied',
		"INSERT INTO public.log VALUES (1)")
	{
		next if $statement =~ /log/ && $session eq '';
		is(sqlstate_of('app', "$session$statement"), 'TM003', "sequence: $session$statement");
	}
	unlike(sqlstate_of('app', "${session}INSERT INTO a.own VALUES (1)"), qr/TM003/, "an own one: $session");
}

# What was found without any is looked at again when a partition of it changes, at
# whatever depth, or comes, by whomever.
my $other = "\\! psql -X -q -d '" . $node->connstr('app') . "' -c";
my $condition = "BEFORE INSERT ON a.leaf FOR EACH ROW WHEN (nextval($sequence) > 0) EXECUTE FUNCTION a.nothing()";
$node->safe_psql('app', q{
	CREATE TABLE public.kept (k int) PARTITION BY LIST (k); GRANT ALL ON public.kept TO app;
	CREATE TABLE public.middle PARTITION OF public.kept FOR VALUES IN (1, 2) PARTITION BY LIST (k);
	CREATE TABLE a.leaf PARTITION OF public.middle FOR VALUES IN (1)});
foreach my $change ("CREATE TRIGGER z $condition", "CREATE TABLE a.leaf2 PARTITION OF public.middle (CHECK (nextval($sequence) > 0)) FOR VALUES IN (2)")
{
	is(sqlstate_of('app', "SELECT tenant.switch('a');\nINSERT INTO public.kept VALUES (1);\n"
		  . "$other \"CREATE TEMP TABLE nobody_else_s ()\"\nINSERT INTO public.kept VALUES (1);\n\\echo twice\n"
		  . "$other \"$change\"\nINSERT INTO public.kept VALUES (1);"), 'TM003', "meanwhile: $change");
	$node->safe_psql('app', 'DROP TRIGGER IF EXISTS z ON a.leaf');
}

# Domains are checked wherever a value comes to be one, so they are judged when made.
foreach my $definition (
	"CREATE DOMAIN a.d AS int CHECK (setval($sequence\:\:regclass, 1) > 0)",
	"CREATE DOMAIN a.d AS int CHECK (nextval($sequence + value) > 0)",
	"CREATE DOMAIN a.d AS int; ALTER DOMAIN a.d ADD CHECK (nextval($sequence) > 0)",
	"SET search_path = a; CREATE DOMAIN d AS int CHECK (($sequence\:\:regclass).nextval > 0)")
{
	is(sqlstate_of('author', "BEGIN; $definition"), 'TM003', "domain: $definition");
}
$node->safe_psql('app', q{CREATE DOMAIN public.d AS int CHECK (nextval('b.s') > 0); CREATE DOMAIN a.d AS int CHECK (nextval('a.s') > 0)});
is(sqlstate_of('app', q{SELECT tenant.switch('a'); SELECT 1::a.d}), "a\n1", 'a domain over an own sequence');
is(sqlstate_of('app', q{SELECT tenant.switch('a'); SELECT 1::public.d}), 'TM003', 'a shared domain, in a query');

is($node->safe_psql('app', 'SELECT is_called FROM b.s'), 'f', 'the sequence of b has not moved');
is($node->safe_psql('app', q{SELECT count(*) FROM a.loot}), 0, 'nothing of b has been read');

$node->stop;
done_testing();
