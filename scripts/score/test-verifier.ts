/**
 * Suite `test_verifier`: the programs of the kernel's verifier tests, against the verdicts of a real 6.18 kernel; with
 * `--no-perfmon`, against its verdicts for an author who may not leak pointers.
 *
 * Besides the agreement it prints, of the rejections that agree, how many fail at the kernel's instruction and with its
 * message, how many instructions were processed in comparison, and what is accepted here that the kernel rejects.
 * Options: `--no-perfmon`, `--only=TEXT` (part of an id or name: for looking into, changes M), `--details`.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { type Btf, parseBtf } from '../../src/btf/index.ts'
import { linux } from '../../src/spec/index.ts'
import type { VerifierProgram, VerifyOptions } from '../../src/verifier/program.ts'
import type { Report } from '../../src/verifier/report/report.ts'
import { verify } from '../../src/verifier/verify.ts'
import type { ScoreCase, ScoreOptions, ScoreResult } from './main.ts'
import {
  type CorpusCase,
  caseOptions,
  caseProgram,
  type KernelVerdict,
  lastInsn,
  lastMessage,
  readVerifierCorpus,
  type VerifierCorpus,
} from './verifier-corpus.ts'

const KERNEL_BTF = '/sys/kernel/btf/vmlinux'
const TIME_LIMIT_MS = 20_000

interface Judged {
  readonly test: CorpusCase
  readonly kernel: KernelVerdict
  readonly result: ScoreCase
  readonly report?: Report
  /** Of a rejection that agrees. */
  readonly sameInsn?: boolean
  readonly sameMessage?: boolean
  /** Instructions processed, ours to the kernel's. */
  readonly ratio?: number
}

export async function score(path: string, options: ScoreOptions): Promise<ScoreResult> {
  const corpus = readVerifierCorpus(path)
  const untrusted = options['no-perfmon'] === true
  const only = typeof options['only'] === 'string' ? options['only'] : ''
  const kernelBtf = readKernelBtf()
  const judged: Judged[] = []
  for (const test of corpus.tests) {
    const kernel = untrusted ? test.linux618_noperfmon : test.linux618
    if (kernel === undefined || kernel.verdict === 'SKIP' || !`${test.id} ${test.name}`.includes(only)) continue
    judged.push(
      judge(corpus, test, kernel, {
        ...caseOptions(test),
        author: untrusted ? 'untrusted' : 'trusted',
        timeLimit: TIME_LIMIT_MS,
        ...(kernelBtf !== undefined && { kernelBtf }),
      }),
    )
  }
  printSummary(judged, options['details'] === true)
  return { cases: judged.map(({ result }) => result) }
}

export function readKernelBtf(): Btf | undefined {
  return existsSync(KERNEL_BTF) ? parseBtf(readFileSync(KERNEL_BTF)) : undefined
}

const PLATFORM = linux('6.18')

function judge(corpus: VerifierCorpus, test: CorpusCase, kernel: KernelVerdict, options: VerifyOptions): Judged {
  const id = `${test.id} ${test.name}`
  const expected = kernel.verdict
  try {
    const program = caseProgram(corpus, test)
    const report = verify(program, PLATFORM, { ...options, explain: false })
    const actual = report.verdict === 'accept' ? 'ACCEPT' : 'REJECT'
    const agree = actual === expected
    const rejection = agree && actual === 'REJECT' ? compareRejection(program, kernel, options) : {}
    const message = kernel.log_tail === undefined ? undefined : lastMessage(kernel.log_tail)
    const note = [
      expected === 'REJECT' ? `kernel: ${message}` : undefined,
      report.error === undefined ? undefined : `here: insn ${report.error.insn}: ${report.error.message}`,
    ].filter((text) => text !== undefined)
    return {
      test,
      kernel,
      report,
      result: { id, expected, actual, agree, ...(note.length > 0 && { note: note.join('; ') }) },
      ...rejection,
      ...(agree && ratioOf(report, kernel)),
    }
  } catch (error) {
    return { test, kernel, result: { id, expected, actual: crash(error), agree: false } }
  }
}

