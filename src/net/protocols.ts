/**
 * Numbers that packets and captures are made of: EtherTypes, IP protocols, ICMP types, TCP flags, link types.
 * @see https://www.iana.org/assignments/ieee-802-numbers
 * @see https://www.iana.org/assignments/protocol-numbers
 * @see https://www.tcpdump.org/linktypes.html
 * @module
 */

export const ETHER_TYPE = {
  ipv4: 0x0800,
  arp: 0x0806,
  vlan: 0x8100, // IEEE 802.1Q, customer tag
  ipv6: 0x86dd,
  serviceVlan: 0x88a8, // IEEE 802.1ad, service tag (QinQ)
  experimental: 0x88b5, // IEEE 802, for local experiments
  oldServiceVlan: 0x9100, // QinQ before 802.1ad; Linux names it ETH_P_QINQ1
} as const

export const IP_PROTOCOL = {
  hopByHop: 0,
  icmp: 1,
  ipv4: 4,
  tcp: 6,
  udp: 17,
  ipv6: 41,
  routing: 43,
  fragment: 44,
  gre: 47,
  esp: 50,
  authentication: 51,
  icmpv6: 58,
  noNextHeader: 59,
  destinationOptions: 60,
  sctp: 132,
  mobility: 135,
  hostIdentity: 139,
  shim6: 140,
  experimental: 253, // RFC 3692
} as const

const PROTOCOL_NAMES = new Map<number, string>([
  [IP_PROTOCOL.icmp, 'ICMP'],
  [2, 'IGMP'],
  [IP_PROTOCOL.ipv4, 'IPv4'],
  [IP_PROTOCOL.tcp, 'TCP'],
  [IP_PROTOCOL.udp, 'UDP'],
  [IP_PROTOCOL.ipv6, 'IPv6'],
  [IP_PROTOCOL.gre, 'GRE'],
  [IP_PROTOCOL.esp, 'ESP'],
  [IP_PROTOCOL.authentication, 'AH'],
  [IP_PROTOCOL.icmpv6, 'ICMPv6'],
  [89, 'OSPF'],
  [IP_PROTOCOL.sctp, 'SCTP'],
])

/** `TCP`, `UDP`, …, or `protocol 200`. */
export function protocolName(protocol: number): string {
  return PROTOCOL_NAMES.get(protocol) ?? `protocol ${protocol}`
}

/** TCP flags, from bit 0 upwards (RFC 9293, section 3.1; `ae` is RFC 9768's, formerly NS). */
export const TCP_FLAGS = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ae'] as const
export type TcpFlag = (typeof TCP_FLAGS)[number]

/** Link types of captures whose packets can be dissected here. Captures may have any other number too. */
export const LINK_TYPE = {
  null: 0, // BSD loopback: a 4-byte address family
  ethernet: 1,
  raw: 101, // begins with an IPv4 or IPv6 header
  loop: 108, // OpenBSD loopback: as `null`, in network byte order
  linuxCooked: 113, // `tcpdump -i any`, SLL
  ipv4: 228,
  ipv6: 229,
  linuxCooked2: 276, // SLL2
} as const

const LINK_TYPE_NAMES = new Map<number, string>([
  [LINK_TYPE.null, 'NULL'],
  [LINK_TYPE.ethernet, 'EN10MB'],
  [LINK_TYPE.raw, 'RAW'],
  [LINK_TYPE.loop, 'LOOP'],
  [105, 'IEEE802_11'],
  [LINK_TYPE.linuxCooked, 'LINUX_SLL'],
  [127, 'IEEE802_11_RADIO'],
  [189, 'USB_LINUX'],
  [220, 'USB_LINUX_MMAPPED'],
  [LINK_TYPE.ipv4, 'IPV4'],
  [LINK_TYPE.ipv6, 'IPV6'],
  [253, 'NETLINK'],
  [LINK_TYPE.linuxCooked2, 'LINUX_SLL2'],
])

/** The name tcpdump gives a link type, such as `EN10MB`; or `link type 300`. */
export function linkTypeName(linkType: number): string {
  return LINK_TYPE_NAMES.get(linkType) ?? `link type ${linkType}`
}
