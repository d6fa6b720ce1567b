# 061_reach.pl: what a statement contains and reaches is judged as if it stood
# alone, before anything runs.  A session that is bound and locked to tenant a
# tries shared tables that have children in tenant b, domains and types that b
# uses, statements within statements, and sequences of b where no query is
# planned.  Each attempt is refused, and no function of the session's sees a
# value of b, not even before that.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('reach', "shared_preload_libraries = 'tenant_mgr'\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	CREATE ROLE regress_tm_app LOGIN;
	SELECT tenant.create('a'), tenant.create('b');
	GRANT USAGE, CREATE ON SCHEMA a, b, public TO regress_tm_app;
	GRANT CREATE ON DATABASE app TO regress_tm_app;

	SET ROLE regress_tm_app;
	CREATE TABLE b.t (k int PRIMARY KEY, v text);
	INSERT INTO b.t VALUES (1, 'CANARY1'), (2, 'CANARY2');
	CREATE SEQUENCE b.s START 500;
	CREATE TABLE a.t (k int PRIMARY KEY, v text, n bigint);
	INSERT INTO a.t VALUES (1, 'of a', 1);
	CREATE SEQUENCE a.s;

	-- domains, one made of the other, within arrays and rows
	CREATE DOMAIN public.email AS text;
	CREATE DOMAIN public.work_email AS public.email;
	CREATE DOMAIN public.unused AS text;
	CREATE TYPE public.contact AS (mail public.email);
	CREATE TABLE b.person (mail public.email);
	INSERT INTO b.person VALUES ('CANARY@b.example');
	CREATE DOMAIN public.tag AS text;
	CREATE DOMAIN public.narrow_tag AS public.tag;
	CREATE TABLE b.tagged (tag public.narrow_tag);
	INSERT INTO b.tagged VALUES ('CANARYtag');
	CREATE DOMAIN public.label AS text;
	CREATE MATERIALIZED VIEW b.labels AS SELECT 'CANARYlabel'::public.label AS l;

	-- partitions, children, a default partition, typed tables
	CREATE TABLE public.log (who text, v text) PARTITION BY LIST (who);
	CREATE TABLE a.log PARTITION OF public.log FOR VALUES IN ('a');
	CREATE TABLE b.log PARTITION OF public.log FOR VALUES IN ('b') PARTITION BY LIST (v);
	CREATE TABLE b.log_1 PARTITION OF b.log DEFAULT;
	INSERT INTO public.log VALUES ('a', 'of a'), ('b', 'CANARYlog');
	CREATE TABLE public.parent (k int, v text);
	CREATE TABLE b.child () INHERITS (public.parent);
	INSERT INTO b.child VALUES (1, 'CANARYchild');
	CREATE TABLE public.ev (kind text, v text) PARTITION BY LIST (kind);
	CREATE TABLE b.ev_rest PARTITION OF public.ev DEFAULT;
	INSERT INTO public.ev VALUES ('zeta', 'CANARYev');
	CREATE TABLE a.ev_new (kind text, v text);
	CREATE TYPE public.comp AS (v text);
	CREATE TABLE b.typed OF public.comp;
	INSERT INTO b.typed VALUES ('CANARYtyped');
	CREATE DOMAIN public.any_text AS text;

	-- views on b, and what refers to what
	CREATE VIEW public.of_b AS SELECT v FROM b.t;
	CREATE VIEW public.of_of_b AS SELECT * FROM public.of_b;
	CREATE VIEW public.in_subquery AS SELECT 1 AS one WHERE EXISTS (SELECT FROM b.t);
	CREATE TABLE public.shared (k int PRIMARY KEY, v text);
	INSERT INTO public.shared VALUES (1, 'shared');
	CREATE TABLE b.refers (k int REFERENCES public.shared);
	CREATE TABLE public.rates (k int);

	-- code of the session's
	CREATE FUNCTION a.leak(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
		$$BEGIN RAISE NOTICE 'leaked %', $1; RETURN true; END$$;
	CREATE FUNCTION public.leak(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
		$$BEGIN RAISE NOTICE 'leaked %', $1; RETURN true; END$$;
	CREATE FUNCTION a.quiet(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN true; END$$;
	CREATE FUNCTION a.tg() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
	CREATE FUNCTION public.tg() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
	CREATE FUNCTION b.moves() RETURNS int LANGUAGE sql AS 'SELECT 1';
	CREATE TYPE b.mood AS ENUM ('CANARYmood');
	CREATE OPERATOR a.## (RIGHTARG = regclass, FUNCTION = nextval);
	CREATE OPERATOR a.|| (LEFTARG = regclass, RIGHTARG = bigint, FUNCTION = setval);
	CREATE FUNCTION a.by_operator(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT OPERATOR(a.##) $1';
	CREATE FUNCTION a.by_field(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT ($1).nextval';
	CREATE FUNCTION a.rel(oid) RETURNS regclass LANGUAGE plpgsql AS $$BEGIN RETURN $1::regclass; END$$;
	CREATE AGGREGATE a.last_next (regclass) (SFUNC = public.second, STYPE = regclass, FINALFUNC = nextval);
} =~ s/CREATE AGGREGATE/CREATE FUNCTION public.second(regclass, regclass) RETURNS regclass LANGUAGE sql AS 'SELECT \$2'; CREATE AGGREGATE/r);
my $hstore = $node->psql('app', 'CREATE EXTENSION hstore SCHEMA b') == 0;
$node->safe_psql('app', 'CREATE EXTENSION citext SCHEMA b') if $hstore;

my $oid = $node->safe_psql('app', "SELECT 'b.s'::regclass::oid");
$node->safe_psql('app', qq{
	SET ROLE regress_tm_app;
	CREATE FUNCTION a.by_default(bigint DEFAULT nextval($oid\::oid::regclass)) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN \$1; END';
	CREATE PROCEDURE a.proc(bigint, bigint DEFAULT nextval($oid\::oid::regclass)) LANGUAGE plpgsql AS 'BEGIN NULL; END';
	CREATE PROCEDURE a.plain(bigint) LANGUAGE plpgsql AS 'BEGIN NULL; END';
	CREATE TABLE a.by_function (i int, j bigint DEFAULT nextval(a.rel($oid)));
	CREATE TABLE a.by_domain (i oid);
});

# What a locked session of the role says to a script, SQLSTATEs for messages.
sub session
{
	my ($sql, $role) = @_;
	$role //= 'regress_tm_app';
	my ($rc, $stdout, $stderr) = $node->psql('app',
		"\\set VERBOSITY sqlstate\n"
		. "SELECT tenant.switch('a'), tenant.lock('key');\n$sql",
		on_error_stop => 0, connstr => $node->connstr('app') . ($role ? " user=$role" : ''));
	return ($stdout // '') . "\n" . ($stderr // '');
}

sub state_of_b
{
	return $node->safe_psql('app', q{
		SELECT concat_ws(';', (SELECT concat('b.s ', last_value, is_called) FROM b.s),
			(SELECT md5(string_agg(concat_ws(',', c.oid::regclass, c.relkind, c.relfilenode, c.relacl), ' ' ORDER BY c.oid))
				FROM pg_class AS c WHERE relnamespace IN ('b'::regnamespace, 'public'::regnamespace)),
			(SELECT string_agg(conname, ',' ORDER BY conname) FROM pg_constraint WHERE connamespace IN ('b'::regnamespace, 'public'::regnamespace)),
			(SELECT string_agg(concat_ws(',', extname, extnamespace::regnamespace), ' ' ORDER BY extname) FROM pg_extension),
			(SELECT md5(string_agg(oid::text, ' ' ORDER BY oid)) FROM pg_proc WHERE pronamespace = 'b'::regnamespace),
			(SELECT string_agg(concat_ws(',', tgname, tgrelid::regclass), ' ' ORDER BY tgname) FROM pg_trigger WHERE NOT tgisinternal),
			(SELECT count(*) FROM pg_publication), (SELECT count(*) FROM pg_default_acl))
	});
}

my $before = state_of_b();

# refused NAME, SQL, SQLSTATE: nothing is seen and nothing is changed.
sub refused
{
	my ($name, $sql, $state) = @_;
	my $said = session($sql);
	$state //= 'TM003';
	my $after = state_of_b();
	my $ok = $said =~ /ERROR:  $state/ && $said !~ /CANARY|NOTICE/ && $after eq $before;
	ok($ok, $name) or diag("$sql\n$said\n" . ($after eq $before ? '' : "changed:\n$before\n$after"));
	$before = $after;
	return;
}

# works NAME, SQL: what is the tenant's own or shared can be worked on.
sub works
{
	my ($name, $sql) = @_;
	my $said = session("BEGIN;\n$sql;\nROLLBACK;");
	unlike($said, qr/ERROR/, $name) or diag("$sql\n$said");
	return;
}

# Domains
refused('a check of a domain reads columns', 'ALTER DOMAIN public.email ADD CONSTRAINT z CHECK (a.leak(value))');
refused('a check of a domain is an oracle', q{ALTER DOMAIN public.email ADD CONSTRAINT z CHECK (value <> 'CANARY@b.example')});
refused('NOT NULL of a domain', 'ALTER DOMAIN public.email SET NOT NULL');
refused('a domain of the domain', 'ALTER DOMAIN public.tag ADD CONSTRAINT z CHECK (a.leak(value))');
refused('a materialized view with the domain', 'ALTER DOMAIN public.label ADD CONSTRAINT z CHECK (public.leak(value))');
refused('a check that is validated later', 'BEGIN; ALTER DOMAIN public.email ADD CONSTRAINT z CHECK (public.leak(value)) NOT VALID; ALTER DOMAIN public.email VALIDATE CONSTRAINT z; COMMIT');
refused('a shared domain with code of a tenant', 'ALTER DOMAIN public.email ADD CONSTRAINT z CHECK (a.leak(value)) NOT VALID');
works('a domain that no other tenant uses', 'ALTER DOMAIN public.unused ADD CONSTRAINT z CHECK (public.leak(value))');

# Recursion to children and partitions
for my $table ('public.log', 'public.parent')
{
	refused("$table: $_", "ALTER TABLE $table $_")
	  for 'ADD CHECK (public.leak(v))', q{ADD CHECK (v <> 'CANARYlog' AND v <> 'CANARYchild')},
		q{ALTER v TYPE varchar USING CASE WHEN public.leak(v) THEN v END}, 'ADD w text DEFAULT random()::text',
		'ALTER v SET NOT NULL', 'ADD w boolean GENERATED ALWAYS AS (public.leak(v)) STORED';
}
refused('an index on partitions', 'CREATE INDEX ON public.log USING hash ((public.leak(v)))');
refused('a unique index on partitions', 'CREATE UNIQUE INDEX ON public.log (who, v)');
refused('a trigger on partitions', 'CREATE TRIGGER z AFTER INSERT ON public.log FOR EACH ROW EXECUTE FUNCTION public.tg()');
refused('TRUNCATE of a partitioned table', 'TRUNCATE public.log');
refused('TRUNCATE with CASCADE', 'TRUNCATE public.shared CASCADE');
refused('ANALYZE of a parent', 'ANALYZE public.parent');
refused('VACUUM of a partitioned table', 'VACUUM public.log');
refused('REINDEX of a partitioned table', 'REINDEX TABLE public.log');
refused('a new partition searches the default one', q{CREATE TABLE a.e1 PARTITION OF public.ev FOR VALUES IN ('zeta')});
refused('also if it finds nothing', q{CREATE TABLE a.e1 PARTITION OF public.ev FOR VALUES IN ('eta')});
refused('also one that is attached', q{ALTER TABLE public.ev ATTACH PARTITION a.ev_new FOR VALUES IN ('eta')});
refused("another tenant's table as a partition", q{ALTER TABLE public.log ATTACH PARTITION b.t FOR VALUES IN ('c')});
works('a partition where there is no default', q{CREATE TABLE a.log2 PARTITION OF public.log FOR VALUES IN ('a2')});
works('a partition that is attached', q{CREATE TABLE a.log3 (who text, v text); ALTER TABLE public.log ATTACH PARTITION a.log3 FOR VALUES IN ('a3')});
works('a table alone', 'ALTER TABLE ONLY public.parent ALTER v SET DEFAULT 1');
works("the tenant's own partition", 'ALTER TABLE a.log ADD CHECK (a.leak(v))');

# Typed tables
refused('an attribute of a type', 'ALTER TYPE public.comp ALTER ATTRIBUTE v TYPE public.any_text CASCADE');
refused('another attribute of a type', 'ALTER TYPE public.comp ADD ATTRIBUTE w int CASCADE');

# Views and locks
refused('LOCK of a view', 'BEGIN; LOCK TABLE public.of_b IN ACCESS EXCLUSIVE MODE');
refused('LOCK of a view of a view', 'BEGIN; LOCK TABLE public.of_of_b IN ACCESS SHARE MODE');
refused('LOCK of a view with a subquery', 'BEGIN; LOCK TABLE public.in_subquery IN SHARE MODE');
refused('LOCK of a partitioned table', 'BEGIN; LOCK TABLE public.log');
works('LOCK of a table alone', 'LOCK TABLE ONLY public.parent; LOCK TABLE public.rates');

# Statements within statements
for my $what ('TABLE', 'MATERIALIZED VIEW')
{
	refused("EXPLAIN ANALYZE CREATE $what", "EXPLAIN ANALYZE CREATE $what b.rates AS SELECT 1 AS k");
	refused("EXPLAIN ANALYZE CREATE $what by the search path", "CREATE FUNCTION a.inside() RETURNS void LANGUAGE plpgsql SET search_path = public AS \$\$BEGIN EXECUTE 'EXPLAIN ANALYZE CREATE $what b.rates AS SELECT 1 AS k'; END\$\$; SELECT a.inside()");
}
refused('EXPLAIN ANALYZE CREATE TABLE AS EXECUTE', 'PREPARE p AS SELECT 1 AS k; EXPLAIN ANALYZE CREATE TABLE b.rates AS EXECUTE p');
refused('EXPLAIN without ANALYZE', 'EXPLAIN CREATE TABLE b.rates AS SELECT 1 AS k');
refused('EXPLAIN of a query', 'EXPLAIN ANALYZE INSERT INTO b.t VALUES (3)');
refused('EXPLAIN DECLARE', 'EXPLAIN ANALYZE DECLARE c CURSOR FOR SELECT * FROM b.t');
refused('EXPLAIN EXECUTE', 'PREPARE p AS SELECT * FROM b.t; EXPLAIN ANALYZE EXECUTE p');
refused('CREATE SCHEMA with a table', 'CREATE SCHEMA a2 CREATE VIEW w AS SELECT * FROM b.t');
works('EXPLAIN ANALYZE CREATE TABLE', 'EXPLAIN ANALYZE CREATE TABLE a.rates AS SELECT 1 AS k; EXPLAIN ANALYZE CREATE TEMP TABLE rates2 AS SELECT 1 AS k');

# What is moved is judged where it comes from
refused('a function that is found by the path is moved', 'ALTER FUNCTION b.moves() SET SCHEMA a');
refused('a type is moved', 'ALTER TYPE b.mood SET SCHEMA a');
refused('a table is moved', 'ALTER TABLE b.t SET SCHEMA a');
SKIP:
{
	skip 'no hstore', 3 unless $hstore;
	$before = state_of_b();
	my $said = session('ALTER EXTENSION hstore SET SCHEMA a; ALTER EXTENSION citext SET SCHEMA a; ALTER EXTENSION hstore UPDATE; COMMENT ON EXTENSION hstore IS NULL; ALTER EXTENSION hstore DROP FUNCTION b.hstore(text, text); DROP EXTENSION hstore', '');
	is(() = $said =~ /ERROR:  TM003/g, 6, "another tenant's extension") or diag($said);
	is(state_of_b(), $before, 'it stays where it is');
	$said = session('BEGIN; CREATE EXTENSION btree_gin SCHEMA a; ALTER EXTENSION btree_gin SET SCHEMA public; ROLLBACK', '');
	unlike($said, qr/ERROR/, "the tenant's own extension") or diag($said);
}

# What is for all tenants
refused('default privileges in all schemas', 'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC');
works('default privileges in its own schema', 'ALTER DEFAULT PRIVILEGES IN SCHEMA a GRANT SELECT ON TABLES TO PUBLIC');
refused('a publication of a parent', 'CREATE PUBLICATION p FOR TABLE public.parent');
refused('a publication of a partitioned table', 'CREATE PUBLICATION p FOR TABLE public.log');
works('a publication of its own table', 'CREATE PUBLICATION p FOR TABLE a.t, ONLY public.parent');
{
	my $said = session('CREATE PUBLICATION p FOR ALL TABLES', '');
	like($said, qr/ERROR:  TM003/, 'a publication of all tables');
}

# A tenant's code in what all tenants use
refused('a trigger of a shared table', 'CREATE TRIGGER z BEFORE INSERT ON public.shared FOR EACH ROW EXECUTE FUNCTION a.tg()');
refused('a rule of a shared table', 'CREATE RULE z AS ON INSERT TO public.shared DO ALSO INSERT INTO a.t VALUES (2)');
refused('a check of a shared table', 'ALTER TABLE public.shared ADD CHECK (a.quiet(v))');
refused('a default of a shared table', q{ALTER TABLE public.shared ALTER v SET DEFAULT nextval('a.s')});
refused("a default with another tenant's sequence", qq{ALTER TABLE a.t ALTER v SET DEFAULT nextval('$oid')});
refused('a new table with such a default', qq{CREATE TABLE a.with_default (i bigint DEFAULT nextval('$oid'))});
refused('a generated column of a shared table', 'ALTER TABLE public.shared ADD w boolean GENERATED ALWAYS AS (a.quiet(v)) STORED');
refused('an index of a shared table', 'CREATE INDEX ON public.shared ((a.quiet(v)))');
refused('a policy of a shared table', 'CREATE POLICY z ON public.shared USING (a.quiet(v))');
refused('a foreign key of a shared table', 'ALTER TABLE public.shared ADD FOREIGN KEY (k) REFERENCES a.t');
works('a view on its own table elsewhere', 'CREATE VIEW public.of_a AS SELECT * FROM a.t; CREATE TEMP VIEW of_a2 AS SELECT * FROM a.t');
works('a shared trigger', 'CREATE TRIGGER z BEFORE INSERT ON public.shared FOR EACH ROW EXECUTE FUNCTION public.tg()');
works('a reference to a shared table', 'ALTER TABLE a.t ADD FOREIGN KEY (k) REFERENCES public.shared');

# Sequences, where no query is planned
my $n = "$oid\::oid::regclass";
refused("sequence: $_->[0]", $_->[1]) for
	['an operator in an inlined function', "SELECT a.by_operator($n)"],
	['a field in an inlined function', "SELECT a.by_field($n)"],
	['an operator', "SELECT OPERATOR(a.##) $n"],
	['EXECUTE', "PREPARE p(bigint) AS SELECT \$1; EXECUTE p(nextval($n))"],
	['EXECUTE, a field', "PREPARE p(bigint) AS SELECT \$1; EXECUTE p(($n).nextval)"],
	['EXECUTE, an operator', "PREPARE p(bigint) AS SELECT \$1; EXECUTE p(OPERATOR(a.##) $n)"],
	['EXECUTE in EXPLAIN', "PREPARE p(bigint) AS SELECT \$1; EXPLAIN ANALYZE EXECUTE p(($n).nextval)"],
	['EXECUTE in CREATE TABLE', "PREPARE p(bigint) AS SELECT \$1; CREATE TABLE a.x AS EXECUTE p(($n).nextval)"],
	['CALL', "CALL a.plain(nextval($n))"],
	['CALL, an operator', "CALL a.plain(OPERATOR(a.##) $n)"],
	['CALL, a field', "CALL a.plain(($n).nextval)"],
	['CALL, a function', "CALL a.plain(a.by_operator($n))"],
	['CALL, a default', 'CALL a.proc(1)'],
	['a default of a function', 'SELECT a.by_default()'],
	['a default of a function in one that is inlined', "CREATE FUNCTION a.calls_default() RETURNS bigint LANGUAGE sql AS 'SELECT a.by_default()'; SELECT a.calls_default()"],
	['an aggregate', "SELECT a.last_next($n)"],
	['an aggregate over rows', "SELECT a.last_next($n) OVER () FROM a.t"],
	['COPY with a condition', "COPY a.by_domain FROM STDIN WHERE ($oid\::oid::regclass).nextval > 0;\n1\n\\.\n"],
	['COPY with an operator', "COPY a.by_domain FROM STDIN WHERE (OPERATOR(a.##) $oid\::oid::regclass) > 0;\n1\n\\.\n"],
	['COPY with a default', "COPY a.by_function (i) FROM STDIN;\n1\n\\.\n"],
	['USING', "ALTER TABLE a.t ALTER n TYPE bigint USING setval('$oid', 1000 + n)"],
	['USING, computed', "ALTER TABLE a.t ALTER n TYPE bigint USING setval(a.rel($oid), 1000 + n)"],
	['USING, an operator', "ALTER TABLE a.t ALTER n TYPE bigint USING '$oid'::regclass OPERATOR(a.||) n"],
	['USING, a function', "ALTER TABLE a.t ALTER n TYPE bigint USING a.by_operator($oid)"],
	['a default that is evaluated', "ALTER TABLE a.t ADD z bigint DEFAULT setval('$oid', 5000)"],
	['a default that is computed', "ALTER TABLE a.t ADD z bigint DEFAULT nextval(a.rel($oid))"],
	['a check', "ALTER TABLE a.t ADD CHECK (setval('$oid', 888) > 0)"],
	['a check of a column', "ALTER TABLE a.t ADD z int DEFAULT 1 CHECK (setval('b.s', 888) > 0)"],
	['a check that is computed', 'CREATE TABLE a.c (i oid, CHECK (nextval(i::regclass) > 0))'],
	['a check of a domain', 'CREATE DOMAIN a.d AS oid CHECK (nextval(value::regclass) > 0)'],
	['a condition of a trigger', 'CREATE TRIGGER z BEFORE INSERT ON a.by_domain FOR EACH ROW WHEN ((new.i::regclass).nextval > 0) EXECUTE FUNCTION a.tg()'],
	['a bound of a partition', "CREATE TABLE a.p (i bigint) PARTITION BY LIST (i); CREATE TABLE a.p1 PARTITION OF a.p FOR VALUES IN (nextval('$oid'))"],
	['a bound of a range', "CREATE TABLE a.r (i bigint) PARTITION BY RANGE (i); CREATE TABLE a.r1 PARTITION OF a.r FOR VALUES FROM (1) TO (nextval('b.s'))"];
works('its own sequences', q{
	ALTER TABLE a.t ADD z bigint DEFAULT nextval('a.s'), ADD y serial, ADD x bigint DEFAULT nextval(('s'::text)::regclass);
	CREATE TABLE a.own (i bigserial, j bigint DEFAULT nextval('s'), k bigint GENERATED ALWAYS AS IDENTITY, CHECK (setval('s', 5) > 0));
	INSERT INTO a.own DEFAULT VALUES;
	PREPARE p(bigint) AS SELECT $1;
	EXECUTE p(nextval('s'));
	EXECUTE p(('s'::regclass).nextval);
	CALL a.plain(nextval('a.s'::text::regclass));
	ALTER TABLE a.t ALTER n TYPE bigint USING nextval('a.s')});

# Kinds of statements that everybody needs go through
works('definitions of all kinds', q{
	CREATE TYPE a.c AS (x int); ALTER TYPE a.c ADD ATTRIBUTE y int; CREATE TYPE a.e AS ENUM ('x'); ALTER TYPE a.e RENAME TO e2;
	CREATE DOMAIN a.d AS int CHECK (value > 0); ALTER DOMAIN a.d RENAME CONSTRAINT d_check TO positive; COMMENT ON CONSTRAINT positive ON DOMAIN a.d IS 'x';
	CREATE TABLE a.n (i a.d, e a.e2); ALTER DOMAIN a.d SET NOT NULL; ALTER TABLE a.n RENAME TO n2; ALTER TABLE a.n2 RENAME i TO j;
	CREATE FUNCTION a.f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION a.f(int) RENAME TO f2; ALTER FUNCTION a.f2(int) STRICT;
	CREATE STATISTICS a.st ON k, v FROM a.t; ALTER STATISTICS a.st SET STATISTICS 10; DROP STATISTICS a.st;
	CREATE SEQUENCE a.q OWNED BY a.t.k; ALTER SEQUENCE a.q RESTART; TRUNCATE a.t RESTART IDENTITY CASCADE; REINDEX TABLE a.t;
	CREATE MATERIALIZED VIEW a.m AS SELECT 1 AS k; REFRESH MATERIALIZED VIEW a.m; ALTER MATERIALIZED VIEW a.m RENAME TO m2; GRANT SELECT ON a.m2 TO PUBLIC;
	CREATE TABLE a.l (LIKE a.t INCLUDING ALL); COMMENT ON COLUMN a.l.k IS 'x'; DROP TABLE a.l, a.n2 CASCADE});

done_testing();
