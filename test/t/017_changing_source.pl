# 017_changing_source.pl: clones without locks, beside sessions that do nothing
# but give relations of the source other files, other columns, other indexes and
# other rows.  No clone fails for it, and each is whole.  TM_CLONES=1000 makes it
# a long test.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

use constant CLONES => $ENV{TM_CLONES} // 30;

my $node = new_node('changing', q{
deadlock_timeout = 200ms
statement_timeout = 120s
shared_buffers = 32MB
max_wal_size = 4GB
});
my $db = 'changing';
new_database($node, $db);
$node->safe_psql($db, q{
	CREATE EXTENSION amcheck;
	CREATE SCHEMA src;
	SET search_path = src;
	CREATE TYPE pair AS (a int, b text);
	CREATE TYPE mood AS ENUM ('low', 'high');
	CREATE TABLE item (id serial PRIMARY KEY, p pair, m mood, t text UNIQUE, wide text);
	ALTER TABLE item ALTER wide SET STORAGE EXTERNAL;
	INSERT INTO item (p, m, t, wide) SELECT ROW(n, 'b' || n)::pair, 'low', 't' || n, repeat(md5(n::text), 80) FROM generate_series(1, 300) AS n;
	CREATE TABLE part (item int REFERENCES item, n int);
	INSERT INTO part SELECT n, n FROM generate_series(1, 300) AS n;
	CREATE TABLE empty (id serial PRIMARY KEY, t text UNIQUE, p pair);
	CREATE SEQUENCE counter;
	CREATE UNLOGGED TABLE volatile (id int PRIMARY KEY);
	INSERT INTO volatile SELECT generate_series(1, 100);
	CREATE MATERIALIZED VIEW seen AS SELECT m, count(*) FROM item GROUP BY m;
	CREATE UNIQUE INDEX ON seen (m);
	CREATE TABLE split (n int) PARTITION BY RANGE (n);
	CREATE TABLE split_1 PARTITION OF split FOR VALUES FROM (0) TO (10);
	CREATE INDEX ON split (n);
	CREATE FUNCTION answer() RETURNS int LANGUAGE sql AS 'SELECT 1'});
my $toast = $node->safe_psql($db, q{SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 'src.item'::regclass});

# Each of them, one a transaction, in an order of its own.
my @changes = (
	'REINDEX INDEX src.item_t_key',
	'REINDEX TABLE src.item',
	'REINDEX TABLE src.empty',
	'REINDEX INDEX CONCURRENTLY src.item_pkey',
	'REINDEX TABLE CONCURRENTLY src.empty',
	'CREATE INDEX CONCURRENTLY item_p ON src.item (p)',
	'DROP INDEX CONCURRENTLY src.item_p',
	"REINDEX TABLE CONCURRENTLY $toast",
	'REINDEX INDEX CONCURRENTLY src.split_1_n_idx',
	'CREATE INDEX CONCURRENTLY empty_p ON src.empty (p)',
	'REINDEX INDEX CONCURRENTLY src.empty_p',
	'DROP INDEX CONCURRENTLY src.empty_p',
	'ALTER SEQUENCE src.counter RESTART WITH 5',
	'ALTER SEQUENCE src.item_id_seq CACHE 3',
	'TRUNCATE src.empty RESTART IDENTITY',
	'VACUUM FULL src.item',
	'VACUUM FULL src.empty',
	'CLUSTER src.part USING part_n',
	'CREATE INDEX IF NOT EXISTS part_n ON src.part (n)',
	'DROP INDEX IF EXISTS src.part_n',
	'REFRESH MATERIALIZED VIEW src.seen',
	'REFRESH MATERIALIZED VIEW CONCURRENTLY src.seen',
	'TRUNCATE src.volatile',
	'ALTER TABLE src.volatile SET LOGGED',
	'ALTER TABLE src.volatile SET UNLOGGED',
	'ALTER TYPE src.pair ADD ATTRIBUTE c int',
	'ALTER TYPE src.pair DROP ATTRIBUTE c',
	q{ALTER TYPE src.mood ADD VALUE IF NOT EXISTS 'middle' BEFORE 'high'},
	'CREATE TYPE src.passing AS ENUM ($$x$$)',
	'DROP TYPE src.passing',
	'CREATE OR REPLACE FUNCTION src.answer() RETURNS int LANGUAGE sql AS $$SELECT 2$$',
	'DROP FUNCTION IF EXISTS src.answer()',
	'UPDATE src.item SET m = $$high$$, wide = wide || $$x$$ WHERE id % 7 = 0',
	'VACUUM src.item');
