--
-- What is open when a session goes to another tenant: cursors, loops, and the
-- statement that the switch is a part of.  And sessions that may be bound for
-- a transaction only.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;

SELECT CURRENT_USER AS admin \gset
CREATE ROLE regress_tm_pooled LOGIN;
SELECT tenant.create('tm_a');
SELECT tenant.create('tm_b');
CREATE TABLE tm_a.t AS SELECT 'a' AS who, g AS n FROM pg_catalog.generate_series(1, 3) g;
CREATE TABLE tm_b.t AS SELECT 'b' AS who, g AS n FROM pg_catalog.generate_series(1, 3) g;
CREATE TABLE public.tm_shared AS SELECT g AS n FROM pg_catalog.generate_series(1, 3) g;
CREATE VIEW public.tm_view_of_a AS SELECT * FROM tm_a.t;
GRANT USAGE ON SCHEMA tm_a, tm_b TO regress_tm_pooled;
GRANT SELECT ON tm_a.t, tm_b.t TO regress_tm_pooled;
CREATE FUNCTION public.tm_go(name text) RETURNS text
	LANGUAGE plpgsql AS $$ BEGIN RETURN tenant.switch(name); END $$;

-- a cursor of the tenant (B13)
SELECT tenant.switch('tm_a');
BEGIN;
DECLARE c CURSOR FOR SELECT who FROM t;
FETCH c;
SAVEPOINT s;
SELECT tenant.switch('tm_b');  -- fails
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO s;
\set VERBOSITY sqlstate
SELECT tenant.switch_local('tm_b');  -- fails
ROLLBACK TO s;
SET tenant_mgr.tenant = 'tm_b';  -- fails
ROLLBACK TO s;
SET LOCAL tenant_mgr.tenant = 'tm_b';  -- fails
ROLLBACK TO s;
SELECT pg_catalog.set_config('tenant_mgr.tenant', 'tm_b', false);  -- fails
ROLLBACK TO s;
SELECT tenant.reset();  -- fails
ROLLBACK TO s;
RESET tenant_mgr.tenant;  -- fails
ROLLBACK TO s;
RESET ALL;  -- fails
ROLLBACK TO s;
SELECT pg_catalog.set_config('tenant_mgr.tenant', NULL, false);  -- fails
ROLLBACK TO s;
SELECT tm_go('tm_b');  -- fails
ROLLBACK TO s;
DO $$ BEGIN PERFORM tenant.switch('tm_b'); END $$;  -- fails
ROLLBACK TO s;
\set VERBOSITY default
SELECT tenant.switch('tm_a');
FETCH c;
CLOSE c;
SELECT tenant.switch('tm_b');
SELECT who FROM t LIMIT 1;
COMMIT;

-- one that is held; through a view; of another tenant than the bound one
SELECT tenant.switch('tm_a');
DECLARE "Odd ""c" CURSOR WITH HOLD FOR SELECT who FROM t;
SELECT tenant.switch('tm_b');  -- fails
\echo :LAST_ERROR_SQLSTATE
CLOSE ALL;
SELECT tenant.switch('tm_b');
SELECT tenant.reset();
DECLARE c CURSOR WITH HOLD FOR SELECT who FROM tm_view_of_a;
SELECT tenant.switch('tm_b');  -- fails
SELECT tenant.switch('tm_a');
SELECT tenant.reset();  -- fails
DISCARD ALL;
SELECT tenant.current() IS NULL AS unbound;

-- nor may one be held for longer than the binding
BEGIN;
SELECT tenant.switch_local('tm_a');
DECLARE c CURSOR WITH HOLD FOR SELECT who FROM t;  -- fails
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;

-- cursors that read nothing of a tenant, or have been read to the end
BEGIN;
DECLARE c CURSOR FOR SELECT n FROM tm_shared;
DECLARE d CURSOR FOR SELECT name FROM tenant.tenants ORDER BY name COLLATE "C";
SELECT tenant.switch('tm_a');
DECLARE e NO SCROLL CURSOR FOR SELECT who FROM t;
FETCH ALL FROM e;
SELECT tenant.switch('tm_b');
FETCH c;
FETCH d;
COMMIT;
SELECT tenant.reset();

