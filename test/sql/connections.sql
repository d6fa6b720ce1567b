--
-- Connections, as far as they go without a key ring: what a row can be, who
-- may write it, that no plain password gets into it, and which tenant has which.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;
CREATE ROLE regress_tm_user;
\set VERBOSITY terse

-- rows are loaded by plain SQL, with the defaults of most columns
INSERT INTO tenant.connection (connection_name, host, database_name, username)
	VALUES ('main', 'db1.example', 'app', 'app');
COPY tenant.connection (connection_name, connection_type, region, host, port,
	database_name, username, password, ssl_mode, pool_min_size, pool_max_size,
	pool_timeout_seconds, pool_recycle_seconds, pool_pre_ping, role, weight,
	is_active, options) FROM stdin (DELIMITER '|');
Odd "Replica"|analytics|eu-1|/run/postgresql|6432|app|o'brien|\N|verify-full|1|5|2|-1|f|replica|3|f|{"connect_timeout": 5, "keepalives": true, "application_name": "o'brien"}
bare|shared|\N|::1|1|a|a|\N|disable|0|1|0|0|t|primary|0|t|\N
\.
SELECT connection_name, connection_type AS type, region, host, port, role,
	weight, is_active AS active, options
	FROM tenant.connection ORDER BY connection_name;
SELECT ssl_mode, pool_min_size, pool_max_size, pool_timeout_seconds,
	pool_recycle_seconds, pool_pre_ping, created_by = CURRENT_USER AS mine
	FROM tenant.connection WHERE connection_name = 'main';

-- what a row cannot be: one column changed at a time
CREATE FUNCTION pg_temp.try(col text, val text) RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	message text;
BEGIN
	EXECUTE format('UPDATE tenant.connection SET %I = %s WHERE connection_name = ''main''',
		col, val);
	RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION
	WHEN SQLSTATE 'ZZ000' THEN
		RETURN 'accepted';
	WHEN OTHERS THEN
		RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT col, val, pg_temp.try(col, val) FROM (VALUES
	('connection_name', 'NULL'),
	('connection_name', ''''''),
	('connection_name', 'repeat(''x'', 64)'),
	('connection_name', 'E''a\nb'''),
	('connection_name', '''bare'''),
	('connection_type', '''other'''),
	('region', 'E''a\u0007'''),
	('host', 'NULL'),
	('host', ''''''),
	('host', '''a,b'''),
	('host', '''a b'''),
	('port', '0'),
	('port', '65536'),
	('port', '65535'),
	('database_name', ''''''),
	('username', 'E''a\r'''),
	('ssl_mode', '''on'''),
	('pool_min_size', '-1'),
	('pool_min_size', '11'),
	('pool_max_size', '0'),
	('pool_timeout_seconds', '-1'),
	('pool_timeout_seconds', '86401'),
	('pool_recycle_seconds', '-2'),
	('role', '''standby'''),
	('weight', '-1'),
	('options', '''[]'''),
	('options', '''{"host": "elsewhere"}'''),
	('options', '''{"hostaddr": "10.0.0.1"}'''),
	('options', '''{"password": "hunter2"}'''),
	('options', '''{"passfile": "/etc/passwd"}'''),
	('options', '''{"service": "x"}'''),
	('options', '''{"servicefile": "x"}'''),
	('options', '''{"sslkey": "/etc/ssl/private/key"}'''),
	('options', '''{"sslcert": "x"}'''),
	('options', '''{"replication": "database"}'''),
	('options', '''{"CONNECT_TIMEOUT": 1}'''),
	('options', '''{"": 1}'''),
	('options', '''{"connect_timeout": null}'''),
	('options', '''{"connect_timeout": [1]}'''),
	('options', '''{"application_name": "a\n"}'''),
	('options', '''{"application_name": "a", "target_session_attrs": "any"}'''),
	('options', '''{"options": "-c work_mem=1MB"}'''),
	('options', '''{"krbsrvname": "x"}'''),
	('options', '''{"sslcrldir": "x"}'''),
	('options', '''{"sslrootcert": "/etc/passwd"}'''),
	('options', '''{"sslrootcert": ".."}'''),
	('options', '''{"sslrootcert": "ca.pem", "sslcrl": "crl.pem"}'''),
	('options', '''{"gssencmode": "prefer"}'''),
	('options', '''{"gssencmode": "disable"}'''),
	('options', '''{"require_auth": "gss"}'''),
	('options', '''{"require_auth": "!password"}'''),
	('options', '''{"require_auth": "md5,scram-sha-256"}'''),
	('password', '''hunter2''')
) AS v (col, val);

