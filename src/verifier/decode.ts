/**
 * Bytes to instructions for the verifier, which has to say what Linux says of those that are none: that an opcode is
 * unknown, or that a field is used which has to be zero. Linux finds some of that before it explores a program, the rest
 * when a path comes there, maybe never.
 * @see https://www.rfc-editor.org/rfc/rfc9669#section-3
 * @module
 */
import { decodeFields } from '../isa/decode.ts'
import { instructionFromFields } from '../isa/encoding.ts'
import { INSTRUCTION_TABLE, type Instruction, type InstructionRow, type LddwSource, WIDE_TAIL } from '../isa/index.ts'
import {
  ATOMIC_CODE,
  ATOMIC_FETCH,
  CLASS,
  CLASS_MASK,
  CODE_MASK,
  JUMP_CODE,
  MAX_REGISTER,
  MODE,
  MODE_MASK,
  SIZE_BITS,
  SIZE_MASK,
  SLOT_BYTES,
} from '../isa/opcode.ts'
import { AnybpfError, type ByteOrder } from '../util/index.ts'
import type { InvalidInstruction } from './program.ts'
import { fieldProblem, unknownLoad } from './structure/reserved.ts'

export interface DecodedProgram {
  /** One for each slot; where the bytes are no instruction, one that comes close to them. */
  readonly insns: Instruction[]
  /** By slot, up to the first one that is found early. */
  readonly invalid: Map<number, InvalidInstruction>
}

const LDDW = 0x18
/** Calls through registers and indirect jumps, which Linux 6.18 does not have. */
const NOT_IN_LINUX: ReadonlySet<number> = new Set([0x8d, 0x0d])

const ROWS: readonly (readonly InstructionRow[])[] = rowsByOpcode()

function rowsByOpcode(): InstructionRow[][] {
  const rows: InstructionRow[][] = Array.from({ length: 256 }, () => [])
  for (const row of INSTRUCTION_TABLE) if (!NOT_IN_LINUX.has(row.opcode)) rows[row.opcode]!.push(row)
  return rows
}

const LDDW_SOURCES: readonly LddwSource[] = [
  'imm64',
  'map_fd',
  'map_value',
  'var_addr',
  'code_addr',
  'map_idx',
  'map_idx_value',
]

/** Decodes a whole program. Throws ERR_DECODE if `bytes` are not a whole number of slots, and for nothing else. */
export function decodeForVerifier(bytes: Uint8Array, order: ByteOrder): DecodedProgram {
  if (bytes.length % SLOT_BYTES !== 0) {
    throw new AnybpfError('ERR_DECODE', `a program of ${bytes.length} bytes: instructions take 8 or 16 bytes each`)
  }
  return new Decoder(bytes, order).program()
}

class Decoder {
  private readonly view: DataView
  private readonly little: boolean
  private readonly slots: number
  private readonly insns: Instruction[]
  private readonly invalid = new Map<number, InvalidInstruction>()
  private foundEarly = false

