// The allocator: two-level segregated fit. Allocation and release take constant time: two bit scans find a free block that is
// large enough, neighbours are merged at once. All state lies in the linear memory, where several threads find it.
// M. Masmano et al., "TLSF: a new dynamic memory allocator for real-time systems", ECRTS 2004.
//
//   block:  | u32 block before | u32 payload bytes, bit 0: free | payload … |
//   a free block's payload begins with | u32 next in list | u32 previous in list |
//
// First level: powers of two from 128 on (level 0: everything below). Second level: 16 steps in each.
import {
  BLOCK_HEADER_BYTES,
  HEAP_BASE,
  HEAP_END,
  HEAP_FIRST_LEVEL,
  HEAP_FRESH,
  HEAP_HEADER_BYTES,
  HEAP_LAST,
  HEAP_LISTS,
  HEAP_LOCK,
  HEAP_MAGIC,
  HEAP_MAGIC_VALUE,
  HEAP_SECOND_LEVEL,
  HEAP_SHARED,
  HEAP_USED,
  SPOILED_HEAP,
} from '../src/vm/guest-layout'
import { grown, spoiled } from './host'
import { lock, unlock } from './lock'

const HEAP: u32 = HEAP_BASE
const HEADER: u32 = BLOCK_HEADER_BYTES
const FIRST_BLOCK: u32 = HEAP_BASE + HEAP_HEADER_BYTES
const FREE: u32 = 1
const MIN_PAYLOAD: u32 = 8
const LEVELS: u32 = 26
const MAX_PAYLOAD: u32 = 0xfffe0000
const MIN_GROWTH_PAGES: u32 = 4

// @ts-ignore: decorator
@inline
function sizeOf(block: u32): u32 {
  return load<u32>(block, 4) & ~7
}

// @ts-ignore: decorator
@inline
function isFree(block: u32): bool {
  return (load<u32>(block, 4) & FREE) != 0
}

/** Writes a block's header, and remembers that this memory is not fresh any more. */
// @ts-ignore: decorator
@inline
function setBlock(block: u32, before: u32, sizeAndFree: u32): void {
  store<u32>(block, before)
  store<u32>(block, sizeAndFree, 4)
  // With the two links of a free block.
  touched(block + HEADER + MIN_PAYLOAD)
}

// @ts-ignore: decorator
@inline
function touched(end: u32): void {
  if (end > load<u32>(HEAP, HEAP_FRESH)) store<u32>(HEAP, end, HEAP_FRESH)
}

// @ts-ignore: decorator
@inline
function levelOf(size: u32): u32 {
  return size < 128 ? 0 : 25 - clz<u32>(size)
}

// @ts-ignore: decorator
@inline
function stepOf(size: u32, level: u32): u32 {
  return level == 0 ? size >> 3 : (size >> (level + 2)) & 15
}

// @ts-ignore: decorator
@inline
function listOf(level: u32, step: u32): u32 {
  return HEAP + HEAP_LISTS + ((level << 4) + step) * 4
}

/** A block must lie in the heap, aligned, and end inside it. */
function check(block: u32): void {
  const end = load<u32>(HEAP, HEAP_END)
  if (
    block < FIRST_BLOCK ||
    (block & 7) != 0 ||
    end > <u32>memory.size() << 16 ||
    block > end - (HEADER + MIN_PAYLOAD) ||
    sizeOf(block) > end - HEADER - block ||
    sizeOf(block) == 0
  ) {
    spoiled(SPOILED_HEAP, block)
  }
}

function insert(block: u32): void {
  const size = sizeOf(block)
  const level = levelOf(size)
  const step = stepOf(size, level)
  const list = listOf(level, step)
  const next = load<u32>(list)
  store<u32>(block + HEADER, next)
  store<u32>(block + HEADER, 0, 4)
  if (next != 0) {
    check(next)
    store<u32>(next + HEADER, block, 4)
  }
  store<u32>(list, block)
  const bits = HEAP + HEAP_SECOND_LEVEL + level * 4
  store<u32>(bits, load<u32>(bits) | (1 << step))
  store<u32>(HEAP, load<u32>(HEAP, HEAP_FIRST_LEVEL) | (1 << level), HEAP_FIRST_LEVEL)
}

