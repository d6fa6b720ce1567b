--
-- Snapshots: a tenant's state is remembered, brought back as often as one
-- likes, and forgotten; the tenant stays the same tenant all the time.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;
CREATE ROLE regress_tm_admin;
CREATE ROLE regress_tm_user;
SELECT current_database() AS dbname \gset
GRANT CREATE ON DATABASE :"dbname" TO regress_tm_admin;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA tenant TO regress_tm_admin;
SET ROLE regress_tm_admin;

SELECT tenant.create('tm_snap');
CREATE TABLE tm_snap.item (id serial PRIMARY KEY, name text);
CREATE FUNCTION tm_snap.items() RETURNS bigint LANGUAGE sql
	SET search_path = tm_snap AS $$ SELECT count(*) FROM item $$;
INSERT INTO tm_snap.item (name) VALUES ('one'), ('two');
GRANT USAGE ON SCHEMA tm_snap TO regress_tm_user;
GRANT SELECT ON tm_snap.item TO regress_tm_user;
SELECT tenant.add_domain('snap.example', 'tm_snap');

-- the schema is no tenant, and closed to all but its owner
SELECT tenant.snapshot('tm_snap', 'before') AS schema \gset
SELECT :'schema' ~ '^tenant_snapshot_[0-9a-f]{32}$' AS named;
SELECT nspacl, nspowner::regrole FROM pg_namespace WHERE nspname = :'schema';
SELECT tenant, label, schema_name = :'schema' AS schema, created_by, purging
	FROM tenant.snapshots;
SELECT name FROM tenant.tenants ORDER BY name;
SELECT tenant.exists(:'schema');
\set VERBOSITY sqlstate
SELECT tenant.switch(:'schema');  -- fails
SELECT tenant.adopt(:'schema');  -- fails
SELECT tenant.create(:'schema');  -- fails
\set VERBOSITY default

-- a label is any text, once for each tenant
SELECT tenant.snapshot('tm_snap', 'before');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.snapshot('tm_snap', 'Before') ~ '^tenant_snapshot_' AS made;
SELECT tenant.snapshot('tm_snap', E'it''s "odd"\n; --') ~ '^tenant_snapshot_' AS made;
SELECT tenant.snapshot('tm_snap', repeat('x', 63)) ~ '^tenant_snapshot_' AS made;
SELECT tenant.snapshot('tm_snap', repeat('x', 64));  -- fails
SELECT tenant.snapshot('tm_snap', '');  -- fails
SELECT tenant.snapshot('tm_snap', NULL) IS NULL AS nothing;
SELECT tenant.snapshot('tm_none', 'a');  -- fails
SELECT label FROM tenant.snapshots ORDER BY label;
SELECT tenant.drop_snapshot('tm_snap', 'Before');
SELECT tenant.drop_snapshot('tm_snap', E'it''s "odd"\n; --');
SELECT tenant.drop_snapshot('tm_snap', repeat('x', 63));
SELECT tenant.drop_snapshot('tm_snap', 'Before');  -- fails
\echo :LAST_ERROR_SQLSTATE

-- going back: rows, structure, sequence and privileges are as they were
RESET ROLE;
SELECT id AS tenant_id FROM tenant.registry WHERE name = 'tm_snap' \gset
SET ROLE regress_tm_admin;
INSERT INTO tm_snap.item (name) VALUES ('three');
ALTER TABLE tm_snap.item ADD COLUMN extra int;
CREATE TABLE tm_snap.later (a int);
SELECT tenant.rollback_to('tm_snap', 'before');
SELECT * FROM tm_snap.item ORDER BY id;
SELECT to_regclass('tm_snap.later');
SELECT tm_snap.items(), proconfig FROM pg_proc
	WHERE oid = 'tm_snap.items()'::regprocedure;
INSERT INTO tm_snap.item (name) VALUES ('after') RETURNING id;
SELECT nspacl FROM pg_namespace WHERE nspname = 'tm_snap';
SET ROLE regress_tm_user;
SELECT count(*) FROM tm_snap.item;
SELECT tenant, label FROM tenant.snapshots;
RESET ROLE;
SELECT id = :'tenant_id' AS same_tenant, state FROM tenant.registry
	WHERE name = 'tm_snap' ORDER BY trashed_at NULLS FIRST;
SET ROLE regress_tm_admin;
SELECT tenant.resolve('snap.example');

-- what was given up can be had under another name
SELECT tenant.restore('tm_snap');  -- fails
SELECT tenant.restore('tm_snap', 'tm_given_up');
SELECT * FROM tm_given_up.item ORDER BY id;
SELECT tenant, label FROM tenant.snapshots;
SELECT nspacl FROM pg_namespace WHERE nspname = 'tm_given_up';
SELECT tenant.drop('tm_given_up', purge => true);

-- and again, from within a session that is bound to the tenant
SELECT tenant.switch('tm_snap');
SELECT count(*) FROM item;
SELECT tenant.rollback_to('tm_snap', 'before');
SELECT tenant.current(), current_schema(), count(*) FROM item;
SELECT tenant.reset();

-- an error leaves everything as it was
BEGIN;
SELECT tenant.rollback_to('tm_snap', 'before');
DROP TABLE tm_snap.item;
ROLLBACK;
SELECT count(*) FROM tm_snap.item;
SELECT tenant.rollback_to('tm_snap', 'none');  -- fails
\echo :LAST_ERROR_SQLSTATE
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT tenant.snapshot('tm_snap', 'old');  -- fails
ROLLBACK;

