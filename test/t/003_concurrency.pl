# 003_concurrency.pl: many sessions at once, and calls that are cut short, leave
# a registry that matches the catalogs, and no file behind.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;
use Time::HiRes qw(time usleep);

use constant STORM_SESSIONS   => 6;
use constant STORM_STATEMENTS => 1500;

my $node = new_node('concurrency', "max_connections = 60\nlock_timeout = 5s\ndeadlock_timeout = 200ms\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	CREATE SCHEMA tpl;
	CREATE TYPE tpl.mood AS ENUM ('sad', 'happy');
	CREATE TABLE tpl.item (id serial PRIMARY KEY, m tpl.mood DEFAULT 'happy', name text);
	CREATE TABLE tpl.part (id serial PRIMARY KEY, item_id int REFERENCES tpl.item);
	CREATE VIEW tpl.happy AS SELECT * FROM tpl.item WHERE m = 'happy';
	INSERT INTO tpl.item (name) SELECT 'item ' || n FROM generate_series(1, 100) AS n;
	SELECT tenant.adopt('tpl', is_template => true);
	CREATE TABLE public.outcome (state text);
});

# Sessions that run files of statements, whatever errors they meet; the
# SQLSTATEs are what is returned, with how often each was met.
sub run_files
{
	my (@files) = @_;
	my (@runs, %states);
	foreach my $file (@files)
	{
		# Output goes to files: a full pipe would stop a session in a transaction.
		my $err = PostgreSQL::Test::Utils::tempdir() . '/err';
		my $harness = IPC::Run::start(
			[ 'psql', '-X', '-q', '-A', '-t', '-o', '/dev/null', '-d', $node->connstr('app'),
				'-v', 'VERBOSITY=sqlstate', '-f', $file ],
			'2>', $err, IPC::Run::timeout(180));
		push @runs, [ $harness, $err ];
	}
	foreach my $run (@runs)
	{
		my ($harness, $file) = @$run;
		$harness->finish;
		my $err = slurp_file($file);
		$states{$1}++ while $err =~ /(?:ERROR|FATAL|PANIC):\s+(\w{5})/g;
		$states{'connection lost'}++ if $err =~ /connection to server/;
	}
	return \%states;
}

sub file_of
{
	my ($name, $content) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . "/$name.sql";
	append_to_file($file, $content);
	return $file;
}

# many create the same tenant: one succeeds, the others learn that it exists
my $same = file_of('same', "SELECT tenant.create('same', template => 'tpl');\n");
my $states = run_files(($same) x 40);
is_deeply($states, { '42P06' => 39 }, 'of 40 that create the same tenant, one succeeds');
is($node->safe_psql('app', 'SELECT count(*) FROM same.item'), 100, 'that one is whole');
registry_is_true($node, 'app', 'registry after many creates');

# each its own: all succeed
$states = run_files(map { file_of("own$_", "SELECT tenant.create('own$_', template => 'tpl');\n") } 1 .. 20);
is_deeply($states, {}, 'all of 20 that create tenants of their own succeed');

# clones in opposite directions: never worse than a deadlock that is reported
$node->safe_psql('app', q{SELECT tenant.create('left', template => 'tpl'), tenant.create('right', template => 'tpl')});
$states = run_files(
	file_of('lr', join '', map { "SELECT tenant.clone('left', 'to$_'); SELECT tenant.drop('right', purge => true); SELECT tenant.clone('to$_', 'right');\n" } 1 .. 10),
	file_of('rl', join '', map { "SELECT tenant.clone('right', 'fro$_'); SELECT tenant.drop('left', purge => true); SELECT tenant.clone('fro$_', 'left');\n" } 1 .. 10));
is(join(' ', grep { !/^(40P01|55P03|3F000|42P06|55006)$/ } sort keys %$states), '', 'clones in opposite directions');
registry_is_true($node, 'app', 'registry after clones in opposite directions');

