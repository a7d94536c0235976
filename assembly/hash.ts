// HASH and PERCPU_HASH (and HASH_OF_MAPS): chained buckets, slots at fixed addresses.
//
// As in Linux an update puts a new slot in the place of the old one, so that whoever holds the old value's address (or reads it
// on another CPU) sees one value or the other, never half of each. Per-CPU values are written in place.
//
// The LRU forms build on these operations: lru.ts.
//
// Readers take no lock. Writers take their bucket's, if the map has more than one CPU.
import {
  BUCKET_BYTES,
  SLAB_DIRECTORY,
  HASH_EPOCH,
  HASH_EXTRA,
  HASH_MASK,
  MAX_SLABS,
  HASH_RESIZE_LOCK,
  HASH_RETIRED,
  HASH_SEED,
  SLAB_COUNT,
  SLOT_VALUE_OFFSET,
  MAP_COUNT,
  MAP_CPU_STRIDE,
  MAP_THREADS,
  MAP_DATA,
  MAP_STRIDE,
  SLOT_HASH,
  SLOT_KEY,
  SLOT_NEXT,
  SPOILED_CHAIN,
} from '../src/vm/guest-layout'
import {
  BPF_EXIST,
  BPF_NOEXIST,
  copyValue,
  cpuStrideOf,
  dataOf,
  E2BIG,
  EEXIST,
  EINVAL,
  ENOENT,
  ENOMEM,
  isConcurrent,
  keySizeOf,
  maxEntriesOf,
  strideOf,
  valueSizeOf,
} from './control-block'
import { heapAllocate, heapFree } from './heap'
import { spoiled } from './host'
import { lock, tryLock, unlock } from './lock'
import { checkedStride, freeSlabs, giveSlot, limitSlots, LIVE, takeSlot } from './slab'

/** Bit 0 of a link: the end of a chain. */
export const END: u32 = 1
const FIRST_BUCKETS: u32 = 8
const MAX_BUCKETS: u32 = 1 << 28
const MAX_RETRIES: u32 = 1000
/** Longer chains are cycles: to build one of this length would take 2^39 comparisons. */
export const MAX_CHAIN: u32 = 1 << 20
/** Before the buckets of a table: the link of retired tables. */
const TABLE_HEADER: u32 = 8

/** Prepares an empty table; `copies` of each value, before them `links` bytes for whoever chains slots further. 0: no memory. */
export function hashInit(map: u32, copies: u32, seed: u32, links: u32): u32 {
  const table = makeTable(FIRST_BUCKETS)
  if (table == 0) return 0
  // Copies of different CPUs share no cache line.
  const align: u32 = copies > 1 ? 63 : 7
  const valueOffset = (SLOT_KEY + ((keySizeOf(map) + 7) & ~7) + links + align) & ~align
  const cpuStride = (((valueSizeOf(map) + 7) & ~7) + align) & ~align
  store<u32>(map, table, MAP_DATA)
  store<u32>(map, FIRST_BUCKETS - 1, HASH_MASK)
  store<u32>(map, valueOffset, SLOT_VALUE_OFFSET)
  store<u32>(map, cpuStride, MAP_CPU_STRIDE)
  store<u32>(map, valueOffset + cpuStride * copies, MAP_STRIDE)
  // One spare slot for each thread.
  limitSlots(map, <u64>maxEntriesOf(map) + load<u32>(map, MAP_THREADS))
  store<u64>(map, <u64>seed * 0x9e3779b97f4a7c15, HASH_SEED)
  return table
}

/** Frees what the map holds besides its control block. -1: something was no live block. */
export function hashDispose(map: u32): i32 {
  let result = heapFree(dataOf(map) - TABLE_HEADER) | freeSlabs(map)
  let table = load<u32>(map, HASH_RETIRED)
  for (let i = 0; table != 0 && i < 32; i++) {
    const next = load<u32>(table - TABLE_HEADER)
    result |= heapFree(table - TABLE_HEADER)
    table = next
  }
  return result
}

function makeTable(buckets: u32): u32 {
  const block = heapAllocate(TABLE_HEADER + buckets * BUCKET_BYTES)
  if (block == 0) return 0
  const table = block + TABLE_HEADER
  for (let i: u32 = 0; i < buckets; i++) store<u32>(table + i * BUCKET_BYTES, (i << 1) | END)
  return table
}

