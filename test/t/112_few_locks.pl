# 112_few_locks.pl: a tenant with more foreign keys to tables outside than there
# are locks can be dropped, and purged.  What takes a lock for each of its tables
# says so.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Test::More;
use TenantTest;

use constant TABLES => 900;

my $node = new_node('locks', "max_locks_per_transaction = 14\nmax_connections = 12\nmax_prepared_transactions = 0\n"
	  . "max_worker_processes = 2\nmax_wal_senders = 0\nautovacuum = off\n");
my $db = 'locks';
new_database($node, $db);
$node->safe_psql($db, q{
	CREATE TABLE public.country (id int PRIMARY KEY);
	CREATE TABLE public.base (id int);
	INSERT INTO public.country VALUES (1);
	SELECT tenant.create('many');
	DO $$
	BEGIN
		FOR i IN 1 .. } . TABLES . q{ LOOP
			EXECUTE format('CREATE TABLE many.t%s (c int REFERENCES public.country ON DELETE CASCADE)', i);
			COMMIT;
		END LOOP;
	END $$;
	CREATE TABLE many.child () INHERITS (public.base);
	INSERT INTO many.t1 VALUES (1)});
my ($rc, $stdout, $stderr) = $node->psql($db, 'BEGIN; LOCK TABLE ' . join(', ', map { "many.t$_" } 1 .. TABLES) . '; ROLLBACK');
like($stderr, qr/out of shared memory/, 'there are not as many locks as tables');
($rc, $stdout, $stderr) = $node->psql($db, q{SELECT tenant.drop('many')});
is($stderr, '', 'the tenant is dropped');
is($node->safe_psql($db, q{
	SELECT count(*) FROM pg_constraint WHERE confrelid = 'public.country'::regclass
	UNION ALL SELECT count(*) FROM pg_trigger WHERE tgrelid = 'public.country'::regclass
	UNION ALL SELECT count(*) FROM pg_inherits WHERE inhparent = 'public.base'::regclass
	UNION ALL SELECT count(*) FROM tenant.outside_link}), "0\n0\n0\n" . (TABLES + 1), 'without its ties to tables outside');
is($node->safe_psql($db, q{
	SELECT count(*) FROM pg_trigger WHERE tgconstraint <> 0 AND NOT EXISTS (SELECT FROM pg_constraint WHERE oid = tgconstraint)
	UNION ALL SELECT count(*) FROM pg_depend WHERE classid = 'pg_trigger'::regclass AND NOT EXISTS (SELECT FROM pg_trigger WHERE oid = objid)
	UNION ALL SELECT count(*) FROM pg_depend WHERE classid = 'pg_constraint'::regclass AND NOT EXISTS (SELECT FROM pg_constraint WHERE oid = objid)
	UNION ALL SELECT count(*) FROM pg_depend WHERE refclassid = 'pg_constraint'::regclass AND NOT EXISTS (SELECT FROM pg_constraint WHERE oid = refobjid)}),
	"0\n0\n0\n0", 'and nothing else is left of them');
$node->safe_psql($db, 'DELETE FROM public.country');
is($node->safe_psql($db, q{
	SELECT count(*) FROM tenant.tenants WHERE state = 'trashed'}), 1, 'what it referred to can be deleted');
($rc, $stdout, $stderr) = $node->psql($db, q{SELECT tenant.restore('many')});
like($stderr, qr/out of shared memory|violates foreign key constraint/, 'to come back takes more locks');
is($node->safe_psql($db, q{SELECT state FROM tenant.tenants}), 'trashed', 'and is done or not done');
($rc, $stdout, $stderr) = $node->psql($db, q{CALL tenant.purge('many')});
is($stderr, '', 'it is purged');
is($node->safe_psql($db, q{SELECT (SELECT count(*) FROM tenant.outside_link), (SELECT count(*) FROM tenant.tenants)}), '0|0', 'with all that was kept for it');
$node->stop;
done_testing();
