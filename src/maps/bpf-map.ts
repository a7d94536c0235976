/**
 * A live map, as the host uses it: like a `Map`, with keys and values as JavaScript values (by BTF) or as bytes.
 *
 * ```ts
 * flows.set({ addr: '10.0.0.1', port: 80 }, { packets: 0n })
 * for (const [key, value] of flows.entries()) …      // deleting while walking is fine
 * counters.get(0)                                    // per-CPU: one value for each CPU
 * for await (const event of events) …                // ring buffer, perf event array
 * ```
 * Where a value or key is taken, a `Uint8Array` of the right length is its bytes.
 * @module
 */
/// <reference lib="esnext.disposable" preserve="true" />

import { type Codec, createUntypedCodec } from '../btf/values/codec.ts'
import { E2BIG, EEXIST, EINVAL, ENOENT, ENOSPC, ENOTSUPP, EPERM } from '../spec/errno.ts'
import { MAP_FLAG } from '../spec/map-types.ts'
import { AnybpfError } from '../util/errors.ts'
import type { GuestAddress, GuestMemory } from '../vm/guest-memory.ts'
import { spoiledError } from '../vm/guest-runtime.ts'
import { isProgramArray } from '../vm/stores.ts'
import { type EventStore, type HostMapStore, isEventStore, type MapEvent, MOST_SPARE_SLOTS } from './definition.ts'
import { mapError } from './errno.ts'
import type { EventCodecs } from './event-codecs.ts'
import type { MapShape } from './map-shapes.ts'

/** Flags of an update: any, only if new, only if there. */
export const UPDATE = { ANY: 0, NOEXIST: 1, EXIST: 2 } as const

export interface BpfMapOptions {
  /** Default: 1, 2, 4 and 8 bytes are an integer, other sizes bytes. */
  readonly key?: Codec
  readonly value?: Codec
  /** How records of a ring buffer or perf event array are read; default, and for sizes without a codec: as bytes. */
  readonly event?: EventCodecs
  /** The live map whose control block lies there: what values of a map-in-map become. */
  readonly innerMap?: (address: GuestAddress) => BpfMap | undefined
  /** Of a map-in-map: whether an inner map's values are what programs were verified with, beyond their size. Default: yes. */
  readonly admits?: (inner: BpfMap) => boolean
  /** Called once, when the map is disposed of, before its memory goes: for those who keep lists of maps. */
  readonly onDispose?: (map: BpfMap) => void
}

/** `Shape` is for the type checker: what a skeleton says of keys, values and records. */
export class BpfMap<Shape extends MapShape = MapShape> {
  readonly store: HostMapStore
  private readonly memory: GuestMemory
  private readonly key: Codec
  private readonly value: Codec
  private readonly event: EventCodecs | undefined
  private readonly innerMap: ((address: GuestAddress) => BpfMap | undefined) | undefined
  private readonly admits: ((inner: BpfMap) => boolean) | undefined
  private readonly onDispose: ((map: BpfMap) => void) | undefined
  /** Room for a key, one more key, and a value, in the linear memory; made when it is first needed. */
  private scratch: GuestAddress = 0
  private frozen = false
  private disposed = false
  private readonly waiting = new Set<() => void>()

  constructor(memory: GuestMemory, store: HostMapStore, options: BpfMapOptions = {}) {
    this.memory = memory
    this.store = store
    this.key = options.key ?? createUntypedCodec(store.keySize, { name: `${store.name} key` })
    this.value = options.value ?? createUntypedCodec(store.valueSize, { name: `${store.name} value` })
    this.event = options.event
    this.innerMap = options.innerMap
    this.admits = options.admits
    this.onDispose = options.onDispose
    if (isEventStore(store)) store.onEvent(() => this.wake())
  }

  get name(): string {
    return this.store.name
  }

  /** The platform's number of the map's type. */
  get typeId(): number {
    return this.store.typeId
  }

  get keySize(): number {
    return this.store.keySize
  }

  get valueSize(): number {
    return this.store.valueSize
  }

  get maxEntries(): number {
    return this.store.maxEntries
  }

  /** What a map pointer in a program is. */
  get address(): GuestAddress {
    return this.store.address
  }

  /** Where the value of key 0 lies: the base of global data. */
  get valueAddress(): GuestAddress {
    return this.lookup(new Uint8Array(this.keySize), 0)
  }

  /** Elements that are there; of a ring buffer the unread bytes, of a perf event array the unread records. */
  get size(): number {
    this.assertLive()
    if (this.store.size !== undefined) return this.store.size
    let count = 0
    for (const _ of this.keyAddresses()) count++
    return count
  }

