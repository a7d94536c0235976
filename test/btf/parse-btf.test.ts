/** BTF that no compiler writes: both headers, unknown kinds, split BTF, and everything that has to be refused. */
import { describe, expect, it } from 'vitest'
import { Btf, type BtfType, parseBtf, parseBtfExt } from '../../src/btf/index.ts'
import { parseElf } from '../../src/elf/index.ts'
import { AnybpfError, SeededRandom } from '../../src/util/index.ts'
import { BtfBuilder } from '../support/btf-builder.ts'
import { mutate } from '../support/mutate.ts'
import { ORDERS, readObject } from '../support/objects.ts'
import { runs, SEED } from '../support/runs.ts'

const INT = 1
const PTR = 2
const ARRAY = 3
const STRUCT = 4
const ENUM = 6
const TYPEDEF = 8
const CONST = 10
const FUNC = 12
const FUNC_PROTO = 13
const VAR = 14
const DATASEC = 15

function withInt(): BtfBuilder {
  return new BtfBuilder().type('int', INT, 4, { vlen: 0, words: [0x01000020] })
}

describe.each(['little', 'big'] as const)('headers (%s)', (order) => {
  it('has 24 bytes, or 32 with a layout section', () => {
    const classic = parseBtf(withInt().build(order))
    const newer = parseBtf(
      withInt().build(order, [
        [0, 0],
        [4, 0],
      ]),
    )
    for (const btf of [classic, newer]) {
      expect(btf.types).toHaveLength(2)
      expect(btf.type(1)).toMatchObject({ kind: 'int', name: 'int', size: 4, bits: 32, signed: true })
    }
  })

  it('may be longer than any that is known', () => {
    const good = withInt().build(order)
    const longer = new Uint8Array(good.length + 16)
    longer.set(good.subarray(0, 24))
    longer.set(good.subarray(24), 40)
    new DataView(longer.buffer).setUint32(4, 40, order === 'little')
    expect(parseBtf(longer).type(1).name).toBe('int')
  })

  it('lets an unknown kind be stepped over if the layout section describes it', () => {
    const builder = withInt()
      .type('novel', 25, 7, { vlen: 2, flag: true, words: [11, 12, 13, 14, 15] })
      .type('after', TYPEDEF, 1)
    const layout = Array.from({ length: 26 }, (_, kind): [number, number] => (kind === 25 ? [4, 8] : [0, 0]))
    const btf = parseBtf(builder.build(order, layout))
    expect(btf.type(2)).toMatchObject({
      kind: 'unknown',
      name: 'novel',
      kindNumber: 25,
      kindFlag: true,
      count: 2,
      sizeOrType: 7,
    })
    expect(btf.type(3)).toMatchObject({ kind: 'typedef', name: 'after' })
    expect(() => parseBtf(builder.build(order))).toThrowError('BTF type 2: kind 25 is not known')
    expect(() => parseBtf(builder.build(order, layout.slice(0, 25)))).toThrowError('kind 25 is not known')
  })
})

describe('split BTF', () => {
  it('goes on with the ids and the strings of its base', () => {
    const base = parseBtf(withInt().build())
    const builder = new BtfBuilder()
    builder.type('module_int', TYPEDEF, 1)
    const bytes = builder.build()
    // The name is at offset 1 of its own strings, which come after those of the base.
    new DataView(bytes.buffer).setUint32(24, 1 + base.stringsLength, true)
    const split = parseBtf(bytes, { base })
    expect(split.types).toHaveLength(3)
    expect(split.type(2)).toMatchObject({ kind: 'typedef', name: 'module_int', id: 2 })
    expect(split.sizeOf(2)).toBe(4)
    expect(split.find('int', 'int')).toBe(base.type(1))
  })

  it('has the byte order of its base', () => {
    const base = parseBtf(withInt().build('big'))
    expect(() => parseBtf(withInt().build('little'), { base })).toThrowError(/little-endian, and its base is not/)
  })
})

