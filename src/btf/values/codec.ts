/**
 * Codecs: bytes of any BTF type from and to JavaScript values.
 *
 * | type | JavaScript | encoding takes also |
 * |---|---|---|
 * | integer up to 32 bits (`__be16`, `__be32` too: the bytes as this order reads them) | number | bigint, boolean, `"42"`, `"0x2a"`, `"10.0.0.1"` for 4 bytes |
 * | 64- and 128-bit integer, pointer | bigint | number, text |
 * | `bool` | boolean | 0, 1 |
 * | enum | name, or number if there is none | number |
 * | `char[n]` | string up to NUL if that is text, else `Uint8Array` | bytes |
 * | `unsigned char[n]` | `Uint8Array` | array of numbers, hexadecimal text, IPv4 address |
 * | array | array | |
 * | struct | object; members of anonymous parts are its own | missing members are zero |
 * | union | object with every member's view | one member, or several that agree |
 * | datasec | object by variable | |
 *
 * A codec is compiled once, to closures; its work is bounded whatever the type graph says.
 * @see https://docs.kernel.org/bpf/btf.html
 * @module
 */

import { bytesEqual } from '../../util/bytes.ts'
import { AnybpfError } from '../../util/errors.ts'
import type { Btf } from '../btf.ts'
import type { BtfMember, BtfStruct, BtfTypeId } from '../types.ts'
import { type CodecNode, type Cursor, createCursor, formatPath, mismatch } from './codec-node.ts'
import {
  type BitFieldType,
  bitFieldNode,
  boolNode,
  bytesNode,
  enumNode,
  floatNode,
  integerNode,
  textNode,
  untypedNode,
  wideIntegerNode,
} from './codec-scalars.ts'

/** Deepest nesting of arrays and structs. */
const MAX_DEPTH = 64
/** Leaves that one value may have. */
const MAX_LEAVES = 1 << 24
const MAX_NAMES = 100_000
/** Largest value. */
const MAX_BYTES = 2 ** 28

export interface Codec {
  /** Bytes of an encoded value. */
  readonly size: number
  /** The BTF type whose values these are; neither this nor `fields`: the codec goes by the size alone. */
  readonly type?: BtfTypeId
  /** Of a record of variables: what its members are. */
  readonly fields?: readonly RecordField[]
  /** Throws ERR_FORMAT if there are fewer than `size` bytes. More are the elements of a flexible array, or ignored. */
  decode(bytes: Uint8Array): unknown
  /** Throws ERR_USAGE, with the path to what does not fit. */
  encode(value: unknown): Uint8Array
}

export interface CodecOptions {
  /** What messages call the value: `flows.key`. */
  readonly name?: string
}

/** The codec of a BTF type. Throws ERR_BTF for what has no values (void, functions, declarations) or is malformed. */
export function createCodec(btf: Btf, type: BtfTypeId, options: CodecOptions = {}): Codec {
  const compiler = new CodecCompiler(btf)
  const node = compiler.compile(type, 0)
  return { ...makeCodec(node, options.name ?? '', compiler.tail(type)), type }
}

/** A named value somewhere in a block of memory. */
export interface RecordField {
  readonly name: string
  /** Bytes from the start. */
  readonly offset: number
  readonly type: BtfTypeId
}

/** The codec of `size` bytes in which these fields lie: the variables of a data section. */
export function createRecordCodec(
  btf: Btf,
  fields: readonly RecordField[],
  size: number,
  options: CodecOptions = {},
): Codec {
  const compiler = new CodecCompiler(btf)
  const parts = fields.map(({ name, offset, type }) => part(name, offset, compiler.compile(type, 1)))
  return { ...makeCodec(checkedStruct(parts, size, false, options.name ?? 'the record'), options.name ?? ''), fields }
}

/** Without type information: 1, 2, 4 and 8 bytes are an unsigned little-endian integer, other sizes bytes. */
export function createUntypedCodec(size: number, options: CodecOptions = {}): Codec {
  return makeCodec(untypedNode(size, true), options.name ?? '')
}

