/* Strings of literals, which compilers put into a section that linkers may merge. */
#include "../common.h"

static __noinline int length(const char *text)
{
	int n = 0;

	for (int i = 0; i < 16; i++) {
		if (!text[i])
			break;
		n += text[i];
	}
	return n;
}

SEC("xdp")
int first(struct xdp_md *ctx)
{
	const char *texts = "first\0second";
	volatile char copy[16] = "local to a";

	return length(texts + 6) * 3 + copy[2];
}

char _license[] SEC("license") = "GPL";
