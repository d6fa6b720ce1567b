# 137_hostile_tenants.pl: what one tenant has planted in its own schema gets no
# right by what is done to all of them, and does not keep the others from it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('hostile', "shared_preload_libraries = 'tenant_mgr'\nmax_worker_processes = 12\nfsync = off\n");
new_database($node, 'app');

sub answer { return $node->safe_psql('app', $_[0]); }

# As the tenant's owner, in a session of its own
sub plant
{
	$node->safe_psql('app', $_[0], extra_params => [ '-U', 'tm_evil' ]);
	return;
}

sub messages
{
	my ($sql) = @_;
	my ($out, $err);
	$node->psql('app', $sql, stdout => \$out, stderr => \$err, on_error_stop => 0);
	return "$out\n$err";
}

sub status
{
	my ($version) = @_;
	return answer("SELECT string_agg(tenant || ' ' || state, ', ' ORDER BY tenant) FROM tenant.migration_status WHERE version = '$version'");
}

my $version = 0;

# Give all of them a migration; returns what they have of it, and what was said.
sub migrate
{
	my ($sql, $alone, $options) = @_;
	$version = sprintf '%03d', $version + 1;
	answer("SELECT tenant.add_migration('$version', \$m\$$sql\$m\$, transactional => " . ($alone ? 'false' : 'true') . ')');
	my $said = messages("CALL tenant.migrate('$version', " . ($options // 'jobs => 1') . ')');
	return (status($version), $said);
}

sub is_harmless
{
	my ($name) = @_;
	is(answer("SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolsuper AND rolname LIKE 'tm\\_%'"), '', "$name: nobody is a superuser by it");
	answer('ALTER ROLE tm_evil NOSUPERUSER');
	return;
}

# "b" comes between the others, whatever the order is
answer(q{
	CREATE ROLE tm_evil LOGIN; CREATE ROLE tm_good;
	SELECT tenant.create('a', owner => 'tm_good'), tenant.create('b', owner => 'tm_evil'), tenant.create('c', owner => 'tm_good');
	SELECT tenant.exec('CREATE TABLE ev (id int, tags text[]); CREATE TABLE t (id int);
		CREATE TABLE p (id int, k text) PARTITION BY LIST (k); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (''xa'')');
});
plant(q{
	CREATE FUNCTION b.grasp() RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM set_config('work_mem', '77', false);
		PERFORM set_config('role', session_user, false);
		EXECUTE 'ALTER ROLE tm_evil SUPERUSER';
		RETURN true;
	EXCEPTION WHEN OTHERS THEN
		RETURN true;
	END $$;
	CREATE FUNCTION b.check_of(text) RETURNS boolean LANGUAGE sql AS 'SELECT b.grasp()';
	CREATE FUNCTION b.same(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM b.grasp(); RETURN $1; END $$;
});

# Literals of a type of the tenant's are read before the server restricts anything.
my $index = q{CREATE INDEX CONCURRENTLY ev_tags ON ev (id) WHERE tags <> '{a}'};
plant('CREATE DOMAIN b.tag AS text CHECK (b.check_of(VALUE)); ALTER TABLE b.ev ALTER tags TYPE b.tag[]');
my ($state, $said) = migrate($index, 1);
is_harmless('a domain of a literal');
is($state, 'a applied, b partial, c applied', 'where it has a function, the index is refused');
like($said, qr/cannot execute function b\.check_of\(pg_catalog\.text\) in a migration outside of a transaction/, 'which is said');
plant(q{ALTER TABLE b.ev ALTER tags TYPE text[]; DROP DOMAIN b.tag;
	CREATE DOMAIN b.tag AS text CHECK (set_config('work_mem', VALUE, false) IS NOT NULL AND VALUE <> ''); ALTER TABLE b.ev ALTER tags TYPE b.tag[]});
like(messages('CALL tenant.migrate(jobs => 1)'), qr/cannot execute function pg_catalog\.set_config/, 'what the server has is no way round');
plant(q{ALTER TABLE b.ev ALTER tags TYPE text[]; DROP DOMAIN b.tag;
	CREATE DOMAIN b.tag AS text CHECK (VALUE <> '' AND lower(VALUE) = VALUE); ALTER TABLE b.ev ALTER tags TYPE b.tag[]});
messages('CALL tenant.migrate(jobs => 1)');
is(status($version), 'a applied, b applied, c applied', 'a check that only compares is none');

# The key of a partitioned table is simplified by whoever looks at it first.
plant(q{DROP TABLE b.p; CREATE TABLE b.p (id int, k text) PARTITION BY LIST ((b.same('x') || k)); CREATE TABLE b.p1 PARTITION OF b.p FOR VALUES IN ('xa')});
($state, $said) = migrate('ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY', 1);
is_harmless('a key of partitions');
is($state, 'a applied, b partial, c applied', 'it is not detached concurrently');
plant(q{DROP TABLE b.p; CREATE TABLE b.p (id int, k text) PARTITION BY LIST (k); CREATE TABLE b.p1 PARTITION OF b.p FOR VALUES IN ('xa')});
messages('CALL tenant.migrate(jobs => 1)');
is(status($version), 'a applied, b applied, c applied', 'with another key it is');

# Functions of an index are restricted by the server, and go on to be called.
plant(q{INSERT INTO b.t VALUES (1); CREATE FUNCTION b.one(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM b.grasp(); RETURN $1; END $$});
answer(q{SELECT tenant.exec('CREATE FUNCTION one(int) RETURNS int IMMUTABLE LANGUAGE sql AS ''SELECT $1''', '{a, c}')});
($state) = migrate('CREATE INDEX CONCURRENTLY t_one ON t (one(id)); REINDEX TABLE CONCURRENTLY t; VACUUM (FULL, ANALYZE) t', 1);
is_harmless('a function of an index');
is($state, 'a applied, b applied, c applied', 'such an index is made');

# A superuser's event trigger finds the tenant's function first.
answer(q{
	CREATE FUNCTION public.noted() RETURNS boolean LANGUAGE sql AS 'SELECT true';
	CREATE FUNCTION public.note() RETURNS event_trigger LANGUAGE plpgsql AS $$
		BEGIN PERFORM noted() FROM pg_event_trigger_ddl_commands(); END $$;
});
plant(q{CREATE FUNCTION b.noted() RETURNS boolean LANGUAGE sql AS 'SELECT b.grasp()'});
answer('CREATE EVENT TRIGGER note ON ddl_command_end EXECUTE FUNCTION public.note()');
($state) = migrate('CREATE INDEX CONCURRENTLY t_id ON t (id)', 1);
is_harmless('an event trigger');
is($state, 'a applied, b applied, c applied', 'an event trigger is called');
answer('ALTER FUNCTION public.note() SET datestyle = iso');
($state) = migrate('DROP INDEX CONCURRENTLY t_id', 1);
is_harmless('an event trigger with settings');
is($state, 'a applied, b applied, c applied', 'also one with settings of its own');
answer('DROP EVENT TRIGGER note');

# What somebody else has made, or nobody, is not taken for what was to be done.
plant('CREATE INDEX t_two ON b.t ((id + 1))');
($state) = migrate('CREATE INDEX CONCURRENTLY t_two ON t (id)', 1);
messages('CALL tenant.migrate(jobs => 1)');
is(status($version), 'a applied, b partial, c applied', 'an index that was there before is not the one');
plant('DROP INDEX b.t_two');
messages('CALL tenant.migrate(jobs => 1)');
is(answer(q{SELECT tenant.exec('SELECT ''t_two''::regclass')}) . status($version), "(a,1,,)\n(b,1,,)\n(c,1,,)a applied, b applied, c applied", 'until it has gone');
plant('ALTER TABLE b.t ADD UNIQUE (id); ALTER TABLE b.t DROP CONSTRAINT t_id_key; INSERT INTO b.t VALUES (1)');
($state) = migrate('CREATE UNIQUE INDEX CONCURRENTLY t_three ON t (id)', 1);
is($state . answer(q{SELECT indisvalid FROM pg_index WHERE indexrelid = 'b.t_three'::regclass}), 'a applied, b partial, c appliedf', 'rows have kept one from being made');
plant('DELETE FROM b.t');
messages('CALL tenant.migrate(jobs => 1)');
is(status($version), 'a applied, b applied, c applied', 'what is left of it makes way');
plant('DROP TABLE b.p; CREATE TABLE b.p (id int, k text) PARTITION BY LIST (k)');
answer(q{SELECT tenant.exec('CREATE TABLE p2 PARTITION OF p FOR VALUES IN (''2'')', '{a, c}'), tenant.exec('CREATE TABLE p2 (id int, k text)', '{b}')});
($state) = migrate('ALTER TABLE p DETACH PARTITION p2 CONCURRENTLY; DROP INDEX CONCURRENTLY t_three', 1);
messages('CALL tenant.migrate(jobs => 1)');
is(status($version), 'a applied, b partial, c applied', 'a table that was no partition is not a detached one');
plant(q{ALTER TABLE b.p ATTACH PARTITION b.p2 FOR VALUES IN ('2'); DROP INDEX b.t_three});
messages('CALL tenant.migrate(jobs => 1);CALL tenant.migrate(jobs => 1)');
is(status($version), 'a applied, b partial, c applied', 'an index that was not there has not been dropped');
plant('CREATE INDEX t_three ON b.t (id)');
messages('CALL tenant.migrate(jobs => 1)');
is(status($version), 'a applied, b applied, c applied', 'until there is one');

# What is said to be a cancelled statement is the tenant's error and nobody's end.
plant(q{
	CREATE FUNCTION b.lie() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN RAISE EXCEPTION 'canceling statement due to user request' USING ERRCODE = '57014'; END $$;
	CREATE TRIGGER lie BEFORE INSERT ON b.t FOR EACH ROW EXECUTE FUNCTION b.lie();
	CREATE FUNCTION b.doubt() RETURNS int LANGUAGE plpgsql AS $$ BEGIN ASSERT false; END $$;
	CREATE VIEW b.v AS SELECT b.doubt() AS id;
});
answer(q{SELECT tenant.exec('CREATE VIEW v AS SELECT 1 AS id', '{a, c}')});
($state, $said) = migrate('INSERT INTO t VALUES (1)');
is($state, 'a applied, b failed, c applied', 'a false cancel fails one tenant');
like(messages("CALL tenant.migrate(jobs => 1, dry_run => true);\nSELECT 'goes on'"), qr/goes on.*1 would fail/s, 'also where it is tried');
($state) = migrate('INSERT INTO t VALUES (2)', 0, 'jobs => 2');
is($state, 'a applied, b pending, c applied', 'and with workers');
foreach my $jobs (1, 2)
{
	is(answer("SELECT string_agg(tenant || coalesce(sqlstate, ''), ' ' ORDER BY tenant) FROM tenant.exec('INSERT INTO t VALUES (3)', jobs => $jobs)"),
		'a b57014 c', "statements for all, $jobs at a time");
	like(messages("SELECT string_agg(tenant, ' ' ORDER BY tenant) FROM tenant.query('SELECT id FROM v', jobs => $jobs) AS q (tenant text, id int)"),
		qr/^a c\n.*WARNING:  query has failed for 1 of 3 tenants/s, "queries over all, $jobs at a time");
}

# A real one ends the statement, and leaves the session as it was.
foreach my $sql ('SELECT tenant.exec($$SELECT pg_sleep(60)$$)', 'SELECT * FROM tenant.query($$SELECT pg_sleep(60)::text$$) AS q (tenant text, s text)',
	'CALL tenant.migrate(dry_run => true)', 'CALL tenant.migrate()')
{
	answer(q{DELETE FROM tenant.applied_migration WHERE version = 'z'; SELECT tenant.add_migration('z', 'SELECT pg_sleep(60)')}) if $sql =~ /CALL/;
	$said = messages("SET statement_timeout = 500;\n$sql;\nSELECT 'goes on'");
	like($said, qr/goes on.*canceling statement due to statement timeout/s, "after a cancel of $sql the session goes on");
}
is(answer(q{SELECT string_agg(DISTINCT state, ' ') FROM tenant.migration_run WHERE state NOT IN ('finished')}), 'cancelled', 'the run is cancelled');

$node->stop;
done_testing();
