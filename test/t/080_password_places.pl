# 080_password_places.pl: what the extension seals for itself cannot be named by
# SQL.  Passwords of connections are neither opened nor made by the functions
# for secrets, whatever context and associated data they are given; those that
# version 0.1.0 has sealed, with keys that SQL could name, still serve.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

use constant OLD_ID => '848de649-fa00-490d-9c02-e2c1517e858f';

my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/ring", '1:' . 'ab' x 32 . "\n");
chmod 0600, "$dir/ring";
my $node = new_node('places', qq{
tenant_mgr.key_file = '$dir/ring'
fsync = off
});
new_database($node, 'app');
sub value { return $node->safe_psql('app', $_[0]); }

sub failure
{
	my ($sql) = @_;
	my ($rc, $out, $err) = $node->psql('app', "\\set VERBOSITY verbose\n$sql");
	return $err =~ /ERROR:  (.*)/ ? $1 : "no error: $out $err";
}

# What version 0.1.0 has left: a key, a password and a secret.
value(q{INSERT INTO tenant.data_key VALUES ('00000000-0000-0000-0000-000000000000', 1,
	'\xdf0359aaea7225bb6eda0e91f8dc3c272cba6dae691103f642c1bc0f84298a9421485af5a96da33e49c56911f5a4f8ca467583a1bc3cfd472c7e8767efb3babe80dc5033a77d2f687fbe85bc7d8e1dfd22cf723edb3762a2df77d0fcb440b7d35f5a9b26a452f7d2',
	1, '\xf71673226bc43e6e3d32a2df01e1b522', '2026-01-01')});
value(q{INSERT INTO tenant.connection (connection_id, connection_name, host, database_name, username, password)
	VALUES ('} . OLD_ID . q{', 'old', 'db.example', 'app', 'app',
	'tm1:xchacha20-poly1305:1:database:tGWMQQk6x9CD5ovwYZqCk2G/VEWB38DuZETWAdWhJ4i9wS1v/iK/6D/gYZiWt/gprsWwV5KwlhILSAbuv1JHtirT37hWndpcUfpBw62RFYVigRF0mhUshQ==')});
is(value(q{SELECT tenant.password('old')}), 'kept since 0.1.0', 'a password of version 0.1.0 still opens');
is(value(q{SELECT tenant.decrypt('tm1:xchacha20-poly1305:1:database:24+dBZbmJSHIFyXd95jhX+2mBqVApTm96AlCjWzefVGuifgejPLMXv+1LUxNKOfHzELxSR75OSxO+YvwMQN56DE0gGzEjWQE/Fkjsw==', 'connection.password', 'k')}),
	'mine', 'so does a secret that somebody keeps in a context of the same name');
value(q{SELECT tenant.add_connection('new', host => 'db.example', database_name => 'app', username => 'app', password => 'of today')});
is(value(q{SELECT tenant.password('new')}), 'of today', 'a new one opens');

# by decrypt(), however it is called
foreach my $name ('old', 'new')
{
	like(failure("SELECT tenant.decrypt(password, 'connection.password', $_) FROM tenant.connection WHERE connection_name = '$name'"),
		qr/^TM007: secret cannot be opened/, "$name: not decrypted with $_")
	  foreach 'connection_id::text', 'upper(connection_id::text)', q{'{' || connection_id || '}'}, 'connection_name', q{''};
	like(failure("SELECT tenant.decrypt(password, $_, connection_id::text) FROM tenant.connection WHERE connection_name = '$name'"),
		qr/^TM007: secret cannot be opened/, "$name: not in context $_")
	  foreach q{'tenant_mgr own secret'}, q{''}, q{'connection.password' || chr(1)}, q{'own:connection.password'};
}

# by encrypt() and import_fernet()
foreach my $name ('old', 'new')
{
	foreach my $aad ('connection_id::text', q{''}, 'connection_name')
	{
		like(failure("BEGIN; UPDATE tenant.connection SET password = tenant.encrypt('planted', 'connection.password', $aad) WHERE connection_name = '$name';
			SELECT tenant.password('$name')"), qr/^TM007: secret cannot be opened/, "$name: none is planted with $aad");
	}
}
SKIP:
{
	skip 'pgcrypto is not installed', 1
	  unless value(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pgcrypto'});
	value('CREATE EXTENSION pgcrypto');
	like(failure(q{BEGIN; UPDATE tenant.connection SET password = tenant.import_fernet('gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==',
			'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=', 'connection.password', connection_id::text);
		SELECT tenant.password('new')}), qr/^TM007: secret cannot be opened/, 'nor imported');
}
is(value(qq{SELECT tenant.decrypt(tenant.encrypt('round', 'connection.password', '@{[OLD_ID]}'), 'connection.password', '@{[OLD_ID]}')}),
	'round', 'what SQL seals under that name it can open');

# in the life of a connection
value(q{SELECT tenant.set_password('old', 'changed')});
is(value(q{SELECT tenant.password('old')}), 'changed', 'a password that is set anew opens');
value('CALL tenant.rotate_keys()');
is(value(q{SELECT string_agg(tenant.password(n), ',' ORDER BY n) FROM unnest(ARRAY['old', 'new']) n}), 'of today,changed', 'after a rotation, too');

$node->stop;
done_testing();
