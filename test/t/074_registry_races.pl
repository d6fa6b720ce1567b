# 074_registry_races.pl: what was true before a wait is looked at again after
# it, and nobody waits for what is not theirs.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('registry_races', "shared_preload_libraries = 'tenant_mgr'\n");
new_database($node, 'app');

sub sql { return $node->safe_psql('app', @_) }

# Start a statement that has to wait; the result is the session.
sub begin_waiting
{
	my ($statement) = @_;
	my $session = $node->background_psql('app', on_error_stop => 0);
	$session->query_until(qr/asked/, "\\set VERBOSITY sqlstate\n\\echo asked\n$statement\n");
	$node->poll_query_until('app', q{SELECT count(*) = 1 FROM pg_stat_activity
		WHERE wait_event_type = 'Lock' AND datname = 'app'}) or die "nobody waits: $statement";
	return $session;
}

sub error_of
{
	my ($session) = @_;
	$session->query('SELECT 1');
	my $error = $session->{stderr};
	$session->quit;
	return $error;
}

# A view that another session makes while a drop waits for it.
my %drops = (
	'tenant.drop with purge' => q{SELECT tenant.drop('a', true);},
	'tenant.drop_snapshot' => q{SELECT tenant.drop_snapshot('a', 's');},
	'tenant.purge' => q{CALL tenant.purge('a');});
for my $what (sort keys %drops)
{
	sql(q{SELECT tenant.create('a'); CREATE TABLE a.t (i int); SELECT tenant.snapshot('a', 's')});
	sql(q{SELECT tenant.drop('a')}) if $what eq 'tenant.purge';
	my $table = sql($what eq 'tenant.drop with purge' ? q{SELECT 'a.t'} :
		$what eq 'tenant.purge' ? q{SELECT schema_name || '.t' FROM tenant.registry} :
		q{SELECT schema_name || '.t' FROM tenant.snapshot_registry});
	my $other = $node->background_psql('app');
	$other->query_safe("BEGIN; LOCK TABLE $table IN ACCESS SHARE MODE");
	my $dropper = begin_waiting($drops{$what});
	$other->query_safe("CREATE VIEW v AS SELECT * FROM $table; COMMIT");
	$other->quit;
	like(error_of($dropper), qr/2BP01/, "$what sees a view that was made while it waited");
	is(sql(q{SELECT to_regclass('v') IS NOT NULL}), 't', 'and leaves it alone');
	sql('DROP VIEW v');
	sql($what eq 'tenant.purge' ? q{CALL tenant.purge('a')} : q{SELECT tenant.drop('a', true)});
}

# A tenant goes after its snapshots, in whatever way it goes.
my %ways = (
	'CALL tenant.purge(name)' => [ q{SELECT tenant.drop('b')}, q{CALL tenant.purge('b')} ],
	'CALL tenant.purge()' => [ q{SELECT tenant.drop('b')},
		q{UPDATE tenant.registry SET purge_after = now()}, q{CALL tenant.purge()} ],
	'tenant.drop with purge' => [ q{SELECT tenant.drop('b', true)} ],
	'tenant.drop of one without a schema' => [
		q{ALTER EVENT TRIGGER tenant_mgr_follow_drop DISABLE}, 'DROP SCHEMA b CASCADE',
		q{ALTER EVENT TRIGGER tenant_mgr_follow_drop ENABLE ALWAYS}, q{SELECT tenant.drop('b')} ]);
for my $way (sort keys %ways)
{
	sql(q{SELECT tenant.create('b'); CREATE TABLE b.t (i int);
		SELECT tenant.snapshot('b', 'one'); SELECT tenant.snapshot('b', 'two')});
	sql($_) for @{ $ways{$way} };
	is(sql('SELECT (SELECT count(*) FROM tenant.snapshot_registry), (SELECT count(*) FROM tenant.registry)'),
		'0|0', "$way leaves no snapshot");
	is(sql('SELECT problem FROM tenant.doctor()'), '', 'and no work for the doctor');
}

# A snapshot that has to stay keeps its tenant, and nothing of it is lost.
sql(q{SELECT tenant.create('c'); CREATE TABLE c.t AS SELECT 1 AS i; SELECT tenant.snapshot('c', 's')});
sql('CREATE VIEW v AS SELECT * FROM ' . sql('SELECT schema_name FROM tenant.snapshot_registry') . '.t');
sql(q{SELECT tenant.drop('c'); UPDATE tenant.registry SET purge_after = now()});
my ($ret, $out, $err) = $node->psql('app', 'CALL tenant.purge()');
like($err, qr/WARNING.*snapshot "s"/, 'a snapshot that something depends on stays');
sql(q{SELECT tenant.restore('c')});
is(sql('SELECT i FROM c.t'), '1', 'and its tenant with it');

done_testing();