  constructor(bytes: Uint8Array, order: ByteOrder) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.little = order === 'little'
    this.slots = bytes.length / SLOT_BYTES
    this.insns = new Array<Instruction>(this.slots)
  }

  program(): DecodedProgram {
    for (let slot = 0; slot < this.slots; slot++) {
      const at = slot * SLOT_BYTES
      const opcode = this.view.getUint8(at)
      const registers = this.view.getUint8(at + 1)
      const dst = this.little ? registers & 0xf : registers >> 4
      const src = this.little ? registers >> 4 : registers & 0xf
      const off = this.view.getInt16(at + 2, this.little)
      const imm = this.view.getInt32(at + 4, this.little)
      if (opcode === LDDW) {
        if (this.wideLoad(slot, dst, src, off, imm)) this.insns[++slot] = WIDE_TAIL
      } else {
        this.insns[slot] =
          decodeFields(opcode, dst, src, off, imm, 0) ?? this.notAnInstruction(slot, opcode, dst, src, off, imm)
      }
    }
    return { insns: this.insns, invalid: this.invalid }
  }

  /** Whether the next slot is its second one. */
  private wideLoad(slot: number, dst: number, src: number, off: number, imm: number): boolean {
    const tail = (slot + 1) * SLOT_BYTES
    const complete = slot + 1 < this.slots && this.view.getUint32(tail, this.little) === 0
    const imm2 = complete ? this.view.getInt32(tail + 4, this.little) : 0
    this.insns[slot] = { kind: 'lddw', source: LDDW_SOURCES[src] ?? 'imm64', dst, imm, imm2 }
    if (!complete) {
      this.refuse(slot, { code: 'invalid_wide_instruction', message: 'invalid bpf_ld_imm64 insn', early: true })
    } else if (src >= LDDW_SOURCES.length) {
      this.refuse(slot, { code: 'invalid_wide_instruction', message: 'unrecognized bpf_ld_imm64 insn', early: true })
    } else if (off !== 0) {
      this.refuse(slot, { code: 'reserved_field', message: 'BPF_LD_IMM64 uses reserved fields', early: false })
    } else if (dst > MAX_REGISTER) {
      this.refuse(slot, { code: 'invalid_register', message: `R${dst} is invalid`, early: false })
    }
    return complete
  }

  private notAnInstruction(
    slot: number,
    opcode: number,
    dst: number,
    src: number,
    off: number,
    imm: number,
  ): Instruction {
    const rows = ROWS[opcode]!
    if (rows.length === 0) {
      const reserved = unknownLoad(opcode, imm)
      if (reserved !== undefined) {
        this.refuse(slot, reserved)
        return placeholder(opcode, off)
      }
      const message = `unknown opcode ${opcode.toString(16).padStart(2, '0')}`
      this.refuse(slot, { code: 'invalid_instruction', message, early: true })
      return placeholder(opcode, off)
    }
    const problem = fieldProblem(opcode, dst, src, off, imm)
    if (problem !== undefined) this.refuse(slot, problem)
    if ((opcode & CLASS_MASK) === CLASS.STX && (opcode & MODE_MASK) === MODE.ATOMIC) {
      return wrongAtomic(opcode, dst, src, off, imm)
    }
    const row = closestRow(rows, src, off, imm)
    // Whom a call with wrong fields means is not to be known, unless it is a function of the program.
    if (row.shape.kind === 'call' && src > 2) return { kind: 'call', target: 'helper', imm: 0, off: 0 }
    return instructionFromFields(row.shape, dst, src, off, imm, 0)
  }

  /** What comes behind a mistake that is found early is never looked at. */
  private refuse(slot: number, problem: InvalidInstruction): void {
    if (this.foundEarly) return
    this.invalid.set(slot, problem)
    this.foundEarly = problem.early
  }
}

/** An operation or size that there is not: what it would read and write. */
function wrongAtomic(opcode: number, dst: number, src: number, off: number, imm: number): Instruction {
  const size = (opcode & SIZE_MASK) === SIZE_BITS[8] ? 8 : 4
  const op = imm === ATOMIC_CODE.cmpxchg + ATOMIC_FETCH ? 'cmpxchg' : 'add'
  return { kind: 'atomic', op, size, fetch: (imm & ATOMIC_FETCH) !== 0, base: dst, off, src }
}

/** The row that the fewest fixed fields speak against. */
function closestRow(rows: readonly InstructionRow[], src: number, off: number, imm: number): InstructionRow {
  let closest = rows[0]!
  let fewest = Number.POSITIVE_INFINITY
  for (const row of rows) {
    const wrong = Number(differs(row.src, src)) + Number(differs(row.off, off)) + Number(differs(row.imm, imm))
    if (wrong >= fewest) continue
    closest = row
    fewest = wrong
  }
  return closest
}

const differs = (field: string | number, value: number): boolean => typeof field === 'number' && field !== value

const FALLS_THROUGH: Instruction = { kind: 'alu', op: 'mov', width: 64, dst: 0, src: { imm: 0 } }

/** What an unknown opcode counts as while functions are told apart: by its class, it may be a jump. */
function placeholder(opcode: number, off: number): Instruction {
  const cls = opcode & CLASS_MASK
  const code = opcode & CODE_MASK
  const jumps = (cls === CLASS.JMP || cls === CLASS.JMP32) && code !== JUMP_CODE.CALL && code !== JUMP_CODE.EXIT
  return jumps ? { kind: 'jump', op: 'eq', width: 64, dst: 0, src: { imm: 0 }, off } : FALLS_THROUGH
}
