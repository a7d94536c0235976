/**
 * One BPF function to one WebAssembly function.
 *
 * r1 to r5 are its parameters, the other registers locals of 64 bits; r10 is a constant of the frame, which the caller has
 * opened (`CPU_FRAME`), and accesses through it go through `frame`, a 32-bit local with the frame's lowest address.
 * @module
 */
import type { AluInsn, Instruction, JumpInsn, LddwInsn } from '../../isa/instruction.ts'
import { assertNever } from '../../util/errors.ts'
import { FUNCTION_TAG, INSTRUCTION_TAG } from '../code-address.ts'
import { MAY_GOTO_LIMIT } from '../limits.ts'
import { Addresses } from './addresses.ts'
import { writeAlu, writeEndian, writeMovsx, writeNeg } from './arithmetic.ts'
import { type ByteSwap, findByteSwaps } from './byte-swaps.ts'
import { writeCall, writeRegisterCall } from './call-code.ts'
import { writeCondition } from './conditions.ts'
import { extensionAt, writeExtension } from './extensions.ts'
import { type CodeNode, type Flow, type FlowShape, flowTraits, shapeOf } from './flow.ts'
import { type FrameClear, NOTHING_TO_CLEAR } from './frame-clears.ts'
import { writeFrame } from './frame-code.ts'
import { FunctionState, type ModuleScope } from './function-state.ts'
import type { FunctionWriter } from './function-writer.ts'
import { FAULT } from './imports.ts'
import { ATOMIC_LOADS, ATOMIC_STORES, writeAtomic, writeLoad, writePacketLoad, writeStore } from './memory-code.ts'
import { leaveForPiece, type PieceLayout } from './piece-layout.ts'
import { makeReducible } from './reduce.ts'
import { FRAME_POINTER } from './registers.ts'
import { findRotations, type Rotation } from './rotates.ts'
import { findSelections, registersOf, type Selection } from './selects.ts'
import { ENTRY_CHOICE, NEXT_CHOICE } from './split.ts'
import { findStackSlots, NO_STACK_SLOTS, type StackSlots } from './stack-slots.ts'
import { writeStructure } from './structure.ts'
import { HAS_JOINT, HAS_LEFT_SHIFT, HAS_MAY_GOTO, HAS_RIGHT_SHIFT } from './traits.ts'
import { unrollLoops } from './unroll.ts'
import type { FunctionBody } from './wasm-module.ts'
import { I64, OP } from './wasm-opcodes.ts'

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

export function compileFunction(scope: ModuleScope, flow: Flow, clear: FrameClear): CompiledFunction {
  const { insns, options, target } = scope
  const slots = options.passes?.stackSlots === false ? NO_STACK_SLOTS : findStackSlots(insns, flow, target.frameSize)
  return new FunctionCompiler(scope, flow, slots.all ? NOTHING_TO_CLEAR : clear, slots).compile()
}

/** Compiles a piece of a function, or of several. */
export function compilePiece(scope: ModuleScope, flow: Flow, layout: PieceLayout): CompiledFunction {
  return new FunctionCompiler(scope, flow, NOTHING_TO_CLEAR, layout.slots, layout).compile()
}

/**
 * Writes a function into another one, where it is entered: r0 is left on the stack. `r1` and `r2` are locals of 32 bits. For
 * functions that make no tail calls.
 */
export function writeInline(
  scope: ModuleScope,
  flow: Flow,
  clear: FrameClear,
  host: FunctionWriter,
  r1: number,
  r2: number,
): CodePlaces {
  const { insns, options, target } = scope
  const slots = options.passes?.stackSlots === false ? NO_STACK_SLOTS : findStackSlots(insns, flow, target.frameSize)
  return new FunctionCompiler(scope, flow, slots.all ? NOTHING_TO_CLEAR : clear, slots, undefined, host).writeInto(
    r1,
    r2,
  )
}

/** Rotations and byte swaps have all of these. */
const SHIFTS_JOINED = HAS_LEFT_SHIFT | HAS_RIGHT_SHIFT | HAS_JOINT
/** Never written to. */
const NONE = new Map<number, number>()

class FunctionCompiler {
  private readonly scope: ModuleScope
  private readonly flow: Flow
  private readonly shape: FlowShape
  private readonly state: FunctionState
  private readonly w: FunctionWriter
  /** What of the frame to clear at entry. */
  private readonly clear: FrameClear
  private readonly offsets: number[] = []
  private readonly slots: number[] = []
  /** Locals of dispatchers. */
  private readonly choices: number[] = []
  private readonly mayGoto: number
  /** Of the block that is written: rotations and byte swaps, the registers to keep for them before a slot, and where they are kept. */
  private rotations: ReadonlyMap<number, Rotation | ByteSwap> | undefined
  private rotated: Map<number, number> = NONE
  private saved: Map<number, number> = NONE

