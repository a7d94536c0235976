/**
 * What verification finds out of a program that an engine may use. Plain data; an engine is right without any of it.
 * @module
 */

export interface ProgramFacts {
  /** Of every function that verified code reaches, at most once. */
  readonly frames: readonly FrameFacts[]
}

export interface FrameFacts {
  /** Slot of the function's first instruction. */
  readonly entry: number
  /**
   * What of its frame may be read by an instruction or through an argument of a helper before the function has written it:
   * bit `i` is the 8 bytes from `fp - 8 * (i + 1)` on; two masks, of bits 0 to 31 and 32 to 63.
   */
  readonly readFirst: readonly [number, number]
}
