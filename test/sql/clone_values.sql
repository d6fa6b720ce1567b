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
-- constants of ranges over composites and arrays, and of what is made of these:
-- as defaults, in checks and views, and as values of rows that have none
SELECT tenant.create('vl1');
CREATE TYPE vl1.e AS ENUM ('a', 'b', 'c');
CREATE TYPE vl1.c AS (x int, y vl1.e, t text);
CREATE TYPE vl1.rc AS RANGE (SUBTYPE = vl1.c, MULTIRANGE_TYPE_NAME = vl1.rcm);
CREATE DOMAIN vl1.drc AS vl1.rc CHECK (NOT isempty(VALUE));
CREATE TYPE vl1.ea AS RANGE (SUBTYPE = vl1.e[], MULTIRANGE_TYPE_NAME = vl1.eam);
CREATE TYPE vl1.k AS (r vl1.rcm, d vl1.drc);
CREATE TABLE vl1.t (i int);
INSERT INTO vl1.t VALUES (1), (1);
ALTER TABLE vl1.t
	ADD r vl1.rc DEFAULT '["(1,a,one)","(2,b,two)"]',
	ADD half vl1.drc DEFAULT '("(1,c,)",)',
	ADD point vl1.rc DEFAULT '["(7,b,x)","(7,b,x)"]',
	ADD none vl1.rc DEFAULT 'empty',
	ADD m vl1.rcm DEFAULT '{["(3,c,three)","(4,a,)"),("(4,a,)","(4,b,)"],["(8,a,)",)}',
	ADD a vl1.rc[] DEFAULT ARRAY['["(1,a,)","(2,b,)")'::vl1.rc, NULL],
	ADD ea vl1.ea DEFAULT '["{a,b}","{c}"]',
	ADD eam vl1.eam DEFAULT '{["{a}","{b}"],["{b,c}","{c}"]}',
	ADD k vl1.k DEFAULT ROW('{["(1,a,)","(2,b,)")}', '["(1,b,)","(2,b,)"]')::vl1.k,
	ADD CHECK (r IS DISTINCT FROM '["(9,a,)","(9,b,)"]'::vl1.rc);
CREATE VIEW vl1.v AS SELECT i FROM vl1.t WHERE r && '["(2,a,)",)'::vl1.rc AND m @> '(8,b,)'::vl1.c;
CREATE INDEX ON vl1.t USING gist (r);
ANALYZE vl1.t;
SELECT tenant.clone('vl1', 'vl2');
SELECT tenant.drop('vl1', purge => true);
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'vl2.t'::regclass ORDER BY adnum;
\x on
SELECT DISTINCT ON (i) * FROM vl2.t;
\x off
INSERT INTO vl2.t (i) VALUES (2);
SELECT count(*) FROM vl2.t a JOIN vl2.t b ON (a.r, a.half, a.point, a.none, a.m, a.a, a.ea, a.eam, a.k)
	= (b.r, b.half, b.point, b.none, b.m, b.a, b.ea, b.eam, b.k);
INSERT INTO vl2.t (i, r) VALUES (3, '["(9,a,)","(9,b,)"]');  -- fails
SELECT lower(r), upper(r), isempty(none), lower(m), (k).r FROM vl2.t WHERE i = 2;
SELECT * FROM vl2.v ORDER BY i;
SELECT attname, most_common_vals FROM pg_stats WHERE schemaname = 'vl2' ORDER BY attname;
SELECT tenant.drop('vl2', purge => true);
-- what holds OIDs may have another order in the clone
SELECT tenant.create('vl1');
CREATE TYPE vl1.c AS (x regclass);
CREATE TYPE vl1.rc AS RANGE (SUBTYPE = vl1.c);
CREATE TABLE vl1.t (i int, r vl1.rc);
INSERT INTO vl1.t VALUES (1, '["(vl1.t)",]');
ANALYZE vl1.t;
SELECT tenant.clone('vl1', 'vl2');
SELECT * FROM vl2.t;
ALTER TABLE vl1.t ALTER r SET DEFAULT '["(vl1.t)",]';
SELECT tenant.clone('vl1', 'vl3');  -- fails
SELECT tenant.drop('vl1', purge => true);
SELECT tenant.drop('vl2', purge => true);
