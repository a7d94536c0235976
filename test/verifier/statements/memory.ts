/**
 * Statements on memory: pointers, bounds, the packet, the context, the stack.
 * @module
 */
import { accept, reject, type VerifyCase } from '../../support/verifier-cases.ts'
import { END, found, lookup, number, OUT, PACKET } from './fragments.ts'

const UNTRUSTED = { author: 'untrusted' } as const
const STRICT = { alignment: 'strict' } as const

/** r2 begins a packet that has at least so many bytes. */
const packet = (size: number): string => `${PACKET}; r4 = r2; r4 += ${size}; if r4 > r3 goto out`

export const MEMORY: Readonly<Record<string, readonly VerifyCase[]>> = {
  V19: [
    accept(`${found('table')}; r0 = *(u32 *)(r0 + 0); exit; ${OUT}`),
    reject('wrong_type', 'r2 = 4096; r0 = *(u32 *)(r2 + 0); exit'),
    // What a map holds is a number, even if a pointer was put there.
    reject('wrong_type', `${found('table')}; r1 = *(u64 *)(r0 + 0); r0 = *(u8 *)(r1 + 0); exit; ${OUT}`),
  ],
  V20: [
    accept(`${found('table')}; *(u64 *)(r0 + 56) = 0; ${OUT}`),
    reject('out_of_bounds', `${found('table')}; *(u64 *)(r0 + 57) = 0; ${OUT}`),
    reject('out_of_bounds', `${found('table')}; *(u8 *)(r0 - 1) = 0; ${OUT}`),
    accept(`${number('r6')}; ${found('table')}; if r6 > 56 goto out; r0 += r6; *(u64 *)(r0 + 0) = 0; ${OUT}`),
    reject(
      'out_of_bounds',
      `${number('r6')}; ${found('table')}; if r6 > 57 goto out; r0 += r6; *(u64 *)(r0 + 0) = 0; ${OUT}`,
    ),
    reject('unbounded', `${number('r6')}; ${found('table')}; r0 += r6; *(u8 *)(r0 + 0) = 0; ${OUT}`),
    // Signed, it has an upper bound and no lower one.
    reject(
      'pointer_offset',
      `${found('table')}; r6 = *(u64 *)(r0 + 0); if r6 s> 56 goto out; r0 += r6; *(u8 *)(r0 + 0) = 0; ${OUT}`,
    ),
  ],
  V21: [
    accept(`${lookup('counters')}; if r0 == 0 goto out; *(u8 *)(r0 + 0) = 1; ${OUT}`),
    reject('possibly_null', `${lookup('counters')}; *(u8 *)(r0 + 0) = 1; ${END}`),
    reject('wrong_type', `${lookup('counters')}; if r0 != 0 goto out; *(u8 *)(r0 + 0) = 1; ${OUT}`),
    // A copy learns with it; another result does not.
    accept(`${lookup('counters')}; r6 = r0; if r0 == 0 goto out; *(u8 *)(r6 + 0) = 1; ${OUT}`),
    reject(
      'possibly_null',
      `${lookup('counters')}; r6 = r0; ${lookup('counters')}; if r0 == 0 goto out; *(u8 *)(r6 + 0) = 1; ${OUT}`,
    ),
    reject('possibly_null', `${lookup('counters')}; r0 += 8; if r0 == 0 goto out; *(u8 *)(r0 + 0) = 1; ${OUT}`),
  ],
  V22: [
    accept(`${packet(8)}; r0 = *(u64 *)(r2 + 0); exit; ${OUT}`),
    reject('packet_bounds', `${PACKET}; r0 = *(u8 *)(r2 + 0); exit`),
    reject('packet_bounds', `${packet(8)}; r0 = *(u8 *)(r2 + 8); exit; ${OUT}`),
    // The other way round: it is read where it is too short.
    reject('packet_bounds', `${PACKET}; r4 = r2; r4 += 8; if r4 <= r3 goto out; r0 = *(u8 *)(r2 + 0); exit; ${OUT}`),
    // At a variable place: what was compared may be read, through any copy with the same variable part.
    accept(
      `${packet(1)}; r5 = *(u8 *)(r2 + 0); r2 += r5; r4 = r2; r4 += 8; if r4 > r3 goto out; r0 = *(u64 *)(r2 + 0); exit; ${OUT}`,
    ),
    reject('packet_bounds', `${packet(64)}; r5 = *(u8 *)(r2 + 0); r2 += r5; r0 = *(u8 *)(r2 + 0); exit; ${OUT}`),
    // So far that the sum may wrap around: the comparison says nothing.
    reject(
      'packet_bounds',
      `${PACKET}; r5 = *(u32 *)(r1 + 12); r2 += r5; r4 = r2; r4 += 1; if r4 > r3 goto out; r0 = *(u8 *)(r2 + 0); exit; ${OUT}`,
    ),
  ],
  V23: [
    accept(`r6 = r1; r2 = 0; call xdp_adjust_head; r1 = r6; ${packet(1)}; r0 = *(u8 *)(r2 + 0); exit; ${OUT}`),
    reject(
      'wrong_type',
      `r6 = r1; ${packet(1)}; r7 = r2; r1 = r6; r2 = 0; call xdp_adjust_head; r0 = *(u8 *)(r7 + 0); exit; ${OUT}`,
    ),
    // Not by a call that leaves the packet alone.
    accept(`${packet(1)}; r7 = r2; call get_prandom_u32; r0 = *(u8 *)(r7 + 0); exit; ${OUT}`),
  ],
  V24: [
    accept(`${found('table')}; r0 = *(u32 *)(r0 + 4); exit; ${OUT}`, STRICT),
    accept(`${found('table')}; r0 = *(u32 *)(r0 + 2); exit; ${OUT}`),
    reject('misaligned', `${found('table')}; r0 = *(u32 *)(r0 + 2); exit; ${OUT}`, STRICT),
    reject('misaligned', `*(u64 *)(r10 - 12) = 0; ${END}`),
  ],
  V25: [
    accept(`${found('inbox')}; r0 = *(u32 *)(r0 + 0); exit; ${OUT}`),
    reject('read_only', `${found('inbox')}; *(u32 *)(r0 + 0) = 1; ${OUT}`),
    accept(`${found('outbox')}; *(u32 *)(r0 + 0) = 1; ${OUT}`),
    reject('write_only', `${found('outbox')}; r0 = *(u32 *)(r0 + 0); exit; ${OUT}`),
  ],
  V26: [
    accept(`${found('locks')}; *(u32 *)(r0 + 4) = 1; ${OUT}`),
    reject('special_field', `${found('locks')}; *(u32 *)(r0 + 0) = 0; ${OUT}`),
    reject('special_field', `${found('locks')}; r0 = *(u64 *)(r0 + 0); exit; ${OUT}`),
  ],
  V27: [
    accept(`${found('table')}; r0 += 8; r0 -= 4; r0 = *(u8 *)(r0 + 0); exit; ${OUT}`),
    reject('pointer_arithmetic', `${found('table')}; r0 *= 2; r0 = *(u8 *)(r0 + 0); exit; ${OUT}`),
    reject('pointer_arithmetic', `${found('table')}; w0 += 8; r0 = *(u8 *)(r0 + 0); exit; ${OUT}`),
    reject('pointer_arithmetic', `${found('table')}; r1 = r10; r0 += r1; r0 = *(u8 *)(r0 + 0); exit; ${OUT}`),
    reject('pointer_arithmetic', `r1 = map(table); r1 += 8; ${END}`),
    reject('pointer_offset', `${found('table')}; r0 += 0x40000000; ${OUT}`),
  ],
  V28: [
    accept(`r0 = *(u32 *)(r1 + 12); exit`),
    reject('context_access', `r0 = *(u32 *)(r1 + 24); exit`),
    reject('context_access', `r0 = *(u16 *)(r1 + 12); exit`),
    reject('context_access', `*(u32 *)(r1 + 12) = 1; ${END}`),
    reject('context_access', `*(u64 *)(r1 - 8) = 1; ${END}`),
    // A socket filter does not see where the packet lies.
    accept(`r0 = *(u32 *)(r1 + 76); r0 = 0; exit`, { type: 'sched_cls' }),
    reject('context_access', `r0 = *(u32 *)(r1 + 76); r0 = 0; exit`, { type: 'socket_filter' }),
    // At a place that is not a constant.
    reject('context_modified', `${number('r3')}; r3 &= 4; r1 += r3; r0 = *(u32 *)(r1 + 12); exit`),
  ],
  V29: [
    accept(
      `${number('r6')}; *(u64 *)(r10 - 16) = 0; ${found('table')}; if r6 == 0 goto use; r0 = r10; r0 += -16;
       use: r0 = *(u32 *)(r0 + 0); exit; ${OUT}`,
    ),
    reject(
      'mixed_pointers',
      `${number('r6')}; *(u64 *)(r10 - 16) = 0; r2 = r10; r2 += -28; if r6 == 0 goto use; r2 = r1;
       use: r0 = *(u32 *)(r2 + 12); exit`,
    ),
  ],
  V30: [
    accept(`${found('table')}; *(u64 *)(r10 - 16) = r0; r1 = *(u64 *)(r10 - 16); r0 = *(u8 *)(r1 + 0); exit; ${OUT}`),
    reject(
      'wrong_type',
      `${found('table')}; *(u64 *)(r10 - 16) = r0; *(u8 *)(r10 - 16) = 0; r1 = *(u64 *)(r10 - 16);
       r0 = *(u8 *)(r1 + 0); exit; ${OUT}`,
    ),
    reject(
      'corrupt_spill',
      `${found('table')}; *(u64 *)(r10 - 16) = r0; *(u8 *)(r10 - 16) = 0; r0 = 0; exit; ${OUT}`,
      UNTRUSTED,
    ),
    // What is known of a number is kept with it.
    accept(
      `${number('r6')}; r6 &= 63; *(u64 *)(r10 - 16) = r6; ${found('table')}; r1 = *(u64 *)(r10 - 16); r0 += r1;
       r0 = *(u8 *)(r0 + 0); exit; ${OUT}`,
    ),
  ],
  V31: [
    accept('*(u64 *)(r10 - 8) = 0; r1 = 1; lock *(u64 *)(r10 - 8) += r1; r0 = 0; exit'),
    accept(`${found('table')}; r1 = 1; lock *(u32 *)(r0 + 60) += r1; ${OUT}`),
    reject('out_of_bounds', `${found('table')}; r1 = 1; lock *(u64 *)(r0 + 64) += r1; ${OUT}`),
    reject('wrong_type', `${packet(8)}; r5 = 1; lock *(u32 *)(r2 + 0) += r5; ${OUT}`),
    reject('wrong_type', `r2 = 1; lock *(u32 *)(r1 + 12) += r2; ${END}`),
  ],
  V32: [
    // 3 is what the map holds, for ever: the access behind the comparison is never made.
    accept(
      'r1 = value(constants); r2 = *(u32 *)(r1 + 0); if r2 == 3 goto out; r0 = *(u8 *)(r2 + 0); out: r0 = 0; exit',
    ),
    reject(
      'wrong_type',
      'r1 = value(constants); r2 = *(u32 *)(r1 + 0); if r2 == 4 goto out; r0 = *(u8 *)(r2 + 0); out: r0 = 0; exit',
    ),
    // The host may write this one at any time.
    reject(
      'wrong_type',
      'r1 = value(inbox); r2 = *(u32 *)(r1 + 0); if r2 == 0 goto out; r0 = *(u8 *)(r2 + 0); out: r0 = 0; exit',
    ),
  ],

  // Stack
  V33: [
    accept('*(u8 *)(r10 - 512) = 1; r0 = *(u8 *)(r10 - 512); exit'),
    reject('stack_bounds', `*(u8 *)(r10 - 513) = 1; ${END}`),
    reject('stack_bounds', `*(u8 *)(r10 + 0) = 1; ${END}`),
    // At a variable place: all of them have to lie within.
    accept(`${number('r3')}; r3 &= 7; r2 = r10; r2 += -8; r2 += r3; *(u8 *)(r2 + 0) = 1; ${END}`),
    reject('stack_bounds', `${number('r3')}; r3 &= 15; r2 = r10; r2 += -8; r2 += r3; *(u8 *)(r2 + 0) = 1; ${END}`),
  ],
  V34: [
    accept(`*(u64 *)(r10 - 248) = 0; call sub; ${END}; sub: *(u64 *)(r10 - 248) = 0; r0 = 0; exit`),
    reject('too_much_stack', `*(u64 *)(r10 - 320) = 0; call sub; ${END}; sub: *(u64 *)(r10 - 320) = 0; r0 = 0; exit`),
  ],
  V35: [
    accept('*(u64 *)(r10 - 8) = 5; r0 = *(u64 *)(r10 - 8); exit', UNTRUSTED),
    reject('uninitialised_stack', 'r0 = *(u64 *)(r10 - 8); exit', UNTRUSTED),
    reject('uninitialised_stack', '*(u32 *)(r10 - 8) = 5; r0 = *(u64 *)(r10 - 8); exit', UNTRUSTED),
    // A helper reads the four bytes of the key.
    reject(
      'uninitialised_stack',
      `*(u16 *)(r10 - 4) = 0; r2 = r10; r2 += -4; r1 = map(table); call map_lookup_elem; ${END}`,
      UNTRUSTED,
    ),
    // Who may see the kernel's memory may read it, and knows nothing of it.
    accept('r0 = *(u64 *)(r10 - 8); exit'),
    reject(
      'unbounded',
      `r6 = *(u64 *)(r10 - 16); r6 <<= 32; r6 >>= 32; ${found('table')}; r0 += r6; *(u8 *)(r0 + 0) = 1; ${OUT}`,
    ),
  ],
}
