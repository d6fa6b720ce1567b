# 005_binding.pl: bindings that need a session's start, or two sessions: from
# PGOPTIONS and ALTER ROLE, with and without preloading; and what an idle bound
# session sees after its tenant was renamed, suspended, dropped.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('binding', "max_prepared_transactions = 2\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	CREATE SCHEMA tpl CREATE TABLE item (id serial, name text);
	SELECT tenant.adopt('tpl', is_template => true);
	SELECT tenant.create(n, template => 'tpl') FROM unnest('{acme,beta,shut}'::text[]) AS n;
	INSERT INTO acme.item (name) VALUES ('of acme');
	INSERT INTO beta.item (name) VALUES ('of beta');
	SELECT tenant.suspend('shut', 'unpaid');
	CREATE ROLE regress_tm_app LOGIN;
	CREATE ROLE regress_tm_bound LOGIN;
	GRANT USAGE ON SCHEMA acme, beta, shut TO regress_tm_app, regress_tm_bound;
	GRANT SELECT ON ALL TABLES IN SCHEMA acme, beta, shut TO regress_tm_app, regress_tm_bound;
});

sub start_with
{
	my ($options, $user, $sql) = @_;
	local $ENV{PGOPTIONS} = $options;
	my ($rc, $stdout, $stderr) = $node->psql('app', "\\set VERBOSITY verbose\n$sql",
		connstr => $node->connstr('app') . " user=$user");
	return "$stdout$stderr";
}

# Bindings at the start of a session, with the library preloaded or not.  When
# it is not, it comes with the first function of ours.
sub check_start
{
	my ($how, $load) = @_;
	is(start_with('-c tenant_mgr.tenant=acme', 'regress_tm_app', "$load SELECT name FROM item; SELECT tenant.current()"),
		"of acme\nacme", "$how: PGOPTIONS binds the session");
	is(start_with('', 'regress_tm_bound', "$load SELECT name FROM item; SELECT tenant.current()"),
		"of beta\nbeta", "$how: ALTER ROLE binds the session");
	is(start_with('-c tenant_mgr.tenant=acme', 'regress_tm_bound', "$load SELECT tenant.current()"),
		'acme', "$how: PGOPTIONS go before ALTER ROLE");
	is(start_with('-c tenant_mgr.tenant=acme', 'regress_tm_app',
		"$load SELECT tenant.switch('beta'); RESET ALL; SELECT tenant.current(); SELECT name FROM item"),
		"beta\nacme\nof acme", "$how: RESET goes back to the start of the session");
	like(start_with('-c tenant_mgr.tenant=nobody', 'regress_tm_app', "$load SELECT * FROM item"),
		qr/3F000|42P01/, "$how: a tenant that does not exist is no binding");
	like(start_with('-c tenant_mgr.tenant=shut', 'regress_tm_app', "$load SELECT * FROM item"),
		qr/TM001|42P01/, "$how: a suspended tenant is no binding");
	like(start_with('-c tenant_mgr.tenant=tpl', 'regress_tm_app', "$load SELECT * FROM item"),
		qr/42501|42P01/, "$how: a tenant of somebody else is no binding");
	is(start_with('-c tenant_mgr.tenant=acme', 'regress_tm_app',
		"$load SET max_parallel_workers_per_gather = 2; SET force_parallel_mode = on; SELECT name, tenant.current() FROM item"),
		'of acme|acme', "$how: parallel workers are bound as well")
	  if $node->safe_psql('app', "SELECT count(*) FROM pg_settings WHERE name = 'force_parallel_mode'") == 1;
	return;
}

$node->safe_psql('app', "ALTER ROLE regress_tm_bound SET tenant_mgr.tenant = 'beta'");
check_start('not preloaded', "SELECT tenant.current() IS NULL AS loaded \\gset\n");
foreach my $setting ('session_preload_libraries', 'shared_preload_libraries')
{
	$node->append_conf('postgresql.conf', "session_preload_libraries = ''\n$setting = 'tenant_mgr'\n");
	$node->restart;
	check_start($setting, '');
}

