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
import type { Machine } from '../vm/machine.ts'
import type { MapParameters, MapTypeDefinition } from './definition.ts'
import { linuxMapType } from './linux-map-type.ts'
import { checkHash } from './parameters.ts'
import { SlabStore } from './slab-store.ts'

export class HashStore extends SlabStore {
  constructor(machine: Machine, parameters: MapParameters, typeId: number, kind: number, copies: number) {
    const { runtime } = machine.memory
    const seed = hashSeed(machine, parameters)
    super(machine, parameters, { typeId, kind, blockBytes: HASH_BLOCK_BYTES, copies }, (address) =>
      runtime.hashInit(address, copies, seed, 0),
    )
  }

  lookup(key: GuestAddress, cpu: number): GuestAddress {
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
    this.releaseSlabs(() => this.runtime.hashDispose(this.address))
  }
}

/** What keys are hashed with: the memory's own number, unless BPF_F_ZERO_SEED asks for 0. */
export function hashSeed(machine: Machine, { flags }: MapParameters): number {
  return (flags & MAP_FLAG.ZERO_SEED) === 0 ? machine.memory.hashSeed : 0
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
