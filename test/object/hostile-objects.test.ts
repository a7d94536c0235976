/** Objects that were made to hurt: mutated ones, and ones built so that a careless reader takes hours or dies. */
import { describe, expect, it } from 'vitest'
import { SECTION_FLAG, SECTION_TYPE } from '../../src/elf/index.ts'
import { linkProgram, type ObjectSpec, parseObject } from '../../src/object/index.ts'
import { AnybpfError, bytesToHex, encodeUtf8, hexToBytes, SeededRandom } from '../../src/util/index.ts'
import { makeElf, type SectionParts, symbolSections } from '../support/elf-builder.ts'
import { mutate } from '../support/mutate.ts'
import { OBJECT_NAMES, ORDERS, readObject } from '../support/objects.ts'
import { runs, SEED } from '../support/runs.ts'

const EXIT = hexToBytes('9500000000000000')
const CODE = SECTION_FLAG.alloc | SECTION_FLAG.execute
const NO_BYTES = new Uint8Array(0)

function catchError(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

function refusal(bytes: Uint8Array): AnybpfError {
  const error = catchError(() => parseObject(bytes))
  expect(error).toBeInstanceOf(AnybpfError)
  expect((error as AnybpfError).message).not.toContain('\n')
  return error as AnybpfError
}

/** Prints everything and links every program; only errors of ours may come. */
function walk(spec: ObjectSpec): void {
  JSON.stringify(spec, (key, value: unknown) => {
    if (key === 'btf') return undefined
    if (typeof value === 'bigint') return String(value)
    return value instanceof Uint8Array ? bytesToHex(value.subarray(0, 256)) : value
  })
  for (const map of Object.values(spec.maps)) {
    for (const type of [map.btfKeyType, map.btfValueType]) if (type !== undefined) map.btf!.describe(type)
  }
  for (const program of Object.values(spec.programs)) {
    const error = catchError(() => linkProgram(spec, program))
    if (error !== undefined && !(error instanceof AnybpfError)) throw error
  }
}

describe('mutated objects', () => {
  const files = OBJECT_NAMES.flatMap((name) => ORDERS.map((order) => readObject(name, order)))

  it(`are walked and printed, or refused by an error of ours (seed ${SEED})`, { timeout: 600_000 }, () => {
    const random = new SeededRandom(SEED)
    let walked = 0
    let damaged = 0
    const count = runs(20_000)
    for (let i = 0; i < count; i++) {
      const bytes = mutate(random.pick(files), random)
      const error = catchError(() => {
        const spec = parseObject(bytes)
        walk(spec)
        walked++
        const functions = [...Object.values(spec.programs), ...Object.values(spec.functions)]
        if (spec.problems.length > 0 || functions.some((one) => one.problem !== undefined)) damaged++
      })
      if (error !== undefined && !(error instanceof AnybpfError)) throw new Error(`run ${i}`, { cause: error })
    }
    // All three outcomes have to occur, or the mutations prove nothing.
    expect(walked).toBeGreaterThan(count / 20)
    expect(walked).toBeLessThan(count)
    expect(damaged).toBeGreaterThan(count / 50)
  })
})

describe('what is no BPF object', () => {
  it('an ELF file for another machine, or one that is linked already', () => {
    const other = readObject('text', 'el')
    other[18] = 62
    expect(refusal(other)).toMatchObject({ code: 'ERR_OBJECT', message: expect.stringContaining('machine 62') })
    const linked = readObject('text', 'el')
    linked[16] = 2
    expect(refusal(linked)).toMatchObject({ code: 'ERR_OBJECT', message: expect.stringContaining('not a relocatable') })
  })

  it('but one that names no machine is taken for BPF', () => {
    const none = readObject('text', 'el')
    none.set([0, 0], 18)
    expect(Object.keys(parseObject(none).programs)).toEqual(['func', 'other'])
  })
})

describe('objects whose size lies', () => {
  it('.bss of 2^40 bytes', () => {
    const bss: SectionParts = { name: '.bss', type: SECTION_TYPE.nobits, flags: 3, data: NO_BYTES, size: 2 ** 40 }
    expect(refusal(makeElf('little', [bss])).code).toBe('ERR_LIMIT')
  })

  it('many .bss that are too large together', () => {
    const bss = (n: number): SectionParts => ({
      name: `.bss.${n}`,
      type: SECTION_TYPE.nobits,
      flags: 3,
      data: NO_BYTES,
      size: 2 ** 24,
    })
    expect(
      refusal(
        makeElf(
          'little',
          Array.from({ length: 5 }, (_, n) => bss(n)),
        ),
      ).code,
    ).toBe('ERR_LIMIT')
    expect(Object.keys(parseObject(makeElf('little', [bss(0), bss(1)])).maps)).toEqual(['.bss.0', '.bss.1'])
  })

  it('a thousand sections of code over the same megabyte', () => {
    const first: SectionParts = { name: 'xdp', type: 1, flags: CODE, data: new Uint8Array(1 << 20) }
    const again: SectionParts = { name: 'xdp', type: 1, flags: CODE, data: NO_BYTES, over: 1 }
    const bytes = makeElf('little', [first, ...Array.from({ length: 1000 }, () => again)])
    expect(refusal(bytes).code).toBe('ERR_LIMIT')
  })

  it('a thousand tables of relocations over the same megabyte', () => {
    const tables: SectionParts[] = Array.from({ length: 1000 }, (_, i) => ({
      name: '.rel',
      type: SECTION_TYPE.rel,
      data: i === 0 ? new Uint8Array(1 << 20) : NO_BYTES,
      info: 2,
      ...(i === 0 ? {} : { over: 3 }),
    }))
    const strings: SectionParts = { name: '.strtab', type: SECTION_TYPE.strtab, data: new Uint8Array(1) }
    const symtab: SectionParts = { name: '.symtab', type: SECTION_TYPE.symtab, data: new Uint8Array(24), link: 1 }
    const code: SectionParts = { name: 'xdp', type: 1, flags: CODE, data: EXIT }
    expect(refusal(makeElf('little', [strings, code, ...tables, symtab])).code).toBe('ERR_LIMIT')
  })
})

describe('objects with very much of something', () => {
  const count = 20_000
  const code = new Uint8Array(8 * count)
  for (let i = 0; i < count; i++) code.set(EXIT, 8 * i)

  it('functions that all have one name', { timeout: 20_000 }, () => {
    const symbols = Array.from({ length: count }, (_, i) => ({
      name: 'same',
      info: 0x12,
      section: 1,
      value: 8 * i,
      size: code.length,
    }))
    const spec = parseObject(
      makeElf('big', [{ name: 'xdp', type: 1, flags: CODE, data: code }, ...symbolSections('big', symbols, 3)]),
    )
    const names = Object.keys(spec.programs)
    expect(names).toHaveLength(count)
    expect(names.slice(0, 3)).toEqual(['same', 'xdp/same', 'xdp/same#2'])
    expect(Object.values(spec.programs).every((program) => program.slotCount === 1)).toBe(true)
  })

  it('names that are names of properties', () => {
    const symbols = ['__proto__', 'constructor', 'toString'].map((name, i) => ({
      name,
      info: 0x12,
      section: 1,
      value: 8 * i,
      size: 8,
    }))
    const spec = parseObject(
      makeElf('little', [{ name: 'xdp', type: 1, flags: CODE, data: code }, ...symbolSections('little', symbols, 3)]),
    )
    expect(Object.keys(spec.programs)).toEqual(['__proto__', 'constructor', 'toString'])
    expect(Object.values(spec.programs)[0]!.insns).toEqual([{ kind: 'exit' }])
  })

  it('map records, of maps in maps', { timeout: 20_000 }, () => {
    const record = new Uint32Array([12, 4, 4, 1, 0, 7, 0, 7, 0])
    const data = new Uint8Array(36 * count)
    const symbols = Array.from({ length: count }, (_, i) => {
      data.set(new Uint8Array(record.buffer), 36 * i)
      return { name: `m${i}`, info: 0x11, section: 1, value: 36 * i, size: 36 }
    })
    const spec = parseObject(
      makeElf('little', [{ name: 'maps', type: 1, flags: 3, data }, ...symbolSections('little', symbols, 3)]),
    )
    expect(Object.keys(spec.maps)).toHaveLength(count)
    expect(spec.maps['m5']!.innerMap!.name).toBe('m0')
  })
})

describe('objects that would fill the memory', () => {
  it('struct_ops variables that all lie over the same megabyte', () => {
    const size = 1_000_000
    const symbols = Array.from({ length: 200 }, (_, i) => ({ name: `ops${i}`, info: 0x11, section: 1, size }))
    const bytes = makeElf('little', [
      { name: '.struct_ops', type: 1, flags: 3, data: new Uint8Array(size) },
      ...symbolSections('little', symbols, 3),
    ])
    expect(refusal(bytes).code).toBe('ERR_LIMIT')
  })

  it('more wrong relocations than anybody would read about', () => {
    const count = 20_000
    const table = new DataView(new ArrayBuffer(16 * count))
    for (let i = 0; i < count; i++) {
      table.setBigUint64(16 * i, BigInt(8 * i), true)
      table.setUint32(16 * i + 8, 2, true)
      table.setUint32(16 * i + 12, 1, true)
    }
    const bytes = makeElf('little', [
      { name: '.data', type: 1, flags: 3, data: new Uint8Array(8 * count) },
      ...symbolSections('little', [{ name: 'absolute', info: 0x10, section: 0xfff1 }], 3),
      { name: '.rel.data', type: 9, data: new Uint8Array(table.buffer), link: 2, info: 1 },
    ])
    expect(refusal(bytes)).toMatchObject({
      code: 'ERR_LIMIT',
      message: 'more than 10000 things are wrong with this object',
    })
  })

  it('long names of which many more are made', () => {
    const name = 'f'.repeat(4000)
    const count = 10_000
    const code = new Uint8Array(8 * count)
    for (let i = 0; i < count; i++) code.set(EXIT, 8 * i)
    const symbols = Array.from({ length: count }, (_, i) => ({ name, info: 0x12, section: 1, value: 8 * i, size: 8 }))
    const bytes = makeElf('little', [
      { name: 's'.repeat(4000), type: 1, flags: CODE, data: code },
      ...symbolSections('little', symbols, 3),
    ])
    expect(refusal(bytes).message).toBe('too many parts of this object have the same long name')
  })

  it('a chain of legacy maps, each with the one before as its inner map', { timeout: 10_000 }, () => {
    const count = 20_000
    const records = new DataView(new ArrayBuffer(28 * count))
    for (let i = 0; i < count; i++) {
      const fields = [i === 0 ? 2 : 12, 4, 4, 1, 0, Math.max(0, i - 1), 0]
      fields.forEach((value, field) => {
        records.setUint32(28 * i + 4 * field, value, true)
      })
    }
    const symbols = Array.from({ length: count }, (_, i) => ({ name: `m${i}`, info: 0x11, section: 1, value: 28 * i }))
    const spec = parseObject(
      makeElf('little', [
        { name: 'maps', type: 1, flags: 3, data: new Uint8Array(records.buffer) },
        ...symbolSections('little', symbols, 3),
      ]),
    )
    expect(spec.maps['m1']!.innerMap!.name).toBe('m0')
    expect(spec.maps[`m${count - 1}`]!.innerMap).toMatchObject({ name: `m${count - 2}` })
    expect(spec.maps[`m${count - 1}`]!.innerMap!.innerMap).toBeUndefined()
    walk(spec)
  })
})

describe('one bad part', () => {
  it('does not hide the others', () => {
    const bad = hexToBytes('ff00000000000000')
    const symbols = [
      { name: 'good', info: 0x12, section: 1, value: 0, size: 8 },
      { name: 'bad', info: 0x12, section: 1, value: 8, size: 8 },
    ]
    const spec = parseObject(
      makeElf('little', [
        { name: 'xdp', type: 1, flags: CODE, data: new Uint8Array([...EXIT, ...bad]) },
        ...symbolSections('little', symbols, 3),
      ]),
    )
    expect(linkProgram(spec, spec.programs['good']!).insns).toEqual([{ kind: 'exit' }])
    expect(spec.programs['bad']).toMatchObject({ slotCount: 1, insns: [] })
    expect(spec.programs['bad']!.problem).toMatchObject({ code: 'ERR_DECODE' })
    const error = catchError(() => linkProgram(spec, spec.programs['bad']!))
    expect(error).toMatchObject({ code: 'ERR_LINK', message: expect.stringContaining('bad cannot be linked') })
  })

  it('BTF that is broken leaves an object that does not need it usable', () => {
    const spec = parseObject(
      makeElf('little', [
        { name: 'xdp', type: 1, flags: CODE, data: EXIT },
        { name: '.BTF', type: 1, data: encodeUtf8('nonsense, and long enough for a header') },
      ]),
    )
    expect(spec.btf).toBeUndefined()
    expect(spec.problems.map((problem) => problem.code)).toEqual(['ERR_BTF'])
    expect(spec.programs['xdp']!.insns).toEqual([{ kind: 'exit' }])
  })

  it('a .maps section without BTF is a problem of its own', () => {
    const spec = parseObject(makeElf('little', [{ name: '.maps', type: 1, flags: 3, data: new Uint8Array(32) }]))
    expect(spec.problems.map((problem) => problem.message)).toEqual([
      'section .maps needs BTF to say what its maps are, and there is none',
    ])
  })
})
