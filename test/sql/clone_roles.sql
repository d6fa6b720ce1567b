--
-- Roles and clones: who may clone what, and whose the clone is.
--
CREATE ROLE regress_tm_tmpl;
CREATE ROLE regress_tm_new;
CREATE ROLE regress_tm_third;
CREATE ROLE regress_tm_own;
CREATE ROLE regress_tm_other;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO regress_tm_own', current_database()); END $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tenant TO regress_tm_own;

-- What pg_shdepend says about a role, by the names of the objects.
CREATE FUNCTION pg_temp.ties(role text)
	RETURNS TABLE (object text, kind "char") LANGUAGE sql AS $$
	SELECT pg_describe_object(classid, objid, objsubid), deptype
	FROM pg_shdepend
	WHERE refclassid = 'pg_authid'::regclass AND refobjid = role::regrole
		AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
	ORDER BY pg_describe_object(classid, objid, objsubid) COLLATE "C", 2
$$;

-- the new owner of a clone is known as such, although the server keeps no
-- record of what belongs to the bootstrap superuser
DO $$
BEGIN
	EXECUTE format('SET SESSION AUTHORIZATION %I',
		(SELECT rolname FROM pg_authid WHERE oid = 10));
END
$$;
SELECT tenant.create('tm_boot');
SELECT tenant.set_template('tm_boot', true);
CREATE TYPE tm_boot.mood AS ENUM ('sad', 'happy');
CREATE TYPE tm_boot.pair AS (a int, b tm_boot.mood);
CREATE TABLE tm_boot.t (id serial PRIMARY KEY, p tm_boot.pair, big text);
CREATE FUNCTION tm_boot.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE tm_boot.third (x int, y int);
GRANT SELECT ON tm_boot.third TO regress_tm_new;
GRANT SELECT (y) ON tm_boot.third TO regress_tm_new, CURRENT_USER;
ALTER TABLE tm_boot.third OWNER TO regress_tm_third;
CREATE POLICY p ON tm_boot.t TO CURRENT_USER USING (true);
SELECT tenant.create('tm_booted', template => 'tm_boot', owner => 'regress_tm_new');
SELECT * FROM pg_temp.ties('regress_tm_new') WHERE object ~ 'tm_booted';
\set VERBOSITY terse
DROP ROLE regress_tm_new;  -- fails
\set VERBOSITY default
REASSIGN OWNED BY regress_tm_new TO regress_tm_own;
SELECT DISTINCT relowner::regrole FROM pg_class
	WHERE relnamespace = 'tm_booted'::regnamespace ORDER BY 1;
DROP OWNED BY regress_tm_new;
SELECT object FROM pg_temp.ties('regress_tm_new');
SELECT relacl::text ~ 'regress_tm_new' AS mentioned FROM pg_class
	WHERE oid = 'tm_booted.third'::regclass;
SELECT tenant.drop('tm_booted', true);

-- and nothing is recorded about that role when it is the new owner
ALTER SCHEMA tm_boot OWNER TO regress_tm_tmpl;
ALTER TABLE tm_boot.t OWNER TO regress_tm_tmpl;
DO $$
BEGIN
	PERFORM tenant.create('tm_booted', template => 'tm_boot',
		owner => (SELECT rolname::text FROM pg_authid WHERE oid = 10));
END
$$;
SELECT count(*) FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = 10;
SELECT tenant.drop('tm_booted', true);
SELECT tenant.drop('tm_boot', true);
RESET SESSION AUTHORIZATION;

-- default privileges that both owners have in the template: the new one's stay
CREATE SCHEMA tm_defaults AUTHORIZATION regress_tm_tmpl;
ALTER DEFAULT PRIVILEGES FOR ROLE regress_tm_tmpl IN SCHEMA tm_defaults
	GRANT SELECT ON TABLES TO regress_tm_third;
ALTER DEFAULT PRIVILEGES FOR ROLE regress_tm_new IN SCHEMA tm_defaults
	GRANT INSERT ON TABLES TO regress_tm_third;
SELECT tenant.adopt('tm_defaults', is_template => true);
SELECT tenant.create('tm_defaults2', template => 'tm_defaults', owner => 'regress_tm_new');
SELECT defaclrole::regrole, defaclacl FROM pg_default_acl
	WHERE defaclnamespace = 'tm_defaults2'::regnamespace ORDER BY 1;
