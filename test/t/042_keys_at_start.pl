# 042_keys_at_start.pl: a preloaded server says that its root keys are not what
# they should be when it starts and when it is reloaded, not when a key is first
# needed.  A ring that cannot be used keeps it from starting; after that, it
# keeps the ring that it has.  tenant.doctor() tells the same, and more.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $ring = "$dir/ring";
my @root = map { join('', map { sprintf '%02x', int(rand(256)) } 1 .. 32) } 0 .. 3;

sub write_ring { write_key_ring($ring, @_); }

write_ring("1:$root[1]\n");
my $node = new_node('keys', qq{
shared_preload_libraries = 'tenant_mgr'
tenant_mgr.key_file = '$ring'
restart_after_crash = on
});
foreach my $db ('app', 'Odd "name')
{
	$node->safe_psql('postgres', 'CREATE DATABASE ' . ident($db));
	$node->safe_psql($db, q{CREATE EXTENSION tenant_mgr; SELECT tenant.create('acme'); CREATE TABLE kept (s tenant.secret); INSERT INTO kept SELECT tenant.encrypt('hunter2')});
}
$node->safe_psql('postgres', 'CREATE DATABASE without');
my $open = q{SELECT tenant.decrypt(s) FROM kept};
is($node->safe_psql('app', $open), 'hunter2', 'a session has the ring that the server has read');

# What the log has to say since the given place, once it has it.
sub log_has
{
	my ($from, $pattern, $name) = @_;
	my $deadline = time() + 60;
	my $log = '';
	while (time() < $deadline)
	{
		$log = substr(slurp_file($node->logfile), $from);
		return pass($name) if $log =~ $pattern;
		select(undef, undef, undef, 0.1);
	}
	fail($name);
	diag($log);
	return;
}
sub log_end { return -s $node->logfile; }

# no start with a ring that cannot be used
my @rings = (
	[ 'missing', sub { unlink $ring }, 'The key file cannot be opened: No such file or directory.' ],
	[ 'empty', sub { write_ring('') }, 'The key ring is empty.' ],
	[ '63 digits', sub { write_ring('1:' . substr($root[1], 1) . "\n") }, 'Line 1 of the key ring: the key has 63 characters instead of 64.' ],
	[ 'no digits', sub { write_ring('1:' . ('g' x 64) . "\n") }, 'Line 1 of the key ring: the key is not hexadecimal.' ],
	[ 'twice the same version', sub { write_ring("1:$root[1]\n1:$root[2]\n") }, 'Line 2 of the key ring: version 1 occurs twice.' ],
	[ 'readable by others', sub { write_ring("1:$root[1]\n", 0644) }, 'The key file can be accessed by others than its owner.' ],
	[ 'a symbolic link', sub { write_ring("1:$root[1]\n"); rename $ring, "$ring.real"; symlink "$ring.real", $ring }, 'The key file is a symbolic link.' ],
	[ 'a directory', sub { unlink $ring; mkdir $ring, 0700 }, 'The key file is a directory.' ],
	[ 'a FIFO', sub { rmdir $ring; system('mkfifo', '-m', '600', $ring) }, 'The key file is not a regular file.' ]);
$node->stop;
foreach my $case (@rings)
{
	my ($what, $make, $detail) = @$case;
	$make->();
	my $from = log_end();
	is($node->start(fail_ok => 1), 0, "no start: $what");
	my $log = substr(slurp_file($node->logfile), $from);
	like($log, qr/FATAL:  key ring cannot be used\n.*DETAIL:  \Q$detail\E\n/, "which the log says: $what");
}
unlink $ring;
write_ring("# with carriage returns\r\n1:$root[1]\r\n");
$node->start;
is($node->safe_psql('app', $open), 'hunter2', 'a ring with carriage returns will do');

# the program instead of the file is run once, by the server
$node->stop;
append_to_file("$dir/runs", '');
$node->append_conf('postgresql.conf', "tenant_mgr.key_file = ''\ntenant_mgr.key_command = 'echo run >>$dir/runs; exit 1'\n");
is($node->start(fail_ok => 1), 0, 'no start: a program that fails');
$node->append_conf('postgresql.conf', "tenant_mgr.key_command = 'echo run >>$dir/runs; cat $ring'\n");
unlink "$dir/runs";
$node->start;
is($node->safe_psql($_, $open), 'hunter2', "a session has what the program has printed, in $_") foreach ('app', 'Odd "name');
is(slurp_file("$dir/runs"), "run\n", 'which has been run once');
$node->stop;
$node->append_conf('postgresql.conf', "tenant_mgr.key_file = '$ring'\n");
is($node->start(fail_ok => 1), 0, 'no start: file and program');
$node->append_conf('postgresql.conf', "tenant_mgr.key_command = ''\n");

