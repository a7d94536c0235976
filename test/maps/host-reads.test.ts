/** What the host reads: without deciding what stays in an LRU table, of the CPU that it names, and of keys that are there. */
import { describe, expect, it } from 'vitest'
import { BpfMap, HASH, LPM_TRIE, LRU_HASH, LRU_PERCPU_HASH, PERCPU_ARRAY, PERCPU_HASH } from '../../src/maps/index.ts'
import { codeOf, TestMachine } from './support.ts'

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

describe('the bytes of a value', () => {
  it.each([HASH, LRU_HASH])('of which there is one are the same for each CPU: $spec.name', (type) => {
    const machine = new TestMachine()
    const map = new BpfMap(machine.memory, machine.create(type)).set(1, 10).set(2, 20)
    expect(map.getBytes(1, 1)).toEqual(map.getBytes(1))
  })

  it.each([PERCPU_ARRAY, PERCPU_HASH, LRU_PERCPU_HASH])('of a CPU that has none are not read: $spec.name', (type) => {
    const machine = new TestMachine()
    const map = new BpfMap(machine.memory, machine.create(type, { cpus: 2 })).set(1, [10, 20])
    expect(map.getBytes(1, 1)?.[0]).toBe(20)
    for (const cpu of [2, -1, 0.5, Number.NaN]) expect(codeOf(() => map.getBytes(1, cpu))).toBe('ERR_USAGE')
  })
})

describe('a walk through a trie', () => {
  const prefix = (length: number, ...data: number[]) => Uint8Array.of(length, 0, 0, 0, ...data)

  it('leaves out a prefix that was deleted meanwhile, though a shorter one has a value for it', () => {
    const machine = new TestMachine()
    const map = new BpfMap(machine.memory, machine.create(LPM_TRIE, { keySize: 8, flags: 1 }))
    const middle = prefix(8, 10, 0, 0, 0)
    map
      .set(prefix(0, 0, 0, 0, 0), 1)
      .set(middle, 2)
      .set(prefix(16, 10, 1, 0, 0), 3)
    const values: unknown[] = []
    for (const [, value] of map.entries()) {
      values.push(value)
      map.delete(middle)
    }
    expect(values).toEqual([3n, 1n])
  })

  it('is full with as many prefixes as it may hold, and says so', () => {
    const machine = new TestMachine()
    const map = new BpfMap(machine.memory, machine.create(LPM_TRIE, { keySize: 8, flags: 1, maxEntries: 1 }))
    map.set(prefix(8, 10, 0, 0, 0), 1)
    expect(() => map.set(prefix(8, 11, 0, 0, 0), 1)).toThrow('ENOSPC (it is full: 1 entries)')
  })
})
