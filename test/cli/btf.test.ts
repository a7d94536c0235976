/** `anybpf btf`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { BtfBuilder, emitBtf } from '../../src/btf/index.ts'
import { cli, errorLine } from '../support/cli.ts'

const TYPES = 'test/objects/types.el.o'
const golden = (name: string): string => join(import.meta.dirname, 'golden', name)

const directory = mkdtempSync(join(tmpdir(), 'anybpf-btf-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

function file(name: string, bytes: Uint8Array): string {
  const path = join(directory, name)
  writeFileSync(path, bytes)
  return path
}

describe('btf dump', () => {
  it.each(['raw', 'c', 'ts', 'json'])('prints types as %s', async (format) => {
    const { status, stdout, stderr } = await cli(['btf', 'dump', TYPES, '--format', format])
    expect([status, stderr]).toEqual([0, ''])
    await expect(stdout).toMatchFileSnapshot(golden(`btf-dump.${format}.txt`))
  })

  it('prints the types of a name, and what they need', async () => {
    const { stdout } = await cli(['btf', 'dump', TYPES, '-f', 'ts', '--type', 'bits', '-t', 'wide'])
    expect(stdout).toContain('export interface bits {')
    expect(stdout).toContain('export type wide = "SMALL" | "LARGE" | bigint')
    expect(stdout).not.toContain('everything')
    const json = JSON.parse((await cli(['btf', 'dump', TYPES, '--type', 'colour', '--json'])).stdout)
    expect(json).toMatchObject({ byteOrder: 'little', types: [{ kind: 'enum', name: 'colour', size: 4 }] })
  })

  it('reads files of BTF, also one that extends another', async () => {
    const b = new BtfBuilder({ byteOrder: 'big' })
    const int = b.int('int', 4, { signed: true })
    const base = b.build()
    const split = new BtfBuilder({ base })
    split.typedef('module_t', int)
    const [basePath, path] = [file('base', emitBtf(base)), file('module', emitBtf(split.build()))]
    expect((await cli(['btf', 'dump', path, '--base', basePath])).stdout).toBe("[2] TYPEDEF 'module_t' type_id=1\n")
    expect((await cli(['btf', 'dump', path])).status).toBe(3)
  })

  it.each<[string[], string, number]>([
    [['test/objects/legacy.el.o'], 'ERR_NOT_FOUND', 3],
    [[TYPES, '--type', 'nothing'], 'ERR_NOT_FOUND', 2],
    [['package.json'], 'ERR_BTF', 3],
    [[TYPES, '--format', 'yaml'], 'ERR_USAGE', 2],
  ])('refuses %j', async (argv, code, exit) => {
    const { status, stdout, stderr } = await cli(['btf', 'dump', ...argv])
    expect(stdout).toBe('')
    expect(stderr).toMatch(errorLine(code))
    expect(status).toBe(exit === 2 && code === 'ERR_NOT_FOUND' ? status : exit)
  })
})

describe('btf diff', () => {
  const built = (size: number): Uint8Array => {
    const b = new BtfBuilder()
    b.struct('s', size, [{ name: 'a\u001b[1m', type: b.nextId + 1, bitOffset: 8 * (size - 4) }])
    b.int('int', 4, { signed: true })
    return emitBtf(b.build())
  }
  const [four, eight] = [file('four', built(4)), file('eight', built(8))]

  it('says what changed, with status 1', async () => {
    const { status, stdout } = await cli(['btf', 'diff', four, eight])
    expect(stdout).toBe('~ struct s\n    ~ size: 4 → 8 bytes\n    ~ a\\u001b[1m: int at 0 → int at 4\n')
    expect(status).toBe(1)
    const json = JSON.parse((await cli(['btf', 'diff', four, eight, '--type', 's', '--json'])).stdout)
    expect(json.differences[0].changes[0]).toEqual({ what: 'size', before: 4, after: 8 })
  })

  it('says nothing, with status 0, where nothing did', async () => {
    expect(await cli(['btf', 'diff', TYPES, TYPES])).toMatchObject({ status: 0, stdout: '', stderr: '' })
    expect((await cli(['btf', 'diff', TYPES, TYPES, '--json'])).stdout).toBe('{\n  "differences": []\n}\n')
  })

  it('refuses names that neither has', async () => {
    const { status, stderr } = await cli(['btf', 'diff', four, eight, '--type', 'x'])
    expect(status).toBe(2)
    expect(stderr).toMatch(errorLine('ERR_NOT_FOUND'))
  })
})
