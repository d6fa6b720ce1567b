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
	'16', 'each table that is remembered tells of its rows, however they come');

#
# A second restore sets the numbers of events back
#

sql(q{SELECT tenant.create('e1'); SELECT setval('tenant.event_event_id_seq', 1)});
like(sql('SELECT object FROM tenant.doctor()'), qr/event_event_id_seq/, 'the doctor compares the sequence');
sql(q{SELECT tenant.suspend('e1'), tenant.resume('e1')});
is(sql(q{SELECT count(*) FROM tenant.event WHERE tenant = 'e1'}), '3', 'events find free numbers');
is(sql('SELECT object FROM tenant.doctor()'), '', 'and the doctor is content');

#
# What people do to the extension's objects
#

my @doctor = (
	[ q{ALTER TABLE tenant.registry DISABLE TRIGGER registry_changed}, qr/registry.*trigger "registry_changed" does not fire/ ],
	[ q{DROP INDEX tenant.registry_name_idx}, qr/index "registry_name_idx" is missing/ ],
	[ q{DROP INDEX tenant.event_happened_at_idx; CREATE INDEX event_happened_at_idx ON tenant.event (happened_at) WHERE event = 'x'},
		qr/index "event_happened_at_idx" is missing or is not/ ],
	[ q{ALTER EVENT TRIGGER tenant_mgr_follow_drop DISABLE}, qr/it does not fire/ ],
	[ q{ALTER EXTENSION tenant_mgr DROP EVENT TRIGGER tenant_mgr_follow_rename; DROP EVENT TRIGGER tenant_mgr_follow_rename},
		qr/its event trigger does not exist/ ],
	[ q{GRANT INSERT ON tenant.registry TO web}, qr/role "web" has privileges.*Revoke INSERT/ ],
	[ q{GRANT SELECT ON tenant.data_key TO PUBLIC}, qr/role "PUBLIC" has privileges/ ],
	[ q{GRANT EXECUTE ON FUNCTION tenant.password TO web}, qr/role "web" may execute it/ ],
	[ q{SET tenant_mgr.persistent_schemas = 'e1'}, qr/it is a persistent schema, and that of tenant "e1"/ ],
	[ q{SET tenant_mgr.tenant = 'e1'; CREATE EXTENSION dblink SCHEMA e1}, qr/dblink.*is in the schema of tenant "e1"/ ],
	[ q{SET event_triggers = off; ALTER TABLE tenant.registry ADD COLUMN plan text NOT NULL DEFAULT 'free'},
		qr/column "plan" has been added/ ],
	[ q{ALTER EVENT TRIGGER tenant_mgr_keep_tables DISABLE; ALTER TABLE tenant.event ADD COLUMN plan text}, qr/column "plan" has been added/ ],
	[ q{ALTER EVENT TRIGGER tenant_mgr_keep_tables DISABLE; CREATE RULE r AS ON DELETE TO tenant.event DO INSTEAD NOTHING}, qr/rule "r" is not applied/ ],
	[ q{UPDATE tenant.registry SET name_key = 'other' WHERE name = 'e1'}, qr/tenant "e1".*name_key/ ],
	[ q{UPDATE tenant.registry SET name_key = NULL WHERE name = 'e1'}, qr/tenant "e1".*name_key/ ],
	[ q{UPDATE tenant.registry SET state = 'trashed' WHERE name = 'e1'}, qr/in the trash, and its schema is called "e1"/ ],
	[ q{UPDATE tenant.registry SET name = 'A b', name_key = 'a b' WHERE name = 'e1'}, qr/no tenant can have this name/ ]);
for my $case (@doctor)
{
	my ($statement, $expected) = @$case;
	next if $statement =~ /event_triggers/ && sql('SHOW server_version_num') < 170000;
	next if $statement =~ /dblink/ && sql(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'dblink'}) eq '0';
	like(sql("BEGIN; $statement; SELECT * FROM tenant.doctor(); ROLLBACK"), $expected, "the doctor tells of: $statement");
}
is(sql('SELECT * FROM tenant.doctor()'), '', 'and of nothing when it is undone');

for my $statement (
	'ALTER TABLE tenant.registry ADD COLUMN plan text',
	q{ALTER TABLE tenant.event ADD COLUMN IF NOT EXISTS plan text NOT NULL DEFAULT 'x'},
	'ALTER TABLE tenant.registry DROP COLUMN metadata CASCADE',
	'ALTER TABLE tenant.registry RENAME COLUMN metadata TO data', 'ALTER TABLE tenant.registry RENAME TO r',
	'ALTER TABLE tenant.registry SET SCHEMA public', 'ALTER TABLE tenant.event ALTER COLUMN event TYPE varchar',
	'CREATE RULE r AS ON INSERT TO tenant.registry DO INSTEAD NOTHING')
{
	my ($ret, $out, $err) = $node->psql('app', "\\set VERBOSITY sqlstate\n$statement");
	like($err, qr/0A000|55006/, "$statement is refused");
}
sql(q{CREATE TABLE registry (a int); ALTER TABLE registry ADD b int; ALTER TABLE registry RENAME b TO c;
	ALTER TABLE registry RENAME TO event; DROP TABLE event;
	ALTER TABLE tenant.registry ADD CHECK (name <> 'x'); ALTER TABLE tenant.registry ALTER COLUMN metadata SET STATISTICS 100});

