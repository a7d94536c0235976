/** Platforms are values: by version, and extended by rows of one's own. */
import { describe, expect, it } from 'vitest'
import { extendPlatform, LINUX_PROGRAM_TYPES, linux, raw, SK_BUFF, XDP_MD } from '../../src/spec/index.ts'

const usage = expect.objectContaining({ code: 'ERR_USAGE' })

describe('linux', () => {
  it('has what its version has', () => {
    const old = linux('4.20')
    expect(old.helpers.get(87)?.name).toBe('map_push_elem')
    expect(old.helpers.has(130)).toBe(false)
    expect(old.programTypes.has('xdp')).toBe(true)
    expect(old.programTypes.has('syscall')).toBe(false)
    expect([...old.mapTypes.values()].map((type) => type.name)).toContain('hash')
    expect([...old.mapTypes.values()].map((type) => type.name)).not.toContain('ringbuf')
    expect(linux('5.8').helpers.get(130)?.name).toBe('ringbuf_output')
  })

  it('orders versions as numbers, and ignores the third part', () => {
    expect(linux('5.10').helpers.size).toBe(linux('5.10.200').helpers.size)
    expect(linux('5.10').helpers.size).toBeGreaterThan(linux('5.9').helpers.size)
    expect(linux().helpers.size).toBe(211)
  })

  it.each(['', '6', 'six', '6.x', '6.1.2.3', '-1.2'])('refuses %j as a version', (version) => {
    expect(() => linux(version)).toThrow(usage)
  })

  it('has 32 program types', () => {
    expect(LINUX_PROGRAM_TYPES.map((type) => type.id)).toEqual(Array.from({ length: 32 }, (_, i) => i + 1))
    expect(linux().programTypes.get('xdp')?.verdicts?.[1]).toBe('XDP_DROP')
    expect(linux().programTypes.get('sched_cls')?.verdicts?.[-1]).toBe('TC_ACT_UNSPEC')
  })
})

describe('context layouts', () => {
  it.each([XDP_MD, SK_BUFF])('$name: fields are aligned, in order, disjoint, and fill the structure', (layout) => {
    let end = 0
    for (const { name, offset, size, count = 1 } of layout.fields) {
      expect(offset % size, name).toBe(0)
      expect(offset, name).toBeGreaterThanOrEqual(end)
      expect(offset - end, name).toBeLessThan(8)
      end = offset + size * count
    }
    expect(layout.size).toBe((end + 3) & ~3)
  })
})

describe('extending a platform', () => {
  const spec = { id: 1000, name: 'answer', args: [], returns: 'u64' } as const

  it('gives a new platform and leaves the old one alone', () => {
    const mine = extendPlatform(raw, {
      name: 'mine',
      helpers: [spec],
      mapTypes: [{ id: 1, name: 'counter' }],
      programTypes: [{ id: 77, name: 'event', context: undefined }],
      limits: { stackSize: 1024 },
    })
    expect(mine.name).toBe('mine')
    expect(mine.helpers.get(1000)).toBe(spec)
    expect(mine.helpers.get(5)?.name).toBe('unwind')
    expect(mine.mapTypes.get(1)?.name).toBe('counter')
    expect(mine.programTypes.get('event')?.id).toBe(77)
    expect(mine.limits).toEqual({ stackSize: 1024, callDepth: 8, tailCalls: 33 })
    expect(raw.helpers.has(1000)).toBe(false)
    expect(raw.limits.stackSize).toBe(512)
  })

  it('lets a row replace the one with its number', () => {
    expect(extendPlatform(raw, { helpers: [{ ...spec, id: 5 }] }).helpers.get(5)?.name).toBe('answer')
  })

  it('refuses one name for two numbers', () => {
    expect(() => extendPlatform(raw, { helpers: [{ ...spec, name: 'unwind' }] })).toThrow(usage)
  })
})
