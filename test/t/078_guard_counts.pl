# 078_guard_counts.pl: the guard goes on counting when there have been many tenants
# and databases: what is gone makes room, no database takes another's, and what does
# not fit is seen as such.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('guard_counts', "shared_preload_libraries = 'tenant_mgr'\n");
new_database($node, $_) foreach 'many', 'few';
my $many = 1100;	# more than there is room for

foreach my $db ('many', 'few')
{
	$node->safe_psql($db, q{
		SELECT tenant.create('z');
		CREATE TABLE z.t ();
		CREATE FUNCTION public.offend(prefix text, first int, last int) RETURNS void LANGUAGE plpgsql AS $$
		BEGIN
			FOR i IN first .. last LOOP
				PERFORM tenant.switch(prefix || i);
				BEGIN
					EXECUTE 'SELECT FROM z.t';
					RAISE 'not refused';
				EXCEPTION WHEN SQLSTATE 'TM003' THEN NULL;
				END;
			END LOOP;
			PERFORM tenant.reset();
		END $$});
}
sub create
{
	my ($db, $prefix, $count) = @_;
	$node->safe_psql($db, "SELECT count(tenant.create('$prefix' || i)) FROM generate_series($_, least($_ + 99, $count)) i") foreach map { $_ * 100 + 1 } 0 .. ($count - 1) / 100;
	return;
}
sub offend { my ($db, $prefix, $first, $last) = @_; return $node->safe_psql($db, "SELECT public.offend('$prefix', $first, $last)"); }
sub counted { my ($db, $what) = @_; return $node->safe_psql($db, "SELECT $what FROM tenant.guard_stats"); }

create('many', 'a', $many);
create('few', 'f', 3);
offend('few', 'f', 1, 3);
offend('many', 'a', 1, $many);
is(counted('many', 'sum(refused)'), $many, 'each refusal is counted');
like(counted('many', q{max(refused) FILTER (WHERE tenant = '(others)')}), qr/^\d+$/, 'in part in a row for others');
is(counted('many', qq{count(*) FILTER (WHERE tenant = 'a$many')}), '1', 'whoever has come last has a row');
is(counted('few', q{string_agg(tenant || refused, ' ' ORDER BY tenant)}), 'f11 f21 f31', 'another database keeps its rows');
create('few', 'g', 20);
offend('few', 'g', 1, 20);
offend('many', 'a', 1, $many);
is(counted('few', q{count(*) FILTER (WHERE tenant ~ '^[fg]\d')}), '23', 'and gets more');
is(counted('few', q{sum(refused)}), '23', 'all of them its own');
is(counted('many', 'sum(refused)'), 2 * $many, 'while the larger one goes on counting');

# Who is dropped and purged is not shown, and makes room.
$node->safe_psql('few', q{SELECT tenant.drop('g' || i, true) FROM generate_series(1, 20) i});
is(counted('few', q{count(*)}), '3', 'purged tenants are not shown');
$node->safe_psql('many', q{CALL tenant.purge()});
foreach my $first (map { $_ * 100 + 1 } 0 .. $many / 100 - 1)
{
	$node->safe_psql('many', sprintf q{SELECT tenant.drop('a' || i, true) FROM generate_series(%d, %d) i}, $first, $first + 99);
}
is(counted('many', q{string_agg(tenant, ' ')}), '(others)', 'nor are those of the larger database');
is(counted('many', q{sum(refused) > 0}), 't', 'what others had is kept');

# A dropped database makes room, too, and what is rolled back keeps its count.
$node->safe_psql('postgres', 'DROP DATABASE many');
create('few', 'h', $many);
offend('few', 'h', 1, $many);
is(counted('few', q{sum(refused) - coalesce(sum(refused) FILTER (WHERE tenant = '(others)'), 0) > 900}), 't', 'the one that is left gets their room');
is(counted("few", "sum(refused)"), $many + 3, 'and has counted all');
$node->safe_psql('few', qq{BEGIN; SELECT tenant.drop('h$many', true); SELECT count(*) FROM tenant.guard_stats; ROLLBACK});
is(counted('few', qq{max(refused) FILTER (WHERE tenant = 'h$many')}), '1', 'a drop that is rolled back takes no count along');

# At the same time, from several sessions
my @sessions = map { $node->background_psql('few') } 1 .. 4;
$sessions[$_]->{stdin} .= sprintf("SELECT public.offend('h', %d, %d);\n\\echo done\n", $_ * 250 + 1, $_ * 250 + 250) foreach 0 .. 3;
foreach my $session (@sessions) { $session->{run}->pump until $session->{stdout} =~ /done/; $session->quit }
is(counted('few', 'sum(refused)'), $many + 3 + 1000, 'sessions at the same time lose nothing');

$node->stop;
done_testing();
