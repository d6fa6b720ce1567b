# 010_blocks.pl: whatever state rows and pages are in, a clone that is copied
# block by block holds the rows that a query of the source would show, its
# indexes find them, and of other rows nothing but keys has come along.
#
# test/fixtures/blocks.sql is cloned under every combination of lock, workers
# and scrubbing; then come damaged pages and what is left of deleted rows.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use BlockTest;
use TenantTest;

my $node = new_node('blocks', q{
statement_timeout = 120s
autovacuum = off
wal_level = replica
max_prepared_transactions = 5
max_worker_processes = 8
shared_buffers = 16MB
max_wal_size = 4GB
});
my $db = 'blocks';
new_blocks_database($node, $db);
load_blocks($node, $db, 'src');
note('the access method rum is not installed and goes untested')
  unless $node->safe_psql($db, "SELECT count(*) FROM pg_extension WHERE extname = 'rum'");

my %plan = map { split /\|/ } split /\n/, $node->safe_psql($db, "SELECT relation, method FROM tenant.clone_plan('src')");
is_deeply(
	{ map { $_ => $plan{$_} } qw(r wide wide_dropped arrays other_am big big_plain booking empty emptied) },
	{
		r => 'patched blocks', wide => 'patched blocks', wide_dropped => 'rows', arrays => 'rows',
		other_am => 'rows', big => 'patched blocks', big_plain => 'blocks', booking => 'blocks',
		empty => 'empty', emptied => 'patched blocks'
	}, 'every method is put to the test');
is(join(' ', grep { $plan{$_} eq 'build' && /feeling/ } sort keys %plan),
	'r_feeling r_feeling_hashed r_feeling_only r_gist_feeling r_hash_feeling summary_feeling',
	'indexes of enum values are built, whatever they keep of them');

# a session that locks rows, and another that shares some of its locks
my @lockers = map { $node->background_psql($db) } 1 .. 2;
$lockers[0]->query_safe('BEGIN; SELECT count(*) FROM (SELECT FROM src.r WHERE id % 7 = 1 FOR SHARE) AS x');
$lockers[1]->query_safe('BEGIN; SELECT count(*) FROM (SELECT FROM src.r WHERE id % 14 = 1 FOR KEY SHARE) AS x');

my $rows    = rows_of($node, $db, 'src');
my $answers = answers_of($node, $db, 'src', 'seq');
my $chunks  = chunks_of($node, $db, 'src');
foreach my $scrub ('on', 'off')
{
	foreach my $lock ('share', 'none')
	{
		check_clone($lock, $_, $scrub) foreach 0, 2;
	}
	# rows that are copied as they are stay locked as long as in the source
	if ($scrub eq 'on')
	{
		$lockers[$_]->query_safe($_ == 0 ? 'COMMIT' : 'ROLLBACK'), $lockers[$_]->quit foreach 0, 1;
	}
}

