/**
 * Objects that were built ahead of time do what they do otherwise, where nothing can be compiled.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runInContext } from 'node:vm'
import { build as bundler } from 'esbuild'
import { describe, expect, it } from 'vitest'
import * as aot from '../../src/aot/index.ts'
import { buildObject } from '../../src/build/index.ts'
import { Runtime } from '../../src/loader/index.ts'
import { type ObjectSpec, parseObject } from '../../src/object/index.ts'
import { BUILTIN_PROGRAM_TYPES } from '../../src/programs/index.ts'
import { bytesToHex } from '../../src/util/index.ts'
import { parseExample, readExample, readPackets } from '../support/examples.ts'
import { ENGINES } from '../vm/support.ts'
import { forbiddingContext, playBuilt } from './forbidden.ts'
import { play, type Scenario } from './scenario.ts'

const packetsOf = (capture: string, count: number): string[] =>
  readPackets(capture)
    .slice(0, count)
    .map(({ data }) => bytesToHex(data))

const entriesOf = (map: string, key: string) =>
  (JSON.parse(new TextDecoder().decode(readExample(`xdp-load-balancer/${map}.json`))) as [unknown, unknown][]).map(
    ([index, value]) => [key, index, value] as const,
  )

const parseTestObject = (name: string): ObjectSpec =>
  parseObject(new Uint8Array(readFileSync(join(import.meta.dirname, '..', 'objects', `${name}.el.o`))))

/** Between them: arrays, hash tables, LRU, LPM and per-CPU maps, maps of maps and of programs, ring buffers, callbacks, global data. */
const CASES: readonly { name: string; spec: ObjectSpec; scenario: Scenario }[] = [
  {
    name: 'firewall',
    spec: parseExample('xdp-firewall/firewall.el.o'),
    scenario: {
      program: 'firewall',
      maps: [['blocked', { addr: 0x0a000001 }, 1]],
      packets: packetsOf('mixed.pcap', 300),
    },
  },
  {
    name: 'load_balancer',
    spec: parseExample('xdp-load-balancer/load_balancer.el.o'),
    scenario: {
      program: 'balance',
      maps: [...entriesOf('services', 'services'), ...entriesOf('backends', 'backends')],
      packets: packetsOf('lb.pcap', 200),
    },
  },
  {
    name: 'flows',
    spec: parseExample('tc-flows/flows.el.o'),
    scenario: { program: 'count_flows', packets: packetsOf('flows.pcapng', 200) },
  },
  {
    name: 'filter',
    spec: parseExample('socket-tail-calls/filter.el.o'),
    scenario: { program: 'dispatch', packets: packetsOf('mixed.pcap', 200) },
  },
  {
    name: 'stores',
    spec: parseTestObject('stores'),
    scenario: {
      program: 'keep',
      maps: [
        ['routes', { length: 8, address: '10.0.0.0' }, 1],
        ['routes', { length: 24, address: '192.168.1.0' }, 3],
      ],
      packets: packetsOf('mixed.pcap', 200),
    },
  },
]

function playLoaded(spec: ObjectSpec, scenario: Scenario, engine: 'interpreter' | 'jit'): string[] {
  const runtime = new Runtime()
  try {
    return play(runtime.load(spec, { engine }), scenario)
  } finally {
    runtime.dispose()
  }
}

describe('where nothing can be compiled', () => {
  it('nothing can: neither from bytes nor from text', () => {
    const context = forbiddingContext()
    const module = '0,97,115,109,1,0,0,0'
    expect(() => runInContext(`new WebAssembly.Module(new Uint8Array([${module}]))`, context)).toThrow(/disallowed/)
    expect(() => runInContext(`new Function('return 1')`, context)).toThrow(/disallowed/)
  })

  it.each(CASES)('$name does what it does on the other engines', async ({ name, spec, scenario }) => {
    const built = await playBuilt(buildObject(spec, { name }).files, scenario)
    expect(built.length).toBeGreaterThan(2 * scenario.packets.length)
    for (const engine of ENGINES) expect(built, engine).toEqual(playLoaded(spec, scenario, engine))
  })
})

describe('what a built object brings along', () => {
  it('knows program types by the names that the platform has for them', () => {
    for (const { spec } of BUILTIN_PROGRAM_TYPES) {
      const runnable = Object.values(aot).find((value) => 'createContext' in value && value.spec.name === spec.name)
      expect((runnable as typeof aot.XDP_PROGRAM).spec.verdicts).toEqual(spec.verdicts)
    }
  })

  it('is nothing of the verifier, its rules, the compiler, or readers of objects', async () => {
    const { metafile } = await bundler({
      stdin: { contents: "export * from './src/aot/index.ts'", resolveDir: join(import.meta.dirname, '..', '..') },
      ...{ bundle: true, write: false, metafile: true, format: 'esm', platform: 'browser', logLevel: 'silent' },
    })
    const [output] = Object.values(metafile!.outputs)
    const brought = Object.keys(output!.inputs).filter((file) => output!.inputs[file]!.bytesInOutput > 0)
    expect(brought.length).toBeGreaterThan(50)
    // Which members of map values are locks and timers, a map has to know that is put into another one.
    const unwanted =
      /src\/(?:verifier\/(?!calls\/record)|elf|object|spec\/rules|spec\/program-types|vm\/jit\/compile-|vm\/guest-runtime\.generated)/
    expect(brought.filter((file) => unwanted.test(file))).toEqual([])
  })
})