// Keys are hashed, and compared, by words of 8 bytes; the last one overlaps the one before. Compiled programs do the same in place
// (src/vm/jit/hash-lookup.ts).
const MIX: u64 = 0x9e3779b97f4a7c15
const MIX_SECOND: u64 = 0xc2b2ae3d27d4eb4f
const MIX_LAST: u64 = 0xd6e8feb86659fd93

// @ts-ignore: decorator
@inline
function finish(hash: u64): u32 {
  hash ^= hash >> 32
  hash *= MIX_LAST
  return <u32>(hash >> 32) | LIVE
}

// One word.
// @ts-ignore: decorator
@inline
function hashWord(word: u64, seed: u64): u32 {
  return finish((word ^ seed) * MIX)
}

// Two words, which are multiplied side by side.
// @ts-ignore: decorator
@inline
function hashWords(first: u64, second: u64, seed: u64): u32 {
  return finish(((first ^ seed) * MIX) ^ rotl<u64>((second ^ seed) * MIX_SECOND, 32))
}

/** Two words of 4 bytes as one: a program has often just written them so, and a processor waits to read what was written in parts. */
// @ts-ignore: decorator
@inline
function twoHalves(at: u32): u64 {
  return <u64>load<u32>(at) | ((<u64>load<u32>(at, 4)) << 32)
}

// @ts-ignore: decorator
@inline
export function hashOf(map: u32, key: u32, size: u32): u32 {
  const seed = load<u64>(map, HASH_SEED)
  if (size == 16) return hashWords(twoHalves(key), twoHalves(key + 8), seed)
  if (size == 8) return hashWord(twoHalves(key), seed)
  if (size == 4) return hashWord(<u64>load<u32>(key), seed)
  return hashLong(key, size, seed)
}

function hashLong(key: u32, size: u32, seed: u64): u32 {
  if (size < 8) return hashWord(shortWord(key, size), seed)
  let hash = seed
  let at: u32 = 0
  for (; at + 16 < size; at += 8) {
    hash = (hash ^ load<u64>(key + at)) * MIX
    hash ^= hash >> 29
  }
  return hashWords(load<u64>(key + at), load<u64>(key + size - 8), hash)
}

/** Fewer than 8 bytes. */
function shortWord(key: u32, size: u32): u64 {
  if (size >= 4) return <u64>load<u32>(key) | ((<u64>load<u32>(key + size - 4)) << 32)
  let word: u64 = load<u8>(key)
  if (size > 1) word |= (<u64>load<u8>(key + 1)) << 8
  if (size > 2) word |= (<u64>load<u8>(key + 2)) << 16
  return word
}

// @ts-ignore: decorator
@inline
function sameKey(a: u32, b: u32, size: u32): bool {
  if (size == 16) return load<u64>(a) == twoHalves(b) && load<u64>(a, 8) == twoHalves(b + 8)
  if (size == 8) return load<u64>(a) == twoHalves(b)
  if (size == 4) return load<u32>(a) == load<u32>(b)
  return sameLongKey(a, b, size)
}

function sameLongKey(a: u32, b: u32, size: u32): bool {
  if (size < 8) return shortWord(a, size) == shortWord(b, size)
  for (let at: u32 = 0; at + 8 < size; at += 8) if (load<u64>(a + at) != load<u64>(b + at)) return false
  return load<u64>(a + size - 8) == load<u64>(b + size - 8)
}

/** The live slot of a key, or 0. */
// @ts-ignore: decorator
@inline
export function find(map: u32, key: u32): u32 {
  const size = keySizeOf(map)
  const hash = hashOf(map, key, size)
  if (isConcurrent(map)) return findContended(map, key, hash, size)
  const index = (hash >> 1) & load<u32>(map, HASH_MASK)
  const slot = along(map, load<u32>(dataOf(map) + index * BUCKET_BYTES), key, hash, size)
  if ((slot & END) == 0) return slot
  if (slot != ((index << 1) | END)) spoiled(SPOILED_CHAIN, map)
  return 0
}

