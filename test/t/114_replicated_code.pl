# 114_replicated_code.pl: triggers and checks that run where logical replication
# writes a tenant's table are that tenant's code.  Functions of the schema reach
# its tables; shared functions reach no tenant's, for the server does not tell
# which table it writes to.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('replicated', "shared_preload_libraries = 'tenant_mgr'\nautovacuum = off\nwal_level = logical\nmax_wal_senders = 4\nmax_replication_slots = 8\nwal_retrieve_retry_interval = 100ms\n");
new_database($node, 'app');
$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql('source', q{
	CREATE SCHEMA a;
	CREATE TABLE a.r (k int PRIMARY KEY, v text); INSERT INTO a.r VALUES (1, 'first');
	CREATE TABLE a.own (k int PRIMARY KEY); INSERT INTO a.own VALUES (1);
	CREATE PUBLICATION p FOR TABLE a.r, a.own;
	SELECT pg_create_logical_replication_slot('sub', 'pgoutput')});

# Attempts are caught, for an error would have the worker start again and again.
my $attempt = q{BEGIN INSERT INTO public.seen SELECT '%1$s ' || v FROM b.t; EXCEPTION WHEN OTHERS THEN INSERT INTO public.seen VALUES ('%1$s ' || sqlstate); END;};
my %attempt = map { $_ => $attempt =~ s/%1\$s/$_/gr } qw(check shared own);
$node->safe_psql('app', qq{
	SELECT tenant.create('a'), tenant.create('b');
	CREATE TABLE public.seen (v text);
	CREATE TABLE b.t (v text); INSERT INTO b.t VALUES ('SECRET');
	CREATE TABLE a.log (k int);
	CREATE FUNCTION public.checked(text) RETURNS bool LANGUAGE plpgsql AS \$f\$BEGIN $attempt{check} RETURN true; END\$f\$;
	CREATE FUNCTION public.fire() RETURNS trigger LANGUAGE plpgsql AS \$f\$BEGIN $attempt{shared} RETURN NEW; END\$f\$;
	CREATE FUNCTION a.fire() RETURNS trigger LANGUAGE plpgsql AS \$f\$BEGIN $attempt{own} INSERT INTO a.log VALUES (NEW.k); RETURN NEW; END\$f\$;
	CREATE TABLE a.r (k int PRIMARY KEY, v text CHECK (public.checked(v)));
	CREATE TABLE a.own (k int PRIMARY KEY);
	CREATE TRIGGER t1 BEFORE INSERT OR UPDATE ON a.r FOR EACH ROW EXECUTE FUNCTION public.fire();
	CREATE TRIGGER t2 AFTER INSERT OR UPDATE ON a.r FOR EACH ROW EXECUTE FUNCTION public.fire();
	CREATE CONSTRAINT TRIGGER t3 AFTER INSERT ON a.r DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.fire();
	ALTER TABLE a.r ENABLE ALWAYS TRIGGER t1, ENABLE REPLICA TRIGGER t2, ENABLE ALWAYS TRIGGER t3;
	CREATE TRIGGER t AFTER INSERT ON a.own FOR EACH ROW EXECUTE FUNCTION a.fire();
	ALTER TABLE a.own ENABLE ALWAYS TRIGGER t});
my $connstr = literal($node->connstr('source'));
$node->safe_psql('app', "CREATE SUBSCRIPTION sub CONNECTION $connstr PUBLICATION p WITH (create_slot = false, slot_name = 'sub')");
ok($node->poll_query_until('app', q{SELECT count(*) = 2 FROM pg_subscription_rel WHERE srsubstate IN ('r', 's')}), 'the tables have been copied');
$node->safe_psql('source', q{INSERT INTO a.r VALUES (2, 'second'); UPDATE a.r SET v = 'changed' WHERE k = 1; INSERT INTO a.own VALUES (2)});
$node->wait_for_catchup('sub');
is($node->safe_psql('app', 'SELECT count(*) FROM a.r, a.own'), 4, 'and rows arrive');
is($node->safe_psql('app', 'SELECT string_agg(DISTINCT v, E\'\n\' ORDER BY v) FROM public.seen'), "check TM003\nown TM003\nshared TM003", 'nothing of another tenant is seen by their triggers and checks');
is($node->safe_psql('app', q{SELECT count(*) FROM public.seen WHERE v ~ 'shared'}), 8, 'each trigger has tried');
is($node->safe_psql('app', 'SELECT string_agg(k::text, \' \' ORDER BY k) FROM a.log'), '1 2', "functions of the schema write the tenant's tables");

$node->safe_psql('app', 'ALTER SUBSCRIPTION sub DISABLE; ALTER SUBSCRIPTION sub SET (slot_name = none); DROP SUBSCRIPTION sub');
$node->stop;
done_testing();
