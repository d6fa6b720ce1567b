--
-- Binding a session or a transaction to a tenant: what it sets, what undoes
-- it, and what becomes of it when the tenant or the role changes.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;

CREATE ROLE regress_tm_app;
CREATE ROLE regress_tm_other;
SELECT tenant.create('tm_a');
SELECT tenant.create('tm_b');
SELECT tenant.create('tm-c.x');
CREATE TABLE tm_a.t AS SELECT 'a' AS who;
CREATE TABLE tm_b.t AS SELECT 'b' AS who;
CREATE TABLE "tm-c.x".t AS SELECT 'c' AS who;
CREATE TABLE public.tm_shared AS SELECT 'shared' AS who;
GRANT USAGE ON SCHEMA tm_a, tm_b TO regress_tm_app;
GRANT SELECT ON tm_a.t, tm_b.t, public.tm_shared TO regress_tm_app;
CREATE VIEW public.tm_state AS
	SELECT tenant.current() AS tenant,
		pg_catalog.current_setting('search_path') AS path;
GRANT SELECT ON public.tm_state TO regress_tm_app;

-- unbound to begin with
SELECT tenant.current() IS NULL AS unbound;
SHOW search_path;

-- switch sets tenant and path, and reset puts both back
SELECT tenant.switch('tm_a');
SELECT tenant.current(), (SELECT who FROM t), (SELECT who FROM tm_shared);
SHOW search_path;
SHOW tenant_mgr.tenant;
SELECT tenant.switch('tm_b');
SELECT tenant.current(), (SELECT who FROM t);
SELECT tenant.reset();
SELECT * FROM tm_state;
SELECT who FROM t;  -- fails

-- reset puts back a path of the session's own, also after several switches
SET search_path = tm_b, public;
SELECT tenant.switch('tm_a');
SELECT tenant.switch('tm-c.x');
SELECT tenant.reset();
SHOW search_path;
RESET search_path;

-- a name that needs quotes; the path holds exactly what it should
SELECT tenant.switch('tm-c.x');
SELECT pg_catalog.current_schemas(false);
SHOW search_path;
SELECT who FROM t;
SELECT tenant.reset();
SELECT tenant.search_path('tm-c.x');
SELECT tenant.search_path('tm_none');  -- fails

-- what is no tenant, or not one to be bound to
SELECT tenant.switch('tm_none');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.switch('TM_A');  -- fails
SELECT tenant.switch('');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.switch(NULL);  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.switch_local('tm_none');  -- fails
SELECT tenant.current() IS NULL AS unbound;

-- rollback restores both (C3)
SELECT tenant.switch('tm_a');
BEGIN;
SELECT tenant.switch('tm_b');
SELECT who FROM t;
ROLLBACK;
SELECT *, (SELECT who FROM t) FROM tm_state;
SELECT tenant.reset();
BEGIN;
SELECT tenant.switch('tm_b');
ROLLBACK;
SELECT * FROM tm_state;

-- so do savepoints and PL exception blocks; release keeps both (C4)
BEGIN;
SELECT tenant.switch('tm_a');
SAVEPOINT s;
SELECT tenant.switch('tm_b');
ROLLBACK TO s;
SELECT *, (SELECT who FROM t) FROM tm_state;
SELECT tenant.switch('tm_b');
RELEASE s;
SELECT *, (SELECT who FROM t) FROM tm_state;
DO $$
BEGIN
	PERFORM tenant.switch('tm_a');
	PERFORM 1 / 0;
EXCEPTION WHEN division_by_zero THEN
	NULL;
END
$$;
SELECT *, (SELECT who FROM t) FROM tm_state;
COMMIT;
SELECT *, (SELECT who FROM t) FROM tm_state;
SELECT tenant.reset();

-- an error in the transaction, and a switch in an aborted one (C5)
BEGIN;
SELECT tenant.switch('tm_a');
SELECT 1 / 0;  -- fails
SELECT tenant.switch('tm_b');  -- fails
ROLLBACK;
SELECT * FROM tm_state;

-- a transaction's own binding ends with it (C6)
BEGIN;
SELECT tenant.switch_local('tm_a');
SELECT *, (SELECT who FROM t) FROM tm_state;
COMMIT;
SELECT * FROM tm_state;
BEGIN;
SELECT tenant.switch_local('tm_a');
ROLLBACK;
SELECT * FROM tm_state;
SELECT tenant.switch('tm_a');
BEGIN;
SELECT tenant.switch_local('tm_b');
SELECT tenant.switch_local('tm_b');
SELECT *, (SELECT who FROM t) FROM tm_state;
COMMIT;
SELECT *, (SELECT who FROM t) FROM tm_state;
SELECT tenant.reset();