CREATE FUNCTION pg_temp.try_host(host text) RETURNS text
	LANGUAGE plpgsql AS $$
BEGIN
	UPDATE tenant.connection c SET host = try_host.host WHERE connection_name = 'main';
	RETURN 'accepted';
EXCEPTION
	WHEN OTHERS THEN
		RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;

-- nobody else has a look, or a say
SET ROLE regress_tm_user;
SELECT * FROM tenant.connection;  -- fails
UPDATE tenant.connection SET host = 'mine';  -- fails
RESET ROLE;

-- whoever has been granted it writes rows, and is held to the constraints
GRANT SELECT, INSERT ON tenant.connection TO regress_tm_user;
SET ROLE regress_tm_user;
INSERT INTO tenant.connection (connection_name, host, database_name, username)
	VALUES ('theirs', 'db1.example', 'app', 'app')
	RETURNING created_by, options;
INSERT INTO tenant.connection (connection_name, host, database_name, username, options)
	VALUES ('theirs too', 'db1.example', 'app', 'app', '{"user": "x"}');  -- fails
RESET ROLE;

-- but no socket, no password, and not in a superuser's name
SET ROLE regress_tm_user;
INSERT INTO tenant.connection (connection_name, host, database_name, username)
	VALUES ('socket', '/run/postgresql', 'app', 'app');  -- fails
INSERT INTO tenant.connection (connection_name, host, database_name, username)
	VALUES ('socket', '@abstract', 'app', 'app');  -- fails
INSERT INTO tenant.connection (connection_name, host, database_name, username, password)
	VALUES ('other', 'h', 'app', 'app', 'tm1:xchacha20-poly1305:1:database:24+dBZbmJSHIFyXd95jhX+2mBqVApTm96AlCjWzefVGuifgejPLMXv+1LUxNKOfHzELxSR75OSxO+YvwMQN56DE0gGzEjWQE/Fkjsw==');  -- fails
INSERT INTO tenant.connection (connection_name, host, database_name, username, by_superuser)
	VALUES ('other', 'h', 'app', 'app', true) RETURNING by_superuser;
RESET ROLE;
SELECT connection_name, by_superuser FROM tenant.connection ORDER BY connection_name;
GRANT UPDATE ON tenant.connection TO regress_tm_user;
SET ROLE regress_tm_user;
UPDATE tenant.connection SET is_active = false WHERE connection_name = 'main' RETURNING by_superuser;
UPDATE tenant.connection SET username = 'x' WHERE connection_name = 'main' RETURNING by_superuser;
UPDATE tenant.connection SET by_superuser = true WHERE connection_name = 'main' RETURNING by_superuser;
UPDATE tenant.connection SET host = '/tmp' WHERE connection_name = 'main';  -- fails
RESET ROLE;
-- hosts that are listed
SET tenant_mgr.connection_hosts = '*.db.example, 10.1.0.0/16, fd00::/8, /run/*';
SET ROLE regress_tm_user;
SELECT host, pg_temp.try_host(host) FROM unnest(ARRAY['a.db.example', 'A.DB.EXAMPLE',
	'db.example', 'a.db.example.org', '10.1.2.3', '10.2.0.1', 'fd00::1', 'fe80::1', '10.257',
	'/run/postgresql', '/tmp', '@run']) AS host;
RESET ROLE;
RESET tenant_mgr.connection_hosts;
DELETE FROM tenant.connection WHERE connection_name IN ('socket', 'other');
UPDATE tenant.connection SET username = 'app', is_active = true, by_superuser = true
	WHERE connection_name = 'main';
REVOKE SELECT, INSERT, UPDATE ON tenant.connection FROM regress_tm_user;

-- connection strings are quoted as libpq reads them
SELECT connection_name, tenant.conninfo(connection_name)
	FROM tenant.connection ORDER BY connection_name;
SELECT tenant.conninfo('none');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.conninfo(NULL) IS NULL AS nothing;
SELECT tenant.password('main') IS NULL AS nothing;
DELETE FROM tenant.connection;

-- the function takes the columns by their names, and obeys the constraints
SELECT tenant.add_connection('main', host => 'db1.example',
	database_name => 'app', username => 'app');
SELECT tenant.add_connection('copy', 'dedicated', 'eu-1', '/run/postgresql',
	6432, 'app db', E'o\\''b', NULL, 'require', 1, 2, 3, 4, false, 'replica', 5,
	false, '{"connect_timeout": 7}');
