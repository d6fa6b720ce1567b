# 153_drift.pl: tenant.drift lists the tenants that are not like their template at
# the same version, since when, and reads schemas only where something has changed.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('drift', "fsync = off\nshared_preload_libraries = 'tenant_mgr'\nmax_locks_per_transaction = 128\n");
new_database($node, 'app');

sub sql { return $node->safe_psql('app', $_[0]); }
sub drift { return sql('SELECT tenant, template, version, differences FROM tenant.drift ORDER BY tenant'); }
sub unknown { return sql('SELECT count(*) FROM tenant.drift_candidates() WHERE NOT known'); }
sub since { return sql("SELECT since FROM tenant.drift WHERE tenant = '$_[0]'"); }
sub between { my ($from, $what, $to) = @_; return sql("SELECT '$what'::timestamptz BETWEEN '$from' AND '$to'"); }
sub now { return sql('SELECT clock_timestamp()'); }

sub failure
{
	my ($query) = @_;
	my ($status, $out, $err) = $node->psql('app', "\\set VERBOSITY sqlstate\n$query", on_error_stop => 1);
	return $err =~ /ERROR:\s+(\w{5})/ ? $1 : $err;
}

sql(q{
	CREATE ROLE tm_one LOGIN; GRANT USAGE ON SCHEMA tenant TO tm_one;
	SELECT tenant.create('tpl'), tenant.set_template('tpl', true);
	CREATE TABLE tpl.item (id int PRIMARY KEY, name text);
	SELECT tenant.create('t' || n, template => 'tpl') FROM generate_series(1, 5) n;
});
is(unknown(), '5', 'new tenants have not been looked at');
is(drift(), '', 'and do not differ');
is(unknown(), '0', 'which is known from then on');

# A tenant that changes, and its template
my $before = now();
sql('ALTER TABLE t1.item ADD COLUMN x int');
my $after = now();
is(unknown(), '1', 'a tenant that was changed has to be read');
is(drift(), 't1|tpl||2', 'and differs');
is(unknown(), '0', 'which is known, too');
is(between($before, since('t1'), $after), 't', 'since it was changed');
my $since = since('t1');
sql('ALTER TABLE t1.item ADD COLUMN y int');
is(drift(), 't1|tpl||3', 'it differs in more');
is(since('t1'), $since, 'since the same time');
sql('ALTER TABLE t1.item DROP COLUMN x; ALTER TABLE t1.item DROP COLUMN y');
is(drift(), '', 'and not any more when it is repaired');
$before = now();
sql('CREATE INDEX ON tpl.item (name)');
$after = now();
is(sql("SELECT tenant, differences FROM tenant.drift WHERE tenant = 't3'"), 't3|1', 'one tenant of a template that has changed');
is(unknown(), '4', 'is all that is read');
is(drift(), join("\n", map { "t$_|tpl||1" } 1 .. 5), 'all differ from it');
is(between($before, since('t5'), $after), 't', 'since the template was changed');
sql("CREATE INDEX ON t$_.item (name)") foreach 1 .. 5;
is(drift(), '', 'until they follow');

# Migrations: who lags behind is compared with what the template was then.
sql("SELECT tenant.add_migration('001', 'ALTER TABLE item ADD COLUMN one int')");
sql("CALL tenant.migrate('001', jobs => 1)");
is(unknown(), '0', 'a run keeps what it has verified');
is(drift(), '', 'and nobody differs');
sql("SELECT tenant.add_migration('002', 'ALTER TABLE item ADD COLUMN two int')");
sql("CALL tenant.migrate('002', tenants => ARRAY['tpl', 't1', 't2'])");
is(drift(), '', 'nor does who lags behind');
sql('ALTER TABLE t2.item ADD COLUMN own int; ALTER TABLE t3.item ADD COLUMN own int');
is(drift(), "t2|tpl|002|2\nt3|tpl|001|", 'unless it has been changed');
isnt(since('t3'), '', 'which is told since when');
is(unknown(), '0', 'and is known');
sql("SELECT tenant.add_migration('003', 'ALTER TABLE item ADD COLUMN three int')");
sql("CALL tenant.migrate('003', verify => 'require', tenants => ARRAY['tpl', 't1', 't2'])");
is(sql("SELECT string_agg(tenant, ' ' ORDER BY tenant) FROM tenant.migration_status WHERE version = '003' AND state = 'failed'"), 't2', 'a run that verifies fails for who differs');
sql('ALTER TABLE t2.item DROP COLUMN own; ALTER TABLE t3.item DROP COLUMN own');
sql("CALL tenant.migrate(verify => 'require')");
is(sql('SELECT count(*) FROM tenant.pending'), '0', 'and for nobody when that is repaired');
is(drift(), '', 'then nobody differs');

