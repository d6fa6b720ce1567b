--
-- A locked session: no spelling of a change leads out of its tenant, nothing
-- that undoes a change does, and functions with a path of their own work.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;

SELECT pg_catalog.current_database() AS dbname, CURRENT_USER AS admin \gset
CREATE ROLE regress_tm_app LOGIN CREATEROLE;
CREATE ROLE regress_tm_other;
GRANT regress_tm_other TO regress_tm_app;
SELECT tenant.create('tm_a');
SELECT tenant.create('tm_b');
CREATE TABLE tm_a.t AS SELECT 'a' AS who;
CREATE TABLE tm_b.t AS SELECT 'b' AS who;
GRANT USAGE, CREATE ON SCHEMA tm_a, tm_b TO regress_tm_app, regress_tm_other;
GRANT SELECT ON tm_a.t, tm_b.t TO regress_tm_app, regress_tm_other;
GRANT CREATE ON SCHEMA public TO regress_tm_app;
CREATE VIEW public.tm_state AS
	SELECT tenant.current() AS tenant, CURRENT_USER AS role,
		pg_catalog.current_setting('search_path') AS path,
		tenant.is_locked() AS locked;
GRANT SELECT ON public.tm_state TO regress_tm_app, regress_tm_other;
-- what a hostile statement might be wrapped in
CREATE FUNCTION public.tm_run(command text) RETURNS text
	LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
CREATE FUNCTION public.tm_harmless() RETURNS text
	LANGUAGE sql SET search_path = pg_catalog, pg_temp
	AS $$ SELECT concat_ws(' ', tenant.current(), lower('X')) $$;
CREATE FUNCTION public.tm_own_schema() RETURNS text
	LANGUAGE plpgsql SET search_path = tm_a, public
	AS $$ BEGIN RETURN (SELECT who FROM t); END $$;
CREATE FUNCTION public.tm_of_b() RETURNS text
	LANGUAGE plpgsql SET search_path = tm_b, public
	AS $$ BEGIN RETURN (SELECT who FROM t); END $$;
CREATE FUNCTION public.tm_in_b() RETURNS text
	LANGUAGE plpgsql SET tenant_mgr.tenant = 'tm_b'
	AS $$ BEGIN RETURN (SELECT who FROM t); END $$;
CREATE FUNCTION public.tm_as_other() RETURNS text
	LANGUAGE sql SET role = regress_tm_other
	AS $$ SELECT CURRENT_USER::text $$;
CREATE FUNCTION public.tm_definer() RETURNS text
	LANGUAGE sql SECURITY DEFINER
	AS $$ SELECT concat_ws(' ', tenant.current(), tenant.is_locked()) $$;
CREATE FUNCTION public.tm_inside() RETURNS text
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM set_config('search_path', 'tm_b', true);
	RETURN 'done';
END
$$;

\c - regress_tm_app
-- only a session that is bound can be locked
SELECT tenant.lock('k');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.unlock('k');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.is_locked();
SELECT tenant.switch('tm_a');
SELECT tenant.lock(NULL);  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.lock('');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.lock(repeat('k', 1025));  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.is_locked();

SELECT tenant.lock('right');
SELECT * FROM tm_state;
SHOW tenant_mgr.locked;
SELECT tenant.lock('right');  -- fails
\echo :LAST_ERROR_SQLSTATE

