# 018_subscribers.pl: clones, snapshots and rollbacks beside logical replication.
# No row that they copy is sent to subscribers, in whatever way it is copied, so
# that what comes later arrives; and a tenant whose tables are written to by a
# subscription keeps them.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my @utf8 = (extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
my $node = PostgreSQL::Test::Cluster->new('publisher');
$node->init(allows_streaming => 'logical', @utf8);
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_prepared_transactions = 5\nlogical_decoding_work_mem = 64kB\nlogging_collector = off\n");
$node->start;
new_database($node, 'app');
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init(@utf8);
$subscriber->append_conf('postgresql.conf', "autovacuum = off\nwal_retrieve_retry_interval = 100ms\nlogging_collector = off\n");
$subscriber->start;
new_database($subscriber, 'app');

sub here  { return $node->safe_psql('app', @_) }
sub there { return $subscriber->safe_psql('app', @_) }

sub refused
{
	my ($server, $sql) = @_;
	my ($rc, $stdout, $stderr) = $server->psql('app', "\\set VERBOSITY verbose\n$sql");
	return $stderr;
}

# Rows of all ways to copy: blocks, patched ones, and one by one; these with
# values in line and out of line, and without a primary key.
my $tables = q{
	CREATE SCHEMA shop;
	CREATE TYPE shop.color AS ENUM ('red', 'green', 'blue');
	CREATE TYPE shop.price AS (amount numeric, paint shop.color);
	CREATE TABLE shop.plain (id int PRIMARY KEY, t text);
	CREATE TABLE shop.patched (id int PRIMARY KEY, c shop.color);
	CREATE TABLE shop.arrays (id int PRIMARY KEY, c shop.color[]);
	CREATE TABLE shop.wide (id int, p shop.price, c shop.color[], t text);
	ALTER TABLE shop.wide ALTER t SET STORAGE EXTERNAL, ALTER c SET STORAGE EXTERNAL;
	CREATE TABLE shop.parts (id int, c shop.color[]) PARTITION BY RANGE (id);
	CREATE TABLE shop.part1 PARTITION OF shop.parts FOR VALUES FROM (0) TO (500);
	CREATE TABLE shop.part2 PARTITION OF shop.parts DEFAULT;
};
here($tables);
here(q{
	INSERT INTO shop.plain SELECT n, md5(n::text) FROM generate_series(1, 1500) n;
	INSERT INTO shop.patched SELECT n, 'green' FROM generate_series(1, 1500) n;
	INSERT INTO shop.arrays SELECT n, '{red,blue}' FROM generate_series(1, 1500) n;
	INSERT INTO shop.wide SELECT n, ROW(n, 'red')::shop.price, array_fill('blue'::shop.color, ARRAY[1500]), repeat(md5(n::text), 200) FROM generate_series(1, 20) n;
	INSERT INTO shop.parts SELECT n, '{green}' FROM generate_series(1, 1000) n;
	SELECT tenant.adopt('shop');
	CREATE PUBLICATION everything FOR ALL TABLES;
});
is(here(q{SELECT string_agg(relation || ' ' || method, ', ' ORDER BY relation) FROM tenant.clone_plan('shop') WHERE method NOT IN ('build', 'position')}),
	'arrays rows, part1 rows, part2 rows, patched patched blocks, patched_pkey blocks, plain blocks, plain_pkey blocks, wide rows', 'all ways to copy');

# What a slot hears of: rows that are inserted, by table; a message has one
# byte for its kind, and the table's OID.
sub inserted
{
	return here(q{WITH message AS (SELECT data FROM pg_logical_slot_get_binary_changes('ear', NULL, NULL, 'proto_version', '1', 'publication_names', 'everything')),
			row (relid) AS (SELECT ('x' || encode(substr(data, 2, 4), 'hex'))::bit(32)::bigint::oid::regclass FROM message WHERE get_byte(data, 0) = ascii('I'))
		SELECT coalesce(string_agg(DISTINCT relid::text, ' '), '') FROM row WHERE relid::text NOT LIKE 'tenant.%'});
}

