/**
 * Packets from fields: `ethernet(ipv4({ src: '10.0.0.1' }, tcp({ dport: 22 })))` is the frame, as bytes.
 *
 * Every builder takes its fields (all optional), then what it carries: another layer, bytes, or text (UTF-8). Lengths,
 * protocol numbers and checksums follow from the nesting unless they are given. `ethernet` gives the bytes; the other
 * builders give a {@link Layer}, whose `bytes` are the packet without what it would lie in.
 *
 * A field that does not fit its bits, or an address that is none, throws ERR_PACKET. Wrong values that do fit (a length
 * that lies, a bad checksum) are allowed: tests need them.
 * @module
 */
import { AnybpfError, concatBytes, encodeUtf8 } from '../util/index.ts'
import { parseIpv4, parseIpv6, parseMac } from './address.ts'
import { internetChecksum, pseudoHeaderSum } from './checksum.ts'
import { checkUint, putU16, putU32 } from './fields.ts'
import { encodeRawOptions, encodeTcpOption, type RawOption, type TcpOption } from './header-options.ts'
import { finalDestination, type Ipv6Extension, ipv6ExtensionLength } from './ipv6-extensions.ts'
import { ETHER_TYPE, IP_PROTOCOL, TCP_FLAGS, type TcpFlag } from './protocols.ts'

/** The addresses of the IP header around a layer: what pseudo headers are made of. */
export interface IpAddresses {
  readonly src: Uint8Array
  readonly dst: Uint8Array
}

/** What a layer says of itself: how the layers around it name it, and its bytes when it lies in them. */
export interface LayerDefinition {
  readonly name: string
  /** Its number in an Ethernet or VLAN header. */
  readonly etherType?: number
  /** Its number in an IPv4 or IPv6 header. */
  readonly protocol?: number
  readonly encode: (addresses: IpAddresses | undefined) => Uint8Array
}

/** A packet layer with everything it carries, not yet placed in another one. One's own protocols are layers too. */
export class Layer {
  readonly name: string
  readonly etherType: number | undefined
  readonly protocol: number | undefined
  private readonly encoder: LayerDefinition['encode']

  constructor(definition: LayerDefinition) {
    this.name = definition.name
    this.etherType = definition.etherType
    this.protocol = definition.protocol
    this.encoder = definition.encode
  }

  /** The bytes of this layer and its payload, inside an IP header with `addresses`. */
  encode(addresses?: IpAddresses): Uint8Array {
    return this.encoder(addresses)
  }

  /** The bytes on their own. A checksum over a pseudo header is zero then, unless it was given. */
  get bytes(): Uint8Array {
    return this.encoder(undefined)
  }
}

export type Payload = Layer | Uint8Array | string

/** Addresses are given as text, or as bytes in network order. */
export type AddressInput = string | Uint8Array

export interface EthernetFields {
  readonly dst?: AddressInput
  readonly src?: AddressInput
  /** Default: the payload's; 0x88b5 (experimental) for bytes. A value below 1536 is an IEEE 802.3 length. */
  readonly etherType?: number
}

export interface VlanFields {
  /** VLAN identifier, 0 to 4095; default 1. */
  readonly id?: number
  readonly priority?: number
  readonly dropEligible?: boolean
  /** How the layer around names this tag: 0x8100 (default), or 0x88a8 for a service tag (QinQ). */
  readonly tpid?: number
  readonly etherType?: number
}

export const ARP_OPERATIONS = { request: 1, reply: 2 } as const

export interface ArpFields {
  readonly operation?: 'request' | 'reply' | number
  readonly senderMac?: AddressInput
  readonly senderIp?: AddressInput
  readonly targetMac?: AddressInput
  readonly targetIp?: AddressInput
}

