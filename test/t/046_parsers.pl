# 046_parsers.pl: the parsers of envelopes, key rings, tokens, tags of statements and names in texts,
# outside of a server and under sanitizers, with what fuzzing has found interesting.  To look
# for more, see test/fuzz/run.

use strict;
use warnings;
use FindBin;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/try.c", "#include <sodium.h>\nint main(void) { return sodium_init() < 0; }\n");
plan skip_all => 'no compiler with address sanitizer'
  if system("cc -fsanitize=address,undefined -o $dir/try $dir/try.c -lsodium >/dev/null 2>&1 && $dir/try") != 0;

foreach my $target ('envelope', 'ring', 'fernet', 'statement_tag', 'jwt', 'name_scan')
{
	my ($out, $err) = run_command([ "$FindBin::RealBin/../fuzz/run", 'corpus', $target ]);
	like($out, qr/^$target: [1-9]\d* files$/, "$target: the corpus does no harm") or diag($err);
}

done_testing();
