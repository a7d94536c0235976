/**
 * BTF as a C header: every definition comes after what it needs, and a compiler that targets BPF gives each type the size
 * and the offsets that it has in BTF.
 *
 * Definitions are structs, unions, enums and typedefs with names. A definition needs the definition of what lies in its
 * values, the declaration of what it points to (`struct s;`), and the typedefs that it mentions; anonymous types are
 * written where they are used.
 * @module
 */
import { AnybpfError } from '../../util/index.ts'
import { BTF_MAX_DEPTH, type Btf } from '../btf.ts'
import { typeError } from '../type-words.ts'
import type { BtfEnum, BtfEnum64, BtfFuncProto, BtfKind, BtfMember, BtfStruct, BtfType, BtfTypeId } from '../types.ts'
import { type CField, type CLayout, layoutStruct, layoutUnion } from './c-layout.ts'
import { NameSpace, toIdentifier } from './c-names.ts'
import { type CScalar, cFloat, cInt } from './c-scalars.ts'

/** Longest chain of definitions that need each other; a kernel has about twenty. */
const MAX_CHAIN = 400
/** Anonymous types are written wherever they are used, so that a small file could become a very large one. */
const MAX_CHARACTERS = 1 << 26
/** Most characters of parameter lists, those within others counted again. */
const MAX_PROTOTYPE_CHARACTERS = 1 << 24

export interface BtfToCOptions {
  /** The types to write, with all that they need; all by default. */
  readonly types?: Iterable<BtfTypeId>
  /** Name of the macro that keeps a header from being read twice. */
  readonly guard?: string
  /** Writes the types alone: no guard, no `preserve_access_index`. */
  readonly bare?: boolean
}

export interface CHeader {
  readonly text: string
  /** The names that types have in C, by id: not always those that they have in BTF. */
  readonly names: ReadonlyMap<BtfTypeId, string>
}

/** The types as a C header. Throws `ERR_BTF` for what C cannot say, `ERR_LIMIT` if it becomes too large. */
export function btfToC(btf: Btf, options: BtfToCOptions = {}): CHeader {
  const writer = new CWriter(btf)
  if (options.types === undefined) writer.all()
  else for (const id of options.types) writer.one(id)
  const body = writer.text()
  if (options.bare) return { text: body, names: writer.names }
  const guard = toIdentifier(options.guard ?? '__VMLINUX_H__')
  const text = `#ifndef ${guard}
#define ${guard}

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

${body}#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif /* ${guard} */
`
  return { text, names: writer.names }
}

/** Kinds that are written where they are used, or not at all. */
const WITHOUT_DEFINITION: ReadonlySet<BtfKind> = new Set([
  ...(['int', 'float', 'ptr', 'array', 'const', 'volatile', 'restrict', 'type_tag', 'func_proto'] as const),
  ...(['func', 'var', 'datasec', 'decl_tag', 'unknown'] as const),
])

function tooLarge(): AnybpfError {
  return new AnybpfError('ERR_LIMIT', 'BTF: its C output becomes too large')
}

/** Bytes. */
interface Extent {
  readonly size: number
  readonly align: number
}

class CWriter {
  readonly names = new Map<BtfTypeId, string>()
  private readonly btf: Btf
  private readonly parts: string[] = []
  private length = 0
  private readonly tags = new NameSpace()
  private readonly identifiers = new NameSpace()
  /** Types whose definition is written, or under way (0). */
  private readonly defined = new Map<BtfTypeId, 0 | 1>()
  private readonly declared = new Set<BtfTypeId>()
  /** Typedefs of which the values are defined, too. */
  private readonly complete = new Set<BtfTypeId>()
  private readonly extents = new Map<BtfTypeId, Extent>()
  private readonly scalars = new Map<BtfTypeId, CScalar>()
  private readonly writtenEnums = new Set<BtfTypeId>()
  /** For which definition the members of an anonymous type were seen to last. */
  private prototypeCharacters = 0
  private readonly required = new Map<BtfTypeId, BtfStruct | undefined>()
  private chain = 0

  constructor(btf: Btf) {
    this.btf = btf
  }

  text(): string {
    return this.parts.join('')
  }

  all(): void {
    const loose: BtfTypeId[] = []
    for (let id = 1; id < this.btf.length; id++) {
      const kind = this.btf.kindOf(id)
      // Most types are of no interest here: they need not be made.
      if (WITHOUT_DEFINITION.has(kind)) continue
      if ((kind === 'enum' || kind === 'enum64') && this.btf.nameOf(id) === '') loose.push(id)
      else this.one(id)
    }
    // Enums without a name, of which nobody makes use: their constants are what matters.
    for (const id of loose) if (!this.writtenEnums.has(id)) this.emit(`${this.enumBody(this.enumOf(id), 0)};\n\n`)
  }

