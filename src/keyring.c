/*
 * keyring.c
 *		The root keys, which come from outside of the database.
 *
 * The ring is a text: a line for each key, "version:" and 64 hexadecimal
 * digits, with an asterisk before the version of the current key; without any
 * asterisk the highest version is current.  Empty lines and lines that begin
 * with "#" do not count, and a line may end with a carriage return.  It comes
 * from a file or from what a program prints, never through SQL.
 *
 * Each backend reads it when it first needs a key, and again after the
 * configuration has been reloaded, or when the file is not the one it was.
 * All of it or nothing is taken over: a ring with a mistake in it is no ring,
 * for a key that is silently missing would be missed when it is too late.
 * The text and the keys are in guarded memory only, and the text is wiped as
 * soon as it has been read.  The reading functions return a reason instead of
 * raising an error, so that nothing of the text is left behind.  No message
 * quotes any of it.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "guc.h"
#include "keyring.h"
#include "tenant_mgr.h"

#define MAX_ROOT_KEYS	100
#define MAX_RING_SIZE	(64 * 1024)
#define NO_KEY			(-1)

/* A ring as it was read; in guarded memory */
typedef struct KeyRing
{
	int			nkeys;			/* number of keys */
	int			current;		/* position of the current one, or NO_KEY */
	RootKey		keys[MAX_ROOT_KEYS];	/* in the order of the text */
} KeyRing;

/* The text of a ring while it is read; in guarded memory */
typedef struct RingText
{
	Size		size;			/* bytes in use */
	char		text[MAX_RING_SIZE + 1];	/* one more, to see that it is too long */
} RingText;

/* By what it is seen that the ring may have changed */
typedef struct RingStamp
{
	TimestampTz reload_time;	/* when the configuration was last read */
	dev_t		device;			/* of the file, zeros for a command */
	ino_t		inode;
	off_t		size;
	struct timespec changed;	/* time of its last change */
} RingStamp;

/* the ring in force and its stamp, or NULL; written by load_ring */
static KeyRing *ring = NULL;
static RingStamp ring_stamp;

static void require_ring(void);
static bool ring_is_configured(void);
static char *load_ring(void);
static void take_stamp(RingStamp *stamp);
static char *read_file(RingText *text);
static char *check_file(const struct stat *st);
static char *read_command(RingText *text);
static char *read_all(int fd, RingText *text);
static char *parse_ring(const RingText *text, KeyRing *result);
static char *parse_line(const char *line, Size size, KeyRing *result,
						bool *marked);
static int32 parse_version(const char *digits, Size size);
static void choose_current(KeyRing *result, bool marked);

const RootKey *
tm_keyring_current(void)
{
	require_ring();
	return &ring->keys[ring->current];
}

const RootKey *
tm_keyring_lookup(int32 version)
{
	int			i;

	require_ring();
	for (i = 0; i < ring->nkeys; i++)
	{
		if (ring->keys[i].version == version)
			return &ring->keys[i];
	}
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_NO_KEY),
			 errmsg("root key version %d is not in the key ring", version),
			 errhint("Add the key to the ring again; CALL tenant.rotate_keys() before removing it.")));
	return NULL;				/* keep compiler quiet */
}

bool
tm_keyring_is_usable(char **problem)
{
	if (!ring_is_configured())
		*problem = pstrdup(_("No key ring is configured."));
	else
		*problem = load_ring();
	return *problem == NULL;
}

List *
tm_keyring_versions(void)
{
	List	   *versions = NIL;
	int			i;

	require_ring();
	for (i = 0; i < ring->nkeys; i++)
		versions = lappend_int(versions, ring->keys[i].version);
	return versions;
}

const char *
tm_keyring_source(void)
{
	if (tm_key_file[0] != '\0')
		return "file";
	return tm_key_command[0] != '\0' ? "command" : "none";
}