# a storm of everything on a few names
sub random_statement
{
	my (@more) = @_;
	my $a = 'n' . int(rand(6));
	my $b = 'n' . int(rand(6));
	my @statements = (
		"SELECT tenant.create('$a', template => 'tpl')",
		"SELECT tenant.create('$a')",
		"SELECT tenant.clone('$a', '$b')",
		"SELECT tenant.clone('$a', '$b', data => false)",
		"SELECT tenant.switch('$a')",
		"SELECT count(*) FROM item",
		"INSERT INTO item (name) VALUES ('storm')",
		"BEGIN; SELECT tenant.switch_local('$a'); SELECT count(*) FROM item; COMMIT",
		"BEGIN; SELECT tenant.switch('$a'); SELECT tenant.rename('$a', '$b'); ROLLBACK",
		"BEGIN; SAVEPOINT s; SELECT tenant.clone('tpl', '$a'); ROLLBACK TO s; COMMIT",
		"SELECT tenant.reset()",
		"SELECT tenant.rename('$a', '$b')",
		"SELECT tenant.suspend('$a')",
		"SELECT tenant.resume('$a')",
		"SELECT tenant.drop('$a')",
		"SELECT tenant.drop('$a', purge => true)",
		"SELECT tenant.restore('$a')",
		"CALL tenant.purge('$a')",
		"SELECT count(*) FROM tenant.tenants",
		map { s/:a/$a/r =~ s/:b/$b/r } @more);
	return $statements[ rand @statements ] . ";\n";
}

# duplicate, absent, in use, deadlock, lock timeout, suspended, not bound, no
# such table without a binding, aborted transaction
my @expected = qw(42P06 3F000 55006 40P01 55P03 TM001 TM002 42P01 25P02 55000);

sub storm
{
	my ($name, $known, @more) = @_;
	my $seed = srand();
	my $started = time;
	my $states = run_files(map {
		file_of("$name $_", "SET client_min_messages = error;\n" . join('', map { random_statement(@more) } 1 .. STORM_STATEMENTS))
	} 1 .. STORM_SESSIONS);
	note(sprintf('%s took %.1f s and met %s', $name, time - $started,
		join(', ', map { "$_ x $states->{$_}" } sort keys %$states)));
	my %known = map { $_ => 1 } @$known;
	is(join(' ', grep { !$known{$_} } sort keys %$states), '', "$name met only errors that a caller can expect (seed $seed)");
	registry_is_true($node, 'app', "registry after $name");
	return;
}

storm('a storm of our functions', \@expected);
# ALTER SCHEMA ... RENAME takes no lock on the schema: the server itself reports
# its races as a duplicate key or as a row that was updated concurrently
storm('a storm with plain commands', [ @expected, '23505', 'XX000' ],
	'DROP SCHEMA IF EXISTS :a CASCADE', 'ALTER SCHEMA :a RENAME TO :b');
# A plain command that is not committed yet, and a function that has to wait for
# it: afterwards the function finds the tenant where it is, or not at all.
sub wait_for_plain
{
	my ($plain, $call) = @_;
	$node->safe_psql('app', "SELECT tenant.create('n1', template => 'tpl')");
	$node->safe_psql('app', "SELECT tenant.suspend('n1')") if $call =~ /resume/;
	my @psql = ('psql', '-X', '-q', '-A', '-t', '-d', $node->connstr('app'));
	my ($in, $ready, $out, $stderr) = ("SET client_min_messages = error;\nBEGIN;\n$plain;\n\\echo ready\n", '', '', '');
	my $first = IPC::Run::start([@psql], '<', \$in, '>', \$ready, IPC::Run::timeout(60));
	$first->pump until $ready =~ /ready/;
	my $second = IPC::Run::start([ @psql, '-c', '\set VERBOSITY sqlstate', '-c', 'SET client_min_messages = error', '-c', "SELECT $call" ],
		'>', \$out, '2>', \$stderr, IPC::Run::timeout(60));
	# some of them have no reason to wait
	foreach (1 .. 10)
	{
		last if $node->safe_psql('app', 'SELECT count(*) > 0 FROM pg_locks WHERE NOT granted') eq 't';
		usleep(50_000);
	}
	$in = "COMMIT;\n\\q\n";
	$first->finish;
	$second->finish;
	like($stderr, qr/^$|3F000/, "$call while $plain commits");
	$node->safe_psql('app', join '', map { "SELECT tenant.drop('$_', purge => true) WHERE tenant.exists('$_');" } qw(n1 n2 n3));
	$node->safe_psql('app', 'SET client_min_messages = error; DROP SCHEMA IF EXISTS n1, n2, n3 CASCADE');
	return;
}

$node->safe_psql('app', join '', map { "SELECT tenant.drop('n$_', purge => true) WHERE tenant.exists('n$_');" } 0 .. 5);
foreach my $plain ('DROP SCHEMA n1 CASCADE', 'ALTER SCHEMA n1 RENAME TO n2')
{
	wait_for_plain($plain, "tenant.$_")
	  foreach "suspend('n1')", "resume('n1')", "set_metadata('n1', '{}')", "rename('n1', 'n3')",
	  "drop('n1')", "switch('n1')", "clone('n1', 'n3')", "add_domain('n1.example', 'n1')";
	registry_is_true($node, 'app', "registry after functions that waited for $plain");
}

