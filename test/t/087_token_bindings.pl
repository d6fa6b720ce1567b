# 087_token_bindings.pl: what a token gives and for how long: with a token
# required there is no other way in; a binding ends with its token and is
# undone by what undoes any other; a token for a single use is used once, by
# whomever, whatever becomes of the transaction or of the server.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;
use TokenTest;

plan skip_all => 'needs python3-jwt and python3-cryptography' unless can_mint();

use constant EXPIRED => 'TM005: token has expired';

my $key = public_key('a');
my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$primary->append_conf('postgresql.conf', qq{
shared_preload_libraries = 'tenant_mgr'
restart_after_crash = on
max_connections = 30
tenant_mgr.token_public_key = '$key'
tenant_mgr.max_used_tokens = 16
});
$primary->start;
new_database($primary, 'app');
$primary->safe_psql('app', q{
	SELECT tenant.create(n) FROM unnest('{acme,beta}'::text[]) AS n;
	CREATE TABLE acme.t AS SELECT 'of acme' AS who;
	CREATE TABLE beta.t AS SELECT 'of beta' AS who;
	CREATE ROLE regress_tm_app LOGIN;
	CREATE ROLE regress_tm_bound LOGIN;
	ALTER ROLE regress_tm_bound SET tenant_mgr.tenant = 'beta';
	GRANT USAGE ON SCHEMA acme, beta TO regress_tm_app, regress_tm_bound;
	GRANT SELECT ON acme.t, beta.t TO regress_tm_app, regress_tm_bound;
});