/** The slot of a key at `slot` or behind it, or the end of the chain. */
// @ts-ignore: decorator
@inline
function along(map: u32, slot: u32, key: u32, hash: u32, size: u32): u32 {
  let left = MAX_CHAIN
  while ((slot & END) == 0) {
    if (load<u32>(slot, SLOT_HASH) == hash && sameKey(slot + SLOT_KEY, key, size)) break
    slot = load<u32>(slot, SLOT_NEXT)
    if (--left == 0) spoiled(SPOILED_CHAIN, map)
  }
  return slot
}

/**
 * For a compiled program that has looked at the first slot of a chain itself: the slot of the key behind it, or 0. Only for maps
 * that have one CPU.
 */
export function hashFindBehind(map: u32, slot: u32, key: u32, hash: u32): u32 {
  const found = along(map, load<u32>(slot, SLOT_NEXT), key, hash, keySizeOf(map))
  return (found & END) == 0 ? found : 0
}

function findContended(map: u32, key: u32, hash: u32, size: u32): u32 {
  for (let tries: u32 = 0; tries < MAX_RETRIES; tries++) {
    const epoch = load<u32>(map, HASH_EPOCH)
    // The mask before the table: a table that grows meanwhile is published first, and has room for any older mask.
    const index = (hash >> 1) & load<u32>(map, HASH_MASK)
    const slot = along(map, load<u32>(dataOf(map) + index * BUCKET_BYTES), key, hash, size)
    if ((slot & END) == 0) return slot
    if (slot == ((index << 1) | END) && epoch == load<u32>(map, HASH_EPOCH)) return 0
    // The end of another bucket's chain, or a new table: a writer moved slots under our feet; look again.
  }
  spoiled(SPOILED_CHAIN, map)
  return 0
}

export function hashLookup(map: u32, key: u32, cpu: u32): u32 {
  const slot = find(map, key)
  return slot == 0 ? 0 : slot + load<u32>(map, SLOT_VALUE_OFFSET)
}

export function percpuHashLookup(map: u32, key: u32, cpu: u32): u32 {
  const slot = find(map, key)
  return slot == 0 ? 0 : slot + load<u32>(map, SLOT_VALUE_OFFSET) + cpu * cpuStrideOf(map)
}

/** The address of the bucket of a hash, locked if the map is concurrent. */
// @ts-ignore: decorator
@inline
export function enterBucket(map: u32, hash: u32): u32 {
  const bucket = dataOf(map) + ((hash >> 1) & load<u32>(map, HASH_MASK)) * BUCKET_BYTES
  return isConcurrent(map) ? enterContended(map, hash) : bucket
}

function enterContended(map: u32, hash: u32): u32 {
  for (let tries: u32 = 0; tries < MAX_RETRIES; tries++) {
    const epoch = atomic.load<u32>(map, HASH_EPOCH)
    const bucket = dataOf(map) + ((hash >> 1) & load<u32>(map, HASH_MASK)) * BUCKET_BYTES
    lock(bucket + 4)
    // Odd while the table changes: then the bucket may be one of the old table.
    if ((epoch & 1) == 0 && epoch == atomic.load<u32>(map, HASH_EPOCH)) return bucket
    unlock(bucket + 4)
  }
  spoiled(SPOILED_CHAIN, map)
  return 0
}

// @ts-ignore: decorator
@inline
export function leaveBucket(map: u32, bucket: u32): void {
  if (isConcurrent(map)) unlock(bucket + 4)
}

/** In a bucket that this thread has to itself: where the link to the slot of a key lies (bucket or slot), or 0. */
// @ts-ignore: decorator
@inline
export function findLink(map: u32, bucket: u32, hash: u32, key: u32, size: u32): u32 {
  let link = bucket
  let slot = load<u32>(link)
  let left = MAX_CHAIN
  let found: u32 = 0
  while ((slot & END) == 0) {
    if (load<u32>(slot, SLOT_HASH) == hash && sameKey(slot + SLOT_KEY, key, size)) {
      found = link
      break
    }
    link = slot + SLOT_NEXT
    slot = load<u32>(link)
    if (--left == 0) spoiled(SPOILED_CHAIN, map)
  }
  return found
}

