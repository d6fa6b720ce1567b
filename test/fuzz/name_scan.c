/*
 * name_scan.c
 *		Target: names of schemas in a text.
 *
 * Whatever the text is, no name is longer than a name can be, and it takes no
 * more time than its length is worth.  No text hides a name that comes after it.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "fuzz.h"

#include "base/name_scan.h"

static int	nfound;

static void
note_name(const char *name, void *arg)
{
	MUST(strlen(name) < NAMEDATALEN);
	nfound += strcmp(name, arg) == 0;
}

/* All that is found in a text whose memory ends with it. */
static int
count(const char *sql, const char *after)
{
	char	   *text = psprintf("%s%s", sql, after);

	nfound = 0;
	tm_scan_names(text, note_name, "shop9");
	free(text);
	return nfound;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const hidden[] = {
		"\nshop9 . t", "\n\"shop9\"/**/.t", "\nU&\"sh\\006fp9\".t", "\nE'sh\\x6fp9'", "\n'shop9'",
		"\nu&\"sh!006fp9\" uescape '!' . t", "\nset search_path = E'public, \\163hop9'"
	};
	char	   *sql = palloc(size + 1);

	if (size > 0)
		memcpy(sql, data, size);
	sql[size] = '\0';
	for (int i = 0; i < (int) lengthof(hidden); i++)
		MUST(count(sql, hidden[i]) > 0);
	free(sql);
	return 0;
}
