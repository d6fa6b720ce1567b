# 123_builds.pl: the extension is built outside of its source tree, which stays as
# it is, from an empty folder and with or without bitcode, as packagers do it.  What
# is installed below DESTDIR is all that is needed and nothing else, can be loaded,
# and goes away again.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Find;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $top = abs_path("$FindBin::RealBin/../..");
my $work = PostgreSQL::Test::Utils::tempdir_short();
my $pgxs = config('pgxs');
my %folder = map { $_ => config($_) } qw(bindir pkglibdir sharedir docdir);

sub config
{
	my ($key) = @_;
	my ($stdout, $stderr) = run_command([ 'pg_config', "--$key" ]);
	die "pg_config --$key: $stderr\n" if $stdout eq '';
	return $stdout;
}

# Are the server's own libraries built with bitcode, and is the compiler for that here?
sub has_bitcode
{
	my %variable = slurp_file(($pgxs =~ s{[^/]+/pgxs\.mk$}{}r) . 'Makefile.global') =~ /^(with_llvm|CLANG|LLVM_BINPATH)\s*=\s*(\S*)\s*$/mg;
	return ($variable{with_llvm} // '') eq 'yes' && -x ($variable{CLANG} // '') && -x ($variable{LLVM_BINPATH} // '') . '/llvm-lto';
}

# The files below a folder, sorted.
sub files_below
{
	my ($dir) = @_;
	my @files;
	return [] unless -e $dir;
	find({ no_chdir => 1, wanted => sub { push @files, $File::Find::name =~ s{^\Q$dir\E/}{}r if -f } }, $dir);
	return [ sort @files ];
}

# Run make in a folder, quickly: no test needs fast code here.
sub make_in
{
	my ($dir, $what, @arguments) = @_;
	my $log = "$work/make.log";
	my $ok = system("cd '$dir' && make -s -j2 -f '$work/source/Makefile' PG_CONFIG=pg_config CFLAGS='-O0 -fPIC -Wall -Werror' "
		. "BITCODE_CFLAGS='-O0 -fno-strict-aliasing -fwrapv' @arguments >'$log' 2>&1") == 0;
	ok($ok, $what) or diag(slurp_file($log));
	return;
}

# A clean copy that cannot be written to, which root would not notice.
mkdir "$work/source" or die "could not make a folder: $!\n";
foreach my $part (qw(Makefile README.md tenant_mgr.control bin sql src))
{
	system_or_bail('cp', '-R', "$top/$part", "$work/source/");
}
system_or_bail('find', "$work/source", '-name', '*.o', '-delete', '-o', '-name', '*.bc', '-delete');
my $before = files_below("$work/source");
my @units = map { s/\.c$//r } grep { m{^src/.*\.c$} && !m{/tenant_mgr_probe\.c$} } @$before;
cmp_ok(scalar @units, '>', 100, 'the source is there');
system_or_bail('chmod', '-R', 'a-w', "$work/source");
mkdir $_ or die "could not make a folder: $!\n" foreach "$work/build", "$work/plain", "$work/packaged";

my @needed = ("$folder{bindir}/tenant-migrate", "$folder{pkglibdir}/tenant_mgr.so", "$folder{pkglibdir}/tenant_mgr_probe", "$folder{sharedir}/extension/tenant_mgr.control", "$folder{docdir}/extension/README.md",
	map { s{^sql/}{$folder{sharedir}/extension/}r } grep { m{^sql/} } @$before);
my $expected = sub { return [ sort map { s{^/}{}r } @needed, @_ ] };

make_in("$work/build", 'a build from an empty folder, without bitcode', 'with_llvm=no', 'all');
make_in("$work/build", '... is installed', 'with_llvm=no', "DESTDIR='$work/plain'", 'install');
is_deeply(files_below("$work/plain"), $expected->(), '... all of it and nothing else');
is((stat "$work/plain$folder{pkglibdir}/tenant_mgr_probe")[2] & 0111, 0111, '... the program as one that can be executed');
is((stat "$work/plain$folder{bindir}/tenant-migrate")[2] & 0111, 0111, '... and the script');

SKIP:
{
	skip 'bitcode cannot be built here', 4 unless has_bitcode();
	make_in("$work/build", 'bitcode beside it', 'with_llvm=yes', 'all');
	make_in("$work/build", '... is installed', 'with_llvm=yes', "DESTDIR='$work/packaged'", 'install');
	my $bitcode = "$folder{pkglibdir}/bitcode";
	is_deeply(files_below("$work/packaged"), $expected->("$bitcode/tenant_mgr.index.bc", map { "$bitcode/tenant_mgr/$_.bc" } @units), '... for each source file');
	make_in("$work/build", '... and goes away again', 'with_llvm=yes', "DESTDIR='$work/packaged'", 'uninstall');
	is_deeply([ grep { !m{/bitcode/} } @{ files_below("$work/packaged") } ], [], '... with the rest');
}

is_deeply(files_below("$work/source"), $before, 'nothing was written into the source');
my $objects = files_below("$work/build");
make_in("$work/build", 'the folder is cleaned', 'clean');
is_deeply([ grep { !/\.bc$/ } @{ files_below("$work/build") } ], [], '... and empty then');
cmp_ok(scalar @$objects, '>', scalar @units, '... as it was not before');

# What was installed works, in a session that has not loaded the server's own.
my $node = new_node('builds');
my $library = "$work/plain$folder{pkglibdir}/tenant_mgr";
is($node->safe_psql('postgres', "LOAD '$library'; SHOW tenant_mgr.guard"), 'off', 'the library can be loaded');
is($node->safe_psql('postgres', "CREATE FUNCTION bound_to() RETURNS text LANGUAGE c AS '$library', 'tenant_current'; SELECT coalesce(bound_to(), 'nobody')"),
	'nobody', '... and its functions be called');
like(slurp_file("$work/plain$folder{sharedir}/extension/tenant_mgr.control"), qr/^default_version = '([\d.]+)'\n/m, 'the control file names a version');
my ($version) = slurp_file("$work/plain$folder{sharedir}/extension/tenant_mgr.control") =~ /^default_version = '(.*)'/m;
ok(-e "$work/plain$folder{sharedir}/extension/tenant_mgr--$version.sql", '... that has a script');
$node->stop;
system('chmod', '-R', 'u+w', "$work/source");

done_testing();
