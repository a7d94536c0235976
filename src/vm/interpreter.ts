/**
 * The interpreter: the reference for what every instruction does (RFC 9669, and Linux for what came after it).
 *
 * Synchronous; one semantic line per operation. Registers are pairs of 32-bit halves, `r[d]` the low and `r[d + 1]` the high
 * one; the second operand `s` is a register, or the immediate, which every step puts into a register of its own.
 *
 * **Memory.** Before an instruction that accesses memory, `readable` or `writable` gives the address or throws a fault; the
 * access goes through the memory's view in the byte order {@link LITTLE}. Windows decide most accesses: unchecked, all of the
 * memory above page zero; checked, the live frame and the region that was used last.
 *
 * **Budget.** A block is charged when it is entered, with the number of its instructions (a wide one counts once). A call
 * does not end a block.
 *
 * **What RFC 9669 leaves open.** Registers are zero at entry except r1, r2 and r10; a called function finds its arguments in r1 to
 * r5 and zero in the others; after any call the caller's r1 to r10 are as before. A tail call that fails leaves -ENOENT in r0.
 * @see https://www.rfc-editor.org/rfc/rfc9669#section-4
 * @module
 */
import type { HelperSpec } from '../spec/types.ts'
import { AnybpfError } from '../util/errors.ts'
import {
  arsh64,
  divS64,
  divU64,
  lsh64,
  ltS64,
  ltU64,
  modS64,
  modU64,
  mul64,
  neg64,
  pairToU64,
  rsh64,
  swap16,
  swap32,
} from '../util/int64.ts'
import { atomic32, atomic64 } from './atomics.ts'
import { FUNCTION_TAG, INSTRUCTION_TAG } from './code-address.ts'
import { BpfFault, createFault } from './fault.ts'
import { accessFault, FaultSignal, hex, misaligned, missingHelper } from './fault-signal.ts'
import { Budget, DEFAULT_BUDGET, MAY_GOTO_LIMIT } from './limits.ts'
import { type GuestAddress, PAGE_SIZE } from './linear-memory.ts'
import { ALIGNED, type LoweredProgram, lowerProgram, SLOT_WORDS, tracedCode, WRITES } from './lowering.ts'
import { type ExecutableProgram, isPacketSource } from './machine.ts'
import { IMMEDIATE } from './opcodes.ts'
import type { Region } from './regions.ts'
import type { VirtualCpu } from './virtual-cpu.ts'

/** All guest accesses of more than a byte have this byte order. */
const LITTLE = true

const IMM = 2 * IMMEDIATE
const FRAME_POINTER = 2 * 10

const TWO_32 = 4294967296
const ENOENT = 2

export interface RunOptions {
  /** Instructions that the run may take; 0: no bound. Default {@link DEFAULT_BUDGET}. */
  readonly budget?: number
  /**
   * Every access must lie in a live region, with the right permission. False, the interpreter's own default: in the
   * memory, above page zero. Loaded programs have one of their own: checked unless verified.
   */
  readonly checked?: boolean
  /** Called before each instruction. What it throws ends the run. */
  readonly trace?: TraceHook
}

/** `slot` is of the instruction that comes next, `depth` 1 in the program's own frame; registers are in `cpu`. */
export type TraceHook = (cpu: VirtualCpu, program: ExecutableProgram, slot: number, depth: number) => void

interface Executable {
  readonly program: ExecutableProgram
  readonly lowered: LoweredProgram
  /** Made when the first traced run needs it. */
  traced: Int32Array | undefined
}

/** Words of a frame's save area: r1 to r10, and where to return. */
const SAVED_WORDS = 21

export class Interpreter {
  readonly cpu: VirtualCpu
  private readonly registers: Int32Array
  private readonly executables: (Executable | undefined)[] = []
  /** The caller's registers and return address, by the depth of the callee. */
  private readonly saved: Int32Array
  /** The caller's program, by the depth of the callee. */
  private readonly callers: (Executable | undefined)[]
  /** What is left of `may_goto`, by depth. */
  private readonly mayGoto: Int32Array
  private tailCalls = 0
  /** What the run began with. */
  private entry: ExecutableProgram | undefined = undefined
  private checked = false
  private trace: TraceHook | undefined = undefined
  private readonly budget = new Budget()
  /** What is left of the current portion of the budget while no code of the loop runs. */
  private fuel = 0
  // Windows: accesses that lie inside need no further check.
  private readStart = 0
  private readLength = 0
  private writeStart = 0
  private writeLength = 0
  private frameStart = 0
  private readonly frameLength: number
  /** The region set's generation that the windows are from. */
  private generation = -1

