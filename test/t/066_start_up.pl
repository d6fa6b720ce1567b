# 066_start_up.pl: wherever the start-up of the library fails, the session goes
# on, and with the next attempt the library is there as if nothing had been.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

# The library is loaded by the first function that is called, not before.
my $node = PostgreSQL::Test::Cluster->new('late');
$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$node->append_conf('postgresql.conf', "statement_timeout = '20s'");
$node->start;
new_database($node, 'app');
$node->safe_psql('app', q{
	SELECT tenant.create(n) FROM unnest('{a,b}'::text[]) AS n;
	CREATE TABLE a.t AS SELECT 'of a' AS v;
	CREATE TABLE b.t AS SELECT 'of b' AS v;
	CREATE ROLE regress_tm_app LOGIN;
	GRANT USAGE ON SCHEMA a, b TO regress_tm_app;
	GRANT SELECT ON a.t, b.t TO regress_tm_app});

# A script of psql with connections of its own; what it prints, and SQLSTATEs.
sub script
{
	my ($sql, %options) = @_;
	my ($out, $err) = ('', '');
	$node->psql('app', "\\set VERBOSITY sqlstate\n$sql", stdout => \$out, stderr => \$err, on_error_stop => 0,
		extra_params => [ '-U', 'regress_tm_app' ], timeout => 120, timed_out => \my $late);
	die "psql hangs: $sql" if $late;
	return ($out, $err);
}

# A tenant that cannot be looked up at once: its schema is being renamed.
my $other = $node->background_psql('app', on_error_stop => 0);
$other->query_safe(q{BEGIN; SELECT tenant.rename('a', 'a2')});
my $spoiled = q{SET lock_timeout = '300ms'; SELECT tenant.current() IS NULL; SELECT tenant.current() IS NULL; SELECT 1;};
my ($out, $err) = script("SET tenant_mgr.tenant = 'a'; $spoiled RESET tenant_mgr.tenant; SELECT 2;");
unlike($err, qr/42710|XX000/, 'a setting is defined once');
like($err, qr/55P03/, 'the wait for a lock ends');
like($out, qr/^2$/m, 'and so does what follows');
($out, $err) = script("BEGIN; SET LOCAL tenant_mgr.tenant = 'a'; SAVEPOINT s; $spoiled ROLLBACK TO s; $spoiled ROLLBACK; SELECT tenant.current() IS NULL, 3;");
like($out, qr/^t\|3$/m, 'in a transaction as well');
$other->query_safe('ROLLBACK');
$other->quit;
($out, $err) = script("SET tenant_mgr.tenant = 'a'; SELECT tenant.current(); SELECT v FROM t;");
is("$out$err", "a\nof a", 'a tenant from before is in force with the first statement');

# No memory, at every call in turn
my $dir = PostgreSQL::Test::Utils::tempdir();
my $server = `pg_config --includedir-server`;
chomp $server;
SKIP:
{
	skip 'no compiler for a library that has no memory', 4
	  if system("cc -shared -fPIC -I$server -o $dir/fail_malloc.so $FindBin::RealBin/../fixtures/fail_malloc.c >/dev/null 2>&1") != 0;
	$node->stop;
	{
		local $ENV{LD_PRELOAD} = "$dir/fail_malloc.so";
		$node->start;
	}
	$node->safe_psql('app', "CREATE FUNCTION public.fail_malloc(int) RETURNS int AS '$dir/fail_malloc', 'fail_malloc' LANGUAGE C STRICT");
	my $head = "SET tenant_mgr.tenant = 'a'; SET tenant_mgr.guard = 'off'; SELECT 0 * public.fail_malloc(0);";
	($out, $err) = script("$head SELECT tenant.current(); SELECT public.fail_malloc(0);");
	my $calls = (split /\n/, $out)[-1];
	cmp_ok($calls, '>', 5, "memory is asked for ($calls times)");

	my ($failed, @wrong) = (0);
	foreach my $n (1 .. $calls)
	{
		($out, $err) = script("$head SELECT 0 * public.fail_malloc($n); SELECT tenant.current(); SELECT 0 * public.fail_malloc(0);
			SELECT 'then ' || tenant.current(); SELECT 'rows ' || v FROM t; SELECT tenant.switch('b'); SELECT 'and ' || v FROM t;
			BEGIN; SELECT tenant.switch_local('a'); COMMIT; SELECT 'last ' || tenant.current();");
		$failed++ if $err =~ /ERROR:  (53200|58P01)/;
		# The server itself ends some sessions, and drops a value that it has no memory for.
		next if $err =~ /FATAL/;
		push @wrong, "$n: $out $err" if $out !~ /b\nand of b\na\nlast b$/
		  || ($out !~ /then a\nrows of a\n/ && $err !~ /WARNING:  (53200|22023)/);
	}
	cmp_ok($failed, '>', 3, "and is not there ($failed times)");
	is(join("\n", @wrong), '', 'the next attempt has it all');
	unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'no crash');
}
$node->stop;
done_testing();