-- each function and each statement that would lead away
SELECT tenant.switch('tm_b');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.switch('tm_none');  -- fails
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY sqlstate
SELECT tenant.switch_local('tm_b');  -- fails
SELECT tenant.reset();  -- fails
SET tenant_mgr.tenant = 'tm_b';  -- fails
SET tenant_mgr.tenant = '';  -- fails
SET LOCAL tenant_mgr.tenant = 'tm_b';  -- fails
SET tenant_mgr.tenant TO DEFAULT;  -- fails
RESET tenant_mgr.tenant;  -- fails
SET search_path = tm_b;  -- fails
SET search_path = public;  -- fails
SET search_path = pg_catalog;  -- fails
SET LOCAL search_path = tm_b;  -- fails
SET SCHEMA 'tm_b';  -- fails
SET search_path TO DEFAULT;  -- fails
RESET search_path;  -- fails
RESET "Search_Path";  -- fails
SET ROLE regress_tm_other;  -- fails
SET LOCAL ROLE regress_tm_other;  -- fails
SET SESSION AUTHORIZATION regress_tm_other;  -- fails
SET SESSION AUTHORIZATION DEFAULT;  -- fails
RESET SESSION AUTHORIZATION;  -- fails
RESET ROLE;  -- fails
RESET ALL;  -- fails
DISCARD ALL;  -- fails
SET tenant_mgr.locked = off;  -- fails
RESET tenant_mgr.locked;  -- fails
SELECT pg_catalog.set_config('tenant_mgr.locked', 'off', false);  -- fails
SELECT pg_catalog.set_config('tenant_mgr.locked', NULL, false);
SELECT pg_catalog.set_config('search_path', 'tm_b', false);  -- fails
SELECT pg_catalog.set_config('search_path', 'tm_b', true);  -- fails
SELECT pg_catalog.set_config('search_path', 'public', false);  -- fails
SELECT pg_catalog.set_config('search_path', NULL, false);  -- fails
SELECT pg_catalog.set_config('tenant_mgr.tenant', 'tm_b', false);  -- fails
SELECT pg_catalog.set_config('tenant_mgr.tenant', NULL, false);  -- fails
SELECT pg_catalog.set_config('role', 'regress_tm_other', false);  -- fails
SELECT pg_catalog.set_config('session_authorization', 'regress_tm_other', true);  -- fails
UPDATE pg_catalog.pg_settings SET setting = 'tm_b' WHERE name = 'search_path';  -- fails
UPDATE pg_catalog.pg_settings SET setting = NULL WHERE name = 'search_path';  -- fails
ALTER ROLE regress_tm_app SET search_path = tm_b;  -- fails
ALTER ROLE regress_tm_app RESET search_path;  -- fails
ALTER ROLE regress_tm_app SET role = regress_tm_other;  -- fails
ALTER ROLE regress_tm_app SET tenant_mgr.tenant = 'tm_b';  -- fails
ALTER ROLE regress_tm_app RESET ALL;  -- fails
ALTER DATABASE :"dbname" SET search_path = tm_b;  -- fails
-- nor what the role's next sessions find, whatever tenant they are bound to
ALTER ROLE regress_tm_app SET default_transaction_read_only = on;  -- fails
ALTER ROLE regress_tm_app RESET datestyle;  -- fails
ALTER USER CURRENT_USER SET standard_conforming_strings = off;  -- fails
ALTER ROLE ALL SET datestyle = 'sql';  -- fails
ALTER ROLE regress_tm_app PASSWORD 'x';  -- fails
ALTER ROLE regress_tm_other CONNECTION LIMIT 0;  -- fails
ALTER ROLE regress_tm_other RENAME TO regress_tm_third;  -- fails
CREATE ROLE regress_tm_third;  -- fails
CREATE USER regress_tm_third IN ROLE regress_tm_other;  -- fails
DROP ROLE regress_tm_other;  -- fails
GRANT regress_tm_app TO regress_tm_other;  -- fails
REVOKE regress_tm_other FROM regress_tm_app;  -- fails
ALTER GROUP regress_tm_other ADD USER regress_tm_app;  -- fails
ALTER DATABASE :"dbname" SET work_mem = '1MB';  -- fails
ALTER SYSTEM SET work_mem = '1MB';  -- fails
GRANT SET ON PARAMETER work_mem TO regress_tm_other;  -- fails
DO $$ BEGIN ALTER ROLE regress_tm_app SET datestyle = 'sql'; END $$;  -- fails
DO $$ BEGIN PERFORM tenant.switch('tm_b'); END $$;  -- fails
DO $$ BEGIN SET search_path = tm_b; END $$;  -- fails
DO $$ BEGIN EXECUTE 'SET ROLE regress_tm_other'; END $$;  -- fails
DO $$ BEGIN RESET ALL; END $$;  -- fails
DO $$ DECLARE x text; BEGIN x := pg_catalog.set_config('search_path', 'public', false); END $$;  -- fails
PREPARE tm_switch AS SELECT tenant.switch('tm_b');
EXECUTE tm_switch;  -- fails
SELECT tm_of_b();  -- fails
SELECT tm_in_b();  -- fails
SELECT tm_as_other();  -- fails
SELECT tm_inside();  -- fails
CREATE FUNCTION public.tm_new() RETURNS text LANGUAGE sql
	SET search_path = tm_b AS $$ SELECT who FROM t $$;  -- fails
