/**
 * Pass: byte swaps that are written as shifts and masks, as portable C has them. Each byte of a value is followed back to the byte
 * of the value that it came from; what has all of them the other way round is a swap.
 *
 * Of 32 and 64 bits: for 16 the shifts are the shortest code there is.
 * @module
 */
import type { AluInsn, Instruction } from '../../isa/instruction.ts'
import { REGISTERS, writtenRegister } from './registers.ts'

/** `dst = bswap(source)`, in place of the instruction that puts the last byte where it belongs. */
export interface ByteSwap {
  /** The slot before which the value that is swapped is in register `register`. */
  readonly from: number
  readonly register: number
  readonly bits: 32 | 64
}

/** A byte that is zero; others are numbers of bytes of the base, from the lowest. */
const ZERO = -1
const WHOLE = [0, 1, 2, 3, 4, 5, 6, 7]
const LOW_HALF = [0, 1, 2, 3, ZERO, ZERO, ZERO, ZERO]
const SWAPPED32 = [3, 2, 1, 0, ZERO, ZERO, ZERO, ZERO]
const SWAPPED64 = [7, 6, 5, 4, 3, 2, 1, 0]

/** What is known of a register: bytes of one value, in some order. */
interface Bytes {
  readonly base: Base
  readonly bytes: readonly number[]
}

/** A value that nothing is known of. */
interface Base {
  /** Where it was first made something else of, and the register that it was in; -1: nowhere. */
  from: number
  register: number
}

/** Fewer joints of two registers than this make no swap. */
const LEAST_JOINTS = 2

/** The byte swaps of a block, [start, end), by the slot of the instruction that each replaces. */
export function findByteSwaps(insns: readonly Instruction[], start: number, end: number): Map<number, ByteSwap> {
  const swaps = new Map<number, ByteSwap>()
  if (!mayHaveSwap(insns, start, end)) return swaps
  const unknown = (): Bytes => ({ base: { from: -1, register: -1 }, bytes: WHOLE })
  const known: Bytes[] = Array.from({ length: REGISTERS }, unknown)
  /** Halves of registers that are constants: masks of 64 bits come in registers. */
  const constants = new Map<number, readonly [low: number, high: number]>()
  for (let slot = start; slot < end; slot++) {
    const insn = insns[slot]!
    const written = writtenRegister(insn)
    if (written < 0) continue
    const constant = constantOf(insn)
    const result = insn.kind === 'alu' ? resultOf(insn, slot, known, constants) : undefined
    known[written] = result ?? unknown()
    if (constant === undefined) constants.delete(written)
    else constants.set(written, constant)
    if (result === undefined || insn.kind !== 'alu' || !isJoint(insn)) continue
    const { base, bytes } = result
    const bits = equal(bytes, SWAPPED32) ? 32 : equal(bytes, SWAPPED64) ? 64 : undefined
    if (bits !== undefined && base.from >= 0) swaps.set(slot, { from: base.from, register: base.register, bits })
  }
  return swaps
}

function mayHaveSwap(insns: readonly Instruction[], start: number, end: number): boolean {
  let joints = 0
  let left = false
  let right = false
  for (let slot = start; slot < end; slot++) {
    const insn = insns[slot]!
    if (insn.kind !== 'alu') continue
    if (isJoint(insn)) joints++
    else if (insn.op === 'lsh') left = true
    else if (insn.op === 'rsh') right = true
  }
  return left && right && joints >= LEAST_JOINTS
}

function isJoint({ op, src }: AluInsn): boolean {
  return (op === 'or' || op === 'xor' || op === 'add') && 'reg' in src
}

function constantOf(insn: Instruction): readonly [low: number, high: number] | undefined {
  if (insn.kind === 'lddw') return insn.source === 'imm64' ? [insn.imm, insn.imm2] : undefined
  if (insn.kind !== 'alu' || insn.op !== 'mov' || !('imm' in insn.src)) return undefined
  return [insn.src.imm, insn.width === 64 ? insn.src.imm >> 31 : 0]
}

/** The bytes of an instruction's result; undefined: it is something new. */
function resultOf(
  insn: AluInsn,
  slot: number,
  known: readonly Bytes[],
  constants: ReadonlyMap<number, readonly [low: number, high: number]>,
): Bytes | undefined {
  const { op, width, dst, src } = insn
  if (op === 'mov') {
    if (!('reg' in src)) return undefined
    return width === 64
      ? known[src.reg]!
      : derived(known[src.reg]!, slot, src.reg, (byte, at) => (at < 4 ? byte : ZERO))
  }
  const own = width === 64 ? known[dst]! : { base: known[dst]!.base, bytes: masked(known[dst]!.bytes, LOW_HALF) }
  if (isJoint(insn)) {
    if (!('reg' in src)) return undefined
    const { base } = known[src.reg]!
    const other = width === 64 ? known[src.reg]!.bytes : masked(known[src.reg]!.bytes, LOW_HALF)
    const constant = constants.get(dst)
    if (constant?.[0] === 0 && constant[1] === 0) return { base, bytes: other }
    if (base !== own.base) return undefined
    // Where both have a byte, its bits are mixed.
    if (own.bytes.some((byte, at) => byte !== ZERO && other[at] !== ZERO)) return undefined
    return { base: own.base, bytes: own.bytes.map((byte, at) => (byte === ZERO ? other[at]! : byte)) }
  }
  if (op === 'and') {
    const mask = 'imm' in src ? ([src.imm, src.imm >> 31] as const) : constants.get(src.reg)
    const bytes = mask === undefined ? undefined : bytesOfMask(mask[0], width === 64 ? mask[1] : 0)
    if (bytes === undefined) return undefined
    return derived(known[dst]!, slot, dst, (byte, at) => (bytes[at]! ? byte : ZERO))
  }
  if ((op !== 'lsh' && op !== 'rsh') || !('imm' in src) || src.imm % 8 !== 0) return undefined
  const by = (src.imm & (width - 1)) / 8
  const last = width / 8
  return derived(known[dst]!, slot, dst, (_, at, all) => {
    const from = op === 'lsh' ? at - by : at + by
    return at < last && from >= 0 && from < last ? all[from]! : ZERO
  })
}

/** Bytes made of others; takes note of where a value nothing was known of was still whole. */
function derived(
  { base, bytes }: Bytes,
  slot: number,
  register: number,
  byteAt: (byte: number, at: number, all: readonly number[]) => number,
): Bytes {
  if (base.from < 0 && bytes === WHOLE) {
    base.from = slot
    base.register = register
  }
  return { base, bytes: bytes.map(byteAt) }
}

function masked(bytes: readonly number[], mask: readonly number[]): readonly number[] {
  return bytes.map((byte, at) => (mask[at] === ZERO ? ZERO : byte))
}

/** Which bytes a mask lets through; undefined: it cuts one. */
function bytesOfMask(low: number, high: number): readonly boolean[] | undefined {
  const bytes: boolean[] = []
  for (const half of [low, high]) {
    for (let shift = 0; shift < 32; shift += 8) {
      const byte = (half >>> shift) & 0xff
      if (byte !== 0 && byte !== 0xff) return undefined
      bytes.push(byte === 0xff)
    }
  }
  return bytes
}

function equal(a: readonly number[], b: readonly number[]): boolean {
  return a.every((value, i) => value === b[i])
}