  /** Defines a type that has a name; others are written where they are used. */
  one(id: BtfTypeId): void {
    const type = this.btf.type(id)
    switch (type.kind) {
      case 'struct':
      case 'union':
        if (type.name !== '') this.define(type)
        else this.requireMembers(type, undefined)
        return
      case 'enum':
      case 'enum64':
        if (type.name !== '') this.define(type)
        else if (!this.writtenEnums.has(id)) this.emit(`${this.enumBody(type, 0)};\n\n`)
        return
      case 'typedef':
        this.define(type)
        return
      case 'fwd':
        this.declare(type)
        return
      case 'func':
      case 'var':
      case 'datasec':
      case 'decl_tag':
        return
      default:
        this.require(id, false, undefined)
    }
  }

  private emit(text: string): void {
    this.length += text.length
    if (this.length > MAX_CHARACTERS) throw tooLarge()
    this.parts.push(text)
  }

  // What a definition needs

  /**
   * Sees to what has to be there before an expression of this type: `byValue` where a value of it lies in something.
   * `inside`: the struct that is being defined, which needs no declaration of itself.
   */
  private require(id: BtfTypeId, byValue: boolean, inside: BtfStruct | undefined): void {
    let at = id
    let value = byValue
    for (let depth = 0; depth < BTF_MAX_DEPTH; depth++) {
      const type = this.btf.type(at)
      switch (type.kind) {
        case 'ptr':
          value = false
          at = type.type
          continue
        case 'const':
        case 'volatile':
        case 'restrict':
        case 'type_tag':
          at = type.type
          continue
        case 'array':
          // C wants to know the elements of an array, also where it is pointed to.
          value = true
          at = type.type
          continue
        case 'typedef':
          this.define(type)
          if (!value || this.complete.has(at)) return
          this.complete.add(at)
          at = type.type
          inside = undefined
          continue
        case 'struct':
        case 'union':
          if (type.name === '') this.requireMembers(type, inside)
          else if (value) this.define(type)
          else if (type !== inside) this.declare(type)
          return
        case 'enum':
        case 'enum64':
          if (type.name !== '') this.define(type)
          return
        case 'fwd':
          this.declare(type)
          return
        case 'int':
        case 'float':
          this.scalar(type)
          return
        case 'func_proto':
          this.nested(() => {
            if (this.required.has(type.id) && this.required.get(type.id) === inside) return
            this.required.set(type.id, inside)
            this.require(type.returnType, false, inside)
            for (const param of type.params) this.require(param.type, false, inside)
          }, type)
          return
        default:
          return
      }
    }
    throw typeError(id, this.btf.kindOf(id), this.btf.nameOf(id), `it is nested deeper than ${BTF_MAX_DEPTH}`)
  }

  /** Of an anonymous type, once for each definition that it lies in: types may be nested so that they multiply. */
  private requireMembers(type: BtfStruct, inside: BtfStruct | undefined): void {
    if (this.required.get(type.id) === inside && this.required.has(type.id)) return
    this.required.set(type.id, inside)
    this.nested(() => {
      for (const member of type.members) this.require(member.type, true, inside)
    }, type)
  }

  private nested(work: () => void, type: BtfType): void {
    if (++this.chain > MAX_CHAIN) {
      throw typeError(type.id, type.kind, type.name, `more than ${MAX_CHAIN} definitions need each other`)
    }
    work()
    this.chain--
  }

  /** Writes a definition, after all that it needs. */
  private define(type: BtfType & { kind: 'struct' | 'union' | 'enum' | 'enum64' | 'typedef' }): void {
    const state = this.defined.get(type.id)
    if (state === 1) return
    if (state === 0) throw typeError(type.id, type.kind, type.name, 'C cannot define it: it needs itself to be defined')
    this.defined.set(type.id, 0)
    this.nested(() => {
      if (type.kind === 'typedef') this.require(type.type, false, undefined)
      else if (type.kind === 'struct' || type.kind === 'union') {
        for (const member of type.members) this.require(member.type, true, type)
      }
    }, type)
    switch (type.kind) {
      case 'typedef':
        this.emit(`typedef ${this.declaration(type.type, this.identifier(type), 0)};\n\n`)
        break
      case 'struct':
      case 'union':
        this.emit(`${this.structBody(type, 0)};\n\n`)
        break
      default:
        this.emit(`${this.enumBody(type, 0)};\n\n`)
    }
    this.defined.set(type.id, 1)
  }

