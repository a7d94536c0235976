// SPDX-License-Identifier: Apache-2.0
// Copies 1,024 bytes word by word, and folds them into one on the way.
#include "workload.h"

#define WORDS 128

u64 prog(u8 *mem, u64 len)
{
	const u64 *from = (const u64 *)mem;
	u64 *to = (u64 *)mem + WORDS;
	u64 fold = 0;

	for (u32 i = 0; i < WORDS; i++) {
		u64 word = from[i];

		to[i] = word;
		fold = rotl(fold, 5) ^ word;
	}
	return fold;
}
