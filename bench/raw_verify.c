/*
 * raw_verify.c
 *		Microseconds that libsodium takes to verify the signature of a token.
 *
 * raw_verify KEY TOKEN SECONDS: KEY and TOKEN in base64 as JWT has it.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void
decode(const char *text, size_t size, unsigned char *bytes, size_t max)
{
	if (sodium_base642bin(bytes, max, text, size, NULL, NULL, NULL,
						  sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
		exit(1);
}

int
main(int argc, char **argv)
{
	unsigned char key[crypto_sign_PUBLICKEYBYTES];
	unsigned char signature[crypto_sign_BYTES];
	const char *point = strrchr(argv[2], '.');
	double		seconds = atof(argv[3]);
	struct timespec start;
	struct timespec now;
	double		passed;
	long		n = 0;

	if (sodium_init() < 0)
		return 1;
	decode(argv[1], strlen(argv[1]), key, sizeof(key));
	decode(point + 1, strlen(point + 1), signature, sizeof(signature));
	clock_gettime(CLOCK_MONOTONIC, &start);
	do
	{
		if (crypto_sign_verify_detached(signature,
										(unsigned char *) argv[2],
										point - argv[2], key) != 0)
			return 1;
		n++;
		clock_gettime(CLOCK_MONOTONIC, &now);
		passed = (now.tv_sec - start.tv_sec) +
			(now.tv_nsec - start.tv_nsec) / 1e9;
	} while (passed < seconds);
	printf("%.2f\n", passed / n * 1e6);
	return 0;
}
