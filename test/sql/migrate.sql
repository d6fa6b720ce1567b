--
-- What a run tells: tenants that differ from their templates, trials, hooks.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;
\set VERBOSITY terse
CREATE ROLE regress_tm_owner;
SELECT tenant.create('mig_t', owner => 'regress_tm_owner'), tenant.set_template('mig_t', true);
SET ROLE regress_tm_owner;
CREATE TABLE mig_t.t (i int PRIMARY KEY, s text);
RESET ROLE;
SELECT tenant.create('mig_a', 'mig_t', owner => 'regress_tm_owner'), tenant.create('mig_b', 'mig_t', owner => 'regress_tm_owner'),
	tenant.create('mig_c', owner => 'regress_tm_owner');
CREATE TABLE mig_c.t (i int PRIMARY KEY, s text);
ALTER TABLE mig_c.t OWNER TO regress_tm_owner;
CREATE VIEW public.tm_status AS SELECT tenant, version, state, sqlstate, error FROM tenant.migration_status ORDER BY version, tenant;
SET tenant_mgr.migrate_jobs = 1;

-- all alike; one that has no template has nothing to be compared with
SELECT tenant.add_migration('1', 'CREATE TABLE one ()');
CALL tenant.migrate(verify => 'require');
-- one has something of its own: a warning, and a note where it is seen later
CREATE TABLE mig_b.own ();
SELECT tenant.add_migration('2', 'CREATE TABLE two ()');
SET client_min_messages = warning;
CALL tenant.migrate(dry_run => true, tenants => '{mig_b}');
RESET client_min_messages;
CALL tenant.migrate();
SELECT * FROM public.tm_status WHERE version = '2';
SELECT message FROM tenant.applied_migration WHERE message IS NOT NULL;
-- required, it is a failure; not looked at, nothing
SELECT tenant.add_migration('3', 'CREATE TABLE three ()');
CALL tenant.migrate(verify => 'require');
SELECT * FROM public.tm_status WHERE version = '3';
SELECT to_regclass('mig_b.three') IS NULL AS undone;
CALL tenant.migrate(verify => 'off');
SELECT * FROM public.tm_status WHERE version = '3' AND tenant = 'mig_b';
-- of several versions, what there is after the last
SELECT tenant.add_migration('31', 'CREATE TABLE first ()'), tenant.add_migration('32', 'CREATE TABLE last ()');
CALL tenant.migrate();
SELECT * FROM public.tm_status WHERE version IN ('31', '32');
SELECT r.name, a.version, a.fingerprint IS NOT NULL AS known FROM tenant.applied_migration a JOIN tenant.registry r ON id = tenant_id
	WHERE version IN ('31', '32') ORDER BY 1, 2;
DROP TABLE mig_b.own;
-- what the template is like later does not count
SELECT tenant.add_migration('4', 'CREATE TABLE four ()'), tenant.add_migration('5', 'CREATE TABLE five ()');
CALL tenant.migrate('5', tenants => '{mig_t}');
CREATE TABLE mig_t.later ();
CALL tenant.migrate('4', verify => 'require', tenants => '{mig_a}');
CALL tenant.migrate(verify => 'require', tenants => '{mig_a}');
DROP TABLE mig_t.later;
-- nobody has looked at the template: if it has got more since, this cannot be known
CALL tenant.migrate();
SELECT tenant.add_migration('6', 'CREATE TABLE six ()'), tenant.add_migration('7', 'CREATE TABLE seven ()');
CALL tenant.migrate(tenants => '{mig_t}', verify => 'off');
CALL tenant.migrate('6', tenants => '{mig_a}', verify => 'require');
SELECT * FROM public.tm_status WHERE version = '6' AND tenant = 'mig_a';
CALL tenant.migrate('6', tenants => '{mig_a}');
CALL tenant.migrate('7', tenants => '{mig_a}', verify => 'require');
CALL tenant.migrate();
SELECT tenant.add_migration('8', 'CREATE TABLE eight ()');
CALL tenant.migrate(tenants => '{mig_a}', verify => 'require');
CALL tenant.migrate(verify => 'off');
-- recorded with the template, it is known
GRANT USAGE ON SCHEMA tenant TO regress_tm_owner;
GRANT EXECUTE ON FUNCTION tenant.record, tenant.record_stop TO regress_tm_owner;
GRANT INSERT ON tenant.migration TO regress_tm_owner;
SET ROLE regress_tm_owner;
SELECT tenant.switch('mig_t');
SELECT tenant.record('9');
CREATE TABLE nine ();
SELECT tenant.record_stop();
SELECT tenant.reset();
RESET ROLE;
REVOKE USAGE ON SCHEMA tenant FROM regress_tm_owner;
REVOKE EXECUTE ON FUNCTION tenant.record, tenant.record_stop FROM regress_tm_owner;
REVOKE INSERT ON tenant.migration FROM regress_tm_owner;
SELECT r.name, fingerprint IS NOT NULL AS known FROM tenant.applied_migration a JOIN tenant.registry r ON r.id = a.tenant_id WHERE a.version = '9';
CALL tenant.migrate(verify => 'require');
SELECT * FROM public.tm_status WHERE version = '9';

