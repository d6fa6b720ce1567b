# 076_policies.pl: what must hold for a database is in its dumps and copies, holds
# in every session, and gives way to nobody; and a protective setting that cannot
# be read is as strict as it can be.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('policies', "shared_preload_libraries = 'tenant_mgr'\nwal_level = logical\n");
new_database($node, 'app');
my $dir = PostgreSQL::Test::Utils::tempdir();
my $superuser = getpwuid($<);

sub sql { return $node->safe_psql('app', @_) }

# What somebody's session prints, and SQLSTATEs in place of errors
sub session
{
	my ($db, $role, $sql, $options) = @_;
	local $ENV{PGOPTIONS} = $options // '';
	return answers_to($node, $db, $role, $sql);
}

sub answer
{
	my ($session, $query) = @_;
	$session->{stderr} = '';
	my $out = $session->query($query);
	return $session->{stderr} =~ /(?:ERROR|FATAL):  (.*)/ ? $1 : $out;
}

# The settings that can be policies, each from its laxest value on
my %values = (
	'tenant_mgr.guard' => [qw(off log enforce)],
	'tenant_mgr.unbound' => [qw(allow deny)],
	'tenant_mgr.shared_ddl' => [qw(allow deny)],
	'tenant_mgr.session_switch' => [qw(allow deny)],
	'tenant_mgr.verify_tag' => [qw(off log enforce)],
	'tenant_mgr.switch_requires' => [qw(usage token)],
	'tenant_mgr.token_single_use' => [qw(marked all)],
	'tenant_mgr.token_enforce_expiry' => [qw(off on)]);

sql(q{
	SELECT tenant.create(n) FROM unnest('{a,b}'::text[]) AS n;
	CREATE TABLE a.t AS SELECT 1 AS i;
	CREATE TABLE b.t AS SELECT generate_series(1, 3) AS i;
	CREATE TABLE public.shared (i int);
	CREATE ROLE web LOGIN;
	CREATE ROLE helper LOGIN;
	CREATE ROLE root SUPERUSER LOGIN;
	GRANT USAGE ON SCHEMA a, b TO web;
	GRANT SELECT ON a.t, b.t TO web;
	GRANT EXECUTE ON FUNCTION tenant.set_policy TO helper});

#
# Only stricter
#

