/**
 * LRU_HASH and LRU_PERCPU_HASH: hash tables that are never full. A new key in a table of `max_entries` elements drops the one
 * used longest ago; a program's lookup and every update are uses, a lookup by the host is none, as in Linux.
 *
 * The order of use is exact. (Linux's is approximate, and it may drop several elements before the table is full: which
 * ones is not part of its contract.) An update of a key that is there drops nothing.
 *
 * Errors: update -EEXIST for BPF_NOEXIST, -ENOENT for BPF_EXIST, -EINVAL for unknown flags, -ENOMEM; delete -ENOENT. Creation
 * with BPF_F_NO_PREALLOC: ENOTSUPP. BPF_F_NO_COMMON_LRU, a list for each CPU, is accepted: the one list keeps its promise.
 * @see https://docs.kernel.org/bpf/map_hash.html
 * @module
 */
import { KIND_LRU_HASH, KIND_LRU_PERCPU_HASH, LRU_BLOCK_BYTES, SLOT_KEY } from '../vm/guest-layout.ts'
import type { GuestAddress } from '../vm/guest-memory.ts'
import type { Machine } from '../vm/machine.ts'
import type { MapParameters, MapTypeDefinition } from './definition.ts'
import { hashSeed } from './hash.ts'
import { linuxMapType } from './linux-map-type.ts'
import { checkLruHash } from './parameters.ts'
import { SlabStore } from './slab-store.ts'

class LruHashStore extends SlabStore {
  constructor(machine: Machine, parameters: MapParameters, typeId: number, kind: number, copies: number) {
    const { runtime } = machine.memory
    const seed = hashSeed(machine, parameters)
    super(machine, parameters, { typeId, kind, blockBytes: LRU_BLOCK_BYTES, copies }, (address) =>
      runtime.lruInit(address, copies, seed),
    )
  }

  lookup(key: GuestAddress, cpu: number): GuestAddress {
    try {
      const value = this.runtime.lruPercpuHashLookup(this.address, key, cpu) >>> 0
      this.coverSlabs()
      return value
    } catch (error) {
      throw this.fault(error)
    }
  }

  peek(key: GuestAddress, cpu: number): GuestAddress {
    try {
      const value = this.runtime.percpuHashLookup(this.address, key, cpu) >>> 0
      this.coverSlabs()
      return value
    } catch (error) {
      throw this.fault(error)
    }
  }

  update(key: GuestAddress, value: GuestAddress, flags: number, cpu: number): number {
    try {
      const result = this.runtime.lruPercpuHashUpdate(this.address, key, value, flags, cpu)
      this.memory.refresh()
      return result
    } catch (error) {
      throw this.fault(error)
    }
  }

  override delete(key: GuestAddress): number {
    try {
      return this.runtime.lruHashDelete(this.address, key)
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

  /** As in plain hash tables: the order of slots, which deleting and using elements do not change. */
  nextElement(after: GuestAddress): GuestAddress {
    const slot = this.call(() => this.runtime.hashNextSlot(this.address, after === 0 ? 0 : after - SLOT_KEY))
    return slot === 0 ? 0 : slot + SLOT_KEY
  }

  protected release(): void {
    this.releaseSlabs(() => this.runtime.hashDispose(this.address))
  }
}

/** One copy of every value, whoever asks. */
class PlainLruHashStore extends LruHashStore {
  override lookup(key: GuestAddress): GuestAddress {
    return super.lookup(key, 0)
  }

  override peek(key: GuestAddress): GuestAddress {
    return super.peek(key, 0)
  }

  override update(key: GuestAddress, value: GuestAddress, flags: number): number {
    try {
      const result = this.runtime.lruHashUpdate(this.address, key, value, flags, 0)
      this.memory.refresh()
      return result
    } catch (error) {
      throw this.fault(error)
    }
  }
}

export const LRU_HASH: MapTypeDefinition = linuxMapType('lru_hash', (machine, parameters, { id }) => {
  checkLruHash(parameters, 'plain')
  return new PlainLruHashStore(machine, parameters, id, KIND_LRU_HASH, 1)
})

export const LRU_PERCPU_HASH: MapTypeDefinition = linuxMapType('lru_percpu_hash', (machine, parameters, { id }) => {
  checkLruHash(parameters, 'percpu')
  return new LruHashStore(machine, parameters, id, KIND_LRU_PERCPU_HASH, parameters.cpus)
})