/** The flexible array at the end of a struct. */
interface Tail {
  readonly name: string
  readonly element: CodecNode
  /** Makes the node of a given number of elements. */
  readonly array: (count: number) => CodecNode
}

function makeCodec(node: CodecNode, name: string, tail?: Tail): Codec {
  if (node.cost > MAX_LEAVES || node.size > MAX_BYTES) {
    throw new AnybpfError('ERR_LIMIT', `${name || 'type'}: a value of ${node.size} bytes in too many parts`)
  }
  const { size } = node
  const decode = (bytes: Uint8Array): unknown => {
    if (bytes.length < size) {
      throw new AnybpfError('ERR_FORMAT', `${name || 'value'}: ${bytes.length} bytes, the type has ${size}`)
    }
    const cursor = createCursor(bytes, name)
    const value = node.decode(cursor, 0)
    if (tail !== undefined && bytes.length > size) {
      const count = tail.element.size === 0 ? 0 : Math.floor((bytes.length - size) / tail.element.size)
      define(value as object, tail.name, tail.array(count).decode(cursor, size))
    }
    return value
  }
  const encode = (value: unknown): Uint8Array => {
    const bytes = new Uint8Array(size)
    const cursor = createCursor(bytes, name)
    node.encode(cursor, 0, value)
    return bytes
  }
  return { size, decode, encode }
}

/** A visible member of a struct, or an anonymous part whose members are the struct's own. */
interface Part {
  /** `''`: anonymous. */
  readonly name: string
  readonly offset: number
  readonly node: CodecNode
  /** Names that are visible through an anonymous part. */
  readonly names: readonly string[]
}

interface StructNode extends CodecNode {
  readonly names: readonly string[]
  /** Adds the members to an object that is there already. */
  decodeInto(cursor: Cursor, at: number, target: object): void
  /** Writes the members that `value` has, and pays no attention to others. */
  encodeFrom(cursor: Cursor, at: number, value: object): void
}

function isStructNode(node: CodecNode): node is StructNode {
  return 'encodeFrom' in node
}

function part(name: string, offset: number, node: CodecNode): Part {
  return { name, offset, node, names: name === '' && isStructNode(node) ? node.names : [name] }
}

/** A name from a file is only a name: `__proto__` is a member like any other. */
function define(target: object, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(target, name, { value, enumerable: true, writable: true, configurable: true })
  } else {
    ;(target as Record<string, unknown>)[name] = value
  }
}

/** Members must lie in their struct: this is what keeps reads and writes inside the value. */
function checkedStruct(parts: readonly Part[], size: number, union: boolean, what: string): StructNode {
  let names = 0
  let leaves = 0
  for (const member of parts) {
    if (!(member.offset + member.node.size <= size)) {
      throw new AnybpfError('ERR_BTF', `member ${member.name || '(anonymous)'} lies outside ${what}`)
    }
    names += member.names.length
    leaves += member.node.cost
  }
  if (leaves > MAX_LEAVES || names > MAX_NAMES) throw new AnybpfError('ERR_LIMIT', `${what} has too many members`)
  return structNode(parts, size, union)
}

