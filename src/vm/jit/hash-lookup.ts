/**
 * Lookups in hash tables, in place: the hash of the key, as `assembly/hash.ts` makes it but with the key's size known, and a look at
 * the first slot of the chain, which is the right one most of the time. What lies behind it is left to the guest runtime.
 *
 * For maps that one CPU has to itself; a table that grows is found anew at each lookup.
 * @module
 */
import {
  BUCKET_BYTES,
  HASH_MASK,
  HASH_SEED,
  KIND_HASH,
  KIND_HASH_OF_MAPS,
  KIND_LRU_HASH,
  KIND_LRU_PERCPU_HASH,
  KIND_PERCPU_HASH,
  MAP_CPU_STRIDE,
  MAP_DATA,
  SLOT_HASH,
  SLOT_KEY,
  SLOT_VALUE_OFFSET,
} from '../guest-layout.ts'
import type { FunctionWriter } from './function-writer.ts'
import type { JitTarget, TargetMap } from './target.ts'
import { I32, OP } from './wasm-opcodes.ts'

// As in assembly/hash.ts: low and high halves.
const MIX = [0x7f4a7c15, 0x9e3779b9] as const
const MIX_SECOND = [0x27d4eb4f, 0xc2b2ae3d] as const
const MIX_LAST = [0x6659fd93, 0xd6e8feb8] as const
/** Bit 0 of a hash that is in a slot, and of a link that ends a chain. */
const LIVE = 1
const END = 1
/** Longer keys are compared by the guest runtime. */
const MAX_KEY = 64

/** Whether lookups in a map can be done in place. */
export function looksUpInPlace(target: JitTarget, { kind, keySize }: TargetMap): boolean {
  if (target.shared || keySize > MAX_KEY) return false
  return kind === KIND_HASH || kind === KIND_PERCPU_HASH || kind === KIND_HASH_OF_MAPS || isLru(kind)
}

export function isLru(kind: number | undefined): boolean {
  return kind === KIND_LRU_HASH || kind === KIND_LRU_PERCPU_HASH
}

/** Functions of the guest runtime, by their index. */
export interface HashFunctions {
  readonly findBehind: number
  /** Of an LRU map. */
  readonly touch: number
}

/** Leaves the address of the value, or of the inner map, on the stack, 32 bits; 0 if there is none. `pushKey`: its address. */
export function writeHashLookup(
  w: FunctionWriter,
  map: TargetMap,
  target: JitTarget,
  pushKey: () => void,
  functions: HashFunctions,
): void {
  const key = w.borrow('i32')
  const hash = w.borrow('i32')
  const slot = w.borrow('i32')
  pushKey()
  w.set(key)
  const places = wordPlaces(map.keySize)
  const words = places.map((at) => {
    const word = w.borrow('i64')
    writeWord(w, key, at, map.keySize)
    w.set(word)
    return word
  })
  writeHash(w, map, words)
  w.tee(hash)
  w.i32(1)
  w.op(OP.i32_shr_u)
  w.address(map.address)
  w.memory(OP.i32_load, HASH_MASK)
  w.op(OP.i32_and)
  w.i32(Math.log2(BUCKET_BYTES))
  w.op(OP.i32_shl)
  w.address(map.address)
  w.memory(OP.i32_load, MAP_DATA)
  w.op(OP.i32_add)
  w.memory(OP.i32_load, 0)
  w.tee(slot)
  w.i32(END)
  w.op(OP.i32_and)
  w.if()
  w.i32(0)
  w.set(slot)
  w.else()
  writeComparison(w, slot, hash, places, words, map.keySize)
  w.op(OP.i32_eqz)
  w.if()
  w.address(map.address)
  w.get(slot)
  w.get(key)
  w.get(hash)
  w.call(functions.findBehind)
  w.set(slot)
  w.end()
  w.end()
  w.get(slot)
  w.if(I32)
  w.get(slot)
  w.address(map.address)
  w.memory(OP.i32_load, SLOT_VALUE_OFFSET)
  w.op(OP.i32_add)
  if (isLru(map.kind)) {
    w.set(slot)
    w.address(map.address)
    w.get(slot)
    w.call(functions.touch)
    w.get(slot)
  }
  if (target.cpuId !== 0 && (map.kind === KIND_PERCPU_HASH || map.kind === KIND_LRU_PERCPU_HASH)) {
    w.i32(target.cpuId * map.field(MAP_CPU_STRIDE))
    w.op(OP.i32_add)
  }
  if (map.kind === KIND_HASH_OF_MAPS) w.memory(OP.i32_load, 0)
  w.else()
  w.i32(0)
  w.end()
  for (const local of [key, hash, slot]) w.giveBack('i32', local)
  for (const word of words) w.giveBack('i64', word)
}

