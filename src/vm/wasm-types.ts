/**
 * What is said of WebAssembly in public types: no more than is needed, and in own words, for `WebAssembly` is a name that
 * TypeScript knows only where the DOM's or Node's types are.
 * @see https://webassembly.github.io/spec/js-api/
 * @module
 */

/** A `WebAssembly.Memory`. */
export interface WasmMemory {
  readonly buffer: ArrayBufferLike
  /** Adds pages of 64 KiB; returns how many there were. */
  grow(pages: number): number
}

/** A `WebAssembly.Module`, which has no members. */
export type WasmModule = object
