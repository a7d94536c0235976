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
import { KIND_RINGBUF, RECORD_HEADER_BYTES, RING_BLOCK_BYTES, RING_DROPPED, RING_PRODUCER } from '../vm/guest-layout.ts'
import type { GuestAddress } from '../vm/guest-memory.ts'
import type { Machine } from '../vm/machine.ts'
import type { RingBufferStore } from '../vm/stores.ts'
import type { EventStore, MapEvent, MapParameters, MapTypeDefinition } from './definition.ts'
import { linuxMapType } from './linux-map-type.ts'
import { checkRingBuffer } from './parameters.ts'
import { ControlBlockStore } from './store.ts'

/** Of a record's header: not committed yet; and the bits of its length. */
const BUSY = 1 << 31
const LENGTH = (1 << 30) - 1
/** Unread bytes: what `query` can be asked for first. */
const AVAILABLE = 0

class RingbufStore extends ControlBlockStore implements RingBufferStore, EventStore {
  private readonly start: GuestAddress
  /** Positions of the reservations that may not have ended, ascending, from index `oldest` on. */
  private reserved: number[] = []
  private oldest = 0

  constructor(machine: Machine, parameters: MapParameters, typeId: number) {
    super(machine, parameters, { typeId, kind: KIND_RINGBUF, blockBytes: RING_BLOCK_BYTES, copies: 1 })
    this.start = this.initialise(() => this.runtime.ringbufInit(this.address))
    machine.regions.add({
      start: this.start,
      end: this.start + 2 * this.maxEntries,
      writable: true,
      name: `map ${this.name}`,
      covers: (from, size) => this.covers(from, size),
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
    const sample = this.call(() => this.runtime.ringbufReserve(this.address, size))
    if (sample !== 0) this.remember(size)
    return sample
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

  /** Notes the reservation of `size` bytes that was just made, and forgets those that ended. */
  private remember(size: number): void {
    while (this.oldest < this.reserved.length && !this.isReserved(this.reserved[this.oldest]!)) this.oldest++
    if (this.oldest > 64 && 2 * this.oldest > this.reserved.length) {
      this.reserved = this.reserved.slice(this.oldest)
      this.oldest = 0
    }
    const whole = (size + RECORD_HEADER_BYTES + 7) & ~7
    this.reserved.push(this.producer - whole)
  }

  /** Whether all of [from, from + size) lies in the payload of one record that is reserved and has not ended. */
  private covers(from: GuestAddress, size: number): boolean {
    // The position that lies there, of those that the buffer can hold now; a mirrored byte has that of its original.
    const behind = (this.producer - (from - this.start)) % this.maxEntries
    const position = this.producer - (behind <= 0 ? behind + this.maxEntries : behind)
    let low = this.oldest
    let high = this.reserved.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.reserved[middle]! <= position) low = middle + 1
      else high = middle
    }
    if (low === this.oldest) return false
    const reservation = this.reserved[low - 1]!
    if (!this.isReserved(reservation)) return false
    const record = this.recordAt(reservation)
    const payload = record + RECORD_HEADER_BYTES
    return from >= payload && from + size <= payload + (this.header(record) & LENGTH)
  }

  /** Bytes that were reserved since the buffer was made. */
  private get producer(): number {
    return this.field(RING_PRODUCER) + this.field(RING_PRODUCER + 4) * 2 ** 32
  }

  private recordAt(position: number): GuestAddress {
    return this.start + (position % this.maxEntries)
  }

  private header(record: GuestAddress): number {
    return this.memory.u32[record >>> 2]!
  }

  /** Whether the record there has not ended. What the producer has come round to holds other records since: it has. */
  private isReserved(position: number): boolean {
    return position >= this.producer - this.maxEntries && (this.header(this.recordAt(position)) & BUSY) !== 0
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
