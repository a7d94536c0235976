/**
 * The one linear memory in which everything of BPF lives: stacks, contexts, packets, map values, globals, records.
 * A BPF pointer is an offset in it, zero-extended to 64 bits.
 *
 * ```
 * 0            64 KiB        66 KiB                                size
 * +-------------+-------------+------------------------------------+
 * | page zero   | heap header | blocks of the heap                 |
 * +-------------+-------------+------------------------------------+
 *   reads as zero,
 *   never written
 * ```
 * The heap is part of the guest runtime (`assembly/heap.ts`): its state lies in the memory, where every thread finds it.
 * @module
 */
import { AnybpfError } from '../util/errors.ts'
import type { Flavour } from '../util/flavour.ts'
import { BLOCK_HEADER_BYTES, HEAP_BASE, HEAP_END, PAGE_BYTES } from './guest-layout.ts'
import { type GuestRuntimeExports, instantiateGuestRuntime, namedFault } from './guest-runtime.ts'
import type { WasmMemory, WasmModule } from './wasm-types.ts'

/** An offset in the linear memory, as an unsigned number. 0 is NULL. */
export type GuestAddress = Flavour<number, 'guest address'>

export const PAGE_SIZE = PAGE_BYTES

const INITIAL_PAGES = 2
const MAX_PAGES = 65535
const DEFAULT_LIMIT = 2 ** 30
const DEFAULT_HASH_SEED = 0x5bf03635

export interface LinearMemoryOptions {
  /** Upper bound of the memory in bytes; default 1 GiB, at most 4 GiB less one page, at least two pages. */
  readonly limit?: number
  /** Whether several threads will use it (a `SharedArrayBuffer`); default no. */
  readonly shared?: boolean
  /** A memory that another thread has made: this one joins it. */
  readonly join?: WasmMemory
  /** The guest runtime, compiled. */
  readonly module: WasmModule
  /**
   * What hash tables mix into every hash. Give a random number where the keys come from somebody who would gain from
   * collisions; the default is a constant, so that runs repeat.
   */
  readonly hashSeed?: number
}

/**
 * Owns the memory and every view of it. Growth detaches the views: whoever keeps one across a call that may allocate
 * reads it anew from here.
 */
export class LinearMemory {
  readonly wasm: WasmMemory
  readonly shared: boolean
  readonly hashSeed: number
  /** The functions of the guest runtime. Where memory is shared, `refresh()` after one that may allocate. */
  readonly runtime: GuestRuntimeExports
  u8!: Uint8Array
  i32!: Int32Array
  u32!: Uint32Array
  view!: DataView
  private readonly limit: number
  private readonly wakers = new Map<GuestAddress, () => void>()

  constructor(options: LinearMemoryOptions) {
    this.shared = sharesMemory(options)
    this.hashSeed = (options.hashSeed ?? DEFAULT_HASH_SEED) >>> 0
    this.limit = options.limit ?? DEFAULT_LIMIT
    this.wasm = options.join ?? makeMemory(this.limit, this.shared)
    this.runtime = instantiateGuestRuntime(options.module, this.wasm, {
      wake: (map) => this.wakers.get(map)?.(),
      grown: () => this.makeViews(),
    })
    if (options.join === undefined) this.runtime.heapInit(this.shared ? 1 : 0)
    this.makeViews()
  }

  /** Makes the views anew if another thread has let the memory grow; of growth by this one the guest runtime tells. */
  refresh(): void {
    // Views of shared memory are then too short; asking for `buffer` is ten times slower than this.
    if (this.shared && this.u32[(HEAP_BASE + HEAP_END) >>> 2] !== this.u8.length) this.makeViews()
  }

  private makeViews(): void {
    const { buffer } = this.wasm
    this.u8 = new Uint8Array(buffer)
    this.i32 = new Int32Array(buffer)
    this.u32 = new Uint32Array(buffer)
    this.view = new DataView(buffer)
  }

  /** `size` zeroed bytes, 8-byte aligned. Throws ERR_NO_MEMORY at the limit. */
  allocate(size: number): GuestAddress {
    const address = this.tryAllocate(size)
    if (address === 0) {
      throw new AnybpfError('ERR_NO_MEMORY', `cannot allocate ${size} bytes: ${this.usedBytes} of ${this.limit} in use`)
    }
    return address
  }

  /** The same, with 0 for "no memory". */
  tryAllocate(size: number): GuestAddress {
    if (!(size >= 0 && size <= 0xffff_ffff)) return 0
    try {
      return this.runtime.heapAllocate(size) >>> 0
    } catch (error) {
      throw namedFault(error, PAGE_SIZE)
    } finally {
      // Spoiled metadata may be noticed only after the memory has grown.
      this.refresh()
    }
  }

  /** Gives a block back. Its content is undefined from here on. Throws ERR_FAULT for an address that is no live block. */
  free(address: GuestAddress): void {
    let result: number
    try {
      result = this.runtime.heapFree(address)
    } catch (error) {
      throw namedFault(error, address)
    }
    if (result !== 0) {
      throw new AnybpfError('ERR_FAULT', `cannot free 0x${address.toString(16)}: no live block starts there`, {
        details: { kind: 'bad_free', address },
      })
    }
  }

  /** Bytes of live blocks, with the allocator's 8 bytes for each. */
  get usedBytes(): number {
    return this.runtime.heapUsed() >>> 0
  }

  /** Bytes that a block of `size` bytes takes at least. */
  static blockBytes(size: number): number {
    return Math.max(8, Math.ceil(size / 8) * 8) + BLOCK_HEADER_BYTES
  }

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

  /** Has `listener` called, in the middle of a program's run, when the map at this address has something to read. */
  onWake(map: GuestAddress, listener: (() => void) | undefined): void {
    if (listener === undefined) this.wakers.delete(map)
    else this.wakers.set(map, listener)
  }
}

/** Whether the memory that is asked for is one that several threads use. */
export function sharesMemory({ join, shared }: Partial<LinearMemoryOptions>): boolean {
  return join === undefined ? shared === true : isShared(join)
}

function isShared(memory: WasmMemory): boolean {
  return typeof SharedArrayBuffer !== 'undefined' && memory.buffer instanceof SharedArrayBuffer
}

function makeMemory(limit: number, shared: boolean): WasmMemory {
  const maximum = Math.min(Math.floor(limit / PAGE_SIZE), MAX_PAGES)
  if (!(maximum >= INITIAL_PAGES)) {
    throw new AnybpfError(
      'ERR_USAGE',
      `a memory limit of ${limit} bytes is too small: at least ${INITIAL_PAGES * PAGE_SIZE}`,
    )
  }
  try {
    return new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum, shared })
  } catch (cause) {
    throw new AnybpfError('ERR_NO_MEMORY', `cannot reserve a memory of up to ${limit} bytes`, { cause })
  }
}
