# 118_far_ends.pl: what a row of a connection can do to the session that opens
# it, and which sockets a list of hosts means.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeServer;
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
tenant_mgr.health_interval = 0
tenant_mgr.connection_hosts = '127.0.0.0/8, /srv/pg*, Db*.Example'
});
new_database($node, 'app');
sub value { return $node->safe_psql('app', $_[0]); }
value(q{CREATE ROLE connadm LOGIN; GRANT EXECUTE ON FUNCTION tenant.add_connection, tenant.connect TO connadm});

#
# Hosts that are listed
#

sub refusal
{
	my ($host) = @_;
	my ($ret, $out, $err) = $node->psql('app', qq{\\set VERBOSITY verbose
		BEGIN; SET ROLE connadm; SELECT tenant.add_connection('x', host => '$host', database_name => 'd', username => 'u', password => 'p'); ROLLBACK});
	return $err =~ /ERROR:  (\w+)/ ? $1 : '';
}
is(refusal($_), '', "listed: $_") foreach ('127.1.2.3', '/srv/pg', '/srv/pg15', 'db1.example', 'DB.EXAMPLE');
is(refusal($_), '42501', "not listed: $_") foreach ('/SRV/PG', '/srv/PG15', '/srv/pg/../../tmp', '/tmp', '@srv/pg', '128.0.0.1', 'db.example.org', '::1', 'x/srv/pg');

#
# A server that answers once, and never again
#

SKIP:
{
	skip 'dblink is not installed', 3 unless $node->psql('app', 'CREATE EXTENSION dblink') == 0;
	my $port = fake_server(sub {
		my ($client, $before) = @_;
		startup($client);
		if ($before == 0)
		{
			print $client message('R', pack('N', 3));
			next_message($client);
			print $client message('R', pack('N', 0)), message('Z', 'I');
			next_message($client);
			print $client message('T', pack('n', 1) . "x\0" . pack('NnNnNn', 0, 0, 16, 1, -1, 0)), message('D', pack('nN', 1, 1) . 'f'),
				message('C', "SELECT 1\0"), message('Z', 'I');
		}
		# until the client has gone
		while (read $client, my $more, 1) { }
	});
	value(qq{SELECT tenant.add_connection('once', host => '127.0.0.1', port => $port, database_name => 'd', username => 'u', password => 'p',
		ssl_mode => 'disable', options => '{"connect_timeout": 0}')});
	my $timed_out = 0;
	my ($ret, $out, $err) = $node->psql('app', q{SELECT tenant.connect('once')},
		timeout => $PostgreSQL::Test::Utils::timeout_default, timed_out => \$timed_out);
	is($timed_out, 0, 'connect does not wait for ever, whatever the row says');
	like($err, qr/could not establish connection/, 'it fails');
	is(value(q{SELECT active FROM tenant.pool_stats}), '0', 'and its place is free again');
}

done_testing();
