// SPDX-License-Identifier: Apache-2.0
// What all workloads share. Each is one function of a piece of memory, without helpers, maps or globals, so that the same C can
// be compiled natively and for BPF. Loops have bounds that Linux's verifier can see, so that its engine can take part.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

u64 prog(u8 *mem, u64 len);

static inline __attribute__((always_inline)) u64 rotl(u64 x, int n)
{
	return x << n | x >> (64 - n);
}
