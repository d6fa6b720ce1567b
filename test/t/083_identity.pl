# 083_identity.pl: a probe and a connection log in as the registry says and under no
# other identity, whatever the home and the environment of the server's user hold:
# certificates, files of passwords and services, variables, Kerberos; and a login
# that has not used the registry's password is none.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Cwd qw(abs_path);
use IO::Socket::INET;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $dir = abs_path(PostgreSQL::Test::Utils::tempdir());
sub file
{
	my ($name, $content, $mode) = @_;
	append_to_file("$dir/$name", $content);
	chmod $mode // 0600, "$dir/$name";
	return "$dir/$name";
}
mkdir "$dir/home";
mkdir "$dir/home/.postgresql";

#
# Certificates: one of an authority, of the server, and of a user
#

sub openssl { return system("openssl @_ >/dev/null 2>&1") == 0 }
my $key = '-newkey rsa:2048 -nodes -sha256';
my $have_ssl = openssl("req -x509 $key -days 10 -subj /CN=authority -keyout $dir/ca.key -out $dir/ca.crt")
  && openssl("req $key -subj /CN=localhost -keyout $dir/server.key -out $dir/server.csr")
  && openssl("x509 -req -days 10 -in $dir/server.csr -CA $dir/ca.crt -CAkey $dir/ca.key -set_serial 1 -out $dir/server.crt")
  && openssl("req $key -subj /CN=certified -keyout $dir/home/.postgresql/postgresql.key -out $dir/user.csr")
  && openssl("x509 -req -days 10 -in $dir/user.csr -CA $dir/ca.crt -CAkey $dir/ca.key -set_serial 2 -out $dir/home/.postgresql/postgresql.crt");
chmod 0600, "$dir/server.key", "$dir/home/.postgresql/postgresql.key";

#
# The far server lets some in without a password
#

my $far = PostgreSQL::Test::Cluster->new('far');
$far->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
my ($configured) = run_command([ 'pg_config', '--configure' ]);
$have_ssl &&= $configured =~ /openssl|with-ssl/;
$far->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'\nfsync = off\nlog_connections = on\nlogging_collector = off\npassword_encryption = 'scram-sha-256'\n"
	  . ($have_ssl ? "ssl = on\nssl_ca_file = '$dir/ca.crt'\nssl_cert_file = '$dir/server.crt'\nssl_key_file = '$dir/server.key'\n" : ''));
my $superuser = getpwuid($<);
unlink $far->data_dir . '/pg_hba.conf';
$far->append_conf('pg_hba.conf', "local all $superuser peer\nlocal all all trust\nhost all trusting 127.0.0.1/32 trust\nhost all scrammed 127.0.0.1/32 scram-sha-256\n"
	  . "host all clear 127.0.0.1/32 password\n" . ($have_ssl ? "hostssl all certified 127.0.0.1/32 cert\n" : ''));
$far->start;
my $port = $far->port;
$far->safe_psql('postgres', qq{CREATE ROLE trusting LOGIN; CREATE ROLE certified LOGIN; CREATE ROLE clear LOGIN PASSWORD 'right'; CREATE ROLE scrammed LOGIN PASSWORD 'right'});

#
# The server of the registry, with whatever libpq looks at
#

file('home/.pgpass', "127.0.0.1:*:*:*:right\nlocalhost:*:*:*:right\n*:*:*:*:right\n");
file('passwords', "*:*:*:*:right\n");
file('service.conf', "[lent]\nhost=127.0.0.1\nport=$port\nuser=trusting\npassword=right\ndbname=template1\napplication_name=lent\n");
system("cp $dir/service.conf $dir/home/.pg_service.conf");
system("cp $dir/ca.crt $dir/home/.postgresql/root.crt") if $have_ssl;
my %environment = (
	HOME => "$dir/home", PGPASSWORD => 'right', PGPASSFILE => "$dir/passwords", PGSERVICE => 'lent', PGSERVICEFILE => "$dir/service.conf",
	PGUSER => 'trusting', PGHOST => '203.0.113.1', PGHOSTADDR => '203.0.113.1', PGPORT => 1, PGDATABASE => 'template1', PGAPPNAME => 'lent',
	PGOPTIONS => '-c work_mem=77MB', PGSSLMODE => 'verify-full', PGSSLCERT => "$dir/home/.postgresql/postgresql.crt",
	PGSSLKEY => "$dir/home/.postgresql/postgresql.key", PGREQUIREAUTH => 'none', PGTARGETSESSIONATTRS => 'standby', PGREQUIREPEER => 'nobody-is-called-so',
	PGCHANNELBINDING => 'require', PGCLIENTENCODING => 'LATIN1', PGTZ => 'Pacific/Chatham', PGGSSENCMODE => 'require', PGKRBSRVNAME => 'lent', KRB5CCNAME => "FILE:$dir/tickets");