here(q{SELECT pg_create_logical_replication_slot('ear', 'pgoutput')});
here(q{INSERT INTO shop.plain VALUES (0, 'zero')});
is(inserted(), 'shop.plain', 'a slot hears of rows that are inserted');

# The tables of the extension are among all tables; the subscriber has its own
# registry, so these go to others.
there($tables);
there(q{SELECT tenant.adopt('shop')});
$subscriber->safe_psql('postgres', 'CREATE DATABASE everything');
$subscriber->safe_psql('everything', $_) foreach $tables, 'CREATE SCHEMA tenant', own_tables_of($node, 'app');
my $connstr = $node->connstr('app') =~ s/'/''/gr;
$subscriber->safe_psql('everything', "CREATE SUBSCRIPTION all_of_it CONNECTION '$connstr' PUBLICATION everything");
$subscriber->wait_for_subscription_sync($node, 'all_of_it', 'everything');

# Each leaves the subscriber without a table of the name, and yet all that
# comes later arrives.
my $later = 10000;
my %ways = (
	'a clone' => [ q{SELECT tenant.clone('shop', 'copy')} ],
	'a clone of what is in use' => [ q{SET tenant_mgr.clone_lock = 'none'; SELECT tenant.clone('shop', 'copy2')} ],
	'a clone of blocks as they are' => [ q{SET tenant_mgr.clone_scrub = off; SELECT tenant.clone('shop', 'copy3')} ],
	'a clone of a template' => [ q{SELECT tenant.set_template('copy', true); SELECT tenant.create('child', template => 'copy')} ],
	'a clone that is prepared' => [ q{BEGIN; SELECT tenant.clone('shop', 'copy4'); PREPARE TRANSACTION 'clone'}, q{COMMIT PREPARED 'clone'} ],
	'a clone between rows and savepoints' => [ q{BEGIN; SAVEPOINT a; SELECT tenant.clone('shop', 'copy5'); ROLLBACK TO a;
		INSERT INTO shop.arrays VALUES (5000, '{red}'); SAVEPOINT b; SELECT tenant.clone('shop', 'copy5'); RELEASE b;
		INSERT INTO shop.arrays VALUES (5001, '{blue}'); COMMIT} ],
	'a clone whose schema is published at once' => [ q{BEGIN; SELECT tenant.clone('shop', 'copy6'); CREATE PUBLICATION one FOR TABLES IN SCHEMA copy6; COMMIT} ],
	'a snapshot' => [ q{SELECT tenant.snapshot('copy', 'one')} ],
	'a rollback' => [ q{SELECT tenant.snapshot('copy', 'two'); SELECT tenant.rollback_to('copy', 'two')} ],
	'a restore' => [ q{SELECT tenant.drop('copy'); SELECT tenant.restore('copy')} ]);
foreach my $way (sort keys %ways)
{
	here($_) foreach 'SET client_min_messages = error', map { "SET client_min_messages = error; $_" } @{ $ways{$way} };
	is(inserted(), $way =~ /between/ ? 'shop.arrays' : '', "$way: its rows are not decoded");
	$later++;
	here("INSERT INTO shop.arrays VALUES ($later, '{red,green}'); INSERT INTO shop.wide VALUES ($later, ROW(1, 'blue'), '{red}', repeat('x', 5000))");
	inserted();
	$node->wait_for_catchup('all_of_it');
	is($subscriber->safe_psql('everything', "SELECT count(*) FROM shop.arrays a JOIN shop.wide w USING (id) WHERE id = $later"), 1, "$way: later rows arrive");
}
is(here('SELECT count(*), md5(string_agg(t, $$$$ ORDER BY id)), sum(cardinality(c)) FROM copy2.wide WHERE id <= 20'),
	here("SELECT count(*), md5(string_agg(t, \$\$\$\$ ORDER BY id)), sum(cardinality(c)) FROM shop.wide WHERE id <= 20"), 'and the rows are there');
unlike(slurp_file($subscriber->logfile), qr/ERROR:.*target relation/, 'the subscriber has never stopped');

