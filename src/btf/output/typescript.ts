/**
 * BTF as TypeScript: for each type the JavaScript value that `createCodec` makes of its bytes.
 * @module
 */
import { AnybpfError } from '../../util/index.ts'
import { BTF_MAX_DEPTH, type Btf } from '../btf.ts'
import { typeError } from '../type-words.ts'
import type { BtfArray, BtfMember, BtfStruct, BtfType, BtfTypeId } from '../types.ts'

/** Anonymous types are written wherever they are used. */
const MAX_CHARACTERS = 1 << 26
/** Of one struct, with those of its anonymous parts. */
const MAX_MEMBERS = 1 << 20

export interface BtfToTypeScriptOptions {
  /** The types to write, with all that lies in their values; all that have names by default. */
  readonly types?: Iterable<BtfTypeId>
}

export interface TypeScriptTypes {
  readonly text: string
  /** The names that types have in TypeScript, by id. */
  readonly names: ReadonlyMap<BtfTypeId, string>
  /** By the ids that were given as `types`, what a value's type is called: a name, or `number`, `event[]` … */
  readonly expressions: ReadonlyMap<BtfTypeId, string>
}

/** Interfaces, unions of literals and aliases. Throws `ERR_BTF` for types nested too deep, `ERR_LIMIT` if it becomes too large. */
export function btfToTypeScript(btf: Btf, options: BtfToTypeScriptOptions = {}): TypeScriptTypes {
  const writer = new TypeScriptWriter(btf)
  const expressions = new Map<BtfTypeId, string>()
  if (options.types === undefined) {
    for (let id = 1; id < btf.length; id++) {
      if (NAMED.has(btf.kindOf(id)) && btf.nameOf(id) !== '') writer.expression(id, 0)
    }
  } else {
    for (const id of options.types) expressions.set(id, writer.expression(id, 0))
  }
  return { text: writer.write(), names: writer.names, expressions }
}

const NAMED: ReadonlySet<string> = new Set(['struct', 'union', 'enum', 'enum64', 'typedef'])

/** Words of TypeScript that no type may be called. */
const RESERVED: ReadonlySet<string> = new Set(
  (
    'any unknown never void null undefined boolean number string symbol object bigint this true false ' +
    'break case catch class const continue debugger default delete do else enum export extends finally for function if ' +
    'import in instanceof new return super switch throw try typeof var while with as implements interface let package ' +
    'private protected public static yield await async of type Uint8Array'
  ).split(' '),
)

const IDENTIFIER = /^[A-Za-z_$][A-Za-z0-9_$]*$/

export function propertyName(name: string): string {
  return IDENTIFIER.test(name) ? name : quoted(name)
}

function tooLarge(): AnybpfError {
  return new AnybpfError('ERR_LIMIT', 'BTF: its TypeScript output becomes too large')
}

class TypeScriptWriter {
  readonly names = new Map<BtfTypeId, string>()
  private readonly btf: Btf
  private readonly used = new Set<string>(RESERVED)
  /** Types whose definition is still to be written; those behind `written` are. */
  private readonly queue: BtfTypeId[] = []
  private length = 0
  private seen = 0

  constructor(btf: Btf) {
    this.btf = btf
  }

  /** All definitions that expressions so far have asked for, and those that these ask for. */
  write(): string {
    const parts: string[] = []
    for (let i = 0; i < this.queue.length; i++) {
      const text = this.definition(this.btf.type(this.queue[i]!))
      this.length += text.length
      if (this.length > MAX_CHARACTERS) throw tooLarge()
      parts.push(text)
    }
    return parts.join('\n')
  }

  /** The type of a value; what it names is going to be defined. */
  expression(id: BtfTypeId, level: number): string {
    if (level > BTF_MAX_DEPTH) throw typeError(id, this.btf.kindOf(id), this.btf.nameOf(id), 'it is nested too deep')
    const type = this.skipQualifiers(id)
    switch (type.kind) {
      case 'int':
        return type.bool && type.bits === 8 * type.size
          ? 'boolean'
          : type.bits > 32 || type.size > 4
            ? 'bigint'
            : 'number'
      case 'float':
        return 'number'
      case 'ptr':
        return 'bigint'
      case 'array':
        return this.array(type, level)
      case 'typedef': {
        // `typedef struct s s;` is one type in TypeScript.
        const target = this.skipQualifiers(type.type)
        return target.name === type.name && NAMED.has(target.kind)
          ? this.expression(target.id, level)
          : this.named(type)
      }
      case 'struct':
      case 'union':
        return type.name === '' ? this.inline(type, level) : this.named(type)
      case 'enum':
      case 'enum64':
        return type.name === '' ? this.literals(type) : this.named(type)
      default:
        return 'unknown'
    }
  }

