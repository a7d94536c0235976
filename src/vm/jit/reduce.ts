/**
 * Makes a flow reducible: a cycle that can be entered at several places gets a dispatcher, through which every edge to one of
 * these places goes from then on. Compilers seldom make such cycles; hostile programs do.
 * @see https://doi.org/10.1145/3547621
 * @module
 */
import { type Flow, type FlowShape, shapeOf } from './flow.ts'

/** Each round takes the outermost irreducible cycles; those nested deeper than this share one dispatcher for all. */
const MAX_ROUNDS = 4

/** The shape of the flow, which is reducible afterwards. */
export function makeReducible(flow: Flow): FlowShape {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const shape = shapeOf(flow)
    if (shape.loops.regions.length === 0) return shape
    for (const { entries } of shape.loops.regions) addDispatcher(flow, entries, round)
  }
  addDispatcher(flow, Array.from(flow.nodes.keys()).slice(1), MAX_ROUNDS)
  return shapeOf(flow)
}

/**
 * Leads every edge to one of `entries` through a dispatcher. Those of one round never meet; on the way to one of a later round the
 * choice of an earlier one may have been made, so each round has a local of its own. Each edge makes its choice in a node of its
 * own: one that edges from inside and from outside of the cycle shared would be another place to enter it.
 */
function addDispatcher(flow: Flow, entries: readonly number[], local: number): void {
  const { nodes } = flow
  const dispatcher = nodes.length
  const choiceOf = new Map(entries.map((entry, choice) => [entry, choice]))
  nodes.push({ kind: 'dispatch', local, next: [...entries] })
  const through = (next: number): number => {
    const choice = choiceOf.get(next)
    if (choice === undefined) return next
    return nodes.push({ kind: 'choose', local, choice, next: [dispatcher] }) - 1
  }
  for (let i = 0; i < dispatcher; i++) {
    const node = nodes[i]!
    if (node.kind !== 'trap') node.next = node.next.map(through)
  }
}