static void
require_ring(void)
{
	char	   *problem;

	if (!ring_is_configured())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no key ring is configured"),
				 errhint("Put the output of tenant.generate_key() into a file that only the server's user can read, and set tenant_mgr.key_file.")));
	problem = load_ring();
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_NO_KEY),
				 errmsg("key ring cannot be used"),
				 errdetail("%s", problem)));
}

static bool
ring_is_configured(void)
{
	return tm_key_file[0] != '\0' || tm_key_command[0] != '\0';
}

/*
 * Read the ring, unless the one at hand is as good.  Returns NULL, or why
 * there is no ring; then an old one is gone, too.
 */
static char *
load_ring(void)
{
	RingStamp	stamp;
	RingText   *text;
	KeyRing    *result;
	char	   *problem;

	take_stamp(&stamp);
	if (ring != NULL)
	{
		if (memcmp(&stamp, &ring_stamp, sizeof(stamp)) == 0)
			return NULL;
		tm_crypto_free_guarded(ring);
		ring = NULL;
	}
	if (tm_key_file[0] != '\0' && tm_key_command[0] != '\0')
		return pstrdup(_("Both tenant_mgr.key_file and tenant_mgr.key_command are set."));

	text = tm_crypto_alloc_guarded(sizeof(RingText));
	if (tm_key_file[0] != '\0')
		problem = read_file(text);
	else
		problem = read_command(text);
	if (problem != NULL)
	{
		tm_crypto_free_guarded(text);
		return problem;
	}

	result = tm_crypto_alloc_guarded(sizeof(KeyRing));
	problem = parse_ring(text, result);
	tm_crypto_free_guarded(text);
	if (problem != NULL)
	{
		tm_crypto_free_guarded(result);
		return problem;
	}
	ring = result;
	ring_stamp = stamp;
	return NULL;
}

/* A file that is not there has no stamp, and is complained of when read. */
static void
take_stamp(RingStamp *stamp)
{
	struct stat st;

	memset(stamp, 0, sizeof(*stamp));
	stamp->reload_time = PgReloadTime;
	if (tm_key_file[0] == '\0' || lstat(tm_key_file, &st) != 0)
		return;
	stamp->device = st.st_dev;
	stamp->inode = st.st_ino;
	stamp->size = st.st_size;
	stamp->changed = st.st_ctim;
}

