# 070_upgrade.pl: an extension that was updated is the one that is installed
# afresh, object by object, and what was stored before opens afterwards.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('upgrade');

# Every object of the extension with all that a script can say about it.  What
# belongs to an index or a constraint is shown by its definition.
my $objects = q{
	WITH member AS (
		SELECT classid, objid FROM pg_depend
			WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e' AND refobjid =
				(SELECT oid FROM pg_extension WHERE extname = 'tenant_mgr')
	), line (text) AS (
		SELECT concat_ws(' ', 'member', pg_describe_object(classid, objid, 0),
				'comment:', coalesce(obj_description(objid, classid::regclass::text), '-'))
			FROM member
		UNION ALL SELECT concat_ws(' ', 'function', oid::regprocedure, pg_get_functiondef(oid), proacl)
			FROM pg_proc WHERE oid IN (SELECT objid FROM member WHERE classid = 'pg_proc'::regclass)
		UNION ALL SELECT concat_ws(' ', 'relation', c.oid::regclass, relkind, relpersistence, reloptions, relacl, relrowsecurity,
				CASE WHEN relkind = 'v' THEN pg_get_viewdef(c.oid) END)
			FROM pg_class c WHERE c.oid IN (SELECT objid FROM member WHERE classid = 'pg_class'::regclass)
		UNION ALL SELECT concat_ws(' ', 'column', attrelid::regclass, attnum, attname, format_type(atttypid, atttypmod),
				attnotnull, attidentity, attgenerated, attstorage, attacl, pg_get_expr(adbin, adrelid), col_description(attrelid, attnum))
			FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
			WHERE attrelid IN (SELECT objid FROM member WHERE classid = 'pg_class'::regclass) AND attnum > 0 AND NOT attisdropped
		UNION ALL SELECT concat_ws(' ', 'index', pg_get_indexdef(indexrelid), indisprimary, indisclustered, indisreplident)
			FROM pg_index WHERE indrelid IN (SELECT objid FROM member WHERE classid = 'pg_class'::regclass)
		UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid))
			FROM pg_constraint WHERE conrelid IN (SELECT objid FROM member WHERE classid = 'pg_class'::regclass)
		UNION ALL SELECT concat_ws(' ', 'trigger', tgrelid::regclass, pg_get_triggerdef(oid), tgenabled)
			FROM pg_trigger WHERE tgrelid IN (SELECT objid FROM member WHERE classid = 'pg_class'::regclass)
		UNION ALL SELECT concat_ws(' ', 'event trigger', evtname, evtevent, evtenabled, evttags, evtfoid::regprocedure)
			FROM pg_event_trigger
		UNION ALL SELECT concat_ws(' ', 'type', t.oid::regtype, typinput, typoutput, typlen, typstorage, typacl)
			FROM pg_type t WHERE t.oid IN (SELECT objid FROM member WHERE classid = 'pg_type'::regclass)
		UNION ALL SELECT concat_ws(' ', 'dumped', config.oid::regclass, condition)
			FROM pg_extension, unnest(extconfig, extcondition) AS config (oid, condition) WHERE extname = 'tenant_mgr'
		UNION ALL SELECT concat_ws(' ', 'schema', nspname, nspacl) FROM pg_namespace WHERE nspname = 'tenant'
	)
	SELECT text FROM line ORDER BY text COLLATE "C"};

$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('postgres', 'CREATE DATABASE updated');
$node->safe_psql('fresh', 'CREATE EXTENSION tenant_mgr');
$node->safe_psql('updated', q{CREATE EXTENSION tenant_mgr VERSION '0.1.0'});

# What people have, made with the version before.
$node->safe_psql('updated', q{
	CREATE ROLE regress_tm_kept;
	SELECT tenant.create('tpl'), tenant.set_template('tpl', true);
	CREATE TABLE tpl.t (a int PRIMARY KEY);
	INSERT INTO tpl.t VALUES (1);
	SELECT tenant.create('one', template => 'tpl', metadata => '{"plan": "gold"}');
	SELECT tenant.create('two', template => 'tpl');
	SELECT tenant.create('gone', template => 'tpl');
	SELECT tenant.add_domain('one.example', 'one');
	SELECT tenant.snapshot('one', 'before');
	SELECT tenant.suspend('two', 'unpaid');
	SELECT tenant.drop('gone');
	SELECT tenant.add_connection('main', host => 'db.example', port => 5432, database_name => 'd', username => 'u');
	SELECT tenant.assign('one', 'main');
});
my $kept = q{
	SELECT name, state, is_template, metadata FROM tenant.tenants ORDER BY name COLLATE "C";
	SELECT host FROM tenant.domains;
	SELECT tenant.route('one');
	SELECT count(*) > 0 FROM tenant.event;
	BEGIN; SELECT tenant.restore('gone'); SELECT a FROM gone.t; ROLLBACK;
	SELECT tenant.switch('one');
	SELECT a FROM t;
};
my $before = $node->safe_psql('updated', $kept);
$node->safe_psql('updated', 'ALTER EXTENSION tenant_mgr UPDATE');

is($node->safe_psql('updated', $kept), $before, 'what was stored before the update is there after it');
is($node->safe_psql('updated', q{SELECT count(*) FROM tenant.doctor() WHERE severity = 'error'}), '0',
	'the doctor finds nothing wrong after the update');
is_same($node->safe_psql('updated', $objects), $node->safe_psql('fresh', $objects),
	'an updated extension is the one that is installed afresh');
is($node->safe_psql('updated', q{SELECT extversion FROM pg_extension WHERE extname = 'tenant_mgr'}),
	$node->safe_psql('fresh', q{SELECT extversion FROM pg_extension WHERE extname = 'tenant_mgr'}),
	'both are of one version');

done_testing();
