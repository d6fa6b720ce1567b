# 154_doctor.pl: each row of tenant.doctor() about the fleet has a cause, and the
# hint in it ends it.  What is about the registry and the extension is in the
# pg_regress test doctor.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('doctor', "fsync = off\nmax_connections = 12\nmax_locks_per_transaction = 10\n"
	  . "max_worker_processes = 4\nshared_preload_libraries = 'tenant_mgr'\nautovacuum_max_workers = 1\nmax_wal_senders = 0\n");
new_database($node, 'app');

sub sql { return $node->safe_psql('app', join ';', @_); }
sub doctor { return sql(@_, 'SELECT severity, object, problem FROM tenant.doctor() ORDER BY 1, 2, 3'); }
sub hints { return sql('SELECT hint FROM tenant.doctor()'); }

# There is a row, and none when the hint has been followed.
sub ends
{
	my ($what, $row, $hint, @commands) = @_;
	is(doctor(), $row, $what);
	like(hints(), $hint, "$what: the hint");
	foreach (@commands) { sql($_); }
	is(doctor(), '', "$what: it ends it");
}

sql(q{
	CREATE ROLE tm_app LOGIN;
	SELECT tenant.create('tpl'), tenant.set_template('tpl', true);
	CREATE TABLE tpl.item (id int PRIMARY KEY, name text);
	SELECT tenant.create('a', template => 'tpl'), tenant.create('b', template => 'tpl');
});
is(doctor(), '', 'all is well');

# Migrations
sql(q{SELECT tenant.add_migration('001', 'ALTER TABLE item ADD COLUMN one int')});
ends('pending migration', 'warning|migration "001"|3 tenants do not have it', qr/Use CALL tenant\.migrate\(\)/, 'CALL tenant.migrate()');
sql(q{SELECT tenant.add_migration('002', 'ALTER TABLE item ADD COLUMN two int')});
sql('ALTER TABLE b.item ADD COLUMN two int');
sql('CALL tenant.migrate()');
sql('SELECT * FROM tenant.drift');
is(doctor(), qq(error|migration "002"|it has failed for 1 tenant, "b": column "two" of relation "item" already exists\nwarning|migration "002"|1 tenant does not have it\nwarning|template "tpl"|1 tenant differs from it), 'failed migration');
like(hints(), qr/Remove the cause, and use CALL tenant\.migrate\(\) again/, 'failed migration: the hint');
sql('ALTER TABLE b.item DROP COLUMN two');
sql('CALL tenant.migrate()');
is(doctor(), '', 'failed migration: it ends it');
sql(q{SELECT tenant.add_migration('003', 'CREATE TABLE first (id int PRIMARY KEY); CREATE TABLE second (id int PRIMARY KEY)', transactional => false)});
sql('CREATE TABLE a.second (id int PRIMARY KEY)');
sql('CALL tenant.migrate()');
like(doctor(), qr/^error\|migration "003"\|it has failed for 1 tenant, "a": relation "second" already exists$/m, 'a migration that is there in part');
like(hints(), qr/A part of its statements is committed\./, 'a migration that is there in part: the hint');
sql('DROP TABLE a.second');
sql('CALL tenant.migrate()');
is(doctor(), '', 'a migration that is there in part: it ends it');

