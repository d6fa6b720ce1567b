/*
 * envelope.c
 *		Target: secrets as text and as bytes, as they come from clients.
 *
 * A text that is accepted is the very text that its bytes are written as, and
 * bytes that are accepted survive the way to text and back.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "fuzz.h"

#include "secrets/envelope.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *input = exact_copy(data, size);
	char	   *bytes = palloc(size);
	Size		nbytes = tm_envelope_parse(input, size, bytes);

	if (nbytes > 0)
	{
		char	   *text = palloc(tm_envelope_text_size(nbytes));

		MUST(nbytes <= size && tm_envelope_check(bytes, nbytes));
		tm_envelope_format(bytes, nbytes, text);
		MUST(strlen(text) == size && memcmp(text, input, size) == 0);
		pfree(text);
	}
	if (tm_envelope_check(input, size))
	{
		char	   *text = palloc(tm_envelope_text_size(size));
		char	   *again;

		tm_envelope_format(input, size, text);
		again = palloc(strlen(text));
		MUST(tm_envelope_parse(text, strlen(text), again) == size &&
			 memcmp(again, input, size) == 0);
		pfree(again);
		pfree(text);
	}
	pfree(bytes);
	pfree(input);
	return 0;
}
