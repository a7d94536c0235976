// LPM_TRIE: values by prefix, found by the longest prefix of a key. A binary trie without needless nodes: a node is an element,
// or it is where the paths to its two children part.
//
// From a node to a child prefixes grow longer, so that every walk ends; a child whose prefix does not is spoiled.
//
// As in Linux an update puts a new node in the place of the old one, so that the address of a value that somebody holds stays
// what it was. Writers take the map's lock, if it has more than one CPU, and count their changes: a reader looks again if the
// count was odd or has changed, and after many vain attempts takes the lock.
import {
  MAP_COUNT,
  MAP_CPU_STRIDE,
  MAP_DATA,
  MAP_STRIDE,
  MAP_THREADS,
  NODE_DATA,
  NODE_LEFT,
  NODE_PREFIX,
  NODE_RIGHT,
  NODE_STATE,
  NODE_WORD,
  SLOT_VALUE_OFFSET,
  SPOILED_TRIE,
  TRIE_CHANGES,
  TRIE_LOCK,
} from '../src/vm/guest-layout'
import {
  BPF_EXIST,
  BPF_NOEXIST,
  copyValue,
  EEXIST,
  EINVAL,
  ENOENT,
  ENOMEM,
  ENOSPC,
  isConcurrent,
  keySizeOf,
  maxEntriesOf,
  valueSizeOf,
} from './control-block'
import { spoiled } from './host'
import { lock, unlock } from './lock'
import { freeSlabs, giveSlot, limitSlots, LIVE, takeSlot } from './slab'

/** In a node's state: no element, only a fork. */
const FORK: u32 = 2
/** What a walk answers that came to a child with no longer prefix. */
const LOST: u32 = 0xffffffff
const MAX_RETRIES: u32 = 1000
/** From a key to its bits. */
const KEY_DATA: u32 = 4

/** Prepares an empty trie. */
export function trieInit(map: u32): void {
  const valueOffset = (NODE_DATA + dataSizeOf(map) + 7) & ~7
  const valueBytes = (valueSizeOf(map) + 7) & ~7
  store<u32>(map, valueOffset, SLOT_VALUE_OFFSET)
  store<u32>(map, valueBytes, MAP_CPU_STRIDE)
  store<u32>(map, valueOffset + valueBytes, MAP_STRIDE)
  // There are fewer forks than elements; and one spare node for each thread.
  limitSlots(map, (<u64>maxEntriesOf(map) << 1) + load<u32>(map, MAP_THREADS))
}

/** Frees what the map holds besides its control block. -1: something was no live block. */
export function trieDispose(map: u32): i32 {
  return freeSlabs(map)
}

// @ts-ignore: decorator
@inline
function dataSizeOf(map: u32): u32 {
  return keySizeOf(map) - KEY_DATA
}

// @ts-ignore: decorator
@inline
function prefixOf(node: u32): u32 {
  return load<u32>(node, NODE_PREFIX)
}

// @ts-ignore: decorator
@inline
function isFork(node: u32): bool {
  return (load<u32>(node, NODE_STATE) & FORK) != 0
}

/** Bit `index` of the data at `bits`; the first bit is the highest of the first byte. */
// @ts-ignore: decorator
@inline
function bitAt(bits: u32, index: u32): u32 {
  return (load<u8>(bits + (index >> 3)) >> (7 - (index & 7))) & 1
}

/** Where the link to a child lies. */
// @ts-ignore: decorator
@inline
function childLink(node: u32, bit: u32): u32 {
  return node + (bit != 0 ? NODE_RIGHT : NODE_LEFT)
}

/** How many bits two pieces of data share, at most `limit`, which is at most the bits they have. */
// @ts-ignore: decorator
@inline
function sharedBits(a: u32, b: u32, size: u32, limit: u32): u32 {
  let at: u32 = 0
  for (; at + 4 <= size; at += 4) {
    const difference = bswap<u32>(load<u32>(a + at) ^ load<u32>(b + at))
    if (difference != 0) return min<u32>((at << 3) + clz<u32>(difference), limit)
    if (at + 4 << 3 >= limit) return limit
  }
  for (; at < size; at++) {
    const difference = <u32>(load<u8>(a + at) ^ load<u8>(b + at))
    if (difference != 0) return min<u32>((at << 3) + clz<u32>(difference) - 24, limit)
  }
  return limit
}

