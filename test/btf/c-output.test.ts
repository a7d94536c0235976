/** C output: a compiler that reads it makes the same sizes and offsets; beside bpftool's, differences are the known ones. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Btf, BtfBuilder, type BtfStruct, type BtfTypeId, btfToC, parseBtf } from '../../src/btf/index.ts'
import { type BtfFile, committedBtf, corpusBtf, kernelBtf } from '../support/btf-files.ts'
import { btfOfC, hasClang } from '../support/clang.ts'

const noClang = hasClang ? '' : ' (no clang: skipped)'

/** Every member with a name: where it lies and how wide it is, anonymous parts in place. */
function members(btf: Btf, struct: BtfStruct, from = 0): string[] {
  return struct.members.flatMap((member) => {
    const type = btf.resolve(member.type)
    // Old compilers put the width of a bit field into an integer type of its own.
    const old = member.bitSize === 0 && type.kind === 'int' && type.bits < 8 * type.size ? type : undefined
    const at = from + member.bitOffset + (old?.offset ?? 0)
    const here = member.name === '' ? [] : [`${member.name} at ${at}, ${old?.bits ?? member.bitSize} bits`]
    if (type.kind !== 'struct' && type.kind !== 'union') return here
    return type.name === '' ? [...here, `${type.size} bytes`, ...members(btf, type, at)] : here
  })
}

function sizeOf(btf: Btf, id: number): number | undefined {
  try {
    return btf.sizeOf(id)
  } catch {
    return undefined
  }
}

/** All types of a kernel and all objects with ANYBPF_LONG=1, for which the compiler takes minutes; else a slice of them. */
const LONG = process.env['ANYBPF_LONG'] === '1'

/** One struct or union of `every`, of those with names. */
function slice(btf: Btf, every: number): BtfTypeId[] {
  const ids: BtfTypeId[] = []
  for (let id = 1; id < btf.length; id++) {
    const kind = btf.kindOf(id)
    if ((kind === 'struct' || kind === 'union') && btf.nameOf(id) !== '') ids.push(id)
  }
  return ids.filter((_, i) => i % every === 0)
}

/**
 * What a compiler makes of the C output, of all types or of some and what they need, that BTF does not say; the number
 * of types compared.
 */
function recompiled(btf: Btf, types?: readonly BtfTypeId[]): { compared: number; different: string[] } {
  const { text, names } = btfToC(btf, types && { types })
  // Of a slice, what is only pointed to is declared and no more.
  const wholes = types && new Set(types)
  const mayBeDeclared = (id: BtfTypeId): boolean => wholes !== undefined && !wholes.has(id)
  const different: string[] = []
  const wanted: [id: number, name: string][] = []
  let variables = ''
  for (const [id, name] of names) {
    const type = btf.type(id)
    const word = type.kind === 'typedef' ? '' : type.kind === 'enum64' ? 'enum ' : `${type.kind} `
    if (type.kind === 'fwd' || type.kind === 'int' || type.kind === 'float') continue
    if ('values' in type && type.values.length === 0) continue
    variables += `${word}${name} *variable_${wanted.length};\n`
    wanted.push([id, name])
  }
  const bytes = btfOfC(`#define BPF_NO_PRESERVE_ACCESS_INDEX\n${text}${variables}`, btf.byteOrder)
  if (bytes === undefined) return { compared: 0, different: wanted.map(([, name]) => `${name} is not there`) }
  const made = parseBtf(bytes)
  let compared = 0
  for (const [id, name] of wanted) {
    const type = btf.type(id)
    const kinds = type.kind === 'enum' || type.kind === 'enum64' ? (['enum', 'enum64'] as const) : [type.kind]
    const found = made.find(name, ...kinds)
    if (found === undefined) {
      if (mayBeDeclared(id)) continue
      different.push(`${name} is not there`)
      continue
    }
    const [before, after] = [sizeOf(btf, id), sizeOf(made, found.id)]
    if (after === undefined && mayBeDeclared(id)) continue
    compared++
    if (before !== after) different.push(`${name} has ${after} bytes, not ${before}`)
    if ((type.kind === 'struct' || type.kind === 'union') && (found.kind === 'struct' || found.kind === 'union')) {
      const [a, b] = [members(btf, type).join('; '), members(made, found).join('; ')]
      if (a !== b) different.push(`${name}: ${b}, not ${a}`)
    }
  }
  return { compared, different }
}

