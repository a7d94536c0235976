/** BTF that is written again is what it was, byte for byte; types go through objects on the way, too. */
import { describe, expect, it } from 'vitest'
import {
  Btf,
  BtfBuilder,
  type BtfExt,
  type BtfType,
  emitBtf,
  emitBtfExt,
  parseBtf,
  parseBtfExt,
} from '../../src/btf/index.ts'
import { StringTable } from '../../src/util/index.ts'
import { BtfBuilder as RawBtf } from '../support/btf-builder.ts'
import { type BtfFile, committedBtf, corpusBtf, kernelBtf } from '../support/btf-files.ts'

/** The same types as if they had been made by hand, with the strings of the file. */
function byHand(btf: Btf): Btf {
  const strings = new StringTable(btf.ownStrings, 'ERR_BTF', 'BTF strings')
  return new Btf(btf.types, {
    byteOrder: btf.byteOrder,
    strings,
    ...(btf.form && { form: btf.form }),
    ...(btf.base && { base: btf.base }),
  })
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

/** Names of what does not come back as it was. */
function changedBy(files: readonly BtfFile[]): string[] {
  const changed: string[] = []
  for (const { name, btf: bytes, ext } of files) {
    const btf = parseBtf(bytes)
    const other = btf.byteOrder === 'little' ? 'big' : 'little'
    const swapped = parseBtf(emitBtf(btf, { byteOrder: other }))
    if (!same(emitBtf(btf), bytes)) changed.push(`${name}: read and written`)
    if (!same(emitBtf(byHand(btf)), bytes)) changed.push(`${name}: through objects`)
    if (!same(emitBtf(swapped, { byteOrder: btf.byteOrder }), bytes)) changed.push(`${name}: through ${other}`)
    if (ext === undefined) continue
    const read = parseBtfExt(ext, btf)
    if (!same(emitBtfExt(read, btf), ext)) changed.push(`${name}: .BTF.ext`)
    const there = parseBtfExt(emitBtfExt(read, swapped), swapped)
    if (!same(emitBtfExt(there, btf), ext)) changed.push(`${name}: .BTF.ext through ${other}`)
  }
  return changed
}

describe('files', () => {
  it('of this repository come back as they were', () => {
    const files = committedBtf()
    expect(files.length).toBeGreaterThan(10)
    expect(changedBy(files)).toEqual([])
  })

  it('of the corpus come back as they were', { timeout: 60_000 }, ({ skip }) => {
    const files = corpusBtf()
    if (files === undefined) return skip('there is no corpus')
    expect(files.length).toBeGreaterThan(50)
    expect(changedBy(files)).toEqual([])
  })

  it('of the running kernel come back as they were', { timeout: 60_000 }, ({ skip }) => {
    const btf = kernelBtf()
    if (btf === undefined) return skip('the kernel has no BTF')
    expect(changedBy([{ name: 'vmlinux', path: '', btf, ext: undefined }])).toEqual([])
  })
})

describe.each(['little', 'big'] as const)('the header (%s)', (byteOrder) => {
  const classic = new RawBtf().type('int', 1, 4, { vlen: 0, words: [0x01000020] }).build(byteOrder)

  it('gains and loses a layout section, and what it says stays', () => {
    const btf = parseBtf(classic)
    const longer = emitBtf(btf, { header: 'layout' })
    expect(longer.length).toBe(classic.length + 8 + 4 * 20)
    expect(parseBtf(longer).types).toEqual(btf.types)
    expect(emitBtf(parseBtf(longer))).toEqual(longer)
    expect(emitBtf(parseBtf(longer), { header: 'classic' })).toEqual(classic)
  })

  it('keeps fields and flags that nobody knows, and gaps', () => {
    const strange = new Uint8Array(classic.length + 20)
    strange.set(classic.subarray(0, 24))
    strange.set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 32)
    // A longer header needs a layout section, be it empty; the strings come 8 bytes later than they could.
    strange.set(classic.subarray(24, 40), 44)
    strange.set(classic.subarray(40), 60)
    const view = new DataView(strange.buffer)
    const little = byteOrder === 'little'
    strange[3] = 0x80
    view.setUint32(4, 44, little)
    view.setUint32(16, 16, little)
    expect(parseBtf(strange).type(1).name).toBe('int')
    expect(emitBtf(parseBtf(strange))).toEqual(strange)
  })

  it('keeps kinds that only the layout section describes, in their byte order alone', () => {
    const bytes = new RawBtf().type('novel', 25, 7, { vlen: 2, flag: true, words: [11, 12, 13, 14, 15] }).build(
      byteOrder,
      Array.from({ length: 26 }, (_, kind): [number, number] => (kind === 25 ? [4, 8] : [0, 0])),
    )
    const btf = parseBtf(bytes)
    const mine = emitBtf(btf)
    expect(parseBtf(mine).types).toEqual(btf.types)
    expect(emitBtf(byHand(btf))).toEqual(mine)
    const other = byteOrder === 'little' ? 'big' : 'little'
    expect(() => emitBtf(btf, { byteOrder: other })).toThrowError('BTF type 1 is of an unknown kind')
  })
})