  /** Writes `struct s;`, unless the definition is there. */
  private declare(type: BtfType & { kind: 'struct' | 'union' | 'fwd' }): void {
    if (this.defined.get(type.id) === 1 || this.declared.has(type.id)) return
    this.declared.add(type.id)
    this.emit(`${this.tagged(type)};\n\n`)
  }

  // Names

  private tag(type: BtfType): string {
    let name = this.names.get(type.id)
    if (name === undefined) this.names.set(type.id, (name = this.tags.take(type.name)))
    return name
  }

  private identifier(type: BtfType): string {
    let name = this.names.get(type.id)
    if (name === undefined) this.names.set(type.id, (name = this.identifiers.take(type.name)))
    return name
  }

  private tagged(type: BtfType): string {
    const word = type.kind === 'fwd' ? type.target : type.kind === 'enum64' ? 'enum' : type.kind
    return type.name === '' ? word : `${word} ${this.tag(type)}`
  }

  private scalar(type: BtfType & { kind: 'int' | 'float' }): CScalar {
    let known = this.scalars.get(type.id)
    if (known !== undefined) return known
    known = type.kind === 'int' ? cInt(type) : cFloat(type)
    if (known.spelling === undefined) {
      const name = this.identifier(type)
      this.emit(`typedef ${known.definition.replace('@', name)};\n\n`)
      known = { ...known, spelling: name }
    }
    this.scalars.set(type.id, known)
    return known
  }

  // Text

  /** `int (*name)(const char *)`. `level`: how far what it contains is indented. */
  private declaration(id: BtfTypeId, name: string, level: number): string {
    let declarator = name
    let qualifiers: string[] = []
    let at = id
    for (let depth = 0; depth < BTF_MAX_DEPTH; depth++) {
      const type = this.btf.type(at)
      switch (type.kind) {
        case 'const':
        case 'volatile':
        case 'restrict':
          qualifiers.unshift(type.kind)
          at = type.type
          continue
        case 'type_tag':
          qualifiers.unshift(
            type.attribute
              ? `__attribute__((${type.name}))`
              : `__attribute__((btf_type_tag(${JSON.stringify(type.name)})))`,
          )
          at = type.type
          continue
        case 'ptr': {
          const own = qualifiers.length === 0 ? '' : ` ${qualifiers.join(' ')}${declarator === '' ? '' : ' '}`
          declarator = `*${own}${declarator}`
          qualifiers = []
          at = type.type
          continue
        }
        case 'array':
          declarator = `${declarator.startsWith('*') ? `(${declarator})` : declarator}[${type.count}]`
          at = type.type
          continue
        case 'func_proto':
          declarator = `${declarator.startsWith('*') ? `(${declarator})` : declarator}(${this.parameters(type, level)})`
          qualifiers = []
          at = type.returnType
          continue
        default: {
          // Attributes come after the type that they are of.
          const before = [...new Set(qualifiers.filter((one) => !one.startsWith('__attribute__')))]
          const behind = qualifiers.filter((one) => one.startsWith('__attribute__'))
          return [...before, this.base(type, level), ...behind, ...(declarator === '' ? [] : [declarator])].join(' ')
        }
      }
    }
    throw typeError(id, this.btf.kindOf(id), this.btf.nameOf(id), `it is nested deeper than ${BTF_MAX_DEPTH}`)
  }

  private parameters(type: BtfFuncProto, level: number): string {
    if (level > BTF_MAX_DEPTH) throw typeError(type.id, type.kind, '', `it is nested deeper than ${BTF_MAX_DEPTH}`)
    const names = new NameSpace()
    const all = type.params.map((param) => {
      return this.declaration(param.type, param.name === '' ? '' : names.take(param.name), level + 1)
    })
    // `int f()`, which says nothing of parameters, is variadic without any; C wants one before the dots.
    if (type.variadic && all.length > 0) all.push('...')
    const text = all.length === 0 ? 'void' : all.join(', ')
    // Prototypes within prototypes are written anew wherever they are named.
    this.prototypeCharacters += text.length
    if (this.prototypeCharacters > MAX_PROTOTYPE_CHARACTERS) throw tooLarge()
    return text
  }

  private base(type: BtfType, level: number): string {
    switch (type.kind) {
      case 'void':
        return 'void'
      case 'int':
      case 'float':
        return this.scalar(type).spelling!
      case 'typedef':
        return this.identifier(type)
      case 'struct':
      case 'union':
        return type.name === '' ? this.structBody(type, level) : this.tagged(type)
      case 'enum':
      case 'enum64':
        return type.name === '' ? this.enumBody(type, level) : this.tagged(type)
      case 'fwd':
        return this.tagged(type)
      default:
        throw typeError(type.id, type.kind, type.name, 'C has no type of this kind')
    }
  }

