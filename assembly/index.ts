// The guest runtime: what of anybpf runs inside WebAssembly, next to the compiled programs, over the same linear memory.
export { heapAllocate, heapFree, heapInit, heapUsed } from './heap'
export { mapCreate } from './control-block'
export {
  arrayInit,
  arrayLookup,
  arrayNextKey,
  arrayUpdate,
  percpuArrayLookup,
  percpuArrayUpdate,
} from './array'
export {
  hashDelete,
  hashDispose,
  hashFindBehind,
  hashInit,
  hashLookup,
  hashNextKey,
  hashNextSlot,
  hashUpdate,
  percpuHashLookup,
  percpuHashUpdate,
} from './hash'
export {
  lruHashDelete,
  lruHashLookup,
  lruHashUpdate,
  lruInit,
  lruPercpuHashLookup,
  lruPercpuHashUpdate,
  lruTouch,
} from './lru'
export { arrayOfMapsLookup, hashOfMapsLookup, mapDelete, mapLookup, mapUpdate } from './map'
export {
  ringbufCommit,
  ringbufInit,
  ringbufOutput,
  ringbufPeek,
  ringbufPop,
  ringbufQuery,
  ringbufReserve,
} from './ringbuf'
export { trieDelete, trieDispose, trieInit, trieLookup, trieNextKey, trieUpdate } from './trie'