  constructor(
    scope: ModuleScope,
    flow: Flow,
    clear: FrameClear,
    slots: StackSlots,
    piece?: PieceLayout,
    host?: FunctionWriter,
  ) {
    this.scope = scope
    this.flow = flow
    const { insns, options } = scope
    this.clear = clear
    this.state = new FunctionState(scope, flow, slots, piece, host)
    this.w = this.state.w
    let shape = makeReducible(flow)
    const selects = options.passes?.selects !== false && !options.budget
    if (selects && findSelections(scope, flow, shape)) shape = shapeOf(flow)
    const unrolled = options.passes?.unroll !== false && unrollLoops(insns, flow, shape)
    this.shape = unrolled ? shapeOf(flow) : shape
    this.state.addresses = new Addresses(this.state, flow, this.shape, slots)
    const { w } = this
    if (piece !== undefined) {
      this.choices[ENTRY_CHOICE] = piece.entry
      this.choices[NEXT_CHOICE] = w.local('i32')
    }
    for (let i = 0; i < flow.nodes.length; i++) {
      const node = flow.nodes[i]!
      if (node.kind === 'dispatch') this.choices[node.local] ??= w.local('i32')
    }
    if (piece !== undefined) this.mayGoto = piece.mayGoto
    else this.mayGoto = (flowTraits(flow) & HAS_MAY_GOTO) !== 0 ? w.local('i32') : -1
  }

  compile(): CompiledFunction {
    const { w } = this
    this.prologue()
    this.structure()
    w.end()
    return { body: w.finish(), places: this.places }
  }

  writeInto(r1: number, r2: number): CodePlaces {
    const { w, state } = this
    w.valueBlock(I64)
    state.body = w.depth
    for (const [register, argument] of [r1, r2].entries()) {
      w.get(argument)
      w.op(OP.i64_extend_i32_u)
      state.set(register + 1)
    }
    // What a function finds zero at entry: it may be in a loop.
    for (const register of [0, 3, 4, 5, 6, 7, 8, 9]) {
      w.i64(0)
      state.set(register)
    }
    for (const local of state.stackLocals) {
      w.i64(0)
      w.set(local)
    }
    this.prologue()
    this.structure()
    w.end()
    return this.places
  }

  private get places(): CodePlaces {
    return { offsets: this.offsets, slots: this.slots }
  }

  private structure(): void {
    const { w, flow } = this
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
  }

  private prologue(): void {
    const { w } = this
    const { target, options } = this.scope
    if (this.state.piece === undefined) {
      if (this.state.frame >= 0) writeFrame(w, target, this.state.frame, this.clear)
      if (this.state.registers[FRAME_POINTER] !== undefined) {
        this.state.pushFramePointer()
        w.set(this.state.registers[FRAME_POINTER])
      }
      if (this.mayGoto >= 0) {
        w.i32(MAY_GOTO_LIMIT)
        w.set(this.mayGoto)
      }
    }
    if (options.budget) {
      w.globalGet(this.scope.fuel)
      w.set(this.state.fuel)
    }
  }

  // --- control -------------------------------------------------------------------------------------------------------

  private node(index: number): void {
    const node = this.flow.nodes[index]!
    const { w } = this
    switch (node.kind) {
      case 'code':
        this.charge(node)
        this.state.forgetAll()
        this.state.addresses.enter(index)
        this.planRotations(node)
        this.block(node)
        if (node.select !== undefined) this.select(node, node.select)
        this.state.addresses.leave(index)
        break
      case 'trap':
        this.state.slot = node.slot
        this.state.fault(FAULT.badJump)
        break
      case 'choose':
        w.i32(node.choice)
        w.set(this.choices[node.local]!)
        break
      case 'dispatch':
        break
      case 'leave':
        this.leave()
        break
      default:
        assertNever(node)
    }
  }

