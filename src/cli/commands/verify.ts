/**
 * `anybpf verify`: a verdict for each program, and for a rejection, why.
 * @module
 */
import { unverifiable } from '../../loader/verify-object.ts'
import type { Platform } from '../../spec/index.ts'
import { formatTextTable, type TableColumn } from '../../util/index.ts'
import { type Report, type VerifyOptions, verify } from '../../verifier/index.ts'
import { explain } from '../../verifier/report/format-report.ts'
import {
  type CliError,
  type ErrorDocument,
  EXIT,
  type ExitStatus,
  errorToJson,
  formatError,
  toCliError,
  usageError,
} from '../errors.ts'
import { formatJson } from '../json.ts'
import { parsePlatform } from '../platform.ts'
import { formatCount } from '../progress.ts'
import { type CliIo, createStyle, type Style } from '../streams.ts'
import { visible } from '../text.ts'
import { KernelTypes, needsKernelTypes } from '../verify/kernel-types.ts'
import { type Candidate, type Candidates, type ProgramOptions, readCandidates } from '../verify/programs.ts'

export interface VerifyCommandOptions extends ProgramOptions {
  readonly platform?: string
  readonly author?: 'trusted' | 'untrusted'
  readonly btf?: string
  readonly log: 'explain' | 'linux' | 'none'
  /** Default 1. */
  readonly logLevel?: number
  readonly stats?: boolean
  readonly strictAlignment?: boolean
  readonly timeLimit?: number
  readonly insnLimit?: number
  readonly stateLimit?: number
  readonly json?: boolean
}

/** One program of one file, with its verdict. */
interface Verified {
  readonly file: string
  readonly name: string
  readonly section: string | undefined
  readonly type: string
  readonly report: Report
}

export async function verifyCommand(
  files: readonly string[],
  options: VerifyCommandOptions,
  io: CliIo,
): Promise<ExitStatus> {
  if (options.logLevel !== undefined && options.log !== 'linux') throw usageError('--log-level needs --log linux')
  const platform = options.platform === undefined ? undefined : parsePlatform(options.platform)
  const kernel = new KernelTypes(options.btf, io)
  const read = await reader(files, platform, options, kernel, io)
  const style = createStyle(io.stdout, io.env)
  const all: Verified[] = []
  const errors: CliError[] = []
  for (const file of files) {
    try {
      const verified = await verifyAll(file, await read(file), kernel, options)
      all.push(...verified)
      if (!options.json) io.stdout.write(printFile(file, verified, files.length > 1, options, style))
    } catch (error) {
      const told = toCliError(error)
      if (files.length === 1 || concernsCommand(told)) throw error
      errors.push(told)
      io.stderr.write(`anybpf: ${formatError(told)}\n`)
    }
  }
  if (options.json) io.stdout.write(formatJson(toJson(all, errors, kernel)))
  if (errors.length > 0) return EXIT.badInput
  return all.every(({ report }) => report.verdict === 'accept') ? EXIT.ok : EXIT.rejected
}

/** One bad file does not keep the others from being looked at, unless the command itself makes no sense. */
function concernsCommand({ exit }: CliError): boolean {
  return exit === EXIT.usage || exit === EXIT.defect
}

/**
 * Reads files. Of several, all are read beforehand if the options name something that one of them may not have: whether
 * the command makes sense is then known before anything is printed. Otherwise only one is held at a time.
 */
async function reader(
  files: readonly string[],
  platform: Platform | undefined,
  options: VerifyCommandOptions,
  kernel: KernelTypes,
  io: CliIo,
): Promise<(file: string) => Promise<Candidates>> {
  const { program, global, type } = options
  const named = program ?? global ?? type ?? platform
  if (files.length === 1 || named === undefined) return (file) => readCandidates(file, platform, options, kernel, io)
  const known = new Map<string, Candidates | CliError>()
  for (const file of files) {
    if (known.has(file)) continue
    try {
      known.set(file, await readCandidates(file, platform, options, kernel, io))
    } catch (error) {
      const told = toCliError(error)
      if (concernsCommand(told)) throw error
      known.set(file, told)
    }
  }
  return async (file) => {
    const read = known.get(file)!
    if (read instanceof Error) throw read
    return read
  }
}

async function verifyAll(
  file: string,
  candidates: Candidates,
  kernel: KernelTypes,
  options: VerifyCommandOptions,
): Promise<Verified[]> {
  const verified: Verified[] = []
  for (const candidate of candidates.programs) {
    const { name, section, type } = candidate
    const report = await judge(candidate, candidates.platform, kernel, options)
    verified.push({ file, name, section, type, report })
  }
  return verified
}

