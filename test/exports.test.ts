/**
 * The public surface is a snapshot: what each subpath of the package exports, so that a change of API is a visible diff.
 * `npx vitest run test/exports.test.ts -u` accepts a change that is meant.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { exports: Record<string, string> }

/** Subpath, and the source that becomes its `dist` file. */
const subpaths = Object.entries(manifest.exports)
  .filter(([, file]) => file.endsWith('.js'))
  .map(([subpath, file]) => [subpath, file.replace(/^\.\/dist\//, 'src/').replace(/\.js$/, '.ts')] as const)

describe('the exports of the package', () => {
  it('are at least the root and a dozen subpaths', () => {
    expect(subpaths.length).toBeGreaterThan(12)
  })

  it.each(subpaths)('%s exports what the snapshot says', async (_, source) => {
    expect(existsSync(join(ROOT, source)), `${source} exists`).toBe(true)
    const names = Object.keys(await import(join(ROOT, source))).sort()
    expect(names).toMatchSnapshot()
  })

  it.each(subpaths)('%s exports nothing as default', async (_, source) => {
    expect(existsSync(join(ROOT, source)), `${source} exists`).toBe(true)
    expect(Object.keys(await import(join(ROOT, source)))).not.toContain('default')
  })
})