  /** The instructions of a node. */
  private block({ start, end }: CodeNode): void {
    const { w, state } = this
    const { insns, traits, options } = this.scope
    const { bits, written } = traits
    const { addresses } = state
    const extensions = options.passes?.extensions !== false
    for (let slot = start; slot < end; slot++) {
      this.begin(slot)
      const first = slot
      const insn = insns[slot]!
      this.saveRotated(slot)
      addresses.before(insn, slot)
      const rotation = this.rotations?.get(slot)
      const extension =
        extensions && rotation === undefined && (bits[slot]! & HAS_LEFT_SHIFT) !== 0
          ? extensionAt(insns, slot, end)
          : undefined
      if (extension !== undefined) {
        const { dst } = insn as AluInsn
        state.register(dst)
        writeExtension(w, extension)
        state.set(dst)
        // The shift back says the same of what is known.
        slot++
      } else if (rotation === undefined) this.insn(insn)
      else this.rotate(insn as AluInsn, rotation)
      state.learn(insn, first, written[first]!)
      addresses.after(first)
    }
  }

  /** Both ways of the jump at the end of a node, and of each register that they write the value that it has to have. */
  private select({ last }: CodeNode, selection: Selection): void {
    const { w, state } = this
    const { fall, taken } = selection
    const registers = registersOf(this.scope.traits, selection)
    const conditions = [this.keepCondition(last, false)]
    // The engine compares and selects in one step only where a comparison has one use.
    if (registers.length > 1) conditions.push(this.keepCondition(last, true))
    /** Values of the registers where the jump is not taken: for now, those before it. */
    const others = registers.map((register) => this.copy(register))
    const before = fall !== undefined && taken !== undefined ? registers.map((register) => this.copy(register)) : []
    if (fall !== undefined) this.way(fall)
    if (taken !== undefined) {
      before.forEach((local, i) => {
        state.register(registers[i]!)
        w.set(others[i]!)
        w.get(local)
        state.set(registers[i]!)
      })
      this.way(taken)
    }
    registers.forEach((register, i) => {
      const keepsFirst = (taken === undefined) === (i !== 1)
      if (keepsFirst) w.get(others[i]!)
      state.register(register)
      if (!keepsFirst) w.get(others[i]!)
      w.get(conditions[i === 1 ? 1 : 0]!)
      w.op(OP.select)
      state.set(register)
      state.known[register] = undefined
      state.addresses.forget(register)
    })
    for (const local of [...others, ...before]) w.giveBack('i64', local)
    for (const local of conditions) w.giveBack('i32', local)
  }

  /** The condition of the jump at a slot, or its opposite, in a local. */
  private keepCondition(slot: number, opposite: boolean): number {
    const local = this.w.borrow('i32')
    writeCondition(this.state, this.scope.insns[slot] as JumpInsn, opposite)
    this.w.set(local)
    return local
  }

  private copy(register: number): number {
    const local = this.w.borrow('i64')
    this.state.register(register)
    this.w.set(local)
    return local
  }

  /** The instructions on one of two ways. */
  private way(node: CodeNode): void {
    const { start, end, select } = node
    for (let slot = start; slot < end; slot++) {
      this.begin(slot)
      this.insn(this.scope.insns[slot]!)
    }
    if (select !== undefined) this.select(node, select)
  }

  /** What is written from here on comes from an instruction. */
  private begin(slot: number): void {
    this.state.slot = slot
    this.offsets.push(this.w.out.length)
    this.slots.push(slot)
  }

  /** Goes on in another piece. */
  private leave(): void {
    const { registers, stackLocals, piece } = this.state
    this.state.saveFuel()
    leaveForPiece(this.w, piece!, [...registers, ...stackLocals], this.choices[NEXT_CHOICE]!)
  }

  private planRotations({ start, end, traits }: CodeNode): void {
    const { insns, options } = this.scope
    if (this.rotations !== undefined) {
      for (const local of this.saved.values()) this.w.giveBack('i64', local)
      this.rotations = undefined
    }
    if ((traits & SHIFTS_JOINED) !== SHIFTS_JOINED) return
    const rotations = options.passes?.rotates === false ? [] : findRotations(insns, start, end)
    const swaps = options.passes?.byteSwaps === false ? [] : findByteSwaps(insns, start, end)
    this.rotations = new Map<number, Rotation | ByteSwap>([...rotations, ...swaps])
    this.rotated = new Map()
    this.saved = new Map()
    for (const { from, register } of this.rotations.values()) this.rotated.set(from, register)
  }

  /** Keeps the value that is rotated or swapped later. */
  private saveRotated(slot: number): void {
    const register = this.rotations === undefined ? undefined : this.rotated.get(slot)
    if (register === undefined) return
    const saved = this.saved.get(slot) ?? this.w.borrow('i64')
    this.saved.set(slot, saved)
    this.state.register(register)
    this.w.set(saved)
  }

