/** The host's reading of an LRU table does not decide what stays in it; the host's writing does. */
import { describe, expect, it } from 'vitest'
import { BpfMap, LRU_HASH, LRU_PERCPU_HASH } from '../../src/maps/index.ts'
import { TestMachine } from './support.ts'

describe.each([
  ['lru_hash', LRU_HASH, (value: number) => BigInt(value)],
  ['lru_percpu_hash', LRU_PERCPU_HASH, (value: number) => [BigInt(value)]],
] as const)('%s', (_, type, shown) => {
  it('evicts the element that only the host has read since, and keeps the one that it wrote', () => {
    const machine = new TestMachine()
    const map = new BpfMap(machine.memory, machine.create(type, { maxEntries: 2 }))
    map.set(1, 10).set(2, 20)
    expect(map.get(1)).toEqual(shown(10))
    expect([...map.entries()].length).toBe(2)
    map.set(3, 30)
    expect([map.has(1), map.has(2), map.has(3)]).toEqual([false, true, true])
    map.set(2, 21)
    map.set(4, 40)
    expect([map.has(2), map.has(3), map.has(4)]).toEqual([true, false, true])
    expect(map.get(2)).toEqual(shown(21))
  })
})
