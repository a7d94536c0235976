/**
 * What the passes ask about instructions, found out once: instructions have many shapes, and looking at them again in each pass
 * costs more than what most passes do. A pass for which a function, or a block, has nothing is skipped.
 * @module
 */
import type { Instruction } from '../../isa/instruction.ts'
import { FRAME_POINTER, mentions, writtenRegister } from './registers.ts'
import type { JitTarget } from './target.ts'

/** Names r10. */
export const HAS_FRAME_POINTER = 1
export const WRITES_FRAME_POINTER = 2
/** A call of any kind. */
export const HAS_CALL = 4
/** May lead into another program. */
export const HAS_TAIL_CALL = 8
export const HAS_MAY_GOTO = 16
export const HAS_LEFT_SHIFT = 32
export const HAS_RIGHT_SHIFT = 64
/** Puts two registers together as parts of a value are: `or`, `xor`, `add`. */
export const HAS_JOINT = 128
/** Adds registers, or subtracts them, as addresses are made: all 64 bits. */
export const HAS_SUM = 256
/** Reads or writes memory at an address that a register and an offset make. */
export const HAS_ACCESS = 512
/** Makes one register (or stack slot) differ from another by a constant, or may. */
export const HAS_RELATION = 1024
export const HAS_WIDE_LOAD = 2048

export interface Traits {
  /** Of each slot: the bits above. */
  readonly bits: Uint16Array
  /** Of all slots together. */
  readonly all: number
  /** Of each slot: the register that it writes; -1: none. */
  readonly written: Int8Array
  /** Slots of the wide loads, and of the calls of helpers. */
  readonly wideLoads: readonly number[]
  readonly helperCalls: readonly number[]
  /** Of atomic operations on less than 4 bytes. */
  readonly smallAtomics: readonly number[]
}

export function scanTraits(insns: readonly Instruction[], { helpers }: Pick<JitTarget, 'helpers'>): Traits {
  const bits = new Uint16Array(insns.length)
  const written = new Int8Array(insns.length)
  const wideLoads: number[] = []
  const helperCalls: number[] = []
  const smallAtomics: number[] = []
  let all = 0
  for (let slot = 0; slot < insns.length; slot++) {
    const insn = insns[slot]!
    let found = 0
    let writes = -1
    switch (insn.kind) {
      case 'alu': {
        const { op, width, dst, src } = insn
        writes = dst
        const hasRegister = 'reg' in src
        if (dst === FRAME_POINTER || (hasRegister && src.reg === FRAME_POINTER)) found = HAS_FRAME_POINTER
        switch (op) {
          case 'mov':
            if (width === 64 || !hasRegister) found |= HAS_RELATION
            break
          case 'add':
          case 'sub':
            if (hasRegister) {
              if (width === 64) found |= HAS_SUM
              if (op === 'add') found |= HAS_JOINT
            } else if (width === 64) found |= HAS_RELATION
            break
          case 'or':
          case 'xor':
            if (hasRegister) found |= HAS_JOINT
            break
          case 'lsh':
            found |= HAS_LEFT_SHIFT
            break
          case 'rsh':
            found |= HAS_RIGHT_SHIFT
            break
        }
        break
      }
      case 'load':
        writes = insn.dst
        found = HAS_ACCESS | HAS_RELATION
        if (insn.base === FRAME_POINTER || insn.dst === FRAME_POINTER) found |= HAS_FRAME_POINTER
        break
      case 'store':
        found = HAS_ACCESS | HAS_RELATION
        if (mentions(insn, FRAME_POINTER)) found |= HAS_FRAME_POINTER
        break
      case 'jump':
        if (mentions(insn, FRAME_POINTER)) found = HAS_FRAME_POINTER
        break
      case 'goto':
      case 'exit':
      case 'wide_tail':
        break
      case 'may_goto':
        found = HAS_MAY_GOTO
        break
      case 'lddw':
        writes = insn.dst
        found = HAS_WIDE_LOAD | HAS_RELATION | (insn.dst === FRAME_POINTER ? HAS_FRAME_POINTER : 0)
        wideLoads.push(slot)
        break
      case 'call':
        writes = 0
        found = HAS_CALL
        if (insn.target !== 'helper') break
        helperCalls.push(slot)
        if (helpers.get(insn.imm)?.spec.tailCall === true) found |= HAS_TAIL_CALL
        break
      case 'callx':
        writes = 0
        found = HAS_CALL | HAS_TAIL_CALL | (insn.reg === FRAME_POINTER ? HAS_FRAME_POINTER : 0)
        break
      default:
        writes = writtenRegister(insn)
        if (insn.kind === 'atomic' || insn.kind === 'load_acquire' || insn.kind === 'store_release') found = HAS_ACCESS
        if (insn.kind === 'atomic' && insn.size < 4) smallAtomics.push(slot)
        if (mentions(insn, FRAME_POINTER)) found |= HAS_FRAME_POINTER
    }
    if (writes === FRAME_POINTER) found |= WRITES_FRAME_POINTER
    written[slot] = writes
    bits[slot] = found
    all |= found
  }
  return { bits, all, written, wideLoads, helperCalls, smallAtomics }
}

/** Those of the slots [start, end) together. */
export function traitsOf({ bits }: Traits, start: number, end: number): number {
  let all = 0
  for (let slot = start; slot < end; slot++) all |= bits[slot]!
  return all
}
