/**
 * What the generator takes the verifier to know at the place where it writes: just enough to write programs that are
 * mostly accepted. It may be wrong; then a program is rejected.
 * @module
 */
import type { VerifierMap } from '../../../src/verifier/index.ts'

/** What a register or an aligned slot of the stack holds. Immutable. */
export type Kind =
  | { readonly is: 'nothing' }
  /** A number, at most `max` (unsigned, 64 bits) where that is known. */
  | { readonly is: 'number'; readonly max: number }
  | { readonly is: 'context' }
  /** A pointer to at least `room` bytes, from it on; may be moved, unless it came from a helper that wants it back. */
  | {
      readonly is: 'memory'
      readonly room: number
      readonly writable: boolean
      readonly space: Space
      /** Alignment of the pointer: of a stack, accesses must have theirs. */
      readonly align: number
    }
  /** What a look-up or a reservation gave, before the test for NULL. */
  | { readonly is: 'maybe'; readonly room: number; readonly space: 'value' | 'record' }

export type Space = 'stack' | 'value' | 'constants' | 'packet' | 'record'

export type MemoryKind = Extract<Kind, { is: 'memory' }>

export const NOTHING: Kind = { is: 'nothing' }
export const NUMBER: Kind = { is: 'number', max: Number.POSITIVE_INFINITY }
export const CONTEXT: Kind = { is: 'context' }

export function upTo(max: number): Kind {
  return { is: 'number', max }
}

/** Registers that the generator hands out for values; r6 keeps the context. */
export const SCRATCH: readonly number[] = [0, 1, 2, 3, 4, 5]
export const KEPT: readonly number[] = [7, 8, 9]
export const CONTEXT_REGISTER = 6
export const FRAME_POINTER = 10

/** Registers and stack slots at one place of one function. */
export class Knowledge {
  readonly regs: Kind[]
  /** Slot `i` is fp-8(i+1); undefined: never written. */
  readonly stack: (Kind | undefined)[]

  constructor(regs?: readonly Kind[], stack?: readonly (Kind | undefined)[]) {
    this.regs = regs?.slice() ?? new Array<Kind>(10).fill(NOTHING)
    this.stack = stack?.slice() ?? []
  }

  copy(): Knowledge {
    return new Knowledge(this.regs, this.stack)
  }

  /** Takes over what `other` says. */
  assign(other: Knowledge): void {
    for (let i = 0; i < this.regs.length; i++) this.regs[i] = other.regs[i]!
    this.stack.length = 0
    this.stack.push(...other.stack)
  }

  /** What holds on both ways that come together here. */
  join(other: Knowledge): void {
    for (let i = 0; i < this.regs.length; i++) this.regs[i] = joinKinds(this.regs[i]!, other.regs[i]!)
    const slots = Math.max(this.stack.length, other.stack.length)
    for (let i = 0; i < slots; i++) {
      const [a, b] = [this.stack[i], other.stack[i]]
      this.stack[i] = a === undefined || b === undefined ? undefined : joinKinds(a, b)
    }
  }

  /** After a call: the arguments are gone. */
  called(result: Kind): void {
    for (let i = 1; i <= 5; i++) this.regs[i] = NOTHING
    this.regs[0] = result
  }

  /** The packet may have moved. */
  forgetPacket(): void {
    const gone = (kind: Kind | undefined): boolean => kind?.is === 'memory' && kind.space === 'packet'
    for (let i = 0; i < this.regs.length; i++) if (gone(this.regs[i])) this.regs[i] = NOTHING
    for (let i = 0; i < this.stack.length; i++) if (gone(this.stack[i])) this.stack[i] = NOTHING
  }

  /** Registers that hold what `wanted` accepts. */
  registers(wanted: (kind: Kind) => boolean): number[] {
    const found: number[] = []
    for (let i = 0; i < this.regs.length; i++) if (wanted(this.regs[i]!)) found.push(i)
    return found
  }

  get numbers(): number[] {
    return this.registers((kind) => kind.is === 'number')
  }

  get memories(): number[] {
    return this.registers((kind) => kind.is === 'memory' && kind.room > 0)
  }

  /** The lowest byte of the stack that is written surely, as slots: `size` bytes in whole slots that hold no pointers. */
  initialisedSlots(count: number): number | undefined {
    for (let i = 0; i + count <= this.stack.length; i++) {
      let fits = true
      for (let j = i; j < i + count; j++) if (this.stack[j]?.is !== 'number') fits = false
      if (fits) return i + count - 1
    }
    return undefined
  }
}

function joinKinds(a: Kind, b: Kind): Kind {
  if (a === b) return a
  if (a.is === 'number' && b.is === 'number') return upTo(Math.max(a.max, b.max))
  if (a.is === 'memory' && b.is === 'memory' && a.space === b.space) {
    return {
      ...a,
      room: Math.min(a.room, b.room),
      writable: a.writable && b.writable,
      align: Math.min(a.align, b.align),
    }
  }
  return a.is === b.is && (a.is === 'context' || a.is === 'maybe') ? a : NOTHING
}

/** A map that generated programs use. */
export interface GeneratorMap {
  readonly map: VerifierMap
  readonly role: 'array' | 'hash' | 'percpu' | 'data' | 'constants' | 'ringbuf' | 'programs' | 'outer'
}
