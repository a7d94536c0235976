/**
 * Verification without loading: a report for each program of an object, and what the error of a rejected load shows.
 */
import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { formatJson } from '../../src/cli/json.ts'
import { linux, parseObject, Runtime, raw, VerificationError, verifyObject } from '../../src/index.ts'

const ACCEPTED = readFileSync('examples/xdp-firewall/firewall.el.o')
const REJECTED = readFileSync('examples/rejections/map-null-check.el.o')

describe('verifyObject', () => {
  it('gives a report for each program, from bytes or from a specification', () => {
    for (const object of [ACCEPTED, parseObject(ACCEPTED)]) {
      const reports = verifyObject(object, linux('6.12'))
      expect(reports).toMatchObject([{ name: 'firewall', type: 'xdp', platform: 'linux 6.12', verdict: 'accept' }])
    }
    const [report] = verifyObject(REJECTED, linux())
    expect(report).toMatchObject({ verdict: 'reject', error: { code: 'possibly_null', insn: 8 } })
    expect(report?.error?.fix).toContain('if (!count)')
  })

  it('takes the options of the verifier, and those of an object', () => {
    const [report] = verifyObject(ACCEPTED, linux(), {
      author: 'trusted',
      insnLimit: 3,
      explain: false,
      globals: { threshold: 5 },
      programs: ['firewall'],
    })
    expect(report).toMatchObject({ author: 'trusted', error: { code: 'too_many_instructions' } })
    const [untrusted] = verifyObject(ACCEPTED, linux(), { author: 'untrusted' })
    expect(untrusted).toMatchObject({ author: 'untrusted', error: { code: 'pointer_leak' } })
    expect(verifyObject(ACCEPTED, linux(), { type: 'sched_cls' })).toMatchObject([{ type: 'sched_cls' }])
    expect(verifyObject(ACCEPTED, linux(), { programs: [] })).toEqual([])
  })

  it('rejects what cannot come before the verifier', () => {
    expect(verifyObject(ACCEPTED, raw)).toMatchObject([
      {
        verdict: 'reject',
        author: 'untrusted',
        error: { code: 'invalid_program', reason: 'raw has no programs of type xdp' },
      },
    ])
    const spec = parseObject(REJECTED)
    const [name] = Object.keys(spec.maps)
    delete spec.maps[name!]
    const [report] = verifyObject(spec, linux())
    expect(report).toMatchObject({ verdict: 'reject', error: { code: 'invalid_program', category: 'structure' } })
    expect(report?.error?.reason).toContain(name)
    const untyped = parseObject(ACCEPTED)
    untyped.programs['firewall']!.type = 'unspec'
    expect(verifyObject(untyped, linux())[0]?.error?.reason).toMatch(/does not tell .*: give it as the option type$/)
  })

  it('throws for what the object does not have', () => {
    const thrown = (work: () => unknown): unknown => {
      try {
        work()
      } catch (error) {
        return error
      }
      return undefined
    }
    expect(thrown(() => verifyObject(ACCEPTED, linux(), { programs: ['toString'] }))).toMatchObject({
      code: 'ERR_NOT_FOUND',
      message: 'no program "toString"; there are: "firewall"',
    })
    expect(thrown(() => verifyObject(ACCEPTED, linux(), { globals: { nothing: 1 } }))).toMatchObject({
      code: 'ERR_NOT_FOUND',
    })
    expect(thrown(() => verifyObject(new Uint8Array(9), linux()))).toMatchObject({ code: 'ERR_ELF' })
  })
})

describe('VerificationError', () => {
  const runtime = new Runtime()
  const thrown = (): VerificationError => {
    try {
      runtime.load(parseObject(REJECTED))
    } catch (error) {
      if (error instanceof VerificationError) return error
      throw error
    }
    throw new Error('it was loaded')
  }

  it('has the report, and prints the short of it: where, why, and what would help', () => {
    const error = thrown()
    expect(error.report.error?.path).toBeDefined()
    expect(error.message).toMatch(/^count_packets: insn 8 \(\S*map-null-check\.c:19\): `count` \(r0\) may be NULL/)
    expect(error.details).toMatchObject({ program: 'count_packets', reason: 'possibly_null', insn: 8 })
    // As Node prints an error that nobody catches.
    const printed = inspect(error, { customInspect: false })
    expect(printed.split('\n').length).toBeLessThan(40)
    expect(printed).toContain('if (!count)')
    expect(printed).not.toContain('insnsProcessed')
    expect(formatJson(error)).not.toContain('insnsProcessed')
  })
})
