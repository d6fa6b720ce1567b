# 052_assigned_roles.pl: a role that is assigned to a tenant.  Its sessions are
# bound to that tenant from the start, and by nothing to another one: not by
# functions, settings, the client's options, other roles or a pool's DISCARD.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('roles');
new_database($node, 'app');
my ($rc, $stdout, $stderr) = $node->psql('app', "\\set VERBOSITY sqlstate\nCREATE ROLE x; SELECT tenant.create('x1'); SELECT tenant.assign_role('x1', 'x')");
like($stderr, qr/55000/, 'without preloading a role cannot be assigned');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'tenant_mgr'\n");
$node->restart;

$node->safe_psql('app', q{
	CREATE ROLE regress_tm_admin CREATEROLE;
	GRANT CREATE ON DATABASE app TO regress_tm_admin;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tenant TO regress_tm_admin;
	REVOKE EXECUTE ON FUNCTION tenant.password, tenant.conninfo FROM regress_tm_admin;
	CREATE ROLE regress_tm_other;
	CREATE ROLE regress_tm_super SUPERUSER LOGIN;
	SET ROLE regress_tm_admin;
	CREATE ROLE "Odd ""role" LOGIN;
	SELECT tenant.create(n) FROM unnest('{acme,beta}'::text[]) AS n;
	CREATE TABLE acme.item AS SELECT 'of acme' AS name;
	CREATE TABLE beta.item AS SELECT 'of beta' AS name;
	RESET ROLE;
	CREATE TABLE public.item AS SELECT 'of nobody' AS name;
	GRANT USAGE ON SCHEMA acme, beta TO "Odd ""role", regress_tm_other;
	GRANT SELECT ON acme.item, beta.item, public.item TO "Odd ""role", regress_tm_other;
	GRANT regress_tm_other TO "Odd ""role";
});
my $role = 'Odd "role';

# What a session of the role answers, SQLSTATEs for errors.
sub ask
{
	my ($sql, $options) = @_;
	local $ENV{PGOPTIONS} = $options // '';
	local $ENV{PGUSER} = $role;
	my ($rc, $stdout, $stderr) = $node->psql('app', "\\set VERBOSITY sqlstate\n$sql", connstr => $node->connstr('app'), on_error_stop => 0);
	$stderr =~ s/^.*(ERROR|WARNING|FATAL): +//mg;
	return join ' ', grep { $_ ne '' } split /\n/, "$stdout\n$stderr";
}

sub as_admin
{
	my ($sql) = @_;
	my ($rc, $stdout, $stderr) = $node->psql('app', "\\set VERBOSITY sqlstate\nSET ROLE regress_tm_admin;\n$sql");
	return $stdout . ($stderr =~ /(ERROR|WARNING): +(\w+)/ ? $2 : '');
}

is(ask('SELECT name FROM item'), 'of nobody', 'before: not bound');
is(ask("SELECT tenant.switch('beta'); SELECT name FROM item"), 'beta of beta', 'before: free to go anywhere');

# who may assign whom
is(as_admin("SELECT tenant.assign_role('nobody', 'regress_tm_other')"), '3F000', 'no such tenant');
is(as_admin("SELECT tenant.assign_role('acme', 'regress_tm_none')"), '42704', 'no such role');
is(as_admin("SELECT tenant.assign_role('acme', NULL)"), '22004', 'null');
is(as_admin("SELECT tenant.assign_role('acme', repeat('x', 64))"), '42704', 'a name that is too long is not cut');
is(as_admin("SELECT tenant.assign_role('acme', 'regress_tm_super')"), '42501', 'a superuser cannot be assigned');
is(as_admin("SELECT tenant.unassign_role('regress_tm_other')"), '42704', 'not assigned');
$node->safe_psql('app', 'CREATE ROLE regress_tm_low; GRANT EXECUTE ON FUNCTION tenant.assign_role(text, text) TO regress_tm_low');
($rc, $stdout, $stderr) = $node->psql('app', "\\set VERBOSITY sqlstate\nSET ROLE regress_tm_low; SELECT tenant.assign_role('acme', 'regress_tm_other')");
like($stderr, qr/42501/, 'whoever does not own the tenant cannot assign roles to it');
$node->safe_psql('app', 'ALTER SCHEMA beta OWNER TO regress_tm_low');
($rc, $stdout, $stderr) = $node->psql('app', "\\set VERBOSITY sqlstate\nSET ROLE regress_tm_low; SELECT tenant.assign_role('beta', 'regress_tm_other')");
like($stderr, qr/42501/, 'nor who may not alter the role');
$node->safe_psql('app', 'ALTER SCHEMA beta OWNER TO regress_tm_admin');

