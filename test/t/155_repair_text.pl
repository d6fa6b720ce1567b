# 155_repair_text.pl: what diff_sql returns does what it says and nothing else,
# whatever objects are called, and whatever the settings are of who asks for it and
# of who runs it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('repair_text', "fsync = off\n");
new_database($node, 'app');

sub sql { return $node->safe_psql('app', $_[0]); }

# What psql says when it runs a text, which goes on after errors.
sub run_text
{
	my ($text, $settings) = @_;
	my ($status, $out, $err) = $node->psql('app', ($settings // '') . $text, on_error_stop => 0);
	return ($err, $out);
}

# Names and comments that begin a statement of their own where a line ends, for
# the server and for psql
foreach my $end ("\n", "\r", "\r\n")
{
	my $shown = join ' ', map { sprintf '%02x', ord } split //, $end;
	my $statement = "x$end; CREATE TABLE public.pwned (i int); --";
	my $command = "y$end\\echo pwned";

	sql('SET client_min_messages = error; DROP SCHEMA IF EXISTS a CASCADE; DROP SCHEMA IF EXISTS b CASCADE; CREATE SCHEMA a; CREATE SCHEMA b');
	foreach my $evil ($statement, $command)
	{
		my ($name, $sequence, $order, $enum, $pair, $function) = map { ident("$_$evil") } '', 's', 'o', 'e', 'p', 'f';
		my ($word, $other) = (literal($evil), literal(" $evil"));

		sql("CREATE TABLE b.$name ($name int, b int); CREATE TABLE IF NOT EXISTS b.k (b int); ALTER TABLE b.k ADD $name int;
			CREATE TABLE IF NOT EXISTS a.k (j int); CREATE SEQUENCE b.$sequence;
			CREATE TABLE a.$order ($name int, b int); CREATE TABLE b.$order (b int, $name int);
			CREATE TYPE a.$enum AS ENUM ('a'); CREATE TYPE b.$enum AS ENUM ('a', $word);
			CREATE TYPE a.$pair AS (a int, $name int); CREATE TYPE b.$pair AS ($name text, a int);
			SET check_function_bodies = off; CREATE FUNCTION a.$function() RETURNS int LANGUAGE sql AS $word;
			COMMENT ON TABLE b.k IS $word; COMMENT ON TABLE a.k IS $other");
	}
	# and those that are told as reasons
	my $reason = ident("r$statement");
	sql("CREATE TYPE b.used AS (i int); CREATE TABLE b.$reason (u b.used)");
	like(sql("SELECT tenant.diff_sql('a', 'b')"), qr/^-- needed by column "rx/m, 'a name is told as a reason');
	my $printed = join '', map { (run_text(sql("SELECT tenant.diff_sql('$_->[0]', '$_->[1]')")))[1] } [ 'a', 'b' ], [ 'b', 'a' ];
	is(sql("SELECT to_regclass('public.pwned') IS NULL"), 't', "$shown in a name begins no statement");
	unlike($printed, qr/pwned/, "$shown in a name begins no command of psql");
	sql('DROP TABLE IF EXISTS public.pwned');
}

# Strings are what they are, however the sessions at both ends read backslashes.
sql(q{
	SET client_min_messages = error;
	DROP SCHEMA a CASCADE; DROP SCHEMA b CASCADE; CREATE SCHEMA a; CREATE SCHEMA b;
	CREATE TABLE a.t (id int, s text DEFAULT '\\', n text CHECK (n <> '\'';CREATE TABLE public.pwned (i int);--'));
	CREATE INDEX t_s ON a.t ((s || '\n'));
	CREATE VIEW a.v AS SELECT '\'';CREATE TABLE public.pwned (i int);--' AS x, '\' AS y;
	CREATE FUNCTION a.f(x text DEFAULT '\') RETURNS text LANGUAGE sql RETURN x || '\';
	COMMENT ON TABLE a.t IS '\'});
foreach my $asks ('on', 'off')
{
	foreach my $runs ('on', 'off')
	{
		sql('SET client_min_messages = error; DROP SCHEMA b CASCADE; CREATE SCHEMA b');
		my $repair = sql("SET standard_conforming_strings = $asks; SELECT tenant.diff_sql('a', 'b')");
		is((run_text($repair, "SET escape_string_warning = off; SET standard_conforming_strings = $runs;\n"))[0], '', "asked with $asks, run with $runs: strings are understood");
		is(sql("SELECT count(*) FROM tenant.diff('a', 'b')"), '0', '... as they were meant');
		is(sql("SELECT to_regclass('public.pwned') IS NULL"), 't', '... and nothing else');
	}
}
is(sql("SET standard_conforming_strings = off; SELECT tenant.fingerprint('a')"), sql("SELECT tenant.fingerprint('a')"), 'a fingerprint does not depend on how backslashes are read');

# Statements come in the order in which objects need each other: a generated column
# after its function, base types before what is made of them, partitions after
# their parents and when their columns are as those of the parents are.
sql(q{
	SET client_min_messages = error;
	DROP SCHEMA a CASCADE; DROP SCHEMA b CASCADE; CREATE SCHEMA a; CREATE SCHEMA b;
	CREATE FUNCTION a.f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
	CREATE TABLE a.gen (i int, g int GENERATED ALWAYS AS (a.f(i)) STORED);
	CREATE TABLE a.child (z int) INHERITS (a.gen);
	CREATE TABLE a.own (i int, g int) INHERITS (a.gen);
	CREATE TABLE a.later (i int, g int GENERATED ALWAYS AS (a.f(i)) STORED);
	ALTER TABLE a.later INHERIT a.gen;
	CREATE TYPE a.base;
	CREATE FUNCTION a.base_in(cstring) RETURNS a.base LANGUAGE internal IMMUTABLE STRICT AS 'int8in';
	CREATE FUNCTION a.base_out(a.base) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int8out';
	CREATE TYPE a.base (INPUT = a.base_in, OUTPUT = a.base_out, LIKE = bigint);
	CREATE DOMAIN a.dom AS a.base;
	CREATE TYPE a.comp AS (x a.base);
	CREATE TABLE a.based (t a.base, ts a.base[], d a.dom, c a.comp);
	CREATE TABLE a.rows (r a.based, n int DEFAULT a.f(1));
	CREATE FUNCTION a.of_rows(a.rows) RETURNS a.based LANGUAGE sql AS 'SELECT ($1).r';
	CREATE VIEW a.v AS SELECT a.of_rows(x) FROM a.rows x;
	CREATE TABLE a.z (id int PRIMARY KEY, k int NOT NULL) PARTITION BY RANGE (id);
	CREATE INDEX ON a.z (k);
	CREATE TABLE a.m_ PARTITION OF a.z FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (id);
	CREATE TABLE a.m2_ PARTITION OF a.m_ FOR VALUES FROM (0) TO (10);
	CREATE TABLE a.m3_ (k int NOT NULL DEFAULT 1, id int NOT NULL);
	ALTER TABLE a.m_ ATTACH PARTITION a.m3_ FOR VALUES FROM (10) TO (20);
	CREATE TABLE a.q (i int, j int NOT NULL) PARTITION BY LIST (i);
	CREATE TABLE a.q1 (i int, j int NOT NULL DEFAULT 1);
	ALTER TABLE a.q ATTACH PARTITION a.q1 DEFAULT});
is((run_text(sql("SELECT tenant.diff_sql('a', 'b')"), "SET client_min_messages = error;\n"))[0], '', 'all of a schema is made from nothing');
is(sql("SELECT object_type, object_name, change FROM tenant.diff('a', 'b')"), '', '... at once');

# Objects of another kind that have the same name are dropped and made, as far as
# that loses nothing; what says so runs, and what cannot be done is told, some of it
# when one asks again.  Both ways.
sql('CREATE ROLE regress_tm_other');
my @kinds = (
	[ 'a view and an index that have each other\'s names', 'CREATE TABLE t (i int); CREATE VIEW v AS SELECT 1 AS i; CREATE INDEX w ON t (i)',
		'CREATE TABLE t (i int); CREATE VIEW w AS SELECT 1 AS i; CREATE INDEX v ON t (i)', 'alike', 'alike' ],
	[ 'a view and a materialized one', 'CREATE VIEW v AS SELECT 1 AS i; CREATE VIEW on_v AS SELECT i FROM v; COMMENT ON COLUMN v.i IS $$x$$',
		'CREATE MATERIALIZED VIEW v AS SELECT 1 AS i; CREATE VIEW on_v AS SELECT i + 1 AS i FROM v; COMMENT ON COLUMN v.i IS $$x$$', 'alike', 'alike' ],
	[ 'a view and a table', 'CREATE VIEW v AS SELECT 1 AS i', 'CREATE TABLE v (i int)',
		'has the name of something that stays: view v', 'alike' ],
	[ 'a type and a table', 'CREATE TYPE v AS ENUM ($$a$$)', 'CREATE TABLE v (i int)',
		'has the name of something that stays: type v', 'alike' ],
	[ 'the sequence of an identity column and a view', 'CREATE TABLE t (i int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME s))',
		'CREATE TABLE t (i int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME r)); CREATE VIEW s AS SELECT 1 AS i',
		'alike', 'has the name of something that stays: view s' ],
	[ 'the sequence of an identity column and another one', 'CREATE SEQUENCE r; CREATE TABLE t (i int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME s))',
		'CREATE SEQUENCE s; CREATE TABLE t (i int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME r))',
		'has the name of something that stays: sequence s', 'has the name of something that stays: sequence r' ],
	[ 'an identity column and a serial one', 'CREATE TABLE t (i int GENERATED ALWAYS AS IDENTITY)', 'CREATE TABLE t (i serial)',
		'the name of its sequence is that of something that stays: ALTER TABLE ONLY t ALTER COLUMN i DROP DEFAULT',
		"cannot be said of an identity column: ALTER TABLE ONLY t ALTER COLUMN i SET DEFAULT nextval('t_i_seq'::regclass)" ],
	[ 'a type that is not changed', 'CREATE TABLE t (i text DEFAULT $$a$$)', 'CREATE TABLE t (i int DEFAULT 1)',
		'would lose data, or fail, where a value does not fit: ALTER TABLE ONLY t ALTER COLUMN i SET STORAGE EXTENDED',
		'would lose data, or fail, where a value does not fit: ALTER TABLE ONLY t ALTER COLUMN i SET DEFAULT 1' ],
	[ 'parents in another order', 'CREATE TABLE p (i int); CREATE TABLE q (i int); CREATE TABLE t () INHERITS (p, q)',
		'CREATE TABLE p (i int); CREATE TABLE q (i int); CREATE TABLE t () INHERITS (q, p)',
		'has its parents in another order: table t', 'has its parents in another order: table t' ],
	[ 'the owner of a table with a serial column', 'CREATE TABLE t (i serial); ALTER TABLE t OWNER TO regress_tm_other', 'CREATE TABLE t (i serial)', 'alike', 'alike' ],
	[ 'a partition that lacks a column', 'CREATE TABLE p (i int, j int NOT NULL DEFAULT 5) PARTITION BY LIST (i); CREATE TABLE t PARTITION OF p DEFAULT',
		'CREATE TABLE p (i int, j int NOT NULL DEFAULT 5) PARTITION BY LIST (i); CREATE TABLE t (i int)', 'alike', 'again: would lose data: ALTER TABLE t DROP COLUMN j' ],
	[ 'sequences of two identity columns', 'CREATE TABLE t (i int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME s), j int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME r))',
		'CREATE TABLE t (i int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME r), j int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME s))',
		'is to belong to column t.i: sequence s', 'is to belong to column t.i: sequence r' ],
	[ 'a partition with partitions and indexes that has another name', 'CREATE TABLE p (i int) PARTITION BY LIST (i); CREATE INDEX ON p (i);
			CREATE TABLE q PARTITION OF p DEFAULT PARTITION BY LIST (i); CREATE TABLE s PARTITION OF q DEFAULT',
		'CREATE TABLE p (i int) PARTITION BY LIST (i); CREATE INDEX ON p (i);
			CREATE TABLE r PARTITION OF p DEFAULT PARTITION BY LIST (i); CREATE TABLE s PARTITION OF r DEFAULT',
		'needs index q_i_idx, which is not repaired: ALTER INDEX q_i_idx ATTACH PARTITION s_i_idx',
		'needs index r_i_idx, which is not repaired: ALTER INDEX r_i_idx ATTACH PARTITION s_i_idx' ]);
foreach my $case (@kinds)
{
	my ($name, $one, $other, @wanted) = @$case;

	foreach my $way ([ $one, $other ], [ $other, $one ])
	{
		my $wanted = shift @wanted;
		sql("SET client_min_messages = error; DROP SCHEMA a CASCADE; DROP SCHEMA b CASCADE; CREATE SCHEMA a; CREATE SCHEMA b;
			SET search_path = a; $way->[0]; SET search_path = b; $way->[1]");
		my $text = sql(q{SELECT tenant.diff_sql('a', 'b')});
		is((run_text("BEGIN;\n$text\nCOMMIT;\n"))[0], '', "$name: the statements run");
		$text = sql(q{SELECT tenant.diff_sql('a', 'b')}) if $wanted =~ s/^again: //;
		if ($wanted eq 'alike')
		{
			is(sql("SELECT tenant.fingerprint('a') = tenant.fingerprint('b')"), 't', '... and make them alike');
		}
		else
		{
			like($text, qr/^-- \Q$wanted\E$/m, '... and it is told what is not repaired');
		}
	}
}

# A table that stays, because to drop it would lose its rows, keeps what it is made of.
sql(q{
	SET client_min_messages = error;
	DROP SCHEMA a CASCADE; DROP SCHEMA b CASCADE; CREATE SCHEMA a; CREATE SCHEMA b; SET search_path = b;
	CREATE TABLE a.t (id int, x int); CREATE TABLE t (id int, x int CONSTRAINT of_x UNIQUE);
	CREATE TABLE a.k (id int CONSTRAINT key_of_k PRIMARY KEY);
	CREATE FUNCTION five(n int DEFAULT 5) RETURNS int LANGUAGE sql AS 'SELECT n';
	CREATE TYPE pair AS (x int, y int);
	CREATE TABLE extra (id int CONSTRAINT key_of_k PRIMARY KEY, n int DEFAULT five(), p pair, x int REFERENCES t (x));
	INSERT INTO extra VALUES (1)});
my $repair = sql(q{SELECT tenant.diff_sql('a', 'b')});
is((run_text("BEGIN;\n$repair\nCOMMIT;\n"))[0], '', 'nothing is dropped that a table needs which stays');
is(sql('SELECT * FROM b.extra'), '1|5||', '... and that has its rows');
like($repair, qr/^-- needed by [^\n]*: $_/m, "... which is told of $_")
  foreach 'DROP FUNCTION five', 'DROP TYPE pair', 'ALTER TABLE t DROP CONSTRAINT of_x';
like($repair, qr/^-- has the name of something that stays: table constraint key_of_k on k$/m, '... and of a name that it has');

# If it goes, it goes before what its columns need.
sql('CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
	DROP TABLE b.extra; CREATE FOREIGN TABLE b.extra (n int DEFAULT b.five(), p b.pair) SERVER s');
is((run_text("BEGIN;\n" . sql(q{SELECT tenant.diff_sql('a', 'b')}) . "\nCOMMIT;\n"))[0], '', 'a foreign table is dropped before what it needs');
is(sql(q{SELECT count(*) FROM tenant.diff('a', 'b')}), '0', '... and all is alike');

# Rows that are there have the defaults of columns that are added.
sql(q{
	SET client_min_messages = error;
	DROP SCHEMA a CASCADE; DROP SCHEMA b CASCADE; CREATE SCHEMA a; CREATE SCHEMA b;
	CREATE TABLE a.t (id int, n int NOT NULL DEFAULT 5, s serial); CREATE TABLE b.t (id int); INSERT INTO b.t VALUES (1), (2);
	CREATE TABLE a.p (k int, n int NOT NULL DEFAULT 7, m int DEFAULT 8) PARTITION BY LIST (k); CREATE TABLE a.p_1 PARTITION OF a.p FOR VALUES IN (1);
	ALTER TABLE ONLY a.p_1 ALTER m DROP DEFAULT; CREATE TABLE a.p_2 PARTITION OF a.p FOR VALUES IN (2); ALTER TABLE ONLY a.p_2 ALTER n DROP DEFAULT;
	CREATE TABLE b.p (k int) PARTITION BY LIST (k); CREATE TABLE b.p_1 PARTITION OF b.p FOR VALUES IN (1); INSERT INTO b.p VALUES (1)});
is((run_text("BEGIN;\n" . sql(q{SELECT tenant.diff_sql('a', 'b')}) . "\nCOMMIT;\n"))[0], '', 'columns that must not be null are added to tables with rows');
is(sql('SELECT * FROM b.t UNION ALL SELECT * FROM b.p ORDER BY id'), "1|5|1\n1|7|8\n2|5|2", '... which have the defaults');
is(sql(q{SELECT count(*) FROM tenant.diff('a', 'b')}), '0', '... and all is alike');

$node->stop;
done_testing();
