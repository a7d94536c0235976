// The head of every map's control block; see src/vm/guest-layout.ts for the picture.
import {
  MAP_CPU_STRIDE,
  MAP_THREADS,
  MAP_DATA,
  MAP_FLAGS,
  MAP_KEY_SIZE,
  MAP_KIND,
  MAP_MAX_ENTRIES,
  MAP_STRIDE,
  MAP_TYPE_ID,
  MAP_VALUE_SIZE,
} from '../src/vm/guest-layout'
import { heapAllocate } from './heap'

export const ENOENT: i32 = 2
export const E2BIG: i32 = 7
export const EAGAIN: i32 = 11
export const ENOMEM: i32 = 12
export const EEXIST: i32 = 17
export const EINVAL: i32 = 22
export const ENOSPC: i32 = 28

// Flags of an update.
export const BPF_NOEXIST: u32 = 1
export const BPF_EXIST: u32 = 2

/** A control block with its head filled in; 0: no memory. */
export function mapCreate(
  bytes: u32,
  kind: u32,
  typeId: u32,
  keySize: u32,
  valueSize: u32,
  maxEntries: u32,
  flags: u32,
  threads: u32,
): u32 {
  const map = heapAllocate(bytes)
  if (map == 0) return 0
  store<u32>(map, kind, MAP_KIND)
  store<u32>(map, typeId, MAP_TYPE_ID)
  store<u32>(map, keySize, MAP_KEY_SIZE)
  store<u32>(map, valueSize, MAP_VALUE_SIZE)
  store<u32>(map, maxEntries, MAP_MAX_ENTRIES)
  store<u32>(map, flags, MAP_FLAGS)
  store<u32>(map, threads, MAP_THREADS)
  return map
}

// @ts-ignore: decorator
@inline
export function keySizeOf(map: u32): u32 {
  return load<u32>(map, MAP_KEY_SIZE)
}

// @ts-ignore: decorator
@inline
export function valueSizeOf(map: u32): u32 {
  return load<u32>(map, MAP_VALUE_SIZE)
}

// @ts-ignore: decorator
@inline
export function maxEntriesOf(map: u32): u32 {
  return load<u32>(map, MAP_MAX_ENTRIES)
}

// @ts-ignore: decorator
@inline
export function dataOf(map: u32): u32 {
  return load<u32>(map, MAP_DATA)
}

// @ts-ignore: decorator
@inline
export function strideOf(map: u32): u32 {
  return load<u32>(map, MAP_STRIDE)
}

// @ts-ignore: decorator
@inline
export function cpuStrideOf(map: u32): u32 {
  return load<u32>(map, MAP_CPU_STRIDE)
}

// @ts-ignore: decorator
@inline
export function isConcurrent(map: u32): bool {
  return load<u32>(map, MAP_THREADS) > 1
}

/** Copies a value. A loop of words where `memory.copy`, a call into the engine, would cost more than the copy. */
// @ts-ignore: decorator
@inline
export function copyValue(to: u32, from: u32, size: u32): void {
  if (size == 8) {
    store<u64>(to, load<u64>(from))
    return
  }
  if (size == 16) {
    store<u64>(to, load<u64>(from))
    store<u64>(to, load<u64>(from, 8), 8)
    return
  }
  if (size > 64) {
    memory.copy(to, from, size)
    return
  }
  let at: u32 = 0
  for (; at + 8 <= size; at += 8) store<u64>(to + at, load<u64>(from + at))
  if (size & 4) {
    store<u32>(to + at, load<u32>(from + at))
    at += 4
  }
  if (size & 2) {
    store<u16>(to + at, load<u16>(from + at))
    at += 2
  }
  if (size & 1) store<u8>(to + at, load<u8>(from + at))
}