sub check_clone
{
	my ($lock, $workers, $scrub) = @_;
	my $kind  = "lock $lock, workers $workers, scrub $scrub";
	my $clone = "c_${lock}_${workers}_$scrub";

	# what a transaction has not decided about is not there
	$node->safe_psql($db, q{BEGIN;
		INSERT INTO src.r (id, dup, arr) SELECT n, 3, '{5}' FROM generate_series(40001, 40200) AS n;
		UPDATE src.r SET note = 'undecided', arr = arr || 5 WHERE id % 21 = 0;
		DELETE FROM src.wide WHERE id > 200;
		PREPARE TRANSACTION 'undecided'}) if $lock eq 'none';
	my ($rc, $stdout, $stderr) = $node->psql($db, qq{
		SET tenant_mgr.clone_lock = $lock; SET tenant_mgr.clone_workers = $workers;
		SET tenant_mgr.clone_scrub = $scrub; SET lock_timeout = '60s';
		SELECT tenant.clone('src', '$clone')});
	$node->safe_psql($db, "ROLLBACK PREPARED 'undecided'") if $lock eq 'none';
	is($rc, 0, "$kind: cloned") or do { diag($stderr); return; };

	is_same(rows_of($node, $db, $clone, 'src'), $rows, "$kind: same rows");
	answers_agree($clone, $answers, $kind);
	indexes_are_used($clone, $kind);
	maps_are_true($clone, $kind);
	amcheck_is_content($node, $db, $clone, $kind);
	return if $workers == 0 && $scrub eq 'off';

	# it goes on working, and what happens to it stays with it
	$node->safe_psql($db, "SET search_path = $clone, public; " . q{
		INSERT INTO r (id, dup, txt, feeling, arr, doc, at, span, net, seen)
			SELECT n, n % 7, 'Text ' || n, mood_of(n), ARRAY[n % 100, n % 17], to_tsvector('simple', 'w' || n % 50),
				point(n % 90, n / 90), int4range(n, n + 3), ('10.' || n % 4 || '.' || n % 200 || '.1')::inet,
				timestamp '2024-01-01' + n * interval '1 second' FROM generate_series(50001, 55000) AS n;
		UPDATE r SET note = 'after' WHERE id % 2 = 0;
		UPDATE r SET dup = dup + 1, txt = txt || '.', arr = arr || 5, at = point(20, 15), feeling = mood_of(dup) WHERE id % 3 = 0;
		DELETE FROM r WHERE id % 5 = 0;
		UPDATE big SET feeling = 'happy', id = id + 1 WHERE id % 3 = 0;
		DELETE FROM big_plain WHERE id % 3 = 0;
		INSERT INTO big_plain SELECT n, 'new' FROM generate_series(1, 3000) AS n;
		UPDATE wide SET plain = plain || '-', external = external || 'y' WHERE id % 2 = 0;
		DELETE FROM wide WHERE id % 5 = 0;
		DELETE FROM wide_dropped WHERE id % 2 = 0;
		UPDATE other_am SET external = external || 'z';
		DELETE FROM unlogged WHERE id % 2 = 0;
		INSERT INTO emptied SELECT n, repeat('y', 5000) FROM generate_series(1, 50) AS n;
		REFRESH MATERIALIZED VIEW CONCURRENTLY summary});
	answers_agree($clone, answers_of($node, $db, $clone, 'seq'), "$kind, after DML");
	amcheck_is_content($node, $db, $clone, "$kind, after DML");
	$node->safe_psql($db, "VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) $clone.$_")
	  foreach qw(r wide wide_dropped big big_plain emptied other_am);
	answers_agree($clone, answers_of($node, $db, $clone, 'seq'), "$kind, after VACUUM");
	maps_are_true($clone, "$kind, after VACUUM");
	amcheck_is_content($node, $db, $clone, "$kind, after VACUUM");
	is_same(chunks_of($node, $db, 'src'), $chunks, "$kind: the source keeps its out-of-line values");
	return;
}

sub answers_agree
{
	my ($clone, $expected, $kind) = @_;
	is_same(answers_of($node, $db, $clone, $_), $expected, "$kind: same answers by $_ scans") foreach qw(seq index bitmap);
	return;
}