sub try { my ($sql, %options) = @_; return attempt($primary, 'app', $options{user} // 'regress_tm_app', $sql, %options); }
sub claims { return { key => 'a', claims => { tenant => 'acme', exp => '600', @_ } }; }
sub by { my ($token, $rest) = @_; return "tenant.switch_token('$token'" . ($rest // '') . ')'; }

sub set
{
	my ($node, $name, $value) = @_;
	$node->safe_psql('app', "ALTER SYSTEM SET tenant_mgr.$name = " . literal($value));
	$node->reload;
	$node->poll_query_until('app', "SELECT current_setting('tenant_mgr.$name') = " . literal($value))
	  or die "tenant_mgr.$name is not $value";
	return;
}

my ($acme, $beta) = mint(claims(), claims(tenant => 'beta'));

# a token where none is required
is(try("SELECT @{[by($acme)]}; SELECT who FROM t; SELECT tenant.switch('beta'); SELECT who FROM t"), "acme\nof acme\nbeta\nof beta", 'a token is one more way in');
is(try("BEGIN; SELECT @{[by($acme, ', local => true')]}; SELECT who FROM t; COMMIT; SELECT tenant.current() IS NULL"), "acme\nof acme\nt", 'also for a transaction');
is(try("BEGIN; SELECT @{[by($acme, ', local => true')]}; SELECT tenant.switch('acme'); COMMIT; SELECT who FROM t"), "acme\nacme\nof acme", 'and no hindrance for those who need none');

# a token where one is required
set($primary, 'switch_requires', 'token');
is(try("SELECT @{[by($acme)]}; SELECT who FROM t; SELECT @{[by($beta)]}; SELECT who FROM t"), "acme\nof acme\nbeta\nof beta", 'with a token');
foreach my $spelling (q{SELECT tenant.switch('acme')}, q{SELECT tenant.switch_local('acme')}, q{SET tenant_mgr.tenant = 'acme'},
	q{SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; SET tenant_mgr.tenant TO acme}, q{SELECT set_config('tenant_mgr.tenant', 'acme', true)},
	q{ALTER ROLE regress_tm_app SET tenant_mgr.tenant = 'acme'}, q{DO $$BEGIN PERFORM tenant.switch('acme'); END$$},
	q{CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql SET tenant_mgr.tenant = 'acme' AS 'SELECT 1::text'})
{
	is(try("$spelling; SELECT tenant.current() IS NULL"), "t\n" . MISSING, "without: $spelling");
}
is(try("SELECT @{[by($beta)]}; SELECT tenant.switch('acme'); SELECT who FROM t"), "beta\nof beta\n" . MISSING, 'a token for one tenant is none for another');
is(try('SELECT 1', options => '-c tenant_mgr.tenant=acme'), MISSING, 'the wish of a client is refused');
is(try("SELECT @{[by($acme)]}; SELECT who FROM t", options => '-c tenant_mgr.tenant=beta'), "acme\nof acme", 'until it has a token');
is(try('SELECT 1; RESET tenant_mgr.tenant', options => '-c tenant_mgr.tenant=acme', user => 'regress_tm_bound'), join("\n", (MISSING) x 2), 'also where the role has a default');
unlike(try('SELECT 1', options => '-c tenant_mgr.switch_requires=usage'), qr/^1$/, 'a client does not choose what is required');
is(try("SELECT who FROM t; SELECT @{[by($acme)]}; SELECT who FROM t; RESET tenant_mgr.tenant; SELECT who FROM t", user => 'regress_tm_bound'),
	join("\n", 'acme', 'of acme', 'of acme', '42P01: relation "t" does not exist', MISSING), 'a default of the role needs a token, and so does going back to it');
is(try("SELECT @{[by($acme)]}; DISCARD ALL; SELECT 1", user => 'regress_tm_bound'), "acme\n" . MISSING, 'likewise by DISCARD ALL');
is($primary->safe_psql('app', q{SELECT tenant.switch('acme'); SELECT who FROM t}), "acme\nof acme", 'a superuser needs none');
is(try("SELECT @{[by($acme)]}; SET search_path = public; SELECT tenant.switch('acme'); SELECT who FROM t"), "acme\nacme\nof acme", 'who is bound can say so again');

# undone by what undoes any other binding
is(try("SELECT @{[by($acme)]}; BEGIN; SELECT @{[by($beta)]}; SELECT who FROM t; ROLLBACK; SELECT who FROM t"), "acme\nbeta\nof beta\nof acme", 'by a rollback');
is(try("BEGIN; SELECT @{[by($acme)]}; SAVEPOINT s; SELECT @{[by($beta, ', local => true')]}; ROLLBACK TO s; SELECT who FROM t; COMMIT; SELECT who FROM t"),
	"acme\nbeta\nof acme\nof acme", 'to a savepoint');
is(try("BEGIN; SELECT @{[by($acme)]}; SELECT @{[by($beta, ', local => true')]}; SELECT who FROM t; COMMIT; SELECT who FROM t"), "acme\nbeta\nof beta\nof acme", 'by the end of the transaction');
is(try("BEGIN; SELECT @{[by($acme, ', true')]}; SELECT tenant.switch('acme'); SELECT who FROM t; COMMIT; SELECT who FROM t; SELECT tenant.reset(); SELECT 1"),
	"acme\nacme\nof acme\n\n1\n" . EXPIRED, 'a token for a transaction is worth nothing in the next');
is(try("SELECT @{[by($acme)]}; SELECT @{[by('x')]}; SELECT who FROM t"), "acme\nof acme\n" . REFUSED, 'a bad token leaves the session where it was');

# a tenant that is renamed is followed
my $session = $primary->background_psql('app', extra_params => [ '-U', 'regress_tm_app' ]);
$session->query_safe("SELECT @{[by($acme)]}");
$primary->safe_psql('app', q{SELECT tenant.rename('acme', 'apex')});
is($session->query_safe('SELECT tenant.current(), who FROM t'), 'apex|of acme', 'renamed: the session follows without a token');
$primary->safe_psql('app', q{SELECT tenant.rename('apex', 'acme')});
$primary->safe_psql('app', q{REVOKE USAGE ON SCHEMA acme FROM regress_tm_app});
like(try("SELECT @{[by($acme)]}"), qr/^42501: permission denied for schema acme/, 'a token is no privilege');
$primary->safe_psql('app', q{GRANT USAGE ON SCHEMA acme TO regress_tm_app});
$session->quit;

# until it expires
my $wait = q{SELECT pg_sleep_until(to_timestamp(%s)) IS NULL};
sub soon { my $at = time() + 5; return ($at, scalar mint(claims(exp => $at))); }
my ($at, $short) = soon();
is(try("SELECT @{[by($short)]}; SELECT who FROM t; " . sprintf($wait, $at) . "; SELECT who FROM t; SELECT 1; SELECT tenant.switch('acme'); SELECT @{[by($acme)]}; SELECT who FROM t"),
	join("\n", 'acme', 'of acme', 'f', 'acme', 'of acme', EXPIRED, EXPIRED, MISSING), 'expired: statements are refused, until there is a new token');
($at, $short) = soon();
is(try("BEGIN; SELECT @{[by($short)]}; " . sprintf($wait, $at) . "; SELECT who FROM t; COMMIT; SELECT tenant.current() IS NULL"), "acme\nf\nt\n" . EXPIRED, 'expired: also within a transaction, which is rolled back');
set($primary, 'token_enforce_expiry', 'off');
($at, $short) = soon();
is(try("SELECT @{[by($short)]}; " . sprintf($wait, $at) . "; SELECT who FROM t; SELECT @{[by($short)]}"), "acme\nf\nof acme\n" . REFUSED, 'expiry not enforced: the session stays, and needs another one next time');
set($primary, 'token_enforce_expiry', 'on');
set($primary, 'switch_requires', 'usage');
($at, $short) = soon();
is(try("SELECT @{[by($short)]}; " . sprintf($wait, $at) . "; SELECT who FROM t; SELECT tenant.switch('acme'); SELECT who FROM t"), "acme\nf\nacme\nof acme\n" . EXPIRED, 'expired where none is required: a plain switch will do');

# single use
sub once { return claims(single_use => JSON::PP::true, iat => '0', jti => $_[0], @_[ 1 .. $#_ ]); }
sub refused_because
{
	my ($name, $reason, $sql, $node) = @_;
	$node //= $primary;
	my $position = log_position($node);
	like(attempt($node, 'app', 'regress_tm_app', $sql), qr/^\Q${\REFUSED}\E$/m, $name);
	like(log_since($node, $position), qr/LOG:  token refused: $reason/, "$name: the log tells why");
	return;
}
my @once = map { scalar mint(once("id$_")) } 0 .. 9;
is(try("SELECT @{[by($once[0])]}; SELECT who FROM t"), "acme\nof acme", 'once');
refused_because('not twice', 'it has been used already', "SELECT @{[by($once[0])]}");
refused_because('not twice, though it was rolled back', 'it has been used already', "BEGIN; SELECT @{[by($once[1])]}; SELECT who FROM t; ROLLBACK; SELECT @{[by($once[1])]}");
is(try('SELECT ' . by(scalar mint(once('id1', tenant => 'beta')))), 'beta', 'the same id for another tenant is another token');
$primary->safe_psql('app', 'REVOKE USAGE ON SCHEMA acme FROM regress_tm_app');
like(try("SELECT @{[by($once[2])]}"), qr/^42501/, 'a switch that fails');
$primary->safe_psql('app', 'GRANT USAGE ON SCHEMA acme TO regress_tm_app');
is(try("SELECT @{[by($once[2])]}"), 'acme', 'has not used it up');
is(try("SELECT @{[by($acme)]}; SELECT @{[by($acme)]}"), "acme\nacme", 'others work as often as one likes');
set($primary, 'token_single_use', 'all');
refused_because('unless all are for a single use', 'it is for a single use and has no id', "SELECT @{[by($acme)]}");
my $unmarked = mint(claims(jti => 'unmarked', iat => '0'));
is(try("SELECT @{[by($unmarked)]}"), 'acme', 'all for a single use: once');
refused_because('all for a single use: not twice', 'it has been used already', "SELECT @{[by($unmarked)]}");
set($primary, 'token_single_use', 'marked');

# eight sessions at the same moment
{
	my $gate = $primary->background_psql('app');
	my (@harness, @out);
	$gate->query_safe('SELECT pg_advisory_lock(4711)');
	foreach my $i (0 .. 7)
	{
		$out[$i] = '';
		push @harness, IPC::Run::start([ 'psql', '-XqAt', '-d', $primary->connstr('app') . ' user=regress_tm_app', '-v', 'VERBOSITY=sqlstate',
			'-c', 'SELECT pg_advisory_lock_shared(4711) IS NULL', '-c', "SELECT @{[by($once[3])]}" ], '<', '/dev/null', '>', \$out[$i], '2>&1', IPC::Run::timeout(120));
	}
	$primary->poll_query_until('app', q{SELECT count(*) = 8 FROM pg_stat_activity WHERE usename = 'regress_tm_app' AND wait_event = 'advisory'}) or die 'they do not wait';
	$gate->query_safe('SELECT pg_advisory_unlock(4711)');
	$_->finish foreach @harness;
	$gate->quit;
	is(scalar(grep { /^acme$/m } @out), 1, 'of eight sessions one wins');
	is(scalar(grep { /TM005/ } @out), 7, 'and seven are refused');
}

# full: id0 to id3, id2 among them, id1 of beta, and "unmarked" are remembered
my $remembered = 6;
is(try('SELECT ' . by(scalar mint(once("fill$_")))), 'acme', "room for another, $_") foreach $remembered + 1 .. 16;
refused_because('no room', 'no more than tenant_mgr.max_used_tokens can be remembered', "SELECT @{[by($once[4])]}");
is(try("SELECT @{[by($acme)]}"), 'acme', 'others need no room');

# a restart forgets which, and not that there were some
$primary->restart;
refused_because('after a restart', 'it was issued before the server remembers', "SELECT @{[by($once[5])]}");
my $after = mint(once('after'));
is(try("SELECT @{[by($after)]}"), 'acme', 'one that was issued after it');
my $pid = $primary->background_psql('app');
my $backend = $pid->query_safe('SELECT pg_backend_pid()');
my $before = mint(once('before the crash'));
kill 'KILL', $backend;
$primary->poll_query_until('app', 'SELECT true') or die 'no recovery';
$primary->wait_for_log(qr/all server processes terminated; reinitializing/);
$primary->poll_query_until('app', 'SELECT true') or die 'no recovery';
refused_because('after a crash', 'it was issued before the server remembers', "SELECT @{[by($before)]}");
refused_because('after a crash, the used one', 'it was issued before the server remembers', "SELECT @{[by($after)]}");
eval { $pid->quit };

# what has expired is forgotten: with the greatest leeway, an expired token can
# be taken for valid for as long as any is remembered after it has expired
set($primary, 'token_leeway', '5min');
my @fill = mint((map { once("again$_", iat => '300') } 1 .. 15), once('dying', iat => '300', exp => '-285'), once('last', iat => '300'));
my $last = pop @fill;
is(try('SELECT ' . by($_)), 'acme', 'room again') foreach @fill;
my $accepted = 0;
foreach (1 .. 600)
{
	last if $accepted = (try("SELECT @{[by($last)]}") eq 'acme');
	select undef, undef, undef, 0.1;
}
ok($accepted, 'there is room when one can be forgotten');
set($primary, 'token_leeway', '0');

# on a standby: the same, and its own memory
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby, 'replay');
is(attempt($standby, 'app', 'regress_tm_app', "SELECT @{[by($acme)]}; SELECT who FROM t"), "acme\nof acme", 'standby: a token is accepted');
my $there = mint(once('standby'));
is(attempt($standby, 'app', 'regress_tm_app', "SELECT @{[by($there)]}; SELECT who FROM t"), "acme\nof acme", 'standby: one for a single use');
refused_because('standby: only once', 'it has been used already', "SELECT @{[by($there)]}", $standby);
$standby->stop;

# without shared memory there is no single use
$primary->append_conf('postgresql.conf', "shared_preload_libraries = ''\nsession_preload_libraries = 'tenant_mgr'\n");
$primary->restart;
my $alone = mint(once('alone'));
is(try("SELECT @{[by($acme)]}; SELECT who FROM t"), "acme\nof acme", 'not preloaded: a token is accepted');
refused_because('not preloaded: none for a single use', 'it is for a single use, which needs the library in shared_preload_libraries', "SELECT @{[by($alone)]}");
is($primary->safe_psql('app', q{SELECT object, problem FROM tenant.doctor() WHERE object ~ 'token'}), 'setting "tenant_mgr.token_public_key"|tokens for a single use are refused', 'not preloaded: the doctor says so');
$primary->safe_psql('app', q{ALTER SYSTEM SET tenant_mgr.switch_requires = 'token'; ALTER SYSTEM SET tenant_mgr.token_public_key = ''; SELECT pg_reload_conf()});
$primary->poll_query_until('app', q{SELECT string_agg(problem, ';') = 'it requires a token, and there is no key to verify any' FROM tenant.doctor() WHERE object ~ 'token|switch'});
pass('the doctor misses the key');
unlike(slurp_file($primary->logfile), qr/PANIC|TRAP|signal (6|11)/, 'no crash but the one we made');

$primary->stop;
done_testing();
