# 106_health.pl: which connections work.  Servers that answer, do not answer,
# answer nonsense, are killed, come back, let us in with a wrong password or
# say the password aloud are told apart; the background workers notice all of
# it, survive whatever is done to them and their databases, and are in nobody's
# way; a check that is cancelled leaves no socket behind.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeServer;
use IO::Socket::INET;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;
use Time::HiRes qw(usleep);

# Spelled in two halves wherever a statement could be logged.
use constant CANARY => 'kanarienvogel-4711-geheim';
use constant CANARY_SQL => q{'kanarienvogel-' || '4711-geheim'};

my $dir = PostgreSQL::Test::Utils::tempdir();
my $ring = "$dir/ring";

sub write_ring { write_key_ring($ring, "$_[0]:" . ("5$_[0]" x 32) . "\n"); }
write_ring(1);

# What the server's user has for itself is not for connections.
append_to_file("$dir/pgpass", '*:*:*:*:' . CANARY . "\n");
chmod 0600, "$dir/pgpass";
@ENV{qw(PGPASSWORD PGPASSFILE)} = (CANARY, "$dir/pgpass");

# Each answer at once, and each doubt soon settled.
my $node = new_node('registry', qq{
shared_preload_libraries = 'tenant_mgr'
log_statement = all
restart_after_crash = on
wal_level = replica
max_wal_senders = 4
fsync = off
tenant_mgr.key_file = '$ring'
tenant_mgr.health_interval = 150ms
tenant_mgr.health_timeout = 2s
tenant_mgr.health_max_backoff = 300ms
tenant_mgr.health_degraded_latency = 0
});
delete @ENV{qw(PGPASSWORD PGPASSFILE)};
my @targets = map { new_node("target$_", "fsync = off\nlog_connections = on\n") } 1, 2;
new_database($node, 'app');

# Messages of the protocol.
sub is_error { return message('E', "SFATAL\0VFATAL\0C$_[0]\0M$_[1]\0\0"); }

sub notice   { return message('N', "SWARNING\0VWARNING\0C01000\0Mnotice $_[0]\0\0"); }

sub column { return message('T', pack('n', 1) . "x\0" . pack('NnNnNn', 0, 0, 16, 1, -1, 0)); }
sub row    { return message('D', pack('nN', 1, length $_[0]) . $_[0]); }
sub let_in { return message('R', pack('N', 0)) . message('S', "server_version\0$_[0]\0") . message('Z', 'I'); }

sub value { return $node->safe_psql('app', $_[0]); }

sub add_connection
{
	my ($name, $host, $port, %more) = @_;
	my %row = (database_name => 'postgres', username => 'postgres', ssl_mode => 'disable', %more);
	my @columns = sort keys %row;
	value(sprintf 'INSERT INTO tenant.connection (connection_name, host, port, %s) VALUES (%s, %s, %d, %s)',
		join(', ', @columns), literal($name), literal($host), $port, join(', ', map { literal($row{$_}) } @columns));
	return;
}

sub set_password
{
	my ($name, $password_sql) = @_;
	value(sprintf q{SELECT tenant.set_password(%s, %s)}, literal($name), $password_sql);
	return;
}

