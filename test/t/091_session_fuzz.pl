# 091_session_fuzz.pl: sessions do at random whatever one can do with bindings,
# locks, tokens, settings, savepoints, cursors, prepared statements, deferred
# triggers and objects, beside maintenance and autovacuum.  Among it is code of
# each tenant that tries to get at the others.
#
# All values of a tenant begin with its name.  After each statement,
#		no value of another tenant than the session's is in the answer,
#		tenant and search path agree,
#		a locked session is where it was locked,
#		nothing remains after reset() or DISCARD ALL;
# and in the end no tenant's table has a value of another one.
#
# A minute with a fixed seed; test/fuzz/sessions runs it for longer.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Protocol;
use TenantTest;
use Time::HiRes qw(time);
use TokenTest;

my $seconds = $ENV{TM_FUZZ_SECONDS} // 60;
my $seed    = $ENV{TM_FUZZ_SEED}    // 1;
my @tenants = ('ta', 'tb', 'tc');
my @roles   = ('app', 'app', 'app', 'only_ta', 'denied');
my $tokens  = can_mint();
push @roles, 'tokened' if $tokens;

my $key = $tokens ? public_key('a') : '';
my $node = new_node('fuzz', "shared_preload_libraries = 'tenant_mgr'\nmax_prepared_transactions = 10\ntenant_mgr.token_public_key = '$key'\ndeadlock_timeout = 100ms\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	CREATE ROLE app LOGIN; CREATE ROLE only_ta LOGIN; CREATE ROLE denied LOGIN; CREATE ROLE tokened LOGIN;
	ALTER ROLE denied SET tenant_mgr.unbound = deny;
	CREATE TABLE public.shared AS SELECT i FROM generate_series(1, 30) AS i;
	CREATE TABLE public.note (v text);
	CREATE FUNCTION public.noted() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN IF tenant.current() IS NOT NULL THEN INSERT INTO data VALUES (split_part(NEW.v, ':', 1) || ':noted'); END IF; RETURN NULL; END $$;
	CREATE CONSTRAINT TRIGGER noted AFTER INSERT ON public.note DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.noted();
	GRANT ALL ON public.shared, public.note TO PUBLIC;
	GRANT CREATE ON SCHEMA public TO app;
});

# A server with assertions stops at an exception block in a deferred trigger, with
# or without us: it forgot that COMMIT may run one.
my $asserting = $node->safe_psql('app', 'SHOW debug_assertions') eq 'on';