file('ring', '1:' . 'ab' x 32 . "\n");
my $node = PostgreSQL::Test::Cluster->new('registry');
$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'tenant_mgr'\ntenant_mgr.key_file = '$dir/ring'\ntenant_mgr.health_interval = 0\nlogging_collector = off\nfsync = off\n");
my $program = command_of('postgres');
my $wrapper = file('wrapper', "#!/bin/sh\n" . join('', map { "export $_='$environment{$_}'\n" } sort keys %environment) . "exec '$program' \"\$\@\"\n", 0755);
system_or_bail('pg_ctl', '-w', '-p', $wrapper, '-D', $node->data_dir, '-l', $node->logfile, 'start');
$node->_update_pid(1);

new_database($node, 'app');
sub value { return $node->safe_psql('app', @_) }

# Its library can be missing, or be for another libpq than the one that is loaded.
my $have_dblink = $node->psql('app', 'CREATE EXTENSION dblink') == 0;
value(q{CREATE ROLE connadm LOGIN; CREATE ROLE root SUPERUSER LOGIN;
	GRANT USAGE ON SCHEMA tenant TO connadm;
	GRANT EXECUTE ON FUNCTION tenant.add_connection, tenant.set_password, tenant.check_connection, tenant.connect TO connadm});

# What a client with the same home and environment can do: what is refused below is refused by us.
sub as_the_server
{
	my ($conninfo, %also) = @_;
	my @outer = map { "$_=$environment{$_}" } qw(HOME), keys %also;
	my ($out, $err) = run_command([ 'env', '-u', 'PGPORT', '-u', 'PGHOST', @outer, 'psql', '-X', '-A', '-t', '-w', '-c', 'SELECT current_user', '-d', $conninfo ]);
	return $out . ($err =~ /error/ ? 'refused' : '');
}
is(as_the_server("host=127.0.0.1 port=$port dbname=postgres user=trusting"), 'trusting', 'the far server trusts');
is(as_the_server("host=127.0.0.1 port=$port dbname=postgres user=scrammed sslmode=disable"), 'scrammed', 'the file of passwords has the right one');
is(as_the_server("service=lent dbname=postgres", PGSERVICEFILE => 1), 'trusting', 'a service');
SKIP:
{
	skip 'no OpenSSL', 1 if !$have_ssl;
	is(as_the_server("host=127.0.0.1 port=$port dbname=postgres user=certified sslmode=require"), 'certified', 'the certificate opens');
}

#
# Rows, and what comes of them
#

my $count = 0;
sub add
{
	my ($role, %row) = @_;
	my $name = 'c' . ++$count;
	my %columns = (host => '127.0.0.1', port => $port, database_name => 'postgres', ssl_mode => 'prefer', %row);
	my ($ret, $out, $err) = $node->psql('app', sprintf(q{\set VERBOSITY verbose
		SELECT tenant.add_connection('%s', %s)}, $name, join(', ', map { "$_ => '$columns{$_}'" } sort keys %columns)), extra_params => [ '-U', $role ]);
	return $err =~ /ERROR:  (\w+)/ ? $1 : $name;
}

