--
-- What a schema has to do with the world outside of it: shared as it is, or
-- refused by name because it could not mean the same in a clone.
--

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
CREATE SCHEMA tm_out;
SELECT tenant.create('tm_in');
RESET client_min_messages;

-- what knows nothing of the schema is shared
CREATE TYPE tm_out.size AS ENUM ('s', 'm');
CREATE TABLE tm_out.country (id int PRIMARY KEY, name text);
CREATE TABLE tm_out.log (t text);
CREATE FUNCTION tm_out.twice(int) RETURNS int LANGUAGE sql IMMUTABLE RETURN $1 * 2;
CREATE TABLE tm_in.t (id int PRIMARY KEY, s tm_out.size, n int DEFAULT tm_out.twice(4),
	country int REFERENCES tm_out.country);
CREATE TABLE tm_in.log () INHERITS (tm_out.log);
CREATE VIEW tm_in.v AS SELECT name FROM tm_out.country;
SELECT tenant.clone('tm_in', 'tm_in2');

-- a type of the schema that lives on outside of it, and comes back
CREATE TYPE tm_in.color AS ENUM ('red', 'green');
CREATE TABLE tm_out.parent (e tm_in.color, plain int UNIQUE);
CREATE TABLE tm_out.keyed (e tm_in.color PRIMARY KEY);
CREATE TYPE tm_out.pair AS (a int, c tm_in.color);
CREATE DOMAIN tm_out.tint AS tm_in.color;
CREATE TYPE tm_out.span AS RANGE (SUBTYPE = tm_in.color);
CREATE FUNCTION tm_out.is_red(tm_in.color) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN $1 = 'red';

-- one by one: a child, a view, a foreign key, columns, a call, a body
CREATE TABLE tm_in.x () INHERITS (tm_out.parent);
SELECT tenant.clone('tm_in', 'tm_in3');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.snapshot('tm_in', 'never');  -- fails
DROP TABLE tm_in.x;
CREATE VIEW tm_in.x AS SELECT p.e AS what FROM tm_out.parent p;
SELECT tenant.clone('tm_in', 'tm_in3');  -- fails
DROP VIEW tm_in.x;
CREATE TABLE tm_in.x (e tm_in.color REFERENCES tm_out.keyed);
SELECT tenant.clone('tm_in', 'tm_in3');  -- fails
DROP TABLE tm_in.x;
CREATE TABLE tm_in.x (p tm_out.pair[]);
SELECT tenant.clone('tm_in', 'tm_in3');  -- fails
DROP TABLE tm_in.x;
CREATE TABLE tm_in.x (p tm_out.tint);
SELECT tenant.clone('tm_in', 'tm_in3');  -- fails
DROP TABLE tm_in.x;
CREATE TABLE tm_in.x (p tm_out.span);
SELECT tenant.clone('tm_in', 'tm_in3');  -- fails
DROP TABLE tm_in.x;
CREATE TABLE tm_in.x (p tm_out.parent);
SELECT tenant.clone('tm_in', 'tm_in3');  -- fails
DROP TABLE tm_in.x;
CREATE TABLE tm_in.x (b boolean DEFAULT tm_out.is_red('red'));
SELECT tenant.clone('tm_in', 'tm_in3');  -- fails
DROP TABLE tm_in.x;
CREATE FUNCTION tm_in.x() RETURNS boolean LANGUAGE sql BEGIN ATOMIC SELECT tm_out.is_red('green'); END;
SELECT tenant.clone('tm_in', 'tm_in3');  -- fails
DROP FUNCTION tm_in.x;
CREATE CAST (tm_in.color AS boolean) WITH FUNCTION tm_out.is_red(tm_in.color);
SELECT tenant.clone('tm_in', 'tm_in3');  -- fails
DROP CAST (tm_in.color AS boolean);