SELECT connection_type AS type, region, host, port, database_name, username,
	ssl_mode, pool_min_size AS min, pool_max_size AS max,
	pool_timeout_seconds AS timeout, pool_recycle_seconds AS recycle,
	pool_pre_ping AS ping, role, weight, is_active AS active, options
	FROM tenant.connection ORDER BY connection_name;
SELECT tenant.conninfo('copy');
\set VERBOSITY sqlstate
SELECT tenant.add_connection('main', host => 'h', database_name => 'd', username => 'u');  -- fails
SELECT tenant.add_connection('x');  -- fails
SELECT tenant.add_connection(NULL, host => 'h', database_name => 'd', username => 'u');  -- fails
SELECT tenant.add_connection('x', host => 'h', database_name => 'd', username => 'u', port => 0);  -- fails
SELECT tenant.add_connection('x', host => 'h', database_name => 'd', username => 'u', port => NULL);  -- fails
SELECT tenant.add_connection('x', host => 'h', database_name => 'd', username => 'u', role => 'x');  -- fails
SELECT tenant.add_connection('x', host => 'h', database_name => 'd', username => 'u', password => '');  -- fails
SELECT tenant.add_connection('x', host => 'h', database_name => 'd', username => 'u', options => '{"passfile": "x"}');  -- fails
\set VERBOSITY terse
BEGIN READ ONLY;
SELECT tenant.add_connection('x', host => 'h', database_name => 'd', username => 'u');  -- fails
ROLLBACK;
-- without a key ring there is no place for a password
SELECT tenant.add_connection('x', host => 'h', database_name => 'd', username => 'u', password => 'x');  -- fails
SELECT tenant.set_password('main', 'x');  -- fails
SELECT tenant.set_password('main', '');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.set_password('main', NULL);  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.set_password('none', 'x');  -- fails
SELECT tenant.set_password(NULL, 'x');  -- fails
SELECT count(*), count(password) FROM tenant.connection;

-- tenants and their connections
SELECT tenant.create('tm_a', owner => 'regress_tm_user');
SELECT tenant.create('tm_b');
SELECT tenant.assign('tm_a', 'main');
SELECT tenant.assign('tm_a', 'copy');
SELECT tenant.assign('tm_a', 'copy');
SELECT tenant.assign(NULL, 'main');
SELECT tenant.assign('tm_none', 'main');  -- fails
SELECT tenant.assign('tm_a', 'none');  -- fails
SELECT tenant.assign('tm_a', NULL);  -- fails
SELECT tenant, connection_name, connection_type, role, weight, is_active
	FROM tenant.assignments ORDER BY tenant, connection_name;
SELECT tenant.rename('tm_a', 'tm_a2');
UPDATE tenant.connection SET connection_name = 'copy2' WHERE connection_name = 'copy';
SELECT tenant, connection_name FROM tenant.assignments ORDER BY tenant, connection_name;
SELECT tenant.drop_connection('copy2');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.unassign('tm_b', 'copy2');  -- fails
SELECT tenant.unassign('tm_b');
SELECT tenant.unassign('tm_a2', 'main');
SELECT tenant.drop_connection('copy2', unassign => true);
SELECT tenant.drop_connection('copy2');  -- fails
SELECT tenant, connection_name FROM tenant.assignments ORDER BY tenant, connection_name;

-- which one to use, as long as nothing is known of their health
SELECT tenant.route('tm_b'), tenant.route('tm_b', 'read');
SELECT tenant.route('tm_none');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.route('tm_b', 'both');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.route(NULL) IS NULL AS nothing;
SELECT tenant.unassign(NULL);
SELECT tenant.route('tm_b');  -- fails
\echo :LAST_ERROR_SQLSTATE
INSERT INTO tenant.connection (connection_name, host, database_name, username,
	role, weight) VALUES ('p1', 'h', 'd', 'u', 'primary', 1),
	('p2', 'h', 'd', 'u', 'primary', 2), ('r0', 'h', 'd', 'u', 'replica', 0),
	('r1', 'h', 'd', 'u', 'replica', 1), ('r3', 'h', 'd', 'u', 'replica', 3);
