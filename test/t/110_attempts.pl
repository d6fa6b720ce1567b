# 110_attempts.pl: what somebody tries who can send any statement, in a session that
# is locked to a tenant, by the role that owns all tenants, and as a role that is
# assigned to one and has been granted everything.  He sees nothing of another
# tenant and changes nothing.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('attempts', "shared_preload_libraries = 'tenant_mgr'\nautovacuum = off\n");
new_database($node, 'app');

$node->safe_psql('app', q{
	CREATE ROLE app LOGIN; CREATE ROLE assigned LOGIN; CREATE ROLE other;
	SELECT tenant.create('a', owner => 'app'), tenant.create('b', owner => 'app');
	GRANT CREATE ON DATABASE app TO app; GRANT CREATE ON SCHEMA public TO app, assigned;
	SET ROLE app;
	CREATE TABLE a.t (k int, v text); INSERT INTO a.t VALUES (1, 'a1');
	CREATE TYPE a.comp AS (i int);
	CREATE TABLE b.t (k int, v text); INSERT INTO b.t VALUES (1, 'SECRET');
	CREATE TABLE b.pk (i int PRIMARY KEY); INSERT INTO b.pk VALUES (1);
	CREATE SEQUENCE a.s; CREATE SEQUENCE b.s;
	CREATE DOMAIN b.dom AS text; CREATE TYPE b.comp AS (i int);
	CREATE FUNCTION b.two(int, int) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN 'SECRET'; END$$;
	CREATE FUNCTION b.of_comp(a.comp) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN 'SECRET'; END$$;
	CREATE FUNCTION b.subtract(int, int) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT 1.0::float8';
	CREATE FUNCTION b.check(text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
	CREATE FUNCTION b.tg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
	CREATE MATERIALIZED VIEW b.mv AS SELECT v FROM b.t;
	CREATE FUNCTION public.half(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 / 2'; CREATE INDEX t_half ON b.t (public.half(k));
	CREATE DOMAIN public.dom AS text; ALTER TABLE b.t ADD d public.dom;
	CREATE FUNCTION public.leave() RETURNS text LANGUAGE plpgsql AS $$BEGIN EXECUTE 'RESET ALL'; RETURN (SELECT v FROM b.t); END$$;
	CREATE FUNCTION public.number() RETURNS bigint LANGUAGE plpgsql AS $$DECLARE x bigint; BEGIN EXECUTE 'RESET ALL'; x := nextval('b.s'); RETURN x; END$$;
	CREATE PROCEDURE public.commit() LANGUAGE plpgsql AS $$BEGIN EXECUTE 'RESET ALL'; COMMIT; RAISE NOTICE '%', (SELECT v FROM b.t); END$$;
	CREATE FUNCTION public.tg() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN EXECUTE 'RESET ALL'; RAISE NOTICE '%', (SELECT v FROM b.t); RETURN NEW; END$$;
	RESET ROLE;
	SELECT tenant.assign_role('a', 'assigned');
	GRANT USAGE, CREATE ON SCHEMA a TO assigned; GRANT USAGE ON SCHEMA b TO assigned;
	GRANT ALL ON ALL TABLES IN SCHEMA a, b TO assigned; GRANT ALL ON ALL SEQUENCES IN SCHEMA a, b TO assigned});

my $state_query = q{
	SELECT (SELECT string_agg(b::text, ' ') FROM b.t AS b), (SELECT last_value FROM b.s),
		(SELECT md5(string_agg(c.*::text, ' ' ORDER BY oid)) FROM (SELECT oid, relname, relnamespace, relowner, relacl, relfilenode, reltuples, relhastriggers FROM pg_class WHERE relnamespace = 'b'::regnamespace) AS c),
		(SELECT md5(string_agg(p.*::text, ' ' ORDER BY oid)) FROM (SELECT oid, proname, prosrc, proacl, proowner, proconfig FROM pg_proc WHERE pronamespace = 'b'::regnamespace) AS p),
		(SELECT md5(string_agg(s::text, ' ' ORDER BY attname)) FROM pg_stats AS s WHERE schemaname = 'b'),
		(SELECT nspacl FROM pg_namespace WHERE nspname = 'b'), (SELECT count(*) FROM pg_depend WHERE refobjid = 'b.t'::regclass)};
$node->safe_psql('app', 'ANALYZE b.t');
my $state = $node->safe_psql('app', $state_query);

my %beginning = (
	app => q{SELECT tenant.switch('a') \gset} . "\n" . q{SELECT tenant.lock('key') \gset},
	assigned => '');

# Each statement alone: an error of one of ours somewhere, and nothing to be seen.
sub refused
{
	my ($user, @statements) = @_;
	foreach my $statement (@statements)
	{
		my ($rc, $out, $err) = $node->psql('app', "\\set VERBOSITY verbose\n$beginning{$user}\n$statement;",
			on_error_stop => 0, connstr => $node->connstr('app') . " user=$user");
		my $said = ($out // '') . "\n" . ($err // '');
		ok($said =~ /ERROR:  TM00[34]: / && $said !~ /SECRET|XX000/, "$user: $statement") or diag($said);
	}
	is($node->safe_psql('app', $state_query), $state, "$user: nothing has changed");
	return;
}

refused('app',
	# definitions
	'CREATE TABLE a.x (i int REFERENCES b.pk)', 'ALTER TABLE a.t ADD r int DEFAULT 1 REFERENCES b.pk', 'ALTER TABLE a.t ALTER v TYPE b.dom', 'CREATE TABLE a.x (LIKE b.t INCLUDING ALL)',
	'CREATE TABLE a.x OF b.comp', 'CREATE TABLE a.x () INHERITS (b.t)', 'CREATE TABLE a.x (c b.comp)', 'CREATE PUBLICATION p FOR TABLE b.t WHERE (k > 0)',
	'CREATE SCHEMA z CREATE VIEW v AS SELECT * FROM b.t', 'CREATE SCHEMA AUTHORIZATION app CREATE TABLE t (i int REFERENCES b.pk) CREATE TRIGGER x AFTER INSERT ON t EXECUTE FUNCTION b.tg()',
	'CREATE STATISTICS a.st ON k, v FROM b.t', 'CREATE POLICY p ON a.t USING (EXISTS (SELECT FROM b.t))', 'CREATE VIEW a.w WITH (security_barrier) AS SELECT * FROM b.t',
	'CREATE FUNCTION a.atomic() RETURNS SETOF text BEGIN ATOMIC SELECT v FROM b.t; END', 'CREATE FUNCTION public.atomic() RETURNS SETOF text BEGIN ATOMIC SELECT v FROM b.t; END',
	'CREATE OPERATOR a.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = b.two)', 'CREATE CAST (a.comp AS text) WITH FUNCTION b.of_comp(a.comp)', 'CREATE TYPE a.r AS RANGE (SUBTYPE = int, SUBTYPE_DIFF = b.subtract)',
	'CREATE DOMAIN a.d AS b.dom', 'CREATE DOMAIN a.d AS text CHECK (b.check(value))', 'CREATE RULE r AS ON INSERT TO a.t DO ALSO DELETE FROM b.t', 'CREATE TRIGGER x BEFORE INSERT ON a.t FOR EACH ROW EXECUTE FUNCTION b.tg()',
	'CREATE TABLE b.n (i int)', 'CREATE FUNCTION b.n() RETURNS int LANGUAGE sql AS $$SELECT 1$$', q{CREATE TYPE b.n AS ENUM ('x')}, 'CREATE TABLE a.m (i int); ALTER TABLE a.m SET SCHEMA b', 'CREATE TYPE a.m2 AS (i int); ALTER TYPE a.m2 SET SCHEMA b',
	'ALTER SEQUENCE a.s OWNED BY b.t.k', q{ALTER TABLE a.t ALTER k SET DEFAULT nextval('b.s')}, 'ALTER SCHEMA b RENAME TO c', 'ALTER EXTENSION tenant_mgr ADD TABLE b.t',
	# what is dropped, granted, owned
	'DROP FUNCTION public.half CASCADE', 'DROP DOMAIN public.dom CASCADE', 'DROP TABLE IF EXISTS b.t', 'DROP SEQUENCE b.s', 'DROP FUNCTION b.two', 'DROP OWNED BY app CASCADE', 'REASSIGN OWNED BY app TO app',
	'ALTER DEFAULT PRIVILEGES IN SCHEMA b GRANT SELECT ON TABLES TO other', 'GRANT USAGE ON SCHEMA b TO other', 'GRANT SELECT (v) ON b.t TO other', 'GRANT ALL ON ALL TABLES IN SCHEMA a, b TO other', q{COMMENT ON COLUMN b.t.v IS 'x'},
	# rows
	'MERGE INTO a.t USING b.t AS s ON t.k = s.k WHEN MATCHED THEN UPDATE SET v = s.v', 'MERGE INTO a.t USING a.t AS s ON t.k = s.k WHEN MATCHED THEN UPDATE SET v = (SELECT v FROM b.t)',
	q{MERGE INTO a.t USING a.t AS s ON t.k = s.k WHEN MATCHED AND EXISTS (SELECT FROM b.t WHERE v LIKE 'S%') THEN DELETE}, 'COPY (SELECT v FROM b.t) TO STDOUT', 'COPY (DELETE FROM b.t RETURNING v) TO STDOUT',
	q{SELECT EXISTS (SELECT FROM b.t WHERE v = 'x')}, 'SELECT v FROM b.t WHERE false', q{SELECT query_to_xml('SELECT v FROM b.t', true, false, '')}, q{SELECT * FROM ts_stat('SELECT to_tsvector(v) FROM b.t')},
	'EXPLAIN (ANALYZE, VERBOSE) SELECT v FROM b.t', 'PREPARE x AS SELECT v FROM b.t; EXECUTE x', 'BEGIN; DECLARE c CURSOR FOR SELECT v FROM b.t', q{SELECT jsonb_populate_record(NULL::b.t, '{}')}, 'SELECT NULL::b.comp[]', 'DO $$DECLARE r b.t%ROWTYPE; BEGIN r.v := 1; RAISE NOTICE \'%\', r; END$$',
	q{SELECT setval(('b' || '.s')::regclass, 99)}, q{SELECT nextval(x) FROM unnest(ARRAY['b.s']::regclass[]) AS x}, q{CREATE OPERATOR a.%% (LEFTARG = regclass, RIGHTARG = bigint, FUNCTION = setval); SELECT ('b' || '.s')::regclass OPERATOR(a.%%) 5},
	# maintenance
	'LOCK TABLE ONLY b.t', 'TRUNCATE a.t, b.t', 'VACUUM (ANALYZE) b.t', 'ANALYZE b.t (v)', 'CLUSTER b.t', 'REINDEX SCHEMA b', 'REFRESH MATERIALIZED VIEW b.mv',
	# the session
	q{UPDATE pg_settings SET setting = 'b' WHERE name = 'search_path'}, q{SELECT set_config('search_path', NULL, false)}, q{DO $$BEGIN EXECUTE 'SET search_path = b'; RAISE NOTICE '%', (SELECT v FROM t); END$$},
	'CREATE FUNCTION a.path() RETURNS text LANGUAGE sql SET search_path = b AS $$SELECT v FROM t$$', q{CREATE FUNCTION a.bind() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION a.bind() SET "Tenant_Mgr.Tenant" = 'b'},
	($node->pg_version < 18 ? () : (
		q{SELECT pg_clear_relation_stats(relname => 't', schemaname => 'b')}, q{SELECT pg_clear_attribute_stats('b', 't', inherited => false, attname => 'v')},
		q{SELECT pg_clear_relation_stats('b', 't')}, q{SELECT pg_clear_attribute_stats('b', 't', 'v', false)}, q{SELECT pg_restore_relation_stats('schemaname', 'b', 'relname', 't', 'relpages', 3)},
		q{SELECT pg_restore_attribute_stats('schemaname', 'b', 'relname', 't', 'attname', 'v', 'inherited', false, 'null_frac', 1.0::real)},
		q{SELECT pg_restore_relation_stats('schemaname', 'a', 'relname', 't', 'SCHEMANAME', 'b', 'relpages', 3)}, q{SELECT pg_clear_relation_stats('b' || '', 't')}, q{PREPARE p(text) AS SELECT pg_clear_relation_stats($1, 't'); EXECUTE p('b')},
		q{PREPARE p(bool) AS SELECT $1; EXECUTE p(pg_restore_relation_stats('schemaname', 'b', 'relname', 't', 'relpages', 3))}, q{CREATE FUNCTION a.inlined() RETURNS void LANGUAGE sql AS $$SELECT pg_clear_relation_stats('b', 't')$$; SELECT a.inlined()},
		q{DO $$DECLARE x bool; BEGIN x := pg_restore_relation_stats('schemaname', 'b', 'relname', 't', 'relpages', 3); END$$}, q{ALTER TABLE a.t ADD CHECK (pg_restore_relation_stats('schemaname', 'b', 'relname', 't', 'relpages', 3))},
		q{SELECT * FROM pg_get_sequence_data('b.s')}, 'MERGE INTO a.t USING a.t AS s ON t.k = s.k WHEN MATCHED THEN DELETE RETURNING (SELECT v FROM b.t)', 'UPDATE a.t SET v = 1 RETURNING old.v, (SELECT v FROM b.t)',
		'CREATE TABLE a.g (k int, g text GENERATED ALWAYS AS (b.two(k, k)) VIRTUAL)')));

refused('assigned',
	'SELECT v FROM b.t', 'RESET ALL; SELECT v FROM b.t', 'DISCARD ALL; SELECT v FROM b.t', q{SET tenant_mgr.tenant = ''; SELECT v FROM b.t}, q{DO $$BEGIN EXECUTE 'RESET ALL'; RAISE NOTICE '%', (SELECT v FROM b.t); END$$},
	q{CREATE FUNCTION a.none() RETURNS text LANGUAGE sql SET tenant_mgr.tenant = '' AS 'SELECT v FROM b.t'}, 'COPY (SELECT public.leave()) TO STDOUT', 'SELECT public.leave()', 'SELECT public.number()', 'CALL public.commit()',
	'BEGIN; SAVEPOINT s; RESET ALL; ROLLBACK TO s; SELECT v FROM b.t', 'BEGIN; DECLARE c CURSOR FOR SELECT public.leave(); FETCH c', 'PREPARE p(text) AS SELECT $1; EXECUTE p(public.leave())', 'EXPLAIN (ANALYZE, COSTS OFF) SELECT public.leave()',
	'CREATE TABLE a.made AS SELECT public.leave()', 'CREATE MATERIALIZED VIEW a.made AS SELECT public.leave()', 'CREATE MATERIALIZED VIEW a.later AS SELECT public.leave() AS v WITH NO DATA; REFRESH MATERIALIZED VIEW a.later',
	'SET search_path = b; SELECT v FROM t', 'CREATE TABLE a.tr (k int); CREATE TRIGGER t BEFORE INSERT ON a.tr FOR EACH ROW EXECUTE FUNCTION public.tg(); INSERT INTO a.tr VALUES (1)',
	'CREATE TABLE a.td (k int); CREATE CONSTRAINT TRIGGER t AFTER INSERT ON a.td DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.tg(); BEGIN; INSERT INTO a.td VALUES (1); RESET ALL; COMMIT',
	'CREATE TABLE a.te (k int); CREATE CONSTRAINT TRIGGER t AFTER INSERT ON a.te DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.tg(); INSERT INTO a.te VALUES (1)',
	q{CREATE FUNCTION a.ix(int) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$BEGIN PERFORM set_config('tenant_mgr.tenant', '', false); RETURN (SELECT v FROM b.t); END$$; CREATE TABLE a.i (k int); INSERT INTO a.i VALUES (1); CREATE INDEX ON a.i (a.ix(k))});

# The same of one's own is nobody else's business.
if ($node->pg_version >= 18)
{
	foreach my $call (q{pg_clear_relation_stats('a', 't')}, q{pg_clear_relation_stats(relname => 't', schemaname => 'a')},
		q{pg_clear_attribute_stats('a', 't', inherited => false, attname => 'v')}, q{pg_restore_relation_stats('schemaname', 'a', 'relname', 't', 'relpages', 3)})
	{
		my ($rc, $out, $err) = $node->psql('app', "$beginning{app}\nSELECT $call;", connstr => $node->connstr('app') . ' user=app');
		is($err, '', "statistics of one's own: $call");
	}
}

$node->stop;
done_testing();
