/*
 * ring.c
 *		Target: the text of a key ring.
 *
 * A ring that is accepted has keys of different positive versions, one of them
 * the current one.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "fuzz.h"

#include "secrets/keyring_text.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = exact_copy(data, size);
	KeyRing    *ring = calloc(1, sizeof(KeyRing));
	char	   *problem = tm_keyring_parse(text, size, ring);
	int			i;
	int			j;

	if (problem == NULL)
	{
		MUST(ring->nkeys >= 1 && ring->nkeys <= TM_MAX_ROOT_KEYS);
		MUST(ring->current >= 0 && ring->current < ring->nkeys);
		for (i = 0; i < ring->nkeys; i++)
		{
			MUST(ring->keys[i].version > 0);
			for (j = 0; j < i; j++)
				MUST(ring->keys[i].version != ring->keys[j].version);
		}
	}
	else
		MUST(strlen(problem) > 0);
	free(problem);
	free(ring);
	pfree(text);
	return 0;
}
