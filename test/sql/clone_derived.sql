--
-- Values that are computed from OIDs of the schema are computed anew in a clone,
-- and constraints that are not true any more then refuse it by name.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;
CREATE ROLE regress_tm_maker;
CREATE ROLE regress_tm_taker;

-- generated columns of all kinds; those that compare values are left as they are
CREATE SCHEMA tm_dv AUTHORIZATION regress_tm_maker;
GRANT CREATE ON SCHEMA tm_dv TO CURRENT_USER;
SET search_path = tm_dv;
CREATE TYPE color AS ENUM ('red', 'green', 'blue', 'black', 'white');
CREATE TYPE paint AS (c color, amount int);
CREATE TABLE plain (i int);
CREATE FUNCTION number_of(color) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT hashenum($1)';
CREATE FUNCTION number_of(paint) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN number_of($1.c); END';
REVOKE EXECUTE ON FUNCTION number_of(color), number_of(paint) FROM PUBLIC;
ALTER FUNCTION number_of(color) OWNER TO regress_tm_maker;
ALTER FUNCTION number_of(paint) OWNER TO regress_tm_maker;
CREATE TABLE hashed (id int PRIMARY KEY, gone text, c color,
	h int GENERATED ALWAYS AS (hashenum(c)) STORED, t text);
