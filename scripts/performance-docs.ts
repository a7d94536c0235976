/**
 * The generated parts of `docs/performance.md`, from `docs/performance.json`, which `npm run bench -- --json=FILE` writes; and the
 * plot.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatMarkdownTable, type TableColumn } from '../src/util/text-table.ts'

interface Workload {
  readonly name: string
  readonly kind: 'memory' | 'maps' | 'capture'
  readonly insns: number
  /** Nanoseconds per run, by engine. */
  readonly ns: Readonly<Record<string, number>>
  readonly size?: { readonly firstMs: number; readonly compileMs: number; readonly bytes: number }
}

/** Milliseconds; see `bench/compile/measure.ts`. */
interface Phases {
  readonly translate: number
  readonly module: number
  readonly first: number
  readonly cpu: number
}

/** See `bench/compile.ts`. */
interface Compilation {
  readonly kind: string
  readonly insns: number
  readonly verified: boolean
  readonly cold: Phases
  readonly coldLeastCpu: number
  readonly warm?: Phases
}

interface Measured {
  readonly date: string
  readonly machine: {
    readonly cpu: string
    readonly cores: number
    readonly system: string
    readonly node: string
    readonly load: number
  }
  readonly rounds: number
  readonly entryNs: Readonly<Record<string, number>>
  readonly workloads: readonly Workload[]
  /** Absent from what was measured before there was such a bench. */
  readonly compile?: readonly Compilation[]
}

const DOCS = join(import.meta.dirname, '..', 'docs')
const EMPTY = 'empty'
/** Engines in the order of columns and bars, with their names for readers. */
const ENGINES: Readonly<Record<string, string>> = {
  jit: 'anybpf',
  guarded: 'anybpf, not verified',
  kernel: 'Linux',
  ubpf: 'ubpf',
  rbpf: 'rbpf',
}

let cached: Measured | undefined

function measured(): Measured {
  cached ??= JSON.parse(readFileSync(join(DOCS, 'performance.json'), 'utf8')) as Measured
  return cached
}

const right = (title: string): TableColumn => ({ title, align: 'right' })
const ratio = (value: number): string => value.toFixed(2)
const ns = (value: number | undefined): string =>
  value === undefined ? '' : value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en')

const of = (kind: Workload['kind']): Workload[] => measured().workloads.filter((workload) => workload.kind === kind)

function geometricMean(numbers: readonly number[]): number {
  return Math.exp(numbers.reduce((sum, number) => sum + Math.log(number), 0) / numbers.length)
}

const present = (kind: Workload['kind']): string[] =>
  Object.keys(ENGINES).filter((engine) => of(kind).some((workload) => workload.ns[engine] !== undefined))

export function machineTable(): string {
  const { machine, date, rounds } = measured()
  return [
    `${machine.cpu}, ${machine.cores} cores; ${machine.system}; Node ${machine.node}; ${date.slice(0, 10)}; load `,
    `${machine.load.toFixed(1)} when it began; medians of ${rounds} rounds.`,
  ].join('')
}

/** Programs without helpers: every engine's time to native, and the means. */
export function plainTable(): string {
  const engines = present('memory')
  const rows = of('memory').map((workload) => [
    workload.name,
    ns(workload.ns['native']),
    ...engines.map((engine) => {
      const value = workload.ns[engine]
      if (value === undefined) return ''
      return workload.name === EMPTY ? `${ns(value)} ns` : ratio(value / workload.ns['native']!)
    }),
  ])
  const counted = of('memory').filter(({ name }) => name !== EMPTY)
  const mean = (engine: string): string =>
    `**${ratio(geometricMean(counted.map((workload) => workload.ns[engine]! / workload.ns['native']!)))}**`
  rows.push(['geometric mean', '', ...engines.map(mean)])
  return formatMarkdownTable(
    [{ title: 'workload' }, right('native, ns'), ...engines.map((engine) => right(ENGINES[engine]!))],
    rows,
  )
}

/** The JIT beside each other engine. */
export function meansTable(): string {
  const counted = of('memory').filter(({ name }) => name !== EMPTY)
  const others = ['native', ...present('memory').filter((engine) => engine !== 'jit')]
  const name = (engine: string): string => (engine === 'native' ? 'clang -O2, native' : ENGINES[engine]!)
  const rows = others.map((engine) => {
    const ratios = counted.map((workload) => workload.ns['jit']! / workload.ns[engine]!)
    const best = counted[ratios.indexOf(Math.min(...ratios))]!
    const worst = counted[ratios.indexOf(Math.max(...ratios))]!
    return [
      name(engine),
      ratio(geometricMean(ratios)),
      `${ratio(Math.min(...ratios))} (${best.name})`,
      `${ratio(Math.max(...ratios))} (${worst.name})`,
    ]
  })
  return formatMarkdownTable(
    [{ title: "anybpf's time to that of" }, right('geometric mean'), right('best'), right('worst')],
    rows,
  )
}

