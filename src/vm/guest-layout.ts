/**
 * Where things lie in the linear memory: the constants that the guest runtime (AssemblyScript, `assembly/`) and the host
 * share. Offsets and sizes in bytes. Only plain numbers: both compilers read this file.
 *
 * The control block of a map; its address is what a map pointer in a program is:
 * ```
 *  0 kind        which store it is (KIND_*)      32 count       live elements
 *  4 type id     the platform's own number       36 data        elements, buckets, or records
 *  8 key size                                    40 stride      from an element (slot) to the next
 * 12 value size                                  44 cpu stride  from a CPU's copy to the next CPU's
 * 16 max entries                                 48 reserved
 * 20 flags       BPF_F_* of creation             52 reserved
 * 24 threads     that use it; 1: no locks        56 reserved
 * 28 lock        guards what is map-wide         60 reserved
 * 64 … what the kind of store keeps besides
 * ```
 * Array: element `i` at `data + i * stride`; a per-CPU one keeps a whole array for every CPU, so that CPUs share no cache
 * line: `data + cpu * cpu stride + i * stride`.
 *
 * Hash table: `data` is an array of buckets of 8 bytes, `{ head, lock }`. A chain of slots ends in `bucket index * 2 + 1`, so
 * that a reader who was led into another chain by a concurrent writer notices. Slots lie in slabs that belong to the map
 * until it is disposed; a slot never moves, and a freed one is used again by the same map only:
 * ```
 * 0 next   next slot of the chain, or the end mark
 * 4 hash   live: hash with bit 0 set; free: address of the next free slot (bit 0 clear)
 * 8 key    padded to 8 bytes
 * … value  padded to 8; per CPU: one copy every `cpu stride` bytes
 * ```
 * An LRU hash table has, in the 16 bytes before the value:
 * ```
 * 0 older  the links of the element used before this one, or of the control block; 0: the slot is in no list
 * 4 newer  the links of the element used after this one, or of the control block
 * 8 list   which CPU's list it is in: 0, as long as there is one list
 * 12 mark  that it was used, for lists that are put in order later; 0
 * ```
 * Trie: `data` is the root. Nodes are slots in slabs, as those of a hash table:
 * ```
 *  0 left    child whose next bit is 0, or 0
 *  4 state   live: bit 0 set, bit 1 set if it is a fork only; free: address of the next free node
 *  8 right   child whose next bit is 1, or 0
 * 12 prefix  its length in bits, and from 16 on its data: the key, padded to 8
 *  … value   padded to 8
 * ```
 * Data of 4 bytes lies in the 4 behind it once more, as a number whose highest bit comes first.
 *
 * Ring buffer: `data` is `size` bytes of records and as many of mirror space, so that a record that starts near the end goes
 * on past it. A record is `{ u32 length and flags, u32 address of the control block }` and its payload, padded to 8.
 * @module
 */

/** Bytes of a page of linear memory; the first one is never written. */
export const PAGE_BYTES = 65536

// The heap's header lies at the start of the second page.
export const HEAP_BASE = 65536
export const HEAP_MAGIC = 0
export const HEAP_LOCK = 4
/** One past the last byte that the heap manages. */
export const HEAP_END = 8
/** Bytes of live blocks, their headers included. */
export const HEAP_USED = 12
/** From here on nothing was ever written: reads as zero. */
export const HEAP_FRESH = 16
/** The block that ends at HEAP_END. */
export const HEAP_LAST = 20
/** Not zero: several threads use this memory. */
export const HEAP_SHARED = 24
export const HEAP_FIRST_LEVEL = 28
export const HEAP_SECOND_LEVEL = 32
export const HEAP_LISTS = 160
export const HEAP_HEADER_BYTES = 2048
export const HEAP_MAGIC_VALUE = 0x70616548
/** Of every block: `{ u32 address of the block before, u32 payload bytes | free }`. */
export const BLOCK_HEADER_BYTES = 8

export const MAP_KIND = 0
export const MAP_TYPE_ID = 4
export const MAP_KEY_SIZE = 8
export const MAP_VALUE_SIZE = 12
export const MAP_MAX_ENTRIES = 16
export const MAP_FLAGS = 20
export const MAP_THREADS = 24
export const MAP_LOCK = 28
export const MAP_COUNT = 32
export const MAP_DATA = 36
export const MAP_STRIDE = 40
export const MAP_CPU_STRIDE = 44
export const MAP_HEADER_BYTES = 64

