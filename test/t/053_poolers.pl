# 053_poolers.pl: two clients of PgBouncer that share one server connection.
# The set-ups that leak without us do so here, and are stopped by us; those that
# are safe are safe.  Before anything is believed, both clients have shown that
# they are served by the same process.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my %program = map { $_ => ($ENV{TM_PROGRAMS} // '') . "/pgbouncer-$_" } ('bookworm', 'trixie');
plan skip_all => 'no PgBouncer' unless grep { -x } values %program;

my $node = new_node('poolers', "shared_preload_libraries = 'tenant_mgr'\nmax_connections = 30\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	SELECT tenant.create(n) FROM unnest('{acme,beta}'::text[]) AS n;
	CREATE TABLE acme.item AS SELECT 'of acme' AS name;
	CREATE TABLE beta.item AS SELECT 'of beta' AS name;
	CREATE ROLE plain LOGIN;
	CREATE ROLE pooled LOGIN;
	CREATE ROLE walled LOGIN;
	CREATE ROLE acme_app LOGIN;
	CREATE ROLE beta_app LOGIN;
	GRANT USAGE ON SCHEMA acme, beta TO plain, pooled, walled, acme_app, beta_app;
	GRANT SELECT ON acme.item, beta.item TO plain, pooled, walled, acme_app, beta_app;
	ALTER ROLE plain SET tenant_mgr.guard = off;
	ALTER ROLE pooled SET tenant_mgr.session_switch = deny;
	ALTER ROLE walled SET tenant_mgr.unbound = deny;
	ALTER ROLE walled SET tenant_mgr.guard = enforce;
	SELECT tenant.assign_role('acme', 'acme_app');
	SELECT tenant.assign_role('beta', 'beta_app');
});

my ($bouncer, $bouncer_port);

sub start_pgbouncer
{
	my ($release, %settings) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir();
	$bouncer_port = PostgreSQL::Test::Cluster::get_free_port();
	my %all = (listen_addr => '', listen_port => $bouncer_port, unix_socket_dir => $dir, auth_type => 'any',
		logfile => "$dir/log", pidfile => "$dir/pid", default_pool_size => 1, pool_mode => 'transaction',
		ignore_startup_parameters => 'extra_float_digits', query_wait_timeout => 60, %settings);
	append_to_file("$dir/ini", join "\n", '[databases]',
		(map { "$_ = host=" . $node->host . ' port=' . $node->port . " dbname=app user=$_" } qw(plain pooled walled acme_app beta_app)),
		'[pgbouncer]', (map { "$_ = $all{$_}" } sort keys %all), '');
	$bouncer = IPC::Run::start([ $program{$release}, '-q', "$dir/ini" ], '>', \my $out, '2>', \my $err);
	$ENV{PGHOST} = $dir;
	wait_for_socket("$dir/.s.PGSQL.$bouncer_port") or die 'PgBouncer does not listen';
	return;
}

sub stop_pgbouncer { $bouncer->signal('KILL'); $bouncer->finish; return; }

# A client of the pool, which stays connected.
sub client
{
	my ($db) = @_;
	my %client = (in => '', out => '', err => '');
	$client{harness} = IPC::Run::start(
		[ 'psql', '-X', '-q', '-A', '-t', '-d', "host=$ENV{PGHOST} port=$bouncer_port dbname=$db user=$db" ],
		'<', \$client{in}, '>', \$client{out}, '2>', \$client{err}, IPC::Run::timeout(120));
	return \%client;
}

sub ask
{
	my ($client, $sql) = @_;
	($client->{out}, $client->{err}) = ('', '');
	$client->{in} .= "\\set VERBOSITY sqlstate\n$sql;\n\\echo ready\n\\warn ready\n";
	$client->{harness}->pump until $client->{out} =~ /^ready\n/m && $client->{err} =~ /^ready\n/m;
	my $answer = $client->{out} . $client->{err};
	$answer =~ s/^ready\n//mg;
	$answer =~ s/^.*(ERROR|WARNING|FATAL): +//mg;
	return join ' ', split /\n/, $answer;
}

sub leave { my $client = shift; $client->{in} .= "\\q\n"; $client->{harness}->finish; return; }

# Two clients of one pool, on one server connection.
sub two_clients
{
	my ($db, $what) = @_;
	my ($one, $two) = (client($db), client($db));
	my $pid = ask($one, 'SELECT pg_backend_pid()');
	like($pid, qr/^\d+$/, "$what: a client is served");
	is(ask($two, 'SELECT pg_backend_pid()'), $pid, "$what: the other one by the same process");
	return ($one, $two);
}