/** Where the words of a key begin; the last one overlaps the one before. */
function wordPlaces(keySize: number): number[] {
  if (keySize <= 8) return [0]
  const places: number[] = []
  for (let at = 0; at + 8 < keySize; at += 8) places.push(at)
  return [...places, keySize - 8]
}

/** A word of the key: in parts of at most 4 bytes, for a program has often just written them so. */
function writeWord(w: FunctionWriter, key: number, at: number, keySize: number): void {
  const part = (opcode: number, offset: number, shift: number): void => {
    w.get(key)
    w.memory(opcode, offset)
    if (shift === 0) return
    w.i64(shift)
    w.op(OP.i64_shl)
    w.op(OP.i64_or)
  }
  if (keySize >= 4) {
    part(OP.i64_load32_u, at, 0)
    if (keySize > 4) part(OP.i64_load32_u, Math.min(at + 4, keySize - 4), 32)
    return
  }
  for (let i = 0; i < keySize; i++) part(OP.i64_load8_u, i, 8 * i)
}

/** Leaves the hash on the stack, 32 bits. */
function writeHash(w: FunctionWriter, map: TargetMap, words: readonly number[]): void {
  const hash = w.borrow('i64')
  w.address(map.address)
  w.memory(OP.i64_load, HASH_SEED)
  w.set(hash)
  const mixed = (word: number, [low, high]: readonly [number, number]): void => {
    w.get(word)
    w.get(hash)
    w.op(OP.i64_xor)
    w.i64(low, high)
    w.op(OP.i64_mul)
  }
  const fold = (bits: number): void => {
    w.tee(hash)
    w.get(hash)
    w.i64(bits)
    w.op(OP.i64_shr_u)
    w.op(OP.i64_xor)
  }
  for (const word of words.slice(0, -2)) {
    mixed(word, MIX)
    fold(29)
    w.set(hash)
  }
  const [first, second] = words.slice(-2)
  mixed(first!, MIX)
  if (second !== undefined) {
    mixed(second, MIX_SECOND)
    w.i64(32)
    w.op(OP.i64_rotl)
    w.op(OP.i64_xor)
  }
  fold(32)
  w.i64(...MIX_LAST)
  w.op(OP.i64_mul)
  w.i64(32)
  w.op(OP.i64_shr_u)
  w.op(OP.i32_wrap_i64)
  w.i32(LIVE)
  w.op(OP.i32_or)
  w.giveBack('i64', hash)
}

/** Whether a slot has this hash and key. */
function writeComparison(
  w: FunctionWriter,
  slot: number,
  hash: number,
  places: readonly number[],
  words: readonly number[],
  keySize: number,
): void {
  w.get(slot)
  w.memory(OP.i32_load, SLOT_HASH)
  w.get(hash)
  w.op(OP.i32_eq)
  places.forEach((at, i) => {
    writeSlotWord(w, slot, at, keySize)
    w.get(words[i]!)
    w.op(OP.i64_eq)
    w.op(OP.i32_and)
  })
}

/** As {@link writeWord}, of the key in a slot, which was written long ago. */
function writeSlotWord(w: FunctionWriter, slot: number, at: number, keySize: number): void {
  if (keySize >= 8 || keySize === 4) {
    w.get(slot)
    w.memory(keySize === 4 ? OP.i64_load32_u : OP.i64_load, SLOT_KEY + at)
    return
  }
  const local = w.borrow('i32')
  w.get(slot)
  w.i32(SLOT_KEY)
  w.op(OP.i32_add)
  w.set(local)
  writeWord(w, local, 0, keySize)
  w.giveBack('i32', local)
}
