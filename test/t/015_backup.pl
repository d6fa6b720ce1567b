# 015_backup.pl: base backups that are taken at any moment of a clone are as good
# as others: they can be promoted, have the clones whole or not at all, and
# their unlogged tables are empty and can be used.
#
# Indexes whose building takes long keep the clones on their way while backups
# are taken, one after the other.

use strict;
use warnings;
use File::Path qw(rmtree);
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

use constant BACKUPS => 20;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C.UTF-8', '--data-checksums', '--wal-segsize=1' ]);
$primary->append_conf('postgresql.conf', q{
autovacuum = off
shared_buffers = 16MB
max_wal_size = 1GB
wal_keep_size = 1GB
});
$primary->start;
my $db = 'backup';
new_database($primary, $db);

# every persistence with every kind of index that the server has
$primary->safe_psql($db, q{
	CREATE EXTENSION amcheck;
	CREATE FUNCTION public.slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM pg_sleep(0.2) WHERE current_setting('test.slow', true) = 'on';
		RETURN $1;
	END $$;
	-- What the logged relations of a schema hold.
	CREATE FUNCTION public.state_of(schema text) RETURNS SETOF text LANGUAGE plpgsql AS $$
	DECLARE
		rel record;
	BEGIN
		FOR rel IN SELECT oid::regclass AS name, relname, CASE relkind WHEN 'S' THEN 'last_value, is_called' ELSE '*' END AS columns FROM pg_class
			WHERE relnamespace = schema::regnamespace AND relkind IN ('r', 'm', 'S') AND relpersistence = 'p' ORDER BY relname
		LOOP
			RETURN QUERY EXECUTE format('SELECT %L || count(*) || coalesce(md5(string_agg(t::text, $x$;$x$ ORDER BY t::text)), $x$-$x$) FROM (SELECT %s FROM %s) AS t', rel.relname || ' ', rel.columns, rel.name);
		END LOOP;
	END $$;
	CREATE FUNCTION public.check_btrees(schema text) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		index oid;
	BEGIN
		FOR index IN SELECT c.oid FROM pg_class c JOIN pg_am a ON a.oid = relam
			WHERE amname = 'btree' AND relnamespace = schema::regnamespace AND relkind = 'i'
		LOOP
			PERFORM public.bt_index_parent_check(index, true);
		END LOOP;
	END $$;
	CREATE SCHEMA src;
	SET search_path = src;
	CREATE TYPE mood AS ENUM ('sad', 'happy');
	CREATE TABLE big (id serial PRIMARY KEY, t text, wide text);
	ALTER TABLE big ALTER wide SET STORAGE EXTERNAL;
	INSERT INTO big (t, wide) SELECT md5(n::text), CASE WHEN n % 20 = 0 THEN repeat(md5(n::text), 100) END FROM generate_series(1, 20000) AS n;
	CREATE INDEX ON big (t);
	CREATE TABLE split (id int, m mood) PARTITION BY RANGE (id);
	CREATE TABLE split1 PARTITION OF split DEFAULT;
	CREATE INDEX ON split (m);
	INSERT INTO split SELECT n, (ARRAY['sad', 'happy']::mood[])[1 + n % 2] FROM generate_series(1, 100) AS n;
	CREATE MATERIALIZED VIEW seen AS SELECT count(*) FROM big;
	CREATE SEQUENCE counter;
	CREATE UNLOGGED SEQUENCE lost;
	SELECT nextval('counter'), nextval('lost') FROM generate_series(1, 40);
	CREATE TABLE empty (id int PRIMARY KEY, t text UNIQUE);
	CREATE UNLOGGED TABLE empty_unlogged (id int PRIMARY KEY, t text, a int[]);
	CREATE INDEX ON empty_unlogged USING hash (t);
	CREATE INDEX ON empty_unlogged USING gin (a)
});
foreach my $kind ('', 'UNLOGGED')
{
	my $table = $kind ? 'volatile' : 'lasting';
	$primary->safe_psql($db, qq{
		SET search_path = src;
		CREATE $kind TABLE $table (id serial PRIMARY KEY, m mood DEFAULT 'happy', p point DEFAULT '(1,2)', a int[] DEFAULT '{1,2}', wide text);
		INSERT INTO $table (wide) SELECT repeat(md5(n::text), 1000) FROM generate_series(1, 2) AS n;
		CREATE INDEX ${table}_btree ON $table (public.slow(id), m);
		CREATE INDEX ${table}_hash ON $table USING hash (public.slow(id));
		CREATE INDEX ${table}_gin ON $table USING gin ((a || public.slow(id)));
		CREATE INDEX ${table}_gist ON $table USING gist (p);
		CREATE INDEX ${table}_spgist ON $table USING spgist (p);
		CREATE INDEX ${table}_brin ON $table USING brin (public.slow(id))});
}

