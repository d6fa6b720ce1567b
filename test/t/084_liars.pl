# 084_liars.pl: what a far server, or a file, can do to those who look at it.
# Servers that have the client compute or send what never ends, files that
# cannot be read to their end: each spoils its own row.  The others are looked
# at on time; a check can be cancelled and terminated, and the server shuts down
# at once; nothing of what the liars say is in the log.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeServer;
use IO::Socket::INET;
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
tenant_mgr.health_interval = 0
tenant_mgr.health_timeout = 1s
tenant_mgr.health_max_backoff = 500ms
tenant_mgr.health_degraded_latency = 0
tenant_mgr.certificate_directory = '$dir'
fsync = off
});
new_database($node, 'app');
my $target = new_node('target', "fsync = off\n");
sub value { return $node->safe_psql('app', $_[0]); }

sub let_in { return message('R', pack('N', 0)) . message('S', "server_version\0001.0\0") . message('Z', 'I'); }
sub hold   { my ($client) = @_; read $client, my $more, 1; return; }

my %liar = (
	scram => sub {
		my ($client) = @_;
		startup($client);
		print $client message('R', pack('N', 10) . "SCRAM-SHA-256\0\0");
		my ($nonce) = next_message($client) =~ /r=([^,]*)/;
		print $client message('R', pack('N', 11) . "r=${nonce}x,s=" . encode_base64('salt', '') . ',i=2147483647');
		hold($client);
	},
	huge => sub {
		my ($client) = @_;
		startup($client);
		print $client let_in();
		next_message($client);
		print $client 'E', pack('N', 550_000_000), "SERROR\0C42000\0M";
		my $megabyte = 'x' x 1_000_000;
		while (print $client $megabyte) { }
	},
	notices => sub {
		my ($client) = @_;
		startup($client);
		print $client message('R', pack('N', 0));
		my $notices = message('N', "SWARNING\0VWARNING\0C01000\0Mflood\nLOG:  forged line\n\0\0") x 10000;
		while (print $client $notices) { }
	},
	parameters => sub {
		my ($client) = @_;
		startup($client);
		print $client message('R', pack('N', 0));
		my $n = 0;
		while (print $client map { message('S', "p$_\0" . ('v' x 1000) . "\0") } $n .. $n + 999) { $n += 1000 }
	},
	drip => sub { my ($client) = @_; startup($client); while (print $client 'R') { sleep 60 } },
	silent => sub { startup($_[0]); hold($_[0]) },
	nul => sub {
		my ($client) = @_;
		startup($client);
		print $client let_in();
		next_message($client);
		print $client message('T', pack('n', 1) . "x\0" . pack('NnNnNn', 0, 0, 16, 1, -1, 0)), message('D', pack('nN', 1, 1) . "\0");
		hold($client);
	},
	(map { my $n = $_; ("umlauts$n" => sub {
		my ($client) = @_;
		startup($client);
		print $client message('E', "SFATAL\0VFATAL\0C28000\0M" . ('x' x $n) . ("\xc3\xa4" x 5000) . "\0\0");
	}) } 1, 2),
	lines => sub {
		my ($client) = @_;
		startup($client);
		print $client message('E', "SFATAL\0VFATAL\0C28000\0Mno\nLOG:  forged line " . ('y' x 20000) . "\0\0");
	});

my ($host, $port) = ($target->host, $target->port);
value("INSERT INTO tenant.connection (connection_name, host, port, database_name, username) VALUES ('good', '$host', $port, 'postgres', 'postgres')");
foreach my $name (sort keys %liar)
{
	my $liar_port = fake_server($liar{$name});
	value("INSERT INTO tenant.connection (connection_name, host, port, database_name, username, ssl_mode) VALUES ('$name', '127.0.0.1', $liar_port, 'x', 'x', 'disable')");
}
value(q{SELECT tenant.set_password('scram', 'secret')});

