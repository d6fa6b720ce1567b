/*
 * raw_sodium.c
 *		What libsodium itself takes to seal and to open 32 bytes, with a random
 *		nonce for each: the microseconds of either, for bench/secrets.sh.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SIZE	32
#define NPUB	crypto_aead_xchacha20poly1305_ietf_NPUBBYTES

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

int
main(int argc, char **argv)
{
	long		rounds = argc > 1 ? atol(argv[1]) : 1000000;
	unsigned char key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
	unsigned char nonce[NPUB];
	unsigned char plain[SIZE] = {0};
	unsigned char sealed[SIZE + crypto_aead_xchacha20poly1305_ietf_ABYTES];
	double		start;
	double		seal;
	long		i;

	if (sodium_init() < 0 || rounds < 1)
		return 1;
	randombytes_buf(key, sizeof(key));
	start = now();
	for (i = 0; i < rounds; i++)
	{
		randombytes_buf(nonce, sizeof(nonce));
		crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, plain, SIZE,
												   NULL, 0, NULL, nonce, key);
	}
	seal = (now() - start) / rounds;
	start = now();
	for (i = 0; i < rounds; i++)
	{
		if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL,
													   sealed, sizeof(sealed),
													   NULL, 0, nonce, key) != 0)
			return 1;
	}
	printf("%.3f %.3f\n", seal, (now() - start) / rounds);
	return 0;
}
