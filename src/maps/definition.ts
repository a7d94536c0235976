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
  /** `lookup` by the host, where only that of a program counts as use of an element. Absent: `lookup`. */
  peek?(key: GuestAddress, cpu: number): GuestAddress
  /** Whether this very key is there, for types whose `lookup` answers the value of another one too. Absent: as `lookup` says. */
  holds?(key: GuestAddress): boolean
  /** Writes the key after `key` (0: the first) to `out`; -ENOENT at the end. */
  nextKey(key: GuestAddress, out: GuestAddress): number
  /**
   * For walks that survive deletion: the address of the key after the one at `after` (0: the first), which may have been
   * deleted since; 0 at the end. Without it a walk takes a copy of all keys first.
   */
  nextElement?(after: GuestAddress): GuestAddress
  /** The keys are the u32 numbers below `maxEntries`, whatever happens. */
  readonly indexed?: boolean
  /** Every value has a copy for each CPU, and the host sees a list of them, even of one. Absent: no. */
  readonly perCpu?: boolean
  /** BPF_F_* of creation; what a map-in-map compares. Absent: 0. */
  readonly flags?: number
  /** Elements that are there; absent: they are counted by walking. */
  readonly size?: number
  /** Frees everything. Programs that still hold addresses must have ended. */
  dispose(): void
}

/** Elements that a table may hold beyond `maxEntries`, for replacements: one for each CPU, of which there are at most 4096. */
export const MOST_SPARE_SLOTS = 4096

/** One record that programs sent to the host. */
export interface MapEvent {
  /** The CPU that sent it; 0 where the map does not say. */
  readonly cpu: number
  readonly bytes: Uint8Array
}

/** A map from which the host reads records: ring buffer, perf event array. */
export interface EventStore extends HostMapStore {
  /** The oldest record, which is taken out; undefined if there is none. */
  readEvent(): MapEvent | undefined
  /** Records that found no room. */
  readonly lost: number
  /** Has `listener` called, possibly in the middle of a run, when records came. One at a time. */
  onEvent(listener: (() => void) | undefined): void
}

export function isEventStore(store: HostMapStore): store is EventStore {
  return typeof (store as Partial<EventStore>).readEvent === 'function'
}

export interface MapTypeDefinition {
  readonly spec: MapTypeSpec
  /** Throws ERR_MAP (impossible parameters) or ERR_NO_MEMORY. */
  create(machine: Machine, parameters: MapParameters): HostMapStore
}
