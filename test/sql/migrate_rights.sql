--
-- Under whose rights a migration runs, for which tenant, and what it cannot do there:
-- code that is planted in a schema, superusers as owners, settings, search paths,
-- functions that change tenants.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;
\set VERBOSITY terse
CREATE ROLE regress_tm_owner;
CREATE ROLE regress_tm_member;
CREATE ROLE regress_tm_evil;
SELECT current_user AS me \gset
GRANT regress_tm_owner TO regress_tm_member;
GRANT USAGE ON SCHEMA tenant TO regress_tm_owner, regress_tm_member;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA tenant TO regress_tm_owner, regress_tm_member;
SELECT tenant.create('mig_t', owner => 'regress_tm_owner'), tenant.set_template('mig_t', true);
SET ROLE regress_tm_owner;
CREATE TABLE mig_t.t (i int PRIMARY KEY, s text);
RESET ROLE;
SELECT tenant.create('mig_a', 'mig_t', owner => 'regress_tm_owner'), tenant.create('mig_s', 'mig_t', owner => :'me');

CREATE PROCEDURE public.tm_migrate(sql text, variadic tenants text[]) LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL client_min_messages = error;
	PERFORM tenant.add_migration('x', sql);
	COMMIT;
	SET client_min_messages = error;
	CALL tenant.migrate(tenants => tenants, jobs => 1);
	RESET client_min_messages;
END $$;
CREATE VIEW public.tm_failed AS SELECT tenant, sqlstate, replace(error, current_user, 'me') AS error
	FROM tenant.migration_status WHERE state IN ('failed', 'partial') ORDER BY tenant;
CREATE PROCEDURE public.tm_forget() LANGUAGE sql AS $$
	DELETE FROM tenant.applied_migration WHERE version = 'x';
	SELECT tenant.drop_migration('x');
$$;

