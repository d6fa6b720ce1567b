--
-- Rows that are left out of a clone are nowhere in it: not in materialized
-- views, and not in statistics.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;
CREATE FUNCTION pg_temp.values_in(schema text)
	RETURNS TABLE (name name, inherited bool, tells text) LANGUAGE sql AS $$
	SELECT tablename, inherited, string_agg(DISTINCT most_common_vals::text, ' ' ORDER BY most_common_vals::text)
		FROM pg_stats WHERE schemaname = schema AND most_common_vals IS NOT NULL GROUP BY 1, 2
	UNION ALL
	SELECT statistics_name, inherited, most_common_vals::text
		FROM pg_stats_ext WHERE schemaname = schema AND most_common_vals IS NOT NULL
	ORDER BY 1, 2
$$;

CREATE SCHEMA tm_ex;
SET search_path = tm_ex;
CREATE TABLE grandparent (v text, w text);
CREATE TABLE parent () INHERITS (grandparent);
CREATE TABLE child () INHERITS (parent);
CREATE TABLE sister () INHERITS (grandparent);
CREATE TABLE list (v text, w text) PARTITION BY LIST (v);
CREATE TABLE list_secret PARTITION OF list FOR VALUES IN ('secret') PARTITION BY LIST (w);
CREATE TABLE list_secret_secret PARTITION OF list_secret DEFAULT;
CREATE TABLE list_open PARTITION OF list DEFAULT;
CREATE TABLE other (v text, w text);
INSERT INTO grandparent SELECT 'open', 'open' FROM generate_series(1, 20);
INSERT INTO child SELECT 'secret', 'secret' FROM generate_series(1, 20);
INSERT INTO sister SELECT 'open', 'open' FROM generate_series(1, 20);
INSERT INTO list SELECT 'secret', 'secret' FROM generate_series(1, 20);
INSERT INTO list SELECT 'open', 'open' FROM generate_series(1, 30);
INSERT INTO other SELECT 'open', 'open' FROM generate_series(1, 20);
CREATE STATISTICS grandparent_stat (mcv) ON v, w FROM grandparent;
CREATE STATISTICS list_stat (mcv) ON v, w FROM list;
CREATE STATISTICS other_stat (mcv) ON v, w FROM other;

-- ways to read a table
CREATE VIEW of_child AS SELECT * FROM child;
CREATE FUNCTION read_child() RETURNS SETOF child BEGIN ATOMIC SELECT * FROM child; END;
CREATE FUNCTION calls_it() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM read_child(); END;
CREATE MATERIALIZED VIEW m_direct AS SELECT * FROM child;
CREATE MATERIALIZED VIEW m_empty AS SELECT * FROM child WITH NO DATA;
CREATE MATERIALIZED VIEW m_parent AS SELECT count(*) FROM grandparent;
CREATE MATERIALIZED VIEW m_partitioned AS SELECT w AS v FROM list;
CREATE MATERIALIZED VIEW m_view AS SELECT * FROM other WHERE EXISTS (SELECT FROM of_child);
CREATE MATERIALIZED VIEW m_function AS SELECT calls_it();
CREATE MATERIALIZED VIEW m_second AS SELECT count(*) FROM m_direct;
CREATE UNIQUE INDEX ON m_second (count);
CREATE MATERIALIZED VIEW m_other AS SELECT v FROM other UNION SELECT v FROM sister;
ANALYZE grandparent, parent, child, sister, list, other, m_direct, m_partitioned, m_view, m_second, m_other;
RESET search_path;
SELECT * FROM pg_temp.values_in('tm_ex');

SELECT tenant.clone('tm_ex', 'tm_ex_copy', exclude => '{child,list_secret}');
SELECT * FROM pg_temp.values_in('tm_ex_copy');
SELECT relname, relispopulated, pg_relation_size(oid) > 0 AS has_rows, reltuples FROM pg_class
	WHERE relnamespace = 'tm_ex_copy'::regnamespace AND relkind IN ('m', 'p') ORDER BY relname;
SELECT * FROM tm_ex_copy.m_second;  -- fails
REFRESH MATERIALIZED VIEW tm_ex_copy.m_direct;
REFRESH MATERIALIZED VIEW tm_ex_copy.m_second;
SELECT * FROM tm_ex_copy.m_second;
SELECT * FROM tm_ex_copy.m_other;
SELECT tenant.drop('tm_ex_copy', purge => true);

-- the same with the setting and a template; all rows or none make no such fuss
SELECT tenant.adopt('tm_ex', is_template => true);
SET tenant_mgr.clone_exclude = 'other';
SELECT tenant.create('tm_ex_copy', template => 'tm_ex');
SELECT * FROM pg_temp.values_in('tm_ex_copy');
SELECT tenant.drop('tm_ex_copy', purge => true);
RESET tenant_mgr.clone_exclude;
SELECT tenant.clone('tm_ex', 'tm_ex_copy');
SELECT count(*) FROM (SELECT * FROM pg_temp.values_in('tm_ex_copy') EXCEPT SELECT * FROM pg_temp.values_in('tm_ex')) x;
SELECT * FROM tm_ex_copy.m_second;
SELECT tenant.drop('tm_ex_copy', purge => true);
SELECT tenant.clone('tm_ex', 'tm_ex_copy', data => false);
SELECT * FROM pg_temp.values_in('tm_ex_copy');
SELECT tenant.drop('tm_ex_copy', purge => true);
SELECT tenant.drop('tm_ex', purge => true);
