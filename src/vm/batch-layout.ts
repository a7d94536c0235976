/**
 * How the inputs of a batch lie in linear memory: one record for each run, all of the same size. Offsets in bytes:
 * ```
 *  0 r1       where the context is
 *  4 r2
 *  8 result   the lower half of r0
 * 12          reserved
 * 16 given    an image of the context, which is written to r1 before the run
 *  … left     an image of the same size, which is read from r1 after it
 * ```
 * @module
 */
export const RECORD_R1 = 0
export const RECORD_R2 = 4
export const RECORD_RESULT = 8
export const RECORD_CONTEXT = 16

/** Bytes from one record to the next. `contextBytes`: of one image, a multiple of 8. */
export function recordBytes(contextBytes: number): number {
  return RECORD_CONTEXT + 2 * contextBytes
}