is(as_admin("SELECT tenant.assign_role('acme', 'Odd \"role')"), '', 'assigned');
is(as_admin("SELECT tenant.assign_role('acme', 'Odd \"role')"), '', 'assigned again to the same');
is(as_admin("SELECT tenant.assign_role('beta', 'Odd \"role')"), '42710', 'but not to another');
is(as_admin('SELECT * FROM tenant.assigned_roles'), 'Odd "role|acme', 'the view shows it');
is($node->safe_psql('app', q{SELECT array_agg(event || ' ' || object) FROM tenant.event WHERE event LIKE '%role'}),
	'{"assign_role Odd \"role","assign_role Odd \"role"}', 'and it is recorded');

# bound from the start, and for good
is(ask('SELECT name FROM item; SELECT tenant.current(); SHOW search_path'), 'of acme acme acme, public, pg_temp', 'sessions are bound from the first statement on');
is(ask('SELECT name FROM beta.item'), 'TM003', 'the guard keeps them from qualified names');
foreach my $way (
	"SELECT tenant.switch('beta')", "SELECT tenant.switch_local('beta')", 'SELECT tenant.reset()',
	"SET tenant_mgr.tenant = 'beta'", "SET tenant_mgr.tenant = ''", "SELECT set_config('tenant_mgr.tenant', 'beta', false)",
	"BEGIN; SET LOCAL tenant_mgr.tenant = 'beta'", "SET ROLE regress_tm_other; SELECT tenant.switch('beta')",
	"DO \$\$ BEGIN PERFORM tenant.switch('beta'); END \$\$")
{
	like(ask("$way;"), qr/TM004$/, "refused: $way");
	like(ask("$way; ROLLBACK; SELECT name FROM item"), qr/of acme (25P01 )?TM004/, "still bound after: $way");
}
foreach my $way ('RESET tenant_mgr.tenant', 'RESET ALL', 'DISCARD ALL', 'SET tenant_mgr.tenant TO DEFAULT',
	"SELECT set_config('tenant_mgr.tenant', NULL, false)", 'RESET SESSION AUTHORIZATION', 'SET ROLE regress_tm_other')
{
	like(ask("$way; SELECT tenant.current(); SELECT name FROM item"), qr/acme of acme$/, "leads back: $way");
}
is(ask("SET search_path = public; SELECT name FROM item; SELECT tenant.switch('acme'); SELECT name FROM item"),
	'of nobody acme of acme', 'the search path is the session\'s own');
like(ask('SELECT name FROM item; SELECT tenant.current(); SELECT name FROM item', '-c tenant_mgr.tenant=beta'),
	qr/^(of acme|40001) acme of acme$|^acme of acme 40001$/, 'options of the client do not lead elsewhere');
like(ask('SELECT name FROM item; SELECT tenant.current(); SELECT name FROM item', '-c tenant_mgr.tenant='),
	qr/^(of acme|40001) acme of acme$|^acme of acme 40001$/, 'nor nowhere');
sub doctor { return $node->safe_psql('app', q{SELECT severity, object, problem FROM tenant.doctor() WHERE object !~ '^table '}); }
my $not_set = 'warning|role "Odd "role"|it is assigned to tenant "acme", and tenant_mgr.tenant is not set to that for it in this database';
is(doctor(), '', 'doctor: all is well');
is(ask('ALTER ROLE "Odd ""role" IN DATABASE app SET tenant_mgr.tenant = \'beta\''), '', 'the role can change its own setting');
like(ask('SELECT tenant.current(); SELECT name FROM item'), qr/^acme (of acme|40001)/, 'and is bound to its tenant all the same');
is(doctor(), $not_set, 'doctor: the setting is another tenant');
foreach my $lost (q{ALTER ROLE "Odd ""role" IN DATABASE app RESET tenant_mgr.tenant}, q{ALTER ROLE "Odd ""role" IN DATABASE app RESET ALL},
	q{ALTER ROLE "Odd ""role" IN DATABASE app RESET ALL; ALTER ROLE "Odd ""role" IN DATABASE app SET work_mem = '1MB'},
	q{ALTER ROLE "Odd ""role" IN DATABASE postgres SET tenant_mgr.tenant = 'acme'; ALTER ROLE "Odd ""role" IN DATABASE app RESET ALL})
{
	$node->safe_psql('app', $lost);
	is(doctor(), $not_set, "doctor: $lost");
	like(ask('SELECT 1; SELECT tenant.current(); SELECT name FROM item'), qr/^1 acme of acme$/, 'the first statement binds the session');
	is(as_admin("SELECT tenant.assign_role('acme', 'Odd \"role')"), '', 'the way out');
	is(doctor(), '', 'doctor: all is well again');
}
$node->safe_psql('app', q{ALTER ROLE "Odd ""role" IN DATABASE postgres RESET ALL});
like($node->safe_psql('app', q{SET SESSION AUTHORIZATION "Odd ""role"; SELECT tenant.current() IS NULL; SELECT tenant.current()}), qr/acme$/,
	'a superuser that becomes the role is bound');

