/**
 * `anybpf run`: load a program and run it, once, many times, or on a capture.
 * @module
 */
import { VerificationError } from '../../loader/index.ts'
import { isAnybpfError } from '../../util/index.ts'
import { explain } from '../../verifier/report/format-report.ts'
import { CliError, EXIT, type ExitStatus, errorToJson, formatError, usageError } from '../errors.ts'
import { readDataOption, readJsonOption } from '../input.ts'
import { formatJson } from '../json.ts'
import { runOnCapture } from '../run/capture-run.ts'
import { printMaps } from '../run/maps.ts'
import { printReport } from '../run/print.ts'
import { measureRuns } from '../run/repeat.ts'
import type { RunReport } from '../run/report.ts'
import { openSession, type Session, type SessionOptions } from '../run/session.ts'
import { type CliIo, createStyle } from '../streams.ts'
import { visible } from '../text.ts'

export interface RunOptions extends SessionOptions {
  readonly pcap?: string
  readonly write?: string
  readonly data?: string
  readonly ctx?: string
  readonly repeat?: number
  readonly fresh?: boolean
  readonly maps?: boolean
  /** Most entries of a map to print. */
  readonly entries: number
  readonly json?: boolean
}

export async function runCommand(file: string, options: RunOptions, io: CliIo): Promise<ExitStatus> {
  checkOptions(options)
  const data = options.data === undefined ? undefined : await readDataOption(options.data, io)
  const session = await open(file, options, data?.length ?? 0, io)
  try {
    warn(file, options, io)
    const context = options.ctx === undefined ? undefined : await readContext(options.ctx, io)
    const outcome =
      options.pcap === undefined
        ? await runOnData(session, options, data, context, io)
        : await onCapture(session, options.pcap, options, context, io)
    const error = outcome.error === undefined ? undefined : session.explain(outcome.error, outcome.packet)
    // An input that the program type cannot take is no outcome of the program.
    if (error?.exit === EXIT.usage) throw error
    const report: RunReport = {
      ...session.report(),
      ...outcome.report,
      ...(error === undefined ? {} : errorToJson(error)),
      maps: options.json ? session.mapsToJson() : {},
    }
    if (options.json) io.stdout.write(formatJson(report))
    else {
      const style = createStyle(io.stdout, io.env)
      const print = { ...(options.pcap === undefined ? {} : { capture: options.pcap }), packet: error === undefined }
      io.stdout.write(printReport(report, print, style))
      if (options.maps) io.stdout.write(printMaps(session.collection, options.entries, style))
    }
    if (error === undefined) return EXIT.ok
    io.stderr.write(`anybpf: ${formatError(error)}\n`)
    return error.exit
  } finally {
    close(session, file, io)
  }
}

/** Nothing in the output of such a run says that it may be wrong. */
function warn(file: string, { engine, verify, json }: RunOptions, io: CliIo): void {
  if (verify || engine !== 'jit' || json === true) return
  const what = 'nobody verified the program, and --engine jit checks no memory access: a bad one goes unnoticed'
  io.stderr.write(`anybpf: ${subjectOf(file)}: warning: ${what} (--engine interpreter checks)\n`)
}

function subjectOf(file: string): string {
  return file === '-' ? 'standard input' : visible(file)
}

/** A program that nobody verified may have overwritten what memory management keeps in the same memory. */
function close(session: Session, file: string, io: CliIo): void {
  try {
    session.dispose()
  } catch (error) {
    if (!isAnybpfError(error) || error.code !== 'ERR_FAULT') throw error
    io.stderr.write(
      `anybpf: ${subjectOf(file)}: warning: the program wrote where nothing is its own (--engine interpreter says where)\n`,
    )
  }
}

/** A rejected program is explained as `verify` explains it, before the error that ends the command. */
async function open(file: string, options: RunOptions, memorySize: number, io: CliIo): Promise<Session> {
  try {
    return await openSession(file, options, memorySize, io)
  } catch (error) {
    if (error instanceof CliError && error.cause instanceof VerificationError && options.json !== true) {
      const style = createStyle(io.stderr, io.env)
      io.stderr.write(`${explain(error.cause.report, { style, clean: visible })}\n`)
    }
    throw error
  }
}

function checkOptions(options: RunOptions): void {
  if (options.pcap !== undefined) {
    if (options.data !== undefined) throw usageError('--pcap and --data both say what to run on: give one')
    if (options.repeat !== undefined) throw usageError('--repeat is for a single input, not for --pcap')
  } else if (options.write !== undefined) {
    throw usageError('--write needs --pcap')
  }
  if (options.write === '-') throw usageError('--write wants a file: standard output has the report')
  if (options.unchecked && options.verify) throw usageError('--unchecked needs --no-verify')
  if (options.fresh && options.repeat === undefined) throw usageError('--fresh needs --repeat')
}

type ContextFields = Readonly<Record<string, unknown>>

async function readContext(value: string, io: CliIo): Promise<ContextFields> {
  const fields = await readJsonOption(value, '--ctx', io)
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw usageError('--ctx wants an object of fields, such as {"mark": 1}')
  }
  return fields as ContextFields
}

/** The part of the report that depends on how the program was run. */
interface Outcome {
  readonly report: Partial<RunReport>
  readonly error?: unknown
  /** Number of the packet on which it ended, of a capture. */
  readonly packet?: number
}

async function runOnData(
  session: Session,
  options: RunOptions,
  packet: Uint8Array | undefined,
  context: ContextFields | undefined,
  io: CliIo,
): Promise<Outcome> {
  const input = { ...(packet === undefined ? {} : { packet }), ...(context === undefined ? {} : { context }) }
  if (packet === undefined && session.type !== 'raw') {
    io.stderr.write('anybpf: no --data and no --pcap: the program runs on an empty packet\n')
  }
  const count = options.repeat ?? 1
  let nsPerRun: number
  try {
    nsPerRun = measureRuns(count, (runs) => session.repeat(input, runs, options.fresh ?? false))
  } catch (error) {
    session.takeEvents()
    return { report: {}, error }
  }
  session.takeEvents()
  return { report: { nsPerRun, ...session.last() } }
}

async function onCapture(
  session: Session,
  pcap: string,
  options: RunOptions,
  context: ContextFields | undefined,
  io: CliIo,
): Promise<Outcome> {
  const { write, realTime } = options
  const captured = await runOnCapture(
    session,
    {
      pcap,
      ...(write === undefined ? {} : { write }),
      ...(context === undefined ? {} : { context }),
      ...(realTime === undefined ? {} : { realTime }),
    },
    io,
  )
  return { report: { packets: captured.packets }, error: captured.error, packet: captured.packets.in }
}
