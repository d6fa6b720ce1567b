# 022_snapshots.pl: sessions that are bound to a tenant follow it to another
# state; snapshots survive a dump, and large ones are dropped in batches that a
# crash can interrupt.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;
use Time::HiRes qw(usleep);

use constant TABLES => 900;

my $node = new_node('snapshots', "max_locks_per_transaction = 64\nmax_connections = 12\n"
	  . "max_worker_processes = 2\nmax_wal_senders = 0\nfsync = off\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	SELECT tenant.create('shop');
	CREATE TYPE shop.mood AS ENUM ('sad', 'happy');
	CREATE TABLE shop.item (id serial PRIMARY KEY, t text, m shop.mood DEFAULT 'sad');
	INSERT INTO shop.item (t) SELECT repeat(md5(g::text), 1 + g % 300) FROM generate_series(1, 2000) g;
	CREATE VIEW shop.happy AS SELECT * FROM shop.item WHERE m = 'happy';
	CREATE ROLE tm_shop LOGIN;
	GRANT USAGE ON SCHEMA shop TO tm_shop;
	GRANT SELECT, INSERT ON shop.item TO tm_shop;
	GRANT USAGE ON SEQUENCE shop.item_id_seq TO tm_shop;
});
my $structure = structure_of($node, 'app', 'shop');
my $rows = rows_of($node, 'app', 'shop');
my $sequences = sequences_of($node, 'app', 'shop');
my $snapshot = $node->safe_psql('app', "SELECT tenant.snapshot('shop', 'first')");
is(rows_of($node, 'app', $snapshot, 'shop'), $rows, 'the snapshot has all rows');

# a session that is bound follows, between its transactions and not within one
my $session = $node->background_psql('app', extra_params => [ '-U', 'tm_shop' ]);
$session->query_safe("SELECT tenant.switch('shop'); INSERT INTO item (t) VALUES ('new');");
is($session->query_safe('SELECT count(*) FROM item'), 2001, 'a bound session works');
is($session->query_safe('PREPARE p AS SELECT count(*) FROM item; EXECUTE p'), 2001, 'and prepares a statement');
$node->safe_psql('app', "SELECT tenant.rollback_to('shop', 'first')");
is($session->query_safe('SELECT count(*) FROM item'), 2000, 'it sees the state that was brought back');
is($session->query_safe('EXECUTE p'), 2000, 'also by its prepared statement');
is($session->query_safe('SELECT tenant.current(), current_schema()'), 'shop|shop', 'and is still bound');
is_same(structure_of($node, 'app', 'shop'), $structure, 'structure and privileges are as they were');
is_same(rows_of($node, 'app', 'shop'), $rows, 'rows are as they were');
is(sequences_of($node, 'app', 'shop'), $sequences, 'sequences are as they were');

# going back waits for whoever is at work
$session->query_safe('BEGIN; SELECT count(*) FROM item');
my ($rc, $out, $err) = $node->psql('app', "SET lock_timeout = 200; SELECT tenant.rollback_to('shop', 'first')");
like($err, qr/lock timeout/, 'going back waits for a bound transaction');
is($session->query_safe('SELECT count(*) FROM item'), 2000, 'which goes on');
$session->query_safe('COMMIT');
$node->safe_psql('app', "SELECT tenant.rollback_to('shop', 'first')");
is($session->query_safe('SELECT count(*) FROM item'), 2000, 'and then happens');
$session->quit;

# the server dies before a rollback is committed
($out, $err) = ('', '');
$node->safe_psql('app', "INSERT INTO shop.item (t) VALUES ('kept')");
my $harness = IPC::Run::start([ 'psql', '-X', '-d', $node->connstr('app'), '-c',
		"BEGIN; SELECT tenant.rollback_to('shop', 'first'); SELECT pg_sleep(600)" ],
	'>', \$out, '2>', \$err, IPC::Run::timeout(180));
