/** `anybpf link`: what it writes, what it says, and how it refuses. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { parseObject } from '../../src/object/index.ts'
import { cli, errorLine } from '../support/cli.ts'
import { LINK_FOLDER } from '../support/linked.ts'

const folder = mkdtempSync(join(tmpdir(), 'anybpf-link-cli-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const file = (name: string): string => join(LINK_FOLDER, `${name}.el.o`)
const output = join(folder, 'app.o')
const written = (): string[] => readdirSync(folder)

describe('anybpf link', () => {
  it('writes an object, and says in a line what it is', async () => {
    const result = await cli(['link', file('calls-a'), file('calls-b'), '-o', output])
    expect(result).toMatchObject({ status: 0, stderr: '' })
    expect(result.stdout).toMatch(/app\.o: 2 objects, \d+ bytes, 3 sections, 6 shared symbols, \d+ types\n$/)
    expect(Object.keys(parseObject(new Uint8Array(readFileSync(output))).programs)).toEqual(['first', 'other'])
    expect(written()).toEqual(['app.o'])
    // What it wrote, it runs.
    const { stdout } = await cli(['run', output, '--program', 'other', '--data', '00'.repeat(64), '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ retval: expect.any(Number) })
  })

  it('says it as JSON', async () => {
    const { stdout } = await cli(['link', file('strong-a'), file('strong-b'), '-o', output, '--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      output,
      bytes: readFileSync(output).length,
      byteOrder: 'little',
      unresolved: [],
      untyped: [],
      sections: expect.arrayContaining([expect.objectContaining({ name: 'xdp' })]),
      symbols: expect.arrayContaining([expect.objectContaining({ name: 'choose', kind: 'function' })]),
    })
  })

  it('writes to standard output, and reads standard input', async () => {
    const result = await cli(['link', '-', file('calls-b'), '-o', '-'], { stdin: readFileSync(file('calls-a')) })
    expect(result.status).toBe(0)
    expect(Object.keys(parseObject(new Uint8Array(result.bytes)).programs)).toEqual(['first', 'other'])
  })

  it('says what nobody has defined, and what could not be compared', async () => {
    const half = await cli(['link', file('calls-a'), '-o', output])
    expect(half.stdout).toContain(`not defined yet: sum (${file('calls-a')})\n`)
    const bare = await cli(['link', file('bare-a'), file('bare-b'), '-o', output])
    expect(bare.stdout).toContain(`not compared, for want of types: counter (${file('bare-a')}, ${file('bare-b')})\n`)
  })

  it('exits with 1 for files that do not go together, and leaves the output as it was', async () => {
    writeFileSync(output, 'before')
    const result = await cli(['link', file('bad-a'), file('bad-twice'), '-o', output])
    expect(result.status).toBe(1)
    expect(result.stderr).toMatch(errorLine('ERR_LINK'))
    expect(result.stderr).toContain('"number" is defined in ')
    expect(readFileSync(output, 'utf8')).toBe('before')
    expect(written()).toEqual(['app.o'])
  })

  it('exits with 3 for what is no object, or not there, and with 2 for a command that makes no sense', async () => {
    const source = await cli(['link', join(LINK_FOLDER, 'calls-a.c'), '-o', output])
    expect(source).toMatchObject({ status: 3, stderr: expect.stringMatching(errorLine('ERR_ELF')) })
    expect(source.stderr).toContain('calls-a.c')
    const missing = await cli(['link', join(folder, 'none.o'), '-o', output])
    expect(missing).toMatchObject({ status: 3, stderr: expect.stringMatching(errorLine('ERR_NOT_FOUND')) })
    for (const args of [
      [file('calls-a')],
      ['-o', output],
      [file('calls-a'), '-o', '-', '--json'],
      ['-', '-', '-o', output],
    ]) {
      expect((await cli(['link', ...args])).status).toBe(2)
    }
    expect(existsSync(join(folder, 'none.o'))).toBe(false)
  })

  it('refuses to write where it cannot', async () => {
    const result = await cli(['link', file('calls-a'), '-o', join(folder, 'no', 'where.o')])
    expect(result).toMatchObject({ status: 3, stderr: expect.stringMatching(errorLine('ERR_NOT_FOUND')) })
  })
})
