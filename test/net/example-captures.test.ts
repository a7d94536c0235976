/** The captures of the examples are what their script makes, and contain what the examples need. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { makeCaptures } from '../../scripts/make-captures.ts'
import { dissect, type PacketLayer, parseCapture } from '../../src/net/index.ts'

const made = makeCaptures()

describe.each([...made])('%s', (name, bytes) => {
  it('is committed as the script makes it', () => {
    const committed = new Uint8Array(readFileSync(new URL(`../../examples/captures/${name}`, import.meta.url)))
    expect(Buffer.compare(committed, bytes)).toBe(0)
  })
  it('is small, and in order of time', () => {
    expect(bytes.length).toBeLessThan(300 * 1024)
    const times = parseCapture(bytes).packets.map((packet) => packet.timestampNs)
    expect(times).toEqual([...times].sort((a, b) => Number(a - b)))
  })
})

describe('contents', () => {
  const dissections = (name: string) => parseCapture(made.get(name)!).packets.map((packet) => dissect(packet.data))
  const counts = (name: string): Map<PacketLayer['kind'], number> => {
    const found = new Map<PacketLayer['kind'], number>()
    for (const { layers } of dissections(name)) {
      for (const { kind } of layers) found.set(kind, (found.get(kind) ?? 0) + 1)
    }
    return found
  }
  const sources = (name: string, prefix: string): number =>
    dissections(name).filter(({ layers }) => layers.some((each) => each.kind === 'ipv4' && each.src.startsWith(prefix)))
      .length

  it('has every protocol, blocked hosts, and packets that are truncated or malformed, in mixed.pcap', () => {
    const found = counts('mixed.pcap')
    for (const kind of ['arp', 'ipv4', 'ipv6', 'tcp', 'udp', 'icmp', 'icmpv6', 'vlan'] as const) {
      expect(found.get(kind) ?? 0, kind).toBeGreaterThanOrEqual(10)
    }
    expect(sources('mixed.pcap', '198.51.100.')).toBe(100)
    expect(sources('mixed.pcap', '203.0.113.')).toBe(50)
    const all = dissections('mixed.pcap')
    expect(all.filter(({ truncated }) => truncated).length).toBeGreaterThan(5)
    expect(all.filter(({ truncated, problems }) => !truncated && problems.length > 0).length).toBeGreaterThan(3)
    expect(all.filter(({ layers }) => layers.some((each) => each.kind === 'ipv4' && each.moreFragments))).toHaveLength(
      16,
    )
  })
  it('has nothing but well-formed TCP and UDP in flows.pcapng', () => {
    for (const { layers, problems } of dissections('flows.pcapng')) {
      expect(problems).toEqual([])
      expect(layers[2]).toMatchObject({ kind: expect.stringMatching(/tcp|udp/), checksumOk: true })
    }
  })
  it('has many clients of the virtual address in lb.pcap', () => {
    const clients = new Set<string>()
    for (const { layers } of dissections('lb.pcap')) {
      for (const each of layers) if (each.kind === 'ipv4' && each.dst === '192.0.2.10') clients.add(each.src)
    }
    expect(clients.size).toBeGreaterThan(250)
  })
})
