# 079_old_dump.pl: a dump of version 0.1.0 is restored into this one: all of it comes
# back, connections without the options that are not accepted any more, and nobody
# takes a superuser who restores for the one who has written where they lead to.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/ring", '1:' . 'ab' x 32 . "\n");
chmod 0600, "$dir/ring";
my $node = new_node('old_dump', "shared_preload_libraries = 'tenant_mgr'\ntenant_mgr.key_file = '$dir/ring'\ntenant_mgr.health_interval = 0\n");
my @to = ('-h', $node->host, '-p', $node->port);
my ($host, $port, $superuser) = ($node->host, $node->port, scalar getpwuid($<));

# What the old library accepted, this one does not, so the constraint stands aside.
$node->safe_psql('postgres', 'CREATE DATABASE old');
$node->safe_psql('old', qq{
	CREATE EXTENSION tenant_mgr VERSION '0.1.0';
	SELECT tenant.create('a'); CREATE TABLE a.t AS SELECT 1 AS i;
	ALTER TABLE tenant.connection DROP CONSTRAINT connection_options_check;
	INSERT INTO tenant.connection (connection_name, host, port, database_name, username, options) VALUES
		('plain', 'db.example', 5432, 'd', 'u', '{}'),
		('keeps', 'db.example', 5432, 'd', 'u', '{"application_name": "x", "keepalives": 1, "gssencmode": "disable", "require_auth": "md5", "sslrootcert": "ca.crt"}'),
		('session', 'db.example', 5432, 'd', 'u', '{"options": "-c session_preload_libraries=/path/x.so", "krbsrvname": "x", "keepalives": 0}'),
		('files', 'db.example', 5432, 'd', 'u', '{"sslrootcert": "/etc/ssl/ca.pem", "sslcrl": "../x", "sslcrldir": "/etc"}'),
		('methods', 'db.example', 5432, 'd', 'u', '{"gssencmode": "prefer", "require_auth": "gss,md5"}'),
		('socket', '$host', $port, 'postgres', '$superuser', NULL);
	SELECT tenant.assign('a', 'session')});
$node->safe_psql('old', q{SELECT tenant.set_password('plain', 'secret')});

my %options = (
	plain => '{}', keeps => '{"gssencmode": "disable", "keepalives": 1, "sslrootcert": "ca.crt", "require_auth": "md5", "application_name": "x"}',
	session => '{"keepalives": 0}', files => '{}', methods => '{}', socket => '');
my $expected = join("\n", map { "$_|$options{$_}|" } sort keys %options);
my $rows = q{SELECT connection_name, options, by_superuser FROM tenant.connection ORDER BY 1};

foreach my $form (qw(p c d inserts))
{
	my $format = $form eq 'inserts' ? 'p' : $form;
	$node->command_ok([ 'pg_dump', @to, "-F$format", ($form eq 'inserts' ? '--inserts' : ()), '-f', "$dir/old.$form", 'old' ], "a dump of 0.1.0: $form");
	$node->safe_psql('postgres', 'CREATE DATABASE back');
	my $log = -s $node->logfile;
	my ($out, $err) = run_command($format eq 'p'
		? [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', @to, '-o', "$dir/out", '-d', 'back', '-f', "$dir/old.$form" ]
		: [ 'pg_restore', @to, '-e', ($form eq 'd' ? ('-j', '2') : ()), '-d', 'back', "$dir/old.$form" ]);
	is($err =~ /ERROR|error:/, '', "$form: it is restored");

	# pg_restore does not show warnings, the log does.
	my $messages = slurp_file($node->logfile, $log);
	like($messages, qr/WARNING:.*option "$_->[1]".*\n.*"$_->[0]"/, "$form: with a warning about $_->[1] of $_->[0]")
	  foreach [ 'session', 'options' ], [ 'session', 'krbsrvname' ], [ 'files', 'sslrootcert' ], [ 'files', 'sslcrl' ], [ 'files', 'sslcrldir' ],
	  [ 'methods', 'gssencmode' ], [ 'methods', 'require_auth' ];
	unlike($messages, qr/Connection "(plain|keeps|socket)"/, "$form: and about no other connection");
	is($node->safe_psql('back', $rows), $expected, "$form: all connections are there, without what is not accepted, and nobody's");
	is($node->safe_psql('back', q{SELECT tenant.password('plain'); SELECT tenant, connection_name FROM tenant.assignments; SELECT i FROM a.t; SELECT extversion = '0.1.0' FROM pg_extension WHERE extname = 'tenant_mgr'}),
		"secret\na|session\n1\nf", "$form: with passwords and assignments, in this version");
	like($node->safe_psql('back', q{SELECT error FROM tenant.check_connection('socket')}), qr/not written by a superuser/, "$form: a socket is not used on their word");
	$node->safe_psql('back', q{UPDATE tenant.connection SET by_superuser = true WHERE connection_name = 'socket'});
	is($node->safe_psql('back', q{SELECT status, error FROM tenant.check_connection('socket')}), 'healthy|', "$form: until a superuser says that it is as it should be");
	$node->safe_psql('postgres', 'DROP DATABASE back') if $form ne 'inserts';
}

# An update does the same to the rows that are there.
$node->safe_psql('old', 'ALTER EXTENSION tenant_mgr UPDATE');
is($node->safe_psql('old', $rows), $expected, 'an update leaves the same rows');

# A dump of this version says who has written a row; and who writes one now.
$node->safe_psql('back', q{UPDATE tenant.connection SET by_superuser = false WHERE connection_name = 'plain'});
my $before = $node->safe_psql('back', $rows);
like($before, qr/\|t$/m, 'rows of each kind');
like($before, qr/\|f$/m, 'and');
like($before, qr/\|$/m, 'and');
foreach my $also ([], ['--inserts'])
{
	$node->safe_psql('postgres', 'CREATE DATABASE again');
	$node->command_ok([ 'pg_dump', @to, @$also, '-f', "$dir/new@$also", 'back' ], "a dump of this version @$also");
	my ($out, $err) = run_command([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', @to, '-o', "$dir/out", '-d', 'again', '-f', "$dir/new@$also" ]);
	is($err, '', "is restored @$also");
	is($node->safe_psql('again', $rows), $before, "with whose word each row is @$also");
	$node->safe_psql('postgres', 'DROP DATABASE again') if !@$also;
}
is($node->safe_psql('again', q{INSERT INTO tenant.connection (connection_name, host, database_name, username) VALUES ('now', 'h', 'd', 'u') RETURNING by_superuser}), 't',
	'what a superuser writes is a superuser\'s');
my ($ret, $out, $err) = $node->psql('again', q{INSERT INTO tenant.connection (connection_name, host, database_name, username, options) VALUES ('no', 'h', 'd', 'u', '{"options": "x"}')});
like($err, qr/ERROR:  connection option "options" is not allowed/, 'and does not get what is not accepted');
$node->safe_psql('again', q{CREATE ROLE connadm; GRANT USAGE ON SCHEMA tenant TO connadm; GRANT INSERT, SELECT ON tenant.connection TO connadm});
($ret, $out, $err) = $node->psql('again', qq{SET ROLE connadm; SET check_function_bodies = off;
	INSERT INTO tenant.connection (connection_name, host, database_name, username, by_superuser) VALUES ('mine', 'h', 'd', 'u', true) RETURNING by_superuser;
	INSERT INTO tenant.connection (connection_name, host, database_name, username) VALUES ('sock', '$host', 'd', 'u')});
is($out, 'f', 'a role that says it restores is no superuser');
like($err, qr/permission denied to use host/, 'nor is it let write a socket');

$node->stop;
done_testing();