# A prepared transaction: the session goes on as after a commit, what was bound
# for the transaction only is not, and the tenant cannot go away meanwhile.
is($node->safe_psql('app', q{
	BEGIN;
	SELECT tenant.switch('acme');
	INSERT INTO item (name) VALUES ('undone');
	PREPARE TRANSACTION 'bound';
	SELECT tenant.current(), current_schema();
	ROLLBACK PREPARED 'bound';
	SELECT tenant.current(), count(*) FROM item;
}), "acme\nacme|acme\nacme|1", 'prepared: the session stays bound, the rows can be undone');
is($node->safe_psql('app', q{
	BEGIN;
	SELECT tenant.switch_local('beta');
	INSERT INTO item (name) VALUES ('done');
	PREPARE TRANSACTION 'local';
	SELECT tenant.current() IS NULL, current_schema();
}), "beta\nt|public", 'prepared: a binding of the transaction is gone');
my ($rc, $stdout, $stderr) = $node->psql('app', "\\set VERBOSITY sqlstate\nSET lock_timeout = '100ms'; SELECT tenant.drop('beta')");
like($stderr, qr/55P03/, 'prepared: the tenant cannot be dropped');
is($node->safe_psql('app', q{
	COMMIT PREPARED 'local';
	DELETE FROM beta.item WHERE name = 'done' RETURNING name;
}), 'done', 'prepared: what was written for the tenant is there');

# A session that waits between its statements.
my ($in, $out, $err) = ('', '', '');
my $timer = IPC::Run::timeout(60);
my $harness = IPC::Run::start([ 'psql', '-X', '-q', '-A', '-t', '-d', $node->connstr('app') . ' user=regress_tm_app' ],
	'<', \$in, '>', \$out, '2>', \$err, $timer);

sub ask
{
	my ($sql) = @_;
	($out, $err) = ('', '');
	$in .= "\\set VERBOSITY sqlstate\n$sql;\n\\echo ready\n\\warn ready\n";
	$harness->pump until $out =~ /^ready\n/m && $err =~ /^ready\n/m;
	my $answer = $out . $err;
	$answer =~ s/^ready\n//mg;
	chomp $answer;
	return $answer;
}

is(ask("SELECT tenant.switch('acme')"), 'acme', 'a session is bound');
is(ask('SELECT name FROM item'), 'of acme', 'and works for its tenant');

# A switch that is cancelled while it waits leaves the session where it was.
my ($go, $held) = ("BEGIN;\nSELECT tenant.rename('beta', 'delta');\n\\echo held\n", '');
my $holder = IPC::Run::start([ 'psql', '-X', '-q', '-A', '-t', '-d', $node->connstr('app') ],
	'<', \$go, '>', \$held, IPC::Run::timeout(60));
$holder->pump until $held =~ /held/;
like(ask("SET statement_timeout = '100ms'; SELECT tenant.switch('beta'); SET statement_timeout = 0"),
	qr/57014/, 'cancelled: a switch that has to wait');
ask('SET statement_timeout = 0');
is(ask('SELECT tenant.current(), name FROM item'), 'acme|of acme', 'cancelled: the session is bound as before');

# BEGIN waits for the tenant.  When that fails there is a block, which is aborted:
# nothing that was meant for it is done outside of it.
$go = "ROLLBACK;\nBEGIN;\nSELECT tenant.rename('acme', 'gone');\n\\echo renamed\n";
$holder->pump until $held =~ /renamed/;
is(ask("SET lock_timeout = '100ms'; BEGIN; SET work_mem = '1MB'; SAVEPOINT s; COMMIT; SET lock_timeout = 0"),
	"ERROR:  55P03\nERROR:  25P02\nERROR:  25P02", 'BEGIN fails: its block is aborted');