# The tables of a tenant, and its code that tries to get at the others by every
# means but those that an unlocked session has by right.
foreach my $t (@tenants)
{
	my @others = grep { $_ ne $t } @tenants;
	my @reads = ('SELECT v FROM pg_temp.kept_data LIMIT 1', 'SELECT pg_temp.kept_function()', map { ("SELECT v FROM $_.data LIMIT 1", "SELECT v FROM $_.loot LIMIT 1", "SELECT '$_:' || nextval('$_.s')", "EXECUTE p_$_", "FETCH c_$_",
		"INSERT INTO $_.data VALUES ('$t:planted') RETURNING v", "SELECT query_to_xml('SELECT v FROM $_.data', true, false, '')::text") } @others);
	my $spies = $asserting ? '' : "PERFORM $t.spy();";
	my @ways = ((map { ("SET tenant_mgr.tenant = '$_'", "SELECT tenant.switch('$_')", "SET LOCAL tenant_mgr.tenant = '$_'", "SET search_path = $_") } @others),
		'RESET ALL', 'RESET tenant_mgr.tenant', 'SELECT tenant.reset()', "SELECT tenant.unlock('wrong')", 'SET ROLE NONE', 'DEALLOCATE ALL', 'DEALLOCATE "S_1"', 'CLOSE ALL');
	my @plants = map { ("INSERT INTO $_.data VALUES ('$t:planted')", "UPDATE $_.data SET v = '$t:planted'", "DELETE FROM $_.loot", "SELECT setval('$_.s', 1)") } @others;
	my $array = sub { 'ARRAY[' . join(', ', map { literal($_) } @_) . ']' };
	$node->safe_psql('app', "SELECT tenant.create('$t')");
	$node->safe_psql('app', qq{
		SET search_path = $t;
		CREATE TABLE data (v text);
		INSERT INTO data SELECT '$t:' || i FROM generate_series(1, 20) AS i;
		CREATE TABLE loot (v text);
		CREATE SEQUENCE s;
		CREATE TABLE parent (id int PRIMARY KEY);
		CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED, u int UNIQUE DEFERRABLE INITIALLY DEFERRED);
		CREATE FUNCTION attempts(sqls text[]) RETURNS text LANGUAGE plpgsql AS \$\$
			DECLARE r text; all_of text := ''; sql text;
			BEGIN
				FOREACH sql IN ARRAY sqls LOOP
					BEGIN EXECUTE sql INTO r; all_of := all_of || coalesce(r, '') || ' '; EXCEPTION WHEN OTHERS THEN NULL; END;
				END LOOP;
				BEGIN INSERT INTO $t.loot SELECT all_of WHERE all_of ~ ':'; EXCEPTION WHEN OTHERS THEN NULL; END;
				RETURN all_of;
			END \$\$;
		CREATE FUNCTION spy() RETURNS text LANGUAGE sql VOLATILE AS \$\$ SELECT $t.attempts(@{[ $array->(@reads) ]}) \$\$;
		CREATE FUNCTION break_out() RETURNS text LANGUAGE sql VOLATILE AS \$\$ SELECT $t.attempts(@{[ $array->(map { my $way = $_; ($way, @reads) } @ways) ]}) \$\$;
		CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN $spies INSERT INTO $t.data VALUES (coalesce(tenant.current(), 'none') || ':later'); RETURN NULL; END \$\$;
		CREATE CONSTRAINT TRIGGER later AFTER INSERT ON child DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION later();
		CREATE FUNCTION indexed(text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS \$\$ BEGIN IF random() < 0.1 THEN PERFORM $t.attempts(@{[ $array->(@reads, @plants) ]}); END IF; RETURN length(\$1); END \$\$;
		CREATE VIEW seen AS SELECT v FROM data;
		CREATE MATERIALIZED VIEW stored AS SELECT v FROM data;
		CREATE PROCEDURE steps() LANGUAGE plpgsql AS \$\$ BEGIN PERFORM $t.spy(); COMMIT; PERFORM $t.spy(); ROLLBACK; PERFORM $t.spy(); END \$\$;
		GRANT USAGE, CREATE ON SCHEMA $t TO app, only_ta, denied, tokened;
		GRANT ALL ON ALL TABLES IN SCHEMA $t TO app, only_ta, denied, tokened;
		GRANT ALL ON ALL SEQUENCES IN SCHEMA $t TO app, only_ta, denied, tokened;
	});
}
$node->safe_psql('app', q{
	CREATE FUNCTION public.opens() RETURNS refcursor LANGUAGE plpgsql SET tenant_mgr.tenant = 'tb' AS $$ DECLARE c refcursor := 'c_own'; BEGIN OPEN c FOR SELECT i FROM public.shared; RETURN c; END $$;
	SELECT tenant.assign_role('ta', 'only_ta');
	SET tenant_mgr.tenant = 'ta'; CREATE INDEX ON data (indexed(v));
	SET tenant_mgr.tenant = 'tb'; CREATE INDEX ON data (indexed(v));
	RESET tenant_mgr.tenant;
	ALTER ROLE tokened SET tenant_mgr.switch_requires = token;
} . join '', map { "ALTER ROLE $_ SET lock_timeout = '50ms'; ALTER ROLE $_ SET statement_timeout = '5s';" } 'app', 'only_ta', 'denied', 'tokened');

