// SPDX-License-Identifier: Apache-2.0
// The product of two matrices of 16 by 16 numbers of 64 bits.
#include "workload.h"

#define SIDE 16

u64 prog(u8 *mem, u64 len)
{
	const u64 *a = (const u64 *)mem;
	const u64 *b = a + SIDE * SIDE;
	u64 *c = (u64 *)mem + 2 * SIDE * SIDE;
	u64 trace = 0;

	for (u32 row = 0; row < SIDE; row++) {
		for (u32 column = 0; column < SIDE; column++) {
			u64 sum = 0;

			for (u32 i = 0; i < SIDE; i++)
				sum += a[row * SIDE + i] * b[i * SIDE + column];
			c[row * SIDE + column] = sum;
		}
		trace += c[row * SIDE + row];
	}
	return trace;
}
