/**
 * One BPF function to one WebAssembly function.
 *
 * r1 to r5 are its parameters, the other registers locals of 64 bits; r10 is a constant of the frame, which the caller has
 * opened (`CPU_FRAME`), and accesses through it go through `frame`, a 32-bit local with the frame's lowest address.
 * @module
 */
import type {
  AluInsn,
  AtomicInsn,
  CallInsn,
  Instruction,
  JumpInsn,
  LoadInsn,
  Operand,
  StoreInsn,
} from '../../isa/instruction.ts'
import { assertNever } from '../../util/errors.ts'
import { FUNCTION_TAG, INSTRUCTION_TAG } from '../code-address.ts'
import { PAGE_SIZE } from '../guest-memory.ts'
import type { GuestRuntimeExports } from '../guest-runtime.ts'
import { MAY_GOTO_LIMIT } from '../limits.ts'
import type { HelperDefinition } from '../machine.ts'
import { type Operands, pushConstant, pushRegister, writeAlu, writeEndian, writeMovsx, writeNeg } from './arithmetic.ts'
import { CPU_FRAME, CPU_HIGH, CPU_RESULT } from './cpu-block.ts'
import { type CodeNode, type Flow, type FlowShape, shapeOf } from './flow.ts'
import { FunctionWriter } from './function-writer.ts'
import { FAULT, type ImportName } from './imports.ts'
import { type KnownOperation, knownOperation, writeOperation } from './map-operations.ts'
import { makeReducible } from './reduce.ts'
import { FRAME_POINTER, mentions, writtenRegister } from './registers.ts'
import { findRotations, type Rotation } from './rotates.ts'
import { findStackSlots } from './stack-slots.ts'
import { writeStructure } from './structure.ts'
import type { JitOptions, JitTarget } from './target.ts'
import { unrollLoops } from './unroll.ts'
import type { FunctionBody } from './wasm-module.ts'
import { ATOMIC, BULK_MEMORY_FILL, OP, PREFIX_BULK } from './wasm-opcodes.ts'

const ARGUMENTS = 5
const ENOENT = 2
/** Frames that have at least so many bytes to clear are cleared by one instruction. */
const FILL_BYTES = 128

/** What a function needs of the module that it is part of. */
export interface ModuleScope {
  readonly target: JitTarget
  readonly options: JitOptions
  readonly insns: readonly Instruction[]
  /** Index of a function of the guest runtime. */
  runtime(name: keyof GuestRuntimeExports): number
  /** The function that begins at a slot; undefined if none does. */
  functionAt(slot: number): { readonly index: number; readonly clear: number; readonly usesFrame: boolean } | undefined
  /** The low half of the code address of the function at a slot. */
  codeIndex(slot: number): number
  imported(name: ImportName): number
  helper(id: number): number
  /** Type number of every BPF function. */
  readonly bpfFunction: number
  /** Index of the global with the rest of the portion of the budget. */
  readonly fuel: number
  readonly indirectTargets: ReadonlyMap<number, readonly number[]>
}

/** Which instruction the code of a function comes from. */
export interface CodePlaces {
  /** Where the code of each begins, ascending. */
  readonly offsets: readonly number[]
  readonly slots: readonly number[]
}

export interface CompiledFunction {
  readonly body: FunctionBody
  readonly places: CodePlaces
}

