# 103_many_connections.pl: health of more connections than there are files to
# open, or than anybody could wait for.  With few descriptors all are looked at,
# a few at a time, also while some hang; tens of thousands keep nobody waiting.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;
use TenantTest;

my $node = new_node('many', q{
shared_preload_libraries = 'tenant_mgr'
tenant_mgr.health_interval = 500ms
tenant_mgr.health_timeout = 1s
tenant_mgr.health_slots = 20000
tenant_mgr.unbound = allow
max_files_per_process = 100
fsync = off
});
new_database($node, 'app');
sub value { return $node->safe_psql('app', $_[0]); }
my $target = new_node('target', "max_connections = 200\nfsync = off\n");
my ($host, $port) = ($target->host, $target->port);

# The kernel accepts, and nobody ever answers.
my $listener = IO::Socket::INET->new(Listen => 200, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "no socket: $!";
my $silent = $listener->sockport;

# few descriptors
my $number = 40;
sub add
{
	my ($name, $host, $port, $count) = @_;
	value("INSERT INTO tenant.connection (connection_name, host, port, database_name, username, ssl_mode)
		SELECT '$name' || n, '$host', $port, 'postgres', current_user, 'disable' FROM generate_series(1, $count) n");
	return;
}
foreach my $files (100, 64)
{
	$node->append_conf('postgresql.conf', "max_files_per_process = $files");
	$node->restart;
	value('DELETE FROM tenant.connection');
	add('good', $host, $port, $number);
	ok($node->poll_query_until('app', "SELECT count(*) = $number FROM tenant.connection_health WHERE status = 'healthy' AND probes >= 2"), "all are healthy, with $files files");
	add('silent', '127.0.0.1', $silent, $number);
	ok($node->poll_query_until('app', "SELECT count(*) = $number FROM tenant.connection_health WHERE status = 'unhealthy' AND connection_name LIKE 'silent%'"), 'those that hang are known');
	ok($node->poll_query_until('app', "SELECT count(*) >= $number AND bool_and(happened_at >= last_change) FROM tenant.event
		JOIN tenant.connection_health ON connection_name = object AND event = status WHERE object LIKE 'silent%'"), 'which is told, as of the time when it was found') if $files == 100;
	my $since = value('SELECT now()');
	ok($node->poll_query_until('app', "SELECT count(*) = $number FROM tenant.connection_health WHERE connection_name LIKE 'good%' AND last_checked > '$since'"), 'and the good ones are looked at again');
	is(value(q{SELECT count(*) FROM tenant.connection_health WHERE connection_name LIKE 'good%' AND status <> 'healthy'}), 0, 'and healthy');
	is(value(q{SELECT status FROM tenant.check_connection('good1')}), 'healthy', 'a session can look at one, too');
}
unlike(slurp_file($node->logfile), qr/[Tt]oo many open files|PANIC|TRAP/, 'nobody has run out of files');
$target->stop;

# Many: written by a role that may not go there, so nobody has to try.
value('DELETE FROM tenant.connection');
my $many = 20000;
value(q{CREATE ROLE writer; GRANT USAGE ON SCHEMA tenant TO writer; GRANT INSERT ON tenant.connection TO writer});
value("SET ROLE writer; INSERT INTO tenant.connection (connection_name, host, port, database_name, username)
	SELECT 'many' || n, 'nowhere.invalid', 1, 'x', 'x' FROM generate_series(1, $many) n");
$node->append_conf('postgresql.conf', "tenant_mgr.connection_hosts = 'elsewhere.invalid'\ntenant_mgr.health_interval = 1s");
$node->restart;
ok($node->poll_query_until('app', "SELECT count(*) = $many FROM tenant.connection_health WHERE last_checked IS NOT NULL"), "$many connections are known");
value(q{SELECT tenant.create('acme'), tenant.assign('acme', 'many1')});
value(q{UPDATE tenant.connection SET is_active = false WHERE connection_name LIKE 'many1_%'});
my $longest = 0;
my $timeouts = 0;
foreach my $round (1 .. 20)
{
	my $began = Time::HiRes::time();
	my ($rc, $out, $err) = $node->psql('app', qq{
		SET statement_timeout = '60s';
		UPDATE tenant.connection SET is_active = NOT is_active WHERE connection_name LIKE 'many$round%';
		SELECT tenant.route('acme') FROM generate_series(1, 200)});
	my $took = Time::HiRes::time() - $began;
	$longest = $took if $took > $longest;
	$timeouts++ if $err =~ /timeout/;
}
is($timeouts, 0, 'neither a change nor a look waits for long');
note(sprintf 'a change of thousands of connections and 200 looks took %.2f s at most', $longest);
value(q{UPDATE tenant.connection SET is_active = connection_name ~ '[02468]$'});
ok($node->poll_query_until('app', qq{SELECT count(*) = $many / 2 AND bool_and(connection_name ~ '[02468]\$')
	FROM tenant.connection_health WHERE last_checked IS NOT NULL}), 'what is not active is forgotten');
value('DELETE FROM tenant.connection');
ok($node->poll_query_until('app', 'SELECT count(*) = 0 FROM tenant.connection_health()'), 'so is what is gone');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|more connections than/, 'there was room for all');
$node->stop('fast');
done_testing();
