/*
 * connection_host.c
 *		Where connections may lead to, and under which identity.
 *
 * Connections are opened by processes of the server, and a row is written by
 * whoever has been granted that.  So that nobody is lent what the server's user
 * may do: through a socket, the other side would see that user; hence only a
 * superuser writes rows whose host is one, or those that a superuser has listed
 * in a setting, which can limit other hosts as well.  And a login counts only
 * if it has used the registry's password, unless a superuser has written a row
 * without one.
 *
 * That is looked at when a row is written, and again each time that it is used,
 * for the setting may be another one by then, and rows come from elsewhere.
 *
 * Certificates are files of the server.  An option names one, without a path,
 * in a directory that is set for that.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "connections/connection_host.h"
#include "tenants/tenant_name.h"

#define SEPARATORS		", \t\r\n"
#define MAX_ENTRY		256

/* the settings; written by the GUC machinery only */
char	   *tm_connection_hosts = NULL;
char	   *tm_certificate_directory = NULL;

static bool is_allowed(const char *host);
static bool is_socket(const char *host);
static bool matches_entry(const char *host, const char *entry);
static bool is_in_network(const char *host, const char *network);
static bool matches_pattern(const char *string, const char *pattern, bool fold);

void
tm_connection_host_check(const char *host)
{
	if (is_allowed(host))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to use host \"%s\" for a connection",
					tm_tenant_name_printable(host)),
			 errhint("A superuser can write the row, or list the host in tenant_mgr.connection_hosts.")));
}

const char *
tm_connection_refusal(const ConnectionInfo *connection)
{
	if (connection->by_superuser)
		return NULL;
	if (!is_allowed(connection->host))
		return _("its host is not allowed, for its row was not written by a superuser");
	if (connection->password == NULL)
		return _("it has no password, and its row was not written by a superuser");
	return NULL;
}

bool
tm_connection_must_use_password(const ConnectionInfo *connection)
{
	return connection->password != NULL || !connection->by_superuser;
}

char *
tm_connection_file(const char *name)
{
	struct stat st;
	char	   *path;

	if (tm_certificate_directory[0] == '\0')
		return NULL;
	path = psprintf("%s/%s", tm_certificate_directory, name);
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return NULL;
	return path;
}

static bool
is_allowed(const char *host)
{
	const char *entry = tm_connection_hosts + strspn(tm_connection_hosts, SEPARATORS);

	if (*entry == '\0')
		return !is_socket(host);
	while (*entry != '\0')
	{
		Size		size = strcspn(entry, SEPARATORS);
		char		copy[MAX_ENTRY];

		if (size < sizeof(copy))
		{
			memcpy(copy, entry, size);
			copy[size] = '\0';

			if (matches_entry(host, copy))
				return true;
		}
		entry += size;
		entry += strspn(entry, SEPARATORS);
	}
	return false;
}

/* As libpq sees it: a directory, or a name in the abstract namespace */
static bool
is_socket(const char *host)
{
	return host[0] == '/' || host[0] == '@' || host[0] == '\0';
}

/*
 * A pattern for names is none for sockets, which have to be meant, and no
 * directory is left by "..".
 */
static bool
matches_entry(const char *host, const char *entry)
{
	if (is_socket(host))
		return is_socket(entry) && strstr(host, "..") == NULL &&
			matches_pattern(host, entry, false);
	return is_in_network(host, entry) || matches_pattern(host, entry, true);
}

/* Is the host an address in "10.0.0.0/8" or the like? */
static bool
is_in_network(const char *host, const char *network)
{
	const char *slash = strchr(network, '/');
	unsigned char address[16];
	unsigned char base[16];
	char		copy[MAX_ENTRY];
	char	   *end;
	long		bits;
	int			family = strchr(network, ':') != NULL ? AF_INET6 : AF_INET;
	int			i;

	if (slash == NULL || slash == network)
		return false;
	strlcpy(copy, network, slash - network + 1);
	bits = strtol(slash + 1, &end, 10);
	if (end == slash + 1 || *end != '\0' || bits < 0 ||
		bits > (family == AF_INET ? 32 : 128) ||
		inet_pton(family, copy, base) != 1 ||
		inet_pton(family, host, address) != 1)
		return false;
	for (i = 0; i < bits; i++)
	{
		unsigned char bit = 0x80 >> (i % 8);

		if ((address[i / 8] & bit) != (base[i / 8] & bit))
			return false;
	}
	return true;
}

/*
 * "*" stands for any characters.  Letters of ASCII are alike in both cases in
 * names of hosts, and not in those of directories.
 */
static bool
matches_pattern(const char *string, const char *pattern, bool fold)
{
	const char *star = NULL;
	const char *resume = NULL;

	while (*string != '\0')
	{
		if (*pattern == '*')
		{
			star = pattern++;
			resume = string;
		}
		else if (*pattern == *string ||
				 (fold && pg_ascii_tolower((unsigned char) *pattern) ==
				  pg_ascii_tolower((unsigned char) *string)))
		{
			pattern++;
			string++;
		}
		else if (star != NULL)
		{
			pattern = star + 1;
			string = ++resume;
		}
		else
			return false;
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}
