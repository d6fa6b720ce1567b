# 020_progress.pl: a clone and a purge that are under way can be watched from
# another session, and nothing is left to be seen when they have ended, been
# cancelled or failed.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;
use Time::HiRes qw(usleep);

my $node = new_node('progress', "shared_preload_libraries = 'tenant_mgr'\n"
	  . "max_locks_per_transaction = 64\nmax_connections = 12\nfsync = off\n");
new_database($node, 'app');

# Look until the query has an answer; the answer, or '' if there never is one.
sub wait_for
{
	my ($query) = @_;
	for (my $try = 0; $try < 3000; $try++)
	{
		my $answer = $node->safe_psql('app', $query);
		return $answer if $answer ne '';
		usleep(10_000);
	}
	return '';
}

# A statement in a session of its own.
sub start_session
{
	my ($sql) = @_;
	my ($out, $err) = ('', '');
	my $harness = IPC::Run::start([ 'psql', '-X', '-d', $node->connstr('app'), '-c', $sql ],
		'>', \$out, '2>', \$err, IPC::Run::timeout(180));
	return { harness => $harness, err => \$err };
}

sub finish
{
	my ($session) = @_;
	$session->{harness}->finish;
	return ${ $session->{err} };
}

# The slot is empty.  The server may take a moment to notice what has happened.
sub is_idle
{
	my ($name) = @_;
	ok($node->poll_query_until('app', 'SELECT count(*) = 0 FROM tenant.progress'), $name);
	return;
}

# Large tables, one copied block by block and one row by row.
$node->safe_psql('app', q{
	SELECT tenant.create('big');
	CREATE TABLE big.blocks AS SELECT g AS id, repeat(md5(g::text), 20) AS t FROM generate_series(1, 150000) g;
	CREATE TYPE big.mood AS ENUM ('sad', 'happy');
	CREATE TYPE big.pair AS (m big.mood, i int);
	CREATE TABLE big.rows AS SELECT ROW('happy', g)::big.pair AS p FROM generate_series(1, 100000) g;
	CREATE INDEX ON big.rows (p);
	CREATE ROLE tm_reader LOGIN;
	CREATE ROLE tm_stats LOGIN;
	GRANT pg_read_all_stats TO tm_stats;
});
is($node->safe_psql('app', 'SELECT count(*) FROM tenant.progress'), 0, 'nothing is under way at first');

# waiting for a lock
my $blocker = $node->background_psql('app');
$blocker->query_safe('BEGIN; INSERT INTO big.blocks VALUES (0)');
my $session = start_session("SELECT tenant.clone('big', 'copy')");
is(wait_for(q{SELECT operation, tenant, phase, percent IS NULL FROM tenant.progress WHERE phase = 'locking'}),
	'clone|copy|locking|t', 'a clone that waits for a lock says so');
is($node->safe_psql('app', q{SELECT operation, tenant IS NULL AND phase IS NULL AND total IS NULL AND started_at IS NULL
	FROM tenant.progress}, extra_params => [ '-U', 'tm_reader' ]), 'clone|t', 'a role without privileges sees that there is something');
is($node->safe_psql('app', 'SELECT operation, tenant, phase FROM tenant.progress', extra_params => [ '-U', 'tm_stats' ]),
	'clone|copy|locking', 'whoever may read all statistics sees what it is');
is($node->safe_psql('postgres', q{CREATE EXTENSION tenant_mgr; SELECT count(*) FROM tenant.progress}),
	0, 'it is not seen from another database');
my $pid = $node->safe_psql('app', 'SELECT pid FROM tenant.progress');
is($node->safe_psql('app', "SELECT state FROM pg_stat_activity WHERE pid = $pid"), 'active', 'the process is the one that clones');

# cancelled, it leaves nothing
$node->safe_psql('app', "SELECT pg_cancel_backend($pid)");
like(finish($session), qr/canceling statement/, 'the clone is cancelled');
is_idle('a cancelled clone leaves no trace');
$blocker->query_safe('ROLLBACK');

