/** Text that becomes an object: read again and run it is what it was, and the kernel loads it. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { assemble } from '../../src/isa/index.ts'
import { Runtime } from '../../src/loader/index.ts'
import { emitProgramObject, linkObjects, parseObject } from '../../src/object/index.ts'
import { linux } from '../../src/spec/index.ts'
import { AnybpfError } from '../../src/util/index.ts'
import { cli, errorLine } from '../support/cli.ts'
import { hasBpftool, withFiles } from '../support/linked.ts'

const TEXT = `
  r6 = *(u32 *)(r1 + 4)
  r7 = *(u32 *)(r1 + 0)
  r6 -= r7
  r1 = r6
  call double
  r6 = r0
  r1 = 3
  call triple
  r0 += r6
  exit
double:
  r0 = r1
  r0 += r1
  exit
triple:
  r6 = r1
  call double
  r0 += r6
  exit
`
const insns = assemble(TEXT)

function loadsInKernel(bytes: Uint8Array): { status: number | null; stderr: string } {
  return withFiles([{ name: 'text.o', bytes }], (folder, [path]) => {
    const mount = join(folder, 'fs')
    mkdirSync(mount)
    const script = `mount -t bpf bpf ${mount} && bpftool prog loadall ${path} ${mount}/p`
    return spawnSync('unshare', ['-m', 'sh', '-c', script], { encoding: 'utf8' })
  })
}

describe('a program as an object', () => {
  it.each(['little', 'big'] as const)('is read as it was meant (%s)', (byteOrder) => {
    const spec = parseObject(emitProgramObject({ insns, section: 'xdp', name: 'sizes', license: 'MIT', byteOrder }))
    expect(spec).toMatchObject({ byteOrder, license: 'MIT', problems: [] })
    expect(Object.values(spec.programs)).toMatchObject([{ name: 'sizes', type: 'xdp', section: 'xdp', slotCount: 10 }])
    expect(Object.keys(spec.functions)).toEqual(['sizes_10', 'sizes_13'])
    expect(spec.functions['sizes_13']!.references).toMatchObject([{ kind: 'function', slot: 1, function: 'sizes_10' }])
  })

  it('runs', () => {
    const runtime = new Runtime({ platform: linux() })
    const collection = runtime.load(parseObject(emitProgramObject({ insns, section: 'xdp' })))
    expect(collection.program('prog').run(new Uint8Array(60)).retval).toBe(2 * 60 + 3 * 3)
    runtime.dispose()
  })

  it('can be linked with another', () => {
    const one = { name: 'one.o', bytes: emitProgramObject({ insns, section: 'xdp', name: 'one' }) }
    const two = { name: 'two.o', bytes: emitProgramObject({ insns, section: 'xdp', name: 'two' }) }
    const spec = parseObject(linkObjects([one, two]).bytes)
    expect(spec.problems).toEqual([])
    expect(Object.keys(spec.programs)).toEqual(['one', 'two'])
    const runtime = new Runtime({ platform: linux() })
    expect(runtime.load(spec).program('two').run(new Uint8Array(30)).retval).toBe(2 * 30 + 3 * 3)
    runtime.dispose()
  })

  const kernel = process.getuid?.() === 0 && hasBpftool()
  it.skipIf(!kernel)('is loaded by the kernel', () => {
    for (const one of [insns, assemble('r0 = 1\nexit')]) {
      const { status, stderr } = loadsInKernel(emitProgramObject({ insns: one, section: 'xdp' }))
      expect(status, stderr).toBe(0)
    }
  })

  it.each<[string, string, string]>([
    ['a map by number', 'r1 = map_by_fd(3)\nr0 = 0\nexit', 'ERR_ENCODE'],
    ['a jump into another function', 'call f\ngoto g\nexit\nf:\nr0 = 1\ng:\nexit', 'ERR_ENCODE'],
    ['a call of itself', 'p:\ncall p\nexit', 'ERR_ENCODE'],
  ])('refuses %s', (_, text, code) => {
    const write = () => emitProgramObject({ insns: assemble(text), section: 'xdp' })
    expect(write).toThrowError(AnybpfError)
    expect(write).toThrowError(expect.objectContaining({ code }))
  })
})

describe('anybpf asm -o FILE.o', () => {
  it('takes the section, the name and the licence', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'anybpf-asm-'))
    try {
      const output = join(folder, 'text.o')
      const asked = await cli(['asm', '-', '-o', output], { stdin: TEXT })
      expect(asked).toMatchObject({ status: 2, stderr: expect.stringMatching(errorLine('ERR_USAGE')) })
      expect(asked.stderr).toContain('--section xdp')
      const done = await cli(['asm', '-', '-o', output, '--section', 'tc', '--name', 'f', '--json'], { stdin: TEXT })
      expect(done.status).toBe(0)
      expect(JSON.parse(done.stdout)).toMatchObject({ output, slots: insns.length })
      const verified = await cli(['inspect', output, '--json'])
      expect(verified.stdout).toContain('"sched_cls"')
      expect(readdirSync(folder)).toEqual(['text.o'])
      for (const args of [
        ['--section', 'xdp'],
        ['-o', output, '--section', 'xdp', '--hex'],
      ]) {
        expect((await cli(['asm', '-', ...args], { stdin: TEXT })).status).toBe(2)
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
