# 092_random_calls.pl: every routine of the extension, called at random with odd
# arguments by a superuser, an administrator and a role without privileges, each
# in a session that goes on whatever it meets.  None of it may be an internal
# error or a crash, and the tenants are whole afterwards.
#
# 20,000 calls with a fixed seed; TM_CALLS and TM_SEED make others.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $calls = $ENV{TM_CALLS} // 20000;
my $seed  = $ENV{TM_SEED}  // 1;
srand($seed);

my $ring = PostgreSQL::Test::Utils::tempdir() . '/ring';
append_to_file($ring, '1:' . ('5a' x 32) . "\n");
chmod 0600, $ring;
my $node = new_node('random', "shared_preload_libraries = 'tenant_mgr'\ntenant_mgr.key_file = '$ring'\n"
	  . "tenant_mgr.health_interval = 0\nlog_min_messages = fatal\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	CREATE ROLE regress_tm_admin CREATEROLE;
	CREATE ROLE regress_tm_plain;
	GRANT CREATE ON DATABASE app TO regress_tm_admin;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tenant TO regress_tm_admin;
	GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA tenant TO regress_tm_admin;
	SELECT tenant.create('a');
	CREATE TABLE a.t (id int PRIMARY KEY, v text, s tenant.secret);
	INSERT INTO a.t VALUES (1, 'x');
	SELECT tenant.create('b', template => 'a', owner => 'regress_tm_admin');
	CREATE SCHEMA plain;
	SELECT tenant.snapshot('a', 'label');
	GRANT USAGE ON SCHEMA a TO regress_tm_plain;
	SELECT tenant.add_connection('c1', host => '127.0.0.1', port => 1, database_name => 'app', username => 'u', password => 'p');
	SELECT tenant.add_domain('a.example', 'a');
});

sub pick { return $_[ rand @_ ]; }

