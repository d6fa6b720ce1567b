# SchemaChanges.pm: a schema with an object of every kind, and changes of all kinds.
#
# A change says what diff_sql has to make of it, seen from a schema that is not
# changed:
#
#   repaired  its statements make both alike again
#   told      there is no such statement, or one that would lose something: a
#             comment says so
#   nothing   pg_dump shows no difference
#
# and whether the same must be repaired the other way round, in a schema that
# lacks the change.  "super" is what only a superuser can do, or repair.
# %1$s is a name that is made up for each change.
package SchemaChanges;

use strict;
use warnings;
use Exporter 'import';
use Test::More;
use TenantTest;

our @EXPORT = qw(changes_database chosen_changes);

# A server with a database of this name, in which the schema is; and the server's
# version.
sub changes_database
{
	my ($name) = @_;
	my $node = new_node($name, "max_locks_per_transaction = 256\n");

	$node->safe_psql('postgres', "CREATE DATABASE $name");
	my $version = int($node->safe_psql($name, 'SHOW server_version_num') / 10000);
	$node->safe_psql($name, 'SET client_min_messages = error; CREATE EXTENSION tenant_mgr; ' . base_schema($version));
	return ($node, $version);
}

# TM_COMPARE_CHANGES of these changes (25; "all" for each one once), in the order of
# the generator that TM_COMPARE_SEED starts.
sub chosen_changes
{
	my ($version, $suits) = @_;
	my @changes = grep { !$suits || $suits->($_) } schema_changes($version);
	my $rounds = $ENV{TM_COMPARE_CHANGES} || 25;
	my $seed = $ENV{TM_COMPARE_SEED} || time;

	srand($seed);
	note("seed $seed");
	return $rounds eq 'all' ? @changes : map { $changes[ int rand @changes ] } 1 .. $rounds;
}

# Statements that make the schema src, of which those of a later server are left
# out.
sub base_schema
{
	my ($version) = @_;
	my $sql = <<'SQL';
CREATE ROLE regress_tm_cmp_owner; CREATE ROLE regress_tm_cmp_a; CREATE ROLE regress_tm_cmp_b;
GRANT regress_tm_cmp_a, regress_tm_cmp_b TO regress_tm_cmp_owner;
CREATE TABLE public.shared (id int PRIMARY KEY);
GRANT REFERENCES ON public.shared TO PUBLIC;
CREATE FOREIGN DATA WRAPPER regress_tm_fdw; CREATE SERVER regress_tm_server FOREIGN DATA WRAPPER regress_tm_fdw;
GRANT USAGE ON FOREIGN SERVER regress_tm_server TO regress_tm_cmp_owner;
CREATE SCHEMA src AUTHORIZATION regress_tm_cmp_owner;
GRANT USAGE, CREATE ON SCHEMA src TO regress_tm_cmp_a, regress_tm_cmp_b;
SET search_path = src;
CREATE TYPE based;
CREATE FUNCTION based_in(cstring) RETURNS based LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION based_out(based) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE based (INPUT = based_in, OUTPUT = based_out, LIKE = text);
CREATE TEXT SEARCH PARSER pieces (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype, HEADLINE = prsd_headline);
CREATE TEXT SEARCH TEMPLATE plain (INIT = dsimple_init, LEXIZE = dsimple_lexize);
SET ROLE regress_tm_cmp_owner;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE unused AS ENUM ('one', 'two');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN code AS varchar(10) DEFAULT 'none' CONSTRAINT short CHECK (length(VALUE) > 2);
CREATE TYPE pair AS (a int, b text);
CREATE TYPE span AS RANGE (subtype = int4);
CREATE TYPE words_range AS RANGE (subtype = text, collation = "C", multirange_type_name = words_ranges);
CREATE SEQUENCE counter;
CREATE SEQUENCE small AS smallint INCREMENT BY -1 MINVALUE -50 CACHE 3 CYCLE;
CREATE FUNCTION twice(x int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT x * 2';
CREATE FUNCTION thrice(x int) RETURNS int LANGUAGE sql IMMUTABLE RETURN x * 3;
CREATE FUNCTION sized(x int, y text DEFAULT 'y', VARIADIC z int[] DEFAULT '{}') RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN x; END';
CREATE FUNCTION several(x int) RETURNS SETOF pair LANGUAGE sql ROWS 10 COST 50 AS 'SELECT x, x::text';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE PROCEDURE work(INOUT n int) LANGUAGE plpgsql AS 'BEGIN n := 1; END';
CREATE TABLE customer (id serial PRIMARY KEY, name text NOT NULL DEFAULT 'x', mood mood, note text, amount numeric(10,2),
	doubled int GENERATED ALWAYS AS (id * 2) STORED, code code, score int DEFAULT twice(4), UNIQUE (name));
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY (START 10) PRIMARY KEY, customer int REFERENCES customer, placed date DEFAULT current_date,
	note text, CHECK (id > 0), CONSTRAINT fast CHECK (thrice(customer) > 0));
CREATE TABLE line (orders bigint REFERENCES orders ON DELETE CASCADE, nr int, what pair, tags text[] DEFAULT '{}', during int4range,
	PRIMARY KEY (orders, nr), EXCLUDE USING gist (during WITH &&));
CREATE TABLE animal (id int, kind text, CHECK (id > 0)); CREATE TABLE dog (bark text) INHERITS (animal);
CREATE TABLE event (at date NOT NULL, what text, PRIMARY KEY (at)) PARTITION BY RANGE (at);
CREATE TABLE event_2025 PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE event_rest PARTITION OF event DEFAULT;
CREATE TABLE apart (at date NOT NULL, what text, PRIMARY KEY (at));
CREATE TABLE kinds (k text, n int) PARTITION BY LIST (k);
CREATE TABLE kinds_a PARTITION OF kinds FOR VALUES IN ('a') PARTITION BY HASH (n);
CREATE TABLE kinds_a0 PARTITION OF kinds_a FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE INDEX kinds_n ON kinds (n);
CREATE TABLE typed OF pair;
CREATE FOREIGN TABLE far (id int OPTIONS (column_name 'ID'), note text) SERVER regress_tm_server OPTIONS (table_name 'far', schema_name 's');
CREATE INDEX orders_placed ON orders (placed); CREATE INDEX orders_note ON orders (lower(note)) WHERE note IS NOT NULL;
CREATE UNIQUE INDEX customer_note ON customer (note) NULLS NOT DISTINCT;
CREATE VIEW big AS SELECT id, name FROM customer WHERE amount > 100;
CREATE VIEW bigger AS SELECT id, upper(name) AS name FROM big WHERE twice(id) > 6;
CREATE VIEW checked AS SELECT id, note FROM orders WHERE id > 5 WITH LOCAL CHECK OPTION;
CREATE VIEW noted AS SELECT id, note FROM orders UNION ALL SELECT id, note FROM customer;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM orders;
CREATE MATERIALIZED VIEW summed AS SELECT name, sum(amount) AS amount FROM customer GROUP BY name;
CREATE UNIQUE INDEX summed_name ON summed (name);
CREATE TRIGGER touched BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER instead INSTEAD OF INSERT ON big FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER touched_part BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION touch();
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON line DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION touch();
CREATE POLICY own ON customer USING (name = current_user);
CREATE POLICY few ON orders FOR SELECT TO regress_tm_cmp_a USING (id < 10);
CREATE RULE quiet AS ON DELETE TO dog WHERE old.id > 5 DO INSTEAD NOTHING;
CREATE RULE kept AS ON UPDATE TO bigger DO INSTEAD UPDATE customer SET name = new.name WHERE customer.id = old.id;
CREATE STATISTICS both_columns ON id, note FROM orders;
CREATE STATISTICS one_expression ON (lower(note)) FROM orders;
CREATE TEXT SEARCH DICTIONARY words (TEMPLATE = simple, STOPWORDS = english); CREATE TEXT SEARCH CONFIGURATION conf (COPY = simple);
CREATE FUNCTION same(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN $1 = $2;
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = same);
CREATE FUNCTION first_of(pair) RETURNS int LANGUAGE sql IMMUTABLE RETURN ($1).a;
CREATE OPERATOR !== (RIGHTARG = pair, FUNCTION = first_of);
CREATE COLLATION german (provider = libc, locale = 'C');
CREATE COLLATION mixed (provider = libc, lc_collate = 'C', lc_ctype = 'POSIX');
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE AGGREGATE highest(int) (SFUNC = int4larger, STYPE = int, COMBINEFUNC = int4larger, SORTOP = >, PARALLEL = SAFE);
CREATE CONVERSION latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
COMMENT ON TABLE customer IS 'who buys'; GRANT SELECT ON customer TO regress_tm_cmp_a;
COMMENT ON VIEW big IS 'many'; COMMENT ON COLUMN big.name IS 'who'; GRANT SELECT ON big TO regress_tm_cmp_b;
GRANT UPDATE (note) ON orders TO regress_tm_cmp_a WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES IN SCHEMA src GRANT SELECT ON SEQUENCES TO regress_tm_cmp_a;
RESET ROLE;
CREATE OPERATOR FAMILY fam USING btree;
CREATE OPERATOR CLASS cls FOR TYPE int USING btree FAMILY fam AS OPERATOR 3 === (int, int), FUNCTION 1 btint4cmp(int, int);
CREATE CAST (pair AS text) WITH INOUT;
CREATE FUNCTION pair_int(pair) RETURNS int LANGUAGE sql IMMUTABLE RETURN ($1).a;
CREATE CAST (pair AS int) WITH FUNCTION pair_int(pair) AS ASSIGNMENT;
SQL
	$sql .= <<'SQL' if $version >= 18;
SET ROLE regress_tm_cmp_owner;
CREATE TABLE period (id int, during daterange, half int GENERATED ALWAYS AS (id / 2) VIRTUAL, CONSTRAINT id_here NOT NULL id, extra text,
	CONSTRAINT extra_here NOT NULL extra NO INHERIT,
	EXCLUDE USING gist (during WITH &&));
CREATE TABLE promised (id int PRIMARY KEY, customer int, CONSTRAINT maybe FOREIGN KEY (customer) REFERENCES customer NOT ENFORCED,
	CONSTRAINT hoped CHECK (id > 10) NOT ENFORCED);
RESET ROLE;
SQL
	return $sql;
}

