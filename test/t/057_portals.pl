# 057_portals.pl: what a client of the protocol can leave open when it switches:
# portals of which it has asked for some rows (the fetch size of drivers),
# portals that it has not executed yet, pipelines.  A portal goes on with its
# own tenant's rows or not at all.  And switches that are cancelled, time out or
# lose their client leave the session where it was.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Protocol;
use TenantTest;

my $node = new_node('portals', "shared_preload_libraries = 'tenant_mgr'\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	SELECT tenant.create('a'), tenant.create('b');
	CREATE TABLE a.item AS SELECT i AS id, 'a' || i AS name FROM generate_series(1, 9) AS i;
	CREATE TABLE b.item AS SELECT i AS id, 'b' || i AS name FROM generate_series(1, 9) AS i;
	CREATE TABLE public.shared AS SELECT i AS id FROM generate_series(1, 9) AS i;
	SET check_function_bodies = off;
	CREATE FUNCTION public.items() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT name FROM item ORDER BY id';
	CREATE ROLE regress_tm_app LOGIN;
	GRANT USAGE ON SCHEMA a, b TO regress_tm_app;
	GRANT SELECT, UPDATE ON a.item, b.item, shared TO regress_tm_app;
});

my $client = Protocol->new($node, 'app', 'regress_tm_app');

# Begin a transaction for a in which a portal has given some of its rows.
sub suspended
{
	my ($sql, $first, $what) = @_;
	$client->query('ROLLBACK');
	$client->query("SELECT tenant.switch('a')");
	$client->query('BEGIN');
	is($client->parse('s', $sql)->bind('p', 's')->execute('p', 2)->close_statement('s')->sync->answers, $first, "$what: the first rows");
	return;
}

# every way to switch, while a portal waits
suspended('SELECT name FROM item ORDER BY id', 'a1 a2 suspended', 'portal');
$client->query('SAVEPOINT s');
foreach my $way ("SELECT tenant.switch('b')", "SELECT tenant.switch_local('b')", "SET tenant_mgr.tenant = 'b'", "SET LOCAL tenant_mgr.tenant = 'b'",
	"SELECT set_config('tenant_mgr.tenant', 'b', false)", 'SELECT tenant.reset()', 'RESET tenant_mgr.tenant', 'RESET ALL',
	"DO \$\$BEGIN PERFORM tenant.switch('b'); END\$\$")
{
	is($client->query($way), '55006', "refused: $way");
	is($client->query('ROLLBACK TO s'), '', 'the transaction goes on');
	is($client->extended($way), '55006', "refused in the extended protocol: $way");
	is($client->query('ROLLBACK TO s'), '', 'the transaction goes on');
}
is($client->query("SELECT tenant.switch('a')"), 'a', 'to stay is no switch');
is($client->execute('p', 3)->sync->answers, 'a3 a4 a5 suspended', 'the portal goes on where it was');
is($client->query('SELECT tenant.current()'), 'a', 'and the session is where it was');
is($client->close_portal('p')->sync->answers, '', 'the portal is closed');
is($client->query("SELECT tenant.switch('b')"), 'b', 'then a switch is possible');
is($client->execute('p', 3)->sync->answers, '34000', 'and the portal is gone');

# other kinds of portals
suspended('SELECT name FROM item ORDER BY id', 'a1 a2 suspended', 'read to its end');
is($client->execute('p', 0)->sync->answers, 'a3 a4 a5 a6 a7 a8 a9', 'read to its end: the other rows');
is($client->query("SELECT tenant.switch('b')"), 'b', 'read to its end: does not stand in the way');
is($client->execute('p', 0)->sync->answers, '', 'read to its end: and has no more rows');

suspended('SELECT id FROM shared ORDER BY id', '1 2 suspended', 'shared');
is($client->query("SELECT tenant.switch('b')"), 'b', 'shared: does not stand in the way');
is($client->execute('p', 2)->sync->answers, '3 4 suspended', 'shared: and goes on');

