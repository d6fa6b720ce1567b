# 047_secret_exposure.pl: where secrets and keys must not be found.  Not in the
# most talkative logs and statistics, not on a standby, in a dump or in what a
# sort leaves behind, not in a core file, a command line or an environment; and
# what needs a crowd: a rotation under load that is killed, and many nonces.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

use constant CANARY => 'kanarienvogel-4711-geheim';

my $dir = PostgreSQL::Test::Utils::tempdir();
my @root = map { join('', map { sprintf '%02x', int(rand(256)) } 1 .. 32) } 0 .. 2;
sub write_ring { write_key_ring("$dir/ring", $_[0]); }
write_ring("1:$root[1]\n");

my $version = (run_command([ 'pg_config', '--version' ]))[0] =~ /(\d+)/ ? $1 : 0;
my $node = new_node('exposure', qq{
shared_preload_libraries = 'tenant_mgr, pg_stat_statements, auto_explain'
tenant_mgr.key_command = 'cat $dir/ring'
logging_collector = on
log_directory = '$dir/log'
log_destination = 'stderr, csvlog, jsonlog'
log_statement = all
log_min_messages = debug1
log_min_duration_statement = 0
log_error_verbosity = verbose
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
log_temp_files = 0
debug_print_parse = on
debug_print_rewritten = on
debug_print_plan = on
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
auto_explain.log_analyze = on
auto_explain.log_verbose = on
pg_stat_statements.track = all
wal_level = replica
max_wal_senders = 5
restart_after_crash = on
});
new_database($node, 'app');
sub value { return $node->safe_psql('app', $_[0]); }

my $standby;
$node->backup('copy');
$standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->append_conf('postgresql.conf', "log_directory = '$dir/log_standby'\n");
$standby->start;

# the canary exists in one piece only where it is encrypted and decrypted
$node->safe_psql('app', q{CREATE EXTENSION pg_stat_statements; CREATE TABLE half (n int, t text); INSERT INTO half VALUES (1, 'kanarienvogel-'), (2, '4711-geheim');
	CREATE TABLE canary (i int, s tenant.secret);
	INSERT INTO canary SELECT i, tenant.encrypt(plain || repeat('!', i % 7), 'c') FROM (SELECT string_agg(t, '' ORDER BY n) AS plain FROM half) h, generate_series(1, 20000) i});
is(value(q{SELECT count(*) FROM canary, (SELECT string_agg(t, '' ORDER BY n) AS plain FROM half) h WHERE tenant.decrypt(s, 'c') LIKE plain || '%'}), 20000, 'the canary is there');
is(value(q{SET work_mem = '64kB'; SET enable_indexscan = off; SELECT count(*) FROM (SELECT i FROM canary ORDER BY tenant.decrypt(s, 'c'), i OFFSET 0) x}), 20000, 'and can be sorted by');
foreach my $sql (q{SELECT 1 / (length(tenant.decrypt(s, 'c')) - 25) FROM canary}, q{SELECT tenant.decrypt(s, 'd') FROM canary}, q{DO $$ BEGIN PERFORM tenant.decrypt(s, 'c'), 1 / 0 FROM canary; END $$})
{
	is($node->psql('app', $sql), 3, "an error: $sql");
}
my $session = $node->background_psql('app');
$session->query_safe(q{PREPARE p AS SELECT length(tenant.decrypt(s, 'c')) FROM canary WHERE i = $1; EXECUTE p(7)});
is($session->query_safe('EXECUTE p(7)'), 25, 'a prepared statement opens it');
foreach my $view ('pg_stat_statements', 'pg_stat_activity', 'pg_prepared_statements')
{
	is(value(sprintf q{SELECT count(*) FROM %s v, (SELECT string_agg(t, '' ORDER BY n) AS plain FROM half) h WHERE position(plain IN v::text) > 0}, $view), 0, "not in $view");
}
is($session->query_safe(q{SELECT count(*) FROM pg_prepared_statements v, (SELECT string_agg(t, '' ORDER BY n) AS plain FROM half) h WHERE position(plain IN v::text) > 0}), 0, 'nor in its own pg_prepared_statements');
cmp_ok(value(q{SELECT count(*) FROM pg_stat_statements WHERE query ~ 'decrypt'}), '>', 3, 'where the statements are');

