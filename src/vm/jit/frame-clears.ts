/**
 * What of its frame a function has to clear when it is entered: what may be read before it is written.
 *
 * The verifier knows that byte by byte of memory that helpers are handed, in units of 8; of other programs, only accesses by r10
 * itself are understood.
 * @module
 */
import type { FrameFacts } from '../../isa/facts.ts'
import { scanFrames } from '../frame-scan.ts'
import type { LinkedProgram } from '../linked-program.ts'
import type { JitTarget } from './target.ts'

/** Bytes of a frame, counted from its lowest one; multiples of 8. */
export interface ByteRange {
  readonly from: number
  readonly to: number
}

/** Ascending, with gaps between them. */
export type FrameClear = readonly ByteRange[]

export const NOTHING_TO_CLEAR: FrameClear = []

const SLOT_BYTES = 8
const MASK_SLOTS = 32

/** For each function, by the slot of its entry. */
export function frameClears(
  program: LinkedProgram,
  entries: readonly number[],
  target: JitTarget,
): ReadonlyMap<number, FrameClear> {
  const { frameSize } = target
  const clears = new Map<number, FrameClear>()
  for (const [entry, bytes] of scanFrames(program.insns, entries, frameSize)) {
    clears.set(entry, bytes === 0 ? NOTHING_TO_CLEAR : [{ from: frameSize - bytes, to: frameSize }])
  }
  if (program.verified !== true || program.facts === undefined || readsAnywhere(program, target)) return clears
  for (const facts of program.facts.frames) {
    const scanned = clears.get(facts.entry)
    if (scanned !== undefined && scanned !== NOTHING_TO_CLEAR) clears.set(facts.entry, readFirst(facts, frameSize))
  }
  return clears
}

/** Whether anything that the program calls may read a frame without the verifier having seen a pointer to it. */
function readsAnywhere({ insns }: LinkedProgram, { helpers }: JitTarget): boolean {
  return insns.some((insn) => {
    if (insn.kind === 'callx') return true
    if (insn.kind !== 'call' || insn.target === 'local') return false
    return insn.target !== 'helper' || helpers.get(insn.imm)?.reads !== 'arguments'
  })
}

function readFirst({ readFirst: [low, high] }: FrameFacts, frameSize: number): FrameClear {
  const ranges: { from: number; to: number }[] = []
  for (let slot = 2 * MASK_SLOTS - 1; slot >= 0; slot--) {
    const mask = slot < MASK_SLOTS ? low : high
    if (((mask >>> (slot % MASK_SLOTS)) & 1) === 0) continue
    const from = frameSize - SLOT_BYTES * (slot + 1)
    const last = ranges.at(-1)
    if (last?.to === from) last.to += SLOT_BYTES
    else ranges.push({ from, to: from + SLOT_BYTES })
  }
  return ranges
}
