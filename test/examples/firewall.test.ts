/**
 * The XDP firewall on its capture, against a statement of the same policy in TypeScript over dissected packets.
 */
import { describe, expect, it } from 'vitest'
import { type LoadOptions, Runtime } from '../../src/loader/index.ts'
import { ethernet, ipv4, tcp, udp, vlan } from '../../src/net/index.ts'
import { VirtualEnvironment } from '../../src/vm/index.ts'
import { addressNumber, locateIpv4, parseExample, readExample, readPackets } from '../support/examples.ts'
import { ENGINES } from '../vm/support.ts'

const REASONS = ['REASON_PASSED', 'REASON_BLOCKED', 'REASON_TOO_MANY', 'REASON_MALFORMED', 'REASON_NOT_IPV4'] as const
type Reason = (typeof REASONS)[number]

interface Judgement {
  readonly reason: Reason
  readonly source: number
  /** Packets of this source that were counted, this one included. */
  readonly sent: number
}

interface Counter {
  packets: bigint
  bytes: bigint
}

/** The firewall's policy, over dissections. */
class Policy {
  readonly counters = new Map<Reason, Counter>(REASONS.map((reason) => [reason, { packets: 0n, bytes: 0n }]))
  readonly sources = new Map<number, Counter>()
  private readonly blocked: ReadonlySet<number>
  private readonly threshold: number

  constructor(blocked: Iterable<number>, threshold: number) {
    this.blocked = new Set(blocked)
    this.threshold = threshold
  }

  judge(packet: Uint8Array): Judgement {
    const judgement = this.decide(packet)
    add(this.counters.get(judgement.reason)!, packet.length)
    return judgement
  }

  private decide(packet: Uint8Array): Judgement {
    const located = locateIpv4(packet)
    if (located.kind === 'malformed') return { reason: 'REASON_MALFORMED', source: 0, sent: 0 }
    if (located.kind === 'other') return { reason: 'REASON_NOT_IPV4', source: 0, sent: 0 }
    const source = addressNumber(located.ip.src)
    if (this.blocked.has(source)) return { reason: 'REASON_BLOCKED', source, sent: 0 }
    const counter = this.sources.get(source) ?? { packets: 0n, bytes: 0n }
    this.sources.set(source, counter)
    add(counter, packet.length)
    const sent = Number(counter.packets)
    const tooMany = this.threshold !== 0 && sent > this.threshold
    return { reason: tooMany ? 'REASON_TOO_MANY' : 'REASON_PASSED', source, sent }
  }
}

function add(counter: Counter, length: number): void {
  counter.packets++
  counter.bytes += BigInt(length)
}

const VERDICTS: Readonly<Record<Reason, string>> = {
  REASON_PASSED: 'XDP_PASS',
  REASON_BLOCKED: 'XDP_DROP',
  REASON_TOO_MANY: 'XDP_DROP',
  REASON_MALFORMED: 'XDP_DROP',
  REASON_NOT_IPV4: 'XDP_PASS',
}

/** The list that the demo loads. */
const LIST = (
  JSON.parse(new TextDecoder().decode(readExample('xdp-firewall/blocked.json'))) as [{ addr: string }][]
).map(([key]) => Number(key.addr))

