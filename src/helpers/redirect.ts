/**
 * Helpers that send packets elsewhere.
 * @see https://docs.ebpf.io/linux/helper-function/bpf_redirect/
 * @module
 */
import { helperFault, linuxHelper, type NamedHelper } from './definition.ts'
import { readable } from './memory.ts'
import { socketBuffer } from './skb.ts'
import { SocketBuffer } from './socket-buffer.ts'
import { XdpBuffer } from './xdp-buffer.ts'

/** Where a program asked for its packet to be sent. */
export interface RedirectTarget {
  readonly ifindex: number
  readonly flags: number
  /** How, if not plainly: with the link header of the neighbour, or straight to the peer of a pair of devices. */
  readonly by?: 'neighbour' | 'peer'
}

const XDP_ABORTED = 0
const XDP_REDIRECT = 4
const TC_ACT_SHOT = 2
const TC_ACT_REDIRECT = 7
/** `sizeof(struct bpf_redir_neigh)`. */
const NEIGHBOUR_SIZE = 20
/** The packet is to arrive at the interface, not to leave through it. */
const INGRESS = 1

export const REDIRECT_HELPERS: readonly NamedHelper[] = [
  linuxHelper('redirect', (cpu, r1, r2) => {
    const flagsHigh = cpu.argHigh(2)
    const { context } = cpu
    if (context instanceof XdpBuffer) {
      if (r2 !== 0 || flagsHigh !== 0) return XDP_ABORTED
      context.redirect = { ifindex: r1 >>> 0, flags: 0 }
      return XDP_REDIRECT
    }
    if (context instanceof SocketBuffer) {
      if ((r2 & ~INGRESS) !== 0 || flagsHigh !== 0) return TC_ACT_SHOT
      context.redirect = { ifindex: r1 >>> 0, flags: r2 }
      return TC_ACT_REDIRECT
    }
    throw helperFault('redirect', 'the context is no packet that can be sent')
  }),

  linuxHelper('redirect_neigh', (cpu, r1, r2, size, flags) => {
    const skb = socketBuffer(cpu, 'redirect_neigh')
    readable(cpu, 'redirect_neigh', r2, size >>> 0)
    if (flags !== 0 || cpu.argHigh(4) !== 0 || (size !== 0 && size < NEIGHBOUR_SIZE)) return TC_ACT_SHOT
    skb.redirect = { ifindex: r1 >>> 0, flags: 0, by: 'neighbour' }
    return TC_ACT_REDIRECT
  }),

  linuxHelper('redirect_peer', (cpu, r1, flags) => {
    const skb = socketBuffer(cpu, 'redirect_peer')
    if (flags !== 0 || cpu.argHigh(2) !== 0) return TC_ACT_SHOT
    skb.redirect = { ifindex: r1 >>> 0, flags: 0, by: 'peer' }
    return TC_ACT_REDIRECT
  }),
]
