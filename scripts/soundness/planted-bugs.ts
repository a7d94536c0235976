/**
 * Plants known mistakes into the verifier, one at a time, and shows that the self-check catches each:
 * `npm run -s soundness -- --planted [--programs N] [--seed S] [--only TEXT]`. The tree is not touched: the changed
 * source exists in a bundle outside of it only.
 * @module
 */
import { fileURLToPath } from 'node:url'
import { type Plant, runPlanted } from '../programs/planting.ts'
import type { HuntResult } from './hunt.ts'
import { PLANTS } from './plants.ts'

const HUNT = fileURLToPath(new URL('./hunt.ts', import.meta.url))

/** Accepted programs within which a mistake has to be caught: those of a run in CI. */
export const HUNT_PROGRAMS = 20_000

export interface HuntOptions {
  readonly seed: number
  readonly programs: number
}

/** Runs the hunt with the plant (none: with the verifier as it is). */
export async function huntPlanted(plant: Plant | undefined, { seed, programs }: HuntOptions): Promise<HuntResult> {
  return (await runPlanted(plant, HUNT, [String(seed), String(programs)])) as HuntResult
}

/** One line for a hunt. */
export function huntText({ name }: Plant, result: HuntResult): string {
  const { accepted, generated, seconds, seed, message } = result
  const tried = `${accepted} accepted of ${generated} programs, ${seconds.toFixed(1)} s`
  if (message === undefined) return `NOT CAUGHT ${name} (${tried})`
  return `caught ${name}\n  by seed ${seed}, after ${tried}\n  ${message}`
}

/** Plants every mistake whose name has `only` in it, and prints a line for each; returns how many were not caught. */
export async function plantAll({ only, ...options }: HuntOptions & { readonly only: string }): Promise<number> {
  let missed = 0
  for (const plant of PLANTS) {
    if (!plant.name.includes(only)) continue
    const result = await huntPlanted(plant, options)
    if (result.message === undefined) missed++
    console.log(huntText(plant, result))
  }
  console.log(`planted bugs: ${missed} not caught`)
  return missed
}
