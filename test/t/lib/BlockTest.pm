# BlockTest.pm: what the tests of copied blocks share.
#
# new_blocks_database and load_blocks make a database with the schema of
# test/fixtures/blocks.sql.  The schema comes with conditions, one or more for
# each of its indexes; answers_of asks them all by one kind of scan.
package BlockTest;

use strict;
use warnings;
use Exporter 'import';
use FindBin;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

our @EXPORT = qw(new_blocks_database load_blocks answers_of amcheck_is_content);

my $functions = q{
	CREATE FUNCTION public.choose_scan(way text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM set_config('enable_seqscan', (way = 'seq')::text, true),
			set_config('enable_indexscan', (way = 'index')::text, true),
			set_config('enable_indexonlyscan', (way = 'index')::text, true),
			set_config('enable_bitmapscan', (way = 'bitmap')::text, true),
			set_config('max_parallel_workers_per_gather', '0', true);
	END $$;

	-- The rows that fulfil a condition, as a hash.  Of all indexes only the one
	-- in question is there for the planner; "used" tells if it took it.
	CREATE FUNCTION public.answer(schema text, p public.probe, way text, OUT result text, OUT used bool) LANGUAGE plpgsql AS $$
	DECLARE
		line text;
	BEGIN
		PERFORM set_config('search_path', format('%I, public', schema), true), public.choose_scan(way);
		UPDATE pg_index SET indisvalid = indexrelid::regclass::text = p.index WHERE indrelid = p.rel::text::regclass;
		used := false;
		FOR line IN EXECUTE format('EXPLAIN SELECT * FROM %I WHERE %s', p.rel, p.condition)
		LOOP
			used := used OR line ~ ('Scan (using|on) ' || p.index || '\y');
		END LOOP;
		EXECUTE format($f$SELECT count(*) || ' ' || coalesce(md5(string_agg(replace(x::text, %L, ''), E'\n' ORDER BY x::text COLLATE "C")), '')
			FROM %I AS x WHERE %s$f$, schema || '.', p.rel, p.condition) INTO result;
		RAISE SQLSTATE 'XXDON';
	EXCEPTION WHEN SQLSTATE 'XXDON' THEN
		-- that undid the update
	END $$;
};

sub new_blocks_database
{
	my ($node, $db) = @_;
	new_database($node, $db);
	$node->safe_psql($db, q{SET client_min_messages = warning;
		CREATE ACCESS METHOD regress_tm_heap TYPE TABLE HANDLER heap_tableam_handler;
		CREATE EXTENSION amcheck; CREATE EXTENSION bloom; CREATE EXTENSION btree_gist; CREATE EXTENSION pg_visibility;
		CREATE TABLE public.probe (rel name, index name, condition text)} . ";\n$functions");
	$node->psql($db, 'CREATE EXTENSION rum');
	return;
}

sub load_blocks
{
	my ($node, $db, $schema) = @_;
	my $lz4 = $node->psql($db, 'SET default_toast_compression = lz4') == 0;
	my ($stdout, $stderr) = run_command([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($db),
		'-v', "schema=$schema", '-v', 'compression=' . ($lz4 ? 'lz4' : 'pglz'), '-f', "$FindBin::RealBin/../fixtures/blocks.sql" ]);
	die "could not load blocks.sql: $stderr" if $stderr =~ /ERROR/;
	return;
}

# One line for each condition: the rows that a kind of scan (seq, index or
# bitmap) finds in a schema.
sub answers_of
{
	my ($node, $db, $schema, $way) = @_;
	return $node->safe_psql($db, "SELECT index, condition, (public.answer('$schema', p, '$way')).result FROM public.probe p ORDER BY 1, 2");
}

# A standby does not allow the lock that the check of parents takes.
sub amcheck_is_content
{
	my ($node, $db, $schema, $name) = @_;
	local $ENV{PGOPTIONS} = '-c client_min_messages=warning';
	my @depth = $node->safe_psql($db, 'SELECT pg_is_in_recovery()') eq 't' ? () : ('--parent-check');
	my ($stdout, $stderr) = run_command([ 'pg_amcheck', '--heapallindexed', @depth,
		'-h', $node->host, '-p', $node->port, '-d', $db, '-s', $schema ]);
	is("$stdout$stderr", '', "$name: pg_amcheck");
	return;
}

1;
