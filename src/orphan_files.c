/*
 * orphan_files.c
 *		Files of this database that belong to no relation.
 *
 * The server removes the files of a transaction that fails, but not those of
 * one that was running when the server crashed.  They do no harm and take up
 * space.  They are told from files that are needed with some care, and only
 * listed here.
 *
 * A file is needed if a row of pg_class has its number, also a row that a
 * transaction still running has inserted or deleted, or if the map of the
 * relations that have no number there has it.  A file may be older than the
 * row that will have its number; so whatever has been written to since the
 * oldest of the running transactions began is left alone.  A dropped
 * relation's file stays behind, empty, until the next checkpoint, and nothing
 * tells when it was dropped: what is empty does not count.  Removing files
 * takes a transaction a moment after its commit, or many if there are
 * thousands, so suspects are looked at again after a pause, and again as long as
 * they get fewer.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include <sys/stat.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_tablespace.h"
#include "catalog/storage.h"
#include "common/relpath.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/backend_status.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "orphan_files.h"

/* How long to wait before the next look at suspects */
#define SECOND_LOOK_USECS	(100 * 1000L)

/* How old files have to be if sessions do not tell when they began */
#define UNTRACKED_AGE_USECS	(60 * USECS_PER_SEC)

/* What is known about the files of one number in one directory */
typedef struct FileEntry
{
	Oid			number;			/* hash key */
	int			nfiles;			/* files of that number */
	uint64		nbytes;			/* their length */
	time_t		newest;			/* when one of them was written to last */
} FileEntry;

/*
 * Numbers that files have, a bit for each.  They are given out one after the
 * other, so there are few pages, which are soon in the processor's cache; a
 * hash table of as many entries is not.
 */
#define PAGE_NUMBERS	65536
#define WORD_NUMBERS	64
#define MAX_PAGES		65536

typedef struct NumberSet
{
	uint64	   *pages[MAX_PAGES];	/* words of bits, or NULL */
} NumberSet;

/* One search */
typedef struct Search
{
	time_t		still_in_use;	/* what is as young as that may be needed */
	Relation	pg_class;		/* open */
	RelFileLocator *own_drops;	/* files that we remove at commit */
	int			nown_drops;		/* number of these */
} Search;

static List *list_tablespaces(void);
static void search_directory(Search *search, Oid spcid, List **orphans);
static NumberSet *list_numbers(const char *path);
static HTAB *make_entries(const NumberSet *numbers);
static void free_numbers(NumberSet *numbers);
static uint64 *word_of(const NumberSet *numbers, Oid number);
static void measure_files(const char *path, HTAB *files);
static bool relation_file_number(const char *name, Oid *number);
static void remove_listed(Search *search, Oid spcid, NumberSet *numbers);
static void remove_needed(Search *search, Oid spcid, HTAB *files);
static bool is_needed(Search *search, Oid spcid, Oid number);
static bool row_has_number(Relation pg_class, Oid spcid, Oid number);
static void remove_fresh(const Search *search, const char *path, HTAB *files);
static time_t oldest_transaction(void);

List *
tm_orphan_files(void)
{
	Search		search = {0};
	List	   *orphans = NIL;
	ListCell   *lc;

	/* What the primary's transactions are doing is not known on a standby. */
	if (RecoveryInProgress())
		return NIL;

	/* Before the directories: what begins later makes younger files. */
	search.still_in_use = oldest_transaction();
	search.nown_drops = smgrGetPendingDeletes(true, &search.own_drops);
	search.pg_class = table_open(RelationRelationId, AccessShareLock);
	foreach(lc, list_tablespaces())
		search_directory(&search, lfirst_oid(lc), &orphans);
	table_close(search.pg_class, AccessShareLock);

	return orphans;
}

