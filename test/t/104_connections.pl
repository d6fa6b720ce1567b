# 104_connections.pl: connections with passwords, between two clusters.  What
# is sealed is opened in its own row only, revealed to whom it may be and on
# record; others use it without seeing it.  The number of open connections has
# a limit across sessions, whatever becomes of those.  The password is in no
# log, statistics, message or dump.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

# Spelled in two halves wherever a statement could be logged; with what has to
# be quoted in a connection string.
use constant CANARY => q{kanarienvogel 'n\\4711};
use constant CANARY_SQL => q{$q$kanarienvogel 'n$q$ || '\\4711'};

my $dir = PostgreSQL::Test::Utils::tempdir();
my $ring = "$dir/ring";
open my $file, '>', $ring or die "$ring: $!";
print $file '1:', map({ sprintf '%02x', int(rand(256)) } 1 .. 32), "\n";
close $file;
chmod 0600, $ring;

my $node = new_node('registry', qq{
shared_preload_libraries = 'tenant_mgr, pg_stat_statements'
pg_stat_statements.track = all
log_statement = all
log_min_duration_statement = 0
log_min_messages = debug1
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
debug_print_plan = on
fsync = off
restart_after_crash = on
tenant_mgr.key_file = '$ring'
tenant_mgr.health_interval = 0
});
my $far = new_node('far', "log_statement = all\nlog_connections = on\nfsync = off\n");
$far->safe_psql('postgres', 'CREATE ROLE app LOGIN PASSWORD ' . literal(CANARY));
$far->safe_psql('postgres', 'CREATE TABLE t (a int); INSERT INTO t VALUES (42); GRANT SELECT ON t TO app');
unlink $far->data_dir . '/pg_hba.conf';
$far->append_conf('pg_hba.conf', "local all app scram-sha-256\nlocal all all trust\n");
$far->reload;
# The statement that made the role is in its log.
$far->rotate_logfile;
$far->restart;

new_database($node, 'app');
$node->safe_psql('app', 'CREATE EXTENSION dblink; CREATE EXTENSION pg_stat_statements');
$node->safe_psql('app', 'CREATE ROLE user1 LOGIN');
my ($host, $port) = ($far->host, $far->port);

sub value { return $node->safe_psql('app', $_[0]); }

# The SQLSTATE and the text of what a statement fails with.
sub failure
{
	my ($sql) = @_;
	my ($rc, $out, $err) = $node->psql('app', "\\set VERBOSITY verbose\n$sql");
	$err =~ s/^psql:<stdin>:\d+: //mg;
	return $err =~ /(ERROR:.*)/s ? $1 : "no error: $out $err";
}

sub pool { return value("SELECT active, waiting FROM tenant.pool_stats WHERE connection_name = '$_[0]'"); }
sub pool_becomes
{
	my ($name, $expected, $what) = @_;
	ok($node->poll_query_until('app', "SELECT active, waiting FROM tenant.pool_stats WHERE connection_name = '$name'", $expected), $what);
	return;
}

# A session whose next statement is not waited for.
sub start_statement
{
	my ($session, $sql) = @_;
	$session->query_until(qr/started/, "\\echo started\n$sql;\n");
	return;
}

#
# passwords
#
value("SELECT tenant.add_connection('far', host => '$host', port => $port, database_name => 'postgres',
	username => 'app', password => @{[CANARY_SQL]}, pool_max_size => 2, pool_timeout_seconds => 600)");
value("SELECT tenant.add_connection('other', host => '$host', port => $port, database_name => 'postgres',
	username => 'app', password => 'wrong')");
like(value(q{SELECT password::text FROM tenant.connection WHERE connection_name = 'far'}),
	qr/^tm1:[^:]*:1:database:/, 'the password is sealed with the key of the database');
is(value(q{SELECT tenant.conninfo('far')}),
	"host=$host port=$port dbname=postgres user=app sslmode=prefer password=********", 'a connection string does not show it');
is(value(q{SELECT tenant.password('far')}), CANARY, 'it can be opened');
my $conninfo = value(q{SELECT tenant.conninfo('far', reveal => true)});
my ($out, $err) = run_command([ 'psql', '-XAtc', 'SELECT a FROM t', $conninfo ]);
is($out, '42', 'psql connects with the connection string that shows it') or diag($err);
like(failure(q{SELECT tenant.decrypt(password, 'connection.password', connection_id::text) FROM tenant.connection WHERE connection_name = 'far'}),
	qr/TM007: secret cannot be opened/, 'it is no secret that SQL could open');
is(value(q{SELECT tenant.create('acme') \gset
	SELECT tenant.switch('acme') \gset
	SELECT tenant.password('far')}), CANARY, 'a session that is bound to a tenant makes no difference');

my $offset = -s $node->logfile;
$node->safe_psql('app', q{BEGIN; SELECT tenant.conninfo('far', true); ROLLBACK});
ok($node->log_contains(qr/LOG:  .*password of connection "far" revealed to role "[^"]*" by tenant\.conninfo\(\)/, $offset),
	'that it was shown is in the log, whatever became of the transaction');
is(value(q{SELECT string_agg(object || ' ' || (detail ->> 'function'), ',' ORDER BY event_id) FROM tenant.event WHERE event = 'reveal'}),
	'far tenant.password(),far tenant.conninfo(),far tenant.password()', 'the events are those that were committed');
like(failure(q{BEGIN READ ONLY; SELECT tenant.password('far')}), qr/25006/, 'without a record there is no look');

foreach my $sql (
	q{UPDATE tenant.connection SET password = (SELECT password FROM tenant.connection WHERE connection_name = 'far') WHERE connection_name = 'other'},
	q{UPDATE tenant.connection SET connection_id = gen_random_uuid() WHERE connection_name = 'other'},
	q{UPDATE tenant.connection SET password = tenant.encrypt('x', 'connection.password', connection_id::text) WHERE connection_name = 'other'},
	q{UPDATE tenant.connection SET password = tenant.encrypt('x') WHERE connection_name = 'other'})
{
	like(failure("BEGIN; $sql; SELECT tenant.password('other')"), qr/TM007: secret cannot be opened/, "not opened after $sql");
}
is(failure(q{SELECT tenant.set_password('other', '')}) =~ /22023/, 1, 'no password can be empty');

# changed by SQL while a password is set
my $sql = $node->background_psql('app');
$sql->query_safe(q{BEGIN; UPDATE tenant.connection SET region = 'moved' WHERE connection_name = 'other'});
my $setter = $node->background_psql('app');
start_statement($setter, q{SELECT tenant.set_password('other', 'wrong again')});
ok($node->poll_query_until('app', q{SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'set_password'}, '1'),
	'to set a password waits for who changes the row');
$sql->query_safe('COMMIT');
$setter->quit;
is(value(q{SELECT region, tenant.password('other') FROM tenant.connection WHERE connection_name = 'other'}), 'moved|wrong again', 'and then both are done');
$sql->query_safe(q{BEGIN; SELECT tenant.add_connection('brief', host => 'h', database_name => 'd', username => 'u'); COMMIT; BEGIN; SELECT tenant.drop_connection('brief')});
my $late = $node->background_psql('app', on_error_stop => 0);
start_statement($late, q{SELECT tenant.set_password('brief', 'x')});
ok($node->poll_query_until('app', q{SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'set_password'}, '1'),
	'it waits for who drops the connection, too');
$sql->query_safe('COMMIT');
$late->quit;
is(value(q{SELECT count(*) FROM tenant.event WHERE event = 'set_password' AND object = 'brief'}), '0', 'and then there is none to set it for');

#
# use without seeing
#
value('GRANT EXECUTE ON FUNCTION tenant.connect(text), tenant.disconnect(text) TO user1');
is(value(q{SET SESSION AUTHORIZATION user1;
	SELECT tenant.connect('far') AS h \gset
	SELECT a FROM dblink(:'h', 'SELECT a FROM t') AS t (a int)}), '42', 'a role without privileges uses the connection');
foreach my $look (q{SELECT tenant.password('far')}, q{SELECT tenant.conninfo('far', true)}, q{TABLE tenant.connection},
	q{SELECT tenant.decrypt(NULL)}, q{SELECT * FROM tenant.pool_stats})
{
	like(failure("SET SESSION AUTHORIZATION user1; $look"), qr/42501/, "but is denied $look");
}
value(qq{SELECT tenant.add_connection('trusted', host => '@{[$node->host]}', port => @{[$node->port]}, database_name => 'app', username => current_user)});
like(failure(q{SET SESSION AUTHORIZATION user1; SELECT tenant.connect('trusted')}), qr/2F003/, 'and does not become somebody else where no password is asked for');
is(pool('trusted'), '0|0', 'what was refused does not count');
my $wrong = failure(q{SELECT tenant.connect('other')});
like($wrong, qr/08001.*password authentication failed/s, 'a wrong password is reported');
unlike($wrong, qr/wrong again/, 'and not shown');
is(pool('other'), '0|0', 'what failed does not count');
like(failure(q{SELECT tenant.connect('none')}), qr/42704/, 'no such connection');
like(failure(q{BEGIN; UPDATE tenant.connection SET is_active = false; SELECT tenant.connect('far')}), qr/55000.*not active/, 'not an active one');
like(failure(q{BEGIN; DROP EXTENSION dblink; SELECT tenant.connect('far')}), qr/55000.*"dblink" is not installed.*CREATE EXTENSION/s, 'no dblink');

#
# the limit
#
my @holder = map { $node->background_psql('app', on_error_stop => 0) } 0 .. 1;
$_->query_safe(q{SELECT tenant.connect('far')}) foreach @holder;
is(pool('far'), '2|0', 'two sessions have one each');
$holder[0]->query_safe(q{SELECT tenant.connect('far')});
is(pool('far'), '2|0', 'asked again, a session has the one it has');

my $waiter = $node->background_psql('app', on_error_stop => 0);
start_statement($waiter, q{SELECT tenant.connect('far')});
pool_becomes('far', '2|1', 'a third one waits');
value(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query ~ 'tenant.connect' AND state = 'active' AND pid <> pg_backend_pid()});
pool_becomes('far', '2|0', 'and can be cancelled');

start_statement($waiter, q{SELECT tenant.connect('far')});
pool_becomes('far', '2|1', 'it waits again');
is($holder[0]->query_safe(q{SELECT tenant.disconnect('far')}), '1', 'one session gives its connection back');
pool_becomes('far', '2|0', 'the one that waited has it');
like($waiter->query(q{SELECT a FROM dblink((dblink_get_connections())[1], 'SELECT a FROM t') AS t (a int)}), qr/^42$/m, 'and can use it');

my $second = $node->background_psql('app', on_error_stop => 0);
start_statement($second, q{SELECT tenant.connect('far')});
start_statement($holder[0], q{SELECT tenant.connect('far')});
pool_becomes('far', '2|2', 'two wait');
value(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'tenant.connect' AND state = 'active' AND pid <> pg_backend_pid() LIMIT 1});
pool_becomes('far', '2|1', 'one of them is terminated');
$waiter->quit;
pool_becomes('far', '2|0', 'a session ends, and the other one enters');
value(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()});
pool_becomes('far', '0|0', 'all are terminated, and none counts');