sub check_transaction_mode
{
	my ($release) = @_;
	my ($one, $two);

	start_pgbouncer($release);

	# What leaks: state of the session, without any of our walls.
	($one, $two) = two_clients('plain', "$release, plain");
	ask($one, 'SET search_path = acme');
	is(ask($two, 'SELECT name FROM item'), 'of acme', "$release, plain: a search path leaks");
	ask($one, 'RESET search_path');
	ask($one, "SELECT tenant.switch('acme')");
	is(ask($two, 'SELECT name FROM item'), 'of acme', "$release, plain: so does a session's binding");
	ask($one, 'SELECT tenant.reset()');

	# What does not: bindings of transactions.
	is(ask($one, "BEGIN; SELECT tenant.switch_local('acme'); SELECT name FROM item; COMMIT"), 'acme of acme', "$release, plain: a transaction is bound");
	is(ask($two, 'SELECT name FROM item'), '42P01', "$release, plain: the next client is not");
	is(ask($two, "BEGIN; SELECT tenant.switch_local('beta'); SELECT name FROM item; ROLLBACK"), 'beta of beta', "$release, plain: it binds its own");
	is(ask($one, 'SELECT tenant.current() IS NULL'), 't', "$release, plain: nothing is left after a rollback");

	# A client that goes away in the middle of a transaction.
	ask($one, "BEGIN; SELECT tenant.switch_local('acme')");
	$one->{harness}->kill_kill(grace => 5);
	is(ask($two, 'SELECT tenant.current() IS NULL; SELECT name FROM item'), 't 42P01', "$release, plain: nothing is left of a client that was killed");
	$one = client('plain');
	is(ask($one, "BEGIN; SELECT tenant.switch('acme')"), 'acme', "$release, plain: a client binds the session in a transaction");
	$one->{harness}->kill_kill(grace => 5);
	is(ask($two, 'SELECT tenant.current() IS NULL; SELECT name FROM item'), 't 42P01', "$release, plain: nothing is left of that either");
	$one = client('plain');
	my $pid = ask($one, 'SELECT pg_backend_pid()');
	$one->{in} .= "SELECT tenant.switch('acme'), pg_sleep(600);\n";
	$one->{harness}->pump_nb;
	ok($node->poll_query_until('app', "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = $pid"), "$release, plain: a client binds the session, and the statement goes on");
	$one->{harness}->kill_kill(grace => 5);
	is(ask($two, 'SELECT tenant.current() IS NULL; SELECT name FROM item'), 't 42P01', "$release, plain: nothing is left of a client that was killed in it");
	$node->safe_psql('app', "SELECT pg_terminate_backend($pid)");
	leave($two);

	# A role that may not bind the session.
	($one, $two) = two_clients('pooled', "$release, session_switch");
	is(ask($one, "SELECT tenant.switch('acme')"), '42501', "$release, session_switch: a session cannot be bound");
	is(ask($one, "SET tenant_mgr.tenant = 'acme'"), '42501', "$release, session_switch: not by SET either");
	is(ask($two, 'SELECT name FROM item'), '42P01', "$release, session_switch: the other client is not bound");
	is(ask($two, "BEGIN; SELECT tenant.switch_local('beta'); SELECT name FROM item; COMMIT"), 'beta of beta', "$release, session_switch: transactions can be");
	is(ask($one, "BEGIN; SELECT tenant.switch_local('acme'); DECLARE c CURSOR WITH HOLD FOR SELECT name FROM item; COMMIT"), 'acme 0A000',
		"$release, session_switch: no cursor is left to the next client");
	leave($one); leave($two);

	# Unbound sessions see nothing: what leaks is of no use.
	($one, $two) = two_clients('walled', "$release, guard");
	ask($one, 'SET search_path = acme');
	is(ask($two, 'SELECT name FROM item'), 'TM002', "$release, guard: a search path that leaks shows nothing");
	is(ask($two, "BEGIN; SELECT tenant.switch_local('beta'); SELECT name FROM item; COMMIT"), 'beta of beta', "$release, guard: a bound transaction works");
	is(ask($two, "BEGIN; SELECT tenant.switch_local('beta'); SET LOCAL search_path = acme; SELECT name FROM item; COMMIT"), 'beta TM003',
		"$release, guard: and reads nobody else's tables");
	leave($one); leave($two);

	# A pool for each tenant's role.
	($one, $two) = two_clients('acme_app', "$release, roles");
	my $other = client('beta_app');
	is(ask($one, 'SELECT name FROM item'), 'of acme', "$release, roles: bound by the role");
	is(ask($other, 'SELECT name FROM item'), 'of beta', "$release, roles: another role by its own");
	is(ask($one, "SELECT tenant.switch('beta')"), 'TM004', "$release, roles: not to be left");
	is(ask($two, 'SELECT name FROM item'), 'of acme', "$release, roles: nor is it for the other client");
	leave($_) foreach ($one, $two, $other);
	stop_pgbouncer();

	# Pooling of sessions, with the reset that belongs to it.
	start_pgbouncer($release, pool_mode => 'session', server_reset_query => 'DISCARD ALL');
	$one = client('plain');
	my $pid = ask($one, 'SELECT pg_backend_pid()');
	is(ask($one, "SELECT tenant.switch('acme'); SELECT name FROM item"), 'acme of acme', "$release, sessions: a client is bound");
	leave($one);
	$two = client('plain');
	is(ask($two, 'SELECT pg_backend_pid()'), $pid, "$release, sessions: the next one gets the same process");
	is(ask($two, 'SELECT tenant.current() IS NULL; SELECT name FROM item'), 't 42P01', "$release, sessions: and is not bound");
	leave($two);
	stop_pgbouncer();
	return;
}

