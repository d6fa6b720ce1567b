# 122_docs.pl: the examples of README.md and docs/*.md work, in the order of the
# page, and print what the page shows.  See lib/DocPage.pm for what the comments
# in the pages mean.  A page that lies fails, which is tried first.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use DocPage qw(run_examples);
use TenantTest;

my $root = "$FindBin::RealBin/../..";
my $pages = $ENV{TM_PAGES} // '';		# only those whose names match
# Hosts of connections in the pages do not exist: nothing looks at them unasked.
my $node = new_node('docs', "shared_preload_libraries = 'tenant_mgr'\ntenant_mgr.health_interval = 0\n");

# A database that nothing has been done in, in a cluster without roles and settings
# of the page before.
sub fresh_database
{
	my ($db) = @_;
	foreach my $list (q{SELECT format('ALTER DATABASE %I IS_TEMPLATE false', datname) FROM pg_database WHERE datistemplate AND datname !~ '^template[01]$'},
		q{SELECT format('DROP DATABASE %I WITH (FORCE)', datname) FROM pg_database WHERE datname !~ '^(postgres|template[01])$'},
		q{SELECT format('DROP OWNED BY %1$I; DROP ROLE %1$I', rolname) FROM pg_roles WHERE rolname !~ '^pg_' AND oid <> 10})
	{
		$node->safe_psql('postgres', $_) foreach split /\n/, $node->safe_psql('postgres', $list);
	}
	$node->safe_psql('postgres', 'ALTER SYSTEM RESET ALL');
	$node->reload;
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	return;
}

sub run_page
{
	my ($text) = @_;
	fresh_database('app');
	return run_examples($node, 'app', $text);
}

sub lies
{
	my ($name, $text, $expected) = @_;
	like(join("\n", @{ run_examples($node, 'app', $text)->{problem} }), $expected, "a page that lies is found: $name");
	return;
}

is(join("\n", @{ run_page(<<'END')->{problem} }), '', 'a page that does not lie is believed');
<!-- setup
CREATE EXTENSION tenant_mgr;
-->

    SELECT tenant.create('acme');
     create 
    --------
     acme
    (1 row)

    SELECT tenant.create('acme');
    ERROR:  tenant "acme" already exists

<!-- example
varies: \d+
fails: 3F000
-->

    SELECT 'at 12' AS when;
    at 7
    SELECT tenant.switch('nobody');

<!-- example
replace: $1 => 'acme'
-->

    psql -XAtc "SELECT tenant.exists('acme')" app
    t
END
lies('another row', "    SELECT 1 AS n;\n     n \n    ---\n     2\n    (1 row)\n", qr/prints.*and not/s);
lies('another value', "    SELECT 1;\n    2\n", qr/prints.*and not/s);
lies('another error', "    SELECT 1/0;\n    ERROR:  no\n", qr/prints.*and not/s);
lies('an error that is not shown', "    SELECT 1/0;\n", qr/fails \(22012\)/);
lies('a result where an error is', "    SELECT 1/0;\n    0\n", qr/fails \(22012\)/);
lies('an error that does not come', "<!-- example\nfails: 22012\n-->\n\n    SELECT 1;\n", qr/no statement failed with 22012/);
lies('another error than is marked', "<!-- example\nfails: 22013\n-->\n\n    SELECT 1/0;\n", qr/fails \(22012\)/);
lies('a statement without an end', "    SELECT 1\n", qr/without an end/);
lies('a command that fails', "    psql -Xc 'SELECT 1/0' app\n", qr/fails \(1\)/);
lies('a command that prints something else', "    psql -XAtc 'SELECT 1' app\n    2\n", qr/prints.*and not/s);
lies('what nobody can run', "    Hello.\n", qr/no mark says what it is/);
lies('a mark that there is not', "<!-- example\nhopes: 1\n-->\n\n    SELECT 1;\n", qr/not a mark/);
lies('not run without a reason', "<!-- example\nnot run:\n-->\n\n    SELECT 1;\n", qr/without a reason/);
lies('a mark without an example', "<!-- example\nvaries: 1\n-->\n\nText.\n", qr/no example follows/);
lies('a setup that fails', "<!-- setup\nSELECT 1/0;\n-->\n", qr/fails \(22012\)/);
lies('a session that ends', "    SELECT pg_terminate_backend(pg_backend_pid());\n    SELECT 1;\n", qr/has not come to the end/);
lies('an example in backticks', "Example: `SELECT 1/0;`\n", qr/fails \(22012\)/);
lies('a setting that there is not', "<!-- example\nlang: conf\n-->\n\n    tenant_mgr.nothing = 1\n    work_mem = much\n", qr/not right in postgresql.conf/);
lies('a line that is not in the log', "<!-- example\nlang: output\nin the log:\n-->\n\n    LOG:  nothing\n", qr/not in the server's log/);
lies('a program that is not in the tree', "    script/nothing\n", qr/not a program of the tree/);
lies('arguments of a function', "    tenant.rename(name text) → void\n", qr/is not tenant.rename/);
SKIP:
{
	skip 'no python3', 1 unless -x '/usr/bin/python3';
	lies('a program that is none', "<!-- example\nlang: python\n-->\n\n    def f(:\n", qr/not python/);
}

# The pages.
my (@not_run, $examples);
foreach my $file ("$root/README.md", sort glob "$root/docs/*.md")
{
	my ($name) = $file =~ m{([^/]+)$};
	next unless $name =~ /$pages/;
	my $result = run_page(slurp_file($file));
	my $count = $result->{run} + $result->{checked};

	is(join("\n", @{ $result->{problem} }), '', "$name: $result->{run} examples run, $result->{checked} looked at");
	note("$name, $_") foreach @{ $result->{note} };
	push @not_run, map { "$name, $_" } @{ $result->{not_run} };
	$examples += $count;
}

# Links within the repository lead somewhere.
sub anchors_of
{
	my ($text) = @_;
	my %anchor;
	while ($text =~ /^#+ +(.+?) *$/mg)
	{
		my $anchor = lc $1;
		$anchor =~ s/[^\w\- ]//g;
		$anchor =~ s/ /-/g;
		$anchor{$anchor} = 1;
	}
	return \%anchor;
}

my @broken;
foreach my $file (glob "$root/*.md $root/docs/*.md $root/src/*.md")
{
	my $text = slurp_file($file);
	my ($dir) = $file =~ m{^(.*)/};
	push @broken, map { "$_ in " . $file =~ s/.*\///r } grep { !-e "$root/test/t/$_" } $text =~ /\b(\d{3}_\w+\.pl)\b/g;
	while ($text =~ /\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)
	{
		my ($path, $anchor) = ($1, $2);
		my $target = $path eq '' ? $file : "$dir/$path";
		push @broken, "$path#" . ($anchor // '') . ' in ' . $file =~ s/.*\///r
		  if !-e $target || defined $anchor && !anchors_of(slurp_file($target))->{$anchor};
	}
}
my $readme = slurp_file("$root/README.md");
push @broken, "README.md has no link to $_" foreach grep { index($readme, "($_)") < 0 } map { s/^\Q$root\E\///r } glob "$root/docs/*.md";
is(join("\n", @broken), '', 'links between pages lead somewhere');

cmp_ok(scalar(@not_run), '<=', 18, scalar(@not_run) . " examples are not run, $examples are");
foreach (@not_run)
{
  SKIP: { skip $_, 1; }
}

$node->stop;
done_testing();
