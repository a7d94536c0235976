/**
 * One computation for every host: the page does it in a browser, the test does it in Node, and the results are compared.
 * @module
 */
import type { parseObject, Runtime } from 'anybpf'
import type { parseCapture } from 'anybpf/net'

/** The library, as the host has it. */
export interface Library {
  readonly parseObject: typeof parseObject
  readonly Runtime: typeof Runtime
  readonly parseCapture: typeof parseCapture
}

/** Plain JSON: 64-bit integers are texts. */
export interface FirewallResult {
  /** The verdict of every packet, in order. */
  readonly verdicts: readonly (string | number)[]
  readonly counters: readonly unknown[]
  /** Bytes of the ring buffer's records. */
  readonly events: readonly (readonly number[])[]
  readonly printed: readonly string[]
}

export function runFirewall(library: Library, object: Uint8Array, capture: Uint8Array): FirewallResult {
  const printed: string[] = []
  const runtime = new library.Runtime({ print: (line) => printed.push(line) })
  const { programs, maps } = runtime.load(library.parseObject(object), { globals: { threshold: 40 } })
  for (const addr of [0xc6336407, 0xcb007101]) maps['blocked']!.set({ addr }, 1)
  const verdicts: (string | number)[] = []
  const events: number[][] = []
  for (const packet of library.parseCapture(capture).packets) {
    verdicts.push(programs['firewall']!.run(packet.data).verdict)
    for (let record = maps['events']!.readRecord(); record !== undefined; record = maps['events']!.readRecord()) {
      events.push([...record.bytes])
    }
  }
  const counters = [...maps['counters']!.entries()]
  runtime.dispose()
  return JSON.parse(JSON.stringify({ verdicts, counters, events, printed }, text)) as FirewallResult
}

function text(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}` : value
}
