/**
 * What map operations cost: from the host, and from WebAssembly, as a compiled program would call them.
 *   npm run bench -- maps [ENTRIES …]
 * Prints nanoseconds per operation, the fastest of 15 rounds.
 * @module
 */
import { readFileSync } from 'node:fs'
import asc from 'assemblyscript/asc'
import type { HostMapStore, MapTypeDefinition } from '../src/maps/index.ts'
import { ARRAY, HASH, LPM_TRIE, LRU_HASH, LRU_PERCPU_HASH, PERCPU_ARRAY, PERCPU_HASH } from '../src/maps/index.ts'
import { linux, MAP_FLAG } from '../src/spec/index.ts'
import { formatTextTable } from '../src/util/index.ts'
import { VirtualMachine } from '../src/vm/virtual-machine.ts'

/** Loops over keys at `keys`, eight bytes apart, calling the guest runtime. Addresses are summed up, so that nothing is left out. */
const DRIVER = `
// @ts-ignore
@external('runtime', 'lookup') declare function lookup(map: u32, key: u32, cpu: u32): u32
// @ts-ignore
@external('runtime', 'update') declare function update(map: u32, key: u32, value: u32, flags: u32, cpu: u32): i32
export function lookups(map: u32, keys: u32, count: u32): u32 {
  let sum: u32 = 0
  for (let i: u32 = 0; i < count; i++) sum += lookup(map, keys + i * 8, 0)
  return sum
}
export function updates(map: u32, keys: u32, count: u32, value: u32): u32 {
  let sum: u32 = 0
  for (let i: u32 = 0; i < count; i++) sum += update(map, keys + i * 8, value, 0, 0)
  return sum
}
`

interface Driver {
  lookups(map: number, keys: number, count: number): number
  updates(map: number, keys: number, count: number, value: number): number
}

async function compileDriver(): Promise<WebAssembly.Module> {
  let binary: Uint8Array<ArrayBuffer> | undefined
  const { error } = await asc.main(
    ['driver.ts', '--outFile', 'driver.wasm', '--runtime', 'stub', '-O3', '--noAssert'],
    {
      readFile: (name: string) => (name === 'driver.ts' ? DRIVER : readIfThere(name)),
      writeFile: (name: string, contents: unknown) => {
        if (name === 'driver.wasm') binary = contents as Uint8Array<ArrayBuffer>
      },
      listFiles: () => [],
    },
  )
  if (error !== null || binary === undefined) throw error ?? new Error('no driver')
  return new WebAssembly.Module(binary)
}

function readIfThere(name: string): string | null {
  try {
    return readFileSync(name, 'utf8')
  } catch {
    return null
  }
}

/** The fastest of 15 rounds, in nanoseconds of processor time per operation: least disturbed by what else the machine does. */
function measure(operations: number, run: () => void): number {
  const rounds: number[] = []
  for (let i = 0; i < 15; i++) {
    const start = process.cpuUsage()
    run()
    const { user, system } = process.cpuUsage(start)
    rounds.push(((user + system) * 1000) / operations)
  }
  return Math.min(...rounds)
}

const driverModule = await compileDriver()
const rows: string[][] = []

function bench(definition: MapTypeDefinition, lookup: string, update: string, entries: number): void {
  const machine = new VirtualMachine({ platform: linux() })
  const indexed = definition === ARRAY || definition === PERCPU_ARRAY
  const keySize = indexed ? 4 : 8
  const prefixes = definition === LPM_TRIE
  const store: HostMapStore = definition.create(machine, {
    name: 'bench',
    keySize,
    valueSize: 8,
    maxEntries: entries,
    flags: prefixes ? MAP_FLAG.NO_PREALLOC : 0,
    cpus: 1,
  })
  const { memory } = machine
  const keys = memory.allocate(8 * entries)
  const value = memory.allocate(8)
  const growthStart = process.hrtime.bigint()
  for (let i = 0; i < entries; i++) {
    memory.u32[(keys + 8 * i) >>> 2] = (Math.imul(i, 2654435761) % entries) >>> 0
    if (indexed) memory.u32[(keys + 8 * i) >>> 2] = (i * 7919) % entries
    else memory.u32[(keys + 8 * i + 4) >>> 2] = i
    if (prefixes) {
      // Scattered prefixes of 16 to 32 bits.
      memory.u32[(keys + 8 * i) >>> 2] = 16 + (i % 17)
      memory.u32[(keys + 8 * i + 4) >>> 2] = Math.imul(i, 2654435761)
    }
    store.update(keys + 8 * i, value, 0, 0)
  }
  const fill = Number(process.hrtime.bigint() - growthStart) / entries
  const runtime = memory.runtime as unknown as Record<string, WebAssembly.ExportValue>
  const driver = new WebAssembly.Instance(driverModule, {
    runtime: { lookup: runtime[lookup]!, update: runtime[update]! },
  }).exports as unknown as Driver

  const repeat = Math.max(1, Math.ceil(300_000 / entries))
  const operations = entries * repeat
  const times = (run: () => void) =>
    measure(operations, () => {
      for (let i = 0; i < repeat; i++) run()
    })
  const columns = [
    times(() => void driver.lookups(store.address, keys, entries)),
    times(() => void driver.updates(store.address, keys, entries, value)),
    times(() => {
      for (let i = 0; i < entries; i++) store.lookup(keys + 8 * i, 0)
    }),
    times(() => {
      for (let i = 0; i < entries; i++) store.update(keys + 8 * i, value, 0, 0)
    }),
    fill,
  ]
  rows.push([definition.spec.name, String(entries), ...columns.map((ns) => ns.toFixed(1))])
}

const sizes = process.argv.slice(2).map(Number)
for (const entries of sizes.length > 0 ? sizes : [1000, 100_000, 1_000_000]) {
  bench(ARRAY, 'arrayLookup', 'arrayUpdate', entries)
  bench(PERCPU_ARRAY, 'percpuArrayLookup', 'percpuArrayUpdate', entries)
  bench(HASH, 'hashLookup', 'hashUpdate', entries)
  bench(PERCPU_HASH, 'percpuHashLookup', 'percpuHashUpdate', entries)
  bench(LRU_HASH, 'lruHashLookup', 'lruHashUpdate', entries)
  bench(LRU_PERCPU_HASH, 'lruPercpuHashLookup', 'lruPercpuHashUpdate', entries)
  bench(LPM_TRIE, 'trieLookup', 'trieUpdate', entries)
}
const right = (title: string) => ({ title, align: 'right' as const })
process.stdout.write(
  `${formatTextTable(
    [
      { title: 'map (8-byte values)' },
      right('entries'),
      right('wasm lookup'),
      right('wasm update'),
      right('host lookup'),
      right('host update'),
      right('host insert'),
    ],
    rows,
  )}\nns per operation, fastest of 15 rounds (insert: once); Node ${process.version}\n`,
)