$go = "ROLLBACK;\n\\q\n";
$holder->finish;

$node->safe_psql('app', "SELECT tenant.rename('acme', 'apex')");
is(ask('SELECT tenant.current(), name FROM item'), 'apex|of acme', 'renamed: the idle session follows');
is(ask('SHOW tenant_mgr.tenant'), 'apex', 'renamed: so does the setting');
is(ask('SELECT current_schema()'), 'apex', 'renamed: and the search path');
$node->safe_psql('app', "SELECT tenant.create('acme', template => 'tpl'); INSERT INTO acme.item (name) VALUES ('a stranger')");
is(ask('SELECT name FROM item'), 'of acme', 'another tenant under the old name is not taken for it');
$node->safe_psql('app', 'ALTER SCHEMA apex RENAME TO zenith');
is(ask('SELECT name FROM item'), 'of acme', 'ALTER SCHEMA: the idle session follows');

my $name = ask('SELECT tenant.current()');
my $schema = ask('SELECT current_schema()');
$node->safe_psql('app', "SELECT tenant.suspend('$name', 'a reason')");
like(ask('SELECT name FROM item'), qr/TM001/, 'suspended: the next statement is refused');
like(ask('SELECT 1'), qr/TM001/, 'suspended: so is every other one');
$node->safe_psql('app', "SELECT tenant.resume('$name')");
is(ask('SELECT name FROM item'), 'of acme', 'resumed: the session works again');

$node->safe_psql('app', "SELECT tenant.suspend('$name')");
like(ask('BEGIN'), qr/^(ERROR:  TM001)?$/, 'suspended: BEGIN');
ask('ROLLBACK');
is(ask('SELECT tenant.reset(); SELECT tenant.current() IS NULL'), "\nt", 'suspended: a session can leave');
$node->safe_psql('app', "SELECT tenant.resume('$name')");
is(ask("SELECT tenant.switch('$name'); SELECT name FROM item"), "$name\nof acme", 'and come back');

ask("PREPARE q AS SELECT name FROM item");
is(ask('EXECUTE q'), 'of acme', 'a prepared statement works for the tenant');
like(ask("SELECT tenant.switch('beta'); EXECUTE q"), qr/^beta\nERROR:  TM003$/, 'and not for the next one');
ask("SELECT tenant.switch('$name')");

$node->safe_psql('app', "REVOKE USAGE ON SCHEMA $schema FROM regress_tm_app");
like(ask('SELECT name FROM item'), qr/42501|42P01/, 'revoked: the next statement is refused');
$node->safe_psql('app', "GRANT USAGE ON SCHEMA $schema TO regress_tm_app");
is(ask('SELECT name FROM item'), 'of acme', 'granted again: the session works again');

# a transaction that is at work holds the tenant
is(ask('BEGIN; SELECT name FROM item'), 'of acme', 'a transaction is at work');
my ($rc, $stdout, $stderr) = $node->psql('app', "\\set VERBOSITY sqlstate\nSET lock_timeout = '200ms';\nSELECT tenant.drop('$name')");
like($stderr, qr/55P03/, 'drop waits for it');
is(ask('SELECT name FROM item; COMMIT'), 'of acme', 'and does not disturb it');

$node->safe_psql('app', "SELECT tenant.drop('$name')");
like(ask('SELECT name FROM item'), qr/3F000|55000|42P01/, 'dropped: the next statement is refused');
like(ask('SELECT 1'), qr/3F000|55000/, 'dropped: so is every other one');
$node->safe_psql('app', "SELECT tenant.create('$name', template => 'tpl')");
like(ask('SELECT name FROM item'), qr/3F000|55000|42P01/, 'another tenant under the same name is not adopted');
ask('SELECT tenant.reset()');
is(ask('SELECT tenant.current() IS NULL'), 't', 'the session can leave');

$in .= "\\q\n";
$harness->finish;
$node->stop;
done_testing();
