/*
 * main.c
 *		Gives files to a target, where there is no libFuzzer.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "fuzz.h"

#define MAX_SIZE	(1024 * 1024)

int
main(int argc, char **argv)
{
	int			i;

	for (i = 1; i < argc; i++)
	{
		FILE	   *file = fopen(argv[i], "rb");
		uint8_t    *data = malloc(MAX_SIZE);
		size_t		size;

		if (file == NULL || data == NULL)
		{
			perror(argv[i]);
			return 1;
		}
		size = fread(data, 1, MAX_SIZE, file);
		fclose(file);
		(void) LLVMFuzzerTestOneInput(data, size);
		free(data);
	}
	printf("%d files\n", argc - 1);
	return 0;
}
