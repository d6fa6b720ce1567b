# 058_walls_together.pl: locks, assigned roles, tokens, tags and the refusal of
# sessions that are bound, two at a time.  What one of them forbids no other
# allows: a token opens no lock and no other tenant to a role that has one.

use strict;
use warnings;
use FindBin;
use JSON::PP;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Protocol;
use TenantTest;
use TokenTest;

plan skip_all => 'needs python3-jwt and python3-cryptography' unless can_mint();

my $key = public_key('a');
my $node = new_node('together', "shared_preload_libraries = 'tenant_mgr'\ntenant_mgr.token_public_key = '$key'\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	SELECT tenant.create(n) FROM unnest('{acme,beta}'::text[]) AS n;
	CREATE TABLE acme.item AS SELECT 'of acme' AS name;
	CREATE TABLE beta.item AS SELECT 'of beta' AS name;
	CREATE ROLE free LOGIN;
	CREATE ROLE pooled LOGIN;
	CREATE ROLE acme_app LOGIN;
	CREATE ROLE acme_pooled LOGIN;
	GRANT USAGE ON SCHEMA acme, beta TO free, pooled, acme_app, acme_pooled;
	GRANT SELECT ON acme.item, beta.item TO free, pooled, acme_app, acme_pooled;
	ALTER ROLE pooled SET tenant_mgr.session_switch = deny;
	ALTER ROLE acme_pooled SET tenant_mgr.session_switch = deny;
	SELECT tenant.assign_role('acme', 'acme_app');
	SELECT tenant.assign_role('acme', 'acme_pooled');
});

sub claims { return { key => 'a', claims => { tenant => 'acme', exp => '600', @_ } }; }
sub once { return claims(iat => '0', single_use => JSON::PP::true, @_); }
my ($acme, $beta) = mint(claims(), claims(tenant => 'beta'));
sub by { my ($token, $local) = @_; return "SELECT tenant.switch_token('$token', " . ($local ? 'true' : 'false') . ')'; }
sub client { my ($role) = @_; return Protocol->new($node, 'app', $role); }

sub stays_with_acme
{
	my ($client, $what) = @_;
	$client->query('ROLLBACK');
	is($client->query('SELECT tenant.current(), name FROM item'), 'acme,of acme', "$what: it stays with acme");
	return;
}

# a locked session
my $client = client('free');
$client->query("SELECT tenant.switch('acme'); SELECT tenant.lock('key')");
my $single = mint(once(tenant => 'beta', jti => 'locked'));
is($client->query(by($beta)), 'TM004', 'locked: a token for another tenant');
is($client->query(by($beta, 1)), 'TM004', 'locked: for a transaction');
is($client->query('BEGIN; ' . by($beta, 1)), 'TM004', 'locked: in a transaction');
$client->query('ROLLBACK');
is($client->extended('SELECT tenant.switch_token($1)', $beta), 'TM004', 'locked: as a parameter');
is($client->query("DO \$\$BEGIN PERFORM tenant.switch_token('$beta'); EXCEPTION WHEN OTHERS THEN NULL; END\$\$; SELECT tenant.current()"), 'acme', 'locked: with the error caught');
is($client->query(by($single)), 'TM004', 'locked: a token for a single use');
is($client->query(by($beta . 'x')), 'TM005', 'locked: a token that is none');
stays_with_acme($client, 'locked');
is($client->query(by($acme)), 'acme', 'locked: a token for its own tenant changes nothing');
is($client->query('SELECT tenant.is_locked()'), 't', 'locked: nor does it unlock');
stays_with_acme($client, 'locked, by a token');
is($client->query("SELECT tenant.unlock('key')"), '', 'unlocked');
is($client->query(by($single)), 'beta', 'the token for a single use has not been used up');
is($client->query(by($single)), 'TM005', 'now it has');
$client->leave;

# a session that is locked with a token that expires
$client = client('free');
is($client->query(by(scalar mint(claims(exp => '3'))) . "; SELECT tenant.lock('key')"), 'acme ', 'locked with a token');
my $answer;
do { $answer = $client->query('SELECT name FROM item') } while $answer eq 'of acme';
is($answer, 'TM005', 'it expires');
is($client->query("SELECT tenant.switch('acme')"), 'acme', 'switching anew ends that where no token is required');
is($client->query('SELECT name, tenant.is_locked() FROM item'), 'of acme,t', 'and not the lock');
$client->leave;