sub check
{
	my ($name, $settings) = @_;
	return value(($settings // '') . ' SELECT status, coalesce(error, server_version) FROM tenant.check_connection(' . literal($name) . ')');
}

# The workers find out.
sub becomes
{
	my ($name, $condition, $test, $db) = @_;
	my $query = 'SELECT ' . $condition . ' FROM tenant.connection_health WHERE connection_name = ' . literal($name);
	return ok($node->poll_query_until($db // 'app', $query), $test);
}

sub sockets_of
{
	my ($pid) = @_;
	return scalar grep { (readlink($_) // '') =~ /socket|eventpoll/ } glob "/proc/$pid/fd/*";
}

# nothing is going on without connections
ok($node->poll_query_until('app', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'tenant_mgr health worker'}), 'each database has been visited once');
is(value(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'tenant_mgr health launcher' AND datname IS NULL AND wait_event IS NOT NULL}), 1, 'then only the launcher is left, and waits');

# checks at once, the workers being told to keep out of the way
$node->append_conf('postgresql.conf', 'tenant_mgr.health_interval = 0');
$node->reload;
$targets[1]->safe_psql('postgres', 'CREATE ROLE app LOGIN PASSWORD ' . "'" . CANARY . "'");
{
	my $hba = $targets[1]->data_dir . '/pg_hba.conf';
	unlink $hba;
	append_to_file($hba, "local all app scram-sha-256\nlocal all all trust\n");
	$targets[1]->reload;
}
add_connection('one', $targets[0]->host, $targets[0]->port);
add_connection('two', $targets[1]->host, $targets[1]->port, username => 'app');
add_connection('refused', '127.0.0.1', 1);
my $version = $targets[0]->safe_psql('postgres', 'SHOW server_version');
is(check('one'), "healthy|$version", 'a server that answers is healthy');
like(check('two'), qr/^unhealthy\|.*no password supplied$/, 'one that wants a password is not, without one');
set_password('two', q{'wrong ' || 'one'});
like(check('two'), qr/^unhealthy\|.*FATAL:  ?password authentication failed for user "app"$/, 'nor with a wrong one');
set_password('two', CANARY_SQL);
is(check('two'), "healthy|$version", 'with the right one it is');
like(check('refused'), qr/^unhealthy\|.*port 1 failed: Connection refused/, 'nobody is there');

# servers that are none
my $timeout = q{SET tenant_mgr.health_timeout = '300ms';};
add_connection('silent', '127.0.0.1', fake_server(sub { my ($client) = @_; startup($client); read $client, my $more, 1; }));
is(check('silent', $timeout), 'unhealthy|the server accepted the connection, but did not let us in within 300 ms', 'a server that accepts and says nothing');
add_connection('garbage', '127.0.0.1', fake_server(sub { my ($client) = @_; startup($client); print $client "HTTP/1.1 400 Bad Request\r\n\r\n"; }));
like(check('garbage'), qr/^unhealthy\|.*expected authentication request from server, but received H$/, 'one that speaks another protocol');
add_connection('closing', '127.0.0.1', fake_server(sub { startup($_[0]) }));
like(check('closing'), qr/^unhealthy\|.*server closed the connection unexpectedly/, 'one that hangs up');
add_connection('starting', '127.0.0.1', fake_server(sub { my ($client) = @_; startup($client); print $client is_error('57P03', 'the database system is starting up'); }));
like(check('starting'), qr/^unhealthy\|.*FATAL: +the database system is starting up$/, 'one that is starting up');
add_connection('mute', '127.0.0.1', fake_server(sub { my ($client) = @_; startup($client); print $client let_in('1.0'); next_message($client); read $client, my $more, 1; }));
is(check('mute', $timeout), 'unhealthy|the server did not answer a query within 300 ms', 'one that lets us in and then says nothing');
add_connection('odd', '127.0.0.1', fake_server(sub { my ($client) = @_; startup($client); print $client let_in('1.0'); next_message($client); print $client column(), row('maybe'); next_message($client); }));
is(check('odd'), "unhealthy|the server's answer is none to the question", 'one that answers something else');
my $endless = sub {
	my ($client) = @_;
	startup($client);
	print $client let_in('1.0');
	next_message($client);
	print $client column();
	my $rows = row('f') x 10000;
	while (print $client $rows) { }
};
add_connection('endless', '127.0.0.1', fake_server($endless));
is(check('endless'), 'healthy|1.0', 'one that never stops answering is not heard out');
add_connection('slow', '127.0.0.1', fake_server(sub { my ($client) = @_; startup($client); print $client let_in('1.0'); next_message($client); select undef, undef, undef, 0.1; print $client column(), row('f'); next_message($client); }));
is(check('slow', q{SET tenant_mgr.health_degraded_latency = '50ms';}), 'degraded|1.0', 'one that is slow is degraded');
is(check('slow', q{SET tenant_mgr.health_degraded_latency = 0;}), 'healthy|1.0', 'unless it may be');
add_connection('notices', '127.0.0.1', fake_server(sub { my ($client) = @_; startup($client); print $client message('R', pack('N', 0)), notice('of the target') x 3, is_error('53300', "zu viele\xff\xfe Verbindungen"); }));
is(check('notices'), 'unhealthy|the message is not shown because it is in another encoding', 'one that speaks in another encoding');

# one that shouts out the password it was sent
add_connection('telltale', '127.0.0.1', fake_server(sub {
	my ($client) = @_;
	startup($client);
	print $client message('R', pack('N', 3));
	my $password = next_message($client) =~ s/\0//gr;
	print $client message('R', pack('N', 0)), notice("with $password"), is_error('28P01', "the password $password is wrong");
}));
set_password('telltale', CANARY_SQL);
is(check('telltale'), 'unhealthy|the message is not shown because the password occurs in it', 'one that repeats the password');

# a black hole: a queue of connections that is full
my $hole = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "no socket: $!";
my @filling = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $hole->sockport, Proto => 'tcp', Blocking => 0) } 1 .. 8;
add_connection('hole', '127.0.0.1', $hole->sockport);
is(check('hole', $timeout), 'unhealthy|no connection to the server could be made within 300 ms', 'a black hole');

# without the key no password is opened, and that is not the server's fault
write_ring(2);
my ($rc, $out, $err) = $node->psql('app', q{SELECT * FROM tenant.check_connection('two')});
like($err, qr/ERROR:  root key version 1 is not in the key ring/, 'without the key there is an error');
is(value(q{SELECT status FROM tenant.connection_health WHERE connection_name = 'two'}), 'healthy', 'and nothing new is known');
write_ring(1);

# a check that is cancelled leaves no socket
my $session = $node->background_psql('app', on_error_stop => 0);
my $pid = $session->query_safe('SELECT pg_backend_pid()');
$session->query(q{SELECT status FROM tenant.check_connection('one')});
my $sockets = sockets_of($pid);
cmp_ok($sockets, '>', 0, 'there are sockets to be counted');
$session->query(q{SET statement_timeout = '100ms'; SET tenant_mgr.health_timeout = '60s'});
$session->query(sprintf 'SELECT * FROM tenant.check_connection(%s)', literal($_)) foreach 'silent', 'hole', 'mute', 'silent';
is(sockets_of($pid), $sockets, 'a statement timeout leaves no socket behind');
$session->query(q{SET statement_timeout = 0; SET tenant_mgr.health_timeout = '1ms'});
$session->query(sprintf 'SELECT * FROM tenant.check_connection(%s)', literal($_)) foreach 'silent', 'hole', 'mute', 'endless', 'one';
is(sockets_of($pid), $sockets, 'nor does a check that takes too long');
$session->query(q{BEGIN; SET LOCAL tenant_mgr.health_timeout = '60s'});
$session->query_until(qr/begun/, qq{\\echo begun\nSELECT * FROM tenant.check_connection('silent');\n});
ok($node->poll_query_until('app', "SELECT pg_cancel_backend($pid) FROM pg_stat_activity WHERE pid = $pid AND state = 'active'"), 'a check is cancelled');
ok($node->poll_query_until('app', "SELECT state LIKE 'idle in%' FROM pg_stat_activity WHERE pid = $pid"), 'it ends at once');
is(sockets_of($pid), $sockets, 'and leaves no socket behind');
$session->quit;

# the breaker, step by step
sub breaker { return value(sprintf q{SELECT status, breaker, consecutive_failures FROM tenant.connection_health WHERE connection_name = %s}, literal($_[0])); }
my $step_port = PostgreSQL::Test::Cluster::get_free_port();
add_connection('steps', '127.0.0.1', $step_port);
my @steps;
foreach (1 .. 4) { check('steps'); push @steps, breaker('steps'); }
is("@steps", 'unhealthy|closed|1 unhealthy|closed|2 unhealthy|open|3 unhealthy|open|4', 'three failures open the breaker');
{
	my $listener = IO::Socket::INET->new(Listen => 20, LocalAddr => '127.0.0.1', LocalPort => $step_port, ReuseAddr => 1, Proto => 'tcp') or die "no socket: $!";
	my $child = fork() // die "fork: $!";
	if ($child == 0)
	{
		local $SIG{PIPE} = 'IGNORE';
		while (my $client = $listener->accept)
		{
			startup($client);
			print $client let_in('1.0');
			eval {
				next_message($client);
				print $client column(), row('f'), message('C', "SELECT 1\0"), message('Z', 'I');
				next_message($client);
			};
			close $client;
		}
		POSIX::_exit(0);
	}
	close $listener;
	@steps = ();
	foreach (1 .. 2) { check('steps'); push @steps, breaker('steps'); }
	is("@steps", 'unhealthy|half_open|0 healthy|closed|0', 'two successes close it');
	kill 'KILL', $child;
	waitpid $child, 0;
	@steps = ();
	foreach (1 .. 3) { check('steps'); push @steps, breaker('steps'); }
	is("@steps", 'degraded|closed|1 degraded|closed|2 unhealthy|open|3', 'a healthy one is given some credit');
}
is(value(q{SELECT probes, round(success_rate::numeric, 2), latency_avg_ms > 0 AND latency_p95_ms >= latency_avg_ms, last_success < last_checked, last_error ~ 'refused', server_version
	FROM tenant.connection_health WHERE connection_name = 'steps'}), '9|0.22|t|t|t|1.0', 'the figures are those of the last probes');
value(q{UPDATE tenant.connection SET port = port % 60000 + 1 WHERE connection_name = 'steps'});
check('steps');
is(breaker('steps'), 'unhealthy|closed|1', 'a connection that leads elsewhere begins afresh');
is(value(q{SELECT string_agg(event || ' ' || (detail ->> 'before'), ', ' ORDER BY event_id) FROM tenant.event WHERE object = 'steps'}),
	'unhealthy unknown, healthy unhealthy, degraded healthy, unhealthy degraded, unhealthy unknown', 'each change is an event');
value('BEGIN READ ONLY; SELECT * FROM tenant.check_connection($$one$$); COMMIT');

# the workers: from now on nobody else looks
my $before_workers = -s $node->logfile;
$node->append_conf('postgresql.conf', 'tenant_mgr.health_interval = 150ms');
value(q{DELETE FROM tenant.connection WHERE connection_name NOT IN ('one', 'two')});
my $listener = $node->background_psql('app');
value('CREATE ROLE listener LOGIN');
$listener->query_safe('SET ROLE listener; LISTEN tenant_mgr');
$node->reload;
becomes($_, q{status = 'healthy' AND probes > 5}, "the workers look at $_") foreach 'one', 'two';
is(value(q{SELECT count(*) FROM tenant.connection_health}), 2, 'connections that are gone are not shown');

value(q{SELECT tenant.create('acme'), tenant.assign('acme', 'one'), tenant.assign('acme', 'two')});
value(q{UPDATE tenant.connection SET weight = 200 WHERE connection_name = 'one'});
becomes('one', q{status = 'healthy'}, 'a change that leads nowhere else makes no difference');
is(value(q{SELECT tenant.route('acme')}), 'one', 'the heavier primary is used');
my $target_pid = (split /\n/, slurp_file($targets[0]->data_dir . '/postmaster.pid'))[0];
$targets[0]->kill9;
becomes('one', q{status = 'unhealthy' AND breaker <> 'closed'}, 'a server that was killed is noticed');
is(value(q{SELECT tenant.route('acme')}), 'two', 'then another primary is used');
is(value(q{SELECT status FROM tenant.connection_health WHERE connection_name = 'two'}), 'healthy', 'another one is not affected');
# it may take a moment until the process is not there any more
for (my $tries = 0; kill(0, $target_pid) && $tries < 100; $tries++) { usleep(100_000); }
unlink $targets[0]->data_dir . '/postmaster.pid';
$targets[0]->start;
becomes('one', q{status = 'healthy' AND breaker = 'closed'}, 'and so it is when it comes back');
is(value(q{SELECT tenant.route('acme')}), 'one', 'and is used again');
is(value(q{SELECT string_agg(event, ' ' ORDER BY event_id) FROM tenant.event WHERE object = 'one' AND event <> 'degraded' AND detail ->> 'before' <> 'unknown'}), 'unhealthy healthy', 'there is an event for each');
my $heard = $listener->query_safe('SELECT 1');
like($heard, qr/"event": "unhealthy".*"event": "healthy"/s, 'and a notification');
my $id = value(q{SELECT connection_id FROM tenant.connection WHERE connection_name = 'one'});
like($heard, qr/"connection_id": "$id"/, 'that says of what');
unlike($heard, qr/\bone\b|error|host|port|refused/, 'and nothing else, for everybody can listen');
$listener->quit;
{
	my $log = substr slurp_file($node->logfile), $before_workers;
	my @lines = $log =~ /LOG:  (connection "one" is unhealthy.*)/g;
	is(scalar @lines, 1, 'and one line in the log, not one for each probe') or diag(@lines);
}

# roles
value(q{UPDATE tenant.connection SET role = 'replica' WHERE connection_name = 'one'});
becomes('one', q{status = 'degraded' AND last_error ~ 'not in recovery'}, 'a primary that should be a replica is degraded');
value(q{UPDATE tenant.connection SET role = 'primary' WHERE connection_name = 'one'});

# a wrong password and its correction; inactive connections; a missing key
set_password('two', q{'wrong ' || 'one'});
becomes('two', q{status = 'unhealthy' AND last_error ~ 'password authentication failed'}, 'a wrong password is noticed');
write_ring(2);
becomes('two', q{status = 'unknown' AND last_error ~ 'root key version 1 is not in the key ring'}, 'without the key nothing is known of one with a password');
my $since = value('SELECT statement_timestamp()');
becomes('one', "status = 'healthy' AND last_checked > '$since'", 'one without a password is still looked at');
write_ring(1);
set_password('two', CANARY_SQL);
becomes('two', q{status = 'healthy'}, 'a corrected password is noticed without waiting for the breaker');
value(q{UPDATE tenant.connection SET is_active = false WHERE connection_name = 'two'});
becomes('two', q{status = 'unknown' AND probes = 0}, 'an inactive connection is not looked at');
value(q{UPDATE tenant.connection SET is_active = true WHERE connection_name = 'two'});
becomes('two', q{status = 'healthy'}, 'until it is active again');

# settings of the database do not matter, those of the interval do
value(q{ALTER DATABASE app SET default_transaction_read_only = on; ALTER DATABASE app SET search_path = nowhere});
$targets[0]->stop('immediate');
ok($node->poll_query_until('app', q{SELECT count(*) = 2 FROM tenant.event WHERE object = 'one' AND event = 'unhealthy' AND detail ->> 'error' !~ 'recovery'}), 'a database that is read-only by default gets its events');
$targets[0]->start;
value(q{BEGIN READ WRITE; ALTER DATABASE app RESET ALL; COMMIT});
becomes('one', q{status = 'healthy'}, 'all is well again');

# what may happen to a worker: it is terminated, also while it waits
add_connection('hole', '127.0.0.1', $hole->sockport);
sub worker_pid { return q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'tenant_mgr health worker' AND datname = 'app'}; }
ok($node->poll_query_until('app', 'SELECT pg_terminate_backend((' . worker_pid() . '))'), 'a worker is terminated');
becomes('hole', q{status = 'unhealthy' AND breaker <> 'closed'}, 'another one does its work');
ok($node->poll_query_until('app', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'tenant_mgr health launcher'}), 'the launcher is terminated');
my $launcher_gone = value('SELECT statement_timestamp()');
ok($node->poll_query_until('app', "SELECT last_checked > '$launcher_gone' AND (SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'tenant_mgr health launcher' AND backend_start > '$launcher_gone') FROM tenant.connection_health WHERE connection_name = 'one'"), 'it is started again and goes on');

