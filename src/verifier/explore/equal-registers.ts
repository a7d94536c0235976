/**
 * Whether a register of an old state covers one of the current state.
 * @module
 */
import { isWithin, sameScalar } from '../domain/compare.ts'
import type { Environment } from '../environment.ts'
import { ADD_CONST, type Reg, type RegTarget } from '../state.ts'
import {
  baseType,
  NOT_INIT,
  PTR_TO_ARENA,
  PTR_TO_BUF,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_TP_BUFFER,
  SCALAR_VALUE,
} from '../types.ts'
import type { IdMap } from './id-map.ts'

export type Exactness = 'not_exact' | 'exact' | 'range_within'

/** What is safe with `old` is safe with `cur`. `precise`: something depends on the value of `old`. */
export function coversReg(
  env: Environment,
  ids: IdMap,
  old: Reg,
  cur: Reg,
  precise: boolean,
  exactness: Exactness,
): boolean {
  if (exactness === 'exact') return sameReg(old, cur) && pairIds(ids, old, cur)
  // What was not there cannot have been used.
  if (old.type === NOT_INIT) return true
  if (old.type !== cur.type) return false
  switch (baseType(old.type)) {
    case SCALAR_VALUE:
      if (env.exploreAluLimits) return sameReg(old, cur) && ids.pairScalars(old.id, cur.id)
      return (!precise && exactness === 'not_exact') || coversScalar(ids, old, cur)
    case PTR_TO_MAP_KEY:
    case PTR_TO_MAP_VALUE:
    case PTR_TO_MEM:
    case PTR_TO_BUF:
    case PTR_TO_TP_BUFFER:
      return (
        old.off === cur.off &&
        old.aux === cur.aux &&
        sameMemory(old, cur) &&
        isWithin(cur.scalar, old.scalar) &&
        pairIds(ids, old, cur)
      )
    case PTR_TO_PACKET_META:
    case PTR_TO_PACKET:
      // More of the packet may be known to be there, not less; comparisons that failed are not ordered.
      if (old.aux > cur.aux || (old.aux < 0 && old.aux !== cur.aux)) return false
      return old.off === cur.off && ids.pair(old.id, cur.id) && isWithin(cur.scalar, old.scalar)
    case PTR_TO_ARENA:
      return true
    default:
      return sameReg(old, cur) && pairIds(ids, old, cur)
  }
}

function coversScalar(ids: IdMap, old: Reg, cur: Reg): boolean {
  if (old.id !== 0) {
    // Links at a distance refine otherwise than links of equals.
    if (((old.id ^ cur.id) & ADD_CONST) !== 0) return false
    if ((old.id & ADD_CONST) !== 0 && old.off !== cur.off) return false
    if (!ids.pairScalars(old.id, cur.id)) return false
  }
  return old.scalar === cur.scalar || isWithin(cur.scalar, old.scalar)
}

function pairIds(ids: IdMap, old: Reg, cur: Reg): boolean {
  return ids.pair(old.id, cur.id) && ids.pair(old.refObjId, cur.refObjId)
}

/** Both are the same but for their ids. */
export function sameReg(a: Reg, b: Reg): boolean {
  return (
    a === b ||
    (a.type === b.type &&
      a.off === b.off &&
      a.aux === b.aux &&
      (a.scalar === b.scalar || sameScalar(a.scalar, b.scalar)) &&
      sameTarget(a.target, b.target))
  )
}

/** A slice of a dynptr goes when that one does, not when another one of its kind does: there it has to be the same. */
function sameMemory(old: Reg, cur: Reg): boolean {
  return isDynptrSlice(old) ? old.target === cur.target : sameTarget(old.target, cur.target)
}

function isDynptrSlice({ target }: Reg): boolean {
  return target !== undefined && 'kind' in target && target.kind === 'dynptr'
}

/** Maps are the same if they are one; what describes a type or a slot, if it says the same. */
export function sameTarget(a: RegTarget | undefined, b: RegTarget | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined || !('kind' in a) || !('kind' in b)) return false
  switch (a.kind) {
    case 'btf':
      return b.kind === 'btf' && a.btf === b.btf && a.id === b.id
    case 'dynptr':
      return b.kind === 'dynptr' && a.dynptr === b.dynptr && a.readOnly === b.readOnly && a.first === b.first
    case 'iterator':
      return b.kind === 'iterator' && a.type === b.type && a.state === b.state && a.rcu === b.rcu
    case 'irq':
      return b.kind === 'irq' && a.save === b.save
  }
}
