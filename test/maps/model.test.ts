import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ARRAY, HASH, type HostMapStore, PERCPU_ARRAY, PERCPU_HASH } from '../../src/maps/index.ts'
import { E2BIG, EEXIST, EINVAL, ENOENT } from '../../src/spec/errno.ts'
import { bytesToHex, isAnybpfError, SeededRandom } from '../../src/util/index.ts'
import { HASH_BLOCK_BYTES, MAP_COUNT, MAP_DATA } from '../../src/vm/guest-layout.ts'
import { runs, SEED } from '../support/runs.ts'
import { TestMachine } from './support.ts'

interface Shape {
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly cpus: number
  readonly flags: number
}

/** What a test does, on the store and on a plain Map beside it. */
interface Subject {
  readonly machine: TestMachine
  readonly store: HostMapStore
  readonly shape: Shape
}

interface Model {
  /** Values of every CPU, by the key in hexadecimal. */
  readonly elements: Map<string, Uint8Array[]>
}

/** Few keys, so that they meet again; `n` also decides the length of runs of equal bytes. */
function keyOf(n: number, size: number): Uint8Array {
  const key = new Uint8Array(size)
  for (let i = 0; i < size; i++) key[(i * 7) % size] = (n >> (3 * (i % 3))) & 7
  return key
}

function randomValue(n: number, size: number): Uint8Array {
  return new SeededRandom(n).bytes(size)
}

class Update implements fc.Command<Model, Subject> {
  readonly key: number
  readonly value: number
  readonly flags: number
  readonly cpu: number

  constructor(key: number, value: number, flags: number, cpu: number) {
    this.key = key
    this.value = value
    this.flags = flags
    this.cpu = cpu
  }

  check(): boolean {
    return true
  }

  run({ elements }: Model, { machine, store, shape }: Subject): void {
    const { keySize, valueSize, maxEntries, cpus } = shape
    const key = keyOf(this.key, keySize)
    const name = bytesToHex(key)
    const value = randomValue(this.value, valueSize)
    const cpu = this.cpu % cpus
    const known = elements.get(name)
    const expected =
      this.flags > 2
        ? -EINVAL
        : known !== undefined
          ? this.flags === 1
            ? -EEXIST
            : 0
          : this.flags === 2
            ? -ENOENT
            : elements.size >= maxEntries
              ? -E2BIG
              : 0
    expect(store.update(machine.key(key), machine.value(value), this.flags, cpu)).toBe(expected)
    if (expected !== 0) return
    const copies = known ?? Array.from({ length: cpus }, () => new Uint8Array(valueSize))
    copies[cpu] = value
    elements.set(name, copies)
  }

  toString(): string {
    return `update(${this.key}, ${this.value}, ${this.flags}, cpu ${this.cpu})`
  }
}

class Delete implements fc.Command<Model, Subject> {
  readonly key: number

  constructor(key: number) {
    this.key = key
  }

  check(): boolean {
    return true
  }

  run({ elements }: Model, { machine, store, shape }: Subject): void {
    const key = keyOf(this.key, shape.keySize)
    expect(store.delete(machine.key(key))).toBe(elements.delete(bytesToHex(key)) ? 0 : -ENOENT)
  }

  toString(): string {
    return `delete(${this.key})`
  }
}

class Lookup implements fc.Command<Model, Subject> {
  readonly key: number

  constructor(key: number) {
    this.key = key
  }

  check(): boolean {
    return true
  }

  run({ elements }: Model, { machine, store, shape }: Subject): void {
    const key = keyOf(this.key, shape.keySize)
    const known = elements.get(bytesToHex(key))
    for (let cpu = 0; cpu < shape.cpus; cpu++) {
      const address = store.lookup(machine.key(key), cpu)
      expect(address !== 0).toBe(known !== undefined)
      if (known === undefined) continue
      expect(address % 8).toBe(0)
      expect(machine.memory.read(address, shape.valueSize)).toEqual(known[cpu])
      expect(machine.regions.find(address, shape.valueSize)).toBeDefined()
    }
  }

  toString(): string {
    return `lookup(${this.key})`
  }
}

/** Walks all keys, deleting every `every`th on the way. */
class Walk implements fc.Command<Model, Subject> {
  readonly every: number

  constructor(every: number) {
    this.every = every
  }

  check(): boolean {
    return true
  }