  private structBody(type: BtfStruct, level: number): string {
    if (level > BTF_MAX_DEPTH)
      throw typeError(type.id, type.kind, type.name, `it is nested deeper than ${BTF_MAX_DEPTH}`)
    const layout = this.layout(type)
    const indent = '\t'.repeat(level + 1)
    const names = new NameSpace()
    let text = `${this.tagged(type)} {`
    const line = (content: string): void => {
      text += `\n${indent}${content};`
      if (text.length > MAX_CHARACTERS) throw tooLarge()
    }
    type.members.forEach((member, i) => {
      for (const pad of layout.padding[i]!) line(pad)
      const name = member.name === '' ? '' : names.take(member.name)
      if (layout.misplaced.has(i)) {
        text += `\n${indent}/* ${name || '(anonymous)'} at bit ${member.bitOffset}: C cannot put it there */`
        return
      }
      const width = this.field(member).width
      line(`${this.declaration(member.type, name, level + 1)}${width > 0 ? `: ${width}` : ''}`)
    })
    for (const pad of layout.padding[type.members.length]!) line(pad)
    const attributes = [
      ...(layout.packed ? ['packed'] : []),
      ...(layout.aligned > 0 ? [`aligned(${layout.aligned})`] : []),
    ]
    const attribute = attributes.length === 0 ? '' : ` __attribute__((${attributes.join(', ')}))`
    return `${text}${text.endsWith('{') ? '' : `\n${'\t'.repeat(level)}`}}${attribute}`
  }

  private enumOf(id: BtfTypeId): BtfEnum | BtfEnum64 {
    return this.btf.type(id) as BtfEnum | BtfEnum64
  }

  private enumBody(type: BtfEnum | BtfEnum64, level: number): string {
    this.writtenEnums.add(type.id)
    if (type.values.length === 0) return this.tagged(type)
    const indent = '\t'.repeat(level + 1)
    const suffix = type.kind === 'enum64' ? (type.signed ? 'LL' : 'ULL') : ''
    let text = `${this.tagged(type)} {`
    let narrow = true
    for (const { name, value } of type.values) {
      // The least of all has no literal of its own: its minus would be applied to what is too large.
      const literal = value === -(2n ** 63n) ? '-9223372036854775807LL - 1' : `${value}${suffix}`
      text += `\n${indent}${this.identifiers.take(name)} = ${literal},`
      if (value < -(2 ** 31) || value > (type.signed ? 2 ** 31 - 1 : 2 ** 32 - 1)) narrow = false
    }
    const natural = narrow ? 4 : 8
    const mode = type.size === natural ? undefined : { 1: 'byte', 2: 'HI', 4: 'SI', 8: 'word' }[type.size]
    return `${text}\n${'\t'.repeat(level)}}${mode === undefined ? '' : ` __attribute__((mode(${mode})))`}`
  }

  // Sizes, as the compiler will have them

  private layout(type: BtfStruct): CLayout {
    const fields = type.members.map((member) => this.field(member))
    const layout = type.kind === 'struct' ? layoutStruct(fields, type.size) : layoutUnion(fields, type.size)
    this.extents.set(type.id, { size: type.size, align: layout.align })
    return layout
  }

  private field(member: BtfMember): CField {
    const { size, align } = this.extent(member.type)
    let { bitOffset: offset, bitSize: width } = member
    if (width === 0) {
      // Before kind_flag existed, a bit field was an integer type with fewer bits than its size.
      const type = this.btf.resolve(member.type)
      if (type.kind === 'int' && type.bits < 8 * type.size) {
        width = type.bits
        offset += type.offset
      }
    }
    return { offset, width, size: 8 * size, align: 8 * align }
  }

  private extent(id: BtfTypeId): Extent {
    let count = 1
    let at = id
    for (let depth = 0; depth < BTF_MAX_DEPTH; depth++) {
      const type = this.btf.resolve(at)
      switch (type.kind) {
        case 'array':
          count *= type.count
          at = type.type
          continue
        case 'ptr':
          return { size: 8 * count, align: 8 }
        case 'int':
        case 'float': {
          const { size, align } = this.scalar(type)
          return { size: size * count, align: Math.max(1, align) }
        }
        case 'enum':
        case 'enum64':
          return { size: type.size * count, align: Math.max(1, type.size) }
        case 'struct':
        case 'union': {
          if (!this.extents.has(type.id)) this.layout(type)
          const { size, align } = this.extents.get(type.id)!
          return { size: size * count, align }
        }
        default:
          return { size: 0, align: 1 }
      }
    }
    throw typeError(id, this.btf.kindOf(id), this.btf.nameOf(id), `it is nested deeper than ${BTF_MAX_DEPTH}`)
  }
}