export interface Ipv4Fields {
  readonly src?: AddressInput
  readonly dst?: AddressInput
  readonly ttl?: number
  readonly dscp?: number
  readonly ecn?: number
  readonly id?: number
  readonly dontFragment?: boolean
  readonly moreFragments?: boolean
  /** In bytes, a multiple of 8. */
  readonly fragmentOffset?: number
  /** Default: the payload's; 253 (experimental) for bytes. */
  readonly protocol?: number
  readonly options?: readonly RawOption[]
  /** What the header claims to be long, in bytes: a multiple of 4, at most 60. */
  readonly headerLength?: number
  readonly totalLength?: number
  readonly checksum?: number
}

export interface Ipv6Fields {
  readonly src?: AddressInput
  readonly dst?: AddressInput
  readonly hopLimit?: number
  readonly dscp?: number
  readonly ecn?: number
  readonly flowLabel?: number
  /** Default: the payload's; 59 (no next header) without payload, 253 (experimental) for bytes. */
  readonly protocol?: number
  /** In the order in which they lie in the packet. */
  readonly extensions?: readonly Ipv6Extension[]
  readonly payloadLength?: number
}

export interface TcpFields {
  readonly sport?: number
  readonly dport?: number
  readonly seq?: number
  readonly ack?: number
  /** Default: `['syn']`. */
  readonly flags?: readonly TcpFlag[]
  /** The three bits between the header length and the flags. */
  readonly reserved?: number
  readonly window?: number
  readonly urgent?: number
  readonly options?: readonly TcpOption[]
  /** What the header claims to be long, in bytes: a multiple of 4, at most 60. */
  readonly headerLength?: number
  readonly checksum?: number
}

export interface UdpFields {
  readonly sport?: number
  readonly dport?: number
  readonly length?: number
  /** 0 means that there is none. */
  readonly checksum?: number
}

/**
 * ICMP and ICMPv6 alike. `id` and `seq` are the two halves of the second word of the header, whatever the type calls
 * them: the next-hop MTU of "fragmentation needed" (RFC 1191) is `seq`.
 */
export interface IcmpFields {
  /** Default: echo request, 8 (ICMP) or 128 (ICMPv6). */
  readonly type?: number
  readonly code?: number
  readonly id?: number
  readonly seq?: number
  readonly checksum?: number
}

const DEFAULT_MAC_SRC = '02:00:00:00:00:01'
const DEFAULT_MAC_DST = '02:00:00:00:00:02'
// Addresses for documentation: RFC 5737 and RFC 3849.
const DEFAULT_IPV4_SRC = '192.0.2.1'
const DEFAULT_IPV4_DST = '192.0.2.2'
const DEFAULT_IPV6_SRC = '2001:db8::1'
const DEFAULT_IPV6_DST = '2001:db8::2'

/** An Ethernet II frame, without preamble, padding and check sequence: as network programs see it. */
export function ethernet(payload?: Payload): Uint8Array
export function ethernet(fields: EthernetFields, payload?: Payload): Uint8Array
export function ethernet(first?: EthernetFields | Payload, second?: Payload): Uint8Array {
  const [fields, payload] = split<EthernetFields>(first, second)
  const header = new Uint8Array(14)
  header.set(macBytes(fields.dst ?? DEFAULT_MAC_DST, 'Ethernet dst'), 0)
  header.set(macBytes(fields.src ?? DEFAULT_MAC_SRC, 'Ethernet src'), 6)
  const etherType = fields.etherType ?? etherTypeOf(payload)
  checkUint(etherType, 16, 'Ethernet etherType')
  putU16(header, 12, etherType)
  return concatBytes([header, payloadBytes(payload)])
}

