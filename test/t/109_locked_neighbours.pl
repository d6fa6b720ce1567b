# 109_locked_neighbours.pl: what a locked session, and the code of a tenant, cannot
# leave behind for others: code that they would run without naming it, a database
# that they cannot enter, tenants that are dropped, renamed or theirs no more.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('locked_neighbours', "shared_preload_libraries = 'tenant_mgr'\nautovacuum = off\n");
new_database($node, 'app');

# app owns both tenants, the database and much that is shared, and may call all
# functions of the extension
$node->safe_psql('app', q{
	CREATE ROLE app LOGIN CREATEDB; CREATE ROLE author LOGIN;
	SELECT tenant.create('a', owner => 'app'), tenant.create('b', owner => 'app'), tenant.create('c', owner => 'app');
	SELECT tenant.snapshot('b', 'before'); SELECT tenant.add_domain('b.example', 'b');
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tenant TO app; GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA tenant TO app;
	CREATE SCHEMA free AUTHORIZATION app; GRANT CREATE ON SCHEMA public TO app; ALTER DATABASE app OWNER TO app;
	SET ROLE app;
	CREATE TABLE a.t (name varchar); CREATE TABLE b.t (name varchar); INSERT INTO b.t VALUES ('B-SECRET');
	CREATE TABLE public.bin (v text);
	CREATE FUNCTION public.helper() RETURNS int LANGUAGE sql AS 'SELECT 1';
	CREATE TYPE public.pair AS (x int, y int);
	CREATE TYPE a.own AS (x int);
	RESET ROLE;
	GRANT USAGE, CREATE ON SCHEMA a TO author;
	SET ROLE author;
	CREATE FUNCTION a.run(text) RETURNS text LANGUAGE plpgsql AS $$BEGIN EXECUTE $1; RETURN 'done'; END$$;
	CREATE FUNCTION a.plant() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN EXECUTE current_setting('test.command'); RETURN NEW; END$$;
	RESET ROLE;
	CREATE TABLE a.orders (k int); GRANT ALL ON a.orders TO app;
	CREATE TRIGGER t BEFORE INSERT ON a.orders FOR EACH ROW EXECUTE FUNCTION a.plant()});