# By a probe, and by a connection: whom the far server has let in, or why not
sub outcome
{
	my ($name) = @_;
	my $probe = value("SELECT status || ' ' || coalesce(error, '') FROM tenant.check_connection('$name')");
	my ($ret, $out, $err) = (0, 'no dblink', '');
	($ret, $out, $err) = $node->psql('app', "\\set VERBOSITY verbose\nSELECT who FROM dblink(tenant.connect('$name'), 'SELECT current_user') AS t (who text)") if $have_dblink;
	return ($probe, $err =~ /ERROR:  (\w+)/ ? $1 : $out);
}
sub is_in
{
	my ($name, $user, $test) = @_;
	my ($probe, $connection) = outcome($name);
	like($probe, qr/^(healthy|degraded) $/, "$test: a probe is answered");
	is($connection, $have_dblink ? $user : 'no dblink', "$test: a connection opens");
	return;
}
sub is_out
{
	my ($name, $reason, $test) = @_;
	my ($probe, $connection) = outcome($name);
	like($probe, $reason, "$test: a probe fails");
	unlike($probe, qr/^healthy/, "$test: it counts as failed");
	like($connection, $have_dblink ? qr/^(08001|2F003|42501|55000|28P01)$/ : qr/no dblink/, "$test: no connection opens");
	return;
}

# A row that has a password has to use it.
my $unused = qr/did not ask for the password|method of authentication|authentication method requirement/;
is_out(add('root', username => 'trusting', password => 'right'), $unused, 'trust, and a password');
is_out(add('connadm', username => 'trusting', password => 'right'), $unused, 'trust, and a password of a role');
is_out(add('root', username => $superuser, password => 'right', host => $far->host), $unused, 'peer, and a password');
is_out(add('root', username => 'trusting', password => 'right', host => $far->host), $unused, 'trust by a socket, and a password');
is(add('connadm', username => $superuser, password => 'right', host => $far->host), '42501', 'a role writes no socket');
is_in(add('root', username => 'trusting'), 'trusting', 'without a password, by a superuser');
is_in(add('root', username => $superuser, host => $far->host), $superuser, 'peer, by a superuser');
is_out(add('connadm', username => 'trusting'), qr/no password/, 'without a password, by a role');
is_in(add($_, username => 'scrammed', password => 'right'), 'scrammed', "SCRAM with the password, by $_") foreach 'root', 'connadm';
is_in(add('connadm', username => 'clear', password => 'right'), 'clear', 'the password in clear');

# Neither files nor variables have another one.
is_out(add('root', username => $_), qr/password/, "$_: no password but the registry's") foreach 'scrammed', 'clear';
is_out(add('root', username => $_, password => 'wrong'), qr/password authentication failed|28P01/, "$_: the registry's, though it is wrong") foreach 'scrammed', 'clear';
is_out(add('root', username => $_, password => 'wrong', host => $far->host), $unused, "$_: by a socket") foreach 'scrammed';

SKIP:
{
	skip 'no OpenSSL', 9 if !$have_ssl;
	is_out(add('root', username => 'certified', ssl_mode => 'require'), qr/./, 'a certificate is not presented');
	is_out(add('connadm', username => 'certified', password => 'right', ssl_mode => 'require'), qr/./, 'not with a password either');
	is_out(add('connadm', username => 'scrammed', password => 'right', ssl_mode => 'verify-ca'), qr/root certificate|certificate/, 'the home has no authority for us');
	like(slurp_file($far->logfile), qr/valid client certificate/, 'the far server says that there was none');
}

