/** Programs that are made to take long: time and memory stay bounded whatever the program. */
import { describe, expect, it } from 'vitest'
import type { Instruction } from '../../src/isa/index.ts'
import { linux } from '../../src/spec/index.ts'
import type { VerifierMap, VerifierReference, VerifyOptions } from '../../src/verifier/program.ts'
import type { Report } from '../../src/verifier/report/report.ts'
import { verify } from '../../src/verifier/verify.ts'

const ARRAY: VerifierMap = { name: 'm', type: 2, keySize: 4, valueSize: 64, maxEntries: 1, flags: 0 }

const RINGBUF: VerifierMap = { name: 'r', type: 27, keySize: 0, valueSize: 0, maxEntries: 4096, flags: 0 }

const mov = (dst: number, imm: number): Instruction => ({ kind: 'alu', op: 'mov', width: 64, dst, src: { imm } })
const copy = (dst: number, reg: number): Instruction => ({ kind: 'alu', op: 'mov', width: 64, dst, src: { reg } })
const add = (dst: number, reg: number): Instruction => ({ kind: 'alu', op: 'add', width: 64, dst, src: { reg } })
const jump = (dst: number, imm: number, off: number, op: 'eq' | 'gt' = 'eq'): Instruction => ({
  kind: 'jump',
  op,
  width: 64,
  dst,
  src: { imm },
  off,
})
const helper = (imm: number): Instruction => ({ kind: 'call', target: 'helper', imm, off: 0 })
const exit: Instruction = { kind: 'exit' }
const END = [mov(0, 0), exit]

/** `count` times what `make` gives, between a beginning and an end. */
function program(
  begin: readonly Instruction[],
  make: (i: number) => readonly Instruction[],
  count: number,
  end: readonly Instruction[] = END,
): Instruction[] {
  const insns = [...begin]
  for (let i = 0; i < count; i++) insns.push(...make(i))
  insns.push(...end)
  return insns
}

/** r7 points to a map's value. */
const VALUE: readonly Instruction[] = [
  { kind: 'lddw', source: 'map_value', dst: 7, imm: 0, imm2: 0 },
  { kind: 'wide_tail' },
]

const NOISE = (i: number): Instruction => ({ kind: 'alu', op: 'xor', width: 64, dst: 9, src: { imm: i } })

const PROGRAMS: Readonly<Record<string, () => Instruction[]>> = {
  // Each addition asks where r6 comes from, and that is at the other end of the program.
  'numbers from far back': () =>
    program([...VALUE, helper(7), copy(6, 0), jump(6, 7, 0, 'gt')], () => [copy(1, 7), add(1, 6)], 400_000, [
      mov(0, 0),
      exit,
    ]),
  'constants from far back': () => program([...VALUE, mov(6, 1)], () => [copy(1, 7), add(1, 6)], 400_000),
  // Branches both ways, and states that differ in what is compared last.
  'states that never meet': () =>
    program(
      [...VALUE, mov(8, 0)],
      () => [helper(7), jump(0, 5, 1), { kind: 'alu', op: 'add', width: 64, dst: 8, src: { imm: 1 } }, copy(1, 7)],
      60_000,
      [{ kind: 'alu', op: 'and', width: 64, dst: 8, src: { imm: 31 } }, add(7, 8), ...END],
    ),
  'a long straight line': () => program([mov(9, 1)], (i) => [NOISE(i)], 999_990),
  'jumps backwards': () =>
    program([mov(9, 1)], (i) => (i % 3 === 2 ? [jump(i % 9, 0, -Math.min(i, 6))] : [NOISE(i)]), 999_990),
  'stack slots that come and go': () =>
    program(
      [
        mov(9, 1),
        ...Array.from(
          { length: 60 },
          (_, i): Instruction => ({ kind: 'store', size: 8, base: 10, off: -8 * (i + 1), src: { imm: i } }),
        ),
      ],
      (i) => [
        helper(7),
        jump(0, i, 1),
        { kind: 'store', size: 8, base: 10, off: -8 * ((i % 60) + 1), src: { reg: 0 } },
        { kind: 'load', size: 8, signed: false, dst: 1, base: 10, off: -8 * (((i * 7) % 60) + 1) },
      ],
      100_000,
    ),
}

function judge(insns: readonly Instruction[], options: VerifyOptions = {}): { report: Report; ms: number } {
  const references = new Map<number, VerifierReference>()
  insns.forEach((insn, slot) => {
    if (insn.kind !== 'lddw') return
    if (insn.source === 'map_value') references.set(slot, { kind: 'map_value', map: ARRAY, offset: 0 })
    if (insn.source === 'map_fd') references.set(slot, { kind: 'map', map: RINGBUF })
  })
  const from = performance.now()
  const report = verify({ name: 'hostile', type: 'socket_filter', license: 'GPL', insns, references }, linux('6.18'), {
    author: 'trusted',
    ...options,
  })
  return { report, ms: performance.now() - from }
}

describe('a time limit', () => {
  it.each(Object.keys(PROGRAMS))('holds for %s', { timeout: 60_000 }, (name) => {
    const insns = PROGRAMS[name]!()
    // In the structural checks, and in what follows them.
    for (const timeLimit of [20, 2500]) {
      const { report, ms } = judge(insns, { timeLimit })
      // A tenth of a second is meant; the rest is for machines that do other things besides.
      expect(ms).toBeLessThan(timeLimit + 400)
      if (timeLimit === 20) expect(report.error?.code).toBe('time_limit')
    }
  })

  it('does not change a verdict that was found in time', () => {
    // Half of the time goes by before the mistake is found; following the program again to explain it takes longer.
    const insns = program([mov(9, 1)], (i) => [NOISE(i)], 150_000, [copy(0, 8), exit])
    const { ms } = judge(insns, { explain: false })
    const { report } = judge(insns, { timeLimit: Math.round(ms * 1.7) })
    expect(report.error?.code).toMatch(/^(uninitialised_register|time_limit)$/)
    expect(report.error?.code === 'time_limit').toBe(report.stats.insnsProcessed < 150_002)
  })
})

describe('without a time limit', () => {
  it.runIf(process.env['ANYBPF_LONG'] === '1')('steps back are bounded', { timeout: 120_000 }, () => {
    const insns = PROGRAMS['constants from far back']!()
    const { report, ms } = judge(insns)
    expect(report.verdict).toBe('accept')
    expect(ms).toBeLessThan(40_000)
  })

  it('what checkpoints keep of references is bounded', () => {
    const reserve = (): Instruction[] => [
      { kind: 'lddw', source: 'map_fd', dst: 1, imm: 0, imm2: 0 },
      { kind: 'wide_tail' },
      mov(2, 8),
      mov(3, 0),
      helper(131),
    ]
    const { report } = judge(program([], reserve, 30_000))
    expect(report.error?.code).toBe('memory_limit')
  })
})
