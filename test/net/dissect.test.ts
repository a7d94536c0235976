/** What was built reads back equal; what is malformed is told, never thrown. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type AddressInput,
  arp,
  dissect,
  ethernet,
  formatIpv4,
  formatIpv6,
  formatMac,
  icmp,
  icmpv6,
  ipv4,
  ipv6,
  type Layer,
  MAX_LAYERS,
  type PacketLayer,
  summarize,
  TCP_FLAGS,
  type TcpOption,
  tcp,
  udp,
  vlan,
} from '../../src/net/index.ts'
import { concatBytes, hexToBytes } from '../../src/util/index.ts'
import { generatePackets } from '../support/packets.ts'
import { runs, SEED } from '../support/runs.ts'

const u = (bits: number) => fc.nat(2 ** bits - 1)
const bytes = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength })
const mac = bytes(6, 6).map((value) => formatMac(value))
const ip4 = bytes(4, 4).map((value) => formatIpv4(value))
const ip6 = bytes(16, 16).map((value) => formatIpv6(value))

/** A packet under construction: the layer, and what dissecting it must give. */
interface Expected {
  readonly layer: Layer
  readonly layers: readonly object[]
}

const data = bytes(0, 40)
const payloadLayers = (body: Uint8Array): object[] => (body.length === 0 ? [] : [{ kind: 'payload', bytes: body }])

const tcpOption: fc.Arbitrary<TcpOption> = fc.oneof(
  fc.constant({ kind: 'nop' as const }),
  fc.record({ kind: fc.constant('mss' as const), size: u(16) }),
  fc.record({ kind: fc.constant('window_scale' as const), shift: u(8) }),
  fc.constant({ kind: 'sack_permitted' as const }),
  fc.record({
    kind: fc.constant('sack' as const),
    blocks: fc.array(fc.tuple(u(32), u(32)), { minLength: 1, maxLength: 1 }),
  }),
  fc.record({ kind: fc.constant('timestamps' as const), value: u(32), echo: u(32) }),
  fc.record({ kind: fc.constant('other' as const), type: fc.integer({ min: 9, max: 255 }), data: bytes(0, 6) }),
)

const tcpLayer: fc.Arbitrary<Expected> = fc
  .tuple(
    fc.record({
      sport: u(16),
      dport: u(16),
      seq: u(32),
      ack: u(32),
      flags: fc.subarray([...TCP_FLAGS]),
      reserved: u(3),
      window: u(16),
      urgent: u(16),
      options: fc.array(tcpOption, { maxLength: 4 }),
    }),
    data,
  )
  .map(([fields, body]) => ({
    layer: tcp(fields, body),
    layers: [{ kind: 'tcp', ...fields, checksumOk: true, payloadLength: body.length }, ...payloadLayers(body)],
  }))

const udpLayer: fc.Arbitrary<Expected> = fc
  .tuple(fc.record({ sport: u(16), dport: u(16) }), data)
  .map(([fields, body]) => ({
    layer: udp(fields, body),
    layers: [{ kind: 'udp', ...fields, length: 8 + body.length, checksumOk: true }, ...payloadLayers(body)],
  }))

const icmpLayer = (kind: 'icmp' | 'icmpv6'): fc.Arbitrary<Expected> =>
  fc.tuple(fc.record({ type: u(8), code: u(8), id: u(16), seq: u(16) }), data).map(([fields, body]) => ({
    layer: (kind === 'icmp' ? icmp : icmpv6)(fields, body),
    layers: [{ kind, ...fields, checksumOk: true }, ...payloadLayers(body)],
  }))

const ipv4Layer: fc.Arbitrary<Expected> = fc
  .tuple(
    fc.record({
      src: ip4,
      dst: ip4,
      ttl: u(8),
      dscp: u(6),
      ecn: u(2),
      id: u(16),
      dontFragment: fc.boolean(),
      options: fc.array(fc.record({ type: fc.integer({ min: 2, max: 255 }), data: bytes(0, 8) }), { maxLength: 3 }),
    }),
    fc.oneof(tcpLayer, udpLayer, icmpLayer('icmp')),
  )
  .map(([fields, inner]) => ({
    layer: ipv4(fields, inner.layer),
    layers: [{ kind: 'ipv4', ...fields, checksumOk: true, moreFragments: false, fragmentOffset: 0 }, ...inner.layers],
  }))

