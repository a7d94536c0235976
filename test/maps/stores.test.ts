import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ARRAY,
  ARRAY_OF_MAPS,
  BUILTIN_MAP_TYPES,
  type EventStore,
  HASH,
  HASH_OF_MAPS,
  type MapParameters,
  type MapTypeDefinition,
  PERCPU_ARRAY,
  PERCPU_HASH,
  PERF_EVENT_ARRAY,
  PROG_ARRAY,
  RINGBUF,
} from '../../src/maps/index.ts'
import { E2BIG, EAGAIN, EBADF, EEXIST, EINVAL, ENOENT, ENOSPC, EOPNOTSUPP } from '../../src/spec/errno.ts'
import { LINUX_MAP_TYPES, MAP_FLAG } from '../../src/spec/map-types.ts'
import { HEAP_BASE, HEAP_LAST, MAP_KEY_SIZE, MAP_KIND, MAP_MAX_ENTRIES } from '../../src/vm/guest-layout.ts'
import type { ExecutableProgram } from '../../src/vm/machine.ts'
import type { PerfEventStore, ProgramArrayStore, RingBufferStore } from '../../src/vm/stores.ts'
import { runs, SEED } from '../support/runs.ts'
import { codeOf, creationErrno, TestMachine } from './support.ts'

const ANY = 0
const NOEXIST = 1
const EXIST = 2
const MIB = 1 << 20