# memory: the ring is locked and left out of core files
my $pid = $session->query_safe('SELECT pg_backend_pid()');
$session->query_safe('EXECUTE p(7)');
SKIP:
{
	my $smaps = -r "/proc/$pid/smaps" ? slurp_file("/proc/$pid/smaps") : '';
	skip 'no smaps here', 1 unless $smaps =~ /^VmFlags:/m;
	cmp_ok(scalar(() = $smaps =~ /^VmFlags:.* lo .* dd\b/mg), '>=', 2, 'ring and keys at hand are in memory that is locked and not dumped');
}
SKIP:
{
	my $core = "$dir/core.$pid";
	skip 'no gcore that may be used', 2
	  if system("gcore -o $dir/core $pid >/dev/null 2>&1") != 0 || !-s $core;
	my $memory = slurp_file($core);
	ok(index($memory, 'EXECUTE p(7)') >= 0, 'a core file has what was in memory');
	is(join(' ', grep { index($memory, $_) >= 0 } $root[1], pack('H*', $root[1])), '', 'but not the root key');
	unlink $core;
}
$session->quit;

# processes: nothing on command lines and in environments
my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
my @words = map { ($_, CANARY) } @root[1 .. 2];
my @exposed;
foreach my $proc (glob '/proc/[0-9]*')
{
	foreach my $what ('cmdline', 'environ')
	{
		open my $file, '<', "$proc/$what" or next;
		local $/ = undef;
		my $content = <$file> // '';
		push @exposed, "$proc/$what" if grep { index($content, $_) >= 0 } @words;
	}
}
ok(-r "/proc/$postmaster/environ", 'processes are looked at');
is(join(' ', @exposed), '', 'no command line and no environment has a key');

# nonces of eight sessions at a time
my @runs = map { IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('app'), '-c', q{CREATE TEMP TABLE mine AS SELECT substr(tenant.secret_send(tenant.encrypt('x')), 23, 24) AS n FROM generate_series(1, 100000)}, '-c', 'CREATE TABLE IF NOT EXISTS nonces AS SELECT n FROM mine WHERE false', '-c', 'INSERT INTO nonces SELECT n FROM mine' ], '<', \undef, '>', \my $out, '2>', \my $err) } 1 .. 8;
IPC::Run::finish($_) foreach @runs;
is(value('SELECT count(*), count(DISTINCT n) FROM nonces'), '800000|800000', 'no nonce of eight sessions occurs twice');
$node->safe_psql('app', 'DROP TABLE nonces');

# a box that the cipher opens under two keys
SKIP:
{
	skip 'no python3', 2 unless -x '/usr/bin/python3';
	$node->safe_psql('app', q{SELECT tenant.create(n) FROM unnest(ARRAY['one', 'two']) n});
	$node->safe_psql('app', "SELECT tenant.switch('$_') \\gset\nSELECT tenant.encrypt('x')") foreach ('one', 'two');
	my $rows = value(q{SELECT concat_ws(chr(10), 'wrapped' || n || ' ' || encode(wrapped, 'hex'), 'scope' || n || ' ' || scope, 'version' || n || ' ' || version)
		FROM tenant.data_key JOIN tenant.registry ON scope = id, LATERAL (SELECT CASE name WHEN 'one' THEN 1 ELSE 2 END) x (n) WHERE name IN ('one', 'two')});
	my ($in, $box, $err) = ("$rows\nroot $root[1]\nroot_version 1\n", '', '');
	IPC::Run::run([ '/usr/bin/python3', "$FindBin::RealBin/lib/two_keys.py" ], '<', \$in, '>', \$box, '2>', \$err);
	chomp $box;
	isnt($box, '', 'there is such a box') or diag($err);
	my %answer = map {
		my ($rc, $out, $error) = $node->psql('app', "\\set VERBOSITY sqlstate\nSELECT tenant.switch('$_') \\gset\nSELECT length(tenant.decrypt(('tm1:xchacha20-poly1305:1:' || id || ':$box')::tenant.secret)) FROM tenant.registry WHERE name = '$_'");
		$_ => $out . ($error =~ /ERROR:\s+(\w+)/ ? $1 : '') } ('one', 'two');
	# What comes out is hardly ever a text.
	like("$answer{one} $answer{two}", qr/^(32|22021) TM007$/, 'and it opens for the tenant that it was committed to, not for the other');
}

# a rotation under load that is killed half-way, by halves
write_ring("1:$root[1]\n2:$root[2]\n");
$node->reload;
$node->safe_psql('app', q{DO $$ BEGIN FOR i IN 1 .. 400 LOOP
	PERFORM tenant.create('many' || i); PERFORM tenant.switch_local('many' || i);
	INSERT INTO public.many SELECT 'many' || i, tenant.encrypt('value ' || i); END LOOP; END $$}) if $node->safe_psql('app', 'CREATE TABLE many (name text, s tenant.secret)') eq '';
