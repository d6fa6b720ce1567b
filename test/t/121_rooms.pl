# 121_rooms.pl: arrows between the source files run one way, and script/check-rooms
# would tell if they did not: it is given small trees with each fault.

use strict;
use warnings;
use File::Basename qw(dirname);
use File::Path qw(make_path);
use FindBin;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = "$FindBin::RealBin/../..";

# A tree of two rooms without a fault
my $readme = <<'END';
## Rooms

| room | what lives there |
|---|---|
| `src/base/` | the ground |
| `src/guard/` | what stands on it |
| `src/` | start-up |

## Files, in reading order

| file | idea |
|---|---|
| *src/base* | |
| `stone.c`, `sand.c` | hard; soft |
| `grain.h` | what both are made of |
| *src/guard* | |
| `wall.c` | of stones |
| *src* | |
| `house.c` | of walls |

## More
END
my %sound = (
	'src/README.md' => $readme,
	'src/base/grain.h' => "#define GRAIN 1\n",
	'src/base/stone.h' => "#include \"base/grain.h\"\nextern int tm_stones;\nextern void tm_stone_lay(int n);\n",
	'src/base/stone.c' => "#include \"base/stone.h\"\nint tm_stones = 0;\n\nvoid\ntm_stone_lay(int n)\n{\n\ttm_stones += n;\n}\n",
	'src/base/sand.h' => "extern void tm_sand_pour(void);\n",
	'src/base/sand.c' => "/* tm_wall_build() needs it */\n#include \"base/stone.h\"\nvoid\ntm_sand_pour(void)\n{\n\ttm_stone_lay(GRAIN);\n}\n",
	'src/guard/wall.h' => "extern void tm_wall_build(void);\n",
	'src/guard/wall.c' => "#include \"base/sand.h\"\n#include \"guard/wall.h\"\nvoid\ntm_wall_build(void)\n{\n\ttm_sand_pour();\n}\n",
	'src/house.c' => "#include \"guard/wall.h\"\nvoid\ntm_house_build(void)\n{\n\ttm_wall_build();\n}\n");

# check FILE => CONTENT...: what is said of the tree with these instead; undef for none
sub check
{
	my %tree = (%sound, @_);
	my $dir = PostgreSQL::Test::Utils::tempdir();

	foreach my $path (sort keys %tree)
	{
		next if !defined $tree{$path};
		make_path(dirname("$dir/$path"));
		append_to_file("$dir/$path", $tree{$path});
	}
	return run_check($dir);
}

sub run_check
{
	my ($dir) = @_;
	my ($out, $err);
	my $ok = IPC::Run::run([ $^X, "$root/script/check-rooms", $dir ], '>', \$out, '2>', \$err);

	return ($ok ? 'accepted' : 'refused') . "\n$out$err";
}

like(check(), qr/^accepted\n8 files in 3 rooms, no fault$/, 'a tree without a fault');

like(check('src/base/sand.c' => "#include \"guard/wall.h\"\n"),
	qr/^refused\n.*src\/base\/sand\.c: climbs to src\/guard\/wall\.h \(includes guard\/wall\.h\)/,
	'an include that climbs');

