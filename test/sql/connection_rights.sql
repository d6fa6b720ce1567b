--
-- connection_rights: who may know of tenants and connections, who may have them, and whom a
-- pooler lets in.
--
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_tm_owner;
CREATE ROLE regress_tm_router;
GRANT USAGE ON SCHEMA tenant TO regress_tm_owner, regress_tm_router;
SELECT tenant.create('tm_own', owner => 'regress_tm_owner'), tenant.create('tm_other');
SELECT count(tenant.add_connection(t || '-1', t, host => 'h', database_name => 'd',
	username => 'u')) FROM unnest('{shared,dedicated,admin,analytics}'::text[]) t;

-- the owner of a tenant does not speak for a connection that is not shared
GRANT EXECUTE ON FUNCTION tenant.assign(text, text), tenant.unassign(text, text)
	TO regress_tm_owner;
SELECT tenant.assign('tm_other', 'dedicated-1');
SET ROLE regress_tm_owner;
SELECT tenant.assign('tm_own', 'shared-1');
\set VERBOSITY default
SELECT tenant.assign('tm_own', 'dedicated-1');  -- fails
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY terse
SELECT tenant.assign('tm_own', 'admin-1');  -- fails
SELECT tenant.assign('tm_own', 'analytics-1');  -- fails
RESET ROLE;
SELECT tenant, connection_name FROM tenant.assignments ORDER BY 1, 2;
GRANT INSERT ON tenant.assignment TO regress_tm_owner;
SET ROLE regress_tm_owner;
SELECT tenant.assign('tm_own', 'dedicated-1');
SELECT tenant.unassign('tm_own');
RESET ROLE;
REVOKE INSERT ON tenant.assignment FROM regress_tm_owner;

-- why a tenant is suspended is for those who may see it
GRANT EXECUTE ON FUNCTION tenant.route(text, text) TO regress_tm_owner, regress_tm_router;
SELECT tenant.assign(NULL, 'shared-1');
SELECT tenant.suspend('tm_own', 'unpaid since May');
\set VERBOSITY default
SET ROLE regress_tm_router;
SELECT tenant.route('tm_other');
SELECT tenant.route('tm_own');  -- fails
SELECT tenant.route('tm_own', 'read');  -- fails
RESET ROLE;
SET ROLE regress_tm_owner;
SELECT tenant.route('tm_own');  -- fails
RESET ROLE;
GRANT USAGE ON SCHEMA tm_own TO regress_tm_router;
SET ROLE regress_tm_router;
SELECT tenant.route('tm_own');  -- fails
RESET ROLE;
REVOKE USAGE ON SCHEMA tm_own FROM regress_tm_router;
GRANT SELECT ON tenant.registry TO regress_tm_router;
SET ROLE regress_tm_router;
SELECT tenant.route('tm_own');  -- fails
RESET ROLE;
\set VERBOSITY terse
SELECT tenant.resume('tm_own');

-- a name stands for one thing only in PgBouncer
SELECT count(tenant.drop_connection(connection_name, unassign => true)::text)
	FROM tenant.connection WHERE connection_name <> 'shared-1';
SELECT tenant.add_connection('tm_conn', host => 'h', database_name => 'd', username => 'u'),
	tenant.add_connection('tm_asleep', host => 'h', database_name => 'd', username => 'u', is_active => false),
	tenant.add_connection('far', host => 'h', database_name => 'tm_far', username => 'u', is_active => false),
	tenant.add_connection('own', host => 'h', database_name => 'tm_own', username => 'u'),
	tenant.add_connection('Template1', host => 'h', database_name => 'template1', username => 'u');
SELECT count(tenant.create(n)) FROM unnest('{tm_conn,tm_asleep,tm_far,template0,template1,postgres,stats,show,SHOW2,pgbouncer}'::text[]) n;
SELECT tenant.assign('tm_own', 'own');
SELECT tenant.pgbouncer_ini(bind => false);
SELECT count(tenant.drop(n, purge => true)::text) FROM unnest('{tm_conn,tm_asleep,tm_far,template0,template1,postgres,stats,show,SHOW2,pgbouncer}'::text[]) n;

-- a pooler lets in roles that are, and can become, no more than ordinary ones
CREATE ROLE regress_tm_plain LOGIN;
CREATE ROLE regress_tm_group;
GRANT regress_tm_group TO regress_tm_plain;
SELECT usename FROM tenant.pgbouncer_auth('regress_tm_plain');
CREATE FUNCTION tm_let_in(powers text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE let_in boolean;
BEGIN
	EXECUTE powers;
	let_in := EXISTS (SELECT FROM tenant.pgbouncer_auth('regress_tm_plain'));
	RAISE EXCEPTION USING ERRCODE = 'XX999', MESSAGE = let_in::text;
EXCEPTION WHEN SQLSTATE 'XX999' THEN
	RETURN SQLERRM::boolean;
END $$;
SELECT option, tm_let_in('ALTER ROLE regress_tm_plain ' || option) AS itself,
	tm_let_in('ALTER ROLE regress_tm_group ' || option) AS by_membership,
	tm_let_in('ALTER ROLE regress_tm_plain NOINHERIT; ALTER ROLE regress_tm_group ' || option) AS without_inheritance,
	tm_let_in('CREATE ROLE regress_tm_far ' || option || '; GRANT regress_tm_far TO regress_tm_group') AS indirectly
	FROM unnest('{SUPERUSER,CREATEROLE,CREATEDB,REPLICATION,BYPASSRLS,INHERIT}'::text[]) WITH ORDINALITY AS o (option, n) ORDER BY n;
SELECT rolname, tm_let_in(format('GRANT %I TO regress_tm_plain', rolname)) AS itself,
	tm_let_in(format('GRANT %I TO regress_tm_group', rolname)) AS by_membership
	FROM pg_roles WHERE rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files',
		'pg_read_all_data', 'pg_write_all_data', 'pg_signal_backend', 'pg_checkpoint', 'pg_monitor', 'pg_read_all_stats')
	ORDER BY rolname COLLATE "C";
SELECT tm_let_in(format('GRANT %I TO regress_tm_group', CURRENT_USER)) AS the_first_superuser;

DROP FUNCTION tm_let_in(text);
DROP ROLE regress_tm_plain, regress_tm_group;
SELECT count(tenant.drop(n, purge => true)::text) FROM unnest('{tm_own,tm_other}'::text[]) n;
SELECT tenant.unassign(NULL);
DELETE FROM tenant.connection;
DELETE FROM tenant.event;
DROP OWNED BY regress_tm_owner, regress_tm_router;
DROP ROLE regress_tm_owner, regress_tm_router;