const fragmentLayer: fc.Arbitrary<Expected> = fc
  .tuple(
    fc.record({ src: ip4, dst: ip4, id: u(16), moreFragments: fc.boolean(), protocol: u(8) }),
    fc.integer({ min: 1, max: 0x1fff }),
    bytes(1, 40),
  )
  .map(([fields, units, body]) => ({
    layer: ipv4({ ...fields, fragmentOffset: 8 * units }, body),
    layers: [{ kind: 'ipv4', ...fields, fragmentOffset: 8 * units, checksumOk: true }, ...payloadLayers(body)],
  }))

const extension = fc.tuple(fc.constantFrom(0, 60, 135, 51), fc.nat(2), bytes(24, 24)).map(([type, more, noise]) => {
  const header = noise.slice(0, 8 * (more + 1))
  header[1] = type === 51 ? header.length / 4 - 2 : more
  return { type, bytes: header }
})

const ipv6Layer: fc.Arbitrary<Expected> = fc
  .tuple(
    fc.record({
      src: ip6,
      dst: ip6,
      hopLimit: u(8),
      dscp: u(6),
      ecn: u(2),
      flowLabel: u(20),
      extensions: fc.array(extension, { maxLength: 3 }),
    }),
    fc.oneof(tcpLayer, udpLayer, icmpLayer('icmpv6')),
  )
  .map(([fields, inner]) => {
    // The builder fills in the first byte of each extension header.
    const extensions = fields.extensions.map(({ type, bytes: header }, i) => {
      const copy = header.slice()
      copy[0] = fields.extensions[i + 1]?.type ?? inner.layer.protocol!
      return { type, bytes: copy }
    })
    return {
      layer: ipv6(fields, inner.layer),
      layers: [{ kind: 'ipv6', ...fields, extensions, protocol: inner.layer.protocol }, ...inner.layers],
    }
  })

const arpLayer: fc.Arbitrary<Expected> = fc
  .record({
    operation: fc.constantFrom('request' as const, 'reply' as const, 9),
    senderMac: mac,
    senderIp: ip4,
    targetMac: mac,
    targetIp: ip4,
  })
  .map((fields) => ({ layer: arp(fields), layers: [{ kind: 'arp', ...fields }] }))

const tunnel: fc.Arbitrary<Expected> = fc.oneof(ipv4Layer, ipv6Layer).map((inner) => ({
  layer: ipv4(inner.layer),
  layers: [{ kind: 'ipv4', protocol: inner.layers[0]! && 'flowLabel' in inner.layers[0]! ? 41 : 4 }, ...inner.layers],
}))

const networkLayer = fc.oneof(ipv4Layer, ipv6Layer, arpLayer, fragmentLayer, tunnel)

const tagged: fc.Arbitrary<Expected> = fc
  .tuple(
    fc.array(
      fc.record({
        id: u(12),
        priority: u(3),
        dropEligible: fc.boolean(),
        tpid: fc.constantFrom(0x8100, 0x88a8, 0x9100),
      }),
      { maxLength: 2 },
    ),
    networkLayer,
  )
  .map(([tags, inner]) =>
    tags.reduceRight<Expected>(
      (built, fields) => ({
        layer: vlan(fields, built.layer),
        layers: [{ kind: 'vlan', ...fields, etherType: built.layer.etherType }, ...built.layers],
      }),
      inner,
    ),
  )

const frame = fc.tuple(fc.record({ dst: mac, src: mac }), tagged).map(([fields, inner]) => ({
  bytes: ethernet(fields, inner.layer),
  layers: [{ kind: 'ethernet', ...fields, etherType: inner.layer.etherType }, ...inner.layers],
}))