function structNode(parts: readonly Part[], size: number, union: boolean): StructNode {
  const names = parts.flatMap((member) => member.names)
  const known = new Set(names)
  const node: StructNode = {
    size,
    names,
    cost: parts.reduce((sum, { node: { cost } }) => sum + cost, 1),
    decode(cursor, at) {
      const value = {}
      node.decodeInto(cursor, at, value)
      return value
    },
    decodeInto(cursor, at, target) {
      for (const { name, offset, node: inner } of parts) {
        if (name === '' && isStructNode(inner)) inner.decodeInto(cursor, at + offset, target)
        else define(target, name, inner.decode(cursor, at + offset))
      }
    },
    encode(cursor, at, value) {
      if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
        if (!(value instanceof Uint8Array) || value.length !== size)
          throw mismatch(cursor, `an object with ${membersOf(names)}`, value)
        cursor.bytes.set(value, at)
        return
      }
      for (const name of Object.keys(value)) {
        if (known.has(name)) continue
        throw new AnybpfError(
          'ERR_USAGE',
          `${formatPath([...cursor.path, name])}: no such member; there are ${membersOf(names)}`,
        )
      }
      node.encodeFrom(cursor, at, value)
    },
    encodeFrom(cursor, at, value) {
      const given = parts.filter((member) => member.names.some((name) => Object.hasOwn(value, name)))
      const written: { member: Part; bytes: Uint8Array }[] = []
      for (const member of given) {
        const { name, offset, node: inner } = member
        if (name === '' && isStructNode(inner)) {
          inner.encodeFrom(cursor, at + offset, value)
        } else {
          cursor.path.push(name)
          inner.encode(cursor, at + offset, (value as Record<string, unknown>)[name])
          cursor.path.pop()
        }
        if (!union || given.length === 1) continue
        const end = at + offset + inner.size
        for (const earlier of written) {
          const shared = Math.min(earlier.bytes.length, inner.size)
          if (bytesEqual(earlier.bytes.subarray(0, shared), cursor.bytes.subarray(at + offset, at + offset + shared))) {
            continue
          }
          const [a, b] = [earlier.member.names.join('/'), member.names.join('/')]
          throw new AnybpfError(
            'ERR_USAGE',
            `${formatPath(cursor.path)}: members ${a} and ${b} of a union say different things: give one`,
          )
        }
        written.push({ member, bytes: cursor.bytes.slice(at + offset, end) })
      }
    },
  }
  return node
}

function arrayNode(element: CodecNode, count: number): CodecNode {
  return {
    size: element.size * count,
    cost: 1 + element.cost * count,
    decode(cursor, at) {
      const values = new Array<unknown>(count)
      for (let i = 0; i < count; i++) values[i] = element.decode(cursor, at + i * element.size)
      return values
    },
    encode(cursor, at, value) {
      const typed = ArrayBuffer.isView(value) && !(value instanceof DataView)
      if (!Array.isArray(value) && !typed) throw mismatch(cursor, `an array of ${count}`, value)
      const values = value as unknown as ArrayLike<unknown>
      if (values.length !== count) throw mismatch(cursor, `an array of ${count}`, value)
      for (let i = 0; i < count; i++) {
        cursor.path.push(i)
        element.encode(cursor, at + i * element.size, values[i])
        cursor.path.pop()
      }
    },
  }
}

class CodecCompiler {
  private readonly btf: Btf
  private readonly little: boolean
  /** `undefined` while a type is being compiled: meeting it again is a cycle. */
  private readonly nodes = new Map<BtfTypeId, CodecNode | undefined>()

  constructor(btf: Btf) {
    this.btf = btf
    this.little = btf.byteOrder === 'little'
  }

  compile(id: BtfTypeId, depth: number): CodecNode {
    if (depth > MAX_DEPTH) throw new AnybpfError('ERR_BTF', `BTF type ${id} is nested deeper than ${MAX_DEPTH}`)
    const known = this.nodes.get(id)
    if (known !== undefined) return known
    if (this.nodes.has(id))
      throw new AnybpfError('ERR_BTF', `BTF type ${id} (${this.btf.describe(id)}) contains itself`)
    this.nodes.set(id, undefined)
    const node = this.make(id, depth)
    this.nodes.set(id, node)
    return node
  }

  /** The flexible array with which a struct ends, if it does. */
  tail(id: BtfTypeId): Tail | undefined {
    const type = this.btf.resolve(id)
    if (type.kind !== 'struct') return undefined
    const last = type.members.at(-1)
    if (last === undefined || last.name === '' || last.bitOffset !== 8 * type.size) return undefined
    const array = this.btf.resolve(last.type)
    if (array.kind !== 'array' || array.count !== 0) return undefined
    const element = this.compile(array.type, 1)
    return { name: last.name, element, array: (count) => this.array(array.type, count, 1) }
  }

