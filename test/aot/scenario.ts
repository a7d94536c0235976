/**
 * One object put through its paces, so that what it does can be compared as text: on any engine, in any realm.
 * @module
 */

import type { Collection } from '../../src/loader/collection.ts'
import { type Json, toJson } from '../../src/maps/to-json.ts'
import { bytesToHex, hexToBytes } from '../../src/util/bytes.ts'

export interface Scenario {
  readonly program: string
  readonly maps?: readonly (readonly [map: string, key: unknown, value: unknown])[]
  /** Hexadecimal. */
  readonly packets: readonly string[]
}

/** Runs the packets one by one, in place, and as a batch; answers what came of every run, and what is in the maps after each round. */
export function play(collection: Pick<Collection, 'program' | 'maps'>, scenario: Scenario): string[] {
  const program = collection.program(scenario.program)
  const packets = scenario.packets.map((packet) => hexToBytes(packet))
  const log: string[] = []
  for (const [map, key, value] of scenario.maps ?? []) collection.maps[map]!.set(key, value)
  for (const packet of packets) log.push(told(program.run(packet)))
  mapsOf(collection, log)
  for (const packet of packets.slice(0, 20))
    log.push(String(program.runAt(program.layOut(packet))), told(program.repeat(packet, 3)))
  mapsOf(collection, log)
  const batch = program.runBatch(packets)
  for (const result of batch) log.push(told(result))
  batch.dispose()
  mapsOf(collection, log)
  return log
}

function told(value: unknown): string {
  return JSON.stringify(toJson(value))
}

function mapsOf({ maps }: Pick<Collection, 'maps'>, log: string[]): void {
  for (const [name, map] of Object.entries(maps)) log.push(`${name}: ${JSON.stringify(contentsOf(map))}`)
}

function contentsOf(map: Collection['maps'][string]): Json {
  // A ring buffer has records; the others have entries, of which those of maps of maps and of programs are compared as bytes.
  if (map.keySize === 0) return toJson(map.drain())
  return [...map.keys()].map((key) => {
    const bytes = map.getBytes(key)
    return [toJson(key), bytes === undefined ? null : bytesToHex(bytes), toJson(plain(map.get(key)))]
  })
}

/** Inner maps by name. */
function plain(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'maxEntries' in value
    ? (value as { name?: string }).name
    : value
}