is($node->safe_psql('app', 'SELECT count(*) FROM pg_locks WHERE pid <> pg_backend_pid() AND database IS NOT NULL AND locktype <> $$relation$$ AND granted'),
	0, 'no lock is left');

# A clone that is cut short at any time leaves nothing.
$node->safe_psql('app', q{
	CREATE SCHEMA big;
	SET search_path = big;
	SELECT format('CREATE TABLE t%1$s (id serial PRIMARY KEY, a int UNIQUE, t text);
		INSERT INTO t%1$s (a, t) SELECT n, repeat(md5(n::text), 100) FROM generate_series(1, 60) AS n', n)
	FROM generate_series(1, 80) AS n
	\gexec
	CREATE TYPE e AS ENUM ('a', 'b');
	CREATE TABLE rows (e e[], t text);
	INSERT INTO rows SELECT '{a,b}', repeat('x', 500) FROM generate_series(1, 5000);
});

sub nothing_is_left
{
	my ($name) = @_;
	is( $node->safe_psql('app', q{
		SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = 'victim'),
			(SELECT count(*) FROM tenant.registry WHERE name = 'victim' OR schema_name = 'victim'),
			(SELECT count(*) FROM pg_class c LEFT JOIN pg_namespace n ON n.oid = relnamespace WHERE n.oid IS NULL)}),
		'0|0|0', "$name: no schema, no row");
	is(orphan_files($node, 'app'), '', "$name: no file");
	return;
}

$node->safe_psql('app', "SELECT tenant.clone('big', 'victim'); SELECT tenant.drop('victim', purge => true)");
my $started = time;
$node->safe_psql('app', "SELECT tenant.clone('big', 'victim')");
my $took = (time - $started) * 1000;
$node->safe_psql('app', "SELECT tenant.drop('victim', purge => true)");
nothing_is_left('drop with purge');

my ($cut, $whole) = (0, 0);
foreach my $step (1 .. 40)
{
	my $timeout = 1 + int($took * $step / 25);
	my ($rc, $stdout, $stderr) = $node->psql('app',
		"\\set VERBOSITY sqlstate\nSET statement_timeout = '${timeout}ms';\nSELECT tenant.clone('big', 'victim')");
	if ($stderr =~ /57014/) { $cut++; }
	elsif ($stderr eq '') { $whole++; $node->safe_psql('app', "SELECT tenant.drop('victim', purge => true)"); }
	else { fail("statement_timeout $timeout ms: $stderr"); }
}
note(sprintf('a clone takes %d ms; %d of 40 were cut short, %d came through', $took, $cut, $whole));
ok($cut > 5, 'statement_timeout cut clones short at many points');
nothing_is_left('statement_timeout');

$node->safe_psql('app', "BEGIN; SELECT tenant.clone('big', 'victim'); ROLLBACK");
nothing_is_left('rollback');
$node->safe_psql('app', "BEGIN; SAVEPOINT s; SELECT tenant.clone('big', 'victim'); ROLLBACK TO s; SELECT tenant.clone('tpl', 'kept'); COMMIT");
is($node->safe_psql('app', 'SELECT count(*) FROM kept.item'), 100, 'a clone after a savepoint is whole');
$node->safe_psql('app', "SELECT tenant.drop('kept', purge => true)");
nothing_is_left('rollback to a savepoint');

# the session is killed
foreach my $part (0.2, 0.5, 0.8)
{
	my ($out, $err) = ('', '');
	my $harness = IPC::Run::start([ 'psql', '-X', '-d', $node->connstr('app'), '-c', "SELECT tenant.clone('big', 'victim')" ],
		'>', \$out, '2>', \$err, IPC::Run::timeout(60));
	usleep($took * $part * 1000);
	$node->safe_psql('app', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%victim%' AND pid <> pg_backend_pid()});
	eval { $harness->finish };
	$node->safe_psql('app', "SELECT tenant.drop('victim', purge => true)")
	  if $node->safe_psql('app', "SELECT tenant.exists('victim')") eq 't';
}
nothing_is_left('pg_terminate_backend');
registry_is_true($node, 'app', 'registry at the end') if $node->safe_psql('app', 'DROP SCHEMA big CASCADE') eq '';

unlike(slurp_file($node->logfile), qr/WARNING:.*(leak|still referenced)|PANIC|TRAP|XX000/, 'the log tells of no leak');
$node->stop;
done_testing();