  run({ elements }: Model, { machine, store, shape }: Subject): void {
    expect(store.size).toBe(elements.size)
    const walked: string[] = []
    for (let key = 0; store.nextKey(key, machine.keyAt) === 0; key = machine.keyAt) {
      walked.push(bytesToHex(machine.memory.read(machine.keyAt, shape.keySize)))
    }
    expect([...walked].sort()).toEqual([...elements.keys()].sort())
    const survivors: string[] = []
    for (let key = store.nextElement?.(0) ?? 0; key !== 0; key = store.nextElement?.(key) ?? 0) {
      const name = bytesToHex(machine.memory.read(key, shape.keySize))
      survivors.push(name)
      if (survivors.length % this.every !== 0) continue
      expect(store.delete(key)).toBe(0)
      elements.delete(name)
    }
    expect(survivors).toEqual(walked)
  }

  toString(): string {
    return `walk(deleting every ${this.every})`
  }
}

const commands = [
  fc
    .tuple(fc.nat(511), fc.nat(), fc.constantFrom(0, 0, 0, 0, 1, 2, 3), fc.nat(3))
    .map(([key, value, flags, cpu]) => new Update(key, value, flags, cpu)),
  fc.nat(511).map((key) => new Delete(key)),
  fc.nat(511).map((key) => new Lookup(key)),
  fc.integer({ min: 1, max: 9 }).map((every) => new Walk(every)),
]

const shapes = fc.record({
  keySize: fc.integer({ min: 1, max: 24 }),
  valueSize: fc.oneof(fc.integer({ min: 1, max: 24 }), fc.integer({ min: 1, max: 200 })),
  maxEntries: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 300 })),
  cpus: fc.integer({ min: 1, max: 3 }),
  flags: fc.constantFrom(0, 1),
})

describe('hash tables behave as a Map with a limit', () => {
  for (const definition of [HASH, PERCPU_HASH]) {
    for (const shared of [false, true]) {
      it(`${definition.spec.name}${shared ? ' in shared memory, with locks' : ''}`, () => {
        fc.assert(
          fc.property(shapes, fc.commands(commands, { maxCommands: 60 }), (parameters, sequence) => {
            const cpus = definition === HASH ? 1 : parameters.cpus
            const shape = { ...parameters, cpus }
            const machine = new TestMachine({ limit: 4 << 20, shared })
            const before = machine.memory.usedBytes
            const store = machine.create(definition, shape)
            const model: Model = { elements: new Map() }
            fc.modelRun(() => ({ model, real: { machine, store, shape } }), sequence)
            store.dispose()
            expect(machine.memory.usedBytes).toBe(before)
          }),
          { numRuns: runs(2000), seed: SEED },
        )
      })
    }
  }

  it('holds many elements, through growth, deletion and reuse', () => {
    const machine = new TestMachine()
    const store = machine.create(HASH, { keySize: 8, valueSize: 4, maxEntries: 20_000 })
    const model = new Map<number, number>()
    const random = new SeededRandom(SEED)
    const key = new Uint8Array(8)
    const view = new DataView(key.buffer)
    let wrong = 0
    for (let i = 0; i < 200_000; i++) {
      const n = random.below(40_000)
      view.setUint32(0, n, true)
      if (random.below(3) === 0) {
        if (store.delete(machine.key(key)) !== (model.delete(n) ? 0 : -ENOENT)) wrong++
      } else {
        const full = model.size === 20_000 && !model.has(n)
        if (store.update(machine.key(key), machine.value(i), 0, 0) !== (full ? -E2BIG : 0)) wrong++
        if (!full) model.set(n, i)
      }
    }
    expect(store.size).toBe(model.size)
    for (const [n, value] of model) {
      view.setUint32(0, n, true)
      if (machine.memory.view.getUint32(store.lookup(machine.key(key), 0), true) !== value) wrong++
    }
    expect(wrong).toBe(0)
  })
})

