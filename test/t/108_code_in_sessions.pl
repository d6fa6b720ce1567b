# 108_code_in_sessions.pl: what the code of a tenant leaves in a session that is
# not bound, or bound to it.  Statements that it prepares are its tenant's, drivers'
# statements are not its to drop, and it does not bind the session elsewhere.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Protocol;
use TenantTest;

my $node = new_node('code_in_sessions', "shared_preload_libraries = 'tenant_mgr'\nautovacuum = off\n");
new_database($node, 'app');

# app works for both tenants, and somebody else has written the code of a
$node->safe_psql('app', q{
	CREATE ROLE app LOGIN; CREATE ROLE author LOGIN;
	SELECT tenant.create('a'), tenant.create('b');
	CREATE TABLE a.t (k int, v text); INSERT INTO a.t VALUES (1, 'a1');
	CREATE TABLE b.t (k int, v text); INSERT INTO b.t VALUES (1, 'B-SECRET');
	CREATE TABLE a.loot (v text); CREATE TABLE a.orders (k int); CREATE TABLE public.shared (k int);
	GRANT USAGE ON SCHEMA a, b TO app; GRANT ALL ON ALL TABLES IN SCHEMA a, b, public TO app;
	GRANT USAGE, CREATE ON SCHEMA a TO author;
	SET ROLE author;
	CREATE FUNCTION a.run() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN EXECUTE current_setting('test.command'); RETURN NEW; END$$;
	CREATE FUNCTION a.run(text) RETURNS text LANGUAGE plpgsql AS $$BEGIN EXECUTE $1; RETURN 'done'; END$$;
	CREATE PROCEDURE a.call(text) LANGUAGE plpgsql AS $$BEGIN EXECUTE $1; COMMIT; END$$;
	CREATE FUNCTION a.go(text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN tenant.switch($1); END$$;
	CREATE FUNCTION a.go_local(text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN tenant.switch_local($1); END$$;
	CREATE FUNCTION a.set(text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN set_config('tenant_mgr.tenant', $1, false); END$$;
	CREATE FUNCTION a.sql(text) RETURNS text LANGUAGE sql AS 'SELECT tenant.switch($1)';
	RESET ROLE;
	CREATE TRIGGER t BEFORE INSERT ON a.orders FOR EACH ROW EXECUTE FUNCTION a.run();
	CREATE FUNCTION public.go(text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN tenant.switch($1); END$$;
	CREATE FUNCTION public.run(text) RETURNS text LANGUAGE plpgsql AS $$BEGIN EXECUTE $1; RETURN 'done'; END$$});

my $evil = 'PREPARE "S_1"(text) AS INSERT INTO a.loot SELECT v FROM b.t';
my $drop = 'DEALLOCATE "S_1"';

# Each way by which the code of a comes to run a text in a session that is not bound
my %ways = (
	'a trigger' => sub { my ($client, $text) = @_; $client->query("SET test.command = \$x\$$text\$x\$"); return $client->query('INSERT INTO a.orders VALUES (1)'); },
	'a function' => sub { my ($client, $text) = @_; return $client->query("SELECT a.run(\$x\$$text\$x\$)"); },
	'a procedure' => sub { my ($client, $text) = @_; return $client->query("CALL a.call(\$x\$$text\$x\$)"); },
	'a prepared call' => sub { my ($client, $text) = @_; return $client->extended('SELECT a.run($1)', $text); });

foreach my $way (sort keys %ways)
{
	my $run = $ways{$way};
	my $client = Protocol->new($node, 'app', 'app');
	$client->parse('S_1', 'SELECT tenant.switch($1)')->sync->answers;
	is($run->($client, $drop), 'TM003', "$way: a driver's statement is not dropped");
	is($run->($client, 'DEALLOCATE ALL') =~ /TM003/ ? 'refused' : 'passed over', 'passed over', "$way: DEALLOCATE ALL passes over it");
	like($run->($client, $evil), qr/42P05/, "$way: nor replaced");
	is($client->bind('', 'S_1', 'a')->execute('')->sync->answers, 'a', "$way: it does what it did");
	is($client->query('SELECT tenant.reset()'), '', "$way: unbound");

	# a name that is free is the tenant's for as long as it lasts
	unlike($run->($client, 'PREPARE "S_2" AS INSERT INTO a.loot SELECT v FROM a.t'), qr/\w{5}$/, "$way: may prepare");
	is($client->bind('', 'S_2')->execute('')->sync->answers, 'TM003', "$way: what it prepares is not executed by the protocol");
	is($client->query('EXECUTE "S_2"'), 'TM003', "$way: nor by SQL of a session that is not bound");
	unlike($run->($client, 'EXECUTE "S_2"'), qr/TM003/, "$way: but by its own");
	is($client->query(q{SELECT tenant.switch('b')}), 'b', "$way: bound elsewhere");
	is($client->query('EXECUTE "S_2"'), 'TM003', "$way: and by nobody bound elsewhere");
	$client->query('SELECT tenant.reset()');
	unlike($run->($client, 'DEALLOCATE "S_2"'), qr/TM003/, "$way: it may drop it");
	$client->query('PREPARE mine AS SELECT 1');
	is($run->($client, 'DEALLOCATE mine'), 'TM003', "$way: not what the session has prepared");
	is($client->query('EXECUTE mine'), '1', "$way: that is there");
	$client->query('DEALLOCATE ALL');
	is($client->bind('', 'S_1', 'a')->execute('')->sync->answers, '26000', "$way: the session itself drops all");
	$client->leave;
}
is($node->safe_psql('app', q{SELECT count(*) FROM a.loot WHERE v LIKE 'B%'}), 0, 'nothing of b has been read');

# shared functions prepare and drop as the session does
my $client = Protocol->new($node, 'app', 'app');
$client->parse('S_1', 'SELECT 1')->sync->answers;
is($client->query('SELECT public.run($x$DEALLOCATE "S_1"$x$)'), 'done', 'a shared function drops it');
is($client->query('SELECT public.run($x$PREPARE p AS SELECT 2$x$)'), 'done', 'and prepares');
is($client->query('EXECUTE p'), '2', 'what the session may execute');
$client->leave;

# a tenant's code reads no rows of cursors that others have opened; a cursor that it
# opens is its own, whoever reads from it
$node->safe_psql('app', q{
	CREATE FUNCTION public.most() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT max(v) FROM b.t); END$$;
	CREATE FUNCTION public.all(refcursor) RETURNS bigint LANGUAGE plpgsql AS $$DECLARE x text; n bigint := 0; BEGIN LOOP FETCH $1 INTO x; EXIT WHEN NOT FOUND; n := n + 1; END LOOP; RETURN n; END$$;
	SET ROLE author;
	CREATE FUNCTION a.fetch(refcursor) RETURNS text LANGUAGE plpgsql AS $$DECLARE x text; BEGIN FETCH $1 INTO x; RETURN x; END$$;
	CREATE FUNCTION a.open(text) RETURNS refcursor LANGUAGE plpgsql AS $$DECLARE r refcursor := 'of_a'; BEGIN OPEN r FOR EXECUTE $1; RETURN r; END$$;
	CREATE FUNCTION a.loop() RETURNS int LANGUAGE plpgsql AS $$DECLARE n int := 0; x record; r CURSOR FOR SELECT generate_series(1, 100) AS i; BEGIN FOR x IN r LOOP n := n + x.i; END LOOP; FOR x IN SELECT generate_series(1, 100) AS i LOOP n := n + x.i; END LOOP; RETURN n; END$$});
$client = Protocol->new($node, 'app', 'app');
foreach my $read (q{SELECT a.fetch('c')}, 'SELECT a.run($x$FETCH c$x$)', 'SELECT a.run($x$MOVE c$x$)', 'SET test.command = $x$FETCH c$x$; INSERT INTO a.orders VALUES (1)', 'CALL a.call($x$FETCH c$x$)')
{
	is($client->query("BEGIN; DECLARE c CURSOR FOR SELECT v FROM b.t; $read"), 'TM003', "$read: not of the session's cursor");
	$client->query('ROLLBACK');
}
$client->query('BEGIN');
$client->parse('', 'SELECT v FROM b.t, generate_series(1, 3)')->bind('portal', '')->execute('portal', 1)->parse('', q{SELECT a.fetch('portal')})->bind('', '')->execute('')->sync;
is($client->answers, 'B-SECRET suspended TM003', 'nor of a portal of the protocol');
$client->query('ROLLBACK');
is($client->query(q{DECLARE h CURSOR WITH HOLD FOR SELECT v FROM b.t}), '', 'a held cursor');
is($client->query('SELECT a.run($x$FETCH h$x$)'), 'TM003', 'nor of that');
is($client->query('FETCH h; CLOSE h'), 'B-SECRET', 'which is there');
is($client->query(q{BEGIN; SELECT a.open('SELECT public.most()'); FETCH of_a}), 'of_a TM003', 'a shared function in a cursor of a reads nothing of b');
is($client->query(q{ROLLBACK; BEGIN; SELECT a.open('SELECT v FROM a.t'); FETCH of_a; SELECT public.all('of_a'); COMMIT}), 'of_a a1 0', 'a cursor that a function of a has opened can be read');
is($client->query(q{BEGIN; SELECT a.open('SELECT v FROM a.t, generate_series(1, 3)'); SELECT a.fetch('of_a'), a.fetch('of_a'); FETCH of_a; COMMIT}), 'of_a a1,a1 a1', 'also by that tenant, and in turn');
is($client->query('SELECT a.loop()'), '10100', 'loops in its functions');
is($client->query(q{SELECT tenant.switch('a'); BEGIN; DECLARE c CURSOR FOR SELECT v FROM t; SELECT a.fetch('c'); COMMIT}), 'a a1', 'a session that is bound shares its cursors with its tenant');
$client->leave;

# what a trigger of a has deferred is run as a's, when the session is at b and has
# a cursor open there
$node->safe_psql('app', q{
	CREATE TABLE a.later (k int); GRANT ALL ON a.later TO app;
	CREATE FUNCTION a.later() RETURNS trigger LANGUAGE plpgsql AS $$
		DECLARE x text;
		BEGIN
			BEGIN EXECUTE 'FETCH of_b' INTO x; INSERT INTO a.loot VALUES (x); EXCEPTION WHEN OTHERS THEN NULL; END;
			INSERT INTO a.loot VALUES ('has run');
			RETURN NULL;
		END$$;
	CREATE CONSTRAINT TRIGGER later AFTER INSERT ON a.later DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION a.later();
	TRUNCATE a.loot});
foreach my $end ('SET CONSTRAINTS ALL IMMEDIATE', ($node->safe_psql('app', 'SHOW debug_assertions') eq 'on' ? () : 'COMMIT'), q{SELECT tenant.lock('k')})
{
	$client = Protocol->new($node, 'app', 'app');
	is($client->query(q{BEGIN; SELECT tenant.switch_local('a'); INSERT INTO later VALUES (1); SELECT tenant.switch_local('b'); DECLARE of_b CURSOR FOR SELECT v FROM t, generate_series(1, 3)}), 'a b', "$end: a cursor of b");
	$client->query($end);
	$client->query('COMMIT');
	$client->leave;
	is($node->safe_psql('app', q{SELECT string_agg(DISTINCT v, ' ') FROM a.loot}), 'has run', "$end: is not for a deferred trigger of a");
}

# where a session goes is not for a tenant's code to say
foreach my $before ('SELECT 1', q{SELECT tenant.switch('a')})
{
	foreach my $call ('a.go', 'a.go_local', 'a.set', 'a.sql')
	{
		$client = Protocol->new($node, 'app', 'app');
		$client->query($before);
		my $where = $client->query('SELECT tenant.current()');
		is($client->query("BEGIN; SELECT $call('b')"), 'TM003', "$before, $call: not to another tenant");
		$client->query('ROLLBACK');
		is($client->query("SELECT $call('b')"), 'TM003', "$before, $call: nor outside of a block");
		is($client->query('SELECT tenant.current()'), $where, "$before, $call: the session is where it was");
		like($client->query("BEGIN; SELECT $call('a')"), qr/^a/, "$before, $call: to its own");
		$client->query('ROLLBACK');
		$client->leave;
	}
	$client = Protocol->new($node, 'app', 'app');
	$client->query($before);
	is($client->query("DO \$\$BEGIN PERFORM a.go('b'); EXCEPTION WHEN OTHERS THEN NULL; END\$\$; SELECT v FROM b.t"), $before =~ /switch/ ? 'TM003' : 'B-SECRET', "$before: a caught error changes nothing");
	is($client->query("SELECT public.go('b')"), 'b', "$before: a shared function may");
	is($client->query('SELECT v FROM t'), 'B-SECRET', "$before: and has");
	$client->leave;
}

done_testing();
