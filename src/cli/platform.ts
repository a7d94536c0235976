/**
 * `--platform`: a platform by its name on the command line.
 * @module
 */
import { LATEST_LINUX, linux, type Platform, raw } from '../spec/index.ts'
import { usageError } from './errors.ts'

/** The first release with programs and maps. */
const FIRST_LINUX = '3.19'

/** Linux as `--platform` and as reports write it. */
const LINUX = /^linux(?:[: ](.*))?$/

const VERSION = /^(\d{1,4})\.(\d{1,4})(?:\.\d{1,9})?$/

/**
 * `linux`, `linux:6.12` or, as reports write it, `linux 6.12`; `raw`. Throws a usage error for anything else, and for a
 * version that nothing is known of.
 */
export function parsePlatform(text: string): Platform {
  if (text === 'raw') return raw
  const match = LINUX.exec(text)
  if (match === null) throw usageError(`--platform ${text}: there are linux, linux:VERSION and raw`)
  const version = match[1]
  if (version === undefined) return linux()
  const rank = rankOf(version)
  if (rank === undefined) {
    throw usageError(
      `--platform ${text}: no kernel version; give one like linux:6.12, from ${FIRST_LINUX} to ${LATEST_LINUX}`,
    )
  }
  if (rank < rankOf(FIRST_LINUX)! || rank > rankOf(LATEST_LINUX)!) {
    throw usageError(`--platform ${text}: known are the versions from ${FIRST_LINUX} to ${LATEST_LINUX}`)
  }
  return linux(version)
}

/** A number that orders versions; the third part does not count. */
function rankOf(version: string): number | undefined {
  const parts = VERSION.exec(version)
  return parts === null ? undefined : Number(parts[1]) * 10_000 + Number(parts[2])
}
