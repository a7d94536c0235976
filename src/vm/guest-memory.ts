/**
 * The linear memory with a guest runtime that is compiled here, from the bytes that the library brings along.
 * @module
 */
import { compileGuestRuntime, compileGuestRuntimeAsync } from './guest-runtime.ts'
import { LinearMemory, type LinearMemoryOptions, sharesMemory } from './linear-memory.ts'
import type { WasmModule } from './wasm-types.ts'

export { type GuestAddress, PAGE_SIZE } from './linear-memory.ts'

export interface GuestMemoryOptions extends Omit<LinearMemoryOptions, 'module'> {
  /** The guest runtime, compiled by `compileGuestRuntimeAsync`; by default it is compiled here, synchronously. */
  readonly module?: WasmModule
}

export class GuestMemory extends LinearMemory {
  constructor(options: GuestMemoryOptions = {}) {
    super({ ...options, module: options.module ?? compileGuestRuntime(sharesMemory(options)) })
  }

  static create(options: GuestMemoryOptions = {}): GuestMemory {
    return new GuestMemory(options)
  }

  /** For places that refuse to compile synchronously. */
  static async createAsync(options: GuestMemoryOptions = {}): Promise<GuestMemory> {
    return new GuestMemory({
      ...options,
      module: options.module ?? (await compileGuestRuntimeAsync(sharesMemory(options))),
    })
  }
}