export const KIND_CUSTOM = 0
export const KIND_ARRAY = 1
export const KIND_PERCPU_ARRAY = 2
export const KIND_HASH = 3
export const KIND_PERCPU_HASH = 4
export const KIND_PROG_ARRAY = 5
export const KIND_PERF_EVENT_ARRAY = 6
export const KIND_RINGBUF = 7
export const KIND_ARRAY_OF_MAPS = 8
export const KIND_HASH_OF_MAPS = 9
export const KIND_LRU_HASH = 10
export const KIND_LRU_PERCPU_HASH = 11
export const KIND_LPM_TRIE = 12

/** Of maps whose elements lie in slots: from a slot to its value. */
export const SLOT_VALUE_OFFSET = 68
/** Free slots, linked through their second word. */
export const SLAB_FREE = 80
/** Slots of the newest slab that were never used: from here … */
export const SLAB_FRESH = 88
/** … to here. */
export const SLAB_FRESH_END = 92
/** Slots in all slabs. */
export const SLAB_SLOTS = 96
export const SLAB_COUNT = 100
/** As many slots there can be. */
export const SLAB_LIMIT = 116
/** `{ u32 address, u32 end }` of every slab. */
export const SLAB_DIRECTORY = 128
export const MAX_SLABS = 64

export const HASH_MASK = 64
/** 64 bits. */
export const HASH_SEED = 72
/** A spare slot for the replacement of a value, as the kernel keeps one per CPU. */
export const HASH_EXTRA = 84
/** Counts changes of the bucket table. */
export const HASH_EPOCH = 104
export const HASH_RESIZE_LOCK = 108
/** Replaced bucket tables that another CPU may still be reading; linked through their first word. */
export const HASH_RETIRED = 112
export const HASH_BLOCK_BYTES = 640

/** Links of the LRU list: elements by use, in a circle through the control block. */
export const LRU_LIST = 640
/** Guards the list and all changes of an LRU map. */
export const LRU_LOCK = 648
/** Room for the lists of several CPUs: their address. 0: there is the one above only. */
export const LRU_CPU_LISTS = 652
export const LRU_BLOCK_BYTES = 704
/** Before the value of a slot: its links, the number of the CPU's list that it is in, and a word for marks of use. */
export const LRU_LINK_BYTES = 16
/** Of links: towards what was used longer ago, and from the control block the element used last. */
export const LINK_OLDER = 0
/** Towards what was used since, and from the control block the element used longest ago. */
export const LINK_NEWER = 4

/** Guards all changes of a trie. */
export const TRIE_LOCK = 104
/** Beginnings and ends of changes: odd while there is one. */
export const TRIE_CHANGES = 108
export const TRIE_BLOCK_BYTES = 640

export const NODE_LEFT = 0
export const NODE_STATE = 4
export const NODE_RIGHT = 8
/** Where the key lies, which begins with the length of the prefix. */
export const NODE_PREFIX = 12
export const NODE_DATA = 16
/** Data of 4 bytes once more, the byte that comes first highest. */
export const NODE_WORD = 20

export const SLOT_NEXT = 0
export const SLOT_HASH = 4
export const SLOT_KEY = 8
export const BUCKET_BYTES = 8

/** Positions count bytes since creation, 64 bits. */
export const RING_CONSUMER = 64
export const RING_PRODUCER = 72
/** The oldest record that may not be committed yet. */
export const RING_PENDING = 80
export const RING_MASK = 88
/** Reservations that found no room. */
export const RING_DROPPED = 92
export const RING_BLOCK_BYTES = 96
export const RECORD_HEADER_BYTES = 8
export const RECORD_OWNER = 4

/** What the guest runtime reports through its import `spoiled`. */
export const SPOILED_HEAP = 1
export const SPOILED_CHAIN = 2
export const SPOILED_LOCK = 3
export const SPOILED_RECORD = 4
export const SPOILED_LRU = 5
export const SPOILED_TRIE = 6