  constructor(cpu: VirtualCpu) {
    this.cpu = cpu
    this.registers = cpu.registers
    this.frameLength = cpu.frameSize
    this.saved = new Int32Array(SAVED_WORDS * (cpu.maxFrames + 1))
    this.callers = new Array<undefined>(cpu.maxFrames + 1).fill(undefined)
    this.mayGoto = new Int32Array(cpu.maxFrames + 1)
  }

  /**
   * Runs a program of the CPU's machine. Returns the low 32 bits of r0, unsigned; all 64 are in `cpu.registers`. Throws a
   * {@link BpfFault} for what the program does wrong, and for an ERR_FAULT that a helper
   * throws; anything else that a helper throws passes through.
   */
  run(program: ExecutableProgram, r1: GuestAddress, r2: number, options: RunOptions = {}): number {
    const { cpu, registers } = this
    this.assertIdle(program)
    const executable = this.executable(program)
    this.budget.begin(options.budget ?? DEFAULT_BUDGET)
    this.fuel = 0
    this.checked = options.checked ?? false
    this.trace = options.trace
    this.tailCalls = 0
    this.entry = program
    registers.fill(0)
    registers[2] = r1
    registers[4] = r2
    const engineBefore = cpu.engine
    cpu.engine = this
    try {
      this.openFrame(1, executable.lowered.frameClears.get(0) ?? 0)
      this.generation = -1
      this.refreshWindows()
      this.execute(executable, 0)
    } finally {
      cpu.depth = 0
      cpu.engine = engineBefore
    }
    return registers[0]! >>> 0
  }

  /** Throws ERR_USAGE if the CPU is in the middle of a run: then `program` cannot be started. */
  assertIdle(program: ExecutableProgram): void {
    const { depth, id } = this.cpu
    if (depth !== 0) throw new AnybpfError('ERR_USAGE', `${program.name}: cpu ${id} is running a program already`)
  }

  /** Instructions that the last run was charged for. */
  get charged(): number {
    return this.budget.charged(this.fuel)
  }

  /** See `Cpu.callFunction`. */
  callFunction(low: number, high: number, a1: number, a2: number, a3: number, a4: number, a5: number): number {
    const r = this.registers
    const { executable, slot } = this.functionAt(low, high)
    this.enter(0, undefined, executable.lowered.frameClears.get(slot) ?? 0)
    for (let i = 2; i < 12; i++) r[i] = 0
    r[2] = a1
    r[4] = a2
    r[6] = a3
    r[8] = a4
    r[10] = a5
    const { depth } = this.cpu
    try {
      this.execute(executable, slot * SLOT_WORDS)
    } finally {
      // Also after a fault: a helper may catch it and go on, in the frame and with the registers of its caller.
      while (this.cpu.depth >= depth) this.leave()
    }
    return r[0]!
  }

