/**
 * RINGBUF: records of any length from all CPUs, which the host reads in the order of their reservation.
 *
 * A reservation that finds no room is counted as lost. The host's reading makes room; while it does not read, the buffer
 * fills up, as in Linux.
 * @see https://docs.kernel.org/bpf/ringbuf.html
 * @module
 */
import { EINVAL, ENOTSUPP } from '../spec/errno.ts'
import { AnybpfError } from '../util/errors.ts'
import { KIND_RINGBUF, RECORD_HEADER_BYTES, RING_BLOCK_BYTES, RING_DROPPED } from '../vm/guest-layout.ts'
import type { GuestAddress } from '../vm/guest-memory.ts'
import type { Machine } from '../vm/machine.ts'
import type { RingBufferStore } from '../vm/stores.ts'
import type { EventStore, MapEvent, MapParameters, MapTypeDefinition } from './definition.ts'
import { linuxMapType } from './linux-map-type.ts'
import { checkRingBuffer } from './parameters.ts'
import { ControlBlockStore } from './store.ts'

/** Unread bytes: what `query` can be asked for first. */
const AVAILABLE = 0

class RingbufStore extends ControlBlockStore implements RingBufferStore, EventStore {
  private readonly start: GuestAddress

  constructor(machine: Machine, parameters: MapParameters, typeId: number) {
    super(machine, parameters, { typeId, kind: KIND_RINGBUF, blockBytes: RING_BLOCK_BYTES, copies: 1 })
    this.start = this.initialise(() => this.runtime.ringbufInit(this.address))
    machine.regions.add({
      start: this.start,
      end: this.start + 2 * this.maxEntries,
      writable: true,
      name: `map ${this.name}`,
      covers: (from, size) => this.call(() => this.runtime.ringbufCovers(this.address, from, size)) !== 0,
    })
  }

  /** Unread bytes, record headers included. */
  override get size(): number {
    return this.query(AVAILABLE)
  }

  get lost(): number {
    return this.field(RING_DROPPED)
  }

  lookup(): GuestAddress {
    return 0
  }

  update(): number {
    return -ENOTSUPP
  }

  override delete(): number {
    return -ENOTSUPP
  }

  nextKey(): number {
    return -ENOTSUPP
  }

  reserve(size: number): GuestAddress {
    return this.call(() => this.runtime.ringbufReserve(this.address, size))
  }

  submit(record: GuestAddress, flags: number): void {
    this.commit(record, flags, 0)
  }

  discard(record: GuestAddress, flags: number): void {
    this.commit(record, flags, 1)
  }

  output(data: GuestAddress, size: number, flags: number): number {
    try {
      return this.runtime.ringbufOutput(this.address, data, size, flags)
    } catch (error) {
      throw this.fault(error)
    }
  }

  query(what: number): number {
    return Number(this.runtime.ringbufQuery(this.address, what))
  }

  readEvent(): MapEvent | undefined {
    const sample = this.call(() => this.runtime.ringbufPeek(this.address))
    if (sample === 0) return undefined
    const length = this.memory.u32[(sample - RECORD_HEADER_BYTES) >>> 2]!
    const bytes = this.memory.read(sample, length)
    this.runtime.ringbufPop(this.address)
    return { cpu: 0, bytes }
  }

  onEvent(listener: (() => void) | undefined): void {
    this.memory.onWake(this.address, listener)
  }

  protected release(): void {
    this.memory.onWake(this.address, undefined)
    this.machine.regions.remove(this.start)
    this.memory.free(this.start)
  }

  private commit(record: GuestAddress, flags: number, discard: number): void {
    let result: number
    try {
      result = this.runtime.ringbufCommit(record, flags, discard)
    } catch (error) {
      throw this.fault(error)
    }
    if (result === -EINVAL) {
      throw new AnybpfError('ERR_FAULT', `map ${this.name}: no reserved record at 0x${record.toString(16)}`)
    }
  }
}

export const RINGBUF: MapTypeDefinition = linuxMapType('ringbuf', (machine, parameters, { id }) => {
  checkRingBuffer(parameters)
  return new RingbufStore(machine, parameters, id)
})
