# 116_far_and_own_faults.pl: what goes wrong for one connection, database or
# process stays there.  Locks in one database keep no worker; what fails while
# one change is told keeps no other; a fault of our own is none of the servers';
# servers that have the client compute do not get all of the machine's time.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeServer;
use File::Copy;
use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/ring", '1:' . 'ab' x 32 . "\n");
chmod 0600, "$dir/ring";
my $node = new_node('registry', qq{
shared_preload_libraries = 'tenant_mgr'
tenant_mgr.key_file = '$dir/ring'
tenant_mgr.health_interval = 200ms
tenant_mgr.health_max_backoff = 200ms
tenant_mgr.health_timeout = 30s
tenant_mgr.health_workers = 1
});
my $target = new_node('target', '');
my ($host, $port) = ($target->host, $target->port);
new_database($node, $_) foreach ('one', 'two');
my $reachable = "INSERT INTO tenant.connection (connection_name, host, port, database_name, username) SELECT c, '$host', $port, 'postgres', 'postgres' FROM";
$node->safe_psql('one', "$reachable unnest('{a,b,c}'::text[]) c");
$node->safe_psql('two', "$reachable unnest('{a}'::text[]) c");

# Has everything of the database been looked at since then?
sub looked_at_since
{
	my ($db, $time, $name) = @_;
	return ok($node->poll_query_until($db, "SELECT bool_and(coalesce(last_checked > '$time', false)) FROM tenant.connection_health"), $name);
}
sub now { return $node->safe_psql('postgres', 'SELECT clock_timestamp()'); }
looked_at_since('one', now(), 'connections are looked at');

#
# Somebody has the table locked: the only worker does not stay there
#

my $locker = $node->background_psql('one');
$locker->query_safe('BEGIN; LOCK TABLE tenant.connection IN ACCESS EXCLUSIVE MODE');
looked_at_since('two', now(), 'another database is looked at while one has its table locked') for 1 .. 2;
$node->safe_psql('postgres', 'CREATE DATABASE three TEMPLATE two');
$node->safe_psql('three', q{UPDATE tenant.connection SET weight = 5});
my $second = $node->background_psql('three');
$second->query_safe('BEGIN; LOCK TABLE tenant.data_key, tenant.connection IN ACCESS EXCLUSIVE MODE');
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
looked_at_since('two', now(), 'so it is while two have');
$second->query_safe('ROLLBACK');
$second->quit;
ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'three' AND wait_event_type = 'Lock'}), 'nobody waits there');
$node->safe_psql('postgres', 'DROP DATABASE three');
$locker->query_safe('ROLLBACK');
$locker->quit;
looked_at_since('one', now(), 'and the one again when it is unlocked');

#
# The key worker does not stay either
#

$locker = $node->background_psql('one');
$locker->query_safe('BEGIN; LOCK TABLE tenant.data_key IN ACCESS EXCLUSIVE MODE');
my $log = -s $node->logfile;
$node->safe_psql('two', q{SELECT tenant.encrypt('x'); UPDATE tenant.data_key SET root_version = 7});
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
ok($node->wait_for_log(qr/secrets in database "two" cannot be opened/, $log), 'keys of a database are checked while those of another one are locked');
$locker->query_safe('ROLLBACK');
$locker->quit;
$node->safe_psql('two', 'UPDATE tenant.data_key SET root_version = 1');

#
# What fails while one change is told keeps no other
#

$node->safe_psql('one', q{
	CREATE FUNCTION public.picky() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN IF NEW.object = 'a' THEN PERFORM 1 / 0; END IF; RETURN NEW; END $$;
	CREATE TRIGGER picky BEFORE INSERT ON tenant.event FOR EACH ROW EXECUTE FUNCTION public.picky();
});
$log = -s $node->logfile;
$target->stop('immediate');
foreach my $name ('b', 'c')
{
	ok($node->poll_query_until('one', "SELECT count(*) > 0 FROM tenant.event WHERE object = '$name' AND event IN ('degraded', 'unhealthy')"), "the change of $name is told");
}
ok($node->wait_for_log(qr/ERROR:  division by zero/, $log), 'what failed is in the log');
is($node->safe_psql('one', q{SELECT count(*) FROM tenant.event WHERE object = 'a'}), '0', 'and it failed');
$node->safe_psql('one', 'DROP TRIGGER picky ON tenant.event');
$target->start;
ok($node->poll_query_until('one', q{SELECT bool_and(status = 'healthy') FROM tenant.connection_health}), 'all are well again');

#
# The program that looks at servers cannot run
#

my ($pkglibdir) = run_command([ 'pg_config', '--pkglibdir' ]);
my $program = "$pkglibdir/tenant_mgr_probe";
my $saved = "$dir/probe";
copy($program, $saved) or die "copy: $!";

sub replace_program
{
	my ($source) = @_;
	copy($source, "$program.new") or die "copy: $!";
	chmod 0755, "$program.new";
	rename "$program.new", $program or die "rename: $!";
	return;
}
append_to_file("$dir/broken", "#!/bin/sh\nexit 5\n");
$log = -s $node->logfile;
replace_program("$dir/broken");
my ($ret, $out, $err) = $node->psql('one', "\\set VERBOSITY verbose\nSELECT * FROM tenant.check_connection('a')");
like($err, qr/58000.*program "tenant_mgr_probe" has ended before it has connected.*exit code 5/s, 'one that cannot run is an error');
ok($node->wait_for_log(qr/has ended before it has connected/, $log), 'also for the workers');
is($node->safe_psql('one', q{SELECT bool_and(status = 'healthy' AND breaker = 'closed') FROM tenant.connection_health}), 't', 'and no fault of the servers');
replace_program($saved);
looked_at_since('one', now(), 'when it can, everything goes on');

#
# A server that has the client compute
#

my $scram = fake_server(sub {
	my ($client) = @_;
	startup($client);
	print $client message('R', pack('N', 10) . "SCRAM-SHA-256\0\0");
	my ($nonce) = next_message($client) =~ /r=([^,]*)/;
	print $client message('R', pack('N', 11) . "r=${nonce}x,s=" . encode_base64('salt', '') . ',i=2147483647');
	read $client, my $more, 1;
});
$node->safe_psql('two', sprintf(q{SELECT tenant.add_connection('scram', host => '127.0.0.1', port => %d, database_name => 'd', username => 'u',
	password => 'secret', ssl_mode => 'disable', is_active => false)}, $scram));
is($node->safe_psql('two', q{SET tenant_mgr.health_timeout = '5min'; SELECT error FROM tenant.check_connection('scram')}),
	'the server has the client compute for too long', 'a server does not have the client compute for as long as it may take to answer');

done_testing();
