// SPDX-License-Identifier: Apache-2.0
// The sieve of Eratosthenes: how many primes are below 2,048.
#include "workload.h"

#define LIMIT 2048

u64 prog(u8 *mem, u64 len)
{
	u64 primes = 0;

	for (u32 i = 0; i < LIMIT; i++)
		mem[i] = 0;
	for (u32 i = 2; i < LIMIT; i++) {
		if (mem[i])
			continue;
		primes++;
		for (u32 multiple = i * i; multiple < LIMIT; multiple += i)
			mem[multiple] = 1;
	}
	return primes;
}