describe('creation', () => {
  const refused: [MapTypeDefinition, Partial<MapParameters>, unknown][] = [
    [ARRAY, {}, 'none'],
    [ARRAY, { keySize: 8 }, 'EINVAL'],
    [ARRAY, { maxEntries: 0 }, 'EINVAL'],
    [ARRAY, { valueSize: 0 }, 'EINVAL'],
    [ARRAY, { valueSize: 2 ** 31 }, 'E2BIG'],
    [ARRAY, { flags: MAP_FLAG.NO_PREALLOC }, 'EINVAL'],
    [ARRAY, { flags: MAP_FLAG.MMAPABLE | MAP_FLAG.RDONLY_PROG }, 'none'],
    [ARRAY, { flags: MAP_FLAG.RDONLY_PROG | MAP_FLAG.WRONLY_PROG }, 'EINVAL'],
    [ARRAY, { valueSize: MIB, maxEntries: 4096 }, 'ERR_NO_MEMORY'],
    [ARRAY, { valueSize: 2 ** 30, maxEntries: 2 ** 32 - 1 }, 'ERR_NO_MEMORY'],
    [PERCPU_ARRAY, { cpus: 4 }, 'none'],
    [PERCPU_ARRAY, { valueSize: 32769 }, 'E2BIG'],
    [PERCPU_ARRAY, { flags: MAP_FLAG.MMAPABLE }, 'EINVAL'],
    [PERCPU_ARRAY, { flags: MAP_FLAG.NUMA_NODE }, 'EINVAL'],
    [HASH, {}, 'none'],
    [HASH, { flags: MAP_FLAG.NO_PREALLOC }, 'none'],
    [HASH, { keySize: 0 }, 'EINVAL'],
    [HASH, { valueSize: 0 }, 'EINVAL'],
    [HASH, { maxEntries: 0 }, 'EINVAL'],
    [HASH, { maxEntries: 2 ** 31 + 1 }, 'E2BIG'],
    [HASH, { maxEntries: 2 ** 31 }, 'none'],
    [HASH, { keySize: 4 << 20 }, 'E2BIG'],
    [HASH, { flags: MAP_FLAG.NO_COMMON_LRU }, 'EINVAL'],
    [HASH, { flags: MAP_FLAG.MMAPABLE }, 'EINVAL'],
    [PERCPU_HASH, { cpus: 2 }, 'none'],
    [PERCPU_HASH, { valueSize: 32769 }, 'E2BIG'],
    [PROG_ARRAY, { valueSize: 4 }, 'none'],
    [PROG_ARRAY, { valueSize: 8 }, 'EINVAL'],
    [PROG_ARRAY, { valueSize: 4, flags: MAP_FLAG.RDONLY_PROG }, 'EINVAL'],
    [PERF_EVENT_ARRAY, { valueSize: 4 }, 'none'],
    [PERF_EVENT_ARRAY, { valueSize: 4, maxEntries: 0 }, 'EINVAL'],
    [RINGBUF, { keySize: 0, valueSize: 0, maxEntries: 4096 }, 'none'],
    [RINGBUF, { keySize: 0, valueSize: 0, maxEntries: 4095 }, 'EINVAL'],
    [RINGBUF, { keySize: 0, valueSize: 0, maxEntries: 2048 }, 'EINVAL'],
    [RINGBUF, { keySize: 0, valueSize: 0, maxEntries: 3 * 4096 }, 'EINVAL'],
    [RINGBUF, { keySize: 0, valueSize: 0, maxEntries: 2 ** 31 }, 'ERR_NO_MEMORY'],
    [RINGBUF, { keySize: 4, valueSize: 0, maxEntries: 4096 }, 'EINVAL'],
    [ARRAY_OF_MAPS, { valueSize: 4 }, 'EINVAL'],
    [HASH_OF_MAPS, { valueSize: 4 }, 'EINVAL'],
    [HASH, { maxEntries: -1 }, 'EINVAL'],
    [HASH, { maxEntries: 2 ** 32 }, 'EINVAL'],
  ]
  it.each(refused)('%# of a map is answered as Linux does', (definition, parameters, errno) => {
    expect(creationErrno(definition, parameters)).toBe(errno)
  })

  it('reserves nothing for a hash table that says it may become huge', () => {
    const machine = new TestMachine({ limit: 2 * MIB })
    const store = machine.create(HASH, { maxEntries: 2 ** 31, valueSize: 4096 })
    expect(store.update(machine.key(1), machine.value(2), ANY, 0)).toBe(0)
    expect(machine.memory.u8.length).toBeLessThan(MIB)
  })

  it('describes the map in its control block', () => {
    const machine = new TestMachine()
    for (const definition of [ARRAY, HASH, PERCPU_ARRAY, PERCPU_HASH]) {
      const store = machine.create(definition, { maxEntries: 7 })
      const field = (offset: number) => machine.memory.view.getUint32(store.address + offset, true)
      expect([field(MAP_KEY_SIZE), field(MAP_MAX_ENTRIES)]).toEqual([4, 7])
      expect(field(MAP_KIND)).toBeGreaterThan(0)
    }
  })

  it('gives every built-in type the number that Linux has for its name', () => {
    for (const { spec } of BUILTIN_MAP_TYPES) expect(LINUX_MAP_TYPES).toContainEqual(spec)
    expect(new Set(LINUX_MAP_TYPES.map(({ id }) => id)).size).toBe(LINUX_MAP_TYPES.length)
  })

  it('gives back memory and regions', () => {
    const machine = new TestMachine()
    const before = machine.memory.usedBytes
    for (let round = 0; round < 50; round++) {
      for (const definition of [ARRAY, HASH, PERCPU_ARRAY, PERCPU_HASH]) {
        const store = machine.create(definition, { maxEntries: 300, cpus: 3 })
        for (let i = 0; i < 300; i++) store.update(machine.key(i), machine.value(i), ANY, 0)
        const value = store.lookup(machine.key(7), 0)
        expect(machine.regions.find(value, 8)?.name).toBe('map m')
        store.dispose()
        store.dispose()
        expect(machine.regions.find(value, 8)).toBeUndefined()
      }
      const ring = machine.create(RINGBUF, { keySize: 0, valueSize: 0, maxEntries: 4096 })
      ring.dispose()
    }
    expect(machine.memory.usedBytes).toBe(before)
  })
})