  /** Runs from a word index until the frame that is the innermost now exits. */
  private execute(first: Executable, start: number): void {
    const { cpu, registers: r, trace } = this
    const { memory } = cpu
    const floor = cpu.depth
    let view = memory.view
    let current = first
    let code = this.codeOf(first)
    let fuel = this.fuel
    let pc = start
    let at = start
    try {
      for (;;) {
        at = pc
        const word = code[at]!
        if (word < 0) {
          if ((fuel -= code[at + 3]!) < 0) fuel = this.refuel(fuel)
          if (trace !== undefined) {
            trace(cpu, current.program, at / SLOT_WORDS, cpu.depth)
            // The hook may fill maps: then memory grows, and regions come and go.
            this.refreshWindows()
            view = memory.view
          }
        }
        const d = (word >> 8) & 0x1f
        const s = (word >> 16) & 0x1f
        const imm = code[at + 1]!
        r[IMM] = imm
        r[IMM + 1] = imm >> 31
        pc = at + SLOT_WORDS
        const size = (word >> 26) & 0xf
        let address = 0
        if (size !== 0) {
          const base = (word >> 21) & 0x1f
          if ((word & WRITES) === 0) address = this.readable(r[base]!, r[base + 1]!, code[at + 2]!, size)
          else address = this.writable(r[base]!, r[base + 1]!, code[at + 2]!, size)
          if ((word & ALIGNED) !== 0 && (address & (size - 1)) !== 0) throw misaligned(address, size)
        }
        // biome-ignore format: one line per operation
        switch (word & 0xff) {
          case 0: /* trap */ throw new FaultSignal('bad_jump', 'control leaves the program', undefined, imm)

          case 1: /* add32 */ r[d] = r[d]! + r[s]!; r[d + 1] = 0; break
          case 2: /* sub32 */ r[d] = r[d]! - r[s]!; r[d + 1] = 0; break
          case 3: /* mul32 */ r[d] = Math.imul(r[d]!, r[s]!); r[d + 1] = 0; break
          case 4: /* div32 */ r[d] = r[s] === 0 ? 0 : (r[d]! >>> 0) / (r[s]! >>> 0); r[d + 1] = 0; break
          case 5: /* sdiv32 */ r[d] = r[s] === 0 ? 0 : r[d]! / r[s]!; r[d + 1] = 0; break
          case 6: /* or32 */ r[d] = r[d]! | r[s]!; r[d + 1] = 0; break
          case 7: /* and32 */ r[d] = r[d]! & r[s]!; r[d + 1] = 0; break
          case 8: /* lsh32 */ r[d] = r[d]! << r[s]!; r[d + 1] = 0; break
          case 9: /* rsh32 */ r[d] = r[d]! >>> r[s]!; r[d + 1] = 0; break
          case 10: /* mod32 */ if (r[s] !== 0) r[d] = (r[d]! >>> 0) % (r[s]! >>> 0); r[d + 1] = 0; break
          case 11: /* smod32 */ if (r[s] !== 0) r[d] = r[d]! % r[s]!; r[d + 1] = 0; break
          case 12: /* xor32 */ r[d] = r[d]! ^ r[s]!; r[d + 1] = 0; break
          case 13: /* mov32 */ r[d] = r[s]!; r[d + 1] = 0; break
          case 14: /* arsh32 */ r[d] = r[d]! >> r[s]!; r[d + 1] = 0; break
          case 15: /* neg32 */ r[d] = -r[d]!; r[d + 1] = 0; break

          case 16: /* add64 */ { const a = r[d]!; const sum = (a + r[s]!) | 0; r[d + 1] = r[d + 1]! + r[s + 1]! + (sum >>> 0 < a >>> 0 ? 1 : 0); r[d] = sum; break }
          case 17: /* sub64 */ { const a = r[d]!; const b = r[s]!; r[d + 1] = r[d + 1]! - r[s + 1]! - (a >>> 0 < b >>> 0 ? 1 : 0); r[d] = a - b; break }
          case 18: /* mul64 */ mul64(r, d, r[d]!, r[d + 1]!, r[s]!, r[s + 1]!); break
          case 19: /* div64 */ divU64(r, d, r[d]!, r[d + 1]!, r[s]!, r[s + 1]!); break
          case 20: /* sdiv64 */ divS64(r, d, r[d]!, r[d + 1]!, r[s]!, r[s + 1]!); break
          case 21: /* or64 */ r[d] = r[d]! | r[s]!; r[d + 1] = r[d + 1]! | r[s + 1]!; break
          case 22: /* and64 */ r[d] = r[d]! & r[s]!; r[d + 1] = r[d + 1]! & r[s + 1]!; break
          case 23: /* lsh64 */ lsh64(r, d, r[d]!, r[d + 1]!, r[s]!); break
          case 24: /* rsh64 */ rsh64(r, d, r[d]!, r[d + 1]!, r[s]!); break
          case 25: /* mod64 */ modU64(r, d, r[d]!, r[d + 1]!, r[s]!, r[s + 1]!); break
          case 26: /* smod64 */ modS64(r, d, r[d]!, r[d + 1]!, r[s]!, r[s + 1]!); break
          case 27: /* xor64 */ r[d] = r[d]! ^ r[s]!; r[d + 1] = r[d + 1]! ^ r[s + 1]!; break
          case 28: /* mov64 */ r[d] = r[s]!; r[d + 1] = r[s + 1]!; break
          case 29: /* arsh64 */ arsh64(r, d, r[d]!, r[d + 1]!, r[s]!); break
          case 30: /* neg64 */ neg64(r, d, r[d]!, r[d + 1]!); break

          case 31: /* movsx8_32 */ r[d] = (r[s]! << 24) >> 24; r[d + 1] = 0; break
          case 32: /* movsx16_32 */ r[d] = (r[s]! << 16) >> 16; r[d + 1] = 0; break
          case 33: /* movsx8_64 */ r[d] = (r[s]! << 24) >> 24; r[d + 1] = r[d]! >> 31; break
          case 34: /* movsx16_64 */ r[d] = (r[s]! << 16) >> 16; r[d + 1] = r[d]! >> 31; break
          case 35: /* movsx32_64 */ r[d] = r[s]!; r[d + 1] = r[d]! >> 31; break

          case 36: /* swap16 */ r[d] = swap16(r[d]!); r[d + 1] = 0; break
          case 37: /* swap32 */ r[d] = swap32(r[d]!); r[d + 1] = 0; break
          case 38: /* swap64 */ { const low = r[d]!; r[d] = swap32(r[d + 1]!); r[d + 1] = swap32(low); break }
          case 39: /* truncate16 */ r[d] = r[d]! & 0xffff; r[d + 1] = 0; break
          case 40: /* truncate32 */ r[d + 1] = 0; break
          case 41: /* truncate64 */ break

          // An arena pointer is an offset in the linear memory in either address space.
          case 42: /* addr_space_cast */ r[d] = r[s]!; r[d + 1] = 0; break
          case 43: /* lddw */ r[d] = imm; r[d + 1] = code[at + 2]!; pc += SLOT_WORDS; break

          case 44: /* load8 */ r[d] = view.getUint8(address); r[d + 1] = 0; break
          case 45: /* load16 */ r[d] = view.getUint16(address, LITTLE); r[d + 1] = 0; break
          case 46: /* load32 */ r[d] = view.getInt32(address, LITTLE); r[d + 1] = 0; break
          case 47: /* load64 */ r[d] = view.getInt32(address, LITTLE); r[d + 1] = view.getInt32(address + 4, LITTLE); break
          case 48: /* load_signed8 */ r[d] = view.getInt8(address); r[d + 1] = r[d]! >> 31; break
          case 49: /* load_signed16 */ r[d] = view.getInt16(address, LITTLE); r[d + 1] = r[d]! >> 31; break
          case 50: /* load_signed32 */ r[d] = view.getInt32(address, LITTLE); r[d + 1] = r[d]! >> 31; break
          case 51: /* store8 */ view.setInt8(address, r[s]!); break
          case 52: /* store16 */ view.setInt16(address, r[s]!, LITTLE); break
          case 53: /* store32 */ view.setInt32(address, r[s]!, LITTLE); break
          case 54: /* store64 */ view.setInt32(address, r[s]!, LITTLE); view.setInt32(address + 4, r[s + 1]!, LITTLE); break
          case 55: /* atomic32 */ atomic32(memory.i32, address, imm, r, s); break
          case 56: /* atomic64 */ atomic64(memory.i32, address, imm, r, s); break

          case 57: /* load_packet8 */ if (!this.loadPacket(r[s]! + imm, 1)) pc = current.lowered.exit; break
          case 58: /* load_packet16 */ if (!this.loadPacket(r[s]! + imm, 2)) pc = current.lowered.exit; break
          case 59: /* load_packet32 */ if (!this.loadPacket(r[s]! + imm, 4)) pc = current.lowered.exit; break

          case 60: /* eq_jump32 */ if (r[d]! === r[s]!) pc = code[at + 2]!; break
          case 61: /* gt_jump32 */ if (r[d]! >>> 0 > r[s]! >>> 0) pc = code[at + 2]!; break
          case 62: /* ge_jump32 */ if (r[d]! >>> 0 >= r[s]! >>> 0) pc = code[at + 2]!; break
          case 63: /* set_jump32 */ if ((r[d]! & r[s]!) !== 0) pc = code[at + 2]!; break
          case 64: /* ne_jump32 */ if (r[d]! !== r[s]!) pc = code[at + 2]!; break
          case 65: /* sgt_jump32 */ if (r[d]! > r[s]!) pc = code[at + 2]!; break
          case 66: /* sge_jump32 */ if (r[d]! >= r[s]!) pc = code[at + 2]!; break
          case 67: /* lt_jump32 */ if (r[d]! >>> 0 < r[s]! >>> 0) pc = code[at + 2]!; break
          case 68: /* le_jump32 */ if (r[d]! >>> 0 <= r[s]! >>> 0) pc = code[at + 2]!; break
          case 69: /* slt_jump32 */ if (r[d]! < r[s]!) pc = code[at + 2]!; break
          case 70: /* sle_jump32 */ if (r[d]! <= r[s]!) pc = code[at + 2]!; break

          case 71: /* eq_jump64 */ if (r[d]! === r[s]! && r[d + 1]! === r[s + 1]!) pc = code[at + 2]!; break
          case 72: /* gt_jump64 */ if (ltU64(r[s]!, r[s + 1]!, r[d]!, r[d + 1]!)) pc = code[at + 2]!; break
          case 73: /* ge_jump64 */ if (!ltU64(r[d]!, r[d + 1]!, r[s]!, r[s + 1]!)) pc = code[at + 2]!; break
          case 74: /* set_jump64 */ if (((r[d]! & r[s]!) | (r[d + 1]! & r[s + 1]!)) !== 0) pc = code[at + 2]!; break
          case 75: /* ne_jump64 */ if (r[d]! !== r[s]! || r[d + 1]! !== r[s + 1]!) pc = code[at + 2]!; break
          case 76: /* sgt_jump64 */ if (ltS64(r[s]!, r[s + 1]!, r[d]!, r[d + 1]!)) pc = code[at + 2]!; break
          case 77: /* sge_jump64 */ if (!ltS64(r[d]!, r[d + 1]!, r[s]!, r[s + 1]!)) pc = code[at + 2]!; break
          case 78: /* lt_jump64 */ if (ltU64(r[d]!, r[d + 1]!, r[s]!, r[s + 1]!)) pc = code[at + 2]!; break
          case 79: /* le_jump64 */ if (!ltU64(r[s]!, r[s + 1]!, r[d]!, r[d + 1]!)) pc = code[at + 2]!; break
          case 80: /* slt_jump64 */ if (ltS64(r[d]!, r[d + 1]!, r[s]!, r[s + 1]!)) pc = code[at + 2]!; break
          case 81: /* sle_jump64 */ if (!ltS64(r[s]!, r[s + 1]!, r[d]!, r[d + 1]!)) pc = code[at + 2]!; break

          case 82: /* goto */ pc = code[at + 2]!; break
          case 83: /* goto_indirect */ pc = this.indirectTarget(current, at / SLOT_WORDS, r[d]!, r[d + 1]!); break
          case 84: /* may_goto */ if (this.mayGoto[cpu.depth] === 0) pc = code[at + 2]!; else this.mayGoto[cpu.depth]!--; break

          case 85: /* call_helper */
          case 88: /* callx */ {
            this.fuel = fuel
            if ((word & 0xff) === 88 && r[d + 1] !== 0) {
              const { executable, slot } = this.functionAt(r[d]!, r[d + 1]!)
              this.enter(pc, current, executable.lowered.frameClears.get(slot) ?? 0)
              current = executable
              code = this.codeOf(current)
              pc = slot * SLOT_WORDS
              break
            }
            const next = this.callHelper((word & 0xff) === 88 ? r[d]! : imm)
            fuel = this.fuel
            view = memory.view
            if (next !== undefined) {
              current = next
              code = this.codeOf(current)
              pc = 0
            }
            break
          }
          case 86: /* call_local */ this.enter(pc, current, imm); pc = code[at + 2]!; break
          case 87: /* call_kfunc */ throw new FaultSignal('unknown_helper', `there is no kernel function ${imm} here`)
          case 89: /* exit */ {
            if (cpu.depth === floor) {
              this.fuel = fuel
              return
            }
            const caller = this.callers[cpu.depth]!
            pc = this.leave()
            if (caller !== current) {
              current = caller
              code = this.codeOf(current)
            }
            break
          }
        }
      }
    } catch (error) {
      const slot = at / SLOT_WORDS
      if (error instanceof AnybpfError && error.code === 'ERR_FAULT' && !(error instanceof BpfFault)) {
        throw createFault('helper', error.message, current.lowered.linked, slot, undefined, error)
      }
      if (!(error instanceof FaultSignal)) throw error
      this.fuel = fuel
      throw createFault(error.kind, error.reason, current.lowered.linked, error.slot ?? slot, error.access)
    }
  }

