# 077_maintenance.pl: a superuser dumps, restores and looks after a database with
# the tools that everybody has, whatever walls and defaults have been set for it;
# and what a session can do that has a tenant where there are none.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('maintenance', "shared_preload_libraries = 'tenant_mgr'\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	SELECT tenant.create(n) FROM unnest('{a,b}'::text[]) AS n;
	CREATE TABLE a.t (i int PRIMARY KEY);
	CREATE TABLE b.t (i int PRIMARY KEY);
	INSERT INTO a.t VALUES (1);
	INSERT INTO b.t SELECT generate_series(1, 3);
	CREATE ROLE web LOGIN;
	GRANT USAGE ON SCHEMA a, b TO web;
	GRANT SELECT ON a.t, b.t TO web;
	ALTER DATABASE app SET tenant_mgr.guard = 'enforce';
	ALTER DATABASE app SET tenant_mgr.unbound = 'deny'});

my $dir = PostgreSQL::Test::Utils::tempdir();
my @to = ('-h', $node->host, '-p', $node->port);
sub tool
{
	my ($name, @command) = @_;
	my ($program, @arguments) = @command;
	my ($out, $err) = run_command([ $program, @to, @arguments ]);
	is($err =~ s/^.*WARNING.*\n//mgr, '', "$name: $program @arguments[0 .. 0]");
	return;
}

# What somebody's session prints, and SQLSTATEs in place of errors
sub session
{
	my ($db, $role, $sql, $options) = @_;
	local $ENV{PGOPTIONS} = $options // '';
	return answers_to($node, $db, $role, $sql);
}

my $superuser = getpwuid($<);
my $state = q{SELECT string_agg(name, ' ' ORDER BY name) FROM tenant.tenants; SELECT count(*) FROM a.t; SELECT count(*) FROM b.t;
	SELECT count(*) FROM pg_index WHERE indrelid = 'b.t'::regclass};
my @all = ([ guard => 'enforce' ], [ unbound => 'deny' ], [ shared_ddl => 'deny' ], [ session_switch => 'deny' ], [ nested_switch => 'error' ],
	[ verify_tag => 'enforce' ], [ switch_requires => 'token' ], [ token_single_use => 'all' ],
	[ token_public_key => '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' ]);
foreach my $wall ('walls', 'walls and a default', 'walls, a default and session_switch', 'all of the database', 'all of the server', 'all of the roles', 'all as policies')
{
	# Each once more than what is there, so that the last round has them everywhere.
	foreach my $setting (@all)
	{
		my ($name, $value) = @$setting;
		$node->safe_psql('postgres', "ALTER DATABASE app SET tenant_mgr.$name = '$value'") if $wall eq 'all of the database';
		$node->safe_psql('postgres', "ALTER SYSTEM SET tenant_mgr.$name = '$value'") if $wall eq 'all of the server';
		$node->safe_psql('postgres', "ALTER ROLE ALL SET tenant_mgr.$name = '$value'; ALTER ROLE \"$superuser\" SET tenant_mgr.$name = '$value'") if $wall eq 'all of the roles';
		$node->safe_psql('app', "SELECT tenant.set_policy('tenant_mgr.$name', '$value')") if $wall eq 'all as policies' && $name !~ /nested|key/;
	}
	$node->reload if $wall eq 'all of the server';
	$node->safe_psql('app', q{ALTER DATABASE app SET tenant_mgr.tenant = 'a'}) if $wall eq 'walls and a default';
	$node->safe_psql('postgres', q{ALTER DATABASE app SET tenant_mgr.session_switch = 'deny'}) if $wall =~ /session_switch/;
	tool($wall, 'pg_dump', '-Fc', '-C', '-f', "$dir/custom", 'app');
	tool($wall, 'pg_dump', '-C', '-f', "$dir/plain", 'app');
	tool($wall, 'pg_dumpall', '-f', "$dir/all");
	tool($wall, 'vacuumdb', '-z', 'app');
	tool($wall, 'vacuumdb', '-t', 'b.t', 'app');
	tool($wall, 'vacuumdb', '-a', '-f');
	tool($wall, 'vacuumdb', '-j', '2', '--analyze-in-stages', 'app');
	tool($wall, 'reindexdb', 'app');
	tool($wall, 'reindexdb', '--concurrently', '-t', 'a.t', 'app');
	tool($wall, 'clusterdb', '-a');
	foreach my $restore ([ 'pg_restore', '-C', '-d', 'postgres', "$dir/custom" ],
		[ 'pg_restore', '-C', '-j', '2', '-d', 'postgres', "$dir/custom" ],
		[ 'psql', '-X', '-q', '-o', "$dir/out", '-d', 'postgres', '-f', "$dir/plain" ])
	{
		if ($restore->[0] eq 'psql')
		{
			tool($wall, 'dropdb', 'app');
		}
		else
		{
			$node->safe_psql('postgres', 'DROP DATABASE app');
		}
		tool($wall, @$restore);
		is(session('app', $superuser, $state, '-c tenant_mgr.tenant='), 'a b 1 3 1', "$wall: all has come back");
	}
	tool($wall, 'createdb', '-T', 'app', 'copy');
	is(session('copy', $superuser, $state, '-c tenant_mgr.tenant='), 'a b 1 3 1', "$wall: a copy has all");
	tool($wall, 'dropdb', 'copy');
	tool($wall, 'pg_dump', '-n', 'a', '-f', "$dir/one", 'app');
	tool($wall, 'createdb', 'other');
	tool($wall, 'psql', '-X', '-q', '-o', "$dir/out", '-v', 'ON_ERROR_STOP=1', '-d', 'other', '-f', "$dir/one");
	tool($wall, 'dropdb', 'other');
}
like(session('app', 'web', 'SELECT i FROM b.t'), qr/^(42501|TM002)$/, 'who is no superuser stays within the walls');
foreach my $setting (@all)
{
	my ($name) = @$setting;
	$node->safe_psql('postgres', "ALTER DATABASE app RESET tenant_mgr.$name") if $name !~ /^(guard|unbound)$/;
	$node->safe_psql('postgres', "ALTER SYSTEM RESET tenant_mgr.$name");
	$node->safe_psql('postgres', "ALTER ROLE ALL RESET tenant_mgr.$name; ALTER ROLE \"$superuser\" RESET tenant_mgr.$name");
}
{
	local $ENV{PGOPTIONS} = '-c tenant_mgr.tenant=';
	$node->safe_psql('app', 'DELETE FROM tenant.policy');
}
$node->reload;
$node->poll_query_until('postgres', q{SELECT current_setting('tenant_mgr.switch_requires') = 'usage'}) or die 'the settings are there still';
$node->safe_psql('postgres', 'ALTER DATABASE app RESET tenant_mgr.tenant; ALTER DATABASE app RESET tenant_mgr.session_switch');

# unbound = deny does not mean superusers, unless it is said so or by themselves.
is(session('app', $superuser, 'SELECT count(*) FROM b.t'), '3', 'a superuser is not bound');
is(session('app', $superuser, q{SET tenant_mgr.unbound = 'deny'; SELECT count(*) FROM b.t}), 'TM002', 'and says so of the own session');
is(session('app', $superuser, 'SET ROLE web; SELECT count(*) FROM b.t'), 'TM002', 'a superuser in the role of another');
is(session('app', $superuser, q{SET tenant_mgr.unbound_superuser = 'deny'; SELECT count(*) FROM b.t}), 'TM002', 'superusers are meant');
is(session('app', $superuser, q{SELECT tenant.switch('a'); SELECT count(*) FROM b.t}), 'a TM003', 'who is bound stays with the tenant');
is(session('app', 'web', q{SET tenant_mgr.unbound_superuser = 'allow'}), '42501', 'only superusers say so');

# Bound by default, where the extension is not
$node->safe_psql('postgres', "ALTER ROLE web SET tenant_mgr.tenant = 'a'; ALTER ROLE \"$superuser\" SET tenant_mgr.tenant = 'a'");
is(session('postgres', 'web', 'SELECT 1'), '55000', 'without the extension: an ordinary role is refused');
my (undef, undef, $err) = $node->psql('postgres', 'SELECT 1', extra_params => [ '-U', 'web' ]);
like($err, qr/HINT:  Use SET tenant_mgr.tenant = '' to leave the tenant/, 'and told how to go on');
foreach my $statement ('CREATE TEMP TABLE x (i int)', 'DO $$ BEGIN PERFORM 1; END $$', 'COPY pg_class TO STDOUT', 'PREPARE p AS SELECT 1; EXECUTE p',
	'EXPLAIN SELECT 1', 'LISTEN x', 'BEGIN; SELECT 1', 'DECLARE c CURSOR WITH HOLD FOR SELECT 1', 'VACUUM pg_class', 'TABLE pg_class')
{
	my (undef, undef, $said) = $node->psql('postgres', $statement, extra_params => [ '-U', 'web' ]);
	like($said, qr/extension "tenant_mgr" is not installed.*\n(.*\n)*HINT:  Use SET tenant_mgr.tenant = ''/, "and so by: $statement");
}
foreach my $statement ('BEGIN; ROLLBACK', 'SHOW search_path', 'RESET ALL', 'DISCARD ALL')
{
	my (undef, undef, $said) = $node->psql('postgres', $statement, extra_params => [ '-U', 'web' ]);
	is($said, '', "$statement needs no tenant");
}
is(session('postgres', 'web', "BEGIN; SET LOCAL tenant_mgr.tenant = ''; SELECT 1; COMMIT"), '1', 'a transaction is let out, too');
is(session('postgres', 'web', "SET tenant_mgr.tenant = ''; SELECT 1"), '1', 'which helps');
is(session('postgres', $superuser, 'SELECT 1; CREATE EXTENSION tenant_mgr; DROP EXTENSION tenant_mgr'), '1', 'a superuser is not stopped');
tool('without the extension', 'pg_dump', '-f', "$dir/postgres", 'postgres');
is(session('app', $superuser, 'SELECT tenant.current(); SELECT count(*) FROM t'), 'a 1', 'where the tenant is the superuser is bound');

# A report about a session whose binding is broken, and about one that is not confined
is(session('app', $superuser, "SET tenant_mgr.tenant = 'a'; SELECT tenant.drop('a'); SELECT count(*) FROM tenant.pooler_check() WHERE NOT ok AND \"check\" = 'binding'; SELECT 1"),
	'1 3F000', 'a broken binding is reported on');
is(session('app', $superuser, q{SELECT tenant.switch('b'); SELECT ok FROM tenant.pooler_check() WHERE "check" = 'confined';
	SELECT tenant.lock('k'); SELECT ok FROM tenant.pooler_check() WHERE "check" = 'confined'}), 'b f t', 'a session that an injected statement can lead away');

# Names of settings in other letters, before the library is there
unlike(session('app', 'web', 'SELECT count(*) FROM b.t', "-c $_"), qr/3/, "not with $_")
  foreach 'Tenant_mgr.guard=off', 'tenant_mgr.UNBOUND=allow', 'TENANT_MGR.unbound_superuser=allow';
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\nsession_preload_libraries = 'tenant_mgr'");
$node->restart;
$node->safe_psql('postgres', 'ALTER ROLE web RESET ALL');
is(session('app', 'web', 'SELECT count(*) FROM b.t'), 'TM002', 'loaded by the session');
unlike(session('app', 'web', 'SELECT count(*) FROM b.t', "-c $_"), qr/3/, "loaded by the session: not with $_")
  foreach 'tenant_mgr.unbound=allow', 'Tenant_mgr.guard=off', 'tenant_mgr.UNBOUND=allow', 'TENANT_MGR.UNBOUND=allow';

$node->stop;
done_testing();
