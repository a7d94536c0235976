/* Deduplicates a BTF file with libbpf: prints how many types are left. */
#include <bpf/btf.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct btf *btf = argc > 1 ? btf__parse_raw(argv[1]) : NULL;
	if (!btf || btf__dedup(btf, NULL))
		return 1;
	printf("%u\n", btf__type_cnt(btf));
	return 0;
}
