/** BTF as text, as TypeScript, and what changed between two. */
import { execFileSync, spawnSync } from 'node:child_process'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import {
  type Btf,
  BtfBuilder,
  btfToC,
  btfToText,
  btfToTypeScript,
  dedupBtf,
  diffBtf,
  emitBtf,
  formatBtfDiff,
  parseBtf,
} from '../../src/btf/index.ts'
import { parseElf } from '../../src/elf/index.ts'
import { AnybpfError, SeededRandom } from '../../src/util/index.ts'
import { committedBtf, corpusBtf } from '../support/btf-files.ts'
import { mutate } from '../support/mutate.ts'
import { objectPath, readObject } from '../support/objects.ts'
import { runs, SEED } from '../support/runs.ts'

function read(name: 'types' | 'maps'): Btf {
  const elf = parseElf(readObject(name, 'el'))
  return parseBtf(elf.data(elf.section('.BTF')!))
}

const bpftool = spawnSync('bpftool', ['version']).status === 0

describe.skipIf(!bpftool)(`text${bpftool ? '' : ' (no bpftool: skipped)'}`, () => {
  it.each(['types', 'maps', 'calls', 'externs'] as const)('is what bpftool prints: %s', (name) => {
    const theirs = execFileSync('bpftool', ['btf', 'dump', 'file', objectPath(name, 'el')]).toString()
    const elf = parseElf(readObject(name, 'el'))
    expect(btfToText(parseBtf(elf.data(elf.section('.BTF')!)))).toBe(theirs)
  })
})

/** What the compiler has to say about a module, under strict rules. */
function diagnose(source: string): string[] {
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts'],
  }
  const host = ts.createCompilerHost(options)
  const { getSourceFile } = host
  host.getSourceFile = (name, ...rest) =>
    name === 'types.ts'
      ? ts.createSourceFile(name, source, ts.ScriptTarget.ES2022)
      : getSourceFile.call(host, name, ...rest)
  const program = ts.createProgram(['types.ts'], options, host)
  return ts.getPreEmitDiagnostics(program).map((one) => ts.flattenDiagnosticMessageText(one.messageText, ' '))
}

describe('TypeScript', () => {
  it('says what values look like', () => {
    const btf = read('types')
    const everything = btf.find('everything', 'struct')!
    const { text, names } = btfToTypeScript(btf, { types: [everything.id] })
    expect(names.get(everything.id)).toBe('everything')
    const use = `${text}
      declare const all: everything
      const a: number = all.small
      const b: boolean = all.truth
      const c: bigint = all.whole + all.huge + all.opaque
      const d: number = all.lo + all.grid[0]![1]!
      const e: 'RED' | 'GREEN' | 'BLUE' | number = all.colour
      const f: 'SMALL' | 'LARGE' | bigint = all.wide
      const g: Uint8Array = all.tail
      const h: number = all.bits.low + all.bits.sign
      const i: boolean = all.bits.flag
      export { a, b, c, d, e, f, g, h, i }`
    expect(diagnose(use)).toEqual([])
    expect(diagnose(`${text}; declare const all: everything; export const a: string = all.small`)).toHaveLength(1)
  })

  it('is taken by the compiler for every object', { timeout: 120_000 }, () => {
    const files = [...committedBtf(), ...(corpusBtf() ?? [])].filter((_, i) => i % 4 === 0)
    // One module for all: each in a name space of its own.
    const source = files
      .map(({ btf }, i) => `namespace object_${i} {\n${btfToTypeScript(parseBtf(btf)).text}}`)
      .join('\n')
    expect(diagnose(source)).toEqual([])
  })

  it('has names for what TypeScript has no words for', () => {
    const b = new BtfBuilder()
    const int = b.int('int', 4)
    const odd = b.struct('Option<u32>', 4, [{ name: 'my field', type: int, bitOffset: 0 }])
    const same = b.typedef('Option_u32_', odd)
    const string = b.typedef('string', odd)
    const { text, names } = btfToTypeScript(b.build())
    expect([names.get(odd), names.get(same), names.get(string)]).toEqual(['Option_u32_', 'Option_u32__2', 'string_2'])
    expect(text).toContain('"my field": number')
    expect(diagnose(text)).toEqual([])
  })
})

