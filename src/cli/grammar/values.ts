/**
 * Turns option values into numbers and lists, with messages in the words of the command line.
 * @module
 */
import { InvalidArgumentError } from 'commander'

/** A whole number from `low` to `high`; `_`, `k`, `M` and `G` help with large ones. */
export function wholeNumber(low: number, high = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const match = /^(\d[\d_]*)([kMG]?)$/.exec(text)
    const value = match === null ? Number.NaN : Number(match[1]!.replaceAll('_', '')) * SCALES[match[2]!]!
    if (!(value >= low && value <= high)) {
      const range = high === Number.MAX_SAFE_INTEGER ? `of at least ${low}` : `from ${low} to ${high}`
      throw new InvalidArgumentError(`Give a whole number ${range}.`)
    }
    return value
  }
}

const SCALES: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6, G: 1e9 }

/** What `--platform` takes. */
export const PLATFORM_NAMES = 'linux, linux:VERSION (also "linux VERSION") or raw'

/** Collects a repeatable option. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}
