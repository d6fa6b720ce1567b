# 086_one_tenant.pl: one tenant comes back from a dump, or goes to another database.
#
# What docs/operations.md says about it is run as it stands there, by a shell:
# the commands are read from the page.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $page = slurp_file("$FindBin::RealBin/../../docs/operations.md");
append_to_file("$dir/ring", '1:' . '5a' x 32 . "\n");
chmod 0600, "$dir/ring";
my $node = new_node('one_tenant', "fsync = off\nshared_preload_libraries = 'tenant_mgr'\ntenant_mgr.key_file = '$dir/ring'\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	CREATE TYPE public.plan_kind AS ENUM ('free', 'paid');
	CREATE DOMAIN public.short AS text CHECK (length(VALUE) < 20);
	SELECT tenant.create('acme', metadata => '{"plan": "gold"}');
	SELECT tenant.create('other');
	CREATE TABLE acme.account (id int PRIMARY KEY, kind public.plan_kind, name public.short, token tenant.secret);
	INSERT INTO acme.account SELECT n, 'paid', 'name ' || n FROM generate_series(1, 5) AS n;
	SELECT tenant.switch('acme');
	UPDATE account SET token = tenant.encrypt('token ' || id) WHERE id < 5;
	SELECT tenant.reset();
	SELECT tenant.add_domain('acme.example', 'acme');
	SELECT tenant.snapshot('acme', 'first');
	CREATE ROLE regress_tm_reader;
	GRANT USAGE ON SCHEMA acme TO regress_tm_reader;
	GRANT SELECT ON acme.account TO regress_tm_reader});
my $id = tenant_id('app');
my $rows = rows_of($node, 'app', 'acme');

# from the trash
$node->safe_psql('app', q{SELECT tenant.drop('acme')});
run_page('From the trash', commands_after('If it was dropped by `tenant.drop`'));
is_whole('from the trash');

# from a dump, of a tenant that has gone on
my ($dump, @back) = split /\n/, commands_after('From a dump, if an older state is wanted');
run_page('dump', $dump);
$node->safe_psql('app', q{DELETE FROM acme.account; SELECT tenant.encrypt('no'); SELECT tenant.suspend('acme', 'broken')});
$node->safe_psql('app', q{SELECT tenant.resume('acme')});
run_page('from a dump', join "\n", @back);
is_whole('from a dump');
is($node->safe_psql('app', q{SELECT name, state, id <> (SELECT id FROM tenant.registry WHERE name = 'acme' AND state = 'active') FROM tenant.registry WHERE state = 'trashed'}),
	'acme|trashed|t', 'what was given up is in the trash, as another tenant');
is($node->safe_psql('app', q{BEGIN; SELECT tenant.restore('acme', 'given-up'); SELECT count(*) FROM "given-up".account; ROLLBACK}), "\n0",
	'from where it can be restored under another name');
is($node->safe_psql('app', q{SET ROLE regress_tm_reader; SELECT count(*) FROM acme.account}), 5, 'privileges come with the dump');
is($node->safe_psql('app', q{BEGIN; SELECT tenant.rollback_to('acme', 'first'); SELECT count(token) FROM acme.account; ROLLBACK}), "\n4", 'snapshots are the tenant\'s');

# dropped and restored once more: nothing is in the way of the second time; a
# session that was bound goes on, and so does a role of this tenant
$node->safe_psql('app', q{CREATE ROLE regress_tm_only LOGIN; GRANT USAGE ON SCHEMA acme TO regress_tm_only; SELECT tenant.assign_role('acme', 'regress_tm_only')});
my $bound = $node->background_psql('app');
$bound->query_safe(q{SELECT tenant.switch('acme')});
run_page('from a dump again', join "\n", @back);
is_whole('from a dump again');
is($bound->query_safe('SELECT count(*) FROM account'), 5, 'a session that was bound before goes on');
$bound->quit;
$node->safe_psql('app', 'GRANT USAGE ON SCHEMA acme, tenant TO regress_tm_only');
is($node->safe_psql('app', 'SELECT tenant.current()', extra_params => [ '-U', 'regress_tm_only' ]), 'acme', 'a role that works for the tenant only, too');
is($node->safe_psql('app', q{CALL tenant.purge('acme'); CALL tenant.purge('acme'); SELECT name, state FROM tenant.registry ORDER BY 1, 2}),
	"acme|active\nother|active", 'what was given up can be purged');
