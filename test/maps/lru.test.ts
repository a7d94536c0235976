import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BpfMap, type HostMapStore, LRU_HASH, LRU_PERCPU_HASH, type MapParameters } from '../../src/maps/index.ts'
import { EEXIST, EINVAL, ENOENT, ENOMEM } from '../../src/spec/errno.ts'
import { MAP_FLAG } from '../../src/spec/map-types.ts'
import { isAnybpfError, SeededRandom } from '../../src/util/index.ts'
import { LRU_BLOCK_BYTES, LRU_LIST, LRU_LOCK, MAP_COUNT } from '../../src/vm/guest-layout.ts'
import { runs, SEED } from '../support/runs.ts'
import { creationErrno, TestMachine } from './support.ts'

const ANY = 0
const NOEXIST = 1
const EXIST = 2
const TYPES = [LRU_HASH, LRU_PERCPU_HASH] as const

/** Keys that are there, sorted. */
function keysOf(machine: TestMachine, store: HostMapStore): number[] {
  const keys: number[] = []
  for (let key = 0; store.nextKey(key, machine.keyAt) === 0; key = machine.keyAt) {
    keys.push(machine.memory.view.getUint32(machine.keyAt, true))
  }
  return keys.sort((a, b) => a - b)
}

describe('creation', () => {
  const cases: [Partial<MapParameters>, unknown][] = [
    [{}, 'none'],
    [{ flags: MAP_FLAG.NO_PREALLOC }, 'ENOTSUPP'],
    [{ flags: MAP_FLAG.NO_PREALLOC, keySize: 0 }, 'ENOTSUPP'],
    [{ flags: MAP_FLAG.NO_COMMON_LRU }, 'none'],
    [{ flags: MAP_FLAG.NO_COMMON_LRU | MAP_FLAG.NUMA_NODE }, 'EINVAL'],
    [{ flags: MAP_FLAG.NO_COMMON_LRU | MAP_FLAG.NO_PREALLOC }, 'ENOTSUPP'],
    [{ flags: MAP_FLAG.ZERO_SEED | MAP_FLAG.RDONLY_PROG }, 'none'],
    [{ flags: MAP_FLAG.MMAPABLE }, 'EINVAL'],
    [{ keySize: 0 }, 'EINVAL'],
    [{ valueSize: 0 }, 'EINVAL'],
    [{ maxEntries: 0 }, 'EINVAL'],
    [{ keySize: 4 << 20 }, 'E2BIG'],
    [{ maxEntries: 2 ** 31, cpus: 2 }, 'none'],
  ]
  for (const definition of TYPES) {
    it.each(cases)(`of ${definition.spec.name} is answered as Linux does: %o`, (parameters, errno) => {
      expect(creationErrno(definition, parameters)).toBe(errno)
    })
  }

  it('takes a NUMA node for one copy of the values, and large values', () => {
    expect(creationErrno(LRU_HASH, { flags: MAP_FLAG.NUMA_NODE, valueSize: 32769 })).toBe('none')
    expect(creationErrno(LRU_PERCPU_HASH, { flags: MAP_FLAG.NUMA_NODE })).toBe('EINVAL')
    expect(creationErrno(LRU_PERCPU_HASH, { valueSize: 32769 })).toBe('E2BIG')
  })
})