my %token;
if ($tokens)
{
	$token{$_} = mint({ key => 'a', claims => { tenant => $_, exp => time + $seconds + 600 } }) foreach @tenants;
	$token{"late $_"} = mint({ key => 'a', claims => { tenant => $_, exp => time + 10 } }) foreach @tenants;
}

sub pick { return $_[ rand @_ ]; }

my @sessions;
my $maintenance = Protocol->new($node, 'app');
$maintenance->query("SET lock_timeout = '100ms'");
my %counted = (statements => 0, errors => 0);
my @violations;

sub violation
{
	my ($s, $what) = @_;
	push @violations, $what;
	return if @violations > 3;
	diag("$what (seed $seed, statement $counted{statements}, role $s->{role})");
	diag('    ' . s/\n/ /gr) foreach @{ $s->{history} };
	return;
}

sub new_session
{
	my $role = pick(@roles);
	return { role => $role, client => Protocol->new($node, 'app', $role), history => [], locked => undef, own_path => 0, names => 0, prepared => {} };
}

# A statement by the simple or the extended protocol; returns the answer.
sub run_in
{
	my ($s, $sql) = @_;
	return note_answer($s, $sql, $sql !~ /;/ && rand() < 0.4 ? $s->{client}->extended($sql) : $s->{client}->query($sql));
}

sub note_answer
{
	my ($s, $sql, $answer) = @_;
	$counted{statements}++;
	$counted{errors}++ if $answer =~ /\b(?!NULL)[0-9A-Z]{5}$/;
	push @{ $s->{history} }, substr($sql, 0, 240) . '   -> ' . substr($answer, 0, 100);
	shift @{ $s->{history} } if @{ $s->{history} } > 40;
	violation($s, "internal error or lost connection: $sql: $answer") if $answer =~ /\bXX\d\d\d|gone$/;
	return $answer;
}

sub t { return pick(@tenants); }

sub way_to_bind
{
	my ($s, $t) = @_;
	return pick("SELECT tenant.switch_token('$token{$t}')", "SELECT tenant.switch_token('$token{$t}', true)", "SELECT tenant.switch_token('$token{\"late $t\"}')", "SELECT tenant.switch('$t')")
	  if $s->{role} eq 'tokened';
	return pick(("SELECT tenant.switch('$t')") x 3, ("SELECT tenant.switch_local('$t')") x 3, "SET tenant_mgr.tenant = '$t'", "SET LOCAL tenant_mgr.tenant TO '$t'",
		"SET \"Tenant_mgr.TENANT\" = $t", "SELECT set_config('tenant_mgr.tenant', '$t', " . pick('true', 'false') . ')', "SET SESSION tenant_mgr.tenant = $t",
		"DO \$\$ BEGIN PERFORM tenant.switch('$t'); END \$\$", "DO \$\$ DECLARE x text; BEGIN x := tenant.switch_local('$t'); END \$\$");
}

