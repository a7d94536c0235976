/**
 * Helpers that tell the time and make random numbers, from the injected environment.
 * @see https://docs.ebpf.io/linux/helper-function/bpf_ktime_get_ns/
 * @module
 */
import type { Cpu } from '../vm/machine.ts'
import { linuxHelper, type NamedHelper } from './definition.ts'

/** Ticks a second (CONFIG_HZ) of the kernels of most distributions for servers. */
const JIFFIES_PER_SECOND = 250n
/** INITIAL_JIFFIES: the counter starts five minutes before it wraps in 32 bits. */
const INITIAL_JIFFIES = 0x1_0000_0000n - 300n * JIFFIES_PER_SECOND
const NS_PER_TICK = 1_000_000_000n / JIFFIES_PER_SECOND

function returnBig(cpu: Cpu, value: bigint): number {
  const bits = BigInt.asUintN(64, value)
  cpu.setResult(Number(bits & 0xffff_ffffn) | 0, Number(bits >> 32n) | 0)
  return 0
}

export const TIME_HELPERS: readonly NamedHelper[] = [
  linuxHelper('ktime_get_ns', (cpu) => returnBig(cpu, cpu.environment.monotonicNs())),

  // The environment's machine is never suspended.
  linuxHelper('ktime_get_boot_ns', (cpu) => returnBig(cpu, cpu.environment.monotonicNs())),

  linuxHelper('ktime_get_coarse_ns', (cpu) => {
    const now = cpu.environment.monotonicNs()
    return returnBig(cpu, now - (now % NS_PER_TICK))
  }),

  linuxHelper('jiffies64', (cpu) => returnBig(cpu, INITIAL_JIFFIES + cpu.environment.monotonicNs() / NS_PER_TICK)),

  linuxHelper('get_prandom_u32', (cpu) => cpu.environment.randomU32()),
]
