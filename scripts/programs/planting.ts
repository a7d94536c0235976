/**
 * Plants known mistakes into the source, one at a time, to show that a check catches each. The tree is not touched: the
 * changed source exists in a bundle outside of it only.
 * @module
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build, type Plugin } from 'esbuild'

const SRC = fileURLToPath(new URL('../../src/', import.meta.url))

/** A mistake, as a change of the source. One that does not fit the source any more has to be written anew. */
export interface Plant {
  /** What is wrong, and where it was seen. */
  readonly name: string
  /** File under `src/`. */
  readonly file: string
  /** Must be there just once. */
  readonly find: string
  readonly replace: string
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

/** Runs a script with the plant (none: with the source as it is). What it printed, which is one line of JSON, parsed. */
export async function runPlanted(plant: Plant | undefined, script: string, args: readonly string[]): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'anybpf-plant-'))
  try {
    const outfile = join(folder, 'hunt.mjs')
    await build({
      entryPoints: [script],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'silent',
      plugins: plant === undefined ? [] : [planting(plant)],
    })
    const { stdout } = await promisify(execFile)(process.execPath, [outfile, ...args])
    return JSON.parse(stdout)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