SELECT * FROM pg_temp.ties('regress_tm_new') WHERE object ~ 'tm_defaults2';
SELECT tenant.drop('tm_defaults2', true);
SELECT tenant.drop('tm_defaults', true);

-- what is for both owners is for the new one, once
CREATE SCHEMA tm_both AUTHORIZATION regress_tm_tmpl;
CREATE TABLE tm_both.t (i int);
ALTER TABLE tm_both.t OWNER TO regress_tm_tmpl;
CREATE POLICY for_both ON tm_both.t TO regress_tm_third, regress_tm_tmpl, regress_tm_new;
CREATE POLICY old ON tm_both.t TO regress_tm_tmpl, regress_tm_third;
CREATE POLICY new ON tm_both.t TO regress_tm_new;
CREATE POLICY everybody ON tm_both.t;
GRANT SELECT ON tm_both.t TO regress_tm_new, regress_tm_tmpl, regress_tm_third;
SELECT tenant.adopt('tm_both', is_template => true);
SELECT tenant.create('tm_both2', template => 'tm_both', owner => 'regress_tm_new');
SELECT polname, polroles::regrole[] FROM pg_policy
	WHERE polrelid = 'tm_both2.t'::regclass ORDER BY 1;
SELECT grantee::regrole, count(*) FROM pg_class, aclexplode(relacl)
	WHERE oid = 'tm_both2.t'::regclass AND privilege_type = 'SELECT' GROUP BY 1 ORDER BY 1;
SELECT object, kind, count(*) FROM pg_temp.ties('regress_tm_new')
	WHERE object ~ 'tm_both2' GROUP BY 1, 2 ORDER BY 1, 2;
-- a role that is taken out of a policy is out of it
ALTER TABLE tm_both2.t OWNER TO CURRENT_USER;
ALTER SCHEMA tm_both2 OWNER TO CURRENT_USER;
DROP OWNED BY regress_tm_new;
SELECT polname, polroles::regrole[] FROM pg_policy
	WHERE polrelid = 'tm_both2.t'::regclass ORDER BY 1;
SELECT tenant.drop('tm_both2', true);
SELECT tenant.drop('tm_both', true);

-- those of a role that is not one's own cannot be cloned
CREATE SCHEMA tm_src AUTHORIZATION regress_tm_own;
ALTER DEFAULT PRIVILEGES FOR ROLE regress_tm_other IN SCHEMA tm_src
	GRANT ALL ON TABLES TO regress_tm_own;
SET ROLE regress_tm_own;
SELECT tenant.clone('tm_src', 'tm_copy');  -- fails
RESET ROLE;
ALTER DEFAULT PRIVILEGES FOR ROLE regress_tm_other IN SCHEMA tm_src
	REVOKE ALL ON TABLES FROM regress_tm_own;

-- a foreign key to a table outside needs the privilege once more
CREATE SCHEMA tm_outside AUTHORIZATION regress_tm_other;
CREATE TABLE tm_outside.pk (id int PRIMARY KEY, z int);
CREATE TABLE tm_outside.parent (id int);
ALTER TABLE tm_outside.pk OWNER TO regress_tm_other;
ALTER TABLE tm_outside.parent OWNER TO regress_tm_other;
CREATE TABLE tm_src.fk (id int REFERENCES tm_outside.pk);
ALTER TABLE tm_src.fk OWNER TO regress_tm_own;
SET ROLE regress_tm_own;
SELECT tenant.clone('tm_src', 'tm_copy');  -- fails
RESET ROLE;
GRANT REFERENCES (z) ON tm_outside.pk TO regress_tm_own;
SET ROLE regress_tm_own;
SELECT tenant.clone('tm_src', 'tm_copy');  -- fails
RESET ROLE;
GRANT REFERENCES (id) ON tm_outside.pk TO regress_tm_own;
SET ROLE regress_tm_own;
SELECT tenant.clone('tm_src', 'tm_copy');
SELECT tenant.drop('tm_copy', true);
RESET ROLE;
DROP TABLE tm_src.fk;

-- only the owner of a table gives it another child
CREATE TABLE tm_src.child () INHERITS (tm_outside.parent);
ALTER TABLE tm_src.child OWNER TO regress_tm_own;
INSERT INTO tm_src.child VALUES (1);
SET ROLE regress_tm_own;
SELECT tenant.clone('tm_src', 'tm_copy');  -- fails
RESET ROLE;
SELECT count(*) FROM tm_outside.parent;
DROP TABLE tm_src.child;