describe('dissect(build(x))', () => {
  it('is x, for every protocol and nesting', () => {
    fc.assert(
      fc.property(frame, (built) => {
        const { layers, truncated, problems } = dissect(built.bytes)
        expect(problems).toEqual([])
        expect(truncated).toBe(false)
        expect(layers).toHaveLength(built.layers.length)
        expect(layers).toMatchObject(built.layers)
      }),
      { seed: SEED, numRuns: runs(10000) },
    )
  })
  it('tells a truncated packet at every length', () => {
    fc.assert(
      fc.property(frame, fc.nat(), (built, cut) => {
        const length = cut % built.bytes.length
        expect(dissect(built.bytes.subarray(0, length)).truncated).toBe(true)
      }),
      { seed: SEED, numRuns: runs(5000) },
    )
  })
  it('tells padding from payload', () => {
    fc.assert(
      fc.property(frame, bytes(1, 46), (built, padding) => {
        const { layers, truncated } = dissect(concatBytes([built.bytes, padding]))
        expect(truncated).toBe(false)
        expect(layers.at(-1)).toMatchObject({ kind: 'trailer', offset: built.bytes.length, bytes: padding })
        expect(layers.slice(0, -1)).toMatchObject(built.layers)
      }),
      { seed: SEED, numRuns: runs(2000) },
    )
  })
  it('tells a flipped bit under a checksum', () => {
    const checked = fc.oneof(ipv4Layer, ipv6Layer).map(({ layer }) => layer)
    fc.assert(
      fc.property(checked, fc.nat(), fc.nat(7), (layer, place, bit) => {
        const packet = layer.bytes
        const before = dissect(packet, { linkType: 101 }).layers
        const transport = before.find((each) => ['tcp', 'udp', 'icmp', 'icmpv6'].includes(each.kind))!
        const at = transport.offset + (place % (packet.length - transport.offset))
        packet[at]! ^= 1 << bit
        const after = dissect(packet, { linkType: 101 }).layers.find((each) => each.offset === transport.offset)!
        // A broken header length, UDP length or a zeroed UDP checksum makes the checksum unknowable.
        expect('checksumOk' in after ? after.checksumOk : undefined).not.toBe(true)
      }),
      { seed: SEED, numRuns: runs(5000) },
    )
  })
})

describe('any bytes', () => {
  const check = (packet: Uint8Array, linkType: number): void => {
    const { layers } = dissect(packet, { linkType })
    let at = 0
    for (const layer of layers) {
      expect(layer.offset).toBe(at)
      at += lengthOf(layer)
    }
    expect(at).toBe(packet.length)
    expect(summarize(packet, { linkType })).toMatch(/^[\x20-\x7e]+$/)
  }
  const lengthOf = (layer: PacketLayer): number => ('bytes' in layer ? layer.bytes.length : layer.headerLength)

  it('are covered by layers without gap or overlap, and summarised', () => {
    for (const packet of generatePackets(SEED, runs(20000))) check(packet, 1)
    fc.assert(fc.property(bytes(0, 200), fc.constantFrom(0, 1, 12, 101, 108, 113, 228, 229, 276, 147), check), {
      seed: SEED,
      numRuns: runs(20000),
    })
  })
  it('are bounded in layers', () => {
    const tags = concatBytes([new Uint8Array(12), ...Array.from({ length: 5000 }, () => hexToBytes('8100 0001'))])
    const { layers, problems } = dissect(tags)
    expect(layers).toHaveLength(MAX_LAYERS + 1)
    expect(problems).toEqual([`more than ${MAX_LAYERS} headers`])
    const chain = ipv6({
      extensions: Array.from({ length: 200 }, () => ({ type: 60, bytes: new Uint8Array(8) })),
    }).bytes
    expect(dissect(chain, { linkType: 101 }).problems).toEqual([`more than ${MAX_LAYERS} IPv6 extensions`])
  })
})

