-- tenants_code.sql: tables and code of a tenant, in its schema a, for guard.sh
-- and guard_cost.sh.  The variable rows says how many rows are maintained.
SET search_path = a;
CREATE TABLE plain (id int PRIMARY KEY, v text);
INSERT INTO plain SELECT g, 'value ' || g FROM generate_series(1, 10 * :rows) AS g;
CREATE TABLE item (LIKE plain);
CREATE TABLE logged (LIKE plain);
CREATE FUNCTION on_insert() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN NEW.v := upper(NEW.v); RETURN NEW; END';
CREATE TRIGGER on_insert BEFORE INSERT ON logged FOR EACH ROW EXECUTE FUNCTION on_insert();
CREATE FUNCTION look_up(int) RETURNS text LANGUAGE sql VOLATILE AS
	'SELECT v FROM a.plain WHERE id = $1';
CREATE FUNCTION key_of(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
	'BEGIN RETURN lower($1); END';
INSERT INTO item SELECT * FROM plain WHERE id <= :rows;
CREATE INDEX item_key ON item (key_of(v));
CREATE MATERIALIZED VIEW seen AS SELECT id, key_of(v) AS k FROM item;
CREATE TABLE ordinary (LIKE item);
INSERT INTO ordinary SELECT * FROM item;
CREATE INDEX ordinary_key ON ordinary (lower(v));
CREATE MATERIALIZED VIEW ordinary_seen AS SELECT id, lower(v) AS k FROM ordinary;
CREATE PROCEDURE steps() LANGUAGE plpgsql AS
	'DECLARE x text; BEGIN FOR i IN 1 .. 1000 LOOP SELECT v INTO x FROM a.plain WHERE id = i; END LOOP; END';
GRANT USAGE ON SCHEMA a TO guarded, free;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA a TO guarded, free;
VACUUM ANALYZE;
