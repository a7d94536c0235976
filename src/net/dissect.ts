/**
 * A packet as typed layers, for people, tests and tools.
 *
 * Total: any bytes give a {@link Dissection}; what cannot be read becomes payload, and `problems` says why. The field
 * names are those of the builders, so what was built reads back equal. Bounded: time is linear in the packet, and at
 * most {@link MAX_LAYERS} layers are told apart.
 * @module
 */
import { formatIpv4, formatIpv6, formatMac } from './address.ts'
import { ARP_OPERATIONS } from './build.ts'
import { checksumHolds, pseudoHeaderSum } from './checksum.ts'
import { decodeTcpOption, parseRawOptions } from './header-options.ts'
import { finalDestination, type Ipv6Extension, ipv6ExtensionLength, isIpv6Extension } from './ipv6-extensions.ts'
import type { HeaderPlace, Ipv6Layer, PacketLayer, PayloadLayer, TrailerLayer } from './layers.ts'
import { ETHER_TYPE, IP_PROTOCOL, LINK_TYPE, linkTypeName, TCP_FLAGS } from './protocols.ts'

/** Nested tags, tunnels and extension headers beyond this many are left as payload. */
export const MAX_LAYERS = 64

export interface Dissection {
  /** From the outside in; payload, if any, then the trailer, if any, come last. */
  readonly layers: readonly PacketLayer[]
  /** Bytes are missing: a header or a stated length reaches beyond the end. */
  readonly truncated: boolean
  /** One line for each thing that is malformed or missing. */
  readonly problems: readonly string[]
}

export interface DissectOptions {
  /** What the packet begins with, as captures number it; default Ethernet. */
  readonly linkType?: number
}

/** Takes a packet apart. Never throws. */
export function dissect(packet: Uint8Array, options: DissectOptions = {}): Dissection {
  const walk = new Walk(packet)
  let step: Step | undefined = firstStep(options.linkType ?? LINK_TYPE.ethernet, walk)
  // Headers name their successor; a loop, since hostile packets nest deeper than a call stack should.
  while (step !== undefined) {
    if (walk.layers.length >= MAX_LAYERS) {
      walk.problems.push(`more than ${MAX_LAYERS} headers`)
      break
    }
    step = step(walk)
  }
  return walk.finish()
}

type Step = (walk: Walk) => Step | undefined

/** The IP header around what is being read. */
interface IpContext {
  /** Addresses of the pseudo header; `undefined` where a checksum over it cannot be told. */
  readonly src: Uint8Array
  readonly dst: Uint8Array | undefined
  /** The payload is all there, and no fragment. */
  readonly whole: boolean
  /** Where the stated payload ends, captured or not. */
  readonly statedEnd: number
}

class Walk {
  readonly layers: PacketLayer[] = []
  readonly problems: string[] = []
  readonly bytes: Uint8Array
  truncated = false
  /** Start of what is not yet read. */
  at = 0
  /** End of what headers so far say belongs to the packet, at most the end of the bytes. */
  end: number
  ip: IpContext | undefined
  private readonly view: DataView

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.end = bytes.length
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Whether a header of `length` bytes is there; if not, notes that it is cut short. */
  has(length: number, what: string): boolean {
    const left = this.end - this.at
    if (left >= length) return true
    // A stated end before the captured one is a lie of the headers, not a lack of bytes.
    if (this.end === this.bytes.length) this.truncated = true
    this.problems.push(`${what} has ${left} bytes of ${length}`)
    return false
  }

  u8(offset: number): number {
    return this.view.getUint8(this.at + offset)
  }

  u16(offset: number): number {
    return this.view.getUint16(this.at + offset)
  }

  u32(offset: number): number {
    return this.view.getUint32(this.at + offset)
  }

  slice(offset: number, length: number): Uint8Array {
    return this.bytes.subarray(this.at + offset, this.at + offset + length)
  }

  /** Appends a layer and moves behind its header. */
  push(layer: Exclude<PacketLayer, PayloadLayer | TrailerLayer>): void {
    this.layers.push(layer)
    this.at += layer.headerLength
  }

  place(headerLength: number): HeaderPlace {
    return { offset: this.at, headerLength }
  }

  /** Narrows to a stated end, or notes that bytes are missing. */
  limit(statedEnd: number, what: string): void {
    if (statedEnd <= this.end) this.end = statedEnd
    else {
      if (this.end === this.bytes.length) this.truncated = true
      this.problems.push(`${what} ends ${statedEnd - this.end} bytes after the data`)
    }
  }

  finish(): Dissection {
    const { bytes, at, end } = this
    if (at < end) this.layers.push({ kind: 'payload', offset: at, bytes: bytes.subarray(at, end) })
    if (end < bytes.length) this.layers.push({ kind: 'trailer', offset: end, bytes: bytes.subarray(end) })
    return { layers: this.layers, truncated: this.truncated, problems: this.problems }
  }
}