# Templates by other names, templates of templates, tenants of other origin
sql("SELECT tenant.rename('tpl', 'base'); ALTER TABLE t1.item ADD COLUMN x int");
is(drift(), 't1|base|003|2', 'a template is found by its new name');
sql('ALTER TABLE t1.item DROP COLUMN x');
sql("SELECT tenant.create('tpl'), tenant.set_template('tpl', true); CREATE TABLE tpl.other (id int)");
is(drift(), '', 'and another one that is called as it was is not it');
sql("SELECT tenant.clone('base', 'base2'), tenant.set_template('base2', true), tenant.create('u1', template => 'base2')");
sql("SELECT tenant.clone('t1', 't1_copy'), tenant.clone('u1', 'u1_copy')");
is(drift(), '', 'clones of clones are alike');
sql('ALTER TABLE base2.item ADD COLUMN of_two int');
is(drift(), "base2|base|003|2\nu1|base2|003|2\nu1_copy|base2|003|2", 'a template has a template, and its tenants have it');
sql('ALTER TABLE base.item ADD COLUMN of_two int; ALTER TABLE u1.item ADD COLUMN of_two int; ALTER TABLE u1_copy.item ADD COLUMN of_two int');
is(drift(), join("\n", 't1_copy|base|003|2', map({ "t$_|base|003|2" } 1 .. 5)) =~ s/^(t1_copy.*?)\n(t1\|.*?)\n/$2\n$1\n/sr, 'a clone of a tenant has the template of that');
sql("ALTER TABLE $_.item ADD COLUMN of_two int") foreach 't1_copy', map { "t$_" } 1 .. 5;
is(drift(), '', 'they follow');
sql("CREATE SCHEMA old; CREATE TABLE old.item (id int PRIMARY KEY); SELECT tenant.adopt('old'), tenant.baseline('old', '003')");
is(drift(), '', 'who was adopted has no template');
sql("SELECT tenant.assign_template('old', 'base')");
like(drift(), qr/^old\|base\|003\|\d+$/, 'unless one is assigned');
sql("SELECT tenant.assign_template('old', NULL)");
is(drift(), '', 'and taken away');
is(failure("SELECT tenant.assign_template('old', 't1')"), '55000', 'not a tenant that is no template');
is(failure("SELECT tenant.assign_template('base', 'base')"), '22023', 'nor itself');
is(failure("SELECT tenant.assign_template('nobody', 'base')"), '3F000', 'nor for nobody');
sql('ALTER TABLE u1.item ADD COLUMN x int');
is(drift(), 'u1|base2|003|2', 'a tenant differs');
sql("SELECT tenant.drop('base2')");
is(drift(), '', 'from a template in the trash nobody does');
sql("SELECT tenant.restore('base2')");
is(drift(), 'u1|base2|003|2', 'and again when it is back');
sql("SELECT tenant.set_template('base2', false)");
is(drift(), '', 'nor from what is no template any more');
sql("SELECT tenant.set_template('base2', true)");

# Who is told: the owner of both, in a session that is not bound
is(sql('SET ROLE tm_one; SELECT count(*) FROM tenant.drift'), '0', 'others see nothing');
is(sql("SELECT tenant.switch('t1'); SELECT count(*) FROM tenant.drift") =~ s/^t1\n//r, '0', 'a bound session sees nothing');
sql('ALTER SCHEMA u1 OWNER TO tm_one');
is(sql('SET ROLE tm_one; SELECT count(*) FROM tenant.drift'), '0', 'the owner of the tenant alone does not');
sql('ALTER SCHEMA base2 OWNER TO tm_one');
is(sql('SET ROLE tm_one; SELECT tenant, template FROM tenant.drift'), 'u1|base2', 'that of both does');
like(failure("SET ROLE tm_one; SELECT * FROM tenant.drift_of('t1')"), qr/42501/, 'and cannot ask for others');
is(failure("SET ROLE tm_one; SELECT tenant.assign_template('u1', 'base2')"), '42501', 'assign_template() is not for everybody');
is(failure("SET ROLE tm_one; SELECT * FROM tenant.kept_fingerprint"), '42501', 'nor is the table');

sql('ALTER SCHEMA u1 OWNER TO CURRENT_USER; ALTER SCHEMA base2 OWNER TO CURRENT_USER');
is(drift(), 'u1|base2|003|2', 'with its old owner it is as it was');

# Whatever cannot be written is read all the same.
sql('ALTER TABLE t4.item ADD COLUMN x int');
is(sql('BEGIN READ ONLY; SELECT tenant FROM tenant.drift ORDER BY 1; COMMIT'), "t4\nu1", 'a read-only transaction');
is(unknown(), '1', 'which keeps nothing');
is(sql('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT tenant FROM tenant.drift ORDER BY 1; COMMIT'), "t4\nu1", 'a serializable one');
is(unknown(), '0', 'which does');

# The upgrade from cloned_from is in 070; a dump has the templates.
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('app') ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE again');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('again'), $dump ], 'restore');
is($node->safe_psql('again', 'SELECT tenant, template, version, differences FROM tenant.drift ORDER BY tenant'), drift(), 'a restored database has the same drift');

$node->stop;
done_testing();
