/**
 * How much a random suite runs: a tenth by default, all of it with ANYBPF_LONG=1 (`npm run test:long`).
 * @module
 */

/** The seed of every random suite; ANYBPF_SEED overrides it, to look further than the fixed one. */
export const SEED: number = Number(process.env['ANYBPF_SEED'] ?? 9669)

/** How many runs a suite makes here, of the `full` number that it is meant to make. */
export function runs(full: number): number {
  return process.env['ANYBPF_LONG'] === '1' ? full : Math.max(1, Math.ceil(full / 10))
}
