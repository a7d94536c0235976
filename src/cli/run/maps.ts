/**
 * Maps on the command line: filled before a run, printed after it.
 * @module
 */
import type { Collection } from '../../loader/index.ts'
import type { BpfMap } from '../../maps/index.ts'
import type { ObjectSpec } from '../../object/index.ts'
import { AnybpfError } from '../../util/index.ts'
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
