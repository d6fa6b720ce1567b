# 073_dump_beside.pl: a dump beside renames, rollbacks, drops and creates holds
# the rows of the right tenants, or fails.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('dump_beside', "shared_preload_libraries = 'tenant_mgr'\n");
new_database($node, 'app');
new_database($node, 'back');

sub sql { return $node->safe_psql('app', @_) }

sub error_of
{
	my ($statement, $db) = @_;
	my ($ret, $out, $err) = $node->psql('app', "\\set VERBOSITY sqlstate\n$statement");
	return $err;
}

# What a statement does while another transaction has a table locked.
sql(q{
	SELECT tenant.create('b1'), tenant.create('b2'), tenant.create('b3');
	CREATE TABLE b1.t AS SELECT 'b1' AS who;
	CREATE TABLE b2.t AS SELECT 'b2' AS who;
	CREATE TABLE b3.t AS SELECT 'b3' AS who;
	SELECT tenant.snapshot('b1', 's');
	CREATE TABLE public.plain (i int);
});
my $dumper = $node->background_psql('app', on_error_stop => 0);
$dumper->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE b1.t, public.plain IN ACCESS SHARE MODE');
for my $statement (
	q{SELECT tenant.rename('b1', 'x')}, q{ALTER SCHEMA b1 RENAME TO x},
	q{SELECT tenant.rollback_to('b1', 's')}, q{SELECT tenant.drop('b1')},
	q{SELECT tenant.drop('b1', true)}, q{DROP SCHEMA b1 CASCADE})
{
	like(error_of("SET lock_timeout = '100ms'; BEGIN; $statement; ROLLBACK"), qr/55P03/,
		"$statement waits for whoever has a table locked");
}
is(error_of(q{BEGIN; SELECT tenant.rename('b2', 'x'); ROLLBACK}), '', 'another tenant can be renamed');
is(error_of(q{BEGIN; SELECT tenant.suspend('b1'); ROLLBACK}), '', 'this one can be suspended');
is(error_of(q{BEGIN; SELECT tenant.switch('b1'); SELECT * FROM t; ROLLBACK}), '', 'and be worked for');
$dumper->query_safe('COMMIT');

# NOWAIT does not wait for the schema either: a worker of pg_dump must not.
my $renamer = $node->background_psql('app');
$renamer->query_safe(q{BEGIN; SELECT tenant.rename('b1', 'x')});
like(error_of('BEGIN; LOCK TABLE x.t IN ACCESS SHARE MODE NOWAIT'), qr/42P01|3F000|55P03/, 'NOWAIT does not wait');
like(error_of('BEGIN; LOCK TABLE b1.t IN ACCESS SHARE MODE NOWAIT'), qr/55P03/, 'for the schema either');
$renamer->query_safe('ROLLBACK');
$renamer->quit;

# A name that means another schema by the time of the lock.
$dumper->query_safe(q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM pg_class});
sql(q{SELECT tenant.rename('b1', 'tmp'), tenant.rename('b2', 'b1'), tenant.rename('tmp', 'b2')});
$dumper->query('LOCK TABLE b1.t IN ACCESS SHARE MODE');
like($dumper->{stderr}, qr/could not lock tables of schema "b1"/, 'a name with another meaning is refused');
$dumper->query('ROLLBACK');
$dumper->{stderr} = '';
sql(q{SELECT tenant.rename('b1', 'tmp'), tenant.rename('b2', 'b1'), tenant.rename('tmp', 'b2')});
$dumper->query_safe(q{BEGIN; SELECT 1 FROM pg_class});
sql(q{SELECT tenant.rename('b1', 'x')});
$dumper->query_safe('LOCK TABLE x.t IN ACCESS SHARE MODE; COMMIT');
sql(q{SELECT tenant.rename('x', 'b1')});
$dumper->quit;

# A role that may not use the schema learns nothing and locks nothing.
sql('CREATE ROLE web');
like(error_of('SET ROLE web; BEGIN; LOCK TABLE b1.t IN ACCESS SHARE MODE'), qr/42501/, 'a stranger is refused as ever');

# The loop.  Every tenant's table says who it is, by its id.
sql(q{
	CREATE FUNCTION public.populate(tenant_name text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE format('CREATE TABLE %I.me AS SELECT id, %L::text AS padding
			FROM tenant.registry, generate_series(1, 50) WHERE name = %L', tenant_name, repeat('x', 500), tenant_name);
	END $$;
	SELECT tenant.drop('b1', true), tenant.drop('b2', true), tenant.drop('b3', true);
	SELECT tenant.create('t' || i) FROM generate_series(1, 6) i;
	SELECT public.populate('t' || i) FROM generate_series(1, 6) i;
	SELECT tenant.snapshot('t' || i, 's') FROM generate_series(1, 6) i;
	CREATE TABLE public.big AS SELECT i, repeat('y', 100) AS y FROM generate_series(1, 20000) i;
});
my $disturb = join('', map {
	my ($a, $b, $c) = map { "t$_" } ($_ % 6 + 1, ($_ + 2) % 6 + 1, ($_ + 4) % 6 + 1);
	qq{SELECT tenant.rename('$a', 'spare');\nSELECT tenant.rename('$b', '$a');\nSELECT tenant.rename('spare', '$b');
SELECT tenant.rollback_to('$c', 's');
BEGIN; SELECT tenant.drop('$a'); SELECT tenant.create('$a'); SELECT public.populate('$a'); SELECT tenant.snapshot('$a', 's'); COMMIT;\n}
} 1 .. 400);
my $log = '';
my $disturber = IPC::Run::start(
	[ 'psql', '-X', '-q', '-d', $node->connstr('app') ], '<', \$disturb, '>', \my $ignored, '2>', \$log);
my ($right, $failed, $wrong) = (0, 0, 0);
my $file = $node->basedir . '/dump.sql';
for my $round (1 .. 30)
{
	my @jobs = $round % 3 == 0 ? ('-Fd', '-j2', '-f', $node->basedir . "/dump.$round") : ('-Fc', '-f', $file);
	my ($out, $err);
	if (!IPC::Run::run([ 'pg_dump', '-d', $node->connstr('app'), @jobs ], '>', \$out, '2>', \$err))
	{
		$failed++;
		like($err, qr/could not lock|does not exist|could not obtain lock|deadlock|could not open relation|cache lookup failed|was not found/,
			'a dump that fails says why') unless $err =~ /due to concurrent rename/;
		next;
	}
	my $text = '';
	IPC::Run::run([ 'pg_restore', '-a', '-f', '-', $jobs[-1] ], '>', \$text, '2>', \$err);
	my $mistakes = 0;
	while ($text =~ /^COPY (t\d)\.me .*?\n(.*?)^\\\.$/msg)
	{
		my ($tenant, $rows) = ($1, $2);
		my %owner = map { $_ => 1 } $rows =~ /^([0-9a-f-]{36})/mg;
		my ($expected) = $text =~ /^([0-9a-f-]{36})\t$tenant\t$tenant\t$tenant\tactive\t/m;
		$mistakes++ if keys %owner > 1 || !defined $expected || (keys %owner == 1 && !$owner{$expected});
	}
	$mistakes ? $wrong++ : $right++;
}
$disturber->kill_kill;
note("$right right, $failed failed");
is($wrong, 0, 'no dump holds the rows of another tenant');
cmp_ok($right + $failed, '>=', 30, 'each is right or fails');

done_testing();