# databases come and go while they are looked at
value(q{DELETE FROM tenant.connection WHERE connection_name = 'hole'});
$node->safe_psql('postgres', 'CREATE DATABASE gone');
$node->safe_psql('gone', 'CREATE EXTENSION tenant_mgr');
$node->safe_psql('gone', sprintf q{INSERT INTO tenant.connection (connection_name, host, port, database_name, username) VALUES ('hole', '127.0.0.1', %d, 'x', 'x')}, $hole->sockport);
my $gone_worker = q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'tenant_mgr health worker' AND datname = '%s'};
ok($node->poll_query_until('postgres', sprintf $gone_worker, 'gone'), 'a worker looks at another database');
$node->safe_psql('postgres', q{ALTER SYSTEM SET tenant_mgr.health_timeout = '1min'});
$node->reload;
ok($node->poll_query_until('postgres', sprintf $gone_worker, 'gone'), 'and takes its time');
($rc, $out, $err) = $node->psql('postgres', 'ALTER DATABASE gone RENAME TO going');
is($err, '', 'the database can be renamed meanwhile');
ok($node->poll_query_until('postgres', sprintf $gone_worker, 'going'), 'a worker looks at it again');
($rc, $out, $err) = $node->psql('postgres', 'CREATE DATABASE gone_too TEMPLATE going');
is($err, '', 'it can be copied');
is($node->safe_psql('gone_too', q{SELECT status FROM tenant.connection_health}), 'unknown', 'the copy has the connection, and nothing is known of it');
($rc, $out, $err) = $node->psql('postgres', 'DROP DATABASE going');
is($err, '', 'it can be dropped');
$node->safe_psql('postgres', 'DROP DATABASE gone_too');
$node->safe_psql('postgres', q{ALTER SYSTEM RESET tenant_mgr.health_timeout});
$node->reload;

