# FakeServer.pm: servers that only look like one.
#
# fake_server is given what to do with a client and returns the port; each client
# has a process of its own, in the process group of its server, and all end with
# the test.  The rest are pieces of the protocol.
package FakeServer;

use strict;
use warnings;
use Exporter 'import';
use IO::Socket::INET;
use POSIX ();

our @EXPORT = qw(fake_server message startup next_message);

my @servers;

# The handler gets the client's socket and how many clients there were before.
sub fake_server
{
	my ($handler) = @_;
	my $listener = IO::Socket::INET->new(Listen => 20, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "no socket: $!";
	my $pid = fork() // die "could not fork: $!";
	setpgrp $pid, $pid;
	if ($pid == 0)
	{
		local $SIG{PIPE} = 'IGNORE';
		local $SIG{CHLD} = 'IGNORE';
		for (my $before = 0; my $client = $listener->accept; $before++)
		{
			next if fork();
			$client->autoflush(1);
			eval { $handler->($client, $before) };
			POSIX::_exit(0);
		}
		POSIX::_exit(0);
	}
	push @servers, $pid;
	return $listener->sockport;
}

END
{
	my $status = $?;
	kill 'KILL', map { -$_ } @servers if @servers;
	waitpid $_, 0 foreach @servers;
	$? = $status;
}

# A message with its type and length.
sub message { my ($type, $body) = @_; return $type . pack('N', 4 + length $body) . $body; }

# Take what a client begins with; nothing in it is of interest.
sub startup
{
	my ($client) = @_;
	read $client, my $length, 4;
	read $client, my $rest, unpack('N', $length) - 4;
	return;
}

# The client's next message without its type; dies if the client has gone.
sub next_message
{
	my ($client) = @_;
	(read $client, my $head, 5) == 5 or die 'the client has gone';
	read $client, my $body, unpack('x N', $head) - 4;
	return $body;
}

1;