suspended('UPDATE item SET name = name RETURNING id', '1 2 suspended', 'RETURNING');
is($client->query("SELECT tenant.switch('b')"), '55006', 'RETURNING: refused');

suspended('SELECT items()', 'a1 a2 suspended', 'function');
is($client->query("SELECT tenant.switch('b')"), '55006', 'function: refused');
suspended('SELECT * FROM items() AS x, pg_sleep(0)', 'a1, a2, suspended', 'function as a table');
is($client->query("SELECT tenant.switch('b')"), '55006', 'function as a table: refused');

$client->query('ROLLBACK');
$client->query("SELECT tenant.switch('a')");
$client->query('PREPARE q AS SELECT name FROM item ORDER BY id');
suspended('EXECUTE q', 'a1 a2 suspended', 'EXECUTE');
is($client->query("SELECT tenant.switch('b')"), '55006', 'EXECUTE: refused');
$client->query('ROLLBACK; DEALLOCATE q');

$client->query("SELECT tenant.switch('a')");
$client->query('BEGIN');
is($client->parse('s', 'SELECT name FROM item ORDER BY id')->bind('p', 's')->sync->answers, '', 'a portal that has not been executed');
is($client->query("SELECT tenant.switch('b')"), '55006', 'stands in the way, too');
is($client->execute('p', 1)->sync->answers, '25P02', 'nothing comes of it after the error');
$client->query('ROLLBACK');
is($client->execute('p', 1)->sync->answers, '34000', 'nor after the transaction');

# the statement is planned anew for the tenant to come
is($client->bind('p', 's')->execute('p', 1)->sync->answers, 'a1 suspended', 'a prepared statement of a');
is($client->query("SELECT tenant.switch('b')"), 'b', 'the portal has ended with its transaction');
is($client->bind('p', 's')->execute('p', 2)->sync->answers, 'b1 b2 suspended', 'and reads b after the switch');
is($client->close_statement('s')->sync->answers, '', 'closed');

# the unnamed portal: another simple query ends it
$client->query("SELECT tenant.switch('a')");
$client->query('BEGIN');
is($client->parse('', 'SELECT name FROM item ORDER BY id')->bind('', '')->execute('', 2)->sync->answers, 'a1 a2 suspended', 'unnamed portal: the first rows');
is($client->query("SELECT tenant.switch('b')"), 'b', 'unnamed portal: it ends with the next simple query');
is($client->execute('', 2)->sync->answers, '34000', 'unnamed portal: it is gone');
$client->query('ROLLBACK');
$client->query('BEGIN');
is($client->parse('', 'SELECT name FROM item ORDER BY id')->bind('', '')->execute('', 2)
	->parse('go', "SELECT tenant.switch('b')")->bind('go', 'go')->execute('go')->sync->answers, 'a1 a2 suspended 55006', 'unnamed portal: but not with a named one');
$client->query('ROLLBACK');
is($client->query('SELECT tenant.current()'), 'a', 'unnamed portal: still a');

# a pipeline is one transaction; names are looked up as each statement comes
is($client->parse('', "SELECT tenant.switch_local('b')")->bind('', '')->execute('')->parse('', 'SELECT name FROM item ORDER BY id LIMIT 1')->bind('', '')->execute('')
	->parse('', "SELECT tenant.switch_local('a')")->bind('', '')->execute('')->parse('', 'SELECT name FROM item ORDER BY id LIMIT 1')->bind('', '')->execute('')->sync->answers,
	'b b1 a a1', 'a pipeline');
is($client->parse('', "SELECT tenant.switch_local('b')")->bind('', '')->execute('')->parse('', 'SELECT 1 / 0')->bind('', '')->execute('')
	->parse('', 'SELECT name FROM item')->bind('', '')->execute('')->sync->answers, 'b 22012', 'a pipeline with an error');
is($client->query('SELECT tenant.current(), name FROM item WHERE id = 1'), 'a,a1', 'leaves the session where it was');
is($client->parse('x', 'SELECT name FROM item ORDER BY id LIMIT 1')->parse('', "SELECT tenant.switch('b')")->bind('', '')->execute('')->bind('', 'x')->execute('')->sync->answers,
	'b b1', 'what was parsed before the switch is bound after it');
