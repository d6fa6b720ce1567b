# 135_all_tenants.pl: one statement for all tenants, one query over all of them, one
# view of all of them: with whose rights, who may, what an error does, in which
# memory, with and without workers.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('fleet', "shared_preload_libraries = 'tenant_mgr'\nmax_worker_processes = 12\n");
new_database($node, 'app');

sub sql { return $node->safe_psql('app', @_) }
sub session { return answers_to($node, 'app', @_) }

# All that a superuser gets told
sub told
{
	my ($sql) = @_;
	my ($out, $err) = ('', '');
	$node->psql('app', $sql, stdout => \$out, stderr => \$err, on_error_stop => 0);
	return $err;
}

my $superuser = sql('SELECT current_user');
my $tenants = 30;
sql(qq{
	CREATE ROLE own_a;
	CREATE ROLE own_b;
	CREATE ROLE web LOGIN;
	CREATE ROLE report LOGIN;
	CREATE ROLE team LOGIN IN ROLE own_a, own_b;
	SELECT tenant.create('template_app', owner => 'own_a');
	SELECT tenant.set_template('template_app', true);
	SELECT count(tenant.create(format('t%s', i), owner => CASE WHEN i % 2 = 0 THEN 'own_a' ELSE 'own_b' END)) FROM generate_series(1, $tenants) i;
	GRANT EXECUTE ON FUNCTION tenant.exec, tenant.query TO report, team, web});

# exec
is(sql(q{SELECT count(*), sum(rows), count(sqlstate), count(error) FROM tenant.exec($$
	CREATE TYPE state AS ENUM ('new', 'paid');
	CREATE TABLE orders (id int PRIMARY KEY, state state, note text);
	INSERT INTO orders SELECT g, CASE WHEN g < 3 THEN 'new'::state END, current_user FROM generate_series(1, 3) g$$)}),
	($tenants + 0) . '|' . (3 * $tenants) . '|0|0', 'a statement for all tenants, and what it has done');
is(sql(q{SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ' ') FROM pg_class WHERE relname = 'orders'}), 'own_a own_b', 'as the owner of each');
is(sql(q{SELECT to_regclass('template_app.orders') IS NULL}), 't', 'templates are left alone');
is(sql(q{SELECT * FROM tenant.exec('UPDATE orders SET note = tenant.current() WHERE id < 3', '{t2,t1,t2}')}), "t1|2||\nt2|2||", 'named ones, once each, bound to them');
is(sql(q{SELECT tenant, rows, sqlstate, error FROM tenant.exec('INSERT INTO orders VALUES (CASE WHEN tenant.current() = $$t2$$ THEN 1 ELSE 4 END)', '{t1,t2,t3}')}),
	qq(t1|1||\nt2||23505|duplicate key value violates unique constraint "orders_pkey"\nt3|1||), 'an error is that tenant\'s alone');
is(sql(q{SELECT count(*) FROM t1.orders}), '4', 'and the others have what they have got');
is(session($superuser, q{BEGIN; SELECT count(*) FROM tenant.exec('DELETE FROM orders'); ROLLBACK; SELECT count(*) FROM t5.orders}), "$tenants 3", 'all of it is a part of the transaction');
is(session($superuser, "SELECT sqlstate FROM tenant.exec('$_', '{t1}')"), '0A000', "not $_") for 'COPY orders TO STDOUT', 'COMMIT';
is(session($superuser, q{SELECT sqlstate FROM tenant.exec('SET ROLE postgres', '{t1}')}), '42501', 'nor another role');
is(session($superuser, q{SELECT rows FROM tenant.exec('SET work_mem = $$77MB$$', '{t1}'); SELECT current_setting('work_mem'), tenant.current() IS NULL, current_user, current_setting('search_path')}),
	qq(0 4MB|t|$superuser|"\$user", public), 'nothing is left of settings');