-- a local binding can become the session's
BEGIN;
SELECT tenant.switch_local('tm_a');
SELECT tenant.switch('tm_a');
COMMIT;
SELECT *, (SELECT who FROM t) FROM tm_state;

-- reset within a transaction is undone with it
BEGIN;
SELECT tenant.reset();
SELECT * FROM tm_state;
ROLLBACK;
SELECT * FROM tm_state;
BEGIN;
SELECT tenant.switch_local('tm_b');
SELECT tenant.reset();
COMMIT;
SELECT * FROM tm_state;

-- switching to the same tenant again repairs a path that has been changed
SELECT tenant.switch('tm_a');
SET search_path = tm_b;
SELECT tenant.switch('tm_a');
SELECT who FROM t;
SELECT tenant.reset();

-- statements prepared by SQL while not bound follow the switch
SET search_path = tm_a;
PREPARE tm_who AS SELECT who FROM t;
RESET search_path;
SELECT tenant.switch('tm_a');
EXECUTE tm_who;
SET plan_cache_mode = force_generic_plan;
EXECUTE tm_who;
SELECT tenant.switch('tm_b');
EXECUTE tm_who;
BEGIN;
SELECT tenant.switch_local('tm_a');
EXECUTE tm_who;
COMMIT;
EXECUTE tm_who;
RESET plan_cache_mode;
-- while others belong to the tenant that they were prepared for
PREPARE tm_own AS SELECT who FROM t;
EXECUTE tm_own;
SELECT tenant.switch('tm_a');
EXECUTE tm_own;  -- fails
DEALLOCATE tm_own;  -- fails
DEALLOCATE tm_who;  -- fails
DEALLOCATE ALL;
SELECT name FROM pg_catalog.pg_prepared_statements ORDER BY name;
SELECT tenant.reset();
EXECUTE tm_own;  -- fails
DEALLOCATE tm_own;
DEALLOCATE ALL;
SELECT name FROM pg_catalog.pg_prepared_statements ORDER BY name;

-- temporary tables never come before the tenant's
CREATE TEMP TABLE t AS SELECT 'temp' AS who;
SELECT tenant.switch('tm_a');
SELECT who FROM t;
SELECT tenant.reset();
DROP TABLE pg_temp.t;

-- what is in the tenant's schema never comes before the system's (C15)
CREATE FUNCTION tm_a.lower(text) RETURNS text
	LANGUAGE sql AS $$ SELECT 'hijacked'::text $$;
CREATE FUNCTION tm_a.same(text, text) RETURNS boolean
	LANGUAGE sql AS $$ SELECT false $$;
CREATE OPERATOR tm_a.= (LEFTARG = text, RIGHTARG = text,
	FUNCTION = tm_a.same);
CREATE TABLE tm_a.pg_class (relname text);
CREATE TABLE tm_a.registry (name text);
CREATE TABLE tm_a.tenants (name text);
SELECT tenant.switch('tm_a');
SELECT lower('X'), 'a'::text = 'a'::text AS same;
SELECT tenant.current(), tenant.exists('tm_b'), tenant.search_path('tm_b');
SELECT tenant.switch('tm_b');
SELECT tenant.switch('tm_a');
SELECT tenant.reset();
DROP TABLE tm_a.pg_class, tm_a.registry, tm_a.tenants;
DROP OPERATOR tm_a.= (text, text);
DROP FUNCTION tm_a.same(text, text), tm_a.lower(text);

-- persistent schemas: the path of a bound session follows at once
CREATE SCHEMA tm_common;
CREATE TABLE tm_common.tm_extra AS SELECT 'extra' AS who;
SELECT tenant.switch('tm_a');
SET tenant_mgr.persistent_schemas = tm_common, public, tm_a, tm_common;
SELECT tenant.current(), who FROM tm_extra;
SHOW search_path;
BEGIN;
SET LOCAL tenant_mgr.persistent_schemas = '';
SHOW search_path;
SELECT who FROM tm_extra;  -- fails
ROLLBACK;
SELECT who FROM tm_extra;
SELECT pg_catalog.set_config('tenant_mgr.persistent_schemas', 'public', false);
SELECT who FROM tm_extra;  -- fails
SET tenant_mgr.persistent_schemas = '"tm_common, public';  -- fails
\echo :LAST_ERROR_SQLSTATE
-- but not one that the session has chosen itself
SET search_path = tm_b;
SET tenant_mgr.persistent_schemas = tm_common;
SHOW search_path;
RESET tenant_mgr.persistent_schemas;
SHOW search_path;
SELECT tenant.reset();
RESET search_path;
DROP SCHEMA tm_common CASCADE;

