// LRU_HASH and LRU_PERCPU_HASH: hash tables that, when they are full, make room by dropping what was used longest ago.
//
// The elements are in a list by use, exact for one CPU: a lookup by a program and an update put an element at its end. All
// changes of such a map take one lock, if it has more than one CPU; a lookup takes no lock, and if the lock is taken it leaves
// the list as it is: then the order is that of the uses that were noted.
import {
  LINK_NEWER,
  LINK_OLDER,
  LRU_LINK_BYTES,
  LRU_LIST,
  LRU_LOCK,
  MAP_COUNT,
  SLOT_HASH,
  SLOT_NEXT,
  SLOT_VALUE_OFFSET,
  SPOILED_LRU,
} from '../src/vm/guest-layout'
import {
  BPF_EXIST,
  BPF_NOEXIST,
  copyValue,
  cpuStrideOf,
  EEXIST,
  EINVAL,
  ENOENT,
  ENOMEM,
  isConcurrent,
  keySizeOf,
  maxEntriesOf,
  valueSizeOf,
} from './control-block'
import {
  addCount,
  END,
  enterBucket,
  exchangeExtra,
  fill,
  find,
  findLink,
  growTable,
  hashInit,
  hashOf,
  isCrowded,
  leaveBucket,
  MAX_CHAIN,
} from './hash'
import { spoiled } from './host'
import { lock, tryLock, unlock } from './lock'
import { giveSlot, takeSlot } from './slab'

/** Prepares an empty table; `copies` of each value. 0: no memory. */
export function lruInit(map: u32, copies: u32, seed: u32): u32 {
  const list = map + LRU_LIST
  store<u32>(list, list, LINK_OLDER)
  store<u32>(list, list, LINK_NEWER)
  return hashInit(map, copies, seed, LRU_LINK_BYTES)
}

/** Where the links of a slot lie. */
// @ts-ignore: decorator
@inline
function linksOf(map: u32, slot: u32): u32 {
  return slot + load<u32>(map, SLOT_VALUE_OFFSET) - LRU_LINK_BYTES
}

/** Puts what is in no list at the end of what was used last. */
// @ts-ignore: decorator
@inline
function link(map: u32, links: u32): void {
  const list = map + LRU_LIST
  const last = load<u32>(list, LINK_OLDER)
  store<u32>(links, last, LINK_OLDER)
  store<u32>(links, list, LINK_NEWER)
  store<u32>(last, links, LINK_NEWER)
  store<u32>(list, links, LINK_OLDER)
}

// @ts-ignore: decorator
@inline
function unlink(links: u32): void {
  const older = load<u32>(links, LINK_OLDER)
  const newer = load<u32>(links, LINK_NEWER)
  store<u32>(older, newer, LINK_NEWER)
  store<u32>(newer, older, LINK_OLDER)
  store<u32>(links, 0, LINK_OLDER)
}

/** Notes a use of an element that the caller has found; meanwhile it may have been deleted. */
// @ts-ignore: decorator
@inline
function touch(map: u32, slot: u32): void {
  const links = linksOf(map, slot)
  if (load<u32>(map + LRU_LIST, LINK_OLDER) == links) return
  if (isConcurrent(map)) {
    touchContended(map, links)
  } else {
    unlink(links)
    link(map, links)
  }
}

function touchContended(map: u32, links: u32): void {
  if (!tryLock(map + LRU_LOCK)) return
  if (load<u32>(links, LINK_OLDER) != 0) {
    unlink(links)
    link(map, links)
  }
  unlock(map + LRU_LOCK)
}

/** For a compiled program that has found an element itself, by the address of its value: notes its use. One CPU has the map. */
export function lruTouch(map: u32, value: u32): void {
  const links = value - LRU_LINK_BYTES
  const list = map + LRU_LIST
  const last = load<u32>(list, LINK_OLDER)
  if (last == links) return
  const older = load<u32>(links, LINK_OLDER)
  const newer = load<u32>(links, LINK_NEWER)
  store<u32>(older, newer, LINK_NEWER)
  store<u32>(newer, older, LINK_OLDER)
  store<u32>(links, last, LINK_OLDER)
  store<u32>(links, list, LINK_NEWER)
  store<u32>(last, links, LINK_NEWER)
  store<u32>(list, links, LINK_OLDER)
}

export function lruHashLookup(map: u32, key: u32, cpu: u32): u32 {
  const slot = find(map, key)
  if (slot == 0) return 0
  touch(map, slot)
  return slot + load<u32>(map, SLOT_VALUE_OFFSET)
}

export function lruPercpuHashLookup(map: u32, key: u32, cpu: u32): u32 {
  const slot = find(map, key)
  if (slot == 0) return 0
  touch(map, slot)
  return slot + load<u32>(map, SLOT_VALUE_OFFSET) + cpu * cpuStrideOf(map)
}

