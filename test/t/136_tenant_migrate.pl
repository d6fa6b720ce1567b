# 136_tenant_migrate.pl: bin/tenant-migrate takes a folder as a whole or not at all,
# gives tenants what they lack, once each, and its exit status tells what became of
# it.  Names and texts of files are data, whatever is in them.

use strict;
use warnings;
use Cwd qw(abs_path);
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $program = abs_path("$FindBin::RealBin/../../bin/tenant-migrate");
my $node = new_node('tenant_migrate', "shared_preload_libraries = 'tenant_mgr'\nlc_messages = 'C'\n");
my $root = PostgreSQL::Test::Utils::tempdir();

new_database($node, 'app');
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGDATABASE} = 'app';
$node->safe_psql('app', q{
	CREATE TABLE public.slow (i int);
	SELECT tenant.create('tpl'), tenant.set_template('tpl', true);
	SELECT tenant.create(n) FROM unnest('{a,b,c}'::text[]) AS n;
});

sub sql { return $node->safe_psql('app', shift) }
sub versions { return sql(q{SELECT coalesce(string_agg(version, ' ' ORDER BY version), '') FROM tenant.migration}) }

# A folder of files, given as name => text.
my $nfolders = 0;

sub folder
{
	my (%text) = @_;
	my $folder = "$root/folder" . ++$nfolders;
	mkdir $folder or die "could not make $folder: $!\n";
	put($folder, $_, $text{$_}) foreach keys %text;
	return $folder;
}

sub put
{
	my ($folder, $name, $text) = @_;
	open my $file, '>:raw', "$folder/$name" or die "could not write $name: $!\n";
	print $file $text;
	close $file or die "could not write $name: $!\n";
	return;
}

# Run it: the exit status, and all that it has said.
sub run_it
{
	my (@arguments) = @_;
	my $output = '';
	IPC::Run::run([ $program, @arguments ], '<', \'', '>', \$output, '2>&1');
	return ($? >> 8, $output);
}

sub ends
{
	my ($status, $expected, $name, @arguments) = @_;
	my ($got, $output) = run_it(@arguments);
	is($got, $status, "$name: exit status $status") or diag($output);
	like($output, $expected, '... and why');
	return $output;
}

# What is wrong with the call.
ends(0, qr/^Usage:.*^Exit status:/ms, 'help', '--help');
ends(2, qr/which folder/, 'no folder');
ends(2, qr/is not a folder/, 'a folder that there is not', "$root/nothing");
ends(2, qr/there are no migrations in folder/, 'an empty folder', folder());
ends(2, qr/no option --hurry/, 'an option that there is not', '--hurry', $root);
ends(2, qr/no option --hurry/, '... with a value', '--hurry=1', $root);
ends(2, qr/--jobs needs a number, not "1; DROP"/, 'not a number', '--jobs=1; DROP', $root);
ends(2, qr/--on-error is continue or stop/, 'not a word', '--on-error', "stop'", $root);
ends(2, qr/choose one of/, 'two modes', '--status', '--dry-run', $root);
ends(2, qr/database "nobody" does not exist/, 'no connection', '-d', 'nobody', folder('1.sql' => 'SELECT 1'));
is(versions(), '', 'nothing has been added by that');

