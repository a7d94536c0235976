/**
 * Plants known faults into the JIT, one at a time, and shows that the comparison catches each:
 * `npm run -s jit-check -- --planted [--programs N] [--seed S] [--only TEXT]`.
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Plant, runPlanted } from '../programs/planting.ts'
import type { HuntResult } from './hunt.ts'
import { JIT_PLANTS, type JitPlant } from './plants.ts'

const JIT = fileURLToPath(new URL('../../src/vm/jit/', import.meta.url))
const HUNT = fileURLToPath(new URL('./hunt.ts', import.meta.url))

/** Programs within which a fault has to be caught: those of a run in CI. */
export const HUNT_PROGRAMS = 20_000

export interface HuntOptions {
  readonly seed: number
  readonly programs: number
}

/** Where it is planted. Throws if there is no such place. */
export function located(plant: JitPlant): Plant {
  const name = readdirSync(JIT).find((file) => readFileSync(join(JIT, file), 'utf8').includes(plant.find))
  if (name === undefined)
    throw new Error(`${plant.name}: nothing in src/vm/jit looks like ${JSON.stringify(plant.find)}`)
  return { ...plant, file: `vm/jit/${name}` }
}

/** Runs the comparison with the plant (none: with the JIT as it is). */
export async function huntFault(plant: JitPlant | undefined, { seed, programs }: HuntOptions): Promise<HuntResult> {
  return (await runPlanted(plant && located(plant), HUNT, [String(seed), String(programs)])) as HuntResult
}

/** One line for a hunt. */
export function huntText({ name }: JitPlant, { programs, seconds, message }: HuntResult): string {
  const tried = `${programs} programs, ${seconds.toFixed(1)} s`
  return message === undefined ? `NOT CAUGHT ${name} (${tried})` : `caught ${name} (${tried})\n  ${message}`
}

/** Plants every fault whose name has `only` in it, and prints a line for each; returns how many were not caught. */
export async function plantAll({ only, ...options }: HuntOptions & { readonly only: string }): Promise<number> {
  let missed = 0
  for (const plant of JIT_PLANTS) {
    if (!plant.name.includes(only)) continue
    const result = await huntFault(plant, options)
    if (result.message === undefined) missed++
    console.log(huntText(plant, result))
  }
  console.log(`planted faults: ${missed} not caught`)
  return missed
}
