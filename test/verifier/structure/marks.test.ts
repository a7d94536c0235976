/**
 * What exploration takes from the structural checks: where states are compared, which registers are live, which
 * instructions lie on a loop. Live registers and loops as a 6.18 kernel logs them (`Live regs before insn`).
 */
import { describe, expect, it } from 'vitest'
import { assemble } from '../../../src/isa/index.ts'
import {
  type Environment,
  INSN_CALLS_CALLBACK,
  INSN_FORCE_CHECKPOINT,
  INSN_ITER_NEXT,
  INSN_JUMP_POINT,
  INSN_PRUNE_POINT,
} from '../../../src/verifier/environment.ts'
import { checked } from './programs.ts'

/** Each instruction as the kernel's log has it: its loop, its slot, its live registers. */
function logged(env: Environment): string[] {
  return env.insns.flatMap((insn, slot) => {
    if (insn.kind === 'wide_tail') return []
    let live = ''
    for (let reg = 0; reg < 10; reg++) live += env.liveRegisters[slot]! & (1 << reg) ? reg : '.'
    return `${env.scc[slot] || ' '} ${slot}: ${live}`
  })
}

describe('live registers and loops', () => {
  it('of branches and calls', () => {
    const env = checked(`
      r6 = r1
      r0 = *(u32 *)(r6 + 0)
      if r0 != 0 goto +3
      r1 = r6
      call pc+5
      goto +1
      r0 = 1
      r3 = 7 ll
      exit
      r0 = r1
      exit`)
    expect(logged(env)).toEqual([
      '  0: .12345....',
      '  1: ..23456...',
      '  2: 0.23456...',
      '  3: ..23456...',
      '  4: .12345....',
      '  5: 0.........',
      '  6: ..........',
      '  7: 0.........',
      '  9: 0.........',
      '  10: .1........',
      '  11: 0.........',
    ])
  })

  it('of two loops, one within the other', () => {
    const env = checked(`
      r1 = 0
      r2 = 0
      r2 += 1
      if r2 < 10 goto -2
      r1 += 1
      if r1 < 10 goto -5
      r0 = 0
      if r0 == 1 goto -1
      exit`)
    expect(logged(env)).toEqual([
      '  0: ..........',
      '2 1: .1........',
      '2 2: .12.......',
      '2 3: .12.......',
      '2 4: .1........',
      '2 5: .1........',
      '  6: ..........',
      '1 7: 0.........',
      '  8: 0.........',
    ])
  })

  it('of atomic operations, stores and helpers', () => {
    const env = checked(`
      r0 = 1
      r4 = 2
      lock *(u64 *)(r10 - 8) += r4
      r4 = atomic_fetch_add((u64 *)(r10 - 8), r4)
      r0 = cmpxchg_64(r10 - 8, r0, r4)
      *(u64 *)(r7 - 8) = r8
      *(u32 *)(r7 - 8) = 8
      call 5
      r1 = r9
      call 1
      exit`)
    expect(logged(env)).toEqual([
      '  0: .......789',
      '  1: 0......789',
      '  2: 0...4..789',
      '  3: 0...4..789',
      '  4: 0...4..789',
      '  5: .......789',
      '  6: .......7.9',
      '  7: .........9',
      '  8: ..2......9',
      '  9: .12.......',
      '  10: 0.........',
    ])
  })
})

/** Slots that carry a mark. */
function marked(env: Environment, flag: number): number[] {
  return env.insns.flatMap((_, slot) => (env.hasFlag(slot, flag) ? slot : []))
}

describe('marks', () => {
  it('of jumps: where they are made, and where they lead', () => {
    const env = checked('if r1 == 0 goto +1\ngoto +1\nr0 = 0\nr0 = 1\nexit')
    expect(marked(env, INSN_PRUNE_POINT)).toEqual([0, 2, 3])
    expect(marked(env, INSN_JUMP_POINT)).toEqual([2, 3])
  })

  it('of calls: before them, in them and behind them', () => {
    const env = checked('r0 = 0\ncall pc+1\nexit\nr0 = 0\nexit')
    expect(marked(env, INSN_PRUNE_POINT)).toEqual([1, 2, 3])
    expect(marked(env, INSN_JUMP_POINT)).toEqual([2, 3])
  })

  it('of helpers that call back, and of timers', () => {
    const env = checked('call 181\ncall 170\ncall 5\nexit')
    expect(marked(env, INSN_CALLS_CALLBACK)).toEqual([0])
    expect(marked(env, INSN_FORCE_CHECKPOINT)).toEqual([0])
    expect(marked(env, INSN_PRUNE_POINT)).toEqual([0, 1, 2, 3])
    expect(marked(env, INSN_JUMP_POINT)).toEqual([0, 1, 2, 3])
    expect([...env.scc]).toEqual([1, 0, 0, 0])
  })

  it('of may_goto', () => {
    const env = checked('may_goto +1\ngoto -2\nexit')
    expect(marked(env, INSN_FORCE_CHECKPOINT)).toEqual([0])
    expect(marked(env, INSN_PRUNE_POINT)).toEqual([0, 2])
  })

  it('of iterators', () => {
    const insns = assemble('call kfunc 1\ncall kfunc 2\nexit')
    const references = new Map([
      [0, { kind: 'kfunc', name: 'bpf_iter_num_new', weak: false } as const],
      [1, { kind: 'kfunc', name: 'bpf_iter_num_next', weak: false } as const],
    ])
    const env = checked(insns, { references })
    expect(marked(env, INSN_ITER_NEXT)).toEqual([1])
    expect(marked(env, INSN_FORCE_CHECKPOINT)).toEqual([1])
    // Three arguments, and one.
    expect(env.liveRegisters[0]! & 0b111111).toBe(0b001110)
    expect(env.liveRegisters[1]! & 0b111111).toBe(0b000010)
  })

  it('of what functions do to packets, carried to their callers', () => {
    const env = checked('call pc+2\ncall pc+3\nexit\ncall pc+1\nexit\ncall 44\nexit', { type: 'xdp' })
    expect(env.subprograms.map((one) => one.changesPacket)).toEqual([true, true, true])
    const other = checked('call pc+1\nexit\nr0 = 0\nexit', { type: 'xdp' })
    expect(other.subprograms.map((one) => one.changesPacket)).toEqual([false, false])
  })
})
