# 040_secrets.pl: secrets with a key ring.  What is encrypted can be opened
# with the right keys, tenant, context and associated data and with no others;
# rings with mistakes are refused; root keys are rotated, also by halves; keys
# are shredded; a dump carries secrets over as they are; and no plain value or
# root key is found in the data directory or in the log.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

# Spelled in two halves wherever a statement could be logged.
use constant CANARY => 'kanarienvogel-4711-geheim';
use constant CANARY_SQL => q{'kanarienvogel-' || '4711-geheim'};

my $dir = PostgreSQL::Test::Utils::tempdir();
my $ring = "$dir/ring";
my @root = map { join('', map { sprintf '%02x', int(rand(256)) } 1 .. 32) } 0 .. 4;

sub write_ring { write_key_ring($ring, @_); }

write_ring("1:$root[1]\n");
my $node = new_node('secrets', qq{
log_statement = all
log_min_duration_statement = 0
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
debug_print_plan = on
fsync = off
tenant_mgr.key_file = '$ring'
});
new_database($node, 'app');

# The SQLSTATE and the message of what a statement fails with, and its detail.
sub failure
{
	my ($sql, $db) = @_;
	my ($rc, $out, $err) = $node->psql($db // 'app', "\\set VERBOSITY verbose\n$sql");
	my ($error) = $err =~ /ERROR:  (.*)/;
	my ($detail) = $err =~ /DETAIL:  (.*)/;
	return join(' | ', grep { defined } $error, $detail);
}

sub value { return $node->safe_psql('app', $_[0]); }

# every kind of text comes back
is(value(q{SELECT tenant.decrypt(tenant.encrypt('hunter2'))}), 'hunter2', 'a secret is opened');
is(value(q{SELECT tenant.decrypt(tenant.encrypt('')) = ''}), 't', 'an empty one, too');
is(value(q{SELECT tenant.decrypt(tenant.encrypt('Ünï ☃', 'Kontext é', 'aäd'), 'Kontext é', 'aäd')}), 'Ünï ☃', 'and one beyond ASCII');
is(value(q{SELECT tenant.decrypt(tenant.encrypt(repeat('0123456789', 300000))) = repeat('0123456789', 300000)}), 't', 'and a long one');
is(value(q{SELECT tenant.decrypt(tenant.encrypt(e::text)) = e::text AND tenant.encrypt(e::text)::text <> e::text FROM tenant.encrypt('x') e}), 't', 'one that looks like a secret is encrypted all the same');
is(value(q{SELECT count(DISTINCT tenant.encrypt('same')::text) FROM generate_series(1, 100)}), 100, 'the same text is never sealed in the same way');
like(value(q{SELECT tenant.encrypt('x')}), qr{^tm1:xchacha20-poly1305:1:database:[A-Za-z0-9+/=]+$}, 'the envelope says how');
is(value(q{SELECT tenant.decrypt(NULL) IS NULL AND tenant.encrypt(NULL) IS NULL}), 't', 'null stays null');

# stored, and read again in the binary format
$node->safe_psql('app', q{
	CREATE TABLE kept (name text PRIMARY KEY, s tenant.secret);
	INSERT INTO kept SELECT 'long', tenant.encrypt(repeat('long', 5000));
	INSERT INTO kept SELECT 'own', tenant.encrypt('of the database', 'c', 'a')});
$node->safe_psql('app', "COPY kept TO '$dir/kept.bin' (FORMAT binary); CREATE TABLE kept2 (LIKE kept); COPY kept2 FROM '$dir/kept.bin' (FORMAT binary)");
is(value(q{SELECT count(*) FROM kept JOIN kept2 USING (name) WHERE kept.s::text = kept2.s::text}), 2, 'binary output and input keep the envelope');
is(value(q{SELECT tenant.decrypt(s) = repeat('long', 5000) FROM kept2 WHERE name = 'long'}), 't', 'which can be opened');
{
	my $bytes = slurp_file("$dir/kept.bin");
	open my $file, '>', "$dir/bad.bin" or die $!;
	binmode $file;
	# the format number is the first byte after the length of the second column
	$bytes =~ s/(own....)\x01\x01/$1\x02\x01/s or die 'no envelope in the file';
	print $file $bytes;
	close $file;
	like(failure("COPY kept2 FROM '$dir/bad.bin' (FORMAT binary)"), qr/^22P03/, 'binary input is checked');
}

# an implementation that shares nothing with ours opens it
SKIP:
{
	skip 'no python3', 2 unless -x '/usr/bin/python3';
	foreach my $scope ('database', 'tenant')
	{
		my $bind = $scope eq 'tenant' ? q{SELECT tenant.create('py'); SELECT tenant.switch('py'); SELECT tenant.encrypt('x');} : '';
		my $row = value("$bind SELECT concat_ws(chr(10), 'envelope ' || e::text, 'wrapped ' || encode(wrapped, 'hex'), 'scope ' || scope, 'version ' || version, 'root_version ' || root_version)
			FROM tenant.encrypt('Größe 42 ' || repeat('x', 150), 'ctx', 'row 7') e, tenant.data_key
			WHERE scope::text = replace(split_part(e::text, ':', 4), 'database', '00000000-0000-0000-0000-000000000000')");
		$row =~ s/\A.*?(?=^envelope )//ms;
		my ($out, $err) = ('', '');
		my $in = "$row\nroot $root[1]\ncontext ctx\naad row 7\n";
		IPC::Run::run([ '/usr/bin/python3', "$FindBin::RealBin/lib/open_secret.py" ], '<', \$in, '>', \$out, '2>', \$err);
		is($out, 'Größe 42 ' . ('x' x 150) . "\n", "an independent implementation opens a secret of the $scope") or diag($err);
	}
}

# whatever byte of the box is changed, the error is the same
$node->safe_psql('app', q{
	CREATE FUNCTION try(secret text, context text DEFAULT '', aad text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
	DECLARE detail text;
	BEGIN
		RETURN 'opened: ' || tenant.decrypt(secret::tenant.secret, context, aad);
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
		RETURN concat_ws('|', SQLSTATE, SQLERRM, nullif(detail, ''));
	END $$;
	CREATE FUNCTION flip(secret text, place int, which int) RETURNS text LANGUAGE sql AS $$
		SELECT regexp_replace(secret, '[^:]*$', '') || replace(encode(set_byte(box, place, get_byte(box, place) # (1 << which)), 'base64'), chr(10), '')
		FROM decode(split_part(secret, ':', 5), 'base64') box $$;
});
my $sealed = 'TM007|secret cannot be opened|It was changed, or made for another tenant, context or associated data.';
foreach my $algorithm ('xchacha20-poly1305', 'aes-256-gcm')
{
  SKIP:
	{
		skip "$algorithm is not available here", 4
		  unless $algorithm ne 'aes-256-gcm' || value(q{SELECT tenant.crypto_status() ->> 'aes-256-gcm'}) eq 'true';
		my $set = "SET tenant_mgr.secret_algorithm = '$algorithm';";
		my $e = value("$set SELECT tenant.encrypt('hunter2', 'c', 'a')");
		like($e, qr/^tm1:\Q$algorithm\E:1:database:/, "$algorithm: the envelope names it");
		is(value("SELECT try('$e', 'c', 'a')"), 'opened: hunter2', "$algorithm: it is opened whatever the setting is now");
		is(value("SELECT DISTINCT try(flip('$e', place, place % 8), 'c', 'a') FROM generate_series(0, 78) place"), $sealed, "$algorithm: a changed byte, whichever, is one and the same error");
		my $other = $algorithm eq 'aes-256-gcm' ? 'xchacha20-poly1305' : 'aes-256-gcm';
		(my $relabelled = $e) =~ s/\Q$algorithm\E/$other/;
		like(value("SELECT try('$relabelled', 'c', 'a')"), qr/^(\Q$sealed\E|0A000.*)$/, "$algorithm: it is not opened as $other");
	}
}
my $e = value(q{SELECT tenant.encrypt('hunter2', 'a:b', 'c')});
is(value("SELECT string_agg(DISTINCT try('$e', c, a), '/') FROM (VALUES ('a', 'b:c'), ('a:b:c', ''), ('', 'a:b:c'), ('a:', 'bc'), ('c', 'a:b'), ('a:b', ''), ('', ''), ('a:b', 'C')) v(c, a)"), $sealed, 'context and associated data are not to be confused');
$e = value(q{SELECT tenant.encrypt('hunter2', 'password of the first')});
is(value("SELECT try('$e', 'password of the second')"), $sealed, 'contexts that begin alike are not the same');
(my $later = $e) =~ s/:1:database/:2:database/;
is(value("SELECT try('$later', 'password of the first')"), 'TM006|data key version 2 does not exist', 'a version that does not exist is named');
is(value(qq{SELECT try(left('$e', -4), 'password of the first') = '$sealed'}), 't', 'a shorter box is not opened');

# tenants
$node->safe_psql('app', q{SELECT tenant.create('acme'), tenant.create('globex')});
my $acme = $node->safe_psql('app', q{SELECT tenant.switch('acme') \gset
	SELECT tenant.encrypt('of acme')});
is(value("SELECT split_part('$acme', ':', 4) = id::text FROM tenant.registry WHERE name = 'acme'"), 't', 'the envelope of a tenant has its id');
$node->safe_psql('app', "INSERT INTO kept VALUES ('acme', '$acme')");
sub bound_try { my ($name, $secret) = @_; return value("SELECT tenant.switch('$name') \\gset\nSELECT try('$secret')"); }
is(bound_try('acme', $acme), 'opened: of acme', 'the tenant opens its secret');
is(bound_try('globex', $acme), $sealed, 'another one does not');
is(value("SELECT try('$acme')"), $sealed, 'nor does a session that is not bound');
$e = value(q{SELECT tenant.encrypt('of the database')});
is(bound_try('acme', $e), $sealed, 'the tenant does not open one of the database');
my $globex = $node->safe_psql('app', q{SELECT tenant.switch('globex') \gset
	SELECT tenant.encrypt('of globex')});
my $globex_id = (split /:/, $globex)[3];
(my $moved = $acme) =~ s/^((?:[^:]*:){3})[^:]*/$1$globex_id/;
is(bound_try('globex', $moved), $sealed, 'a secret under another tenant\'s id is not opened');
$node->safe_psql('app', "CREATE TABLE globex.s (s tenant.secret); INSERT INTO globex.s VALUES ('$globex')");
$node->safe_psql('app', q{SELECT tenant.clone('globex', 'copy'), tenant.snapshot('globex', 'now')});
$node->safe_psql('app', q{SELECT tenant.rollback_to('globex', 'now')});
is(value(q{SELECT tenant.switch('copy') \gset
	SELECT try(s::text) FROM s}), $sealed, 'a clone has the secret, and cannot open it');
is(value(q{SELECT tenant.switch('globex') \gset
	SELECT try(s::text) FROM s}), 'opened: of globex', 'a tenant that was rolled back can');
is(value(q{BEGIN; SELECT tenant.rename('acme', 'acme2') \g /dev/null
	COMMIT; SELECT tenant.switch('acme2') \gset
	SELECT try(s::text) FROM kept WHERE name = 'acme'}), 'opened: of acme', 'a rename makes no difference');
$node->safe_psql('app', q{SELECT tenant.rename('acme2', 'acme')});
is(value(q{BEGIN READ ONLY; SELECT tenant.decrypt(s, 'c', 'a') FROM kept WHERE name = 'own'; COMMIT}), 'of the database', 'a read-only transaction opens secrets');
is(value(q{BEGIN READ ONLY; SELECT tenant.decrypt(tenant.encrypt('x')); COMMIT}), 'x', 'and makes them if there is a key');
like(failure(q{SELECT tenant.create('fresh') \gset
	SELECT tenant.switch('fresh') \gset
	BEGIN READ ONLY; SELECT tenant.encrypt('x')}), qr/^25006/, 'but it makes no key');

# one key, whoever comes first
my $first = $node->background_psql('app');
$first->query_safe(q{SELECT tenant.switch('fresh'); BEGIN; SELECT tenant.encrypt('x')});
like(failure(q{SET lock_timeout = '200ms'; SELECT tenant.switch('fresh'); SELECT tenant.encrypt('x')}), qr/^55P03/, 'the second to need a key waits for the first');
like(failure(q{SET lock_timeout = '200ms'; SELECT tenant.shred('fresh')}), qr/^55P03/, 'and so does who shreds it');
$first->query_safe('COMMIT');
is(value(q{SELECT tenant.switch('fresh') \gset
	SELECT tenant.decrypt(tenant.encrypt('x')), (SELECT count(*) FROM tenant.data_key JOIN tenant.registry ON scope = id WHERE name = 'fresh')}), 'x|1', 'and finds its key');
$first->quit;

# privileges
$node->safe_psql('app', q{CREATE ROLE tm_nobody LOGIN});
foreach my $sql (q{SELECT tenant.encrypt('x')}, q{SELECT tenant.decrypt(NULL)}, q{SELECT tenant.generate_key()}, q{SELECT tenant.crypto_status()},
	q{SELECT tenant.shred('acme')}, q{CALL tenant.rotate_keys()}, q{SELECT wrapped FROM tenant.data_key}, q{SELECT pg_read_file('ring')})
{
	like(failure("SET ROLE tm_nobody; $sql"), qr/^42501/, "denied: $sql");
}
is(value(q{LOAD 'tenant_mgr'; SET ROLE tm_nobody; SELECT count(*) FROM pg_settings WHERE name LIKE 'tenant_mgr.key%'}), 0, 'the settings of the ring are not shown');

# rings that are none
my $unusable = 'TM006: key ring cannot be used | ';
my @rings = (
	[ '', 'The key ring is empty.' ],
	[ "# nothing\n\n", 'The key ring is empty.' ],
	[ $root[1], 'Line 1 of the key ring: there is no colon after the version.' ],
	[ "\n1:" . substr($root[1], 1) . "\n", 'Line 2 of the key ring: the key has 63 characters instead of 64.' ],
	[ "1:$root[1]0\n", 'Line 1 of the key ring: the key has 65 characters instead of 64.' ],
	[ "1:$root[1] \n", 'Line 1 of the key ring: the key has 65 characters instead of 64.' ],
	[ '1:' . ('g' x 64) . "\n", 'Line 1 of the key ring: the key is not hexadecimal.' ],
	[ "1:\n", 'Line 1 of the key ring: the key has 0 characters instead of 64.' ],
	[ "1:$root[1]\n2:$root[2]\n1:$root[3]\n", 'Line 3 of the key ring: version 1 occurs twice.' ],
	[ "*1:$root[1]\n*2:$root[2]\n", 'Line 2 of the key ring: a second key is marked as the current one.' ],
	[ "1:$root[1]\r\r\n", 'Line 1 of the key ring: the key has 65 characters instead of 64.' ],
	[ ('#' x 70000), 'The key ring is longer than 65536 bytes.' ],
	[ join('', map {; "$_:$root[1]\n" } 1 .. 101), 'Line 101 of the key ring: there are more than 100 keys.' ],
	map { [ "$_:$root[1]\n", 'Line 1 of the key ring: the version is not a number from 1 to 2147483647.' ] } ('0', '-1', '+1', '01', ' 1', '', 'one', '2147483648', '4294967297', '99999999999'));
foreach my $case (@rings)
{
	my ($content, $detail) = @$case;
	write_ring($content);
	is(failure(q{SELECT tenant.encrypt('x')}), $unusable . $detail, "refused: $detail");
}
my $session = $node->background_psql('app', on_error_stop => 0);
write_ring("1:$root[1]\n");
is($session->query_safe(q{SELECT try(tenant.encrypt('x')::text)}), 'opened: x', 'a session has read the ring');
write_ring("1:$root[1]\n", 0640);
is($session->query_safe(q{SELECT try(s::text, 'c', 'a') FROM kept WHERE name = 'own'}), 'opened: of the database', 'and goes on with it when what is there is not fit any more');
ok($node->log_contains('LOG:  key ring cannot be used, going on with the former one'), 'which the log says');
is($session->query_safe(q{SELECT (tenant.crypto_status() ->> 'problem') || (tenant.crypto_status() ->> 'root_versions')}), 'The key file can be accessed by others than its owner.[1]', 'and the status');
foreach my $mode (0640, 0604, 0660, 0644)
{
	write_ring("1:$root[1]\n", $mode);
	is(failure(q{SELECT tenant.encrypt('x')}), $unusable . 'The key file can be accessed by others than its owner.', sprintf('refused: mode %o', $mode));
}
rename $ring, "$ring.real";
chmod 0600, "$ring.real";
like(failure(q{SELECT tenant.encrypt('x')}), qr/^\Q$unusable\EThe key file cannot be opened: No such file/, 'refused: missing');
is(value(q{SELECT tenant.crypto_status() ->> 'problem' ~ 'No such file'}), 't', 'the status says why');
symlink "$ring.real", $ring or die $!;
is(failure(q{SELECT tenant.encrypt('x')}), $unusable . 'The key file is a symbolic link.', 'refused: symbolic link');
unlink $ring;
mkdir $ring, 0700;
is(failure(q{SELECT tenant.encrypt('x')}), $unusable . 'The key file is a directory.', 'refused: directory');
rmdir $ring;
system('mkfifo', '-m', '600', $ring);
is(failure(q{SELECT tenant.encrypt('x')}), $unusable . 'The key file is not a regular file.', 'refused: FIFO, without waiting');
unlink $ring;
write_ring("# comment\r\n\r\n1:" . uc($root[1]) . "\r\n");
is($session->query_safe(q{SELECT try(s::text, 'c', 'a') FROM kept WHERE name = 'own'}), 'opened: of the database', 'carriage returns, comments and capitals will do');

# another root key
write_ring("*1:$root[1]\n2:$root[2]\n");
is(value(q{SELECT tenant.crypto_status() -> 'current_root_version'}), 1, 'an asterisk marks the current key');
write_ring("2:$root[2]\n1:$root[1]\n");
is(value(q{SELECT tenant.crypto_status() -> 'current_root_version'}), 2, 'without one it is the highest version');
like(value(q{SELECT tenant.generate_key()}), qr/^3:[0-9a-f]{64}$/, 'the next key gets the next version');
$node->safe_psql('app', q{
	DO $$
	BEGIN
		FOR i IN 1 .. 150 LOOP
			PERFORM tenant.create('many' || i);
			PERFORM tenant.switch_local('many' || i);
			INSERT INTO public.kept SELECT 'many' || i, tenant.encrypt('value ' || i);
		END LOOP;
	END $$});
is(value(q{SELECT tenant.crypto_status() -> 'root_versions_in_use'}), '[1, 2]', 'new data keys are wrapped with it, old ones still with the old one');
write_ring("2:$root[2]\n1:$root[1]\n3:$root[3]\n");
# somebody holds up the rotation after its first batch has been committed
my $holder = $node->background_psql('app');
my $last = value(q{SELECT name FROM tenant.data_key JOIN tenant.registry ON scope = id ORDER BY scope DESC, version DESC LIMIT 1});
$holder->query_safe("BEGIN; SELECT tenant.shred('$last')");
like(failure(q{SET lock_timeout = '500ms'; CALL tenant.rotate_keys()}), qr/^55P03/, 'a rotation is interrupted');
is(value(q{SELECT count(*) >= 100 FROM tenant.data_key WHERE root_version = 3}), 't', 'what it had done by then stays done');
my $opens = q{DO $$
	DECLARE r record;
	BEGIN
		FOR r IN SELECT name, s FROM public.kept WHERE name LIKE 'many%' LOOP
			PERFORM tenant.switch_local(r.name);
			IF tenant.decrypt(r.s) <> 'value ' || substr(r.name, 5) THEN RAISE 'wrong'; END IF;
		END LOOP;
		PERFORM tenant.switch_local('acme');
		IF tenant.decrypt(s) <> 'of acme' FROM public.kept WHERE name = 'acme' THEN RAISE 'wrong'; END IF;
	END $$};
is(failure($opens), '', 'every secret opens half-way');
$holder->query_safe('ROLLBACK');
$holder->quit;
is(failure(q{CALL tenant.rotate_keys()}), '', 'the rotation is taken up again');
is(value(q{SELECT tenant.crypto_status() -> 'root_versions_in_use'}), '[3]', 'and completed');
write_ring("3:$root[3]\n");
is(failure($opens), '', 'every secret opens without the old keys');
is(value(q{SELECT try(s::text, 'c', 'a') FROM kept WHERE name = 'own'}), 'opened: of the database', 'also the first ones');

# a root key that is missing, or another under the same version
write_ring("4:$root[4]\n");
my $own = q{SELECT try(s::text, 'c', 'a') FROM kept WHERE name = 'own'};
is(value($own), 'TM006|root key version 3 is not in the key ring', 'a missing root key is named');
write_ring("3:$root[4]\n");
is(value($own), 'TM006|root key version 3 in the key ring is not the one that data keys were wrapped with', 'another key under its version is recognized');
like(failure(q{SELECT tenant.encrypt('x')}), qr/^TM006/, 'and nothing new is sealed');
write_ring("3:$root[3]\n");
$node->safe_psql('app', q{CREATE TABLE saved AS SELECT * FROM tenant.data_key; UPDATE tenant.data_key SET wrapped = set_byte(wrapped, 60, get_byte(wrapped, 60) # 1)});
is(value($own), 'TM007|data key version 1 cannot be opened|Its row in tenant.data_key has been changed.', 'a data key that was changed is not used');
write_ring("3:$root[3]\n4:$root[4]\n");
my ($rc, $out, $err) = $node->psql('app', 'CALL tenant.rotate_keys()');
like($err, qr/WARNING:  data key version 1 of scope 00000000-0000-0000-0000-000000000000 cannot be wrapped/, 'a rotation says which one it is');
write_ring("3:$root[3]\n");
$node->safe_psql('app', q{UPDATE tenant.data_key d SET wrapped = s.wrapped FROM saved s WHERE s.scope <> d.scope AND s.scope = (SELECT min(scope::text)::uuid FROM saved WHERE scope::text > '1')});
is(value($own), 'TM007|data key version 1 cannot be opened|Its row in tenant.data_key has been changed.', 'nor one of another scope');
$node->safe_psql('app', q{UPDATE tenant.data_key d SET wrapped = s.wrapped FROM saved s WHERE s.scope = d.scope AND s.version = d.version; DROP TABLE saved});
is(value($own), 'opened: of the database', 'all is well again');

# keys at hand: whatever changes them takes effect in every session at once
$session->query_safe(q{SELECT tenant.switch('globex')});
my $try = "SELECT try('$globex')";
is($session->query_safe($try), 'opened: of globex', 'a session has opened a secret');
$node->safe_psql('app', q{BEGIN; SELECT tenant.shred('globex'); ROLLBACK});
is($session->query_safe($try), 'opened: of globex', 'and can do so after a shredding that was rolled back');
is($session->query_safe(qq{BEGIN; SAVEPOINT s; SELECT tenant.shred('globex') \\g /dev/null
	SELECT try('$globex'); ROLLBACK TO s; $try; COMMIT}), "TM007|data key version 1 has been shredded\nopened: of globex", 'its own shredding counts, until it is rolled back');
$node->safe_psql('app', q{CREATE TABLE saved AS SELECT d.* FROM tenant.data_key d JOIN tenant.registry ON scope = id WHERE name = 'globex';
	UPDATE tenant.data_key SET wrapped = NULL WHERE scope IN (SELECT scope FROM saved)});
is($session->query_safe($try), 'TM007|data key version 1 has been shredded', 'a row that was edited counts');
$node->safe_psql('app', q{UPDATE tenant.data_key d SET wrapped = s.wrapped FROM saved s WHERE s.scope = d.scope; DROP TABLE saved});
is($session->query_safe($try), 'opened: of globex', 'and so does its return');
is($session->query_safe(q{BEGIN; SELECT tenant.create('brief'), tenant.switch_local('brief') \g /dev/null
	SELECT tenant.encrypt('x') \g /dev/null
	ROLLBACK; BEGIN; SELECT tenant.create('brief'), tenant.switch_local('brief') \g /dev/null
	SELECT try(tenant.encrypt('y')::text); COMMIT}), 'opened: y', 'a key that was made in a transaction that was rolled back is not used');
is($session->query_safe(q{SELECT count(DISTINCT tenant.decrypt(tenant.encrypt(i::text, repeat('c', i)), repeat('c', i))) FROM generate_series(1, 200) i}), 200, 'more contexts than are remembered, some of them long');
# in the middle of a statement: another session shreds, and waits for nobody
$session->query_safe(q{CREATE TABLE globex.gate (go bool); SELECT tenant.switch('globex');
	CREATE FUNCTION pg_temp.open_until_shredded(secret text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. 100000000 LOOP PERFORM tenant.decrypt(secret::tenant.secret); END LOOP;
		RETURN 'never shredded';
	EXCEPTION WHEN SQLSTATE 'TM007' THEN
		RETURN 'shredded';
	END $$});
$session->query_until(qr/started/, "\\echo started\nSELECT pg_temp.open_until_shredded('$globex') AS ended \\gset\n");
$node->poll_query_until('app', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE query ~ 'open_until' AND state = 'active' AND pid <> pg_backend_pid()});
$node->safe_psql('app', q{CREATE TABLE saved AS SELECT d.* FROM tenant.data_key d JOIN tenant.registry ON scope = id WHERE name = 'globex'; SELECT tenant.shred('globex')});
is($session->query_safe('\echo :ended'), 'shredded', 'a statement that is under way cannot go on with a key that is gone');
$node->safe_psql('app', q{UPDATE tenant.data_key d SET wrapped = s.wrapped, shredded_at = NULL FROM saved s WHERE s.scope = d.scope; DROP TABLE saved});
$session->query_safe(q{SELECT tenant.reset()});

# shredding
$node->safe_psql('app', q{BEGIN; SELECT tenant.shred('acme'); ROLLBACK});
is(bound_try('acme', $acme), 'opened: of acme', 'a shredding that is rolled back has not happened');
$node->safe_psql('app', q{SELECT tenant.shred('acme')});
is(bound_try('acme', $acme), 'TM007|data key version 1 has been shredded', 'a shredded secret is gone');
is(bound_try('globex', $globex), 'opened: of globex', 'that of another tenant is not');
like(value(q{SELECT tenant.switch('acme') \gset
	SELECT tenant.encrypt('new')}), qr/:2:/, 'new secrets get a new key');
is(bound_try('acme', $acme =~ s/:1:/:2:/r), $sealed, 'a secret of the former key is not opened as one of the new key');
is(value(q{SELECT tenant.crypto_status() -> 'shredded_keys'}), 1, 'the record of it is left');
$node->safe_psql('app', q{SELECT tenant.drop('acme', purge => true); DROP SCHEMA globex CASCADE; SELECT tenant.drop('many1'); CALL tenant.purge('many1')});
is(value(q{SELECT count(*) FROM tenant.data_key WHERE scope NOT IN (SELECT id FROM tenant.registry) AND scope::text !~ '^0+-'}), 0, 'keys go with their tenants');

# a dump carries secrets as they are
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/dump", '-d', $node->connstr('app') ], 'the database is dumped');
$node->safe_psql('postgres', 'CREATE DATABASE again');
$node->command_ok([ 'pg_restore', '-e', '-d', $node->connstr('again'), "$dir/dump" ], 'and restored');
my $all = q{SELECT md5(string_agg(name || s::text, ',' ORDER BY name)) FROM kept};
is($node->safe_psql('again', $all), value($all), 'every envelope is the same');
is($node->safe_psql('again', $own), 'opened: of the database', 'and opens');
is($node->safe_psql('again', q{SELECT tenant.switch('many7') \gset
	SELECT try(s::text) FROM kept WHERE name = 'many7'}), 'opened: value 7', 'also that of a tenant');

# a program instead of the file
$node->safe_psql('app', q{LOAD 'tenant_mgr'; ALTER SYSTEM SET tenant_mgr.key_command = 'cat /dev/null'; SELECT pg_reload_conf()});
$node->poll_query_until('app', q{SELECT tenant.crypto_status() ->> 'problem' ~ 'Both'});
is(failure(q{SELECT tenant.encrypt('x')}), $unusable . 'Both tenant_mgr.key_file and tenant_mgr.key_command are set.', 'file and program together are refused');
foreach my $case ([ 'echo 3:$root[3]; exit 1', 'The key command has failed.' ], [ 'true', 'The key ring is empty.' ], [ "cat $ring", undef ])
{
	my ($command, $detail) = @$case;
	$node->safe_psql('app', qq{LOAD 'tenant_mgr'; ALTER SYSTEM SET tenant_mgr.key_file = ''});
	$node->safe_psql('app', qq{LOAD 'tenant_mgr'; ALTER SYSTEM SET tenant_mgr.key_command = '$command'});
	$node->reload;
	$node->poll_query_until('app', qq{SELECT current_setting('tenant_mgr.key_command') = '$command'});
	is(failure(q{SELECT tenant.encrypt('x')}), defined $detail ? $unusable . $detail : '', "the program is run: $command");
}
is(value($own), 'opened: of the database', 'what it prints is the ring');
is($session->query_safe($own), 'opened: of the database', 'also for a session that had read the file');
$node->safe_psql('app', qq{LOAD 'tenant_mgr'; ALTER SYSTEM RESET tenant_mgr.key_command});
$node->reload;
$node->poll_query_until('app', q{SELECT current_setting('tenant_mgr.key_command') = ''});
like($session->query_safe($own), qr/^55000/, 'without any ring configured, the keys are gone from sessions that had them');
$node->safe_psql('app', qq{LOAD 'tenant_mgr'; ALTER SYSTEM SET tenant_mgr.key_file = '$ring'});
$node->reload;
$node->poll_query_until('app', qq{SELECT current_setting('tenant_mgr.key_file') = '$ring'});
$session->quit;

# nothing plain is left anywhere
$node->safe_psql('app', 'CREATE TABLE canary (s tenant.secret); INSERT INTO canary SELECT tenant.encrypt(' . CANARY_SQL . ", 'c') FROM generate_series(1, 100)");
is(value('SELECT count(*) FROM canary WHERE tenant.decrypt(s, $$c$$) = ' . CANARY_SQL), 100, 'the canary can be opened');
isnt(failure(q{SELECT 1 / (length(tenant.decrypt(s, 'c')) - 25) FROM canary}), '', 'an error after opening it');
isnt(failure(q{SELECT tenant.decrypt(s, 'd') FROM canary}), '', 'an error on opening it');
$node->safe_psql('app', q{CREATE INDEX ON canary ((s::text)); ANALYZE canary; CHECKPOINT});
$node->stop;
my @roots = map { ($_, pack('H*', $_)) } @root[1 .. 3];
sub search
{
	my ($path, @words) = @_;
	my $content = slurp_file($path);
	return grep { index($content, $_) >= 0 } @words;
}
my @files;
my @directories = ($node->data_dir);
while (my $directory = shift @directories)
{
	foreach my $entry (slurp_dir($directory))
	{
		my $path = "$directory/$entry";
		next if $entry =~ /^\.\.?$/;
		push @directories, $path if -d $path && !-l $path;
		push @files, $path if -f $path;
	}
}
cmp_ok(scalar @files, '>', 500, 'the data directory is searched');
is(join(' ', grep { search($_, CANARY, @roots) } @files), '', 'neither the canary nor a root key is in it');
is(join(' ', grep { search($_, CANARY, @root[1 .. 3]) } $node->logfile), '', 'nor in the log');
ok(search($node->logfile, 'kanarienvogel-'), 'which had everything in it');

done_testing();