const LOADS: Readonly<Record<number, readonly [unsigned: number, signed: number]>> = {
  1: [OP.i64_load8_u, OP.i64_load8_s],
  2: [OP.i64_load16_u, OP.i64_load16_s],
  4: [OP.i64_load32_u, OP.i64_load32_s],
  8: [OP.i64_load, OP.i64_load],
}
const SIGN_EXTENSIONS: Readonly<Record<number, number>> = {
  1: OP.i64_extend8_s,
  2: OP.i64_extend16_s,
  4: OP.i64_extend32_s,
}
const STORES: Readonly<Record<number, number>> = {
  1: OP.i64_store8,
  2: OP.i64_store16,
  4: OP.i64_store32,
  8: OP.i64_store,
}
const ATOMIC_LOADS: Readonly<Record<number, number>> = {
  1: ATOMIC.i64_load8_u,
  2: ATOMIC.i64_load16_u,
  4: ATOMIC.i64_load32_u,
  8: ATOMIC.i64_load,
}
const ATOMIC_STORES: Readonly<Record<number, number>> = {
  1: ATOMIC.i64_store8,
  2: ATOMIC.i64_store16,
  4: ATOMIC.i64_store32,
  8: ATOMIC.i64_store,
}
const RMW32: Readonly<Record<AtomicInsn['op'], number>> = {
  add: ATOMIC.i32_rmw_add,
  and: ATOMIC.i32_rmw_and,
  or: ATOMIC.i32_rmw_or,
  xor: ATOMIC.i32_rmw_xor,
  xchg: ATOMIC.i32_rmw_xchg,
  cmpxchg: ATOMIC.i32_rmw_cmpxchg,
}
const RMW64: Readonly<Record<AtomicInsn['op'], number>> = {
  add: ATOMIC.i64_rmw_add,
  and: ATOMIC.i64_rmw_and,
  or: ATOMIC.i64_rmw_or,
  xor: ATOMIC.i64_rmw_xor,
  xchg: ATOMIC.i64_rmw_xchg,
  cmpxchg: ATOMIC.i64_rmw_cmpxchg,
}
const COMPARE64: Readonly<Record<JumpInsn['op'], number>> = {
  eq: OP.i64_eq,
  ne: OP.i64_ne,
  gt: OP.i64_gt_u,
  ge: OP.i64_ge_u,
  lt: OP.i64_lt_u,
  le: OP.i64_le_u,
  sgt: OP.i64_gt_s,
  sge: OP.i64_ge_s,
  slt: OP.i64_lt_s,
  sle: OP.i64_le_s,
  set: OP.i64_and,
}
const COMPARE32: Readonly<Record<JumpInsn['op'], number>> = {
  eq: OP.i32_eq,
  ne: OP.i32_ne,
  gt: OP.i32_gt_u,
  ge: OP.i32_ge_u,
  lt: OP.i32_lt_u,
  le: OP.i32_le_u,
  sgt: OP.i32_gt_s,
  sge: OP.i32_ge_s,
  slt: OP.i32_lt_s,
  sle: OP.i32_le_s,
  set: OP.i32_and,
}

export function compileFunction(scope: ModuleScope, flow: Flow, clear: number): CompiledFunction {
  return new FunctionCompiler(scope, flow, clear).compile()
}

/** Whether a function needs a frame of its own: it reads or passes r10, or calls something that may. */
export function usesFrame(insns: readonly Instruction[], flow: Flow): boolean {
  return someInsn(insns, flow, (insn) => insn.kind === 'call' || insn.kind === 'callx' || mentions(insn, FRAME_POINTER))
}

function someInsn(insns: readonly Instruction[], flow: Flow, test: (insn: Instruction) => boolean): boolean {
  for (const node of flow.nodes) {
    if (node.kind !== 'code') continue
    for (let slot = node.start; slot < node.end; slot++) if (test(insns[slot]!)) return true
  }
  return false
}

class FunctionCompiler implements Operands {
  private readonly scope: ModuleScope
  private readonly flow: Flow
  private readonly shape: FlowShape
  private readonly clear: number
  private readonly w = new FunctionWriter(ARGUMENTS)
  private readonly offsets: number[] = []
  private readonly slots: number[] = []
  /** Locals of r0 to r9; of r10 too if the function changes it. */
  private readonly registers: number[] = []
  /** The frame's lowest address; -1 if the function has no use for it. */
  private readonly frame: number
  private readonly fuel: number
  /** Locals of dispatchers. */
  private readonly choices: number[] = []
  private readonly mayGoto: number
  /** Accesses to stack slots that are kept in locals, and these. */
  private readonly stackSlots: ReadonlyMap<number, number>
  private readonly stackLocals: number[] = []
  /** Registers that hold an address which is a constant. */
  private readonly known = new Map<number, number>()
  /** Of the block that is written: rotations, the registers to keep for them before a slot, and where they are kept. */
  private rotations: ReadonlyMap<number, Rotation> = new Map()
  private readonly rotated = new Map<number, number>()
  private readonly saved = new Map<number, number>()
  private slot = 0

