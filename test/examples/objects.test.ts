/**
 * The committed objects of the examples: made from the C beside them, the same program in both byte orders, and what can be
 * done with a big-endian one here.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assemble, disassemble } from '../../src/isa/index.ts'
import { Runtime } from '../../src/loader/index.ts'
import { linkProgram, type ObjectSpec } from '../../src/object/index.ts'
import { EXAMPLE_NAMES, EXAMPLES, parseExample, readExample } from '../support/examples.ts'

it('there are at least four examples', () => {
  expect(EXAMPLE_NAMES.length).toBeGreaterThanOrEqual(4)
})

describe.each(EXAMPLE_NAMES)('%s', (name) => {
  const little = parseExample(`${name}.el.o`)
  const big = parseExample(`${name}.eb.o`)

  it('parses without a problem in either byte order', () => {
    expect([little.byteOrder, big.byteOrder]).toEqual(['little', 'big'])
    expect(little.problems).toEqual([])
    expect(big.problems).toEqual([])
  })

  it('has the same programs, maps and licence in either byte order', () => {
    const outline = (spec: ObjectSpec) => ({
      license: spec.license,
      programs: Object.values(spec.programs).map((one) => [one.name, one.section, one.type]),
      maps: Object.values(spec.maps).map((map) => [map.name, map.type, map.keySize, map.valueSize, map.maxEntries]),
    })
    expect(outline(big)).toEqual(outline(little))
  })

  it('disassembles in either byte order to text that assembles to the same instructions', () => {
    for (const spec of [little, big]) {
      for (const program of Object.values(spec.programs)) {
        const { insns } = linkProgram(spec, program)
        const text = disassemble(insns).map((line) => line.text)
        expect(text.at(-1), program.name).toBe('exit')
        expect(assemble(text.join('\n'))).toEqual(insns)
      }
    }
  })

  it('runs little-endian, and is refused big-endian with ERR_BYTE_ORDER', () => {
    const runtime = new Runtime()
    const collection = runtime.load(little)
    expect(Object.keys(collection.programs)).toEqual(Object.keys(little.programs))
    expect(() => runtime.load(big)).toThrow(
      expect.objectContaining({ code: 'ERR_BYTE_ORDER', message: expect.stringMatching(/big-endian/) }),
    )
    runtime.dispose()
  })
})

const hasCompiler =
  spawnSync('clang-19', ['--version']).status === 0 &&
  spawnSync('llvm-strip-19', ['--version']).status === 0 &&
  existsSync('/usr/include/bpf/bpf_helpers.h')
if (!hasCompiler)
  console.log('skipped: clang-19, llvm-strip-19 or libbpf headers are not here to compile the examples again')

describe.skipIf(!hasCompiler)('compiled again by scripts/build-examples.sh', () => {
  let copy: string

  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), 'anybpf-examples-'))
    cpSync(EXAMPLES, join(copy, 'examples'), { recursive: true, filter: (file) => !file.endsWith('.o') })
    cpSync(join(EXAMPLES, '..', 'scripts', 'build-examples.sh'), join(copy, 'scripts', 'build-examples.sh'))
    const built = spawnSync('bash', ['scripts/build-examples.sh'], { cwd: copy, encoding: 'utf8' })
    expect(built.stderr).toBe('')
    expect(built.status).toBe(0)
  })

  afterAll(() => rmSync(copy, { recursive: true, force: true }))

  it.each(EXAMPLE_NAMES.flatMap((name) => [`${name}.el.o`, `${name}.eb.o`]))('%s is what is committed', (object) => {
    expect(Buffer.compare(readFileSync(join(copy, 'examples', object)), readExample(object))).toBe(0)
  })
})