function firstStep(linkType: number, walk: Walk): Step | undefined {
  switch (linkType) {
    case LINK_TYPE.ethernet:
      return ethernetStep
    case LINK_TYPE.raw:
    case 12: // what captures of raw IP say on BSD (DLT_RAW), without having been renumbered
    case 14:
      return rawIpStep
    case LINK_TYPE.ipv4:
      return ipv4Step
    case LINK_TYPE.ipv6:
      return ipv6Step
    case LINK_TYPE.null:
    case LINK_TYPE.loop:
      return loopbackStep
    case LINK_TYPE.linuxCooked:
      return cookedStep
    case LINK_TYPE.linuxCooked2:
      return cooked2Step
    default:
      walk.problems.push(`${linkTypeName(linkType)} is not dissected`)
      return undefined
  }
}

function ethernetStep(walk: Walk): Step | undefined {
  if (!walk.has(14, 'Ethernet header')) return undefined
  const etherType = walk.u16(12)
  walk.push({
    kind: 'ethernet',
    ...walk.place(14),
    dst: formatMac(walk.bytes, walk.at),
    src: formatMac(walk.bytes, walk.at + 6),
    etherType,
  })
  if (etherType <= 1500) {
    walk.limit(walk.at + etherType, 'IEEE 802.3 frame')
    return undefined
  }
  return etherTypeStep(etherType)
}

function etherTypeStep(etherType: number): Step | undefined {
  switch (etherType) {
    case ETHER_TYPE.ipv4:
      return ipv4Step
    case ETHER_TYPE.ipv6:
      return ipv6Step
    case ETHER_TYPE.arp:
      return arpStep
    case ETHER_TYPE.vlan:
    case ETHER_TYPE.serviceVlan:
    case ETHER_TYPE.oldServiceVlan:
      return vlanStep(etherType)
    default:
      return undefined
  }
}

function rawIpStep(walk: Walk): Step | undefined {
  if (!walk.has(1, 'IP header')) return undefined
  const version = walk.u8(0) >> 4
  if (version === 4) return ipv4Step
  if (version === 6) return ipv6Step
  walk.problems.push(`IP version is ${version}`)
  return undefined
}

/** AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, and 24, 28 or 30 on the BSDs. */
const LOOPBACK_FAMILIES: ReadonlyMap<number, Step> = new Map([
  [2, ipv4Step],
  [10, ipv6Step],
  [24, ipv6Step],
  [28, ipv6Step],
  [30, ipv6Step],
])

function loopbackStep(walk: Walk): Step | undefined {
  if (!walk.has(4, 'loopback header')) return undefined
  const big = walk.u32(0)
  // Written in the sender's byte order, which nothing states; families are small numbers.
  const family = big > 0xffff ? ((big >>> 24) | ((big >>> 8) & 0xff00)) >>> 0 : big
  walk.push({ kind: 'loopback', ...walk.place(4), family })
  return LOOPBACK_FAMILIES.get(family)
}

function cookedStep(walk: Walk): Step | undefined {
  if (!walk.has(16, 'Linux cooked header')) return undefined
  const etherType = walk.u16(14)
  walk.push({ kind: 'cooked', ...walk.place(16), packetType: walk.u16(0), etherType })
  return etherTypeStep(etherType)
}

function cooked2Step(walk: Walk): Step | undefined {
  if (!walk.has(20, 'Linux cooked header')) return undefined
  const etherType = walk.u16(0)
  walk.push({ kind: 'cooked', ...walk.place(20), packetType: walk.u8(10), etherType })
  return etherTypeStep(etherType)
}

function vlanStep(tpid: number): Step {
  return (walk) => {
    if (!walk.has(4, 'VLAN tag')) return undefined
    const control = walk.u16(0)
    const etherType = walk.u16(2)
    walk.push({
      kind: 'vlan',
      ...walk.place(4),
      tpid,
      id: control & 0xfff,
      priority: control >> 13,
      dropEligible: (control & 0x1000) !== 0,
      etherType,
    })
    return etherTypeStep(etherType)
  }
}

function arpStep(walk: Walk): Step | undefined {
  if (!walk.has(8, 'ARP header')) return undefined
  if (walk.u16(0) !== 1 || walk.u16(2) !== ETHER_TYPE.ipv4 || walk.u8(4) !== 6 || walk.u8(5) !== 4) {
    walk.problems.push('ARP is not for IPv4 over Ethernet')
    return undefined
  }
  if (!walk.has(28, 'ARP')) return undefined
  const operation = walk.u16(6)
  const { at } = walk
  walk.push({
    kind: 'arp',
    ...walk.place(28),
    operation:
      operation === ARP_OPERATIONS.request ? 'request' : operation === ARP_OPERATIONS.reply ? 'reply' : operation,
    senderMac: formatMac(walk.bytes, at + 8),
    senderIp: formatIpv4(walk.bytes, at + 14),
    targetMac: formatMac(walk.bytes, at + 18),
    targetIp: formatIpv4(walk.bytes, at + 24),
  })
  // Whatever follows pads the frame.
  walk.end = walk.at
  return undefined
}

