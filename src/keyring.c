/*
 * keyring.c
 *		The root keys, which come from outside of the database.
 *
 * The ring is a text (keyring_text.c) from a file, or from what a program
 * prints; it never comes through SQL.  If the server loads the library when it
 * starts, it reads the ring then, or does not start, and every session has the
 * ring from the beginning.  Otherwise each session reads it when it first needs
 * a key.
 *
 * A session looks at the ring again after the configuration has been reloaded,
 * or when the file is not the one it was: before a key is looked up, and at
 * most once for a statement.  If what is there now is not a ring, the session
 * goes on with the one it has and says so in the log, as the server does with
 * its own files.  To take all keys away, no ring may be configured.
 *
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

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "guc.h"
#include "keyring.h"
#include "tenant_mgr.h"

/* The text of a ring while it is read; in guarded memory */
typedef struct RingText
{
	Size		size;			/* bytes in use */
	char		bytes[TM_MAX_RING_SIZE + 1];	/* one more, to see that it is
												 * too long */
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

/*
 * The ring in force, or NULL; written by look_at_ring().  The process that
 * read it, or has locked its copy of it in memory.
 */
static KeyRing *ring = NULL;
static int	ring_owner = 0;

/* what was there when it was last looked at, and what was wrong, or NULL */
static RingStamp ring_stamp;
static char *ring_problem = NULL;

/* moves when the ring in force changes */
static uint64 ring_generation = 1;

static void require_ring(void);
static bool ring_is_configured(void);
static void look_at_ring(void);
static void set_ring(KeyRing *new_ring);
static void set_problem(const char *problem);
static char *read_ring(KeyRing **result);
static void take_stamp(RingStamp *stamp);
static char *read_file(RingText *ring_text);
static char *check_file(const struct stat *st);
static char *read_command(RingText *ring_text);
static char *read_all(int fd, RingText *ring_text);

void
tm_keyring_start(void)
{
	if (!process_shared_preload_libraries_in_progress ||
		!ring_is_configured())
		return;

	look_at_ring();
	if (ring == NULL)
		ereport(FATAL,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("key ring cannot be used"),
				 errdetail("%s", ring_problem),
				 errhint("Without tenant_mgr.key_file and tenant_mgr.key_command the server starts without root keys.")));
}

uint64
tm_keyring_generation(void)
{
	static TimestampTz looked_at = 0;
	TimestampTz now = GetCurrentStatementStartTimestamp();

	if (now != looked_at)
	{
		look_at_ring();
		looked_at = now;
	}
	return ring_generation;
}

const RootKey *
tm_keyring_current(void)
{
	require_ring();
	return &ring->keys[ring->current];
}

const RootKey *
tm_keyring_lookup(int32 version)
{
	const RootKey *key;

	require_ring();
	key = tm_keyring_find(version);
	if (key == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_NO_KEY),
				 errmsg("root key version %d is not in the key ring", version),
				 errhint("Add the key to the ring again; CALL tenant.rotate_keys() before removing it.")));
	return key;
}

const RootKey *
tm_keyring_find(int32 version)
{
	int			i;

	for (i = 0; ring != NULL && i < ring->nkeys; i++)
	{
		if (ring->keys[i].version == version)
			return &ring->keys[i];
	}
	return NULL;
}

bool
tm_keyring_is_usable(char **problem)
{
	look_at_ring();
	*problem = NULL;
	if (!ring_is_configured())
		*problem = pstrdup(_("No key ring is configured."));
	else if (ring_problem != NULL)
		*problem = pstrdup(ring_problem);
	return ring != NULL;
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
	if (!ring_is_configured())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no key ring is configured"),
				 errhint("Put the output of tenant.generate_key() into a file that only the server's user can read, and set tenant_mgr.key_file.")));
	look_at_ring();
	if (ring == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_NO_KEY),
				 errmsg("key ring cannot be used"),
				 errdetail("%s", ring_problem)));
}

