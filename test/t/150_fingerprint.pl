# 150_fingerprint.pl: schemas that are alike have the same fingerprint, wherever
# they are and whatever has become of their files, and nobody is told about
# schemas of others.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $root = "$FindBin::RealBin/../..";
my $node = new_node('fingerprint', "max_locks_per_transaction = 256\n");
my $db = 'first';

$node->safe_psql('postgres', "CREATE DATABASE $_") foreach $db, 'second';
$node->safe_psql($_, 'CREATE EXTENSION tenant_mgr') foreach $db, 'second';

sub sql { return $node->safe_psql($db, @_) }

# SQLSTATE of what cannot be done, '' if it can.
sub failure
{
	my ($query) = @_;
	my ($status, $out, $err) =
	  $node->psql($db, "\\set VERBOSITY sqlstate\n$query", on_error_stop => 1);
	return $err =~ /ERROR:\s+(\w{5})/ ? $1 : $err;
}

sub fingerprint
{
	my ($schema, $database) = @_;
	return $node->safe_psql($database // $db,
		"SELECT tenant.fingerprint(\$name\$$schema\$name\$)");
}

# Objects that are not alike, for a look at what went wrong.
sub differences
{
	my ($x, $y) = @_;
	return sql("SELECT object_type || ' ' || object_name || ' ' || change FROM tenant.diff(\$name\$$x\$name\$, \$name\$$y\$name\$)");
}

# A schema of our own with every kind of object.
my $odd = 'Odd "Source"';
$node->safe_psql($db, "\\set schema '$odd'\n\\i $root/test/fixtures/torture.sql");
my $before = fingerprint($odd);
like($before, qr/^[0-9a-f]{64}$/, 'a fingerprint is 64 digits');
is(fingerprint($odd), $before, 'and the same when it is taken again');

sql("SET client_min_messages = error; SELECT tenant.clone(\$name\$$odd\$name\$, 'copy')");
is(fingerprint('copy'), $before, 'a clone is like its source');
is(differences($odd, 'copy'), '', 'and they do not differ in anything');
is(sql("SELECT count(*) FROM tenant.diff_sql(\$name\$$odd\$name\$, 'copy')"), '0', 'so there is nothing to repair');
sql("SET client_min_messages = error; SELECT tenant.clone('copy', 'Zweite.Kopie', false)");
is(fingerprint('Zweite.Kopie'), $before, 'so is a clone of the clone without rows');

# Real schemas, as far as they are at hand.
my $fixtures = $ENV{TM_FIXTURES} // (($ENV{XDG_CACHE_HOME} // ($ENV{HOME} // '') . '/.cache') . '/tenant_mgr');
foreach my $file (glob "$fixtures/*.sql")
{
	my ($name) = $file =~ m{([^/]+)\.sql$};

	$node->safe_psql($db, "SET client_min_messages = error; CREATE SCHEMA $name; SET search_path = $name, public;\n\\i $file");
	sql("SET client_min_messages = error; SELECT tenant.clone('$name', '${name}_copy', false)");
	is(fingerprint("${name}_copy"), fingerprint($name), "a clone of $name is like it");
}

# What a dump does not show
sql(q{
	CREATE SCHEMA plain;
	CREATE TABLE plain.t (id int PRIMARY KEY, gone text, n text DEFAULT 'x' CHECK (n <> ''), m int);
	CREATE INDEX ON plain.t (n, m);
	CREATE VIEW plain.v AS SELECT id, n FROM plain.t;
	CREATE TABLE plain.part (k int, v text) PARTITION BY LIST (k);
	CREATE TABLE plain.part_1 PARTITION OF plain.part FOR VALUES IN (1);
	INSERT INTO plain.t SELECT i, i, i, i FROM generate_series(1, 100) i;
	SET client_min_messages = error;
	SELECT tenant.clone('plain', 'plain2')});