foreach my $setting (sort keys %values)
{
	my @words = @{ $values{$setting} };
	foreach my $policy (1 .. $#words)
	{
		sql("SELECT tenant.set_policy('$setting', '$words[$policy]')");
		foreach my $set (0 .. $#words)
		{
			my $expected = $words[ $set > $policy ? $set : $policy ];
			is(session('app', $superuser, "SET $setting = '$words[$set]'; SHOW $setting"), $expected,
				"$setting: a policy of $words[$policy] and the value $words[$set]");
			is(session('app', 'root', "SHOW $setting", "-c $setting=$words[$set]"), $expected, 'the same from the start of the session');
		}
	}
	is(session('app', 'root', "SELECT tenant.set_policy('$setting', '$words[0]')"), '22023', "$setting: the laxest value is no policy");
	sql("SELECT tenant.set_policy('$setting', NULL)");
	is(session('app', $superuser, "SET $setting = '$words[0]'; SHOW $setting"), $words[0], "$setting: without the policy the setting counts");
}
is(sql('SELECT count(*) FROM tenant.policies'), '0', 'none is left');

#
# Who and what
#

is(session('app', 'web', q{SELECT tenant.set_policy('tenant_mgr.unbound', 'deny')}), '42501', 'not by everybody');
is(session('app', 'helper', q{SELECT tenant.set_policy('tenant_mgr.unbound', 'deny')}), '42501', 'nor by who may execute the function');
is(session('app', 'web', $_), '42501', "nor by: $_")
  foreach q{INSERT INTO tenant.policy VALUES ('tenant_mgr.unbound', 'deny')}, 'DELETE FROM tenant.policy', 'SELECT * FROM tenant.policy',
  q{INSERT INTO tenant.policies (setting, value) VALUES ('tenant_mgr.unbound', 'deny')};
is(session('app', $superuser, "SELECT tenant.set_policy($_)"), '22023', "not: $_")
  foreach q{'tenant_mgr.unbound', 'denny'}, q{'tenant_mgr.unbound', ''}, q{'tenant_mgr.unbound', 'allow'}, q{'tenant_mgr.guard', 'off'},
  q{'work_mem', '1MB'}, q{'tenant_mgr.tenant', 'a'}, q{'tenant_mgr.persistent_schemas', 'x'}, q{'', 'deny'}, q{'unbound', 'deny'},
  q{'tenant_mgr.unbound_superuser', 'deny'};
is(session('app', $superuser, q{SELECT tenant.set_policy(NULL, 'deny')}), '22004', 'not without a setting');
is(session('app', $superuser, q{BEGIN READ ONLY; SELECT tenant.set_policy('tenant_mgr.unbound', 'deny')}), '25006', 'nor in a transaction that writes nothing');
is(session('app', $superuser, q{SELECT tenant.switch('a'), tenant.lock('k'); SELECT tenant.set_policy('tenant_mgr.unbound', 'deny');
	INSERT INTO tenant.policy VALUES ('tenant_mgr.unbound', 'deny')}), 'a| TM004 TM004', 'nor in a locked session');
is(sql('SELECT count(*) FROM tenant.policies'), '0', 'none of these has left anything');

# Who owns the extension may, superuser or not; and two at the same time wait for each other.
$node->safe_psql('postgres', 'CREATE DATABASE owned; CREATE ROLE installer SUPERUSER LOGIN');
$node->safe_psql('owned', 'SET ROLE installer; CREATE EXTENSION tenant_mgr');
$node->safe_psql('postgres', 'ALTER ROLE installer NOSUPERUSER');
is(session('owned', 'installer', q{SELECT tenant.set_policy('tenant_mgr.guard', 'log'); SELECT setting FROM tenant.policies}), 'tenant_mgr.guard', 'the owner of the extension may');
$node->safe_psql('postgres', 'DROP DATABASE owned');
my @both = map { $node->background_psql('app', on_error_stop => 0) } 1 .. 2;
$both[0]->query_safe(q{BEGIN; SELECT tenant.set_policy('tenant_mgr.guard', 'log')});
$both[1]->query_until(qr/asked/, "\\echo asked\nSELECT tenant.set_policy('tenant_mgr.guard', 'enforce');\n");
$node->poll_query_until('app', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%set_policy%'}) or die 'nobody waits';
is(session('app', 'web', 'SELECT 1'), '1', 'nobody else waits meanwhile');
$both[0]->query_safe('COMMIT');
$_->quit foreach @both;
is(sql('SELECT value FROM tenant.policies'), 'enforce', 'the last one counts');
sql(q{SELECT tenant.set_policy('tenant_mgr.guard', NULL)});

# A table that somebody else keeps locked is in the way of statements, not of ending a transaction.
my $holder = $node->background_psql('app', on_error_stop => 0);
my $ending = $node->background_psql('app', on_error_stop => 0);
$ending->query_safe(q{SET lock_timeout = '100ms'; BEGIN; CREATE SCHEMA kept});
$holder->query_safe('BEGIN; CREATE SCHEMA elsewhere; LOCK TABLE tenant.policy');
$ending->query('COMMIT');
is($ending->{stderr} =~ /ERROR/, '', 'a transaction can be ended while the table is locked');
$holder->query_safe('ROLLBACK');
$_->quit foreach $holder, $ending;
is(sql(q{SELECT count(*) FROM pg_namespace WHERE nspname = 'kept'; DROP SCHEMA kept}), '1', 'and has been committed');

sql(q{SELECT tenant.set_policy('Tenant_Mgr.UNBOUND', 'DENY')});
is(session('app', 'web', 'SELECT * FROM tenant.policies'), 'tenant_mgr.unbound|deny|deny', 'everybody sees the policies, written as they are');
is(sql(q{SELECT object, detail->>'value' FROM tenant.event WHERE event = 'set_policy' ORDER BY event_id DESC LIMIT 1}), 'tenant_mgr.unbound|deny', 'they are recorded');
is(session('app', 'web', 'SELECT count(*) FROM b.t'), 'TM002', 'what is not bound is refused');
is(session('app', $superuser, 'SELECT count(*) FROM b.t'), '3', 'a superuser maintains');
is(session('app', $superuser, q{SET tenant_mgr.unbound = 'allow'; SELECT count(*) FROM b.t}), '3', 'also who has allowed it to himself');
is(session('app', $superuser, q{SET tenant_mgr.unbound = 'deny'; SELECT count(*) FROM b.t}), 'TM002', 'who does not want it has no need to');
is(session('app', $superuser, q{SET tenant_mgr.unbound_superuser = 'deny'; SELECT count(*) FROM b.t}), 'TM002', 'nor who is meant');
is(session('postgres', 'web', 'SHOW tenant_mgr.unbound'), 'allow', 'other databases are not meant');

#
# Sessions that are there, transactions, parallel workers
#

sql(q{SELECT tenant.set_policy('tenant_mgr.unbound', NULL)});
my $running = $node->background_psql('app', on_error_stop => 0, extra_params => [ '-U', 'web' ]);
is(answer($running, 'SELECT count(*) FROM b.t'), '3', 'a session without a policy');
$running->query_safe('PREPARE p AS SELECT count(*) FROM b.t');
is(answer($running, 'EXECUTE p'), '3', 'with a prepared statement');
my $other = $node->background_psql('app', on_error_stop => 0);
$other->query_safe(q{BEGIN; SELECT tenant.set_policy('tenant_mgr.unbound', 'deny')});
is(answer($other, 'SHOW tenant_mgr.unbound'), 'deny', 'a policy holds at once where it is made');
is(answer($running, 'SELECT count(*) FROM b.t'), '3', 'and nowhere else until it is committed');
$other->query_safe('ROLLBACK');
is(answer($other, 'SHOW tenant_mgr.unbound'), 'allow', 'and not at all if it is not');
$other->query_safe(q{SELECT tenant.set_policy('tenant_mgr.unbound', 'deny')});
like(answer($running, $_), qr/without being bound/, "running sessions: $_")
  foreach 'SELECT count(*) FROM b.t', 'EXECUTE p', 'COPY b.t TO STDOUT', 'EXPLAIN SELECT * FROM b.t',
  q{DO $$ BEGIN PERFORM FROM b.t; END $$}, 'BEGIN; DECLARE c CURSOR FOR SELECT * FROM b.t';
$running->query('ROLLBACK');
$other->query_safe(q{DELETE FROM tenant.policy});
is(answer($running, 'EXECUTE p'), '3', 'a superuser can edit the table');
$other->query_safe(q{SET session_replication_role = replica; INSERT INTO tenant.policy VALUES ('tenant_mgr.unbound', 'deny')});
like(answer($running, 'EXECUTE p'), qr/without being bound/, 'rows of a subscription count as well');
$other->query_safe(q{UPDATE tenant.policy SET value = 'of a later version'});
like(answer($running, 'EXECUTE p'), qr/without being bound/, 'a value that cannot be read is the strictest');
like($other->query(q{SELECT object, hint FROM tenant.doctor() WHERE severity = 'error'}), qr/policy.*unbound.*allow, deny/, 'the doctor tells');
$other->query_safe(q{UPDATE tenant.policy SET setting = 'tenant_mgr.of_a_later_version'});
is(answer($running, 'EXECUTE p'), '3', 'a setting that there is not does nothing');
like($other->query(q{SELECT object FROM tenant.doctor() WHERE severity = 'warning'}), qr/policy.*later_version/, 'but is told');
$other->query_safe(q{TRUNCATE tenant.policy; SET session_replication_role = origin});
$other->query_safe(q{SELECT tenant.set_policy('tenant_mgr.session_switch', 'deny'), tenant.set_policy('tenant_mgr.shared_ddl', 'deny')});
is(answer($running, q{SELECT tenant.switch('a')}), 'cannot bind the session to a tenant', 'session_switch');
like(answer($running, q{BEGIN; SELECT tenant.switch_local('a'); TRUNCATE public.shared}), qr/shared/, 'shared_ddl');
$running->query('ROLLBACK');
$other->query_safe(q{SELECT tenant.set_policy('tenant_mgr.switch_requires', 'token')});
is(answer($running, q{BEGIN; SELECT tenant.switch_local('a')}), 'switching to a tenant requires a token', 'switch_requires');
$running->query('ROLLBACK');
$other->query_safe(q{DELETE FROM tenant.policy});
is(session('app', 'web', q{SELECT tenant.current()}, '-c tenant_mgr.tenant=a'), 'a', 'a tenant by the options of the client');
$other->query_safe(q{SELECT tenant.set_policy('tenant_mgr.switch_requires', 'token')});
is(session('app', 'web', 'SELECT 1', '-c tenant_mgr.tenant=a'), 'TM005', 'needs a token before its first statement');
$other->query_safe(q{DELETE FROM tenant.policy});

# A worker has the settings of its leader, and looks at the table itself.
sql(q{CREATE FUNCTION public.peek() RETURNS bigint LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN RETURN (SELECT count(*) FROM b.t); END';
	CREATE TABLE public.rows AS SELECT i FROM generate_series(1, 10) i; GRANT SELECT ON public.rows TO web});
my $parallel = 'SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
	SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;';
is(session('app', 'web', "$parallel SELECT max(public.peek()) FROM public.rows"), '3', 'a parallel worker');
sql(q{SELECT tenant.set_policy('tenant_mgr.unbound', 'deny')});
is(session('app', 'web', "$parallel SELECT max(public.peek()) FROM public.rows"), 'TM002', 'knows the policies');

#
# The guard, where the library is loaded by the session only; and an older extension
#

sql(q{SELECT tenant.set_policy('tenant_mgr.unbound', NULL), tenant.set_policy('tenant_mgr.guard', 'enforce')});
is(session('app', 'web', q{SET tenant_mgr.guard = 'off'; SELECT tenant.switch('a'); SELECT count(*) FROM b.t}), '42501 a TM003' =~ s/^(\w+) (\w+) (\w+)$/$2 $1 $3/r, 'the guard');
is(session('app', $superuser, q{SET tenant_mgr.guard = 'off'; SELECT tenant.switch('a'); SELECT count(*) FROM b.t}), 'a TM003', 'also of superusers');
$node->safe_psql('postgres', 'CREATE DATABASE older');
$node->safe_psql('older', q{CREATE EXTENSION tenant_mgr VERSION '0.1.0'; SELECT tenant.create('o'); CREATE TABLE o.t ()});
is(session('older', $superuser, q{SET tenant_mgr.guard = 'off'; SELECT count(*) FROM o.t; SHOW tenant_mgr.guard}), '0 off', 'an older extension has none');
is(session('older', $superuser, q{SELECT count(*) FROM o.t; ALTER EXTENSION tenant_mgr UPDATE; SELECT tenant.set_policy('tenant_mgr.guard', 'log');
	SET tenant_mgr.guard = 'off'; SHOW tenant_mgr.guard}), '0 log', 'until it is updated');
is(session('older', $superuser, 'SHOW tenant_mgr.guard; SELECT * FROM tenant.policies; DROP EXTENSION tenant_mgr; SET tenant_mgr.guard = off; SHOW tenant_mgr.guard'),
	'enforce tenant_mgr.guard|log|enforce off', 'and when it is dropped none is left');

# Logical decoding calls output functions in the past, where the table cannot be read.
SKIP:
{
	skip 'no test_decoding', 1 if $node->psql('app', q{SELECT pg_create_logical_replication_slot('s', 'test_decoding')}) != 0;
	sql(q{CREATE TABLE public.secrets (s tenant.secret);
		BEGIN;
		INSERT INTO public.secrets SELECT ('tm1:xchacha20-poly1305:1:database:' || repeat('A', 96))::tenant.secret;
		CREATE SCHEMA between; SELECT tenant.set_policy('tenant_mgr.verify_tag', 'log');
		INSERT INTO public.secrets SELECT s FROM public.secrets;
		COMMIT; DROP SCHEMA between; SELECT tenant.set_policy('tenant_mgr.verify_tag', NULL)});
	is(sql(q{SELECT count(*) FROM pg_logical_slot_get_changes('s', NULL, NULL) WHERE data LIKE '%secrets: INSERT%tm1:%'}), '2', 'policies are not read in the past');
	sql(q{SELECT pg_drop_replication_slot('s')});
}

#
# Copies and dumps
#

sub walls
{
	my ($db, $name) = @_;
	is(session($db, 'web', 'SELECT count(*) FROM b.t'), 'TM002', "$name: who is not bound is refused");
	is(session($db, 'web', q{SELECT tenant.switch('a')}), '42501', "$name: no session is bound");
	is(session($db, 'web', q{BEGIN; SELECT tenant.switch_local('a'); SELECT count(*) FROM t; SELECT count(*) FROM b.t}), 'a 1 TM003', "$name: who is bound stays");
	is(session($db, $superuser, 'SELECT count(*) FROM a.t; SELECT count(*) FROM b.t; SELECT count(*) FROM pg_index WHERE indrelid IN (\'a.u\'::regclass, \'b.u\'::regclass)'),
		'1 3 2', "$name: everything is there");
	is(session($db, $superuser, q{SELECT object, problem FROM tenant.doctor() WHERE problem NOT LIKE '%replica identity'}), '', "$name: the doctor is content");
	return;
}
sql(q{CREATE TABLE a.u (i int PRIMARY KEY); CREATE TABLE b.u (i int PRIMARY KEY REFERENCES b.u);
	CREATE MATERIALIZED VIEW a.m AS SELECT i FROM a.t});
sql("SELECT tenant.set_policy('$_', '$values{$_}->[-1]')") foreach grep { !/token|requires/ } sort keys %values;
walls('app', 'the database');
$other->quit;
$running->quit;
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE app');
walls('copy', 'a copy');
my @to = ('-h', $node->host, '-p', $node->port);
foreach my $format (qw(p c d))
{
	$node->command_ok([ 'pg_dump', @to, "-F$format", '-f', "$dir/dump.$format", 'app' ], "a dump, -F$format");
}
foreach my $restore ([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', @to, '-o', "$dir/out", '-f', "$dir/dump.p" ],
	[ 'pg_restore', @to, '-e', '-d', 'TO', "$dir/dump.c" ], [ 'pg_restore', @to, '-e', '--disable-triggers', '-d', 'TO', "$dir/dump.c" ],
	[ 'pg_restore', @to, '-e', '-j', '2', '-d', 'TO', "$dir/dump.d" ])
{
	my $name = "$restore->[0] " . join(' ', grep { /^-[ej]|^--|\.[cd]$/ } @$restore);
	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS back');
	$node->safe_psql('postgres', 'CREATE DATABASE back');
	my @command = map { $_ eq 'TO' ? 'back' : $_ } @$restore;
	push @command, '-d', 'back' if $restore->[0] eq 'psql';
	my ($out, $err) = run_command(\@command);
	is($err, '', "$name restores");
	walls('back', $name);
}
# What is restored in two steps, and into what is there already
$node->safe_psql('postgres', 'DROP DATABASE back');
$node->safe_psql('postgres', 'CREATE DATABASE back');
foreach my $section (qw(pre-data data post-data))
{
	my ($out, $err) = run_command([ 'pg_restore', @to, '-e', "--section=$section", '-d', 'back', "$dir/dump.c" ]);
	is($err, '', "the section $section");
}
walls('back', 'in sections');
my ($out, $err) = run_command([ 'pg_restore', @to, '--clean', '--if-exists', '-d', 'back', "$dir/dump.c" ]);
is($err, '', 'once more, on top of it');
walls('back', 'once more');

#
# Values that cannot be read
#

my @unreadable = ([ 'tenant_mgr.unbound', 'denny' ], [ 'tenant_mgr.guard', 'enforced' ], [ 'tenant_mgr.unbound_superuser', '' ],
	[ 'tenant_mgr.shared_ddl', 'on' ], [ 'tenant_mgr.session_switch', 'no' ], [ 'tenant_mgr.verify_tag', '1' ],
	[ 'tenant_mgr.switch_requires', 'tokens' ], [ 'tenant_mgr.token_single_use', 'always' ], [ 'tenant_mgr.token_enforce_expiry', 'offf' ]);
my %strictest = ((map { $_ => $values{$_}->[-1] } keys %values), 'tenant_mgr.unbound_superuser' => 'deny');
$node->safe_psql('postgres', "DROP DATABASE $_") foreach 'back', 'copy';
sub shown { return { map { split /\|/, $_, 2 } split /\n/, $node->safe_psql('postgres', q{SELECT name, setting FROM pg_settings WHERE name LIKE 'tenant_mgr.%'}, @_) } }

foreach my $case (@unreadable)
{
	my ($setting, $value) = @$case;
	is(session('postgres', $superuser, "$_ SET $setting = '$value'"), '22023', "$setting: who sets it sees the error" . ($_ && ", $_"))
	  foreach '', 'ALTER DATABASE postgres', 'ALTER ROLE web', 'ALTER ROLE ALL', 'ALTER SYSTEM';
}
my $conf = slurp_file($node->data_dir . '/postgresql.conf');
my $lines = join('', map { "$_->[0] = '$_->[1]'\n" } @unreadable);
sub configured
{
	my ($text) = @_;
	open my $file, '>', $node->data_dir . '/postgresql.conf' or die $!;
	print $file $conf . $text;
	close $file;
	return;
}
sub wait_for_setting
{
	my ($setting, $value) = @_;
	$node->poll_query_until('postgres', "SELECT current_setting('$setting') = '$value'") or die "$setting is not $value";
	return;
}
sub are_strictest
{
	my ($name) = @_;
	my $shown = shown();
	is($shown->{$_}, $strictest{$_}, "$name: $_") foreach sort keys %strictest;
	return;
}
$running = $node->background_psql('app', on_error_stop => 0, extra_params => [ '-U', 'web' ]);
configured(join('', map { "$_ = '" . ($values{$_} // [qw(allow)])->[0] . "'\n" } sort keys %strictest));
$node->reload;
wait_for_setting('tenant_mgr.guard', 'off');
configured("$lines");
my $log = -s $node->logfile;
$node->reload;
wait_for_setting('tenant_mgr.token_enforce_expiry', 'on');
are_strictest('after a reload');
my $messages = slurp_file($node->logfile, $log);
like($messages, qr/invalid value for parameter "\Q$_->[0]\E": "\Q$_->[1]\E"/, "$_->[0]: the log says so") foreach @unreadable;
$running->query('SELECT 1');
is(answer($running, 'SHOW tenant_mgr.switch_requires'), 'token', 'sessions that are running have noticed');
$running->quit;
my $report = $node->safe_psql('app', q{SELECT severity, object, problem, hint FROM tenant.doctor()}, extra_params => [ '-U', $superuser ]);
like($report, qr/error\|setting "\Q$_->[0]\E"\|.*\Q"$_->[1]"\E.*Available values/, "$_->[0]: and the doctor") foreach @unreadable;
$node->restart;
are_strictest('after a restart');

# The last line in the file counts; and a line about a setting that there is not
configured("$lines" . join('', map { "$_ = '" . ($values{$_} // [qw(allow)])->[0] . "'\n" } sort keys %strictest) . "tenant_mgr.unbond = 'deny'\ntenant_mgr.trash_retention = 'a week'\n");
$node->restart;
is(shown()->{'tenant_mgr.unbound'}, 'allow', 'a line that is overridden does not count');
$report = $node->safe_psql('app', q{SELECT object, problem FROM tenant.doctor()});
unlike($report, qr/denny/, 'nor does the doctor mind it');
like($report, qr/setting "tenant_mgr.unbond"/, 'but a name that there is not');
like($report, qr/setting "tenant_mgr.trash_retention"/, 'and a value of another setting');

# Given to a database or role when nobody could read it
configured('');
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
$node->safe_psql('postgres', q{ALTER DATABASE app SET tenant_mgr.verify_tag = 'loud'; ALTER ROLE web SET tenant_mgr.shared_ddl = 'dennied';
	ALTER ROLE web IN DATABASE app SET tenant_mgr.unbound = 'denny'});
sql('DELETE FROM tenant.policy');
is(session('app', 'web', q{SELECT tenant.current(); SHOW tenant_mgr.verify_tag; SHOW tenant_mgr.shared_ddl; SHOW tenant_mgr.unbound}), 'enforce deny deny', 'when the session loads it');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'tenant_mgr'");
$node->restart;
is(session('app', 'web', q{SHOW tenant_mgr.verify_tag; SHOW tenant_mgr.shared_ddl; SHOW tenant_mgr.unbound}), 'enforce deny deny', 'when the server has');
$report = sql(q{SELECT object, problem FROM tenant.doctor()});
like($report, $_, 'the doctor reads what databases and roles have been given')
  foreach qr/verify_tag" of database "app"\|.*"loud"/, qr/shared_ddl" of role "web"\|.*"dennied"/, qr/unbound" of role "web" in database "app"\|.*"denny"/;

$node->stop;
done_testing();
