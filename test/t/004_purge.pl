# 004_purge.pl: a tenant with more objects than the lock table holds can be
# dropped and purged, and a purge that a crash interrupts goes on afterwards.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;
use Time::HiRes qw(time usleep);

use constant TABLES => 2000;

my $node = new_node('purge', "max_locks_per_transaction = 64\nmax_connections = 12\n"
	  . "max_worker_processes = 2\nmax_wal_senders = 0\nfull_page_writes = off\n");
new_database($node, 'app');

sub tables_of
{
	my ($tenant) = @_;
	return $node->safe_psql('app', qq{SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		JOIN tenant.registry r ON r.schema_name = n.nspname WHERE r.name = '$tenant' AND relkind = 'r'});
}

# In batches, for CREATE TABLE takes locks as well.
sub make_many
{
	my ($schema) = @_;
	my $sql = "CREATE SCHEMA $schema;\nCREATE TYPE $schema.mood AS ENUM ('sad', 'happy');\n";
	for (my $n = 1; $n <= TABLES; $n++)
	{
		my $reference = $n % 10 == 0 ? ", r int REFERENCES $schema.t" . ($n - 1) : '';
		$sql .= "CREATE TABLE $schema.t$n (id serial PRIMARY KEY, m $schema.mood, t text$reference);\n";
	}
	$sql .= "CREATE VIEW $schema.v AS SELECT a.id FROM $schema.t1 a JOIN $schema.t2 b USING (id);\n";
	$node->safe_psql('app', $sql);
	is($node->safe_psql('app', "SELECT tenant.adopt('$schema')"), $schema, "$schema: a schema of " . TABLES . ' tables is adopted');
	return;
}

# the plain command cannot do it
make_many('many');
my ($rc, $stdout, $stderr) = $node->psql('app', "\\set VERBOSITY sqlstate\nSET client_min_messages = error;\nDROP SCHEMA many CASCADE");
like($stderr, qr/53200/, 'DROP SCHEMA runs out of locks');
is(tables_of('many'), TABLES, 'nothing is lost by trying');

# to the trash and back costs nothing
my $started = time;
$node->safe_psql('app', "SELECT tenant.drop('many')");
note(sprintf('drop to the trash took %.2f s', time - $started));
is($node->safe_psql('app', "SELECT state FROM tenant.tenants WHERE name = 'many'"), 'trashed', 'drop moves it to the trash');
is(tables_of('many'), TABLES, 'with all its tables');
$node->safe_psql('app', "SELECT tenant.restore('many'); SELECT tenant.drop('many')");

# a purge that is due to nobody does nothing
$node->safe_psql('app', 'CALL tenant.purge()');
is(tables_of('many'), TABLES, 'purge leaves alone what is not due');

# the server dies in the middle
my ($out, $err) = ('', '');
my $harness = IPC::Run::start([ 'psql', '-X', '-d', $node->connstr('app'), '-c', "CALL tenant.purge('many')" ],
	'>', \$out, '2>', \$err, IPC::Run::timeout(180));
my $left = TABLES;
for (my $wait = 0; $wait < 2000 && $left == TABLES; $wait++)
{
	usleep(5_000);
	$left = tables_of('many');
}
$node->kill9;
eval { $harness->finish };
$node->start;
$left = tables_of('many');
note("$left tables were left after the crash");
ok($left > 0 && $left < TABLES, 'batches that were committed stay, the others are whole');
is($node->safe_psql('app', "SELECT state FROM tenant.tenants WHERE name = 'many'"), 'trashed', 'the tenant is still in the trash');

# and goes on where it was
$node->safe_psql('app', "CALL tenant.purge('many')");
is($node->safe_psql('app', "SELECT count(*) FROM tenant.registry"), 0, 'the next purge finishes the work');
registry_is_true($node, 'app', 'registry after the purge');
is(orphan_files($node, 'app'), '', 'no file is left');

# drop for good in one transaction: it fits, or it says so and nothing is lost
make_many('lots');
($rc, $stdout, $stderr) = $node->psql('app', "\\set VERBOSITY sqlstate\nSELECT tenant.drop('lots', purge => true)");
if ($rc == 0 && $stderr eq '')
{
	is($node->safe_psql('app', "SELECT tenant.exists('lots')"), 'f', 'drop with purge drops it for good');
}
else
{
	like($stderr, qr/53200|54000|55000/, 'drop with purge says that it does not fit');
	is(tables_of('lots'), TABLES, 'nothing is lost by trying');
	is($node->safe_psql('app', "SELECT state FROM tenant.tenants WHERE name = 'lots'"), 'active', 'the tenant is still there');
	$node->safe_psql('app', "SELECT tenant.drop('lots'); CALL tenant.purge('lots')");
}

# what is due goes without being named
$node->safe_psql('app', q{SET tenant_mgr.trash_retention = 0; SELECT tenant.create('due'); SELECT tenant.drop('due');});
$node->safe_psql('app', q{SELECT tenant.create('kept'); SELECT tenant.drop('kept'); CALL tenant.purge()});
is($node->safe_psql('app', 'SELECT name FROM tenant.registry'), 'kept', 'purge takes what is due, and only that');
registry_is_true($node, 'app', 'registry at the end');
is(orphan_files($node, 'app'), '', 'no file is left at the end');

$node->stop;
done_testing();