/** How much of a node's prefix the key has too. */
// @ts-ignore: decorator
@inline
function match(map: u32, node: u32, key: u32): u32 {
  return sharedBits(node + NODE_DATA, key + KEY_DATA, dataSizeOf(map), min<u32>(prefixOf(node), load<u32>(key)))
}

/** As `longest`, for data of one word, as an IPv4 address is: nodes have it in the order of its bits too. */
// @ts-ignore: decorator
@inline
function longestOfWord(map: u32, key: u32): u32 {
  const length = load<u32>(key)
  const bits = bswap<u32>(load<u32>(key, KEY_DATA))
  let node = load<u32>(map, MAP_DATA)
  let least: u32 = 0
  let found: u32 = 0
  while (node != 0) {
    const prefix = prefixOf(node)
    if (prefix < least) return LOST
    // Bits in which they differ are in the upper half; prefixes have at most 32, and longer ones are spoiled.
    if (prefix > length || (((<u64>(load<u32>(node, NODE_WORD) ^ bits)) << prefix) >> 32) != 0) break
    found = isFork(node) ? found : node
    if (prefix == length) break
    least = prefix + 1
    node = load<u32>(childLink(node, (bits << prefix) >> 31))
  }
  return found
}

/** The node with the longest prefix of a key, 0 or LOST. */
// @ts-ignore: decorator
@inline
function longest(map: u32, key: u32): u32 {
  if (dataSizeOf(map) == 4) return longestOfWord(map, key)
  const length = load<u32>(key)
  let node = load<u32>(map, MAP_DATA)
  let least: u32 = 0
  let found: u32 = 0
  while (node != 0) {
    const prefix = prefixOf(node)
    if (prefix < least) return LOST
    if (match(map, node, key) < prefix) break
    if (!isFork(node)) found = node
    if (prefix >= length) break
    least = prefix + 1
    node = load<u32>(childLink(node, bitAt(key + KEY_DATA, prefix)))
  }
  return found
}

export function trieLookup(map: u32, key: u32, cpu: u32): u32 {
  if (load<u32>(key) > dataSizeOf(map) << 3) return 0
  const node = isConcurrent(map) ? longestContended(map, key) : longest(map, key)
  if (node == LOST) spoiled(SPOILED_TRIE, map)
  return node == 0 ? 0 : node + load<u32>(map, SLOT_VALUE_OFFSET)
}

function longestContended(map: u32, key: u32): u32 {
  for (let tries: u32 = 0; tries < MAX_RETRIES; tries++) {
    const changes = atomic.load<u32>(map + TRIE_CHANGES)
    if ((changes & 1) != 0) continue
    const node = longest(map, key)
    if (atomic.load<u32>(map + TRIE_CHANGES) == changes) return node
  }
  lock(map + TRIE_LOCK)
  const node = longest(map, key)
  unlock(map + TRIE_LOCK)
  return node
}

// @ts-ignore: decorator
@inline
function enter(map: u32): void {
  if (!isConcurrent(map)) return
  lock(map + TRIE_LOCK)
  atomic.add<u32>(map + TRIE_CHANGES, 1)
}

// @ts-ignore: decorator
@inline
function leave(map: u32): void {
  if (!isConcurrent(map)) return
  atomic.add<u32>(map + TRIE_CHANGES, 1)
  unlock(map + TRIE_LOCK)
}

/** Data of one word, in the order of its bits, where other data would go on. */
// @ts-ignore: decorator
@inline
function orderBits(map: u32, node: u32): void {
  if (dataSizeOf(map) == 4) store<u32>(node, bswap<u32>(load<u32>(node, NODE_DATA)), NODE_WORD)
}

