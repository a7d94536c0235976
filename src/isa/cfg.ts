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

/** What of a graph dominators and loops are found from; a compiler may bring one of its own. */
export type FlowGraph = Pick<
  Cfg,
  'blockCount' | 'successorStart' | 'successors' | 'predecessorStart' | 'predecessors' | 'live'
> & {
  readonly subprograms: readonly Pick<Subprogram, 'index' | 'firstBlock'>[]
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
  const scan = scanSlots(insns)
  const roots = [entry, ...(options.entries ?? [])]
  for (const root of roots) {
    if (!isPlace(scan, root)) {
      throw new AnybpfError('ERR_USAGE', `entry ${root} is not an instruction of a program of ${insns.length} slots`)
    }
  }
  const tables = distinctTables(insns, options.indirectTargets)
  const defects: CfgDefect[] = []

  const isEntry = new Uint8Array(insns.length)
  const isLeader = new Uint8Array(insns.length)
  for (const root of roots) isEntry[root] = 1
  markEntriesAndLeaders(scan, tables, isEntry, isLeader, defects)

  const cut = cutIntoBlocks(scan, isEntry, isLeader)
  const edges = connectBlocks(scan, tables, cut, defects)
  const live = markLiveBlocks(cut, edges)
  const { subprograms, callSteps } = describeSubprograms(scan, cut, live, roots)
  const predecessors = invertEdges(edges, live)

  if (options.work !== undefined) {
    options.work.steps += 4 * insns.length + 3 * cut.blockCount + 4 * edges.successors.length + callSteps
  }
  defects.sort((a, b) => a.slot - b.slot)
  return {
    insns,
    subprograms,
    main: subprograms[cut.subprogramOfBlock[cut.blockOfSlot[entry]!]!]!,
    blockCount: cut.blockCount,
    blockStart: cut.blockStart,
    blockOfSlot: cut.blockOfSlot,
    subprogramOfBlock: cut.subprogramOfBlock,
    weight: cut.weight,
    ...edges,
    ...predecessors,
    live,
    defects,
  }
}

/*
 * What the graph needs to know of a slot, in bits: instructions have many shapes, and looking at them again in each pass
 * costs more than all the rest.
 */
const SLOT_WIDE_TAIL = 1
const SLOT_ENDS_BLOCK = 2
const SLOT_FALLS_THROUGH = 4
const SLOT_JUMPS = 8
const SLOT_INDIRECT = 16
const SLOT_CALLS = 32
const SLOT_REFERS = 64
const SLOT_CALLX = 128
const SLOT_MENTIONS = SLOT_CALLS | SLOT_REFERS

interface SlotScan {
  /** The bits above. */
  readonly flags: Uint8Array
  /** Where a jump goes, or what a call or reference means. Not checked; may lie anywhere. */
  readonly target: Float64Array
}

function scanSlots(insns: readonly Instruction[]): SlotScan {
  const flags = new Uint8Array(insns.length)
  const target = new Float64Array(insns.length)
  for (let slot = 0; slot < insns.length; slot++) {
    const insn = insns[slot]!
    switch (insn.kind) {
      case 'jump':
      case 'may_goto':
        flags[slot] = SLOT_ENDS_BLOCK | SLOT_FALLS_THROUGH | SLOT_JUMPS
        target[slot] = slot + 1 + insn.off
        break
      case 'goto':
        flags[slot] = SLOT_ENDS_BLOCK | SLOT_JUMPS
        target[slot] = slot + 1 + insn.off
        break
      case 'goto_indirect':
        flags[slot] = SLOT_ENDS_BLOCK | SLOT_INDIRECT
        break
      case 'exit':
        flags[slot] = SLOT_ENDS_BLOCK
        break
      case 'wide_tail':
        flags[slot] = SLOT_WIDE_TAIL | SLOT_FALLS_THROUGH
        break
      case 'call':
        flags[slot] = SLOT_FALLS_THROUGH | (insn.target === 'local' ? SLOT_CALLS : 0)
        target[slot] = slot + 1 + insn.imm
        break
      case 'callx':
        flags[slot] = SLOT_FALLS_THROUGH | SLOT_CALLX
        break
      case 'lddw':
        flags[slot] = SLOT_FALLS_THROUGH | (insn.source === 'code_addr' ? SLOT_REFERS : 0)
        target[slot] = codeAddressTarget(slot, insn)
        break
      default:
        flags[slot] = SLOT_FALLS_THROUGH
    }
  }
  return { flags, target }
}

