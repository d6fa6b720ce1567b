# 054_tokens.pl: what makes a token good or bad.  Tokens come from PyJWT, or
# byte by byte for what it would not make; every bad one gets the same error,
# and its reason stands in the log and nowhere else.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use JSON::PP;
use MIME::Base64;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;
use TokenTest;

plan skip_all => 'needs python3-jwt and python3-cryptography' unless can_mint();

my $node = new_node('tokens', "shared_preload_libraries = 'tenant_mgr'\n");
new_database($node, 'app');
$node->safe_psql('app', q{
	SELECT tenant.create(n) FROM unnest('{acme,beta,shut,größe}'::text[]) AS n;
	SELECT tenant.suspend('shut');
	CREATE ROLE regress_tm_app LOGIN;
	CREATE ROLE regress_tm_other;
	GRANT regress_tm_other TO regress_tm_app;
	GRANT USAGE ON SCHEMA acme, shut, größe TO regress_tm_app, regress_tm_other;
});

sub set
{
	my ($name, $value) = @_;
	$node->safe_psql('app', "ALTER SYSTEM SET tenant_mgr.$name = " . literal($value));
	$node->reload;
	$node->poll_query_until('app', "SELECT current_setting('tenant_mgr.$name') = " . literal($value))
	  or die "tenant_mgr.$name is not $value";
	return;
}