# An assigned role.  A token does not widen it.
$client = client('acme_app');
is($client->query(by($beta)), 'TM004', 'assigned: a token for another tenant');
is($client->query(by($beta, 1)), 'TM004', 'assigned: for a transaction');
$single = mint(once(tenant => 'beta', jti => 'assigned'));
is($client->query(by($single)), 'TM004', 'assigned: a token for a single use');
stays_with_acme($client, 'assigned');
is($client->query(by($acme)), 'acme', 'assigned: a token for its own tenant');
is($client->query("SELECT tenant.lock('key'); SELECT tenant.is_locked()"), ' t', 'assigned: a lock as well');
is($client->query("SELECT tenant.switch('beta')"), 'TM004', 'assigned and locked: a switch');
is($client->query(by($beta)), 'TM004', 'assigned and locked: a token');
is($client->query('DISCARD ALL'), 'TM004', 'assigned and locked: DISCARD ALL');
stays_with_acme($client, 'assigned and locked');
is($client->query("SELECT tenant.unlock('key'); SELECT tenant.switch('beta')"), ' TM004', 'the key unlocks nothing but the lock');
$client->leave;
$client = client('free');
is($client->query(by($single)), 'beta', 'assigned: that token has not been used up');
$client->leave;

# and where every switch requires one
$node->safe_psql('app', q{ALTER SYSTEM SET tenant_mgr.switch_requires = 'token'; SELECT pg_reload_conf()});
$node->poll_query_until('app', q{SELECT current_setting('tenant_mgr.switch_requires') = 'token'});
$client = client('free');
is($client->query("SELECT tenant.switch('acme')"), 'TM005', 'a token is required');
is($client->query(by($acme)), 'acme', 'and enough');
$client->leave;
foreach my $round ('with its setting', 'without it')
{
	$client = client('acme_app');
	# Without the setting, names are looked up before the session has been bound.
	is($client->query('SELECT name FROM item'), $round eq 'without it' ? '42P01' : 'of acme', "token required, assigned $round: the first statement");
	is($client->query('SELECT 1'), '1', "token required, assigned $round: binds the session");
	stays_with_acme($client, "token required, assigned $round");
	is($client->query("SELECT tenant.switch('acme')"), 'acme', "token required, assigned $round: to its own tenant");
	is($client->query("SELECT tenant.switch('beta')"), 'TM004', "token required, assigned $round: not to another");
	is($client->query(by($beta)), 'TM004', "token required, assigned $round: not by a token");
	is($client->query('RESET tenant_mgr.tenant; SELECT 1'), $round eq 'without it' ? 'TM004' : '1', "token required, assigned $round: RESET");
	stays_with_acme($client, "token required, assigned $round, RESET");
	is($client->query('DISCARD ALL'), '', "token required, assigned $round: DISCARD ALL");
	stays_with_acme($client, "token required, assigned $round, DISCARD");
	$client->leave;
	$node->safe_psql('app', 'ALTER ROLE acme_app IN DATABASE app RESET ALL');
}
$node->safe_psql('app', q{SELECT tenant.assign_role('acme', 'acme_app')});
$node->safe_psql('app', q{ALTER SYSTEM RESET tenant_mgr.switch_requires; SELECT pg_reload_conf()});
$node->poll_query_until('app', q{SELECT current_setting('tenant_mgr.switch_requires') = 'usage'});

# A role whose sessions must not be bound.
$client = client('pooled');
$single = mint(once(jti => 'pooled'));
is($client->query(by($single)), '42501', 'session_switch: a token does not bind the session');
is($client->query('SELECT tenant.current()'), 'null', 'session_switch: it is not bound');
is($client->query('BEGIN; ' . by($single, 1) . '; SELECT name FROM item; COMMIT'), 'acme of acme', 'session_switch: a transaction it does, for the token has not been used up');
is($client->query('SELECT tenant.current()'), 'null', 'session_switch: and nothing more');
is($client->query('BEGIN; ' . by($acme, 1) . "; SELECT tenant.lock('key'); SELECT tenant.switch_local('beta')"), 'acme  TM004', 'session_switch: locked for a transaction');
$client->query('ROLLBACK');
is($client->query('SELECT 1'), 'TM004', 'session_switch: what is locked and has lost its tenant does nothing');
is($client->query("SELECT tenant.unlock('key'); SELECT 1"), ' 1', 'session_switch: until it is unlocked');
$client->leave;