  constructor(scope: ModuleScope, flow: Flow, clear: number) {
    this.scope = scope
    this.flow = flow
    const { w } = this
    const { insns, options } = scope
    this.registers[0] = w.local('i64')
    for (let register = 1; register <= ARGUMENTS; register++) this.registers[register] = register - 1
    for (let register = 6; register < FRAME_POINTER; register++) this.registers[register] = w.local('i64')
    if (someInsn(insns, flow, (insn) => writtenRegister(insn) === FRAME_POINTER))
      this.registers[FRAME_POINTER] = w.local('i64')
    const slots = options.passes?.stackSlots === false ? undefined : findStackSlots(insns, flow, scope.target.frameSize)
    this.stackSlots = slots?.slotOf ?? new Map()
    for (let slot = 0; slot < (slots?.count ?? 0); slot++) this.stackLocals.push(w.local('i64'))
    this.clear = slots?.all === true ? 0 : clear
    this.frame = usesFrame(insns, flow) ? w.local('i32') : -1
    this.fuel = options.budget ? w.local('i32') : -1
    const shape = makeReducible(flow)
    const unroll = options.passes?.unroll !== false && unrollLoops(insns, flow, shape)
    this.shape = unroll ? shapeOf(flow) : shape
    for (const node of flow.nodes) if (node.kind === 'dispatch') this.choices[node.local] ??= w.local('i32')
    this.mayGoto = someInsn(insns, flow, (insn) => insn.kind === 'may_goto') ? w.local('i32') : -1
  }

  compile(): CompiledFunction {
    const { w, flow } = this
    this.prologue()
    writeStructure(flow, this.shape, {
      block: () => w.block(),
      loop: () => w.loop(),
      end: () => w.end(),
      code: (node) => this.node(node),
      branch: (depth) => w.br(depth),
      choose: (node, depths) => this.choose(node, depths),
      otherwise: () => w.else(),
    })
    // Every way out of the structure is a return.
    w.op(OP.unreachable)
    w.end()
    return { body: w.finish(), places: { offsets: this.offsets, slots: this.slots } }
  }

  private prologue(): void {
    const { w } = this
    const { target, options } = this.scope
    if (this.frame >= 0) {
      w.i32(target.cpuBlock)
      w.memory(OP.i32_load, CPU_FRAME)
      w.i32(target.frameSize)
      w.op(OP.i32_sub)
      w.set(this.frame)
      this.clearFrame()
    }
    if (this.registers[FRAME_POINTER] !== undefined) {
      this.pushFramePointer()
      w.set(this.registers[FRAME_POINTER])
    }
    if (this.mayGoto >= 0) {
      w.i32(MAY_GOTO_LIMIT)
      w.set(this.mayGoto)
    }
    if (options.budget) {
      w.globalGet(this.scope.fuel)
      w.set(this.fuel)
    }
  }

  private clearFrame(): void {
    const { w, clear } = this
    const { frameSize } = this.scope.target
    if (clear >= FILL_BYTES) {
      w.get(this.frame)
      w.i32(frameSize - clear)
      w.op(OP.i32_add)
      w.i32(0)
      w.i32(clear)
      w.op(PREFIX_BULK)
      w.out.u32(BULK_MEMORY_FILL)
      w.out.byte(0)
      return
    }
    for (let at = frameSize - clear; at < frameSize; at += 8) {
      w.get(this.frame)
      w.i64(0)
      w.memory(OP.i64_store, at)
    }
  }

  // --- operands ------------------------------------------------------------------------------------------------------

  register(register: number): void {
    const local = this.registers[register]
    if (local === undefined) this.pushFramePointer()
    else this.w.get(local)
  }

  private pushFramePointer(): void {
    const { w } = this
    w.get(this.frame)
    w.i32(this.scope.target.frameSize)
    w.op(OP.i32_add)
    w.op(OP.i64_extend_i32_u)
  }

  private set(register: number): void {
    this.w.set(this.registers[register]!)
  }

  /** The low half of a register. */
  private low(register: number): void {
    pushRegister(this.w, this, register, false)
  }

  private high(register: number): void {
    const { w } = this
    this.register(register)
    w.i64(32)
    w.op(OP.i64_shr_u)
    w.op(OP.i32_wrap_i64)
  }

  private operand(src: Operand, wide: boolean): void {
    if ('reg' in src) pushRegister(this.w, this, src.reg, wide)
    else pushConstant(this.w, src.imm, wide)
  }

  // --- control -------------------------------------------------------------------------------------------------------

