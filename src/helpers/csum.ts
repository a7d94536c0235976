/**
 * Helpers that keep checksums right.
 * @see https://docs.ebpf.io/linux/helper-function/bpf_csum_diff/
 * @see https://docs.ebpf.io/linux/helper-function/bpf_l4_csum_replace/
 * @module
 */
import { EACCES, EFAULT, EINVAL, ENOTSUPP } from '../spec/errno.ts'
import type { Cpu } from '../vm/machine.ts'
import { addDifference, foldSum32, replaceInChecksum, subtractSums, sumBytes } from './checksums.ts'
import { linuxHelper, type NamedHelper } from './definition.ts'
import { readable } from './memory.ts'
import { socketBuffer } from './skb.ts'
import type { SocketBuffer } from './socket-buffer.ts'

/**
 * Flags of both replacing helpers:
 * ```
 *  7      6              5              4          3..0
 *  IPV6   MARK_ENFORCE   MARK_MANGLED_0 PSEUDO_HDR size of the field (0, 2, 4)
 * ```
 */
const FIELD_SIZE = 0x0f
const MARK_MANGLED_0 = 0x20
const MARK_ENFORCE = 0x40
const L4_FLAGS = 0xff
/** A UDP checksum of zero means none: the other zero is sent instead. */
const MANGLED_0 = 0xffff
const OFFSET_MAX = 0xffff

const CSUM_LEVEL_QUERY = 0
const CSUM_LEVEL_RESET = 3

/** Address of a checksum in the packet, or -EFAULT. */
function checksumAt(skb: SocketBuffer, offset: number): number {
  if (offset > OFFSET_MAX || (offset & 1) !== 0) return -EFAULT
  const address = skb.at(offset, 2)
  return address === 0 ? -EFAULT : address
}

/** Applies a change of `size` (0: `to` is a difference of sums) to a checksum: the new one, or -EINVAL. */
function changed(checksum: number, cpu: Cpu, from: number, to: number, size: number): number {
  if (size === 0) {
    if (from !== 0 || cpu.argHigh(3) !== 0) return -EINVAL
    return addDifference(checksum, to)
  }
  if (size === 2) return replaceInChecksum(checksum, from & 0xffff, to & 0xffff)
  return size === 4 ? replaceInChecksum(checksum, from, to) : -EINVAL
}

export const CSUM_HELPERS: readonly NamedHelper[] = [
  linuxHelper('csum_diff', (cpu, r1, r2, r3, r4, seed) => {
    const fromSize = r2 >>> 0
    const toSize = r4 >>> 0
    const from = readable(cpu, 'csum_diff', r1, fromSize)
    const to = readable(cpu, 'csum_diff', r3, toSize)
    const { view } = cpu.memory
    let sum = seed
    if (fromSize > 0 && toSize > 0) {
      sum = subtractSums(sumBytes(view, to, to + toSize, seed), sumBytes(view, from, from + fromSize, 0))
    } else if (toSize > 0) sum = sumBytes(view, to, to + toSize, seed)
    else if (fromSize > 0) sum = ~sumBytes(view, from, from + fromSize, ~seed)
    cpu.setResult(foldSum32(sum), 0)
    return 0
  }),

  linuxHelper('l3_csum_replace', (cpu, _context, offset, from, to, flags) => {
    const skb = socketBuffer(cpu, 'l3_csum_replace')
    if (cpu.argHigh(5) !== 0 || (flags & ~FIELD_SIZE) !== 0) return -EINVAL
    const address = checksumAt(skb, offset >>> 0)
    if (address < 0) return address
    const { view } = cpu.memory
    const checksum = changed(view.getUint16(address, true), cpu, from, to, flags)
    if (checksum < 0) return checksum
    view.setUint16(address, checksum, true)
    return 0
  }),

  linuxHelper('l4_csum_replace', (cpu, _context, offset, from, to, flags) => {
    const skb = socketBuffer(cpu, 'l4_csum_replace')
    if (cpu.argHigh(5) !== 0 || (flags & ~L4_FLAGS) !== 0) return -EINVAL
    const address = checksumAt(skb, offset >>> 0)
    if (address < 0) return address
    const { view } = cpu.memory
    const before = view.getUint16(address, true)
    const keepsZero = (flags & MARK_MANGLED_0) !== 0
    if (keepsZero && (flags & MARK_ENFORCE) === 0 && before === 0) return 0
    const checksum = changed(before, cpu, from, to, flags & FIELD_SIZE)
    if (checksum < 0) return checksum
    view.setUint16(address, keepsZero && checksum === 0 ? MANGLED_0 : checksum, true)
    return 0
  }),

  // No device has computed or checked anything of a packet here: these two have nothing to work on.
  linuxHelper('csum_update', (cpu) => {
    socketBuffer(cpu, 'csum_update')
    cpu.setResult(-ENOTSUPP, -1)
    return 0
  }),

  linuxHelper('csum_level', (cpu, _context, level) => {
    socketBuffer(cpu, 'csum_level')
    if (cpu.argHigh(2) !== 0 || level < CSUM_LEVEL_QUERY || level > CSUM_LEVEL_RESET) return -EINVAL
    return level === CSUM_LEVEL_QUERY ? -EACCES : 0
  }),
]
