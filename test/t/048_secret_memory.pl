# 048_secret_memory.pl: what is left in the memory of a session.  Of a text that
# was opened, the value that was returned and no other copy; of a password that
# a connection was opened with, what libpq needs while it is open and nothing
# afterwards, whether it worked or not; of a text that was sealed, nothing; and
# of the root key, nothing outside of memory that is locked and not dumped.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

no warnings 'portable';

# The sessions that are looked at never read these, alone or together.
my @canary = ('kanarienvogel-4711', 'nachtigall-0815-geheim');
use constant PLAIN => q{(SELECT string_agg(t, '' ORDER BY n) FROM half)};

# The example of the Fernet format, with a key that is as secret as a text.
use constant FERNET_KEY => 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
use constant FERNET_TOKEN => 'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==';

my $dir = PostgreSQL::Test::Utils::tempdir();
my $root = join('', map { sprintf '%02x', int(rand(256)) } 1 .. 32);
append_to_file("$dir/ring", "1:$root\n");
chmod 0600, "$dir/ring";
my $node = new_node('memory', qq{
shared_preload_libraries = 'tenant_mgr'
tenant_mgr.key_file = '$dir/ring'
tenant_mgr.health_interval = 0
fsync = off
});
my $hba = slurp_file($node->data_dir . '/pg_hba.conf');
unlink $node->data_dir . '/pg_hba.conf';
$node->append_conf('pg_hba.conf', "local all far,long scram-sha-256\nlocal all old md5\n$hba");
$node->reload;
new_database($node, 'app');
sub value { return $node->safe_psql('app', $_[0]); }

# A session whose memory is looked at.
sub new_session
{
	my $session = $node->background_psql('app', on_error_stop => 0);
	chomp(my $pid = $session->query_safe('SELECT pg_backend_pid()'));
	return ($session, $pid);
}

# How often words are in the private memory of a process, outside of what is
# left out of core files; undef if it cannot be looked at.  Where they are is
# noted, for whoever reads of a failure.
my @places;

