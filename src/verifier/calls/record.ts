/**
 * Special fields: members of map values and of allocated objects that are not plain bytes (locks, timers, kernel
 * pointers, lists, trees), found by the names of their types in BTF.
 *
 * @see https://docs.ebpf.io/linux/concepts/timers/
 * @see https://docs.kernel.org/bpf/graph_ds_impl.html
 * @module
 */
import type { Btf, BtfDatasec, BtfStruct, BtfTypeId } from '../../btf/index.ts'
import type { VerifierMap } from '../program.ts'
import type { Reg } from '../state.ts'
import { baseType, MEM_ALLOC, PTR_TO_BTF_ID, PTR_TO_MAP_VALUE } from '../types.ts'

export type SpecialFieldKind =
  | 'spin_lock'
  | 'res_spin_lock'
  | 'timer'
  | 'wq'
  | 'task_work'
  | 'kptr_unref'
  | 'kptr_ref'
  | 'kptr_percpu'
  | 'uptr'
  | 'list_head'
  | 'list_node'
  | 'rb_root'
  | 'rb_node'
  | 'refcount'

export interface SpecialField {
  readonly kind: SpecialFieldKind
  /** Bytes from the start of the value or object. */
  readonly offset: number
  readonly size: number
  /** What a pointer points at, or what a list or tree holds. */
  readonly btf: Btf | undefined
  readonly typeId: BtfTypeId
  /** Of lists and trees: where the node lies in what they hold. */
  readonly nodeOffset: number
}

/** In order of offset. */
export type FieldRecord = readonly SpecialField[]

const NO_FIELDS: FieldRecord = []

const STRUCT_FIELDS: Readonly<Record<string, readonly [SpecialFieldKind, number]>> = {
  __proto__: null as never,
  bpf_spin_lock: ['spin_lock', 4],
  bpf_res_spin_lock: ['res_spin_lock', 4],
  bpf_timer: ['timer', 16],
  bpf_wq: ['wq', 16],
  bpf_task_work: ['task_work', 8],
  bpf_list_head: ['list_head', 16],
  bpf_list_node: ['list_node', 24],
  bpf_rb_root: ['rb_root', 16],
  bpf_rb_node: ['rb_node', 32],
  bpf_refcount: ['refcount', 4],
}

const POINTER_TAGS: Readonly<Record<string, SpecialFieldKind>> = {
  __proto__: null as never,
  kptr_untrusted: 'kptr_unref',
  kptr: 'kptr_ref',
  percpu_kptr: 'kptr_percpu',
  uptr: 'uptr',
}

/** `BTF_FIELDS_MAX`: of one type, with all that is nested in it. */
const FIELDS_MAX = 11
/** `MAX_RESOLVE_DEPTH`: of nested structures, and of arrays of arrays. */
const DEPTH_MAX = 15

/** What a value may have one of, and no array of. */
const SINGLE: ReadonlySet<SpecialFieldKind> = new Set([
  'spin_lock',
  'res_spin_lock',
  'timer',
  'wq',
  'task_work',
  'refcount',
])
/** What arrays may consist of. */
const REPEATABLE: ReadonlySet<SpecialFieldKind> = new Set([
  'kptr_unref',
  'kptr_ref',
  'kptr_percpu',
  'uptr',
  'list_head',
  'rb_root',
])

/** The tag next to a pointer's target: `kptr` in `struct task_struct __kptr *`. */
function pointerField(btf: Btf, id: BtfTypeId, offset: number): SpecialField | undefined {
  let target = btf.get(id)
  let kind: SpecialFieldKind | undefined
  for (let depth = 0; depth < DEPTH_MAX && target !== undefined; depth++) {
    if (target.kind === 'type_tag') {
      kind ??= POINTER_TAGS[target.name]
    } else if (target.kind !== 'const' && target.kind !== 'volatile' && target.kind !== 'typedef') {
      break
    }
    target = btf.get(target.type)
  }
  // A structure that is only declared says too little of what the kernel is to give back.
  if (kind === undefined || target?.kind !== 'struct') return undefined
  return { kind, offset, size: 8, btf, typeId: target.id, nodeOffset: 0 }
}

