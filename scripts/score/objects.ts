/**
 * Suite `objects`: the programs of real objects, against the verdicts of a real kernel. A program that the kernel accepts
 * has to be accepted; one that it rejects has to be rejected at the same instruction or for the same reason.
 *
 * All programs are verified twice in one process, with nothing kept between: the times of both passes are printed.
 * Options: `--only=TEXT` (part of an id: for looking into, changes M), `--once` (one pass), `--slowest=N`.
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Btf } from '../../src/btf/index.ts'
import { VerifyInput } from '../../src/loader/verify-input.ts'
import { type FunctionSpec, type ObjectSpec, type ProgramSpec, parseObject } from '../../src/object/index.ts'
import type { VerifierProgram, VerifyOptions } from '../../src/verifier/program.ts'
import type { Report } from '../../src/verifier/report/report.ts'
import { verify } from '../../src/verifier/verify.ts'
import { findByRow } from './load.ts'
import type { ScoreCase, ScoreOptions, ScoreResult } from './main.ts'
import { MEASURED_KERNEL } from './measured-kernel.ts'
import { readKernelBtf } from './test-verifier.ts'
import { lastInsn } from './verifier-corpus.ts'

interface VerdictRow {
  readonly object: string
  readonly section: string
  readonly function: string
  readonly prog_type: string | null
  readonly insns: number | null
  readonly linux: {
    readonly verdict: string
    readonly processed_insns: number | null
    readonly seconds: number | null
    readonly last_log_line: string | null
    readonly fail_insn: string | null
    readonly prep?: readonly string[] | null
  }
}

/** A hash or LPM map of the corpus was loaded with at most so many entries. */
const MAX_ENTRIES = 8192
const CAPPED_TYPES: ReadonlySet<number> = new Set([1, 5, 9, 10, 11])
const TIME_LIMIT_MS = 30_000
interface Prepared {
  readonly row: VerdictRow
  readonly id: string
  readonly program?: VerifierProgram
  readonly error?: unknown
}

interface Judged {
  readonly prepared: Prepared
  readonly result: ScoreCase
  readonly report?: Report
}

export async function score(path: string, options: ScoreOptions): Promise<ScoreResult> {
  const rows = JSON.parse(readFileSync(join(path, 'verdicts.json'), 'utf8')) as VerdictRow[]
  const only = typeof options['only'] === 'string' ? options['only'] : ''
  const kernelBtf = readKernelBtf()
  const scored = rows.filter(
    (row) => (row.linux.verdict === 'accept' || row.linux.verdict === 'reject') && idOf(row).includes(only),
  )
  const verifyOptions: VerifyOptions = {
    author: 'trusted',
    explain: false,
    timeLimit: TIME_LIMIT_MS,
    ...(kernelBtf !== undefined && { kernelBtf }),
  }
  const judged = pass(path, scored, verifyOptions, 'first')
  if (options['once'] !== true) pass(path, scored, verifyOptions, 'second')
  printSummary(judged, Number(options['slowest'] ?? 8))
  return { cases: judged.map(({ result }) => result) }
}

function idOf({ object, section, function: name }: VerdictRow): string {
  return `${object} ${section} ${name}`
}

/** Everything from the file's bytes on; the time that is told is that of verification alone, as the kernel's is. */
function pass(path: string, rows: readonly VerdictRow[], options: VerifyOptions, name: string): Judged[] {
  const started = performance.now()
  const prepared = prepareAll(path, rows, options.kernelBtf)
  const ready = performance.now()
  const judged = prepared.map((one) => judge(one, options))
  const seconds = (performance.now() - ready) / 1000
  const processed = judged.reduce((sum, { report }) => sum + (report?.stats.insnsProcessed ?? 0), 0)
  const theirs = rows.reduce((sum, { linux: { seconds } }) => sum + (seconds ?? 0), 0)
  console.log(
    `${name} pass: ${seconds.toFixed(2)} s for ${rows.length} programs, ${processed} instructions processed ` +
      `(${((1e6 * seconds) / processed).toFixed(2)} us each); the kernel: ${theirs.toFixed(2)} s; ` +
      `reading the objects: ${((ready - started) / 1000).toFixed(2)} s`,
  )
  return judged
}

function prepareAll(path: string, rows: readonly VerdictRow[], kernelBtf: Btf | undefined): Prepared[] {
  const inputs = new Map<string, { spec: ObjectSpec; input: VerifyInput } | { error: unknown }>()
  return rows.map((row) => {
    const id = idOf(row)
    let opened = inputs.get(row.object)
    if (opened === undefined) {
      opened = open(join(path, row.object), row, kernelBtf)
      inputs.set(row.object, opened)
    }
    if ('error' in opened) return { row, id, error: opened.error }
    const { spec, input } = opened
    try {
      const found = findByRow<FunctionSpec>(row, [...Object.values(spec.programs), ...Object.values(spec.functions)])
      if (found === undefined) throw new Error('not found in the object')
      return { row, id, program: describe(input, found as ProgramSpec, row) }
    } catch (error) {
      return { row, id, error }
    }
  })
}

