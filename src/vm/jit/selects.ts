/**
 * Pass: jumps around a few instructions that do nothing but compute. Both ways are computed, and the results selected: BPF has no
 * instruction for that, and compilers for machines that have one use it in the same places. A jump that cannot be foreseen costs
 * as much as some twenty instructions.
 *
 * Not where a budget is charged: it is by the block, and each way has its own.
 * @module
 */
import type { Instruction } from '../../isa/instruction.ts'
import type { CodeNode, Flow, FlowShape } from './flow.ts'
import type { ModuleScope } from './function-state.ts'
import { FRAME_POINTER, REGISTERS } from './registers.ts'
import type { Traits } from './traits.ts'

/** What either way does between the jump and where they meet; undefined: nothing. */
export interface Selection {
  readonly fall: CodeNode | undefined
  readonly taken: CodeNode | undefined
}

/** Instructions of one way, selections in it included. */
const MOST_INSNS = 4
/** Registers that are written on either way. */
const MOST_REGISTERS = 3
/** A jump, one way, and where it meets the other one. */
const LEAST_NODES = 3

/** True if the flow was changed; its shape has to be found anew then. */
export function findSelections(
  { insns, traits }: Pick<ModuleScope, 'insns' | 'traits'>,
  flow: Flow,
  { dominators, loops }: FlowShape,
): boolean {
  const { nodes } = flow
  if (nodes.length < LEAST_NODES) return false
  const searches = new SearchLoops(insns, flow, loops)
  const ways = new Uint32Array(nodes.length)
  ways[0] = 1
  for (let i = 0; i < dominators.order.length; i++) {
    const { next } = nodes[dominators.order[i]!]!
    for (let k = 0; k < next.length; k++) ways[next[k]!]!++
  }
  let changed = false
  /** Whether a node does nothing but compute on the only way to it. */
  const computes = (index: number): boolean => {
    const node = nodes[index]!
    return ways[index] === 1 && node.kind === 'code' && node.next.length === 1 && costOf(insns, node) <= MOST_INSNS
  }
  // Backwards: what lies inside of others comes first.
  for (let i = dominators.order.length - 1; i >= 0; i--) {
    const index = dominators.order[i]!
    const node = nodes[index]!
    if (node.kind !== 'code' || node.next.length !== 2 || insns[node.last]!.kind !== 'jump') continue
    const [fall, taken] = node.next as [number, number]
    if (fall === taken || fall === index || taken === index) continue
    const afterFall = computes(fall) ? nodes[fall]!.next[0]! : -1
    const afterTaken = computes(taken) ? nodes[taken]!.next[0]! : -1
    let selection: Selection
    let meet: number
    if (afterFall === taken) {
      selection = { fall: nodes[fall] as CodeNode, taken: undefined }
      meet = taken
    } else if (afterTaken === fall) {
      selection = { fall: undefined, taken: nodes[taken] as CodeNode }
      meet = fall
    } else if (afterFall >= 0 && afterFall === afterTaken) {
      selection = { fall: nodes[fall] as CodeNode, taken: nodes[taken] as CodeNode }
      meet = afterFall
    } else continue
    const written = registersOf(traits, selection)
    if (meet === index || written.length > MOST_REGISTERS || searches.decide(index, written)) continue
    node.select = selection
    node.next = [meet]
    ways[meet]!--
    changed = true
  }
  return changed
}

/**
 * Loops that look for something: what is loaded decides where to load from next, as in a binary search. A selection would have to
 * wait for each load; jumps that are foreseen do not.
 */
class SearchLoops {
  private readonly insns: readonly Instruction[]
  private readonly flow: Flow
  private readonly loops: FlowShape['loops']
  /** Code of each loop, once it has been asked for. */
  private members: Map<number, CodeNode[]> | undefined
  /** Of a loop: registers, a bit each, that are loaded in it; and those that addresses of loads are made of. */
  private readonly known = new Map<number, { readonly loaded: number; readonly addresses: number }>()

  constructor(insns: readonly Instruction[], flow: Flow, loops: FlowShape['loops']) {
    this.insns = insns
    this.flow = flow
    this.loops = loops
  }

