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
import { KIND_LRU_HASH, KIND_LRU_PERCPU_HASH, LRU_BLOCK_BYTES } from '../vm/guest-layout.ts'
import type { GuestAddress } from '../vm/guest-memory.ts'
import type { Machine } from '../vm/machine.ts'
import type { MapParameters, MapTypeDefinition } from './definition.ts'
import { hashSeed, KeyedSlabStore } from './hash.ts'
import { linuxMapType } from './linux-map-type.ts'
import { checkLruHash } from './parameters.ts'
import type { SlabOperations } from './slab-store.ts'

class LruHashStore extends KeyedSlabStore {
  private readonly unnoted: SlabOperations['lookup']

  constructor(machine: Machine, parameters: MapParameters, typeId: number, kind: number, copies: number) {
    const { runtime } = machine.memory
    const seed = hashSeed(machine, parameters)
    const layout = { typeId, kind, blockBytes: LRU_BLOCK_BYTES, copies }
    const perCpu = kind === KIND_LRU_PERCPU_HASH
    const operations = {
      lookup: perCpu ? runtime.lruPercpuHashLookup : runtime.lruHashLookup,
      update: perCpu ? runtime.lruPercpuHashUpdate : runtime.lruHashUpdate,
      delete: runtime.lruHashDelete,
      nextKey: runtime.hashNextKey,
      dispose: runtime.hashDispose,
    }
    super(machine, parameters, layout, operations, (address) => runtime.lruInit(address, copies, seed))
    this.unnoted = perCpu ? runtime.percpuHashLookup : runtime.hashLookup
  }

  peek(key: GuestAddress, cpu: number): GuestAddress {
    return this.find(this.unnoted, key, cpu)
  }
}

export const LRU_HASH: MapTypeDefinition = linuxMapType('lru_hash', (machine, parameters, { id }) => {
  checkLruHash(parameters, 'plain')
  return new LruHashStore(machine, parameters, id, KIND_LRU_HASH, 1)
})

export const LRU_PERCPU_HASH: MapTypeDefinition = linuxMapType('lru_percpu_hash', (machine, parameters, { id }) => {
  checkLruHash(parameters, 'percpu')
  return new LruHashStore(machine, parameters, id, KIND_LRU_PERCPU_HASH, parameters.cpus)
})
