# 041_full_pools.pl: more connections of the registry than can be counted.  The
# one too many is refused with a way out, and let in once there is room.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

# As many pools as there are, opened by so many sessions: each may have a third
# of its file descriptors for connections.
use constant POOLS => 1024;
use constant SESSIONS => 8;

my $node = new_node('pools', q{
shared_preload_libraries = 'tenant_mgr'
tenant_mgr.health_interval = 0
max_connections = 1200
superuser_reserved_connections = 10
shared_buffers = 16MB
fsync = off
});
new_database($node, 'app');
sub value { return $node->safe_psql('app', $_[0]); }
plan skip_all => 'dblink is not installed'
  unless value(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'dblink'});

value(sprintf q{CREATE EXTENSION dblink;
	SELECT count(tenant.add_connection('c' || i, host => '%s', port => %d, database_name => 'app', username => current_user))
	FROM generate_series(1, %d) i}, $node->host, $node->port, POOLS + 1);
my @sessions = map { $node->background_psql('app') } 1 .. SESSIONS;
my $share = POOLS / SESSIONS;
foreach my $n (0 .. $#sessions)
{
	$sessions[$n]->query_safe(sprintf q{SELECT count(tenant.connect('c' || i)) FROM generate_series(%d, %d) i}, $n * $share + 1, ($n + 1) * $share);
}
is(value('SELECT sum(active) FROM tenant.pool_stats'), POOLS, 'as many pools are in use as there are');

my $one_more = sprintf q{SELECT tenant.connect('c%d') IS NOT NULL}, POOLS + 1;
my ($rc, $out, $err) = $node->psql('app', "\\set VERBOSITY verbose\n$one_more");
like($err, qr/ERROR:  53400: too many connections of the registry are in use/, 'one more is refused');
like($err, qr/DETAIL:  At most 1024 different ones can be open at a time\./, 'it says how many there can be');
like($err, qr/HINT:  Use tenant\.disconnect\(\)/, 'and what to do');
is(value('SELECT sum(active) FROM tenant.pool_stats'), POOLS, 'which does not count');
is($sessions[0]->query_safe(q{SELECT tenant.connect('c1') IS NOT NULL}), 't', 'those that are open can be used');

# another database has room of its own
new_database($node, 'other');
$node->safe_psql('other', sprintf q{CREATE EXTENSION dblink;
	SELECT count(tenant.add_connection('c' || i, host => '%s', port => %d, database_name => 'app', username => current_user)) FROM generate_series(1, 20) i},
	$node->host, $node->port);
is($node->safe_psql('other', q{SELECT count(tenant.connect('c' || i)) FROM generate_series(1, 20) i}), 20, 'another database has room');

is($sessions[0]->query_safe(q{SELECT tenant.disconnect('c1')}), 1, 'one is given back');
is(value($one_more), 't', 'and another one takes its place');
$_->quit foreach @sessions;
$node->poll_query_until('app', 'SELECT sum(active) = 0 FROM tenant.pool_stats');
is(value(q{SELECT count(tenant.connect('c' || i)) FROM generate_series(500, 510) i}), 11, 'all goes on as before');

$node->stop;
done_testing();