sub said
{
	my ($user, @statements) = @_;
	my ($rc, $out, $err) = $node->psql('app', join("\n", '\set VERBOSITY sqlstate', map { "$_;" } @statements),
		on_error_stop => 0, connstr => $node->connstr('app') . " user=$user");
	return ($out // '') . "\n" . ($err // '');
}
my @lock = (q{SELECT tenant.switch('a')}, q{SELECT tenant.lock('key')});
my $user = 'app';
sub refused
{
	my ($state, $statement, @before) = @_;
	like(said($user, @before, $statement), qr/ERROR:  $state/, "$statement: $state");
	return;
}

# new code, and code that is changed, for everybody
my $body = q{LANGUAGE plpgsql AS $f$BEGIN INSERT INTO public.bin SELECT name FROM t; RETURN 1; END$f$};
my @code = (
	"CREATE FUNCTION public.lower(varchar) RETURNS text $body",
	"CREATE OR REPLACE FUNCTION a.lower(varchar) RETURNS text $body; ALTER FUNCTION a.lower(varchar) SET SCHEMA public",
	"CREATE OR REPLACE FUNCTION public.helper() RETURNS int $body",
	'ALTER FUNCTION public.helper() SET search_path = a', 'ALTER FUNCTION public.helper() RENAME TO lower',
	"CREATE PROCEDURE public.p() LANGUAGE sql AS 'SELECT 1'",
	'CREATE AGGREGATE public.max (varchar) (SFUNC = textcat, STYPE = text)',
	'CREATE OPERATOR public.|| (LEFTARG = text, RIGHTARG = int, FUNCTION = repeat)',
	'CREATE CAST (public.pair AS text) WITH INOUT AS IMPLICIT');
foreach my $statement (@code)
{
	my @parts = split /; (?=ALTER)/, $statement;
	my $last = pop @parts;
	refused('TM004', $last, @lock, @parts);
	refused('TM003', "SELECT a.run(\$x\$$statement\$x\$)");
	refused('TM003', "SELECT a.run(\$x\$$statement\$x\$)", q{SELECT tenant.switch('a')});
	refused('TM003', 'INSERT INTO a.orders VALUES (1)', "SET test.command = \$x\$$statement\$x\$");
}
is(said('app', 'SET client_min_messages = warning', @lock, q{CREATE FUNCTION a.mine(int) RETURNS int LANGUAGE sql AS 'SELECT $1'}, q{CREATE OR REPLACE FUNCTION a.mine(int) RETURNS int LANGUAGE sql AS 'SELECT 2'},
	'CREATE FUNCTION a.own_text(a.own) RETURNS text LANGUAGE sql AS $$SELECT 1::text$$', 'CREATE CAST (a.own AS text) WITH FUNCTION a.own_text(a.own)',
	'CREATE OPERATOR a.@@@ (RIGHTARG = int, FUNCTION = a.mine)', 'CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS $$SELECT 1$$',
	'DROP OPERATOR a.@@@ (NONE, int)', 'DROP FUNCTION a.mine(int)', 'DROP FUNCTION a.own_text(a.own) CASCADE', 'SELECT 7') =~ s/\s+/ /gr, 'a 7 ', 'its own code may be made and changed');
is(said('app', q{SELECT a.run($x$CREATE FUNCTION a.made() RETURNS int LANGUAGE sql AS 'SELECT 1'$x$)}, 'SELECT a.made()') =~ s/\s+/ /gr, 'done 1 ', 'so it may by code of the tenant');
like(said('app', q{SELECT tenant.switch('b')}, 'SELECT lower(name) FROM t'), qr/b-secret/, 'nothing has come between');
is($node->safe_psql('app', 'SELECT count(*) FROM public.bin'), 0, 'nothing has been copied');

# what everybody has to come by
foreach my $role ('app', 'postgres')
{
	$user = $role eq 'app' ? 'app' : $node->safe_psql('app', 'SELECT current_user');
	refused('TM004', $_, @lock) foreach (
		'ALTER DATABASE app CONNECTION LIMIT 0', 'ALTER DATABASE app ALLOW_CONNECTIONS false', 'ALTER DATABASE app RENAME TO x', 'ALTER DATABASE app OWNER TO author',
		'ALTER DATABASE app REFRESH COLLATION VERSION', 'REVOKE CONNECT ON DATABASE app FROM PUBLIC', 'GRANT ALL ON DATABASE app TO author',
		'CREATE DATABASE other', 'DROP DATABASE postgres', 'REVOKE ALL ON TABLESPACE pg_default FROM PUBLIC', 'ALTER TABLESPACE pg_default SET (random_page_cost = 9)',
		"CREATE TABLESPACE other LOCATION '/nowhere'", 'DROP TABLESPACE pg_default',
		'CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION tenant.follow_rename()', 'ALTER EVENT TRIGGER tenant_mgr_follow_drop DISABLE', 'DROP EVENT TRIGGER tenant_mgr_follow_drop');
}
$user = 'app';

# functions that administer tenants, of others and one's own
my @administer = (
	q{SELECT tenant.drop('b')}, q{SELECT tenant.drop('b', true)}, q{CALL tenant.purge('c')}, q{SELECT tenant.rename('b', 'x')}, q{SELECT tenant.suspend('b')}, q{SELECT tenant.resume('b')},
	q{SELECT tenant.rollback_to('b', 'before')}, q{SELECT tenant.drop_snapshot('b', 'before')}, q{SELECT tenant.snapshot('b', 'after')}, q{SELECT tenant.clone('b', 'x')}, q{SELECT tenant.create('x')},
	q{SELECT tenant.set_template('b', true)}, q{SELECT tenant.set_metadata('b', '{}')}, q{SELECT tenant.drop_domain('b.example')}, q{SELECT tenant.add_domain('x.example', 'b')},
	q{SELECT tenant.assign_role('b', 'author')}, q{SELECT tenant.shred('b')}, q{SELECT tenant.adopt('free')}, q{SELECT tenant.restore('c')});
$node->safe_psql('app', q{SELECT tenant.drop('c')});
my $state = q{SELECT name, state, schema_name, is_template FROM tenant.registry ORDER BY name};
my $before = $node->safe_psql('app', $state);
foreach my $call (@administer)
{
	refused('TM004', $call, @lock);
	next if $call =~ /^CALL/;	# not in a function
	refused('TM003', "SELECT a.run(\$x\$$call\$x\$)");
	refused('TM003', 'INSERT INTO a.orders VALUES (1)', "SET test.command = \$x\$$call\$x\$");
}
is($node->safe_psql('app', $state), $before, 'all tenants are as they were');
unlike(said('app', @lock, $_), qr/ERROR/, "$_: its own") foreach (q{SELECT tenant.set_metadata('a', '{}')}, q{SELECT a.run($x$SELECT tenant.set_metadata('a', '{}')$x$)});
unlike(said('app', @lock, q{SELECT tenant.unlock('key')}, 'SELECT tenant.reset()', q{SELECT tenant.suspend('b')}, q{SELECT tenant.resume('b')}), qr/ERROR/, 'the same functions work once the session is unlocked');

done_testing();
