# 050_guard.pl: a session bound to tenant a tries to reach tenant b, by every way
# that a hostile reviewer has thought of, as superuser, as owner and as a role
# that has been granted everything in both.  Each attempt has to fail with TM003
# (or another refusal that is named), none may show a value of b or change it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use TenantTest;

my $node = new_node('guard', "shared_preload_libraries = 'tenant_mgr'\nmax_prepared_transactions = 2\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	CREATE ROLE regress_tm_own_a LOGIN;
	CREATE ROLE regress_tm_own_b LOGIN;
	CREATE ROLE regress_tm_app LOGIN;
	CREATE ROLE regress_tm_login_a LOGIN;
	SELECT tenant.create('a'), tenant.create('b');
	ALTER SCHEMA a OWNER TO regress_tm_own_a;
	ALTER SCHEMA b OWNER TO regress_tm_own_b;
	GRANT CREATE ON DATABASE app TO regress_tm_own_a;
	GRANT CREATE ON SCHEMA public TO regress_tm_own_a, regress_tm_own_b;

	SET ROLE regress_tm_own_b;
	CREATE TABLE b.t (id int PRIMARY KEY, v text);
	INSERT INTO b.t SELECT i, 'CANARY' || i FROM generate_series(1, 100) AS i;
	CREATE TABLE b.empty (id int, v text);
	CREATE TABLE b.big (v text);
	ALTER TABLE b.big ALTER v SET STORAGE EXTERNAL;
	INSERT INTO b.big VALUES (repeat('CANARY', 2000));
	CREATE INDEX t_v ON b.t (v);
	CREATE SEQUENCE b.s START 500;
	CREATE SEQUENCE b.unused;
	CREATE VIEW b.w AS SELECT v FROM b.t;
	CREATE MATERIALIZED VIEW b.m AS SELECT v FROM b.t;
	CREATE TYPE b.mood AS ENUM ('sad', 'CANARYmood');
	CREATE DOMAIN b.dom AS text;
	CREATE TYPE b.comp AS (x int, y text);
	CREATE FUNCTION b.plain() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN 'CANARYplain'; END$$;
	CREATE FUNCTION b.inlined(int) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'CANARYinlined'::text$$;
	CREATE FUNCTION b.rows() RETURNS SETOF text LANGUAGE sql STABLE AS $$SELECT v FROM b.t$$;
	CREATE FUNCTION b.definer() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$SELECT v FROM b.t LIMIT 1$$;
	CREATE FUNCTION b.state(text, text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN 'CANARYagg'; END$$;
	CREATE AGGREGATE b.agg (text) (SFUNC = b.state, STYPE = text);
	CREATE AGGREGATE b.builtin_agg (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
	CREATE PROCEDURE b.proc() LANGUAGE plpgsql AS $$BEGIN INSERT INTO b.empty VALUES (1, 'by proc'); END$$;
	CREATE FUNCTION public.definer_of_b() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$SELECT v FROM b.t LIMIT 1$$;
	CREATE VIEW public.shared_view AS SELECT v FROM b.t;
	GRANT SELECT ON public.shared_view TO PUBLIC;
	RESET ROLE;

	CREATE OPERATOR b.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl);
	CREATE VIEW a.by_su AS SELECT v FROM b.t;
	GRANT ALL ON a.by_su TO PUBLIC;
	GRANT USAGE ON SCHEMA a TO regress_tm_app, regress_tm_login_a;
	GRANT ALL ON SCHEMA b TO regress_tm_app, regress_tm_own_a;
	GRANT ALL ON SCHEMA a TO regress_tm_app;
	GRANT ALL ON ALL TABLES IN SCHEMA b TO regress_tm_app, regress_tm_own_a;
	GRANT ALL ON ALL SEQUENCES IN SCHEMA b TO regress_tm_app, regress_tm_own_a;

	SET ROLE regress_tm_own_a;
	CREATE TABLE a.t (id int PRIMARY KEY, v text);
	INSERT INTO a.t SELECT i, 'of a' FROM generate_series(1, 10) AS i;
	CREATE SEQUENCE a.s;
	CREATE TYPE a.mood AS ENUM ('fine');
	CREATE FUNCTION a.f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
	CREATE FUNCTION a.reader() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT v FROM b.t LIMIT 1); END$$;
	CREATE FUNCTION a.swallow() RETURNS text LANGUAGE plpgsql AS $$BEGIN
		RETURN (SELECT v FROM b.t LIMIT 1); EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END$$;
	CREATE FUNCTION a.dynamic() RETURNS text LANGUAGE plpgsql AS $$DECLARE r text; BEGIN
		EXECUTE format('SELECT v FROM %I.%I LIMIT 1', 'b', 't') INTO r; RETURN r; END$$;
	CREATE FUNCTION a.sql_reader() RETURNS text LANGUAGE sql STABLE AS $$SELECT v FROM b.t LIMIT 1$$;
	CREATE FUNCTION a.parallel_reader(int) RETURNS text LANGUAGE plpgsql PARALLEL SAFE AS
		$$BEGIN RETURN (SELECT v FROM b.t LIMIT 1); END$$;
	CREATE FUNCTION a.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
		$$BEGIN RAISE NOTICE 'leaked %', $1; RETURN true; END$$;
	CREATE FUNCTION a.leak(text, text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
		$$BEGIN RAISE NOTICE 'leaked %', $1; RETURN true; END$$;
	CREATE OPERATOR a.<<< (LEFTARG = text, RIGHTARG = text, FUNCTION = a.leak, RESTRICT = scalarltsel);
	CREATE VIEW a.view AS SELECT v FROM b.t;
	CREATE VIEW a.nested AS SELECT * FROM a.view;
	CREATE VIEW a.of_view AS SELECT * FROM b.w;
	RESET ROLE;
	ALTER SCHEMA a OWNER TO regress_tm_own_a;
	GRANT ALL ON ALL TABLES IN SCHEMA a TO regress_tm_app;
	GRANT ALL ON ALL SEQUENCES IN SCHEMA a TO regress_tm_app;
	ANALYZE;
});
$node->safe_psql('app', q{
	SET ROLE regress_tm_own_a;
	CREATE VIEW a.invoker WITH (security_invoker) AS SELECT v FROM b.t;
	GRANT SELECT ON a.invoker TO regress_tm_app;
});

$node->safe_psql('app', q{SELECT tenant.snapshot('a', 'one')});

my $parallel = $node->safe_psql('app', "SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')");