describe('array', () => {
  it('answers with the errors of Linux', () => {
    const machine = new TestMachine()
    const store = machine.create(ARRAY)
    const { memory } = machine
    expect(store.update(machine.key(3), machine.value(77), ANY, 0)).toBe(0)
    expect(memory.view.getUint32(store.lookup(machine.key(3), 0), true)).toBe(77)
    expect(store.update(machine.key(4), machine.value(0), ANY, 0)).toBe(-E2BIG)
    expect(store.update(machine.key(2), machine.value(0), NOEXIST, 0)).toBe(-EEXIST)
    expect(store.update(machine.key(2), machine.value(0), EXIST, 0)).toBe(0)
    expect(store.update(machine.key(2), machine.value(0), 3, 0)).toBe(-EINVAL)
    expect(store.update(machine.key(2), machine.value(0), 4, 0)).toBe(-EINVAL)
    expect(store.delete(machine.key(3))).toBe(-EINVAL)
    expect(store.lookup(machine.key(4), 0)).toBe(0)
    expect(store.lookup(machine.key(0xffffffff), 0)).toBe(0)
  })

  it('walks its indices, and starts again after one that it does not have', () => {
    const machine = new TestMachine()
    const store = machine.create(ARRAY)
    const next = (key: number | undefined) => {
      const result = store.nextKey(key === undefined ? 0 : machine.key(key), machine.valueAt)
      return result === 0 ? machine.memory.view.getUint32(machine.valueAt, true) : result
    }
    expect([undefined, 0, 1, 2, 3, 4, 0xffffffff].map(next)).toEqual([0, 1, 2, 3, -ENOENT, 0, 0])
  })

  it('has a region in which only whole values are covered', () => {
    const machine = new TestMachine()
    const store = machine.create(ARRAY, { valueSize: 12, flags: MAP_FLAG.RDONLY_PROG })
    const first = store.lookup(machine.key(0), 0)
    const { regions } = machine
    expect(store.lookup(machine.key(1), 0) - first).toBe(16)
    expect(regions.find(first, 12)?.writable).toBe(false)
    expect(regions.find(first + 16, 12)).toBeDefined()
    expect(regions.find(first + 48 + 4, 8)).toBeDefined()
    for (const [offset, size] of [
      [8, 8],
      [12, 1],
      [12, 8],
      [0, 16],
      [60, 1],
      [64, 1],
      [-1, 1],
    ] as const) {
      expect(regions.find(first + offset, size)).toBeUndefined()
    }
  })

  it('keeps the copies of CPUs apart', () => {
    const machine = new TestMachine()
    const store = machine.create(PERCPU_ARRAY, { cpus: 3, valueSize: 4 })
    for (let cpu = 0; cpu < 3; cpu++) {
      expect(store.update(machine.key(1), machine.value(100 + cpu), ANY, cpu)).toBe(0)
    }
    const addresses = [0, 1, 2].map((cpu) => store.lookup(machine.key(1), cpu))
    expect(addresses.map((address) => machine.memory.view.getUint32(address, true))).toEqual([100, 101, 102])
    expect(new Set(addresses.map((address) => address >> 6)).size).toBe(3)
    for (const address of addresses) {
      expect(address % 8).toBe(0)
      expect(machine.regions.find(address, 4)).toBeDefined()
      expect(machine.regions.find(address, 5)).toBeUndefined()
    }
    expect(machine.regions.find(addresses[0]! + 24, 1)).toBeUndefined()
  })
})

