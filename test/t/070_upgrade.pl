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
is_same(objects_of_extension($node, 'updated'), objects_of_extension($node, 'fresh'),
	'an updated extension is the one that is installed afresh');
is($node->safe_psql('updated', q{SELECT extversion FROM pg_extension WHERE extname = 'tenant_mgr'}),
	$node->safe_psql('fresh', q{SELECT extversion FROM pg_extension WHERE extname = 'tenant_mgr'}),
	'both are of one version');

done_testing();
