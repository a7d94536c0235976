/**
 * Cuts a flow into pieces, each of which becomes a WebAssembly function: engines bound the size of one, and the time for it
 * grows faster than its size.
 *
 * A piece is a run of blocks in the order of the program. It is entered at the nodes that others lead to; what leads out of it
 * goes to its one `leave` node, with the number of where to go on. Cuts lie where the fewest edges cross.
 * @module
 */
import type { Instruction } from '../../isa/instruction.ts'
import type { CodeNode, Flow, FlowNode } from './flow.ts'

/** Numbers of locals besides those of the dispatchers of irreducible cycles: where a piece is entered, where to go on behind it. */
export const ENTRY_CHOICE = 5
export const NEXT_CHOICE = 6

/** The number of a place: the piece, and which of its entries. */
export const PLACE_BITS = 16
/** Entries of a piece, for engines bound the number of targets in a table too. */
const MAX_ENTRIES = 65000

export interface SplitFlow {
  /** Of each, node 0 is the entry: of several, it goes on to the one that {@link ENTRY_CHOICE} says. */
  readonly pieces: readonly Flow[]
  /** The numbers of the places of the nodes that were asked for. */
  readonly places: readonly number[]
}

/** `limit`: about how many instructions a piece may have. The flow is used up. */
export function splitFlow(
  insns: readonly Instruction[],
  flow: Flow,
  entries: readonly number[],
  limit: number,
): SplitFlow {
  const nodes = shortNodes(insns, flow, limit)
  const order = Array.from(nodes.keys()).sort((a, b) => placeOf(nodes[a]!) - placeOf(nodes[b]!))
  const pieceOf = assignPieces(nodes, order, limit)
  const count = pieceOf[order[order.length - 1]!]! + 1
  const members: number[][] = Array.from({ length: count }, () => [])
  for (const node of order) members[pieceOf[node]!]!.push(node)
  // Nodes that control comes to from elsewhere, by piece.
  const entered = new Uint8Array(nodes.length)
  for (const node of entries) entered[node] = 1
  nodes.forEach(({ next }, node) => {
    for (const to of next) if (pieceOf[to] !== pieceOf[node]) entered[to] = 1
  })
  const numberOf = new Int32Array(nodes.length).fill(-1)
  const entriesOf = members.map((list, piece) => {
    const found = list.filter((node) => entered[node] === 1)
    found.forEach((node, entry) => {
      numberOf[node] = piece * 2 ** PLACE_BITS + entry
    })
    return found
  })
  const pieces = members.map((list, piece) => pieceFlow(nodes, list, entriesOf[piece]!, numberOf))
  return { pieces, places: entries.map((node) => numberOf[node]!) }
}

function pieceFlow(
  all: readonly FlowNode[],
  members: readonly number[],
  entries: readonly number[],
  numberOf: Int32Array,
): Flow {
  const [first] = entries
  const several = entries.length > 1
  const order = several ? members : [first!, ...members.filter((node) => node !== first)]
  const nodes: FlowNode[] = []
  const place = new Map<number, number>()
  order.forEach((node, i) => {
    place.set(node, several ? i + 1 : i)
  })
  if (several) nodes.push({ kind: 'dispatch', local: ENTRY_CHOICE, next: entries.map((node) => place.get(node)!) })
  for (const node of order) nodes.push(all[node]!)
  const last = nodes.length
  const leave = { kind: 'leave', next: [] } as const
  /** Where the way to each node of another piece begins. */
  const ways = new Map<number, number>()
  const lead = (to: number): number => {
    const inside = place.get(to) ?? ways.get(to)
    if (inside !== undefined) return inside
    if (ways.size === 0) nodes.push(leave)
    const way = nodes.push({ kind: 'choose', local: NEXT_CHOICE, choice: numberOf[to]!, next: [last] }) - 1
    ways.set(to, way)
    return way
  }
  for (let i = several ? 1 : 0; i < last; i++) {
    const node = nodes[i]!
    if (node.kind === 'code') node.next = node.next.map(lead)
  }
  return { nodes }
}

/** The nodes of a flow, those that are longer than a piece in several, so that every cut can be between two. */
function shortNodes(insns: readonly Instruction[], { nodes }: Flow, limit: number): FlowNode[] {
  const result = [...nodes]
  const most = Math.max(1, limit - 1)
  nodes.forEach((whole, i) => {
    if (whole.kind !== 'code' || whole.end - whole.start <= most) return
    let at = i
    let rest: CodeNode = whole
    while (rest.end - rest.start > most) {
      let cut = rest.start + most
      if (insns[cut]!.kind === 'wide_tail') cut++
      if (cut >= rest.end) break
      const last = insns[cut - 1]!.kind === 'wide_tail' ? cut - 2 : cut - 1
      const following = result.length
      result[at] = { ...rest, end: cut, last, indirect: false, next: [following] }
      // The whole block was charged when it was entered.
      rest = { ...rest, start: cut, weight: 0 }
      at = following
      result.push(rest)
    }
  })
  return result
}

function placeOf(node: FlowNode): number {
  return node.kind === 'code' ? node.start : node.kind === 'trap' ? node.slot : 0
}

/** The piece of each node. */
function assignPieces(nodes: readonly FlowNode[], order: readonly number[], limit: number): Int32Array {
  const position = new Int32Array(nodes.length)
  order.forEach((node, i) => {
    position[node] = i
  })
  // How many edges cross the border before each position.
  const crossing = new Int32Array(nodes.length + 1)
  nodes.forEach(({ next }, node) => {
    for (const to of next) {
      const a = position[node]!
      const b = position[to]!
      crossing[Math.min(a, b) + 1]!++
      crossing[Math.max(a, b) + 1]!--
    }
  })
  for (let i = 1; i <= nodes.length; i++) crossing[i]! += crossing[i - 1]!
  const pieceOf = new Int32Array(nodes.length)
  let piece = 0
  for (let start = 0; start < order.length; ) {
    const end = endOfPiece(nodes, order, crossing, start, limit)
    for (let i = start; i < end; i++) pieceOf[order[i]!] = piece
    piece++
    start = end
  }
  return pieceOf
}

/** Where a piece that begins at `start` ends: in the last quarter of what it may have, where the fewest edges cross. */
function endOfPiece(
  nodes: readonly FlowNode[],
  order: readonly number[],
  crossing: Int32Array,
  start: number,
  limit: number,
): number {
  let best = start + 1
  let weight = 0
  for (let i = start; i < order.length; i++) {
    const node = nodes[order[i]!]!
    weight += node.kind === 'code' ? node.end - node.start + 1 : 1
    if (i > start && (weight > limit || i - start >= MAX_ENTRIES)) return best
    if (weight <= 0.75 * limit || crossing[i + 1]! <= crossing[best]!) best = i + 1
  }
  return order.length
}
