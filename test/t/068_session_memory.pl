# 068_session_memory.pl: what a session remembers belongs to the binding that
# made it: statements that SQL prepared, cursors, portals, deferred constraints
# and triggers, prepared transactions.  And a binding is looked after at each
# statement, also within CALL, DO and every other statement that runs others.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Protocol;
use TenantTest;
use TokenTest;

my $key = can_mint() ? public_key('a') : '';
my $node = new_node('memory', "shared_preload_libraries = 'tenant_mgr'\nmax_prepared_transactions = 10\ntenant_mgr.token_public_key = '$key'\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	SELECT tenant.create(n) FROM unnest('{a,b}'::text[]) AS n;
	CREATE ROLE app LOGIN;
	CREATE ROLE aown LOGIN;
	CREATE ROLE only_a LOGIN;
	CREATE ROLE denied LOGIN;
	ALTER ROLE denied SET tenant_mgr.unbound = deny;
	GRANT USAGE, CREATE ON SCHEMA a, b TO app, only_a, denied;
	GRANT USAGE, CREATE ON SCHEMA a TO aown;
	CREATE TABLE a.t AS SELECT 'of a' AS v;
	CREATE TABLE b.t AS SELECT 'of b' AS v;
	CREATE TABLE a.keys (v text);
	CREATE TABLE b.keys (v text);
	CREATE TABLE public.shared AS SELECT i FROM generate_series(1, 9) AS i;
	CREATE SEQUENCE b.s;
	GRANT ALL ON ALL TABLES IN SCHEMA a, b, public TO app, only_a, denied;
	GRANT ALL ON ALL SEQUENCES IN SCHEMA b TO app, only_a;
	SELECT tenant.assign_role('a', 'only_a');
	SET check_function_bodies = off;
	CREATE FUNCTION a.out() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RESET ALL; RETURN (SELECT v FROM b.t); END $$;
	CREATE FUNCTION a.unbind() RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('tenant_mgr.tenant', NULL, false); RETURN (SELECT v FROM b.t); END $$;
	CREATE PROCEDURE a.out_call() LANGUAGE plpgsql AS $$ BEGIN RESET tenant_mgr.tenant; INSERT INTO a.keys SELECT v FROM b.t; END $$;
});