is_whole('after that');
registry_is_true($node, 'app', 'and the registry is true');

# links to tables outside are the schema's: they wait for it in the trash
$node->safe_psql('app', q{
	CREATE TABLE public.plan (id int PRIMARY KEY); INSERT INTO public.plan VALUES (1);
	SELECT tenant.create('linked'); CREATE TABLE linked.t (p int REFERENCES public.plan); INSERT INTO linked.t VALUES (1);
	SELECT tenant.drop('linked'); CREATE SCHEMA linked CREATE TABLE t (p int)});
$node->safe_psql('app', q{SELECT tenant.restore_from('linked', 'linked')});
is($node->safe_psql('app', q{SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND confrelid = 'public.plan'::regclass}), 0, 'the schema from the dump has its own links');
$node->safe_psql('app', q{SELECT tenant.restore('linked', 'linked-before')});
is($node->safe_psql('app', q{SELECT conrelid::regclass FROM pg_constraint WHERE contype = 'f' AND confrelid = 'public.plan'::regclass}), '"linked-before".t',
	'and what was in the trash gets back those that it had');

# refusals
$node->safe_psql('app', q{
	CREATE ROLE regress_tm_owner; GRANT USAGE ON SCHEMA tenant TO regress_tm_owner; GRANT EXECUTE ON FUNCTION tenant.restore_from TO regress_tm_owner;
	CREATE SCHEMA mine AUTHORIZATION regress_tm_owner; CREATE SCHEMA "Odd one"; SELECT tenant.create('gone'); SELECT tenant.create('gone2', owner => 'regress_tm_owner');
	SELECT tenant.drop('gone'); SELECT tenant.drop('gone2'); SELECT tenant.snapshot('other', 's')});
foreach my $case (
	[ 'a tenant that is there', q{SELECT tenant.restore_from('acme', 'Odd one')}, '3F000: tenant "acme" is not in the trash' ],
	[ 'a tenant that has a namesake', q{BEGIN; SELECT tenant.create('GONE'); SELECT tenant.restore_from('gone', 'Odd one')}, '42P06: tenant "GONE" already exists' ],
	[ 'a schema of another tenant', q{SELECT tenant.restore_from('gone', 'other')}, '42P06: schema "other" belongs to tenant "other" already' ],
	[ 'a schema of the trash', q{DO $$ BEGIN PERFORM tenant.restore_from('gone', (SELECT schema_name FROM tenant.registry WHERE name = 'gone2')); END $$}, qr/42602/ ],
	[ 'a snapshot', q{DO $$ BEGIN PERFORM tenant.restore_from('gone', (SELECT schema_name FROM tenant.snapshots WHERE tenant = 'other')); END $$}, qr/42602/ ],
	[ 'a schema that is none', q{SELECT tenant.restore_from('gone', 'nowhere')}, '3F000: schema "nowhere" does not exist' ],
	[ 'a schema of the server', q{SELECT tenant.restore_from('gone', 'pg_catalog')}, '42602: schema "pg_catalog" cannot be a tenant' ],
	[ 'the schema public', q{SELECT tenant.restore_from('gone', 'public')}, '42602: schema "public" cannot be a tenant' ],
	[ 'a tenant of somebody else', q{SET ROLE regress_tm_owner; SELECT tenant.restore_from('gone', 'mine')}, '42501: must be owner of tenant gone' ],
	[ 'a schema of somebody else', q{SET ROLE regress_tm_owner; SELECT tenant.restore_from('gone2', 'Odd one')}, '42501: must be owner of schema Odd one' ],
)
{
	my ($name, $sql, $expected) = @$case;
	like(failure($sql), ref $expected ? $expected : qr/^\Q$expected\E$/, "refused: $name");
}
is($node->safe_psql('app', q{SET ROLE regress_tm_owner; SELECT tenant.restore_from('gone2', 'mine'); RESET ROLE; SELECT schema_name, state FROM tenant.tenants WHERE name = 'gone2' AND state = 'active'}),
	"\nmine|active", 'one who owns both may, and the schema keeps its name');

