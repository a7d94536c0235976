/**
 * Suite `test_bpf`: the eBPF programs of the kernel's JIT self-test, unverified, in the interpreter and in the JIT; the low 32 bits of r0.
 * @see https://docs.kernel.org/bpf/bpf_devel_QA.html
 * @module
 */
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { inflateSync } from 'node:zlib'
import { decodeProgram, type Instruction } from '../../src/isa/index.ts'
import { concatBytes, hexToBytes } from '../../src/util/index.ts'
import { type ExecuteRawOptions, executeRaw, type PacketSource } from '../../src/vm/index.ts'
import type { ScoreCase, ScoreResult } from './main.ts'

interface SelfTest {
  readonly name: string
  /** LARGE_MEM: r1 points to `data_size` bytes; other programs do not look at their context. NO_DATA: there is no packet. */
  readonly flags: readonly string[]
  /** Hex; or base64 of zlib of the bytes. */
  readonly insns?: string
  readonly insns_zb64?: string
  readonly tests: readonly Trial[]
  /** Hex: a packet is its first `data_size` bytes, and then `frag_data`. */
  readonly data?: string
  readonly frag_data?: string
}

interface Trial {
  readonly data_size: number
  readonly result: number
}

export async function score(path: string): Promise<ScoreResult> {
  // Every program runs once: optimised code of the largest would be there long after, and the process waits for it.
  setFlagsFromString('--liftoff-only')
  const corpus = JSON.parse(readFileSync(path, 'utf8')) as { readonly tests: readonly SelfTest[] }
  return { cases: corpus.tests.map((test, index) => judge(test, `${index} ${test.name}`)) }
}

function judge(test: SelfTest, id: string): ScoreCase {
  const expected = test.tests.map(({ result }) => hex(result)).join(' ')
  let actual: string
  try {
    const insns = instructionsOf(test)
    actual = test.tests.map((trial) => hex(run(insns, test, trial))).join(' ')
  } catch (error) {
    actual = String(error)
  }
  return { id, expected, actual, agree: test.tests.length > 0 && actual === expected }
}

function instructionsOf(test: SelfTest): Instruction[] {
  const bytes =
    test.insns === undefined
      ? new Uint8Array(inflateSync(Buffer.from(test.insns_zb64 ?? '', 'base64')))
      : hexToBytes(test.insns)
  return decodeProgram(bytes, 'little')
}

const ENGINES: readonly ExecuteRawOptions[] = [
  {},
  { checked: true },
  { engine: 'jit' },
  { engine: 'jit', budget: 0, verified: true },
]

/** The modes of all engines must give the same. */
function run(insns: readonly Instruction[], test: SelfTest, trial: Trial): number {
  const memory = new Uint8Array(test.flags.includes('LARGE_MEM') ? trial.data_size : 0)
  const context = test.flags.includes('NO_DATA') ? undefined : packetOf(test, trial)
  const results = ENGINES.map((engine) => executeRaw(insns, memory, { ...engine, context }).r0)
  const [r0] = results
  if (results.some((other) => other !== r0)) {
    throw new Error(`unchecked, checked, JIT differ: ${results.map((other) => `0x${other.toString(16)}`).join(' ')}`)
  }
  return Number(r0! & 0xffffffffn)
}

/** What LD_ABS and LD_IND read. */
function packetOf(test: SelfTest, trial: Trial): PacketSource {
  const head = hexToBytes(test.data ?? '').subarray(0, trial.data_size)
  const bytes = concatBytes([head, hexToBytes(test.frag_data ?? '')])
  const view = new DataView(bytes.buffer)
  return {
    loadPacket(offset, size) {
      if (offset < 0 || offset + size > bytes.length) return -1
      return size === 1 ? view.getUint8(offset) : size === 2 ? view.getUint16(offset) : view.getUint32(offset)
    },
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`
}
