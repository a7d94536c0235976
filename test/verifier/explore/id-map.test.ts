/** Ids are compared up to their names: the map of old ids to current ones is one to one, whatever its size. */
import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../../src/util/random.ts'
import { IdMap } from '../../../src/verifier/explore/id-map.ts'
import { ADD_CONST_32, ADD_CONST_64 } from '../../../src/verifier/state.ts'
import { runs, SEED } from '../../support/runs.ts'

function cleared(lastId = 1000): IdMap {
  const ids = new IdMap()
  ids.clear(lastId)
  return ids
}

describe('pairs of ids', () => {
  it('agree with themselves, and exclude any other pair of either', () => {
    const ids = cleared()
    expect(ids.pair(1, 5)).toBe(true)
    expect(ids.pair(1, 5)).toBe(true)
    expect(ids.pair(1, 6)).toBe(false)
    expect(ids.pair(2, 5)).toBe(false)
    expect(ids.pair(5, 1)).toBe(true)
  })

  it('take no id for none only', () => {
    const ids = cleared()
    expect(ids.pair(0, 0)).toBe(true)
    expect(ids.pair(0, 3)).toBe(false)
    expect(ids.pair(3, 0)).toBe(false)
  })

  it('are forgotten when the map is cleared', () => {
    const ids = cleared()
    ids.pair(1, 5)
    ids.clear(1000)
    expect(ids.pair(1, 6)).toBe(true)
  })

  it('are those of two plain maps, also when there are thousands', () => {
    const random = new SeededRandom(SEED)
    const ids = new IdMap()
    for (let round = 0; round < runs(40); round++) {
      ids.clear(1 << 20)
      const forth = new Map<number, number>()
      const back = new Map<number, number>()
      const range = 1 + random.below(5000)
      for (let i = 0; i < 3000; i++) {
        const [old, cur] = [1 + random.below(range), 1 + random.below(range)]
        const expected = forth.has(old) ? forth.get(old) === cur : !back.has(cur)
        if (expected) {
          forth.set(old, cur)
          back.set(cur, old)
        }
        expect(ids.pair(old, cur), `round ${round}, pair ${i}`).toBe(expected)
      }
    }
  })
})

describe('pairs of ids of scalars', () => {
  it('ask nothing where the old one is linked to none', () => {
    const ids = cleared()
    expect(ids.pairScalars(0, 7)).toBe(true)
    expect(ids.pairScalars(0, 7)).toBe(true)
    expect(ids.pairScalars(3, 7)).toBe(true)
  })

  it('let one current scalar without id stand for an old id, not two', () => {
    const ids = cleared()
    expect(ids.pairScalars(3, 0)).toBe(true)
    expect(ids.pairScalars(3, 0)).toBe(false)
  })

  it('compare what scalars are at a distance from', () => {
    const ids = cleared()
    expect(ids.pairScalars(3, 7)).toBe(true)
    expect(ids.pairScalars(3 | ADD_CONST_64, 8 | ADD_CONST_64)).toBe(false)
    ids.clear(1000)
    expect(ids.pairScalars(3, 7)).toBe(true)
    expect(ids.pairScalars(3 | ADD_CONST_32, 7 | ADD_CONST_32)).toBe(true)
  })
})