/** Every kind, forward references, and members of both encodings. */
function everything(byteOrder: 'little' | 'big' = 'little'): Btf {
  const b = new BtfBuilder({ byteOrder })
  const int = b.int('int', 4, { signed: true })
  const char = b.int('char', 1, { signed: true, char: true })
  const array = b.array(char, 16, int)
  const node = b.struct('node', 32, [
    { name: 'next', type: b.nextId + 1, bitOffset: 0 },
    { name: 'name', type: array, bitOffset: 64 },
    { name: 'low', type: int, bitOffset: 192, bitSize: 3 },
  ])
  const pointer = b.ptr(node)
  b.union('either', 8, [
    { name: 'a', type: pointer, bitOffset: 0 },
    { name: 'b', type: int, bitOffset: 0 },
  ])
  b.enum('colour', [{ name: 'RED', value: -1 }], { signed: true })
  b.enum64('wide', [{ name: 'MAX', value: 0xffffffffffffffffn }])
  b.fwd('elsewhere', 'union')
  b.typedef('node_t', b.const(b.volatile(node)))
  b.restrict(pointer)
  const proto = b.funcProto(int, [{ name: 'x', type: int }], true)
  b.func('f', proto, 'static')
  const variable = b.var('v', int)
  b.datasec('.data', 4, [{ type: variable, offset: 0, size: 4 }])
  b.float('double', 8)
  b.declTag('tagged', node, 1)
  b.ptr(b.typeTag('user', int))
  return b.build()
}

describe('BtfBuilder', () => {
  it('makes every kind, in both byte orders, and a reader reads the same', () => {
    for (const byteOrder of ['little', 'big'] as const) {
      const btf = everything(byteOrder)
      const read = parseBtf(emitBtf(btf))
      expect(read.byteOrder).toBe(byteOrder)
      expect(read.types).toEqual(btf.types)
      expect(new Set(read.types.map((type) => type.kind)).size).toBe(20)
    }
  })

  it('puts each string into the file once', () => {
    const b = new BtfBuilder()
    for (let i = 0; i < 3; i++) b.int('int', 4)
    b.string('int')
    b.string('file.c')
    expect(new TextDecoder().decode(b.build().ownStrings)).toBe('\0int\0file.c\0')
  })

  it('extends a base: ids go on, and its strings are used', () => {
    const base = everything()
    const b = new BtfBuilder({ base })
    expect(b.nextId).toBe(base.length)
    const mine = b.struct('node', 8, [{ name: 'back', type: base.find('node', 'struct')!.id, bitOffset: 0 }])
    expect(() => b.build()).not.toThrow()
    const split = b.build()
    expect(new TextDecoder().decode(split.ownStrings)).toBe('back\0')
    const read = parseBtf(emitBtf(split), { base })
    expect(read.types).toEqual(split.types)
    expect(read.idsOf('node')).toEqual([base.find('node', 'struct')!.id, mine])
    expect(emitBtf(byHand(read))).toEqual(emitBtf(split))
  })

  it('appends the types of another', () => {
    const b = new BtfBuilder()
    b.float('float', 4)
    const other = everything()
    const map = b.addAll(other)
    const both = b.build()
    expect(both.length).toBe(other.length + 1)
    const node = both.type(map(other.find('node', 'struct')!.id))
    expect(node).toMatchObject({ kind: 'struct', name: 'node', size: 32 })
    expect(both.describe(map(other.find('node_t')!.id))).toBe('node_t')
    expect(both.member(node.id, 'next')).toMatchObject({ bitOffset: 0 })
  })

  it.each<[string, (b: BtfBuilder) => unknown, string]>([
    ['a reference to nothing', (b) => b.ptr(7), 'BTF type 1 (ptr): its type, type 7, does not exist'],
    ['void', (b) => b.add({ kind: 'void', name: '' }), 'void is type 0 and cannot be added'],
    ['a size that is none', (b) => b.float('f', -4), 'BTF type 1 (float): its size is not what it has to be'],
    ['a size of 33 bits', (b) => b.float('f', 2 ** 32), 'size or type 4294967296 is no unsigned number of 32 bits'],
    ['an enumerator too large', (b) => b.enum('e', [{ name: 'A', value: 2 ** 32 }]), '"A" is 4294967296, which 32'],
    [
      'a bit field too far away',
      (b) => b.struct('s', 2 ** 22, [{ name: 'x', type: b.int('i', 4), bitOffset: 2 ** 24, bitSize: 1 }]),
      'member "x" of 1 bits at bit 16777216 is more than the encoding holds',
    ],
    [
      'a bit field without kindFlag',
      (b) =>
        b.add({
          kind: 'struct',
          name: 's',
          size: 4,
          kindFlag: false,
          members: [{ name: 'x', type: 0, bitOffset: 0, bitSize: 1 }],
        }),
      'member "x" of 1 bits at bit 0 needs kindFlag',
    ],
    [
      'a struct in itself',
      (b) => b.struct('s', 8, [{ name: 'x', type: 1, bitOffset: 0 }]),
      'BTF type 1 (struct "s"): it contains itself',
    ],
  ])('refuses %s', (_, add, message) => {
    const b = new BtfBuilder()
    expect(() => {
      add(b)
      b.build()
    }).toThrowError(message)
  })

  it('refuses a base of another byte order, and one that has no strings', () => {
    expect(() => new BtfBuilder({ base: everything('big'), byteOrder: 'little' })).toThrowError(
      /byte order of its base/,
    )
    const made = new Btf([{ kind: 'void', id: 0, name: '' }] as BtfType[], { byteOrder: 'little' })
    expect(() => new BtfBuilder({ base: made })).toThrowError('the base of a split BTF has to be one that was read')
  })
})