function open(
  file: string,
  { linux: { prep } }: VerdictRow,
  targetBtf: Btf | undefined,
): { spec: ObjectSpec; input: VerifyInput } | { error: unknown } {
  try {
    const spec = parseObject(readFileSync(file))
    for (const map of Object.values(spec.maps)) {
      if (CAPPED_TYPES.has(map.type) && map.maxEntries > MAX_ENTRIES) map.maxEntries = MAX_ENTRIES
      if (map.maxEntries === 0 && map.kind === 'map') map.maxEntries = 1
    }
    if (prep?.some((step) => /gpl|licen[cs]e/i.test(step)) === true) spec.license = 'GPL'
    return { spec, input: new VerifyInput(spec, MEASURED_KERNEL, { ...(targetBtf !== undefined && { targetBtf }) }) }
  } catch (error) {
    return { error }
  }
}

/** The type is the one that the corpus loaded it as; the attach type the section's, where that is the same type. */
function describe(input: VerifyInput, found: ProgramSpec, row: VerdictRow): VerifierProgram {
  const described = input.program(found)
  const type = row.prog_type ?? found.type
  if (type === described.type) return described
  const { attachType: _, attachTo: __, ...rest } = described
  return { ...rest, type }
}

function judge(prepared: Prepared, options: VerifyOptions): Judged {
  const { row, id, program } = prepared
  const expected =
    row.linux.verdict === 'accept' ? 'accept' : `reject: ${row.linux.fail_insn ?? ''} ${row.linux.last_log_line}`
  if (program === undefined) {
    return { prepared, result: { id, expected, actual: String(prepared.error), agree: false } }
  }
  try {
    const report = verify(program, MEASURED_KERNEL, options)
    const { error } = report
    const actual = error === undefined ? 'accept' : `reject: ${error.insn}: ${error.message}`
    const agree = error === undefined ? row.linux.verdict === 'accept' : rejectsAlike(row, report)
    return { prepared, report, result: { id, expected, actual, agree } }
  } catch (error) {
    const at = error instanceof Error ? (error.stack?.split('\n')[1] ?? '').trim() : ''
    return { prepared, result: { id, expected, actual: `${error} ${at}`, agree: false } }
  }
}

/** At the kernel's instruction, or for its reason. */
function rejectsAlike({ linux: { verdict, fail_insn, last_log_line } }: VerdictRow, { error }: Report): boolean {
  if (verdict !== 'reject' || error === undefined) return false
  if (fail_insn !== null && lastInsn(fail_insn) === error.insn) return true
  // The corpus has the last line of a log that could end without a line break before its statistics.
  return last_log_line?.replace(/processed \d+ insns.*$/, '').trim() === error.message.trim()
}

function printSummary(judged: readonly Judged[], slowest: number): void {
  const accepts = judged.filter(({ prepared: { row } }) => row.linux.verdict === 'accept')
  const rejects = judged.filter(({ prepared: { row } }) => row.linux.verdict === 'reject')
  const share = (some: readonly Judged[]): string => {
    const agree = some.filter(({ result }) => result.agree).length
    return `${agree} of ${some.length} (${((100 * agree) / Math.max(1, some.length)).toFixed(1)} %)`
  }
  console.log(`accepted by the kernel and here: ${share(accepts)}`)
  console.log(`rejected by the kernel and alike here: ${share(rejects)}`)
  const ratios = judged.flatMap(({ prepared: { row }, report, result }) =>
    result.agree && report !== undefined && (row.linux.processed_insns ?? 0) > 0
      ? [{ id: result.id, ratio: report.stats.insnsProcessed / row.linux.processed_insns!, report, row }]
      : [],
  )
  ratios.sort((a, b) => b.ratio - a.ratio)
  console.log(
    `instructions processed to the kernel's: median ${ratios[Math.floor(ratios.length / 2)]?.ratio.toFixed(2)}, ` +
      `min ${ratios.at(-1)?.ratio.toFixed(2)}, max ${ratios[0]?.ratio.toFixed(2)}`,
  )
  for (const { id, ratio, report, row } of ratios.filter((one) => one.ratio > 1.2).slice(0, 8)) {
    console.log(`  ${ratio.toFixed(2)}: ${report.stats.insnsProcessed} to ${row.linux.processed_insns}, ${id}`)
  }
  const byTime = judged.filter(({ report }) => report !== undefined)
  byTime.sort((a, b) => b.report!.stats.ms - a.report!.stats.ms)
  console.log('slowest, first pass:')
  for (const { report, prepared } of byTime.slice(0, slowest)) {
    const { insnsProcessed, ms, peakStates } = report!.stats
    const kernel = prepared.row.linux
    console.log(
      `  ${ms.toFixed(0)} ms, ${insnsProcessed} instructions, ${peakStates} states: ${prepared.id} ` +
        `(kernel ${((kernel.seconds ?? 0) * 1000).toFixed(0)} ms, ${kernel.processed_insns})`,
    )
  }
}
