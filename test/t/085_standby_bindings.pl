# 085_standby_bindings.pl: sessions on a standby that are bound to a tenant follow
# what happens to it on the primary: they are idle while it is replayed, and their
# next statement works, or is refused as it is on the primary.
#
# Nobody wakes a session up on a standby, so each of these statements is the
# first that the session can notice anything by.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Protocol;
use TenantTest;

my $db = 'bound';
my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$primary->append_conf('postgresql.conf', "autovacuum = off\nmax_locks_per_transaction = 128\nmax_connections = 40\nwal_keep_size = 256MB\n");
$primary->start;
new_database($primary, $db);
foreach my $name (qw(k1 k4))
{
	$primary->safe_psql($db, qq{
		SELECT tenant.create('$name');
		CREATE TYPE $name.mood AS ENUM ('happy');
		CREATE TABLE $name.t (w text, m $name.mood);
		INSERT INTO $name.t VALUES ('rows of $name', 'happy');
		CREATE FUNCTION $name.f() RETURNS text LANGUAGE sql STABLE RETURN 'function of $name'});
}
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "max_standby_streaming_delay = -1\n");
$standby->start;

# What a session asks first, when something has been replayed.
my @questions = (
	[ 'a table', 'SELECT w FROM t', 'rows of k1' ],
	[ 'a function', 'SELECT f()', 'function of k1' ],
	[ 'a type', q{SELECT 'happy'::mood}, 'happy' ],
	[ 'a name in a text', q{SELECT 't'::regclass = (SELECT oid FROM pg_class WHERE relname = 't' AND relnamespace = current_schema()::regnamespace)}, 't' ],
	[ 'a subquery', 'SELECT (SELECT count(*) FROM t x WHERE x.m = y.m) FROM t y', '1' ],
	[ 'a copy', 'COPY t TO STDOUT', "rows of k1\thappy" ],
	[ 'a cursor', 'BEGIN; DECLARE c CURSOR FOR SELECT w FROM t; FETCH c; COMMIT', 'rows of k1' ],
	[ 'a block', q{DO $$ BEGIN PERFORM f() FROM t; END $$}, '' ],
	[ 'current()', 'SELECT tenant.current()', undef ],
);

my $name = 'k1';
my @sessions = map { bound_session($name) } @questions;
my $prepared = bound_session($name);
$prepared->query_safe('PREPARE p AS SELECT w FROM t');
my $protocol = Protocol->new($standby, $db);
$protocol->query("SELECT tenant.switch('$name')");
$protocol->parse('s', 'SELECT w, f() FROM t')->bind('', 's')->execute('')->sync;
is($protocol->answers, 'rows of k1,function of k1', 'a statement of the protocol');
my $other = bound_session('k4');

