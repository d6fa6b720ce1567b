--
-- tenant.doctor() finds what is wrong, and nothing where nothing is.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;

-- a healthy database, with tenants of every state
SELECT tenant.create('tm_doc_a');
SELECT tenant.create('tm_doc_b');
SELECT tenant.create('tm_doc_t');
SELECT tenant.create('tm_doc_s');
CREATE TABLE tm_doc_a.item (id serial PRIMARY KEY, name text);
CREATE FUNCTION tm_doc_a.good() RETURNS bigint LANGUAGE sql
	AS $$ SELECT count(*) FROM tm_doc_a.item $$;
CREATE FUNCTION tm_doc_b.good() RETURNS text LANGUAGE sql
	AS $$ SELECT 'tm_doc_a is a word, and tm_doc_axe.item another''s' $$;
SELECT tenant.add_domain('doc.example', 'tm_doc_b');
SELECT tenant.snapshot('tm_doc_b', 'a') ~ '^tenant_snapshot_' AS made;
SELECT tenant.drop('tm_doc_t');
SELECT tenant.suspend('tm_doc_s');
SELECT * FROM tenant.doctor();

-- in a transaction that makes and removes files
BEGIN;
CREATE TABLE tm_doc_b.new AS SELECT 1 AS a;
TRUNCATE tm_doc_a.item;
DROP TABLE tm_doc_b.new;
SELECT * FROM tenant.doctor();
ROLLBACK;
SELECT * FROM tenant.doctor();

-- functions that reach into another tenant, in each way of quoting
CREATE FUNCTION tm_doc_b.bad() RETURNS void LANGUAGE plpgsql
	AS $$ BEGIN INSERT INTO tm_doc_a.item (name) VALUES ('x'); END $$;
CREATE FUNCTION tm_doc_b.quoted() RETURNS void LANGUAGE plpgsql
	AS $$ BEGIN EXECUTE 'DELETE FROM "tm_doc_a" . item'; END $$;
CREATE FUNCTION tm_doc_b.twice() RETURNS void LANGUAGE plpgsql
	AS $$ BEGIN
		EXECUTE format('DELETE FROM %I.item', 'tm_doc_a');
		DELETE FROM tm_doc_s.item; DELETE FROM tm_doc_a.item;
	END $$;
SELECT * FROM tenant.doctor() ORDER BY object, problem;
DROP FUNCTION tm_doc_b.bad(), tm_doc_b.quoted(), tm_doc_b.twice();

-- and so does the option of a column of a foreign table
CREATE FOREIGN DATA WRAPPER regress_tm_doc;
CREATE SERVER regress_tm_doc FOREIGN DATA WRAPPER regress_tm_doc;
CREATE FOREIGN TABLE tm_doc_b.far (a int OPTIONS (path 'tm_doc_a.item'))
	SERVER regress_tm_doc;
SELECT object, problem FROM tenant.doctor();
DROP FOREIGN TABLE tm_doc_b.far;
DROP FOREIGN DATA WRAPPER regress_tm_doc CASCADE;

-- and the bound of a partition, of whatever kind
CREATE TABLE tm_doc_b.parts (a text) PARTITION BY LIST (a);
CREATE TABLE tm_doc_b.part PARTITION OF tm_doc_b.parts
	FOR VALUES IN ('tm_doc_a.item') PARTITION BY LIST (a);
CREATE TABLE tm_doc_b.leaf PARTITION OF tm_doc_b.part
	FOR VALUES IN ('tm_doc_a.item');
SELECT object, problem FROM tenant.doctor() ORDER BY object;
DROP TABLE tm_doc_b.parts;

-- a persistent schema that does not exist
SET tenant_mgr.persistent_schemas = 'public, tm_absent';
SELECT * FROM tenant.doctor();
RESET tenant_mgr.persistent_schemas;

-- event triggers that do not fire, and what comes of it
ALTER EVENT TRIGGER tenant_mgr_follow_drop DISABLE;
SELECT * FROM tenant.doctor();
DROP SCHEMA tm_doc_s;
SELECT severity, object, problem FROM tenant.doctor() ORDER BY object;
ALTER EVENT TRIGGER tenant_mgr_follow_drop ENABLE REPLICA;
SELECT severity, object FROM tenant.doctor() ORDER BY object;
ALTER EVENT TRIGGER tenant_mgr_follow_drop ENABLE ALWAYS;
SELECT * FROM tenant.doctor();
SELECT tenant.drop('tm_doc_s');