is($client->query("SELECT tenant.switch('a')"), 'a', 'back');

# Tags of statements, in whichever message they came
$node->safe_psql('app', 'ALTER ROLE regress_tm_app SET tenant_mgr.verify_tag = enforce');
my $tagged = Protocol->new($node, 'app', 'regress_tm_app');
$tagged->query("SELECT tenant.switch('b')");
is($tagged->parse('t', q{SELECT name FROM item ORDER BY id LIMIT 1 /*tenant='b'*/})->bind('', 't')->execute('')->sync->answers, 'b1', 'tag: the bound tenant');
is($tagged->bind('', 't')->execute('')->sync->answers, 'b1', 'tag: again');
$tagged->query("SELECT tenant.switch('a')");
is($tagged->bind('', 't')->execute('')->sync->answers, 'TM003', 'tag: a prepared statement for another tenant');
is($tagged->extended(q{SELECT $1 /*tenant='b'*/}, 'x'), 'TM003', 'tag: another one');
is($tagged->extended(q{SELECT $1::text}, q{/*tenant='b'*/}), q{/*tenant='b'*/}, 'tag: parameters are none');
is($tagged->extended(q{CREATE TEMP TABLE x (y int) /*tenant='b'*/}), 'TM003', 'tag: utility statements');
is($tagged->parse('', "SELECT tenant.switch_local('b')")->bind('', '')->execute('')->bind('', 't')->execute('')->sync->answers, 'b b1', 'tag: compared when it is executed');
is($tagged->query('SELECT tenant.current()'), 'a', 'tag: the session is where it was');
$tagged->leave;
$node->safe_psql('app', 'ALTER ROLE regress_tm_app RESET tenant_mgr.verify_tag');

# A switch that has to wait is cancelled, times out, or is left by its client.
my $blocker = Protocol->new($node, 'app');

sub wait_for_switch
{
	my ($sql) = @_;
	$client->send_query($sql);
	$node->poll_query_until('app', 'SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND pid = ' . $client->pid) or die 'the switch does not wait';
	return;
}

foreach my $way ("SELECT tenant.switch('b')", "SELECT tenant.switch_local('b')", "SET tenant_mgr.tenant = 'b'")
{
	foreach my $block ('', 'BEGIN; SAVEPOINT s')
	{
		my $what = $way . ($block ? ', in a transaction' : '');
		$client->query("SELECT tenant.switch('a')");
		$blocker->query("BEGIN; SELECT tenant.rename('b', 'c')");
		$client->query($block) if $block;
		wait_for_switch($way);
		$client->cancel;
		is($client->answers, '57014', "cancelled: $what");
		$client->query('ROLLBACK TO s') if $block;
		is($client->query('SELECT tenant.current(), name FROM item WHERE id = 1'), 'a,a1', "cancelled: the tenant is the one of before: $what");
		is($client->query('SHOW search_path'), 'a, public, pg_temp', "cancelled: so is the path: $what");
		is($client->query("SET LOCAL lock_timeout = '1ms'; $way"), '55P03', "timed out: $what");
		$client->query($block ? 'ROLLBACK' : 'SELECT');
		is($client->query('SELECT tenant.current(), name FROM item WHERE id = 1'), 'a,a1', "timed out: the tenant is the one of before: $what");
		$blocker->query('ROLLBACK');
		is($client->query("$way; SELECT name FROM item WHERE id = 1"), $way =~ /^SET/ ? 'b1' : 'b b1', "and the switch works afterwards: $what");
	}
}
$client->query("SELECT tenant.switch('a')");
$blocker->query("BEGIN; SELECT tenant.rename('b', 'c')");
wait_for_switch("SELECT tenant.switch('b')");
$client->vanish;
$blocker->query('ROLLBACK');
ok($node->poll_query_until('app', 'SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = ' . $client->pid), 'a client that goes away while it switches leaves nothing');
$blocker->leave;

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'no crash');
$node->stop;
done_testing();
