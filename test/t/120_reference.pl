# 120_reference.pl: docs/reference.md is complete: it has each function, view
# and setting of the extension and each error code that it raises, and none
# that there is not.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $root = "$FindBin::RealBin/../..";
my $reference = slurp_file("$root/docs/reference.md");
my $node = new_node('reference', "shared_preload_libraries = 'tenant_mgr'\n");

$node->safe_psql('postgres', 'CREATE EXTENSION tenant_mgr');

# Lines of a query's result.
sub names
{
	my ($query) = @_;
	my @names = split /\n/, $node->safe_psql('postgres', $query);
	return @names;
}

# What the reference has and the server has not, and the other way round.
sub compare
{
	my ($what, $documented, $real) = @_;
	my %documented = map { $_ => 1 } @$documented;
	my %real = map { $_ => 1 } @$real;

	cmp_ok(scalar(@$real), '>', 0, "there are $what");
	is(join(' ', grep { !$documented{$_} } sort keys %real), '', "all $what are in the reference");
	is(join(' ', grep { !$real{$_} } sort keys %documented), '', "all $what of the reference are there");
	return;
}

# Functions that people call: neither triggers nor the ends of a type, nor those
# that only views and constraints call.
my %of_views = map { $_ => 1 } names(q{
	SELECT DISTINCT f.proname FROM pg_rewrite r
	JOIN pg_class v ON v.oid = r.ev_class AND v.relnamespace = 'tenant'::regnamespace
	JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_proc'::regclass
	JOIN pg_proc f ON f.oid = d.refobjid AND f.pronamespace = 'tenant'::regnamespace});
my @headings = map { /tenant\.(\w+)/g } grep { /^### tenant\./ } split /\n/, $reference;
my %heading = map { $_ => 1 } @headings;
my @functions = grep { !$of_views{$_} || $heading{$_} } names(q{
	SELECT DISTINCT proname FROM pg_proc f WHERE pronamespace = 'tenant'::regnamespace
	AND prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
	AND NOT EXISTS (SELECT FROM pg_type t WHERE f.oid IN (typinput, typoutput, typsend, typreceive))});
my @views = names(q{
	SELECT relname FROM pg_class WHERE relnamespace = 'tenant'::regnamespace AND relkind = 'v'});
my @tables = names(q{
	SELECT relname FROM pg_class WHERE relnamespace = 'tenant'::regnamespace AND relkind IN ('r', 'p')});
my %not_function = map { $_ => 1 } @views, @tables, 'secret';

compare('functions', [ grep { !$not_function{$_} } @headings ], [ grep { !$not_function{$_} } @functions ]);
compare('views', [ grep { my $heading = $_; grep { $_ eq $heading } @views } @headings ], \@views);

# All settings, but those that only the library itself uses.
my ($settings) = $reference =~ /^## Settings\n(.*?)(?=^## )/ms;
compare('settings',
	[ $settings =~ /^\| `(tenant_mgr\.\w+)`/mg ],
	[ names(q{SET tenant_mgr.tenant = ''; SELECT tenant.current();
		SELECT name FROM pg_settings WHERE name LIKE 'tenant\_mgr.%' AND NOT 'NO_SHOW_ALL' = ANY (pg_settings_get_flags(name))}) ]);

# Who may set them is what the server says.
my %context = map { split /\|/ } names(q{SET tenant_mgr.tenant = ''; SELECT tenant.current();
	SELECT name || '|' || context FROM pg_settings WHERE name LIKE 'tenant\_mgr.%'});
my %documented_context = $settings =~ /^\| `(tenant_mgr\.\w+)` \|(?:[^|]*\|){2} (\w+) \|/mg;
is(join(', ', map { "$_: $context{$_}, not $documented_context{$_}" }
	grep { exists $context{$_} && $documented_context{$_} ne 'nobody' && $context{$_} ne $documented_context{$_} } sort keys %documented_context),
	'', 'the reference says who may set a setting');

# The codes that the source raises, by the names that the server has for them.
my $raised = qr/(?:errcode\(|GUC_check_errcode\(|sqlstate = |sqlstate,\s*)(ERRCODE_\w+)/;
my %code;
my %used;
my $include = qx{pg_config --includedir-server};
chomp $include;
foreach my $header ("$include/utils/errcodes.h", glob("$root/src/*.h $root/src/*/*.h"))
{
	next unless -e $header;
	my $text = slurp_file($header);
	$code{$1} = "$2$3$4$5$6"
	  while $text =~ /#define (ERRCODE_\w+)\s+MAKE_SQLSTATE\('(.)',\s?'(.)',\s?'(.)',\s?'(.)',\s?'(.)'\)/g;
}
foreach my $source (glob("$root/src/*.c $root/src/*/*.c"))
{
	my $text = slurp_file($source);
	$used{$1} = 1 while $text =~ /$raised/g;
}
# A line is for one code, and says when it comes and what to do then.
my ($codes) = $reference =~ /^## SQLSTATEs\n(.*?)(?=^## |\z)/ms;
my @rows = map { [ split / +\| +/, s/^\| | \|$//gr ] } grep { /^\| `/ } split /\n/, $codes;
my @documented = map { $_->[0] =~ /^`(\w{5})`$/ ? $1 : $_->[0] } @rows;
compare('error codes', \@documented, [ map { $code{$_} // $_ } keys %used ]);
my %seen;
is(join(' ', grep { $seen{$_}++ } @documented), '', 'each error code has one line');
is(join("\n", map { join ' | ', @$_ } grep { @$_ != 3 || grep { !/\w+\W+\w+.*\.$/s } @$_[ 1, 2 ] } @rows), '',
	'which says when it is raised and what to do');

# A code that any page speaks of is explained there, those of the server in a table
# of their own.
my ($of_server) = $reference =~ /^## SQLSTATEs raised by the server\n(.*)/ms;
my %explained = map { $_ => 1 } 'TM008', @documented, $of_server =~ /^\| `(\w{5})` \|/mg;
my %unexplained;
foreach my $page ("$root/README.md", glob "$root/docs/*.md")
{
	foreach my $mentioned (slurp_file($page) =~ /`((?=\w*\d)(?!1)[0-9A-Z]{5})`/g)
	{
		$unexplained{"$mentioned in " . $page =~ s/.*\///r} = 1 unless $explained{$mentioned};
	}
}
is(join(', ', sort keys %unexplained), '', 'each error code that a page names is explained');

$node->stop;
done_testing();
