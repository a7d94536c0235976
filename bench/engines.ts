/**
 * How fast programs run, engine beside engine:
 * `npm run bench -- engines [--only=TEXT] [--rounds=N] [--json=FILE] [--no-kernel]`.
 *
 * Engines: anybpf's interpreter and JIT; the same C compiled natively (clang 19; `CLANG` names another one); the running
 * kernel's JIT, as root on Linux; ubpf's and rbpf's JITs where `UBPF` and `RBPF` are paths of runners (see
 * `bench/engines/peers`). Each has to give the result that the others give before it is timed. All are timed in turns, round
 * by round, in processor time (the kernel by its own clock), and of the ratios in each round medians are taken: what else the machine
 * does meets all alike.
 * @module
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { arch, cpus, loadavg, release } from 'node:os'
import { fileURLToPath } from 'node:url'
import { AnybpfEngine } from './engines/anybpf.ts'
import { type Engine, Refusal, type Subject } from './engines/engine.ts'
import { NativeEngine, PeerEngine } from './engines/external.ts'
import { KernelEngine } from './engines/kernel.ts'
import { printReport, type Result, summarize } from './engines/report.ts'
import { captureWorkloads, EMPTY, mapWorkloads, memoryWorkloads, NOTHING, type Workload } from './engines/workloads.ts'

const ROUNDS = 15
/** How long one engine runs in one round. */
const STRETCH_NS = 4e6
const CALIBRATIONS = 3
const SLOT_BYTES = 8

const option = (name: string): string | undefined =>
  process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3)
const only = option('only') ?? ''
const rounds = Number(option('rounds') ?? ROUNDS)
const jsonFile = option('json')

interface Timed {
  readonly engine: string
  readonly subject: Subject
  readonly count: number
  readonly times: number[]
}

/** How many runs take about a stretch. The least of some times: one can have the engine's compiler, or its garbage collector, in it. */
async function calibrate(subject: Subject, packets: number): Promise<number> {
  for (let count = 1; ; count *= 4) {
    let ns = Number.POSITIVE_INFINITY
    for (let i = 0; i < CALIBRATIONS; i++) ns = Math.min(ns, (await subject.time(count)) * packets)
    if (ns * count > STRETCH_NS / 8 || count > 1e7) return Math.max(1, Math.round(STRETCH_NS / ns))
  }
}

/** Opens a workload in all engines. Throws if two of them do not agree. */
async function openAll(workload: Workload, engines: readonly Engine[], result: Result): Promise<Timed[]> {
  const open: Timed[] = []
  let expected: { readonly engine: string; readonly outcome: string } | undefined
  for (const engine of engines) {
    try {
      const subject = await engine.open(workload)
      expected ??= { engine: engine.name, outcome: subject.outcome }
      if (subject.outcome !== expected.outcome) {
        const [a, b] = [`${expected.engine}: ${expected.outcome}`, `${engine.name}: ${subject.outcome}`]
        throw new Error(`${workload.name}: engines disagree: ${a}; ${b}`)
      }
      if (subject.size !== undefined) result.size = subject.size
      const count = await calibrate(subject, workload.kind === 'memory' ? 1 : workload.packets.length)
      const times: number[] = []
      result.rounds[engine.name] = times
      open.push({ engine: engine.name, subject, count, times })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      result.refused[engine.name] = error.message
    }
  }
  return open
}

/** In a process of its own, which knows no other programs. */
function entryCosts(live: number): Record<string, number> {
  const main = fileURLToPath(new URL('main.mjs', import.meta.url))
  const { stdout, stderr, status } = spawnSync(process.execPath, [main, 'entries', `--live=${live}`, '--json'], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`bench entries: ${stderr}`)
  const costs = JSON.parse(stdout) as Record<string, number>
  return Object.fromEntries(
    Object.entries(costs).map(([way, ns]) => [`${way}; ${live} program${live === 1 ? '' : 's'} live`, ns]),
  )
}

/** Each in processes of its own. */
function compileCosts(): unknown {
  const main = fileURLToPath(new URL('main.mjs', import.meta.url))
  const { stdout, stderr, status } = spawnSync(process.execPath, [main, 'compile', '--json'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`bench compile: ${stderr}`)
  return JSON.parse(stdout)
}

const engines: Engine[] = []
for (const make of [
  () => new AnybpfEngine('interpreter'),
  () => new AnybpfEngine('jit'),
  () => new AnybpfEngine('guarded'),
  () => new NativeEngine(),
  ...(process.argv.includes('--no-kernel') ? [] : [() => new KernelEngine()]),
  () => new PeerEngine('ubpf'),
  () => new PeerEngine('rbpf'),
]) {
  const engine: Engine = make()
  if (engine.unavailable === undefined) engines.push(engine)
  else {
    console.log(`without ${engine.name}: ${engine.unavailable}`)
    engine.close()
  }
}

const memory = memoryWorkloads()
const maps = mapWorkloads()
// The empty ones are what the kernel's figures are net of.
const wanted = ({ name }: Workload): boolean => name === EMPTY || name === NOTHING || name.includes(only)
const workloads: Workload[] = [...memory, ...maps, ...captureWorkloads()].filter(wanted)
if (only !== '' && !workloads.some(({ name }) => name.includes(only))) {
  const names = [...memory, ...maps, ...captureWorkloads()].map(({ name }) => name)
  console.error(`--only=${only}: no workload has that in its name; there are ${names.join(', ')}`)
  process.exit(2)
}
const load = loadavg()[0]!
const results: Result[] = []
const timed: Timed[] = []
for (const workload of workloads) {
  const insns = workload.kind === 'memory' ? workload.code.length / SLOT_BYTES : 0
  const result: Result = { name: workload.name, kind: workload.kind, insns, rounds: {}, ns: {}, refused: {} }
  results.push(result)
  timed.push(...(await openAll(workload, engines, result)))
}
for (let round = 0; round < rounds; round++) {
  for (const { subject, count, times } of timed) times.push(await subject.time(count))
}
summarize(results)
const ways = only === '' ? { ...entryCosts(1), ...entryCosts(6) } : {}
for (const engine of engines) engine.close()

const names = engines.map(({ name }) => name)
const machine = {
  cpu: cpus()[0]?.model ?? arch(),
  cores: cpus().length,
  system: `${process.platform} ${release()}`,
  node: process.version,
  load,
}
printReport(results, ['jit', ...names.filter((name) => name !== 'jit')], ways)
console.log(
  `\n${machine.cpu}, ${machine.cores} cores, ${machine.system}, Node ${machine.node}; load ${load.toFixed(1)} at the ` +
    `start; medians of ${rounds} rounds`,
)
if (jsonFile !== undefined) {
  const workloads = results.map(({ name, kind, insns, ns, refused, size }) => ({
    name,
    kind,
    insns,
    ns,
    refused,
    size,
  }))
  const date = new Date().toISOString()
  const compile = only === '' ? compileCosts() : []
  const json = { date, machine, rounds, entryNs: ways, workloads, compile }
  writeFileSync(
    jsonFile,
    `${JSON.stringify(json, (_, value) => (typeof value === 'number' ? round(value) : value), 2)}\n`,
  )
}

/** Three decimals say more than was measured. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