-- objects outside the schema are not dragged along
RESET ROLE;
CREATE VIEW public.tm_outside AS SELECT * FROM tm_snap.item;
SELECT tenant.rollback_to('tm_snap', 'before');  -- fails
\echo :LAST_ERROR_SQLSTATE
DROP VIEW public.tm_outside;
\set VERBOSITY sqlstate
\set ECHO none
CREATE VIEW public.tm_outside AS SELECT * FROM :"schema".item;
\set ECHO all
SELECT tenant.drop_snapshot('tm_snap', 'before');  -- fails
\set VERBOSITY default
DROP VIEW public.tm_outside;

-- a suspended tenant stays suspended, and rows are never left out
SET tenant_mgr.clone_exclude = 'item';
SELECT tenant.suspend('tm_snap');
SELECT tenant.snapshot('tm_snap', 'suspended') ~ '^tenant_snapshot_' AS made;
SELECT tenant.rollback_to('tm_snap', 'suspended');
RESET tenant_mgr.clone_exclude;
SELECT name, state FROM tenant.tenants ORDER BY state;
SELECT count(*) FROM tm_snap.item;
SELECT tenant.resume('tm_snap');

-- only the owner of the tenant
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA tenant TO regress_tm_user;
GRANT CREATE ON DATABASE :"dbname" TO regress_tm_user;
SET ROLE regress_tm_user;
SELECT tenant.snapshot('tm_snap', 'mine');  -- fails
SELECT tenant.rollback_to('tm_snap', 'before');  -- fails
SELECT tenant.drop_snapshot('tm_snap', 'before');  -- fails
RESET ROLE;
REVOKE CREATE ON DATABASE :"dbname" FROM regress_tm_admin;
SET ROLE regress_tm_admin;
\set VERBOSITY sqlstate
SELECT tenant.snapshot('tm_snap', 'mine');  -- fails
\set VERBOSITY default
RESET ROLE;
GRANT CREATE ON DATABASE :"dbname" TO regress_tm_admin;

-- the tenant's owner now is the owner of what comes back
ALTER SCHEMA tm_snap OWNER TO regress_tm_user;
SELECT tenant.rollback_to('tm_snap', 'before');
SELECT nspowner::regrole FROM pg_namespace WHERE nspname = 'tm_snap';
SELECT relowner::regrole FROM pg_class WHERE oid = 'tm_snap.item'::regclass;
ALTER SCHEMA tm_snap OWNER TO regress_tm_admin;

-- snapshots follow a rename, and the tenant to the trash and back
SELECT tenant.rename('tm_snap', 'tm_snap2');
SELECT tenant, label FROM tenant.snapshots ORDER BY label;
SELECT tenant.drop('tm_snap2');
SELECT tenant, label FROM tenant.snapshots ORDER BY label;
SELECT tenant.rollback_to('tm_snap2', 'before');  -- fails
SELECT tenant.restore('tm_snap2');
SELECT tenant.rollback_to('tm_snap2', 'before');
SELECT count(*) FROM tm_snap2.item;

-- the schema of a snapshot, renamed or dropped by other means
ALTER SCHEMA :"schema" RENAME TO tm_renamed;
SELECT label, schema_name FROM tenant.snapshots WHERE label = 'before';
SELECT tenant.rollback_to('tm_snap2', 'before');
SET client_min_messages = warning;
DROP SCHEMA tm_renamed CASCADE;
RESET client_min_messages;
SELECT label FROM tenant.snapshots ORDER BY label;

-- purge: by age if that is wanted
CALL tenant.purge();
SELECT label FROM tenant.snapshots ORDER BY label;
UPDATE tenant.snapshot_registry SET created_at = created_at - interval '2 days';
SELECT tenant.snapshot('tm_snap2', 'young') ~ '^tenant_snapshot_' AS made;
SET tenant_mgr.snapshot_retention = '1d';
CALL tenant.purge();
RESET tenant_mgr.snapshot_retention;
SELECT label FROM tenant.snapshots ORDER BY label;

-- and when the tenant goes for good, in each of the ways that there are
SELECT tenant.drop('tm_snap2');
CALL tenant.purge('tm_snap2');
SELECT label FROM tenant.snapshots;
SELECT count(*) FROM pg_namespace WHERE nspname ~ '^tenant_snapshot_';
SELECT tenant.create('tm_once');
SELECT tenant.snapshot('tm_once', 'a') ~ '^tenant_snapshot_' AS made;
SELECT tenant.drop('tm_once', purge => true);
SELECT count(*) FROM pg_namespace WHERE nspname ~ '^tenant_snapshot_';
SELECT tenant.create('tm_once');
SELECT tenant.snapshot('tm_once', 'a') ~ '^tenant_snapshot_' AS made;
DROP SCHEMA tm_once;
SELECT tenant, label FROM tenant.snapshots;
CALL tenant.purge();
SELECT tenant, label FROM tenant.snapshots;
SELECT count(*) FROM pg_namespace WHERE nspname ~ '^tenant_snapshot_';

-- clean up
SET tenant_mgr.trash_retention = 0;
SET client_min_messages = warning;
UPDATE tenant.registry SET purge_after = now() WHERE state = 'trashed';
CALL tenant.purge();
SELECT name FROM tenant.tenants;
REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA tenant
	FROM regress_tm_admin, regress_tm_user;
REVOKE CREATE ON DATABASE :"dbname" FROM regress_tm_admin, regress_tm_user;
DROP ROLE regress_tm_admin, regress_tm_user;
