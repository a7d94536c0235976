/**
 * Results as tables: ratios first, for times say little about another machine.
 * @module
 */
import { formatTextTable, type TableColumn } from '../../src/util/index.ts'
import { type CodeSize, median } from './engine.ts'
import { EMPTY, NOTHING, type Workload } from './workloads.ts'

/** What was measured of one workload. */
export interface Result {
  readonly name: string
  readonly kind: Workload['kind']
  readonly insns: number
  /** Nanoseconds per run, a number each round, by engine. */
  readonly rounds: Record<string, number[]>
  /** What is typical of these (see {@link typical}); of the kernel, and of programs on packets, less that of an empty program. */
  readonly ns: Record<string, number>
  /** By engine, why there is no time. */
  readonly refused: Record<string, string>
  size?: CodeSize
}

/** Engines whose figures are net of what their own harness costs. */
const NET = new Set(['kernel'])

const OWN = new Set(['interpreter', 'jit', 'guarded'])
const PEERS = new Set(['kernel', 'ubpf', 'rbpf'])

/** Engines that the others are compared with, the first that is there. */
const REFERENCES = ['native', 'kernel', 'jit']

/**
 * Nanoseconds per run: the median over the rounds of the time's ratio to the reference's of the same round, as time. A machine that is
 * faster in some rounds than in others, as virtual ones are, meets all engines of a round alike.
 */
function typical(rounds: Result['rounds'], engine: string): number {
  const times = rounds[engine]!
  const reference = rounds[REFERENCES.find((name) => rounds[name]?.length === times.length) ?? engine]!
  return median(times.map((time, i) => time / reference[i]!)) * median(reference)
}

export function summarize(results: readonly Result[]): void {
  const empty = (kind: Workload['kind'], engine: string): number => {
    const result = results.find(({ name }) => name === (kind === 'memory' ? EMPTY : NOTHING))
    return result?.rounds[engine] === undefined ? 0 : typical(result.rounds, engine)
  }
  for (const { name, kind, rounds, ns } of results) {
    for (const engine of Object.keys(rounds)) {
      const isBase = name === EMPTY || name === NOTHING
      const isNet = !isBase && (kind !== 'memory' || NET.has(engine))
      ns[engine] = typical(rounds, engine) - (isNet ? empty(kind, engine) : 0)
    }
  }
}

export function geometricMean(numbers: readonly number[]): number {
  return Math.exp(numbers.reduce((sum, number) => sum + Math.log(number), 0) / numbers.length)
}

const right = (title: string): TableColumn => ({ title, align: 'right' })
const figure = (value: number | undefined, digits: number): string =>
  value === undefined ? '-' : value.toFixed(digits)

/** Times of the JIT and the others as ratios to one engine, then the times. */
function ratios(results: readonly Result[], engines: readonly string[], to: string, means: boolean): string {
  const compared = engines.filter((engine) => engine !== to && results.some(({ ns }) => ns[engine] !== undefined))
  const ratio = ({ ns }: Result, engine: string): number | undefined =>
    (ns[engine] ?? 0) > 0 && (ns[to] ?? 0) > 0 ? ns[engine]! / ns[to]! : undefined
  const rows = results.map((result) => [
    result.name,
    ...compared.map((engine) => figure(ratio(result, engine), 2)),
    ...[to, ...compared].map((engine) => figure(result.ns[engine], Math.abs(result.ns[engine]!) < 100 ? 1 : 0)),
  ])
  const counted = results.filter(({ name }) => name !== EMPTY)
  if (means && counted.length > 0) {
    const mean = (engine: string): string => {
      const found = counted.map((result) => ratio(result, engine)).filter((value) => value !== undefined)
      return found.length === 0 ? '-' : geometricMean(found).toFixed(2) + (found.length < counted.length ? '*' : '')
    }
    rows.push(['geometric mean', ...compared.map(mean)])
  }
  const columns = [
    { title: 'workload' },
    ...compared.map((engine) => right(`${engine}/${to}`)),
    ...[to, ...compared].map((engine) => right(`${engine} ns`)),
  ]
  return formatTextTable(columns, rows)
}

