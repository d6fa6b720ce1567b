# 021_doctor_orphans.pl: a crash in the middle of a clone leaves files behind;
# tenant.doctor() lists these, all of these and nothing else, and removes none.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;
use Time::HiRes qw(usleep);

my $node = new_node('orphans', "shared_preload_libraries = 'tenant_mgr'\nfsync = off\n"
	  . "autovacuum = off\nrestart_after_crash = on\n");
new_database($node, 'app');
my $spc = PostgreSQL::Test::Utils::tempdir();
$node->safe_psql('app', "CREATE TABLESPACE tm_space LOCATION '$spc'");
$node->safe_psql('app', q{
	SELECT tenant.create('big');
	CREATE TABLE big.item (id serial PRIMARY KEY, t text);
	INSERT INTO big.item (t) SELECT repeat(md5(g::text), 20) FROM generate_series(1, 100000) g;
	CREATE TABLE big.elsewhere TABLESPACE tm_space AS SELECT * FROM big.item;
	CREATE UNLOGGED TABLE big.unlogged AS SELECT * FROM big.item LIMIT 10;
	CREATE INDEX ON big.item (t);
});

sub doctor
{
	return $node->safe_psql('app', 'SELECT severity, object, problem FROM tenant.doctor() ORDER BY object');
}

# The paths that the doctor names.
sub named
{
	my ($report) = @_;
	return join ' ', sort $report =~ /^\w+\|file "([^"]+)"/mg;
}

# What the doctor should name: files of a number that no relation has.  Empty
# ones do not count, for dropped relations leave such until a checkpoint.
sub left_behind
{
	my ($oid) = $node->safe_psql('app', 'SELECT oid FROM pg_database WHERE datname = current_database()');
	my ($version) = $node->safe_psql('app', q{SELECT pg_relation_filepath('big.elsewhere')}) =~ m{^(pg_tblspc/.*)/\d+$};
	my %known = map { $_ => 1 } split /\n/, $node->safe_psql('app', 'SELECT pg_relation_filenode(oid) FROM pg_class');
	my %found;
	foreach my $dir ("base/$oid", $version)
	{
		foreach my $file (slurp_dir($node->data_dir . "/$dir"))
		{
			$found{"$dir/$1"} = 1
			  if $file =~ /^(\d+)(_\w+)?(\.\d+)?$/ && !$known{$1} && -s $node->data_dir . "/$dir/$file";
		}
	}
	return join ' ', sort keys %found;
}

sub all_files
{
	my %files;
	foreach my $path (split / /, $_[0])
	{
		$files{$_} = -s $_ foreach grep { /\/\Q$path\E(_\w+)?(\.\d+)?$/ } glob($node->data_dir . "/${path}*");
	}
	return \%files;
}

is(doctor(), '', 'a healthy database has nothing wrong');

# files of a transaction that is running are none of the doctor's business
my $running = $node->background_psql('app');
$running->query_safe(q{BEGIN; SELECT tenant.clone('big', 'running'); CREATE TABLE public.new AS SELECT 1 AS a;
	ALTER TABLE big.unlogged SET TABLESPACE tm_space; TRUNCATE big.elsewhere});
usleep(1_500_000);
is(doctor(), '', 'nor has one with a clone that has not been committed');
$running->query_safe('ROLLBACK');
is(doctor(), '', 'nor has one with a clone that has been rolled back');
$running->quit;

# crash 1: the server dies while a clone is uncommitted
sub interrupted
{
	my ($how) = @_;
	my ($out, $err) = ('', '');
	my $harness = IPC::Run::start([ 'psql', '-X', '-d', $node->connstr('app'), '-c',
			"BEGIN; SELECT tenant.clone('big', 'lost'); SELECT pg_sleep(600)" ],
		'>', \$out, '2>', \$err, IPC::Run::timeout(180));
	$node->poll_query_until('app', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'})
	  or die 'the clone was not made';
	# what has not been written does not count
	$node->safe_psql('app', 'CHECKPOINT');
	$how->($node->safe_psql('app', q{SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'}));
	eval { $harness->finish };
	return;
}

interrupted(sub { $node->stop('immediate'); });
$node->start;
usleep(1_100_000);
my $expected = left_behind();
my $files = all_files($expected);
my $report = doctor();
note($report);
ok($expected ne '', 'a crash leaves files behind');
is(named($report), $expected, 'the doctor names them, in every tablespace, and no others');
unlike($report, qr/^error/m, 'they are no errors');
is_deeply(all_files($expected), $files, 'the doctor has not touched them');
is(left_behind(), $expected, 'nor anything else');
is($node->safe_psql('app', 'SELECT count(*) FROM big.item'), 100000, 'the source is whole');
is($node->safe_psql('app', q{SELECT tenant.exists('lost')}), 'f', 'the clone does not exist');

# crash 2: a backend is killed, the postmaster lives on
interrupted(sub { kill 'KILL', $_[0]; });
$node->poll_query_until('postgres', 'SELECT true');
usleep(1_100_000);
$expected = left_behind();
is(named(doctor()), $expected, 'the same when a single process is killed');

# what they can be removed by, and what a removal takes along
$node->stop;
unlink(keys %{ all_files($expected) });
$node->start;
is(doctor(), '', 'nothing is wrong when the files are gone');
is($node->safe_psql('app', 'SELECT count(*) FROM big.item'), 100000, 'nothing else is gone');
is($node->safe_psql('app', 'SELECT count(*) FROM big.elsewhere'), 100000, 'nor in the other tablespace');
is($node->safe_psql('app', q{SELECT tenant.clone('big', 'lost')}), 'lost', 'the clone can be made');

$node->stop;
done_testing();
