# 156_known_changes.pl: what a migration makes of a tenant is known from what it has
# made of others that were like it, and is what a reader of the whole schema finds.
#
# Changes of all kinds (lib/SchemaChanges.pm) are made as migrations of three tenants,
# TM_COMPARE_CHANGES of them (25; "all" for each one once), by the generator that
# TM_COMPARE_SEED starts.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use SchemaChanges;
use TenantTest;

my $db = 'known';
my @tenants = qw(one two three);
my $last = 0;
my ($node, $version) = changes_database($db);

sub sql { return $node->safe_psql($db, @_) }

sub version_name { return sprintf 'v%05d', $_[0] }

# Tenants that are alike, whose fingerprints are known.
sub fresh_tenants
{
	sql("SET client_min_messages = error; SELECT tenant.drop(name, true) FROM tenant.tenants WHERE name = ANY ('{@{[join ',', @tenants]}}')");
	foreach my $tenant (@tenants)
	{
		sql("SET client_min_messages = error; SELECT tenant.clone('src', '$tenant', false); SELECT tenant.fingerprint('$tenant')");
		sql("SELECT tenant.baseline('$tenant', max(version)) FROM tenant.migration HAVING count(*) > 0");
	}
	return;
}

# Give them a migration.  The result is for how many tenants nothing was read, and
# what went wrong.
sub migrate
{
	my ($statements) = @_;
	my $name = version_name(++$last);
	my (undef, undef, $err) = $node->psql($db, <<"SQL", on_error_stop => 1);
SET client_min_messages = error;
SELECT tenant.add_migration('$name', \$migration\$$statements\$migration\$);
SET client_min_messages = debug1;
CALL tenant.migrate(tenants => '{@{[join ',', @tenants]}}', jobs => 1);
SQL
	my $followed = () = $err =~ /follows from its change/g;
	return ($followed, sql("SELECT string_agg(tenant || ': ' || coalesce(error, state), E'\\n') FROM tenant.migration_status WHERE version = '$name' AND state <> 'applied'"));
}