describe('a full LRU map', () => {
  for (const definition of TYPES) {
    const create = (maxEntries = 3) => {
      const machine = new TestMachine()
      const store = machine.create(definition, { maxEntries, cpus: 2 })
      const set = (key: number, flags = ANY) => store.update(machine.key(key), machine.value(key), flags, 0)
      return { machine, store, set, keys: () => keysOf(machine, store) }
    }

    it(`${definition.spec.name} drops what was used longest ago`, () => {
      const { set, keys } = create()
      for (const key of [1, 2, 3, 4]) expect(set(key)).toBe(0)
      expect(keys()).toEqual([2, 3, 4])
    })

    it(`${definition.spec.name} counts lookups of programs and updates as use, not those of the host`, () => {
      const { machine, store, set, keys } = create()
      for (const key of [1, 2, 3]) set(key)
      expect(store.lookup(machine.key(1), 0)).not.toBe(0)
      set(2)
      expect(store.peek?.(machine.key(3), 1)).not.toBe(0)
      set(4)
      expect(keys()).toEqual([1, 2, 4])
      set(5)
      expect(keys()).toEqual([2, 4, 5])
      for (let i = 0; i < 3; i++) expect(keys()).toEqual([2, 4, 5])
      set(6)
      expect(keys()).toEqual([4, 5, 6])
    })

    it(`${definition.spec.name} drops nothing for what it refuses, or for a key that is there`, () => {
      const { machine, store, set, keys } = create()
      for (const key of [1, 2, 3]) set(key)
      expect(set(9, EXIST)).toBe(-ENOENT)
      expect(set(1, NOEXIST)).toBe(-EEXIST)
      expect(set(9, 3)).toBe(-EINVAL)
      expect(set(9, 4)).toBe(-EINVAL)
      expect(store.delete(machine.key(9))).toBe(-ENOENT)
      expect(keys()).toEqual([1, 2, 3])
      expect(set(1, EXIST)).toBe(0)
      expect(keys()).toEqual([1, 2, 3])
      // A refused update is no use.
      expect(set(2, NOEXIST)).toBe(-EEXIST)
      set(4)
      expect(keys()).toEqual([1, 3, 4])
      expect(store.delete(machine.key(3))).toBe(0)
      set(5)
      expect(keys()).toEqual([1, 4, 5])
      expect(store.size).toBe(3)
    })

    it(`${definition.spec.name} holds one element, if that is all it may`, () => {
      const { set, keys } = create(1)
      for (let key = 0; key < 100; key++) {
        expect(set(key)).toBe(0)
        expect(keys()).toEqual([key])
      }
    })

    it(`${definition.spec.name} covers values only, also of what was dropped`, () => {
      const { machine, store, set } = create()
      set(1)
      const value = store.lookup(machine.key(1), 0)
      for (const key of [2, 3, 4]) set(key)
      expect(store.lookup(machine.key(1), 0)).toBe(0)
      expect(machine.regions.find(value, 8)?.name).toBe('map m')
      // The links of the list lie before the value.
      for (const [offset, size] of [
        [-1, 1],
        [-16, 4],
        [-8, 8],
        [4, 8],
      ] as const) {
        expect(machine.regions.find(value + offset, size)).toBeUndefined()
      }
    })
  }

  it('puts a new value in the place of the old one, whose holder goes on seeing it', () => {
    const machine = new TestMachine()
    const store = machine.create(LRU_HASH, { maxEntries: 1 })
    store.update(machine.key(5), machine.value(1), ANY, 0)
    const old = store.lookup(machine.key(5), 0)
    store.update(machine.key(5), machine.value(2), ANY, 0)
    const young = store.lookup(machine.key(5), 0)
    expect([old, young].map((address) => machine.memory.view.getUint32(address, true))).toEqual([1, 2])
  })

  it('zeroes the copies of other CPUs when a slot is used again', () => {
    const machine = new TestMachine()
    const store = machine.create(LRU_PERCPU_HASH, { maxEntries: 1, cpus: 3 })
    for (let cpu = 0; cpu < 3; cpu++) store.update(machine.key(1), machine.value(7), ANY, cpu)
    store.update(machine.key(2), machine.value(9), ANY, 1)
    const copies = [0, 1, 2].map((cpu) => machine.memory.view.getUint32(store.lookup(machine.key(2), cpu), true))
    expect(copies).toEqual([0, 9, 0])
  })

  it('is walked by the host while it changes', () => {
    const machine = new TestMachine()
    const map = new BpfMap(machine.memory, machine.create(LRU_HASH, { maxEntries: 50 }))
    for (let key = 0; key < 100; key++) map.set(key, BigInt(key))
    const seen: unknown[] = []
    for (const [key] of map.entries()) {
      seen.push(key)
      map.delete(key)
    }
    expect(new Set(seen)).toEqual(new Set(Array.from({ length: 50 }, (_, i) => 50 + i)))
    expect(map.size).toBe(0)
  })

  it('says ENOMEM, and drops nothing, when memory ends before it is full', () => {
    const machine = new TestMachine({ limit: 1 << 20 })
    const store = machine.create(LRU_HASH, { maxEntries: 2 ** 20, valueSize: 512 })
    let stored = 0
    while (store.update(machine.key(stored), machine.value(stored), ANY, 0) === 0) stored++
    expect(store.update(machine.key(stored), machine.value(stored), ANY, 0)).toBe(-ENOMEM)
    expect(stored).toBeGreaterThan(1000)
    expect(store.size).toBe(stored)
    expect(store.peek?.(machine.key(0), 0)).not.toBe(0)
  })
})

