import { describe, expect, it } from 'vitest'
import { Btf, type BtfType } from '../../src/btf/index.ts'
import {
  ARRAY,
  ARRAY_OF_MAPS,
  BpfMap,
  createEventCodec,
  createEventCodecs,
  createMapCodecs,
  HASH,
  type HostMapStore,
  type MapParameters,
  type MapTypeDefinition,
  PERCPU_ARRAY,
  PERCPU_HASH,
  PERF_EVENT_ARRAY,
  PROG_ARRAY,
  RINGBUF,
  UPDATE,
} from '../../src/maps/index.ts'
import { MAP_FLAG } from '../../src/spec/map-types.ts'
import { isAnybpfError } from '../../src/util/errors.ts'
import type { ExecutableProgram } from '../../src/vm/machine.ts'
import type { PerfEventStore, RingBufferStore } from '../../src/vm/stores.ts'
import { codeOf, TestMachine } from './support.ts'

/** The errno of an ERR_MAP, else the code, else `none`. */
function errnoOf(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    if (!isAnybpfError(error)) throw error
    return error.details['errno'] ?? error.code
  }
  return 'none'
}

const TYPES: BtfType[] = [
  { kind: 'void', id: 0, name: '' },
  { kind: 'int', id: 1, name: 'unsigned int', size: 4, bits: 32, offset: 0, signed: false, char: false, bool: false },
  {
    kind: 'struct',
    id: 2,
    name: 'point',
    size: 8,
    kindFlag: false,
    members: [
      { name: 'x', type: 1, bitOffset: 0, bitSize: 0 },
      { name: 'y', type: 1, bitOffset: 32, bitSize: 0 },
    ],
  },
]
const btf = new Btf(TYPES, { byteOrder: 'little' })

function live(
  definition: MapTypeDefinition,
  parameters: Partial<MapParameters> = {},
  machine = new TestMachine(),
): { machine: TestMachine; map: BpfMap } {
  const store = machine.create(definition, parameters)
  const codecs = createMapCodecs({
    name: store.name,
    keySize: store.keySize,
    valueSize: store.valueSize,
    btf,
    btfKeyType: 1,
    btfValueType: 2,
  })
  return { machine, map: new BpfMap(machine.memory, store, codecs) }
}

