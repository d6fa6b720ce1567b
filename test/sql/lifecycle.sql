--
-- From create to purge: what each step does, to whom it is allowed, and that
-- a refused step changes nothing.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;

CREATE ROLE regress_tm_admin;
CREATE ROLE regress_tm_owner;
CREATE ROLE regress_tm_user;
CREATE ROLE regress_tm_gone;
GRANT regress_tm_owner TO regress_tm_admin;
SELECT current_database() AS dbname \gset
GRANT CREATE ON DATABASE :"dbname" TO regress_tm_admin;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA tenant
	TO regress_tm_admin, regress_tm_user;
CREATE FUNCTION public.tm_schema_acl(schema text) RETURNS aclitem[]
	LANGUAGE sql AS $$ SELECT nspacl FROM pg_namespace WHERE nspname = schema $$;

-- a tenant is a schema and a row
SELECT tenant.create('tm_acme', metadata => '{"plan": "basic"}');
SELECT name, schema_name, state, is_template, owner = current_user AS mine,
	created_by = current_user AS by_me, metadata, cloned_from,
	suspended_at IS NULL AS not_suspended, trashed_at IS NULL AS not_trashed
	FROM tenant.tenants ORDER BY name;
SELECT tenant.exists('tm_acme'), tenant.exists('TM_ACME'),
	tenant.exists('tm_nobody'), tenant.exists(NULL);

-- it exists only once, whatever the case of its name
SELECT tenant.create('tm_acme');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.create('TM_acme');  -- fails
SELECT tenant.create('TM_acme', if_not_exists => true);  -- fails
SELECT tenant.create('tm_acme', if_not_exists => true);

-- a schema that is there is not taken over, but can be adopted
CREATE SCHEMA "Odd ""Schema";
CREATE SCHEMA tm_plain;
SELECT tenant.create('tm_plain');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.create('tm_plain', if_not_exists => true);  -- fails
SELECT tenant.adopt('tm_plain', is_template => true);
SELECT tenant.adopt('tm_plain', 'tm_other');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.adopt('Odd "Schema');  -- fails
SELECT tenant.adopt('Odd "Schema', 'tm_odd');
SELECT tenant.adopt('tm_nowhere');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.adopt('pg_catalog', 'tm_x');  -- fails
SELECT tenant.adopt('tenant', 'tm_x');  -- fails
SELECT tenant.adopt('public', 'tm_x');  -- fails
SELECT name, schema_name, state, is_template FROM tenant.tenants ORDER BY name;

-- nulls that mean nothing
SELECT tenant.create(NULL);  -- fails
SELECT tenant.adopt(NULL);  -- fails
SELECT tenant.clone('tm_plain', NULL);  -- fails
SELECT tenant.suspend(NULL);  -- fails
SELECT tenant.restore(NULL);  -- fails
SELECT tenant.clone('tm_plain', 'tm_null', exclude => '{a,NULL}');  -- fails
SELECT tenant.create('tm_null', metadata => NULL, if_not_exists => NULL);
SELECT tenant.drop('tm_null', purge => true);

-- a role that may create schemas makes tenants for itself and its roles
SET ROLE regress_tm_admin;
SELECT tenant.create('tm_by_admin');
SELECT tenant.create('tm_for_owner', owner => 'regress_tm_owner');
-- later servers word this refusal differently
\set VERBOSITY sqlstate
SELECT tenant.create('tm_for_user', owner => 'regress_tm_user');  -- fails
\set VERBOSITY default
SELECT tenant.create('tm_for_nobody', owner => 'regress_tm_nobody');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT name, owner FROM tenant.tenants ORDER BY name;

-- and works on those only
SELECT tenant.adopt('public', 'tm_x');  -- fails
SELECT tenant.rename('tm_acme', 'tm_mine');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.suspend('tm_acme');  -- fails
SELECT tenant.resume('tm_acme');  -- fails
SELECT tenant.drop('tm_acme');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.drop('tm_acme', purge => true);  -- fails
SELECT tenant.clone('tm_acme', 'tm_copy');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.create('tm_copy', template => 'tm_acme');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.set_template('tm_acme', true);  -- fails
SELECT tenant.set_metadata('tm_acme', '{}');  -- fails
RESET ROLE;

