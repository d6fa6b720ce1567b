--
-- The registry stays true whatever happens to the schemas: raw DDL, whoever
-- runs it and under whatever search path; edits by a superuser.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;
CREATE ROLE regress_tm_owner;
SELECT current_database() AS dbname \gset
GRANT CREATE ON DATABASE :"dbname" TO regress_tm_owner;

SELECT tenant.create('tm_one', owner => 'regress_tm_owner');
SELECT tenant.create('tm_two', owner => 'regress_tm_owner');
SELECT tenant.create('tm_three', owner => 'regress_tm_owner');
SELECT tenant.create('tm_four');
CREATE SCHEMA tm_plain;

-- the owner renames and drops, with no rights on the registry
SET ROLE regress_tm_owner;
ALTER SCHEMA tm_one RENAME TO "Odd ""Name";
DROP SCHEMA tm_two;
SELECT name, schema_name, state FROM tenant.tenants ORDER BY name;
SELECT * FROM tenant.registry;  -- fails
RESET ROLE;
SELECT tenant.exists('tm_one'), tenant.exists('tm_two');

-- other commands on schemas, and other schemas, are no concern
ALTER SCHEMA tm_plain RENAME TO tm_plain2;
ALTER SCHEMA "Odd ""Name" OWNER TO CURRENT_USER;
DROP SCHEMA tm_plain2;
SELECT name, schema_name, state FROM tenant.tenants ORDER BY name;

-- what is undone is undone in the registry
BEGIN;
ALTER SCHEMA tm_four RENAME TO tm_4;
SELECT schema_name FROM tenant.tenants WHERE name = 'tm_four';
DROP SCHEMA tm_4;
SELECT tenant.exists('tm_four');
ROLLBACK;
SELECT tenant.exists('tm_four');
SELECT schema_name FROM tenant.tenants WHERE name = 'tm_four';

-- several at once, also by way of their owner
DROP OWNED BY regress_tm_owner;
GRANT CREATE ON DATABASE :"dbname" TO regress_tm_owner;
SELECT name FROM tenant.tenants ORDER BY name;
DROP SCHEMA "Odd ""Name", tm_four;
SELECT name FROM tenant.tenants ORDER BY name;

-- a hostile search path captures nothing
CREATE SCHEMA tm_evil AUTHORIZATION regress_tm_owner;
CREATE FUNCTION tm_evil.pg_event_trigger_dropped_objects(
	OUT classid oid, OUT object_name text) RETURNS SETOF record
	LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'captured'; END $$;
CREATE FUNCTION tm_evil.same(oid, oid) RETURNS boolean
	LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'captured'; END $$;
CREATE OPERATOR tm_evil.= (
	FUNCTION = tm_evil.same, LEFTARG = oid, RIGHTARG = oid);
CREATE FUNCTION tm_evil.lower(text) RETURNS text
	LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'captured'; END $$;
CREATE TABLE tm_evil.registry (name text);
CREATE TABLE tm_evil.pg_namespace (oid oid, nspname name);
SET search_path = tm_evil, pg_catalog;
SELECT tenant.create('tm_five');
SELECT name, schema_name FROM tenant.tenants ORDER BY name;
ALTER SCHEMA tm_five RENAME TO tm_5;
SELECT tenant.rename('tm_five', 'tm_six');
SELECT tenant.drop('tm_six');
SELECT tenant.restore('tm_six');
SELECT name, schema_name FROM tenant.tenants ORDER BY name;
DROP SCHEMA tm_six;
SELECT name, schema_name FROM tenant.tenants ORDER BY name;
CALL tenant.purge();
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA tm_evil CASCADE;
RESET client_min_messages;

-- a schema in the trash that is dropped or renamed by its owner
SELECT tenant.create('tm_seven');
SELECT tenant.drop('tm_seven');
SELECT schema_name AS trash FROM tenant.tenants \gset
ALTER SCHEMA :"trash" RENAME TO tm_rescued;
SELECT name, schema_name, state FROM tenant.tenants;
SELECT tenant.restore('tm_seven');
SELECT name, schema_name, state FROM tenant.tenants;
SELECT tenant.drop('tm_seven');
SELECT schema_name AS trash FROM tenant.tenants \gset
DROP SCHEMA :"trash";
SELECT count(*) FROM tenant.tenants;

-- an edit by a superuser is seen at once
SELECT tenant.create('tm_eight');
SELECT tenant.exists('tm_eight');
UPDATE tenant.registry SET name = 'tm_8', name_key = 'tm_8';
SELECT tenant.exists('tm_eight'), tenant.exists('tm_8');
\set VERBOSITY terse
UPDATE tenant.registry SET state = 'gone';  -- fails
\set VERBOSITY default
TRUNCATE tenant.registry;
SELECT tenant.exists('tm_8');
SELECT tenant.adopt('tm_eight');

-- A schema that was lost while the triggers were off is not anybody's
SELECT tenant.create('tm_lost'), tenant.create('tm_lost_too');
SELECT tenant.drop('tm_lost_too');
ALTER EVENT TRIGGER tenant_mgr_follow_drop DISABLE;
DROP SCHEMA tm_lost;
SELECT schema_name AS trash FROM tenant.registry WHERE name = 'tm_lost_too' \gset
DROP SCHEMA :trash;
ALTER EVENT TRIGGER tenant_mgr_follow_drop ENABLE ALWAYS;
SELECT name, state FROM tenant.tenants WHERE name LIKE 'tm\_lost%' ORDER BY name;
SET ROLE regress_tm_owner;
CREATE SCHEMA tm_lost;  -- fails
CREATE SCHEMA tm_lost CREATE TABLE t (i int);  -- fails
CREATE SCHEMA IF NOT EXISTS tm_lost;  -- fails
CREATE SCHEMA tm_found;
ALTER SCHEMA tm_found RENAME TO tm_lost;  -- fails
CREATE SCHEMA IF NOT EXISTS tm_found;
\set VERBOSITY sqlstate
CREATE SCHEMA :trash;  -- fails
ALTER SCHEMA tm_found RENAME TO :trash;  -- fails
\set VERBOSITY default
RESET ROLE;
SELECT name, state FROM tenant.tenants WHERE name LIKE 'tm\_lost%' ORDER BY name;
-- but those who restore it from a backup have their reasons
CREATE SCHEMA tm_lost;
CREATE SCHEMA IF NOT EXISTS tm_lost;
SELECT name, state FROM tenant.tenants WHERE name LIKE 'tm\_lost%' ORDER BY name;
SELECT tenant.drop('tm_lost', purge => true);
CALL tenant.purge('tm_lost_too');
DROP SCHEMA tm_found;
CREATE SCHEMA tm_lost;
DROP SCHEMA tm_lost;

-- the triggers cannot be called by hand
SELECT tenant.keep_schemas();  -- fails
SELECT tenant.registry_changed();  -- fails
SELECT tenant.follow_drop();  -- fails
SELECT tenant.follow_rename();  -- fails

SELECT tenant.drop('tm_eight', purge => true);
REVOKE CREATE ON DATABASE :"dbname" FROM regress_tm_owner;
DROP ROLE regress_tm_owner;