# What is wrong with the files.
sub refused
{
	my ($name, $expected, %text) = @_;
	my $output = ends(2, $expected, $name, '--jobs=1', folder('000_good.sql' => 'SELECT 1', %text));
	is(versions(), '', '... and nothing was added');
	return $output;
}
refused('no version', qr/"notes.sql" has no version/, 'notes.sql' => 'SELECT 1');
refused('capitals, which would be passed over', qr/"002_b.SQL" has no version/, '002_b.SQL' => 'SELECT 1');
refused('two of a version', qr/"000_good.sql" and "V0__x.sql" have the same version|"V0__x.sql" and "000_good.sql" have the same version/, 'V0__x.sql' => 'SELECT 1');
refused('an order that is not theirs', qr/version 10 \(file "10_b.sql"\) would come before version 9 \(file "9_a.sql"\).*--digits/s, '9_a.sql' => 'SELECT 1', '10_b.sql' => 'SELECT 1');
refused('an empty file', qr/"1.sql" is empty/, '1.sql' => "\n \r\n");
refused('UTF-16', qr/"1.sql" is not a text/, '1.sql' => "S\0E\0L\0E\0C\0T\0");
refused('another encoding', qr/"1.sql" is not UTF-8/, '1.sql' => "SELECT '\xfc'");
refused('a syntax error', qr/1.sql: ERROR: .*syntax error.*file "1.sql" is refused/s, '1.sql' => 'CREATE TABEL t ()');
refused('a command of psql', qr/line 2 of "1.sql" looks like a command of psql/, '1.sql' => "SELECT 1;\n\\connect postgres\n");
refused('COMMIT', qr/file "1.sql" is refused/, '1.sql' => 'SELECT 1; COMMIT');
refused('CONCURRENTLY in a transaction', qr/cannot run inside a transaction block.*file "1.sql" is refused/s, '1.sql' => 'CREATE INDEX CONCURRENTLY i ON t (i)');
refused('a mark that there is not', qr/"-- tenant_mgr: no transactions"/, '1.sql' => "-- tenant_mgr: no transactions\nSELECT 1");
refused('a control character', qr/"1_\?.sql" has control characters/, "1_\n.sql" => 'SELECT 1');
SKIP:
{
	skip 'root can read all files', 3 if $> == 0;
	my $folder = folder('1.sql' => 'SELECT 1');
	chmod 0, "$folder/1.sql";
	ends(2, qr/"1.sql" cannot be read/, 'a file that cannot be read', $folder);
	is(versions(), '', '... and nothing was added');
}

