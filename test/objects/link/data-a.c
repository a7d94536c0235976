/* Global data in every section, some of it the other file's; statics of the same name. */
#include "../common.h"

extern int shared_data;
extern __u64 shared_bss;
extern const volatile int shared_rodata;
extern int table[];

int own_data = 11;
__u8 own_byte = 3;
int own_bss;
const volatile __u16 own_rodata = 44;
static volatile int state = 100;
static volatile __u64 counter;

SEC("xdp")
int first(struct xdp_md *ctx)
{
	shared_bss += own_rodata;
	counter += 2;
	state++;
	own_bss += table[1] + table[2];
	shared_data += own_data + own_byte;
	return shared_data + shared_rodata + state;
}

char _license[] SEC("license") = "GPL";
