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

export abstract class SlabStore extends ControlBlockStore {
  /** Starts of the slabs that have a region. */
  private readonly slabs: GuestAddress[] = []
  private readonly stride: number
  private readonly valueOffset: number
  private readonly cpuStride: number
  private readonly countIndex: number

  /** `initialise` prepares the control block at an address in the guest runtime, and answers 0 if there is no memory. */
  constructor(
    machine: Machine,
    parameters: MapParameters,
    layout: StoreLayout,
    initialise: (address: GuestAddress) => number,
  ) {
    super(machine, parameters, layout)
    this.initialise(() => initialise(this.address))
    this.stride = this.field(MAP_STRIDE)
    this.valueOffset = this.field(SLOT_VALUE_OFFSET)
    this.cpuStride = this.field(MAP_CPU_STRIDE)
    this.countIndex = (this.address + SLAB_COUNT) >>> 2
  }

  /** To be called before a value's address is handed out: slabs that were added since the last call get their regions. */
  protected coverSlabs(): void {
    if (this.memory.u32[this.countIndex] !== this.slabs.length) this.addRegions()
  }

  /** Takes the regions away; `free` gives back all blocks besides the control block, and answers 0 if they were whole. */
  protected releaseSlabs(free: () => number): void {
    for (const start of this.slabs) this.machine.regions.remove(start)
    if (this.call(free) !== 0) throw spoiledError(`blocks of map ${this.name} are spoiled`, this.address)
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
