/**
 * Programs for the tests of the control-flow analyses, and slow, obvious oracles to compare with.
 * @module
 */
import type { Cfg } from '../../src/isa/cfg.ts'
import type { Instruction } from '../../src/isa/instruction.ts'
import type { SeededRandom } from '../../src/util/random.ts'

export const NOP: Instruction = { kind: 'alu', op: 'mov', width: 64, dst: 0, src: { imm: 0 } }
export const EXIT: Instruction = { kind: 'exit' }
export const TAIL: Instruction = { kind: 'wide_tail' }
export const goto = (off: number, wide = false): Instruction => ({ kind: 'goto', wide, off })
export const branch = (off: number): Instruction => ({
  kind: 'jump',
  op: 'eq',
  width: 64,
  dst: 1,
  src: { imm: 0 },
  off,
})
export const mayGoto = (off: number): Instruction => ({ kind: 'may_goto', off })
export const gotox: Instruction = { kind: 'goto_indirect', dst: 1 }
export const callLocal = (imm: number): Instruction => ({ kind: 'call', target: 'local', imm, off: 0 })
export const funcRef = (imm: number): Instruction => ({ kind: 'lddw', source: 'code_addr', dst: 1, imm, imm2: 0 })

/** Edges as slots of first instructions, `from>to`, in the order of the graph. */
export function edgesOf(cfg: Cfg): string[] {
  const out: string[] = []
  for (let block = 0; block < cfg.blockCount; block++) {
    for (let edge = cfg.successorStart[block]!; edge < cfg.successorStart[block + 1]!; edge++) {
      out.push(`${cfg.blockStart[block]}>${cfg.blockStart[cfg.successors[edge]!]}`)
    }
  }
  return out
}

export function successorsOf(cfg: Cfg, block: number): number[] {
  return [...cfg.successors.subarray(cfg.successorStart[block], cfg.successorStart[block + 1])]
}

/** A program whose jumps go anywhere, some of them where they must not. */
export function randomProgram(
  random: SeededRandom,
  maxSlots: number,
): { insns: Instruction[]; tables: Map<number, number[]> } {
  const length = random.between(1, maxSlots)
  const insns: Instruction[] = []
  const tables = new Map<number, number[]>()
  // Targets lie inside nearly always: what lies outside is dropped from the graph, and leaves less to test.
  const off = (): number => random.below(length + (random.below(20) === 0 ? 3 : 0)) - insns.length - 1
  while (insns.length < length) {
    switch (random.below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
        insns.push(branch(off()))
        break
      case 4:
        insns.push(goto(off(), random.below(2) === 0))
        break
      case 5:
        insns.push(mayGoto(off()))
        break
      case 6:
        insns.push(random.below(3) === 0 ? EXIT : NOP)
        break
      case 7:
        if (random.below(4) === 0) insns.push(callLocal(off()))
        else insns.push(NOP)
        break
      case 8:
        if (insns.length + 1 < length)
          insns.push(random.below(4) === 0 ? funcRef(off()) : ({ ...funcRef(0), source: 'imm64' } as Instruction), TAIL)
        break
      case 9:
        if (random.below(3) !== 0)
          tables.set(
            insns.length,
            Array.from({ length: random.below(4) }, () => random.below(length)),
          )
        insns.push(gotox)
        break
      default:
        insns.push(NOP)
    }
  }
  return { insns, tables }
}

/** Blocks that can be reached from `from` without passing `without`. */
export function reachableFrom(cfg: Cfg, from: number, without = -1): Set<number> {
  const seen = new Set<number>()
  const pending = from === without ? [] : [from]
  for (let block = pending.pop(); block !== undefined; block = pending.pop()) {
    if (seen.has(block)) continue
    seen.add(block)
    for (const next of successorsOf(cfg, block)) if (next !== without) pending.push(next)
  }
  return seen
}

/** `a` dominates `b` if, `a` taken away, `b` is out of reach: the definition itself. */
export function dominatesByDefinition(cfg: Cfg, a: number, b: number): boolean {
  if (cfg.live[a] === 0 || cfg.live[b] === 0 || cfg.subprogramOfBlock[a] !== cfg.subprogramOfBlock[b]) return false
  const entry = cfg.subprograms[cfg.subprogramOfBlock[b]!]!.firstBlock
  return a === b || !reachableFrom(cfg, entry, a).has(b)
}

/** Whether a subprogram's graph collapses to one node by the transformations T1 (drop self-loops) and T2 (merge into a single predecessor). */
export function collapses(cfg: Cfg, entry: number): boolean {
  const successors = new Map<number, Set<number>>()
  for (const block of reachableFrom(cfg, entry)) successors.set(block, new Set(successorsOf(cfg, block)))
  for (let changed = true; changed; ) {
    changed = false
    for (const [block, next] of successors) changed = next.delete(block) || changed
    for (const block of [...successors.keys()]) {
      if (block === entry) continue
      const from = [...successors].filter(([, next]) => next.has(block))
      if (from.length !== 1) continue
      const [into, next] = from[0]!
      next.delete(block)
      for (const target of successors.get(block)!) next.add(target)
      successors.delete(block)
      successors.get(into)!.delete(into)
      changed = true
    }
  }
  return successors.size === 1
}
