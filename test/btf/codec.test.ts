import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Btf, BtfBuilder, type BtfType, type BtfTypeId, formatBtfValue } from '../../src/btf/index.ts'
import {
  type Codec,
  createCodec,
  createRecordCodec,
  createUntypedCodec,
  formatValue,
  toJson,
} from '../../src/maps/index.ts'
import { type ByteOrder, isAnybpfError } from '../../src/util/index.ts'
import { codeOf } from '../maps/support.ts'
import { runs, SEED } from '../support/runs.ts'

type Draft<T = BtfType> = T extends BtfType ? Omit<T, 'id'> : never

/** Puts types together by hand: `add` answers the id. */
class Types {
  readonly list: BtfType[] = [{ kind: 'void', id: 0, name: '' }]

  add(type: Draft): BtfTypeId {
    const id = this.list.length
    this.list.push({ ...type, id } as BtfType)
    return id
  }

  int(name: string, size: number, signed = false, bits = 8 * size): BtfTypeId {
    return this.add({ kind: 'int', name, size, bits, offset: 0, signed, char: false, bool: name === '_Bool' })
  }

  array(type: BtfTypeId, count: number): BtfTypeId {
    return this.add({ kind: 'array', name: '', type, indexType: 0, count })
  }

  struct(
    kind: 'struct' | 'union',
    size: number,
    members: readonly [name: string, type: BtfTypeId, bitOffset: number, bitSize?: number][],
  ): BtfTypeId {
    return this.add({
      kind,
      name: '',
      size,
      kindFlag: members.some(([, , , bits]) => bits !== undefined),
      members: members.map(([name, type, bitOffset, bitSize = 0]) => ({ name, type, bitOffset, bitSize })),
    })
  }

  codec(type: BtfTypeId, byteOrder: ByteOrder = 'little', name = 'v'): Codec {
    return createCodec(new Btf(this.list, { byteOrder }), type, { name })
  }
}

function messageOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (isAnybpfError(error)) return error.message
    throw error
  }
  return 'none'
}

describe('scalars', () => {
  const types = new Types()
  const u8 = types.int('unsigned char', 1)
  const s32 = types.int('int', 4, true)
  const u32 = types.int('unsigned int', 4)
  const u64 = types.int('unsigned long', 8)
  const s64 = types.int('long', 8, true)
  const u128 = types.int('unsigned __int128', 16)
  const bool = types.int('_Bool', 1)
  const alias = types.add({ kind: 'typedef', name: '__be32', type: types.add({ kind: 'const', name: '', type: u32 }) })
  const values = [
    { name: 'RED', value: 0 },
    { name: 'BLUE', value: -2 },
  ]
  const color = types.add({ kind: 'enum', name: 'color', size: 4, signed: true, values })
  const big = types.add({
    kind: 'enum64',
    name: 'big',
    size: 8,
    signed: false,
    values: [{ name: 'HUGE', value: 1n << 40n }],
  })
  const double = types.add({ kind: 'float', name: 'double', size: 8 })
  const pointer = types.add({ kind: 'ptr', name: '', type: 0 })

  const cases: [string, BtfTypeId, unknown, string, unknown?][] = [
    ['u8', u8, 255, 'ff'],
    ['s32', s32, -2, 'feffffff'],
    ['s32 by its bits', s32, 0xfffffffe, 'feffffff', -2],
    ['u32', u32, 0x12345678, '78563412'],
    ['u32 as text', u32, '0x10', '10000000', 16],
    ['u32 as a bigint', u32, 5n, '05000000', 5],
    ['u64', u64, 0x1122334455667788n, '8877665544332211'],
    ['u64 as a number', u64, 258, '0201000000000000', 258n],
    ['s64', s64, -1n, 'ffffffffffffffff'],
    ['u128', u128, (1n << 64n) + 1n, '01000000000000000100000000000000'],
    ['bool', bool, true, '01'],
    ['bool as a number', bool, 0, '00', false],
    ['an IPv4 address', alias, '10.0.0.1', '0a000001', 0x0100000a],
    ['a name', color, 'BLUE', 'feffffff'],
    ['a value without a name', color, 7, '07000000'],
    ['a wide name', big, 'HUGE', '0000000000010000'],
    ['double', double, 1.5, '000000000000f83f'],
    ['a pointer', pointer, 0x10000n, '0000010000000000'],
  ]
  it.each(cases)('%s is encoded and decoded', (_, type, value, hex, back = value) => {
    const codec = types.codec(type)
    expect(Buffer.from(codec.encode(value)).toString('hex')).toBe(hex)
    expect(codec.decode(codec.encode(value))).toEqual(back)
  })

  it.each([
    [u8, 256],
    [u8, -1],
    [u8, 1.5],
    [u8, '10.0.0.1'],
    [u8, null],
    [u32, 2 ** 32],
    [u32, '300.0.0.1'],
    [u32, Number.NaN],
    [s32, -(2 ** 31) - 1],
    [u64, 1n << 64n],
    [u64, -1],
    [bool, 2],
    [color, 'GREEN'],
    [double, 'x'],
    [pointer, {}],
  ])('type %i refuses %s', (type, value) => {
    expect(messageOf(() => types.codec(type).encode(value))).toMatch(/^v: expected .*, got /)
  })

  it('has no values for void, functions and declarations', () => {
    const fwd = types.add({ kind: 'fwd', name: 'x', target: 'struct' })
    for (const type of [0, fwd, 9999]) expect(codeOf(() => types.codec(type))).toBe('ERR_BTF')
  })

  it('reads and writes the other byte order', () => {
    expect(types.codec(u32, 'big').encode(0x01020304)).toEqual(Uint8Array.of(1, 2, 3, 4))
    expect(types.codec(u128, 'big').decode(types.codec(u128, 'big').encode(77n))).toBe(77n)
  })
})

