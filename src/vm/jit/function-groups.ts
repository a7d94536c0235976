/**
 * Which code belongs to which function.
 *
 * A function is whatever can be reached from its entry. Where control crosses into the range of another one, or an entry lies in the
 * middle of another's code (only programs that nobody verified do that), functions share code: they are compiled as one flow
 * with several entries, so that no program's code is more than its instructions, however many entries lead into them.
 * @module
 */
import { type Cfg, jumpTarget, lastSlot } from '../../isa/cfg.ts'
import type { CodeNode, Flow, FlowNode } from './flow.ts'
import { type Traits, traitsOf } from './traits.ts'

/** Functions that share code; most groups are one function. */
export interface FunctionGroup {
  readonly flow: Flow
  /** The node of each function's first instruction, by its slot; the first one's is node 0. */
  readonly entries: ReadonlyMap<number, number>
}

/** The functions that begin at `entries`, each of which has to be the first slot of a block. Takes linear time. */
export function functionGroups(
  cfg: Cfg,
  entries: readonly number[],
  indirectTargets: ReadonlyMap<number, readonly number[]>,
  traits: Traits,
): FunctionGroup[] {
  const nodes: FlowNode[] = []
  const nodeOfBlock = new Int32Array(cfg.blockCount).fill(-1)
  const pending: number[] = []
  /** Number of the entry from which a node was first reached. */
  const owner: number[] = []
  // Union-find: entries that share code lead to the first of them.
  const leader = entries.map((_, i) => i)
  const find = (entry: number): number => {
    let x = entry
    while (leader[x] !== x) {
      leader[x] = leader[leader[x]!]!
      x = leader[x]!
    }
    return x
  }

  const nodeAt = (slot: number, from: number, entry: number): number => {
    const block = slot >= 0 && slot < cfg.insns.length ? cfg.blockOfSlot[slot]! : -1
    // A jump into the second slot of a wide instruction does not lead to the first slot of any block.
    if (block < 0 || cfg.blockStart[block] !== slot || cfg.insns[slot]!.kind === 'wide_tail') {
      owner.push(entry)
      return nodes.push({ kind: 'trap', slot: from, next: [] }) - 1
    }
    const known = nodeOfBlock[block]!
    if (known >= 0) {
      const a = find(owner[known]!)
      const b = find(entry)
      leader[Math.max(a, b)] = Math.min(a, b)
      return known
    }
    const end = cfg.blockStart[block + 1]!
    const last = lastSlot(cfg, block)
    const indirect = cfg.insns[last]!.kind === 'goto_indirect'
    const node = nodes.length
    nodes.push({
      kind: 'code',
      start: slot,
      end,
      last,
      weight: cfg.weight[block]!,
      indirect,
      traits: traitsOf(traits, slot, end),
      select: undefined,
      next: [],
    })
    owner.push(entry)
    nodeOfBlock[block] = node
    pending.push(node)
    return node
  }

  const entryNodes = entries.map((slot, entry) => {
    const first = nodeAt(slot, slot, entry)
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      const node = nodes[at] as CodeNode
      const insn = cfg.insns[node.last]!
      const target = jumpTarget(node.last, insn)
      if (insn.kind === 'exit') continue
      if (insn.kind === 'goto_indirect') {
        for (const to of new Set(indirectTargets.get(node.last) ?? [])) node.next.push(nodeAt(to, node.last, entry))
        continue
      }
      // Control that falls off the end is the fault of the last slot, whatever lies in it.
      if (insn.kind !== 'goto') {
        node.next.push(nodeAt(node.end, Math.min(node.end, cfg.insns.length) - 1, entry))
      }
      if (target !== undefined) node.next.push(nodeAt(target, node.last, entry))
    }
    return first
  })

  if (entries.length === 1) return [{ flow: { nodes }, entries: new Map([[entries[0]!, entryNodes[0]!]]) }]
  const groups = new Map<number, { flow: { nodes: FlowNode[] }; entries: Map<number, number> }>()
  const place: number[] = []
  nodes.forEach((node, i) => {
    const root = find(owner[i]!)
    let group = groups.get(root)
    if (group === undefined) {
      group = { flow: { nodes: [] }, entries: new Map() }
      groups.set(root, group)
    }
    place.push(group.flow.nodes.push(node) - 1)
  })
  for (const node of nodes) if (node.kind === 'code') node.next = node.next.map((to) => place[to]!)
  entries.forEach((slot, entry) => {
    groups.get(find(entry))!.entries.set(slot, place[entryNodes[entry]!]!)
  })
  return [...groups.values()]
}
