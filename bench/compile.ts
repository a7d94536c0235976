/**
 * What compiling a program costs:
 * `npm run bench -- compile [--only=TEXT] [--sizes=N,N...] [--large] [--processes=N] [--json]`.
 *
 * Programs of several kinds (`bench/compile/kinds.ts`) and sizes: *cold*, each in a process that has compiled nothing before,
 * several times; and *warm*, in a process that has compiled the same for a while. By phase: from instructions to the module's bytes,
 * V8's `WebAssembly.Module`, and the rest up to the end of the first run, for which V8 compiles what it calls.
 * `--large`: also 200,000 instructions that nobody verified, and the kinds that some step of a compiler could be slow at.
 * @module
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { BIG_PROGRAMS } from '../scripts/jit/big-programs.ts'
import { formatTextTable, type TableColumn } from '../src/util/index.ts'
import { COMPILE_KINDS } from './compile/kinds.ts'
import type { Measured, Phases } from './compile/measure.ts'
import { median } from './engines/engine.ts'

const SIZES = [400, 4000, 65_536]
const LARGE = 200_000
const PROCESSES = 7
/** Compilations of one process that are measured warm. */
const WARM_ROUNDS = 15
/** Larger programs are compiled by fewer processes, and not warm. */
const SMALL = 10_000
const PROCESSES_LARGE = 3

/** What was measured of one kind and size. */
interface Row {
  readonly kind: string
  readonly insns: number
  readonly verified: boolean
  readonly bytes: number
  /** Medians over the processes, and the least processor time. */
  readonly cold: Phases
  readonly coldLeastCpu: number
  readonly warm: Phases | undefined
}

const option = (name: string): string | undefined =>
  process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3)
const only = option('only') ?? ''
const sizes = option('sizes')?.split(',').map(Number) ?? SIZES
const processes = Number(option('processes') ?? PROCESSES)
const large = process.argv.includes('--large')
const json = process.argv.includes('--json')

function child(bundle: string, args: readonly (string | number)[]): Measured {
  const { stdout, stderr, status } = spawnSync(process.execPath, [bundle, ...args.map(String)], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`bench compile ${args.join(' ')}: ${stderr}`)
  return JSON.parse(stdout) as Measured
}

function measure(bundle: string, kind: string, count: number, verified: boolean): Row {
  const isSmall = count <= SMALL
  const times = isSmall ? processes : Math.min(processes, PROCESSES_LARGE)
  const runs = Array.from({ length: times }, (_, i) =>
    child(bundle, [kind, count, verified ? 'verified' : 'guarded', isSmall && i === 0 ? WARM_ROUNDS : 0]),
  )
  const of = (phase: keyof Phases): number => median(runs.map(({ cold }) => cold[phase]))
  const { insns, bytes, warm } = runs[0]!
  return {
    kind,
    insns,
    verified,
    bytes,
    cold: { translate: of('translate'), module: of('module'), first: of('first'), cpu: of('cpu') },
    coldLeastCpu: Math.min(...runs.map(({ cold }) => cold.cpu)),
    warm,
  }
}

const right = (title: string): TableColumn => ({ title, align: 'right' })
const ms = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)
const total = ({ translate, module, first }: Phases): number => translate + module + first

function print(rows: readonly Row[]): void {
  const columns = [
    { title: 'kind' },
    right('insns'),
    right('bytes'),
    ...['ours', 'Module', '1st run', 'all', 'cpu', 'least cpu', 'ns/insn'].map((title) => right(`cold ${title}`)),
    ...['ours', 'all', 'cpu'].map((title) => right(`warm ${title}`)),
  ]
  const lines = rows.map(({ kind, insns, verified, bytes, cold, coldLeastCpu, warm }) => [
    verified ? kind : `${kind}, not verified`,
    String(insns),
    String(bytes),
    ms(cold.translate),
    ms(cold.module),
    ms(cold.first),
    ms(total(cold)),
    ms(cold.cpu),
    ms(coldLeastCpu),
    String(Math.round((total(cold) * 1e6) / insns)),
    ...(warm === undefined ? ['', '', ''] : [ms(warm.translate), ms(total(warm)), ms(warm.cpu)]),
  ])
  console.log(formatTextTable(columns, lines))
  console.log('milliseconds by the clock; cpu: of the whole process, V8’s helper threads included')
}

interface Bundler {
  withBundle(file: string, use: (bundle: string) => Promise<void>): Promise<void>
}

// Not part of this bundle: it looks for things beside itself.
const { withBundle } = (await import(new URL('../scripts/run-bundled.mjs', import.meta.url).href)) as Bundler
await withBundle(fileURLToPath(new URL('compile/measure.ts', import.meta.url)), async (bundle) => {
  const rows: Row[] = []
  const add = (kind: string, size: number, verified: boolean): void => {
    if (kind.includes(only)) rows.push(measure(bundle, kind, size, verified))
  }
  for (const size of sizes) for (const kind of Object.keys(COMPILE_KINDS)) add(kind, size, true)
  if (large) {
    const kinds = new Set([...Object.keys(COMPILE_KINDS), ...Object.keys(BIG_PROGRAMS)])
    for (const kind of kinds) add(kind, LARGE, false)
  }
  if (json) console.log(JSON.stringify(rows))
  else print(rows)
})
