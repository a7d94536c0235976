/**
 * Maps declared in `.maps`: each variable is a struct whose members' *types* say what the map is.
 *
 * `__uint(max_entries, 8)` is `int (*max_entries)[8]`; `__type(key, T)` is `T *key`; `__ulong(map_extra, n)` is an enum
 * with the value n; `__array(values, T)` is `T *values[]`, with T the inner map's struct, or a function.
 * @see https://docs.ebpf.io/linux/concepts/maps/ and https://docs.kernel.org/bpf/libbpf/libbpf_overview.html
 * @module
 */
import type { Btf, BtfMember, BtfStruct, BtfTypeId } from '../btf/index.ts'
import type { ElfSection } from '../elf/index.ts'
import { AnybpfError, assertNever, quoteName } from '../util/index.ts'
import type { ObjectFile } from './object-file.ts'
import type { MapSpec } from './spec.ts'

/** Maps of maps of maps do not exist in Linux; a few levels are read all the same. */
const MAX_NESTING = 4
const HANDLE_BYTES = 4

/** The members of a map's declaration, and what each says. Others are passed over. */
export const MAP_MEMBERS = {
  type: '`__uint`: number of the map type',
  max_entries: '`__uint`: entries',
  map_flags: '`__uint`: flags of its creation (`BPF_F_*`)',
  key_size: '`__uint`: bytes of a key',
  value_size: '`__uint`: bytes of a value',
  key: '`__type`: type of a key, and with it the size',
  value: '`__type`: type of a value, and with it the size',
  numa_node: '`__uint`: node to allocate on, with the flag `BPF_F_NUMA_NODE`',
  map_extra: '`__uint` or `__ulong`: 64 bits whose meaning depends on the type',
  pinning: '`__uint`: 1 (`LIBBPF_PIN_BY_NAME`) asks the loader to share the map with whoever pinned it by its name',
  values: '`__array`: what a map of maps holds, or a prototype for programs; its initialiser names maps or programs',
} as const

export interface FoundMap {
  readonly section: ElfSection
  /** Bytes in the section. */
  readonly offset: number
  readonly size: number
  readonly spec: MapSpec
  /** Where `values[]` begins, in bytes from the start of the section. */
  readonly valuesOffset: number | undefined
}

export function isBtfMaps(section: ElfSection): boolean {
  return section.name === '.maps'
}

/** The maps of a `.maps` section. A map that makes no sense becomes a problem of the object. */
export function readBtfMaps(file: ObjectFile, section: ElfSection): FoundMap[] {
  const { btf } = file
  const datasec = btf?.find(section.name, 'datasec')
  if (btf === undefined || datasec === undefined) {
    file.problems.push(
      new AnybpfError('ERR_OBJECT', `section ${section.name} needs BTF to say what its maps are, and there is none`),
    )
    return []
  }
  const offsets = new Map(file.symbolsIn(section).map((symbol) => [symbol.name, symbol.value]))
  const reader = new DefinitionReader(btf, section.name)
  const found: FoundMap[] = []
  for (const variable of datasec.variables) {
    const declared = btf.type(variable.type)
    // An extern map is defined in another file: static linking brings the two together.
    if (declared.kind !== 'var' || declared.linkage === 'extern') continue
    const map = file.attempt((): FoundMap => {
      const offset = offsets.get(declared.name) ?? variable.offset
      const { spec, valuesAt } = reader.read(declared.name, declared.type, 0)
      return {
        section,
        offset,
        size: variable.size,
        spec,
        valuesOffset: valuesAt === undefined ? undefined : offset + valuesAt,
      }
    })
    if (map !== undefined) found.push(map)
  }
  return found.sort((a, b) => a.offset - b.offset)
}

/** A map of the given name and kind with nothing in it. */
export function emptyMap(name: string, kind: MapSpec['kind'], section: string): MapSpec {
  return { name, kind, section, type: 0, keySize: 0, valueSize: 0, maxEntries: 0, flags: 0, pinning: 0, mapExtra: 0n }
}

interface Definition {
  readonly spec: MapSpec
  /** Bytes from the start of the struct to `values[]`. */
  readonly valuesAt: number | undefined
}

/** Reads each struct once, however many maps are declared with it. */
export class DefinitionReader {
  private readonly btf: Btf
  private readonly section: string
  private readonly known = new Map<BtfTypeId, Definition | AnybpfError>()

  constructor(btf: Btf, section: string) {
    this.btf = btf
    this.section = section
  }

  /** A map of this name and type; a copy, which its owner may edit. */
  read(name: string, type: BtfTypeId, depth: number): Definition {
    const struct = this.btf.resolve(type)
    if (struct.kind !== 'struct')
      throw new AnybpfError('ERR_OBJECT', `map ${quoteName(name)} is declared as a ${struct.kind}`)
    let known = this.known.get(struct.id)
    if (known === undefined) {
      try {
        known = this.readStruct(struct, name, depth)
      } catch (error) {
        if (!(error instanceof AnybpfError)) throw error
        known = error
      }
      this.known.set(struct.id, known)
    }
    if (known instanceof AnybpfError) throw known
    const spec: MapSpec = { ...known.spec, name }
    if (spec.innerMap !== undefined) spec.innerMap = { ...spec.innerMap, name: `${name}.inner` }
    return { spec, valuesAt: known.valuesAt }
  }