  private node(index: number): void {
    const node = this.flow.nodes[index]!
    const { w } = this
    switch (node.kind) {
      case 'code':
        this.charge(node)
        this.known.clear()
        this.planRotations(node)
        for (let slot = node.start; slot < node.end; slot++) {
          this.slot = slot
          this.offsets.push(w.out.length)
          this.slots.push(slot)
          const insn = this.scope.insns[slot]!
          this.saveRotated(slot)
          const rotation = this.rotations.get(slot)
          if (rotation === undefined) this.insn(insn)
          else this.rotate(insn as AluInsn, rotation)
          this.learn(insn)
        }
        break
      case 'trap':
        this.slot = node.slot
        this.fault(FAULT.badJump)
        break
      case 'choose':
        w.i32(node.choice)
        w.set(this.choices[node.local]!)
        break
      case 'dispatch':
        break
      default:
        assertNever(node)
    }
  }

  private planRotations({ start, end }: CodeNode): void {
    if (this.scope.options.passes?.rotates === false) return
    this.rotations = findRotations(this.scope.insns, start, end)
    for (const local of this.saved.values()) this.w.giveBack('i64', local)
    this.saved.clear()
    this.rotated.clear()
    for (const { from, register } of this.rotations.values()) this.rotated.set(from, register)
  }

  /** Keeps the value that is rotated later. */
  private saveRotated(slot: number): void {
    const register = this.rotated.get(slot)
    if (register === undefined) return
    const saved = this.saved.get(slot) ?? this.w.borrow('i64')
    this.saved.set(slot, saved)
    this.register(register)
    this.w.set(saved)
  }

  private rotate({ dst }: AluInsn, { from, amount, width }: Rotation): void {
    const { w } = this
    w.get(this.saved.get(from)!)
    if (width === 64) {
      w.i64(amount)
      w.op(OP.i64_rotl)
    } else {
      w.op(OP.i32_wrap_i64)
      w.i32(amount)
      w.op(OP.i32_rotl)
      w.op(OP.i64_extend_i32_u)
    }
    this.set(dst)
  }

  /** Keeps track of addresses that are constants, within a block. */
  private learn(insn: Instruction): void {
    const { known } = this
    if (insn.kind === 'lddw') {
      if (insn.source === 'imm64' && insn.imm2 === 0) known.set(insn.dst, insn.imm >>> 0)
      else known.delete(insn.dst)
    } else if (insn.kind === 'alu' && insn.op === 'mov' && insn.width === 64 && 'reg' in insn.src) {
      const value = known.get(insn.src.reg)
      if (value === undefined) known.delete(insn.dst)
      else known.set(insn.dst, value)
    } else known.delete(writtenRegister(insn))
  }

  /** As the interpreter does it: a block is charged when it is entered. */
  private charge({ weight, start }: CodeNode): void {
    if (!this.scope.options.budget) return
    const { w } = this
    w.get(this.fuel)
    w.i32(weight)
    w.op(OP.i32_sub)
    w.tee(this.fuel)
    w.i32(0)
    w.op(OP.i32_lt_s)
    w.if()
    w.get(this.fuel)
    w.i32(start)
    w.call(this.scope.imported('refuel'))
    w.set(this.fuel)
    w.end()
  }

  /** See `StructureWriter.choose`. */
  private choose(index: number, depths: readonly number[]): boolean {
    const { w } = this
    const node = this.flow.nodes[index]!
    if (node.kind === 'dispatch') {
      w.get(this.choices[node.local]!)
      w.brTable(depths.slice(0, -1), depths[depths.length - 1]!)
      return false
    }
    if (node.kind !== 'code') return false
    this.slot = node.last
    const insn = this.scope.insns[node.last]!
    if (insn.kind === 'goto_indirect') {
      this.indirect(insn.dst, this.scope.indirectTargets.get(node.last) ?? [], node, depths)
      return false
    }
    const [fall, taken] = depths as [number, number]
    this.condition(insn)
    if (taken >= 0) {
      w.brIf(taken)
      if (fall >= 0) w.br(fall)
      return false
    }
    if (fall >= 0) {
      w.op(OP.i32_eqz)
      w.brIf(fall)
      return false
    }
    // The first successor, the fall-through, comes behind the `else`.
    w.if()
    return true
  }

