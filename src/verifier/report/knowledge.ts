/**
 * What is known before each instruction, over all the paths that come there: for listings that annotate a program.
 * @module
 */
import type { Scalar } from '../domain/scalar.ts'
import { signed64, unsigned64 } from '../memory/text.ts'
import type { VerifierObserver } from '../program.ts'
import type { Reg, State } from '../state.ts'
import { isPacketPointer, maybeNull, NOT_INIT, SCALAR_VALUE } from '../types.ts'
import { bytesText, numberText, targetText } from './words.ts'

const REGISTERS = 11
/** Different things that one register may hold at one instruction, before they are only counted. */
const MAX_KINDS = 3

/** Bounds of a number, or of a pointer's offset. */
interface Bounds {
  smin: bigint
  smax: bigint
  umin: bigint
  umax: bigint
}

/** One kind of thing that a register holds: numbers, or pointers to one target. */
interface Kind {
  /** Empty for numbers. */
  readonly target: string
  readonly bounds: Bounds
  /** Of packet pointers: bytes from the pointer's base that are there on all paths. */
  reach: number
}

interface Knowledge {
  /** What was seen last: most visits repeat it. */
  last: Reg | undefined
  kinds: Kind[]
  /** More kinds than are kept. */
  others: boolean
  /** Without a value on some path. */
  unset: boolean
}

/** Joins what the verifier knows at each visit of an instruction. Speculative paths do not count. */
export class KnowledgeRecorder implements VerifierObserver {
  private readonly slots: (Knowledge[] | undefined)[] = []
  private readonly counts: number[] = []

  onInsn(insn: number, state: State): void {
    if (state.speculative) return
    this.counts[insn] = (this.counts[insn] ?? 0) + 1
    let slot = this.slots[insn]
    if (slot === undefined) {
      slot = Array.from({ length: REGISTERS }, () => ({ last: undefined, kinds: [], others: false, unset: false }))
      this.slots[insn] = slot
    }
    const { regs } = state.frame
    for (let regno = 0; regno < REGISTERS; regno++) {
      const reg = regs[regno]!
      const known = slot[regno]!
      if (known.last !== reg) {
        known.last = reg
        join(known, reg)
      }
    }
  }

  /** How often the verifier came to an instruction. */
  visits(insn: number): number {
    return this.counts[insn] ?? 0
  }

  /** What a register holds before an instruction, in words; undefined if it was never reached, or has no value there. */
  known(insn: number, regno: number): string | undefined {
    const known = this.slots[insn]?.[regno]
    if (known === undefined || known.kinds.length === 0) return undefined
    const words = known.kinds.map(kindText)
    if (known.others) words.push('other things')
    if (known.unset) words.push('no value')
    return words.join(' or ')
  }
}

function join(known: Knowledge, reg: Reg): void {
  if (reg.type === NOT_INIT) {
    known.unset = true
    return
  }
  const target = reg.type === SCALAR_VALUE ? '' : `${targetText(reg)}${maybeNull(reg.type) ? ' or NULL' : ''}`
  const reach = isPacketPointer(reg.type) ? Math.max(0, reg.aux) : -1
  const bounds = boundsOf(reg.scalar, reg.type === SCALAR_VALUE ? 0 : reg.off)
  const kind = known.kinds.find((one) => one.target === target)
  if (kind !== undefined) {
    widen(kind.bounds, bounds)
    kind.reach = Math.min(kind.reach, reach)
  } else if (known.kinds.length < MAX_KINDS) known.kinds.push({ target, bounds, reach })
  else known.others = true
}

function boundsOf(scalar: Scalar, off: number): Bounds {
  const offset = BigInt(off)
  return {
    smin: signed64(scalar.sminLow, scalar.sminHigh) + offset,
    smax: signed64(scalar.smaxLow, scalar.smaxHigh) + offset,
    umin: unsigned64(scalar.uminLow, scalar.uminHigh) + offset,
    umax: unsigned64(scalar.umaxLow, scalar.umaxHigh) + offset,
  }
}

function widen(bounds: Bounds, other: Bounds): void {
  if (other.smin < bounds.smin) bounds.smin = other.smin
  if (other.smax > bounds.smax) bounds.smax = other.smax
  if (other.umin < bounds.umin) bounds.umin = other.umin
  if (other.umax > bounds.umax) bounds.umax = other.umax
}

/** A bound beyond this is none. */
const VAST = 1n << 61n

function boundsText({ smin, smax, umin, umax }: Bounds): string {
  if (smin === smax) return numberText(smin)
  if (umin >= 0n && umax <= VAST)
    return umax === 0xffffffffn && umin === 0n ? 'any u32' : `${numberText(umin)}..${numberText(umax)}`
  if (smin >= -VAST && smax <= VAST) return `${numberText(smin)}..${numberText(smax)}`
  if (smin >= -VAST) return `${numberText(smin)}..`
  return smax <= VAST ? `..${numberText(smax)}` : 'any number'
}

function kindText({ target, bounds, reach }: Kind): string {
  if (target === '') return boundsText(bounds)
  const { smin, smax } = bounds
  const there = reach > 0 ? `, ${bytesText(reach)} there` : ''
  if (smin === smax) return `${target}${smin === 0n ? '' : smin < 0n ? ` - ${-smin}` : ` + ${smin}`}${there}`
  return `${target} + (${boundsText(bounds)})${there}`
}
