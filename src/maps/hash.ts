/**
 * HASH and PERCPU_HASH: values by key.
 *
 * Errors: update -E2BIG when `max_entries` are there, -EEXIST for BPF_NOEXIST, -ENOENT for BPF_EXIST, -EINVAL for unknown
 * flags, -ENOMEM; delete -ENOENT.
 *
 * As in Linux an update of a value that is there puts a new value in its place: whoever holds the old one's address goes on
 * seeing that. Memory grows with the elements; `max_entries` is only a limit, so BPF_F_NO_PREALLOC makes no difference.
 * @see https://docs.kernel.org/bpf/map_hash.html
 * @module
 */
import { MAP_FLAG } from '../spec/map-types.ts'
import {
  HASH_BLOCK_BYTES,
  HASH_DIRECTORY,
  HASH_FRESH,
  HASH_FRESH_END,
  HASH_MAX_SLABS,
  HASH_SLABS,
  HASH_VALUE_OFFSET,
  KIND_HASH,
  KIND_PERCPU_HASH,
  MAP_CPU_STRIDE,
  MAP_STRIDE,
  SLOT_KEY,
} from '../vm/guest-layout.ts'
import type { GuestAddress } from '../vm/guest-memory.ts'
import { spoiledError } from '../vm/guest-runtime.ts'
import type { Machine } from '../vm/machine.ts'
import type { MapParameters, MapTypeDefinition } from './definition.ts'
import { linuxMapType } from './linux-map-type.ts'
import { checkHash } from './parameters.ts'
import { ControlBlockStore } from './store.ts'

export class HashStore extends ControlBlockStore {
  /** Starts of the slabs that have a region. */
  private readonly slabs: GuestAddress[] = []
  private readonly stride: number
  private readonly valueOffset: number
  private readonly cpuStride: number
  private readonly slabsIndex: number

  constructor(machine: Machine, parameters: MapParameters, typeId: number, kind: number, copies: number) {
    super(machine, parameters, { typeId, kind, blockBytes: HASH_BLOCK_BYTES, copies })
    const seed = (parameters.flags & MAP_FLAG.ZERO_SEED) === 0 ? this.memory.hashSeed : 0
    this.initialise(() => this.runtime.hashInit(this.address, copies, seed))
    this.stride = this.field(MAP_STRIDE)
    this.valueOffset = this.field(HASH_VALUE_OFFSET)
    this.cpuStride = this.field(MAP_CPU_STRIDE)
    this.slabsIndex = (this.address + HASH_SLABS) >>> 2
  }

  lookup(key: GuestAddress, cpu: number): GuestAddress {
    try {
      const value = this.runtime.percpuHashLookup(this.address, key, cpu) >>> 0
      if (this.memory.u32[this.slabsIndex] !== this.slabs.length) this.addRegions()
      return value
    } catch (error) {
      throw this.fault(error)
    }
  }

  update(key: GuestAddress, value: GuestAddress, flags: number, cpu: number): number {
    try {
      const result = this.runtime.percpuHashUpdate(this.address, key, value, flags, cpu)
      this.memory.refresh()
      return result
    } catch (error) {
      throw this.fault(error)
    }
  }

  override delete(key: GuestAddress): number {
    try {
      return this.runtime.hashDelete(this.address, key)
    } catch (error) {
      throw this.fault(error)
    }
  }

  nextKey(key: GuestAddress, out: GuestAddress): number {
    try {
      return this.runtime.hashNextKey(this.address, key, out)
    } catch (error) {
      throw this.fault(error)
    }
  }

  /** The key after the element whose key lies (or lay: deleting it does no harm) at `after`; 0 at the end. */
  nextElement(after: GuestAddress): GuestAddress {
    const slot = this.call(() => this.runtime.hashNextSlot(this.address, after === 0 ? 0 : after - SLOT_KEY))
    return slot === 0 ? 0 : slot + SLOT_KEY
  }

  protected release(): void {
    for (const start of this.slabs) this.machine.regions.remove(start)
    if (this.call(() => this.runtime.hashDispose(this.address)) !== 0) {
      throw spoiledError(`blocks of map ${this.name} are spoiled`, this.address)
    }
  }

  /** Gives the slabs that were added since the last call their regions. */
  private addRegions(): void {
    this.memory.refresh()
    const count = Math.min(this.field(HASH_SLABS), HASH_MAX_SLABS)
    for (let i = this.slabs.length; i < count; i++) {
      const start = this.field(HASH_DIRECTORY + 8 * i)
      const end = this.field(HASH_DIRECTORY + 8 * i + 4)
      this.slabs.push(start)
      this.machine.regions.add({
        start,
        end,
        writable: this.writableByPrograms,
        name: `map ${this.name}`,
        covers: (from, size) => this.isInValue(start, end, from, size),
      })
    }
  }

  /**
   * Within one value of a slot that is, or was, in use. The memory of a deleted element is still its map's, and a program that
   * looked it up before may go on using it, as in Linux.
   */
  private isInValue(start: GuestAddress, end: GuestAddress, from: GuestAddress, size: number): boolean {
    const inSlot = (from - start) % this.stride
    if (inSlot < this.valueOffset) return false
    if (((inSlot - this.valueOffset) % this.cpuStride) + size > this.valueSize) return false
    return this.field(HASH_FRESH_END) !== end || from - inSlot < this.field(HASH_FRESH)
  }
}

/** One copy of every value, whoever asks. */
export class PlainHashStore extends HashStore {
  override lookup(key: GuestAddress): GuestAddress {
    return super.lookup(key, 0)
  }

  override update(key: GuestAddress, value: GuestAddress, flags: number): number {
    try {
      const result = this.runtime.hashUpdate(this.address, key, value, flags, 0)
      this.memory.refresh()
      return result
    } catch (error) {
      throw this.fault(error)
    }
  }
}

export const HASH: MapTypeDefinition = linuxMapType('hash', (machine, parameters, { id }) => {
  checkHash(parameters, 'plain')
  return new PlainHashStore(machine, parameters, id, KIND_HASH, 1)
})

export const PERCPU_HASH: MapTypeDefinition = linuxMapType('percpu_hash', (machine, parameters, { id }) => {
  checkHash(parameters, 'percpu')
  return new HashStore(machine, parameters, id, KIND_PERCPU_HASH, parameters.cpus)
})