ALTER TABLE hashed DROP gone;
CREATE INDEX ON hashed (h);
CREATE TABLE called (c color, p paint, t text,
	h int GENERATED ALWAYS AS (number_of(c)) STORED,
	g int GENERATED ALWAYS AS (number_of(p) # length(t)) STORED);
ALTER TABLE called ALTER t SET STORAGE EXTERNAL;
CREATE TABLE arrays (c color[], h int GENERATED ALWAYS AS (hash_array(c)) STORED);
CREATE TABLE named (r regclass, o oid GENERATED ALWAYS AS (r) STORED,
	s int8 GENERATED ALWAYS AS (coalesce(r, 'plain'::regclass)::oid::int8) STORED);
CREATE TABLE placed (i int, o oid GENERATED ALWAYS AS (tableoid) STORED) PARTITION BY LIST (i);
CREATE TABLE placed1 PARTITION OF placed FOR VALUES IN (1);
CREATE TABLE placed2 PARTITION OF placed DEFAULT;
CREATE TABLE rows (c color, d color, h int GENERATED ALWAYS AS (hash_record(ROW(c, d))) STORED);
CREATE TABLE compared (c color, d color, a color[], r regclass, i int,
	same bool GENERATED ALWAYS AS (c = d OR c IN ('red', 'blue') OR c < 'green') STORED,
	has bool GENERATED ALWAYS AS ('red' = ANY (a) OR a @> '{red}' OR cardinality(a) = 1 OR r IS NULL) STORED,
	rank int GENERATED ALWAYS AS (CASE c WHEN 'red' THEN 1 ELSE 2 END) STORED,
	larger color GENERATED ALWAYS AS (greatest(c, d)) STORED,
	other int GENERATED ALWAYS AS (i + 1) STORED);
INSERT INTO hashed (id, c, t) SELECT n, (enum_range(NULL::color))[1 + n % 5], repeat('x', n) FROM generate_series(1, 1500) n;
INSERT INTO called SELECT c, ROW(c, 1)::paint, repeat(c::text, 3000) FROM unnest(enum_range(NULL::color)) c;
INSERT INTO arrays VALUES ('{red,green}'), ('{}'), (NULL);
INSERT INTO named VALUES ('plain'), ('pg_class'), (NULL);
INSERT INTO placed VALUES (1), (2);
INSERT INTO rows VALUES ('red', 'blue');
INSERT INTO compared VALUES ('red', 'blue', '{red}', 'plain', 1);
CREATE TABLE counted (r regclass, i int GENERATED ALWAYS AS (r::oid::int8 % 1000) STORED, j int, k int GENERATED ALWAYS AS (j + 1) STORED);
INSERT INTO counted (r, j) SELECT 'plain', n % 3 FROM generate_series(1, 20) n;
CREATE STATISTICS counted_both ON i, j FROM counted;
ANALYZE counted;
DO $$
DECLARE
	t regclass;
BEGIN
	FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'tm_dv'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition LOOP
		EXECUTE format('ALTER TABLE %s OWNER TO regress_tm_maker', t);
	END LOOP;
END
$$;
RESET search_path;
SELECT relation, method, reason FROM tenant.clone_plan('tm_dv') ORDER BY relation COLLATE "C";
CREATE FUNCTION pg_temp.are_right(schema text) RETURNS TABLE (name text, rows int8, ok int8) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL search_path = %I', schema);
	RETURN QUERY SELECT 'hashed', count(*), count(*) FILTER (WHERE h = hashenum(c) AND length(t) = id) FROM hashed
		UNION ALL SELECT 'called', count(*), count(*) FILTER (WHERE h = hashenum(c) AND g = h # (3000 * length(c::text))) FROM called
		UNION ALL SELECT 'arrays', count(*), count(*) FILTER (WHERE h IS NOT DISTINCT FROM hash_array(c)) FROM arrays
		UNION ALL SELECT 'named', count(*), count(*) FILTER (WHERE o IS NOT DISTINCT FROM r::oid
			AND s IS NOT DISTINCT FROM coalesce(r, 'plain'::regclass)::oid::int8) FROM named
		UNION ALL SELECT 'placed', count(*), count(*) FILTER (WHERE o = tableoid) FROM placed
		UNION ALL SELECT 'rows', count(*), count(*) FILTER (WHERE h = hash_record(ROW(c, d))) FROM rows
		UNION ALL SELECT 'compared', count(*), count(*) FILTER (WHERE same AND has AND rank = 1 AND larger = 'blue' AND other = 2) FROM compared;
	SET LOCAL search_path = pg_catalog;
END
$$;
SELECT * FROM pg_temp.are_right('tm_dv') WHERE rows <> ok;
SELECT tenant.clone('tm_dv', 'tm_dv2');
SELECT * FROM pg_temp.are_right('tm_dv2');
SELECT attname, inherited FROM pg_stats WHERE schemaname = 'tm_dv2' ORDER BY attname;
SELECT count(*) FROM pg_stats_ext WHERE schemaname = 'tm_dv2' AND dependencies IS NOT NULL;
SET enable_seqscan = off;
SELECT count(*) FROM tm_dv2.hashed WHERE h = hashenum('blue'::tm_dv2.color);
RESET enable_seqscan;
SELECT tenant.snapshot('tm_dv2', 's') IS NOT NULL AS made;
SELECT tenant.rollback_to('tm_dv2', 's');
SELECT * FROM pg_temp.are_right('tm_dv2') WHERE rows <> ok;
SELECT tenant.drop('tm_dv2', purge => true);

-- by the template's owner, and nothing is left of what that takes
SELECT tenant.adopt('tm_dv', is_template => true);
SET tenant_mgr.clone_lock = 'none';
SELECT tenant.create('tm_dv2', template => 'tm_dv', owner => 'regress_tm_taker');
RESET tenant_mgr.clone_lock;
SELECT * FROM pg_temp.are_right('tm_dv2') WHERE rows <> ok;
SELECT has_schema_privilege('regress_tm_maker', 'tm_dv2', 'USAGE'),
	has_function_privilege('regress_tm_maker', 'tm_dv2.number_of(tm_dv2.color)', 'EXECUTE');
SELECT tenant.drop('tm_dv2', purge => true);
UPDATE tenant.registry SET purge_after = now() WHERE name = 'tm_dv2';
CALL tenant.purge();

-- checks, of a table and of a domain; those that are still true make no trouble
SELECT tenant.create('tm_dc');
SET search_path = tm_dc;
CREATE TYPE color AS ENUM ('red', 'green', 'blue');
CREATE FUNCTION known(color) RETURNS bool IMMUTABLE LANGUAGE sql AS $$ SELECT $1 <> 'blue' $$;
CREATE DOMAIN dark AS color CHECK (VALUE <> 'red') CHECK (known(VALUE));
CREATE DOMAIN darker AS dark;
CREATE TABLE fine (c color, n int, r regclass,
	CHECK (known(c)), CHECK (c IN ('red', 'green') AND hashenum(c) IS NOT NULL),
	CHECK (tableoid = 'fine'::regclass), CHECK (r IS NULL OR r::oid <> 0),
	d dark, e darker, h int GENERATED ALWAYS AS (hashenum(c)) STORED, CHECK (h = hashenum(c)));
CREATE TABLE unsure (c color, n int);
INSERT INTO fine SELECT c, 1, 'unsure', 'green', 'green' FROM unnest('{red,green}'::color[]) c;
INSERT INTO unsure SELECT c, hashenum(c) FROM unnest('{red,green,blue}'::color[]) c;
ALTER TABLE unsure ADD CONSTRAINT unsure CHECK (n = 1 AND known(c)) NOT VALID;
RESET search_path;
SELECT tenant.clone('tm_dc', 'tm_dc2');
SELECT c, n, r, d, e, h = hashenum(c) FROM tm_dc2.fine ORDER BY c;
SELECT tenant.drop('tm_dc2', purge => true);

CREATE TABLE tm_dc.bad (c tm_dc.color, n int CONSTRAINT number CHECK (n = hashenum(c)));
SELECT tenant.clone('tm_dc', 'tm_dc2');
SELECT tenant.drop('tm_dc2', purge => true);
INSERT INTO tm_dc.bad VALUES ('red', hashenum('red'::tm_dc.color));
SELECT tenant.clone('tm_dc', 'tm_dc2');  -- fails
SELECT tenant.snapshot('tm_dc', 's');  -- fails
SELECT tenant.clone('tm_dc', 'tm_dc2', exclude => '{bad}');
SELECT tenant.drop('tm_dc2', purge => true);
SELECT tenant.clone('tm_dc', 'tm_dc2', data => false);
SELECT tenant.drop('tm_dc2', purge => true);
DROP TABLE tm_dc.bad;
-- a check that reads other tables is not asked again
CREATE TABLE tm_dc.allowed (c tm_dc.color);
INSERT INTO tm_dc.allowed VALUES ('red');
CREATE FUNCTION tm_dc.is_allowed(tm_dc.color) RETURNS bool STABLE LANGUAGE plpgsql
	AS $$ BEGIN RETURN EXISTS (SELECT FROM tm_dc.allowed WHERE c = $1); END $$;
CREATE TABLE tm_dc.bad (c tm_dc.color CHECK (tm_dc.is_allowed(c)));
INSERT INTO tm_dc.bad VALUES ('red');
TRUNCATE tm_dc.allowed;
SET client_min_messages = warning;
SELECT tenant.clone('tm_dc', 'tm_dc2');
RESET client_min_messages;
SELECT tenant.drop('tm_dc2', purge => true);
DROP TABLE tm_dc.bad;
DO $$ BEGIN EXECUTE format('CREATE DOMAIN tm_dc.one AS tm_dc.color CONSTRAINT only_one CHECK (hashenum(VALUE) = %s)',
	hashenum('green'::tm_dc.color)); END $$;
CREATE DOMAIN tm_dc.two AS tm_dc.one;
CREATE TABLE tm_dc.bad (d tm_dc.two);
INSERT INTO tm_dc.bad VALUES (NULL), ('green');
SELECT tenant.clone('tm_dc', 'tm_dc2');  -- fails
SELECT tenant.drop('tm_dc', purge => true);

-- foreign keys between what changes and what does not
CREATE SCHEMA tm_dout;
CREATE TABLE tm_dout.catalog (o oid PRIMARY KEY, r regclass UNIQUE);
CREATE TABLE tm_dout.parts (i int PRIMARY KEY) PARTITION BY LIST (i);
CREATE TABLE tm_dout.part1 PARTITION OF tm_dout.parts FOR VALUES IN (1);
CREATE TABLE tm_dout.part2 PARTITION OF tm_dout.parts FOR VALUES IN (2);
INSERT INTO tm_dout.parts VALUES (1), (2);
SELECT tenant.create('tm_dk');
SET search_path = tm_dk;
CREATE TYPE color AS ENUM ('red', 'green', 'blue');
CREATE TABLE colors (c color PRIMARY KEY, h int UNIQUE GENERATED ALWAYS AS (hashenum(c)) STORED);
CREATE TABLE uses (c color REFERENCES colors, d color,
	h int GENERATED ALWAYS AS (hashenum(d)) STORED REFERENCES colors (h),
	i int REFERENCES tm_dout.parts);
INSERT INTO colors SELECT unnest(enum_range(NULL::color));
INSERT INTO uses (c, d, i) SELECT c, c, 1 + (c = 'red')::int FROM colors;
RESET search_path;
SELECT tenant.clone('tm_dk', 'tm_dk2');
SELECT count(*) FROM tm_dk2.uses u JOIN tm_dk2.colors c ON c.c = u.c AND c.h = u.h AND c.h = hashenum(c.c);
SELECT tenant.drop('tm_dk2', purge => true);
-- also if the rows are not locked, and to a partitioned table
SET tenant_mgr.clone_lock = 'none';
SELECT tenant.clone('tm_dk', 'tm_dk2');
RESET tenant_mgr.clone_lock;
SELECT tenant.drop('tm_dk2', purge => true);

\set VERBOSITY terse
\set clone 'SELECT tenant.clone(''tm_dk'', ''tm_dk2'')'
CREATE TABLE tm_dk.numbers (h int REFERENCES tm_dk.colors (h));
:clone;
INSERT INTO tm_dk.numbers SELECT h FROM tm_dk.colors;
SELECT tenant.drop('tm_dk2', purge => true);
DO $$ BEGIN PERFORM tenant.clone('tm_dk', 'tm_dk2'); EXCEPTION WHEN SQLSTATE 'TM009' THEN
	RAISE NOTICE '%', regexp_replace(SQLERRM, '[0-9]{3,}', 'N'); END $$;
DROP TABLE tm_dk.numbers;
INSERT INTO tm_dout.catalog VALUES ('tm_dk.colors'::regclass, 'tm_dk.colors'), ('pg_class'::regclass, 'pg_class');
CREATE TABLE tm_dk.outer1 (r regclass REFERENCES tm_dout.catalog (r));
INSERT INTO tm_dk.outer1 VALUES ('pg_class');
:clone;
SELECT tenant.drop('tm_dk2', purge => true);
INSERT INTO tm_dk.outer1 VALUES ('tm_dk.colors');
:clone;
TRUNCATE tm_dk.outer1;
CREATE TABLE tm_dk.catalog (o oid PRIMARY KEY);
CREATE TABLE tm_dk.inner1 (r regclass REFERENCES tm_dk.catalog);
INSERT INTO tm_dk.catalog VALUES ('tm_dk.colors'::regclass);
INSERT INTO tm_dk.inner1 VALUES ('tm_dk.colors');
:clone;
DROP TABLE tm_dk.inner1;
\set VERBOSITY default

-- partitions: a list of OIDs is the clone's, a range of them need not be one
CREATE TABLE tm_dk.listed (r regclass) PARTITION BY LIST (r);
CREATE TABLE tm_dk.listed1 PARTITION OF tm_dk.listed FOR VALUES IN ('tm_dk.colors', 'pg_class');
CREATE TABLE tm_dk.listed2 PARTITION OF tm_dk.listed DEFAULT;
INSERT INTO tm_dk.listed VALUES ('tm_dk.colors'), ('pg_class'), ('tm_dk.uses');
:clone;
SELECT tableoid::regclass, r FROM tm_dk2.listed ORDER BY 1, 2::text;
SELECT count(*) FROM tm_dk2.listed WHERE r = 'tm_dk2.colors'::regclass;
SELECT tenant.drop('tm_dk2', purge => true);
CREATE TABLE tm_dk.ranged (i int, r regclass) PARTITION BY RANGE (i, r);
:clone;
SELECT tenant.drop('tm_dk', purge => true);

-- a foreign key of a partitioned table to a partitioned table outside
SELECT tenant.create('tm_dp');
CREATE TABLE tm_dout.listed (r regclass PRIMARY KEY) PARTITION BY LIST (r);
CREATE TABLE tm_dout.listed1 PARTITION OF tm_dout.listed DEFAULT;
INSERT INTO tm_dout.listed VALUES ('pg_class');
CREATE TABLE tm_dp.p (i int, r regclass REFERENCES tm_dout.listed) PARTITION BY LIST (i);
CREATE TABLE tm_dp.p1 PARTITION OF tm_dp.p DEFAULT;
INSERT INTO tm_dp.p VALUES (1, 'pg_class');
SELECT tenant.clone('tm_dp', 'tm_dp2');
SELECT * FROM tm_dp2.p;
SELECT tenant.drop('tm_dp2', purge => true);
INSERT INTO tm_dout.listed VALUES ('tm_dp.p');
INSERT INTO tm_dp.p VALUES (2, 'tm_dp.p');
SELECT tenant.clone('tm_dp', 'tm_dp2');  -- fails
SELECT tenant.drop('tm_dp', purge => true);
DROP TABLE tm_dout.listed;

-- end
DROP TABLE tm_dout.catalog, tm_dout.parts;
DROP SCHEMA tm_dout;
SELECT tenant.drop('tm_dv', purge => true);
DROP ROLE regress_tm_maker, regress_tm_taker;