# What a tenant raises fills neither the ledger nor the report.
sql(q{CREATE FUNCTION b.raise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', repeat(U&'\20AC', 100000); END $$},
	'CREATE TRIGGER raise BEFORE INSERT ON b.item FOR EACH ROW EXECUTE FUNCTION b.raise()',
	q{SELECT tenant.add_migration('0031', 'INSERT INTO item VALUES (31)')}, 'CALL tenant.migrate()');
is(sql(q{SELECT max(octet_length(message)) FROM tenant.applied_migration}), '1998', 'a long message is cut between two characters');
sql('DROP FUNCTION b.raise() CASCADE', 'CALL tenant.migrate()', 'SELECT * FROM tenant.drift');
is(doctor(), '', 'a long message: it ends');

# A recording that was broken off
my $record = q{SELECT tenant.switch('tpl'), tenant.record('004')};
$node->psql('app', "$record;\nCREATE TABLE recorded (id int PRIMARY KEY);\nSELECT 1 / 0;");
like(doctor(), qr/^warning\|migration "004"\|its recording has not been completed; 1 tenant, "tpl", has what is there$/m, 'incomplete recording');
like(hints(), qr/continue under the same version and use tenant\.record_stop\(\), or discard/, 'incomplete recording: the hint');
$node->safe_psql('app', "$record;\nCREATE TABLE further (id int PRIMARY KEY);\nSELECT tenant.record_stop();");
sql('CALL tenant.migrate()');
sql('SELECT * FROM tenant.drift');
is(doctor(), '', 'incomplete recording: it ends it');

# Versions that came under an older rule
sql(q{SELECT tenant.add_migration('old', 'CREATE TABLE old (id int PRIMARY KEY)')});
sql(q{UPDATE tenant.migration SET version = E' \u202e' WHERE version = 'old'}, q{UPDATE tenant.migration_statement SET version = E' \u202e' WHERE version = 'old'});
is(sql(q{SELECT tenant.add_migration(E' \u202e', 'CREATE TABLE old (id int PRIMARY KEY)')}), '', 'an old version can be added again');
sql(q{CALL tenant.migrate(E' \u202e')});
is(sql(q{SELECT count(*) FROM tenant.applied_migration WHERE version = E' \u202e' AND state = 'applied'}), '3', 'and is given to tenants');

# Drift, by what is kept
is(sql('SELECT count(*) FROM tenant.drift'), '0', 'nobody differs');
sql('ALTER TABLE a.item ADD COLUMN own int');
ends('changed since the last comparison', 'warning|template "tpl"|1 tenant has to be compared with it again, for one of both has changed',
	qr/SELECT from tenant\.drift does that/, 'ALTER TABLE a.item DROP COLUMN own', 'SELECT * FROM tenant.drift');
sql('ALTER TABLE a.item ADD COLUMN own int');
sql('SELECT * FROM tenant.drift');
is(doctor(), 'warning|template "tpl"|1 tenant differs from it', 'drift');
like(hints(), qr/tenant\.diff_sql\(\) how to repair it/, 'drift: the hint');
my $repair = sql(q{SELECT tenant.diff_sql('tpl', 'a')});
$repair =~ s/^-- (ALTER TABLE .* DROP COLUMN)/$1/mg;
sql("BEGIN;\n$repair\n;COMMIT");
sql('ALTER TABLE a.item DROP COLUMN IF EXISTS own') if sql(q{SELECT count(*) FROM tenant.diff('tpl', 'a')}) ne '0';
sql('SELECT * FROM tenant.drift');
is(doctor(), '', 'drift: it ends it');
sql(q{SELECT tenant.drop('tpl')});
ends('template in the trash', 'warning|template "tpl"|it is in the trash, and 2 tenants are compared with nothing', qr/Use tenant\.restore\(\), or tenant\.assign_template\(\)/, q{SELECT tenant.restore('tpl')}, 'SELECT * FROM tenant.drift');
sql(q{SELECT tenant.drop('tpl')});
ends('template in the trash for good', 'warning|template "tpl"|it is in the trash, and 2 tenants are compared with nothing', qr/tenant\.assign_template\(\)/, q{SELECT tenant.assign_template('a'), tenant.assign_template('b')});
sql(q{SELECT tenant.restore('tpl'), tenant.assign_template('a', 'tpl'), tenant.assign_template('b', 'tpl')});
sql('SELECT * FROM tenant.drift');

# Event triggers without which nothing is kept
sql('ALTER EVENT TRIGGER tenant_mgr_structure_end DISABLE');
is(doctor(), join("\n", 'warning|event trigger "tenant_mgr_structure_end"|it does not fire, so fingerprints cannot be kept, and tenant.drift reads all schemas each time',
	'warning|template "tpl"|2 tenants have to be compared with it again, for they or it have changed'), 'event trigger');
like(hints(), qr/Use ALTER EVENT TRIGGER tenant_mgr_structure_end ENABLE ALWAYS\./, 'event trigger: the hint');
sql('ALTER EVENT TRIGGER tenant_mgr_structure_end ENABLE ALWAYS');
sql('SELECT * FROM tenant.drift');
is(doctor(), '', 'event trigger: it ends it');

# Missing schema, persistent schema, extension inside a tenant
sql('ALTER EVENT TRIGGER tenant_mgr_follow_drop DISABLE');
sql(q{SELECT tenant.create('gone', template => 'tpl'); DROP SCHEMA gone CASCADE});
sql('ALTER EVENT TRIGGER tenant_mgr_follow_drop ENABLE ALWAYS');
ends('missing schema', 'error|tenant "gone"|schema "gone" does not exist', qr/Use tenant\.drop\(\)/, q{SELECT tenant.drop('gone')});
$node->safe_psql('postgres', q{ALTER DATABASE app SET tenant_mgr.persistent_schemas = 'public, nowhere'});
ends('persistent schema', 'warning|schema "nowhere"|it is a persistent schema and does not exist', qr/Create it/, 'CREATE SCHEMA nowhere');
$node->safe_psql('postgres', 'ALTER DATABASE app RESET tenant_mgr.persistent_schemas');
SKIP:
{
	my $extension = sql(q{SELECT name FROM pg_available_extensions WHERE name IN ('pgcrypto', 'citext', 'hstore') ORDER BY 1 LIMIT 1});
	skip 'there is no other extension', 3 if $extension eq '';
	sql("CREATE EXTENSION $extension SCHEMA a");
	sql('SELECT * FROM tenant.drift');
	is(sql(qq{SELECT severity, object, problem FROM tenant.doctor() WHERE object ~ '^extension'}), qq{warning|extension "$extension"|it is in the schema of tenant "a", and goes with it}, 'extension in a tenant');
	like(hints(), qr/Use ALTER EXTENSION $extension SET SCHEMA/, 'extension in a tenant: the hint');
	sql("ALTER EXTENSION $extension SET SCHEMA public");
	sql('SELECT * FROM tenant.drift');
	is(doctor(), '', 'extension in a tenant: it ends it');
}

# Tables of persistent schemas that tenants have, too
sql('CREATE TABLE public.item (id int)');
ends('table in public', 'warning|table "item" of a persistent schema|3 tenants have one that is called so, too', qr/Drop or rename it/, 'DROP TABLE public.item');

# Roles, trash
sql(q{SELECT tenant.assign_role('a', 'tm_app'); GRANT USAGE ON SCHEMA a TO tm_app});
sql('REVOKE USAGE ON SCHEMA a FROM tm_app');
sql('SELECT * FROM tenant.drift');
is(sql(q{SELECT severity, object, problem FROM tenant.doctor() WHERE object ~ '^role'}), 'error|role "tm_app"|it is assigned to tenant "a", and does not have USAGE on its schema', 'role without USAGE');
like(hints(), qr/^Use (GRANT USAGE ON SCHEMA a TO tm_app)\.$/m, 'role without USAGE: the hint');
sql('GRANT USAGE ON SCHEMA a TO tm_app');
is(sql(q{SELECT count(*) FROM tenant.doctor() WHERE object ~ '^role'}), '0', 'role without USAGE: it ends it');
sql('REVOKE USAGE ON SCHEMA a FROM tm_app');
sql(q{SELECT tenant.unassign_role('tm_app')});
sql('SELECT * FROM tenant.drift');
sql(q{SELECT tenant.create('old', template => 'tpl')}, q{SELECT tenant.drop('old')});
is(doctor(), '', 'the trash is no problem');
sql(q{UPDATE tenant.registry SET purge_after = now() - interval '12 hours' WHERE name = 'old'});
is(doctor(), '', 'nor when it is due since half a day');
sql(q{UPDATE tenant.registry SET purge_after = now() - interval '25 hours' WHERE name = 'old'});
ends('trash', 'warning|trash|1 tenant should have been purged a day ago or earlier', qr/Use CALL tenant\.purge\(\)/, 'CALL tenant.purge()');

# Settings for repairs only
foreach my $setting ('allow_system_table_mods = on', 'session_replication_role = replica', 'zero_damaged_pages = on',
	'ignore_checksum_failure = on', $node->pg_version >= 17 ? 'event_triggers = off' : ())
{
	my ($name, $value) = split / = /, $setting;
	my $problem = "it is \"$value\", so the server passes over what keeps data and catalogs right";
	is(doctor("SET $setting"), "warning|setting \"$name\"|$problem", "$name in the session");
	is(doctor("SET $setting", "RESET $name"), '', "$name: the hint ends it");
	$node->safe_psql('postgres', "ALTER ROLE tm_app IN DATABASE app SET $setting");
	is(doctor(), "warning|setting \"$name\" of role \"tm_app\" in database \"app\"|$problem", "$name of a role");
	$node->safe_psql('postgres', 'ALTER ROLE tm_app IN DATABASE app RESET ALL');
	is(doctor(), '', "$name: the hint ends it there");
}

# More relations than locks
my $room = sql(q{SELECT 10 * (12 + 40)});
sql('CREATE SCHEMA many');
sql(qq{SELECT format('CREATE TABLE many.t%s (id int PRIMARY KEY)', n) FROM generate_series(1, $room) n \\gexec});
sql(q{SELECT tenant.adopt('many'), tenant.baseline('many', '004')});
like(doctor(), qr/^warning\|setting "max_locks_per_transaction"\|tenant "many" has @{[2 * $room]} relations, and there is room for \d+ locks$/, 'lock table');
hints() =~ /Set it to (\d+) or more, and restart the server/ or fail('lock table: the hint');
$node->append_conf('postgresql.conf', "max_locks_per_transaction = $1");
$node->restart;
is(doctor(), '', 'lock table: the hint ends it');

# Rows that cannot be told apart where a tenant can be moved
sql('CREATE TABLE a.loose (id int); CREATE TABLE a.nothing (id int PRIMARY KEY); ALTER TABLE a.nothing REPLICA IDENTITY NOTHING; CREATE TABLE a.full_one (id int); ALTER TABLE a.full_one REPLICA IDENTITY FULL; CREATE TABLE b.loose (id int PRIMARY KEY)');
sql('SELECT * FROM tenant.drift');
is(sql(q{SELECT count(*) FROM tenant.doctor() WHERE problem ~ 'replica'}), '0', 'without logical replication keys do not matter');
$node->append_conf('postgresql.conf', "wal_level = logical\nmax_wal_senders = 1\n");
$node->restart;
is(sql(q{SELECT severity, object, problem FROM tenant.doctor() WHERE problem ~ 'replica' ORDER BY object}), join("\n",
	'warning|table "loose" of tenants|in 1 tenant it has neither a primary key nor another replica identity',
	'warning|table "nothing" of tenants|in 1 tenant it has neither a primary key nor another replica identity'), 'replica identity');
like(hints(), qr/Add a primary key, or use ALTER TABLE \.\.\. REPLICA IDENTITY FULL/, 'replica identity: the hint');
sql('ALTER TABLE a.loose ADD PRIMARY KEY (id); ALTER TABLE a.nothing REPLICA IDENTITY FULL');
is(sql(q{SELECT count(*) FROM tenant.doctor() WHERE problem ~ 'replica'}), '0', 'replica identity: it ends it');

$node->stop;
done_testing();