# the extension comes and goes
value('DROP EXTENSION tenant_mgr CASCADE');
ok($node->poll_query_until('app', 'SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = $$tenant_mgr health worker$$'), 'nobody looks when the extension is gone');
value('CREATE EXTENSION tenant_mgr');
add_connection('one', $targets[0]->host, $targets[0]->port);
becomes('one', q{status = 'healthy'}, 'it is looked at again when it is back');

# crashes, and restarts, after which all that is known is found out again
{
	my $victim = $node->background_psql('app');
	kill 'KILL', $victim->query_safe('SELECT pg_backend_pid()');
	eval { $victim->quit };
}
ok($node->poll_query_until('postgres', 'SELECT true'), 'the server recovers from a crash');
becomes('one', q{status = 'healthy'}, 'and finds out again');
$node->stop('fast');
$node->start;
becomes('one', q{status = 'healthy'}, 'so it does after a restart');

# a standby looks for itself
$node->safe_psql('postgres', q{ALTER SYSTEM SET tenant_mgr.health_failure_threshold = 1});
$node->reload;
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
ok($standby->poll_query_until('app', q{SELECT status = 'healthy' FROM tenant.connection_health WHERE connection_name = 'one'}), 'a standby looks at connections');
is($standby->safe_psql('app', q{SELECT status FROM tenant.check_connection('one')}), 'healthy', 'also at once');
my $events = $node->safe_psql('app', 'SELECT count(*) FROM tenant.event');
add_connection('late', '127.0.0.1', 1);
ok($standby->poll_query_until('app', q{SELECT status = 'unhealthy' AND probes > 2 FROM tenant.connection_health WHERE connection_name = 'late'}), 'and learns of new ones');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'tenant_mgr health launcher'}), 1, 'without any harm');
$standby->stop('fast');
unlike(slurp_file($standby->logfile), qr/ERROR|PANIC|cannot execute/, 'and without an error');