/** All files in a long run, else one of eight. */
function some(files: readonly BtfFile[]): readonly BtfFile[] {
  return LONG ? files : files.filter((_, i) => i % 8 === 0)
}

function recompileAll(files: readonly BtfFile[]): { compared: number; different: string[] } {
  let compared = 0
  const different: string[] = []
  for (const file of some(files)) {
    const result = recompiled(parseBtf(file.btf))
    compared += result.compared
    different.push(...result.different.map((one) => `${file.name}: ${one}`))
  }
  return { compared, different }
}

describe.skipIf(!hasClang)(`a compiler makes the same of it${noClang}`, () => {
  const LAYOUTS = readFileSync(join(import.meta.dirname, 'layouts.c'), 'utf8')

  it.each(['little', 'big'] as const)('of layouts of every sort (%s)', (byteOrder) => {
    const { compared, different } = recompiled(parseBtf(btfOfC(LAYOUTS, byteOrder)!))
    expect(different).toEqual([])
    expect(compared).toBeGreaterThan(50)
  })

  it('of the objects in this repository', { timeout: 120_000 }, () => {
    const { compared, different } = recompileAll(committedBtf())
    expect(different).toEqual([])
    expect(compared).toBeGreaterThan(LONG ? 100 : 10)
  })

  it('of the corpus', { timeout: 300_000 }, ({ skip }) => {
    const files = corpusBtf()
    if (files === undefined) return skip('there is no corpus')
    const { compared, different } = recompileAll(files)
    expect(different).toEqual([])
    expect(compared).toBeGreaterThan(LONG ? 500 : 10)
  })

  it(`of the running kernel${LONG ? '' : ', a slice'}`, { timeout: 300_000 }, ({ skip }) => {
    const bytes = kernelBtf()
    if (bytes === undefined) return skip('the kernel has no BTF')
    const btf = parseBtf(bytes)
    const { compared, different } = recompiled(btf, LONG ? undefined : slice(btf, 100))
    expect(different).toEqual([])
    expect(compared).toBeGreaterThan(LONG ? 5000 : 100)
  })

  it('of types that C has no words for', () => {
    const b = new BtfBuilder()
    const u32 = b.int('u32', 4)
    const usize = b.int('usize', 8)
    const odd = b.int('u24', 3)
    const long = b.int('long unsigned int', 4)
    const half = b.float('f16', 2)
    const quad = b.float('long double', 16)
    b.struct('Option<core::num::NonZero<u32>>', 64, [
      { name: '__0', type: u32, bitOffset: 0 },
      { name: 'type name', type: usize, bitOffset: 64 },
      { name: 'for', type: odd, bitOffset: 128 },
      { name: '1st', type: long, bitOffset: 160 },
      { name: 'half', type: half, bitOffset: 192 },
      { name: 'quad', type: quad, bitOffset: 256 },
      { name: 'ptr', type: b.ptr(u32), bitOffset: 384 },
    ])
    b.union('larger', 24, [{ name: 'a', type: u32, bitOffset: 0 }])
    b.struct('larger_than_members', 13, [{ name: 'a', type: u32, bitOffset: 0 }])
    b.struct('odd offsets', 24, [
      { name: 'a', type: u32, bitOffset: 8 },
      { name: 'b', type: u32, bitOffset: 43, bitSize: 7 },
      { name: 'c', type: usize, bitOffset: 120 },
    ])
    b.enum('struct', [
      { name: 'while', value: 1 },
      { name: 'while', value: 2 },
    ])
    b.typedef('union', u32)
    b.typedef('u32', u32)
    const { names, text } = btfToC(b.build())
    const btf = b.build()
    const taken = [...names.values()]
    expect(taken).toContain('Option_core_num_NonZero_u32_')
    expect(taken).toContain('struct_')
    expect(text).toContain('while_ = 1,\n\twhile____2 = 2,')
    const bytes = btfOfC(`${text}struct Option_core_num_NonZero_u32_ a; union larger b; struct odd_offsets c;
      struct larger_than_members d;`)
    const made = parseBtf(bytes!)
    const struct = (name: string): BtfStruct => made.find(name, 'struct')!
    const offsets = (name: string): number[] => struct(name).members.map((member) => member.bitOffset)
    expect(offsets('Option_core_num_NonZero_u32_')).toEqual([0, 64, 128, 160, 192, 256, 384])
    expect(struct('Option_core_num_NonZero_u32_').size).toBe(64)
    expect(offsets('odd_offsets')).toEqual([8, 43, 120])
    expect(struct('odd_offsets').size).toBe(24)
    expect(made.find('larger', 'union')!.size).toBe(24)
    expect(struct('larger_than_members').size).toBe(13)
    expect(btf.length).toBeGreaterThan(10)
  })
})