describe('hash', () => {
  for (const definition of [HASH, PERCPU_HASH]) {
    it(`${definition.spec.name} answers with the errors of Linux`, () => {
      const machine = new TestMachine()
      const store = machine.create(definition, { maxEntries: 2, cpus: 2 })
      const set = (key: number, flags: number) => store.update(machine.key(key), machine.value(key), flags, 0)
      expect(set(1, EXIST)).toBe(-ENOENT)
      expect(set(1, NOEXIST)).toBe(0)
      expect(set(1, NOEXIST)).toBe(-EEXIST)
      expect(set(1, EXIST)).toBe(0)
      expect(set(1, 3)).toBe(-EINVAL)
      expect(set(1, 4)).toBe(-EINVAL)
      expect(set(2, ANY)).toBe(0)
      expect(set(3, ANY)).toBe(-E2BIG)
      expect(set(3, EXIST)).toBe(-ENOENT)
      expect(set(2, ANY)).toBe(0)
      expect(store.delete(machine.key(3))).toBe(-ENOENT)
      expect(store.delete(machine.key(1))).toBe(0)
      expect(store.lookup(machine.key(1), 0)).toBe(0)
      expect(set(3, ANY)).toBe(0)
      expect(store.size).toBe(2)
    })
  }

  it('zeroes the copies of other CPUs when an element is new, and leaves them alone when it is not', () => {
    const machine = new TestMachine()
    const store = machine.create(PERCPU_HASH, { cpus: 3, maxEntries: 1 })
    const values = () => [0, 1, 2].map((cpu) => machine.memory.view.getUint32(store.lookup(machine.key(1), cpu), true))
    for (let cpu = 0; cpu < 3; cpu++) store.update(machine.key(1), machine.value(7), ANY, cpu)
    expect(values()).toEqual([7, 7, 7])
    store.update(machine.key(1), machine.value(8), ANY, 1)
    expect(values()).toEqual([7, 8, 7])
    store.delete(machine.key(1))
    store.update(machine.key(1), machine.value(9), ANY, 2)
    expect(values()).toEqual([0, 0, 9])
  })

  it('puts a new value in the place of the old one, whose holder goes on seeing it', () => {
    const machine = new TestMachine()
    const store = machine.create(HASH, { maxEntries: 1 })
    const { view } = machine.memory
    store.update(machine.key(5), machine.value(1), ANY, 0)
    const old = store.lookup(machine.key(5), 0)
    store.update(machine.key(5), machine.value(2), ANY, 0)
    const young = store.lookup(machine.key(5), 0)
    expect([view.getUint32(old, true), view.getUint32(young, true)]).toEqual([1, 2])
    expect(machine.regions.find(old, 8)).toBeDefined()
    store.delete(machine.key(5))
    expect(view.getUint32(young, true)).toBe(2)
    expect(machine.regions.find(young, 8)).toBeDefined()
  })

  it('covers values and nothing between them', () => {
    const machine = new TestMachine()
    const store = machine.create(HASH, { keySize: 4, valueSize: 12, maxEntries: 100 })
    store.update(machine.key(1), machine.value(1), ANY, 0)
    store.update(machine.key(2), machine.value(1), ANY, 0)
    const [a, b] = [store.lookup(machine.key(1), 0), store.lookup(machine.key(2), 0)]
    expect(Math.abs(b - a)).toBe(32)
    for (const value of [a, b]) {
      expect(machine.regions.find(value, 12)?.writable).toBe(true)
      expect(machine.regions.find(value + 8, 4)).toBeDefined()
      for (const [offset, size] of [
        [-8, 8],
        [-16, 4],
        [8, 8],
        [12, 1],
        [0, 40],
      ] as const) {
        expect(machine.regions.find(value + offset, size)).toBeUndefined()
      }
    }
    // A slot that was never used.
    expect(machine.regions.find(Math.max(a, b) + 32, 12)).toBeUndefined()
  })

  it('walks all keys, and starts again after one that it does not have', () => {
    const machine = new TestMachine()
    const store = machine.create(HASH, { maxEntries: 1000 })
    for (let i = 0; i < 1000; i++) store.update(machine.key(i * 7), machine.value(i), ANY, 0)
    const walk = (): number[] => {
      const keys: number[] = []
      for (let key = 0; store.nextKey(key, machine.keyAt) === 0; key = machine.keyAt) {
        keys.push(machine.memory.view.getUint32(machine.keyAt, true))
      }
      return keys
    }
    const keys = walk()
    expect(keys.length).toBe(1000)
    expect(new Set(keys).size).toBe(1000)
    expect(store.nextKey(machine.key(3), machine.valueAt)).toBe(0)
    expect(machine.memory.view.getUint32(machine.valueAt, true)).toBe(keys[0])
    expect(store.nextKey(machine.key(keys.at(-1)!), machine.valueAt)).toBe(-ENOENT)
  })

  it('says ENOMEM, and goes on working, when memory ends', () => {
    const machine = new TestMachine({ limit: MIB })
    const store = machine.create(HASH, { maxEntries: 2 ** 20, valueSize: 512 })
    let stored = 0
    let result = 0
    for (; result === 0; stored++) result = store.update(machine.key(stored), machine.value(stored), ANY, 0)
    expect(result).toBe(-12)
    expect(stored).toBeGreaterThan(1000)
    for (let i = 0; i < stored - 1; i++) {
      expect(machine.memory.view.getUint32(store.lookup(machine.key(i), 0), true)).toBe(i)
    }
    expect(store.delete(machine.key(0))).toBe(0)
    expect(store.update(machine.key(stored), machine.value(1), ANY, 0)).toBe(0)
  })

  it('does the same with a seed of 0, which BPF_F_ZERO_SEED asks for', () => {
    const order = (hashSeed: number, flags: number) => {
      const machine = new TestMachine({ hashSeed })
      const store = machine.create(HASH, { maxEntries: 64, flags })
      for (let i = 0; i < 64; i++) store.update(machine.key(i), machine.value(i), ANY, 0)
      return Array.from({ length: 64 }, (_, i) => machine.memory.view.getUint32(store.lookup(machine.key(i), 0), true))
    }
    const all = Array.from({ length: 64 }, (_, i) => i)
    expect(order(1, MAP_FLAG.ZERO_SEED)).toEqual(all)
    expect(order(0xdeadbeef, 0)).toEqual(all)
  })
})

