--
-- Migrations as texts, and the ledger: what is taken, what is refused by name, who
-- has what, and what becomes of it with tenants.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;
\set VERBOSITY terse
CREATE ROLE regress_tm_owner;
CREATE ROLE regress_tm_other;
GRANT CREATE ON DATABASE :"DBNAME" TO regress_tm_owner;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA tenant TO regress_tm_owner, regress_tm_other;
GRANT regress_tm_owner TO CURRENT_USER;

CREATE VIEW public.tm_ledger AS
	SELECT tenant, version, state FROM tenant.migration_status
	WHERE state <> 'pending' ORDER BY tenant, version;

SELECT tenant.create('mig_a', owner => 'regress_tm_owner');
SELECT tenant.create('account', owner => 'regress_tm_owner');

-- a text is kept as it was written, statement by statement
SELECT tenant.add_migration('002', $$
	CREATE TABLE t (i int);
	-- with a comment; and a semicolon
	INSERT INTO t VALUES (1), (2);;
	CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END
$$, 'the second');
SELECT version, position, description, transactional, recorded, complete FROM tenant.migration;
SELECT ordinal, statement, parameter_types, role FROM tenant.migration_statement ORDER BY version, ordinal;

-- the same again is nothing, another text is an error
SELECT tenant.add_migration('010', 'SELECT 1');
SELECT tenant.add_migration('010', 'SELECT 1');
SELECT tenant.add_migration('010', 'SELECT 2');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.add_migration('010', 'SELECT 1', transactional => false);  -- fails
-- one that comes late, and the order of bytes
SELECT tenant.add_migration('001', 'SELECT 1');
SELECT tenant.add_migration('9', 'SELECT 1');
SELECT tenant.add_migration('Z', '-- nothing');
SELECT version FROM tenant.pending WHERE tenant = 'mig_a';

-- what could not be repeated for each tenant
SELECT tenant.add_migration('x', 'BEGIN; SELECT 1; COMMIT');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.add_migration('x', 'SAVEPOINT s');  -- fails
SELECT tenant.add_migration('x', 'COPY t FROM STDIN');  -- fails
SELECT tenant.add_migration('x', 'COPY t TO STDOUT');  -- fails
SELECT tenant.add_migration('x', 'SET search_path = public');  -- fails
SELECT tenant.add_migration('x', 'SET LOCAL SEARCH_PATH = public');  -- fails
SELECT tenant.add_migration('x', 'SET ROLE regress_tm_owner');  -- fails
SELECT tenant.add_migration('x', 'SET SESSION AUTHORIZATION regress_tm_owner');  -- fails
SELECT tenant.add_migration('x', 'SET tenant_mgr.tenant = mig_a');  -- fails
SELECT tenant.add_migration('x', 'RESET ALL');  -- fails
SELECT tenant.add_migration('x', 'DISCARD ALL');  -- fails
SELECT tenant.add_migration('x', 'PREPARE p AS SELECT 1');  -- fails
SELECT tenant.add_migration('x', 'DECLARE c CURSOR FOR SELECT 1');  -- fails
SELECT tenant.add_migration('x', 'CREATE ROLE regress_tm_third');  -- fails
SELECT tenant.add_migration('x', 'GRANT regress_tm_owner TO regress_tm_other');  -- fails
SELECT tenant.add_migration('x', 'CREATE SCHEMA other');  -- fails
SELECT tenant.add_migration('x', 'DROP SCHEMA mig_a');  -- fails
SELECT tenant.add_migration('x', 'CREATE EXTENSION hstore');  -- fails
SELECT tenant.add_migration('x', 'ALTER SYSTEM SET work_mem = 1');  -- fails
SELECT tenant.add_migration('x', 'ALTER TABLE t SET SCHEMA public');  -- fails
SELECT tenant.add_migration('x', 'GRANT USAGE ON SCHEMA public TO PUBLIC');  -- fails
SELECT tenant.add_migration('x', 'SELECT 1; SELEC 2');  -- fails

-- a statement that cannot run in a transaction
SELECT tenant.add_migration('x', 'CREATE INDEX CONCURRENTLY ON t (i)');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.add_migration('x', 'DROP INDEX CONCURRENTLY t_i_idx');  -- fails
SELECT tenant.add_migration('x', 'REINDEX TABLE CONCURRENTLY t');  -- fails
SELECT tenant.add_migration('x', 'ALTER TABLE t DETACH PARTITION p CONCURRENTLY');  -- fails
SELECT tenant.add_migration('x', 'VACUUM t');  -- fails
SELECT tenant.add_migration('x1', 'CREATE INDEX CONCURRENTLY ON t (i)', transactional => false);
SELECT tenant.drop_migration('x1');