  /** The value of a key, or undefined; of a per-CPU map an array with one value for each CPU. */
  get(key: Shape['keyInput']): Shape['value'] | undefined {
    return this.valueOf(this.encodeKey(key)) as Shape['value'] | undefined
  }

  /** The bytes of a value, or undefined; of a per-CPU map those of one CPU. Throws ERR_USAGE for a CPU without a copy. */
  getBytes(key: Shape['keyInput'], cpu = 0): Uint8Array | undefined {
    this.assertMay('lookup', MAP_FLAG.WRONLY)
    if (this.store.perCpu === true && !(Number.isInteger(cpu) && cpu >= 0 && cpu < this.copies)) {
      throw new AnybpfError('ERR_USAGE', `map ${this.name}: no value for CPU ${cpu}: it has ${this.copies}`)
    }
    const address = this.lookup(this.encodeKey(key), cpu)
    return address === 0 || 'inner' in this.store ? undefined : this.memory.read(address, this.valueSize)
  }

  has(key: Shape['keyInput']): boolean {
    return this.lookup(this.encodeKey(key), 0) !== 0
  }

  /**
   * Stores a value: of a per-CPU map an array with one for each CPU, or one value for all of them; of a map-in-map the inner
   * map; of a program array a program, or its index. Throws ERR_MAP with the errno's name (`E2BIG`, `EEXIST` …), ERR_USAGE if
   * key or value do not have the type.
   */
  set(key: Shape['keyInput'], value: Shape['valueInput'], flags: number = UPDATE.ANY): this {
    this.assertMay('update', MAP_FLAG.RDONLY)
    if (isEventStore(this.store))
      throw mapError(this.name, 'update', ENOTSUPP, 'programs send records, the host reads them')
    const keyBytes = this.encodeKey(key)
    const values = this.store.perCpu === true ? this.encodeCopies(value, this.copies) : [this.encodeValue(value)]
    if ('inner' in this.store) this.checkInner(values[0]!)
    const at = this.room()
    this.memory.u8.set(keyBytes, at)
    values.forEach((bytes, cpu) => {
      if (this.overwrite(at, bytes, flags)) return
      this.memory.u8.set(bytes, at + this.valueOffset)
      // Only the first copy can find the element there, or not.
      const result = this.store.update(at, at + this.valueOffset, cpu === 0 ? flags : UPDATE.ANY, cpu)
      this.memory.refresh()
      if (result !== 0) throw mapError(this.name, 'update', result, this.whyNot(result, keyBytes))
    })
    return this
  }

  /** Whether the key was there. Throws ERR_MAP where the type does not allow deletion. */
  delete(key: Shape['keyInput']): boolean {
    this.assertMay('delete', MAP_FLAG.RDONLY)
    const at = this.placeKey(this.encodeKey(key))
    const result = this.store.delete(at)
    if (result !== 0 && result !== -ENOENT) throw mapError(this.name, 'delete', result)
    return result === 0
  }

  /** Deletes everything; sets the values of an array to zero; drops unread records. */
  clear(): void {
    if (isEventStore(this.store)) {
      while (this.store.readEvent() !== undefined);
      return
    }
    this.assertMay('clear', MAP_FLAG.RDONLY)
    const references = 'inner' in this.store || isProgramArray(this.store)
    for (const key of this.keyAddresses()) {
      if (this.store.indexed !== true || references) {
        this.store.delete(key)
        continue
      }
      for (let cpu = 0; cpu < this.copies; cpu++) {
        const value = this.store.lookup(key, cpu)
        this.memory.u8.fill(0, value, value + this.valueSize)
      }
    }
  }

  /**
   * All keys. Elements may be changed, deleted and added meanwhile: what is there from beginning to end comes once, the rest
   * at most once. A value that a program replaces counts as deleted and added.
   */
  *keys(): IterableIterator<Shape['key']> {
    for (const key of this.keyAddresses()) yield this.key.decode(this.memory.read(key, this.keySize)) as Shape['key']
  }

  /** Like `keys`, with the values. */
  *entries(): IterableIterator<[key: Shape['key'], value: Shape['value']]> {
    this.assertMay('lookup', MAP_FLAG.WRONLY)
    for (const address of this.keyAddresses()) {
      const bytes = this.memory.read(address, this.keySize)
      const value = this.valueOf(bytes) as Shape['value'] | undefined
      if (value !== undefined) yield [this.key.decode(bytes) as Shape['key'], value]
    }
  }

  *values(): IterableIterator<Shape['value']> {
    for (const [, value] of this.entries()) yield value
  }

  [Symbol.iterator](): IterableIterator<[key: Shape['key'], value: Shape['value']]> {
    return this.entries()
  }

  /** From here on the host cannot change the map either: what `.rodata` is. */
  freeze(): void {
    this.frozen = true
  }