sub count_in_memory
{
	my ($pid, @words) = @_;
	open my $maps, '<', "/proc/$pid/smaps" or return undef;
	open my $memory, '<', "/proc/$pid/mem" or return undef;
	binmode $memory;
	my ($count, $read, $mapping, @range) = (0, 0, '');
	@places = ();
	while (my $line = <$maps>)
	{
		if ($line =~ /^([0-9a-f]+)-([0-9a-f]+) r..p .*?(\S*)$/)
		{
			@range = $3 =~ /^\[v/ ? () : (hex $1, hex $2);
			$mapping = $3;
		}
		elsif ($line =~ /^[0-9a-f]+-/)
		{
			@range = ();
		}
		elsif ($line =~ /^VmFlags:/ && @range && $line !~ / dd\b/)
		{
			my $content = '';
			sysseek($memory, $range[0], 0) or next;
			$read += sysread($memory, $content, $range[1] - $range[0]) // next;
			foreach my $word (@words)
			{
				while ($content =~ /\Q$word\E/g)
				{
					my $from = $-[0] < 100 ? 0 : $-[0] - 100;
					push @places, sprintf('%s%#x: %s', $mapping, $range[0] + $-[0], substr($content, $from, 200) =~ s/[^ -~]/./gr);
					$count++;
				}
			}
		}
	}
	return $read > 0 ? $count : undef;
}

plan skip_all => 'pgcrypto or dblink is not installed'
  unless $node->safe_psql('app', q{SELECT count(*) FROM pg_available_extensions WHERE name IN ('dblink', 'pgcrypto')}) == 2;
my ($session, $pid) = new_session();
if (!defined count_in_memory($pid, 'x'))
{
	$session->quit;
	plan skip_all => "the memory of other processes cannot be read here ($!)";
}
plan skip_all => 'freed memory is not used again under a sanitizer'
  if slurp_file("/proc/$pid/maps") =~ /lib[a-z]*san\b/;
my $statement = $session->query_safe(q{SELECT 'jabberwocky'});
cmp_ok(count_in_memory($pid, 'jabberwocky'), '>', 0, 'what is in memory is found');

$node->safe_psql('app', q{
	CREATE EXTENSION dblink; CREATE EXTENSION pgcrypto;
	CREATE TABLE half (n int, t text);
	INSERT INTO half VALUES } . join(', ', map { "($_, '$canary[$_]')" } 0, 1) . q{;
	CREATE TABLE secret (s tenant.secret);
	INSERT INTO secret SELECT tenant.encrypt(} . PLAIN . q{, 'c');
	CREATE TABLE packed (t text);
	INSERT INTO packed SELECT repeat(} . PLAIN . q{, 200);
	CREATE TABLE token (t text, k text);
	INSERT INTO token VALUES ('} . FERNET_TOKEN . q{', '} . FERNET_KEY . q{');
	CREATE TABLE long_token (t text, k text);
	INSERT INTO long_token
		SELECT translate(encode(body || hmac(body, substr(key, 1, 16), 'sha256'), 'base64'), E'+/\n', '-_'), text_key
		FROM (SELECT '} . FERNET_KEY . q{', decode(translate('} . FERNET_KEY . q{', '-_', '+/'), 'base64')) AS k (text_key, key),
			LATERAL (SELECT '\\x800000000000000000'::bytea || iv || encrypt_iv(convert_to(repeat(} . PLAIN . q{, 800), 'UTF8'), substr(key, 17), iv, 'aes-cbc/pad:pkcs')
				FROM (VALUES (substr(key, 3, 16))) AS i (iv)) AS b (body);
	SELECT tenant.create('broken');
	BEGIN;
	SELECT tenant.switch_local('broken');
	SELECT tenant.encrypt('x');
	COMMIT;
	UPDATE tenant.data_key SET wrapped = set_byte(wrapped, 30, 255 - get_byte(wrapped, 30))
		WHERE scope <> '00000000-0000-0000-0000-000000000000';
	CREATE ROLE far LOGIN; CREATE ROLE old LOGIN; CREATE ROLE long LOGIN;
	DO $$
	DECLARE plain text := } . PLAIN . q{;
	BEGIN
		EXECUTE format('ALTER ROLE far PASSWORD %L', plain);
		EXECUTE format('ALTER ROLE long PASSWORD %L', repeat('x', 15000) || plain);
		SET LOCAL password_encryption = 'md5';
		EXECUTE format('ALTER ROLE old PASSWORD %L', plain);
		FOR i IN 1 .. 6 LOOP
			PERFORM tenant.add_connection((ARRAY['far', 'old', 'wrong', 'dead', 'long', 'long_wrong'])[i],
				host => current_setting('unix_socket_directories'), port => CASE i WHEN 4 THEN 1 ELSE current_setting('port')::int END,
				database_name => 'app', username => (ARRAY['far', 'old', 'far', 'far', 'long', 'long'])[i],
				password => repeat('x', CASE WHEN i > 4 THEN 15000 ELSE 0 END) || plain || repeat('!', (i IN (3, 6))::int));
		END LOOP;
	END $$});
is(value(q{SELECT pg_column_compression(t) IS NOT NULL FROM packed}), 't', 'there is a text that is read as a copy');

# Everything in sessions of their own, which find nothing that others have left.
# What is left may have been written over by chance, so there is no least number.
sub at_most
{
	my ($memory_of, $expected, $what) = @_;
	cmp_ok(count_in_memory($memory_of, @canary), '<=', $expected * @canary, $what)
	  or diag(join "\n", @places);
	return;
}

sub left_after
{
	my ($expected, $what, @statements) = @_;
	my $statement = pop @statements;
	my ($other, $other_pid) = new_session();
	$other->query($_) foreach @statements;
	my $answer = $other->query($statement);
	at_most($other_pid, $expected, $what);
	$other->query('SELECT count(*) FROM pg_class');
	at_most($other_pid, $expected, '... and no more after the next statement');
	$other->quit;
	return $answer;
}

# Holes of many sizes in the memory of a session: what libpq frees is lost there.
my @holes = (q{DO $$ BEGIN
	FOR i IN 1 .. 800 LOOP
		EXECUTE format('PREPARE hole_%s AS SELECT %L', i, repeat('y', 9000 + i % 40 * 400));
	END LOOP;
	FOR i IN 1 .. 800 LOOP
		IF i % 3 > 0 THEN EXECUTE format('DEALLOCATE hole_%s', i); END IF;
	END LOOP; END $$});

# texts
is(left_after(1, 'of a text that was opened, the value itself is left and nothing else', q{SELECT length(tenant.decrypt(s, 'c')) FROM secret}),
	length join('', @canary), 'it was opened');
left_after(4, 'of one that went to the client, three more copies of the server at most', q{SELECT tenant.decrypt(s, 'c') FROM secret});
left_after(0, 'nothing of one that could not be opened', q{SELECT tenant.decrypt(s, 'd') FROM secret});
is(left_after(0, 'nothing of one that was read to be sealed', q{SELECT count(tenant.encrypt(t)) FROM packed}), 1, 'it was sealed');
my @broken = (q{SELECT tenant.switch('broken')});
is(left_after(0, 'nor if it could not be sealed', @broken, q{SELECT count(tenant.encrypt(t)) FROM public.packed}), '', 'it was not');
is(left_after(0, 'nothing of a long Fernet token', q{SELECT count(tenant.import_fernet(t, k)) FROM long_token}), 1, 'it was sealed');
is(left_after(0, 'nor if it could not be sealed', @broken, q{SELECT count(tenant.import_fernet(t, k)) FROM public.long_token}), '', 'it was not');

# passwords
foreach my $function ('password', 'conninfo')
{
	my $arguments = $function eq 'conninfo' ? q{'far', true} : q{'far'};
	is(left_after(1, "of a password that was revealed, the value itself is left and nothing else: $function", "SELECT tenant.$function($arguments) <> ''"), 't', 'it was revealed');
}
foreach my $name ('far', 'old', 'long')
{
	like(left_after(0, "nothing is left of one that was used: $name", @holes, "SELECT tenant.connect('$name')", "SELECT tenant.disconnect('$name')"), qr/^1$/, 'it was used');
	like(left_after(0, "nor of one that was checked: $name", @holes, "SELECT status FROM tenant.check_connection('$name')"), qr/^healthy$/, 'it was right');
}
foreach my $name ('wrong', 'dead', 'long_wrong')
{
	left_after(0, "nothing of one that did not help: connect $name", @holes, "SELECT tenant.connect('$name')");
	left_after(0, "nothing of one that did not help: check $name", "SELECT tenant.check_connection('$name')");
}

# a session that has a connection open
$session->query_safe(q{SELECT tenant.connect('far')});
sub libpq_has_it
{
	my ($when) = @_;
	my $count = count_in_memory($pid, @canary);
	cmp_ok($count, '>', 0, "libpq has the password while the connection is open$when");
	cmp_ok($count, '<=', 3 * @canary, '... in three places at most');
	return;
}
libpq_has_it('');
value(q{UPDATE tenant.connection SET options = '{"application_name": "again"}' WHERE connection_name = 'far'});
$session->query_safe(q{SELECT tenant.connect('far')});
libpq_has_it(' that was opened anew');
$session->query_safe(q{SELECT tenant.disconnect('far')});
at_most($pid, 0, 'closed, it leaves nothing');

# a Fernet token; pgcrypto keeps the second half of the last key in its memory
foreach my $sql (q{SELECT count(tenant.import_fernet(t, k)) FROM token}, q{SELECT tenant.import_fernet(overlay(t placing 'x' from 30), k) FROM token})
{
	$session->query($sql);
	is(count_in_memory($pid, pack('H*', '730ff4c7af3d46923e8ed451ee813c87')), 0, 'nothing is left of the first half of a Fernet key');
	cmp_ok(count_in_memory($pid, pack('H*', 'f790b0a226bc96a92de49b5e9c05e1ee')), '<=', 1, 'and one copy of the second one at most');
}

# the root key and what is derived from it
is(count_in_memory($pid, $root, pack('H*', $root)), 0, 'the root key is only where it is locked and not dumped');
value('CALL tenant.rotate_keys()');
my ($rotating, $rotating_pid) = new_session();
$rotating->query_safe('CALL tenant.rotate_keys(); SELECT tenant.crypto_status()');
is(count_in_memory($rotating_pid, $root, pack('H*', $root)), 0, 'also after a rotation');
$rotating->quit;
$session->quit;

$node->stop;
done_testing();
