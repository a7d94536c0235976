/**
 * The part of a target's types that programs need: with it, relocations come to what they come to with the whole.
 * @module
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  type Btf,
  BtfBuilder,
  type CoreResolution,
  CoreResolver,
  emitBtf,
  minimizeBtf,
  parseBtf,
} from '../../src/btf/index.ts'
import { CoreRelocations, explainCore, type ObjectSpec, parseObject, readTypes } from '../../src/object/index.ts'
import { AnybpfError } from '../../src/util/index.ts'
import { cli } from '../support/cli.ts'
import { askLibbpf, DIRECTORY, ourLog } from './libbpf-log.ts'

const OBJECTS = readdirSync(DIRECTORY).filter((name) => name.endsWith('.o'))
const TARGETS = readdirSync(join(DIRECTORY, 'targets')).filter((name) => name.endsWith('.o'))
const VMLINUX = '/sys/kernel/btf/vmlinux'

const object = (name: string): ObjectSpec => parseObject(readFileSync(join(DIRECTORY, name)))
const types = (name: string): Btf => readTypes(readFileSync(join(DIRECTORY, 'targets', name)))

function partOf(specs: readonly ObjectSpec[], target: Btf): Btf {
  const outcomes = specs.flatMap((spec) => new CoreRelocations(spec, target).all().map(({ outcome }) => outcome))
  const resolved = outcomes.filter((outcome): outcome is CoreResolution => !(outcome instanceof AnybpfError))
  return parseBtf(emitBtf(minimizeBtf(target, resolved)))
}

/** What does not depend on the ids of types; of what failed, nothing. */
function results(spec: ObjectSpec, target: Btf): unknown[] {
  return explainCore(spec, target).map((one) => {
    if (one.outcome === 'failed' && one.local === undefined) return 'failed'
    const { kind, insn, outcome, value, resized, before } = one
    const id = kind === 'target_type_id' ? { found: value !== '0' } : { value }
    return { insn, outcome, before, resized, what: one.target?.what, ...id }
  })
}

/** A relocation that failed with the whole may fail or find nothing with the part. */
function expectSame(part: unknown[], whole: unknown[], what: string): void {
  expect(
    part.map((one, i) => (whole[i] === 'failed' ? 'failed' : one)),
    what,
  ).toEqual(whole)
}