-- EXECUTE alone is not enough
SET ROLE regress_tm_user;
SELECT tenant.create('tm_by_user');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.clone('tm_plain', 'tm_by_user');  -- fails
SELECT tenant.create('tm_acme', if_not_exists => true);  -- fails
RESET ROLE;

-- a read-only transaction stays one
BEGIN READ ONLY;
SELECT tenant.create('tm_read_only');  -- fails
ROLLBACK;

-- a rename moves name and schema; another name is taken into account
SELECT tenant.rename('tm_acme', 'tm_plain');  -- fails
\echo :LAST_ERROR_SQLSTATE
CREATE SCHEMA tm_in_the_way;
SELECT tenant.rename('tm_acme', 'tm_in_the_way');  -- fails
\echo :LAST_ERROR_SQLSTATE
DROP SCHEMA tm_in_the_way;
SELECT tenant.rename('tm_nobody', 'tm_somebody');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.rename('tm_acme', 'tm_acme');  -- fails
SELECT tenant.rename('tm_acme', 'TM_Acme');
SELECT tenant.rename('TM_Acme', 'tm_apex');
SELECT tenant.rename('tm_odd', 'tm_even');
SELECT name, schema_name FROM tenant.tenants ORDER BY name;
SELECT nspname FROM pg_namespace WHERE nspname ~* '^(tm_|odd)' ORDER BY 1;

-- suspend and resume
SELECT tenant.suspend('tm_apex', 'bill not paid');
SELECT name, state, suspended_at IS NOT NULL AS since, suspend_reason
	FROM tenant.tenants WHERE name = 'tm_apex';
SELECT tenant.suspend('tm_apex', 'another reason');
SELECT tenant.resume('tm_apex');
SELECT tenant.resume('tm_apex');
SELECT name, state, suspended_at IS NOT NULL AS since, suspend_reason
	FROM tenant.tenants WHERE name = 'tm_apex';
SELECT tenant.suspend('tm_nobody');  -- fails
\echo :LAST_ERROR_SQLSTATE

-- flags and metadata
SELECT tenant.set_template('tm_apex', true),
	tenant.set_metadata('tm_apex', '{"plan": "gold"}');
SELECT is_template, metadata FROM tenant.tenants WHERE name = 'tm_apex';
SELECT tenant.set_template('tm_apex', false);

-- dropped means out of reach but not gone
CREATE TABLE tm_apex.t AS SELECT 1 AS a;
GRANT USAGE ON SCHEMA tm_apex TO PUBLIC;
GRANT USAGE, CREATE ON SCHEMA tm_apex TO regress_tm_user WITH GRANT OPTION;
GRANT USAGE ON SCHEMA tm_apex TO regress_tm_gone;
SET ROLE regress_tm_user;
GRANT USAGE ON SCHEMA tm_apex TO regress_tm_owner;
RESET ROLE;
CREATE TEMP TABLE tm_acl AS SELECT tm_schema_acl('tm_apex') AS acl;
SELECT tenant.suspend('tm_apex', 'about to go');
SELECT tenant.drop('tm_apex');
SELECT tenant.exists('tm_apex');
SELECT name, state, schema_name = 'tenant_trash_' || replace(id::text, '-', '')
		AS schema_fits, saved_schema,
	purge_after - trashed_at BETWEEN interval '6 days 23:59' AND interval '7 days 00:01'
		AS in_a_week
	FROM tenant.registry WHERE state = 'trashed' ORDER BY name;
SELECT tm_schema_acl(schema_name) AS acl
	FROM tenant.tenants WHERE name = 'tm_apex';
SELECT tenant.drop('tm_apex');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.rename('tm_apex', 'tm_x');  -- fails
SELECT tenant.suspend('tm_apex');  -- fails
SELECT tenant.clone('tm_apex', 'tm_x');  -- fails
DROP ROLE regress_tm_gone;