# which is no hindrance to a role that has a tenant
$client = client('acme_pooled');
stays_with_acme($client, 'session_switch, assigned');
is($client->query("BEGIN; SELECT tenant.switch_local('beta')"), 'TM004', 'session_switch, assigned: another tenant');
stays_with_acme($client, 'session_switch, assigned, after a switch');
is($client->query('BEGIN; ' . by($beta, 1)), 'TM004', 'session_switch, assigned: another one by token');
stays_with_acme($client, 'session_switch, assigned, after a token');
is($client->query('DISCARD ALL'), '', 'session_switch, assigned: DISCARD ALL');
stays_with_acme($client, 'session_switch, assigned, DISCARD');
$client->leave;

# Tags
$node->safe_psql('app', 'ALTER ROLE free SET tenant_mgr.verify_tag = enforce; ALTER ROLE acme_app SET tenant_mgr.verify_tag = enforce');
my ($refused, $logged) = split / /, $node->safe_psql('app', q{SELECT refused || ' ' || logged FROM tenant.guard_stats WHERE tenant = 'acme'}) || '0 0';
$client = client('free');
is($client->query(by($acme) . q{ /*tenant='acme'*/}), 'acme', 'tag: of the switch itself');
is($client->query(by($beta) . q{ /*tenant='beta'*/}), 'beta', 'tag: of the next one');
is($client->query(by($acme)), 'acme', 'tag: back');
is($client->query(q{SELECT name FROM item /*tenant='acme'*/}), 'of acme', 'tag: of a statement');
is($client->query(q{SELECT name FROM item /*tenant='beta'*/}), 'TM003', 'tag: of another tenant');
$client->query("SELECT tenant.lock('key')");
is($client->query(q{SELECT name FROM item /*tenant='beta'*/}), 'TM003', 'tag, locked: of another tenant');
is($client->query(by($beta) . q{ /*tenant='beta'*/}), 'TM004', 'tag, locked: a switch');
stays_with_acme($client, 'tag, locked');
$client->leave;
$client = client('acme_app');
is($client->query(q{SELECT name FROM item /*tenant='acme'*/}), 'of acme', 'tag, assigned');
is($client->query(q{SELECT name FROM item /*tenant='beta'*/}), 'TM003', 'tag, assigned: of another tenant');
stays_with_acme($client, 'tag, assigned');
$client->leave;
is($node->safe_psql('app', q{SELECT refused || ' ' || logged FROM tenant.guard_stats WHERE tenant = 'acme'}),
	($refused + 3) . " $logged", 'tag: refusals are counted');

# One line in the log for what a client sends, whatever it consists of.
$node->safe_psql('app', q{
	ALTER ROLE free SET tenant_mgr.verify_tag = log;
	CREATE TABLE acme.parent (id int PRIMARY KEY);
	CREATE TABLE acme.child (id int REFERENCES acme.parent);
	CREATE FUNCTION acme.trig() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM name FROM item; RETURN NEW; END $$;
	CREATE TRIGGER trig BEFORE INSERT ON acme.child FOR EACH ROW EXECUTE FUNCTION acme.trig();
	GRANT ALL ON acme.parent, acme.child TO free;
});
$client = client('free');
$client->query("SELECT tenant.switch('acme')");
foreach my $sql (q{SELECT name FROM item}, q{SELECT 1; SELECT 2; SELECT name FROM item}, q{INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1)},
	q{DO $$BEGIN PERFORM 1; PERFORM name FROM item; END$$}, q{EXPLAIN SELECT 1}, q{SELECT name FROM item /*tenant='gamma'*/}, q{BEGIN; INSERT INTO parent VALUES (2); INSERT INTO child VALUES (2); COMMIT})
{
	my $position = log_position($node);
	$client->query("$sql /*tenant='beta'*/");
	my $lines = () = log_since($node, $position) =~ /LOG:  statement is tagged for tenant "\w+" and the session is bound to "acme"/g;
	is($lines, 1, "logged: $sql in one line");
}
is($client->query('SELECT count(*) FROM child'), '2', 'logged: all has been done');
is($node->safe_psql('app', q{SELECT refused || ' ' || logged FROM tenant.guard_stats WHERE tenant = 'acme'}),
	($refused + 3) . ' ' . ($logged + 7), 'tag: lines are counted');
$client->leave;

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'no crash');
$node->stop;
done_testing();