# who adopts instead is told, and so is who wants the host
$node->safe_psql('app', q{SELECT tenant.drop('acme')});
run_page('the schema alone', $back[1]);
my ($rc, $stdout, $stderr) = $node->psql('app', q{BEGIN; SELECT tenant.adopt('acme'); SELECT tenant.add_domain('acme.example', 'acme')});
like($stderr, qr/NOTICE:  tenant "acme" that is in the trash is another one\nDETAIL:.*\nHINT:  .*restore_from/, 'adopt says that it is another tenant');
like($stderr, qr/host "acme.example" already belongs to tenant "acme"\nDETAIL:  That one is in the trash.*\nHINT:  .*restore_from/, 'and add_domain whose the host is');
$node->safe_psql('app', q{DROP SCHEMA acme CASCADE});

# after a purge it is a new tenant
$node->safe_psql('app', q{CALL tenant.purge('acme')});
run_page('after a purge', commands_after('Once the tenant has been purged'));
isnt(tenant_id('app'), $id, 'after a purge: a new tenant');
is($node->safe_psql('app', q{SELECT tenant.resolve('acme.example'), (SELECT count(*) FROM acme.account)}), 'acme|5', 'with its host and its rows');
like(failure(q{SELECT tenant.switch('acme'); SELECT tenant.decrypt(token) FROM account}), qr/TM00[67]/, 'but without its secrets');

# to another database
$node->safe_psql('app', q{SELECT tenant.switch('acme'); UPDATE account SET token = tenant.encrypt('token ' || id) WHERE id < 5});
run_page('to another database', commands_after('One tenant, here to a database'), qr/schema "public" already exists/);
is($node->safe_psql('other', q{SELECT tenant.resolve('acme.example'), count(*), max(name) FROM acme.account WHERE kind = 'paid'}), 'acme|5|name 5', 'to another database: rows and types');
like(failure(q{SELECT tenant.switch('acme'); SELECT tenant.decrypt(token) FROM account}, 'other'), qr/TM00[67]/, 'its secrets are of no use there');
run_page('its secrets', commands_after('Its secrets are sealed for the tenant'));
is($node->safe_psql('other', q{SELECT tenant.switch('acme'); SELECT string_agg(tenant.decrypt(token), ', ' ORDER BY id) FROM account}),
	"acme\ntoken 1, token 2, token 3, token 4", 'until they are sealed again');