describe('text and bytes', () => {
  const types = new Types()
  const char = types.int('char', 1, true)
  const byte = types.int('unsigned char', 1)
  const text = types.codec(types.array(char, 8))
  const bytes = types.codec(types.array(byte, 4))

  it('shows text up to NUL, and bytes where there is no text', () => {
    expect(text.decode(Buffer.from('comm\0abc'))).toBe('comm')
    expect(text.decode(Buffer.from('abcdefgh'))).toBe('abcdefgh')
    expect(text.decode(Buffer.from('grün\0\0\0'))).toBe('grün')
    expect(text.decode(Buffer.from('\0xxxxxxx'))).toBe('')
    expect(text.decode(Uint8Array.of(1, 2, 3, 0, 0, 0, 0, 0))).toEqual(Uint8Array.of(1, 2, 3, 0, 0, 0, 0, 0))
    expect(text.decode(Uint8Array.of(0xff, 0, 0, 0, 0, 0, 0, 0))).toBeInstanceOf(Uint8Array)
  })

  it('encodes text, padded with NUL', () => {
    expect(Buffer.from(text.encode('abc')).toString()).toBe('abc\0\0\0\0\0')
    expect(messageOf(() => text.encode('123456789'))).toBe('v: expected a text of at most 8 bytes, got "123456789"')
  })

  it('takes bytes in several forms', () => {
    const expected = Uint8Array.of(10, 0, 0, 255)
    for (const value of [
      expected,
      [10, 0, 0, 255],
      '0a0000ff',
      '0x0A0000FF',
      '0a:00:00:ff',
      '0a 00 00 ff',
      '10.0.0.255',
    ]) {
      expect(bytes.encode(value)).toEqual(expected)
    }
    for (const value of ['0a0000', '0a0000f', [1, 2, 3], [1, 2, 3, 256], 'zz', 7]) {
      expect(codeOf(() => bytes.encode(value))).toBe('ERR_USAGE')
    }
    expect(bytes.decode(expected)).toEqual(expected)
  })
})