describe('arrays behave as a list of fixed length', () => {
  for (const definition of [ARRAY, PERCPU_ARRAY]) {
    it(definition.spec.name, () => {
      const step = fc.tuple(fc.oneof(fc.nat(12), fc.constant(0xffffffff)), fc.nat(), fc.nat(3), fc.nat(3))
      fc.assert(
        fc.property(shapes, fc.array(step, { maxLength: 60 }), ({ valueSize, cpus: wanted }, steps) => {
          const cpus = definition === ARRAY ? 1 : wanted
          const machine = new TestMachine({ limit: 1 << 20 })
          const store = machine.create(definition, { valueSize, cpus, maxEntries: 10 })
          const model: Uint8Array[][] = Array.from({ length: cpus }, () =>
            Array.from({ length: 10 }, () => new Uint8Array(valueSize)),
          )
          for (const [index, seed, flags, at] of steps) {
            const cpu = at % cpus
            const value = randomValue(seed, valueSize)
            const expected = flags > 2 ? -EINVAL : index >= 10 ? -E2BIG : flags === 1 ? -EEXIST : 0
            expect(store.update(machine.key(index), machine.value(value), flags, cpu)).toBe(expected)
            if (expected === 0) model[cpu]![index] = value
            expect(store.delete(machine.key(index))).toBe(-EINVAL)
          }
          for (let cpu = 0; cpu < cpus; cpu++) {
            for (let index = 0; index < 10; index++) {
              const address = store.lookup(machine.key(index), cpu)
              expect(machine.memory.read(address, valueSize)).toEqual(model[cpu]![index])
              expect(machine.regions.find(address, valueSize)).toBeDefined()
            }
          }
        }),
        { numRuns: runs(2000), seed: SEED },
      )
    })
  }
})

describe('a map whose metadata was overwritten', () => {
  it('names the fault or answers something, and never hangs', () => {
    const writes = fc.array(fc.tuple(fc.nat(1200), fc.nat(255)), { minLength: 1, maxLength: 30 })
    const seen = new Set<string>()
    fc.assert(
      fc.property(fc.constantFrom(HASH, PERCPU_HASH), writes, (definition, places) => {
        const machine = new TestMachine({ limit: 1 << 20 })
        const store = machine.create(definition, { maxEntries: 64, cpus: 2 })
        for (let i = 0; i < 40; i++) store.update(machine.key(i), machine.value(i), 0, 0)
        const value = store.lookup(machine.key(3), 0)
        for (const [at, byte] of places) {
          // The control block, or the slots around an element.
          if (at < HASH_BLOCK_BYTES) machine.memory.u8[store.address + (at & ~3) + (at % 3)] = byte
          else machine.memory.u8[value + (at - 900)] = byte
        }
        const calls: (() => unknown)[] = [
          () => store.lookup(machine.key(3), 0),
          () => store.update(machine.key(3), machine.value(1), 0, 0),
          () => store.update(machine.key(99), machine.value(1), 0, 0),
          () => store.nextKey(machine.key(3), machine.valueAt),
          () => store.delete(machine.key(4)),
        ]
        for (const call of calls) {
          try {
            call()
            seen.add('none')
          } catch (error) {
            if (!isAnybpfError(error)) throw error
            seen.add(error.code)
          }
        }
      }),
      { numRuns: runs(3000), seed: SEED },
    )
    expect(seen).toContain('ERR_FAULT')
    expect(seen).toContain('none')
  })

  it('ends a walk along a chain that was bent into a circle', () => {
    const machine = new TestMachine()
    const store = machine.create(HASH, { maxEntries: 1 })
    store.update(machine.key(1), machine.value(1), 0, 0)
    const slot = store.lookup(machine.key(1), 0) - 16
    machine.memory.view.setUint32(slot, slot, true)
    machine.memory.view.setUint32(slot + 4, 1, true)
    expect(machine.memory.view.getUint32(store.address + MAP_COUNT, true)).toBe(1)
    let message = ''
    try {
      store.lookup(machine.key(1), 0)
    } catch (error) {
      message = isAnybpfError(error) ? `${error.code} ${error.message}` : String(error)
    }
    expect(message).toMatch(/^ERR_FAULT a chain of a hash table is spoiled/)
  })

  it('stops waiting for a lock that nobody releases', () => {
    const machine = new TestMachine({ shared: true })
    const store = machine.create(HASH, { maxEntries: 1 })
    const buckets = machine.memory.view.getUint32(store.address + MAP_DATA, true)
    for (let i = 0; i < 8; i++) machine.memory.view.setUint32(buckets + 8 * i + 4, 1, true)
    let message = ''
    try {
      store.update(machine.key(1), machine.value(1), 0, 0)
    } catch (error) {
      message = isAnybpfError(error) ? `${error.code} ${error.message}` : String(error)
    }
    expect(message).toMatch(/^ERR_FAULT a lock was not released/)
  })
})
