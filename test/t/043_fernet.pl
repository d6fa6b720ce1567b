# 043_fernet.pl: secrets from Fernet tokens.  Tokens of the format's own examples
# and fresh ones of another implementation come out as what went in; whatever is
# changed is refused with one and the same error; nobody's function is called in
# place of pgcrypto's.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

# from https://github.com/fernet/spec
use constant KEY => 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
use constant TOKEN => 'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==';

my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/ring", '1:' . ('5a' x 32) . "\n");
chmod 0600, "$dir/ring";
my $node = new_node('fernet', "fsync = off\ntenant_mgr.key_file = '$dir/ring'\n");
new_database($node, 'app');
plan skip_all => 'pgcrypto is not there, which a server without OpenSSL cannot have'
	if $node->safe_psql('app', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pgcrypto'}) eq '0';

my $refused = 'TM007|token cannot be opened|It was changed, or made with another key.';
$node->safe_psql('app', q{
	CREATE FUNCTION try(token text, key text, context text DEFAULT '', aad text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
	DECLARE detail text;
	BEGIN
		RETURN 'opened: ' || tenant.decrypt(tenant.import_fernet(token, key, context, aad), context, aad);
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
		RETURN concat_ws('|', SQLSTATE, SQLERRM, nullif(detail, ''));
	END $$;
	CREATE FUNCTION url64(b bytea) RETURNS text LANGUAGE sql AS $$ SELECT translate(replace(encode(b, 'base64'), chr(10), ''), '+/', '-_') $$;
	CREATE FUNCTION from_url64(t text) RETURNS bytea LANGUAGE sql AS $$ SELECT decode(translate(t, '-_', '+/'), 'base64') $$});
sub value { return $node->safe_psql('app', $_[0]); }
sub try { my @args = map { literal($_) } @_; return value('SELECT try(' . join(', ', @args) . ')'); }

# without pgcrypto, and with something that only looks like it
my $missing = '55000|extension "pgcrypto" is not installed in this database|Fernet tokens are encrypted with AES-128-CBC, which that extension provides.';
is(try(TOKEN, KEY), $missing, 'pgcrypto is needed');
$node->safe_psql('app', q{CREATE FUNCTION decrypt_iv(bytea, bytea, bytea, text) RETURNS bytea LANGUAGE plpgsql AS $$ BEGIN RAISE 'captured %', $2; END $$});
is(try(TOKEN, KEY), $missing, 'a function of that name will not do');
$node->safe_psql('app', q{DROP FUNCTION decrypt_iv; CREATE SCHEMA "Odd place"; CREATE EXTENSION pgcrypto SCHEMA "Odd place";
	CREATE FUNCTION decrypt_iv(bytea, bytea, bytea, text) RETURNS bytea LANGUAGE plpgsql AS $$ BEGIN RAISE 'captured %', $2; END $$;
	ALTER EXTENSION pgcrypto ADD FUNCTION decrypt_iv(bytea, bytea, bytea, text)});
is(try(TOKEN, KEY), 'opened: hello', 'the example of the format is opened, not by a function that was added');

# what is refused
my @invalid = (
	[ 'another signature', 'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==' ],
	[ 'too short', 'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA==' ],
	[ 'no base64', '%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hRoUlxsVYFvb5xOWIl5oNUfY0NuWM0QCBE0A==' ],
	[ 'nothing', '' ],
	[ 'no padding of base64', TOKEN =~ s/=+$//r ],
	[ 'white space', TOKEN . "\n" ],
	[ 'the other alphabet', TOKEN =~ tr{-_}{+/}r ],
	[ 'something after it', TOKEN . 'AAAA' ]);
is(try($_->[1], KEY), $refused, "refused: $_->[0]") foreach @invalid;
is(value(sprintf q{SELECT string_agg(DISTINCT try(url64(set_byte(t, i, get_byte(t, i) # (1 << (i %% 8)))), %s), '/') FROM from_url64(%s) t, generate_series(0, length(t) - 1) i}, literal(KEY), literal(TOKEN)),
	$refused, 'refused: any changed byte');
is(value(sprintf q{SELECT string_agg(DISTINCT try(url64(t), %s), '/') FROM (SELECT substr(from_url64(%s), 1, n) FROM generate_series(0, 72) n) v (t)}, literal(KEY), literal(TOKEN)),
	$refused, 'refused: anything shorter');
# signed properly, and wrong all the same: version, length, padding
foreach my $case ([ 'version', q{set_byte(b, 0, 129)} ], [ 'half a block', q{b || '\x00'::bytea} ], [ 'no block', q{substr(b, 1, 25)} ], [ 'padding', q{set_byte(b, 24, get_byte(b, 24) # 3)} ], [ 'padding of 0', q{set_byte(b, 24, get_byte(b, 24) # 11)} ])
{
	my ($what, $change) = @$case;
	is(value(sprintf q{SELECT try(url64(c || "Odd place".hmac(c, substr(from_url64(%1$s), 1, 16), 'sha256')), %1$s)
		FROM (SELECT substr(t, 1, length(t) - 32) FROM from_url64(%2$s) t) v (b), LATERAL (SELECT %3$s) w (c)}, literal(KEY), literal(TOKEN), $change), $refused, "refused although it is signed: $what");
}
is(try(TOKEN, 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='), $refused, 'refused: another key');
foreach my $key ('', 'short', KEY . 'AAAA', 'cw+0x689RpI+jtRR7oE8h/eQsKImvJapLeSbXpwF4e4=')
{
	my $answer = try(TOKEN, $key);
	is($answer, '22023|invalid Fernet key|A key is 32 bytes in base64 with the alphabet for URLs.', 'a key that is none');
}
is(value(sprintf q{SELECT tenant.import_fernet(NULL, %s) IS NULL}, literal(KEY)), 't', 'null stays null');
is($node->psql('app', sprintf q{SELECT tenant.import_fernet(%s, NULL)}, literal(TOKEN)), 3, 'but not for the key');

# fresh tokens of another implementation, bound to context and tenant
SKIP:
{
	my $python = '/usr/bin/python3';
	skip 'no python3 with cryptography', 4 unless -x $python && system("$python -c 'import cryptography' 2>/dev/null") == 0;
	my ($out) = run_command([ $python, '-c', q{
from cryptography.fernet import Fernet
for n in list(range(0, 40)) + [1000, 100000]:
    key = Fernet.generate_key()
    print(key.decode(), Fernet(key).encrypt(('ü' * n).encode()).decode(), n)
} ]);
	my @tokens = map { [ split / / ] } split /\n/, $out;
	is(scalar @tokens, 42, 'tokens were made');
	my $sql = "CREATE TABLE token (key text, token text, n int);\n" . join('', map { sprintf("INSERT INTO token VALUES ('%s', '%s', %d);\n", @$_) } @tokens);
	append_to_file("$dir/tokens.sql", $sql);
	run_command([ 'psql', '-X', '-q', '-d', $node->connstr('app'), '-f', "$dir/tokens.sql" ]);
	is(value(q{SELECT count(*) FROM token WHERE try(token, key, 'c', 'a') = 'opened: ' || repeat('ü', n)}), 42, 'all of them are opened');
	is(value(q{SELECT count(*) FROM token a JOIN token b ON a.n = b.n + 1 WHERE try(a.token, b.key) <> '} . $refused . q{'}), 0, 'and none with the key of another');
	is(value(q{SELECT tenant.create('acme') \g /dev/null
		SELECT tenant.switch('acme') \g /dev/null
		SELECT count(*) FROM token, tenant.import_fernet(token, key) s, tenant.registry WHERE split_part(s::text, ':', 4) = id::text}), 42, 'they become secrets of the tenant');
}

# not for everybody
$node->safe_psql('app', 'CREATE ROLE tm_nobody');
is($node->psql('app', sprintf 'SET ROLE tm_nobody; SELECT tenant.import_fernet(%s, %s)', literal(TOKEN), literal(KEY)), 3, 'it takes a privilege');

$node->stop;
done_testing();
