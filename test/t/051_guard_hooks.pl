# 051_guard_hooks.pl: the guard together with other libraries that use the same
# hooks, loaded before and after ours: it refuses what it refuses alone, they do
# their work, and nothing crashes.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my ($libdir) = run_command([ 'pg_config', '--pkglibdir' ]);
my @others = grep { -e "$libdir/$_.so" } qw(pgaudit pg_stat_statements auto_explain set_user);
plan skip_all => 'none of pgaudit, pg_stat_statements, auto_explain, set_user is installed' unless @others;
note "with @others";

my $node = new_node('hooks', "shared_preload_libraries = 'tenant_mgr'\n");
new_database($node, 'app');
my %with = map { $_ => 1 } @others;
$node->safe_psql('app', q{
	SELECT tenant.create('a'), tenant.create('b');
	CREATE TABLE a.t (v text); INSERT INTO a.t VALUES ('of a');
	CREATE TABLE b.t (v text); INSERT INTO b.t VALUES ('CANARY');
	CREATE SEQUENCE b.s;
	CREATE FUNCTION b.f() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN 'CANARY'; END$$;
	CREATE VIEW a.v AS SELECT * FROM b.t;
	CREATE ROLE regress_tm_app LOGIN;
	GRANT USAGE ON SCHEMA a, b TO regress_tm_app;
	GRANT ALL ON ALL TABLES IN SCHEMA a, b TO regress_tm_app;
	GRANT ALL ON ALL SEQUENCES IN SCHEMA a, b TO regress_tm_app;
});

sub session
{
	my ($role, $sql) = @_;
	my ($rc, $stdout, $stderr) = $node->psql('app', "\\set VERBOSITY sqlstate\n$sql",
		on_error_stop => 0, connstr => $node->connstr('app') . ($role ? " user=$role" : ''));
	return "$stdout\n$stderr";
}

my $list = join(', ', @others);
foreach my $order ("tenant_mgr, $list", "$list, tenant_mgr", (map { "$_, tenant_mgr" } @others), (map { "tenant_mgr, $_" } @others))
{
	$node->append_conf('postgresql.conf', "shared_preload_libraries = '$order'\n");
	$node->append_conf('postgresql.conf', "pgaudit.log = 'all'\npgaudit.log_relation = on\n") if $order =~ /pgaudit/;
	$node->append_conf('postgresql.conf', "auto_explain.log_min_duration = 0\nauto_explain.log_nested_statements = on\nauto_explain.log_analyze = on\n") if $order =~ /auto_explain/;
	$node->restart;
	my $offset = -s $node->logfile;
	foreach my $role ('', 'regress_tm_app')
	{
		my $who = $role || 'superuser';
		foreach my $sql ('SELECT * FROM b.t', 'SELECT * FROM a.v', 'SELECT b.f()', q{SELECT nextval('b.s')}, q{INSERT INTO b.t VALUES ('x')}, 'COPY b.t TO STDOUT',
			'EXPLAIN ANALYZE SELECT * FROM b.t', 'BEGIN; LOCK b.t IN ACCESS SHARE MODE', 'DO $$BEGIN PERFORM * FROM b.t; END$$', 'PREPARE p AS TABLE b.t; EXECUTE p', 'ANALYZE b.t')
		{
			my $answer = session($role, "SELECT tenant.switch('a') \\gset\n$sql");
			ok($answer =~ /ERROR:  TM003/ && $answer !~ /CANARY/, "$order: $sql ($who)") or diag($answer);
		}
		is(session($role, "SELECT tenant.switch('a') \\gset\nSELECT v FROM t; CREATE TEMP TABLE x AS SELECT * FROM t; ALTER TABLE x ADD y int; DROP TABLE x; SELECT tenant.switch('b') \\gset\nSELECT v FROM t"),
			"of a\nCANARY\n", "$order: what is allowed ($who)");
	}
	my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile, $offset);
	unlike($log, qr/PANIC|TRAP|terminated by signal/, "$order: no crash");
	like($log, qr/AUDIT: SESSION,\d+,\d+,READ,SELECT,TABLE,a\.t/, "$order: pgaudit has its say") if $order =~ /pgaudit/;
	like($log, qr/Query Text: SELECT v FROM t/, "$order: so has auto_explain") if $order =~ /auto_explain/;
	if ($order =~ /pg_stat_statements/)
	{
		$node->safe_psql('app', 'CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
		is($node->safe_psql('app', q{SELECT count(*) > 0 FROM pg_stat_statements WHERE query = 'SELECT v FROM t'}), 't', "$order: and pg_stat_statements");
	}
	if ($order =~ /set_user/)
	{
		$node->safe_psql('app', 'CREATE EXTENSION IF NOT EXISTS set_user');
		like(session('', q{SELECT set_user('regress_tm_app'); SELECT tenant.switch('a'); SELECT * FROM b.t; SELECT v FROM t; SELECT reset_user()}),
			qr/^OK\na\nof a\nOK\n.*TM003/s, "$order: and set_user");
	}
}

# A library that is loaded by a statement of a bound session puts its object
# access hook before ours, which is there for that statement only and has to stay.
SKIP:
{
	skip 'set_user is not installed', 2 unless $with{set_user};
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'tenant_mgr'\n");
	$node->restart;
	$node->safe_psql('app', q{DROP EXTENSION set_user; CREATE TYPE b.mood AS ENUM ('x'); CREATE TABLE a.parent (x int); CREATE TABLE b.child () INHERITS (a.parent)});
	my $offset = -s $node->logfile;
	my $attempts = join "\n", map { "$_;" } 'CREATE TABLE a.new (x b.mood)', 'CREATE DOMAIN a.new AS b.mood', 'TRUNCATE a.parent', 'DROP TABLE a.parent CASCADE', 'SET search_path = b; CREATE TYPE new',
		'ALTER TABLE a.t SET SCHEMA b', 'RESET search_path; CREATE TABLE a.own (x int); ALTER TABLE a.own ADD y text; DROP TABLE a.own';
	like(session('', "SELECT tenant.switch('a');\n$attempts\nCREATE EXTENSION set_user;\n$attempts\nSELECT tenant.reset();\nCREATE TABLE b.free (x b.mood);\nDROP TABLE b.free;\n"
			. "SELECT tenant.switch('a');\n$attempts\nSELECT set_user('regress_tm_app'); SELECT v FROM a.t; SELECT reset_user();"),
		qr/^a\n\na\nOK\nof a\nOK\n+(([^\n]*NOTICE[^\n]*\n)?[^\n]*ERROR:  TM003\n?){18}$/, 'a library that is loaded while we listen: as before');
	unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile, $offset), qr/PANIC|TRAP|terminated by signal|stack depth/, 'nor is there a crash');
}

$node->stop;
done_testing();
