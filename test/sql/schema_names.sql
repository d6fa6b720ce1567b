--
-- Names of a schema that are kept as text: what is a list of names follows the
-- schema, what is a program is told of; by a clone, a rename, a restore, by
-- going back to a snapshot, and by the doctor.
--

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;
SELECT tenant.create('nm1');
CREATE TABLE nm1.log (w text);
CREATE TEXT SEARCH CONFIGURATION nm1.cfg (COPY = pg_catalog.simple);
CREATE FUNCTION nm1.note(t text) RETURNS void LANGUAGE sql
	SET search_path = nm1, pg_temp AS 'INSERT INTO log VALUES (t)';
CREATE FUNCTION nm1.words(t text) RETURNS tsvector LANGUAGE sql
	SET default_text_search_config = 'nm1.cfg' AS 'SELECT to_tsvector(t)';
CREATE FUNCTION nm1.bound() RETURNS text LANGUAGE sql
	SET tenant_mgr.tenant = 'nm1' AS 'SELECT tenant.current()';
CREATE FUNCTION nm1.other() RETURNS text LANGUAGE sql SET search_path = "NM1", public AS 'SELECT 1';

CREATE VIEW settings AS
	SELECT nspname !~ '^tenant_' OR NULL AS live, regexp_replace(nspname, '[0-9a-f]{32}$', '') AS nspname, proname,
		regexp_replace(proconfig::text, '[0-9a-f]{32}', '', 'g') AS proconfig
	FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
	WHERE nspname ~ '^(nm|tenant_)' AND proname IN ('note', 'words', 'bound', 'other');

SELECT tenant.rename('nm1', 'nm2');
SELECT proname, proconfig FROM settings ORDER BY proname;
SELECT nm2.note('renamed');
SELECT * FROM nm2.log;
SELECT nm2.bound();
-- odd names, there and back
SELECT tenant.rename('nm2', 'nm-Two');
SELECT proname, proconfig FROM settings ORDER BY proname;
SELECT tenant.rename('nm-Two', 'nm2');
-- a clone has its own, of a renamed tenant as well
SELECT tenant.clone('nm2', 'nm3');
SELECT nm3.note('cloned');
SELECT * FROM nm3.log ORDER BY w;
-- to the trash, and back under another name, while somebody else has the old one
SELECT tenant.drop('nm2');
SELECT tenant.create('nm2');
CREATE TABLE nm2.log (w text);
SELECT tenant.restore('nm2', 'nm4');
SELECT nm4.note('restored');
SELECT * FROM nm4.log ORDER BY w;
SELECT * FROM nm2.log;
-- a snapshot, and back, under another name
SELECT tenant.snapshot('nm4', 's') IS NULL;
SELECT tenant.rename('nm4', 'nm5');
SELECT tenant.rollback_to('nm5', 's');
SELECT nm5.note('rolled back');
SELECT * FROM nm5.log ORDER BY w;
SELECT tenant.restore('nm5', 'nm6');
SELECT proname, proconfig FROM settings WHERE nspname = 'nm6' ORDER BY proname;
DROP VIEW settings;
SET client_min_messages = warning;
SELECT tenant.drop(name, purge => true) FROM tenant.tenants WHERE name ~ '^nm' ORDER BY name;
RESET client_min_messages;