write_ring("*1:$root[1]\n2:$root[2]\n");
$node->reload;
$node->poll_query_until('app', q{SELECT (tenant.crypto_status() -> 'current_root_version')::int = 1});
$node->safe_psql('app', 'CALL tenant.rotate_keys()');
write_ring("1:$root[1]\n*2:$root[2]\n");
$node->reload;
$node->poll_query_until('app', q{SELECT (tenant.crypto_status() -> 'current_root_version')::int = 2});
my ($load_out, $load_err) = ('', '');
my $holder = $node->background_psql('app');
my $victim = value(q{SELECT name FROM tenant.data_key JOIN tenant.registry ON scope = id ORDER BY scope DESC LIMIT 1});
$holder->query_safe("BEGIN; SELECT tenant.shred('$victim')");
# which nobody seals for as long as it is held up
append_to_file("$dir/load.sql", qq{\\set n random(1, 400)
SELECT tenant.switch('many' || :n);
SELECT 1 / (tenant.decrypt(s) = 'value ' || :n)::int FROM many WHERE name = 'many' || :n;
SELECT tenant.encrypt('other') WHERE tenant.current() <> '$victim';
});
my $load = IPC::Run::start([ 'pgbench', '-n', '-c', '2', '-t', '300', '-f', "$dir/load.sql", $node->connstr('app') ], '>', \$load_out, '2>', \$load_err);
my $rotation = $node->background_psql('app', on_error_stop => 0);
$rotation->query_until(qr/called/, "\\echo called\nCALL tenant.rotate_keys();\n");
$node->poll_query_until('app', q{SELECT count(*) > 0 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT granted AND query ~ 'rotate_keys'});
IPC::Run::finish($load);
unlike($load_err, qr/ERROR/, 'sessions open and seal while keys are rotated');
$node->safe_psql('app', 'CHECKPOINT');
my $rotating = value(q{SELECT pid FROM pg_stat_activity WHERE query ~ 'CALL tenant.rotate_keys' AND pid <> pg_backend_pid()});
kill 'KILL', $rotating;
eval { $rotation->quit };
eval { $holder->quit };
$node->poll_query_until('app', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'checkpointer'});
is(value(q{SELECT count(DISTINCT root_version) FROM tenant.data_key}), 2, 'killed half-way, some are rotated and some are not');
my $all = q{DO $$ DECLARE r record; BEGIN FOR r IN SELECT name, s FROM public.many LOOP
	PERFORM tenant.switch_local(r.name);
	IF tenant.decrypt(r.s) <> 'value ' || substr(r.name, 5) THEN RAISE 'wrong'; END IF; END LOOP; END $$};
is($node->psql('app', $all), 0, 'and each opens with the version that is recorded');
is($node->psql('app', 'CALL tenant.rotate_keys()'), 0, 'the rotation is completed');
is(value(q{SELECT tenant.crypto_status() -> 'root_versions_in_use'}), '[2]', 'for all of them');
is($node->psql('app', $all), 0, 'and all open');

# dump, standby, logs, data directory
run_command([ 'pg_dump', '-f', "$dir/dump.sql", '-d', $node->connstr('app') ]);
$node->wait_for_catchup($standby);
$standby->reload;
$standby->poll_query_until('app', q{SELECT (tenant.crypto_status() -> 'current_root_version')::int = 2});
is($standby->safe_psql('app', q{SELECT length(tenant.decrypt(s, 'c')) FROM canary WHERE i = 7}), 25, 'the standby opens secrets with the same ring');
$standby->stop;
$node->stop;
sub files_below
{
	my @files;
	my @directories = @_;
	while (my $directory = shift @directories)
	{
		foreach my $entry (grep { !/^\.\.?$/ } slurp_dir($directory))
		{
			my $path = "$directory/$entry";
			push @directories, $path if -d $path && !-l $path;
			push @files, $path if -f $path;
		}
	}
	return @files;
}
my @forbidden = (CANARY, map { ($_, pack('H*', $_)) } @root[1 .. 2]);
sub found_in
{
	my @hits;
	foreach my $path (@_)
	{
		my $content = slurp_file($path);
		push @hits, $path if grep { index($content, $_) >= 0 } @forbidden;
	}
	return join(' ', @hits);
}
my %places = (log => [ files_below("$dir/log") ], dump => [ "$dir/dump.sql" ], 'data directory' => [ files_below($node->data_dir) ], standby => [ files_below($standby->data_dir) ]);
is(found_in(@{ $places{$_} }), '', "neither the canary nor a root key is in the $_") foreach sort keys %places;
my $log = join('', map { slurp_file($_) } @{ $places{log} });
like($log, $_, "the logs have everything else: $_") foreach (qr/temporary file: path "base\/pgsql_tmp/, qr/Query Text: /, qr/"message":"duration/, qr/secret cannot be opened/);
cmp_ok(scalar(grep { /\.(csv|json|log)$/ } @{ $places{log} }), '>=', 3, 'in three formats');
like(slurp_file("$dir/dump.sql"), qr/tm1:xchacha20-poly1305:/, 'the dump has the secrets, sealed');

done_testing();
