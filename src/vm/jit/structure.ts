/**
 * From a reducible flow to the nested blocks and loops of WebAssembly, along the dominator tree (Ramsey, "Beyond Relooper",
 * ICFP 2022).
 *
 * A node at which several forward edges meet is placed behind a `block` that ends where it begins; a loop header opens a `loop`.
 * Every other node lies where its one predecessor goes to it. What a loop leads out to is placed behind the loop, however deep in
 * it the exit is, so that the engine's register allocator sees only what belongs to the loop as part of it.
 * @see https://doi.org/10.1145/3547621
 * @module
 */
import { isLoopHeader, isMergeBlock, type Loops } from '../../isa/loops.ts'
import { type Flow, type FlowShape, isMultiway } from './flow.ts'

/** What the structure is told to; nodes are numbers of the flow. */
export interface StructureWriter {
  /** Opens a block or a loop; everything up to the matching `end` is inside. */
  block(): void
  loop(): void
  end(): void
  /** The instructions of a node, without the jump at its end. */
  code(node: number): void
  /** A branch to the label that is so many levels up. */
  branch(depth: number): void
  /**
   * What a node with several successors does: `depths` has, for each of them, the level of its label, or -1 where its code
   * comes next. A jump on a condition has two, of which one or both may have -1. If both do, the writer opens an `if`, and says
   * so by returning true; the first successor's code goes to its `else`, the second one's to its beginning. Where
   * there is a table of targets, all have labels.
   */
  choose(node: number, depths: readonly number[]): boolean
  /** Between the two ways of an `if` that {@link choose} opened. */
  otherwise(): void
}

/** Tasks of the walk, which does not recurse: hostile programs nest deeply. */
const TREE = 0
const END = 1
const ELSE = 2
/** Where the label of a construct that is not a target would be. */
const NO_TARGET = -1

/** Writes the whole flow. */
export function writeStructure(flow: Flow, { graph, dominators, loops }: FlowShape, writer: StructureWriter): void {
  const { nodes } = flow
  if (nodes.length === 1 && nodes[0]!.next.length === 0 && !isMultiway(flow, 0)) {
    writer.code(0)
    return
  }
  const { blockCount } = graph
  const { position, idom, order } = dominators
  // Nodes that get a label: those behind a block of a node's, inside and outside of its loop. Lists, the last in reverse
  // postorder first; a node is in one at most, which `following` links.
  const inside = new Int32Array(blockCount).fill(-1)
  const outside = new Int32Array(blockCount).fill(-1)
  const following = new Int32Array(blockCount)
  const labelled = new Uint8Array(blockCount)
  const add = (lists: Int32Array, at: number, node: number): void => {
    following[node] = lists[at]!
    lists[at] = node
    labelled[node] = 1
  }
  const tower = ancestorJumps(loops)
  for (let i = 0; i < order.length; i++) {
    const node = order[i]!
    const parent = idom[node]!
    if (parent < 0) continue
    const left = loopLeft(loops, tower, parent, node)
    if (left !== -1) add(outside, loops.header[left]!, node)
    else if (isMergeBlock(graph, dominators, node) || isMultiway(flow, parent)) add(inside, parent, node)
  }

  // The constructs that are open, outermost first: the node that a branch to it leads to.
  const open: number[] = []
  const depthOf = new Int32Array(blockCount).fill(-1)
  const push = (target: number): void => {
    if (target !== NO_TARGET) depthOf[target] = open.length
    open.push(target)
  }
  const level = (target: number): number => open.length - 1 - depthOf[target]!
  const tasks: number[] = [TREE, 0]

  const schedule = (kind: number, node: number): void => {
    tasks.push(kind, node)
  }
  /** Opens blocks for nodes that follow each other, and schedules them behind. `last`: of their list. */
  const openBlocks = (last: number): void => {
    for (let node = last; node >= 0; node = following[node]!) {
      writer.block()
      push(node)
      schedule(TREE, node)
      schedule(END, node)
    }
  }
  const isBranch = (from: number, to: number): boolean => labelled[to] === 1 || position[to]! <= position[from]!

  /** Of a jump on a condition. */
  const ways: [number, number] = [-1, -1]
  while (tasks.length > 0) {
    const node = tasks.pop()!
    const kind = tasks.pop()!
    if (kind === END) {
      writer.end()
      open.pop()
      continue
    }
    if (kind === ELSE) {
      writer.otherwise()
      continue
    }
    openBlocks(outside[node]!)
    if (isLoopHeader(loops, node)) {
      writer.loop()
      push(node)
      schedule(END, node)
    }
    openBlocks(inside[node]!)
    writer.code(node)
    const successors = nodes[node]!.next
    if (isMultiway(flow, node)) {
      writer.choose(node, successors.map(level))
    } else if (successors.length === 1) {
      const to = successors[0]!
      if (isBranch(node, to)) writer.branch(level(to))
      else schedule(TREE, to)
    } else if (successors.length > 1) {
      const fall = successors[0]!
      const taken = successors[1]!
      ways[0] = isBranch(node, fall) ? level(fall) : -1
      ways[1] = isBranch(node, taken) ? level(taken) : -1
      if (writer.choose(node, ways)) {
        push(NO_TARGET)
        schedule(END, NO_TARGET)
        schedule(TREE, fall)
        schedule(ELSE, NO_TARGET)
        schedule(TREE, taken)
      } else if (ways[0] < 0) {
        schedule(TREE, fall)
      } else if (ways[1] < 0) {
        schedule(TREE, taken)
      }
    }
  }
}

/**
 * The outermost loop that a block lies in and one that it immediately dominates does not; -1 if there is none. Of loops that the
 * dominated one is not the header of itself, all contain its dominator too.
 */
function loopLeft(loops: Loops, jumps: Int32Array, dominator: number, node: number): number {
  const { depth, parent, loopOfBlock } = loops
  const own = loopOfBlock[node]!
  const around = own !== -1 && loops.header[own] === node ? parent[own]! : own
  const wanted = around === -1 ? 1 : depth[around]! + 1
  let loop = loopOfBlock[dominator]!
  if (loop === -1 || depth[loop]! < wanted) return -1
  while (depth[loop]! > wanted) {
    const jump = jumps[loop]!
    loop = jump !== -1 && depth[jump]! >= wanted ? jump : parent[loop]!
  }
  return loop
}

/** For each loop one further up, so far that any of the loops around it is found in a logarithmic number of steps. */
function ancestorJumps({ loopCount, parent, depth }: Loops): Int32Array {
  const jumps = new Int32Array(loopCount).fill(-1)
  const depthOf = (loop: number): number => (loop === -1 ? 0 : depth[loop]!)
  for (let loop = 0; loop < loopCount; loop++) {
    const up = parent[loop]!
    const first = up === -1 ? -1 : jumps[up]!
    const second = first === -1 ? -1 : jumps[first]!
    const even = up !== -1 && depthOf(up) - depthOf(first) === depthOf(first) - depthOf(second)
    jumps[loop] = even ? second : up
  }
  return jumps
}
