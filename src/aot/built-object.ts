/**
 * What a generated module says of the object that it was built from: what `instantiate` needs besides the WebAssembly modules.
 * Plain data, in a form that is small as text.
 * @module
 */
import type { MapKind } from '../object/spec.ts'
import type { ArgWidth, PlatformLimits, ReturnWidth } from '../spec/types.ts'
import type { GuestRuntimeExports } from '../vm/guest-runtime.ts'

/** Counts incompatible changes of this data, of what modules import, and of the guest runtime that goes with them. */
export const FORMAT = 2

export interface BuiltObject {
  readonly format: number
  /**
   * Fingerprint of everything else here and of all bytes of the modules: sizes of maps, what the verifier knew and whether a
   * budget is counted are constants of their code. The programs' modules carry it too.
   */
  readonly build: string
  /** Fingerprint of the guest runtime, which it carries too. */
  readonly runtime: string
  readonly platform: { readonly name: string; readonly limits: PlatformLimits }
  /** The helpers that programs call, by number. */
  readonly helpers: Readonly<Record<number, BuiltHelper>>
  readonly programs: Readonly<Record<string, BuiltProgram>>
  /** Names of map types, by number. */
  readonly mapTypes: Readonly<Record<number, string>>
  /** In the order of their index in the programs. */
  readonly maps: Readonly<Record<string, BuiltMap>>
  /** Of keys, values and variables, by id from 1 on. */
  readonly types: readonly BuiltType[]
}

export interface BuiltHelper {
  readonly name: string
  readonly args: readonly ArgWidth[]
  readonly returns: ReturnWidth
  readonly tailCall?: boolean
}

export interface BuiltProgram {
  readonly type: string
  /** In its module's name, by which a stack trace tells whose code it is: no other program of the build has it. */
  readonly id: number
  /** The verifier accepted it. */
  readonly verified: boolean
  /** Instructions that a run may take; absent: the module counts none. */
  readonly budget?: number
  /** Numbers of the helpers, and names of the guest runtime's functions, that its module imports. */
  readonly helpers: readonly number[]
  readonly runtime: readonly (keyof GuestRuntimeExports)[]
  /** Slots of the functions that its module exports. */
  readonly exported: readonly number[]
}

/** What of a `MapSpec` matters to a live map; defaults are left out. */
export interface BuiltMapShape {
  readonly type: number
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  /** Default 0. */
  readonly flags?: number
  readonly mapExtra?: bigint
  readonly key?: number
  readonly value?: number
}

export interface BuiltMap extends BuiltMapShape {
  /** Default `map`. */
  readonly kind?: MapKind
  readonly inner?: BuiltMapShape
  /** The maps or programs that are in it at first, by index. */
  readonly slots?: readonly { readonly index: number; readonly map?: string; readonly program?: string }[]
  /** Initial bytes of global data, as base64; absent: zeros. */
  readonly contents?: string
  /** Global variables: name, offset, type. */
  readonly variables?: readonly (readonly [name: string, offset: number, type: number])[]
}

/** A BTF type without its id, and without what is `''`, 0 or false. Of an integer, `bits` absent is all of them. */
export type BuiltType =
  | { readonly kind: 'void' }
  | {
      readonly kind: 'int'
      readonly name?: string
      readonly size: number
      readonly bits?: number
      readonly offset?: number
      readonly signed?: boolean
      readonly char?: boolean
      readonly bool?: boolean
    }
  | { readonly kind: 'ptr' }
  | { readonly kind: 'array'; readonly type: number; readonly indexType?: number; readonly count: number }
  | {
      readonly kind: 'struct' | 'union'
      readonly name?: string
      readonly size: number
      readonly kindFlag?: boolean
      readonly members: readonly (readonly [name: string, type: number, bitOffset: number, bitSize?: number])[]
    }
  | {
      readonly kind: 'enum'
      readonly name?: string
      readonly size: number
      readonly signed?: boolean
      readonly values: readonly (readonly [name: string, value: number])[]
    }
  | {
      readonly kind: 'enum64'
      readonly name?: string
      readonly size: number
      readonly signed?: boolean
      readonly values: readonly (readonly [name: string, value: bigint])[]
    }
  | { readonly kind: 'float'; readonly name?: string; readonly size: number }
  | {
      readonly kind: 'typedef' | 'volatile' | 'const' | 'restrict' | 'type_tag' | 'var'
      readonly name?: string
      readonly type: number
    }