-- parallel workers see the same tenant
CREATE TABLE tm_a.many AS SELECT g AS n FROM pg_catalog.generate_series(1, 1000) g;
CREATE TABLE tm_b.many AS SELECT -g AS n FROM pg_catalog.generate_series(1, 1000) g;
ANALYZE tm_a.many;
ANALYZE tm_b.many;
CREATE FUNCTION public.tm_probe() RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	SET work_mem = '1MB'
	AS $$ SELECT pg_catalog.concat_ws(' | ', tenant.current(), pg_catalog.current_setting('search_path')) $$;
CREATE FUNCTION public.tm_probe_b() RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	SET tenant_mgr.tenant = 'tm_b'
	AS $$ SELECT pg_catalog.concat_ws(' | ', tenant.current(), pg_catalog.current_setting('search_path')) $$;
CREATE FUNCTION public.tm_in_worker(leader integer) RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE
	SET work_mem = '1MB'
	AS $$ SELECT pg_catalog.pg_backend_pid() <> leader $$;
GRANT USAGE ON SCHEMA tm_a TO regress_tm_other;
GRANT SELECT ON tm_a.many TO regress_tm_other;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
SELECT tenant.switch('tm_a');
SELECT pg_catalog.pg_backend_pid() AS leader \gset
SELECT DISTINCT tm_in_worker(:leader) FROM many WHERE n > 0;
SELECT DISTINCT tm_probe() FROM many WHERE n > 0;
SELECT DISTINCT tm_probe_b() FROM many WHERE n > 0;
SELECT DISTINCT tm_probe() FROM many WHERE n > 0;
SET ROLE regress_tm_other;
SELECT DISTINCT tm_probe() FROM many WHERE n > 0;
\set VERBOSITY terse
SELECT DISTINCT tm_probe_b() FROM many WHERE n > 0;  -- fails
\set VERBOSITY default
RESET ROLE;
SELECT tenant.switch('tm_b');
SELECT DISTINCT tm_probe() FROM many WHERE n < 0;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;
RESET parallel_leader_participation;
SELECT tenant.reset();

-- access is the role's, at every statement (C7, C8)
SET ROLE regress_tm_app;
SELECT tenant.switch('tm-c.x');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.switch('tm_a');
SELECT who FROM t;
RESET ROLE;
SELECT who FROM t;
SET ROLE regress_tm_other;
SELECT tenant.switch('tm_b');  -- fails
SELECT tenant.current();
RESET ROLE;
SELECT tenant.switch('tm_b');
SET ROLE regress_tm_other;
SELECT 1;  -- fails
\echo :LAST_ERROR_SQLSTATE
CREATE TEMP TABLE tm_x (i int);  -- fails
BEGIN;
SELECT pg_catalog.count(*) FROM pg_catalog.pg_class;  -- fails
ROLLBACK;
RESET ROLE;
SELECT who FROM t;
SET SESSION AUTHORIZATION regress_tm_app;
SELECT who FROM t;
BEGIN;
SET LOCAL ROLE regress_tm_app;
SELECT who FROM t;
ROLLBACK;
RESET SESSION AUTHORIZATION;
REVOKE USAGE ON SCHEMA tm_b FROM regress_tm_app;
SET ROLE regress_tm_app;
SELECT who FROM t;  -- fails
SELECT tenant.switch('tm_a');
SELECT who FROM t;
RESET ROLE;
GRANT USAGE ON SCHEMA tm_b TO regress_tm_app;
SELECT tenant.reset();

-- a SECURITY DEFINER function does not widen it
CREATE FUNCTION public.tm_definer(name text) RETURNS text
	LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	RETURN tenant.switch(name);
END
$$;
SET ROLE regress_tm_app;
SELECT tm_definer('tm_a');
SELECT tm_definer('tm-c.x');  -- fails
SELECT tenant.current();
RESET ROLE;
SELECT tenant.reset();
DROP FUNCTION public.tm_definer(text);

