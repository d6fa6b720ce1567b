# 014_recovery.pl: clones and what operators do to recover from the worst: going
# back to a point in time, a disk that is full, subscribers, files of more than
# one segment.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = PostgreSQL::Test::Cluster->new('recovery');
$node->init(allows_streaming => 'logical', has_archiving => 1, extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_wal_size = 4GB\nlogging_collector = off\n");
$node->start;
new_database($node, 'app');
$node->safe_psql('app', q{
	CREATE SCHEMA shop;
	CREATE TABLE shop.item (id serial PRIMARY KEY, name text, doc text);
	CREATE INDEX ON shop.item (name);
	ALTER TABLE shop.item ALTER doc SET STORAGE EXTERNAL;
	INSERT INTO shop.item (name, doc) SELECT 'item ' || n, repeat(md5(n::text), 100) FROM generate_series(1, 3000) AS n;
	SELECT tenant.adopt('shop');
});
my $rows = rows_of($node, 'app', 'shop');

# Going back to just before and just after a commit.
$node->backup('base');
$node->safe_psql('app', q{SELECT pg_create_restore_point('before_clone')});
$node->safe_psql('app', q{SELECT tenant.clone('shop', 'copy')});
$node->safe_psql('app', q{SELECT pg_create_restore_point('after_clone')});
$node->safe_psql('app', q{SELECT tenant.drop('copy', purge => true)});
$node->safe_psql('app', q{SELECT pg_switch_wal()});
foreach my $point ('before_clone', 'after_clone')
{
	my $then = PostgreSQL::Test::Cluster->new($point);
	$then->init_from_backup($node, 'base', has_restoring => 1);
	$then->append_conf('postgresql.conf',
		"recovery_target_name = '$point'\nrecovery_target_action = promote\narchive_mode = off\n");
	$then->start;
	$then->poll_query_until('app', 'SELECT NOT pg_is_in_recovery()') or die "$point is not promoted";
	is($then->safe_psql('app', q{SELECT tenant.exists('copy')}), $point eq 'after_clone' ? 't' : 'f', "$point: the registry");
	if ($point eq 'after_clone')
	{
		is(rows_of($then, 'app', 'copy'), $rows, "$point: the rows are whole");
		$then->safe_psql('app', q{DELETE FROM copy.item WHERE id % 2 = 0; VACUUM copy.item; SELECT tenant.switch('copy'); INSERT INTO item (name) VALUES ('new')});
		is(rows_of($then, 'app', 'shop'), $rows, "$point: the source is nobody else's");
	}
	else
	{
		is($then->safe_psql('app', q{SELECT count(*) FROM pg_namespace WHERE nspname = 'copy'}), 0, "$point: no schema");
	}
	is(orphan_files($then, 'app'), '', "$point: no file of nobody");
	is($then->safe_psql('app', q{SELECT count(*) FROM tenant.doctor() WHERE severity = 'error'}), 0, "$point: the doctor is content");
	$then->stop;
}

$node->safe_psql('app', q{ALTER SYSTEM SET archive_command = 'true'});
$node->reload;

# Rows of a clone reach a subscriber when it asks for them.
$node->safe_psql('app', 'CREATE PUBLICATION everything FOR ALL TABLES');
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$subscriber->start;
$subscriber->safe_psql('postgres', q{CREATE SCHEMA shop; CREATE TABLE shop.item (id int PRIMARY KEY, name text, doc text);
	CREATE SCHEMA copy; CREATE TABLE copy.item (LIKE shop.item INCLUDING ALL)});
# the tables of the extension are among all tables
$subscriber->safe_psql('postgres', q{CREATE SCHEMA tenant});
$subscriber->safe_psql('postgres', $_) foreach own_tables_of($node, 'app');
my $connstr = $node->connstr('app') =~ s/'/''/gr;
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION all_of_it CONNECTION '$connstr' PUBLICATION everything");
$subscriber->wait_for_subscription_sync($node, 'all_of_it');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM shop.item'), 3000, 'the source is replicated');

my ($rc, $stdout, $stderr) = $node->psql('app', q{SELECT tenant.clone('shop', 'copy')});
like($stderr, qr/WARNING:  publication "everything" does not replicate the rows that schema "copy" begins with\n.*REFRESH PUBLICATION/s,
	'a clone warns about publications of all tables');
$node->safe_psql('app', q{SELECT tenant.clone('shop', 'empty', data => false)});
$node->wait_for_catchup('all_of_it');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM copy.item'), 0, 'the rows are not there by themselves');
$subscriber->safe_psql('postgres', 'CREATE SCHEMA empty; CREATE TABLE empty.item (LIKE shop.item INCLUDING ALL); ALTER SUBSCRIPTION all_of_it REFRESH PUBLICATION');
$subscriber->wait_for_subscription_sync($node, 'all_of_it');
is($subscriber->safe_psql('postgres', 'SELECT count(*), md5(string_agg(doc, $$$$ ORDER BY id)) FROM copy.item'),
	$node->safe_psql('app', 'SELECT count(*), md5(string_agg(doc, $$$$ ORDER BY id)) FROM copy.item'), 'a refresh copies them');
$node->safe_psql('app', q{SELECT tenant.switch('copy'); INSERT INTO item (name) VALUES ('later')});
$node->wait_for_catchup('all_of_it');
is($subscriber->safe_psql('postgres', q{SELECT count(*) FROM copy.item WHERE name = 'later'}), 1, 'and what comes later follows');
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION all_of_it');
$subscriber->stop;
$node->safe_psql('app', q{DROP PUBLICATION everything; SELECT tenant.drop(name, purge => true) FROM tenant.tenants WHERE name IN ('copy', 'empty')});

# A relation of more than one file.
$node->safe_psql('app', q{
	CREATE SCHEMA wide;
	CREATE TABLE wide.page (id int, filler text);
	ALTER TABLE wide.page ALTER filler SET STORAGE PLAIN;
	INSERT INTO wide.page SELECT n, repeat('x', 8000) FROM generate_series(1, 131500) AS n;
	CREATE INDEX ON wide.page (id);
});
is($node->safe_psql('app', q{SELECT pg_relation_size('wide.page') > 1024 * 1024 * 1024}), 't', 'a table of two segments');
foreach my $workers (0, 2)
{
	$node->safe_psql('app', "SET tenant_mgr.clone_workers = $workers; SELECT tenant.clone('wide', 'wide_copy')");
	$node->stop('immediate');
	$node->start;
	is($node->safe_psql('app', q{SELECT count(*), min(id), max(id), sum(id), sum(length(filler)) FROM wide_copy.page}),
		$node->safe_psql('app', q{SELECT count(*), min(id), max(id), sum(id), sum(length(filler)) FROM wide.page}),
		"its clone after a crash, with $workers workers");
	$node->safe_psql('app', q{SELECT tenant.drop('wide_copy', purge => true)});
}
$node->safe_psql('app', 'DROP SCHEMA wide CASCADE; CHECKPOINT');

# No room for a file.  A limit on the size of files meets the same code as a full
# disk, and needs no file system of its own.
$node->safe_psql('app', q{
	CREATE SCHEMA large;
	CREATE TABLE large.item (id int PRIMARY KEY, filler text);
	INSERT INTO large.item SELECT n, repeat(md5(n::text), 60) FROM generate_series(1, 25000) AS n;
	CREATE TABLE large.small (id int);
	INSERT INTO large.small VALUES (1);
});
my $size = $node->safe_psql('app', q{SELECT pg_relation_size('large.item') / 1024});
$node->stop;
my $limit = 20 * 1024;
cmp_ok($size, '>', $limit, 'a table larger than a file may become');
is(system('sh', '-c', "ulimit -f \$1; shift; exec \"\$@\"", 'sh', $limit * 2,
		'pg_ctl', '-w', '-s', '-D', $node->data_dir, '-l', $node->logfile, '-o', '--cluster-name=full', 'start'),
	0, 'started with a limit on the size of files');
foreach my $setting ('clone_scrub = on', 'clone_lock = none', 'clone_workers = 0')
{
	($rc, $stdout, $stderr) = $node->psql('app', "SET tenant_mgr.$setting; SELECT tenant.clone('large', 'large_copy')");
	like($stderr, qr/ERROR:  could not (extend|write|flush).*/, "no room ($setting)");
	is($node->safe_psql('app', q{SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = 'large_copy'), tenant.exists('large_copy')}),
		'0|f', "nothing is left ($setting)");
	is(orphan_files($node, 'app'), '', "no file is left ($setting)");
}
is($node->safe_psql('app', q{SELECT tenant.clone('shop', 'fits'); SELECT tenant.drop('fits', purge => true)}), "fits\n", 'what fits is copied');
is(system('pg_ctl', '-w', '-s', '-D', $node->data_dir, '-m', 'fast', 'stop'), 0, 'stopped');
$node->start;
$node->safe_psql('app', q{SELECT tenant.clone('large', 'large_copy')});
is(rows_of($node, 'app', 'large_copy'), rows_of($node, 'app', 'large'), 'with room again it is whole');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|still referenced|server process .* was terminated/, 'the log tells of no crash');
$node->stop;
done_testing();
