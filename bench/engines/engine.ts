/**
 * What an engine is to the bench: it opens a workload, says what a run gives, then measures runs.
 * @module
 */
import { bytesToHex } from '../../src/util/index.ts'
import type { Workload } from './workloads.ts'

export interface Engine {
  readonly name: string
  /** Why it is not there; undefined: it is. */
  readonly unavailable?: string | undefined
  /** Throws `Refusal` for a workload that it cannot run. */
  open(workload: Workload): Promise<Subject>
  close(): void
}

export interface Subject {
  /** What the first run gave: equal for all engines. */
  readonly outcome: string
  /** Nanoseconds of processor time per run of `count` runs in a row (of each packet, where there are several). */
  time(count: number): Promise<number>
  readonly size?: CodeSize
}

export interface CodeSize {
  /** From the program's bytes to where it can be run; milliseconds: the first time, and the median of several. */
  readonly firstMs: number
  readonly compileMs: number
  /** Of the module. */
  readonly bytes: number
}

/** An engine does not run this workload. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

const FNV_OFFSET = 0xcbf29ce484222325n
const FNV_PRIME = 0x100000001b3n

/** FNV-1a, as the engines that are programs of their own print it. */
export function fingerprint(bytes: Uint8Array): string {
  let hash = FNV_OFFSET
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * FNV_PRIME) & 0xffffffffffffffffn
  return hash.toString(16).padStart(16, '0')
}

export function memoryOutcome(r0: bigint, memory: Uint8Array): string {
  return `${r0.toString(16).padStart(16, '0')} ${fingerprint(memory)}`
}

/** The values of a map, per CPU those of CPU 0. */
export type MapContents = readonly (Uint8Array | string)[]

/** Return values, and what maps hold afterwards; the order of elements is each engine's own. */
export function objectOutcome(retvals: readonly number[], maps: ReadonlyMap<string, MapContents>): string {
  const text = (bytes: Uint8Array | string): string => (typeof bytes === 'string' ? bytes : bytesToHex(bytes))
  const contents = [...maps]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, values]) => [name, values.map(text).sort()])
  return `${retvals.join(' ')} ${fingerprint(new TextEncoder().encode(JSON.stringify(contents)))}`
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