# a file that never ends: not accepted, and from elsewhere not opened
system('mkfifo', "$dir/fifo") == 0 or die 'no FIFO';
foreach my $path ('/dev/ptmx', '/dev/zero', '../fifo', "$dir/fifo")
{
	my ($rc, $out, $err) = $node->psql('app', "UPDATE tenant.connection SET options = jsonb_build_object('sslrootcert', '$path') WHERE connection_name = 'silent'");
	like($err, qr/ERROR:  connection option "sslrootcert" must be the name of a file/, "not a certificate: $path");
}
value(q{INSERT INTO tenant.connection (connection_name, host, port, database_name, username, ssl_mode, options) SELECT 'fifo', host, port, 'x', 'x', 'verify-ca', '{"sslrootcert": "fifo"}' FROM tenant.connection WHERE connection_name = 'silent'});

# one after the other, each with its own answer
my %answer = (
	scram      => 'the server accepted the connection, but did not let us in within 300 ms',
	huge       => '(the server sent more than there is memory for|the server did not answer a query within 300 ms|the server said something that it should not|.*(out of memory|cannot allocate).*)',
	notices    => 'the server accepted the connection, but did not let us in within 300 ms',
	parameters => '(the server accepted the connection, but did not let us in within 300 ms|the server said something that it should not|.*out of memory.*)',
	drip       => 'the server accepted the connection, but did not let us in within 300 ms',
	silent     => 'the server accepted the connection, but did not let us in within 300 ms',
	nul        => q{the server's answer is none to the question},
	lines      => '.*no; LOG: forged line y{100,1000}',
	umlauts1   => ".*x(\xc3\xa4){300,}",
	umlauts2   => ".*xx(\xc3\xa4){300,}",
	fifo       => '(the server accepted the connection, but did not let us in within 300 ms|.*root certificate.*)');
foreach my $name (sort keys %answer)
{
	like(value("SET tenant_mgr.health_timeout = '300ms'; SELECT status, error FROM tenant.check_connection('$name')"), qr/^unhealthy\|$answer{$name}$/, "a liar is unhealthy: $name");
}
value('CREATE ROLE checker LOGIN; GRANT USAGE ON SCHEMA tenant TO checker; GRANT EXECUTE ON FUNCTION tenant.check_connection(text) TO checker');
is(value(q{SET ROLE checker; SELECT error FROM tenant.check_connection('lines')}), 'the server refuses with SQLSTATE 28000: it does not let this user in', 'who may not see the password does not see what the server says');
my ($rc, $out, $err) = $node->psql('app', q{SET ROLE checker; SET tenant_mgr.health_timeout = 1});
like($err, qr/permission denied to set parameter "tenant_mgr.health_timeout"/, 'nor choose how long it has');

# a check is cancelled, and terminated
my $session = $node->background_psql('app', on_error_stop => 0);
$session->query(q{SET statement_timeout = '300ms'; SET tenant_mgr.health_timeout = '60s'});
$session->query(q{SELECT * FROM tenant.check_connection('scram')});
like($session->{stderr}, qr/canceling statement due to statement timeout/, 'a statement timeout ends a check');
$session->{stderr} = '';
chomp(my $pid = $session->query('SELECT pg_backend_pid()'));
$session->query('SET statement_timeout = 0');
$session->query_until(qr/begun/, "\\echo begun\nSELECT * FROM tenant.check_connection('silent');\n");
ok($node->poll_query_until('app', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $pid AND state = 'active'"), 'a session that checks is terminated');
ok($node->poll_query_until('app', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid"), 'it ends');
eval { $session->quit };

# connect() looks first
SKIP:
{
	skip 'dblink is not installed', 2 unless value(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'dblink'});
	value('CREATE EXTENSION dblink');
	value(q{UPDATE tenant.connection SET options = '{"connect_timeout": 2}' WHERE connection_name IN ('scram', 'notices')});
	foreach my $name ('scram', 'notices')
	{
		($rc, $out, $err) = $node->psql('app', "SELECT tenant.connect('$name')");
		like($err, qr/ERROR:  could not establish connection\nDETAIL:  The server accepted the connection, but did not let us in within 2000 ms/, "connect is not held by a liar: $name");
	}
}

# the workers: many liars, and the good one is looked at all the time, with few files
value(q{INSERT INTO tenant.connection (connection_name, host, port, database_name, username, ssl_mode)
	SELECT connection_name || n, host, port, 'x', 'x', 'disable' FROM tenant.connection, generate_series(1, 2) n WHERE connection_name NOT IN ('good', 'fifo')});
$node->append_conf('postgresql.conf', "tenant_mgr.health_interval = 300ms\nmax_files_per_process = 80");
$node->restart;
ok($node->poll_query_until('app', q{SELECT status = 'healthy' AND probes > 5 FROM tenant.connection_health WHERE connection_name = 'good'}), 'the workers look at the good one');
ok($node->poll_query_until('app', q{SELECT count(*) = 0 FROM tenant.connection_health WHERE connection_name <> 'good' AND status <> 'unhealthy'}), 'and know all liars');
is(value(q{SELECT status FROM tenant.connection_health WHERE connection_name = 'good'}), 'healthy', 'the good one stays healthy');
is(value(q{SELECT count(*) FROM tenant.connection_health WHERE last_error ~ 'forged|flood|yyyy' OR length(last_error) > 1024 OR last_error ~ E'\n'}), 0, 'what liars say is not kept');

# a fast shutdown, while the workers and sessions wait for liars, and for one
# that cannot even be reached: a queue that is full
my $full = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "no socket: $!";
my $full_port = $full->sockport;
my @queue = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $full_port, Proto => 'tcp', Blocking => 0) } 1 .. 4;
value("INSERT INTO tenant.connection (connection_name, host, port, database_name, username, ssl_mode) VALUES ('full', '127.0.0.1', $full_port, 'x', 'x', 'disable')");
$node->append_conf('postgresql.conf', 'tenant_mgr.health_timeout = 10min');
$node->reload;
$session = $node->background_psql('app', on_error_stop => 0);
my $other = $node->background_psql('app', on_error_stop => 0);
$session->query_until(qr/begun/, "\\echo begun\nSELECT * FROM tenant.check_connection('scram');\n");
$other->query_until(qr/begun/, "\\echo begun\nSELECT * FROM tenant.check_connection('full');\n");
ok($node->poll_query_until('app', q{SELECT count(*) FILTER (WHERE backend_type = 'client backend' AND wait_event = 'Extension') > 1
	AND count(*) FILTER (WHERE backend_type = 'tenant_mgr health worker' AND wait_event = 'Extension') > 0
	OR count(*) FILTER (WHERE backend_type = 'client backend' AND wait_event LIKE 'TenantMgr%') > 1
	AND count(*) FILTER (WHERE backend_type = 'tenant_mgr health worker' AND wait_event LIKE 'TenantMgr%') > 0 FROM pg_stat_activity}), 'somebody waits for liars');
my $began = time;
$node->stop('fast');
my $took = time - $began;
note("fast shutdown took $took s, which should be less than five");
cmp_ok($took, '<', 60, 'the server does not wait for them to stop');
eval { $_->quit } foreach $session, $other;
SKIP:
{
	my ($library_dir) = run_command([ 'pg_config', '--pkglibdir' ]);
	skip 'no /proc', 1 unless -e '/proc/self/exe';
	my $alive = 1;
	foreach (1 .. 600)
	{
		$alive = grep { (readlink($_) // '') =~ m{^\Q$library_dir\E/tenant_mgr_probe} } glob '/proc/[0-9]*/exe';
		last if $alive == 0;
		select(undef, undef, undef, 0.1);
	}
	is($alive, 0, 'and nothing is left of the probes');
}
my $log = slurp_file($node->logfile);
unlike($log, qr/forged|flood/, 'nor is it in the log');
unlike($log, qr/PANIC|TRAP|Too many open files|invalid memory alloc|has ended before/, 'nothing has gone wrong');
cmp_ok(-s $node->logfile, '<', 1_000_000, 'and the log is short');
$target->stop;
done_testing();