/* All that a database can have files in. */
static List *
list_tablespaces(void)
{
	Relation	rel = table_open(TableSpaceRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	List	   *tablespaces = NIL;
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Oid			spcid = ((Form_pg_tablespace) GETSTRUCT(tuple))->oid;

		if (spcid != GLOBALTABLESPACE_OID)
			tablespaces = lappend_oid(tablespaces, spcid);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	return tablespaces;
}

static void
search_directory(Search *search, Oid spcid, List **orphans)
{
	char	   *path = GetDatabasePath(MyDatabaseId, spcid);
	NumberSet  *numbers = list_numbers(path);
	HTAB	   *files;
	HASH_SEQ_STATUS status;
	FileEntry  *entry;
	long		left;
	long		before;

	remove_listed(search, spcid, numbers);
	files = make_entries(numbers);
	free_numbers(numbers);
	remove_needed(search, spcid, files);
	remove_fresh(search, path, files);

	/* As long as they get fewer, somebody is just removing them. */
	for (left = hash_get_num_entries(files), before = left + 1;
		 left > 0 && left < before;
		 before = left, left = hash_get_num_entries(files))
	{
		CHECK_FOR_INTERRUPTS();
		pg_usleep(SECOND_LOOK_USECS);
		remove_needed(search, spcid, files);
		remove_fresh(search, path, files);
	}

	hash_seq_init(&status, files);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		OrphanFile *orphan = palloc(sizeof(OrphanFile));

		orphan->path = psprintf("%s/%u", path, entry->number);
		orphan->nfiles = entry->nfiles;
		orphan->nbytes = entry->nbytes;
		*orphans = lappend(*orphans, orphan);
	}
	hash_destroy(files);
}

/* The numbers that occur in the names of a directory's files */
static NumberSet *
list_numbers(const char *path)
{
	NumberSet  *numbers = palloc0(sizeof(NumberSet));
	DIR		   *dir;
	struct dirent *de;

	/* The database need not have anything in the tablespace. */
	dir = AllocateDir(path);
	if (dir == NULL && errno == ENOENT)
		return numbers;
	while ((de = ReadDir(dir, path)) != NULL)
	{
		Oid			number;
		uint64	  **page;

		CHECK_FOR_INTERRUPTS();
		if (!relation_file_number(de->d_name, &number))
			continue;
		page = &numbers->pages[number / PAGE_NUMBERS];
		if (*page == NULL)
			*page = palloc0(PAGE_NUMBERS / WORD_NUMBERS * sizeof(uint64));
		*word_of(numbers, number) |=
			UINT64CONST(1) << (number % WORD_NUMBERS);
	}
	FreeDir(dir);
	return numbers;
}

/* An entry for each number that is left */
static HTAB *
make_entries(const NumberSet *numbers)
{
	HASHCTL		ctl;
	HTAB	   *files;

	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(FileEntry);
	ctl.hcxt = CurrentMemoryContext;
	files = hash_create("tenant_mgr files", 64, &ctl,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < MAX_PAGES; i++)
	{
		if (numbers->pages[i] == NULL)
			continue;
		for (int j = 0; j < PAGE_NUMBERS; j++)
		{
			Oid			number = (Oid) i * PAGE_NUMBERS + j;

			if (((*word_of(numbers, number) >> (j % WORD_NUMBERS)) & 1) != 0)
				(void) hash_search(files, &number, HASH_ENTER, NULL);
		}
	}
	return files;
}

static void
free_numbers(NumberSet *numbers)
{
	for (int i = 0; i < MAX_PAGES; i++)
	{
		if (numbers->pages[i] != NULL)
			pfree(numbers->pages[i]);
	}
	pfree(numbers);
}

/* Where the bit of a number is, or NULL if none is set near it */
static uint64 *
word_of(const NumberSet *numbers, Oid number)
{
	uint64	   *page = numbers->pages[number / PAGE_NUMBERS];

	return page == NULL ? NULL :
		&page[number % PAGE_NUMBERS / WORD_NUMBERS];
}

/* Look at the files that there are entries for. */
static void
measure_files(const char *path, HTAB *files)
{
	HASH_SEQ_STATUS status;
	DIR		   *dir;
	struct dirent *de;
	FileEntry  *entry;

	hash_seq_init(&status, files);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		entry->nfiles = 0;
		entry->nbytes = 0;
		entry->newest = 0;
	}

	dir = AllocateDir(path);
	while ((de = ReadDir(dir, path)) != NULL)
	{
		char		name[MAXPGPATH * 2];
		struct stat st;
		Oid			number;

		CHECK_FOR_INTERRUPTS();
		if (!relation_file_number(de->d_name, &number))
			continue;
		entry = hash_search(files, &number, HASH_FIND, NULL);
		if (entry == NULL)
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, de->d_name);
		if (stat(name, &st) != 0)
			continue;			/* it is just being removed */
		entry->nfiles++;
		entry->nbytes += st.st_size;
		entry->newest = Max(entry->newest, st.st_mtime);
	}
	FreeDir(dir);
}

/*
 * Is this the name of a permanent relation's file: a number, perhaps a fork,
 * perhaps a segment?
 */