# What can be done, and how often.  A statement that is said to be of the
# session's tenant is written without the tenant's name.
my @actions = (
	[ 26, sub { way_to_bind($_[0], t()) } ],
	[ 4, sub { pick('SELECT tenant.reset()', 'RESET tenant_mgr.tenant', 'SET tenant_mgr.tenant TO DEFAULT', "SET tenant_mgr.tenant = ''", 'SET LOCAL tenant_mgr.tenant TO DEFAULT',
		"SELECT set_config('tenant_mgr.tenant', NULL, false)", 'RESET ALL', 'DISCARD ALL', 'DISCARD PLANS', 'DISCARD TEMP') } ],
	[ 6, sub { "SELECT tenant.lock('key')" } ],
	[ 4, sub { pick(("SELECT tenant.unlock('key')") x 6, "SELECT tenant.unlock('wrong')") } ],
	[ 10, sub { pick('BEGIN', 'BEGIN', 'COMMIT', 'COMMIT', 'ROLLBACK', 'COMMIT AND CHAIN', 'ROLLBACK AND CHAIN', 'BEGIN ISOLATION LEVEL SERIALIZABLE') } ],
	[ 6, sub { my $n = pick('s1', 's2'); pick("SAVEPOINT $n", "SAVEPOINT $n", "ROLLBACK TO $n", "RELEASE $n") } ],
	[ 2, sub { pick('SELECT 1 / 0', 'SELECT nothing', 'SYNTAX') } ],
	[ 12, sub { pick('SELECT v FROM data LIMIT 2', 'SELECT v FROM seen LIMIT 2', 'SELECT v FROM stored LIMIT 2', 'TABLE loot', 'COPY data TO STDOUT', 'SELECT DISTINCT v FROM data',
		'SELECT tenant.current() || \':\'', "SELECT v FROM data WHERE v LIKE '%later'") } ],
	[ 6, sub { pick("INSERT INTO data VALUES (tenant.current() || ':w') RETURNING v", "UPDATE data SET v = tenant.current() || ':u' WHERE v LIKE '%:w' RETURNING v", "DELETE FROM data WHERE v LIKE '%:u' OR v LIKE '%later' OR v LIKE '%noted' RETURNING v") } ],
	[ 12, sub { my $id = int rand 1e6; pick("INSERT INTO parent VALUES ($id); INSERT INTO child VALUES ($id, $id)", "INSERT INTO child VALUES ($id, $id); INSERT INTO parent VALUES ($id)",
		"INSERT INTO parent VALUES ($id) \n", "INSERT INTO child SELECT id, $id FROM parent LIMIT 1", "INSERT INTO child VALUES (-1)") } ],
	[ 4, sub { "INSERT INTO public.note SELECT tenant.current() || ':' WHERE tenant.current() IS NOT NULL" } ],
	[ 3, sub { pick('SET CONSTRAINTS ALL IMMEDIATE', 'SET CONSTRAINTS ALL DEFERRED', 'SET CONSTRAINTS later IMMEDIATE', 'SET CONSTRAINTS child_id_fkey IMMEDIATE') } ],
	[ 8, sub { my $n = pick('c_1', 'c_2', map { "c_$_" } @tenants); pick("DECLARE $n CURSOR FOR SELECT v FROM data", "DECLARE $n CURSOR WITH HOLD FOR SELECT v FROM data", "DECLARE $n SCROLL CURSOR FOR SELECT v FROM seen",
		"DECLARE $n CURSOR FOR SELECT i FROM shared", "DECLARE $n CURSOR WITH HOLD FOR SELECT i FROM shared", 'SELECT public.opens()') } ],
	[ 10, sub { my $n = pick('c_1', 'c_2', 'c_own', map { "c_$_" } @tenants); pick(("FETCH 2 FROM $n") x 3, "MOVE 1 IN $n", "CLOSE $n", "FETCH BACKWARD 1 FROM $n", 'CLOSE ALL') } ],
	[ 6, sub { my $n = pick('p_1', map { "p_$_" } @tenants); pick("PREPARE $n AS SELECT v FROM data LIMIT 2", "PREPARE $n AS SELECT v FROM seen LIMIT 1", "DEALLOCATE $n", 'DEALLOCATE ALL',
		"PREPARE \"S_2\" AS SELECT spy()", 'DEALLOCATE "S_1"') } ],
	[ 10, sub { my $n = pick('p_1', 'S_1', 'S_2', map { "p_$_" } @tenants); pick(("EXECUTE \"$n\"") x 3, "EXPLAIN (COSTS OFF) EXECUTE \"$n\"", "CREATE TEMP TABLE IF NOT EXISTS made ON COMMIT DROP AS EXECUTE \"$n\"") } ],
	[ 10, sub { protocol_statement(@_) } ],
	[ 8, sub { pick('SELECT spy()', 'COPY (SELECT spy()) TO STDOUT', 'EXPLAIN ANALYZE SELECT spy()', 'CALL steps()', q{DO $$ DECLARE x text; BEGIN x := spy(); END $$}, 'SELECT spy() FROM shared LIMIT 2',
		'REINDEX TABLE data', 'ANALYZE data', 'REFRESH MATERIALIZED VIEW stored', 'CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT spy() AS v', 'SELECT count(indexed(v)) FROM data') } ],
	[ 4, sub { $_[0]{locked} || $_[0]{role} eq 'only_ta' ? pick('SELECT break_out()', 'COPY (SELECT break_out()) TO STDOUT', 'EXPLAIN ANALYZE SELECT break_out()', q{DO $$ BEGIN PERFORM break_out(); COMMIT; PERFORM break_out(); END $$},
		'CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT break_out() AS v') : 'SELECT 1' } ],
	[ 4, sub { my $n = pick('x1', 'x2'); pick("CREATE TABLE $n AS SELECT v FROM data LIMIT 2", "DROP TABLE $n", "ALTER TABLE $n ADD w text DEFAULT spy()", "CREATE INDEX ON $n (v)", "TABLE $n", "TRUNCATE $n",
		"CREATE OR REPLACE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT v FROM data LIMIT 1'", 'SELECT f()', "CREATE OR REPLACE VIEW seen AS SELECT v FROM data", 'DROP FUNCTION f()') } ],
	[ 8, sub { temporary() } ],
	[ 2, sub { $_[0]{own_path} = 1; pick('SET search_path = public', 'SET LOCAL search_path = public', 'RESET search_path', "SELECT set_config('search_path', 'pg_catalog', true)", $_[0]{role} eq 'denied' ? 'SET search_path = ' . t() : 'SET search_path = pg_catalog') } ],
	[ 2, sub { pick('SET ROLE NONE', 'RESET ROLE', 'SET SESSION AUTHORIZATION DEFAULT', 'SET plan_cache_mode = force_generic_plan', 'SET plan_cache_mode = force_custom_plan', 'SET work_mem = 1000', 'SET LOCAL enable_seqscan = off') } ],
	[ 3, sub { my ($x, $y, $id) = (t(), t(), int rand 1e6);
		pick("DO \$\$ BEGIN PERFORM tenant.switch_local('$x'); INSERT INTO parent VALUES ($id); INSERT INTO child VALUES ($id, $id); PERFORM tenant.switch_local('$y'); COMMIT; END \$\$",
			"SELECT tenant.switch_local('$x'); INSERT INTO child VALUES ($id, $id); INSERT INTO parent VALUES ($id); SELECT tenant.switch_local('$y')",
			"DO \$\$ DECLARE r record; BEGIN FOR r IN SELECT i FROM public.shared LOOP PERFORM tenant.switch(CASE r.i % 2 WHEN 0 THEN '$x' ELSE '$y' END); INSERT INTO data VALUES (tenant.current() || ':loop'); END LOOP; DELETE FROM data WHERE v LIKE '%:loop'; END \$\$",
			"DO \$\$ BEGIN FOR i IN 1..3 LOOP PERFORM tenant.switch_local('$x'); INSERT INTO data VALUES (tenant.current() || ':w'); ROLLBACK; END LOOP; END \$\$") } ],
	[ 1, sub { my $g = 'g' . int rand 4; pick("PREPARE TRANSACTION '$g'", "COMMIT PREPARED '$g'", "ROLLBACK PREPARED '$g'") } ]);
