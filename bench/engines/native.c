// SPDX-License-Identifier: Apache-2.0
// Runs a workload that was compiled natively: native MEMORY-FILE LENGTH COUNT. Prints r0, the FNV-1a hash of the memory after the
// first run, and nanoseconds per run. `prog` is in another object, so that no call of it is left out or moved.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

extern unsigned long long prog(unsigned char *mem, unsigned long long len);

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

int main(int argc, char **argv)
{
	static _Alignas(4096) unsigned char mem[1 << 20];
	FILE *file = argc == 4 ? fopen(argv[1], "rb") : NULL;

	if (!file)
		return 2;
	size_t size = fread(mem, 1, sizeof mem, file);
	unsigned long long length = strtoull(argv[2], NULL, 10), hash = 0xcbf29ce484222325ull;
	long count = atol(argv[3]);
	unsigned long long r0 = prog(mem, length);

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ mem[i]) * 0x100000001b3ull;
	for (long i = 0; i < count / 8; i++) {
		prog(mem, length);
		__asm__ volatile("" ::: "memory");
	}
	double start = now();

	for (long i = 0; i < count; i++) {
		prog(mem, length);
		__asm__ volatile("" ::: "memory");
	}
	printf("%016llx %016llx %.4f\n", r0, hash, count > 0 ? (now() - start) / count : 0.0);
	return 0;
}
