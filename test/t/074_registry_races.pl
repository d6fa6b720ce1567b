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

# To ask whether a tenant exists holds up nobody.
sql(q{CREATE ROLE asker; GRANT CREATE ON DATABASE app TO asker;
	GRANT EXECUTE ON FUNCTION tenant.create, tenant.add_domain, tenant.switch TO asker; SELECT tenant.create('victim')});
my $asker = $node->background_psql('app');
$asker->query(q{SET ROLE asker; SET client_min_messages = warning; BEGIN; SELECT tenant.create('victim', if_not_exists => true)});
is($node->psql('app', q{SET lock_timeout = '5s'; SELECT tenant.suspend('victim'), tenant.resume('victim')}), 0,
	'create with if_not_exists locks nothing that is there');
$asker->query_safe('ROLLBACK');
$asker->quit;

# Hosts below a base domain belong to whom their first label names.
sql("ALTER DATABASE app SET tenant_mgr.base_domains = 'example.com, app.example'");
sql("SELECT tenant.create('good'), tenant.create('my_shop'), tenant.create('b\xc3\xbccher')");
sql(q{SET ROLE asker; SELECT tenant.create('evil')});
for my $host ('good.example.com', 'example.com', 'later.example.com', 'good.evil.example.com', 'www.example.com', 'GOOD.app.example')
{
	my ($r, $o, $e) = $node->psql('app', "\\set VERBOSITY sqlstate\nSET ROLE asker; SELECT tenant.add_domain('$host', 'evil')");
	like($e, qr/42501/, "the owner of a tenant cannot claim $host");
}
sql(q{SET ROLE asker; SELECT tenant.add_domain('evil.example.com', 'evil'), tenant.add_domain('good.elsewhere.example', 'evil')});
sql(q{SELECT tenant.add_domain('special.example.com', 'evil')});
is(sql(q{SELECT tenant.resolve('good.example.com'), tenant.resolve('evil.app.example'), tenant.resolve('special.example.com')}),
	'good|evil|evil', 'but their own, and others elsewhere; a superuser can');
is(sql(q{SELECT tenant.resolve('my_shop.app.example')}), 'my_shop', 'a label may have an underscore');
sql(q{SELECT tenant.add_domain('my_shop.example.org', 'my_shop')});
is(sql(q{SELECT convert_to(tenant.resolve('xn--bcher-kva.app.example'), 'UTF8')}), '\\x62c3bc63686572', 'and be written as browsers do');
sql("SELECT tenant.add_domain('stra\xc3\x9fe.example.org', 'good')");
is(sql(q{SELECT tenant.resolve('xn--strae-oqa.example.org:8080')}), 'good', 'hosts, too');
is(sql(q{SELECT h FROM unnest(ARRAY['xn--', 'xn--.app.example', 'xn--99999999.app.example', 'xn--a-ecp.ru', 'xn--a.xn--']) h
	WHERE tenant.resolve(h) IS NOT NULL}), '', 'and nonsense is nobody\'s');

# Privileges of a tenant in the trash belong to roles, not to names.
sql(q{CREATE ROLE alice; CREATE ROLE bob; CREATE ROLE granter; CREATE ROLE grantee;
	SELECT tenant.create('w'); GRANT USAGE ON SCHEMA w TO alice, bob; GRANT USAGE ON SCHEMA w TO granter WITH GRANT OPTION;
	SET ROLE granter; GRANT USAGE ON SCHEMA w TO grantee; RESET ROLE;
	SELECT tenant.drop('w'); ALTER ROLE alice RENAME TO alice_married; CREATE ROLE alice; DROP ROLE bob; CREATE ROLE bob; DROP ROLE granter});
sql(q{SELECT tenant.restore('w')});
is(sql(q{SELECT string_agg(r, ' ' ORDER BY r) FROM unnest(ARRAY['alice', 'alice_married', 'bob', 'grantee']) r WHERE has_schema_privilege(r, 'w', 'USAGE')}),
	'alice_married', 'a restore gives privileges back to the roles that had them');

# An extension takes along what belongs to it, wherever that is.
SKIP: {
	skip 'no hstore or file_fdw on this server', 1
	  if $node->psql('app', q{SELECT tenant.create('e'); CREATE EXTENSION hstore SCHEMA e; CREATE EXTENSION file_fdw SCHEMA e}) != 0;
	my @hangers = (
		[ 'a member elsewhere', q{CREATE FUNCTION public.mine() RETURNS int RETURN 1; ALTER EXTENSION hstore ADD FUNCTION public.mine()},
			qr/function (public\.)?mine\(\)/, q{ALTER EXTENSION hstore DROP FUNCTION public.mine(); DROP FUNCTION public.mine()} ],
		[ 'a view that uses a member elsewhere', q{CREATE FUNCTION public.mine() RETURNS int RETURN 1; CREATE VIEW public.seen AS SELECT public.mine();
			ALTER EXTENSION hstore ADD FUNCTION public.mine()},
			qr/function (public\.)?mine\(\)/, q{ALTER EXTENSION hstore DROP FUNCTION public.mine(); DROP FUNCTION public.mine() CASCADE} ],
		[ 'what uses a member in no schema', q{CREATE SERVER files FOREIGN DATA WRAPPER file_fdw}, qr/server files/, q{DROP SERVER files} ],
		[ 'what goes with the extension', q{CREATE FUNCTION public.mine() RETURNS int RETURN 1; ALTER FUNCTION public.mine() DEPENDS ON EXTENSION hstore},
			qr/function (public\.)?mine\(\)/, q{DROP FUNCTION public.mine()} ]);
	for my $hanger (@hangers)
	{
		my ($what, $made, $named, $undone) = @$hanger;
		sql($made);
		for my $way (q{SELECT tenant.drop('e')}, q{SELECT tenant.drop('e', purge => true)})
		{
			my ($r, $o, $e) = $node->psql('app', "\\set VERBOSITY verbose\n$way");
			like($e, qr/ERROR:  2BP01.*$named/s, "$what is not lost by $way");
		}
		sql($undone);
	}
	is($node->psql('app', q{SELECT tenant.drop('e', purge => true)}), 0, 'an extension that has only itself goes with its schema');
	is(sql(q{SELECT count(*) FROM pg_extension WHERE extname IN ('hstore', 'file_fdw')}), '0', 'and is gone');
}

done_testing();