my $weights = 0;
$weights += $_->[0] foreach @actions;

# What is made while the session is not bound is anybody's, and an unbound session
# may read what is a tenant's; so these are for bound ones.
sub temporary
{
	my $make = pick('CREATE TEMP TABLE kept_data AS SELECT v FROM data', 'CREATE TEMP TABLE kept_data (v text)', 'CREATE TEMP VIEW kept_data AS SELECT v FROM data',
		"CREATE OR REPLACE FUNCTION pg_temp.kept_function() RETURNS text LANGUAGE sql AS 'SELECT v FROM data LIMIT 1'",
		"CREATE OR REPLACE FUNCTION pg_temp.kept_function() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT v FROM loot LIMIT 1); END'");
	return pick("DO \$\$ BEGIN IF tenant.current() IS NOT NULL THEN $make; END IF; END \$\$") if rand() < 0.4;
	return pick(('SELECT v FROM kept_data WHERE tenant.current() IS NOT NULL LIMIT 3') x 3, 'SELECT pg_temp.kept_function() WHERE tenant.current() IS NOT NULL', 'INSERT INTO kept_data SELECT v FROM data WHERE tenant.current() IS NOT NULL LIMIT 3',
		'DROP TABLE IF EXISTS kept_data', 'DROP VIEW kept_data', 'ALTER TABLE kept_data ADD w text', 'CREATE INDEX ON kept_data (v)', 'ANALYZE kept_data', 'DISCARD TEMP');
}

