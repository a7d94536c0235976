/**
 * What the generator knows at the place where it writes: which registers, and which spilled slots of the stack, are pointers,
 * and how far they may be used. All else is a number, whatever it is.
 * @module
 */

/** Accesses at offsets from `-low` to `high`, less their size, are valid. */
export interface Pointer {
  readonly low: number
  readonly high: number
  /** The address modulo 8, where it is known. */
  readonly phase: number | undefined
  /** `stack`: of this function's own frame. */
  readonly space: 'stack' | 'other'
}

/** Undefined: a number. */
export type Kind = Pointer | undefined

export const FRAME_POINTER = 10
export const FRAME_BYTES = 512
/** The lower end of the frame is for counters of loops. */
export const COUNTER_BYTES = 64
export const FRAME: Pointer = { low: FRAME_BYTES - COUNTER_BYTES, high: 0, phase: 0, space: 'stack' }

export function moved(pointer: Pointer, by: number): Pointer {
  const { low, high, phase, space } = pointer
  return {
    low: low + by,
    high: high - by,
    phase: phase === undefined ? undefined : (((phase + by) % 8) + 8) % 8,
    space,
  }
}

export class Knowledge {
  readonly regs: Kind[]
  /** Pointers that were spilled, by how far below the frame pointer: multiples of 8. */
  readonly spilled: Map<number, Pointer>

  constructor(regs: readonly Kind[] = [], spilled: ReadonlyMap<number, Pointer> = new Map()) {
    this.regs = regs.slice()
    this.spilled = new Map(spilled)
  }

  copy(): Knowledge {
    return new Knowledge(this.regs, this.spilled)
  }

  /** What holds on both of two ways that meet. */
  join(other: Knowledge): void {
    for (let i = 0; i < FRAME_POINTER; i++) this.regs[i] = joined(this.regs[i], other.regs[i])
    for (const [at, pointer] of this.spilled) {
      const both = joined(pointer, other.spilled.get(at))
      if (both === undefined) this.spilled.delete(at)
      else this.spilled.set(at, both)
    }
  }

  /** Nothing is known any more but of these registers. */
  forgetAllBut(kept: ReadonlySet<number>): void {
    for (let i = 0; i < FRAME_POINTER; i++) if (!kept.has(i)) this.regs[i] = undefined
    this.spilled.clear()
  }

  /** `size` bytes at `off` from the frame pointer were overwritten. */
  overwrite(off: number, size: number): void {
    for (const at of this.spilled.keys()) if (off < -at + 8 && off + size > -at) this.spilled.delete(at)
  }
}

function joined(a: Kind, b: Kind): Kind {
  if (a === b || a === undefined || b === undefined) return a === b ? a : undefined
  const space = a.space === 'stack' || b.space === 'stack' ? 'stack' : 'other'
  const phase = a.phase === b.phase ? a.phase : undefined
  return { low: Math.min(a.low, b.low), high: Math.min(a.high, b.high), phase, space }
}
