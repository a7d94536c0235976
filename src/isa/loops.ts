/**
 * Natural loops with their nesting, and irreducible regions.
 *
 * An edge whose target dominates its source is a *back edge*; the blocks that reach it without passing its target, the
 * *header*, are a natural loop. An edge that closes a cycle without that property makes the graph irreducible there: the
 * cycle can be entered at several places. Taking the back edges away, the strongly connected components that remain are
 * the irreducible regions; a graph without any is reducible. Compilers of structured code turn a natural loop into a
 * loop and a region into a dispatcher (Ramsey, "Beyond Relooper", 2022).
 *
 * Time is almost linear in blocks and edges: inner loops are found first and collapsed (union-find), so an edge is
 * walked once however deep the nesting. Nothing recurses.
 * @see https://doi.org/10.1145/3547621
 * @module
 */
import type { FlowGraph, WorkCounter } from './cfg.ts'
import { type Dominators, dominates } from './dominators.ts'

export const EDGE_FORWARD = 0
export const EDGE_BACK = 1
/** Closes a cycle, and its target does not dominate its source. */
export const EDGE_IRREDUCIBLE = 2
/** Leaves a dead block. */
export const EDGE_DEAD = 3

export interface IrreducibleRegion {
  /** The blocks of the cycle, in reverse postorder. */
  readonly blocks: readonly number[]
  /** Those of them that can be entered from outside: at least two. */
  readonly entries: readonly number[]
}

/** Loops are numbered by their headers' places in reverse postorder, so an outer loop comes before its inner ones. */
export interface Loops {
  readonly loopCount: number
  /** Header block of each loop; two loops never share one. */
  readonly header: Int32Array
  /** The loop directly around each loop; -1 for an outermost one. */
  readonly parent: Int32Array
  /** Nesting depth of each loop; an outermost one has 1. */
  readonly depth: Int32Array
  /** The innermost loop of each block; -1 if it is in none. */
  readonly loopOfBlock: Int32Array
  /** One of the `EDGE_` constants for each edge, by its index in `Cfg.successors`. */
  readonly edgeClass: Uint8Array
  readonly regions: readonly IrreducibleRegion[]
  /** The region of each block; -1 if it is in none. */
  readonly regionOfBlock: Int32Array
}

export function isLoopHeader(loops: Loops, block: number): boolean {
  const loop = loops.loopOfBlock[block]!
  return loop !== -1 && loops.header[loop] === block
}

/** Whether a block lies in a loop or in one nested in it; costs the nesting depth. */
export function loopContains(loops: Loops, loop: number, block: number): boolean {
  let inner = loops.loopOfBlock[block]!
  while (inner > loop) inner = loops.parent[inner]!
  return inner === loop
}

/** How many loops are around a block. */
export function loopDepth(loops: Loops, block: number): number {
  const loop = loops.loopOfBlock[block]!
  return loop === -1 ? 0 : loops.depth[loop]!
}

/** Whether two or more forward edges meet at a block: it needs a label of its own in structured code. */
export function isMergeBlock(cfg: FlowGraph, dominators: Dominators, block: number): boolean {
  let forward = 0
  for (let i = cfg.predecessorStart[block]!; i < cfg.predecessorStart[block + 1]!; i++) {
    if (dominators.position[cfg.predecessors[i]!]! < dominators.position[block]! && ++forward === 2) return true
  }
  return false
}

export function findLoops(cfg: FlowGraph, dominators: Dominators, work?: WorkCounter): Loops {
  const { edgeClass, irreducible } = classifyEdges(cfg, dominators)
  const natural = naturalLoops(cfg, dominators)
  const found = irreducible
    ? irreducibleRegions(cfg, dominators, edgeClass)
    : { regions: [], regionOfBlock: new Int32Array(cfg.blockCount).fill(-1), steps: 0 }
  if (work !== undefined) work.steps += cfg.successors.length + natural.steps + found.steps
  return {
    loopCount: natural.header.length,
    header: natural.header,
    parent: natural.parent,
    depth: natural.depth,
    loopOfBlock: natural.loopOfBlock,
    edgeClass,
    regions: found.regions,
    regionOfBlock: found.regionOfBlock,
  }
}

function classifyEdges(cfg: FlowGraph, dominators: Dominators): { edgeClass: Uint8Array; irreducible: boolean } {
  const { position } = dominators
  const edgeClass = new Uint8Array(cfg.successors.length)
  let irreducible = false
  for (let block = 0; block < cfg.blockCount; block++) {
    for (let edge = cfg.successorStart[block]!; edge < cfg.successorStart[block + 1]!; edge++) {
      const next = cfg.successors[edge]!
      if (cfg.live[block] === 0) edgeClass[edge] = EDGE_DEAD
      else if (position[next]! > position[block]!) edgeClass[edge] = EDGE_FORWARD
      else if (dominates(dominators, next, block)) edgeClass[edge] = EDGE_BACK
      else {
        edgeClass[edge] = EDGE_IRREDUCIBLE
        irreducible = true
      }
    }
  }
  return { edgeClass, irreducible }
}

interface NaturalLoops {
  readonly header: Int32Array
  readonly parent: Int32Array
  readonly depth: Int32Array
  readonly loopOfBlock: Int32Array
  readonly steps: number
}

