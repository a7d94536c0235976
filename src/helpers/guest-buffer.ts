/**
 * A block of guest memory that is used again for every run, with a part of it that programs may touch.
 * @module
 */
import type { GuestAddress, GuestMemory } from '../vm/guest-memory.ts'
import type { Region, RegionSet } from '../vm/regions.ts'

/**
 * The block grows, and then moves, but never shrinks. Its bytes are zero when it is made or has grown. Programs see
 * `[visibleStart, visibleEnd)` of it: moving these bounds costs nothing, for the block stays one region.
 */
export class GuestBuffer {
  start: GuestAddress = 0
  size = 0
  visibleStart: GuestAddress = 0
  visibleEnd: GuestAddress = 0
  private readonly memory: GuestMemory
  private readonly regions: RegionSet
  private readonly name: string
  private readonly writable: boolean

  /** `name` is what a fault calls it. */
  constructor(memory: GuestMemory, regions: RegionSet, name: string, options: { readonly writable: boolean }) {
    this.memory = memory
    this.regions = regions
    this.name = name
    this.writable = options.writable
  }

  /** Makes the block at least `size` bytes large. Its content is lost if it grows. True if it has moved. */
  ensure(size: number): boolean {
    if (size <= this.size) return false
    this.dispose()
    const rounded = (size + 63) & ~63
    this.start = this.memory.allocate(rounded)
    this.size = rounded
    const covers = (start: number, length: number): boolean =>
      start >= this.visibleStart && start + length <= this.visibleEnd
    const region: Region = {
      start: this.start,
      end: this.start + rounded,
      writable: this.writable,
      name: this.name,
      covers,
    }
    this.regions.add(region)
    return true
  }

  /** Has programs see `[start, end)`, of this block or none of it. */
  show(start: GuestAddress, end: GuestAddress): void {
    this.visibleStart = start
    this.visibleEnd = end
  }

  dispose(): void {
    if (this.size === 0) return
    this.regions.remove(this.start)
    this.memory.free(this.start)
    this.start = this.size = this.visibleStart = this.visibleEnd = 0
  }
}
