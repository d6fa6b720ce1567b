# 105_pgbouncer_registry.pl: PgBouncer with the databases of the registry, in
# front of two clusters.  Clients ask for a tenant and get the server that it
# lives on, bound to the tenant, and sign in with the password that the server
# knows; one of the servers is killed and comes back.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin';
plan skip_all => 'pgbouncer is not installed' unless defined $pgbouncer;

# Two servers that know the same roles, by different verifiers.
my @node = map { new_node("server$_", "shared_preload_libraries = 'tenant_mgr'\nfsync = off\n") } 1 .. 2;
foreach my $node (@node)
{
	new_database($node, 'app');
	$node->safe_psql('app', q{
		CREATE ROLE pgbouncer LOGIN PASSWORD 'lookup';
		GRANT EXECUTE ON FUNCTION tenant.pgbouncer_auth(text) TO pgbouncer;
		CREATE ROLE user1 LOGIN PASSWORD 'first word';
		CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'first word';
		CREATE ROLE gone LOGIN PASSWORD 'first word' VALID UNTIL '2001-01-01'});
	unlink $node->data_dir . '/pg_hba.conf';
	$node->append_conf('pg_hba.conf', "local all user1,boss,gone,pgbouncer scram-sha-256\nlocal all all trust\n");
	$node->reload;
}

# The tenants, each on its server, and all in the registry of the first.
sub add_tenant
{
	my ($node, $name) = @_;
	$node->safe_psql('app', sprintf(q{
		SELECT tenant.create(%s);
		CREATE TABLE %s.t (place text);
		INSERT INTO %2$s.t VALUES (%1$s || ' on %s');
		GRANT USAGE ON SCHEMA %2$s TO user1;
		GRANT SELECT ON ALL TABLES IN SCHEMA %2$s TO user1},
		literal($name), ident($name), $node->name));
	return;
}
my $odd = 'Odd-2.b';
add_tenant($node[0], 'acme');
add_tenant($node[0], $odd);
add_tenant($node[0], 'taken');
add_tenant($node[0], 'postgres');
add_tenant($node[1], 'acme');
add_tenant($node[1], $odd);
foreach my $n (0, 1)
{
	$node[0]->safe_psql('app', sprintf(q{SELECT tenant.add_connection('server-%d', host => %s, port => %d,
		database_name => 'app', username => 'user1', pool_max_size => 3)}, $n + 1, literal($node[$n]->host), $node[$n]->port));
}
$node[0]->safe_psql('app', q{SELECT tenant.add_connection('odd "one" o''clock', host => '} . $node[0]->host . q{', port => } . $node[0]->port
	. q{, database_name => 'app', username => 'user1'), tenant.add_connection('taken', host => 'nowhere', database_name => 'x', username => 'x', is_active => false),
	tenant.add_connection('o-clock', host => 'nowhere', database_name => 'it''s', username => 'x'),
	tenant.add_connection('pgbouncer', host => 'nowhere', database_name => 'x', username => 'x'),
	tenant.add_connection('asleep', host => 'nowhere', database_name => 'x', username => 'x', is_active => false)});
$node[0]->safe_psql('app', q{SELECT tenant.assign(NULL, 'server-1')});
$node[0]->safe_psql('app', sprintf(q{SELECT tenant.assign(%s, 'server-2')}, literal($odd)));

my $dir = PostgreSQL::Test::Utils::tempdir();
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $host = PostgreSQL::Test::Utils::tempdir_short();

sub write_file
{
	my ($name, $content) = @_;
	open my $file, '>', "$dir/$name" or die "$name: $!";
	print $file $content;
	close $file;
	return;
}

sub write_ini
{
	my $databases = $node[0]->safe_psql('app', q{SELECT tenant.pgbouncer_ini()});
	write_file('pgbouncer.ini', $databases . qq{
[pgbouncer]
unix_socket_dir = $host
listen_port = $port
auth_type = scram-sha-256
auth_file = $dir/users
auth_user = pgbouncer
auth_query = SELECT usename, passwd FROM tenant.pgbouncer_auth(\$1)
admin_users = pgbouncer
pool_mode = transaction
default_pool_size = 3
server_login_retry = 1
server_check_delay = 0
server_connect_timeout = 5
logfile = $dir/pgbouncer.log
pidfile = $dir/pgbouncer.pid
});
	return $databases;
}
my $databases = write_ini();
write_file('users', qq{"pgbouncer" "lookup"\n});

