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
    const { regions } = shape.loops
    if (regions.length === 0) return shape
    addDispatchers(
      flow,
      regions.map(({ entries }) => entries),
      round,
    )
  }
  addDispatchers(flow, [Array.from(flow.nodes.keys()).slice(1)], MAX_ROUNDS)
  return shapeOf(flow)
}

/**
 * Leads every edge to an entry of a cycle through the cycle's dispatcher. Those of one round never meet; on the way to one of a
 * later round the choice of an earlier one may have been made, so each round has a local of its own. Each edge makes its choice
 * in a node of its own: one that edges from inside and from outside of the cycle shared would be another place to enter it.
 */
function addDispatchers(flow: Flow, cycles: readonly (readonly number[])[], local: number): void {
  const { nodes } = flow
  const first = nodes.length
  const choiceOf = new Map<number, { readonly dispatcher: number; readonly choice: number }>()
  for (const entries of cycles) {
    entries.forEach((entry, choice) => {
      choiceOf.set(entry, { dispatcher: nodes.length, choice })
    })
    nodes.push({ kind: 'dispatch', local, next: [...entries] })
  }
  const through = (next: number): number => {
    const found = choiceOf.get(next)
    if (found === undefined) return next
    return nodes.push({ kind: 'choose', local, choice: found.choice, next: [found.dispatcher] }) - 1
  }
  for (let i = 0; i < first; i++) {
    const node = nodes[i]!
    if (node.kind !== 'trap' && node.kind !== 'leave') node.next = node.next.map(through)
  }
}