CREATE FUNCTION public.tm_new() RETURNS text LANGUAGE sql
	SET role = regress_tm_other AS $$ SELECT 1 $$;  -- fails
\set VERBOSITY default
SELECT * FROM tm_state;
SELECT who FROM t;

-- the same, with the error caught
SELECT command, tm_run(command) FROM (VALUES
	(1, $$SELECT tenant.switch('tm_b')$$),
	(2, $$SELECT tenant.reset()$$),
	(3, $$SET search_path = public$$),
	(4, $$SELECT pg_catalog.set_config('search_path', 'public', false)$$),
	(5, $$SELECT pg_catalog.set_config('search_path', 'public', true)$$),
	(6, $$SELECT pg_catalog.set_config('search_path', NULL, false)$$),
	(7, $$RESET search_path$$),
	(8, $$RESET ALL$$),
	(9, $$SET ROLE regress_tm_other$$),
	(10, $$SELECT pg_catalog.set_config('tenant_mgr.tenant', NULL, false)$$),
	(11, $$SELECT tm_of_b()$$),
	(12, $$SELECT tenant.unlock('wrong')$$)) AS v (n, command) ORDER BY n;
SELECT * FROM tm_state;
SELECT who FROM t;

-- what changes nothing is no change
SELECT tenant.switch('tm_a');
SET tenant_mgr.tenant = 'tm_a';
SET search_path = tm_a, public, pg_temp;
SET work_mem = '1MB';
RESET work_mem;
DISCARD PLANS;
DISCARD TEMP;
SELECT * FROM tm_state;

-- functions with a path of their own
SELECT tm_harmless(), tm_own_schema(), tm_definer();
SELECT tm_run('SELECT tm_harmless() || (1 / 0)');
SELECT * FROM tm_state;
CREATE FUNCTION tm_a.tm_new() RETURNS text LANGUAGE sql
	SET search_path = pg_catalog, public AS $$ SELECT 'new' $$;
SELECT tm_new();
DROP FUNCTION tm_a.tm_new();

-- not even a rollback leads away
BEGIN;
SELECT tm_harmless();
SAVEPOINT s;
SELECT tenant.switch('tm_b');  -- fails
ROLLBACK TO s;
SELECT * FROM tm_state;
ROLLBACK;
SELECT * FROM tm_state;

-- the tenant may be renamed
\c - :admin
SELECT tenant.switch('tm_a');
SELECT tenant.lock('admin''s');
SELECT tenant.rename('tm_a', 'tm_a2');
SELECT * FROM tm_state;
SELECT who FROM t;
SELECT tenant.switch('tm_b');  -- fails
SELECT tenant.rename('tm_a2', 'tm_a');
SELECT * FROM tm_state;
SET tenant_mgr.persistent_schemas = tm_b;  -- fails
\echo :LAST_ERROR_SQLSTATE
RESET tenant_mgr.persistent_schemas;  -- fails
ALTER SYSTEM SET tenant_mgr.persistent_schemas = tm_b;  -- fails
ALTER SYSTEM SET search_path = tm_b;  -- fails
ALTER SYSTEM RESET ALL;  -- fails
SELECT * FROM tm_state;
SELECT tenant.unlock('admin''s');
SELECT tenant.is_locked();
SELECT tenant.switch('tm_b');