  private readStruct(struct: BtfStruct, name: string, depth: number): Definition {
    if (depth > MAX_NESTING) throw new AnybpfError('ERR_OBJECT', `map ${quoteName(name)}: maps are nested too deep`)
    const { btf } = this
    const spec = { ...emptyMap(name, 'map', this.section), btf }
    let valuesAt: number | undefined
    const seen = new Set<string>()
    for (const member of struct.members) {
      if (seen.has(member.name))
        throw new AnybpfError('ERR_OBJECT', `map ${quoteName(name)}: ${member.name} is there twice`)
      seen.add(member.name)
      if (!Object.hasOwn(MAP_MEMBERS, member.name)) continue
      const declared = member.name as keyof typeof MAP_MEMBERS
      switch (declared) {
        case 'type':
          spec.type = number32(btf, member, name)
          break
        case 'max_entries':
          spec.maxEntries = number32(btf, member, name)
          break
        case 'map_flags':
          spec.flags = number32(btf, member, name)
          break
        case 'numa_node':
          spec.numaNode = number32(btf, member, name)
          break
        case 'pinning':
          spec.pinning = number32(btf, member, name)
          break
        case 'map_extra':
          spec.mapExtra = declaredNumber(btf, member, name)
          break
        case 'key_size':
          spec.keySize = agreeing(spec.keySize, number32(btf, member, name), member, name)
          break
        case 'value_size':
          spec.valueSize = agreeing(spec.valueSize, number32(btf, member, name), member, name)
          break
        case 'key':
          spec.btfKeyType = declaredType(btf, member, name)
          spec.keySize = agreeing(spec.keySize, btf.sizeOf(spec.btfKeyType), member, name)
          break
        case 'value':
          spec.btfValueType = declaredType(btf, member, name)
          spec.valueSize = agreeing(spec.valueSize, btf.sizeOf(spec.btfValueType), member, name)
          break
        case 'values': {
          valuesAt = member.bitOffset / 8
          const inner = innerDefinition(btf, member, name)
          if (inner !== undefined) spec.innerMap = this.read(`${name}.inner`, inner.id, depth + 1).spec
          break
        }
        default:
          assertNever(declared)
      }
    }
    if (spec.type === 0) throw new AnybpfError('ERR_OBJECT', `map ${quoteName(name)} has no type`)
    // The values of a map of maps or of programs are 4-byte handles.
    if (valuesAt !== undefined && spec.valueSize === 0) spec.valueSize = HANDLE_BYTES
    return { spec, valuesAt }
  }
}

/** The pointee of a member: `T` of `T *member`. */
function declaredType(btf: Btf, member: BtfMember, map: string): BtfTypeId {
  const pointer = btf.resolve(member.type)
  if (pointer.kind !== 'ptr') {
    throw new AnybpfError(
      'ERR_OBJECT',
      `map ${quoteName(map)}: member ${member.name} is a ${pointer.kind}, not a pointer`,
    )
  }
  return pointer.type
}

function declaredNumber(btf: Btf, member: BtfMember, map: string): bigint {
  const outer = btf.resolve(member.type)
  if (outer.kind === 'enum' || outer.kind === 'enum64') {
    const value = outer.values[0]?.value
    if (value !== undefined) return BigInt.asUintN(64, BigInt(value))
  }
  const array = btf.resolve(declaredType(btf, member, map))
  if (array.kind !== 'array') {
    throw new AnybpfError('ERR_OBJECT', `map ${quoteName(map)}: member ${member.name} does not point to an array`)
  }
  return BigInt(array.count)
}

function number32(btf: Btf, member: BtfMember, map: string): number {
  const value = declaredNumber(btf, member, map)
  if (value > 0xffffffffn) {
    throw new AnybpfError('ERR_OBJECT', `map ${quoteName(map)}: ${member.name} ${value} has more than 32 bits`)
  }
  return Number(value)
}

/** A size that is said twice has to be the same twice. */
function agreeing(known: number, size: number, member: BtfMember, map: string): number {
  if (known !== 0 && known !== size) {
    throw new AnybpfError(
      'ERR_OBJECT',
      `map ${quoteName(map)}: ${member.name} gives ${size} bytes where there were ${known}`,
    )
  }
  return size
}

/** The struct that describes the inner map; undefined where the values are programs. */
function innerDefinition(btf: Btf, member: BtfMember, map: string): BtfStruct | undefined {
  const array = btf.resolve(member.type)
  const pointer = array.kind === 'array' ? btf.resolve(array.type) : array
  const target = pointer.kind === 'ptr' ? btf.resolve(pointer.type) : pointer
  if (array.kind === 'array' && pointer.kind === 'ptr') {
    if (target.kind === 'struct') return target
    if (target.kind === 'func_proto') return undefined
  }
  throw new AnybpfError('ERR_OBJECT', `map ${quoteName(map)}: values is no array of pointers to maps or functions`)
}
