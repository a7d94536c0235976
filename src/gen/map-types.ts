/**
 * The types of an object's maps and variables, in TypeScript: asked of the codecs that will read them, so that a type says what a value is.
 * @module
 */
import { type Btf, type BtfTypeId, btfToTypeScript } from '../btf/index.ts'
import {
  type Codec,
  createEventCodecs,
  createMapCodecs,
  createSizedCodec,
  findEventTypes,
  type RecordField,
} from '../maps/index.ts'
import type { MapSpec, ObjectSpec, VariableSpec } from '../object/index.ts'
import type { MapTypeSpec, Platform } from '../spec/types.ts'
import { memberName } from '../util/literal.ts'
import { findRecordSizes } from './record-sizes.ts'

/** What a value is read as: by its BTF type, or by its size in bytes alone. */
export type ValueForm =
  | { readonly kind: 'type'; readonly type: BtfTypeId }
  | { readonly kind: 'size'; readonly size: number }
  | { readonly kind: 'record'; readonly fields: readonly RecordField[] }
  /** One of several. */
  | { readonly kind: 'either'; readonly forms: readonly ValueForm[] }

/** What a map takes and gives. */
export type MapForm =
  | { readonly kind: 'plain' | 'percpu'; readonly key: ValueForm; readonly value: ValueForm }
  | { readonly kind: 'programs'; readonly key: ValueForm }
  | { readonly kind: 'maps'; readonly key: ValueForm; readonly inner: MapForm | undefined }
  | { readonly kind: 'records'; readonly record: ValueForm }

const PROG_ARRAY = 'prog_array'
const BYTES: ValueForm = { kind: 'size', size: 0 }

export class MapForms {
  private readonly spec: ObjectSpec
  private readonly platform: Platform
  private recordSizes: ReadonlyMap<string, ReadonlySet<number>> | undefined

  constructor(spec: ObjectSpec, platform: Platform) {
    this.spec = spec
    this.platform = platform
  }

  of(map: MapSpec): MapForm {
    const type = this.platform.mapTypes.get(map.type)
    if (type?.records === true) return { kind: 'records', record: this.record(map) }
    const codecs = createMapCodecs(map)
    const key = this.form(map.btf, codecs.key)
    if (type?.name === PROG_ARRAY) return { kind: 'programs', key }
    if (type?.mapInMap === true) {
      const { innerMap } = map
      // An inner map has no inner maps itself.
      const nested = innerMap === undefined || innerMap.innerMap !== undefined
      return { kind: 'maps', key, inner: nested ? undefined : this.of(innerMap) }
    }
    return { kind: type?.perCpu === true ? 'percpu' : 'plain', key, value: this.form(map.btf, codecs.value) }
  }

  variable(map: MapSpec, variable: VariableSpec): ValueForm {
    const type = variable.btfType === undefined ? undefined : map.btf?.get(variable.btfType)
    const id = type?.kind === 'var' ? type.type : type?.id
    return this.form(map.btf, createSizedCodec(map.btf, id, variable.size))
  }

  private form(btf: Btf | undefined, { type, fields, size }: Codec): ValueForm {
    if (btf === this.spec.btf && type !== undefined) return { kind: 'type', type }
    if (btf === this.spec.btf && fields !== undefined) return { kind: 'record', fields }
    return { kind: 'size', size }
  }

  /** Of records whose sizes the code tells, those; else all that there could be, and bytes. */
  private record(map: MapSpec): ValueForm {
    const declared = map.keySize === 4 && map.valueSize === 4 ? undefined : map.btfValueType
    const codecs = createEventCodecs(map.name, map.btf, declared)
    this.recordSizes ??= findRecordSizes(this.spec, this.platform)
    const told = this.recordSizes.get(map.name)
    const forms = new Map<BtfTypeId | undefined, ValueForm>()
    for (const size of told ?? new Set(findEventTypes(map.btf).values())) {
      const codec = codecs(told === undefined ? map.btf!.sizeOf(size) : size)
      forms.set(codec?.type, codec === undefined ? BYTES : this.form(map.btf, codec))
    }
    if (told === undefined) {
      // A declared type is what all records have that are large enough.
      const codec = codecs(Number.MAX_SAFE_INTEGER)
      if (codec !== undefined) forms.set(codec.type, this.form(map.btf, codec))
      forms.set(undefined, BYTES)
    }
    return { kind: 'either', forms: [...forms.values()] }
  }
}

