/**
 * Pass: where addresses come from. The constant that a pointer is away from another one that is still there becomes part of the
 * memory instruction, and the sum of a pointer and an index is made in 32 bits where it is used: the engine has one machine
 * instruction for it, which an addition of 64 bits and its lower half are not.
 *
 * An offset does not wrap where the pointer would have: objects lie above page zero, so a pointer that wrapped, plus less than
 * that, led into page zero, where nothing is. It traps instead.
 *
 * A program that nobody verified must not write to page zero. Its addresses for writes are made 64 KiB too low, and the
 * instruction adds that: what was in page zero is behind the end of the memory then, and traps. That costs nothing, because the
 * subtraction is part of the same machine instruction.
 * @module
 */
import type { Instruction } from '../../isa/instruction.ts'
import { PAGE_SIZE } from '../linear-memory.ts'
import { type Flow, type FlowShape, flowTraits } from './flow.ts'
import type { FunctionState, ModuleScope } from './function-state.ts'
import { FAULT } from './imports.ts'
import { FRAME_POINTER, REGISTERS, writtenRegister } from './registers.ts'
import {
  findRelations,
  followVariables,
  MOST_VARIABLES,
  Relations,
  type States,
  type VariableFacts,
  type Variables,
  variablesOf,
  ZERO,
} from './relations.ts'
import type { StackSlots } from './stack-slots.ts'
import { HAS_ACCESS, HAS_SUM } from './traits.ts'
import { OP } from './wasm-opcodes.ts'

/** Up to this an offset cannot have wrapped. */
const MOST_OFFSET = PAGE_SIZE
/**
 * Accesses whose offsets lie in the same stretch share one address that is made too low; for these a stretch after page zero is
 * closed to writes, too. Nothing that a program may write lies there: it is where the guest runtime's own data begins.
 */
const STRETCH = 1024
/** A 32-bit local that is the lower half of a variable less a constant. */
interface Sum {
  readonly local: number
  readonly by: number
}

/** Locals that hold sums, within what control can only reach one way. */
class Sums implements VariableFacts {
  private readonly sums = new Map<number, Sum>()

  get(variable: number): Sum | undefined {
    return this.sums.get(variable)
  }

  get isEmpty(): boolean {
    return this.sums.size === 0
  }

  /** `local` was written: with `by` it is `variable`. */
  define(variable: number, local: number, by: number): void {
    for (const [other, sum] of this.sums) if (sum.local === local) this.sums.delete(other)
    this.sums.set(variable, { local, by })
  }

  assign(to: number, from: number, by: number): void {
    const sum = this.sums.get(from)
    if (sum === undefined) this.sums.delete(to)
    else this.sums.set(to, { local: sum.local, by: sum.by + by })
  }

  forget(to: number): void {
    this.sums.delete(to)
  }

  copyFrom(other: Sums): void {
    this.sums.clear()
    for (const [variable, sum] of other.sums) this.sums.set(variable, sum)
  }

  clear(): void {
    this.sums.clear()
  }
}

/** The addresses of a function, while its nodes are written in an order in which each comes after those that dominate it. */
export class Addresses {
  private readonly f: FunctionState
  private readonly flow: Flow
  private readonly shape: FlowShape
  private readonly variables: Variables
  private readonly states: States | undefined
  private readonly relations: Relations
  private readonly sums: Sums
  private readonly sumsAfter: Map<number, Sums> | undefined
  /** Additions whose results are addresses; whether there are any. */
  private readonly wanted: ReadonlySet<number>
  private readonly hasSums: boolean
  /** The locals of sums, by the register that the sum is in. */
  private readonly locals: number[] = []
  /** By the local of a sum: the one that is a page lower. */
  private readonly lowered: number[] = []
  private readonly enabled: boolean
  /** In the node that is written, addresses are made. */
  private follows = false
  /** What the sum that was written last is above its local. */
  private wantedBy = 0

  constructor(f: FunctionState, flow: Flow, shape: FlowShape, slots: StackSlots) {
    this.f = f
    this.flow = flow
    this.shape = shape
    const traits = flowTraits(flow)
    this.enabled = f.scope.options.passes?.foldAddresses !== false && (traits & HAS_ACCESS) !== 0
    this.variables = variablesOf(slots)
    this.relations = this.enabled ? new Relations(this.variables.count) : NO_RELATIONS
    this.states = this.enabled ? findRelations(f.scope, flow, shape, this.variables) : undefined
    this.wanted = this.enabled && (traits & HAS_SUM) !== 0 ? addressSums(f.scope, flow, shape) : NO_SUMS
    this.hasSums = this.wanted.size > 0
    this.sums = this.hasSums ? new Sums() : EMPTY_SUMS
    this.sumsAfter = this.hasSums ? new Map() : undefined
  }