  private executable(program: ExecutableProgram): Executable {
    const known = this.executables[program.index]
    if (known?.program === program) return known
    const lowered = lowerProgram(program.linked, {
      codeIndices: program.codeIndices,
      stackSize: this.cpu.frameSize,
    })
    const made: Executable = { program, lowered, traced: undefined }
    this.executables[program.index] = made
    return made
  }

  private codeOf(executable: Executable): Int32Array {
    if (this.trace === undefined) return executable.lowered.code
    executable.traced ??= tracedCode(executable.lowered.code)
    return executable.traced
  }

  private refuel(shortfall: number): number {
    const fuel = this.budget.refuel(shortfall)
    if (fuel === undefined) throw new FaultSignal('budget', this.budget.exhausted)
    return fuel
  }

  // --- calls ---------------------------------------------------------------------------------------------------------

  private functionAt(low: number, high: number): { executable: Executable; slot: number } {
    const entry = high === FUNCTION_TAG ? this.cpu.machine.codeEntries.get(low >>> 0) : undefined
    if (entry === undefined) {
      throw new FaultSignal('bad_call', `${hex(pairToU64(low, high))} is not the address of a function`)
    }
    return { executable: this.executable(entry.program), slot: entry.slot }
  }

  /** Saves the caller's registers and opens a frame for the callee. */
  private enter(returnTo: number, caller: Executable | undefined, clear: number): void {
    const { registers: r, saved } = this
    const depth = this.cpu.depth + 1
    const limit = this.entry?.linked.verified === true ? this.cpu.maxFrames : this.cpu.frames
    if (depth > limit) {
      throw new FaultSignal('call_depth', `more than ${limit} nested calls`)
    }
    const base = depth * SAVED_WORDS
    for (let i = 2; i < 22; i++) saved[base + i - 2] = r[i]!
    saved[base + 20] = returnTo
    this.callers[depth] = caller
    r[0] = 0
    r[1] = 0
    for (let i = 12; i < 20; i++) r[i] = 0
    this.openFrame(depth, clear)
  }

