/**
 * PERF_EVENT_ARRAY: a buffer of events for each CPU, which the host reads. The buffers of the machine's CPUs are open from
 * the start; records live on the host's side, never in the linear memory.
 *
 * Errors: update -EINVAL, delete -ENOENT: there are no perf events to put in.
 * @see https://docs.ebpf.io/linux/map-type/BPF_MAP_TYPE_PERF_EVENT_ARRAY/
 * @module
 */
import { E2BIG, EINVAL, ENOENT, ENOSPC, EOPNOTSUPP } from '../spec/errno.ts'
import { KIND_PERF_EVENT_ARRAY, MAP_HEADER_BYTES } from '../vm/guest-layout.ts'
import type { GuestAddress } from '../vm/guest-memory.ts'
import type { Machine } from '../vm/machine.ts'
import type { PerfEventStore } from '../vm/stores.ts'
import type { EventStore, MapEvent, MapParameters, MapTypeDefinition } from './definition.ts'
import { linuxMapType } from './linux-map-type.ts'
import { checkArray } from './parameters.ts'
import { ControlBlockStore } from './store.ts'

/** Bytes that a CPU's buffer holds, and what a record takes besides its data. */
const BUFFER_BYTES = 4 << 20
const RECORD_OVERHEAD = 12
/** Read records at the front of the queue that are tolerated before it is compacted. */
const SLACK = 1024

class PerfEventArrayStore extends ControlBlockStore implements PerfEventStore, EventStore {
  readonly indexed = true
  lost = 0
  private readonly buffers: number
  private readonly used: number[]
  private queue: MapEvent[] = []
  private head = 0
  private listener: (() => void) | undefined

  constructor(machine: Machine, parameters: MapParameters, typeId: number) {
    super(machine, parameters, { typeId, kind: KIND_PERF_EVENT_ARRAY, blockBytes: MAP_HEADER_BYTES, copies: 1 })
    this.buffers = Math.min(parameters.cpus, this.maxEntries)
    this.used = new Array<number>(this.buffers).fill(0)
  }

  /** Records that were not read yet. */
  override get size(): number {
    return this.queue.length - this.head
  }

  lookup(): GuestAddress {
    return 0
  }

  update(): number {
    return -EINVAL
  }

  override delete(): number {
    return -ENOENT
  }

  nextKey(key: GuestAddress, out: GuestAddress): number {
    return this.runtime.arrayNextKey(this.address, key, out)
  }

  outputEvent(
    index: number,
    cpu: number,
    data: GuestAddress,
    size: number,
    more: GuestAddress,
    moreSize: number,
  ): number {
    if (index >= this.maxEntries) return -E2BIG
    if (index >= this.buffers) return -ENOENT
    if (index !== cpu) return -EOPNOTSUPP
    const taken = size + moreSize + RECORD_OVERHEAD
    if (this.used[cpu]! + taken > BUFFER_BYTES) {
      this.lost++
      return -ENOSPC
    }
    const bytes = new Uint8Array(size + moreSize)
    const { u8 } = this.memory
    bytes.set(u8.subarray(data, data + size))
    bytes.set(u8.subarray(more, more + moreSize), size)
    this.used[cpu]! += taken
    this.queue.push({ cpu, bytes })
    this.listener?.()
    return 0
  }

  readEvent(): MapEvent | undefined {
    const event = this.queue[this.head]
    if (event === undefined) return undefined
    this.used[event.cpu]! -= event.bytes.length + RECORD_OVERHEAD
    this.head++
    if (this.head === this.queue.length || (this.head > SLACK && this.head * 2 > this.queue.length)) {
      this.queue = this.queue.slice(this.head)
      this.head = 0
    }
    return event
  }

  onEvent(listener: (() => void) | undefined): void {
    this.listener = listener
  }

  protected release(): void {
    this.queue = []
    this.head = 0
    this.listener = undefined
  }
}

export const PERF_EVENT_ARRAY: MapTypeDefinition = linuxMapType('perf_event_array', (machine, parameters, { id }) => {
  checkArray(parameters, 'events')
  return new PerfEventArrayStore(machine, parameters, id)
})