# What a session of a role says to a script, SQLSTATEs for messages.
sub session
{
	my ($role, $sql) = @_;
	my ($rc, $stdout, $stderr) = $node->psql('app', "\\set VERBOSITY sqlstate\n$sql",
		on_error_stop => 0, connstr => $node->connstr('app') . ($role ? " user=$role" : ''));
	return ($stdout // '') . "\n" . ($stderr // '');
}

# Everything in b, as one value: what has changed shows.
sub state_of_b
{
	return $node->safe_psql('app', q{
		SELECT md5(string_agg(r, '' ORDER BY r)) FROM (
			SELECT t::text FROM b.t UNION ALL SELECT e::text FROM b.empty AS e UNION ALL SELECT g::text FROM b.big AS g
			UNION ALL SELECT m::text FROM b.m UNION ALL SELECT concat(last_value, is_called) FROM b.s
			UNION ALL SELECT concat(last_value, is_called) FROM b.unused
			UNION ALL SELECT concat_ws(',', c.relname, c.relkind, c.relowner, c.relacl, c.relhastriggers, c.relhasrules, c.relhassubclass, c.relispartition,
				c.relfilenode, c.relchecks, c.relreplident, obj_description(c.oid, 'pg_class'))
				FROM pg_class AS c WHERE relnamespace = 'b'::regnamespace
			UNION ALL SELECT concat(proname, proacl) FROM pg_proc WHERE pronamespace = 'b'::regnamespace
			UNION ALL SELECT concat(typname, typowner) FROM pg_type WHERE typnamespace = 'b'::regnamespace
			UNION ALL SELECT concat(nspname, nspowner, nspacl) FROM pg_namespace WHERE nspname = 'b'
			UNION ALL SELECT extract(epoch FROM coalesce(last_vacuum, last_analyze))::text FROM pg_stat_user_tables WHERE schemaname = 'b'
			UNION ALL SELECT stxname FROM pg_statistic_ext WHERE stxnamespace = 'b'::regnamespace
			UNION ALL SELECT polname FROM pg_policy WHERE polrelid = 'b.t'::regclass) AS x (r)});
}

my $before = state_of_b();
my @roles = ('', 'regress_tm_own_a', 'regress_tm_app');

# refused LABEL, SQL[, SQLSTATES[, ROLES]]: bound to a, the last error of the
# script is one of these.  A label begins with a number of the list in
# docs/security.md.
sub refused
{
	my ($label, $sql, $states, $as) = @_;
	$states //= 'TM003';
	foreach my $role (@{ $as // \@roles })
	{
		my @modes = $sql =~ /^\s*(SELECT|TABLE|WITH)/i ? ('off', 'on') : ('off');
		foreach my $mode (@modes)
		{
			my $answer = session($role, "SET $parallel = $mode; SELECT tenant.switch('a') \\gset\n$sql");
			my $who = ($role || 'superuser') . ($mode eq 'on' ? ', parallel' : '');
			my ($state) = $answer =~ /.*ERROR:\s+(\w{5})/s;
			if (defined $state && $state =~ /^($states)$/ && $answer !~ /CANARY/)
			{
				pass("$label ($who)");
			}
			else
			{
				fail("$label ($who)");
				diag("$sql\n$answer");
				BAIL_OUT('the server is gone') if $answer =~ /server closed the connection/;
			}
		}
	}
	return;
}

# The same for COPY ... FROM STDIN; psql must not take the data for statements
# when there has been an error.
sub refused_copy
{
	my ($label, $sql) = @_;
	refused($label, "\\set ON_ERROR_STOP on\n$sql");
	return;
}

# allowed LABEL, SQL, RESULT[, ROLES]
sub allowed
{
	my ($label, $sql, $result, $as) = @_;
	foreach my $role (@{ $as // \@roles })
	{
		my $answer = session($role, "SELECT tenant.switch('a') \\gset\n$sql");
		$answer =~ s/^\s+|\s+$//g;
		is($answer, $result, "$label (" . ($role || 'superuser') . ')');
	}
	return;
}

my ($su, $owner, $app) = ([''], ['regress_tm_own_a'], ['regress_tm_app']);

# B1: by its name
refused("B1 $_", $_) foreach (
	'SELECT * FROM b.t', 'SELECT count(*) FROM b.t', 'TABLE b.t', 'SELECT * FROM ONLY b.t',
	'SELECT v FROM b.t WHERE id = 1 FOR UPDATE', 'WITH x AS (SELECT v FROM b.t) SELECT * FROM x',
	'WITH x AS MATERIALIZED (SELECT v FROM b.t) SELECT 1', 'SELECT (SELECT v FROM b.t LIMIT 1)',
	'SELECT * FROM a.t, LATERAL (SELECT v FROM b.t WHERE b.t.id = a.t.id) AS x',
	'SELECT 1 WHERE EXISTS (SELECT FROM b.t)', 'SELECT v FROM a.t WHERE id IN (SELECT id FROM b.t)',
	'SELECT v FROM b.t TABLESAMPLE SYSTEM (100)', q{SELECT v FROM b.t WHERE ctid = '(0,1)'},
	'SELECT v FROM a.t UNION ALL SELECT v FROM b.t', 'SELECT a.t.v FROM a.t LEFT JOIN b.t USING (id)',
	'SELECT 1 FROM b.t WHERE false', 'SELECT 1 FROM a.t WHERE false AND EXISTS (SELECT FROM b.t)',
	'SELECT * FROM b.w', 'SELECT * FROM b.m', 'SELECT * FROM b.s',
	q{INSERT INTO b.t VALUES (-1, 'x')}, q{UPDATE b.t SET v = 'x'}, 'DELETE FROM b.t',
	q{INSERT INTO b.t VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET v = 'x'},
	'INSERT INTO a.t SELECT -id, v FROM b.t', 'UPDATE a.t SET v = b.t.v FROM b.t', 'DELETE FROM a.t USING b.t',
	q{MERGE INTO b.t AS x USING a.t AS y ON x.id = y.id WHEN MATCHED THEN UPDATE SET v = 'x'},
	'MERGE INTO a.t AS x USING b.t AS y ON x.id = y.id WHEN MATCHED THEN UPDATE SET v = y.v',
	'WITH x AS (DELETE FROM b.t RETURNING v) SELECT * FROM x',
	'SET search_path = b; SELECT * FROM t', q{SELECT set_config('search_path', 'b', false); SELECT * FROM t},
	'BEGIN; SAVEPOINT s; SELECT * FROM b.t; ROLLBACK TO s; SELECT * FROM b.t');
refused('B1 table of large values', q{SELECT reltoastrelid::regclass AS toast FROM pg_class WHERE relname = 'big' AND relnamespace = 'b'::regnamespace \gset
SELECT * FROM :toast}, 'TM003|42501');

# B2: COPY
refused_copy('B2 COPY FROM', "COPY b.t FROM STDIN;\n-7\tx\n\\.\n");
refused("B2 $_", $_) foreach (
	'COPY b.t TO STDOUT', 'COPY b.t (v) TO STDOUT', 'COPY (SELECT v FROM b.t) TO STDOUT',
	'COPY (DELETE FROM b.t RETURNING v) TO STDOUT');
refused('B2 COPY TO PROGRAM', q{COPY b.t TO PROGRAM 'cat >/dev/null'}, 'TM003', $su);

# B3: utility statements.  The ones in the first group are also tried by way of
# the search path.
my @utility = (
	'LOCK TABLE b.t', 'TRUNCATE b.t', 'ANALYZE b.t', 'ANALYZE b.t (v)', 'VACUUM b.t', 'VACUUM (ANALYZE) b.t', 'VACUUM FULL b.t',
	'CLUSTER b.t USING t_v', 'REINDEX TABLE b.t', 'REINDEX INDEX b.t_v', 'REINDEX (CONCURRENTLY) TABLE b.t',
	'CREATE INDEX ON b.t (id, v)', 'CREATE INDEX CONCURRENTLY ON b.t (id, v)', 'CREATE STATISTICS b.stat ON id, v FROM b.t',
	q{CREATE TRIGGER x BEFORE INSERT ON b.t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()},
	'CREATE RULE x AS ON INSERT TO b.t DO INSTEAD NOTHING', 'CREATE POLICY x ON b.t', 'REFRESH MATERIALIZED VIEW b.m',
	q{COMMENT ON TABLE b.t IS 'x'}, q{COMMENT ON COLUMN b.t.v IS 'x'}, q{COMMENT ON FUNCTION b.plain() IS 'x'}, q{COMMENT ON TYPE b.mood IS 'x'},
	'GRANT SELECT ON b.t TO PUBLIC', 'REVOKE ALL ON b.t FROM PUBLIC', 'GRANT USAGE ON SEQUENCE b.s TO PUBLIC', 'GRANT EXECUTE ON FUNCTION b.plain() TO PUBLIC',
	'GRANT USAGE ON TYPE b.mood TO PUBLIC', 'DROP TABLE b.t', 'DROP VIEW b.w', 'DROP MATERIALIZED VIEW b.m', 'DROP SEQUENCE b.unused', 'DROP FUNCTION b.plain()',
	'DROP TYPE b.comp', 'DROP INDEX b.t_v', 'DROP INDEX CONCURRENTLY b.t_v', 'DROP DOMAIN b.dom',
	'ALTER TABLE b.t ADD COLUMN x int', 'ALTER TABLE b.t OWNER TO regress_tm_own_a', 'ALTER TABLE b.t RENAME TO u', 'ALTER TABLE b.t SET SCHEMA a',
	'ALTER SEQUENCE b.s RESTART', 'ALTER SEQUENCE b.unused OWNED BY NONE', 'ALTER INDEX b.t_v RENAME TO x', 'ALTER FUNCTION b.plain() STABLE', 'ALTER FUNCTION b.plain() RENAME TO x',
	q{ALTER TYPE b.mood ADD VALUE 'x'}, 'ALTER TYPE b.comp ADD ATTRIBUTE z int', 'ALTER DOMAIN b.dom SET NOT NULL', 'ALTER VIEW b.w RENAME TO x');
foreach my $sql (@utility)
{
	# Owners only may do most of it; what counts for others is that nothing is done.
	refused("B3 $sql", $sql, 'TM003', $su);
	refused("B3 $sql", $sql, 'TM003|42501', [ 'regress_tm_own_a', 'regress_tm_app' ]);
	my $by_path = $sql =~ s/\bb\.//gr;
	refused("B3 by search path: $sql", "SET search_path = b; $by_path", 'TM003', $su);
}
refused("B3 $_", $_, 'TM003', $su) foreach (
	'REINDEX SCHEMA b', 'REINDEX DATABASE app', 'CLUSTER', 'COMMENT ON SCHEMA b IS NULL', 'GRANT USAGE ON SCHEMA b TO PUBLIC', 'REVOKE ALL ON SCHEMA b FROM regress_tm_app',
	'GRANT SELECT ON ALL TABLES IN SCHEMA b TO PUBLIC', 'ALTER DEFAULT PRIVILEGES IN SCHEMA b GRANT SELECT ON TABLES TO PUBLIC',
	'DROP SCHEMA b', 'DROP SCHEMA b CASCADE', 'ALTER SCHEMA b RENAME TO x', 'ALTER SCHEMA b OWNER TO regress_tm_own_a',
	'DROP OWNED BY regress_tm_own_b', 'DROP OWNED BY regress_tm_app', 'REASSIGN OWNED BY regress_tm_own_b TO regress_tm_own_a',
	'CREATE TABLE b.new (x int)', 'CREATE TABLE b.new AS SELECT 1 AS x', 'CREATE VIEW b.new AS SELECT 1 AS x', 'CREATE SEQUENCE b.new', q{CREATE FUNCTION b.new() RETURNS int LANGUAGE sql AS 'SELECT 1'},
	'CREATE TYPE b.new AS (x int)', q{CREATE TYPE b.new AS ENUM ('x')}, 'CREATE DOMAIN b.new AS int', 'SET search_path = b; CREATE TABLE new (x int)', 'SET search_path = b; CREATE TYPE new',
	'CREATE TABLE a.new (LIKE b.t)', 'CREATE TABLE a.new (x b.mood)', 'CREATE TABLE a.new (x b.mood[])', 'CREATE TABLE a.new OF b.comp', 'CREATE DOMAIN a.new AS b.mood',
	'CREATE TYPE a.new AS (x b.mood)', 'SET search_path = b; CREATE TABLE a.new (x mood)', 'CREATE FUNCTION a.new(b.mood) RETURNS int LANGUAGE sql AS $$SELECT 1$$',
	'CREATE TRIGGER x BEFORE INSERT ON a.t FOR EACH ROW EXECUTE FUNCTION b.trig()', 'ALTER TABLE a.t SET SCHEMA b', 'ALTER FUNCTION a.f(int) SET SCHEMA b', 'ALTER TYPE a.mood SET SCHEMA b',
	'CREATE EXTENSION citext SCHEMA b', 'CREATE PUBLICATION p FOR TABLE b.t', 'CREATE PUBLICATION p FOR TABLES IN SCHEMA b',
	'CREATE AGGREGATE a.new (text) (SFUNC = b.state, STYPE = text)', 'CREATE OPERATOR b.### (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl)', 'DROP OPERATOR b.@@@ (int, int)',
	'ALTER TABLE a.t ALTER v TYPE b.dom', q{ALTER TABLE a.t ADD COLUMN m b.mood DEFAULT 'sad'},
	'CREATE RULE x AS ON INSERT TO a.t DO ALSO INSERT INTO b.t VALUES (NEW.id, NEW.v)', 'CREATE POLICY x ON a.t USING (EXISTS (SELECT FROM b.t))');

# B4: sequences, by constants, values, and functions of all kinds
$node->safe_psql('app', q{
	SET ROLE regress_tm_own_a;
	CREATE FUNCTION a.next_sql(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT nextval($1)';
	CREATE FUNCTION a.next_named() RETURNS bigint LANGUAGE sql AS $$SELECT pg_catalog.nextval('b.s')$$;
	CREATE FUNCTION a.next_hidden() RETURNS bigint LANGUAGE sql AS $$SELECT U&"nextv\0061l"('b.s')$$;
	CREATE FUNCTION a.next_rows() RETURNS SETOF bigint LANGUAGE sql STABLE AS $$SELECT nextval('b.s') FROM generate_series(1, 2)$$;
	CREATE FUNCTION a.next_atomic() RETURNS bigint LANGUAGE sql RETURN nextval('b.s'::regclass);
	CREATE FUNCTION a.next_plpgsql() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN nextval('b.s'); END$$;
	CREATE FUNCTION a.next_dynamic(text) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN nextval($1::regclass); END$$;
	CREATE PROCEDURE a.take(bigint) LANGUAGE plpgsql AS $$BEGIN END$$;
	CREATE OPERATOR a.!!! (RIGHTARG = regclass, FUNCTION = nextval);
	CREATE TYPE a.rec AS (x text);
	CREATE TABLE a.plain (x bigint, y text);
	CREATE FUNCTION a.mood_sql() RETURNS text LANGUAGE sql STABLE AS $$SELECT 'CANARYmood'::b.mood::text$$;
	CREATE FUNCTION a.mood_atomic() RETURNS text LANGUAGE sql STABLE RETURN 'CANARYmood'::b.mood::text;
	RESET ROLE;
	CREATE TABLE a.by_default (x bigint DEFAULT nextval('b.s'), y text);
	CREATE TABLE a.by_text (x bigint DEFAULT nextval('b.s'::text::regclass), y text);
	GRANT ALL ON ALL TABLES IN SCHEMA a TO regress_tm_app, regress_tm_own_a;
});
refused("B4 $_", $_) foreach (
	q{SELECT nextval('b.s')}, q{SELECT setval('b.s', 1)}, q{SELECT setval('b.s', 1, false)}, q{SELECT currval('b.s')}, q{SELECT pg_sequence_last_value('b.s')},
	q{SELECT nextval(('b' || '.s')::regclass)}, q{SELECT nextval(('b' || '.s')::text)}, q{SELECT nextval(oid) FROM pg_class WHERE relname = 's' AND relnamespace = 'b'::regnamespace},
	q{SELECT pg_catalog.nextval('b.s') FROM a.t}, q{SELECT * FROM nextval('b.s')}, q{SELECT a.next_sql('b.s')}, 'SELECT a.next_named()', 'SELECT a.next_hidden()', 'SELECT * FROM a.next_rows()',
	'SELECT a.next_atomic()', 'SELECT a.next_plpgsql()', q{SELECT a.next_dynamic('b.s')}, q{SELECT OPERATOR(a.!!!) 'b.s'::regclass},
	q{PREPARE p(regclass) AS SELECT nextval($1); EXECUTE p('b.s')}, q{PREPARE p(bigint) AS SELECT $1; EXECUTE p(nextval('b.s'))}, q{PREPARE p(bigint) AS SELECT $1; EXPLAIN EXECUTE p(nextval('b.s'))},
	q{CALL a.take(nextval('b.s'))}, q{CALL a.take(nextval(('b' || '.s')::regclass))}, q{DO $$BEGIN PERFORM nextval('b.s'); END$$}, q{EXPLAIN ANALYZE SELECT nextval('b.s')},
	q{INSERT INTO a.plain VALUES (nextval('b.s'))}, 'INSERT INTO a.by_default (y) VALUES (1)', 'INSERT INTO a.by_text (y) VALUES (1)',
	q{UPDATE a.t SET v = nextval('b.s')}, q{SELECT pg_sequence_last_value(seqrelid) FROM pg_sequence WHERE seqrelid = 'b.s'::regclass}, q{SELECT set_config('search_path', 'b', false); SELECT nextval('s')});
refused_copy('B4 COPY, default', "COPY a.by_default (y) FROM STDIN;\n1\n\\.\n");
refused_copy('B4 COPY, default by text', "COPY a.by_text (y) FROM STDIN;\n1\n\\.\n");
refused_copy('B4 COPY, condition', "COPY a.plain (y) FROM STDIN WHERE nextval('b.s') > 0;\n1\n\\.\n");
refused('B4 new column', q{ALTER TABLE a.t ADD COLUMN x bigint DEFAULT nextval('b.s')}, 'TM003', $su);
refused('B4 lastval after a switch', q{SELECT tenant.switch('b'); SELECT nextval('b.unused') IS NULL; SELECT setval('b.unused', 1, false); SELECT tenant.switch('a') \gset
SELECT lastval()}, '55000');

# Types
refused("type: $_", $_) foreach (
	q{SELECT 'CANARYmood'::b.mood IS NULL}, 'SELECT enum_range(NULL::b.mood) IS NULL', q{SELECT '(1,x)'::b.comp}, q{SELECT 'x'::b.dom}, q{SELECT NULL::b.t}, q{SELECT NULL::b.mood[]},
	q{SELECT * FROM json_populate_record(NULL::b.t, '{}')}, q{SELECT * FROM json_to_record('{"x": 1}') AS x (x b.dom)}, 'SELECT a.mood_sql() IS NULL', 'SELECT a.mood_atomic() IS NULL');

# B8: triggers, rules and so on that a superuser has made, in a and for b
$node->safe_psql('app', q{
	CREATE FUNCTION a.trig() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.v := (SELECT v FROM b.t LIMIT 1); RETURN NEW; END$$;
	CREATE FUNCTION a.check_b(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN EXISTS (SELECT FROM b.t WHERE v = $1); END$$;
	CREATE FUNCTION a.gen(int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN (SELECT v FROM b.t WHERE id = $1); END$$;
	CREATE TABLE a.triggered (id int, v text);
	CREATE TRIGGER trig BEFORE INSERT ON a.triggered FOR EACH ROW EXECUTE FUNCTION a.trig();
	CREATE TABLE a.ruled (id int, v text);
	CREATE RULE r AS ON INSERT TO a.ruled DO ALSO INSERT INTO b.empty VALUES (NEW.id, NEW.v);
	CREATE TABLE a.defaulted (id int, v text DEFAULT a.gen(1));
	CREATE TABLE a.checked (id int, v text CHECK (a.check_b(v)));
	CREATE TABLE a.generated (id int, v text GENERATED ALWAYS AS (a.gen(id)) STORED);
	CREATE TABLE a.indexed (id int, v text);
	CREATE INDEX ON a.indexed (a.gen(id));
	CREATE TABLE a.secured (id int, v text);
	INSERT INTO a.secured VALUES (1, 'of a');
	CREATE POLICY p ON a.secured USING (EXISTS (SELECT FROM b.t WHERE b.t.id = secured.id));
	ALTER TABLE a.secured ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
	CREATE FUNCTION b.trig() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.v := 'CANARYtrig'; RETURN NEW; END$$;
	CREATE TABLE a.foreign_trigger (id int, v text);
	CREATE TRIGGER trig BEFORE INSERT ON a.foreign_trigger FOR EACH ROW EXECUTE FUNCTION b.trig();
	CREATE TABLE a.when_trigger (id int, v text);
	CREATE FUNCTION b.true(int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
	CREATE TRIGGER trig BEFORE INSERT ON a.when_trigger FOR EACH ROW WHEN (b.true(NEW.id)) EXECUTE FUNCTION suppress_redundant_updates_trigger();
	GRANT ALL ON ALL TABLES IN SCHEMA a TO regress_tm_app, regress_tm_own_a;

	CREATE TABLE a.parent (id int, v text);
	CREATE TABLE b.child () INHERITS (a.parent);
	INSERT INTO b.child VALUES (1, 'CANARYchild');
	CREATE TABLE a.parted (id int, v text) PARTITION BY RANGE (id);
	CREATE TABLE a.part PARTITION OF a.parted FOR VALUES FROM (0) TO (10);
	CREATE TABLE b.part PARTITION OF a.parted FOR VALUES FROM (10) TO (20);
	INSERT INTO a.parted VALUES (11, 'CANARYpart');
	CREATE TABLE a.own_parted (id int, v text) PARTITION BY RANGE (id);
	CREATE TABLE a.own_part PARTITION OF a.own_parted FOR VALUES FROM (0) TO (10);
	CREATE TABLE a.cascading (id int PRIMARY KEY);
	INSERT INTO a.cascading VALUES (1), (2);
	CREATE TABLE b.referring (id int REFERENCES a.cascading ON DELETE CASCADE ON UPDATE CASCADE);
	INSERT INTO b.referring VALUES (1);
	CREATE TABLE a.refers (id int REFERENCES b.t);
	CREATE VIEW b.depends AS SELECT * FROM a.plain;
	GRANT ALL ON ALL TABLES IN SCHEMA a TO regress_tm_app, regress_tm_own_a;
	ALTER TABLE a.cascading OWNER TO regress_tm_own_a;
});
$before = state_of_b();
refused("B8 $_", $_) foreach (
	'INSERT INTO a.triggered VALUES (1)', 'INSERT INTO a.ruled VALUES (1)', 'INSERT INTO a.defaulted (id) VALUES (1)', q{INSERT INTO a.checked VALUES (1, 'CANARY1')},
	'INSERT INTO a.generated VALUES (1)', 'INSERT INTO a.indexed VALUES (1)', 'INSERT INTO a.foreign_trigger VALUES (1)', 'INSERT INTO a.when_trigger VALUES (1)');
refused('B8 row security', 'SELECT * FROM a.secured', 'TM003', [ 'regress_tm_own_a', 'regress_tm_app' ]);
refused_copy('B8 COPY, trigger', "COPY a.triggered FROM STDIN;\n1\tx\n\\.\n");
refused_copy('B8 COPY, default', "COPY a.defaulted (id) FROM STDIN;\n1\n\\.\n");

# B9: children
refused("B9 $_", $_) foreach (
	'SELECT * FROM a.parent', 'SELECT * FROM a.parted', 'SELECT * FROM a.parted WHERE id = 11', q{UPDATE a.parent SET v = 'x'}, 'DELETE FROM a.parted', 'DELETE FROM a.parted WHERE id = 11',
	'INSERT INTO a.parted VALUES (12)', 'UPDATE a.parted SET id = id + 10', 'EXPLAIN SELECT * FROM a.parent',
	q{EXPLAIN SELECT 1 FROM a.parent WHERE v OPERATOR(a.<<<) 'x'});
refused_copy('B9 COPY', "COPY a.parted FROM STDIN;\n12\tx\n\\.\n");
refused("B9 $_", $_, 'TM003', $su) foreach (
	'ALTER TABLE b.t INHERIT a.parent', 'ALTER TABLE a.parted ATTACH PARTITION b.empty FOR VALUES FROM (30) TO (40)', 'ALTER TABLE a.parted DETACH PARTITION b.part', 'ALTER TABLE b.child NO INHERIT a.parent',
	'CREATE TABLE a.new () INHERITS (b.t)', 'TRUNCATE a.parent', 'TRUNCATE a.parted', 'ALTER TABLE a.parent ADD COLUMN x int', 'DROP TABLE a.parent CASCADE', 'DROP TABLE a.plain CASCADE', 'BEGIN; LOCK a.parent', 'ANALYZE a.parent', 'VACUUM a.parted', 'REINDEX TABLE a.parted', 'CREATE INDEX ON a.parted (id)');
allowed('B9 rows that stay', 'INSERT INTO a.own_parted VALUES (1); SELECT count(*) > 0 FROM a.own_parted; SELECT count(*) FROM ONLY a.parent', "t\n0");

# B10: foreign keys
refused("B10 $_", $_, 'TM003', [ '', 'regress_tm_own_a' ]) foreach ('DELETE FROM a.cascading WHERE id = 1', 'UPDATE a.cascading SET id = 7 WHERE id = 1', 'TRUNCATE a.cascading CASCADE');
refused("B10 $_", $_) foreach ('INSERT INTO a.refers VALUES (1)');
refused("B10 $_", $_, 'TM003', $su) foreach (
	'ALTER TABLE a.plain ADD FOREIGN KEY (x) REFERENCES b.t', 'ALTER TABLE a.plain ADD FOREIGN KEY (x) REFERENCES b.t NOT VALID', 'CREATE TABLE a.new (x int REFERENCES b.t)', 'SET search_path = b; CREATE TABLE a.new (x int REFERENCES t)', 'ALTER TABLE b.empty ADD FOREIGN KEY (id) REFERENCES a.t');

# B5: functions that run queries
refused("B5 $_", $_) foreach (
	q{SELECT query_to_xml('SELECT v FROM b.t', true, true, '')}, q{SELECT table_to_xml('b.t', true, true, '')},
	q{SELECT schema_to_xml('b', true, true, '')}, q{SELECT database_to_xml(true, true, '')},
	q{SELECT * FROM ts_stat('SELECT to_tsvector(v) FROM b.t')}, q{SELECT query_to_xmlschema('SELECT v FROM b.t', true, true, '')},
	q{SELECT ts_rewrite('a'::tsquery, 'SELECT v::tsquery, v::tsquery FROM b.t')});

# B6: views
refused("B6 $_", $_) foreach (
	'SELECT * FROM a.view', 'SELECT * FROM a.nested', 'SELECT * FROM a.of_view', 'SELECT * FROM a.by_su', 'SELECT * FROM a.invoker',
	'SELECT * FROM public.shared_view', 'UPDATE a.view SET v = 1', 'DELETE FROM a.nested');
refused('B6 materialized view', 'CREATE MATERIALIZED VIEW a.mine AS SELECT v FROM b.t');
refused('B6 table', 'CREATE TABLE a.mine AS SELECT v FROM b.t');
refused('B6 temporary view', 'CREATE TEMP VIEW mine AS SELECT v FROM b.t');
refused('B6 temporary view from before', q{SELECT tenant.reset() \gset
CREATE TEMP VIEW mine AS SELECT v FROM b.t; SELECT tenant.switch('a') \gset
SELECT * FROM mine});

# B7: functions
refused("B7 $_", $_) foreach (
	'SELECT b.plain()', 'SELECT b.inlined(1)', 'SELECT * FROM b.rows()', 'SELECT b.definer()', 'CALL b.proc()',
	'SELECT b.agg(v) FROM a.t', 'SELECT b.builtin_agg(id) FROM a.t', 'SELECT b.builtin_agg(id) OVER () FROM a.t', 'SELECT b.inlined(id) FROM a.t',
	'SELECT a.reader()', 'SELECT a.sql_reader()', 'SELECT a.dynamic()', 'SELECT a.parallel_reader(id) FROM a.t',
	'SELECT public.definer_of_b()', 'SELECT 1 FROM a.t ORDER BY b.inlined(id)');

refused('B7 index', 'CREATE INDEX ON a.t (b.inlined(id))', 'TM003', [ '', 'regress_tm_own_a' ]);

# B11: dynamic SQL, errors that are swallowed
refused("B11 $_", $_) foreach (
	q{DO $$BEGIN PERFORM v FROM b.t; END$$}, q{DO $$BEGIN EXECUTE 'SELECT v FROM b.t'; END$$},
	q{DO $$DECLARE r record; BEGIN FOR r IN SELECT v FROM b.t LOOP RAISE NOTICE '%', r.v; END LOOP; END$$},
	q{DO $$DECLARE c refcursor; r text; BEGIN OPEN c FOR SELECT v FROM b.t; FETCH c INTO r; RAISE NOTICE '%', r; END$$});
allowed('B11 a swallowed error yields no data', 'SELECT a.swallow(); SELECT tenant.current()', "TM003\na");

# B12, B13: prepared statements and cursors
foreach my $mode ('auto', 'force_generic_plan', 'force_custom_plan')
{
	my $set = "SET plan_cache_mode = $mode;";
	my $answer = session('', "$set SELECT tenant.switch('b') \\gset\nPREPARE p AS SELECT count(v) FROM b.t; PREPARE q AS SELECT length(b.inlined(1));
		EXECUTE p; EXECUTE q; SELECT tenant.switch('a') \\gset\n\\echo bound to a\nEXECUTE p; EXECUTE q; SELECT tenant.switch('b') \\gset\nEXECUTE p;");
	like($answer, qr/^100\n13\nbound to a\n100\n+.*ERROR:  TM003\n.*ERROR:  TM003$/s, "B12 prepared in b, executed in a and b again, $mode");
	$answer = session('', "$set SET search_path = b; PREPARE p AS SELECT count(*) FROM t; RESET search_path; SELECT tenant.switch('b') \\gset\nEXECUTE p; SELECT tenant.switch('a') \\gset\nEXECUTE p;");
	is($answer, "100\n10\n", "B12 a name means the tenant's own table, $mode");
}
refused('B13 cursor', 'BEGIN; DECLARE c CURSOR FOR SELECT v FROM b.t; FETCH c', '25P02');
refused('B13 cursor that is held', 'DECLARE c CURSOR WITH HOLD FOR SELECT v FROM b.t', 'TM003');

# B18: plans
refused("B18 $_", $_) foreach (
	'EXPLAIN SELECT * FROM b.t', 'EXPLAIN ANALYZE SELECT * FROM b.t', 'PREPARE p AS SELECT * FROM b.t; EXPLAIN EXECUTE p',
	'EXPLAIN UPDATE b.t SET v = 1', 'EXPLAIN SELECT * FROM a.view', 'EXPLAIN CREATE TABLE a.x AS TABLE b.t');

# B19: operators that tell, also those that the planner calls on statistics
refused("B19 $_", $_) foreach (
	'SELECT 1 FROM b.t WHERE a.leak(v)', 'SELECT 1 FROM a.view WHERE a.leak(v)',
	q{SELECT 1 FROM b.t WHERE v OPERATOR(a.<<<) 'x'}, q{EXPLAIN SELECT 1 FROM b.t WHERE v OPERATOR(a.<<<) 'x'},
	q{EXPLAIN SELECT 1 FROM a.by_su WHERE v OPERATOR(a.<<<) 'x'}, q{EXPLAIN SELECT 1 FROM public.shared_view WHERE v OPERATOR(a.<<<) 'x'});

# What is the session's own stays within reach.
allowed('own table', 'SELECT count(*) FROM t; SELECT count(*) FROM a.t', "10\n10");
allowed('own function and sequence', q{SELECT a.f(1); SELECT nextval('a.s') > 0; SELECT 'fine'::mood}, "2\nt\nfine");
$node->safe_psql('app', q{
	CREATE FUNCTION a.nextval(int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 100';
	CREATE FUNCTION a.setval(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
	CREATE FUNCTION a.currval(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT nextval($1)';
});
allowed('own functions called like those of sequences', q{PREPARE p (int, text) AS SELECT $1, $2; EXECUTE p (a.nextval(5), a.setval('x'));
	SELECT a.nextval(5), a.setval('x'); CREATE TEMP TABLE x (i int); COPY x FROM STDIN WHERE a.nextval(i) > 0;
1
\.
SELECT count(*) FROM x}, "105|x\n105|x\n1");
refused("B4 $_", $_) foreach (q{SELECT a.currval('b.s')}, q{PREPARE p (bigint) AS SELECT $1; EXECUTE p (a.currval('b.s'))}, q{PREPARE p (bigint) AS SELECT $1; EXECUTE p (pg_catalog.nextval('b.s'))});
refused_copy('B4 COPY, condition by own function', "CREATE TEMP TABLE x (i int);\nCOPY x FROM STDIN WHERE a.currval('b.s') > 0;\n1\n\\.\n");
$node->safe_psql('app', 'DROP FUNCTION a.nextval(int), a.setval(text), a.currval(regclass)');
allowed('shared and system schemas', 'CREATE TEMP TABLE x (y int); SELECT count(*) FROM x; SELECT count(*) > 0 FROM pg_class, information_schema.tables LIMIT 1', "0\nt");


is(state_of_b(), $before, 'nothing of b has changed');

# B12: the extended protocol.  B15: temporary tables do not hide a tenant's.
my $script = $node->basedir . '/extended.sql';
PostgreSQL::Test::Utils::append_to_file($script, "SELECT tenant.switch('b');\nSELECT v FROM b.t WHERE id = 1;\nSELECT tenant.switch('a');\nSELECT v FROM b.t WHERE id = 1;\n");
my ($stdout, $stderr) = run_command([ 'pgbench', '-n', '-M', 'prepared', '-t', '3', '-f', $script, $node->connstr('app') ]);
like($stderr, qr/command 3 .*cannot access table b\.t of tenant "b"/s, 'B12 extended protocol');
is(session('', "SELECT tenant.switch('a') \\gset\nCREATE TEMP TABLE t AS SELECT 1 AS mine; SELECT count(*) FROM t; SELECT tenant.switch('b') \\gset\nSELECT count(*) FROM t;"),
	"10\n100\n", 'B15 a temporary table hides nothing');

# B24: a role that may not use b learns from no command whether something exists.
foreach my $sql ('SELECT * FROM b.%s', 'LOCK b.%s', 'DROP TABLE b.%s', 'ALTER TABLE b.%s ADD COLUMN x int', q{COMMENT ON TABLE b.%s IS 'x'}, 'ANALYZE b.%s', 'COPY b.%s TO STDOUT',
	q{SELECT nextval('b.%s')}, 'TRUNCATE b.%s', 'GRANT SELECT ON b.%s TO PUBLIC', 'CREATE INDEX ON b.%s (x)', 'CREATE TEMP TABLE x (LIKE b.%s)', 'REINDEX TABLE b.%s')
{
	my @answers = map { session('regress_tm_login_a', "SELECT tenant.switch('a') \\gset\n\\set VERBOSITY terse\nBEGIN; " . sprintf($sql, $_)) } ('t', 'nope');
	s/character \d+|"?\b(nope|t)\b"?|stdin>:\d+//g foreach @answers;
	is($answers[0], $answers[1], "B24 no oracle: $sql");
	like($answers[0], qr/permission denied for schema b/, "B24 denied: $sql");
}

# B27: function call messages
SKIP:
{
	my $python = command_of('psql') ? `which python3` : '';
	chomp $python;
	skip 'python3 is not installed', 4 unless $python;
	foreach my $case ([ 'b.plain', 'TM003' ], [ 'b.definer', 'TM003' ], [ 'a.dynamic', 'TM003' ], [ 'tenant.current', 'a' ])
	{
		my $oid = $node->safe_psql('app', "SELECT '$case->[0]'::regproc::oid");
		($stdout, $stderr) = run_command([ $python, "$FindBin::RealBin/lib/fastpath.py", $node->connstr('app'), "SELECT tenant.switch('a')", $oid ]);
		is("$stdout$stderr", $case->[1], "B27 function call of $case->[0]");
	}
}

# B28: aborted transactions
like(session('', "SELECT tenant.switch('a') \\gset\nBEGIN; SELECT 1/0; SHOW tenant_mgr.tenant; SET work_mem = '1MB'; LOCK b.t; SELECT * FROM b.t; SELECT a.f(1); ROLLBACK; SELECT tenant.current();
	BEGIN; SELECT * FROM b.t; SELECT 1; COMMIT; SELECT count(*) FROM t"), qr/^a\n10\n.*22012.*(25P02.*){5}TM003.*25P02/s, 'B28 aborted transactions');
like(session('', "SELECT tenant.switch('a') \\gset\nBEGIN; SAVEPOINT s; DROP TABLE b.t; ROLLBACK TO s; SELECT count(*) FROM t; CREATE TABLE undone (x int); ROLLBACK; SELECT to_regclass('a.undone') IS NULL"),
	qr/^10\nt\n.*TM003/s, 'B28 savepoints');

# B29: what moves, or becomes a tenant, while a session is bound
$node->safe_psql('app', q{
	CREATE TABLE a.moving (x int); CREATE VIEW a.on_moving AS SELECT * FROM a.moving;
	CREATE SCHEMA plain CREATE TABLE t (x text); INSERT INTO plain.t VALUES ('plain');
});
my $bound = $node->background_psql('app', on_error_stop => 0);
$bound->query(q{\set VERBOSITY sqlstate});
$bound->query_safe(q{SELECT tenant.switch('a')});

sub answer
{
	my ($sql) = @_;
	$bound->{stderr} = '';
	my $out = $bound->query($sql);
	my ($state) = $bound->{stderr} =~ /ERROR:\s+(\w{5})/;
	$bound->{stderr} = '';
	return $state // $out;
}

is(answer('SELECT count(*) FROM a.on_moving'), 0, 'B29 the table is the own one');
$node->safe_psql('app', 'ALTER TABLE a.moving SET SCHEMA b');
is(answer('SELECT count(*) FROM a.on_moving'), 'TM003', 'B29 it has moved');
$node->safe_psql('app', 'ALTER TABLE b.moving SET SCHEMA a; DROP VIEW a.on_moving; DROP TABLE a.moving');
is(answer('SELECT x FROM plain.t'), 'plain', 'a schema that is no tenant can be used');
$node->safe_psql('app', q{SELECT tenant.adopt('plain')});
is(answer('SELECT x FROM plain.t'), 'TM003', 'a schema that has become one cannot');
$node->safe_psql('app', q{ALTER SYSTEM SET tenant_mgr.persistent_schemas = 'public, plain'; SELECT pg_reload_conf()});
$node->poll_query_until('app', q{SELECT current_setting('tenant_mgr.persistent_schemas') = 'public, plain'});
ok(await('plain'), 'a persistent schema can');
$node->safe_psql('app', q{ALTER SYSTEM RESET tenant_mgr.persistent_schemas; SELECT pg_reload_conf()});
ok(await('TM003'), 'and cannot any more');
$node->safe_psql('app', q{SELECT tenant.snapshot('plain', 'one'); SELECT tenant.drop('plain')});
my %schema = map { split /\|/ } split /\n/, $node->safe_psql('app', q{
	SELECT 'trash', schema_name FROM tenant.registry WHERE state = 'trashed' UNION ALL
	SELECT t.name, s.schema_name FROM tenant.snapshot_registry AS s JOIN tenant.registry AS t ON t.id = s.tenant_id});
is(answer("SELECT x FROM \"$schema{trash}\".t"), 'TM003', 'the trash is no way out');
is(answer("SELECT x FROM \"$schema{plain}\".t"), 'TM003', q{nor is a snapshot});
is(answer("SELECT count(*) FROM \"$schema{a}\".t"), 10, q{one's own is});
$bound->quit;

# Settings reach sessions when they look.
sub await
{
	my ($expected) = @_;
	foreach (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return 1 if answer('SELECT x FROM plain.t') eq $expected;
		usleep(100_000);
	}
	return 0;
}

# The extension's own work is not refused; functions of the schema that it works
# on are judged as that tenant's.
$node->safe_psql('app', q{
	SELECT tenant.create('c'); CREATE TABLE c.t (id int);
	INSERT INTO c.t VALUES (1);
	CREATE FUNCTION c.k(int) RETURNS int LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS 'BEGIN RETURN $1 % 7; END';
	CREATE INDEX k ON c.t (c.k(id));
	CREATE FUNCTION c.evil(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN (SELECT count(*) FROM a.t) + $1; END$$;
});
like(session('', q{SELECT tenant.switch('a') \gset
	SET tenant_mgr.clone_lock = none; SELECT tenant.clone('c', 'd'); SELECT tenant.rename('d', 'e'); SELECT tenant.suspend('e'); SELECT tenant.resume('e');
	SELECT tenant.snapshot('e', 'one'); SELECT tenant.rollback_to('e', 'one'); SELECT tenant.drop('e', purge => true); SELECT tenant.create('f', template => 'c'); SELECT tenant.drop('f');
	CALL tenant.purge('f'); SELECT tenant.current();}), qr/^d\n.*\na\n+$/s, 'own work is done');
$node->safe_psql('app', 'SET tenant_mgr.guard = off; CREATE INDEX evil ON c.t (c.evil(id))');
refused('functions of the source, in own work', q{SET tenant_mgr.clone_lock = none; SELECT tenant.clone('c', 'd')}, 'TM003', $su);

# Log and count
my $offset = -s $node->logfile;
is(session('', "SET tenant_mgr.guard = log; SELECT tenant.switch('a') \\gset\nSELECT count(*), length(b.inlined(1)) FROM b.t; DO \$\$BEGIN LOCK b.t; END\$\$; CREATE VIEW a.logged AS SELECT b.inlined(id) FROM b.t;"),
	"100|13\n", 'log: nothing is refused');
my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile, $offset);
is(() = $log =~ /LOG:  access to table b\.t of tenant "b" while bound to tenant "a"/g, 3, 'log: a line for the table in each statement');
is(() = $log =~ /LOG:  access to function b\.inlined\(integer\) of tenant "b" while bound to tenant "a"/g, 2, 'log: and for the function');
is($node->safe_psql('app', q{SELECT tenant, refused > 1000, logged, last_at <= now() FROM tenant.guard_stats}), 'a|t|7|t', 'refusals and lines are counted');

# Unbound sessions, B26
refused('setting', 'SET tenant_mgr.guard = off', '42501', [ 'regress_tm_own_a', 'regress_tm_app' ]);
refused('setting', q{SELECT set_config('tenant_mgr.unbound', 'allow', false)}, '42501', [ 'regress_tm_own_a', 'regress_tm_app' ]);
is(session('regress_tm_app', 'SHOW tenant_mgr.guard; SHOW tenant_mgr.unbound; SELECT count(*) FROM b.t'), "enforce\nallow\n100\n", 'unbound sessions are free by default');
$node->append_conf('postgresql.conf', "tenant_mgr.unbound = deny\ntenant_mgr.unbound_superuser = deny");
$node->restart;
foreach my $role (@roles)
{
	foreach my $mode ('off', 'on')
	{
		my $who = ($role || 'superuser') . ($mode eq 'on' ? ', parallel' : '');
		foreach my $sql ('SELECT * FROM b.t', 'SELECT * FROM a.t', 'SELECT b.plain()', 'SELECT a.f(1)', q{SELECT nextval('a.s')}, 'SELECT * FROM public.shared_view', 'LOCK a.t', q{COPY b.t TO STDOUT},
			'DROP TABLE a.t', 'SELECT tenant.switch(\'a\'); SELECT tenant.reset(); SELECT * FROM a.t')
		{
			like(session($role, "SET $parallel = $mode; $sql"), qr/ERROR:  TM002\s*$/, "B26 unbound: $sql ($who)");
		}
		is(session($role, "SET $parallel = $mode; SELECT count(*) > 0 FROM pg_class; CREATE TEMP TABLE x (y int); SELECT count(*) FROM x; SELECT tenant.switch('a'); SELECT count(*) FROM t; SELECT * FROM tenant.guard_stats LIMIT 0"),
			"t\n0\na\n10\n" . ($role ? 'psql:<stdin>:2: ERROR:  42501' : ''), "B26 what stays within reach ($who)");
	}
}
is(session('', 'SET tenant_mgr.unbound_superuser = allow; SELECT count(*) FROM b.t'), "100\n", 'unbound: a superuser can allow it to himself');
{
	local $ENV{PGOPTIONS} = '-c tenant_mgr.unbound_superuser=allow';
	($stdout, $stderr) = run_command([ 'pg_dump', '-d', $node->connstr('app') ]);
	like($stdout, qr/CANARY100/, 'unbound: pg_dump with options');
}
($stdout, $stderr) = run_command([ 'pg_dump', '-d', $node->connstr('app') ]);
like($stderr, qr/without being bound/, 'unbound: pg_dump without');
my $analyzed = $node->safe_psql('app', q{SELECT coalesce(max(autoanalyze_count), 0) FROM pg_stat_user_tables WHERE relid = 'b.t'::regclass});
$node->safe_psql('app', q{SET tenant_mgr.unbound_superuser = allow; ALTER TABLE b.t SET (autovacuum_analyze_threshold = 0, autovacuum_analyze_scale_factor = 0); UPDATE b.t SET v = v});
ok($node->poll_query_until('app', qq{SELECT autoanalyze_count > $analyzed FROM pg_stat_user_tables WHERE schemaname = 'b' AND relname = 't'}), 'unbound: autovacuum does its work');

unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'no crash');

done_testing();