# Who is told something of b has failed.
sub client { return Protocol->new($node, 'app', $_[0] // 'app'); }

sub session
{
	my ($sql, $role) = @_;
	my ($rc, $stdout, $stderr) = $node->psql('app', "\\set VERBOSITY sqlstate\n$sql", on_error_stop => 0, extra_params => [ '-U', $role // 'app' ]);
	return ($stdout, join ' ', $stderr =~ /(?:ERROR|FATAL):  (\w{5})/g);
}

# A role that has one tenant, in each kind of statement that runs others.
foreach my $function ('a.out()', 'a.unbind()')
{
	foreach my $sql ("SELECT $function", "EXPLAIN ANALYZE SELECT $function", "CREATE TEMP TABLE x AS SELECT $function AS v", "COPY (SELECT $function) TO STDOUT",
		"DO \$\$BEGIN RAISE NOTICE '%', $function; END\$\$", "CREATE MATERIALIZED VIEW a.m AS SELECT $function AS v",
		"PREPARE p AS SELECT $function; EXECUTE p", "BEGIN; DECLARE c CURSOR FOR SELECT $function; FETCH c; COMMIT", "CALL a.out_call()",
		"CREATE TEMP TABLE y (v text); INSERT INTO y VALUES (1); ALTER TABLE y ADD w text DEFAULT $function", "SELECT 1 \\; SELECT $function")
	{
		my ($stdout, $state) = session($sql, 'only_a');
		unlike($stdout, qr/of b/, "nothing of b: $sql");
		isnt($state, '', '... but an error');
	}
}
is($node->safe_psql('app', 'SELECT count(*) FROM a.keys'), '0', 'nothing of b has been written');
is($node->safe_psql('app', q{SELECT to_regclass('a.m')}), '', '... nor stays in a materialized view');

# Tokens: for a transaction, and until a moment that comes within a statement
SKIP:
{
	skip 'needs python3-jwt and python3-cryptography', 10 unless can_mint();
	$node->safe_psql('app', q{
		ALTER ROLE app SET tenant_mgr.switch_requires = token;
		CREATE PROCEDURE a.twice() LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; COMMIT; INSERT INTO a.keys SELECT v FROM a.t; COMMIT; END $$;
		CREATE PROCEDURE a.sleeps() LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; COMMIT; PERFORM pg_sleep(3); COMMIT; INSERT INTO a.keys SELECT v FROM a.t; END $$;
	});
	my $token = mint({ key => 'a', claims => { tenant => 'a', exp => time + 600 } });
	foreach my $sql ('CALL a.twice()', q{DO $$ BEGIN PERFORM 1; COMMIT; INSERT INTO a.keys SELECT v FROM a.t; END $$})
	{
		my $client = client();
		is($client->query("SELECT tenant.switch_token('$token', true)"), 'a', 'a token for one transaction');
		is($client->query("DO \$\$ BEGIN PERFORM tenant.switch_token('$token', true); PERFORM 1; COMMIT; PERFORM v FROM a.t; END \$\$"), '', 'unbound it may');
		is($client->query("DO \$\$ BEGIN PERFORM tenant.switch_token('$token', true); PERFORM tenant.switch('a'); COMMIT; PERFORM v FROM a.t; END \$\$"), 'TM005', 'kept for the session: not in the next one');
		$client->leave;
	}
	$token = mint({ key => 'a', claims => { tenant => 'a', exp => time + 2 } });
	my $client = client();
	is($client->query("SELECT tenant.switch_token('$token')"), 'a', 'a token that has not expired');
	is($client->query('CALL a.twice()'), '', '... serves a procedure that commits');
	$client->leave;
	$client = client();
	$token = mint({ key => 'a', claims => { tenant => 'a', exp => time + 2 } });
	is($client->query("SELECT tenant.switch_token('$token')"), 'a', 'a token that will expire');
	is($client->query('CALL a.sleeps()'), 'TM005', '... within a procedure that commits');
	$client->leave;
	$node->safe_psql('app', 'ALTER ROLE app RESET tenant_mgr.switch_requires; TRUNCATE a.keys');
}

# A binding that a rollback has taken away from a locked session
my $client = client();
$client->query("BEGIN; SELECT tenant.switch('a'); SELECT tenant.lock('k'); ROLLBACK");
foreach my $sql (q{DO $$ DECLARE x bigint; BEGIN x := nextval('b.s'); END $$}, q{SELECT nextval('b.s')}, q{DO $$ BEGIN PERFORM v FROM b.t; END $$}, q{EXPLAIN SELECT v FROM b.t},
	q{COPY b.t TO STDOUT})
{
	like($client->query($sql), qr/^TM00[24]$/, "locked, and not bound: $sql");
}
$client->query("SELECT tenant.switch('b')");
$client->leave;
$client = client();
$client->query("SELECT tenant.switch('b')");
$client->query("BEGIN; SELECT tenant.switch('a'); SELECT tenant.lock('k'); ROLLBACK");
like($client->query(q{DO $$ DECLARE x bigint; BEGIN x := nextval('b.s'); END $$}), qr/^TM00[24]$/, 'locked, and bound to another tenant');
$client->leave;
is($node->safe_psql('app', 'SELECT is_called FROM b.s'), 'f', 'the sequence has not been used');

# What the driver prepared is neither replaced nor dropped by SQL.
$client = client();
$client->query("SELECT tenant.switch('a')");
is($client->parse('S_1', 'SELECT tenant.switch($1)')->parse('S_2', 'SELECT v FROM t')->parse('S_3', 'SELECT tenant.unlock($1)')->sync->answers, '', 'prepared by the protocol');
$client->query("SELECT tenant.lock('k')");
is($client->query('DEALLOCATE "S_3"; PREPARE "S_3" (text) AS INSERT INTO a.keys VALUES ($1)'), 'TM003', 'locked: not dropped');
is($client->query('PREPARE "S_3" (text) AS INSERT INTO a.keys VALUES ($1)'), '42P05', 'locked: not replaced');
foreach my $sql ('DEALLOCATE ALL', 'DEALLOCATE PREPARE ALL', q{DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$}, q{DO $$ BEGIN EXECUTE 'DEALLOCATE "S_1"'; END $$}, 'DISCARD ALL',
	'DISCARD PLANS', 'DEALLOCATE "S_1"', q{EXPLAIN ANALYZE SELECT query_to_xml('DEALLOCATE ALL', true, false, '')})
{
	$client->query($sql);
	is($client->query(q{SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'S_%'}), '3', "locked: $sql drops nothing of the driver's");
}
$client->query('PREPARE mine AS SELECT 1');
is($client->query('EXECUTE mine'), '1', 'locked: a statement of SQL');
is($client->query('DEALLOCATE mine; PREPARE mine AS SELECT 2; EXECUTE mine'), '2', '... is replaced by SQL');
is($client->bind('', 'S_3', 'k')->execute('')->sync->answers, '', "the driver's statement unlocks");
is($client->query('EXECUTE mine'), '26000', 'what was prepared under the lock is gone with it');
is($client->query('SELECT tenant.is_locked(), (SELECT count(*) FROM a.keys)'), 'f,0', '... and the key is nowhere');
is($client->query('PREPARE mine AS SELECT v FROM t; EXECUTE mine'), 'of a', 'bound: a statement of SQL');
is($client->bind('', 'S_1', 'b')->execute('')->sync->answers, 'b', "the driver's statement switches");
is($client->bind('', 'S_2')->execute('')->sync->answers, 'of b', '... and reads of the other tenant');
foreach my $sql ('EXECUTE mine', 'EXPLAIN EXECUTE mine', 'EXPLAIN ANALYZE EXECUTE mine', 'CREATE TEMP TABLE z AS EXECUTE mine', 'EXPLAIN ANALYZE CREATE TEMP TABLE z AS EXECUTE mine',
	q{DO $$ BEGIN EXECUTE 'EXECUTE mine'; END $$}, 'DEALLOCATE mine', 'RESET work_mem; DEALLOCATE "S_1"', q{DO $$ BEGIN EXECUTE 'DEALLOCATE "S_1"'; END $$})
{
	is($client->query($sql), 'TM003', "of a, while bound to b: $sql");
}
is($client->bind('', 'mine')->execute('')->sync->answers, 'TM003', 'of a, while bound to b: by the protocol');
# PDO and Active Record send this, alone, with a statement of theirs.
is($client->query('BEGIN'), '', 'bound: in a transaction');
is($client->parse('S_4', 'SELECT 4')->sync->answers . $client->query('DEALLOCATE "S_4"'), '', '... the driver closes a statement by SQL');
is($client->query('PREPARE "S_4" AS SELECT 5; EXECUTE "S_4"'), '5', '... whose name is free then');
is($client->query('COMMIT') . $client->bind('', 'S_4')->execute('')->sync->answers, 'TM003', '... but the driver does not get what SQL made of it');
is($client->query('DEALLOCATE "S_4"; DEALLOCATE ALL; SELECT count(*) FROM pg_prepared_statements'), '4', 'bound: DEALLOCATE ALL is about the own ones');
is($client->query("SELECT tenant.reset(); DEALLOCATE ALL; SELECT count(*) FROM pg_prepared_statements"), ' 0', 'unbound: it is the reset of a pool');
$client->leave;

# A parameter of a type that each tenant has
$node->safe_psql('app', q{
	CREATE TYPE a.mood AS ENUM ('a1', 'x'); CREATE TYPE b.mood AS ENUM ('b1', 'x');
	CREATE TABLE a.felt (m a.mood, v text); INSERT INTO a.felt VALUES ('x', 'of a'), ('a1', 'of a alone');
	CREATE TABLE b.felt (m b.mood, v text); INSERT INTO b.felt VALUES ('x', 'of b'), ('b1', 'of b alone');
	GRANT ALL ON a.felt, b.felt TO app;
});
$client = client();
$client->query("SELECT tenant.switch('a')");
is($client->parse('m', 'SELECT v FROM felt WHERE m = $1')->bind('', 'm', 'x')->execute('')->sync->answers, 'of a', 'a parameter of an enum of a');
is($client->bind('', 'm', 'b1')->execute('')->sync->answers, '22P02', '... has no value of that of b');
foreach my $round (1, 2)
{
	is($client->query("SELECT tenant.switch('b')"), 'b', "switched, round $round");
	is($client->bind('', 'm', 'x')->execute('')->sync->answers, 'of b', '... it follows the tenant');
	is($client->bind('', 'm', 'b1')->execute('')->sync->answers, 'of b alone', '... with its own values');
	is($client->query("BEGIN; SELECT tenant.switch_local('a')"), 'a', 'for a transaction');
	is($client->bind('', 'm', 'a1')->execute('')->sync->answers, 'of a alone', '... likewise');
	is($client->query('ROLLBACK'), '', '... and back');
	is($client->bind('', 'm', 'b1')->execute('')->sync->answers, 'of b alone', '... it is there again');
	is($client->parse('', "SELECT tenant.switch('a')")->bind('', '')->execute('')->bind('', 'm', 'a1')->execute('')->sync->answers, 'a of a alone', 'in a pipeline');
}
$client->leave;

# By a trigger of somebody who has a only
$node->safe_psql('app', q{
	CREATE TABLE a.orders (i int);
	ALTER TABLE a.orders OWNER TO aown;
	CREATE FUNCTION a.replaces() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN EXECUTE 'DEALLOCATE "S_1"'; EXECUTE 'PREPARE "S_1" (text) AS SELECT $1'; RETURN NEW; END $$;
	CREATE TRIGGER r BEFORE INSERT ON a.orders FOR EACH ROW EXECUTE FUNCTION a.replaces();
	GRANT ALL ON a.orders TO app;
});
$client = client();
$client->parse('S_1', 'SELECT tenant.switch($1)')->sync->answers;
$client->query("SELECT tenant.switch('a')");
is($client->query('INSERT INTO orders VALUES (1)'), 'TM003', 'a trigger that replaces a statement');
$client->bind('', 'S_1', 'b')->execute('')->sync->answers;
is($client->query('SELECT tenant.current()'), 'b', 'the statement is the one that it was');
$client->query('DISCARD ALL');
is($client->query('SELECT count(*) FROM pg_prepared_statements'), '0', 'bound, not locked: DISCARD ALL is the reset of a pool');
$client->leave;

# Deferred constraints and triggers
$node->safe_psql('app', q{
	DROP TRIGGER r ON a.orders;
	CREATE TABLE public.seen (i serial, tenant text, path text, locked boolean);
	CREATE TABLE public.note (v text);
	GRANT ALL ON public.seen, public.note, seen_i_seq TO app, aown;
	CREATE FUNCTION public.sees() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN INSERT INTO public.seen (tenant, path, locked) VALUES (tenant.current(), current_setting('search_path'), tenant.is_locked()); RETURN NULL; END $$;
	CREATE CONSTRAINT TRIGGER shared AFTER INSERT ON public.note DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.sees();
	CREATE FUNCTION a.later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO a.keys SELECT v FROM b.t; RETURN NULL; END $$;
	CREATE TABLE a.trap (i int);
	CREATE CONSTRAINT TRIGGER z AFTER INSERT ON a.trap DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION a.later();
	GRANT ALL ON a.trap TO app;
});
foreach my $tenant ('a', 'b')
{
	$node->safe_psql('app', qq{
		CREATE TABLE $tenant.parent (id int PRIMARY KEY);
		CREATE TABLE $tenant.child (id int REFERENCES $tenant.parent DEFERRABLE INITIALLY DEFERRED, u int UNIQUE DEFERRABLE INITIALLY DEFERRED);
		CREATE TABLE $tenant.part (id int REFERENCES $tenant.parent DEFERRABLE INITIALLY DEFERRED) PARTITION BY LIST (id);
		CREATE TABLE $tenant.part1 PARTITION OF $tenant.part DEFAULT;
		CREATE CONSTRAINT TRIGGER sees AFTER INSERT ON $tenant.child DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.sees();
		GRANT ALL ON ALL TABLES IN SCHEMA $tenant TO app;
	});
}
my $both = q{SELECT tenant.switch_local('a'); INSERT INTO child VALUES (%1$d, %1$d); INSERT INTO part VALUES (%1$d); SELECT tenant.switch_local('b'); INSERT INTO child VALUES (%1$d, %1$d); INSERT INTO parent VALUES (%1$d);
	SELECT tenant.switch_local('a'); INSERT INTO parent VALUES (%1$d); SELECT tenant.switch_local('b'); %2$s};
my $id = 0;
$client = client();
foreach my $end ('COMMIT', 'SELECT tenant.reset(); COMMIT', 'COMMIT AND CHAIN; COMMIT', "PREPARE TRANSACTION 'p'; COMMIT PREPARED 'p'", 'SET CONSTRAINTS ALL IMMEDIATE; COMMIT',
	'SAVEPOINT s; COMMIT', 'SAVEPOINT s; INSERT INTO child VALUES (1000); ROLLBACK TO s; COMMIT', "SELECT tenant.lock('k'); COMMIT; SELECT tenant.unlock('k')")
{
	$id++;
	my @answers = map { $client->query($_) } split /; /, 'BEGIN; ' . sprintf($both, $id, $end);
	unlike("@answers", qr/\b[0-9A-Z]{5}\b/, "two tenants in a transaction: $end");
	is($node->safe_psql('app', "SELECT (SELECT count(*) FROM a.child WHERE id = $id), (SELECT count(*) FROM a.part WHERE id = $id), (SELECT count(*) FROM b.child WHERE id = $id)"), '1|1|1', '... nothing is lost');
	is($node->safe_psql('app', q{SELECT string_agg(concat_ws(':', tenant, path, locked), ' ' ORDER BY tenant) FROM public.seen; DELETE FROM public.seen}),
		$end =~ /lock/ ? 'a:a, public, pg_temp:f b:b, public, pg_temp:t' : 'a:a, public, pg_temp:f b:b, public, pg_temp:f', '... and each trigger has run for its tenant');
	$client->query('ROLLBACK');
}
# those for which there is no statement that commits
foreach my $sql (
	q{SELECT tenant.switch_local('a'); INSERT INTO parent VALUES (%1$d); INSERT INTO child VALUES (%1$d, %1$d); SELECT tenant.switch_local('b')},
	q{DO $$ BEGIN PERFORM tenant.switch_local('a'); INSERT INTO parent VALUES (%1$d); INSERT INTO child VALUES (%1$d, %1$d); PERFORM tenant.switch_local('b'); END $$},
	q{DO $$ BEGIN PERFORM tenant.switch_local('a'); INSERT INTO parent VALUES (%1$d); INSERT INTO child VALUES (%1$d, %1$d); PERFORM tenant.switch_local('b'); COMMIT; END $$},
	q{DO $$ DECLARE x text; BEGIN x := tenant.switch_local('a'); INSERT INTO parent VALUES (%1$d); INSERT INTO child VALUES (%1$d, %1$d); x := tenant.switch_local('b'); COMMIT; END $$},
	q{DO $$ BEGIN SET LOCAL tenant_mgr.tenant = 'a'; INSERT INTO parent VALUES (%1$d); INSERT INTO child VALUES (%1$d, %1$d); SET LOCAL tenant_mgr.tenant = 'b'; COMMIT; END $$},
	q{DO $$ BEGIN PERFORM tenant.switch_local('a'); INSERT INTO parent VALUES (%1$d); INSERT INTO child VALUES (%1$d, %1$d); PERFORM tenant.reset(); COMMIT; END $$})
{
	$id++;
	unlike($client->query(sprintf $sql, $id), qr/\b[0-9A-Z]{5}\b/, "no block: $sql");
	is($node->safe_psql('app', "SELECT count(*) FROM a.child WHERE id = $id"), '1', '... nothing is lost');
	is($node->safe_psql('app', q{SELECT string_agg(concat_ws(':', tenant, path, locked), ' ' ORDER BY tenant) FROM public.seen; DELETE FROM public.seen}), 'a:a, public, pg_temp:f', '... and the trigger has run for its tenant');
}

# violations are told, and end the transaction as they do without us
foreach my $end ('COMMIT', 'SAVEPOINT s; COMMIT', "PREPARE TRANSACTION 'p'", 'SET CONSTRAINTS ALL IMMEDIATE')
{
	is($client->query("BEGIN; SELECT tenant.switch_local('a'); INSERT INTO child VALUES (2000); SELECT tenant.switch_local('b'); $end"), 'a b 23503', "violated in a: $end");
	is($client->query('SELECT 1'), $end =~ /SET/ ? '25P02' : '1', '... and the transaction is where it would be without tenants');
	$client->query('ROLLBACK');
}
is($client->query("BEGIN; SELECT tenant.switch_local('a'); INSERT INTO parent VALUES (3000), (3001); INSERT INTO child VALUES (3000, 1), (3001, 1); SELECT tenant.switch_local('b'); COMMIT"), 'a b 23505', 'a unique constraint');

# a shared table's triggers, for each tenant that has written to it
$client->query("BEGIN; SELECT tenant.switch_local('a'); INSERT INTO note VALUES (1); SELECT tenant.switch_local('b'); INSERT INTO note VALUES (2); SELECT tenant.reset(); INSERT INTO note VALUES (3); COMMIT");
is($node->safe_psql('app', q{SELECT string_agg(coalesce(tenant, '-') || ':' || path, ' ' ORDER BY i) FROM public.seen; DELETE FROM public.seen}), 'a:a, public, pg_temp b:b, public, pg_temp -:"$user", public', 'a shared table');

# a's trigger does not get at b, wherever the session has gone
foreach my $way ("SELECT tenant.lock('k'); INSERT INTO trap VALUES (1); SELECT tenant.unlock('k'); SELECT tenant.reset()", "INSERT INTO trap VALUES (1); SELECT tenant.switch_local('b')",
	'INSERT INTO trap VALUES (1); SELECT tenant.reset()', "INSERT INTO trap VALUES (1); SELECT tenant.switch('b'); SELECT tenant.lock('k')", "INSERT INTO trap VALUES (1); SET tenant_mgr.tenant = 'b'",
	"COPY trap FROM PROGRAM 'echo 1'; SELECT tenant.switch('b')")
{
	my $superuser = Protocol->new($node, 'app');
	like($superuser->query("BEGIN; SELECT tenant.switch('a'); $way; COMMIT"), qr/TM003$/, "a trigger that reaches for b: $way");
	$superuser->leave;
}
is($node->safe_psql('app', 'SELECT count(*) FROM a.keys'), '0', '... has got nothing');
$client->leave;

# Cursors
$node->safe_psql('app', q{
	CREATE DOMAIN public.told AS text;
	CREATE FUNCTION public.tells(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen (tenant) VALUES (coalesce(tenant.current(), '-')); RETURN true; END $$;
	ALTER DOMAIN public.told ADD CHECK (public.tells(VALUE));
	CREATE FUNCTION public.opener() RETURNS refcursor LANGUAGE plpgsql SET tenant_mgr.tenant = 'b' AS $$ DECLARE c refcursor := 'c'; BEGIN OPEN c FOR SELECT v FROM b.t; RETURN c; END $$;
	CREATE FUNCTION public.holds() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DECLARE c CURSOR WITH HOLD FOR SELECT v FROM b.t'; RETURN 1; END $$;
	CREATE PROCEDURE public.holds_call() LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DECLARE c CURSOR WITH HOLD FOR SELECT v FROM b.t'; END $$;
	CREATE FUNCTION b.falsely() RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT v FROM b.t); END $$;
});
foreach my $role ('app', 'denied')
{
	foreach my $sql ('CALL public.holds_call()', 'COPY (SELECT public.holds()) TO STDOUT', 'EXPLAIN ANALYZE SELECT public.holds()', 'CREATE TEMP TABLE h AS SELECT public.holds()', 'SELECT public.holds()',
		'DO $$ BEGIN PERFORM public.holds(); END $$', 'DECLARE c CURSOR WITH HOLD FOR SELECT v FROM t')
	{
		$client = client($role);
		like($client->query("BEGIN; SELECT tenant.switch_local('b'); $sql"), qr/0A000$/, "a cursor that would outlast the binding: $sql");
		$client->query('COMMIT');
		is($client->query('FETCH c'), '34000', '... is not there');
		$client->leave;
	}
}
$client = client();
$client->query("SELECT tenant.switch('a')");
$client->query('BEGIN; SELECT public.opener()');
is($client->query("SAVEPOINT s; SELECT tenant.lock('k')"), '55006', 'a cursor of b is open: no lock');
$client->query('ROLLBACK; BEGIN; DECLARE c CURSOR FOR SELECT i FROM shared; SELECT tenant.lock(\'k\')');
is($client->query('FETCH c'), '1', 'one that reads what is shared');
is($client->query("SELECT tenant.unlock('k'); FETCH c; DECLARE d CURSOR FOR SELECT i FROM shared; COMMIT"), ' 2', '... and one of before goes on');
$client->query("BEGIN; SELECT tenant.lock('k'); DECLARE c CURSOR FOR SELECT i FROM shared");
is($client->query("SELECT tenant.unlock('k'); FETCH c"), ' 34000', 'one that was opened under the lock has ended with it');
$client->query('ROLLBACK');
$client->query("DELETE FROM public.seen; BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT i::text::public.told FROM shared WHERE i = 1; SELECT tenant.switch('b'); COMMIT; SELECT tenant.reset()");
is($node->safe_psql('app', q{SELECT string_agg(DISTINCT tenant, ' ') FROM public.seen}), 'a', 'a held cursor is read for the tenant that it was opened for');
$client->leave;
$client = client();
$client->query("SELECT tenant.switch('b')");
$client->query('BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT b.falsely(); COMMIT');
foreach my $sql ("SELECT tenant.switch('a')", 'SELECT tenant.reset()', "SET tenant_mgr.tenant = 'a'", 'RESET ALL')
{
	is($client->query($sql), '55006', "its rows stay where they are: $sql");
}
is($client->query('FETCH c'), 'of b', '... and the session');
is($client->query("CLOSE c; SELECT tenant.switch('a')"), 'a', '... until it is closed');
$client->leave;

# A portal asks for its binding each time that it gives rows.
$client = client();
$client->query("SELECT tenant.switch('a'); BEGIN");
is($client->parse('s', 'SELECT v FROM t, shared')->bind('p', 's')->execute('p', 2)->sync->answers, 'of a of a suspended', 'a portal');
$node->safe_psql('app', 'REVOKE USAGE ON SCHEMA a FROM app');
is($client->execute('p', 2)->sync->answers, '42501', '... gives no more without the privilege');
$node->safe_psql('app', 'GRANT USAGE ON SCHEMA a TO app');
$client->leave;

# Prepared transactions
$client = client();
$client->query("SELECT tenant.switch('b'); BEGIN; INSERT INTO t VALUES ('new'); PREPARE TRANSACTION 'of b'");
$client->query("SELECT tenant.switch('a'); BEGIN; INSERT INTO t VALUES ('new'); PREPARE TRANSACTION 'of a'");
$client->query("SELECT tenant.switch('a'); BEGIN; INSERT INTO t VALUES ('new'); PREPARE TRANSACTION 'another of a'");
$client->query("SELECT tenant.lock('k')");
is($client->query("COMMIT PREPARED 'of b'"), 'TM003', 'a prepared transaction of b: not committed');
is($client->query("ROLLBACK PREPARED 'of b'"), 'TM003', '... nor rolled back by a');
is($client->query("COMMIT PREPARED 'of a'"), '', '... while one of a is');
is($client->query("SELECT tenant.unlock('k'); SELECT tenant.switch('b')"), ' b', 'not locked');
is($client->query("COMMIT PREPARED 'another of a'"), 'TM003', 'likewise while bound');
is($client->query('SELECT tenant.reset()'), '', 'unbound');
is($client->query("COMMIT PREPARED 'of b'"), '', 'whoever is not bound decides');
is($client->query("ROLLBACK PREPARED 'another of a'"), '', '... about all of them');
is($client->query("COMMIT PREPARED 'none'"), '42704', 'one that there is not');
$client->leave;

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal|XX000/, 'no crash');
$node->stop;
done_testing();