  private rotate({ dst }: AluInsn, found: Rotation | ByteSwap): void {
    const { w } = this
    const saved = this.saved.get(found.from)!
    if ('bits' in found) {
      writeEndian(w, { kind: 'endian', op: 'bswap', bits: found.bits, dst }, { register: () => w.get(saved) })
      this.state.set(dst)
      return
    }
    const { amount, width } = found
    w.get(saved)
    if (width === 64) {
      w.i64(amount)
      w.op(OP.i64_rotl)
    } else {
      w.op(OP.i32_wrap_i64)
      w.i32(amount)
      w.op(OP.i32_rotl)
      w.op(OP.i64_extend_i32_u)
    }
    this.state.set(dst)
  }

  /** As the interpreter does it: a block is charged when it is entered. */
  private charge({ weight, start }: CodeNode): void {
    if (!this.scope.options.budget || weight === 0) return
    const { w } = this
    w.get(this.state.fuel)
    w.i32(weight)
    w.op(OP.i32_sub)
    w.tee(this.state.fuel)
    w.i32(0)
    w.op(OP.i32_lt_s)
    w.if()
    w.get(this.state.fuel)
    w.i32(start)
    w.call(this.scope.imported('refuel'))
    w.set(this.state.fuel)
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
    this.state.slot = node.last
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
    writeCondition(this.state, insn as JumpInsn)
  }

  private indirect(register: number, targets: readonly number[], node: CodeNode, depths: readonly number[]): void {
    const { w } = this
    const distinct = [...new Set(targets)]
    this.state.high(register)
    w.i32(INSTRUCTION_TAG)
    w.op(OP.i32_eq)
    w.if()
    distinct.forEach((target, i) => {
      this.state.low(register)
      w.i32(target)
      w.op(OP.i32_eq)
      // Inside the `if`, every label is one level further up.
      w.brIf(depths[i]! + 1)
    })
    w.end()
    this.state.slot = node.last
    this.state.fault(FAULT.badIndirectJump, register)
  }

  private wideLoad(insn: LddwInsn): void {
    const { w } = this
    const isCode = insn.source === 'code_addr'
    const address = isCode ? this.scope.codeIndex(this.state.slot + 1 + insn.imm) : this.scope.target.address(insn)
    if (typeof address === 'object') {
      w.address(address)
      w.op(OP.i64_extend_i32_u)
      if (!isCode) return
      w.i64(0, FUNCTION_TAG)
      w.op(OP.i64_or)
    } else if (isCode) w.i64(address!, FUNCTION_TAG)
    else w.i64(insn.imm, insn.imm2)
  }

  // --- instructions --------------------------------------------------------------------------------------------------

  private insn(insn: Instruction): void {
    const { w } = this
    switch (insn.kind) {
      case 'alu':
        writeAlu(w, insn, this.state)
        this.state.set(insn.dst)
        break
      case 'neg':
        writeNeg(w, insn.dst, insn.width, this.state)
        this.state.set(insn.dst)
        break
      case 'movsx':
        writeMovsx(w, insn, this.state)
        this.state.set(insn.dst)
        break
      case 'endian':
        writeEndian(w, insn, this.state)
        this.state.set(insn.dst)
        break
      case 'addr_space_cast':
        // An arena pointer is an offset in the linear memory in either address space.
        this.state.low(insn.src)
        w.op(OP.i64_extend_i32_u)
        this.state.set(insn.dst)
        break
      case 'lddw':
        this.wideLoad(insn)
        this.state.set(insn.dst)
        break
      case 'load':
        writeLoad(this.state, insn)
        break
      case 'store':
        writeStore(this.state, insn)
        break
      case 'atomic':
        writeAtomic(this.state, insn)
        break
      case 'load_acquire': {
        const offset = this.state.addresses.push(insn.base, insn.off, insn.size, false)
        w.atomic(ATOMIC_LOADS[insn.size]!, insn.size, offset)
        this.state.set(insn.dst)
        break
      }
      case 'store_release': {
        const offset = this.state.addresses.push(insn.base, insn.off, insn.size, true)
        this.state.register(insn.src)
        w.atomic(ATOMIC_STORES[insn.size]!, insn.size, offset)
        break
      }
      case 'load_packet': {
        if (insn.mode === 'ind') {
          this.state.low(insn.src)
          w.i32(insn.imm)
          w.op(OP.i32_add)
        } else w.i32(insn.imm)
        writePacketLoad(this.state, insn.size)
        break
      }
      case 'call':
        writeCall(this.state, insn)
        break
      case 'callx':
        writeRegisterCall(this.state, insn.reg)
        break
      case 'exit':
        this.state.exit()
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
}
