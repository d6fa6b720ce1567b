--
-- Texts that name the source of a clone: what certainly is the schema's name is
-- found by the server's scanner and grammar, and can be changed.
--

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
CREATE ROLE regress_tm_retarget;
CREATE ROLE regress_tm_retarget_other;
DO $$BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO regress_tm_retarget', current_database()); END$$;
CREATE SCHEMA shop;
CREATE TABLE shop.item (id int PRIMARY KEY, shop int, name text);
CREATE DOMAIN shop.whole AS int;
CREATE TYPE shop.money_in AS (amount numeric, currency text);
CREATE SEQUENCE shop.number;
CREATE FUNCTION shop.price(int) RETURNS numeric LANGUAGE sql AS 'SELECT 1.5';
CREATE FUNCTION shop.add(int, int) RETURNS int LANGUAGE sql AS 'SELECT $1 + $2';
CREATE OPERATOR shop.+! (LEFTARG = int, RIGHTARG = int, FUNCTION = shop.add);
CREATE COLLATION shop.plain FROM "C";
CREATE TABLE shop.note (body text);

-- SQL: tables, functions, types, operators, collations, columns
CREATE FUNCTION shop.sql_names() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) -- shop.item in a comment
	FROM shop.item, SHOP . item AS other, "shop".item third
		/* shop.item /* and */ shop.item */
	WHERE shop.item.id = other.id
		AND shop.price(other.id) > 1
		AND (1 OPERATOR(shop.+!) 2)::shop.whole > 0
		AND third.name COLLATE shop.plain < 'shop.item'
		AND third.name <> E'it''s shop\x2eitem' AND third.name <> $q$shop.item$q$
$$;
-- an alias, a column and a parameter of the schema's name are none
CREATE FUNCTION shop.sql_aliases(shop shop.item) RETURNS bigint LANGUAGE sql
	SET search_path = shop AS $$
	SELECT count(*) + (SELECT shop.id FROM item AS shop LIMIT 1)
	FROM item AS shop WHERE shop.id = 1 AND (shop).name <> '' AND shop.shop = 2
$$;
-- the function's own name qualifies its parameters
CREATE FUNCTION shop.shop(item shop.item) RETURNS int LANGUAGE sql AS
	'SELECT shop.item.id FROM shop.note';
-- a name with escapes
CREATE FUNCTION shop.escaped() RETURNS bigint LANGUAGE sql AS
	$$SELECT count(*) FROM U&"sh\006fp".item, U&"sh!006fp" UESCAPE '!' . note$$;
-- PL/pgSQL
CREATE FUNCTION shop.plpgsql_names(OUT result bigint) LANGUAGE plpgsql SET search_path = shop AS $$
#variable_conflict use_column
<<outermost>>
DECLARE
	a CONSTANT shop.item.id%TYPE NOT NULL := shop.price(1);
	b shop.item%ROWTYPE;
	c shop.money_in[] DEFAULT ARRAY[]::shop.money_in[];
	d CURSOR (x shop.money_in) FOR SELECT * FROM shop.item WHERE x IS NULL;
	shop record;
	e item.id%TYPE;
BEGIN
	SELECT * INTO STRICT shop FROM shop.item LIMIT 1;
	INSERT INTO shop.note (body) VALUES ('shop.note') RETURNING body INTO shop.name;
	shop.name := shop.price(shop.id) || ' ' || outermost.shop.name;
	IF EXISTS (SELECT FROM shop.item i WHERE i.id = shop.id) THEN
		FOR b IN SELECT * FROM shop.item LOOP
			PERFORM shop.price(b.id) FROM shop.note WHERE shop.note.body = '';
		END LOOP;
	ELSIF shop.id = shop.price(2) THEN
		EXECUTE 'SELECT * FROM shop.item' INTO shop.id USING shop.price(3), shop.id;
		EXECUTE format('SELECT * FROM %I.item', 'shop');
	END IF;
	FOR i IN shop.price(1)::int .. shop.price(5)::int BY 2 LOOP
		CONTINUE WHEN shop.price(i) > shop.id;
	END LOOP;
	CASE shop.price(1) WHEN shop.price(2) THEN
		RAISE NOTICE 'shop.item %', shop.price(7) USING HINT = shop.price(8);
	ELSE
		RETURN;
	END CASE;
	FOREACH result IN ARRAY ARRAY[shop.price(3)::int] LOOP
		OPEN d(ROW(1, '')::shop.money_in);
		CLOSE d;
	END LOOP;
EXCEPTION WHEN division_by_zero THEN
	UPDATE shop.item SET shop = shop.shop + 1 WHERE shop.item.id = shop.price(1);
END
$$;
-- a label of the schema's name
CREATE FUNCTION shop.labelled() RETURNS int LANGUAGE plpgsql AS $$
<<shop>>
DECLARE
	item shop.item;
	n int;
	m shop.n%TYPE;
