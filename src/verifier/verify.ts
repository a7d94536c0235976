/**
 * `verify`: may this program run?
 * @module
 */
import type { Instruction } from '../isa/index.ts'
import type { Platform } from '../spec/index.ts'
import { AnybpfError, milliseconds } from '../util/index.ts'
import { checkInput } from './check-input.ts'
import { checkProgram, createEnvironment } from './check-program.ts'
import type { Environment } from './environment.ts'
import type { VerifierProgram, VerifyOptions } from './program.ts'
import { Rejection } from './rejection.ts'
import { createReport, createTrace, type Trace } from './report/create-report.ts'
import type { Report } from './report/report.ts'

const judged = new WeakMap<Report, readonly Instruction[]>()

/** The instructions that a report is of; undefined if it is none that `verify` gave here. */
export function judgedInstructions(report: Report): readonly Instruction[] | undefined {
  return judged.get(report)
}

/** A rejected program is followed a second time, to tell how it came to that, if that takes at most so many instructions. */
const MAX_TRACED_INSNS = 200_000

/**
 * Judges a program as the platform would. A rejection is a result, not an exception; thrown is only what makes the
 * question senseless: `ERR_USAGE` (a program type that the platform does not have, an option that makes no sense, what is
 * no program), and `ERR_BTF` (types that contradict each other).
 */
export function verify(program: VerifierProgram, platform: Platform, options: VerifyOptions = {}): Report {
  checkInput(program, options)
  if (typeof platform !== 'object' || platform === null || !(platform.helpers instanceof Map)) {
    throw new AnybpfError('ERR_USAGE', 'verify wants a platform: linux(), raw')
  }
  try {
    const given = report(program, platform, options)
    judged.set(given, program.insns)
    return given
  } catch (failure) {
    if (failure instanceof AnybpfError) throw failure
    const what = failure instanceof Error ? failure.message : String(failure)
    throw new AnybpfError('ERR_INTERNAL', `${program.name}: the verifier failed: ${what}`, { cause: failure })
  }
}

function report(program: VerifierProgram, platform: Platform, options: VerifyOptions): Report {
  const start = milliseconds()
  const first = attempt(program, platform, options, undefined, start)
  const ms = milliseconds() - start
  const logLevel = options.logLevel ?? 0
  const explains = first.rejection !== undefined && options.explain !== false
  const traceable = first.env.statistics.insnsProcessed <= MAX_TRACED_INSNS && !isOutOfTime(first)
  if (logLevel === 0 && !(explains && traceable)) return createReport(first.env, { ms, ...outcomeOf(first) })
  const trace = createTrace({ logLevel, explain: explains && traceable })
  const second = attempt(program, platform, withoutObserver(options), trace, start)
  // There was time for the verdict and not for its explanation: the verdict stands, the log ends where time did.
  if (isOutOfTime(second))
    return createReport(first.env, { ms, trace: { ...trace, path: undefined }, ...outcomeOf(first) })
  return createReport(second.env, { ms, trace, ...outcomeOf(second.rejection === undefined ? first : second) })
}

function isOutOfTime({ rejection }: Attempt): boolean {
  return rejection?.code === 'time_limit'
}

function outcomeOf({ rejection }: Attempt): { readonly rejection?: Rejection } {
  return rejection === undefined ? {} : { rejection }
}

/** An observer sees one run, not the one that follows it for the explanation. */
function withoutObserver(options: VerifyOptions): VerifyOptions {
  const { observer: _, ...rest } = options
  return rest
}

interface Attempt {
  readonly env: Environment
  readonly rejection: Rejection | undefined
}

function attempt(
  program: VerifierProgram,
  platform: Platform,
  options: VerifyOptions,
  trace: Trace | undefined,
  start: number,
): Attempt {
  const env = createEnvironment(program, platform, options, start)
  env.log = trace?.observer
  try {
    checkProgram(env)
  } catch (failure) {
    const rejection = rejectionOf(failure)
    rejection.insn ??= env.insn
    return { env, rejection }
  }
  return { env, rejection: undefined }
}

/** Types that a check asks for what they do not have (the size of a function) make a program that is not acceptable. */
function rejectionOf(failure: unknown): Rejection {
  if (failure instanceof Rejection) return failure
  if (failure instanceof AnybpfError && failure.code === 'ERR_BTF')
    return new Rejection('invalid_btf', [failure.message])
  throw failure
}
