/**
 * A second opinion: tshark reads the captures that are written here, and finds in their packets what `dissect` finds;
 * what editcap makes of them reads back here. Skipped where they are not installed.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  dissect,
  formatIpv6,
  type PacketLayer,
  parseCapture,
  parseIpv6,
  TCP_FLAGS,
  writeCapture,
} from '../../src/net/index.ts'
import { generatePackets } from '../support/packets.ts'
import { runs, SEED } from '../support/runs.ts'

function installed(tool: string): boolean {
  try {
    execFileSync(tool, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const haveTshark = installed('tshark')
const haveEditcap = installed('editcap')
if (!haveTshark) console.warn('tshark is not installed: its opinion on packets and captures is not asked')
if (!haveEditcap) console.warn('editcap is not installed: its captures are not read')

const directory = mkdtempSync(join(tmpdir(), 'anybpf-net-'))
afterAll(() => rmSync(directory, { recursive: true }))

/** Runs tshark over `capture`; a row for each packet, a column for each field, the first occurrence only. */
function tshark(capture: Uint8Array, fields: readonly string[]): string[][] {
  const file = join(directory, 'tshark.capture')
  writeFileSync(file, capture)
  const preferences = [
    'ip.check_checksum:TRUE',
    'tcp.check_checksum:TRUE',
    'udp.check_checksum:TRUE',
    'ip.defragment:FALSE',
    'ipv6.defragment:FALSE',
    // Protocols above the transport are not compared, and heuristics would find some in random bytes.
    'tcp.try_heuristic_first:FALSE',
    // Linux sends tunnels' and offloaded packets with such lengths; here they are malformed.
    'ip.tso_support:FALSE',
  ]
  const text = execFileSync(
    'tshark',
    [
      ...['-n', '-r', file, '-T', 'fields', '-E', 'occurrence=f', '-E', 'separator=/t'],
      ...preferences.flatMap((preference) => ['-o', preference]),
      ...fields.flatMap((field) => ['-e', field]),
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 28 },
  )
  return text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => line.split('\t'))
}

const STATUS = new Map<boolean | undefined, string>([
  [true, '1'],
  [false, '0'],
])

type Column<K extends PacketLayer['kind']> = readonly [
  field: string,
  ours: (layer: PacketLayer & { kind: K }) => string | number | undefined,
]

