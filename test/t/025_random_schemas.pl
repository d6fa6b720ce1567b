# 025_random_schemas.pl: schemas made at random, with everything a schema can
# hold and that crosses its border, are cloned right or refused by name.
#
# Right means: the same dump, the same answers, also when the source is gone, and
# nothing that amcheck or pg_catcheck would find.  The first seed and the number
# of schemas are taken from the environment: TM_SEED and TM_SCHEMAS.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../fuzz";
use PostgreSQL::Test::Utils;
use Test::More;
use RandomSchema;
use TenantTest;

my $seed = $ENV{TM_SEED} // 1;
my $count = $ENV{TM_SCHEMAS} // 120;
my $db = 'random';
my $node = new_node('random', "max_locks_per_transaction = 1024\nautovacuum = off\nfsync = off\njit = off\n");
new_database($node, $db);
$node->safe_psql($db, q{
	CREATE EXTENSION amcheck;
	CREATE FOREIGN DATA WRAPPER fuzz; CREATE SERVER fuzz_server FOREIGN DATA WRAPPER fuzz;
	-- what a schema answers: rows by sequential scan and by index, column by
	-- column and as the planner sees them
	CREATE FUNCTION public.ask(query text) RETURNS text LANGUAGE plpgsql AS $$
		DECLARE answer text;
		BEGIN EXECUTE query INTO answer; RETURN answer;
		EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM; END $$;
	CREATE FUNCTION public.answers(s text) RETURNS SETOF text LANGUAGE plpgsql AS $$
		DECLARE r record;
		BEGIN
			FOR r IN SELECT c.relname FROM pg_class c WHERE relnamespace = s::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
				AND relname NOT LIKE '%\\_h' ORDER BY 1
			LOOP
				FOR i IN 0 .. 1 LOOP
					PERFORM set_config('enable_seqscan', (i = 0)::text, true);
					RETURN NEXT format('%s %s: ', r.relname, i) || coalesce(public.ask(format(
						'SELECT string_agg(x::text, E''\n'' ORDER BY x::text) FROM %I.%I x', s, r.relname)), '');
				END LOOP;
			END LOOP;
			-- enable_seqscan is off: columns of types of the schema, by their indexes
			FOR r IN SELECT c.relname, a.attname, t.typtype FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
				JOIN pg_type t ON t.oid = atttypid
				WHERE relnamespace = s::regnamespace AND relkind IN ('r', 'p', 'm') AND attnum > 0 AND NOT attisdropped
				AND typnamespace <> 'pg_catalog'::regnamespace ORDER BY 1, 2
			LOOP
				RETURN NEXT format('%s.%s equal: ', r.relname, r.attname) || coalesce(public.ask(format(
					'SELECT count(*) FROM %I.%I x WHERE x.%I = (SELECT y.%3$I FROM %1$I.%2$I y ORDER BY y.%3$I::text LIMIT 1)',
					s, r.relname, r.attname)), '');
				-- OIDs have no order that means something
				CONTINUE WHEN r.typtype <> 'e';
				RETURN NEXT format('%s.%s ordered: ', r.relname, r.attname) || coalesce(public.ask(format(
					'SELECT string_agg(%I::text, '','') FROM (SELECT %1$I FROM %I.%I ORDER BY %1$I) q', r.attname, s, r.relname)), '');
			END LOOP;
			RETURN QUERY SELECT concat_ws(' ', 'statistics', tablename, attname, inherited, most_common_vals::text, histogram_bounds::text, n_distinct)
				FROM pg_stats WHERE schemaname = s ORDER BY tablename, attname, inherited;
			FOR r IN SELECT p.proname, p.oid FROM pg_proc p WHERE pronamespace = s::regnamespace AND prokind = 'f'
				AND pronargs = pronargdefaults AND prorettype <> 'trigger'::regtype ORDER BY 1
			LOOP
				RETURN NEXT r.proname || ': ' || coalesce(public.ask(format('SELECT %I.%I()::text', s, r.proname)), '');
			END LOOP;
			FOR r IN SELECT t.typname, typtype FROM pg_type t WHERE typnamespace = s::regnamespace AND typtype IN ('e', 'd') ORDER BY 1
			LOOP
				RETURN NEXT r.typname || ': ' || coalesce(public.ask(format(CASE r.typtype WHEN 'e' THEN 'SELECT enum_range(NULL::%I.%I)::text'
					ELSE 'SELECT NULL::%I.%I::text' END, s, r.typname)), '');
			END LOOP;
		END $$;});

