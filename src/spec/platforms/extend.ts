/**
 * Extending a platform: by helpers, map types and program types of one's own.
 * @module
 */
import { AnybpfError } from '../../util/index.ts'
import type { HelperSpec, KfuncSpec, MapTypeSpec, Platform, PlatformLimits, ProgramTypeSpec } from '../types.ts'

export interface PlatformExtension {
  readonly name?: string
  readonly helpers?: Iterable<HelperSpec>
  readonly mapTypes?: Iterable<MapTypeSpec>
  readonly programTypes?: Iterable<ProgramTypeSpec>
  readonly limits?: Partial<PlatformLimits>
  /** For whom programs are verified unless asked otherwise; by default as on the platform that is extended. */
  readonly author?: 'trusted' | 'untrusted'
  readonly kfuncs?: Iterable<KfuncSpec>
}

/**
 * A new platform that has all of `platform` and the extension's rows. A row with the number of another helper or map
 * type, or the name of another program type or kernel function, replaces it; two names for two numbers must differ (ERR_USAGE).
 */
export function extendPlatform(platform: Platform, extension: PlatformExtension): Platform {
  const author = extension.author ?? platform.author
  const kfuncs =
    extension.kfuncs === undefined
      ? platform.kfuncs
      : new Map([...(platform.kfuncs ?? []), ...[...extension.kfuncs].map((kfunc) => [kfunc.name, kfunc] as const)])
  return {
    name: extension.name ?? platform.name,
    helpers: withRows(platform.helpers, extension.helpers, 'helper'),
    mapTypes: withRows(platform.mapTypes, extension.mapTypes, 'map type'),
    programTypes: new Map([
      ...platform.programTypes,
      ...[...(extension.programTypes ?? [])].map((type) => [type.name, type] as const),
    ]),
    limits: { ...platform.limits, ...extension.limits },
    ...(author !== undefined && { author }),
    ...(kfuncs !== undefined && { kfuncs }),
  }
}

function withRows<Row extends { readonly id: number; readonly name: string }>(
  rows: ReadonlyMap<number, Row>,
  added: Iterable<Row> | undefined,
  what: string,
): ReadonlyMap<number, Row> {
  if (added === undefined) return rows
  const all = new Map(rows)
  for (const row of added) all.set(row.id, row)
  const names = new Map<string, number>()
  for (const row of all.values()) {
    const other = names.get(row.name)
    if (other !== undefined) {
      throw new AnybpfError('ERR_USAGE', `${what} ${row.name} has two numbers, ${other} and ${row.id}`)
    }
    names.set(row.name, row.id)
  }
  return all
}
