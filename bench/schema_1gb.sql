-- schema_1gb.sql: about 1 GB of rows in five tables with ten indexes.
CREATE SCHEMA big;
SET search_path = big;
SELECT setseed(0.5);

CREATE TABLE t1 (id bigserial PRIMARY KEY, a int, b text,
	c timestamptz DEFAULT now(), d numeric);
INSERT INTO t1 (a, b, d)
	SELECT g % 1000, md5(g::text) || md5((g + 1)::text), g * 1.5
	FROM generate_series(1, 1500000) g;
CREATE INDEX ON t1 (a);

CREATE TABLE t2 AS SELECT id, a, b, d FROM t1;
ALTER TABLE t2 ADD PRIMARY KEY (id);
CREATE INDEX ON t2 (b);

CREATE TABLE t3 AS SELECT id, a, b || b AS b FROM t1 LIMIT 1000000;
CREATE INDEX ON t3 (id);
CREATE INDEX ON t3 (a, id);

CREATE TABLE t4 AS SELECT id, a, repeat(b, 3) AS b FROM t1 LIMIT 800000;
CREATE INDEX ON t4 (id);
CREATE INDEX ON t4 (a);

CREATE TABLE t5 AS SELECT id, a, repeat(b, 2) AS b FROM t1 LIMIT 500000;
CREATE INDEX ON t5 (id);
CREATE INDEX ON t5 (b);
