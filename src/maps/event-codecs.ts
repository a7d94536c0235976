/**
 * What records of ring buffers and perf event arrays look like.
 *
 * A map may declare it as its value type. Most objects cannot: Linux refuses a ring buffer with a value size. Their
 * types are then searched for the one structure that has the record's size and a name that ends in `event`, `record`,
 * `sample` or `msg`, which is how such structures are named; where there is none, or more than one, a record stays bytes.
 * @module
 */
import type { Btf, BtfStruct, BtfTypeId } from '../btf/index.ts'
import type { Codec } from '../btf/values/codec.ts'
import { createEventCodec } from './map-codecs.ts'

/** The codec for a record of `size` bytes; undefined: it is bytes. */
export type EventCodecs = (size: number) => Codec | undefined

const EVENT_NAME = /(?:event|record|sample|msg)(?:_t)?$/i

/** Whether a structure of this name may be what records look like. */
export function isEventName(name: string): boolean {
  return EVENT_NAME.test(name)
}

/** `declared` is the map's value type, if it has one. Each size is searched for once. */
export function createEventCodecs(name: string, btf: Btf | undefined, declared: BtfTypeId | undefined): EventCodecs {
  const codec = createEventCodec(name, btf, declared)
  if (codec !== undefined) return (size) => (size >= codec.size ? codec : undefined)
  const bySize = new Map<number, BtfStruct[]>()
  for (const type of btf?.types ?? []) {
    if (type.kind !== 'struct' || !isEventName(type.name)) continue
    const others = bySize.get(type.size)
    if (others === undefined) bySize.set(type.size, [type])
    else others.push(type)
  }
  const codecs = new Map<number, Codec | undefined>()
  return (size) => {
    if (!codecs.has(size)) {
      const [only, ...more] = bySize.get(size) ?? []
      codecs.set(size, more.length === 0 ? createEventCodec(name, btf, only?.id) : undefined)
    }
    return codecs.get(size)
  }
}
