/**
 * Reverse postorder and dominators of a control-flow graph.
 *
 * Block *a* dominates *b* if every path from the entry of the subprogram to *b* passes *a*. The algorithm is that of
 * Lengauer and Tarjan in its simple form, O(m log n) whatever the graph: the iterative ones are quadratic on ladders,
 * which hostile programs can be. All subprograms are done in one pass over flat arrays; nothing recurses.
 * @see https://doi.org/10.1145/357062.357071
 * @module
 */
import type { FlowGraph, WorkCounter } from './cfg.ts'

/** Arrays named after a block are indexed by it; dead blocks are in no order and have -1 everywhere. */
export interface Dominators {
  /** The live blocks in reverse postorder, subprogram after subprogram; a fall-through comes before a jump's target. */
  readonly order: Int32Array
  /** Subprogram `s` has `order[orderStart[s]]` up to `order[orderStart[s + 1]]` (exclusive). */
  readonly orderStart: Int32Array
  /** Where each block is in `order`. An edge to a block at the same or an earlier position closes a cycle. */
  readonly position: Int32Array
  /** Immediate dominator of each block; -1 for entries. */
  readonly idom: Int32Array
  /** Children in the dominator tree: `children[childStart[b]]` up to `children[childStart[b + 1]]`, in reverse postorder. */
  readonly childStart: Int32Array
  readonly children: Int32Array
  /** The subtree of each block covers [treeEnter, treeLeave) of a preorder of the dominator tree. */
  readonly treeEnter: Int32Array
  readonly treeLeave: Int32Array
}

/** Whether `a` dominates `b` (every live block dominates itself), in constant time. */
export function dominates(dominators: Dominators, a: number, b: number): boolean {
  const { treeEnter, treeLeave } = dominators
  const at = treeEnter[b]!
  return at >= 0 && treeEnter[a]! >= 0 && treeEnter[a]! <= at && at < treeLeave[a]!
}

export function computeDominators(cfg: FlowGraph, work?: WorkCounter): Dominators {
  const walk = depthFirst(cfg)
  const { idom, steps } = immediateDominators(cfg, walk)
  const tree = dominatorTree(cfg, walk, idom)
  if (work !== undefined) work.steps += walk.steps + steps + 3 * walk.order.length
  return { order: walk.order, orderStart: walk.orderStart, position: walk.position, idom, ...tree }
}

interface DepthFirstWalk {
  readonly order: Int32Array
  readonly orderStart: Int32Array
  readonly position: Int32Array
  /** Live blocks in the order of their first visit; `number` is its inverse. */
  readonly visited: Int32Array
  readonly number: Int32Array
  /** By visit number: the visit number of the parent in the depth-first tree, -1 for entries. */
  readonly parent: Int32Array
  readonly steps: number
}

function depthFirst(cfg: FlowGraph): DepthFirstWalk {
  const { blockCount, successorStart, successors, subprograms, live } = cfg
  let liveCount = 0
  for (let block = 0; block < blockCount; block++) liveCount += live[block]!

  const order = new Int32Array(liveCount)
  const orderStart = new Int32Array(subprograms.length + 1)
  const position = new Int32Array(blockCount).fill(-1)
  const visited = new Int32Array(liveCount)
  const number = new Int32Array(blockCount).fill(-1)
  const parent = new Int32Array(liveCount)
  // Edges are taken last to first, so that in the reversed order a fall-through follows its block closely.
  const cursor = successorStart.slice(1)
  const stack = new Int32Array(liveCount)
  let visits = 0
  let steps = 0

  for (const subprogram of subprograms) {
    const first = visits
    orderStart[subprogram.index] = first
    let finished = 0
    let depth = 0
    const enter = (block: number, from: number): void => {
      number[block] = visits
      visited[visits] = block
      parent[visits] = from
      visits++
      stack[depth++] = block
    }
    // The postorder is collected in place and reversed below, when the number of the subprogram's blocks is known.
    enter(subprogram.firstBlock, -1)
    while (depth > 0) {
      steps++
      const block = stack[depth - 1]!
      const edge = cursor[block]! - 1
      if (edge < successorStart[block]!) {
        order[first + finished++] = block
        depth--
        continue
      }
      cursor[block] = edge
      const next = successors[edge]!
      if (number[next] === -1) enter(next, number[block]!)
    }
    order.subarray(first, visits).reverse()
  }
  orderStart[subprograms.length] = visits
  for (let i = 0; i < liveCount; i++) position[order[i]!] = i
  return { order, orderStart, position, visited, number, parent, steps }
}

