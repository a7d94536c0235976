/**
 * Maps: their types and stores in the linear memory, and the live map that a host reads and writes.
 * @module
 */

export * from '../btf/values/codec.ts'
export { ARRAY, PERCPU_ARRAY } from './array.ts'
export * from './bpf-map.ts'
export * from './builtin.ts'
export * from './definition.ts'
export { errnoName } from './errno.ts'
export * from './event-codecs.ts'
export { HASH, PERCPU_HASH } from './hash.ts'
export { LPM_TRIE } from './lpm-trie.ts'
export { LRU_HASH, LRU_PERCPU_HASH } from './lru-hash.ts'
export * from './map-codecs.ts'
export { ARRAY_OF_MAPS, HASH_OF_MAPS, type MapInMapStore } from './map-in-map.ts'
export type * from './map-shapes.ts'
export { PERF_EVENT_ARRAY } from './perf-event-array.ts'
export { PROG_ARRAY } from './prog-array.ts'
export { RINGBUF } from './ringbuf.ts'
export * from './to-json.ts'
