# 130_ledger.pl: what tenants have of migrations survives a dump, an update of the
# extension and a crash; a migration is there once, whoever adds it at the same time; a
# clone waits for whoever gives its source a migration; tenants' own code and
# texts with hostile names change nothing of it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('ledger', "shared_preload_libraries = 'tenant_mgr'\n");
my $dir = PostgreSQL::Test::Utils::tempdir();

new_database($node, 'app');
$node->safe_psql('app', q{
	CREATE ROLE owner LOGIN;
	CREATE ROLE web LOGIN;
	GRANT CREATE ON DATABASE app TO owner;
	SELECT tenant.create('tpl', owner => 'owner'), tenant.create('a', owner => 'owner');
	SELECT tenant.add_migration('001', 'CREATE TABLE t (i int)', 'first');
	SELECT tenant.add_migration('002', $$INSERT INTO t VALUES (1); SELECT 'Ünï'$$);
	SELECT tenant.baseline('tpl', '001');
	SELECT tenant.snapshot('tpl', 'then');
	SELECT tenant.create('b', 'tpl');
});

sub sql { return $node->safe_psql('app', shift) }

my $ledger = q{
	SELECT version, position, description, checksum, transactional, recorded, complete, created_by FROM tenant.migration ORDER BY 1;
	SELECT version, ordinal, statement, parameter_types, parameter_values FROM tenant.migration_statement ORDER BY 1, 2;
	SELECT tenant, version, state FROM tenant.migration_status ORDER BY 1, 2;
	SELECT label, version, state FROM tenant.snapshot_migration ORDER BY 1, 2;
	SELECT * FROM tenant.pending;
};

# Recorded parameters are rows like others.
{
	local $ENV{PGOPTIONS} = '-c tenant_mgr.tenant=tpl -c tenant_mgr.record=003';
	$node->safe_psql('app', q{
		SET client_min_messages = error;
		CREATE TABLE kept (t text, b bytea);
		PREPARE p (text, bytea) AS INSERT INTO kept VALUES ($1, $2);
		EXECUTE p (E'a\n''"\\\\', '\x00ff');
		EXECUTE p (NULL, NULL);
	});
}
$node->poll_query_until('app', q{SELECT complete FROM tenant.migration WHERE version = '003'}) or die 'the recording does not end';
is(sql(q{SELECT parameter_values FROM tenant.migration_statement WHERE version = '003' ORDER BY ordinal DESC LIMIT 1}), '{NULL,NULL}', 'parameters are recorded');

# Dumped and restored, as a whole.
my $before = sql($ledger);
$node->safe_psql('postgres', 'CREATE DATABASE back');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/app.dump", '-d', $node->connstr('app') ], 'a database is dumped');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('back'), "$dir/app.dump" ], 'and restored');
is($node->safe_psql('back', $ledger), $before, 'with its ledger');
$node->safe_psql('back', q{SELECT tenant.add_migration('004', 'SELECT 1')});
is($node->safe_psql('back', q{SELECT max(position) FROM tenant.migration}), 4, 'and positions go on');

# Nothing is lost by a crash.
sql(q{SELECT tenant.baseline('a', '001')});
$before = sql($ledger);
$node->stop('immediate');
$node->start;
is(sql($ledger), $before, 'the ledger survives a crash');

# Added twice at the same time, it is there once; another text is refused.
{
	my @sessions = map { $node->background_psql('app', on_error_stop => 0) } 1 .. 2;
	$sessions[0]->query_safe(q{BEGIN; SELECT tenant.add_migration('010', 'SELECT 1')});
	$sessions[1]->query_until(qr/begun/, qq{\\echo begun\nSELECT tenant.add_migration('010', 'SELECT 2');\n});
	$node->poll_query_until('app', q{SELECT count(*) = 1 FROM pg_locks WHERE NOT granted}) or die 'nobody waits';
	$sessions[0]->query_safe('COMMIT');
	$sessions[1]->query('SELECT 1');
	like($sessions[1]->{stderr}, qr/migration "010" already exists with another text/, 'the second one sees the first');
	$_->quit foreach @sessions;
}

