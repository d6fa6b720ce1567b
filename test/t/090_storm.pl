# 090_storm.pl: eight sessions do at random whatever one can do with tenants and
# with all of them at once, among cancelled statements, ended sessions and a crash,
# with a standby beside.  Only errors that a caller can expect are met, and
# afterwards nothing is wrong on the primary, nor on the promoted standby, which
# has the same rows.  Each tenant has each migration once, or it is told that it
# has not, and its schema has what its ledger says.
#
# A minute with a fixed seed; test/storm runs it for longer.  The seed decides
# what each session does, not how the sessions meet.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;
use Time::HiRes qw(time usleep);

my $seconds  = $ENV{TM_STORM_SECONDS} // 60;
my $seed     = $ENV{TM_STORM_SEED}    // 1;
my $sessions = 8;
my $crashes  = 0;
my $versions = 20 + int($seconds / 3);

# Duplicate, absent, in use, deadlock, timeouts, suspended, unbound, another
# tenant's, cannot be cloned as it is now, moved while a statement came to it, no
# worker is free, in or not in a transaction, a savepoint that a failed one lacks,
# cancelled, ended, the crash and its recovery.
my %expected = map { $_ => 1 } qw(
  42P06 42P07 42710 42701 3F000 42P01 42703 42704 55006 40P01 55P03 TM001 TM002 TM003
  TM009 40001 25001 25P01 25P02 3B001 53400 55000 23503 23505 2BP01 57014 57P01 57P02 57P03);

sub pick { return $_[ rand @_ ]; }

# Statements about tenants, mixed with what their users and owners do.
sub random_statement
{
	my $a = 'n' . int(rand 6);
	my $b = 'n' . int(rand 6);
	my $lock = pick('share', 'none');
	my $c = int(rand 1e6);
	return pick(
		("SELECT tenant.create('$a', template => 'tpl')") x 4,
		"SET tenant_mgr.clone_lock = '$lock'; SELECT tenant.clone('$a', '$b')",
		"SET tenant_mgr.clone_lock = '$lock'; SELECT tenant.clone('$a', '$b', exclude => '{log}')",
		"SET tenant_mgr.clone_lock = '$lock'; SELECT tenant.clone('tpl', '$b', data => false)",
		"SELECT tenant.rename('$a', '$b')",
		"SELECT tenant.suspend('$a')",
		("SELECT tenant.resume('$a')") x 2,
		"SELECT tenant.drop('$a')",
		"SELECT tenant.drop('$a', purge => true)",
		"SELECT tenant.restore('$a')",
		"CALL tenant.purge('$a')",
		"SELECT tenant.snapshot('$a', 's$c')",
		"SELECT tenant.rollback_to(tenant, label) FROM tenant.snapshots WHERE tenant = '$a' LIMIT 1",
		"SELECT tenant.drop_snapshot(tenant, label) FROM tenant.snapshots WHERE tenant = '$a' LIMIT 1",
		"SELECT tenant.set_metadata('$a', '{\"n\": $c}')",
		"SELECT tenant.add_domain('h$c.example', '$a')",
		(use_of_tenant($a, $b, $c)) x 2,
		work_on_all($a, $b),
		maintenance_of($a, $c)) . ";\n";
}

# What is done to all tenants.  A migration shows in rows, which would be there
# twice, and in a table, by which a second time would fail.  The clones that take
# no rows have the table.
sub work_on_all
{
	my ($a, $b) = @_;
	my $v = sprintf('v%03d', rand $versions);
	my $jobs = pick(1, 2);
	my $table = "CREATE TABLE moved_$v (id int PRIMARY KEY); INSERT INTO moved (version) VALUES (''$v'')";
	my $fast = "SET tenant_mgr.migrate_lock_timeout = '200ms'; SET tenant_mgr.migrate_retries = 2";
	return (
		("SELECT tenant.add_migration('$v', '$table')") x 2,
		"SELECT tenant.add_migration('$v', '$table; ALTER TABLE moved ADD COLUMN c_$v int; CREATE INDEX ON item (id) WHERE id < 0')",
		"SELECT tenant.add_migration('$v', '$table; ALTER TABLE more0 ADD COLUMN c_$v int')",
		"SELECT tenant.add_migration('$v', '$table; CREATE INDEX CONCURRENTLY moved_i_$v ON moved (version)', transactional => false)",
		("SELECT tenant.drop_migration('$v')") x 2,
		("$fast; CALL tenant.migrate(jobs => $jobs)") x 2,
		"$fast; CALL tenant.migrate(jobs => $jobs, verify => 'off', canary => 1)",
		"$fast; CALL tenant.migrate(to_version => '$v', jobs => $jobs, on_error => 'stop')",
		"$fast; CALL tenant.migrate(tenants => '{tpl,$a,$b}', verify => 'require')",
		"$fast; CALL tenant.migrate(dry_run => true)",
		"SELECT * FROM tenant.exec('INSERT INTO log (t) VALUES (''to all'')', jobs => $jobs)",
		"SELECT * FROM tenant.query('SELECT count(*) FROM item', jobs => $jobs) AS (tenant text, items bigint)",
		"SELECT * FROM tenant.migration_status; SELECT * FROM tenant.pending; SELECT * FROM tenant.drift");
}

