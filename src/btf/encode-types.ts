/**
 * Types as words of a type section: the reverse of `TypeWords.type`.
 * @see https://docs.kernel.org/bpf/btf.html#type-encoding
 * @module
 */
import { AnybpfError, isAnybpfError, quoteName } from '../util/index.ts'
import { BTF_KIND_NUMBERS, INFO_KIND_SHIFT, INFO_VLEN_MASK } from './kinds.ts'
import { bytesToWords, LINKAGES, typeError } from './type-words.ts'
import type { BtfMember, BtfStruct, BtfType } from './types.ts'

/** Words, and where in them each type starts; one start more than there are types. */
export interface EncodedTypes {
  readonly words: Uint32Array
  readonly starts: Uint32Array
}

/**
 * Encodes types, in order. `nameOffset` gives the offset of a string. Throws `ERR_BTF` for what the encoding has no
 * room for.
 */
export function encodeTypes(
  types: readonly BtfType[],
  nameOffset: (name: string) => number,
  little: boolean,
): EncodedTypes {
  const encoder = new TypeEncoder(nameOffset, little)
  const starts = new Uint32Array(types.length + 1)
  types.forEach((type, i) => {
    starts[i] = encoder.length
    try {
      encoder.type(type)
    } catch (error) {
      if (isAnybpfError(error)) throw error
      // Made by hand, without types: a name that is null, members that are no list.
      throw new AnybpfError('ERR_BTF', `BTF type at place ${i}: not made as a type is`, { cause: error })
    }
  })
  starts[types.length] = encoder.length
  return { words: encoder.words.slice(0, encoder.length), starts }
}

class TypeEncoder {
  words = new Uint32Array(1024)
  length = 0
  private readonly nameOffset: (name: string) => number
  private readonly little: boolean

  constructor(nameOffset: (name: string) => number, little: boolean) {
    this.nameOffset = nameOffset
    this.little = little
  }

  type(type: BtfType): void {
    switch (type.kind) {
      case 'int':
        this.header(type, 0, false, type.size)
        if (type.bits > 0xff || type.offset > 0xff) fail(type, `${type.bits} bits at bit ${type.offset}`)
        this.push(
          ((type.signed ? 0x1000000 : 0) | (type.char ? 0x2000000 : 0) | (type.bool ? 0x4000000 : 0)) +
            (type.offset << 16) +
            type.bits,
        )
        return
      case 'ptr':
      case 'typedef':
      case 'volatile':
      case 'const':
      case 'restrict':
        this.header(type, 0, false, type.type)
        return
      case 'type_tag':
        this.header(type, 0, type.attribute, type.type)
        return
      case 'array':
        this.header(type, 0, false, 0)
        for (const word of [type.type, type.indexType, type.count]) this.word(type, word, 'type or count')
        return
      case 'struct':
      case 'union':
        this.header(type, type.members.length, type.kindFlag, type.size)
        for (const member of type.members) this.member(type, member)
        return
      case 'enum':
        this.header(type, type.values.length, type.signed, type.size)
        for (const { name, value } of type.values) {
          const fits = type.signed ? value === (value | 0) : value === value >>> 0
          if (!fits) fail(type, `${quoteName(name)} is ${value}, which 32 bits do not hold`)
          this.push(this.nameOffset(name))
          this.push(value >>> 0)
        }
        return
      case 'enum64':
        this.header(type, type.values.length, type.signed, type.size)
        for (const { name, value } of type.values) {
          if (value !== (type.signed ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value))) {
            fail(type, `${quoteName(name)} is ${value}, which 64 bits do not hold`)
          }
          this.push(this.nameOffset(name))
          this.push(Number(BigInt.asUintN(32, value)))
          this.push(Number(BigInt.asUintN(32, value >> 32n)))
        }
        return
      case 'fwd':
        this.header(type, 0, type.target === 'union', 0)
        return
      case 'func':
        this.header(type, this.linkage(type, type.linkage), false, type.type)
        return
      case 'func_proto':
        this.header(type, type.params.length + (type.variadic ? 1 : 0), false, type.returnType)
        for (const { name, type: id } of type.params) {
          this.push(this.nameOffset(name))
          this.word(type, id, 'type of a parameter')
        }
        if (type.variadic) {
          this.push(0)
          this.push(0)
        }
        return
      case 'var':
        this.header(type, 0, false, type.type)
        this.push(this.linkage(type, type.linkage))
        return
      case 'datasec':
        this.header(type, type.variables.length, false, type.size)
        for (const { type: id, offset, size } of type.variables) {
          this.word(type, id, 'variable')
          this.word(type, offset, 'offset of a variable')
          this.word(type, size, 'size of a variable')
        }
        return
      case 'float':
        this.header(type, 0, false, type.size)
        return
      case 'decl_tag':
        this.header(type, 0, type.attribute, type.type)
        this.word(type, type.componentIndex === -1 ? 0xffffffff : type.componentIndex, 'component index')
        return
      case 'unknown':
        this.header(type, type.count, type.kindFlag, type.sizeOrType, type.kindNumber)
        if (type.data.length % 4 !== 0) fail(type, `its record has ${type.data.length} bytes`)
        for (const word of bytesToWords(type.data, this.little)) this.push(word)
        return
      case 'void':
        // Made by hand, in another's place: what has no values.
        this.header(type, 0, false, 0)
    }
  }

  private header(
    type: BtfType,
    vlen: number,
    flag: boolean,
    third: number,
    number = BTF_KIND_NUMBERS[type.kind],
  ): void {
    if (vlen > INFO_VLEN_MASK) fail(type, `${vlen} elements are more than vlen holds`)
    this.push(this.nameOffset(type.name))
    this.push(((flag ? 0x80000000 : 0) | (number << INFO_KIND_SHIFT) | vlen) >>> 0)
    this.word(type, third, 'size or type')
  }

  private member(struct: BtfStruct, { name, type, bitOffset, bitSize }: BtfMember): void {
    if (struct.kindFlag ? bitOffset > 0xffffff || bitSize > 0xff : bitSize !== 0 || bitOffset > 0xffffffff) {
      const why = struct.kindFlag ? 'is more than the encoding holds' : 'needs kindFlag'
      fail(struct, `member ${quoteName(name)} of ${bitSize} bits at bit ${bitOffset} ${why}`)
    }
    this.push(this.nameOffset(name))
    this.word(struct, type, 'type of a member')
    this.push(struct.kindFlag ? ((bitSize << 24) | bitOffset) >>> 0 : bitOffset)
  }

  private linkage(type: BtfType, linkage: string): number {
    const number = LINKAGES.indexOf(linkage as (typeof LINKAGES)[number])
    return number < 0 ? fail(type, `linkage ${quoteName(linkage)} is not known`) : number
  }

  private word(type: BtfType, value: number, what: string): void {
    if (value !== value >>> 0) fail(type, `${what} ${value} is no unsigned number of 32 bits`)
    this.push(value)
  }

  private push(word: number): void {
    if (this.length === this.words.length) {
      const grown = new Uint32Array(2 * this.length)
      grown.set(this.words)
      this.words = grown
    }
    this.words[this.length++] = word
  }
}

function fail(type: BtfType, what: string): never {
  throw typeError(type.id, type.kind, type.name, what)
}
