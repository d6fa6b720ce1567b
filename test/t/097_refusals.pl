# 097_refusals.pl: what it costs a session to be refused.  A setting that must not
# change says so to the server's settings, or before them; no number of refusals
# leaves memory behind; and a tenant that nobody has verified is nobody's, in
# parallel workers as in their leader.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Protocol;
use TenantTest;

my $node = new_node('refusals', "shared_preload_libraries = 'tenant_mgr'\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	SELECT tenant.create(n) FROM unnest('{a,b}'::text[]) AS n;
	CREATE ROLE app LOGIN;
	CREATE ROLE pooled LOGIN;
	CREATE ROLE only_a LOGIN;
	CREATE TABLE a.t AS SELECT i FROM generate_series(1, 3) AS i;
	GRANT USAGE ON SCHEMA a TO app, pooled, only_a;
	GRANT SELECT ON a.t TO app, pooled, only_a;
	SELECT tenant.assign_role('a', 'only_a');
	ALTER ROLE pooled SET tenant_mgr.session_switch = deny;
	CREATE FUNCTION public.refused(statement text, n int) RETURNS int LANGUAGE plpgsql AS $$
		DECLARE count int := 0;
		BEGIN
			FOR i IN 1 .. n LOOP
				BEGIN EXECUTE statement; EXCEPTION WHEN OTHERS THEN count := count + 1; END;
			END LOOP;
			RETURN count;
		END $$;
});