BEGIN
	SELECT i.id INTO shop.n FROM shop.item i;
	RETURN (SELECT shop.item.id FROM shop.note LIMIT 1);
END
$$;
CREATE FUNCTION shop.triggered() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN INSERT INTO shop.note VALUES (TG_TABLE_NAME); RETURN NULL; END';
CREATE TRIGGER tell AFTER INSERT ON shop.item EXECUTE FUNCTION shop.triggered('shop.item');
CREATE PROCEDURE shop.setting() LANGUAGE plpgsql SET search_path = "$user", shop, public SET tenant_mgr_test.schema = 'shop'
	AS $$BEGIN SET LOCAL search_path = shop, public; DROP TABLE IF EXISTS shop.gone, shop.gone_too; TRUNCATE shop.note; END$$;
-- stored as a tree
CREATE FUNCTION shop.parsed() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM shop.item; END;
CREATE VIEW shop.by_name AS SELECT to_regclass('shop.item') AS t;
-- what cannot be parsed
SET check_function_bodies = off;
CREATE FUNCTION shop.wrong() RETURNS int LANGUAGE plpgsql AS
	$$BEGIN SELECT FROM FROM shop.item; PERFORM 'shop.item; END$$;
CREATE FUNCTION shop.missing() RETURNS int LANGUAGE sql AS 'SELECT gone.id FROM shop.item, gone';
RESET check_function_bodies;
RESET client_min_messages;

-- the setting: nothing is told, texts are told, what is certain is changed
SET tenant_mgr.clone_retarget = off;
SELECT tenant.clone('shop', 'quiet');
SET tenant_mgr.clone_retarget = nonsense;  -- fails
RESET tenant_mgr.clone_retarget;
SHOW tenant_mgr.clone_retarget;
\set VERBOSITY terse
SELECT tenant.clone('shop', 'told');
\set VERBOSITY default
SET tenant_mgr.clone_retarget = 'on';
SELECT tenant.clone('shop', 'Other-Shop');
RESET tenant_mgr.clone_retarget;

-- what there is to be changed, and what would become of it
SELECT * FROM tenant.retarget('told', 'shop');
SELECT * FROM tenant.retarget('told', 'elsewhere');
SELECT * FROM tenant.retarget('told', 'told');  -- fails
SELECT * FROM tenant.retarget('nobody', 'shop');  -- fails
-- nothing was changed so far
SELECT p.proname FROM pg_proc p JOIN pg_proc q USING (proname)
WHERE p.pronamespace = 'shop'::regnamespace AND q.pronamespace = 'told'::regnamespace AND p.prosrc <> q.prosrc;

-- what has become of it in the clone
SELECT prosrc FROM pg_proc WHERE pronamespace = '"Other-Shop"'::regnamespace
AND proname IN ('sql_names', 'plpgsql_names', 'shop', 'labelled', 'escaped', 'setting', 'sql_aliases') ORDER BY proname;
SELECT * FROM tenant.retarget('Other-Shop', 'shop');
-- the clone is like its source, and the one that was not changed is not
SELECT object_type, object_name, change FROM tenant.diff('shop', 'Other-Shop');
SELECT object_type, object_name, change FROM tenant.diff('shop', 'quiet') ORDER BY 1, 2;
-- what repairs it gives the schema its own name
SELECT * FROM tenant.diff_sql('shop', 'quiet') AS s WHERE s LIKE '%triggered%';

-- applied, by the statements that a user would write
COMMENT ON FUNCTION told.sql_names() IS 'counts';
REVOKE ALL ON FUNCTION told.sql_names() FROM PUBLIC;
SELECT oid AS old_oid FROM pg_proc WHERE pronamespace = 'told'::regnamespace AND proname = 'sql_names' \gset
CREATE FUNCTION regress_tm_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	FOR r IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP
		RAISE NOTICE '% %', r.command_tag, r.object_identity;
	END LOOP;
END$$;
CREATE EVENT TRIGGER regress_tm_ddl ON ddl_command_end EXECUTE FUNCTION regress_tm_ddl();
SELECT object, line, before, after FROM tenant.retarget('told', 'shop', apply => true) WHERE certain AND object LIKE '%setting%' ORDER BY line, before;
DROP EVENT TRIGGER regress_tm_ddl;
DROP FUNCTION regress_tm_ddl();
SELECT oid = :old_oid AS same, obj_description(oid, 'pg_proc'), proacl IS NOT NULL AS acl FROM pg_proc
WHERE pronamespace = 'told'::regnamespace AND proname = 'sql_names';
SELECT proconfig FROM pg_proc WHERE pronamespace = 'told'::regnamespace AND proname = 'setting';
SELECT object_type, object_name, change FROM tenant.diff('shop', 'told') ORDER BY 1, 2;
SELECT event, tenant, object FROM tenant.event WHERE event = 'retarget';
-- once more, there is nothing left but what is not certain
SELECT count(*) FILTER (WHERE certain) AS certain, count(*) > 0 AS others FROM tenant.retarget('told', 'shop', true) WHERE object NOT LIKE '%missing%';
INSERT INTO told.item VALUES (1, 0, 'one');
SELECT told.plpgsql_names(), told.labelled() IS NULL AS labelled;
SELECT (SELECT count(*) FROM shop.note) AS source, (SELECT count(*) FROM told.note) AS clone;

