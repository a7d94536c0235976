/**
 * Which parts of the linear memory exist for a program: what the checked interpreter tests every access against.
 * @module
 */
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
  add(region: Region): void
  /** Removes the region that starts there. */
  remove(start: GuestAddress): void
  /** The region in which all of [address, address + size) lies, if there is one. */
  find(address: GuestAddress, size: number): Region | undefined
}
