/**
 * Chooses the codecs of a map from what its declaration says.
 * @module
 */
import type { Btf, BtfTypeId } from '../btf/index.ts'
import {
  type Codec,
  type CodecOptions,
  createCodec,
  createRecordCodec,
  createUntypedCodec,
  type RecordField,
} from '../btf/values/codec.ts'
import { isAnybpfError } from '../util/errors.ts'

/** What is known of a map's types; a `MapSpec` of an object is one. */
export interface MapTypes {
  readonly name: string
  /** Bytes. */
  readonly keySize: number
  readonly valueSize: number
  readonly btf?: Btf | undefined
  readonly btfKeyType?: BtfTypeId | undefined
  readonly btfValueType?: BtfTypeId | undefined
  /** Of a data section: its variables, which are then the members of the value. */
  readonly variables?: readonly {
    readonly name: string
    readonly offset: number
    readonly btfType?: BtfTypeId | undefined
  }[]
}

/** Codecs for keys and values; without types, or with types of another size, integers and bytes. */
export function createMapCodecs(types: MapTypes): { key: Codec; value: Codec } {
  const { name, btf, keySize, valueSize } = types
  const key = createSizedCodec(btf, types.btfKeyType, keySize, { name: `${name} key` })
  const options = { name: `${name} value` }
  const variables = dataFields(types)
  const value =
    btf !== undefined && variables.length > 0
      ? withFallback(valueSize, options, () => createRecordCodec(btf, variables, valueSize, options))
      : createSizedCodec(btf, types.btfValueType, valueSize, options)
  return { key, value }
}

/** The codec for records of this type; undefined without one, or where the type has no values. */
export function createEventCodec(name: string, btf: Btf | undefined, type: BtfTypeId | undefined): Codec | undefined {
  if (btf === undefined || type === undefined || type === 0) return undefined
  try {
    return createCodec(btf, type, { name: `${name} record` })
  } catch (error) {
    if (isAnybpfError(error)) return undefined
    throw error
  }
}

/** The codec of a type that describes `size` bytes; where it does not, or cannot be read, one by the size alone. */
export function createSizedCodec(
  btf: Btf | undefined,
  type: BtfTypeId | undefined,
  size: number,
  options: CodecOptions = {},
): Codec {
  if (btf === undefined || type === undefined || type === 0) return createUntypedCodec(size, options)
  return withFallback(size, options, () => createCodec(btf, type, options))
}

/** Types that do not describe the bytes (or cannot be read) are no reason not to run the program. */
function withFallback(size: number, options: CodecOptions, create: () => Codec): Codec {
  try {
    const codec = create()
    if (codec.size === size) return codec
  } catch (error) {
    if (!isAnybpfError(error)) throw error
  }
  return createUntypedCodec(size, options)
}

function dataFields({ btf, variables }: MapTypes): RecordField[] {
  const fields: RecordField[] = []
  if (btf === undefined) return fields
  for (const { name, offset, btfType } of variables ?? []) {
    const type = btfType === undefined ? undefined : btf.get(btfType)
    if (type !== undefined) fields.push({ name, offset, type: type.kind === 'var' ? type.type : type.id })
  }
  return fields
}
