# 151_compare_property.pl: a fingerprint changes when, and only when, what
# pg_dump -s prints changes; and tenant.diff_sql makes schemas alike again, in both
# directions, or says what it does not repair.
#
# Changes of all kinds (lib/SchemaChanges.pm) are made in random order,
# TM_COMPARE_CHANGES of them (25; "all" for each one once), by the generator that
# TM_COMPARE_SEED starts.  pg_dump is the judge.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use SchemaChanges;
use TenantTest;

my $db = 'compared';
my ($node, $version) = changes_database($db);

sub sql { return $node->safe_psql($db, @_) }

# Run statements, as the owner of the schemas unless it takes a superuser.
sub run_as
{
	my ($change, $statements) = @_;
	my $role = $change->{flag} eq 'super' ? '' : 'SET ROLE regress_tm_cmp_owner;';
	my (undef, undef, $err) = $node->psql($db,
		"SET client_min_messages = error; BEGIN; $role\n$statements\nCOMMIT;", on_error_stop => 1);
	return $err;
}

sub fresh
{
	my ($schema) = @_;
	sql("SET client_min_messages = error; DROP SCHEMA IF EXISTS $schema CASCADE; SELECT tenant.clone('src', '$schema', false)");
	return;
}

sub fingerprint { return sql("SELECT tenant.fingerprint('$_[0]')") }

# What pg_dump says, but for comments and what is made up for each dump.  It says
# nothing of casts when it is asked for one schema.
sub dump_of
{
	my ($out, $err);
	IPC::Run::run([ 'pg_dump', '-s', '-n', $_[0], '-d', $node->connstr($db) ], '>', \$out, '2>', \$err)
	  or die "pg_dump: $err";
	my @lines = grep { !/^--/ && !/^\\(un)?restrict/ && /\S/ } split /\n/, $out;
	my @grants = sort grep { /^(GRANT|REVOKE)/ } @lines;
	return join "\n", (grep { !/^(GRANT|REVOKE)/ } @lines), @grants,
	  sql("SELECT castsource::regtype, casttarget::regtype, castfunc::regproc, castcontext, castmethod, obj_description(oid, 'pg_cast')
		FROM pg_cast WHERE castsource IN (SELECT oid FROM pg_type WHERE typnamespace = '$_[0]'::regnamespace)
		AND NOT EXISTS (SELECT FROM pg_range WHERE rngtypid = castsource AND rngmultitypid = casttarget) ORDER BY 1, 2");
}

# Make $to like $from; 'repaired', 'told' or what went wrong.
sub repair
{
	my ($change, $from, $to) = @_;
	my $repair = sql("SELECT tenant.diff_sql('$from', '$to')");
	my $err = run_as($change, $repair);

	return ("error: $err", $repair) if $err ne '';
	return ('repaired', $repair) if fingerprint($from) eq fingerprint($to);
	return ($repair =~ /^-- /m ? 'told' : 'neither repaired nor told', $repair);
}

fresh($_) foreach 'dst', 'other';
my $base_print = fingerprint('dst');
my $base_dump = dump_of('dst');
is($base_print, fingerprint('src'), 'a clone to begin with');

my $number = 0;
my %count;
foreach my $change (chosen_changes($version))
{
	my $name = $change->{name};
	my $made = 'made_' . ++$number;
	(my $statements = $change->{sql}) =~ s/%([12])\$s/$1 == 1 ? $made : 'dst'/ge;

	is(run_as($change, "SET search_path = dst, public; $statements;"), '', "$name: the change is made") or next;
	my $print = fingerprint('dst');
	my $dump = dump_of('dst');
	is($print ne $base_print ? 'changed' : 'same', $dump ne $base_dump ? 'changed' : 'same', "$name: as pg_dump says")
	  or diag($statements);
	is(sql(q{SELECT count(*) > 0 FROM tenant.diff('src', 'dst')}), $print ne $base_print ? 't' : 'f', "$name: and as tenant.diff does");
	next if $print eq $base_print;

	# first the other one, for the change is gone when it has been repaired
	foreach my $way ([ $change->{there}, 'dst', 'other' ], [ $change->{here}, 'src', 'dst' ])
	{
		my ($wanted, $from, $to) = @$way;
		my ($result, $repair) = repair($change, $from, $to);

		$count{$result}++;
		like($result, $wanted eq 'repaired' ? qr/^repaired$/ : qr/^(repaired|told)$/, "$name: $to is made like $from")
		  or diag("$statements\n$repair\n" . sql("SELECT * FROM tenant.diff('$from', '$to')"));
		fresh($to) if fingerprint($to) ne $base_print;
	}
}
note(join ', ', map { "$count{$_} $_" } sort keys %count);

$node->stop;
done_testing();
