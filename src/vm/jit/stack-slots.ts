/**
 * Pass: stack slots whose address nobody takes. What compilers spill there lives in locals, so that the engine's register
 * allocator decides where it is kept.
 *
 * Only in functions that use r10 for nothing but plain loads and stores: then nothing else can reach their frame. A slot is taken
 * if every access that touches it has its place and size.
 * @module
 */
import type { Instruction } from '../../isa/instruction.ts'
import type { Flow } from './flow.ts'
import { FRAME_POINTER, mentions } from './registers.ts'
import { HAS_FRAME_POINTER } from './traits.ts'

export interface StackSlots {
  /** The number of the slot that each load or store is an access to, from 0. */
  readonly slotOf: ReadonlyMap<number, number>
  readonly count: number
  /** Of each slot: whether it has 8 bytes. */
  readonly wide: readonly boolean[]
  /** Nothing of the frame is left in memory. */
  readonly all: boolean
}

export const NO_STACK_SLOTS: StackSlots = { slotOf: new Map(), count: 0, wide: [], all: false }
/** Of a function that has no use for its frame. */
const NO_ACCESSES: StackSlots = { ...NO_STACK_SLOTS, all: true }

interface Access {
  readonly slot: number
  readonly off: number
  readonly size: number
}

export function findStackSlots(insns: readonly Instruction[], { nodes }: Flow, frameSize: number): StackSlots {
  const accesses = new Map<number, Access>()
  for (const node of nodes) {
    if (node.kind !== 'code' || (node.traits & HAS_FRAME_POINTER) === 0) continue
    for (let slot = node.start; slot < node.end; slot++) {
      const insn = insns[slot]!
      if (!mentions(insn, FRAME_POINTER)) continue
      if (insn.kind !== 'load' && insn.kind !== 'store') return NO_STACK_SLOTS
      const leaks = insn.kind === 'load' ? insn.dst === FRAME_POINTER : isFramePointer(insn.src)
      if (leaks || insn.off < -frameSize || insn.off + insn.size > 0) return NO_STACK_SLOTS
      accesses.set(slot, { slot, off: insn.off, size: insn.size })
    }
  }
  if (accesses.size === 0) return NO_ACCESSES
  const sorted = [...accesses.values()].sort((a, b) => a.off - b.off)
  const slotOf = new Map<number, number>()
  const wide: boolean[] = []
  let all = true
  for (let first = 0; first < sorted.length; ) {
    // Accesses that overlap, one with the next, are taken together.
    const { off, size } = sorted[first]!
    let end = off + size
    let same = true
    let last = first
    for (; last < sorted.length && sorted[last]!.off < end; last++) {
      const access = sorted[last]!
      if (access.off !== off || access.size !== size) same = false
      end = Math.max(end, access.off + access.size)
    }
    if (same) {
      for (let i = first; i < last; i++) slotOf.set(sorted[i]!.slot, wide.length)
      wide.push(size === 8)
    } else all = false
    first = last
  }
  return { slotOf, count: wide.length, wide, all }
}

function isFramePointer(src: Extract<Instruction, { kind: 'store' }>['src']): boolean {
  return 'reg' in src && src.reg === FRAME_POINTER
}
