# 107_maintained.pl: it stays known whose table is worked on: when the table's code
# rolls back a savepoint or executes a command of its own, and in parallel workers
# that build an index.  Statements about several tenants run the code of each.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('maintained', <<'CONF');
shared_preload_libraries = 'tenant_mgr'
autovacuum = off
min_parallel_table_scan_size = 0
max_parallel_maintenance_workers = 2
maintenance_work_mem = 128MB
CONF
new_database($node, 'app');

sub value { return $node->safe_psql('app', $_[0]); }
sub failure
{
	my ($rc, $out, $err) = $node->psql('app', "\\set VERBOSITY verbose\n$_[0]");
	my ($error) = $err =~ /ERROR:  (.*)/;
	return $error // '';
}

# everything belongs to a role that may use both; a shared function runs a text
$node->safe_psql('app', q{
	CREATE ROLE app LOGIN;
	SELECT tenant.create('a'), tenant.create('b');
	GRANT USAGE, CREATE ON SCHEMA a, b, public TO app;
	SET ROLE app;
	CREATE TABLE b.t (k int, v text);
	INSERT INTO b.t VALUES (1, 'B-SECRET'), (2, 'B2');
	CREATE TABLE a.loot (v text);
	CREATE FUNCTION public.work(command text) RETURNS void LANGUAGE plpgsql AS
		$$BEGIN EXECUTE command; END$$;
	CREATE FUNCTION public.run(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
		$$BEGIN PERFORM public.work('INSERT INTO a.loot SELECT v FROM b.t'); RETURN $1; END$$;
	CREATE FUNCTION public.fire() RETURNS trigger LANGUAGE plpgsql AS
		$$BEGIN EXECUTE TG_ARGV[0]; RETURN NEW; END$$;
	CREATE FUNCTION a.catch(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
		$$BEGIN BEGIN PERFORM 1 / 0; EXCEPTION WHEN OTHERS THEN NULL; END; RETURN $1; END$$;
	CREATE FUNCTION a.catch() RETURNS trigger LANGUAGE plpgsql AS
		$$BEGIN PERFORM a.catch(1); RETURN NEW; END$$;
	CREATE FUNCTION public.catch(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
		$$BEGIN BEGIN PERFORM 1 / 0; EXCEPTION WHEN OTHERS THEN NULL; END; RETURN $1; END$$;
	CREATE FUNCTION public.nested(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
		$$BEGIN PERFORM public.work('CREATE INDEX IF NOT EXISTS other_v ON a.other (v)'); RETURN $1; END$$;
	CREATE TABLE a.other (v text)});

my $refused = qr/^TM003: cannot access table b\.t of tenant "b" from code of tenant "a"/;
sub is_untouched { is(value('SELECT count(*) FROM a.loot'), 0, "$_[0]: nothing is read"); return; }

# statistics and an index, of functions that take the entry away, and then of one
# that reads elsewhere
foreach my $taker ('a.catch', 'public.catch', 'public.nested')
{
	$node->safe_psql('app', qq{
		DROP TABLE IF EXISTS a.m;
		SET ROLE app;
		DROP INDEX IF EXISTS a.other_v;
		CREATE TABLE a.m (k int);
		CREATE STATISTICS a.st ON ($taker(k)), (public.run(k)) FROM a.m;
		CREATE INDEX m_k ON a.m ($taker(k), public.run(k));
		RESET ROLE; SET tenant_mgr.guard = off;
		INSERT INTO a.m SELECT generate_series(1, 5); TRUNCATE a.loot});
	foreach my $command ('ANALYZE a.m', 'ANALYZE', 'REINDEX TABLE a.m', 'REINDEX INDEX CONCURRENTLY a.m_k', 'VACUUM FULL a.m')
	{
		like(failure($command), $refused, "$command with $taker: refused");
		is_untouched("$command with $taker");
	}
}

# COPY with triggers
$node->safe_psql('app', q{
	SET ROLE app;
	CREATE TABLE a.c (k int);
	CREATE TRIGGER t1 BEFORE INSERT ON a.c FOR EACH ROW EXECUTE FUNCTION a.catch();
	CREATE TRIGGER t2 BEFORE INSERT ON a.c FOR EACH ROW EXECUTE FUNCTION public.fire('INSERT INTO a.loot SELECT v FROM b.t')});
like(failure(q{COPY a.c FROM PROGRAM 'echo 1'}), $refused, 'COPY: refused');
is_untouched('COPY');

# what is shown of the progress is the outer command's
$node->safe_psql('app', q{
	CREATE TABLE public.seen (command text, relid regclass);
	CREATE FUNCTION a.see() RETURNS trigger LANGUAGE plpgsql AS
		$$BEGIN INSERT INTO public.seen SELECT command, relid FROM pg_stat_progress_copy WHERE pid = pg_backend_pid(); RETURN NEW; END$$;
	DROP TRIGGER t2 ON a.c; CREATE TRIGGER t2 BEFORE INSERT ON a.c FOR EACH ROW EXECUTE FUNCTION a.see();
	COPY a.c FROM PROGRAM 'echo 1'});
is(value('SELECT * FROM public.seen'), 'COPY FROM|a.c', 'the progress of COPY is shown after a savepoint');
is(value('SELECT count(*) FROM pg_stat_progress_copy'), 0, 'and not after its end');

# autovacuum; BRIN is summarized beside VACUUM and ANALYZE
$node->safe_psql('app', q{
	SET ROLE app;
	CREATE TABLE a.auto (k int) WITH (autovacuum_analyze_threshold = 1, autovacuum_analyze_scale_factor = 0, fillfactor = 10);
	CREATE STATISTICS a.auto_st ON (a.catch(k)), (public.run(k)) FROM a.auto;
	CREATE INDEX ON a.auto USING brin ((public.run(k))) WITH (pages_per_range = 1, autosummarize = on);
	RESET ROLE; SET tenant_mgr.guard = off;
	INSERT INTO a.auto SELECT generate_series(1, 1000); TRUNCATE a.loot});
my $from = -s $node->logfile;
$node->append_conf('postgresql.conf', "autovacuum = on\n");
$node->reload;
foreach my $work (qr/automatic analyze of table "app\.a\.auto"/, qr/processing work entry for relation "app\.a\.auto/)
{
	my $seen = 0;
	for (1 .. 1800)
	{
		last if $seen = slurp_file($node->logfile, $from) =~ $work;
		select undef, undef, undef, 0.1;
	}
	ok($seen, "autovacuum has tried: $work");
}
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->reload;
is_untouched('autovacuum');

# parallel workers that build an index tell what they see, to the log
$node->safe_psql('app', q{
	SET ROLE app;
	CREATE FUNCTION public.tell(int) RETURNS int LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS
		$$BEGIN RAISE LOG 'TOLD % by %', (SELECT max(v) FROM b.t), pg_backend_pid(); RETURN $1; END$$;
	CREATE FUNCTION public.quiet(int) RETURNS int LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS 'BEGIN RETURN $1; END';
	CREATE TABLE a.big (k int) WITH (parallel_workers = 2);
	CREATE INDEX big_quiet ON a.big (public.quiet(k));
	CREATE INDEX big_k ON a.big (public.tell(k)) WHERE k < 0;
	INSERT INTO a.big SELECT generate_series(1, 5000);
	RESET ROLE; SET tenant_mgr.guard = off;
	UPDATE a.big SET k = -k});
$from = -s $node->logfile;
like(failure('REINDEX INDEX a.big_k'), $refused, 'an index built in parallel: refused') for 1 .. 15;
unlike(slurp_file($node->logfile, $from), qr/TOLD/, 'no process has seen anything');
is(failure('REINDEX INDEX a.big_quiet'), '', 'another one is built');

# deferred triggers with a shared function are their table's tenant's, too
$node->safe_psql('app', q{
	SET ROLE app;
	CREATE TABLE a.d (k int, v text); CREATE TABLE b.d (k int, v text); CREATE TABLE public.d (k int, v text);
	CREATE FUNCTION public.later() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.v <> '' THEN EXECUTE NEW.v; END IF; RETURN NEW; END$$;
	CREATE CONSTRAINT TRIGGER t AFTER INSERT ON a.d DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.later();
	CREATE CONSTRAINT TRIGGER t AFTER INSERT ON b.d DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.later();
	CREATE CONSTRAINT TRIGGER t AFTER INSERT ON public.d DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.later();
	CREATE FUNCTION public.now_() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM FROM b.t; RETURN NEW; END$$;
	CREATE TABLE public.imm (k int); CREATE TRIGGER t AFTER INSERT ON public.imm FOR EACH ROW EXECUTE FUNCTION public.now_()});
sub insert { my ($table, $text) = @_; return "INSERT INTO $table.d VALUES (1, \$x\$$text\$x\$);"; }
my ($leak, $own, $of_b) = ('INSERT INTO a.loot SELECT v FROM b.t', 'SELECT count(*) FROM a.other', 'SELECT count(*) FROM b.t');
foreach my $script (insert('a', $leak), 'BEGIN;' . insert('a', $leak) . 'COMMIT;', 'BEGIN;' . insert('a', $leak) . 'SET CONSTRAINTS ALL IMMEDIATE;',
	'BEGIN;' . insert('b', $of_b) . insert('a', $leak) . insert('public', $of_b) . 'COMMIT;',
	'BEGIN; SAVEPOINT s;' . insert('b', $of_b) . 'ROLLBACK TO s;' . insert('a', $leak) . 'COMMIT;', "DO \$\$BEGIN " . insert('a', $leak) . ' COMMIT; END$$;',
	'COPY a.d FROM STDIN;' . "\n1\t$leak\n\\.\n")
{
	like(failure($script), qr/^TM003: cannot access table b\.t of tenant "b" from code of tenant "a?"/, "$script: refused");
	is_untouched('a deferred trigger');
}
foreach my $script (insert('a', $own), 'BEGIN;' . insert('b', $of_b) . insert('a', $own) . insert('public', "$of_b; $own") . 'COMMIT;',
	'BEGIN;' . insert('a', $own) . 'INSERT INTO public.imm VALUES (1); COMMIT;', insert('public', "$of_b; $own"),
	q{BEGIN; SELECT tenant.switch_local('a');} . insert('a', $own) . 'COMMIT;')
{
	is(failure($script), '', "$script: works");
}

# statements about several tenants
$node->safe_psql('app', q{
	CREATE TABLE a.t (k int, v text); INSERT INTO a.t VALUES (1, 'a1');
	CREATE FUNCTION a.f() RETURNS text LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN RETURN (SELECT min(v) FROM a.t); END';
	CREATE FUNCTION b.f() RETURNS text LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN RETURN (SELECT min(v) FROM b.t); END';
	CREATE FUNCTION a.astray() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT b.f()); END';
	CREATE VIEW a.v AS SELECT a.f() FROM a.t; CREATE VIEW b.v AS SELECT b.f() FROM b.t;
	CREATE VIEW a.astray AS SELECT a.astray();
	CREATE VIEW public.v AS SELECT * FROM a.v UNION ALL SELECT * FROM b.v;
	CREATE TABLE public.log (k int, v text) PARTITION BY LIST (k);
	CREATE TABLE a.log PARTITION OF public.log FOR VALUES IN (1);
	CREATE TABLE b.log PARTITION OF public.log FOR VALUES IN (2);
	CREATE FUNCTION a.mark() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.v := NEW.v || ' a'; PERFORM FROM a.t; RETURN NEW; END$$;
	CREATE FUNCTION b.mark() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.v := NEW.v || ' b'; PERFORM FROM b.t; RETURN NEW; END$$;
	CREATE TRIGGER t BEFORE INSERT OR UPDATE ON a.log FOR EACH ROW EXECUTE FUNCTION a.mark();
	CREATE TRIGGER t BEFORE INSERT OR UPDATE ON b.log FOR EACH ROW EXECUTE FUNCTION b.mark()});
my $both = "a1\nB-SECRET\nB-SECRET";
is(value($_), $both, $_) foreach ('SELECT * FROM a.v UNION ALL SELECT * FROM b.v', 'SELECT * FROM public.v');
my $parallel = 'SET ' . ($node->pg_version >= 16 ? 'debug_parallel_query' : 'force_parallel_mode') . ' = on; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;';
is(value("$parallel SELECT * FROM public.v ORDER BY 1 DESC"), $both, 'the same in parallel workers');
is(value('CREATE MATERIALIZED VIEW public.mv AS SELECT * FROM public.v; REFRESH MATERIALIZED VIEW public.mv; SELECT * FROM public.mv'), $both, 'a materialized view of both');
is(value('BEGIN; DECLARE c CURSOR FOR SELECT * FROM public.v; FETCH ALL FROM c'), $both, 'a cursor over both');
is(value(q{INSERT INTO public.log VALUES (1, 'x'), (2, 'x'); UPDATE public.log SET v = v || '.'; SELECT v FROM public.log ORDER BY k}), "x a. a\nx b. b", 'triggers of two tenants');
foreach my $statement ('SELECT * FROM b.v UNION ALL SELECT * FROM a.astray', 'SELECT * FROM a.astray UNION ALL SELECT * FROM b.v')
{
	like(failure($statement), qr/^TM003: cannot access function b\.f\(\) of tenant "b" from code of tenant "a"/, "$statement: refused");
}

# Whose table it is, is asked anew as soon as that has changed, in the session that
# has maintained it before: when the schema becomes everybody's, and when the table
# or the function goes to another tenant.
$node->safe_psql('app', q{
	DROP TABLE a.m; CREATE TABLE a.m (k int);
	CREATE FUNCTION a.reach(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM FROM b.t; RETURN $1; END';
	CREATE INDEX m_k ON a.m (a.reach(k));
	SET tenant_mgr.guard = off;
	INSERT INTO a.m SELECT generate_series(1, 5)});
my $moves = join "; ", 'ANALYZE a.m',
	q{SET tenant_mgr.persistent_schemas = 'public, a'}, 'ANALYZE a.m', 'RESET tenant_mgr.persistent_schemas', 'ANALYZE a.m',
	'SET tenant_mgr.guard = off', 'ALTER TABLE a.m SET SCHEMA b', 'ALTER FUNCTION a.reach SET SCHEMA b', 'RESET tenant_mgr.guard', 'ANALYZE b.m',
	'SET tenant_mgr.guard = off', 'ALTER FUNCTION b.reach SET SCHEMA a', 'RESET tenant_mgr.guard', 'ANALYZE b.m';
my ($out, $err) = ('', '');
$node->psql('app', join("\n\\echo :SQLSTATE\n", map { "$_;" } split /; /, $moves) . "\n\\echo :SQLSTATE\n", stdout => \$out, stderr => \$err, on_error_stop => 0);
is($out, join("\n", 'TM003', '00000', '00000', '00000', 'TM003', ('00000') x 5, '00000', '00000', '00000', 'TM003'), 'whose code it is, as it changes') or diag $err;

done_testing();
