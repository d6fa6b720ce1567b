--
-- Values that hold OIDs of the schema where no column shows it: statistics, and
-- ranges over types of the schema.
--

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
SELECT tenant.create('vl1');
CREATE TYPE vl1.e AS ENUM ('a', 'b', 'c');
CREATE DOMAIN vl1.d AS vl1.e;
CREATE TYPE vl1.c AS (x int, y vl1.e);
CREATE TYPE vl1.rd AS RANGE (SUBTYPE = vl1.d, MULTIRANGE_TYPE_NAME = vl1.rdm);
CREATE TYPE vl1.rc AS RANGE (SUBTYPE = vl1.c, MULTIRANGE_TYPE_NAME = vl1.rcm);
-- an expression of statistics is an enum, and no column is
CREATE TABLE vl1.s (k int, n int);
INSERT INTO vl1.s SELECT i % 3, i % 3 FROM generate_series(1, 900) i;
CREATE FUNCTION vl1.of(i int) RETURNS vl1.e LANGUAGE sql IMMUTABLE STRICT RETURN (enum_range(NULL::vl1.e))[i + 1];
CREATE STATISTICS vl1.x ON (vl1.of(k)), n FROM vl1.s;
CREATE INDEX ON vl1.s ((vl1.of(n)));
-- ranges, in columns and in constants
CREATE TABLE vl1.r (rd vl1.rd, rc vl1.rc, rdm vl1.rdm, v vl1.rd DEFAULT vl1.rd('a', 'b'));
INSERT INTO vl1.r SELECT vl1.rd('a', 'c'), vl1.rc((1, 'a'), (2, 'b')), vl1.rdm(vl1.rd('a', 'b')) FROM generate_series(1, 50);
CREATE VIEW vl1.w AS SELECT '[a,b]'::vl1.rd AS r;
ANALYZE vl1.s, vl1.r;
SELECT tenant.clone('vl1', 'vl2');
SELECT tenant.snapshot('vl1', 's') IS NULL;
SELECT tenant.drop_snapshot('vl1', 's');
SELECT tenant.drop('vl1', purge => true);
SELECT count(*) FROM vl2.s WHERE vl2.of(k) = 'b' AND n = 1;
SELECT vl2.of(k), n, count(*) FROM vl2.s GROUP BY 1, 2 ORDER BY 1;
SELECT rd, rc, rdm, v, count(*) FROM vl2.r GROUP BY 1, 2, 3, 4;
SELECT * FROM vl2.w;
SELECT attname, most_common_vals FROM pg_stats WHERE schemaname = 'vl2' AND tablename = 'r' ORDER BY attname;
ANALYZE vl2.s, vl2.r;
SELECT count(*) FROM vl2.s WHERE vl2.of(k) = 'b' AND n = 1;
SELECT tenant.drop('vl2', purge => true);
