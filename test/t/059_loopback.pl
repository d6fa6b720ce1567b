# 059_loopback.pl: roundabout ways to another tenant's tables: connections of the
# server to itself, functions of extensions that run a query they are given, and
# what no wall keeps apart because it belongs to no schema: channels, keys of
# advisory locks, settings.  What is documented as shared is shared.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Protocol;
use TenantTest;

my $node = new_node('loopback', "shared_preload_libraries = 'tenant_mgr'\n");
new_database($node, 'app');
my @needed = qw(dblink postgres_fdw tablefunc);
plan skip_all => 'needs the extensions of contrib'
	if $node->safe_psql('app', "SELECT count(*) FROM pg_available_extensions WHERE name = ANY ('{" . join(',', @needed) . "}')") != @needed;

my $target = sprintf 'host=%s port=%s dbname=app', $node->host, $node->port;
$node->safe_psql('app', sprintf q{
	CREATE EXTENSION dblink;
	CREATE EXTENSION postgres_fdw;
	CREATE EXTENSION tablefunc;
	CREATE ROLE regress_tm_app LOGIN;
	CREATE ROLE regress_tm_a LOGIN;
	SELECT tenant.create('a'), tenant.create('b');
	CREATE TABLE a.t AS SELECT i AS id, i - 1 AS parent, 'of a' AS v FROM generate_series(1, 3) AS i;
	CREATE TABLE b.t AS SELECT i AS id, i - 1 AS parent, 'CANARY' AS v FROM generate_series(1, 3) AS i;
	GRANT USAGE ON SCHEMA a, b TO regress_tm_app, regress_tm_a;
	GRANT CREATE ON SCHEMA a TO regress_tm_app;
	GRANT ALL ON a.t, b.t TO regress_tm_app, regress_tm_a;
	GRANT EXECUTE ON FUNCTION dblink_connect_u(text, text) TO regress_tm_app, regress_tm_a;
	SELECT tenant.assign_role('a', 'regress_tm_a');
	CREATE SERVER loopback FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %s, port '%d', dbname 'app');
	CREATE USER MAPPING FOR CURRENT_USER SERVER loopback;
	CREATE USER MAPPING FOR regress_tm_app SERVER loopback OPTIONS (user 'regress_tm_app', password_required 'false');
	GRANT USAGE ON FOREIGN SERVER loopback TO regress_tm_app;
	CREATE FOREIGN TABLE a.far (id int, parent int, v text) SERVER loopback OPTIONS (schema_name 'b', table_name 't');
	CREATE FOREIGN TABLE a.near (id int, parent int, v text) SERVER loopback OPTIONS (schema_name 'a', table_name 't');
	GRANT ALL ON a.far, a.near TO regress_tm_app;
}, literal($node->host), $node->port);

