--
-- Which names a tenant may have: letters and digits of any script, "_", "-"
-- and ".", 1 to 63 bytes, nothing reserved.  All refusals are 42602 and leave
-- nothing behind.
--
SELECT getdatabaseencoding() <> 'UTF8' AS skip_test \gset
\if :skip_test
\quit
\endif
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;
SET client_encoding = 'UTF8';

-- what happens to a name: the schema made for it, or the error
CREATE FUNCTION public.tm_try(tried text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	result text;
BEGIN
	result := tenant.create(tried);
	IF result IS DISTINCT FROM (SELECT nspname FROM pg_namespace
		WHERE nspname = result)
	THEN
		RETURN 'no schema ' || result;
	END IF;
	RETURN 'created ' || result;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' / ', SQLSTATE, SQLERRM, NULLIF(detail, ''));
END
$$;
CREATE TEMP TABLE tm_before AS SELECT nspname FROM pg_namespace;

-- plain names
SELECT n, public.tm_try(v) FROM (VALUES
	(1, 'tm_plain'), (2, 'TM_Upper'), (3, '0tm'), (4, 'tm-with.both_'),
	(5, '-'), (6, '.'), (7, 'select'), (8, 'tm_bücher'), (9, 'tm_Ωμέγα'),
	(10, 'tm_顧客'), (11, 'tm_عميل'), (12, 'tm_٣'), (13, 'user'))
	AS t(n, v) ORDER BY n;

-- injection, quoting and formatting characters
SELECT n, public.tm_try(v) FROM (VALUES
	(1, 'x; DROP SCHEMA public CASCADE--'), (2, 'a"b'), (3, 'a''b'),
	(4, 'a%s%n'), (5, 'a\b'), (6, 'a$$b'), (7, '$user'), (8, '"$user"'),
	(9, 'a b'), (10, 'a,b'), (11, 'a/b'), (12, 'a@b'), (13, 'a*'), (14, 'a:b'))
	AS t(n, v) ORDER BY n;
SELECT nspname FROM pg_namespace WHERE nspname = 'public';

-- control, format, direction and invisible characters are not even printed
SELECT n, public.tm_try(v) FROM (VALUES
	(1, E'a\nb'), (2, E'a\rb'), (3, E'a\tb'), (4, E'a\x07b'), (5, E'a\x7fb'),
	(6, U&'a\202Eb'), (7, U&'a\200Bb'), (8, U&'a\200Db'), (9, U&'a\00A0b'),
	(10, U&'a\FEFFb'), (11, U&'a\2028b'), (12, U&'a\3164b'),
	(13, U&'a\0085b'), (14, U&'a\+01F600b'))
	AS t(n, v) ORDER BY n;

-- a decomposed letter is refused, look-alikes are different tenants
SELECT n, public.tm_try(v) FROM (VALUES
	(1, U&'tm_caf\00E9'), (2, U&'tm_cafe\0301'),
	(3, U&'tm_p\0430y'), (4, 'tm_pay'))
	AS t(n, v) ORDER BY n;

-- case does not make a difference between tenants
SELECT n, public.tm_try(v) FROM (VALUES
	(1, 'tm_acme'), (2, 'Tm_Acme'), (3, U&'tm_CAF\00C9'))
	AS t(n, v) ORDER BY n;

-- length is counted in bytes, and nothing is cut off
SELECT n, public.tm_try(v) FROM (VALUES
	(1, ''), (2, repeat('a', 64)), (3, repeat('a', 63)), (4, repeat('é', 32)),
	(5, repeat('é', 31)), (6, repeat('x', 100000)), (7, repeat('"', 100000)))
	AS t(n, v) ORDER BY n;
SELECT tenant.drop(repeat('a', 70));  -- fails
SELECT tenant.exists(repeat('a', 70)), tenant.exists(repeat('a', 63));
SET tenant_mgr.schema_prefix = 'tm_prefix_';
SELECT public.tm_try(repeat('a', 54));
SELECT public.tm_try(repeat('a', 53));
RESET tenant_mgr.schema_prefix;

-- reserved names, whatever their case
SET tenant_mgr.persistent_schemas = 'public, tm_shared';
SELECT n, public.tm_try(v) FROM (VALUES
	(1, 'pg_x'), (2, 'PG_x'), (3, 'pg_temp'), (4, 'pg_toast'),
	(5, 'information_schema'), (6, 'public'), (7, 'Public'), (8, 'tenant'),
	(9, 'TENANT'), (10, 'tm_shared'), (11, 'TM_shared'),
	(12, 'tenant_trash_0'), (13, 'pgx'))
	AS t(n, v) ORDER BY n;
SET tenant_mgr.schema_prefix = 'tm_';
SELECT public.tm_try('shared');
RESET tenant_mgr.schema_prefix;
RESET tenant_mgr.persistent_schemas;

-- "$user" must not lead a role into a tenant that is not its own
CREATE ROLE regress_tm_name;
SELECT public.tm_try('regress_tm_name');
SELECT tenant.create('tm_renamed');
SELECT tenant.rename('tm_renamed', 'regress_tm_name');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.create('regress_tm_name', owner => 'regress_tm_name');

-- an existing schema is never adopted by the way
CREATE SCHEMA tm_there;
SELECT public.tm_try('tm_there');

-- another name must follow the same rules
SELECT tenant.rename('tm_renamed', 'a"b');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.rename('tm_renamed', repeat('a', 64));  -- fails
SELECT tenant.rename('tm_renamed', 'pg_x');  -- fails
SELECT tenant.clone('tm_renamed', 'a%s');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.adopt('tm_there', 'public');  -- fails
\echo :LAST_ERROR_SQLSTATE

-- nothing has been made that was refused
SELECT nspname FROM pg_namespace
	WHERE nspname NOT IN (SELECT nspname FROM tm_before)
	ORDER BY nspname COLLATE "C";

DROP SCHEMA tm_there;
SELECT count(tenant.drop(name, purge => true)) AS dropped FROM tenant.tenants;
DROP FUNCTION public.tm_try(text);
DROP ROLE regress_tm_name;
