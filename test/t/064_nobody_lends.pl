# 064_nobody_lends.pl: nobody lends rights.  Code of a tenant runs inside our
# functions as the owner of its object, security-restricted, on the tenant's
# search path; an owner who is replaced leaves nothing that lends the new owner's
# rights to others.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/ring", '1:' . ('5a' x 32) . "\n");
chmod 0600, "$dir/ring";
my $node = new_node('lends', "shared_preload_libraries = 'tenant_mgr'\ntenant_mgr.key_file = '$dir/ring'\nautovacuum = off\n");
new_database($node, 'app');

sub value { return $node->safe_psql('app', $_[0]); }
sub failure
{
	my ($rc, $out, $err) = $node->psql('app', "\\set VERBOSITY verbose\n$_[0]");
	my ($error) = $err =~ /ERROR:  (.*)/;
	return $error // '';
}

$node->safe_psql('app', q{
	CREATE ROLE mallory LOGIN; CREATE ROLE deployer LOGIN; CREATE ROLE owner_x; CREATE ROLE friend LOGIN;
	GRANT deployer, owner_x TO friend; GRANT owner_x TO deployer;
	GRANT CREATE ON DATABASE app TO deployer, mallory; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tenant TO deployer, mallory;
	CREATE TABLE public.who (name name, restricted text, path text, replica text);
	GRANT INSERT ON public.who TO PUBLIC;
	CREATE TABLE public.secret (v text); CREATE TABLE public.open (v text); GRANT SELECT ON public.open TO PUBLIC;
	CREATE ROLE aown LOGIN});

# Notes who runs it, tries to become a superuser, and whether it could change its role.
my $note = q{
	CREATE FUNCTION %1$s.w() RETURNS void LANGUAGE plpgsql AS $$
	DECLARE restricted text := 'no';
	BEGIN
		BEGIN SET ROLE mallory; EXCEPTION WHEN insufficient_privilege THEN restricted := SQLERRM; END;
		INSERT INTO public.who VALUES (current_user, restricted, current_setting('search_path'), current_setting('session_replication_role'));
		IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN ALTER ROLE mallory SUPERUSER; END IF;
	END$$;
	CREATE FUNCTION %1$s.f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM %1$s.w(); RETURN 1; END$$;};