-- the name is free; a restore has to find another one
SELECT tenant.create('tm_apex');
SELECT tenant.restore('tm_apex');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.restore('tm_apex', 'tm_plain');  -- fails
SELECT tenant.restore('tm_apex', 'pg_apex');  -- fails
SELECT tenant.drop('tm_apex', purge => true);
CREATE SCHEMA tm_apex;
SELECT tenant.restore('tm_apex');  -- fails
\echo :LAST_ERROR_SQLSTATE
DROP SCHEMA tm_apex;
SET ROLE regress_tm_admin;
SELECT tenant.restore('tm_apex');  -- fails
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SELECT tenant.restore('tm_apex');
SELECT tenant.restore('tm_apex');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT name, schema_name, state, suspend_reason, trashed_at, purge_after
	FROM tenant.tenants WHERE name = 'tm_apex';
SELECT * FROM tm_apex.t;
SELECT r.grantee::regrole, r.grantor::regrole = current_user::regrole AS by_me,
	r.privilege_type, r.is_grantable
	FROM aclexplode(tm_schema_acl('tm_apex')) r
	WHERE r.grantee <> current_user::regrole
	ORDER BY r.grantee::regrole::text, r.privilege_type;
SELECT count(*) AS lost FROM (
	SELECT unnest(acl) FROM tm_acl
	EXCEPT SELECT unnest(tm_schema_acl('tm_apex'))) l;

-- an owner changed in the trash has what the old one had
SELECT tenant.drop('tm_by_admin');
SELECT schema_name AS trash FROM tenant.tenants WHERE name = 'tm_by_admin' \gset
ALTER SCHEMA :"trash" OWNER TO regress_tm_owner;
SELECT tenant.restore('tm_by_admin', 'tm_by_owner');
SELECT name, schema_name, owner FROM tenant.tenants WHERE name = 'tm_by_owner';

-- the latest of several is the one that comes back
SELECT tenant.create('tm_twice', metadata => '1');
SELECT tenant.drop('tm_twice');
SELECT tenant.create('tm_twice', metadata => '2');
SELECT tenant.drop('tm_twice');
SELECT tenant.restore('tm_twice');
SELECT metadata FROM tenant.tenants WHERE name = 'tm_twice' AND state = 'active';
SELECT tenant.drop('tm_twice');

-- an adopted schema goes back to its own name
CREATE SCHEMA tm_adopted_schema;
SELECT tenant.adopt('tm_adopted_schema', 'tm_adopted');
SELECT tenant.drop('tm_adopted');
SELECT tenant.restore('tm_adopted');
SELECT schema_name FROM tenant.tenants WHERE name = 'tm_adopted';
SELECT tenant.drop('tm_adopted', purge => true);

-- what others have built on a tenant is not dragged along
CREATE VIEW public.tm_outside AS SELECT a FROM tm_apex.t;
SELECT tenant.drop('tm_apex');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.drop('tm_apex', purge => true);  -- fails
SELECT * FROM public.tm_outside;
DO $$
BEGIN
	FOR i IN 1..11 LOOP
		EXECUTE format('CREATE VIEW public.tm_outside_%s AS SELECT a FROM tm_apex.t', i);
	END LOOP;
END
$$;
\set VERBOSITY terse
SELECT tenant.drop('tm_apex');  -- fails
\set VERBOSITY default
DO $$
BEGIN
	FOR i IN 1..11 LOOP
		EXECUTE format('DROP VIEW public.tm_outside_%s', i);
	END LOOP;
END
$$;

-- purge takes what is due and the caller's, or the one that is named
DROP VIEW public.tm_outside;
SELECT tenant.drop('tm_apex');
BEGIN;
CALL tenant.purge();  -- fails
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
CALL tenant.purge();
SELECT name, state FROM tenant.tenants WHERE state = 'trashed' ORDER BY name;
CALL tenant.purge('tm_nobody');  -- fails
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_tm_admin;
CALL tenant.purge('tm_apex');  -- fails
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
DO $$
BEGIN
	EXECUTE format('CREATE VIEW public.tm_outside AS SELECT a FROM %I.t',
		(SELECT schema_name FROM tenant.tenants WHERE name = 'tm_apex'));
