/**
 * Special fields: members of map values and of allocated objects that are not plain bytes (locks, timers, kernel
 * pointers, lists, trees), found by the names of their types in BTF.
 *
 * @see https://docs.ebpf.io/linux/concepts/timers/
 * @see https://docs.kernel.org/bpf/graph_ds_impl.html
 * @module
 */
import type { Btf, BtfStruct, BtfTypeId } from '../../btf/index.ts'
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

/** More fields than this in one type are not looked for; Linux has the same bound for all of them together. */
const FIELDS_MAX = 11
/** Elements of arrays and nested structs that are looked into, together, in one type. */
const STEPS_MAX = 4096
const DEPTH_MAX = 15

/** The tag next to a pointer's target: `kptr` in `struct task_struct __kptr *`. */
function pointerField(btf: Btf, id: BtfTypeId, offset: number): SpecialField | undefined {
  let target = btf.types[id]
  let kind: SpecialFieldKind | undefined
  for (let depth = 0; depth < DEPTH_MAX && target !== undefined; depth++) {
    if (target.kind === 'type_tag') {
      kind ??= POINTER_TAGS[target.name]
    } else if (target.kind !== 'const' && target.kind !== 'volatile' && target.kind !== 'typedef') {
      break
    }
    target = btf.types[target.type]
  }
  // A structure that is only declared says too little of what the kernel is to give back.
  if (kind === undefined || target?.kind !== 'struct') return undefined
  return { kind, offset, size: 8, btf, typeId: target.id, nodeOffset: 0 }
}

/** What `contains:TYPE:MEMBER`, a declaration tag of a list or tree, says. */
function contained(btf: Btf, owner: BtfTypeId, member: number): { typeId: BtfTypeId; nodeOffset: number } | undefined {
  for (const type of btf.types) {
    if (type.kind !== 'decl_tag' || type.type !== owner || type.componentIndex !== member) continue
    const [word, name, node] = type.name.split(':')
    if (word !== 'contains' || name === undefined || node === undefined) continue
    const struct = btf.find(name, 'struct')
    const found = struct?.members.find((one) => one.name === node)
    if (struct !== undefined && found !== undefined) return { typeId: struct.id, nodeOffset: found.bitOffset / 8 }
  }
  return undefined
}

class Collector {
  readonly fields: SpecialField[] = []
  private steps = 0
  private readonly btf: Btf

  constructor(btf: Btf) {
    this.btf = btf
  }

  struct(struct: BtfStruct, base: number, depth: number): void {
    for (const [index, member] of struct.members.entries()) {
      if (member.bitSize !== 0 || member.bitOffset % 8 !== 0) continue
      this.value(member.type, base + member.bitOffset / 8, depth, struct.id, index)
    }
  }

  value(id: BtfTypeId, offset: number, depth: number, owner: BtfTypeId, member: number): void {
    if (depth > DEPTH_MAX || ++this.steps > STEPS_MAX || this.fields.length >= FIELDS_MAX) return
    const { btf } = this
    const type = btf.resolve(id)
    if (type.kind === 'ptr') {
      const field = pointerField(btf, type.type, offset)
      if (field !== undefined) this.fields.push(field)
      return
    }
    if (type.kind === 'array') {
      const element = btf.resolve(type.type)
      if (element.kind !== 'struct' && element.kind !== 'ptr') return
      const size = btf.sizeOf(type.type)
      for (let i = 0; i < type.count && this.steps <= STEPS_MAX; i++) {
        this.value(type.type, offset + i * size, depth + 1, owner, member)
      }
      return
    }
    if (type.kind !== 'struct') return
    const row = STRUCT_FIELDS[type.name]
    if (row === undefined) {
      this.struct(type, offset, depth + 1)
      return
    }
    const [kind, size] = row
    const of = kind === 'list_head' || kind === 'rb_root' ? contained(btf, owner, member) : undefined
    this.fields.push({
      kind,
      offset,
      size,
      btf: of && btf,
      typeId: of?.typeId ?? 0,
      nodeOffset: of?.nodeOffset ?? 0,
    })
  }
}

const RECORDS = new WeakMap<Btf, Map<BtfTypeId, FieldRecord>>()

/** The special fields of a type, by offset. Cached. */
export function recordOf(btf: Btf, id: BtfTypeId): FieldRecord {
  let records = RECORDS.get(btf)
  if (records === undefined) {
    records = new Map()
    RECORDS.set(btf, records)
  }
  let record = records.get(id)
  if (record === undefined) {
    const collector = new Collector(btf)
    const type = btf.types[id] === undefined ? undefined : btf.resolve(id)
    if (type?.kind === 'struct') collector.struct(type, 0, 0)
    record = collector.fields.sort((a, b) => a.offset - b.offset)
    records.set(id, record)
  }
  return record
}

/** The special fields of a map's values. */
export function mapRecord(map: VerifierMap): FieldRecord {
  if (map.btf === undefined || map.btfValueType === undefined) return NO_FIELDS
  return recordOf(map.btf, map.btfValueType)
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
