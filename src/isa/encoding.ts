/**
 * Between an instruction and the fields of its encoding: which row of the table it is, and what the fields hold.
 *
 *   opcode   src dst    off              imm
 *  +--------+----+----+----------------+--------------------------------+
 *  |   8    | 4  | 4  |       16       |               32               |   little-endian; big-endian: dst before src
 *  +--------+----+----+----------------+--------------------------------+
 *
 * A wide instruction is followed by a second slot that is zero but for its immediate, `imm2`.
 * @see https://www.rfc-editor.org/rfc/rfc9669#section-3
 * @module
 */
import { assertNever } from '../util/index.ts'
import type { ExitInsn, Instruction, WideTail } from './instruction.ts'
import type { InstructionRow, InstructionShape } from './instruction-row.ts'
import { INSTRUCTION_TABLE } from './instruction-table.ts'
import { castImmediate, castSpaces } from './opcode.ts'

/** The fields of an encoding, as signed numbers; `imm2` is 0 where the encoding is not wide. */
export interface EncodingFields {
  readonly dst: number
  readonly src: number
  readonly off: number
  readonly imm: number
  readonly imm2: number
}

/** Shared by all programs: they carry nothing. */
export const WIDE_TAIL: WideTail = Object.freeze({ kind: 'wide_tail' })
const EXIT: ExitInsn = Object.freeze({ kind: 'exit' })

/** The instruction that these fields encode in the row with that shape. */
export function instructionFromFields(
  shape: InstructionShape,
  dst: number,
  src: number,
  off: number,
  imm: number,
  imm2: number,
): Instruction {
  switch (shape.kind) {
    case 'alu':
      return {
        kind: 'alu',
        op: shape.op,
        width: shape.width,
        dst,
        src: shape.form === 'reg' ? { reg: src } : { imm },
      }
    case 'neg':
      return { kind: 'neg', width: shape.width, dst }
    case 'movsx':
      return { kind: 'movsx', width: shape.width, bits: shape.bits, dst, src }
    case 'addr_space_cast':
      return { kind: 'addr_space_cast', dst, src, ...castSpaces(imm) }
    case 'endian':
      return { kind: 'endian', op: shape.op, bits: shape.bits, dst }
    case 'load':
      return { kind: 'load', size: shape.size, signed: shape.signed, dst, base: src, off }
    case 'store':
      return { kind: 'store', size: shape.size, base: dst, off, src: shape.form === 'reg' ? { reg: src } : { imm } }
    case 'atomic':
      return { kind: 'atomic', op: shape.op, size: shape.size, fetch: shape.fetch, base: dst, off, src }
    case 'load_acquire':
      return { kind: 'load_acquire', size: shape.size, dst, base: src, off }
    case 'store_release':
      return { kind: 'store_release', size: shape.size, base: dst, off, src }
    case 'load_packet':
      return { kind: 'load_packet', mode: shape.mode, size: shape.size, src, imm }
    case 'lddw':
      return { kind: 'lddw', source: shape.source, dst, imm, imm2 }
    case 'jump':
      return {
        kind: 'jump',
        op: shape.op,
        width: shape.width,
        dst,
        src: shape.form === 'reg' ? { reg: src } : { imm },
        off,
      }
    case 'goto':
      return { kind: 'goto', wide: shape.wide, off: shape.wide ? imm : off }
    case 'goto_indirect':
      return { kind: 'goto_indirect', dst }
    case 'may_goto':
      return { kind: 'may_goto', off }
    case 'call':
      return { kind: 'call', target: shape.target, imm, off }
    case 'callx':
      // The register stands in dst, or in older encodings in the immediate; the other is zero.
      return { kind: 'callx', reg: dst | imm }
    case 'exit':
      return EXIT
    default:
      return assertNever(shape)
  }
}

/**
 * The fields that encode an instruction, for its own row ({@link instructionRow}). Where the row fixes a field (an
 * opcode extension such as the `off` of `sdiv`), this holds what the instruction itself says of it, mostly zero.
 */
