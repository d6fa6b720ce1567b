# 134_hooks.pl: functions that are called when something becomes of a tenant: in
# which order, as whom, bound to whom, what an error does, who may add them, and
# that nobody gets rights by them that he has not.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('hooks', "shared_preload_libraries = 'tenant_mgr'\nmax_prepared_transactions = 4\nmax_locks_per_transaction = 10\n");
new_database($node, 'app');

sub sql { return $node->safe_psql('app', @_) }
sub session { return answers_to($node, 'app', @_) }

# The whole message of the error that a superuser gets
sub failure
{
	my ($sql) = @_;
	my ($out, $err) = ('', '');
	$node->psql('app', $sql, stdout => \$out, stderr => \$err, on_error_stop => 0);
	return $err;
}

my $superuser = $node->safe_psql('app', 'SELECT current_user');
my @operations = qw(create clone rename suspend resume drop restore purge snapshot rollback);

sql(q{
	CREATE ROLE own_a;
	CREATE ROLE own_b;
	CREATE ROLE web LOGIN;
	CREATE ROLE helper LOGIN;
	CREATE ROLE signup LOGIN IN ROLE own_a, own_b;
	CREATE SCHEMA ops;
	GRANT USAGE ON SCHEMA ops TO PUBLIC;
	GRANT CREATE ON SCHEMA ops TO helper;
	CREATE TABLE ops.seen (n serial, event text, tenant text, role text, bound text, path text, told jsonb);
	GRANT ALL ON ops.seen, ops.seen_n_seq TO PUBLIC;
	CREATE FUNCTION ops.note(j jsonb) RETURNS void LANGUAGE sql AS $$
		INSERT INTO ops.seen (event, tenant, role, bound, path, told)
		VALUES (j->>'event', j->>'tenant', current_user, tenant.current(), current_setting('search_path'), j) $$;
	GRANT CREATE ON DATABASE app TO signup;
	GRANT EXECUTE ON FUNCTION tenant.create, tenant.rename, tenant.drop(text, boolean) TO signup;
	GRANT EXECUTE ON FUNCTION tenant.add_hook, tenant.drop_hook TO helper});

# Every event, once and in its place, as the owner of the schema.
for my $operation (@operations)
{
	sql("SELECT tenant.add_hook('${_}_$operation', 'ops.note(jsonb)')") for qw(before after);
}
sql("SELECT tenant.add_hook('after_switch', 'ops.note(jsonb)')");
sql("SELECT tenant.add_hook('${_}_migrate', 'ops.note(jsonb)')") for qw(before after);
is(sql('SELECT count(*), count(DISTINCT event), min(function::text) FROM tenant.hooks'), '23|23|ops.note(jsonb)', 'all events can have hooks');
sql(q{
	SELECT tenant.create('a', owner => 'own_a', metadata => '{"plan": "x"}');
	SELECT tenant.clone('a', 'c');
	SELECT tenant.rename('c', 'd');
	SELECT tenant.suspend('d', 'because');
	SELECT tenant.resume('d');
	SELECT tenant.snapshot('d', 's');
	SELECT tenant.rollback_to('d', 's');
	SELECT tenant.drop('d');
	SELECT tenant.restore('d', 'e');
	SELECT tenant.drop('e')});
sql(q{CALL tenant.purge('e')});
is(sql(q{SELECT string_agg(event || ':' || tenant, ' ' ORDER BY n) FROM ops.seen}),
	'before_create:a after_create:a before_clone:c after_clone:c before_rename:c after_rename:d before_suspend:d after_suspend:d '
	. 'before_resume:d after_resume:d before_snapshot:d after_snapshot:d before_rollback:d after_rollback:d before_drop:d after_drop:d '
	. 'before_restore:d after_restore:e before_drop:e after_drop:e before_purge:e after_purge:e',
	'each event has called its hook once');
is(sql('SELECT DISTINCT role FROM ops.seen'), 'own_a', 'as the owner of the schema');
is(sql(q{SELECT string_agg(event, ' ' ORDER BY n) FROM ops.seen WHERE bound = tenant AND path = quote_ident(tenant) || ', public, pg_temp'}),
	'after_create after_clone before_rename after_rename before_suspend after_suspend before_resume after_resume before_snapshot after_snapshot '
	. 'before_rollback after_rollback before_drop after_restore before_drop', 'bound to the tenant while it is live');