sub template
{
	my ($name, $more, $owner) = @_;
	$owner //= 'mallory';
	$node->safe_psql('app', "CREATE SCHEMA $name AUTHORIZATION $owner; SELECT tenant.adopt('$name', is_template => true); SET ROLE $owner;" . sprintf($note, $name) . $more);
	return;
}
sub whom { return value('WITH x AS (DELETE FROM public.who RETURNING *) SELECT DISTINCT name FROM x ORDER BY 1'); }
sub is_harmless { is(value(q{SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'}), 'f', $_[0]); return; }

# indexes that are built in the clone: because they are unlogged, the source is not
# locked, the access method builds its own, rows travel one by one; also when only
# the expression is simplified
my %index = (
	unlogged => 'CREATE UNLOGGED TABLE %1$s.t (k int); INSERT INTO %1$s.t VALUES (1); CREATE INDEX ON %1$s.t (%1$s.f(k))',
	partial => 'CREATE UNLOGGED TABLE %1$s.t (k int); INSERT INTO %1$s.t VALUES (1); CREATE INDEX ON %1$s.t (k) WHERE %1$s.f(k) = 1',
	exclusion => 'CREATE UNLOGGED TABLE %1$s.t (k int); INSERT INTO %1$s.t VALUES (1); ALTER TABLE %1$s.t ADD EXCLUDE USING hash ((%1$s.f(k)) WITH =)',
	rows => q{CREATE TYPE %1$s.mood AS ENUM ('x'); CREATE TABLE %1$s.t (k int, m %1$s.mood[]); INSERT INTO %1$s.t VALUES (1, '{x}'); CREATE INDEX ON %1$s.t (%1$s.f(k))},
	constant => 'CREATE TABLE %1$s.t (k int); INSERT INTO %1$s.t VALUES (1); CREATE INDEX ON %1$s.t ((%1$s.f(1)))',
	empty => 'CREATE TABLE %1$s.t (k int); CREATE INDEX ON %1$s.t USING hash ((%1$s.f(1)))',
	generated => q{CREATE TYPE %1$s.mood AS ENUM ('x'); CREATE FUNCTION %1$s.f(%1$s.mood) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM %1$s.w(); RETURN hashenum($1); END$$;
		CREATE TABLE %1$s.t (m %1$s.mood, k int GENERATED ALWAYS AS (%1$s.f(m)) STORED); INSERT INTO %1$s.t VALUES ('x')},
	check => q{CREATE TYPE %1$s.mood AS ENUM ('x'); CREATE FUNCTION %1$s.f(%1$s.mood) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM %1$s.w(); RETURN 1; END$$;
		CREATE TABLE %1$s.t (m %1$s.mood CHECK (%1$s.f(m) = 1)); INSERT INTO %1$s.t VALUES ('x')},
	domain => q{CREATE TYPE %1$s.mood AS ENUM ('x'); CREATE FUNCTION %1$s.f(%1$s.mood) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM %1$s.w(); RETURN 1; END$$;
		CREATE DOMAIN %1$s.d AS %1$s.mood CHECK (%1$s.f(VALUE) = 1); CREATE TABLE %1$s.t (m %1$s.d); INSERT INTO %1$s.t VALUES ('x')},
	partition => q{CREATE TYPE %1$s.mood AS ENUM ('x'); CREATE TABLE %1$s.t (k int, m %1$s.mood[]) PARTITION BY RANGE ((k + %1$s.f(1))); CREATE TABLE %1$s.t1 PARTITION OF %1$s.t FOR VALUES FROM (0) TO (10); INSERT INTO %1$s.t1 VALUES (1, '{x}')});
my %runs = map { $_ => 1 } qw(generated check domain);
foreach my $kind (sort keys %index)
{
	my $name = "t_$kind";
	template($name, sprintf($index{$kind}, $name));
	whom();
	like(failure("SELECT tenant.create('$kind', template => '$name', owner => 'postgres')"), qr/^TM009: schema "$name" cannot be cloned because of function $name\.[wf]\(/, "$kind: a superuser does not become the owner of code that none has written");
	is(whom(), '', "$kind: and does not run it");
	is(failure("SET ROLE deployer; SELECT tenant.create('$kind', template => '$name')"), '', "$kind: another role can");
	my $whom = whom();
	ok($whom eq 'mallory' || $whom eq '' && !$runs{$kind}, "$kind: and it runs as the owner of the template");
	is(failure("SET ROLE deployer; SELECT tenant.create('${kind}_x', template => '$name', owner => 'owner_x')"), '', "$kind: for a third role");
	$whom = whom();
	ok($whom eq '' || $whom eq 'mallory', "$kind: too");
	is(failure("SELECT tenant.clone('$name', '${kind}_clone')"), '', "$kind: a superuser can clone it");
	$whom = whom();
	ok($whom eq '' || $whom eq 'mallory', "$kind: and it runs as its owner");
	is(failure("SELECT tenant.clone_plan('$name')"), '', "$kind: and ask how");
	$whom = whom();
	ok($whom eq '' || $whom eq 'mallory', "$kind: and it runs as its owner");
	is(value("SELECT tableowner FROM pg_tables WHERE schemaname = '$kind' AND tablename = 't'"), 'deployer', "$kind: the table is the new owner's");
	is_harmless("$kind: nobody has become a superuser");
}

# the owner of the template is as restricted, and is where the tenant's sessions are
$node->safe_psql('app', q{SET ROLE deployer; SELECT tenant.create('r1', template => 't_unlogged')});
like(value(q{SELECT restricted FROM public.who}), qr/security-restricted operation/, 'security-restricted');
whom();

# helpers are found by the search path of the tenant (the server has its own from 17 on)
$node->safe_psql('app', q{
	CREATE SCHEMA t_path AUTHORIZATION mallory; SELECT tenant.adopt('t_path', is_template => true); SET ROLE mallory;
	SET search_path = t_path, public;
	CREATE FUNCTION helper(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN lower($1); END';
	REVOKE EXECUTE ON FUNCTION helper(text) FROM PUBLIC;
	CREATE FUNCTION norm(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN helper($1); END';
	CREATE TABLE t (v text); CREATE INDEX t_norm ON t (norm(v)); INSERT INTO t VALUES ('ABC');
	RESET ROLE; GRANT CREATE ON SCHEMA public TO mallory;
	CREATE FUNCTION public.helper(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'wrong'$$});
SKIP:
{
	skip 'the server sets its own search path when it builds an index', 4 if $node->pg_version >= 17;
	is(failure(q{SET tenant_mgr.clone_lock = none; SELECT tenant.clone('t_path', 'p1')}), '', 'an index function that calls a helper by name');
	is(value(q{SET enable_seqscan = off; SELECT tenant.switch('p1') \gset
		SELECT count(*) FROM t WHERE norm(v) = 'abc'}), 1, 'has called the right one');
	is(failure(q{SET tenant_mgr.clone_lock = none; SET ROLE deployer; SELECT tenant.create('p2', template => 't_path')}), '', 'also if the owner is replaced');
	is(value(q{SELECT nspacl IS NULL, (SELECT proacl FROM pg_proc WHERE pronamespace = n.oid AND proname = 'helper') FROM pg_namespace n WHERE nspname = 'p2'}), 't|{deployer=X/deployer}', 'who has nothing left there');
}

# what lends the rights of its owner goes to nobody whose part its owner could not take
my %lends = (
	definer => [ 'CREATE FUNCTION %1$s.d() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$SELECT 1::text$$', 'function %1$s.d()' ],
	procedure => [ 'CREATE PROCEDURE %1$s.d() LANGUAGE sql SECURITY DEFINER AS $$SELECT 1::text$$', 'function %1$s.d()' ],
	view => [ 'RESET ROLE; GRANT SELECT ON public.secret TO mallory; SET ROLE mallory; CREATE VIEW %1$s.v AS SELECT * FROM public.secret; RESET ROLE; REVOKE SELECT ON public.secret FROM mallory', 'rule _RETURN on view %1$s.v' ],
	catalog => [ 'CREATE VIEW %1$s.v AS SELECT rolpassword FROM pg_authid', 'rule _RETURN on view %1$s.v' ],
	subquery => [ 'CREATE VIEW %1$s.v AS SELECT 1 AS k WHERE EXISTS (WITH x AS (SELECT FROM pg_authid) SELECT FROM x)', 'rule _RETURN on view %1$s.v' ],
	matview => [ 'CREATE MATERIALIZED VIEW %1$s.v AS SELECT rolpassword FROM pg_authid WITH NO DATA', 'rule _RETURN on materialized view %1$s.v' ],
	rule => [ 'CREATE TABLE %1$s.t (v text); CREATE RULE r AS ON INSERT TO %1$s.t DO ALSO DELETE FROM public.secret', 'rule r on table %1$s.t' ],
	deferred => [ 'CREATE VIEW %1$s.v AS SELECT 1 AS k; CREATE RULE r AS ON INSERT TO %1$s.v DO INSTEAD INSERT INTO public.secret VALUES (NEW.k)', 'rule r on view %1$s.v' ]);
foreach my $kind (sort keys %lends)
{
	my $name = "l_$kind";
	my ($make, $object) = map { sprintf($_, $name) } @{ $lends{$kind} };
	$node->safe_psql('app', "CREATE SCHEMA $name AUTHORIZATION mallory; SELECT tenant.adopt('$name', is_template => true); SET ROLE mallory; $make");
	is(failure("SET ROLE deployer; SELECT tenant.create('n_$kind', template => '$name', owner => '$_')"), "TM009: schema \"$name\" cannot be cloned because of $object", "$kind: refused for $_") foreach ('deployer', 'owner_x');
	is(value(qq{SELECT count(*) FROM pg_namespace WHERE nspname = 'n_$kind'}), 0, "$kind: nothing is left");
	is(failure("SELECT tenant.clone('$name', 'n_$kind')"), '', "$kind: who stays the owner has what he had");
	is(failure("ALTER SCHEMA $name OWNER TO postgres; REASSIGN OWNED BY mallory TO postgres; SELECT tenant.create('m_$kind', template => '$name', owner => 'owner_x')"), '', "$kind: a superuser's may become anybody's");
	$node->safe_psql('app', "DROP SCHEMA n_$kind CASCADE");
}
is(value(q{SELECT prosecdef, proowner::regrole FROM pg_proc WHERE pronamespace = 'm_definer'::regnamespace}), 't|owner_x', 'which is as it was');

# what lends nothing goes with its owner's place
$node->safe_psql('app', q{
	CREATE SCHEMA l_honest AUTHORIZATION mallory; SELECT tenant.adopt('l_honest', is_template => true); SET ROLE mallory;
	CREATE TABLE l_honest.t (v text); CREATE VIEW l_honest.v AS SELECT t.v, o.v AS o FROM l_honest.t, public.open o;
	CREATE VIEW l_honest.i WITH (security_invoker) AS SELECT * FROM pg_authid;
	CREATE FUNCTION l_honest.tr() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
	CREATE TRIGGER tr BEFORE INSERT ON l_honest.t FOR EACH ROW EXECUTE FUNCTION l_honest.tr()});
is(failure(q{SET ROLE deployer; SELECT tenant.create('honest', template => 'l_honest', owner => 'owner_x')}), '', 'views on what its owner may read, and functions of the caller');

# an owner who can take the part of the new one anyway
$node->safe_psql('app', q{CREATE SCHEMA l_friend AUTHORIZATION friend; SELECT tenant.adopt('l_friend', is_template => true); SET ROLE friend; CREATE FUNCTION l_friend.d() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'});
is(failure(q{SET ROLE deployer; SELECT tenant.create('of_friend', template => 'l_friend', owner => 'owner_x')}), '', 'a member of the new owner');

# a superuser's objects call nothing of others, wherever it is
$node->safe_psql('app', q{
	SET ROLE mallory; CREATE FUNCTION public.mine(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END';
	RESET ROLE; CREATE SCHEMA l_out AUTHORIZATION mallory; SELECT tenant.adopt('l_out', is_template => true); SET ROLE mallory;
	CREATE TABLE l_out.t (k int); CREATE INDEX ON l_out.t (public.mine(k))});
like(failure(q{SELECT tenant.create('out', template => 'l_out', owner => 'postgres')}), qr/^TM009: schema "l_out" cannot be cloned because of index l_out\./, 'nor an index with a function of another schema');

# a state is brought back for another owner than it was kept for
$node->safe_psql('app', q{
	CREATE SCHEMA s_back AUTHORIZATION mallory; SELECT tenant.adopt('s_back'); SET ROLE mallory;
	CREATE FUNCTION s_back.d() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
	SELECT tenant.snapshot('s_back', 'one');
	RESET ROLE; ALTER SCHEMA s_back OWNER TO owner_x});
like(failure(q{SELECT tenant.rollback_to('s_back', 'one')}), qr/^TM009: .* because of function /, 'the same where a snapshot becomes another owner\'s');

# what CREATE asks for is asked of whoever becomes the owner
$node->safe_psql('app', q{
	CREATE EXTENSION file_fdw; CREATE SERVER srv FOREIGN DATA WRAPPER file_fdw;
	CREATE TYPE public.ty AS (v int); REVOKE USAGE ON TYPE public.ty FROM PUBLIC;
	CREATE DOMAIN public.dom AS int; REVOKE USAGE ON DOMAIN public.dom FROM PUBLIC;
	CREATE FUNCTION public.tr() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; REVOKE EXECUTE ON FUNCTION public.tr() FROM PUBLIC;
	CREATE FUNCTION public.step(int, int) RETURNS int LANGUAGE sql AS 'SELECT $1 + $2'; REVOKE EXECUTE ON FUNCTION public.step(int, int) FROM PUBLIC});
$node->safe_psql('app', q{SET allow_in_place_tablespaces = on; CREATE TABLESPACE ts LOCATION ''});
my %use = (
	server => [ q{CREATE FOREIGN TABLE %1$s.t (v text) SERVER srv OPTIONS (filename '/dev/null')}, 'permission denied for foreign server srv', 'GRANT USAGE ON FOREIGN SERVER srv TO owner_x' ],
	column => [ 'CREATE TABLE %1$s.t (v public.ty)', 'permission denied for type ty', 'GRANT USAGE ON TYPE public.ty TO owner_x' ],
	array => [ 'CREATE TABLE %1$s.t (v public.dom[])', 'permission denied for type dom(\[\])?', 'GRANT USAGE ON DOMAIN public.dom TO owner_x' ],
	base => [ 'CREATE DOMAIN %1$s.d AS public.dom', 'permission denied for type dom', 'GRANT USAGE ON DOMAIN public.dom TO owner_x' ],
	argument => [ q{CREATE FUNCTION %1$s.a(public.ty) RETURNS int LANGUAGE sql AS 'SELECT 1'}, 'permission denied for type ty', 'GRANT USAGE ON TYPE public.ty TO owner_x' ],
	language => [ q{CREATE FUNCTION %1$s.a() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'; REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC}, 'permission denied for language plpgsql', 'GRANT USAGE ON LANGUAGE plpgsql TO PUBLIC' ],
	trigger => [ 'CREATE TABLE %1$s.t (v int); CREATE TRIGGER tr BEFORE INSERT ON %1$s.t FOR EACH ROW EXECUTE FUNCTION public.tr()', 'permission denied for function (public\.)?tr\(?\)?', 'GRANT EXECUTE ON FUNCTION public.tr() TO owner_x' ],
	aggregate => [ 'CREATE AGGREGATE %1$s.a(int) (SFUNC = public.step, STYPE = int)', 'permission denied for function (public\.)?step.*', 'GRANT EXECUTE ON FUNCTION public.step(int, int) TO owner_x' ],
	operator => [ 'CREATE OPERATOR %1$s.### (LEFTARG = int, RIGHTARG = int, FUNCTION = public.step)', 'permission denied for function (public\.)?step.*', 'GRANT EXECUTE ON FUNCTION public.step(int, int) TO owner_x' ],
	tablespace => [ 'CREATE TABLE %1$s.t (v int) TABLESPACE ts', 'permission denied for tablespace ts', 'GRANT CREATE ON TABLESPACE ts TO owner_x' ],
	index => [ 'CREATE TABLE %1$s.t (v int); CREATE INDEX ON %1$s.t (v) TABLESPACE ts', 'permission denied for tablespace ts', 'GRANT CREATE ON TABLESPACE ts TO owner_x' ]);
foreach my $kind (sort keys %use)
{
	my ($make, $error, $grant) = @{ $use{$kind} };
	my $revoke = $grant =~ /PUBLIC/ ? 'SELECT 1' : $grant =~ s/^GRANT/REVOKE/r =~ s/ TO / FROM /r;
	$node->safe_psql('app', "SELECT tenant.create('u_$kind'), tenant.set_template('u_$kind', true); " . sprintf($make, "u_$kind"));
	like(failure("$_ SELECT tenant.create('v_$kind', template => 'u_$kind', owner => 'owner_x')"), qr/^42501: $error$/, "use of a $kind is asked of the owner") foreach ('', 'SET ROLE deployer;');
	is(failure("SELECT tenant.clone('u_$kind', 'w_$kind')"), '', 'and not again of a superuser who stays the owner');
	is(failure("$grant; SET ROLE deployer; SELECT tenant.create('v_$kind', template => 'u_$kind', owner => 'owner_x')"), '', 'with the privilege it works');
	is(failure("$revoke; SELECT tenant.snapshot('v_$kind', 's')"), '', 'and whoever could give it may copy it later');
}

# encrypt_column: code of the tables, called by a superuser for all tenants at once
$node->safe_psql('app', sprintf($note, 'public') . q{
	SELECT tenant.create('e'), tenant.create('e2'); GRANT USAGE, CREATE ON SCHEMA e, e2 TO aown; GRANT USAGE ON SCHEMA e TO mallory;
	CREATE FUNCTION public.forbid() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'audited'; END$$;
	CREATE TABLE public.audited (v text); GRANT ALL ON public.audited TO PUBLIC;
	CREATE TRIGGER audit BEFORE INSERT ON public.audited FOR EACH ROW EXECUTE FUNCTION public.forbid()});
foreach my $schema ('e', 'e2')
{
	$node->safe_psql('app', "SET ROLE aown;" . sprintf($note, $schema) . qq{
		CREATE FUNCTION $schema.audit(int) RETURNS int LANGUAGE plpgsql AS \$\$BEGIN INSERT INTO public.audited VALUES ('x'); RETURN 1; EXCEPTION WHEN raise_exception THEN RETURN 1; END\$\$;
		CREATE TABLE $schema.enc (k int CHECK ($schema.f(k) = 1), x int CHECK ($schema.audit(x) = 1), g int GENERATED ALWAYS AS ($schema.f(k)) STORED, c text) WITH (fillfactor = 100);
		CREATE INDEX ON $schema.enc ($schema.f(k)); CREATE INDEX ON $schema.enc ((k)) WHERE $schema.f(1) = 1;
		CREATE FUNCTION $schema.tr() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM $schema.w(); RETURN NEW; END';
		CREATE TRIGGER tr BEFORE UPDATE ON $schema.enc FOR EACH ROW EXECUTE FUNCTION $schema.tr();
		CREATE TRIGGER always AFTER UPDATE ON $schema.enc FOR EACH ROW EXECUTE FUNCTION $schema.tr(); ALTER TABLE $schema.enc ENABLE ALWAYS TRIGGER always;
		INSERT INTO $schema.enc (k, x, c) SELECT i, i, 'text ' || i FROM generate_series(1, 300) i});
}
whom();
is(failure(q{CALL tenant.encrypt_column('enc', 'c', 50)}), '', 'a superuser encrypts a column of all tenants');
is(value(q{SELECT DISTINCT name, replica FROM public.who ORDER BY 1}), 'aown|origin', 'their code runs as their owner, with no setting of ours');
is(value(q{SELECT count(*) FROM public.who WHERE restricted !~ 'security-restricted'}), 0, 'security-restricted');
is(value(q{SELECT count(*) FROM public.audited}), 0, "and fires others' triggers");
is_harmless('nobody has become a superuser');
# a plan that uses such an index calls its functions as whoever asks, so it goes
$node->safe_psql('app', 'SET ROLE aown; DROP INDEX e.enc_k_idx, e2.enc_k_idx');
is(value(qq{SELECT tenant.switch('$_') \\g /dev/null
	SELECT count(*) FROM enc WHERE tenant.decrypt(c, 'enc.c') = 'text ' || k}), 300, "all values of $_ are there") foreach ('e', 'e2');
is(value(q{SELECT count(*) FROM e.enc WHERE k = 7}) . value(q{SET enable_seqscan = off; SET ROLE aown; SELECT count(*) FROM e.enc WHERE e.f(k) = 1}), '1300', 'and indexes find them');

done_testing();
