# 030_discard_caches.pl: nothing that is kept across a catalog access goes stale.
#
# A server built with assertions can forget its caches whenever it could have
# been told to.  What a clone holds on to meanwhile must not be a part of them:
# descriptors of relations, rows of catalogs, files.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('discard');
new_database($node, 'small');
my ($rc) = $node->psql('small', 'SET debug_discard_caches = 1');
if ($rc != 0)
{
	$node->stop;
	plan skip_all => 'this server cannot discard its caches';
}

# tables for each way of copying rows, and one of everything else that is small
$node->safe_psql('small', q{
	CREATE SCHEMA src_small_q7;
	SET search_path = src_small_q7;
	CREATE TYPE mood AS ENUM ('sad', 'happy');
	CREATE TABLE patched (id serial PRIMARY KEY, feeling mood DEFAULT 'sad', data text,
		CHECK (feeling IS NOT NULL));
	CREATE TABLE by_row (id int REFERENCES patched, feelings mood[]);
	CREATE TABLE plain (id int PRIMARY KEY, data text);
	INSERT INTO patched (data) SELECT repeat('x', i * 30) FROM generate_series(1, 300) AS i;
	INSERT INTO by_row SELECT i, '{happy,sad}' FROM generate_series(1, 200) AS i;
	INSERT INTO plain SELECT i, 'y' FROM generate_series(1, 2000) AS i;
	CREATE INDEX patched_feeling ON patched (feeling);
	CREATE VIEW sad AS SELECT * FROM patched WHERE feeling = 'sad';
	CREATE MATERIALIZED VIEW counts AS SELECT count(*) AS n FROM plain;
	CREATE FUNCTION how_many() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM patched; END;
	CREATE TABLE parts (id int) PARTITION BY RANGE (id);
	CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
	INSERT INTO parts VALUES (5)});

sub forgetful
{
	my ($db, $sql, $name) = @_;
	my ($rc, $stdout, $stderr) =
	  $node->psql($db, "SET client_min_messages = warning; SET debug_discard_caches = 1; $sql");
	is("$rc$stderr", '0', $name);
	return $stdout;
}

sub clones_are_equal
{
	my ($db, $source, $structure, $data) = @_;
	my $dump = structure_of($node, $db, $source);
	forgetful($db, "SELECT tenant.clone('$source', '$structure', data => false)", "$source: cloned without rows");
	forgetful($db, "SELECT tenant.clone('$source', '$data')", "$source: cloned with rows");
	is_same(structure_of($node, $db, $structure, $source), $dump, "$source: same structure without rows");
	is_same(structure_of($node, $db, $data, $source), $dump, "$source: same structure with rows");
	is_same(rows_of($node, $db, $data, $source), rows_of($node, $db, $source), "$source: same rows");
	return;
}

clones_are_equal('small', 'src_small_q7', 'tms_small_q7', 'tmd_small_q7');
is(forgetful('small', "SELECT FROM tenant.switch('tmd_small_q7'); SELECT how_many()", 'switched'),
	"300", 'a switched session sees the clone');
forgetful('small', "SELECT tenant.rename('tmd_small_q7', 'tmr_small_q7')", 'renamed');
forgetful('small', "SELECT tenant.drop('tmr_small_q7'); SELECT tenant.restore('tmr_small_q7')", 'dropped and restored');
is_same(rows_of($node, 'small', 'tmr_small_q7', 'src_small_q7'), rows_of($node, 'small', 'src_small_q7'),
	'the rows have survived it');
forgetful('small', "SELECT tenant.drop('tmr_small_q7', purge => true)", 'purged');

new_database($node, 'torture');
load_torture($node, 'torture', 'src_torture_q7');
# an index over a function in SQL takes a moment for each row
$node->safe_psql('torture', 'DELETE FROM src_torture_q7.indexed WHERE id > 20');
clones_are_equal('torture', 'src_torture_q7', 'tms_torture_q7', 'tmd_torture_q7');

$node->stop;
done_testing();