  private skipQualifiers(id: BtfTypeId): BtfType {
    let type = this.btf.type(id)
    for (let depth = 0; depth < BTF_MAX_DEPTH; depth++) {
      switch (type.kind) {
        case 'const':
        case 'volatile':
        case 'restrict':
        case 'type_tag':
        case 'var':
          type = this.btf.type(type.type)
          continue
        default:
          return type
      }
    }
    throw typeError(id, this.btf.kindOf(id), this.btf.nameOf(id), 'it is nested too deep')
  }

  private named(type: BtfType): string {
    let name = this.names.get(type.id)
    if (name !== undefined) return name
    const wanted = IDENTIFIER.test(type.name)
      ? type.name
      : type.name.replace(/[^A-Za-z0-9_$]+/g, '_').replace(/^(?=\d|$)/, '_')
    name = wanted
    for (let i = 2; this.used.has(name); i++) name = `${wanted}_${i}`
    this.used.add(name)
    this.names.set(type.id, name)
    this.queue.push(type.id)
    return name
  }

  private definition(type: BtfType): string {
    const name = this.names.get(type.id)!
    switch (type.kind) {
      case 'struct':
      case 'union':
        return `/** \`${type.kind} ${comment(type.name)}\`, ${type.size} bytes. */\nexport interface ${name} ${this.inline(type, 0)}\n`
      case 'enum':
      case 'enum64':
        return `/** \`enum ${comment(type.name)}\`, ${type.size} bytes. */\nexport type ${name} = ${this.literals(type)}\n`
      case 'typedef':
        return `export type ${name} = ${this.expression(type.type, 0)}\n`
      default:
        return ''
    }
  }

  /** Values have their names; one that has none, and one in a bit field that is wider than its names, is a number. */
  private literals(type: BtfType & { kind: 'enum' | 'enum64' }): string {
    const names = new Set(type.values.map((value) => quoted(value.name)))
    return [...names, type.size > 4 ? 'bigint' : 'number'].join(' | ')
  }

  private array(type: BtfArray, level: number): string {
    const element = this.btf.resolve(type.type)
    if (element.kind === 'int' && element.size === 1 && element.bits === 8 && !element.bool) {
      if (element.char || element.name === 'char') return 'string | Uint8Array'
      if (!element.signed) return 'Uint8Array'
    }
    const text = this.expression(type.type, level + 1)
    return /[ |]/.test(text) && !text.startsWith('{') ? `(${text})[]` : `${text}[]`
  }

  private inline(type: BtfStruct, level: number): string {
    const indent = '  '.repeat(level + 1)
    let text = '{'
    this.seen = 0
    const members = this.members(type, new Map(), 0)
    if (members.size === 0) return '{}'
    for (const [name, { member, offset }] of members) {
      const expression = this.memberType(member, level + 1)
      const bits = member.bitSize > 0 ? `, ${member.bitSize} bits` : ''
      const place = offset % 8 === 0 ? `${offset / 8}` : `${Math.floor(offset / 8)}, bit ${offset % 8}`
      text += `\n${indent}/** \`${comment(this.btf.describe(member.type))}\` at ${place}${bits}. */`
      text += `\n${indent}${propertyName(name)}: ${expression}`
      if (text.length > MAX_CHARACTERS) throw tooLarge()
    }
    return `${text}\n${'  '.repeat(level)}}`
  }

  /** Those of anonymous parts are the struct's own. */
  private members(
    type: BtfStruct,
    all: Map<string, { member: BtfMember; offset: number }>,
    from: number,
    depth = 0,
  ): Map<string, { member: BtfMember; offset: number }> {
    if (depth > BTF_MAX_DEPTH) throw typeError(type.id, type.kind, type.name, 'it is nested too deep')
    for (const member of type.members) {
      if (++this.seen > MAX_MEMBERS) throw tooLarge()
      const offset = from + member.bitOffset
      if (member.name !== '') {
        if (!all.has(member.name)) all.set(member.name, { member, offset })
        continue
      }
      const inner = this.btf.resolve(member.type)
      if (inner.kind === 'struct' || inner.kind === 'union') this.members(inner, all, offset, depth + 1)
    }
    return all
  }

  private memberType(member: BtfMember, level: number): string {
    const type = member.bitSize > 0 ? this.btf.resolve(member.type) : undefined
    if (type === undefined) return this.expression(member.type, level)
    if (type.kind === 'int') return type.bool ? 'boolean' : member.bitSize > 32 ? 'bigint' : 'number'
    const text = this.expression(member.type, level)
    // The numbers of an enum's bit field are those of its width.
    return 'size' in type && type.size > 4 && member.bitSize <= 32 ? `${text} | number` : text
  }
}

/** A literal that no editor shows as another one: what is not seen, or turns the direction of text, is escaped. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (character) =>
    [...Array(character.length).keys()]
      .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
      .join(''),
  )
}

/** Text that ends no comment, and hides nothing. */
function comment(text: string): string {
  return text.replaceAll('*/', '*\\/').replace(/[\p{Cc}\p{Cf}\u2028\u2029`]/gu, '?')
}