-- no code of the source's owner runs with the privileges of who clones
SET ROLE regress_tm_own;
CREATE TABLE tm_src.log (who text);
CREATE FUNCTION tm_src.check_value(i int) RETURNS boolean LANGUAGE plpgsql AS
	'BEGIN INSERT INTO tm_src.log VALUES (current_user); RETURN true; END';
CREATE DOMAIN tm_src.checked AS int CHECK (tm_src.check_value(value));
CREATE TYPE tm_src.mood AS ENUM ('sad', 'happy');
CREATE TYPE tm_src.pair AS (x tm_src.checked, m tm_src.mood, c regclass);
CREATE TYPE tm_src.pairs AS RANGE (subtype = tm_src.pair);
CREATE TABLE tm_src.ranges (one tm_src.pairs, many tm_src.pairs_multirange);
INSERT INTO tm_src.ranges
	SELECT r, tm_src.pairs_multirange(r, tm_src.pairs(row(5, 'sad', NULL)::tm_src.pair, NULL, '(]'))
	FROM (SELECT tm_src.pairs(row(1, 'sad', 'tm_src.log')::tm_src.pair,
		row(2, 'happy', 'tm_src.ranges')::tm_src.pair, '[]') AS r) AS s;
INSERT INTO tm_src.ranges VALUES ('empty', '{}'), (NULL, NULL), ('(,)', '{(,)}');
TRUNCATE tm_src.log;
RESET ROLE;
SET client_min_messages = warning;
SELECT tenant.clone('tm_src', 'tm_copy');
RESET client_min_messages;
SELECT who FROM tm_src.log;
SELECT one, many, pg_typeof(one), pg_typeof(many) FROM tm_copy.ranges
	ORDER BY one NULLS LAST;
SELECT bool_and(isempty(one) OR one IS NULL OR one <@ one) FROM tm_copy.ranges;
SELECT tenant.drop('tm_copy', true);

-- neither does a way round through the trash give a schema another name
SELECT tenant.adopt('tm_src');
DO $$ BEGIN EXECUTE format('REVOKE CREATE ON DATABASE %I FROM regress_tm_own', current_database()); END $$;
SET ROLE regress_tm_own;
\set VERBOSITY sqlstate
SELECT tenant.rename('tm_src', 'tm_other');  -- fails
SELECT tenant.drop('tm_src');
SELECT tenant.restore('tm_src', 'tm_other');  -- fails
\set VERBOSITY default
SELECT tenant.restore('tm_src');
RESET ROLE;

-- range types and aggregates come with functions that nobody has written
SELECT tenant.create('tm_ranges');
ALTER SCHEMA tm_ranges OWNER TO regress_tm_own;
SET ROLE regress_tm_own;
CREATE TYPE tm_ranges.span AS RANGE (SUBTYPE = int);
CREATE AGGREGATE tm_ranges.total (int) (SFUNC = int4pl, STYPE = int);
RESET ROLE;
DO $$ BEGIN EXECUTE format('SELECT tenant.create(''tm_ranges2'', template => ''tm_ranges'', owner => %L)', current_user); END $$;
SELECT tm_ranges2.total(n), tm_ranges2.span(1, 3) FROM generate_series(1, 3) AS n;
SET ROLE regress_tm_own;
CREATE FUNCTION tm_ranges.own(int, int) RETURNS int LANGUAGE sql RETURN $1;
CREATE AGGREGATE tm_ranges.owns (int) (SFUNC = tm_ranges.own, STYPE = int);
RESET ROLE;
DO $$ BEGIN EXECUTE format('SELECT tenant.create(''tm_ranges3'', template => ''tm_ranges'', owner => %L)', current_user);
EXCEPTION WHEN SQLSTATE 'TM009' THEN RAISE NOTICE '%', SQLERRM; END $$;
SELECT tenant.drop('tm_ranges', purge => true);
SELECT tenant.drop('tm_ranges2', purge => true);

-- end
SET client_min_messages = warning;
DROP SCHEMA tm_src, tm_outside CASCADE;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA tenant FROM regress_tm_own;
DROP OWNED BY regress_tm_tmpl, regress_tm_new, regress_tm_third, regress_tm_own, regress_tm_other CASCADE;
DROP ROLE regress_tm_tmpl, regress_tm_new, regress_tm_third, regress_tm_own, regress_tm_other;
