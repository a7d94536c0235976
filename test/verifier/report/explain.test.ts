import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createEnvironment } from '../../../src/verifier/check-program.ts'
import type { Environment } from '../../../src/verifier/environment.ts'
import { verify } from '../../../src/verifier/index.ts'
import { Rejection } from '../../../src/verifier/rejection.ts'
import { REJECTION_CODES, type RejectionCode } from '../../../src/verifier/report/codes.ts'
import { explainRejection } from '../../../src/verifier/report/explain.ts'
import { explain } from '../../../src/verifier/report/format-report.ts'
import type { Report } from '../../../src/verifier/report/report.ts'
import { argumentText, assignedName, indexName, pointerName } from '../../../src/verifier/report/source-names.ts'
import { arbitraryInsn, withTails } from '../../support/arbitrary-insn.ts'
import { runs, SEED } from '../../support/runs.ts'
import { judge, PLATFORM, programOf } from './support.ts'

const MAP = { name: 'table', type: 2, keySize: 4, valueSize: 64, maxEntries: 1, flags: 0 }

/** Looks the element up, checks it, and reads it at `r6` elements of 8 bytes. */
const INDEXED = `
r6 = *(u32 *)(r1 + 0)
*(u32 *)(r10 - 4) = 0
r2 = r10
r2 += -4
r1 = 0 ll
call map_lookup_elem
if r0 == 0 goto out
if r6 > 8 goto out
r6 <<= 3
r0 += r6
r0 = *(u64 *)(r0 + 0)
out: r0 = 0
exit
`

function indexed(): Report {
  const program = programOf(INDEXED)
  const references = new Map([[4, { kind: 'map' as const, map: MAP }]])
  return verify({ ...program, references }, PLATFORM, { author: 'trusted' })
}

