/**
 * The BTF of generated programs: what the functions of one may look like.
 * @module
 */
import { type Btf, parseBtf } from '../../../src/btf/index.ts'
import { BtfBuilder } from '../../../test/support/btf-builder.ts'

const KIND = { int: 1, ptr: 2, struct: 4, func: 12, proto: 13 } as const
const SIGNED = 1 << 24

export interface GeneratorTypes {
  readonly btf: Btf
  /** `func`s. The entry and static functions; global ones: `long f(struct buf *, long)`. */
  readonly staticFunction: number
  readonly globalFunction: number
}

export function generatorTypes(): GeneratorTypes {
  const builder = new BtfBuilder()
  builder.type('int', KIND.int, 4, { vlen: 0, words: [SIGNED | 32] })
  builder.type('long', KIND.int, 8, { vlen: 0, words: [SIGNED | 64] })
  const [a, b, memory, number] = ['a', 'b', 'memory', 'number'].map((name) => builder.string(name)) as [
    number,
    number,
    number,
    number,
  ]
  builder.type('buf', KIND.struct, 16, { vlen: 2, words: [a, 2, 0, b, 2, 64] })
  builder.type('', KIND.ptr, 3)
  builder.type('', KIND.proto, 2, { vlen: 1, words: [number, 2] })
  builder.type('local', KIND.func, 5, { vlen: 0 })
  builder.type('', KIND.proto, 2, { vlen: 2, words: [memory, 4, number, 2] })
  builder.type('shared', KIND.func, 7, { vlen: 1, words: [] })
  return { btf: parseBtf(builder.build()), staticFunction: 6, globalFunction: 8 }
}
