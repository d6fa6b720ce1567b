# 019_catalog_pages.pl: what clones add to pages of the catalogs' indexes holds.
#
# Clones that are made at the same time, and DDL beside them, add to the same
# pages; some are rolled back, so that dead rows are in the way.  The primary is
# stopped without a checkpoint and the standby checks each page that it replays
# against the primary's.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run qw(start finish);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rounds = $ENV{TM_ROUNDS} // 3;
my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$primary->append_conf('postgresql.conf', q{
autovacuum = off
statement_timeout = 120s
max_locks_per_transaction = 512
wal_consistency_checking = btree
wal_keep_size = 1GB
});
$primary->start;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# Names that are sorted otherwise than they were made, and many rows a page.
my $db = 'pages';
$primary->safe_psql('postgres', "CREATE DATABASE $db");
$primary->safe_psql($db, q{
	CREATE EXTENSION tenant_mgr;
	CREATE EXTENSION amcheck;
	CREATE SCHEMA src;
	SELECT format('CREATE TABLE src.%I (id serial PRIMARY KEY, a int NOT NULL DEFAULT %s, b text, c text)', md5(n::text), n),
		format('CREATE INDEX ON src.%I (b, a)', md5(n::text)),
		format('ALTER TABLE src.%I ADD FOREIGN KEY (a) REFERENCES src.%I', md5(n::text), md5((n / 2)::text)),
		format('COMMENT ON COLUMN src.%I.b IS %L', md5(n::text), n)
	FROM generate_series(0, 49) AS n
	\gexec
	CREATE TYPE src.colour AS ENUM ('red', 'green', 'blue');
	CREATE VIEW src.seen AS SELECT relname FROM pg_class;
});

sub in_session
{
	my ($sql) = @_;
	my ($out, $err) = ('', '');
	my $handle = start([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $primary->connstr($db) ], '<', \$sql, '>', \$out, '2>', \$err);
	return { handle => $handle, err => \$err };
}

foreach my $round (1 .. $rounds)
{
	my @sessions = map {
		in_session("SELECT tenant.clone('src', 'c${round}_$_', data => false);
			BEGIN; SELECT tenant.clone('src', 'r${round}_$_', data => false); ROLLBACK;
			SELECT tenant.clone('src', 'r${round}_$_', data => false);")
	} 1 .. 3;
	push @sessions, in_session(join '', map { "CREATE SCHEMA d${round}_$_; CREATE TABLE d${round}_$_.t (id serial PRIMARY KEY, b text);\n" } 1 .. 30);
	foreach my $session (@sessions)
	{
		ok(finish($session->{handle}), "round $round: done");
		is(${ $session->{err} }, '', "round $round: nothing was said");
	}
}
is($primary->safe_psql($db, "SELECT count(*) FROM pg_class WHERE relname = md5('7') AND relkind = 'r'"), 1 + 6 * $rounds, 'as many tables as clones');
is($primary->safe_psql($db, q{
	SELECT count(*) FROM pg_namespace AS n
	WHERE nspname ~ '^[cr]\d' AND (SELECT count(*) FROM pg_class WHERE relnamespace = n.oid) <>
		(SELECT count(*) FROM pg_class WHERE relnamespace = 'src'::regnamespace)}), 0, 'and all of them whole');

# a key that is there already is found
my ($rc, $stdout, $stderr) = $primary->psql($db, "SELECT tenant.clone('src', 'c1_1', data => false)");
like($stderr, qr/ERROR:  (schema|tenant) "c1_1" already exists/, 'no two of one name');

# an index that is not to be trusted is not asked which numbers are free
{
	local $ENV{PGOPTIONS} = '-c ignore_system_indexes=on';
	($rc, $stdout, $stderr) = $primary->psql($db, "SELECT tenant.clone('src', 'unindexed', data => false)");
	is($stdout, 'unindexed', 'a clone without indexes of the catalogs');
	unlike($stderr, qr/despite IgnoreSystemIndexes/, 'does without them');
}

my $check = q{SELECT count(bt_index_check(indexrelid, true)) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
	WHERE relam = (SELECT oid FROM pg_am WHERE amname = 'btree') AND relpersistence = 'p' AND indexrelid < 16384};
my $indexes = $primary->safe_psql($db, $check);
cmp_ok($indexes, '>', 100, 'the catalogs\' indexes are whole');
$primary->wait_for_catchup($standby, 'replay');
is($standby->safe_psql($db, $check), $indexes, 'and so are those of the standby, each page of which is like the primary\'s');

$primary->stop('immediate');
$primary->start;
is($primary->safe_psql($db, $check), $indexes, 'and so they are after a crash');
$primary->safe_psql($db, "VACUUM; SELECT tenant.clone('src', 'afterwards', data => false)");
is($primary->safe_psql($db, $check), $indexes, 'and after VACUUM');
$standby->stop;
$primary->stop;

done_testing();