value(q{UPDATE tenant.connection SET pool_max_size = 1, pool_timeout_seconds = 0 WHERE connection_name = 'far'});
my $one = $node->background_psql('app', on_error_stop => 0);
$one->query_safe(q{SELECT tenant.connect('far')});
like(failure(q{SELECT tenant.connect('far')}), qr/53300: too many connections to "far" are open/, 'no time to wait: refused');
is(value(q{SELECT timeouts, utilisation FROM tenant.pool_stats WHERE connection_name = 'far'}), '1|1', 'which is counted');
$one->query_safe(q{SELECT dblink_disconnect(tenant.connect('far'))});
$one->query_safe(q{SELECT tenant.disconnect()});
is(pool('far'), '0|0', 'what dblink_disconnect() has closed does not count for long');
$one->query_safe(q{SELECT tenant.connect('far')});

# the end of a backend without a word
my $pid = $one->query_safe('SELECT pg_backend_pid()');
kill 'KILL', $pid;
ok($node->poll_query_until('app', "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid", '0'), 'a backend is killed and the server starts over');
pool_becomes('far', '0|0', 'its connection does not count any more');
is(value(q{SELECT a FROM dblink(tenant.connect('far'), 'SELECT a FROM t') AS t (a int)}), '42', 'the next one is opened');

