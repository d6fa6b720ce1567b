# 132_migrate.pl: tenant.migrate() gives each tenant what it lacks, once: in
# order, as the owner of its schema and with no right more; what cannot be
# finished goes on with the next call.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;
use Time::HiRes qw(usleep);

my $node = new_node('migrate', "shared_preload_libraries = 'tenant_mgr'\n"
	  . "max_worker_processes = 12\nfsync = off\nmax_locks_per_transaction = 64\n");
new_database($node, 'app');

# An answer of the database; SQL that may fail, and what psql says to it.
sub answer { return $node->safe_psql('app', $_[0]); }

sub messages
{
	my ($sql, @more) = @_;
	my ($out, $err);
	$node->psql('app', $sql, stdout => \$out, stderr => \$err, @more);
	return $err;
}

sub status
{
	return answer(q{SELECT string_agg(state || ' ' || n, ', ' ORDER BY state) FROM
		(SELECT state, count(*) AS n FROM tenant.migration_status GROUP BY state) AS s});
}

# Statements in a session of their own.
sub start_session
{
	my @sql = @_;
	my ($out, $err) = ('', '');
	my $harness = IPC::Run::start([ 'psql', '-X', '-d', $node->connstr('app'), map { ('-c', $_) } @sql ],
		'>', \$out, '2>', \$err, IPC::Run::timeout(180));
	return { harness => $harness, err => \$err };
}

sub finish
{
	my ($session) = @_;
	$session->{harness}->finish;
	return ${ $session->{err} };
}

answer(q{
	CREATE ROLE tm_even; CREATE ROLE tm_odd; CREATE ROLE tm_admin LOGIN; CREATE ROLE tm_stranger LOGIN;
	GRANT tm_even, tm_odd TO tm_admin;
	GRANT USAGE ON SCHEMA tenant TO tm_admin, tm_stranger;
	GRANT EXECUTE ON PROCEDURE tenant.migrate TO tm_admin, tm_stranger;
	SELECT tenant.create('tpl'), tenant.set_template('tpl', true);
	CREATE TABLE tpl.orders (id int PRIMARY KEY, item text);
	INSERT INTO tpl.orders SELECT g, 'item ' || g FROM generate_series(1, 10) g;
	SELECT tenant.create('t' || i, template => 'tpl', owner => CASE WHEN i % 2 = 0 THEN 'tm_even' ELSE 'tm_odd' END)
		FROM generate_series(1, 12) i;
});

# nothing to do, and nothing that can be done
like(messages('CALL tenant.migrate()'), qr/no migration is pending/, 'nothing is pending at first');
is(answer('SELECT count(*) FROM tenant.migration_run'), 0, 'that is no run');
like(messages("CALL tenant.migrate('9')"), qr/migration "9" does not exist/, 'a version that is not there is refused');
like(messages('BEGIN; CALL tenant.migrate()'), qr/cannot run inside a transaction block/, 'a transaction block is refused');
like(messages("CALL tenant.migrate(on_error => 'nothing')"), qr/invalid value.*Available values: "continue", "stop"/s, 'a wrong word is refused');
like(messages('CALL tenant.migrate(jobs => 0)'), qr/"jobs" must be between 1 and 64/, 'so is a wrong number');
like(messages("CALL tenant.migrate(tenants => '{nobody}')"), qr/"nobody" does not exist/, 'so is a name that is none');

# a trial
answer(q{SELECT tenant.add_migration('1',
	'ALTER TABLE orders ADD COLUMN price numeric NOT NULL DEFAULT 7; CREATE INDEX orders_price ON orders (price); UPDATE orders SET price = id')});
my $told = messages('CALL tenant.migrate(dry_run => true)');
like($told, qr/migration "1" can be applied to tenant "t12" and takes \d+ ms/, 'a trial tells how long it takes');
like($told, qr/AccessExclusiveLock on orders/, 'and what is locked');
is(status(), 'pending 13', 'and changes nothing');
is(answer(q{SELECT count(*) FROM pg_attribute WHERE attname = 'price' AND attnum > 0}), 0, 'no column is there');
is(answer('SELECT count(*) FROM tenant.migration_run'), 0, 'nor a row of a run');