  private openFrame(depth: number, clear: number): void {
    const { cpu } = this
    const top = cpu.frameTop(depth)
    cpu.depth = depth
    this.frameStart = top - cpu.frameSize
    this.mayGoto[depth] = MAY_GOTO_LIMIT
    this.registers[FRAME_POINTER] = top
    this.registers[FRAME_POINTER + 1] = 0
    if (clear > 0) cpu.memory.u8.fill(0, top - clear, top)
  }

  /** Closes the innermost frame and gives the caller its registers back. Returns where to go on. */
  private leave(): number {
    const { cpu, registers: r, saved } = this
    const base = cpu.depth * SAVED_WORDS
    for (let i = 2; i < 22; i++) r[i] = saved[base + i - 2]!
    cpu.depth--
    this.frameStart = cpu.frameTop(cpu.depth) - cpu.frameSize
    return saved[base + 20]!
  }

  /** Calls a helper and puts its result into r0. Returns the program that replaces this one, if the call was a tail call. */
  private callHelper(id: number): Executable | undefined {
    const { cpu, registers: r } = this
    const helper = cpu.machine.helpers.get(id)
    if (helper === undefined) throw missingHelper(id)
    if (this.checked) this.checkPointers(helper.spec)
    r[0] = 0
    r[1] = 0
    const result = helper.call(cpu, r[2]!, r[4]!, r[6]!, r[8]!, r[10]!)
    this.refreshWindows()
    if (helper.spec.tailCall === true) return this.tailCall(result)
    switch (helper.spec.returns) {
      case 'i32':
        r[0] = result
        r[1] = r[0]! >> 31
        break
      case 'u32':
        r[0] = result
        r[1] = 0
        break
      case 'u64':
      case 'void':
    }
    return undefined
  }

