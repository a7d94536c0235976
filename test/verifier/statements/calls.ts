/**
 * Statements on calls, resources, secrets, and what is not judged.
 * @module
 */
import { accept, reject, type VerifyCase } from '../../support/verifier-cases.ts'
import { END, found, lookup, number, OUT, PACKET, RESERVE, SUBMIT } from './fragments.ts'

const UNTRUSTED = { author: 'untrusted' } as const

/** Reads `size` (a piece that sets r4) bytes of the packet into the stack, at fp-16. */
const load = (size: string): string => `${size}; r2 = 0; r3 = r10; r3 += -16; call xdp_load_bytes; ${END}`

/** A helper that reads the kernel's memory: for programs under the GPL. */
const READ_KERNEL = 'r1 = r10; r1 += -8; r2 = 8; r3 = 0; call probe_read_kernel'

export const CALLS: Readonly<Record<string, readonly VerifyCase[]>> = {
  V36: [
    accept(`call get_smp_processor_id; ${END}`),
    reject('unknown_function', `call 9999; ${END}`),
    reject('helper_not_allowed', `r2 = 0; r3 = r10; r3 += -8; r4 = 8; call skb_load_bytes; ${END}`),
    accept(`r2 = 0; r3 = r10; r3 += -8; r4 = 8; call skb_load_bytes; ${END}`, { type: 'sched_cls' }),
  ],
  V37: [
    accept(`${lookup('table')}; ${END}`),
    reject('argument_type', `*(u32 *)(r10 - 4) = 0; r2 = r10; r2 += -4; r1 = 0; call map_lookup_elem; ${END}`),
    reject('argument_type', `r2 = 0; r1 = map(table); call map_lookup_elem; ${END}`),
    reject('uninitialised_register', `r1 = map(table); call map_lookup_elem; ${END}`),
    reject('argument_null', `${lookup('counters')}; r2 = r0; r1 = map(table); call map_lookup_elem; ${END}`),
  ],
  V38: [
    accept(load('r4 = 16')),
    reject('stack_bounds', load('r4 = 17')),
    reject('argument_size', load('r4 = 0')),
    accept(load('r4 = *(u32 *)(r1 + 12); r4 &= 7; r4 += 1')),
    reject('stack_bounds', load('r4 = *(u32 *)(r1 + 12); r4 &= 31; r4 += 1')),
    reject('unbounded', load('r4 = *(u32 *)(r1 + 12); r4 += 1')),
    reject('argument_size', load('r4 = *(u32 *)(r1 + 12); r4 &= 7')),
    reject(
      'negative_offset',
      load('r4 = *(u32 *)(r1 + 12); r4 <<= 32; r4 s>>= 32; if r4 s> 16 goto out; goto in; out: r4 = 1; in: r4 = r4'),
    ),
  ],
  V39: [
    accept(
      `*(u32 *)(r10 - 4) = 0; *(u64 *)(r10 - 16) = 1; *(u64 *)(r10 - 24) = 2; r1 = map(counters); r2 = r10; r2 += -4;
       r3 = r10; r3 += -24; r4 = 0; call map_update_elem; ${END}`,
    ),
    // The map's values have 16 bytes; at fp-8 there are 8.
    reject(
      'stack_bounds',
      `*(u32 *)(r10 - 12) = 0; *(u64 *)(r10 - 8) = 1; r1 = map(counters); r2 = r10; r2 += -12; r3 = r10; r3 += -8; r4 = 0;
       call map_update_elem; ${END}`,
    ),
    reject('stack_bounds', `r2 = r10; r2 += -2; *(u16 *)(r10 - 2) = 0; r1 = map(table); call map_lookup_elem; ${END}`),
  ],
  V40: [
    accept(`${READ_KERNEL}; ${END}`),
    reject('gpl_only', `${READ_KERNEL}; ${END}`, { license: 'MIT' }),
    accept(`${READ_KERNEL}; ${END}`, { license: 'Dual MIT/GPL' }),
  ],
  V41: [
    accept(`r2 = map(programs); r3 = 0; call tail_call; ${END}`),
    reject('tail_call', `r2 = map(table); r3 = 0; call tail_call; ${END}`),
    reject(
      'map_mismatch',
      `*(u32 *)(r10 - 4) = 0; r2 = r10; r2 += -4; r1 = map(programs); call map_lookup_elem; ${END}`,
    ),
  ],
  V42: [
    accept(`${found('table')}; r1 = r0; call sub; exit; ${OUT}; sub: r0 = *(u8 *)(r1 + 63); exit`),
    reject('wrong_type', `r1 = 5; call sub; exit; sub: r0 = *(u8 *)(r1 + 63); exit`),
    // Good at one call, not at the other.
    reject(
      'wrong_type',
      `${found('table')}; r1 = r0; call sub; r1 = 5; call sub; exit; ${OUT}; sub: r0 = *(u8 *)(r1 + 63); exit`,
    ),
    // What the function found out, the caller knows.
    accept(`${number('r6')}; r1 = r6; call sub; r6 = r0; ${found('table')}; r0 += r6; r0 = *(u8 *)(r0 + 0); exit; ${OUT};
       sub: r0 = r1; r0 &= 63; exit`),
  ],
  V43: [
    accept(
      `r1 = r10; r1 += -4; *(u32 *)(r10 - 4) = 0; call fill; exit;
       fill: if r1 == 0 goto out; *(u32 *)(r1 + 0) = 1; ${OUT}`,
      { functions: ['fill'] },
    ),
    // It is given a pointer, but its contract says: a pointer to an int, or NULL.
    reject(
      'possibly_null',
      `r1 = r10; r1 += -4; *(u32 *)(r10 - 4) = 0; call fill; exit; fill: *(u32 *)(r1 + 0) = 1; ${END}`,
      { functions: ['fill'] },
    ),
    reject('argument_type', `r1 = 5; call fill; exit; fill: if r1 == 0 goto out; *(u32 *)(r1 + 0) = 1; ${OUT}`, {
      functions: ['fill'],
    }),
    // What it returns is any number, whatever it was given.
    reject(
      'unbounded',
      `r1 = 1; call twice; r6 = r0; w6 = w6; ${found('table')}; r0 += r6; *(u8 *)(r0 + 0) = 0; ${OUT}; twice: r0 = r1; r0 += r0; exit`,
      { functions: ['twice'] },
    ),
  ],

  // Resources
  V44: [
    accept(`${RESERVE}; if r0 == 0 goto out; r1 = r0; ${SUBMIT}; ${OUT}`),
    reject('unreleased_reference', `${RESERVE}; ${END}`),
    reject(
      'unreleased_reference',
      `${RESERVE}; if r0 == 0 goto out; r6 = *(u64 *)(r0 + 0); if r6 == 0 goto out; r1 = r0; ${SUBMIT}; ${OUT}`,
    ),
    reject('argument_type', `${RESERVE}; if r0 == 0 goto out; r6 = r0; r1 = r0; ${SUBMIT}; r1 = r6; ${SUBMIT}; ${OUT}`),
    // What was not acquired cannot be given back.
    reject('argument_type', `r1 = r10; r1 += -16; ${SUBMIT}; ${END}`),
  ],
  V45: [
    accept(`${RESERVE}; if r0 == 0 goto out; r6 = r0; *(u64 *)(r6 + 0) = 1; r1 = r6; ${SUBMIT}; ${OUT}`),
    reject('wrong_type', `${RESERVE}; if r0 == 0 goto out; r6 = r0; r1 = r6; ${SUBMIT}; *(u64 *)(r6 + 0) = 1; ${OUT}`),
  ],
  V46: [
    accept(
      `${found('locks')}; r6 = r0; r1 = r6; call spin_lock; *(u32 *)(r6 + 4) = 1; r1 = r6; call spin_unlock; ${OUT}`,
    ),
    reject('lock_held', `${found('locks')}; r6 = r0; r1 = r6; call spin_lock; ${OUT}`),
    reject(
      'lock_held',
      `${found('locks')}; r6 = r0; r1 = r6; call spin_lock; call get_prandom_u32; r1 = r6; call spin_unlock; ${OUT}`,
    ),
    reject(
      'lock_held',
      `${found('locks')}; r6 = r0; r1 = r6; call spin_lock; r1 = r6; call spin_lock; r1 = r6; call spin_unlock; ${OUT}`,
    ),
    reject('lock_missing', `${found('locks')}; r1 = r0; call spin_unlock; ${OUT}`),
  ],

  // Secrets
  V47: [
    accept(`${found('table')}; r1 = 5; *(u64 *)(r0 + 0) = r1; ${OUT}`, UNTRUSTED),
    reject('pointer_leak', `r6 = r1; ${found('table')}; *(u64 *)(r0 + 0) = r6; ${OUT}`, UNTRUSTED),
    reject('pointer_leak', 'r0 = r10; exit', UNTRUSTED),
    reject('pointer_leak', `${found('table')}; r1 = r10; lock *(u64 *)(r0 + 0) += r1; ${OUT}`, UNTRUSTED),
    reject('pointer_arithmetic', 'r0 = r10; r0 >>= 8; exit', UNTRUSTED),
    reject(
      'pointer_leak',
      `r5 = r1; ${PACKET}; r4 = r2; r4 += 8; if r4 > r3 goto out; *(u64 *)(r2 + 0) = r5; ${OUT}`,
      UNTRUSTED,
    ),
    reject('pointer_leak', `r2 = r10; *(u32 *)(r1 + 48) = r2; ${END}`, { ...UNTRUSTED, type: 'sched_cls' }),
    // Who may see addresses may write them down.
    accept(`r6 = r1; ${found('table')}; *(u64 *)(r0 + 0) = r6; ${OUT}`),
  ],
  V48: [
    accept(`${found('table')}; ${OUT}`, UNTRUSTED),
    reject('pointer_comparison', `if r1 > 5 goto out; ${OUT}`, UNTRUSTED),
    reject('pointer_comparison', `r2 = r10; if r1 > r2 goto out; ${OUT}`, UNTRUSTED),
    accept(`if r1 > 5 goto out; ${OUT}`),
  ],
  V49: [
    // Masked by the platform: an index that a mispredicted branch lets pass does not leave the value.
    accept(
      `${number('r6')}; ${found('table')}; if r6 > 63 goto out; r0 += r6; r0 = *(u8 *)(r0 + 0); exit; ${OUT}`,
      UNTRUSTED,
    ),
    // A mask per instruction: it cannot be two different ones.
    reject(
      'speculation',
      `${number('r6')}; r7 = r6; r7 &= 7; r6 &= 1; ${found('table')}; if r6 == 0 goto other; r0 += 8; r7 += 1; goto use;
       other: r0 += 16; r7 = 0; r7 -= 4; use: r0 += r7; r0 = *(u8 *)(r0 + 0); exit; ${OUT}`,
      UNTRUSTED,
    ),
  ],

  // What is not judged
  V50: [
    accept('r1 = 0; r0 = 10; r0 /= r1; r0 %= r1; exit'),
    accept(`${number('r0')}; ${number('r2')}; r0 <<= r2; exit`),
    accept('r0 = -1; r0 *= -1; r0 += r0; exit'),
    reject('division_by_zero', 'r0 = 10; r0 /= 0; exit'),
    reject('invalid_shift', 'r0 = 10; r0 <<= 64; exit'),
  ],
}
