/**
 * What all built-in stores have in common: a control block in the linear memory (its layout is in
 * `src/vm/guest-layout.ts`), operations in the guest runtime, and regions that say what of it programs may touch.
 * @module
 */
import { EINVAL } from '../spec/errno.ts'
import { MAP_FLAG } from '../spec/map-types.ts'
import { AnybpfError } from '../util/errors.ts'
import { KIND_LRU_PERCPU_HASH, KIND_PERCPU_ARRAY, KIND_PERCPU_HASH, MAP_COUNT, MAP_DATA } from '../vm/guest-layout.ts'
import type { GuestAddress, GuestMemory } from '../vm/guest-memory.ts'
import { type GuestRuntimeExports, namedFault } from '../vm/guest-runtime.ts'
import type { Machine } from '../vm/machine.ts'
import type { HostMapStore, MapParameters } from './definition.ts'

const PER_CPU_KINDS: ReadonlySet<number> = new Set([KIND_PERCPU_ARRAY, KIND_PERCPU_HASH, KIND_LRU_PERCPU_HASH])

/** What is on top of `MapParameters`: what the map type fixes. */
export interface StoreLayout {
  readonly typeId: number
  /** KIND_* of the guest layout. */
  readonly kind: number
  /** Bytes of the control block. */
  readonly blockBytes: number
  /** Copies of every value. */
  readonly copies: number
}

/** Base of the stores whose operations the guest runtime has. */
export abstract class ControlBlockStore implements HostMapStore {
  readonly address: GuestAddress
  readonly name: string
  readonly typeId: number
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  /** BPF_F_* of creation. */
  readonly flags: number
  /** Copies of every value; 1 for a map that is not per-CPU. */
  readonly cpus: number
  readonly perCpu: boolean
  /** KIND_* of the guest layout. */
  readonly kind: number
  protected readonly machine: Machine
  protected readonly memory: GuestMemory
  protected readonly runtime: GuestRuntimeExports
  private disposed = false

  constructor(machine: Machine, parameters: MapParameters, layout: StoreLayout) {
    this.machine = machine
    this.memory = machine.memory
    this.runtime = machine.memory.runtime
    this.name = parameters.name
    this.typeId = layout.typeId
    this.keySize = parameters.keySize
    this.valueSize = parameters.valueSize
    this.maxEntries = parameters.maxEntries
    this.flags = parameters.flags
    this.cpus = layout.copies
    this.perCpu = PER_CPU_KINDS.has(layout.kind)
    this.kind = layout.kind
    // Only threads can contend: on memory that is not shared no operation needs a lock.
    const threads = this.memory.shared ? Math.max(2, parameters.cpus) : 1
    this.address = this.call(() =>
      this.runtime.mapCreate(
        layout.blockBytes,
        layout.kind,
        layout.typeId,
        parameters.keySize,
        parameters.valueSize,
        parameters.maxEntries,
        parameters.flags,
        threads,
      ),
    )
    this.memory.refresh()
    if (this.address === 0) throw this.noMemory()
  }

  abstract lookup(key: GuestAddress, cpu: number): GuestAddress
  abstract update(key: GuestAddress, value: GuestAddress, flags: number, cpu: number): number
  abstract nextKey(key: GuestAddress, out: GuestAddress): number

  delete(_key: GuestAddress): number {
    return -EINVAL
  }

  /** Elements that the host sees. */
  get size(): number {
    return this.field(MAP_COUNT)
  }

  dispose(): void {
    if (this.disposed) return
    this.disposed = true
    this.release()
    this.memory.free(this.address)
  }

  /** Frees what the store holds besides its control block, and takes its regions away. */
  protected abstract release(): void

  protected field(offset: number): number {
    return this.memory.u32[(this.address + offset) >>> 2]!
  }

  protected get data(): GuestAddress {
    return this.field(MAP_DATA)
  }

  protected get writableByPrograms(): boolean {
    return (this.flags & MAP_FLAG.RDONLY_PROG) === 0
  }

  /** Runs an initialiser of the guest runtime that answers an address, or 0; gives the control block back for 0. */
  protected initialise(operation: () => number): GuestAddress {
    const block = this.call(operation)
    this.memory.refresh()
    if (block !== 0) return block
    this.memory.free(this.address)
    throw this.noMemory()
  }

  /** Calls the guest runtime for an address; a trap in it becomes a named error. Not for hot paths: it takes a closure. */
  protected call(operation: () => number): number {
    try {
      return operation() >>> 0
    } catch (error) {
      throw this.fault(error)
    }
  }

  protected fault(error: unknown): unknown {
    // What failed may have grown the memory before.
    this.memory.refresh()
    return namedFault(error, this.address)
  }

  private noMemory(): AnybpfError {
    const { name, keySize, valueSize, maxEntries, cpus } = this
    const copies = cpus > 1 ? `, ${cpus} copies` : ''
    const what =
      keySize === 0 ? `${maxEntries} bytes` : `${maxEntries} entries of ${keySize} + ${valueSize} bytes${copies}`
    return new AnybpfError('ERR_NO_MEMORY', `map ${name}: no memory for ${what}`)
  }
}
