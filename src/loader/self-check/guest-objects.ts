/**
 * The objects that a running program may hold pointers to: what its pointers are held against. Those that were handed
 * out are remembered; where the stack, the context and the packet are, is asked of the machine.
 * @module
 */
import type { ContextLayout } from '../../spec/index.ts'
import type { VerifierMap } from '../../verifier/index.ts'
import type { GuestAddress, GuestMemory, Machine } from '../../vm/index.ts'

/** Memory of a known size: a record of a ring buffer, an argument of a global function, a key that is walked over. */
export interface KnownMemory {
  readonly base: GuestAddress
  readonly size: number
}

/** Where a context keeps the addresses of its packet. */
interface PacketFields {
  readonly data: number
  readonly dataEnd: number
  readonly dataMeta: number
}

export class GuestObjects {
  private readonly machine: Machine
  private readonly memory: GuestMemory
  /** Addresses of values that a program got, by the address of their map. They are never used for anything else. */
  private readonly values = new Map<GuestAddress, Set<GuestAddress>>()
  /** Live maps by what the verifier was told of them. */
  private readonly maps = new Map<VerifierMap, GuestAddress>()
  private readonly known: KnownMemory[] = []
  /** Blocks that exist for the run in progress only. */
  private readonly blocks: GuestAddress[] = []
  private kernelBlock: GuestAddress = 0
  private readonly packetFields = new Map<ContextLayout, PacketFields>()
  private fields: PacketFields | undefined
  /** Of the run in progress. */
  context: GuestAddress = 0

  constructor(machine: Machine) {
    this.machine = machine
    this.memory = machine.memory
  }

  /** Tells which live map a program's map is. */
  bindMap(map: VerifierMap, address: GuestAddress): void {
    this.maps.set(map, address)
  }

  /** A run begins: nothing was handed out yet but values of maps. */
  begin(context: GuestAddress, layout: ContextLayout | undefined): void {
    this.context = context
    this.known.length = 0
    for (const block of this.blocks) this.free(block)
    this.blocks.length = 0
    this.fields = layout === undefined ? undefined : this.fieldsOf(layout)
  }

  addValue(map: GuestAddress, value: GuestAddress): void {
    let values = this.values.get(map)
    if (values === undefined) {
      values = new Set()
      this.values.set(map, values)
    }
    values.add(value)
  }

  addMemory(base: GuestAddress, size: number): void {
    if (!this.isMemory(base, size)) this.known.push({ base, size })
  }

  /** A block of exactly this size, or a larger one, was handed out that begins at `base`. */
  isMemory(base: GuestAddress, size: number): boolean {
    for (const one of this.known) if (one.base === base && one.size >= size) return true
    return false
  }

  get memories(): readonly KnownMemory[] {
    return this.known
  }

  /** Memory that a helper makes up, for the rest of the run. */
  allocate(size: number, name: string, writable: boolean): GuestAddress {
    const start = this.memory.allocate(size)
    this.machine.regions.add({ start, end: start + size, writable, name })
    this.blocks.push(start)
    return start
  }

  /** A block that a helper made up is given back: nobody may touch it any more. */
  release(base: GuestAddress): void {
    const at = this.blocks.indexOf(base)
    if (at < 0) return
    this.blocks.splice(at, 1)
    this.free(base)
    const known = this.known.findIndex((one) => one.base === base)
    if (known >= 0) this.known.splice(known, 1)
  }

  /** An object of the kernel, to be read only: one for all. */
  kernelObject(size: number): GuestAddress {
    if (this.kernelBlock === 0) {
      const start = this.memory.allocate(size)
      this.machine.regions.add({ start, end: start + size, writable: false, name: 'kernel object' })
      this.kernelBlock = start
    }
    return this.kernelBlock
  }

  private free(block: GuestAddress): void {
    this.machine.regions.remove(block)
    this.memory.free(block)
  }

  /** Whether `address` is that of the map that the verifier knows as `map`; of any that looks like it, if `inner`. */
  isMap(map: VerifierMap, inner: boolean, address: GuestAddress): boolean {
    const bound = this.maps.get(map)
    if (bound !== undefined && !inner) return bound === address
    const store = this.machine.maps.get(address)
    return store !== undefined && store.keySize === map.keySize && store.valueSize === map.valueSize
  }

  /** Whether a value of `map` begins at `address`: one that a program has got. */
  isValue(map: VerifierMap, inner: boolean, address: GuestAddress): boolean {
    const bound = this.maps.get(map)
    if (bound !== undefined && !inner) return this.values.get(bound)?.has(address) === true
    for (const [owner, values] of this.values) if (values.has(address) && this.isMap(map, true, owner)) return true
    return false
  }

  /** All values that a program has got of this map, or of those that look like it. */
  *valuesOf(map: VerifierMap, inner: boolean): Generator<GuestAddress, void, undefined> {
    const bound = this.maps.get(map)
    if (bound !== undefined && !inner) yield* this.values.get(bound) ?? []
    else for (const [owner, values] of this.values) if (this.isMap(map, true, owner)) yield* values
  }

  /** Values of the map at `address` that a program has got. */
  valuesOfStore(address: GuestAddress): Iterable<GuestAddress> {
    return this.values.get(address) ?? []
  }

  /** First byte of the packet, of its metadata, and one past its last byte; 0 where the context has no such field. */
  get packet(): GuestAddress {
    return this.field(this.fields?.data)
  }

  get packetEnd(): GuestAddress {
    return this.field(this.fields?.dataEnd)
  }

  get packetMeta(): GuestAddress {
    return this.field(this.fields?.dataMeta)
  }

  private field(offset: number | undefined): GuestAddress {
    return offset === undefined || offset < 0 ? 0 : this.memory.view.getUint32(this.context + offset, true)
  }

  private fieldsOf(layout: ContextLayout): PacketFields {
    let fields = this.packetFields.get(layout)
    if (fields === undefined) {
      const offset = (pointer: string): number => layout.fields.find((field) => field.pointer === pointer)?.offset ?? -1
      fields = { data: offset('packet'), dataEnd: offset('packet_end'), dataMeta: offset('packet_meta') }
      this.packetFields.set(layout, fields)
    }
    return fields
  }
}