# The answers are those of the indexes, for the planner takes them.
sub indexes_are_used
{
	my ($clone, $kind) = @_;
	is($node->safe_psql($db, "SELECT string_agg(p.index, ', ') FROM public.probe p
		WHERE NOT (public.answer('$clone', p, 'index')).used AND NOT (public.answer('$clone', p, 'bitmap')).used"),
		'', "$kind: every index is used");
	return;
}

# The number of pieces of out-of-line values.
sub chunks_of
{
	my ($node, $db, $schema) = @_;
	my $sql = $node->safe_psql($db, qq{
		SELECT format('SELECT %L, count(*) FROM %s;', relname, reltoastrelid::regclass) FROM pg_class
		WHERE relnamespace = '$schema'::regnamespace AND reltoastrelid <> 0 ORDER BY relname});
	return $node->safe_psql($db, $sql);
}

# What the visibility maps promise is so, and no row is older than its table.
sub maps_are_true
{
	my ($clone, $kind) = @_;
	is( $node->safe_psql($db, qq{
		WITH heaps AS (SELECT oid::regclass AS h FROM pg_class WHERE relnamespace = '$clone'::regnamespace AND relkind IN ('r', 'm')
			AND relam = (SELECT oid FROM pg_am WHERE amname = 'heap')
			UNION SELECT reltoastrelid FROM pg_class WHERE relnamespace = '$clone'::regnamespace AND reltoastrelid <> 0)
		SELECT 'visible', h, pg_check_visible(h) FROM heaps UNION ALL SELECT 'frozen', h, pg_check_frozen(h) FROM heaps}),
		'', "$kind: visibility maps are true");
	return;
}

# locks that keep the pages that are copied as they are from being cleaned meanwhile
my $session = $node->background_psql($db);
$session->query_safe("BEGIN; SELECT tenant.clone('src', 'waiting')");
my $toast = $node->safe_psql($db, "SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 'src.wide'::regclass");
foreach my $statement ("VACUUM $toast", "SELECT gin_clean_pending_list('src.r_gin')", 'VACUUM src.r', "INSERT INTO src.r (id) VALUES (-1)")
{
	my ($rc, $stdout, $stderr) = $node->psql($db, "SET lock_timeout = '100ms';\n$statement");
	like($stderr, qr/lock timeout/, "waits for a clone: $statement");
}
$session->query_safe('ROLLBACK');
$session->quit;

# rows that depend on the numbers of labels to find their place
$node->safe_psql($db, q{CREATE SCHEMA hashed; SET search_path = hashed; CREATE TYPE mood AS ENUM ('a', 'b', 'c');
	CREATE TABLE h (m mood) PARTITION BY HASH (m);
	CREATE TABLE h0 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE h1 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 1);
	INSERT INTO h VALUES ('a'), ('b'), ('c')});
my ($rc, $stdout, $stderr) = $node->psql($db, "\\set VERBOSITY verbose\nSELECT tenant.clone('hashed', 'hashed_clone')");
like($stderr, qr/TM009: cannot clone the rows of table "h"/, 'hash partitions of enum values are refused');
is($node->psql($db, "SELECT tenant.clone('hashed', 'hashed_clone', data => false)"), 0, 'but not without their rows');

# the clone outlives its source
$node->safe_psql($db, 'VACUUM FULL src.wide; VACUUM FULL src.r');
is_same(rows_of($node, $db, 'c_share_0_off', 'src'), $rows, 'same rows after VACUUM FULL of the source');
$node->safe_psql($db, 'SET client_min_messages = warning; DROP SCHEMA src CASCADE; CHECKPOINT');
is_same(rows_of($node, $db, 'c_share_0_off', 'src'), $rows, 'same rows after the source is gone');
is_same(rows_of($node, $db, 'c_none_0_off', 'src'), $rows, 'same rows after the source is gone, copied online');

