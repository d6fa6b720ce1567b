# TenantTest.pm: what the TAP tests share.
#
# A test starts its node with new_node, loads a fixture into a schema, and
# compares two schemas with structure_of (pg_dump's view of it), rows_of (a hash
# a table) and sequences_of.  Names of schemas are chosen so that they occur
# nowhere else, for structure_of maps one name to the other in pg_dump's text.
package TenantTest;

use strict;
use warnings;
use Exporter 'import';
use FindBin;
use IO::Socket::UNIX;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(new_node new_database load_fixture load_torture fill_schema ident literal
  structure_of rows_of sequences_of is_same registry_is_true orphan_files
  command_of own_tables_of objects_of_extension wait_for_socket answers_to
  write_key_ring);

my $fixtures = "$FindBin::RealBin/../fixtures";

sub ident   { my $s = shift; $s =~ s/"/""/g; return qq("$s"); }
sub literal { my $s = shift; $s =~ s/'/''/g; return qq('$s'); }

# A running node that keeps nothing in memory for long: crash tests restart it.
sub new_node
{
	my ($name, $conf) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
	$node->append_conf('postgresql.conf',
		"log_statement = none\nautovacuum_naptime = 1s\nlogging_collector = off\n" . ($conf // ''));
	$node->start;
	return $node;
}

# A database of its own for each fixture: catalogs are checked a database at a time.
sub new_database
{
	my ($node, $db) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, 'CREATE EXTENSION tenant_mgr');
	return;
}

# Commands that make tables with the columns of the extension's, for a subscriber
# of all tables.
sub own_tables_of
{
	my ($node, $db) = @_;
	return split /\n/, $node->safe_psql($db, q{
		SELECT format('CREATE TABLE tenant.%I (%s%s)', c.relname, string_agg(format('%I %s', a.attname,
			CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace THEN format_type(a.atttypid, a.atttypmod) ELSE 'text' END), ', ' ORDER BY a.attnum),
			(SELECT ', ' || pg_get_constraintdef(k.oid) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p'))
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' JOIN pg_type t ON t.oid = a.atttypid
		WHERE c.relnamespace = 'tenant'::regnamespace AND c.relkind = 'r' GROUP BY c.oid, c.relname ORDER BY c.relname});
}

# The program of the server under test.
sub command_of
{
	my ($program) = @_;
	my ($stdout, $stderr) = run_command([ 'pg_config', '--bindir' ]);
	return -x "$stdout/$program" ? "$stdout/$program" : undef;
}

sub run_file
{
	my ($node, $db, $file, @args) = @_;
	local $ENV{PGOPTIONS} = '-c client_min_messages=warning';
	my ($stdout, $stderr) = run_command(
		[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($db), @args, '-f', $file ]);
	die "could not load $file: $stderr" if $stderr =~ /ERROR/;
	return;
}

# A real application's schema; false when it could not be fetched.
sub load_fixture
{
	my ($node, $db, $name, $schema) = @_;
	my $file = ($ENV{TM_FIXTURES} // "$ENV{HOME}/.cache/tenant_mgr") . "/$name.sql";
	return 0 unless -s $file;
	run_file($node, $db, $file,
		'-c', "CREATE SCHEMA $schema", '-c', "SET search_path = $schema, public");
	return 1;
}

sub load_torture
{
	my ($node, $db, $schema) = @_;
	run_file($node, $db, "$fixtures/torture.sql", '-v', "schema=$schema");
	return;
}

# Put some rows into every table; returns the names of those that stay empty.
sub fill_schema
{
	my ($node, $db, $schema, $nrows) = @_;
	run_file($node, $db, "$fixtures/fill.sql");
	return $node->safe_psql($db, sprintf(
		q{SELECT string_agg(relation, ' ' ORDER BY relation COLLATE "C") FROM public.tm_fill(%s, %d) WHERE rows = 0}, literal($schema), $nrows));
}

# What pg_dump says about a schema, its name replaced by $as, entry by entry in a
# fixed order.  The name must be one that occurs nowhere else.
sub structure_of
{
	my ($node, $db, $schema, $as) = @_;
	my ($stdout, $stderr) =
	  run_command([ 'pg_dump', '-s', '-d', $node->connstr($db), '-n', ident($schema) ]);
	$stdout =~ s/^(\\(un)?restrict |SET default_t).*\n\n?//mg;
	if (defined $as)
	{
		my ($from, $to) = (ident($schema), ident($as));
		$to = $as if $as =~ /^[a-z_0-9]+$/ && $schema =~ /^[a-z_0-9]+$/;
		$stdout =~ s/\Q$from\E/$to/g;
		$stdout =~ s/\b\Q$schema\E\b/$as/g;
	}
	# The order follows dependencies and, where they are circular, OIDs; those are named.
	$stderr =~ s/ +\(ID \d+ OID \d+\)//g;
	return join('', sort split(/^(?=--\n-- (?:Name|PostgreSQL))/m, $stdout)) . $stderr;
}

# One line a table or materialized view: its rows' number and hash.  Values of
# type regclass and friends show the schema's name, hence the mapping.
sub rows_of
{
	my ($node, $db, $schema, $as) = @_;
	my ($from, $to) = map { s/["\\]//gr } ($schema, $as // $schema);
	my $sql = $node->safe_psql($db, sprintf(q{
		SELECT format($f$SELECT %%L, count(*), md5(string_agg(r, E'\n' ORDER BY r COLLATE "C"))
			FROM (SELECT replace(translate(t::text, '"\', ''), %%L, %%L) FROM ONLY %%I.%%I AS t) AS x (r);$f$,
			translate(relname, E'\n', ' '), %1$s, %2$s, nspname, relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE nspname = %3$s AND relkind IN ('r', 'm') AND (relkind = 'r' OR relispopulated)
		ORDER BY relname COLLATE "C"}, literal($from), literal($to), literal($schema)));
	return $node->safe_psql($db, "SET search_path = pg_catalog;\n$sql");
}

sub sequences_of
{
	my ($node, $db, $schema) = @_;
	my $sql = $node->safe_psql($db, sprintf(q{
		SELECT format('SELECT %%L, last_value, is_called FROM %%I.%%I;', relname, nspname, relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE nspname = %s AND relkind = 'S' ORDER BY relname COLLATE "C"}, literal($schema)));
	return $sql eq '' ? '' : $node->safe_psql($db, $sql);
}

# Every object of the extension with all that a script can say about it.  What
# belongs to an index or a constraint is shown by its definition.
sub objects_of_extension
{
	my ($node, $db) = @_;
	return $node->safe_psql($db, q{
	WITH member AS (
		SELECT classid, objid FROM pg_depend
			WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e' AND refobjid =
				(SELECT oid FROM pg_extension WHERE extname = 'tenant_mgr')
	), line (text) AS (
		SELECT concat_ws(' ', 'member', pg_describe_object(classid, objid, 0),
				'comment:', coalesce(obj_description(objid, classid::regclass::text), '-'))
			FROM member
		UNION ALL SELECT concat_ws(' ', 'function', oid::regprocedure, pg_get_functiondef(oid), coalesce(proacl, acldefault('f', proowner)))
			FROM pg_proc WHERE oid IN (SELECT objid FROM member WHERE classid = 'pg_proc'::regclass)
		UNION ALL SELECT concat_ws(' ', 'relation', c.oid::regclass, relkind, relpersistence, reloptions,
				coalesce(relacl, acldefault(CASE WHEN relkind = 'S' THEN 's' ELSE 'r' END::"char", relowner)), relrowsecurity,
				CASE WHEN relkind = 'v' THEN pg_get_viewdef(c.oid) END)
			FROM pg_class c WHERE c.oid IN (SELECT objid FROM member WHERE classid = 'pg_class'::regclass)
		UNION ALL SELECT concat_ws(' ', 'column', attrelid::regclass, attnum, attname, format_type(atttypid, atttypmod),
				attnotnull, attidentity, attgenerated, attstorage, attacl, pg_get_expr(adbin, adrelid), col_description(attrelid, attnum))
			FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
			WHERE attrelid IN (SELECT objid FROM member WHERE classid = 'pg_class'::regclass) AND attnum > 0 AND NOT attisdropped
		UNION ALL SELECT concat_ws(' ', 'index', pg_get_indexdef(indexrelid), indisprimary, indisclustered, indisreplident)
			FROM pg_index WHERE indrelid IN (SELECT objid FROM member WHERE classid = 'pg_class'::regclass)
		UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid))
			FROM pg_constraint WHERE conrelid IN (SELECT objid FROM member WHERE classid = 'pg_class'::regclass)
		UNION ALL SELECT concat_ws(' ', 'trigger', tgrelid::regclass, pg_get_triggerdef(oid), tgenabled)
			FROM pg_trigger WHERE tgrelid IN (SELECT objid FROM member WHERE classid = 'pg_class'::regclass)
		UNION ALL SELECT concat_ws(' ', 'event trigger', evtname, evtevent, evtenabled, evttags, evtfoid::regprocedure)
			FROM pg_event_trigger
		UNION ALL SELECT concat_ws(' ', 'type', t.oid::regtype, typinput, typoutput, typlen, typstorage,
				coalesce(typacl, acldefault('T', typowner)))
			FROM pg_type t WHERE t.oid IN (SELECT objid FROM member WHERE classid = 'pg_type'::regclass)
		UNION ALL SELECT concat_ws(' ', 'dumped', config.oid::regclass, condition)
			FROM pg_extension, unnest(extconfig, extcondition) AS config (oid, condition) WHERE extname = 'tenant_mgr'
		UNION ALL SELECT concat_ws(' ', 'schema', nspname, coalesce(nspacl, acldefault('n', nspowner))) FROM pg_namespace WHERE nspname = 'tenant'
	)
	SELECT text FROM line ORDER BY text COLLATE "C"});
}

# Like is(), but long texts that differ are shown as the lines that differ.
sub is_same
{
	my ($got, $expected, $name) = @_;
	return pass($name) if $got eq $expected;
	my $dir = PostgreSQL::Test::Utils::tempdir();
	append_to_file("$dir/expected", $expected);
	append_to_file("$dir/got", $got);
	my ($diff) = run_command([ 'diff', '-U2', "$dir/expected", "$dir/got" ]);
	my @lines = split /\n/, $diff;
	splice(@lines, 60) if @lines > 60;
	fail($name);
	diag($_) foreach @lines;
	return 0;
}

# Every row of the registry and every snapshot has its schema, no schema is left
# over, and every domain has its tenant.
sub registry_is_true
{
	my ($node, $db, $name) = @_;
	is( $node->safe_psql($db, q{
		SELECT coalesce(t.name, n.nspname), t.state, n.nspname
		FROM (SELECT name, state, schema_name FROM tenant.tenants UNION ALL
			SELECT label, 'snapshot', schema_name FROM tenant.snapshots) t FULL JOIN pg_namespace n ON n.nspname = t.schema_name
		WHERE t.name IS NULL AND n.nspname !~ '^(pg_|information_schema$|public$|tenant$)'
			OR n.nspname IS NULL OR t.state = 'missing'
		UNION ALL
		SELECT d.host, 'no tenant', NULL FROM tenant.domain d LEFT JOIN tenant.registry r ON r.id = d.tenant_id
		WHERE r.id IS NULL}), '', $name);
	return;
}

# Files of a database that belong to no relation.  Those of dropped relations
# stay, empty, until a checkpoint.
sub orphan_files
{
	my ($node, $db) = @_;
	my $oid = $node->safe_psql($db,
		"CHECKPOINT; SELECT oid FROM pg_database WHERE datname = current_database()");
	my %known = map { $_ => 1 } split /\n/,
	  $node->safe_psql($db, 'SELECT pg_relation_filenode(oid) FROM pg_class');
	return join ' ', sort grep { /^(\d+)(_\w+)?(\.\d+)?$/ && !$known{$1} }
	  slurp_dir($node->data_dir . "/base/$oid");
}

# A program has been told to listen there.  Is it doing so before long?
sub wait_for_socket
{
	my ($path) = @_;
	foreach (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return 1 if IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $path);
		select undef, undef, undef, 0.1;
	}
	return 0;
}

# What somebody's session prints, and SQLSTATEs in place of errors.
sub answers_to
{
	my ($node, $db, $role, $sql) = @_;
	my ($out, $err) = ('', '');
	$node->psql($db, "\\set VERBOSITY sqlstate\n$sql", stdout => \$out, stderr => \$err,
		on_error_stop => 0, extra_params => [ '-U', $role ]);
	return join(' ', grep { $_ ne '' } (split /\n/, $out), $err =~ /(?:ERROR|FATAL):  (\w+)/g);
}

# Replace a key ring at once, as one should.
sub write_key_ring
{
	my ($ring, $content, $mode) = @_;
	open my $file, '>:raw', "$ring.new" or die "$ring: $!";
	print $file $content;
	close $file;
	chmod $mode // 0600, "$ring.new";
	rename "$ring.new", $ring or die "$ring: $!";
	return;
}

1;
