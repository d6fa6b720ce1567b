# 049_secret_errors.pl: no error tells a secret.  A password, a text and a Fernet
# key are in no message, detail, hint or context of anything that fails here, as
# the client, PL/pgSQL and the log see it: connections that are refused, cut off,
# lied to, given up, or told their own password; checks by hand and by workers;
# what is wrong with arguments, tokens, columns and keys.  Nor do connections
# leave a password in a catalog, or show it to the other server.

use strict;
use warnings;
use File::Basename;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeServer;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

# In two rows of a table; put together in the server, and in no statement.
my @half = ('kanarienvogel-4711-', 'geheim-nachtigall');
my $canary = join '', @half;
my $plain = q{(SELECT string_agg(t, '' ORDER BY n) FROM public.half)};
use constant FERNET_KEY => 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
use constant FERNET_TOKEN => 'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==';

my $dir = PostgreSQL::Test::Utils::tempdir();
my $root = join('', map { sprintf '%02x', int(rand(256)) } 1 .. 32);
append_to_file("$dir/ring", "1:$root\n");
chmod 0600, "$dir/ring";
my $node = new_node('errors', qq{
shared_preload_libraries = 'tenant_mgr'
log_statement = all
log_error_verbosity = verbose
log_min_messages = debug1
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
fsync = off
tenant_mgr.key_file = '$dir/ring'
tenant_mgr.health_interval = 0
tenant_mgr.health_timeout = 1s
});
my $far = new_node('far', "fsync = off\nlog_connections = on\n");
new_database($node, 'app');
sub value { return $node->safe_psql('app', $_[0]); }
plan skip_all => 'pgcrypto or dblink is not installed'
  unless value(q{SELECT count(*) FROM pg_available_extensions WHERE name IN ('dblink', 'pgcrypto')}) == 2;

# Ask for the password in the clear; returns it.
sub ask_password
{
	my ($client) = @_;
	startup($client);
	print $client message('R', pack('N', 3));
	return next_message($client) =~ s/\0//r;
}