describe('names and order', () => {
  it('gives each definition a name of its own, as a flavour of the first', () => {
    const b = new BtfBuilder()
    const int = b.int('int', 4, { signed: true })
    const long = b.int('long', 8, { signed: true })
    const first = b.struct('s', 4, [{ name: 'a', type: int, bitOffset: 0 }])
    const second = b.struct('s', 8, [{ name: 'a', type: long, bitOffset: 0 }])
    b.struct('both', 16, [
      { name: 'x', type: second, bitOffset: 0 },
      { name: 'y', type: first, bitOffset: 64 },
    ])
    const { names, text } = btfToC(b.build(), { bare: true })
    expect([names.get(first), names.get(second)]).toEqual(['s', 's___2'])
    expect(text).toBe(`struct s {
\tint a;
};

struct s___2 {
\tlong a;
};

struct both {
\tstruct s___2 x;
\tstruct s y;
};

`)
  })

  it('writes only what is asked for, and what that needs', () => {
    const b = new BtfBuilder()
    const int = b.int('int', 4, { signed: true })
    b.struct('unused', 4, [{ name: 'a', type: int, bitOffset: 0 }])
    const other = b.struct('other', 4, [{ name: 'a', type: int, bitOffset: 0 }])
    const mine = b.struct('mine', 8, [{ name: 'p', type: b.nextId + 1, bitOffset: 0 }])
    b.ptr(other)
    expect(btfToC(b.build(), { types: [mine], bare: true }).text).toBe(
      'struct other;\n\nstruct mine {\n\tstruct other *p;\n};\n\n',
    )
  })

  it('says which type C cannot define', () => {
    const b = new BtfBuilder()
    // An array of what is just being defined, behind a pointer: C wants to know its elements.
    b.struct('s', 8, [{ name: 'p', type: 2, bitOffset: 0 }])
    b.ptr(3)
    b.array(1, 4, 4)
    b.int('int', 4)
    expect(() => btfToC(b.build())).toThrowError('BTF type 1 (struct "s"): C cannot define it: it needs itself')
  })

  it('fills a gap of any size', () => {
    const b = new BtfBuilder()
    const int = b.int('int', 4)
    b.struct('large', 0xffffff00, [{ name: 'a', type: int, bitOffset: 0 }])
    const { text } = btfToC(b.build(), { bare: true })
    expect(text).toBe('struct large {\n\tint a;\n\tchar __padding_1[4294967036];\n};\n\n')
  })

  it('ends where definitions nest or multiply without end', () => {
    const deep = new BtfBuilder()
    const int = deep.int('int', 4)
    let inner = int
    for (let i = 0; i < 5000; i++) inner = deep.struct(`s${i}`, 4, [{ name: 'a', type: inner, bitOffset: 0 }])
    expect(btfToC(deep.build(), { bare: true }).text).toContain('struct s4999 {')
    expect(() => btfToC(deep.build(), { types: [inner] })).toThrowError(/more than 400 definitions need each other/)
    const wide = new BtfBuilder()
    let part = wide.int('int', 4)
    for (let i = 0; i < 40; i++) {
      part = wide.union('', 4, [
        { name: 'a', type: part, bitOffset: 0 },
        { name: 'b', type: part, bitOffset: 0 },
      ])
    }
    wide.struct('s', 4, [{ name: 'u', type: part, bitOffset: 0 }])
    expect(() => btfToC(wide.build())).toThrowError(/its C output becomes too large/)
  })
})

