/**
 * What the ways into an empty program cost, from the lowest one to the one that gives an object back:
 * `npm run bench -- entries [--live=N] [--rounds=N] [--json]`. `--live`: programs that are loaded and have been run; V8 learns
 * which functions a call leads to, so that a second program can cost the first one something.
 * @module
 */

import { Runtime } from '../src/loader/index.ts'
import { formatTextTable } from '../src/util/index.ts'
import { median } from './engines/engine.ts'
import { openObject, PLATFORM } from './engines/objects.ts'
import { mapWorkloads, NOTHING } from './engines/workloads.ts'

const COUNT = 100_000
const BATCH = 1024
const ROUNDS = 25
const WARM_UP_MS = 300

const option = (name: string): string | undefined =>
  process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3)
const live = Number(option('live') ?? 1)
const rounds = Number(option('rounds') ?? ROUNDS)

const workload = mapWorkloads().find(({ name }) => name === NOTHING)!
const runtime = new Runtime({ platform: PLATFORM })
const { spec } = openObject(workload)
const packet = workload.packets[0]!
const packets = new Array<Uint8Array>(BATCH).fill(packet)

const programs = Array.from({ length: live }, () => {
  const loaded = runtime.load(spec, { programs: [workload.program], engine: 'jit' }).programs[workload.program]!
  return { loaded, address: loaded.layOut(packet) }
})
const { loaded, address } = programs[0]!
const batch = loaded.batch(packets)
const options = { budget: 0 }

/** `(module (memory 1) (func (export "f") (param i32 i32) (result i32) local.get 0))`: what any way from JavaScript into it costs. */
const EMPTY_MODULE = new Uint8Array([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x07, 0x01, 0x60, 0x02, 0x7f, 0x7f, 0x01, 0x7f, 0x03, 0x02],
  ...[0x01, 0x00, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x00],
  ...[0x0a, 0x06, 0x01, 0x04, 0x00, 0x20, 0x00, 0x0b],
])
const { f: bare } = new WebAssembly.Instance(new WebAssembly.Module(EMPTY_MODULE)).exports as {
  readonly f: (a: number, b: number) => number
}

const ways: Record<string, (count: number) => void> = {
  'no BPF: an empty function of WebAssembly': (count) => {
    for (let i = 0; i < count; i++) bare(address, 0)
  },
  'program.runAt(address)': (count) => {
    for (let i = 0; i < count; i++) loaded.runAt(address)
  },
  'program.runBatch(batch), a packet': (count) => {
    for (let i = 0; i < count; i += BATCH) loaded.runBatch(batch)
  },
  'program.runBatch(packets), a packet': (count) => {
    for (let i = 0; i < count; i += BATCH) loaded.runBatch(packets)
  },
  'program.repeat(packet, count), a run': (count) => void loaded.repeat(packet, count),
  'program.invoke(packet)': (count) => {
    for (let i = 0; i < count; i++) loaded.invoke(packet, options)
  },
  'program.run(packet)': (count) => {
    for (let i = 0; i < count; i++) loaded.run(packet, options)
  },
}

/** Time that this process has had a processor; what else runs on the machine does not add to it. */
function processorNs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) * 1000
}

// Others run too: what is learned of one program must not be all that is known.
for (const other of programs) for (let i = 0; i < COUNT; i++) other.loaded.runAt(other.address)
for (let i = 0; i < COUNT; i++) programs[i % live]!.loaded.runAt(programs[i % live]!.address)

const figures: Record<string, number> = {}
for (const [name, way] of Object.entries(ways)) {
  for (const until = performance.now() + WARM_UP_MS; performance.now() < until; ) {
    way(COUNT / 10)
    // Code that was compiled meanwhile is taken up between two runs.
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const before = processorNs()
    way(COUNT)
    times.push((processorNs() - before) / COUNT)
  }
  figures[name] = median(times)
}
runtime.dispose()

if (process.argv.includes('--json')) console.log(JSON.stringify(figures))
else {
  const rows = Object.entries(figures).map(([way, ns]) => [way, ns.toFixed(1)])
  console.log(formatTextTable([{ title: `an empty XDP program, ${live} live` }, { title: 'ns', align: 'right' }], rows))
}
