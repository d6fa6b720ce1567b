--
-- Recording: which statements of a session are kept, how, and which are refused.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
CREATE ROLE regress_tm_owner;
CREATE TABLE public.tm_shared (i int);
CREATE VIEW public.tm_kept AS
	SELECT version, ordinal, statement, parameter_types AS types, parameter_values AS values, role
	FROM tenant.migration_statement ORDER BY version, ordinal;
GRANT SELECT ON public.tm_kept, tenant.migration_statement TO regress_tm_owner;
SELECT tenant.create('rec', owner => 'regress_tm_owner');
SELECT tenant.set_template('rec', true);

-- there is nothing to record yet, or nobody to record it with
SELECT tenant.record_stop();  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.record('1');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.record(NULL);  -- fails
SELECT tenant.switch('rec');
SELECT tenant.record('');  -- fails
SELECT tenant.record('0', 'nothing comes of it');
SELECT 1 AS one;
SELECT tenant.record_stop();
SELECT count(*) FROM tenant.migration;
SET client_min_messages = error;  -- warnings name the superuser
BEGIN;
SELECT tenant.record('0');
CREATE TABLE gone (i int);
ROLLBACK;
SHOW tenant_mgr.record;
SELECT count(*) FROM tenant.migration;

RESET client_min_messages;

-- in order, without what is rolled back or fails
SELECT tenant.record('1', 'the first');
SET ROLE regress_tm_owner;  -- who cannot record
CREATE TABLE nope (i int);  -- fails
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT INSERT ON tenant.migration TO regress_tm_owner;  -- fails
RESET tenant_mgr.record;
GRANT INSERT ON tenant.migration TO regress_tm_owner;
SET tenant_mgr.record = '1';
SET ROLE regress_tm_owner;
CREATE TABLE t (i int PRIMARY KEY, d date, e text DEFAULT 'e');
BEGIN;
INSERT INTO t VALUES (1, '2020-01-02');
SAVEPOINT s;
INSERT INTO t VALUES (2);
ROLLBACK TO s;
INSERT INTO t VALUES (3);
SAVEPOINT s;
INSERT INTO t VALUES (3);  -- fails
ROLLBACK TO s;
INSERT INTO t VALUES (4);
RELEASE s;
COMMIT;
BEGIN;
INSERT INTO t VALUES (5);
ROLLBACK;
INSERT INTO t VALUES (1);  -- fails
SELECT count(*) FROM t;
SELECT * FROM public.tm_kept;

