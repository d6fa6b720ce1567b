# 131_recording.pl: a client that gives tenant_mgr.tenant and tenant_mgr.record among its
# options records, whatever it is: psql with a file, pgbench with the extended
# protocol and with prepared statements.  What comes of it does to another tenant what
# it did to this one.  It is complete when the client says goodbye, and only then;
# what a broken session or a failed one leaves can be continued or discarded.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('recording', "shared_preload_libraries = 'tenant_mgr'\n");
my $dir = PostgreSQL::Test::Utils::tempdir();

$node->safe_psql('postgres', q{
	CREATE EXTENSION tenant_mgr;
	CREATE ROLE app LOGIN;
	CREATE ROLE stranger LOGIN;
	GRANT INSERT ON tenant.migration TO app;
	GRANT CREATE ON DATABASE postgres TO app;
	SELECT tenant.create('template_app', owner => 'app'), tenant.create('other', owner => 'app');
	SELECT tenant.set_template('template_app', true);
});

sub sql { return $node->safe_psql('postgres', shift) }

# A client of this user that records under this version; returns its exit status,
# output and errors.
sub client
{
	my ($version, $user, @command) = @_;
	local $ENV{PGOPTIONS} = "-c tenant_mgr.tenant=template_app -c tenant_mgr.record=$version";
	local $ENV{PGUSER} = $user;
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	local $ENV{PGDATABASE} = 'postgres';
	my ($out, $err) = ('', '');
	IPC::Run::run(\@command, '<', \'', '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

sub psql_client
{
	my ($version, $user, $script, @options) = @_;
	my $file = "$dir/script.sql";
	unlink $file;
	append_to_file($file, $script);
	return client($version, $user, 'psql', '-X', '-q', @options, '-f', $file);
}

# A session ends some time after its client.
sub state_of
{
	my ($version) = @_;
	$node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 3)")
	  or die 'a recording does not end';
	return sql("SELECT CASE WHEN complete THEN 'complete' ELSE 'incomplete' END, transactional FROM tenant.migration WHERE version = '$version'");
}

sub statements_of
{
	my ($version) = @_;
	return sql("SELECT statement FROM tenant.migration_statement WHERE version = '$version' ORDER BY ordinal");
}

# Do to a tenant what a migration says, as its owner.
sub apply
{
	my ($version, $tenant) = @_;
	my $script = sql(qq{
		SELECT (SELECT coalesce(string_agg(format('SET %s = %L;', split_part(s, '=', 1), substr(s, strpos(s, '=') + 1)), ' '), '')
				FROM unnest(settings) s) ||
			CASE WHEN parameter_types IS NULL THEN statement || E'\\n;'
			ELSE format('PREPARE again (%s) AS %s; EXECUTE again (%s); DEALLOCATE again;',
				array_to_string(parameter_types, ', '), statement,
				(SELECT string_agg(quote_nullable(v), ', ') FROM unnest(parameter_values) v)) END
		FROM tenant.migration_statement WHERE version = '$version' ORDER BY ordinal});
	my $whole = sql("SELECT transactional FROM tenant.migration WHERE version = '$version'") eq 't';
	$node->safe_psql('postgres', "SELECT tenant.switch('$tenant');\n" . ($whole ? "BEGIN;\n$script\nCOMMIT;" : $script),
		connstr => $node->connstr('postgres') . ' user=app');
	sql("SELECT tenant.baseline('$tenant', '$version')");
	return;
}

sub is_alike
{
	my ($what) = @_;
	is(structure_of($node, 'postgres', 'other', 'template_app'), structure_of($node, 'postgres', 'template_app', 'template_app'), "$what: the same structure");
	is(join("\n", rows_of($node, 'postgres', 'other')), join("\n", rows_of($node, 'postgres', 'template_app')), "$what: the same rows");
	return;
}

# A file for psql, with several transactions, deferred constraints, and an index
# that is built outside of transactions.
my ($status, $out, $err) = psql_client('001', 'app', <<'SQL');
CREATE TABLE parent (id int PRIMARY KEY, name text);
CREATE TABLE child (id serial PRIMARY KEY, parent_id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED, at timestamptz);
BEGIN;
INSERT INTO child (parent_id, at) VALUES (1, '2020-01-02 03:04:05+06');
INSERT INTO parent VALUES (1, E'it''s\n"odd" \\ $1 ä');
COMMIT;
ALTER TABLE child ADD note text DEFAULT 'n';
BEGIN;
UPDATE child SET note = 'x' WHERE parent_id = 99;
INSERT INTO child (parent_id) VALUES (2);
INSERT INTO parent VALUES (2, NULL);
COMMIT;
ALTER TABLE child DROP COLUMN at;
SQL
is("$status|$err", '0|', 'psql records a file');
is(state_of('001'), 'complete|t', 'which is a migration then');
like(statements_of('001'), qr/VALUES \(2, NULL\)\nSET CONSTRAINTS ALL IMMEDIATE\nSET CONSTRAINTS ALL DEFERRED\nALTER/, 'that settles what was deferred where it was');
is(sql("SELECT tenant, version FROM tenant.pending"), 'other|001', 'which all others lack');
apply('001', 'other');
is_alike('one transaction for several');

($status, $out, $err) = psql_client('002', 'app', "CREATE INDEX CONCURRENTLY parent_name ON parent (name);\nCREATE INDEX ON child (note);");
is("$status|$err", '0|', 'an index that is built concurrently');
is(state_of('002'), 'complete|f', 'makes a migration that is not transactional');
apply('002', 'other');
is_alike('one statement at a time');

# Parameters of the extended protocol, of many types.
foreach my $protocol ('extended', 'prepared')
{
	my $script = "$dir/pgbench.$protocol";
	append_to_file($script, <<'SQL');
INSERT INTO typed VALUES (:i, :b, :n, :f, :t, :d, :ts, :tz, :iv, :u, :j, :by, :a, :m, :v, :bo, :i);
UPDATE typed SET t = :t WHERE i = :i AND d < :ts;
SELECT count(*) FROM typed WHERE t = :t;
SQL
	my $version = "003_$protocol";
	psql_client($version, 'app', <<'SQL');
CREATE TYPE mood AS ENUM ('good', 'bad');
DROP TABLE IF EXISTS typed;
CREATE TABLE typed (i int, b bigint, n numeric, f float8, t text, d date, ts timestamp, tz timestamptz, iv interval, u uuid,
	j jsonb, by bytea, a int[], m mood, v varchar(20), bo boolean, s smallint);
SQL
	apply($version, 'other');
	($status, $out, $err) = client("${version}_rows", 'app', 'pgbench', '-n', '-t', '1', '-M', $protocol, '-f', $script,
		'-D', 'i=7', '-D', 'b=12345678901234', '-D', 'n=1.50', '-D', 'f=0.1', '-D', q{t=it's "odd" \\ $1; DROP TABLE typed; --},
		'-D', 'd=2020-02-29', '-D', 'ts=2020-02-29 12:34:56.789', '-D', 'tz=2020-02-29 12:34:56+05', '-D', 'iv=1 day 02:03:04',
		'-D', 'u=a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '-D', 'j={"a": [1, null, "x"]}', '-D', 'by=\\x00ff', '-D', 'a={1,NULL,3}',
		'-D', 'm=bad', '-D', 'v=varying', '-D', 'bo=yes');
	is($status, 0, "pgbench records with -M $protocol") or diag($err);
	is(state_of("${version}_rows"), 'complete|t', 'and says goodbye');
	is(sql("SELECT array_to_string(parameter_types, ',') FROM tenant.migration_statement WHERE version = '${version}_rows' AND ordinal = 1"),
		'integer,bigint,numeric,double precision,text,date,timestamp without time zone,timestamp with time zone,interval,uuid,jsonb,bytea,integer[],mood,character varying,boolean,smallint',
		'the types are known');
	is(sql("SELECT count(*) FROM tenant.migration_statement WHERE version = '${version}_rows'"), 2, 'and what only reads is not kept');
	apply("${version}_rows", 'other');
	is_alike("parameters with -M $protocol");
	psql_client("004_$protocol", 'app', 'DROP TABLE typed; DROP TYPE mood');
	is(state_of("004_$protocol"), 'complete|t', 'its table goes');
	apply("004_$protocol", 'other');
}

# A client that stops at an error leaves something to go on with.
($status, $out, $err) = psql_client('010', 'app', "CREATE TABLE first (i int);\nINSERT INTO nosuch VALUES (1);\nCREATE TABLE second (i int);", '-v', 'ON_ERROR_STOP=1');
isnt($status, 0, 'a file fails half-way');
is(state_of('010'), 'incomplete|t', 'the migration is incomplete');
is(sql("SELECT count(*) FROM tenant.pending WHERE version = '010'"), 0, 'and nobody gets it');
is(sql("SELECT state, statements_done FROM tenant.applied_migration WHERE version = '010'"), 'partial|1', 'the ledger tells how far it came');
ok($node->log_contains('the recording of migration "010" has not been completed'), 'and so does the log');
psql_client('010', 'app', 'CREATE TABLE second (i int);');
is(state_of('010'), 'complete|t', 'it can be continued');
is(statements_of('010'), "CREATE TABLE first (i int)\nCREATE TABLE second (i int)", 'and has it all');
apply('010', 'other');
is_alike('continued');

# An error that the client does not stop at is not the last word.
psql_client('011', 'app', "INSERT INTO nosuch VALUES (1);\nCREATE TABLE third (i int);\nBEGIN; DROP TABLE third; ROLLBACK;");
is(state_of('011'), 'complete|t', 'an error in between, and a rollback at the end');
apply('011', 'other');

# A session that is killed, at the client's side or the server's.
foreach my $kill ('client', 'terminated', 'server')
{
	my $version = "020_$kill";
	local $ENV{PGOPTIONS} = "-c tenant_mgr.tenant=template_app -c tenant_mgr.record=$version";
	my $session = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
	$session->query_safe("CREATE TABLE kept_$kill (i int)");
	$session->query_safe("BEGIN; CREATE TABLE lost_$kill (i int)");
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	delete local $ENV{PGOPTIONS};
	if ($kill eq 'terminated') { sql("SELECT pg_terminate_backend($pid, 60000)") }
	elsif ($kill eq 'server') { $node->stop('immediate'); $node->start }
	$session->{run}->kill_kill;
	$node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)") or die 'the session does not end';
	is(state_of($version), 'incomplete|t', "$kill: the migration is incomplete");
	is(statements_of($version), "CREATE TABLE kept_$kill (i int)", "$kill: and has what was committed");
	sql("SELECT tenant.drop_migration('$version')");
	is(sql("SELECT count(*) FROM tenant.applied_migration WHERE version = '$version'"), 0, "$kill: it can be discarded");
	$node->safe_psql('postgres', "SELECT tenant.switch('template_app'); DROP TABLE kept_$kill", connstr => $node->connstr('postgres') . ' user=app');
}

# Two sessions; one that keeps nothing is in nobody's way.
{
	local $ENV{PGOPTIONS} = '-c tenant_mgr.tenant=template_app -c tenant_mgr.record=030';
	my $reader = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
	my $one = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
	my $two = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
	$reader->query_safe('SELECT pg_advisory_lock(4711); SELECT count(*) FROM parent');
	$one->query_safe('CREATE TABLE by_one (i int)');
	$reader->query_safe('SELECT pg_advisory_unlock(4711)');
	$two->query('CREATE TABLE by_two (i int)');
	like($two->{stderr}, qr/migration "030" is being recorded by another session/, 'the second one is refused by name');
	$one->query_safe('SELECT pg_advisory_unlock_all()');
	$one->query('INSERT INTO nosuch VALUES (1)');
	$one->{stderr} = '';
	$one->query_safe('INSERT INTO by_one VALUES (1)');
	$reader->quit;
	$two->quit;
	delete local $ENV{PGOPTIONS};
	is(sql("SELECT complete FROM tenant.migration WHERE version = '030'"), 'f', 'others may leave meanwhile');

	# A tenant that is made half-way.
	sql("SELECT tenant.create('half', 'template_app')");
	is(sql("SELECT a.state, statements_done FROM tenant.applied_migration a JOIN tenant.registry r ON r.id = tenant_id WHERE r.name = 'half' AND version = '030'"),
		'partial|2', 'a clone has just as much');
	$one->query_safe('CREATE TABLE also_by_one (i int)');
	$one->quit;
}
is(state_of('030'), 'complete|t', 'the first one completes it');
is(statements_of('030'), "CREATE TABLE by_one (i int)\nINSERT INTO by_one VALUES (1)\nCREATE TABLE also_by_one (i int)", 'with all that it did');
is(sql("SELECT tenant FROM tenant.pending WHERE version = '030' ORDER BY 1"), "half\nother", 'the clone gets the rest');

sql(q{CALL tenant.migrate(jobs => 1)});
is(sql("SELECT tenant, state FROM tenant.migration_status WHERE version = '030' ORDER BY 1"), "half|applied\nother|applied\ntemplate_app|applied", 'by a run');
is(sql('SELECT (SELECT count(*) FROM half.by_one), (SELECT count(*) FROM other.by_one), (SELECT count(*) FROM template_app.by_one), to_regclass($$half.also_by_one$$) IS NOT NULL'), '1|1|1|t', 'each statement once');

# Values are the same for others whatever the session shows them as, also of types
# whose name without a length means one.
($status, $out, $err) = psql_client('035', 'app', q{
	CREATE TABLE value (c char(3), b bit(3), f float8, d date, t timestamptz, i interval);
	CREATE FUNCTION value_of(char) RETURNS int LANGUAGE sql AS 'INSERT INTO value (c) VALUES ($1) RETURNING 1';
	PREPARE one (char, bit) AS INSERT INTO value (c, b) VALUES ($1, $2);
	SET extra_float_digits = 0;
	SET datestyle = 'SQL, DMY';
	SET timezone = 'Asia/Kolkata';
	SET intervalstyle = sql_standard;
	PREPARE two (float8, date, timestamptz, interval) AS INSERT INTO value (f, d, t, i) VALUES ($1, $2, $3, $4);
	EXECUTE one ('abc', B'101');
	EXECUTE two (0.1::float8 + 0.2::float8, '03/02/2026', '2026-02-03 04:05:06.789+00', '1 year -2 days +3 hours');
});
is($err, '', 'values of many types');

# A query that changes something is kept, or refused, whatever it is wrapped in.
my @hidden = ('COPY (INSERT INTO value (c) VALUES (1) RETURNING c) TO STDOUT', 'COPY (SELECT value_of($$2$$)) TO STDOUT',
	'EXPLAIN ANALYZE SELECT value_of($$3$$)', "BEGIN;\nDECLARE c CURSOR FOR SELECT value_of(\$\$4\$\$)",
	"PREPARE p AS SELECT value_of(\$\$5\$\$);\nCREATE TABLE hidden AS EXECUTE p", 'EXPLAIN ANALYZE INSERT INTO value (c) VALUES (1)',
	'EXPLAIN (ANALYZE true) CREATE TABLE hidden AS SELECT 1', "PREPARE p AS INSERT INTO value (c) VALUES (1);\nEXPLAIN ANALYZE EXECUTE p",
	"PREPARE p AS SELECT value_of(\$\$5\$\$);\nEXPLAIN (ANALYZE, VERBOSE) EXECUTE p", 'DO $$ BEGIN PERFORM value_of($$6$$); COMMIT; END $$');
$hidden[-1] =~ s/\$\$6\$\$/'6'/;
foreach my $hidden (@hidden)
{
	($status, $out, $err) = psql_client('036', 'app', "$hidden;");
	like($err, qr/ERROR:  (?:cannot record|invalid transaction termination)/, "$hidden is refused");
}
($status, $out, $err) = psql_client('036', 'app', q{
	COPY (SELECT * FROM value) TO STDOUT;
	EXPLAIN SELECT value_of('7');
	PREPARE hidden AS INSERT INTO value (c) VALUES (1);
	EXPLAIN EXECUTE hidden;
	EXPLAIN (ANALYZE false) CREATE TABLE hidden AS SELECT 1;
	PREPARE shown AS SELECT count(*) FROM value;
	EXPLAIN ANALYZE EXECUTE shown;
	BEGIN; DECLARE c CURSOR FOR SELECT * FROM value; FETCH ALL FROM c; COMMIT;
	SELECT value_of('8');
});
is($err, '', 'what only reads is not, nor what says what it does');
is(state_of('036'), 'complete|t', 'and it is completed');
sql(q{CALL tenant.migrate(jobs => 1, tenants => '{other}')});
is(sql('SELECT count(*), string_agg(c, $$,$$ ORDER BY c) FROM (SELECT * FROM template_app.value EXCEPT ALL SELECT * FROM other.value) AS v'), '0|', 'another tenant has the same values');
is(sql('SELECT count(*) FROM other.value'), 3, 'and no more');

# What a session is at nobody else discards: the rest of it would be all there is.
{
	local $ENV{PGOPTIONS} = '-c tenant_mgr.tenant=template_app -c tenant_mgr.record=037';
	my $session = $node->background_psql('postgres', extra_params => [ '-U', 'app' ]);
	$session->query_safe('CREATE TABLE discarded (i int)');
	delete $ENV{PGOPTIONS};
	($status, $out, $err) = $node->psql('postgres', q{SELECT tenant.drop_migration('037')});
	like($err, qr/ERROR:  migration "037" is being recorded by another session/, 'a migration that is being recorded is not dropped');
	$session->query_safe('CREATE TABLE kept (i int)');
	$session->quit;
}
is(state_of('037'), 'complete|t', 'and has all of its statements');
is(sql(q{SELECT count(*) FROM tenant.migration_statement WHERE version = '037'}), 2, 'both of them');

# Whoever may not record changes nothing either, and a superuser is told whose
# objects he makes.
($status, $out, $err) = psql_client('040', 'stranger', 'CREATE TABLE strange (i int)');
isnt($err, '', 'a stranger does not record');
sql('REVOKE INSERT ON tenant.migration FROM app');
($status, $out, $err) = psql_client('040', 'app', "CREATE TABLE strange (i int);\nSELECT tenant.record('040');\nINSERT INTO tenant.migration VALUES ('x');\nUPDATE tenant.applied_migration SET state = 'applied';");
like($err, qr/permission denied to record migrations/, 'nor the owner without being told so');
unlike($err, qr/(?:ERROR.*){5}/s, 'each statement fails');
is(sql(q{SELECT count(*) FROM tenant.migration WHERE version IN ('040', 'x')}), 0, 'nothing is left');
is(sql(q{SELECT to_regclass('template_app.strange') IS NULL}), 't', 'of either');
($status, $out, $err) = psql_client('041', $node->safe_psql('postgres', 'SELECT current_user'), 'CREATE TABLE su (i int)');
like($err, qr/WARNING:  migration "041" is being recorded by role ".*", which does not own schema "template_app"/, 'a superuser is warned');

# What parameters hold is data: texts that look like SQL, and types that a tenant
# calls like the server's.
is(sql(q{SELECT count(*) FROM pg_tables WHERE schemaname = 'other' AND tablename = 'parent'}), 1, 'nothing has been injected');

$node->stop;
done_testing();