// @ts-ignore: decorator
@inline
export function addCount(map: u32, change: i32): u32 {
  if (isConcurrent(map)) return atomic.add<u32>(map + MAP_COUNT, change) + change
  const count = load<u32>(map, MAP_COUNT) + change
  store<u32>(map, count, MAP_COUNT)
  return count
}

/** Fills a slot, and puts it where `link` is: all that `next` leads to comes behind it. */
// @ts-ignore: decorator
@inline
export function fill(map: u32, link: u32, next: u32, slot: u32, hash: u32, key: u32, value: u32, cpu: u32): void {
  const valueOffset = load<u32>(map, SLOT_VALUE_OFFSET)
  const copy = cpuStrideOf(map)
  const bytes = strideOf(map) - valueOffset
  copyValue(slot + SLOT_KEY, key, keySizeOf(map))
  // What the slot held before on other CPUs must not be seen.
  if (bytes != copy) memory.fill(slot + valueOffset, 0, bytes)
  copyValue(slot + valueOffset + cpu * copy, value, valueSizeOf(map))
  store<u32>(slot, hash, SLOT_HASH)
  store<u32>(slot, next, SLOT_NEXT)
  if (isConcurrent(map)) atomic.store<u32>(link, slot)
  else store<u32>(link, slot)
}

// @ts-ignore: decorator
@inline
function update(map: u32, key: u32, value: u32, flags: u32, cpu: u32, inPlace: bool): i32 {
  if (flags > BPF_EXIST) return -EINVAL
  const size = keySizeOf(map)
  const hash = hashOf(map, key, size)
  const bucket = enterBucket(map, hash)
  const link = findLink(map, bucket, hash, key, size)
  if (link == 0) return flags == BPF_EXIST ? refuse(map, bucket, ENOENT) : insert(map, bucket, hash, key, value, cpu)
  if (flags == BPF_NOEXIST) return refuse(map, bucket, EEXIST)
  const old = load<u32>(link)
  if (inPlace) {
    copyValue(old + load<u32>(map, SLOT_VALUE_OFFSET) + cpu * cpuStrideOf(map), value, valueSizeOf(map))
  } else {
    // A new slot in the place of the old one: the spare slot, which the old one then becomes.
    let slot = exchangeExtra(map, 0)
    if (slot == 0) slot = takeSlot(map)
    if (slot == 0) return refuse(map, bucket, ENOMEM)
    fill(map, link, load<u32>(old, SLOT_NEXT), slot, hash, key, value, 0)
    store<u32>(old, 0, SLOT_HASH)
    const spare = exchangeExtra(map, old)
    if (spare != 0) giveSlot(map, spare)
  }
  leaveBucket(map, bucket)
  return 0
}

export function refuse(map: u32, bucket: u32, errno: i32): i32 {
  leaveBucket(map, bucket)
  return -errno
}

/** Adds an element, first of its chain, and leaves the bucket. */
function insert(map: u32, bucket: u32, hash: u32, key: u32, value: u32, cpu: u32): i32 {
  const count = addCount(map, 1)
  if (count > maxEntriesOf(map)) {
    addCount(map, -1)
    return refuse(map, bucket, E2BIG)
  }
  const slot = takeSlot(map)
  if (slot == 0) {
    addCount(map, -1)
    return refuse(map, bucket, ENOMEM)
  }
  fill(map, bucket, load<u32>(bucket), slot, hash, key, value, cpu)
  leaveBucket(map, bucket)
  if (isCrowded(map, count)) growTable(map)
  return 0
}

/** Whether more than every second bucket would be in use: longer chains cost mispredicted branches. */
// @ts-ignore: decorator
@inline
export function isCrowded(map: u32, count: u32): bool {
  return count > load<u32>(map, HASH_MASK) >> 1
}

// @ts-ignore: decorator
@inline
export function exchangeExtra(map: u32, slot: u32): u32 {
  if (isConcurrent(map)) return atomic.xchg<u32>(map + HASH_EXTRA, slot)
  const extra = load<u32>(map, HASH_EXTRA)
  store<u32>(map, slot, HASH_EXTRA)
  return extra
}

export function hashUpdate(map: u32, key: u32, value: u32, flags: u32, cpu: u32): i32 {
  return update(map, key, value, flags, 0, false)
}

