--
-- What a session would leave to the next client of a pool.  Whether the library
-- is preloaded is not said here, for it may be or not.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;

SELECT CURRENT_USER AS admin \gset
CREATE ROLE regress_tm_pooled LOGIN;
SELECT tenant.create('tm_a');
GRANT USAGE ON SCHEMA tm_a TO regress_tm_pooled;
ALTER ROLE regress_tm_pooled SET tenant_mgr.session_switch = deny;
ALTER ROLE regress_tm_pooled SET tenant_mgr.unbound = deny;
ALTER ROLE regress_tm_pooled SET tenant_mgr.guard = enforce;
ALTER ROLE regress_tm_pooled SET session_preload_libraries = 'tenant_mgr';

-- a superuser's session, with all that can be left
SET tenant_mgr.guard = off;
SELECT tenant.switch('tm_a');
SELECT tenant.lock('k');
CREATE TEMP TABLE x (i int);
DECLARE c CURSOR WITH HOLD FOR SELECT 1;
PREPARE p AS SELECT 1;
SELECT pg_catalog.pg_advisory_lock(1);
LISTEN tm_channel;
SELECT * FROM tenant.pooler_check() WHERE "check" <> 'preloaded';
SELECT tenant.unlock('k');
DISCARD ALL;
SET search_path = public;
SELECT "check", detail FROM tenant.pooler_check() WHERE NOT ok AND "check" LIKE 'search%';

-- a session that leaves nothing, within a transaction and without
\c - regress_tm_pooled
SELECT "check", ok FROM tenant.pooler_check() WHERE ok IS NOT TRUE AND "check" <> 'preloaded';
BEGIN;
SELECT tenant.switch_local('tm_a');
SELECT "check" FROM tenant.pooler_check() WHERE NOT ok AND "check" <> 'preloaded';
COMMIT;

-- clean up
\c - :admin
SELECT tenant.drop('tm_a', purge => true);
DROP ROLE regress_tm_pooled;