function ipv4Step(walk: Walk): Step | undefined {
  if (!walk.has(20, 'IPv4 header')) return undefined
  const start = walk.at
  const version = walk.u8(0) >> 4
  const headerLength = (walk.u8(0) & 0xf) * 4
  if (version !== 4 || headerLength < 20) {
    walk.problems.push(version === 4 ? `IPv4 header length is ${headerLength}` : `IPv4 header has version ${version}`)
    return undefined
  }
  if (!walk.has(headerLength, 'IPv4 header')) return undefined
  const totalLength = walk.u16(2)
  const word = walk.u16(6)
  const fragmentOffset = (word & 0x1fff) * 8
  const moreFragments = (word & 0x2000) !== 0
  const src = walk.slice(12, 4)
  const dst = walk.slice(16, 4)
  const { options, problem } = parseRawOptions(walk.slice(20, headerLength - 20))
  if (problem !== undefined) walk.problems.push(`IPv4 ${problem}`)
  const protocol = walk.u8(9)
  walk.push({
    kind: 'ipv4',
    ...walk.place(headerLength),
    dscp: walk.u8(1) >> 2,
    ecn: walk.u8(1) & 3,
    totalLength,
    id: walk.u16(4),
    dontFragment: (word & 0x4000) !== 0,
    moreFragments,
    fragmentOffset,
    ttl: walk.u8(8),
    protocol,
    checksum: walk.u16(10),
    checksumOk: checksumHolds(walk.slice(0, headerLength)),
    src: formatIpv4(src),
    dst: formatIpv4(dst),
    options,
  })
  if (totalLength < headerLength) {
    walk.problems.push(`IPv4 total length is ${totalLength}, less than its header's ${headerLength}`)
    return undefined
  }
  const statedEnd = start + totalLength
  walk.limit(statedEnd, 'IPv4 packet')
  walk.ip = { src, dst, whole: walk.end === statedEnd && !moreFragments && fragmentOffset === 0, statedEnd }
  // Only the first fragment begins with a header.
  return fragmentOffset === 0 ? protocolStep(protocol) : undefined
}

function ipv6Step(walk: Walk): Step | undefined {
  if (!walk.has(40, 'IPv6 header')) return undefined
  const start = walk.at
  const word = walk.u32(0)
  if (word >>> 28 !== 6) {
    walk.problems.push(`IPv6 header has version ${word >>> 28}`)
    return undefined
  }
  const payloadLength = walk.u16(4)
  const src = walk.slice(8, 16)
  const dst = walk.slice(24, 16)
  const hopLimit = walk.u8(7)
  const statedEnd = start + 40 + payloadLength
  walk.limit(statedEnd, 'IPv6 packet')
  const chain = readExtensions(walk, walk.u8(6))
  const { extensions, protocol, fragment } = chain
  walk.push({
    kind: 'ipv6',
    offset: start,
    headerLength: chain.end - start,
    dscp: (word >>> 22) & 0x3f,
    ecn: (word >>> 20) & 3,
    flowLabel: word & 0xfffff,
    payloadLength,
    protocol,
    hopLimit,
    src: formatIpv6(src),
    dst: formatIpv6(dst),
    extensions,
    ...(fragment && { fragment }),
  })
  const partial = fragment !== undefined && (fragment.offset !== 0 || fragment.moreFragments)
  walk.ip = {
    src,
    dst: finalDestination(dst, extensions),
    whole: walk.end === statedEnd && !partial,
    statedEnd,
  }
  return chain.complete && (fragment?.offset ?? 0) === 0 ? protocolStep(protocol) : undefined
}

interface ExtensionChain {
  readonly extensions: Ipv6Extension[]
  readonly protocol: number
  readonly fragment: Ipv6Layer['fragment']
  /** Where the chain ends in the packet. */
  readonly end: number
  /** False if an extension header is cut short; `protocol` is its type then. */
  readonly complete: boolean
}