# What bound sessions do.
sub use_of_tenant
{
	my ($a, $b, $c) = @_;
	return (
		"SELECT tenant.switch('$a'); INSERT INTO item (name) VALUES ('by $a') RETURNING id; SELECT tenant.reset()",
		"BEGIN; SELECT tenant.switch_local('$a'); INSERT INTO item (name) VALUES ('x'); INSERT INTO part (item_id) SELECT max(id) FROM item; COMMIT",
		"BEGIN; SELECT tenant.switch_local('$a'); INSERT INTO part (item_id) VALUES ($c); INSERT INTO item (id, name) VALUES ($c, 'later'); COMMIT",
		"BEGIN; SELECT tenant.switch_local('$a'); SAVEPOINT s; UPDATE item SET m = 'sad'; ROLLBACK TO s; DELETE FROM log; COMMIT",
		"BEGIN; SELECT tenant.switch_local('$a'); UPDATE item SET name = name || '.' WHERE id % 7 = 0; ROLLBACK",
		"SELECT tenant.switch('$a'); SELECT count(*) FROM item JOIN part ON item_id = item.id; SELECT tenant.switch('$b'); SELECT count(*) FROM happy; SELECT tenant.reset()",
		"SELECT tenant.switch('$a'); UPDATE public.shared SET hits = hits + 1 WHERE id = 1; SELECT tenant.reset()");
}

# What owners do, and what moves files under a clone.
sub maintenance_of
{
	my ($s, $c) = @_;
	my $n = $c % 3;
	return (
		"ALTER TABLE $s.item ADD COLUMN extra$n int DEFAULT $c",
		"ALTER TABLE $s.item DROP COLUMN extra$n",
		"CREATE TABLE $s.more$n (id int PRIMARY KEY, t text)",
		"DROP TABLE $s.more$n",
		# the server itself has no lock for two that replace a function
		"BEGIN; SELECT tenant.switch_local('$s'); LOCK TABLE item IN SHARE ROW EXCLUSIVE MODE; CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT $c'; COMMIT",
		# bound, for the server itself adds labels to a type that has just been dropped
		"BEGIN; SELECT tenant.switch_local('$s'); ALTER TYPE mood ADD VALUE IF NOT EXISTS 'v$n'; COMMIT",
		"ALTER SEQUENCE $s.item_id_seq RESTART WITH @{[ 1_000_000 + $c ]}",
		"TRUNCATE $s.log RESTART IDENTITY",
		"VACUUM FULL $s.item", "CLUSTER $s.item USING item_pkey", "VACUUM $s.item", "ANALYZE $s.item",
		"REINDEX TABLE $s.item", "REINDEX TABLE CONCURRENTLY $s.part", "REINDEX SCHEMA $s",
		"CREATE INDEX CONCURRENTLY later$n ON $s.item (name)",
		"DROP INDEX CONCURRENTLY $s.later$n",
		"REFRESH MATERIALIZED VIEW $s.names");
}

# A child runs statements in portions, each by a psql of its own: one that loses
# its connection ends, and the next one connects again.
sub session
{
	my ($number, $connstr, $until, $dir) = @_;
	srand($seed * 1000 + $number);
	while (time < $until)
	{
		my $file = "$dir/do$number.sql";
		open(my $fh, '>', $file) or die "could not write $file: $!";
		print $fh "SET client_min_messages = error;\nSET lock_timeout = '3s';\nSET statement_timeout = '15s';\n";
		print $fh random_statement() foreach 1 .. 60;
		close($fh);
		system("psql -X -q -o /dev/null -d \"$connstr\" -v VERBOSITY=verbose -f $file >>$dir/err$number 2>&1 </dev/null");
		usleep(200_000) if $? != 0;
	}
	POSIX::_exit(0);
}

