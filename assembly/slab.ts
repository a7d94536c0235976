// Slots of one size for the elements of one map, in slabs that belong to it until it is disposed: a freed slot is used again by
// the same map only. The second word of a slot is its own while it lives, with bit 0 set; of a free one it links to the next.
import {
  MAP_LOCK,
  MAX_SLABS,
  SLAB_COUNT,
  SLAB_DIRECTORY,
  SLAB_FREE,
  SLAB_FRESH,
  SLAB_FRESH_END,
  SLAB_LIMIT,
  SLAB_SLOTS,
  SLOT_HASH,
  SPOILED_CHAIN,
} from '../src/vm/guest-layout'
import { isConcurrent, strideOf } from './control-block'
import { heapAllocate, heapFree } from './heap'
import { spoiled } from './host'
import { lock, unlock } from './lock'

/** Bit 0 of a slot's second word. */
export const LIVE: u32 = 1
const FIRST_SLOTS: u32 = 16
/** Slabs begin on a cache line; before it, the address of their block. */
const SLAB_ALIGN: u32 = 64

/** Sets how many slots there can be. */
export function limitSlots(map: u32, slots: u64): void {
  store<u32>(map, <u32>min<u64>(slots, 0xffffffff), SLAB_LIMIT)
}

/** A slot that is not in use; 0: no memory. */
export function takeSlot(map: u32): u32 {
  const concurrent = isConcurrent(map)
  if (concurrent) lock(map + MAP_LOCK)
  let slot = load<u32>(map, SLAB_FREE)
  if (slot != 0) {
    store<u32>(map, load<u32>(slot, SLOT_HASH), SLAB_FREE)
  } else {
    if (load<u32>(map, SLAB_FRESH) == load<u32>(map, SLAB_FRESH_END)) addSlab(map)
    slot = load<u32>(map, SLAB_FRESH)
    if (slot == load<u32>(map, SLAB_FRESH_END)) slot = 0
    else store<u32>(map, slot + strideOf(map), SLAB_FRESH)
  }
  if (concurrent) unlock(map + MAP_LOCK)
  return slot
}

export function giveSlot(map: u32, slot: u32): void {
  const concurrent = isConcurrent(map)
  if (concurrent) lock(map + MAP_LOCK)
  store<u32>(slot, load<u32>(map, SLAB_FREE), SLOT_HASH)
  store<u32>(map, slot, SLAB_FREE)
  if (concurrent) unlock(map + MAP_LOCK)
}

/** Adds as many slots as there are; fewer where memory is short, or the limit is reached. */
function addSlab(map: u32): void {
  const slabs = load<u32>(map, SLAB_COUNT)
  if (slabs >= <u32>MAX_SLABS) return
  const present = load<u32>(map, SLAB_SLOTS)
  const limit = load<u32>(map, SLAB_LIMIT)
  if (present >= limit) return
  const stride = strideOf(map)
  let slots: u64 = min<u64>(max(present, FIRST_SLOTS), limit - present)
  let slab: u32 = 0
  for (; slots != 0; slots >>= 1) {
    if (slots * stride > 0xfffd0000) continue
    const block = heapAllocate(<u32>slots * stride + SLAB_ALIGN + 8)
    if (block != 0) {
      slab = (block + 8 + (SLAB_ALIGN - 1)) & ~(SLAB_ALIGN - 1)
      store<u32>(slab - 8, block)
      break
    }
  }
  if (slab == 0) return
  const end = slab + <u32>slots * stride
  store<u32>(map + SLAB_DIRECTORY + slabs * 8, slab)
  store<u32>(map + SLAB_DIRECTORY + slabs * 8, end, 4)
  store<u32>(map, present + <u32>slots, SLAB_SLOTS)
  store<u32>(map, slab, SLAB_FRESH)
  store<u32>(map, end, SLAB_FRESH_END)
  atomic.store<u32>(map + SLAB_COUNT, slabs + 1)
}

/** Gives all slabs back. Not 0: one was no live block. */
export function freeSlabs(map: u32): i32 {
  const slabs = min<u32>(load<u32>(map, SLAB_COUNT), MAX_SLABS)
  let result: i32 = 0
  for (let i: u32 = 0; i < slabs; i++) result |= heapFree(load<u32>(load<u32>(map + SLAB_DIRECTORY + i * 8) - 8))
  return result
}

/** The size of a slot; a walk over slots that is told 0 would never end. */
// @ts-ignore: decorator
@inline
export function checkedStride(map: u32): u32 {
  const stride = strideOf(map)
  if (stride < 16 || (stride & 7) != 0) spoiled(SPOILED_CHAIN, map)
  return stride
}
