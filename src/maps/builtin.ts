/**
 * The map types that anybpf brings along.
 * @module
 */
import { ARRAY, PERCPU_ARRAY } from './array.ts'
import type { MapTypeDefinition } from './definition.ts'
import { HASH, PERCPU_HASH } from './hash.ts'
import { LPM_TRIE } from './lpm-trie.ts'
import { LRU_HASH, LRU_PERCPU_HASH } from './lru-hash.ts'
import { ARRAY_OF_MAPS, HASH_OF_MAPS } from './map-in-map.ts'
import { PERF_EVENT_ARRAY } from './perf-event-array.ts'
import { PROG_ARRAY } from './prog-array.ts'
import { RINGBUF } from './ringbuf.ts'

export const BUILTIN_MAP_TYPES: readonly MapTypeDefinition[] = [
  ARRAY,
  HASH,
  PERCPU_ARRAY,
  PERCPU_HASH,
  PROG_ARRAY,
  PERF_EVENT_ARRAY,
  LRU_HASH,
  LRU_PERCPU_HASH,
  LPM_TRIE,
  RINGBUF,
  ARRAY_OF_MAPS,
  HASH_OF_MAPS,
]
