/**
 * An array whose elements are u32 references to other objects (programs, maps): what array_of_maps and prog_array share.
 * Programs do not touch the elements, so there is no region for them.
 * @module
 */
import { E2BIG, EBADF, EINVAL, ENOENT } from '../spec/errno.ts'
import { MAP_HEADER_BYTES, MAP_STRIDE } from '../vm/guest-layout.ts'
import type { GuestAddress } from '../vm/guest-memory.ts'
import type { Machine } from '../vm/machine.ts'
import type { MapParameters } from './definition.ts'
import { ControlBlockStore } from './store.ts'

export abstract class SlotArrayStore extends ControlBlockStore {
  readonly indexed = true
  private readonly block: GuestAddress
  private readonly first: number
  private readonly step: number

  constructor(machine: Machine, parameters: MapParameters, typeId: number, kind: number) {
    super(machine, parameters, { typeId, kind, blockBytes: MAP_HEADER_BYTES, copies: 1 })
    this.block = this.initialise(() => this.runtime.arrayInit(this.address, 1))
    this.first = this.data >>> 2
    this.step = this.field(MAP_STRIDE) >>> 2
  }

  /** Whether a value may be stored: what it refers to exists and fits. */
  protected abstract accepts(value: number): boolean

  /** The error for a value that may not be stored. */
  protected get refusal(): number {
    return EBADF
  }

  protected slot(index: number): number {
    return this.memory.u32[this.first + index * this.step]!
  }

  protected clearSlot(index: number): void {
    this.memory.u32[this.first + index * this.step] = 0
  }

  /** Entries that are not empty. */
  override get size(): number {
    let used = 0
    for (let i = 0; i < this.maxEntries; i++) if (this.slot(i) !== 0) used++
    return used
  }

  lookup(key: GuestAddress): GuestAddress {
    const index = this.index(key)
    return index < this.maxEntries && this.slot(index) !== 0 ? (this.first + index * this.step) * 4 : 0
  }

  update(key: GuestAddress, value: GuestAddress, flags: number): number {
    const index = this.index(key)
    if (flags !== 0) return -EINVAL
    if (index >= this.maxEntries) return -E2BIG
    const reference = this.memory.view.getUint32(value, true)
    if (!this.accepts(reference)) return -this.refusal
    this.memory.u32[this.first + index * this.step] = reference
    return 0
  }

  override delete(key: GuestAddress): number {
    const index = this.index(key)
    if (index >= this.maxEntries) return -E2BIG
    if (this.slot(index) === 0) return -ENOENT
    this.clearSlot(index)
    return 0
  }

  nextKey(key: GuestAddress, out: GuestAddress): number {
    return this.runtime.arrayNextKey(this.address, key, out)
  }

  protected release(): void {
    this.memory.free(this.block)
  }

  private index(key: GuestAddress): number {
    return this.memory.view.getUint32(key, true)
  }
}