# What is known of each is what is read.
sub is_true
{
	my ($what, $statements) = @_;
	foreach my $tenant (@tenants)
	{
		my ($out, $err);
		my $known = sql("SELECT tenant.fingerprint('$tenant')");
		$node->psql($db, "SELECT tenant.fingerprint('$tenant', true)", stdout => \$out, stderr => \$err);
		is("$out$err", $known, "$what: what is known of $tenant is true") or diag($statements // '');
	}
	return;
}

fresh_tenants();

# By hand: how many follow, and that those that are not like the others do not; some of
# it with tenants that are alike again
foreach my $case (
	[ 2, 'a column and an index', 'ALTER TABLE customer ADD COLUMN added int DEFAULT 5; CREATE INDEX ON customer (added)' ],
	[ 2, 'a table with a key', 'CREATE TABLE extra (id serial PRIMARY KEY, customer int REFERENCES customer, note text CHECK (note <> $$x$$))' ],
	[ 2, 'a view, a function and a trigger', q{CREATE VIEW seen AS SELECT id, name FROM customer; CREATE FUNCTION more() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
		CREATE TRIGGER more BEFORE INSERT ON customer FOR EACH ROW EXECUTE FUNCTION more()} ],
	[ 2, 'a comment and privileges', q{COMMENT ON COLUMN customer.name IS 'said'; GRANT SELECT ON customer TO regress_tm_cmp_a} ],
	[ 2, 'a column is dropped', 'ALTER TABLE customer DROP COLUMN added' ],
	[ 2, 'rows', q{INSERT INTO extra (note) VALUES ('y'); ALTER TABLE extra ADD COLUMN more int} ],
	[ 0, 'another name', 'ALTER TABLE extra RENAME COLUMN more TO less' ],
	[ 0, 'another type', 'ALTER TABLE extra ALTER COLUMN less TYPE bigint' ],
	[ 0, 'a table is dropped', 'DROP TABLE extra' ],
	[ 2, 'something that is rolled back to a savepoint', q{DO $$ BEGIN ALTER TABLE line ADD COLUMN gone int; RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN ALTER TABLE customer ADD COLUMN stays int; END $$} ],
	[ 0, 'what is made and dropped at once', 'CREATE TABLE passing (i int); CREATE INDEX ON customer (score); DROP TABLE passing' ],
	[ 0, 'a partition comes and goes', 'CREATE TABLE whole (i int, v text) PARTITION BY LIST (i); CREATE TABLE piece (v text, i int); ALTER TABLE whole ATTACH PARTITION piece FOR VALUES IN (1); CREATE INDEX ON whole (v)' ],
	[ 2, 'an index and a column of a parent', 'CREATE INDEX ON whole (i); ALTER TABLE whole ADD COLUMN w int DEFAULT 1 CHECK (w > 0)' ],
	[ 2, 'a key to a table with partitions', 'ALTER TABLE whole ADD COLUMN c int REFERENCES customer' ],
	[ 1, 'one of them has a savepoint rolled back', q{DO $$ BEGIN ALTER TABLE customer ADD COLUMN kept int;
		BEGIN COMMENT ON TABLE line IS 'gone'; IF current_schema() <> 'one' THEN RAISE division_by_zero; END IF; EXCEPTION WHEN division_by_zero THEN NULL; END; END $$}, 1 ],
	[ 1, 'two of them, and one has something else', q{DO $$ BEGIN ALTER TABLE customer ADD COLUMN odd int;
		IF current_schema() = 'three' THEN ALTER TABLE line ADD COLUMN odd int; END IF; END $$}, 1 ],
	[ 0, 'none is like the first', q{DO $$ BEGIN EXECUTE format('ALTER TABLE customer ADD COLUMN %I int', current_schema() || 's'); END $$} ],
	[ 1, 'a sequence that belongs to another column', q{ALTER TABLE customer ADD COLUMN n1 int, ADD COLUMN n2 int; DO $$ BEGIN EXECUTE format('ALTER SEQUENCE counter OWNED BY customer.%I', CASE WHEN current_schema() = 'three' THEN 'n2' ELSE 'n1' END); END $$}, 1 ],
	[ 0, 'comments that differ', q{ALTER TABLE customer ADD COLUMN said int; DO $$ BEGIN EXECUTE format('COMMENT ON TABLE line IS %L', current_schema()); END $$}, 1 ],
	[ 0, 'privileges that differ', q{DO $$ BEGIN IF current_schema() = 'one' THEN GRANT SELECT (id) ON customer TO regress_tm_cmp_a; ELSIF current_schema() = 'two' THEN GRANT UPDATE ON SEQUENCE counter TO regress_tm_cmp_a;
		ELSE GRANT EXECUTE ON FUNCTION twice TO regress_tm_cmp_a; END IF; END $$}, 1 ],
  )
{
	my ($expected, $what, $statements, $anew) = @$case;
	fresh_tenants() if $anew;
	my ($followed, $failed) = migrate($statements);
	is($failed, '', "$what: the migration is applied");
	is($followed, $expected, "$what: for so many nothing has been read");
	is_true($what, $statements);
}

# What somebody else does meanwhile
fresh_tenants();
{
	my $name = version_name(++$last);
	my ($out, $err) = ('', '');
	sql("SELECT tenant.add_migration('$name', 'ALTER TABLE customer ADD COLUMN slow int; SELECT pg_sleep(2)')");
	my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr($db), '-c', 'SET client_min_messages = debug1',
		'-c', "CALL tenant.migrate(tenants => '{@{[join ',', @tenants]}}', jobs => 1)" ], '>', \$out, '2>', \$err);

	# the last one is changed when it waits for its turn, or has it
	my $seen = $node->poll_query_until($db, "SELECT count(*) = 2 FROM tenant.migration_status WHERE version = '$name' AND state = 'applied'");
	sql('ALTER TABLE ' . sql("SELECT tenant FROM tenant.pending") . '.line ADD COLUMN meanwhile int');
	$run->finish;
	is($seen, 1, 'two of three are migrated');
	my $followed = () = $err =~ /follows from its change/g;
	is($followed, 1, 'the one that somebody has changed does not follow');
	is_true('a change of another session');
}

# All kinds
my $number = 0;
my $all = 0;
foreach my $change (chosen_changes($version, sub { $_[0]{flag} ne 'super' && $_[0]{sql} !~ /%2\$s/ }))
{
	my $made = 'made_' . ++$number;
	(my $statements = $change->{sql}) =~ s/%1\$s/$made/g;

	fresh_tenants();
	my ($followed, $failed) = migrate($statements);
	$all += $followed;
	note("$change->{name}: $followed" . ($failed eq '' ? '' : ", failed: $failed"));
	is_true($change->{name}, $statements);
}
note("$all followed");

$node->stop;
done_testing();
