# 111_beside_clones.pl: what others do to objects outside of the source, or to
# those of the source that are nothing but rows of catalogs, while a clone is
# made.  The clone is whole, or there is none.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('beside', "autovacuum = off\nstatement_timeout = 180s\nlog_lock_waits = off\n");
my $db   = 'beside';
new_database($node, $db);
my $other  = $node->background_psql($db);
my $cloner = $node->background_psql($db, on_error_stop => 0);

# A foreign key to a table that gets a partition
$node->safe_psql($db, q{
	CREATE TABLE public.ref (id int PRIMARY KEY) PARTITION BY RANGE (id);
	CREATE TABLE public.ref1 PARTITION OF public.ref FOR VALUES FROM (0) TO (100);
	CREATE TABLE public.ref2 (id int PRIMARY KEY);
	CREATE TABLE public.ref3 (id int PRIMARY KEY) PARTITION BY RANGE (id);
	CREATE TABLE public.ref31 (id int PRIMARY KEY);
	ALTER TABLE public.ref ATTACH PARTITION public.ref3 FOR VALUES FROM (200) TO (300);
	INSERT INTO public.ref VALUES (1);
	SELECT tenant.create('refers');
	CREATE TABLE refers.t (r int REFERENCES public.ref);
	INSERT INTO refers.t VALUES (1)});