function besideKernel(kind: 'maps' | 'capture', skipped: string): string {
  const rows = of(kind)
    .filter(({ name }) => name !== skipped)
    .map((workload) => {
      const { kernel, jit, interpreter } = workload.ns
      const beside = kernel !== undefined && kernel > 0 && jit !== undefined ? ratio(jit / kernel) : ''
      return [workload.name, ns(kernel), ns(jit), beside, ns(interpreter)]
    })
  return formatMarkdownTable(
    [{ title: 'workload' }, right('Linux, ns'), right('anybpf, ns'), right('ratio'), right('interpreter, ns')],
    rows,
  )
}

export const mapsTable = (): string => besideKernel('maps', 'nothing')
export const captureTable = (): string => besideKernel('capture', 'nothing')

export function compileTable(): string {
  const rows = of('memory').flatMap(({ name, insns, size }) =>
    size === undefined
      ? []
      : [[name, String(insns), String(size.bytes), size.compileMs.toFixed(2), size.firstMs.toFixed(2)]],
  )
  return formatMarkdownTable(
    [
      { title: 'workload' },
      right('instructions'),
      right('module, bytes'),
      right('compiled, ms'),
      right('the first one, ms'),
    ],
    rows,
  )
}

/** Programs of one kind each, in a process that has compiled nothing before and in one that has. */
export function compileKindsTable(): string {
  const { compile = [] } = measured()
  if (compile.length === 0) return '(The run shown did not measure it; `npm run bench -- compile` does.)'
  const ms = (value: number): string => value.toFixed(value < 100 ? 1 : 0)
  const all = ({ translate, module, first }: Phases): number => translate + module + first
  return formatMarkdownTable(
    [
      { title: 'kind' },
      right('instructions'),
      right('cold, ms'),
      right('of that ours'),
      right('`WebAssembly.Module`'),
      right('processor, ms'),
      right('warm, ms'),
      right('processor, ms'),
    ],
    compile.map(({ kind, insns, verified, cold, warm }) => [
      verified ? kind : `${kind}, not verified`,
      insns.toLocaleString('en'),
      ms(all(cold)),
      ms(cold.translate),
      ms(cold.module),
      ms(cold.cpu),
      warm === undefined ? '' : ms(all(warm)),
      warm === undefined ? '' : ms(warm.cpu),
    ]),
  )
}

export function entriesTable(): string {
  return formatMarkdownTable(
    [{ title: 'an empty XDP program' }, right('ns')],
    Object.entries(measured().entryNs).map(([way, value]) => [way, value.toFixed(1)]),
  )
}

// --- the plot ----------------------------------------------------------------------------------------------------------

const COLORS: Readonly<Record<string, string>> = {
  jit: '#1f6feb',
  guarded: '#8db9f7',
  kernel: '#57606a',
  ubpf: '#bf8700',
  rbpf: '#cf222e',
}
const WIDTH = 760
const LEFT = 90
const RIGHT = 60
const BAR = 9
const GAP = 12
const TOP = 44
/** Ratios beyond this one are cut off. */
const LIMIT = 4

/** Bars of time to native, shorter is faster; undefined where nothing has been measured. */
export function plot(): string | undefined {
  if (!existsSync(join(DOCS, 'performance.json'))) return undefined
  const engines = present('memory')
  const counted = of('memory').filter(({ name }) => name !== EMPTY)
  const scale = (value: number): number => (Math.min(value, LIMIT) / LIMIT) * (WIDTH - LEFT - RIGHT)
  const group = engines.length * BAR + GAP
  const height = TOP + counted.length * group + 24
  const parts: string[] = []
  for (let tick = 0; tick <= LIMIT; tick++) {
    const x = LEFT + scale(tick)
    const stroke = tick === 1 ? '#1a7f37' : '#d0d7de'
    parts.push(`<line x1="${x}" y1="${TOP - 6}" x2="${x}" y2="${height - 20}" stroke="${stroke}"/>`)
    parts.push(`<text x="${x}" y="${height - 6}" text-anchor="middle">${tick === 1 ? 'native' : tick}</text>`)
  }
  engines.forEach((engine, i) => {
    const x = LEFT + i * 130
    parts.push(`<rect x="${x}" y="14" width="10" height="10" fill="${COLORS[engine]}"/>`)
    parts.push(`<text x="${x + 15}" y="23">${ENGINES[engine]}</text>`)
  })
  counted.forEach((workload, row) => {
    const top = TOP + row * group
    parts.push(`<text x="${LEFT - 8}" y="${top + (group - GAP) / 2 + 4}" text-anchor="end">${workload.name}</text>`)
    engines.forEach((engine, i) => {
      const value = workload.ns[engine]
      if (value === undefined) return
      const times = value / workload.ns['native']!
      const y = top + i * BAR
      const width = scale(times).toFixed(1)
      parts.push(`<rect x="${LEFT}" y="${y}" width="${width}" height="${BAR - 1}" fill="${COLORS[engine]}"/>`)
      parts.push(`<text x="${LEFT + scale(times) + 4}" y="${y + 8}" font-size="9">${ratio(times)}</text>`)
    })
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11">`,
    '<title>Time of BPF engines to that of native code, programs without helpers; shorter is faster</title>',
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n')
}
