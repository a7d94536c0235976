/**
 * The mark of an instruction that CO-RE could not relocate.
 * @module
 */

/**
 * The helper that a poisoned instruction calls, and that no platform has: `0xbad2310`, by which libbpf and the tools that
 * read logs know it. Where such a call can be reached, the program is rejected.
 */
export const CORE_POISON_HELPER = 0xbad2310
