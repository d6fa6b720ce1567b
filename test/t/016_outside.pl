# 016_outside.pl: what tenants share can be used while tenants are made.  Many
# sessions create tenants whose tables refer to two shared tables, others write
# to these in both orders, and nobody ends up in a deadlock; a clone that takes
# long keeps nobody from writing to them.  Each of six sessions creates as many
# tenants as TM_CREATES says.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

use constant CREATORS => 6;
use constant CREATES  => $ENV{TM_CREATES} || 17;

my $node = new_node('outside', q{
autovacuum = off
deadlock_timeout = 300ms
statement_timeout = 120s
log_lock_waits = off
tenant_mgr.clone_workers = 0
});
my $db = 'outside';
new_database($node, $db);
$node->safe_psql($db, q{
	CREATE TABLE public.plan (id int PRIMARY KEY, n int DEFAULT 0);
	CREATE TABLE public.region (id int PRIMARY KEY, n int DEFAULT 0);
	CREATE TABLE public.audit (id int);
	INSERT INTO public.plan SELECT generate_series(1, 20);
	INSERT INTO public.region SELECT generate_series(1, 20);
	SELECT tenant.create('tpl');
	SET search_path = tpl;
	-- the foreign keys are met in another order than that of the tables' OIDs
	CREATE TABLE a (id int PRIMARY KEY, region int REFERENCES public.region);
	CREATE TABLE b (id int PRIMARY KEY, plan int REFERENCES public.plan ON DELETE CASCADE);
	CREATE TABLE c (id int PRIMARY KEY, plan int REFERENCES public.plan, region int REFERENCES public.region);
	CREATE TABLE log () INHERITS (public.audit);
	INSERT INTO a SELECT n, n FROM generate_series(1, 20) AS n;
	INSERT INTO b SELECT n, n FROM generate_series(1, 20) AS n;
	SELECT tenant.set_template('tpl', true);
	SELECT tenant.create('app', template => 'tpl')});

# Update one table, insert into a tenant, update the other.
my $dir = PostgreSQL::Test::Utils::tempdir();
foreach my $order ([ 'plan', 'region' ], [ 'region', 'plan' ])
{
	append_to_file("$dir/$order->[0].sql", qq{
\\set n random(1, 1000000000)
\\set one :client_id + 1
BEGIN;
UPDATE public.$order->[0] SET n = n + 1 WHERE id = :one;
INSERT INTO app.c VALUES (:n, :one, :one) ON CONFLICT DO NOTHING;
UPDATE public.$order->[1] SET n = n + 1 WHERE id = :one;
COMMIT;
});
}
my ($bench_out, $bench_err) = ('', '');
my $bench = IPC::Run::start([ 'pgbench', '-h', $node->host, '-p', $node->port, '-n', '-c', '4', '-T', '3600',
	'-f', "$dir/plan.sql", '-f', "$dir/region.sql", $db ], '>', \$bench_out, '2>', \$bench_err);