-- a trial goes on behind what cannot be tried
SELECT tenant.add_migration('a', 'INSERT INTO t VALUES (1); CREATE INDEX CONCURRENTLY by_s ON t (s); VACUUM t; INSERT INTO t VALUES (2)', transactional => false);
SELECT tenant.add_migration('b', 'UPDATE t SET s = ''b''');
SELECT tenant.add_migration('c', 'ALTER INDEX by_s RENAME TO s_index');
SET client_min_messages = warning;
CALL tenant.migrate('b', tenants => '{mig_a}', dry_run => true);
\set VERBOSITY default
\set SHOW_CONTEXT never
CALL tenant.migrate('c', tenants => '{mig_a}', dry_run => true);
\set VERBOSITY terse
RESET client_min_messages;
SELECT count(*) FROM mig_a.t;
SELECT count(*) FROM tenant.pending;
CALL tenant.migrate();
TABLE mig_a.t;

-- hooks, in the transaction of the tenant, and round all statements of a migration
CREATE SCHEMA tm_ops;
GRANT USAGE ON SCHEMA tm_ops TO PUBLIC;
CREATE TABLE tm_ops.seen (n serial, event text, tenant text, version text, bound text, role text);
CREATE FUNCTION tm_ops.note(what jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ BEGIN
	INSERT INTO tm_ops.seen (event, tenant, version, bound, role) VALUES (what->>'event', what->>'tenant', what->>'version', tenant.current(), what->>'owner');
	IF what->>'tenant' = 'mig_b' AND what->>'version' = 'e' THEN RAISE 'not here'; END IF; END $$;
SELECT tenant.add_hook('before_migrate', 'tm_ops.note(jsonb)'), tenant.add_hook('after_migrate', 'tm_ops.note(jsonb)');
SELECT tenant.add_migration('d', 'CREATE INDEX CONCURRENTLY once_more ON t (s)', transactional => false);
SELECT tenant.add_migration('e', 'CREATE TABLE ee ()');
CALL tenant.migrate(tenants => '{mig_a, mig_b}');
SELECT event, tenant, version, bound, role FROM tm_ops.seen ORDER BY n;
SELECT * FROM public.tm_status WHERE state = 'failed';
SELECT tenant.drop_hook('before_migrate', 'tm_ops.note(jsonb)'), tenant.drop_hook('after_migrate', 'tm_ops.note(jsonb)');

SELECT tenant.drop('mig_a', true), tenant.drop('mig_b', true), tenant.drop('mig_c', true), tenant.drop('mig_t', true);
SET client_min_messages = error;
SELECT tenant.drop_migration(version) FROM tenant.migration ORDER BY version;
DROP SCHEMA tm_ops CASCADE;
DROP VIEW public.tm_status;
DELETE FROM tenant.migration_run;
DROP ROLE regress_tm_owner;
