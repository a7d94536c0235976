import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BpfMap, LPM_TRIE, type MapParameters } from '../../src/maps/index.ts'
import { EEXIST, EINVAL, ENOENT, ENOMEM, ENOSPC } from '../../src/spec/errno.ts'
import { MAP_FLAG } from '../../src/spec/map-types.ts'
import { bytesToHex, isAnybpfError, SeededRandom } from '../../src/util/index.ts'
import { MAP_DATA, NODE_PREFIX, TRIE_BLOCK_BYTES, TRIE_LOCK } from '../../src/vm/guest-layout.ts'
import { runs, SEED } from '../support/runs.ts'
import { creationErrno, TestMachine } from './support.ts'

const ANY = 0
const NOEXIST = 1
const EXIST = 2
const FLAGS = MAP_FLAG.NO_PREALLOC

function keyBytes(length: number, data: Uint8Array): Uint8Array {
  const key = new Uint8Array(4 + data.length)
  new DataView(key.buffer).setUint32(0, length, true)
  key.set(data, 4)
  return key
}

/** `10.1.0.0/16` as a key. */
function prefix(text: string): Uint8Array {
  const [address, length] = text.split('/')
  return keyBytes(Number(length ?? 32), Uint8Array.from(address!.split('.').map(Number)))
}

function prefixText(key: Uint8Array): string {
  return `${key.subarray(4).join('.')}/${new DataView(key.buffer, key.byteOffset).getUint32(0, true)}`
}

function createTrie(parameters: Partial<MapParameters> = {}, machine = new TestMachine()) {
  const store = machine.create(LPM_TRIE, { keySize: 8, maxEntries: 8, flags: FLAGS, ...parameters })
  const set = (text: string, value: number, flags = ANY) =>
    store.update(machine.key(prefix(text)), machine.value(value), flags, 0)
  const get = (text: string) => {
    const address = store.lookup(machine.key(prefix(text)), 0)
    return address === 0 ? undefined : machine.memory.view.getUint32(address, true)
  }
  const keys = () => {
    const found: Uint8Array[] = []
    for (let key = 0; store.nextKey(key, machine.keyAt) === 0; key = machine.keyAt) {
      found.push(machine.memory.read(machine.keyAt, store.keySize))
    }
    return found
  }
  return { machine, store, set, get, keys }
}

describe('creation', () => {
  const cases: [Partial<MapParameters>, unknown][] = [
    [{}, 'none'],
    [{ flags: 0 }, 'EINVAL'],
    [{ flags: FLAGS | MAP_FLAG.NUMA_NODE | MAP_FLAG.RDONLY_PROG | MAP_FLAG.RDONLY }, 'none'],
    [{ flags: FLAGS | MAP_FLAG.ZERO_SEED }, 'EINVAL'],
    [{ flags: FLAGS | MAP_FLAG.NO_COMMON_LRU }, 'EINVAL'],
    [{ flags: FLAGS | MAP_FLAG.RDONLY_PROG | MAP_FLAG.WRONLY_PROG }, 'EINVAL'],
    [{ keySize: 4 }, 'EINVAL'],
    [{ keySize: 5 }, 'none'],
    [{ keySize: 260 }, 'none'],
    [{ keySize: 261 }, 'EINVAL'],
    [{ valueSize: 0 }, 'EINVAL'],
    [{ valueSize: 4194024 }, 'none'],
    [{ valueSize: 4194025 }, 'EINVAL'],
    [{ maxEntries: 0 }, 'EINVAL'],
    [{ maxEntries: 2 ** 32 - 1 }, 'none'],
  ]
  it.each(cases)('is answered as Linux does: %o', (parameters, errno) => {
    expect(creationErrno(LPM_TRIE, { keySize: 8, flags: FLAGS, ...parameters })).toBe(errno)
  })
})

