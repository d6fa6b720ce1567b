# 012_standby.pl: clones reach a standby whole, and work there once it is promoted.
#
# wal_consistency_checking compares the standby's pages with the primary's at
# each change after the clone.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use BlockTest;
use TenantTest;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C.UTF-8', '--data-checksums' ]);
$primary->append_conf('postgresql.conf', q{
autovacuum = off
statement_timeout = 120s
max_wal_size = 8GB
max_prepared_transactions = 5
shared_buffers = 16MB
wal_keep_size = 4GB
});
$primary->start;
my $db = 'standby';
new_blocks_database($primary, $db);
load_blocks($primary, $db, 'src');
# what comes after a crash recovery is not what this is about
$primary->safe_psql($db, 'DROP TABLE src.unlogged');
$primary->backup('base');

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "hot_standby_feedback = on\nmax_standby_streaming_delay = 60s\n");
$standby->start;

# a query on the standby that began before the clones sees what it saw
my $reader = $standby->background_psql($db);
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
my $before = $reader->query_safe('SELECT count(*) FROM src.r');

my $rows    = rows_of($primary, $db, 'src');
my $answers = answers_of($primary, $db, 'src', 'seq');
# the names must not occur among hexadecimal digits
my @clones = ([ 'zz_share', 'share', 'on', 0 ], [ 'zz_verbatim', 'share', 'off', 2 ], [ 'zz_none', 'none', 'on', 2 ]);
foreach my $case (@clones)
{
	my ($clone, $lock, $scrub, $workers) = @$case;
	$primary->safe_psql($db, "SET tenant_mgr.clone_lock = $lock; SET tenant_mgr.clone_scrub = $scrub;
		SET tenant_mgr.clone_workers = $workers; SELECT tenant.clone('src', '$clone')");
}
$primary->safe_psql($db, "BEGIN; SELECT tenant.clone('src', 'zz_never'); ROLLBACK; SELECT tenant.clone('src', 'zz_structure', data => false)");
$primary->wait_for_catchup($standby, 'replay');
is($reader->query_safe('SELECT count(*) FROM src.r'), $before, 'a query on the standby goes on');
is($reader->query_safe("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'zz%'"), 0, 'and does not see the clones');
$reader->query_safe('COMMIT');
$reader->quit;

foreach my $case (@clones)
{
	my ($clone) = @$case;
	is_same(rows_of($standby, $db, $clone, 'src'), $rows, "$clone: same rows on the standby");
	my $sql = "BEGIN; SET transaction_read_only = on; SELECT count(*) FROM $clone.r WHERE arr @> '{5}'";
	is($standby->safe_psql($db, "SET enable_seqscan = off; $sql"), $standby->safe_psql($db, "SET enable_bitmapscan = off; $sql"),
		"$clone: an index on the standby");
	amcheck_is_content($standby, $db, $clone, "$clone on the standby");
}
is_same(structure_of($standby, $db, 'zz_none', 'src'), structure_of($primary, $db, 'src'), 'same structure on the standby');

# changes on pages that came with a clone, with the standby comparing
$primary->append_conf('postgresql.conf', "wal_consistency_checking = all\n");
$primary->reload;
foreach my $case (@clones, ['zz_structure'])
{
	my ($clone) = @$case;
	$primary->safe_psql($db, "SET search_path = $clone, public; " . q{
		INSERT INTO r (id, dup, txt, feeling, arr, doc, at, span, net, seen)
			SELECT n, n % 7, 'Text ' || n, mood_of(n), ARRAY[n % 100, n % 17], to_tsvector('simple', 'w' || n % 50),
				point(n % 90, n / 90), int4range(n, n + 3), '10.1.1.1', timestamp '2024-01-01'
			FROM generate_series(50001, 50500) AS n;
		UPDATE r SET dup = dup + 1, txt = txt || '.', arr = arr || 5, at = point(20, 15) WHERE id % 10 = 0;
		UPDATE r SET note = 'later' WHERE id % 9 = 0;
		DELETE FROM r WHERE id % 15 = 0;
		DELETE FROM wide WHERE id % 5 = 0; UPDATE wide SET external = external || 'x' WHERE id % 6 = 0;
		UPDATE big_plain SET id = id + 1 WHERE id % 20 = 0;
		DELETE FROM booking WHERE room = 2;
		INSERT INTO booking SELECT 2, tsrange(timestamp '2030-01-01' + n * interval '1 day', timestamp '2030-01-02' + n * interval '1 day') FROM generate_series(1, 100) AS n});
	$primary->safe_psql($db, "VACUUM $clone.$_") foreach qw(r wide big_plain booking);
}
$primary->wait_for_catchup($standby, 'replay');
unlike(slurp_file($standby->logfile), qr/FATAL|PANIC|inconsistent page/, 'the standby finds no difference');
my %rows = map { $_->[0] => rows_of($primary, $db, $_->[0], 'src') } @clones;

$primary->stop;
$standby->promote;
$answers = undef;
foreach my $case (@clones)
{
	my ($clone) = @$case;
	is_same(rows_of($standby, $db, $clone, 'src'), $rows{$clone}, "$clone, promoted: same rows");
	$answers //= answers_of($standby, $db, $clone, 'seq');
	is_same(answers_of($standby, $db, $clone, $_), $answers, "$clone, promoted: same answers by $_ scans") foreach qw(seq index bitmap);
	$standby->safe_psql($db, "UPDATE $clone.r SET txt = txt || '!'; DELETE FROM $clone.wide; VACUUM $clone.r");
	amcheck_is_content($standby, $db, $clone, "$clone, promoted, after DML");
}
$standby->safe_psql($db, "SELECT tenant.clone('zz_none', 'zz_second')");
is_same(rows_of($standby, $db, 'zz_second', 'zz_none'), rows_of($standby, $db, 'zz_none'), 'a clone of the clone');
$standby->stop;
command_ok([ 'pg_checksums', '--check', '-D', $_->data_dir ], 'checksums of ' . $_->name) foreach $primary, $standby;

done_testing();
