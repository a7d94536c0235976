/**
 * anybpf: BPF, whole, without a kernel. What most programs need; the subpaths (`anybpf/isa`, `anybpf/btf`, `anybpf/net` …)
 * have the rest.
 * @module
 */
export { assemble, decodeProgram, disassemble, encodeProgram, type Instruction } from './isa/index.ts'
export {
  Collection,
  type Extension,
  type LoadOptions,
  Program,
  type RunResult,
  Runtime,
  type RuntimeOptions,
  VerificationError,
  type VerifyObjectOptions,
  verifyObject,
} from './loader/index.ts'
export { BpfMap } from './maps/index.ts'
export { type MapSpec, type ObjectSpec, type ProgramSpec, parseObject } from './object/index.ts'
export { linux, type Platform, raw } from './spec/index.ts'
export { AnybpfError, type ErrorCode, isAnybpfError } from './util/index.ts'
export { type Report, type ReportError, type VerifierProgram, type VerifyOptions, verify } from './verifier/index.ts'
export { BpfFault, type Environment, VirtualEnvironment } from './vm/index.ts'
