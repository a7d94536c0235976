/**
 * From an `ObjectSpec` to running programs: the runtime, what loading gives, and how a runtime is extended.
 * @module
 */
export { Batch, type BatchOptions } from './batch.ts'
export { Collection } from './collection.ts'
export { type AnyProgramTypeDefinition, BUILTIN_EXTENSION, type Definitions, type Extension } from './extension.ts'
export { parseKconfig } from './kconfig.ts'
export type { LoadOptions } from './load-object.ts'
export { type Engine, type EngineOptions, Program, type RunBase, type RunResult } from './program.ts'
export { type ProgramOptions, Runtime, type RuntimeOptions } from './runtime.ts'
export {
  type LoadedGlobals,
  LoadedSkeleton,
  openSkeleton,
  type SectionDescription,
  Skeleton,
  type SkeletonDescription,
  type SkeletonLoadOptions,
  type SkeletonTypes,
} from './skeleton.ts'
export { VerificationError } from './verification.ts'
export { VerifyInput, type VerifyInputOptions } from './verify-input.ts'
export { type VerifyObjectOptions, verifyObject } from './verify-object.ts'