  /** Whether the jump at the end of a block is taken. */
  private condition(insn: Instruction): void {
    const { w } = this
    if (insn.kind === 'may_goto') {
      w.get(this.mayGoto)
      w.i32(1)
      w.op(OP.i32_sub)
      w.tee(this.mayGoto)
      w.i32(0)
      w.op(OP.i32_lt_s)
      return
    }
    const { op, width, dst, src } = insn as JumpInsn
    const wide = width === 64
    this.register(dst)
    if (!wide) w.op(OP.i32_wrap_i64)
    const isZero = 'imm' in src && src.imm === 0
    if (isZero && op === 'eq') {
      w.op(wide ? OP.i64_eqz : OP.i32_eqz)
      return
    }
    this.operand(src, wide)
    w.op((wide ? COMPARE64 : COMPARE32)[op])
    if (op !== 'set') return
    if (wide) {
      w.i64(0)
      w.op(OP.i64_ne)
    }
  }

  private indirect(register: number, targets: readonly number[], node: CodeNode, depths: readonly number[]): void {
    const { w } = this
    const distinct = [...new Set(targets)]
    this.high(register)
    w.i32(INSTRUCTION_TAG)
    w.op(OP.i32_eq)
    w.if()
    distinct.forEach((target, i) => {
      this.low(register)
      w.i32(target)
      w.op(OP.i32_eq)
      // Inside the `if`, every label is one level further up.
      w.brIf(depths[i]! + 1)
    })
    w.end()
    this.slot = node.last
    this.fault(FAULT.badIndirectJump, register)
  }

