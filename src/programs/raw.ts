/**
 * Programs on bare memory: r1 is its address, r2 its length, both 0 if there is none.
 * @module
 */
import { GuestBuffer } from '../helpers/guest-buffer.ts'
import { RAW_PROGRAM_TYPE } from '../spec/program-types.ts'
import type { Machine } from '../vm/machine.ts'
import type { ContextInstance, EntryArguments, ProgramTypeDefinition } from './definition.ts'
import { type PacketBytes, packetBytes } from './input.ts'

export type RawInput = PacketBytes | undefined

export interface RawOutput {
  /** The memory as the program left it. */
  readonly memory: Uint8Array
}

const NOTHING: EntryArguments = { r1: 0, r2: 0 }

class RawContext implements ContextInstance<RawInput, RawOutput> {
  readonly context: GuestBuffer
  private readonly machine: Machine

  constructor(machine: Machine) {
    this.machine = machine
    this.context = new GuestBuffer(machine.memory, machine.regions, 'memory', { writable: true })
  }

  prepare(input: RawInput): EntryArguments {
    const { context } = this
    const bytes = input === undefined ? undefined : packetBytes(input)
    if (bytes === undefined || bytes.length === 0) {
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

  dispose(): void {
    this.context.dispose()
  }
}

export const RAW_PROGRAM: ProgramTypeDefinition<RawInput, RawOutput> = {
  spec: RAW_PROGRAM_TYPE,
  createContext: (machine) => new RawContext(machine),
}
