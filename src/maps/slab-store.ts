/**
 * Stores whose elements lie in slots of one size, in slabs that the map keeps until it is disposed (the picture is in
 * `src/vm/guest-layout.ts`): their regions, in which only values are covered.
 * @module
 */
import {
  MAP_CPU_STRIDE,
  MAP_STRIDE,
  MAX_SLABS,
  SLAB_COUNT,
  SLAB_DIRECTORY,
  SLAB_FRESH,
  SLAB_FRESH_END,
  SLOT_VALUE_OFFSET,
} from '../vm/guest-layout.ts'
import type { GuestAddress } from '../vm/guest-memory.ts'
import { spoiledError } from '../vm/guest-runtime.ts'
import type { Machine } from '../vm/machine.ts'
import type { MapParameters } from './definition.ts'
import { ControlBlockStore, type StoreLayout } from './store.ts'

/** What the guest runtime does with one kind of map; functions of `GuestRuntimeExports`. */
export interface SlabOperations {
  lookup(map: GuestAddress, key: GuestAddress, cpu: number): number
  update(map: GuestAddress, key: GuestAddress, value: GuestAddress, flags: number, cpu: number): number
  delete(map: GuestAddress, key: GuestAddress): number
  nextKey(map: GuestAddress, key: GuestAddress, out: GuestAddress): number
  /** Gives back all blocks besides the control block; 0 if they were whole. */
  dispose(map: GuestAddress): number
}

export abstract class SlabStore extends ControlBlockStore {
  private readonly operations: SlabOperations
  /** Starts of the slabs that have a region. */
  private readonly slabs: GuestAddress[] = []
  private readonly stride: number
  protected readonly valueOffset: number
  private readonly cpuStride: number
  private readonly countIndex: number

  /** `initialise` prepares the control block at an address in the guest runtime, and answers 0 if there is no memory. */
  constructor(
    machine: Machine,
    parameters: MapParameters,
    layout: StoreLayout,
    operations: SlabOperations,
    initialise: (address: GuestAddress) => number,
  ) {
    super(machine, parameters, layout)
    this.operations = operations
    this.initialise(() => initialise(this.address))
    this.stride = this.field(MAP_STRIDE)
    this.valueOffset = this.field(SLOT_VALUE_OFFSET)
    this.cpuStride = this.field(MAP_CPU_STRIDE)
    this.countIndex = (this.address + SLAB_COUNT) >>> 2
  }

  lookup(key: GuestAddress, cpu: number): GuestAddress {
    return this.find(this.operations.lookup, key, cpu)
  }

  update(key: GuestAddress, value: GuestAddress, flags: number, cpu: number): number {
    try {
      const result = this.operations.update(this.address, key, value, flags, cpu)
      this.memory.refresh()
      return result
    } catch (error) {
      throw this.fault(error)
    }
  }

  override delete(key: GuestAddress): number {
    try {
      return this.operations.delete(this.address, key)
    } catch (error) {
      throw this.fault(error)
    }
  }

  nextKey(key: GuestAddress, out: GuestAddress): number {
    try {
      return this.operations.nextKey(this.address, key, out)
    } catch (error) {
      throw this.fault(error)
    }
  }

  /** A lookup by one of the guest runtime's. Slabs that were added since the last one get their regions first. */
  protected find(lookup: SlabOperations['lookup'], key: GuestAddress, cpu: number): GuestAddress {
    try {
      const value = lookup(this.address, key, cpu) >>> 0
      this.noteRegions()
      return value
    } catch (error) {
      throw this.fault(error)
    }
  }

  noteRegions(): boolean {
    if (this.memory.u32[this.countIndex] === this.slabs.length) return false
    this.addRegions()
    return true
  }

  protected release(): void {
    for (const start of this.slabs) this.machine.regions.remove(start)
    if (this.call(() => this.operations.dispose(this.address)) !== 0) {
      throw spoiledError(`blocks of map ${this.name} are spoiled`, this.address)
    }
  }

  private addRegions(): void {
    this.memory.refresh()
    const count = Math.min(this.field(SLAB_COUNT), MAX_SLABS)
    for (let i = this.slabs.length; i < count; i++) {
      const start = this.field(SLAB_DIRECTORY + 8 * i)
      const end = this.field(SLAB_DIRECTORY + 8 * i + 4)
      this.addRegion(start, end)
      this.slabs.push(start)
    }
  }

  private addRegion(start: GuestAddress, end: GuestAddress): void {
    try {
      this.machine.regions.add({
        start,
        end,
        writable: this.writableByPrograms,
        name: `map ${this.name}`,
        covers: (from, size) => this.isInValue(start, end, from, size),
      })
    } catch (cause) {
      // The heap gives no memory twice: the directory does not say where slabs lie.
      throw spoiledError(`slabs of map ${this.name} are spoiled`, this.address, cause)
    }
  }

  /**
   * Within one value of a slot that is, or was, in use. The memory of a deleted element is still its map's, and a program that
   * looked it up before may go on using it, as in Linux.
   */
  private isInValue(start: GuestAddress, end: GuestAddress, from: GuestAddress, size: number): boolean {
    const inSlot = (from - start) % this.stride
    if (inSlot < this.valueOffset) return false
    if (((inSlot - this.valueOffset) % this.cpuStride) + size > this.valueSize) return false
    return this.field(SLAB_FRESH_END) !== end || from - inSlot < this.field(SLAB_FRESH)
  }
}
