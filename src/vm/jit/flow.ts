/**
 * The control flow of one function, as the compiler changes it before it is structured: nodes that stand for runs of
 * instructions, and edges between them.
 *
 * A function is whatever can be reached from its entry, also where control crosses into the range of another one (only
 * programs that nobody verified do that): such code is compiled into both.
 * @module
 */
import { type Cfg, type FlowGraph, invertEdges, jumpTarget, lastSlot } from '../../isa/cfg.ts'
import { computeDominators, type Dominators } from '../../isa/dominators.ts'
import { findLoops, type Loops } from '../../isa/loops.ts'

/** Instructions [start, end); `next`: where control goes from the last one, the fall-through first, then the jump's target. */
export interface CodeNode {
  readonly kind: 'code'
  readonly start: number
  readonly end: number
  /** Slot of the last instruction (of a wide one: its first). */
  readonly last: number
  /** What the budget is charged on entry. */
  readonly weight: number
  /** It ends in an indirect jump. */
  readonly indirect: boolean
  next: number[]
}

/** Control leaves the program here; `slot` is the instruction to blame. */
export interface TrapNode {
  readonly kind: 'trap'
  readonly slot: number
  readonly next: number[]
}

/** Remembers where to go on, then goes to a dispatcher. */
export interface ChooseNode {
  readonly kind: 'choose'
  /** Which local the choice is kept in: that of the dispatcher. */
  readonly local: number
  readonly choice: number
  next: number[]
}

/** Goes on to `next[choice]`: the one entry of a cycle that has several. */
export interface DispatchNode {
  readonly kind: 'dispatch'
  readonly local: number
  next: number[]
}

export type FlowNode = CodeNode | TrapNode | ChooseNode | DispatchNode

/** Node 0 is the entry. */
export interface Flow {
  readonly nodes: FlowNode[]
}

/** Whether a node goes on by a table of targets. */
export function isMultiway({ nodes }: Flow, index: number): boolean {
  const node = nodes[index]!
  return node.kind === 'dispatch' || (node.kind === 'code' && node.indirect)
}

/** What is known of the shape of a flow; to be found anew after every change. */
export interface FlowShape {
  readonly graph: FlowGraph
  readonly dominators: Dominators
  readonly loops: Loops
}

/** The flow of the function that begins at `entry`, which has to be the first slot of a block. */
export function functionFlow(cfg: Cfg, entry: number, indirectTargets?: ReadonlyMap<number, readonly number[]>): Flow {
  const nodes: FlowNode[] = []
  const nodeOfBlock = new Map<number, number>()
  const pending: number[] = []

  const nodeAt = (slot: number, from: number): number => {
    const block = slot >= 0 && slot < cfg.insns.length ? cfg.blockOfSlot[slot]! : -1
    // A jump into the second slot of a wide instruction does not lead to the first slot of any block.
    if (block < 0 || cfg.blockStart[block] !== slot || cfg.insns[slot]!.kind === 'wide_tail') {
      nodes.push({ kind: 'trap', slot: from, next: [] })
      return nodes.length - 1
    }
    const known = nodeOfBlock.get(block)
    if (known !== undefined) return known
    const end = cfg.blockStart[block + 1]!
    const last = lastSlot(cfg, block)
    const indirect = cfg.insns[last]!.kind === 'goto_indirect'
    nodes.push({ kind: 'code', start: slot, end, last, weight: cfg.weight[block]!, indirect, next: [] })
    nodeOfBlock.set(block, nodes.length - 1)
    pending.push(nodes.length - 1)
    return nodes.length - 1
  }

  nodeAt(entry, entry)
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const node = nodes[at] as CodeNode
    const insn = cfg.insns[node.last]!
    const target = jumpTarget(node.last, insn)
    if (insn.kind === 'exit') continue
    if (insn.kind === 'goto_indirect') {
      for (const slot of new Set(indirectTargets?.get(node.last) ?? [])) node.next.push(nodeAt(slot, node.last))
      continue
    }
    // Control that falls off the end is the fault of the last slot, whatever lies in it.
    if (insn.kind !== 'goto') node.next.push(nodeAt(node.end, Math.min(node.end, cfg.insns.length) - 1))
    if (target !== undefined) node.next.push(nodeAt(target, node.last))
  }
  return { nodes }
}

export function shapeOf({ nodes }: Flow): FlowShape {
  const blockCount = nodes.length
  const successorStart = new Int32Array(blockCount + 1)
  for (let i = 0; i < blockCount; i++) successorStart[i + 1] = successorStart[i]! + nodes[i]!.next.length
  const successors = new Int32Array(successorStart[blockCount]!)
  for (let i = 0, at = 0; i < blockCount; i++) for (const next of nodes[i]!.next) successors[at++] = next
  const live = new Uint8Array(blockCount)
  const stack = [0]
  live[0] = 1
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    for (const next of nodes[node]!.next) {
      if (live[next] === 1) continue
      live[next] = 1
      stack.push(next)
    }
  }
  const edges = { successorStart, successors }
  const graph = { blockCount, ...edges, live, subprograms: [{ index: 0, firstBlock: 0 }], ...invertEdges(edges, live) }
  const dominators = computeDominators(graph)
  return { graph, dominators, loops: findLoops(graph, dominators) }
}