/** Lengauer–Tarjan with path compression. Inside, vertices are visit numbers. */
function immediateDominators(cfg: FlowGraph, walk: DepthFirstWalk): { idom: Int32Array; steps: number } {
  const { predecessorStart, predecessors } = cfg
  const { visited, number, parent } = walk
  const count = visited.length
  const semi = new Int32Array(count)
  const label = new Int32Array(count)
  const ancestor = new Int32Array(count).fill(-1)
  const dom = new Int32Array(count).fill(-1)
  const bucketHead = new Int32Array(count).fill(-1)
  const bucketNext = new Int32Array(count).fill(-1)
  const path = new Int32Array(count)
  let steps = 0
  for (let v = 0; v < count; v++) {
    semi[v] = v
    label[v] = v
  }

  /** The vertex of least semidominator on the path from `v` to below the root of its tree in the forest. */
  const evaluate = (v: number): number => {
    steps++
    if (ancestor[v] === -1) return v
    let length = 0
    let x = v
    while (ancestor[ancestor[x]!] !== -1) {
      path[length++] = x
      x = ancestor[x]!
    }
    steps += length
    while (length > 0) {
      const below = path[--length]!
      const above = ancestor[below]!
      if (semi[label[above]!]! < semi[label[below]!]!) label[below] = label[above]!
      ancestor[below] = ancestor[above]!
    }
    return label[v]!
  }

  for (let w = count - 1; w >= 0; w--) {
    const up = parent[w]!
    if (up === -1) continue
    const block = visited[w]!
    for (let i = predecessorStart[block]!; i < predecessorStart[block + 1]!; i++) {
      const candidate = semi[evaluate(number[predecessors[i]!]!)]!
      if (candidate < semi[w]!) semi[w] = candidate
    }
    bucketNext[w] = bucketHead[semi[w]!]!
    bucketHead[semi[w]!] = w
    ancestor[w] = up
    for (let v = bucketHead[up]!; v !== -1; v = bucketNext[v]!) {
      const u = evaluate(v)
      dom[v] = semi[u]! < semi[v]! ? u : up
    }
    bucketHead[up] = -1
  }

  const idom = new Int32Array(cfg.blockCount).fill(-1)
  for (let w = 0; w < count; w++) {
    if (parent[w] === -1) continue
    if (dom[w] !== semi[w]) dom[w] = dom[dom[w]!]!
    idom[visited[w]!] = visited[dom[w]!]!
  }
  return { idom, steps }
}

function dominatorTree(
  cfg: FlowGraph,
  walk: DepthFirstWalk,
  idom: Int32Array,
): Pick<Dominators, 'childStart' | 'children' | 'treeEnter' | 'treeLeave'> {
  const { order } = walk
  const blockCount = cfg.blockCount
  const childStart = new Int32Array(blockCount + 1)
  const size = new Int32Array(blockCount)
  // A dominator comes before what it dominates in reverse postorder: sizes add up backwards, places are given forwards.
  for (let i = order.length - 1; i >= 0; i--) {
    const block = order[i]!
    size[block] = size[block]! + 1
    const up = idom[block]!
    if (up === -1) continue
    size[up] = size[up]! + size[block]!
    childStart[up + 1] = childStart[up + 1]! + 1
  }
  for (let block = 0; block < blockCount; block++) {
    childStart[block + 1] = childStart[block + 1]! + childStart[block]!
  }

  const children = new Int32Array(childStart[blockCount]!)
  const childCursor = childStart.slice(0, blockCount)
  const treeEnter = new Int32Array(blockCount).fill(-1)
  const treeLeave = new Int32Array(blockCount).fill(-1)
  const free = new Int32Array(blockCount)
  let roots = 0
  for (const block of order) {
    const up = idom[block]!
    let enter = roots
    if (up === -1) {
      roots += size[block]!
    } else {
      enter = free[up]!
      free[up] = enter + size[block]!
      children[childCursor[up]!] = block
      childCursor[up] = childCursor[up]! + 1
    }
    treeEnter[block] = enter
    treeLeave[block] = enter + size[block]!
    free[block] = enter + 1
  }
  return { childStart, children, treeEnter, treeLeave }
}
