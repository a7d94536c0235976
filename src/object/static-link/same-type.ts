/**
 * Whether two files mean the same by a name: the rules by which libbpf's linker compares the types of a symbol.
 *
 * Qualifiers, typedefs, lengths of arrays, encodings of integers, values of enums and names of parameters do not count.
 * Structs are compared member by member where they are held by value, and by name alone behind a pointer, where a forward
 * declaration will do for the whole type.
 * @see https://docs.kernel.org/bpf/libbpf/libbpf_overview.html
 * @module
 */
import type { Btf, BtfStruct, BtfType, BtfTypeId } from '../../btf/index.ts'
import { AnybpfError, quoteName } from '../../util/index.ts'
import type { MapSpec } from '../spec.ts'
import type { InputFile } from './link-input.ts'

export interface TypeOfFile {
  readonly file: InputFile
  /** A `var` or `func`. */
  readonly id: BtfTypeId
}

/** Pairs of types that two files have in common; those of real ones have some thousands. */
const MAX_PAIRS = 1_000_000

interface Pair {
  readonly a: BtfTypeId
  readonly b: BtfTypeId
  /** Behind a pointer, the name of a struct is enough. */
  readonly exact: boolean
}

const MAP_FIELDS = [
  ['type', 'type'],
  ['keySize', 'key size'],
  ['valueSize', 'value size'],
  ['maxEntries', 'max_entries'],
  ['flags', 'map_flags'],
  ['numaNode', 'numa_node'],
  ['pinning', 'pinning'],
  ['mapExtra', 'map_extra'],
] as const satisfies readonly (readonly [keyof MapSpec, string])[]

const MAP_TYPES = [
  ['btfKeyType', 'key type'],
  ['btfValueType', 'value type'],
] as const satisfies readonly (readonly [keyof MapSpec, string])[]

/** Compares the types of one name in two files. What was found the same once is not compared again. */
export class TypeComparer {
  private readonly comparisons = new Map<string, Comparison>()

  /**
   * How two types differ, `a`'s first (`"int" and "struct s"`); undefined if they do not. Throws `ERR_LIMIT` for types that
   * no compiler makes.
   */
  difference(a: TypeOfFile, b: TypeOfFile): string | undefined {
    const one = a.file.btf!.type(a.id)
    const other = b.file.btf!.type(b.id)
    if (one.kind !== other.kind) return `a ${nounOf(one)} and a ${nounOf(other)}`
    if ((one.kind !== 'var' && one.kind !== 'func') || (other.kind !== 'var' && other.kind !== 'func')) return undefined
    return this.comparison(a.file, b.file).compare(one.type, other.type)
  }

  /** How two map definitions differ; undefined if they do not. Throws `ERR_OBJECT` if one defines no map. */
  differenceOfMaps(a: TypeOfFile, b: TypeOfFile): string | undefined {
    return this.differenceOfSpecs(a.file, a.file.mapDefinition(a.id), b.file, b.file.mapDefinition(b.id))
  }

  private comparison(a: InputFile, b: InputFile): Comparison {
    const key = `${a.position} ${b.position}`
    let comparison = this.comparisons.get(key)
    if (comparison === undefined) this.comparisons.set(key, (comparison = new Comparison(a.btf!, b.btf!)))
    return comparison
  }

  private differenceOfSpecs(from: InputFile, a: MapSpec, to: InputFile, b: MapSpec): string | undefined {
    for (const [field, word] of MAP_FIELDS) {
      if (a[field] !== b[field]) return `${word} ${a[field] ?? 'none'} and ${b[field] ?? 'none'}`
    }
    for (const [field, word] of MAP_TYPES) {
      const [one, other] = [a[field], b[field]]
      if ((one === undefined) !== (other === undefined)) return `a ${word} and none`
      if (one === undefined || other === undefined) continue
      const difference = this.comparison(from, to).compare(one, other)
      if (difference !== undefined) return `${word} ${difference}`
    }
    if ((a.innerMap === undefined) !== (b.innerMap === undefined)) return 'an inner map and none'
    if (a.innerMap === undefined || b.innerMap === undefined) return undefined
    const inner = this.differenceOfSpecs(from, a.innerMap, to, b.innerMap)
    return inner === undefined ? undefined : `of the inner map ${inner}`
  }
}

