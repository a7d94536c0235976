/**
 * Takes events out of ring buffers and perf event arrays. Their maps know how to decode them; what has no type is shown
 * in hexadecimal.
 * @module
 */
import type { Collection } from '../../loader/index.ts'
import type { BpfMap } from '../../maps/index.ts'
import type { EventReport } from './report.ts'

const PERF_EVENT_ARRAY = 4

/** The maps of a collection through which programs send records. */
export class EventReader {
  private readonly maps: readonly (readonly [name: string, map: BpfMap])[]

  constructor(collection: Collection | undefined) {
    this.maps = Object.entries(collection?.maps ?? {}).filter(([, map]) => map.hasEvents)
  }

  /** Whether there is anything that records can come from. */
  get hasMaps(): boolean {
    return this.maps.length > 0
  }

  /** Takes all records out; `add` is called for each, and makes the event only if it wants it. */
  drain(add: (make: () => EventReport) => void): void {
    for (const [name, map] of this.maps) {
      for (let record = map.readRecord(); record !== undefined; record = map.readRecord()) {
        const { cpu, bytes } = record
        add(() => ({
          map: name,
          ...(map.typeId === PERF_EVENT_ARRAY ? { cpu } : {}),
          data: map.decodeEvent(bytes),
        }))
      }
    }
  }
}
