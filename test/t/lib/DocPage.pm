# DocPage.pm: the examples of a page of the documentation, run as they stand.
#
# An example is an indented or fenced block, or what follows "Example:" in
# backticks.  All of a page are run in the order of the page: SQL in one session
# of psql, shell commands between, as somebody would who reads it from the top.
# Output that the page shows is compared.  What the reader does not see stands in
# comments of the page's source (errors may be shown without details and hints):
#
#   <!-- setup
#   SQL or commands of psql that make what the page takes for granted; "\! ..."
#   for the shell, which knows wait_for QUERY, set_and_reload SETTING VALUE and
#   make_key_ring.  All of it has to succeed.
#   -->
#
#   <!-- example
#   lang: sh            what it is, where the first line does not tell: sql, sh, conf,
#                       ini, yaml, json, cron, ruby, python, php, js, output, text;
#                       also tree (programs of the repository) and signature
#   fails: 42602        a statement fails so, and the page does not show how
#   varies: [0-9.]+     what matches is not compared
#   replace: $1 => 'x'  a placeholder, and what is there when the example is run
#   shown by: SELECT 1; (with lang: output) the statement that says this
#   in the log:         (with lang: output) the server's log has these lines
#   file: name          the text is in {dir} under this name, for what comes later
#   not run: why        the example is left out
#   -->
#
# before a block, with as many of the lines as are needed.  In both, {dir}, {host},
# {port} and {bin} are those of the run.  Configuration and other languages are
# checked for syntax where there is an interpreter.
package DocPage;

use strict;
use warnings;
use Exporter 'import';
use FindBin;
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Utils;

my $root = "$FindBin::RealBin/../..";

our @EXPORT_OK = qw(read_examples run_examples);

my %known_mark = map { $_ => 1 } ('lang', 'fails', 'varies', 'replace', 'shown by', 'in the log', 'not run', 'file');
my %known_language = map { $_ => 1 } qw(sql sh conf ini yaml json cron ruby python php js output text signature tree);

my $statement = qr/^(?:--(?![-+])|\\\w|\\!|(?:ALTER|ANALYZE|BEGIN|CALL|CLOSE|CLUSTER|COMMENT|COMMIT|COPY|CREATE|DEALLOCATE|DECLARE
	|DELETE|DISCARD|DO|DROP|EXECUTE|EXPLAIN|FETCH|GRANT|INSERT|LISTEN|LOCK|MERGE|NOTIFY|PREPARE|REASSIGN|REFRESH|REINDEX
	|RESET|REVOKE|ROLLBACK|SAVEPOINT|SELECT|SET|SHOW|TABLE|TRUNCATE|UPDATE|VACUUM|VALUES|WITH)\b)/x;
