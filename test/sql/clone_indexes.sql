--
-- Indexes of a clone: whatever is built or copied, queries find what is there.
-- Keys that hold OIDs of the schema, in whatever kind of expression, cannot be
-- copied.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
SELECT tenant.create('tm_index');
SET search_path = tm_index;
CREATE DOMAIN tag AS text;
CREATE TYPE pair AS (a int, b text);
CREATE TYPE mood AS ENUM ('low', 'high');
CREATE TYPE moods AS RANGE (subtype = mood);
CREATE FUNCTION mood_of(int) RETURNS mood IMMUTABLE LANGUAGE plpgsql AS $$
	BEGIN RETURN CASE WHEN $1 > 50 THEN 'high' ELSE 'low' END; END $$;
CREATE TABLE item (id int PRIMARY KEY, tags text[], a int, b text, m mood, j jsonb);
INSERT INTO item SELECT n, ARRAY['t' || n, 'u'], n, 'b' || n, mood_of(n), jsonb_build_object('k', n)
	FROM generate_series(1, 100) AS n;
-- built
CREATE INDEX b_array ON item ((tags::tag[]));
CREATE INDEX b_row ON item ((ROW(a, b)::pair));
CREATE INDEX b_rows ON item ((ARRAY[ROW(a, b)::pair]));
CREATE INDEX b_element ON item (((ARRAY[ROW(a, b)::pair])[1]));
CREATE INDEX b_case ON item ((CASE WHEN a > 1 THEN m ELSE 'high' END));
CREATE INDEX b_coalesce ON item ((COALESCE(m, 'low')));
CREATE INDEX b_nullif ON item ((NULLIF(m, 'low')));
CREATE INDEX b_greatest ON item ((GREATEST(m, 'low')));
CREATE INDEX b_call ON item (mood_of(a));
CREATE INDEX b_range ON item USING gist ((moods(m, NULL)));
CREATE INDEX b_gin ON item USING gin ((tags::tag[]));
CREATE INDEX b_hash ON item USING hash ((ROW(a, b)::pair));
CREATE INDEX b_included ON item (a) INCLUDE (m);
CREATE INDEX b_predicate ON item (b) WHERE m = 'high';
CREATE INDEX b_any ON item (b) WHERE m = ANY ('{low,high}');
CREATE INDEX b_whole ON item ((item.*));
-- copied
CREATE INDEX c_domain ON item ((b::tag));
CREATE INDEX c_text ON item (lower(b), (a + 1));
CREATE INDEX c_json ON item ((j ->> 'k')) WHERE j IS NOT NULL AND (a IN (1, 2, 3) OR NOT a IS NULL);
CREATE INDEX c_case ON item ((CASE a WHEN 1 THEN 'one' ELSE COALESCE(b, 'none') END), (GREATEST(a, 7)));
CREATE INDEX c_element ON item ((tags[1]), (NULLIF(b, '')));
RESET client_min_messages;
SELECT relation, method, reason FROM tenant.clone_plan('tm_index') ORDER BY relation COLLATE "C";

-- the clone takes rows, and its indexes find them when the source is gone
SELECT tenant.clone('tm_index', 'tm_index_copy');
SET search_path = tm_index_copy;
INSERT INTO item VALUES (101, '{q,r}', 5, 'new', 'high', '{"k": "new"}');
SET client_min_messages = warning;
SELECT tenant.drop('tm_index', purge => true);
SET enable_seqscan = off;
SELECT count(*) FROM item WHERE tags::tag[] = '{q,r}'::tag[];
SELECT count(*) FROM item WHERE tags::tag[] @> '{u}'::tag[];
SELECT count(*) FROM item WHERE ROW(a, b)::pair = ROW(5, 'new')::pair;
SELECT count(*) FROM item WHERE ARRAY[ROW(a, b)::pair] >= ARRAY[ROW(99, 'b')::pair];
SELECT count(*) FROM item WHERE (CASE WHEN a > 1 THEN m ELSE 'high' END) = 'high';
SELECT count(*) FROM item WHERE mood_of(a) = 'high';
SELECT count(*) FROM item WHERE moods(m, NULL) @> 'low'::mood;
SELECT id FROM item WHERE b::tag = 'new';
SELECT id FROM item WHERE tags[1] = 'q';
SELECT count(*) FROM item WHERE item >= ROW(100, '{}', 0, '', 'low', '{}')::item;