SELECT tenant.assign('tm_b', 'r0');
SELECT tenant.route('tm_b', 'read'), tenant.route('tm_b', 'read');
SELECT tenant.route('tm_b', 'write');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT count(tenant.assign('tm_b', n)) FROM unnest('{p1,p2,r1,r3}'::text[]) n;
SELECT tenant.route('tm_b');
SELECT r, n BETWEEN CASE r WHEN 'r1' THEN 1600 ELSE 5600 END
		AND CASE r WHEN 'r1' THEN 2400 ELSE 6400 END AS as_often_as_it_should
	FROM (SELECT tenant.route('tm_b', 'read') AS r, count(*) AS n
		FROM generate_series(1, 8000) GROUP BY 1) c ORDER BY r;
UPDATE tenant.connection SET is_active = false WHERE connection_name IN ('p2', 'r3');
SELECT tenant.route('tm_b'), tenant.route('tm_b', 'read');
BEGIN;
UPDATE tenant.connection SET is_active = connection_name !~ '^[pr]1';
SELECT tenant.route('tm_b');
ROLLBACK;
SELECT tenant.route('tm_b');
SELECT tenant.rename('tm_b', 'tm_c');
SELECT tenant.route('tm_b');  -- fails
SELECT tenant.route('tm_c');
SELECT tenant.suspend('tm_c', 'unpaid');
SELECT tenant.route('tm_c');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.resume('tm_c');
SELECT tenant.rename('tm_c', 'tm_b');
SELECT count(tenant.drop_connection(connection_name, true))
	FROM tenant.connection WHERE connection_name ~ '^[pr][0-3]';
SELECT tenant.assign(NULL, 'main');

-- for PgBouncer; test/t/105_pgbouncer_registry.pl has it read by one
SELECT tenant.add_connection('it''s', host => 'db''1', port => 6000,
	database_name => 'the "db"', username => 'app', pool_max_size => 3);
SELECT tenant.add_connection('tm_b', host => 'db2', database_name => 'app',
	username => 'app', role => 'replica');
SELECT tenant.assign('tm_b', 'it''s');
SELECT tenant.assign('tm_b', 'tm_b');
SELECT tenant.pgbouncer_ini();
SELECT tenant.pgbouncer_ini('lookup', bind => false);
SELECT tenant.unassign('tm_b');
SELECT tenant.drop_connection(connection_name) FROM tenant.connection
	WHERE connection_name <> 'main';
ALTER ROLE regress_tm_user LOGIN;
SELECT usename FROM tenant.pgbouncer_auth('regress_tm_user');
ALTER ROLE regress_tm_user CREATEROLE;
SELECT usename FROM tenant.pgbouncer_auth('regress_tm_user');
ALTER ROLE regress_tm_user NOCREATEROLE NOLOGIN;
SELECT usename FROM tenant.pgbouncer_auth('regress_tm_user');
SELECT usename FROM tenant.pgbouncer_auth(CURRENT_USER);
SELECT tenant.connect('main');  -- fails

-- the owner of a schema speaks for that tenant only
GRANT EXECUTE ON FUNCTION tenant.assign(text, text), tenant.unassign(text, text)
	TO regress_tm_user;
SET ROLE regress_tm_user;
SELECT tenant.assign('tm_a2', 'main');
SELECT tenant.assign('tm_b', 'main');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.unassign(NULL);  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant, connection_name FROM tenant.assignments;
RESET ROLE;

-- without EXECUTE on tenant.password() nothing is revealed
GRANT EXECUTE ON FUNCTION tenant.conninfo(text, boolean) TO regress_tm_user;
SET ROLE regress_tm_user;
SELECT tenant.conninfo('main');
SELECT tenant.conninfo('main', reveal => true);  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.password('main');  -- fails
RESET ROLE;

-- assignments go with the tenant; what they refer to may have gone before
SELECT tenant.assign('tm_b', 'main');
SELECT tenant.drop('tm_a2');
SELECT tenant.restore('tm_a2');
SELECT tenant, connection_name FROM tenant.assignments ORDER BY tenant, connection_name;
SELECT tenant.drop('tm_a2', purge => true);
DROP SCHEMA tm_b;
SELECT count(*) FROM tenant.assignment;
DELETE FROM tenant.connection;
SELECT tenant, connection_name FROM tenant.assignments;
SELECT tenant.unassign(NULL);
SELECT count(*) FROM tenant.assignment;
SELECT event, tenant, object, detail FROM tenant.event
	WHERE event ~ 'connection|assign' ORDER BY event_id;

DELETE FROM tenant.event WHERE event ~ 'connection|assign';
DROP OWNED BY regress_tm_user;
DROP ROLE regress_tm_user;