function naturalLoops(cfg: FlowGraph, dominators: Dominators): NaturalLoops {
  const { predecessorStart, predecessors, blockCount } = cfg
  const { order } = dominators
  // Loops in the order of discovery, inner before outer.
  const headers: number[] = []
  const parents: number[] = []
  const loopOfBlock = new Int32Array(blockCount).fill(-1)
  // Union-find: a block that lies in a loop leads to the header of the outermost loop found so far.
  const leader = new Int32Array(blockCount)
  for (let block = 0; block < blockCount; block++) leader[block] = block
  let steps = 0
  const find = (block: number): number => {
    let x = block
    while (leader[x] !== x) {
      leader[x] = leader[leader[x]!]!
      x = leader[x]!
      steps++
    }
    return x
  }

  const pending: number[] = []
  for (let i = order.length - 1; i >= 0; i--) {
    const head = order[i]!
    for (let p = predecessorStart[head]!; p < predecessorStart[head + 1]!; p++) {
      steps++
      if (dominates(dominators, head, predecessors[p]!)) pending.push(predecessors[p]!)
    }
    if (pending.length === 0) continue
    const loop = headers.length
    headers.push(head)
    parents.push(-1)
    loopOfBlock[head] = loop
    for (let block = pending.pop(); block !== undefined; block = pending.pop()) {
      steps++
      const outermost = find(block)
      if (outermost === head) continue
      leader[outermost] = head
      const inner = loopOfBlock[outermost]!
      if (inner === -1) loopOfBlock[outermost] = loop
      else parents[inner] = loop
      for (let p = predecessorStart[outermost]!; p < predecessorStart[outermost + 1]!; p++) {
        pending.push(predecessors[p]!)
      }
    }
  }

  // Renumbered backwards, an outer loop precedes its inner ones.
  const count = headers.length
  const header = new Int32Array(count)
  const parent = new Int32Array(count)
  const depth = new Int32Array(count)
  for (let loop = 0; loop < count; loop++) {
    const found = count - 1 - loop
    header[loop] = headers[found]!
    parent[loop] = parents[found] === -1 ? -1 : count - 1 - parents[found]!
    depth[loop] = parent[loop] === -1 ? 1 : depth[parent[loop]!]! + 1
  }
  for (let block = 0; block < blockCount; block++) {
    if (loopOfBlock[block] !== -1) loopOfBlock[block] = count - 1 - loopOfBlock[block]!
  }
  return { header, parent, depth, loopOfBlock, steps }
}

/** Strongly connected components (Tarjan) of the graph without its back edges; those of one block have no cycle. */
function irreducibleRegions(
  cfg: FlowGraph,
  dominators: Dominators,
  edgeClass: Uint8Array,
): { regions: IrreducibleRegion[]; regionOfBlock: Int32Array; steps: number } {
  const { blockCount, successorStart, successors, predecessorStart, predecessors } = cfg
  const { order, position } = dominators
  const index = new Int32Array(blockCount).fill(-1)
  const low = new Int32Array(blockCount)
  const onStack = new Uint8Array(blockCount)
  const cursor = successorStart.slice(0, blockCount)
  const component: number[] = []
  const calls: number[] = []
  const found: number[][] = []
  const regionOfBlock = new Int32Array(blockCount).fill(-1)
  let counter = 0
  let steps = 0

  const enter = (block: number): void => {
    index[block] = counter
    low[block] = counter
    counter++
    component.push(block)
    onStack[block] = 1
    calls.push(block)
  }
  for (const root of order) {
    if (index[root] !== -1) continue
    enter(root)
    while (calls.length > 0) {
      steps++
      const block = calls[calls.length - 1]!
      const edge = cursor[block]!
      if (edge < successorStart[block + 1]!) {
        cursor[block] = edge + 1
        if (edgeClass[edge] === EDGE_BACK) continue
        const next = successors[edge]!
        if (index[next] === -1) enter(next)
        else if (onStack[next] === 1 && index[next]! < low[block]!) low[block] = index[next]!
        continue
      }
      calls.pop()
      const caller = calls[calls.length - 1]
      if (caller !== undefined && low[block]! < low[caller]!) low[caller] = low[block]!
      if (low[block] !== index[block]) continue
      const blocks = component.splice(component.lastIndexOf(block))
      for (const member of blocks) onStack[member] = 0
      steps += blocks.length
      if (blocks.length > 1) found.push(blocks.sort((a, b) => position[a]! - position[b]!))
    }
  }

  found.sort((a, b) => position[a[0]!]! - position[b[0]!]!)
  for (const [region, blocks] of found.entries()) for (const block of blocks) regionOfBlock[block] = region
  const isEntry = (block: number): boolean => {
    for (let p = predecessorStart[block]!; p < predecessorStart[block + 1]!; p++) {
      const from = predecessors[p]!
      steps++
      if (regionOfBlock[from] !== regionOfBlock[block] && !dominates(dominators, block, from)) return true
    }
    return false
  }
  const regions = found.map((blocks) => ({ blocks, entries: blocks.filter(isEntry) }))
  return { regions, regionOfBlock, steps }
}
