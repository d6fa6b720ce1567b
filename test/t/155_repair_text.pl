# 155_repair_text.pl: what diff_sql returns does what it says and nothing else,
# whatever objects are called, and whatever the settings are of who asks for it and
# of who runs it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('repair_text', "fsync = off\n");
new_database($node, 'app');

sub sql { return $node->safe_psql('app', $_[0]); }

# What psql says when it runs a text, which goes on after errors.
sub run_text
{
	my ($text, $settings) = @_;
	my ($status, $out, $err) = $node->psql('app', ($settings // '') . $text, on_error_stop => 0);
	return ($err, $out);
}

# Names and comments that begin a statement of their own where a line ends, for
# the server and for psql
foreach my $end ("\n", "\r", "\r\n")
{
	my $shown = join ' ', map { sprintf '%02x', ord } split //, $end;
	my $statement = "x$end; CREATE TABLE public.pwned (i int); --";
	my $command = "y$end\\echo pwned";

	sql('SET client_min_messages = error; DROP SCHEMA IF EXISTS a CASCADE; DROP SCHEMA IF EXISTS b CASCADE; CREATE SCHEMA a; CREATE SCHEMA b');
	foreach my $evil ($statement, $command)
	{
		my ($name, $sequence, $order, $enum, $pair, $function) = map { ident("$_$evil") } '', 's', 'o', 'e', 'p', 'f';
		my ($word, $other) = (literal($evil), literal(" $evil"));

		sql("CREATE TABLE b.$name ($name int, b int); CREATE TABLE IF NOT EXISTS b.k (b int); ALTER TABLE b.k ADD $name int;
			CREATE TABLE IF NOT EXISTS a.k (j int); CREATE SEQUENCE b.$sequence;
			CREATE TABLE a.$order ($name int, b int); CREATE TABLE b.$order (b int, $name int);
			CREATE TYPE a.$enum AS ENUM ('a'); CREATE TYPE b.$enum AS ENUM ('a', $word);
			CREATE TYPE a.$pair AS (a int, $name int); CREATE TYPE b.$pair AS ($name text, a int);
			SET check_function_bodies = off; CREATE FUNCTION a.$function() RETURNS int LANGUAGE sql AS $word;
			COMMENT ON TABLE b.k IS $word; COMMENT ON TABLE a.k IS $other");
	}
	my $printed = join '', map { (run_text(sql("SELECT tenant.diff_sql('$_->[0]', '$_->[1]')")))[1] } [ 'a', 'b' ], [ 'b', 'a' ];
	is(sql("SELECT to_regclass('public.pwned') IS NULL"), 't', "$shown in a name begins no statement");
	unlike($printed, qr/pwned/, "$shown in a name begins no command of psql");
	sql('DROP TABLE IF EXISTS public.pwned');
}

# Strings are what they are, however the sessions at both ends read backslashes.
sql(q{
	SET client_min_messages = error;
	DROP SCHEMA a CASCADE; DROP SCHEMA b CASCADE; CREATE SCHEMA a; CREATE SCHEMA b;
	CREATE TABLE a.t (id int, s text DEFAULT '\\', n text CHECK (n <> '\'';CREATE TABLE public.pwned (i int);--'));
	CREATE INDEX t_s ON a.t ((s || '\n'));
	CREATE VIEW a.v AS SELECT '\'';CREATE TABLE public.pwned (i int);--' AS x, '\' AS y;
	CREATE FUNCTION a.f(x text DEFAULT '\') RETURNS text LANGUAGE sql RETURN x || '\';
	COMMENT ON TABLE a.t IS '\'});
foreach my $asks ('on', 'off')
{
	foreach my $runs ('on', 'off')
	{
		sql('SET client_min_messages = error; DROP SCHEMA b CASCADE; CREATE SCHEMA b');
		my $repair = sql("SET standard_conforming_strings = $asks; SELECT tenant.diff_sql('a', 'b')");
		is((run_text($repair, "SET escape_string_warning = off; SET standard_conforming_strings = $runs;\n"))[0], '', "asked with $asks, run with $runs: strings are understood");
		is(sql("SELECT count(*) FROM tenant.diff('a', 'b')"), '0', '... as they were meant');
		is(sql("SELECT to_regclass('public.pwned') IS NULL"), 't', '... and nothing else');
	}
}
is(sql("SET standard_conforming_strings = off; SELECT tenant.fingerprint('a')"), sql("SELECT tenant.fingerprint('a')"), 'a fingerprint does not depend on how backslashes are read');

$node->stop;
done_testing();