describe('a trie', () => {
  it('answers the value of the longest prefix', () => {
    const { set, get } = createTrie()
    expect(get('10.1.2.3')).toBeUndefined()
    set('10.0.0.0/8', 1)
    set('10.1.0.0/16', 2)
    set('10.1.2.3/32', 3)
    set('10.1.128.0/17', 4)
    const found = ['10.1.2.3', '10.1.2.4', '10.1.200.1', '10.2.0.0', '11.0.0.0', '10.1.2.3/31', '10.0.0.0/7'].map(get)
    expect(found).toEqual([3, 2, 4, 1, undefined, 2, undefined])
    set('0.0.0.0/0', 9)
    expect(['11.0.0.0', '10.0.0.0/7', '10.1.2.3'].map(get)).toEqual([9, 9, 3])
  })

  it('answers with the errors of Linux', () => {
    const { machine, store, set, get } = createTrie({ maxEntries: 2 })
    const remove = (text: string) => store.delete(machine.key(prefix(text)))
    expect(set('10.0.0.0/8', 1, EXIST)).toBe(-ENOENT)
    expect(set('10.0.0.0/8', 1, NOEXIST)).toBe(0)
    expect(set('10.0.0.0/8', 1, NOEXIST)).toBe(-EEXIST)
    // Bits after the prefix do not count.
    expect(set('10.255.0.1/8', 2, EXIST)).toBe(0)
    expect(get('10.0.0.0')).toBe(2)
    expect(set('10.0.0.0/8', 1, 3)).toBe(-EINVAL)
    expect(set('10.0.0.0/33', 1)).toBe(-EINVAL)
    expect(remove('10.0.0.0/33')).toBe(-EINVAL)
    expect(get('10.0.0.0/33')).toBeUndefined()
    expect(set('11.0.0.0/8', 3)).toBe(0)
    expect(set('12.0.0.0/8', 4)).toBe(-ENOSPC)
    expect(set('12.0.0.0/8', 4, EXIST)).toBe(-ENOENT)
    // Where the two part there is a node, but no element: 10.0.0.0/7.
    expect(set('10.0.0.0/7', 4)).toBe(-ENOSPC)
    expect(remove('10.0.0.0/7')).toBe(-ENOENT)
    expect(set('11.0.0.0/8', 5)).toBe(0)
    expect(remove('10.0.0.0/9')).toBe(-ENOENT)
    expect(remove('10.0.0.0/8')).toBe(0)
    expect(remove('10.0.0.0/8')).toBe(-ENOENT)
    expect(set('10.0.0.0/7', 6, NOEXIST)).toBe(0)
    expect([get('10.0.0.0'), get('11.0.0.0'), store.size]).toEqual([6, 5, 2])
  })

  it('hands out keys in the order of Linux: specific ones first', () => {
    const { set, keys, machine, store } = createTrie()
    for (const text of ['192.168.0.0/16', '192.168.0.0/24', '192.168.128.0/24', '192.168.1.0/24']) set(text, 1)
    const order = ['192.168.0.0/24', '192.168.1.0/24', '192.168.128.0/24', '192.168.0.0/16']
    expect(keys().map(prefixText)).toEqual(order)
    // After a key that is not there, or cannot be, the first one.
    for (const text of ['192.168.0.0/17', '192.168.0.0/23', '1.2.3.4/32', '1.2.3.4/33']) {
      expect(store.nextKey(machine.key(prefix(text)), machine.valueAt)).toBe(0)
      expect(prefixText(machine.memory.read(machine.valueAt, 8))).toBe(order[0])
    }
    expect(store.nextKey(machine.key(prefix('192.168.0.0/16')), machine.valueAt)).toBe(-ENOENT)
  })

  it('puts a new value in the place of the old one, whose holder goes on seeing it', () => {
    const { machine, store, set } = createTrie()
    set('10.0.0.0/8', 1)
    const old = store.lookup(machine.key(prefix('10.0.0.0/8')), 0)
    set('10.0.0.0/8', 2)
    const young = store.lookup(machine.key(prefix('10.0.0.0/8')), 0)
    expect([old, young].map((address) => machine.memory.view.getUint32(address, true))).toEqual([1, 2])
    expect(machine.regions.find(old, 8)).toBeDefined()
    store.delete(machine.key(prefix('10.0.0.0/8')))
    expect(machine.regions.find(young, 8)).toBeDefined()
  })

  it('keeps values where they are while it grows and shrinks around them', () => {
    const { machine, store, set } = createTrie({ maxEntries: 1000 })
    set('10.1.0.0/16', 1)
    const value = store.lookup(machine.key(prefix('10.1.0.0/16')), 0)
    for (let i = 0; i < 200; i++) set(`10.1.${i}.0/24`, i)
    for (let i = 0; i < 32; i++) if (i !== 16) set(`10.1.0.0/${i}`, i)
    expect(store.lookup(machine.key(prefix('10.1.0.0/16')), 0)).toBe(value)
    for (let i = 0; i < 200; i++) store.delete(machine.key(prefix(`10.1.${i}.0/24`)))
    expect(store.lookup(machine.key(prefix('10.1.0.0/16')), 0)).toBe(value)
  })

  it('covers values and nothing between them', () => {
    const { machine, store, set } = createTrie({ valueSize: 12, flags: FLAGS | MAP_FLAG.RDONLY_PROG })
    set('10.0.0.0/8', 1)
    const value = store.lookup(machine.key(prefix('10.0.0.0/8')), 0)
    expect(machine.regions.find(value, 12)?.writable).toBe(false)
    for (const [offset, size] of [
      [-1, 1],
      [-8, 8],
      [8, 8],
      [12, 1],
      [40, 12],
    ] as const) {
      expect(machine.regions.find(value + offset, size)).toBeUndefined()
    }
  })

  it('says ENOMEM, and goes on working, when memory ends', () => {
    const { store, machine } = createTrie({ maxEntries: 2 ** 20, valueSize: 512 }, new TestMachine({ limit: 1 << 20 }))
    const key = (i: number) => machine.key(keyBytes(32, Uint8Array.of(i, i >> 8, 0, 1)))
    let stored = 0
    while (store.update(key(stored), machine.value(stored), ANY, 0) === 0) stored++
    expect(store.update(key(stored), machine.value(stored), ANY, 0)).toBe(-ENOMEM)
    expect(stored).toBeGreaterThan(500)
    expect(store.size).toBe(stored)
    for (let i = 0; i < stored; i++) {
      expect(machine.memory.view.getUint32(store.lookup(key(i), 0), true)).toBe(i)
    }
    expect(store.delete(key(0))).toBe(0)
    expect(store.update(key(stored), machine.value(1), ANY, 0)).toBe(0)
  })

  it('is a map for the host', () => {
    const machine = new TestMachine()
    const before = machine.memory.usedBytes
    const map = new BpfMap(machine.memory, machine.create(LPM_TRIE, { keySize: 8, maxEntries: 3, flags: FLAGS }))
    map.set(prefix('10.0.0.0/8'), 1n).set(prefix('10.1.0.0/16'), 2n)
    expect(map.get(prefix('10.1.2.3'))).toBe(2n)
    expect(map.has(prefix('11.1.2.3'))).toBe(false)
    map.set(prefix('10.1.2.0/24'), 3n)
    expect([...map.values()]).toEqual([3n, 2n, 1n])
    expect(() => map.set(prefix('10.2.0.0/16'), 3n)).toThrow('ENOSPC')
    expect(map.delete(prefix('10.1.0.0/16'))).toBe(true)
    expect(map.get(prefix('10.1.3.0/24'))).toBe(1n)
    map.clear()
    expect(map.size).toBe(0)
    map.dispose()
    expect(machine.memory.usedBytes).toBe(before)
  })
})

