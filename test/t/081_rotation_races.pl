# 081_rotation_races.pl: from when to when a data key needs its root key.  A key
# that a transaction has made and not committed, prepared or not, is counted
# before the old root key is taken away, and a rotation does not end without it;
# none is made with a root key that has been replaced, in however long a
# statement.

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

sub write_ring { write_key_ring($ring, join('', map { "$_\n" } @_)); }
sub both { my ($old, $new) = @_; return ("$old:$key{$old}", "*$new:$key{$new}"); }

write_ring("1:$key{1}");
my $node = new_node('rotation', qq{
shared_preload_libraries = 'tenant_mgr'
max_prepared_transactions = 4
tenant_mgr.key_file = '$ring'
tenant_mgr.health_interval = 0
fsync = off
});
new_database($node, 'app');
$node->safe_psql('app', q{CREATE TABLE s (i int, s tenant.secret)});
$node->safe_psql('app', qq{SELECT tenant.create('t$_')}) foreach 1 .. 8;
sub value { return $node->safe_psql('app', $_[0]); }
sub in_use { return value(q{SELECT tenant.crypto_status() ->> 'root_versions_in_use'}); }
sub session { return $node->background_psql('app', on_error_stop => 0); }

# A rotation in a session of its own, and whether it waits
sub start_rotation
{
	my $session = session();
	$session->query_until(qr/begun/, "\\echo begun\nCALL tenant.rotate_keys();\n\\echo over\n");
	return $session;
}
sub waits { return $node->poll_query_until('app', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '^CALL tenant.rotate_keys' AND state = 'active' AND wait_event_type = 'Lock'}); }
sub finish { my ($session) = @_; $session->query('SELECT 1'); $session->quit; return; }

sub seal
{
	my ($tenant, $i) = @_;
	return "SELECT tenant.switch_local('$tenant'); INSERT INTO public.s VALUES ($i, tenant.encrypt('kept', 'c', '$i'));";
}
sub opens { my ($tenant, $i) = @_; return value("SELECT tenant.switch('$tenant') \\g /dev/null\nSELECT tenant.decrypt(s, 'c', '$i') FROM public.s WHERE i = $i"); }

# a key that is not committed
my $open = session();
$open->query_safe('BEGIN; ' . seal('t1', 1));
write_ring(both(1, 2));
my $rotation = start_rotation();
ok(waits(), 'a rotation waits for a transaction that has made a key');
is(in_use(), '[1]', 'which the status counts meanwhile');
$open->query_safe('COMMIT');
finish($rotation);
is(in_use(), '[2]', 'the rotation has wrapped that, too');
write_ring("*2:$key{2}");
is(opens('t1', 1), 'kept', 'and nothing is lost without the old root key');

# one that is rolled back to a savepoint does not exist any more
$open->query_safe('BEGIN; SAVEPOINT a; ' . seal('t2', 2) . ' ROLLBACK TO a;');
write_ring(both(2, 3));
value('CALL tenant.rotate_keys()');
is(in_use(), '[3]', 'what is rolled back is not in the way');
$open->query_safe('ROLLBACK');

# one that is prepared
value('BEGIN; ' . seal('t3', 3) . q{ PREPARE TRANSACTION 'kept'});
write_ring(both(3, 4));
is(in_use(), '[3]', 'a prepared transaction is counted');
$rotation = start_rotation();
ok(waits(), 'and waited for');
is(in_use(), '[3, 4]', 'still, when the others have been wrapped');
$node->restart;
is(in_use(), '[3, 4]', 'also after a restart');
eval { $rotation->quit };
$rotation = start_rotation();
ok(waits(), 'it is waited for again');
value(q{COMMIT PREPARED 'kept'});
finish($rotation);
write_ring("*4:$key{4}");
is(opens('t3', 3), 'kept', 'nothing is lost');

# as soon as somebody has looked at the new ring, nobody makes keys with the
# old one: one statement that begins before and makes a key afterwards
my $long = session();
value('SELECT pg_advisory_lock(1)');
my $gate = session();
$gate->query_safe('SELECT pg_advisory_lock(1)');
$long->query_safe(q{SELECT tenant.switch('t4')});
$long->query_until(qr/begun/, qq{\\echo begun
WITH a AS MATERIALIZED (SELECT pg_advisory_lock(1)) INSERT INTO public.s SELECT 4, tenant.encrypt('kept', 'c', '4') FROM a;
\\echo over
});
ok($node->poll_query_until('app', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'advisory'}), 'a statement has begun');
write_ring(both(4, 5));
value('CALL tenant.rotate_keys()');
$gate->query_safe('SELECT pg_advisory_unlock(1)');
$long->query('SELECT pg_advisory_unlock(1)');
is(in_use(), '[5]', 'it makes its key with the new root key');

# the same with a program, which is asked once for all after a reload
$node->safe_psql('postgres', qq{ALTER SYSTEM SET tenant_mgr.key_file = ''});
$node->safe_psql('postgres', qq{ALTER SYSTEM SET tenant_mgr.key_command = 'cat $ring'});
$node->reload;
$node->poll_query_until('app', q{SELECT tenant.crypto_status() ->> 'key_ring' = 'command'});
$long->query_safe(q{SELECT tenant.switch('t5')});
$gate->query_safe('SELECT pg_advisory_lock(1)');
$long->query_until(qr/begun/, qq{\\echo begun
WITH a AS MATERIALIZED (SELECT pg_advisory_lock(1)) INSERT INTO public.s SELECT 5, tenant.encrypt('kept', 'c', '5') FROM a;
\\echo over
});
ok($node->poll_query_until('app', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'advisory'}), 'a statement has begun');
write_ring(both(5, 6));
$node->reload;
ok($node->poll_query_until('app', q{SELECT tenant.crypto_status() ->> 'current_root_version' = '6'}), 'there is another ring');
value('CALL tenant.rotate_keys()');
$gate->query_safe('SELECT pg_advisory_unlock(1)');
$long->query('SELECT pg_advisory_unlock(1)');
is(in_use(), '[6]', 'it makes its key with the new root key');
write_ring("*6:$key{6}");
$node->reload;
ok($node->poll_query_until('app', q{SELECT tenant.crypto_status() ->> 'root_versions' = '[6]'}), 'the old ones are gone');
is(join(',', opens('t4', 4), opens('t5', 5)), 'kept,kept', 'and nothing is lost');

# another key under the current version is not passed over
write_ring("6:$key{7}");
$node->reload;
ok($node->poll_query_until('app', q{SELECT tenant.crypto_status() ->> 'problem' ~ '^Root key version 6 in the key ring is not the one'}), 'the status tells of another key under its version');
my ($rc, $out, $err) = $node->psql('app', 'CALL tenant.rotate_keys()');
like($err, qr/Root key version 6 in the key ring is not the one that data keys were wrapped with.*ERROR:  \d+ data keys? cannot be wrapped/s, 'and so does a rotation');

$_->quit foreach $open, $long, $gate;
$node->stop;
done_testing();
