--
-- The setting behind the binding, by every way there is to give it a value:
-- each of them verifies the tenant, and each is undone by what undoes it.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;

SELECT pg_catalog.current_database() AS dbname, CURRENT_USER AS admin \gset
CREATE ROLE regress_tm_login LOGIN;
CREATE ROLE regress_tm_owner;
SELECT tenant.create('tm_a');
SELECT tenant.create('tm_b');
CREATE TABLE tm_a.t AS SELECT 'a' AS who;
CREATE TABLE tm_b.t AS SELECT 'b' AS who;
GRANT USAGE ON SCHEMA tm_a TO regress_tm_login;
GRANT SELECT ON tm_a.t TO regress_tm_login;
CREATE VIEW public.tm_state AS
	SELECT tenant.current() AS tenant,
		pg_catalog.current_setting('tenant_mgr.tenant', true) AS setting,
		pg_catalog.current_setting('search_path') AS path;
GRANT SELECT ON public.tm_state TO regress_tm_login;

-- SET and RESET
SET tenant_mgr.tenant = 'tm_a';
SELECT *, (SELECT who FROM t) FROM tm_state;
SET tenant_mgr.tenant TO tm_b;
SELECT *, (SELECT who FROM t) FROM tm_state;
RESET tenant_mgr.tenant;
SELECT * FROM tm_state;
SET tenant_mgr.tenant = 'tm_a';
SET "Tenant_Mgr.Tenant" TO DEFAULT;
SELECT * FROM tm_state;
SET tenant_mgr.tenant = 'tm_a';
SET tenant_mgr.tenant = '';
SELECT * FROM tm_state;

-- unbound for the moment, then for good: the path does not come back
CREATE FUNCTION public.tm_leave(first text, second text) RETURNS text
	LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE first;
	EXECUTE second;
	RETURN current_setting('search_path');
