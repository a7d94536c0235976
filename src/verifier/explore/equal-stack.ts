/**
 * Whether the stack of an old frame covers that of a current one, slot by slot.
 * @module
 */
import type { Environment } from '../environment.ts'
import {
  type Frame,
  INVALID_SLOT,
  type PrecisionMarks,
  type Reg,
  SPILL_BYTES,
  type StackSlot,
  slotBytes,
  UNKNOWN_SCALAR,
} from '../state.ts'
import {
  SCALAR_VALUE,
  STACK_DYNPTR,
  STACK_INVALID,
  STACK_IRQ_FLAG,
  STACK_ITER,
  STACK_MISC,
  STACK_SPILL,
  STACK_ZERO,
} from '../types.ts'
import { coversReg, type Exactness, sameTarget } from './equal-registers.ts'
import type { IdMap } from './id-map.ts'

const MISC_BYTES = slotBytes(STACK_MISC)

/** What is safe with the old frame's stack is safe with the current one's. Gives the first slot where it is not, else -1. */
export function uncoveredSlot(
  env: Environment,
  ids: IdMap,
  old: Frame,
  cur: Frame,
  marks: PrecisionMarks | undefined,
  exactness: Exactness,
): number {
  const { length } = old.stack
  // As long as it is not known what of the stack matters, all of it does.
  const all = exactness !== 'not_exact'
  if (all && length > cur.stack.length) return length - 1
  for (let i = 0; i < length; i++) {
    if (!coversSlotAt(env, ids, old, cur, i, marks, exactness)) return i
  }
  return -1
}

/** The same for one slot. */
export function coversSlotAt(
  env: Environment,
  ids: IdMap,
  old: Frame,
  cur: Frame,
  i: number,
  marks: PrecisionMarks | undefined,
  exactness: Exactness,
): boolean {
  const slot = old.stack[i]!
  if (exactness !== 'not_exact' && slot.bytes !== cur.stack[i]?.bytes) return false
  if (slot === INVALID_SLOT) return true
  const mask = marks === undefined ? 0 : i < 32 ? marks.stackLow : marks.stackHigh
  const precise = !env.permissions.bpfCapable || env.options.strictPruning === true || ((mask >>> (i & 31)) & 1) !== 0
  return coversSlot(env, ids, slot, cur.stack[i], precise, exactness)
}

function coversSlot(
  env: Environment,
  ids: IdMap,
  old: StackSlot,
  cur: StackSlot | undefined,
  precise: boolean,
  exactness: Exactness,
): boolean {
  const anyBytes = env.permissions.allowUninitialisedStack
  if (isUnused(old.bytes, anyBytes)) return true
  if (cur === undefined) return false
  // A slot of which nothing is known is read as a scalar of which nothing is known.
  const oldScalar = scalarOf(old, anyBytes)
  if (oldScalar !== undefined) {
    const curScalar = scalarOf(cur, anyBytes)
    if (curScalar !== undefined) return coversReg(env, ids, oldScalar, curScalar, precise, exactness)
  }
  if (old.bytes !== cur.bytes && !coversBytes(old.bytes, cur.bytes, anyBytes)) return false
  switch (old.bytes & 0xf) {
    case STACK_SPILL:
      return coversReg(env, ids, old.reg, cur.reg, precise, exactness)
    case STACK_DYNPTR:
    case STACK_ITER:
    case STACK_IRQ_FLAG:
      return sameTarget(old.reg.target, cur.reg.target) && ids.pair(old.reg.refObjId, cur.reg.refObjId)
    default:
      return true
  }
}

/** No byte of the slot can have been read to any effect. */
function isUnused(bytes: number, anyBytes: boolean): boolean {
  if (bytes === 0 || (anyBytes && bytes === MISC_BYTES)) return true
  if (!anyBytes) return false
  for (let rest = bytes; rest !== 0; rest >>>= 4) {
    const kind = rest & 0xf
    if (kind !== STACK_INVALID && kind !== STACK_MISC) return false
  }
  return true
}

/** The scalar that a load of all eight bytes gives, if it gives one that is tracked or wholly unknown. */
function scalarOf(slot: StackSlot, anyBytes: boolean): Reg | undefined {
  if (slot.bytes === SPILL_BYTES) return slot.reg.type === SCALAR_VALUE ? slot.reg : undefined
  if (slot.bytes === MISC_BYTES || (anyBytes && isUnused(slot.bytes, true))) return UNKNOWN_SCALAR
  return undefined
}

function coversBytes(old: number, cur: number, anyBytes: boolean): boolean {
  for (let shift = 0; shift < 32; shift += 4) {
    const before = (old >>> shift) & 0xf
    const after = (cur >>> shift) & 0xf
    if (before === after || before === STACK_INVALID) continue
    if (before !== STACK_MISC || (after !== STACK_ZERO && !anyBytes)) return false
  }
  return true
}
