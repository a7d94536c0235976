/**
 * IPv6 extension headers: which there are, how long they are, and what the routing header does to checksums.
 * @see https://www.rfc-editor.org/rfc/rfc8200#section-4
 * @see https://www.iana.org/assignments/ipv6-parameters
 * @module
 */
import { IP_PROTOCOL } from './protocols.ts'

/**
 * One extension header: its protocol number, and the whole header as it lies in the packet. When a packet is built, the
 * first byte (next header) is filled in.
 */
export interface Ipv6Extension {
  readonly type: number
  readonly bytes: Uint8Array
}

const EXTENSION_TYPES: ReadonlySet<number> = new Set([
  IP_PROTOCOL.hopByHop,
  IP_PROTOCOL.routing,
  IP_PROTOCOL.fragment,
  IP_PROTOCOL.authentication,
  IP_PROTOCOL.destinationOptions,
  IP_PROTOCOL.mobility,
  IP_PROTOCOL.hostIdentity,
  IP_PROTOCOL.shim6,
])

/** ESP is not among them: what follows it is encrypted, so it is a payload here. */
export function isIpv6Extension(protocol: number): boolean {
  return EXTENSION_TYPES.has(protocol)
}

/** Bytes of an extension header, from its type and second byte. */
export function ipv6ExtensionLength(type: number, lengthByte: number): number {
  if (type === IP_PROTOCOL.fragment) return 8
  if (type === IP_PROTOCOL.authentication) return (lengthByte + 2) * 4 // RFC 4302, section 2.2
  return (lengthByte + 1) * 8
}

/**
 * The destination that a pseudo header names: the last one, when a routing header still has segments to visit (RFC
 * 8200, section 8.1). `undefined` when the routing type is one whose last address is not known here.
 */
export function finalDestination(dst: Uint8Array, extensions: readonly Ipv6Extension[]): Uint8Array | undefined {
  let final: Uint8Array = dst
  for (const { type, bytes } of extensions) {
    if (type !== IP_PROTOCOL.routing || bytes.length < 8 || bytes[3] === 0) continue
    const routingType = bytes[2]
    let at: number
    if (routingType === 0 || routingType === 2) {
      at = bytes.length - 16 // RFC 5095's deprecated list, and RFC 6275's home address
    } else if (routingType === 4) {
      at = 8 // RFC 8754: the segment list is in reverse, so the last segment comes first
    } else return undefined
    if (at < 8 || at + 16 > bytes.length) return undefined
    final = bytes.subarray(at, at + 16)
  }
  return final
}
