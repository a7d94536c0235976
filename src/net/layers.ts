/**
 * The layers that `dissect` tells apart, as plain data. The field names are those of the builders.
 * @module
 */
import type { RawOption, TcpOption } from './header-options.ts'
import type { Ipv6Extension } from './ipv6-extensions.ts'
import type { TcpFlag } from './protocols.ts'

/** Where a header lies in the packet, in bytes. */
export interface HeaderPlace {
  readonly offset: number
  readonly headerLength: number
}

export interface EthernetLayer extends HeaderPlace {
  readonly kind: 'ethernet'
  readonly dst: string
  readonly src: string
  readonly etherType: number
}

/** Linux "cooked" capture header, version 1 or 2: what `tcpdump -i any` sees instead of Ethernet. */
export interface CookedLayer extends HeaderPlace {
  readonly kind: 'cooked'
  /** 0 to us, 1 broadcast, 2 multicast, 3 to somebody else, 4 from us. */
  readonly packetType: number
  readonly etherType: number
}

/** BSD loopback header; `family` is the sending system's AF_ number. */
export interface LoopbackLayer extends HeaderPlace {
  readonly kind: 'loopback'
  readonly family: number
}

export interface VlanLayer extends HeaderPlace {
  readonly kind: 'vlan'
  readonly tpid: number
  readonly id: number
  readonly priority: number
  readonly dropEligible: boolean
  readonly etherType: number
}

export interface ArpLayer extends HeaderPlace {
  readonly kind: 'arp'
  readonly operation: 'request' | 'reply' | number
  readonly senderMac: string
  readonly senderIp: string
  readonly targetMac: string
  readonly targetIp: string
}

export interface Ipv4Layer extends HeaderPlace {
  readonly kind: 'ipv4'
  readonly dscp: number
  readonly ecn: number
  readonly totalLength: number
  readonly id: number
  readonly dontFragment: boolean
  readonly moreFragments: boolean
  /** In bytes. */
  readonly fragmentOffset: number
  readonly ttl: number
  readonly protocol: number
  readonly checksum: number
  readonly checksumOk: boolean
  readonly src: string
  readonly dst: string
  readonly options: readonly RawOption[]
}

export interface Ipv6Layer extends HeaderPlace {
  readonly kind: 'ipv6'
  readonly dscp: number
  readonly ecn: number
  readonly flowLabel: number
  readonly payloadLength: number
  /** What follows the extension headers. */
  readonly protocol: number
  readonly hopLimit: number
  readonly src: string
  readonly dst: string
  /** They lie directly after the 40 bytes of the header, and are counted in `headerLength`. */
  readonly extensions: readonly Ipv6Extension[]
  /** What the fragment header says, if there is one; `offset` in bytes. */
  readonly fragment?: { readonly offset: number; readonly moreFragments: boolean; readonly id: number }
}

export interface TcpLayer extends HeaderPlace {
  readonly kind: 'tcp'
  readonly sport: number
  readonly dport: number
  readonly seq: number
  readonly ack: number
  readonly reserved: number
  readonly flags: readonly TcpFlag[]
  readonly window: number
  readonly checksum: number
  /** `undefined` where it cannot be told: data missing, or a fragment. */
  readonly checksumOk: boolean | undefined
  readonly urgent: number
  readonly options: readonly TcpOption[]
  /** Bytes of data according to the IP header, captured or not. */
  readonly payloadLength: number
}

export interface UdpLayer extends HeaderPlace {
  readonly kind: 'udp'
  readonly sport: number
  readonly dport: number
  readonly length: number
  readonly checksum: number
  /** `undefined` where it cannot be told, and where the sender gave none (zero). */
  readonly checksumOk: boolean | undefined
}

/** `id` and `seq` are the halves of the second word of the header, for every type. */
export interface IcmpLayer extends HeaderPlace {
  readonly kind: 'icmp' | 'icmpv6'
  readonly type: number
  readonly code: number
  readonly checksum: number
  readonly checksumOk: boolean | undefined
  readonly id: number
  readonly seq: number
}

/** What no header here explains. `bytes` is a view into the packet. */
export interface PayloadLayer {
  readonly kind: 'payload'
  readonly offset: number
  readonly bytes: Uint8Array
}

/** Bytes after the end that the IP header states: padding of short Ethernet frames, mostly. A view. */
export interface TrailerLayer {
  readonly kind: 'trailer'
  readonly offset: number
  readonly bytes: Uint8Array
}

export type PacketLayer =
  | EthernetLayer
  | CookedLayer
  | LoopbackLayer
  | VlanLayer
  | ArpLayer
  | Ipv4Layer
  | Ipv6Layer
  | TcpLayer
  | UdpLayer
  | IcmpLayer
  | PayloadLayer
  | TrailerLayer