describe('differences', () => {
  const build = (change: (b: BtfBuilder, int: number, long: number) => void): Btf => {
    const b = new BtfBuilder()
    change(b, b.int('int', 4, { signed: true }), b.int('long', 8, { signed: true }))
    return b.build()
  }
  const before = build((b, int, long) => {
    const inner = b.union('', 8, [
      { name: 'a', type: int, bitOffset: 0 },
      { name: 'b', type: long, bitOffset: 0 },
    ])
    b.struct('flow', 24, [
      { name: 'packets', type: int, bitOffset: 0 },
      { name: 'low', type: int, bitOffset: 32, bitSize: 3 },
      { name: '', type: inner, bitOffset: 64 },
      { name: 'gone', type: long, bitOffset: 128 },
    ])
    b.enum('colour', [
      { name: 'RED', value: 0 },
      { name: 'BLUE', value: 1 },
    ])
    b.struct('same', 4, [{ name: 'x', type: int, bitOffset: 0 }])
    b.func('f', b.funcProto(int, [{ name: 'x', type: b.ptr(int) }]))
    b.struct('twice', 4, [{ name: 'x', type: int, bitOffset: 0 }])
    b.struct('twice', 8, [{ name: 'x', type: long, bitOffset: 0 }])
    b.typedef('old_t', int)
  })
  const after = build((b, int, long) => {
    b.struct('twice', 8, [{ name: 'x', type: long, bitOffset: 0 }])
    b.struct('same', 4, [{ name: 'x', type: int, bitOffset: 0 }])
    const inner = b.union('', 8, [
      { name: 'a', type: int, bitOffset: 0 },
      { name: 'b', type: long, bitOffset: 0 },
    ])
    b.struct('flow', 32, [
      { name: 'packets', type: long, bitOffset: 0 },
      { name: 'low', type: int, bitOffset: 64, bitSize: 4 },
      { name: '', type: inner, bitOffset: 128 },
      { name: 'here', type: long, bitOffset: 192 },
    ])
    b.enum64('colour', [
      { name: 'RED', value: 0n },
      { name: 'GREEN', value: 1n << 40n },
    ])
    b.func('f', b.funcProto(int, [{ name: 'y', type: b.ptr(b.const(int)) }]))
    b.typedef('new_t', int)
  })

  it('tells members that moved, changed, came and went, with offsets', () => {
    expect(formatBtfDiff(diffBtf(before, after))).toBe(`~ struct flow
    ~ size: 24 → 32 bytes
    ~ packets: int at 0 → long at 0
    ~ low: int at 4, bit 0, 3 bits → int at 8, bit 0, 4 bits
    ~ a: int at 8 → int at 16
    ~ b: long at 8 → long at 16
    - gone: long at 16
    + here: long at 24
- struct twice
~ enum colour
    ~ size: 4 → 8 bytes
    - BLUE: 1
    + GREEN: 1099511627776
+ typedef new_t
- typedef old_t
~ func f
    ~ type: int (int *) → int (const int *)
`)
  })

  it('finds none where there are none', () => {
    expect(diffBtf(before, before)).toEqual([])
    for (const { btf, name } of committedBtf()) expect(diffBtf(parseBtf(btf), parseBtf(btf)), name).toEqual([])
  })

  it('keeps to the names that are asked for', () => {
    expect(diffBtf(before, after, { names: ['old_t', 'same'] })).toEqual([
      { kind: 'typedef', name: 'old_t', status: 'removed', changes: [] },
    ])
  })
})

describe('hostile types', () => {
  it(`are printed, converted and compared, or refused by an error of ours (seed ${SEED})`, { timeout: 600_000 }, () => {
    const random = new SeededRandom(SEED)
    const files = committedBtf().filter(({ btf }) => btf.length < 8000)
    let done = 0
    const count = runs(50_000)
    for (let run = 0; run < count; run++) {
      const { btf: good } = random.pick(files)
      const bytes = mutate(good, random, 0, Math.min(good.length, 1000))
      try {
        const btf = parseBtf(bytes)
        for (const work of [
          () => btfToText(btf),
          () => btfToC(btf),
          () => btfToTypeScript(btf),
          () => diffBtf(btf, before),
          () => dedupBtf(btf),
          () => emitBtf(btf),
        ]) {
          try {
            work()
            done++
          } catch (error) {
            if (!(error instanceof AnybpfError) || /\n/.test(error.message))
              throw new Error(`run ${run}`, { cause: error })
          }
        }
      } catch (error) {
        if (!(error instanceof AnybpfError)) throw new Error(`run ${run}`, { cause: error })
      }
    }
    expect(done).toBeGreaterThan(count / 50)
  })

  const before = new BtfBuilder().build()

  it('that multiply end in an error, soon', () => {
    const b = new BtfBuilder()
    let inner = b.int('int', 4)
    for (let i = 0; i < 40; i++) {
      inner = b.union('', 4, [
        { name: '', type: inner, bitOffset: 0 },
        { name: '', type: inner, bitOffset: 0 },
      ])
    }
    b.struct('s', 4, [{ name: '', type: inner, bitOffset: 0 }])
    const btf = b.build()
    for (const work of [() => btfToC(btf), () => btfToTypeScript(btf), () => diffBtf(btf, before)]) {
      try {
        work()
      } catch (error) {
        expect(error).toBeInstanceOf(AnybpfError)
      }
    }
  })
})

describe('prototypes', () => {
  /** Each prototype has the one before it as every parameter, by pointer or itself. */
  function nested(levels: number, parameters: number): Btf {
    const builder = new BtfBuilder()
    let inner = builder.add({
      kind: 'int',
      name: 'int',
      size: 4,
      bits: 32,
      offset: 0,
      signed: true,
      char: false,
      bool: false,
    })
    for (let level = 0; level < levels; level++) {
      const params = Array.from({ length: parameters }, () => ({ name: '', type: inner }))
      const proto = builder.add({ kind: 'func_proto', name: '', returnType: 0, params, variadic: false })
      inner = builder.add({ kind: 'ptr', name: '', type: proto })
    }
    builder.add({ kind: 'typedef', name: 'deep', type: inner })
    return builder.build()
  }

  it.each([
    { levels: 8, parameters: 64 },
    { levels: 30, parameters: 2 },
  ])('within prototypes take bounded time: $levels levels of $parameters', ({ levels, parameters }) => {
    const btf = nested(levels, parameters)
    const { user } = process.cpuUsage()
    expect(() => btfToC(btf)).toThrow(/too large/)
    diffBtf(btf, nested(levels + 1, parameters))
    expect((process.cpuUsage().user - user) / 1e6).toBeLessThan(5)
  })

  it('without parameters are written as C has them', () => {
    const builder = new BtfBuilder()
    const proto = builder.add({ kind: 'func_proto', name: '', returnType: 0, params: [], variadic: true })
    builder.add({ kind: 'typedef', name: 'old', type: builder.add({ kind: 'ptr', name: '', type: proto }) })
    expect(btfToC(builder.build()).text).toContain('typedef void (*old)(void);')
  })
})