/** A node for an element, without children; 0: no memory. */
function makeNode(map: u32, key: u32, value: u32): u32 {
  const node = takeSlot(map)
  if (node == 0) return 0
  store<u32>(node, 0, NODE_LEFT)
  store<u32>(node, LIVE, NODE_STATE)
  store<u32>(node, 0, NODE_RIGHT)
  copyValue(node + NODE_PREFIX, key, keySizeOf(map))
  orderBits(map, node)
  copyValue(node + load<u32>(map, SLOT_VALUE_OFFSET), value, valueSizeOf(map))
  return node
}

/** The link (of the map or a node) that leads to a key's own node, or to where it would have to go. */
function findLink(map: u32, key: u32): u32 {
  const length = load<u32>(key)
  let link = map + MAP_DATA
  let node = load<u32>(link)
  let least: u32 = 0
  while (node != 0) {
    const prefix = prefixOf(node)
    if (prefix < least) spoiled(SPOILED_TRIE, map)
    if (prefix >= length || match(map, node, key) != prefix) break
    least = prefix + 1
    link = childLink(node, bitAt(key + KEY_DATA, prefix))
    node = load<u32>(link)
  }
  return link
}

/** Whether a node is there for exactly this prefix, be it a fork. */
// @ts-ignore: decorator
@inline
function isNodeOf(map: u32, node: u32, key: u32): bool {
  return node != 0 && prefixOf(node) == load<u32>(key) && match(map, node, key) == prefixOf(node)
}

export function trieUpdate(map: u32, key: u32, value: u32, flags: u32, cpu: u32): i32 {
  if (flags > BPF_EXIST || load<u32>(key) > dataSizeOf(map) << 3) return -EINVAL
  enter(map)
  const link = findLink(map, key)
  const node = load<u32>(link)
  let result: i32 = 0
  if (!isNodeOf(map, node, key)) {
    result = refusal(map, flags)
    if (result == 0) result = insert(map, link, node, key, value)
  } else {
    const fork = isFork(node)
    if (fork) result = refusal(map, flags)
    else if (flags == BPF_NOEXIST) result = -EEXIST
    if (result == 0) result = replace(map, link, node, fork ? 1 : 0, key, value)
  }
  leave(map)
  return result
}

/** Why an element cannot be added; 0: it can. */
// @ts-ignore: decorator
@inline
function refusal(map: u32, flags: u32): i32 {
  if (flags == BPF_EXIST) return -ENOENT
  return load<u32>(map, MAP_COUNT) >= maxEntriesOf(map) ? -ENOSPC : 0
}

// @ts-ignore: decorator
@inline
function addCount(map: u32, change: i32): void {
  store<u32>(map, load<u32>(map, MAP_COUNT) + change, MAP_COUNT)
}

/** Puts a new node in the place of one with the same prefix. */
function replace(map: u32, link: u32, node: u32, added: i32, key: u32, value: u32): i32 {
  const young = makeNode(map, key, value)
  if (young == 0) return -ENOMEM
  store<u32>(young, load<u32>(node, NODE_LEFT), NODE_LEFT)
  store<u32>(young, load<u32>(node, NODE_RIGHT), NODE_RIGHT)
  store<u32>(link, young)
  addCount(map, added)
  giveSlot(map, node)
  return 0
}

/** Adds a node where `link` is: below it comes what was there, `node`, or beside it, both under a fork. */
function insert(map: u32, link: u32, node: u32, key: u32, value: u32): i32 {
  const young = makeNode(map, key, value)
  if (young == 0) return -ENOMEM
  if (node == 0) {
    store<u32>(link, young)
  } else {
    const shared = match(map, node, key)
    if (shared == load<u32>(key)) {
      store<u32>(childLink(young, bitAt(node + NODE_DATA, shared)), node)
      store<u32>(link, young)
    } else {
      const fork = takeSlot(map)
      if (fork == 0) {
        giveSlot(map, young)
        return -ENOMEM
      }
      const bit = bitAt(key + KEY_DATA, shared)
      store<u32>(fork, LIVE | FORK, NODE_STATE)
      store<u32>(fork, shared, NODE_PREFIX)
      copyValue(fork + NODE_DATA, node + NODE_DATA, dataSizeOf(map))
      orderBits(map, fork)
      store<u32>(childLink(fork, bit), young)
      store<u32>(childLink(fork, bit ^ 1), node)
      store<u32>(link, fork)
    }
  }
  addCount(map, 1)
  return 0
}