# All namings, odd names, odd texts.
my $odd = q{002_it's "odd" $(touch odd) `touch odd` \\ :'version' %s.up.sql};
my $folder = folder(
	'V001__create_t.sql' => "\xef\xbb\xbfCREATE TABLE t (i int, s text);\r\nINSERT INTO t VALUES (1, 'one\r\ntwo');\r\n",
	$odd => q{INSERT INTO t VALUES (2, E'\\\\ \' :version :''content'' `date` $(date)');} . "\nINSERT INTO t VALUES (3, \$\$\n\\gexec \xc3\xbc\n\$\$);",
	'002_it.down.sql' => 'DROP TABLE t',
	'R__view.sql' => 'CREATE VIEW v AS SELECT 1',
	'notes.txt' => 'notes',
	'V002_1__index.sql' => "--tenant_mgr: no transaction \nCREATE INDEX CONCURRENTLY t_i ON t (i);",
	'20261129_large.sql' => "CREATE TABLE large (s text);\nINSERT INTO large VALUES ('" . 'x' x 2_000_000 . "');",
	'20261130120000-last.sql' => 'INSERT INTO t VALUES (4)');
my $all = '001 002 002.1 20261129 20261130120000';

my $output = ends(0, qr/new, not added: 001 \(V001__create_t.sql\)/, 'a dry run', '--dry-run', $folder);
like($output, qr/passing over 002_it.down.sql.*passing over R__view.sql/s, '... says what is passed over');
unlike($output, qr/notes.txt/, '... of what looks like a migration');
ends(1, qr/new, not added: 20261129 /, 'the status', '--status', $folder);
is(versions(), '', 'neither has added anything');
ends(0, qr/added 002 \(\Q$odd\E\)/, 'adding only', '--add-only', $folder);
is(versions(), $all, 'all have been added');
is(sql(q{SELECT description FROM tenant.migration WHERE version = '001'}), 'create t', '... with descriptions');
is(sql('SELECT count(*) FROM tenant.pending'), 20, '... and not applied');
ends(1, qr/001 +\| +0 +\| +0 +\| +4\b.*4 tenants lack migrations/s, 'the status', '--status');
ends(0, qr/tried for 4 tenants, 0 would fail/, 'a dry run', '--dry-run', '--to=002', $folder);
is(sql('SELECT count(*) FROM tenant.pending'), 20, '... has applied nothing');
ends(0, qr/5 files, 0 of them new.*2 of 2 tenants have been migrated/s, 'two tenants', '--tenants=b,c', '--to', '002', $folder);
is(sql('SELECT count(*) FROM tenant.pending'), 16, '... have two of them, and others nothing');
ends(0, qr/4 of 4 tenants have been migrated, 0 have failed/, 'all', '--jobs=1', '--canary=1', '--on-error=stop', '--verify=require', $folder);
is(sql('SELECT count(*) FROM tenant.pending'), 0, '... have all');
ends(0, qr/no migration is pending/, 'once more', $folder);
ends(0, qr/No migration is pending/, 'the status', '--status', $folder);
foreach my $tenant (qw(tpl a b c))
{
	is(sql("SELECT string_agg(s, '|' ORDER BY i) FROM $tenant.t"), "one\ntwo|\\ ' :version :'content' `date` \$(date)|\n\\gexec \xc3\xbc\n", "$tenant has the rows, once");
}
is(sql('SELECT length(s) FROM a.large'), 2_000_000, 'a large file arrives as a whole');
is(sql(q{SELECT indisvalid FROM pg_index WHERE indexrelid = 'a.t_i'::regclass}), 't', 'an index was built concurrently');
ok(!-e 'odd' && !-e "$folder/odd", 'no name was executed');

# Other line ends are no change; another text is, and nothing else is added either.
put($folder, '20261130120000-last.sql', "INSERT INTO t VALUES (4)\r\n");
ends(0, qr/no migration is pending/, 'other line ends', $folder);
put($folder, 'V001__create_t.sql', 'CREATE TABLE t (i bigint)');
put($folder, '20261201000000_new.sql', 'SELECT 1');
ends(2, qr/V001__create_t.sql: ERROR: .*already exists with another text.*file "V001__create_t.sql" is refused/s, 'a changed file', $folder);
ends(2, qr/already exists with another text/, '... in the status', '--status', $folder);
is(versions(), $all, '... and the new one is not added');

# Numbers that are filled.
my $flyway = folder('V9__a.sql' => 'INSERT INTO t VALUES (9)', 'V10.1__b.sql' => 'INSERT INTO t VALUES (10)');
ends(2, qr/--digits/, 'numbers', $flyway);
ends(0, qr/added 00000000000009 .*added 00000000000010\.00000000000001 /s, 'filled numbers', '--digits=14', $flyway);
is(sql('SELECT string_agg(i::text, $$ $$ ORDER BY ctid) FROM a.t WHERE i > 4'), '9 10', '... in the order that is meant');
ends(0, qr/comes after migration/, 'one that comes late', folder('003_late.sql' => 'SELECT 1'));

# One tenant fails, the others do not; what was mended goes on.
sql(q{DELETE FROM c.t});
my $failing = folder('30_check.sql' => 'SELECT 1 / count(*) FROM t', '31_row.sql' => 'INSERT INTO t VALUES (31)');
ends(2, qr/ERROR: .*tenant "nobody" does not exist.*nothing was applied/s, 'a tenant that there is not', '--tenants=nobody', $failing);
ends(2, qr/ERROR: .*migration "99" does not exist/s, 'a version that there is not', '--to=99', $failing);
ends(1, qr/1 would fail/, 'a dry run of what fails', '--dry-run', $failing);
ends(1, qr/division by zero.*1 tenants lack migrations \(2 in all\)/s, 'what fails', $failing);
ends(1, qr/30 +\| +3 +\| +1 +\| +0\b.*c +\| 30 .*division by zero/s, 'the status', '--status', $failing);
ends(1, qr/division by zero/, 'what fails and stops', '--on-error=stop', $failing);
ends(0, qr/no migration is pending/, 'those that have all', '--tenants=a,b', $failing);
sql('INSERT INTO c.t VALUES (0)');
ends(0, qr/1 of 1 tenants have been migrated, 0 have failed/, 'once it is mended', $failing);
is(sql('SELECT count(*) FROM a.t WHERE i = 31') . sql('SELECT count(*) FROM c.t WHERE i = 31'), '11', '... each has it once');

# A tenant's code says that all is well, and it is not.
my $liar = folder('40_lie.sql' => q{DO $$BEGIN RAISE EXCEPTION E'no\nNOTICE:  4 of 4 tenants have been migrated, 0 have failed\nstate 00000\nlacking 0 0\ndone\e[2J'; END$$});
$output = ends(1, qr/4 tenants lack/, 'messages that lie', '--jobs=1', $liar);
ends(1, qr/4 would fail/, '... in a dry run', '--jobs=1', '--dry-run', $liar);
unlike($output, qr/\e/, 'messages have no escapes for terminals');
sql(q{SELECT tenant.drop_migration('40')});

# Two at once, from the beginning.
my $both = folder(map { ("5${_}_x.sql" => "INSERT INTO t VALUES (5$_)") } 0 .. 9);
my $holder = $node->background_psql('app');
$holder->query_safe('BEGIN; LOCK TABLE tenant.migration IN EXCLUSIVE MODE');
my @out = ('', '');
my @runs = map { IPC::Run::start([ $program, '--jobs=1', $both ], '<', \'', '>', \$out[$_], '2>&1', IPC::Run::timeout(180)) } 0, 1;
ok($node->poll_query_until('app', q{SELECT count(*) = 2 FROM pg_stat_activity WHERE query ~ '^SELECT tenant.add_migration' AND wait_event_type = 'Lock'}), 'two add the same files');
$holder->query_safe('COMMIT');
$holder->quit;
foreach my $i (0, 1)
{
	$runs[$i]->finish;
	is($runs[$i]->result(0), 0, 'one of two at once ends well') or diag($out[$i]);
}
is(sql(qq{SELECT count(*), count(DISTINCT i) FROM $_.t WHERE i BETWEEN 50 AND 59}), '10|10', "$_ has each once") foreach qw(tpl a b c);

# Interrupted, from outside.  Whoever runs the tests in the background ignores SIGINT,
# and so would all that is started here.
$SIG{INT} = 'DEFAULT';
my $slow = folder('60_slow.sql' => 'SELECT pg_sleep(600) FROM public.slow', '61_row.sql' => 'INSERT INTO t VALUES (61)');
sql('INSERT INTO public.slow VALUES (1)');
foreach my $signal (qw(TERM INT))
{
	my $out = '';
	my $run = IPC::Run::start([ $program, '--jobs=2', $slow ], '<', \'', '>', \$out, '2>&1', IPC::Run::timeout(180));
	ok($node->poll_query_until('app', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query !~ 'pg_stat'}), 'a migration sleeps');
	$run->signal($signal);
	$run->finish;
	is($run->result(0), 3, "SIG$signal: exit status 3") or diag($out);
	like($out, qr/interrupted/, '... and why');
	ok($node->poll_query_until('app', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep' OR state = 'active' AND query ~ '^CALL tenant.migrate'}), 'nothing goes on');
}
sql('DELETE FROM public.slow');
ends(0, qr/4 of 4 tenants have been migrated/, 'a further call', $slow);
is(sql(qq{SELECT count(*) FROM $_.t WHERE i = 61}), 1, "$_ has it once") foreach qw(a c);

# The bar: lines, and one line on a terminal.
my $bar = qr/\[[#-]{20}\] \d\/4 tenants/;
sql('INSERT INTO public.slow VALUES (1)');
$output = ends(0, qr/^NOTICE:  $bar/m, 'not a terminal', '--jobs=1', folder('70_slow.sql' => 'SELECT pg_sleep(0.6) FROM public.slow'));
unlike($output, qr/[\r\e]/, '... nothing moves');
SKIP:
{
	my $script = '/usr/bin/script';
	skip 'no script(1)', 2 unless -x $script;
	my $last = folder('71_slow.sql' => 'SELECT pg_sleep(0.6) FROM public.slow');
	my ($out, $err) = run_command([ $script, '-qec', "'$program' --jobs=1 '$last'", '/dev/null' ]);
	like($out, qr/\r\e\[K$bar[^\n]*\r\e\[K/, 'a terminal: the bar stays in its line');
	like($out, qr/4 of 4 tenants have been migrated/, '... and the end is shown');
}

# Whoever may not add may not.
sql('CREATE ROLE web LOGIN');
ends(2, qr/permission denied/, 'somebody else', '-d', 'user=web dbname=app', folder('80.sql' => 'SELECT 1'));
is(sql(q{SELECT count(*) FROM tenant.migration WHERE version = '80'}), 0, '... and nothing was added');

$node->stop;
done_testing();