/** What `contains:TYPE:MEMBER`, a declaration tag of a list or tree, says. */
function contained(btf: Btf, owner: BtfTypeId, member: number): { typeId: BtfTypeId; nodeOffset: number } | undefined {
  for (let id = 1; id < btf.length; id++) {
    const type = btf.kindOf(id) === 'decl_tag' ? btf.type(id) : undefined
    if (type?.kind !== 'decl_tag' || type.type !== owner || type.componentIndex !== member) continue
    const [word, name, node] = type.name.split(':')
    if (word !== 'contains' || name === undefined || node === undefined) continue
    const struct = btf.find(name, 'struct')
    const found = struct?.members.find((one) => one.name === node)
    if (struct !== undefined && found !== undefined) return { typeId: struct.id, nodeOffset: found.bitOffset / 8 }
  }
  return undefined
}

/** The fields of a type are more, nested deeper, or otherwise arranged than the platform can keep track of. */
class UnusableFields {}

/** The fields of a structure, and how deep structures are nested in it. */
interface Collected {
  readonly fields: FieldRecord
  readonly height: number
}

const NOTHING: Collected = { fields: NO_FIELDS, height: 0 }

/** Each structure is looked into once, however often it is a member. */
class Collector {
  private readonly btf: Btf
  private readonly structs = new Map<BtfTypeId, Collected>()

  constructor(btf: Btf) {
    this.btf = btf
  }

  struct(struct: BtfStruct, depth: number): Collected {
    if (depth >= DEPTH_MAX) throw new UnusableFields()
    const known = this.structs.get(struct.id)
    if (known !== undefined) {
      if (depth + known.height >= DEPTH_MAX) throw new UnusableFields()
      return known
    }
    const fields: SpecialField[] = []
    let height = 0
    for (const [index, member] of struct.members.entries()) {
      if (member.bitSize !== 0 || member.bitOffset % 8 !== 0) continue
      const inner = this.value(member.type, depth, struct.id, index)
      if (inner.height > height) height = inner.height
      addFields(fields, inner.fields, member.bitOffset / 8)
    }
    const collected = { fields, height }
    this.structs.set(struct.id, collected)
    return collected
  }

  /** `offsets`: where the variables of a data section lie, by name. */
  datasec(section: BtfDatasec, offsets: ReadonlyMap<string, number>): FieldRecord {
    const fields: SpecialField[] = []
    for (const { type, offset } of section.variables) {
      const variable = this.btf.type(type)
      if (variable.kind !== 'var') continue
      const inner = this.value(variable.type, 0, variable.id, -1)
      addFields(fields, inner.fields, offsets.get(variable.name) ?? offset)
    }
    return fields
  }

  /** A member or variable: `owner` and `member` are what declaration tags on it name. */
  private value(id: BtfTypeId, depth: number, owner: BtfTypeId, member: number): Collected {
    const { btf } = this
    let type = btf.resolve(id)
    let count = 1
    for (let nesting = 0; type.kind === 'array' && nesting < DEPTH_MAX; nesting++) {
      count *= type.count
      type = btf.resolve(type.type)
    }
    if (count === 0 || (type.kind !== 'struct' && type.kind !== 'ptr')) return NOTHING
    let one: Collected
    if (type.kind === 'ptr') {
      const field = pointerField(btf, type.type, 0)
      if (field === undefined) return NOTHING
      one = { fields: [field], height: 0 }
    } else {
      const row = STRUCT_FIELDS[type.name]
      if (row === undefined) {
        const { fields, height } = this.struct(type, depth + 1)
        one = { fields, height: height + 1 }
      } else one = { fields: [this.field(...row, owner, member)], height: 0 }
    }
    if (count === 1 || one.fields.length === 0) return one
    if (count * one.fields.length > FIELDS_MAX || one.fields.some(({ kind }) => !REPEATABLE.has(kind))) {
      throw new UnusableFields()
    }
    const fields: SpecialField[] = []
    const size = btf.sizeOf(type.id)
    for (let i = 0; i < count; i++) addFields(fields, one.fields, i * size)
    return { fields, height: one.height }
  }

  private field(kind: SpecialFieldKind, size: number, owner: BtfTypeId, member: number): SpecialField {
    const { btf } = this
    const of = kind === 'list_head' || kind === 'rb_root' ? contained(btf, owner, member) : undefined
    return { kind, offset: 0, size, btf: of && btf, typeId: of?.typeId ?? 0, nodeOffset: of?.nodeOffset ?? 0 }
  }
}

