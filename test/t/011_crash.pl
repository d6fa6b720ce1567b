# 011_crash.pl: a crash leaves a clone whole or not at all, whatever the server
# logs, and a rollback leaves no file.
#
# For each level of logging: one clone commits and the server is killed before
# a checkpoint, another one is killed on its way while checkpoints are forced.
# Before recovery the committed clone's files are emptied, as if the operating
# system had lost all that was not synced, unless the server itself relies on
# syncs.  At last the transaction IDs of all this are far in the past.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use BlockTest;
use TenantTest;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('crash');
$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8', '--data-checksums' ]);
$node->append_conf('postgresql.conf', q{
autovacuum = off
statement_timeout = 120s
checkpoint_timeout = 1h
max_wal_size = 8GB
max_prepared_transactions = 5
max_wal_senders = 0
shared_buffers = 2MB
tenant_mgr.clone_workers = 2
});
$node->start;
my $db = 'crash';
new_blocks_database($node, $db);
load_blocks($node, $db, 'src');
$node->safe_psql($db, 'DROP TABLE src.unlogged');
my $rows    = rows_of($node, $db, 'src');
my $answers = answers_of($node, $db, 'src', 'seq');

# a rollback leaves no file
my $base = $node->data_dir . '/base/' . $node->safe_psql($db, 'SELECT oid FROM pg_database WHERE datname = current_database()');
$node->safe_psql($db, 'VACUUM; CHECKPOINT');
my %files = map { $_ => 1 } slurp_dir($base);
$node->safe_psql($db, q{
	BEGIN;
	SAVEPOINT s;
	SELECT tenant.clone('src', 'never');
	INSERT INTO never.big_plain SELECT 1;
	ROLLBACK TO s;
	SELECT tenant.clone('src', 'never', data => false);
	SAVEPOINT s;
	SELECT tenant.clone('src', 'never2');
	RELEASE s;
	ROLLBACK;
	CHECKPOINT});
# catalogs may get maps
is(join(' ', grep { !$files{$_} && !/_(fsm|vm)$|internal/ } slurp_dir($base)), '', 'a rollback, to a savepoint and of all, leaves no file');
is(orphan_files($node, $db), '', 'nor are there others');

foreach my $level ('REPEATABLE READ', 'SERIALIZABLE')
{
	my ($rc, $stdout, $stderr) = $node->psql($db, "\\set VERBOSITY verbose\nBEGIN ISOLATION LEVEL $level;\nSELECT tenant.clone('src', 'never')");
	like($stderr, qr/ERROR:  0A000:/, "refused in $level");
}

my $n = 0;
my @clones;
# the names must not occur among hexadecimal digits
foreach my $case ([ minimal => '0' ], [ minimal => '1GB' ], [ replica => '2MB' ], [ logical => '2MB' ])
{
	crash_and_check(@$case, 'zz' . ++$n);
}

sub crash_and_check
{
	my ($wal_level, $threshold, $clone) = @_;
	my $kind = "wal_level $wal_level, wal_skip_threshold $threshold";
	$node->append_conf('postgresql.conf', "wal_level = $wal_level\nwal_skip_threshold = $threshold\nfull_page_writes = "
		. ($wal_level eq 'logical' ? 'off' : 'on') . "\n");
	$node->restart;

	# one is undone, one is on its way with checkpoints, one commits last
	my $on_its_way = $node->background_psql($db);
	$on_its_way->query_safe("BEGIN; SELECT tenant.clone('src', '${clone}_open')");
	$on_its_way->query_safe("SAVEPOINT s; SELECT tenant.clone('src', '${clone}_undone'); ROLLBACK TO s") if $n % 2;
	my $lock = $n >= 3 ? 'none' : 'share';
	my $scrub = $n == 2 ? 'off' : 'on';
	$node->safe_psql($db, "CHECKPOINT; SET tenant_mgr.clone_lock = $lock; SET tenant_mgr.clone_scrub = $scrub; SELECT tenant.clone('src', '$clone')");
	$node->safe_psql($db, "UPDATE $clone.r SET note = 'before the crash' WHERE id = 1");
	my @files = split /\n/, $node->safe_psql($db, qq{
		WITH tables AS (SELECT oid, reltoastrelid FROM pg_class WHERE relnamespace = '$clone'::regnamespace AND relkind IN ('r', 'm'))
		SELECT pg_relation_filepath(x) FROM (SELECT oid FROM tables UNION SELECT reltoastrelid FROM tables WHERE reltoastrelid <> 0
			UNION SELECT indexrelid FROM pg_index JOIN tables ON indrelid IN (oid, reltoastrelid)) AS f (x)});
	$node->stop('immediate');
	lose_files(@files) unless $wal_level eq 'minimal' && $threshold eq '0';
	$node->start;
	eval { $on_its_way->quit };
	is($node->safe_psql($db, "SELECT to_regnamespace('${clone}_open')"), '', "$kind: what was not committed is gone");
	check_clone($kind, $clone, 'before the crash');

	# killed somewhere on its way
	my $checkpoints = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr($db) ],
		'<', \"CHECKPOINT \\watch 0.02\n", '>', \my $out, '2>', \my $err);
	my $running = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr($db),
		'-c', "SET tenant_mgr.clone_lock = $lock", '-c', "SELECT tenant.clone('src', '${clone}_killed')",
		'-c', "SELECT tenant.clone('src', '${clone}_late')" ], '>', \my $out2, '2>', \my $err2);
	usleep(100_000 + 150_000 * $n);
	$node->stop('immediate');
	eval { $_->finish } foreach $running, $checkpoints;
	$node->start;
	foreach my $name ("${clone}_killed", "${clone}_late")
	{
		if ($node->safe_psql($db, "SELECT count(*) FROM pg_namespace WHERE nspname = '$name'"))
		{
			note("$name was there");
			check_clone("$kind, killed", $name);
			drop_clone($name);
		}
		is($node->safe_psql($db, "SELECT count(*) FROM tenant.tenants WHERE name = '$name' OR state = 'missing'"), 0, "$kind, killed: the registry is right");
	}
	check_clone("$kind, killed", $clone, 'before the crash');
	$n > 1 ? push(@clones, $clone) : drop_clone($clone);
	return;
}

