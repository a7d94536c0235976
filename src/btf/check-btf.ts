/**
 * Checks types that were made by hand: each is as its declaration says, and what holds of types in a file holds of them.
 * @see https://docs.kernel.org/bpf/btf.html
 * @module
 */
import { AnybpfError, StringTable } from '../util/index.ts'
import type { Btf } from './btf.ts'
import { checkReferences } from './check-references.ts'
import { encodeTypes } from './encode-types.ts'
import { StringPool } from './string-pool.ts'
import { type TypeBase, TypeWords } from './type-words.ts'
import type { BtfType, BtfTypeId } from './types.ts'

/** What was found to be good; types are never changed. */
const CHECKED = new WeakSet<Btf>()

/**
 * Checks the types from id `first` on. Throws `ERR_BTF` at the first thing wrong. What came from a file was checked when
 * it was read, and what was found to be good is not looked at again.
 */
export function checkBtf(btf: Btf, first = 1): void {
  if (btf.words !== undefined || CHECKED.has(btf)) return
  const types = btf.types.slice(first)
  types.forEach((type, i) => {
    checkShape(type, first + i)
  })
  const pool = new StringPool()
  const { words, starts } = encodeTypes(types, (name) => pool.add(name), true)
  const strings = new StringTable(pool.bytes(), 'ERR_BTF', 'BTF strings')
  checkReferences(new TypeWords({ words, starts, strings, base: baseOf(btf, first), little: true }))
  if (first <= 1 || (btf.base !== undefined && CHECKED.has(btf.base))) CHECKED.add(btf)
}

/** The types before `first`. */
function baseOf(btf: Btf, first: number): TypeBase | undefined {
  return first <= 1
    ? undefined
    : { length: first, kindOf: (id) => btf.kindOf(id), stringsLength: 0, stringAt: () => '' }
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
const isText = (value: unknown): boolean => typeof value === 'string'
const isFlag = (value: unknown): boolean => typeof value === 'boolean'
const isWhole = (value: unknown): boolean => Number.isSafeInteger(value)

type Shape = Readonly<Record<string, (value: unknown) => boolean>>

const TO_TYPE: Shape = { type: isCount }
const MEMBER: Shape = { name: isText, type: isCount, bitOffset: isCount, bitSize: isCount }
const STRUCT: Shape = { size: isCount, members: listOf(MEMBER) }

/** The fields of each kind besides `id` and `name`. */
const SHAPES: ReadonlyMap<unknown, Shape> = new Map<BtfType['kind'], Shape>([
  ['void', {}],
  ['int', { size: isCount, bits: isCount, offset: isCount, signed: isFlag, char: isFlag, bool: isFlag }],
  ['ptr', TO_TYPE],
  ['array', { type: isCount, indexType: isCount, count: isCount }],
  ['struct', STRUCT],
  ['union', STRUCT],
  ['enum', { size: isCount, signed: isFlag, values: listOf({ name: isText, value: isWhole }) }],
  ['enum64', { size: isCount, signed: isFlag, values: listOf({ name: isText, value: (v) => typeof v === 'bigint' }) }],
  ['fwd', {}],
  ['typedef', TO_TYPE],
  ['volatile', TO_TYPE],
  ['const', TO_TYPE],
  ['restrict', TO_TYPE],
  ['func', { type: isCount, linkage: isText }],
  ['func_proto', { returnType: isCount, params: listOf({ name: isText, type: isCount }) }],
  ['var', TO_TYPE],
  ['datasec', { size: isCount, variables: listOf({ type: isCount, offset: isCount, size: isCount }) }],
  ['float', { size: isCount }],
  ['decl_tag', { type: isCount, componentIndex: isWhole }],
  ['type_tag', TO_TYPE],
  ['unknown', { kindNumber: isCount, count: isCount, sizeOrType: isCount, data: (v) => v instanceof Uint8Array }],
])

function listOf(shape: Shape): (value: unknown) => boolean {
  const names = Object.keys(shape)
  return (value) => {
    if (!Array.isArray(value)) return false
    for (let i = 0; i < value.length; i++) if (wrongField(value[i], shape, names) !== undefined) return false
    return true
  }
}

/** The first field that is not as it has to be. */
function wrongField(value: unknown, shape: Shape, names: readonly string[]): string | undefined {
  if (typeof value !== 'object' || value === null) return 'value'
  return names.find((name) => !shape[name]!((value as Record<string, unknown>)[name]))
}

/** Types made by hand are as their declarations say: throws `ERR_BTF` otherwise. */
export function checkShape(type: BtfType | undefined, id: BtfTypeId): void {
  const shape = SHAPES.get(type?.kind)
  if (type === undefined || shape === undefined) {
    throw new AnybpfError('ERR_BTF', `BTF type ${id} is no type: its kind is ${String(type?.kind)}`)
  }
  const wrong = type.id !== id ? 'id' : isText(type.name) ? wrongField(type, shape, Object.keys(shape)) : 'name'
  if (wrong !== undefined) {
    throw new AnybpfError('ERR_BTF', `BTF type ${id} (${type.kind}): its ${wrong} is not what it has to be`)
  }
}