describe('a store whose update finds the heap spoiled, after the memory has grown', () => {
  it('throws a named fault, and leaves views that work', () => {
    const machine = new TestMachine()
    const store = machine.create(HASH, { maxEntries: 100_000 })
    machine.memory.u32[(HEAP_BASE + HEAP_LAST) >>> 2] = 8
    const fill = (): void => {
      for (let i = 0; i < 100_000; i++) store.update(machine.key(i), machine.value(i), ANY, 0)
    }
    expect(codeOf(fill)).toBe('ERR_FAULT')
    expect(machine.memory.u8.buffer).toBe(machine.memory.wasm.buffer)
  })
})

describe('prog_array', () => {
  it('holds programs that exist, and tells their slot', () => {
    const machine = new TestMachine()
    machine.programs.push({ name: 'p', index: 0 } as ExecutableProgram)
    const store = machine.create<ProgramArrayStore & ReturnType<TestMachine['create']>>(PROG_ARRAY, { valueSize: 4 })
    expect([0, 3, 4, 0xffffffff].map((index) => store.programAt(index))).toEqual([-1, -1, -1, -1])
    expect(store.update(machine.key(3), machine.value(1), ANY, 0)).toBe(0)
    expect(store.programAt(3)).toBe(0)
    expect(store.update(machine.key(3), machine.value(2), ANY, 0)).toBe(-EBADF)
    expect(store.update(machine.key(3), machine.value(0), ANY, 0)).toBe(-EBADF)
    expect(store.update(machine.key(3), machine.value(1), NOEXIST, 0)).toBe(-EINVAL)
    expect(store.update(machine.key(4), machine.value(1), ANY, 0)).toBe(-E2BIG)
    expect(store.delete(machine.key(2))).toBe(-ENOENT)
    expect(store.delete(machine.key(4))).toBe(-E2BIG)
    expect(store.delete(machine.key(3))).toBe(0)
    expect(store.programAt(3)).toBe(-1)
  })

  it('forgets a program that is removed, before another one gets its slot', () => {
    const machine = new TestMachine()
    const add = () => machine.addProgram({ name: 'p', insns: [{ kind: 'exit' }] })
    const [first, second] = [add(), add()]
    const store = machine.create<ProgramArrayStore & ReturnType<TestMachine['create']>>(PROG_ARRAY, { valueSize: 4 })
    for (const i of [0, 2]) store.update(machine.key(i), machine.value(first.index + 1), ANY, 0)
    store.update(machine.key(1), machine.value(second.index + 1), ANY, 0)
    machine.removeProgram(first)
    expect(add().index).toBe(first.index)
    expect([0, 1, 2].map((index) => store.programAt(index))).toEqual([-1, second.index, -1])
  })
})