static bool
ring_is_configured(void)
{
	return tm_key_file[0] != '\0' || tm_key_command[0] != '\0';
}

/*
 * Read the ring, unless nothing has changed since it was last looked at.
 * Without any ring, it is tried again each time.
 */
static void
look_at_ring(void)
{
	RingStamp	stamp;
	KeyRing    *new_ring = NULL;
	char	   *problem;

	if (!ring_is_configured())
	{
		set_ring(NULL);
		set_problem(NULL);
		return;
	}

	/* What has been locked in memory by the server is not for a session. */
	if (ring != NULL && ring_owner != MyProcPid)
	{
		tm_crypto_lock_guarded(ring, sizeof(KeyRing));
		ring_owner = MyProcPid;
	}

	take_stamp(&stamp);
	if (ring != NULL && memcmp(&stamp, &ring_stamp, sizeof(stamp)) == 0)
		return;
	problem = read_ring(&new_ring);
	ring_stamp = stamp;
	set_problem(problem);
	if (problem == NULL)
		set_ring(new_ring);
	else if (ring != NULL)
		ereport(LOG,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("key ring cannot be used, going on with the former one"),
				 errdetail("%s", problem)));
}

static void
set_ring(KeyRing *new_ring)
{
	if (ring == new_ring)
		return;
	if (ring != NULL)
		tm_crypto_free_guarded(ring);
	ring = new_ring;
	ring_owner = MyProcPid;
	ring_generation++;
}

static void
set_problem(const char *problem)
{
	if (ring_problem != NULL)
		pfree(ring_problem);
	ring_problem = problem != NULL ?
		MemoryContextStrdup(TopMemoryContext, problem) : NULL;
}

/* Returns NULL, or why there is no ring. */
static char *
read_ring(KeyRing **result)
{
	RingText   *ring_text;
	char	   *problem;

	if (tm_key_file[0] != '\0' && tm_key_command[0] != '\0')
		return pstrdup(_("Both tenant_mgr.key_file and tenant_mgr.key_command are set."));

	ring_text = tm_crypto_alloc_guarded(sizeof(RingText));
	if (tm_key_file[0] != '\0')
		problem = read_file(ring_text);
	else
		problem = read_command(ring_text);
	if (problem != NULL)
	{
		tm_crypto_free_guarded(ring_text);
		return problem;
	}

	*result = tm_crypto_alloc_guarded(sizeof(KeyRing));
	problem = tm_keyring_parse(ring_text->bytes, ring_text->size, *result);
	tm_crypto_free_guarded(ring_text);
	if (problem != NULL)
		tm_crypto_free_guarded(*result);
	return problem;
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
read_file(RingText *ring_text)
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
		problem = read_all(fd, ring_text);
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
read_command(RingText *ring_text)
{
	FILE	   *pipe = OpenPipeStream(tm_key_command, PG_BINARY_R);
	char	   *problem;
	int			status;

	if (pipe == NULL)
		return psprintf(_("The key command cannot be run: %s."),
						strerror(errno));
	problem = read_all(fileno(pipe), ring_text);
	status = ClosePipeStream(pipe);
	if (problem == NULL && status != 0)
		problem = pstrdup(_("The key command has failed."));
	return problem;
}

/* Not by way of a stream, whose buffer would keep what went through it. */
static char *
read_all(int fd, RingText *ring_text)
{
	for (;;)
	{
		ssize_t		nread = read(fd, ring_text->bytes + ring_text->size,
								 sizeof(ring_text->bytes) - ring_text->size);

		if (nread < 0 && errno == EINTR)
			continue;
		if (nread < 0)
			return psprintf(_("The key ring cannot be read: %s."),
							strerror(errno));
		if (nread == 0)
			return NULL;
		ring_text->size += nread;
		if (ring_text->size > TM_MAX_RING_SIZE)
			return psprintf(_("The key ring is longer than %d bytes."),
							TM_MAX_RING_SIZE);
	}
}