# The operating system has written nothing of these.
sub lose_files
{
	foreach my $file (map { $node->data_dir . "/$_" } @_)
	{
		truncate $file, 0 or die "$file: $!";
		foreach my $fork (grep { -e $_ } map { "${file}_$_" } qw(vm fsm))
		{
			truncate $fork, 0 or die "$fork: $!";
		}
	}
	return;
}

sub check_clone
{
	my ($kind, $clone, $note) = @_;
	is($node->safe_psql($db, "SELECT note FROM $clone.r WHERE id = 1"), $note, "$kind: a change after the clone") if $note;
	$node->safe_psql($db, "UPDATE $clone.r SET note = NULL WHERE id = 1");
	is_same(rows_of($node, $db, $clone, 'src'), $rows, "$kind: same rows");
	is_same(answers_of($node, $db, $clone, 'index'), $answers, "$kind: same answers by index scans");
	amcheck_is_content($node, $db, $clone, $kind);
	$node->safe_psql($db, "UPDATE $clone.r SET note = '$note' WHERE id = 1") if $note;
	return;
}

sub drop_clone
{
	my ($clone) = @_;
	$node->safe_psql($db, "SET client_min_messages = warning; SELECT tenant.drop('$clone', purge => true)");
	return;
}

# transaction IDs of long ago
$node->safe_psql($db, "UPDATE $_.r SET note = NULL WHERE id = 1") foreach @clones;
my $next = $node->safe_psql($db, 'SELECT (pg_current_xact_id()::text::bigint / 1048576 + 4) * 1048576 + 100');
$node->stop;
command_ok([ 'pg_checksums', '--check', '-D', $node->data_dir ], 'checksums of all pages');
append_to_file($node->data_dir . sprintf('/pg_xact/%04X', $next / 1048576), "\0" x 262144);
command_ok([ 'pg_resetwal', '-x', $next, $node->data_dir ], 'four million transactions later');
$node->start;
foreach my $clone (@clones)
{
	is_same(rows_of($node, $db, $clone, 'src'), $rows, "$clone, long after: same rows");
	my ($rc, $stdout, $stderr) = $node->psql($db, join '', map { "VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) $clone.$_;\n" }
		qw(r wide wide_dropped big big_plain emptied other_am arrays booking));
	is($stderr, '', "$clone, long after: can be frozen");
}
$node->psql($_, 'VACUUM (FREEZE)') foreach $db, 'postgres', 'template1';
$node->safe_psql('postgres', 'ALTER DATABASE template0 ALLOW_CONNECTIONS true');
$node->psql('template0', 'VACUUM (FREEZE)');
is(join(' ', grep { $_ eq '0000' } slurp_dir($node->data_dir . '/pg_xact')), '', 'nobody needs the old transaction IDs any more');
foreach my $clone (@clones)
{
	is_same(rows_of($node, $db, $clone, 'src'), $rows, "$clone, frozen: same rows");
	amcheck_is_content($node, $db, $clone, "$clone, frozen");
}

$node->stop;
done_testing();
