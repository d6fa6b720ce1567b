# 065_shared_functions.pl: PL/pgSQL functions that all tenants share work for the
# tenant that is bound, with its types.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Test::More;
use TenantTest;

my $node = new_node('shared', "shared_preload_libraries = 'tenant_mgr'\n");
new_database($node, 'app');

$node->safe_psql('app', q{
	CREATE TABLE public.log (w text);
	SELECT tenant.create('one');
	CREATE TYPE one.st AS ENUM ('new', 'old'); CREATE DOMAIN one.dom AS int CHECK (value < 10); CREATE TYPE one.pair AS (a int, b one.st);
	CREATE TABLE one.o (k one.dom, s one.st, p one.pair, l one.st[]); INSERT INTO one.o VALUES (1, 'new', (1, 'old'), '{new,old}');
	SELECT tenant.clone('one', 'two'), tenant.clone('one', 'three');
	UPDATE two.o SET s = 'old', k = 2;
	SELECT tenant.switch('one');
	CREATE FUNCTION public.f_type() RETURNS text LANGUAGE plpgsql AS $$DECLARE x st; BEGIN SELECT s INTO x FROM o; RETURN x; END$$;
	CREATE FUNCTION public.f_column() RETURNS text LANGUAGE plpgsql AS $$DECLARE x o.s%TYPE; BEGIN x := (SELECT s FROM o); RETURN x; END$$;
	CREATE FUNCTION public.f_row() RETURNS text LANGUAGE plpgsql AS $$DECLARE r o%ROWTYPE; BEGIN SELECT * INTO r FROM o; RETURN r.s::text || r.k; END$$;
	CREATE FUNCTION public.f_array() RETURNS text LANGUAGE plpgsql AS $$DECLARE x st[]; BEGIN SELECT l INTO x FROM o; RETURN x[1]; END$$;
	CREATE FUNCTION public.f_pair() RETURNS text LANGUAGE plpgsql AS $$DECLARE x pair; BEGIN x := (SELECT p FROM o); x.b := 'new'; RETURN x; END$$;
	CREATE FUNCTION public.f_domain() RETURNS text LANGUAGE plpgsql AS $$DECLARE x dom; BEGIN SELECT k INTO x FROM o; RETURN x; END$$;
	CREATE FUNCTION public.f_loop() RETURNS text LANGUAGE plpgsql AS $$DECLARE r o; a text := ''; BEGIN FOR r IN SELECT * FROM o LOOP a := a || r.s; END LOOP; RETURN a; END$$;
	CREATE FUNCTION public.f_inner() RETURNS text LANGUAGE plpgsql AS $$BEGIN DECLARE x st; BEGIN SELECT s INTO x FROM o; RETURN x; END; END$$;
	CREATE FUNCTION public.tr() RETURNS trigger LANGUAGE plpgsql AS $$DECLARE x st; BEGIN x := NEW.s; INSERT INTO public.log VALUES (x); RETURN NEW; END$$;
	CREATE PROCEDURE public.p() LANGUAGE plpgsql AS $$DECLARE x st; BEGIN SELECT s INTO x FROM o; COMMIT; INSERT INTO public.log VALUES (x); END$$;
	CREATE TRIGGER tr BEFORE UPDATE ON one.o FOR EACH ROW EXECUTE FUNCTION public.tr();
	CREATE FUNCTION public.f_plain(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN i + 1; END';
	SELECT tenant.reset();
	CREATE TRIGGER tr BEFORE UPDATE ON two.o FOR EACH ROW EXECUTE FUNCTION public.tr();
	CREATE TRIGGER tr BEFORE UPDATE ON three.o FOR EACH ROW EXECUTE FUNCTION public.tr()});

my $all = 'SELECT f_type(), f_column(), f_row(), f_array(), f_pair(), f_domain(), f_loop(), f_inner(), f_plain(1)';
my %expected = (one => 'new|new|new1|new|(1,new)|1|new|new|2', two => 'old|old|old2|new|(1,new)|2|old|old|2', three => 'new|new|new1|new|(1,new)|1|new|new|2');
foreach my $guard ('enforce', 'off')
{
	my $session = $node->background_psql('app', on_error_stop => 0);
	$session->query("SET tenant_mgr.guard = $guard");
	foreach my $tenant ('one', 'two', 'one', 'three', 'two')
	{
		$session->query("SELECT tenant.switch('$tenant')");
		is($session->query($all), $expected{$tenant}, "guard $guard: functions work for $tenant");
		is($session->query('UPDATE o SET s = s RETURNING s'), $tenant eq 'two' ? 'old' : 'new', 'a trigger, too');
		is($session->query('CALL p()'), '', 'and a procedure');
	}
	is($session->query(q{BEGIN; SELECT tenant.switch_local('one'); SELECT f_type(); COMMIT}), "one\nnew", 'for a transaction');
	is($session->query($all), $expected{two}, 'and after it');
	is($session->query(q{BEGIN; SELECT tenant.switch('one'); SELECT f_type(); ROLLBACK}), "one\nnew", 'a switch that is rolled back');
	is($session->query($all), $expected{two}, 'leaves nothing');
	is($session->query(q{DISCARD ALL; SELECT tenant.switch('one')}), 'one', 'after DISCARD ALL');
	is($session->query($all), $expected{one}, 'too');
	is($session->{stderr}, '', 'without an error');
	$session->quit;
}

# the types are gone, or others, while the session stays
my $session = $node->background_psql('app', on_error_stop => 0);
$session->query(q{SELECT tenant.switch('three')});
is($session->query($all), $expected{three}, 'before a snapshot');
$node->safe_psql('app', q{SELECT tenant.snapshot('three', 's'); SELECT tenant.rollback_to('three', 's')});
is($session->query($all), $expected{three}, 'after it was brought back');
$session->query('SELECT tenant.reset()');
$node->safe_psql('app', q{SELECT tenant.drop('three', true)});
$session->query(q{SELECT tenant.switch('two')});
is($session->query($all), $expected{two}, 'after the tenant was purged');

# a function that had none of their types gets one, and loses it again
foreach my $body ('DECLARE x st; BEGIN SELECT s INTO x FROM o; RETURN i + ascii(x::text); END', 'BEGIN RETURN i + 1; END')
{
	$node->safe_psql('app', "SET check_function_bodies = off; CREATE OR REPLACE FUNCTION public.f_plain(i int) RETURNS int LANGUAGE plpgsql AS '$body'");
	foreach my $tenant ('two', 'one', 'two')
	{
		$session->query("SELECT tenant.switch('$tenant')");
		is($session->query('SELECT f_plain(1)'), $body !~ /DECLARE/ ? 2 : $tenant eq 'one' ? 111 : 112, "replaced, for $tenant");
	}
}
is($session->{stderr}, '', 'without an error');
$session->quit;

done_testing();
