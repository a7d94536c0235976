/**
 * Finds where each type of a type section starts, and checks the encoding of each record: its kind is known or
 * described, it ends within the section, its names exist, and bits without a meaning are 0.
 * @see https://docs.kernel.org/bpf/btf.html#type-encoding
 * @module
 */
import { AnybpfError, type StringTable } from '../util/index.ts'
import { BTF_KIND_ROWS, type BtfKindRow, INFO_KIND_MASK, INFO_KIND_SHIFT, INFO_VLEN_MASK } from './kinds.ts'
import { HEADER_WORDS, LINKAGES, type TypeBase, typeError } from './type-words.ts'
import { BTF_KINDS } from './types.ts'

/** `BTF_MAX_TYPE` of Linux. */
export const BTF_MAX_TYPES = 0xfffff

const INT_RESERVED = 0xf800ff00

const KINDS: Readonly<Record<string, number>> = Object.fromEntries(BTF_KINDS.map((kind, number) => [kind, number]))
const FUNC_PROTO = KINDS['func_proto']!
const ENUM = KINDS['enum']!
const ENUM64 = KINDS['enum64']!
const STRUCT = KINDS['struct']!
const UNION = KINDS['union']!

/** Words from the start of one name to the next one's, in the elements of each kind; 0 where they have no names. */
const NAME_STRIDE = new Uint8Array(BTF_KINDS.length)
NAME_STRIDE[STRUCT] = NAME_STRIDE[UNION] = NAME_STRIDE[ENUM64] = 3
NAME_STRIDE[ENUM] = NAME_STRIDE[FUNC_PROTO] = 2

export interface ScanInput {
  readonly words: Uint32Array
  readonly strings: StringTable
  readonly base?: TypeBase | undefined
  /** The layout section, where there is one. */
  readonly layout?: Uint8Array | undefined
}

/** Index of each type's first word, and at last the number of words. Throws `ERR_BTF`, or `ERR_LIMIT`. */
export function scanTypes(input: ScanInput): Uint32Array {
  const { words, base } = input
  const first = base?.length ?? 1
  const names = new NameChecker(input.strings, base?.stringsLength ?? 0)
  let starts = new Uint32Array(1 + (words.length >>> 3))
  let count = 0
  for (let at = 0; at < words.length; ) {
    const id = first + count
    if (id > BTF_MAX_TYPES) throw new AnybpfError('ERR_LIMIT', `BTF has more than ${BTF_MAX_TYPES} types`)
    if (count === starts.length) {
      const grown = new Uint32Array(2 * count)
      grown.set(starts)
      starts = grown
    }
    starts[count++] = at
    at = scanType(input, id, at, names)
  }
  const result = new Uint32Array(count + 1)
  result.set(starts.subarray(0, count))
  result[count] = words.length
  return result
}

/** Checks the record that starts at word `at`; gives where the next one starts. */
function scanType(input: ScanInput, id: number, at: number, names: NameChecker): number {
  const { words } = input
  if (at + HEADER_WORDS > words.length) throw cutShort(id, 'its header', 4 * HEADER_WORDS)
  const info = words[at + 1]!
  const kind = (info >>> INFO_KIND_SHIFT) & INFO_KIND_MASK
  const vlen = info & INFO_VLEN_MASK
  const row = kind === 0 ? undefined : BTF_KIND_ROWS[kind]
  names.check(words[at]!, id)
  const more = at + HEADER_WORDS
  if (row === undefined) return more + unknownWords(input, id, kind, vlen, more)
  const length = row.fixed + (row.vlen === 'count' ? vlen * row.element : 0)
  const end = more + (length >>> 2)
  if (end > words.length) throw cutShort(id, PARTS[row.kind] ?? 'its data', length)
  if (row.vlen !== 'count' || row.flag === undefined) checkReserved(words, at, id, row)
  const stride = NAME_STRIDE[kind]!
  if (stride !== 0) for (let w = more; w < end; w += stride) names.check(words[w]!, id)
  return end
}

const PARTS: Readonly<Partial<Record<string, string>>> = {
  int: 'its encoding',
  array: 'its element type and count',
  struct: 'its members',
  union: 'its members',
  enum: 'its enumerators',
  enum64: 'its enumerators',
  func_proto: 'its parameters',
  var: 'its linkage',
  datasec: 'its variables',
  decl_tag: 'its component index',
}

function cutShort(id: number, what: string, length: number): AnybpfError {
  return new AnybpfError('ERR_BTF', `BTF type ${id} is cut short: ${what} needs ${length} bytes`)
}

/** Bits and fields that have no meaning in a kind have to be 0, as Linux has it: they may get one. */
function checkReserved(words: Uint32Array, at: number, id: number, row: BtfKindRow): void {
  const info = words[at + 1]!
  const vlen = info & INFO_VLEN_MASK
  const refuse = (what: string): never => {
    throw typeError(id, row.kind, '', what)
  }
  if (row.vlen === 'zero' && vlen !== 0) refuse(`its vlen is ${vlen}, and has to be 0`)
  if (row.flag === undefined && info >>> 31 !== 0) refuse('its kind_flag is set, and has to be 0')
  if (row.third === 'zero' && words[at + 2] !== 0) refuse(`its third word is ${words[at + 2]}, and has to be 0`)
  if (row.kind === 'int' && (words[at + 3]! & INT_RESERVED) !== 0) refuse('its encoding has unknown bits')
  const linkage = row.kind === 'func' ? vlen : row.kind === 'var' ? words[at + 3]! : 0
  if (LINKAGES[linkage] === undefined)
    throw new AnybpfError('ERR_BTF', `BTF type ${id}: linkage ${linkage} is not known`)
}

/* struct btf_layout: info_sz u8 (bytes after the type's header) | elem_sz u8 (bytes for each of vlen) | flags u16 */
function unknownWords(input: ScanInput, id: number, kind: number, count: number, at: number): number {
  const { layout, words } = input
  if (kind === 0 || layout === undefined || 4 * kind + 4 > layout.length) {
    throw new AnybpfError('ERR_BTF', `BTF type ${id}: kind ${kind} is not known`)
  }
  const length = layout[4 * kind]! + count * layout[4 * kind + 1]!
  if (length % 4 !== 0) {
    throw new AnybpfError('ERR_BTF', `BTF type ${id}: the layout section gives kind ${kind} records of ${length} bytes`)
  }
  if (at + length / 4 > words.length) throw cutShort(id, 'the record that the layout section gives it', length)
  return length / 4
}

/**
 * Names start within the strings. Those that start within another string are read at once, so that what reading them
 * costs is bounded here, and later nothing can fail; all others are read when somebody asks.
 */
class NameChecker {
  private readonly strings: StringTable
  private readonly inBase: number
  private readonly end: number

  constructor(strings: StringTable, inBase: number) {
    this.strings = strings
    this.inBase = inBase
    this.end = inBase + strings.bytes.length
  }

  check(offset: number, id: number): void {
    if (offset < this.end) {
      const own = offset - this.inBase
      if (own <= 0 || this.strings.bytes[own - 1] === 0) return
    } else if (offset === 0) return
    try {
      this.strings.at(offset - this.inBase)
    } catch (cause) {
      if (!(cause instanceof AnybpfError)) throw cause
      throw new AnybpfError(cause.code, `BTF type ${id}: ${cause.message}`, { cause })
    }
  }
}