-- the tenant, its owner, its path; nothing of it stays
CALL public.tm_migrate('CREATE TABLE seen AS SELECT tenant.current() AS tenant, current_user::text AS role,
	current_setting(''search_path'') AS path; SET work_mem = ''111kB''; SET my.own = ''kept'';
	INSERT INTO t VALUES (1, current_setting(''work_mem'') || current_setting(''my.own''))', 'mig_t', 'mig_a');
TABLE mig_t.seen;
TABLE mig_a.seen;
TABLE mig_a.t;
SELECT tenant.current() IS NULL AS unbound, current_setting('work_mem') = '111kB' AS set, current_setting('my.own', true) AS own;
DROP TABLE mig_t.seen, mig_a.seen;
CALL public.tm_forget();

-- the same where statements are executed one by one, also where nobody reaches a tenant unbound
SET client_min_messages = error;
SELECT tenant.add_migration('x', $$
	SET my.own = 'kept'; SET maintenance_work_mem = '1111kB';
	CREATE FUNCTION tell(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $f$ BEGIN
		RAISE 'seen by % of % with % and %', current_user, tenant.current(), current_setting('my.own'), current_setting('maintenance_work_mem');
		END $f$;
	CREATE INDEX CONCURRENTLY told ON t (tell(i))$$, transactional => false);
SET tenant_mgr.unbound = 'deny';
CALL tenant.migrate(tenants => '{mig_a}', jobs => 1);
RESET tenant_mgr.unbound;
RESET client_min_messages;
SELECT * FROM public.tm_failed;
SELECT tenant.current() IS NULL AS unbound, current_setting('search_path') AS path, current_user = :'me' AS me, current_setting('maintenance_work_mem') = '1111kB' AS set;
DROP INDEX mig_a.told;
DROP FUNCTION mig_a.tell;
CALL public.tm_forget();

-- another tenant, another path, another role
CALL public.tm_migrate('DO $$ BEGIN PERFORM tenant.switch(''mig_s''); END $$', 'mig_a');
SELECT * FROM public.tm_failed;
CALL public.tm_forget();
CALL public.tm_migrate('DO $$ BEGIN PERFORM set_config(''search_path'', ''public'', true); END $$', 'mig_a');
SELECT * FROM public.tm_failed;
CALL public.tm_forget();
CALL public.tm_migrate('DO $$ BEGIN RESET ROLE; END $$', 'mig_a');
SELECT * FROM public.tm_failed;
CALL public.tm_forget();
CALL public.tm_migrate('DO $$ BEGIN SET SESSION AUTHORIZATION DEFAULT; END $$', 'mig_a');
SELECT * FROM public.tm_failed;
CALL public.tm_forget();
CALL public.tm_migrate('DO $$ BEGIN EXECUTE ''ALTER SYSTEM SET work_mem = 1''; END $$', 'mig_a');
SELECT * FROM public.tm_failed;
CALL public.tm_forget();
CALL public.tm_migrate('COPY t FROM PROGRAM ''echo 1''', 'mig_a');
SELECT tenant, sqlstate FROM public.tm_failed;
CALL public.tm_forget();
CALL public.tm_migrate('SELECT lo_import(''/etc/passwd'')', 'mig_a');
SELECT * FROM public.tm_failed;
CALL public.tm_forget();
CALL public.tm_migrate('SELECT pg_read_file(''PG_VERSION'')', 'mig_a');
SELECT * FROM public.tm_failed;
CALL public.tm_forget();
CALL public.tm_migrate('DO $$ BEGIN CREATE EVENT TRIGGER trap ON ddl_command_end EXECUTE FUNCTION f(); END $$', 'mig_a');
SELECT * FROM public.tm_failed;
CALL public.tm_forget();
CALL public.tm_migrate('DO $$ BEGIN CREATE TEMP TABLE t (i int); END $$', 'mig_a');
SELECT * FROM public.tm_failed;
CALL public.tm_forget();

-- functions that change tenants, even of an owner who may call them; secrets are rows
GRANT CREATE ON DATABASE :"DBNAME" TO regress_tm_owner;
CALL public.tm_migrate('DO $$ BEGIN PERFORM tenant.create(''mig_new''); END $$', 'mig_a');
SELECT * FROM public.tm_failed;
CALL public.tm_forget();
CALL public.tm_migrate('DO $$ BEGIN PERFORM tenant.drop(tenant.current()); END $$', 'mig_a');
SELECT * FROM public.tm_failed;
CALL public.tm_forget();
SELECT tenant.create('mig_new') IS NOT NULL AS afterwards, tenant.drop('mig_new', true);
REVOKE CREATE ON DATABASE :"DBNAME" FROM regress_tm_owner;

-- a superuser's tenant is for superusers, whoever is a member of what
CALL public.tm_migrate('INSERT INTO t VALUES (10)', 'mig_t');
GRANT :"me" TO regress_tm_member;
SET ROLE regress_tm_member;
SET client_min_messages = error;
CALL tenant.migrate(tenants => '{mig_s}', jobs => 1);
RESET client_min_messages;
SELECT * FROM tenant.exec('SELECT FROM pg_roles WHERE rolname = current_user AND rolsuper', '{mig_s}');
RESET ROLE;
REVOKE :"me" FROM regress_tm_member;
SELECT * FROM public.tm_failed;
-- and for superusers only as long as nobody else has put anything there
GRANT CREATE ON SCHEMA mig_s TO regress_tm_evil;
CALL public.tm_migrate('INSERT INTO t VALUES (10)', 'mig_s');
SELECT * FROM public.tm_failed;
SELECT sqlstate, replace(error, current_user, 'me') AS error FROM tenant.exec('INSERT INTO t VALUES (11)', '{mig_s}');
REVOKE CREATE ON SCHEMA mig_s FROM regress_tm_evil;
ALTER TABLE mig_s.t OWNER TO regress_tm_evil;
CALL public.tm_migrate('INSERT INTO t VALUES (10)', 'mig_s');
SELECT * FROM public.tm_failed;
ALTER TABLE mig_s.t OWNER TO :"me";
CREATE SCHEMA regress_tm_evil AUTHORIZATION regress_tm_evil;
SET ROLE regress_tm_evil;
CREATE FUNCTION regress_tm_evil.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE regress_tm_evil SUPERUSER; RETURN NEW; END $$;
RESET ROLE;
GRANT TRIGGER ON mig_s.t TO regress_tm_evil;
GRANT USAGE ON SCHEMA mig_s TO regress_tm_evil;
SET ROLE regress_tm_evil;
CREATE TRIGGER trap BEFORE INSERT ON mig_s.t FOR EACH ROW EXECUTE FUNCTION regress_tm_evil.trap();
RESET ROLE;
CALL public.tm_migrate('INSERT INTO t VALUES (10)', 'mig_s');
SELECT * FROM public.tm_failed;
SELECT sqlstate FROM tenant.exec('INSERT INTO t VALUES (11)', '{mig_s}');
SELECT rolsuper FROM pg_roles WHERE rolname = 'regress_tm_evil';
DROP TRIGGER trap ON mig_s.t;
CALL public.tm_migrate('INSERT INTO t VALUES (10)', 'mig_s');
SELECT * FROM public.tm_failed;
-- where the owner is no superuser, the same trap has his rights
SET ROLE regress_tm_owner;
GRANT TRIGGER ON mig_a.t TO regress_tm_evil;
GRANT USAGE ON SCHEMA mig_a TO regress_tm_evil;
RESET ROLE;
SET ROLE regress_tm_evil;
CREATE TRIGGER trap BEFORE INSERT ON mig_a.t FOR EACH ROW EXECUTE FUNCTION regress_tm_evil.trap();
GRANT USAGE ON SCHEMA regress_tm_evil TO PUBLIC;
RESET ROLE;
CALL public.tm_migrate('INSERT INTO t VALUES (10)', 'mig_a');
SELECT tenant, sqlstate FROM public.tm_failed;
SELECT rolsuper FROM pg_roles WHERE rolname = 'regress_tm_evil';
CALL public.tm_forget();

-- a session that records migrates nobody
SET tenant_mgr.record = 'y';
CALL tenant.migrate();  -- fails
RESET tenant_mgr.record;

DROP PROCEDURE public.tm_migrate, public.tm_forget;
DROP VIEW public.tm_failed;
SELECT tenant.drop('mig_a', true), tenant.drop('mig_s', true), tenant.drop('mig_t', true);
DROP SCHEMA regress_tm_evil CASCADE;
REVOKE USAGE ON SCHEMA tenant FROM regress_tm_owner, regress_tm_member;
REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA tenant FROM regress_tm_owner, regress_tm_member;
DROP ROLE regress_tm_owner, regress_tm_member, regress_tm_evil;