-- where only pages as they are would bring broken chains of rows along, an
-- index is not used by those who could still see their older members
SELECT tenant.create('tm_index');
CREATE TABLE tm_index.t (id int, t text);
INSERT INTO tm_index.t VALUES (1, 'one');
CREATE INDEX t_id ON tm_index.t (id);
UPDATE pg_index SET indcheckxmin = true WHERE indexrelid = 'tm_index.t_id'::regclass;
SELECT tenant.clone('tm_index', 'tm_index_on');
SET tenant_mgr.clone_scrub = off;
SELECT tenant.clone('tm_index', 'tm_index_off');
SELECT tenant.clone('tm_index', 'tm_index_empty', data => false);
SET tenant_mgr.clone_lock = none;
SELECT tenant.clone('tm_index', 'tm_index_none');
SELECT indexrelid::regclass, indcheckxmin FROM pg_index
	WHERE indexrelid::regclass::text LIKE 'tm\_index%t\_id' ORDER BY indexrelid::regclass::text COLLATE "C";
-- and only then rows are as old as they are in the source
SELECT relnamespace::regnamespace AS schema, relfrozenxid = (SELECT relfrozenxid FROM pg_class WHERE oid = 'tm_index.t'::regclass) AS as_old
	FROM pg_class WHERE relname = 't' AND relnamespace::regnamespace::text LIKE 'tm\_index%' ORDER BY relnamespace::regnamespace::text COLLATE "C";
RESET tenant_mgr.clone_scrub;
RESET tenant_mgr.clone_lock;

-- an index that has no rows yet is what the server would have made it
CREATE EXTENSION pageinspect SCHEMA public;
CREATE SCHEMA tm_index_kinds;
CREATE TABLE tm_index_kinds.t (i int UNIQUE, f float8 UNIQUE, n numeric UNIQUE, b text UNIQUE,
	l text COLLATE "C" UNIQUE, a int[] UNIQUE, UNIQUE (i) INCLUDE (b), UNIQUE (i, n));
SELECT tenant.clone('tm_index_kinds', 'tm_index_kinds2');
SELECT relname, (public.bt_metap(s.oid::regclass::text)).allequalimage =
		(public.bt_metap('tm_index_kinds2.' || relname)).allequalimage AS same
	FROM pg_class s WHERE relnamespace = 'tm_index_kinds'::regnamespace AND relkind = 'i' ORDER BY relname COLLATE "C";

-- statistics of a clone that is given up are given up, too
SET track_functions = 'all';
CREATE FUNCTION tm_index.f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
BEGIN;
SELECT tenant.clone('tm_index', 'tm_index_never');
SELECT count(*), tm_index_never.f() FROM tm_index_never.t;
SELECT 'tm_index_never.t'::regclass::oid AS t, 'tm_index_never.t_id'::regclass::oid AS i, 'tm_index_never.f'::regproc::oid AS f \gset
ROLLBACK;
SELECT pg_stat_force_next_flush();
SELECT oid AS db FROM pg_database WHERE datname = current_database() \gset
SELECT pg_stat_have_stats('relation', :db, :t) AS t, pg_stat_have_stats('relation', :db, :i) AS i,
	pg_stat_have_stats('function', :db, :f) AS f;
RESET track_functions;

RESET search_path;
SELECT count(tenant.drop(name, purge => true)) FROM tenant.tenants WHERE name LIKE 'tm\_index%';
DROP SCHEMA tm_index_kinds CASCADE;
DROP EXTENSION pageinspect;
