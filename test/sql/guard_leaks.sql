--
-- What the guard leaves to be seen: catalogs and statistics are not the
-- tenants', and some things belong to the whole database.  A change of this list
-- is a change of docs/security.md.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;
CREATE ROLE regress_tm_own_a;
CREATE ROLE regress_tm_own_b;
CREATE FUNCTION public.tm_sees(query text) RETURNS text
	LANGUAGE plpgsql AS $$
	DECLARE seen bigint;
	BEGIN
		EXECUTE 'SELECT count(*) FROM (' || query || ') AS q' INTO seen;
		RETURN CASE WHEN seen > 0 THEN 'seen' ELSE 'not seen' END;
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLSTATE;
	END$$;
SELECT tenant.create('tm_a'), tenant.create('tm_b');
ALTER SCHEMA tm_a OWNER TO regress_tm_own_a;
ALTER SCHEMA tm_b OWNER TO regress_tm_own_b;
SET ROLE regress_tm_own_b;
CREATE TABLE tm_b.t (id int PRIMARY KEY, v text);
INSERT INTO tm_b.t SELECT i, 'canary' FROM generate_series(1, 100) AS i;
CREATE STATISTICS tm_b.st (mcv) ON id, v FROM tm_b.t;
CREATE SEQUENCE tm_b.s;
CREATE VIEW tm_b.w AS SELECT v FROM tm_b.t;
CREATE FUNCTION tm_b.f() RETURNS text LANGUAGE sql AS $$SELECT 'canary'::text$$;
COMMENT ON TABLE tm_b.t IS 'canary';
ANALYZE tm_b.t;
RESET ROLE;
SELECT lo_create(77700) > 0 AS large_object;
SELECT lo_put(77700, 0, 'canary');

CREATE TABLE public.tm_leaks (what text, query text);
INSERT INTO public.tm_leaks VALUES
	('rows of a table', 'SELECT * FROM tm_b.t'),
	('rows of a view', 'SELECT * FROM tm_b.w'),
	('value of a sequence', 'SELECT last_value FROM tm_b.s'),
	('value of a sequence, by the view', 'SELECT last_value FROM pg_sequences WHERE schemaname = ''tm_b'' AND last_value IS NOT NULL'),
	('name of the tenant, by the view', 'SELECT * FROM tenant.tenants WHERE name = ''tm_b'''),
	('name of the tenant', 'SELECT 1 WHERE tenant.exists(''tm_b'')'),
	('name of the schema', 'SELECT * FROM pg_namespace WHERE nspname = ''tm_b'''),
	('name of the schema, by the standard', 'SELECT * FROM information_schema.schemata WHERE schema_name = ''tm_b'''),
	('names of tables', 'SELECT * FROM pg_class WHERE relname = ''t'' AND relnamespace = ''tm_b''::regnamespace'),
	('names of tables, by the standard', 'SELECT * FROM information_schema.tables WHERE table_schema = ''tm_b'''),
	('names of columns', 'SELECT * FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = attrelid WHERE relname = ''t'' AND relnamespace = ''tm_b''::regnamespace'),
	('comments', 'SELECT * FROM pg_description WHERE description = ''canary'''),
	('privileges', 'SELECT * FROM pg_namespace WHERE nspname = ''tm_b'' AND nspowner = ''regress_tm_own_b''::regrole'),
	('text of functions', 'SELECT * FROM pg_proc WHERE proname = ''f'' AND prosrc LIKE ''%canary%'''),
	('definition of views', 'SELECT 1 FROM pg_class WHERE relname = ''w'' AND pg_get_viewdef(oid) LIKE ''%FROM%'''),
	('number of rows, as last counted', 'SELECT * FROM pg_class WHERE relname = ''t'' AND relnamespace = ''tm_b''::regnamespace AND reltuples = 100'),
	('size of tables', 'SELECT 1 FROM pg_class WHERE relname = ''t'' AND relnamespace = ''tm_b''::regnamespace AND pg_relation_size(oid) > 0'),
	('activity on tables', 'SELECT * FROM pg_stat_user_tables WHERE schemaname = ''tm_b'''),
	('frequent values', 'SELECT * FROM pg_stats WHERE schemaname = ''tm_b'''),
	('frequent values, raw', 'SELECT * FROM pg_statistic'),
	('frequent combinations', 'SELECT * FROM pg_stats_ext WHERE schemaname = ''tm_b'' AND most_common_vals IS NOT NULL'),
	('locks', 'SELECT * FROM pg_locks'),
	('large objects', 'SELECT * FROM lo_get(77700) AS x WHERE x IS NOT NULL'),
	('names of roles', 'SELECT * FROM pg_roles WHERE rolname = ''regress_tm_own_b''');
GRANT SELECT ON public.tm_leaks TO PUBLIC;

-- a role that has nothing to do with b; one that may read everything there;
-- and a superuser.  All of them are bound to a.
SET tenant_mgr.guard = enforce;
SELECT tenant.switch('tm_a');
CREATE TEMP TABLE answers AS SELECT what, query, public.tm_sees(query) AS superuser FROM public.tm_leaks;
SET ROLE regress_tm_own_a;
CREATE TEMP TABLE answers_role AS SELECT what, public.tm_sees(query) AS role FROM public.tm_leaks;
RESET ROLE;
SELECT tenant.reset();
GRANT USAGE ON SCHEMA tm_b TO regress_tm_own_a;
GRANT SELECT ON ALL TABLES IN SCHEMA tm_b TO regress_tm_own_a;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA tm_b TO regress_tm_own_a;
SELECT tenant.switch('tm_a');
SET ROLE regress_tm_own_a;
CREATE TEMP TABLE answers_both AS SELECT what, public.tm_sees(query) AS of_both FROM public.tm_leaks;
RESET ROLE;
SELECT what, role AS own_role, of_both AS role_of_both, superuser
	FROM answers JOIN answers_role USING (what) JOIN answers_both USING (what)
	ORDER BY what COLLATE "C";

-- what reads the server's files is not for roles of tenants
SELECT p.oid::regprocedure AS routine FROM pg_proc AS p
	WHERE proname IN ('pg_read_file', 'pg_read_binary_file', 'pg_ls_dir', 'lo_import', 'lo_export', 'pg_stat_file')
		AND has_function_privilege('regress_tm_own_a', p.oid, 'EXECUTE');

-- the guard is for superusers to switch
SET ROLE regress_tm_own_a;
SET tenant_mgr.guard = off;  -- fails
SET tenant_mgr.unbound = allow;  -- fails
SET tenant_mgr.guard_tenant = '00000000-0000-0000-0000-000000000000';  -- fails
RESET ROLE;
SELECT tenant.own_relation('tm_b.t');  -- fails
SELECT tenant.reset();
SELECT tenant.own_relation('tm_b.t');

RESET tenant_mgr.guard;
SELECT lo_unlink(77700);
SET client_min_messages = warning;
DROP TABLE public.tm_leaks, answers, answers_role, answers_both;
DROP FUNCTION public.tm_sees(text);
SELECT tenant.drop('tm_a', purge => true), tenant.drop('tm_b', purge => true);
DROP ROLE regress_tm_own_a, regress_tm_own_b;