describe.each(ENGINES)('on the %s:', (engine) => {
  function load(options: LoadOptions = {}) {
    const printed: string[] = []
    const environment = new VirtualEnvironment()
    const runtime = new Runtime({ environment, print: (line) => printed.push(line) })
    const collection = runtime.load(parseExample('xdp-firewall/firewall.el.o'), { engine, ...options })
    const { blocked, counters, sources, events } = collection.maps
    return {
      runtime,
      environment,
      printed,
      program: collection.programs['firewall']!,
      maps: {
        blocked: blocked!,
        counters: counters!,
        sources: sources!,
        events: events!,
        rodata: collection.maps['.rodata']!,
      },
    }
  }

  /** A record of the ring buffer, as `struct event` lays it out. */
  function readEvent(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    return {
      time: view.getBigUint64(0, true),
      source: view.getUint32(8, true),
      reason: REASONS[view.getUint32(12, true)],
      length: view.getUint32(16, true),
    }
  }

  describe.each([
    { threshold: 0, blocked: [] },
    { threshold: 0, blocked: LIST },
    { threshold: 40, blocked: LIST },
    { threshold: 1, blocked: [addressNumber('192.0.2.10'), addressNumber('198.51.100.40')] },
  ])('with threshold $threshold and $blocked.length addresses blocked', ({ threshold, blocked }) => {
    const packets = readPackets('mixed.pcap')
    const { runtime, environment, printed, program, maps } = load({ globals: { threshold } })
    for (const addr of blocked) maps.blocked.set({ addr }, 1)
    const policy = new Policy(blocked, threshold)
    const events: ReturnType<typeof readEvent>[] = []
    const judged = packets.map(({ data, timestampNs }) => {
      environment.nowNs = timestampNs
      const run = program.run(data)
      for (let record = maps.events.readRecord(); record !== undefined; record = maps.events.readRecord()) {
        events.push(readEvent(record.bytes))
      }
      return { run, judgement: policy.judge(data) }
    })

    it('gives every packet the verdict that the policy gives, and leaves it as it is', () => {
      expect(judged.map(({ run }) => run.verdict)).toEqual(judged.map(({ judgement }) => VERDICTS[judgement.reason]))
      for (const [i, { run }] of judged.entries())
        expect(Buffer.compare(run.packet, packets[i]!.data), `packet ${i}`).toBe(0)
    })

    it('counts packets and bytes by reason, on its one CPU', () => {
      expect(Object.fromEntries(maps.counters.entries())).toEqual(
        Object.fromEntries(REASONS.map((reason) => [reason, [policy.counters.get(reason)]])),
      )
    })

    it('counts packets and bytes by source', () => {
      const counted = new Map([...maps.sources].map(([key, value]) => [(key as { addr: number }).addr, value]))
      expect(counted).toEqual(policy.sources)
    })

    it('sends an event for each packet of a blocked or too busy source, at its time', () => {
      const expected = judged.flatMap(({ judgement: { reason, source } }, i) =>
        reason === 'REASON_BLOCKED' || reason === 'REASON_TOO_MANY'
          ? [{ time: packets[i]!.timestampNs, source, reason, length: packets[i]!.data.length }]
          : [],
      )
      expect(events).toEqual(expected)
      expect(maps.events.lost).toBe(0)
      expect(expected.length > 0).toBe(blocked.length > 0)
    })

    it('prints a line when a source passes the threshold, and only then', () => {
      const over = judged.filter(({ judgement }) => threshold !== 0 && judgement.sent === threshold + 1)
      expect(printed).toEqual(
        over.map(({ judgement }) => `${dotted(judgement.source)} sent more than ${threshold} packets`),
      )
    })

    it('is freed with its runtime', () => {
      runtime.dispose()
      expect(() => program.run(packets[0]!.data)).toThrow(/disposed/)
    })
  })

  function dotted(address: number): string {
    return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.')
  }

  describe('the firewall', () => {
    const syn = (src: string) => ethernet(ipv4({ src, dst: '192.0.2.10' }, tcp({ dport: 80 })))

    it('obeys its list as it changes', () => {
      const { runtime, program, maps } = load()
      expect(program.run(syn('10.0.0.1')).verdict).toBe('XDP_PASS')
      maps.blocked.set({ addr: 0x0a000001 }, 1)
      expect(program.run(syn('10.0.0.1')).verdict).toBe('XDP_DROP')
      expect(program.run(syn('10.0.0.2')).verdict).toBe('XDP_PASS')
      maps.blocked.delete({ addr: 0x0a000001 })
      expect(program.run(syn('10.0.0.1')).verdict).toBe('XDP_PASS')
      expect(maps.counters.get('REASON_BLOCKED')).toEqual([{ packets: 1n, bytes: 54n }])
      runtime.dispose()
    })

    it('looks behind two VLAN tags, and takes a third for another protocol', () => {
      const { runtime, program, maps } = load()
      maps.blocked.set({ addr: addressNumber('10.0.0.1') }, 1)
      const inner = ipv4({ src: '10.0.0.1' }, udp('x'))
      expect(program.run(ethernet(vlan({ id: 1 }, inner))).verdict).toBe('XDP_DROP')
      expect(program.run(ethernet(vlan({ id: 1, tpid: 0x88a8 }, vlan({ id: 2 }, inner)))).verdict).toBe('XDP_DROP')
      expect(program.run(ethernet(vlan({ id: 1 }, vlan({ id: 2 }, vlan({ id: 3 }, inner))))).verdict).toBe('XDP_PASS')
      expect(maps.counters.get('REASON_NOT_IPV4')).toMatchObject([{ packets: 1n }])
      runtime.dispose()
    })

    it('drops every packet that is cut before the end of its IPv4 header, and no other', () => {
      const { runtime, program } = load()
      const whole = syn('10.0.0.1')
      for (let length = 0; length <= whole.length; length++) {
        const { verdict } = program.run(whole.subarray(0, length))
        expect(verdict, `${length} bytes`).toBe(length < 34 ? 'XDP_DROP' : 'XDP_PASS')
      }
      runtime.dispose()
    })

    it('has a threshold that the host cannot change once it is loaded', () => {
      const { runtime, maps } = load({ globals: { threshold: 7 } })
      expect(maps.rodata.get(0)).toMatchObject({ threshold: 7 })
      expect(() => maps.rodata.set(0, new Uint8Array(maps.rodata.valueSize))).toThrow(/EPERM|frozen/)
      runtime.dispose()
    })

    it('names the global variables that it has, where one is asked for that it has not', () => {
      expect(() => load({ globals: { treshold: 7 } })).toThrow(/treshold.*threshold/)
    })
  })
})
