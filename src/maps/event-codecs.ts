/**
 * What records of ring buffers and perf event arrays look like.
 *
 * A map may declare it as its value type. Most objects cannot: Linux refuses a ring buffer with a value size. Their
 * types are then searched for the one structure that has the record's size and is meant for records:
 *
 * 1. what a global pointer called `unused`, `unused_event` or the like points to. `const struct event *unused` is how authors
 *    keep a type in the object for bpf2go and others;
 * 2. else a structure whose name ends in `event`, `record`, `sample` or `msg`, which is how such structures are named.
 *
 * Where there is none, or more than one, a record stays bytes.
 * @module
 */
import type { Btf, BtfTypeId } from '../btf/index.ts'
import type { Codec } from '../btf/values/codec.ts'
import { createEventCodec } from './map-codecs.ts'

/** The codec for a record of `size` bytes; undefined: it is bytes. */
export type EventCodecs = (size: number) => Codec | undefined

const EVENT_NAME = /(?:event|record|sample|msg)(?:_t)?$/i
const UNUSED_NAME = /(?:^|_)unused(?:_|\d*$)/i

/** Whether a structure of this name may be what records look like. */
export function isEventName(name: string): boolean {
  return EVENT_NAME.test(name)
}

/** `declared` is the map's value type, if it has one. Each size is searched for once. */
export function createEventCodecs(name: string, btf: Btf | undefined, declared: BtfTypeId | undefined): EventCodecs {
  const codec = createEventCodec(name, btf, declared)
  if (codec !== undefined) return (size) => (size >= codec.size ? codec : undefined)
  let types: ReadonlyMap<number, BtfTypeId> | undefined
  const codecs = new Map<number, Codec | undefined>()
  return (size) => {
    if (!codecs.has(size)) {
      types ??= findEventTypes(btf)
      codecs.set(size, createEventCodec(name, btf, types.get(size)))
    }
    return codecs.get(size)
  }
}

/** By the size of a record in bytes, the one structure that it must be. */
export function findEventTypes(btf: Btf | undefined): ReadonlyMap<number, BtfTypeId> {
  const named = new Map<number, BtfTypeId | null>()
  const designated = new Map<number, BtfTypeId | null>()
  if (btf === undefined) return new Map()
  for (let id = 1; id < btf.length; id++) {
    const kind = btf.kindOf(id)
    if (kind === 'struct' && isEventName(btf.nameOf(id))) note(btf, named, id)
    else if (kind === 'var' && UNUSED_NAME.test(btf.nameOf(id))) {
      const pointer = btf.resolve(id)
      const target = pointer.kind === 'ptr' ? btf.resolve(pointer.type) : undefined
      if (target?.kind === 'struct') note(btf, designated, target.id)
    }
  }
  const found = new Map<number, BtfTypeId>()
  for (const [size, id] of new Map([...named, ...designated])) if (id !== null) found.set(size, id)
  return found
}

/** `null`: there is more than one of that size. */
function note(btf: Btf, types: Map<number, BtfTypeId | null>, id: BtfTypeId): void {
  const type = btf.type(id)
  if (type.kind !== 'struct') return
  const known = types.get(type.size)
  types.set(type.size, known === undefined || known === id ? id : null)
}
