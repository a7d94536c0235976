/**
 * Verification on loading: a program that the verifier rejects is not loaded, unless its author asks for that.
 * @module
 */
import type { Instruction } from '../isa/index.ts'
import type { LinkedProgram, ObjectSpec, ProgramSpec } from '../object/index.ts'
import type { Platform } from '../spec/index.ts'
import { AnybpfError } from '../util/index.ts'
import { ANYTHING, checkOptions, type OptionTable } from '../util/options.ts'
import { type VerifyOptions, verify } from '../verifier/index.ts'
import type { Report } from '../verifier/report/report.ts'
import { judgedInstructions } from '../verifier/verify.ts'
import type { LinkedProgram as ExecutableCode } from '../vm/linked-program.ts'
import { VerifyInput, type VerifyInputOptions } from './verify-input.ts'

/** The names of the verifier's options; it tests their values itself. */
const VERIFY_OPTIONS: OptionTable<VerifyOptions> = {
  kernelBtf: ANYTHING,
  author: ANYTHING,
  alignment: ANYTHING,
  testStateFrequency: ANYTHING,
  strictPruning: ANYTHING,
  timeLimit: ANYTHING,
  stateLimit: ANYTHING,
  insnLimit: ANYTHING,
  explain: ANYTHING,
  logLevel: ANYTHING,
  observer: ANYTHING,
}

/**
 * The verifier rejected a program: `report.error` says why, and what would help. `details` has the short of it: `program`,
 * `reason` (the report's code), `insn`, `source`, `fix`.
 */
export class VerificationError extends AnybpfError {
  override readonly name = 'VerificationError'
  declare readonly report: Report

  constructor(report: Report) {
    super('ERR_REJECTED', rejectionLine(report), { details: rejectionDetails(report) })
    // Not enumerable: a console, and Node for an error that nobody catches, would print all of it.
    Object.defineProperty(this, 'report', { value: report })
  }
}

function rejectionDetails({ name, error }: Report): Readonly<Record<string, unknown>> {
  if (error === undefined) return { program: name }
  const { code, insn, source, fix } = error
  return {
    program: name,
    reason: code,
    ...(insn !== undefined && { insn }),
    ...(source !== undefined && { source: `${source.file}:${source.line}` }),
    ...(fix !== undefined && { fix }),
  }
}

/** `firewall: insn 12 (firewall.c:31): R0 may be NULL …`. */
function rejectionLine({ name, error }: Report): string {
  if (error === undefined) return `${name}: rejected`
  const where = error.source === undefined ? '' : ` (${error.source.file}:${error.source.line})`
  const at = error.insn === undefined ? '' : ` insn ${error.insn}${where}:`
  return `${name}:${at} ${error.reason}`
}

/**
 * Throws ERR_USAGE unless `report` is what `verify` said here of these instructions, as a program of this type. Addresses of maps may have
 * been put in since.
 */
export function checkReport(report: Report, insns: readonly Instruction[], type: string): void {
  const judged = judgedInstructions(report)
  if (judged === undefined) throw new AnybpfError('ERR_USAGE', 'the report is none that verify() gave in this process')
  if (report.type !== type) {
    throw new AnybpfError(
      'ERR_USAGE',
      `the report is of a program of type ${report.type}, not ${type}: give the type, too`,
    )
  }
  const other = judged.length === insns.length ? insns.findIndex((insn, i) => !isSame(insn, judged[i]!)) : 0
  if (other >= 0)
    throw new AnybpfError(
      'ERR_USAGE',
      `the report is of another program: ${judged.length} instructions, insn ${other} is another`,
    )
}

function isSame(a: Instruction, b: Instruction): boolean {
  if (a === b || (a.kind === 'lddw' && b.kind === 'lddw' && a.dst === b.dst)) return true
  return JSON.stringify(a) === JSON.stringify(b)
}

/** What an engine is told of a program's verification, if it was accepted. */
export function verifiedAs(report: Report | undefined): Pick<ExecutableCode, 'verified' | 'facts'> {
  if (report?.verdict !== 'accept') return { verified: false }
  return { verified: true, ...(report.facts !== undefined && { facts: report.facts }) }
}

/** Verifies the programs of one object, before they are loaded. */
export class LoadVerifier {
  private readonly input: VerifyInput
  private readonly platform: Platform
  private readonly options: VerifyOptions

  constructor(spec: ObjectSpec, platform: Platform, input: VerifyInputOptions, options: VerifyOptions) {
    checkOptions('verify', options, VERIFY_OPTIONS)
    this.input = new VerifyInput(spec, platform, input)
    this.platform = platform
    this.options = options
  }

  /** The report of an accepted program. Throws {@link VerificationError} for a rejected one. */
  check(program: ProgramSpec, linked: LinkedProgram): Report {
    const report = verify(this.input.describe(program, linked), this.platform, this.options)
    if (report.verdict === 'reject') throw new VerificationError(report)
    return report
  }
}