# A session of a role that is bound to a, with a connection back.
sub bound
{
	my ($role, $options) = @_;
	my $client = Protocol->new($node, 'app', $role);
	my $conninfo = $target . ($role ? " user=$role" : '') . ($options // '');
	is($client->query("SELECT tenant.switch('a')"), 'a', 'bound');
	return ($client, $client->query("SELECT dblink_connect_u('back', " . literal($conninfo) . ')'));
}

sub back { my ($client, $sql) = @_; return $client->query("SELECT * FROM dblink('back', " . literal($sql) . ') AS x (v text)'); }

# With unbound sessions allowed, which is the default, a new session is one.
foreach my $role (undef, 'regress_tm_app')
{
	my $who = $role // 'superuser';
	my ($client, $answer) = bound($role);
	is($answer, 'OK', "allow, $who: connected back");
	is(back($client, 'SELECT tenant.current()'), 'null', "allow, $who: the new session is not bound");
	is(back($client, 'SELECT v FROM b.t LIMIT 1'), 'CANARY', "allow, $who: and reads what its role may read");
	is($client->query('SELECT v FROM a.far LIMIT 1'), 'CANARY', "allow, $who: so does a foreign table");
	is($client->query('SELECT v FROM b.t'), 'TM003', "allow, $who: which the bound session does not");
	$client->leave;
}

# Functions that run a query for their caller are judged as the caller.
foreach my $role (undef, 'regress_tm_app')
{
	my $who = $role // 'superuser';
	my ($client) = bound($role);
	foreach my $sql (
		q{SELECT * FROM crosstab('SELECT id::text, v, v FROM b.t ORDER BY 1') AS x (n text, y text)},
		q{SELECT * FROM crosstab('SELECT id::text, v, v FROM b.t ORDER BY 1', 'SELECT DISTINCT v FROM b.t') AS x (n text, y text)},
		q{SELECT * FROM crosstab('SELECT id::text, v, v FROM a.t ORDER BY 1', 'SELECT DISTINCT v FROM b.t') AS x (n text, y text)},
		q{SELECT * FROM connectby('b.t', 'id', 'parent', '1', 0) AS x (id int, parent int, level int)},
		q{SELECT * FROM ts_stat('SELECT to_tsvector(v) FROM b.t')},
		q{SELECT cursor_to_xml('c', 1, true, true, '') FROM (SELECT 1) AS x}, q{SELECT schema_to_xml('b', true, true, '')},
		q{SELECT schema_to_xml_and_xmlschema('b', true, true, '')}, q{SELECT table_to_xml_and_xmlschema('b.t', true, true, '')},
		q{SELECT query_to_xml_and_xmlschema('SELECT v FROM b.t', true, true, '')}, q{SELECT database_to_xml(true, true, '')})
	{
		my $answer = $client->query($sql);
		like($answer, $sql =~ /cursor_to/ ? qr/^34000$/ : qr/^TM003$/, "$who: $sql");
	}
	is($client->query(q{SELECT * FROM crosstab('SELECT id::text, v, v FROM a.t ORDER BY 1') AS x (n text, y text)}), '1,of a 2,of a 3,of a', "$who: one's own table");
	$client->leave;
}

# Unbound sessions are refused: the way back leads nowhere.
$node->append_conf('postgresql.conf', "tenant_mgr.unbound = deny\ntenant_mgr.unbound_superuser = deny");
$node->restart;
foreach my $role (undef, 'regress_tm_app')
{
	my $who = $role // 'superuser';
	my ($client, $answer) = bound($role);
	is($answer, 'OK', "deny, $who: connected back");
	is(back($client, 'SELECT v FROM b.t'), 'TM002', "deny, $who: the new session reads nothing");
	is(back($client, 'SELECT v FROM a.t'), 'TM002', "deny, $who: not even what the outer one may");
	is(back($client, "SELECT tenant.switch(\$\$a\$\$)"), 'a', "deny, $who: it has to be bound on its own");
	is(back($client, 'SELECT v FROM b.t'), 'TM003', "deny, $who: and reads then what it may");
	foreach my $sql ('SELECT v FROM a.far', 'SELECT v FROM a.near', 'SELECT f.v FROM a.far AS f JOIN a.t USING (id)', q{INSERT INTO a.far VALUES (9, 9, 'x')},
		q{UPDATE a.far SET v = 'x'}, 'DELETE FROM a.far', 'COPY (TABLE a.far) TO STDOUT', 'CREATE TABLE a.mine AS TABLE a.far')
	{
		is($client->query($sql), 'TM002', "deny, $who: $sql");
	}
	$client->query("SELECT dblink_disconnect('back')");

	# The client's options of the connection back
	my $opened = $client->query("SELECT dblink_connect_u('back', " . literal("$target " . ($role ? "user=$role " : '') . "options='-c tenant_mgr." . ($role ? 'unbound' : 'unbound_superuser') . "=allow'") . ')');
	is($opened, $role ? '08001' : 'OK', "deny, $who: options of the new session");
	is(back($client, 'SELECT v FROM b.t LIMIT 1'), 'CANARY', "deny, $who: a superuser can get round it") if !$role;
	$client->leave;
}
is($node->safe_psql('app', q{SET tenant_mgr.unbound_superuser = allow; SELECT string_agg(DISTINCT v, ' ') FROM b.t}), 'CANARY', 'nothing has been changed');

# An assigned role is bound wherever it comes from.
my ($client, $answer) = bound('regress_tm_a', q{ options='-c tenant_mgr.tenant=b'});
is($answer, 'OK', 'assigned: connected back');
is(back($client, 'SELECT 1'), '1', 'assigned: the options ask for another tenant');
is(back($client, 'SELECT tenant.current()'), 'a', 'assigned: in vain');
is(back($client, 'SELECT v FROM b.t'), 'TM003', 'assigned: nothing is read there');
is(back($client, "SELECT tenant.switch(\$\$b\$\$)"), 'TM004', 'assigned: nor can it go there');
$client->leave;

# What belongs to no schema is shared by all tenants.
my ($one, $two) = map { Protocol->new($node, 'app', 'regress_tm_app') } 1 .. 2;
$one->query("SELECT tenant.switch('a')");
$two->query("SELECT tenant.switch('b')");
$one->query('LISTEN orders');
$two->query(q{NOTIFY orders, 'from b'});
my $heard = '';
foreach (1 .. 10_000)
{
	last if ($heard .= $one->query(';')) ne '';
}
is($heard, 'notified,orders,from b', 'shared: a channel carries from tenant to tenant');
$one->query("SELECT tenant.switch('b'); SELECT tenant.switch('a')");
$two->query('LISTEN orders');
is($two->query('SELECT pg_listening_channels()'), 'orders', 'shared: channels have no tenant');
is($one->query('SELECT pg_listening_channels()'), 'orders', 'shared: and listening outlasts a switch');
$one->query('SELECT pg_advisory_lock(4711)');
is($two->query('SELECT pg_try_advisory_lock(4711)'), 'f', 'shared: the key of an advisory lock is the same in another tenant');
$one->query("SELECT tenant.switch('b')");
is($two->query('SELECT pg_try_advisory_lock(4711)'), 'f', 'shared: and the lock outlasts a switch');
$one->query("SET app.note = 'from b'; SELECT tenant.switch('a')");
is($one->query('SHOW app.note'), 'from b', q{shared: a setting of one's own outlasts a switch});
is($one->query('DISCARD ALL; SELECT tenant.current()'), '25001', 'DISCARD ALL wants to be alone');
is($one->query('DISCARD ALL'), '', 'DISCARD ALL');
is($one->query(q{SELECT tenant.current(), current_setting('app.note', true)}), 'null,', 'it ends the binding and the setting');
is($one->query('SELECT pg_listening_channels()'), '', 'listening');
is($two->query('SELECT pg_try_advisory_lock(4711)'), 't', 'and the lock');
$_->leave foreach $one, $two;

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'no crash');
$node->stop;
done_testing();
