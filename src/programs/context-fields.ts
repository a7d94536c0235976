/**
 * Contexts as objects: fields of a context structure by name, written before a run and read after it.
 * @module
 */
import type { ContextField, ContextLayout } from '../spec/types.ts'
import { AnybpfError } from '../util/index.ts'
import type { GuestAddress, GuestMemory } from '../vm/guest-memory.ts'

/** A field's value: a number, a 64-bit one as a bigint, an array's elements. */
export type FieldValue = number | bigint | readonly number[]

/** Values by the field names of the C structure. */
export type ContextFields = Readonly<Record<string, FieldValue>>

/** The names of a layout, made once. */
export class ContextCodec {
  private readonly layout: ContextLayout
  private readonly settable: ReadonlyMap<string, ContextField>

  /** `derived` names fields that follow from the packet: they can be read, but not given. */
  constructor(layout: ContextLayout, derived: readonly string[]) {
    this.layout = layout
    this.settable = new Map(
      layout.fields
        .filter((field) => field.pointer === undefined && !derived.includes(field.name))
        .map((field) => [field.name, field]),
    )
  }

  /** Writes fields at `address`. Throws ERR_USAGE for a name that cannot be given or a value that does not fit. */
  write(memory: GuestMemory, address: GuestAddress, fields: ContextFields): void {
    for (const [name, value] of Object.entries(fields)) {
      const field = this.settable.get(name)
      if (field === undefined) {
        throw new AnybpfError(
          'ERR_USAGE',
          `${this.layout.name} has no field ${JSON.stringify(name)} that can be given; there are: ${[...this.settable.keys()].join(', ')}`,
        )
      }
      const values = field.count === undefined ? [value] : value
      if (!Array.isArray(values) || values.length > (field.count ?? 1)) {
        throw new AnybpfError(
          'ERR_USAGE',
          `${this.layout.name}.${name} takes an array of at most ${field.count} numbers`,
        )
      }
      values.forEach((element: unknown, i) => {
        writeScalar(memory.view, address + field.offset + i * field.size, field, element)
      })
    }
  }

  /** All fields but the addresses, from a copy of the structure. */
  read(bytes: Uint8Array): Record<string, FieldValue> {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const fields: Record<string, FieldValue> = {}
    for (const { name, offset, size, count, pointer } of this.layout.fields) {
      if (pointer !== undefined) continue
      if (count === undefined) fields[name] = readScalar(view, offset, size)
      else fields[name] = Array.from({ length: count }, (_, i) => Number(readScalar(view, offset + i * size, size)))
    }
    return fields
  }
}

function writeScalar(view: DataView, at: number, field: ContextField, value: unknown): void {
  const { name, size } = field
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) {
    throw new AnybpfError('ERR_USAGE', `${name} takes whole numbers, not ${typeof value}`)
  }
  const integer = BigInt(value as number | bigint)
  if (BigInt.asUintN(size * 8, integer) !== integer) {
    throw new AnybpfError('ERR_USAGE', `${name} has ${size * 8} bits, unsigned: ${integer} does not fit`)
  }
  if (size === 8) view.setBigUint64(at, integer, true)
  else if (size === 4) view.setUint32(at, Number(integer), true)
  else if (size === 2) view.setUint16(at, Number(integer), true)
  else view.setUint8(at, Number(integer))
}

function readScalar(view: DataView, at: number, size: number): number | bigint {
  if (size === 8) return view.getBigUint64(at, true)
  if (size === 4) return view.getUint32(at, true)
  return size === 2 ? view.getUint16(at, true) : view.getUint8(at)
}
