/** Legacy map records of every size that is in use, hand-made: what each number means depends on how many there are. */
import { describe, expect, it } from 'vitest'
import { type MapSpec, parseObject } from '../../src/object/index.ts'
import type { ByteOrder } from '../../src/util/index.ts'
import { makeElf, symbolSections } from '../support/elf-builder.ts'

const HASH = 1
const ARRAY = 2
const ARRAY_OF_MAPS = 12
const NUMA = 4

function words(order: ByteOrder, values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length))
  values.forEach((value, i) => {
    view.setUint32(4 * i, value, order === 'little')
  })
  return new Uint8Array(view.buffer)
}

/** One section `maps` with these records one after the other: m0, m1, … */
function read(order: ByteOrder, ...records: readonly (readonly number[])[]): Record<string, MapSpec> {
  let offset = 0
  const symbols = records.map((record, i) => {
    const symbol = { name: `m${i}`, info: 0x11, section: 1, value: offset, size: 4 * record.length }
    offset += symbol.size
    return symbol
  })
  const section = { name: 'maps', type: 1, flags: 3, data: words(order, records.flat()) }
  return parseObject(makeElf(order, [section, ...symbolSections(order, symbols, 3)])).maps
}

describe.each(['little', 'big'] as const)('records (%s)', (order) => {
  it('of 16 and of 20 bytes: type, sizes, entries, flags', () => {
    const maps = read(order, [HASH, 4, 8, 16], [HASH, 4, 8, 16, 1])
    expect(maps['m0']).toMatchObject({ type: HASH, keySize: 4, valueSize: 8, maxEntries: 16, flags: 0 })
    expect(maps['m0']!.legacyFields).toBeUndefined()
    expect(maps['m1']).toMatchObject({ type: HASH, keySize: 4, valueSize: 8, maxEntries: 16, flags: 1, pinning: 0 })
  })

  it('of 28 bytes of the Linux samples: index of the inner map, or NUMA node', () => {
    const maps = read(order, [ARRAY, 4, 8, 1, 0, 0, 0], [ARRAY_OF_MAPS, 4, 4, 2, 0, 0, 0], [HASH, 4, 4, 9, NUMA, 0, 3])
    expect(maps['m1']!.innerMap).toMatchObject({ name: 'm0', type: ARRAY, valueSize: 8 })
    expect(maps['m1']).toMatchObject({ pinning: 0 })
    expect(maps['m2']).toMatchObject({ numaNode: 3, pinning: 0 })
  })

  it('of 28 bytes of iproute2: id and pinning', () => {
    expect(read(order, [HASH, 4, 8, 16, 0, 5, 2])['m0']).toMatchObject({ pinning: 2, legacyFields: [5, 2] })
  })

  it('of 36 bytes: the inner map by its id', () => {
    const maps = read(order, [ARRAY_OF_MAPS, 4, 4, 2, 0, 1, 2, 77, 0], [HASH, 4, 8, 16, 0, 77, 0, 0, 0])
    expect(maps['m0']!.innerMap).toMatchObject({ name: 'm1', type: HASH })
    expect(maps['m0']).toMatchObject({ pinning: 2 })
  })

  it('of 284 bytes, with a name space that nobody reads any more', () => {
    const maps = read(order, [HASH, 4, 8, 16, 0, ...new Array<number>(66).fill(0)], [ARRAY, 4, 4, 1])
    expect(maps['m0']).toMatchObject({ type: HASH, maxEntries: 16 })
    expect(maps['m1']).toMatchObject({ type: ARRAY })
  })

  it('one to a section maps/NAME, with a symbol or without', () => {
    const spec = parseObject(
      makeElf(order, [
        { name: 'maps/inner', type: 1, flags: 3, data: words(order, [ARRAY, 4, 8, 1, 0, 0, 0]) },
        { name: 'maps/outer', type: 1, flags: 3, data: words(order, [ARRAY_OF_MAPS, 4, 4, 2, 0, 0, 0]) },
        ...symbolSections(order, [{ name: 'named', info: 0x11, section: 1, size: 28 }], 4),
      ]),
    )
    expect(Object.keys(spec.maps)).toEqual(['named', 'outer'])
    expect(spec.maps['outer']!.innerMap!.name).toBe('named')
  })

  it('too short to say what the map is: a problem of the object, and of no other map', () => {
    const section = { name: 'maps', type: 1, flags: 3, data: words(order, [HASH, 4, 8, HASH, 4, 8, 16]) }
    const symbols = [
      { name: 'short', info: 0x11, section: 1, value: 0 },
      { name: 'good', info: 0x11, section: 1, value: 12 },
    ]
    const spec = parseObject(makeElf(order, [section, ...symbolSections(order, symbols, 3)]))
    expect(Object.keys(spec.maps)).toEqual(['good'])
    expect(spec.problems.map((one) => one.message)).toEqual(['map "short" has a record of 12 bytes, of at least 16'])
  })
})
