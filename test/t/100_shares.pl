# 100_shares.pl: what one tenant, role or database can use up of what all share.
# Memory of used tokens, lines of the server's log, slots and turns of health
# checks: whoever is greedy, there is something left for the others.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;
use TokenTest;

my $node = new_node('shares', q{
shared_preload_libraries = 'tenant_mgr'
tenant_mgr.health_slots = 8
tenant_mgr.health_workers = 1
tenant_mgr.health_interval = 200ms
tenant_mgr.health_timeout = 1s
tenant_mgr.max_used_tokens = 16
tenant_mgr.unbound = allow
tenant_mgr.guard = log
fsync = off
});
my @databases = ('app', 'other', 'third');
new_database($node, $_) foreach @databases;
$node->safe_psql('app', q{
	CREATE ROLE regress_tm_app LOGIN;
	CREATE ROLE regress_tm_second LOGIN;
	CREATE ROLE regress_tm_owner LOGIN;
	GRANT regress_tm_second TO regress_tm_app;
	ALTER DATABASE third OWNER TO regress_tm_owner});
foreach my $db (@databases)
{
	$node->safe_psql($db, q{
		SELECT tenant.create(n) FROM unnest('{a,b,c}'::text[]) AS n;
		CREATE TABLE a.t AS SELECT 1 AS x;
		CREATE TABLE b.t AS SELECT 1 AS x;
		GRANT USAGE ON SCHEMA a, b, c TO regress_tm_app, regress_tm_second;
		GRANT SELECT ON a.t, b.t TO regress_tm_app, regress_tm_second});
}

# lines of the log, in a loop that catches the errors
my $loop = q{
	DO $do$ BEGIN
		FOR i IN 1 .. 3000 LOOP
			BEGIN PERFORM tenant.switch_token('nonsense'); EXCEPTION WHEN OTHERS THEN NULL; END;
		END LOOP;
	END $do$;};
my $lines_of = sub { my ($position, $pattern) = @_; return scalar(() = log_since($node, $position) =~ /LOG:  $pattern/g); };
my $position = log_position($node);
attempt($node, 'app', 'regress_tm_app', $loop);
my $lines = $lines_of->($position, 'token refused');
cmp_ok($lines, '>=', 1, 'refused tokens are in the log');
cmp_ok($lines, '<', 1500, 'but not each of thousands');
note("$lines lines");
attempt($node, 'app', 'regress_tm_app', "SET ROLE regress_tm_second; $loop");
attempt($node, 'app', 'regress_tm_app', $loop);
attempt($node, 'other', 'regress_tm_app', $loop);
cmp_ok($lines_of->($position, 'token refused'), '<', 6000, 'neither by another role, session or database');
$position = log_position($node);
attempt($node, 'app', 'regress_tm_second', q{SELECT tenant.switch_token('nonsense')});
is($lines_of->($position, 'token refused'), 1, 'who has logged in as another role is heard');
my $told = 0;
foreach (1 .. 600)
{
	attempt($node, 'app', 'regress_tm_app', q{SELECT tenant.switch_token('nonsense')});
	last if $told = log_since($node, $position) =~ /Messages of this kind about the same role that were left out before: \d+\./;
	select(undef, undef, undef, 0.1);
}
ok($told, 'and the log says how many have been left out');

# the same for what the guard and tags only log
$position = log_position($node);
my $tagged = join '', map { "SELECT /* tenant='b' */ $_;\n" } 1 .. 600;
attempt($node, 'app', 'regress_tm_second', q{SELECT tenant.switch('a'); SELECT 1 FROM b.t});
is($lines_of->($position, 'access to table "?b.t"? of tenant'), 1, 'what the guard only logs is in the log');
$node->safe_psql('app', 'ALTER ROLE regress_tm_second SET tenant_mgr.verify_tag = log');
attempt($node, 'app', 'regress_tm_second', "SELECT tenant.switch('a');\n$tagged");
$lines = $lines_of->($position, 'statement is tagged');
cmp_ok($lines, '>=', 1, 'so are wrong tags');
cmp_ok($lines, '<', 600, 'but not each of them');
note("$lines lines");

