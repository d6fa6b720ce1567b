# 013_online.pl: a clone of a schema that is being written to is a picture of
# one moment, and a clone that locks waits and is waited for.
#
# pgbench keeps four sums equal in every transaction: a clone taken at any
# moment must show them equal.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;
use Time::HiRes qw(time usleep);

my $node = new_node('online', q{
wal_level = replica
statement_timeout = 120s
max_prepared_transactions = 5
max_worker_processes = 8
shared_buffers = 64MB
max_wal_size = 4GB
});
my $db = 'online';
new_database($node, $db);
$node->safe_psql($db, q{CREATE SCHEMA bank; CREATE EXTENSION amcheck});
my @bench = ('pgbench', '-h', $node->host, '-p', $node->port, '-n');
{
	local $ENV{PGOPTIONS} = '-c search_path=bank';
	command_ok([ @bench, '-i', '-q', '-s', '5', '-F', '70', $db ], 'pgbench has its tables');
}
$node->safe_psql($db, q{SET search_path = bank;
	CREATE TYPE mark AS ENUM ('low', 'high');
	ALTER TABLE pgbench_history ADD COLUMN id bigserial PRIMARY KEY, ADD COLUMN mark mark DEFAULT 'low', ADD COLUMN wide text;
	ALTER TABLE pgbench_history ALTER wide SET STORAGE EXTERNAL;
	CREATE INDEX ON pgbench_accounts (abalance);
	CREATE INDEX ON pgbench_history USING gin (to_tsvector('simple', left(wide, 10))) WITH (fastupdate = on);
	CREATE INDEX ON pgbench_history USING hash (mark);
	ALTER TABLE pgbench_history ADD FOREIGN KEY (aid) REFERENCES pgbench_accounts});

# pgbench's own transaction, with values out of line and churn besides
my $script = PostgreSQL::Test::Utils::tempdir() . '/online.sql';
append_to_file($script, q{
\set aid random(1, 100000 * :scale)
\set bid random(1, 1 * :scale)
\set tid random(1, 10 * :scale)
\set delta random(-5000, 5000)
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
UPDATE pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :tid;
UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = :bid;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime, mark, wide)
	VALUES (:tid, :bid, :aid, :delta, CURRENT_TIMESTAMP, CASE WHEN :delta > 0 THEN 'high'::mark ELSE 'low' END,
		repeat(md5(:aid::text), 10 + :aid % 200));
UPDATE pgbench_history SET wide = wide || 'x' WHERE id = (SELECT max(id) - 20 FROM pgbench_history);
END;
});
# one more that aborts what it does
my $aborts = PostgreSQL::Test::Utils::tempdir() . '/aborts.sql';
append_to_file($aborts, q{
\set aid random(1, 100000 * :scale)
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + 1000000 WHERE aid = :aid;
INSERT INTO pgbench_history (delta, wide) VALUES (1000000, repeat('never', 2000));
ROLLBACK;
});

my $sums = q{
	SELECT (SELECT sum(abalance) FROM pgbench_accounts) || ' ' || (SELECT sum(tbalance) FROM pgbench_tellers) || ' '
		|| (SELECT sum(bbalance) FROM pgbench_branches) || ' ' || (SELECT coalesce(sum(delta), 0) FROM pgbench_history)};

sub start_bench
{
	my ($seconds) = @_;
	local $ENV{PGOPTIONS} = '-c search_path=bank';
	my ($out, $err);
	my $harness = IPC::Run::start([ @bench, '-c', '4', '-s', '5', '-T', $seconds, '--max-tries', '50', '-f', "$script\@9", '-f', "$aborts\@1", $db ],
		'>', \$out, '2>', \$err);
	return [ $harness, \$err ];
}

