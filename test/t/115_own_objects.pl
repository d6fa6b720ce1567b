# 115_own_objects.pl: what the extension's tables rely on cannot be taken away by
# accident, and is told of when somebody has taken it away; no row and no column
# brings a process down.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('own_objects', "shared_preload_libraries = 'tenant_mgr'\ntenant_mgr.health_interval = 0\n");
new_database($node, 'app');
sub sql { return $node->safe_psql('app', @_) }

sub refusal
{
	my ($statement) = @_;
	my ($ret, $out, $err) = $node->psql('app', "\\set VERBOSITY verbose\n$statement");
	return $err;
}
sql(q{
	SELECT tenant.create('a'), tenant.add_connection('main', host => 'db', database_name => 'd', username => 'u');
	SELECT tenant.assign('a', 'main');
	CREATE ROLE writer LOGIN; GRANT INSERT, SELECT, UPDATE ON tenant.connection TO writer;
});
my $grant = sql('SELECT * FROM tenant.doctor()');

#
# Columns that are known by their numbers, and are not asked whether they are null
#

my @columns = split /\n/, sql(q{
	SELECT c.relname || '.' || quote_ident(attname) FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid
	WHERE relnamespace = 'tenant'::regnamespace AND relkind = 'r' AND attnum > 0 AND attnotnull
	AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary AND attnum = ANY (indkey)) ORDER BY 1});
cmp_ok(scalar @columns, '>', 30, 'there are many');
my @accepted;
for my $name (@columns)
{
	my ($table, $column) = split /\./, $name;
	for my $what ("ALTER COLUMN $column DROP NOT NULL", "DROP COLUMN $column CASCADE")
	{
		push @accepted, "$table $what" if refusal("BEGIN; ALTER TABLE tenant.$table $what; ROLLBACK") !~ /0A000|5500[06]/;
	}
}
is("@accepted", '', 'none of them can be dropped, or be made to take nulls');
unlike(refusal('ALTER TABLE tenant.data_key DROP COLUMN created_at'), qr/55006/, 'not because the table happens to be open');

SKIP:
{
	skip 'event triggers cannot be switched off', 3 if sql('SHOW server_version_num') < 170000;
	sql(q{SET event_triggers = off; ALTER TABLE tenant.connection ALTER host DROP NOT NULL;
		ALTER TABLE tenant.connection DISABLE TRIGGER USER; UPDATE tenant.connection SET host = NULL});
	like(refusal(q{SELECT tenant.conninfo('main')}), qr/55000.*column "host" of table "tenant.connection" is not as the extension has made it/s,
		'one that can be null all the same is an error');
	like(refusal(q{SELECT tenant.route('a')}), qr/55000.*"host"/s, 'wherever it is read');
	sql(q{UPDATE tenant.connection SET host = 'db'; ALTER TABLE tenant.connection ALTER host SET NOT NULL, ENABLE ALWAYS TRIGGER connection_written,
		ENABLE ALWAYS TRIGGER connection_changed, ENABLE REPLICA TRIGGER connection_row_changed});
	is(sql(q{SELECT tenant.route('a')}), 'main', 'and it can be mended');
}

#
# What the doctor sees
#

