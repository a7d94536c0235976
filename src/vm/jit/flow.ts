/**
 * The control flow of one function, as the compiler changes it before it is structured: nodes that stand for runs of
 * instructions, and edges between them.
 * @module
 */
import { type FlowGraph, invertEdges } from '../../isa/cfg.ts'
import { computeDominators, type Dominators } from '../../isa/dominators.ts'
import { findLoops, type Loops } from '../../isa/loops.ts'
import type { Selection } from './selects.ts'

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
  /** At least those of its instructions, see `traits.ts`. */
  readonly traits: number
  /** Instead of the jump at its end: see `selects.ts`. */
  select: Selection | undefined
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

/** Of a piece of a function (see `split.ts`): goes on in another one. */
export interface LeaveNode {
  readonly kind: 'leave'
  readonly next: readonly number[]
}

export type FlowNode = CodeNode | TrapNode | ChooseNode | DispatchNode | LeaveNode

/** Node 0 is the entry: of a function, or of a piece of one, where any register may have any value. */
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

/** A copy, for one of several attempts to compile it. */
export function copyFlow({ nodes }: Flow): Flow {
  return { nodes: nodes.map((node) => ({ ...node, next: node.next.slice() }) as FlowNode) }
}

/** Traits of all instructions together. */
export function flowTraits({ nodes }: Flow): number {
  let all = 0
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i]!
    if (node.kind === 'code') all |= node.traits
  }
  return all
}

/** Instructions of a flow. */
export function sizeOf({ nodes }: Flow): number {
  let size = 0
  for (const node of nodes) if (node.kind === 'code') size += node.end - node.start
  return size
}

/** Of a flow of one node, which many functions are: found once. */
let single: FlowShape | undefined

export function shapeOf(flow: Flow): FlowShape {
  const isSingle = flow.nodes.length === 1 && flow.nodes[0]!.next.length === 0
  if (!isSingle) return findShape(flow)
  single ??= findShape(flow)
  return single
}

function findShape({ nodes }: Flow): FlowShape {
  const blockCount = nodes.length
  const successorStart = new Int32Array(blockCount + 1)
  for (let i = 0; i < blockCount; i++) successorStart[i + 1] = successorStart[i]! + nodes[i]!.next.length
  const successors = new Int32Array(successorStart[blockCount]!)
  for (let i = 0, at = 0; i < blockCount; i++) {
    const { next } = nodes[i]!
    for (let k = 0; k < next.length; k++) successors[at++] = next[k]!
  }
  const live = new Uint8Array(blockCount)
  const stack = new Int32Array(blockCount)
  live[0] = 1
  for (let depth = 1; depth > 0; ) {
    const node = stack[--depth]!
    for (let edge = successorStart[node]!; edge < successorStart[node + 1]!; edge++) {
      const next = successors[edge]!
      if (live[next] === 1) continue
      live[next] = 1
      stack[depth++] = next
    }
  }
  const edges = { successorStart, successors }
  const graph = { blockCount, ...edges, live, subprograms: [{ index: 0, firstBlock: 0 }], ...invertEdges(edges, live) }
  const dominators = computeDominators(graph)
  return { graph, dominators, loops: findLoops(graph, dominators) }
}
