# 133_migrate_crash.pl: whatever is killed while tenants are migrated (a worker,
# the session that directs them, the server), each tenant has each version once:
# what the ledger says is there is there, and nothing else; and a later call goes
# on.  TM_ROUNDS=50 makes it a long test.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;
use Time::HiRes qw(usleep);

my $rounds = $ENV{TM_ROUNDS} // 8;
my $seed = $ENV{TM_SEED} // time;
my $tenants = 40;
srand($seed);
note("seed $seed");

my $node = new_node('migrate_crash', "shared_preload_libraries = 'tenant_mgr'\n"
	  . "restart_after_crash = on\nfsync = off\nmax_worker_processes = 8\n");
new_database($node, 'app');
$node->safe_psql('app', qq{
	SELECT tenant.create('tpl'), tenant.set_template('tpl', true);
	CREATE TABLE tpl.counters (version int PRIMARY KEY, n int DEFAULT 0);
	CREATE TABLE tpl.rows AS SELECT g AS id FROM generate_series(1, 300) g;
	SELECT tenant.create('t' || i, template => 'tpl') FROM generate_series(1, $tenants) i});

# The server may be about to start over.
sub try_sql
{
	my ($sql) = @_;
	my ($out, $err);
	my $rc = $node->psql('app', $sql, stdout => \$out, stderr => \$err);
	return $rc == 0 ? $out : undef;
}

sub pid_of
{
	my ($what) = @_;
	my $pid = try_sql("SELECT pid FROM pg_stat_activity WHERE $what ORDER BY random() LIMIT 1");
	return defined $pid && $pid =~ /^\d+$/ ? $pid : undef;
}

sub wait_until_up
{
	for (1 .. 600)
	{
		return 1 if defined try_sql('SELECT 1');
		usleep(100_000);
	}
	return 0;
}

# A migration counts how often it was applied: a second time would be seen.
my %died;
for my $round (1 .. $rounds)
{
	my $a = 2 * $round + 100;
	my $b = $a + 1;
	$node->safe_psql('app', qq{
		SELECT tenant.add_migration('$a', 'INSERT INTO counters VALUES ($a) ON CONFLICT (version) DO UPDATE SET n = counters.n + 1;
			UPDATE counters SET n = n + 1 WHERE version = $a; ALTER TABLE rows ADD COLUMN c$a int DEFAULT 1; CREATE INDEX i$a ON rows (c$a)');
		SELECT tenant.add_migration('$b', 'INSERT INTO counters VALUES ($b) ON CONFLICT (version) DO UPDATE SET n = counters.n + 1;
			UPDATE counters SET n = n + 1 WHERE version = $b; CREATE INDEX CONCURRENTLY i$b ON rows (c$a, id)', transactional => false)});
	my ($out, $err) = ('', '');
	my $jobs = 1 + int(rand(3));
	my $run = IPC::Run::start([ 'psql', '-X', '-d', $node->connstr('app'), '-c', "CALL tenant.migrate(jobs => $jobs)" ],
		'>', \$out, '2>', \$err, IPC::Run::timeout(180));
	usleep(50_000 + int(rand(700_000)));
	my $kind = ('worker', 'director', 'server')[ $round % 3 ];
	my $leader = "query LIKE 'CALL tenant.migrate%'";
	my $pid = $kind eq 'worker' ? pid_of("backend_type LIKE '%migrate%'") // pid_of($leader)
		: $kind eq 'director' ? pid_of($leader) : undef;
	if ($kind eq 'server')
	{
		$node->stop('immediate');
		$node->start;
		$died{server}++;
	}
	elsif (defined $pid)
	{
		kill 'KILL', $pid;
		$died{$kind}++;
	}
	$run->finish;
	ok(wait_until_up(), "round $round: the server is up after the $kind was killed");

	# now, and after the run has been taken up again
	foreach my $when ('after the crash', 'in the end')
	{
		is($node->safe_psql('app', q{
			BEGIN ISOLATION LEVEL REPEATABLE READ;
			CREATE TEMP TABLE seen (tenant text, version text, n int);
			SELECT format('INSERT INTO seen SELECT %L, version, n FROM %I.counters;', name, schema_name) FROM tenant.tenants WHERE state = 'active' \gexec
			SELECT tenant, version, s.state, seen.n FROM tenant.migration_status s FULL JOIN seen USING (tenant, version)
			WHERE CASE s.state WHEN 'partial' THEN seen.n > 1
				ELSE (s.state = 'applied') IS DISTINCT FROM (seen.version IS NOT NULL) OR seen.n <> 1 END}),
			'', "what the ledger has is there, once, $when");
		is($node->safe_psql('app', q{SELECT count(*) FROM tenant.applied_migration a JOIN tenant.registry r ON id = tenant_id
			WHERE a.state = 'applied' AND NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
				JOIN pg_index ON indexrelid = c.oid WHERE nspname = schema_name AND relname = 'i' || version AND indisvalid)}),
			0, "with its index, $when");
		last if $when eq 'in the end';
		my ($told, $again);
		$node->psql('app', 'CALL tenant.migrate(jobs => 2)', stdout => \$told, stderr => \$again);
		unlike($again, qr/ERROR|WARNING/, 'another call goes on');
		is($node->safe_psql('app', 'SELECT count(*) FROM tenant.pending'), 0, 'and finishes');
	}
}
is($node->safe_psql('app', "SELECT count(*) FROM tenant.migration_run WHERE state = 'running'"), 0, 'no run claims to go on');
is($node->safe_psql('app', 'SELECT count(*) FROM pg_index WHERE NOT indisvalid'), 0, 'no invalid index is left');
is($node->safe_psql('app', "SELECT count(*) FROM tenant.doctor() WHERE severity = 'error'"), 0, 'nothing is wrong');
note(join(', ', map { "$_ killed $died{$_} times" } sort keys %died));
cmp_ok($died{server} // 0, '>', 0, 'the server was killed');

# What a run has told is there, though no tenant has waited for the disk.
foreach my $jobs (1, 2)
{
	$node->safe_psql('app', "SELECT tenant.add_migration('9$jobs', 'ALTER TABLE rows ADD COLUMN d$jobs int')");
	$node->safe_psql('app', "CALL tenant.migrate(jobs => $jobs)");
	$node->stop('immediate');
	$node->start;
	is($node->safe_psql('app', 'SELECT count(*) FROM tenant.pending'), 0, "a run of $jobs jobs that has ended survives a crash");
	is($node->safe_psql('app', "SELECT count(*) FROM pg_attribute WHERE attname = 'd$jobs'"), $tenants + 1, '... and what it has done');
	is($node->safe_psql('app', 'SELECT state FROM tenant.migration_run ORDER BY run DESC LIMIT 1'), 'finished', '... and its row');
}
$node->safe_psql('app', "SELECT tenant.add_migration('93', 'ALTER TABLE rows ADD COLUMN d3 int')");
$node->safe_psql('app', 'SET tenant_mgr.migrate_synchronous_commit = on; CALL tenant.migrate(jobs => 2)');
is($node->safe_psql('app', 'SELECT count(*) FROM tenant.pending'), 0, 'nor is anything missing where each waits');

done_testing();
