/**
 * What compiled programs keep in linear memory for each CPU. Offsets in bytes:
 * ```
 *  0 frame   r10 of the function that runs: one past its frame's last byte
 *  8 result  r0 that crosses from JavaScript as two halves
 * 12 high    its upper half; of a packet load: whether the bytes were there
 * 16 tails   tail calls of the invocation so far
 * 20 fuel    the first portion of every invocation's budget
 * 24 runs    invocations with a budget, modulo 2^32
 * 28 record  of a batch: the one that is run
 * ```
 * Nothing here is trusted: a program that nobody verified may spoil it, and then meets other parts of guest memory only.
 * @module
 */
export const CPU_FRAME = 0
export const CPU_RESULT = 8
export const CPU_HIGH = 12
export const CPU_TAIL_CALLS = 16
export const CPU_FUEL = 20
export const CPU_RUNS = 24
export const CPU_RECORD = 28
export const CPU_BLOCK_BYTES = 32
