--
-- Texts are copied as they are.  A clone tells which of them name its source:
-- bodies of functions, and constants in stored expressions.
--

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;

CREATE SCHEMA said;
CREATE SEQUENCE said.number;
CREATE TABLE said.item (
	id int DEFAULT nextval('said.number'::text),
	other int DEFAULT nextval('said.number'),
	note text DEFAULT 'said no more',
	CHECK (note <> 'said')
);
CREATE VIEW said.by_name AS SELECT to_regclass('said.item') AS t;
CREATE VIEW said.harmless AS SELECT 'unsaid.item'::text AS a, 'she said. He left'::text AS b;
CREATE FUNCTION said.qualified() RETURNS bigint
LANGUAGE sql AS 'SELECT count(*) FROM said.item';
CREATE FUNCTION said.quoted() RETURNS text
LANGUAGE plpgsql AS $$BEGIN RETURN set_config('search_path', 'said', true); END$$;
CREATE FUNCTION said.spaced() RETURNS bigint
LANGUAGE sql AS 'SELECT count(*) FROM "said" . item';
CREATE FUNCTION said.parsed() RETURNS bigint
LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM said.item; END;
CREATE FUNCTION said.innocent(said int) RETURNS int
LANGUAGE sql AS 'SELECT said + 1 FROM (VALUES (1)) unsaid (x) WHERE unsaid.x = 1';

SELECT tenant.clone('said', 'heard');

-- what is not text names the clone
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef
WHERE adrelid = 'heard.item'::regclass ORDER BY adnum;
SELECT pg_get_functiondef('heard.parsed'::regproc);

SET client_min_messages = warning;
SELECT tenant.drop('heard', purge => true);
DROP SCHEMA said CASCADE;
