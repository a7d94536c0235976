// SPDX-License-Identifier: Apache-2.0
// What the firewall decides about packets, with types for its maps, events and constants: firewall.skel.ts was written by
// `anybpf gen skeleton firewall.el.o -o firewall.skel.ts`.
import { Runtime } from 'anybpf'
import { type event, openFirewall } from './firewall.skel.ts'

export interface Audit {
  /** Of each reason, how many packets. */
  readonly packets: ReadonlyMap<event['reason'], bigint>
  /** What the program told of packets that it dropped. */
  readonly events: readonly event[]
}

/** Runs the firewall on packets: `object` is what clang made of firewall.bpf.c. */
export function audit(object: Uint8Array, packets: Iterable<Uint8Array>, blocked: readonly string[]): Audit {
  const firewall = openFirewall(object)
  // Before loading: constants, and how large maps are.
  firewall.globals.rodata.threshold = 40
  firewall.maps.blocked.maxEntries = Math.max(1, blocked.length)

  const runtime = new Runtime()
  try {
    const { programs, maps } = firewall.load(runtime)
    for (const address of blocked) maps.blocked.set({ addr: hostOrder(address) }, 1)
    const events: event[] = []
    for (const packet of packets) {
      programs.firewall.run(packet)
      events.push(...maps.events.drain())
    }
    // One counter for each CPU.
    const counted = [...maps.counters.entries()].map(
      ([reason, counters]) => [reason, counters.reduce((sum, { packets }) => sum + packets, 0n)] as const,
    )
    return { packets: new Map(counted), events }
  } finally {
    runtime.dispose()
  }
}

/** The program keeps addresses in host byte order. */
function hostOrder(address: string): number {
  return address.split('.').reduce((value, part) => value * 256 + Number(part), 0)
}
