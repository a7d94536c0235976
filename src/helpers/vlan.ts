/**
 * Helpers for VLAN tags. The outermost tag is kept beside the packet, as network cards deliver it: pushing one onto a
 * packet that has none changes only the context.
 * @see https://docs.ebpf.io/linux/helper-function/bpf_skb_vlan_push/
 * @module
 */
import { ENOMEM } from '../spec/errno.ts'
import { linuxHelper, type NamedHelper } from './definition.ts'
import { networkOrder16, socketBuffer } from './skb.ts'
import { ETHERNET_HEADER, SKB, type SocketBuffer } from './socket-buffer.ts'

const ETH_P_8021Q = 0x8100
const ETH_P_8021AD = 0x88a8
const ETH_P_802_3 = 0x0001
const ETH_P_802_2 = 0x0004
const ETHERTYPE_MIN = 0x0600
/** Where the type, or the first tag, stands in an Ethernet header. */
const TYPE_OFFSET = 12
const TAG = 4
const TAGGED_HEADER = ETHERNET_HEADER + TAG

function isVlan(protocol: number): boolean {
  return protocol === ETH_P_8021Q || protocol === ETH_P_8021AD
}

function putBeside(skb: SocketBuffer, protocol: number, tci: number): void {
  skb.setField(SKB.vlanPresent, 1)
  skb.setField(SKB.vlanProto, networkOrder16(protocol))
  skb.setField(SKB.vlanTci, tci & 0xffff)
}

function insert(skb: SocketBuffer, view: () => DataView, protocol: number, tci: number): void {
  skb.resizeAt(TYPE_OFFSET, TAG)
  skb.linkHeader = skb.data
  // The tag belongs to the network header from here on, as it does in a packet that arrives with it.
  skb.networkHeader -= TAG
  const bytes = view()
  bytes.setUint16(skb.data + TYPE_OFFSET, protocol, false)
  bytes.setUint16(skb.data + TYPE_OFFSET + 2, tci, false)
  skb.protocol = protocol
}

/** Takes the outermost tag out of the packet; returns its control information, or -ENOMEM. */
function remove(skb: SocketBuffer, view: DataView): number {
  if (skb.length < TAGGED_HEADER) return -ENOMEM
  const tci = view.getUint16(skb.data + ETHERNET_HEADER, false)
  const type = view.getUint16(skb.data + ETHERNET_HEADER + 2, false)
  if (type >= ETHERTYPE_MIN) skb.protocol = type
  else {
    const novell = skb.length >= TAGGED_HEADER + 2 && view.getUint16(skb.data + TAGGED_HEADER, false) === 0xffff
    skb.protocol = novell ? ETH_P_802_3 : ETH_P_802_2
  }
  skb.resizeAt(TYPE_OFFSET, -TAG)
  skb.linkHeader = skb.data
  if (skb.networkHeader - skb.data < ETHERNET_HEADER) skb.networkHeader = skb.data + ETHERNET_HEADER
  return tci
}

export const VLAN_HELPERS: readonly NamedHelper[] = [
  linuxHelper('skb_vlan_push', (cpu, _context, r2, r3) => {
    const skb = socketBuffer(cpu, 'skb_vlan_push')
    const asked = networkOrder16(r2)
    if (skb.getField(SKB.vlanPresent) !== 0) {
      insert(skb, () => cpu.memory.view, networkOrder16(skb.getField(SKB.vlanProto)), skb.getField(SKB.vlanTci))
    }
    putBeside(skb, isVlan(asked) ? asked : ETH_P_8021Q, r3)
    return 0
  }),

  linuxHelper('skb_vlan_pop', (cpu) => {
    const skb = socketBuffer(cpu, 'skb_vlan_pop')
    const { view } = cpu.memory
    if (skb.getField(SKB.vlanPresent) !== 0) {
      skb.setField(SKB.vlanPresent, 0)
      skb.setField(SKB.vlanProto, 0)
      skb.setField(SKB.vlanTci, 0)
    } else {
      if (!isVlan(skb.protocol)) return 0
      const removed = remove(skb, view)
      if (removed < 0) return removed
    }
    // The next tag, if there is one, takes the place beside the packet.
    if (!isVlan(skb.protocol)) return 0
    const protocol = skb.protocol
    const next = remove(skb, view)
    if (next < 0) return next
    putBeside(skb, protocol, next)
    return 0
  }),
]