describe('malformed packets', () => {
  const problemsOf = (packet: Uint8Array): readonly string[] => dissect(packet).problems
  it.each<[string, Uint8Array, string]>([
    ['no Ethernet header', new Uint8Array(13), 'Ethernet header has 13 bytes of 14'],
    ['IPv4 header length', ethernet(ipv4({ headerLength: 16 }, tcp())), 'IPv4 header length is 16'],
    [
      'IPv4 total length',
      ethernet(ipv4({ totalLength: 8 }, tcp())),
      "IPv4 total length is 8, less than its header's 20",
    ],
    ['IPv4 version', ethernet({ etherType: 0x0800 }, ipv6(tcp()).bytes), 'IPv4 header has version 6'],
    ['IPv6 version', ethernet({ etherType: 0x86dd }, new Uint8Array(40)), 'IPv6 header has version 0'],
    ['TCP header length', ethernet(ipv4(tcp({ headerLength: 8 }))), 'TCP header length is 8'],
    ['TCP options', ethernet(ipv4(tcp({ headerLength: 24 }))), 'TCP header has 20 bytes of 24'],
    ['UDP length', ethernet(ipv4(udp({ length: 99 }))), 'UDP length is 99, of 8 bytes'],
    [
      'an option that leaves its header',
      ethernet(ipv4({ protocol: 6 }, concatBytes([tcp({ headerLength: 24 }).bytes, hexToBytes('08 0a 00 00')]))),
      'TCP option 8 has length 10, of 4 bytes left',
    ],
    ['ARP of another kind', ethernet({ etherType: 0x0806 }, new Uint8Array(28)), 'ARP is not for IPv4 over Ethernet'],
  ])('%s', (_, packet, problem) => {
    expect(problemsOf(packet)).toEqual([problem])
  })
})

describe('summarize', () => {
  const hosts = { src: '10.0.0.1', dst: '10.0.0.2' }
  const six = { src: '2001:db8::1', dst: '2001:db8::2' }
  const to: { src: AddressInput; dst: AddressInput } = { src: '02:00:00:00:00:01', dst: 'ff:ff:ff:ff:ff:ff' }
  it.each<[string, Uint8Array]>([
    ['IPv4 10.0.0.1:1234 > 10.0.0.2:80 TCP S len 0', ethernet(ipv4(hosts, tcp({ sport: 1234 })))],
    [
      'IPv4 10.0.0.1:1234 > 10.0.0.2:80 TCP P. len 5',
      ethernet(ipv4(hosts, tcp({ sport: 1234, flags: ['psh', 'ack'] }, 'hello'))),
    ],
    ['IPv6 [2001:db8::1]:5000 > [2001:db8::2]:53 UDP len 3', ethernet(ipv6(six, udp({ sport: 5000 }, 'abc')))],
    ['IPv4 10.0.0.1 > 10.0.0.2 ICMP echo request id 7 seq 1', ethernet(ipv4(hosts, icmp({ id: 7, seq: 1 })))],
    ['IPv6 2001:db8::1 > 2001:db8::2 ICMPv6 neighbor solicitation', ethernet(ipv6(six, icmpv6({ type: 135 })))],
    ['IPv4 10.0.0.1 > 10.0.0.2 ICMP unreachable code 3', ethernet(ipv4(hosts, icmp({ type: 3, code: 3 })))],
    ['ARP who has 192.0.2.2 tell 192.0.2.1', ethernet(arp())],
    ['ARP 192.0.2.1 is at 02:00:00:00:00:01', ethernet(arp({ operation: 'reply' }))],
    [
      'VLAN 100 VLAN 20 IPv4 10.0.0.1 > 10.0.0.2 GRE len 4',
      ethernet(vlan({ id: 100 }, vlan({ id: 20 }, ipv4({ ...hosts, protocol: 47 }, 'data')))),
    ],
    [
      'IPv4 10.0.0.1 > 10.0.0.2 fragment 9@1480+ UDP len 8',
      ethernet(ipv4({ ...hosts, protocol: 17, id: 9, fragmentOffset: 1480, moreFragments: true }, 'fragment')),
    ],
    ['Ethernet 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff type 0x88cc', ethernet({ ...to, etherType: 0x88cc }, 'x')],
    ['IPv4 10.0.0.1:49152 > 10.0.0.2:80 TCP S len 0 [bad checksum]', ethernet(ipv4(hosts, tcp({ checksum: 1 })))],
    [
      'IPv4 10.0.0.1:49152 > 10.0.0.2:80 TCP S len 9 [truncated]',
      ethernet(ipv4(hosts, tcp('some data'))).subarray(0, 60),
    ],
    ['IPv4 10.0.0.1 > 10.0.0.2 TCP len 20 [malformed]', ethernet(ipv4(hosts, tcp({ headerLength: 4 })))],
    ['0 bytes [truncated]', new Uint8Array(0)],
  ])('%s', (line, packet) => {
    expect(summarize(packet)).toBe(line)
  })
})