like($databases, qr/\A\[databases\]\n/, 'a section of the configuration');
like($databases, qr/^server-2 = host='\Q@{[$node[1]->host]}\E' port=@{[$node[1]->port]} dbname='app' pool_size=3 max_db_connections=3 min_pool_size=0$/m, 'a connection');
like($databases, qr/^; connection 'odd "one" o''clock' is left out: PgBouncer does not take such a name$/m, 'a name that PgBouncer does not take');
like($databases, qr/^; tenant 'taken' is left out: a connection has the same name$/m, 'a tenant does not take the place of a connection');
like($databases, qr/^; tenant 'postgres' is left out: a database has the same name$/m, 'nor of a database');
like($databases, qr/^; connection 'pgbouncer' is left out: there is another use for the name$/m, 'a name that PgBouncer has');
like($databases, qr/^o-clock = .*dbname='it''s' /m, 'a parameter is quoted');
unlike($databases, qr/asleep/, 'none that is not active');
unlike($databases, qr/user=|password/, 'no user, and no password');

# PgBouncer does not run as root, and does not leave the terminal unless asked.
system($pgbouncer, '-q', '-d', "$dir/pgbouncer.ini");
is($? >> 8, 0, 'PgBouncer accepts it') or diag(slurp_file("$dir/pgbouncer.log"));
ok(wait_for_socket("$host/.s.PGSQL.$port"), 'and listens') or diag(slurp_file("$dir/pgbouncer.log"));
END
{
	my $status = $?;
	if (defined $dir && -e "$dir/pgbouncer.pid")
	{
		kill 'TERM', slurp_file("$dir/pgbouncer.pid") + 0;
	}
	$? = $status;
}

# What a client gets for a statement, or the reason why not.
sub ask
{
	my ($db, $user, $password, $sql) = @_;
	local $ENV{PGPASSWORD} = $password;
	local $ENV{PGCONNECT_TIMEOUT} = 30;
	my $name = $db =~ s/([\\'])/\\$1/gr;
	my ($out, $err) = run_command([ 'psql', '-XAtq', '-d', "host=$host port=$port user=$user dbname='$name'", '-c', $sql ]);
	return $out ne '' ? $out : $err;
}
sub place { my ($db) = @_; return ask($db, 'user1', 'first word', 'SELECT place FROM t'); }

is(place('acme'), 'acme on server1', 'a tenant of the default connection');
is(place($odd), "$odd on server2", 'a tenant of its own connection, with an odd name');
is(ask('acme', 'user1', 'first word', 'SELECT tenant.current()'), 'acme', 'the server knows whom it works for');
is(ask('server-2', 'user1', 'first word', q{SELECT coalesce(tenant.current(), 'nobody')}), 'nobody', 'a connection by itself is nobody\'s');
like(ask('acme', 'user1', 'second word', 'SELECT 1'), qr/SASL authentication failed|password authentication failed/, 'a wrong password');
foreach my $role ('boss', 'gone', 'nobody')
{
	like(ask('acme', $role, 'first word', 'SELECT 1'), qr/failed/, "role $role does not get in");
}
like(ask('asleep', 'user1', 'first word', 'SELECT 1'), qr/FATAL/, 'no connection that is not active');
is($node[0]->safe_psql('app', q{SELECT count(*) FROM tenant.pgbouncer_auth(repeat('x', 70))}), '0', 'a name that is too long is nobody\'s');

# one of the servers goes away without a word, and comes back
my $pid = (split /\n/, slurp_file($node[1]->data_dir . '/postmaster.pid'))[0];
kill 'KILL', $pid;
my $lost = '';
for (my $i = 0; $i < 600 && $lost !~ /server|connection|timeout/; $i++)
{
	$lost = place($odd);
	select(undef, undef, undef, 0.1);
}
unlike($lost, qr/ on server/, 'a server is killed, and its tenant cannot be reached');
is(place('acme'), 'acme on server1', 'the other one can');
$node[1]->{_pid} = undef;
for (my $i = 0; $i < 600; $i++)
{
	last if $node[1]->start(fail_ok => 1);
	select(undef, undef, undef, 0.1);
}
my $found = '';
for (my $i = 0; $i < 600 && $found ne "$odd on server2"; $i++)
{
	$found = place($odd);
	select(undef, undef, undef, 0.1);
}
is($found, "$odd on server2", 'the server is back, and so is its tenant');

# the tenant is assigned elsewhere
$node[0]->safe_psql('app', sprintf(q{SELECT tenant.unassign(%s)}, literal($odd)));
write_ini();
is(ask('pgbouncer', 'pgbouncer', 'lookup', 'RELOAD') =~ /ERROR/, '', 'PgBouncer reads the file again');
$found = '';
for (my $i = 0; $i < 600 && $found ne "$odd on server1"; $i++)
{
	$found = place($odd);
	select(undef, undef, undef, 0.1);
}
is($found, "$odd on server1", 'and goes where the tenant is now');

done_testing();
