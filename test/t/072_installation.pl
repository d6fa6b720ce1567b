# 072_installation.pl: the life of an installation: privileges that nobody has
# given, writes that come by replication, restores, and what the doctor says.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('installation', "shared_preload_libraries = 'tenant_mgr'\n");

#
# Default privileges
#

# What a role that is neither the owner nor meant to can do.
my $given = q{
	SELECT string_agg(format('%s %s %s', acl.privilege_type, acl.grantee::regrole, object), ', ' ORDER BY object, acl.privilege_type)
	FROM (SELECT oid::regclass::text, relacl FROM pg_class WHERE relnamespace = 'tenant'::regnamespace
		UNION ALL SELECT oid::regprocedure::text, proacl FROM pg_proc WHERE pronamespace = 'tenant'::regnamespace
		UNION ALL SELECT oid::regtype::text, typacl FROM pg_type WHERE typnamespace = 'tenant'::regnamespace
		UNION ALL SELECT nspname, nspacl FROM pg_namespace WHERE nspname = 'tenant') AS o (object, acl), aclexplode(o.acl) AS acl
	WHERE acl.grantee IN (SELECT oid FROM pg_roles WHERE rolname IN ('web', 'Web "2"'))};
my $public = q{
	SELECT count(*) FROM pg_class, aclexplode(relacl) a WHERE relnamespace = 'tenant'::regnamespace
		AND a.grantee = 0 AND a.privilege_type <> 'SELECT'};
my $defaults = q{
	ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO web, "Web ""2""", PUBLIC;
	ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO web WITH GRANT OPTION;
	ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO web, "Web ""2""";
	ALTER DEFAULT PRIVILEGES GRANT USAGE ON TYPES TO web;
	ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO web};
$node->safe_psql('postgres', 'CREATE ROLE web LOGIN; CREATE ROLE "Web ""2"""; CREATE ROLE helper');
$node->safe_psql('postgres', "CREATE DATABASE $_") for qw(fresh updated);
$node->safe_psql('fresh', "$defaults; CREATE EXTENSION tenant_mgr");
is($node->safe_psql('fresh', $given), '', 'default privileges give nothing away');
is($node->safe_psql('fresh', $public), '0', 'nor to PUBLIC');
is($node->safe_psql('fresh', q{SET ROLE web; SELECT count(*) FROM tenant.tenants}), '0',
	'what is meant for everybody is for everybody');
$node->safe_psql('updated', "$defaults; CREATE EXTENSION tenant_mgr VERSION '0.1.0'");
isnt($node->safe_psql('updated', $given), '', 'they did before');
$node->safe_psql('updated', q{GRANT EXECUTE ON FUNCTION tenant.create TO helper;
	GRANT SELECT ON tenant.registry TO helper; ALTER EXTENSION tenant_mgr UPDATE});
is(join(', ', grep { !/tenant\.(guard_stats|secret)$/ } split /, /, $node->safe_psql('updated', $given)), '',
	'an update takes them back, where the server has noted them');
is($node->safe_psql('updated', q{SELECT has_function_privilege('helper', 'tenant.create(text, text, text, jsonb, boolean)', 'EXECUTE'),
	has_table_privilege('helper', 'tenant.registry', 'SELECT')}), 't|t', 'but not what has been granted since');

# The owner of the database dumps its schema.
$node->safe_psql('postgres', 'CREATE ROLE dba LOGIN');
$node->safe_psql('postgres', 'CREATE DATABASE dbas OWNER dba');
$node->safe_psql('dbas', 'CREATE EXTENSION tenant_mgr');
$node->command_ok([ 'pg_dump', '-s', '-U', 'dba', '-d', $node->connstr('dbas') ],
	'the owner of a database dumps its schema');

#
# Changes that no statement of ours makes
#

new_database($node, 'app');
sub sql { return $node->safe_psql('app', @_) }
sql(q{SELECT tenant.create('a'), tenant.create('b'); CREATE TABLE a.t (i int); GRANT USAGE ON SCHEMA a, b TO web});
my $bound = $node->background_psql('app', on_error_stop => 0);
$bound->query_safe(q{SELECT tenant.switch('a')});
sql(q{SET session_replication_role = replica; UPDATE tenant.registry SET state = 'suspended' WHERE name = 'a'});
$bound->query('SELECT * FROM t');
like($bound->{stderr}, qr/suspended/, 'a suspension by a replica is noticed');
$bound->{stderr} = '';
sql(q{SET session_replication_role = replica; UPDATE tenant.registry SET state = 'active' WHERE name = 'a'});
$bound->query('SELECT * FROM t');
is($bound->{stderr} =~ /ERROR/, '', 'and its end');
sql(q{SET session_replication_role = replica; ALTER SCHEMA b RENAME TO bb; DROP SCHEMA a CASCADE});
is(sql('SELECT name, schema_name FROM tenant.registry'), 'b|bb', 'plain DDL of a replica is followed');
$bound->quit;
is(sql(q{SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid WHERE relnamespace = 'tenant'::regnamespace
	AND NOT tgisinternal AND tgfoid = 'tenant.registry_changed'::regproc AND tgenabled = CASE WHEN tgtype & 1 = 1 THEN 'R' ELSE 'A' END}),
	'12', 'each table that is remembered tells of its rows, however they come');

done_testing();