  private checkPointers({ name, args }: HelperSpec): void {
    for (let i = 0; i < args.length; i++) {
      const high = this.registers[2 * i + 3]!
      if (high === 0 || args[i] !== 'pointer') continue
      throw new FaultSignal(
        'out_of_bounds',
        `argument ${i + 1} of ${name} is no address: its upper half is 0x${(high >>> 0).toString(16)}`,
      )
    }
  }

  /** Replaces the program in the current frame, unless there is none in the slot or there were too many: then goes on. */
  private tailCall(index: number): Executable | undefined {
    const { cpu, registers: r } = this
    const found = index < 0 ? undefined : cpu.machine.programs[index]
    // A program of another type would take the context for what it is not.
    const program = found?.linked.type === this.entry?.linked.type ? found : undefined
    if (program === undefined || this.tailCalls >= cpu.machine.platform.limits.tailCalls) {
      r[0] = -ENOENT
      r[1] = -1
      return undefined
    }
    this.tailCalls++
    // What nobody verified does not profit from who calls it.
    if (!this.checked && this.entry?.linked.verified === true && program.linked.verified !== true) {
      this.checked = true
      this.generation = -1
      this.refreshWindows()
    }
    const next = this.executable(program)
    for (let i = 0; i < 22; i++) if (i !== 2 && i !== 3) r[i] = 0
    this.openFrame(cpu.depth, next.lowered.frameClears.get(0) ?? 0)
    return next
  }

