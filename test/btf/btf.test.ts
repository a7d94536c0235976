/** BTF of clang in both byte orders, against the C that it came from, and against bpftool where that is installed. */
import { execFileSync, spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { BTF_KINDS, type Btf, type BtfType, parseBtf, parseBtfExt } from '../../src/btf/index.ts'
import { parseElf } from '../../src/elf/index.ts'
import { type ObjectName, ORDERS, type Order, objectPath, readObject } from '../support/objects.ts'

function readBtf(name: ObjectName, order: Order): Btf {
  const elf = parseElf(readObject(name, order))
  return parseBtf(elf.data(elf.section('.BTF')!))
}

describe.each(ORDERS)('BTF of clang (%s)', (order) => {
  const btf = readBtf('types', order)
  const everything = btf.find('everything', 'struct')!

  it('has all nineteen kinds, in the byte order of the file', () => {
    expect(btf.byteOrder).toBe(order === 'el' ? 'little' : 'big')
    expect(new Set(btf.types.map((type) => type.kind))).toEqual(new Set(BTF_KINDS))
  })

  it('has every type at the index that is its id', () => {
    btf.types.forEach((type, id) => {
      expect(type.id).toBe(id)
    })
  })

  it.each<[string, number, number, number, string]>([
    ['small', 0, 0, 1, 'signed char'],
    ['truth', 8, 0, 1, '_Bool'],
    ['ratio', 32, 0, 4, 'float'],
    ['precise', 64, 0, 8, 'double'],
    ['bits', 128, 0, 8, 'struct bits'],
    ['bits.low', 128, 3, 4, '__u32'],
    ['bits.high', 131, 29, 4, '__u32'],
    ['bits.sign', 160, 5, 4, 'int'],
    ['bits.flag', 165, 1, 1, '_Bool'],
    ['whole', 192, 0, 8, '__u64'],
    ['hi', 224, 0, 4, '__u32'],
    ['grid', 256, 0, 12, '__u16[2][3]'],
    ['colour', 352, 0, 4, 'enum colour'],
    ['wide', 384, 0, 8, 'enum wide'],
    ['opaque', 512, 0, 8, 'struct opaque *'],
    ['opaque_union', 576, 0, 8, 'union opaque_union *'],
    ['callback', 640, 0, 8, 'callback_t'],
    ['text', 704, 0, 8, 'const volatile char *restrict'],
    ['user', 768, 0, 8, 'int *'],
    ['next', 832, 0, 8, 'struct everything *'],
    ['huge', 896, 0, 16, '__int128'],
    ['tail', 1024, 0, 0, '__u8[0]'],
  ])('finds member %s at bit %i', (path, bitOffset, bitSize, size, description) => {
    const found = btf.member(everything.id, path)!
    expect(found.bitOffset).toBe(bitOffset)
    expect(found.member.bitSize).toBe(bitSize)
    expect(btf.sizeOf(found.member.type)).toBe(size)
    expect(btf.describe(found.member.type)).toBe(description)
  })

  it('finds no member that is not there', () => {
    expect(btf.member(everything.id, 'nothing')).toBeUndefined()
    expect(btf.member(everything.id, 'bits.nothing')).toBeUndefined()
    expect(btf.member(everything.id, 'small.deeper')).toBeUndefined()
  })

  it('knows sizes and alignments', () => {
    expect(btf.sizeOf(everything.id)).toBe(128)
    expect(btf.alignOf(btf.find('bits', 'struct')!.id)).toBe(4)
    expect(btf.sizeOf(btf.find('tight', 'struct')!.id)).toBe(9)
    expect(btf.alignOf(btf.find('tight', 'struct')!.id)).toBe(1)
    expect(btf.alignOf(btf.member(everything.id, 'grid')!.member.type)).toBe(2)
    expect(() => btf.sizeOf(0)).toThrowError(/BTF type 0 has no size: it is a void/)
  })

  it('reads enumerators with their sign', () => {
    expect(btf.find('colour', 'enum')).toMatchObject({
      signed: true,
      values: [
        { name: 'RED', value: 0 },
        { name: 'GREEN', value: 5 },
        { name: 'BLUE', value: -1 },
      ],
    })
    expect(btf.find('wide', 'enum64')!.values[1]).toEqual({ name: 'LARGE', value: 0x1234567890n })
    expect(btf.find('wide_signed', 'enum64')!.values[0]).toEqual({ name: 'LEAST', value: -0x1234567890n })
  })

  it('reads tags: of a struct, of a member, of a type', () => {
    const tags = btf.types.filter((type) => type.kind === 'decl_tag')
    expect(tags.map((tag) => [tag.name, btf.type(tag.type).name, tag.componentIndex])).toEqual([
      ['whole', 'everything', -1],
      ['member', 'tight', 1],
    ])
    expect(btf.find('user', 'type_tag')).toMatchObject({ attribute: false })
  })

  it('peels typedefs, qualifiers and tags off', () => {
    expect(btf.resolve(btf.find('__u32', 'typedef')!.id)).toMatchObject({ kind: 'int', name: 'unsigned int' })
    expect(btf.resolve(btf.find('here', 'var')!.id).kind).toBe('ptr')
  })

  it('tells a prototype that takes more arguments', () => {
    const callback = btf.resolve(btf.find('callback_t', 'typedef')!.id)
    const proto = callback.kind === 'ptr' ? btf.type(callback.type) : undefined
    expect(proto).toMatchObject({ kind: 'func_proto', variadic: true })
    expect(proto?.kind === 'func_proto' && proto.params.length).toBe(1)
  })

  it('finds by name and by kind', () => {
    expect(btf.find('colour')?.kind).toBe('enum')
    expect(btf.find('colour', 'struct')).toBeUndefined()
    expect(btf.find('opaque_union', 'struct', 'fwd')).toMatchObject({ kind: 'fwd', target: 'union' })
    expect(btf.findAll('look').map((type) => type.kind)).toEqual(['func'])
    expect(btf.find('__proto__')).toBeUndefined()
  })
})

describe.each(ORDERS)('.BTF.ext of clang (%s)', (order) => {
  it('names functions, lines and CO-RE records by section', () => {
    const elf = parseElf(readObject('externs', order))
    const btf = parseBtf(elf.data(elf.section('.BTF')!))
    const ext = parseBtfExt(elf.data(elf.section('.BTF.ext')!), btf)
    expect([...ext.functions.keys()]).toEqual(['tp_btf/sched_switch'])
    const [info] = ext.functions.get('tp_btf/sched_switch')!
    expect(info!.offset).toBe(0)
    expect(btf.type(info!.type)).toMatchObject({ kind: 'func', name: 'on_switch' })
    const lines = ext.lines.get('tp_btf/sched_switch')!
    expect(lines.find((line) => line.text.includes('sum += task->tgid'))).toMatchObject({ line: 33, column: 16 })
    expect(lines.every((line) => line.file === './externs.c')).toBe(true)
    const [core] = ext.coreRelocations.get('tp_btf/sched_switch')!
    expect(core).toMatchObject({ access: '0:1', kind: 0 })
    expect(btf.type(core!.type).name).toBe('task_struct')
  })
})

const bpftool = spawnSync('bpftool', ['version']).status === 0

describe.skipIf(!bpftool)(`against bpftool ${bpftool ? '' : '(not installed: skipped)'}`, () => {
  it.each(['types', 'maps', 'calls', 'externs'] as const)('agrees on every type of %s', (name) => {
    const output = execFileSync('bpftool', ['btf', 'dump', 'file', objectPath(name, 'el'), '-j']).toString()
    // bpftool prints 64-bit enumerators as numbers; none here is beyond 2^53.
    const theirs = (JSON.parse(output) as { types: Record<string, unknown>[] }).types
    const ours = readBtf(name, 'el').types.slice(1).map(asBpftool)
    expect(ours).toEqual(theirs)
  })
})

/** A type in the words of `bpftool btf dump -j`. */
function asBpftool(type: BtfType): Record<string, unknown> {
  const anonymous = (name: string): string => (name === '' ? '(anon)' : name)
  const base = { id: type.id, kind: type.kind.toUpperCase(), name: anonymous(type.name) }
  switch (type.kind) {
    case 'int': {
      const encoding = type.bool ? 'BOOL' : type.char ? 'CHAR' : type.signed ? 'SIGNED' : '(none)'
      return { ...base, size: type.size, bits_offset: type.offset, nr_bits: type.bits, encoding }
    }
    case 'array':
      return { ...base, type_id: type.type, index_type_id: type.indexType, nr_elems: type.count }
    case 'struct':
    case 'union':
      return {
        ...base,
        size: type.size,
        vlen: type.members.length,
        members: type.members.map((member) => ({
          name: anonymous(member.name),
          type_id: member.type,
          bits_offset: member.bitOffset,
          ...(member.bitSize === 0 ? {} : { bitfield_size: member.bitSize }),
        })),
      }
    case 'enum':
    case 'enum64':
      return {
        ...base,
        encoding: type.signed ? 'SIGNED' : 'UNSIGNED',
        size: type.size,
        vlen: type.values.length,
        values: type.values.map(({ name, value }) => ({ name, val: Number(value) })),
      }
    case 'fwd':
      return { ...base, fwd_kind: type.target }
    case 'func':
      return { ...base, type_id: type.type, linkage: type.linkage }
    case 'func_proto': {
      const params = type.params.map((param) => ({ name: anonymous(param.name), type_id: param.type }))
      if (type.variadic) params.push({ name: '(anon)', type_id: 0 })
      return { ...base, ret_type_id: type.returnType, vlen: params.length, params }
    }
    case 'var':
      return { ...base, type_id: type.type, linkage: type.linkage }
    case 'datasec': {
      const vars = type.variables.map((one) => ({ type_id: one.type, offset: one.offset, size: one.size }))
      return { ...base, size: type.size, vlen: vars.length, vars }
    }
    case 'float':
      return { ...base, size: type.size }
    case 'decl_tag':
      return { ...base, type_id: type.type, component_idx: type.componentIndex }
    case 'void':
    case 'unknown':
      return base
    default:
      return { ...base, type_id: type.type }
  }
}
