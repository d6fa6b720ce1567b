# 067_defaults.pl: a default for the tenant is judged by the session that it
# would bind, wherever it was set and whoever set it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('defaults', "shared_preload_libraries = 'tenant_mgr'\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	SELECT tenant.create(n) FROM unnest('{a,b}'::text[]) AS n;
	CREATE TABLE a.t AS SELECT 'of a' AS v;
	CREATE TABLE b.t AS SELECT 'of b' AS v;
	CREATE ROLE web LOGIN;
	CREATE ROLE one LOGIN;
	GRANT USAGE ON SCHEMA a, b TO web, one;
	GRANT SELECT ON a.t, b.t TO web, one;
	GRANT CREATE ON DATABASE app TO web;
	GRANT CREATE ON SCHEMA public TO web;
	SELECT tenant.assign_role('a', 'one');
	ALTER DATABASE app SET tenant_mgr.unbound = 'deny'});

# What a role's session prints, and SQLSTATEs in place of errors
sub session
{
	my ($role, $sql, %options) = @_;
	local $ENV{PGOPTIONS} = $options{options};
	delete $ENV{PGOPTIONS} unless defined $options{options};
	my ($out, $err) = ('', '');
	$node->psql($options{db} // 'app', "\\set VERBOSITY sqlstate\n$sql", stdout => \$out, stderr => \$err,
		on_error_stop => 0, extra_params => [ '-U', $role ]);
	my @errors = $err =~ /(?:ERROR|FATAL):  (\w+)/g;
	return join(' ', grep { $_ ne '' } (split /\n/, $out), @errors);
}

# Also where the default that has been set is in the way
sub by_superuser
{
	my ($sql) = @_;
	local $ENV{PGOPTIONS} = '-c tenant_mgr.tenant=';
	$node->safe_psql('postgres', $sql);
	$node->reload;
	$node->poll_query_until('postgres', 'SELECT true');
	return;
}

# Ways to have a tenant from the start: who sets it, where, and how it goes again
my $options = '-c tenant_mgr.tenant=b';
my @ways = (
	[ 'the role, elsewhere',          sub { session('web', "ALTER ROLE web SET tenant_mgr.tenant = 'b'", db => 'postgres') } ],
	[ 'the role, for the database',   sub { session('web', "ALTER ROLE web IN DATABASE app SET tenant_mgr.tenant = 'b'", db => 'postgres') } ],
	[ 'the role, in other letters',   sub { session('web', 'ALTER ROLE web SET "Tenant_Mgr"."TENANT" = b', db => 'postgres') } ],
	[ 'the role, by what it has',     sub { session('web', "SET tenant_mgr.tenant = ''; ALTER ROLE web SET tenant_mgr.tenant = b", db => 'postgres') } ],
	[ 'a superuser, for the role',    sub { by_superuser("ALTER ROLE web SET tenant_mgr.tenant = 'b'") } ],
	[ 'a superuser, for all',         sub { by_superuser("ALTER ROLE ALL SET tenant_mgr.tenant = 'b'") } ],
	[ 'a superuser, for the database', sub { by_superuser("ALTER DATABASE app SET tenant_mgr.tenant = 'b'") } ],
	[ 'a superuser, for the server',  sub { by_superuser("ALTER SYSTEM SET tenant_mgr.tenant = 'b'") } ],
	[ 'the client',                   sub { }, $options ]);
my $undo = q{ALTER ROLE web RESET ALL; ALTER ROLE web IN DATABASE app RESET ALL; ALTER ROLE ALL RESET ALL;
	ALTER DATABASE app RESET tenant_mgr.tenant};
my $reads = 'SELECT v FROM t; SELECT v FROM b.t; SELECT tenant.current() IS NULL;';

foreach my $wall ([ 'switch_requires', 'token', 'TM005' ], [ 'session_switch', 'deny', '42501' ])
{
	my ($setting, $value, $error) = @$wall;
	foreach my $way (@ways)
	{
		my ($name, $set, $with) = @$way;
		$set->();
		is(session('web', $reads, options => $with), 'of b of b f', "$setting: $name: binds without");
		by_superuser("ALTER DATABASE app SET tenant_mgr.$setting = '$value'");
		my %how = (options => $with);
		my $refused = qr/^t (42P01|$error) (TM002|$error)$/;
		like(session('web', $reads, %how), $refused, "$setting: $name: does not bind");
		like(session('web', "SELECT set_config('tenant_mgr.tenant', NULL, false) IS NULL \\gset\n$reads", %how), qr/^t ($error )?(42P01|$error) (TM002|$error)$/, "$setting: $name: NULL");
		foreach my $again ('RESET tenant_mgr.tenant', 'SET tenant_mgr.tenant TO DEFAULT', 'RESET ALL', 'DISCARD ALL', q{SELECT tenant.switch('b')},
			'CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql SET tenant_mgr.tenant FROM CURRENT AS $$SELECT v FROM b.t$$')
		{
			unlike(session('web', "$again; $reads SELECT pg_temp.f()", %how), qr/of b/, "$setting: $name: $again") if $name =~ /elsewhere|client/;
		}
		like(session('web', "SELECT tenant.reset(); $reads", %how), qr/^t 42P01 TM002$/, "$setting: $name: can be left");
		my $superuser = getpwuid($<);
		like(session($superuser, $reads, options => $options), $setting eq 'session_switch' ? $refused : qr/^of b of b f$/, "$setting: $name: a superuser")
		  if $name =~ /client/;
		unlike(session('one', $reads, %how), qr/of b/, "$setting: $name: a role that is assigned to another tenant");
		by_superuser("ALTER DATABASE app RESET tenant_mgr.$setting; $undo");
		by_superuser('ALTER SYSTEM RESET tenant_mgr.tenant') if $name =~ /server/;
	}
}

# What a function brings is judged when it is called.
$node->safe_psql('app', q{CREATE FUNCTION public.f() RETURNS text LANGUAGE sql SET tenant_mgr.tenant = 'b' AS 'SELECT v FROM b.t'});
is(session('web', 'SELECT public.f()'), 'of b', 'a function');
$node->safe_psql('app', q{ALTER DATABASE app SET tenant_mgr.switch_requires = 'token'});
is(session('web', 'SELECT public.f()'), 'TM005', 'a function, where a token is required');

# A role that is assigned to a tenant is bound to it.
is(session('one', 'SELECT v FROM t'), 'of a', 'a role that is assigned');

$node->stop;
done_testing();