/** Ids of all types in a form. */
export function* typesOf(form: ValueForm): Generator<BtfTypeId> {
  if (form.kind === 'type') yield form.type
  if (form.kind === 'record') for (const { type } of form.fields) yield type
  if (form.kind === 'either') for (const one of form.forms) yield* typesOf(one)
}

export function* typesOfMap(form: MapForm): Generator<BtfTypeId> {
  if ('key' in form) yield* typesOf(form.key)
  if ('value' in form) yield* typesOf(form.value)
  if ('record' in form) yield* typesOf(form.record)
  if ('inner' in form && form.inner !== undefined) yield* typesOfMap(form.inner)
}

/** Writes forms; `library` is what the module calls the package. */
export class FormWriter {
  readonly text: string
  readonly names: ReadonlySet<string>
  private readonly expressions: ReadonlyMap<BtfTypeId, string>
  private readonly btf: Btf | undefined

  constructor(btf: Btf | undefined, types: Iterable<BtfTypeId>) {
    const written = btf === undefined ? undefined : btfToTypeScript(btf, { types })
    this.text = written?.text ?? ''
    this.names = new Set(written?.names.values())
    this.expressions = written?.expressions ?? new Map()
    this.btf = btf
  }

  value(form: ValueForm): string {
    switch (form.kind) {
      case 'type':
        return this.expressions.get(form.type) ?? 'unknown'
      case 'size':
        return form.size === 8 ? 'bigint' : [1, 2, 4].includes(form.size) ? 'number' : 'Uint8Array'
      case 'record': {
        const members = form.fields.map(
          ({ name, type }) => `readonly ${memberName(name)}: ${this.expressions.get(type)}`,
        )
        return `{ ${[...new Map(form.fields.map(({ name }, i) => [name, members[i]!])).values()].join('; ')} }`
      }
      case 'either':
        return [...new Set(form.forms.map((one) => this.value(one)))].join(' | ')
    }
  }

  /** What a copy of the value is: nothing in it can be changed. */
  immutable(form: ValueForm, library: string): string {
    const text = this.value(form)
    if (form.kind !== 'type') return text
    const { kind } = this.btf!.resolve(form.type)
    const parts = kind === 'struct' || kind === 'union' || (kind === 'array' && !text.endsWith('Uint8Array'))
    return parts ? `${library}.Immutable<${text}>` : text
  }

  map(form: MapForm, library: string, record: string | undefined): string {
    const key = 'key' in form ? this.value(form.key) : ''
    switch (form.kind) {
      case 'plain':
        return `${library}.MapOf<${key}, ${record ?? this.value(form.value)}>`
      case 'percpu':
        return `${library}.PerCpuMapOf<${key}, ${this.value(form.value)}>`
      case 'programs':
        return `${library}.ProgramArray<${key}>`
      case 'maps': {
        const inner = form.inner === undefined ? `${library}.MapShape` : this.map(form.inner, library, undefined)
        return `${library}.MapOfMaps<${key}, ${inner}>`
      }
      case 'records':
        return `${library}.EventsOf<${this.value(form.record)}>`
    }
  }
}

/** What the platform calls a map's type. */
export function mapTypeName(platform: Platform, { type }: MapSpec): string {
  const known: MapTypeSpec | undefined = platform.mapTypes.get(type)
  return known?.name ?? `type ${type}`
}