is(session($superuser, q{SELECT 1 FROM tenant.exec(NULL)}), '22004', 'a null is no statement');
is(session($superuser, q{SELECT 1 FROM tenant.exec('SELECT 1', '{nobody}')}), '3F000', 'a tenant that there is not');
is(session($superuser, q{SELECT 1 FROM tenant.exec('SELECT 1', '{NULL}')}), '22004', 'nor is a null a tenant');
is(session($superuser, q{SELECT tenant.suspend('t4'); SELECT rows FROM tenant.exec('UPDATE orders SET note = note', '{t4}'); SELECT tenant.resume('t4')}), '3', 'a suspended tenant is one, too');

# query
is(sql(q{SELECT count(*), sum(id), min(tenant), count(DISTINCT tenant) FROM tenant.query('SELECT id, state FROM orders') AS (tenant text, id int, state text)}),
	'92|188|t1|30', 'the rows of all of them, types of their own as texts');
is(sql(q{SELECT * FROM tenant.query('SELECT tenant.current(), current_user::text', '{t1,t2}') AS (tenant text, current text, who text)}), "t1|t1|own_b\nt2|t2|own_a", 'each bound to its tenant, as its owner');
like(told(q{SELECT * FROM tenant.query('SELECT 10 / (id - 2) FROM orders', '{t1,t2}') AS (tenant text, n int)}),
	qr/WARNING:  query has failed for 2 of 2 tenants\nDETAIL:  The first is tenant "t1": division by zero\nHINT/, 'errors are told');
is(session($superuser, q{SELECT count(*) FROM tenant.query('SELECT 10 / (id - 4) FROM orders') AS (tenant text, n int); SELECT * FROM tenant.query_error ORDER BY 1}),
	'84 t1|22012|division by zero t3|22012|division by zero', 'and are in a view; of a tenant with an error there is no row');
is(session($superuser, q{SELECT count(*) FROM tenant.query('SELECT 1/0') AS (tenant text, n int); SET ROLE report; SELECT count(*) FROM tenant.query_error; RESET ROLE; SELECT tenant.switch('t1'); SELECT count(*) FROM tenant.query_error; SELECT tenant.reset(); SELECT count(*) FROM tenant.query_error}),
	'0 0 t1 0 30', 'which shows them to who has asked');
is(session($superuser, q{SELECT * FROM tenant.query('SELECT id FROM orders', '{t1}') AS (tenant text, n bigint); SELECT sqlstate, error FROM tenant.query_error}),
	'42804|query returns type integer for column "n" and bigint is expected', 'types are checked');
is(session($superuser, q{SELECT * FROM tenant.query('SELECT 1, 2', '{t1}') AS (tenant text, n int); SELECT sqlstate FROM tenant.query_error}), '42804', 'and how many there are');
is(session($superuser, "SELECT * FROM tenant.query('$_') AS (tenant text, n int)"), $_ eq 'SELEC 1' ? '42601' : '0A000', "no query: $_")
  for 'SELECT 1; SELECT 2', '', 'SELEC 1', 'DELETE FROM orders', 'WITH x AS (DELETE FROM orders RETURNING id) SELECT id FROM x', 'CREATE TABLE x ()', 'SELECT 1 INTO y';