-- programs, in any spelling, and what else is text
SELECT tenant.create('shop9');
CREATE TABLE shop9.t (id int, body text, tsv tsvector);
CREATE FUNCTION shop9.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TEXT SEARCH CONFIGURATION shop9.cfg (COPY = pg_catalog.simple);
CREATE TEXT SEARCH DICTIONARY shop9.stem (TEMPLATE = pg_catalog.simple);
CREATE FUNCTION shop9.b01() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM SHOP9.t); END';
CREATE FUNCTION shop9.b02() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM Shop9.T); END';
CREATE FUNCTION shop9.b03() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM shop9/*a/*b*/c*/./**/t); END';
CREATE FUNCTION shop9.b04() RETURNS bigint LANGUAGE plpgsql AS E'BEGIN RETURN (SELECT count(*) FROM shop9 -- here\n . t); END';
CREATE FUNCTION shop9.b05() RETURNS void LANGUAGE plpgsql AS 'BEGIN SET LOCAL search_path = shop9; END';
CREATE FUNCTION shop9.b06() RETURNS void LANGUAGE plpgsql AS 'BEGIN SET LOCAL Search_Path TO public, SHOP9; END';
CREATE FUNCTION shop9.b07() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN set_config('search_path', 'public, shop9', true); END$$;
CREATE FUNCTION shop9.b08() RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE format('SELECT FROM shop9.%I', 't'); END$$;
CREATE FUNCTION shop9.b09() RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE 'SELECT FROM shop9.' || 't'; END$$;
CREATE FUNCTION shop9.b10() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN tenant.switch('shop9'); END$$;
CREATE FUNCTION shop9.b11() RETURNS void LANGUAGE plpgsql AS $$BEGIN SET LOCAL tenant_mgr.tenant = shop9; END$$;
CREATE FUNCTION shop9.b12() RETURNS text LANGUAGE plpgsql SET search_path = 'Shop9', public AS $$BEGIN RETURN '"shop9".t'::regclass; END$$;
CREATE FUNCTION shop9.e01() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT count(*) FROM U&"sh\006fp9".t); END$$;
CREATE FUNCTION shop9.e02() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT count(*) FROM u&"s!0068op!+000039" UESCAPE '!' . t); END$$;
CREATE FUNCTION shop9.e03() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT count(*) FROM U&"s!0068op!0039" UESCAPE '!' . t); END$$;
CREATE FUNCTION shop9.e04() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN E'sh\x6Fp9.t'::regclass; END$$;
CREATE FUNCTION shop9.e05() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN tenant.switch(E'sh\157p9'); END$$;
CREATE FUNCTION shop9.e06() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN tenant.switch(U&'sh\006fp9'); END$$;
CREATE FUNCTION shop9.e07() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN tenant.switch(U&'sh$006fp9' UESCAPE '$'); END$$;
CREATE FUNCTION shop9.e08() RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE e'SELECT \'it\\\'s\', x FROM \u0073hop9\n.t x'; END$$;
CREATE FUNCTION shop9.e09() RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE E'SELECT E\'sh\\x6fp9.t\'::regclass'; END$$;
CREATE FUNCTION shop9.e10() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN set_config('search_path', E'public, \x73hop9', true); END$$;
CREATE FUNCTION shop9.e11() RETURNS void LANGUAGE plpgsql AS $$BEGIN SET LOCAL search_path = public, U&"\0073hop9"; END$$;
CREATE FUNCTION shop9.e12() RETURNS text LANGUAGE plpgsql SET standard_conforming_strings = off SET escape_string_warning = off AS $$BEGIN RETURN to_regclass('"\x73hop9".t'); END$$;
CREATE FUNCTION shop9.good3() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN E'\x53hop9' || U&'!0073hop9' || E'\\x73hop9 \x73hop91.t \' shop\''; END$$;
CREATE FUNCTION shop9.good1() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN 'shop9: shop91.t, my_shop9.t, "Shop9".t'; END$$;
CREATE FUNCTION shop9.good2(shop9 int) RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN shop9; END$$;
CREATE TRIGGER tg1 BEFORE INSERT ON shop9.t FOR EACH ROW EXECUTE FUNCTION shop9.f('any', 'shop9');
CREATE TRIGGER tg2 BEFORE INSERT ON shop9.t FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger('tsv', 'shop9.cfg', 'body');
CREATE TRIGGER tg3 BEFORE INSERT ON shop9.t FOR EACH ROW EXECUTE FUNCTION shop9.f('shop91');
CREATE FOREIGN DATA WRAPPER regress_tm_fdw;
CREATE SERVER regress_tm_server FOREIGN DATA WRAPPER regress_tm_fdw;
CREATE FOREIGN TABLE shop9.ft (a int OPTIONS (path 'shop9.t')) SERVER regress_tm_server OPTIONS (schema_name 'shop9');
CREATE TABLE shop9.u (t regclass DEFAULT 'shop9.t', c text DEFAULT 'shop9', CHECK (c <> 'shop9.c'));
CREATE POLICY p ON shop9.u USING (c <> 'shop9');
\set VERBOSITY terse
SELECT tenant.clone('shop9', 'shop10');
SELECT tenant.rename('shop9', 'shop11');
\set VERBOSITY default

-- the doctor sees the names of those who exist
SELECT tenant.create('shop9');
SELECT object, problem FROM tenant.doctor() WHERE object !~ 'tenant_mgr' AND problem ~ 'names' ORDER BY object COLLATE "C";

SET client_min_messages = warning;
SELECT tenant.drop(name, purge => true) FROM tenant.tenants WHERE name ~ '^shop' ORDER BY name;
DROP FOREIGN DATA WRAPPER regress_tm_fdw CASCADE;
