/**
 * Lowering: instructions to the flat form that the interpreter runs. Done once per program, in linear time.
 *
 * Every slot becomes four words of one Int32Array, so that jumps need no table and a fault's slot is the word's index / 4:
 *
 * ```
 * word 0   31 30 29  26 25  21 20  16 15 13 12   8 7      0
 *         +--+--+------+------+------+-----+------+--------+
 *         |L |W | size | base | src  |    A| dst  | opcode |
 *         +--+--+------+------+------+-----+------+--------+
 *          L: first instruction of a block; dst, src, base: word index in the register file (twice the number)
 *          size: bytes of a memory access, 0 if there is none; W: it writes; A (bit 13): it must be aligned
 * word 1  immediate (low half)
 * word 2  offset of an access, jump target (word index), or high half of a wide immediate
 * word 3  weight of the block, if L
 * ```
 * Behind the last slot follow traps (control that leaves the program) and one `exit`, where a packet load that fails goes.
 * @module
 */
import { codeAddressTarget, endsBlock, jumpTarget } from '../isa/cfg.ts'
import type { Instruction, LddwInsn, Operand } from '../isa/instruction.ts'
import { AnybpfError, assertNever } from '../util/errors.ts'
import { FUNCTION_TAG } from './code-address.ts'
import { functionEntries, scanFrames } from './frame-scan.ts'
import type { LinkedProgram } from './linked-program.ts'
import {
  ALU_OPS,
  ALU32,
  ALU64,
  ATOMIC_FETCH,
  ATOMIC_OPS,
  IMMEDIATE,
  JUMP_OPS,
  JUMP32,
  JUMP64,
  opcode,
  ZERO,
} from './opcodes.ts'

/** Words of an instruction. */
export const SLOT_WORDS = 4

/** Set in word 0 of the first instruction of a block. */
export const LEADER = 0x80000000 | 0

/** Set in word 0 of an instruction that writes to memory. */
export const WRITES = 0x40000000

/** Set in word 0 of an instruction whose address must be a multiple of the access's size. */
export const ALIGNED = 0x2000

export interface LoweredProgram {
  readonly linked: LinkedProgram
  readonly code: Int32Array
  /** Word index of the `exit` behind the program. */
  readonly exit: number
  /** Bytes of the frame to clear at the entry of each function, by its first slot. */
  readonly frameClears: ReadonlyMap<number, number>
  /** Where each `goto_indirect` may go: slots, by its slot. */
  readonly indirectTargets: ReadonlyMap<number, ReadonlySet<number>>
}

export interface LoweringOptions {
  /** The low half of the code address of each function whose address is taken, by slot. */
  readonly codeIndices: ReadonlyMap<number, number>
  /** Bytes of a frame. */
  readonly stackSize: number
}

const ALU_NUMBER: Readonly<Record<string, number>> = Object.fromEntries(ALU_OPS.map((op, i) => [op, i]))
const JUMP_NUMBER: Readonly<Record<string, number>> = Object.fromEntries(JUMP_OPS.map((op, i) => [op, i]))
const ATOMIC_NUMBER: Readonly<Record<string, number>> = Object.fromEntries(ATOMIC_OPS.map((op, i) => [op, i]))

const BITS_SUFFIX = { 1: '8', 2: '16', 4: '32', 8: '64' } as const

/** Throws ERR_LINK where a symbol has been left without a number, ERR_BYTE_ORDER for a big-endian program. */
export function lowerProgram(linked: LinkedProgram, options: LoweringOptions): LoweredProgram {
  if (linked.byteOrder === 'big') {
    throw new AnybpfError('ERR_BYTE_ORDER', `${linked.name}: a big-endian program cannot be executed here`)
  }
  const entries = functionEntries(linked.insns)
  const frameClears = scanFrames(linked.insns, entries, options.stackSize)
  const builder = new Builder(linked, options, frameClears)
  linked.insns.forEach((insn, slot) => {
    builder.lower(slot, insn)
  })
  builder.markBlocks(entries)
  const code = builder.finish()
  const indirectTargets = new Map<number, ReadonlySet<number>>()
  for (const [slot, targets] of linked.indirectTargets ?? []) indirectTargets.set(slot, new Set(targets))
  return { linked, code, exit: code.length - SLOT_WORDS, frameClears, indirectTargets }
}

/** A copy of the code in which every instruction starts a block: the interpreter then stops at each to call its hook. */
export function tracedCode(code: Int32Array): Int32Array {
  const copy = code.slice()
  for (let at = 0; at < copy.length; at += SLOT_WORDS) {
    if (copy[at]! >= 0) copy[at + 3] = 0
    copy[at]! |= LEADER
  }
  return copy
}

