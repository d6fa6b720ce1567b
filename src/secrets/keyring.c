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
 * goes on with the one that was last read well and says so in the log, as the
 * server does with its own files.  To take all keys away, no ring may be
 * configured.
 *
 * If there is shared memory, what one process has read counts for all
 * (shared_ring.c): a file is read once, and a program run once, for each
 * change.  Whose settings are older than those by which the ring was last read
 * takes what there is.  Otherwise each session is alone.
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
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/setting.h"
#include "base/tenant_mgr.h"
#include "secrets/keyring.h"
#include "secrets/shared_ring.h"

/* The text of a ring while it is read; in guarded memory */
typedef struct RingText
{
	Size		size;			/* bytes in use */
	char		bytes[TM_MAX_RING_SIZE + 1];	/* one more, to see that it is
												 * too long */
} RingText;

/* the settings; written by the GUC machinery only */
char	   *tm_key_file = NULL;
char	   *tm_key_command = NULL;

/*
 * The ring in force, or NULL; written by look_at_ring().  The process that
 * read it, or has locked its copy of it in memory.  Which generation of the
 * shared one it is, if it is one.
 */
static KeyRing *ring = NULL;
static int	ring_owner = 0;
static uint64 shared_generation = 0;

/*
 * What there was when it was last looked at, alone; what there was when it
 * could not be read, together; what was wrong, or NULL.
 */
static RingStamp ring_stamp;
static RingStamp failed_stamp;
static char *ring_problem = NULL;

/* moves when the ring in force changes */
static uint64 ring_generation = 1;

static void require_ring(void);
static bool ring_is_configured(void);
static void look_at_ring(void);
static void look_together(void);
static bool is_news(const RingStamp *stamp, const SharedRingView *view);
static bool is_same_ring(const RingStamp *now, const RingStamp *then);
static bool reloads_are_counted(void);
static bool read_for_all(const SharedRingView *view, RingStamp *stamp);
static bool take_shared(const SharedRingView *view);
static void look_alone(void);
static void lock_inherited(void);
static void tell_former(const char *problem);
static void set_ring(KeyRing *new_ring);
static void set_problem(const char *problem);
static char *read_ring(KeyRing **result);
static void take_stamp(RingStamp *stamp);
static uint64 hash_of_settings(void);
static char *read_file(RingText *ring_text);
static char *check_file(const struct stat *st);
static char *read_command(RingText *ring_text);
static char *read_all(int fd, RingText *ring_text);

/*
 * Whenever the server reads its files again, also if they have the same as
 * before.
 */
void
tm_keyring_assign_command(const char *newval, void *extra)
{
	tm_shared_ring_count_reload();
}

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

/* In the starting server; again after a crash, when much may have changed. */
void
tm_keyring_shmem_startup(void)
{
	static bool restarted = false;
	SharedRingState state = SHARED_RING_NONE;
	RingStamp	stamp;
	uint64		generation;

	take_stamp(&stamp);
	if (stamp.source != 0)
		state = ring != NULL && (!restarted || (stamp.is_file &&
												is_same_ring(&stamp, &ring_stamp))) ?
			SHARED_RING_PRESENT : SHARED_RING_UNREAD;
	generation = tm_shared_ring_shmem_startup(state, ring,
											  state == SHARED_RING_PRESENT ?
											  &ring_stamp : &stamp);
	shared_generation = state == SHARED_RING_PRESENT ? generation : 0;
	restarted = true;
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

/* What others have read is looked at each time; see look_at_ring(). */
void
tm_keyring_refresh(void)
{
	if (!tm_shared_ring_is_available())
		memset(&ring_stamp, 0, sizeof(ring_stamp));
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
				 errdetail("%s", ring_problem != NULL ? ring_problem :
						   _("The settings have been changed."))));
}

static bool
ring_is_configured(void)
{
	return tm_key_file[0] != '\0' || tm_key_command[0] != '\0';
}

static void
look_at_ring(void)
{
	if (tm_shared_ring_is_available() && MyProc != NULL)
		look_together();
	else
		look_alone();
}

/* Whenever somebody else has been faster, begin anew. */
static void
look_together(void)
{
	SharedRingView view;
	RingStamp	stamp;

	do
	{
		tm_shared_ring_view(&view);
		take_stamp(&stamp);
	} while ((is_news(&stamp, &view) && read_for_all(&view, &stamp)) ||
			 !take_shared(&view));
}

/* Has the ring to be read?  If not, whatever was wrong with it is past. */
static bool
is_news(const RingStamp *stamp, const SharedRingView *view)
{
	if (stamp->source != view->stamp.source &&
		stamp->reload_time < view->stamp.reload_time)
		return false;
	if (view->state != SHARED_RING_UNREAD &&
		is_same_ring(stamp, &view->stamp))
	{
		set_problem(NULL);
		return false;
	}

	/* That there is to be none cannot have failed. */
	if (stamp->source == 0)
		return true;

	/* Without any ring, it is tried again each time. */
	return view->state != SHARED_RING_PRESENT ||
		!is_same_ring(stamp, &failed_stamp);
}

/*
 * A program is asked again once the settings have been read again: by the
 * server, if it counts that.  Sessions read them at their next statement, and
 * each would ask it again.
 */
