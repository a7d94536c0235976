// SPDX-License-Identifier: Apache-2.0
// Registers and branches that nobody can foresee: all Collatz sequences that start below 200; their steps and their highest number.
#include "workload.h"

#define STARTS 200
#define MOST_STEPS 500

u64 prog(u8 *mem, u64 len)
{
	u64 steps = 0, highest = 0;

	for (u32 start = 1; start < STARTS; start++) {
		u64 n = start;

		for (u32 step = 0; step < MOST_STEPS && n != 1; step++) {
			n = n & 1 ? 3 * n + 1 : n >> 1;
			if (n > highest)
				highest = n;
			steps++;
		}
	}
	return highest << 32 | steps;
}
