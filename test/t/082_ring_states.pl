# 082_ring_states.pl: which ring counts.  In a preloaded server it is the one
# that any process has last read well; what the server has read at its start
# does not come back, whatever becomes of the file, the program or the settings,
# not even after a crash.  A program is run once for all sessions.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $ring = "$dir/ring";
my %key = map { $_ => sprintf('%02x', $_) x 32 } 1 .. 9;

sub write_ring { write_key_ring($ring, join('', map { "$_:$key{$_}\n" } @_)); }

write_ring(1);
my $node = new_node('ring', qq{
shared_preload_libraries = 'tenant_mgr'
tenant_mgr.key_file = '$ring'
tenant_mgr.health_interval = 0
restart_after_crash = on
fsync = off
});
new_database($node, 'app');
$node->safe_psql('app', q{CREATE TABLE s (s tenant.secret); INSERT INTO s SELECT tenant.encrypt('of the first', 'c')});
sub value { return $node->safe_psql('app', $_[0]); }

# What a new session has, and what it gets when it opens the secret.
sub versions { return value(q{SELECT tenant.crypto_status() ->> 'root_versions'}); }

sub outcome
{
	my ($rc, $out, $err) = $node->psql('app', q{\set VERBOSITY sqlstate
		SELECT tenant.decrypt(s, 'c') FROM s});
	return $err =~ /ERROR:  (\w+)/ ? $1 : $out;
}

sub set
{
	my ($name, $setting) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM SET $name = " . literal($setting));
	$node->reload;
	$node->poll_query_until('postgres', "SELECT current_setting('$name') = " . literal($setting));
	return;
}
is(outcome(), 'of the first', 'a secret opens with the first key');

# the first key is destroyed, and somebody has seen that
write_ring(2);
is(versions(), '[2]', 'there is another ring');
is(outcome(), 'TM006', 'the secret does not open any more');

my @ways = (
	[ 'readable by others', sub { chmod 0644, $ring }, sub { chmod 0600, $ring } ],
	[ 'gone',               sub { rename $ring, "$ring.away" }, sub { rename "$ring.away", $ring } ],
	[ 'no ring',            sub { rename $ring, "$ring.away"; append_to_file($ring, 'nonsense'); chmod 0600, $ring }, sub { rename "$ring.away", $ring } ],
	[ 'somewhere else',     sub { set('tenant_mgr.key_file', "$dir/none") }, sub { set('tenant_mgr.key_file', $ring) } ],
	[ 'from a program that fails', sub { set('tenant_mgr.key_command', 'exit 1'); set('tenant_mgr.key_file', '') }, sub { set('tenant_mgr.key_command', ''); set('tenant_mgr.key_file', $ring) } ],
	[ 'said to be both',    sub { set('tenant_mgr.key_command', "cat $ring") }, sub { set('tenant_mgr.key_command', '') } ]);
foreach my $way (@ways)
{
	my ($what, $break, $mend) = @$way;
	$break->();
	is(outcome(), 'TM006', "it does not open when the ring is $what");
	is(versions(), '[2]', '... and new sessions have the one that was last read');
	$mend->();
	is(outcome(), 'TM006', '... nor when it is right again');
}

# what is sealed meanwhile is sealed with the ring that counts
chmod 0644, $ring;
value(q{SELECT tenant.create('t'); SELECT tenant.switch('t'); SELECT tenant.encrypt('x')});
is(value(q{SELECT root_version FROM tenant.data_key WHERE scope <> '00000000-0000-0000-0000-000000000000'}), '2', 'a new data key is made with the ring that counts');
chmod 0600, $ring;

# no ring at all is a state, too
set('tenant_mgr.key_file', '');
ok($node->poll_query_until('app', q{SELECT tenant.crypto_status() ->> 'root_versions' = '[]'}), 'all keys are taken away');
is(outcome(), '55000', 'nothing opens');
set('tenant_mgr.key_file', "$dir/none");
is(outcome(), 'TM006', 'nor does it when a ring is configured that cannot be read');
is(versions(), '[]', 'none comes back');
set('tenant_mgr.key_file', $ring);
is(versions(), '[2]', 'until one can be read');

# after a crash
sub crash
{
	my $victim = $node->background_psql('app');
	kill 'KILL', $victim->query_safe('SELECT pg_backend_pid()');
	eval { $victim->quit };
	$node->poll_query_until('postgres', 'SELECT true');
	return;
}
crash();
is(versions(), '[2]', 'after a crash it is read again');
chmod 0644, $ring;
crash();
is(outcome(), 'TM006', 'and if it cannot be, there is none');
is(versions(), '[]', 'what the server once had does not come back');
chmod 0600, $ring;
is(versions(), '[2]', 'it is back when it can be read');
write_ring(1, 2);
is(outcome(), 'of the first', 'a key that is put back opens what it has sealed');

# a session that was there all the time
my $session = $node->background_psql('app', on_error_stop => 0);
is($session->query_safe(q{SELECT tenant.decrypt(s, 'c') FROM s}), 'of the first', 'a session has opened it');
write_ring(2);
is(versions(), '[2]', 'another one has seen that the key is gone');
chmod 0644, $ring;
$session->query(q{SELECT tenant.decrypt(s, 'c') FROM s});
$session->{stderr} = '';
is($session->query_safe(q{SELECT tenant.crypto_status() ->> 'root_versions'}), '[2]', 'so the first one does not have it, either');
$session->quit;
chmod 0600, $ring;

# a program is run once after a reload, whoever asks
append_to_file("$dir/runs", '');
$node->safe_psql('postgres', q{ALTER SYSTEM SET tenant_mgr.key_file = ''});
set('tenant_mgr.key_command', "echo run >>$dir/runs; cat $ring");
ok($node->poll_query_until('app', q{SELECT tenant.crypto_status() ->> 'key_ring' = 'command'}), 'a program');
versions() foreach 1 .. 5;
is(slurp_file("$dir/runs"), "run\n", 'is run once');
unlink "$dir/runs";
$node->reload;
$node->poll_query_until('postgres', "SELECT (pg_stat_file('$dir/runs', true)).size > 0");
versions() foreach 1 .. 5;
is(slurp_file("$dir/runs"), "run\n", 'and once more after a reload');

# a ring inside of the data directory
my $inside = $node->data_dir . '/ring';
append_to_file($inside, "2:$key{2}\n");
chmod 0600, $inside;
my $offset = -s $node->logfile;
$node->safe_psql('postgres', q{ALTER SYSTEM SET tenant_mgr.key_command = ''});
set('tenant_mgr.key_file', $inside);
is(value(q{SELECT severity, problem FROM tenant.doctor() WHERE object = 'key ring'}), 'warning|it is in the data directory, so a base backup includes it', 'the doctor tells of a ring in the data directory');
ok($node->log_contains('key file is in the data directory', $offset), 'and so does the log');

# a ring that came after the start, and was taken away: no process has failed to
# read one
set('tenant_mgr.key_file', '');
set('tenant_mgr.key_command', '');
$node->restart;
write_ring(2);
set('tenant_mgr.key_file', $ring);
is(versions(), '[2]', 'a ring that is configured while the server runs is read');
set('tenant_mgr.key_file', '');
is(versions(), '[]', 'and is gone when it is not configured any more');
like(value(q{SELECT tenant.generate_key()}), qr/^1:/, 'the next key is the first one then');

$node->stop;
done_testing();
