/**
 * What the compiler has to know of the machine that the code will run on.
 * @module
 */
import type { GuestAddress } from '../guest-memory.ts'
import type { HelperDefinition, MapStore } from '../machine.ts'

export interface JitTarget {
  /** Address of the CPU's block, see `cpu-block.ts`. */
  readonly cpuBlock: GuestAddress
  readonly cpuId: number
  /** Bytes of a frame, and from one to the next. */
  readonly frameSize: number
  readonly frameStride: number
  /** r10 of the first frame, and of the last one that there may be. */
  readonly firstFrame: GuestAddress
  readonly lastFrame: GuestAddress
  readonly shared: boolean
  readonly helpers: ReadonlyMap<number, HelperDefinition>
  readonly maps: ReadonlyMap<GuestAddress, MapStore>
  /** Words of the linear memory: control blocks of maps are read from it. */
  readonly words: Uint32Array
}

/** Optimisations, each of which can be switched off. All of them are on by default. */
export interface JitPasses {
  /** Constant offsets of pointers become part of the memory instruction. */
  readonly foldAddresses?: boolean
  /** Rotations that are written as two shifts. */
  readonly rotates?: boolean
  /** Small innermost loops several times in a row. */
  readonly unroll?: boolean
  /** Stack slots whose address nobody takes live in locals. */
  readonly stackSlots?: boolean
  /** Operations on maps that are known: in place, or a call from WebAssembly to WebAssembly. */
  readonly maps?: boolean
}

export interface JitOptions {
  /** Charge a budget of instructions, as the interpreter does. */
  readonly budget: boolean
  /** Nobody verified the program: what verification would have excluded is tested as it runs. */
  readonly guard: boolean
  readonly passes?: JitPasses
}
