/** The table of Linux's helpers is whole, and its rows say what calling conventions need. */
import { describe, expect, it } from 'vitest'
import { findLinuxHelper, LINUX_HELPERS, parseHelperTable, parsePrototype } from '../../src/spec/index.ts'

const P = 'pointer'

describe('the helpers of Linux', () => {
  it('are 211, numbered without gaps, with names of their own', () => {
    expect([...LINUX_HELPERS.keys()]).toEqual(Array.from({ length: 211 }, (_, i) => i + 1))
    expect(new Set([...LINUX_HELPERS.values()].map((helper) => helper.name)).size).toBe(211)
  })

  it('each have a version, a prototype that names them, a sentence, and at most five arguments', () => {
    for (const [id, helper] of LINUX_HELPERS) {
      expect(helper.id).toBe(id)
      expect(helper.since).toMatch(/^[3-6]\.\d{1,2}$/)
      expect(helper.prototype).toContain(`${helper.name}(`)
      expect(helper.summary).toMatch(/^[A-Z][^\n]+\.$/)
      expect(helper.args.length).toBeLessThanOrEqual(5)
    }
  })

  it('come in the order of the versions that brought them', () => {
    const ranks = [...LINUX_HELPERS.values()].map((helper) => {
      const [major, minor] = helper.since!.split('.').map(Number)
      return major! * 100 + minor!
    })
    // The numbers were given out in order; merge windows overlap by one release at most.
    for (let i = 1; i < ranks.length; i++) expect(ranks[i]! + 1).toBeGreaterThanOrEqual(ranks[i - 1]!)
  })

  it.each([
    ['map_lookup_elem', [P, P], 'u32'],
    ['map_update_elem', [P, P, P, 64], 'i32'],
    ['trace_printk', [P, 32, 64, 64, 64], 'i32'],
    ['ktime_get_ns', [], 'u64'],
    ['csum_diff', [P, 32, P, 32, 32], 'u64'],
    ['strtoul', [P, 64, 64, P], 'i32'],
    ['loop', [32, 64, P, 64], 'i32'],
    ['probe_read_kernel', [P, 32, 64], 'i32'],
    ['ringbuf_submit', [P, 64], 'void'],
  ])('%s takes %j and returns %s', (name, args, returns) => {
    expect(findLinuxHelper(name)).toMatchObject({ args, returns })
  })

  it('know the tail call, and who may not be called without the GPL', () => {
    expect(findLinuxHelper('tail_call')!.tailCall).toBe(true)
    expect(findLinuxHelper('trace_printk')!.gplOnly).toBe(true)
    expect(findLinuxHelper('map_lookup_elem')!.gplOnly).toBeUndefined()
    expect(findLinuxHelper('no_such_helper')).toBeUndefined()
  })
})

describe('tables of helpers', () => {
  it.each([
    'x',
    '1 5.8 | long f(void)',
    '1 | long f(void) | Text.',
    '1 5.8 | long | Text.',
    '1 5.8 | thing f(void) | Text.',
  ])('refuses %s', (table) => {
    expect(() => parseHelperTable(table)).toThrow(expect.objectContaining({ code: 'ERR_FORMAT' }))
  })

  it('reads pointers, integers and code addresses', () => {
    expect(parsePrototype('struct x *f(const void *a, u64 b, s32 c, u64 *d, void *callback_fn)')).toMatchObject({
      name: 'f',
      args: [P, 64, 32, P, 64],
      returns: 'u32',
    })
  })
})
