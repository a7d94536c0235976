/**
 * What the compiler has to know of the machine that the code will run on.
 * @module
 */

import type { LddwInsn } from '../../isa/instruction.ts'
import type { MAP_CPU_STRIDE, MAP_STRIDE } from '../guest-layout.ts'
import type { GuestAddress } from '../guest-memory.ts'
import type { ExecutableProgram, HelperDefinition } from '../machine.ts'

/** An address that is a constant of the code; or that the code imports, where it is compiled before anybody knows addresses. */
export type Address = GuestAddress | ImportedAddress

/** The value of an imported global that nobody changes, and bytes past it. */
export interface ImportedAddress {
  /** Place in `JitTarget.imports`. */
  readonly global: number
  readonly offset: number
}

/** What of a map's control block never changes, and depends on nothing but what the map was declared with. */
export type ConstantField = typeof MAP_STRIDE | typeof MAP_CPU_STRIDE

/** A map that the code names. */
export interface TargetMap {
  /** KIND_* of the guest layout; undefined: only the store's methods know what to do. */
  readonly kind: number | undefined
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  /** Of the control block. */
  readonly address: Address
  /** MAP_DATA of the control block. */
  readonly data: Address
  field(offset: ConstantField): number
}

export interface JitTarget {
  /** Names of the addresses that the code imports, as globals; default none. */
  readonly imports?: readonly string[]
  /** Address of the CPU's block, see `cpu-block.ts`. */
  readonly cpuBlock: Address
  readonly cpuId: number
  /** Bytes of a frame, and from one to the next. */
  readonly frameSize: number
  readonly frameStride: number
  /** r10 of the first frame, and of the last one that there may be. */
  readonly firstFrame: Address
  readonly lastFrame: Address
  readonly shared: boolean
  /** Tail calls that an invocation may take. */
  readonly tailCalls: number
  readonly helpers: ReadonlyMap<number, HelperDefinition>
  /** What a wide load gives; undefined: no address, or one that has 64 bits. */
  address(insn: LddwInsn): Address | undefined
  /** The map whose control block is at what `address` gave; undefined: none is, or it is not known which. */
  map(address: Address): TargetMap | undefined
  /** The low half of the code address of the function at a slot, of the program that is compiled. */
  codeIndex(program: ExecutableProgram, slot: number): Address | undefined
}

/** `bytes` past an address. */
export function offsetAddress(address: Address, bytes: number): Address {
  return typeof address === 'number' ? address + bytes : { global: address.global, offset: address.offset + bytes }
}

/** Optimisations, each of which can be switched off. All of them are on by default. */
export interface JitPasses {
  /** Programs of at most so many instructions become part of their entries, which need not call them; default 32. */
  readonly inlineInsns?: number
  /** Constant offsets of pointers become part of the memory instruction. */
  readonly foldAddresses?: boolean
  /** Rotations that are written as two shifts. */
  readonly rotates?: boolean
  /** Extensions that are written as two shifts. */
  readonly extensions?: boolean
  /** Byte swaps that are written as shifts and masks. */
  readonly byteSwaps?: boolean
  /** Small innermost loops several times in a row. */
  readonly unroll?: boolean
  /** Jumps around a few instructions that only compute. */
  readonly selects?: boolean
  /** Stack slots whose address nobody takes live in locals. */
  readonly stackSlots?: boolean
  /** Operations on maps that are known: in place, or a call from WebAssembly to WebAssembly. */
  readonly maps?: boolean
  /** Functions with more instructions are cut into pieces of about so many. */
  readonly pieceInsns?: number
}

export interface JitOptions {
  /** Charge a budget of instructions, as the interpreter does. */
  readonly budget: boolean
  /** Nobody verified the program: what verification would have excluded is tested as it runs. */
  readonly guard: boolean
  readonly passes?: JitPasses
}
