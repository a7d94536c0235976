/**
 * A map type: data plus a function that makes a store. Built-in ones and a user's own take the same route.
 * @module
 */
import type { MapTypeSpec } from '../spec/types.ts'
import type { GuestAddress } from '../vm/guest-memory.ts'
import type { Machine, MapStore } from '../vm/machine.ts'

/** What a store is made from: plain numbers; names are for messages. */
export interface MapParameters {
  readonly name: string
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  /** BPF_F_* of map creation. */
  readonly flags: number
  /** How many copies a per-CPU map has. */
  readonly cpus: number
  /** Of a map-in-map: what every inner map must look like. */
  readonly inner?: Omit<MapParameters, 'inner' | 'cpus'> & { readonly typeId: number }
}

/** A store as its owner sees it: what programs can do, and what only the host does. */
export interface HostMapStore extends MapStore {
  /** Writes the key after `key` (0: the first) to `out`; -ENOENT at the end. */
  nextKey(key: GuestAddress, out: GuestAddress): number
  /** Frees everything. Programs that still hold addresses must have ended. */
  dispose(): void
}

export interface MapTypeDefinition {
  readonly spec: MapTypeSpec
  /** Throws ERR_MAP (impossible parameters) or ERR_NO_MEMORY. */
  create(machine: Machine, parameters: MapParameters): HostMapStore
}