foreach my $include ('"../guard/wall.h"', '"../../src/guard/../guard/wall.h"', '<guard/wall.h>')
{
	like(check('src/base/sand.c' => "\t# include $include\n"),
		qr/^refused\n.*src\/base\/sand\.c: climbs to src\/guard\/wall\.h \(includes /,
		"an include that climbs: $include");
}

like(check('src/base/sand.h' => "#include \"guard/wall.h\"\n"),
	qr/^refused\n.*src\/base\/sand\.h: climbs to src\/guard\/wall\.h \(includes guard\/wall\.h\)/,
	'an include that climbs from a header');

like(check('src/base/sand.c' => "void\ntm_sand_pour(void)\n{\n\ttm_wall_build();\n}\n"),
	qr/^refused\n.*src\/base\/sand\.c: climbs to src\/guard\/wall\.c \(uses tm_wall_build\)/,
	'a name that climbs');

like(check('src/base/sand.h' => "static inline void\npour_all(void)\n{\n\ttm_wall_build();\n}\n"),
	qr/^refused\n.*src\/base\/sand\.h: climbs to src\/guard\/wall\.c \(uses tm_wall_build\)/,
	'a name that climbs from a function in a header');

like(check('src/base/sand.c' => "extern void tm_wall_build(void);\nvoid\ntm_sand_pour(void)\n{\n\tvoid (*build) (void) = tm_wall_build;\n}\n"),
	qr/^refused\n.*src\/base\/sand\.c: climbs to src\/guard\/wall\.c \(uses tm_wall_build\)/,
	'a name that climbs past the headers');

like(check('src/guard/wall.c' => "Datum\ntenant_wall(PG_FUNCTION_ARGS)\n{\n}\n",
		'src/base/sand.c' => "void\ntm_sand_pour(void)\n{\n\tDirectFunctionCall1(tenant_wall, 0);\n}\n"),
	qr/^refused\n.*src\/base\/sand\.c: climbs to src\/guard\/wall\.c \(uses tenant_wall\)/,
	'a function of SQL that climbs');

foreach my $variable ("int\ttm_wall_doors[2][3] = {{0}};", 'struct Door *const tm_wall_doors;', "void\t(*tm_wall_doors) (int) = NULL;")
{
	like(check('src/guard/wall.c' => "$variable\n",
			'src/base/sand.c' => "void\ntm_sand_pour(void)\n{\n\topen_door(tm_wall_doors);\n}\n"),
		qr/^refused\n.*src\/base\/sand\.c: climbs to src\/guard\/wall\.c \(uses tm_wall_doors\)/,
		"a variable that climbs: $variable");
}

like(check('src/guard/wall.c' => "int tm_wall_height = 3;\n",
		'src/base/sand.c' => "int\ntm_sand_pour(void)\n{\n\treturn tm_wall_height;\n}\n"),
	qr/^refused\n.*src\/base\/sand\.c: climbs to src\/guard\/wall\.c \(uses tm_wall_height\)/,
	'a variable that climbs');

like(check('src/base/grain.h' => "#include \"base/stone.h\"\n"),
	qr/^refused\ncircle of src\/base\/grain\.h, src\/base\/stone\.h:\n.*grain\.h -> src\/base\/stone\.h \(includes base\/stone\.h\)/,
	'a circle by includes');

like(check('src/base/stone.c' => "void\ntm_stone_lay(int n)\n{\n\ttm_sand_pour();\n}\n"),
	qr/^refused\ncircle of src\/base\/sand\.c, src\/base\/stone\.c:\n.*stone\.c -> src\/base\/sand\.c \(uses tm_sand_pour\)/s,
	'a circle by names');

like(check('src/base/stone.h' => "extern int tm_stones;\n", 'src/base/stone.c' => "int tm_stones = 0;\nvoid\ntm_stone_lay(int n)\n{\n\ttm_sand += n;\n}\n",
		'src/base/sand.c' => "int tm_sand = 0;\nvoid\ntm_sand_pour(void)\n{\n\ttm_sand = tm_stones;\n}\n"),
	qr/^refused\ncircle of src\/base\/sand\.c, src\/base\/stone\.c:\n.*sand\.c -> src\/base\/stone\.c \(uses tm_stones\).*stone\.c -> src\/base\/sand\.c \(uses tm_sand\)/s,
	'a circle by variables');

like(check('src/base/grain.h' => "#include \"pebble.h\"\n", 'src/base/pebble.h' => "#include \"grain.h\"\n",
		'src/README.md' => $readme =~ s/`grain\.h`/`grain.h`, `pebble.h`/r),
	qr/^refused\ncircle of src\/base\/grain\.h, src\/base\/pebble\.h:\n/,
	'a circle by includes of the same folder');

like(check('src/base/sand.c' => "int sand = 0;\nvoid\npour(void)\n{\n}\nstatic void\nsift(void)\n{\n}\n"),
	qr/^refused\n(?=.*sand\.c: exports pour, which)(?=.*sand\.c: exports sand, which)(?!.*sift)/s,
	'names that would be overlooked');

like(check('src/README.md' => $readme =~ s/^\| `src\/guard\/` .*\n//mr),
	qr/^refused\n.*src\/guard\/wall\.c: is in no room of src\/README\.md/,
	'a room that is not in the table');

like(check('src/README.md' => $readme =~ s/^(?=\| `src\/` )/| `src\/attic\/` | nothing |\n/mr),
	qr/^refused\n.*src\/README\.md: has the room src\/attic\/, in which there is no file/,
	'a room that is not there');

like(check('src/base/deep/box.c' => "int tm_box = 1;\n", 'src/README.md' => $readme =~ s/sand\.c`/sand.c`, `box.c`/r),
	qr/^refused\n.*src\/base\/deep\/box\.c: is in no room of src\/README\.md/,
	'a file in a folder of a room');

like(check('src/attic/box.c' => "int tm_box = 1;\n", 'src/README.md' => $readme =~ s/wall\.c`/wall.c`, `box.c`/r),
	qr/^refused\n.*src\/attic\/box\.c: is in no room of src\/README\.md/,
	'a file in no room');

like(check('src/base/clay.c' => "int tm_clay = 1;\n"),
	qr/^refused\n.*src\/base\/clay\.c: is not described in src\/README\.md/,
	'a file that is not described');

like(check('src/base/clay.h' => "#define CLAY 1\n"),
	qr/^refused\n.*src\/base\/clay\.h: is not described in src\/README\.md/,
	'a header of no file that is not described');

like(check('src/README.md' => "$readme\n`clay.c` is soft.\n", 'src/base/clay.c' => "int tm_clay = 1;\n"),
	qr/^refused\n.*clay\.c: is not described/,
	'to be named elsewhere is no description');

like(check('src/guard/wall.c' => undef, 'src/guard/wall.h' => undef, 'src/house.c' => "int tm_house = 1;\n"),
	qr/^refused\n.*src\/README\.md: describes wall\.c, which there is not/s,
	'a description of no file');

like(check('src/README.md' => $readme =~ s/`stone\.c`, //r =~ s/(`wall\.c`)/$1, `stone.c`/r),
	qr/^refused\n.*src\/base\/stone\.c: is described under src\/guard\/ in src\/README\.md/,
	'a description under another room');

my $real = run_check($root);
like($real, qr/^accepted\n\d+ files in \d+ rooms, no fault$/, 'the sources are without a fault')
  or diag($real);

done_testing();
