/**
 * Maps on the command line: filled before a run, printed after it.
 * @module
 */
import type { Collection } from '../../loader/index.ts'
import { BpfMap } from '../../maps/index.ts'
import type { ObjectSpec } from '../../object/index.ts'
import { linux } from '../../spec/index.ts'
import { AnybpfError, isAnybpfError } from '../../util/index.ts'
import { usageError } from '../errors.ts'
import { readJsonOption, splitAssignment } from '../input.ts'
import { parseJson } from '../json.ts'
import { formatCount } from '../progress.ts'
import type { CliIo, Style } from '../streams.ts'
import { formatValue, visible } from '../text.ts'

const PROG_ARRAY = 3
const ARRAY_OF_MAPS = 12
const HASH_OF_MAPS = 13

/** `--map NAME=JSON`, read. */
export interface MapFill {
  readonly map: string
  readonly entries: readonly (readonly [key: unknown, value: unknown])[]
}

export async function readMapFills(options: readonly string[], io: CliIo): Promise<MapFill[]> {
  const fills: MapFill[] = []
  for (const option of options) {
    const { name, value } = splitAssignment(option, '--map')
    fills.push({ map: name, entries: toEntries(await readJsonOption(value, `--map ${name}`, io), name) })
  }
  return fills
}

function toEntries(json: unknown, map: string): (readonly [unknown, unknown])[] {
  if (Array.isArray(json)) {
    return json.map((pair: unknown) => {
      if (!Array.isArray(pair) || pair.length !== 2) {
        throw usageError(`--map ${map} wants pairs: [[key, value], …], not ${formatValue(pair)} in the list`)
      }
      return [pair[0], pair[1]] as const
    })
  }
  if (typeof json === 'object' && json !== null) {
    return Object.entries(json).map(([key, value]) => [keyOf(key, map), value] as const)
  }
  throw usageError(`--map ${map} wants [[key, value], …] or {"key": value, …}`)
}

/** A key that JSON could only write as text: a structure or a list inside it is JSON again. */
function keyOf(text: string, map: string): unknown {
  return /^\s*[[{]/.test(text) ? parseJson(text, `a key of --map ${map}`) : text
}

/** Programs that fills put into prog arrays: they must be loaded too. */
export function programsNamedBy(fills: readonly MapFill[], spec: ObjectSpec): string[] {
  const names = fills
    .filter(({ map }) => spec.maps[map]?.type === PROG_ARRAY)
    .flatMap(({ entries }) => entries.map(([, value]) => value))
  return names.filter((name): name is string => typeof name === 'string')
}

/** Puts the entries into the map: programs and inner maps by their names. Throws ERR_USAGE, ERR_NOT_FOUND or ERR_MAP. */
export function fillMap(fill: MapFill, collection: Collection): void {
  const map = named(collection.maps, fill.map, 'map')
  for (const [key, value] of fill.entries) {
    try {
      map.set(key, referenced(map, value, collection))
    } catch (error) {
      if (!isAnybpfError(error) || !KEY_IS_STRUCT.test(error.message)) throw error
      const hint = `a key that is a struct is written --map '${fill.map}=[[{"member": …}, value], …]'`
      throw new AnybpfError(error.code, `${error.message}; ${hint}`, { cause: error })
    }
  }
}

/** The codec's word for a text or number where an object should be. */
const KEY_IS_STRUCT = / key: expected an object/

function referenced(map: BpfMap, value: unknown, collection: Collection): unknown {
  if (typeof value !== 'string') return value
  if (map.typeId === PROG_ARRAY) return named(collection.programs, value, 'program').executable
  if (map.typeId === ARRAY_OF_MAPS || map.typeId === HASH_OF_MAPS) return named(collection.maps, value, 'map')
  return value
}

function named<T>(things: Readonly<Record<string, T>>, name: string, what: string): T {
  const thing = things[name]
  if (thing !== undefined) return thing
  const known = Object.keys(things).join(', ')
  throw new AnybpfError('ERR_NOT_FOUND', `no ${what} ${JSON.stringify(name)}; the object has ${known || 'none'}`)
}

/** Arrays with more entries are shown without those that are all zero. */
const FULL_ARRAY = 256

/**
 * The entries of a map as pairs, in the form that `--map` takes: programs and inner maps by their names. Records that wait
 * in a ring buffer are events, not entries.
 */
export function* mapEntries(map: BpfMap, collection: Collection): Generator<[key: unknown, value: unknown]> {
  if (map.hasEvents) return
  const sparse = map.store.indexed === true && map.maxEntries > FULL_ARRAY
  for (const [key, value] of map.entries()) {
    if (sparse && isZero(map, key)) continue
    yield [key, nameOf(value, map, collection)]
  }
}

function isZero(map: BpfMap, key: unknown): boolean {
  for (let cpu = 0; cpu < (map.store.cpus ?? 1); cpu++) {
    if (map.getBytes(key, cpu)?.some((byte) => byte !== 0)) return false
  }
  return true
}

function nameOf(value: unknown, map: BpfMap, collection: Collection): unknown {
  if (map.typeId === PROG_ARRAY) {
    return Object.values(collection.programs).find(({ executable }) => executable.index === value)?.name ?? value
  }
  // An inner map that the object does not declare, such as a member of an array of them, is shown by its entries.
  if (value instanceof BpfMap) {
    return Object.keys(collection.maps).find((name) => collection.maps[name] === value) ?? [...value.entries()]
  }
  return value
}

/** `shown`: the most entries of a map that are printed. */
export function printMaps(collection: Collection | undefined, shown: number, style: Style): string {
  if (collection === undefined) return ''
  const { mapTypes } = linux()
  let text = ''
  for (const [name, map] of Object.entries(collection.maps)) {
    const type = mapTypes.get(map.typeId)?.name ?? `type ${map.typeId}`
    const lines: string[] = []
    let count = 0
    for (const [key, value] of mapEntries(map, collection)) {
      if (++count > shown) continue
      // With one CPU, the list of a per-CPU value has one member.
      const only = map.store.cpus === 1 && Array.isArray(value) && PER_CPU.test(type) ? value[0] : value
      lines.push(`  ${visible(keyText(key))}: ${visible(formatValue(only))}\n`)
    }
    const lost = map.hasEvents && map.lost > 0 ? `, ${formatCount(map.lost)} records lost` : ''
    const entries = map.hasEvents ? '' : `, ${formatCount(count)} ${count === 1 ? 'entry' : 'entries'}`
    text += `\n${style.bold(visible(name))} (${type}${entries}${lost})\n${lines.join('')}`
    if (count > shown) text += `  … and ${formatCount(count - shown)} more entries\n`
  }
  return text
}

const PER_CPU = /^(?:lru_)?percpu_/

function keyText(key: unknown): string {
  return typeof key === 'string' ? key : formatValue(key)
}
