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
import { FRAME_POINTER, writtenRegister } from './registers.ts'

/** What either way does between the jump and where they meet; undefined: nothing. */
export interface Selection {
  readonly fall: CodeNode | undefined
  readonly taken: CodeNode | undefined
}

/** Instructions of one way, selections in it included. */
const MOST_INSNS = 4
/** Registers that are written on either way. */
const MOST_REGISTERS = 3

/** True if the flow was changed; its shape has to be found anew then. */
export function findSelections(insns: readonly Instruction[], { nodes }: Flow, { dominators }: FlowShape): boolean {
  const ways = new Uint32Array(nodes.length)
  ways[0] = 1
  for (const index of dominators.order) for (const next of nodes[index]!.next) ways[next]!++
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
    if (meet === index || registersOf(insns, selection).length > MOST_REGISTERS) continue
    node.select = selection
    node.next = [meet]
    ways[meet]!--
    changed = true
  }
  return changed
}

/** The registers that are written on either way, ascending. */
export function registersOf(insns: readonly Instruction[], { fall, taken }: Selection): number[] {
  const written = new Set<number>()
  for (const way of [fall, taken]) {
    if (way === undefined) continue
    for (let slot = way.start; slot < way.end; slot++) {
      const register = writtenRegister(insns[slot]!)
      if (register >= 0) written.add(register)
    }
    if (way.select !== undefined) for (const register of registersOf(insns, way.select)) written.add(register)
  }
  return [...written].sort((a, b) => a - b)
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