function remove(block: u32): void {
  const next = load<u32>(block + HEADER)
  const previous = load<u32>(block + HEADER, 4)
  if (next != 0) {
    check(next)
    store<u32>(next + HEADER, previous, 4)
  }
  if (previous != 0) {
    check(previous)
    store<u32>(previous + HEADER, next)
    return
  }
  const size = sizeOf(block)
  const level = levelOf(size)
  const step = stepOf(size, level)
  const list = listOf(level, step)
  if (load<u32>(list) != block) spoiled(SPOILED_HEAP, block)
  store<u32>(list, next)
  if (next != 0) return
  const bits = HEAP + HEAP_SECOND_LEVEL + level * 4
  const left = load<u32>(bits) & ~(1 << step)
  store<u32>(bits, left)
  if (left == 0) store<u32>(HEAP, load<u32>(HEAP, HEAP_FIRST_LEVEL) & ~(1 << level), HEAP_FIRST_LEVEL)
}

/** A free block of at least `size` bytes, out of its list; 0 if there is none. */
function take(size: u32): u32 {
  let level = levelOf(size)
  // Every block of the list that is searched is large enough: round up to the list's lower bound.
  const wanted = level == 0 ? size : size + ((1 << (level + 2)) - 1)
  if (wanted < size) return 0
  level = levelOf(wanted)
  if (level >= LEVELS) return 0
  let steps = load<u32>(HEAP + HEAP_SECOND_LEVEL + level * 4) & (<u32>0xffffffff << stepOf(wanted, level))
  if (steps == 0) {
    const levels = load<u32>(HEAP, HEAP_FIRST_LEVEL) & (<u32>0xffffffff << (level + 1))
    if (levels == 0) return 0
    level = ctz<u32>(levels)
    if (level >= LEVELS) spoiled(SPOILED_HEAP, HEAP)
    steps = load<u32>(HEAP + HEAP_SECOND_LEVEL + level * 4)
    if (steps == 0 || steps > 0xffff) spoiled(SPOILED_HEAP, HEAP)
  }
  const block = load<u32>(listOf(level, ctz<u32>(steps)))
  check(block)
  if (!isFree(block) || sizeOf(block) < size) spoiled(SPOILED_HEAP, block)
  remove(block)
  return block
}

/** Adds memory at the end, so that a block of `size` bytes exists. */
function grow(size: u32): bool {
  const oldEnd = load<u32>(HEAP, HEAP_END)
  const pages = <u32>((<u64>size + (size >> 3) + 2 * HEADER + 0xffff) >> 16)
  const present = <u32>memory.size()
  // An eighth more each time, so that growth, which detaches the host's views, stays rare.
  const generous = max(max(pages, present >> 3), MIN_GROWTH_PAGES)
  if (memory.grow(generous) == -1 && memory.grow(pages) == -1) return false
  grown()
  const end = <u32>memory.size() << 16
  store<u32>(HEAP, end, HEAP_END)
  let block = load<u32>(HEAP, HEAP_LAST)
  check(block)
  if (isFree(block)) {
    remove(block)
    store<u32>(block, (end - HEADER - block) | FREE, 4)
  } else {
    setBlock(oldEnd, block, (end - HEADER - oldEnd) | FREE)
    block = oldEnd
    store<u32>(HEAP, block, HEAP_LAST)
  }
  insert(block)
  return true
}

/** Makes the heap from the memory as it is. Once, by the first thread. */
export function heapInit(shared: u32): void {
  const end = <u32>memory.size() << 16
  memory.fill(HEAP, 0, HEAP_HEADER_BYTES)
  store<u32>(HEAP, HEAP_MAGIC_VALUE, HEAP_MAGIC)
  store<u32>(HEAP, end, HEAP_END)
  store<u32>(HEAP, shared, HEAP_SHARED)
  setBlock(FIRST_BLOCK, 0, (end - HEADER - FIRST_BLOCK) | FREE)
  store<u32>(HEAP, FIRST_BLOCK, HEAP_LAST)
  insert(FIRST_BLOCK)
}

