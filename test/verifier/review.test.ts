/** Mistakes that a review found: each once accepted what must not be. */
import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { assemble } from '../../src/isa/index.ts'
import { Runtime } from '../../src/loader/index.ts'
import { VerifyInput } from '../../src/loader/verify-input.ts'
import { parseObject } from '../../src/object/index.ts'
import { linux } from '../../src/spec/index.ts'
import { verify } from '../../src/verifier/verify.ts'
import { judge } from './memory/programs.ts'

const map = { name: 'm', type: 2, keySize: 4, valueSize: 97, maxEntries: 1, flags: 0 }

/** r1 is any number, once at a distance from another; it is at most 104 where the map is read at it. */
const readAt = (start: string) => `${start}
r2 = r1
r1 += 4
if r2 > 100 goto out
if r1 s< 0 goto out
r3 = map_val(map_by_fd(0))
r3 += r1
r0 = *(u8 *)(r3 + 0)
out:
r0 = 0
exit`

describe('a scalar that loses its link', () => {
  it.each([
    [
      'as a part of it is stored',
      'call get_prandom_u32\nr6 = r0\nr6 += 8\n*(u32 *)(r10 - 8) = r6\nr1 = *(u32 *)(r10 - 8)',
    ],
    [
      'as there are more links than are followed',
      `call get_prandom_u32
r1 = r0
r2 = r0
r3 = r0
r4 = r0
r5 = r0
r6 = r0
r7 = r0
r7 += 8
if r0 > 1000 goto +0
r0 = r1
r0 += r2
r0 += r3
r0 += r4
r0 += r5
r0 += r6
r1 = r7`,
    ],
  ])('%s keeps no distance for a later link to count from', (_, start) => {
    expect(judge(readAt(start), { maps: [map] })).toContain('off=104')
  })
})

describe('maps that are handed in', () => {
  const spec = parseObject(readFileSync('examples/xdp-firewall/firewall.el.o'))
  let runtime: Runtime | undefined
  afterEach(() => runtime?.dispose())

  it('may not be writable where the object declares constants', () => {
    runtime = new Runtime()
    const writable = runtime.createMap({ ...spec.maps['.rodata']!, kind: 'map', flags: 0 })
    expect(() => runtime!.load(spec, { maps: { '.rodata': writable } })).toThrow(/has flags 0, and .* declares 128/)
  })

  it('are not taken to hold what the object declares', () => {
    const made = new VerifyInput(spec, linux())
    const given = new VerifyInput(spec, linux(), { givenMaps: new Set(['.rodata']) })
    expect(made.map('.rodata').frozen).toBe(true)
    expect(given.map('.rodata').frozen).toBeUndefined()
    expect(given.map('.rodata').contents).toBeUndefined()
  })
})

describe('a context of a type of one’s own', () => {
  const field = { name: 'data', offset: 0, size: 8, writable: true } as const
  const verdictOf = (pointer: boolean): string => {
    const context = { name: 'mine', size: 8, fields: [pointer ? { ...field, pointer: 'packet' as const } : field] }
    const platform = linux()
    const programTypes = new Map([...platform.programTypes, ['mine', { id: 1000, name: 'mine', context }] as const])
    const insns = assemble('r2 = 0\n*(u64 *)(r1 + 0) = r2\nr0 = 0\nexit')
    return verify({ name: 'p', type: 'mine', license: 'GPL', insns }, { ...platform, programTypes }).verdict
  }

  it('takes no number where a pointer is loaded from, though the member is writable', () => {
    expect(verdictOf(false)).toBe('accept')
    expect(verdictOf(true)).toBe('reject')
  })
})