# Nothing else of the environment arrives there.
SKIP:
{
	skip 'no dblink', 1 if !$have_dblink;
	my $name = add('connadm', username => 'scrammed', password => 'right');
	is(value("SELECT * FROM dblink(tenant.connect('$name'), \$\$SELECT current_database(), current_user, current_setting('work_mem'), current_setting('TimeZone') <> 'Pacific/Chatham', current_setting('application_name') <> 'lent', current_setting('client_encoding')\$\$)
		AS t (d text, u text, w text, z bool, a bool, e text)"), 'postgres|scrammed|4MB|t|t|UTF8', 'the far session is as the registry says');
}
is(scalar(() = slurp_file($far->logfile) =~ /application_name=lent|database=template1/g), 1, 'nobody but the client above has used the service');

#
# A server that asks for other things: what is sent to it
#

my $listener = IO::Socket::INET->new(Listen => 20, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "no socket: $!";
my $fake = $listener->sockport;
my $method = file('method', '');
my $record = file('record', '');
my $pid = fork() // die "fork: $!";
if ($pid == 0)
{
	while (my $client = $listener->accept)
	{
		$client->autoflush(1);
		my $asked = slurp_file($method);
		while (read($client, my $length, 4) == 4)
		{
			read $client, my $body, unpack('N', $length) - 4;
			my $code = unpack 'N', $body;
			append_to_file($record, $code == 80877104 ? "encryption by GSSAPI\n" : $code == 80877103 ? "SSL\n" : $code == 196608 ? "startup\n" : "code $code\n");
			if ($code == 80877103 || $code == 80877104) { print $client 'N'; next }
			last if $code >> 16 != 3;
			print $client 'R' . pack('NN', 8, $asked);
			append_to_file($record, "an answer to $asked\n") if read($client, my $answer, 5);
			last;
		}
		close $client;
	}
	POSIX::_exit(0);
}
END { my $status = $?; if ($pid) { kill 'KILL', $pid; waitpid $pid, 0 } $? = $status }

foreach my $asked ([ 7, 'GSSAPI' ], [ 9, 'SSPI' ], [ 2, 'Kerberos 5' ], [ 6, 'credentials of a socket' ], [ 99, 'what nobody knows' ])
{
	truncate $_, 0 foreach $method, $record;
	append_to_file($method, $asked->[0]);
	is_out(add('root', username => 'scrammed', password => 'right', port => $fake), qr/./, "a server that asks for $asked->[1]");
	my $sent = slurp_file($record);
	like($sent, qr/startup/, "$asked->[1]: it was asked");
	unlike($sent, qr/GSSAPI|answer/, "$asked->[1]: and was sent nothing");
}
my (undef, $err) = run_command([ 'psql', '-X', '-d', "host=127.0.0.1 port=$fake require_auth=none", '-c', 'SELECT 1' ]);
SKIP:
{
	skip 'libpq knows no require_auth', 6 if $err =~ /invalid connection option/;
	truncate $_, 0 foreach $method, $record;
	append_to_file($method, 3);
	is_out(add('root', username => 'scrammed', password => 'right', port => $fake, options => '{"require_auth": "scram-sha-256"}'), qr/./, 'a password in clear is not sent where SCRAM is required');
	unlike(slurp_file($record), qr/answer/, 'nothing was sent');
	is_out(add('root', username => 'trusting', options => '{"require_auth": "scram-sha-256"}'), qr/./, 'nor is a server that asks for nothing let have its way');
}
truncate $_, 0 foreach $method, $record;
append_to_file($method, 3);
outcome(add('root', username => 'scrammed', password => 'right', port => $fake));
like(slurp_file($record), qr/an answer to 3/, 'a password is sent to who asks for it: the recording is good');

#
# Rows that say otherwise
#

is(add($_->[0], username => 'trusting', password => 'right', options => $_->[1]), '23514', "not an option: $_->[1]")
  foreach map { [ 'root', $_ ] } '{"service": "lent"}', '{"passfile": "/x"}', '{"sslcert": "postgresql.crt"}', '{"sslkey": "x"}', '{"sslpassword": "x"}', '{"hostaddr": "127.0.0.1"}',
  '{"options": "-c work_mem=1MB"}', '{"krbsrvname": "x"}', '{"gsslib": "gssapi"}', '{"gssdelegation": "1"}', '{"gssencmode": "prefer"}', '{"sslcertmode": "require"}',
  '{"require_auth": "gss"}', '{"require_auth": "!password"}', '{"require_auth": "scram-sha-256,sspi"}', '{"user": "x"}', '{"password": "x"}', '{"dbname": "x"}', '{"host": "x"}',
  '{"sslkeylogfile": "/tmp/x"}', '{"servicefile": "/x"}', '{"oauth_issuer": "https://example.com"}', '{"oauth_client_id": "x"}', '{"replication": "database"}';
foreach my $trick ("service=lent", "host=127.0.0.1 user=trusting passfile=$dir/passwords", "postgres://trusting\@127.0.0.1:$port/postgres?sslcert=$dir/home/.postgresql/postgresql.crt")
{
	is_out(add('root', username => 'scrammed', password => 'wrong', database_name => $trick), qr/./, "in place of a database: $trick");
	is_out(add('root', username => $trick, password => 'wrong'), qr/./, "in place of a user: $trick");
}

$node->stop;
$far->stop;
done_testing();