# A registry that names what is no tenant's: nothing happens to that.
sql(q{ALTER TABLE tenant.registry DROP CONSTRAINT registry_schema_name_check; SELECT tenant.create('x' || i) FROM generate_series(1, 8) i});
for my $schema ('pg_catalog', 'public', 'information_schema', 'tenant', 'pg_toast')
{
	for my $statement (q{tenant.drop('x1')}, q{tenant.drop('x1', true)}, q{tenant.rename('x1', 'y')}, q{tenant.switch('x1')},
		q{tenant.snapshot('x1', 's')}, q{tenant.clone('x1', 'y')})
	{
		$node->psql('app', "BEGIN; UPDATE tenant.registry SET schema_name = '$schema' WHERE name = 'x1'; SELECT $statement; COMMIT")
			if $statement !~ /switch/;
		$node->psql('app', qq{DELETE FROM tenant.registry WHERE name IN ('x1', 'y'); DROP SCHEMA IF EXISTS x1, y CASCADE; SELECT tenant.create('x1')});
	}
	is(sql("SELECT count(*) FROM pg_namespace WHERE nspname = '$schema'"), '1', "$schema survives being called a tenant's");
}
like(sql(q{BEGIN; UPDATE tenant.registry SET schema_name = 'public' WHERE name = 'x2'; SELECT problem, hint FROM tenant.doctor() WHERE severity = 'error'
	AND object = 'tenant "x2"'; SELECT tenant.drop('x2'); ROLLBACK}), qr/cannot be that of a tenant.*tenant\.drop/, 'and the doctor knows the way out');

# Reserved names by plain DDL
for my $name ('tenant_trash_1', 'tenant_snapshot_1', 'shared')
{
	my ($ret, $out, $err) = $node->psql('app', "SET tenant_mgr.persistent_schemas = 'public, shared'; ALTER SCHEMA x3 RENAME TO $name");
	like($err, qr/cannot be a tenant/, "ALTER SCHEMA ... RENAME TO $name is refused for a tenant");
}

# The installer is no superuser any more.
my $dir = PostgreSQL::Test::Utils::tempdir();
my $owners = q{SELECT string_agg(DISTINCT o::regrole::text, ' ') FROM (SELECT nspowner FROM pg_namespace WHERE nspname = 'tenant' UNION ALL
	SELECT relowner FROM pg_class WHERE relnamespace = 'tenant'::regnamespace UNION ALL SELECT extowner FROM pg_extension WHERE extname = 'tenant_mgr') AS t (o)};
my $superuser = getpwuid($<);
$node->safe_psql('postgres', 'CREATE ROLE installer SUPERUSER LOGIN; CREATE DATABASE theirs');
$node->safe_psql('theirs', q{SET ROLE installer; CREATE EXTENSION tenant_mgr;
	SELECT tenant.create('t'), tenant.set_policy('tenant_mgr.unbound', 'deny'); CREATE TABLE t.rows AS SELECT 1 AS i});
is($node->safe_psql('theirs', 'SELECT * FROM tenant.doctor()'), '', 'as long as it is one, all is well');
$node->safe_psql('postgres', 'ALTER ROLE installer NOSUPERUSER');
my $report = $node->safe_psql('theirs', 'SELECT object, problem FROM tenant.doctor()');
like($report, qr/role "installer", is no superuser any more/, 'the doctor looks at the owner');
like($report, qr/^$_ "tenant".*"installer", is no superuser/m, "and at that of: $_")
  foreach 'schema', 'a table or view in schema', 'a function in schema', 'an event trigger of schema';
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/theirs", '-d', $node->connstr('theirs') ], 'a dump of it');
$node->safe_psql('postgres', 'CREATE DATABASE refused; CREATE DATABASE back');
my ($out, $err) = run_command([ 'pg_restore', '-d', $node->connstr('refused'), "$dir/theirs" ]);
like($err, qr/schema "tenant" belongs to another role.*HINT:/s, 'as it is, it is not restored');

# As docs/operations.md says
$node->safe_psql('back', 'CREATE EXTENSION tenant_mgr');
my ($list) = run_command([ 'pg_restore', '-l', "$dir/theirs" ]);
append_to_file("$dir/list", join('', grep { !/ SCHEMA - tenant / } split /^/, $list));
($out, $err) = run_command([ 'pg_restore', '-e', '-L', "$dir/list", '-d', $node->connstr('back'), "$dir/theirs" ]);
is($err, '', 'with the extension there first, it is');
is($node->safe_psql('back', 'SELECT name, state FROM tenant.tenants; SELECT setting FROM tenant.policies; SELECT i FROM t.rows'), "t|active\ntenant_mgr.unbound\n1", 'and all is there');
is($node->safe_psql('back', $owners), $superuser, 'as a superuser\'s');
is($node->safe_psql('back', 'SELECT * FROM tenant.doctor()'), '', 'to the content of the doctor');

$node->safe_psql('theirs', "ALTER SCHEMA tenant OWNER TO \"$superuser\"");
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/better", '-d', $node->connstr('theirs') ], 'a dump with the schema given to a superuser');
$node->safe_psql('postgres', 'DROP DATABASE back');
$node->safe_psql('postgres', 'CREATE DATABASE back');
($out, $err) = run_command([ 'pg_restore', '-e', '-d', $node->connstr('back'), "$dir/better" ]);
is($err, '', 'is restored as it is');
is($node->safe_psql('back', 'SELECT name, state FROM tenant.tenants; SELECT i FROM t.rows; SELECT * FROM tenant.doctor()'), "t|active\n1", 'and all is there and well');
$node->safe_psql('theirs', "REASSIGN OWNED BY installer TO \"$superuser\"");
is($node->safe_psql('theirs', "$owners; SELECT * FROM tenant.doctor()"), $superuser, 'REASSIGN OWNED mends it');

done_testing();
