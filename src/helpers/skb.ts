/**
 * Helpers that read and change the packets of socket buffers.
 * @see https://docs.ebpf.io/linux/helper-function/bpf_skb_load_bytes/
 * @module
 */
import { EFAULT, EINVAL, ENOMEM, ENOTSUPP } from '../spec/errno.ts'
import type { Cpu } from '../vm/machine.ts'
import { helperFault, linuxHelper, type NamedHelper } from './definition.ts'
import { readable, writable } from './memory.ts'
import { SKB, SocketBuffer } from './socket-buffer.ts'

/** The packet of the running program. Throws ERR_FAULT if its context is something else. */
export function socketBuffer(cpu: Cpu, helper: string): SocketBuffer {
  if (cpu.context instanceof SocketBuffer) return cpu.context
  throw helperFault(helper, 'the context is no socket buffer')
}

/** Flags of `skb_store_bytes`. */
const RECOMPUTE_CSUM = 1
const INVALIDATE_HASH = 2
const START_LINK = 0
const START_NETWORK = 1
const OFFSET_MAX = 0xffff
const LENGTH_MAX = 0x7fff_ffff
/** What fits into four pages less `skb_shared_info`: packets are not made longer than that. */
const PACKET_MAX = 4 * 4096 - 320
/** PACKET_HOST to PACKET_OTHERHOST. */
const PACKET_TYPE_MAX = 3

const ETH_P_IP = 0x0800
const ETH_P_IPV6 = 0x86dd
/** How much longer an IPv6 header is than one of IPv4. */
const IP_HEADER_DIFFERENCE = 20

/** A 16-bit value in network order, as it lies in a register. */
export function networkOrder16(value: number): number {
  return ((value & 0xff) << 8) | ((value >>> 8) & 0xff)
}

/** IPv4 to IPv6 or back: room for the other header, right behind the link header. 0 or -ENOTSUPP. */
function changeProtocol(skb: SocketBuffer, protocol: number): number {
  const linkLength = skb.networkHeader - skb.linkHeader
  const before = skb.protocol
  let longer: number
  if (before === ETH_P_IP && protocol === ETH_P_IPV6) longer = IP_HEADER_DIFFERENCE
  else if (before === ETH_P_IPV6 && protocol === ETH_P_IP) longer = -IP_HEADER_DIFFERENCE
  else return -ENOTSUPP
  if (longer < 0 && skb.length < linkLength - longer) return -ENOMEM
  skb.resizeAt(linkLength, longer)
  skb.linkHeader -= longer
  skb.networkHeader -= longer
  skb.protocol = protocol
  skb.setField(SKB.hash, 0)
  return 0
}

export const SKB_HELPERS: readonly NamedHelper[] = [
  linuxHelper('skb_load_bytes', (cpu, _context, r2, r3, r4) => {
    const skb = socketBuffer(cpu, 'skb_load_bytes')
    const offset = r2 >>> 0
    const length = r4 >>> 0
    const to = writable(cpu, 'skb_load_bytes', r3, length)
    const from = offset > LENGTH_MAX ? 0 : skb.at(offset, length)
    if (from === 0) {
      cpu.memory.u8.fill(0, to, to + length)
      return -EFAULT
    }
    cpu.memory.u8.copyWithin(to, from, from + length)
    return 0
  }),

  linuxHelper('skb_load_bytes_relative', (cpu, _context, r2, r3, r4, startHeader) => {
    const skb = socketBuffer(cpu, 'skb_load_bytes_relative')
    const offset = r2 >>> 0
    const length = r4 >>> 0
    const to = writable(cpu, 'skb_load_bytes_relative', r3, length)
    const header = startHeader === START_LINK ? skb.linkHeader : skb.networkHeader
    const from = header + offset
    const known = startHeader === START_LINK || startHeader === START_NETWORK
    if (!known || offset > OFFSET_MAX || from + length > skb.end) {
      cpu.memory.u8.fill(0, to, to + length)
      return -EFAULT
    }
    cpu.memory.u8.copyWithin(to, from, from + length)
    return 0
  }),

  linuxHelper('skb_store_bytes', (cpu, _context, r2, r3, r4, flags) => {
    const skb = socketBuffer(cpu, 'skb_store_bytes')
    const offset = r2 >>> 0
    const length = r4 >>> 0
    const from = readable(cpu, 'skb_store_bytes', r3, length)
    if (cpu.argHigh(5) !== 0 || (flags & ~(RECOMPUTE_CSUM | INVALIDATE_HASH)) !== 0) return -EINVAL
    const to = offset > LENGTH_MAX ? 0 : skb.at(offset, length)
    if (to === 0) return -EFAULT
    cpu.memory.u8.copyWithin(to, from, from + length)
    if ((flags & INVALIDATE_HASH) !== 0) skb.setField(SKB.hash, 0)
    return 0
  }),

  // All of a packet is directly accessible here; what is left of the helper is its test of the length.
  linuxHelper('skb_pull_data', (cpu, _context, r2) => {
    const skb = socketBuffer(cpu, 'skb_pull_data')
    skb.publish()
    return r2 >>> 0 <= skb.length ? 0 : -ENOMEM
  }),

  linuxHelper('skb_change_tail', (cpu, _context, r2, flags) => {
    const skb = socketBuffer(cpu, 'skb_change_tail')
    const length = r2 >>> 0
    const least = Math.max(0, skb.networkHeader - skb.data)
    if (flags !== 0 || cpu.argHigh(3) !== 0 || length > PACKET_MAX || length < least) return -EINVAL
    skb.resizeTail(length - skb.length)
    return 0
  }),

  linuxHelper('skb_change_head', (cpu, _context, room, flags) => {
    const skb = socketBuffer(cpu, 'skb_change_head')
    if (flags !== 0 || cpu.argHigh(3) !== 0 || room < 0 || skb.length + room > PACKET_MAX) return -EINVAL
    skb.resizeHead(-room)
    skb.linkHeader = skb.data
    return 0
  }),

  linuxHelper('skb_change_proto', (cpu, _context, protocol, flags) => {
    const skb = socketBuffer(cpu, 'skb_change_proto')
    if (flags !== 0 || cpu.argHigh(3) !== 0) return -EINVAL
    return changeProtocol(skb, networkOrder16(protocol))
  }),

  linuxHelper('skb_change_type', (cpu, _context, r2) => {
    const skb = socketBuffer(cpu, 'skb_change_type')
    if (skb.getField(SKB.pktType) > PACKET_TYPE_MAX || r2 >>> 0 > PACKET_TYPE_MAX) return -EINVAL
    skb.setField(SKB.pktType, r2)
    return 0
  }),
]