describe('maps in maps', () => {
  const inner = { name: 'i', typeId: ARRAY.spec.id, keySize: 4, valueSize: 8, maxEntries: 4, flags: 0 }
  for (const outer of [ARRAY_OF_MAPS, HASH_OF_MAPS]) {
    it(`${outer.spec.name} takes maps like its template, and a lookup answers their address`, () => {
      const machine = new TestMachine()
      const store = machine.create(outer, { valueSize: 4, inner })
      const good = machine.create(ARRAY)
      expect(store.lookup(machine.key(1), 0)).toBe(0)
      expect(store.update(machine.key(1), machine.value(good.address), ANY, 0)).toBe(0)
      expect(store.lookup(machine.key(1), 0)).toBe(good.address)
      const misfits: Partial<MapParameters>[] = [
        { valueSize: 16 },
        { maxEntries: 5 },
        { flags: MAP_FLAG.MMAPABLE },
        { flags: MAP_FLAG.INNER_MAP },
      ]
      for (const parameters of misfits) {
        const misfit = machine.create(ARRAY, parameters)
        expect(store.update(machine.key(1), machine.value(misfit.address), ANY, 0)).toBe(-EINVAL)
      }
      const other = machine.create(HASH)
      expect(store.update(machine.key(1), machine.value(other.address), ANY, 0)).toBe(-EINVAL)
      expect(store.update(machine.key(1), machine.value(12345), ANY, 0)).toBe(-EBADF)
      expect(store.lookup(machine.key(1), 0)).toBe(good.address)
      expect(store.delete(machine.key(1))).toBe(0)
      expect(store.delete(machine.key(1))).toBe(-ENOENT)
      expect(store.lookup(machine.key(1), 0)).toBe(0)
    })

    it(`${outer.spec.name} does not compare max_entries where BPF_F_INNER_MAP or the type says so`, () => {
      const machine = new TestMachine()
      const flags = MAP_FLAG.INNER_MAP
      const sized = machine.create(outer, { valueSize: 4, inner: { ...inner, flags } })
      const large = machine.create(ARRAY, { flags, maxEntries: 100 })
      expect(sized.update(machine.key(0), machine.value(large.address), ANY, 0)).toBe(0)
      const hashes = machine.create(outer, { valueSize: 4, inner: { ...inner, typeId: HASH.spec.id } })
      const hash = machine.create(HASH, { maxEntries: 9 })
      expect(hashes.update(machine.key(0), machine.value(hash.address), ANY, 0)).toBe(0)
    })

    it(`${outer.spec.name} cannot be nested`, () => {
      expect(creationErrno(outer, { valueSize: 4, inner: { ...inner, typeId: outer.spec.id } })).toBe('EINVAL')
      expect(creationErrno(outer, { valueSize: 4, inner })).toBe('none')
    })
  }
})