foreach my $case ([ 'its name is free', 'k2' ], [ 'its name is free for the second time', 'k3' ],
	[ 'another tenant has its name', 'k5', "SELECT tenant.rename('k4', 'k3')" ],
	[ 'another tenant got its name in the same transaction', 'k6', "SELECT tenant.create('k5', template => 'k3')" ],
	[ 'its schema was renamed', 'k6', undef, 'ALTER SCHEMA k6 RENAME TO k7' ])
{
	my ($what, $new, $then, $instead) = @$case;
	# in one transaction, so that nobody can look between the two
	$primary->safe_psql($db, 'BEGIN; ' . ($instead // "SELECT tenant.rename('$name', '$new')") . '; ' . ($then // '') . '; COMMIT');
	$primary->wait_for_catchup($standby, 'replay');
	for my $i (0 .. $#questions)
	{
		my ($about, $sql, $expected) = @{ $questions[$i] };
		is(answer($sessions[$i], $sql), $expected // $new, "$what: $about");
	}
	is(answer($prepared, 'EXECUTE p'), 'rows of k1', "$what: a prepared statement");
	$protocol->bind('', 's')->execute('')->sync;
	is($protocol->answers, 'rows of k1,function of k1', "$what: a prepared statement of the protocol");
	$name = $new;
}
is(answer($other, 'SELECT w FROM t'), 'rows of k4', 'the tenant that has been given an old name is followed as well');
is(answer($other, 'SHOW tenant_mgr.tenant'), 'k3', 'under that name');

# replay does not wait for a transaction; it may have to be repeated, and works then
$sessions[0]->query_safe('BEGIN; SELECT w FROM t');
$primary->safe_psql($db, "SELECT tenant.rename('$name', 'k9'); SELECT tenant.create('$name', template => 'k3'); ALTER SCHEMA k9 RENAME TO k7");
$name = 'k9';
$primary->wait_for_catchup($standby, 'replay');
my $within = answer($sessions[0], 'SELECT w FROM t');
like($within, qr/^(rows of k1$|42P01|40001|TM003)/, 'within a transaction: its own rows, or an error');
$sessions[0]->query('ROLLBACK');
is(answer($sessions[0], 'BEGIN; SELECT w FROM t; COMMIT'), 'rows of k1', 'the transaction again');

# the schema is another one
$primary->safe_psql($db, "SELECT tenant.snapshot('$name', 's'); INSERT INTO k7.t VALUES ('never', NULL); SELECT tenant.rollback_to('$name', 's')");
$primary->wait_for_catchup($standby, 'replay');
is(answer($sessions[$_], $questions[$_][1]), $questions[$_][2] // $name, "rolled back: $questions[$_][0]") foreach 0 .. $#questions;

# what is refused is refused
$primary->safe_psql($db, "SELECT tenant.suspend('$name')");
$primary->wait_for_catchup($standby, 'replay');
like(answer($sessions[0], 'SELECT w FROM t'), qr/TM001/, 'suspended: refused');
$primary->safe_psql($db, "SELECT tenant.resume('$name')");
$primary->wait_for_catchup($standby, 'replay');
is(answer($sessions[0], 'SELECT w FROM t'), 'rows of k1', 'resumed: it goes on');
$primary->safe_psql($db, "SELECT tenant.drop('$name'); SELECT tenant.create('$name', template => 'k3')");
$primary->wait_for_catchup($standby, 'replay');
like(answer($sessions[0], 'SELECT w FROM t'), qr/3F000|42P01/, 'dropped, and its name used again: refused');
$primary->safe_psql($db, "SELECT tenant.drop('$name', purge => true); SELECT tenant.restore('$name', 'back')");
$primary->wait_for_catchup($standby, 'replay');
is(answer($sessions[0], 'SELECT w FROM t'), 'rows of k1', 'restored under another name: it goes on');

# a session that nothing happens to is left in peace, and so is one that is not bound
my $free = session();
is(answer($free, 'SELECT count(*) FROM t'), "42P01: relation \"t\" does not exist", 'a session that is not bound');
is(answer($other, "SELECT pg_sleep(0.05); SELECT w FROM t"), "\nrows of k4", 'a session whose tenant is as it was');

# a new primary needs none of this
# nothing is recorded there, and it is the server that says why
{
	local $ENV{PGOPTIONS} = '-c tenant_mgr.tenant=k4 -c tenant_mgr.record=0001';
	my ($status, $out, $err) = $standby->psql($db, 'CREATE TABLE recorded ()');
	like($err, qr/cannot execute CREATE TABLE in a read-only transaction/, 'a session that would record');
}

$standby->promote;
is(answer($other, 'SELECT w FROM t'), 'rows of k4', 'promoted: a session from before goes on');
$standby->safe_psql($db, "SELECT tenant.rename('k3', 'k8'); SELECT tenant.create('k3')");
is(answer($other, 'SELECT w FROM t'), 'rows of k4', 'and follows');
$_->quit foreach @sessions, $prepared, $other, $free;
$protocol->{socket}->close;
$standby->stop;
$primary->stop;
done_testing();

sub session
{
	my $session = $standby->background_psql($db, on_error_stop => 0);
	$session->query_safe('\set VERBOSITY verbose');
	return $session;
}

sub bound_session
{
	my ($tenant) = @_;
	my $session = session();
	$session->query_safe("SELECT tenant.switch('$tenant')");
	return $session;
}

# What comes of it, or the error.
sub answer
{
	my ($session, $sql) = @_;
	$session->{stderr} = '';
	my $answer = $session->query($sql);
	return $session->{stderr} =~ /ERROR:  (\S+: .*)/ ? $1 : $answer;
}