const bpftool = spawnSync('bpftool', ['version']).status === 0

/** Definitions without white space; declarations (`struct s;`) are left out, for they follow from the order. */
function definitions(header: string): string[] {
  const body = header.replace(/^#.*$/gm, '')
  const all = body.split(/;\s*\n\n/).map((one) =>
    one
      .trim()
      .replace(/\s+/g, ' ')
      .replace(/ ?([*(){}[\]:;,=]) ?/g, '$1'),
  )
  return all.filter((one) => one !== '' && !/^(?:struct|union|enum) \w+$/.test(one))
}

/** What only one of the two has. */
function difference(a: readonly string[], b: readonly string[]): string[] {
  const left = new Map<string, number>()
  for (const one of b) left.set(one, (left.get(one) ?? 0) + 1)
  return a.filter((one) => {
    const count = left.get(one) ?? 0
    left.set(one, count - 1)
    return count <= 0
  })
}

/**
 * What bpftool has otherwise, and why. It does not say that an enum is of another size than its values ask for; it takes
 * `__builtin_va_list` for the compiler's own, which for BPF is another type; and it leaves out enums without a name that only
 * variables use. A union that is larger than its members are (one without any, for example) it makes too small.
 */
function isKnown(definition: string): boolean {
  return (
    /^enum \w+\{.*\}(?:__attribute__\(\(mode\(\w+\)\)\))?$/.test(definition) ||
    definition.includes('__builtin_va_list') ||
    /^enum\{/.test(definition) ||
    /union\{(?:struct\{char:8;\}__padding\[\d+\];)?\}/.test(definition)
  )
}

describe.skipIf(!bpftool)(`beside bpftool${bpftool ? '' : ' (not installed: skipped)'}`, () => {
  const compare = (path: string, btf: Btf): { all: number; differs: string[] } => {
    const run = spawnSync('bpftool', ['btf', 'dump', 'file', path, 'format', 'c'], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    })
    if (run.status !== 0) return { all: 0, differs: [] }
    const [theirs, ours] = [definitions(run.stdout), definitions(btfToC(btf).text)]
    const differs = [
      ...difference(theirs, ours).map((one) => `- ${one}`),
      ...difference(ours, theirs).map((one) => `+ ${one}`),
    ]
    return { all: theirs.length, differs: differs.filter((one) => !isKnown(one.slice(2))) }
  }

  it('of objects', { timeout: 120_000 }, () => {
    let all = 0
    for (const file of some([...committedBtf(), ...(corpusBtf() ?? [])])) {
      const result = compare(file.path, parseBtf(file.btf))
      all += result.all
      expect(result.differs, file.name).toEqual([])
    }
    expect(all).toBeGreaterThan(LONG ? 100 : 10)
  })

  it('of the running kernel', { timeout: 120_000 }, ({ skip }) => {
    const bytes = kernelBtf()
    if (bytes === undefined) return skip('the kernel has no BTF')
    const { all, differs } = compare('/sys/kernel/btf/vmlinux', parseBtf(bytes))
    expect(all).toBeGreaterThan(5000)
    expect(differs).toEqual([])
  })
})
