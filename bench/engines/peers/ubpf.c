// SPDX-License-Identifier: Apache-2.0
// Runner of `npm run bench -- engines` for ubpf's JIT (https://github.com/iovisor/ubpf): CODE-FILE MEMORY-FILE LENGTH COUNT.
//   clang-19 -O2 -I UBPF/vm/inc -I UBPF/build/vm bench/engines/peers/ubpf.c UBPF/build/lib/libubpf.a -lm -o ubpf-runner
//   UBPF=./ubpf-runner npm run bench -- engines
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <ubpf.h>

static unsigned char code[1 << 20], mem[1 << 20];

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static size_t read_file(const char *path, unsigned char *to, size_t most)
{
	FILE *file = fopen(path, "rb");

	if (!file) {
		perror(path);
		exit(2);
	}
	size_t size = fread(to, 1, most, file);

	fclose(file);
	return size;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	size_t code_size = read_file(argv[1], code, sizeof code), size = read_file(argv[2], mem, sizeof mem);
	unsigned long long length = strtoull(argv[3], NULL, 10), hash = 0xcbf29ce484222325ull;
	long count = atol(argv[4]);
	struct ubpf_vm *vm = ubpf_create();
	char *message = NULL;

	// As for verified programs: without tests of every access.
	ubpf_toggle_bounds_check(vm, false);
	if (ubpf_load(vm, code, code_size, &message) < 0) {
		fprintf(stderr, "%s\n", message);
		return 1;
	}
	ubpf_jit_fn run = ubpf_compile(vm, &message);

	if (!run) {
		fprintf(stderr, "%s\n", message);
		return 1;
	}
	unsigned long long r0 = run(mem, length);

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ mem[i]) * 0x100000001b3ull;
	for (long i = 0; i < count / 8; i++)
		run(mem, length);
	double start = now();

	for (long i = 0; i < count; i++)
		run(mem, length);
	printf("%016llx %016llx %.4f\n", r0, hash, count > 0 ? (now() - start) / count : 0.0);
	return 0;
}