END
$$;
SELECT tenant.switch('tm_b');
BEGIN;
SET LOCAL tenant_mgr.tenant = '';
SELECT tenant.reset();
COMMIT;
SELECT * FROM tm_state;
SELECT tenant.switch('tm_b');
BEGIN;
SET LOCAL tenant_mgr.tenant = '';
RESET tenant_mgr.tenant;
COMMIT;
SELECT * FROM tm_state;
SELECT tenant.switch('tm_b');
BEGIN;
SET LOCAL tenant_mgr.tenant TO DEFAULT;
SET tenant_mgr.tenant = '';
COMMIT;
SELECT * FROM tm_state;
SELECT tenant.switch('tm_b');
BEGIN;
SET LOCAL tenant_mgr.tenant = '';
RESET ALL;
COMMIT;
SELECT * FROM tm_state;
SELECT tenant.switch('tm_b');
BEGIN;
SET LOCAL tenant_mgr.tenant = '';
SELECT pg_catalog.set_config('tenant_mgr.tenant', NULL, false);
COMMIT;
SELECT who FROM t;  -- fails
SELECT * FROM tm_state;
SELECT tenant.switch('tm_b');
BEGIN;
SELECT tm_leave('SET LOCAL tenant_mgr.tenant = ''''', 'SELECT tenant.reset()');
SAVEPOINT s;
SELECT tenant.switch('tm_a');
ROLLBACK TO s;
SELECT * FROM tm_state;
COMMIT;
SELECT * FROM tm_state;
-- what is undone leaves the tenant with its path
SELECT tenant.switch('tm_b');
BEGIN;
SET LOCAL tenant_mgr.tenant = '';
SAVEPOINT s;
SELECT tenant.reset();
ROLLBACK TO s;
COMMIT;
SELECT * FROM tm_state;
BEGIN;
SET LOCAL tenant_mgr.tenant = '';
SELECT tenant.reset();
ROLLBACK;
SELECT * FROM tm_state;
SELECT tenant.reset();

-- a switch in functions that have a search path of their own
CREATE FUNCTION public.tm_goes(name text) RETURNS text
	LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
	PERFORM tenant.switch_local(name);
	RETURN current_setting('search_path');
END
$$;
CREATE FUNCTION public.tm_goes_within(name text) RETURNS text
	LANGUAGE sql SET search_path = pg_catalog SET work_mem = '1MB'
	AS $$ SELECT public.tm_goes(name) $$;
BEGIN;
SELECT tm_goes('tm_b');
SELECT * FROM tm_state;
SAVEPOINT s;
SELECT public.tm_goes_within('tm_a');
SELECT * FROM tm_state;
ROLLBACK TO s;
SELECT * FROM tm_state;
SELECT public.tm_goes_within('tm_a');
COMMIT;
SELECT * FROM tm_state;
SELECT tenant.switch('tm_a');
BEGIN;
SELECT public.tm_goes_within('tm_b');
SELECT * FROM tm_state;
COMMIT;
SELECT * FROM tm_state;
SELECT tenant.reset();
SELECT * FROM tm_state;
-- unless a function brings the tenant as well
CREATE FUNCTION public.tm_stays() RETURNS text
	LANGUAGE sql SET tenant_mgr.tenant = 'tm_a'
	AS $$ SELECT public.tm_goes('tm_b') $$;
BEGIN;
SELECT tm_stays();
SELECT * FROM tm_state;
COMMIT;
DROP FUNCTION public.tm_leave(text, text), public.tm_goes(text),
	public.tm_goes_within(text), public.tm_stays();

-- lists of names keep their quotes, by every statement that sets them
SET tenant_mgr.persistent_schemas = public, "Shared", "My ""Own""";
SELECT tenant.search_path('tm_a');
SET "Tenant_Mgr"."Persistent_Schemas" = "My Own";
SELECT tenant.search_path('tm_a');
SET tenant_mgr.persistent_schemas = 'public, "Shared"';
SELECT tenant.search_path('tm_a');
SET tenant_mgr.persistent_schemas = 'public', 'Shared';
SELECT tenant.search_path('tm_a');
SET tenant_mgr.persistent_schemas = Public;
SELECT tenant.search_path('tm_a');
RESET tenant_mgr.persistent_schemas;
SET tenant_mgr.clone_exclude = 'log%', "Log";
SHOW tenant_mgr.clone_exclude;
CREATE FUNCTION public.tm_list() RETURNS text LANGUAGE sql
	SET work_mem = '1MB' SET tenant_mgr.clone_exclude = "Log", audit
	AS $$ SELECT current_setting('tenant_mgr.clone_exclude') $$;
SELECT public.tm_list();
ALTER FUNCTION public.tm_list() SET tenant_mgr.clone_exclude = U&"\0041udit";
SELECT public.tm_list();
DROP FUNCTION public.tm_list();
DO $$ BEGIN SET tenant_mgr.clone_exclude = "In Do"; END $$;
SHOW tenant_mgr.clone_exclude;
ALTER ROLE regress_tm_login SET tenant_mgr.clone_exclude = "Log", audit;
SELECT setconfig FROM pg_catalog.pg_db_role_setting
	WHERE setrole = 'regress_tm_login'::regrole;
ALTER ROLE regress_tm_login RESET ALL;
RESET tenant_mgr.clone_exclude;

-- from tenant to tenant within a transaction, where that is an error
SET tenant_mgr.nested_switch = error;
BEGIN;
SELECT tenant.switch_local('tm_a');
SELECT tenant.switch_local('tm_a');
SAVEPOINT s;
SELECT tenant.switch_local('tm_b');  -- fails
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO s;
SET LOCAL tenant_mgr.tenant = 'tm_b';  -- fails
ROLLBACK TO s;
SELECT tenant.switch('tm_b');  -- fails
ROLLBACK TO s;
SELECT tenant.reset();
SELECT tenant.switch_local('tm_b');
COMMIT;
SELECT tenant.switch('tm_a');
SELECT tenant.switch('tm_b');
BEGIN;
SELECT tenant.switch_local('tm_a');  -- fails
ROLLBACK;
DO $$ BEGIN PERFORM tenant.switch_local('tm_a'); END $$;
DO $$ BEGIN PERFORM tenant.switch_local('tm_a');
	PERFORM tenant.switch_local('tm_b'); END $$;  -- fails
SELECT tenant.current();
SELECT tenant.reset();
RESET tenant_mgr.nested_switch;

-- outside of a transaction block there is nothing to bind
SELECT tenant.switch_local('tm_a');
SELECT tenant.current();
DO $$ BEGIN PERFORM tenant.switch_local('tm_a'); END $$;

-- SET LOCAL
BEGIN;
SET LOCAL tenant_mgr.tenant = 'tm_a';
SELECT *, (SELECT who FROM t) FROM tm_state;
SAVEPOINT s;
SET LOCAL tenant_mgr.tenant = 'tm_b';
SELECT *, (SELECT who FROM t) FROM tm_state;
ROLLBACK TO s;
SELECT *, (SELECT who FROM t) FROM tm_state;
COMMIT;
SELECT * FROM tm_state;
SET tenant_mgr.tenant = 'tm_a';
BEGIN;
SET LOCAL tenant_mgr.tenant TO DEFAULT;
SELECT * FROM tm_state;
COMMIT;
SELECT * FROM tm_state;
BEGIN;
RESET tenant_mgr.tenant;
SELECT * FROM tm_state;
ROLLBACK;
SELECT * FROM tm_state;
RESET tenant_mgr.tenant;

-- set_config, which can also reset
SELECT pg_catalog.set_config('tenant_mgr.tenant', 'tm_a', false);
SELECT *, (SELECT who FROM t) FROM tm_state;
SELECT pg_catalog.set_config('tenant_mgr.tenant', NULL, false);
SELECT * FROM tm_state;
SHOW search_path;
BEGIN;
SELECT pg_catalog.set_config('tenant_mgr.tenant', 'tm_b', true);
SELECT *, (SELECT who FROM t) FROM tm_state;
SELECT pg_catalog.set_config('tenant_mgr.tenant', NULL, true);
SELECT * FROM tm_state;
COMMIT;
SELECT * FROM tm_state;
SET tenant_mgr.tenant = 'tm_a';
BEGIN;
SELECT pg_catalog.set_config('tenant_mgr.tenant', NULL, false);
ROLLBACK;
SELECT * FROM tm_state;
RESET tenant_mgr.tenant;
SET search_path = public, tm_b;
SELECT tenant.switch('tm_a');
SELECT pg_catalog.set_config('tenant_mgr.tenant', NULL, false);
SELECT * FROM tm_state;
RESET search_path;

-- RESET ALL and DISCARD ALL (C14)
SET tenant_mgr.tenant = 'tm_a';
RESET ALL;
SELECT * FROM tm_state;
SET tenant_mgr.tenant = 'tm_a';
BEGIN;
RESET ALL;
SELECT * FROM tm_state;
ROLLBACK;
SELECT *, (SELECT who FROM t) FROM tm_state;
DISCARD ALL;
SELECT * FROM tm_state;

-- the SET clause of a function binds for the function's time
CREATE FUNCTION public.tm_in_b() RETURNS text
	LANGUAGE plpgsql SET tenant_mgr.tenant = 'tm_b' AS $$
BEGIN
	RETURN (SELECT tenant || ' ' || path || ' ' || (SELECT who FROM t)
			FROM public.tm_state);
END
$$;
CREATE FUNCTION public.tm_in_b_then(name text) RETURNS text
	LANGUAGE plpgsql SET tenant_mgr.tenant = 'tm_b' AS $$
BEGIN
	PERFORM tenant.switch_local(name);
	RETURN (SELECT tenant || ' ' || path || ' ' || (SELECT who FROM t)
			FROM public.tm_state);
END
$$;
CREATE FUNCTION public.tm_in_b_reset() RETURNS text
	LANGUAGE plpgsql SET tenant_mgr.tenant = 'tm_b' AS $$
BEGIN
	RESET tenant_mgr.tenant;
	RETURN (SELECT pg_catalog.concat_ws(' ', tenant, path)
			FROM public.tm_state);
END
$$;
CREATE FUNCTION public.tm_in_b_fail() RETURNS text
	LANGUAGE plpgsql SET tenant_mgr.tenant = 'tm_b' AS $$
BEGIN
	RETURN 1 / 0;
END
$$;
SELECT tm_in_b();
SELECT * FROM tm_state;
SET tenant_mgr.tenant = 'tm_a';
SELECT tm_in_b(), (SELECT who FROM t);
SELECT *, (SELECT who FROM t) FROM tm_state;
SELECT tm_in_b_then('tm_a');
SELECT *, (SELECT who FROM t) FROM tm_state;
\set VERBOSITY terse
SELECT tm_in_b_fail();  -- fails
\set VERBOSITY default
SELECT *, (SELECT who FROM t) FROM tm_state;
RESET tenant_mgr.tenant;
SELECT tm_in_b_then('tm_a');
SELECT * FROM tm_state;
SELECT tm_in_b_reset();
SELECT * FROM tm_state;

-- a function that changes the path on its own between two bindings
CREATE FUNCTION public.tm_own_path() RETURNS text
	LANGUAGE plpgsql SET tenant_mgr.tenant = 'tm_b' AS $$
BEGIN
	SET LOCAL search_path = public;
	PERFORM tenant.switch_local('tm_a');
	RETURN (SELECT tenant || ' ' || path FROM public.tm_state);
END
$$;
SELECT tm_own_path();
SELECT * FROM tm_state;
DROP FUNCTION public.tm_own_path();

-- no value without a privilege (C2)
SET ROLE regress_tm_login;
SET tenant_mgr.tenant = 'tm_b';  -- fails
\echo :LAST_ERROR_SQLSTATE
BEGIN;
SET LOCAL tenant_mgr.tenant = 'tm_b';  -- fails
ROLLBACK;
SELECT pg_catalog.set_config('tenant_mgr.tenant', 'tm_b', false);  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tm_in_b();  -- fails
\echo :LAST_ERROR_SQLSTATE
SET tenant_mgr.tenant = 'tm_none';  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM tm_state;
SET tenant_mgr.tenant = 'tm_a';
SELECT *, (SELECT who FROM t) FROM tm_state;
RESET ROLE;
RESET tenant_mgr.tenant;

-- a definer's right does not come through the SET clause
CREATE FUNCTION public.tm_definer_b() RETURNS text
	LANGUAGE sql SECURITY DEFINER SET tenant_mgr.tenant = 'tm_b'
	AS $$ SELECT tenant.current() $$;
SET ROLE regress_tm_login;
SELECT tm_definer_b();  -- fails
RESET ROLE;
DROP FUNCTION public.tm_definer_b();

-- suspended, with the state that a program can look at
SELECT tenant.suspend('tm_a');
SET tenant_mgr.tenant = 'tm_a';  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.resume('tm_a');

-- the prefix is reserved
SET tenant_mgr.no_such_setting = 1;  -- fails
\echo :LAST_ERROR_SQLSTATE

-- other settings
SET tenant_mgr.schema_prefix = 'pg_x';  -- fails
SET tenant_mgr.schema_prefix = 'a b';  -- fails
SET tenant_mgr.base_domains = '"x';  -- fails
SET ROLE regress_tm_login;
SET tenant_mgr.persistent_schemas = tm_b;  -- fails
\echo :LAST_ERROR_SQLSTATE
SET tenant_mgr.clone_exclude = 'log%, "Audit%"';
SHOW tenant_mgr.clone_exclude;
RESET tenant_mgr.clone_exclude;
RESET ROLE;
SHOW tenant_mgr.trash_retention;
SELECT name, setting, unit, context FROM pg_catalog.pg_settings
	WHERE name IN ('tenant_mgr.tenant', 'tenant_mgr.persistent_schemas',
		'tenant_mgr.base_domains', 'tenant_mgr.excluded_subdomains',
		'tenant_mgr.trash_retention', 'tenant_mgr.default_template')
	ORDER BY name COLLATE "C";

-- values set before the library was loaded are verified with the first statement
\c -
SET tenant_mgr.tenant = 'tm_a';
SELECT tenant.current();
SELECT *, (SELECT who FROM t) FROM tm_state;
RESET tenant_mgr.tenant;
SELECT * FROM tm_state;
\c -
SET tenant_mgr.tenant = 'tm_none';
SELECT tenant.current();
SELECT 1 AS one;
\c -
SET tenant_mgr.no_such_setting = 1;
SELECT tenant.current();
\c -
BEGIN;
SET LOCAL tenant_mgr.tenant = 'tm_a';
SAVEPOINT s;
SELECT tenant.current();
SELECT who FROM t;
ROLLBACK TO s;
SELECT tenant.current();
SELECT * FROM tm_state;
COMMIT;
SELECT * FROM tm_state;
\c - regress_tm_login
SET tenant_mgr.tenant = 'tm_b';
SELECT tenant.current();
SELECT 1 AS one;

-- ALTER ROLE ... SET, library loaded late
\c - :admin
ALTER ROLE regress_tm_login SET tenant_mgr.tenant = 'tm_a';
\c - regress_tm_login
SELECT tenant.current();
SELECT *, (SELECT who FROM t) FROM tm_state;
SELECT tenant.reset();
SELECT * FROM tm_state;
RESET tenant_mgr.tenant;
SELECT * FROM tm_state;
RESET ALL;
SELECT *, (SELECT who FROM t) FROM tm_state;

-- ... and loaded as the session starts: bound from the first statement on
\c - :admin
ALTER ROLE regress_tm_login SET session_preload_libraries = 'tenant_mgr';
\c - regress_tm_login
SELECT who FROM t;
SELECT * FROM tm_state;
DISCARD ALL;
SELECT who FROM t;
SELECT tenant.reset();
SELECT pg_catalog.set_config('tenant_mgr.tenant', NULL, false);
SELECT who FROM t;

-- ... to a tenant that the role may not use
\c - :admin
ALTER ROLE regress_tm_login SET tenant_mgr.tenant = 'tm_b';
\c - regress_tm_login
SELECT tenant.current();
SELECT 1;  -- fails
\echo :LAST_ERROR_SQLSTATE
SHOW search_path;
SELECT tenant.switch('tm_a');
SELECT who FROM t;
RESET tenant_mgr.tenant;  -- fails
SELECT tenant.reset();
SELECT * FROM tm_state;

-- ... that does not exist
\c - :admin
ALTER ROLE regress_tm_login SET tenant_mgr.tenant = 'tm_none';
\c - regress_tm_login
SELECT 1;  -- fails
\echo :LAST_ERROR_SQLSTATE
SET tenant_mgr.tenant = '';
SELECT * FROM tm_state;

-- ALTER DATABASE ... SET
\c - :admin
ALTER ROLE regress_tm_login RESET tenant_mgr.tenant;
ALTER DATABASE :"dbname" SET tenant_mgr.tenant = 'tm_b';
\c - regress_tm_login
SELECT tenant.current();
SELECT 1;  -- fails
\echo :LAST_ERROR_SQLSTATE
ALTER DATABASE :"dbname" RESET tenant_mgr.tenant;  -- fails
SELECT tenant.reset();
\c - :admin
SELECT tenant.reset();
ALTER DATABASE :"dbname" RESET tenant_mgr.tenant;

-- the client's own options
\c -reuse-previous=on "user=regress_tm_login options='-c tenant_mgr.tenant=tm_b'"
SELECT tenant.current();
SELECT 1;  -- fails
\echo :LAST_ERROR_SQLSTATE
\c -reuse-previous=on "user=regress_tm_login options='-c tenant_mgr.tenant=tm_a'"
SELECT who FROM t;
SELECT tenant.switch_local('tm_a');
SELECT * FROM tm_state;

-- clean up
\set conninfo 'user=' :admin ' options=\'\''
\c -reuse-previous=on :"conninfo"
DROP VIEW public.tm_state;
DROP FUNCTION public.tm_in_b(), public.tm_in_b_then(text),
	public.tm_in_b_reset(), public.tm_in_b_fail();
SELECT tenant.drop('tm_a', purge => true);
SELECT tenant.drop('tm_b', purge => true);
DROP ROLE regress_tm_login;
DROP ROLE regress_tm_owner;