-- a wrong key does not unlock; the right one does
\c - regress_tm_app
SELECT tenant.switch('tm_a');
SELECT tenant.lock('right');
SELECT tenant.unlock('wrong');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.unlock(NULL);  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.unlock('right');
SELECT tenant.is_locked();
SELECT tenant.switch('tm_b');
SELECT tenant.reset();

-- a lock is not undone by a rollback: what is lost is the binding
BEGIN;
SELECT tenant.switch('tm_a');
SELECT tenant.lock('right');
SELECT who FROM t;
ROLLBACK;
SELECT who FROM tm_a.t;  -- fails
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE public.tm_x (i int);  -- fails
SELECT tenant.is_locked();
SELECT tenant.switch('tm_b');  -- fails
SELECT tenant.switch('tm_a');
SELECT who FROM t;
SELECT tenant.unlock('right');
SELECT tenant.reset();
BEGIN;
SELECT tenant.switch_local('tm_a');
SELECT tenant.lock('right');
COMMIT;
SELECT 1;  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.unlock('right');
SELECT 1 AS one;

-- nor does a rollback bring back another role
SELECT tenant.switch('tm_a');
BEGIN;
SET LOCAL ROLE regress_tm_other;
SELECT tenant.lock('right');
SELECT who FROM t;
RESET ROLE;  -- fails
ROLLBACK;
SELECT who FROM t;  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.switch('tm_b');  -- fails
SET ROLE regress_tm_other;
SELECT who FROM t;
SELECT tenant.unlock('right');
RESET ROLE;

-- and savepoints do not unlock either
BEGIN;
SELECT tenant.switch('tm_a');
SAVEPOINT s;
SELECT tenant.lock('right');
ROLLBACK TO s;
SELECT * FROM tm_state;
SELECT tenant.unlock('right');
SAVEPOINT s;
SELECT tenant.lock('right');
SELECT tenant.unlock('right');
ROLLBACK TO s;
SELECT * FROM tm_state;
COMMIT;

-- after ten wrong keys the right one is of no use
SELECT tenant.lock('right');
SELECT g, tm_run(format('SELECT tenant.unlock(%L)', g::text)) FROM generate_series(1, 9) g;
SELECT tenant.unlock('right');
SELECT tenant.lock('right');
SELECT count(tm_run(format('SELECT tenant.unlock(%L)', g::text))) FROM generate_series(1, 10) g;
SELECT tenant.unlock('right');  -- fails
SELECT who FROM t;

-- a superuser cannot take down the walls of a locked session
\c - :admin
CREATE FUNCTION public.tm_walls(spelling text) RETURNS TABLE (setting text, result text)
	LANGUAGE plpgsql AS $$
BEGIN
	FOR setting, result IN SELECT * FROM (VALUES ('guard', 'off'),
		('guard_tenant', 'x'), ('persistent_schemas', 'tm_b'),
		('session_switch', 'deny'), ('switch_requires', 'token'),
		('token_audience', 'x'), ('token_enforce_expiry', 'off'),
		('token_leeway', '1'), ('token_max_lifetime', '0'),
		('token_public_key', '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'),
		('token_single_use', 'all'), ('unbound', 'deny'),
		('verify_tag', 'log')) AS v LOOP
		BEGIN
			EXECUTE format(spelling, 'tenant_mgr.' || setting, result);
			result := 'done';
		EXCEPTION WHEN OTHERS THEN
			result := SQLSTATE;
		END;
		RETURN NEXT;
	END LOOP;
