--
-- Secrets, as far as they go without a key ring: what is refused, what the
-- type accepts, and that no plain value gets into a secret or into a message.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;
CREATE ROLE regress_tm_user;

-- without a ring there is a hint, and nothing is written
SELECT tenant.encrypt('plain');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM tenant.data_key;
CALL tenant.rotate_keys();  -- fails
\echo :LAST_ERROR_SQLSTATE
BEGIN;
CALL tenant.rotate_keys();  -- fails
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
SELECT tenant.crypto_status() - 'libsodium' - 'aes-256-gcm' AS status;

-- nulls
SELECT tenant.encrypt(NULL) IS NULL AS nothing;
SELECT tenant.decrypt(NULL) IS NULL AS nothing;
SELECT tenant.encrypt('plain', NULL);  -- fails
SELECT tenant.encrypt('plain', 'a', NULL);  -- fails
SELECT tenant.decrypt(NULL, NULL);  -- fails

-- a line for the ring: version 1, and never the same key
SELECT tenant.generate_key() ~ '^1:[0-9a-f]{64}$' AS line,
	tenant.generate_key() <> tenant.generate_key() AS differ;

-- an envelope with nothing that anybody could open in it
SELECT 'tm1:xchacha20-poly1305:1:database:' || repeat('A', 96) AS envelope \gset
SELECT :'envelope'::tenant.secret;
SELECT :'envelope'::tenant.secret::text = :'envelope' AS same;
SELECT length(tenant.secret_send(:'envelope')) AS bytes;
SELECT replace(:'envelope', 'database', '00000000-0000-4000-8000-000000000001')::tenant.secret;
SELECT replace(:'envelope', 'xchacha20-poly1305:1', 'aes-256-gcm:2147483647')::tenant.secret;
SELECT tenant.decrypt(:'envelope');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.decrypt(replace(:'envelope', 'database', '00000000-0000-4000-8000-000000000001')::tenant.secret);  -- fails
\echo :LAST_ERROR_SQLSTATE

-- whatever is not an envelope, written in the one way there is, is refused
CREATE FUNCTION pg_temp.try(input text) RETURNS text
	LANGUAGE plpgsql AS $$
BEGIN
	PERFORM input::tenant.secret;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT what, pg_temp.try(input) FROM (VALUES
	(1, 'nothing', ''),
	(2, 'a plain secret', 'hunter2'),
	(3, 'prefix only', 'tm1:'),
	(4, 'another format', replace(:'envelope', 'tm1', 'tm2')),
	(5, 'unknown algorithm', replace(:'envelope', 'xchacha20', 'rot13')),
	(6, 'no algorithm', replace(:'envelope', 'xchacha20-poly1305', '')),
	(7, 'version 0', replace(:'envelope', ':1:', ':0:')),
	(8, 'version -1', replace(:'envelope', ':1:', ':-1:')),
	(9, 'version 01', replace(:'envelope', ':1:', ':01:')),
	(10, 'version 2^31', replace(:'envelope', ':1:', ':2147483648:')),
	(11, 'version 2^32 + 1', replace(:'envelope', ':1:', ':4294967297:')),
	(12, 'no version', replace(:'envelope', ':1:', '::')),
	(13, 'unknown scope', replace(:'envelope', 'database', 'acme')),
	(14, 'scope of zeros', replace(:'envelope', 'database', '00000000-0000-0000-0000-000000000000')),
	(15, 'scope in upper case', replace(:'envelope', 'database', '00000000-0000-4000-8000-00000000000A')),
	(16, 'scope without hyphens', replace(:'envelope', 'database', repeat('0', 31) || '1' || '----')),
	(17, 'box too short', left(:'envelope', -4)),
	(18, 'no box', left(:'envelope', -96)),
	(19, 'base64 cut short', left(:'envelope', -1)),
	(20, 'base64 with a space', :'envelope' || ' '),
	(21, 'base64 with a newline', :'envelope' || E'\n'),
	(22, 'base64 with bits to spare', :'envelope' || 'AB=='),
	(23, 'base64 without padding', :'envelope' || 'AA'),
	(24, 'base64 of another alphabet', left(:'envelope', -1) || '-'),
	(25, 'something before it', ' ' || :'envelope')
) AS v(n, what, input) ORDER BY n;

-- a secret is compared with nothing, sorted by nothing
SELECT :'envelope'::tenant.secret = :'envelope'::tenant.secret;  -- fails
SELECT DISTINCT :'envelope'::tenant.secret;  -- fails
SELECT :'envelope'::tenant.secret ORDER BY 1;  -- fails

-- the ring is for the configuration file
SET tenant_mgr.key_file = '/dev/null';  -- fails
SET tenant_mgr.key_command = 'cat';  -- fails
SET tenant_mgr.secret_algorithm = 'rot13';  -- fails
SET ROLE regress_tm_user;
SET tenant_mgr.secret_algorithm = 'aes-256-gcm';  -- fails
\set VERBOSITY sqlstate
SHOW tenant_mgr.key_file;  -- fails
SHOW tenant_mgr.key_command;  -- fails
\set VERBOSITY default
SELECT name FROM pg_settings WHERE name LIKE 'tenant_mgr.key%';
SELECT * FROM tenant.data_key;  -- fails
-- anybody may have a secret, and look at the envelope
SELECT :'envelope'::tenant.secret;
RESET ROLE;

-- measurements need no ring
SELECT operation, bytes, microseconds > 0 AS some, library_microseconds > 0 AS library
	FROM tenant.crypto_benchmark(1) WHERE algorithm = 'xchacha20-poly1305'
	ORDER BY operation DESC, bytes;
SELECT * FROM tenant.crypto_benchmark(0);  -- fails

-- the keys of a tenant: only its owner shreds them
SELECT tenant.create('tm_secret');
GRANT EXECUTE ON FUNCTION tenant.shred(text) TO regress_tm_user;
SET ROLE regress_tm_user;
SELECT tenant.shred('tm_secret');  -- fails
RESET ROLE;
SELECT tenant.shred('tm_secret');
SELECT tenant.shred('tm_none');  -- fails
SELECT tenant.drop('tm_secret', purge => true);

DROP OWNED BY regress_tm_user;
DROP ROLE regress_tm_user;
