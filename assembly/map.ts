// Operations on a map of any kind, for callers that know only its address.
import {
  KIND_ARRAY,
  KIND_ARRAY_OF_MAPS,
  KIND_HASH,
  KIND_HASH_OF_MAPS,
  KIND_LPM_TRIE,
  KIND_LRU_HASH,
  KIND_LRU_PERCPU_HASH,
  KIND_PERCPU_ARRAY,
  KIND_PERCPU_HASH,
  MAP_KIND,
} from '../src/vm/guest-layout'
import { arrayLookup, arrayUpdate, percpuArrayLookup, percpuArrayUpdate } from './array'
import { EINVAL } from './control-block'
import { hashDelete, hashLookup, hashUpdate, percpuHashLookup, percpuHashUpdate } from './hash'
import {
  lruHashDelete,
  lruHashLookup,
  lruHashUpdate,
  lruPercpuHashLookup,
  lruPercpuHashUpdate,
} from './lru'
import { trieDelete, trieLookup, trieUpdate } from './trie'

/** The inner map's address in the element, or 0. */
export function arrayOfMapsLookup(map: u32, key: u32, cpu: u32): u32 {
  const element = arrayLookup(map, key, 0)
  return element == 0 ? 0 : load<u32>(element)
}

/** The inner map's address in the element, or 0. */
export function hashOfMapsLookup(map: u32, key: u32, cpu: u32): u32 {
  const element = hashLookup(map, key, 0)
  return element == 0 ? 0 : load<u32>(element)
}

/** What `bpf_map_lookup_elem` answers for a map of one of these kinds; 0 for others. */
export function mapLookup(map: u32, key: u32, cpu: u32): u32 {
  switch (load<u32>(map, MAP_KIND)) {
    case KIND_ARRAY:
      return arrayLookup(map, key, cpu)
    case KIND_PERCPU_ARRAY:
      return percpuArrayLookup(map, key, cpu)
    case KIND_HASH:
      return hashLookup(map, key, cpu)
    case KIND_PERCPU_HASH:
      return percpuHashLookup(map, key, cpu)
    case KIND_ARRAY_OF_MAPS:
      return arrayOfMapsLookup(map, key, cpu)
    case KIND_HASH_OF_MAPS:
      return hashOfMapsLookup(map, key, cpu)
    case KIND_LRU_HASH:
      return lruHashLookup(map, key, cpu)
    case KIND_LRU_PERCPU_HASH:
      return lruPercpuHashLookup(map, key, cpu)
    case KIND_LPM_TRIE:
      return trieLookup(map, key, cpu)
    default:
      return 0
  }
}

/** What `bpf_map_update_elem` answers for a map of one of these kinds; -EINVAL for others. */
export function mapUpdate(map: u32, key: u32, value: u32, flags: u32, cpu: u32): i32 {
  switch (load<u32>(map, MAP_KIND)) {
    case KIND_ARRAY:
      return arrayUpdate(map, key, value, flags, cpu)
    case KIND_PERCPU_ARRAY:
      return percpuArrayUpdate(map, key, value, flags, cpu)
    case KIND_HASH:
      return hashUpdate(map, key, value, flags, cpu)
    case KIND_PERCPU_HASH:
      return percpuHashUpdate(map, key, value, flags, cpu)
    case KIND_LRU_HASH:
      return lruHashUpdate(map, key, value, flags, cpu)
    case KIND_LRU_PERCPU_HASH:
      return lruPercpuHashUpdate(map, key, value, flags, cpu)
    case KIND_LPM_TRIE:
      return trieUpdate(map, key, value, flags, cpu)
    default:
      return -EINVAL
  }
}

/** What `bpf_map_delete_elem` answers for a map of one of these kinds; -EINVAL for others. */
export function mapDelete(map: u32, key: u32): i32 {
  switch (load<u32>(map, MAP_KIND)) {
    case KIND_HASH:
    case KIND_PERCPU_HASH:
      return hashDelete(map, key)
    case KIND_LRU_HASH:
    case KIND_LRU_PERCPU_HASH:
      return lruHashDelete(map, key)
    case KIND_LPM_TRIE:
      return trieDelete(map, key)
    default:
      return -EINVAL
  }
}
