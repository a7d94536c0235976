/** Objects to link that were made to hurt: mutated ones, and ones built so that a careless linker takes hours or dies. */
import { describe, expect, it } from 'vitest'
import { BtfBuilder, emitBtf } from '../../src/btf/index.ts'
import {
  emitElf,
  type NewElfSection,
  type NewElfSymbol,
  parseElf,
  SECTION_FLAG,
  SECTION_TYPE,
} from '../../src/elf/index.ts'
import { type LinkInput, linkObjects, parseObject } from '../../src/object/index.ts'
import { AnybpfError, hexToBytes, SeededRandom } from '../../src/util/index.ts'
import { PAIRS, pairInputs } from '../support/linked.ts'
import { mutate } from '../support/mutate.ts'
import { runs, SEED } from '../support/runs.ts'

const EXIT = hexToBytes('9500000000000000')

function catchError(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

describe('mutated objects', () => {
  it(`are linked, or refused by an error of ours (seed ${SEED})`, { timeout: 600_000 }, () => {
    const random = new SeededRandom(SEED)
    const pairs = [...PAIRS, 'tail', 'kfuncs', 'bare'].map((name) => pairInputs(name))
    const codes = new Map<string, number>()
    let linked = 0
    const count = runs(5000)
    for (let i = 0; i < count; i++) {
      const pair = random.pick(pairs)
      const which = random.below(2)
      const inputs = pair.map(({ name, bytes }, j) => ({ name, bytes: j === which ? mutate(bytes, random) : bytes }))
      let result: Uint8Array | undefined
      const error = catchError(() => {
        result = linkObjects(inputs).bytes
      })
      if (error !== undefined) {
        if (!(error instanceof AnybpfError) || error.code === 'ERR_INTERNAL')
          throw new Error(`run ${i}`, { cause: error })
        expect(error.message).not.toContain('\n')
        codes.set(error.code, (codes.get(error.code) ?? 0) + 1)
        continue
      }
      linked++
      // What was linked is an object, and can be linked again to the same.
      parseObject(result!)
      expect(linkObjects([{ name: 'again.o', bytes: result! }]).bytes, `run ${i}`).toHaveLength(result!.length)
    }
    // All outcomes have to occur, or the mutations prove nothing.
    expect(linked).toBeGreaterThan(count / 20)
    for (const code of ['ERR_ELF', 'ERR_BTF', 'ERR_LINK']) expect(codes.get(code)).toBeGreaterThan(0)
  })
})

interface Parts {
  readonly sections?: readonly NewElfSection[]
  readonly symbols?: readonly NewElfSymbol[]
}

function input(name: string, { sections = [], symbols = [] }: Parts): LinkInput {
  return { name, bytes: emitElf({ byteOrder: 'little', sections, symbols }) }
}

const code = (name: string, data = EXIT): NewElfSection => {
  return { name, type: SECTION_TYPE.progbits, flags: SECTION_FLAG.alloc | SECTION_FLAG.execute, alignment: 8, data }
}
const data = (name: string, size: number, alignment = 1): NewElfSection => {
  return { name, type: SECTION_TYPE.progbits, flags: SECTION_FLAG.alloc, alignment, data: new Uint8Array(size) }
}
const symbol = (name: string, section: number, more: Partial<NewElfSymbol> = {}): NewElfSymbol => {
  return { name, type: section === 0 ? 'notype' : 'object', binding: 'global', section, value: 0, size: 0, ...more }
}

/** The milliseconds that it took. */
function time(run: () => unknown): number {
  const start = performance.now()
  run()
  return performance.now() - start
}

describe('objects that want to take long', () => {
  it('one name fifty thousand times', () => {
    const symbols = Array.from({ length: 50_000 }, () => symbol('x', 0))
    const many = input('many.o', { symbols })
    const defines = input('one.o', { sections: [data('.data', 8)], symbols: [symbol('x', 1)] })
    expect(time(() => linkObjects([many, defines, many]))).toBeLessThan(5000)
  })

  it('ten thousand names in both, and as many sections', () => {
    const symbols = Array.from({ length: 10_000 }, (_, i) => symbol(`x${i}`, 0))
    const sections = Array.from({ length: 10_000 }, (_, i) => data(`.data.${i}`, 1))
    const many = input('many.o', { symbols, sections })
    let result: ReturnType<typeof linkObjects> | undefined
    expect(time(() => (result = linkObjects([many, many])))).toBeLessThan(10_000)
    expect(result!.unresolved).toHaveLength(10_000)
    expect(result!.sections[9_999]).toMatchObject({ size: 2 })
  })

  it('thousands of symbols of one type that is large', () => {
    const builder = new BtfBuilder()
    const int = builder.int('int', 4)
    const members = Array.from({ length: 20_000 }, (_, i) => {
      return { name: `m${i}`, type: builder.array(int, i + 1, int), bitOffset: 0 }
    })
    const large = builder.union('large', 80_000, members)
    const names = Array.from({ length: 5000 }, (_, i) => `x${i}`)
    for (const name of names) builder.var(name, large, 'extern')
    const btf = { ...data('.BTF', 0), flags: 0, data: emitBtf(builder.build()) }
    const one = input('one.o', { sections: [btf], symbols: names.map((name) => symbol(name, 0)) })
    // Compared once, not for each of the names.
    expect(time(() => linkObjects([one, one]))).toBeLessThan(10_000)
  })
})

describe('objects that want too much', () => {
  const refused: readonly (readonly [string, string, () => LinkInput[]])[] = [
    ['an absurd alignment', 'ERR_ELF', () => [input('a.o', { sections: [data('.data', 1, 2 ** 17)] })]],
    ['half an instruction', 'ERR_ELF', () => [input('a.o', { sections: [code('xdp', new Uint8Array(12))] })]],
    [
      'a .bss beyond 4 GiB',
      'ERR_LIMIT',
      () => [input('a.o', { sections: [{ name: '.bss', type: SECTION_TYPE.nobits, size: 2 ** 33 }] })],
    ],
    ['common data', 'ERR_UNSUPPORTED', () => [input('a.o', { symbols: [symbol('x', 0xfff2)] })]],
    [
      'a protected symbol',
      'ERR_UNSUPPORTED',
      () => [input('a.o', { sections: [code('xdp')], symbols: [symbol('x', 1, { visibility: 'protected' })] })],
    ],
    ['a section of notes', 'ERR_UNSUPPORTED', () => [input('a.o', { sections: [{ ...data('.note', 4), type: 7 }] })]],
    [
      'jump tables of code that moves',
      'ERR_UNSUPPORTED',
      () => [
        input('a.o', { sections: [code('xdp')] }),
        input('b.o', { sections: [code('xdp'), data('.jumptables', 8)] }),
      ],
    ],
    [
      'sections of other flags',
      'ERR_LINK',
      () => [
        input('a.o', { sections: [data('x', 8)] }),
        input('b.o', { sections: [{ ...data('x', 8), flags: SECTION_FLAG.write }] }),
      ],
    ],
    [
      'a relocation behind its section',
      'ERR_RELOCATION',
      () => [
        input('a.o', {
          sections: [{ ...code('xdp'), relocations: [{ offset: 8, type: 10, symbol: 1, addend: undefined }] }],
          symbols: [symbol('f', 0)],
        }),
      ],
    ],
    [
      'a relocation of an exit',
      'ERR_RELOCATION',
      () => [
        input('a.o', {
          sections: [{ ...code('xdp'), relocations: [{ offset: 0, type: 10, symbol: 1, addend: undefined }] }],
          symbols: [symbol('f', 0)],
        }),
      ],
    ],
    [
      'BTF of the other byte order',
      'ERR_BTF',
      () => [
        input('a.o', {
          sections: [{ ...data('.BTF', 0), flags: 0, data: emitBtf(new BtfBuilder({ byteOrder: 'big' }).build()) }],
        }),
      ],
    ],
  ]

  it.each(refused)('%s', (_, expected, make) => {
    const error = catchError(() => linkObjects(make()))
    expect(error).toBeInstanceOf(AnybpfError)
    expect(error).toMatchObject({ code: expected, message: expect.stringMatching(/^[^\n]*[ab]\.o[^\n]*$/) })
  })
})

describe('relocations against sections', () => {
  const CALL = hexToBytes('8510000002000000')

  it('move with what lies before, in code and in data, with addends in the place or in the record', () => {
    for (const addend of [undefined, 24]) {
      const imm = addend === undefined ? 2 : -1
      const call = CALL.slice()
      new DataView(call.buffer).setInt32(4, imm, true)
      const file = input('b.o', {
        sections: [
          code('xdp', call.slice()),
          code('.text', new Uint8Array(32)),
          { ...data('.data', 8, 8), relocations: [{ offset: 0, type: 2, symbol: 1, addend }] },
        ].map((section, i) =>
          i === 0 ? { ...section, relocations: [{ offset: 0, type: 10, symbol: 1, addend }] } : section,
        ),
        symbols: [{ name: '', type: 'section', binding: 'local', section: 2, value: 0, size: 0 }],
      })
      const first = input('a.o', { sections: [code('.text', new Uint8Array(40)), data('.data', 8, 8)] })
      const { bytes } = linkObjects([first, file])
      const spec = linkedContents(bytes)
      expect(new DataView(spec['xdp']!.buffer).getInt32(4, true)).toBe(2 + 40 / 8)
      expect(new DataView(spec['.data']!.buffer).getBigInt64(8, true)).toBe(BigInt((addend ?? 0) + 40))
    }
  })
})

/** Copies of the sections, by name. */
function linkedContents(bytes: Uint8Array): Record<string, Uint8Array> {
  const elf = parseElf(bytes)
  return Object.fromEntries(elf.sections.map((section) => [section.name, elf.data(section).slice()]))
}
