--
-- A clone is planned like its source from the first query on: sizes, column
-- statistics and the contents of extended statistics travel with the rows.
--

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;

CREATE SCHEMA stat_source;
SET search_path = stat_source;
CREATE TYPE color AS ENUM ('red', 'green', 'blue');
CREATE TABLE item (
	id int PRIMARY KEY,
	kind int,
	twin int,
	shade color,
	tags color[],
	note text
);
INSERT INTO item
	SELECT g, g % 10, g % 10, (ARRAY['red', 'red', 'green'])[g % 3 + 1]::color,
		ARRAY['blue', 'red']::color[], CASE WHEN g % 100 = 0 THEN 'rare' ELSE 'common' END
	FROM generate_series(1, 5000) g;
CREATE INDEX item_kind ON item (kind);
CREATE INDEX item_lower ON item (lower(note));
CREATE TABLE plain (a int, b int);
INSERT INTO plain SELECT g % 20, g % 20 FROM generate_series(1, 4000) g;
CREATE STATISTICS plain_ab ON a, b FROM plain;
CREATE STATISTICS plain_sum ON (a + b) FROM plain;
CREATE TABLE part (k int, v text) PARTITION BY RANGE (k);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (500);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (500) TO (1000);
INSERT INTO part SELECT g % 1000, 'v' || g % 7 FROM generate_series(1, 3000) g;
CREATE MATERIALIZED VIEW per_kind AS SELECT kind, count(*) AS n FROM item GROUP BY kind;
VACUUM ANALYZE item, plain, part, per_kind;
RESET search_path;

SELECT tenant.clone('stat_source', 'stat_clone');
SELECT tenant.clone('stat_source', 'stat_empty', data => false);
BEGIN;
SET LOCAL tenant_mgr.clone_lock = 'none';
SELECT tenant.clone('stat_source', 'stat_online');
COMMIT;

-- the plan, with its estimates, of a query in a schema
CREATE FUNCTION pg_temp.plan_in(nsp text, query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	PERFORM set_config('search_path', nsp, true);
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	RETURN plan;
END
$$;

CREATE TEMP TABLE queries (q text);
INSERT INTO queries VALUES
	('SELECT * FROM item WHERE id = 17'),
	('SELECT * FROM item WHERE kind = 3'),
	('SELECT * FROM item WHERE shade = ''green'''),
	('SELECT * FROM item WHERE shade = ''blue'''),
	('SELECT * FROM item WHERE shade > ''red'''),
	('SELECT * FROM item WHERE tags @> ''{blue}'''),
	('SELECT * FROM item WHERE lower(note) = ''rare'''),
	('SELECT * FROM item WHERE note = ''common'' ORDER BY id LIMIT 5'),
	('SELECT * FROM plain WHERE a = 3 AND b = 3'),
	('SELECT * FROM plain WHERE a + b = 6'),
	('SELECT a, b FROM plain GROUP BY a, b'),
	('SELECT * FROM part WHERE k < 100'),
	('SELECT v, count(*) FROM part GROUP BY v'),
	('SELECT * FROM per_kind WHERE n > 100'),
	('SELECT * FROM item i JOIN plain p ON p.a = i.kind WHERE i.note = ''rare''');

-- every plan is the same, whether index pages were copied or built
SELECT q,
	pg_temp.plan_in('stat_source', q) = pg_temp.plan_in('stat_clone', q) AS same,
	pg_temp.plan_in('stat_source', q) = pg_temp.plan_in('stat_online', q) AS same_online
FROM queries ORDER BY q;

-- the estimate for two columns that go together comes from the extended one
SELECT substring(pg_temp.plan_in('stat_clone',
	'SELECT * FROM plain WHERE a = 3 AND b = 3') FROM 'rows=(\d+)') AS rows;

-- a clone without rows has no statistics to mislead the planner
SELECT count(*) FROM pg_stats WHERE schemaname = 'stat_empty';
SELECT count(*) FROM pg_stats_ext WHERE schemaname = 'stat_empty'
	AND most_common_vals IS NOT NULL;

-- enum values in the statistics are the clone's own
SELECT tablename, attname, most_common_vals FROM pg_stats
WHERE schemaname = 'stat_clone' AND attname IN ('shade', 'tags') ORDER BY attname;

SET client_min_messages = warning;
SELECT tenant.drop(name, purge => true) FROM tenant.tenants
WHERE name LIKE 'stat\_%' ORDER BY name;
DROP SCHEMA stat_source CASCADE;
