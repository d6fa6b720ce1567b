# 102_prepared.pl: what a prepared transaction leaves behind.  Everybody can
# prepare one, and it stays for as long as nobody ends it: nobody waits for it
# for ever who needs a key, or who takes one away.  What it does for others when
# it commits is done when somebody else commits it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/ring", '1:' . 'ab' x 32 . "\n");
chmod 0600, "$dir/ring";
my $node = new_node('prepared', qq{
shared_preload_libraries = 'tenant_mgr'
max_prepared_transactions = 10
tenant_mgr.key_file = '$dir/ring'
tenant_mgr.unbound = allow
tenant_mgr.health_interval = 10min
fsync = off
});
new_database($node, 'app');
sub value { return $node->safe_psql('app', "SET statement_timeout = '60s'; $_[0]"); }
sub failure
{
	my ($rc, $out, $err) = $node->psql('app', "\\set VERBOSITY verbose\nSET statement_timeout = '60s';\n$_[0]");
	return $err =~ /ERROR:  (.*)/s ? $1 : "no error: $out";
}
value(q{
	CREATE TABLE s (i int, s tenant.secret);
	SELECT tenant.create(n) FROM unnest('{a,b,c,d}'::text[]) AS n;
	CREATE ROLE app LOGIN;
	GRANT USAGE ON SCHEMA a, b, c, d TO app;
	GRANT SELECT, INSERT ON s TO app;
	GRANT USAGE ON SCHEMA tenant TO app;
	GRANT EXECUTE ON FUNCTION tenant.encrypt(text, text, text) TO app;
	SELECT tenant.add_connection('main', host => '127.0.0.1', port => 1, database_name => 'x', username => 'x')});
sub seal { my ($tenant, $i) = @_; return "SELECT tenant.switch_local('$tenant'); INSERT INTO public.s VALUES ($i, tenant.encrypt('kept', 'c', '$i'));"; }
sub opens { my ($tenant, $i) = @_; return "SELECT tenant.switch('$tenant') \\g /dev/null\nSELECT tenant.decrypt(s, 'c', '$i') FROM public.s WHERE i = $i"; }

# a database's first key
value(q{SET ROLE app; BEGIN; INSERT INTO s VALUES (0, tenant.encrypt('kept', 'c', '0')); PREPARE TRANSACTION 'first'});
value(q{SELECT tenant.set_password('main', 'secret')});
is(value(q{SELECT tenant.password('main')}), 'secret', "a prepared transaction that makes a database's first key keeps nobody from another one");
value(q{BEGIN; INSERT INTO s VALUES (10, tenant.encrypt('kept', 'c', '10')); COMMIT});
value(q{COMMIT PREPARED 'first'});
is(value(q{SELECT string_agg(tenant.decrypt(s, 'c', i::text), ',') FROM s}), 'kept,kept', 'all of it can be opened');
is(value(q{SELECT tenant.password('main')}), 'secret', 'afterwards, too');

# who waits already while it is prepared waits no more
my $maker = $node->background_psql('app', on_error_stop => 0);
$maker->query_safe('BEGIN; ' . seal('d', 30));
my $waiter = $node->background_psql('app', on_error_stop => 0);
$waiter->query_until(qr/begun/, "\\echo begun\nBEGIN; " . seal('d', 31) . " COMMIT;\n");
ok($node->poll_query_until('app', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'}), 'somebody waits for a key that is being made');
$maker->query_safe(q{PREPARE TRANSACTION 'd'});
$waiter->query('SELECT 1');
is(value(opens('d', 31)), 'kept', 'until its maker is prepared');
value(q{COMMIT PREPARED 'd'});
is(value(opens('d', 30)), 'kept', 'whose key is good as well');
$_->quit foreach $maker, $waiter;

# one upon the other, with a restart
value('SET ROLE app; BEGIN; ' . seal('a', $_) . " PREPARE TRANSACTION 'a$_'") foreach 1 .. 3;
$node->restart;
value('BEGIN; ' . seal('a', 4) . ' COMMIT');
is(value(opens('a', 4)), 'kept', 'several of them, and a restart, make no difference');
value("COMMIT PREPARED 'a$_'") foreach 2, 1;
value(q{ROLLBACK PREPARED 'a3'});
is(value(opens('a', $_)), 'kept', "what was committed is there: $_") foreach 1, 2, 4;
is(value('SELECT count(*) FROM s WHERE i = 3'), 0, 'and what was rolled back is not');
is(value('BEGIN; ' . seal('a', 5) . ' COMMIT; SELECT count(*) FROM tenant.data_key d JOIN tenant.registry r ON d.scope = r.id WHERE r.name = $$a$$') =~ s/.*\n//sr, 3, 'no key has been made that is not needed');

# who shreds sees what was sealed before, and does not wait for it
value('SET ROLE app; BEGIN; ' . seal('a', 6) . seal('a', 7) . " SAVEPOINT x; " . seal('a', 8) . " RELEASE x; PREPARE TRANSACTION 'late'");
is(value(q{SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND classid = 'tenant.data_key'::regclass}), 0, 'a prepared transaction has no lock on keys that it has only used');
value(q{SELECT tenant.shred('a')});
value(q{COMMIT PREPARED 'late'});
like(failure(opens('a', $_)), qr/^TM007/, "what was sealed before is shredded: $_") foreach 1, 4, 6, 7, 8;
value('BEGIN; ' . seal('a', 9) . ' COMMIT');
is(value(opens('a', 9)), 'kept', 'there is a new key afterwards');

# a key that is not committed cannot be shredded, which is said
value('SET ROLE app; BEGIN; ' . seal('b', 20) . " PREPARE TRANSACTION 'maker''s'");
like(failure(q{SELECT tenant.shred('b')}), qr/^55006: cannot remove data keys while a prepared transaction makes one of them\nDETAIL:  The transaction is called "maker's"\.\nHINT:  /, 'a key that is being made is in the way');
value(q{SELECT tenant.shred('a')});
value(q{COMMIT PREPARED 'maker''s'});
is(value(opens('b', 20)), 'kept', 'it can be used when it is there');
value(q{SELECT tenant.shred('b')});
like(failure(opens('b', 20)), qr/^TM007/, 'and shredded');

# a transaction that goes on keeps its lock
my $session = $node->background_psql('app', on_error_stop => 0);
$session->query_safe('BEGIN; ' . seal('b', 21));
like(failure(q{SET lock_timeout = '200ms'; SELECT tenant.shred('b')}), qr/^55P03/, 'who is about to seal is waited for');
$session->query_safe('ROLLBACK');

# what others are told when somebody else commits
my $status = q{SELECT status FROM tenant.connection_health WHERE connection_name = 'new'};
value(q{BEGIN; SELECT tenant.add_connection('new', host => '127.0.0.1', port => 1, database_name => 'x', username => 'x'); PREPARE TRANSACTION 'new'});
value(q{COMMIT PREPARED 'new'});
ok($node->poll_query_until('app', "SELECT count(*) = 1 FROM ($status) s WHERE status <> 'unknown'"), 'a connection is looked at once its transaction is committed');
$session->query_safe(q{SELECT tenant.switch('c')});
value(q{BEGIN; SELECT tenant.rename('c', 'renamed'); PREPARE TRANSACTION 'rename'});
value(q{COMMIT PREPARED 'rename'});
my $path = '';
foreach (1 .. 600)
{
	last if ($path = $session->query(q{SHOW search_path})) =~ /renamed/;
	select(undef, undef, undef, 0.1);
}
like($path, qr/renamed/, 'a bound session follows a rename that somebody else commits');
$session->quit;
$node->stop;
done_testing();