/** An IEEE 802.1Q tag; nest two of them for QinQ, the outer one with `tpid: 0x88a8`. */
export function vlan(payload?: Payload): Layer
export function vlan(fields: VlanFields, payload?: Payload): Layer
export function vlan(first?: VlanFields | Payload, second?: Payload): Layer {
  const [fields, payload] = split<VlanFields>(first, second)
  const { id = 1, priority = 0, dropEligible = false, tpid = ETHER_TYPE.vlan } = fields
  const etherType = fields.etherType ?? etherTypeOf(payload)
  checkUint(id, 12, 'VLAN id')
  checkUint(priority, 3, 'VLAN priority')
  checkUint(tpid, 16, 'VLAN tpid')
  checkUint(etherType, 16, 'VLAN etherType')
  return new Layer({
    name: 'vlan',
    etherType: tpid,
    encode: () => {
      const header = new Uint8Array(4)
      putU16(header, 0, (priority << 13) | (dropEligible ? 0x1000 : 0) | id)
      putU16(header, 2, etherType)
      return concatBytes([header, payloadBytes(payload)])
    },
  })
}

/** ARP for IPv4 over Ethernet (RFC 826). */
export function arp(fields: ArpFields = {}): Layer {
  const { operation = 'request' } = fields
  const number = typeof operation === 'number' ? operation : ARP_OPERATIONS[operation]
  checkUint(number, 16, 'ARP operation')
  const bytes = new Uint8Array(28)
  bytes.set([0, 1, 8, 0, 6, 4])
  putU16(bytes, 6, number)
  bytes.set(macBytes(fields.senderMac ?? DEFAULT_MAC_SRC, 'ARP senderMac'), 8)
  bytes.set(ipv4Bytes(fields.senderIp ?? DEFAULT_IPV4_SRC, 'ARP senderIp'), 14)
  bytes.set(macBytes(fields.targetMac ?? '00:00:00:00:00:00', 'ARP targetMac'), 18)
  bytes.set(ipv4Bytes(fields.targetIp ?? DEFAULT_IPV4_DST, 'ARP targetIp'), 24)
  return new Layer({ name: 'arp', etherType: ETHER_TYPE.arp, encode: () => bytes.slice() })
}

/** An IPv4 packet (RFC 791). */
export function ipv4(payload?: Payload): Layer
export function ipv4(fields: Ipv4Fields, payload?: Payload): Layer
export function ipv4(first?: Ipv4Fields | Payload, second?: Payload): Layer {
  const [fields, payload] = split<Ipv4Fields>(first, second)
  const { ttl = 64, dscp = 0, ecn = 0, id = 0, fragmentOffset = 0 } = fields
  const protocol = fields.protocol ?? protocolOf(payload, IP_PROTOCOL.experimental)
  const options = encodeRawOptions(fields.options ?? [], 'IPv4')
  const headerLength = fields.headerLength ?? 20 + options.length
  checkHeaderLength(headerLength, 'IPv4')
  checkUint(dscp, 6, 'IPv4 dscp')
  checkUint(ecn, 2, 'IPv4 ecn')
  checkUint(id, 16, 'IPv4 id')
  checkUint(fragmentOffset / 8, 13, 'IPv4 fragmentOffset in units of 8 bytes')
  checkUint(ttl, 8, 'IPv4 ttl')
  checkUint(protocol, 8, 'IPv4 protocol')
  const addresses = {
    src: ipv4Bytes(fields.src ?? DEFAULT_IPV4_SRC, 'IPv4 src'),
    dst: ipv4Bytes(fields.dst ?? DEFAULT_IPV4_DST, 'IPv4 dst'),
  }
  const encode = (): Uint8Array => {
    const body = payloadBytes(payload, addresses)
    const totalLength = fields.totalLength ?? 20 + options.length + body.length
    checkUint(totalLength, 16, 'IPv4 totalLength')
    const header = new Uint8Array(20 + options.length)
    header[0] = 0x40 | (headerLength / 4)
    header[1] = (dscp << 2) | ecn
    putU16(header, 2, totalLength)
    putU16(header, 4, id)
    const flags = (fields.dontFragment ? 0x4000 : 0) | (fields.moreFragments ? 0x2000 : 0)
    putU16(header, 6, flags | (fragmentOffset / 8))
    header[8] = ttl
    header[9] = protocol
    header.set(addresses.src, 12)
    header.set(addresses.dst, 16)
    header.set(options, 20)
    putU16(
      header,
      10,
      checksumField(fields.checksum, 'IPv4', () => internetChecksum(header)),
    )
    return concatBytes([header, body])
  }
  return new Layer({ name: 'ipv4', etherType: ETHER_TYPE.ipv4, protocol: IP_PROTOCOL.ipv4, encode })
}