# by workers, in the order of stages
like(messages('CALL tenant.migrate(jobs => 2)'), qr/13 of 13 tenants have been migrated, 0 have failed/, 'all get it by workers');
is(status(), 'applied 13', 'the ledger says so');
is(answer(q{SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
	WHERE relname = 'orders_price' AND relowner = nspowner}), 13, 'indexes belong to the owner of the schema');
is(answer('SELECT sum(price) FROM t12.orders'), 55, 'rows have been changed');
is(answer(q{SELECT name FROM tenant.applied_migration JOIN tenant.registry ON id = tenant_id
	ORDER BY applied_migration.started_at LIMIT 1}), 'tpl', 'the template was the first');
is(answer('SELECT state, tenants, applied, failed FROM tenant.migration_run'), 'finished|13|13|0', 'the run has its row');
like(messages('CALL tenant.migrate()'), qr/no migration is pending/, 'nothing is pending afterwards');

# in the session, with parameters, in several versions, up to one of them
answer(q{
	SELECT tenant.add_migration('2', 'CREATE TYPE mood AS ENUM (''sad'', ''glad''); CREATE TABLE m (m mood, t timestamptz, a int[])');
	SELECT tenant.add_migration('3', 'INSERT INTO m VALUES ($1, $2, $3)');
	UPDATE tenant.migration_statement SET parameter_types = '{mood,timestamptz,"integer[]"}',
		parameter_values = '{glad,2026-01-02 03:04:05+00,"{1,2}"}' WHERE version = '3';
	SELECT tenant.add_migration('4', 'CREATE VIEW v AS SELECT m FROM m');
});
like(messages("CALL tenant.migrate('3', jobs => 1)"), qr/13 of 13/, 'up to a version, in the session');
is(answer('SELECT DISTINCT version FROM tenant.pending'), '4', 'the next one is still missing');
is(answer('SELECT m, t AT TIME ZONE \'UTC\', a FROM t7.m'), 'glad|2026-01-02 03:04:05|{1,2}', 'parameters have types of the tenant');
like(messages("CALL tenant.migrate(tenants => '{t3,t5}', jobs => 1)"), qr/2 of 2/, 'for some tenants');
is(answer("SELECT string_agg(tenant, ' ' ORDER BY tenant) FROM tenant.migration_status WHERE version = '4' AND state = 'applied'"), 't3 t5', 'they have it');
messages('CALL tenant.migrate()');
is(status(), 'applied 52', 'and then all');

# a role that owns the tenants; one that does not
answer(q{SELECT tenant.add_migration('5', 'CREATE TABLE five ()')});
like(messages('CALL tenant.migrate()', extra_params => [ '-U', 'tm_stranger' ]), qr/no migration is pending/, 'tenants of others are passed over');
like(messages("CALL tenant.migrate(tenants => '{t1}')", extra_params => [ '-U', 'tm_stranger' ]), qr/must be owner of schema t1/, 'and refused by name');
like(messages('CALL tenant.migrate(jobs => 2)', extra_params => [ '-U', 'tm_admin' ]), qr/12 of 12/, 'a member of the owners migrates theirs');
is(answer("SELECT string_agg(tenant, ' ') FROM tenant.pending"), 'tpl', 'and not the rest');
messages('CALL tenant.migrate()');

# sessions that are kept with a tenant
like(messages("SELECT tenant.switch('t1'); CALL tenant.migrate()"), qr/cannot migrate tenants in a session that is bound/, 'a bound session is refused');
like(messages("SELECT tenant.switch('t1'); SELECT tenant.lock('key'); CALL tenant.migrate()"), qr/locked/, 'so is a locked one');
answer(q{GRANT USAGE ON SCHEMA t1 TO tm_stranger; SELECT tenant.assign_role('t1', 'tm_stranger')});
like(messages('CALL tenant.migrate()', extra_params => [ '-U', 'tm_stranger' ]), qr/assigned to a tenant|bound|locked/, 'and a role that is assigned to a tenant');
answer("SELECT tenant.unassign_role('tm_stranger')");