/* Nothing but a file of our own will do, and it is not waited for. */
static char *
read_file(RingText *text)
{
	struct stat st;
	char	   *problem;
	int			fd;

	fd = OpenTransientFile(tm_key_file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
	{
		if (errno == ELOOP)
			return pstrdup(_("The key file is a symbolic link."));
		return psprintf(_("The key file cannot be opened: %s."),
						strerror(errno));
	}
	if (fstat(fd, &st) != 0)
		problem = psprintf(_("The key file cannot be examined: %s."),
						   strerror(errno));
	else
		problem = check_file(&st);
	if (problem == NULL)
		problem = read_all(fd, text);
	CloseTransientFile(fd);
	return problem;
}

static char *
check_file(const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return pstrdup(_("The key file is a directory."));
	if (!S_ISREG(st->st_mode))
		return pstrdup(_("The key file is not a regular file."));
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return pstrdup(_("The key file belongs to another user."));
	if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return pstrdup(_("The key file can be accessed by others than its owner."));
	return NULL;
}

/* The program has to come to an end by itself. */
static char *
read_command(RingText *text)
{
	FILE	   *pipe = OpenPipeStream(tm_key_command, PG_BINARY_R);
	char	   *problem;
	int			status;

	if (pipe == NULL)
		return psprintf(_("The key command cannot be run: %s."),
						strerror(errno));
	problem = read_all(fileno(pipe), text);
	status = ClosePipeStream(pipe);
	if (problem == NULL && status != 0)
		problem = pstrdup(_("The key command has failed."));
	return problem;
}

/* Not by way of a stream, whose buffer would keep what went through it. */
static char *
read_all(int fd, RingText *text)
{
	for (;;)
	{
		ssize_t		nread = read(fd, text->text + text->size,
								 sizeof(text->text) - text->size);

		if (nread < 0 && errno == EINTR)
			continue;
		if (nread < 0)
			return psprintf(_("The key ring cannot be read: %s."),
							strerror(errno));
		if (nread == 0)
			return NULL;
		text->size += nread;
		if (text->size > MAX_RING_SIZE)
			return psprintf(_("The key ring is longer than %d bytes."),
							MAX_RING_SIZE);
	}
}

static char *
parse_ring(const RingText *text, KeyRing *result)
{
	const char *position = text->text;
	const char *end = text->text + text->size;
	bool		marked = false;
	int			number = 0;

	result->current = NO_KEY;
	while (position < end)
	{
		const char *newline = memchr(position, '\n', end - position);
		const char *line = position;
		Size		size = (newline != NULL ? newline : end) - line;
		char	   *problem;

		number++;
		position = newline != NULL ? newline + 1 : end;
		if (size > 0 && line[size - 1] == '\r')
			size--;
		if (size == 0 || line[0] == '#')
			continue;
		problem = parse_line(line, size, result, &marked);
		if (problem != NULL)
			return psprintf(_("Line %d of the key ring: %s."), number, problem);
	}
	if (result->nkeys == 0)
		return pstrdup(_("The key ring is empty."));
	choose_current(result, marked);
	return NULL;
}

/* One key.  Returns NULL, or what is wrong with it; not a sentence. */
static char *
parse_line(const char *line, Size size, KeyRing *result, bool *marked)
{
	bool		is_current = (line[0] == '*');
	const char *start = line + (is_current ? 1 : 0);
	const char *end = line + size;
	const char *colon = memchr(start, ':', end - start);
	RootKey    *key = &result->keys[result->nkeys];
	int			i;

	if (colon == NULL)
		return pstrdup(_("there is no colon after the version"));
	if (result->nkeys >= MAX_ROOT_KEYS)
		return psprintf(_("there are more than %d keys"), MAX_ROOT_KEYS);

	key->version = parse_version(start, colon - start);
	if (key->version <= 0)
		return psprintf(_("the version is not a number from 1 to %d"),
						PG_INT32_MAX);
	for (i = 0; i < result->nkeys; i++)
	{
		if (result->keys[i].version == key->version)
			return psprintf(_("version %d occurs twice"), key->version);
	}
	if (end - colon - 1 != 2 * TM_CRYPTO_KEY_BYTES)
		return psprintf(_("the key has %d characters instead of %d"),
						(int) (end - colon - 1), 2 * TM_CRYPTO_KEY_BYTES);
	if (!tm_crypto_key_from_hex(colon + 1, end - colon - 1, key->key))
		return pstrdup(_("the key is not hexadecimal"));
	if (is_current && *marked)
		return pstrdup(_("a second key is marked as the current one"));

	tm_crypto_key_check(key->key, key->check);
	if (is_current)
	{
		*marked = true;
		result->current = result->nkeys;
	}
	result->nkeys++;
	return NULL;
}

/* A positive number without sign, blanks and leading zeros, or 0. */
static int32
parse_version(const char *digits, Size size)
{
	int64		version = 0;
	Size		i;

	if (size == 0 || size > 10 || digits[0] == '0')
		return 0;
	for (i = 0; i < size; i++)
	{
		if (digits[i] < '0' || digits[i] > '9')
			return 0;
		version = version * 10 + (digits[i] - '0');
	}
	return version <= PG_INT32_MAX ? (int32) version : 0;
}

static void
choose_current(KeyRing *result, bool marked)
{
	int			i;

	if (marked)
		return;
	result->current = 0;
	for (i = 1; i < result->nkeys; i++)
	{
		if (result->keys[i].version > result->keys[result->current].version)
			result->current = i;
	}
}
