// SPDX-License-Identifier: Apache-2.0
// SipHash-2-4 of up to 1,496 bytes, whole words only; the key is a constant. https://www.aumasson.jp/siphash/siphash.pdf
#include "workload.h"

#define WORDS 187

#define ROUND()                                                                \
	do {                                                                   \
		v0 += v1, v1 = rotl(v1, 13), v1 ^= v0, v0 = rotl(v0, 32);      \
		v2 += v3, v3 = rotl(v3, 16), v3 ^= v2;                         \
		v0 += v3, v3 = rotl(v3, 21), v3 ^= v0;                         \
		v2 += v1, v1 = rotl(v1, 17), v1 ^= v2, v2 = rotl(v2, 32);      \
	} while (0)

u64 prog(u8 *mem, u64 len)
{
	const u64 k0 = 0x0706050403020100ull, k1 = 0x0f0e0d0c0b0a0908ull;
	u64 v0 = k0 ^ 0x736f6d6570736575ull, v1 = k1 ^ 0x646f72616e646f6dull;
	u64 v2 = k0 ^ 0x6c7967656e657261ull, v3 = k1 ^ 0x7465646279746573ull;
	const u64 *words = (const u64 *)mem;
	u64 last = len << 56;

	for (u32 i = 0; i < WORDS; i++) {
		u64 m = words[i];

		v3 ^= m;
		ROUND();
		ROUND();
		v0 ^= m;
	}
	v3 ^= last;
	ROUND();
	ROUND();
	v0 ^= last;
	v2 ^= 0xff;
	ROUND();
	ROUND();
	ROUND();
	ROUND();
	return v0 ^ v1 ^ v2 ^ v3;
}
