/**
 * What helpers need of maps that are more than keys and values: program arrays, ring buffers, perf event arrays. A map
 * type of one's own that implements one of these works with the built-in helpers.
 * @module
 */
import type { GuestAddress } from './guest-memory.ts'
import type { MapStore } from './machine.ts'

/** A map from which `tail_call` takes programs. */
export interface ProgramArrayStore extends MapStore {
  /** The slot in the machine's program table, or -1: index out of range (unsigned) or entry empty. */
  programAt(index: number): number
  /** Empties the entries that hold a slot of the program table: its program is gone, and another may get the slot. */
  removeProgram(slot: number): void
}

/** A ring buffer. Sizes in bytes; every result that is negative is -errno. */
export interface RingBufferStore extends MapStore {
  /** Address of `size` (unsigned) bytes for a record, or 0 if there is no room. */
  reserve(size: number): GuestAddress
  /** Ends a reservation, given by the address that `reserve` returned; `flags` are BPF_RB_*. */
  submit(record: GuestAddress, flags: number): void
  discard(record: GuestAddress, flags: number): void
  /** Copies a record in: 0, or -EAGAIN if there is no room. */
  output(data: GuestAddress, size: number, flags: number): number
  /** 0 unread bytes, 1 size of the ring, 2 position of the consumer, 3 of the producer; 0 for anything else. */
  query(what: number): number
}

/** An array of buffers for events, one a CPU. */
export interface PerfEventStore extends MapStore {
  /**
   * Puts a record, made of two pieces (the second may be empty), into the buffer at `index` (unsigned): 0, -E2BIG if the
   * index is out of range, -ENOENT if nobody has opened that buffer, -EOPNOTSUPP if it is not the buffer of `cpu`, -ENOSPC
   * if it is full.
   */
  outputEvent(
    index: number,
    cpu: number,
    data: GuestAddress,
    size: number,
    more: GuestAddress,
    moreSize: number,
  ): number
}

export function isProgramArray(map: MapStore): map is ProgramArrayStore {
  return typeof (map as Partial<ProgramArrayStore>).programAt === 'function'
}

export function isRingBuffer(map: MapStore): map is RingBufferStore {
  return typeof (map as Partial<RingBufferStore>).reserve === 'function'
}

export function isPerfEventArray(map: MapStore): map is PerfEventStore {
  return typeof (map as Partial<PerfEventStore>).outputEvent === 'function'
}

/** A map whose values are maps. */
export interface MapOfMapsStore extends MapStore {
  /** Empties the entries that hold the map at this address: it is gone, and another may get the address. */
  removeMap(address: GuestAddress): void
}

export function isMapOfMaps(map: MapStore): map is MapOfMapsStore {
  return typeof (map as Partial<MapOfMapsStore>).removeMap === 'function'
}