# each phase that takes time is seen, and counts up
foreach my $workers (0, 2)
{
	$session = start_session("SET tenant_mgr.clone_workers = $workers; SELECT tenant.clone('big', 'copy$workers')");
	my %seen;
	my $wrong = '';
	while ($session->{harness}->pumpable)
	{
		$session->{harness}->pump_nb;
		foreach my $row (split /\n/, $node->safe_psql('app', 'SELECT phase, done, total, percent, relations_done, relations_total,
			bytes_done, bytes_total FROM tenant.progress'))
		{
			my ($phase, $done, $total, $percent, $rd, $rt, $bd, $bt) = split /\|/, $row, -1;
			$seen{$phase}++;
			$wrong = $row if ($total ne '' && $done > $total) || ($percent ne '' && ($percent < 0 || $percent > 100))
			  || ($bt ne '' && ($bd ne $done || $bt ne $total)) || ($rt ne '' && $rd > $rt);
		}
		usleep(2_000);
	}
	is(finish($session), '', "a clone with $workers workers succeeds");
	note(join ', ', map { "$_: $seen{$_}" } sort keys %seen);
	ok($seen{'copying blocks'}, "with $workers workers, blocks are seen to be copied");
	ok($seen{'copying rows'} || $seen{'building indexes'}, "with $workers workers, rows are seen to be copied");
	is($wrong, '', "with $workers workers, the figures make sense");
	is_idle("with $workers workers, nothing is left");
}

# a session that ends in the middle
$blocker->query_safe('BEGIN; INSERT INTO big.blocks VALUES (0)');
$session = start_session("SELECT tenant.clone('big', 'killed')");
$pid = wait_for(q{SELECT pid FROM tenant.progress WHERE phase = 'locking'});
$node->safe_psql('app', "SELECT pg_terminate_backend($pid)");
eval { finish($session) };
is_idle('a session that is terminated leaves no trace');

# a clone that fails within a savepoint, its transaction going on
my $other = $node->background_psql('app', on_error_stop => 0);
$other->query('BEGIN; SAVEPOINT s; SET LOCAL lock_timeout = 100');
$other->query("SELECT tenant.clone('big', 'failed')");
$other->query('ROLLBACK TO s');
is($node->safe_psql('app', 'SELECT count(*) FROM tenant.progress'), 0, 'a clone that fails within a savepoint leaves no trace');
$other->query('COMMIT');
$other->quit;

# and a snapshot
$session = start_session("SELECT tenant.snapshot('big', 'before')");
is(wait_for('SELECT operation, tenant, phase FROM tenant.progress'), 'snapshot|big|locking', 'a snapshot is seen');
$blocker->query_safe('ROLLBACK');
is(finish($session), '', 'the snapshot is made');
$session = start_session("BEGIN; SELECT tenant.rollback_to('big', 'before'); COMMIT");
finish($session);
is_idle('a snapshot and going back to it leave no trace');
$blocker->quit;

# a purge in several transactions
my $tables = 900;
$node->safe_psql('app', "CREATE SCHEMA many;\n" . join('', map { "CREATE TABLE many.t$_ (id serial PRIMARY KEY);\n" } 1 .. $tables)
	  . "SELECT tenant.adopt('many'), tenant.drop('many');");
$session = start_session("CALL tenant.purge('many')");
my @figures;
while ($session->{harness}->pumpable)
{
	$session->{harness}->pump_nb;
	my $row = $node->safe_psql('app', q{SELECT phase, done, total, relations_total IS NULL FROM tenant.progress
		WHERE operation = 'purge' AND tenant = 'many' AND done > 0});
	push @figures, $row if $row ne '' && (!@figures || $figures[-1] ne $row);
	usleep(2_000);
}
is(finish($session), '', 'a purge succeeds');
note(join ' ', @figures);
ok(@figures > 0, 'a purge is seen to make progress');
is(join(' ', grep { !/^dropping objects\|\d+\|\d+\|t$/ } @figures), '', 'in objects, not relations');
is_idle('a purge leaves no trace');

# without the library being preloaded there is nothing to be seen, and no error
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
is($node->safe_psql('app', "SELECT tenant.create('late'); SELECT tenant.clone('late', 'late2'); SELECT count(*) FROM tenant.progress"),
	"late\nlate2\n0", 'without preloading there are no rows');

$node->stop;
done_testing();