  private codeOf(loop: number): readonly CodeNode[] {
    if (this.members === undefined) {
      const members = new Map<number, CodeNode[]>()
      this.flow.nodes.forEach((node, index) => {
        const around = this.loops.loopOfBlock[index]!
        if (around < 0 || node.kind !== 'code') return
        const list = members.get(around)
        if (list === undefined) members.set(around, [node])
        else list.push(node)
      })
      this.members = members
    }
    return this.members.get(loop) ?? []
  }

  /** Whether the jump at the end of a node decides, by what was loaded, where to load from: by registers that it lets be written. */
  decide(index: number, written: readonly number[]): boolean {
    const loop = this.loops.loopOfBlock[index]!
    if (loop < 0) return false
    const { loaded, addresses } = this.known.get(loop) ?? this.look(loop)
    if (!written.some((register) => (addresses & (1 << register)) !== 0)) return false
    const node = this.flow.nodes[index] as CodeNode
    return (readRegisters(this.insns[node.last]!) & loaded) !== 0
  }

  private look(loop: number): { readonly loaded: number; readonly addresses: number } {
    let loaded = 0
    let addresses = 0
    for (let before = -1; before !== addresses; ) {
      before = addresses
      for (const node of this.codeOf(loop)) {
        for (let slot = node.end - 1; slot >= node.start; slot--) {
          const insn = this.insns[slot]!
          if (insn.kind === 'load') {
            loaded |= 1 << insn.dst
            addresses |= 1 << insn.base
          } else if (insn.kind === 'alu' && (addresses & (1 << insn.dst)) !== 0) addresses |= readRegisters(insn)
        }
      }
    }
    const found = { loaded, addresses }
    this.known.set(loop, found)
    return found
  }
}

/** Registers that a computation or a jump reads, a bit each. */
function readRegisters(insn: Instruction): number {
  if (insn.kind !== 'alu' && insn.kind !== 'jump') return 0
  const source = 'reg' in insn.src ? 1 << insn.src.reg : 0
  return insn.kind === 'alu' && insn.op === 'mov' ? source : source | (1 << insn.dst)
}

/** The registers that are written on either way, ascending. */
export function registersOf(traits: Pick<Traits, 'written'>, selection: Selection): number[] {
  const mask = writtenOn(traits, selection.fall) | writtenOn(traits, selection.taken)
  const registers: number[] = []
  for (let register = 0; register < REGISTERS; register++) if ((mask & (1 << register)) !== 0) registers.push(register)
  return registers
}

/** Those that are written on one way, a bit each. */
function writtenOn(traits: Pick<Traits, 'written'>, way: CodeNode | undefined): number {
  if (way === undefined) return 0
  let mask = 0
  for (let slot = way.start; slot < way.end; slot++) {
    const register = traits.written[slot]!
    if (register >= 0) mask |= 1 << register
  }
  const { select } = way
  return select === undefined ? mask : mask | writtenOn(traits, select.fall) | writtenOn(traits, select.taken)
}

/** Instructions; Infinity if one does more than compute, or takes long. */
function costOf(insns: readonly Instruction[], { start, end, select }: CodeNode): number {
  let cost = 0
  for (let slot = start; slot < end; slot++) {
    const insn = insns[slot]!
    switch (insn.kind) {
      case 'alu':
        if (insn.op === 'div' || insn.op === 'sdiv' || insn.op === 'mod' || insn.op === 'smod') return Infinity
        if (insn.dst === FRAME_POINTER) return Infinity
        cost++
        break
      case 'neg':
      case 'movsx':
      case 'endian':
      case 'lddw':
        if (insn.dst === FRAME_POINTER) return Infinity
        cost++
        break
      case 'wide_tail':
      case 'goto':
      case 'jump':
        break
      default:
        return Infinity
    }
    if (cost > MOST_INSNS) return Infinity
  }
  if (select === undefined) return cost
  for (const way of [select.fall, select.taken]) if (way !== undefined) cost += 1 + costOf(insns, way)
  return cost
}