# an unlogged table is empty after a crash, and as good as new
$node->stop('immediate');
$node->start;
foreach my $clone ('c_share_0_off', 'c_none_0_off')
{
	is($node->safe_psql($db, "SELECT count(*) FROM $clone.unlogged"), 0, "$clone: unlogged tables are empty after a crash");
	$node->safe_psql($db, "INSERT INTO $clone.unlogged (external) SELECT repeat('new', 3000) FROM generate_series(1, 100)");
	is($node->safe_psql($db, "SET enable_seqscan = off; SELECT count(*), sum(length(external)) FROM $clone.unlogged WHERE id > 0"),
		'100|900000', "$clone: and can be used");
	$rows =~ s/^unlogged\|.*\n//m;
	is_same(rows_of($node, $db, $clone, 'src') =~ s/^unlogged\|.*\n//mr, $rows, "$clone: the others are as before");
	$node->safe_psql($db, "TRUNCATE $clone.unlogged");
}

# what is left of deleted rows
$node->safe_psql($db, q{CREATE SCHEMA secret; SET search_path = secret;
	CREATE TABLE t (id int PRIMARY KEY, words text, external text);
	ALTER TABLE t ALTER external SET STORAGE EXTERNAL;
	CREATE TABLE indexed (id int PRIMARY KEY, words text);
	CREATE INDEX indexed_words ON indexed (words);
	INSERT INTO indexed SELECT n, 'INDEXED-RESIDUE-' || n FROM generate_series(1, 1000) AS n;
	DELETE FROM indexed WHERE id % 2 = 0;
	UPDATE indexed SET words = 'mine';
	ALTER TABLE t ADD COLUMN gone text;
	INSERT INTO t SELECT n, 'HEAP-RESIDUE-' || n, repeat('TOAST-RESIDUE-' || n || '-', 500), 'DROPPED-RESIDUE' FROM generate_series(1, 200) AS n;
	UPDATE t SET words = 'mine', external = repeat('mine', 1000) WHERE id % 2 = 0;
	DELETE FROM t WHERE id % 3 = 0;
	UPDATE t SET words = 'mine' WHERE id % 3 = 1;
	VACUUM t; DELETE FROM t WHERE id % 2 = 1; ALTER TABLE t DROP COLUMN gone});
like(residue_in('secret'), qr/TOAST/, 'files of the source still have deleted rows');
foreach my $lock ('share', 'none')
{
	$node->safe_psql($db, "SET tenant_mgr.clone_lock = $lock; SELECT tenant.clone('secret', 'secret_$lock')");
	is(residue_in("secret_$lock", 'HEAP|TOAST|DROPPED'), '', "lock $lock: files of the clone have not");
}
is(residue_in('secret_none', 'INDEXED'), '', 'nor have its indexes, when they are built');
is(residue_in('secret_share', 'INDEXED'), 'INDEXED', 'an index that is copied keeps keys of deleted rows, as documented');

# The kinds of residue in the files of a schema.
sub residue_in
{
	my ($schema, $kinds) = @_;
	$kinds //= 'HEAP|TOAST|DROPPED|INDEXED';
	my %found;
	my $files = $node->safe_psql($db, qq{CHECKPOINT;
		WITH tables AS (SELECT oid, reltoastrelid FROM pg_class WHERE relnamespace = '$schema'::regnamespace AND relkind = 'r')
		SELECT pg_relation_filepath(x) FROM (SELECT oid FROM tables UNION SELECT reltoastrelid FROM tables WHERE reltoastrelid <> 0
			UNION SELECT indexrelid FROM pg_index JOIN tables ON indrelid IN (oid, reltoastrelid)) AS f (x)});
	foreach my $file (split /\n/, $files)
	{
		my $content = slurp_file($node->data_dir . "/$file");
		$found{$1} = 1 while $content =~ /($kinds)-RESIDUE/g;
	}
	return join ' ', sort keys %found;
}

# pages that a server should not meet
$node->safe_psql($db, q{CREATE SCHEMA damaged; SET search_path = damaged;
	CREATE TABLE zero (id int PRIMARY KEY, words text);
	INSERT INTO zero SELECT n, repeat('z', 200) FROM generate_series(1, 2000) AS n;
	CREATE TABLE pointer (id int, gone text, words text);
	INSERT INTO pointer SELECT n, 'gone', 'words' FROM generate_series(1, 500) AS n;
	ALTER TABLE pointer DROP COLUMN gone; DELETE FROM zero WHERE id % 3 = 0; VACUUM zero});
my %file = map { $_ => $node->data_dir . '/' . $node->safe_psql($db, "SELECT pg_relation_filepath('damaged.$_')") } qw(zero pointer);

sub with_page
{
	my ($file, $block, $change) = @_;
	my $page;
	$node->stop;
	open my $fh, '+<:raw', $file or die "$file: $!";
	seek $fh, $block * 8192, 0;
	read $fh, $page, 8192;
	my $old = $page;
	$change->(\$page);
	seek $fh, $block * 8192, 0;
	print $fh $page;
	close $fh;
	$node->start;
	return $old;
}
my $nblocks = (-s $file{zero}) / 8192;
with_page($file{zero}, $nblocks, sub { ${ $_[0] } = "\0" x (8192 * 3) });
with_page($file{zero} . '_fsm', 0, sub { substr(${ $_[0] }, 12, 40) = 'x' x 40 });
$node->safe_psql($db, "INSERT INTO damaged.zero SELECT n, 'after' FROM generate_series(3001, 3020) AS n");
my $zero = $node->safe_psql($db, 'SELECT count(*), sum(id) FROM damaged.zero');
foreach my $lock ('share', 'none')
{
	$node->safe_psql($db, "SET tenant_mgr.clone_lock = $lock; SELECT tenant.clone('damaged', 'zero_$lock')");
	is($node->safe_psql($db, "SELECT count(*), sum(id) FROM zero_$lock.zero"), $zero, "lock $lock: pages of zeros, a damaged free space map");
	$node->safe_psql($db, "INSERT INTO zero_$lock.zero SELECT n, repeat('new', 50) FROM generate_series(10001, 12000) AS n; VACUUM zero_$lock.zero");
	amcheck_is_content($node, $db, "zero_$lock", "lock $lock, pages of zeros");
}
SKIP:
{
	skip 'damage is found by checksums', 1 if $node->safe_psql($db, 'SHOW data_checksums') eq 'on';
	my %damage = (
		'a length beyond the page'   => [ qr/XX001: line pointer 2 of block 1/, sub { substr(${ $_[0] }, 28, 4) = pack('L', 8000 | (1 << 15) | (500 << 17)) } ],
		'a row cut at a column'      => [ qr/XX001: value of column/,
			sub { substr(${ $_[0] }, 28, 4) = pack('L', (unpack('L', substr(${ $_[0] }, 28, 4)) & 0x1ffff) | (28 << 17)) } ],
		'an offset in the header'    => [ qr/XX001: line pointer 2 of block 1/, sub { substr(${ $_[0] }, 28, 4) = pack('L', 8 | (1 << 15) | (60 << 17)) } ],
		'too many line pointers'     => [ qr/XX001: block 1 of relation "pointer" is corrupted/, sub { substr(${ $_[0] }, 12, 2) = substr(${ $_[0] }, 14, 2) = pack('S', 8000) } ],
		'a value beyond its row'     => [ qr/XX001: value of column/,
			sub {
				my $offset = unpack('L', substr(${ $_[0] }, 28, 4)) & 0x7fff;
				substr(${ $_[0] }, $offset + 24 + 4, 4) = pack('L', (1 << 28) << 2);
			} ]);
	foreach my $what (sort keys %damage)
	{
		my ($pattern, $change) = @{ $damage{$what} };
		my $old = with_page($file{pointer}, 1, $change);
		foreach my $lock ('share', 'none')
		{
			my ($rc, $stdout, $stderr) = $node->psql($db, "\\set VERBOSITY verbose\nSET tenant_mgr.clone_lock = $lock; SELECT tenant.clone('damaged', 'never')");
			like($stderr, $pattern, "lock $lock: $what");
			is($node->safe_psql($db, "SELECT to_regnamespace('never')"), '', "lock $lock, $what: nothing is left");
		}
		with_page($file{pointer}, 1, sub { ${ $_[0] } = $old });
	}
}
is(orphan_files($node, $db), '', 'no file is left over');

$node->stop;
done_testing();
