/**
 * Pass: operations on maps that are known when a program is compiled. A lookup in an array is a comparison and a
 * multiplication in place; the others are calls from WebAssembly to WebAssembly.
 *
 * For verified programs only: what they pass is right, so that nothing is left to test.
 * @module
 */
import { EINVAL } from '../../spec/errno.ts'
import {
  KIND_ARRAY,
  KIND_ARRAY_OF_MAPS,
  KIND_HASH,
  KIND_HASH_OF_MAPS,
  KIND_LPM_TRIE,
  KIND_LRU_HASH,
  KIND_LRU_PERCPU_HASH,
  KIND_PERCPU_ARRAY,
  KIND_PERCPU_HASH,
  MAP_CPU_STRIDE,
  MAP_STRIDE,
} from '../guest-layout.ts'
import type { GuestRuntimeExports } from '../guest-runtime.ts'
import type { MapOperation } from '../machine.ts'
import { type Operands, pushRegister } from './arithmetic.ts'
import type { FunctionWriter } from './function-writer.ts'
import { type Address, type JitTarget, offsetAddress, type TargetMap } from './target.ts'
import type { Signature } from './wasm-module.ts'
import { I32, OP } from './wasm-opcodes.ts'

type RuntimeFunction = keyof GuestRuntimeExports

/** The guest runtime's functions, by what a store is and what is done to it. */
const FUNCTIONS: Readonly<Record<number, Partial<Record<MapOperation, RuntimeFunction>>>> = {
  [KIND_ARRAY]: { update: 'arrayUpdate' },
  [KIND_PERCPU_ARRAY]: { update: 'percpuArrayUpdate' },
  [KIND_HASH]: { lookup: 'hashLookup', update: 'hashUpdate', delete: 'hashDelete' },
  [KIND_PERCPU_HASH]: { lookup: 'percpuHashLookup', update: 'percpuHashUpdate', delete: 'hashDelete' },
  [KIND_LRU_HASH]: { lookup: 'lruHashLookup', update: 'lruHashUpdate', delete: 'lruHashDelete' },
  [KIND_LRU_PERCPU_HASH]: { lookup: 'lruPercpuHashLookup', update: 'lruPercpuHashUpdate', delete: 'lruHashDelete' },
  [KIND_LPM_TRIE]: { lookup: 'trieLookup', update: 'trieUpdate', delete: 'trieDelete' },
  [KIND_ARRAY_OF_MAPS]: { lookup: 'arrayOfMapsLookup' },
  [KIND_HASH_OF_MAPS]: { lookup: 'hashOfMapsLookup' },
}

const PARAMETERS: Readonly<Record<MapOperation, number>> = { lookup: 3, update: 5, delete: 2 }

export interface KnownOperation {
  readonly operation: MapOperation
  readonly map: TargetMap
  /** The guest runtime's function; undefined: the operation is done in place. */
  readonly call: RuntimeFunction | undefined
}

export function operationSignature(operation: MapOperation): Signature {
  return { params: new Array<'i32'>(PARAMETERS[operation]).fill('i32'), results: ['i32'] }
}

/** What an operation on the map at an address becomes; undefined if it is left to the helper. */
export function knownOperation(
  target: JitTarget,
  operation: MapOperation,
  address: Address,
): KnownOperation | undefined {
  const map = target.map(address)
  if (map?.kind === undefined) return undefined
  if (operation === 'lookup' && (map.kind === KIND_ARRAY || map.kind === KIND_PERCPU_ARRAY)) {
    return { operation, map, call: undefined }
  }
  const call = FUNCTIONS[map.kind]?.[operation]
  return call === undefined ? undefined : { operation, map, call }
}

/** Leaves the result of the operation on the stack, 64 bits as the helper returns them. `index`: of the function to call. */
export function writeOperation(
  w: FunctionWriter,
  { operation, map, call }: KnownOperation,
  target: JitTarget,
  operands: Operands,
  index: number,
): void {
  const low = (register: number): void => pushRegister(w, operands, register, false)
  if (call === undefined) {
    writeArrayLookup(w, map, target, () => low(2))
    return
  }
  if (operation === 'update') {
    // Flags have 64 bits; none of the upper half is known to any map.
    operands.register(4)
    w.i64(32)
    w.op(OP.i64_shr_u)
    w.op(OP.i64_eqz)
    w.if(I32)
  }
  w.address(map.address)
  low(2)
  if (operation === 'update') {
    low(3)
    low(4)
  }
  if (operation !== 'delete') w.i32(target.cpuId)
  w.call(index)
  if (operation === 'update') {
    w.else()
    w.i32(-EINVAL)
    w.end()
  }
  w.op(operation === 'lookup' ? OP.i64_extend_i32_u : OP.i64_extend_i32_s)
}

/** Size and place of an array never change. */
function writeArrayLookup(w: FunctionWriter, map: TargetMap, target: JitTarget, key: () => void): void {
  const copy = map.kind === KIND_PERCPU_ARRAY ? target.cpuId * map.field(MAP_CPU_STRIDE) : 0
  const index = w.borrow('i32')
  key()
  w.memory(OP.i32_load, 0)
  w.tee(index)
  w.i32(map.maxEntries)
  w.op(OP.i32_lt_u)
  w.if(I32)
  w.address(offsetAddress(map.data, copy))
  w.get(index)
  w.i32(map.field(MAP_STRIDE))
  w.op(OP.i32_mul)
  w.op(OP.i32_add)
  w.else()
  w.i32(0)
  w.end()
  w.op(OP.i64_extend_i32_u)
  w.giveBack('i32', index)
}
