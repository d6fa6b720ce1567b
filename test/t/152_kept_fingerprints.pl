# 152_kept_fingerprints.pl: a fingerprint that is kept is true, whatever has been
# done to the schema, by whom and how.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('kept', "fsync = off\nmax_prepared_transactions = 5\n"
	  . "wal_level = replica\nmax_wal_senders = 4\nallow_in_place_tablespaces = on\nmax_locks_per_transaction = 128\n");
new_database($node, 'app');

sub sql { return $node->safe_psql('app', $_[0]); }
sub kept { return sql("SELECT tenant.fingerprint('" . ($_[0] // 'acme') . "')"); }

# As a session that reads everything anew; its warnings are of what was not noticed.
sub fresh
{
	my ($out, $err);
	$node->psql('app', "SELECT tenant.fingerprint('" . ($_[0] // 'acme') . "', true)", stdout => \$out, stderr => \$err);
	return $err ne '' ? $err : $out;
}

# Is what is kept about a tenant used as it is?
sub is_kept
{
	my $name = $_[0] // 'acme';
	return sql(qq{SELECT xmin FROM tenant.kept_fingerprint k WHERE tenant_id = (SELECT id FROM tenant.registry WHERE name = '$name')
		AND basis <> '' AND NOT EXISTS (SELECT FROM tenant.structure_change WHERE schema_oid = k.schema_oid)});
}

# The fingerprint changes with this, and nobody believes the one from before.
sub changes
{
	my ($what, @commands) = @_;
	my $before = kept();
	$node->safe_psql(ref $_ ? @$_ : ('app', $_)) foreach @commands;
	my $after = kept();
	isnt($after, $before, "$what changes it");
	is(fresh(), $after, "$what: what is kept is true");
}

# It does not, and nothing has to be read again.
sub keeps
{
	my ($what, $command) = @_;
	my $before = kept();
	my $row = is_kept();
	isnt($row, '', "before $what there is something kept");
	sql($command);
	is(is_kept(), $row, "$what leaves it alone");
	is(fresh(), $before, "$what: what is kept is true");
}

sql(q{
	CREATE ROLE tm_reader; CREATE ROLE tm_other; CREATE ROLE tm_owner;
	CREATE TABLESPACE tm_space LOCATION '';
	CREATE TABLE public.shared (id int PRIMARY KEY, label text);
	CREATE TABLE public.parent (id int);
	CREATE TYPE public.mood AS ENUM ('good', 'bad');
	CREATE FUNCTION public.twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
	CREATE SCHEMA common; CREATE DOMAIN common.amount AS int;
	SELECT tenant.create('acme'), tenant.create('beta');
	CREATE TABLE acme.item (id serial PRIMARY KEY, name text, price common.amount, parent int REFERENCES acme.item,
		shared int REFERENCES public.shared, mood public.mood DEFAULT 'good', two int DEFAULT public.twice(1));
	CREATE TABLE acme.part (id int, at date) PARTITION BY RANGE (at);
	CREATE TABLE acme.part_1 PARTITION OF acme.part FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
	CREATE TABLE acme.child () INHERITS (public.parent);
	CREATE TABLE acme.spaced (id int) TABLESPACE tm_space;
	CREATE VIEW acme.labels AS SELECT s.label FROM public.shared s;
	CREATE MATERIALIZED VIEW acme.names AS SELECT name FROM acme.item;
	CREATE TYPE acme.size AS ENUM ('s', 'm');
	CREATE FUNCTION acme.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
	CREATE TRIGGER t BEFORE INSERT ON acme.item FOR EACH ROW EXECUTE FUNCTION acme.f();
	GRANT SELECT ON acme.item TO tm_reader;
	CREATE TABLE acme.clustered (name text); CREATE INDEX clustered_name ON acme.clustered (name);
	CREATE FUNCTION public.compared(int, bigint) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0';
	CREATE OPERATOR FAMILY acme.numbers USING btree;
	CREATE OPERATOR CLASS acme.ints FOR TYPE int USING btree FAMILY acme.numbers AS OPERATOR 1 <, FUNCTION 1 btint4cmp(int, int);
	ALTER OPERATOR FAMILY acme.numbers USING btree ADD FUNCTION 1 (int, bigint) public.compared(int, bigint);
	CREATE TABLE beta.item (id int PRIMARY KEY);
});

like(kept(), qr/^[0-9a-f]{64}$/, 'there is a fingerprint');
my $row = is_kept();
isnt($row, '', 'and it is kept');
kept();
is(is_kept(), $row, 'and not written again');

# Statements of all kinds
changes($_, $_) foreach split /\n/, <<'SQL';
ALTER TABLE acme.item ADD COLUMN note text
ALTER TABLE acme.item RENAME note TO remark
COMMENT ON COLUMN acme.item.remark IS 'a remark'
GRANT UPDATE (remark) ON acme.item TO tm_reader
REVOKE UPDATE (remark) ON acme.item FROM tm_reader
GRANT SELECT ON ALL TABLES IN SCHEMA acme TO tm_other
GRANT USAGE ON SCHEMA acme TO tm_other
ALTER DEFAULT PRIVILEGES IN SCHEMA acme GRANT SELECT ON TABLES TO tm_reader
ALTER DEFAULT PRIVILEGES IN SCHEMA acme REVOKE SELECT ON TABLES FROM tm_reader
CREATE POLICY p ON acme.item USING (true)
ALTER POLICY p ON acme.item USING (id > 0)
DROP POLICY p ON acme.item
CREATE RULE r AS ON DELETE TO acme.item DO ALSO NOTHING
DROP RULE r ON acme.item
ALTER TABLE acme.item DISABLE TRIGGER t
DROP TRIGGER t ON acme.item
ALTER TABLE acme.item ALTER name SET DEFAULT 'x'
ALTER TABLE acme.item ALTER name DROP DEFAULT
ALTER TYPE acme.size ADD VALUE 'l'
ALTER TYPE acme.size RENAME VALUE 'l' TO 'xl'
CREATE STATISTICS acme.st ON id, name FROM acme.item
ALTER STATISTICS acme.st SET STATISTICS 10
CREATE INDEX CONCURRENTLY item_name ON acme.item (name)
ALTER INDEX acme.item_name RENAME TO item_by_name
DROP INDEX CONCURRENTLY acme.item_by_name
ALTER TABLE acme.part DETACH PARTITION acme.part_1 CONCURRENTLY
ALTER TABLE acme.part ATTACH PARTITION acme.part_1 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')
ALTER TABLE acme.part_1 SET SCHEMA common
ALTER TABLE acme.part DETACH PARTITION common.part_1
ALTER TABLE common.part_1 SET SCHEMA acme
ALTER TABLE acme.item REPLICA IDENTITY FULL
CREATE TEXT SEARCH CONFIGURATION acme.cfg (COPY = simple)
ALTER TEXT SEARCH CONFIGURATION acme.cfg DROP MAPPING FOR word
CREATE OPERATOR FAMILY acme.fam USING btree
DROP OPERATOR FAMILY acme.fam USING btree
CREATE TABLE acme.copy AS SELECT 1 AS x
DO $$ BEGIN EXECUTE 'DROP TABLE acme.copy'; END $$
CREATE TABLE common.moving (id int); ALTER TABLE common.moving SET SCHEMA acme
SET session_replication_role = replica; ALTER TABLE acme.item ADD COLUMN replica int
ALTER TABLE acme.item DROP COLUMN replica
BEGIN; ALTER TABLE acme.item ADD COLUMN prep int; PREPARE TRANSACTION 'p'; COMMIT PREPARED 'p'
BEGIN; SAVEPOINT s; ALTER TABLE acme.item ADD lost int; ROLLBACK TO s; ALTER TABLE acme.item ADD COLUMN won int; COMMIT
BEGIN; ALTER TABLE acme.item ADD one int; SELECT tenant.fingerprint('acme'); ALTER TABLE acme.item ADD COLUMN two_ int; COMMIT
BEGIN; SAVEPOINT s; ALTER TABLE acme.item ADD three int; SELECT tenant.fingerprint('acme'); ROLLBACK TO s; ALTER TABLE acme.item ADD COLUMN four int; COMMIT
SQL

# Of what is outside: what the fingerprint names
changes($_, $_) foreach split /\n/, <<'SQL';
ALTER TABLE public.shared RENAME TO shared_too
ALTER TABLE public.shared_too RENAME label TO title
ALTER TABLE public.shared_too SET SCHEMA common
ALTER SCHEMA common RENAME TO together
ALTER DOMAIN together.amount RENAME TO sum_of_money
ALTER FUNCTION public.twice(int) RENAME TO double
ALTER TYPE public.mood RENAME VALUE 'good' TO 'fine'
ALTER TABLE public.parent ADD COLUMN of_all int
ALTER TABLE together.shared_too DROP COLUMN title CASCADE
SQL
changes('ALTER ROLE of another database', [ 'postgres', 'ALTER ROLE tm_reader RENAME TO tm_looker' ]);
changes('two roles that swap names', [ 'postgres', 'ALTER ROLE tm_looker RENAME TO tm_x; ALTER ROLE tm_other RENAME TO tm_looker; ALTER ROLE tm_x RENAME TO tm_other; ALTER ROLE tm_other RENAME TO tm_reader' ]);
changes('ALTER TABLESPACE', [ 'postgres', 'ALTER TABLESPACE tm_space RENAME TO tm_room' ]);

# Where event triggers are not told
changes('an event trigger that is off for a moment', 'ALTER EVENT TRIGGER tenant_mgr_structure_end DISABLE; ALTER TABLE acme.item ADD COLUMN unseen int; ALTER EVENT TRIGGER tenant_mgr_structure_end ENABLE ALWAYS');
sql('ALTER EVENT TRIGGER tenant_mgr_structure_drop DISABLE');
changes('a statement while one is off', 'ALTER TABLE acme.item DROP COLUMN unseen');
sql('ALTER EVENT TRIGGER tenant_mgr_structure_drop ENABLE ALWAYS');
changes('REASSIGN OWNED', 'ALTER TABLE acme.child OWNER TO tm_owner', "LOAD 'tenant_mgr'; REASSIGN OWNED BY tm_owner TO tm_reader");
changes('DROP OWNED', 'GRANT SELECT ON acme.part TO tm_owner; CREATE POLICY of_two ON acme.item TO tm_owner, tm_reader', 'DROP OWNED BY tm_owner');
changes('CLUSTER', "LOAD 'tenant_mgr'; CLUSTER acme.item USING item_pkey");
changes('CLUSTER in a read-only transaction', "LOAD 'tenant_mgr'; BEGIN READ ONLY; CLUSTER acme.clustered USING clustered_name; COMMIT");
changes('COPY into a catalog', "LOAD 'tenant_mgr'; COPY pg_description FROM stdin;\n" . sql(q{SELECT 'acme.part'::regclass::oid, 'pg_class'::regclass::oid}) =~ s/\|/\t/r . "\t0\tcopied\n\\.\n");
changes('a function that is dropped out of an operator family', 'DROP FUNCTION public.compared(int, bigint) CASCADE');
changes('writing to a catalog', "LOAD 'tenant_mgr'; UPDATE pg_class SET relreplident = 'n' WHERE oid = 'acme.item'::regclass");
changes('an owner', 'CREATE ROLE tm_new_owner; ALTER SCHEMA acme OWNER TO tm_new_owner', 'ALTER TABLE acme.item OWNER TO tm_new_owner');
SKIP:
{
	skip 'there is no such setting', 2 unless $node->pg_version >= 17;
	changes('a session without event triggers', "LOAD 'tenant_mgr'; SET event_triggers = off; ALTER TABLE acme.item ADD COLUMN quiet int");
}

# Indexes that are not valid: REINDEX tells nobody.
sql('CREATE INDEX item_id ON acme.item (id)');
changes('an index that is broken', "LOAD 'tenant_mgr'; UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'acme.item_id'::regclass");
changes('an index that is repaired', 'REINDEX INDEX acme.item_id');
isnt(is_kept(), '', 'and then it is kept again');

# One that is dropped, and then is not: its first commit has made it invalid.
my $whole = kept();
sql("BEGIN; LOCK TABLE acme.item IN ACCESS SHARE MODE; PREPARE TRANSACTION 'hold'");
my ($status) = $node->psql('app', "SET lock_timeout = '100ms'; DROP INDEX CONCURRENTLY acme.item_id");
isnt($status, 0, 'an index that somebody uses is not dropped');
isnt(kept(), $whole, 'but is not valid any more, which is noticed');
is(fresh(), kept(), 'and what is told is true');
sql("ROLLBACK PREPARED 'hold'");
sql('DROP INDEX acme.item_id');
is(fresh(), kept(), 'so it is when it is dropped');

# What is not noticed is told when somebody looks.
kept();
sql('UPDATE pg_index SET indisclustered = false WHERE indrelid = \'acme.item\'::regclass');
like(fresh(), qr/WARNING:\s+schema "acme" had changed without a command/, 'a fresh look tells of what has gone unnoticed');
is(fresh(), kept(), 'and from then on it is true');

# What changes nothing
keeps('TRUNCATE', 'TRUNCATE acme.item CASCADE');
keeps('rows', 'INSERT INTO acme.part_1 VALUES (1, \'2026-02-02\')');
keeps('VACUUM FULL', 'VACUUM FULL acme.item');
keeps('ANALYZE', 'ANALYZE acme.item');
keeps('REINDEX', 'REINDEX TABLE acme.item');
keeps('REFRESH', 'REFRESH MATERIALIZED VIEW acme.names');
keeps('a temporary table', 'CREATE TEMP TABLE item (id int); ALTER TABLE pg_temp.item ADD x int; DROP TABLE pg_temp.item');
keeps('another tenant', 'ALTER TABLE beta.item ADD COLUMN x int');
keeps('what nobody uses', 'CREATE TABLE public.unused (id int); ALTER TABLE public.unused ADD x int; DROP TABLE public.unused');
keeps('a role that is not named', 'CREATE ROLE tm_nobody; ALTER ROLE tm_nobody RENAME TO tm_no_one; DROP ROLE tm_no_one');
keeps('what is rolled back', 'BEGIN; ALTER TABLE acme.item ADD COLUMN gone int; ROLLBACK');
keeps('a read-only transaction', "BEGIN READ ONLY; SELECT tenant.fingerprint('acme'), tenant.fingerprint('beta'); COMMIT");

# An object of another tenant: what uses it is read each time.
sql('CREATE VIEW acme.beta_items AS SELECT id FROM beta.item');
changes('another tenant that is used', 'ALTER TABLE beta.item RENAME TO thing');
is(is_kept(), '', 'is not kept');
sql('DROP VIEW acme.beta_items');
kept();
isnt(is_kept(), '', 'but is again when it is not used any more');

# A schema that becomes a tenant while another uses it
sql('CREATE SCHEMA late; CREATE TABLE late.thing (id int PRIMARY KEY); CREATE TABLE acme.late_user (id int REFERENCES late.thing)');
kept();
changes('a schema that becomes a tenant', "SELECT tenant.adopt('late')", 'ALTER TABLE late.thing RENAME TO later');
sql('DROP TABLE acme.late_user');

# Life of a tenant
sql("SELECT tenant.snapshot('acme', 'then')");
my $then = kept();
sql('ALTER TABLE acme.item ADD COLUMN after_then int');
isnt(kept(), $then, 'a tenant changes after a snapshot');
sql("SELECT tenant.rollback_to('acme', 'then')");
is(kept(), $then, 'and is what it was when it is rolled back');
is(fresh(), $then, 'really');
sql("SELECT tenant.rename('acme', 'acme2')");
is(kept('acme2'), $then, 'a new name changes nothing');
sql("SELECT tenant.drop('acme2')");
sql("SELECT tenant.restore('acme2', 'acme')");
is(kept(), $then, 'nor does the trash');
is(fresh(), $then, 'really');
sql("SELECT tenant.drop('beta', true)");
is(sql('SELECT count(*) FROM tenant.kept_fingerprint WHERE tenant_id NOT IN (SELECT id FROM tenant.registry)'), '0', 'nothing is kept of who is gone');

# However many statements: few rows, and little to clean up.
kept();
sql(join '', map { "ALTER TABLE acme.item ALTER id SET STATISTICS $_;\n" } 1 .. 400);
sql('BEGIN;' . join('', map { "ALTER TABLE acme.item ALTER id SET STATISTICS $_;" } 1 .. 400) . 'COMMIT');
is(sql(q{SELECT count(*) FROM tenant.structure_change WHERE schema_oid = 'acme'::regnamespace}), '1', 'one row tells of 800 statements');
cmp_ok(sql(q{SELECT pg_table_size('tenant.structure_change')}), '<=', 65536, 'and the table stays small');
is(fresh(), kept(), 'what is kept is true');

# Nobody believes what a dump has brought.
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('app') ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE again');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('again'), $dump ], 'restore');
is($node->safe_psql('again', 'SELECT count(*) FROM tenant.kept_fingerprint'), '0', 'nothing is kept in a database that is restored');
is($node->safe_psql('again', "SELECT tenant.fingerprint('acme')"), kept(), 'the fingerprint is the same there');
$node->safe_psql('postgres', 'CREATE DATABASE twin TEMPLATE app');
$node->safe_psql('twin', 'ALTER TABLE acme.item ADD COLUMN twin int');
isnt($node->safe_psql('twin', "SELECT tenant.fingerprint('acme')"), kept(), 'a copy of the database goes its own way');

# A standby reads, and keeps nothing.
$node->set_replication_conf;
$node->reload;
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 0);
$standby->append_conf('postgresql.conf', "hot_standby = on\n");
$standby->set_standby_mode;
$standby->start;
is($standby->safe_psql('app', "SELECT tenant.fingerprint('acme')"), kept(), 'a standby has the same');
$standby->stop;

$node->stop;
done_testing();
