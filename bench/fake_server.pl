#!/usr/bin/env perl
# fake_server.pl: what connections.sh has looked at instead of ten thousand servers.
#
#   fake_server.pl FILE     writes two ports to the file and serves until killed
#
# At the first port something lets everybody in and answers each query as a
# primary answers a probe; at the second one connections are accepted, by the
# kernel, and nothing is ever said.  On the loopback interface only.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

sub listener { return IO::Socket::INET->new(Listen => 4096, LocalAddr => '127.0.0.1', Proto => 'tcp') // die "no socket: $!"; }
sub message  { my ($type, $body) = @_; return $type . pack('N', 4 + length $body) . $body; }

my $ready   = message('Z', 'I');
my $welcome = message('R', pack('N', 0)) . message('S', "server_version\00015.0\0") . message('S', "client_encoding\0UTF8\0") . $ready;
my $answer  = message('T', pack('n', 1) . "x\0" . pack('NnNnNn', 0, 0, 16, 1, -1, 0)) . message('D', pack('nN', 1, 1) . 'f') . message('C', "SELECT 1\0") . $ready;

sub receive
{
	my ($client, $size) = @_;
	my $data = '';
	while (length $data < $size)
	{
		my $read = sysread $client, $data, $size - length $data, length $data;
		return undef unless $read;
	}
	return $data;
}

sub serve
{
	my ($client) = @_;
	my $head = receive($client, 4) // return;
	receive($client, unpack('N', $head) - 4) // return;
	syswrite $client, $welcome;
	while (defined($head = receive($client, 5)))
	{
		my ($type, $size) = unpack 'aN', $head;
		return if $type eq 'X' || !defined receive($client, $size - 4);
		syswrite $client, $answer;
	}
	return;
}

my ($answering, $hanging) = (listener(), listener());

# The workers end when the other end of the pipe is closed, however that comes.
pipe(my $alive, my $keep) or die "pipe: $!";
$answering->blocking(0);
foreach (1 .. 4)
{
	next if fork() // die "fork: $!";
	close $keep;
	local $SIG{PIPE} = 'IGNORE';
	my $select = IO::Select->new($alive, $answering);
	while (!grep { $_ == $alive } $select->can_read)
	{
		my $client = $answering->accept // next;
		$client->blocking(1);
		serve($client);
		close $client;
	}
	exit 0;
}
open my $file, '>', "$ARGV[0].new" or die "$ARGV[0]: $!";
print $file $answering->sockport, ' ', $hanging->sockport, "\n";
close $file;
rename "$ARGV[0].new", $ARGV[0];
sleep 1 while getppid() != 1;
