/**
 * Fields of an encoding that must be zero, or one of a few values, and are not: what Linux says of each kind of
 * instruction, and which registers it looks at before it notices.
 * @see https://www.rfc-editor.org/rfc/rfc9669#section-3
 * @module
 */
import {
  ALU_CODE,
  CLASS,
  CLASS_MASK,
  CODE_MASK,
  JUMP_CODE,
  LOAD_ACQUIRE,
  MAX_REGISTER,
  MODE,
  MODE_MASK,
  SIZE_BITS,
  SIZE_MASK,
  SOURCE,
  SOURCE_MASK,
} from '../../isa/opcode.ts'
import type { InvalidInstruction } from '../program.ts'

/** What is wrong with the fields of an instruction whose opcode exists; undefined where Linux minds nothing. */
export function fieldProblem(
  opcode: number,
  dst: number,
  src: number,
  off: number,
  imm: number,
): InvalidInstruction | undefined {
  switch (opcode & CLASS_MASK) {
    case CLASS.LD:
      return loadPacketProblem(opcode, dst, src, off)
    case CLASS.LDX:
      // Looked at together with opcodes, before anything is executed.
      if (imm !== 0) return { ...reserved('BPF_LDX'), early: true }
      return registersProblem([src, dst])
    case CLASS.ST:
      if (src !== 0) return reserved('BPF_ST')
      return registersProblem([dst])
    case CLASS.STX:
      if ((opcode & MODE_MASK) === MODE.ATOMIC) return atomicProblem(opcode, dst, src, imm)
      if (imm !== 0) return reserved('BPF_STX')
      return registersProblem([src, dst])
    case CLASS.ALU:
    case CLASS.ALU64:
      return aluProblem(opcode, dst, src, off, imm)
    default:
      return jumpProblem(opcode, dst, src, off, imm)
  }
}

/** A load of a mode that there is not, or whose immediate is not zero: Linux says so before it looks opcodes up. */
export function unknownLoad(opcode: number, imm: number): InvalidInstruction | undefined {
  if ((opcode & CLASS_MASK) !== CLASS.LDX) return undefined
  const mode = opcode & MODE_MASK
  return (mode !== MODE.MEM && mode !== MODE.MEMSX) || imm !== 0 ? { ...reserved('BPF_LDX'), early: true } : undefined
}

function reserved(name: string, readsFirst?: readonly number[]): InvalidInstruction {
  const message = `${name} uses reserved fields`
  return { code: 'reserved_field', message, early: false, ...(readsFirst !== undefined && { readsFirst }) }
}

/** Registers in the order in which they are looked at: the first one that does not exist. */
function registersProblem(
  registers: readonly number[],
  before: readonly number[] = [],
): InvalidInstruction | undefined {
  const at = registers.findIndex((register) => register > MAX_REGISTER)
  if (at < 0) return undefined
  return {
    code: 'invalid_register',
    message: `R${registers[at]} is invalid`,
    early: false,
    readsFirst: [...before, ...registers.slice(0, at)],
  }
}

const CONTEXT = 6

function loadPacketProblem(opcode: number, dst: number, src: number, off: number): InvalidInstruction | undefined {
  const indirect = (opcode & MODE_MASK) === MODE.IND
  if (dst !== 0 || off !== 0 || (!indirect && src !== 0)) return reserved('BPF_LD_[ABS|IND]')
  return indirect ? registersProblem([src], [CONTEXT]) : undefined
}

const STORE_RELEASE = 0x110
const ATOMIC_CODES: ReadonlySet<number> = new Set([
  0x00,
  0x01,
  0x40,
  0x41,
  0x50,
  0x51,
  0xa0,
  0xa1,
  0xe1,
  0xf1,
  LOAD_ACQUIRE,
  STORE_RELEASE,
])

function atomicProblem(opcode: number, dst: number, src: number, imm: number): InvalidInstruction | undefined {
  if (!ATOMIC_CODES.has(imm)) {
    const code = (imm >>> 0).toString(16).padStart(2, '0')
    return { code: 'invalid_instruction', message: `BPF_ATOMIC uses invalid atomic opcode ${code}`, early: false }
  }
  const size = opcode & SIZE_MASK
  if (imm !== LOAD_ACQUIRE && imm !== STORE_RELEASE && size !== SIZE_BITS[4] && size !== SIZE_BITS[8]) {
    return { code: 'invalid_instruction', message: 'invalid atomic operand size', early: false }
  }
  return registersProblem([src, dst])
}

/** `off` of a `mov` that is an `addr_space_cast`. */
const ADDR_SPACE_CAST = 1

function aluProblem(
  opcode: number,
  dst: number,
  src: number,
  off: number,
  imm: number,
): InvalidInstruction | undefined {
  const wide = (opcode & CLASS_MASK) === CLASS.ALU64
  const fromRegister = (opcode & SOURCE_MASK) === SOURCE.X
  const code = opcode & CODE_MASK
  switch (code) {
    case ALU_CODE.NEG:
      if (src !== 0 || off !== 0 || imm !== 0) return reserved('BPF_NEG')
      return registersProblem([dst])
    case ALU_CODE.END:
      if (src !== 0 || off !== 0 || (imm !== 16 && imm !== 32 && imm !== 64)) return reserved('BPF_END')
      return registersProblem([dst])
    case ALU_CODE.MOV:
      if (!fromRegister) {
        if (src !== 0 || off !== 0) return reserved('BPF_MOV')
        return registersProblem([dst])
      }
      if (wide && off === ADDR_SPACE_CAST) {
        if (imm !== 1 && imm !== 1 << 16) {
          return {
            code: 'reserved_field',
            message: 'addr_space_cast insn can only convert between address space 1 and 0',
            early: false,
          }
        }
      } else if (imm !== 0 || (off !== 0 && off !== 8 && off !== 16 && !(wide && off === 32))) {
        return reserved('BPF_MOV')
      }
      return registersProblem([src, dst])
    default: {
      const signed = off === 1 && (code === ALU_CODE.DIV || code === ALU_CODE.MOD)
      if ((off !== 0 && !signed) || (fromRegister ? imm : src) !== 0) return reserved('BPF_ALU')
      return registersProblem(fromRegister ? [src, dst] : [dst])
    }
  }
}

function jumpProblem(
  opcode: number,
  dst: number,
  src: number,
  off: number,
  imm: number,
): InvalidInstruction | undefined {
  const narrow = (opcode & CLASS_MASK) === CLASS.JMP32
  switch (opcode & CODE_MASK) {
    case JUMP_CODE.CALL: {
      const kernelFunction = src === 2
      return dst !== 0 || src > 2 || (off !== 0 && !kernelFunction) ? reserved('BPF_CALL') : undefined
    }
    case JUMP_CODE.JA:
      return dst !== 0 || src !== 0 || (narrow ? off : imm) !== 0 ? reserved('BPF_JA') : undefined
    case JUMP_CODE.EXIT:
      return dst !== 0 || src !== 0 || imm !== 0 ? reserved('BPF_EXIT') : undefined
    case JUMP_CODE.JCOND:
      if (dst === 0 && src === 0 && imm === 0) return undefined
      return { code: 'reserved_field', message: `invalid may_goto imm ${imm}`, early: false }
    default: {
      const fromRegister = (opcode & SOURCE_MASK) === SOURCE.X
      if (dst > MAX_REGISTER) return registersProblem([dst])
      if ((fromRegister ? imm : src) !== 0) return reserved('BPF_JMP/JMP32', [dst])
      return fromRegister ? registersProblem([src], [dst]) : undefined
    }
  }
}
