/**
 * Programs on bare memory: r1 is its address, r2 its length, both 0 if there is none.
 * @module
 */
import { GuestBuffer } from '../helpers/guest-buffer.ts'
import { AnybpfError } from '../util/index.ts'
import type { GuestAddress } from '../vm/guest-memory.ts'
import type { Machine } from '../vm/machine.ts'
import { type ContextBatch, packedBytes, Records } from './batch.ts'
import type { ContextInstance, EntryArguments, RunnableProgramType } from './definition.ts'
import type { PacketBytes } from './input.ts'

export type RawInput = PacketBytes | undefined

export interface RawOutput {
  /** The memory as the program left it. */
  readonly memory: Uint8Array
}

const NO_BYTES = new Uint8Array(0)
const NOTHING: EntryArguments = { r1: 0, r2: 0 }

function memoryOf(input: RawInput): Uint8Array {
  if (input === undefined) return NO_BYTES
  if (input instanceof Uint8Array) return input
  if (input?.bytes instanceof Uint8Array) return input.bytes
  throw new AnybpfError('ERR_USAGE', 'the input of a raw program is its memory: a Uint8Array, or nothing')
}

class RawContext implements ContextInstance<RawInput, RawOutput> {
  readonly context: GuestBuffer
  private readonly machine: Machine

  constructor(machine: Machine) {
    this.machine = machine
    this.context = new GuestBuffer(machine.memory, machine.regions, 'memory', { writable: true })
  }

  prepare(input: RawInput): EntryArguments {
    const { context } = this
    const bytes = memoryOf(input)
    if (bytes.length === 0) {
      context.visibleStart = context.visibleEnd = context.start
      return NOTHING
    }
    context.ensure(bytes.length)
    this.machine.memory.u8.set(bytes, context.start)
    context.visibleStart = context.start
    context.visibleEnd = context.start + bytes.length
    return { r1: context.start, r2: bytes.length }
  }

  collect(_r0: number): RawOutput {
    return { memory: this.machine.memory.u8.slice(this.context.visibleStart, this.context.visibleEnd) }
  }

  createBatch(): ContextBatch<RawInput, RawOutput> {
    return new RawBatch(this.machine)
  }

  dispose(): void {
    this.context.dispose()
  }
}

class RawBatch implements ContextBatch<RawInput, RawOutput> {
  readonly records: Records
  private readonly machine: Machine
  private readonly block: GuestBuffer
  /** Of each input: where it begins, and how long it is. */
  private starts: GuestAddress[] = []
  private sizes: number[] = []

  constructor(machine: Machine) {
    this.machine = machine
    this.records = new Records(machine, 0)
    this.block = new GuestBuffer(machine.memory, machine.regions, 'memory', { writable: true })
  }

  fill(inputs: readonly RawInput[]): void {
    const { memory } = this.machine
    const all = inputs.map(memoryOf)
    this.block.ensure(all.reduce((sum, { length }) => sum + packedBytes(length), 0))
    this.records.reserve(all.length)
    let at = this.block.start
    this.sizes = all.map(({ length }) => length)
    this.starts = []
    all.forEach((bytes, i) => {
      memory.u8.set(bytes, at)
      this.starts.push(at)
      this.records.setArguments(i, bytes.length === 0 ? 0 : at, bytes.length)
      at += packedBytes(bytes.length)
    })
  }

  begin(): void {}

  select(record: GuestAddress): void {
    const index = this.records.running(record)
    const start = this.starts[index]!
    this.block.show(start, start + this.sizes[index]!)
  }

  end(): void {}

  lengthLeft(index: number): number {
    return this.sizes[index]!
  }

  askedForRedirect(): boolean {
    return false
  }

  collect(index: number): RawOutput {
    return { memory: this.machine.memory.read(this.starts[index]!, this.sizes[index]!) }
  }

  dispose(): void {
    this.block.dispose()
    this.records.dispose()
  }
}

export const RAW_PROGRAM: RunnableProgramType<RawInput, RawOutput> = {
  spec: { name: 'raw' },
  createContext: (machine) => new RawContext(machine),
}
