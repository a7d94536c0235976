/**
 * Which parts of the linear memory exist for a program: what the checked interpreter tests every access against.
 * @module
 */
import { AnybpfError } from '../util/errors.ts'
import type { GuestAddress } from './guest-memory.ts'

export interface Region {
  readonly start: GuestAddress
  /** One past the last byte. */
  readonly end: GuestAddress
  readonly writable: boolean
  /** What a fault calls it: `stack`, `packet`, `map counters`. */
  readonly name: string
  /** For a region with holes (slots of a hash table): does [start, start + size) lie within one live object? */
  covers?(start: GuestAddress, size: number): boolean
}

/** A set of disjoint regions, found by address in logarithmic time. */
export interface RegionSet {
  /** Changes whenever a region comes or goes: what was found before is then stale. */
  readonly generation: number
  /** Empty regions are allowed, and contain nothing. Throws ERR_INTERNAL if regions would overlap. */
  add(region: Region): void
  /** Removes the region that starts there, if there is one. */
  remove(start: GuestAddress): void
  /** The region in which all of [address, address + size) lies, if there is one. */
  find(address: GuestAddress, size: number): Region | undefined
  /** The region in which the byte at `address` lies, holes included: for messages. */
  at(address: GuestAddress): Region | undefined
}

/** Regions in an array, sorted by address. */
export class SortedRegionSet implements RegionSet {
  generation = 0
  private readonly regions: Region[] = []
  private readonly missing: () => boolean

  /** `missing` is asked when nothing is found, and adds regions that are not known yet; false: there are none. */
  constructor(missing: () => boolean = () => false) {
    this.missing = missing
  }

  add(region: Region): void {
    const index = this.indexAfter(region.start)
    const before = this.regions[index - 1]
    const after = this.regions[index]
    if (before !== undefined && (before.end > region.start || before.start === region.start))
      throw overlap(before, region)
    if (after !== undefined && region.end > after.start) throw overlap(after, region)
    this.regions.splice(index, 0, region)
    this.generation++
  }

  remove(start: GuestAddress): void {
    const index = this.indexAfter(start) - 1
    if (this.regions[index]?.start !== start) return
    this.regions.splice(index, 1)
    this.generation++
  }

  find(address: GuestAddress, size: number): Region | undefined {
    return this.lookUp(address, size) ?? (this.missing() ? this.lookUp(address, size) : undefined)
  }

  private lookUp(address: GuestAddress, size: number): Region | undefined {
    const region = this.at(address)
    if (region === undefined || address + size > region.end) return undefined
    return region.covers === undefined || region.covers(address, size) ? region : undefined
  }

  at(address: GuestAddress): Region | undefined {
    const region = this.regions[this.indexAfter(address) - 1]
    return region !== undefined && address < region.end ? region : undefined
  }

  /** Index of the first region that starts behind `address`. */
  private indexAfter(address: GuestAddress): number {
    let low = 0
    let high = this.regions.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.regions[middle]!.start <= address) low = middle + 1
      else high = middle
    }
    return low
  }
}

function overlap(a: Region, b: Region): AnybpfError {
  return new AnybpfError(
    'ERR_INTERNAL',
    `regions overlap: ${a.name} [${a.start}, ${a.end}) and ${b.name} [${b.start}, ${b.end})`,
  )
}
