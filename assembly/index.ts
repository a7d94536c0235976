// The guest runtime: what of anybpf runs inside WebAssembly, next to the compiled programs, over the same linear memory.
export { heapAllocate, heapFree, heapInit, heapUsed } from './heap'
