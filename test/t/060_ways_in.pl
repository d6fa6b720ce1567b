# 060_ways_in.pl: every way to give a bound session another search path, and every
# way to change its role and back.  A path leads nowhere that the tenant does not
# reach; a binding is worth what the role of the moment may do, and what a
# transaction has changed is undone with it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('ways', "shared_preload_libraries = 'tenant_mgr'\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	SELECT tenant.create('a'), tenant.create('b');
	CREATE TABLE a.t AS SELECT 'of a' AS v;
	CREATE TABLE b.t AS SELECT 'CANARY' AS v;
	CREATE TABLE b.secret AS SELECT 'CANARY' AS v;
	CREATE FUNCTION b.f() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN 'CANARY'; END$$;
	CREATE ROLE regress_tm_both LOGIN;
	CREATE ROLE regress_tm_a LOGIN;
	CREATE ROLE regress_tm_pool LOGIN NOINHERIT;
	GRANT regress_tm_a, regress_tm_both TO regress_tm_pool;
	GRANT USAGE ON SCHEMA a TO regress_tm_both, regress_tm_a;
	GRANT USAGE ON SCHEMA b TO regress_tm_both;
	GRANT SELECT ON ALL TABLES IN SCHEMA a, b TO regress_tm_both, regress_tm_a;
	CREATE FUNCTION a.in_path_of_b() RETURNS text LANGUAGE plpgsql SET search_path = b AS $$BEGIN RETURN (SELECT v FROM t); END$$;
	CREATE FUNCTION a.sql_in_path_of_b() RETURNS text LANGUAGE plpgsql SET search_path = b AS $$BEGIN RETURN f(); END$$;
	CREATE FUNCTION a.sets_path() RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM set_config('search_path', 'b', true); RETURN (SELECT v FROM t); END$$;
	CREATE PROCEDURE a.call_path() LANGUAGE plpgsql AS $$BEGIN SET search_path = b; RAISE NOTICE '%', (SELECT v FROM t); END$$;
});

sub session
{
	my ($role, $sql, $options) = @_;
	local $ENV{PGOPTIONS} = $options // '';
	my ($rc, $stdout, $stderr) = $node->psql('app', "\\set VERBOSITY sqlstate\n$sql",
		on_error_stop => 0, connstr => $node->connstr('app') . ($role ? " user=$role" : ''));
	$stderr =~ s/^.*(ERROR|WARNING|FATAL): +//mg;
	return join ' ', grep { $_ ne '' } split /\n/, "$stdout\n$stderr";
}

# C1: within the session
foreach my $role ('', 'regress_tm_both', 'regress_tm_a')
{
	my $who = $role || 'superuser';
	# A role that may not use b does not find anything there.
	my $refused = $role eq 'regress_tm_a' ? qr/^a (\w+ )*42P01$/ : qr/^a (b )?TM003$/;
	foreach my $way ('SET search_path = b', 'BEGIN; SET LOCAL search_path = b', q{SELECT set_config('search_path', 'b', false)}, q{BEGIN; SELECT set_config('search_path', 'b', true)},
		q{UPDATE pg_settings SET setting = 'b' WHERE name = 'search_path'}, 'SET SCHEMA ' . q{'b'}, q{DO $$BEGIN SET search_path = b; END$$}, 'SET search_path = b, a')
	{
		foreach my $statement ('SELECT v FROM secret', 'LOCK secret', 'COPY secret TO STDOUT', 'EXPLAIN SELECT v FROM secret', 'PREPARE p AS SELECT v FROM secret; EXECUTE p')
		{
			my $answer = session($role, "SELECT tenant.switch('a');\n$way;\n" . ($statement =~ /LOCK/ && $way !~ /^BEGIN/ ? 'BEGIN; ' : '') . "$statement;");
			$answer =~ s/ (26000|25P02)$// if $statement =~ /EXECUTE/;
			like($answer, $refused, "C1 $who: $way; $statement");
		}
	}
	foreach my $statement ('SELECT a.in_path_of_b()', 'SELECT a.sql_in_path_of_b()', 'SELECT a.sets_path()', 'CALL a.call_path()')
	{
		like(session($role, "SELECT tenant.switch('a'); $statement"), $role eq 'regress_tm_a' ? qr/^a (42P01|42883)$/ : qr/^a TM003$/, "C1 $who: $statement");
	}

	# Defaults: in force when the binding ends, and not before.
	foreach my $default (($role ? "ALTER ROLE $role SET search_path = b" : ()), 'ALTER DATABASE app SET search_path = b')
	{
		$node->safe_psql('app', $default);
		is(session($role, "SELECT tenant.switch('a'); SELECT v FROM t"), 'a of a', "C1 $who: $default: the binding has its own path");
		like(session($role, "SELECT tenant.switch('a'); RESET search_path; SELECT v FROM secret"), $refused, "C1 $who: $default, RESET");
		like(session($role, "SELECT tenant.switch('a'); RESET ALL; SELECT tenant.current() IS NULL"), qr/^a t$/, "C1 $who: $default, RESET ALL ends the binding");
		$node->safe_psql('app', $default =~ s/SET .*/RESET search_path/r);
	}
	is(session($role, "SELECT tenant.switch('a'); SELECT v FROM t", '-c search_path=b'), 'a of a', "C1 $who: options of the client");
	like(session($role, "SELECT tenant.switch('a'); RESET search_path; SELECT v FROM secret", '-c search_path=b'), $refused, "C1 $who: options of the client, RESET");
	like(session($role, 'SET search_path = b; SELECT v FROM secret', '-c tenant_mgr.tenant=a'), $role eq 'regress_tm_a' ? qr/^42P01$/ : qr/^TM003$/, "C1 $who: bound by options of the client");
}

