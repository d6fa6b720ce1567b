/*
 * version_place.c
 *		The place of a version in a list of migrations.
 *
 * Versions are looked up by the bytes of rows as they are stored, without copies,
 * for there can be millions of rows.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "fleet/migration.h"
#include "fleet/version_place.h"

/* A text within a row, not terminated */
typedef struct TextBytes
{
	const char *data;			/* where it begins */
	Size		length;			/* how many bytes it has */
} TextBytes;

/* The place of a version in the list of migrations */
typedef struct VersionPlace
{
	TextBytes	version;		/* hash key */
	int			place;			/* from 0 */
} VersionPlace;

static TextBytes bytes_of(Datum value);
static uint32 version_hash(const void *key, Size keysize);
static int	version_match(const void *a, const void *b, Size keysize);

HTAB *
tm_version_places(List *migrations)
{
	HASHCTL		control = {
		.keysize = sizeof(TextBytes),
		.entrysize = sizeof(VersionPlace),
		.hash = version_hash,
		.match = version_match,
		.hcxt = CurrentMemoryContext
	};
	HTAB	   *places = hash_create("tenant_mgr versions", 256, &control,
									 HASH_ELEM | HASH_FUNCTION | HASH_COMPARE |
									 HASH_CONTEXT);
	ListCell   *lc;

	foreach(lc, migrations)
	{
		const Migration *migration = lfirst(lc);
		TextBytes	version;
		VersionPlace *place;

		version.data = migration->version;
		version.length = strlen(migration->version);
		place = hash_search(places, &version, HASH_ENTER, NULL);
		place->place = foreach_current_index(lc);
	}
	return places;
}

int
tm_version_place(HTAB *places, Datum version)
{
	TextBytes	key = bytes_of(version);
	VersionPlace *place = hash_search(places, &key, HASH_FIND, NULL);

	return place == NULL ? -1 : place->place;
}

bool
tm_text_is(Datum value, const char *string)
{
	TextBytes	bytes = bytes_of(value);

	return bytes.length == strlen(string) &&
		memcmp(bytes.data, string, bytes.length) == 0;
}

/* Without a copy, for there can be millions of them; they are not compressed. */
static TextBytes
bytes_of(Datum value)
{
	text	   *packed = DatumGetTextPP(value);
	TextBytes	bytes;

	bytes.data = VARDATA_ANY(packed);
	bytes.length = VARSIZE_ANY_EXHDR(packed);
	return bytes;
}

static uint32
version_hash(const void *key, Size keysize)
{
	const TextBytes *version = key;

	return hash_bytes((const unsigned char *) version->data, version->length);
}

static int
version_match(const void *a, const void *b, Size keysize)
{
	const TextBytes *left = a;
	const TextBytes *right = b;

	return left->length != right->length ||
		memcmp(left->data, right->data, left->length) != 0;
}