# An answer, or nothing where the server cannot be reached: what is given to psql
# by a pipe would end us then.
sub ask
{
	my ($node, $query) = @_;
	my $connstr = $node->connstr('postgres');
	my $answer = `psql -X -q -A -t -d "$connstr" -c "$query" 2>/dev/null </dev/null`;
	chomp $answer;
	return $answer;
}

# Cancels and ends a session at random every second or so; once a minute a
# backend is killed, so that the server starts again.
sub disturb
{
	my ($node, $until) = @_;
	my $next_crash = time + 30;
	my $killed = 0;
	srand($seed);
	while (time < $until)
	{
		usleep(300_000 + rand 1_200_000);
		my $what = pick(('pg_cancel_backend') x 3, 'pg_terminate_backend');
		my $pid = ask($node, "SELECT pid FROM (SELECT pid, $what(pid) FROM pg_stat_activity
			WHERE datname = 'app' AND backend_type = 'client backend' ORDER BY random() LIMIT 1) s");
		# one that has just been ended may be gone
		next unless time > $next_crash && $pid =~ /^\d+$/ && kill('KILL', $pid);
		$next_crash += 60;
		$killed++;
		foreach my $try (1 .. 600)
		{
			last if ask($node, 'SELECT 1') eq '1';
			die 'the server did not start again' if $try == 600;
			usleep(100_000);
		}
	}
	return $killed;
}

