/**
 * The control-flow graph: subprograms, basic blocks and the edges between them, in flat arrays.
 *
 * A program is cut twice. Its *subprograms* are contiguous ranges of slots, each from one entry up to the next (as the
 * kernel cuts them); entries are the targets of local calls (RFC 9669, section 4.3.2), of function references
 * (`lddw` code_addr, section 5.4), and what the caller names. Its *blocks* are runs of instructions that are entered
 * only at the first and left only at the last. Every slot lies in exactly one block, dead code included; calls do not
 * end a block.
 *
 * Edges stay inside a subprogram. What cannot be an edge (a jump out of the program, into the second slot of an
 * `lddw`, into another subprogram, a fall off the end, an indirect jump without a table) is listed in
 * {@link Cfg.defects}, so that the graph of any input is well formed and its consumers decide what to refuse.
 *
 * Time and memory are linear in the number of slots plus the entries of the jump tables; nothing recurses.
 * @see https://www.rfc-editor.org/rfc/rfc9669#section-4.3
 * @module
 */
import { AnybpfError } from '../util/errors.ts'
import type { Instruction, LddwInsn } from './instruction.ts'

/** Counts the steps of an analysis; lets a test bound the work instead of the time. */
export interface WorkCounter {
  steps: number
}

export interface CfgOptions {
  /** Further entries of subprograms: functions that only data refers to (a table of function pointers). */
  readonly entries?: readonly number[]
  /** Target slots of each `goto_indirect`, by the slot of the jump; one that is missing has unknown targets. */
  readonly indirectTargets?: ReadonlyMap<number, readonly number[]>
  readonly work?: WorkCounter
}

/** One mention of a subprogram: a local call, or an `lddw` that takes its address (a callback, a function pointer). */
export interface CallSite {
  readonly slot: number
  readonly kind: 'call' | 'reference'
  /** Index of the subprogram that is meant. */
  readonly subprogram: number
}

export interface Subprogram {
  readonly index: number
  /** Slot of the first instruction. */
  readonly entry: number
  /** The slot after the last: the range is [entry, end). */
  readonly end: number
  /** Its blocks are [firstBlock, endBlock); the first is the entry block. */
  readonly firstBlock: number
  readonly endBlock: number
  /** Mentions of other subprograms, and of itself, in slot order. */
  readonly calls: readonly CallSite[]
  /** Whether it can run: it is a root, or reachable code of a subprogram that can run mentions it. */
  readonly live: boolean
  /** Whether it contains a `callx`, whose callee the graph does not know. */
  readonly callsThroughRegister: boolean
}

/** Why an instruction has fewer successors (or callees) than it says. */
export type CfgDefectKind =
  | 'target_outside' // a jump or call to a slot that the program does not have
  | 'target_in_wide' // a jump or call to the second slot of a wide instruction
  | 'leaves_subprogram' // a jump, or a fall, into the range of another subprogram
  | 'falls_off_end' // the last instruction neither jumps nor exits
  | 'unknown_targets' // an indirect jump without a jump table

export interface CfgDefect {
  readonly kind: CfgDefectKind
  /** Slot of the instruction that is at fault. */
  readonly slot: number
  /** The slot it names, where it names one. */
  readonly target?: number
}

/**
 * The graph. Blocks are numbered in slot order; arrays named after a block are indexed by it. The successors of block
 * `b` are `successors[successorStart[b]]` up to `successors[successorStart[b + 1]]` (exclusive), and likewise the
 * predecessors; the index into `successors` is the number of the edge.
 */
export interface Cfg {
  readonly insns: readonly Instruction[]
  readonly subprograms: readonly Subprogram[]
  /** The subprogram that starts at the entry that was given to {@link buildCfg}. */
  readonly main: Subprogram
  readonly blockCount: number
  /** First slot of each block; one element more than blocks, so that block `b` is [blockStart[b], blockStart[b + 1]). */
  readonly blockStart: Int32Array
  /** Block of each slot. */
  readonly blockOfSlot: Int32Array
  /** Index of each block's subprogram; -1 for code before the first entry. */
  readonly subprogramOfBlock: Int32Array
  /** Instructions in each block; a wide one counts once. */
  readonly weight: Int32Array
  /** 1 if the block can be reached from the entry of its subprogram. */
  readonly live: Uint8Array
  /** Where control goes when the block's last instruction does not jump; -1 if it always does. */
  readonly fallthrough: Int32Array
  /** Where `jump`, `goto` or `may_goto` goes; -1 if the block does not end in one. May equal `fallthrough`. */
  readonly taken: Int32Array
  readonly successorStart: Int32Array
  /** Fall-through first, then the jump's target, then the distinct targets of a jump table. Dead blocks have them too. */
  readonly successors: Int32Array
  readonly predecessorStart: Int32Array
  /** From live blocks only, so that dead code makes no join. A block that jumps to where it falls appears twice. */
  readonly predecessors: Int32Array
  readonly defects: readonly CfgDefect[]
}

