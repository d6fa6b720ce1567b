# 056_kept_plans.pl: a plan that was made before the session went to another
# tenant, and that the search path does not tell from a plan of now, does not
# carry the former tenant's functions, sequences and types over.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('plans', "shared_preload_libraries = 'tenant_mgr'\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	SELECT tenant.create('a'), tenant.create('b');
	CREATE TABLE b.t (v text); INSERT INTO b.t VALUES ('CANARY');
	CREATE SEQUENCE b.s START 4711;
	CREATE TYPE b.pair AS (x int, y int);
	CREATE DOMAIN b.positive AS int CHECK (VALUE > 0);
	CREATE FUNCTION b.folded() RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT v FROM b.t); END$$;
	CREATE FUNCTION b.inlined(int) RETURNS text IMMUTABLE LANGUAGE sql AS $$SELECT 'CANARY' || $1$$;
	CREATE FUNCTION public.outer_folded() RETURNS text IMMUTABLE LANGUAGE sql AS $$SELECT b.folded()$$;
});

my @queries = (
	q{SELECT nextval('b.s')}, q{SELECT setval('b.s', 4711)}, 'SELECT b.folded()', 'SELECT b.inlined(1)', 'SELECT outer_folded()',
	'SELECT (1, 2)::b.pair', 'SELECT 4711::b.positive', 'SELECT count(*) FROM b.t', q{SELECT pg_typeof(NULL::b.t)});
my $fixed = 'SET search_path = public';

sub session
{
	my ($sql) = @_;
	my ($rc, $stdout, $stderr) = $node->psql('app', "\\set VERBOSITY sqlstate\nSET plan_cache_mode = force_generic_plan;\n$sql", on_error_stop => 0);
	return ($stdout, $stderr);
}

foreach my $query (@queries)
{
	foreach my $before ([ 'unbound', '' ], [ 'bound to its tenant', "SELECT tenant.switch('b') \\gset\n" ])
	{
		my ($who, $begin) = @$before;
		my ($stdout, $stderr) = session("$begin$fixed; PREPARE p AS $query; EXECUTE p; SELECT 'went';\n"
			. "SELECT tenant.switch('a') \\gset\n$fixed;\nSELECT 'there';\nEXECUTE p;");
		my ($first, $second) = split /^there$/m, $stdout;
		like($first, qr/went/, "$query: planned and run while $who");
		is($second, '', "... and says nothing to the next tenant");
		like($stderr, qr/ERROR:  TM003/, '... but is refused');

		# Between two switches nothing else has happened.
		($stdout, $stderr) = session("$begin$fixed; PREPARE p AS $query; EXECUTE p;\nSELECT tenant.switch('a') \\gset\nSELECT tenant.switch('b') \\gset\n"
			. "SELECT tenant.switch('a') \\gset\n$fixed;\nSELECT 'there';\nEXECUTE p;");
		($first, $second) = split /^there$/m, $stdout;
		is($second, '', '... nor after going to and fro');
		like($stderr, qr/ERROR:  TM003/, '... which is refused, too');
	}
}

# A function that keeps its own path keeps its own plans.
$node->safe_psql('app', "CREATE FUNCTION public.keeper() RETURNS text LANGUAGE plpgsql $fixed AS \$\$BEGIN RETURN b.folded() || nextval('b.s'); END\$\$");
foreach my $begin ('', "SELECT tenant.switch('b') \\gset\n")
{
	my ($stdout, $stderr) = session("${begin}SELECT public.keeper();\nSELECT tenant.switch('a') \\gset\nSELECT 'there';\nSELECT public.keeper();");
	like($stdout, qr/CANARY/, 'a function that keeps its path, run where it may' . ($begin ? ', bound' : ''));
	unlike($stdout, qr/there.*CANARY/s, '... and for the next tenant');
	like($stderr, qr/ERROR:  TM003/, '... which is refused');
}

done_testing();
