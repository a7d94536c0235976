/**
 * The inputs of many runs, laid out in linear memory, where compiled code goes from one to the next by itself.
 *
 * Packets are packed closely, without the room that one needs to grow: the few that do move into a buffer of their own first.
 * @module
 */
import { RECORD_CONTEXT, RECORD_R1, RECORD_R2, RECORD_RESULT, recordBytes } from '../vm/batch-layout.ts'
import type { GuestAddress, GuestMemory } from '../vm/guest-memory.ts'

/** What a program type does for batches. An input is laid out once, and can be run again. */
export interface ContextBatch<Input, Output> {
  readonly records: Records
  /** Lays inputs out; those from before are gone. */
  fill(inputs: readonly Input[]): void
  /** Before the first run: what earlier ones left is forgotten. */
  begin(): void
  /** Makes the context, as helpers know it, that of a record, in the middle of its run. */
  select(record: GuestAddress): void
  /** After the last run. */
  end(): void
  /** Bytes of the packet, or memory, that a run left. */
  lengthLeft(index: number): number
  /** Whether a run asked for its packet to be sent somewhere, whatever its verdict was then. */
  askedForRedirect(index: number): boolean
  /** What a run left, as `ContextInstance.collect` tells it. */
  collect(index: number, r0: number): Output
  dispose(): void
}

/** The records of a batch: see `vm/batch-layout.ts`. */
export class Records {
  count = 0
  private readonly memory: GuestMemory
  private readonly contextBytes: number
  private start: GuestAddress = 0
  private capacity = 0

  /** `contextBytes`: of the image of the context, a multiple of 8. */
  constructor(memory: GuestMemory, contextBytes: number) {
    this.memory = memory
    this.contextBytes = contextBytes
  }

  /** Makes room for so many records; their content is undefined. */
  reserve(count: number): void {
    if (count > this.capacity) {
      this.dispose()
      this.start = this.memory.allocate(count * this.size)
      this.capacity = count
    }
    this.count = count
  }

  /** Address of a record. */
  at(index: number): GuestAddress {
    return this.start + index * this.size
  }

  indexOf(record: GuestAddress): number {
    return (record - this.start) / this.size
  }

  setArguments(index: number, r1: GuestAddress, r2: number): void {
    const { u32 } = this.memory
    const word = this.at(index) >>> 2
    u32[word + RECORD_R1 / 4] = r1
    u32[word + RECORD_R2 / 4] = r2
  }

  /** Where the context of a record is that a run begins with. */
  given(index: number): GuestAddress {
    return this.at(index) + RECORD_CONTEXT
  }

  /** Where the context is that the run left. */
  left(index: number): GuestAddress {
    return this.at(index) + RECORD_CONTEXT + this.contextBytes
  }

  /** The low 32 bits of r0, unsigned. */
  result(index: number): number {
    return this.memory.u32[(this.at(index) + RECORD_RESULT) >>> 2]!
  }

  dispose(): void {
    if (this.capacity > 0) this.memory.free(this.start)
    this.start = this.capacity = this.count = 0
  }

  private get size(): number {
    return recordBytes(this.contextBytes)
  }
}

/** Bytes of packed packets that they begin at a multiple of: a cache line, so that headers lie in one. */
const PACKED_ALIGNMENT = 64

export function packedBytes(size: number): number {
  return Math.max(PACKED_ALIGNMENT, Math.ceil(size / PACKED_ALIGNMENT) * PACKED_ALIGNMENT)
}
