/**
 * CO-RE, "compile once, run everywhere": relocations of a program's types to those of another kernel.
 * @module
 */

export type { CoreMatch } from './match.ts'
export { minimizeBtf } from './minimize.ts'
export { essentialName } from './names.ts'
export {
  CORE_RELOCATION_KINDS,
  type CoreKindName,
  type CoreRelocationKind,
  type CoreSubject,
  coreRelocationKind,
} from './relocation-kinds.ts'
export { type CoreResolution, CoreResolver } from './resolve.ts'
export {
  type CoreAccessor,
  type CoreRecord,
  type CoreSpec,
  describeCoreSpec,
  formatCoreSpec,
  parseCoreSpec,
} from './spec.ts'