-- with no rows, and several statements in one message
DELETE FROM t WHERE i = 100;
UPDATE t SET e = 'x' WHERE i = 100\; INSERT INTO t VALUES (6)\; SELECT 7;
WITH new AS (INSERT INTO t VALUES (7) RETURNING i) SELECT i FROM new;
MERGE INTO t USING (VALUES (8)) AS v (i) ON t.i = v.i WHEN NOT MATCHED THEN INSERT (i) VALUES (v.i);
EXPLAIN (COSTS OFF) INSERT INTO t VALUES (9);
TABLE t LIMIT 0;
-- prepared statements, whose parameters are kept with the names of their types
CREATE TYPE mood AS ENUM ('good', 'it''s "so"');
PREPARE ins (int, date, mood, int[]) AS INSERT INTO t (i, d, e) VALUES ($1, $2, $3::text || $4::text);
EXECUTE ins (10, '2021-03-04', 'it''s "so"', '{1,NULL,3}');
EXECUTE ins (11, NULL, 'good', NULL);
SET DateStyle = 'SQL, DMY';
EXECUTE ins (12, '05/04/2021', 'good', NULL);
SELECT version, ordinal FROM tenant.migration_statement WHERE 'DateStyle=SQL, DMY' = ANY (settings);
SET DateStyle = 'ISO, MDY';
PREPARE sel AS SELECT i FROM t WHERE i = $1;
EXECUTE sel (1);
DEALLOCATE ALL;
-- what functions, blocks and triggers execute comes with them
CREATE FUNCTION add(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t (i) VALUES ($1); RETURN $1; END $$;
CREATE FUNCTION after() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (NEW.i); RETURN NEW; END $$;
CREATE PROCEDURE addp(int) LANGUAGE sql AS $$ INSERT INTO t (i) VALUES ($1) $$;
CREATE TABLE log (i int);
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION after();
SELECT add(20);
DO $$ BEGIN PERFORM add(21); INSERT INTO t (i) VALUES (22); END $$;
CALL addp(23);
BEGIN;
INSERT INTO t (i) VALUES (24);
COMMIT;
SELECT * FROM log ORDER BY i;
-- sequences, what is computed, what only reads
CREATE SEQUENCE s;
SELECT nextval('s'), setval('s', 20);
SELECT now() IS NULL, count(*), random() < 0 FROM t;
SELECT pg_try_advisory_lock(1), pg_advisory_unlock(1);
CREATE TABLE copied AS SELECT i FROM t WHERE i < 0;
SELECT i INTO copied2 FROM t WHERE i < 0;
TRUNCATE copied;
GRANT SELECT ON t TO PUBLIC;
COMMENT ON TABLE t IS 'a table';
SET CONSTRAINTS ALL IMMEDIATE;
ANALYZE t;
LOCK TABLE ONLY t;  -- fails
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
-- temporary objects are the session's own
CREATE TEMP TABLE tmp (i int);
INSERT INTO tmp VALUES (30);
ALTER TABLE tmp ADD j int;
CREATE INDEX ON tmp (i);
INSERT INTO t (i) SELECT i FROM tmp;  -- fails
\echo :LAST_ERROR_SQLSTATE
DROP TABLE tmp;
-- the tenant's schema before what is changed is left out, where it means the same
ALTER TABLE "rec" . "t" ADD k int;
ALTER TABLE rec.copied RENAME TO "cop.""ied";
ALTER TABLE IF EXISTS ONLY  REC."cop.""ied" RENAME TO copied;
CREATE INDEX t_k ON rec.t (k);
ALTER TABLE rec.t ADD FOREIGN KEY (k) REFERENCES rec.t;  -- fails
ALTER TABLE rec /* a comment */ .t ADD l int;  -- fails
CREATE INDEX CONCURRENTLY t_e ON t (e);
SELECT ordinal, statement, types, values, role FROM public.tm_kept WHERE ordinal > 4;

-- refused, by name
COPY t FROM STDIN;  -- fails
\.
\echo :LAST_ERROR_SQLSTATE
INSERT INTO rec.t VALUES (40);  -- fails
RESET ROLE;
INSERT INTO public.tm_shared VALUES (1);  -- fails
SET client_min_messages = error;
INSERT INTO t (i) SELECT i FROM public.tm_shared WHERE i < 0;
RESET client_min_messages;
WITH gone AS (DELETE FROM t WHERE i < 0 RETURNING i) INSERT INTO public.tm_shared SELECT i FROM gone;  -- fails
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;  -- fails
ALTER TABLE public.tm_shared ADD j int;  -- fails
DROP TABLE public.tm_shared;  -- fails
CREATE TABLE public.tm_new (i int);  -- fails
CREATE FUNCTION public.tm_new() RETURNS int LANGUAGE sql AS 'SELECT 1';  -- fails
CREATE ROLE regress_tm_new;  -- fails
CREATE SCHEMA tm_new;  -- fails
ALTER DATABASE contrib_regression SET work_mem = 100;  -- fails
SET search_path = public;
CREATE TABLE tm_new (i int);  -- fails
\echo :LAST_ERROR_SQLSTATE
-- the tenant's alone, as Laravel has it, and with a schema that others do not have there
SET search_path = rec, tenant;
CREATE TABLE tm_new (i int);  -- fails
SET search_path = rec;
CREATE TABLE tm_new (i int);
DROP TABLE tm_new;
RESET search_path;
SELECT tenant.switch('rec');
-- functions that change tenants, how ever they are called; those that do not can be
SELECT tenant.create('rec_new');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.clone('rec', 'rec_new');  -- fails
SELECT tenant.rename('rec', 'rec_new');  -- fails
SELECT tenant.suspend('rec');  -- fails
SELECT tenant.drop('rec');  -- fails
SELECT tenant.snapshot('rec', 's');  -- fails
SELECT tenant.add_migration('z', 'SELECT 1');  -- fails
SELECT tenant.baseline('rec', '1');  -- fails
SELECT tenant.exec('SELECT 1');  -- fails
DO $$ BEGIN PERFORM tenant.set_metadata('rec', '{}'); END $$;  -- fails
CALL tenant.purge();  -- fails
CALL tenant.migrate();  -- fails
PREPARE called AS SELECT tenant.create('rec_new');
EXECUTE called;  -- fails
DEALLOCATE called;
SELECT tenant.current(), tenant.exists('rec'), name FROM tenant.tenants WHERE name LIKE 'rec%';
-- what is said of a session is not kept
LISTEN tm_here;
UNLISTEN *;
NOTIFY tm_here;
SET my.own = 'x';
SELECT set_config('my.own', 'y', false);
RESET my.own;
BEGIN;
DECLARE c CURSOR FOR SELECT 1;
FETCH c;
CLOSE c;
COMMIT;
VACUUM t;
SET tenant_mgr.record = '2';
CREATE TABLE other (i int);  -- fails
\echo :LAST_ERROR_SQLSTATE
RESET tenant_mgr.record;
CREATE TABLE unrecorded (i int);
SET tenant_mgr.record = '1';
SELECT tenant.record_stop();
SHOW tenant_mgr.record;
CREATE TABLE afterwards (i int);
SELECT version, description, transactional, recorded, complete, length(checksum) FROM tenant.migration;
SELECT count(*) FROM public.tm_kept;
SELECT tenant, version, state FROM tenant.migration_status;
SELECT tenant.record('1');  -- fails
\echo :LAST_ERROR_SQLSTATE
RESET tenant_mgr.record;
SELECT tenant.add_migration('1', 'SELECT 1');  -- fails

-- a tenant that is cloned half-way has a part, and another tenant cannot go on
SET client_min_messages = error;
SELECT tenant.record('3');
CREATE TABLE half (i int);
SELECT tenant.reset();
SELECT tenant.clone('rec', 'rec_half');
SELECT tenant.switch('rec_half');
CREATE TABLE other (i int);  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.switch('rec');
CREATE TABLE whole (i int);
SELECT tenant.record_stop();
SELECT r.name, a.version, a.state, a.statements_done
	FROM tenant.applied_migration a JOIN tenant.registry r ON r.id = a.tenant_id ORDER BY 1, 2;
SELECT * FROM tenant.pending;
-- somebody else's objects belong to him
SELECT tenant.record('4');
CREATE TABLE mine (i int);
SELECT statement, role = current_user AS superuser FROM public.tm_kept WHERE version = '4';
SELECT tenant.reset();
SELECT tenant.drop_migration('4');
-- two tenants have it
\set VERBOSITY sqlstate
SELECT tenant.drop_migration('3');  -- fails
\set VERBOSITY terse

RESET tenant_mgr.record;
SELECT tenant.drop('rec', true), tenant.drop('rec_half', true);
SELECT tenant.drop_migration(version) FROM tenant.migration ORDER BY version;
DROP VIEW public.tm_kept;
DROP TABLE public.tm_shared;
REVOKE INSERT ON tenant.migration FROM regress_tm_owner;
REVOKE SELECT ON tenant.migration_statement FROM regress_tm_owner;
DROP ROLE regress_tm_owner;