is(session($superuser, q{SELECT * FROM tenant.query('SELECT 1') AS (tenant int, n int)}), '42804', 'the tenant comes first');
sql(q{SELECT tenant.exec($$CREATE FUNCTION sneak() RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO orders VALUES (99); RETURN 1; END'$$, '{t6}')});
is(session($superuser, q{SELECT * FROM tenant.query('SELECT sneak()', '{t6}') AS (tenant text, n int); SELECT count(*) FROM t6.orders WHERE id = 99}), 't6|1 0', 'what a function has written is undone');
is(session($superuser, q{BEGIN; SELECT count(*) FROM tenant.query('SELECT id FROM orders') AS (tenant text, n int); SELECT count(*) < 10 FROM pg_locks WHERE pid = pg_backend_pid()}), '92 t', 'no locks are left');
sql(q{SELECT tenant.exec($$CREATE TABLE big (b text); ALTER TABLE big ALTER b SET STORAGE EXTERNAL; INSERT INTO big SELECT repeat(md5(i::text), 1000) FROM generate_series(1, 30) i$$, '{t1,t2}')});
is(sql(q{SELECT count(*), sum(length(b)), count(DISTINCT md5(b)) FROM tenant.query('SELECT b FROM big', '{t1,t2}') AS (tenant text, b text)}), '60|1920000|30', 'values that are out of line');

# Whose rights
sql(q{
	SELECT tenant.exec($$
		CREATE FUNCTION evil() RETURNS int LANGUAGE plpgsql AS 'BEGIN EXECUTE ''ALTER ROLE own_a SUPERUSER''; RETURN 1; END';
		CREATE VIEW v AS SELECT evil() AS id;
		CREATE FUNCTION evil_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM evil(); RETURN NEW; END';
		CREATE TABLE trap (i int);
		CREATE TRIGGER trap BEFORE INSERT ON trap FOR EACH ROW EXECUTE FUNCTION evil_trigger();
		CREATE TABLE late (i int);
		CREATE CONSTRAINT TRIGGER late AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION evil_trigger()$$, '{t2}')});
is(session($superuser, "SELECT sqlstate FROM tenant.exec('$_', '{t2}')"), '42501', "a superuser's rights are not lent: $_")
  for 'INSERT INTO trap VALUES (1)', 'INSERT INTO late VALUES (1)', 'SELECT * FROM v', 'SELECT count(*) FROM t1.orders';
is(session($superuser, q{SELECT * FROM tenant.query('SELECT id FROM v', '{t2}') AS (tenant text, n int); SELECT sqlstate FROM tenant.query_error}), '42501', 'nor for a query');
is(sql(q{SELECT rolsuper FROM pg_roles WHERE rolname = 'own_a'}), 'f', 'nobody has gained anything');
is(session('web', q{SELECT count(*) FROM tenant.query('SELECT 1') AS (tenant text, n int)}), '42501', 'who may not use all of them does not ask all of them');
sql(q{GRANT USAGE ON SCHEMA t1, t2 TO web, report; GRANT SELECT ON t1.orders TO report});
is(session('report', q{SELECT count(*) FROM tenant.query('SELECT id FROM orders') AS (tenant text, n int)}), '42501', 'as long as there is one of them');
is(session('report', q{SELECT tenant, count(*) FROM tenant.query('SELECT id FROM orders', '{t1,t2}') AS (tenant text, n int) GROUP BY 1; SELECT * FROM tenant.query_error}),
	't1|4 t2|42501|permission denied for table orders', 'a reader reads with its own rights');
is(session('report', q{SELECT tenant, rows, sqlstate FROM tenant.exec('DELETE FROM orders', '{t1,t2}')}), 't1||42501 t2||42501', 'and writes nothing');
is(session('team', q{SELECT * FROM tenant.query('SELECT current_user::text', '{t1,t2}') AS (tenant text, who text)}), 't1|own_b t2|own_a', 'a member of the owners works as the owner');
is(session('team', q{SELECT tenant, sqlstate FROM tenant.exec('SELECT count(*) FROM t1.orders', '{t2}')}), 't2|42501', 'who may not use another\'s');
sql(q{GRANT USAGE ON SCHEMA t1 TO own_a; GRANT SELECT ON t1.orders TO own_a});
is(session($superuser, q{SET tenant_mgr.guard = 'enforce'; SELECT sqlstate FROM tenant.exec('SELECT count(*) FROM t1.orders', '{t2}')}), 'TM003', 'and if it may, is judged as the tenant');
is(session($superuser, q{SELECT tenant.switch('t1'); SELECT 1 FROM tenant.exec('SELECT 1'); SELECT * FROM tenant.query('SELECT 1') AS (tenant text, n int); SELECT tenant.union_view('orders')}), 't1 55000 55000 55000', 'not in a bound session');
is(session($superuser, q{SELECT tenant.switch('t1'); SELECT tenant.lock('k'); SELECT 1 FROM tenant.exec('SELECT 1'); SELECT * FROM tenant.query('SELECT 1') AS (tenant text, n int); SELECT tenant.union_view('orders')}), 't1 TM004 TM004 TM004', 'nor in a locked one');
sql(q{ALTER ROLE team SET tenant_mgr.switch_requires = 'token'});
is(session('team', q{SELECT * FROM tenant.query('SELECT 1', '{t1}') AS (tenant text, n int)}), 'TM005', 'nor where a token is required');
sql(q{ALTER ROLE team RESET tenant_mgr.switch_requires; CREATE ROLE only_one LOGIN IN ROLE own_a; GRANT EXECUTE ON FUNCTION tenant.query TO only_one; SELECT tenant.assign_role('t2', 'only_one')});
is(session('only_one', q{SELECT * FROM tenant.query('SELECT 1', '{t2}') AS (tenant text, n int)}), 'TM004', 'nor for a role that works for one tenant');
sql(q{CREATE FUNCTION t2.ask() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM tenant.query('SELECT 1') AS (tenant text, n int) $$});
is(session($superuser, q{SET tenant_mgr.guard = 'enforce'; SELECT t2.ask()}), 'TM003', 'nor from code of a tenant');

# Deferred foreign keys, as Django has them
sql(q{SELECT tenant.exec($$CREATE TABLE p (i int PRIMARY KEY); CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED)$$, '{t8}')});
is(sql(q{SELECT sqlstate IS NULL, error FROM tenant.exec($$INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)$$, '{t8}')}), 't|', 'constraints that are deferred');
is(session($superuser, q{SELECT sqlstate FROM tenant.exec('INSERT INTO c VALUES (1); INSERT INTO c VALUES (5)', '{t8}')}), '23503', 'are checked at once');

# Workers
is(sql(q{SELECT count(*), sum(rows) FROM tenant.exec('UPDATE orders SET note = pg_backend_pid()::text FROM pg_sleep(0.05)', NULL, 3)}), "30|92", 'a statement by workers');
cmp_ok(sql(qq{SELECT count(DISTINCT note) FROM (@{[join ' UNION ALL ', map { "SELECT note FROM t$_.orders" } 1 .. $tenants]}) o}), '>', 1, 'by more than one');
is(session($superuser, q{BEGIN; SELECT count(*) FROM tenant.exec('DELETE FROM orders WHERE id = 3', NULL, 2); ROLLBACK; SELECT count(*) FROM t5.orders}), "$tenants 2", 'each tenant in a transaction of its own');
is(session($superuser, q{SELECT count(*), sum(id) FROM tenant.query('SELECT id FROM orders', NULL, 4) AS (tenant text, id int)}), '62|98', 'a query by workers');
is(session($superuser, q{SELECT count(*) FROM tenant.query('SELECT 10 / (id - 4) FROM orders', NULL, 4) AS (tenant text, n int); SELECT * FROM tenant.query_error ORDER BY 1}),
	'56 t1|22012|division by zero t3|22012|division by zero', 'its errors');
is(sql(q{SELECT count(*), sum(length(b)) FROM tenant.query('SELECT b FROM big', '{t1,t2}', 2) AS (tenant text, b text)}), '60|1920000', 'and large values');
is(session('team', q{SELECT DISTINCT who FROM tenant.query('SELECT current_user::text', NULL, 2) AS (tenant text, who text) ORDER BY 1}), 'own_a own_b', 'as the owners, for who may');
is(session($superuser, q{SET ROLE team; SELECT sqlstate FROM tenant.exec('SELECT count(*) FROM template_app.orders', '{t1,t3}', 2)}), '42501 42501', 'with the rights that the caller has at the moment');
is(session($superuser, q{BEGIN; CREATE TABLE x (); SELECT count(*) FROM tenant.exec('SELECT 1', NULL, 2)}), '25001', 'not in a transaction that they might wait for');
is(session($superuser, q{SELECT 1 FROM tenant.exec('SELECT 1', NULL, 0)}), '22023', 'no number of jobs');
{
	my $session = $node->background_psql('app', on_error_stop => 0);
	$session->query(q{SET statement_timeout = '1s'});
	$session->query(q{SELECT count(*) FROM tenant.exec('SELECT pg_sleep(600)', NULL, 2)});
	like($session->{stderr}, qr/canceling statement due to statement timeout/, 'workers can be cancelled');
	ok($node->poll_query_until('app', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'tenant_mgr fleet'}), 'and go');
	is($session->query('SELECT 1'), '1', 'the session goes on');
	$session->quit;
}
{
	my $session = $node->background_psql('app', on_error_stop => 0);
	$session->query_until(qr/started/, "\\echo started\nSELECT count(*) FROM tenant.exec('SELECT pg_sleep(600)', NULL, 2);\n");
	ok($node->poll_query_until('app', q{SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type = 'tenant_mgr fleet' AND wait_event = 'PgSleep'}), 'workers are at work');
	sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND backend_type = 'client backend' AND pid <> pg_backend_pid()});
	ok($node->poll_query_until('app', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'tenant_mgr fleet'}), 'they go with the session that waits for them');
	eval { $session->quit };
}
{
	my $session = $node->background_psql('app', on_error_stop => 0);
	$session->query_until(qr/started/, "\\set VERBOSITY sqlstate\n\\echo started\nSELECT count(*) FROM tenant.exec('SELECT pg_sleep(600)', NULL, 2);\n");
	ok($node->poll_query_until('app', q{SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type = 'tenant_mgr fleet' AND wait_event = 'PgSleep'}), 'workers again');
	sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'tenant_mgr fleet'});
	$session->query('SELECT 1');
	like($session->{stderr}, qr/ERROR:  08006/, 'a worker that is ended is an error, not a tenant left out');
	$session->quit;
}

