/**
 * Instructions to bytes: the inverse of decoding.
 * @see https://www.rfc-editor.org/rfc/rfc9669#section-3
 * @module
 */
import { AnybpfError, type ByteOrder } from '../util/index.ts'
import { type EncodingFields, instructionFields, instructionRow } from './encoding.ts'
import type { Instruction } from './instruction.ts'
import type { InstructionRow } from './instruction-row.ts'
import { castSpaces, MAX_REGISTER, SLOT_BYTES } from './opcode.ts'

/**
 * Encodes a slot-indexed program; the result has 8 bytes an element.
 * Throws ERR_ENCODE, with the slot's number, where a field does not fit, a combination has no encoding, or a wide
 * instruction is not followed by its tail.
 */
export function encodeProgram(insns: readonly Instruction[], order: ByteOrder): Uint8Array {
  const bytes = new Uint8Array(insns.length * SLOT_BYTES)
  const view = new DataView(bytes.buffer)
  for (let slot = 0; slot < insns.length; slot++) {
    const insn = insns[slot]!
    encodeAt(view, slot, insn, order)
    if (insn.kind === 'lddw') {
      slot++
      if (insns[slot]?.kind !== 'wide_tail') throw encodeError(slot - 1, 'lddw is not followed by its wide_tail')
    }
  }
  return bytes
}

/** Encodes one instruction: 8 bytes, or 16 for `lddw`. Throws ERR_ENCODE. */
export function encodeInstruction(insn: Instruction, order: ByteOrder): Uint8Array {
  const bytes = new Uint8Array(insn.kind === 'lddw' ? 2 * SLOT_BYTES : SLOT_BYTES)
  encodeAt(new DataView(bytes.buffer), 0, insn, order)
  return bytes
}

function encodeAt(view: DataView, slot: number, insn: Instruction, order: ByteOrder): void {
  if (insn.kind === 'wide_tail') throw encodeError(slot, 'a wide_tail without its lddw before it')
  const row = instructionRow(insn)
  if (row === undefined) throw encodeError(slot, `no encoding for ${JSON.stringify(insn)}`)
  const given = instructionFields(insn)
  const dst = register(slot, row, 'dst', row.dst, given.dst)
  const src = register(slot, row, 'src', row.src, given.src)
  const off = number(slot, row, 'off', row.off, given.off, 0x7fff)
  const imm = number(slot, row, 'imm', row.imm, given.imm, 0x7fffffff)
  if (row.imm === 'spaces') checkSpaces(slot, row, insn)
  const little = order === 'little'
  const at = slot * SLOT_BYTES
  view.setUint8(at, row.opcode)
  view.setUint8(at + 1, little ? (src << 4) | dst : (dst << 4) | src)
  view.setInt16(at + 2, off, little)
  view.setInt32(at + 4, imm, little)
  if (row.imm2 !== undefined && at + 2 * SLOT_BYTES <= view.byteLength) {
    view.setInt32(at + SLOT_BYTES + 4, number(slot, row, 'imm2', row.imm2, given.imm2, 0x7fffffff), little)
  }
}

function register(slot: number, row: InstructionRow, name: 'dst' | 'src', rule: 'reg' | number, given: number): number {
  if (rule !== 'reg') return fixed(slot, row, name, rule, given)
  if (!(Number.isInteger(given) && given >= 0 && given <= MAX_REGISTER)) {
    throw encodeError(slot, `${row.name}: ${name} is ${given}, and registers are r0 to r10`)
  }
  return given
}

function number(
  slot: number,
  row: InstructionRow,
  name: keyof EncodingFields,
  rule: string | number,
  given: number,
  max: number,
): number {
  if (typeof rule === 'number') return fixed(slot, row, name, rule, given)
  if (!(Number.isInteger(given) && given >= -max - 1 && given <= max)) {
    throw encodeError(slot, `${row.name}: ${name} is ${given}, which is not a whole number from ${-max - 1} to ${max}`)
  }
  return given
}

/** A field that the row fixes holds the row's value; the instruction must not ask for something else there. */
function fixed(slot: number, row: InstructionRow, name: keyof EncodingFields, value: number, given: number): number {
  if (given !== 0 && given !== value) {
    throw encodeError(slot, `${row.name}: ${name} is ${given}, where the encoding has room only for ${value}`)
  }
  return value
}

/** The two halves were joined into one immediate, which hides what did not fit. */
function checkSpaces(slot: number, row: InstructionRow, insn: Instruction): void {
  if (insn.kind !== 'addr_space_cast') return
  const joined = castSpaces(instructionFields(insn).imm)
  if (joined.to !== insn.to || joined.from !== insn.from || insn.to === insn.from) {
    throw encodeError(slot, `${row.name}: cannot cast to address space ${insn.to} from ${insn.from}`)
  }
}

function encodeError(slot: number, message: string): AnybpfError {
  return new AnybpfError('ERR_ENCODE', `slot ${slot}: ${message}`, { details: { slot } })
}