export function lruHashUpdate(map: u32, key: u32, value: u32, flags: u32, cpu: u32): i32 {
  return updateLocked(map, key, value, flags, 0, false)
}

export function lruPercpuHashUpdate(map: u32, key: u32, value: u32, flags: u32, cpu: u32): i32 {
  return updateLocked(map, key, value, flags, cpu, true)
}

// @ts-ignore: decorator
@inline
function updateLocked(map: u32, key: u32, value: u32, flags: u32, cpu: u32, inPlace: bool): i32 {
  if (flags > BPF_EXIST) return -EINVAL
  if (isConcurrent(map)) lock(map + LRU_LOCK)
  const hash = hashOf(map, key, keySizeOf(map))
  const bucket = enterBucket(map, hash)
  const at = findLink(map, bucket, hash, key, keySizeOf(map))
  let result: i32 = 0
  if (at != 0) {
    result = flags == BPF_NOEXIST ? -EEXIST : replace(map, at, hash, key, value, cpu, inPlace)
    leaveBucket(map, bucket)
  } else {
    leaveBucket(map, bucket)
    result = flags == BPF_EXIST ? -ENOENT : insert(map, hash, key, value, cpu)
  }
  if (isConcurrent(map)) unlock(map + LRU_LOCK)
  return result
}

/** In a bucket that this thread has to itself: gives the element that the link at `at` leads to a new value. */
// @ts-ignore: decorator
@inline
function replace(map: u32, at: u32, hash: u32, key: u32, value: u32, cpu: u32, inPlace: bool): i32 {
  const old = load<u32>(at)
  const links = linksOf(map, old)
  if (inPlace) {
    unlink(links)
    link(map, links)
    copyValue(old + load<u32>(map, SLOT_VALUE_OFFSET) + cpu * cpuStrideOf(map), value, valueSizeOf(map))
    return 0
  }
  // A new slot in the place of the old one, as in a plain hash table.
  let slot = exchangeExtra(map, 0)
  if (slot == 0) slot = takeSlot(map)
  if (slot == 0) return -ENOMEM
  unlink(links)
  fill(map, at, load<u32>(old, SLOT_NEXT), slot, hash, key, value, 0)
  link(map, linksOf(map, slot))
  store<u32>(old, 0, SLOT_HASH)
  const spare = exchangeExtra(map, old)
  if (spare != 0) giveSlot(map, spare)
  return 0
}

/** Adds an element whose key is not there. No other thread changes the map: room comes first, then the element's own bucket. */
// @ts-ignore: decorator
@inline
function insert(map: u32, hash: u32, key: u32, value: u32, cpu: u32): i32 {
  if (load<u32>(map, MAP_COUNT) >= maxEntriesOf(map)) evict(map)
  const slot = takeSlot(map)
  if (slot == 0) return -ENOMEM
  const bucket = enterBucket(map, hash)
  fill(map, bucket, load<u32>(bucket), slot, hash, key, value, cpu)
  leaveBucket(map, bucket)
  link(map, linksOf(map, slot))
  if (isCrowded(map, addCount(map, 1))) growTable(map)
  return 0
}

/** Drops the element that was used longest ago. */
function evict(map: u32): void {
  const list = map + LRU_LIST
  const oldest = load<u32>(list, LINK_NEWER)
  if (oldest == list) spoiled(SPOILED_LRU, map)
  const slot = oldest + LRU_LINK_BYTES - load<u32>(map, SLOT_VALUE_OFFSET)
  const bucket = enterBucket(map, load<u32>(slot, SLOT_HASH))
  let at = bucket
  let left = MAX_CHAIN
  while (load<u32>(at) != slot) {
    at = load<u32>(at) + SLOT_NEXT
    if ((at & END) != 0 || --left == 0) spoiled(SPOILED_LRU, map)
  }
  remove(map, at, slot)
  leaveBucket(map, bucket)
}

/** Takes out the slot that the link at `at` leads to; its own link stays, for readers who stand on it. */
// @ts-ignore: decorator
@inline
function remove(map: u32, at: u32, slot: u32): void {
  unlink(linksOf(map, slot))
  store<u32>(at, load<u32>(slot, SLOT_NEXT))
  giveSlot(map, slot)
  addCount(map, -1)
}

export function lruHashDelete(map: u32, key: u32): i32 {
  if (isConcurrent(map)) lock(map + LRU_LOCK)
  const hash = hashOf(map, key, keySizeOf(map))
  const bucket = enterBucket(map, hash)
  const at = findLink(map, bucket, hash, key, keySizeOf(map))
  if (at != 0) remove(map, at, load<u32>(at))
  leaveBucket(map, bucket)
  if (isConcurrent(map)) unlock(map + LRU_LOCK)
  return at == 0 ? -ENOENT : 0
}
