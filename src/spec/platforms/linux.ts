/**
 * Linux, by kernel version.
 * @module
 */
import { AnybpfError } from '../../util/index.ts'
import { LINUX_HELPERS } from '../helpers-linux.ts'
import { LINUX_KFUNCS } from '../kfuncs-linux.ts'
import { LINUX_LIMITS } from '../limits.ts'
import { LINUX_MAP_TYPES } from '../map-types.ts'
import { LINUX_PROGRAM_TYPES } from '../program-types.ts'
import type { Platform } from '../types.ts'

/** The version that `linux()` means. */
export const LATEST_LINUX = '6.18'

const VERSION = /^(\d{1,4})\.(\d{1,4})(?:\.\d{1,9})?$/

/** A number that orders versions; the third part does not count. */
function versionRank(version: string): number {
  const parts = VERSION.exec(version)
  if (parts === null) {
    throw new AnybpfError('ERR_USAGE', `not a kernel version: ${JSON.stringify(version)} (expected one like 6.12)`)
  }
  return Number(parts[1]) * 10000 + Number(parts[2])
}

/** The platform of a kernel release, `6.12` or `6.12.3`; by default the newest one known here. */
export function linux(version: string = LATEST_LINUX): Platform {
  const rank = versionRank(version)
  const has = (row: { readonly since?: string }): boolean => row.since === undefined || versionRank(row.since) <= rank
  return {
    name: `linux ${version}`,
    helpers: new Map([...LINUX_HELPERS].filter(([, helper]) => has(helper))),
    mapTypes: new Map(LINUX_MAP_TYPES.filter(has).map((type) => [type.id, type])),
    programTypes: new Map(LINUX_PROGRAM_TYPES.filter(has).map((type) => [type.name, type])),
    kfuncs: new Map([...LINUX_KFUNCS].filter(([, kfunc]) => has(kfunc))),
    limits: LINUX_LIMITS,
    author: 'trusted',
  }
}
