--
-- Tokens, as far as that needs none: settings, refusals that come before a
-- signature is looked at, and what requiring a token means for those who
-- have none.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;

SELECT pg_catalog.current_database() AS dbname, CURRENT_USER AS admin \gset
CREATE ROLE regress_tm_app;
CREATE ROLE regress_tm_login LOGIN;
SELECT tenant.create('tm_a');
SELECT tenant.create('tm_b');
GRANT USAGE ON SCHEMA tm_a, tm_b TO regress_tm_app, regress_tm_login;

-- keys: the one of RFC 8037, in each form and with ids
SET tenant_mgr.token_public_key = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';
SET tenant_mgr.token_public_key = '11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=';
SET tenant_mgr.token_public_key = 'MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=';
SET tenant_mgr.token_public_key = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
SET tenant_mgr.token_public_key = 'a=11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo', 'b=d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
SHOW tenant_mgr.token_public_key;
SET tenant_mgr.token_public_key = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511';  -- fails
SET tenant_mgr.token_public_key = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511g';  -- fails
SET tenant_mgr.token_public_key = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511b';  -- fails
SET tenant_mgr.token_public_key = '0100000000000000000000000000000000000000000000000000000000000000';  -- fails
SET tenant_mgr.token_public_key = 'a=, b=';  -- fails
SET tenant_mgr.token_public_key = 'MCowBQYDK2VuAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=';  -- fails

-- refusals; the state is the same, and the log tells more
\set token 'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg'
SELECT tenant.switch_token('');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.switch_token('a.b.c');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.switch_token(:'token');  -- fails, for two keys have ids and it has none
\echo :LAST_ERROR_SQLSTATE
SET tenant_mgr.token_public_key = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';
SELECT tenant.switch_token(:'token');  -- fails, for its payload is no JSON
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.switch_token(repeat('a', 10000));  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.switch_token(NULL);  -- fails
SELECT tenant.switch_token('a', NULL);  -- fails
\echo :LAST_ERROR_SQLSTATE
RESET tenant_mgr.token_public_key;
SELECT tenant.switch_token(:'token');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.current();

-- not everybody decides what is required
SET ROLE regress_tm_app;
SET tenant_mgr.switch_requires = 'usage';  -- fails
\echo :LAST_ERROR_SQLSTATE
SET tenant_mgr.token_public_key = '';  -- fails
SET tenant_mgr.token_enforce_expiry = off;  -- fails
SET tenant_mgr.token_leeway = 300;  -- fails
SET tenant_mgr.token_audience = 'x';  -- fails
RESET ROLE;

-- a token is required: no way in by any spelling
SET tenant_mgr.switch_requires = 'token';
SET ROLE regress_tm_app;
SELECT tenant.switch('tm_a');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.switch_local('tm_a');  -- fails
\echo :LAST_ERROR_SQLSTATE
SET tenant_mgr.tenant = 'tm_a';  -- fails
\echo :LAST_ERROR_SQLSTATE
BEGIN;
SET LOCAL tenant_mgr.tenant = 'tm_a';  -- fails
ROLLBACK;
SELECT pg_catalog.set_config('tenant_mgr.tenant', 'tm_a', false);  -- fails
ALTER ROLE regress_tm_app SET tenant_mgr.tenant = 'tm_a';  -- fails
\echo :LAST_ERROR_SQLSTATE
CREATE FUNCTION pg_temp.tm_in_a() RETURNS text LANGUAGE sql
	SET tenant_mgr.tenant = 'tm_a' AS 'SELECT tenant.current()';  -- fails
SELECT tenant.current();
-- what is wrong besides comes first
SELECT tenant.switch('tm_none');  -- fails
RESET ROLE;
REVOKE USAGE ON SCHEMA tm_b FROM regress_tm_app;
SET ROLE regress_tm_app;
SELECT tenant.switch('tm_b');  -- fails
RESET ROLE;

-- superusers need none, and neither a function nor a definer passes that on
CREATE FUNCTION public.tm_in_a() RETURNS text LANGUAGE sql
	SET tenant_mgr.tenant = 'tm_a' AS 'SELECT tenant.current()';
CREATE FUNCTION public.tm_definer() RETURNS text LANGUAGE sql SECURITY DEFINER
	AS 'SELECT tenant.switch(''tm_a'')';
SELECT public.tm_in_a(), tenant.current();
SELECT tenant.switch('tm_a');
SELECT tenant.reset();
SET ROLE regress_tm_app;
SELECT public.tm_in_a();  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT public.tm_definer();  -- fails
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;

-- who is bound stays so, also where nothing is to be gained by it
SELECT tenant.switch('tm_a');
SET ROLE regress_tm_app;
SELECT tenant.switch('tm_a');
SET search_path = public;
SELECT tenant.switch('tm_a'), current_schema();
SELECT current_schema();
SELECT public.tm_in_a();
SELECT tenant.reset();
SELECT tenant.switch('tm_a');  -- fails
RESET ROLE;
RESET tenant_mgr.switch_requires;

-- neither a default of the role is enough nor the client's own wish; the
-- library is loaded by the first call
ALTER DATABASE :"dbname" SET tenant_mgr.switch_requires = 'token';
ALTER ROLE regress_tm_login SET tenant_mgr.tenant = 'tm_b';
\c - regress_tm_login
SELECT tenant.current() IS NULL AS loaded;
SELECT tenant.current();
SELECT tenant.switch('tm_a');  -- fails
SELECT tenant.current();
SELECT tenant.reset();
SELECT tenant.current() IS NULL AS unbound;
RESET tenant_mgr.tenant;
SELECT tenant.current();
SELECT tenant.switch('tm_b');
DISCARD ALL;
SELECT tenant.current();

-- values from before the library was loaded do not count
\c -
SET tenant_mgr.tenant = 'tm_a';
SET tenant_mgr.switch_requires = 'usage';
SET tenant_mgr.token_public_key = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';
SELECT tenant.current() IS NULL AS loaded;
SELECT tenant.current();
SELECT tenant.switch('tm_a');  -- fails
SELECT tenant.switch_token(:'token');  -- fails
SHOW tenant_mgr.switch_requires;
\c -reuse-previous=on "user=regress_tm_login options='-c tenant_mgr.switch_requires=usage'"
SELECT tenant.switch('tm_a');  -- fails
SELECT tenant.switch('tm_a');  -- fails
\echo :LAST_ERROR_SQLSTATE
\c -reuse-previous=on "user=regress_tm_login options='-c tenant_mgr.tenant=tm_a'"
SELECT tenant.current();
SELECT tenant.current();
SELECT 1;  -- fails
\echo :LAST_ERROR_SQLSTATE
RESET tenant_mgr.tenant;  -- fails
SELECT tenant.reset();
SELECT tenant.current();

-- clean up
\set conninfo 'user=' :admin ' options=\'\''
\c -reuse-previous=on :"conninfo"
ALTER DATABASE :"dbname" RESET tenant_mgr.switch_requires;
DROP FUNCTION public.tm_in_a(), public.tm_definer();
SELECT tenant.drop('tm_a', purge => true);
SELECT tenant.drop('tm_b', purge => true);
DROP ROLE regress_tm_app;
DROP ROLE regress_tm_login;
