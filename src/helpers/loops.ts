/**
 * Helpers that call back into the program.
 * @see https://docs.ebpf.io/linux/helper-function/bpf_loop/
 * @module
 */
import { E2BIG, EINVAL } from '../spec/errno.ts'
import { LOOPS_MAX } from '../vm/limits.ts'
import { linuxHelper, type NamedHelper } from './definition.ts'

export const LOOP_HELPERS: readonly NamedHelper[] = [
  linuxHelper(
    'loop',
    (cpu, r1, callback, context, flags) => {
      if (flags !== 0 || cpu.argHigh(4) !== 0) return -EINVAL
      const count = r1 >>> 0
      if (count > LOOPS_MAX) return -E2BIG
      const callbackHigh = cpu.argHigh(2)
      for (let i = 0; i < count; i++) {
        if (cpu.callFunction(callback, callbackHigh, i, context) !== 0) return i + 1
      }
      return count
    },
    'loop',
  ),
]