# tokens for a single use
SKIP:
{
	skip 'needs python3-jwt and python3-cryptography', 9 unless can_mint();
	my $key = public_key('k');
	$node->safe_psql('postgres', "ALTER SYSTEM SET tenant_mgr.token_public_key = '$key'");
	$node->reload;
	$node->poll_query_until('app', "SELECT current_setting('tenant_mgr.token_public_key') = '$key'") or die 'no key';
	my $n = 0;
	my @used;
	my $use = sub {
		my ($db, $tenant, $number) = @_;
		my @tokens = mint(map { { key => 'k', claims => { tenant => $tenant, exp => '600', iat => '0', single_use => JSON::PP::true, jti => 'id' . $n++ } } } 1 .. $number);
		my @accepted = grep { attempt($node, $db, 'regress_tm_app', "SELECT tenant.switch_token('$_')") eq $tenant } @tokens;
		push @used, map { [ $db, $_ ] } @accepted;
		return scalar @accepted;
	};
	is($use->('app', 'a', 20), 16, 'one tenant gets all of the room while nobody else wants any');
	is($use->('app', 'b', 20), 8, 'another tenant of the same database gets as much as is left to the first');
	is($use->('app', 'a', 1), 0, 'and the first one gets nothing back');
	is($use->('app', 'c', 20), 5, 'so does a third tenant');
	is($use->('other', 'a', 20), 8, 'and another database gets as much as is left to the first');
	is($use->('other', 'b', 20), 4, 'and its tenants share that');
	is($use->('third', 'b', 20), 5, 'and so does one more');
	is(scalar(grep { attempt($node, $_->[0], 'regress_tm_app', "SELECT tenant.switch_token('$_->[1]')") ne REFUSED } @used), 0, 'and no token is good for a second time');

	# any tenant, in any order
	$node->restart;
	srand 42;
	my @tenants = map { ('a', 'b', 'c')[ rand 3 ] } 1 .. 300;
	my @tokens = mint(map { { key => 'k', claims => { tenant => $tenants[$_], exp => '600', iat => '0', single_use => JSON::PP::true, jti => "random$_" } } } 0 .. $#tenants);
	my $out = attempt($node, 'app', 'regress_tm_app', q{
		CREATE TEMP TABLE accepted (token text);
		DO $do$
		DECLARE t text;
		BEGIN
			FOREACH t IN ARRAY '} . '{' . join(',', map { ($_, $_) } @tokens) . '}' . q{'::text[] LOOP
				BEGIN
					PERFORM tenant.switch_token(t);
					PERFORM tenant.reset();
					INSERT INTO pg_temp.accepted VALUES (t);
				EXCEPTION WHEN SQLSTATE 'TM005' THEN NULL;
				END;
			END LOOP;
		END $do$;
		SELECT count(*) >= 16, count(DISTINCT token) = count(*) FROM pg_temp.accepted});
	is($out, 't|t', 'of three hundred some are good, and none twice');
}

# slots of health checks
my $add = sub {
	my ($db, $name, $number) = @_;
	$node->safe_psql($db, "INSERT INTO tenant.connection (connection_name, host, port, database_name, username, ssl_mode) SELECT '$name' || n, '127.0.0.1', 1, 'x', 'x', 'disable' FROM generate_series(1, $number) n");
};
my $known = sub { my ($db) = @_; return $node->safe_psql($db, 'SELECT count(*) FROM tenant.connection_health WHERE last_checked IS NOT NULL'); };
$add->('app', 'many', 30);
ok($node->poll_query_until('app', 'SELECT count(*) = 8 FROM tenant.connection_health WHERE last_checked IS NOT NULL'), 'one database gets all slots while nobody else wants one');
$add->('other', 'few', 2);
ok($node->poll_query_until('other', 'SELECT count(*) = 2 FROM tenant.connection_health WHERE last_checked IS NOT NULL'), 'another one gets what it needs');
$add->('third', 'many', 30);
ok($node->poll_query_until('third', 'SELECT count(*) >= 3 FROM tenant.connection_health WHERE last_checked IS NOT NULL'), 'the third as many as the first has left');
is($known->('other'), 2, 'and who has few keeps them');
cmp_ok($known->('app'), '>=', 2, 'the first one is not left without');
$node->safe_psql('third', 'DELETE FROM tenant.connection');
ok($node->poll_query_until('app', 'SELECT count(*) = 6 FROM tenant.connection_health WHERE last_checked IS NOT NULL'), 'what is given back is given out again');

# turns: a database that announces itself all the time does not hold the worker
my $checks = sub { my ($db) = @_; return $node->safe_psql($db, 'SELECT max(last_checked) FROM tenant.connection_health'); };
my $before = $checks->('other');
my $busy = $node->background_psql('app');
$busy->query_until(qr/begun/, q{\echo begun
	DO $do$ BEGIN
		FOR i IN 1 .. 1000000 LOOP
			UPDATE tenant.connection SET weight = 1 + i % 100 WHERE connection_name = 'many1';
			COMMIT;
			PERFORM pg_sleep(0.005);
		END LOOP;
	END $do$;
});
ok($node->poll_query_until('other', "SELECT max(last_checked) > '$before'::timestamptz FROM tenant.connection_health"), "the other's turn comes");
$before = $checks->('app');
ok($node->poll_query_until('app', "SELECT max(last_checked) > '$before'::timestamptz FROM tenant.connection_health"), 'and so does its own');
$node->safe_psql('app', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'app' AND query LIKE '%FOR i IN 1 .. 1000000%' AND pid <> pg_backend_pid()});
eval { $busy->quit };