describe('what is refused, and with which words', () => {
  const structOf = (member: number): number[] => [0, member, 0]

  it.each<[string, BtfBuilder, RegExp]>([
    ['a reference to nothing', withInt().type('', PTR, 9), /type 2 \(ptr\): its type, type 9, does not exist/],
    ['an array of nothing', withInt().type('', ARRAY, 0, { vlen: 0, words: [8, 1, 3] }), /its element type, type 8/],
    [
      'a member of no type',
      new BtfBuilder().type('s', STRUCT, 4, { vlen: 1, words: structOf(5) }),
      /type of member "", type 5, does not exist/,
    ],
    [
      'a member beyond its struct',
      withInt().type('s', STRUCT, 4, { vlen: 1, words: [0, 1, 64] }),
      /type 2 \(struct "s"\): member "" at bit 64 lies beyond its 4 bytes/,
    ],
    ['a function without prototype', withInt().type('f', FUNC, 1), /its prototype, type 1, is a int/],
    [
      'a section of no variables',
      withInt().type('.d', DATASEC, 4, { vlen: 1, words: [1, 0, 4] }),
      /variable 1 is a int/,
    ],
    [
      'an integer too large for itself',
      new BtfBuilder().type('i', INT, 1, { vlen: 0, words: [32] }),
      /32 bits at bit 0/,
    ],
    [
      'a record cut short',
      withInt().type('e', ENUM, 4, { vlen: 3, words: [0, 1] }),
      /type 2 is cut short: its enumerators/,
    ],
    ['a record of 2^24 - 1 parameters', withInt().type('', FUNC_PROTO, 0, { vlen: 0xffffff }), /its parameters needs/],
    ['an unknown linkage', withInt().type('v', VAR, 1, { vlen: 0, words: [7] }), /linkage 7 is not known/],
    ['a typedef of itself', new BtfBuilder().type('t', TYPEDEF, 1), /type 1 \(typedef "t"\): it contains itself/],
    [
      'a struct inside itself',
      new BtfBuilder()
        .type('s', STRUCT, 8, { vlen: 1, words: structOf(2) })
        .type('', CONST, 3)
        .type('', ARRAY, 0, { vlen: 0, words: [1, 1, 1] }),
      /it contains itself/,
    ],
    ['a pointer to itself', new BtfBuilder().type('', PTR, 1), /chain of pointers leads back to itself/],
    [
      'pointers in a circle',
      new BtfBuilder().type('', PTR, 2).type('', CONST, 3).type('', PTR, 1),
      /leads back to itself/,
    ],
  ])('%s', (_, builder, message) => {
    const error = catchError(() => parseBtf(builder.build()))
    expect(error).toBeInstanceOf(AnybpfError)
    expect((error as AnybpfError).code).toBe('ERR_BTF')
    expect((error as AnybpfError).message).toMatch(message)
  })

  it('a struct that points to itself is fine', () => {
    const btf = parseBtf(
      new BtfBuilder()
        .type('node', STRUCT, 8, { vlen: 1, words: [0, 2, 0] })
        .type('', PTR, 1)
        .build(),
    )
    expect(btf.sizeOf(1)).toBe(8)
    expect(btf.describe(2)).toBe('struct node *')
  })

  it('nesting too deep to follow is an error of ours, or is followed without recursion', () => {
    const builder = withInt()
    for (let i = 0; i < 50_000; i++) builder.type('', CONST, i + 1)
    const btf = parseBtf(builder.build())
    const last = btf.types.length - 1
    for (const ask of [() => btf.resolve(last), () => btf.sizeOf(last)]) {
      expect(catchError(ask)).toBeInstanceOf(AnybpfError)
    }
    expect(btf.alignOf(last)).toBe(4)
    expect(btf.describe(last)).toMatch(/^<type \d+>$/)
  })

  it('types made by hand that contain themselves have no alignment, however often one asks', () => {
    const types: BtfType[] = [
      { kind: 'void', id: 0, name: '' },
      { kind: 'typedef', id: 1, name: 'a', type: 2 },
      { kind: 'typedef', id: 2, name: 'b', type: 1 },
    ]
    const btf = new Btf(types, { byteOrder: 'little' })
    for (let i = 0; i < 2; i++) expect(() => btf.alignOf(1)).toThrowError(/contains itself/)
  })

  it('arrays of arrays whose size no number holds', () => {
    const builder = withInt()
    for (let i = 0; i < 8; i++) builder.type('', ARRAY, 0, { vlen: 0, words: [i + 1, 1, 0xffffffff] })
    const btf = parseBtf(builder.build())
    expect(() => btf.sizeOf(btf.types.length - 1)).toThrowError(/absurd/)
  })

  it('headers that lie', () => {
    const good = withInt().build()
    const changed = (at: number, value: number): Uint8Array => {
      const bytes = good.slice()
      new DataView(bytes.buffer).setUint32(at, value, true)
      return bytes
    }
    expect(() => parseBtf(new Uint8Array(10))).toThrowError('BTF is cut short: 10 bytes')
    expect(() => parseBtf(changed(0, 0x12345678))).toThrowError(/not BTF/)
    expect(() => parseBtf(changed(0, 0x0002eb9f))).toThrowError('BTF version 2 is not known')
    expect(() => parseBtf(changed(4, 8))).toThrowError(/BTF header of 8 bytes/)
    expect(() => parseBtf(changed(12, 0xffffffff))).toThrowError(/BTF types end at/)
    expect(() => parseBtf(changed(20, 4))).toThrowError(/do not end with a NUL/)
  })
})