static bool
relation_file_number(const char *name, Oid *number)
{
	char	   *end;
	uint64		value;

	if (name[0] < '1' || name[0] > '9')
		return false;
	errno = 0;
	value = strtou64(name, &end, 10);
	if (errno != 0 || value > PG_UINT32_MAX)
		return false;
	*number = (Oid) value;

	if (*end == '_')
	{
		ForkNumber	fork;
		int			len = forkname_chars(end + 1, &fork);

		if (len == 0)
			return false;
		end += 1 + len;
	}
	if (*end == '.')
	{
		end++;
		if (*end == '\0')
			return false;
		end += strspn(end, "0123456789");
	}
	return *end == '\0';
}

/*
 * Nearly all files are named in pg_class, which is read from one end to the
 * other: to look up each would take many times as long.
 */
static void
remove_listed(Search *search, Oid spcid, NumberSet *numbers)
{
	SnapshotData dirty;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (spcid == MyDatabaseTableSpace)
		spcid = InvalidOid;
	InitDirtySnapshot(dirty);
	scan = systable_beginscan(search->pg_class, InvalidOid, false, &dirty, 0,
							  NULL);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);
		uint64	   *word = word_of(numbers, form->relfilenode);

		CHECK_FOR_INTERRUPTS();
		if (form->reltablespace == spcid && word != NULL)
			*word &= ~(UINT64CONST(1) << (form->relfilenode % WORD_NUMBERS));
	}
	systable_endscan(scan);
}

/* What remains are suspects. */
static void
remove_needed(Search *search, Oid spcid, HTAB *files)
{
	HASH_SEQ_STATUS status;
	FileEntry  *entry;

	hash_seq_init(&status, files);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (is_needed(search, spcid, entry->number))
			hash_search(files, &entry->number, HASH_REMOVE, NULL);
	}
}

static bool
is_needed(Search *search, Oid spcid, Oid number)
{
	RelFileLocator file = tm_file_locator(spcid, number);

	if (row_has_number(search->pg_class, spcid, number) ||
		OidIsValid(tm_mapped_relation(number)))
		return true;
	for (int i = 0; i < search->nown_drops; i++)
	{
		if (memcmp(&search->own_drops[i], &file, sizeof(file)) == 0)
			return true;
	}
	return false;
}

/* A row that is committed, or that is just being inserted or deleted. */
static bool
row_has_number(Relation pg_class, Oid spcid, Oid number)
{
	SnapshotData dirty;
	ScanKeyData keys[2];
	SysScanDesc scan;
	bool		found;

	/* pg_class says 0 where it means the database's own tablespace. */
	if (spcid == MyDatabaseTableSpace)
		spcid = InvalidOid;
	InitDirtySnapshot(dirty);
	ScanKeyInit(&keys[0], Anum_pg_class_reltablespace, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(spcid));
	ScanKeyInit(&keys[1], Anum_pg_class_relfilenode, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(number));
	scan = systable_beginscan(pg_class, ClassTblspcRelfilenodeIndexId, true,
							  &dirty, lengthof(keys), keys);
	found = systable_getnext(scan) != NULL;
	systable_endscan(scan);

	return found;
}

/* Those that may yet be needed, or be about to go, are no suspects. */
static void
remove_fresh(const Search *search, const char *path, HTAB *files)
{
	HASH_SEQ_STATUS status;
	FileEntry  *entry;

	if (hash_get_num_entries(files) == 0)
		return;
	measure_files(path, files);
	hash_seq_init(&status, files);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->nbytes == 0 || entry->newest >= search->still_in_use)
			hash_search(files, &entry->number, HASH_REMOVE, NULL);
	}
}

/* When the oldest running transaction of others began; now if there is none. */
static time_t
oldest_transaction(void)
{
	TimestampTz oldest = GetCurrentTimestamp();

	/* If others do not tell either, guess. */
	if (!pgstat_track_activities)
		oldest -= UNTRACKED_AGE_USECS;

	pgstat_clear_backend_activity_snapshot();
	for (int i = 1; i <= pgstat_fetch_stat_numbackends(); i++)
	{
		PgBackendStatus *status = tm_backend_status(i);

		if (status != NULL && status->st_procpid != MyProcPid &&
			status->st_xact_start_timestamp != 0)
			oldest = Min(oldest, status->st_xact_start_timestamp);
	}
	return timestamptz_to_time_t(oldest);
}
