/**
 * The tc flow counter on its capture, against an independent count of 5-tuples over dissected packets.
 */
import { describe, expect, it } from 'vitest'
import { Runtime } from '../../src/loader/index.ts'
import { arp, ethernet, icmp, ipv4, tcp } from '../../src/net/index.ts'
import type { SocketBufferOutput } from '../../src/programs/index.ts'
import { VirtualEnvironment } from '../../src/vm/index.ts'
import { addressNumber, locateIpv4, parseExample, readPackets } from '../support/examples.ts'
import { ENGINES } from '../vm/support.ts'

interface Usage {
  packets: bigint
  bytes: bigint
  first_seen: bigint
  last_seen: bigint
}

interface FlowKey {
  readonly source: number
  readonly destination: number
  readonly source_port: number
  readonly destination_port: number
  readonly protocol: number
}

describe.each(ENGINES)('on the %s:', (engine) => {
  function load() {
    const environment = new VirtualEnvironment()
    const runtime = new Runtime({ environment })
    const { maps, programs } = runtime.load(parseExample('tc-flows/flows.el.o'), { engine })
    const program = programs['count_flows']!
    return {
      runtime,
      environment,
      flows: maps['flows']!,
      events: maps['events']!,
      globals: () => maps['.bss']!.get(0) as { skipped: bigint; lost: bigint },
      run: (packet: Uint8Array, mark = 0) =>
        program.run({ packet, context: { mark } }) as unknown as SocketBufferOutput,
    }
  }

  /** The flow of a packet, stated over its dissection; undefined for what is not IPv4. */
  function flowOf(packet: Uint8Array): FlowKey | undefined {
    const located = locateIpv4(packet)
    if (located.kind !== 'ipv4') return undefined
    const { ip } = located
    // Ports that are there, even where what follows them is cut off.
    const at = ip.offset + ip.headerLength
    const hasPorts = (ip.protocol === 6 || ip.protocol === 17) && ip.fragmentOffset === 0 && packet.length >= at + 4
    const port = (offset: number): number => (hasPorts ? (packet[at + offset]! << 8) | packet[at + offset + 1]! : 0)
    return {
      source: addressNumber(ip.src),
      destination: addressNumber(ip.dst),
      source_port: port(0),
      destination_port: port(2),
      protocol: ip.protocol,
    }
  }

  function nameOf({ source, destination, source_port, destination_port, protocol }: FlowKey): string {
    return [source, destination, source_port, destination_port, protocol].join(' ')
  }

  /** A record of the ring buffer, as `struct flow_event` lays it out. */
  function readEvent(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const flow: FlowKey = {
      source: view.getUint32(0, true),
      destination: view.getUint32(4, true),
      source_port: view.getUint16(8, true),
      destination_port: view.getUint16(10, true),
      protocol: view.getUint8(12),
    }
    const text = new TextDecoder().decode(bytes.subarray(28, 36))
    return {
      flow: nameOf(flow),
      time: view.getBigUint64(16, true),
      mark: view.getUint32(24, true),
      protocol: text.replace(/\0+$/, ''),
    }
  }

  const PROTOCOLS: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp' }

  describe.each(['flows.pcapng', 'mixed.pcap', 'lb.pcap'])('the flow counter on %s', (capture) => {
    const { environment, flows, events, globals, run } = load()
    const expected = new Map<string, Usage>()
    const expectedEvents: ReturnType<typeof readEvent>[] = []
    const seenEvents: ReturnType<typeof readEvent>[] = []
    const contexts: { isNew: boolean; mark: unknown; cb: unknown; length: number }[] = []
    let skipped = 0n
    for (const [i, { data, timestampNs }] of readPackets(capture).entries()) {
      environment.nowNs = timestampNs
      const { context, verdict } = run(data, i)
      expect(verdict).toBe('TC_ACT_OK')
      for (let record = events.readRecord(); record !== undefined; record = events.readRecord()) {
        seenEvents.push(readEvent(record.bytes))
      }
      const flow = flowOf(data)
      if (flow === undefined) {
        skipped++
        continue
      }
      const usage = expected.get(nameOf(flow))
      const length = BigInt(data.length)
      contexts.push({ isNew: usage === undefined, mark: context['mark'], cb: context['cb'], length: data.length })
      if (usage === undefined) {
        expected.set(nameOf(flow), { packets: 1n, bytes: length, first_seen: timestampNs, last_seen: timestampNs })
        const protocol = PROTOCOLS[flow.protocol] ?? 'other'
        expectedEvents.push({ flow: nameOf(flow), time: timestampNs, mark: i, protocol })
      } else {
        usage.packets++
        usage.bytes += length
        usage.last_seen = timestampNs
      }
    }

    it('counts packets, bytes and times of every flow', () => {
      const counted = new Map([...flows].map(([key, usage]) => [nameOf(key as FlowKey), usage]))
      expect(counted).toEqual(expected)
      expect(expected.size).toBeGreaterThan(100)
    })

    it('sends one event for each new flow, with its time and its mark', () => {
      expect(seenEvents).toEqual(expectedEvents)
    })

    it('marks the first packet of a flow and notes its length in cb', () => {
      contexts.forEach(({ isNew, mark, cb, length }, i) => {
        if (isNew) expect({ mark, cb }, `packet ${i}`).toEqual({ mark: 1, cb: [length, 0, 0, 0, 0] })
        else expect(cb, `packet ${i}`).toEqual([0, 0, 0, 0, 0])
      })
      expect(contexts.some(({ isNew }) => !isNew)).toBe(true)
    })

    it('counts what it skips, and loses nothing', () => {
      expect(globals()).toMatchObject({ skipped, lost: 0n })
    })
  })

  describe('the flow counter', () => {
    it('marks a flow 2 and counts a loss where the ring buffer is full', () => {
      const { runtime, run, events, globals, flows } = load()
      const fit = Math.floor((256 * 1024 - 1) / 48)
      const marks = new Set<unknown>()
      for (let i = 0; i < fit; i++)
        marks.add(run(ethernet(ipv4({ src: `10.1.${i >> 8}.${i & 255}` }, icmp({ type: 8 })))).context['mark'])
      expect([...marks]).toEqual([1])
      const late = run(ethernet(ipv4({ src: '10.2.0.1' }, icmp({ type: 8 }))))
      expect(late.context['mark']).toBe(2)
      expect(globals()).toMatchObject({ lost: 1n, skipped: 0n })
      expect(flows.size).toBe(fit + 1)
      expect(events.drain()).toHaveLength(fit)
      runtime.dispose()
    })

    it('counts what is not IPv4 as skipped', () => {
      const { runtime, globals, run } = load()
      run(ethernet(arp({ senderIp: '10.0.0.1', targetIp: '10.0.0.2' })))
      expect(globals()).toMatchObject({ skipped: 1n })
      runtime.dispose()
    })

    it('leaves alone the mark of a packet of a known flow', () => {
      const { runtime, run } = load()
      const packet = ethernet(ipv4({ src: '10.0.0.1' }, tcp({ dport: 80 })))
      expect(run(packet, 77).context['mark']).toBe(1)
      expect(run(packet, 77).context['mark']).toBe(77)
      runtime.dispose()
    })
  })
})