static bool
is_same_ring(const RingStamp *now, const RingStamp *then)
{
	if (now->source != then->source)
		return false;
	if (now->source == 0)
		return true;
	if (!now->is_file)
		return reloads_are_counted() ? now->nreloads == then->nreloads :
			now->reload_time <= then->looked_at;
	return now->device == then->device && now->inode == then->inode &&
		now->size == then->size &&
		now->changed.tv_sec == then->changed.tv_sec &&
		now->changed.tv_nsec == then->changed.tv_nsec;
}

/*
 * A setting that has been given on the command line is not set again, and its
 * hook not called, when the files are read again.
 */
static bool
reloads_are_counted(void)
{
	static struct config_generic *record = NULL;

	if (!tm_shared_ring_is_available())
		return false;
	if (record == NULL)
		record = tm_setting_record("tenant_mgr.key_command");
	return record->source <= PGC_S_FILE;
}

/* True if there is something new to be looked at, by whomever. */
static bool
read_for_all(const SharedRingView *view, RingStamp *stamp)
{
	KeyRing    *new_ring = NULL;
	char	   *problem = NULL;

	if (stamp->source != 0)
		problem = read_ring(&new_ring);
	set_problem(problem);
	if (problem != NULL)
	{
		failed_stamp = *stamp;
		if (view->state == SHARED_RING_PRESENT)
			tell_former(problem);
		return false;
	}

	stamp->reload_time = Max(stamp->reload_time, view->stamp.reload_time);
	(void) tm_shared_ring_publish(view,
								  new_ring == NULL ? SHARED_RING_NONE :
								  SHARED_RING_PRESENT, new_ring, stamp);
	if (new_ring != NULL)
		tm_crypto_free_guarded(new_ring);
	return true;
}

/* False if it has changed meanwhile. */
static bool
take_shared(const SharedRingView *view)
{
	KeyRing    *new_ring;

	if (view->state != SHARED_RING_PRESENT)
	{
		set_ring(NULL);
		return true;
	}
	if (ring != NULL && shared_generation == view->generation)
	{
		lock_inherited();
		return true;
	}
	new_ring = tm_crypto_alloc_guarded(sizeof(KeyRing));
	if (!tm_shared_ring_copy(view, new_ring))
	{
		tm_crypto_free_guarded(new_ring);
		return false;
	}
	set_ring(new_ring);
	shared_generation = view->generation;
	return true;
}

/*
 * Read the ring, unless nothing has changed since it was last looked at.
 * Without any ring, it is tried again each time.
 */
static void
look_alone(void)
{
	RingStamp	stamp;
	KeyRing    *new_ring = NULL;
	char	   *problem;

	take_stamp(&stamp);
	if (stamp.source == 0)
	{
		set_ring(NULL);
		set_problem(NULL);
		return;
	}

	if (ring != NULL)
		lock_inherited();
	if (ring != NULL && stamp.reload_time == ring_stamp.reload_time &&
		is_same_ring(&stamp, &ring_stamp))
		return;
	problem = read_ring(&new_ring);
	ring_stamp = stamp;
	set_problem(problem);
	if (problem == NULL)
		set_ring(new_ring);
	else if (ring != NULL)
		tell_former(problem);
}

/* What has been locked in memory by the server is not for a session. */
static void
lock_inherited(void)
{
	if (ring_owner == MyProcPid)
		return;
	tm_crypto_lock_guarded(ring, sizeof(KeyRing));
	ring_owner = MyProcPid;
}

static void
tell_former(const char *problem)
{
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

/* A file that is not there is complained of when read. */
static void
take_stamp(RingStamp *stamp)
{
	struct stat st;

	memset(stamp, 0, sizeof(*stamp));
	if (IsUnderPostmaster)
		stamp->nreloads = tm_shared_ring_reloads();
	stamp->reload_time = PgReloadTime;
	stamp->looked_at = GetCurrentTimestamp();
	stamp->is_file = tm_key_file[0] != '\0';
	if (!ring_is_configured())
		return;
	stamp->source = hash_of_settings();
	if (!stamp->is_file || lstat(tm_key_file, &st) != 0)
		return;
	stamp->device = st.st_dev;
	stamp->inode = st.st_ino;
	stamp->size = st.st_size;
	stamp->changed = st.st_ctim;
}

/* Not 0. */
static uint64
hash_of_settings(void)
{
	uint64		file = hash_bytes_extended((const unsigned char *) tm_key_file,
										   strlen(tm_key_file), 1);

	return hash_bytes_extended((const unsigned char *) tm_key_command,
							   strlen(tm_key_command), file) | 1;
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
	/* nothing has been written that could fail now */
	(void) CloseTransientFile(fd);
	if (problem == NULL && tm_keyring_is_in_data_directory())
		ereport(LOG,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("key file is in the data directory"),
				 errdetail("A base backup would have the root keys beside what is sealed with them.")));
	return problem;
}

bool
tm_keyring_is_in_data_directory(void)
{
	char		directory[PATH_MAX];
	char		file[PATH_MAX];
	Size		size;

	if (tm_key_file[0] == '\0' || DataDir == NULL ||
		realpath(DataDir, directory) == NULL ||
		realpath(tm_key_file, file) == NULL)
		return false;
	size = strlen(directory);
	return strncmp(file, directory, size) == 0 && file[size] == '/';
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
