# RandomSchema.pm: statements that fill a schema with whatever a schema can hold.
#
# Each object is of a kind drawn at random and uses those that are there already,
# in the schema and outside of it, so that types are made of types and things
# cross the border in both directions.  Not every statement can succeed; whoever
# runs them passes over those that fail.  The same seed gives the same schema.
package RandomSchema;

use strict;
use warnings;

# An own generator: that of Perl differs from version to version.
sub new
{
	my ($class, $seed, $inside, $outside) = @_;
	my $self = bless {
		state => ($seed * 2654435761 + 12345) % 4294967296, number => 0, in => $inside, out => $outside,
		types => [qw(integer text numeric date timestamptz integer[] text[] jsonb uuid boolean regclass regtype regproc int4range)],
		enums => [], composites => [], ranges => [], domains => [], tables => [], views => [], functions => [], sequences => [],
		columns => {}, made => {}, now => $inside
	}, $class;
	return $self;
}

sub below
{
	my ($self, $n) = @_;
	$self->{state} = ($self->{state} * 1103515245 + 12345) % 4294967296;
	return int($self->{state} / 65536) % $n;
}

sub pick { my ($self, $list) = @_; return @$list ? $list->[ $self->below(scalar @$list) ] : undef; }
sub name { my ($self, $stem) = @_; return $stem . ++$self->{number}; }

# A schema: mostly the one, sometimes the one outside.
sub place { my $self = shift; return $self->below(6) == 0 ? $self->{out} : $self->{in}; }

# What is outside has mostly to do with itself.
sub choose
{
	my ($self, $list) = @_;
	my @outside = grep { index($_, "$self->{out}.") == 0 } @$list;
	return $self->{now} eq $self->{out} && $self->below(8) ? $self->pick(\@outside) : $self->pick($list);
}

sub type
{
	my $self = shift;
	my @own = (@{ $self->{enums} }, @{ $self->{composites} }, @{ $self->{ranges} }, @{ $self->{domains} });
	my $type = (@own && $self->below(2) ? $self->choose(\@own) : undef) // $self->pick($self->{types});
	return $type =~ /\[\]$/ || $self->below(6) ? $type : "$type\[]";
}

