/**
 * `--platform`: a platform by its name on the command line.
 * @module
 */
import { linux, type Platform, raw } from '../spec/index.ts'
import { isAnybpfError } from '../util/index.ts'
import { usageError } from './errors.ts'

/** `linux`, `linux:6.12`, `raw`. Throws a usage error for anything else. */
export function parsePlatform(text: string): Platform {
  const [name, version, ...rest] = text.split(':')
  if (rest.length === 0 && name === 'linux') {
    try {
      return version === undefined ? linux() : linux(version)
    } catch (error) {
      if (isAnybpfError(error)) throw usageError(`--platform ${text}: ${error.message}`)
      throw error
    }
  }
  if (text === 'raw') return raw
  throw usageError(`--platform ${text}: there are linux, linux:VERSION and raw`)
}
