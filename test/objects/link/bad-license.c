/* Under another licence. */
#include "../common.h"

SEC("xdp")
int second(struct xdp_md *ctx)
{
	return 2;
}

char _license[] SEC("license") = "MIT";