/** The slot that a function reference names: relative, as a branch's target is, to the slot after the first. */
export function codeAddressTarget(slot: number, insn: LddwInsn): number {
  return slot + 1 + insn.imm
}

/** The slot that an instruction jumps to; undefined for those that do not jump, or not to one known place. */
export function jumpTarget(slot: number, insn: Instruction): number | undefined {
  return insn.kind === 'jump' || insn.kind === 'goto' || insn.kind === 'may_goto' ? slot + 1 + insn.off : undefined
}

/** Whether an instruction ends its block. */
export function endsBlock(insn: Instruction): boolean {
  switch (insn.kind) {
    case 'jump':
    case 'goto':
    case 'may_goto':
    case 'goto_indirect':
    case 'exit':
      return true
    default:
      return false
  }
}

/** Whether control can go from an instruction to the one after it. */
export function fallsThrough(insn: Instruction): boolean {
  return insn.kind !== 'goto' && insn.kind !== 'goto_indirect' && insn.kind !== 'exit'
}

/** The last instruction's slot of a block (of a wide instruction: its first slot). */
export function lastSlot(cfg: Cfg, block: number): number {
  const start = cfg.blockStart[block]!
  const last = cfg.blockStart[block + 1]! - 1
  return last > start && cfg.insns[last]!.kind === 'wide_tail' ? last - 1 : last
}

/** Live edges into a block, the entry into its subprogram counted as one. With two or more, states join there. */
export function entryCount(cfg: Cfg, block: number): number {
  if (cfg.live[block] === 0) return 0
  const subprogram = cfg.subprograms[cfg.subprogramOfBlock[block]!]!
  const edges = cfg.predecessorStart[block + 1]! - cfg.predecessorStart[block]!
  return subprogram.firstBlock === block ? edges + 1 : edges
}

/**
 * Builds the graph of a program, given by slots. `entry` is the slot at which it starts.
 * Throws `ERR_USAGE` if an entry or the place of a jump table is not an instruction of the program.
 */
export function buildCfg(insns: readonly Instruction[], entry = 0, options: CfgOptions = {}): Cfg {
  const roots = [entry, ...(options.entries ?? [])]
  for (const root of roots) {
    if (!isInstructionAt(insns, root)) {
      throw new AnybpfError('ERR_USAGE', `entry ${root} is not an instruction of a program of ${insns.length} slots`)
    }
  }
  const defects: CfgDefect[] = []
  const targets = new Targets(insns, defects, options.indirectTargets ?? new Map())

  const isEntry = new Uint8Array(insns.length)
  const isLeader = new Uint8Array(insns.length)
  for (const root of roots) isEntry[root] = 1
  markEntriesAndLeaders(insns, targets, isEntry, isLeader)

  const cut = cutIntoBlocks(insns, isEntry, isLeader)
  const edges = connectBlocks(insns, targets, cut)
  const live = markLiveBlocks(cut, edges)
  const { subprograms, callSteps } = describeSubprograms(insns, targets, cut, live, roots)
  const predecessors = invertEdges(edges, live)

  if (options.work !== undefined) {
    options.work.steps += 3 * insns.length + 3 * cut.blockCount + 4 * edges.successors.length + callSteps
  }
  defects.sort((a, b) => a.slot - b.slot)
  return {
    insns,
    subprograms,
    main: subprograms[cut.subprogramOfBlock[cut.blockOfSlot[entry]!]!]!,
    ...cut,
    ...edges,
    ...predecessors,
    live,
    defects,
  }
}

function isInstructionAt(insns: readonly Instruction[], slot: number): boolean {
  const insn = insns[slot]
  return insn !== undefined && insn.kind !== 'wide_tail'
}

/** Where instructions point to, checked once; every defect is recorded at the first asking. */
class Targets {
  private readonly insns: readonly Instruction[]
  private readonly defects: CfgDefect[]
  private readonly tables = new Map<number, readonly number[]>()

  constructor(
    insns: readonly Instruction[],
    defects: CfgDefect[],
    indirectTargets: ReadonlyMap<number, readonly number[]>,
  ) {
    this.insns = insns
    this.defects = defects
    for (const [slot, table] of indirectTargets) {
      if (insns[slot]?.kind !== 'goto_indirect') {
        throw new AnybpfError('ERR_USAGE', `a jump table is given for slot ${slot}, which is no indirect jump`)
      }
      this.tables.set(slot, [...new Set(table)])
    }
  }

