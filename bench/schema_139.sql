-- schema_139.sql: a schema of the size that applications have, without rows:
-- 139 tables, 756 indexes, 504 constraints, 904 triggers (of foreign keys), 33
-- views.
CREATE SCHEMA app;
SET search_path = app;

DO $$
BEGIN
	FOR i IN 1..139 LOOP
		EXECUTE format(
			'CREATE TABLE t%s (id bigserial PRIMARY KEY,'
			' a int NOT NULL DEFAULT 0, b text, c timestamptz DEFAULT now(),'
			' d numeric(10,2) CHECK (d >= 0), e jsonb DEFAULT ''{}'','
			' f uuid, g boolean DEFAULT true, h text, i int, j date, k text,'
			' l int)', i);
	END LOOP;
END
$$;

DO $$
DECLARE
	indexed text[] := '{a,b,c,f,h,i,j,k,l,g}';
BEGIN
	FOR n IN 0 .. 756 - 139 - 1 LOOP
		EXECUTE format('CREATE INDEX ON t%s (%s)', n % 139 + 1,
			indexed[n / 139 + 1]);
	END LOOP;
	FOR n IN 0 .. 225 LOOP
		EXECUTE format('ALTER TABLE t%s ADD CONSTRAINT fk%s FOREIGN KEY (%s)'
			' REFERENCES t%s (id)', n % 139 + 1, n,
			('{a,i}'::text[])[n / 139 + 1], n * 7 % 139 + 1);
	END LOOP;
	FOR n IN 1 .. 33 LOOP
		EXECUTE format('CREATE VIEW v%s AS SELECT x.id, x.b, y.c,'
			' count(*) OVER (PARTITION BY y.a) AS n FROM t%s x'
			' JOIN t%s y ON y.id = x.a WHERE x.g AND y.d > 1', n, n, n + 1);
	END LOOP;
END
$$;