  /** A node is going to be written. */
  enter(node: number): void {
    const code = this.flow.nodes[node]!
    this.follows = this.enabled && (this.hasSums || (code.kind === 'code' && (code.traits & HAS_ACCESS) !== 0))
    if (!this.follows) return
    if (this.states!.has(node)) this.states!.load(node, this.relations)
    if (!this.hasSums) return
    const { predecessorStart, predecessors } = this.shape.graph
    const first = predecessorStart[node]!
    const before = predecessorStart[node + 1]! - first === 1 ? this.sumsAfter!.get(predecessors[first]!) : undefined
    if (before === undefined) this.sums.clear()
    else this.sums.copyFrom(before)
  }

  /** A node has been written. */
  leave(node: number): void {
    if (!this.hasSums) return
    const { predecessorStart } = this.shape.graph
    const isInherited = this.flow.nodes[node]!.next.some(
      (to) => predecessorStart[to + 1]! - predecessorStart[to]! === 1,
    )
    if (!isInherited) return
    const sums = new Sums()
    sums.copyFrom(this.sums)
    this.sumsAfter!.set(node, sums)
  }

  /** Before an instruction is written. */
  before(insn: Instruction, slot: number): void {
    if (!this.hasSums || !this.wanted.has(slot) || insn.kind !== 'alu' || !('reg' in insn.src)) return
    const { w } = this.f
    const { dst, src, op } = insn
    this.locals[dst] ??= w.local('i32')
    const base = this.lowest(dst, 0)
    const index = op === 'sub' ? { variable: src.reg, offset: 0 } : this.lowest(src.reg, 0)
    this.pushVariable(base.variable)
    this.pushVariable(index.variable)
    w.op(op === 'sub' ? OP.i32_sub : OP.i32_add)
    w.set(this.locals[dst])
    if (this.f.scope.options.guard) {
      // For writes: made too low before the index is added, which in a loop is once for all rounds.
      this.lowered[this.locals[dst]] ??= w.local('i32')
      this.pushVariable(base.variable)
      w.i32(-PAGE_SIZE)
      w.op(OP.i32_add)
      this.pushVariable(index.variable)
      w.op(op === 'sub' ? OP.i32_sub : OP.i32_add)
      w.set(this.lowered[this.locals[dst]]!)
    }
    this.wantedBy = base.offset + index.offset
  }

  /** After it. */
  after(slot: number): void {
    if (!this.follows) return
    const { relations, sums, variables, f } = this
    followVariables(relations, f.scope, slot, variables)
    if (!this.hasSums) return
    if (!sums.isEmpty) followVariables(sums, f.scope, slot, variables)
    if (this.wanted.has(slot)) {
      const register = f.scope.traits.written[slot]!
      sums.define(register, this.locals[register]!, this.wantedBy)
    }
  }

  /** A register was written otherwise. */
  forget(register: number): void {
    if (!this.follows) return
    this.relations.forget(register)
    if (this.hasSums) this.sums.forget(register)
  }

  /** Pushes the address of an access of `size` bytes, and answers the offset that the memory instruction adds. */
  push(base: number, off: number, size: number, writes: boolean): number {
    const { f, relations } = this
    const { frameSize } = f.scope.target
    const { w } = f
    const { leader, above } = relations
    if (f.registers[FRAME_POINTER] === undefined && leader[FRAME_POINTER] === leader[base]) {
      const place = frameSize + off + above[base]! - above[FRAME_POINTER]!
      if (place >= 0 && place + size <= frameSize) {
        w.get(f.frame)
        return place
      }
    }
    if (leader[ZERO] === leader[base]) {
      const address = (above[base]! - above[ZERO]! + Math.min(off, 0)) >>> 0
      const offset = Math.max(off, 0)
      if (writes && f.scope.options.guard && address + offset < PAGE_SIZE) this.nullWrite(address + offset)
      w.i32(address | 0)
      return offset
    }
    const sum = this.sums.get(base)
    if (sum !== undefined && sum.by + off >= 0 && sum.by + off <= MOST_OFFSET) {
      if (writes && f.scope.options.guard && sum.by + off < STRETCH) {
        w.get(this.lowered[sum.local]!)
        return sum.by + off + PAGE_SIZE
      }
      w.get(sum.local)
      return this.finish(sum.by + off, writes)
    }
    const { variable, offset } = this.lowest(base, off)
    this.pushVariable(variable)
    return this.finish(offset, writes)
  }