// @ts-ignore: decorator
@inline
function enter(): bool {
  if (load<u32>(HEAP, HEAP_MAGIC) != HEAP_MAGIC_VALUE) spoiled(SPOILED_HEAP, HEAP)
  const shared = load<u32>(HEAP, HEAP_SHARED) != 0
  if (shared) lock(HEAP + HEAP_LOCK)
  return shared
}

/** `size` zeroed bytes, 8-byte aligned; 0 if the memory's limit does not allow them. */
export function heapAllocate(size: u32): u32 {
  if (size > MAX_PAYLOAD) return 0
  const payload = max((size + 7) & ~7, MIN_PAYLOAD)
  const shared = enter()
  let block = take(payload)
  if (block == 0 && grow(payload)) block = take(payload)
  if (block == 0) {
    if (shared) unlock(HEAP + HEAP_LOCK)
    return 0
  }
  const whole = sizeOf(block)
  const fresh = load<u32>(HEAP, HEAP_FRESH)
  const start = block + HEADER
  const end = start + payload
  if (whole - payload >= HEADER + MIN_PAYLOAD) {
    store<u32>(block, payload, 4)
    setBlock(end, block, (whole - payload - HEADER) | FREE)
    if (load<u32>(HEAP, HEAP_LAST) == block) {
      store<u32>(HEAP, end, HEAP_LAST)
    } else {
      const after = start + whole
      check(after)
      store<u32>(after, end)
    }
    insert(end)
  } else {
    store<u32>(block, whole, 4)
    touched(start + whole)
  }
  store<u32>(HEAP, load<u32>(HEAP, HEAP_USED) + sizeOf(block) + HEADER, HEAP_USED)
  if (shared) unlock(HEAP + HEAP_LOCK)
  // Memory that was never written is zero already, and stays untouched: an array costs what is used of it.
  const dirty = min(start + sizeOf(block), fresh)
  if (dirty > start) memory.fill(start, 0, dirty - start)
  return start
}

/** Gives a block back. 0: done; -1: not the address of a live block. */
export function heapFree(address: u32): i32 {
  let block = address - HEADER
  const shared = enter()
  const end = load<u32>(HEAP, HEAP_END)
  if (
    address < FIRST_BLOCK + HEADER ||
    (address & 7) != 0 ||
    address >= end ||
    isFree(block) ||
    sizeOf(block) == 0 ||
    sizeOf(block) > end - address
  ) {
    if (shared) unlock(HEAP + HEAP_LOCK)
    return -1
  }
  let size = sizeOf(block)
  const after = address + size
  const before = load<u32>(block)
  const last = load<u32>(HEAP, HEAP_LAST)
  // A live block is linked both ways; anything else is an address inside one.
  if (
    (block == last) != (after == end) ||
    (block != last && load<u32>(after) != block) ||
    (before == 0 ? block != FIRST_BLOCK : before >= block)
  ) {
    if (shared) unlock(HEAP + HEAP_LOCK)
    return -1
  }
  store<u32>(HEAP, load<u32>(HEAP, HEAP_USED) - size - HEADER, HEAP_USED)
  let isLast = block == last
  if (!isLast && isFree(after)) {
    check(after)
    remove(after)
    size += HEADER + sizeOf(after)
    isLast = after == last
  }
  if (before != 0 && isFree(before)) {
    check(before)
    if (before + HEADER + sizeOf(before) != block) spoiled(SPOILED_HEAP, before)
    remove(before)
    size += HEADER + sizeOf(before)
    block = before
  }
  store<u32>(block, size | FREE, 4)
  if (isLast) store<u32>(HEAP, block, HEAP_LAST)
  else store<u32>(block + HEADER + size, block)
  insert(block)
  if (shared) unlock(HEAP + HEAP_LOCK)
  return 0
}

/** Bytes of live blocks, their headers included. */
export function heapUsed(): u32 {
  return load<u32>(HEAP, HEAP_USED)
}