describe('a live map', () => {
  it('reads and writes keys and values by their types', () => {
    const { map } = live(HASH)
    map.set(7, { x: 1, y: 2 }).set('10.0.0.1', { y: 5 })
    expect(map.get(7)).toEqual({ x: 1, y: 2 })
    expect(map.get(0x0100000a)).toEqual({ x: 0, y: 5 })
    expect(map.get(8)).toBeUndefined()
    expect([map.has(7), map.has(8), map.size]).toEqual([true, false, 2])
    expect([...map.keys()].sort()).toEqual([0x0100000a, 7])
    expect(Object.fromEntries(map as Iterable<[number, unknown]>)).toEqual({
      7: { x: 1, y: 2 },
      16777226: { x: 0, y: 5 },
    })
    expect([map.delete(7), map.delete(7), map.size]).toEqual([true, false, 1])
    map.clear()
    expect([map.size, [...map.values()]]).toEqual([0, []])
  })

  it('takes bytes in the place of values', () => {
    const { map } = live(HASH)
    map.set(Uint8Array.of(7, 0, 0, 0), Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0))
    expect(map.get(7)).toEqual({ x: 1, y: 2 })
    expect(map.getBytes(7)).toEqual(Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0))
    expect(codeOf(() => map.set(7, Uint8Array.of(1)))).toBe('ERR_USAGE')
  })

  it('falls back to integers and bytes where types are missing or of another size', () => {
    const { key, value } = createMapCodecs({ name: 'm', keySize: 8, valueSize: 6, btf, btfKeyType: 1, btfValueType: 2 })
    expect(key.decode(new Uint8Array(8))).toBe(0n)
    expect(value.decode(new Uint8Array(6))).toEqual(new Uint8Array(6))
    expect(createEventCodec('e', btf, 0)).toBeUndefined()
    expect(createEventCodec('e', btf, 99)).toBeUndefined()
  })

  it('names the errno and the map', () => {
    const { map } = live(HASH, { maxEntries: 1, name: 'flows' })
    map.set(1, {})
    expect(errnoOf(() => map.set(2, {}))).toBe('E2BIG')
    expect(errnoOf(() => map.set(1, {}, UPDATE.NOEXIST))).toBe('EEXIST')
    expect(errnoOf(() => map.set(2, {}, UPDATE.EXIST))).toBe('ENOENT')
    expect(errnoOf(() => live(ARRAY).map.delete(0))).toBe('EINVAL')
    expect(() => map.set(2, {})).toThrow('map flows: update refused: E2BIG')
    expect(() => map.set('x', {})).toThrow(/^flows key: expected an unsigned integer of 32 bits, got "x"/)
    expect(() => map.set(1, { z: 1 })).toThrow('flows value.z: no such member; there are x, y')
  })

  it('gives and takes one value for each CPU', () => {
    for (const definition of [PERCPU_HASH, PERCPU_ARRAY]) {
      const { map } = live(definition, { cpus: 3 })
      map.set(1, [{ x: 1 }, { x: 2 }, { x: 3 }])
      expect(map.get(1)).toEqual([1, 2, 3].map((x) => ({ x, y: 0 })))
      expect(map.getBytes(1, 2)?.[0]).toBe(3)
      map.set(1, { x: 9 })
      expect(map.get(1)).toEqual([9, 9, 9].map((x) => ({ x, y: 0 })))
      expect(codeOf(() => map.set(1, [{}]))).toBe('ERR_USAGE')
      if (definition === PERCPU_HASH) expect(errnoOf(() => map.set(1, {}, UPDATE.NOEXIST))).toBe('EEXIST')
      map.clear()
      expect(map.get(1)).toEqual(definition === PERCPU_HASH ? undefined : [0, 0, 0].map((x) => ({ x, y: 0 })))
    }
  })

  it('has all elements of an array', () => {
    const { map, machine } = live(ARRAY, { maxEntries: 3 })
    map.set(1, { x: 5 })
    expect([...map.entries()]).toEqual([
      [0, { x: 0, y: 0 }],
      [1, { x: 5, y: 0 }],
      [2, { x: 0, y: 0 }],
    ])
    expect(map.size).toBe(3)
    expect(machine.memory.view.getUint32(map.valueAddress + 8, true)).toBe(5)
    map.clear()
    expect(map.get(1)).toEqual({ x: 0, y: 0 })
  })

  it('can be walked while it changes', () => {
    const { map } = live(HASH, { maxEntries: 1000 })
    for (let i = 0; i < 500; i++) map.set(i, { x: i })
    const seen = new Set<number>()
    for (const key of map.keys() as Iterable<number>) {
      expect(seen.has(key)).toBe(false)
      seen.add(key)
      if (key % 2 === 0) map.delete(key)
      if (key % 100 === 1) map.set(10_000 + key, {})
    }
    for (let i = 0; i < 500; i++) expect(seen.has(i)).toBe(true)
    expect(map.size).toBe(255)
  })

  it('meets each element once in a walk that changes the values', () => {
    const machine = new TestMachine()
    const map = new BpfMap(machine.memory, machine.create(HASH, { maxEntries: 100, valueSize: 4 }))
    for (let i = 0; i < 50; i++) map.set(i, 0)
    for (const [key, value] of map) map.set(key, Number(value) + 1).set((Number(key) + 7) % 50, Number(value) + 1)
    const seen: unknown[] = []
    for (const [key, value] of map) {
      seen.push(key)
      map.set(key, Number(value) + 100, UPDATE.EXIST)
    }
    expect(seen.sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(errnoOf(() => map.set(3, 1, UPDATE.NOEXIST))).toBe('EEXIST')
    expect(errnoOf(() => map.set(3, 1, 4))).toBe('EINVAL')
  })

  it('can be walked and deleted from where the store knows only the next key', () => {
    const machine = new TestMachine()
    const inner = machine.create(HASH, { maxEntries: 100 })
    const store: HostMapStore = {
      address: inner.address,
      name: 'own',
      typeId: 1000,
      keySize: 4,
      valueSize: 8,
      maxEntries: 100,
      lookup: (key, cpu) => inner.lookup(key, cpu),
      update: (key, value, flags, cpu) => inner.update(key, value, flags, cpu),
      delete: (key) => inner.delete(key),
      nextKey: (key, out) => inner.nextKey(key, out),
      dispose: () => inner.dispose(),
    }
    const map = new BpfMap(machine.memory, store)
    for (let i = 0; i < 100; i++) map.set(i, i)
    expect(map.size).toBe(100)
    const seen: unknown[] = []
    for (const [key, value] of map) {
      seen.push(value)
      map.delete(key)
    }
    expect(seen.length).toBe(100)
    expect(map.size).toBe(0)
  })

  it('holds programs and maps', () => {
    const { map: programs, machine } = live(PROG_ARRAY, { valueSize: 4 })
    machine.programs.push({ name: 'p', index: 0 } as ExecutableProgram)
    programs.set(2, 0)
    programs.set(3, { index: 0 })
    expect([programs.get(2), programs.get(1), programs.size]).toEqual([0, undefined, 2])
    expect([...programs.keys()]).toEqual([2, 3])
    expect(errnoOf(() => programs.set(1, 5))).toBe('EBADF')
    programs.clear()
    expect(programs.size).toBe(0)

    const { map: inner } = live(ARRAY, {}, machine)
    const template = { name: 'i', typeId: ARRAY.spec.id, keySize: 4, valueSize: 8, maxEntries: 4, flags: 0 }
    const store = machine.create(ARRAY_OF_MAPS, { valueSize: 4, inner: template })
    const outer = new BpfMap(machine.memory, store, {
      innerMap: (address) => (address === inner.address ? inner : undefined),
    })
    outer.set(0, inner).set(1, inner.address)
    expect([outer.get(0), outer.get(1), outer.get(2), outer.size]).toEqual([inner, inner, undefined, 2])
    expect(outer.delete(0)).toBe(true)
    expect(codeOf(() => outer.set(0, 'x'))).toBe('ERR_USAGE')
  })

  it('is read-only for the host when frozen, or when created so', () => {
    const { map } = live(ARRAY)
    map.set(0, { x: 1 }).freeze()
    for (const change of [() => map.set(0, {}), () => map.clear(), () => map.delete(0)]) {
      expect(errnoOf(change)).toBe('EPERM')
    }
    expect(map.get(0)).toEqual({ x: 1, y: 0 })
    expect(errnoOf(() => live(HASH, { flags: MAP_FLAG.RDONLY }).map.set(0, {}))).toBe('EPERM')
    expect(errnoOf(() => live(HASH, { flags: MAP_FLAG.WRONLY }).map.get(0))).toBe('EPERM')
  })

  it('gives its memory back, once, and is then refused', () => {
    const machine = new TestMachine()
    const before = machine.memory.usedBytes
    const { map } = live(HASH, {}, machine)
    map.set(1, {})
    map.dispose()
    map.dispose()
    expect(machine.memory.usedBytes).toBe(before)
    for (const use of [() => map.get(1), () => map.set(1, {}), () => map.size, () => [...map.keys()]]) {
      expect(codeOf(use)).toBe('ERR_DISPOSED')
    }
  })
})