# A statement that the driver prepares once, and executes for whoever is bound;
# sometimes through a portal that gives some of its rows.
sub protocol_statement
{
	my ($s) = @_;
	my $client = $s->{client};
	my $sql = 'SELECT v FROM data';
	my $answer;
	my $kind = int rand 6;
	if ($kind == 0) { $answer = $client->parse('S_1', $sql)->sync->answers; }
	elsif ($kind == 1) { $answer = $client->close_statement('S_1')->sync->answers; }
	elsif ($kind <= 3) { $answer = $client->bind('', 'S_1')->execute('', 3)->sync->answers; }
	elsif ($kind == 4) { $answer = $client->bind('portal', 'S_1')->execute('portal', 2)->sync->answers; }
	else { $answer = $client->execute('portal', 2)->sync->answers; }
	note_answer($s, "message $kind about S_1", $answer);
	return ("protocol $kind", $answer);
}

sub random_action
{
	my $n = rand $weights;
	foreach my $action (@actions)
	{
		return $action->[1] if ($n -= $action->[0]) < 0;
	}
	return $actions[0][1];
}

# The session's tenant, NULL as an empty string, or undef where nothing is said.
sub look
{
	my ($s) = @_;
	return undef if $s->{client}->status eq 'E';
	my $answer = $s->{client}->query(q{SELECT coalesce(tenant.current(), ''), tenant.is_locked(), replace(current_setting('search_path'), ', ', '+')});
	my ($tenant, $locked, $path) = $answer =~ /^(\w*),([tf]),([^,]*)$/ or return undef;
	return { tenant => $tenant, locked => $locked eq 't', path => $path };
}

sub check_state
{
	my ($s, $now) = @_;
	return if !defined $now;
	if (!$s->{own_path})
	{
		my $expected = $now->{tenant} eq '' ? '"$user"+public' : "$now->{tenant}+public+pg_temp";
		violation($s, "path \"$now->{path}\" while bound to \"$now->{tenant}\"") if $now->{path} ne $expected && !($s->{role} eq 'only_ta' && $now->{tenant} eq '');
	}
	if ($now->{locked})
	{
		$s->{locked} //= $now->{tenant};
		violation($s, "locked to \"$s->{locked}\", but bound to \"$now->{tenant}\"")
		  if $now->{tenant} ne $s->{locked} && $s->{client}->query('SELECT 1') eq '1';
	}
	else { $s->{locked} = undef; }
	return;
}

sub check_reset
{
	my ($s, $sql, $now) = @_;
	return if !defined $now || $s->{client}->status ne 'I';
	violation($s, "still bound after $sql") if $now->{tenant} ne '' && $s->{role} ne 'only_ta';
	my $left = $s->{client}->query('SELECT (SELECT count(*) FROM pg_cursors WHERE is_holdable AND statement LIKE \'%data%\')'
		. ($sql =~ /DISCARD/ ? ' + (SELECT count(*) FROM pg_prepared_statements)' : ''));
	violation($s, "$left things remain after $sql") if $left =~ /^[1-9]/;
	return;
}

