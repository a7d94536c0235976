/**
 * anybpf: BPF, whole, without a kernel. What most programs need; the subpaths (`anybpf/isa`, `anybpf/btf`, `anybpf/net` …)
 * have the rest.
 * @module
 */
export { assemble, decodeProgram, disassemble, encodeProgram, type Instruction } from './isa/index.ts'
export {
  Batch,
  type BatchOptions,
  Collection,
  type Engine,
  type EngineOptions,
  type Extension,
  LoadedSkeleton,
  type LoadOptions,
  openSkeleton,
  Program,
  type ProgramOptions,
  type RunResult,
  Runtime,
  type RuntimeOptions,
  Skeleton,
  type SkeletonDescription,
  type SkeletonLoadOptions,
  type SkeletonTypes,
  VerificationError,
  type VerifyObjectOptions,
  verifyObject,
} from './loader/index.ts'
export {
  BpfMap,
  type Encodable,
  type EventsOf,
  type Immutable,
  type MapOf,
  type MapOfMaps,
  type MapShape,
  type PerCpuMapOf,
  type ProgramArray,
} from './maps/index.ts'
export { type MapSpec, type ObjectSpec, type ProgramSpec, parseObject } from './object/index.ts'
export type {
  ByteSource,
  PacketBytes,
  PacketInput,
  PacketOutput,
  PacketWithContext,
  RawInput,
  RawOutput,
  SocketBufferOutput,
  Verdict,
  XdpInput,
  XdpInputWithContext,
  XdpOutput,
} from './programs/index.ts'
export { linux, type Platform, raw } from './spec/index.ts'
export { AnybpfError, type ErrorCode, isAnybpfError } from './util/index.ts'
export { type Report, type ReportError, type VerifierProgram, type VerifyOptions, verify } from './verifier/index.ts'
export {
  BpfFault,
  type Environment,
  type FaultDetails,
  type FaultKind,
  type RunOptions,
  type TraceHook,
  VirtualEnvironment,
} from './vm/index.ts'
