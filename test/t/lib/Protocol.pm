# Protocol.pm: a client that sends messages of the protocol one by one, which
# psql and most drivers do not let one do: portals of which a part of the rows
# is asked for, pipelines, and cancelling.
#
#   my $client = Protocol->new($node, 'app', 'role');
#   is($client->query('SELECT 1'), '1');
#   $client->parse('', 'SELECT i FROM t')->bind('p', '')->execute('p', 2)->sync;
#   is($client->answers, '1 2 suspended');
#
# Answers are put in a line: values, commas between columns, "suspended" where
# there are more rows, "notified" with channel and payload, and SQLSTATEs of
# errors.  A line is what comes until the server is ready again.
package Protocol;

use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;
use PostgreSQL::Test::Utils;

sub new
{
	my ($class, $node, $db, $user) = @_;
	my $self = bless { path => $node->host . '/.s.PGSQL.' . $node->port }, $class;
	$user //= getpwuid($<);
	$self->{socket} = $self->connect_socket;
	my $startup = pack('N', 3 << 16) . join("\0", 'user', $user, 'database', $db, '', '');
	$self->{socket}->print(pack('N', 4 + length $startup) . $startup);
	my $greeting = $self->answers;
	die "no connection: $greeting" if $greeting ne '';
	return $self;
}

sub connect_socket
{
	my ($self) = @_;
	my $socket = IO::Socket::UNIX->new(Peer => $self->{path}) or die "no connection to $self->{path}: $!";
	$socket->autoflush(1);
	return $socket;
}

sub send_message
{
	my ($self, $type, $body) = @_;
	$self->{socket}->print($type . pack('N', 4 + length $body) . $body);
	return $self;
}

sub parse { my ($self, $name, $sql) = @_; return $self->send_message('P', "$name\0$sql\0" . pack('n', 0)); }

# Parameters are text.
sub bind
{
	my ($self, $portal, $statement, @values) = @_;
	return $self->send_message('B', "$portal\0$statement\0" . pack('nn', 0, scalar @values)
		. join('', map { pack('N/a*', $_) } @values) . pack('n', 0));
}

sub execute { my ($self, $portal, $rows) = @_; return $self->send_message('E', "$portal\0" . pack('N', $rows // 0)); }
sub close_portal { my ($self, $portal) = @_; return $self->send_message('C', "P$portal\0"); }
sub close_statement { my ($self, $name) = @_; return $self->send_message('C', "S$name\0"); }
sub sync { my ($self) = @_; return $self->send_message('S', ''); }

# A statement through the unnamed portal, or a simple one.
sub extended { my ($self, $sql, @values) = @_; return $self->parse('', $sql)->bind('', '', @values)->execute('')->sync->answers; }
sub send_query { my ($self, $sql) = @_; return $self->send_message('Q', "$sql\0"); }
sub query { my ($self, $sql) = @_; return $self->send_query($sql)->answers; }

# What came until the server was ready; "gone" if it closed the connection.
sub answers
{
	my ($self) = @_;
	my @answers;
	while (1)
	{
		my ($type, $body) = $self->read_message;
		if (!defined $type) { push @answers, 'gone'; last; }
		if ($type eq 'Z') { $self->{status} = $body; last; }
		$self->{pid_and_key} = $body if $type eq 'K';
		push @answers, row_of($body) if $type eq 'D';
		push @answers, 'suspended' if $type eq 's';
		push @answers, join ',', 'notified', split /\0/, substr($body, 4) if $type eq 'A';
		push @answers, $body =~ /(?:^|\0)C([^\0]*)/ ? $1 : '?' if $type eq 'E';
	}
	return join ' ', @answers;
}

sub row_of
{
	my ($body) = @_;
	my $ncolumns = unpack 'n', substr($body, 0, 2, '');
	my @values;
	foreach (1 .. $ncolumns)
	{
		my $length = unpack 'l>', substr($body, 0, 4, '');
		push @values, $length < 0 ? 'null' : substr($body, 0, $length, '');
	}
	return join ',', @values;
}

sub read_message
{
	my ($self) = @_;
	my $head = $self->read_bytes(5) // return;
	my ($type, $length) = unpack 'aN', $head;
	return ($type, $self->read_bytes($length - 4) // return);
}

sub read_bytes
{
	my ($self, $wanted) = @_;
	my $bytes = '';
	my $select = IO::Select->new($self->{socket});
	while (length $bytes < $wanted)
	{
		die 'the server does not answer' unless $select->can_read($PostgreSQL::Test::Utils::timeout_default);
		sysread($self->{socket}, $bytes, $wanted - length $bytes, length $bytes) or return;
	}
	return $bytes;
}

# Idle, in a transaction, or in a failed one: I, T, E
sub status { my ($self) = @_; return $self->{status}; }

sub pid { my ($self) = @_; return unpack 'N', $self->{pid_and_key}; }

# As a client's cancel button does, by another connection.
sub cancel
{
	my ($self) = @_;
	my $request = pack('N', 80877102) . $self->{pid_and_key};
	my $socket = $self->connect_socket;
	$socket->print(pack('N', 4 + length $request) . $request);
	my $end = '';
	sysread($socket, $end, 1);
	return;
}

# Gone without a word, as a client that was killed.
sub vanish { my ($self) = @_; $self->{socket}->close; return; }

sub leave { my ($self) = @_; $self->send_message('X', ''); $self->{socket}->close; return; }

1;
