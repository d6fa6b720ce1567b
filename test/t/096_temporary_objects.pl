# 096_temporary_objects.pl: temporary tables, views, sequences, functions and types
# that a session makes while it is bound, or by code of a tenant, are that tenant's
# like what is in its schema; those that it makes while it is locked are gone with
# the lock; and those that it makes while it is not bound are anybody's, until a
# tenant changes one.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Protocol;
use TenantTest;

my $node = new_node('temporary', "shared_preload_libraries = 'tenant_mgr'\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	CREATE ROLE app LOGIN;
	CREATE ROLE denied LOGIN;
	ALTER ROLE denied SET tenant_mgr.unbound = deny;
	SELECT tenant.create(n) FROM unnest('{a,b,c}'::text[]) AS n;
	GRANT USAGE, CREATE ON SCHEMA a, b, c TO app, denied;
	GRANT CREATE ON SCHEMA public TO app;
	CREATE TABLE a.orders AS SELECT 'of a' AS v;
	CREATE TABLE b.orders AS SELECT 'of b' AS v;
	CREATE TABLE public.hosts AS SELECT 'shared' AS v;
	CREATE TABLE public.loot (v text);
	CREATE FUNCTION a.makes() RETURNS text LANGUAGE plpgsql AS $$ BEGIN CREATE TEMP TABLE by_a AS SELECT v FROM a.orders; RETURN 'made'; END $$;
	GRANT ALL ON ALL TABLES IN SCHEMA a, b, public TO app, denied;
});