# the owner of a database has no say in it
foreach my $setting (qw(health_interval health_timeout health_failure_threshold health_recovery_threshold health_max_backoff health_degraded_latency connection_hosts))
{
	my $value = $setting eq 'connection_hosts' ? '*' : 1;
	like(attempt($node, 'third', 'regress_tm_owner', "ALTER DATABASE third SET tenant_mgr.$setting = '$value'"), qr/^42501/, "not by $setting");
	like(attempt($node, 'third', 'regress_tm_owner', "ALTER ROLE regress_tm_owner SET tenant_mgr.$setting = '$value'"), qr/^42501/, "nor for a role by $setting");
}
$add->('third', 'one', 1);
is(attempt($node, 'postgres', 'regress_tm_owner', "ALTER DATABASE third SET $_"), '', "the workers do not mind: $_")
  foreach 'role = regress_tm_owner', q{lock_timeout = '1ms'}, q{statement_timeout = '1ms'}, q{default_transaction_isolation = 'serializable'},
  'default_transaction_read_only = on', 'default_transaction_deferrable = on', q{search_path = ''}, q{idle_in_transaction_session_timeout = '1ms'},
  q{client_encoding = 'LATIN1'}, q{datestyle = 'German'}, 'row_security = off', q{temp_buffers = '800kB'};
local $ENV{PGOPTIONS} = '-c role=none -c lock_timeout=0 -c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c datestyle=ISO -c default_transaction_isolation=read\\ committed';
$before = $checks->('third');
my $third = sub { return $node->safe_psql('third', $_[0]); };
my $later = 0;
foreach (1 .. 600)
{
	last if $later = $third->("SELECT coalesce(max(last_checked) > coalesce(nullif('$before', '')::timestamptz, '-infinity'), false) FROM tenant.connection_health") eq 't';
	select(undef, undef, undef, 0.1);
}
ok($later, 'its connections are looked at all the same');
like($third->(q{SELECT max(connection_name) FROM tenant.connection_health}), qr/one1/, 'as they should');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|health worker.*exited with exit code/, 'no worker has failed');
$node->stop;
done_testing();
