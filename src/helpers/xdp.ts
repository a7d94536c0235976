/**
 * Helpers that change XDP packets.
 * @see https://docs.ebpf.io/linux/helper-function/bpf_xdp_adjust_head/
 * @module
 */
import { EFAULT, EINVAL } from '../spec/errno.ts'
import type { Cpu } from '../vm/machine.ts'
import { helperFault, linuxHelper, type NamedHelper } from './definition.ts'
import { readable, writable } from './memory.ts'
import { XdpBuffer } from './xdp-buffer.ts'

/** Offsets and lengths above this are refused before they are looked at. */
const OFFSET_MAX = 0xffff

function xdpBuffer(cpu: Cpu, helper: string): XdpBuffer {
  if (cpu.context instanceof XdpBuffer) return cpu.context
  throw helperFault(helper, 'the context is no XDP packet')
}

/** Address of a range of the packet; -EFAULT or -EINVAL if it has none. */
function range(xdp: XdpBuffer, offset: number, length: number): number {
  if (offset > OFFSET_MAX || length > OFFSET_MAX) return -EFAULT
  const address = xdp.at(offset, length)
  return address === 0 ? -EINVAL : address
}

export const XDP_HELPERS: readonly NamedHelper[] = [
  linuxHelper('xdp_adjust_head', (cpu, _context, delta) => xdpBuffer(cpu, 'xdp_adjust_head').adjustHead(delta)),

  linuxHelper('xdp_adjust_tail', (cpu, _context, delta) => xdpBuffer(cpu, 'xdp_adjust_tail').adjustTail(delta)),

  linuxHelper('xdp_adjust_meta', (cpu, _context, delta) => xdpBuffer(cpu, 'xdp_adjust_meta').adjustMeta(delta)),

  linuxHelper('xdp_get_buff_len', (cpu) => {
    cpu.setResult(xdpBuffer(cpu, 'xdp_get_buff_len').packetLength, 0)
    return 0
  }),

  linuxHelper('xdp_load_bytes', (cpu, _context, r2, r3, r4) => {
    const xdp = xdpBuffer(cpu, 'xdp_load_bytes')
    const length = r4 >>> 0
    const to = writable(cpu, 'xdp_load_bytes', r3, length)
    const from = range(xdp, r2 >>> 0, length)
    if (from < 0) return from
    cpu.memory.u8.copyWithin(to, from, from + length)
    return 0
  }),

  linuxHelper('xdp_store_bytes', (cpu, _context, r2, r3, r4) => {
    const xdp = xdpBuffer(cpu, 'xdp_store_bytes')
    const length = r4 >>> 0
    const from = readable(cpu, 'xdp_store_bytes', r3, length)
    const to = range(xdp, r2 >>> 0, length)
    if (to < 0) return to
    cpu.memory.u8.copyWithin(to, from, from + length)
    return 0
  }),
]