export function instructionFields(insn: Exclude<Instruction, WideTail>): EncodingFields {
  switch (insn.kind) {
    case 'alu':
      return 'reg' in insn.src ? fields(insn.dst, insn.src.reg) : fields(insn.dst, 0, 0, insn.src.imm)
    case 'neg':
    case 'endian':
    case 'goto_indirect':
      return fields(insn.dst)
    case 'movsx':
      return fields(insn.dst, insn.src)
    case 'addr_space_cast':
      return fields(insn.dst, insn.src, 0, castImmediate(insn.to, insn.from))
    case 'load':
    case 'load_acquire':
      return fields(insn.dst, insn.base, insn.off)
    case 'store':
      return 'reg' in insn.src
        ? fields(insn.base, insn.src.reg, insn.off)
        : fields(insn.base, 0, insn.off, insn.src.imm)
    case 'atomic':
    case 'store_release':
      return fields(insn.base, insn.src, insn.off)
    case 'load_packet':
      return fields(0, insn.src, 0, insn.imm)
    case 'lddw':
      return { dst: insn.dst, src: 0, off: 0, imm: insn.imm, imm2: insn.imm2 }
    case 'jump':
      return 'reg' in insn.src ? fields(insn.dst, insn.src.reg, insn.off) : fields(insn.dst, 0, insn.off, insn.src.imm)
    case 'goto':
      return insn.wide ? fields(0, 0, 0, insn.off) : fields(0, 0, insn.off)
    case 'may_goto':
      return fields(0, 0, insn.off)
    case 'call':
      return fields(0, 0, insn.off, insn.imm)
    case 'callx':
      return fields(insn.reg)
    case 'exit':
      return fields()
    default:
      return assertNever(insn)
  }
}

function fields(dst = 0, src = 0, off = 0, imm = 0): EncodingFields {
  return { dst, src, off, imm, imm2: 0 }
}

/** What tells one row from another, as text. */
function shapeKey(shape: InstructionShape): string {
  switch (shape.kind) {
    case 'alu':
    case 'jump':
      return `${shape.kind} ${shape.op} ${shape.width} ${shape.form}`
    case 'neg':
      return `neg ${shape.width}`
    case 'movsx':
      return `movsx ${shape.bits} ${shape.width}`
    case 'endian':
      return `endian ${shape.op} ${shape.bits}`
    case 'load':
      return `load ${shape.size} ${shape.signed}`
    case 'store':
      return `store ${shape.size} ${shape.form}`
    case 'atomic':
      return `atomic ${shape.op} ${shape.size} ${shape.fetch}`
    case 'load_acquire':
    case 'store_release':
      return `${shape.kind} ${shape.size}`
    case 'load_packet':
      return `load_packet ${shape.mode} ${shape.size}`
    case 'lddw':
      return `lddw ${shape.source}`
    case 'goto':
      return `goto ${shape.wide}`
    case 'call':
      return `call ${shape.target}`
    case 'addr_space_cast':
    case 'goto_indirect':
    case 'may_goto':
    case 'callx':
    case 'exit':
      return shape.kind
    default:
      return assertNever(shape)
  }
}

const ROW_BY_SHAPE: ReadonlyMap<string, InstructionRow> = new Map(
  INSTRUCTION_TABLE.filter((row) => !row.decodeOnly).map((row) => [shapeKey(row.shape), row]),
)

/** The table's row for an instruction; undefined where no encoding has that combination (nor for a wide tail). */
export function instructionRow(insn: Instruction): InstructionRow | undefined {
  switch (insn.kind) {
    case 'wide_tail':
      return undefined
    case 'alu':
    case 'jump':
    case 'store': {
      const form = 'reg' in insn.src ? 'reg' : 'imm'
      return ROW_BY_SHAPE.get(shapeKey({ ...insn, form }))
    }
    default:
      return ROW_BY_SHAPE.get(shapeKey(insn))
  }
}