export function percpuHashUpdate(map: u32, key: u32, value: u32, flags: u32, cpu: u32): i32 {
  return update(map, key, value, flags, cpu, true)
}

export function hashDelete(map: u32, key: u32): i32 {
  const size = keySizeOf(map)
  const hash = hashOf(map, key, size)
  const bucket = enterBucket(map, hash)
  const link = findLink(map, bucket, hash, key, size)
  if (link == 0) return refuse(map, bucket, ENOENT)
  const slot = load<u32>(link)
  // The slot's own link stays, for readers who stand on it.
  store<u32>(link, load<u32>(slot, SLOT_NEXT))
  giveSlot(map, slot)
  addCount(map, -1)
  leaveBucket(map, bucket)
  return 0
}

/** Doubles the buckets; without memory for it the chains just get longer. */
export function growTable(map: u32): void {
  if (!tryLock(map + HASH_RESIZE_LOCK)) return
  const buckets = load<u32>(map, HASH_MASK) + 1
  if (isCrowded(map, load<u32>(map, MAP_COUNT)) && buckets < MAX_BUCKETS) {
    const table = makeTable(buckets << 1)
    if (table != 0) moveTable(map, buckets, table)
  }
  unlock(map + HASH_RESIZE_LOCK)
}

function moveTable(map: u32, buckets: u32, table: u32): void {
  const old = dataOf(map)
  const concurrent = isConcurrent(map)
  const mask = (buckets << 1) - 1
  const epoch = load<u32>(map, HASH_EPOCH)
  atomic.store<u32>(map + HASH_EPOCH, epoch + 1)
  if (concurrent) for (let i: u32 = 0; i < buckets; i++) lock(old + i * BUCKET_BYTES + 4)
  const stride = checkedStride(map)
  const slabs = min<u32>(load<u32>(map, SLAB_COUNT), MAX_SLABS)
  for (let i: u32 = 0; i < slabs; i++) {
    const entry = map + SLAB_DIRECTORY + i * 8
    const end = load<u32>(entry, 4)
    for (let slot = load<u32>(entry); slot < end; slot += stride) {
      const hash = load<u32>(slot, SLOT_HASH)
      if ((hash & LIVE) == 0) continue
      const bucket = table + ((hash >> 1) & mask) * BUCKET_BYTES
      store<u32>(slot, load<u32>(bucket), SLOT_NEXT)
      store<u32>(bucket, slot)
    }
  }
  store<u32>(map, table, MAP_DATA)
  atomic.store<u32>(map + HASH_MASK, mask)
  atomic.store<u32>(map + HASH_EPOCH, epoch + 2)
  if (concurrent) {
    for (let i: u32 = 0; i < buckets; i++) unlock(old + i * BUCKET_BYTES + 4)
    store<u32>(old - TABLE_HEADER, load<u32>(map, HASH_RETIRED))
    store<u32>(map, old, HASH_RETIRED)
  } else if (heapFree(old - TABLE_HEADER) != 0) {
    spoiled(SPOILED_CHAIN, map)
  }
}

/** The live slot after `after` (0: the first) in the order of slots, or 0. `after` need not be live. */
export function hashNextSlot(map: u32, after: u32): u32 {
  const stride = checkedStride(map)
  const slabs = min<u32>(load<u32>(map, SLAB_COUNT), MAX_SLABS)
  let started = after == 0
  for (let i: u32 = 0; i < slabs; i++) {
    const entry = map + SLAB_DIRECTORY + i * 8
    const end = load<u32>(entry, 4)
    let slot = load<u32>(entry)
    if (!started) {
      if (after < slot || after >= end) continue
      started = true
      slot = after + stride
    }
    for (; slot < end; slot += stride) if ((load<u32>(slot, SLOT_HASH) & LIVE) != 0) return slot
  }
  return 0
}

/** Writes the key after `key` (0, or one that is not there: the first) to `out`. */
export function hashNextKey(map: u32, key: u32, out: u32): i32 {
  const slot = hashNextSlot(map, key == 0 ? 0 : find(map, key))
  if (slot == 0) return -ENOENT
  copyValue(out, slot + SLOT_KEY, keySizeOf(map))
  return 0
}
