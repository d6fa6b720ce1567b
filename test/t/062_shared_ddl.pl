# 062_shared_ddl.pl: with tenant_mgr.shared_ddl = deny a session that is bound to
# a tenant cannot drop, alter or truncate what is outside of the tenant, however
# it says so; it works on what is its own, makes new things, and reads and writes
# shared tables.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('shared_ddl', "shared_preload_libraries = 'tenant_mgr'\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	SELECT tenant.create('a'), tenant.create('b');
	CREATE TABLE public.hosts (id serial PRIMARY KEY, name text);
	INSERT INTO public.hosts (name) VALUES ('one'), ('two');
	CREATE TABLE public.other (id int);
	CREATE INDEX other_id ON public.other (id);
	CREATE VIEW public.names AS SELECT name FROM public.hosts;
	CREATE MATERIALIZED VIEW public.stored AS SELECT name FROM public.hosts;
	CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
	CREATE FUNCTION public.tg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
	CREATE TRIGGER tg BEFORE INSERT ON public.hosts FOR EACH ROW EXECUTE FUNCTION public.tg();
	CREATE TYPE public.mood AS ENUM ('good');
	CREATE TYPE public.pair AS (x int, y int);
	CREATE DOMAIN public.email AS text;
	CREATE SEQUENCE public.numbers;
	CREATE AGGREGATE public.total (int) (SFUNC = int4pl, STYPE = int);
	CREATE OPERATOR public.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl);
	CREATE TABLE public.log (who text) PARTITION BY LIST (who);
	CREATE FUNCTION public.tg2(varchar, int) RETURNS bool LANGUAGE sql AS 'SELECT true';
	CREATE SCHEMA nobody;
	CREATE TABLE nobody.t (id int);
	CREATE ROLE regress_tm_somebody;
	ALTER DATABASE app SET tenant_mgr.shared_ddl = deny;
});
my $extension = $node->psql('app', 'CREATE EXTENSION hstore SCHEMA public') == 0;