describe('ringbuf', () => {
  type Ring = RingBufferStore & EventStore
  const create = (size = 4096) => {
    const machine = new TestMachine()
    const ring = machine.create<Ring>(RINGBUF, { keySize: 0, valueSize: 0, maxEntries: size })
    return { machine, ring, memory: machine.memory }
  }

  it('shows records in the order of reservation, once they are committed', () => {
    const { ring, memory } = create()
    const [a, b, c] = [ring.reserve(8), ring.reserve(3), ring.reserve(8)]
    memory.u8.fill(1, a, a + 8)
    memory.u8.fill(2, b, b + 3)
    memory.u8.fill(3, c, c + 8)
    ring.submit(b, 0)
    ring.discard(c, 0)
    expect(ring.readEvent()).toBeUndefined()
    ring.submit(a, 0)
    expect(ring.readEvent()?.bytes).toEqual(new Uint8Array(8).fill(1))
    expect(ring.readEvent()?.bytes).toEqual(new Uint8Array(3).fill(2))
    expect(ring.readEvent()).toBeUndefined()
    expect([0, 1, 2, 3, 4].map((what) => ring.query(what))).toEqual([0, 4096, 48, 48, 0])
  })

  it('drops what has no room, and says how often', () => {
    const { ring } = create()
    expect(ring.reserve(4096)).toBe(0)
    expect(ring.reserve(4089)).toBe(0)
    expect(ring.reserve(-1 >>> 0)).toBe(0)
    expect(ring.lost).toBe(3)
    // A full ring could not be told from an empty one: one byte less than its size can be taken.
    expect(ring.reserve(4088)).toBe(0)
    const record = ring.reserve(4080)
    expect(record).not.toBe(0)
    expect(ring.reserve(0)).toBe(0)
    expect(ring.output(record, 0, 0)).toBe(-EAGAIN)
    ring.submit(record, 0)
    expect(ring.readEvent()?.bytes.length).toBe(4080)
    expect(ring.reserve(4080)).not.toBe(0)
  })

  it('refuses unknown flags and records that are not reserved', () => {
    const { ring, machine } = create()
    expect(ring.output(machine.valueAt, 8, 4)).toBe(-EINVAL)
    const record = ring.reserve(16)
    ring.submit(record, 0)
    for (const wrong of [record, record + 8, record + 4, 0, 8, 2 ** 32 - 8, machine.valueAt]) {
      expect(codeOf(() => ring.submit(wrong, 0))).toBe('ERR_FAULT')
    }
  })

  it('covers reserved records only, also where they go on past the end', () => {
    const { ring, machine } = create()
    for (let i = 0; i < 200; i++) {
      const record = ring.reserve(100)
      expect(machine.regions.find(record, 100)?.writable).toBe(true)
      expect(machine.regions.find(record + 60, 40)).toBeDefined()
      expect(machine.regions.find(record + 60, 41)).toBeUndefined()
      expect(machine.regions.find(record - 1, 1)).toBeUndefined()
      machine.memory.u8.fill(i, record, record + 100)
      ring.submit(record, 0)
      expect(machine.regions.find(record, 100)).toBeUndefined()
      expect(ring.readEvent()?.bytes).toEqual(new Uint8Array(100).fill(i))
    }
  })

  it('covers nothing for a record that ended long ago, whatever lies there now', () => {
    const { machine, ring, memory } = create()
    const old = ring.reserve(8)
    ring.submit(old, 0)
    ring.readEvent()
    const data = memory.allocate(4096)
    expect(ring.output(data, 3992, 0)).toBe(0)
    ring.readEvent()
    // The next record lies over the old one's header, with a payload that looks like a header of a reserved record.
    memory.u8.fill(0xff, data, data + 200)
    expect(ring.output(data, 200, 0)).toBe(0)
    expect(machine.regions.find(old, 8)).toBeUndefined()
    memory.u8.fill(0xff, old - 8, old)
    expect(machine.regions.find(old, 8)).toBeUndefined()
    expect(machine.regions.find(old + 16, 1)).toBeUndefined()
  })

  it('covers the payload of each record that is reserved, in whatever order records end (model)', () => {
    const operation = fc.record({ kind: fc.constantFrom('reserve', 'reserve', 'commit', 'read'), pick: fc.nat(900) })
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const { ring, machine } = create()
        const reserved: { at: number; size: number }[] = []
        for (const { kind, pick } of operations) {
          if (kind === 'reserve') {
            const at = ring.reserve(pick)
            if (at !== 0) reserved.push({ at, size: pick })
          } else if (kind === 'read') ring.readEvent()
          else if (reserved.length > 0) ring.submit(reserved.splice(pick % reserved.length, 1)[0]!.at, 0)
          const covered = (at: number, size: number) =>
            reserved.some((record) => at >= record.at && at + size <= record.at + record.size)
          for (const { at, size } of reserved) {
            for (const [from, length] of [
              [at, size],
              [at, size + 1],
              [at - 1, 1],
              [at + size - 1, 1],
              [at + 3, 4],
            ] as const) {
              const region = machine.regions.find(from, length)
              if (length > 0 && region?.name === 'map m') expect(covered(from, length)).toBe(true)
              if (length > 0 && covered(from, length)) expect(region).toBeDefined()
            }
          }
        }
      }),
      { numRuns: runs(2000), seed: SEED },
    )
  })

  it('wakes a consumer that has read all, and one that is forced', () => {
    const { ring, machine } = create()
    let woken = 0
    ring.onEvent(() => woken++)
    const output = (flags: number) => {
      expect(ring.output(machine.valueAt, 8, flags)).toBe(0)
      return woken
    }
    expect([output(0), output(0), output(2), output(1)]).toEqual([1, 1, 2, 2])
    while (ring.readEvent() !== undefined);
    expect([output(1), output(0)]).toEqual([2, 2])
    while (ring.readEvent() !== undefined);
    expect(output(0)).toBe(3)
  })

  it('behaves as a queue with the room of its size (model)', () => {
    const operation = fc.record({
      kind: fc.constantFrom('output', 'output', 'reserve', 'commit', 'discard', 'read'),
      size: fc.oneof(fc.nat(40), fc.nat(3000)),
    })
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
        const { ring, memory, machine } = create()
        type Slot = { bytes: Uint8Array; state: 'busy' | 'ready' | 'void'; address: number; total: number }
        const queue: Slot[] = []
        let next = 0
        for (const { kind, size } of operations) {
          const total = (size + 15) & ~7
          // Voided records at the front are passed over only when the consumer looks.
          const taken = queue.reduce((sum, slot) => sum + slot.total, 0)
          if (kind === 'output' || kind === 'reserve') {
            const bytes = new Uint8Array(size).fill(++next)
            memory.u8.set(bytes, machine.valueAt)
            const fits = taken + total <= 4095
            if (kind === 'output') {
              expect(ring.output(machine.valueAt, size, 0)).toBe(fits ? 0 : -EAGAIN)
              if (fits) queue.push({ bytes, state: 'ready', address: 0, total })
            } else {
              const address = ring.reserve(size)
              expect(address !== 0).toBe(fits)
              memory.u8.set(fits ? bytes : [], address)
              if (fits) queue.push({ bytes, state: 'busy', address, total })
            }
          } else if (kind === 'read') {
            while (queue[0]?.state === 'void') queue.shift()
            const expected = queue[0]?.state === 'ready' ? queue.shift() : undefined
            expect(ring.readEvent()?.bytes).toEqual(expected?.bytes)
          } else {
            const busy = queue.filter((slot) => slot.state === 'busy')
            const slot = busy[size % Math.max(1, busy.length)]
            if (slot === undefined) continue
            if (kind === 'commit') ring.submit(slot.address, 0)
            else ring.discard(slot.address, 0)
            slot.state = kind === 'commit' ? 'ready' : 'void'
          }
        }
      }),
      { numRuns: runs(2000), seed: SEED },
    )
  })
})