  /** Calls what throws; the code behind it is never reached. */
  private fault(what: number, register?: number): void {
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

  private saveFuel(): void {
    if (!this.scope.options.budget) return
    this.w.get(this.fuel)
    this.w.globalSet(this.scope.fuel)
  }

  private reloadFuel(): void {
    if (!this.scope.options.budget) return
    this.w.globalGet(this.scope.fuel)
    this.w.set(this.fuel)
  }

  // --- instructions --------------------------------------------------------------------------------------------------

  private insn(insn: Instruction): void {
    const { w } = this
    switch (insn.kind) {
      case 'alu':
        writeAlu(w, insn, this)
        this.set(insn.dst)
        break
      case 'neg':
        writeNeg(w, insn.dst, insn.width, this)
        this.set(insn.dst)
        break
      case 'movsx':
        writeMovsx(w, insn, this)
        this.set(insn.dst)
        break
      case 'endian':
        writeEndian(w, insn, this)
        this.set(insn.dst)
        break
      case 'addr_space_cast':
        // An arena pointer is an offset in the linear memory in either address space.
        this.low(insn.src)
        w.op(OP.i64_extend_i32_u)
        this.set(insn.dst)
        break
      case 'lddw':
        if (insn.source === 'code_addr') w.i64(this.scope.codeIndex(this.slot + 1 + insn.imm), FUNCTION_TAG)
        else w.i64(insn.imm, insn.imm2)
        this.set(insn.dst)
        break
      case 'load':
        this.load(insn)
        break
      case 'store':
        this.store(insn)
        break
      case 'atomic':
        this.atomic(insn)
        break
      case 'load_acquire': {
        const offset = this.address(insn.base, insn.off, false)
        w.atomic(ATOMIC_LOADS[insn.size]!, insn.size, offset)
        this.set(insn.dst)
        break
      }
      case 'store_release': {
        const offset = this.address(insn.base, insn.off, true)
        this.register(insn.src)
        w.atomic(ATOMIC_STORES[insn.size]!, insn.size, offset)
        break
      }
      case 'load_packet': {
        if (insn.mode === 'ind') {
          this.low(insn.src)
          w.i32(insn.imm)
          w.op(OP.i32_add)
        } else w.i32(insn.imm)
        this.loadPacket(insn.size)
        break
      }
      case 'call':
        this.call(insn)
        break
      case 'callx':
        this.callRegister(insn.reg)
        break
      case 'exit':
        this.saveFuel()
        this.register(0)
        w.op(OP.return)
        break
      case 'jump':
      case 'goto':
      case 'may_goto':
      case 'goto_indirect':
      case 'wide_tail':
        break
      default:
        assertNever(insn)
    }
  }

  // --- memory --------------------------------------------------------------------------------------------------------

  /** Pushes the address of an access, and answers the offset that the instruction adds. */
  private address(base: number, off: number, writes: boolean): number {
    const { w } = this
    const { frameSize } = this.scope.target
    if (base === FRAME_POINTER && this.registers[FRAME_POINTER] === undefined && frameSize + off >= 0) {
      w.get(this.frame)
      return frameSize + off
    }
    this.low(base)
    let offset = off
    if (off < 0) {
      w.i32(off)
      w.op(OP.i32_add)
      offset = 0
    }
    if (writes && this.scope.options.guard) this.guardWrite(offset)
    return offset
  }

  /** Page zero is never written: NULL is no object. The address is on the stack, and stays there. */
  private guardWrite(offset: number): void {
    const { w } = this
    const address = w.borrow('i32')
    w.tee(address)
    w.i32(PAGE_SIZE - offset)
    w.op(OP.i32_lt_u)
    w.if()
    this.saveFuel()
    w.i32(FAULT.nullWrite)
    w.i32(this.slot)
    w.get(address)
    w.i32(offset)
    w.op(OP.i32_add)
    w.i32(0)
    w.call(this.scope.imported('fault'))
    w.op(OP.unreachable)
    w.end()
    w.get(address)
    w.giveBack('i32', address)
  }

  private load({ size, signed, dst, base, off }: LoadInsn): void {
    const { w } = this
    const slot = this.stackSlots.get(this.slot)
    if (slot === undefined) {
      const offset = this.address(base, off, false)
      w.memory(LOADS[size]![signed ? 1 : 0], offset)
    } else {
      w.get(this.stackLocals[slot]!)
      if (signed && size < 8) w.op(SIGN_EXTENSIONS[size]!)
    }
    this.set(dst)
  }

  private store({ size, base, off, src }: StoreInsn): void {
    const { w } = this
    const slot = this.stackSlots.get(this.slot)
    if (slot === undefined) {
      const offset = this.address(base, off, true)
      this.operand(src, true)
      w.memory(STORES[size]!, offset)
      return
    }
    this.operand(src, true)
    if (size < 8) {
      w.i64(size === 4 ? -1 : (1 << (8 * size)) - 1, 0)
      w.op(OP.i64_and)
    }
    w.set(this.stackLocals[slot]!)
  }

  private atomic({ op, size, fetch, base, off, src }: AtomicInsn): void {
    const { w } = this
    const wide = size === 8
    const offset = this.address(base, off, true)
    if (op === 'cmpxchg') pushRegister(w, this, 0, wide)
    pushRegister(w, this, src, wide)
    w.atomic((wide ? RMW64 : RMW32)[op], size, offset)
    if (!fetch) {
      w.op(OP.drop)
      return
    }
    if (!wide) w.op(OP.i64_extend_i32_u)
    this.set(op === 'cmpxchg' ? 0 : src)
  }

  /** The offset is on the stack. Bytes that are not there end the function, with 0. */
  private loadPacket(size: number): void {
    const { w } = this
    w.i32(size)
    w.i32(this.slot)
    w.call(this.scope.imported('load_packet'))
    w.op(OP.i64_extend_i32_u)
    this.set(0)
    w.i32(this.scope.target.cpuBlock)
    w.memory(OP.i32_load, CPU_HIGH)
    w.op(OP.i32_eqz)
    w.if()
    this.saveFuel()
    this.register(0)
    w.op(OP.return)
    w.end()
  }

  // --- calls ---------------------------------------------------------------------------------------------------------

  private call(insn: CallInsn): void {
    const { w, scope } = this
    if (insn.target === 'kfunc') {
      this.fault(FAULT.unknownHelper)
      return
    }
    if (insn.target === 'local') {
      const callee = scope.functionAt(this.slot + 1 + insn.imm)
      if (callee === undefined) {
        this.fault(FAULT.badJump)
        return
      }
      this.openFrame(callee.usesFrame)
      for (let register = 1; register <= ARGUMENTS; register++) this.register(register)
      w.call(callee.index)
      this.closeFrame(callee.usesFrame)
      return
    }
    const helper = scope.target.helpers.get(insn.imm)
    if (helper === undefined) {
      this.fault(FAULT.unknownHelper)
      return
    }
    if (helper.spec.tailCall === true) {
      this.tailCall()
      return
    }
    const operation = this.mapOperation(helper)
    if (operation !== undefined) {
      const index = operation.call === undefined ? -1 : scope.runtime(operation.call)
      writeOperation(w, operation, scope.target, this, index)
      this.set(0)
      return
    }
    const { args, returns } = helper.spec
    this.saveFuel()
    for (let i = 0; i < args.length; i++) this.low(i + 1)
    args.forEach((width, i) => {
      if (width === 64) this.high(i + 1)
    })
    w.i32(this.slot)
    w.call(scope.helper(insn.imm))
    switch (returns) {
      case 'i32':
        w.op(OP.i64_extend_i32_s)
        break
      case 'u32':
        w.op(OP.i64_extend_i32_u)
        break
      default:
        this.joinHigh()
    }
    this.set(0)
    this.reloadFuel()
  }

  private mapOperation({ operation }: HelperDefinition): KnownOperation | undefined {
    const { target, options } = this.scope
    const map = this.known.get(1)
    if (operation === undefined || map === undefined || options.guard || options.passes?.maps === false)
      return undefined
    return knownOperation(target, operation, map)
  }

  /** The low half of a result is on the stack; the upper one is in the CPU's block. */
  private joinHigh(): void {
    const { w } = this
    w.op(OP.i64_extend_i32_u)
    w.i32(this.scope.target.cpuBlock)
    w.memory(OP.i64_load32_u, CPU_HIGH)
    w.i64(32)
    w.op(OP.i64_shl)
    w.op(OP.i64_or)
  }

  /** Opens the callee's frame, above this one. */
  private openFrame(usesFrame: boolean): void {
    const { w } = this
    const { target, options } = this.scope
    this.saveFuel()
    if (!usesFrame && !options.guard) return
    if (options.guard) {
      w.get(this.frame)
      w.i32(target.lastFrame - target.frameSize)
      w.op(OP.i32_ge_u)
      w.if()
      this.fault(FAULT.callDepth)
      w.end()
    }
    w.i32(target.cpuBlock)
    w.get(this.frame)
    w.i32(target.frameSize + target.frameStride)
    w.op(OP.i32_add)
    w.memory(OP.i32_store, CPU_FRAME)
  }

  /** The result of the call is on the stack: closes the callee's frame, and puts the result into r0. */
  private closeFrame(usesFrame: boolean): void {
    const { w } = this
    const { target, options } = this.scope
    this.set(0)
    if (usesFrame || options.guard) {
      w.i32(target.cpuBlock)
      w.get(this.frame)
      w.i32(target.frameSize)
      w.op(OP.i32_add)
      w.memory(OP.i32_store, CPU_FRAME)
    }
    this.reloadFuel()
  }

  private tailCall(): void {
    const { w, scope } = this
    this.saveFuel()
    for (let register = 1; register <= 3; register++) this.low(register)
    w.i32(this.slot)
    w.call(scope.imported('tail_call'))
    this.continueWith()
    w.i64(-ENOENT)
    this.set(0)
  }

  /** A place in the table is on the stack, of the program that replaces this one; negative: go on. */
  private continueWith(): void {
    const { w, scope } = this
    const next = w.borrow('i32')
    w.tee(next)
    w.i32(0)
    w.op(OP.i32_ge_s)
    w.if()
    this.register(1)
    for (let i = 1; i < ARGUMENTS; i++) w.i64(0)
    w.get(next)
    w.returnCallIndirect(scope.bpfFunction)
    w.end()
    w.giveBack('i32', next)
  }

  /** An address whose upper half is zero is the number of a helper. */
  private callRegister(register: number): void {
    const { w, scope } = this
    const next = w.borrow('i32')
    this.saveFuel()
    this.high(register)
    w.op(OP.i32_eqz)
    w.if()
    this.low(register)
    for (let i = 1; i <= ARGUMENTS; i++) this.low(i)
    for (let i = 1; i <= ARGUMENTS; i++) this.high(i)
    w.i32(this.slot)
    w.call(scope.imported('call_helper'))
    this.continueWith()
    w.i32(scope.target.cpuBlock)
    w.memory(OP.i64_load, CPU_RESULT)
    this.set(0)
    this.reloadFuel()
    w.else()
    this.low(register)
    this.high(register)
    w.i32(this.slot)
    w.call(scope.imported('resolve'))
    w.set(next)
    this.openFrame(true)
    for (let i = 1; i <= ARGUMENTS; i++) this.register(i)
    w.get(next)
    w.callIndirect(scope.bpfFunction)
    this.closeFrame(true)
    w.end()
    w.giveBack('i32', next)
  }
}
