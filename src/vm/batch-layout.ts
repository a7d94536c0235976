/**
 * How the inputs of a batch lie in linear memory: one record for each run, all of the same size. Offsets in bytes:
 * ```
 *  0 r1       of a program without a context
 *  4 r2       of such a one
 *  8 result   the lower half of r0
 * 12          reserved
 * 16 context  of a program that has one: r1 is its address, r2 is 0
 * ```
 * @module
 */
export const RECORD_R1 = 0
export const RECORD_R2 = 4
export const RECORD_RESULT = 8
export const RECORD_CONTEXT = 16

/** Bytes from one record to the next. `contextBytes`: of the context, a multiple of 8. */
export function recordBytes(contextBytes: number): number {
  return RECORD_CONTEXT + contextBytes
}