sub check_sums
{
	my ($clone, $name) = @_;
	my @sums = split / /, $node->safe_psql($db, "SET search_path = $clone; $sums");
	is_deeply(\@sums, [ ($sums[0]) x 4 ], "$name: the sums are equal") or diag("@sums");
	is( $node->safe_psql($db, "SET search_path = $clone; SELECT count(*) FROM pgbench_history h LEFT JOIN pgbench_accounts a USING (aid)
		WHERE a.aid IS NULL OR wide !~ ('^(' || md5(aid::text) || ')+x*\$') OR length(rtrim(wide, 'x')) <> 32 * (10 + aid % 200)"),
		0, "$name: values out of line belong to their rows");
	is($node->safe_psql($db, "SET search_path = $clone; SET enable_seqscan = off; SELECT count(*) FROM pgbench_history WHERE mark = 'high'"),
		$node->safe_psql($db, "SET search_path = $clone; SET enable_indexscan = off; SET enable_bitmapscan = off; SELECT count(*) FROM pgbench_history WHERE mark = 'high'"),
		"$name: an index of enum values");
	local $ENV{PGOPTIONS} = '-c client_min_messages=warning';
	my ($stdout, $stderr) = run_command([ 'pg_amcheck', '--heapallindexed', '--parent-check',
		'-h', $node->host, '-p', $node->port, '-d', $db, '-s', $clone ]);
	is("$stdout$stderr", '', "$name: pg_amcheck");
	return;
}

# without locks: nobody waits, and each clone is of one moment
my $bench = start_bench(16);
usleep(2_000_000);
my @clones;
foreach my $n (1 .. 5)
{
	my $workers = $n % 2 ? 2 : 0;
	my $scrub = $n == 4 ? 'off' : 'on';
	$node->safe_psql($db, "SET tenant_mgr.clone_lock = none; SET tenant_mgr.clone_workers = $workers;
		SET tenant_mgr.clone_scrub = $scrub; SELECT tenant.clone('bank', 'online$n')");
	push @clones, "online$n";
	usleep(300_000);
}
# With the lock, from the same turmoil; pgbench waits meanwhile.  Tables are
# locked one after the other, and not in pgbench's order: a deadlock is reported
# to either of them, who tries again.
foreach my $n (1 .. 3)
{
	my $scrub = $n == 2 ? 'off' : 'on';
	foreach my $try (1 .. 10)
	{
		my ($rc, $stdout, $stderr) = $node->psql($db, "SET tenant_mgr.clone_scrub = $scrub; SELECT tenant.clone('bank', 'locked$n')");
		next if $stderr =~ /deadlock detected/;
		is($stderr, '', "locked$n is there, after $try tries");
		last;
	}
	push @clones, "locked$n";
	usleep(300_000);
}
$bench->[0]->finish;
unlike(${ $bench->[1] }, qr/error|aborted|could not/i, 'pgbench saw no error');
cmp_ok($node->safe_psql($db, "SELECT (SELECT count(*) FROM bank.pgbench_history) - (SELECT count(*) FROM online1.pgbench_history)"),
	'>', 0, 'and went on after the first clone');
check_sums($_, $_) foreach @clones, 'bank';

# clones take rows like their source: no page is named that they do not have
foreach my $clone ('online1', 'online5', 'locked3')
{
	my ($rc, $stdout, $stderr) = $node->psql($db, "SET search_path = $clone;
		INSERT INTO pgbench_history (delta, aid, wide) SELECT 0, n, repeat(md5(n::text), 10 + n % 200) FROM generate_series(1, 3000) AS n;
		UPDATE pgbench_accounts SET filler = 'new' WHERE aid % 10 = 0");
	is($stderr, '', "$clone takes rows");
	check_sums($clone, "$clone, with new rows");
}

# writers wait for a clone that locks, and readers do not
my $cloner = $node->background_psql($db);
$cloner->query_safe("BEGIN; SELECT tenant.clone('bank', 'held')");
my ($rc, $stdout, $stderr) = $node->psql($db, "\\set VERBOSITY verbose\nSET lock_timeout = '200ms';\nUPDATE bank.pgbench_tellers SET tbalance = 0");
like($stderr, qr/55P03/, 'a writer waits');
cmp_ok($node->safe_psql($db, "SET lock_timeout = '200ms'; SELECT count(*) FROM bank.pgbench_tellers"), '>', 0, 'a reader does not');
$cloner->query_safe('ROLLBACK');

# not with a clone that does not lock
$cloner->query_safe("SET tenant_mgr.clone_lock = none; BEGIN; SELECT tenant.clone('bank', 'held')");
is($node->psql($db, "SET lock_timeout = '200ms'; UPDATE bank.pgbench_tellers SET filler = 'x'"), 0, 'no writer waits for a clone without locks');
$cloner->query_safe('ROLLBACK; RESET tenant_mgr.clone_lock');

# and a clone that locks waits for them: or it gives up, and nothing is left
$node->safe_psql($db, "BEGIN; UPDATE bank.pgbench_tellers SET tbalance = tbalance + 7; PREPARE TRANSACTION 'open'");
($rc, $stdout, $stderr) = $node->psql($db, "\\set VERBOSITY verbose\nSET lock_timeout = '200ms';\nSELECT tenant.clone('bank', 'never')");
like($stderr, qr/55P03/, 'a clone waits for a prepared transaction, and gives up');
is($node->safe_psql($db, "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname IN ('never', 'held'))
	+ (SELECT count(*) FROM tenant.tenants WHERE name IN ('never', 'held'))"), 0, 'nothing is left of it');
is(orphan_files($node, $db), '', 'nor is a file');
my $started = time;
$cloner->query_until(qr/sent/, "\\echo sent\nSELECT tenant.clone('bank', 'patient');\n");
usleep(500_000);
is($node->safe_psql($db, "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'ShareLock'"), 1, 'another one waits');
$node->safe_psql($db, "ROLLBACK PREPARED 'open'");
$cloner->query_safe('SELECT 1');
$cloner->quit;
cmp_ok(time - $started, '>', 0.4, 'until the transaction has ended');
check_sums('patient', 'patient');

# a row that a prepared transaction has changed is taken as it was
$node->safe_psql($db, "BEGIN; UPDATE bank.pgbench_tellers SET tbalance = tbalance + 7; INSERT INTO bank.pgbench_history (delta) VALUES (7); PREPARE TRANSACTION 'open'");
$node->safe_psql($db, "SET tenant_mgr.clone_lock = none; SELECT tenant.clone('bank', 'impatient')");
check_sums('impatient', 'impatient');
$node->safe_psql($db, "COMMIT PREPARED 'open'");
check_sums('impatient', 'impatient, later');

$node->stop;
done_testing();
