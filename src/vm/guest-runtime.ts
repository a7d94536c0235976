/**
 * Makes an instance of the guest runtime: the WebAssembly module (allocator, map stores) that works on the same linear memory
 * as the programs, so that a map operation of a compiled program is a call from WebAssembly to WebAssembly.
 *
 * Memory that is shared between threads and memory that is not cannot be imported by the same module: the import says
 * which it wants, in one flag byte. The module exists once, and that byte is changed.
 * @see https://webassembly.github.io/spec/core/binary/types.html#limits
 * @module
 */
import { AnybpfError } from '../util/errors.ts'
import type { GuestAddress } from './guest-memory.ts'
import { GUEST_RUNTIME_BASE64, GUEST_RUNTIME_MEMORY_FLAG, type GuestRuntimeExports } from './guest-runtime.generated.ts'
import type { WasmMemory, WasmModule } from './wasm-types.ts'

export type { GuestRuntimeExports } from './guest-runtime.generated.ts'

/** Limits with a maximum: not shared, shared. */
const LIMITS_BOUNDED = 1
const LIMITS_SHARED = 3

/** What the runtime found wrong, by the number that it reports. */
const SPOILED: readonly string[] = [
  'metadata of the guest memory is spoiled',
  'metadata of the heap is spoiled',
  'a chain of a hash table is spoiled',
  'a lock was not released',
  'a record of a ring buffer is spoiled',
  'the list of an LRU map is spoiled',
  'a node of a trie is spoiled',
]

/** The module's bytes, for memory that is shared between threads or not. */
export function guestRuntimeBytes(shared: boolean): Uint8Array<ArrayBuffer> {
  const text = atob(GUEST_RUNTIME_BASE64)
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i)
  bytes[GUEST_RUNTIME_MEMORY_FLAG] = shared ? LIMITS_SHARED : LIMITS_BOUNDED
  return bytes
}

let compiled: WasmModule | undefined
let compiledShared: WasmModule | undefined

/** The compiled module; compiled once per process and form. */
export function compileGuestRuntime(shared: boolean): WasmModule {
  if (shared) {
    compiledShared ??= new WebAssembly.Module(guestRuntimeBytes(true))
    return compiledShared
  }
  compiled ??= new WebAssembly.Module(guestRuntimeBytes(false))
  return compiled
}

/** The same for browsers, whose main thread refuses to compile larger modules synchronously: hand the result in. */
export async function compileGuestRuntimeAsync(shared: boolean): Promise<WasmModule> {
  const module = await WebAssembly.compile(guestRuntimeBytes(shared))
  if (shared) compiledShared ??= module
  else compiled ??= module
  return module
}

/** What the runtime asks of its host. */
export interface GuestRuntimeHost {
  /** The map at this address (a ring buffer) has something to read. Called while a program runs: only takes note. */
  wake(map: GuestAddress): void
  /** The memory has grown, by this instance. May be called while a program runs. */
  grown(): void
}

export function instantiateGuestRuntime(
  module: WasmModule,
  memory: WasmMemory,
  host: GuestRuntimeHost,
): GuestRuntimeExports {
  const instance = new WebAssembly.Instance(module, {
    env: {
      memory: memory as WebAssembly.Memory,
      spoiled(what: number, address: number): never {
        throw spoiledError(SPOILED[what] ?? SPOILED[0]!, address >>> 0)
      },
      wake(map: number): void {
        host.wake(map >>> 0)
      },
      grown(): void {
        host.grown()
      },
    },
  })
  return instance.exports as unknown as GuestRuntimeExports
}

/** `ERR_FAULT`: a program that ran unverified has overwritten what the allocator or a map keeps in the linear memory. */
export function spoiledError(what: string, address: GuestAddress, cause?: unknown): AnybpfError {
  return new AnybpfError('ERR_FAULT', `${what}: address 0x${address.toString(16)}`, {
    details: { kind: 'spoiled', address },
    ...(cause === undefined ? {} : { cause }),
  })
}

/**
 * Turns a trap of the runtime (an address in spoiled metadata led outside the memory) into the named error; everything else
 * stays what it is. For `catch` around a call of the runtime.
 */
export function namedFault(error: unknown, address: GuestAddress): unknown {
  return error instanceof WebAssembly.RuntimeError ? spoiledError(SPOILED[0]!, address, error) : error
}