my @creators;
foreach my $session (1 .. CREATORS)
{
	my $lock = $session % 2 ? 'share' : 'none';
	append_to_file("$dir/create$session.sql", "SET tenant_mgr.clone_lock = $lock;\n"
		. join('', map { "SELECT tenant.create('t_${session}_$_', template => 'tpl');\n" } 1 .. CREATES));
	my $errors = '';
	push @creators, [ IPC::Run::start([ 'psql', '-X', '-q', '-A', '-t', '-d', $node->connstr($db), '-f', "$dir/create$session.sql" ],
		'>', \my $out, '2>', \$errors), \$errors ];
}
foreach my $creator (@creators)
{
	$creator->[0]->finish;
	is(${ $creator->[1] }, '', 'tenants are created beside writers');
}
$node->safe_psql($db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()");
$bench->finish;
unlike($bench_err, qr/deadlock/, 'no writer met a deadlock');
is($node->safe_psql($db, q{SELECT count(*) FROM tenant.tenants WHERE name LIKE 't\_%'}), CREATORS * CREATES, 'all tenants are there');
cmp_ok($node->safe_psql($db, 'SELECT count(*) FROM app.c'), '>', 0, 'and the writers wrote');
unlike(slurp_file($node->logfile), qr/deadlock/, 'the log tells of none');
is($node->safe_psql($db, q{
	SELECT count(*) FROM pg_trigger WHERE tgrelid = 'public.plan'::regclass AND tgconstrrelid = 't_1_1.c'::regclass}), 2,
	'the triggers on the shared tables are there');
my ($rc, $stdout, $stderr) = $node->psql($db, 'DELETE FROM public.region WHERE id = 7');
like($stderr, qr/violates foreign key constraint/, 'and at work');
$node->safe_psql($db, q{DELETE FROM public.plan WHERE id = 15});
is($node->safe_psql($db, 'SELECT count(*) FROM t_2_3.b WHERE id = 15'), 0, 'a row goes with the one that it refers to');

# a clone on its way: an index that waits for a lock of ours
$node->safe_psql($db, q{
	CREATE FUNCTION public.gate(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
	BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN $1; END $$;
	SELECT tenant.create('long');
	CREATE TABLE long.t (id int, plan int REFERENCES public.plan, region int REFERENCES public.region);
	INSERT INTO long.t SELECT n, n, n FROM generate_series(1, 10) AS n;
	CREATE TABLE long.log () INHERITS (public.audit);
	CREATE UNLOGGED TABLE long.u (id int);
	INSERT INTO long.u VALUES (1);
	CREATE INDEX ON long.u (public.gate(id))});
# Delete a region, and before it all rows that refer to it.
$node->safe_psql($db, q{
	CREATE FUNCTION public.forget_region(r int) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		tab regclass;
	BEGIN
		FOR tab IN SELECT conrelid FROM pg_constraint WHERE confrelid = 'public.region'::regclass
		LOOP
			EXECUTE format('DELETE FROM %s WHERE region = %s', tab, r);
		END LOOP;
		DELETE FROM public.region WHERE id = r;
	END $$});
my $gate   = $node->background_psql($db);
my $cloner = $node->background_psql($db, on_error_stop => 0);
foreach my $lock ('share', 'none')
{
	start_clone($lock, "copy_$lock");
	($rc, $stdout, $stderr) = $node->psql($db, q{SET lock_timeout = '10s';
		UPDATE public.plan SET n = 0; UPDATE public.region SET n = 0; INSERT INTO public.plan VALUES (99); DELETE FROM public.plan WHERE id = 99;
		INSERT INTO public.audit VALUES (1); UPDATE ONLY public.audit SET id = 2; DELETE FROM ONLY public.audit});
	is($stderr, '', "lock $lock: nobody waits for a clone that takes long");
	is(end_clone(), '', "lock $lock: and it ends well");
	is($node->safe_psql($db, "SELECT count(*) FROM copy_$lock.t JOIN public.plan p ON p.id = plan"), 10, "lock $lock: its rows have what they refer to");
}

# an open transaction that has written delays a new tenant, but neither of them
# keeps others from writing
my $writer = $node->background_psql($db);
$writer->query_safe('BEGIN; UPDATE public.region SET n = 1 WHERE id = 1');
$cloner->query_until(qr/sent/, "\\echo sent\nSELECT tenant.create('late', template => 'tpl');\n");
foreach my $round (1 .. 10)
{
	($rc, $stdout, $stderr) = $node->psql($db, q{SET lock_timeout = '20s';
		UPDATE public.region SET n = 2 WHERE id = 2; UPDATE public.plan SET n = 2 WHERE id = 2});
	last if $stderr ne '';
}
is($stderr, '', 'others go on writing while a new tenant waits for a writer');
is($node->safe_psql($db, "SELECT to_regnamespace('late')"), '', 'which it does');
($rc, $stdout, $stderr) = $node->psql($db, "\\set VERBOSITY sqlstate\nSET lock_timeout = '500ms'; SELECT tenant.create('never', template => 'tpl')");
like($stderr, qr/55P03/, 'or as long as lock_timeout allows');
$writer->query_safe('COMMIT');
$writer->quit;
$cloner->query_safe('SELECT 1');
is($node->safe_psql($db, 'SELECT count(*) FROM late.c'), 0, 'then it is there');

# Rows that are deleted in the source, with the ones that they refer to, while a
# clone has them; as roles that may and may not look at the shared tables.
$node->safe_psql($db, q{CREATE ROLE regress_tm_owner; GRANT REFERENCES ON public.plan, public.region TO regress_tm_owner;
	GRANT USAGE, CREATE ON SCHEMA long TO regress_tm_owner});
foreach my $case ([ 1, 'as the owner of all' ], [ 2, 'as one who may refer only', 'ALTER TABLE long.t OWNER TO regress_tm_owner' ])
{
	my ($id, $name, $sql) = @$case;
	$node->safe_psql($db, $sql) if $sql;
	start_clone('none', "never_$id");
	$node->safe_psql($db, "SELECT public.forget_region($id)");
	my $errors = end_clone();
	like($errors, qr/violates foreign key constraint "t_region_fkey"/, "$name: a row without what it refers to is found");
	like($errors, qr/HINT:  Rows were deleted while they were cloned/, "$name: with advice");
	is($node->safe_psql($db, "SELECT to_regnamespace('never_$id')"), '', "$name: and nothing is left");
	start_clone('none', "again_$id");
	is(end_clone(), '', "$name: the next one has it right");
}

# the check is not the bound session's reading of another tenant
{
	$node->append_conf('postgresql.conf', "session_preload_libraries = 'tenant_mgr'\ntenant_mgr.guard = enforce\n");
	$node->reload;
	($rc, $stdout, $stderr) = $node->psql($db, q{SET tenant_mgr.clone_lock = none; SELECT tenant.switch('app');
		SELECT tenant.snapshot('app', 's'); SELECT tenant.clone('long', 'guarded'); SELECT tenant.rollback_to('app', 's');
		SELECT tenant.lock('k'); SELECT tenant.snapshot('app', 't')});
	is($stderr, '', 'a bound session, and one that is locked, can make snapshots and clones');
}
$gate->quit;
$cloner->quit;

# Start a clone and wait until it builds its last index.
sub start_clone
{
	my ($lock, $clone) = @_;
	$gate->query_safe('SELECT pg_advisory_lock(1)');
	$cloner->{stderr} = '';
	$cloner->query_until(qr/sent/, "\\echo sent\nSET tenant_mgr.clone_lock = $lock; SELECT tenant.clone('long', '$clone');\n");
	$node->poll_query_until($db, "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") or die 'no clone waits';
	return;
}

# Let it go on; returns its errors.
sub end_clone
{
	$gate->query_safe('SELECT pg_advisory_unlock(1)');
	$cloner->{stderr} = '';
	$cloner->query('SELECT 1');
	return $cloner->{stderr} =~ s/^.*QUERY_SEPARATOR.*\n//mgr;
}

$node->stop;
done_testing();
