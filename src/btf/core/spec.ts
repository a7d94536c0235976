/**
 * What a CO-RE relocation names, in terms of one BTF: the access string `0:1:2` of its record as a path of fields and array
 * elements, with the offset where it leads.
 *
 * Every number of the string is a step (`raw`); members of anonymous structs and unions are steps, but no part of the
 * path that is looked for in another BTF (`accessors`), where they may be nested differently.
 * @see https://docs.kernel.org/bpf/llvm_reloc.html#co-re-relocations
 * @module
 */
import { AnybpfError } from '../../util/index.ts'
import type { Btf } from '../btf.ts'
import type { BtfArray, BtfType, BtfTypeId } from '../types.ts'
import { type CoreRelocationKind, coreRelocationKind } from './relocation-kinds.ts'

/** Steps of one access: `BPF_CORE_SPEC_MAX_LEN` of libbpf. */
export const CORE_MAX_STEPS = 64

/** A field of a struct or union, or, without a name, an element of an array (the first of them: of the root as one). */
export interface CoreAccessor {
  /** The struct or union; of an array, the type of its elements. */
  readonly type: BtfTypeId
  readonly index: number
  readonly name: string | undefined
}

export interface CoreSpec {
  readonly btf: Btf
  readonly kind: CoreRelocationKind
  /** As the record, or the name, has it: typedefs are not peeled off. */
  readonly root: BtfTypeId
  /** Of a field: its path. Of an enumerator: itself. Of a type: none. */
  readonly accessors: readonly CoreAccessor[]
  readonly raw: readonly number[]
  /** Of a field, from the start of the root. */
  readonly bitOffset: number
}

/** A record of `.BTF.ext`, as far as it says what is meant. */
export interface CoreRecord {
  readonly type: BtfTypeId
  readonly access: string
  readonly kind: number
}

/** Reads a record in its own BTF. Throws `ERR_RELOCATION` where it makes no sense there. */
export function parseCoreSpec(btf: Btf, record: CoreRecord): CoreSpec {
  const kind = coreRelocationKind(record.kind)
  if (kind === undefined) throw fail(record, `kind ${record.kind} is not known`)
  if (btf.get(record.type) === undefined) throw fail(record, `type ${record.type} does not exist`)
  const raw = readSteps(record)
  const spec = { btf, kind, root: record.type, accessors: [], raw: [], bitOffset: 0 }
  switch (kind.subject) {
    case 'type':
      if (record.access !== '0') throw fail(record, 'a type has no access string but 0')
      return spec
    case 'enumerator': {
      const type = btf.resolve(record.type)
      const value = type.kind === 'enum' || type.kind === 'enum64' ? type.values[raw[0]!] : undefined
      if (value === undefined || raw.length > 1) throw fail(record, `there is no such enumerator`)
      return { ...spec, accessors: [{ type: type.id, index: raw[0]!, name: value.name }], raw }
    }
    case 'field':
      return { ...spec, ...followSteps(btf, record, raw), raw }
  }
}

function fail({ access, kind }: CoreRecord, what: string): AnybpfError {
  const name = coreRelocationKind(kind)?.name ?? String(kind)
  return new AnybpfError('ERR_RELOCATION', `CO-RE relocation <${name}> of access ${JSON.stringify(access)}: ${what}`)
}

const MAX_INDEX = 0x7fffffff
/** libbpf counts bits in 32 bits. */
const MAX_BIT_OFFSET = 0xffffffff

function readSteps(record: CoreRecord): number[] {
  if (!/^\d+(?::\d+)*$/.test(record.access)) throw fail(record, 'it is no list of numbers')
  const steps = record.access.split(':').map(Number)
  if (steps.length > CORE_MAX_STEPS) throw fail(record, `it has more than ${CORE_MAX_STEPS} steps`)
  if (steps.some((step) => step > MAX_INDEX)) throw fail(record, 'a number has more than 31 bits')
  return steps
}

function followSteps(
  btf: Btf,
  record: CoreRecord,
  steps: readonly number[],
): { readonly accessors: readonly CoreAccessor[]; readonly bitOffset: number } {
  const root = btf.resolve(record.type)
  const accessors: CoreAccessor[] = [{ type: root.id, index: steps[0]!, name: undefined }]
  let bitOffset = steps[0]! * btf.sizeOf(root.id) * 8
  let id: BtfTypeId = root.id
  for (const step of steps.slice(1)) {
    const type = btf.resolve(id)
    if (type.kind === 'struct' || type.kind === 'union') {
      const member = type.members[step]
      if (member === undefined) throw fail(record, `${type.kind} ${type.name || '(anonymous)'} has no member ${step}`)
      bitOffset += member.bitOffset
      if (member.name !== '') accessors.push({ type: type.id, index: step, name: member.name })
      id = member.type
    } else if (type.kind === 'array') {
      if (!reaches(btf, accessors.at(-1), type, step))
        throw fail(record, `an array of ${type.count} has no element ${step}`)
      const element = btf.resolve(type.type)
      accessors.push({ type: element.id, index: step, name: undefined })
      bitOffset += step * btf.sizeOf(element.id) * 8
      id = element.id
    } else throw fail(record, `type ${type.id} is a ${type.kind}, and has no parts`)
    if (bitOffset > MAX_BIT_OFFSET) throw fail(record, 'it leads further than 512 MiB')
  }
  return { accessors, bitOffset }
}

/** Whether an array has this element: an array without a size that ends a struct has all. `accessor`: of the array. */
export function reaches(btf: Btf, accessor: CoreAccessor | undefined, array: BtfArray, index: number): boolean {
  if (index < array.count) return true
  if (accessor?.name === undefined || array.count > 0) return false
  const struct = btf.type(accessor.type)
  return (struct.kind === 'struct' || struct.kind === 'union') && accessor.index === struct.members.length - 1
}

/** In C's words: `struct s.a[2]`, `enum e::A`. */
export function describeCoreSpec({ btf, kind, root, accessors }: CoreSpec): string {
  const type = btf.type(root)
  const head = `${kindWord(type)} ${type.name || '<anon>'}`
  if (kind.subject === 'type') return head
  if (kind.subject === 'enumerator') return `${head}::${accessors[0]?.name ?? ''}`
  return head + path(accessors)
}

function path(accessors: readonly CoreAccessor[]): string {
  return accessors
    .map(({ name, index }, i) => (name !== undefined ? `.${name}` : i > 0 || index > 0 ? `[${index}]` : ''))
    .join('')
}

/** As libbpf logs it: `<byte_off> [8] struct s.a[2] (0:1:2 @ offset 12)`. */
export function formatCoreSpec({ btf, kind, root, accessors, raw, bitOffset }: CoreSpec): string {
  const type = btf.type(root)
  const head = `<${kind.name}> [${root}] ${kindWord(type)} ${type.name || '<anon>'}`
  switch (kind.subject) {
    case 'type':
      return head
    case 'enumerator': {
      const values = btf.resolve(root)
      if (values.kind !== 'enum' && values.kind !== 'enum64') return head
      const value = values.values[raw[0] ?? 0]
      return value === undefined ? head : `${head}::${value.name} = ${value.value}`
    }
    case 'field': {
      const bits = bitOffset % 8 === 0 ? '' : `.${bitOffset % 8}`
      return `${head}${path(accessors)} (${raw.join(':')} @ offset ${Math.floor(bitOffset / 8)}${bits})`
    }
  }
}

function kindWord(type: BtfType): string {
  return type.kind === 'void' ? 'unknown' : type.kind
}
