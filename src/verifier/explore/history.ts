/**
 * What a path writes down for precision tracking: jumps that were taken, instructions that touched a stack slot, and
 * registers that were refined together. Everything between two entries is a straight line.
 *
 * ```
 *   12  11  10  9      4 3     0
 * +---+---+---+--------+-------+
 * | R | L | A |  slot  | frame |   flags of an entry: A says that slot and frame mean something
 * +---+---+---+--------+-------+
 * ```
 * @module
 */
import type { Environment } from '../environment.ts'
import type { HistoryEntry, State } from '../state.ts'

const FRAME_MASK = 0xf
const SLOT_SHIFT = 4
const SLOT_MASK = 0x3f

/** The instruction read or wrote the slot that the entry names. */
export const STACK_ACCESS = 1 << 10
/** A comparison's left, right operand was a pointer to the stack: it has no precision. */
export const LEFT_IS_STACK = 1 << 11
export const RIGHT_IS_STACK = 1 << 12

/** Flags of an instruction that accesses this slot of this frame. */
export function stackAccess(frameno: number, slot: number): number {
  return STACK_ACCESS | (slot << SLOT_SHIFT) | frameno
}

export function accessedFrame(flags: number): number {
  return flags & FRAME_MASK
}

export function accessedSlot(flags: number): number {
  return (flags >>> SLOT_SHIFT) & SLOT_MASK
}

/** At most so many registers and slots that were refined together are written down. */
export const MAX_LINKED = 6
const IS_REGISTER = 1 << 10

/** An element of `HistoryEntry.linked`: a register. */
export function linkedRegister(frameno: number, regno: number): number {
  return IS_REGISTER | (regno << SLOT_SHIFT) | frameno
}

/** An element of `HistoryEntry.linked`: a stack slot. */
export function linkedSlot(frameno: number, slot: number): number {
  return (slot << SLOT_SHIFT) | frameno
}

export function isLinkedRegister(linked: number): boolean {
  return (linked & IS_REGISTER) !== 0
}

/** Number of the register or slot. */
export function linkedIndex(linked: number): number {
  return (linked >>> SLOT_SHIFT) & SLOT_MASK
}

export function linkedFrame(linked: number): number {
  return linked & FRAME_MASK
}

/**
 * Writes down the instruction at hand, `env.insn`, come from `env.previousInsn`. One instruction has one entry: what is
 * said of it later (a jump's target may access the stack) is added to it.
 */
export function pushHistory(
  env: Environment,
  state: State,
  flags: number,
  linked: readonly number[] | undefined,
): void {
  const { exploration } = env
  const { history } = state
  const processed = env.statistics.insnsProcessed
  const last = history.length - 1
  if (exploration.historyStamp === processed && exploration.historyOwner === state && last >= 0) {
    const entry = history[last]!
    history[last] = new Entry(entry.insn, entry.previous, entry.flags | flags, linked ?? entry.linked)
    return
  }
  exploration.historyStamp = processed
  exploration.historyOwner = state
  history.push(new Entry(env.insn, env.previousInsn, flags, linked))
}

class Entry implements HistoryEntry {
  readonly insn: number
  readonly previous: number
  readonly flags: number
  readonly linked: readonly number[] | undefined

  constructor(insn: number, previous: number, flags: number, linked: readonly number[] | undefined) {
    this.insn = insn
    this.previous = previous
    this.flags = flags
    this.linked = linked
  }
}
