/**
 * Takes events out of ring buffers and perf event arrays, and decodes them.
 *
 * What an event looks like is known where the map declares a value type. Otherwise the object's BTF is searched for the
 * one structure that has the record's size and a name that ends in `event`, `record`, `sample` or `msg`: a guess. What
 * remains is hexadecimal.
 * @module
 */
import type { Btf, BtfStruct } from '../../btf/index.ts'
import type { Collection } from '../../loader/index.ts'
import { type BpfMap, type Codec, createEventCodec } from '../../maps/index.ts'
import type { EventReport } from './report.ts'

const PERF_EVENT_ARRAY = 4
const EVENT_NAME = /(?:event|record|sample|msg)(?:_t)?$/i

/** The maps of a collection through which programs send records. */
export class EventReader {
  private readonly maps: readonly (readonly [name: string, map: BpfMap])[]
  private readonly btf: Btf | undefined
  private readonly guesses = new Map<number, Codec | undefined>()

  constructor(collection: Collection | undefined, btf: Btf | undefined) {
    this.maps = Object.entries(collection?.maps ?? {}).filter(([, map]) => map.hasEvents)
    this.btf = btf
  }

  /** Takes all records out; `add` is called for each, and makes the event only if it wants it. */
  drain(add: (make: () => EventReport) => void): void {
    for (const [name, map] of this.maps) {
      for (let record = map.readRecord(); record !== undefined; record = map.readRecord()) {
        const { cpu, bytes } = record
        add(() => ({
          map: name,
          ...(map.typeId === PERF_EVENT_ARRAY ? { cpu } : {}),
          data: this.decode(map, bytes),
        }))
      }
    }
  }

  private decode(map: BpfMap, bytes: Uint8Array): unknown {
    const value = map.decodeEvent(bytes)
    return value instanceof Uint8Array ? (this.guess(bytes.length)?.decode(bytes) ?? value) : value
  }

  private guess(size: number): Codec | undefined {
    if (!this.guesses.has(size)) {
      const found = this.btf?.types.filter(
        (type): type is BtfStruct => type.kind === 'struct' && type.size === size && EVENT_NAME.test(type.name),
      )
      this.guesses.set(size, found?.length === 1 ? createEventCodec('event', this.btf, found[0]!.id) : undefined)
    }
    return this.guesses.get(size)
  }
}