describe('structs, unions, arrays', () => {
  const types = new Types()
  const u8 = types.int('unsigned char', 1)
  const u16 = types.int('unsigned short', 2)
  const u32 = types.int('unsigned int', 4)
  const s32 = types.int('int', 4, true)
  const u64 = types.int('unsigned long', 8)
  const address = types.struct('union', 4, [
    ['addr', u32, 0],
    ['octets', types.array(u8, 4), 0],
  ])
  const key = types.struct('struct', 8, [
    ['', address, 0],
    ['port', u16, 32],
  ])
  const flow = types.struct('struct', 32, [
    ['key', key, 0],
    ['low', u32, 64, 3],
    ['high', s32, 67, 29],
    ['counts', types.array(u16, 2), 96],
    ['bytes', u64, 128],
    ['__proto__', u32, 192],
  ])
  const codec = types.codec(flow)

  it('decodes to plain objects, anonymous members among the others', () => {
    const bytes = codec.encode({
      key: { addr: '10.0.0.1', port: 80 },
      low: 5,
      high: -3,
      counts: [1, 65535],
      bytes: 9n,
    })
    expect(Buffer.from(bytes).toString('hex')).toBe('0a00000150000000edffffff0100ffff09000000000000000000000000000000')
    const value = codec.decode(bytes) as Record<string, unknown>
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(Object.keys(value)).toEqual(['key', 'low', 'high', 'counts', 'bytes', '__proto__'])
    expect(value['key']).toEqual({ addr: 0x0100000a, octets: Uint8Array.of(10, 0, 0, 1), port: 80 })
    expect([value['low'], value['high'], value['counts'], value['bytes']]).toEqual([5, -3, [1, 65535], 9n])
    expect(codec.encode(value)).toEqual(bytes)
  })

  it('takes members that are missing for zero, and bytes for a whole struct', () => {
    expect(codec.encode({})).toEqual(new Uint8Array(32))
    expect(codec.encode({ key: new Uint8Array(8).fill(1) })[7]).toBe(1)
  })

  it('says where a value does not fit', () => {
    expect(messageOf(() => codec.encode({ key: { port: 70000 } }))).toBe(
      'v.key.port: expected an unsigned integer of 16 bits, got 70000',
    )
    expect(messageOf(() => codec.encode({ counts: [1, 'x'] }))).toMatch(/^v\.counts\[1\]: expected/)
    expect(messageOf(() => codec.encode({ counts: [1] }))).toBe('v.counts: expected an array of 2, got an array of 1')
    expect(messageOf(() => codec.encode({ low: 8 }))).toMatch(/^v\.low: expected an unsigned integer of 3 bits/)
    expect(messageOf(() => codec.encode({ key: { prot: 1 } }))).toBe(
      'v.key.prot: no such member; there are addr, octets, port',
    )
    expect(messageOf(() => codec.encode({ key: 5 }))).toBe('v.key: expected an object with addr, octets, port, got 5')
    expect(messageOf(() => codec.encode({ toString: 5 }))).toMatch(/^v\.toString: no such member/)
  })

  it('wants one member of a union, or several that agree', () => {
    const union = types.codec(address)
    expect(union.encode({ octets: '1.2.3.4' })).toEqual(Uint8Array.of(1, 2, 3, 4))
    expect(union.encode({ addr: 0x04030201, octets: [1, 2, 3, 4] })).toEqual(Uint8Array.of(1, 2, 3, 4))
    expect(messageOf(() => union.encode({ addr: 1, octets: [1, 2, 3, 4] }))).toBe(
      'v: members addr and octets of a union say different things: give one',
    )
  })

  it('reads the elements of a flexible array from what follows', () => {
    const event = types.struct('struct', 4, [
      ['count', u32, 0],
      ['items', types.array(u16, 0), 32],
    ])
    expect(types.codec(event).decode(Uint8Array.of(2, 0, 0, 0, 7, 0, 8, 0, 9))).toEqual({ count: 2, items: [7, 8] })
    expect(types.codec(event).decode(Uint8Array.of(2, 0, 0, 0))).toEqual({ count: 2, items: [] })
    expect(codeOf(() => types.codec(event).decode(Uint8Array.of(2, 0, 0)))).toBe('ERR_FORMAT')
  })

  it('reads variables of a data section', () => {
    const btf = new Btf(types.list, { byteOrder: 'little' })
    const record = createRecordCodec(
      btf,
      [
        { name: 'threshold', offset: 4, type: u32 },
        { name: 'key', offset: 8, type: key },
      ],
      16,
    )
    const bytes = record.encode({ threshold: 5 })
    expect(bytes[4]).toBe(5)
    expect(record.decode(bytes)).toMatchObject({ threshold: 5, key: { port: 0 } })
    expect(codeOf(() => createRecordCodec(btf, [{ name: 'x', offset: 6, type: u32 }], 8))).toBe('ERR_BTF')
  })

  it('refuses types that would take for ever', () => {
    const self = types.list.length
    types.struct('struct', 8, [['me', self, 0]])
    expect(codeOf(() => types.codec(self))).toBe('ERR_BTF')
    const empty = types.struct('struct', 0, [])
    expect(codeOf(() => types.codec(types.array(empty, 2 ** 32 - 1)))).toBe('ERR_LIMIT')
    expect(codeOf(() => types.codec(types.array(u8, 2 ** 32 - 1)))).toBe('ERR_LIMIT')
    let doubled = types.struct('struct', 1, [['x', u8, 0]])
    for (let i = 0; i < 60; i++) {
      doubled = types.struct('union', 1, [
        ['a', doubled, 0],
        ['b', doubled, 0],
      ])
    }
    expect(codeOf(() => types.codec(doubled))).toBe('ERR_LIMIT')
    let deep = u8
    for (let i = 0; i < 100; i++) deep = types.struct('struct', 1, [['x', deep, 0]])
    expect(codeOf(() => types.codec(deep))).toBe('ERR_BTF')
    const outside = types.struct('struct', 4, [['x', u64, 0]])
    expect(codeOf(() => types.codec(outside))).toBe('ERR_BTF')
  })

  it('gives back any bytes that have no padding (property)', () => {
    const whole = types.struct('struct', 24, [
      ['a', u64, 0],
      ['b', types.array(s32, 2), 64],
      ['c', u8, 128],
      ['d', types.array(u8, 3), 136],
      ['e', u32, 160, 1],
      ['f', u32, 161, 31],
    ])
    for (const order of ['little', 'big'] as const) {
      const codec = types.codec(whole, order)
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 24, maxLength: 24 }), (bytes) => {
          expect(codec.encode(codec.decode(bytes))).toEqual(bytes)
        }),
        { numRuns: runs(2000), seed: SEED },
      )
    }
  })

  it('numbers bits of big-endian bit fields from the top', () => {
    const bits = types.struct('struct', 4, [
      ['a', u32, 0, 4],
      ['b', u32, 4, 12],
      ['c', u32, 16, 16],
    ])
    const value = { a: 1, b: 0x234, c: 0x5678 }
    expect(Buffer.from(types.codec(bits, 'big').encode(value)).toString('hex')).toBe('12345678')
    expect(Buffer.from(types.codec(bits, 'little').encode(value)).toString('hex')).toBe('41237856')
  })
})