my ($cloned, $refused) = (0, 0);
my @failed;
foreach my $n ($seed .. $seed + $count - 1)
{
	my ($in, $out, $copy) = ("fuzz_in$n", "fuzz_out$n", "fuzz_cp$n");
	my $schema = RandomSchema->new($n, $in, $out);
	my $script = join ";\n", $schema->statements(35);
	my $problem;

	$node->psql($db, "SET client_min_messages = error;\n$script;\n", on_error_stop => 0, stderr => \my $ignored);
	my ($status, $answer, $error);
	my $before = answers($in);
	$status = $node->psql($db, "SET client_min_messages = error;\n\\set VERBOSITY verbose\nSELECT tenant.clone('$in', '$copy')",
		stdout => \$answer, stderr => \$error);
	if ($status != 0)
	{
		$error =~ /ERROR:  TM009: .*"$in"/ || $error =~ /ERROR:  TM009: cannot clone/ ? $refused++ : ($problem = $error);
		$node->psql($db, "SET client_min_messages = error; DROP SCHEMA $in, $out CASCADE");
	}
	else
	{
		$cloned++;
		my $after = answers($copy);
		# a table outside has a child more, and whoever reads it sees both
		if ($script =~ /INHERITS \($out/)
		{
			($before, $after) = map { join "\n", sort split /\n/, s/\b$copy\b/$in/gr } answers($in), $after;
		}
		# statistics of some values are left to the next ANALYZE
		my %there = map { /^(statistics \S+ \S+ \S)/ ? ($1 => 1) : () } split /\n/, $after;
		$before = join "\n", grep { !/^(statistics \S+ \S+ \S)/ || $there{$1} } split /\n/, $before;
		$problem = difference('answers', $before, join("\n", split /\n/, $after), $copy, $in)
		  // difference('dump', structure_of($node, $db, $in), structure_of($node, $db, $copy), $copy, $in);
		my $alone = answers($copy);
		$node->psql($db, "SET client_min_messages = error; DROP SCHEMA $in CASCADE");
		$problem //= difference('answers without the source', $alone, answers($copy), $copy, $copy)
			unless $script =~ /INTO $out|FROM $out|REFERENCES $out|INHERITS \($out/;
		$node->psql($db, "SET client_min_messages = error; DROP SCHEMA $out CASCADE");
		if (!$problem)
		{
			my ($found, $stderr) = run_command([ 'pg_amcheck', '--parent-check', '--heapallindexed', '--no-dependent-indexes', '--schema', $copy, '-d', $node->connstr($db) ]);
			$problem = "amcheck: $found $stderr" if $found =~ /\S/ && $found !~ /no (heap|btree|relations)/;
		}
		$node->psql($db, "SET client_min_messages = error; SELECT tenant.drop('$copy', purge => true)") unless $n > $seed + $count - 6;
	}
	next unless $problem;
	push @failed, $n;
	diag("seed $n: $problem");
}
is("@failed", '', "$count random schemas: equal, or refused by name");
cmp_ok($cloned, '>', 0, 'some are cloned');
note("$cloned cloned, $refused refused, " . RandomSchema::kinds() . ' kinds of objects');

my $catcheck = command_of('pg_catcheck');
SKIP:
{
	skip 'pg_catcheck is not there', 1 unless $catcheck;
	my ($stdout, $stderr) = run_command([ $catcheck, '--quiet', $node->connstr($db) ]);
	is("$stdout$stderr", '', 'pg_catcheck finds nothing');
}
$node->stop;
done_testing();

sub answers
{
	my $schema = shift;
	my ($stdout, $stderr);
	$node->psql($db, "SET client_min_messages = error; SET search_path = pg_catalog; SELECT * FROM public.answers('$schema')",
		stdout => \$stdout, stderr => \$stderr);
	return "$stdout\n$stderr";
}

# The first lines that differ when one name stands for the other, or undef.
sub difference
{
	my ($what, $source, $copy, $from, $to) = @_;
	$copy =~ s/\b$from\b/$to/g;
	return undef if $source eq $copy;
	my @source = split /\n/, $source;
	my @copy = split /\n/, $copy;
	my $i = 0;
	$i++ while $i < @source && $i < @copy && $source[$i] eq $copy[$i];
	return "$what: source has\n" . ($source[$i] // 'nothing') . "\nclone has\n" . ($copy[$i] // 'nothing');
}