# backups, while a clone is on its way; each in another way of cloning
my $cloner = $primary->background_psql($db);
$cloner->query_safe('SET test.slow = on');
my $nbackups = 0;
my $nclones = 0;
while ($nbackups < BACKUPS)
{
	my $lock = $nclones % 2 ? 'none' : 'share';
	$nclones++;
	$cloner->query_until(qr/sent/, "\\echo sent\nSET tenant_mgr.clone_lock = $lock; SELECT tenant.clone('src', 'zz$nclones');\n");
	while ($nbackups < BACKUPS && $primary->safe_psql($db, "SELECT to_regnamespace('zz$nclones') IS NULL") eq 't')
	{
		$primary->backup('b' . $nbackups++);
	}
}
$cloner->query_safe('SELECT 1');
$cloner->quit;
note("$nclones clones during $nbackups backups");

my @clones = map { "zz$_" } 1 .. $nclones;
my $expected = state_of($primary);
my $source = $primary->safe_psql($db, "SELECT public.state_of('src')");
is_same($expected =~ s/^zz\d+\|//mgr, join("\n", ($source) x @clones), 'the clones are like their source');
foreach my $i (0 .. $nbackups - 1)
{
	my $copy = PostgreSQL::Test::Cluster->new("copy$i");
	$copy->init_from_backup($primary, "b$i", has_streaming => 1);
	$copy->start;
	$primary->wait_for_catchup($copy, 'replay');
	$copy->promote;
	is_same(state_of($copy), $expected, "backup $i: all clones are whole");
	is(problems_of($copy), '', "backup $i: unlogged tables are empty, and every index can be used");
	is(orphan_files($copy, $db), '', "backup $i: no file too much");
	$copy->stop('immediate');
	rmtree($copy->data_dir);
	rmtree($primary->backup_dir . "/b$i");
}

# The logged rows of all clones.
sub state_of
{
	my ($node) = @_;
	return $node->safe_psql($db, "SELECT c, public.state_of(c) FROM unnest('{" . join(',', @clones) . "}'::text[]) AS c");
}

# Errors, and what the indexes of unlogged tables do not find; before that,
# whatever should not be there.
sub problems_of
{
	my ($node) = @_;
	my ($rc, $stdout, $stderr) = $node->psql($db, join '', map { qq{
		SET search_path = $_; SET enable_seqscan = off;
		SELECT 'not empty' FROM volatile;
		SELECT 'not empty' FROM empty_unlogged;
		INSERT INTO volatile (wide) SELECT repeat(md5(n::text), 1000) FROM generate_series(1, 2) AS n;
		INSERT INTO empty_unlogged VALUES (1, 't', '{1}');
		INSERT INTO empty VALUES (1, 't');
		SELECT 'not found' WHERE (SELECT count(*) FROM volatile WHERE public.slow(id) > 0) <> 2
			OR (SELECT count(*) FROM volatile WHERE p <@ box '((0,0),(3,3))') <> 2
			OR (SELECT count(*) FROM volatile WHERE a || public.slow(id) @> '{2}') <> 2
			OR (SELECT count(*) FROM empty_unlogged WHERE t = 't') <> 1
			OR (SELECT count(*) FROM empty_unlogged WHERE a @> '{1}') <> 1
			OR (SELECT count(*) FROM empty WHERE t = 't') <> 1;
		SELECT 'lost' WHERE nextval('lost') <> 41;
		SELECT public.check_btrees('$_');
	} } @clones);
	$stdout =~ s/^\s+//mg;
	return "$stdout$stderr";
}

$primary->stop;
done_testing();