class Builder {
  private readonly linked: LinkedProgram
  private readonly options: LoweringOptions
  private readonly frameClears: ReadonlyMap<number, number>
  private readonly code: Int32Array
  /** Traps that follow the program: the slot that each one blames. The first is for control that falls off the end. */
  private readonly traps: number[]

  constructor(linked: LinkedProgram, options: LoweringOptions, frameClears: ReadonlyMap<number, number>) {
    this.linked = linked
    this.options = options
    this.frameClears = frameClears
    this.code = new Int32Array(linked.insns.length * SLOT_WORDS)
    this.traps = [Math.max(0, linked.insns.length - 1)]
  }

  /** Writes the four words of a slot. `dst` and `src` are register numbers. */
  private emit(slot: number, code: number, dst: number, src: number, imm: number, extra: number): void {
    const at = slot * SLOT_WORDS
    this.code[at] = code | (dst << 9) | (src << 17)
    this.code[at + 1] = imm
    this.code[at + 2] = extra
  }

  /** An operation whose second operand is a register or the immediate. */
  private emitOperand(slot: number, code: number, dst: number, src: Operand, extra: number): void {
    if ('reg' in src) this.emit(slot, code, dst, src.reg, 0, extra)
    else this.emit(slot, code, dst, IMMEDIATE, src.imm, extra)
  }

  /** Adds a memory access to an instruction that {@link emit} has written. */
  private access(slot: number, base: number, size: number, flags = 0): void {
    this.code[slot * SLOT_WORDS]! |= (base << 22) | (size << 26) | flags
  }

  /** Word index of a jump's target; of a new trap if it is no instruction. */
  private target(slot: number, target: number): number {
    const kind = this.linked.insns[target]?.kind
    if (kind !== undefined && kind !== 'wide_tail') return target * SLOT_WORDS
    this.traps.push(slot)
    return (this.linked.insns.length + this.traps.length - 1) * SLOT_WORDS
  }

  lower(slot: number, insn: Instruction): void {
    switch (insn.kind) {
      case 'alu':
        this.emitOperand(slot, (insn.width === 64 ? ALU64 : ALU32) + ALU_NUMBER[insn.op]!, insn.dst, insn.src, 0)
        break
      case 'neg':
        this.emit(slot, opcode(`neg${insn.width}`), insn.dst, 0, 0, 0)
        break
      case 'movsx':
        this.emit(slot, opcode(`movsx${insn.bits}_${insn.width}`), insn.dst, insn.src, 0, 0)
        break
      case 'addr_space_cast':
        this.emit(slot, opcode('addr_space_cast'), insn.dst, insn.src, 0, 0)
        break
      case 'endian':
        // The host's memory is little-endian, so `le` only truncates.
        this.emit(slot, opcode(`${insn.op === 'le' ? 'truncate' : 'swap'}${insn.bits}`), insn.dst, 0, 0, 0)
        break
      case 'load': {
        const name = insn.signed ? 'load_signed' : 'load'
        this.emit(slot, opcode(`${name}${BITS_SUFFIX[insn.size]}`), insn.dst, 0, 0, insn.off)
        this.access(slot, insn.base, insn.size)
        break
      }
      case 'store':
        this.emitOperand(slot, opcode(`store${BITS_SUFFIX[insn.size]}`), 0, insn.src, insn.off)
        this.access(slot, insn.base, insn.size, WRITES)
        break
      case 'atomic': {
        if (insn.size < 4) throw this.error('ERR_UNSUPPORTED', slot, `atomic operation on ${insn.size} bytes`)
        const operation = ATOMIC_NUMBER[insn.op]! + (insn.fetch ? ATOMIC_FETCH : 0)
        this.emit(slot, opcode(`atomic${BITS_SUFFIX[insn.size]}`), 0, insn.src, operation, insn.off)
        this.access(slot, insn.base, insn.size, WRITES | ALIGNED)
        break
      }
      // Within one CPU every access is in order: only the alignment differs from a plain one.
      case 'load_acquire':
        this.emit(slot, opcode(`load${BITS_SUFFIX[insn.size]}`), insn.dst, 0, 0, insn.off)
        this.access(slot, insn.base, insn.size, ALIGNED)
        break
      case 'store_release':
        this.emit(slot, opcode(`store${BITS_SUFFIX[insn.size]}`), 0, insn.src, 0, insn.off)
        this.access(slot, insn.base, insn.size, WRITES | ALIGNED)
        break
      case 'load_packet': {
        const index = insn.mode === 'ind' ? insn.src : ZERO
        this.emit(slot, opcode(`load_packet${BITS_SUFFIX[insn.size]}`), 0, index, insn.imm, 0)
        break
      }
      case 'lddw':
        this.lowerWide(slot, insn)
        break
      case 'wide_tail':
        this.emit(slot, opcode('trap'), 0, 0, slot, 0)
        break
      case 'jump': {
        const code = (insn.width === 64 ? JUMP64 : JUMP32) + JUMP_NUMBER[insn.op]!
        this.emitOperand(slot, code, insn.dst, insn.src, this.target(slot, slot + 1 + insn.off))
        break
      }
      case 'goto':
        this.emit(slot, opcode('goto'), 0, 0, 0, this.target(slot, slot + 1 + insn.off))
        break
      case 'goto_indirect':
        this.emit(slot, opcode('goto_indirect'), insn.dst, 0, 0, 0)
        break
      case 'may_goto':
        this.emit(slot, opcode('may_goto'), 0, 0, 0, this.target(slot, slot + 1 + insn.off))
        break
      case 'call':
        if (insn.target === 'helper') this.emit(slot, opcode('call_helper'), 0, 0, insn.imm, 0)
        else if (insn.target === 'kfunc') this.emit(slot, opcode('call_kfunc'), 0, 0, insn.imm, insn.off)
        else this.lowerLocalCall(slot, slot + 1 + insn.imm)
        break
      case 'callx':
        this.emit(slot, opcode('callx'), insn.reg, 0, 0, 0)
        break
      case 'exit':
        this.emit(slot, opcode('exit'), 0, 0, 0, 0)
        break
      default:
        assertNever(insn)
    }
  }