my @changes = (
	# columns
	[ 'told', 'repaired', 'column added', 'ALTER TABLE customer ADD %1$s int' ],
	[ 'told', 'repaired', 'column with default added', q{ALTER TABLE customer ADD %1$s text NOT NULL DEFAULT 'new'} ],
	[ 'told', 'repaired', 'generated column added', 'ALTER TABLE orders ADD %1$s bigint GENERATED ALWAYS AS (id + 1) STORED' ],
	[ 'told', 'repaired', 'identity column added', 'ALTER TABLE line ADD %1$s int GENERATED BY DEFAULT AS IDENTITY (INCREMENT 5)' ],
	[ 'told', 'repaired', 'serial column added', 'ALTER TABLE animal ADD %1$s serial' ],
	[ 'told', 'repaired', 'domain column added', 'ALTER TABLE animal ADD %1$s positive' ],
	[ 'told', 'told', 'column dropped', 'ALTER TABLE customer DROP note CASCADE' ],
	[ 'repaired', 'told', 'last column dropped', 'ALTER TABLE orders DROP note CASCADE' ],
	[ 'repaired', 'told', 'last column of a table dropped', 'ALTER TABLE line DROP during' ],
	[ 'told', 'told', 'column renamed', 'ALTER TABLE customer RENAME note TO %1$s' ],
	[ 'nothing', 'nothing', 'column added and dropped', 'ALTER TABLE animal ADD x int; ALTER TABLE animal DROP x' ],
	[ 'told', 'told', 'column dropped and added again', 'ALTER TABLE customer DROP amount CASCADE; ALTER TABLE customer ADD amount numeric(10,2)' ],
	[ 'told', 'repaired', 'type widened', 'ALTER TABLE line ALTER nr TYPE bigint' ],
	[ 'told', 'repaired', 'type widened below a view', 'ALTER TABLE line ALTER nr TYPE bigint; CREATE VIEW %1$s AS SELECT nr FROM line' ],
	[ 'repaired', 'told', 'type narrowed', 'ALTER TABLE line ALTER tags DROP DEFAULT; ALTER TABLE line ALTER tags TYPE varchar(5)[]' ],
	[ 'told', 'told', 'type without a way back', 'ALTER TABLE line ALTER during TYPE text' , 'fails' ],
	[ 'repaired', 'repaired', 'collation of a column', 'ALTER TABLE animal ALTER kind TYPE text COLLATE "C"' ],
	[ 'repaired', 'repaired', 'default', q{ALTER TABLE customer ALTER name SET DEFAULT '%1$s'} ],
	[ 'repaired', 'repaired', 'default dropped', 'ALTER TABLE orders ALTER placed DROP DEFAULT' ],
	[ 'repaired', 'repaired', 'default of equal meaning', q{ALTER TABLE customer ALTER name SET DEFAULT 'x'::varchar} ],
	[ 'repaired', 'repaired', 'default by a new function', 'CREATE FUNCTION %1$s() RETURNS int LANGUAGE sql RETURN 4; ALTER TABLE customer ALTER score SET DEFAULT %1$s()' ],
	[ 'told', 'repaired', 'default by a new sequence', q{CREATE SEQUENCE %1$s; ALTER TABLE animal ALTER id SET DEFAULT nextval('%1$s')} ],
	[ 'repaired', 'repaired', 'not null', 'ALTER TABLE orders ALTER note SET NOT NULL' ],
	[ 'repaired', 'repaired', 'nullable', 'ALTER TABLE customer ALTER name DROP NOT NULL' ],
	[ 'told', 'repaired', 'expression dropped', 'ALTER TABLE customer ALTER doubled DROP EXPRESSION' ],
	[ 'repaired', 'repaired', 'identity by default', 'ALTER TABLE orders ALTER id SET GENERATED BY DEFAULT' ],
	[ 'repaired', 'repaired', 'options of an identity', 'ALTER TABLE orders ALTER id SET INCREMENT BY 7 SET CACHE 4 SET MAXVALUE 5000' ],
	[ 'repaired', 'repaired', 'sequence of an identity renamed', 'ALTER SEQUENCE orders_id_seq RENAME TO %1$s' ],
	[ 'told', 'told', 'table with an identity renamed', 'ALTER TABLE orders RENAME TO %1$s' ],
	[ 'repaired', 'told', 'identity dropped', 'ALTER TABLE orders ALTER id DROP IDENTITY' ],
	[ 'told', 'repaired', 'identity added', 'ALTER TABLE line ALTER nr ADD GENERATED ALWAYS AS IDENTITY' ],
	[ 'repaired', 'repaired', 'storage', 'ALTER TABLE customer ALTER note SET STORAGE EXTERNAL' ],
	[ 'repaired', 'repaired', 'compression', 'ALTER TABLE customer ALTER note SET COMPRESSION pglz' ],
	[ 'repaired', 'repaired', 'statistics target', 'ALTER TABLE customer ALTER note SET STATISTICS 77' ],
	[ 'repaired', 'repaired', 'statistics target of zero', 'ALTER TABLE customer ALTER note SET STATISTICS 0' ],
	[ 'repaired', 'repaired', 'option of a column', 'ALTER TABLE customer ALTER id SET (n_distinct = -0.5)' ],
	[ 'repaired', 'repaired', 'option of a table', 'ALTER TABLE customer SET (fillfactor = 70, autovacuum_enabled = false)' ],
	[ 'repaired', 'repaired', 'option for TOAST', 'ALTER TABLE customer SET (toast.autovacuum_enabled = false)' ],
	[ 'repaired', 'repaired', 'unlogged', 'ALTER TABLE animal SET UNLOGGED' ],
	[ 'repaired', 'repaired', 'row security', 'ALTER TABLE customer ENABLE ROW LEVEL SECURITY' ],
	[ 'repaired', 'repaired', 'forced row security', 'ALTER TABLE customer FORCE ROW LEVEL SECURITY' ],
	[ 'repaired', 'repaired', 'replica identity', 'ALTER TABLE customer REPLICA IDENTITY FULL' ],
	[ 'repaired', 'repaired', 'replica identity by index', 'ALTER TABLE customer REPLICA IDENTITY USING INDEX customer_name_key' ],
	[ 'repaired', 'repaired', 'clustered', 'ALTER TABLE orders CLUSTER ON orders_placed' ],
	[ 'told', 'repaired', 'table added', 'CREATE TABLE %1$s (id serial PRIMARY KEY, customer int REFERENCES customer, m mood, CHECK (id > 3)); CREATE INDEX ON %1$s (m); GRANT SELECT ON %1$s TO regress_tm_cmp_a' ],
	[ 'repaired', 'told', 'table dropped', 'DROP TABLE line' ],
	[ 'repaired', 'told', 'typed table dropped', 'DROP TABLE typed' ],
	[ 'told', 'told', 'table renamed', 'ALTER TABLE customer RENAME TO %1$s' ],

	# constraints and indexes
	[ 'repaired', 'repaired', 'check', 'ALTER TABLE customer ADD CHECK (amount > 0)' ],
	[ 'repaired', 'repaired', 'check of a parent', 'ALTER TABLE animal ADD CONSTRAINT %1$s CHECK (id < 100)' ],
	[ 'repaired', 'repaired', 'check not inherited', 'ALTER TABLE animal ADD CONSTRAINT %1$s CHECK (id < 100) NO INHERIT' ],
	[ 'repaired', 'repaired', 'check that is not valid', 'ALTER TABLE customer ADD CONSTRAINT %1$s CHECK (amount > 1) NOT VALID' ],
	[ 'repaired', 'repaired', 'check by a new function', 'CREATE FUNCTION %1$s(int) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN $1 > 3; ALTER TABLE customer ADD CHECK (%1$s(id))' ],
	[ 'repaired', 'repaired', 'unique', 'ALTER TABLE customer ADD UNIQUE (note)' ],
	[ 'repaired', 'repaired', 'unique with nulls', 'ALTER TABLE customer ADD CONSTRAINT %1$s UNIQUE NULLS NOT DISTINCT (note) INCLUDE (amount) WITH (fillfactor = 60) DEFERRABLE' ],
	[ 'repaired', 'repaired', 'exclusion', 'ALTER TABLE orders ADD EXCLUDE USING btree (placed WITH =) WHERE (id > 2)' ],
	[ 'repaired', 'repaired', 'constraint dropped', 'ALTER TABLE customer DROP CONSTRAINT customer_name_key' ],
	[ 'repaired', 'repaired', 'key dropped', 'ALTER TABLE line DROP CONSTRAINT line_pkey' ],
	[ 'repaired', 'repaired', 'key that others refer to dropped', 'ALTER TABLE orders DROP CONSTRAINT orders_pkey CASCADE' ],
	[ 'repaired', 'repaired', 'constraint renamed', 'ALTER TABLE customer RENAME CONSTRAINT customer_name_key TO %1$s' ],
	[ 'repaired', 'repaired', 'key renamed', 'ALTER TABLE customer RENAME CONSTRAINT customer_pkey TO %1$s' ],
	[ 'repaired', 'repaired', 'foreign key', 'ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES public.shared ON DELETE CASCADE' ],
	[ 'repaired', 'repaired', 'foreign key of some columns', 'ALTER TABLE line ADD CONSTRAINT %1$s FOREIGN KEY (orders, nr) REFERENCES line MATCH FULL ON UPDATE SET NULL' ],
	[ 'repaired', 'repaired', 'foreign key dropped', 'ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey' ],
	[ 'repaired', 'repaired', 'foreign key deferrable', 'ALTER TABLE orders ALTER CONSTRAINT orders_customer_fkey DEFERRABLE INITIALLY DEFERRED' ],
	[ 'repaired', 'repaired', 'foreign key not valid', 'ALTER TABLE line ADD CONSTRAINT %1$s FOREIGN KEY (nr) REFERENCES customer NOT VALID' ],
	[ 'repaired', 'repaired', 'foreign key to a partitioned table', 'ALTER TABLE orders ADD FOREIGN KEY (placed) REFERENCES event' ],
	[ 'told', 'repaired', 'foreign key of a partitioned table', 'ALTER TABLE kinds ADD FOREIGN KEY (n) REFERENCES customer' ],
	[ 'repaired', 'repaired', 'index', 'CREATE INDEX ON customer (note DESC NULLS LAST)' ],
	[ 'repaired', 'repaired', 'index with columns aside', 'CREATE UNIQUE INDEX ON customer (note text_pattern_ops) INCLUDE (amount)' ],
	[ 'repaired', 'repaired', 'index of other nulls', 'DROP INDEX customer_note; CREATE UNIQUE INDEX customer_note ON customer (note)' ],
	[ 'repaired', 'repaired', 'index of another method', 'DROP INDEX orders_placed; CREATE INDEX orders_placed ON orders USING hash (placed) WITH (fillfactor = 40)' ],
	[ 'repaired', 'repaired', 'index dropped', 'DROP INDEX orders_placed' ],
	[ 'repaired', 'repaired', 'index renamed', 'ALTER INDEX orders_placed RENAME TO %1$s' ],
	[ 'repaired', 'repaired', 'option of an index', 'ALTER INDEX orders_placed SET (fillfactor = 50)' ],
	[ 'nothing', 'nothing', 'index made again', 'DROP INDEX orders_placed; CREATE INDEX orders_placed ON orders (placed)' ],
	[ 'repaired', 'repaired', 'target of an index', 'ALTER INDEX orders_note ALTER COLUMN 1 SET STATISTICS 33' ],
	[ 'repaired', 'repaired', 'index of a partitioned table', 'CREATE INDEX ON event (what)' ],
	[ 'repaired', 'repaired', 'index of a partitioned table dropped', 'DROP INDEX kinds_n' ],
	[ 'repaired', 'repaired', 'index of a partition', 'CREATE INDEX ON event_2025 (what)' ],
	[ 'repaired', 'repaired', 'index on one level', 'CREATE INDEX %1$s ON ONLY event (what)' ],
	[ 'repaired', 'repaired', 'operator class', 'CREATE INDEX ON customer (id cls)' , 'super' ],

	# partitions and inheritance
	[ 'told', 'repaired', 'partition', q{ALTER TABLE event DETACH PARTITION event_rest; CREATE TABLE %1$s PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01'); ALTER TABLE event ATTACH PARTITION event_rest DEFAULT} ],
	[ 'told', 'told', 'partition renamed', 'ALTER TABLE event_2025 RENAME TO %1$s' ],
	[ 'told', 'told', 'partition in another schema', 'ALTER TABLE event_2025 SET SCHEMA public', 'super' ],
	[ 'repaired', 'repaired', 'constraint validated in a partition', q{ALTER TABLE event ADD CONSTRAINT %1$s CHECK (what <> 'x') NOT VALID; ALTER TABLE event_2025 VALIDATE CONSTRAINT %1$s} ],
	[ 'repaired', 'repaired', 'partition detached', 'ALTER TABLE event DETACH PARTITION event_2025' ],
	[ 'repaired', 'repaired', 'default partition detached', 'ALTER TABLE event DETACH PARTITION event_rest' ],
	[ 'repaired', 'repaired', 'partition attached', q{ALTER TABLE event ATTACH PARTITION apart FOR VALUES FROM ('2030-01-01') TO ('2031-01-01')} ],
	[ 'repaired', 'repaired', 'other bounds', q{ALTER TABLE event DETACH PARTITION event_2025; ALTER TABLE event ATTACH PARTITION event_2025 FOR VALUES FROM ('2025-02-01') TO ('2025-03-01')} ],
	[ 'told', 'repaired', 'partition by hash', 'CREATE TABLE %1$s PARTITION OF kinds_a FOR VALUES WITH (MODULUS 2, REMAINDER 1)' ],
	[ 'repaired', 'told', 'partition dropped', 'DROP TABLE event_2025' ],
	[ 'repaired', 'told', 'partitioned table dropped', 'DROP TABLE kinds' ],
	[ 'told', 'repaired', 'no longer inherited', 'ALTER TABLE dog NO INHERIT animal' ],
	[ 'told', 'told', 'inherited', 'CREATE TABLE %1$s (age int, id int, kind text, CONSTRAINT animal_id_check CHECK (id > 0)); ALTER TABLE %1$s INHERIT animal', 'told' ],
	[ 'told', 'repaired', 'column of a parent', 'ALTER TABLE animal ADD %1$s int DEFAULT 5' ],
	[ 'repaired', 'repaired', 'default of a child', 'ALTER TABLE dog ALTER id SET DEFAULT 9' ],
	[ 'repaired', 'repaired', 'default of a partition', q{ALTER TABLE event_2025 ALTER what SET DEFAULT 'party'} ],

	# views
	[ 'repaired', 'repaired', 'view', 'CREATE OR REPLACE VIEW big AS SELECT id, name FROM customer WHERE amount > 200' ],
	[ 'repaired', 'repaired', 'view with another column', 'CREATE OR REPLACE VIEW big AS SELECT id, name, note FROM customer' ],
	[ 'repaired', 'repaired', 'view on another', 'CREATE VIEW %1$s AS SELECT * FROM bigger; CREATE VIEW %1$s_aaa AS SELECT * FROM %1$s' ],
	[ 'repaired', 'repaired', 'column of a view renamed', 'ALTER VIEW big RENAME name TO %1$s' ],
	[ 'repaired', 'repaired', 'option of a view', 'ALTER VIEW big SET (security_barrier = true, security_invoker = true)' ],
	[ 'repaired', 'repaired', 'check option', 'ALTER VIEW checked SET (check_option = cascaded)' ],
	[ 'repaired', 'repaired', 'no check option', 'ALTER VIEW checked RESET (check_option)' ],
	[ 'repaired', 'repaired', 'default of a view', 'ALTER VIEW big ALTER id SET DEFAULT 5' ],
	[ 'repaired', 'repaired', 'views dropped', 'DROP VIEW big CASCADE' ],
	[ 'repaired', 'repaired', 'view renamed', 'ALTER VIEW bigger RENAME TO %1$s' ],
	[ 'repaired', 'repaired', 'recursive view', 'CREATE RECURSIVE VIEW %1$s (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM %1$s WHERE n < 5' ],
	[ 'repaired', 'repaired', 'materialized view', 'DROP MATERIALIZED VIEW counted; CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM customer' ],
	[ 'repaired', 'repaired', 'materialized view with an index', 'DROP MATERIALIZED VIEW summed; CREATE MATERIALIZED VIEW summed WITH (fillfactor = 50) AS SELECT name, sum(amount) + 1 AS amount FROM customer GROUP BY name; CREATE UNIQUE INDEX summed_name ON summed (name)' ],
	[ 'nothing', 'nothing', 'materialized view refreshed', 'REFRESH MATERIALIZED VIEW counted' ],
	[ 'repaired', 'repaired', 'storage of a materialized view', 'ALTER MATERIALIZED VIEW summed ALTER name SET STORAGE EXTERNAL; ALTER MATERIALIZED VIEW summed ALTER name SET STATISTICS 7' ],

	# functions
	[ 'repaired', 'repaired', 'body of a function', q{CREATE OR REPLACE FUNCTION twice(x int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT x + x'} ],
	[ 'repaired', 'repaired', 'SQL-standard body', 'CREATE OR REPLACE FUNCTION thrice(x int) RETURNS int LANGUAGE sql IMMUTABLE RETURN x + x + x' ],
	[ 'repaired', 'repaired', 'function', 'ALTER FUNCTION twice(int) STABLE STRICT COST 7 PARALLEL SAFE' ],
	[ 'repaired', 'repaired', 'leakproof function', 'ALTER FUNCTION twice(int) LEAKPROOF', 'super' ],
	[ 'repaired', 'repaired', 'support function', 'ALTER FUNCTION several(int) ROWS 7; ALTER FUNCTION several(int) SUPPORT generate_series_int4_support', 'super' ],
	[ 'repaired', 'repaired', 'setting of a function', 'ALTER FUNCTION twice(int) SET work_mem = 1000' ],
	[ 'repaired', 'repaired', 'path of a function', 'ALTER FUNCTION twice(int) SET search_path = %2$s, pg_temp' ],
	[ 'repaired', 'repaired', 'function dropped', 'DROP FUNCTION sized' ],
	[ 'repaired', 'repaired', 'result of a function', 'DROP FUNCTION sized; CREATE FUNCTION sized(x int, y text DEFAULT $$y$$, VARIADIC z int[] DEFAULT $${}$$) RETURNS bigint LANGUAGE plpgsql STABLE AS $$BEGIN RETURN x; END$$' ],
	[ 'repaired', 'repaired', 'names of arguments', 'DROP FUNCTION sized; CREATE FUNCTION sized(i int, y text DEFAULT $$y$$, VARIADIC z int[] DEFAULT $${}$$) RETURNS int LANGUAGE plpgsql STABLE AS $$BEGIN RETURN i; END$$' ],
	[ 'repaired', 'repaired', 'default of an argument', 'CREATE OR REPLACE FUNCTION sized(x int, y text DEFAULT $$z$$, VARIADIC z int[] DEFAULT $${}$$) RETURNS int LANGUAGE plpgsql STABLE AS $$BEGIN RETURN x; END$$' ],
	[ 'repaired', 'repaired', 'function of another type', q{CREATE FUNCTION twice(x text) RETURNS text LANGUAGE sql AS 'SELECT x'} ],
	[ 'repaired', 'repaired', 'function used everywhere', 'DROP FUNCTION twice(int) CASCADE' ],
	[ 'repaired', 'repaired', 'result of a function used everywhere', q{CREATE FUNCTION %1$s() RETURNS void LANGUAGE sql BEGIN ATOMIC SELECT sum(1) FROM customer; SELECT NULL::void; END} ],
	[ 'repaired', 'repaired', 'procedure', 'ALTER PROCEDURE work(int) SECURITY DEFINER' ],
	[ 'repaired', 'repaired', 'function of a table type', 'CREATE FUNCTION %1$s(customer) RETURNS SETOF orders LANGUAGE sql RETURN NULL::orders' ],
	[ 'repaired', 'repaired', 'window function', q{CREATE FUNCTION %1$s() RETURNS bigint LANGUAGE internal WINDOW AS 'window_row_number'}, 'super' ],
	[ 'repaired', 'repaired', 'aggregate dropped', 'DROP AGGREGATE total(int)' ],
	[ 'repaired', 'repaired', 'aggregate', 'DROP AGGREGATE total(int); CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = $$5$$)' ],
	[ 'repaired', 'repaired', 'ordered aggregate', 'CREATE AGGREGATE %1$s(float8 ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA)', 'super' ],
	[ 'repaired', 'repaired', 'moving aggregate', 'CREATE AGGREGATE %1$s(int) (SFUNC = int4_sum, STYPE = bigint, MSFUNC = int4_avg_accum, MINVFUNC = int4_avg_accum_inv, MSTYPE = bigint[], MFINALFUNC = int2int4_sum, MINITCOND = $${0,0}$$, SSPACE = 9)' ],
	[ 'repaired', 'repaired', 'transform', 'SELECT 1', 'none' ],

	# triggers, rules, policies
	[ 'repaired', 'repaired', 'trigger', 'CREATE TRIGGER %1$s AFTER INSERT ON customer FOR EACH ROW WHEN (new.id > 1) EXECUTE FUNCTION touch()' ],
	[ 'repaired', 'repaired', 'trigger with tables', q{CREATE TRIGGER %1$s AFTER UPDATE ON customer REFERENCING OLD TABLE AS o NEW TABLE AS n EXECUTE FUNCTION touch('a', 'it''s')} ],
	[ 'repaired', 'repaired', 'trigger on columns', 'CREATE TRIGGER %1$s BEFORE UPDATE OF note, name ON customer FOR EACH ROW EXECUTE FUNCTION touch()' ],
	[ 'repaired', 'repaired', 'trigger replaced', 'CREATE OR REPLACE TRIGGER touched BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION touch()' ],
	[ 'repaired', 'repaired', 'trigger disabled', 'ALTER TABLE orders DISABLE TRIGGER touched' ],
	[ 'repaired', 'repaired', 'trigger always', 'ALTER TABLE orders ENABLE ALWAYS TRIGGER touched' ],
	[ 'repaired', 'repaired', 'trigger on a replica', 'ALTER TABLE line ENABLE REPLICA TRIGGER late' ],
	[ 'repaired', 'repaired', 'trigger of a partition disabled', 'ALTER TABLE event_2025 DISABLE TRIGGER touched_part' ],
	[ 'repaired', 'repaired', 'trigger of a partitioned table disabled', 'ALTER TABLE event DISABLE TRIGGER touched_part' ],
	[ 'repaired', 'repaired', 'trigger dropped', 'DROP TRIGGER touched ON orders' ],
	[ 'repaired', 'repaired', 'constraint trigger', 'DROP TRIGGER late ON line; CREATE CONSTRAINT TRIGGER late AFTER INSERT ON line FROM orders DEFERRABLE FOR EACH ROW EXECUTE FUNCTION touch()' ],
	[ 'repaired', 'repaired', 'policy', 'CREATE POLICY %1$s ON orders AS RESTRICTIVE FOR SELECT TO regress_tm_cmp_b, regress_tm_cmp_a USING (id > (SELECT min(id) FROM orders))' ],
	[ 'repaired', 'repaired', 'policy altered', q{ALTER POLICY own ON customer USING (name = 'me') WITH CHECK (true)} ],
	[ 'repaired', 'repaired', 'roles of a policy', 'ALTER POLICY few ON orders TO PUBLIC' ],
	[ 'repaired', 'repaired', 'policy for another command', 'DROP POLICY few ON orders; CREATE POLICY few ON orders FOR UPDATE TO regress_tm_cmp_a USING (id < 10)' ],
	[ 'repaired', 'repaired', 'rule dropped', 'DROP RULE quiet ON dog' ],
	[ 'repaired', 'repaired', 'rule', 'CREATE RULE %1$s AS ON INSERT TO dog WHERE new.id > 7 DO ALSO DELETE FROM animal WHERE animal.id = new.id' ],
	[ 'repaired', 'repaired', 'rule of several', 'CREATE RULE %1$s AS ON INSERT TO dog DO ALSO (DELETE FROM animal WHERE animal.id = new.id; NOTIFY dogs)' ],
	[ 'repaired', 'repaired', 'rule changed', 'CREATE OR REPLACE RULE quiet AS ON DELETE TO dog WHERE old.id > 6 DO INSTEAD NOTHING' ],
	[ 'repaired', 'repaired', 'rule disabled', 'ALTER TABLE dog DISABLE RULE quiet' ],
	[ 'repaired', 'repaired', 'rule of a view', 'DROP RULE kept ON bigger' ],
	[ 'repaired', 'repaired', 'event trigger aside', 'SELECT 1', 'none' ],

	# types
	[ 'told', 'repaired', 'label', q{ALTER TYPE mood ADD VALUE '%1$s'} ],
	[ 'told', 'repaired', 'label in between', q{ALTER TYPE mood ADD VALUE '%1$s' BEFORE 'ok'} ],
	[ 'told', 'repaired', 'label at the start', q{ALTER TYPE mood ADD VALUE '%1$s' BEFORE 'sad'} ],
	[ 'told', 'told', 'label renamed', q{ALTER TYPE mood RENAME VALUE 'sad' TO '%1$s'} ],
	[ 'told', 'told', 'labels in another order', q{DROP TYPE unused; CREATE TYPE unused AS ENUM ('two', 'one')} ],
	[ 'repaired', 'told', 'enum dropped', 'DROP TYPE unused' ],
	[ 'told', 'repaired', 'enum added', q{CREATE TYPE %1$s AS ENUM ('it''s', 'B')} ],
	[ 'repaired', 'repaired', 'domain', 'ALTER DOMAIN positive SET DEFAULT 3; ALTER DOMAIN positive SET NOT NULL' ],
	[ 'repaired', 'repaired', 'check of a domain', 'ALTER DOMAIN positive ADD CONSTRAINT %1$s CHECK (VALUE < 1000) NOT VALID' ],
	[ 'repaired', 'repaired', 'constraint of a domain dropped', 'ALTER DOMAIN code DROP CONSTRAINT short' ],
	[ 'repaired', 'repaired', 'domain added', q{CREATE DOMAIN %1$s AS text COLLATE "C" DEFAULT 'x' NOT NULL CHECK (VALUE <> '')} ],
	[ 'told', 'repaired', 'attribute', 'ALTER TYPE pair ADD ATTRIBUTE %1$s int CASCADE' ],
	[ 'told', 'repaired', 'composite type added', 'CREATE TYPE %1$s AS (x pair, y int[])' ],
	[ 'told', 'repaired', 'range added', 'CREATE TYPE %1$s AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = float8mi)' ],
	[ 'repaired', 'told', 'range dropped', 'DROP TYPE words_range' ],
	[ 'told', 'told', 'range renamed', 'ALTER TYPE span RENAME TO %1$s' ],
	[ 'told', 'told', 'multirange renamed', 'ALTER TYPE words_ranges RENAME TO %1$s' ],
	[ 'told', 'repaired', 'shell type', 'CREATE TYPE %1$s', 'super' ],
	[ 'repaired', 'repaired', 'storage of a base type', 'ALTER TYPE based SET (STORAGE = external)', 'super' ],
	[ 'told', 'repaired', 'base type', 'CREATE TYPE %1$s; CREATE FUNCTION %1$s_in(cstring) RETURNS %1$s LANGUAGE internal IMMUTABLE STRICT AS $$int4in$$; CREATE FUNCTION %1$s_out(%1$s) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS $$int4out$$; CREATE TYPE %1$s (INPUT = %1$s_in, OUTPUT = %1$s_out, INTERNALLENGTH = 4, PASSEDBYVALUE, ALIGNMENT = int4, CATEGORY = $$N$$, DEFAULT = $$5$$)', 'super' ],

	# sequences
	[ 'repaired', 'repaired', 'sequence', 'ALTER SEQUENCE counter INCREMENT BY 5 MAXVALUE 1000 CACHE 3 CYCLE' ],
	[ 'repaired', 'repaired', 'type of a sequence', 'ALTER SEQUENCE counter AS integer' ],
	[ 'repaired', 'repaired', 'descending sequence', 'ALTER SEQUENCE small MINVALUE -60 NO CYCLE' ],
	[ 'nothing', 'nothing', 'position of a sequence', q{SELECT nextval('counter')} ],
	[ 'repaired', 'repaired', 'owner of a sequence', 'ALTER SEQUENCE counter OWNED BY customer.id' ],
	[ 'repaired', 'told', 'sequence dropped', 'DROP SEQUENCE small' ],
	[ 'told', 'repaired', 'sequence added', 'CREATE SEQUENCE %1$s START 7' ],
	[ 'repaired', 'repaired', 'unlogged sequence', 'ALTER SEQUENCE counter SET UNLOGGED' ],

	# what is said of objects
	[ 'repaired', 'repaired', 'comment', q{COMMENT ON COLUMN customer.name IS 'it''s \ %1$s'} ],
	[ 'repaired', 'repaired', 'comment dropped', 'COMMENT ON TABLE customer IS NULL' ],
	(map { [ 'repaired', 'repaired', "comment on $_", "COMMENT ON $_ IS '%1\$s'" ] }
		'FUNCTION twice(int)', 'CONSTRAINT customer_pkey ON customer', 'SCHEMA %2$s', 'INDEX orders_placed', 'VIEW bigger',
		'MATERIALIZED VIEW counted', 'SEQUENCE counter', 'TRIGGER touched ON orders', 'POLICY own ON customer', 'RULE quiet ON dog',
		'TYPE mood', 'TYPE pair', 'COLUMN pair.a', 'DOMAIN code', 'CONSTRAINT short ON DOMAIN code', 'AGGREGATE total(int)', 'PROCEDURE work(int)',
		'STATISTICS both_columns', 'OPERATOR === (int, int)', 'OPERATOR !== (NONE, pair)', 'COLLATION german', 'CONVERSION latin',
		'TEXT SEARCH CONFIGURATION conf', 'TEXT SEARCH DICTIONARY words', 'FOREIGN TABLE far', 'COLUMN far.note', 'COLUMN checked.note', 'COLUMN summed.name', 'TYPE span'),
	(map { [ 'repaired', 'repaired', "comment on $_", "COMMENT ON $_ IS '%1\$s'", 'super' ] }
		'OPERATOR CLASS cls USING btree', 'OPERATOR FAMILY fam USING btree', 'CAST (pair AS int)', 'TEXT SEARCH PARSER pieces', 'TEXT SEARCH TEMPLATE plain', 'TYPE based'),
	(map { [ 'repaired', 'repaired', "owner of $_", "ALTER $_ OWNER TO regress_tm_cmp_a" ] }
		'TABLE animal', 'FUNCTION twice(int)', 'PROCEDURE work(int)', 'AGGREGATE total(int)', 'SEQUENCE counter', 'VIEW bigger', 'MATERIALIZED VIEW counted',
		'TYPE mood', 'TYPE pair', 'TYPE span', 'DOMAIN code', 'STATISTICS both_columns', 'OPERATOR === (int, int)', 'COLLATION german', 'CONVERSION latin',
		'TEXT SEARCH CONFIGURATION conf', 'TEXT SEARCH DICTIONARY words', 'FOREIGN TABLE far', 'TABLE event'),
	(map { [ 'repaired', 'repaired', "owner of $_", "ALTER $_ OWNER TO regress_tm_cmp_a", 'super' ] }
		'OPERATOR CLASS cls USING btree', 'OPERATOR FAMILY fam USING btree', 'TYPE based'),
	(map { [ 'repaired', 'repaired', "grant $_", "GRANT $_ TO regress_tm_cmp_b" ] }
		'SELECT, INSERT ON orders', 'USAGE ON SEQUENCE counter', 'EXECUTE ON FUNCTION twice(int)', 'EXECUTE ON PROCEDURE work(int)', 'USAGE ON TYPE mood',
		'USAGE ON DOMAIN code', 'EXECUTE ON FUNCTION total(int)', 'SELECT ON bigger', 'SELECT ON counted', 'SELECT ON far', 'ALL ON line', 'SELECT (id), UPDATE (id, note) ON orders', 'UPDATE (name) ON big', 'USAGE ON TYPE span'),
	[ 'told', 'repaired', 'grant with option', 'GRANT SELECT, INSERT ON orders TO regress_tm_cmp_a WITH GRANT OPTION; GRANT DELETE ON orders TO regress_tm_cmp_a' ],
	[ 'told', 'repaired', 'grant by another', 'GRANT SELECT ON orders TO regress_tm_cmp_a WITH GRANT OPTION; SET ROLE regress_tm_cmp_a; GRANT SELECT ON orders TO regress_tm_cmp_b; RESET ROLE' ],
	[ 'repaired', 'repaired', 'grant to all', 'GRANT SELECT ON orders TO PUBLIC' ],
	[ 'repaired', 'repaired', 'revoke', 'REVOKE SELECT ON customer FROM regress_tm_cmp_a' ],
	[ 'repaired', 'repaired', 'revoke from the owner', 'REVOKE DELETE ON customer FROM regress_tm_cmp_owner' ],
	[ 'repaired', 'repaired', 'revoke all from the owner', 'REVOKE ALL ON line FROM regress_tm_cmp_owner' ],
	[ 'repaired', 'repaired', 'revoke on a column', 'REVOKE UPDATE (note) ON orders FROM regress_tm_cmp_a' ],
	[ 'nothing', 'nothing', 'grant and revoke', 'GRANT SELECT ON animal TO regress_tm_cmp_a; REVOKE SELECT ON animal FROM regress_tm_cmp_a' ],
	[ 'repaired', 'repaired', 'execute', 'REVOKE EXECUTE ON FUNCTION twice(int) FROM PUBLIC' ],
	[ 'repaired', 'repaired', 'usage of a type', 'REVOKE USAGE ON TYPE mood FROM PUBLIC' ],
	[ 'repaired', 'repaired', 'usage of the schema', 'REVOKE USAGE ON SCHEMA %2$s FROM regress_tm_cmp_b' ],
	[ 'repaired', 'repaired', 'default privileges', 'ALTER DEFAULT PRIVILEGES IN SCHEMA %2$s GRANT SELECT ON TABLES TO regress_tm_cmp_b' ],
	[ 'repaired', 'repaired', 'default privileges with option', 'ALTER DEFAULT PRIVILEGES IN SCHEMA %2$s GRANT EXECUTE ON FUNCTIONS TO regress_tm_cmp_b WITH GRANT OPTION; ALTER DEFAULT PRIVILEGES IN SCHEMA %2$s GRANT USAGE ON TYPES TO regress_tm_cmp_b' ],
	[ 'repaired', 'repaired', 'default privileges of another', 'ALTER DEFAULT PRIVILEGES FOR ROLE regress_tm_cmp_a IN SCHEMA %2$s GRANT INSERT, DELETE ON TABLES TO regress_tm_cmp_b' ],
	[ 'repaired', 'repaired', 'default privileges changed', 'ALTER DEFAULT PRIVILEGES IN SCHEMA %2$s GRANT USAGE ON SEQUENCES TO regress_tm_cmp_a, PUBLIC' ],
	[ 'repaired', 'repaired', 'default privileges revoked', 'ALTER DEFAULT PRIVILEGES IN SCHEMA %2$s REVOKE SELECT ON SEQUENCES FROM regress_tm_cmp_a' ],

	# rarer kinds
	[ 'repaired', 'repaired', 'extended statistics', 'CREATE STATISTICS %1$s (ndistinct) ON id, name FROM customer' ],
	[ 'repaired', 'repaired', 'other kinds of statistics', 'DROP STATISTICS both_columns; CREATE STATISTICS both_columns (mcv) ON id, note FROM orders' ],
	[ 'repaired', 'repaired', 'statistics of an expression', 'DROP STATISTICS one_expression; CREATE STATISTICS one_expression ON (upper(note)) FROM orders' ],
	[ 'repaired', 'repaired', 'target of statistics', 'ALTER STATISTICS both_columns SET STATISTICS 55' ],
	[ 'repaired', 'repaired', 'mapping', 'ALTER TEXT SEARCH CONFIGURATION conf ALTER MAPPING FOR word, asciiword WITH words, english_stem' ],
	[ 'repaired', 'repaired', 'mapping dropped', 'ALTER TEXT SEARCH CONFIGURATION conf DROP MAPPING FOR word' ],
	[ 'repaired', 'repaired', 'configuration', 'CREATE TEXT SEARCH DICTIONARY %1$s_d (TEMPLATE = simple); CREATE TEXT SEARCH CONFIGURATION %1$s (COPY = simple); ALTER TEXT SEARCH CONFIGURATION %1$s ALTER MAPPING FOR word WITH %1$s_d' ],
	[ 'repaired', 'repaired', 'configuration by another parser', 'DROP TEXT SEARCH CONFIGURATION conf; CREATE TEXT SEARCH CONFIGURATION conf (PARSER = pieces)', 'super' ],
	[ 'repaired', 'repaired', 'dictionary', 'ALTER TEXT SEARCH DICTIONARY words (accept = false)' ],
	[ 'repaired', 'repaired', 'dictionary without option', 'ALTER TEXT SEARCH DICTIONARY words (stopwords)' ],
	[ 'repaired', 'repaired', 'template', 'CREATE TEXT SEARCH TEMPLATE %1$s (LEXIZE = dsimple_lexize)', 'super' ],
	[ 'repaired', 'repaired', 'parser', 'CREATE TEXT SEARCH PARSER %1$s (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype)', 'super' ],
	[ 'repaired', 'repaired', 'operator', 'ALTER OPERATOR === (int, int) SET (RESTRICT = eqsel, JOIN = eqjoinsel)' ],
	[ 'repaired', 'repaired', 'operator added', 'CREATE OPERATOR ~== (LEFTARG = int, RIGHTARG = int, FUNCTION = same, COMMUTATOR = ~==, RESTRICT = eqsel, HASHES, MERGES)' ],
	[ 'repaired', 'repaired', 'operators of each other', 'CREATE FUNCTION %1$s(int, int) RETURNS boolean LANGUAGE internal IMMUTABLE AS $$int4ne$$; CREATE OPERATOR ~== (LEFTARG = int, RIGHTARG = int, FUNCTION = same, NEGATOR = ~<>); CREATE OPERATOR ~<> (LEFTARG = int, RIGHTARG = int, FUNCTION = %1$s, NEGATOR = ~==)', 'super' ],
	[ 'repaired', 'repaired', 'operator dropped', 'DROP OPERATOR !== (NONE, pair)' ],
	[ 'repaired', 'repaired', 'operator class', 'CREATE OPERATOR CLASS %1$s FOR TYPE int USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(int)', 'super' ],
	[ 'repaired', 'repaired', 'operator class dropped', 'DROP OPERATOR CLASS cls USING btree', 'super' ],
	[ 'told', 'told', 'operator family', 'ALTER OPERATOR FAMILY fam USING btree ADD OPERATOR 1 < (int, bigint), FUNCTION 1 (int, bigint) btint48cmp(int, bigint)', 'super' ],
	[ 'repaired', 'repaired', 'operator family dropped', 'DROP OPERATOR FAMILY fam USING btree CASCADE', 'super' ],
	[ 'repaired', 'repaired', 'cast', 'DROP CAST (pair AS int)', 'super' ],
	[ 'repaired', 'repaired', 'cast in other cases', 'DROP CAST (pair AS int); CREATE CAST (pair AS int) WITH FUNCTION pair_int(pair) AS IMPLICIT', 'super' ],
	[ 'repaired', 'repaired', 'collation', 'ALTER COLLATION german RENAME TO %1$s' ],
	[ 'repaired', 'repaired', 'another collation', q{DROP COLLATION mixed; CREATE COLLATION mixed (provider = libc, locale = 'POSIX')} ],
	[ 'repaired', 'repaired', 'conversion', 'DROP CONVERSION latin; CREATE DEFAULT CONVERSION latin FOR $$LATIN1$$ TO $$UTF8$$ FROM iso8859_1_to_utf8' ],
	[ 'repaired', 'repaired', 'conversion dropped', 'DROP CONVERSION latin' ],
	[ 'repaired', 'repaired', 'options of a foreign table', q{ALTER FOREIGN TABLE far OPTIONS (SET table_name 'it''s far', DROP schema_name, ADD x 'y')} ],
	[ 'repaired', 'repaired', 'option of a foreign column', q{ALTER FOREIGN TABLE far ALTER id OPTIONS (SET column_name 'Id'), ALTER note OPTIONS (ADD n '1')} ],
	[ 'repaired', 'repaired', 'foreign table dropped', 'DROP FOREIGN TABLE far' ],
	[ 'repaired', 'repaired', 'foreign table added', q{CREATE FOREIGN TABLE %1$s (id int OPTIONS (a 'b') NOT NULL, CHECK (id > 0)) SERVER regress_tm_server OPTIONS (q 'it''s')} ],
	[ 'told', 'repaired', 'column of a foreign table', q{ALTER FOREIGN TABLE far ADD %1$s int} ],
	[ 'told', 'told', 'access method', 'CREATE TABLE %1$s (id int) USING heap' , 'told' ],
	[ 'nothing', 'nothing', 'analyzed', 'ANALYZE customer' ],
	[ 'nothing', 'nothing', 'rewritten', 'CLUSTER orders USING orders_placed; ALTER TABLE orders SET WITHOUT CLUSTER; REINDEX TABLE orders' ]);

my @newer = (
	[ 18, 'told', 'repaired', 'virtual column added', 'ALTER TABLE animal ADD %1$s int GENERATED ALWAYS AS (id + 1) VIRTUAL' ],
	[ 18, 'repaired', 'repaired', 'virtual column of another expression', 'ALTER TABLE period ALTER half SET EXPRESSION AS (id / 3)' ],
	[ 17, 'repaired', 'repaired', 'generated column of another expression', 'ALTER TABLE customer ALTER doubled SET EXPRESSION AS (id * 3)' ],
	[ 18, 'repaired', 'repaired', 'named not null', 'ALTER TABLE orders ADD CONSTRAINT %1$s NOT NULL note' ],
	[ 18, 'repaired', 'repaired', 'not null renamed', 'ALTER TABLE period RENAME CONSTRAINT id_here TO %1$s' ],
	[ 18, 'repaired', 'repaired', 'not null inherited', 'ALTER TABLE period ALTER CONSTRAINT extra_here INHERIT' ],
	[ 18, 'repaired', 'repaired', 'not null that is not valid', 'ALTER TABLE orders ADD CONSTRAINT %1$s NOT NULL note NOT VALID' ],
	[ 18, 'repaired', 'repaired', 'not null not inherited', 'ALTER TABLE animal ADD CONSTRAINT %1$s NOT NULL kind NO INHERIT' ],
	[ 18, 'repaired', 'repaired', 'not null of a parent', 'ALTER TABLE animal ALTER kind SET NOT NULL' ],
	[ 18, 'repaired', 'repaired', 'not null of a child', 'ALTER TABLE dog ALTER kind SET NOT NULL' ],
	[ 18, 'repaired', 'repaired', 'not null of a partition', 'ALTER TABLE event_2025 ALTER what SET NOT NULL' ],
	[ 18, 'repaired', 'repaired', 'not null of a partitioned table', 'ALTER TABLE event ALTER what SET NOT NULL' ],
	[ 18, 'repaired', 'repaired', 'comment on a not null', q{COMMENT ON CONSTRAINT id_here ON period IS 'here'} ],
	[ 17, 'repaired', 'repaired', 'not null of a domain', 'ALTER DOMAIN code ADD CONSTRAINT %1$s NOT NULL' ],
	[ 18, 'repaired', 'repaired', 'foreign key enforced', 'ALTER TABLE promised ALTER CONSTRAINT maybe ENFORCED' ],
	[ 18, 'repaired', 'repaired', 'check not enforced', 'ALTER TABLE customer ADD CONSTRAINT %1$s CHECK (id > 0) NOT ENFORCED' ],
	[ 18, 'repaired', 'repaired', 'foreign key not enforced', 'ALTER TABLE orders ALTER CONSTRAINT orders_customer_fkey NOT ENFORCED' ],
	[ 18, 'repaired', 'repaired', 'key without overlaps', 'ALTER TABLE line ADD CONSTRAINT %1$s UNIQUE (during WITHOUT OVERLAPS)', 'fails' ],
	[ 16, 'repaired', 'repaired', 'default storage', 'ALTER TABLE customer ALTER note SET STORAGE MAIN' ],
	[ 17, 'repaired', 'repaired', 'maintain', 'GRANT MAINTAIN ON orders TO regress_tm_cmp_b' ],
	[ 17, 'repaired', 'repaired', 'default access method', 'ALTER TABLE event SET ACCESS METHOD heap' ],
	[ 18, 'told', 'told', 'operator merges', 'ALTER OPERATOR === (int, int) SET (COMMUTATOR = ===, HASHES)' ],
	[ 18, 'repaired', 'repaired', 'default privileges of large objects', 'SELECT 1', 'none' ]);

# The changes that a server knows, as hashes.
sub schema_changes
{
	my ($version) = @_;
	my @known = ((map { [ 15, @$_ ] } @changes), grep { $_->[0] <= $version } @newer);

	return map { {
		here => $_->[1], there => $_->[2], name => $_->[3], sql => $_->[4], flag => $_->[5] // '' } }
	  grep { ($_->[5] // '') !~ /^(none|fails)$/ } @known;
}

1;