  /** The distinct targets of the indirect jump at `slot`, as its table has them. */
  table(slot: number): readonly number[] {
    return this.tables.get(slot) ?? []
  }

  isKnown(slot: number): boolean {
    return this.tables.has(slot)
  }

  isValid(target: number): boolean {
    return isInstructionAt(this.insns, target)
  }

  /** Records why `target`, named at `slot`, is no place to go to. */
  refuse(slot: number, target: number): void {
    this.add(this.insns[target] === undefined ? 'target_outside' : 'target_in_wide', slot, target)
  }

  add(kind: CfgDefectKind, slot: number, target?: number): void {
    this.defects.push(target === undefined ? { kind, slot } : { kind, slot, target })
  }

  /** The slot of the subprogram that the instruction mentions; undefined if none. */
  mention(slot: number): number | undefined {
    const insn = this.insns[slot]!
    if (insn.kind === 'call' && insn.target === 'local') return slot + 1 + insn.imm
    if (insn.kind === 'lddw' && insn.source === 'code_addr') return codeAddressTarget(slot, insn)
    return undefined
  }
}

function markEntriesAndLeaders(
  insns: readonly Instruction[],
  targets: Targets,
  isEntry: Uint8Array,
  isLeader: Uint8Array,
): void {
  for (let slot = 0; slot < insns.length; slot++) {
    const insn = insns[slot]!
    const mentioned = targets.mention(slot)
    if (mentioned !== undefined) {
      if (targets.isValid(mentioned)) isEntry[mentioned] = 1
      else targets.refuse(slot, mentioned)
    }
    if (!endsBlock(insn)) continue
    if (slot + 1 < insns.length) isLeader[slot + 1] = 1
    const target = jumpTarget(slot, insn)
    if (target !== undefined && targets.isValid(target)) isLeader[target] = 1
    for (const place of targets.table(slot)) if (targets.isValid(place)) isLeader[place] = 1
  }
}

interface BlockCut {
  readonly blockCount: number
  readonly blockStart: Int32Array
  readonly blockOfSlot: Int32Array
  readonly subprogramOfBlock: Int32Array
  readonly weight: Int32Array
  /** Slots of the entries of subprograms, ascending. */
  readonly entrySlots: readonly number[]
}

function cutIntoBlocks(insns: readonly Instruction[], isEntry: Uint8Array, isLeader: Uint8Array): BlockCut {
  const starts: number[] = []
  const subprogramOf: number[] = []
  const weights: number[] = []
  const entrySlots: number[] = []
  const blockOfSlot = new Int32Array(insns.length)
  for (let slot = 0; slot < insns.length; slot++) {
    if (isEntry[slot] === 1) entrySlots.push(slot)
    if (slot === 0 || isEntry[slot] === 1 || isLeader[slot] === 1) {
      starts.push(slot)
      subprogramOf.push(entrySlots.length - 1)
      weights.push(0)
    }
    const block = starts.length - 1
    blockOfSlot[slot] = block
    if (insns[slot]!.kind !== 'wide_tail') weights[block] = weights[block]! + 1
  }
  return {
    blockCount: starts.length,
    blockStart: Int32Array.from([...starts, insns.length]),
    blockOfSlot,
    subprogramOfBlock: Int32Array.from(subprogramOf),
    weight: Int32Array.from(weights),
    entrySlots,
  }
}

interface Edges {
  readonly fallthrough: Int32Array
  readonly taken: Int32Array
  readonly successorStart: Int32Array
  readonly successors: Int32Array
}

function connectBlocks(insns: readonly Instruction[], targets: Targets, cut: BlockCut): Edges {
  const { blockCount, blockStart, blockOfSlot, subprogramOfBlock } = cut
  const fallthrough = new Int32Array(blockCount).fill(-1)
  const taken = new Int32Array(blockCount).fill(-1)
  const successorStart = new Int32Array(blockCount + 1)
  const successors: number[] = []
  for (let block = 0; block < blockCount; block++) {
    const end = blockStart[block + 1]!
    const wide = insns[end - 1]!.kind === 'wide_tail' && end - 1 > blockStart[block]!
    const slot = wide ? end - 2 : end - 1
    const insn = insns[slot]!
    const connect = (target: number): number => {
      if (!targets.isValid(target)) {
        targets.refuse(slot, target)
        return -1
      }
      const next = blockOfSlot[target]!
      if (subprogramOfBlock[next] !== subprogramOfBlock[block]) {
        targets.add('leaves_subprogram', slot, target)
        return -1
      }
      successors.push(next)
      return next
    }

    if (fallsThrough(insn)) {
      if (end === insns.length) targets.add('falls_off_end', slot)
      else fallthrough[block] = connect(end)
    }
    const target = jumpTarget(slot, insn)
    if (target !== undefined) taken[block] = connect(target)
    if (insn.kind === 'goto_indirect') {
      if (!targets.isKnown(slot)) targets.add('unknown_targets', slot)
      for (const place of targets.table(slot)) connect(place)
    }
    successorStart[block + 1] = successors.length
  }
  return { fallthrough, taken, successorStart, successors: Int32Array.from(successors) }
}