# What comes to the clone after it does arrive, and its first rows once asked for.
# All tables are to be there then, and those of snapshots and the trash are among
# them.
here(q{SET client_min_messages = error; SELECT tenant.drop(name, purge => true) FROM tenant.tenants WHERE name LIKE 'copy%' AND state = 'active'});
here(q{UPDATE tenant.registry SET purge_after = now() WHERE state = 'trashed'});
here('CALL tenant.purge()');
$subscriber->safe_psql('everything', ($tables =~ s/shop/child/gr) . '; ALTER SUBSCRIPTION all_of_it REFRESH PUBLICATION');
$subscriber->wait_for_subscription_sync($node, 'all_of_it', 'everything');
here(q{INSERT INTO child.arrays VALUES (20000, '{blue}')});
$node->wait_for_catchup('all_of_it');
foreach my $table (qw(plain patched arrays wide parts))
{
	is($subscriber->safe_psql('everything', "SELECT count(*) FROM child.$table"), here("SELECT count(*) FROM child.$table"), "a refresh brings the rows of $table");
}
$subscriber->safe_psql('everything', 'DROP SUBSCRIPTION all_of_it');
here(q{SELECT pg_drop_replication_slot('ear')});

# A publication that lists tables, or a schema, means those of before.
here(q{CREATE PUBLICATION listed FOR TABLE child.plain; CREATE PUBLICATION listed_schema FOR TABLES IN SCHEMA child});
like(refused($node, q{SELECT tenant.snapshot('child', 'one'); SELECT tenant.rollback_to('child', 'one')}),
	qr/WARNING:.*publication "listed_schema" lists tables of tenant "child".*WARNING:.*publication "listed" lists tables of tenant "child" that go to the trash\nHINT:.*ALTER PUBLICATION/s,
	'a rollback tells of publications that lose the tables');

# Tables that a subscription writes to stay where they are.
here('CREATE PUBLICATION shop FOR TABLES IN SCHEMA shop');
there(q{SELECT tenant.snapshot('shop', 'empty')});
there("CREATE SUBSCRIPTION feed CONNECTION '$connstr' PUBLICATION shop");
$subscriber->wait_for_subscription_sync($node, 'feed', 'app');
my $held = qr/ERROR:  55006: cannot (roll back|drop) tenant "shop" because it is replicated to\nDETAIL:  Subscription "feed" writes to table "\w+"\.\nHINT:.*REFRESH PUBLICATION/;
foreach my $sql (q{SELECT tenant.rollback_to('shop', 'empty')}, q{SELECT tenant.drop('shop')}, q{SELECT tenant.drop('shop', purge => true)})
{
	like(refused($subscriber, $sql), $held, "refused: $sql");
}
there(q{SELECT tenant.snapshot('shop', 'full'); SELECT tenant.clone('shop', 'shop_copy'); SELECT tenant.drop('shop_copy'); SELECT tenant.restore('shop_copy'); SELECT tenant.rollback_to('shop_copy', 'x') WHERE false});
here(q{INSERT INTO shop.plain VALUES (30000, 'late')});
$node->wait_for_catchup('feed');
is(there('SELECT (SELECT count(*) FROM shop.plain WHERE id = 30000), (SELECT count(*) FROM shop_copy.plain WHERE id = 30000)'), '1|0', 'rows go on to arrive, and no clone gets them');

# The way out: out of the publication, back, and in again.
here('ALTER PUBLICATION shop DROP TABLES IN SCHEMA shop');
there('ALTER SUBSCRIPTION feed REFRESH PUBLICATION');
there(q{SELECT tenant.rollback_to('shop', 'empty')});
is(there('SELECT count(*) FROM shop.plain'), 0, 'without them the tenant goes back');
here('ALTER PUBLICATION shop ADD TABLES IN SCHEMA shop');
there('ALTER SUBSCRIPTION feed REFRESH PUBLICATION');
$subscriber->wait_for_subscription_sync($node, 'feed', 'app');
here(q{INSERT INTO shop.plain VALUES (30001, 'later')});
$node->wait_for_catchup('feed');
is(there('SELECT count(*) FROM shop.plain'), here('SELECT count(*) FROM shop.plain'), 'and gets all rows when they are in it again');
there('DROP SUBSCRIPTION feed');
there(q{SELECT tenant.drop('shop', purge => true)});

done_testing();
