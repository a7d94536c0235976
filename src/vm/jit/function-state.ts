/**
 * A function while it is compiled: its locals, and how operands get onto the stack.
 * @module
 */
import { codeAddressTarget } from '../../isa/cfg.ts'
import type { Instruction, Operand } from '../../isa/instruction.ts'
import type { GuestRuntimeExports } from '../guest-runtime.ts'
import type { Addresses } from './addresses.ts'
import { type Operands, pushConstant, pushRegister } from './arithmetic.ts'
import { type Flow, flowTraits } from './flow.ts'
import type { FrameClear } from './frame-clears.ts'
import { pushFrameTop } from './frame-code.ts'
import { FunctionWriter } from './function-writer.ts'
import type { ImportName } from './imports.ts'
import { leavePiece, type PieceLayout } from './piece-layout.ts'
import { FRAME_POINTER, REGISTERS } from './registers.ts'
import type { StackSlots } from './stack-slots.ts'
import type { Address, JitOptions, JitTarget } from './target.ts'
import { HAS_CALL, HAS_FRAME_POINTER, type Traits, WRITES_FRAME_POINTER } from './traits.ts'
import { OP } from './wasm-opcodes.ts'

/** r1 to r5. */
export const ARGUMENTS = 5

/** What a function needs of the module that it is part of. */
export interface ModuleScope {
  readonly target: JitTarget
  readonly options: JitOptions
  readonly insns: readonly Instruction[]
  readonly traits: Traits
  /** There is a table, for tail calls and calls of addresses, see `code-table.ts`. */
  readonly hasTable: boolean
  /** Index of the global that says which programs are in it. */
  readonly tailCalls: number
  /** Operations on maps need not be left to helpers: the program was verified, and the pass is on. */
  readonly knowsMaps: boolean
  /** Index of a function of the guest runtime. */
  runtime(name: keyof GuestRuntimeExports): number
  /** The function that begins at a slot; undefined if none does. */
  functionAt(
    slot: number,
  ): { readonly index: number; readonly clear: FrameClear; readonly usesFrame: boolean } | undefined
  /** The low half of the code address of the function at a slot. */
  codeIndex(slot: number): Address
  imported(name: ImportName): number
  helper(id: number): number
  /** Type number of every BPF function. */
  readonly bpfFunction: number
  /** Index of the global with the rest of the portion of the budget. */
  readonly fuel: number
  readonly indirectTargets: ReadonlyMap<number, readonly number[]>
}

/** Traits of a function that needs a frame of its own: it reads or passes r10, or calls something that may. */
export const NEEDS_FRAME = HAS_CALL | HAS_FRAME_POINTER

export class FunctionState implements Operands {
  readonly scope: ModuleScope
  readonly w: FunctionWriter
  /** It is a piece of a function: its parameters are registers and all else that pieces share. */
  readonly piece: PieceLayout | undefined
  /** Locals of r0 to r9; of r10 too if the function changes it. */
  readonly registers: number[] = []
  /** The frame's lowest address; -1 if the function has no use for it. */
  readonly frame: number
  /** What is left of the portion of the budget; -1 if there is none. */
  readonly fuel: number
  /** Accesses to stack slots that are kept in locals, and these. */
  readonly stackSlots: ReadonlyMap<number, number>
  readonly stackLocals: number[] = []
  /** Registers that hold an address which does not change. */
  readonly known: (Address | undefined)[] = new Array<undefined>(REGISTERS).fill(undefined)
  /** Set when the flow has its final shape. */
  addresses!: Addresses
  /** Registers that hold the address of a function of this program: its slot. */
  readonly callbacks: (number | undefined)[] = new Array<undefined>(REGISTERS).fill(undefined)
  /** There may be such registers, of either kind. */
  private knows = false
  /** Of a function that is part of another one: the depth of the block that it is. */
  body = -1
  /** The instruction that is written. */
  slot = 0

