# TokenTest.pm: what the tests of tokens share: tokens that were minted without
# any of our code (mint_token.py), and what became of an attempt to use one.
package TokenTest;

use strict;
use warnings;
use Exporter 'import';
use FindBin;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(can_mint mint public_key attempt log_position log_since
  REFUSED MISSING);

use constant REFUSED => 'TM005: token refused';
use constant MISSING => 'TM005: switching to a tenant requires a token';

my $python = '/usr/bin/python3';

sub can_mint
{
	return -x $python && system("$python -c 'import jwt, cryptography' >/dev/null 2>&1") == 0;
}

# Any number of orders, each with its answer; see mint_token.py.
sub mint
{
	my @orders = @_;
	my $in = join('', map { JSON::PP->new->ascii->encode($_) . "\n" } @orders);
	my ($out, $err) = ('', '');
	IPC::Run::run([ $python, "$FindBin::RealBin/lib/mint_token.py" ], '<', \$in, '>', \$out, '2>', \$err)
	  or die "no token: $err";
	my @answers = split /\n/, $out;
	die "no token: $err" if @answers != @orders;
	return wantarray ? @answers : $answers[0];
}

sub public_key
{
	my ($name, $form) = @_;
	return scalar mint({ public => $name, defined $form ? (form => $form) : () });
}

# What psql prints, errors as SQLSTATE and message.
sub attempt
{
	my ($node, $db, $user, $sql, %options) = @_;
	local $ENV{PGOPTIONS} = $options{options} // '';
	my ($rc, $out, $err) = $node->psql($db, "\\set VERBOSITY verbose\n$sql",
		connstr => $node->connstr($db) . " user=$user", on_error_stop => 0);
	my @errors = map { s/^.*?ERROR: +//r } grep { /ERROR: / } split /\n/, $err;
	return join("\n", grep { $_ ne '' } $out, @errors);
}

sub log_position { my $node = shift; return -s $node->logfile; }

sub log_since
{
	my ($node, $position) = @_;
	return slurp_file($node->logfile, $position);
}

1;