# both sides of unqualified names
$node->safe_psql('app', q{
	SELECT tenant.create('views');
	CREATE TABLE views.item (n int); INSERT INTO views.item VALUES (1), (2);
	CREATE FUNCTION views.total() RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT sum(n) FROM item); END'});
my $create_view = q{SELECT tenant.switch('views'); CREATE MATERIALIZED VIEW summary AS SELECT total()};
if ($node->pg_version < 17)
{
	$node->safe_psql('app', $create_view);
	my $unqualified = restored('views', qr/relation "item" does not exist/);
	is($node->safe_psql($unqualified, 'SELECT relispopulated FROM pg_class WHERE oid = $$views.summary$$::regclass'), 'f', 'unqualified names: the view stays empty');
	run_page('and can be filled', commands_after('that stayed empty can be filled') =~ s/acme/views/gr =~ s/-d app/-d $unqualified/r);
	is($node->safe_psql($unqualified, 'SELECT * FROM views.summary'), 3, 'and can be filled afterwards');
}
else
{
	like(failure($create_view), qr/42P01: relation "item" does not exist/, 'unqualified names: the view cannot be made');
}
$node->safe_psql('app', commands_after('setting of the function, which follows its schema') =~ s/acme/views/gr);
$node->safe_psql('app', $create_view) if $node->pg_version >= 17;
my $setting = restored('views', qr/^$/);
is($node->safe_psql($setting, 'SELECT * FROM views.summary'), 3, 'with a setting of the function: it comes back');
$node->safe_psql('app', q{SELECT tenant.clone('views', 'views2'); INSERT INTO views2.item VALUES (3); SELECT tenant.rename('views', 'views3'); REFRESH MATERIALIZED VIEW views2.summary});
is($node->safe_psql('app', 'SELECT views2.total(), (TABLE views2.summary), views3.total()'), '6|6|3', 'and works in a clone, and after a rename');

$node->stop;
done_testing();

# The commands that stand after these words on the page.
sub commands_after
{
	my ($words) = @_;
	my $anywhere = join '\s+', map { quotemeta } split / /, $words;
	die "the page does not say: $words" unless $page =~ /$anywhere(.*)/s;
	my ($block) = $1 =~ /\n\n((?:    .*\n)+)/;
	return $block =~ s/^    //mgr;
}

# Run commands by a shell, statements by psql; nothing but what is expected is
# complained of.
sub run_page
{
	my ($name, $commands, $expected) = @_;
	$commands = qq{psql -d app -c "$commands"} if $commands =~ /^SELECT/;
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	my ($stdout, $stderr) = run_command([ 'sh', '-ec', "cd '$dir'; $commands" ]);
	my @complaints = grep { /ERROR|error|FATAL|warning/ && !(defined $expected && /$expected/) } split /\n/, $stderr;
	is("@complaints", '', "$name: the commands of the page work");
	return;
}

# A new database with a schema that has been dumped and restored, and what was
# complained of.
sub restored
{
	my ($schema, $expected) = @_;
	our $number;
	my $db = 'restored' . ++$number;
	new_database($node, $db);
	my ($stdout, $stderr) = run_command([ 'sh', '-c',
		"pg_dump -d '" . $node->connstr('app') . "' -n $schema | psql -q -d '" . $node->connstr($db) . q{' 2>&1 | grep ERROR} ]);
	like($stdout, $expected, "$db: what pg_restore says");
	$node->safe_psql($db, "SELECT tenant.adopt('$schema')");
	return $db;
}

sub tenant_id { return $node->safe_psql($_[0], q{SELECT id FROM tenant.registry WHERE name = 'acme' AND state = 'active'}); }

# The tenant is what it was.
sub is_whole
{
	my ($name) = @_;
	is(tenant_id('app'), $id, "$name: the same tenant");
	is_same(rows_of($node, 'app', 'acme'), $rows, "$name: the same rows");
	is($node->safe_psql('app', q{SELECT tenant.resolve('acme.example'), metadata ->> 'plan' FROM tenant.tenants WHERE name = 'acme' AND state = 'active'}),
		'acme|gold', "$name: its host and metadata");
	is($node->safe_psql('app', q{SELECT tenant.switch('acme'); SELECT string_agg(tenant.decrypt(token), ', ' ORDER BY id) FROM account}),
		"acme\ntoken 1, token 2, token 3, token 4", "$name: its secrets");
	return;
}

sub failure
{
	my ($sql, $db) = @_;
	my ($rc, $stdout, $stderr) = $node->psql($db // 'app', "\\set VERBOSITY verbose\n$sql");
	return $stderr =~ /ERROR:  (\w+: .*)/ ? $1 : "no error: $stdout";
}