async function judge(
  { name, type, program, problem }: Candidate,
  platform: Platform,
  kernel: KernelTypes,
  options: VerifyCommandOptions,
): Promise<Report> {
  if (program === undefined) {
    const author = options.author ?? platform.author ?? 'untrusted'
    return unverifiable(name, type, platform, author, problem ?? 'it cannot be linked')
  }
  const kernelBtf = options.btf !== undefined || needsKernelTypes(program, platform) ? await kernel.read() : undefined
  return verify(program, platform, verifyOptions(options, kernelBtf))
}

function verifyOptions(options: VerifyCommandOptions, kernelBtf: VerifyOptions['kernelBtf']): VerifyOptions {
  const { author, timeLimit, insnLimit, stateLimit, log, logLevel = 1, strictAlignment, json } = options
  return {
    explain: log === 'explain' || json === true,
    ...(log === 'linux' && { logLevel: logLevel as 1 | 2 | 4 }),
    ...(kernelBtf !== undefined && { kernelBtf }),
    ...(author !== undefined && { author }),
    ...(timeLimit !== undefined && { timeLimit }),
    ...(insnLimit !== undefined && { insnLimit }),
    ...(stateLimit !== undefined && { stateLimit }),
    ...(strictAlignment === true && { alignment: 'strict' as const }),
  }
}

const COLUMNS: readonly TableColumn[] = [
  { title: 'verdict' },
  { title: 'program' },
  { title: 'type' },
  { title: 'insns processed', align: 'right' },
  { title: 'ms', align: 'right' },
]

const STATISTICS_COLUMNS: readonly TableColumn[] = [
  { title: 'states', align: 'right' },
  { title: 'peak', align: 'right' },
  { title: 'per insn', align: 'right' },
  { title: 'stack' },
]

function printFile(
  file: string,
  verified: readonly Verified[],
  several: boolean,
  options: VerifyCommandOptions,
  style: Style,
): string {
  const first = verified[0]!.report
  const head = `${several ? `${visible(file)}: ` : ''}${first.platform}, for ${first.author === 'trusted' ? 'a trusted' : 'an untrusted'} author`
  const columns = options.stats === true ? [...COLUMNS, ...STATISTICS_COLUMNS] : COLUMNS
  const rows = verified.map(({ name, type, report }) => {
    const { insnsProcessed, ms, states, peakStates, maxStatesPerInsn, stackDepth } = report.stats
    const row = [report.verdict, visible(name), visible(type), formatCount(insnsProcessed), ms.toFixed(1)]
    if (options.stats !== true) return row
    return [...row, formatCount(states), formatCount(peakStates), formatCount(maxStatesPerInsn), stackDepth.join('+')]
  })
  let text = `${style.bold(head)}\n${coloured(formatTextTable(columns, rows), verified, style)}\n`
  for (const one of verified) text += printDetails(one, verified.length > 1, options, style)
  return text
}

/** Verdicts are coloured after the columns were aligned. */
function coloured(table: string, verified: readonly Verified[], style: Style): string {
  return table
    .split('\n')
    .map((line, i) => {
      const verdict = i === 0 ? undefined : verified[i - 1]?.report.verdict
      if (verdict === undefined) return style.dim(line)
      return (verdict === 'accept' ? style.green(verdict) : style.red(verdict)) + line.slice(verdict.length)
    })
    .join('\n')
}

function printDetails(one: Verified, several: boolean, options: VerifyCommandOptions, style: Style): string {
  const title = several ? `\n${style.bold(`${visible(one.name)}:`)}\n` : '\n'
  if (options.log === 'linux') {
    return one.report.log === undefined ? '' : `${title}${one.report.log.split('\n').map(visible).join('\n')}`
  }
  if (options.log === 'none' || one.report.verdict === 'accept') return ''
  return title + explain(one.report, { style, clean: visible })
}

interface VerifyDocument extends Partial<ErrorDocument> {
  readonly programs: readonly unknown[]
}

function toJson(all: readonly Verified[], errors: readonly CliError[], kernel: KernelTypes): VerifyDocument {
  return {
    programs: all.map(({ file, name, section, type, report }) => {
      const { verdict, error, stats, platform, author, log } = report
      return { file, name, section, type, platform, author, verdict, error, stats, log }
    }),
    ...(kernel.source !== undefined && { kernelTypes: kernel.source }),
    ...(errors.length > 0 && { errors: errors.map((error) => errorToJson(error).error) }),
  }
}