export function trieDelete(map: u32, key: u32): i32 {
  const length = load<u32>(key)
  if (length > dataSizeOf(map) << 3) return -EINVAL
  enter(map)
  // As `findLink`, and which node and link come before.
  let link = map + MAP_DATA
  let parentLink: u32 = 0
  let parent: u32 = 0
  let node = load<u32>(link)
  let least: u32 = 0
  while (node != 0) {
    const prefix = prefixOf(node)
    if (prefix < least) spoiled(SPOILED_TRIE, map)
    if (prefix >= length || match(map, node, key) != prefix) break
    least = prefix + 1
    parentLink = link
    parent = node
    link = childLink(node, bitAt(key + KEY_DATA, prefix))
    node = load<u32>(link)
  }
  let result: i32 = 0
  if (!isNodeOf(map, node, key) || isFork(node)) result = -ENOENT
  else remove(map, parentLink, parent, link, node)
  leave(map)
  return result
}

function remove(map: u32, parentLink: u32, parent: u32, link: u32, node: u32): void {
  addCount(map, -1)
  const left = load<u32>(node, NODE_LEFT)
  const right = load<u32>(node, NODE_RIGHT)
  if (left != 0 && right != 0) {
    store<u32>(node, LIVE | FORK, NODE_STATE)
    return
  }
  if (left == 0 && right == 0 && parent != 0 && isFork(parent)) {
    // A fork with one way left is none.
    const other = link == childLink(parent, 0) ? childLink(parent, 1) : childLink(parent, 0)
    store<u32>(parentLink, load<u32>(other))
    giveSlot(map, parent)
  } else {
    store<u32>(link, left != 0 ? left : right)
  }
  giveSlot(map, node)
}

/**
 * Writes the key after `key` (0, or one that is not there: the first) to `out`. More specific prefixes come before those that
 * they are part of, otherwise the smaller bit comes first.
 */
export function trieNextKey(map: u32, key: u32, out: u32): i32 {
  if (isConcurrent(map)) lock(map + TRIE_LOCK)
  const node = nextNode(map, key)
  if (node != 0) copyValue(out, node + NODE_PREFIX, keySizeOf(map))
  if (isConcurrent(map)) unlock(map + TRIE_LOCK)
  return node == 0 ? -ENOENT : 0
}

function nextNode(map: u32, key: u32): u32 {
  const root = load<u32>(map, MAP_DATA)
  if (key == 0 || load<u32>(key) > dataSizeOf(map) << 3) return firstNode(map, root)
  const length = load<u32>(key)
  let node = root
  let least: u32 = 0
  /** What comes after all that lies below where the walk is: `later`, or the first node below it. */
  let later: u32 = 0
  let below = false
  while (node != 0) {
    const prefix = prefixOf(node)
    if (prefix < least) spoiled(SPOILED_TRIE, map)
    if (prefix >= length || match(map, node, key) != prefix) break
    least = prefix + 1
    const bit = bitAt(key + KEY_DATA, prefix)
    const right = load<u32>(node, NODE_RIGHT)
    if (bit == 0 && right != 0) {
      later = right
      below = true
    } else if (!isFork(node)) {
      later = node
      below = false
    }
    node = load<u32>(childLink(node, bit))
  }
  if (!isNodeOf(map, node, key) || isFork(node)) return firstNode(map, root)
  return below ? firstNode(map, later) : later
}

/** The first element at or below a node: leftmost, and of those the deepest. */
function firstNode(map: u32, top: u32): u32 {
  let node = top
  let least: u32 = 0
  let found: u32 = 0
  while (node != 0) {
    const prefix = prefixOf(node)
    if (prefix < least || prefix > dataSizeOf(map) << 3) spoiled(SPOILED_TRIE, map)
    least = prefix + 1
    found = node
    const left = load<u32>(node, NODE_LEFT)
    node = left != 0 ? left : load<u32>(node, NODE_RIGHT)
  }
  return found
}
