/**
 * The verifier: whether a program may run, and if not, why not.
 *
 * `verify(program, platform)` gives a `Report`. A program is plain data; `anybpf/loader` makes one of an object's
 * program, and a program can be written down by hand.
 * @module
 */

export { decodeForVerifier } from './decode.ts'
export type {
  InvalidInstruction,
  VerifierFunction,
  VerifierLine,
  VerifierMap,
  VerifierObserver,
  VerifierProgram,
  VerifierReference,
  VerifyOptions,
} from './program.ts'
export { REJECTION_CATEGORIES, REJECTION_CODES, type RejectionCategory, type RejectionCode } from './report/codes.ts'
export { type ExplainOptions, type ExplainStyle, explain } from './report/format-report.ts'
export type {
  PathStep,
  Report,
  ReportError,
  ReportStatistics,
  SourceLocation,
  ValueEvent,
} from './report/report.ts'
export { verify } from './verify.ts'
