/**
 * The direction of the modules and the form of their files, as `scripts/architecture-table.ts` states them. The checker
 * itself is shown to fail on files that break each rule.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { describe, expect, it } from 'vitest'
import { MODULES } from '../scripts/architecture-table.ts'
import { checkArchitecture, checkTable, MAX_LINES } from './support/architecture.ts'

const SRC = join(import.meta.dirname, '..', 'src')
const HEADER = '/**\n * Something.\n * @module\n */\n'

function readSources(): Map<string, string> {
  const paths = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  return new Map(paths.map((path) => [path.split(sep).join('/'), readFileSync(join(SRC, path), 'utf8')]))
}

describe('the architecture', () => {
  it('is kept by every file under src', () => {
    const sources = readSources()
    expect(sources.size).toBeGreaterThan(20)
    expect(checkArchitecture(sources, MODULES)).toEqual([])
  })

  it('has no cycle between modules', () => {
    expect(checkTable(MODULES)).toEqual([])
  })

  it('puts every folder under src in the table', () => {
    const folders = readdirSync(SRC, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    for (const folder of folders) expect(MODULES.map((row) => row.module)).toContain(folder.name)
  })
})

describe('the checker', () => {
  /** Checks files that do not exist; bodies get the header that every file needs. */
  const check = (files: Record<string, string>): string[] => {
    return checkArchitecture(new Map(Object.entries(files).map(([path, text]) => [path, HEADER + text])), MODULES)
  }

  it.each<[string, Record<string, string>, string]>([
    [
      'an import upwards',
      { 'isa/a.ts': "import { x } from '../vm/b.ts'", 'vm/b.ts': '' },
      "isa/a.ts: isa may not import vm ('../vm/b.ts')",
    ],
    [
      'a type import upwards',
      { 'isa/a.ts': "import type { X } from '../vm/b.ts'", 'vm/b.ts': '' },
      "isa/a.ts: isa may not import vm ('../vm/b.ts')",
    ],
    [
      'a re-export upwards',
      { 'isa/a.ts': "export * from '../vm/b.ts'", 'vm/b.ts': '' },
      "isa/a.ts: isa may not import vm ('../vm/b.ts')",
    ],
    [
      'a dynamic import upwards',
      { 'isa/a.ts': "await import('../vm/b.ts')", 'vm/b.ts': '' },
      "isa/a.ts: isa may not import vm ('../vm/b.ts')",
    ],
    [
      'an import type upwards',
      { 'isa/a.ts': "let x: import('../vm/b.ts').X", 'vm/b.ts': '' },
      "isa/a.ts: isa may not import vm ('../vm/b.ts')",
    ],
    [
      'an import of the root',
      { 'loader/a.ts': "import { x } from '../index.ts'", 'index.ts': '' },
      "loader/a.ts: loader may not import . ('../index.ts')",
    ],
    ['a built-in', { 'loader/a.ts': "import { readFileSync } from 'node:fs'" }, "loader/a.ts: imports 'node:fs'"],
    ['a bare built-in', { 'node/a.ts': "import { readFileSync } from 'fs'" }, "node/a.ts: imports 'fs'"],
    ['a package', { 'util/a.ts': "import { Command } from 'commander'" }, "util/a.ts: imports 'commander'"],
    ['a global of Node', { 'vm/a.ts': 'export const x = process.env' }, "vm/a.ts: uses Node's 'process'"],
    ['a global of Node, as a type', { 'vm/a.ts': 'export type X = Buffer' }, "vm/a.ts: uses Node's 'Buffer'"],
    [
      'a missing extension',
      { 'vm/a.ts': "import { x } from './b'", 'vm/b.ts': '' },
      "vm/a.ts: import of './b' does not end in .ts",
    ],
    [
      'a file that is not there',
      { 'vm/a.ts': "import { x } from './b.ts'" },
      "vm/a.ts: import of './b.ts', which does not exist",
    ],
    [
      'an import from outside',
      { 'vm/a.ts': "import { x } from '../../test/b.ts'" },
      "vm/a.ts: import of '../../test/b.ts' leaves src",
    ],
    ['a long file', { 'vm/a.ts': 'x\n'.repeat(MAX_LINES) }, `vm/a.ts: ${MAX_LINES + 4} lines, more than ${MAX_LINES}`],
    ['an unknown module', { 'jit/a.ts': '' }, "jit/a.ts: module 'jit' is not in the architecture table"],
    [
      'a cycle',
      { 'vm/b.ts': "import './a.ts'", 'vm/a.ts': "import './c.ts'", 'vm/c.ts': "export * from './b.ts'" },
      'vm/a.ts: import cycle vm/a.ts -> vm/c.ts -> vm/b.ts -> vm/a.ts',
    ],
    ['a file that imports itself', { 'vm/a.ts': "import './a.ts'" }, 'vm/a.ts: import cycle vm/a.ts -> vm/a.ts'],
  ])('sees %s', (_, files, violation) => {
    expect(check(files)).toContain(violation)
  })

  it('sees a file without a header, or with code before it', () => {
    for (const text of ['export {}', '/** No tag. */\n', `export {}\n${HEADER}`, '/** one */ /** @module */']) {
      expect(checkArchitecture(new Map([['vm/a.ts', text]]), MODULES)).toEqual([
        'vm/a.ts: does not start with a doc comment that has @module',
      ])
    }
    expect(checkArchitecture(new Map([['cli/a.ts', `#!/usr/bin/env node\n${HEADER}`]]), MODULES)).toEqual([])
  })

  it('passes what is allowed', () => {
    const files = {
      'isa/a.ts':
        "import type { B } from './b.ts'\nimport { x } from '../util/c.ts'\nexport const y = { process: x.process }",
      'isa/b.ts': "import './a.ts'",
      'util/c.ts': 'export const x = { process: 1 }',
      'cli/d.ts': "import 'commander'\nimport 'node:fs'\nprocess.exit()",
    }
    expect(check(files)).toEqual([])
    expect(checkArchitecture(new Map([['vm/a.generated.ts', 'x\n'.repeat(9999)]]), MODULES)).toEqual([])
  })

  it('sees a table that is not ordered from the ground up', () => {
    expect(checkTable([...MODULES].reverse())).not.toEqual([])
  })
})
