/**
 * Modules of other builds are refused before anything of them runs, however alike they are: what their code takes for granted,
 * a map's size, that it was verified, that a budget is counted, is not in what they import.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Build, type BuildOptions, buildObject } from '../../src/build/index.ts'
import { compileModules } from './forbidden.ts'
import { arrayOf, type Built, loadBuild, objectOf } from './small-object.ts'

/** 2 if the packet's first byte is an index of the map, where it leaves a mark, else 1. */
const MARK = `
  r2 = *(u32 *)(r1 + 4)
  r1 = *(u32 *)(r1 + 0)
  r3 = r1
  r3 += 1
  if r3 > r2 goto out
  r4 = *(u8 *)(r1 + 0)
  *(u32 *)(r10 - 4) = r4
  r1 = 0 ll
  r2 = r10
  r2 += -4
  call 1
  if r0 == 0 goto out
  r1 = 7
  *(u64 *)(r0 + 0) = r1
  r0 = 2
  exit
out:
  r0 = 1
  exit`

const packetOf = (first: number): Uint8Array => Uint8Array.of(first, ...new Uint8Array(59))

function build(maxEntries: number, options: Partial<BuildOptions> = {}): Build {
  return buildObject(objectOf(MARK, [arrayOf('a', maxEntries), arrayOf('b', 100)], ['a']), { name: 'x', ...options })
}

describe('modules of another build', () => {
  const now = build(4)
  const own = compileModules(now.files)
  let built: Built
  beforeAll(async () => {
    built = await loadBuild(now)
  })

  it('its own work, and those of the same build made again', () => {
    for (const modules of [own, compileModules(build(4).files)]) {
      const { programs, maps } = built.instantiate(modules)
      expect([3, 4, 200].map((index) => programs['main']!.run(packetOf(index)).retval)).toEqual([2, 1, 1])
      expect([maps['a']!.getBytes(3)?.[0], maps['b']!.getBytes(0)?.[0]]).toEqual([7, 0])
    }
  })

  it.each([
    ['a map was larger', build(1000)],
    ['another map was larger', buildOther(arrayOf('b', 101))],
    ['another map had another name', buildOther(arrayOf('c', 100))],
    ['a map was of another kind', buildOther({ ...arrayOf('b', 100), type: 1 })],
    ['a budget is counted', build(4, { budget: 1 })],
    ['nobody verified it', build(4, { verify: false })],
    ['nobody verified it, and no budget is counted', build(4, { verify: false, budget: 0 })],
  ])('refuses one for which %s, and its own in the place of that', async (_, other) => {
    const others = compileModules(other.files)
    const refusal = expect.objectContaining({
      code: 'ERR_FORMAT',
      message: expect.stringMatching(/^program main: .*another build$/),
    })
    expect(() => built.instantiate(others)).toThrow(refusal)
    const otherBuilt = await loadBuild(other)
    expect(() => otherBuilt.instantiate(own)).toThrow(refusal)
    otherBuilt.instantiate(others).dispose()
  })

  function buildOther(second: ReturnType<typeof arrayOf>): Build {
    return buildObject(objectOf(MARK, [arrayOf('a', 4), second], ['a']), { name: 'x' })
  }

  it('refuses a program for the runtime and the runtime for a program', () => {
    const main = own.programs['main']!
    const refusal = (message: RegExp) =>
      expect.objectContaining({ code: 'ERR_FORMAT', message: expect.stringMatching(message) })
    expect(() => built.instantiate({ ...own, runtime: main })).toThrow(refusal(/^runtime: .*another file/))
    expect(() => built.instantiate({ ...own, programs: { main: own.runtime } })).toThrow(
      refusal(/^program main: .*another file/),
    )
  })

  it('refuses a runtime of other bytes', () => {
    const { bytes } = now.files.find(({ kind }) => kind === 'runtime')!
    const changed = bytes.slice()
    // The last digit of its fingerprint, as if it were another version's.
    changed[changed.length - 1]! ^= 1
    const runtime = new WebAssembly.Module(changed)
    expect(() => built.instantiate({ ...own, runtime })).toThrow(
      expect.objectContaining({ code: 'ERR_FORMAT', message: expect.stringMatching(/^runtime: .*another version/) }),
    )
  })
})

describe('programs of one build', () => {
  it('are told apart where they have the same instructions', async () => {
    // A trap, whose place is in the stack trace and nowhere else.
    const text = 'r0 = 0\nr1 = 0xfffffff0 ll\nr0 = *(u64 *)(r1 + 0)\nexit'
    const twins = buildObject(objectOf({ one: text, two: text }), { name: 'twins', verify: false })
    const built = await loadBuild(twins)
    const modules = compileModules(twins.files)
    const collection = built.instantiate(modules)
    // The first again when there is code of both.
    for (const name of ['one', 'two', 'one']) {
      expect(() => collection.program(name).run(packetOf(0)), name).toThrow(`${name}: insn 3 (${name}.c:13)`)
    }
    const { one, two } = modules.programs
    expect(() => built.instantiate({ ...modules, programs: { one: two, two: one } })).toThrow(
      expect.objectContaining({
        code: 'ERR_FORMAT',
        message: expect.stringMatching(/^program one: .*another program/),
      }),
    )
  })

  it('and their maps may be called __proto__', async () => {
    const names = ['__proto__', 'constructor', 'z']
    const maps = names.map((name, i) => arrayOf(name, i + 1))
    for (const loaded of names) {
      const programs = Object.fromEntries(names.map((name) => [name, MARK]))
      const named = buildObject(objectOf(programs, maps, [loaded]), { name: 'x' })
      const built = await loadBuild(named)
      expect(Object.keys(built.files.programs)).toEqual(names)
      const collection = built.instantiate(compileModules(named.files))
      expect(Object.keys(collection.maps)).toEqual(names)
      expect(Object.keys(collection.programs)).toEqual(names)
      expect(names.map((name) => collection.map(name).maxEntries)).toEqual([1, 2, 3])
      const size = names.indexOf(loaded) + 1
      for (const name of names) {
        const verdicts = [0, 1, 2, 3].map((index) => collection.program(name).run(packetOf(index)).retval)
        expect(verdicts).toEqual([0, 1, 2, 3].map((index) => (index < size ? 2 : 1)))
      }
      const marked = names.filter((name) => collection.map(name).getBytes(0)?.[0] === 7)
      expect(marked).toEqual([loaded])
    }
  })
})