sub session
{
	my ($sql) = @_;
	my ($rc, $stdout, $stderr) = $node->psql('app',
		"\\set VERBOSITY sqlstate\nSELECT tenant.switch('a') \\gset\n$sql", on_error_stop => 0);
	return ($stdout // '') . "\n" . ($stderr // '');
}

sub refused
{
	my ($sql) = @_;
	my $said = session("BEGIN; $sql; COMMIT;");
	like($said, qr/ERROR:  TM003/, $sql);
	return;
}

sub works
{
	my ($name, $sql) = @_;
	my $said = session($sql);
	unlike($said, qr/ERROR/, $name) or diag($said);
	return;
}

my $before = $node->safe_psql('app', "SELECT string_agg(c::text, ' ' ORDER BY oid) FROM pg_class AS c WHERE relnamespace IN ('public'::regnamespace, 'nobody'::regnamespace)");

refused($_) for (
	'DROP TABLE IF EXISTS "hosts" CASCADE', 'DROP TABLE public.hosts, a.none', 'TRUNCATE hosts', 'TRUNCATE public.hosts CASCADE',
	'ALTER TABLE hosts ADD x int', 'ALTER TABLE ONLY hosts ALTER name SET NOT NULL', 'ALTER TABLE hosts RENAME TO h',
	'ALTER TABLE hosts RENAME name TO n', 'ALTER TABLE hosts SET SCHEMA a', 'ALTER TABLE hosts OWNER TO regress_tm_somebody',
	'ALTER TABLE hosts DISABLE TRIGGER ALL', 'ALTER TABLE hosts ENABLE ROW LEVEL SECURITY', 'ALTER TABLE hosts SET (fillfactor = 50)',
	'ALTER TABLE nobody.t ADD x int', 'DROP TABLE nobody.t', 'DROP SCHEMA nobody CASCADE', 'ALTER SCHEMA nobody RENAME TO n',
	'DROP SCHEMA public CASCADE', 'DROP INDEX other_id', 'ALTER INDEX other_id RENAME TO x', 'CREATE INDEX ON hosts (name)',
	'CREATE TRIGGER z BEFORE INSERT ON hosts FOR EACH ROW EXECUTE FUNCTION tg()', 'DROP TRIGGER tg ON hosts',
	'ALTER TRIGGER tg ON hosts RENAME TO t2', 'CREATE RULE z AS ON DELETE TO hosts DO INSTEAD NOTHING',
	'CREATE POLICY z ON hosts USING (true)', 'CREATE STATISTICS z ON id, name FROM hosts',
	'DROP VIEW names', 'CREATE OR REPLACE VIEW public.names AS SELECT name FROM hosts WHERE false',
	'ALTER VIEW names RENAME TO n', 'DROP MATERIALIZED VIEW stored', 'DROP FUNCTION f()', 'ALTER FUNCTION f() STRICT',
	q{CREATE OR REPLACE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 2'}, 'DROP AGGREGATE total(int)', 'DROP OPERATOR @@@ (int, int)',
	q{ALTER TYPE mood ADD VALUE 'bad'}, 'ALTER TYPE mood RENAME TO m', 'DROP TYPE mood', 'ALTER TYPE pair ADD ATTRIBUTE z int', 'DROP DOMAIN email', 'ALTER DOMAIN email SET NOT NULL',
	'ALTER SEQUENCE numbers RESTART', 'DROP SEQUENCE numbers', 'ALTER TABLE log ADD x int', 'CREATE TABLE a.x (who text); ALTER TABLE log ATTACH PARTITION a.x DEFAULT',
	'DROP ROLE regress_tm_somebody', 'ALTER ROLE regress_tm_somebody NOLOGIN',
	'ALTER DATABASE app SET work_mem = 100', 'ALTER ROLE regress_tm_somebody SET work_mem = 100', 'DO $$BEGIN DROP TABLE hosts CASCADE; END$$', q{CREATE FUNCTION a.drops() RETURNS void LANGUAGE plpgsql AS 'BEGIN DROP TABLE hosts CASCADE; END'; SELECT a.drops()},
	'CREATE TABLE a.d (id int); CREATE VIEW public.of_d AS SELECT * FROM a.d; COMMIT; BEGIN; DROP TABLE a.d CASCADE',
	'GRANT SELECT ON hosts TO PUBLIC', 'REVOKE ALL ON hosts FROM PUBLIC', 'GRANT USAGE ON SEQUENCE numbers TO PUBLIC', 'REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC',
	'REVOKE USAGE ON SCHEMA public FROM PUBLIC', 'GRANT SELECT ON ALL TABLES IN SCHEMA nobody TO PUBLIC', 'REVOKE USAGE ON TYPE mood FROM PUBLIC',
	$extension ? ('DROP EXTENSION hstore', 'ALTER EXTENSION hstore SET SCHEMA a') : ());
is($node->safe_psql('app', "DROP VIEW public.of_d; SELECT string_agg(c::text, ' ' ORDER BY oid) FROM pg_class AS c WHERE relnamespace IN ('public'::regnamespace, 'nobody'::regnamespace)"),
	$before, 'nothing has changed');

# new code that sessions of others would run without naming it
refused($_) for (
	q{CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE sql AS 'SELECT 1'}, q{CREATE FUNCTION nobody.f() RETURNS int LANGUAGE sql AS 'SELECT 1'},
	q{CREATE FUNCTION a.upper(varchar) RETURNS text LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION a.upper(varchar) SET SCHEMA public},
	q{CREATE PROCEDURE public.p() LANGUAGE sql AS 'SELECT 1'}, 'CREATE AGGREGATE public.sum (varchar) (SFUNC = textcat, STYPE = text)',
	'CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = int, FUNCTION = tg2)', 'CREATE CAST (pair AS text) WITH INOUT AS IMPLICIT',
	'CREATE SCHEMA n CREATE TABLE t (id int); CREATE FUNCTION n.f() RETURNS int LANGUAGE sql AS $$SELECT 1$$', q{DO $$BEGIN CREATE FUNCTION public.g() RETURNS int LANGUAGE sql AS 'SELECT 1'; END$$});

works('rows of shared tables', q{INSERT INTO hosts (name) VALUES ('three'); UPDATE hosts SET name = 'x' WHERE name = 'three'; DELETE FROM hosts WHERE name = 'x';});
works('what is its own', q{
	CREATE TABLE t (id serial PRIMARY KEY, host int REFERENCES hosts, m mood); CREATE INDEX ON t (host); ALTER TABLE t ADD x int; TRUNCATE t;
	CREATE TRIGGER z BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION tg(); ALTER TABLE t DROP CONSTRAINT t_host_fkey;
	ALTER TABLE t ADD CONSTRAINT again FOREIGN KEY (host) REFERENCES hosts; CREATE VIEW v AS SELECT id FROM t; CREATE OR REPLACE VIEW names AS SELECT id FROM t;
	CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 3'; CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 4'; DROP FUNCTION f(); GRANT SELECT ON t TO PUBLIC; REVOKE USAGE ON SCHEMA a FROM PUBLIC;
	CREATE TYPE own AS (x int); CREATE FUNCTION to_text(own) RETURNS text LANGUAGE sql AS $$SELECT 'x'$$; CREATE CAST (own AS text) WITH FUNCTION to_text(own); CREATE FUNCTION add_own(own, int) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE OPERATOR + (LEFTARG = own, RIGHTARG = int, FUNCTION = add_own); DROP TYPE own CASCADE;
	DROP VIEW names; DROP TABLE t CASCADE;
	CREATE TABLE log_a PARTITION OF log FOR VALUES IN ('a'); ALTER TABLE log_a ADD CHECK (who <> 'x'); DROP TABLE log_a;});
works('temporary objects', 'CREATE TEMP TABLE hosts (id int); ALTER TABLE pg_temp.hosts ADD x int; CREATE INDEX ON pg_temp.hosts (x); TRUNCATE pg_temp.hosts; DROP TABLE pg_temp.hosts;');
works('new shared objects', q{CREATE TABLE public.fresh (id bigserial PRIMARY KEY, name text UNIQUE, host int REFERENCES public.hosts, n bigint GENERATED ALWAYS AS IDENTITY);
	CREATE SCHEMA fresh CREATE TABLE t (id serial PRIMARY KEY); CREATE OR REPLACE VIEW public.fresh_view AS SELECT 1 AS one;});
SKIP:
{
	skip 'no extension', 1 unless $extension;
	works('an extension of its own', 'CREATE EXTENSION citext; ALTER EXTENSION citext UPDATE; DROP EXTENSION citext;');
}
my ($rc, $stdout, $stderr) = $node->psql('app', "SELECT tenant.switch('a'); DROP TABLE hosts");
like($stderr, qr/ERROR:  cannot change table public.hosts while bound to tenant "a"\nDETAIL:  It does not belong to the tenant/, 'the message names the table');
($rc, $stdout, $stderr) = $node->psql('app', "SET ROLE regress_tm_somebody; SET tenant_mgr.shared_ddl = allow");
like($stderr, qr/permission denied to set parameter/, 'not for everybody to decide');

# Code of a tenant may not, whoever runs it
$node->safe_psql('app', q{CREATE FUNCTION a.run(text) RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE $1; END'});
foreach my $statement ('DROP TABLE hosts CASCADE', 'ALTER TABLE hosts ADD y int', 'REVOKE ALL ON hosts FROM PUBLIC', 'ALTER TABLE hosts DISABLE ROW LEVEL SECURITY')
{
	($rc, $stdout, $stderr) = $node->psql('app', "SELECT a.run('$statement')");
	like($stderr, qr/ERROR:  cannot change table public\.hosts from code of tenant "a"/, "code of a tenant: $statement");
}
is($node->psql('app', q{SELECT a.run('CREATE TABLE a.made (id int)'), a.run('ALTER TABLE a.made ADD x int'), a.run('DROP TABLE a.made')}), 0, 'its own');

# Whoever is not bound may; and by default everybody may.
is($node->psql('app', 'ALTER TABLE hosts ADD y int; TRUNCATE other; DROP TABLE public.fresh; DROP SCHEMA fresh CASCADE'), 0, 'a session that is not bound');
$node->safe_psql('app', 'ALTER DATABASE app RESET tenant_mgr.shared_ddl');
works('allowed', 'ALTER TABLE hosts ADD z int; DROP TABLE hosts CASCADE');

# A row that tenants refer to is deleted by a function that is not bound.
$node->safe_psql('app', q{
	CREATE TABLE public.usr (id int PRIMARY KEY); INSERT INTO public.usr VALUES (1), (2);
	CREATE TABLE b.refers (id int REFERENCES public.usr); INSERT INTO b.refers VALUES (1);
	CREATE FUNCTION public.delete_usr(int) RETURNS void LANGUAGE sql SET tenant_mgr.tenant = '' AS 'DELETE FROM public.usr WHERE id = $1';
});
like(session('DELETE FROM usr WHERE id = 2'), qr/ERROR:  TM003/, 'a row of a shared table that tenants refer to');
like(session('SELECT delete_usr(1)'), qr/ERROR:  23503/, 'a function that is not bound: it is referred to');
works('a function that is not bound: it is not', 'SELECT delete_usr(2)');
is($node->safe_psql('app', 'SELECT id FROM usr'), '1', 'it is gone');

# What a refusal names
$node->safe_psql('app', "CREATE TABLE b.helper (id int)");
($rc, $stdout, $stderr) = $node->psql('app', "SELECT tenant.switch('a'); SELECT NULL::b.helper[]");
like($stderr, qr/cannot access table b\.helper of tenant "b"/, "a table's types are called like the table");

# psql reads line by line what it does not get as an argument.
sub tagged
{
	my ($sql) = @_;
	my (undef, $err) = run_command([ 'psql', '-X', '-d', $node->connstr('app'), '-c', "SELECT tenant.switch('a')",
			'-c', 'SET tenant_mgr.verify_tag = enforce', '-c', $sql ]);
	return $err;
}
like(tagged($_), qr/statement is tagged for tenant "x"/, "a tag is found: $_") for
	"SELECT E'a'\n'\\'' /*tenant:x*/", "SELECT E'a' -- 'comment\n\t-- '\n 'b\\'/*' /*tenant:x*/", "SELECT 'a'\n'\\' /*tenant:x*/",
	"SELECT E'a', '\\' /*tenant:x*/", "SELECT e'a'\r'\\''\n'\\'/*' /*tenant:x*/";
is(tagged($_), '', "no tag is found: $_") for
	"SELECT E'a'\n'\\'/*tenant:x*/'", "SELECT E'a'\n--\n'/*tenant:x*/'", "SELECT 'a'\n'/*tenant:x*/'";

done_testing();
