-- clone_refusals.sql: what the database cannot have twice is refused by name,
-- and nothing is left of the clone.

-- a type of somebody else's has one default operator class
CREATE SCHEMA tm_rival;
CREATE FUNCTION tm_rival.hash_point(point) RETURNS int
	LANGUAGE sql IMMUTABLE STRICT AS 'SELECT 1';
CREATE OPERATOR CLASS tm_rival.point_ops DEFAULT FOR TYPE point USING hash AS
	OPERATOR 1 ~= (point, point), FUNCTION 1 tm_rival.hash_point(point);
SELECT tenant.clone('tm_rival', 'tm_rival_2');  -- fails
\echo :LAST_ERROR_SQLSTATE
-- a type of the schema comes along and has its own
CREATE TYPE tm_rival.mood AS ENUM ('sad', 'happy');
CREATE FUNCTION tm_rival.hash_mood(tm_rival.mood) RETURNS int
	LANGUAGE sql IMMUTABLE STRICT AS 'SELECT 1';
CREATE OPERATOR CLASS tm_rival.mood_ops DEFAULT FOR TYPE tm_rival.mood USING hash AS
	FUNCTION 1 tm_rival.hash_mood(tm_rival.mood);
DROP OPERATOR FAMILY tm_rival.point_ops USING hash CASCADE;
SELECT tenant.clone('tm_rival', 'tm_rival_2');

-- an operator family has one function of a number between two types
CREATE SCHEMA tm_entry;
CREATE FUNCTION tm_entry.compare(int, point) RETURNS int
	LANGUAGE sql IMMUTABLE STRICT AS 'SELECT 1';
CREATE OPERATOR FAMILY public.regress_tm_family USING btree;
ALTER OPERATOR FAMILY public.regress_tm_family USING btree
	ADD FUNCTION 1 (int, point) tm_entry.compare(int, point);
SELECT tenant.clone('tm_entry', 'tm_entry_2');  -- fails
\echo :LAST_ERROR_SQLSTATE

-- an operator class belongs to its family, in whatever schema
CREATE SCHEMA tm_family;
CREATE OPERATOR FAMILY tm_family.ints USING btree;
CREATE OPERATOR CLASS public.regress_tm_ints FOR TYPE int USING btree FAMILY tm_family.ints AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(int, int);
SELECT tenant.clone('tm_family', 'tm_family_2');  -- fails
\echo :LAST_ERROR_SQLSTATE

SELECT nspname FROM pg_namespace WHERE nspname ~ '^tm_' ORDER BY nspname;

SELECT tenant.drop('tm_rival_2', purge => true);
SET client_min_messages = warning;
DROP SCHEMA tm_rival, tm_entry, tm_family CASCADE;
DROP OPERATOR FAMILY public.regress_tm_family USING btree;

-- a node that no stored expression has is not known, and is not passed over
CREATE SCHEMA tm_strange
	CREATE TABLE t (id int DEFAULT 1, r regclass DEFAULT 'pg_class');
CREATE CAST (text AS pg_node_tree) WITHOUT FUNCTION;
UPDATE pg_attrdef SET adbin = (replace(adbin::text, '{CONST', '({ALTERNATIVESUBPLAN :subplans <>} {CONST') || ')')::pg_node_tree
WHERE adrelid = 'tm_strange.t'::regclass AND adnum = 2;
\set VERBOSITY terse
SELECT tenant.clone('tm_strange', 'tm_strange_2');  -- fails
\set VERBOSITY default
\echo :LAST_ERROR_SQLSTATE
DROP CAST (text AS pg_node_tree);
DROP SCHEMA tm_strange CASCADE;