my $of_tree = qr{^(?:[A-Z_]+=\S+ )*(?:bench|script|test)/};
my $command = qr{^(?:\#|[A-Z_]+=\S+\s|(?:createdb|dropdb|install|make|openssl|php|pg_\w+|psql|rake|sort|sudo|systemctl|tenant-migrate(?!:)|vacuumdb)\b
	|"?\$)}x;

# read_examples(page's text) -> list of { line, kind, lines => [...], mark => [...] },
# kind being "setup" or "block".
sub read_examples
{
	my ($text) = @_;
	my @line = split /\n/, $text, -1;
	my (@example, @mark, $mark_line);
	my $i = 0;

	while ($i < @line)
	{
		my $start = $i;

		if ($line[$i] =~ /^<!-- (setup|example)\s*$/)
		{
			my $kind = $1;
			$i++ while $i < @line && $line[$i] !~ /-->\s*$/;
			my @body = @line[ $start + 1 .. $i - 1 ];
			$i++;
			if ($kind eq 'setup')
			{
				push @example, { line => $start + 1, kind => 'setup', lines => \@body, mark => [] };
			}
			else
			{
				@mark = @body;
				$mark_line = $start + 1;
			}
			next;
		}
		if ($line[$i] =~ /^( *)```(\w*)\s*$/)
		{
			my $language = $2;
			$i++;
			my $first = $i;
			$i++ while $i < @line && $line[$i] !~ /^ *```\s*$/;
			push @example, { line => $first + 1, kind => 'block', lines => [ @line[ $first .. $i - 1 ] ],
				mark => [ ($language ? "lang: $language" : ()), @mark ] };
			@mark = ();
			$i++;
			next;
		}
		if ($line[$i] =~ /^ {4,}\S/ && ($i == 0 || $line[ $i - 1 ] =~ /^\s*$/))
		{
			$i++ while $i < @line && $line[$i] =~ /^(?: {4,}|\s*$)/;
			my @body = @line[ $start .. $i - 1 ];
			pop @body while $body[-1] =~ /^\s*$/;
			my ($indent) = sort { $a <=> $b } map { /^( *)\S/ ? length $1 : () } @body;
			push @example, { line => $start + 1, kind => 'block',
				lines => [ map { length $_ > $indent ? substr($_, $indent) : '' } @body ], mark => [@mark] };
			@mark = ();
			next;
		}
		if ($line[$i] =~ /^Example: `/)
		{
			my $inline = $line[$i];
			$inline .= "\n" . $line[ ++$i ] while $inline !~ /`.*`/s && $i + 1 < @line;
			$inline =~ /`(.*?);?`/s;
			push @example, { line => $start + 1, kind => 'block', lines => [ split /\n/, "$1;" ], mark => [@mark] };
			@mark = ();
		}
		elsif (@mark && $line[$i] =~ /\S/)
		{
			push @example, { line => $mark_line, kind => 'stray', lines => [], mark => [] };
			@mark = ();
		}
		$i++;
	}
	push @example, { line => $mark_line, kind => 'stray', lines => [], mark => [] } if @mark;
	return @example;
}

# For commands of the shell: wait until a query is true; set a setting that needs a
# reload; give the server a key ring.
my $shell_functions = <<'END';
wait_for()
{
	for i in $(seq 600); do
		if [ "$(psql -XAtqc "$1" postgres)" = t ]; then return 0; fi
		sleep 0.1
	done
	echo "not true in a minute: $1"
	return 1
}
set_and_reload()
{
	psql -Xqc "ALTER SYSTEM SET $1 = '$2'" -c 'SELECT pg_reload_conf()' postgres >reload.out
	wait_for "SELECT current_setting('$1') = '$2'"
}
make_key_ring()
{
	touch ring
	chmod 600 ring
	psql -XAtc 'SELECT tenant.generate_key()' >>ring
	set_and_reload tenant_mgr.key_file "$PWD/ring"
}
END

# What a block is, if its marks do not say so.
sub language_of
{
	my ($first) = @_;
	return 'signature' if $first =~ /^(?:CALL )?tenant\.\w+\([^;]*$/;
	return 'sql' if $first =~ $statement;
	return 'tree' if $first =~ $of_tree;
	return 'sh' if $first =~ $command;
	return '';
}

# The marks of an example as a hash; problems go to the list.
sub marks_of
{
	my ($example, $problem) = @_;
	my %mark = (varies => [], replace => []);

	foreach (@{ $example->{mark} })
	{
		next unless /\S/;
		my ($key, $value) = /^\s*([a-z ]+):\s*(.*?)\s*$/;
		if (!defined $key || !$known_mark{$key})
		{
			push @$problem, "line $example->{line}: not a mark: $_";
		}
		elsif ($key eq 'varies')
		{
			push @{ $mark{varies} }, $value if eval { qr/$value/ };
			push @$problem, "line $example->{line}: not a regular expression: $value" if $@;
		}
		elsif ($key eq 'replace')
		{
			my ($from, $to) = $value =~ /^(.*?) => ?(.*)$/;
			push @$problem, "line $example->{line}: nothing to replace: $value" unless defined $to;
			push @{ $mark{replace} }, [ $from, $to ] if defined $to;
		}
		else
		{
			push @$problem, "line $example->{line}: \"$key\" without a reason"
			  if $value eq '' && $key ne 'in the log';
			$mark{$key} = $value;
		}
	}
	$mark{lang} //= language_of((grep { /\S/ } @{ $example->{lines} })[0] // '');
	push @$problem, "line $example->{line}: neither SQL nor a command, and no mark says what it is"
	  if !$known_language{ $mark{lang} } && !defined $mark{'not run'};
	return \%mark;
}

# Where the statement that begins here ends: the text up to a semicolon that is
# not in quotes, a comment or parentheses, and what is behind it.
sub split_statement
{
	my ($text) = @_;
	my $depth = 0;

	return ($1, substr($text, length $1)) if $text =~ /^(\s*\\[^\n]*\n?)/;
	pos($text) = 0;
	while (pos($text) < length $text)
	{
		next if $text =~ /\G(?:--[^\n]*|\/\*.*?\*\/|'(?:[^']|'')*'|"[^"]*"|(\$\w*\$).*?\1)/gcs;
		# One of those has begun and does not end.
		return (undef, $text) if $text =~ /\G(?:'|"|\/\*|\$\w*\$)/gc;
		if ($text =~ /\G;/gc)
		{
			return (substr($text, 0, pos $text), substr($text, pos $text)) if $depth <= 0;
			next;
		}
		$depth++, next if $text =~ /\G[(\[]/gc;
		$depth--, next if $text =~ /\G[)\]]/gc;
		$text =~ /\G./gcs;
	}
	return (undef, $text);
}

# A block of SQL as a list of { sql => [statements], shown => [lines] }.
sub split_sql
{
	my ($lines) = @_;
	my (@segment, @line);
	my $pending = '';

	@line = @$lines;
	while (@line)
	{
		my $line = shift @line;
		if ($pending eq '' && $line !~ $statement)
		{
			next if $line =~ /^\s*$/ && !@segment;
			return (undef, "not a statement: $line") if !@segment;
			push @{ $segment[-1]{shown} }, $line;
			next;
		}
		$pending .= "$line\n";
		$pending = '', next if $pending =~ /^(?:\s*--[^\n]*\n)+$/;
		my @statement;
		while ($pending =~ /\S/)
		{
			my ($one, $rest) = split_statement($pending);
			last unless defined $one;
			push @statement, $one;
			$pending = $rest;
			# A comment at the end of the line belongs to what is before it.
			$pending = '' if $pending =~ /^\s*(?:--[^\n]*)?\n?$/;
		}
		push @segment, { sql => \@statement, shown => [] } if @statement;
	}
	return (undef, "a statement without an end: $pending") if $pending =~ /\S/;
	return (\@segment, undef);
}

# A block of shell commands in the same form, the script being one.
sub split_shell
{
	my ($lines) = @_;
	my @segment;
	my $goes_on = 0;
	my $open = '';		# the command so far, whose quotes may be open

	foreach (@$lines)
	{
		if ($goes_on || $_ =~ $command)
		{
			push @segment, { sh => '', shown => [] } if !@segment || @{ $segment[-1]{shown} };
			$segment[-1]{sh} .= "$_\n";
			$open .= "$_\n";
			$goes_on = /(?:\\|\|)\s*$/ || $open =~ s/\\.|'[^']*'|"(?:[^"\\]|\\.)*"|#[^\n'"]*$//gmsr =~ /['"]/;
			$open = '' unless $goes_on;
			next;
		}
		next if /^\s*$/ && !@segment;
		return (undef, "not a command: $_") unless @segment;
		next if /^\s*$/ && !@{ $segment[-1]{shown} };
		push @{ $segment[-1]{shown} }, $_;
	}
	return (\@segment, undef);
}

# Lines without what is of no account: blanks at the end, empty ones, and the
# server's pointer into the statement.
sub comparable
{
	my ($lines, $varies) = @_;
	my @line = grep { !/^\s*$/ && !/^LINE \d+:/ && !/^\s*\^$/ } map { s/\s+$//r } @$lines;
	my $text = join "\n", @line;
	$text =~ s/$_/~/gm foreach @$varies;
	return $text;
}

sub substitute
{
	my ($text, $value, $replace) = @_;
	$text =~ s/\Q$_->[0]\E/$_->[1]/g foreach @{ $replace // [] };
	$text =~ s/\{(dir|host|port|bin)\}/$value->{$1}/g;
	return $text;
}

# Programs that look at a text without running it; undefined where there is none.
sub interpreter
{
	my ($language, $file) = @_;
	my %argv = (
		python => [ 'python3', '-c', 'import ast, sys; ast.parse(open(sys.argv[1]).read())', $file ],
		ruby => [ 'ruby', '-c', $file ],
		php => [ 'php', '-l', $file ],
		js => [ 'node', '--check', $file ],
		yaml => [ 'ruby', '-ryaml', '-e', 'YAML.safe_load(File.read(ARGV[0]))', $file ]);
	my $argv = $argv{$language};
	foreach my $dir ('/usr/bin', '/bin', split /:/, $ENV{PATH})
	{
		next unless -x "$dir/$argv->[0]";
		return [ "$dir/$argv->[0]", @$argv[ 1 .. $#$argv ] ];
	}
	return;
}

sub run_quietly
{
	my ($argv, $input) = @_;
	my $output = '';
	IPC::Run::run($argv, '<', \($input // ''), '>&', \$output);
	return ($? == 0, $output);
}

# Examples that are not run: what is wrong with them, or nothing.
sub check_text
{
	my ($node, $dir, $language, $lines, $note) = @_;
	my $text = join "\n", @$lines, '';

	return if $language eq 'text';
	if ($language eq 'tree')
	{
		my @missing = grep { /\S/ && !/^#/ && !-x $root . '/' . (/^(?:[A-Z_]+=\S+ )*(\S+)/)[0] } @$lines;
		return @missing ? "not a program of the tree: $missing[0]" : undef;
	}
	if ($language eq 'json')
	{
		return eval { JSON::PP->new->allow_nonref->decode($text); 1 } ? undef : "not JSON: $@";
	}
	if ($language eq 'ini')
	{
		my @bad = grep { !/^\s*(?:[;#].*|%include \S+|\[\w+\]|[\w.]+\s*=\s*.*|)$/ } @$lines;
		return @bad ? "not a line of such a file: $bad[0]" : undef;
	}
	if ($language eq 'conf')
	{
		return check_configuration($node, $text);
	}
	my $file = "$dir/example." . { python => 'py', ruby => 'rb', php => 'php', js => 'js', yaml => 'yml' }->{$language};
	my $argv = interpreter($language, $file);
	if (!defined $argv)
	{
		push @$note, "no interpreter for $language";
		return;
	}
	unlink $file;
	append_to_file($file, ($language eq 'php' ? "<?php\n" : '') . $text);
	my ($ok, $output) = run_quietly($argv);
	return $ok ? undef : "not $language: $output";
}

# Lines of postgresql.conf, as the server reads them.
sub check_configuration
{
	my ($node, $text) = @_;
	my $file = $node->data_dir . '/example.conf';
	my $conf = $node->data_dir . '/postgresql.conf';
	my $before = slurp_file($conf);

	unlink $file;
	append_to_file($file, $text);
	append_to_file($conf, "\ninclude = 'example.conf'\n");
	# To say that only a restart can apply a setting is no error.
	my $error = $node->safe_psql('postgres', q{SELECT concat_ws(' ', f.name, f.setting, coalesce(error, 'no such setting'))
		FROM pg_file_settings f LEFT JOIN pg_settings s USING (name)
		WHERE f.sourcefile LIKE '%/example.conf' AND (s.name IS NULL OR error IS NOT NULL AND s.context <> 'postmaster')});
	open my $handle, '>', $conf or die "$conf: $!";
	print $handle $before;
	close $handle;
	unlink $file;
	return $error eq '' ? undef : "not right in postgresql.conf: $error";
}

# What the reference says about a function's arguments, against the catalog.
sub check_signature
{
	my ($node, $db, $lines) = @_;
	my $text = join ' ', @$lines;

	$text =~ s/\s+/ /g;
	while ($text =~ /tenant\.(\w+)\(((?:[^()]|\([^()]*\))*)\)/g)
	{
		my ($name, $arguments) = ($1, $2);
		my $normal = sub {
			return join ', ', map { my $default = s/ DEFAULT .*//; s/^ | $|"//g; s/^(?:VARIADIC|IN) //; s/\bint$/integer/; "$_" . ($default ? ' =' : '') }
			  grep { !/^OUT / } split /, ?(?![^()]*\))/, $_[0];
		};
		my @real = map { s/^://r } split /\n/, $node->safe_psql($db, "SELECT ':' || pg_get_function_arguments(oid) FROM pg_proc
			WHERE pronamespace = 'tenant'::regnamespace AND proname = '$name'");
		return "there is no function tenant.$name" unless @real;
		my $documented = $normal->($arguments);
		next if grep { $normal->($_) eq $documented } @real;
		return "tenant.$name($documented) is not tenant.$name(" . $normal->($real[0]) . ')';
	}
	return;
}

# run_examples(node, database, text) -> hash of counts and lists: what went wrong,
# what was not run and why, what was noted.
sub run_examples
{
	my ($node, $db, $text) = @_;
	my %result = (problem => [], not_run => [], note => [], run => 0, checked => 0);
	my $dir = PostgreSQL::Test::Utils::tempdir();
	my %value = (dir => $dir, host => $node->host, port => $node->port, bin => run_config('--bindir'));
	my $script = "\\set QUIET on\n\\pset pager off\n\\set SHOW_CONTEXT never\n\\set HIDE_TABLEAM on\n\\pset null ''\n";
	my (@step, @log, @later);

	foreach my $example (read_examples($text))
	{
		my $where = "line $example->{line}";
		if ($example->{kind} eq 'stray')
		{
			push @{ $result{problem} }, "$where: no example follows the mark";
			next;
		}
		if ($example->{kind} eq 'setup')
		{
			my $setup = substitute(join("\n", @{ $example->{lines} }), \%value);
			my ($segment, $problem) = split_sql([ split /\n/, $setup ]);
			if (defined $problem)
			{
				push @{ $result{problem} }, "$where: $problem";
				next;
			}
			foreach (@$segment)
			{
				push @step, { where => $where, what => join(' ', @{ $_->{sql} }), expect => '00000' };
				$script .= script_of($#step, $dir, $_->{sql}, 0);
			}
			next;
		}
		my $mark = marks_of($example, $result{problem});
		if (defined $mark->{'not run'})
		{
			push @{ $result{not_run} }, "$where: $mark->{'not run'}";
			next;
		}
		append_to_file("$dir/$mark->{file}", join("\n", @{ $example->{lines} }, '')) if defined $mark->{file};
		my $language = $mark->{lang};
		next unless $known_language{$language};
		if ($language eq 'cron')
		{
			$language = 'sh';
			s/^(?:\S+ +){5}// foreach @{ $example->{lines} };
		}
		if ($language eq 'output' && exists $mark->{'in the log'})
		{
			push @log, { where => $where, lines => $example->{lines}, varies => $mark->{varies} };
			$result{run}++;
		}
		elsif ($language eq 'sql' || $language eq 'sh' || $language eq 'output')
		{
			my ($segment, $problem) = $language eq 'sql' ? split_sql($example->{lines})
			  : $language eq 'sh' ? split_shell($example->{lines})
			  : ([ { sql => [ $mark->{'shown by'} // '' ], shown => $example->{lines} } ], undef);
			if (defined $problem)
			{
				push @{ $result{problem} }, "$where: $problem";
				next;
			}
			my %fails = (fails => $mark->{fails}, seen => 0);
			foreach (@$segment)
			{
				my @text = map { substitute($_, \%value, $mark->{replace}) } defined $_->{sh} ? $_->{sh} : @{ $_->{sql} };
				my $aligned = !@{ $_->{shown} } || grep { /^\(\d+ rows?\)$/ || /^-+(?:\+-+)*$/ } @{ $_->{shown} };
				push @step, { where => $where, what => join(' ', @text), shown => $_->{shown}, varies => $mark->{varies},
					fails => \%fails, output => $language eq 'output' };
				@text = ("\\! $text[0]") if defined $_->{sh};
				$script .= script_of($#step, $dir, \@text, !$aligned);
			}
			push @later, { where => $where, fails => \%fails } if defined $mark->{fails};
			$result{run}++;
		}
		else
		{
			push @later, { where => $where, language => $language, lines => $example->{lines} };
			$result{checked}++;
		}
	}

	judge_steps(\@step, run_script($node, $db, $dir, $script), $result{problem});
	foreach (@later)
	{
		my $problem;
		if (defined $_->{fails})
		{
			$problem = "no statement failed with $_->{fails}{fails}" unless $_->{fails}{seen};
		}
		else
		{
			my @note;
			$problem = $_->{language} eq 'signature' ? check_signature($node, $db, $_->{lines})
			  : check_text($node, $dir, $_->{language}, $_->{lines}, \@note);
			my $where = $_->{where};
			push @{ $result{note} }, map { "$where: $_" } @note;
		}
		push @{ $result{problem} }, "$_->{where}: $problem" if defined $problem;
	}
	my $log = slurp_file($node->logfile);
	$log =~ s/^.*?\b((?:LOG|FATAL|WARNING|ERROR|DETAIL|HINT|NOTICE):)/$1/mg;
	foreach (@log)
	{
		foreach my $line (@{ $_->{lines} })
		{
			my $varies = $_->{varies};
			my $wanted = comparable([$line], $varies);
			push @{ $result{problem} }, "$_->{where}: not in the server's log: $line"
			  unless grep { comparable([$_], $varies) eq $wanted } split /\n/, $log;
		}
	}
	return \%result;
}

sub run_config
{
	my ($option) = @_;
	my ($stdout) = run_command([ 'pg_config', $option ]);
	return $stdout;
}

# The commands of one step, between lines by which its output is found again.
# Those for the shell are in a file, each, so that one that fails is seen.
sub script_of
{
	my ($number, $dir, $statements, $bare) = @_;
	my $part = 0;
	my $script = "\\echo \@\@begin $number\n\\pset format " . ($bare ? 'unaligned' : 'aligned')
	  . "\n\\pset tuples_only " . ($bare ? 'on' : 'off') . "\n";
	foreach (@$statements)
	{
		if (/^\\! (.*)/s)
		{
			my $file = "$dir/step$number." . $part++ . '.sh';
			append_to_file($file, "cd $dir\n$shell_functions\n$1\n");
			$script .= "\\! bash -eu -o pipefail $file 2>&1; echo \"\@\@state\" \$?\n";
			next;
		}
		$script .= s/\n?$/\n/r . "\\echo \@\@state " . (/^\\(?!copy)/ ? 'none' : ':SQLSTATE') . "\n";
	}
	return $script;
}

# One psql for the page; what it prints comes back in the order of the steps.
sub run_script
{
	my ($node, $db, $dir, $script) = @_;
	my $output = '';
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => $db, PGUSER => 'postgres',
		PGOPTIONS => '-c statement_timeout=60s -c lock_timeout=30s', PSQL_HISTORY => '/dev/null');

	my $run = IPC::Run::start([ 'bash', '-c', "cd $dir && exec psql -X 2>&1" ], '<', \$script, '>', \$output,
		IPC::Run::timeout(5 * $PostgreSQL::Test::Utils::timeout_default));
	eval { $run->finish; 1 } or do { $run->kill_kill; $output .= "\n$@"; };
	return $output;
}

# Compare what each step has printed, and how it has ended, with the page.
sub judge_steps
{
	my ($step, $output, $problem) = @_;
	my (@printed, @states);
	my $number = -1;

	foreach (split /\n/, $output)
	{
		if (/^\@\@begin (\d+)$/)
		{
			$number = $1;
			$printed[$number] = [];
		}
		elsif (/^(.*)\@\@state (\S+)$/)
		{
			push @{ $states[$number] }, $2;
			push @{ $printed[$number] }, $1 if $1 ne '';
		}
		elsif ($number >= 0)
		{
			push @{ $printed[$number] }, $_;
		}
	}
	foreach my $i (0 .. $#$step)
	{
		my ($one, $got) = ($step->[$i], $printed[$i]);
		my $what = (split /\n/, $one->{what} =~ s/^\s+//r)[0] // '';
		if (!defined $got || !$states[$i])
		{
			push @$problem, "$one->{where}: psql has not come to the end of: $what"
			  . join("\n    ", '', last_lines($output, 20));
			last;
		}
		judge_step($one, $got, $states[$i], $what, $problem);
	}
	return;
}

sub last_lines
{
	my ($text, $count) = @_;
	my @line = split /\n/, $text;

	splice(@line, 0, @line - $count) if @line > $count;
	return @line;
}

# A page may show errors without their details and hints.
sub as_short_as
{
	my ($shown, $got) = @_;
	my @line = @$got;

	foreach my $field ('DETAIL', 'HINT')
	{
		@line = grep { !/^$field:  / } @line unless grep { /^$field:/ } @$shown;
	}
	return \@line;
}

sub judge_step
{
	my ($one, $got, $states, $what, $problem) = @_;
	my @shown = @{ $one->{shown} // [] };
	my @bad = grep { $_ !~ /^(?:0+|none|:SQLSTATE|0[12]\w{3})$/ } @$states;
	my $fails = $one->{fails};

	@$got = grep { /^\w+:  / || /^\s*$/ } @$got if $one->{output};
	if (grep { /\S/ } @shown)
	{
		my $expected = comparable(\@shown, $one->{varies});
		my $printed = comparable(as_short_as(\@shown, $got), $one->{varies});
		push @$problem, "$one->{where}: $what\n  prints\n" . join("\n", map { "    $_" } @$got)
		  . "\n  and not\n" . join("\n", map { "    $_" } @shown)
		  if $expected ne $printed;
		push @$problem, "$one->{where}: $what\n  fails (@bad), which the page does not show" if @bad && !grep { /^ERROR:/ } @shown;
		return;
	}
	if (@bad && defined $fails->{fails} && grep { $_ eq $fails->{fails} } @bad)
	{
		$fails->{seen} = 1;
		@bad = grep { $_ ne $fails->{fails} } @bad;
	}
	push @$problem, "$one->{where}: $what\n  fails (@bad):\n" . join("\n", map { "    $_" } @$got) if @bad;
	return;
}

1;