-- a schema whose name is a keyword, and one with quotes and dollars
SET client_min_messages = warning;
SELECT tenant.create('select', template => 'told');
SELECT tenant.create('loop', template => 'told');
CREATE SCHEMA "we""ird $function$";
CREATE FUNCTION "we""ird $function$".triggered() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN INSERT INTO told.note VALUES (TG_TABLE_NAME); RETURN NULL; END';
CREATE TABLE "we""ird $function$".note (body text);
SELECT tenant.adopt('we"ird $function$', 'weird');
RESET client_min_messages;
SELECT count(*) FILTER (WHERE certain) AS changed FROM tenant.retarget('select', 'told', true);
SELECT count(*) FILTER (WHERE certain) AS changed FROM tenant.retarget('loop', 'told', true);
SELECT count(*) FILTER (WHERE certain) AS changed FROM tenant.retarget('weird', 'told', true);
SELECT t, (SELECT count(*) FROM tenant.diff('told', t)) AS differences FROM unnest('{select,loop}'::text[]) t;
SELECT prosrc FROM pg_proc WHERE pronamespace IN ('"select"'::regnamespace, '"loop"'::regnamespace, '"we""ird $function$"'::regnamespace)
AND proname IN ('triggered', 'escaped') ORDER BY prosrc COLLATE "C";
-- and back
SELECT tenant.clone('weird', 'plain');
SELECT * FROM tenant.retarget('plain', 'we"ird $function$', true);
SELECT prosrc FROM pg_proc WHERE pronamespace = 'plain'::regnamespace;

-- who may do that: the owner of the schema, of the functions that are his
SELECT tenant.create('owned', owner => 'regress_tm_retarget');
CREATE FUNCTION owned.mine() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM shop.item';
CREATE FUNCTION owned.another() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM shop.item';
CREATE TABLE owned.item (id int);
ALTER FUNCTION owned.mine() OWNER TO regress_tm_retarget;
ALTER TABLE owned.item OWNER TO regress_tm_retarget;
SET ROLE regress_tm_retarget;
SELECT * FROM tenant.retarget('owned', 'shop');  -- fails
RESET ROLE;
GRANT EXECUTE ON FUNCTION tenant.retarget(text, text, boolean) TO regress_tm_retarget, regress_tm_retarget_other;
SET ROLE regress_tm_retarget_other;
SELECT * FROM tenant.retarget('owned', 'shop');  -- fails
SET ROLE regress_tm_retarget;
SELECT * FROM tenant.retarget('owned', 'shop', true);
RESET ROLE;
SELECT proname, prosrc, proowner::regrole FROM pg_proc WHERE pronamespace = 'owned'::regnamespace ORDER BY 1;

-- a snapshot keeps the texts, which are right when they come back
SET tenant_mgr.clone_retarget = 'on';
CREATE OR REPLACE FUNCTION owned.another() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM owned.item';
SELECT tenant.snapshot('owned', 'before') IS NOT NULL AS taken;
SELECT tenant.rollback_to('owned', 'before');
SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'owned'::regnamespace ORDER BY 1;
-- a rename leaves them, and says what to do
SELECT tenant.rename('owned', 'called');
SELECT object, certain, after FROM tenant.retarget('called', 'owned', true);

-- strings in defaults of arguments and in bodies in SQL syntax are told, not changed
CREATE FUNCTION called.by_default(x text DEFAULT 'owned.item') RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION called.within() RETURNS text LANGUAGE sql RETURN 'owned.item'::text;
SELECT object, line, before, after, certain FROM tenant.retarget('called', 'owned', true);

-- nothing is changed in a transaction that may not write
BEGIN READ ONLY;
SELECT count(*) FROM tenant.retarget('quiet', 'shop');
SELECT * FROM tenant.retarget('quiet', 'shop', true);  -- fails
ROLLBACK;

SET client_min_messages = warning;
RESET tenant_mgr.clone_retarget;
SELECT tenant.drop(t, purge => true) FROM unnest('{quiet,told,"Other-Shop",select,loop,weird,plain,called}'::text[]) t;
SET tenant_mgr.trash_retention = 0;
UPDATE tenant.registry SET purge_after = now() WHERE state = 'trashed';
CALL tenant.purge();
DROP SCHEMA shop CASCADE;
REVOKE ALL ON FUNCTION tenant.retarget(text, text, boolean) FROM regress_tm_retarget, regress_tm_retarget_other;
DO $$BEGIN EXECUTE format('REVOKE CREATE ON DATABASE %I FROM regress_tm_retarget', current_database()); END$$;
DROP ROLE regress_tm_retarget, regress_tm_retarget_other;