# Names and values of everything there is, one line a relation.  The rows of
# unlogged tables do not survive a crash, and the server logs sequences ahead.
sub state_of
{
	my ($node) = @_;
	my $tables = $node->safe_psql('app', q{
		SELECT format($f$SELECT %L, count(*), md5(string_agg(row(t.*)::text, '|' ORDER BY row(t.*)::text COLLATE "C")) FROM ONLY %I.%I AS t;$f$,
			n.nspname || '.' || relname, n.nspname, relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE nspname !~ '^(pg_|information_schema$)' AND relpersistence = 'p'
			AND (relkind = 'r' OR relkind = 'm' AND relispopulated) ORDER BY n.nspname COLLATE "C", relname COLLATE "C"});
	return $node->safe_psql('app', "SET extra_float_digits = 3;\n$tables");
}

# Which statements met these messages, one a line: psql tells the SQLSTATE, and
# the server's log the statement.
sub statements_with
{
	my ($node, @messages) = @_;
	my $log = slurp_file($node->logfile);
	my %statements;
	foreach my $message (@messages)
	{
		my ($text) = $message =~ /^\w+: (.*)/;
		$statements{$message} = join "\n",
		  $log =~ /(?:ERROR|FATAL):  \Q$text\E\n(?:.*(?:DETAIL|HINT|CONTEXT):.*\n)*.*STATEMENT:  (.*)/g;
	}
	return %statements;
}

# Tenants of which the ledger and the schema do not say the same; what is not
# complete may have its table, or not.
sub untrue_ledgers
{
	my ($node) = @_;
	return $node->safe_psql('app', q{
		CREATE TEMP TABLE seen (tenant_id uuid, version text, n bigint);
		SELECT format('INSERT INTO seen SELECT %L, version, count(*) FROM %I.moved GROUP BY version;', id, schema_name)
			FROM tenant.registry \gexec
		WITH had AS (SELECT r.id AS tenant_id, substr(relname, 7) AS version
				FROM tenant.registry r JOIN pg_namespace n ON nspname = schema_name JOIN pg_class c ON relnamespace = n.oid
				WHERE relname LIKE 'moved\_v%' AND relkind = 'r'),
			what AS (SELECT tenant_id, version, CASE WHEN a.state IN ('applied', 'baseline') THEN 'applied' ELSE coalesce(a.state, 'none') END AS state,
				had.version IS NOT NULL AS had, coalesce(n, 0) AS rows
				FROM tenant.applied_migration a FULL JOIN had USING (tenant_id, version) FULL JOIN seen USING (tenant_id, version))
		SELECT name, r.state, version, what.state, had, rows, 'ledger and schema' FROM what JOIN tenant.registry r ON id = tenant_id
			WHERE CASE what.state WHEN 'applied' THEN NOT had OR rows > 1 WHEN 'partial' THEN rows > 1 ELSE had OR rows > 0 END
		UNION ALL
		SELECT coalesce(name, tenant_id::text), NULL, version, a.state, NULL, NULL, 'of no tenant or migration'
			FROM tenant.applied_migration a LEFT JOIN tenant.registry r ON id = tenant_id
			WHERE r.id IS NULL OR NOT EXISTS (SELECT FROM tenant.migration m WHERE m.version = a.version)
		UNION ALL
		SELECT t.name, t.state, m.version, NULL, NULL, NULL, 'not told' FROM tenant.tenants t, tenant.migration m
			WHERE t.state <> 'trashed' AND (EXISTS (SELECT FROM tenant.applied_migration a JOIN tenant.registry r ON id = tenant_id
					WHERE name = t.name AND r.state <> 'trashed' AND a.version = m.version AND a.state IN ('applied', 'baseline'))
				= EXISTS (SELECT FROM tenant.pending p WHERE p.tenant = t.name AND p.version = m.version))
		ORDER BY 1, 3});
}

# Structure, indexes and rows of one server are sound.
sub is_sound
{
	my ($node, $who) = @_;
	# files of a clone that a crash has met are known to stay; owners have made tenants
	# differ, and what lacks a table does not get a migration of it
	is($node->safe_psql('app', q{SELECT * FROM tenant.doctor() WHERE object NOT LIKE 'file %' AND object <> 'template "tpl"'
		AND NOT (object LIKE 'migration %' AND problem ~ 'more0|do(es)? not have it')}), '', "$who: the doctor finds nothing");
	registry_is_true($node, 'app', "$who: the registry is true");
	command_ok([ 'pg_amcheck', '-h', $node->host, '-p', $node->port, '-d', 'app', '--install-missing', '--heapallindexed', '--parent-check' ],
		"$who: pg_amcheck finds nothing");
	SKIP:
	{
		my $pg_catcheck = command_of('pg_catcheck') or skip 'pg_catcheck is not here', 1;
		my ($stdout, $stderr) = run_command([ $pg_catcheck, '-h', $node->host, '-p', $node->port, 'app' ]);
		like($stdout . $stderr, qr/done \(0 inconsistencies, 0 warnings, 0 errors\)/, "$who: pg_catcheck finds nothing");
	}
	is(orphan_files($node, 'app'), '', "$who: no file is left over") if $crashes == 0;
	return;
}

my $conf = join "\n", "shared_preload_libraries = 'tenant_mgr'", 'max_connections = 60', 'deadlock_timeout = 200ms',
  'restart_after_crash = on', 'log_min_error_statement = error', 'max_wal_size = 1GB', '';
my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$primary->append_conf('postgresql.conf', "autovacuum_naptime = 1s\nlog_statement = none\n$conf");
$primary->start;
new_database($primary, 'app');
$primary->safe_psql('app', q{
	CREATE TABLE public.shared (id int PRIMARY KEY, hits int DEFAULT 0);
	INSERT INTO public.shared VALUES (1), (2);
	CREATE SCHEMA tpl;
	CREATE TYPE tpl.mood AS ENUM ('sad', 'happy');
	CREATE TABLE tpl.item (id serial PRIMARY KEY, m tpl.mood DEFAULT 'happy', name text, shared_id int DEFAULT 1 REFERENCES public.shared);
	CREATE INDEX ON tpl.item USING hash (name);
	CREATE INDEX ON tpl.item (lower(name)) WHERE m = 'happy';
	CREATE TABLE tpl.part (id serial PRIMARY KEY, item_id int REFERENCES tpl.item ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
	CREATE TABLE tpl.log (id bigint GENERATED ALWAYS AS IDENTITY, t text, m tpl.mood[]);
	CREATE UNLOGGED TABLE tpl.cache (k int PRIMARY KEY, v text);
	CREATE TABLE tpl.event (at date, t text) PARTITION BY RANGE (at);
	CREATE TABLE tpl.event_old PARTITION OF tpl.event FOR VALUES FROM (MINVALUE) TO ('2026-01-01');
	CREATE TABLE tpl.event_rest PARTITION OF tpl.event DEFAULT;
	CREATE TABLE tpl.moved (version text);
	CREATE VIEW tpl.happy AS SELECT * FROM tpl.item WHERE m = 'happy';
	CREATE MATERIALIZED VIEW tpl.names AS SELECT id, name FROM tpl.item;
	INSERT INTO tpl.item (name) SELECT 'item ' || n FROM generate_series(1, 300) AS n;
	INSERT INTO tpl.part (item_id) SELECT 1 + n % 300 FROM generate_series(1, 600) AS n;
	INSERT INTO tpl.log (t, m) SELECT repeat(md5(n::text), 90), '{sad,happy}' FROM generate_series(1, 50) AS n;
	INSERT INTO tpl.cache SELECT n FROM generate_series(1, 100) AS n;
	INSERT INTO tpl.event SELECT date '2025-12-01' + n, 'x' FROM generate_series(1, 60) AS n;
	REFRESH MATERIALIZED VIEW tpl.names;
	SELECT tenant.adopt('tpl', is_template => true);
});
$primary->backup('start');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'start', has_streaming => 1);
$standby->start;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $until = time + $seconds;
my @children;
foreach my $number (1 .. $sessions)
{
	my $pid = fork // die "could not fork: $!";
	session($number, $primary->connstr('app'), $until, $dir) if $pid == 0;
	push @children, $pid;
}
$crashes = disturb($primary, $until);
waitpid($_, 0) foreach @children;

my (%states, %messages);
foreach my $number (1 .. $sessions)
{
	my $err = slurp_file("$dir/err$number");
	while ($err =~ /(?:ERROR|FATAL|PANIC):\s+(\w{5}): (.*)/g)
	{
		$states{$1}++;
		$messages{"$1: $2"}++ unless $expected{$1};
	}
}
note("seed $seed, $seconds s, $crashes crashes; met " . join(', ', map { "$_ x $states{$_}" } sort keys %states));
# CREATE INDEX CONCURRENTLY lets go of the table before it commits, so whoever
# rebuilds the index next finds a row that has just changed.
my %statements = statements_with($primary, keys %messages);
delete $messages{$_} foreach grep { /tuple concurrently/ && $statements{$_} !~ /^(?!VACUUM FULL|CLUSTER|REINDEX|DROP INDEX)/m } keys %messages;
is(join("\n", map { "$_ x $messages{$_}" } sort keys %messages), '', "only errors that a caller can expect (seed $seed)");
diag("$_: $statements{$_}") foreach keys %messages;
cmp_ok($crashes, '>=', 1, 'a backend was killed') if $seconds >= 45;
unlike(slurp_file($primary->logfile), qr/PANIC|TRAP|WARNING:.*(leak|still referenced)/, "the primary's log tells of nothing worse");
cmp_ok($primary->safe_psql('app', 'SELECT count(*) FROM tenant.event'), '>', $seconds, 'there was a storm');

is($primary->safe_psql('app', q{SELECT count(*) FROM pg_locks WHERE pid <> pg_backend_pid() AND locktype NOT IN ('virtualxid') AND database = (SELECT oid FROM pg_database WHERE datname = 'app')
	AND pid IN (SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend')}), 0, 'no lock is left');
# a purge that was cancelled is completed by the next one
$primary->safe_psql('app', 'CALL tenant.purge()');

is(untrue_ledgers($primary), '', 'schemas have what their ledgers say');
$primary->safe_psql('app', "DO 'BEGIN PERFORM tenant.resume(name) FROM tenant.tenants WHERE state = ''suspended''; END'");
my (undef, $told) = $primary->psql('app', 'CALL tenant.migrate(jobs => 2)');
is(untrue_ledgers($primary), '', '... and after another run');
is($primary->safe_psql('app', q{SELECT tenant, version, s.state, s.error FROM tenant.migration_status s JOIN tenant.pending USING (tenant, version)
	WHERE s.error !~ 'more0'}), '', 'no tenant lacks anything without a reason of its own');
is($primary->safe_psql('app', "SELECT count(*) FROM tenant.migration_run WHERE state = 'running'"), 0, 'no run claims to go on');
cmp_ok($primary->safe_psql('app', q{SELECT count(*) FROM tenant.applied_migration WHERE state = 'applied'}), '>', 10, 'there were migrations');
is_sound($primary, 'primary');
my $rows = state_of($primary);
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('write'));
$standby->promote;
is_same(state_of($standby), $rows, 'the promoted standby has the same relations with the same rows');
is_sound($standby, 'promoted standby');
my ($dump, $stderr) = run_command([ 'pg_dump', '-s', '-d', $primary->connstr('app') ]);
is($stderr, '', 'the primary can be dumped');
my ($copy) = run_command([ 'pg_dump', '-s', '-d', $standby->connstr('app') ]);
s/^\\(un)?restrict .*$//mg foreach ($dump, $copy);
is_same($copy, $dump, 'both have the same structure');

$standby->stop;
$primary->stop;
done_testing();
