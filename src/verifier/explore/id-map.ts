/**
 * Which ids of one state stand for which ids of another. Ids only say what is linked to what, so two states are alike
 * if their ids can be renamed into each other, one to one.
 * @module
 */
import { ADD_CONST } from '../state.ts'

const FIRST_SIZE = 256

/**
 * A one-to-one map of ids, cleared in no time: entries carry the number of the comparison that made them. A hash table
 * in both directions, because states with hundreds of ids are compared thousands of times.
 */
export class IdMap {
  private mask = FIRST_SIZE - 1
  private round = 1
  private count = 0
  private nextTemporary = 0
  private oldIds = new Int32Array(FIRST_SIZE)
  private partners = new Int32Array(FIRST_SIZE)
  private oldRounds = new Int32Array(FIRST_SIZE)
  private curIds = new Int32Array(FIRST_SIZE)
  private curRounds = new Int32Array(FIRST_SIZE)

  /** Forgets all pairs. `lastId`: ids above it are free. */
  clear(lastId: number): void {
    this.count = 0
    this.nextTemporary = lastId
    if (++this.round === 0x7fffffff) {
      this.oldRounds.fill(0)
      this.curRounds.fill(0)
      this.round = 1
    }
  }

  /** `old` can stand for `cur`; from now on it does. Zero, no id, stands for zero only. */
  pair(old: number, cur: number): boolean {
    if (old === 0 || cur === 0) return old === cur
    const { mask, round, oldIds, oldRounds, curIds, curRounds } = this
    let at = hash(old) & mask
    while (oldRounds[at] === round) {
      if (oldIds[at] === old) return this.partners[at] === cur
      at = (at + 1) & mask
    }
    let curAt = hash(cur) & mask
    while (curRounds[curAt] === round) {
      if (curIds[curAt] === cur) return false
      curAt = (curAt + 1) & mask
    }
    oldIds[at] = old
    oldRounds[at] = round
    this.partners[at] = cur
    curIds[curAt] = cur
    curRounds[curAt] = round
    if (++this.count * 2 > mask) this.grow()
    return true
  }

  /**
   * The same for the ids of scalars. A scalar of the old state without id relied on no link, so any will do; a scalar of
   * the current state without id is linked to none, so no two of them may stand for one old id. With `ADD_CONST`, what
   * the scalars are at a distance from has to agree as well.
   */
  pairScalars(old: number, cur: number): boolean {
    if (old === 0) return true
    const partner = cur === 0 ? ++this.nextTemporary : cur
    if (!this.pair(old, partner)) return false
    return (old & ADD_CONST) === 0 || this.pair(old & ~ADD_CONST, partner & ~ADD_CONST)
  }

  private grow(): void {
    const { oldIds, partners, oldRounds, round } = this
    const size = (this.mask + 1) * 2
    this.mask = size - 1
    this.oldIds = new Int32Array(size)
    this.partners = new Int32Array(size)
    this.oldRounds = new Int32Array(size)
    this.curIds = new Int32Array(size)
    this.curRounds = new Int32Array(size)
    this.round = 1
    this.count = 0
    for (let i = 0; i < oldIds.length; i++) if (oldRounds[i] === round) this.pair(oldIds[i]!, partners[i]!)
  }
}

/** Ids are handed out in order: multiplication spreads them, and keeps neighbours apart. */
function hash(id: number): number {
  return Math.imul(id, 0x9e3779b1) >>> 16
}
