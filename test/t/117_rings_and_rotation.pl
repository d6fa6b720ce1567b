# 117_rings_and_rotation.pl: a rotation does what can be done beside keys that
# cannot be opened, and says which these are; a program that prints the ring is
# not run again by every session.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $dir = PostgreSQL::Test::Utils::tempdir();
my %key = map { ($_ => sprintf('%02x', $_) x 32) } 1 .. 3;

sub write_file
{
	my ($name, $text) = @_;
	open my $file, '>', "$dir/$name.new" or die "$name: $!";
	print $file $text;
	close $file;
	chmod 0700, "$dir/$name.new";
	rename "$dir/$name.new", "$dir/$name" or die "$name: $!";
	return;
}

# Counts its runs by the lines of a file.
write_file('vault', "#!/bin/sh\ncat '$dir/ring'\necho run >>'$dir/runs'\n");
write_file('ring', "1:$key{1}\n");
my $node = new_node('rings', qq{
shared_preload_libraries = 'tenant_mgr'
tenant_mgr.key_command = '$dir/vault'
tenant_mgr.health_interval = 0
});
new_database($node, 'app');
sub value { return $node->safe_psql('app', $_[0]); }
sub runs { return scalar(split /\n/, slurp_file("$dir/runs")); }

#
# Sessions that were idle when the settings were read again
#

value(q{SELECT tenant.encrypt('x')});
my @sessions = map { $node->background_psql('app') } 1 .. 4;
$_->query_safe('SELECT 1') foreach @sessions;
write_file('ring', "1:$key{1}\n*2:$key{2}\n");
my $before = runs();
$node->reload;
ok($node->poll_query_until('app', q{SELECT tenant.crypto_status() ->> 'current_root_version' = '2'}), 'the program is asked again after a reload');
my $after = runs();
cmp_ok($after, '>', $before, 'it has been run');
is(join(' ', map { $_->query_safe(q{SELECT tenant.crypto_status() ->> 'current_root_version'}) } @sessions), '2 2 2 2', 'sessions that were idle have the new ring');
is(runs(), $after, 'and do not run it again');
is(value(q{SELECT tenant.crypto_status() ->> 'current_root_version'}), '2', 'nor does a new one');
is(runs(), $after, 'which takes what there is');

# In the middle of a statement, and without having read the settings itself
$sessions[0]->query_until(qr/begun/, "\\echo begun\nSELECT pg_advisory_lock(1), tenant.crypto_status() ->> 'current_root_version';\n")
	if $sessions[1]->query_safe('SELECT pg_advisory_lock(1)') eq '';
$node->poll_query_until('app', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted});
write_file('ring', "1:$key{1}\n2:$key{2}\n*3:$key{3}\n");
$node->reload;
ok($node->poll_query_until('app', q{SELECT tenant.crypto_status() ->> 'current_root_version' = '3'}), 'it is asked after another reload');
$after = runs();
$sessions[1]->query_safe('SELECT pg_advisory_unlock(1)');
is($sessions[0]->query_safe('SELECT 1'), "|3\n1", 'a long statement has the ring of now');
is(runs(), $after, 'and has not run the program either');
$_->quit foreach @sessions;

# Given on the command line, a setting is not set again at a reload.
$node->append_conf('postgresql.conf', q{tenant_mgr.key_command = ''});
$node->stop;
write_file('ring', "1:$key{1}\n*2:$key{2}\n3:$key{3}\n");
command_ok([ 'pg_ctl', '-D', $node->data_dir, '-l', $node->logfile, '-w', '-o', "--cluster-name=rings -c tenant_mgr.key_command='$dir/vault'", 'start' ], 'the program is on the command line');
$node->_update_pid(1);
is(value(q{SELECT tenant.crypto_status() ->> 'current_root_version'}), '2', 'it is asked');
write_file('ring', "1:$key{1}\n2:$key{2}\n*3:$key{3}\n");
$node->reload;
ok($node->poll_query_until('app', q{SELECT tenant.crypto_status() ->> 'current_root_version' = '3'}), 'and after a reload as well');
$node->stop;
$node->append_conf('postgresql.conf', "tenant_mgr.key_command = '$dir/vault'");

#
# A rotation beside keys that cannot be opened
#

write_file('ring', "*1:$key{1}\n2:$key{2}\n");
$node->start;
value(q{DELETE FROM tenant.data_key; SELECT tenant.create('t' || i) FROM generate_series(1, 5) i});
value(qq{SELECT tenant.switch('t$_'); SELECT tenant.encrypt('x')}) foreach 1 .. 5;
value(q{SELECT tenant.encrypt('x'); CREATE TABLE public.saved AS SELECT * FROM tenant.data_key});
is(value(q{SELECT string_agg(DISTINCT root_version::text, ',') FROM tenant.data_key}), '1', 'there are keys under the old root key');

# The first by its id needs a lost root key, the second one was changed.
value(q{
	UPDATE tenant.data_key SET root_version = 9 WHERE scope = '00000000-0000-0000-0000-000000000000';
	UPDATE tenant.data_key SET wrapped = set_byte(wrapped, 70, get_byte(wrapped, 70) # 1)
		WHERE scope = (SELECT id FROM tenant.registry WHERE name ~ '^t' ORDER BY id LIMIT 1)});
write_file('ring', "1:$key{1}\n*2:$key{2}\n");
$node->reload;
ok($node->poll_query_until('app', q{SELECT tenant.crypto_status() ->> 'current_root_version' = '2'}), 'there is a new root key');
my ($ret, $out, $err) = $node->psql('app', "\\set VERBOSITY verbose\nCALL tenant.rotate_keys()");
like($err, qr/ERROR:  TM006: 2 data keys cannot be wrapped/, 'a rotation fails in the end');
like($err, qr/WARNING:  TM006: data key version 1 of scope 00000000-0000-0000-0000-000000000000 cannot.*Root key version 9 is not in the key ring/s, 'having told of the one');
like($err, qr/WARNING:  TM006: data key version 1 of scope (?!0000).*has been changed/s, 'and of the other');
is(scalar(() = $err =~ /WARNING/g), 2, 'once each');
is(value(q{SELECT count(*) FILTER (WHERE root_version = 2), count(*) FILTER (WHERE root_version <> 2) FROM tenant.data_key}), '4|2', 'and having done the others');
value(q{UPDATE tenant.data_key d SET wrapped = s.wrapped, root_version = s.root_version FROM public.saved s
	WHERE s.scope = d.scope AND (d.root_version <> 2)});
value('CALL tenant.rotate_keys()');
is(value(q{SELECT tenant.crypto_status() -> 'root_versions_in_use'}), '[2]', 'when they are mended, they are done as well');

$node->stop;
done_testing();