END
$$;
CALL tenant.purge('tm_apex');  -- fails
\echo :LAST_ERROR_SQLSTATE
DROP VIEW public.tm_outside;
CALL tenant.purge('tm_apex');
SELECT name, state FROM tenant.tenants WHERE state = 'trashed' ORDER BY name;
SET tenant_mgr.trash_retention = 0;
SELECT tenant.drop('tm_for_owner');
SELECT tenant.drop('tm_plain');
SET ROLE regress_tm_admin;
CALL tenant.purge();
RESET ROLE;
SELECT name, state FROM tenant.tenants WHERE state = 'trashed' ORDER BY name;
CALL tenant.purge();
SELECT name, state FROM tenant.tenants WHERE state = 'trashed' ORDER BY name;
RESET tenant_mgr.trash_retention;

-- a procedure of one's own may call purge
CREATE PROCEDURE public.tm_purge() LANGUAGE plpgsql AS $$
BEGIN
	CALL tenant.purge('tm_twice');
	CALL tenant.purge('tm_twice');
END
$$;
CALL public.tm_purge();
DROP PROCEDURE public.tm_purge();
SELECT count(*) FROM tenant.tenants WHERE state = 'trashed';
SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tenant_trash%';

-- what cannot be dropped alone does not stop a purge, nor do circles
SELECT tenant.create('tm_knots');
CREATE TABLE tm_knots.a (id serial PRIMARY KEY, b int,
	c int GENERATED ALWAYS AS IDENTITY);
CREATE TABLE tm_knots.b (id int PRIMARY KEY, a int REFERENCES tm_knots.a);
ALTER TABLE tm_knots.a ADD FOREIGN KEY (b) REFERENCES tm_knots.b;
CREATE TABLE tm_knots.p (id int) PARTITION BY RANGE (id);
CREATE TABLE tm_knots.p1 PARTITION OF tm_knots.p FOR VALUES FROM (0) TO (10);
CREATE INDEX ON tm_knots.p (id);
CREATE TYPE tm_knots.mood AS ENUM ('sad', 'ok');
CREATE FUNCTION tm_knots.f(tm_knots.b) RETURNS tm_knots.mood
	LANGUAGE sql AS $$ SELECT 'ok'::tm_knots.mood $$;
CREATE TABLE tm_knots.user_of_f (b tm_knots.b, m tm_knots.mood DEFAULT
	tm_knots.f(NULL));
CREATE TYPE tm_knots.span AS RANGE (SUBTYPE = float8);
CREATE VIEW tm_knots.v AS SELECT * FROM tm_knots.a;
SELECT tenant.drop('tm_knots');
CALL tenant.purge('tm_knots');
SELECT count(*) FROM tenant.tenants WHERE name = 'tm_knots';

-- a tenant without a schema can only be dropped
SELECT tenant.create('tm_hollow');
ALTER EVENT TRIGGER tenant_mgr_follow_drop DISABLE;
DROP SCHEMA tm_hollow;
ALTER EVENT TRIGGER tenant_mgr_follow_drop ENABLE ALWAYS;
SELECT name, state, owner FROM tenant.tenants WHERE name = 'tm_hollow';
SELECT tenant.create('tm_hollow');  -- fails
SELECT tenant.rename('tm_hollow', 'tm_solid');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.suspend('tm_hollow');  -- fails
SELECT tenant.create('tm_solid');
ALTER SCHEMA tm_solid RENAME TO tm_hollow;  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.drop('tm_solid', purge => true);
SELECT tenant.drop('tm_hollow');
SELECT count(*) FROM tenant.tenants WHERE name = 'tm_hollow';

-- templates are for everybody, copies need the source; not with old snapshots
SELECT tenant.create('tm_template');
CREATE TABLE tm_template.t AS SELECT 42 AS a;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT tenant.clone('tm_template', 'tm_copy');  -- fails
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT tenant.create('tm_copy', template => 'tm_template');  -- fails
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
SET ROLE regress_tm_admin;
SELECT tenant.create('tm_copy', template => 'tm_template');  -- fails
RESET ROLE;
SELECT tenant.set_template('tm_template', true);
SET ROLE regress_tm_admin;
SELECT tenant.create('tm_copy', template => 'tm_template');
SELECT a FROM tm_copy.t;
SELECT tenant.clone('tm_template', 'tm_copy2');  -- fails
SELECT tenant.clone('tm_copy', 'tm_copy2', metadata => '{"of": "copy"}');
SELECT name, owner, cloned_from, is_template, metadata FROM tenant.tenants
	WHERE name LIKE 'tm_copy%' ORDER BY name;
