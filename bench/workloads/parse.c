// SPDX-License-Identifier: Apache-2.0
// Short and branchy: the headers of 32 frames of 128 bytes. Ethernet, VLAN tags, IPv4 and IPv6, TCP and UDP; a verdict for each.
#include "workload.h"

#define FRAMES 32
#define FRAME 128

static inline __attribute__((always_inline)) u32 be16(const u8 *p)
{
	return p[0] << 8 | p[1];
}

static inline __attribute__((always_inline)) u32 verdict(const u8 *p)
{
	u32 type = be16(p + 12);
	u32 at = 14;
	u32 protocol;

	if (type == 0x8100) {
		type = be16(p + 16);
		at = 18;
	}
	if (type == 0x0800) {
		u32 ihl = (p[at] & 15) * 4;

		if (p[at] >> 4 != 4 || ihl < 20)
			return 1;
		if (be16(p + at + 6) & 0x1fff)
			return 2;
		protocol = p[at + 9];
		at += ihl;
	} else if (type == 0x86dd) {
		protocol = p[at + 6];
		at += 40;
	} else {
		return 3;
	}
	if (protocol == 6) {
		if (p[at + 13] & 2)
			return 4;
		return be16(p + at + 2) == 443 ? 5 : 6;
	}
	if (protocol == 17) {
		u32 port = be16(p + at + 2);

		if (port == 53)
			return 7;
		return port < 1024 ? 8 : 9;
	}
	return 10;
}

u64 prog(u8 *mem, u64 len)
{
	u64 sum = 0;

	for (u32 i = 0; i < FRAMES; i++)
		sum = sum * 31 + verdict(mem + i * FRAME);
	return sum;
}
