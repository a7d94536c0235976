/**
 * Pass: rotations. BPF has no instruction for them: compilers write `x << n | x >> width - n`, and V8 does not find 64-bit
 * rotations by itself. The shifts stay where they are; the engine drops them if nobody else wants their results.
 * @module
 */
import type { AluInsn, Instruction } from '../../isa/instruction.ts'
import { REGISTERS, writtenRegister } from './registers.ts'

/** `dst = rotl(source, amount)`, in place of the instruction that joins the two shifts. */
export interface Rotation {
  /** The slot before which the value that is rotated is in register `register`. */
  readonly from: number
  readonly register: number
  readonly amount: number
  readonly width: 32 | 64
}

/** A value that was made in the block by shifting another by a constant. */
interface Shifted {
  readonly left: boolean
  readonly width: 32 | 64
  readonly amount: number
  /** Number of the value that was shifted. */
  readonly of: number
  readonly slot: number
  readonly register: number
}

/** The rotations of a block, [start, end), by the slot of the instruction that each replaces. */
export function findRotations(insns: readonly Instruction[], start: number, end: number): Map<number, Rotation> {
  const rotations = new Map<number, Rotation>()
  if (!hasShift(insns, start, end)) return rotations
  // Values are numbered; every register begins with one of its own.
  const value = Array.from({ length: REGISTERS }, (_, register) => register)
  const shifted = new Map<number, Shifted>()
  /** Of values that are the lower half of another one: that one. */
  const lowerHalf = new Map<number, number>()
  let next = REGISTERS
  const low = (number: number): number => lowerHalf.get(number) ?? number

  for (let slot = start; slot < end; slot++) {
    const insn = insns[slot]!
    if (insn.kind !== 'alu') {
      const register = writtenRegister(insn)
      if (register >= 0) value[register] = next++
      continue
    }
    const { op, width, dst, src } = insn
    if (op === 'mov' && 'reg' in src) {
      const of = value[src.reg]!
      if (width === 64) value[dst] = of
      else {
        lowerHalf.set(next, low(of))
        value[dst] = next++
      }
      continue
    }
    if ((op === 'or' || op === 'xor' || op === 'add') && 'reg' in src) {
      const rotation = joined(shifted.get(value[dst]!), shifted.get(value[src.reg]!), width)
      if (rotation !== undefined) rotations.set(slot, rotation)
    }
    const amount = shiftAmount(insn)
    const before = width === 64 ? value[dst]! : low(value[dst]!)
    value[dst] = next++
    if (amount > 0) shifted.set(value[dst]!, { left: op === 'lsh', width, amount, of: before, slot, register: dst })
  }
  return rotations
}

function hasShift(insns: readonly Instruction[], start: number, end: number): boolean {
  let left = false
  let right = false
  for (let slot = start; slot < end; slot++) {
    const insn = insns[slot]!
    if (insn.kind !== 'alu') continue
    if (insn.op === 'lsh') left = true
    else if (insn.op === 'rsh') right = true
  }
  return left && right
}

/** 0 for what is no shift by a constant. */
function shiftAmount({ op, width, src }: AluInsn): number {
  return (op === 'lsh' || op === 'rsh') && 'imm' in src && src.imm > 0 && src.imm < width ? src.imm : 0
}

function joined(a: Shifted | undefined, b: Shifted | undefined, width: 32 | 64): Rotation | undefined {
  if (a === undefined || b === undefined || a.left === b.left || a.of !== b.of) return undefined
  if (a.width !== width || b.width !== width || a.amount + b.amount !== width) return undefined
  // Of the two, the one that came first still has the value in its register.
  const { slot, register } = a.slot < b.slot ? a : b
  return { from: slot, register, amount: a.left ? a.amount : b.amount, width }
}
