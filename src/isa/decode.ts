/**
 * Bytes to instructions.
 *
 * Every field that an encoding does not use must be zero, and every combination that no row of the instruction table
 * has is refused: what decodes is an instruction, and encodes to the same bytes again. What the fields *mean* together
 * (branch targets, the last instruction) is checked by `validateProgram`.
 * @see https://www.rfc-editor.org/rfc/rfc9669#section-3
 * @module
 */
import { AnybpfError, type ByteOrder } from '../util/index.ts'
import { instructionFromFields, WIDE_TAIL } from './encoding.ts'
import type { Instruction } from './instruction.ts'
import type { InstructionRow, InstructionShape } from './instruction-row.ts'
import { INSTRUCTION_TABLE } from './instruction-table.ts'
import { castSpaces, MAX_REGISTER, SLOT_BYTES } from './opcode.ts'

const ANY_IMMEDIATE = 0
const SPACES_IMMEDIATE = 1
const REGISTER_IMMEDIATE = 2

/** A row made quick to compare: a field matches where `(field ^ value) & mask` is zero. */
interface Candidate {
  readonly row: InstructionRow
  readonly shape: InstructionShape
  readonly wide: boolean
  readonly dst: number
  readonly dstMask: number
  readonly src: number
  readonly srcMask: number
  readonly off: number
  readonly offMask: number
  readonly imm: number
  readonly immMask: number
  readonly immRule: number
  readonly imm2Mask: number
}

/** -1 compares all bits of a field that has one value, 0 none of one that is free. */
const maskOf = (field: string | number | undefined): number => (typeof field === 'number' ? -1 : 0)
const fixedValueOf = (field: string | number): number => (typeof field === 'number' ? field : 0)

/** Rows by opcode byte. */
const CANDIDATES: readonly (readonly Candidate[])[] = indexByOpcode()

function indexByOpcode(): Candidate[][] {
  const byOpcode: Candidate[][] = Array.from({ length: 256 }, () => [])
  for (const row of INSTRUCTION_TABLE) byOpcode[row.opcode]!.push(candidateOf(row))
  return byOpcode
}

function candidateOf(row: InstructionRow): Candidate {
  return {
    row,
    shape: row.shape,
    wide: row.imm2 !== undefined,
    dst: fixedValueOf(row.dst),
    dstMask: maskOf(row.dst),
    src: fixedValueOf(row.src),
    srcMask: maskOf(row.src),
    off: fixedValueOf(row.off),
    offMask: maskOf(row.off),
    imm: fixedValueOf(row.imm),
    immMask: maskOf(row.imm),
    immRule: row.imm === 'spaces' ? SPACES_IMMEDIATE : row.imm === 'reg' ? REGISTER_IMMEDIATE : ANY_IMMEDIATE,
    imm2Mask: maskOf(row.imm2),
  }
}

/**
 * Decodes a whole program. The result has one element a slot: `bytes.length / 8`.
 * Throws ERR_DECODE, with the slot's number, at the first slot that is no instruction.
 */
