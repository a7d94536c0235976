/**
 * Loops without a bound of their own (callbacks, iterators, may_goto): from one round to the next, a scalar that
 * changes and that nobody needs exactly is taken to be anything, so that the loop soon brings nothing new.
 * @module
 */
import type { Environment } from '../environment.ts'
import { type PrecisionMarks, type Reg, StackSlot, type State, UNKNOWN_SCALAR } from '../state.ts'
import { SCALAR_VALUE } from '../types.ts'
import { sameReg } from './equal-registers.ts'
import type { IdMap } from './id-map.ts'

/** The checkpoint at `insn` that this path came through last, if it came through one with the same chain of calls. */
export function findPreviousEntry(env: Environment, state: State, insn: number): State | undefined {
  const { exploration } = env
  let one = exploration.lists[exploration.listOf(insn, state.frame.callsite)]
  for (; one !== undefined; one = one.nextInList) {
    if (one.insn === insn && one.branches > 0 && one.dfsDepth < state.dfsDepth && sameCallSites(one, state)) return one
  }
  return undefined
}

export function sameCallSites(a: State, b: State): boolean {
  if (a.frames.length !== b.frames.length) return false
  for (let i = 0; i < a.frames.length; i++) {
    if (a.frames[i]!.callsite !== b.frames[i]!.callsite) return false
  }
  return true
}

/** Forgets, in `cur`, scalars that differ from the same ones in `old` and are not marked precise there. */
export function widenImpreciseScalars(env: Environment, old: State, cur: State): void {
  const { ids } = env.exploration
  ids.clear(env.idCounter)
  for (let frameno = old.curframe; frameno >= 0; frameno--) {
    const before = old.frames[frameno]!
    const now = cur.frames[frameno]!
    const marks = old.precise?.[frameno]
    for (let regno = 0; regno < 10; regno++) {
      if (marks !== undefined && (marks.regs & (1 << regno)) !== 0) continue
      if (mustWiden(ids, before.regs[regno]!, now.regs[regno]!)) cur.writable(frameno).regs[regno] = UNKNOWN_SCALAR
    }
    const slots = Math.min(before.stack.length, now.stack.length)
    for (let spi = 0; spi < slots; spi++) {
      const slot = now.stack[spi]!
      if (!slot.isSpill || !before.stack[spi]!.isSpill || isPreciseSlot(marks, spi)) continue
      if (mustWiden(ids, before.stack[spi]!.reg, slot.reg)) {
        cur.writable(frameno).stack[spi] = new StackSlot(slot.bytes, UNKNOWN_SCALAR)
      }
    }
  }
}

function isPreciseSlot(marks: PrecisionMarks | undefined, spi: number): boolean {
  if (marks === undefined) return false
  return ((spi < 32 ? marks.stackLow : marks.stackHigh) & (1 << (spi & 31))) !== 0
}

/** Scalars that are the same have to be linked to the same others as well. */
function mustWiden(ids: IdMap, old: Reg, cur: Reg): boolean {
  if (old.type !== SCALAR_VALUE || cur.type !== SCALAR_VALUE) return false
  return !sameReg(old, cur) || !ids.pair(old.id, cur.id)
}