/** Each other engine beside the JIT, over what both ran: the geometric mean of the JIT's time over its. */
function pairs(
  results: readonly Result[],
  engines: readonly string[],
  ns: (result: Result, engine: string) => number,
): string {
  const found = engines.flatMap((engine) => {
    if (OWN.has(engine)) return []
    const both = results.filter(
      (result) => result.name !== EMPTY && result.ns['jit'] !== undefined && ns(result, engine) > 0,
    )
    if (both.length === 0) return []
    const mean = geometricMean(both.map((result) => ns(result, 'jit') / ns(result, engine)))
    return [`jit/${engine} ${mean.toFixed(2)} (${both.length} workloads)`]
  })
  return found.join(', ')
}

/** Where the JIT does worst against the best of the other BPF engines. */
function worst(
  results: readonly Result[],
  engines: readonly string[],
  net: (result: Result, engine: string) => number,
): string {
  let found: { readonly name: string; readonly engine: string; readonly ratio: number } | undefined
  for (const result of results) {
    if (result.name === EMPTY || result.ns['jit'] === undefined) continue
    const peers = engines.filter((engine) => PEERS.has(engine) && net(result, engine) > 0)
    const [engine] = peers.sort((a, b) => net(result, a) - net(result, b))
    if (engine === undefined) continue
    const ratio = net(result, 'jit') / net(result, engine)
    if (found === undefined || ratio > found.ratio) found = { name: result.name, engine, ratio }
  }
  return found === undefined
    ? ''
    : `; at worst ${found.ratio.toFixed(2)} of the best peer's (${found.name}, ${found.engine})`
}

export function printReport(
  results: readonly Result[],
  engines: readonly string[],
  ways: Record<string, number>,
): void {
  const of = (kind: Workload['kind']): Result[] => results.filter((result) => result.kind === kind)
  const plain = of('memory')
  if (plain.length > 0) {
    const to = plain.some(({ ns }) => ns['native'] !== undefined) ? 'native' : 'jit'
    console.log(`Programs without helpers: time as a ratio to ${to}, then nanoseconds per run\n`)
    console.log(ratios(plain, engines, to, true))
    const empty = plain.find(({ name }) => name === EMPTY)!
    const whole = (result: Result, engine: string): number => result.ns[engine] ?? 0
    const net = (result: Result, engine: string): number =>
      whole(result, engine) - (NET.has(engine) ? 0 : whole(empty, engine))
    if (plain.some(({ name }) => name !== EMPTY)) {
      console.log(`\nGeometric means without the empty program: ${pairs(plain, engines, whole)}`)
      console.log(
        `The same net of the empty program, as in a batch: ${pairs(plain, engines, net)}${worst(plain, engines, net)}`,
      )
    }
    if (plain.some(({ ns }) => ns['kernel'] !== undefined)) console.log('Figures of the kernel are net of it always.')
  }
  for (const [kind, title] of [
    ['maps', 'Programs with maps, 64 operations to a run'],
    ['capture', 'XDP programs on a capture, per packet'],
  ] as const) {
    const listed = of(kind)
    if (listed.length === 0) continue
    const to = listed.some(({ ns }) => ns['kernel'] !== undefined) ? 'kernel' : 'jit'
    console.log(`\n${title}, net of the empty one: time as a ratio to ${to}, then nanoseconds per run\n`)
    console.log(ratios(listed, engines, to, false))
  }
  const sizes = plain.filter(({ size }) => size !== undefined)
  if (sizes.length > 0) {
    console.log('\nCompiling, from bytes to where it can be run (before the engine has seen a run)\n')
    const rows = sizes.map(({ name, insns, size }) => [
      name,
      String(insns),
      String(size!.bytes),
      size!.firstMs.toFixed(2),
      size!.compileMs.toFixed(2),
    ])
    const columns = ['instructions', 'module bytes', 'first ms', 'median ms'].map(right)
    console.log(formatTextTable([{ title: 'workload' }, ...columns], rows))
  }
  if (Object.keys(ways).length > 0) {
    console.log('\nAn empty program, by the way it is entered\n')
    const rows = Object.entries(ways).map(([way, ns]) => [way, ns.toFixed(1)])
    console.log(formatTextTable([{ title: 'entry' }, right('ns')], rows))
  }
  for (const { name, refused } of results) {
    for (const [engine, reason] of Object.entries(refused)) {
      if (!reason.startsWith('no maps')) console.log(`\n${engine} does not run ${name}: ${reason}`)
    }
  }
}
