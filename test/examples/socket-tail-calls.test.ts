/**
 * The socket filter with tail calls, against a statement of what it keeps in TypeScript over dissected packets.
 */

import { describe, expect, it } from 'vitest'
import { assemble } from '../../src/isa/index.ts'
import { Runtime } from '../../src/loader/index.ts'
import { dissect, ethernet, ipv4, type TcpLayer, tcp, type UdpLayer, udp } from '../../src/net/index.ts'
import { parseExample, readPackets } from '../support/examples.ts'
import { ENGINES } from '../vm/support.ts'

const KEEP_ALL = 0xffff_ffff
const SNAP_LENGTH = 64

describe.each(ENGINES)('on the %s:', (engine) => {
  function load(programs?: readonly string[]) {
    const runtime = new Runtime()
    const collection = runtime.load(
      parseExample('socket-tail-calls/filter.el.o'),
      programs === undefined ? { engine } : { engine, programs },
    )
    const { tallies, protocols } = collection.maps
    return { runtime, collection, dispatch: collection.programs['dispatch']!, tallies: tallies!, protocols: protocols! }
  }

  /** The protocol that a packet is counted under, and how many bytes of it the socket gets. */
  function judge(packet: Uint8Array): { protocol: number; keep: number } {
    const { layers } = dissect(packet)
    const [link, ip] = layers
    // The kernel tells the protocol from the first type field: a tagged packet is not IPv4.
    if (link?.kind !== 'ethernet' || link.etherType !== 0x0800) return { protocol: 0, keep: 0 }
    if (packet.length < 34) return { protocol: 0, keep: 0 }
    const protocol = packet[23]!
    const at = 14 + 4 * (packet[14]! & 15)
    const transport = layers[2]
    switch (protocol) {
      case 1:
        return { protocol, keep: KEEP_ALL }
      case 6: {
        // Where headers are intact the dissection says it, else the byte at their place.
        const flags =
          transport?.kind === 'tcp' && ip?.kind === 'ipv4' ? closing(transport) : ((packet[at + 13] ?? 0) & 7) !== 0
        return { protocol, keep: flags ? SNAP_LENGTH : 0 }
      }
      case 17: {
        const ports = transport?.kind === 'udp' ? portsOf(transport) : portsAt(packet, at)
        return { protocol, keep: ports.includes(53) ? KEEP_ALL : 0 }
      }
      default:
        return { protocol, keep: 0 }
    }
  }

  function closing({ flags }: TcpLayer): boolean {
    return flags.includes('syn') || flags.includes('fin') || flags.includes('rst')
  }

  function portsOf({ sport, dport }: UdpLayer): number[] {
    return [sport, dport]
  }

  function portsAt(packet: Uint8Array, at: number): number[] {
    if (packet.length < at + 4) return []
    return [(packet[at]! << 8) | packet[at + 1]!, (packet[at + 2]! << 8) | packet[at + 3]!]
  }

  describe.each(['mixed.pcap', 'flows.pcapng', 'lb.pcap'])('the socket filter on %s', (capture) => {
    const { dispatch, tallies } = load()
    const packets = readPackets(capture).map(({ data }) => data)
    const runs = packets.map((packet) => ({ run: dispatch.run(packet), ...judge(packet) }))

    it('keeps as many bytes of each packet as its protocol says', () => {
      expect(runs.map(({ run }) => run.retval)).toEqual(runs.map(({ keep }) => keep))
      expect(new Set(runs.map(({ keep }) => keep)).size).toBe(3)
    })

    it('tallies packets and kept ones by protocol', () => {
      const expected = new Map<number, { packets: bigint; kept: bigint }>()
      for (const { protocol, keep } of runs) {
        const tally = expected.get(protocol) ?? { packets: 0n, kept: 0n }
        expected.set(protocol, tally)
        tally.packets++
        if (keep !== 0) tally.kept++
      }
      expect(new Map(tallies.entries() as Iterable<[number, unknown]>)).toEqual(expected)
    })
  })

  describe('the socket filter', () => {
    const handshake = ethernet(ipv4({}, tcp({ flags: ['syn'], sport: 1, dport: 2 })))
    const query = ethernet(ipv4({}, udp({ sport: 4000, dport: 53 }, 'question')))

    it('has the programs of the static initialiser in its prog_array, and no others', () => {
      const { runtime, collection, protocols } = load()
      const names = new Map(Object.values(collection.programs).map(({ executable, name }) => [executable.index, name]))
      const slots = [...protocols].map(([protocol, index]) => [protocol, names.get(index as number)])
      expect(slots).toEqual([
        [1, 'filter_icmp'],
        [6, 'filter_tcp'],
        [17, 'filter_udp'],
      ])
      runtime.dispose()
    })

    it('loads the targets of its tail calls with the one program that was asked for', () => {
      const { runtime, collection, dispatch } = load(['dispatch'])
      expect(Object.keys(collection.programs).sort()).toEqual(['dispatch', 'filter_icmp', 'filter_tcp', 'filter_udp'])
      expect(dispatch.run(handshake).retval).toBe(SNAP_LENGTH)
      runtime.dispose()
    })

    it('goes on after a tail call into an empty slot', () => {
      const { runtime, dispatch, protocols, tallies } = load()
      expect(dispatch.run(query).retval).toBe(KEEP_ALL)
      protocols.delete(17)
      expect(dispatch.run(query).retval).toBe(0)
      expect(tallies.get(17)).toEqual({ packets: 2n, kept: 1n })
      runtime.dispose()
    })

    it('calls what the host puts into a slot while it is loaded', () => {
      const { runtime, collection, dispatch, protocols, tallies } = load()
      protocols.set(17, collection.programs['filter_icmp']!.executable)
      expect(dispatch.run(query).retval).toBe(KEEP_ALL)
      expect(tallies.get(17)).toBeUndefined()
      expect(tallies.get(1)).toEqual({ packets: 1n, kept: 1n })
      runtime.dispose()
    })

    it('goes on where the slot holds a program of another type, which would misread the context', () => {
      const { runtime, dispatch, protocols } = load()
      const other = runtime.loadProgram(assemble('r0 = 99\nexit'), { type: 'xdp' })
      protocols.set(17, other.executable)
      expect(dispatch.run(query).retval).toBe(0)
      runtime.dispose()
    })

    it('checks every access of an unverified program that a verified one calls', () => {
      const { runtime, dispatch, protocols } = load()
      // Somewhere in the memory, but in nothing that the program may write.
      const wild = runtime.loadProgram(assemble('r1 = 65536\n*(u64 *)(r1 + 8) = 0\nr0 = 7\nexit'), {
        name: 'wild',
        type: 'socket_filter',
      })
      protocols.set(17, wild.executable)
      // The JIT checks no access, and so refuses the call.
      const fault = engine === 'jit' ? /wild, which nobody verified/ : /insn 1: write of 8 bytes at/
      expect(() => dispatch.run(query)).toThrowError(fault)
      runtime.dispose()
    })

    it('reads nothing beyond a packet that is cut anywhere', () => {
      const { runtime, dispatch } = load()
      for (const packet of [handshake, query]) {
        for (let length = 14; length <= packet.length; length++) {
          const cut = packet.slice(0, length)
          expect(dispatch.run(cut).retval, `${length} bytes`).toBe(judge(cut).keep)
        }
      }
      runtime.dispose()
    })
  })
})
