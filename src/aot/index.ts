/**
 * Programs that were built ahead of time (`anybpf build`), for places that forbid compiling at run time: what the modules that a
 * build writes import. No verifier, no reader of objects, no compiler.
 * @module
 */

export { CSUM_HELPERS } from '../helpers/csum.ts'
export type { NamedHelper } from '../helpers/definition.ts'
export { EVENT_HELPERS } from '../helpers/events.ts'
export { HASH_HELPERS } from '../helpers/hash.ts'
export { LOOP_HELPERS } from '../helpers/loops.ts'
export { MAP_HELPERS } from '../helpers/maps.ts'
export { PRINT_HELPERS } from '../helpers/print.ts'
export { PROBE_HELPERS } from '../helpers/probe.ts'
export { RAW_HELPERS } from '../helpers/raw.ts'
export { REDIRECT_HELPERS } from '../helpers/redirect.ts'
export { SKB_HELPERS } from '../helpers/skb.ts'
export { STRING_HELPERS } from '../helpers/strings.ts'
export { TAIL_CALL_HELPERS } from '../helpers/tail-call.ts'
export { TASK_HELPERS } from '../helpers/task.ts'
export { TIME_HELPERS } from '../helpers/time.ts'
export { VLAN_HELPERS } from '../helpers/vlan.ts'
export { XDP_HELPERS } from '../helpers/xdp.ts'
export { Batch, type BatchOptions } from '../loader/batch.ts'
export { Collection } from '../loader/collection.ts'
export { Program, type RunBase, type RunResult } from '../loader/program.ts'
export { ARRAY, PERCPU_ARRAY } from '../maps/array.ts'
export { BpfMap } from '../maps/bpf-map.ts'
export { HASH, PERCPU_HASH } from '../maps/hash.ts'
export { LPM_TRIE } from '../maps/lpm-trie.ts'
export { LRU_HASH, LRU_PERCPU_HASH } from '../maps/lru-hash.ts'
export { ARRAY_OF_MAPS, HASH_OF_MAPS } from '../maps/map-in-map.ts'
export { PERF_EVENT_ARRAY } from '../maps/perf-event-array.ts'
export { PROG_ARRAY } from '../maps/prog-array.ts'
export { RINGBUF } from '../maps/ringbuf.ts'
export type {
  ByteSource,
  PacketBytes,
  PacketInput,
  PacketOutput,
  PacketWithContext,
  Verdict,
} from '../programs/input.ts'
export { RAW_PROGRAM, type RawInput, type RawOutput } from '../programs/raw.ts'
export {
  CGROUP_SKB_PROGRAM,
  SCHED_ACT_PROGRAM,
  SCHED_CLS_PROGRAM,
  SOCKET_FILTER_PROGRAM,
  type SocketBufferOutput,
} from '../programs/socket-buffer.ts'
export { XDP_PROGRAM, type XdpInput, type XdpInputWithContext, type XdpOutput } from '../programs/xdp.ts'
export { AnybpfError, type ErrorCode, isAnybpfError } from '../util/errors.ts'
export {
  type CurrentTask,
  type Environment,
  VirtualEnvironment,
  type VirtualEnvironmentOptions,
} from '../vm/environment.ts'
export { BpfFault, type FaultKind } from '../vm/fault.ts'
export type { RunOptions } from '../vm/interpreter.ts'
export type { WasmModule } from '../vm/wasm-types.ts'
export type { BuiltHelper, BuiltMap, BuiltObject, BuiltProgram, BuiltType } from './built-object.ts'
export { type BuiltDefinitions, type InstantiateOptions, instantiateBuilt } from './built-runtime.ts'
