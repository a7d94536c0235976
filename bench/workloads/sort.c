// SPDX-License-Identifier: Apache-2.0
// Insertion sort of 64 numbers, of a copy that lies behind them: every run does the same work.
#include "workload.h"

#define COUNT 64

u64 prog(u8 *mem, u64 len)
{
	const u32 *from = (const u32 *)mem;
	u32 *to = (u32 *)mem + COUNT;

	for (int i = 0; i < COUNT; i++) {
		u32 value = from[i];
		int at = i;

		while (at > 0 && to[at - 1] > value) {
			to[at] = to[at - 1];
			at--;
		}
		to[at] = value;
	}
	return to[0] ^ (u64)to[COUNT / 2] << 32 ^ to[COUNT - 1];
}
