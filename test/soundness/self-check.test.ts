/**
 * The self-check itself: what it calls a violation, on programs whose records were made to lie.
 */
import { describe, expect, it } from 'vitest'
import { assemble } from '../../src/isa/index.ts'
import { HostileRuntime } from '../../src/loader/self-check/hostile-runtime.ts'
import { brokenBounds, scalarContains } from '../../src/loader/self-check/values.ts'
import { linux } from '../../src/spec/index.ts'
import { scalarBetween } from '../../src/verifier/domain/refine.ts'
import { constantOf, constantPair, UNKNOWN } from '../../src/verifier/domain/scalar.ts'
import { recordVerification, type VerifiedFacts } from '../../src/verifier/facts/recorded-states.ts'
import { Rejection } from '../../src/verifier/rejection.ts'

const PLATFORM = linux('6.18')

function verified(text: string, strict = true): VerifiedFacts {
  const insns = assemble(text)
  const program = { name: 'program', type: 'xdp', license: 'GPL', insns }
  const facts = recordVerification(program, PLATFORM, { author: 'trusted', strictPruning: strict })
  if (facts instanceof Rejection) throw facts
  return facts
}

/** Runs `text` as if the verifier had said of it what it says of `believed`. */
function runAs(text: string, believed: string, strict = true): void {
  const host = new HostileRuntime({ seed: 1, platform: PLATFORM })
  try {
    const loaded = host.load({ name: 'program', insns: assemble(text) }, 'xdp', [verified(believed, strict)])
    for (let i = 0; i < 20; i++) host.run(loaded, new Uint8Array(64))
  } finally {
    host.dispose()
  }
}

describe('a number', () => {
  it('lies within what is known of it, or the broken bounds are named', () => {
    expect(scalarContains(UNKNOWN, 123, -1)).toBe(true)
    expect(scalarContains(constantOf(-5), -5, -1)).toBe(true)
    expect(scalarContains(constantOf(-5), -5, 0)).toBe(false)
    expect(scalarContains(constantPair(1, 2), 1, 3)).toBe(false)
    const bounded = scalarBetween({ smin: -8, smax: 100 })
    for (const value of [-8, -1, 0, 100]) expect(scalarContains(bounded, value, value >> 31)).toBe(true)
    for (const value of [-9, 101]) expect(scalarContains(bounded, value, value >> 31)).toBe(false)
    expect(brokenBounds(bounded, 101, 0)).toContain('smax')
    expect(brokenBounds(bounded, -9, -1)).toContain('smin')
    expect(brokenBounds(bounded, 7, 0)).toBe('')
  })
})

describe('the self-check', () => {
  const UNKNOWN_NUMBER = 'r0 = *(u32 *)(r1 + 12)\n'

  it('finds nothing where the verifier is right', () => {
    const text = `${UNKNOWN_NUMBER}r0 &= 3\nexit`
    expect(() => runAs(text, text)).not.toThrow()
    expect(() => runAs(text, text, false)).not.toThrow()
  })

  it('finds a number that is not among those that were known', () => {
    expect(() => runAs(`${UNKNOWN_NUMBER}r0 &= 7\nexit`, `${UNKNOWN_NUMBER}r0 &= 3\nexit`)).toThrow(
      /insn 2, .*outside of all states: R0=0x[4-7]/,
    )
  })

  it('finds a byte of stack that is not zero', () => {
    const text = (value: number): string => `*(u64 *)(r10 - 8) = ${value}\nr0 = 0\nr0 = *(u64 *)(r10 - 8)\nr0 = 0\nexit`
    expect(() => runAs(text(1), text(0))).toThrow(/fp-8=.*0x1, and the verifier says 0/)
  })

  it('finds copies that differ', () => {
    const text = (copy: string): string => `r2 = *(u32 *)(r1 + 12)\n${copy}\nr0 = r2\nr0 ^= r3\nr0 = 0\nexit`
    expect(() => runAs(text('r3 = *(u32 *)(r1 + 16)'), text('r3 = r2'))).toThrow(/its copies differ/)
  })

  it('finds a packet that is shorter than was proved', () => {
    const text = (size: number): string => `r2 = *(u32 *)(r1 + 0)
      r3 = *(u32 *)(r1 + 4)
      r4 = r2
      r4 += ${size}
      if r4 > r3 goto +1
      r0 = *(u8 *)(r2 + 0)
      r0 = 0
      exit`
    expect(() => runAs(text(64), text(64))).not.toThrow()
    expect(() => runAs(text(10), text(80))).toThrow(/outside of all states: R[24]=.*pkt/)
  })

  it('finds an instruction that the verifier never came to', () => {
    const text = (value: number): string => `r2 = ${value}\nif r2 == 1 goto +2\nr0 = 9\nexit\nr0 = 0\nexit`
    expect(() => runAs(text(0), text(1), false)).toThrow('insn 2, (b7) r0 = 9: the verifier never came here [plain]')
    expect(() => runAs(text(0), text(1))).toThrow('insn 1, (15) if r2 == 0x1 goto pc+2: outside of all states')
  })

  it('finds a run that takes longer than was followed', () => {
    const text = (rounds: number): string => `r0 = 0\nr0 += 1\nif r0 < ${rounds} goto -2\nexit`
    expect(() => runAs(text(30), text(3), false)).toThrow('runs for more than the')
  })

  it('finds faults, and helpers that are given what they may not be', () => {
    const fault = `${UNKNOWN_NUMBER}r2 = r10\nr2 += 0\nr0 = *(u8 *)(r2 + 0)\nexit`
    const believed = `${UNKNOWN_NUMBER}r2 = r10\nr2 += 0\nr0 = *(u8 *)(r2 - 1)\nexit`
    expect(() => runAs(fault, believed)).toThrow('[fault]')
    const helper = (size: number): string => `r1 = r10\nr1 += -8\nr2 = ${size}\nr3 = 0\ncall 113\nr0 = 0\nexit`
    expect(() => runAs(helper(8), helper(8))).not.toThrow()
    expect(() => runAs(helper(600), helper(8), false)).toThrow(
      /argument 1 of probe_read_kernel, 0x.*, is no memory of 600 bytes to write/,
    )
  })
})
