/** The literals of the interpreter's `switch`, which V8 needs, against the table that names them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ATOMIC_OPS, OPCODES } from '../../src/vm/opcodes.ts'

function cases(file: string): [string, number][] {
  const source = readFileSync(join(import.meta.dirname, '..', '..', 'src', 'vm', file), 'utf8')
  return [...source.matchAll(/case (\d+): \/\* (\w+) \*\//g)].map((match) => [match[2]!, Number(match[1])])
}

describe('the numbers of operations', () => {
  it('are the cases of the interpreter, each once', () => {
    const found = cases('interpreter.ts')
    expect(Object.fromEntries(found)).toEqual(OPCODES)
    expect(found).toHaveLength(Object.keys(OPCODES).length)
  })

  it('run from 0 without a gap', () => {
    expect(Object.values(OPCODES).sort((a, b) => a - b)).toEqual(Object.keys(OPCODES).map((_, i) => i))
  })

  it('of atomic operations are the cases of both sizes', () => {
    const expected = ATOMIC_OPS.map((op, i) => [op, i])
    expect(cases('atomics.ts')).toEqual([...expected, ...expected])
  })
})