/** An IPv6 packet (RFC 8200). Hop-by-hop jumbo payloads are not built. */
export function ipv6(payload?: Payload): Layer
export function ipv6(fields: Ipv6Fields, payload?: Payload): Layer
export function ipv6(first?: Ipv6Fields | Payload, second?: Payload): Layer {
  const [fields, payload] = split<Ipv6Fields>(first, second)
  const { hopLimit = 64, dscp = 0, ecn = 0, flowLabel = 0, extensions = [] } = fields
  const noPayload = payload === undefined ? IP_PROTOCOL.noNextHeader : IP_PROTOCOL.experimental
  const protocol = fields.protocol ?? protocolOf(payload, noPayload)
  checkUint(hopLimit, 8, 'IPv6 hopLimit')
  checkUint(dscp, 6, 'IPv6 dscp')
  checkUint(ecn, 2, 'IPv6 ecn')
  checkUint(flowLabel, 20, 'IPv6 flowLabel')
  checkUint(protocol, 8, 'IPv6 protocol')
  for (const { type, bytes } of extensions) checkExtension(type, bytes)
  const src = ipv6Bytes(fields.src ?? DEFAULT_IPV6_SRC, 'IPv6 src')
  const dst = ipv6Bytes(fields.dst ?? DEFAULT_IPV6_DST, 'IPv6 dst')
  const last = finalDestination(dst, extensions)
  const encode = (): Uint8Array => {
    const body = payloadBytes(payload, last && { src, dst: last })
    const chain = extensions.map(({ bytes }, i) => {
      const copy = bytes.slice()
      copy[0] = extensions[i + 1]?.type ?? protocol
      return copy
    })
    const rest = concatBytes([...chain, body])
    const payloadLength = fields.payloadLength ?? rest.length
    checkUint(payloadLength, 16, 'IPv6 payloadLength')
    const header = new Uint8Array(40)
    putU32(header, 0, ((6 << 28) | (dscp << 22) | (ecn << 20) | flowLabel) >>> 0)
    putU16(header, 4, payloadLength)
    header[6] = extensions[0]?.type ?? protocol
    header[7] = hopLimit
    header.set(src, 8)
    header.set(dst, 24)
    return concatBytes([header, rest])
  }
  return new Layer({ name: 'ipv6', etherType: ETHER_TYPE.ipv6, protocol: IP_PROTOCOL.ipv6, encode })
}

/** A TCP segment (RFC 9293). */
export function tcp(payload?: Payload): Layer
export function tcp(fields: TcpFields, payload?: Payload): Layer
export function tcp(first?: TcpFields | Payload, second?: Payload): Layer {
  const [fields, payload] = split<TcpFields>(first, second)
  const { sport = 49152, dport = 80, seq = 0, ack = 0, flags = ['syn'], reserved = 0 } = fields
  const { window = 65535, urgent = 0 } = fields
  const options = encodeRawOptions((fields.options ?? []).map(encodeTcpOption), 'TCP')
  const headerLength = fields.headerLength ?? 20 + options.length
  checkHeaderLength(headerLength, 'TCP')
  checkUint(sport, 16, 'TCP sport')
  checkUint(dport, 16, 'TCP dport')
  checkUint(seq, 32, 'TCP seq')
  checkUint(ack, 32, 'TCP ack')
  checkUint(reserved, 3, 'TCP reserved')
  checkUint(window, 16, 'TCP window')
  checkUint(urgent, 16, 'TCP urgent')
  const flagBits = tcpFlagBits(flags)
  const encode = (addresses: IpAddresses | undefined): Uint8Array => {
    const header = new Uint8Array(20 + options.length)
    putU16(header, 0, sport)
    putU16(header, 2, dport)
    putU32(header, 4, seq)
    putU32(header, 8, ack)
    putU16(header, 12, ((headerLength / 4) << 12) | (reserved << 9) | flagBits)
    putU16(header, 14, window)
    putU16(header, 18, urgent)
    header.set(options, 20)
    const segment = concatBytes([header, payloadBytes(payload)])
    putU16(segment, 16, transportChecksum(fields.checksum, 'TCP', IP_PROTOCOL.tcp, segment, addresses))
    return segment
  }
  return new Layer({ name: 'tcp', protocol: IP_PROTOCOL.tcp, encode })
}