describe('explanations', () => {
  it('say what is wrong, with names and numbers', () => {
    const { error } = indexed()
    expect(error).toMatchObject({ code: 'out_of_bounds', category: 'memory', insn: 11 })
    expect(error!.text).toBe('(79) r0 = *(u64 *)(r0 +0)')
    expect(error!.message).toBe('R0 max value is outside of the allowed memory range')
    expect(error!.reason).toContain('at offset 0 to 64 of a value of map table, which has 64 bytes')
    expect(error!.fix).toContain('less than 8')
  })

  it('tell the turns of the path', () => {
    const { path } = indexed().error!
    expect(path.map(({ insn, kind, taken }) => [insn, kind, taken])).toEqual([
      // The lookup of a constant index cannot fail: only the comparison of r6 goes both ways.
      [8, 'branch', false],
    ])
  })

  it('tell where the value comes from, and what was known of it at each turn', () => {
    const { value } = indexed().error!
    expect(value!.register).toBe('r6')
    expect(value!.history.map(({ insn, kind, known }) => [insn, kind, known])).toEqual([
      [0, 'origin', 'a number, anything (32 bits)'],
      [8, 'checked', 'a number, from 0 to 8'],
      [9, 'changed', 'a number, from 0 to 64, a multiple of 8'],
    ])
  })

  it('follow a value through the stack, and into the function that called', () => {
    const source = `
r6 = *(u32 *)(r1 + 0)
*(u64 *)(r10 - 8) = r6
r1 = *(u64 *)(r10 - 8)
call local f
r0 = 0
exit
f: r0 = *(u8 *)(r1 + 0)
exit
`
    const { error } = judge(source)
    expect(error).toMatchObject({ code: 'wrong_type', insn: 6 })
    expect(error!.value!.history.map(({ insn, kind }) => [insn, kind])).toEqual([
      [0, 'origin'],
      [1, 'spilled'],
      [2, 'filled'],
    ])
    expect(error!.path.map(({ insn, kind }) => [insn, kind])).toEqual([[3, 'call']])
  })

  it('say that a call left a register without a value', () => {
    const { error } = judge('r1 = 5\ncall get_prandom_u32\nr0 = r1\nexit\n')
    expect(error!.code).toBe('uninitialised_register')
    expect(error!.reason).toContain('bpf_get_prandom_u32')
  })

  it('fold loops, and leave out the middle of a long path', () => {
    const source = `
r7 = 0
again: r7 += 1
if r7 > 30 goto out
call get_prandom_u32
if r0 > 5 goto again
goto again
out: r0 = *(u64 *)(r7 + 0)
exit
`
    expect(judge(source).error!.path.map(({ insn, taken, times }) => [insn, taken, times])).toEqual([[4, false, 30]])
    let many = 'r6 = *(u32 *)(r1 + 0)\n'
    for (let i = 0; i < 60; i++) many += `if r6 == ${i} goto +0\n`
    const long = judge(`${many}r0 = *(u64 *)(r6 + 0)\nexit\n`).error!
    expect(long.path.length).toBeLessThanOrEqual(24)
    expect(long.pathOmitted).toBeGreaterThan(0)
  })

  it.each(Object.keys(REJECTION_CODES) as RejectionCode[])('has something to say of %s, whatever is known', (code) => {
    const program = programOf('r0 = 0\nr1 = *(u64 *)(r10 - 8)\ncall map_lookup_elem\nexit\n')
    for (const insn of [-1, 0, 1, 2, 3]) {
      const env: Environment = createEnvironment(program, PLATFORM, {})
      const rejection = new Rejection(code, ['R1 something is wrong'], insn === 1 ? { regno: 1 } : {}, insn)
      const error = explainRejection(env, rejection, undefined)
      expect(error.reason).toMatch(/^[^\n]{5,}$/)
      expect(error.category).toBe(REJECTION_CODES[code])
      expect(`${error.reason}${error.fix ?? ''}`).not.toMatch(/undefined|\[object|NaN/)
    }
  })

  it('are plain data, and text, for any program', () => {
    let rejected = 0
    fc.assert(
      fc.property(fc.array(arbitraryInsn(), { minLength: 1, maxLength: 12 }), (insns) => {
        const program = { ...programOf('exit\n'), insns: [...withTails(insns), { kind: 'exit' as const }] }
        const report = verify(program, PLATFORM, { author: 'trusted', logLevel: 2, insnLimit: 10_000 })
        expect(JSON.parse(JSON.stringify(report))).toEqual(report)
        const text = explain(report)
        if (report.verdict === 'reject') {
          rejected++
          expect(text).toMatch(/^rejected \[[a-z_]+\] /)
        }
        expect(text).not.toMatch(/undefined|\[object|NaN/)
      }),
      { numRuns: runs(3000), seed: SEED },
    )
    expect(rejected).toBeGreaterThan(runs(3000) / 4)
  })
})

describe('names from source lines', () => {
  it('finds the variable that a line gives a value', () => {
    expect(assignedName('__u32 idx = ctx->len & 15;')).toBe('idx')
    expect(assignedName('value = bpf_map_lookup_elem(&counts, &key);')).toBe('value')
    expect(assignedName('sum += *p;')).toBe('sum')
    expect(assignedName('if (a == b)')).toBeUndefined()
    expect(assignedName('if (a <= b && c != d)')).toBeUndefined()
    expect(assignedName('return x;')).toBeUndefined()
  })

  it('finds an index and a pointer where there is only one', () => {
    expect(indexName('return table[idx] + 1;')).toBe('idx')
    expect(indexName('a[i] = b[j];')).toBeUndefined()
    expect(pointerName('value->count++;')).toBe('value')
    expect(pointerName('a->x = b->y;')).toBeUndefined()
  })

  it('finds the text of an argument', () => {
    const line = 'ret = bpf_map_update_elem(&map, key_of(a, b), &(struct v){ 1, 2 }, BPF_ANY);'
    expect(argumentText(line, 'bpf_map_update_elem', 0)).toBe('&map')
    expect(argumentText(line, 'bpf_map_update_elem', 1)).toBe('key_of(a, b)')
    expect(argumentText(line, 'bpf_map_update_elem', 3)).toBe('BPF_ANY')
    expect(argumentText(line, 'bpf_map_update_elem', 4)).toBeUndefined()
    expect(argumentText('f(a,', 'f', 0)).toBeUndefined()
  })
})
