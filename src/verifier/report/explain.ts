/**
 * From a rejection to what a person can use: what is wrong, where, how the program comes there, what is known of the
 * value at fault and where it came from, and what would help.
 * @module
 */
import type { Environment } from '../environment.ts'
import type { Rejection } from '../rejection.ts'
import { ADVICE } from './advice/table.ts'
import { REJECTION_CODES, type RejectionCode } from './codes.ts'
import type { KnownValue } from './conditions.ts'
import { describePath } from './path.ts'
import type { PathRecorder } from './recorder.ts'
import type { ReportError } from './report.ts'
import { type NamedValue, Scene } from './scene.ts'
import { insnText } from './value-history.ts'

/** What Linux has no limit for: the time and the memory that a verification takes. */
const OWN_CODES: ReadonlySet<RejectionCode> = new Set(['time_limit', 'memory_limit'])

/** `path` is the recorded path to the failure; without it, the explanation tells neither turns nor origins. */
export function explainRejection(env: Environment, rejection: Rejection, path: PathRecorder | undefined): ReportError {
  const { code, lines } = rejection
  // A check of the program as a whole has no instruction, unless it names one.
  const slot = rejection.insn ?? (env.statistics.insnsProcessed === 0 ? -1 : env.insn)
  const scene = new Scene(env, rejection, slot, path?.steps ?? [])
  const { reason, fix } = ADVICE[code](scene)
  const value = scene.index ?? scene.value
  const explored = path !== undefined && path.steps.at(-1)?.insn === slot
  // An endless loop is seen before its first instruction is looked at again.
  const followed = explored || (path !== undefined && code === 'infinite_loop')
  const turns = followed ? describePath(env, path.steps, knownValue(value)) : { turns: [], omitted: 0 }
  const name = env.subprograms.length > 1 ? env.subprograms[env.subprogramOf[slot] ?? -1]?.name : undefined
  return {
    code,
    category: REJECTION_CODES[code],
    reason,
    message: scene.message,
    saidByLinux: !OWN_CODES.has(code) && rejection.facts['own'] !== true,
    lines,
    ...(scene.insn !== undefined && { insn: slot, text: insnText(env, slot) }),
    ...(scene.source !== undefined && { source: scene.source }),
    ...(name !== undefined && name !== '' && { function: name }),
    path: turns.turns,
    ...(turns.omitted > 0 && { pathOmitted: turns.omitted }),
    ...(explored && value !== undefined && { value: describeValue(scene, value) }),
    ...(fix !== undefined && { fix }),
  }
}

/** A number at fault, for the comparisons on the way. */
function knownValue(value: NamedValue | undefined): KnownValue | undefined {
  const { name, traced } = value ?? {}
  if (name === undefined || traced === undefined || traced.added !== 0) return undefined
  return { originStep: traced.originStep, name }
}

function describeValue(scene: Scene, value: NamedValue): NonNullable<ReportError['value']> {
  return {
    register: `r${value.regno}`,
    ...(value.name !== undefined && { name: value.name }),
    known: scene.known(value),
    history: value.traced.history,
  }
}