  /** The lowest variable that is the same as `base + off` but for an offset; `base` itself if none is lower. */
  private lowest(base: number, off: number): { readonly variable: number; readonly offset: number } {
    const { leader, above, size } = this.relations
    const first = leader[base]!
    let variable = base
    let offset = off
    for (let other = first, left = size[first]!; left > 0; other++) {
      if (leader[other] !== first) continue
      left--
      if (other === ZERO) continue
      const total = above[base]! - above[other]! + off
      if (total <= MOST_OFFSET && total > offset) {
        variable = other
        offset = total
      }
    }
    return { variable, offset }
  }

  /** The lower half of the address without its offset is on the stack. */
  private finish(offset: number, writes: boolean): number {
    const { w, scope } = this.f
    let added = Math.max(0, offset)
    let low = Math.min(0, offset)
    if (writes && scope.options.guard) {
      const closed = Math.max(0, PAGE_SIZE - (added - (added % STRETCH)))
      low -= closed
      added += closed
    }
    if (low !== 0) {
      w.i32(low)
      w.op(OP.i32_add)
    }
    return added
  }

  private pushVariable(variable: number): void {
    const { f } = this
    if (variable < REGISTERS) {
      f.low(variable)
      return
    }
    f.w.get(f.stackLocals[variable - ZERO - 1]!)
    f.w.op(OP.i32_wrap_i64)
  }

  private nullWrite(address: number): void {
    const { f } = this
    f.saveFuel()
    f.w.i32(FAULT.nullWrite)
    f.w.i32(f.slot)
    f.w.i32(address)
    f.w.i32(0)
    f.w.call(f.scope.imported('fault'))
    f.w.op(OP.unreachable)
  }
}

// Of functions that have no use for them.
const NO_SUMS: ReadonlySet<number> = new Set()
const EMPTY_SUMS = new Sums()
const NO_RELATIONS = new Relations(MOST_VARIABLES)

/** The additions, of 64 bits, of two registers whose results are used as addresses: maybe plus a constant, maybe after copying. */
function addressSums(
  { insns, traits }: ModuleScope,
  { nodes }: Flow,
  { dominators, graph }: FlowShape,
): ReadonlySet<number> {
  const found = new Set<number>()
  const { order, position } = dominators
  const { predecessorStart, predecessors } = graph
  // Registers that are addresses later, at the beginning of each node: a bit each.
  const before = new Uint16Array(nodes.length)
  const pending = new Uint8Array(nodes.length).fill(1)
  for (let again = true; again; ) {
    again = false
    for (let i = order.length - 1; i >= 0; i--) {
      const index = order[i]!
      if (pending[index] === 0) continue
      pending[index] = 0
      const node = nodes[index]!
      let later = 0
      for (let k = 0; k < node.next.length; k++) later |= before[node.next[k]!]!
      if (node.kind === 'code' && (later !== 0 || (node.traits & HAS_ACCESS) !== 0)) {
        for (let slot = node.end - 1; slot >= node.start; slot--) {
          if (later === 0 && (traits.bits[slot]! & HAS_ACCESS) === 0) continue
          later = addressesBefore(insns[slot]!, slot, later, found)
        }
      }
      if (before[index] === later) continue
      before[index] = later
      for (let p = predecessorStart[index]!; p < predecessorStart[index + 1]!; p++) {
        pending[predecessors[p]!] = 1
        if (position[predecessors[p]!]! >= i) again = true
      }
    }
  }
  return found
}

function addressesBefore(insn: Instruction, slot: number, later: number, found: Set<number>): number {
  switch (insn.kind) {
    case 'alu': {
      const { op, width, dst, src } = insn
      const isAddress = (later & (1 << dst)) !== 0
      if (!isAddress) return later
      const without = later & ~(1 << dst)
      if (width === 32) return without
      if (op === 'mov') return 'reg' in src ? without | (1 << src.reg) : without
      if (op !== 'add' && op !== 'sub') return without
      if ('imm' in src) return later
      found.add(slot)
      return without
    }
    case 'load':
      return (later & ~(1 << insn.dst)) | (1 << insn.base)
    case 'store':
    case 'atomic':
    case 'load_acquire':
    case 'store_release': {
      const written = writtenRegister(insn)
      return (written >= 0 ? later & ~(1 << written) : later) | (1 << insn.base)
    }
    default: {
      const written = writtenRegister(insn)
      return written >= 0 ? later & ~(1 << written) : later
    }
  }
}