/** A UDP datagram (RFC 768). */
export function udp(payload?: Payload): Layer
export function udp(fields: UdpFields, payload?: Payload): Layer
export function udp(first?: UdpFields | Payload, second?: Payload): Layer {
  const [fields, payload] = split<UdpFields>(first, second)
  const { sport = 49152, dport = 53 } = fields
  checkUint(sport, 16, 'UDP sport')
  checkUint(dport, 16, 'UDP dport')
  const encode = (addresses: IpAddresses | undefined): Uint8Array => {
    const datagram = concatBytes([new Uint8Array(8), payloadBytes(payload)])
    const length = fields.length ?? datagram.length
    checkUint(length, 16, 'UDP length')
    putU16(datagram, 0, sport)
    putU16(datagram, 2, dport)
    putU16(datagram, 4, length)
    const checksum = transportChecksum(fields.checksum, 'UDP', IP_PROTOCOL.udp, datagram, addresses)
    // Zero would say that there is no checksum; its other one's complement form is sent instead.
    const computedZero = checksum === 0 && fields.checksum === undefined && addresses !== undefined
    putU16(datagram, 6, computedZero ? 0xffff : checksum)
    return datagram
  }
  return new Layer({ name: 'udp', protocol: IP_PROTOCOL.udp, encode })
}

/** An ICMP message (RFC 792). */
export function icmp(payload?: Payload): Layer
export function icmp(fields: IcmpFields, payload?: Payload): Layer
export function icmp(first?: IcmpFields | Payload, second?: Payload): Layer {
  const [fields, payload] = split<IcmpFields>(first, second)
  const header = icmpHeader(fields, 8, 'ICMP')
  const encode = (): Uint8Array => {
    const message = concatBytes([header, payloadBytes(payload)])
    putU16(
      message,
      2,
      checksumField(fields.checksum, 'ICMP', () => internetChecksum(message)),
    )
    return message
  }
  return new Layer({ name: 'icmp', protocol: IP_PROTOCOL.icmp, encode })
}

/** An ICMPv6 message (RFC 4443), whose checksum covers the IPv6 addresses. */
export function icmpv6(payload?: Payload): Layer
export function icmpv6(fields: IcmpFields, payload?: Payload): Layer
export function icmpv6(first?: IcmpFields | Payload, second?: Payload): Layer {
  const [fields, payload] = split<IcmpFields>(first, second)
  const header = icmpHeader(fields, 128, 'ICMPv6')
  const encode = (addresses: IpAddresses | undefined): Uint8Array => {
    const message = concatBytes([header, payloadBytes(payload)])
    putU16(message, 2, transportChecksum(fields.checksum, 'ICMPv6', IP_PROTOCOL.icmpv6, message, addresses))
    return message
  }
  return new Layer({ name: 'icmpv6', protocol: IP_PROTOCOL.icmpv6, encode })
}

function icmpHeader({ type, code = 0, id = 0, seq = 0 }: IcmpFields, echo: number, what: string): Uint8Array {
  checkUint(type ?? echo, 8, `${what} type`)
  checkUint(code, 8, `${what} code`)
  checkUint(id, 16, `${what} id`)
  checkUint(seq, 16, `${what} seq`)
  const header = new Uint8Array(8)
  header[0] = type ?? echo
  header[1] = code
  putU16(header, 4, id)
  putU16(header, 6, seq)
  return header
}