  private lowerWide(slot: number, insn: LddwInsn): void {
    if (insn.source === 'imm64') {
      this.emit(slot, opcode('lddw'), insn.dst, 0, insn.imm, insn.imm2)
      return
    }
    if (insn.source !== 'code_addr') {
      throw this.error('ERR_LINK', slot, `${insn.source} ${insn.imm} has no address yet`)
    }
    const index = this.options.codeIndices.get(codeAddressTarget(slot, insn))
    if (index === undefined) throw this.error('ERR_LINK', slot, `no function at slot ${codeAddressTarget(slot, insn)}`)
    this.emit(slot, opcode('lddw'), insn.dst, 0, index, FUNCTION_TAG)
  }

  /** The immediate of a local call is how much of the callee's frame to clear. */
  private lowerLocalCall(slot: number, callee: number): void {
    const clear = this.frameClears.get(callee)
    if (clear === undefined) {
      this.emit(slot, opcode('goto'), 0, 0, 0, this.target(slot, callee))
    } else {
      this.emit(slot, opcode('call_local'), 0, 0, clear, callee * SLOT_WORDS)
    }
  }

  /** Marks the first instruction of each block and gives it the number of instructions of the block. */
  markBlocks(entries: readonly number[]): void {
    const { insns, indirectTargets } = this.linked
    const leader = new Uint8Array(insns.length + 1)
    for (const entry of entries) leader[entry] = 1
    for (const targets of indirectTargets?.values() ?? []) for (const target of targets) leader[target] = 1
    insns.forEach((insn, slot) => {
      const target = jumpTarget(slot, insn)
      if (target !== undefined && target >= 0 && target < insns.length) leader[target] = 1
      if (endsBlock(insn)) leader[slot + 1] = 1
    })
    let start = -1
    for (let slot = 0; slot < insns.length; slot++) {
      // The second slot of a wide instruction is never run: a jump there is a trap.
      if (insns[slot]!.kind === 'wide_tail') continue
      if (leader[slot] === 1) {
        start = slot * SLOT_WORDS
        this.code[start]! |= LEADER
      }
      if (start >= 0) this.code[start + 3]!++
    }
  }

  /** The code with its traps and the `exit` behind it. */
  finish(): Int32Array {
    const code = new Int32Array(this.code.length + (this.traps.length + 1) * SLOT_WORDS)
    code.set(this.code)
    this.traps.forEach((slot, i) => {
      code[this.code.length + i * SLOT_WORDS + 1] = slot
    })
    code[code.length - SLOT_WORDS] = opcode('exit')
    return code
  }

  private error(code: 'ERR_LINK' | 'ERR_UNSUPPORTED', slot: number, what: string): AnybpfError {
    return new AnybpfError(code, `${this.linked.name}: insn ${slot}: ${what}`)
  }
}