interface Element {
  readonly length: number
  readonly data: Uint8Array
  readonly value: Uint8Array
}

const bitOf = (data: Uint8Array, index: number): number => (data[index >> 3]! >> (7 - (index & 7))) & 1

/** Whether the first `length` bits are the same: one by one. */
function shares(a: Uint8Array, b: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (bitOf(a, i) !== bitOf(b, i)) return false
  return true
}

/** The order of Linux, by the definition. */
function compare(a: Element, b: Element): number {
  const both = Math.min(a.length, b.length)
  for (let i = 0; i < both; i++) {
    if (bitOf(a.data, i) !== bitOf(b.data, i)) return bitOf(a.data, i) - bitOf(b.data, i)
  }
  return b.length - a.length
}

describe('a trie behaves as a list of prefixes that is searched from end to end', () => {
  const operation = fc.record({
    kind: fc.constantFrom('update', 'update', 'update', 'lookup', 'lookup', 'delete', 'delete', 'walk'),
    /** Of the length, in thousandths. */
    length: fc.nat(1010),
    bits: fc.nat(255),
    spread: fc.nat(3),
    flags: fc.constantFrom(0, 0, 0, 0, 1, 2, 3),
  })
  const shapes = fc.record({
    dataSize: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(16, 31, 256)),
    valueSize: fc.integer({ min: 1, max: 40 }),
    maxEntries: fc.integer({ min: 1, max: 40 }),
  })
  for (const shared of [false, true]) {
    it(shared ? 'in shared memory, with locks' : 'in memory of its own', () => {
      fc.assert(
        fc.property(shapes, fc.array(operation, { maxLength: 100 }), fc.nat(), (shape, operations, seed) => {
          const { dataSize, valueSize, maxEntries } = shape
          const machine = new TestMachine({ limit: 4 << 20, shared })
          const before = machine.memory.usedBytes
          const { store, keys } = createTrie({ keySize: 4 + dataSize, valueSize, maxEntries }, machine)
          const random = new SeededRandom(seed)
          let model: Element[] = []
          for (const { kind, length: share, bits, spread, flags } of operations) {
            const length = Math.round((share / 1000) * 8 * dataSize)
            // Bits at places that are few, so that prefixes share much.
            const data = new Uint8Array(dataSize)
            for (let i = 0; i < dataSize; i++) data[i] = i % (spread + 1) === 0 ? bits : bits & 0x81
            const address = machine.key(keyBytes(length, data))
            const valid = length <= 8 * dataSize
            const own = model.find((element) => element.length === length && shares(element.data, data, length))
            if (kind === 'update') {
              const value = random.bytes(valueSize)
              const expected =
                flags > 2 || !valid
                  ? -EINVAL
                  : own !== undefined
                    ? flags === NOEXIST
                      ? -EEXIST
                      : 0
                    : flags === EXIST
                      ? -ENOENT
                      : model.length >= maxEntries
                        ? -ENOSPC
                        : 0
              expect(store.update(address, machine.value(value), flags, 0)).toBe(expected)
              if (expected === 0) model = [...model.filter((element) => element !== own), { length, data, value }]
            } else if (kind === 'delete') {
              expect(store.delete(address)).toBe(!valid ? -EINVAL : own === undefined ? -ENOENT : 0)
              model = model.filter((element) => element !== own)
            } else if (kind === 'lookup') {
              const fitting = model.filter((one) => one.length <= length && shares(one.data, data, one.length))
              const best = fitting.sort((a, b) => b.length - a.length)[0]
              const found = store.lookup(address, 0)
              expect(found !== 0).toBe(valid && best !== undefined)
              if (found === 0) continue
              expect(found % 8).toBe(0)
              expect(machine.memory.read(found, valueSize)).toEqual(best!.value)
              expect(machine.regions.find(found, valueSize)).toBeDefined()
            } else {
              const expected = model.sort(compare).map((element) => bytesToHex(keyBytes(element.length, element.data)))
              expect(keys().map((key) => bytesToHex(key))).toEqual(expected)
              expect(store.size).toBe(model.length)
            }
          }
          store.dispose()
          expect(machine.memory.usedBytes).toBe(before)
        }),
        { numRuns: runs(2000), seed: SEED },
      )
    })
  }
})