# A clone waits for whoever gives its source a migration, and has it then.
{
	local $ENV{PGOPTIONS} = '-c tenant_mgr.tenant=tpl -c tenant_mgr.record=011 -c client_min_messages=error';
	my $recorder = $node->background_psql('app', on_error_stop => 0);
	delete local $ENV{PGOPTIONS};
	my $cloner = $node->background_psql('app', on_error_stop => 0);
	$recorder->query_safe('BEGIN; CREATE TABLE late (i int)');
	$cloner->query_until(qr/begun/, qq{\\echo begun\nSELECT tenant.clone('tpl', 'c');\n});
	$node->poll_query_until('app', q{SELECT count(*) > 0 FROM pg_locks WHERE NOT granted}) or die 'nobody waits';
	$recorder->query_safe('COMMIT');
	$cloner->query_safe('SELECT 1');
	$recorder->quit;
	$cloner->quit;
}
is(sql(q{SELECT a.state, a.statements_done, to_regclass('c.late') IS NOT NULL FROM tenant.applied_migration a
	JOIN tenant.registry r ON r.id = a.tenant_id WHERE r.name = 'c' AND a.version = '011'}), 'partial|1|t', 'a clone waits for what its source is given');

# Who cannot write the ledger: owners and their code, whoever calls it.
foreach my $attempt (
	q{INSERT INTO tenant.migration (version) VALUES ('evil')},
	q{UPDATE tenant.migration_statement SET statement = 'ALTER ROLE owner SUPERUSER'},
	q{DELETE FROM tenant.applied_migration},
	q{UPDATE tenant.snapshot_migration SET state = 'applied'},
	q{DELETE FROM tenant.migration_run},
	q{SELECT tenant.add_migration('evil', 'ALTER ROLE owner SUPERUSER')},
	q{SELECT tenant.record('evil')},
	q{SELECT tenant.baseline('a', '002')},
	q{SELECT * FROM tenant.migration_statement})
{
	my ($status, $out, $err) = $node->psql('app', $attempt, connstr => $node->connstr('app') . ' user=web');
	like($err, qr/permission denied/, "refused: $attempt");
}
sql(q{GRANT EXECUTE ON ALL ROUTINES IN SCHEMA tenant TO owner});
foreach my $attempt (
	q{SELECT tenant.add_migration('evil', 'ALTER ROLE owner SUPERUSER')},
	q{SELECT tenant.drop_migration('001')},
	q{SELECT tenant.switch('tpl'); SELECT tenant.record('evil')},
	q{SELECT tenant.switch('tpl'); SET tenant_mgr.record = evil; CREATE TABLE evil (i int)})
{
	my ($status, $out, $err) = $node->psql('app', $attempt, connstr => $node->connstr('app') . ' user=owner');
	like($err, qr/permission denied to \w+ migrations/, "EXECUTE is not enough: $attempt");
}
is(sql(q{SELECT count(*) FROM tenant.migration WHERE version = 'evil'}), 0, 'nothing has come of it');

# A tenant's trigger that runs for a superuser who records: what it executes is not
# kept as a statement of the superuser's.
sql(q{
	SET ROLE owner;
	SET search_path = tpl;
	CREATE TABLE bait (i int);
	CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN EXECUTE 'CREATE TABLE planted (i int)'; RETURN NEW; END $$;
	CREATE TRIGGER evil AFTER INSERT ON bait FOR EACH ROW EXECUTE FUNCTION evil();
});
{
	local $ENV{PGOPTIONS} = '-c tenant_mgr.tenant=tpl -c tenant_mgr.record=012 -c client_min_messages=error';
	$node->safe_psql('app', 'INSERT INTO bait VALUES (1)');
}
$node->poll_query_until('app', q{SELECT complete FROM tenant.migration WHERE version = '012'}) or die 'the recording does not end';
is(sql(q{SELECT statement FROM tenant.migration_statement WHERE version = '012'}), 'INSERT INTO bait VALUES (1)', 'what a trigger executes comes with the statement');

# Names are data.
my $odd = q{x'; DROP TABLE tenant.migration; --"\\ $1 %s};
my $quoted = literal($odd);
sql("SELECT tenant.add_migration($quoted, 'SELECT 1', $quoted)");
is(sql("SELECT version FROM tenant.migration WHERE description = $quoted"), $odd, 'a version with an odd name');
sql("SELECT tenant.drop_migration($quoted)");
is(sql("SELECT count(*) FROM tenant.migration WHERE version = $quoted"), 0, 'is dropped by it');

# The views stay right when the indexes are gone.
sql(q{ALTER TABLE tenant.applied_migration DROP CONSTRAINT applied_migration_pkey; ALTER TABLE tenant.migration DROP CONSTRAINT migration_pkey});
is(sql(q{SELECT count(*) FROM tenant.pending}), sql(q{SELECT count(*) FROM tenant.migration_status WHERE state NOT IN ('applied', 'baseline')}), 'what is pending is known without indexes');

$node->stop;
done_testing();