sub client
{
	my $client = Protocol->new($node, 'app', $_[0] // 'app');
	$client->query('SET check_function_bodies = off');
	return $client;
}

# Every kind of object, made for a, and every way for b to use it
my @made = (
	'CREATE TEMP TABLE kept AS SELECT v FROM orders',
	'CREATE TEMP TABLE made_again (id serial PRIMARY KEY, v text DEFAULT \'of a\')',
	'CREATE TEMP VIEW seen AS SELECT v FROM kept',
	'CREATE TEMP SEQUENCE s',
	"CREATE TYPE pg_temp.mood AS ENUM ('happy')",
	'CREATE DOMAIN pg_temp.word AS text',
	q{CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql AS 'SELECT v FROM b.orders'},
	q{CREATE FUNCTION pg_temp.g() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT v FROM b.orders); END'},
	q{CREATE PROCEDURE pg_temp.p() LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.loot SELECT v FROM b.orders; END'},
	q{CREATE FUNCTION pg_temp.fired() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.loot VALUES (NEW.v); RETURN NEW; END'},
	q{CREATE FUNCTION pg_temp.indexed(text) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.loot SELECT v FROM b.orders; RETURN 1; END'},
	'CREATE TEMP TABLE made_partitioned (v text) PARTITION BY LIST (v)',
	'CREATE TEMP TABLE made_partition PARTITION OF made_partitioned FOR VALUES IN (\'of a\')',
	'SELECT v INTO TEMP made_into FROM orders',
	'DO $$ BEGIN CREATE TEMP TABLE made_in_do AS SELECT v FROM orders; END $$');
my @used = (
	'SELECT v FROM kept', 'TABLE pg_temp.kept', 'SELECT v FROM made_into', 'SELECT v FROM made_in_do', 'SELECT v FROM made_partitioned', 'SELECT v FROM made_partition',
	'INSERT INTO kept VALUES (1)', 'UPDATE kept SET v = 1', 'DELETE FROM kept', 'TRUNCATE kept', 'COPY kept TO STDOUT', 'COPY (TABLE kept) TO STDOUT', 'EXPLAIN ANALYZE TABLE kept',
	'INSERT INTO made_again (v) SELECT v FROM orders', 'SELECT v FROM seen', 'CREATE OR REPLACE TEMP VIEW seen AS SELECT v FROM orders', 'CREATE TEMP VIEW over AS SELECT v FROM kept',
	"SELECT nextval('s')", "SELECT nextval('pg_temp.s')", "SELECT setval('s', 99)", 'SELECT last_value FROM s', "SELECT 'happy'::pg_temp.mood", "SELECT NULL::pg_temp.mood", "SELECT 'x'::pg_temp.word",
	'CREATE TEMP TABLE z (m pg_temp.mood)', 'SELECT pg_temp.f()', 'SELECT pg_temp.g()', 'CALL pg_temp.p()', q{SELECT pg_temp.indexed('x')},
	q{CREATE OR REPLACE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql AS 'SELECT v FROM a.orders'}, 'CREATE TRIGGER t BEFORE INSERT ON kept FOR EACH ROW EXECUTE FUNCTION pg_temp.fired()',
	'CREATE TEMP TABLE y (v text); CREATE TRIGGER t BEFORE INSERT ON y FOR EACH ROW EXECUTE FUNCTION pg_temp.fired()', 'CREATE INDEX ON kept (v)', 'ANALYZE kept',
	'ALTER TABLE kept ADD w text', 'CREATE TEMP TABLE x () INHERITS (kept)', 'CREATE TEMP TABLE x (LIKE kept)', 'LOCK TABLE kept', 'COMMENT ON TABLE kept IS NULL',
	q{SELECT query_to_xml('TABLE kept', true, false, '')}, q{DO $$ DECLARE x text; BEGIN SELECT v INTO STRICT x FROM kept; END $$});

foreach my $role ('app', 'postgres')
{
	my $client = client($role);
	$client->query("SELECT tenant.switch('a')");
	is($client->query($_), '', "$role, for a: $_") foreach @made;
	is($client->query(q{INSERT INTO made_again (v) SELECT v FROM kept; SELECT nextval('s')}), '1', 'a uses it');
	my $toast = $client->query(q{SELECT reltoastrelid::regclass FROM pg_class WHERE relname = 'made_again' AND pg_my_temp_schema() = relnamespace});
	$client->query("SELECT tenant.switch('b')");
	foreach my $sql (@used, "TABLE $toast")
	{
		$client->query('BEGIN');
		my $answer = $client->query($sql);
		like($answer, $toast && $sql eq "TABLE $toast" && $role eq 'app' ? qr/^(TM003|42501)$/ : qr/^TM003$/, "$role, for b: $sql");
		$client->query('ROLLBACK');
	}
	is($client->query('ANALYZE'), '', 'ANALYZE of all goes on without those of a');
	is($client->query("SELECT tenant.switch('a'); SELECT v FROM kept; SELECT v FROM seen"), 'a of a of a', 'for a again they are there') || diag($client->query('SELECT 1'));
	is($client->query("SELECT tenant.reset(); SELECT v FROM kept"), ' of a', 'not bound, they are within reach like any table of a');
	like($client->query("SELECT pg_temp.g()"), qr/^TM003$/, '... but code is judged as code of a');
	is($client->query("BEGIN; SELECT tenant.switch_local('b'); SELECT v FROM orders; COMMIT"), 'b of b', 'b has its own');
	# Many make tables anew for each request.
	is($client->query("SELECT tenant.switch('b'); DROP TABLE IF EXISTS kept CASCADE; CREATE TEMP TABLE kept AS SELECT v FROM orders; SELECT v FROM kept"), 'b of b', 'b may drop a table of a, and make its own');
	is($client->query('DROP VIEW IF EXISTS seen; DROP SEQUENCE s; DROP FUNCTION pg_temp.f(); DROP TYPE pg_temp.mood CASCADE; DROP TABLE made_partitioned'), '', '... and other objects');
	is($client->query("SELECT tenant.switch('a'); SELECT v FROM kept"), 'a TM003', 'which is not for a');
	is($client->query("DISCARD TEMP; SELECT tenant.reset(); SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()"), ' 0', 'all of it goes by DISCARD TEMP');
	$client->leave;
}
is($node->safe_psql('app', 'SELECT count(*) FROM public.loot'), '0', 'no code of a has run for b');

# Code of a tenant, whoever runs it
my $client = client();
is($client->query('SELECT a.makes(); SELECT v FROM by_a'), 'made of a', 'not bound: a function of a makes a table');
is($client->query("SELECT tenant.switch('b'); SELECT v FROM by_a"), 'b TM003', '... which is of a');
$client->leave;

# What was there before the session was bound
$client = client();
is($client->query(q{CREATE TEMP TABLE mine (v text); CREATE TEMP SEQUENCE s; CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql AS 'SELECT v FROM orders'}), '', 'made while not bound');
foreach my $t ('a', 'b')
{
	is($client->query("SELECT tenant.switch('$t'); INSERT INTO mine SELECT v FROM orders; SELECT count(*) FROM mine; SELECT pg_temp.f(); SELECT nextval('s') > 0"), ($t eq 'a' ? 'a 1' : 'b 2') . " of $t t", "$t uses it");
}
is($client->query("SELECT tenant.switch('a'); SELECT v FROM mine ORDER BY v"), 'a of a of b', 'it is shared') ;
is($client->query(q{BEGIN; CREATE INDEX ON mine (v); ALTER TABLE mine ADD w text; ROLLBACK; SELECT tenant.switch('b'); SELECT count(*) FROM mine}), 'b 2', 'what is undone changes nothing');
is($client->query(q{SELECT tenant.switch('a'); BEGIN; SAVEPOINT s1; ALTER TABLE mine ADD w text; ROLLBACK TO s1; COMMIT; SELECT tenant.switch('b'); SELECT count(*) FROM mine}), 'a b 2', '... nor by a savepoint');
is($client->query(q{SELECT tenant.switch('a'); CREATE RULE r AS ON INSERT TO mine DO ALSO INSERT INTO public.loot VALUES (NEW.v)}), 'a', 'a changes it');
is($client->query(q{CREATE OR REPLACE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql AS 'INSERT INTO public.loot SELECT v FROM orders RETURNING v'}), '', '... and a function');
is($client->query("SELECT tenant.switch('b')"), 'b', 'b');
is($client->query('INSERT INTO mine SELECT v FROM orders'), 'TM003', '... does not run what a has made of a table');
is($client->query('SELECT pg_temp.f()'), 'TM003', '... nor of a function');
$client->leave;
is($node->safe_psql('app', 'SELECT count(*) FROM public.loot'), '0', '... and nothing of b has gone astray');

# A lock
sub locked_by_a
{
	my ($sql) = @_;
	my $client = client();
	is($client->query('CREATE TEMP TABLE mine (v text)'), '', 'of nobody');
	is($client->query(q{SELECT tenant.switch('a'); CREATE TEMP TABLE before AS SELECT v FROM orders; SELECT tenant.lock('k')}), 'a ', 'locked');
	is($client->query($_), '', "locked: $_") foreach @made, 'CREATE TEMP TABLE hosts AS SELECT \'planted\' AS v', 'CREATE INDEX later ON mine (v)';
	is($client->query('SELECT v FROM hosts'), 'shared', 'shared tables come first');
	return $client;
}
my $left = q{SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = pg_my_temp_schema()};
$client = locked_by_a();
is($client->query("SELECT tenant.unlock('k'); $left"), ' before mine', 'unlocked: what was made under the lock is gone');
is($client->query('SELECT count(*) FROM pg_proc WHERE pronamespace = pg_my_temp_schema()'), '0', '... functions, too');
is($client->query(q{SELECT count(*) FROM pg_type WHERE typnamespace = pg_my_temp_schema() AND typtype <> 'c' AND typelem = 0}), '0', '... and types');
is($client->query('SELECT v FROM before; SELECT tenant.reset(); SELECT v FROM hosts'), 'of a  shared', 'the next client finds what all share');
is($client->query(q{SELECT tenant.switch('a'); SELECT tenant.lock('k'); CREATE TEMP TABLE hosts AS SELECT 'planted' AS v; SELECT tenant.unlock('k')}), 'a  ', 'locked again');
is($client->query($left), 'before mine', '... and unlocked');
$client->leave;

$client = locked_by_a();
is($client->query("BEGIN; SELECT tenant.unlock('k'); $left; ROLLBACK") . ' ' . $client->query($left), ' before mine before mine', 'also if the transaction is rolled back that unlocked');
is($client->query('SELECT tenant.reset(); SELECT v FROM hosts'), ' shared', '... for the next client');
$client->leave;
$client = locked_by_a();
is($client->query("BEGIN; SAVEPOINT s1; SELECT tenant.unlock('k'); ROLLBACK TO s1; COMMIT; $left"), ' before mine', '... or to a savepoint');
$client->leave;
$client = locked_by_a();
is($client->query("DECLARE c CURSOR WITH HOLD FOR SELECT v FROM kept; BEGIN; DECLARE d CURSOR FOR SELECT v FROM kept; FETCH d; SELECT tenant.unlock('k'); COMMIT; $left"), 'of a  before mine', 'open cursors end with them');
is($client->query("SELECT tenant.switch('a'); SELECT tenant.lock('k'); CREATE TEMP TABLE kept (v text); BEGIN; CREATE TEMP TABLE gone (v text) ON COMMIT DROP; SELECT tenant.unlock('k'); COMMIT; $left"), 'a   before mine', 'tables that would be dropped anyway');
is($client->query("SELECT tenant.lock('k'); CREATE TEMP TABLE kept (v text); INSERT INTO kept VALUES (1); SELECT tenant.unlock('k') FROM kept"), ' 55006', 'not in a statement that reads one');
is($client->query("SELECT tenant.is_locked(); SELECT tenant.unlock('k'); $left"), 't  before mine', '... but then');
$client->leave;

# A tenant that is no more, and many tables in a session's life
$client = client('postgres');
is($client->query("SELECT tenant.switch('c'); CREATE TEMP TABLE of_c AS SELECT 1 AS v; SELECT tenant.reset()"), 'c ', 'for c');
$node->safe_psql('app', "SELECT tenant.drop('c', purge => true)");
like($client->query("SELECT tenant.switch('b'); SELECT v FROM of_c"), qr/(3F000|TM003)$/, 'c is gone, and what was made for it is not for b');
is($client->query("DISCARD TEMP; SELECT tenant.switch('b')"), 'b', '... but for DISCARD TEMP');
is($client->query(q{DO $$ BEGIN FOR i IN 1 .. 500 LOOP EXECUTE format('CREATE TEMP TABLE many_%s (v text)', i); EXECUTE format('DROP TABLE many_%s', i); COMMIT; END LOOP; CREATE TEMP TABLE many_501 (v text); END $$}), '', 'many tables');
like($client->query("SELECT sum(total_bytes) < 65536 FROM pg_backend_memory_contexts WHERE name = 'tenant_mgr temporary objects'"), qr/^t$/, '... are forgotten');
is($client->query("SELECT tenant.switch('a'); TABLE many_501"), 'a TM003', '... but for those that are there') ;
$client->leave;

# A session that may use nothing of tenants unless it is bound
$client = client('denied');
is($client->query("SELECT tenant.switch('a'); CREATE TEMP TABLE kept AS SELECT v FROM orders; SELECT tenant.reset(); SELECT v FROM kept"), 'a  TM002', 'with unbound = deny it is as for any table');
$client->leave;

$node->stop;
done_testing();