# nothing secret has got out, and nothing of what a target says for the log
$node->stop('smart');
my $log = slurp_file($node->logfile);
unlike($log, qr/${\CANARY}/, 'the password is not in the log');
unlike($log, qr/notice (of|with)/, 'nor are notices of servers');
unlike($log, qr/PANIC|TRAP/, 'nothing has crashed');
is(index(slurp_file($targets[1]->logfile), 'application_name=tenant_mgr health') >= 0 ? 1 : 0, 1, 'a probe says who it is');

# without slots there is no launcher, and without preloading nothing at all
$node->append_conf('postgresql.conf', 'tenant_mgr.health_slots = 0');
$node->start;
is(value(q{SELECT status, (SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'tenant_mgr health%') FROM tenant.connection_health WHERE connection_name = 'one'}), 'unknown|0', 'without slots there are no workers');
is(check('one'), "healthy|$version", 'and connections can be checked');
$node->append_conf('postgresql.conf', "tenant_mgr.health_slots = 1");
$node->restart;
ok($node->poll_query_until('app', q{SELECT count(*) FILTER (WHERE status <> 'unknown') = 1 FROM tenant.connection_health}), 'with too few slots, some are known');
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
is(check('one'), "healthy|$version", 'without preloading, connections can be checked');
is(value(q{SELECT DISTINCT status FROM tenant.connection_health}), 'unknown', 'and nothing is known');
is(() = slurp_file($node->logfile) =~ /more connections than tenant_mgr.health_slots/g, 1, 'that there are too few slots is told once');

$node->stop;
$_->stop foreach @targets;
done_testing();
