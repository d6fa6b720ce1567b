# 063_whose_code.pl: code that is reached through an object of a tenant is judged
# as that tenant's, whoever runs it, in sessions that are not bound: by queries,
# by maintenance, by autovacuum, by clones, by parallel workers, by pg_dump.  What
# a session's own statements say is not a tenant's code.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('whose', "shared_preload_libraries = 'tenant_mgr'\nautovacuum = off\n");
new_database($node, 'app');

sub value { return $node->safe_psql('app', $_[0]); }
sub failure
{
	my ($sql, @options) = @_;
	my ($rc, $out, $err) = $node->psql('app', "\\set VERBOSITY verbose\n$sql", @options);
	my ($error) = $err =~ /ERROR:  (.*)/;
	return $error // '';
}

# everything of both tenants belongs to a role that may use both
$node->safe_psql('app', q{
	CREATE ROLE app LOGIN;
	SELECT tenant.create('a'), tenant.create('b');
	GRANT USAGE, CREATE ON SCHEMA a, b TO app;
	SET ROLE app;
	CREATE TABLE b.t (k int, v text);
	CREATE SEQUENCE b.s;
	CREATE TABLE a.loot (v text);
	CREATE FUNCTION a.work() RETURNS void LANGUAGE plpgsql AS
		$$BEGIN INSERT INTO a.loot SELECT v FROM b.t; UPDATE b.t SET v = 'changed'; END$$;
	CREATE FUNCTION a.leak(k int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
		$$BEGIN PERFORM a.work(); RETURN k; END$$;
	CREATE FUNCTION a.quiet(k int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
		$$BEGIN RETURN a.leak(k); EXCEPTION WHEN OTHERS THEN RETURN k; END$$;
	CREATE FUNCTION a.fire() RETURNS trigger LANGUAGE plpgsql AS
		$$BEGIN PERFORM a.leak(1); RETURN NEW; END$$;
	RESET ROLE;
	GRANT CREATE ON SCHEMA public TO app;
	CREATE FUNCTION public.work(command text) RETURNS void LANGUAGE plpgsql AS
		$$BEGIN EXECUTE command; END$$;
	CREATE FUNCTION public.run(command text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
		$$BEGIN PERFORM public.work(command); RETURN 1; END$$;
	CREATE FUNCTION public.fire() RETURNS trigger LANGUAGE plpgsql AS
		$$BEGIN EXECUTE TG_ARGV[0]; RETURN coalesce(NEW, OLD); END$$;
	CREATE TABLE public.parent (k int PRIMARY KEY); INSERT INTO public.parent VALUES (1), (2), (4);
	CREATE TABLE public.base (k int); CREATE TYPE public.comp AS (i int, v text); CREATE TYPE public.comp2 AS (i int, v text);
	CREATE FUNCTION public.now_in(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT current_setting('x.command', true)$$;
	ALTER TABLE public.parent OWNER TO app; ALTER TABLE public.base OWNER TO app; ALTER TYPE public.comp OWNER TO app; ALTER TYPE public.comp2 OWNER TO app});

my $leak = 'INSERT INTO a.loot SELECT v FROM b.t';
my $refused = qr/^TM003: cannot (access (table b\.t|sequence b\.s|function b\.\S+) of|bind the session to) tenant "b" from code of tenant "a"/;

# Each: what it is, how it is made, what reaches it.  The code is a function of
# the schema, a built-in one, or one that all tenants share.
my @ways = (
	[ 'a function', '', 'SELECT a.leak(1)' ],
	[ 'a function that catches', '', 'SELECT a.quiet(1)', 'caught' ],
	[ 'a procedure', "CREATE PROCEDURE a.p() LANGUAGE plpgsql AS 'BEGIN $leak; END'", 'CALL a.p()' ],
	[ 'a procedure that commits', "CREATE PROCEDURE a.p2() LANGUAGE plpgsql AS 'BEGIN COMMIT; $leak; END'", 'CALL a.p2()' ],
	[ 'an SQL function', "CREATE FUNCTION a.sql() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM b.t'", 'SELECT a.sql()' ],
	[ 'an SQL function in SQL syntax', 'CREATE FUNCTION a.atomic() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM b.t; END', 'SELECT a.atomic()' ],
	[ 'an SQL function that returns rows', "CREATE FUNCTION a.rows() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT v FROM b.t'", 'SELECT * FROM a.rows()' ],
	[ 'an SQL function that runs a text', q{CREATE FUNCTION a.text() RETURNS text LANGUAGE sql AS $$SELECT query_to_xml('SELECT * FROM b.t', true, true, '')::text$$}, 'SELECT a.text()' ],
	[ 'an SQL function that calls a shared one', qq{CREATE FUNCTION a.shared() RETURNS int LANGUAGE sql AS \$\$SELECT public.run('$leak')\$\$}, 'SELECT a.shared()' ],
	[ 'an SQL function that takes a number', q{CREATE FUNCTION a.number() RETURNS bigint LANGUAGE sql AS $$SELECT nextval('b.s')$$}, 'SELECT a.number()' ],
	[ 'an SQL function that returns rows, in SQL syntax', "CREATE FUNCTION a.rows2() RETURNS SETOF text LANGUAGE sql STABLE BEGIN ATOMIC SELECT v FROM b.t; END", 'SELECT * FROM a.rows2()' ],
	[ 'an SQL function with a shared operator', "CREATE FUNCTION public.op(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN public.run(\$\$$leak\$\$); END'; CREATE OPERATOR public.@!@ (RIGHTARG = int, FUNCTION = public.op); CREATE FUNCTION a.op() RETURNS int LANGUAGE sql AS 'SELECT OPERATOR(public.@!@) 1'", 'SELECT a.op()' ],
	[ 'an SQL function with a shared domain', "CREATE DOMAIN public.dom AS int CHECK (public.op(value) > 0); CREATE FUNCTION a.dom() RETURNS int LANGUAGE sql AS 'SELECT 1::public.dom'", 'SELECT a.dom()' ],
	[ 'an SQL function with a shared domain, in SQL syntax', 'CREATE FUNCTION a.dom2() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1::public.dom; END', 'SELECT a.dom2()' ],
	[ 'a SECURITY DEFINER function', "CREATE FUNCTION a.definer() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN $leak; END'", 'SELECT a.definer()' ],
	[ 'a function with a setting', "CREATE FUNCTION a.setting() RETURNS void LANGUAGE plpgsql SET search_path = b AS 'BEGIN INSERT INTO a.loot SELECT v FROM t; END'", 'SELECT a.setting()' ],
	[ 'a function that binds itself', "CREATE FUNCTION a.binds() RETURNS void LANGUAGE plpgsql AS \$\$BEGIN PERFORM tenant.switch_local('b'); $leak; END\$\$", 'SELECT a.binds()' ],
	[ 'a function with a binding', "CREATE FUNCTION a.bound() RETURNS void LANGUAGE plpgsql SET tenant_mgr.tenant = 'b' AS 'BEGIN $leak; END'", 'SELECT a.bound()', 'own' ],
	[ 'an operator', 'CREATE OPERATOR a.@@@ (RIGHTARG = int, PROCEDURE = a.leak)', 'SELECT OPERATOR(a.@@@) 1' ],
	[ 'an aggregate', q{CREATE FUNCTION a.step(int, int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN a.leak(1); END'; CREATE AGGREGATE a.agg(int) (SFUNC = a.step, STYPE = int)}, 'SELECT a.agg(i) FROM generate_series(1, 2) i' ],
	[ 'a domain', 'CREATE DOMAIN a.dom AS int CHECK (a.leak(value) > 0)', 'SELECT 1::a.dom' ],
	[ 'a trigger', 'CREATE TABLE a.trigger (k int); CREATE TRIGGER t BEFORE INSERT ON a.trigger FOR EACH ROW EXECUTE FUNCTION a.fire()', 'INSERT INTO a.trigger VALUES (1)' ],
	[ 'a trigger that runs a shared function', "CREATE TABLE a.trigger2 (k int); CREATE TRIGGER t BEFORE INSERT ON a.trigger2 FOR EACH ROW EXECUTE FUNCTION public.fire('$leak')", 'INSERT INTO a.trigger2 VALUES (1)' ],
	[ 'a trigger after the statement', "CREATE TABLE a.trigger3 (k int); CREATE TRIGGER t AFTER INSERT ON a.trigger3 FOR EACH STATEMENT EXECUTE FUNCTION public.fire('$leak')", 'INSERT INTO a.trigger3 VALUES (1)' ],
	[ 'a deferred trigger', 'CREATE TABLE a.trigger4 (k int); CREATE CONSTRAINT TRIGGER t AFTER INSERT ON a.trigger4 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION a.fire()', 'INSERT INTO a.trigger4 VALUES (1)' ],
	[ "a trigger's condition", 'CREATE TABLE a.trigger5 (k int); CREATE TRIGGER t BEFORE INSERT ON a.trigger5 FOR EACH ROW WHEN (a.leak(NEW.k) > 1) EXECUTE FUNCTION a.fire()', 'INSERT INTO a.trigger5 VALUES (1)' ],
	[ 'a trigger, by COPY', "CREATE TABLE a.trigger6 (k int); CREATE TRIGGER t BEFORE INSERT ON a.trigger6 FOR EACH ROW EXECUTE FUNCTION public.fire('$leak')", "COPY a.trigger6 FROM PROGRAM 'echo 1'" ],
	[ 'a default', "CREATE TABLE a.def (k int DEFAULT public.run('$leak'), x int)", 'INSERT INTO a.def (x) VALUES (1)' ],
	[ 'a default of a built-in function', q{CREATE TABLE a.def2 (k text DEFAULT query_to_xml('SELECT * FROM b.t', true, true, '')::text, x int)}, 'INSERT INTO a.def2 (x) VALUES (1)' ],
	[ 'a check', "CREATE TABLE a.chk (k int CHECK (public.run('$leak') = 1))", 'INSERT INTO a.chk VALUES (1)' ],
	[ 'a generated column', 'CREATE TABLE a.gen (k int, g int GENERATED ALWAYS AS (a.leak(k)) STORED)', 'INSERT INTO a.gen VALUES (1)' ],
	[ 'an index, by INSERT', "CREATE TABLE a.ind (k int); CREATE INDEX ON a.ind (public.run(CASE WHEN k > 0 THEN '$leak' END))", 'INSERT INTO a.ind VALUES (1)' ],
	[ 'a view', 'CREATE VIEW a.view AS SELECT v FROM b.t', 'SELECT * FROM a.view' ],
	[ 'a view on a view', 'CREATE VIEW a.view2 AS SELECT v FROM b.t; CREATE VIEW public.view2 AS SELECT * FROM a.view2', 'SELECT * FROM public.view2' ],
	[ 'a view with a subquery', 'CREATE VIEW a.view3 AS SELECT (SELECT max(v) FROM b.t) AS v', 'SELECT * FROM a.view3' ],
	[ 'a view in a subquery', 'CREATE VIEW a.view4 AS SELECT v FROM b.t', 'SELECT (SELECT max(v) FROM a.view4)' ],
	[ 'a view in a CTE', 'CREATE VIEW a.view5 AS SELECT v FROM b.t', 'WITH x AS MATERIALIZED (SELECT v FROM a.view5) SELECT * FROM x' ],
	[ 'a view that runs a text', q{CREATE VIEW a.view6 AS SELECT query_to_xml('SELECT * FROM b.t', true, true, '')::text AS v}, 'SELECT * FROM a.view6' ],
	[ 'a view that takes a number', q{CREATE VIEW a.view7 AS SELECT nextval('b.s') AS v}, 'SELECT * FROM a.view7' ],
	[ 'a view that calls a shared function', "CREATE VIEW a.view8 AS SELECT public.run('$leak') AS v", 'SELECT * FROM a.view8' ],
	[ 'a view, by COPY', 'CREATE VIEW a.view9 AS SELECT v FROM b.t', 'COPY (SELECT * FROM a.view9) TO STDOUT' ],
	[ 'a rule', 'CREATE TABLE a.rule (k int); CREATE RULE r AS ON INSERT TO a.rule DO ALSO DELETE FROM b.t', 'INSERT INTO a.rule VALUES (1)' ],
	[ 'a rule in the place of the statement', 'CREATE VIEW a.rule2 AS SELECT 1 AS k; CREATE RULE r AS ON INSERT TO a.rule2 DO INSTEAD INSERT INTO a.loot SELECT v FROM b.t', 'INSERT INTO a.rule2 VALUES (1)' ],
	[ 'a shared trigger before a key cascades', 'CREATE TABLE a.key (k int PRIMARY KEY REFERENCES public.parent ON DELETE CASCADE ON UPDATE CASCADE); INSERT INTO a.key VALUES (1), (2); CREATE TRIGGER t BEFORE DELETE ON a.key FOR EACH ROW EXECUTE FUNCTION public.fire($x$' . $leak . '$x$)', 'DELETE FROM public.parent WHERE k = 1' ],
	[ 'one after it', 'DROP TRIGGER t ON a.key; CREATE TRIGGER t AFTER DELETE ON a.key FOR EACH ROW EXECUTE FUNCTION public.fire($x$' . $leak . '$x$)', 'DELETE FROM public.parent WHERE k = 1' ],
	[ 'one after the statement', 'DROP TRIGGER t ON a.key; CREATE TRIGGER t AFTER UPDATE ON a.key REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION public.fire($x$' . $leak . '$x$)', 'UPDATE public.parent SET k = 3 WHERE k = 1' ],
	[ 'one after two keys cascade', 'CREATE TABLE b.key (k int REFERENCES public.parent ON UPDATE CASCADE); INSERT INTO b.key VALUES (1); CREATE TRIGGER t AFTER UPDATE ON b.key EXECUTE FUNCTION public.fire($x$SELECT$x$)', 'UPDATE public.parent SET k = 3 WHERE k = 1', 'none' ],
	[ 'one where a statement about another tenant cascades', 'DROP TABLE b.key; CREATE TABLE b.key (k int PRIMARY KEY); INSERT INTO b.key VALUES (1); CREATE TABLE a.key2 (k int REFERENCES b.key ON DELETE CASCADE); INSERT INTO a.key2 VALUES (1); CREATE TRIGGER t AFTER DELETE ON a.key2 EXECUTE FUNCTION public.fire($x$' . $leak . '$x$)', 'DELETE FROM b.key', 'none' ],
	[ 'a trigger of the schema after a key cascades', 'CREATE TABLE a.key3 (k int REFERENCES public.parent ON DELETE CASCADE); INSERT INTO a.key3 VALUES (4); CREATE TRIGGER t AFTER DELETE ON a.key3 FOR EACH ROW EXECUTE FUNCTION a.fire()', 'DELETE FROM public.parent WHERE k = 4' ],
	[ 'a shared trigger where TRUNCATE cascades', 'CREATE TRIGGER t2 BEFORE TRUNCATE ON a.key EXECUTE FUNCTION public.fire($x$' . $leak . '$x$)', 'TRUNCATE public.parent CASCADE' ],
	# statements about two tenants, of which b is found first
	[ 'a constant in a view, where another tenant gets its rows', 'CREATE TABLE b.into (i int); CREATE VIEW a.given AS SELECT public.run($x$DELETE FROM b.t$x$) AS i', 'INSERT INTO b.into SELECT i FROM a.given', 'none' ],
	[ 'a call in a view, likewise', 'CREATE VIEW a.given2 AS SELECT 1 AS i, public.work($x$DELETE FROM b.t$x$)::text AS w', 'INSERT INTO b.into SELECT length(w) FROM a.given2', 'none' ],
	[ 'one that is joined', 'INSERT INTO b.into VALUES (1)', 'UPDATE b.into x SET i = length(g.w) FROM a.given2 g WHERE x.i = g.i', 'none' ],
	[ 'views of two tenants', 'CREATE VIEW b.seen AS SELECT 1 AS i', 'SELECT w FROM b.seen s JOIN a.given2 g USING (i)', 'none' ],
	[ 'views of two tenants, prepared', '', 'SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT w FROM b.seen s, a.given2 g; EXECUTE p', 'none' ],
	[ 'a WITH that changes two tenants', 'CREATE TABLE a.into (i int); CREATE TRIGGER t BEFORE INSERT ON a.into FOR EACH ROW EXECUTE FUNCTION public.fire($x$DELETE FROM b.t$x$)',
		'WITH w AS (INSERT INTO b.into VALUES (2) RETURNING i) INSERT INTO a.into SELECT i FROM w', 'none' ],
	[ 'a shared trigger of one partition, where another comes first', 'CREATE TABLE public.parts (k int, v int) PARTITION BY LIST (k); CREATE TABLE b.part PARTITION OF public.parts FOR VALUES IN (1);
		CREATE TABLE a.part PARTITION OF public.parts FOR VALUES IN (2); INSERT INTO public.parts VALUES (1, 1), (2, 2); CREATE TRIGGER t BEFORE UPDATE ON a.part FOR EACH ROW EXECUTE FUNCTION public.fire($x$DELETE FROM b.t$x$)',
		'UPDATE public.parts SET v = 3', 'none' ],
	[ 'a trigger of the schema, where a view of another is read', 'CREATE TABLE b.log (i int); CREATE FUNCTION b.log() RETURNS trigger LANGUAGE plpgsql AS $x$BEGIN INSERT INTO b.log VALUES (NEW.i); RETURN NEW; END$x$;
		CREATE TRIGGER t BEFORE INSERT ON b.into FOR EACH ROW EXECUTE FUNCTION b.log(); CREATE VIEW a.given3 AS SELECT 3 AS i', 'INSERT INTO b.into SELECT i FROM a.given3', 'caught' ],
	[ 'a shared function that reads no tenant, in a view of another', 'CREATE FUNCTION public.twice(i int) RETURNS int LANGUAGE plpgsql AS $x$BEGIN RETURN (SELECT 2 * i); END$x$; CREATE VIEW a.given4 AS SELECT public.twice(3) AS i',
		'INSERT INTO b.into SELECT i FROM a.given4', 'caught' ],
	[ 'a shared trigger where TRUNCATE is about two tenants', '', 'TRUNCATE b.key, a.key, a.key2', 'none' ],
	[ 'a shared trigger where TRUNCATE goes on to a child', 'CREATE TABLE a.child () INHERITS (public.base); CREATE TRIGGER t BEFORE TRUNCATE ON a.child EXECUTE FUNCTION public.fire($x$' . $leak . '$x$)', 'TRUNCATE public.base' ],
	[ 'a check of a table of a shared type', 'CREATE TABLE a.typed OF public.comp (CHECK (i > 0 AND public.run(coalesce(current_setting($x$x.command$x$, true), $x$SELECT 1$x$)) = 1)); INSERT INTO a.typed VALUES (1, $x$SELECT 1$x$)', "SET x.command = '$leak'; ALTER TYPE public.comp ALTER ATTRIBUTE i TYPE bigint CASCADE" ],
	[ 'an index of one', 'CREATE TABLE a.typed2 OF public.comp2; INSERT INTO a.typed2 VALUES (1, $x$SELECT 1$x$); CREATE INDEX ON a.typed2 (public.run(coalesce(public.now_in(v), $x$SELECT 1$x$)))', "SET x.command = '$leak'; ALTER TYPE public.comp2 ALTER ATTRIBUTE i TYPE bigint CASCADE" ],
	[ 'a policy', 'CREATE TABLE a.pol (k int); INSERT INTO a.pol VALUES (1); ALTER TABLE a.pol ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON a.pol USING (EXISTS (SELECT FROM b.t))', 'SET ROLE app; SELECT * FROM a.pol' ],
	[ 'a policy that calls a shared function', "CREATE TABLE a.pol2 (k int); INSERT INTO a.pol2 VALUES (1); ALTER TABLE a.pol2 ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON a.pol2 USING (public.run('$leak') = 1)", 'SET ROLE app; SELECT * FROM a.pol2' ],
	[ 'a policy for new rows', 'CREATE TABLE a.pol3 (k int); ALTER TABLE a.pol3 ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON a.pol3 WITH CHECK (EXISTS (SELECT FROM b.t))', 'SET ROLE app; INSERT INTO a.pol3 VALUES (1)' ],
	[ 'one, by MERGE', '', 'SET ROLE app; MERGE INTO a.pol3 USING (VALUES (1)) x (k) ON false WHEN NOT MATCHED THEN INSERT VALUES (1)' ],
	[ 'one that takes a number', 'CREATE TABLE a.pol4 (k int); ALTER TABLE a.pol4 ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON a.pol4 WITH CHECK (nextval($x$b.s$x$) > 0)', 'SET ROLE app; INSERT INTO a.pol4 VALUES (1)' ],
	[ 'a view that is updated', 'CREATE TABLE a.written (k int, v text); INSERT INTO a.written VALUES (1); CREATE VIEW a.view10 AS SELECT * FROM a.written WHERE EXISTS (SELECT FROM b.t)', 'UPDATE a.view10 SET k = 2' ],
	[ 'one that keeps barriers, on a shared table', 'CREATE VIEW a.view11 WITH (security_barrier) AS SELECT * FROM public.base WHERE nextval($x$b.s$x$) > 0', 'DELETE FROM a.view11' ],
	[ 'a column of one', 'CREATE VIEW a.view12 AS SELECT k, (SELECT max(v) FROM b.t) AS x FROM a.written', 'INSERT INTO a.view12 (k) VALUES (1) RETURNING x' ],
	[ 'a check option', 'CREATE VIEW a.view13 AS SELECT * FROM a.written WHERE k < (SELECT count(*) FROM b.t) WITH CHECK OPTION', 'INSERT INTO a.view13 VALUES (1)' ],
	[ "another tenant's table beneath one", 'CREATE VIEW a.view14 AS SELECT * FROM b.t', 'UPDATE a.view14 SET v = 1' ],
	[ 'likewise, with a shared view between', 'CREATE VIEW public.view15 AS SELECT * FROM b.t; CREATE VIEW a.view15 AS SELECT * FROM public.view15', 'DELETE FROM a.view15' ],
	[ 'likewise, beneath a shared view', 'CREATE VIEW public.view16 AS SELECT * FROM a.view14', 'INSERT INTO public.view16 VALUES (3)' ],
	[ 'a view that is updated with what another tenant has', 'CREATE VIEW a.view17 AS SELECT * FROM a.written', 'UPDATE a.view17 SET v = t.v FROM b.t', 'caught' ],
	[ 'a view with a trigger', 'CREATE FUNCTION a.nothing() RETURNS trigger LANGUAGE plpgsql AS $x$BEGIN RETURN NEW; END$x$; CREATE TRIGGER t INSTEAD OF INSERT ON a.view14 FOR EACH ROW EXECUTE FUNCTION a.nothing()', 'INSERT INTO a.view14 VALUES (1)', 'caught' ],
	[ 'partitions left out when a plan is started', 'CREATE TABLE a.parts (k int) PARTITION BY LIST (k); CREATE TABLE a.parts1 PARTITION OF a.parts FOR VALUES IN (1); CREATE TABLE a.parts2 PARTITION OF a.parts FOR VALUES IN (2);
		CREATE FUNCTION public.later() RETURNS int LANGUAGE plpgsql STABLE AS $x$BEGIN RETURN public.run(current_setting($y$x.command$y$)); END$x$; CREATE VIEW a.parts_seen AS SELECT * FROM a.parts WHERE k = public.later()',
		"SET x.command = 'SELECT 1'; SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT * FROM a.parts_seen; EXECUTE p; SET x.command = '$leak'; EXPLAIN EXECUTE p" ],
	[ 'ANALYZE', 'CREATE TABLE a.m (k int); INSERT INTO a.m VALUES (1); CREATE STATISTICS a.mst ON (a.leak(k)), k FROM a.m', 'ANALYZE a.m' ],
	[ 'ANALYZE of all tables', '', 'ANALYZE' ],
	[ 'ANALYZE with a shared function', "CREATE TABLE a.m2 (k int); INSERT INTO a.m2 VALUES (1); CREATE STATISTICS a.mst2 ON (public.run(CASE WHEN k > 0 THEN '$leak' END)), k FROM a.m2", 'ANALYZE a.m2' ],
	[ 'CREATE INDEX', '', 'CREATE INDEX ON a.m (a.leak(k))' ],
	[ 'CREATE INDEX CONCURRENTLY', '', 'CREATE INDEX CONCURRENTLY ON a.m (a.leak(k))' ],
	[ 'CREATE INDEX with a shared function', '', "CREATE INDEX ON a.m (public.run(CASE WHEN k > 0 THEN '$leak' END))" ],
	[ 'ALTER TABLE', '', "ALTER TABLE a.m2 ADD CHECK (public.run('$leak') = 1)" ],
	[ 'ALTER TABLE that rewrites', '', "ALTER TABLE a.m2 ADD z int DEFAULT public.run('$leak')", ],
	[ 'REFRESH', 'CREATE FUNCTION a.off() RETURNS text LANGUAGE sql STABLE AS $$SELECT current_setting(\'x.off\', true)$$; CREATE MATERIALIZED VIEW a.mv AS SELECT a.leak(1) AS v WITH NO DATA', 'REFRESH MATERIALIZED VIEW a.mv' ],
	[ 'REFRESH, with a table', 'CREATE MATERIALIZED VIEW a.mv2 AS SELECT v FROM b.t WITH NO DATA', 'REFRESH MATERIALIZED VIEW a.mv2' ],
	[ 'REFRESH, with a shared function', "CREATE MATERIALIZED VIEW a.mv3 AS SELECT public.run('$leak') AS v WITH NO DATA", 'REFRESH MATERIALIZED VIEW a.mv3' ]);

sub reset_rows { $node->safe_psql('app', q{TRUNCATE a.loot; DELETE FROM b.t; INSERT INTO b.t VALUES (1, 'B-SECRET'), (2, 'B2')}); return; }
sub is_untouched
{
	is(value(q{SELECT (SELECT count(*) FROM a.loot), (SELECT string_agg(v, ' ' ORDER BY k) FROM b.t)}), '0|B-SECRET B2', $_[0]);
	return;
}

reset_rows();
foreach my $way (@ways)
{
	my ($what, $make, $reach, $caught) = (@$way, '');
	$node->safe_psql('app', "SET ROLE app; $make") if $make ne '';
	my $error = failure($reach);
	if ($caught eq 'own') { like($error, qr/^TM003: cannot access function a\.bound\(\) of tenant "a" while bound to tenant "b"/, "$what: refused"); }
	elsif ($caught eq 'none') { like($error, qr/^TM003: cannot access table [ab]\.\S+ of tenant "[ab]"/, "$what: refused"); }
	elsif ($caught) { is($error, '', "$what: runs"); }
	else { like($error, $refused, "$what: refused"); }
	is_untouched("$what: nothing is read or changed");
}

$node->safe_psql('app', 'DROP TABLE public.parts');

# maintenance of what was made while nobody looked
$node->safe_psql('app', q{
	SET ROLE app; DROP STATISTICS a.mst, a.mst2; TRUNCATE a.m, a.ind;
	CREATE INDEX m_i ON a.m (a.leak(k)); RESET ROLE; SET tenant_mgr.guard = off; INSERT INTO a.m VALUES (2)});
reset_rows();
like(failure($_), $refused, "$_: refused") foreach ('REINDEX TABLE a.m', 'REINDEX INDEX a.m_i', 'REINDEX INDEX CONCURRENTLY a.m_i', 'REINDEX SCHEMA a', 'CLUSTER a.m USING m_i', 'VACUUM FULL a.m');
like(failure(q{SET tenant_mgr.clone_lock = none; SELECT tenant.clone('a', 'a2')}), $refused, 'a clone: refused');
like(failure(q{SET tenant_mgr.clone_lock = none; SELECT tenant.snapshot('a', 's')}), $refused, 'a snapshot: refused');
is_untouched('nothing is read or changed');

# autovacuum, as the owner of the table, who may use both
$node->safe_psql('app', q{
	SET ROLE app; DROP INDEX a.m_i;
	CREATE TABLE a.auto (k int) WITH (autovacuum_analyze_threshold = 1, autovacuum_analyze_scale_factor = 0);
	CREATE INDEX ON a.auto (a.quiet(k));
	CREATE STATISTICS a.auto_st ON (a.quiet(k + 1)), k FROM a.auto});
foreach my $unbound ('allow', 'deny')
{
	my $count = q{SELECT coalesce(sum(autoanalyze_count), 0) FROM pg_stat_user_tables WHERE relname = 'auto'};
	my $before = value($count);
	$node->safe_psql('app', 'SET tenant_mgr.guard = off; INSERT INTO a.auto SELECT generate_series(1, 10)');
	reset_rows();
	$node->append_conf('postgresql.conf', "autovacuum = on\ntenant_mgr.unbound = $unbound\n");
	$node->reload;
	$node->poll_query_until('app', "SELECT ($count) > $before") or die 'autovacuum did not come';
	$node->append_conf('postgresql.conf', "autovacuum = off\ntenant_mgr.unbound = allow\n");
	$node->reload;
	$node->poll_query_until('app', q{SELECT current_setting('tenant_mgr.unbound') = 'allow'}) or die;
	is_untouched("autovacuum, unbound = $unbound: nothing is read or changed");
}

# a function of the bound tenant does not get out by leaving it
is(failure(q{SELECT tenant.switch('b'); SELECT a.definer()}), 'TM003: cannot access function a.definer() of tenant "a" while bound to tenant "b"', "a SECURITY DEFINER function of another tenant's");
$node->safe_psql('app', q{
	CREATE FUNCTION a.out() RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM tenant.reset(); RETURN (SELECT max(v) FROM b.t); END$$;
	CREATE FUNCTION a.out2() RETURNS text LANGUAGE plpgsql AS $$BEGIN RESET ALL; RETURN (SELECT max(v) FROM b.t); END$$});
like(failure("SELECT tenant.switch('a'); SELECT $_"), $refused, "$_ does not get out") foreach ('a.out()', 'a.out2()');

# parallel workers
$node->safe_psql('app', q{
	CREATE FUNCTION public.safe() RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$BEGIN RETURN (SELECT count(*) FROM b.t); END$$;
	CREATE FUNCTION a.safe() RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$BEGIN RETURN (SELECT count(*) FROM b.t); END$$;
	CREATE VIEW a.safe AS SELECT k, public.safe() FROM a.auto});
my $parallel = 'SET ' . ($node->pg_version >= 16 ? 'debug_parallel_query' : 'force_parallel_mode') . ' = on; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;';
like(failure("$parallel $_"), $refused, "in a parallel worker: $_") foreach ('SELECT a.safe() FROM a.auto', 'SELECT * FROM a.safe', 'EXPLAIN ANALYZE SELECT * FROM a.safe');

# where policies of two tenants are asked, shared functions in them reach neither
$node->safe_psql('app', q{
	CREATE ROLE reader; GRANT USAGE ON SCHEMA a, b TO reader;
	CREATE TABLE a.asked AS SELECT generate_series(1, 100) AS k; CREATE TABLE b.asked AS SELECT generate_series(1, 100) AS k;
	GRANT SELECT ON a.asked, b.asked, b.t TO reader; ALTER TABLE a.asked ENABLE ROW LEVEL SECURITY; ALTER TABLE b.asked ENABLE ROW LEVEL SECURITY;
	CREATE FUNCTION public.even(k int) RETURNS boolean LANGUAGE plpgsql PARALLEL SAFE AS $$BEGIN RETURN k % 2 = 0; END$$;
	CREATE POLICY p ON a.asked USING (public.even(k)); CREATE POLICY p ON b.asked USING (public.even(k))});
is(value("$parallel SET ROLE reader; SELECT count(*) FROM a.asked JOIN b.asked USING (k)"), '50', 'policies of two tenants');
is(value("SET ROLE reader; SELECT count(*) FROM a.asked JOIN b.asked USING (k)"), '50', '... in one process');
$node->safe_psql('app', 'ALTER POLICY p ON a.asked USING (public.safe() > 0)');
foreach my $select ('count(*) FROM a.asked', 'count(*) FROM b.asked JOIN a.asked USING (k)', '(SELECT max(k) FROM a.asked) FROM b.asked')
{
	like(failure("$_ SET ROLE reader; SELECT $select"), qr/^TM003: cannot access table b\.t/, "a policy that reads the other: SELECT $select") foreach ('', $parallel);
}

# with log, it is written to the log, and with off, nothing is
my $log_from = -s $node->logfile;
is(failure('SET tenant_mgr.guard = log; SELECT a.leak(1)'), '', 'log: not refused');
like(slurp_file($node->logfile, $log_from), qr/access to table b\.t of tenant "b" from code of tenant "a"/, 'but written to the log');
is(value(q{SELECT count(*) > 0 FROM tenant.guard_stats WHERE tenant = 'a'}), 't', 'and counted for the tenant');
is(failure('SET tenant_mgr.guard = off; SELECT a.leak(1)'), '', 'off: not refused');
reset_rows();

# what was only logged is refused once the setting is another, in running sessions, too
$node->append_conf('postgresql.conf', "tenant_mgr.guard = log\n");
$node->reload;
$node->poll_query_until('app', q{SELECT current_setting('tenant_mgr.guard') = 'log'}) or die;
$node->safe_psql('app', q{
	CREATE TYPE b.ty AS (v int); CREATE FUNCTION b.f() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
	CREATE FUNCTION a.inlined(int) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT (ROW($1)::b.ty)::text$$;
	CREATE FUNCTION a.inlined2(int) RETURNS int LANGUAGE sql AS $$SELECT $1 + b.f()$$;
	CREATE FUNCTION a.inlined3(int) RETURNS bigint LANGUAGE sql AS $$SELECT $1 + nextval('b.s')$$;
	CREATE FUNCTION a.pl() RETURNS int LANGUAGE plpgsql AS $$DECLARE r int; BEGIN r := b.f(); RETURN r; END$$});
my @remembered = ('SELECT a.inlined(k) FROM a.auto', 'SELECT a.inlined2(k) FROM a.auto', 'SELECT a.inlined3(k) FROM a.auto', 'SELECT a.pl()', 'SELECT count(*) FROM b.t', 'EXECUTE stmt');
my $session = $node->background_psql('app', on_error_stop => 0);
$session->query(q{SELECT tenant.switch('a'); PREPARE stmt AS SELECT b.f(), v FROM b.t});
$session->query($_) foreach (@remembered, @remembered);
$node->append_conf('postgresql.conf', "tenant_mgr.guard = enforce\n");
$node->reload;
$node->poll_query_until('app', q{SELECT current_setting('tenant_mgr.guard') = 'enforce'}) or die;
is($session->query('SHOW tenant_mgr.guard'), 'enforce', 'the session has got the new setting');
foreach my $statement (@remembered)
{
	$session->{stderr} = '';
	$session->query($statement);
	like($session->{stderr}, qr/cannot access .* of tenant "b"/, "remembered: $statement");
}
$session->quit;

# what a session's own statements say is its own
$node->safe_psql('app', q{
	CREATE FUNCTION public.report() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT count(*) FROM a.auto) + (SELECT count(*) FROM b.t); END$$;
	CREATE TABLE public.shared (id int PRIMARY KEY); INSERT INTO public.shared VALUES (1);
	CREATE TABLE a.refers (id int REFERENCES public.shared);
	CREATE FUNCTION a.add(int) RETURNS int LANGUAGE sql AS 'SELECT $1 + abs($1)';
	CREATE FUNCTION a.mine() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM a.auto, public.shared); END'});
is(failure($_), '', "$_: its own") foreach (
	'SELECT public.report() FROM a.auto', 'INSERT INTO a.loot SELECT v FROM b.t', 'SELECT * FROM a.auto, b.t',
	'UPDATE a.loot SET v = b.t.v FROM b.t', 'DO $$BEGIN PERFORM a.mine(); PERFORM count(*) FROM b.t; END$$',
	'INSERT INTO a.refers VALUES (1)', 'COPY (SELECT * FROM a.loot, b.t) TO STDOUT',
	q{SELECT a.mine(); SELECT tenant.switch('b'); SELECT count(*) FROM t});
$node->safe_psql('app', 'CREATE FUNCTION a.inlined_rows() RETURNS SETOF int LANGUAGE sql STABLE BEGIN ATOMIC SELECT k FROM a.auto WHERE k > 1; END');
like(value('EXPLAIN (COSTS OFF) SELECT * FROM a.inlined_rows()'), qr/Seq Scan on auto/, 'so is one that returns rows of its own tenant');
like(value('EXPLAIN (VERBOSE, COSTS OFF) SELECT a.add(k) FROM a.auto'), qr/\(k \+ abs\(k\)\)/, 'a function that only computes is inlined');
$node->command_ok([ 'pg_dump', '-f', '/dev/null', $node->connstr('app') ], 'the database can be dumped');

done_testing();