function addFields(fields: SpecialField[], inner: FieldRecord, offset: number): void {
  if (fields.length + inner.length > FIELDS_MAX) throw new UnusableFields()
  for (const field of inner) {
    if (SINGLE.has(field.kind) && fields.some(({ kind }) => kind === field.kind)) throw new UnusableFields()
    fields.push({ ...field, offset: field.offset + offset })
  }
}

/** Undefined where the platform cannot keep track of them. */
function collect(make: () => FieldRecord): FieldRecord | undefined {
  try {
    return [...make()].sort((a, b) => a.offset - b.offset)
  } catch (failure) {
    if (failure instanceof UnusableFields) return undefined
    throw failure
  }
}

const RECORDS = new WeakMap<Btf, Map<BtfTypeId, FieldRecord | undefined>>()

function structRecord(btf: Btf, id: BtfTypeId): FieldRecord | undefined {
  let records = RECORDS.get(btf)
  if (records === undefined) {
    records = new Map()
    RECORDS.set(btf, records)
  }
  if (records.has(id)) return records.get(id)
  const type = btf.get(id) === undefined ? undefined : btf.resolve(id)
  const record = type?.kind === 'struct' ? collect(() => new Collector(btf).struct(type, 0).fields) : NO_FIELDS
  records.set(id, record)
  return record
}

/**
 * The special fields of a type, by offset. Cached. Of a type with more fields than the platform can keep track of
 * (11, a second lock or timer, structures nested more than 15 deep) there are none: all of it is plain bytes, and no
 * function that works on such a field takes it. So Linux has it for the values of maps.
 */
export function recordOf(btf: Btf, id: BtfTypeId): FieldRecord {
  return structRecord(btf, id) ?? NO_FIELDS
}

/** Whether the type has special fields that cannot be kept track of: Linux does not load BTF with such a type to allocate. */
export function hasUnusableFields(btf: Btf, id: BtfTypeId): boolean {
  return structRecord(btf, id) === undefined
}

const SECTION_RECORDS = new WeakMap<VerifierMap, FieldRecord>()

/** Of the map of a data section, whose variables are its special fields, or have them. */
function sectionRecord(map: VerifierMap, btf: Btf, section: BtfDatasec): FieldRecord {
  const known = SECTION_RECORDS.get(map)
  if (known !== undefined) return known
  // Compilers leave the places of variables to the linker.
  const offsets = new Map((map.variables ?? []).map(({ name, offset }) => [name, offset]))
  const record = collect(() => new Collector(btf).datasec(section, offsets)) ?? NO_FIELDS
  SECTION_RECORDS.set(map, record)
  return record
}

/** The special fields of a map's values. */
export function mapRecord(map: VerifierMap): FieldRecord {
  const { btf, btfValueType } = map
  if (btf === undefined || btfValueType === undefined) return NO_FIELDS
  const type = btf.get(btfValueType)
  return type?.kind === 'datasec' ? sectionRecord(map, btf, type) : recordOf(btf, btfValueType)
}

/** The special fields of what a register points at: a map value or an allocated object. */
export function regRecord(reg: Reg): FieldRecord {
  const base = baseType(reg.type)
  if (base === PTR_TO_MAP_VALUE) return mapRecord(reg.map)
  if (base === PTR_TO_BTF_ID && reg.type & MEM_ALLOC) return recordOf(reg.btf.btf, reg.btf.id)
  return NO_FIELDS
}

export function findField(record: FieldRecord, ...kinds: readonly SpecialFieldKind[]): SpecialField | undefined {
  return record.find((field) => kinds.includes(field.kind))
}

const MAP_TYPE_DEVMAP = 14
const MAP_TYPE_DEVMAP_HASH = 25
const RDONLY_PROG = 0x80

/** The map's creation flags, and those that its type implies: programs never write the values of device maps. */
export function effectiveFlags(map: VerifierMap): number {
  const devices = map.type === MAP_TYPE_DEVMAP || map.type === MAP_TYPE_DEVMAP_HASH
  return devices ? map.flags | RDONLY_PROG : map.flags
}

/** Whether values of the map hold a lock, so that two of them are never taken for one. */
export function mapHasLock(map: VerifierMap): boolean {
  return map.btf !== undefined && findField(mapRecord(map), 'spin_lock', 'res_spin_lock') !== undefined
}