# What a function fails with, everything of it; the statement is not shown.
$node->safe_psql('app', q{
	CREATE EXTENSION dblink; CREATE EXTENSION pgcrypto;
	CREATE TABLE half (n int, t text);
	INSERT INTO half VALUES } . join(', ', map { "($_, '$half[$_]')" } 0, 1) . q{;
	CREATE TABLE fernet AS SELECT '} . FERNET_TOKEN . q{' AS t, '} . substr(FERNET_KEY, 0, 20) . q{' || '} . substr(FERNET_KEY, 20) . q{' AS k;
	GRANT SELECT ON half, fernet TO PUBLIC;
	CREATE FUNCTION try(statement text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE m text; d text; h text; x text; c text; k text; y text; t text; s text;
	BEGIN
		EXECUTE statement;
		RETURN 'done';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT, x = PG_EXCEPTION_CONTEXT,
			c = COLUMN_NAME, k = CONSTRAINT_NAME, y = PG_DATATYPE_NAME, t = TABLE_NAME, s = SCHEMA_NAME;
		RETURN SQLSTATE || ' ' || concat_ws(' | ', m, d, h, x, c, k, y, t, s);
	END $$});

sub tells_nothing
{
	my ($text, $what) = @_;
	return unlike($text, qr/\Q$canary\E|\Q@{[FERNET_KEY]}\E/, $what);
}

# The error is this one, and holds no secret: to PL/pgSQL, and to the client.
sub fails
{
	my ($what, $pattern, $statement, $before) = @_;
	$before //= '';
	$statement =~ s/PLAIN/$plain/g;
	my $caught = value("$before SELECT public.try(" . literal($statement) . ')');
	like($caught, $pattern, $what);
	my ($rc, $out, $err) = $node->psql('app', "\\set VERBOSITY verbose\n$before\n$statement");
	like($err, qr/ERROR:  \w{5}:/, '... to a client as well');
	tells_nothing("$caught $out $err", '... and tells nothing');
	return;
}

#
# connections
#
$far->safe_psql('postgres', "CREATE ROLE app LOGIN PASSWORD '$canary'");
my $hba = slurp_file($far->data_dir . '/pg_hba.conf');
unlink $far->data_dir . '/pg_hba.conf';
$far->append_conf('pg_hba.conf', "local all app scram-sha-256\n$hba");
$far->reload;
my %ports = (
	closes => fake_server(sub { }),
	nonsense => fake_server(sub { my ($client) = @_; print $client 'this is no PostgreSQL server, whatever you think'; }),
	hangs => fake_server(sub { sleep 600; }),
	leaves => fake_server(sub { my ($client) = @_; ask_password($client); }),
	says => fake_server(sub {
		my ($client) = @_;
		my $password = ask_password($client);
		print $client message('E', "SFATAL\0VFATAL\0C28P01\0Mpassword $password is wrong\0D$password\0H$password\0W$password\0\0"); }),
	sslmode => fake_server(sub { my ($client) = @_; read $client, my $request, 8; print $client 'N'; }),
	hints => fake_server(sub {
		my ($client) = @_;
		my $password = ask_password($client);
		print $client message('E', "SFATAL\0VFATAL\0C28P01\0Mwrong\0H$password\0\0"); }));
my %sockets = map { $_ => [ '127.0.0.1', $ports{$_} ] } keys %ports;
$sockets{refused} = [ $far->host, 1 ];
$sockets{unknown} = [ 'nowhere.invalid', 5432 ];
$sockets{$_} = [ $far->host, $far->port ] foreach ('wrong', 'option', 'database', 'good');
foreach my $name (sort keys %sockets)
{
	my %more = (sslmode => ", ssl_mode => 'require'", option => q{, options => '{"target_session_attrs": "standby"}'});
	value(sprintf q{SELECT tenant.add_connection('%s', host => '%s', port => %d, database_name => '%s', username => 'app', password => %s %s)},
		$name, @{ $sockets{$name} }, $name eq 'database' ? 'nowhere' : 'postgres', $plain . ($name eq 'wrong' ? q{ || '!'} : ''), $more{$name} // q{, ssl_mode => 'disable'});
}
value(q{UPDATE tenant.connection SET options = coalesce(options, '{}') || '{"connect_timeout": 2}'});
value('CREATE ROLE user1 LOGIN; GRANT EXECUTE ON FUNCTION tenant.connect(text), tenant.check_connection(text) TO user1');
foreach my $case (
	[ closes => qr/server closed the connection unexpectedly/ ],
	[ nonsense => qr/08001/ ],
	[ hangs => qr/08001.*did not let us in within 2000 ms/ ],
	[ leaves => qr/server closed the connection unexpectedly/ ],
	[ says => qr/^08001 could not establish connection \| The message is not shown because the password occurs in it\./, qr/SQLSTATE 28P01/ ],
	[ hints => qr/^08001 could not establish connection \| The message is not shown because the password occurs in it\./, qr/SQLSTATE 28P01/ ],
	[ refused => qr/08001.*failed: No such file or directory/s ],
	[ unknown => qr/08001.*could not translate host name "nowhere.invalid"/s ],
	[ wrong => qr/08001.*password authentication failed/s ],
	[ sslmode => qr/08001.*server does not support SSL/s ],
	[ option => qr/08001.*hot standby/s, qr/08001.*target_session_attrs/ ],
	[ database => qr/08001.*database "nowhere" does not exist/s, qr/SQLSTATE 3D000/ ])
{
	my ($name, $pattern, $other) = @$case;
	foreach my $role ('postgres', 'user1')
	{
		next if $role eq 'user1' && $name eq 'hangs';
		my $user = $role eq 'user1' ? 'SET SESSION AUTHORIZATION user1;' : '';
		fails("$role cannot connect: $name", $role eq 'user1' && $other ? $other : $pattern, "SELECT tenant.connect('$name')", $user);
	}
	my $checked = value("SELECT tenant.check_connection('$name')");
	like($checked, qr/unhealthy/, "checked: $name");
	tells_nothing($checked, '... and tells nothing');
}

is(value(q{SELECT active FROM tenant.pool_stats WHERE connection_name = 'says'}), 0, 'none of them counts');

# the workers find the same
$node->append_conf('postgresql.conf', 'tenant_mgr.health_interval = 200ms');
$node->reload;
ok($node->poll_query_until('app', q{SELECT count(*) = 0 FROM tenant.connection_health WHERE connection_name <> 'good' AND (breaker = 'closed' OR last_error IS NULL)}), 'the workers have tried all');
tells_nothing(value(q{SELECT string_agg(h::text, ' ') FROM tenant.connection_health h}), 'what they have found tells nothing');
$node->append_conf('postgresql.conf', 'tenant_mgr.health_interval = 0');
$node->reload;

#
# arguments
#
my $denied = 'SET SESSION AUTHORIZATION user1;';
my $parts = q{host => 'h', database_name => 'd', username => 'u', password => PLAIN};
fails(@$_) foreach (
	[ 'no such connection', qr/^42704/, q{SELECT tenant.set_password('nope', PLAIN)} ],
	[ 'no name', qr/^22004/, 'SELECT tenant.set_password(NULL, PLAIN)' ],
	[ 'read-only', qr/^25006/, q{SELECT tenant.set_password('good', PLAIN)}, 'SET default_transaction_read_only = on;' ],
	[ 'not allowed to set', qr/^42501/, q{SELECT tenant.set_password('good', PLAIN)}, $denied ],
	[ 'not allowed to add', qr/^42501/, "SELECT tenant.add_connection('x', $parts)", $denied ],
	[ 'not allowed to encrypt', qr/^42501/, 'SELECT tenant.encrypt(PLAIN)', $denied ],
	[ 'not allowed to reveal', qr/^42501/, q{SELECT tenant.conninfo('good', true)}, 'GRANT EXECUTE ON FUNCTION tenant.conninfo TO user1; ' . $denied ],
	[ 'a constraint', qr/^23514 /, "SELECT tenant.add_connection('x', $parts, port => 0)" ],
	[ 'a name that is there', qr/^23505 /, "SELECT tenant.add_connection('good', $parts)" ],
	[ 'an option', qr/^23514 /, "SELECT tenant.add_connection('x', $parts, options => '{\"service\": \"x\"}')" ],
	[ 'not null', qr/^2350\d /, "SELECT tenant.add_connection(NULL, $parts)" ],
	[ 'no context', qr/^22004 /, 'SELECT tenant.encrypt(PLAIN, NULL)' ],
	[ 'another context', qr/^TM007 /, q{SELECT tenant.decrypt(tenant.encrypt(PLAIN, 'a'), 'b')} ],
	[ 'a text that is no secret', qr/^22P02 /, 'SELECT PLAIN::tenant.secret' ],
	[ 'not a token', qr/^TM007 /, 'SELECT tenant.import_fernet(PLAIN, (SELECT k FROM fernet))' ],
	[ 'not a key', qr/^22023 /, 'SELECT tenant.import_fernet((SELECT t FROM fernet), PLAIN)' ],
	[ 'a changed token', qr/^TM007 /, q{SELECT tenant.import_fernet(overlay((SELECT t FROM fernet) placing 'x' from 30), (SELECT k FROM fernet))} ],
	[ 'no pgcrypto', qr/^55000 /, 'SELECT tenant.import_fernet(t, k) FROM fernet', 'BEGIN; DROP EXTENSION pgcrypto;' ]);

#
# columns
#
value(qq{
	SELECT tenant.create('acme'); SELECT tenant.switch('acme'); SELECT tenant.encrypt('x'); SELECT tenant.reset();
	CREATE TABLE acme.a (id int, c text); INSERT INTO acme.a VALUES (1, $plain);
	CREATE INDEX i ON acme.a (c)});
{
	my ($rc, $out, $err) = $node->psql('app', "\\set VERBOSITY verbose\nCALL tenant.encrypt_column('a', 'c')");
	like($err, qr/ERROR:  2BP01:/, 'a column that an index is on is not encrypted');
	tells_nothing($err, '... and tells nothing');
}
# with another key
unlink "$dir/ring";
append_to_file("$dir/ring", "2:$root\n");
chmod 0600, "$dir/ring";
fails('a text that cannot be sealed', qr/^TM006 /, 'SELECT tenant.encrypt(PLAIN)');
fails('a password that cannot be sealed', qr/^TM006 /, q{SELECT tenant.set_password('good', PLAIN)});
fails('a password that cannot be opened', qr/^TM006 /, q{SELECT tenant.connect('good')});
{
	my $session = $node->background_psql('app', on_error_stop => 0);
	$session->query(q{SELECT tenant.connect('good')});
	is(value(q{SELECT active FROM tenant.pool_stats WHERE connection_name = 'good'}), 0, '... nor counts');
	$session->quit;
}
unlink "$dir/ring";
append_to_file("$dir/ring", "1:$root\n");
chmod 0600, "$dir/ring";

#
# what is there to be seen while a connection is open
#
my $session = $node->background_psql('app');
my $handle = $session->query_safe(q{SELECT tenant.connect('good')});
is($session->query_safe(q{SELECT array_to_string(dblink_get_connections(), ' ')}), $handle, 'a connection is known by its handle');
is(value(q{SELECT (SELECT count(*) FROM pg_user_mappings) + (SELECT count(*) FROM pg_foreign_server) + (SELECT count(*) FROM pg_subscription)}), 0, 'there is no server, no user mapping and no subscription');
my $seen = $far->safe_psql('postgres', q{SELECT a::text FROM pg_stat_activity a WHERE usename = 'app'});
like($seen, qr/tenant_mgr connection [0-9a-f-]{36}/, 'the other server sees where it comes from');
tells_nothing($seen, '... and no password');
tells_nothing(value('SELECT string_agg(a::text, chr(10)) FROM pg_stat_activity a'), 'nor does anybody here');
$session->quit;

$node->stop;
$far->stop;
tells_nothing(slurp_file($_), 'nothing is in the log ' . basename($_)) foreach ($node->logfile, $far->logfile);
like(slurp_file($node->logfile), qr/connection "says" is unhealthy/, 'which has the rest');

done_testing();