-- one that names the schema of a tenant
SELECT tenant.add_migration('x', 'INSERT INTO mig_a.t VALUES (1)');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.add_migration('x', 'UPDATE mig_a . t SET mig_a = 1');  -- fails
SELECT tenant.add_migration('x', 'CREATE INDEX ON "mig_a".t (i)');  -- fails
SELECT tenant.add_migration('x', 'SELECT ''mig_a.t''::regclass');  -- fails
SELECT tenant.add_migration('x', 'SELECT NULL::mig_a.kind');  -- fails
SELECT tenant.add_migration('x', 'SELECT set_config(''search_path'', ''mig_a'', true)');  -- fails
SELECT tenant.add_migration('x', 'ALTER DEFAULT PRIVILEGES IN SCHEMA mig_a REVOKE ALL ON TABLES FROM PUBLIC');  -- fails
SELECT tenant.add_migration('x', 'DO $$ BEGIN DELETE FROM Mig_A.t; END $$');  -- fails
SELECT tenant.add_migration('x', 'CREATE FUNCTION g() RETURNS int LANGUAGE sql SET search_path = mig_a AS ''SELECT 1''');  -- fails
SELECT tenant.add_migration('x', 'SELECT account.id FROM account.account');  -- fails
-- in every spelling, also in strings and bodies
SELECT tenant.add_migration('x', 'SELECT FROM Mig_A.t');  -- fails
SELECT tenant.add_migration('x', 'SELECT FROM U&"mig\005fa".t');  -- fails
SELECT tenant.add_migration('x', 'SELECT FROM U&"mig!005fa" UESCAPE ''!'' . t');  -- fails
SELECT tenant.add_migration('x', 'SELECT U&''mig\005fa.t''::regclass');  -- fails
SELECT tenant.add_migration('x', 'SELECT U&''mig!005fa.t'' UESCAPE ''!''::regclass');  -- fails
SELECT tenant.add_migration('x', 'SELECT E''mig\x5fa.t''::regclass');  -- fails
SELECT tenant.add_migration('x', 'SELECT ''"mig_a".t''::regclass, ''MIG_A.t''::regclass');  -- fails
SELECT tenant.add_migration('x', 'SELECT ''mig_a''::regnamespace');  -- fails
SELECT tenant.add_migration('x', 'SELECT CAST(''mig_a'' AS regnamespace)');  -- fails
SELECT tenant.add_migration('x', 'SELECT oid FROM pg_namespace WHERE nspname = ''mig_a''');  -- fails
SELECT tenant.add_migration('x', 'SELECT FROM information_schema.tables WHERE table_schema IN (''public'', ''mig_a'')');  -- fails
SELECT tenant.add_migration('x', 'SELECT has_schema_privilege(''mig_a'', ''USAGE'')');  -- fails
SELECT tenant.add_migration('x', format('SELECT FROM %I.mig_a.t', current_database()));  -- fails
SELECT tenant.add_migration('x', 'COMMENT ON COLUMN mig_a.t.i IS ''i''');  -- fails
SELECT tenant.add_migration('x', 'SELECT 1 OPERATOR(mig_a.+) 2');  -- fails
SELECT tenant.add_migration('x', 'DO $$ BEGIN EXECUTE ''DELETE FROM "mig_a".t''; END $$');  -- fails
SELECT tenant.add_migration('x', 'DO $$ BEGIN DELETE FROM U&"mig\005fa".t; END $$');  -- fails
SELECT tenant.add_migration('x', 'DO $$ BEGIN GRANT USAGE ON SCHEMA "mig_a" TO PUBLIC; END $$');  -- fails
SELECT tenant.add_migration('x', 'DO $$ BEGIN PERFORM FROM pg_namespace WHERE nspname = ''mig_a''; END $$');  -- fails
SELECT tenant.add_migration('x', 'CREATE FUNCTION g() RETURNS int LANGUAGE sql AS ''SELECT i FROM mig_a.t''');  -- fails
SELECT tenant.add_migration('x', 'CREATE FUNCTION g() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM mig_a.t; END');  -- fails
SELECT tenant.add_migration('x', 'SELECT nextval(''mig_a.s''), setval(regclass => ''mig_a.s'', 1)');  -- fails
SELECT tenant.add_migration('x', 'SELECT (''mig_a.t''::text)::regclass, ARRAY[''mig_a.t'']::regclass[]');  -- fails
SELECT tenant.add_migration('x', 'INSERT INTO report (query) VALUES (''SELECT i FROM mig_a.t'')');  -- fails
SELECT tenant.add_migration('x', 'CREATE TABLE u (i int DEFAULT nextval(''mig_a.s''))');  -- fails
-- but a value is no name, nor is a part of an address
SELECT tenant.add_migration('x2', $$
	CREATE TABLE site (host text DEFAULT 'mig_a.com' CHECK (host <> 'mig_a.org'), tags text[] DEFAULT '{mig_a.x}');
	CREATE TYPE kind AS ENUM ('mig_a.com', 'mig_a.org');
	INSERT INTO site VALUES ('mig_a.com', ARRAY['mig_a.x']), ('x', 'info@mig_a.com');
	UPDATE site SET host = 'mig_a.com' WHERE host IN ('x', 'mig_a.com') OR host LIKE 'mig_a.%' OR (host, 1) = ('mig_a.net', 1);
	COMMENT ON TABLE site IS 'mig_a.com and others';
	INSERT INTO site SELECT s FROM (SELECT 'mig_a.com') AS u, LATERAL (SELECT 1, 'mig_a.com') AS t (n, s);
	UPDATE site SET host = replace(host, 'https://mig_a.com/', 'https://' || 'mig_a.org/');
	DO 'BEGIN PERFORM ''info@mig_a.com''; END'
$$);
SELECT tenant.drop_migration('x2');
-- what is not SQL, or could not be done for each tenant
SELECT tenant.add_migration('x', E'CREATE TABLE u (i int);\n\\d u\n');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.add_migration('x', E'COPY u (i) FROM stdin;\n1\tit''s\n\\.\n');  -- fails
SELECT tenant.add_migration('x', 'CREATE TEMP TABLE u (i int)');  -- fails
SELECT tenant.add_migration('x', 'CREATE TABLE pg_temp.u (i int)');  -- fails
SELECT tenant.add_migration('x', 'SELECT 1 AS i INTO TEMP u');  -- fails
SELECT tenant.add_migration('x', 'CREATE TEMP VIEW u AS SELECT 1');  -- fails
SELECT tenant.add_migration('x', 'SELECT pg_catalog.set_config(''search_path'', '''', false)');  -- fails
SELECT tenant.add_migration('x', 'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY');  -- fails
SELECT tenant.add_migration('x', 'RESET ROLE');  -- fails
SELECT tenant.add_migration('x', 'UNLISTEN *');  -- fails
SELECT tenant.add_migration('x', 'ANALYZE');  -- fails
SELECT tenant.add_migration('x', 'VACUUM', transactional => false);  -- fails
SELECT tenant.add_migration('x', 'REINDEX SCHEMA mig_a', transactional => false);  -- fails
SELECT tenant.add_migration('x', 'CLUSTER', transactional => false);  -- fails
SELECT tenant.add_migration('x', 'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC');  -- fails
SELECT tenant.add_migration('x', 'IMPORT FOREIGN SCHEMA s FROM SERVER f INTO mig_a');  -- fails
-- functions that change tenants
SELECT tenant.add_migration('x', 'SELECT 1 WHERE tenant.create(''new'') IS NOT NULL');  -- fails
SELECT tenant.add_migration('x', 'INSERT INTO t SELECT 1 FROM tenant.switch(''account'')');  -- fails
SELECT tenant.add_migration('x', 'CALL tenant.purge()');  -- fails
\echo :LAST_ERROR_SQLSTATE
-- what is left
SELECT tenant.add_migration('y0', 'SET LOCAL lock_timeout = 1; SET my.own = ''x''; RESET my.own; SET CONSTRAINTS ALL DEFERRED; NOTIFY here;
	LOCK TABLE t; ANALYZE t; EXPLAIN SELECT 1; REFRESH MATERIALIZED VIEW m; SELECT tenant.current(), tenant.encrypt(''x''); CALL p(1);
	COPY t TO ''/tmp/t''; SELECT set_config(''my.own'', ''y'', true); INSERT INTO t VALUES (''ends with mig_a. And goes on'')');
SELECT count(*) FROM tenant.migration_statement WHERE version = 'y0';
SELECT tenant.drop_migration('y0');
-- a table that is called like a tenant, and a value
SELECT tenant.add_migration('y1', 'UPDATE account SET name = ''mig_a'' WHERE account.id = 1');
SELECT tenant.add_migration('y2', 'SELECT account.name FROM users account');
SELECT tenant.drop_migration('y1'), tenant.drop_migration('y2');

-- not a version
SELECT tenant.add_migration('', 'SELECT 1');  -- fails
SELECT tenant.add_migration(E'a\nb', 'SELECT 1');  -- fails
SELECT tenant.add_migration(E' \u3000', 'SELECT 1');  -- fails
SELECT tenant.add_migration(E'001\u202e', 'SELECT 1');  -- fails
SELECT tenant.add_migration(E'001\u200b', 'SELECT 1');  -- fails
SELECT tenant.add_migration(E'001\u0085', 'SELECT 1');  -- fails
SELECT tenant.add_migration(repeat('v', 256), 'SELECT 1');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.add_migration(NULL, 'SELECT 1');  -- fails
SELECT tenant.add_migration('x', NULL);  -- fails
SELECT tenant.add_migration(E'Odd ''"\\ $1 \u00e9', 'SELECT 1');
SELECT tenant.drop_migration(E'Odd ''"\\ $1 \u00e9');
SELECT tenant.drop_migration('none');  -- fails
\echo :LAST_ERROR_SQLSTATE

-- whoever adds one decides for all owners: EXECUTE is not enough
SET ROLE regress_tm_owner;
SELECT tenant.add_migration('x', 'SELECT 1');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.drop_migration('001');  -- fails
SELECT tenant.record('x');  -- fails
SELECT * FROM tenant.migration;  -- fails
SELECT * FROM tenant.migration_statement;  -- fails
INSERT INTO tenant.applied_migration SELECT;  -- fails
DELETE FROM tenant.migration;  -- fails
-- but the owner says what his tenant has, and sees it
SELECT tenant.baseline('mig_a', '002');
SELECT * FROM public.tm_ledger;  -- fails
SELECT tenant, version, state FROM tenant.migration_status ORDER BY tenant, version;
RESET ROLE;
SET ROLE regress_tm_other;
SELECT tenant.baseline('mig_a', '010');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM tenant.migration_status;
SELECT count(*) FROM tenant.pending;
RESET ROLE;
SELECT tenant.baseline('mig_a', 'none');  -- fails
SELECT tenant.baseline('none', '002');  -- fails
SELECT * FROM public.tm_ledger;
SELECT tenant.drop_migration('002');  -- fails
\echo :LAST_ERROR_SQLSTATE

-- a clone has what its source has, a snapshot what there was
SELECT tenant.clone('mig_a', 'mig_b');
SELECT tenant.create('mig_c', 'mig_b');
SELECT tenant.snapshot('mig_b', 'before') IS NOT NULL;
SELECT tenant.baseline('mig_b', '010');
SELECT * FROM public.tm_ledger;
SELECT tenant.rollback_to('mig_b', 'before');
SELECT * FROM public.tm_ledger WHERE tenant = 'mig_b';
SELECT tenant.restore('mig_b', 'mig_aside');
SELECT * FROM public.tm_ledger WHERE tenant = 'mig_aside';
SELECT tenant.rename('mig_b', 'mig_d');
SELECT tenant.drop('mig_d');
SELECT * FROM public.tm_ledger WHERE tenant LIKE 'mig_d';
SELECT tenant.restore('mig_d');
SELECT * FROM public.tm_ledger WHERE tenant = 'mig_d';
SELECT count(*) FROM tenant.snapshot_migration;
SELECT tenant.drop_snapshot('mig_d', 'before');
SELECT count(*) FROM tenant.snapshot_migration;
-- what a snapshot has can come back
SELECT tenant.add_migration('zz', 'SELECT 1');
SELECT tenant.create('mig_s'), tenant.snapshot('mig_s', 'without') IS NOT NULL;
SELECT tenant.baseline('mig_s', 'zz'), tenant.snapshot('mig_s', 'with') IS NOT NULL, tenant.rollback_to('mig_s', 'without');
SELECT tenant.restore('mig_s', 'mig_t'), tenant.drop('mig_t', true);
SELECT tenant.drop_migration('zz');  -- fails
SELECT tenant.drop_snapshot('mig_s', 'with'), tenant.drop_migration('zz'), tenant.drop('mig_s', true);
-- a schema that is adopted has nothing
CREATE SCHEMA mig_e;
SELECT tenant.adopt('mig_e');
SELECT count(*) FROM tenant.pending WHERE tenant = 'mig_e';
SELECT tenant.baseline('mig_e', 'Z');
SELECT count(*) FROM tenant.pending WHERE tenant = 'mig_e';
-- what goes for good leaves nothing
SELECT tenant.drop('mig_d', true), tenant.drop('mig_c', true), tenant.drop('mig_aside', true);
DROP SCHEMA mig_e;
SELECT count(*) FROM tenant.applied_migration;
SELECT tenant.drop('mig_a', true), tenant.drop('account', true);
SELECT count(*) FROM tenant.applied_migration;
SELECT tenant.drop_migration(version) FROM tenant.migration;
SELECT count(*) FROM tenant.migration_statement;
DROP VIEW public.tm_ledger;
REVOKE CREATE ON DATABASE :"DBNAME" FROM regress_tm_owner;
REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA tenant FROM regress_tm_owner, regress_tm_other;
DROP ROLE regress_tm_owner, regress_tm_other;
