/**
 * Static linking against `bpftool gen object`: the same bytes, declarations and results for every pair of
 * `test/objects/link`, as recorded, and anew where bpftool is; the kernel loads what we link, where it can be asked.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseElf, SECTION_TYPE } from '../../src/elf/index.ts'
import { Runtime } from '../../src/loader/index.ts'
import { type LinkInput, linkObjects, parseObject } from '../../src/object/index.ts'
import { linux } from '../../src/spec/index.ts'
import { AnybpfError } from '../../src/util/index.ts'
import {
  BIG_PAIRS,
  behaviourOf,
  declarationsOf,
  hasBpftool,
  linkByBpftool,
  linkInputs,
  PAIRS,
  pairInputs,
  recordedBehaviour,
  withFiles,
} from '../support/linked.ts'

const bpftool = hasBpftool()

function link(inputs: readonly LinkInput[]): Uint8Array {
  return linkObjects(inputs).bytes
}

function refusal(inputs: readonly LinkInput[]): AnybpfError {
  let error: unknown
  try {
    linkObjects(inputs)
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(AnybpfError)
  expect((error as AnybpfError).message).not.toContain('\n')
  return error as AnybpfError
}

describe('a linked pair', () => {
  const recorded = recordedBehaviour()

  it('is there for everything that was recorded', () => {
    expect([...recorded.keys()]).toEqual([...PAIRS])
  })

  it.each(PAIRS)('%s is and does what bpftool made of it', (name) => {
    expect(behaviourOf(link(pairInputs(name)))).toEqual(recorded.get(name))
  })

  it.each(PAIRS)('%s runs, so that the comparison says something', (name) => {
    const { problems, runs } = recorded.get(name) as { problems: unknown[]; runs: { results: [string, unknown][][] } }
    expect(problems).toEqual([])
    if (name === 'ksyms') return
    for (const results of runs.results) {
      for (const [, value] of results) expect(value).toEqual(expect.any(Number))
    }
  })

  it.skipIf(!bpftool).each(PAIRS)('%s: what was recorded is what bpftool does', (name) => {
    expect(behaviourOf(linkByBpftool(pairInputs(name)))).toEqual(recorded.get(name))
  })

  it.skipIf(!bpftool).each(PAIRS)('%s in the other order is what bpftool makes of it', (name) => {
    const inputs = pairInputs(name).reverse()
    expect(behaviourOf(link(inputs))).toEqual(behaviourOf(linkByBpftool(inputs)))
  })

  it.each(BIG_PAIRS)('%s declares the same in the other byte order', (name) => {
    expect(declarationsOf(link(pairInputs(name, 'eb')))).toEqual(declarationsOf(link(pairInputs(name))))
  })

  it.each(PAIRS)('%s can be linked again, alone and from halves that were', (name) => {
    const inputs = pairInputs(name)
    const once = link(inputs)
    expect(behaviourOf(link([{ name: 'once.o', bytes: once }]))).toEqual(recorded.get(name))
    const halves = inputs.map((input) => ({ name: `half-${input.name}`, bytes: link([input]) }))
    expect(behaviourOf(link(halves))).toEqual(recorded.get(name))
  })

  it.skipIf(!bpftool).each(PAIRS)('%s can be linked again by bpftool, and what bpftool made by us', (name) => {
    const inputs = pairInputs(name)
    const ours = { name: 'ours.o', bytes: link(inputs) }
    const theirs = { name: 'theirs.o', bytes: linkByBpftool(inputs) }
    expect(behaviourOf(linkByBpftool([ours]))).toEqual(recorded.get(name))
    expect(behaviourOf(link([theirs]))).toEqual(recorded.get(name))
  })
})

describe('a linked object', () => {
  it.skipIf(!bpftool).each(PAIRS)('has no more types than that of bpftool (%s)', (name) => {
    const { types } = linkObjects(pairInputs(name))
    expect(types).toBeLessThan(parseObject(linkByBpftool(pairInputs(name))).btf!.length)
  })

  it('says what it is made of', () => {
    const { sections, symbols, unresolved, untyped } = linkObjects(pairInputs('strong'))
    expect(sections.find(({ name }) => name === 'xdp')).toMatchObject({
      alignment: 8,
      parts: [
        { input: 'strong-a.o', offset: 0 },
        { input: 'strong-b.o', offset: expect.any(Number) },
      ],
    })
    expect(symbols.find(({ name }) => name === 'choose')).toEqual({
      name: 'choose',
      kind: 'function',
      binding: 'global',
      hidden: false,
      definedIn: 'strong-b.o',
      section: '.text',
      inputs: ['strong-a.o', 'strong-b.o'],
    })
    expect(symbols.find(({ name }) => name === 'keep')).toMatchObject({ binding: 'weak', definedIn: 'strong-a.o' })
    expect([unresolved, untyped]).toEqual([[], []])
  })

  it('leaves open what nobody defines, until the next link', () => {
    const [a, b] = pairInputs('calls') as [LinkInput, LinkInput]
    const half = linkObjects([a])
    expect(half.unresolved).toEqual(['scale', 'sum'])
    expect(parseObject(half.bytes).externs).toMatchObject({ scale: { name: 'scale', weak: false } })
    expect(linkObjects([{ name: 'half.o', bytes: half.bytes }, b]).unresolved).toEqual([])
    // What is the kernel's is nobody's to define.
    expect(linkObjects(pairInputs('ksyms')).unresolved).toEqual([])
  })

  it('has each part at its alignment, and the size of each section in BTF', () => {
    const elf = parseElf(link(pairInputs('align')))
    const { btf } = parseObject(link(pairInputs('align')))
    for (const section of elf.sections) {
      expect(section.offset % Math.max(1, section.alignment)).toBe(0)
      const described = btf!.find(section.name, 'datasec')
      if (described === undefined) continue
      expect(described.size).toBe(section.size)
      const offsets = described.variables.map(({ offset }) => offset)
      expect(offsets).toEqual([...offsets].sort((a, b) => a - b))
      for (const symbol of elf.symbols) {
        const variable = described.variables.find(({ type }) => btf!.type(type).name === symbol.name)
        if (symbol.section === section.index && variable !== undefined) expect(variable.offset).toBe(symbol.value)
      }
    }
    expect(elf.section('.data')!.alignment).toBe(64)
  })

  it('is hidden wherever one file has it hidden', () => {
    const elf = parseElf(link(pairInputs('hidden')))
    for (const name of ['add', 'steps']) {
      expect(elf.symbols.find((symbol) => symbol.name === name)).toMatchObject({
        visibility: 'hidden',
        binding: 'global',
      })
    }
  })

  it('has one licence', () => {
    const elf = parseElf(link(pairInputs('calls')))
    expect(elf.section('license')!.size).toBe(4)
    expect(elf.symbols.filter(({ name }) => name === '_license')).toHaveLength(1)
  })

  it('has neither DWARF nor tables twice', () => {
    const { sections } = parseElf(link(pairInputs('core')))
    const names = sections.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(sections.filter(({ type }) => type === SECTION_TYPE.symtab)).toHaveLength(1)
  })

  it('keeps the initial values of a map that another file declares, of which bpftool 7.1 loses the room', () => {
    const { maps, problems } = parseObject(link(pairInputs('tail')))
    expect(problems).toEqual([])
    expect(maps['jumps']!.initialSlots).toEqual([
      { index: 1, target: { kind: 'program', program: 'second' } },
      { index: 3, target: { kind: 'program', program: 'third' } },
    ])
    const { runs } = behaviourOf(link(pairInputs('tail'))) as { runs: { results: unknown[] } }
    expect(runs.results[0]).toEqual([
      ['third', 3],
      ['first', 3],
      ['second', 3],
    ])
  })

  it('may have kernel functions that several files declare, weak only if all do', () => {
    const { externs } = parseObject(link(pairInputs('kfuncs')))
    expect(externs).toMatchObject({ bpf_rcu_read_lock: { weak: false }, bpf_rcu_read_unlock: { weak: false } })
    const { btf } = parseObject(link(pairInputs('kfuncs')))
    expect(btf!.find('.ksyms', 'datasec')!.variables).toHaveLength(2)
  })

  it('can be made of objects without BTF, whose types are not compared', () => {
    const { bytes, untyped, types } = linkObjects(pairInputs('bare'))
    expect([untyped, types]).toEqual([['helper_b', 'counter'], 0])
    const runtime = new Runtime({ platform: linux() })
    const collection = runtime.load(parseObject(bytes))
    expect(collection.program('first').run(new Uint8Array(60)).retval).toBe(3 * 4 + 9 + 35)
    runtime.dispose()
  })
})

describe('what does not go together', () => {
  const cases: readonly (readonly [name: string, message: string])[] = [
    ['twice', '"number" is defined in bad-a.o (section .data, byte 0) and in bad-twice.o (section .data, byte 0)'],
    ['size', '"number" has different types in bad-a.o (section .data, byte 0) and bad-size.o: "int" and "__u64"'],
    [
      'function',
      '"compute" has different types in bad-a.o (bad-a.c:12) and bad-function.o: a function of 2 parameters',
    ],
    ['struct', 'struct "thing" with members "b" and "c"'],
    ['map', '"map" has different types in bad-a.o (section .maps, byte 0) and bad-map.o: max_entries 16 and 32'],
    ['section', '"number" is declared to be in section .kconfig in bad-section.o, and is in section .data in bad-a.o'],
    ['license', 'section "license" differs: "GPL" in bad-a.o and "MIT" in bad-license.o'],
  ]

  it.each(cases)('%s is an error that names both places', (name, message) => {
    for (const names of [
      ['bad-a', `bad-${name}`],
      [`bad-${name}`, 'bad-a'],
    ]) {
      const error = refusal(linkInputs(names))
      expect(error.code).toBe('ERR_LINK')
      expect(error.details['inputs']).toEqual(names.map((one) => `${one}.o`))
      for (const one of names) expect(error.message).toContain(`${one}.o`)
    }
    expect(refusal(linkInputs(['bad-a', `bad-${name}`])).message).toContain(message)
  })

  it.skipIf(!bpftool).each(cases)('%s is refused by bpftool, too', (name) => {
    expect(() => linkByBpftool(linkInputs(['bad-a', `bad-${name}`]))).toThrow()
  })

  it('an object with itself', () => {
    const [a] = linkInputs(['calls-a']) as [LinkInput]
    expect(refusal([a, a])).toMatchObject({
      code: 'ERR_LINK',
      message: '"of_a" is defined in calls-a.o (calls-a.c:17) and in calls-a.o (calls-a.c:17), and neither is weak',
      details: { symbol: 'of_a' },
    })
  })

  it('two byte orders', () => {
    const error = refusal([...linkInputs(['calls-a']), ...linkInputs(['calls-b'], 'eb')])
    expect(error).toMatchObject({ code: 'ERR_LINK', message: expect.stringContaining('little-endian') })
  })

  it('nothing at all', () => {
    expect(refusal([]).code).toBe('ERR_USAGE')
  })
})

/** Loads objects below a bpffs of its own, which ends with the process. */
function loadByKernel(inputs: readonly LinkInput[]): { status: number | null; stderr: string } {
  return withFiles(inputs, (folder, paths) => {
    const mount = join(folder, 'fs')
    mkdirSync(mount)
    const commands = paths.map((path, i) => `bpftool prog loadall ${path} ${mount}/p${i}`)
    const script = [`mount -t bpf bpf ${mount}`, ...commands].join(' && ')
    return spawnSync('unshare', ['-m', 'sh', '-c', script], { encoding: 'utf8' })
  })
}

const kernel = bpftool && process.getuid?.() === 0 && loadByKernel([]).status === 0
const LOADABLE = [...PAIRS.filter((name) => name !== 'ksyms'), 'tail', 'kfuncs']

describe.skipIf(!kernel)(`the kernel${kernel ? '' : ' (not there: skipped)'}`, () => {
  it.each(LOADABLE)('loads %s as we link it', { timeout: 30_000 }, (name) => {
    const { status, stderr } = loadByKernel([{ name: `${name}.o`, bytes: link(pairInputs(name)) }])
    expect(status, stderr).toBe(0)
  })
})