  private make(id: BtfTypeId, depth: number): CodecNode {
    const { little } = this
    const type = this.btf.resolve(id)
    switch (type.kind) {
      case 'int': {
        const { size, bits, offset, signed, bool } = type
        if (size === 16) return wideIntegerNode(signed, little)
        if (bits < 8 * size) return widened(bitFieldNode(offset, this.width(id, bits), type, little), size)
        if (bool) return boolNode(this.scalarSize(id, size), little)
        return integerNode(this.scalarSize(id, size), signed, little)
      }
      case 'enum':
      case 'enum64':
        return enumNode(integerNode(this.scalarSize(id, type.size), type.signed, little), type.values)
      case 'float':
        if (type.size !== 4 && type.size !== 8) break
        return floatNode(type.size, little)
      case 'ptr':
        return integerNode(this.btf.pointerSize, false, little)
      case 'array':
        return this.array(type.type, type.count, depth + 1)
      case 'struct':
      case 'union':
        return this.struct(type, depth + 1)
      case 'datasec': {
        const parts = type.variables.map(({ type: variable, offset }) => {
          return part(this.btf.type(variable).name, offset, this.compile(variable, depth + 1))
        })
        return checkedStruct(parts, type.size, false, this.btf.describe(id))
      }
      default:
        break
    }
    throw new AnybpfError('ERR_BTF', `values of BTF type ${id} (${this.btf.describe(id)}) cannot be read or written`)
  }

  private array(elementType: BtfTypeId, count: number, depth: number): CodecNode {
    const type = this.btf.resolve(elementType)
    if (type.kind === 'int' && type.size === 1 && type.bits === 8 && !type.bool) {
      if (type.char || type.name === 'char') return textNode(count)
      if (!type.signed) return bytesNode(count)
    }
    return arrayNode(this.compile(elementType, depth), count)
  }

  private struct(type: BtfStruct, depth: number): CodecNode {
    const parts: Part[] = []
    for (const member of type.members) {
      if (member.name === '' && member.bitSize > 0) continue
      const node = this.member(member, depth)
      // An anonymous member that is no struct or union is padding.
      if (member.name === '' && !isStructNode(node)) continue
      parts.push(part(member.name, member.bitOffset >> 3, node))
    }
    return checkedStruct(parts, type.size, type.kind === 'union', this.btf.describe(type.id))
  }

  private member(member: BtfMember, depth: number): CodecNode {
    const type = this.btf.resolve(member.type)
    const bitField = member.bitSize > 0
    if (!bitField && (member.bitOffset & 7) === 0) return this.compile(member.type, depth)
    // Before kind_flag existed, a bit field was an int type with fewer bits than its size.
    const bits = bitField ? member.bitSize : type.kind === 'int' ? type.bits : 0
    const offset = (member.bitOffset & 7) + (!bitField && type.kind === 'int' ? type.offset : 0)
    const width = this.width(member.type, bits)
    if (type.kind === 'int') return bitFieldNode(offset, width, type, this.little)
    if (type.kind === 'enum' || type.kind === 'enum64') {
      const field: BitFieldType = { signed: type.signed, bool: false, names: type.values }
      return bitFieldNode(offset, width, field, this.little)
    }
    throw new AnybpfError('ERR_BTF', `member ${member.name}: a bit field of type ${this.btf.describe(member.type)}`)
  }

  private scalarSize(id: BtfTypeId, size: number): 1 | 2 | 4 | 8 {
    if (size === 1 || size === 2 || size === 4 || size === 8) return size
    throw new AnybpfError('ERR_BTF', `${this.btf.describe(id)} has ${size} bytes`)
  }

  private width(id: BtfTypeId, bits: number): number {
    if (bits >= 1 && bits <= 64) return bits
    throw new AnybpfError('ERR_BTF', `${this.btf.describe(id)} as a bit field of ${bits} bits`)
  }
}

/** A bit field as a type of its own takes the bytes of its type. */
function widened(node: CodecNode, size: number): CodecNode {
  if (node.size > size) throw new AnybpfError('ERR_BTF', `a bit field that ends after its ${size} bytes`)
  return { size, cost: 1, decode: node.decode, encode: node.encode }
}

const MAX_MEMBERS_TOLD = 12

function membersOf(names: readonly string[]): string {
  return names.slice(0, MAX_MEMBERS_TOLD).join(', ') + (names.length > MAX_MEMBERS_TOLD ? ', …' : '')
}
