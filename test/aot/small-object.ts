/**
 * Small objects from assembly, and what a build of one exports, in this realm.
 * @module
 */
import { runInThisContext } from 'node:vm'
import type { Build } from '../../src/build/index.ts'
import { assemble } from '../../src/isa/index.ts'
import type { Collection } from '../../src/loader/index.ts'
import type { MapSpec, ObjectSpec, ProgramSpec } from '../../src/object/index.ts'
import type { VirtualEnvironmentOptions } from '../../src/vm/index.ts'
import { bundleBuild } from './forbidden.ts'

/** Of one program, or several by name; with a line for every instruction. Their wide loads are of the maps in `loads`, in order. */
export function objectOf(
  texts: string | Readonly<Record<string, string>>,
  maps: readonly MapSpec[] = [],
  loads: readonly string[] = [],
): ObjectSpec {
  const programs: Record<string, ProgramSpec> = Object.create(null)
  for (const [name, text] of Object.entries(typeof texts === 'string' ? { main: texts } : texts)) {
    const insns = assemble(text)
    const slots = insns.flatMap((insn, slot) => (insn.kind === 'lddw' ? [slot] : []))
    programs[name] = {
      ...{ name, section: 'xdp', sectionSlot: 0, linkage: 'global', slotCount: insns.length, insns },
      references: loads.map((map, i) => ({ kind: 'map', slot: slots[i]!, map })),
      ...{ coreRelocations: [], type: 'xdp', sleepable: false, frags: false, autoload: true },
      lines: insns.map((_, slot) => ({ slot, file: `${name}.c`, line: 10 + slot, column: 1, text: '' })),
    }
  }
  const byName: Record<string, MapSpec> = Object.create(null)
  for (const map of maps) byName[map.name] = map
  return {
    ...{ byteOrder: 'little', license: 'GPL', programs, functions: {}, maps: byName, externs: {}, problems: [] },
  }
}

/** An array of 64-bit numbers. */
export function arrayOf(name: string, maxEntries: number): MapSpec {
  const sizes = { type: 2, keySize: 4, valueSize: 8, maxEntries }
  return { name, kind: 'map', section: '.maps', ...sizes, flags: 0, pinning: 0, mapExtra: 0n }
}

export interface Built {
  readonly files: { readonly runtime: string; readonly programs: Readonly<Record<string, string>> }
  instantiate(options?: unknown): Collection
  environment(options: VirtualEnvironmentOptions): object
}

const DRIVER = `
  import { VirtualEnvironment } from 'anybpf/aot'
  export { files, instantiate } from 'built'
  export const environment = (options: object) => new VirtualEnvironment(options)
`

export async function loadBuild({ files }: Build): Promise<Built> {
  const script = await bundleBuild(files, DRIVER)
  return runInThisContext(`(() => { ${script}; return built })()`) as Built
}
