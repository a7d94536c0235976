/**
 * A packet in one line, as the command line prints it: `IPv4 10.0.0.1:1234 > 10.0.0.2:80 TCP S len 0`.
 * @module
 */
import { type DissectOptions, dissect } from './dissect.ts'
import type { Ipv4Layer, Ipv6Layer, PacketLayer } from './layers.ts'
import { protocolName, type TcpFlag } from './protocols.ts'

/** tcpdump's letters; `.` is ACK. */
const FLAG_LETTERS: Readonly<Record<TcpFlag, string>> = {
  fin: 'F',
  syn: 'S',
  rst: 'R',
  psh: 'P',
  ack: '.',
  urg: 'U',
  ece: 'E',
  cwr: 'W',
  ae: 'e',
}

const ICMP_NAMES = new Map<number, string>([
  [0, 'echo reply'],
  [3, 'unreachable'],
  [5, 'redirect'],
  [8, 'echo request'],
  [11, 'time exceeded'],
  [12, 'parameter problem'],
])

const ICMPV6_NAMES = new Map<number, string>([
  [1, 'unreachable'],
  [2, 'packet too big'],
  [3, 'time exceeded'],
  [4, 'parameter problem'],
  [128, 'echo request'],
  [129, 'echo reply'],
  [133, 'router solicitation'],
  [134, 'router advertisement'],
  [135, 'neighbor solicitation'],
  [136, 'neighbor advertisement'],
])

/** One line without control characters. Never throws. */
export function summarize(packet: Uint8Array, options: DissectOptions = {}): string {
  const { layers, truncated, problems } = dissect(packet, options)
  const words: string[] = []
  for (const [i, layer] of layers.entries()) {
    const text = describe(layer, layers[i + 1])
    if (text !== '') words.push(text)
  }
  const marks = [
    ...(layers.some((layer) => 'checksumOk' in layer && layer.checksumOk === false) ? ['bad checksum'] : []),
    ...(truncated ? ['truncated'] : problems.length > 0 ? ['malformed'] : []),
  ]
  const line = words.length === 0 ? `${packet.length} bytes` : words.join(' ')
  return marks.length === 0 ? line : `${line} [${marks.join(', ')}]`
}

function describe(layer: PacketLayer, next: PacketLayer | undefined): string {
  switch (layer.kind) {
    case 'ethernet':
      // Addresses of the network layer say more; without one, these are all there is.
      return next === undefined || next.kind === 'payload' || next.kind === 'trailer'
        ? `Ethernet ${layer.src} > ${layer.dst} ${etherTypeText(layer.etherType)}`
        : ''
    case 'cooked':
      return next === undefined || next.kind === 'payload' ? `cooked ${etherTypeText(layer.etherType)}` : ''
    case 'loopback':
      return next === undefined || next.kind === 'payload' ? `loopback family ${layer.family}` : ''
    case 'vlan': {
      const open = next === undefined || next.kind === 'payload' || next.kind === 'trailer'
      return `VLAN ${layer.id}${open ? ` ${etherTypeText(layer.etherType)}` : ''}`
    }
    case 'arp':
      if (layer.operation === 'request') return `ARP who has ${layer.targetIp} tell ${layer.senderIp}`
      if (layer.operation === 'reply') return `ARP ${layer.senderIp} is at ${layer.senderMac}`
      return `ARP operation ${layer.operation}`
    case 'ipv4':
      return ipText('IPv4', layer, layer.totalLength - layer.headerLength, next)
    case 'ipv6':
      return ipText('IPv6', layer, layer.payloadLength - (layer.headerLength - 40), next)
    case 'tcp':
      return `TCP ${layer.flags.map((flag) => FLAG_LETTERS[flag]).join('') || 'none'} len ${layer.payloadLength}`
    case 'udp':
      return `UDP len ${Math.max(0, layer.length - 8)}`
    case 'icmp':
      return `ICMP ${icmpText(ICMP_NAMES, layer)}`
    case 'icmpv6':
      return `ICMPv6 ${icmpText(ICMPV6_NAMES, layer)}`
    case 'payload':
    case 'trailer':
      return ''
  }
}

function ipText(name: string, ip: Ipv4Layer | Ipv6Layer, payloadLength: number, next: PacketLayer | undefined): string {
  const v6 = ip.kind === 'ipv6'
  const ports = next?.kind === 'tcp' || next?.kind === 'udp' ? next : undefined
  const host = (address: string, port: number | undefined): string =>
    port === undefined ? address : `${v6 ? `[${address}]` : address}:${port}`
  const parts = [`${name} ${host(ip.src, ports?.sport)} > ${host(ip.dst, ports?.dport)}`]
  const fragment = v6 ? ip.fragment : { id: ip.id, offset: ip.fragmentOffset, moreFragments: ip.moreFragments }
  if (fragment !== undefined && (fragment.offset > 0 || fragment.moreFragments)) {
    parts.push(`fragment ${fragment.id}@${fragment.offset}${fragment.moreFragments ? '+' : ''}`)
  }
  if (next === undefined || next.kind === 'payload' || next.kind === 'trailer') {
    parts.push(`${protocolName(ip.protocol)} len ${Math.max(0, payloadLength)}`)
  }
  return parts.join(' ')
}

function icmpText(names: ReadonlyMap<number, string>, layer: PacketLayer & { kind: 'icmp' | 'icmpv6' }): string {
  const name = names.get(layer.type)
  const code = name !== undefined && layer.code === 0 ? '' : ` code ${layer.code}`
  const echo = name?.startsWith('echo') ? ` id ${layer.id} seq ${layer.seq}` : ''
  return `${name ?? `type ${layer.type}`}${code}${echo}`
}

function etherTypeText(etherType: number): string {
  return etherType <= 1500 ? `802.3 len ${etherType}` : `type 0x${etherType.toString(16).padStart(4, '0')}`
}