# Values of whom are in the answer?
sub check_answer
{
	my ($s, $sql, $answer, $before, $now) = @_;
	my %seen = map { $_ => 1 } $answer =~ /\b(t[abc]):/g;
	delete $seen{ $before->{tenant} } if defined $before;
	delete $seen{ $now->{tenant} } if defined $now;
	# A function that goes elsewhere on its own says so in its text.
	return if !%seen || $sql =~ /^DO/;
	violation($s, 'values of ' . join(' ', sort keys %seen) . " in the answer to $sql") if defined $before || defined $now;
	return;
}

sub step
{
	my ($s) = @_;
	my $before = look($s);
	my ($sql, $answer) = random_action()->($s);
	$answer //= run_in($s, $sql);
	my $now = look($s);
	check_answer($s, $sql, $answer, $before, $now);
	$s->{own_path} = 1 if $sql =~ /break_out/;
	check_state($s, $now);
	$s->{own_path} = 0 if $sql eq 'DISCARD ALL' && $answer eq '';
	check_reset($s, $sql, $now) if $answer eq '' && ($sql eq 'SELECT tenant.reset()' || $sql eq 'DISCARD ALL');
	# Whoever is lost for too long begins anew.
	run_in($s, 'ROLLBACK') if $s->{client}->status eq 'E' && rand() < 0.2;
	return;
}

sub maintain
{
	my $t = t();
	$maintenance->query(pick("VACUUM $t.data", "ANALYZE $t.data", "REINDEX TABLE $t.data", "REFRESH MATERIALIZED VIEW $t.stored", "SELECT tenant.suspend('$t')", ("SELECT tenant.resume(n) FROM unnest('{ta,tb,tc}'::text[]) AS n") x 3,
		"REVOKE USAGE ON SCHEMA $t FROM app", ("GRANT USAGE ON SCHEMA ta, tb, tc TO app") x 3, "CLUSTER $t.parent USING parent_pkey", "SELECT tenant.clone('$t', 'extra')", "SELECT tenant.drop('extra', purge => true)",
		"ALTER TABLE $t.data SET (autovacuum_analyze_threshold = 1, autovacuum_analyze_scale_factor = 0)", "DROP TABLE IF EXISTS $t.x1, $t.x2",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE false"));
	return;
}

srand $seed;
my $until = time + $seconds;
@sessions = map { new_session() } 1 .. 4;
while (time < $until && @violations < 20)
{
	my $i = int rand @sessions;
	step($sessions[$i]);
	maintain() if rand() < 0.02;
	if (rand() < 0.003)
	{
		$sessions[$i]{client}->leave;
		$sessions[$i] = new_session();
	}
}
$_->{client}->leave foreach @sessions;
note("$counted{statements} statements, $counted{errors} refused, seed $seed");

is(scalar @violations, 0, 'no violation');
cmp_ok($counted{statements} - $counted{errors}, '>', $seconds, 'something has been done');
foreach my $t (@tenants)
{
	foreach my $table ('data', 'loot', 'stored')
	{
		is($node->safe_psql('app', "SELECT string_agg(DISTINCT v, ' ') FROM $t.$table WHERE '$table' <> 'loot' AND v !~ '^$t:' OR v ~ '\\m(" . join('|', grep { $_ ne $t } @tenants) . "):'"), '', "$t.$table has values of $t only");
	}
	is($node->safe_psql('app', "SELECT count(*) FROM $t.child WHERE id NOT IN (SELECT id FROM $t.parent)"), '0', "$t: no child without its parent");
}
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal|XX000/, 'no crash');
$node->stop;
done_testing();
