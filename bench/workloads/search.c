// SPDX-License-Identifier: Apache-2.0
// How often a needle of 8 bytes occurs in 1,000 bytes, byte by byte; and where it was last.
#include "workload.h"

#define NEEDLE 8
#define HAYSTACK 1000

u64 prog(u8 *mem, u64 len)
{
	const u8 *needle = mem;
	const u8 *haystack = mem + NEEDLE;
	u32 found = 0, last = 0;

	for (u32 at = 0; at <= HAYSTACK - NEEDLE; at++) {
		u32 same = 0;

		while (same < NEEDLE && haystack[at + same] == needle[same])
			same++;
		if (same == NEEDLE) {
			found++;
			last = at;
		}
	}
	return (u64)last << 32 | found;
}
