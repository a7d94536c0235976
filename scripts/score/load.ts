/**
 * Suite `load`: every program of `objects/verdicts.json` is found in its object, in its section, with its length; files
 * that are no ELF are refused with one line.
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type FunctionSpec, type ObjectSpec, parseObject } from '../../src/object/index.ts'
import { AnybpfError } from '../../src/util/index.ts'
import type { ScoreCase, ScoreResult } from './main.ts'

interface VerdictRow {
  readonly object: string
  readonly section: string
  readonly function: string
  readonly insns: number | null
  readonly linux: { readonly verdict: string }
}

type Opened = { readonly spec: ObjectSpec } | { readonly error: unknown }

export async function score(path: string): Promise<ScoreResult> {
  const rows = JSON.parse(readFileSync(join(path, 'verdicts.json'), 'utf8')) as VerdictRow[]
  const opened = new Map<string, Opened>()
  return {
    cases: rows.map((row) => {
      let object = opened.get(row.object)
      if (object === undefined) {
        object = open(join(path, row.object))
        opened.set(row.object, object)
      }
      return judge(row, object)
    }),
  }
}

function open(file: string): Opened {
  try {
    return { spec: parseObject(readFileSync(file)) }
  } catch (error) {
    return { error }
  }
}

function judge(row: VerdictRow, object: Opened): ScoreCase {
  const id = `${row.object} ${row.section} ${row.function}`
  if (row.linux.verdict === 'not_elf') {
    const expected = 'refused with a one-line error'
    if ('spec' in object) return { id, expected, actual: 'opened', agree: false }
    const { error } = object
    const agree = error instanceof AnybpfError && !error.message.includes('\n')
    return { id, expected, actual: agree ? expected : String(error), agree, note: String(error) }
  }
  const expected = row.insns === null ? 'found' : `${row.insns} slots`
  if ('error' in object) return { id, expected, actual: `refused: ${object.error}`, agree: false }
  const found = find(row, object.spec)
  if (found === undefined) return { id, expected, actual: 'not found', agree: false }
  const actual = row.insns === null ? 'found' : `${found.slotCount} slots`
  return { id, expected, actual, agree: actual === expected }
}

/** By section and name; where the corpus names the program after its section, it is the section's only one. */
function find(row: VerdictRow, spec: ObjectSpec): FunctionSpec | undefined {
  return findByRow(row, [...Object.values(spec.programs), ...Object.values(spec.functions)])
}

/** What a row of `verdicts.json` means, of all that an object has; undefined rather than another program. */
export function findByRow<T extends FunctionSpec>(
  row: Pick<VerdictRow, 'section' | 'function'>,
  all: readonly T[],
): T | undefined {
  const inSection = all.filter((one) => one.section === row.section)
  const byName = inSection.find((one) => one.name === row.function || one.name === `${row.section}/${row.function}`)
  if (byName !== undefined || row.function !== row.section) return byName
  return inSection.length === 1 ? inSection[0] : undefined
}
