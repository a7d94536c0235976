/**
 * Pass: small innermost loops, several times in a row. V8 looks at every way back to a loop's header whether it has been asked to
 * stop; in a loop of a few instructions that costs more than the loop does.
 * @module
 */
import type { Instruction } from '../../isa/instruction.ts'
import type { CodeNode, Flow, FlowShape } from './flow.ts'

/** Copies of a loop, itself included. */
const COPIES = 4
/** Loops with more instructions stay as they are. */
const MAX_INSNS = 64
/** All copies together add no more than so many instructions to a function. */
const MAX_GROWTH = 4096

/** True if the flow was changed; its shape has to be found anew then. */
export function unrollLoops(insns: readonly Instruction[], flow: Flow, { loops }: FlowShape): boolean {
  if (loops.loopCount === 0) return false
  const members = new Map<number, number[]>()
  const hasInner = new Uint8Array(loops.loopCount)
  for (let loop = 0; loop < loops.loopCount; loop++) if (loops.parent[loop]! >= 0) hasInner[loops.parent[loop]!] = 1
  flow.nodes.forEach((_, node) => {
    const loop = loops.loopOfBlock[node]!
    if (loop < 0 || hasInner[loop] === 1) return
    const list = members.get(loop)
    if (list === undefined) members.set(loop, [node])
    else list.push(node)
  })
  let growth = 0
  for (const [loop, nodes] of members) {
    const size = sizeOf(insns, flow, nodes)
    if (size > MAX_INSNS || growth + size * (COPIES - 1) > MAX_GROWTH) continue
    growth += size * (COPIES - 1)
    copyLoop(flow, loops.header[loop]!, nodes)
  }
  return growth > 0
}

/** Instructions of a loop; Infinity if it is none to copy: a call costs more than the way back. */
function sizeOf(insns: readonly Instruction[], { nodes }: Flow, members: readonly number[]): number {
  let size = 0
  for (const member of members) {
    const node = nodes[member]!
    if (node.kind !== 'code') return Infinity
    size += node.end - node.start
    if (node.select !== undefined) {
      for (const way of [node.select.fall, node.select.taken]) if (way !== undefined) size += way.end - way.start
    }
    if (size > MAX_INSNS) return Infinity
    for (let slot = node.start; slot < node.end; slot++) {
      const { kind } = insns[slot]!
      if (kind === 'call' || kind === 'callx' || kind === 'goto_indirect') return Infinity
    }
  }
  return size
}

/** Each copy's way back leads to the next one, the last one's to the header. */
function copyLoop({ nodes }: Flow, header: number, members: readonly number[]): void {
  const maps = Array.from({ length: COPIES }, (_, copy) => {
    const base = nodes.length + (copy - 1) * members.length
    return new Map(members.map((member, i) => [member, copy === 0 ? member : base + i]))
  })
  const originals = members.map((member) => nodes[member] as CodeNode)
  const edges = originals.map(({ next }) => [...next])
  for (let copy = 0; copy < COPIES; copy++) {
    const own = maps[copy]!
    const following = maps[(copy + 1) % COPIES]!
    originals.forEach((original, i) => {
      const next = edges[i]!.map((to) => (to === header ? following.get(to)! : (own.get(to) ?? to)))
      if (copy === 0) original.next = next
      else nodes.push({ ...original, next })
    })
  }
}
