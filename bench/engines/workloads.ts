/**
 * What is run: programs without helpers, as bare instructions with a piece of memory, and programs of objects on packets.
 *
 * The former are compiled from `bench/workloads/*.c` by `scripts/build-workloads.sh`, for BPF once and for all, natively when
 * they are measured.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseCapture } from '../../src/net/index.ts'

export const WORKLOADS = fileURLToPath(new URL('../workloads', import.meta.url))
const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url))
const CORPUS = join(
  process.env['ANYBPF_CORPUS'] ?? fileURLToPath(new URL('../../../shared/corpus', import.meta.url)),
  'objects',
)

/** One function of memory: `u64 prog(u8 *mem, u64 len)`. */
export interface MemoryWorkload {
  readonly kind: 'memory'
  readonly name: string
  /** Instructions, little-endian. */
  readonly code: Uint8Array
  readonly memory: Uint8Array
  /** What r2 is told. */
  readonly length: number
}

/** A program of an object; each packet is one run. */
export interface ObjectWorkload {
  readonly kind: 'maps' | 'capture'
  readonly name: string
  readonly object: Uint8Array
  readonly program: string
  /** Runs before anything is measured, to fill maps. */
  readonly before: readonly Uint8Array[]
  readonly packets: readonly Uint8Array[]
}

export type Workload = MemoryWorkload | ObjectWorkload

/** A sequence of numbers that looks random, and is the same every time (a linear congruence, the multiplier of Numerical Recipes). */
function* noise(seed: number): Generator<number, never> {
  for (let state = seed >>> 0; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    yield state >>> 16
  }
}

function noisyBytes(length: number, seed: number): Uint8Array {
  const source = noise(seed)
  return Uint8Array.from({ length }, () => source.next().value & 0xff)
}

const FRAME = 128

/** 32 frames of as many kinds as the parser tells apart, in no order. */
function frames(): Uint8Array {
  const memory = noisyBytes(32 * FRAME, 7)
  const source = noise(11)
  for (let at = 0; at < memory.length; at += FRAME) {
    const kind = source.next().value % 8
    let network = at + 14
    const setType = (value: number): void => {
      memory[network - 2] = value >>> 8
      memory[network - 1] = value & 0xff
    }
    if (kind === 0) {
      setType(0x8100)
      network += 4
    }
    if (kind === 7) {
      setType(0x0806)
      continue
    }
    const ipv6 = kind === 5 || kind === 6
    setType(ipv6 ? 0x86dd : 0x0800)
    const protocol = [6, 17, 6, 17, 1][source.next().value % 5]!
    const transport = network + (ipv6 ? 40 : 20)
    if (ipv6) memory[network + 6] = protocol
    else {
      memory[network] = 0x45
      memory[network + 6] = kind === 4 ? 1 : 0x40
      memory[network + 7] = 0
      memory[network + 9] = protocol
    }
    const port = [443, 80, 53, 123, 40000][source.next().value % 5]!
    memory[transport + 2] = port >>> 8
    memory[transport + 3] = port & 0xff
    memory[transport + 13] = source.next().value % 3 === 0 ? 2 : 16
  }
  return memory
}

/** A needle of 8 bytes and 1,000 of a language of two letters, in which it begins often. */
function haystack(): Uint8Array {
  const memory = noisyBytes(1008, 5).map((byte) => (byte < 160 ? 97 : 98))
  memory.set(new TextEncoder().encode('aabaabab'))
  return memory
}

const MEMORIES: Readonly<Record<string, () => { readonly memory: Uint8Array; readonly length?: number }>> = {
  empty: () => ({ memory: new Uint8Array(64) }),
  parse: () => ({ memory: frames() }),
  checksum: () => ({ memory: noisyBytes(1504, 1), length: 1500 }),
  siphash: () => ({ memory: noisyBytes(1496, 2) }),
  sort: () => ({ memory: Uint8Array.from([...noisyBytes(256, 3), ...new Uint8Array(256)]) }),
  matrix: () => ({ memory: Uint8Array.from([...noisyBytes(4096, 4), ...new Uint8Array(2048)]) }),
  sieve: () => ({ memory: new Uint8Array(2048) }),
  collatz: () => ({ memory: new Uint8Array(64) }),
  search: () => ({ memory: haystack() }),
  copy: () => ({ memory: Uint8Array.from([...noisyBytes(1024, 6), ...new Uint8Array(1024)]) }),
}

export const EMPTY = 'empty'

export function memoryWorkloads(): MemoryWorkload[] {
  return Object.entries(MEMORIES).map(([name, make]) => {
    const { memory, length = memory.length } = make()
    return { kind: 'memory', name, code: readFileSync(join(WORKLOADS, `${name}.bin`)), memory, length }
  })
}

const MAP_PROGRAMS = [
  'array_counter',
  'percpu_counter',
  'flow_lookup',
  'flow_update',
  'lru_lookup',
  'lru_update',
  'route_lookup',
]
/** What the others' times are the net of, where an engine's test run costs something by itself. */
export const NOTHING = 'nothing'

export function mapWorkloads(): ObjectWorkload[] {
  const object = readFileSync(join(WORKLOADS, 'maps.el.o'))
  const first = new Uint8Array(64).fill(1, 0, 1)
  return [NOTHING, ...MAP_PROGRAMS].map((program) => ({
    kind: 'maps',
    name: program,
    object,
    program,
    before: [first],
    packets: [new Uint8Array(64)],
  }))
}

/** Real programs: file, program. Those of the corpora are left out where these are not. */
const CAPTURE_PROGRAMS: readonly (readonly [folder: string, file: string, program: string])[] = [
  [EXAMPLES, 'xdp-firewall/firewall.el.o', 'firewall'],
  [CORPUS, 'linux/xdp1_kern.o', 'xdp_prog1'],
  [CORPUS, 'prototype-kernel/xdp_ttl_kern.o', 'xdp_ttl_program'],
]
/** Few, taken from all over the capture: before each packet the kernel's test run waits for a grace period. */
const CAPTURED_PACKETS = 16

export function captureWorkloads(): ObjectWorkload[] {
  const all = parseCapture(readFileSync(join(EXAMPLES, 'captures/mixed.pcap'))).packets
  const step = Math.max(1, Math.floor(all.length / CAPTURED_PACKETS))
  const packets = all
    .filter((_, i) => i % step === 0)
    .slice(0, CAPTURED_PACKETS)
    .map(({ data }) => data.slice())
  return CAPTURE_PROGRAMS.filter(([folder, file]) => existsSync(join(folder, file))).map(([folder, file, program]) => ({
    kind: 'capture',
    name: program,
    object: readFileSync(join(folder, file)),
    program,
    before: [],
    packets,
  }))
}