export function decodeProgram(bytes: Uint8Array, order: ByteOrder = 'little'): Instruction[] {
  if (bytes.length % SLOT_BYTES !== 0) {
    throw new AnybpfError('ERR_DECODE', `a program of ${bytes.length} bytes: instructions take 8 or 16 bytes each`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const little = order === 'little'
  const slots = bytes.length / SLOT_BYTES
  const program = new Array<Instruction>(slots)
  for (let slot = 0; slot < slots; slot++) {
    const insn = decodeSlot(view, slot, little)
    program[slot] = insn
    if (insn.kind === 'lddw') program[++slot] = WIDE_TAIL
  }
  return program
}

/**
 * Decodes the one instruction that begins at `slot` (byte `8 * slot`). An `lddw` takes the next slot too.
 * Throws ERR_DECODE.
 */
export function decodeInstruction(bytes: Uint8Array, order: ByteOrder, slot = 0): Instruction {
  if (!(Number.isInteger(slot) && slot >= 0 && (slot + 1) * SLOT_BYTES <= bytes.length)) {
    throw new AnybpfError('ERR_DECODE', `slot ${slot} lies outside of ${bytes.length} bytes`)
  }
  return decodeSlot(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), slot, order === 'little')
}

/** `slot` must begin inside `view`. */
function decodeSlot(view: DataView, slot: number, little: boolean): Instruction {
  const at = slot * SLOT_BYTES
  const opcode = view.getUint8(at)
  const registers = view.getUint8(at + 1)
  const low = registers & 0x0f
  const high = registers >> 4
  const dst = little ? low : high
  const src = little ? high : low
  const off = view.getInt16(at + 2, little)
  const imm = view.getInt32(at + 4, little)
  const candidate = findCandidate(opcode, dst, src, off, imm)
  if (candidate === undefined) throw refusal(slot, opcode, dst, src, off, imm)
  const imm2 = candidate.wide ? secondImmediate(view, slot, little, candidate) : 0
  return instructionFromFields(candidate.shape, dst, src, off, imm, imm2)
}

/**
 * The instruction that these fields are, or undefined. For readers that must say by themselves what is wrong; `imm2` is
 * the second slot's immediate, of wide instructions.
 */
export function decodeFields(
  opcode: number,
  dst: number,
  src: number,
  off: number,
  imm: number,
  imm2: number,
): Instruction | undefined {
  const candidate = findCandidate(opcode, dst, src, off, imm)
  return candidate && instructionFromFields(candidate.shape, dst, src, off, imm, imm2)
}

function findCandidate(opcode: number, dst: number, src: number, off: number, imm: number): Candidate | undefined {
  const candidates = CANDIDATES[opcode]!
  if (dst > MAX_REGISTER || src > MAX_REGISTER) return undefined
  for (let i = 0; i < candidates.length; i++) {
    const c = candidates[i]!
    const difference =
      ((dst ^ c.dst) & c.dstMask) |
      ((src ^ c.src) & c.srcMask) |
      ((off ^ c.off) & c.offMask) |
      ((imm ^ c.imm) & c.immMask)
    if (difference === 0 && (c.immRule === ANY_IMMEDIATE || immediateMatches(c, imm))) return c
  }
  return undefined
}

function immediateMatches(candidate: Candidate, imm: number): boolean {
  if (((imm ^ candidate.imm) & candidate.immMask) !== 0) return false
  switch (candidate.immRule) {
    case SPACES_IMMEDIATE: {
      const { to, from } = castSpaces(imm)
      return to !== from
    }
    case REGISTER_IMMEDIATE:
      return imm > 0 && imm <= MAX_REGISTER
    default:
      return true
  }
}

function secondImmediate(view: DataView, slot: number, little: boolean, candidate: Candidate): number {
  const at = (slot + 1) * SLOT_BYTES
  const name = candidate.row.name
  if (at + SLOT_BYTES > view.byteLength) {
    throw decodeError(slot, `${name} takes two slots, and the program ends after the first`)
  }
  if (view.getUint32(at, little) !== 0) {
    throw decodeError(slot, `the second slot of ${name} must be zero but for its immediate`)
  }
  const imm2 = view.getInt32(at + 4, little)
  if ((imm2 & candidate.imm2Mask) !== 0) {
    throw decodeError(slot, `the second immediate of ${name} is not used and must be zero, not ${imm2}`)
  }
  return imm2
}

/** Says which field is wrong: the first one, in this order, that leaves none of the opcode's rows. */
function refusal(slot: number, opcode: number, dst: number, src: number, off: number, imm: number): AnybpfError {
  const code = `opcode 0x${opcode.toString(16).padStart(2, '0')}`
  let left = CANDIDATES[opcode]!
  if (left.length === 0) {
    const tail = opcode === 0 ? ' (zero is only the second slot of a wide instruction)' : ''
    return decodeError(slot, `${code} is no instruction${tail}`)
  }
  const fields = [
    { name: 'src', value: src, matches: (c: Candidate) => ((src ^ c.src) & c.srcMask) === 0, of: 'src' },
    { name: 'offset', value: off, matches: (c: Candidate) => ((off ^ c.off) & c.offMask) === 0, of: 'off' },
    { name: 'dst', value: dst, matches: (c: Candidate) => ((dst ^ c.dst) & c.dstMask) === 0, of: 'dst' },
    { name: 'immediate', value: imm, matches: (c: Candidate) => immediateMatches(c, imm), of: 'imm' },
  ] as const
  for (const field of fields) {
    const next = left.filter(field.matches)
    if (next.length === 0) {
      const values = [...new Set(left.map((c) => c.row[field.of]))]
      return decodeError(slot, `${code} (${describeRows(left)}): ${field.name} is ${field.value}, ${wanted(values)}`)
    }
    left = next
  }
  const register = dst > MAX_REGISTER ? dst : src
  return decodeError(slot, `${code} (${describeRows(left)}): there is no register r${register}`)
}

function wanted(values: readonly (string | number)[]): string {
  if (values.length === 1 && values[0] === 0) return 'which is not used here and must be zero'
  return `and may be ${values.map((value) => IMMEDIATE_RULE_TEXT[value] ?? String(value)).join(', ')}`
}

const IMMEDIATE_RULE_TEXT: Readonly<Record<string, string>> = {
  spaces: 'two different address spaces',
  reg: 'a register',
  value: 'any value',
}

function describeRows(rows: readonly Candidate[]): string {
  const names = rows.map((c) => c.row.name)
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')}, …`
}

function decodeError(slot: number, message: string): AnybpfError {
  return new AnybpfError('ERR_DECODE', `slot ${slot}: ${message}`, { details: { slot } })
}
