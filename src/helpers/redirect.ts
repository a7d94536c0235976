/**
 * Helpers that send packets elsewhere.
 * @see https://docs.ebpf.io/linux/helper-function/bpf_redirect/
 * @module
 */
import type { HelperDefinition } from '../vm/machine.ts'
import { helperFault, linuxHelper } from './definition.ts'
import { SocketBuffer } from './socket-buffer.ts'
import { XdpBuffer } from './xdp-buffer.ts'

/** Where a program asked for its packet to be sent. */
export interface RedirectTarget {
  readonly ifindex: number
  readonly flags: number
}

const XDP_ABORTED = 0
const XDP_REDIRECT = 4
const TC_ACT_SHOT = 2
const TC_ACT_REDIRECT = 7
/** The packet is to arrive at the interface, not to leave through it. */
const INGRESS = 1

export const REDIRECT_HELPERS: readonly HelperDefinition[] = [
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
]
