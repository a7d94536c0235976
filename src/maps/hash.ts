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
import { HASH_BLOCK_BYTES, KIND_HASH, KIND_PERCPU_HASH, SLOT_KEY } from '../vm/guest-layout.ts'
import type { GuestAddress } from '../vm/guest-memory.ts'
import type { GuestRuntimeExports } from '../vm/guest-runtime.ts'
import type { Machine } from '../vm/machine.ts'
import type { MapParameters, MapTypeDefinition } from './definition.ts'
import { linuxMapType } from './linux-map-type.ts'
import { checkHash } from './parameters.ts'
import { type SlabOperations, SlabStore } from './slab-store.ts'

/** Slots found by a table of keys; their order is that in which they were first used. */
export abstract class KeyedSlabStore extends SlabStore {
  /** The key after the element whose key lies (or lay: deleting it does no harm) at `after`; 0 at the end. */
  nextElement(after: GuestAddress): GuestAddress {
    const slot = this.call(() => this.runtime.hashNextSlot(this.address, after === 0 ? 0 : after - SLOT_KEY))
    return slot === 0 ? 0 : slot + SLOT_KEY
  }
}

/** A hash table; `kind` says of what: values, values for each CPU, maps. */
export class HashStore extends KeyedSlabStore {
  constructor(machine: Machine, parameters: MapParameters, typeId: number, kind: number, copies: number) {
    const { runtime } = machine.memory
    const seed = hashSeed(machine, parameters)
    const layout = { typeId, kind, blockBytes: HASH_BLOCK_BYTES, copies }
    super(machine, parameters, layout, hashOperations(runtime, kind), (address) =>
      runtime.hashInit(address, copies, seed, 0),
    )
  }
}

function hashOperations(runtime: GuestRuntimeExports, kind: number): SlabOperations {
  const perCpu = kind === KIND_PERCPU_HASH
  return {
    lookup: perCpu ? runtime.percpuHashLookup : kind === KIND_HASH ? runtime.hashLookup : runtime.hashOfMapsLookup,
    update: perCpu ? runtime.percpuHashUpdate : runtime.hashUpdate,
    delete: runtime.hashDelete,
    nextKey: runtime.hashNextKey,
    dispose: runtime.hashDispose,
  }
}

/** What keys are hashed with: the memory's own number, unless BPF_F_ZERO_SEED asks for 0. */
export function hashSeed(machine: Machine, { flags }: MapParameters): number {
  return (flags & MAP_FLAG.ZERO_SEED) === 0 ? machine.memory.hashSeed : 0
}

export const HASH: MapTypeDefinition = linuxMapType('hash', (machine, parameters, { id }) => {
  checkHash(parameters, 'plain')
  return new HashStore(machine, parameters, id, KIND_HASH, 1)
})

export const PERCPU_HASH: MapTypeDefinition = linuxMapType('percpu_hash', (machine, parameters, { id }) => {
  checkHash(parameters, 'percpu')
  return new HashStore(machine, parameters, id, KIND_PERCPU_HASH, parameters.cpus)
})