const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, '0')}`

/** What both sides call the same thing. `undefined` on our side is not compared: we do not tell, tshark may. */
const COLUMNS: { readonly [K in PacketLayer['kind']]?: readonly Column<K>[] } = {
  ethernet: [
    ['eth.src', (layer) => layer.src],
    ['eth.dst', (layer) => layer.dst],
  ],
  vlan: [
    ['vlan.id', (layer) => (layer.tpid === 0x8100 ? layer.id : undefined)],
    ['vlan.priority', (layer) => (layer.tpid === 0x8100 ? layer.priority : undefined)],
  ],
  arp: [
    ['arp.opcode', ({ operation }) => (operation === 'request' ? 1 : operation === 'reply' ? 2 : operation)],
    ['arp.src.hw_mac', (layer) => layer.senderMac],
    ['arp.src.proto_ipv4', (layer) => layer.senderIp],
    ['arp.dst.proto_ipv4', (layer) => layer.targetIp],
  ],
  ipv4: [
    ['ip.src', (layer) => layer.src],
    ['ip.dst', (layer) => layer.dst],
    ['ip.hdr_len', (layer) => layer.headerLength],
    ['ip.dsfield.dscp', (layer) => layer.dscp],
    ['ip.dsfield.ecn', (layer) => layer.ecn],
    ['ip.len', (layer) => layer.totalLength],
    ['ip.id', (layer) => hex(layer.id, 4)],
    ['ip.ttl', (layer) => layer.ttl],
    ['ip.proto', (layer) => layer.protocol],
    ['ip.checksum', (layer) => hex(layer.checksum, 4)],
    ['ip.checksum.status', (layer) => STATUS.get(layer.checksumOk)],
  ],
  ipv6: [
    ['ipv6.src', (layer) => layer.src],
    ['ipv6.dst', (layer) => layer.dst],
    ['ipv6.plen', (layer) => layer.payloadLength],
    ['ipv6.hlim', (layer) => layer.hopLimit],
    ['ipv6.flow', (layer) => hex(layer.flowLabel, 6)],
    ['ipv6.tclass.dscp', (layer) => layer.dscp],
    ['ipv6.nxt', (layer) => layer.extensions[0]?.type ?? layer.protocol],
  ],
  tcp: [
    ['tcp.srcport', (layer) => layer.sport],
    ['tcp.dstport', (layer) => layer.dport],
    ['tcp.seq_raw', (layer) => layer.seq],
    ['tcp.ack_raw', (layer) => layer.ack],
    ['tcp.hdr_len', (layer) => layer.headerLength],
    [
      'tcp.flags',
      (layer) => hex((layer.reserved << 9) | layer.flags.reduce((sum, f) => sum | (1 << TCP_FLAGS.indexOf(f)), 0), 4),
    ],
    ['tcp.window_size_value', (layer) => layer.window],
    ['tcp.checksum', (layer) => hex(layer.checksum, 4)],
    ['tcp.checksum.status', (layer) => STATUS.get(layer.checksumOk)],
    ['tcp.urgent_pointer', (layer) => layer.urgent],
    // For fragments and truncated packets tshark says nothing, or what there is.
    ['tcp.len', (layer) => (layer.checksumOk === undefined ? undefined : layer.payloadLength)],
  ],
  udp: [
    ['udp.srcport', (layer) => layer.sport],
    ['udp.dstport', (layer) => layer.dport],
    ['udp.length', (layer) => layer.length],
    ['udp.checksum', (layer) => hex(layer.checksum, 4)],
    ['udp.checksum.status', (layer) => STATUS.get(layer.checksumOk)],
  ],
  icmp: [
    ['icmp.type', (layer) => layer.type],
    ['icmp.code', (layer) => layer.code],
    ['icmp.checksum', (layer) => hex(layer.checksum, 4)],
    ['icmp.checksum.status', (layer) => STATUS.get(layer.checksumOk)],
  ],
  icmpv6: [
    ['icmpv6.type', (layer) => layer.type],
    ['icmpv6.code', (layer) => layer.code],
    ['icmpv6.checksum', (layer) => hex(layer.checksum, 4)],
    ['icmpv6.checksum.status', (layer) => STATUS.get(layer.checksumOk)],
  ],
}

const MALFORMED = '_ws.malformed'
const FIELDS = [...Object.values(COLUMNS).flatMap((columns) => columns.map(([field]) => field)), MALFORMED]

/** tshark writes ::181.0.0.1, a form that RFC 4291 deprecates. */
function canonical(text: string): string {
  return text.startsWith('::') ? formatIpv6(parseIpv6(text)) : text
}

function differences(packet: Uint8Array, row: readonly string[]): string[] {
  const found: string[] = []
  const { layers } = dissect(packet)
  for (const [kind, columns] of Object.entries(COLUMNS)) {
    const layer = layers.find((each) => each.kind === kind)
    if (layer === undefined) continue
    // tshark shows nothing of an IPv4 header whose packet would be shorter than itself.
    if (layer.kind === 'ipv4' && layer.totalLength < layer.headerLength) continue
    for (const [field, ours] of columns as readonly Column<PacketLayer['kind']>[]) {
      const expected = ours(layer as never)
      const theirs = canonical(row[FIELDS.indexOf(field)]!)
      // tshark gives up at the first malformed thing, such as an option within an IPv6 extension header.
      if (theirs === '' && row[FIELDS.indexOf(MALFORMED)] !== '') continue
      if (expected !== undefined && theirs !== String(expected)) {
        found.push(`${field}: tshark ${theirs || 'nothing'}, here ${expected}`)
      }
    }
  }
  return found
}

describe.skipIf(!haveTshark)('tshark', () => {
  it('finds the same fields in packets of all kinds', () => {
    const packets = generatePackets(SEED, runs(20000))
    const rows = tshark(writeCapture(packets.map((data) => ({ data }))), FIELDS)
    expect(rows).toHaveLength(packets.length)
    const wrong = packets.flatMap((packet, i) => {
      const found = differences(packet, rows[i]!)
      return found.length === 0 ? [] : [{ packet: i, hex: Buffer.from(packet).toString('hex'), found }]
    })
    expect(wrong.slice(0, 5)).toEqual([])
  })
  it.each([
    { format: 'pcap' },
    { format: 'pcap', nanoseconds: true },
    { format: 'pcap', byteOrder: 'big' },
    { format: 'pcapng' },
    { format: 'pcapng', nanoseconds: true },
    { format: 'pcapng', byteOrder: 'big', interfaceName: 'eth0' },
  ] as const)('reads what is written as %j', (options) => {
    const packets = generatePackets(SEED + 1, 50).map((data, i) => ({
      data,
      originalLength: data.length + 3 * i,
      timestampNs: 1_700_000_000_123_456_000n + 1_000_001_000n * BigInt(i),
    }))
    const rows = tshark(writeCapture(packets, options), ['frame.cap_len', 'frame.len', 'frame.time_epoch'])
    expect(rows).toEqual(
      packets.map(({ data, originalLength, timestampNs }) => [
        String(data.length),
        String(originalLength),
        `${timestampNs / 1_000_000_000n}.${String(timestampNs % 1_000_000_000n).padStart(9, '0')}`,
      ]),
    )
  })
})

describe.skipIf(!haveEditcap)('editcap', () => {
  it.each(['pcap', 'nsecpcap', 'pcapng'])('writes %s that reads back here', (format) => {
    const packets = generatePackets(SEED + 2, 50).map((data, i) => ({
      data,
      timestampNs: 1_000_000_000_000n * BigInt(i),
    }))
    const [from, to] = [join(directory, 'from.pcapng'), join(directory, `to.${format}`)]
    writeFileSync(from, writeCapture(packets, { format: 'pcapng', nanoseconds: true }))
    execFileSync('editcap', ['-F', format, from, to], { stdio: 'ignore' })
    const capture = parseCapture(new Uint8Array(readFileSync(to)))
    expect(capture.packets.map(({ data, timestampNs }) => ({ data, timestampNs }))).toEqual(packets)
  })
})