function readExtensions(walk: Walk, first: number): ExtensionChain {
  const extensions: Ipv6Extension[] = []
  let fragment: Ipv6Layer['fragment']
  let protocol = first
  let offset = 40
  let complete = true
  // Behind the first fragment's header other fragments hold data, not headers.
  while (isIpv6Extension(protocol) && (fragment?.offset ?? 0) === 0) {
    const left = walk.end - walk.at - offset
    const length = left >= 8 ? ipv6ExtensionLength(protocol, walk.u8(offset + 1)) : 8
    if (length > left || extensions.length >= MAX_LAYERS) {
      if (length > left && walk.end === walk.bytes.length) walk.truncated = true
      walk.problems.push(
        length > left
          ? `IPv6 extension ${protocol} has ${left} bytes of ${length}`
          : `more than ${MAX_LAYERS} IPv6 extensions`,
      )
      complete = false
      break
    }
    extensions.push({ type: protocol, bytes: walk.slice(offset, length) })
    if (protocol === IP_PROTOCOL.fragment) {
      const word = walk.u16(offset + 2)
      fragment = { offset: word & 0xfff8, moreFragments: (word & 1) !== 0, id: walk.u32(offset + 4) }
    }
    protocol = walk.u8(offset)
    offset += length
  }
  return { extensions, protocol, fragment, end: walk.at + offset, complete }
}

function protocolStep(protocol: number): Step | undefined {
  switch (protocol) {
    case IP_PROTOCOL.tcp:
      return tcpStep
    case IP_PROTOCOL.udp:
      return udpStep
    case IP_PROTOCOL.icmp:
      return icmpStep
    case IP_PROTOCOL.icmpv6:
      return icmpv6Step
    case IP_PROTOCOL.ipv4:
      return ipv4Step
    case IP_PROTOCOL.ipv6:
      return ipv6Step
    default:
      return undefined
  }
}

function tcpStep(walk: Walk): Step | undefined {
  if (!walk.has(20, 'TCP header')) return undefined
  const word = walk.u16(12)
  const headerLength = (word >> 12) * 4
  if (headerLength < 20) {
    walk.problems.push(`TCP header length is ${headerLength}`)
    return undefined
  }
  if (!walk.has(headerLength, 'TCP header')) return undefined
  const { options, problem } = parseRawOptions(walk.slice(20, headerLength - 20))
  if (problem !== undefined) walk.problems.push(`TCP ${problem}`)
  walk.push({
    kind: 'tcp',
    ...walk.place(headerLength),
    sport: walk.u16(0),
    dport: walk.u16(2),
    seq: walk.u32(4),
    ack: walk.u32(8),
    reserved: (word >> 9) & 7,
    flags: TCP_FLAGS.filter((_, bit) => (word & (1 << bit)) !== 0),
    window: walk.u16(14),
    checksum: walk.u16(16),
    checksumOk: transportChecksumOk(walk, IP_PROTOCOL.tcp, walk.end - walk.at),
    urgent: walk.u16(18),
    options: options.map(decodeTcpOption),
    payloadLength: (walk.ip?.statedEnd ?? walk.end) - walk.at - headerLength,
  })
  return undefined
}

function udpStep(walk: Walk): Step | undefined {
  if (!walk.has(8, 'UDP header')) return undefined
  const start = walk.at
  const length = walk.u16(4)
  const left = (walk.ip?.statedEnd ?? walk.end) - start
  const checksum = walk.u16(6)
  const usable = length >= 8 && length <= left
  walk.push({
    kind: 'udp',
    ...walk.place(8),
    sport: walk.u16(0),
    dport: walk.u16(2),
    length,
    checksum,
    checksumOk: checksum !== 0 && usable ? transportChecksumOk(walk, IP_PROTOCOL.udp, length) : undefined,
  })
  // The first of several fragments states the length of the whole datagram.
  if (usable) walk.end = Math.min(walk.end, start + length)
  else if (walk.ip?.whole !== false) walk.problems.push(`UDP length is ${length}, of ${left} bytes`)
  return undefined
}

function icmpStep(walk: Walk): Step | undefined {
  return anyIcmp(walk, 'icmp', () =>
    walk.ip?.whole === true ? checksumHolds(walk.slice(0, walk.end - walk.at)) : undefined,
  )
}

function icmpv6Step(walk: Walk): Step | undefined {
  return anyIcmp(walk, 'icmpv6', () => transportChecksumOk(walk, IP_PROTOCOL.icmpv6, walk.end - walk.at))
}

function anyIcmp(walk: Walk, kind: 'icmp' | 'icmpv6', checksumOk: () => boolean | undefined): undefined {
  if (!walk.has(8, kind === 'icmp' ? 'ICMP header' : 'ICMPv6 header')) return
  walk.push({
    kind,
    ...walk.place(8),
    type: walk.u8(0),
    code: walk.u8(1),
    checksum: walk.u16(2),
    checksumOk: checksumOk(),
    id: walk.u16(4),
    seq: walk.u16(6),
  })
}

function transportChecksumOk(walk: Walk, protocol: number, length: number): boolean | undefined {
  const { ip } = walk
  if (ip === undefined || !ip.whole || ip.dst === undefined) return undefined
  return checksumHolds(walk.slice(0, length), pseudoHeaderSum(ip.src, ip.dst, protocol, length))
}
