/**
 * From what a verification left behind to its report. Verification runs without a log; if it rejects the program, or a log
 * is asked for, it runs again with the observers that this makes, and fails in the same place.
 * @module
 */
import type { Environment, VerifierLog } from '../environment.ts'
import { programFacts } from '../facts/program-facts.ts'
import type { Rejection } from '../rejection.ts'
import { State } from '../state.ts'
import { explainRejection } from './explain.ts'
import { LinuxLog, statisticsText } from './linux-log.ts'
import { frameText } from './linux-state.ts'
import { combineLogs, PathRecorder } from './recorder.ts'
import type { Report } from './report.ts'

/** What watches a run that is to be reported on. */
export interface Trace {
  /** For `Environment.log`. */
  readonly observer: VerifierLog
  readonly log: LinuxLog | undefined
  readonly path: PathRecorder | undefined
}

export function createTrace(options: { readonly logLevel: number; readonly explain: boolean }): Trace {
  const log = options.logLevel === 0 ? undefined : new LinuxLog(options.logLevel)
  const path = options.explain ? new PathRecorder() : undefined
  const observers = [log, path].filter((one) => one !== undefined)
  return { observer: observers.length === 1 ? observers[0]! : combineLogs(observers), log, path }
}

/** What became of a run. */
export interface Outcome {
  /** Absent if the program was accepted. */
  readonly rejection?: Rejection
  readonly ms: number
  readonly trace?: Trace
}

/** `env` is that of the run which `outcome` tells of, as it was left. */
export function createReport(env: Environment, outcome: Outcome): Report {
  const { program, platform, statistics } = env
  const { rejection, ms, trace } = outcome
  const stackDepth = env.subprograms.map((subprogram) => subprogram.stackDepth)
  const log = trace?.log
  if (log !== undefined && rejection !== undefined) for (const line of loggedLines(rejection)) log.line(line)
  const accepted = rejection === undefined
  return {
    name: program.name,
    type: program.type,
    platform: platform.name,
    author: env.permissions.allowPointerLeaks ? 'trusted' : 'untrusted',
    verdict: accepted ? 'accept' : 'reject',
    stats: {
      insnsProcessed: statistics.insnsProcessed,
      states: statistics.totalStates,
      peakStates: statistics.peakStates,
      maxStatesPerInsn: statistics.maxStatesPerInsn,
      ms,
      stackDepth,
    },
    ...(accepted ? { facts: programFacts(env) } : { error: explainRejection(env, rejection, trace?.path) }),
    ...(log === undefined ? {} : { log: logText(env, log, accepted, ms) }),
  }
}

/** What Linux logs of a failure: of an endless loop, the two states that are equal. */
function loggedLines({ code, lines, facts }: Rejection): readonly string[] {
  const { current, old } = facts
  if (code !== 'infinite_loop' || !(current instanceof State) || !(old instanceof State)) return lines
  return [
    ...lines,
    `cur state:${frameText(current, current.frame, undefined)}`,
    `old state:${frameText(old, old.frame, undefined)}`,
  ]
}

/** Linux keeps of an accepted program, at level 1, nothing but the statistics. */
function logText(env: Environment, log: LinuxLog, accepted: boolean, ms: number): string {
  const { statistics, subprograms } = env
  const text = accepted && (log.level & 2) === 0 ? '' : log.text()
  return (
    text +
    statisticsText({
      ...statistics,
      insnLimit: env.insnLimit,
      time: ms * 1000,
      subprograms,
    })
  )
}