# C7: the role of the moment decides, and comes back with a rollback
my $both = "SET ROLE regress_tm_both; SELECT tenant.switch('b');";
foreach my $leave ('RESET ROLE', 'SET ROLE NONE', 'SET ROLE regress_tm_a', q{SELECT set_config('role', 'none', false) \gset})
{
	like(session('regress_tm_pool', "$both\n$leave\n;\nSELECT 1; SELECT v FROM b.t"), qr/^b 42501 42501$/, "C7 pool: $leave leaves nothing");
	is(session('regress_tm_pool', "$both\nBEGIN;\n$leave\n;\nSELECT 1;\nROLLBACK; SELECT v FROM t"), 'b CANARY 42501', "C7 pool: $leave, rolled back");
	is(session('regress_tm_pool', "$both\nBEGIN; SAVEPOINT s;\n$leave\n;\nSELECT 1;\nROLLBACK TO s; SELECT v FROM t; COMMIT; SELECT v FROM t"), 'b CANARY CANARY 42501', "C7 pool: $leave, rolled back to a savepoint");
}
is(session('regress_tm_pool', "BEGIN; SET LOCAL ROLE regress_tm_both; SELECT tenant.switch('b'); COMMIT; SELECT 1"), 'b 42501', 'C7 pool: a role for the transaction, a binding for the session');
is(session('regress_tm_pool', "BEGIN; SET ROLE regress_tm_both; SELECT tenant.switch('b'); ROLLBACK; SELECT tenant.current() IS NULL, current_user"), 'b t|regress_tm_pool', 'C7 pool: both are undone');
foreach my $way ('SET SESSION AUTHORIZATION regress_tm_a', q{SELECT set_config('session_authorization', 'regress_tm_a', false) \gset})
{
	is(session('', "SELECT tenant.switch('b');\n$way\n;\nSELECT 1;\nRESET SESSION AUTHORIZATION; SELECT v FROM t"), 'b CANARY 42501', "C7 superuser: $way");
	is(session('', "SELECT tenant.switch('b');\nBEGIN;\n$way\n;\nSELECT 1;\nROLLBACK; SELECT v FROM t, current_user AS u WHERE u = session_user"), 'b CANARY 42501', "C7 superuser: $way, rolled back");
	like(session('', "BEGIN;\n$way\n;\nSELECT tenant.switch('a'); ROLLBACK;\nSELECT tenant.current() IS NULL; SELECT tenant.switch('b'); SELECT v FROM t"), qr/^a t b CANARY$/, "C7 superuser: $way and a switch, rolled back");
	like(session('', "BEGIN;\n$way\n;\nSELECT tenant.switch('b'); ROLLBACK;\nSELECT tenant.current() IS NULL"), qr/^t 42501$/, "C7 superuser: $way, to a tenant that the role may not use");
}

# C5: an error where the path would be set leaves both as they were
is(session('regress_tm_both', "SELECT tenant.switch('a'); BEGIN; DECLARE c CURSOR FOR SELECT v FROM t; SAVEPOINT s; SELECT tenant.switch('b'); ROLLBACK TO s; SELECT tenant.current(), current_schemas(false), v FROM t; FETCH c"),
	'a a|{a,public}|of a of a 55006', 'C5 an error while the tenant is assigned');
is(session('regress_tm_both', "SELECT tenant.switch('a'); BEGIN; SELECT 1 / 0; SELECT tenant.switch('b'); SET tenant_mgr.tenant = 'b'; ROLLBACK; SELECT tenant.current(), v FROM t"), 'a a|of a 22012 25P02 25P02', 'C5 in an aborted transaction');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'no crash');
$node->stop;
done_testing();