describe('LRU maps behave as a list in the order of use', () => {
  const operation = fc.record({
    kind: fc.constantFrom('update', 'update', 'update', 'lookup', 'lookup', 'peek', 'delete', 'walk'),
    key: fc.nat(30),
    flags: fc.constantFrom(0, 0, 0, 0, 1, 2, 3),
    cpu: fc.nat(2),
  })
  const shapes = fc.record({
    keySize: fc.integer({ min: 4, max: 20 }),
    valueSize: fc.integer({ min: 1, max: 40 }),
    maxEntries: fc.integer({ min: 1, max: 20 }),
    cpus: fc.integer({ min: 1, max: 3 }),
    flags: fc.constantFrom(0, MAP_FLAG.NO_COMMON_LRU),
  })
  for (const definition of TYPES) {
    for (const shared of [false, true]) {
      it(`${definition.spec.name}${shared ? ' in shared memory, with locks' : ''}`, () => {
        const sequences = fc.array(operation, { maxLength: 120 })
        fc.assert(
          fc.property(shapes, sequences, fc.nat(), (parameters, operations, seed) => {
            const { valueSize, maxEntries } = parameters
            const cpus = definition === LRU_HASH ? 1 : parameters.cpus
            const machine = new TestMachine({ limit: 4 << 20, shared })
            const before = machine.memory.usedBytes
            const store = machine.create(definition, { ...parameters, cpus })
            const random = new SeededRandom(seed)
            // A Map keeps the order of insertion: the first key is the one used longest ago.
            const model = new Map<number, Uint8Array[]>()
            const use = (key: number, copies: Uint8Array[]): void => {
              model.delete(key)
              model.set(key, copies)
            }
            machine.memory.u8.fill(0, machine.keyAt, machine.keyAt + 32)
            for (const { kind, key, flags, cpu: at } of operations) {
              const cpu = at % cpus
              const known = model.get(key)
              if (kind === 'update') {
                const value = random.bytes(valueSize)
                const expected =
                  flags > 2 ? -EINVAL : known !== undefined ? (flags === 1 ? -EEXIST : 0) : flags === 2 ? -ENOENT : 0
                expect(store.update(machine.key(key), machine.value(value), flags, cpu)).toBe(expected)
                if (expected !== 0) continue
                const copies = known ?? Array.from({ length: cpus }, () => new Uint8Array(valueSize))
                copies[cpu] = value
                use(key, copies)
                const [oldest] = model.keys()
                if (model.size > maxEntries) model.delete(oldest!)
              } else if (kind === 'delete') {
                expect(store.delete(machine.key(key))).toBe(model.delete(key) ? 0 : -ENOENT)
              } else if (kind === 'walk') {
                expect(keysOf(machine, store)).toEqual([...model.keys()].sort((a, b) => a - b))
                expect(store.size).toBe(model.size)
              } else {
                const address =
                  kind === 'peek' ? store.peek!(machine.key(key), cpu) : store.lookup(machine.key(key), cpu)
                expect(address !== 0).toBe(known !== undefined)
                if (known === undefined) continue
                if (kind === 'lookup') use(key, known)
                expect(machine.memory.read(address, valueSize)).toEqual(known[cpu])
                expect(machine.regions.find(address, valueSize)).toBeDefined()
              }
            }
            expect(keysOf(machine, store)).toEqual([...model.keys()].sort((a, b) => a - b))
            store.dispose()
            expect(machine.memory.usedBytes).toBe(before)
          }),
          { numRuns: runs(2000), seed: SEED },
        )
      })
    }
  }

  it('with many elements, through growth of the table', () => {
    const machine = new TestMachine()
    const store = machine.create(LRU_HASH, { maxEntries: 5000 })
    const model = new Map<number, true>()
    const random = new SeededRandom(SEED)
    let wrong = 0
    for (let i = 0; i < 200_000; i++) {
      const key = random.below(8000)
      if (random.below(2) === 0) {
        const found = store.lookup(machine.key(key), 0) !== 0
        if (found !== model.delete(key)) wrong++
        if (found) model.set(key, true)
      } else {
        store.update(machine.key(key), machine.value(key), ANY, 0)
        model.delete(key)
        model.set(key, true)
        const [oldest] = model.keys()
        if (model.size > 5000) model.delete(oldest!)
      }
    }
    expect(wrong).toBe(0)
    expect(keysOf(machine, store)).toEqual([...model.keys()].sort((a, b) => a - b))
  })
})

