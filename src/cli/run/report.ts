/**
 * What `run` found out, as plain data: the document of `run --json`, and what its text is made from.
 * @module
 */
import type { ErrorDocument } from '../errors.ts'

/** An event that the program sent through a ring buffer or a perf event array. */
export interface EventReport {
  readonly map: string
  /** Where the perf event was sent from. */
  readonly cpu?: number
  /** Number of the packet, from 1, that the program was looking at; only with a capture. */
  readonly packet?: number
  /** Decoded by BTF, or hexadecimal. */
  readonly data: unknown
}

export interface RedirectReport {
  /** What the program asked for: `ifindex 3`, `devmap 2` … */
  readonly target: string
  readonly count: number
}

export interface PacketReport {
  readonly in: number
  readonly out: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Packets a second, of the whole: reading, running, writing. */
  readonly perSecond: number
}

/** Keys are never renamed; `run` adds others as it learns more. */
export interface RunReport {
  readonly program: string
  readonly type: string
  readonly engine: string
  readonly verified: boolean
  /** Every memory access was checked. */
  readonly checked: boolean
  readonly runs: number
  /**
   * What the last run returned: the low 32 bits of r0, unsigned; of a raw program all 64 bits, as a string beyond 2^53.
   * Null if no run came to an end.
   */
  readonly retval: number | string | null
  /** The name of the last run's return value, where the program type has one. */
  readonly verdict?: string
  /** Of a raw program: r0 in hexadecimal. */
  readonly r0?: string
  /** Without laying inputs out and reading results: the median of rounds with `--repeat`, else the mean. Null if no run came to an end. */
  readonly nsPerRun: number | null
  /** Making the program ready to run: relocation, maps, lowering. */
  readonly compileMs: number
  /** How often each verdict was given, values without a name as numbers; with `--repeat` only the last run's. */
  readonly verdicts: Readonly<Record<string, number>>
  /** What the program printed: the first lines. */
  readonly output: readonly string[]
  /** All lines that it printed. */
  readonly outputLines: number
  /** The first events. */
  readonly events: readonly EventReport[]
  readonly eventCount: number
  readonly redirects: readonly RedirectReport[]
  readonly maps: Readonly<Record<string, unknown>>
  /** Only with a capture. */
  readonly packets?: PacketReport
  /** The packet, or the memory, after a single run. */
  readonly packet?: Uint8Array
  /** The context's fields after a single run. */
  readonly context?: unknown
  /** Why it ended early. */
  readonly error?: ErrorDocument['error']
}