describe('without types', () => {
  it('takes small sizes for integers and others for bytes', () => {
    expect(createUntypedCodec(4).decode(Uint8Array.of(1, 0, 0, 0))).toBe(1)
    expect(createUntypedCodec(8).decode(new Uint8Array(8))).toBe(0n)
    expect(createUntypedCodec(3).decode(Uint8Array.of(1, 2, 3))).toEqual(Uint8Array.of(1, 2, 3))
    expect(createUntypedCodec(4).encode([1, 2, 3, 4])).toEqual(Uint8Array.of(1, 2, 3, 4))
    expect(createUntypedCodec(6).encode('02:00:00:00:00:01')).toEqual(Uint8Array.of(2, 0, 0, 0, 0, 1))
    expect(createUntypedCodec(0).encode(new Uint8Array())).toEqual(new Uint8Array())
  })
})

describe('toJson', () => {
  it('makes JSON of any decoded value', () => {
    expect(
      toJson({ a: 1n, b: (1n << 64n) - 1n, c: Uint8Array.of(1, 255), d: [true, 'x', Number.NaN, undefined] }),
    ).toEqual({
      a: 1,
      b: '18446744073709551615',
      c: '01ff',
      d: [true, 'x', 'NaN', null],
    })
    expect(formatValue([9n, { x: -0.5 }])).toBe('[9,{"x":-0.5}]')
  })
})

describe('values as text', () => {
  it('are what C would initialise them with', () => {
    const b = new BtfBuilder()
    const int = b.int('int', 4, { signed: true })
    const char = b.int('char', 1, { signed: true, char: true })
    const byte = b.int('unsigned char', 1)
    const inner = b.struct('', 8, [
      { name: 'low', type: int, bitOffset: 0, bitSize: 4 },
      { name: 'colour', type: b.nextId + 1, bitOffset: 32 },
    ])
    b.enum('colour', [{ name: 'RED', value: 7 }])
    const pair = b.struct('pair', 8, [
      { name: 'a', type: int, bitOffset: 0 },
      { name: 'b', type: int, bitOffset: 32 },
    ])
    const type = b.struct('all', 40, [
      { name: 'p', type: b.ptr(int), bitOffset: 0 },
      { name: '', type: inner, bitOffset: 64 },
      { name: 'name', type: b.array(char, 4, int), bitOffset: 128 },
      { name: 'mac', type: b.array(byte, 2, int), bitOffset: 160 },
      { name: 'list', type: b.array(int, 2, int), bitOffset: 192 },
      { name: 'pairs', type: b.array(pair, 1, int), bitOffset: 256 },
    ])
    const btf = b.build()
    const value = {
      ...{ p: 0xffff888000000000n, low: -3, colour: 'RED', name: 'eth', mac: [1, 255] },
      ...{ list: [1, -2], pairs: [{ a: 1, b: 2 }] },
    }
    expect(formatBtfValue(btf, type, createCodec(btf, type).encode(value))).toBe(`{
\t.p = 0xffff888000000000,
\t.low = -3,
\t.colour = RED,
\t.name = "eth",
\t.mac = { 0x01, 0xff },
\t.list = { 1, -2 },
\t.pairs = {
\t\t{
\t\t\t.a = 1,
\t\t\t.b = 2,
\t\t},
\t},
}`)
    expect(() => formatBtfValue(btf, type, new Uint8Array(39))).toThrowError(/39 bytes, the type has 40/)
    expect(() => formatBtfValue(btf, 0, new Uint8Array(8))).toThrowError(/cannot be read or written/)
  })
})
