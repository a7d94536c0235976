/* Global variables in an arena. */
#include "common.h"

#define __arena __attribute__((address_space(1)))

struct {
	__uint(type, 33);
	__uint(map_flags, 1024);
	__uint(max_entries, 10);
} arena SEC(".maps");

__u64 __arena counter = 5;
int __arena table[100];

SEC("syscall")
int count(void *ctx)
{
	counter++;
	table[3] = 7;
	return (int)counter;
}

char _license[] SEC("license") = "GPL";