describe('a trie whose metadata was overwritten', () => {
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
      fc.property(writes, (places) => {
        const { machine, store, set } = createTrie({ maxEntries: 64 }, new TestMachine({ limit: 1 << 20 }))
        for (let i = 0; i < 40; i++) set(`10.${i * 6}.0.0/${8 + (i % 16)}`, i)
        const value = store.lookup(machine.key(prefix('10.24.0.0')), 0)
        for (const [at, byte] of places) {
          if (at < TRIE_BLOCK_BYTES) machine.memory.u8[store.address + at] = byte
          else machine.memory.u8[value + (at - 900)] = byte
        }
        const calls: (() => unknown)[] = [
          () => store.lookup(machine.key(prefix('10.24.0.0')), 0),
          () => store.lookup(machine.key(prefix('10.99.3.0')), 0),
          () => set('10.24.0.0/12', 1),
          () => set('10.128.0.0/30', 1),
          () => store.nextKey(machine.key(prefix('10.24.0.0/12')), machine.valueAt),
          () => store.nextKey(0, machine.valueAt),
          () => store.delete(machine.key(prefix('10.24.0.0/12'))),
          () => store.delete(machine.key(prefix('10.30.0.0/13'))),
        ]
        for (const call of calls) seen.add(message(call).split(' ', 1)[0]!)
      }),
      { numRuns: runs(3000), seed: SEED },
    )
    expect([...seen].sort()).toEqual(['ERR_FAULT', 'none'])
  })

  it('ends a walk along nodes that were bent into a circle', () => {
    const { machine, store, set } = createTrie()
    set('0.0.0.0/4', 1)
    const { view } = machine.memory
    const root = view.getUint32(store.address + MAP_DATA, true)
    view.setUint32(root, root, true)
    const calls: (() => unknown)[] = [
      () => store.lookup(machine.key(prefix('0.0.0.0')), 0),
      () => set('0.0.0.0/8', 1),
      () => store.nextKey(0, machine.valueAt),
      () => store.delete(machine.key(prefix('0.0.0.0/8'))),
    ]
    for (const call of calls) expect(message(call)).toMatch(/^ERR_FAULT a node of a trie is spoiled/)
    view.setUint32(root, 0, true)
    view.setUint32(root + NODE_PREFIX, 4000, true)
    expect(message(() => store.nextKey(0, machine.valueAt))).toMatch(/^ERR_FAULT a node of a trie is spoiled/)
  })

  it('stops waiting for a lock that nobody releases, and looks up without it', () => {
    const { machine, store, set, get } = createTrie({}, new TestMachine({ shared: true }))
    set('10.0.0.0/8', 1)
    machine.memory.view.setUint32(store.address + TRIE_LOCK, 1, true)
    expect(get('10.0.0.0')).toBe(1)
    expect(message(() => set('10.0.0.0/8', 1))).toMatch(/^ERR_FAULT a lock was not released/)
  })
})
