/**
 * Statements on verdicts, structure, termination and registers.
 * @module
 */
import { accept, reject, type VerifyCase } from '../../support/verifier-cases.ts'
import { END, found, lookup, loop, number, OUT, PACKET } from './fragments.ts'

/** Ten functions, each calling the next: `depth` frames. */
const nested = (depth: number): string =>
  Array.from({ length: depth }, (_, i) => `f${i}: ${i + 1 < depth ? `call f${i + 1};` : 'r0 = 0;'} exit`).join('\n')

export const VERDICT: Readonly<Record<string, readonly VerifyCase[]>> = {
  V1: [
    accept(`${found('table')}; r1 = *(u8 *)(r0 + 0); r1 &= 63; r0 += r1; r0 = *(u8 *)(r0 + 0); exit; ${OUT}`),
    // Of 256 bytes that the map may hold, 192 lead out of the value.
    reject('out_of_bounds', `${found('table')}; r1 = *(u8 *)(r0 + 0); r0 += r1; r0 = *(u8 *)(r0 + 0); exit; ${OUT}`),
    // Of all values, one does.
    reject(
      'out_of_bounds',
      `${found('table')}; r1 = *(u8 *)(r0 + 0); if r1 > 64 goto out; r0 += r1; r0 = *(u8 *)(r0 + 0); exit; ${OUT}`,
    ),
  ],
  V2: [
    accept(`${found('table')}; r1 = 0; r0 += r1; r0 = *(u8 *)(r0 + 0); exit; ${OUT}`),
    // r2 is 0 whatever r1 is, but what is known of r1 does not show it.
    reject(
      'out_of_bounds',
      `${found('table')}; r1 = *(u8 *)(r0 + 0); r2 = r1; r2 ^= r1; r0 += r2; r0 = *(u8 *)(r0 + 0); exit; ${OUT}`,
    ),
  ],
  V3: [accept(END), reject('uninitialised_register', 'exit')],
  V4: [accept(END), reject('uninitialised_register', `${number('r3')}; if r3 == 0 goto out; r0 = r4; exit; ${OUT}`)],

  // Structure
  V5: [
    accept('', { bytes: 'b700000000000000 9500000000000000' }),
    reject('invalid_instruction', '', { bytes: 'ff00000000000000 9500000000000000' }),
    reject('invalid_register', '', { bytes: 'b70b000000000000 9500000000000000' }),
    reject('reserved_field', '', { bytes: 'b700000000000000 9500000001000000' }),
    // The second slot of a wide instruction is not one.
    reject('invalid_wide_instruction', '', { bytes: '1800000000000000 0100000000000000 9500000000000000' }),
  ],
  V6: [
    accept(`${number('r3')}; if r3 == 0 goto out; r0 = 1; exit; ${OUT}`),
    reject('jump_out_of_range', `r0 = 0; goto +5; exit`),
    reject('jump_into_wide', 'r0 = 0; if r0 == 0 goto +1; r1 = 5 ll; exit'),
    // Into another function.
    reject('jump_out_of_range', 'call sub; exit; sub: r0 = 0; goto -3'),
  ],
  V7: [
    accept('r0 = 0; goto out; out: exit'),
    reject('fall_off_end', 'r0 = 0'),
    // A function ends where the next one begins.
    reject('fall_off_end', 'call sub; r0 = 0; sub: r0 = 1; exit'),
  ],
  V8: [
    accept('r0 = 0; goto out; out: exit'),
    reject('unreachable', 'r0 = 0; exit; r0 = 1; exit'),
    // Nobody calls it, and what its branches depend on does not matter.
    reject('unreachable', `${number('r3')}; goto out; if r3 == 0 goto out; r3 = 1; ${OUT}`),
  ],

  // Termination
  V9: [
    accept('r0 = 0; next: r0 += 1; if r0 < 10 goto next; exit'),
    accept(`${number('r6')}; if r6 > 10 goto out; next: if r6 == 0 goto out; r6 -= 1; goto next; ${OUT}`),
    reject('infinite_loop', 'r0 = 0; next: if r0 == 0 goto next; exit'),
    // How many rounds there are, only the map knows: up to 2^64.
    reject(
      'too_many_branches',
      `${found('table')}; r6 = *(u64 *)(r0 + 0); next: if r6 == 0 goto out; r6 -= 1; goto next; ${OUT}`,
    ),
  ],
  V10: [
    accept('r0 = 0; next: may_goto out; r0 += 1; goto next; out: exit'),
    accept(`*(u64 *)(r10 - 8) = 0; ${loop(1000000)}; ${END}; step: r0 = 0; exit`, { functions: ['step'] }),
    // What the platform bounds, the program may still not do: read what only a certain round has written.
    reject('uninitialised_register', `${number('r3')}; next: may_goto out; r0 = 0; goto next; out: exit`),
  ],
  V11: [
    accept('r0 = 0; next: r0 += 1; if r0 < 1000 goto next; exit'),
    reject('too_many_instructions', 'r0 = 0; next: r0 += 1; if r0 < 1000 goto next; exit', { insnLimit: 100 }),
  ],
  V12: [
    accept(nested(8)),
    reject('too_many_frames', nested(9)),
    reject('too_many_frames', 'call sub; exit; sub: call sub; exit'),
  ],
  V13: [
    accept(
      `*(u64 *)(r10 - 8) = 0; ${loop(8)}; r6 = *(u64 *)(r10 - 8); r6 &= 63; ${found('table')}; r0 += r6;
       r0 = *(u8 *)(r0 + 0); exit; ${OUT}; step: r3 = *(u64 *)(r2 + 0); r3 += 1; *(u64 *)(r2 + 0) = r3; r0 = 0; exit`,
      { functions: ['step'] },
    ),
    // So many rounds are not counted: what a round changes is unknown afterwards.
    reject(
      'out_of_bounds',
      `*(u64 *)(r10 - 8) = 0; ${loop(100000)}; r6 = *(u64 *)(r10 - 8); ${found('table')}; r0 += r6; r0 = *(u8 *)(r0 + 0);
       exit; ${OUT}; step: r3 = *(u64 *)(r2 + 0); r3 += 1; *(u64 *)(r2 + 0) = r3; r0 = 0; exit`,
      { functions: ['step'] },
    ),
    // It may never be called.
    reject(
      'uninitialised_stack',
      `${loop(1)}; r0 = *(u64 *)(r10 - 8); exit; step: *(u64 *)(r2 + 0) = 1; r0 = 0; exit`,
      { functions: ['step'], author: 'untrusted' },
    ),
  ],

  // Registers
  V14: [
    accept(END),
    reject('uninitialised_register', 'exit'),
    reject('uninitialised_register', `${number('r3')}; if r3 == 0 goto out; r2 = 1; out: r0 = r2; exit`),
  ],
  V15: [
    accept('r2 = r10; r2 += -8; *(u64 *)(r2 + 0) = 1; r0 = 0; exit'),
    reject('frame_pointer_write', 'r10 = 0; r0 = 0; exit'),
  ],
  V16: [
    accept('r6 = 5; call get_prandom_u32; r0 = r6; exit'),
    reject('uninitialised_register', 'r1 = 5; call get_prandom_u32; r0 = r1; exit'),
    accept('r6 = 5; call sub; r0 = r6; exit; sub: r6 = 7; r0 = 0; exit'),
    reject('uninitialised_register', 'r1 = 5; call sub; r0 = r1; exit; sub: r0 = 0; exit'),
  ],
  V17: [
    accept('r0 = 1; exit', { type: 'cgroup_skb', attachType: 'cgroup_inet_ingress' }),
    accept('r0 = *(u32 *)(r1 + 0); r0 &= 1; exit', { type: 'cgroup_skb', attachType: 'cgroup_inet_ingress' }),
    reject('return_value', 'r0 = 2; exit', { type: 'cgroup_skb', attachType: 'cgroup_inet_ingress' }),
    reject('return_value', 'r0 = *(u32 *)(r1 + 0); exit', { type: 'cgroup_skb', attachType: 'cgroup_inet_ingress' }),
    reject('return_value', `${lookup('table')}; exit`, { type: 'cgroup_skb', attachType: 'cgroup_inet_ingress' }),
  ],
  V18: [
    accept(`${PACKET}; ${END}`),
    reject('uninitialised_register', 'r0 = r2; exit'),
    // A function begins with what its caller handed over in r1 to r5, and nothing else.
    accept('r2 = 5; call sub; exit; sub: r0 = r2; exit'),
    reject('uninitialised_register', 'r6 = 5; call sub; exit; sub: r0 = r6; exit'),
  ],
}