-- a template is for its owner only
SELECT tenant.set_template('tm_a', true);
SELECT tenant.switch('tm_a');
SELECT tenant.reset();
SET ROLE regress_tm_app;
SELECT tenant.switch('tm_a');  -- fails
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SELECT tenant.set_template('tm_a', false);

-- suspended: every statement is refused but those that lead out
CREATE SEQUENCE tm_a.tm_seq;
SELECT tenant.switch('tm_a');
SELECT tenant.suspend('tm_a', 'unpaid');
SELECT who FROM t;  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT 1;  -- fails
INSERT INTO t VALUES ('x');  -- fails
CREATE TABLE x (i int);  -- fails
PREPARE tm_p AS SELECT 1;  -- fails
SHOW search_path;
SELECT tenant.current();
SET work_mem = '1MB';
RESET work_mem;
SELECT name, state FROM tenant.tenants ORDER BY name COLLATE "C";
DO $$ BEGIN PERFORM 1 FROM t; END $$;  -- fails
SELECT tenant.current(), setval('tm_a.tm_seq', 7);  -- fails
BEGIN;
SELECT 1;  -- fails
ROLLBACK;
DO $$ BEGIN PERFORM tenant.reset(); END $$;
SELECT * FROM tm_state;
SELECT tenant.switch('tm_a');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.resume('tm_a');
DROP SEQUENCE tm_a.tm_seq;
SELECT tenant.switch('tm_a');
SELECT tenant.suspend('tm_a');
SELECT tenant.switch('tm_b');
SELECT who FROM t;
SELECT tenant.resume('tm_a');
-- suspended within a transaction, and the suspension undone
SELECT tenant.switch('tm_a');
BEGIN;
SELECT who FROM t;
SAVEPOINT s;
SELECT tenant.suspend('tm_a');
SELECT who FROM t;  -- fails
ROLLBACK TO s;
SELECT who FROM t;
COMMIT;

-- the extension goes away, and comes back
BEGIN;
DROP VIEW tm_state;
DROP EXTENSION tenant_mgr;
SELECT 1;  -- fails
ROLLBACK;
SELECT tenant.current(), who FROM t;

-- renamed: the session follows
SELECT tenant.rename('tm_a', 'tm_A2');
SELECT *, (SELECT who FROM t) FROM tm_state;
BEGIN;
SELECT tenant.rename('tm_A2', 'tm_a3');
SELECT *, (SELECT who FROM t) FROM tm_state;
ROLLBACK;
SELECT *, (SELECT who FROM t) FROM tm_state;
BEGIN;
SELECT tenant.switch_local('tm_b');
SELECT tenant.rename('tm_b', 'tm_b2');
SELECT *, (SELECT who FROM t) FROM tm_state;
COMMIT;
SELECT *, (SELECT who FROM t) FROM tm_state;
SELECT tenant.rename('tm_b2', 'tm_b');
SELECT tenant.rename('tm_A2', 'tm_a');
-- by the server's own command as well
ALTER SCHEMA tm_a RENAME TO tm_a4;
SELECT *, (SELECT who FROM t) FROM tm_state;
ALTER SCHEMA tm_a4 RENAME TO tm_a;
SELECT *, (SELECT who FROM t) FROM tm_state;

-- dropped and created again under the same name: never adopted (C9)
SELECT tenant.drop('tm_a');
SELECT 1;  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.switch('tm_a');  -- fails
SELECT tenant.create('tm_a');
CREATE TABLE tm_a.t AS SELECT 'new' AS who;  -- fails
SELECT 1;  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.reset();
CREATE TABLE tm_a.t AS SELECT 'new' AS who;
SELECT tenant.switch('tm_a');
SELECT who FROM t;
SELECT tenant.drop('tm_a', purge => true);
SELECT tenant.restore('tm_a');
SELECT tenant.switch('tm_a');
SELECT who FROM t;

-- the schema dropped behind our back
DROP SCHEMA tm_a CASCADE;
SELECT 1;  -- fails
\echo :LAST_ERROR_SQLSTATE
DISCARD ALL;
SELECT * FROM tm_state;

-- clean up
DROP VIEW public.tm_state;
DROP FUNCTION public.tm_probe(), public.tm_probe_b(),
	public.tm_in_worker(integer);
DROP TABLE public.tm_shared;
SELECT tenant.drop('tm_b', purge => true);
SELECT tenant.drop('tm-c.x', purge => true);
DROP ROLE regress_tm_app;
DROP ROLE regress_tm_other;
