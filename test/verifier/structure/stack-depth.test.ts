/**
 * Chains of calls are bounded in bytes and frames. Messages recorded on a 6.18 kernel, through whole programs.
 */
import { describe, expect, it } from 'vitest'
import { Btf, type BtfType } from '../../../src/btf/index.ts'
import { verify } from '../../../src/verifier/verify.ts'
import { type Case, PLATFORM, programOf } from './programs.ts'

const TYPES = [
  { kind: 'void', id: 0, name: '' },
  { kind: 'int', id: 1, name: 'int', size: 4, bits: 32, offset: 0, signed: true, char: false, bool: false },
  { kind: 'func_proto', id: 2, name: '', returnType: 1, params: [], variadic: false },
  { kind: 'func', id: 3, name: 'f', type: 2, linkage: 'static' },
] as const satisfies readonly BtfType[]
const BTF = new Btf(TYPES, { byteOrder: 'little' })

/** Each function stores at its deepest byte, then calls the others that are named, then returns 0. */
function program(functions: readonly { readonly depth: number; readonly body?: string }[]): string {
  return functions
    .map(({ depth, body }, i) => {
      const store = depth > 0 ? `*(u64 *)(r10 - ${depth}) = 0` : ''
      return `f${i}:\n${store}\n${body ?? ''}\nr0 = 0\nexit`
    })
    .join('\n')
}

function judge(functions: readonly { readonly depth: number; readonly body?: string }[], options: Case = {}): string {
  const tested = programOf(program(functions), options)
  const starts: number[] = []
  tested.insns.forEach((_, slot) => {
    if (slot === 0 || tested.insns[slot - 1]!.kind === 'exit') starts.push(slot)
  })
  const withBtf = {
    ...tested,
    btf: BTF,
    functions: starts.map((slot, i) => ({ name: `f${i}`, slot, linkage: 'static', btfType: 3 }) as const),
  }
  const report = verify(withBtf, PLATFORM, { author: 'trusted' })
  return report.error?.lines.join('; ') ?? 'accept'
}

const chain = (...depths: readonly number[]): { depth: number; body?: string }[] =>
  depths.map((depth, i) => (i + 1 < depths.length ? { depth, body: `call f${i + 1}` } : { depth }))

describe('stack depth', () => {
  it('adds up over calls, each rounded to 16 bytes', () => {
    expect(judge(chain(256, 256))).toBe('accept')
    expect(judge(chain(256, 248, 8))).toBe('combined stack size of 3 calls is 528. Too large')
    expect(judge(chain(8, 8, 480))).toBe('accept')
    expect(judge(chain(24, 8, 480))).toBe('combined stack size of 3 calls is 528. Too large')
  })

  it('counts a function without a stack', () => {
    expect(judge(chain(512, 0, 0))).toBe('accept')
  })

  it('is that of the deepest chain, and the first that is too deep is reported', () => {
    const body = 'call f1\ncall f2'
    expect(judge([{ depth: 200, body }, { depth: 304 }, { depth: 304 }])).toBe('accept')
    expect(judge([{ depth: 304, body }, { depth: 304 }, { depth: 400 }])).toBe(
      'combined stack size of 2 calls is 608. Too large',
    )
  })

  it('is checked again where a function is reached with more', () => {
    const functions = [{ depth: 8, body: 'call f2\ncall f1' }, { depth: 304, body: 'call f2' }, { depth: 240 }]
    expect(judge(functions)).toBe('combined stack size of 3 calls is 560. Too large')
  })

  it('is 256 before a function that makes tail calls', () => {
    const maps = [{ name: 'progs', type: 3, keySize: 4, valueSize: 4, maxEntries: 1, flags: 0 }]
    const tail = 'r2 = map_by_fd(0)\nr3 = 0\ncall 12'
    const body = 'r6 = r1\nr1 = r6\ncall f1'
    expect(
      judge(
        [
          { depth: 240, body },
          { depth: 16, body: tail },
        ],
        { maps },
      ),
    ).toBe('accept')
    expect(
      judge(
        [
          { depth: 256, body },
          { depth: 16, body: tail },
        ],
        { maps },
      ),
    ).toBe('tail_calls are not allowed when call stack of previous frames is 256 bytes. Too large')
  })

  it('does not add up on private stacks', () => {
    const options = { type: 'kprobe' }
    expect(judge(chain(400, 400), options)).toBe('accept')
    // Small frames stay on the common stack.
    expect(judge(chain(400, 400, 48, 48), options)).toBe('accept')
    expect(judge(chain(400, 400))).toBe('combined stack size of 2 calls is 800. Too large')
  })

  it('does not count slots that only a fast call is saved to', () => {
    const body = '*(u64 *)(r10 - 264) = r1\ncall 8\nr1 = *(u64 *)(r10 - 264)\ncall f1'
    const functions = [{ depth: 256, body }, { depth: 256 }]
    expect(judge(functions, { type: 'xdp' })).toBe('accept')
    expect(judge(functions, { type: 'socket_filter' })).toBe('combined stack size of 2 calls is 528. Too large')
    const read = functions.map((one) => ({
      ...one,
      body: one.body?.replace('call f1', 'r2 = *(u64 *)(r10 - 264)\ncall f1') ?? '',
    }))
    expect(judge(read, { type: 'xdp' })).toBe('combined stack size of 2 calls is 528. Too large')
  })
})

describe('frames', () => {
  it('are eight at most', () => {
    expect(judge(chain(0, 0, 0, 0, 0, 0, 0, 0))).toBe('accept')
    expect(judge(chain(0, 0, 0, 0, 0, 0, 0, 0, 0))).toBe('the call stack of 9 frames is too deep')
  })

  it('are counted over calls that no path makes', () => {
    const deep = chain(0, 0, 0, 0, 0, 0, 0, 0, 0).map((one, i) =>
      i === 0 ? { ...one, body: 'r0 = 1\nif r0 != 0 goto +1\ncall f1' } : one,
    )
    expect(judge(deep)).toBe('the call stack of 8 frames is too deep !')
  })
})