  /** The oldest record of a ring buffer or perf event array, which is taken out; undefined if there is none. */
  read(): Shape['record'] | undefined {
    const record = this.readRecord()
    return record === undefined ? undefined : this.decodeEvent(record.bytes)
  }

  /** The same, as bytes and with the CPU that sent it. */
  readRecord(): MapEvent | undefined {
    return this.events().readEvent()
  }

  /** All records that are there. */
  drain(): Shape['record'][] {
    const events: Shape['record'][] = []
    for (let record = this.readRecord(); record !== undefined; record = this.readRecord()) {
      events.push(this.decodeEvent(record.bytes))
    }
    return events
  }

  /** Records that programs could not send because there was no room. */
  get lost(): number {
    return this.events().lost
  }

  /** Whether programs send records through this map. */
  get hasEvents(): boolean {
    return isEventStore(this.store)
  }

  /** A record's value, by the type that was given for records; bytes without one. */
  decodeEvent(bytes: Uint8Array): Shape['record'] {
    return (this.event?.(bytes.length)?.decode(bytes) ?? bytes) as Shape['record']
  }

  /** Records as they come; ends when the map is disposed of. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Shape['record'], void, void> {
    const store = this.events()
    while (!this.disposed) {
      const record = store.readEvent()
      if (record !== undefined) {
        yield this.decodeEvent(record.bytes)
        continue
      }
      await new Promise<void>((resolve) => this.waiting.add(resolve))
    }
  }

  /** Frees the map's memory. Programs that use it must have ended. */
  dispose(): void {
    if (this.disposed) return
    this.disposed = true
    this.wake()
    this.onDispose?.(this)
    if (this.scratch !== 0) this.memory.free(this.scratch)
    this.store.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** What Node's console shows of it. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `BpfMap ${this.name} (key ${this.keySize}, value ${this.valueSize}, at most ${this.maxEntries} entries)`
  }

  private get copies(): number {
    return this.store.cpus ?? 1
  }

  /** From the scratch room's start to that of the value; before it are two keys. */
  private get valueOffset(): number {
    return 2 * this.keyRoom
  }

  private get keyRoom(): number {
    return (this.keySize + 7) & ~7
  }

  private room(): GuestAddress {
    this.assertLive()
    if (this.scratch === 0) this.scratch = this.memory.allocate(this.valueOffset + this.valueSize)
    return this.scratch
  }

  private placeKey(bytes: Uint8Array): GuestAddress {
    const at = this.room()
    this.memory.u8.set(bytes, at)
    return at
  }

  /**
   * Writes over the value that is there, if no other thread can see half of it: an element that stays in its place is met
   * once by a walk that changes what it meets. False where the store has to do it.
   */
  private overwrite(key: GuestAddress, value: Uint8Array, flags: number): boolean {
    const { memory, store } = this
    const walksByPlace = store.nextElement !== undefined && !('inner' in store) && store.perCpu !== true
    if (!walksByPlace || memory.shared || (flags !== UPDATE.ANY && flags !== UPDATE.EXIST)) return false
    const address = store.lookup(key, 0)
    if (address === 0 || address + value.length > memory.u8.length) return false
    memory.u8.set(value, address)
    return true
  }

  private lookup(key: Uint8Array, cpu: number): GuestAddress {
    if (isEventStore(this.store)) throw mapError(this.name, 'lookup', ENOTSUPP)
    return this.find(this.placeKey(key), cpu)
  }

  /** The host's reading is no use of an element: it does not keep it from being evicted. */
  private find(key: GuestAddress, cpu: number): GuestAddress {
    const { store } = this
    return store.peek === undefined ? store.lookup(key, cpu) : store.peek(key, cpu)
  }

  private valueOf(key: Uint8Array): unknown {
    this.assertMay('lookup', MAP_FLAG.WRONLY)
    const address = this.lookup(key, 0)
    if (address === 0) return undefined
    if ('inner' in this.store) return this.innerMap?.(address) ?? address
    if (isProgramArray(this.store)) return this.memory.view.getUint32(address, true) - 1
    if (this.store.perCpu !== true) return this.value.decode(this.memory.read(address, this.valueSize))
    const values: unknown[] = []
    for (let cpu = 0; cpu < this.copies; cpu++) {
      values.push(this.value.decode(this.memory.read(this.find(this.scratch, cpu), this.valueSize)))
    }
    return values
  }

  /** What an errno means here, where the map can tell. */
  private whyNot(result: number, key: Uint8Array): string | undefined {
    if (result === -EEXIST) return 'the key is there already'
    if (result === -ENOENT) return 'the key is not there'
    if (result !== -E2BIG && result !== -ENOSPC) return undefined
    if (this.store.indexed !== true) return `it is full: ${this.maxEntries} entries`
    const index = new DataView(key.buffer, key.byteOffset).getUint32(0, true)
    return `there is no entry ${index}: it has ${this.maxEntries}`
  }