/** Splits what a builder was called with: fields may be left out. */
function split<F extends object>(first: F | Payload | undefined, second: Payload | undefined): [Partial<F>, Payload?] {
  if (typeof first === 'string' || first instanceof Uint8Array || first instanceof Layer) {
    if (second !== undefined) throw new AnybpfError('ERR_PACKET', 'a packet layer takes its fields before its payload')
    return [{}, first]
  }
  return second === undefined ? [first ?? {}] : [first ?? {}, second]
}

function payloadBytes(payload: Payload | undefined, addresses?: IpAddresses): Uint8Array {
  if (payload === undefined) return new Uint8Array(0)
  if (typeof payload === 'string') return encodeUtf8(payload)
  return payload instanceof Layer ? payload.encode(addresses) : payload
}

function etherTypeOf(payload: Payload | undefined): number {
  if (!(payload instanceof Layer)) return ETHER_TYPE.experimental
  if (payload.etherType === undefined) {
    throw new AnybpfError('ERR_PACKET', `${payload.name} has no EtherType: put it into ipv4 or ipv6, or give etherType`)
  }
  return payload.etherType
}

function protocolOf(payload: Payload | undefined, fallback: number): number {
  if (!(payload instanceof Layer)) return fallback
  if (payload.protocol === undefined) {
    throw new AnybpfError('ERR_PACKET', `${payload.name} has no IP protocol number: give protocol`)
  }
  return payload.protocol
}

function checksumField(given: number | undefined, what: string, compute: () => number): number {
  if (given === undefined) return compute()
  checkUint(given, 16, `${what} checksum`)
  return given
}

function transportChecksum(
  given: number | undefined,
  what: string,
  protocol: number,
  bytes: Uint8Array,
  addresses: IpAddresses | undefined,
): number {
  return checksumField(given, what, () =>
    addresses === undefined
      ? 0
      : internetChecksum(bytes, pseudoHeaderSum(addresses.src, addresses.dst, protocol, bytes.length)),
  )
}

function tcpFlagBits(flags: readonly TcpFlag[]): number {
  let bits = 0
  for (const flag of flags) {
    const bit = TCP_FLAGS.indexOf(flag)
    if (bit < 0) throw new AnybpfError('ERR_PACKET', `no TCP flag is named ${JSON.stringify(flag)}`)
    bits |= 1 << bit
  }
  return bits
}

function checkHeaderLength(length: number, what: string): void {
  checkUint(length / 4, 4, `${what} headerLength in units of 4 bytes`)
}

function checkExtension(type: number, bytes: Uint8Array): void {
  checkUint(type, 8, 'IPv6 extension type')
  const stated = bytes.length >= 8 ? ipv6ExtensionLength(type, bytes[1]!) : undefined
  if (stated !== bytes.length) {
    const why = stated === undefined ? 'shorter than 8' : `its length field says ${stated}`
    throw new AnybpfError('ERR_PACKET', `IPv6 extension ${type} has ${bytes.length} bytes, ${why}`)
  }
}

function macBytes(address: AddressInput, what: string): Uint8Array {
  return addressBytes(address, 6, what, parseMac)
}

function ipv4Bytes(address: AddressInput, what: string): Uint8Array {
  return addressBytes(address, 4, what, parseIpv4)
}

function ipv6Bytes(address: AddressInput, what: string): Uint8Array {
  return addressBytes(address, 16, what, parseIpv6)
}

function addressBytes(
  address: AddressInput,
  length: number,
  what: string,
  parse: (text: string) => Uint8Array,
): Uint8Array {
  if (typeof address === 'string') return parse(address)
  if (address.length !== length) {
    throw new AnybpfError('ERR_PACKET', `${what} has ${address.length} bytes, not ${length}`)
  }
  return address.slice()
}
