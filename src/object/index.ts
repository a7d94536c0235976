/**
 * BPF object files: from ELF and BTF to programs, functions and maps as data.
 * @module
 */
export { type CoreExplanation, type CorePlace, explainCore } from './core-explanation.ts'
export { CoreRelocations, type CoreRelocationsOptions, type ResolvedCoreRelocation } from './core-relocations.ts'
export { emitProgramObject, type NewProgramObject } from './emit-program.ts'
export {
  type LinkedFunction,
  type LinkedProgram,
  type LinkedReference,
  linkProgram,
  MAX_PROGRAM_SLOTS,
} from './link-program.ts'
export { parseObject } from './parse-object.ts'
export { readTypes } from './read-types.ts'
export type * from './spec.ts'
export type { LinkInput } from './static-link/link-input.ts'
export {
  type LinkedObject,
  type LinkedSection,
  type LinkedSymbol,
  linkObjects,
} from './static-link/link-objects.ts'
