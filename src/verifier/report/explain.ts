/**
 * From a rejection to what a person can use: what is wrong, where, how the program comes there, and what would help.
 * @module
 */
import type { Environment } from '../environment.ts'
import type { Rejection } from '../rejection.ts'
import { REJECTION_CODES } from './codes.ts'
import { formatLinuxInsn } from './linux-insn.ts'
import { lineOf } from './linux-log.ts'
import type { PathRecorder } from './recorder.ts'
import type { ReportError } from './report.ts'

/** `path` is the recorded path to the failure; without it, the explanation is short. */
export function explainRejection(env: Environment, rejection: Rejection, _path: PathRecorder | undefined): ReportError {
  const { code, lines } = rejection
  // A check of the program as a whole has no instruction, unless it names one.
  const insn = rejection.insn ?? (env.statistics.insnsProcessed === 0 ? -1 : env.insn)
  const at = insn >= 0 ? env.insns[insn] : undefined
  const source = at === undefined ? undefined : lineOf(env.program.lines, insn)
  const message = lines.at(-1) ?? code
  return {
    code,
    category: REJECTION_CODES[code],
    reason: message,
    message,
    lines,
    ...(at === undefined
      ? {}
      : { insn, text: formatLinuxInsn(at, { helper: (id) => env.platform.helpers.get(id)?.name }) }),
    ...(source === undefined
      ? {}
      : { source: { file: source.file, line: source.line, column: source.column, text: source.text } }),
    path: [],
  }
}