  private indirectTarget(current: Executable, slot: number, low: number, high: number): number {
    const allowed = high === INSTRUCTION_TAG && current.lowered.indirectTargets.get(slot)?.has(low)
    if (allowed !== true) throw new FaultSignal('bad_jump', `${hex(pairToU64(low, high))} is no target of this jump`)
    return low * SLOT_WORDS
  }

  // --- memory --------------------------------------------------------------------------------------------------------

  /** Loads from the packet into r0; false if the bytes are not there. */
  private loadPacket(offset: number, size: number): boolean {
    const { context } = this.cpu
    if (!isPacketSource(context)) throw new FaultSignal('no_packet', 'the context of this program is no packet')
    const value = context.loadPacket(offset | 0, size)
    this.registers[0] = Math.max(0, value)
    this.registers[1] = 0
    return value >= 0
  }

  /** The address of `size` bytes that may be read. */
  private readable(low: number, high: number, off: number, size: number): GuestAddress {
    // No sum that wraps around falls into a window: none includes page zero or the last page.
    const address = low + off
    if (high === 0) {
      if ((address - this.readStart) >>> 0 <= this.readLength - size) return address >>> 0
      if ((address - this.frameStart) >>> 0 <= this.frameLength - size) return address >>> 0
    }
    return this.locate(low, high, off, size, false)
  }

  /** The address of `size` bytes that may be written. */
  private writable(low: number, high: number, off: number, size: number): GuestAddress {
    const address = low + off
    if (high === 0) {
      if ((address - this.writeStart) >>> 0 <= this.writeLength - size) return address >>> 0
      if ((address - this.frameStart) >>> 0 <= this.frameLength - size) return address >>> 0
    }
    return this.locate(low, high, off, size, true)
  }

  /** Windows are wide open unless every access is checked; then they wait for the next access. */
  private refreshWindows(): void {
    if (!this.checked) {
      this.readStart = this.writeStart = PAGE_SIZE
      this.readLength = this.writeLength = this.cpu.memory.u8.length - PAGE_SIZE
    } else if (this.generation !== this.cpu.machine.regions.generation) {
      this.generation = this.cpu.machine.regions.generation
      this.readStart = this.writeStart = PAGE_SIZE
      this.readLength = this.writeLength = 0
    }
  }

  /** An access outside of the windows, in 64-bit arithmetic. */
  private locate(low: number, high: number, off: number, size: number, write: boolean): GuestAddress {
    const sum = (low >>> 0) + off
    const carry = Math.floor(sum / TWO_32)
    const upper = (high + carry) | 0
    const address = sum - carry * TWO_32
    if (upper === 0 && this.checked) {
      if (address >= this.frameStart && address + size <= this.frameStart + this.frameLength) return address
      const region = this.cpu.machine.regions.find(address, size)
      if (region !== undefined && (region.writable || !write)) {
        if (region.covers === undefined && region.start >= PAGE_SIZE) this.openWindow(region, write)
        return address
      }
    } else if (upper === 0 && address >= (write ? PAGE_SIZE : 0) && address + size <= this.cpu.memory.u8.length) {
      return address
    }
    const region = this.checked ? this.cpu.machine.regions.at(address) : undefined
    throw accessFault(upper, address, size, write, region)
  }

  private openWindow(region: Region, write: boolean): void {
    this.readStart = region.start
    this.readLength = region.end - region.start
    if (!write) return
    this.writeStart = this.readStart
    this.writeLength = this.readLength
  }
}
