/**
 * Skeletons of real objects: TypeScript accepts them, strictly, and what their types claim is what the codecs give and take.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type ObjectSpec, parseObject } from '../../src/object/index.ts'
import { isAnybpfError } from '../../src/util/index.ts'
import { corpusObjects } from '../support/objects.ts'
import { checkTypeScript } from '../support/typescript.ts'
import { claims } from './claims.ts'

const ROOT = join(import.meta.dirname, '..', '..')

/** All that can be read as objects below a folder. */
function objectsIn(root: string): Map<string, ObjectSpec> {
  const found = new Map<string, ObjectSpec>()
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile() || !/\.(?:o|elf)$/.test(entry.name)) continue
    try {
      found.set(path.slice(root.length + 1), parseObject(new Uint8Array(readFileSync(path))))
    } catch (error) {
      if (!isAnybpfError(error)) throw error
    }
  }
  return found
}

function check(objects: ReadonlyMap<string, ObjectSpec>): void {
  const modules = new Map<string, string>()
  const mismatches: string[] = []
  for (const [name, spec] of objects) {
    const options = { name: name.replace(/\.o$/, ''), origin: `anybpf gen skeleton from ${name}` }
    modules.set(
      `${name.replace(/[^\w.-]/g, '_')}.ts`,
      claims(spec, options, (what) => mismatches.push(`${name}: ${what}`)),
    )
  }
  expect(mismatches).toEqual([])
  expect(checkTypeScript(modules)).toEqual([])
}

describe('skeletons of the objects of this repository', () => {
  const objects = new Map([
    ...objectsIn(join(ROOT, 'examples')),
    ...objectsIn(join(ROOT, 'test', 'objects')),
    ...objectsIn(join(ROOT, 'test', 'core')),
  ])

  it('type-check, and say what values are', { timeout: 120_000 }, () => {
    expect(objects.size).toBeGreaterThan(100)
    check(objects)
  })
})

describe.skipIf(corpusObjects() === undefined)('skeletons of the corpus', () => {
  it('type-check, and say what values are', { timeout: 240_000 }, () => {
    const objects = objectsIn(corpusObjects()!)
    expect(objects.size).toBeGreaterThan(100)
    check(objects)
  })
})