$before = fingerprint('plain');
foreach my $change ('VACUUM FULL plain.t', 'REINDEX TABLE plain.t', 'ANALYZE plain.t', 'TRUNCATE plain.t',
	'ALTER TABLE plain.t ADD scratch int; ALTER TABLE plain.t DROP scratch',
	'GRANT SELECT ON plain.t TO CURRENT_USER; REVOKE SELECT ON plain.t FROM PUBLIC',
	'ALTER TABLE plain.t SET (fillfactor = 50); ALTER TABLE plain.t RESET (fillfactor)',
	'CREATE OR REPLACE VIEW plain.v AS SELECT id, n FROM plain.t WHERE true; CREATE OR REPLACE VIEW plain.v AS SELECT t.id, t.n FROM plain.t')
{
	sql($change);
	is(fingerprint('plain'), $before, "not changed by $change");
}
sql('CLUSTER plain.t USING t_pkey; ALTER TABLE plain.t SET WITHOUT CLUSTER');
is(fingerprint('plain'), $before, 'nor by a CLUSTER of which nothing is left');

# A column that is dropped and one that has never been there are the same
sql('ALTER TABLE plain.t DROP gone; ALTER TABLE plain2.t DROP gone');
isnt(fingerprint('plain'), $before, 'a column that is missing counts');
is(fingerprint('plain'), fingerprint('plain2'), 'numbers of columns do not');

# Another database, and another cluster
my $second = new_node('fingerprint_second');
$second->safe_psql('postgres', 'CREATE DATABASE there');
$second->safe_psql('there', 'CREATE EXTENSION tenant_mgr');
my $dump = $node->basedir . '/plain.sql';
$node->command_ok([ 'pg_dump', '-s', '-n', 'plain', '-f', $dump, '-d', $node->connstr($db) ], 'a dump');
$node->safe_psql('second', "\\i $dump");
$second->safe_psql('there', "\\i $dump");
is(fingerprint('plain', 'second'), fingerprint('plain'), 'the same after a restore into another database');
is($second->safe_psql('there', "SELECT tenant.fingerprint('plain')"), fingerprint('plain'), 'and into another cluster');
$second->stop;

# The torture schema again, from a dump of its clone
$node->command_ok([ 'pg_dump', '-s', '-n', 'copy', '-f', $dump, '-d', $node->connstr($db) ], 'a dump of the clone');
$node->safe_psql('second', "SET client_min_messages = error;\n\\i $root/test/fixtures/torture/outside.sql");
my ($status, $out, $err) = $node->psql('second', "SET client_min_messages = error;\n\\i $dump");
is($err, '', 'which is restored');

# Who may ask
sql(q{
	CREATE ROLE regress_tm_fp_one; CREATE ROLE regress_tm_fp_two;
	CREATE SCHEMA mine AUTHORIZATION regress_tm_fp_one;
	CREATE SCHEMA theirs AUTHORIZATION regress_tm_fp_two;
	SELECT tenant.adopt('mine'); SELECT tenant.adopt('theirs')});
is(failure(q{SET ROLE regress_tm_fp_one; SELECT tenant.fingerprint('mine')}), '', 'an owner may ask');
is(failure("SET ROLE regress_tm_fp_one; SELECT $_"), '42501', "and of its own only: $_")
  foreach q{tenant.fingerprint('theirs')}, q{tenant.object_fingerprints('theirs')},
  q{tenant.diff('mine', 'theirs')}, q{tenant.diff('theirs', 'mine')}, q{tenant.diff_sql('mine', 'theirs')};
is(failure(q{SELECT tenant.switch('mine'); SELECT tenant.fingerprint('theirs')}), 'TM003', 'a bound session reaches its tenant only');
is(failure(q{SELECT tenant.switch('mine'); SELECT tenant.fingerprint('mine')}), '', 'which it reaches');
is(failure(q{SELECT tenant.fingerprint('nobody')}), '3F000', 'there has to be one');
is(failure(q{SELECT tenant.fingerprint('pg_catalog')}), '42939', 'and not one of the server');

# Owners are relative to the schema's
sql(q{
	CREATE TABLE mine.t (a int); ALTER TABLE mine.t OWNER TO regress_tm_fp_one;
	CREATE TABLE theirs.t (a int); ALTER TABLE theirs.t OWNER TO regress_tm_fp_two});
is(fingerprint('mine'), fingerprint('theirs'), 'schemas of different owners are alike');
sql('ALTER TABLE theirs.t OWNER TO regress_tm_fp_one');
isnt(fingerprint('mine'), fingerprint('theirs'), 'unless something in one is not its own');

