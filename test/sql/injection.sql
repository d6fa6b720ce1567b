--
-- Hostile text through every text argument of every routine: it is refused
-- or is just text, and nothing of it is ever run.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;

CREATE TABLE public.tm_canary (a int);
CREATE TEMP TABLE tm_hostile (input text);
INSERT INTO tm_hostile VALUES
	('x; DROP SCHEMA public CASCADE--'),
	('x''; DROP TABLE public.tm_canary; --'),
	('x"; DROP TABLE public.tm_canary; --'),
	('"; DROP TABLE public.tm_canary; --'),
	('%s%n%s%n%s%n'), ('%1$s%99999999d'), ('a\'), ('$$; SELECT 1; $$'),
	(E'a\nb'), (E'a\rb'), ('$user'), ('{'), ('{}'), ('['),
	(''), (' '), (repeat('a', 70)), (repeat('"', 63)), (repeat('x', 10000)),
	('pg_catalog'), ('pg_temp'), ('information_schema'), ('tenant'), ('public');

-- One call with one text argument hostile and the others plain.  Whatever it
-- has done is undone.  Returns the SQLSTATE, or 00000.
CREATE FUNCTION public.tm_call(routine oid, argument int, hostile text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	call text;
	kind "char";
BEGIN
	SELECT p.prokind, format('%I.%I(%s)', 'tenant', p.proname,
			string_agg(
				CASE
					WHEN a.i = argument AND a.type = 'text[]'::regtype
						THEN format('ARRAY[%L]', hostile)
					WHEN a.i = argument THEN format('%L', hostile)
					WHEN p.proargnames[a.i] = 'owner' THEN 'NULL'
					WHEN p.proargnames[a.i] = 'host' THEN '''tm.example'''
					WHEN p.proargnames[a.i] = 'connection_type' THEN '''shared'''
					WHEN p.proargnames[a.i] = 'ssl_mode' THEN '''prefer'''
					WHEN p.proargnames[a.i] = 'role' THEN '''primary'''
					WHEN p.proargnames[a.i] = 'password'
						AND p.proname = 'add_connection' THEN 'NULL'
					WHEN a.type = 'integer'::regtype THEN '1'
					WHEN a.type = 'text'::regtype
						AND (a.i = 1 OR p.proname = 'add_domain')
						AND p.proname <> 'create' THEN '''tm_inject'''
					WHEN a.type = 'text'::regtype THEN '''tm_inject2'''
					WHEN a.type = 'jsonb'::regtype THEN '''{}'''
					WHEN a.type = 'text[]'::regtype THEN '''{}'''
					WHEN a.type = 'boolean'::regtype THEN 'false'
					ELSE 'NULL'
				END || '::' || a.type::regtype, ', ' ORDER BY a.i))
		INTO kind, call
		FROM pg_proc p,
			unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a(type, i)
		WHERE p.oid = routine
		GROUP BY p.prokind, p.proname;
	BEGIN
		IF kind = 'p' THEN
			EXECUTE 'CALL ' || call;
		ELSE
			EXECUTE 'SELECT * FROM ' || call;
		END IF;
		RAISE EXCEPTION USING ERRCODE = 'ZZ000';
	EXCEPTION
		WHEN SQLSTATE 'ZZ000' THEN
			RETURN '00000';
		WHEN OTHERS THEN
			IF SQLERRM ~ '[\x01-\x1f\x7f]' THEN
				RETURN SQLSTATE || ' with a control character';
			END IF;
			RETURN SQLSTATE;
	END;
END
$$;

-- a tenant to work on
SELECT tenant.create('tm_inject');
SET client_min_messages = error;
SELECT p.proname AS routine, a.i AS argument,
	p.proargnames[a.i] AS name,
	string_agg(DISTINCT public.tm_call(p.oid, a.i::int, h.input), ' '
		ORDER BY public.tm_call(p.oid, a.i::int, h.input)) AS results
	FROM pg_proc p,
		unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a(type, i),
		tm_hostile h
	WHERE p.pronamespace = 'tenant'::regnamespace
	AND a.type IN ('text'::regtype, 'text[]'::regtype)
	GROUP BY p.proname, p.oid, a.i, p.proargnames
	ORDER BY p.proname COLLATE "C", a.i;
RESET client_min_messages;

-- purge runs at top level only, so the above has not got far with it
\set VERBOSITY sqlstate
CALL tenant.purge('x; DROP SCHEMA public CASCADE--');  -- fails
CALL tenant.purge('%s%n%s%n');  -- fails
CALL tenant.purge(repeat('x', 10000));  -- fails
\set VERBOSITY default

-- all is as it was
SELECT name, schema_name, state FROM tenant.tenants ORDER BY name;
SELECT nspname FROM pg_namespace WHERE nspname IN ('public', 'tm_inject2')
	ORDER BY nspname;
SELECT * FROM public.tm_canary;

-- the text of a suspension and of metadata comes out as it went in
SELECT tenant.suspend('tm_inject', 'x''; DROP TABLE public.tm_canary; --');
SELECT tenant.set_metadata('tm_inject', '{"a\"b": "''; --"}');
SELECT suspend_reason, metadata FROM tenant.tenants;

-- hostile objects of that name on the search path are not looked at
CREATE FUNCTION pg_temp.lower(text) RETURNS text
	LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'captured'; END $$;
CREATE TEMP TABLE registry (name text);
CREATE TEMP TABLE pg_namespace (oid oid, nspname name);
SET search_path = pg_temp, public, pg_catalog;
SELECT tenant.resume('tm_inject');
SELECT name, state FROM tenant.tenants;
SELECT tenant.drop('tm_inject');
SELECT tenant.restore('tm_inject');
SELECT tenant.drop('tm_inject', purge => true);
RESET search_path;

DROP FUNCTION public.tm_call(oid, int, text);
DROP TABLE public.tm_canary;
DROP TABLE registry, pg_temp.pg_namespace;
DROP FUNCTION pg_temp.lower(text);