my $dir = PostgreSQL::Test::Utils::tempdir();
my @sessions;
foreach my $session (1 .. 2)
{
	my @order = $session == 1 ? @changes : reverse @changes;
	append_to_file("$dir/$session.sql", join('', map { "$_;\n" } @order) x 300);
	push @sessions, IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr($db), '-c', 'SET client_min_messages = panic',
		'-f', "$dir/$session.sql" ], '>', \my $out, '2>', \my $err);
}

my ($failed, $damaged) = ('', '');
foreach my $n (1 .. CLONES)
{
	my $lock = $n % 4 ? 'none' : 'share';
	my $data = $n % 3 ? 'true' : 'false';
	my ($rc, $stdout, $stderr);
	# of a deadlock, as between any two that lock several tables, either may be told
	foreach my $try (1 .. 20)
	{
		($rc, $stdout, $stderr) = $node->psql($db, "SET tenant_mgr.clone_lock = $lock; SET client_min_messages = error; SELECT tenant.clone('src', 'c$n', data => $data)");
		last unless $stderr =~ /deadlock detected/;
	}
	$failed .= "$lock: $stderr" if $rc;
	next if $rc;
	($rc, $stdout, $stderr) = $node->psql($db, qq{
		SET search_path = c$n;
		SELECT 'tree' FROM pg_partition_tree('split_n_idx') HAVING count(*) <> 2;
		SELECT 'rows' FROM item HAVING $data AND (count(*) <> 300 OR count(DISTINCT (p).a) <> 300 OR count(DISTINCT t) <> 300 OR min(length(rtrim(wide, 'x'))) < 2560);
		SELECT 'parts' FROM part JOIN item ON item = item.id HAVING $data AND count(*) <> 300;
		INSERT INTO empty (t, p) VALUES ('new', NULL);
		INSERT INTO item (t) VALUES ('new');
		SELECT 'counter' FROM (SELECT nextval('counter') AS n OFFSET 0) AS x WHERE n NOT IN (1, 5);
		SET enable_seqscan = off;
		SELECT 'index' FROM item WHERE t > '' HAVING count(*) <> CASE WHEN $data THEN 301 ELSE 1 END;
		SELECT public.bt_index_parent_check(c.oid, true) FROM pg_class c
			WHERE relnamespace = 'c$n'::regnamespace AND relkind = 'i' AND relam = (SELECT oid FROM pg_am WHERE amname = 'btree') \\g /dev/null
	});
	$damaged .= "c$n, $lock: $stdout$stderr" if "$stdout$stderr" ne '';
}
is($failed, '', 'no clone failed');
is($damaged, '', 'each is whole');
$node->safe_psql($db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()");
$_->finish foreach @sessions;
unlike(slurp_file($node->logfile), qr/XX00|PANIC|TRAP|could not read block|cache lookup failed/, 'and the log tells of nothing that should not be');

# the labels of an enum type keep their order, even if nobody reads an index
{
	local $ENV{PGOPTIONS} = '-c ignore_system_indexes=on -c client_min_messages=error';
	$node->safe_psql($db, q{CREATE SCHEMA labels; CREATE TYPE labels.e AS ENUM ('z', 'c');
		ALTER TYPE labels.e ADD VALUE 'a' BEFORE 'c'; ALTER TYPE labels.e ADD VALUE 'm' BEFORE 'z';
		SELECT tenant.clone('labels', 'labels2')});
}
is($node->safe_psql($db, q{SELECT string_agg(e::text, ' ' ORDER BY e) FROM unnest('{a,c,m,z}'::labels2.e[]) AS e}), 'm z a c', 'labels keep their order');

$node->stop;
done_testing();