# The schema's name in functions is no name that another schema could have.
sql('CREATE SCHEMA name_a; CREATE SCHEMA name_b');
foreach my $other ('"$schema"', '"""$schema"""')
{
	sql("SET check_function_bodies = off;
		CREATE OR REPLACE FUNCTION name_a.f() RETURNS int LANGUAGE sql AS 'SELECT 1 FROM name_a.t';
		CREATE OR REPLACE FUNCTION name_b.f() RETURNS int LANGUAGE sql AS 'SELECT 1 FROM name_b.t'");
	is(fingerprint('name_a'), fingerprint('name_b'), 'functions that name their schemas are alike');
	sql("SET check_function_bodies = off;
		CREATE OR REPLACE FUNCTION name_b.f() RETURNS int LANGUAGE sql AS 'SELECT 1 FROM $other.t'");
	isnt(fingerprint('name_a'), fingerprint('name_b'), "but not if one names $other");
	sql('CREATE OR REPLACE FUNCTION name_a.f() RETURNS int LANGUAGE sql SET search_path = name_a AS $$SELECT 1$$');
	sql("CREATE OR REPLACE FUNCTION name_b.f() RETURNS int LANGUAGE sql SET search_path = $other AS 'SELECT 1'");
	isnt(fingerprint('name_a'), fingerprint('name_b'), "nor if its search path is $other");
}
sql('CREATE OR REPLACE FUNCTION name_b.f() RETURNS int LANGUAGE sql SET search_path = name_b AS $$SELECT 1$$');
is(fingerprint('name_a'), fingerprint('name_b'), 'search paths that name their schemas are alike');

# Nothing of a tenant runs with the caller's rights: an operator that hides one of the server's
sql(q{
	CREATE FUNCTION mine.spy(oid, oid) RETURNS boolean LANGUAGE plpgsql AS
		$$BEGIN CREATE TABLE public.spied (who text); RETURN $1 OPERATOR(pg_catalog.=) $2; END$$;
	CREATE OPERATOR mine.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = mine.spy);
	CREATE VIEW mine.v AS SELECT a FROM mine.t;
	CREATE RULE r AS ON INSERT TO mine.t WHERE new.a > 1 DO ALSO UPDATE mine.t SET a = 0 WHERE t.a = 1});
like(fingerprint('mine'), qr/^[0-9a-f]{64}$/, 'a schema that hides an operator of the server has a fingerprint');
isnt(sql(q{SELECT count(*) FROM tenant.diff('mine', 'theirs')}), '0', 'and differences');
is(sql(q{SELECT to_regclass('public.spied') IS NULL}), 't', 'and its operator has not been used');

# No locks are left behind, however many schemas are looked at
is( sql(q{BEGIN; SELECT tenant.fingerprint('copy') IS NULL;
	SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation IS NOT NULL
	AND relation::regclass::text LIKE 'copy.%'; COMMIT}), "f\n0", 'nothing stays locked');

# What fails on the way is an error like others: nothing is left of it, and what had
# been done before in the same block is undone.
sql(q{CREATE TABLE public.kept (i int); SELECT tenant.create('locked')});
my $holder = $node->background_psql($db);
$holder->query_safe('BEGIN; LOCK TABLE pg_catalog.pg_seclabel IN ACCESS EXCLUSIVE MODE');
is(failure(q{SET lock_timeout = '50ms'; SELECT tenant.fingerprint('locked')}), '55P03', 'a lock is not waited for any longer');
my ($status, $out, $err) = $node->psql($db, q{
	SET lock_timeout = '50ms';
	SELECT tenant.fingerprint('locked');
	DO $$ BEGIN
		BEGIN
			INSERT INTO public.kept VALUES (1);
			PERFORM tenant.fingerprint('locked');
		EXCEPTION WHEN lock_not_available THEN
			INSERT INTO public.kept VALUES (2);
		END;
	END $$;
	SELECT i FROM public.kept}, on_error_stop => 0);
is($out, '2', '... and the session goes on');
$holder->query_safe('COMMIT');
$holder->quit;
is(failure(q{SELECT tenant.fingerprint('locked')}), '', '... later it can be read');

$node->stop;
done_testing();
