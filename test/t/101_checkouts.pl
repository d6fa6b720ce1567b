# 101_checkouts.pl: connections that a session has open by tenant.connect().
# They lead where the registry says, whatever others have called a foreign
# server; they are opened anew when they are too old or the password has
# changed, and not otherwise; and nothing of them is left when they are closed.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeServer;
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
fsync = off
});
new_database($node, 'app');
sub value { return $node->safe_psql('app', $_[0]); }
plan skip_all => 'dblink is not installed' unless value(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'dblink'});
value('CREATE EXTENSION dblink; CREATE DATABASE evil');
my $far = new_node('far', "fsync = off\n");
$far->safe_psql('postgres', q{CREATE ROLE app LOGIN PASSWORD 'first'});
unlink $far->data_dir . '/pg_hba.conf';
$far->append_conf('pg_hba.conf', "local all app scram-sha-256\nlocal all all trust\n");
$far->reload;
my ($host, $port) = ($far->host, $far->port);
value("SELECT tenant.add_connection('main', host => '$host', port => $port, database_name => 'postgres', username => 'app', password => 'first')");
my $id = value(q{SELECT connection_id FROM tenant.connection WHERE connection_name = 'main'});

# how many times it has been opened by a session that calls connect() after each
sub opened
{
	my (@between) = @_;
	my $before = value(q{SELECT opened FROM tenant.pool_stats WHERE connection_name = 'main'});
	my @statements = map { ($_, q{SELECT tenant.connect('main')}) } '', @between;
	$node->safe_psql('app', join(";\n", @statements) . ';');
	return value(q{SELECT opened FROM tenant.pool_stats WHERE connection_name = 'main'}) - $before;
}

# names of foreign servers, which dblink looks for first
my ($evil_host, $evil_port) = ($node->host, $node->port);
value('CREATE ROLE evil LOGIN; GRANT USAGE ON FOREIGN DATA WRAPPER dblink_fdw TO evil; GRANT CREATE ON DATABASE app TO evil');
my $password = 'first';
foreach my $name (
	substr("fallback_application_name='tenant_mgr connection $id' ", 0, 63),
	substr("fallback_application_name=tenant_mgr connection $id", 0, 63),
	substr(value(q{SELECT tenant.conninfo('main', reveal => true)}), 0, 63),
	substr("host='$host' port='$port' dbname='postgres' user='app' sslmode='prefer'", 0, 63),
	"tenant_mgr:$id", 'main', 'fallback_application_name', 'postgres')
{
	$node->safe_psql('app', sprintf(q{
		SET ROLE evil;
		CREATE SERVER %s FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host '%s', port '%s', dbname 'evil');
		CREATE USER MAPPING FOR PUBLIC SERVER %1$s OPTIONS (user 'evil')}, ident($name), $evil_host, $evil_port));
}
is(value(q{SELECT * FROM dblink(tenant.connect('main'), 'SELECT current_database() || current_user') AS t (x text)}), 'postgresapp', "nobody's server gets in between");
is(value(q{SELECT tenant.connect('main') \gset
	SELECT * FROM dblink(tenant.connect('main'), 'SELECT current_database() || current_user') AS t (x text)}), 'postgresapp', 'nor the second time');

# too old, or not
foreach my $seconds (0, -1, 3600, 2_592_000, 2_147_483, 2_147_484, 2_147_483_647)
{
	value("UPDATE tenant.connection SET pool_recycle_seconds = $seconds");
	is(opened('', ''), 1, "opened once, with pool_recycle_seconds = $seconds");
}
value('UPDATE tenant.connection SET pool_recycle_seconds = 1');
is(opened('SELECT pg_sleep(1.1)'), 2, 'opened anew after its time');
value('UPDATE tenant.connection SET pool_recycle_seconds = 3600');

# the password
is(opened(q{SELECT tenant.set_password('main', 'first')}), 2, 'opened anew after its password has been set');
is(opened(q{UPDATE tenant.connection SET weight = 7}), 1, 'not after what does not concern it');
my $session = $node->background_psql('app', on_error_stop => 0);
$session->query_safe(q{SELECT tenant.connect('main')});
value(q{SELECT tenant.set_password('main', 'second')});
$session->query(q{SELECT tenant.connect('main')});
like($session->{stderr}, qr/ERROR:  could not establish connection/, 'set by another session to a wrong one, it is not used any more');
$session->{stderr} = '';
$far->safe_psql('postgres', q{ALTER ROLE app PASSWORD 'second'});
is($session->query_safe(q{SELECT * FROM dblink(tenant.connect('main'), 'SELECT 1') AS t (x int)}), '1', 'until it is right');
$session->quit;

# nothing stays in the session
sub left
{
	my ($rounds) = @_;
	my $call = q{SELECT tenant.connect('main'), tenant.disconnect('main');};
	return value($call x $rounds . q{ SELECT 'left ' || sum(used_bytes) FROM pg_backend_memory_contexts WHERE name = 'tenant_mgr checkouts'}) =~ s/.*left //sr;
}
my $few = left(3);
cmp_ok($few, '>', 0, 'the memory of connections that are open is found');
is(left(20), $few, 'nothing is left of those that are closed');

# A server that answers the ping with an error, as if somebody had cancelled it:
# that is an answer.
my $fake_port = fake_server(sub {
	my ($client) = @_;
	my $ready = message('Z', 'I');
	startup($client);
	print $client message('R', pack('N', 0)), message('S', "server_version\00015.0\0"), message('S', "client_encoding\0UTF8\0"), $ready;
	while ((read $client, my $head, 5) == 5)
	{
		my ($type, $size) = unpack 'aN', $head;
		read $client, my $query, $size - 4;
		last if $type eq 'X';
		print $client message('T', pack('n', 1) . "x\0" . pack('NnNnNn', 0, 0, 16, 1, -1, 0)), message('D', pack('nN', 1, 1) . 'f'), message('C', "SELECT 1\0"), $ready
		  if $query =~ /pg_is_in_recovery/;
		print $client message('E', "SERROR\0VERROR\0C57014\0Mcanceling statement due to user request\0Fpostgres.c\0RProcessInterrupts\0\0"), $ready
		  if $query =~ /UNLISTEN/;
		print $client message('C', "SET\0"), $ready if $query !~ /pg_is_in_recovery|UNLISTEN/;
	}
});
value("INSERT INTO tenant.connection (connection_name, host, port, database_name, username, ssl_mode) VALUES ('fake', '127.0.0.1', $fake_port, 'x', 'x', 'disable')");
is(value(q{SELECT count(*) FROM (SELECT tenant.connect('fake') UNION ALL SELECT tenant.connect('fake') UNION ALL SELECT tenant.connect('fake')) c}), 3, 'that the far server has cancelled it does not cancel us');
is(value(q{SELECT opened FROM tenant.pool_stats WHERE connection_name = 'fake'}), 1, 'and is an answer');
$far->stop;
$node->stop;
done_testing();