is(sql(q{SELECT DISTINCT path FROM ops.seen WHERE bound IS NULL}), 'public, pg_temp', 'on the path of the persistent schemas otherwise');
is(sql(q{SELECT told - 'id' FROM ops.seen WHERE event = 'after_rename'}),
	qq({"user": "$superuser", "event": "after_rename", "owner": "own_a", "schema": "d", "tenant": "d", "old_name": "c"}), 'what it is told');
is(sql(q{SELECT count(DISTINCT told->>'id') FROM ops.seen WHERE tenant IN ('d', 'e')}), '1', 'the id stays');
sql(q{TRUNCATE ops.seen; SELECT tenant.drop('a', true)});
is(sql(q{SELECT string_agg(event || (told->>'purge' IS NOT NULL)::text, ' ' ORDER BY n) FROM ops.seen}),
	'before_droptrue before_purgefalse after_purgefalse after_droptrue', 'a drop for good is a purge, too');
sql(q{TRUNCATE ops.seen; SELECT tenant.create('a', owner => 'own_a'); SELECT tenant.create('b', owner => 'own_b');
	GRANT USAGE ON SCHEMA a, b TO web; TRUNCATE ops.seen});
is(session('web', "SELECT tenant.switch('a'); SELECT tenant.switch('a'); SELECT tenant.switch('b'); SELECT tenant.current(), current_user; BEGIN; SELECT tenant.switch_local('a'); ROLLBACK; SET tenant_mgr.tenant = 'a';"),
	'a a b b|web a', 'a session switches');
is(sql(q{SELECT string_agg(tenant || role, ' ' ORDER BY n) FROM ops.seen}), 'aown_a bown_b', 'which is told once for each switch by a function that has been committed');
sql('DROP FUNCTION ops.note(jsonb)');
is(sql('SELECT count(*) FROM tenant.hooks'), '0', 'a function that is dropped is no hook any more');

# Priorities, and then names
sql(q{TRUNCATE ops.seen});
sql(qq{CREATE FUNCTION ops.h$_(j jsonb) RETURNS void LANGUAGE sql AS \$\$ INSERT INTO ops.seen (event) VALUES ('$_') \$\$}) for 1 .. 4;
sql(q{SELECT tenant.add_hook('after_suspend', 'ops.h3(jsonb)', 5); SELECT tenant.add_hook('after_suspend', 'ops.h2(jsonb)');
	SELECT tenant.add_hook('after_suspend', 'ops.h1(jsonb)', 101); SELECT tenant.add_hook('after_suspend', 'ops.h4(jsonb)', -1)});
sql(q{SELECT tenant.suspend('a'); SELECT tenant.suspend('a')});
is(sql(q{SELECT string_agg(event, '' ORDER BY n) FROM ops.seen}), '4321', 'by priority, and only if something has become of the tenant');
sql(qq{SELECT tenant.drop_hook('after_suspend', 'ops.h$_(jsonb)')}) for 1 .. 4;
sql(q{SELECT tenant.resume('a')});

