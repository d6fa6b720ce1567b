--
-- Who may call what.  Every routine is listed, so that a new one cannot be
-- public by oversight; those that are not for everybody are tried by a role
-- that has no privileges.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;
CREATE ROLE regress_tm_user;
CREATE FUNCTION public.tm_members(catalog regclass) RETURNS SETOF oid
	LANGUAGE sql AS $$
		SELECT d.objid FROM pg_depend d
			WHERE d.deptype = 'e' AND d.classid = catalog AND d.refobjid =
				(SELECT oid FROM pg_extension WHERE extname = 'tenant_mgr')
	$$;

SELECT p.oid::regprocedure AS routine,
	has_function_privilege('regress_tm_user', p.oid, 'EXECUTE') AS public,
	p.proisstrict AS strict, p.provolatile AS volatile, p.proparallel AS parallel
	FROM pg_proc p WHERE p.oid IN (SELECT public.tm_members('pg_proc'))
	ORDER BY p.oid::regprocedure::text COLLATE "C";

-- relations: readable or not, never writable
SELECT c.oid::regclass AS relation, c.relkind,
	has_table_privilege('regress_tm_user', c.oid, 'SELECT') AS readable,
	has_table_privilege('regress_tm_user', c.oid,
		'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') AS writable
	FROM pg_class c WHERE c.oid IN (SELECT public.tm_members('pg_class'))
	ORDER BY c.oid::regclass::text COLLATE "C";
SELECT has_schema_privilege('regress_tm_user', 'tenant', 'USAGE') AS usage,
	has_schema_privilege('regress_tm_user', 'tenant', 'CREATE') AS create;

-- what a dump of the extension includes
SELECT c.oid::regclass AS relation
	FROM pg_class c
	WHERE c.oid = ANY (SELECT unnest(extconfig) FROM pg_extension
		WHERE extname = 'tenant_mgr')
	ORDER BY c.oid::regclass::text COLLATE "C";

SELECT tenant.create('tm_acl');
SET ROLE regress_tm_user;
SELECT tenant.create('tm_mine');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.adopt('tm_acl');  -- fails
SELECT tenant.clone('tm_acl', 'tm_mine');  -- fails
SELECT tenant.rename('tm_acl', 'tm_mine');  -- fails
SELECT tenant.suspend('tm_acl');  -- fails
SELECT tenant.resume('tm_acl');  -- fails
SELECT tenant.set_template('tm_acl', true);  -- fails
SELECT tenant.set_metadata('tm_acl', '{}');  -- fails
SELECT tenant.drop('tm_acl');  -- fails
SELECT tenant.restore('tm_acl');  -- fails
SELECT tenant.restore_from('tm_acl', 'tm_acl');  -- fails
CALL tenant.purge();  -- fails
CALL tenant.migrate();  -- fails
SELECT tenant.snapshot('tm_acl', 'a');  -- fails
SELECT tenant.add_migration('1', 'SELECT 1');  -- fails
SELECT tenant.drop_migration('1');  -- fails
SELECT tenant.record('1');  -- fails
SELECT tenant.record_stop();  -- fails
SELECT tenant.baseline('tm_acl', '1');  -- fails
SELECT tenant.rollback_to('tm_acl', 'a');  -- fails
SELECT tenant.drop_snapshot('tm_acl', 'a');  -- fails
SELECT tenant.encrypt('a');  -- fails
SELECT tenant.decrypt(NULL);  -- fails
SELECT tenant.generate_key();  -- fails
CALL tenant.rotate_keys();  -- fails
SELECT tenant.shred('tm_acl');  -- fails
SELECT tenant.crypto_status();  -- fails
SELECT * FROM tenant.crypto_benchmark();  -- fails
SELECT * FROM tenant.doctor();  -- fails
SELECT * FROM tenant.check_connection('a');  -- fails
SELECT * FROM tenant.connection_health();  -- fails
SELECT * FROM tenant.connection_health;  -- fails
SELECT tenant.add_connection('a');  -- fails
SELECT tenant.drop_connection('a');  -- fails
SELECT tenant.set_password('a', 'a');  -- fails
SELECT tenant.conninfo('a');  -- fails
SELECT tenant.password('a');  -- fails
SELECT tenant.assign('tm_acl', 'a');  -- fails
SELECT tenant.unassign('tm_acl');  -- fails
SELECT tenant.connect('a');  -- fails
SELECT tenant.route('tm_acl');  -- fails
SELECT tenant.disconnect();  -- fails
SELECT * FROM tenant.pool_stats;  -- fails
SELECT tenant.pgbouncer_ini();  -- fails
SELECT tenant.pgbouncer_auth('a');  -- fails
CREATE TEMP TABLE tm_bait (a int);
CREATE TRIGGER t AFTER INSERT ON tm_bait
	EXECUTE FUNCTION tenant.registry_changed();  -- fails
SELECT tenant.exists('tm_acl');

-- nothing is seen of a tenant without a right to its schema
SELECT name FROM tenant.tenants;
CREATE FUNCTION pg_temp.leak(text) RETURNS boolean COST 0.0001
	LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$;
SELECT name FROM tenant.tenants WHERE pg_temp.leak(name);
RESET ROLE;
GRANT USAGE ON SCHEMA tm_acl TO regress_tm_user;
SET ROLE regress_tm_user;
SELECT name, state FROM tenant.tenants;
RESET ROLE;
SELECT tenant.drop('tm_acl');
SET ROLE regress_tm_user;
SELECT name, state FROM tenant.tenants;
RESET ROLE;
GRANT SELECT ON tenant.registry TO regress_tm_user;
SET ROLE regress_tm_user;
SELECT name, state FROM tenant.tenants;
RESET ROLE;
REVOKE SELECT ON tenant.registry FROM regress_tm_user;

CALL tenant.purge('tm_acl');
DROP FUNCTION public.tm_members(regclass);
DROP TABLE tm_bait;
DROP OWNED BY regress_tm_user;
DROP ROLE regress_tm_user;