  private encodeKey(key: unknown): Uint8Array {
    if (key instanceof Uint8Array && key.length === this.keySize) return key
    return this.key.encode(key)
  }

  private encodeValue(value: unknown): Uint8Array {
    if (value instanceof Uint8Array && value.length === this.valueSize) return value
    if ('inner' in this.store) return reference(value instanceof BpfMap ? value.address : value, 0)
    if (isProgramArray(this.store)) {
      const index = typeof value === 'object' && value !== null && 'index' in value ? value.index : value
      return reference(index, 1)
    }
    return this.value.encode(value)
  }

  private checkInner(value: Uint8Array): void {
    const address = new DataView(value.buffer, value.byteOffset, value.byteLength).getUint32(0, true)
    const inner = this.innerMap?.(address)
    if (inner === undefined || this.admits === undefined || this.admits(inner)) return
    const reason = 'its values have other locks, timers or kernel pointers than the inner map that is declared'
    throw mapError(this.name, 'update', -EINVAL, reason)
  }

  private encodeCopies(value: unknown, copies: number): Uint8Array[] {
    if (!Array.isArray(value)) return new Array<Uint8Array>(copies).fill(this.encodeValue(value))
    if (value.length !== copies) {
      throw new AnybpfError('ERR_USAGE', `map ${this.name}: ${value.length} values for ${copies} CPUs`)
    }
    return value.map((copy) => this.encodeValue(copy))
  }

  /** The addresses of all keys, one after the other; each is valid until the next one is asked for. */
  private *keyAddresses(): IterableIterator<GuestAddress> {
    const { store } = this
    if (isEventStore(store)) throw mapError(this.name, 'iteration', ENOTSUPP)
    const at = this.room()
    if (store.indexed === true) {
      const key = at + this.keyRoom
      for (let index = 0; index < store.maxEntries; index++) {
        this.assertLive()
        this.memory.view.setUint32(key, index, true)
        if (store.lookup(key, 0) !== 0) yield key
      }
    } else if (store.nextElement !== undefined) {
      // No walk sees more elements than can be there, and the slots in reserve for replacements: else its links lead in a circle.
      let left = store.maxEntries + MOST_SPARE_SLOTS + 1
      for (let key = store.nextElement(0); key !== 0; key = store.nextElement(key)) {
        if (left-- === 0) throw spoiledError(`elements of map ${this.name} are spoiled`, store.address)
        yield key
        this.assertLive()
      }
    } else {
      yield* this.copiedKeys()
    }
  }

  /** For stores that cannot go on from a key that was deleted: takes all keys before the first is handed out. */
  private *copiedKeys(): IterableIterator<GuestAddress> {
    const { store } = this
    const at = this.room()
    const next = at + this.keyRoom
    const keys: Uint8Array[] = []
    for (let key = 0; ; key = at) {
      const result = store.nextKey(key, next)
      if (result === -ENOENT) break
      if (result !== 0) throw mapError(this.name, 'iteration', result)
      if (keys.length > store.maxEntries) throw spoiledError(`keys of map ${this.name} go in a circle`, store.address)
      const bytes = this.memory.read(next, this.keySize)
      keys.push(bytes)
      this.memory.u8.set(bytes, at)
    }
    for (const bytes of keys) {
      this.assertLive()
      this.memory.u8.set(bytes, next)
      if (store.holds?.(next) !== false) yield next
    }
  }

  private events(): EventStore {
    this.assertLive()
    if (isEventStore(this.store)) return this.store
    throw mapError(this.name, 'reading records', ENOTSUPP)
  }

  private wake(): void {
    for (const resolve of this.waiting) resolve()
    this.waiting.clear()
  }

  private assertLive(): void {
    if (this.disposed) throw new AnybpfError('ERR_DISPOSED', `map ${this.name} was disposed of`)
  }

  /** `forbidding`: the creation flag that keeps the host from it. */
  private assertMay(operation: string, forbidding: number): void {
    this.assertLive()
    const forbidden = ((this.store.flags ?? 0) & forbidding) !== 0
    if (forbidden || (this.frozen && forbidding === MAP_FLAG.RDONLY)) throw mapError(this.name, operation, EPERM)
  }
}

/** The four bytes of an address or index, `plus` added. */
function reference(value: unknown, plus: number): Uint8Array {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value + plus > 0xffff_ffff) {
    throw new AnybpfError(
      'ERR_USAGE',
      plus === 0 ? 'expected a map, or its address' : 'expected a program, or its index',
    )
  }
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value + plus, true)
  return bytes
}