# another key under the same version, or none under it: told at start, for each database
write_ring("1:$root[2]\n");
my $from = log_end();
$node->start;
foreach my $db ('app', 'Odd "name')
{
	log_has($from, qr/LOG:  secrets in database "\Q$db\E" cannot be opened\n.*DETAIL:  root key version 1: the one in the key ring is not the one that 1 data key was wrapped with/, "the log tells of another key: $db");
}
unlike(substr(slurp_file($node->logfile), $from), qr/database "(without|postgres)" cannot/, 'and nothing of a database that has no secrets');
is($node->safe_psql('app', q{SELECT severity, object, problem FROM tenant.doctor() ORDER BY object}),
	'error|root key version 1|the one in the key ring is not the one that 1 data key was wrapped with', 'the doctor says so, too');
$from = log_end();
write_ring("2:$root[2]\n");
$node->reload;
log_has($from, qr/secrets in database "app" cannot be opened\n.*DETAIL:  root key version 1: it is not in the key ring, and 1 data key needs it/, 'after a reload, the log tells of a missing key');
write_ring("1:$root[1]\n2:$root[2]\n");
is($node->safe_psql('app', $open), 'hunter2', 'a correct ring is taken up without a reload');
is($node->safe_psql('app', q{SELECT severity, object, problem FROM tenant.doctor() ORDER BY object}),
	'warning|root key version 1|it is not the current one, and 1 data key is wrapped with it', 'the doctor tells of a key that is to be replaced');
$node->safe_psql($_, 'CALL tenant.rotate_keys()') foreach ('app', 'Odd "name');
is($node->safe_psql('app', q{SELECT count(*) FROM tenant.doctor()}), 0, 'and finds nothing when it has been');
is($node->safe_psql('app', q{SELECT detail FROM tenant.event WHERE event = 'rotate_keys'}), '{"root_version": "2"}', 'which has been recorded');

# a ring that goes bad later: the log says so, the former one stays in force
$node->restart;
my $session = $node->background_psql('app');
is($session->query_safe($open), 'hunter2', 'a session has opened a secret');
foreach my $case (@rings[ 0, 2, 5 ])
{
	my ($what, $make, $detail) = @$case;
	$make->();
	$from = log_end();
	$node->reload;
	log_has($from, qr/LOG:  key ring cannot be used, going on with the former one\n.*DETAIL:  \Q$detail\E/, "the log says at reload: $what");
	is($session->query_safe($open), 'hunter2', "the session goes on: $what");
	is($node->safe_psql('app', $open), 'hunter2', "and so does a new one: $what");
	like($node->safe_psql('app', q{SELECT severity, object, problem FROM tenant.doctor()}), qr/^warning\|key ring\|it cannot be used, a former one is in force: \Q$detail\E$/, "the doctor tells why: $what");
}
$session->quit;
write_ring("1:$root[1]\n2:$root[2]\n3:$root[3]\n");
is($node->safe_psql('app', q{SELECT tenant.crypto_status() -> 'current_root_version', tenant.crypto_status() -> 'problem'}), '3|null', 'a good one is taken up again');

# what else the doctor knows
$node->safe_psql('app', q{SELECT tenant.switch('acme') \g /dev/null
	SELECT tenant.encrypt('x')});
is($node->safe_psql('app', q{SELECT count(*) FROM tenant.data_key WHERE root_version = 3}), 1, 'a new data key');
$node->safe_psql('app', q{INSERT INTO tenant.data_key SELECT '00000000-0000-4000-8000-00000000abcd', version, wrapped, root_version, root_check, created_at FROM tenant.data_key WHERE root_version = 3});
is($node->safe_psql('app', q{SELECT severity, object, problem FROM tenant.doctor() WHERE object ~ 'data key' ORDER BY problem}),
	"error|data key version 1 of scope 00000000-0000-4000-8000-00000000abcd|it cannot be opened, for its row in tenant.data_key has been changed\n"
	  . 'warning|data key version 1 of scope 00000000-0000-4000-8000-00000000abcd|the tenant that it belongs to does not exist', 'the doctor tells of a data key of nobody that is not the one it was');
$node->safe_psql('app', q{DELETE FROM tenant.data_key WHERE scope = '00000000-0000-4000-8000-00000000abcd'});

# the worker is in nobody's way, and comes back after a crash
$node->safe_psql('postgres', 'DROP DATABASE ' . ident('Odd "name'));
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'tenant_mgr key worker'});
$from = log_end();
$node->stop('immediate');
$node->start;
is($node->safe_psql('app', $open), 'hunter2', 'after a crash, secrets open');
$node->stop;

done_testing();