describe('minimal types', () => {
  it.each(TARGETS)('of %s give the same results, for each program alone and for all together', (name) => {
    const target = types(name)
    const specs = OBJECTS.map((file) => object(file))
    const shared = partOf(specs, target)
    expect(shared.length).toBeLessThanOrEqual(target.length)
    specs.forEach((spec, i) => {
      const whole = results(spec, target)
      expectSame(results(spec, partOf([spec], target)), whole, `${OBJECTS[i]}, its own part`)
      expectSame(results(spec, shared), whole, `${OBJECTS[i]}, the shared part`)
    })
  })

  it('have members where they are, and no others', () => {
    const part = partOf([object('nested.o')], types('plain.o'))
    const thing = part.find('thing', 'struct')!
    const inner = part.find('inner', 'struct')!
    expect(thing.size).toBe(types('plain.o').find('thing', 'struct')!.size)
    expect(thing.members.map(({ name }) => name)).toEqual(['inner'])
    expect(inner.members.map(({ name }) => name)).toEqual(['a', 'b'])
  })

  it('keep the last member behind an array without a size', () => {
    // There struct s { u32 zero[0]; u32 last; }, here struct s { u32 zero[]; }: zero[1] is beyond, unless `last` goes.
    const struct = (...members: string[]): Btf => {
      const builder = new BtfBuilder()
      const u32 = builder.int('u32', 4)
      const array = builder.array(u32, 0, u32)
      const typed = members.map((name) => ({ name, type: name === 'zero' ? array : u32, bitOffset: 0 }))
      builder.struct('s', 4, typed)
      return builder.build()
    }
    const [here, there] = [struct('zero'), struct('zero', 'last')]
    const size = new CoreResolver(here, there).resolve({ type: 3, access: '0:0', kind: 1 })
    const part = minimizeBtf(there, [size])
    for (const target of [there, part]) {
      expect(new CoreResolver(here, target).resolve({ type: 3, access: '0:0:1', kind: 2 }).value).toBe(0n)
    }
    expect(part.find('s', 'struct')!.members).toHaveLength(2)
  })

  it('are types to libbpf, which comes to the same', ({ skip }) => {
    const directory = mkdtempSync(join(tmpdir(), 'anybpf-min-'))
    try {
      const pairs = OBJECTS.map((file) => {
        const path = join(directory, `${file}.btf`)
        writeFileSync(path, emitBtf(partOf([object(file)], types('moved.o'))))
        return [file, path] as const
      })
      const asked = askLibbpf(pairs)
      if (asked.unavailable !== '') skip(asked.unavailable)
      const all = asked.objects.filter(({ program, object: name }) => program === '*' && name !== 'resize-arrays.o')
      expect(all.length).toBe(OBJECTS.length - 1)
      for (const { object: name, target, lines } of all) {
        if (lines.at(-1)?.endsWith('failed')) continue
        expect(ourLog(object(name), readTypes(readFileSync(target)), '*'), name).toEqual(lines)
      }
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it.runIf(existsSync(VMLINUX))('of a kernel are small, and no larger than bpftool’s', ({ skip }) => {
    const kernel = readTypes(readFileSync(VMLINUX))
    const part = emitBtf(partOf([object('kernel.o')], kernel))
    expect(part.length).toBeLessThan(4096)
    expectSame(results(object('kernel.o'), parseBtf(part)), results(object('kernel.o'), kernel), 'kernel.o')
    const file = join(mkdtempSync(join(tmpdir(), 'anybpf-min-')), 'kernel.btf')
    const made = spawnSync('bpftool', ['gen', 'min_core_btf', VMLINUX, file, join(DIRECTORY, 'kernel.o')])
    if (made.status !== 0) skip('bpftool is not there')
    expect(part.length).toBeLessThanOrEqual(readFileSync(file).length)
  })
})

describe('anybpf btf min', () => {
  it('writes what verify takes', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'anybpf-min-'))
    const output = join(directory, 'part.btf')
    const target = join(DIRECTORY, 'targets', 'plain.o')
    const files = ['guarded.o', 'offset-load.o'].map((name) => join(DIRECTORY, name))
    const made = await cli(['btf', 'min', ...files, '--target', target, '-o', output, '--json'])
    expect(made.status).toBe(0)
    const told = JSON.parse(made.stdout) as Record<string, unknown>
    expect(told).toMatchObject({ target, output, relocations: { relocated: 7, poisoned: 2, failed: 0 } })
    expect(told['bytes']).toBe(readFileSync(output).length)
    const verified = await cli(['verify', files[0]!, '--btf', output, '--program', 'unguarded'])
    expect(verified.stdout).toContain('do not have `struct thing.never`')
    const piped = await cli(['btf', 'min', ...files, '--target', target, '-o', '-'])
    expect(new Uint8Array(piped.bytes)).toEqual(new Uint8Array(readFileSync(output)))
    rmSync(directory, { recursive: true })
  })

  it('warns of what cannot be resolved, and says what is no object', async () => {
    const target = join(DIRECTORY, 'targets', 'twice.o')
    const ambiguous = await cli(['btf', 'min', join(DIRECTORY, 'ambiguous-id.o'), '--target', target, '-o', '-'])
    expect(ambiguous.stderr).toMatch(
      /^anybpf: warning: id: CO-RE relocation <target_type_id> [^\n]*ambiguous: [^\n]*\n$/,
    )
    const wrong = await cli(['btf', 'min', join(DIRECTORY, 'kernel.c'), '--target', target, '-o', '-'])
    expect(wrong.status).toBe(3)
    expect(wrong.stderr).toMatch(/\[ERR_ELF\]\n$/)
  })
})

describe('anybpf inspect --core', () => {
  it('explains each relocation', async () => {
    const inspect = (name: string, target: string, ...more: string[]): ReturnType<typeof cli> =>
      cli(['inspect', join(DIRECTORY, name), '--core', '--btf', join(DIRECTORY, 'targets', target), ...more])
    const guarded = (await inspect('guarded.o', 'plain.o')).stdout
    expect(guarded).toContain(
      [
        '    insn 1: <field_exists> [5] struct thing.never (0:1 @ offset 4)',
        '      not in [1] struct thing',
        '      1 becomes 0',
      ].join('\n'),
    )
    expect(guarded).toContain('      poisoned: nothing in the target matches\n')
    expect(guarded).toContain('4 relocations: 2 relocated, 2 poisoned, 0 failed\n')
    const resized = (await inspect('offset-load.o', 'moved.o')).stdout
    expect(resized).toContain(
      'found in [1] struct thing.size (0:2 @ offset 56)\n      8 becomes 56, 8 bytes become 4\n',
    )
    const ambiguous = (await inspect('ambiguous-offset.o', 'twice.o')).stdout
    expect(ambiguous).toMatch(/cannot be loaded: .* ambiguous: the field is at bit /)
  })

  it('explains them to programs', async () => {
    const target = join(DIRECTORY, 'targets', 'moved.o')
    const { stdout } = await cli(['inspect', join(DIRECTORY, 'offset-load.o'), '--core', '--btf', target, '--json'])
    const { core } = JSON.parse(stdout) as { core: { target: string; relocations: Record<string, unknown>[] } }
    expect(core.target).toBe(target)
    expect(core.relocations.find((one) => one['function'] === 'of_u64')).toMatchObject({
      kind: 'byte_off',
      local: { what: 'struct thing.size' },
      target: { what: 'struct thing.size' },
      candidates: [{ matches: true, what: 'struct thing.size' }],
      outcome: 'relocated',
      before: '8',
      value: '56',
      resized: [8, 4],
    })
  })

  it('wants --core for --btf', async () => {
    const { status, stderr } = await cli(['inspect', join(DIRECTORY, 'nested.o'), '--btf', 'x'])
    expect(status).toBe(2)
    expect(stderr).toContain('--btf needs --core')
  })
})