# the tenant is renamed, dropped, restored under another name
as_admin("SELECT tenant.rename('acme', 'Apex')");
is(ask('SELECT name FROM item; SELECT tenant.current()'), 'of acme Apex', 'renamed: sessions are bound from the start');
is($node->safe_psql('app', q{SELECT setconfig FROM pg_db_role_setting WHERE setrole = '"Odd ""role"'::regrole}), '{tenant_mgr.tenant=Apex}', 'renamed: the setting follows');
as_admin("SELECT tenant.suspend('Apex')");
like(ask('SELECT name FROM item'), qr/TM001/, 'suspended: TM001');
as_admin("SELECT tenant.resume('Apex')");
as_admin("SELECT tenant.drop('Apex')");
like(ask('SELECT name FROM item'), qr/^3F000$/, 'dropped: no session works elsewhere');
like(ask("SELECT tenant.switch('beta')"), qr/TM004/, 'dropped: nor can it go elsewhere');
as_admin("SELECT tenant.create('Apex')");
like(ask('SELECT name FROM item'), qr/^3F000$/, 'dropped: another tenant of the name is not taken for it');
as_admin("SELECT tenant.restore('Apex', 'back')");
is(ask('SELECT name FROM item; SELECT tenant.current()'), 'of acme back', 'restored: bound again');

# dump and restore
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('app') ], 'dumped');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('copy'), $dump ], 'restored');
is($node->safe_psql('copy', 'SELECT * FROM tenant.assigned_roles'), 'Odd "role|back', 'the assignment is there');
{
	local $ENV{PGUSER} = $role;
	my ($rc, $stdout, $stderr) = $node->psql('copy', "SELECT tenant.switch('beta');\nSELECT tenant.current()", connstr => $node->connstr('copy'), on_error_stop => 0);
	is($stdout, 'back', 'and holds without the setting');
}
is($node->safe_psql('copy', 'SELECT object FROM tenant.doctor() WHERE object !~ $$^table $$'), 'role "Odd "role"', 'doctor: which is not in the dump');

# the role is renamed, dropped, made a superuser
$node->safe_psql('app', 'ALTER ROLE "Odd ""role" SUPERUSER');
is($node->safe_psql('app', q{SELECT object, problem FROM tenant.doctor() WHERE object !~ '^table '}),
	'role "Odd "role"|it is assigned to a tenant, and has become a superuser', 'doctor: a superuser');
$node->safe_psql('app', 'ALTER ROLE "Odd ""role" NOSUPERUSER; ALTER ROLE "Odd ""role" RENAME TO regress_tm_new');
is($node->safe_psql('app', q{SELECT object, problem FROM tenant.doctor() WHERE object !~ '^table '}),
	'role "Odd "role"|it is assigned to a tenant and does not exist', 'doctor: a renamed role');
is(as_admin(q{SELECT tenant.unassign_role('Odd "role')}), '', 'the record of it can be removed');
$role = 'regress_tm_new';
is(as_admin("SELECT tenant.assign_role('back', 'regress_tm_new')"), '', 'and the role be assigned again');
is(ask('SELECT name FROM item'), 'of acme', 'it is bound');
is(as_admin("SELECT tenant.unassign_role('regress_tm_new')"), '', 'unassigned');
is(ask("SELECT name FROM item; SELECT tenant.switch('beta')"), 'of nobody beta', 'it is free again');
is($node->safe_psql('app', q{SELECT count(*) FROM pg_db_role_setting WHERE setrole = 'regress_tm_new'::regrole}), '0', 'without the setting');

# the tenant is gone for good
as_admin("SELECT tenant.assign_role('back', 'regress_tm_new')");
$node->safe_psql('app', "SELECT tenant.drop('back', purge => true)");
is($node->safe_psql('app', q{SELECT count(*) FROM tenant.assigned_role}), '0', 'with the tenant goes the assignment');
is($node->safe_psql('app', q{SELECT count(*) FROM pg_db_role_setting WHERE setrole = 'regress_tm_new'::regrole}), '0', 'and the setting');
as_admin("SELECT tenant.assign_role('beta', 'regress_tm_new')");
$node->safe_psql('app', "DROP SCHEMA beta CASCADE");
is($node->safe_psql('app', q{SELECT count(*) FROM tenant.assigned_role}), '0', 'also by DROP SCHEMA');

$node->stop;
done_testing();