-- a table of the schema, by way of a view outside
CREATE VIEW tm_out.v AS SELECT id FROM tm_in.t;
CREATE VIEW tm_in.x AS SELECT * FROM tm_out.v;
SELECT tenant.clone('tm_in', 'tm_in3');  -- fails
DROP VIEW tm_in.x;
-- rows of a table of the schema that are outside of it
CREATE TABLE tm_out.kid () INHERITS (tm_in.t);
SELECT tenant.clone('tm_in', 'tm_in3');  -- fails
DROP TABLE tm_out.kid;
-- a trigger that belongs to a table of the schema and watches one outside
CREATE FUNCTION tm_in.quiet() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE CONSTRAINT TRIGGER watch AFTER INSERT ON tm_out.country FROM tm_in.t
	FOR EACH ROW EXECUTE FUNCTION tm_in.quiet();
SELECT tenant.clone('tm_in', 'tm_in3');  -- fails
DROP TRIGGER watch ON tm_out.country;

-- other columns of such a table do no harm, nor what merely looks in
CREATE VIEW tm_in.x AS SELECT plain FROM tm_out.parent;
CREATE TABLE tm_in.y (p int REFERENCES tm_out.parent (plain));
CREATE TABLE tm_out.reference (t int REFERENCES tm_in.t);
SELECT tenant.clone('tm_in', 'tm_in3');

-- foreign keys from partitioned tables to partitioned tables, whose rows are
-- checked; also by an owner who may refer to rows, but not see them
CREATE ROLE regress_tm_referrer;
CREATE TABLE tm_out.ref (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE tm_out.ref1 PARTITION OF tm_out.ref FOR VALUES FROM (0) TO (10);
CREATE TABLE tm_out.ref2 PARTITION OF tm_out.ref FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id);
CREATE TABLE tm_out.ref21 PARTITION OF tm_out.ref2 DEFAULT;
INSERT INTO tm_out.ref VALUES (1), (12);
GRANT REFERENCES ON tm_out.ref, tm_out.country TO regress_tm_referrer;
GRANT USAGE ON SCHEMA tm_out TO regress_tm_referrer;
INSERT INTO tm_out.country VALUES (1), (2);
SELECT tenant.create('tm_in_parts');
GRANT USAGE ON SCHEMA tm_in_parts TO regress_tm_referrer;
CREATE TABLE tm_in_parts.p (r int REFERENCES tm_out.ref, c int REFERENCES tm_out.country) PARTITION BY LIST (r);
CREATE TABLE tm_in_parts.p1 PARTITION OF tm_in_parts.p FOR VALUES IN (1);
CREATE TABLE tm_in_parts.p2 PARTITION OF tm_in_parts.p FOR VALUES IN (12) PARTITION BY LIST (c);
CREATE TABLE tm_in_parts.p21 PARTITION OF tm_in_parts.p2 DEFAULT;
INSERT INTO tm_in_parts.p VALUES (1, 1), (12, 2);
SET tenant_mgr.clone_lock = none;
SELECT tenant.clone('tm_in_parts', 'tm_in_parts2');
ALTER TABLE tm_in_parts.p OWNER TO regress_tm_referrer;
ALTER TABLE tm_in_parts.p21 OWNER TO regress_tm_referrer;
SELECT tenant.clone('tm_in_parts', 'tm_in_parts3');
SELECT * FROM tm_in_parts3.p ORDER BY r;
DELETE FROM tm_out.country WHERE id = 2;  -- fails
-- a row that the source could only have with its triggers disabled
ALTER TABLE tm_in_parts.p21 DISABLE TRIGGER ALL;
INSERT INTO tm_in_parts.p21 VALUES (12, 3);
ALTER TABLE tm_in_parts.p21 ENABLE TRIGGER ALL;
SELECT tenant.clone('tm_in_parts', 'tm_in_parts4');  -- fails
RESET tenant_mgr.clone_lock;

-- a record of an object that is not there is an error, not a loop
SET allow_system_table_mods = on;
INSERT INTO pg_depend VALUES ('pg_class'::regclass, 1, 0, 'pg_namespace'::regclass, 'tm_in'::regnamespace, 0, 'n');
SELECT tenant.clone('tm_in', 'tm_in4');  -- fails
\echo :LAST_ERROR_SQLSTATE
DELETE FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = 1;
RESET allow_system_table_mods;

SET client_min_messages = warning;
DROP SCHEMA tm_out CASCADE;
SELECT tenant.drop(name, purge => true) FROM tenant.tenants WHERE name ~ '^tm_in' ORDER BY name;
DROP ROLE regress_tm_referrer;