#
# connections that are no good any more
#
my $user = $node->background_psql('app', on_error_stop => 0);
my $use = q{SELECT a FROM dblink(tenant.connect('far'), 'SELECT a FROM t') AS t (a int)};
sub opened { return value(q{SELECT opened FROM tenant.pool_stats WHERE connection_name = 'far'}); }
is($user->query($use), '42', 'a connection is open');
my $before = opened();
is($user->query($use), '42', 'it is used');
is(opened(), $before, 'more than once');
$user->query(q{SELECT dblink_exec(tenant.connect('far'), 'BEGIN'), dblink_exec(tenant.connect('far'), 'nonsense', false)});
$user->query(q{SELECT dblink_exec(tenant.connect('far'), 'ROLLBACK')});
is(opened(), $before, 'a failed transaction at the other end is no reason to give it up');
$far->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'});
is($user->query($use), '42', 'it was lost, and is opened again before it is used');
is(opened(), $before + 1, 'once');
value(q{UPDATE tenant.connection SET pool_pre_ping = false WHERE connection_name = 'far'});
$far->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'});
isnt($user->query($use) // '', '42', 'without pre-ping it is not looked at');
value(q{UPDATE tenant.connection SET options = '{"application_name": "moved"}' WHERE connection_name = 'far'});
is($user->query($use), '42', 'once its row has changed it is opened again');
is($far->safe_psql('postgres', q{SELECT DISTINCT application_name FROM pg_stat_activity WHERE usename = 'app'}), 'moved', 'as the row says');
$before = opened();
value(q{UPDATE tenant.connection SET pool_recycle_seconds = 1 WHERE connection_name = 'far'});
for (my $i = 0; $i < 1800 && opened() == $before; $i++)
{
	$user->query($use);
	select(undef, undef, undef, 0.1);
}
is(opened() > $before, 1, 'it is opened again when it is old enough');
is(pool('far'), '1|0', 'and counts once');

#
# routes past what does not work; nobody looks unless asked
#
value(qq{SELECT tenant.add_connection(name, host => '$host', port => 1, database_name => 'postgres', username => 'app', role => role, weight => 200)
	FROM (VALUES ('dead', 'primary'), ('dead copy', 'replica')) v (name, role)});
value(qq{SELECT tenant.add_connection('copy', host => '$host', port => $port, database_name => 'postgres', username => 'app', role => 'replica',
	password => @{[CANARY_SQL]})});
value(q{SELECT tenant.assign('acme', 'dead'), tenant.assign('acme', 'dead copy')});
sub look_at { value("SELECT tenant.check_connection('$_[0]') FROM generate_series(1, 3)"); return; }
my $asker = $node->background_psql('app', on_error_stop => 0);
sub routes { return $asker->query(q{SELECT tenant.route('acme'), tenant.route('acme', 'read')}); }
is(routes(), 'dead|dead copy', 'what nothing is known of is used');
look_at('dead copy');
is(routes(), 'dead|dead', 'without a replica that works the primary is read');
look_at('dead');
like(failure(q{SELECT tenant.route('acme', 'read')}), qr/55000: no connection of tenant "acme" can be used to read.*Unhealthy: "dead", "dead copy"\./s, 'nothing works');
value(q{SELECT tenant.assign('acme', 'far')});
is(routes(), 'far|far', 'a lighter primary works');
value(q{SELECT tenant.assign('acme', 'copy')});
is(routes(), 'far|copy', 'so does a replica');
look_at('copy');
is(value(q{SELECT status FROM tenant.connection_health WHERE connection_name = 'copy'}), 'degraded', 'which is no standby');
is(routes(), 'far|copy', 'a degraded replica is better than none');
value(q{SELECT tenant.assign(NULL, 'dead copy'), tenant.unassign('acme')});
like($asker->query(q{SELECT tenant.route('acme', 'read')}) // '', qr/^$/, 'the session notices that the tenant lives elsewhere');
$asker->quit;

#
# where the password is not
#
is($user->query(qq{SELECT count(*) FROM pg_stat_activity WHERE query ~ 'kanarienvogel ''n.*4711'}), '0', 'not in pg_stat_activity');
is(value(q{SELECT count(*) FROM pg_stat_statements WHERE query ~ 'kanarienvogel ''n.{1,3}4711'}), '0', 'not in pg_stat_statements');
$user->quit;
$node->stop;
$far->stop;
my $pattern = qr/kanarienvogel \\*'?'n\\+4711/;
like(CANARY, $pattern, 'this is what is looked for');
unlike(slurp_file($node->logfile), $pattern, 'not in the log');
unlike(slurp_file($far->logfile), $pattern, 'nor in that of the other server');
$node->start;
$far->start;
my ($dump) = run_command([ 'pg_dump', '-d', $node->connstr('app') ]);
unlike($dump, $pattern, 'not in a dump');
like($dump, qr/COPY tenant\.connection /, 'which has the connection');

#
# a dump, restored
#
$node->safe_psql('postgres', 'CREATE DATABASE copy');
run_command([ 'pg_dump', '-Fc', '-f', "$dir/dump", '-d', $node->connstr('app') ]);
($out, $err) = run_command([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('copy'), "$dir/dump" ]);
is($err, '', 'restored');
is($node->safe_psql('copy', q{SELECT a FROM dblink(tenant.connect('far'), 'SELECT a FROM t') AS t (a int)}), '42', 'with the same root key the connection can be opened there');
is($node->safe_psql('copy', q{SELECT active FROM tenant.pool_stats WHERE connection_name = 'far'}), '0', 'in a pool of its own');

# without the library in shared_preload_libraries there is nothing to count with
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->restart;
like(failure(q{SELECT tenant.connect('far')}), qr/55000.*shared_preload_libraries/s, 'the library has to be preloaded');
is(value(q{SELECT count(*) FROM tenant.pool_stats}), '0', 'there are no statistics');

done_testing();