END
$$;
SET tenant_mgr.guard = enforce;
SELECT tenant.switch('tm_a');
SELECT tenant.lock('k');
SELECT setting, result AS "SET" FROM tm_walls('SET %s = %L') ORDER BY setting;
SELECT spelling, result, count(*) FROM (VALUES ('SET LOCAL %s = %L'),
	('RESET %s'), ('SET %s TO DEFAULT'),
	('SELECT pg_catalog.set_config(%L, %L, false)'),
	('SELECT pg_catalog.set_config(upper(%L), %L, true)'),
	('UPDATE pg_catalog.pg_settings SET setting = %2$L WHERE name = %1$L'),
	('CREATE FUNCTION public.tm_new() RETURNS int LANGUAGE sql SET %s = %L AS ''SELECT 1'''),
	('ALTER ROLE CURRENT_USER SET %s = %L'), ('ALTER ROLE ALL SET %s = %L'),
	('ALTER ROLE CURRENT_USER RESET %s')) AS s (spelling), tm_walls(spelling)
	WHERE setting <> 'guard_tenant'
	GROUP BY spelling, result ORDER BY spelling COLLATE "C";
\set VERBOSITY sqlstate
SET tenant_mgr.guard = off;  -- fails
SELECT pg_catalog.set_config('tenant_mgr.guard', 'off', false);  -- fails
SELECT pg_catalog.set_config('tenant_mgr.guard', NULL, false);  -- fails
DO $$ DECLARE x text; BEGIN x := pg_catalog.set_config('tenant_mgr.guard', NULL, false); PERFORM who FROM tm_b.t; END $$;  -- fails
DO $$ DECLARE x text; BEGIN x := pg_catalog.set_config('tenant_mgr.guard', NULL, false); COMMIT; END $$;  -- fails
RESET ALL;  -- fails
DISCARD ALL;  -- fails
ALTER SYSTEM SET tenant_mgr.guard = off;  -- fails
ALTER DATABASE :"dbname" SET tenant_mgr.guard = off;  -- fails
SELECT who FROM tm_b.t;  -- fails
\set VERBOSITY default
SHOW tenant_mgr.guard;
-- nor does the end of a transaction
SELECT tenant.unlock('k');
RESET tenant_mgr.guard;
BEGIN;
SET LOCAL tenant_mgr.guard = enforce;
SELECT tenant.lock('k');
COMMIT;
SELECT who FROM t;  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.unlock('k');
DROP FUNCTION public.tm_walls(text);

-- parallel workers are locked as well
\c - :admin
CREATE TABLE tm_a.many AS SELECT g AS n FROM pg_catalog.generate_series(1, 1000) g;
ANALYZE tm_a.many;
CREATE FUNCTION public.tm_safe_of_b() RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = tm_b
	AS $$ SELECT pg_catalog.current_setting('search_path') $$;
CREATE FUNCTION public.tm_safe_in_b() RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE SET tenant_mgr.tenant = 'tm_b'
	AS $$ SELECT tenant.current() $$;
CREATE FUNCTION public.tm_safe() RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, tm_a
	AS $$ SELECT concat_ws(' ', tenant.current(), tenant.is_locked(), current_setting('search_path')) $$;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
SELECT tenant.switch('tm_a');
SELECT DISTINCT tm_safe_of_b(), tm_safe_in_b() FROM many WHERE n > 0;
SELECT tenant.lock('k');
SELECT DISTINCT tm_safe() FROM many WHERE n > 0;
\set VERBOSITY sqlstate
SELECT DISTINCT tm_safe_of_b() FROM many WHERE n > 0;  -- fails
SELECT DISTINCT tm_safe_in_b() FROM many WHERE n > 0;  -- fails
\set VERBOSITY default

-- clean up
\c - :admin
DROP VIEW public.tm_state;
DROP FUNCTION public.tm_run(text), public.tm_harmless(), public.tm_own_schema(),
	public.tm_of_b(), public.tm_in_b(), public.tm_as_other(),
	public.tm_definer(), public.tm_inside(), public.tm_safe_of_b(),
	public.tm_safe_in_b(), public.tm_safe();
REVOKE CREATE ON SCHEMA public FROM regress_tm_app;
SELECT tenant.drop('tm_a', purge => true);
SELECT tenant.drop('tm_b', purge => true);
DROP ROLE regress_tm_app;
DROP ROLE regress_tm_other;