# The view
sql(q{SELECT tenant.exec('DELETE FROM orders WHERE id > 2')});
like(told(q{DROP TABLE t9.orders; SELECT tenant.exec('ALTER TABLE orders DROP COLUMN note', '{t10}'); SELECT tenant.exec('ALTER TABLE orders ALTER id TYPE bigint', '{t11}');
	SELECT tenant.exec('ALTER TABLE orders RENAME TO orders_; CREATE VIEW orders AS SELECT * FROM orders_', '{t12}'); SELECT tenant.union_view('orders')}),
	qr/"t10" is not in view "all_tenants.orders"\nDETAIL:  It has no column "note"\..*"t11".*type bigint, and the view's is integer\..*"t12".*It is not a table\..*"t9".*There is no such table\./s, 'what cannot be united is told');
sql(q{SELECT tenant.drop(t) FROM unnest('{t9,t10,t11,t12}'::text[]) t});
is(sql(q{SELECT count(*), count(DISTINCT tenant), string_agg(DISTINCT state, ' ') FROM all_tenants.orders}), '52|26|new', 'the rest is there, enums as texts');
is(sql(q{SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'all_tenants.orders'::regclass AND attname = 'state'}), 'text', 'in a column of texts');
sql(q{CREATE VIEW public.report AS SELECT tenant, count(*) FROM all_tenants.orders GROUP BY 1});
my $count = sub { return sql(qq{SELECT string_agg(format('%s:%s', tenant, count), ' ' ORDER BY tenant) FROM public.report WHERE tenant ~ '^(t1|n.*)\$'}) };
is($count->(), 't1:2', 'a view of the view');
sql(q{SELECT tenant.clone('t1', 'n1')});
is($count->(), 'n1:2 t1:2', 'follows clone');
sql(q{SELECT tenant.set_template('t1', true); SELECT tenant.create('n2', template => 't1'); SELECT tenant.set_template('t1', false)});
is($count->(), 'n1:2 n2:2 t1:2', 'create, and what is a template');
sql(q{SELECT tenant.rename('n2', 'n3')});
is($count->(), 'n1:2 n3:2 t1:2', 'rename');
sql(q{SELECT tenant.drop('n3')});
is($count->(), 'n1:2 t1:2', 'drop');
sql(q{SELECT tenant.restore('n3', 'n4'); SELECT tenant.snapshot('n4', 's'); DELETE FROM n4.orders WHERE id = 1; SELECT tenant.rollback_to('n4', 's')});
is($count->(), 'n1:2 n4:2 t1:2', 'restore and rollback');
sql(q{BEGIN; SELECT tenant.drop('n4'); ROLLBACK});
is($count->(), 'n1:2 n4:2 t1:2', 'and what is undone');
sql(q{SELECT tenant.drop('n4', true); SELECT tenant.suspend('n1')});
is($count->(), 'n1:2 t1:2', 'a drop for good; rows of a suspended tenant stay');
is(session('web', q{SELECT count(*) FROM all_tenants.orders}), '42501', 'nobody reads it without privileges on the view');
sql(q{GRANT USAGE ON SCHEMA all_tenants TO web, team; GRANT SELECT ON all_tenants.orders TO web, team});
is(session('web', q{SELECT count(*) FROM all_tenants.orders}), '42501', 'and on the tables');
is(session('team', q{SELECT count(*) FROM all_tenants.orders}), '54', 'who has both reads it');
is(session($superuser, q{SET tenant_mgr.guard = 'enforce'; SELECT tenant.switch('t1'); SELECT count(*) FROM all_tenants.orders}), 't1 TM003', 'a bound session does not');
is(session('web', q{SELECT tenant.union_view('orders')}), '42501', 'not everybody makes such a view');
# A cast that a tenant has made is not called by who reads the view.
sql(q{SELECT tenant.exec($$CREATE FUNCTION cast_it(state) RETURNS text LANGUAGE plpgsql AS 'BEGIN EXECUTE ''ALTER ROLE own_b SUPERUSER''; RETURN NULL; END'; CREATE CAST (state AS text) WITH FUNCTION cast_it(state)$$, '{t3}');
	SELECT tenant.union_view('orders')});
is(sql(q{SELECT DISTINCT state FROM all_tenants.orders WHERE tenant = 't3'}), 'new', 'a cast of the tenant\'s is not used');
my $file = $node->data_dir . '/app.dump';
command_ok([ 'pg_dump', '-Fc', '-f', $file, $node->connstr('app') ], 'the database is dumped');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
command_ok([ 'pg_restore', '-d', $node->connstr('copy'), $file ], 'and restored');
is($node->safe_psql('copy', q{SELECT tenant.clone('t1', 'n6'); SELECT count(*) FROM all_tenants.orders WHERE tenant = 'n6'}), "n6\n2", 'with a view that follows');
sql('DROP VIEW public.report; DROP VIEW all_tenants.orders');
like(told(q{SELECT tenant.drop('n1')}), qr/view "all_tenants.orders" is not there any more/, 'a view that is dropped by hand is forgotten');
is(session($superuser, q{SELECT tenant.union_view('orders'); SELECT tenant.drop_union_view('orders'); SELECT tenant.drop_union_view('orders'); SELECT tenant.union_view('nothing')}), 'all_tenants.orders 42704 42P01', 'made and dropped');

# Memory of a session does not grow with the number of tenants.  The short form:
# four times as many of them take as much.
$node->safe_psql('postgres', 'CREATE DATABASE many');
$node->safe_psql('many', q{CREATE EXTENSION tenant_mgr; CREATE SCHEMA one; CREATE TABLE one.t (i int PRIMARY KEY, a text, b text, c text);
	INSERT INTO one.t SELECT g, 'x', 'y', 'z' FROM generate_series(1, 3) g; SELECT tenant.adopt('one')});
$node->safe_psql('many', 'SELECT count(tenant.clone($$one$$, format($$m%s$$, i))) FROM generate_series(' . (100 * $_ + 1) . ', ' . (100 * $_ + 100) . ') i') for 0 .. 3;
sub memory_of
{
	my ($ntenants) = @_;
	return (split /\n/, $node->safe_psql('many', qq{BEGIN;
		SELECT count(*) FROM tenant.query('SELECT i, a FROM t', (SELECT array_agg('m' || i) FROM generate_series(1, $ntenants) i)) AS (tenant text, i int, a text);
		SELECT sum(total_bytes) FROM pg_backend_memory_contexts; COMMIT}))[-1];
}
my ($few, $most) = (memory_of(100), memory_of(400));
cmp_ok($most - $few, '<', 500_000, "four times as many tenants take no more memory ($few, $most)");

# Without the library being preloaded, one session does it alone.
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
is(session($superuser, q{SELECT count(*) FROM tenant.query('SELECT 1') AS (tenant text, n int); SELECT count(*) FROM tenant.exec('SELECT 1', NULL, 2)}), '26 55000', 'workers need preloading, and nothing else does');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|was terminated by signal/, 'no crash');
$node->stop;
done_testing();