sub switch_token
{
	my ($token, $before) = @_;
	return attempt($node, 'app', 'regress_tm_app', ($before // '') . "SELECT tenant.switch_token('$token')");
}

sub good
{
	my ($name, $token, %options) = @_;
	is(switch_token($token, $options{before}), $options{tenant} // 'acme', $name);
	return;
}

sub bad
{
	my ($name, $reason, $token, $before) = @_;
	my $position = log_position($node);
	is(switch_token($token, $before), REFUSED, $name);
	like(log_since($node, $position), qr/LOG:  token refused: $reason/, "$name: the log tells why");
	return;
}

# without a key
my $plain = mint({ key => 'a', claims => { tenant => 'acme', exp => '600' } });
like(switch_token($plain), qr/^55000: no key to verify tokens/, 'there has to be a key');
bad('a token that is none needs no key to be refused', 'it has not three parts', 'hello');

# forms of keys, each of them checked by a token
foreach my $form ('base64url', 'base64', 'pem', 'hex')
{
	set('token_public_key', public_key('a', $form));
	good("a key in the form $form", $plain);
}
foreach my $case (
	[ 'AAAA', 'Key 1 is not 32 bytes' ],
	[ public_key('a') . 'A', 'Key 1 is not 32 bytes' ],
	[ '*' . substr(public_key('a'), 1), 'Key 1 is not 32 bytes' ],
	[ 'A' x 43, 'Key 1 is not a public key' ],
	[ 'AQ' . 'A' x 41, 'Key 1 is not a public key' ],
	[ 'k1=' . public_key('a') . ' k2=' . 'A' x 43, 'Key 2 is not a public key' ],
	[ public_key('a') . ',' . public_key('b'), 'Key 1 has no id' ],
	[ 'k=' . public_key('a') . ',k=' . public_key('b'), 'Keys 1 and 2 have the same id' ],
	[ '=' . public_key('a'), 'does not have 1 to 128' ],
	[ 'x' x 129 . '=' . public_key('a'), 'does not have 1 to 128' ],
	[ '"k"=' . public_key('a'), 'a character that is not allowed' ])
{
	my ($value, $detail) = @$case;
	my ($rc, $out, $err) = $node->psql('app', 'LOAD $$tenant_mgr$$; SET tenant_mgr.token_public_key = ' . literal($value));
	like($err, qr/ERROR:  invalid value.*\n.*DETAIL:  .*$detail/s, "refused as a key: $detail");
}
is(attempt($node, 'app', 'regress_tm_app', 'SET tenant_mgr.token_public_key = ' . literal(public_key('b'))),
	'42501: permission denied to set parameter "tenant_mgr.token_public_key"', 'not everybody sets keys');

# a value with a mistake in it leaves the old one in force
$node->append_conf('postgresql.conf', "tenant_mgr.token_public_key = 'k1=nonsense'\n");
$node->safe_psql('app', 'ALTER SYSTEM RESET tenant_mgr.token_public_key');
my $position = log_position($node);
$node->reload;
$node->wait_for_log(qr/invalid value for parameter "tenant_mgr.token_public_key"/, $position);
good('a mistake in the file changes nothing', $plain);

# several keys: added, used side by side, removed, all by reloading
my ($of_a, $of_b, $without_id, $of_stranger, $swapped) = mint(
	(map { { key => $_, header => { kid => "key/$_" }, claims => { tenant => 'acme', exp => '600' } } } 'a', 'b'),
	{ key => 'a', claims => { tenant => 'acme', exp => '600' } },
	{ key => 'c', header => { kid => 'key/a' }, claims => { tenant => 'acme', exp => '600' } },
	{ key => 'a', header => { kid => 'key/b' }, claims => { tenant => 'acme', exp => '600' } });
good('a key without an id serves all ids', $of_a);
my $both = 'key/a=' . public_key('a') . ', key/b=' . public_key('b');
set('token_public_key', 'key/a=' . public_key('a'));
good('one key', $of_a);
bad('one key, and another id', 'there is no such key', $of_b);
good('one key, and no id', $without_id);
set('token_public_key', $both);
good('two keys, the first', $of_a);
good('two keys, the second', $of_b);
bad('two keys, and no id', 'there is no such key', $without_id);
bad('signed by somebody else', 'its signature does not match', $of_stranger);
bad('signed by the key of another id', 'its signature does not match', $swapped);
set('token_public_key', 'key/b=' . public_key('b'));
bad('a key that was removed', 'there is no such key', $of_a);
good('the one that has stayed', $of_b);
set('token_public_key', $both);

# all that can be wrong with the claims, and what is not
my %base = (key => 'a', header => { kid => 'key/a' });
sub claims { return { %base, claims => { tenant => 'acme', exp => '600', @_ } }; }
my @good = (
	'times that fit' => claims(nbf => '-5', iat => '-5'),
	'a time with a fraction' => { %base, claims => sprintf('{"tenant":"acme","exp":%.3f}', time() + 600.5) },
	'a time with an exponent' => { %base, claims => sprintf('{"tenant":"acme","exp":%.9e}', time() + 600) },
	'claims of others' => claims(sub => 'x', iss => 'y', nested => { exp => 1, tenant => 'beta', list => [ { aud => 'z' } ] }),
	'an id that nobody asks for' => claims(jti => 'x'),
	'an escaped name' => { %base, claims => sprintf('{"ten\\u0061nt":"\\u0061cme","exp":%d}', time() + 600) },
	'white space' => { %base, claims => sprintf(" {\n\t\"tenant\" : \"acme\" , \"exp\" : %d } ", time() + 600) },
	'the role that logged in' => claims(role => 'regress_tm_app'));
my @bad = (
	'expired' => claims(exp => '-1') => 'it has expired',
	'long expired' => claims(exp => 0) => 'it has expired',
	'not yet valid' => claims(nbf => '30') => 'it is not valid yet',
	'issued in the future' => claims(iat => '30') => 'it was issued in the future',
	'no expiry' => { %base, claims => '{"tenant":"acme"}' } => 'it never expires',
	'no tenant' => { %base, claims => { exp => '600' } } => 'it names no tenant',
	'an empty tenant' => claims(tenant => '') => 'a member has a value',
	'another role' => claims(role => 'postgres') => 'it is for another role',
	'a role of which it is a member only' => claims(role => 'regress_tm_other') => 'it is for another role',
	'another audience' => claims(aud => 'x') => 'it is for an audience, and tenant_mgr.token_audience is not set',
	'an empty audience' => claims(aud => []) => 'it is for an audience',
	'two days from now' => claims(exp => '172800') => 'it is valid for longer',
	'a day and more since it was issued' => claims(exp => '600', iat => '-86000') => 'it is valid for longer',
	'a day and more since it began' => claims(exp => '600', nbf => '-86000') => 'it is valid for longer',
	'a single use without an id' => claims(single_use => JSON::PP::true, iat => '0') => 'it is for a single use and has no id',
	'a single use without a time' => claims(single_use => JSON::PP::true, jti => 'x') => 'it is for a single use and does not tell');
my @texts = (
	'the time as a string' => '{"tenant":"acme","exp":"99999999999"}' => 'a member has a value',
	'the time as null' => '{"tenant":"acme","exp":null}' => 'a member has a value',
	'the time as a list' => '{"tenant":"acme","exp":[99999999999]}' => 'a member has a value',
	'a negative time' => '{"tenant":"acme","exp":-1}' => 'a member has a value',
	'a time without end' => '{"tenant":"acme","exp":1e400}' => 'a member has a value',
	'a time after the year 9999' => '{"tenant":"acme","exp":253402300800}' => 'a member has a value',
	'the tenant as a number' => '{"tenant":1,"exp":9999999999}' => 'a member has a value',
	'the tenant as an object' => '{"tenant":{"tenant":"acme"},"exp":9999999999}' => 'a member has a value',
	'a single use that is no truth value' => '{"tenant":"acme","exp":9999999999,"single_use":"no"}' => 'a member has a value',
	'an audience that is a number' => '{"tenant":"acme","exp":9999999999,"aud":7}' => 'a member has a value',
	'an audience of lists' => '{"tenant":"acme","exp":9999999999,"aud":[["a"]]}' => 'a member has a value',
	'two tenants' => '{"tenant":"beta","exp":9999999999,"tenant":"acme"}' => 'a name occurs twice',
	'two tenants, one escaped' => '{"tenant":"beta","exp":9999999999,"ten\\u0061nt":"acme"}' => 'a name occurs twice',
	'a null character' => '{"tenant":"acme\\u0000","exp":9999999999}' => 'a part is not JSON',
	'half a surrogate pair' => '{"tenant":"acme\\ud800","exp":9999999999}' => 'a part is not JSON',
	'a control character' => "{\"tenant\":\"acme\n\",\"exp\":9999999999}" => 'a part is not JSON',
	'an array' => '["tenant","acme"]' => 'a part is not a JSON object',
	'a string' => '"tenant"' => 'a part is not a JSON object',
	'nothing' => '' => 'a part is not JSON',
	'something after it' => '{"tenant":"acme","exp":9999999999}{}' => 'a part is not JSON',
	'a comma too many' => '{"tenant":"acme","exp":9999999999,}' => 'a part is not JSON',
	'deep nesting' => '{"tenant":"acme","exp":9999999999,"x":' . '[' x 2000 . ']' x 2000 . '}' => 'it is nested too deeply',
	'many members' => '{' . join(',', map { "\"$_\":0" } 1 .. 65) . '}' => 'it has too many members',
	'bytes that are no text' => { hex => unpack('H*', "{\"tenant\":\"\xff\",\"exp\":9999999999}") } => 'a part is not UTF-8',
	'an overlong form' => { hex => unpack('H*', "{\"tenant\":\"\xc1\xa1cme\",\"exp\":9999999999}") } => 'a part is not UTF-8',
	'a null byte' => { hex => unpack('H*', "{\"tenant\":\"acme\",\"exp\":9999999999}\0") } => 'a part is not UTF-8');
my @headers = (
	'algorithm none' => '{"alg":"none","kid":"key/a"}' => 'its algorithm is not EdDSA',
	'algorithm HS256' => '{"alg":"HS256","kid":"key/a"}' => 'its algorithm is not EdDSA',
	'the algorithm in other letters' => '{"alg":"eddsa","kid":"key/a"}' => 'its algorithm is not EdDSA',
	'no algorithm' => '{"kid":"key/a"}' => 'its algorithm is not EdDSA',
	'two algorithms' => '{"alg":"none","kid":"key/a","alg":"EdDSA"}' => 'a name occurs twice',
	'another type' => '{"alg":"EdDSA","typ":"JWE","kid":"key/a"}' => 'its type is not JWT',
	'an extension that is critical' => '{"alg":"EdDSA","kid":"key/a","crit":["b64"],"b64":false}' => 'it demands an extension',
	'nothing critical, but said so' => '{"alg":"EdDSA","kid":"key/a","crit":[]}' => 'it demands an extension',
	'an id that is a number' => '{"alg":"EdDSA","kid":1}' => 'a member has a value',
	'a long id' => '{"alg":"EdDSA","kid":"' . 'k' x 200 . '"}' => 'the id of its key is too long',
	'an id of many lines' => '{"alg":"EdDSA","kid":"a\\nERROR:  fake\\u001b[31m\\u202e"}' => 'there is no such key',
	'a header without an object' => '"EdDSA"' => 'a part is not a JSON object',
	'deep nesting in the header' => '{"x":' . '{"x":' x 1000 . '1' . '}' x 1001 => 'it is nested too deeply');

my (@names, @orders, @reasons);
while (my ($name, $order) = splice(@good, 0, 2))
{
	push @names, $name;
	push @orders, $order;
	push @reasons, undef;
}
while (my ($name, $order, $reason) = splice(@bad, 0, 3))
{
	push @names, $name;
	push @orders, $order;
	push @reasons, $reason;
}
while (my ($name, $text, $reason) = splice(@texts, 0, 3))
{
	push @names, "claims: $name";
	push @orders, { %base, claims => $text };
	push @reasons, $reason;
}
while (my ($name, $text, $reason) = splice(@headers, 0, 3))
{
	push @names, "header: $name";
	push @orders, { key => 'a', header => $text, claims => '{"tenant":"acme","exp":9999999999}' };
	push @reasons, $reason;
}
my $first = log_position($node);
my @tokens = mint(@orders);
foreach my $i (0 .. $#tokens)
{
	if (defined $reasons[$i])
	{
		bad($names[$i], $reasons[$i], $tokens[$i]);
	}
	else
	{
		good($names[$i], $tokens[$i]);
	}
}

# the log: names, printable, and nothing that could be used
my $log = log_since($node, $first);
like($log, qr/DETAIL:  The token has key "key\/a", tenant "acme", role "postgres"\./, 'the log has the names');
like($log, qr/key "a\\x0aERROR: {2}fake\\x1b\[31m\\u202e"/, 'of which nothing can be mistaken for something else');
unlike($log, qr/^ERROR:  fake/m, 'no line was forged');
unlike($log, qr/\x1b|\xe2\x80\xae/, 'nor a terminal told anything');
is(scalar(grep { index($log, $_) >= 0 } grep { length > 40 } map { split /\./ } @tokens), 0, 'no part of a token is in the log');

# the other role that counts, and one that does not
good('the role that was changed to', mint(claims(role => 'regress_tm_other')), before => 'SET ROLE regress_tm_other;');
good('and still the one that logged in', mint(claims(role => 'regress_tm_app')), before => 'SET ROLE regress_tm_other;');
$node->safe_psql('app', q{CREATE FUNCTION public.definer(t text) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$SELECT tenant.switch_token(t)$$});
is(attempt($node, 'app', 'regress_tm_app', 'SELECT public.definer(' . literal(scalar mint(claims(role => 'postgres'))) . ')'),
	REFUSED, 'the owner of a function does not count');

# letters of any script, as they are or escaped, in databases of any encoding
my ($raw, $escaped) = mint({ %base, claims => { hex => unpack('H*', sprintf("{\"tenant\":\"gr\xc3\xb6\xc3\x9fe\",\"exp\":%d}", time() + 600)) } },
	{ %base, claims => sprintf('{"tenant":"gr\\u00f6\\u00dfe","exp":%d}', time() + 600) });
good('UTF-8', $raw, tenant => 'größe');
good('escapes', $escaped, tenant => 'größe');
my ($pair) = mint({ %base, claims => sprintf('{"tenant":"\\ud83d\\ude00","exp":%d}', time() + 600) });
like(switch_token($pair), qr/^3F000: tenant "\\u1f600" does not exist/, 'a surrogate pair is a character');
$node->safe_psql('postgres', q{CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0});
$node->safe_psql('latin', q{CREATE EXTENSION tenant_mgr; SELECT tenant.create('acme'); GRANT USAGE ON SCHEMA acme TO regress_tm_app});
is(attempt($node, 'latin', 'regress_tm_app', "SELECT tenant.switch_token('$of_a')"), 'acme', 'another encoding');
$position = log_position($node);
is(attempt($node, 'latin', 'regress_tm_app', "SELECT tenant.switch_token('$_')"), REFUSED, 'another encoding, and more than ASCII') foreach $raw, $escaped, $pair;
is(() = log_since($node, $position) =~ /it has characters that the encoding of the database does not allow/g, 3, 'the log tells why');

# audiences
set('token_audience', 'app.example');
my ($nobody, $us, $one_of_us, $others) = mint(claims(), claims(aud => 'app.example'), claims(aud => [ 'x', 'app.example' ]), claims(aud => [ 'x', 'APP.example' ]));
good('for us', $us);
good('for us, among others', $one_of_us);
bad('for others', 'it is not for tenant_mgr.token_audience', $others);
bad('for nobody in particular', 'it is not for tenant_mgr.token_audience', $nobody);
set('token_audience', '');

# clocks
set('token_leeway', '1min');
my ($just, $too_late, $soon, $too_soon) = mint(claims(exp => '-30'), claims(exp => '-61'), claims(nbf => '30', iat => '30'), claims(nbf => '120'));
good('expired within the leeway', $just, before => 'SET tenant_mgr.tenant = DEFAULT;');
bad('expired before it', 'it has expired', $too_late);
good('begins within the leeway', $soon);
bad('begins after it', 'it is not valid yet', $too_soon);
set('token_leeway', '0');
set('token_max_lifetime', '5min');
my ($short, $long) = mint(claims(exp => '200', iat => '-50'), claims(exp => '200', iat => '-101'));
good('short enough', $short);
bad('too long', 'it is valid for longer', $long);
set('token_max_lifetime', '0');
good('without a limit', mint(claims(exp => 253402300799)));
set('token_max_lifetime', '1d');

# what is wrong with the tenant is said as ever, for the token is good
like(switch_token(mint(claims(tenant => 'nobody'))), qr/^3F000: tenant "nobody" does not exist/, 'no such tenant');
like(switch_token(mint(claims(tenant => 'shut'))), qr/^TM001: /, 'a suspended tenant');
like(switch_token(mint(claims(tenant => 'beta'))), qr/^42501: permission denied for schema beta/, 'a token is no privilege');

# RFC 8037, appendix A: its signature is right, its payload is no JSON
set('token_public_key', '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo');
my $vector = 'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg';
bad('the vector of RFC 8037', 'a part is not JSON', $vector);
bad('the vector with another message', 'its signature does not match', $vector =~ s/RXhh/RXhi/r);
set('token_public_key', $both);

# the signature in another form of the same numbers: S plus the group's order
{
	my ($head, $body, $signature) = split /\./, $of_a;
	my $bytes = decode_base64url($signature);
	my @order = (0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, (0) x 15, 0x10);
	my $carry = 0;
	foreach my $i (0 .. 31)
	{
		my $sum = ord(substr($bytes, 32 + $i, 1)) + $order[$i] + $carry;
		substr($bytes, 32 + $i, 1) = chr($sum & 255);
		$carry = $sum >> 8;
	}
	bad('a signature that is not canonical', 'its signature does not match', "$head.$body." . encode_base64url($bytes));
	bad('a signature that is too short', 'its signature has the wrong length', "$head.$body." . substr($signature, 0, 84));
	bad('no signature', 'its signature has the wrong length', "$head.$body.");
	bad('two parts', 'it has not three parts', "$head.$body");
	bad('four parts', 'it has not three parts', "$of_a.$signature");
	bad('padding', 'a part is not base64url', "$of_a==");
	bad('white space', 'a part is not base64url', "$of_a ");
	bad('a line break', 'a part is not base64url', "$head.$body\n.$signature");
	bad('a bit too many', 'a part is not base64url', substr($of_a, 0, -1) . chr(1 + ord(substr($of_a, -1))));
	bad('the other alphabet', 'a part is not base64url', "$head.$body." . '+/' . substr($signature, 2));
	bad('a long token', 'it is too long', 'a' x 8193);
	bad('a huge one', 'it is too long', "'||repeat('a', 100000000)||'");
	bad('points', 'a part is not JSON', '..');
	bad('an empty text', 'it has not three parts', '');
}
is(attempt($node, 'app', 'regress_tm_app', 'SELECT tenant.switch_token(NULL)'), '22004: token must not be null', 'null');

# whatever becomes of a token underway, it is refused
$node->safe_psql('app', q{
	CREATE FUNCTION public.try(t text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		RETURN tenant.switch_token(t);
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLSTATE || ': ' || SQLERRM;
	END $$});
is($node->safe_psql('app', qq{
	SELECT public.try(t), count(*) FROM (
		SELECT left(good, i - 1) || c || substr(good, i + 1)
			FROM (SELECT '$of_a' AS good) g, generate_series(1, length(good)) i,
				unnest(ARRAY['', '.', 'A', 'B', '_', '=', E'\\x01', 'é', '..']) c
			WHERE c <> substr(good, i, 1)
		UNION ALL
		SELECT left('$of_a', i) FROM generate_series(0, length('$of_a') - 1) i
		UNION ALL
		SELECT overlay('$of_a' PLACING left(md5(i::text), i % 20) FROM 1 + abs(hashint4(i)) % length('$of_a') FOR i % 17)
			FROM generate_series(1, 3000) i WHERE i % 20 > 0
	) x (t) WHERE t <> '$of_a' GROUP BY 1}) =~ s/\d+$//r, REFUSED . '|', 'every mutation is refused');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP/, 'and the server has had no trouble');
good('the original still works', $of_a);

# a binding for the transaction that is one statement binds nothing: told, as by SET LOCAL
foreach my $case ([ "SELECT tenant.switch_token('$of_a', true)", 1, 'alone' ], [ "SELECT tenant.switch_token(local => true, token => '$of_a') FROM generate_series(1, 2)", 1, 'alone, by name' ],
	[ "BEGIN; SELECT tenant.switch_token('$of_a', true); COMMIT", 0, 'in a transaction block' ], [ "SELECT tenant.switch_token('$of_a', false)", 0, 'for the session' ],
	[ "DO \$\$ BEGIN PERFORM tenant.switch_token('$of_a', true); END \$\$", 0, 'for the rest of a function' ])
{
	my ($sql, $told, $name) = @$case;
	my ($rc, $stdout, $stderr) = $node->psql('app', "\\set VERBOSITY verbose\n$sql");
	my $is_told = $stderr =~ /WARNING:  25P01: tenant.switch_token\(\) with "local" can only be used in transaction blocks/ ? 1 : 0;
	is("$rc $is_told", "0 $told", "a token for one transaction: $name");
}

$node->stop;
done_testing();

sub decode_base64url { my $s = shift; $s =~ tr{-_}{+/}; return MIME::Base64::decode_base64($s . '=' x (-length($s) % 4)); }
sub encode_base64url { my $s = MIME::Base64::encode_base64(shift, ''); $s =~ tr{+/}{-_}; $s =~ s/=+$//; return $s; }