# nobody gains anything: whatever is planted in a tenant runs as its owner
my %planted = (
	'ALTER ROLE tm_odd SUPERUSER' => 'must be superuser|permission denied',
	'SET ROLE postgres' => 'within security-restricted operation',
	'RESET ROLE' => 'within security-restricted operation',
	'SET SESSION AUTHORIZATION postgres' => 'within security-restricted operation',
	'CREATE TEMP TABLE pg_class ()' => 'within security-restricted operation',
	'UPDATE t2.orders SET price = 0' => 'permission denied|tenant "t2"',
	'CREATE TABLE public.here ()' => 'permission denied',
	'DELETE FROM tenant.applied_migration' => 'permission denied',
);
my $version = 10;
foreach my $code (sort keys %planted)
{
	foreach my $trap (
		'CREATE TRIGGER trap BEFORE INSERT ON t1.orders FOR EACH ROW EXECUTE FUNCTION t1.spring()',
		'CREATE CONSTRAINT TRIGGER trap AFTER INSERT ON t1.orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION t1.spring()')
	{
		$version++;
		my $jobs = 1 + $version % 2;
		answer(sprintf(q{CREATE OR REPLACE FUNCTION t1.spring() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN EXECUTE %s; RETURN NEW; END $f$;
			ALTER FUNCTION t1.spring() OWNER TO tm_odd; %s;
			SELECT tenant.add_migration('%d', 'INSERT INTO orders VALUES (%1$s::text::int, ''new'')')}
			=~ s/%1\$s::text::int/$version/r, literal($code), $trap, $version));
		like(messages("CALL tenant.migrate(jobs => $jobs)"), qr/1 have failed.*migration "$version" of tenant "t1".*(?:$planted{$code})/s,
			"it does not help to plant $code, " . ($trap =~ /CONSTRAINT/ ? 'deferred' : 'at once'));
		answer('DROP TRIGGER trap ON t1.orders');
		like(messages('CALL tenant.migrate()'), qr/1 of 1/, 'and the tenant gets it afterwards');
	}
}
is(answer("SELECT rolsuper FROM pg_roles WHERE rolname = 'tm_odd'"), 'f', 'nobody has become a superuser');
is(answer('SELECT min(price) > 0 FROM t2.orders'), 't', 'nobody has reached another tenant');

# a function of the tenant that comes first on the path; a default, a check
answer(q{
	CREATE FUNCTION t1.lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SET ROLE postgres'; RETURN $1; END $$;
	CREATE FUNCTION t1.evil() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'ALTER ROLE tm_odd SUPERUSER'; RETURN 1; END $$;
	ALTER FUNCTION t1.evil() OWNER TO tm_odd;
	ALTER TABLE t1.orders ALTER price SET DEFAULT t1.evil(), ADD CHECK (t1.evil() > 0) NOT VALID;
	SELECT tenant.add_migration('60', 'INSERT INTO orders (id, item) VALUES (60, lower(''X''))')});
like(messages('CALL tenant.migrate()'), qr/migration "60" of tenant "t1"/, 'defaults and checks do not help either');
is(answer("SELECT rolsuper FROM pg_roles WHERE rolname = 'tm_odd'"), 'f', 'nobody has become a superuser by them');
answer("ALTER TABLE t1.orders ALTER price SET DEFAULT 1, DROP CONSTRAINT orders_check");
answer("ALTER TABLE t1.orders DROP CONSTRAINT IF EXISTS orders_check1");
like(messages('CALL tenant.migrate()'), qr/1 of 1/, 'the tenant gets it without them');