SELECT tenant.create('tm_copy3', template => 'tm_template',
	owner => 'regress_tm_owner');
RESET ROLE;
SET tenant_mgr.default_template = 'tm_template';
SELECT tenant.create('tm_copy4');
SELECT tenant.create('tm_empty', template => '');
RESET tenant_mgr.default_template;
SELECT n.nspname, c.relname, c.relowner::regrole = current_user::regrole AS mine
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname IN ('tm_copy', 'tm_copy2', 'tm_copy3', 'tm_copy4', 'tm_empty')
	ORDER BY 1;
SELECT tenant.clone('tm_nobody', 'tm_copy5');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.clone('pg_catalog', 'tm_copy5');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.create('tm_copy5', template => 'tm_nobody');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.clone('tm_template', 'tm_copy');  -- fails
\echo :LAST_ERROR_SQLSTATE

-- a prefix goes before the schema's name only
SET tenant_mgr.schema_prefix = 'tm_p_';
SELECT tenant.create('one');
SELECT tenant.rename('one', 'two');
SELECT tenant.drop('two');
RESET tenant_mgr.schema_prefix;
SELECT tenant.restore('two');
SELECT name, schema_name FROM tenant.tenants WHERE name = 'two';
SELECT tenant.drop('two', purge => true);

-- everything is undone by a rollback, in memory too
BEGIN;
SELECT tenant.create('tm_undone');
SELECT tenant.exists('tm_undone');
SAVEPOINT s;
SELECT tenant.drop('tm_empty');
SELECT tenant.exists('tm_empty');
ROLLBACK TO s;
SELECT tenant.exists('tm_empty');
SELECT tenant.rename('tm_empty', 'tm_renamed');
SELECT tenant.exists('tm_renamed');
ROLLBACK;
SELECT tenant.exists('tm_undone'), tenant.exists('tm_renamed'),
	tenant.exists('tm_empty');

SELECT count(tenant.drop(name, purge => true)) AS dropped
	FROM tenant.tenants WHERE name LIKE 'tm\_%' AND state <> 'trashed';
SELECT count(*) FROM tenant.tenants;
DROP FUNCTION public.tm_schema_acl(text);
REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA tenant
	FROM regress_tm_admin, regress_tm_user;
REVOKE CREATE ON DATABASE :"dbname" FROM regress_tm_admin;
DROP ROLE regress_tm_admin, regress_tm_owner, regress_tm_user;

-- many schemas at once
SET client_min_messages = warning;
CREATE ROLE regress_tm_adopter;
RESET client_min_messages;
CREATE SCHEMA tm_many_1;
CREATE SCHEMA "TM_MANY_1";
CREATE SCHEMA tm_many_2;
CREATE SCHEMA "tm_many odd";
CREATE SCHEMA tm_many_old;
SELECT tenant.create('tm_many_3');
SELECT tenant.drop('tm_many_3');
SELECT * FROM tenant.adopt_all('tm\_many\_%', '{%old}', true);
SELECT * FROM tenant.adopt_all('%many%', ARRAY[NULL, '%OLD']) ORDER BY schema COLLATE "C";
GRANT EXECUTE ON FUNCTION tenant.adopt_all TO regress_tm_adopter;
SET ROLE regress_tm_adopter;
SELECT * FROM tenant.adopt_all('%MANY%');
RESET ROLE;
SELECT name, is_template FROM tenant.tenants WHERE name LIKE '%many%' AND state = 'active' ORDER BY name;
SET client_min_messages = warning;
SELECT count(tenant.drop(name, purge => true)) FROM tenant.tenants
	WHERE name LIKE '%many%' AND state = 'active';
CALL tenant.purge('tm_many_3');
DROP SCHEMA "TM_MANY_1", "tm_many odd";
REVOKE EXECUTE ON FUNCTION tenant.adopt_all FROM regress_tm_adopter;
DROP ROLE regress_tm_adopter;
RESET client_min_messages;
