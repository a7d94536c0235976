/**
 * Tail calls.
 * @see https://docs.ebpf.io/linux/helper-function/bpf_tail_call/
 * @module
 */
import { isProgramArray } from '../vm/stores.ts'
import { helperFault, linuxHelper, type NamedHelper } from './definition.ts'
import { mapArgument } from './memory.ts'

export const TAIL_CALL_HELPERS: readonly NamedHelper[] = [
  // The engine counts tail calls and replaces the program; here it learns by which one.
  linuxHelper('tail_call', (cpu, _context, r2, r3) => {
    const map = mapArgument(cpu, 'tail_call', r2)
    if (!isProgramArray(map)) throw helperFault('tail_call', `map ${map.name} holds no programs`)
    return map.programAt(r3 >>> 0)
  }),
]
