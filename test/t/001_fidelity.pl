# 001_fidelity.pl: a clone is the source under another name, in all that pg_dump,
# the rows and the catalogs show, and does not depend on the source afterwards.
#
# Tried on a schema of our own with every kind of object, under a plain and
# under an odd name, and on the schemas of real applications.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('fidelity', "max_locks_per_transaction = 256\n");
my $catcheck = command_of('pg_catcheck');

# Columns that hold expression trees, by catalog.
my @node_trees = (
	[ pg_attrdef           => 'adbin' ],
	[ pg_class             => 'relpartbound' ],
	[ pg_constraint        => 'conbin' ],
	[ pg_index             => 'indexprs', 'indpred' ],
	[ pg_partitioned_table => 'partexprs' ],
	[ pg_policy            => 'polqual', 'polwithcheck' ],
	[ pg_proc              => 'proargdefaults', 'prosqlbody' ],
	[ pg_rewrite           => 'ev_qual', 'ev_action' ],
	[ pg_statistic_ext     => 'stxexprs' ],
	[ pg_trigger           => 'tgqual' ],
	[ pg_type              => 'typdefaultbin' ]);

# Everything that belongs to a schema, as rows of (catalog, OID).
my $members = q{
	CREATE FUNCTION public.members(schema text, OUT classid oid, OUT objid oid) RETURNS SETOF record
	LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
		WITH RECURSIVE m (classid, objid) AS (
			SELECT d.classid, d.objid FROM pg_depend d JOIN pg_namespace n ON d.refobjid = n.oid
			WHERE d.refclassid = 'pg_namespace'::regclass AND n.nspname = schema AND d.deptype IN ('n', 'a', 'i')
			UNION
			SELECT d.classid, d.objid FROM pg_depend d JOIN m ON d.refclassid = m.classid AND d.refobjid = m.objid
			WHERE d.deptype IN ('i', 'a', 'P', 'S')
		)
		SELECT 'pg_namespace'::regclass::oid, oid FROM pg_namespace WHERE nspname = schema
		UNION SELECT * FROM m
		UNION SELECT 'pg_class'::regclass, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = schema
		UNION SELECT 'pg_type'::regclass, t.oid FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE nspname = schema
		UNION SELECT 'pg_proc'::regclass, p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = schema
		UNION SELECT 'pg_constraint'::regclass, c.oid FROM pg_constraint c JOIN pg_namespace n ON n.oid = connamespace WHERE nspname = schema
		UNION SELECT 'pg_class'::regclass, c.reltoastrelid FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
			WHERE nspname = schema AND reltoastrelid <> 0
		UNION SELECT 'pg_enum'::regclass, e.oid FROM pg_enum e JOIN pg_type t ON t.oid = enumtypid
			JOIN pg_namespace n ON n.oid = typnamespace WHERE nspname = schema
	$$};

# The OIDs of the source that occur in expression trees of the clone: as fields,
# or inside of constants (regclass, enum, arrays and rows of them).
sub foreign_oids_in_trees
{
	my ($db, $source, $clone) = @_;
	my %of_source = map { $_ => 1 } split /\n/,
	  $node->safe_psql($db, 'SELECT DISTINCT objid FROM public.members(' . literal($source) . ') WHERE objid >= 16384');
	my @found;
	foreach my $catalog (@node_trees)
	{
		my ($table, @columns) = @$catalog;
		my $key = $table eq 'pg_index' ? 'indexrelid' : $table eq 'pg_partitioned_table' ? 'partrelid' : 'oid';
		my $class = $key eq 'oid' ? $table : 'pg_class';
		foreach my $column (@columns)
		{
			my $rows = $node->safe_psql($db, sprintf(
				q{SELECT pg_describe_object(m.classid, m.objid, 0) || E'\t' || translate(c.%s::text, E'\n', ' ')
				FROM %s c JOIN public.members(%s) m ON m.classid = '%s'::regclass AND m.objid = c.%s
				WHERE c.%s IS NOT NULL}, $column, $table, literal($clone), $class, $key, $column));
			foreach my $row (split /\n/, $rows)
			{
				my ($object, $tree) = split /\t/, $row, 2;
				next unless defined $tree;
				push @found, "$object: $_" foreach grep { $of_source{$_} } oids_of_tree($tree);
			}
		}
	}
	return join("\n", @found);
}