/** Whether control can go to a slot: it is in the program, and not the second slot of a wide instruction. */
function isPlace(scan: SlotScan, slot: number): boolean {
  const flags = scan.flags[slot]
  return flags !== undefined && (flags & SLOT_WIDE_TAIL) === 0
}

/** What is wrong with `target`, which is no place. */
function refusal(scan: SlotScan, slot: number, target: number): CfgDefect {
  return { kind: scan.flags[target] === undefined ? 'target_outside' : 'target_in_wide', slot, target }
}

type JumpTables = ReadonlyMap<number, readonly number[]>

/** The tables without repeated targets. Throws ERR_USAGE for a table at a slot that is no indirect jump. */
function distinctTables(insns: readonly Instruction[], tables: JumpTables = new Map()): JumpTables {
  const distinct = new Map<number, readonly number[]>()
  for (const [slot, table] of tables) {
    if (insns[slot]?.kind !== 'goto_indirect') {
      throw new AnybpfError('ERR_USAGE', `a jump table is given for slot ${slot}, which is no indirect jump`)
    }
    distinct.set(slot, [...new Set(table)])
  }
  return distinct
}

function markEntriesAndLeaders(
  scan: SlotScan,
  tables: JumpTables,
  isEntry: Uint8Array,
  isLeader: Uint8Array,
  defects: CfgDefect[],
): void {
  const { flags, target } = scan
  for (let slot = 0; slot < flags.length; slot++) {
    const what = flags[slot]!
    if ((what & SLOT_MENTIONS) !== 0) {
      if (isPlace(scan, target[slot]!)) isEntry[target[slot]!] = 1
      else defects.push(refusal(scan, slot, target[slot]!))
    }
    if ((what & SLOT_ENDS_BLOCK) === 0) continue
    if (slot + 1 < flags.length) isLeader[slot + 1] = 1
    if ((what & SLOT_JUMPS) !== 0 && isPlace(scan, target[slot]!)) isLeader[target[slot]!] = 1
  }
  for (const table of tables.values()) for (const place of table) if (isPlace(scan, place)) isLeader[place] = 1
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

function cutIntoBlocks(scan: SlotScan, isEntry: Uint8Array, isLeader: Uint8Array): BlockCut {
  const slots = isEntry.length
  let blockCount = 0
  for (let slot = 0; slot < slots; slot++) {
    if (slot === 0 || isEntry[slot] === 1 || isLeader[slot] === 1) blockCount++
  }
  const blockStart = new Int32Array(blockCount + 1)
  const subprogramOfBlock = new Int32Array(blockCount)
  const weight = new Int32Array(blockCount)
  const blockOfSlot = new Int32Array(slots)
  const entrySlots: number[] = []
  let block = -1
  for (let slot = 0; slot < slots; slot++) {
    if (isEntry[slot] === 1) entrySlots.push(slot)
    if (slot === 0 || isEntry[slot] === 1 || isLeader[slot] === 1) {
      blockStart[++block] = slot
      subprogramOfBlock[block] = entrySlots.length - 1
    }
    blockOfSlot[slot] = block
    if ((scan.flags[slot]! & SLOT_WIDE_TAIL) === 0) weight[block] = weight[block]! + 1
  }
  blockStart[blockCount] = slots
  return { blockCount, blockStart, blockOfSlot, subprogramOfBlock, weight, entrySlots }
}

interface Edges {
  readonly fallthrough: Int32Array
  readonly taken: Int32Array
  readonly successorStart: Int32Array
  readonly successors: Int32Array
}

function connectBlocks(scan: SlotScan, tables: JumpTables, cut: BlockCut, defects: CfgDefect[]): Edges {
  const { blockCount, blockStart, blockOfSlot, subprogramOfBlock } = cut
  const { flags } = scan
  let room = 2 * blockCount
  for (const table of tables.values()) room += table.length
  const fallthrough = new Int32Array(blockCount).fill(-1)
  const taken = new Int32Array(blockCount).fill(-1)
  const successorStart = new Int32Array(blockCount + 1)
  const successors = new Int32Array(room)
  let edges = 0

  /** Adds the edge from `block`, whose last instruction is at `slot`; answers -1 where there can be none. */
  const connect = (block: number, slot: number, target: number): number => {
    if (!isPlace(scan, target)) {
      defects.push(refusal(scan, slot, target))
      return -1
    }
    const next = blockOfSlot[target]!
    if (subprogramOfBlock[next] !== subprogramOfBlock[block]) {
      defects.push({ kind: 'leaves_subprogram', slot, target })
      return -1
    }
    successors[edges++] = next
    return next
  }

  for (let block = 0; block < blockCount; block++) {
    const end = blockStart[block + 1]!
    const wide = (flags[end - 1]! & SLOT_WIDE_TAIL) !== 0 && end - 1 > blockStart[block]!
    const slot = wide ? end - 2 : end - 1
    const what = flags[slot]!
    if ((what & SLOT_FALLS_THROUGH) !== 0) {
      if (end === flags.length) defects.push({ kind: 'falls_off_end', slot })
      else fallthrough[block] = connect(block, slot, end)
    }
    if ((what & SLOT_JUMPS) !== 0) taken[block] = connect(block, slot, scan.target[slot]!)
    if ((what & SLOT_INDIRECT) !== 0) {
      const table = tables.get(slot)
      if (table === undefined) defects.push({ kind: 'unknown_targets', slot })
      else for (const place of table) connect(block, slot, place)
    }
    successorStart[block + 1] = edges
  }
  return { fallthrough, taken, successorStart, successors: successors.slice(0, edges) }
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
  scan: SlotScan,
  cut: BlockCut,
  live: Uint8Array,
  roots: readonly number[],
): { subprograms: Subprogram[]; callSteps: number } {
  const { flags, target } = scan
  const { entrySlots, blockOfSlot, subprogramOfBlock } = cut
  const calls: CallSite[][] = entrySlots.map(() => [])
  const throughRegister = new Uint8Array(entrySlots.length)
  for (let slot = entrySlots[0]!; slot < flags.length; slot++) {
    const what = flags[slot]!
    if ((what & (SLOT_MENTIONS | SLOT_CALLX)) === 0) continue
    const index = subprogramOfBlock[blockOfSlot[slot]!]!
    if ((what & SLOT_CALLX) !== 0) throughRegister[index] = 1
    else if (isPlace(scan, target[slot]!)) {
      const kind = (what & SLOT_CALLS) !== 0 ? 'call' : 'reference'
      calls[index]!.push({ slot, kind, subprogram: subprogramOfBlock[blockOfSlot[target[slot]!]!]! })
    }
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
    const end = entrySlots[index + 1] ?? flags.length
    return {
      index,
      entry: slot,
      end,
      firstBlock: blockOfSlot[slot]!,
      endBlock: end === flags.length ? cut.blockCount : blockOfSlot[end]!,
      calls: calls[index]!,
      live: canRun[index] === 1,
      callsThroughRegister: throughRegister[index] === 1,
    }
  })
  return { subprograms, callSteps }
}

/** The predecessors of each block, from live ones only. */
export function invertEdges(
  edges: Pick<Cfg, 'successorStart' | 'successors'>,
  live: Uint8Array,
): { predecessorStart: Int32Array; predecessors: Int32Array } {
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