  /** `host`: the function that this one becomes a part of. */
  constructor(scope: ModuleScope, flow: Flow, slots: StackSlots, piece?: PieceLayout, host?: FunctionWriter) {
    this.scope = scope
    this.piece = piece
    const { options } = scope
    const w = host ?? new FunctionWriter(piece?.params ?? ARGUMENTS)
    this.w = w
    this.stackSlots = slots.slotOf
    if (piece !== undefined) {
      const stack = FRAME_POINTER + (piece.changesFrame ? 1 : 0)
      for (let register = 0; register < stack; register++) this.registers[register] = register
      for (let slot = 0; slot < slots.count; slot++) this.stackLocals.push(stack + slot)
      this.frame = piece.frame
      this.fuel = options.budget ? w.local('i32') : -1
      return
    }
    this.registers[0] = w.local('i64')
    for (let register = 1; register <= ARGUMENTS; register++) {
      this.registers[register] = host === undefined ? register - 1 : host.local('i64')
    }
    for (let register = 6; register < FRAME_POINTER; register++) this.registers[register] = w.local('i64')
    const traits = flowTraits(flow)
    // Only a function that nobody verified changes r10.
    if ((traits & WRITES_FRAME_POINTER) !== 0) this.registers[FRAME_POINTER] = w.local('i64')
    for (let slot = 0; slot < slots.count; slot++) this.stackLocals.push(w.local('i64'))
    this.frame = (traits & NEEDS_FRAME) !== 0 ? w.local('i32') : -1
    this.fuel = options.budget ? w.local('i32') : -1
  }

  /** Nothing is known of registers: control may have come from elsewhere. */
  forgetAll(): void {
    if (!this.knows) return
    this.known.fill(undefined)
    this.callbacks.fill(undefined)
    this.knows = false
  }

  /** What an instruction at a slot, which writes `written` (-1: no register), makes known. */
  learn(insn: Instruction, slot: number, written: number): void {
    if (written < 0) return
    if (insn.kind === 'lddw') {
      this.known[written] = this.scope.target.address(insn)
      this.callbacks[written] = insn.source === 'code_addr' ? codeAddressTarget(slot, insn) : undefined
      this.knows = true
    } else if (this.knows) {
      const copied = insn.kind === 'alu' && insn.op === 'mov' && insn.width === 64 && 'reg' in insn.src
      this.known[written] = copied ? this.known[insn.src.reg] : undefined
      this.callbacks[written] = copied ? this.callbacks[insn.src.reg] : undefined
    }
  }

  register(register: number): void {
    const local = this.registers[register]
    if (local === undefined) this.pushFramePointer()
    else this.w.get(local)
  }

  pushFramePointer(): void {
    pushFrameTop(this.w, this.scope.target, this.frame)
  }

  set(register: number): void {
    this.w.set(this.registers[register]!)
  }

  /** The low half of a register. */
  low(register: number): void {
    pushRegister(this.w, this, register, false)
  }

  high(register: number): void {
    const { w } = this
    this.register(register)
    w.i64(32)
    w.op(OP.i64_shr_u)
    w.op(OP.i32_wrap_i64)
  }

  operand(src: Operand, wide: boolean): void {
    if ('reg' in src) pushRegister(this.w, this, src.reg, wide)
    else pushConstant(this.w, src.imm, wide)
  }

  /** Calls what throws; the code behind it is never reached. */
  fault(what: number, register?: number): void {
    const { w } = this
    this.saveFuel()
    w.i32(what)
    w.i32(this.slot)
    if (register === undefined) {
      w.i32(0)
      w.i32(0)
    } else {
      this.low(register)
      this.high(register)
    }
    w.call(this.scope.imported('fault'))
    w.op(OP.unreachable)
  }

  /** Returns r0. */
  exit(): void {
    this.saveFuel()
    this.register(0)
    if (this.body >= 0) this.w.br(this.w.depth - this.body)
    else if (this.piece === undefined) this.w.op(OP.return)
    else leavePiece(this.w, this.piece)
  }

  saveFuel(): void {
    if (!this.scope.options.budget) return
    this.w.get(this.fuel)
    this.w.globalSet(this.scope.fuel)
  }

  reloadFuel(): void {
    if (!this.scope.options.budget) return
    this.w.globalGet(this.scope.fuel)
    this.w.set(this.fuel)
  }
}
