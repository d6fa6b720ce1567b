--
-- Connections: what a row can be, who may write it, and that no plain
-- password gets into it.
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
	('options', '''{"options": "-c work_mem=1MB\n"}'''),
	('options', '''{"options": "-c work_mem=1MB", "target_session_attrs": "any"}'''),
	('password', '''hunter2''')
) AS v (col, val);

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

DELETE FROM tenant.connection;
DROP OWNED BY regress_tm_user;
DROP ROLE regress_tm_user;