# Seeding: rows of the tenant's own, with foreign keys as Django declares them
sql(q{
	CREATE FUNCTION ops.seed(j jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		CREATE TABLE plan (id int PRIMARY KEY, name text);
		CREATE TABLE account (id serial PRIMARY KEY, plan int REFERENCES plan DEFERRABLE INITIALLY DEFERRED);
		INSERT INTO plan VALUES (1, 'free');
	END $$;
	CREATE FUNCTION ops.seed_more(j jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO account (plan) VALUES (1), (1);
	END $$;
	SELECT tenant.add_hook('after_create', 'ops.seed(jsonb)', 1);
	SELECT tenant.add_hook('after_create', 'ops.seed_more(jsonb)', 2)});
is(session('signup', q{SELECT tenant.create('s1', owner => 'own_a')}), 's1', 'a role that is no superuser creates a tenant');
is(sql(q{SELECT string_agg(format('%s %s', relname, pg_get_userbyid(relowner)), ', ' ORDER BY relname) FROM pg_class WHERE relnamespace = 's1'::regnamespace AND relkind = 'r'}),
	'account own_a, plan own_a', 'which is seeded');
is(sql('SELECT count(*) FROM s1.account'), '2', 'rows and all');
is(session($superuser, q{BEGIN; SELECT tenant.create('s2', owner => 'own_a');
	INSERT INTO s2.account (plan) VALUES (7); INSERT INTO s2.plan VALUES (7, 'late'); COMMIT; SELECT count(*) FROM s2.account}),
	's2 3', 'constraints are deferred again afterwards');
is(session($superuser, q{BEGIN; SELECT tenant.create('s3', owner => 'own_a'); SAVEPOINT x; SELECT tenant.create('s4', owner => 'own_a'); ROLLBACK TO x; COMMIT; SELECT tenant.exists('s3'), to_regclass('s4.plan') IS NULL}),
	's3 s4 t|t', 'what is rolled back takes the seed along');
# By way of a function that lends rights, from a session that may not use the schema
sql(q{CREATE FUNCTION public.sign_up(name text) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT tenant.create(name, owner => 'own_b') $$});
is(session('web', q{SELECT public.sign_up('s5'); SELECT tenant.current() IS NULL, current_setting('search_path')}), 's5 t|"$user", public', 'so does a function with its owner\'s rights, and nothing is left of it');
is(sql('SELECT count(*) FROM s5.account'), '2', 'for a caller who may not use the schema');
sql(q{SELECT tenant.switch('a'); SELECT tenant.create('s6', owner => 'own_b'); SELECT tenant.current()});
is(session($superuser, q{SELECT tenant.switch('a'); SELECT tenant.create('s7', owner => 'own_b'); SELECT tenant.current(), current_setting('search_path')}),
	'a s7 a|a, public, pg_temp', 'a bound session stays where it is');

# Errors
sql(q{
	SELECT tenant.drop_hook('after_create', 'ops.seed(jsonb)'); SELECT tenant.drop_hook('after_create', 'ops.seed_more(jsonb)');
	CREATE FUNCTION ops.refuse(j jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = 'P0042'; END $$});
my %calls = (
	before_create => "SELECT tenant.create('n')", after_create => "SELECT tenant.create('n')",
	before_clone => "SELECT tenant.clone('a', 'n')", after_clone => "SELECT tenant.clone('a', 'n')",
	before_rename => "SELECT tenant.rename('a', 'n')", after_rename => "SELECT tenant.rename('a', 'n')",
	before_suspend => "SELECT tenant.suspend('a')", after_suspend => "SELECT tenant.suspend('a')",
	before_drop => "SELECT tenant.drop('a')", after_drop => "SELECT tenant.drop('a')",
	before_snapshot => "SELECT tenant.snapshot('a', 's')", after_snapshot => "SELECT tenant.snapshot('a', 's')",
	after_switch => "SELECT tenant.switch('a')");
my $before = sql(q{SELECT string_agg(name || state, ' ' ORDER BY name) FROM tenant.tenants});
for my $event (sort keys %calls)
{
	sql("SELECT tenant.add_hook('$event', 'ops.refuse(jsonb)')");
	is(session($superuser, "$calls{$event}; SELECT tenant.current() IS NULL, current_user"), "t|$superuser P0042", "$event stops it");
	sql("SELECT tenant.drop_hook('$event', 'ops.refuse(jsonb)')");
}
is(sql(q{SELECT string_agg(name || state, ' ' ORDER BY name) FROM tenant.tenants}), $before, 'and nothing has changed');
sql("SELECT tenant.add_hook('before_drop', 'ops.refuse(jsonb)')");
like(failure(q{SELECT tenant.drop('a')}), qr/ERROR:  not now\nCONTEXT:  .*hook ops\.refuse of before_drop for tenant "a"/s, 'the error names the hook');
is(session($superuser, q{DO $$ BEGIN PERFORM tenant.drop('a'); EXCEPTION WHEN OTHERS THEN NULL; END $$; SELECT tenant.current() IS NULL, current_user, current_setting('search_path')}),
	qq(t|$superuser|"\$user", public), 'an error that is caught leaves nothing');
sql("SELECT tenant.drop_hook('before_drop', 'ops.refuse(jsonb)')");

# A purge commits; a hook's error keeps its tenant only.
sql(q{
	CREATE FUNCTION ops.keep(j jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
		IF j->>'tenant' = 's3' THEN PERFORM 1/0; END IF;
		INSERT INTO ops.seen (event, tenant, role) VALUES (j->>'event', j->>'tenant', current_user); END $$;
	CREATE FUNCTION ops.gone(j jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
		IF j->>'tenant' = 's2' THEN PERFORM 1/0; END IF;
		INSERT INTO ops.seen (event, tenant, role) VALUES (j->>'event', j->>'tenant', current_user); END $$;
	TRUNCATE ops.seen});
sql(q{SELECT tenant.add_hook('before_purge', 'ops.keep(jsonb)'); SELECT tenant.add_hook('after_purge', 'ops.gone(jsonb)');
	SET tenant_mgr.trash_retention = 0; SELECT tenant.drop('s2'); SELECT tenant.drop('s3'); SELECT tenant.drop('s1')});
my $warnings = failure('CALL tenant.purge()');
like($warnings, qr/WARNING:  could not purge tenant "s3": division by zero/, 'an error of before_purge keeps the tenant');
like($warnings, qr/WARNING:  could not purge tenant "s2": division by zero/, 'one of after_purge, too');
is(sql(q{SELECT string_agg(name || state, ' ' ORDER BY name) FROM tenant.tenants WHERE name IN ('s1', 's2', 's3')}), 's2trashed s3trashed', 'and not the others');
is(sql(q{SELECT string_agg(event || tenant || role, ' ' ORDER BY event, tenant) FROM ops.seen}),
	'after_purges1own_a before_purges1own_a before_purges2own_a', 'hooks of what is gone were run as its owner');
is(session($superuser, q{CALL tenant.purge('s3')}), '22012', 'whoever names it gets the error');
sql(q{SELECT tenant.drop_hook('before_purge', 'ops.keep(jsonb)'); SELECT tenant.drop_hook('after_purge', 'ops.gone(jsonb)')});
sql('CALL tenant.purge()');

# Hooks that change what the operation is about
sql(q{
	CREATE FUNCTION ops.drop_it(j jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
		BEGIN PERFORM tenant.drop(j->>'tenant'); END $$;
	CREATE FUNCTION ops.again(j jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
		BEGIN PERFORM tenant.create((j->>'tenant') || 'x', owner => 'own_a'); END $$;
	CREATE FUNCTION ops.sibling(j jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
		BEGIN IF j->>'tenant' !~ '_test$' THEN PERFORM tenant.create((j->>'tenant') || '_test', owner => 'own_a'); END IF; END $$;
	CREATE FUNCTION ops.wander(j jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
		BEGIN PERFORM tenant.switch('b'); PERFORM set_config('work_mem', '77MB', false); END $$;
	CREATE FUNCTION ops.lock_it(j jsonb) RETURNS void LANGUAGE plpgsql AS $$
		BEGIN PERFORM tenant.lock('key'); END $$});
sub with_hook
{
	my ($event, $function, $sql, $role) = @_;
	sql("SELECT tenant.add_hook('$event', '$function(jsonb)')");
	my $result = session($role // $superuser, $sql);
	sql("SELECT tenant.drop_hook('$event', '$function(jsonb)')");
	return $result;
}
is(with_hook('after_create', 'ops.drop_it', q{SELECT tenant.create('gone', owner => 'own_a'); SELECT tenant.exists('gone'), tenant.current() IS NULL}), 'gone f|t', 'a hook drops its own tenant');
is(with_hook('before_rename', 'ops.drop_it', q{SELECT tenant.rename('s5', 'other')}), '3F000', 'so the operation does not find it any more');
ok(sql(q{SELECT tenant.exists('s5')}) eq 't', 'and is undone');
is(with_hook('after_create', 'ops.again', q{SELECT tenant.create('r', owner => 'own_a')}), '54001', 'a hook that calls itself without end');
is(sql(q{SELECT count(*) FROM tenant.tenants WHERE name LIKE 'r%'}), '0', 'leaves nothing');
is(with_hook('after_create', 'ops.sibling', q{SELECT tenant.create('t', owner => 'own_a'); SELECT tenant.exists('t_test')}), 't t', 'one that ends is none');
is(with_hook('after_resume', 'ops.wander', q{SELECT tenant.suspend('a'); SELECT tenant.resume('a'); SELECT tenant.current() IS NULL, current_setting('work_mem')}), 't|4MB', 'what a hook sets is gone after it');
is(with_hook('after_create', 'ops.lock_it', q{SELECT tenant.create('l', owner => 'own_a'); SELECT 1}), '1 42501', 'a hook cannot lock the session');

# The guard: a hook that works for one tenant does not reach another.
sql(q{CREATE TABLE a.t (i int); ALTER TABLE a.t OWNER TO own_a; CREATE TABLE b.t (i int); ALTER TABLE b.t OWNER TO own_b;
	GRANT ALL ON b.t TO own_a; GRANT USAGE ON SCHEMA b TO own_a;
	CREATE FUNCTION ops.reach(j jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (1); INSERT INTO b.t VALUES (1); END $$});
is(with_hook('after_suspend', 'ops.reach', q{SET tenant_mgr.guard = 'enforce'; SELECT tenant.suspend('a')}), 'TM003', 'another tenant is out of reach');
is(sql(q{SELECT (SELECT count(*) FROM a.t) + (SELECT count(*) FROM b.t)}), '0', 'and what was done is undone');

# Rights: a tenant's code that a hook comes by gets the owner's, and no others.
sql(q{
	CREATE TABLE ops.secret (s text); INSERT INTO ops.secret VALUES ('x');
	CREATE FUNCTION a.spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		PERFORM set_config('ops.seen_as', current_user, false);
		BEGIN EXECUTE 'SET ROLE ' || quote_ident(session_user); EXCEPTION WHEN OTHERS THEN NULL; END;
		BEGIN EXECUTE 'RESET SESSION AUTHORIZATION'; EXCEPTION WHEN OTHERS THEN NULL; END;
		EXECUTE 'ALTER ROLE own_a SUPERUSER';
		RETURN NEW; END $$;
	ALTER FUNCTION a.spy() OWNER TO own_a;
	CREATE TRIGGER spy BEFORE INSERT ON a.t FOR EACH ROW EXECUTE FUNCTION a.spy();
	CREATE FUNCTION ops.write(j jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (2); END $$;
	CREATE FUNCTION ops.definer(j jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN INSERT INTO ops.seen (role) SELECT current_user FROM ops.secret; END $$});
is(with_hook('after_suspend', 'ops.write', q{SELECT tenant.suspend('a')}), '42501', 'a trigger of the tenant has no more rights than its owner');
is(sql(q{SELECT rolsuper FROM pg_roles WHERE rolname = 'own_a'}), 'f', 'and has gained nothing');
sql(q{DROP TRIGGER spy ON a.t;
	CREATE FUNCTION a.later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'ALTER ROLE own_a SUPERUSER'; RETURN NEW; END $$;
	ALTER FUNCTION a.later() OWNER TO own_a;
	CREATE CONSTRAINT TRIGGER later AFTER INSERT ON a.t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION a.later()});
is(with_hook('after_suspend', 'ops.write', q{SELECT tenant.suspend('a')}), '42501', 'nor has one that is deferred');
is(sql(q{SELECT rolsuper FROM pg_roles WHERE rolname = 'own_a'}), 'f', 'which would run at the end, as whoever asked');
sql('DROP TRIGGER later ON a.t');
is(session($superuser, q{SELECT tenant.add_hook('after_suspend', 'ops.definer(jsonb)')}), '42P13', 'a function with its owner\'s rights needs a path of its own');
sql(q{ALTER FUNCTION ops.definer(jsonb) SET search_path = pg_catalog, pg_temp; TRUNCATE ops.seen});
is(with_hook('after_suspend', 'ops.definer', q{SELECT tenant.suspend('a')}), '', 'then it runs');
is(sql('SELECT role FROM ops.seen'), $superuser, 'as its owner');
sql(q{SELECT tenant.add_hook('after_resume', 'ops.definer(jsonb)'); ALTER FUNCTION ops.definer(jsonb) RESET search_path});
is(session($superuser, q{SELECT tenant.resume('a')}), '42P13', 'and is looked at again when it is called');
sql(q{SELECT tenant.drop_hook('after_resume', 'ops.definer(jsonb)'); SELECT tenant.resume('a')});

# Who may add one
is(session('web', q{SELECT tenant.add_hook('after_create', 'ops.seed(jsonb)')}), '42501', 'not everybody may add a hook');
is(session('helper', q{SELECT tenant.add_hook('after_create', 'ops.seed(jsonb)')}), '42501', 'nor a function of somebody else\'s');
is(session('helper', q{CREATE FUNCTION ops.mine(j jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
	CREATE TABLE made_by AS SELECT current_user::text AS role; END $$; SELECT tenant.add_hook('after_create', 'ops.mine(jsonb)');
	SELECT event, function, priority, function_owner FROM tenant.hooks}), 'after_create|ops.mine(jsonb)|100|helper', 'who has been granted it may add what is his');
is(session($superuser, q{SELECT tenant.create('h1', owner => 'own_b'); TABLE h1.made_by}), 'h1 own_b', 'which runs as the owner');
is(session($superuser, q{SELECT tenant.create('h2')}), '42501', 'but not as a superuser');
sql('REVOKE EXECUTE ON FUNCTION tenant.add_hook FROM helper; ALTER FUNCTION ops.mine(jsonb) OWNER TO web');
is(session($superuser, q{SELECT tenant.create('h2', owner => 'own_b')}), '42501', 'a function that has changed hands is not called');
is(session('helper', q{SELECT tenant.drop_hook('after_create', 'ops.mine(jsonb)')}), '42501', 'and is not his any more');
is(session('web', q{SELECT count(*) FROM tenant.hook}), '42501', 'nobody reads the table');
sql(q{SELECT tenant.drop_hook('after_create', 'ops.mine(jsonb)')});
is(session($superuser, q{SELECT tenant.create('h3'); GRANT CREATE ON SCHEMA h3 TO web; SELECT tenant.add_hook('after_rename', 'ops.seed(jsonb)'); SELECT tenant.rename('h3', 'h4')}),
	'h3 42501', 'what others can put into a superuser\'s schema is not run as a superuser');
sql(q{SELECT tenant.drop_hook('after_rename', 'ops.seed(jsonb)')});
sql(q{REVOKE EXECUTE ON FUNCTION ops.h1(jsonb) FROM PUBLIC});
is(with_hook('after_suspend', 'ops.h1', q{SELECT tenant.suspend('b')}), '42501', 'the owner needs EXECUTE');

# What cannot be a hook
sql(q{CREATE FUNCTION ops.two(jsonb, int) RETURNS void LANGUAGE sql AS 'SELECT'; CREATE FUNCTION ops.many(jsonb) RETURNS SETOF int LANGUAGE sql AS 'SELECT 1';
	CREATE FUNCTION a.own(jsonb) RETURNS void LANGUAGE sql AS 'SELECT'});
is(session($superuser, "SELECT tenant.add_hook('after_create', '$_')"), '42P13', "$_ cannot") for 'ops.two(jsonb, int)', 'ops.many(jsonb)', 'a.own(jsonb)', 'pg_catalog.jsonb_agg(anyelement)';
is(session($superuser, q{SELECT tenant.add_hook('after_lunch', 'ops.seed(jsonb)')}), '22023', 'nor is everything an event');
is(session($superuser, q{SELECT tenant.add_hook('after_snapshot', 'ops.seed(jsonb)'); SELECT tenant.add_hook('after_snapshot', 'ops.seed(jsonb)'); SELECT tenant.drop_hook('before_snapshot', 'ops.seed(jsonb)')}), '42710 42704', 'twice, or not at all');
is(session($superuser, q{SELECT tenant.switch('a'); SELECT tenant.lock('k'); SELECT tenant.add_hook('before_snapshot', 'ops.seed(jsonb)')}), 'a TM004', 'not in a locked session');

# A function of another name is not there: nothing is done without it.
sql(q{SELECT tenant.add_hook('before_drop', 'ops.keep(jsonb)'); ALTER FUNCTION ops.keep(jsonb) RENAME TO kept});
is(session($superuser, q{SELECT tenant.drop('s5'); SELECT event, function IS NULL, function_name FROM tenant.hooks WHERE event = 'before_drop'}),
	'before_drop|t|ops.keep 42883', 'a hook that is not there stops the operation');
sql(q{ALTER FUNCTION ops.kept(jsonb) RENAME TO keep});
is(session($superuser, q{BEGIN; DROP FUNCTION ops.keep(jsonb); ROLLBACK; SELECT count(*) FROM tenant.hooks WHERE event = 'before_drop'}), '1', 'a drop that is undone drops no hook');

# Dump and restore
my $file = $node->data_dir . '/app.dump';
command_ok([ 'pg_dump', '-Fc', '-f', $file, $node->connstr('app') ], 'the database is dumped');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
command_ok([ 'pg_restore', '-d', $node->connstr('copy'), $file ], 'and restored');
is($node->safe_psql('copy', 'SELECT event, function FROM tenant.hooks ORDER BY 1'), "after_snapshot|ops.seed(jsonb)\nbefore_drop|ops.keep(jsonb)", 'the hooks are there');
is($node->safe_psql('copy', q{SELECT tenant.drop('s5'); SELECT count(*) FROM ops.seen WHERE event = 'before_drop'}), "\n1", 'and are called');

# Notifications
my $listener = $node->background_psql('app', on_error_stop => 0);
$listener->query('LISTEN tenant_mgr');
sql(q{SELECT tenant.create('told', owner => 'own_a', metadata => '{"card": "4711"}'); SELECT tenant.rename('told', 'told2'); SELECT tenant.suspend('told2', 'unpaid')});
sql(q{BEGIN; SELECT tenant.create('untold'); ROLLBACK; BEGIN; SAVEPOINT s; SELECT tenant.create('untold'); ROLLBACK TO s; SAVEPOINT u; SELECT tenant.resume('told2'); RELEASE u; COMMIT});
sql(q{BEGIN; SELECT tenant.create('prepared'); PREPARE TRANSACTION 'p'});
sql(q{COMMIT PREPARED 'p'});
my $told = $listener->query('SELECT 1');
for (1 .. 50)
{
	last if $told =~ /resume/;
	$told .= $listener->query('SELECT pg_sleep(0.1)');
}
my $id = sql(q{SELECT told->>'id' FROM ops.seen LIMIT 0});
my @told = $told =~ /payload "(\{.*?\})"/g;
s/, "id": "[0-9a-f-]{36}"// for @told;
is(join("\n", @told), join("\n", '{"event": "create", "tenant": "told"}', '{"event": "rename", "tenant": "told", "new_name": "told2"}',
	'{"event": "suspend", "tenant": "told2"}', '{"event": "resume", "tenant": "told2"}'), 'listeners are told what was committed, and nothing that is not everybody\'s');
$listener->quit;

# Tenants pay for nothing without hooks: not a scan of the table for a switch.
sql(q{DELETE FROM tenant.hook; SELECT pg_stat_reset()});
my $scans = sub { return sql(q{SELECT pg_stat_get_numscans('tenant.hook'::regclass) + pg_stat_get_numscans('tenant.hook_pkey'::regclass)}) };
my $session = $node->background_psql('app');
$session->query(q{SELECT tenant.switch('b')});
$session->query(qq{SELECT tenant.switch('@{[$_ % 2 ? 'a' : 'b']}')}) for 1 .. 20;
$session->quit;
my $count = 0;
for (1 .. 50)
{
	$count = $scans->();
	last if $count > 0;
	select(undef, undef, undef, 0.1);
}
cmp_ok($count, '<=', 3, 'a session looks once whether there are any');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|was terminated by signal/, 'no crash');
$node->stop;
done_testing();
