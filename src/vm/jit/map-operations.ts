/**
 * Pass: operations on maps. Of those that are known when a program is compiled, lookups in arrays and hash tables are done in
 * place; the others are calls from WebAssembly to WebAssembly, as are all on maps that become known only in a run.
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
  MAP_KIND,
  MAP_STRIDE,
} from '../guest-layout.ts'
import type { GuestRuntimeExports } from '../guest-runtime.ts'
import type { HelperOperation, MapOperation } from '../machine.ts'
import { type Operands, pushRegister } from './arithmetic.ts'
import type { FunctionWriter } from './function-writer.ts'
import { isLru, looksUpInPlace, writeHashLookup } from './hash-lookup.ts'
import { type Address, type JitTarget, offsetAddress, type TargetMap } from './target.ts'
import type { Signature } from './wasm-module.ts'
import { I32, I64, OP } from './wasm-opcodes.ts'

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

/** Of maps that are not known, by what is done: the function, and the kinds (KIND_*) for which it does that. */
const ANY_MAP: Readonly<Record<MapOperation, RuntimeFunction>> = {
  lookup: 'mapLookup',
  update: 'mapUpdate',
  delete: 'mapDelete',
}

const PARAMETERS: Readonly<Record<MapOperation, number>> = { lookup: 3, update: 5, delete: 2 }

/** Functions that are no whole operation. */
const PARTS: Partial<Record<RuntimeFunction, Signature>> = {
  hashFindBehind: { params: ['i32', 'i32', 'i32', 'i32'], results: ['i32'] },
  lruTouch: { params: ['i32', 'i32'], results: [] },
}

export function isMapOperation(operation: HelperOperation | undefined): operation is MapOperation {
  return operation === 'lookup' || operation === 'update' || operation === 'delete'
}

export interface KnownOperation {
  readonly operation: MapOperation
  readonly map: TargetMap
  /** How it is done: in place, or by the one function of `calls`. */
  readonly way: 'array' | 'hash' | 'call'
  /** Functions of the guest runtime that it takes. */
  readonly calls: readonly RuntimeFunction[]
}

/** Of a function of the guest runtime that is, or is part of, an operation. */
export function runtimeSignature(called: RuntimeFunction, operation: MapOperation): Signature {
  return PARTS[called] ?? { params: new Array<'i32'>(PARAMETERS[operation]).fill('i32'), results: ['i32'] }
}

/** The guest runtime's function for an operation on a map that the compiler does not know. */
export function anyMapFunction(operation: MapOperation): RuntimeFunction {
  return ANY_MAP[operation]
}

/** Bit `kind` is set for each kind of map on which that function does the operation. */
function kindsOf(operation: MapOperation): number {
  let kinds = operation === 'lookup' ? (1 << KIND_ARRAY) | (1 << KIND_PERCPU_ARRAY) : 0
  for (const [kind, functions] of Object.entries(FUNCTIONS)) if (functions[operation]) kinds |= 1 << Number(kind)
  return kinds
}

/**
 * An operation on the map that r1 leads to, whatever it is: leaves the result on the stack, 64 bits. `otherwise` does the same for
 * maps that the guest runtime does not know. If `runtime` has no
 * function for it, all maps are such.
 */
export function writeAnyOperation(
  w: FunctionWriter,
  operation: MapOperation,
  target: JitTarget,
  operands: Operands,
  runtime: (called: RuntimeFunction) => number | undefined,
  otherwise: () => void,
): void {
  const any = runtime(ANY_MAP[operation])
  if (any === undefined) {
    otherwise()
    return
  }
  w.i32(kindsOf(operation))
  pushRegister(w, operands, 1, false)
  w.memory(OP.i32_load, MAP_KIND)
  w.op(OP.i32_shr_u)
  w.i32(1)
  w.op(OP.i32_and)
  w.if(I64)
  writeCall(w, operation, any, target, operands, () => pushRegister(w, operands, 1, false))
  w.else()
  otherwise()
  w.end()
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
    return { operation, map, way: 'array', calls: [] }
  }
  if (operation === 'lookup' && looksUpInPlace(target, map)) {
    return { operation, map, way: 'hash', calls: isLru(map.kind) ? ['hashFindBehind', 'lruTouch'] : ['hashFindBehind'] }
  }
  const call = FUNCTIONS[map.kind]?.[operation]
  return call === undefined ? undefined : { operation, map, way: 'call', calls: [call] }
}

/** Leaves the result of the operation on the stack, 64 bits as the helper returns them. `runtime`: indices of functions. */
export function writeOperation(
  w: FunctionWriter,
  { operation, map, way, calls }: KnownOperation,
  target: JitTarget,
  operands: Operands,
  runtime: (called: RuntimeFunction) => number,
): void {
  const low = (register: number): void => pushRegister(w, operands, register, false)
  if (way === 'array') {
    writeArrayLookup(w, map, target, () => low(2))
    return
  }
  if (way === 'hash') {
    const touch = isLru(map.kind) ? runtime('lruTouch') : -1
    writeHashLookup(w, map, target, () => low(2), { findBehind: runtime('hashFindBehind'), touch })
    w.op(OP.i64_extend_i32_u)
    return
  }
  writeCall(w, operation, runtime(calls[0]!), target, operands, () => w.address(map.address))
}

function writeCall(
  w: FunctionWriter,
  operation: MapOperation,
  index: number,
  target: JitTarget,
  operands: Operands,
  pushMap: () => void,
): void {
  const low = (register: number): void => pushRegister(w, operands, register, false)
  if (operation === 'update') {
    // Flags have 64 bits; none of the upper half is known to any map.
    operands.register(4)
    w.i64(32)
    w.op(OP.i64_shr_u)
    w.op(OP.i64_eqz)
    w.if(I32)
  }
  pushMap()
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