for my $case (
	[ 'ALTER TABLE tenant.connection DISABLE TRIGGER connection_written', 'trigger "connection_written" does not fire' ],
	[ 'DROP TRIGGER connection_written ON tenant.connection', 'trigger "connection_written" does not fire' ],
	[ 'ALTER TABLE tenant.registry DISABLE TRIGGER ALL; ALTER TABLE tenant.registry ENABLE TRIGGER ALL',
		'\A(?=.*trigger "registry_changed" does not fire[^\n]*ENABLE ALWAYS TRIGGER)(?=.*trigger "registry_row_changed" does not fire[^\n]*ENABLE REPLICA TRIGGER)' ],
	[ 'ALTER EVENT TRIGGER tenant_mgr_follow_drop ENABLE', 'tenant_mgr_follow_drop.*does not fire.*ENABLE ALWAYS' ],
	[ 'ALTER TABLE tenant.connection DROP CONSTRAINT connection_host_check', 'constraint "connection_host_check" is missing' ],
	[ 'ALTER TABLE tenant.connection DROP CONSTRAINT connection_connection_name_key', 'index "connection_connection_name_key" is missing' ],
	[ 'CREATE FUNCTION tenant.registry_changed(int) RETURNS int LANGUAGE sql RETURN 1; DROP INDEX tenant.registry_name_idx', 'registry_name_idx' ])
{
	my ($statement, $expected) = @$case;
	like(sql("BEGIN; SET LOCAL session_replication_role = replica; $statement; SELECT * FROM tenant.doctor(); ROLLBACK"), qr/$expected/s,
		"the doctor tells of: $statement");
}
is(sql('SELECT * FROM tenant.doctor()'), $grant, 'and of nothing when it is undone');
is(sql(q{SELECT string_agg(conname, ' ' ORDER BY conname) FROM pg_constraint WHERE contype = 'c' AND connamespace = 'tenant'::regnamespace}),
	join(' ', sort(map { /^(?!.*_key)(\S+_check)$/ ? $1 : () } split /\s/, sql(q{BEGIN;
		DO $$ DECLARE r record; BEGIN
			FOR r IN SELECT conrelid::regclass t, conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'tenant'::regnamespace LOOP
				EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', r.t, r.conname); END LOOP; END $$;
		SELECT substring(problem FROM 'constraint "(.*)"') FROM tenant.doctor() WHERE problem ~ 'constraint'; ROLLBACK}))),
	'it knows all constraints');
is(sql(q{SELECT count(*) FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'tenant'::regnamespace) AND NOT tgisinternal}),
	sql(q{BEGIN; SET LOCAL session_replication_role = replica;
		DO $$ DECLARE t text; BEGIN FOR t IN SELECT DISTINCT tgrelid::regclass FROM pg_trigger WHERE tgfoid = 'tenant.registry_changed'::regproc LOOP
			EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', t); END LOOP; END $$;
		SELECT count(*) FROM tenant.doctor() WHERE problem ~ 'its trigger'; ROLLBACK}),
	'and all triggers');

#
# What is written by a replica, and by others who fire no ordinary triggers
#

is(sql(q{BEGIN; GRANT SET ON PARAMETER session_replication_role TO writer; SET ROLE writer; SET LOCAL session_replication_role = replica;
	INSERT INTO tenant.connection (connection_name, host, database_name, username, by_superuser) VALUES ('evil', 'db', 'd', 'u', true);
	SELECT by_superuser FROM tenant.connection WHERE connection_name = 'evil'; ROLLBACK}), 'f', 'a replica does not say that it was a superuser');
like(refusal(q{BEGIN; GRANT SET ON PARAMETER session_replication_role TO writer; SET ROLE writer; SET LOCAL session_replication_role = replica;
	INSERT INTO tenant.connection (connection_name, host, database_name, username) VALUES ('evil', '/tmp', 'd', 'u')}),
	qr/42501.*permission denied to use host/, 'nor does it lead to a socket');

#
# Texts of a row have an end
#

for my $column ('host', 'database_name', 'username', 'region')
{
	my %values = (host => q{'h'}, database_name => q{'d'}, username => q{'u'}, region => q{'r'}, $column => q{repeat('\\', 1025)});
	like(refusal('SELECT tenant.add_connection(\'long\', ' . join(', ', map { "$_ => $values{$_}" } sort keys %values) . ')'),
		qr/23514.*connection_${column}_check/, "$column is no longer than a kilobyte");
}
like(refusal(q{SELECT tenant.add_connection('long', host => 'h', database_name => 'd', username => 'u',
	options => jsonb_build_object('application_name', repeat('''', 1025)))}), qr/23514.*longer than 1024 bytes/, 'nor is an option');
like(refusal(q{SELECT tenant.add_connection('long', host => 'h', database_name => 'd', username => 'u', password => repeat('x', 16385))}),
	qr/54000.*password is longer/, 'a password is a little longer');
like(refusal(q{SELECT tenant.add_connection('long', host => 'h', database_name => 'd', username => 'u', options => '{"require_auth": ""}')}),
	qr/23514.*require_auth/, 'an empty list of methods does not stand for all of them');

done_testing();