describe('an LRU map whose metadata was overwritten', () => {
  const message = (action: () => unknown): string => {
    try {
      action()
    } catch (error) {
      if (isAnybpfError(error)) return `${error.code} ${error.message}`
      throw error
    }
    return 'none'
  }

  it('names the fault or answers something, and never hangs', () => {
    const writes = fc.array(fc.tuple(fc.nat(1200), fc.nat(255)), { minLength: 1, maxLength: 30 })
    const seen = new Set<string>()
    fc.assert(
      fc.property(fc.constantFrom(...TYPES), writes, (definition, places) => {
        const machine = new TestMachine({ limit: 1 << 20 })
        const store = machine.create(definition, { maxEntries: 40, cpus: 2 })
        for (let i = 0; i < 40; i++) store.update(machine.key(i), machine.value(i), ANY, 0)
        const value = store.lookup(machine.key(3), 0)
        for (const [at, byte] of places) {
          if (at < LRU_BLOCK_BYTES) machine.memory.u8[store.address + at] = byte
          else machine.memory.u8[value + (at - 950)] = byte
        }
        const calls: (() => unknown)[] = [
          () => store.lookup(machine.key(3), 0),
          () => store.update(machine.key(3), machine.value(1), ANY, 0),
          () => store.update(machine.key(99), machine.value(1), ANY, 0),
          () => store.update(machine.key(98), machine.value(1), ANY, 0),
          () => store.nextKey(machine.key(3), machine.valueAt),
          () => store.delete(machine.key(4)),
        ]
        for (const call of calls) seen.add(message(call).split(' ', 1)[0]!)
      }),
      { numRuns: runs(3000), seed: SEED },
    )
    expect([...seen].sort()).toEqual(['ERR_FAULT', 'none'])
  })

  it('names a list that leads to no element', () => {
    const machine = new TestMachine()
    const store = machine.create(LRU_HASH, { maxEntries: 2 })
    const { view } = machine.memory
    view.setUint32(store.address + MAP_COUNT, 2, true)
    expect(message(() => store.update(machine.key(1), machine.value(1), ANY, 0))).toMatch(
      /^ERR_FAULT the list of an LRU map is spoiled/,
    )
    view.setUint32(store.address + MAP_COUNT, 0, true)
    for (const key of [1, 2]) store.update(machine.key(key), machine.value(key), ANY, 0)
    const oldest = store.address + LRU_LIST + 4
    view.setUint32(oldest, view.getUint32(oldest, true) + 8, true)
    expect(message(() => store.update(machine.key(3), machine.value(3), ANY, 0))).toMatch(
      /^ERR_FAULT the list of an LRU map is spoiled/,
    )
  })

  it('stops waiting for a lock that nobody releases, and looks up without it', () => {
    const machine = new TestMachine({ shared: true })
    const store = machine.create(LRU_HASH)
    for (const key of [1, 2]) store.update(machine.key(key), machine.value(key), ANY, 0)
    machine.memory.view.setUint32(store.address + LRU_LOCK, 1, true)
    expect(store.lookup(machine.key(1), 0)).not.toBe(0)
    expect(message(() => store.update(machine.key(1), machine.value(1), ANY, 0))).toMatch(
      /^ERR_FAULT a lock was not released/,
    )
  })
})