# Values of each type as SQL, some right, most odd.
my @names = map { literal($_) } 'a', 'b', 'A', 'c1', 'n1', 'n2', 'n3', 'plain', 'label', 'a.example', 't', 'v', 's', 'regress_tm_plain';
my @odd = (
	'NULL', map({ literal($_) } '', ' ', '%s%n', q(x'y), q("q"), '$1', "a\nb", "\x{1}", 'a' x 63, 'b' x 64, 'c' x 70000,
		"\xc3\x9cn\xc3\xaf", 'pg_catalog', 'public', 'tenant', 'pg_temp', 'information_schema', '0', '-1', '{}', '[1]', '{a,b}',
		'true', 'write', 'read', 'admin', 'primary', 'disable', 'verify-full', 'a.b.c', '%', '_', '..', '/', '\\', 'select',
		'eyJhbGciOiJFZERTQSJ9.e30.AA', 'tm1:1:1:AA', '2026-02-30', '7 days', 'on', 'off', 'enforce'));
my %values = (
	'text'     => sub { return rand() < 0.6 ? pick(@names) : pick(@odd); },
	'name'     => sub { return rand() < 0.6 ? pick(@names) : pick(@odd); },
	'cstring'  => sub { return pick(@odd); },
	'boolean'  => sub { return pick('true', 'false', 'NULL'); },
	'integer'  => sub { return pick(0, 1, -1, 2, 3, 100, 2147483647, -2147483648, 'NULL'); },
	'bigint'   => sub { return pick(0, 1, -1, '9223372036854775807', 'NULL'); },
	'jsonb'    => sub { return pick(q('{}'), q('[]'), q('null'), q('{"a": {"b": [1, "x"]}}'), q('"x"'), 'NULL'); },
	'text[]'   => sub { return pick(q('{}'), q('{a}'), q('{a,NULL,"%"}'), q('{{a,b},{c,d}}'), q('[5:6]={a,b}'), 'NULL'); },
	'regclass' => sub { return pick(q('a.t'), q('tenant.registry'), q('pg_class'), '0', '1', 'NULL'); },
	'oid'      => sub { return pick('0', '1', q('a.t'::regclass), '4294967295', 'NULL'); },
	'bytea'    => sub { return pick(q('\x'), q('\x00'), q('\x0102030405'), 'NULL'); },
	'double precision' => sub { return pick(0, -1, q('NaN'), q('Infinity'), 'NULL'); },
	'interval' => sub { return pick(q('0'), q('-1 day'), q('100000 years'), 'NULL'); },
	'timestamp with time zone' => sub { return pick(q('now'), q('infinity'), q('-infinity'), 'NULL'); },
	'uuid'     => sub { return pick(q('00000000-0000-0000-0000-000000000000'), 'gen_random_uuid()', 'NULL'); },
	'tenant.secret' => sub { return pick(q{tenant.encrypt('x')}, q{tenant.encrypt('', 'c', 'a')}, 'NULL', q('tm1:1:1:AA')); });

# What a call is made of: the kind, the name, and names and types of arguments.
my @routines;
foreach (split /\n/, $node->safe_psql('app', q{
	SELECT proname, prokind, proretset OR prorettype = 'record'::regtype, (SELECT string_agg(coalesce(proargnames[i], '') || ':' || format_type(type, NULL), '|' ORDER BY i)
		FROM unnest(proargtypes::oid[]) WITH ORDINALITY AS a (type, i))
	FROM pg_proc WHERE pronamespace = 'tenant'::regnamespace ORDER BY oid::regprocedure::text COLLATE "C"}))
{
	my ($name, $kind, $set, $arguments) = split /\|/, $_, 4;
	push @routines, { name => $name, kind => $kind, arguments => [ map { [ split /:/ ] } split /\|/, $arguments // '' ] };
}

# Nobody is called outside of this machine, and nothing is measured for long.
sub value_of
{
	my ($name, $type) = @_;
	return pick(q('127.0.0.1'), q('::1'), q(''), q('/nonexistent'), 'NULL') if $name eq 'host';
	return pick(-1, 0, 1, 3, 'NULL') if $name eq 'iterations';
	my $make = $values{$type} or return 'NULL';
	return $make->() . ($type eq 'cstring' ? '' : "::$type");
}

sub call_of
{
	my ($routine) = @_;
	my @arguments = map { value_of(@$_) } @{ $routine->{arguments} };
	my $call = sprintf 'tenant.%s(%s)', ident($routine->{name}), join(', ', @arguments);
	return $routine->{kind} eq 'p' ? "CALL $call;\n" : "SELECT * FROM $call;\n";
}

my %covered;
sub random_calls
{
	my ($role, $number) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . "/$role.sql";
	my $text = "SET client_min_messages = error;\nSET statement_timeout = '5s';\nSET SESSION AUTHORIZATION $role;\n";
	foreach my $i (1 .. $number)
	{
		my $routine = pick(@routines);
		my $call = call_of($routine);
		$covered{ $routine->{name} }++;
		my $how = rand;
		# alone, undone, or twice in a transaction
		$text .= $how < 0.5 ? $call : $how < 0.8 ? "BEGIN;\n${call}ROLLBACK;\n" : "BEGIN;\nSAVEPOINT s;\n${call}ROLLBACK TO s;\n${call}COMMIT;\n";
		$text .= "SELECT tenant.reset();\n" if $i % 50 == 0;
		# sessions that are locked stay so: go on in another one
		$text .= "\\c\nSET client_min_messages = error;\nSET statement_timeout = '5s';\nSET SESSION AUTHORIZATION $role;\n" if $i % 100 == 0;
	}
	append_to_file($file, $text);
	my $result = PostgreSQL::Test::Utils::tempdir() . '/err';
	system("psql -X -q -o /dev/null -d \"" . $node->connstr('app') . "\" -v VERBOSITY=verbose -f $file >$result 2>&1 </dev/null");
	my $errors = slurp_file($result);
	my %states;
	$states{$1}++ while $errors =~ /(?:ERROR|FATAL|PANIC):\s+(\w{5}):/g;
	note("$role: " . join(', ', map { "$_ x $states{$_}" } sort keys %states));
	my @internal = $errors =~ /((?:ERROR|FATAL|PANIC):\s+XX\w{3}:.*(?:\n(?!psql).*)*)/g;
	is(join("\n", splice(@internal, 0, 20)), '', "$role: no internal error (seed $seed)");
	unlike($errors, qr/server closed the connection|terminating connection|connection to server (?!at "127\.0\.0\.1", port 1 failed)/, "$role: no connection is lost");
	cmp_ok(scalar(keys %states), '>=', 3, "$role: the calls met errors of many kinds");
	return;
}

random_calls('postgres',         int($calls * 0.5));
random_calls('regress_tm_admin', int($calls * 0.3));
random_calls('regress_tm_plain', int($calls * 0.2));
is(join(' ', grep { !$covered{ $_->{name} } } @routines), '', 'every routine was called');

is($node->safe_psql('app', q{SELECT * FROM tenant.doctor() WHERE severity = 'error'}), '', 'the doctor finds nothing');
SKIP:
{
	my $pg_catcheck = command_of('pg_catcheck') or skip 'pg_catcheck is not here', 1;
	my ($stdout, $stderr) = run_command([ $pg_catcheck, '-h', $node->host, '-p', $node->port, 'app' ]);
	like($stdout . $stderr, qr/done \(0 inconsistencies, 0 warnings, 0 errors\)/, 'the catalogs are consistent');
}
$node->stop;
done_testing();
