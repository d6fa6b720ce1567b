# 044_encrypt_column.pl: a column of texts becomes one of secrets in every tenant.
# No value is lost, whoever writes meanwhile and wherever the procedure is
# interrupted; a clone that is made half-way keeps its values; what depends on
# the column is named; no text is left in the table.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/ring", '1:' . ('5a' x 32) . "\n");
chmod 0600, "$dir/ring";
my $node = new_node('column', "shared_preload_libraries = 'tenant_mgr'\ntenant_mgr.key_file = '$dir/ring'\nautovacuum = off\nrestart_after_crash = on\n");
new_database($node, 'app');

sub value { return $node->safe_psql('app', $_[0]); }
sub failure
{
	my ($rc, $out, $err) = $node->psql('app', "\\set VERBOSITY verbose\n$_[0]");
	my ($error) = $err =~ /ERROR:  (.*)/;
	my ($detail) = $err =~ /DETAIL:  (.*)/;
	return join(' | ', grep { defined } $error, $detail);
}
sub call { return failure("CALL tenant.encrypt_column('$_[0]', '$_[1]', " . ($_[2] // 1000) . ')'); }

# Rows of a tenant's table whose secret is not what it should be.
sub wrong
{
	my ($tenant, $table, $column, $expected) = @_;
	return value(sprintf q{SELECT tenant.switch('%s') \g /dev/null
		SELECT count(*) FROM %s WHERE tenant.decrypt(%s, %s) IS DISTINCT FROM %s}, $tenant, ident($table), ident($column), literal("$table.$column"), $expected);
}

# three tenants with the table, one without it, one in the trash
$node->safe_psql('app', q{
	SELECT tenant.create('a'), tenant.create('b'), tenant.create('none'), tenant.create('gone');
	CREATE TABLE a."Us ers" (id int PRIMARY KEY, before text, "Api ""Key" text NOT NULL, changed int DEFAULT 0);
	CREATE TABLE b."Us ers" (dropped int, "Api ""Key" varchar(60), id int PRIMARY KEY);
	ALTER TABLE b."Us ers" DROP COLUMN dropped;
	CREATE TABLE gone."Us ers" (id int, "Api ""Key" text);
	INSERT INTO a."Us ers" SELECT i, 'before', 'Schlüssel ' || i || CASE WHEN i % 100 = 0 THEN repeat('x', 5000) ELSE '' END FROM generate_series(1, 3000) i;
	DELETE FROM a."Us ers" WHERE id % 7 = 0;
	INSERT INTO b."Us ers" SELECT CASE WHEN i % 2 = 0 THEN 'key ' || i END, i FROM generate_series(1, 500) i;
	INSERT INTO gone."Us ers" VALUES (1, 'text');
	CREATE FUNCTION public.count_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.changed := NEW.changed + 1; RETURN NEW; END';
	CREATE TRIGGER t BEFORE UPDATE ON a."Us ers" FOR EACH ROW EXECUTE FUNCTION public.count_change();
	SELECT tenant.suspend('b'), tenant.drop('gone')});
is(call('Us ers', 'Api "Key', 100), '', 'the columns are encrypted');
is(value(q{SELECT string_agg(format_type(atttypid, atttypmod) || ' ' || attnotnull || ' ' || attnum, ', ' ORDER BY nspname) FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace WHERE attname = 'Api "Key' AND nspname IN ('a', 'b')}),
	'tenant.secret true 3, tenant.secret false 2', 'and have the type, in their place, in an active and in a suspended tenant');
is(value(q{SELECT state FROM tenant.tenants WHERE name = 'gone' AND EXISTS (SELECT FROM pg_attribute a, pg_class c WHERE c.oid = attrelid AND relnamespace::regnamespace::text = schema_name AND attname = 'Api "Key' AND atttypid = 'text'::regtype)}), 'trashed', 'but not in the trash');
is(wrong('a', 'Us ers', 'Api "Key', q{'Schlüssel ' || id || CASE WHEN id % 100 = 0 THEN repeat('x', 5000) ELSE '' END}), 0, 'each secret is what the text was');
$node->safe_psql('app', q{SELECT tenant.resume('b')});
is(wrong('b', 'Us ers', 'Api "Key', q{CASE WHEN id % 2 = 0 THEN 'key ' || id END}), 0, 'by the key of its own tenant, and null is null');
is(value(q{SELECT sum(changed) FROM a."Us ers"}), 0, 'no trigger of others has fired');
is(value(q{SELECT count(*) FROM pg_trigger WHERE tgname ~ 'tenant_mgr_seal' UNION ALL SELECT count(*) FROM pg_attribute WHERE attname ~ 'tenant_mgr_sealed'}), "0\n0", 'nothing is left of the way there');
is(call('Us ers', 'Api "Key'), '', 'another call finds that it is done');
is(value(q{SELECT string_agg(tenant || ' ' || object, ', ' ORDER BY tenant) FROM tenant.event WHERE event = 'encrypt_column'}), 'a Us ers.Api "Key, b Us ers.Api "Key', 'which was recorded once for each');
$node->safe_psql('app', 'CHECKPOINT');
my $file = $node->data_dir . '/' . value(q{SELECT pg_relation_filepath('a."Us ers"')});
my $toast = $node->data_dir . '/' . value(q{SELECT pg_relation_filepath(reltoastrelid) FROM pg_class WHERE oid = 'a."Us ers"'::regclass});
ok(index(slurp_file($file), 'before') >= 0, 'the file of the table is read');
is(join('', map { index(slurp_file($_), 'Schlüssel') >= 0 || index(slurp_file($_), 'xxxxxx') >= 0 ? 'found' : '' } $file, $toast), '', 'and no text is left in it');

# refusals, by name, before anything is begun anywhere
$node->safe_psql('app', q{
	CREATE TABLE a.t (c text, id int, other text);
	CREATE TABLE b.t (c text, id int, other text);
	INSERT INTO a.t SELECT 'c' || i, i FROM generate_series(1, 20) i;
	INSERT INTO b.t SELECT 'c' || i, i FROM generate_series(1, 20) i});
my $depends = '2BP01: cannot encrypt column "c" of relation "t" because other objects depend on it | ';
foreach my $case (
	[ 'an index', 'CREATE INDEX i ON b.t (c)', 'DROP INDEX b.i', $depends . 'index b.i' ],
	[ 'a partial index', q{CREATE INDEX i ON b.t (id) WHERE c <> ''}, 'DROP INDEX b.i', $depends . 'index b.i' ],
	[ 'an index on an expression', 'CREATE INDEX i ON b.t (lower(c))', 'DROP INDEX b.i', $depends . 'index b.i' ],
	[ 'a unique constraint', 'ALTER TABLE b.t ADD CONSTRAINT u UNIQUE (c)', 'ALTER TABLE b.t DROP CONSTRAINT u', $depends . 'constraint u on table b.t' ],
	[ 'a check', q{ALTER TABLE b.t ADD CONSTRAINT k CHECK (c <> '')}, 'ALTER TABLE b.t DROP CONSTRAINT k', $depends . 'constraint k on table b.t' ],
	[ 'a default', q{ALTER TABLE b.t ALTER c SET DEFAULT 'x'}, 'ALTER TABLE b.t ALTER c DROP DEFAULT', $depends . 'default value for column c of table b.t' ],
	[ 'a view', 'CREATE VIEW b.v AS SELECT c FROM b.t', 'DROP VIEW b.v', $depends . 'rule _RETURN on view b.v' ],
	[ 'a generated column', 'ALTER TABLE b.t ADD g text GENERATED ALWAYS AS (upper(c)) STORED', 'ALTER TABLE b.t DROP g', $depends ],
	[ 'a trigger of the column', 'CREATE TRIGGER tr BEFORE UPDATE OF c ON b.t FOR EACH ROW EXECUTE FUNCTION public.count_change()', 'DROP TRIGGER tr ON b.t', $depends . 'trigger tr on table b.t' ],
	[ 'a policy', q{CREATE POLICY p ON b.t USING (c <> '')}, 'DROP POLICY p ON b.t', $depends . 'policy p on table b.t' ],
	[ 'statistics', 'CREATE STATISTICS b.s ON c, id FROM b.t', 'DROP STATISTICS b.s', $depends . 'statistics object b.s' ],
	[ 'a foreign key to it', 'ALTER TABLE b.t ADD CONSTRAINT u UNIQUE (c); CREATE TABLE b.f (c text REFERENCES b.t (c))', 'DROP TABLE b.f; ALTER TABLE b.t DROP CONSTRAINT u', $depends ],
	[ 'inheritance', 'CREATE TABLE b.child () INHERITS (b.t)', 'DROP TABLE b.child', '0A000: cannot encrypt a column of relation "b.t" | It takes part in inheritance or partitioning.' ],
	[ 'forced row security', 'ALTER TABLE b.t FORCE ROW LEVEL SECURITY', 'ALTER TABLE b.t NO FORCE ROW LEVEL SECURITY', '0A000: cannot encrypt a column of relation "b.t" | Row security is forced upon its owner, who would not see all rows.' ])
{
	my ($what, $make, $undo, $error) = @$case;
	$node->safe_psql('app', $make);
	like(call('t', 'c'), qr/^\Q$error\E/, "refused: $what");
	$node->safe_psql('app', $undo);
}
$node->safe_psql('app', q{CREATE TABLE b.i (c text, n int) PARTITION BY LIST (n); CREATE VIEW b.view AS SELECT 'x'::text AS c});
like(call('i', 'c'), qr/^0A000: cannot encrypt a column of relation "b.i" \| It is not an ordinary table\./, 'refused: a partitioned table');
like(call('view', 'c'), qr/^0A000: .* \| It is not an ordinary table\./, 'refused: a view');
is(call('t', 'id'), '42804: column "id" of relation "t" is of type integer | Only columns of type text or character varying can be encrypted.', 'refused: another type');
is(call('t', 'nope'), '42703: column "nope" of relation "t" does not exist', 'refused: no such column');
is(call('a.t', 'c'), '42P01: no tenant has a table "a.t"', 'refused: a name with a schema');
is(call('t', 'c', $_), '22023: batch size must be between 1 and 100000', "refused: batch size $_") foreach (0, -1, 100001);
is(failure(q{BEGIN; CALL tenant.encrypt_column('t', 'c'); COMMIT}), '25001: CALL tenant.encrypt_column() cannot run inside a transaction block', 'refused: in a transaction');
is(failure(q{CALL tenant.encrypt_column('t', NULL)}), '22004: relation, column and batch size must not be null', 'refused: null');
$node->safe_psql('app', q{CREATE ROLE tm_admin; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA tenant TO tm_admin; GRANT ALL ON SCHEMA a, b TO tm_admin});
is(failure(q{SET ROLE tm_admin; CALL tenant.encrypt_column('t', 'c')}), '42501: must be owner of table t', 'refused: the table of another');
is(value(q{SELECT count(*) FROM pg_attribute WHERE attname ~ 'tenant_mgr_sealed'}), 0, 'and nothing was begun');
$node->safe_psql('app', q{ALTER TABLE a.t OWNER TO tm_admin; ALTER TABLE b.t OWNER TO tm_admin});
is(failure(q{SET ROLE tm_admin; CALL tenant.encrypt_column('t', 'c', 7)}), '', 'the owner of the tables can do it');
is(wrong($_, 't', 'c', q{'c' || id}), 0, "nothing is lost in $_") foreach ('a', 'b');

# interrupted: by a lock that does not come, and by a crash
$node->safe_psql('app', q{CREATE TABLE a.u (id int PRIMARY KEY, c text); INSERT INTO a.u SELECT i, 'c' || i FROM generate_series(1, 1000) i});
my $holder = $node->background_psql('app');
$holder->query_safe(q{BEGIN; UPDATE a.u SET c = 'changed' WHERE id = 500});
like(failure(q{SET lock_timeout = '200ms'; CALL tenant.encrypt_column('u', 'c', 50)}), qr/^55P03/, 'it cannot begin while somebody writes');
is(value(q{SELECT count(*) FROM pg_attribute WHERE attname ~ 'tenant_mgr_sealed'}), 0, 'and leaves nothing behind');
$holder->query_safe('ROLLBACK');
# let it begin, and stop it at the row that somebody has locked by then
$node->safe_psql('app', q{CREATE FUNCTION public.hold() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_lock_shared(1); PERFORM pg_advisory_unlock_shared(1); END'});
my $caller = $node->background_psql('app', on_error_stop => 0);
$holder->query_safe(q{BEGIN; SELECT * FROM a.u WHERE id = 500 FOR KEY SHARE});
$caller->query_until(qr/called/, "\\echo called\nCALL tenant.encrypt_column('u', 'c', 50);\n");
$node->poll_query_until('app', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'encrypt_column'});
$holder->query_safe('COMMIT');
$node->poll_query_until('app', q{SELECT atttypid = 'tenant.secret'::regtype FROM pg_attribute WHERE attrelid = 'a.u'::regclass AND attname = 'c'});
$caller->quit;
is(wrong('a', 'u', 'c', q{'c' || id}), 0, 'it waits for those who are in the table, and completes');

$node->safe_psql('app', q{CREATE TABLE a.w (id int PRIMARY KEY, c text); INSERT INTO a.w SELECT i, 'c' || i FROM generate_series(1, 1000) i;});

# The row is locked by who has queued behind the procedure, which must not have
# come as far as that before it is locked.
sub stop_half_way
{
	my ($row, $how) = @_;
	$holder = $node->background_psql('app');
	$holder->query_safe('BEGIN; LOCK a.w IN ACCESS SHARE MODE');
	$caller = $node->background_psql('app', on_error_stop => 0);
	$caller->query_until(qr/called/, "\\echo called\nCALL tenant.encrypt_column('w', 'c', 1);\n");
	$node->poll_query_until('app', q{SELECT count(*) > 0 FROM pg_locks WHERE relation = 'a.w'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted});
	my $pid = value(q{SELECT pid FROM pg_locks WHERE relation = 'a.w'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted});
	my $locker = $node->background_psql('app');
	$locker->query_until(qr/queued/, "\\echo queued\nBEGIN; SELECT FROM a.w WHERE id = $row FOR UPDATE;\n");
	$node->poll_query_until('app', q{SELECT count(*) > 0 FROM pg_locks WHERE relation = 'a.w'::regclass AND mode = 'RowShareLock' AND NOT granted});
	$holder->query_safe('COMMIT');
	ok($node->poll_query_until('app', q{SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted}), "it waits for row $row");
	$how->($pid);
	eval { $caller->quit };
	eval { $holder->quit };
	eval { $locker->quit };
	return;
}
stop_half_way(500, sub {
	is(value(q{SELECT operation || ' ' || tenant || ' ' || phase FROM tenant.progress}), 'encrypt column a sealing rows', 'its progress is shown');
	value("SELECT pg_cancel_backend($_[0])");
	$node->poll_query_until('app', "SELECT count(*) = 0 FROM pg_locks WHERE pid = $_[0] AND locktype = 'transactionid'"); });
my $sealed = value(q{SELECT attname FROM pg_attribute WHERE attname ~ 'tenant_mgr_sealed_'});
is($sealed, 'tenant_mgr_sealed_2', 'cancelled half-way, the second column is there');
is(value("SELECT count(*) = 499 FROM a.w WHERE $sealed IS NOT NULL"), 't', 'and what was committed by then');
stop_half_way(800, sub {
	kill 'KILL', $_[0];
	$node->poll_query_until('postgres', 'SELECT 1', '1'); });
$node->poll_query_until('app', 'SELECT true');
$node->safe_psql('app', q{SET session_replication_role = replica; INSERT INTO a.w VALUES (1001, 'c1001'); UPDATE a.w SET c = 'later' WHERE id = 900});
is(value("SELECT count(*) FROM a.w WHERE id IN (900, 1001) AND $sealed IS NOT NULL"), 2, 'after a crash, what is written is sealed, with triggers off, too');

# a clone that is made half-way, and a shredding
$node->safe_psql('app', q{SELECT tenant.clone('a', 'copy'); SELECT tenant.shred('a')});
$node->safe_psql('app', q{DROP TABLE copy."Us ers", copy.t, copy.u});
is(call('w', 'c', 33), '', 'the next call completes it');
is(wrong($_, 'w', 'c', q{CASE WHEN id = 900 THEN 'later' ELSE 'c' || id END}), 0, "nothing is lost in $_") foreach ('a', 'copy');

# rows that are not sealed although the trigger is there are found at the end
$node->safe_psql('app', q{CREATE TABLE a.x (id int, c text); INSERT INTO a.x SELECT i, 'c' || i FROM generate_series(1, 10) i;
	ALTER TABLE a.x ADD COLUMN tenant_mgr_sealed_2 tenant.secret; CREATE TABLE a.empty (c text)});
$node->safe_psql('app', q{SELECT tenant.switch('a') \g /dev/null
	UPDATE a.x SET tenant_mgr_sealed_2 = tenant.encrypt('forged', 'x.c')});
is(call('x', 'c'), '', 'secrets that somebody else has put in their place');
is(wrong('a', 'x', 'c', q{'c' || id}), 0, 'do not count');
is(call('empty', 'c'), '', 'an empty table is no trouble');

# the guard does not mind what is done on behalf of each tenant, wherever the caller is bound
foreach my $case ([ 'SELECT tenant.reset()', 'unbound' ], [ q{SELECT tenant.switch('a')}, 'bound to one of them' ], [ q{SELECT tenant.switch('none')}, 'bound to another one' ],
	[ q{SET tenant_mgr.unbound = 'deny'}, 'unbound, and denied what is of tenants' ])
{
	my ($bind, $how) = @$case;
	$node->safe_psql('app', q{DROP TABLE IF EXISTS a.guarded, b.guarded;
		CREATE TABLE a.guarded (id int, c text); INSERT INTO a.guarded SELECT i, 'c' || i FROM generate_series(1, 50) i;
		CREATE TABLE b.guarded (id int, c text); INSERT INTO b.guarded SELECT i, 'c' || i FROM generate_series(1, 50) i});
	is(failure("SET tenant_mgr.guard = 'enforce'; $bind \\g /dev/null\nCALL tenant.encrypt_column('guarded', 'c', 20)"), '', "with the guard, $how");
	is(wrong($_, 'guarded', 'c', q{'c' || id}), 0, "... it is done in $_") foreach ('a', 'b');
}
like(failure(q{SET tenant_mgr.guard = 'enforce'; SELECT tenant.switch('none') \g /dev/null
	SELECT count(*) FROM a.guarded}), qr/^TM003/, 'which refuses it to the same session by itself');

# many write while it runs
$node->safe_psql('app', q{CREATE TABLE a.busy (id int PRIMARY KEY, version int, c text);
	INSERT INTO a.busy SELECT i, 0, 'value ' || i || '.0' FROM generate_series(1, 20000) i});
append_to_file("$dir/write.sql", q{\set id random(1, 20000)
\set new random(100000, 900000000)
UPDATE a.busy SET version = version + 1, c = 'value ' || id || '.' || version + 1 WHERE id = :id;
INSERT INTO a.busy VALUES (:new, 1, 'value ' || :new || '.1') ON CONFLICT DO NOTHING;
});
my ($out, $err) = ('', '');
my $bench = IPC::Run::start([ 'pgbench', '-n', '-c', '3', '-T', '30', '-f', "$dir/write.sql", $node->connstr('app') ], '>', \$out, '2>', \$err);
$node->poll_query_until('app', 'SELECT count(*) > 20200 FROM a.busy');
is(call('busy', 'c', 500), '', 'a table is encrypted while three sessions write');
IPC::Run::finish($bench);
like($err, qr/is of type tenant\.secret but expression is of type text/, 'who are refused when it is one of secrets');
is(wrong('a', 'busy', 'c', q{'value ' || id || '.' || version}), 0, 'and no update is lost');
is(value('SELECT count(*) > 20200 AND max(version) > 0 FROM a.busy'), 't', 'of which there were some');

$node->stop;
done_testing();