foreach my $case ([ 'none', 'true', 'ref', 'ref2', 100 ], [ 'share', 'false', 'ref3', 'ref31', 200 ])
{
	my ($lock, $data, $table, $partition, $from) = @$case;
	my $name = "lock $lock, data $data";
	$other->query_safe('BEGIN; UPDATE public.ref1 SET id = 1');
	start("SET tenant_mgr.clone_lock = $lock; SELECT tenant.clone('refers', 'copy', data => $data);", 'ref1');
	$node->safe_psql($db, "ALTER TABLE public.$table ATTACH PARTITION public.$partition FOR VALUES FROM ($from) TO ($from + 100)");
	$other->query_safe('COMMIT');
	like(errors_of(), qr/could not clone foreign key "t_r_fkey\w*" due to concurrent ATTACH PARTITION/, "$name: a new partition is noticed");
	is($node->safe_psql($db, "SELECT to_regnamespace('copy')"), '', "$name: there is no clone that does not know it");
	$node->safe_psql($db, "SET tenant_mgr.clone_lock = $lock; SELECT tenant.clone('refers', 'copy', data => $data);
		INSERT INTO public.ref VALUES ($from); INSERT INTO copy.t VALUES ($from)");
	my ($rc, $stdout, $stderr) = $node->psql($db, "DELETE FROM public.ref WHERE id = $from");
	like($stderr, qr/violates foreign key constraint/, "$name: the next one does");
	$node->safe_psql($db, "SELECT tenant.drop('copy', purge => true)");
}

# What a clone uses outside is dropped, with all that depends on it, before the
# clone is committed.
$node->safe_psql($db, q{
	CREATE DOMAIN public.email AS text;
	CREATE FUNCTION public.number() RETURNS int LANGUAGE sql AS 'SELECT 1';
	CREATE FUNCTION public.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
	CREATE TABLE public.shared (a int);
	CREATE TEXT SEARCH CONFIGURATION public.words (PARSER = default);
	SELECT tenant.create('uses');
	CREATE TABLE uses.t (a public.email, b int DEFAULT public.number(), c text,
		d tsvector GENERATED ALWAYS AS (to_tsvector('public.words', c)) STORED);
	INSERT INTO uses.t VALUES ('a', 1, 'b');
	CREATE TRIGGER keep BEFORE UPDATE ON uses.t FOR EACH ROW EXECUTE FUNCTION public.keep();
	CREATE VIEW uses.v AS SELECT * FROM public.shared});
foreach my $object ('FUNCTION public.number', 'FUNCTION public.keep', 'TABLE public.shared', 'TEXT SEARCH CONFIGURATION public.words', 'DOMAIN public.email')
{
	$other->query_safe("BEGIN; SELECT tenant.clone('uses', 'user')");
	start("SET client_min_messages = warning; DROP $object CASCADE;");
	$other->query_safe('COMMIT');
	is(errors_of(), '', "$object is dropped");
	my ($rc, $stdout, $stderr) = $node->psql($db, 'INSERT INTO "user".t VALUES (DEFAULT); UPDATE "user".t SET b = 3; SELECT * FROM "user".t');
	is($stderr, '', "$object: the clone has lost what the source has");
	is( $node->safe_psql($db, q{
		SELECT count(*) FROM pg_depend WHERE
			refclassid = 'pg_proc'::regclass AND NOT EXISTS (SELECT FROM pg_proc WHERE oid = refobjid) OR
			refclassid = 'pg_type'::regclass AND NOT EXISTS (SELECT FROM pg_type WHERE oid = refobjid) OR
			refclassid = 'pg_ts_config'::regclass AND NOT EXISTS (SELECT FROM pg_ts_config WHERE oid = refobjid) OR
			refclassid = 'pg_class'::regclass AND NOT EXISTS (SELECT FROM pg_class WHERE oid = refobjid)}), 0,
		"$object: and depends on nothing that is not there");
	$node->safe_psql($db, q{SELECT tenant.drop('user', purge => true)});
}

# Objects that are nothing but rows of catalogs are dropped when the clone has
# taken its snapshot and is about to copy them.  It waits for a function that a
# range type names, and types come first.
$node->safe_psql($db, q{
	CREATE FUNCTION public.apart(a float8, b float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT a - b';
	SELECT tenant.create('rows');
	SET search_path = rows;
	CREATE TYPE span AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = public.apart);
	CREATE DOMAIN positive AS int CHECK (VALUE > 0);
	CREATE FUNCTION answer() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 42; END';
	CREATE FUNCTION fold(int, int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN $1 + $2; END';
	CREATE AGGREGATE total (int) (SFUNC = fold, STYPE = int, INITCOND = '0');
	CREATE OPERATOR @@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = fold);
	CREATE CONVERSION latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
	CREATE TEXT SEARCH CONFIGURATION words (PARSER = default)});
$other->query_safe('BEGIN; ALTER FUNCTION public.apart RENAME TO near');
start("SELECT tenant.clone('rows', 'copy', exclude => '{none}');");
$node->safe_psql($db, q{
	SET search_path = rows;
	DROP FUNCTION answer;
	DROP AGGREGATE total (int);
	DROP OPERATOR @@@ (int, int);
	DROP FUNCTION fold;
	DROP CONVERSION latin;
	DROP TEXT SEARCH CONFIGURATION words;
	ALTER DOMAIN positive DROP CONSTRAINT positive_check});
$other->query_safe('ROLLBACK');
is(errors_of(), '', 'objects that have been dropped since are cloned');
is($node->safe_psql($db, q{
	SET search_path = copy;
	SELECT answer(), total(n), 1 @@@ 2 FROM generate_series(1, 4) AS n}), '42|10|3', 'as they were');
my ($rc, $stdout, $stderr) = $node->psql($db, 'SELECT 0::copy.positive');
like($stderr, qr/violates check constraint "positive_check"/, 'with what belongs to them');
$other->quit;
$cloner->quit;

# Start statements, and wait until they wait for a lock, on the relation if given.
sub start
{
	my ($sql, $relation) = @_;
	my $which = defined $relation ? "relation = 'public.$relation'::regclass" : 'true';
	$cloner->{stderr} = '';
	$cloner->query_until(qr/sent/, "\\echo sent\n$sql\n");
	$node->poll_query_until($db, "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND $which") or die "nobody waits: $sql";
	return;
}

# The errors that came of them.
sub errors_of
{
	$cloner->query('SELECT 1');
	my $errors = $cloner->{stderr} =~ s/^.*QUERY_SEPARATOR.*\n//mgr;
	$cloner->{stderr} = '';
	return $errors;
}

$node->stop;
done_testing();