class Comparison {
  private readonly a: Btf
  private readonly b: Btf
  private readonly seen = new Set<string>()
  private pending: Pair[] = []

  constructor(a: Btf, b: Btf) {
    this.a = a
    this.b = b
  }

  compare(a: BtfTypeId, b: BtfTypeId): string | undefined {
    this.pending = []
    this.push(a, b, true)
    for (let pair = this.pending.pop(); pair !== undefined; pair = this.pending.pop()) {
      const difference = this.difference(pair)
      if (difference !== undefined) return difference
    }
    return undefined
  }

  private push(a: BtfTypeId, b: BtfTypeId, exact: boolean): void {
    const key = `${a} ${b} ${exact}`
    if (this.seen.has(key)) return
    this.seen.add(key)
    if (this.seen.size > MAX_PAIRS) throw new AnybpfError('ERR_LIMIT', `more than ${MAX_PAIRS} types to compare`)
    this.pending.push({ a, b, exact })
  }

  private difference(pair: Pair): string | undefined {
    const one = this.a.resolve(pair.a)
    const other = this.b.resolve(pair.b)
    const { exact } = pair
    const differ = (): string => `${quoteName(this.a.describe(pair.a))} and ${quoteName(this.b.describe(pair.b))}`
    if (!exact && (one.kind === 'fwd') !== (other.kind === 'fwd')) {
      const [declared, whole] = one.kind === 'fwd' ? [one, other] : [other, one]
      const fits = declared.kind === 'fwd' && declared.target === whole.kind && declared.name === whole.name
      return fits ? undefined : differ()
    }
    if (one.kind !== other.kind || (hasNameThatCounts(one) && one.name !== other.name)) return differ()
    switch (one.kind) {
      case 'int':
      case 'float':
      case 'enum':
      case 'enum64':
        return 'size' in other && one.size === other.size ? undefined : `${differ()}, of different sizes`
      case 'ptr':
        if (other.kind === 'ptr') this.push(one.type, other.type, false)
        return undefined
      case 'array':
        if (other.kind === 'array') this.push(one.type, other.type, exact)
        return undefined
      case 'struct':
      case 'union':
        if (!exact || (other.kind !== 'struct' && other.kind !== 'union')) return undefined
        return this.members(one, other)
      case 'func_proto': {
        if (other.kind !== 'func_proto') return undefined
        if (one.params.length !== other.params.length || one.variadic !== other.variadic) {
          return `a function of ${one.params.length} parameters and one of ${other.params.length}`
        }
        this.push(one.returnType, other.returnType, exact)
        one.params.forEach((param, i) => {
          this.push(param.type, other.params[i]!.type, exact)
        })
        return undefined
      }
      case 'unknown':
        return `a type of an unknown kind`
      default:
        return undefined
    }
  }

  private members(one: BtfStruct, other: BtfStruct): string | undefined {
    const what = `${one.kind} ${quoteName(one.name)}`
    const [n, m] = [one.members.length, other.members.length]
    if (n !== m) return `${what} with ${n} members and one with ${m}`
    for (let i = 0; i < n; i++) {
      const [x, y] = [one.members[i]!, other.members[i]!]
      if (x.name !== y.name) return `${what} with members ${quoteName(x.name)} and ${quoteName(y.name)}`
      if (x.bitOffset !== y.bitOffset || x.bitSize !== y.bitSize) {
        return `${what} with ${quoteName(x.name)} at bit ${x.bitOffset} and at bit ${y.bitOffset}`
      }
      this.push(x.type, y.type, true)
    }
    return undefined
  }
}

function nounOf({ kind }: BtfType): string {
  return kind === 'func' ? 'function' : 'variable'
}

function hasNameThatCounts({ kind }: BtfType): boolean {
  return kind === 'struct' || kind === 'union' || kind === 'enum' || kind === 'enum64' || kind === 'fwd'
}