# A constant, or something like it, for a type; NULL when nothing is known.
sub value
{
	my ($self, $type) = @_;
	my $n = $self->below(3) + 1;
	return "ARRAY[" . $self->value($1) . "]::$type" if $type =~ /^(.*)\[\]$/;
	return "'l$n'::$type" if grep { $_ eq $type } @{ $self->{enums} };
	return $n if $type =~ /^(integer|numeric)$/;
	return "'t$n'" if $type eq 'text';
	return "date '2024-01-0$n'" if $type =~ /^(date|timestamptz)$/;
	return "'{\"a\": $n}'::jsonb" if $type eq 'jsonb';
	return "'0000000$n-0000-0000-0000-000000000000'::uuid" if $type eq 'uuid';
	return $n > 1 ? 'true' : 'false' if $type eq 'boolean';
	return "'" . ($self->pick($self->{tables}) // 'pg_class') . "'::regclass" if $type eq 'regclass';
	return "'" . ($self->pick($self->{enums}) // 'integer') . "'::regtype" if $type eq 'regtype';
	return "'" . ($self->pick($self->{functions}) // 'pg_backend_pid') . "'::regproc" if $type eq 'regproc';
	return "int4range($n, " . ($n + 2) . ')' if $type eq 'int4range';
	my $made = $self->{made}{$type};
	return $made ? $made->() : "NULL::$type";
}

sub column { my ($self, $table) = @_; return $self->pick($self->{columns}{$table} // []); }

# Kinds of objects: each returns the statements for one.
my %kinds = (
	enum => sub {
		my ($self, $at) = @_;
		my $t = "$at." . $self->name('e');
		push @{ $self->{enums} }, $t;
		my $sql = "CREATE TYPE $t AS ENUM ('l1', 'l3')";
		return ($sql, "ALTER TYPE $t ADD VALUE 'l2' BEFORE 'l3'");
	},
	composite => sub {
		my ($self, $at) = @_;
		my $t = "$at." . $self->name('c');
		my ($a, $b) = ($self->type, $self->type);
		push @{ $self->{composites} }, $t;
		$self->{made}{$t} = sub { "ROW(" . $self->value($a) . ', ' . $self->value($b) . ")::$t" };
		return "CREATE TYPE $t AS (a $a, b $b)";
	},
	domain => sub {
		my ($self, $at) = @_;
		my ($t, $base) = ("$at." . $self->name('d'), $self->type);
		my $value = $self->value($base);
		push @{ $self->{domains} }, $t;
		$self->{made}{$t} = sub { "($value)::$t" };
		return "CREATE DOMAIN $t AS $base DEFAULT $value CHECK (VALUE IS DISTINCT FROM NULL OR VALUE IS NULL)";
	},
	range => sub {
		my ($self, $at) = @_;
		my ($t, $base) = ("$at." . $self->name('r'), $self->type);
		push @{ $self->{ranges} }, $t;
		my $value = $self->value($base);
		$self->{made}{$t} = sub { "$t($value, $value, '[]')" };
		return "CREATE TYPE $t AS RANGE (SUBTYPE = $base, MULTIRANGE_TYPE_NAME = ${t}m)";
	},
	shell_type => sub { my ($self, $at) = @_; return "CREATE TYPE $at." . $self->name('s'); },
	table => sub {
		my ($self, $at, $more, $after) = @_;
		my $t = "$at." . $self->name('t');
		my @types = map { $self->type } 0 .. $self->below(5) + 1;
		my $i = 0;
		my @columns = map { [ 'c' . $i++, $_ ] } @types;
		my @defaults = map { $self->below(3) ? '' : ' DEFAULT ' . $self->value($_->[1]) } @columns;
		push @{ $self->{tables} }, $t;
		$self->{columns}{$t} = \@columns;
		$self->{made}{$t} = sub { "NULL::$t" };
		my @rows = map { "INSERT INTO $t (" . join(', ', map { $_->[0] } @columns) . ') VALUES (' . join(', ', map { $self->value($_->[1]) } @columns) . ')' } 1 .. 4;
		return ("CREATE " . ($self->below(6) ? '' : 'UNLOGGED ') . "TABLE $t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"
			. join('', map { ", $columns[$_][0] $columns[$_][1]$defaults[$_]" } 0 .. $#columns) . ')' . ($after // ''), @rows);
	},
	child => sub {
		my ($self, $at) = @_;
		my ($t, $parent) = ("$at." . $self->name('t'), $self->choose($self->{tables}));
		return () unless $parent;
		push @{ $self->{tables} }, $t;
		$self->{columns}{$t} = $self->{columns}{$parent};
		my $sql = "CREATE TABLE $t (extra " . $self->type . ") INHERITS ($parent)";
		return ($sql, "INSERT INTO $t (id) VALUES (1), (2)");
	},
	typed_table => sub {
		my ($self, $at) = @_;
		my $c = $self->choose($self->{composites}) or return ();
		my $t = "$at." . $self->name('t');
		return ("CREATE TABLE $t OF $c", "INSERT INTO $t SELECT (" . $self->value($c) . ').*');
	},
	partitioned_by_list => sub {
		my ($self, $at) = @_;
		my ($t, $type) = ("$at." . $self->name('p'), $self->type);
		my $value = $self->value($type);
		return ("CREATE TABLE $t (k $type, v int) PARTITION BY LIST (k)",
			"CREATE TABLE ${t}_1 PARTITION OF $t FOR VALUES IN ($value)", "CREATE TABLE ${t}_2 PARTITION OF $t DEFAULT",
			"INSERT INTO $t VALUES ($value, 1), (" . $self->value($type) . ", 2), (NULL, 3)");
	},
	partitioned_by_range => sub {
		my ($self, $at) = @_;
		my ($t, $type) = ("$at." . $self->name('p'), $self->type);
		return ("CREATE TABLE $t (k $type, v int) PARTITION BY RANGE (k)",
			"CREATE TABLE ${t}_1 PARTITION OF $t FOR VALUES FROM (" . $self->value($type) . ") TO (MAXVALUE)",
			"CREATE TABLE ${t}_2 PARTITION OF $t DEFAULT", map { "INSERT INTO $t VALUES (" . $self->value($type) . ", $_)" } 1 .. 3);
	},
	partitioned_by_hash => sub {
		my ($self, $at) = @_;
		my ($t, $type) = ("$at." . $self->name('p'), $self->type);
		return ("CREATE TABLE $t (k $type, v int) PARTITION BY HASH (k)",
			map({ "CREATE TABLE ${t}_$_ PARTITION OF $t FOR VALUES WITH (MODULUS 2, REMAINDER $_)" } 0, 1),
			map({ "INSERT INTO $t VALUES (" . $self->value($type) . ", $_)" } 1 .. 4));
	},
	sequence => sub { my ($self, $at) = @_; my $s = "$at." . $self->name('q'); push @{ $self->{sequences} }, $s;
		return ("CREATE SEQUENCE $s INCREMENT 3", "SELECT nextval('$s')"); },
	domain_array => sub { my ($self, $at) = @_; my $d = $self->choose($self->{domains}) or return ();
		return "CREATE DOMAIN $at." . $self->name('d') . " AS $d\[]"; },
	foreign_server => sub { my ($self, $at) = @_; my $f = "$at." . $self->name('f');
		return ("CREATE FOREIGN TABLE $f (a " . $self->type . " OPTIONS (o 'x')) SERVER fuzz_server OPTIONS (table_name 'y')"); },
	collation => sub { my ($self, $at) = @_; my $c = "$at." . $self->name('l');
		return ("CREATE COLLATION $c (LOCALE = 'C')", "CREATE TABLE ${c}t (a text COLLATE $c)", "CREATE INDEX ON ${c}t (a)",
			"INSERT INTO ${c}t VALUES ('a'), ('B')"); },
	conversion => sub { my ($self, $at) = @_; return "CREATE CONVERSION $at." . $self->name('n') . " FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8"; },
	operator => sub { my ($self, $at) = @_; my $t = $self->type; my $f = "$at." . $self->name('o');
		return ("CREATE FUNCTION $f($t, $t) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN \$1 IS NOT DISTINCT FROM \$2",
			"CREATE OPERATOR $at.=== (FUNCTION = $f, LEFTARG = $t, RIGHTARG = $t, COMMUTATOR = OPERATOR($at.===))"); },
	operator_class => sub { my ($self, $at) = @_; my $t = $self->choose($self->{enums}) // 'integer'; my $f = "$at." . $self->name('o');
		return ("CREATE FUNCTION $f($t) RETURNS int LANGUAGE sql IMMUTABLE STRICT RETURN length(\$1::text)",
			"CREATE OPERATOR CLASS ${f}_ops FOR TYPE $t USING hash AS FUNCTION 1 $f($t)"); },
	aggregate => sub { my ($self, $at) = @_; my $t = $self->type; my $a = "$at." . $self->name('a');
		return ("CREATE FUNCTION ${a}_s(bigint, $t) RETURNS bigint LANGUAGE sql IMMUTABLE RETURN \$1 + 1",
			"CREATE AGGREGATE $a($t) (SFUNC = ${a}_s, STYPE = bigint, INITCOND = '0')"); },
	cast => sub { my ($self, $at) = @_; my $t = $self->choose($self->{composites}) or return (); my $f = "$at." . $self->name('k');
		return ("CREATE FUNCTION $f($t) RETURNS integer LANGUAGE sql IMMUTABLE RETURN 1", "CREATE CAST ($t AS integer) WITH FUNCTION $f($t)"); },
	function => sub { my ($self, $at) = @_; my $t = $self->type; my $f = "$at." . $self->name('g'); push @{ $self->{functions} }, $f;
		my $value = $self->value($t);
		return "CREATE FUNCTION $f(a $t DEFAULT $value) RETURNS $t LANGUAGE sql IMMUTABLE " . ($self->below(2) ? "RETURN a" : "AS 'SELECT a'"); },
	atomic_function => sub { my ($self, $at) = @_; my $t = $self->choose($self->{tables}) or return (); my $f = "$at." . $self->name('g');
		return "CREATE FUNCTION $f() RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM $t x WHERE x IS NOT NULL; END"; },
	procedure => sub { my ($self, $at) = @_; return "CREATE PROCEDURE $at." . $self->name('g') . '(INOUT a ' . $self->type . ") LANGUAGE plpgsql AS 'BEGIN END'"; },
	table_function => sub { my ($self, $at) = @_; my $t = $self->choose($self->{tables}) or return ();
		return "CREATE FUNCTION $at." . $self->name('g') . "() RETURNS SETOF $t LANGUAGE sql STABLE BEGIN ATOMIC SELECT * FROM $t; END"; },
	setting_function => sub { my ($self, $at) = @_;
		return "CREATE FUNCTION $at." . $self->name('g') . "() RETURNS text LANGUAGE sql SET search_path = $at, pg_temp AS 'SELECT 1'"; },
	view => sub { my ($self, $at) = @_; my $t = $self->choose([ @{ $self->{tables} }, @{ $self->{views} } ]) or return (); my $v = "$at." . $self->name('v');
		push @{ $self->{views} }, $v; return "CREATE VIEW $v AS SELECT * FROM $t WHERE " . ($self->below(2) ? 'true' : 'id > 0'); },
	constant_view => sub { my ($self, $at) = @_; my ($t, $u) = ($self->type, $self->type); my $v = "$at." . $self->name('v');
		return "CREATE VIEW $v AS SELECT " . $self->value($t) . ' AS a, ' . $self->value($u) . ' AS b'; },
	join_view => sub { my ($self, $at) = @_; my ($t, $u) = ($self->choose($self->{tables}), $self->choose($self->{tables})); return () unless $t && $u;
		return "CREATE VIEW $at." . $self->name('v') . " AS WITH w AS (SELECT * FROM $t) SELECT w.id, x AS whole, row_number() OVER (PARTITION BY x.id ORDER BY x::text) FROM w JOIN $u x ON w.id = x.id"; },
	case_view => sub { my ($self, $at) = @_; my $t = $self->choose($self->{tables}) or return (); my $c = $self->column($t) or return ();
		return "CREATE VIEW $at." . $self->name('v') . " AS SELECT CASE WHEN $c->[0] IS NULL THEN " . $self->value($c->[1]) . " ELSE $c->[0] END AS a, COALESCE($c->[0], " . $self->value($c->[1]) . ") AS b FROM $t"; },
	union_view => sub { my ($self, $at) = @_; my $t = $self->choose($self->{tables}) or return (); my $c = $self->column($t) or return ();
		return "CREATE VIEW $at." . $self->name('v') . " AS SELECT $c->[0] FROM $t UNION ALL SELECT " . $self->value($c->[1]); },
	recursive_view => sub { my ($self, $at) = @_; return "CREATE RECURSIVE VIEW $at." . $self->name('v') . " (n) AS SELECT 1 UNION ALL SELECT n + 1 FROM " . "v$self->{number} WHERE n < 3"; },
	materialized_view => sub { my ($self, $at) = @_; my $t = $self->choose($self->{tables}) or return (); my $v = "$at." . $self->name('m');
		return ("CREATE MATERIALIZED VIEW $v AS SELECT * FROM $t", "CREATE INDEX ON $v (id)"); },
	index => sub { my $self = shift; my $t = $self->choose($self->{tables}) or return (); my $c = $self->column($t) or return ();
		return "CREATE INDEX ON $t USING " . $self->pick([qw(btree btree btree hash gin gist brin spgist)]) . " ($c->[0])"; },
	expression_index => sub { my $self = shift; my $t = $self->choose($self->{tables}) or return (); my $c = $self->column($t) or return (); my $f = $self->choose($self->{functions});
		return $f && $self->below(2) ? "CREATE INDEX ON $t (($f($c->[0])))" : "CREATE INDEX ON $t ((ROW($c->[0], id)))"; },
	array_index => sub { my $self = shift; my $t = $self->choose($self->{tables}) or return (); my $c = $self->column($t) or return ();
		return "CREATE INDEX ON $t ((ARRAY[$c->[0]]))"; },
	partial_index => sub { my $self = shift; my $t = $self->choose($self->{tables}) or return (); my $c = $self->column($t) or return ();
		return "CREATE INDEX ON $t (id) WHERE $c->[0] = " . $self->value($c->[1]); },
	unique => sub { my $self = shift; my $t = $self->choose($self->{tables}) or return (); return "ALTER TABLE $t ADD UNIQUE (id) INCLUDE (id) DEFERRABLE"; },
	exclusion => sub { my $self = shift; my $t = $self->choose($self->{tables}) or return (); return "ALTER TABLE $t ADD EXCLUDE USING btree (id WITH =)"; },
	check => sub { my $self = shift; my $t = $self->choose($self->{tables}) or return (); my $c = $self->column($t) or return ();
		return "ALTER TABLE $t ADD CHECK ($c->[0] IS DISTINCT FROM " . $self->value($c->[1]) . ") NOT VALID"; },
	hash_check => sub { my $self = shift; my $t = $self->choose($self->{tables}) or return (); my $c = $self->column($t) or return ();
		return "ALTER TABLE $t ADD CHECK (hash_record(ROW($c->[0])) IS NOT NULL)"; },
	foreign_key => sub { my $self = shift; my ($t, $u) = ($self->choose($self->{tables}), $self->choose($self->{tables})); return () unless $t && $u;
		return "ALTER TABLE $t ADD FOREIGN KEY (id) REFERENCES $u (id) ON DELETE CASCADE DEFERRABLE"; },
	typed_foreign_key => sub { my $self = shift; my ($at, $e) = ($self->place, $self->choose($self->{enums})); return () unless $e; my $t = "$at." . $self->name('t');
		return ("CREATE TABLE $t (e $e PRIMARY KEY)", "INSERT INTO $t VALUES ('l1'), ('l2')",
			"CREATE TABLE $self->{in}.${\$self->name('t')} (e $e REFERENCES $t)"); },
	generated => sub { my $self = shift; my $t = $self->choose($self->{tables}) or return (); my $c = $self->column($t) or return ();
		my $kind = $self->below(3);
		return "ALTER TABLE $t ADD COLUMN " . $self->name('z') . ($kind == 0 ? " $c->[1] GENERATED ALWAYS AS ($c->[0]) STORED"
			: $kind == 1 ? " boolean GENERATED ALWAYS AS (hash_array(ARRAY[$c->[0]]) = hash_array(ARRAY[" . $self->value($c->[1]) . "])) STORED" : " boolean GENERATED ALWAYS AS ($c->[0] IS NULL) STORED"); },
	# the numbers are others in a clone; the view tells whether they are right
	hashed => sub { my ($self, $at) = @_; my $type = $self->type; my $t = "$at." . $self->name('t');
		return ("CREATE TABLE ${t}_h (c $type, h int GENERATED ALWAYS AS (hash_array(ARRAY[c])) STORED, CHECK (h = hash_array(ARRAY[c])))",
			"INSERT INTO ${t}_h VALUES (" . $self->value($type) . '), (NULL)', "CREATE INDEX ON ${t}_h (h)",
			"CREATE VIEW ${t}v AS SELECT c, h = hash_array(ARRAY[c]) AS is_right FROM ${t}_h"); },
	drop_column => sub { my $self = shift; my $t = $self->choose($self->{tables}) or return (); my $c = $self->column($t) or return ();
		return $self->below(3) ? () : "ALTER TABLE $t DROP COLUMN $c->[0]"; },
	fast_default => sub { my $self = shift; my $t = $self->choose($self->{tables}) or return (); my $type = $self->type; my $c = $self->name('z');
		return "ALTER TABLE $t ADD COLUMN $c $type DEFAULT " . $self->value($type); },
	statistics => sub { my ($self, $at) = @_; my $t = $self->choose($self->{tables}) or return (); my $c = $self->column($t) or return (); my $s = "$at." . $self->name('x');
		return $self->below(2) ? "CREATE STATISTICS $s ON $c->[0], id FROM $t" : "CREATE STATISTICS $s ON (" . $self->value($c->[1]) . "), (COALESCE($c->[0], $c->[0])) FROM $t"; },
	enum_statistics => sub { my ($self, $at) = @_; my ($t, $e) = ($self->choose($self->{tables}), $self->choose($self->{enums})); return () unless $t && $e;
		return "CREATE STATISTICS $at." . $self->name('x') . " ON (CASE WHEN id > 1 THEN 'l1'::$e ELSE 'l3'::$e END), id FROM $t"; },
	rule => sub { my $self = shift; my ($t, $u) = ($self->choose($self->{tables}), $self->choose($self->{tables})); return () unless $t && $u;
		return "CREATE RULE " . $self->name('u') . " AS ON DELETE TO $t DO ALSO UPDATE $u SET id = id WHERE id = OLD.id"; },
	trigger => sub { my ($self, $at) = @_; my $t = $self->choose($self->{tables}) or return (); my $f = "$at." . $self->name('g');
		return ("CREATE FUNCTION $f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
			"CREATE TRIGGER " . $self->name('w') . " BEFORE INSERT OR UPDATE ON $t FOR EACH ROW WHEN (NEW.id > 0 AND NEW IS DISTINCT FROM NULL) EXECUTE FUNCTION $f('x')"); },
	constraint_trigger => sub { my ($self, $at) = @_; my ($t, $u) = ($self->choose($self->{tables}), $self->choose($self->{tables})); return () unless $t && $u; my $f = "$at." . $self->name('g');
		return ("CREATE FUNCTION $f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
			"CREATE CONSTRAINT TRIGGER " . $self->name('w') . " AFTER INSERT ON $t FROM $u DEFERRABLE FOR EACH ROW EXECUTE FUNCTION $f()"); },
	policy => sub { my $self = shift; my ($t, $u) = ($self->choose($self->{tables}), $self->choose($self->{tables})); return () unless $t && $u;
		return ("ALTER TABLE $t ENABLE ROW LEVEL SECURITY", "CREATE POLICY " . $self->name('y') . " ON $t USING (EXISTS (SELECT FROM $u x WHERE x.id = $t.id))"); },
	search_config => sub { my ($self, $at) = @_; my $c = "$at." . $self->name('h');
		return ("CREATE TEXT SEARCH DICTIONARY ${c}d (TEMPLATE = pg_catalog.simple)", "CREATE TEXT SEARCH CONFIGURATION $c (COPY = pg_catalog.simple)",
			"ALTER TEXT SEARCH CONFIGURATION $c ALTER MAPPING FOR word WITH ${c}d",
			"CREATE TABLE ${c}t (t text, v tsvector GENERATED ALWAYS AS (to_tsvector('$c', t)) STORED)", "INSERT INTO ${c}t VALUES ('a b')"); },
	search_parser => sub { my ($self, $at) = @_;
		return "CREATE TEXT SEARCH PARSER $at." . $self->name('h') . " (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, HEADLINE = prsd_headline, LEXTYPES = prsd_lextype)"; },
	comment => sub { my $self = shift; my $t = $self->choose($self->{tables}) or return (); return ("COMMENT ON TABLE $t IS 'a remark'", "COMMENT ON COLUMN $t.id IS 'another'"); },
	grant => sub { my $self = shift; my $t = $self->choose($self->{tables}) or return (); return ("GRANT SELECT, INSERT (id) ON $t TO PUBLIC"); },
	default_privileges => sub { my ($self, $at) = @_; return "ALTER DEFAULT PRIVILEGES IN SCHEMA $at GRANT SELECT ON TABLES TO PUBLIC"; },
	options => sub { my $self = shift; my $t = $self->choose($self->{tables}) or return (); return ("ALTER TABLE $t SET (fillfactor = 70)", "ALTER TABLE $t ALTER COLUMN id SET STATISTICS 50"); },
	replica_identity => sub { my $self = shift; my $t = $self->choose($self->{tables}) or return (); return "ALTER TABLE $t REPLICA IDENTITY FULL"; },
	multirange_column => sub { my ($self, $at) = @_; my $r = $self->choose($self->{ranges}) or return (); my $t = "$at." . $self->name('t');
		return ("CREATE TABLE $t (id int, m ${r}m, a ${r}m[])", "INSERT INTO $t VALUES (1, ${r}m(" . $self->value($r) . '), NULL)', "CREATE INDEX ON $t (m)"); },
	nested_arrays => sub { my ($self, $at) = @_; my $c = $self->choose($self->{composites}) or return (); my $t = "$at." . $self->name('t');
		return ("CREATE TABLE $t (id int, a $c\[])", "INSERT INTO $t VALUES (1, ARRAY[ARRAY[" . $self->value($c) . '], ARRAY[NULL::' . "$c]])"); },
	wide_values => sub { my ($self, $at) = @_; my $t = "$at." . $self->name('t');
		return ("CREATE TABLE $t (id int PRIMARY KEY, w text)", "ALTER TABLE $t ALTER w SET STORAGE EXTERNAL", "INSERT INTO $t SELECT i, repeat('x', 5000) FROM generate_series(1, 3) i"); },
	regclass_default => sub { my ($self, $at) = @_; my $s = $self->choose($self->{sequences}) or return (); my $t = "$at." . $self->name('t');
		return ("CREATE TABLE $t (id bigint DEFAULT nextval('$s'), r regclass DEFAULT '$s')", "INSERT INTO $t DEFAULT VALUES"); },
	owned_sequence => sub { my $self = shift; my ($s, $t) = ($self->choose($self->{sequences}), $self->choose($self->{tables})); return () unless $s && $t;
		return "ALTER SEQUENCE $s OWNED BY $t.id"; },
	row_type_column => sub { my ($self, $at) = @_; my $t = $self->choose($self->{tables}) or return (); my $u = "$at." . $self->name('t');
		return ("CREATE TABLE $u (id int, r $t)", "INSERT INTO $u SELECT 1, x FROM $t x LIMIT 2"); },
	sub_select_default => sub { my $self = shift; my $t = $self->choose($self->{tables}) or return (); my $c = $self->column($t) or return ();
		return "ALTER TABLE $t ALTER $c->[0] SET DEFAULT " . $self->value($c->[1]); },
);
my @names = sort keys %kinds;

sub kinds { return scalar @names; }

# Only what is new: an ANALYZE of everything would be most of the work.
sub analyze
{
	my $self = shift;
	return qq{DO \$\$ DECLARE t text; BEGIN
		FOR t IN SELECT format('%I.%I', nspname, relname) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
			WHERE nspname IN ('$self->{in}', '$self->{out}') AND relkind IN ('r', 'p', 'm') ORDER BY relkind, 1
		LOOP
			BEGIN EXECUTE 'ANALYZE ' || t; EXCEPTION WHEN OTHERS THEN NULL; END;
		END LOOP; END \$\$};
}

# The statements of a schema of about so many objects.
sub statements
{
	my ($self, $objects) = @_;
	my @first = qw(enum composite table enum range table function domain);
	my @sql = ("CREATE SCHEMA $self->{in}", "CREATE SCHEMA $self->{out}");
	foreach my $i (1 .. $objects)
	{
		my $kind = $i <= @first ? $first[ $i - 1 ] : $self->pick(\@names);
		$self->{now} = $i <= @first ? $self->{in} : $self->place;
		push @sql, $kinds{$kind}->($self, $self->{now});
	}
	return (@sql, $self->analyze);
}

1;
