/**
 * Helpers that read from addresses that may be wrong. There is one memory here: no kernel's and no process's own.
 * @see https://docs.ebpf.io/linux/helper-function/bpf_probe_read_kernel/
 * @module
 */
import { EFAULT } from '../spec/errno.ts'
import type { Cpu, HelperFunction } from '../vm/machine.ts'
import { linuxHelper, type NamedHelper } from './definition.ts'
import { isReadable, writable } from './memory.ts'

function isReadableAddress(cpu: Cpu, low: number, size: number): boolean {
  return cpu.argHigh(3) === 0 && isReadable(cpu, low >>> 0, size)
}

function probeRead(helper: string): HelperFunction {
  return (cpu, r1, r2, r3) => {
    const size = r2 >>> 0
    const to = writable(cpu, helper, r1, size)
    if (!isReadableAddress(cpu, r3, size)) {
      cpu.memory.u8.fill(0, to, to + size)
      return -EFAULT
    }
    cpu.memory.u8.copyWithin(to, r3 >>> 0, (r3 >>> 0) + size)
    return 0
  }
}

/** Copies up to and with the terminator; a longer string is cut, and terminated. Returns the bytes written. */
function probeReadString(helper: string): HelperFunction {
  return (cpu, r1, r2, r3) => {
    const size = r2 >>> 0
    const to = writable(cpu, helper, r1, size)
    const { u8 } = cpu.memory
    for (let i = 0; i < size; i++) {
      if (!isReadableAddress(cpu, r3 + i, 1)) {
        u8.fill(0, to, to + size)
        return -EFAULT
      }
      const byte = u8[(r3 >>> 0) + i]!
      u8[to + i] = byte
      if (byte === 0) return i + 1
    }
    if (size > 0) u8[to + size - 1] = 0
    return size
  }
}

export const PROBE_HELPERS: readonly NamedHelper[] = [
  ...['probe_read', 'probe_read_user', 'probe_read_kernel'].map((name) => linuxHelper(name, probeRead(name))),
  ...['probe_read_str', 'probe_read_user_str', 'probe_read_kernel_str'].map((name) =>
    linuxHelper(name, probeReadString(name)),
  ),
]