# Later versions: parameters that follow the client, and prepared statements.
sub check_tracking
{
	my ($release) = @_;
	start_pgbouncer($release, track_extra_parameters => 'tenant_mgr.tenant, search_path', max_prepared_statements => 10);
	my ($one, $two) = two_clients('plain', "$release, tracking");
	ask($one, "SET tenant_mgr.tenant = 'acme'");
	is(ask($two, 'SELECT name FROM item'), '42P01', "$release, tracking: the other client is not bound");
	ask($two, "SET tenant_mgr.tenant = 'beta'");
	is(ask($one, 'SELECT name FROM item'), 'of acme', "$release, tracking: each has its own");
	is(ask($two, 'SELECT name FROM item'), 'of beta', "$release, tracking: tenant");
	is(ask($one, 'SELECT pg_backend_pid()'), ask($two, 'SELECT pg_backend_pid()'), "$release, tracking: still one process");
	is(ask($one, "SELECT tenant.switch('beta'); SELECT name FROM item"), 'beta of beta', "$release, tracking: a switch is tracked");
	is(ask($two, 'RESET tenant_mgr.tenant; SELECT name FROM item'), '42P01', "$release, tracking: so is a reset");
	is(ask($one, 'SELECT name FROM item'), 'of beta', "$release, tracking: which is no business of the other client");

	# the same prepared statement for two tenants
	ask($two, "SET tenant_mgr.tenant = 'acme'");
	SKIP:
	{
		my ($version) = run_command([ 'psql', '--version' ]);
		skip 'psql knows no \parse', 3 if $version !~ /(\d+)\./ || $1 < 18;
		ask($one, "SELECT name FROM item \\parse q\n");
		ask($two, "SELECT name FROM item \\parse q\n");
		is(ask($one, "\\bind_named q \\g\n"), 'of beta', "$release, prepared: one tenant");
		is(ask($two, "\\bind_named q \\g\n"), 'of acme', "$release, prepared: the other");
		is(ask($one, "\\bind_named q \\g\n"), 'of beta', "$release, prepared: and the first again");
	}
	leave($one); leave($two);
	stop_pgbouncer();

	# pgbench prepares by itself: whoever reads another tenant's row divides by zero
	start_pgbouncer($release, max_prepared_statements => 10);
	my $dir = PostgreSQL::Test::Utils::tempdir();
	foreach my $tenant ('acme', 'beta')
	{
		append_to_file("$dir/$tenant", "BEGIN;\nSELECT tenant.switch_local('$tenant');\n"
			. "SELECT 1 / (name = 'of $tenant')::int FROM item;\nCOMMIT;\n");
	}
	command_ok([ 'pgbench', '-n', '-M', 'prepared', '-c', 4, '-j', 4, '-t', 200, '-f', "$dir/acme", '-f', "$dir/beta",
		'-h', $ENV{PGHOST}, '-p', $bouncer_port, '-U', 'plain', 'plain' ], "$release, prepared: each reads its own rows");
	stop_pgbouncer();
	return;
}

foreach my $release (sort keys %program)
{
	SKIP:
	{
		skip "no PgBouncer of $release", 1 unless -x $program{$release};
		check_transaction_mode($release);
		check_tracking($release) if $release ne 'bookworm';
	}
}

delete $ENV{PGHOST};
$node->stop;
done_testing();