-- a registry that somebody has edited
CREATE TEMP TABLE saved AS SELECT * FROM tenant.registry;
DELETE FROM tenant.registry WHERE name IN ('tm_doc_b', 'tm_doc_t');
UPDATE tenant.registry SET purging = true WHERE name = 'tm_doc_a';
SELECT severity, regexp_replace(object, '[0-9a-f]{32}', '...') AS object,
	problem, hint FROM tenant.doctor() ORDER BY 2;
UPDATE tenant.registry SET purging = false;
INSERT INTO tenant.registry SELECT * FROM saved WHERE name <> 'tm_doc_a';
SELECT * FROM tenant.doctor();

-- snapshots without a schema, or without a row
SELECT schema_name AS snapshot_schema FROM tenant.snapshots \gset
ALTER EVENT TRIGGER tenant_mgr_follow_rename DISABLE;
\set ECHO none
ALTER SCHEMA :"snapshot_schema" RENAME TO tenant_snapshot_other;
\set ECHO all
ALTER EVENT TRIGGER tenant_mgr_follow_rename ENABLE ALWAYS;
SELECT severity, object,
	regexp_replace(problem, '[0-9a-f]{32}', '...') AS problem, hint
	FROM tenant.doctor() ORDER BY object;
SELECT tenant.drop_snapshot('tm_doc_b', 'a');
DROP SCHEMA tenant_snapshot_other CASCADE;
SELECT tenant.snapshot('tm_doc_b', 'b') ~ '^tenant_snapshot_' AS made;
UPDATE tenant.snapshot_registry SET purging = true;
SELECT * FROM tenant.doctor();
SELECT tenant.rollback_to('tm_doc_b', 'b');  -- fails
CALL tenant.purge();
SELECT * FROM tenant.doctor();

-- assignments whose tenant or connection is gone, as after half a restore
SELECT tenant.add_connection('tm_doc_c', host => 'h', database_name => 'd',
	username => 'u');
SELECT tenant.assign('tm_doc_b', 'tm_doc_c');
SELECT tenant.assign(NULL, 'tm_doc_c');
SELECT * FROM tenant.doctor();
INSERT INTO tenant.assignment
	SELECT '11111111-0000-4000-8000-000000000000', connection_id, now(), 'x'
	FROM tenant.connection;
INSERT INTO tenant.assignment
	SELECT t, '22222222-0000-4000-8000-000000000000'::uuid, now(), 'x'
	FROM unnest(ARRAY['00000000-0000-0000-0000-000000000000',
		'33333333-0000-4000-8000-000000000000']::uuid[]) t
	UNION ALL SELECT id, '22222222-0000-4000-8000-000000000000'::uuid, now(), 'x'
	FROM tenant.registry WHERE name = 'tm_doc_b';
SELECT severity, object, problem, regexp_replace(regexp_replace(hint,
	(SELECT id::text FROM tenant.registry WHERE name = 'tm_doc_b'), 'OF-B'),
	(SELECT connection_id::text FROM tenant.connection), 'OF-C') AS hint
	FROM tenant.doctor() ORDER BY object, hint;
SELECT tenant.route('tm_doc_b'), tenant.route('tm_doc_a');
BEGIN;
DELETE FROM tenant.connection;
SELECT count(*) FROM tenant.doctor();
ROLLBACK;
DELETE FROM tenant.assignment WHERE connection_id::text ~ '^2' OR tenant_id::text ~ '^1';
SELECT * FROM tenant.doctor();
SELECT tenant.drop_connection('tm_doc_c', unassign => true);

SET client_min_messages = warning;
SELECT tenant.drop('tm_doc_a', purge => true);
SELECT tenant.drop('tm_doc_b', purge => true);
CALL tenant.purge('tm_doc_t');
SELECT * FROM tenant.doctor();
DROP TABLE saved;
