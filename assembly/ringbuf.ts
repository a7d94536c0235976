// RINGBUF: records of any length, many producers, one consumer; records become visible in the order of their reservation.
// Positions count bytes since creation. A record starts at `data + position mod size` and goes on past the end of the data area.
// Record format and rules: https://docs.kernel.org/bpf/ringbuf.html
import {
  MAP_DATA,
  MAP_KIND,
  MAP_LOCK,
  MAP_MAX_ENTRIES,
  KIND_RINGBUF,
  RECORD_HEADER_BYTES,
  RECORD_OWNER,
  RING_CONSUMER,
  RING_DROPPED,
  RING_MASK,
  RING_PENDING,
  RING_PRODUCER,
  SPOILED_RECORD,
} from '../src/vm/guest-layout'
import { dataOf, EAGAIN, EINVAL, isConcurrent } from './control-block'
import { heapAllocate } from './heap'
import { spoiled, wake } from './host'
import { lock, unlock } from './lock'

const BUSY: u32 = 1 << 31
const DISCARD: u32 = 1 << 30
const LENGTH: u32 = DISCARD - 1
const HEADER: u32 = RECORD_HEADER_BYTES
/** Flags of submit, discard and output. */
const NO_WAKEUP: u32 = 1
const FORCE_WAKEUP: u32 = 2
/** What query can be asked for. */
const AVAILABLE: u32 = 0
const RING_SIZE: u32 = 1
const CONSUMER_POSITION: u32 = 2
const PRODUCER_POSITION: u32 = 3

/** Reserves the data area and its mirror space. 0: no memory. */
export function ringbufInit(map: u32): u32 {
  const size = load<u32>(map, MAP_MAX_ENTRIES)
  if (size > 0x7fff0000) return 0
  const data = heapAllocate(size * 2)
  if (data == 0) return 0
  store<u32>(map, data, MAP_DATA)
  store<u32>(map, size - 1, RING_MASK)
  return data
}

// @ts-ignore: decorator
@inline
function wholeLength(header: u32): u32 {
  return ((header & LENGTH) + HEADER + 7) & ~7
}

/** The address of `size` bytes for a record, or 0 if there is no room. */
export function ringbufReserve(map: u32, size: u32): u32 {
  const mask = load<u32>(map, RING_MASK)
  if (size > LENGTH || wholeLength(size) > mask + 1) return drop(map)
  const concurrent = isConcurrent(map)
  if (concurrent) lock(map + MAP_LOCK)
  const data = dataOf(map)
  const consumer = atomic.load<u64>(map, RING_CONSUMER)
  const producer = load<u64>(map, RING_PRODUCER)
  let pending = load<u64>(map, RING_PENDING)
  // Every step goes forward by at least 8 bytes, and no ring holds more than its size.
  if (producer - pending > <u64>mask + 1) spoiled(SPOILED_RECORD, map)
  while (pending < producer) {
    const header = atomic.load<u32>(data + (<u32>pending & mask))
    if ((header & BUSY) != 0) break
    pending += wholeLength(header)
  }
  store<u64>(map, pending, RING_PENDING)
  const end = producer + wholeLength(size)
  if (end - consumer > mask || end - pending > mask) {
    if (concurrent) unlock(map + MAP_LOCK)
    return drop(map)
  }
  const record = data + (<u32>producer & mask)
  store<u32>(record, map, RECORD_OWNER)
  atomic.store<u32>(record, size | BUSY)
  atomic.store<u64>(map + RING_PRODUCER, end)
  if (concurrent) unlock(map + MAP_LOCK)
  return record + HEADER
}

function drop(map: u32): u32 {
  if (isConcurrent(map)) atomic.add<u32>(map + RING_DROPPED, 1)
  else store<u32>(map, load<u32>(map, RING_DROPPED) + 1, RING_DROPPED)
  return 0
}

/** Makes a reserved record visible, or (`discard` not 0) void. -EINVAL: no reserved record starts there. */
export function ringbufCommit(sample: u32, flags: u32, discard: u32): i32 {
  const record = sample - HEADER
  const end = <u32>memory.size() << 16
  if ((sample & 7) != 0 || sample < 0x10000 || record >= end) return -EINVAL
  const map = load<u32>(record, RECORD_OWNER)
  if ((map & 7) != 0 || map < 0x10000 || map >= end - 96 || load<u32>(map, MAP_KIND) != KIND_RINGBUF) return -EINVAL
  const mask = load<u32>(map, RING_MASK)
  const offset = record - dataOf(map)
  const header = load<u32>(record)
  if (offset > mask || (header & BUSY) == 0) return -EINVAL
  const consumer = <u32>atomic.load<u64>(map, RING_CONSUMER) & mask
  atomic.store<u32>(record, (header & LENGTH) | (discard != 0 ? DISCARD : 0))
  // The consumer needs to be told only if it has read all up to here.
  if ((flags & FORCE_WAKEUP) != 0 || (consumer == offset && (flags & NO_WAKEUP) == 0)) wake(map)
  return 0
}

/** Copies `size` bytes into a record of their own. 0, -EINVAL (flags), -EAGAIN (no room). */
export function ringbufOutput(map: u32, from: u32, size: u32, flags: u32): i32 {
  if ((flags & ~(NO_WAKEUP | FORCE_WAKEUP)) != 0) return -EINVAL
  const sample = ringbufReserve(map, size)
  if (sample == 0) return -EAGAIN
  memory.copy(sample, from, size)
  return ringbufCommit(sample, flags, 0)
}

/** What `bpf_ringbuf_query` answers; 0 for an unknown question. */
export function ringbufQuery(map: u32, what: u32): u64 {
  if (what == AVAILABLE) return atomic.load<u64>(map, RING_PRODUCER) - atomic.load<u64>(map, RING_CONSUMER)
  if (what == RING_SIZE) return <u64>load<u32>(map, RING_MASK) + 1
  if (what == CONSUMER_POSITION) return atomic.load<u64>(map, RING_CONSUMER)
  if (what == PRODUCER_POSITION) return atomic.load<u64>(map, RING_PRODUCER)
  return 0
}

/**
 * The consumer's side: the address of the oldest record's payload (its length in the header before it), passing over
 * discarded ones; 0 if there is none, or the oldest is not committed.
 */
export function ringbufPeek(map: u32): u32 {
  const mask = load<u32>(map, RING_MASK)
  const producer = atomic.load<u64>(map, RING_PRODUCER)
  let consumer = load<u64>(map, RING_CONSUMER)
  if (producer - consumer > <u64>mask + 1) spoiled(SPOILED_RECORD, map)
  while (consumer < producer) {
    const record = dataOf(map) + (<u32>consumer & mask)
    const header = atomic.load<u32>(record)
    if ((header & BUSY) != 0) return 0
    if ((header & LENGTH) > mask) spoiled(SPOILED_RECORD, record)
    if ((header & DISCARD) == 0) return record + HEADER
    consumer += wholeLength(header)
    atomic.store<u64>(map + RING_CONSUMER, consumer)
  }
  return 0
}

/** Gives the space of the record that `ringbufPeek` showed back to the producers. */
export function ringbufPop(map: u32): void {
  const consumer = load<u64>(map, RING_CONSUMER)
  const record = dataOf(map) + (<u32>consumer & load<u32>(map, RING_MASK))
  atomic.store<u64>(map + RING_CONSUMER, consumer + wholeLength(load<u32>(record)))
}