describe('.BTF.ext', () => {
  const b = new BtfBuilder()
  for (const text of ['xdp', 'a.c', 'return 0;', '0:1']) b.string(text)
  b.func('f', b.funcProto(0, []))
  const btf = b.build()

  it('has records of the size that it was read with, and what they hold beyond', () => {
    const ext: BtfExt = {
      functions: new Map([['xdp', [{ offset: 8, type: 2, extra: new Uint8Array([1, 2, 3, 4]) }]]]),
      lines: new Map([['xdp', [{ offset: 8, file: 'a.c', text: 'return 0;', line: 3_000_000, column: 1023 }]]]),
      coreRelocations: new Map([['xdp', [{ offset: 8, type: 1, access: '0:1', kind: 8 }]]]),
      form: {
        flags: 0,
        headerSize: 36,
        unknownHeader: new Uint8Array([9, 9, 9, 9]),
        funcInfoSize: 12,
        lineInfoSize: 16,
        coreRelocationSize: 20,
      },
    }
    for (const byteOrder of ['little', 'big'] as const) {
      const types = parseBtf(emitBtf(btf, { byteOrder }))
      const bytes = emitBtfExt(ext, types)
      const read = parseBtfExt(bytes, types)
      expect(read.functions).toEqual(ext.functions)
      expect(read.lines).toEqual(ext.lines)
      expect(read.coreRelocations.get('xdp')).toEqual([
        { offset: 8, type: 1, access: '0:1', kind: 8, extra: new Uint8Array(4) },
      ])
      expect(read.form).toEqual(ext.form)
      expect(emitBtfExt(read, types)).toEqual(bytes)
    }
  })

  it('has a header of 32 bytes where there are CO-RE relocations', () => {
    const lists = { functions: new Map(), lines: new Map() }
    const relocations = new Map([['xdp', [{ offset: 0, type: 1, access: '0:1', kind: 0 }]]])
    expect(parseBtfExt(emitBtfExt({ ...lists, coreRelocations: relocations }, btf), btf).coreRelocations).toEqual(
      relocations,
    )
  })

  it('refuses a string that the types do not have', () => {
    const lines = new Map([['xdp', [{ offset: 0, file: 'b.c', text: '', line: 1, column: 1 }]]])
    expect(() => emitBtfExt({ functions: new Map(), lines, coreRelocations: new Map() }, btf)).toThrowError(
      'the strings of BTF do not have "b.c"',
    )
  })
})
