/** Addresses of kernel symbols: typed pointers where there are any, and 0 where there are none. */
import { describe, expect, it } from 'vitest'
import { VerifyInput } from '../../src/loader/verify-input.ts'
import type { ObjectSpec } from '../../src/object/index.ts'
import { parseObject } from '../../src/object/index.ts'
import { linux } from '../../src/spec/index.ts'
import type { VerifierReference } from '../../src/verifier/program.ts'
import { verify } from '../../src/verifier/verify.ts'
import { readObject } from '../support/objects.ts'
import { btfOf } from './memory/programs.ts'

const kernelBtf = btfOf(
  { kind: 'int', name: 'int', size: 4, bits: 32, offset: 0, signed: true, char: false, bool: false },
  { kind: 'var', name: 'symbol', type: 1, linkage: 'global' },
)

/** `return symbol`, where `symbol` is an int of the kernel. */
function judge(reference: Partial<VerifierReference>): string {
  const symbol = { kind: 'ksym', name: 'symbol', weak: true, btfType: 1, ...reference } as VerifierReference
  const report = verify(
    {
      name: 'reader',
      type: 'raw_tracepoint',
      license: 'GPL',
      insns: [
        { kind: 'lddw', source: 'imm64', dst: 1, imm: 0, imm2: 0 },
        { kind: 'wide_tail' },
        { kind: 'load', size: 4, signed: false, dst: 0, base: 1, off: 0 },
        { kind: 'exit' },
      ],
      references: new Map([[0, symbol]]),
    },
    linux('6.18'),
    { kernelBtf, author: 'trusted' },
  )
  return report.error?.message ?? 'accept'
}

describe('a typed kernel symbol', () => {
  it('may be read where it is', () => {
    expect(judge({})).toBe('accept')
    expect(judge({ weak: false })).toBe('accept')
  })

  it('may not be read where it is 0, whatever the kernel has under that name', () => {
    expect(judge({ absent: true })).toBe("R1 invalid mem access 'scalar'")
    expect(judge({ name: 'other' })).toBe("R1 invalid mem access 'scalar'")
  })

  it('is absent for the verifier where its address is 0 for the program', () => {
    const spec: ObjectSpec = parseObject(readObject('externs', 'el'))
    const absent = (names: readonly string[]): boolean[] => {
      const input = new VerifyInput(spec, linux('6.18'), { absentKsyms: new Set(names) })
      const { references } = input.program(Object.values(spec.programs)[0]!)
      const found = [...(references?.values() ?? [])]
      return found.flatMap((one) => (one.kind === 'ksym' ? [one.absent === true] : []))
    }
    expect(absent(['missing_symbol'])).toContain(true)
    expect(absent([])).not.toContain(true)
  })
})
