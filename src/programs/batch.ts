/**
 * The inputs of many runs, laid out in linear memory, where compiled code goes from one to the next by itself.
 *
 * Packets are packed closely, without the room that one needs to grow: the few that do move into a buffer of their own first.
 * @module
 */
import { GuestBuffer } from '../helpers/guest-buffer.ts'
import { RECORD_CONTEXT, RECORD_R1, RECORD_R2, RECORD_RESULT, recordBytes } from '../vm/batch-layout.ts'
import { FaultSignal } from '../vm/fault-signal.ts'
import type { GuestAddress, GuestMemory } from '../vm/guest-memory.ts'
import type { Machine } from '../vm/machine.ts'
import type { RegionSet } from '../vm/regions.ts'

/**
 * What a program type does for batches. An input is laid out once, and can be run again.
 *
 * A program that nobody verified can write anything into the records, and anywhere else in guest memory. Where things lie is
 * therefore remembered on this side, never read back.
 */
export interface ContextBatch<Input, Output> {
  readonly records: Records
  /** Lays inputs out; those from before are gone. */
  fill(inputs: readonly Input[]): void
  /** Before the first run: contexts are what they were laid out as, and what earlier runs left is forgotten. */
  begin(): void
  /** Makes the context, as helpers know it, that of a record, in the middle of its run. Throws what `Records.running` throws. */
  select(record: GuestAddress): void
  /** After the last run. */
  end(): void
  /** Bytes of the packet, or memory, that a run left. */
  lengthLeft(index: number): number
  /** Whether a run asked for its packet to be sent somewhere, and returned the verdict with which that is done: `r0`. */
  askedForRedirect(index: number, r0: number): boolean
  /** What a run left, as `ContextInstance.collect` tells it. */
  collect(index: number, r0: number): Output
  dispose(): void
}

/** The records of a batch (see `vm/batch-layout.ts`), and a copy of them as they were laid out. */
export class Records {
  count = 0
  private readonly memory: GuestMemory
  private readonly regions: RegionSet
  private readonly size: number
  private start: GuestAddress = 0
  private capacity = 0

  /** `contextBytes`: of a context, a multiple of 8. */
  constructor({ memory, regions }: Machine, contextBytes: number) {
    this.memory = memory
    this.regions = regions
    this.size = recordBytes(contextBytes)
  }

  /** Makes room for so many records; their content is undefined. */
  reserve(count: number): void {
    if (count > this.capacity) {
      this.dispose()
      const bytes = count * this.size
      this.start = this.memory.allocate(2 * bytes)
      this.capacity = count
      this.regions.add({ start: this.start, end: this.start + bytes, writable: true, name: 'context' })
    }
    this.count = count
  }

  /** Remembers the records as they are now. */
  keep(): void {
    const { start } = this
    this.memory.u8.copyWithin(start + this.bytes, start, start + this.bytes)
  }

  /** Makes the records what they were when they were kept. */
  restore(): void {
    const { start } = this
    this.memory.u8.copyWithin(start, start + this.bytes, start + 2 * this.bytes)
  }

  /** Address of a record. */
  at(index: number): GuestAddress {
    return this.start + index * this.size
  }

  /** Which record of those in use lies at an address; 0 if none does: the address comes from where programs can write. */
  indexOf(record: GuestAddress): number {
    return Math.max(0, this.find(record))
  }

  /** As `indexOf`, in the middle of a run: throws a fault if there is no record at the address. */
  running(record: GuestAddress): number {
    const index = this.find(record)
    if (index >= 0) return index
    throw new FaultSignal('out_of_bounds', 'the program has overwritten which input of the batch it is run on')
  }

  private find(record: GuestAddress): number {
    const index = (record - this.start) / this.size
    return Number.isInteger(index) && index >= 0 && index < this.count ? index : -1
  }

  setArguments(index: number, r1: GuestAddress, r2: number): void {
    const { u32 } = this.memory
    const word = this.at(index) >>> 2
    u32[word + RECORD_R1 / 4] = r1
    u32[word + RECORD_R2 / 4] = r2
  }

  /** Address of the context of a record. */
  context(index: number): GuestAddress {
    return this.at(index) + RECORD_CONTEXT
  }

  /** The low 32 bits of r0, unsigned. */
  result(index: number): number {
    return this.memory.u32[(this.at(index) + RECORD_RESULT) >>> 2]!
  }

  dispose(): void {
    if (this.capacity > 0) {
      this.regions.remove(this.start)
      this.memory.free(this.start)
    }
    this.start = this.capacity = this.count = 0
  }

  /** Of the records in use. */
  private get bytes(): number {
    return this.count * this.size
  }
}

/** The bytes of guest memory that a program may access of its packet. */
export interface VisibleBytes {
  readonly start: GuestAddress
  readonly end: GuestAddress
}

/**
 * What batches of packets have in common: records with contexts, a block in which the packets lie, and what runs leave that is in
 * neither, which is taken from the context that helpers know when the next run takes that over. `Place`: where a packet lies.
 */
export abstract class PacketBatch<Input, Output, Place, Left> implements ContextBatch<Input, Output> {
  readonly records: Records
  protected readonly machine: Machine
  protected readonly packets: GuestBuffer
  /** Of each packet, as it was laid out. */
  protected places: Place[] = []
  /** By number of the input; of most runs there is nothing. */
  protected readonly left = new Map<number, Left>()
  /** The record that is the context, or -1. */
  private selected = -1

  constructor(machine: Machine, contextBytes: number) {
    this.machine = machine
    this.records = new Records(machine, contextBytes)
    this.packets = new GuestBuffer(machine.memory, machine.regions, 'packet', { writable: true })
  }

  begin(): void {
    this.records.restore()
    this.left.clear()
    this.selected = -1
  }

  select(record: GuestAddress): void {
    const index = this.records.running(record)
    if (index === this.selected) return
    this.end()
    this.selected = index
    const { start, end } = this.adopt(index)
    this.packets.show(start, end)
  }

  end(): void {
    const { selected } = this
    this.selected = -1
    if (selected < 0) return
    const left = this.takeLeft(selected)
    if (left !== undefined) this.left.set(selected, left)
  }

  /** Makes the context, as helpers know it, that of a record: what the program sees of its packet. */
  protected abstract adopt(index: number): VisibleBytes
  /** What the run of this record has left in the context that helpers know, if anything. */
  protected abstract takeLeft(index: number): Left | undefined

  abstract fill(inputs: readonly Input[]): void
  abstract lengthLeft(index: number): number
  abstract askedForRedirect(index: number, r0: number): boolean
  abstract collect(index: number, r0: number): Output

  dispose(): void {
    this.packets.dispose()
    this.records.dispose()
  }
}

/** Bytes of packed packets that they begin at a multiple of: a cache line, so that headers lie in one. */
const PACKED_ALIGNMENT = 64

export function packedBytes(size: number): number {
  return Math.max(PACKED_ALIGNMENT, Math.ceil(size / PACKED_ALIGNMENT) * PACKED_ALIGNMENT)
}
