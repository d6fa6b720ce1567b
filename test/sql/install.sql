--
-- What installing and removing the extension demands and leaves behind: no
-- schema of others is taken over, no tenant is lost.
--
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS tenant_mgr;
DROP SCHEMA IF EXISTS tenant CASCADE;
RESET client_min_messages;
CREATE ROLE regress_tm_evil;
\set SHOW_CONTEXT never

-- a schema of our name that belongs to somebody else is not used
CREATE SCHEMA tenant AUTHORIZATION regress_tm_evil;
CREATE EXTENSION tenant_mgr;  -- fails
DROP SCHEMA tenant;

-- nor one in which others can create objects
CREATE SCHEMA tenant;
GRANT CREATE ON SCHEMA tenant TO regress_tm_evil;
CREATE EXTENSION tenant_mgr;  -- fails
REVOKE CREATE ON SCHEMA tenant FROM regress_tm_evil;

-- nor one that has something in it, whoever made it
CREATE FUNCTION tenant.current() RETURNS text
	LANGUAGE sql AS $$ SELECT 'evil' $$;
CREATE EXTENSION tenant_mgr;  -- fails
DROP FUNCTION tenant.current();
CREATE OPERATOR tenant.= (
	FUNCTION = pg_catalog.texteq, LEFTARG = text, RIGHTARG = text);
CREATE EXTENSION tenant_mgr;  -- fails
DROP OPERATOR tenant.= (text, text);

-- objects elsewhere on the search path do not matter
CREATE SCHEMA tm_evil AUTHORIZATION regress_tm_evil;
CREATE FUNCTION tm_evil.same(name, name) RETURNS boolean
	LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'captured'; END $$;
CREATE OPERATOR tm_evil.= (
	FUNCTION = tm_evil.same, LEFTARG = name, RIGHTARG = name);
CREATE TABLE tm_evil.pg_namespace (oid oid);
SET search_path = tm_evil, pg_catalog;
CREATE EXTENSION tenant_mgr;
RESET search_path;

-- the schema is fixed, and a superuser is needed
DROP EXTENSION tenant_mgr;
DROP SCHEMA tenant;
CREATE EXTENSION tenant_mgr SCHEMA "x'$";  -- fails
CREATE EXTENSION tenant_mgr SCHEMA tm_evil;  -- fails
SELECT current_database() AS dbname \gset
GRANT CREATE ON DATABASE :"dbname" TO regress_tm_evil;
SET ROLE regress_tm_evil;
CREATE EXTENSION tenant_mgr;  -- fails
RESET ROLE;
REVOKE CREATE ON DATABASE :"dbname" FROM regress_tm_evil;

-- without the extension, nothing named like it is believed
CREATE EXTENSION tenant_mgr;
SELECT tenant.create('tm_kept');
CREATE TABLE tm_kept.t AS SELECT 1 AS a;
ALTER EXTENSION tenant_mgr DROP FUNCTION tenant.exists(text);
DROP EXTENSION tenant_mgr;
SELECT tenant.exists('tm_kept');  -- fails
CREATE TABLE tenant.registry (id int);
SELECT tenant.exists('tm_kept');  -- fails
DROP TABLE tenant.registry;
DROP FUNCTION tenant.exists(text);

-- schemas of tenants outlive the extension, and can be adopted again
SELECT * FROM tm_kept.t;
CREATE EXTENSION tenant_mgr;
SELECT name FROM tenant.tenants ORDER BY name;
SELECT tenant.adopt('tm_kept');
SELECT name, schema_name, state FROM tenant.tenants ORDER BY name;
SELECT * FROM tm_kept.t;

-- schema elements in CREATE SCHEMA cannot capture anything of ours
CREATE SCHEMA tm_elements
	CREATE VIEW names AS SELECT name, state FROM tenant.tenants;
SELECT * FROM tm_elements.names ORDER BY name;
DROP SCHEMA tm_elements CASCADE;

-- our functions are known as ours, which leads out of a suspended tenant, while
-- another schema is the extension's, and when that is undone
SELECT tenant.switch('tm_kept');
SELECT tenant.suspend('tm_kept');
SELECT 1;  -- fails
SELECT tenant.resume('tm_kept');
SELECT tenant.reset();
BEGIN;
SET LOCAL client_min_messages = warning;
DROP EXTENSION tenant_mgr;
DROP SCHEMA tenant;
CREATE EXTENSION tenant_mgr;
SELECT tenant.adopt('tm_kept');
SELECT tenant.switch('tm_kept');
SELECT tenant.suspend('tm_kept');
SELECT tenant.resume('tm_kept');
ROLLBACK;
SELECT tenant.switch('tm_kept');
SELECT tenant.suspend('tm_kept');
SELECT tenant.resume('tm_kept');
SELECT tenant.reset();

-- no function runs with more rights than its caller's, or has a search path of its own
SELECT p.proname, p.prosecdef, p.proconfig
	FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
	WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'tenant_mgr')
	AND (p.prosecdef OR p.proconfig IS NOT NULL)
	ORDER BY p.proname;

-- every object says what it is for
SELECT pg_describe_object(d.classid, d.objid, 0) AS undocumented
	FROM pg_depend d
	WHERE d.deptype = 'e' AND d.refobjid =
		(SELECT oid FROM pg_extension WHERE extname = 'tenant_mgr')
	AND d.classid <> 'pg_type'::regclass
	AND obj_description(d.objid, d.classid::regclass::text) IS NULL
	ORDER BY 1;

-- every update path leads somewhere
SELECT source, target, path FROM pg_extension_update_paths('tenant_mgr')
	WHERE path IS NOT NULL ORDER BY source, target;

SELECT tenant.drop('tm_kept', purge => true);
DROP SCHEMA tm_evil CASCADE;
DROP ROLE regress_tm_evil;
