--
-- Health of connections, as far as it goes without preloading: a connection
-- can be checked at once, and nothing is known before and after.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;
CREATE ROLE regress_tm_user;
CREATE ROLE regress_tm_monitor IN ROLE pg_monitor;

-- the machine may be busy
SET tenant_mgr.health_degraded_latency = 0;

-- this server, and a place where there is none
INSERT INTO tenant.connection (connection_name, host, port, database_name,
		username, role)
	SELECT v.name, v.host, current_setting('port')::int, v.db, CURRENT_USER,
		v.role
	FROM (VALUES
		('here', split_part(current_setting('unix_socket_directories'), ',', 1),
			current_database()::text, 'primary'),
		('no database', split_part(current_setting('unix_socket_directories'), ',', 1),
			'regress tm none', 'primary'),
		('not a "replica"', split_part(current_setting('unix_socket_directories'), ',', 1),
			current_database()::text, 'replica'),
		('nowhere', '/nonexistent/tm', 'x', 'primary')) AS v (name, host, db, role);
SELECT status, latency_ms > 0 AS took_time, in_recovery, error,
	server_version = current_setting('server_version') AS version
	FROM tenant.check_connection('here');
SELECT status, latency_ms > 0 AS took_time, in_recovery, error,
	server_version = current_setting('server_version') AS version
	FROM tenant.check_connection('not a "replica"');
SELECT status, latency_ms, in_recovery, server_version,
	regexp_replace(error, 'socket ".*" failed', 'socket failed') AS error
	FROM tenant.check_connection('no database');
SELECT status, latency_ms, in_recovery, server_version,
	error LIKE '%"/nonexistent/tm/.s.PGSQL.%" failed: No such file or directory%' AS error
	FROM tenant.check_connection('nowhere');

-- there has to be such a connection
SELECT * FROM tenant.check_connection('none');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM tenant.check_connection('HERE');  -- fails
SELECT * FROM tenant.check_connection('');  -- fails
SELECT * FROM tenant.check_connection(NULL);

-- a password that nobody can open is no matter of the server's
UPDATE tenant.connection SET password =
	('tm1:xchacha20-poly1305:1:database:' || repeat('A', 96))::tenant.secret
	WHERE connection_name = 'here';
SELECT * FROM tenant.check_connection('here');  -- fails
UPDATE tenant.connection SET password = NULL WHERE connection_name = 'here';

-- it is cancelled like anything else
BEGIN;
SET LOCAL statement_timeout = 1;
SELECT pg_sleep(1) FROM tenant.check_connection('here');  -- fails
ROLLBACK;
SELECT status FROM tenant.check_connection('here');

-- nothing is kept
SELECT connection_name, status, breaker, probes, consecutive_failures,
	last_checked, last_error
	FROM tenant.connection_health ORDER BY connection_name;

-- who may look, and who may see
SET ROLE regress_tm_user;
SELECT * FROM tenant.check_connection('here');  -- fails
SELECT * FROM tenant.connection_health;  -- fails
SELECT * FROM tenant.connection_health();  -- fails
SET ROLE regress_tm_monitor;
SELECT * FROM tenant.check_connection('here');  -- fails
SELECT connection_name, status FROM tenant.connection_health
	ORDER BY connection_name;
RESET ROLE;

-- settings and their limits
SELECT name, boot_val, unit, context, min_val, max_val FROM pg_settings
	WHERE name LIKE 'tenant\_mgr.health\_%' AND name <> 'tenant_mgr.health_slots'
	ORDER BY name COLLATE "C";
\set VERBOSITY sqlstate
SET tenant_mgr.health_timeout = 0;  -- fails
\set VERBOSITY default

RESET tenant_mgr.health_degraded_latency;
DELETE FROM tenant.connection;
DROP ROLE regress_tm_user, regress_tm_monitor;