$node->poll_query_until('app', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
$node->stop('immediate');
eval { $harness->finish };
$node->start;
is($node->safe_psql('app', 'SELECT count(*) FROM shop.item'), 2001, 'a crash leaves the tenant as it was');
is($node->safe_psql('app', q{SELECT tenant, label FROM tenant.snapshots}), 'shop|first', 'and the snapshot');
$node->safe_psql('app', "SELECT tenant.rollback_to('shop', 'first')");
is($node->safe_psql('app', 'SELECT count(*) FROM shop.item'), 2000, 'one can go back to it after the crash');

# dump and restore
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('app') ], 'the database is dumped');
$node->safe_psql('postgres', 'CREATE DATABASE again');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('again'), $dump ], 'and restored');
is($node->safe_psql('again', 'SELECT tenant, label, schema_name FROM tenant.snapshots'), "shop|first|$snapshot", 'with its snapshot');
$node->safe_psql('again', "DELETE FROM shop.item; SELECT tenant.rollback_to('shop', 'first')");
is_same(rows_of($node, 'again', 'shop'), $rows, 'which one can go back to');
is($node->safe_psql('again', q{SELECT problem FROM tenant.doctor() WHERE object NOT LIKE 'file%'}), '', 'nothing is wrong there');

# a snapshot with more objects than the lock table holds
my $sql = "CREATE SCHEMA many;\n";
$sql .= "CREATE TABLE many.t$_ (id serial PRIMARY KEY, t text);\n" foreach 1 .. TABLES;
$node->append_conf('postgresql.conf', "max_locks_per_transaction = 1024\nautovacuum = off");
$node->restart;
$node->safe_psql('app', "$sql SELECT tenant.adopt('many'), tenant.snapshot('many', 'large')");
$node->append_conf('postgresql.conf', 'max_locks_per_transaction = 64');
$node->restart;
sub objects
{
	return $node->safe_psql('app', q{SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		JOIN tenant.snapshot_registry s ON s.schema_name = nspname WHERE label = 'large' AND relkind = 'r'});
}
($rc, $out, $err) = $node->psql('app', "SELECT tenant.drop_snapshot('many', 'large')");
like($err, qr/NOTICE:.*too large.*\n.*tenant.purge/, 'a large snapshot is left to a purge');
is(objects(), TABLES, 'it is still there');
is($node->safe_psql('app', q{SELECT purging FROM tenant.snapshots WHERE label = 'large'}), 't', 'and known to go');
($rc, $out, $err) = $node->psql('app', "SELECT tenant.rollback_to('many', 'large')");
like($err, qr/is being purged/, 'there is no going back to it');

($out, $err) = ('', '');
$harness = IPC::Run::start([ 'psql', '-X', '-d', $node->connstr('app'), '-c', 'CALL tenant.purge()' ],
	'>', \$out, '2>', \$err, IPC::Run::timeout(180));
my $left = TABLES;
for (my $wait = 0; $wait < 4000 && $left == TABLES; $wait++)
{
	usleep(2_000);
	$left = objects();
}
my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
$node->kill9;
eval { $harness->finish };
# it may take a moment to be gone
for (my $wait = 0; $wait < 500 && kill(0, $postmaster); $wait++)
{
	usleep(10_000);
}
$node->start;
$left = objects();
note("$left tables were left after the crash");
ok($left < TABLES, 'the purge had begun');
is($node->safe_psql('app', 'CALL tenant.purge(); SELECT label FROM tenant.snapshots'), 'first', 'the next purge finishes the work');
is($node->safe_psql('app', q{SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
	WHERE nspname = 'many' AND relkind = 'r'}), TABLES, 'the tenant itself is whole');

# a tenant with its snapshots in one transaction: it fits, or it says so
($rc, $out, $err) = $node->psql('app', "SELECT tenant.drop('shop', purge => true)");
is($err, '', 'a small tenant is dropped for good with its snapshot');
is($node->safe_psql('app', q{SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tenant_snapshot%'}), 0, 'no snapshot is left');
is($node->safe_psql('app', q{SELECT problem FROM tenant.doctor() WHERE object NOT LIKE 'file%' AND problem NOT LIKE '%room for%locks'}),
	'', 'nothing is wrong at the end, but for room for locks');

$node->stop;
done_testing();
