/**
 * Plants known mistakes into the verifier, one at a time, and shows that the self-check catches each:
 * `npm run -s soundness -- --planted [--programs N] [--seed S] [--only TEXT]`. The tree is not touched: the changed
 * source exists in a bundle outside of it only.
 * @module
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build, type Plugin } from 'esbuild'
import type { HuntResult } from './hunt.ts'
import { PLANTS, type Plant } from './plants.ts'

const SRC = fileURLToPath(new URL('../../src/', import.meta.url))
const HUNT = fileURLToPath(new URL('./hunt.ts', import.meta.url))

/** Accepted programs within which a mistake has to be caught: those of a run in CI. */
export const HUNT_PROGRAMS = 20_000

export interface HuntOptions {
  readonly seed: number
  readonly programs: number
}

/** Throws if the change does not fit the source. */
export function plantedSource({ name, file, find, replace }: Plant): string {
  const source = readFileSync(join(SRC, file), 'utf8')
  const parts = source.split(find)
  if (parts.length !== 2) {
    throw new Error(`${name}: src/${file} has ${parts.length - 1} places that look like ${JSON.stringify(find)}`)
  }
  return parts.join(replace)
}

function planting(plant: Plant): Plugin {
  const contents = plantedSource(plant)
  const path = join(SRC, plant.file).split(sep).join('/')
  return {
    name: 'plant',
    setup(one) {
      one.onLoad({ filter: /\.ts$/ }, (args) =>
        args.path.split(sep).join('/') === path ? { contents, loader: 'ts' } : undefined,
      )
    },
  }
}

/** Runs the hunt with the plant (none: with the verifier as it is). */
export async function huntPlanted(plant: Plant | undefined, { seed, programs }: HuntOptions): Promise<HuntResult> {
  const folder = mkdtempSync(join(tmpdir(), 'anybpf-plant-'))
  try {
    const outfile = join(folder, 'hunt.mjs')
    await build({
      entryPoints: [HUNT],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'silent',
      plugins: plant === undefined ? [] : [planting(plant)],
    })
    const { stdout } = await promisify(execFile)(process.execPath, [outfile, String(seed), String(programs)])
    return JSON.parse(stdout) as HuntResult
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
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