sub oids_of_tree
{
	my ($tree) = @_;
	my @oids;
	while ($tree =~ /:constvalue \d+ \[ ([-0-9 ]+) \]/g)
	{
		my $bytes = pack('C*', map { $_ & 255 } split / /, $1);
		push @oids, unpack('L*', $bytes);
	}
	$tree =~ s/:constvalue \d+ \[[-0-9 ]+\]//g;
	push @oids, $tree =~ /\b(\d{5,10})\b/g;
	return @oids;
}

# Casts and transforms are in no schema, so "pg_dump -n" does not show them; the
# same for the state of things that a dump does not tell.
sub hidden_state
{
	my ($db, $schema, $as) = @_;
	my ($from, $to) = map { s/"//gr } ($schema, $as // $schema);
	my $state = $node->safe_psql($db, sprintf(q{
		SET search_path = pg_catalog, %1$s;
		SELECT 'cast', castsource::regtype, casttarget::regtype, castfunc::regprocedure, castcontext, castmethod
			FROM pg_cast JOIN public.members(%2$s) m ON m.classid = 'pg_cast'::regclass AND m.objid = oid ORDER BY 2, 3;
		SELECT 'transform', trftype::regtype, trffromsql::regprocedure, trftosql::regprocedure
			FROM pg_transform JOIN public.members(%2$s) m ON m.classid = 'pg_transform'::regclass AND m.objid = oid ORDER BY 2;
		SELECT 'comment', regexp_replace(pg_describe_object(d.classoid, d.objoid, 0), '\d{5,}', 'N', 'g'), objsubid, description
			FROM pg_description d JOIN public.members(%2$s) m ON m.classid = classoid AND m.objid = objoid
			WHERE classoid <> 'pg_namespace'::regclass ORDER BY 2, 3;
		SELECT 'column', attrelid::regclass, attnum, attname, attisdropped, atthasmissing, attmissingval::text, attstorage, attcompression
			FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
			WHERE relnamespace = %3$s::regnamespace AND attnum > 0 ORDER BY attrelid::regclass::text COLLATE "C", attnum;
		SELECT 'label', enumtypid::regtype, enumlabel, enumsortorder FROM pg_enum
			JOIN pg_type t ON t.oid = enumtypid WHERE typnamespace = %3$s::regnamespace
			ORDER BY enumtypid::regtype::text COLLATE "C", enumsortorder;
		SELECT 'trigger', tgrelid::regclass, regexp_replace(tgname, '\d{5,}', 'N'), tgfoid::regprocedure, tgenabled, tgtype,
			tgisinternal, tgconstrrelid::regclass, tgdeferrable, count(*)
			FROM pg_trigger JOIN public.members(%2$s) m ON m.classid = 'pg_trigger'::regclass AND m.objid = oid
			GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 ORDER BY tgrelid::regclass::text COLLATE "C", 3, 6, 4,
				tgconstrrelid::regclass::text COLLATE "C";
		SELECT 'index', indexrelid::regclass, indisvalid, indisready, indislive, indisreplident, indisclustered, indnkeyatts, indkey
			FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relnamespace = %3$s::regnamespace
			ORDER BY indexrelid::regclass::text COLLATE "C";
		SELECT 'configuration', proname, proconfig FROM pg_proc
			WHERE pronamespace = %3$s::regnamespace AND proconfig IS NOT NULL ORDER BY 2;
	}, ident($schema), literal($schema), literal(ident($schema))));
	$state =~ s/["\\]//g;
	$state =~ s/\Q$from\E/$to/g;
	return join("\n", sort split /\n/, $state);
}

# Same number of dependencies of each kind, and none across.
sub dependencies_are_own
{
	my ($db, $source, $clone, $name) = @_;
	is( $node->safe_psql($db, sprintf(q{
		SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' -> ' || pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
		FROM pg_depend d
		JOIN public.members(%1$s) a ON a.classid = d.classid AND a.objid = d.objid
		JOIN public.members(%2$s) b ON b.classid = d.refclassid AND b.objid = d.refobjid
		UNION ALL
		SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' <- ' || pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
		FROM pg_depend d
		JOIN public.members(%2$s) a ON a.classid = d.classid AND a.objid = d.objid
		JOIN public.members(%1$s) b ON b.classid = d.refclassid AND b.objid = d.refobjid},
		literal($clone), literal($source))), '', "$name: no dependency between source and clone");
	my $count = q{SELECT d.classid::regclass, d.refclassid::regclass, d.deptype, count(*)
		FROM pg_depend d JOIN public.members(%1$s) m USING (classid, objid)
		GROUP BY 1, 2, 3 ORDER BY d.classid::regclass::text, d.refclassid::regclass::text, 3;
		SELECT d.classid::regclass, d.deptype, refobjid::regrole, count(*)
		FROM pg_shdepend d JOIN public.members(%1$s) m USING (classid, objid)
		WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
			AND refclassid = 'pg_authid'::regclass
		GROUP BY 1, 2, 3 ORDER BY d.classid::regclass::text, 2, refobjid::regrole::text};
	is_same(
		$node->safe_psql($db, sprintf($count, literal($clone))),
		$node->safe_psql($db, sprintf($count, literal($source))),
		"$name: as many dependencies of each kind");
	return;
}

# What a clone must be, whatever the schema.
sub check_clone
{
	my ($db, $source, $kind) = @_;
	my %target = (
		structure => $source =~ s/^src_/tms_/r,
		data      => $source =~ s/^src_/tmd_/r);
	%target = (structure => 'Odd-Structure', data => 'Odd-Datas') if $source =~ /^Odd/;
	my $dump      = structure_of($node, $db, $source);
	my $rows      = rows_of($node, $db, $source);
	my $sequences = sequences_of($node, $db, $source);
	my $state     = hidden_state($db, $source);

	foreach my $way ('structure', 'data')
	{
		my $clone = $target{$way};
		my $with_data = $way eq 'data' ? 'true' : 'false';
		my ($rc, $stdout, $stderr) = $node->psql($db, sprintf(
			'SELECT tenant.clone(%s, %s, data => %s)', literal($source), literal($clone), $with_data));
		is($rc, 0, "$kind, $way: cloned") or do { diag($stderr); return; };

		is_same(structure_of($node, $db, $clone, $source), $dump, "$kind, $way: pg_dump is the same");
		is_same(hidden_state($db, $clone, $source), $state, "$kind, $way: what pg_dump does not show is the same")
		  if $way eq 'data';
		dependencies_are_own($db, $source, $clone, "$kind, $way");
		is(foreign_oids_in_trees($db, $source, $clone), '', "$kind, $way: no OID of the source in an expression");
		if ($way eq 'data')
		{
			is_same(rows_of($node, $db, $clone, $source), $rows, "$kind, $way: same rows");
			is_same(sequences_of($node, $db, $clone), $sequences, "$kind, $way: same sequence values");
		}
		else
		{
			is( join("\n", grep { !/\|0\|$/ } split /\n/, rows_of($node, $db, $clone)),
				'', "$kind, $way: no rows");
		}
	}

	# the numbers of one are not taken from the other
	$node->safe_psql($db, sprintf(q{SELECT nextval(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE relkind = 'S' AND nspname IN (%s, %s)}, map { literal($_) } values %target));
	is_same(sequences_of($node, $db, $source), $sequences, "$kind: sequences of the source are untouched");
	is_same(rows_of($node, $db, $source), $rows, "$kind: rows of the source are untouched");
	is_same(structure_of($node, $db, $source), $dump, "$kind: structure of the source is untouched");
	use_torture($db, $source, $target{data}, $kind) if $kind =~ /^torture/;

	# the clone outlives its source
	$rows = rows_of($node, $db, $target{data}, $source);
	checkers_are_content($db, $kind);
	$node->safe_psql($db, 'SET client_min_messages = warning; DROP SCHEMA ' . ident($source) . ' CASCADE');
	is_same(structure_of($node, $db, $target{data}, $source), $dump, "$kind: structure of the clone survives the source");
	is_same(rows_of($node, $db, $target{data}, $source), $rows, "$kind: rows of the clone survive the source");
	checkers_are_content($db, "$kind, source dropped");
	return;
}

sub checkers_are_content
{
	my ($db, $kind) = @_;
	my @connection = ('-h', $node->host, '-p', $node->port);
	local $ENV{PGOPTIONS} = '-c client_min_messages=warning';
  SKIP:
	{
		skip "$kind: pg_catcheck is not installed", 1 unless $catcheck;
		my ($stdout, $stderr) = run_command([ $catcheck, @connection, $db ]);
		like("$stdout$stderr", qr/0 inconsistencies, 0 warnings, 0 errors/, "$kind: pg_catcheck");
	}
	my ($stdout, $stderr) = run_command([
		'pg_amcheck', '--install-missing=public', '--heapallindexed', '--parent-check',
		@connection, '-d', $db ]);
	is("$stdout$stderr", '', "$kind: pg_amcheck");
	return;
}

# The clone of the torture schema is not only equal, it works.
sub use_torture
{
	my ($db, $source, $clone, $kind) = @_;
	my $q = ident($clone);
	my $run = sub { return $node->psql($db, "SET search_path = $q, public; $_[0]", on_error_stop => 1); };
	my $works = sub
	{
		my ($sql, $expected, $name) = @_;
		my ($rc, $stdout, $stderr) = $run->($sql);
		is($rc == 0 ? $stdout : $stderr, $expected, "$kind: $name");
	};
	my $refused = sub
	{
		my ($sql, $pattern, $name) = @_;
		my ($rc, $stdout, $stderr) = $run->($sql);
		like($stderr, $pattern, "$kind: $name");
	};

	my $rows_of_source = rows_of($node, $db, $source);
	$works->("INSERT INTO account (feeling, feelings) VALUES ('fine', '{fine,sad}') RETURNING feelings, total - id",
		'{fine,sad}|1', 'defaults and generated columns');
	$works->("SELECT count(*) > 0 FROM trigger_log WHERE what LIKE 'with_rows%'", 't', 'own triggers fire');
	$works->("INSERT INTO happy (feeling, who_text) VALUES ('happy', 'rule') RETURNING who_text", 'rule', 'own rules');
	$works->("SELECT max_mood(feeling), cheer('sad', 'fine'), middle(ROW(ROW(4, 0, '', NULL), NULL, NULL)::segment) FROM account",
		'ecstatic|fine|(2,0,middle,happy)', 'own functions and aggregates');
	$works->("SELECT pinned() = current_schema(), from_current() LIKE '%' || current_schema() || '%'", 't|t',
		'settings of functions name the clone');
	$works->("INSERT INTO orders (region, placed, note) VALUES ('happy', '2024-02-02', 'x') RETURNING tableoid::regclass::text ~ '^orders_2024_happy_[01]\$'",
		't', 'rows find their partition');
	$works->("SELECT (SELECT count(*) FROM indexed WHERE feeling = 'happy') = (SELECT count(*) FROM indexed WHERE feeling::text = 'happy')",
		't', 'an index of enum values finds what a scan finds');
	$works->("UPDATE wide SET external = external || 'x', plain = plain; DELETE FROM wide WHERE id < 5; SELECT count(*) > 10 FROM wide",
		't', 'out-of-line values are the clone\'s own');
	$works->("REFRESH MATERIALIZED VIEW CONCURRENTLY counts; REFRESH MATERIALIZED VIEW unpopulated; SELECT count(*) > 0 FROM unpopulated",
		't', 'materialized views can be refreshed');
	$refused->("INSERT INTO account (parent_id) VALUES (-5); SET CONSTRAINTS ALL IMMEDIATE", qr/violates foreign key constraint/, 'own foreign keys');
	$refused->("DELETE FROM public.regress_tm_country WHERE code = 'jp'", qr/violates foreign key constraint/, 'foreign keys to outside hold');
	$refused->("INSERT INTO indexed (id, name) SELECT id, name FROM indexed WHERE id = 1", qr/duplicate key/, 'unique indexes');
	$refused->("INSERT INTO booking (room, during) VALUES (9, '[2024-01-05,2024-01-06)')", qr/exclusion constraint/, 'exclusion constraints');
	$refused->("SELECT 'sad'::good_mood", qr/not_sad/, 'checks of domains');
	$works->("INSERT INTO account (id) VALUES (5000); INSERT INTO account (id, parent_id) VALUES (5001, 5000);
		DELETE FROM account WHERE id = 5000; SELECT count(*) FROM account WHERE id >= 5000", 0, 'cascades');
	is_same(rows_of($node, $db, $source), $rows_of_source, "$kind: nothing of this reached the source");
	return;
}

foreach my $case ([ torture => 'src_torture_q7' ], [ 'torture, odd name' => 'Odd "Source"' ])
{
	my ($kind, $source) = @$case;
	my $db = $source =~ /^Odd/ ? 'torture_odd' : 'torture';
	new_database($node, $db);
	$node->safe_psql($db, $members);
	load_torture($node, $db, $source);
	check_clone($db, $source, $kind);
}

foreach my $name (qw(zabbix icinga bacula powerdns roundcube kea rt mediawiki))
{
	new_database($node, $name);
	$node->safe_psql($name, $members);
  SKIP:
	{
		skip "$name: its schema could not be fetched and is not in the cache", 1
		  unless load_fixture($node, $name, $name, "src_${name}_q7");
		my $empty = fill_schema($node, $name, "src_${name}_q7", 8);
		note("$name: no row could be made up for $empty") if $empty;
		check_clone($name, "src_${name}_q7", $name);
	}
}

$node->stop;
done_testing();
