/**
 * The one linear memory in which everything of BPF lives: stacks, contexts, packets, map values, globals, records.
 * A BPF pointer is an offset in it, zero-extended to 64 bits.
 *
 * ```
 * 0            64 KiB                                             size
 * +-------------+--------------------------------------------------+
 * | page zero   | heap: blocks of the allocator                    |
 * +-------------+--------------------------------------------------+
 *   reads as zero,
 *   never written
 * ```
 * @module
 */
import { AnybpfError } from '../util/errors.ts'
import type { Flavour } from '../util/flavour.ts'

/** An offset in the linear memory, as an unsigned number. 0 is NULL. */
export type GuestAddress = Flavour<number, 'guest address'>

export const PAGE_SIZE = 65536

export interface GuestMemoryOptions {
  /** Upper bound of the memory in bytes; default 1 GiB, at most 4 GiB less one page. */
  readonly limit?: number
}

/**
 * Owns the memory and every view of it. Growth detaches the views: whoever keeps one across a call that may allocate
 * reads it anew from here.
 */
export class GuestMemory {
  readonly wasm: WebAssembly.Memory
  u8!: Uint8Array
  i32!: Int32Array
  u32!: Uint32Array
  view!: DataView
  private top: number

  constructor(options: GuestMemoryOptions = {}) {
    const maximum = Math.min(Math.floor((options.limit ?? 2 ** 30) / PAGE_SIZE), 65535)
    this.wasm = new WebAssembly.Memory({ initial: 2, maximum })
    this.top = PAGE_SIZE
    this.refresh()
  }

  /** Makes the views anew if the memory has grown. */
  refresh(): void {
    const buffer = this.wasm.buffer
    if (this.u8 !== undefined && this.u8.buffer === buffer) return
    this.u8 = new Uint8Array(buffer)
    this.i32 = new Int32Array(buffer)
    this.u32 = new Uint32Array(buffer)
    this.view = new DataView(buffer)
  }

  /** `size` zeroed bytes, 8-byte aligned. Throws ERR_NO_MEMORY at the limit. */
  allocate(size: number): GuestAddress {
    const start = this.top
    const end = start + ((size + 7) & ~7)
    if (end > this.u8.length) {
      try {
        this.wasm.grow(Math.ceil((end - this.u8.length) / PAGE_SIZE))
      } catch (cause) {
        throw new AnybpfError('ERR_NO_MEMORY', `cannot allocate ${size} bytes`, { cause })
      }
      this.refresh()
    }
    this.top = end
    return start
  }

  /** Gives a block back. Its content is undefined from here on. */
  free(_address: GuestAddress): void {}

  /** Copies bytes in; returns where. The caller owns the block. */
  place(bytes: Uint8Array): GuestAddress {
    const address = this.allocate(bytes.length)
    this.u8.set(bytes, address)
    return address
  }

  /** A copy of `size` bytes. */
  read(address: GuestAddress, size: number): Uint8Array {
    return this.u8.slice(address, address + size)
  }
}