describe('perf_event_array', () => {
  it('takes the events of each CPU into that CPU’s buffer', () => {
    const machine = new TestMachine()
    const store = machine.create<PerfEventStore & EventStore>(PERF_EVENT_ARRAY, {
      valueSize: 4,
      maxEntries: 4,
      cpus: 2,
    })
    machine.value(Uint8Array.of(1, 2, 3, 4, 5, 6))
    const output = (index: number, cpu: number) =>
      store.outputEvent(index, cpu, machine.valueAt, 4, machine.valueAt + 4, 2)
    let woken = 0
    store.onEvent(() => woken++)
    expect([output(0, 0), output(1, 1), output(1, 0), output(2, 0), output(4, 0)]).toEqual([
      0,
      0,
      -EOPNOTSUPP,
      -ENOENT,
      -E2BIG,
    ])
    expect(woken).toBe(2)
    expect(store.readEvent()).toEqual({ cpu: 0, bytes: Uint8Array.of(1, 2, 3, 4, 5, 6) })
    expect(store.readEvent()?.cpu).toBe(1)
    expect(store.readEvent()).toBeUndefined()
    expect(store.lost).toBe(0)
  })

  it('is full at some point, counts what is lost, and has room again when it is read', () => {
    const machine = new TestMachine()
    const store = machine.create<PerfEventStore & EventStore>(PERF_EVENT_ARRAY, { valueSize: 4 })
    let result = 0
    for (let i = 0; i < 10_000 && result === 0; i++) result = store.outputEvent(0, 0, machine.valueAt, 4096, 0, 0)
    expect(result).toBe(-ENOSPC)
    expect(store.lost).toBe(1)
    store.readEvent()
    expect(store.outputEvent(0, 0, machine.valueAt, 4096, 0, 0)).toBe(0)
    const kept = store.size!
    for (let i = 0; i < kept; i++) expect(store.readEvent()).toBeDefined()
    expect(store.readEvent()).toBeUndefined()
  })
})
