/**
 * The platform of bare runtimes: a program gets a piece of memory and its length, and calls what its embedder offers.
 * @see https://github.com/Alan-Jowett/bpf_conformance
 * @module
 */
import { LINUX_LIMITS } from '../limits.ts'
import { RAW_PROGRAM_TYPE } from '../program-types.ts'
import { parseHelperTable } from '../prototype.ts'
import type { Platform } from '../types.ts'

/** The functions that the tests of ubpf and rbpf register, by the numbers they give them. */
const HELPERS = `
0 - | u64 gather_bytes(u64 a, u64 b, u64 c, u64 d, u64 e) | Puts the low bytes of its arguments together, the first one highest.
1 - | u64 memfrob(void *memory, u64 length) | Inverts bits 1, 3 and 5 of every byte; the result is the address.
3 - | u64 sqrti(u64 value) | The whole part of the square root.
4 - | u64 strcmp_ext(const char *a, const char *b) | Compares two strings: 0 if they are equal.
5 - | u64 unwind(u64 value) | Ends the program in runtimes that support it if the result is 0; returns its argument.
`

/** What ubpf, rbpf and the public conformance suite use: no maps, one program type. */
export const raw: Platform = {
  name: 'raw',
  helpers: parseHelperTable(HELPERS),
  mapTypes: new Map(),
  programTypes: new Map([[RAW_PROGRAM_TYPE.name, RAW_PROGRAM_TYPE]]),
  limits: LINUX_LIMITS,
}