describe('records', () => {
  const ring = () => {
    const machine = new TestMachine()
    const store = machine.create<RingBufferStore & HostMapStore>(RINGBUF, {
      keySize: 0,
      valueSize: 0,
      maxEntries: 4096,
    })
    const map = new BpfMap(machine.memory, store, { event: createEventCodecs('events', btf, 2) })
    const send = (x: number, size = 8) => {
      machine.value(Uint8Array.of(x, 0, 0, 0, 1, 0, 0, 0))
      return store.output(machine.valueAt, size, 0)
    }
    return { machine, map, send }
  }

  it('are decoded by their type', () => {
    const { map, send } = ring()
    expect(map.read()).toBeUndefined()
    send(1)
    send(2)
    send(3, 5)
    expect(map.read()).toEqual({ x: 1, y: 1 })
    expect(map.drain()).toEqual([{ x: 2, y: 1 }, Uint8Array.of(3, 0, 0, 0, 1)])
    while (send(0) === 0);
    expect(map.lost).toBe(1)
    map.clear()
    expect([map.read(), map.size]).toEqual([undefined, 0])
  })

  it('are pushed to who waits for them, until the map is disposed of', async () => {
    const { map, send } = ring()
    const seen: unknown[] = []
    const reader = (async () => {
      for await (const event of map) seen.push((event as { x: number }).x)
    })()
    send(1)
    await new Promise((resolve) => setTimeout(resolve, 1))
    send(2)
    send(3)
    await new Promise((resolve) => setTimeout(resolve, 1))
    expect(seen).toEqual([1, 2, 3])
    map.dispose()
    await reader
  })

  it('come from perf event arrays too', async () => {
    const machine = new TestMachine()
    const store = machine.create<PerfEventStore & HostMapStore>(PERF_EVENT_ARRAY, { valueSize: 4, cpus: 2 })
    const map = new BpfMap(machine.memory, store)
    machine.value(Uint8Array.of(5, 6))
    const next = map[Symbol.asyncIterator]().next()
    store.outputEvent(1, 1, machine.valueAt, 2, 0, 0)
    expect(await next).toEqual({ value: Uint8Array.of(5, 6), done: false })
    store.outputEvent(1, 1, machine.valueAt, 1, 0, 0)
    expect(map.readRecord()).toEqual({ cpu: 1, bytes: Uint8Array.of(5) })
  })

  it('are not what other maps have, nor keys what these have', () => {
    const { map } = ring()
    for (const use of [() => map.get(0), () => map.has(0), () => [...map.keys()], () => live(HASH).map.read()]) {
      expect(codeOf(use)).toMatch(/^ERR_(MAP|USAGE)$/)
    }
  })
})