# what a migration must not do
foreach my $refused ('COMMIT', 'COPY orders FROM STDIN', 'SET ROLE postgres', 'VACUUM orders', 'CREATE INDEX CONCURRENTLY i ON orders (id)')
{
	$version++;
	answer("INSERT INTO tenant.migration SELECT '8$version', max(position) + 1, NULL, 'x', true, false, now(), 'me', true, NULL FROM tenant.migration;
		INSERT INTO tenant.migration_statement VALUES ('8$version', 1, " . literal($refused) . ')');
	like(messages("CALL tenant.migrate(tenants => '{t2}', jobs => 1)"), qr/1 have failed/, "no migration does $refused");
	answer("DELETE FROM tenant.applied_migration WHERE version = '8$version'; SELECT tenant.drop_migration('8$version')");
}

# on_error and canaries
answer(q{CREATE TABLE t3.seven (); SELECT tenant.add_migration('90', 'CREATE TABLE seven ()')});
like(messages("CALL tenant.migrate(on_error => 'stop', tenants => '{t2,t3,t4,t5}', jobs => 1)"), qr/ERROR.*"90" of tenant "t3" has failed/, 'a run stops');
is(answer("SELECT string_agg(tenant || ' ' || state, ', ' ORDER BY tenant) FROM tenant.migration_status WHERE version = '90' AND tenant IN ('t2', 't3', 't4')"),
	't2 applied, t3 failed, t4 pending', 'where it was told to');
is(answer('SELECT state, applied, failed FROM tenant.migration_run ORDER BY run DESC LIMIT 1'), 'stopped|1|1', 'and says so');
like(messages("CALL tenant.migrate(tenants => '{t3,t4,t5}', canary => 1)"), qr/ERROR.*"90" of tenant "t3"/, 'a canary that fails is the end');
is(answer("SELECT count(*) FROM tenant.migration_status WHERE version = '90' AND tenant IN ('t4', 't5') AND state = 'pending'"), 2, 'before the others');
like(messages('CALL tenant.migrate()'), qr/WARNING.*"90" of tenant "t3".*already exists/s, 'otherwise the run goes on');
is(answer("SELECT tenant, sqlstate, attempts FROM tenant.migration_status WHERE state = 'failed'"), 't3|42P07|3', 'and the failure is kept');
answer('DROP TABLE t3.seven');
like(messages('CALL tenant.migrate(canary => 1)'), qr/1 of 1/, 'a second call goes on where it was');

# locks: nobody is held up for longer than the timeout
my $reader = $node->background_psql('app');
$reader->query_safe('BEGIN; SELECT count(*) FROM t6.orders');
answer(q{SELECT tenant.add_migration('91', 'ALTER TABLE orders ADD COLUMN later int')});
my $settings = "SET tenant_mgr.migrate_lock_timeout = '50ms'; SET tenant_mgr.migrate_retries = 1;";
like(messages("$settings CALL tenant.migrate()"), qr/12 of 13 .*"91" of tenant "t6".*lock timeout/s, 'a lock that is not to be had is a failure');
is(answer("SELECT attempts, sqlstate FROM tenant.migration_status WHERE version = '91' AND tenant = 't6'"), '2|55P03', 'after as many tries as there shall be');
my $session = start_session("SET tenant_mgr.migrate_lock_timeout = '50ms'", 'CALL tenant.migrate()');
ok($node->poll_query_until('app', "SELECT attempts > 3 FROM tenant.migration_status WHERE version = '91' AND tenant = 't6'"), 'it is tried again and again');
$reader->query_safe('COMMIT');
like(finish($session), qr/1 of 1/, 'until there is room');
$reader->quit;

# timeouts that the database has for its clients are not for workers
my @timeouts = ('statement_timeout', 'idle_in_transaction_session_timeout',
	$node->safe_psql('app', 'SHOW server_version_num') >= 170000 ? 'transaction_timeout' : ());
answer("ALTER DATABASE app SET $_ = '200ms'") foreach @timeouts;
answer(join('; ', map { "SET $_ = 0" } @timeouts) . q{; SELECT tenant.add_migration('911', 'SELECT pg_sleep(0.3)')});
like(messages(join('; ', map { "SET $_ = 0" } @timeouts) . q{; CALL tenant.migrate(jobs => 2)}), qr/13 of 13 .*, 0 have failed/, 'a worker takes its time');
is(answer("SELECT max(attempts) FROM tenant.applied_migration WHERE version = '911'"), 1, 'and is not ended');
answer("ALTER DATABASE app RESET $_") foreach @timeouts;

# what cannot be part of a transaction
answer(q{SELECT tenant.add_migration('92', 'UPDATE orders SET later = 1; CREATE INDEX CONCURRENTLY by_later ON orders (later, id);
	VACUUM orders; DROP INDEX CONCURRENTLY orders_price; ALTER TABLE orders ALTER later SET NOT NULL', transactional => false);
	INSERT INTO t4.orders (id, price, later) SELECT -g, 1, 1 FROM generate_series(1, 2) g;
	CREATE UNIQUE INDEX one ON t5.orders (later) WHERE id < 0});
like(messages('CALL tenant.migrate(jobs => 2)'), qr/13 of 13/, 'indexes are created concurrently by workers');
is(answer("SELECT count(*) FROM pg_index WHERE indexrelid::regclass::text LIKE '%by_later' AND indisvalid"), 13, 'all of them valid');
is(answer("SELECT count(*) FROM pg_class WHERE relname = 'orders_price'"), 0, 'and dropped');
answer(q{SELECT tenant.add_migration('93', 'CREATE UNIQUE INDEX CONCURRENTLY by_item ON orders (price) WHERE id > 900; ALTER TABLE orders ADD COLUMN last int', transactional => false);
	INSERT INTO t8.orders (id, price, later) VALUES (1000, 1, 1), (1001, 1, 1)});
like(messages('CALL tenant.migrate(jobs => 1)'), qr/12 of 13 .*"93" of tenant "t8".*could not create unique index/s, 'one fails in the middle, in the session');
is(answer("SELECT indisvalid FROM pg_index WHERE indexrelid = 't8.by_item'::regclass"), 'f', 'and leaves an invalid index');
is(answer("SELECT state FROM tenant.migration_status WHERE version = '93' AND tenant = 't8'"), 'partial', 'as the ledger says');
like(messages('SELECT 1; SHOW search_path; SELECT current_user; CALL tenant.migrate(jobs => 1); SELECT pg_catalog.current_setting(\'search_path\') = \'"$user", public\' AND current_user = \'postgres\' AS same; SELECT 1/0 WHERE current_user <> \'postgres\''),
	qr/1 have failed/, 'once more');
is(answer(q{DELETE FROM t8.orders WHERE id = 1000; SELECT 'gone'}), 'gone', 'the reason is removed');
like(messages('CALL tenant.migrate()'), qr/1 of 1/, 'and it goes on');
is(answer("SELECT indisvalid FROM pg_index WHERE indexrelid = 't8.by_item'::regclass"), 't', 'with a valid index');
is(answer("SELECT count(*) FROM pg_attribute WHERE attname = 'last' AND attnum > 0"), 13, 'and what comes after it');
answer(q{INSERT INTO tenant.migration SELECT '94', max(position) + 1, NULL, 'x', false, false, now(), 'me', true, NULL FROM tenant.migration;
	INSERT INTO tenant.migration_statement VALUES ('94', 1, 'CREATE INDEX CONCURRENTLY ON orders (last)')});
like(messages('CALL tenant.migrate()'), qr/must have a name/, 'an index without a name would not be found again');
answer("DELETE FROM tenant.applied_migration WHERE version = '94'; SELECT tenant.drop_migration('94')");
like(messages("SELECT tenant.add_migration('95', 'VACUUM orders', transactional => false); DO 'BEGIN CALL tenant.migrate(jobs => 1); END'"),
	qr/cannot be applied from a function or procedure/, 'not from a DO block');
like(messages('CALL tenant.migrate()'), qr/13 of 13/, 'but by a statement of its own');
like(messages("SELECT tenant.add_migration('96', 'CREATE TABLE from_do ()'); DO 'BEGIN CALL tenant.migrate(jobs => 1); END'"), qr/13 of 13/, 'the others can');

# tenants that are suspended are migrated, those in the trash when they come back
answer(q{SELECT tenant.suspend('t9'), tenant.drop('t10'); SELECT tenant.add_migration('97', 'CREATE TABLE t97 ()')});
like(messages('CALL tenant.migrate()'), qr/12 of 12/, 'a suspended tenant is migrated, a dropped one is not');
answer("SELECT tenant.restore('t10'), tenant.resume('t9')");
like(messages('CALL tenant.migrate()'), qr/1 of 1/, 'until it is restored');

# two runs, tenants that appear, go and are renamed meanwhile; progress; the bar
answer(q{SELECT tenant.add_migration('98', 'SELECT pg_sleep(0.3); CREATE TABLE t98 ()')});
my @runs = map { start_session(q{CALL tenant.migrate(jobs => 2, verify => 'off')}) } 1 .. 2;
ok($node->poll_query_until('app', "SELECT count(*) > 0 FROM tenant.progress WHERE operation = 'migrate' AND phase = 'migrating tenants' AND total >= 12"),
	'a run shows how far it is');
answer("SELECT tenant.drop('t11'); SELECT tenant.rename('t12', 'renamed'); SELECT tenant.create('fresh', template => 'tpl')");
answer("SELECT tenant.clone('t1', 'copy')");
my @told = map { finish($_) } @runs;
unlike($told[0] . $told[1], qr/ERROR|WARNING/, 'two runs get along');
like($told[0], qr/NOTICE:  \[#*-*\] \d+\/\d+ tenants, [\d.]+\/s, 0 failed/, 'with a bar once a second');
is(answer("SELECT count(*) FROM tenant.applied_migration WHERE version = '98' AND state = 'applied'"),
	answer("SELECT count(*) FROM pg_class WHERE relname = 't98'"), 'whoever has it has it once');
is(answer("SELECT count(*) FROM tenant.progress"), 0, 'nothing is shown afterwards');

# cancel
answer(q{SELECT tenant.drop('fresh', purge => true); SELECT tenant.add_migration('99', 'SELECT pg_sleep(60)')});
foreach my $jobs (1, 2)
{
	$session = start_session("CALL tenant.migrate(jobs => $jobs)");
	ok($node->poll_query_until('app', "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), 'it takes its time');
	answer("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL tenant.migrate%'");
	like(finish($session), qr/canceling statement due to user request/, "a run with $jobs jobs is cancelled");
	is(answer("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE '%migrate%'"), 0, 'no worker is left');
	is(answer('SELECT state FROM tenant.migration_run ORDER BY run DESC LIMIT 1'), 'cancelled', 'and its row says so');
	$session = start_session("CALL tenant.migrate(jobs => $jobs)");
	ok($node->poll_query_until('app', "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), 'again');
	answer("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL tenant.migrate%'");
	finish($session);
	ok($node->poll_query_until('app', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE '%migrate%' OR wait_event = 'PgSleep'"),
		'whoever directs it is ended, and nobody goes on');
}
is(answer("SELECT count(*) FROM tenant.applied_migration WHERE version = '99' AND state = 'applied'"), 0, 'nobody has got it');

# what the run is to come to goes away: found when it looks what is left to do
answer(q{DELETE FROM tenant.applied_migration WHERE version = '99'; SELECT tenant.drop_migration('99');
	SELECT tenant.add_migration('99', 'SELECT pg_sleep(CASE tenant.current() WHEN ''tpl'' THEN 3 ELSE 0 END)'), tenant.add_migration('992', 'SELECT 1')});
$session = start_session(q{CALL tenant.migrate(to_version => '992', jobs => 1)});
ok($node->poll_query_until('app', "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), 'a tenant takes its time');
answer("SELECT tenant.drop_migration('992')");
like(finish($session), qr/ERROR:  migration "992" does not exist/, 'a run whose last version is dropped says so');
is(answer('SELECT state FROM tenant.migration_run ORDER BY run DESC LIMIT 1'), 'interrupted', 'and so does its row');

# what it has done until it is interrupted is counted, by the session and by workers
answer(q{DELETE FROM tenant.applied_migration WHERE version = '99'; SELECT tenant.drop_migration('99');
	SELECT tenant.add_migration('98a', 'SELECT pg_sleep(CASE tenant.current() WHEN ''tpl'' THEN 0 ELSE 30 END)')});
foreach my $jobs (1, 2)
{
	$session = start_session("CALL tenant.migrate(jobs => $jobs)");
	ok($node->poll_query_until('app', "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), 'the template has it, others are at it');
	answer("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL tenant.migrate%'");
	finish($session);
	is(answer('SELECT state, applied, failed FROM tenant.migration_run ORDER BY run DESC LIMIT 1'), 'cancelled|1|0', "its row tells how far $jobs jobs have come");
	answer(q{DELETE FROM tenant.applied_migration WHERE version = '98a'});
}
answer(q{SELECT tenant.drop_migration('98a')});

# somebody clears away the rows of runs, that of one that goes on among them
answer(q{SELECT tenant.add_migration('98a', 'SELECT pg_sleep(0.05)')});
$session = start_session(q{CALL tenant.migrate(jobs => 1, verify => 'off')});
ok($node->poll_query_until('app', "SELECT count(*) > 0 FROM tenant.migration_run WHERE state = 'running'"), 'a run goes on');
answer('DELETE FROM tenant.migration_run');
unlike(finish($session), qr/ERROR|WARNING/, 'and does not mind that its row is gone');

# one that is rolled back to a snapshot between two migrations gets both once more
answer(q{SELECT tenant.snapshot('t3', 'before'); SELECT tenant.add_migration('98b', 'SELECT pg_sleep(2)'), tenant.add_migration('98c', 'CREATE TABLE t98c ()')});
$session = start_session(q{CALL tenant.migrate(tenants => '{t3}', jobs => 1, verify => 'off')});
ok($node->poll_query_until('app', "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), 'the first is at work');
answer(q{SELECT tenant.rollback_to('t3', 'before')});
unlike(finish($session), qr/ERROR|WARNING/, 'a tenant is rolled back before it gets the second');
is(answer(q{SELECT string_agg(version || ' ' || state, ', ' ORDER BY version) FROM tenant.migration_status WHERE tenant = 't3' AND version ~ '^98[bc]'}),
	'98b applied, 98c applied', 'and has both in the end');
answer(q{SELECT tenant.drop_snapshot('t3', 'before')});
like(messages(q{CALL tenant.migrate(verify => 'off')}), qr/, 0 have failed/, 'so have the others');

# a migration that drops the schema that it is for
answer(q{SELECT tenant.add_migration('98d', 'DO $$ BEGIN EXECUTE format(''DROP SCHEMA %I CASCADE'', tenant.current()); END $$')});
like(messages(q{CALL tenant.migrate(tenants => '{t3}', jobs => 1)}), qr/"98d" of tenant "t3" has failed: a statement of a migration has dropped schema "t3" of tenant "t3"/,
	'says so');
answer(q{DELETE FROM tenant.applied_migration WHERE version = '98d'; SELECT tenant.drop_migration('98d')});

# an event trigger of the database has a snapshot in workers, too
answer(q{
	CREATE TABLE public.audit (tag text);
	GRANT INSERT ON public.audit TO PUBLIC;
	CREATE FUNCTION public.audit() RETURNS event_trigger LANGUAGE plpgsql AS
		'BEGIN INSERT INTO public.audit SELECT tg_tag FROM pg_catalog.pg_class LIMIT 1; END';
	CREATE EVENT TRIGGER audit ON ddl_command_end WHEN TAG IN ('CREATE INDEX', 'DROP INDEX') EXECUTE FUNCTION public.audit();
	SELECT tenant.add_migration('98e', 'CREATE INDEX CONCURRENTLY audited ON orders (id, later); DROP INDEX CONCURRENTLY audited; VACUUM orders', transactional => false)});
foreach my $call (q{tenants => '{t2,t3}', jobs => 2}, q{tenants => '{t4}', jobs => 1})
{
	like(messages("CALL tenant.migrate($call, verify => 'off')"), qr/, 0 have failed/, "an event trigger does its work: $call");
}
is(answer('SELECT count(*), count(DISTINCT tag) FROM public.audit'), '6|2', 'once for each statement');
answer('DROP EVENT TRIGGER audit');
like(messages(q{CALL tenant.migrate(verify => 'off')}), qr/, 0 have failed/, 'the others go without');

answer(q{SELECT tenant.add_migration('99', 'SELECT 1')});

# a worker that is ended is an attempt that has failed, and not a tenant that is lost
answer(q{DELETE FROM tenant.applied_migration WHERE version = '99'; SELECT tenant.drop_migration('99');
	SELECT tenant.add_migration('99', 'SELECT pg_sleep(0.5); CREATE TABLE t99 ()')});
$session = start_session(q{CALL tenant.migrate(jobs => 2, verify => 'off')});
for my $death (1 .. 3)
{
	ok($node->poll_query_until('app', "SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type LIKE '%migrate%' AND wait_event = 'PgSleep'"), 'a worker works');
	answer("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE '%migrate%' LIMIT 1");
}
unlike(finish($session), qr/ERROR|WARNING/, 'a run outlives its workers');
is(answer("SELECT count(*) FROM tenant.pending"), 0, 'and nobody is missing');
is(answer("SELECT count(*) FROM pg_class WHERE relname = 't99'"), answer("SELECT count(*) FROM tenant.tenants WHERE state = 'active'"), 'each has it once');

# more than there are workers
answer(q{SELECT tenant.add_migration('991', 'CREATE TABLE t991 ()')});
like(messages('CALL tenant.migrate(jobs => 60)'), qr/not all background workers.*, 0 have failed/s, 'less workers than wanted do as well');

# behind all walls: nobody reaches a tenant without being bound to it
answer("ALTER SYSTEM SET tenant_mgr.$_") for q{guard = 'enforce'}, q{unbound = 'deny'}, q{unbound_superuser = 'deny'}, q{session_switch = 'deny'},
	q{nested_switch = 'error'};
$node->reload;
ok($node->poll_query_until('app', "SELECT current_setting('tenant_mgr.unbound_superuser') = 'deny'"), 'the walls are up');
like(messages('SELECT count(*) FROM t2.orders'), qr/without being bound to it/, 'for superusers, too');
answer(q{SELECT tenant.add_migration('9911', 'CREATE TABLE wall (i int PRIMARY KEY, s text); CREATE MATERIALIZED VIEW w AS TABLE wall');
	SELECT tenant.add_migration('9912', 'SET work_mem = ''1MB''; CREATE INDEX CONCURRENTLY wall_s ON wall (s); REINDEX INDEX CONCURRENTLY wall_s; REINDEX TABLE wall;
		VACUUM ANALYZE wall; DROP INDEX CONCURRENTLY wall_s; REFRESH MATERIALIZED VIEW w; CLUSTER wall USING wall_pkey; INSERT INTO wall VALUES (1, tenant.current())', transactional => false)});
like(messages("CALL tenant.migrate(tenants => '{t2,t3,t4}', jobs => 2, verify => 'off')"), qr/3 of 3 .*, 0 have failed/, 'workers do all of it');
like(messages("CALL tenant.migrate(jobs => 1, verify => 'off')"), qr/, 0 have failed/, 'so does the session');
is(answer("BEGIN; SET LOCAL tenant_mgr.tenant = 't3'; SELECT s FROM wall"), 't3', 'each for its tenant');
answer(q{SELECT tenant.add_migration('9913', 'DO $$ BEGIN EXECUTE format(''INSERT INTO %I.wall VALUES (2)'', ''t4''); END $$')});
like(messages("CALL tenant.migrate(tenants => '{t2}', jobs => 1)"), qr/"9913" of tenant "t2" has failed: cannot access .* of tenant "t4"/, 'a name that is put together does not lead elsewhere');
answer(q{DELETE FROM tenant.applied_migration WHERE version = '9913'; SELECT tenant.drop_migration('9913')});
answer("ALTER SYSTEM RESET tenant_mgr.$_") for 'guard', 'unbound', 'unbound_superuser', 'session_switch', 'nested_switch';

# without preloading, in one session
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->restart;
answer(q{SELECT tenant.add_migration('992', 'CREATE TABLE t992 ()');
	SELECT tenant.add_migration('993', 'CREATE INDEX CONCURRENTLY by_last ON orders (last)', transactional => false)});
like(messages('CALL tenant.migrate(jobs => 2)'), qr/one at a time.*, 0 have failed/s, 'without preloading the session does it');
is(answer('SELECT count(*) FROM tenant.pending'), 0, 'all of it');
is(answer("SELECT count(*) FROM tenant.doctor() WHERE severity = 'error'"), 0, 'nothing is wrong in the end');

done_testing();