function markLiveBlocks(cut: BlockCut, edges: Edges): Uint8Array {
  const live = new Uint8Array(cut.blockCount)
  const stack: number[] = []
  for (const slot of cut.entrySlots) {
    const block = cut.blockOfSlot[slot]!
    live[block] = 1
    stack.push(block)
  }
  for (let block = stack.pop(); block !== undefined; block = stack.pop()) {
    for (let edge = edges.successorStart[block]!; edge < edges.successorStart[block + 1]!; edge++) {
      const next = edges.successors[edge]!
      if (live[next] === 1) continue
      live[next] = 1
      stack.push(next)
    }
  }
  return live
}

function describeSubprograms(
  insns: readonly Instruction[],
  targets: Targets,
  cut: BlockCut,
  live: Uint8Array,
  roots: readonly number[],
): { subprograms: Subprogram[]; callSteps: number } {
  const { entrySlots, blockOfSlot, subprogramOfBlock } = cut
  const calls: CallSite[][] = entrySlots.map(() => [])
  const throughRegister = new Uint8Array(entrySlots.length)
  for (let slot = entrySlots[0]!; slot < insns.length; slot++) {
    const index = subprogramOfBlock[blockOfSlot[slot]!]!
    const insn = insns[slot]!
    if (insn.kind === 'callx') throughRegister[index] = 1
    const mentioned = targets.mention(slot)
    if (mentioned === undefined || !targets.isValid(mentioned)) continue
    const kind = insn.kind === 'call' ? 'call' : 'reference'
    calls[index]!.push({ slot, kind, subprogram: subprogramOfBlock[blockOfSlot[mentioned]!]! })
  }

  const canRun = new Uint8Array(entrySlots.length)
  const stack: number[] = []
  let callSteps = 0
  const reach = (index: number): void => {
    callSteps++
    if (canRun[index] === 1) return
    canRun[index] = 1
    stack.push(index)
  }
  for (const root of roots) reach(subprogramOfBlock[blockOfSlot[root]!]!)
  for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
    for (const call of calls[index]!) if (live[blockOfSlot[call.slot]!] === 1) reach(call.subprogram)
  }

  const subprograms = entrySlots.map((slot, index) => {
    const end = entrySlots[index + 1] ?? insns.length
    return {
      index,
      entry: slot,
      end,
      firstBlock: blockOfSlot[slot]!,
      endBlock: end === insns.length ? cut.blockCount : blockOfSlot[end]!,
      calls: calls[index]!,
      live: canRun[index] === 1,
      callsThroughRegister: throughRegister[index] === 1,
    }
  })
  return { subprograms, callSteps }
}

function invertEdges(edges: Edges, live: Uint8Array): { predecessorStart: Int32Array; predecessors: Int32Array } {
  const { successorStart, successors } = edges
  const blockCount = live.length
  const predecessorStart = new Int32Array(blockCount + 1)
  for (let block = 0; block < blockCount; block++) {
    if (live[block] === 0) continue
    for (let edge = successorStart[block]!; edge < successorStart[block + 1]!; edge++) {
      const slot = successors[edge]! + 1
      predecessorStart[slot] = predecessorStart[slot]! + 1
    }
  }
  for (let block = 0; block < blockCount; block++) {
    predecessorStart[block + 1] = predecessorStart[block + 1]! + predecessorStart[block]!
  }
  const predecessors = new Int32Array(predecessorStart[blockCount]!)
  const cursor = predecessorStart.slice(0, blockCount)
  for (let block = 0; block < blockCount; block++) {
    if (live[block] === 0) continue
    for (let edge = successorStart[block]!; edge < successorStart[block + 1]!; edge++) {
      const next = successors[edge]!
      predecessors[cursor[next]!] = block
      cursor[next] = cursor[next]! + 1
    }
  }
  return { predecessorStart, predecessors }
}
