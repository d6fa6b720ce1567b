# 055_report.pl: what the server tells a client about its settings.  A pool can
# keep search_path and tenant_mgr.tenant apart for each client only if every
# change is reported, also those that a rollback makes.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IO::Socket::UNIX;
use Test::More;
use TenantTest;

my $node = new_node('report');
new_database($node, 'app');
$node->safe_psql('app', "SELECT tenant.create('acme')");

# A client that speaks the protocol and keeps what is reported.
sub connect_to_server
{
	my $socket = IO::Socket::UNIX->new($node->host . '/.s.PGSQL.' . $node->port) or die "could not connect: $!";
	my $user = $node->safe_psql('app', 'SELECT current_user');
	my $body = pack('N', 196608) . join('', map { "$_\0" } (user => $user, database => 'app')) . "\0";
	print $socket pack('N', length($body) + 4) . $body;
	$socket->flush;
	my $client = { socket => $socket };
	read_until_ready($client);
	return $client;
}

sub read_until_ready
{
	my ($client) = @_;
	$client->{reported} = {};
	while (1)
	{
		my ($header, $body) = ('', '');
		read($client->{socket}, $header, 5) == 5 or die 'connection lost';
		my ($type, $length) = unpack('aN', $header);
		read($client->{socket}, $body, $length - 4) if $length > 4;
		if ($type eq 'S')
		{
			my ($name, $value) = split /\0/, $body;
			$client->{reported}{$name} = $value // '';
		}
		return if $type eq 'Z';
	}
}

sub query
{
	my ($client, $sql) = @_;
	print { $client->{socket} } 'Q' . pack('N', length($sql) + 5) . "$sql\0";
	$client->{socket}->flush;
	read_until_ready($client);
	return join ' | ', map { "$_=" . ($client->{reported}{$_} // '(not)') } ('search_path', 'tenant_mgr.tenant');
}

my $default = $node->safe_psql('app', 'SHOW search_path');
my $bound = 'search_path=acme, public, pg_temp | tenant_mgr.tenant=acme';
my $unbound = "search_path=$default | tenant_mgr.tenant=";

# the library comes with the first function of ours
my $client = connect_to_server();
is(query($client, 'SELECT tenant.current()'), "search_path=$default | tenant_mgr.tenant=(not)", 'loaded: the search path in force is reported');
is(query($client, "SELECT tenant.switch('acme')"), $bound, 'loaded: a switch');
is(query($client, 'SET search_path = public'), 'search_path=public | tenant_mgr.tenant=(not)', 'loaded: a search path');

# a search path that is in force only just then goes as if nothing had come
is($node->safe_psql('app', "BEGIN; SET LOCAL search_path = pg_catalog; SELECT tenant.current(); COMMIT; SHOW search_path"),
	"\n$default", 'loaded while a transaction has a search path of its own');
$node->safe_psql('app', q{CREATE FUNCTION public.first() RETURNS text LANGUAGE sql SET search_path = pg_catalog AS 'SELECT tenant.current()'});
is($node->safe_psql('app', 'SELECT public.first(); SHOW search_path'), "\n$default", 'loaded by a function with a search path of its own');
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
is($node->safe_psql('fresh', 'CREATE EXTENSION tenant_mgr; SHOW search_path'), $default, 'loaded by CREATE EXTENSION');
is(query($client = connect_to_server(), "BEGIN; SET LOCAL search_path = pg_catalog; SELECT tenant.current(); COMMIT"),
	"search_path=$default | tenant_mgr.tenant=(not)", 'the client is told');

foreach my $setting ('session_preload_libraries', 'shared_preload_libraries')
{
	$node->append_conf('postgresql.conf', "session_preload_libraries = ''\n$setting = 'tenant_mgr'\n");
	$node->restart;
	$client = connect_to_server();
	is($client->{reported}{search_path}, $default, "$setting: the search path is reported at the start");
	is(query($client, 'SELECT 1'), 'search_path=(not) | tenant_mgr.tenant=(not)', "$setting: nothing when nothing changes");
	is(query($client, "SELECT tenant.switch('acme')"), $bound, "$setting: a switch");
	query($client, 'BEGIN');
	query($client, 'SELECT tenant.reset()');
	is(query($client, 'ROLLBACK'), $bound, "$setting: a rollback");
	is(query($client, 'DISCARD ALL'), $unbound, "$setting: DISCARD ALL");
	query($client, 'BEGIN');
	is(query($client, "SELECT tenant.switch_local('acme')"), $bound, "$setting: a binding of the transaction");
	is(query($client, 'COMMIT'), $unbound, "$setting: and its end");
	query($client, "SELECT tenant.switch('acme')");
	$node->safe_psql('app', "SELECT tenant.rename('acme', 'apex')");
	is(query($client, 'SELECT 1'), 'search_path=apex, public, pg_temp | tenant_mgr.tenant=apex', "$setting: a rename elsewhere");
	$node->safe_psql('app', "SELECT tenant.rename('apex', 'acme')");
}

$node->stop;
done_testing();