# What refuses a value in the hook of a setting says so to the server, whose error
# it is then; the statement itself can be refused before by two of ours.
my %ours = map { s/.*\///r => 1 } glob("$FindBin::RealBin/../../src/*.c $FindBin::RealBin/../../src/*/*.c");
delete @ours{'session_lock.c', 'wall.c', 'guc.c'};
my @spellings = (
	sub { "SET $_[0] = '$_[1]'" }, sub { "SET LOCAL $_[0] = '$_[1]'" }, sub { "SELECT set_config('$_[0]', '$_[1]', false)" },
	sub { "ALTER DATABASE app SET $_[0] = '$_[1]'" }, sub { "ALTER ROLE app SET $_[0] = '$_[1]'" }, sub { "ALTER ROLE ALL IN DATABASE app SET $_[0] = '$_[1]'" },
	sub { "ALTER SYSTEM SET $_[0] = '$_[1]'" }, sub { "CREATE FUNCTION a.carries() RETURNS int LANGUAGE sql SET $_[0] = '$_[1]' AS 'SELECT 1'" });
my $number = 0;
foreach my $case (
	[ 'tenant', 'nosuch' ], [ 'tenant', 'b' ], [ 'tenant', 'pg_catalog' ], [ 'tenant', 'x' x 200 ], [ 'guard_tenant', 'x' ], [ 'guard_tenant', '00000000-0000-0000-0000-000000000000' ],
	[ 'tenant_is_verified', 'on' ], [ 'locked', 'on' ], [ 'schema_prefix', 'pg_x' ], [ 'persistent_schemas', 'a,,b' ], [ 'clone_exclude', '"' ], [ 'base_domains', ',' ],
	[ 'token_public_key', 'x' ], [ 'guard', 'maybe' ], [ 'trash_retention', '-1' ])
{
	my ($name, $value) = @$case;
	foreach my $state ('', "SELECT tenant.switch('a');", "SELECT tenant.switch('a'); SELECT tenant.lock('k');")
	{
		my $sql = join '', map { 'BEGIN; ' . $_->("tenant_mgr.$name", $value) . "; ROLLBACK;\n" } @spellings;
		my ($rc, $stdout, $stderr) = $node->psql('app', "\\set VERBOSITY verbose\n$state\n$sql", on_error_stop => 0);
		my @places = $stderr =~ /LOCATION: +\w+, (\w+\.c)/g;
		$number += @places;
		is(join(' ', grep { $ours{$_} } @places), '', "$state $name = $value");
		is($rc, 0, '... and the session goes on');
	}
}
cmp_ok(scalar keys %ours, '>', 50, 'our files are known');
cmp_ok($number, '>', 200, '... and there were errors');
$node->safe_psql('app', 'ALTER DATABASE app RESET ALL; ALTER ROLE app RESET ALL; ALTER ROLE ALL IN DATABASE app RESET ALL');

# A default is stored as it is, without a look at the tenant that might have to wait.
my $renaming = Protocol->new($node, 'app');
$renaming->query("BEGIN; SELECT tenant.rename('a', 'a2')");
my $client = Protocol->new($node, 'app');
is($client->query(q{SET lock_timeout = '100ms'; ALTER ROLE app IN DATABASE app SET tenant_mgr.tenant = 'a'}), '', 'a default is given while the tenant is being renamed');
is($client->query(q{ALTER ROLE app IN DATABASE app RESET tenant_mgr.tenant; SELECT tenant.switch('a')}), '55P03', 'a switch waits for the tenant');
is($client->query(q{SELECT coalesce(tenant.current(), 'none'), current_setting('tenant_mgr.tenant')}), 'none,', '... and leaves nothing when it gives up');
$renaming->query('ROLLBACK');
is($client->query(q{SELECT tenant.switch('a')}), 'a', '... but then');
$client->leave;
$renaming->leave;

# What refusals leave
sub data_of
{
	my ($pid) = @_;
	open my $status, '<', "/proc/$pid/status" or return undef;
	return (map { /^VmData:\s+(\d+) kB/ ? $1 : () } <$status>)[0];
}

SKIP:
{
	skip 'the memory of other processes cannot be seen here', 1 unless defined data_of($$);
	my @cases = (
		[ 'app', '', q{SELECT tenant.switch('nosuch')}, 100_000 ],
		[ 'app', '', q{SET tenant_mgr.tenant = 'b'} ],
		[ 'app', q{SELECT tenant.switch('a')}, q{SELECT set_config('tenant_mgr.tenant', 'b', true)} ],
		[ 'app', q{SELECT tenant.switch('a')}, q{DO $d$ BEGIN FOR i IN SELECT i FROM a.t LOOP PERFORM tenant.reset(); END LOOP; END $d$} ],
		[ 'app', q{SELECT tenant.switch('a')}, q{DO $d$ BEGIN FOR i IN SELECT i FROM a.t LOOP PERFORM set_config('tenant_mgr.tenant', NULL, false); END LOOP; END $d$} ],
		[ 'pooled', '', q{SELECT tenant.switch('a')} ],
		[ 'pooled', '', q{SET tenant_mgr.tenant = 'a'} ],
		[ 'postgres', q{SET tenant_mgr.nested_switch = error; BEGIN; SELECT tenant.switch('a')}, q{SELECT tenant.switch('b')} ],
		[ 'only_a', '', q{SELECT tenant.reset()} ],
		[ 'only_a', '', q{SET tenant_mgr.tenant = 'b'} ],
		[ 'app', q{SELECT tenant.switch('a'); SELECT tenant.lock('k')}, q{SELECT tenant.switch('b')} ],
		(map { [ 'app', q{SELECT tenant.switch('a'); SELECT tenant.lock('k')}, $_ ] } q{SELECT set_config('tenant_mgr.tenant', NULL, false)}, q{SELECT set_config('search_path', NULL, false)},
			q{SELECT set_config('search_path', 'b', true)}, q{SET SESSION AUTHORIZATION DEFAULT}, q{SET ROLE pooled}, q{SET tenant_mgr.session_switch = deny}, q{RESET ALL}),
		[ 'postgres', q{SELECT tenant.switch('a'); SELECT tenant.lock('k')}, q{SET tenant_mgr.guard = off} ],
		[ 'postgres', '', q{SET tenant_mgr.persistent_schemas = 'a,,b'} ]);
	foreach my $case (@cases)
	{
		my ($role, $before, $sql, $n) = @$case;
		$n //= 15_000;
		my $session = Protocol->new($node, 'app', $role eq 'postgres' ? undef : $role);
		$session->query($before) if $before ne '';
		my $call = "SELECT public.refused(\$r\$$sql\$r\$, ";
		is($session->query("$call 2000)"), '2000', "$role, $before, refused: $sql");
		my $at_first = data_of($session->pid);
		is($session->query("$call $n)"), $n, "... $n times more");
		cmp_ok(data_of($session->pid) - $at_first, '<', 512, '... which leaves nothing');
		$session->leave;
	}
}
$node->stop;

# A tenant that was set before the library is loaded, and does not exist.  The plan
# that is shown tells that a worker has been asked.
$node = new_node('late', "shared_preload_libraries = 'auto_explain'\nmax_parallel_workers_per_gather = 2\n");
new_database($node, 'app');
$node->safe_psql('app', q{SELECT tenant.create('a')});
my $parallel = $node->safe_psql('app', q{SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')});
foreach my $tenant ('nosuch', 'a')
{
	my ($rc, $stdout, $stderr) = $node->psql('app', qq{
		SET tenant_mgr.tenant = '$tenant';
		LOAD 'tenant_mgr';
		SET $parallel = on;
		SET auto_explain.log_analyze = on; SET auto_explain.log_level = notice; SET auto_explain.log_min_duration = 0;
		SELECT coalesce(tenant.current(), 'none');
		SELECT coalesce(max(name), 'none') FROM tenant.tenants WHERE name = tenant.current();}, on_error_stop => 0);
	is($stdout, $tenant eq 'a' ? "a\na" : "none\nnone", "set before the library is loaded: $tenant");
	like($stderr, qr/Workers Launched: [1-9]/, '... in a worker') if $tenant eq 'a';
	unlike($stderr, qr/ERROR/, '... which works');
}
$node->stop;
done_testing();