-- but for those whose rows depend on who asks
ALTER TABLE public.tm_shared ENABLE ROW LEVEL SECURITY;
BEGIN;
DECLARE c CURSOR FOR SELECT n FROM tm_shared;
SELECT tenant.switch('tm_a');  -- fails
ROLLBACK;
ALTER TABLE public.tm_shared DISABLE ROW LEVEL SECURITY;

-- nor what functions have begun to read, or have in store
SET check_function_bodies = off;
CREATE FUNCTION public.tm_lazy() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT who || n FROM t ORDER BY n';
CREATE FUNCTION public.tm_stored() RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT who || n FROM t ORDER BY n; END $$;
CREATE FUNCTION public.tm_one(int) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT who || n FROM t WHERE n = $1); END $$;
CREATE FUNCTION public.tm_constant(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN $1 + 1; END $$;
RESET check_function_bodies;
SELECT tenant.switch('tm_a');
BEGIN;
DECLARE c CURSOR FOR SELECT tm_lazy();
FETCH c;
SELECT tenant.switch('tm_b');  -- fails
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM tm_stored();
FETCH c;
SELECT tenant.switch('tm_b');  -- fails
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT tm_one(g) FROM pg_catalog.generate_series(1, 3) g ORDER BY 1;
FETCH c;
SELECT tenant.reset();  -- fails
ROLLBACK;
DO $$
DECLARE r record;
BEGIN
	FOR r IN SELECT * FROM tm_stored() LOOP
		PERFORM tenant.switch('tm_b');
	END LOOP;
END
$$;  -- fails
BEGIN;
DECLARE c CURSOR FOR SELECT tm_constant(n) FROM tm_shared;
DECLARE d CURSOR FOR SELECT tenant.current() FROM tm_shared;
SELECT tenant.switch('tm_b');
FETCH c;
FETCH d;
ROLLBACK;
SELECT tenant.reset();
DROP FUNCTION public.tm_lazy(), public.tm_stored(), public.tm_one(int), public.tm_constant(int);

-- a switch in the middle of a statement (B14)
SELECT tenant.switch('tm_a');
SELECT tenant.switch('tm_b'), * FROM t;  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tm_go('tm_b') FROM t;  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT who, (SELECT tenant.switch('tm_b')) FROM t;  -- fails
SELECT who FROM t WHERE tm_go('tm_b') = 'x';  -- fails
UPDATE t SET n = n RETURNING tenant.switch('tm_b');  -- fails
INSERT INTO t SELECT tenant.switch('tm_b'), 4;  -- fails
WITH w AS (DELETE FROM t RETURNING n) SELECT tenant.switch('tm_b') FROM w;  -- fails
DO $$
DECLARE r record;
BEGIN
	FOR r IN SELECT who FROM t LOOP
		PERFORM tenant.switch('tm_b');
	END LOOP;
END
$$;  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.current(), pg_catalog.count(*) FROM t;
SELECT tenant.switch('tm_b') AS went;
SELECT 1 AS one, tenant.switch(pg_catalog.lower('TM_A')) AS went;
SELECT tm_go('tm_b');
PREPARE p (text) AS SELECT tenant.switch($1);
EXECUTE p ('tm_a');
SELECT tenant.switch('tm_b');
DEALLOCATE p;
SELECT tenant.switch('tm_a');
SELECT tenant.switch(n) FROM (VALUES ('tm_b'), ('tm_a')) AS v (n);
SELECT tenant.switch_local('tm_b'), n FROM tm_shared LIMIT 1;

-- in a trigger, whatever fires it
CREATE FUNCTION public.tm_trigger() RETURNS trigger
	LANGUAGE plpgsql AS $$ BEGIN PERFORM tenant.switch('tm_b'); RETURN NEW; END $$;
CREATE TRIGGER tm_before BEFORE INSERT ON tm_a.t
	FOR EACH ROW EXECUTE FUNCTION public.tm_trigger();
INSERT INTO t VALUES ('x', 4);  -- fails
\echo :LAST_ERROR_SQLSTATE
COPY t FROM stdin;  -- fails
x	4
\.
\echo :LAST_ERROR_SQLSTATE
DROP TRIGGER tm_before ON tm_a.t;
CREATE CONSTRAINT TRIGGER tm_deferred AFTER INSERT ON tm_a.t
	DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION public.tm_trigger();
BEGIN;
INSERT INTO t VALUES ('x', 4);
COMMIT;  -- fails
\echo :LAST_ERROR_SQLSTATE
DROP TRIGGER tm_deferred ON tm_a.t;
SELECT tenant.current(), pg_catalog.count(*) FROM t;

-- loops over tenants, also in a procedure that commits
DO $$
DECLARE r record;
BEGIN
	FOR r IN SELECT name FROM tenant.tenants ORDER BY name COLLATE "C" LOOP
		PERFORM tenant.switch(r.name);
		UPDATE t SET n = n + 10;
	END LOOP;
END
$$;
CREATE PROCEDURE public.tm_migrate() LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
	FOR r IN SELECT name FROM tenant.tenants ORDER BY name COLLATE "C" LOOP
		PERFORM tenant.switch(r.name);
		UPDATE t SET n = n + 10;
		COMMIT;
	END LOOP;
END
$$;
CALL tm_migrate();
SELECT tenant.reset();
SELECT who, pg_catalog.sum(n) FROM tm_a.t GROUP BY who;
SELECT who, pg_catalog.sum(n) FROM tm_b.t GROUP BY who;

-- temporary tables and types never come before the tenant's (B15, B16)
CREATE TEMP TABLE t (who text, n int);
CREATE TEMP VIEW tm_shared AS SELECT 'temp' AS n;
CREATE FUNCTION pg_temp.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT 'temp'::text $$;
CREATE TYPE pg_temp.text AS (i int);
SELECT tenant.switch('tm_a');
SELECT DISTINCT who FROM t;
SELECT pg_catalog.count(*) FROM tm_shared;
SELECT lower('X'), pg_catalog.pg_typeof('a'::text);
SELECT tenant.current(), tenant.exists('tm_b'), tenant.search_path('tm_b');
SELECT tenant.reset();
DISCARD TEMP;

-- sessions that may be bound for a transaction only
ALTER ROLE regress_tm_pooled SET tenant_mgr.session_switch = deny;
ALTER ROLE regress_tm_pooled SET session_preload_libraries = 'tenant_mgr';
\c - regress_tm_pooled
SELECT tenant.switch('tm_a');  -- fails
\echo :LAST_ERROR_SQLSTATE
SET tenant_mgr.tenant = 'tm_a';  -- fails
SELECT pg_catalog.set_config('tenant_mgr.tenant', 'tm_a', false);  -- fails
SET tenant_mgr.session_switch = allow;  -- fails
\echo :LAST_ERROR_SQLSTATE
BEGIN;
SELECT tenant.switch_local('tm_a');
SELECT DISTINCT who FROM t;
SAVEPOINT s;
SELECT tenant.switch('tm_a');  -- fails
ROLLBACK TO s;
SELECT tenant.switch('tm_b');  -- fails
ROLLBACK TO s;
SELECT tenant.switch_local('tm_b');
SELECT DISTINCT who FROM t;
SELECT tenant.reset();
COMMIT;
BEGIN;
SET LOCAL tenant_mgr.tenant = 'tm_a';
SELECT DISTINCT who FROM t;
COMMIT;
SELECT tenant.current() IS NULL AS unbound;
SELECT tenant.reset();

-- clean up
\c - :admin
DROP PROCEDURE public.tm_migrate();
DROP FUNCTION public.tm_trigger(), public.tm_go(text);
DROP VIEW public.tm_view_of_a;
DROP TABLE public.tm_shared;
SELECT tenant.drop('tm_a', purge => true);
SELECT tenant.drop('tm_b', purge => true);
DROP ROLE regress_tm_pooled;