describe('BTF with very much of something', () => {
  it('works out alignments once, however often a type is a part of others', { timeout: 10_000 }, () => {
    const count = 20_000
    const members = (type: number): number[] => Array.from({ length: count }, () => [0, type, 0]).flat()
    const btf = parseBtf(
      withInt()
        .type('inner', STRUCT, 4, { vlen: count, words: members(1) })
        .type('outer', STRUCT, 4, { vlen: count, words: members(2) })
        .build(),
    )
    expect(btf.alignOf(3)).toBe(4)
  })

  it('looks at a long name of many members no more often than at a short one', { timeout: 10_000 }, () => {
    const builder = withInt()
    const name = builder.string('x'.repeat(1_000_000))
    const count = 20_000
    const words = Array.from({ length: count }, () => [name, 1, 0]).flat()
    const btf = parseBtf(builder.type('s', STRUCT, 4, { vlen: count, words }).build())
    expect(btf.find('s', 'struct')!.members).toHaveLength(count)
  })
})

describe('mutated BTF', () => {
  const sections = (['types', 'maps', 'externs', 'calls'] as const).flatMap((name) =>
    ORDERS.map((order) => {
      const elf = parseElf(readObject(name, order))
      return { btf: elf.data(elf.section('.BTF')!), ext: elf.data(elf.section('.BTF.ext')!) }
    }),
  )

  it(`is walked and printed, or refused by an error of ours (seed ${SEED})`, { timeout: 300_000 }, () => {
    const random = new SeededRandom(SEED)
    let walked = 0
    const count = runs(20_000)
    for (let i = 0; i < count; i++) {
      const { btf: good } = random.pick(sections)
      const typesEnd = 24 + 600
      const bytes =
        random.below(4) === 0 ? mutate(good, random) : mutate(good, random, 0, Math.min(good.length, typesEnd))
      guarded(i, () => {
        const btf = parseBtf(bytes)
        walk(btf)
        walked++
      })
    }
    expect(walked).toBeGreaterThan(count / 50)
    expect(walked).toBeLessThan(count)
  })

  it(`.BTF.ext is read or refused by an error of ours (seed ${SEED})`, { timeout: 300_000 }, () => {
    const random = new SeededRandom(SEED)
    const parsed = sections.map(({ btf, ext }) => ({ btf: parseBtf(btf), ext }))
    let walked = 0
    const count = runs(20_000)
    for (let i = 0; i < count; i++) {
      const { btf, ext } = random.pick(parsed)
      const bytes = mutate(ext, random)
      guarded(i, () => {
        const { functions, lines, coreRelocations } = parseBtfExt(bytes, btf)
        JSON.stringify([[...functions], [...lines], [...coreRelocations]])
        walked++
      })
    }
    expect(walked).toBeGreaterThan(count / 50)
    expect(walked).toBeLessThan(count)
  })
})

/** Asks every question of every type; only errors of ours may come. */
function walk(btf: Btf): void {
  for (const { id, name } of btf.types) {
    btf.describe(id)
    btf.findAll(name)
    for (const ask of [
      () => btf.resolve(id),
      () => btf.sizeOf(id),
      () => btf.alignOf(id),
      () => btf.member(id, 'a.b'),
    ]) {
      const error = catchError(ask)
      if (error !== undefined && !(error instanceof AnybpfError)) throw error
    }
  }
  JSON.stringify(btf.types, (_, value) => (typeof value === 'bigint' ? String(value) : value))
}

function guarded(run: number, body: () => void): void {
  const error = catchError(body)
  if (error !== undefined && !(error instanceof AnybpfError)) throw new Error(`run ${run}`, { cause: error })
}

function catchError(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}
