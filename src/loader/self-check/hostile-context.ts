/**
 * Contexts of program types that nothing here can build: the bytes of their structure, with a packet, sockets and other
 * objects of the kernel behind the fields that point to such. What is in them is the hostile world's to fill.
 * @module
 */
import { BUILTIN_PROGRAM_TYPES, type ContextInstance, type EntryArguments } from '../../programs/index.ts'
import type { ContextField, Platform, ProgramTypeSpec } from '../../spec/index.ts'
import type { GuestAddress, Machine, Region } from '../../vm/index.ts'
import type { AnyProgramTypeDefinition } from '../extension.ts'

/** No structure of the platform is larger; types without one get as much. */
const DEFAULT_BYTES = 4096
const PACKET_ROOM = 2048
const OBJECT_BYTES = 512
/** Metadata lies before the packet. */
const META_BYTES = 8

/**
 * A program type for each that the platform has and that is not built in; not those whose contexts are typed by the
 * kernel's BTF, whose objects would have to be there.
 */
export function hostileProgramTypes(platform: Platform): AnyProgramTypeDefinition[] {
  const builtin = new Set(BUILTIN_PROGRAM_TYPES.map(({ spec }) => spec.name))
  return [...platform.programTypes.values()]
    .filter(({ name, rules }) => !builtin.has(name) && rules?.typedContext !== true && rules?.prototypedEntry !== true)
    .map((spec) => ({ spec, createContext: (machine) => new HostileContext(machine, spec) }))
}

class HostileContext implements ContextInstance<Uint8Array, object> {
  /** Helpers that exist know no such context, and find none. */
  readonly context: unknown = undefined
  private readonly machine: Machine
  private readonly fields: readonly ContextField[]
  private readonly blocks: GuestAddress[] = []
  private readonly base: GuestAddress
  private readonly packet: GuestAddress
  private readonly object: GuestAddress
  private length = 0

  constructor(machine: Machine, { context, rules }: ProgramTypeSpec) {
    this.machine = machine
    this.fields = context?.fields.filter(({ pointer }) => pointer !== undefined) ?? []
    this.base = this.allocate(context?.size ?? rules?.contextSize ?? DEFAULT_BYTES, 'context', true)
    this.object = this.allocate(OBJECT_BYTES, 'kernel object', false)
    this.packet = this.allocate(PACKET_ROOM, 'packet', true, (start, size) => {
      const from = start - this.packet
      return from >= 0 && from + size <= META_BYTES + this.length
    })
  }

  prepare(input: Uint8Array): EntryArguments {
    const { u8, view } = this.machine.memory
    this.length = Math.min(input.length, PACKET_ROOM - META_BYTES)
    u8.set(input.subarray(0, this.length), this.packet + META_BYTES)
    for (const { offset, size, pointer } of this.fields) {
      const at = this.base + offset
      view.setUint32(at, this.target(pointer), true)
      if (size === 8) view.setUint32(at + 4, 0, true)
    }
    return { r1: this.base, r2: 0 }
  }

  collect(): object {
    return {}
  }

  dispose(): void {
    for (const block of this.blocks) {
      this.machine.regions.remove(block)
      this.machine.memory.free(block)
    }
  }

  private target(pointer: ContextField['pointer']): GuestAddress {
    const data = this.packet + META_BYTES
    switch (pointer) {
      case 'packet':
        return data
      case 'packet_end':
        return data + this.length
      case 'packet_meta':
        return this.packet
      default:
        return this.object
    }
  }

  private allocate(size: number, name: string, writable: boolean, covers?: Region['covers']): GuestAddress {
    const start = this.machine.memory.allocate(size)
    this.blocks.push(start)
    const region = { start, end: start + size, writable, name }
    this.machine.regions.add(covers === undefined ? region : { ...region, covers })
    return start
  }
}