function crash(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const at = error.stack?.split('\n').find((line) => line.includes('/src/'))
  return `${error.name}: ${error.message}${at === undefined ? '' : ` ${at.trim().replace(/\(?\S*\/src\//, 'src/')}`}`
}

/** Runs again with a log, as `--log linux` does, and compares where and why it fails. */
function compareRejection(
  program: VerifierProgram,
  kernel: KernelVerdict,
  options: VerifyOptions,
): Pick<Judged, 'sameInsn' | 'sameMessage'> {
  const { log = '' } = verify(program, PLATFORM, { ...options, explain: false, logLevel: 1 })
  const tail = kernel.log_tail ?? ''
  const sameMessage = lastMessage(log) === lastMessage(tail)
  // The end of the kernel's log may be too short to hold the instruction: the message then has to do.
  const where = lastInsn(tail)
  return { sameInsn: where === undefined ? sameMessage : lastInsn(log) === where, sameMessage }
}

function ratioOf(report: Report, kernel: KernelVerdict): Pick<Judged, 'ratio'> {
  const theirs = kernel.insns_processed ?? Number(/processed (\d+) insns/.exec(kernel.log_tail ?? '')?.[1] ?? 0)
  const ours = report.stats.insnsProcessed
  if (theirs === 0) return ours === 0 ? { ratio: 1 } : {}
  return { ratio: ours / theirs }
}

function printSummary(judged: readonly Judged[], details: boolean): void {
  const agreeing = judged.filter(({ result }) => result.agree)
  const rejected = agreeing.filter(({ result }) => result.actual === 'REJECT')
  const plain = judged.filter(({ test }) => !usesKernelTypes(test))
  console.log(`without kfuncs, kptrs and tracing contexts: ${share(plain, ({ result }) => result.agree)}`)
  console.log(`rejections at the kernel's instruction: ${share(rejected, ({ sameInsn }) => sameInsn === true)}`)
  console.log(`rejections with the kernel's message: ${share(rejected, ({ sameMessage }) => sameMessage === true)}`)

  const ratios = judged.filter(({ ratio }) => ratio !== undefined).sort((a, b) => a.ratio! - b.ratio!)
  const median = ratios[Math.floor(ratios.length / 2)]?.ratio
  console.log(
    `instructions processed to the kernel's: median ${median?.toFixed(2)}, max ${ratios.at(-1)?.ratio?.toFixed(2)}`,
  )
  for (const { test, ratio, report, kernel } of ratios.slice(-8).reverse()) {
    if (ratio! <= 1.2) break
    console.log(
      `  ${ratio!.toFixed(2)}: ${report!.stats.insnsProcessed} to ${kernel.insns_processed}, ${test.id} ${test.name}`,
    )
  }

  const unsafe = judged.filter(({ result }) => result.expected === 'REJECT' && result.actual === 'ACCEPT')
  console.log(`accepted here, rejected by the kernel: ${unsafe.length}`)
  for (const { result } of unsafe) console.log(`  ${result.id} (${result.note})`)

  printGroups('file', judged, ({ test }) => [test.file])
  if (!details) return
  printGroups('uses', judged, ({ test: { uses } }) => [...uses.helpers, ...uses.map_kinds, ...uses.insn_kinds])
  for (const one of rejected) {
    if (one.sameInsn && one.sameMessage) continue
    const { error } = one.report!
    console.log(
      `differs: ${one.test.id} ${one.test.name}\n  kernel: ${lastInsn(one.kernel.log_tail ?? '')}: ${lastMessage(one.kernel.log_tail ?? '')}\n  here:   ${error?.insn}: ${error?.message}`,
    )
  }
}

/** Cases whose verdict hangs on the kernel's own types and functions. */
function usesKernelTypes({ prog_type, uses }: CorpusCase): boolean {
  return uses.kfuncs.length > 0 || uses.map_kinds.includes('map_kptr') || ['TRACING', 'LSM', 'EXT'].includes(prog_type)
}

function share(judged: readonly Judged[], holds: (one: Judged) => boolean): string {
  const count = judged.filter(holds).length
  const percent = judged.length === 0 ? 0 : (100 * count) / judged.length
  return `${count} of ${judged.length} (${percent.toFixed(1)} %)`
}

/** Where the disagreements are. */
function printGroups(what: string, judged: readonly Judged[], groupsOf: (one: Judged) => readonly string[]): void {
  const groups = new Map<string, { agree: number; total: number }>()
  for (const one of judged) {
    for (const name of new Set(groupsOf(one))) {
      const group = groups.get(name) ?? { agree: 0, total: 0 }
      group.total++
      if (one.result.agree) group.agree++
      groups.set(name, group)
    }
  }
  const wrong = [...groups].filter(([, { agree, total }]) => agree < total)
  if (wrong.length === 0) return
  wrong.sort(([, a], [, b]) => b.total - b.agree - (a.total - a.agree))
  console.log(
    `disagreements by ${what}: ${wrong.map(([name, g]) => `${name} ${g.total - g.agree} of ${g.total}`).join(', ')}`,
  )
}
