/**
 * A realm in which nothing can be compiled, neither from text nor from WebAssembly's bytes, and built objects in it.
 * @module
 */
import { join } from 'node:path'
import { type Context, createContext, runInContext } from 'node:vm'
import { build } from 'esbuild'
import type { BuiltFile } from '../../src/build/index.ts'
import type { Scenario } from './scenario.ts'

const ROOT = join(import.meta.dirname, '..', '..')

export function forbiddingContext(): Context {
  return createContext({ atob, TextDecoder, TextEncoder }, { codeGeneration: { strings: false, wasm: false } })
}

/** The generated module and a driver as one script: global `built` has what the driver exports. `anybpf/aot` is this source. */
export async function bundleBuild(files: readonly BuiltFile[], driver: string): Promise<string> {
  const generated = files.find(({ kind }) => kind === 'module')!
  const { outputFiles } = await build({
    stdin: { contents: driver, resolveDir: ROOT, loader: 'ts' },
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    globalName: 'built',
    platform: 'browser',
    logLevel: 'silent',
    plugins: [
      {
        name: 'built',
        setup(hooks) {
          hooks.onResolve({ filter: /^anybpf\/aot$/ }, () => ({ path: join(ROOT, 'src/aot/index.ts') }))
          hooks.onResolve({ filter: /^built$/ }, () => ({ path: 'built', namespace: 'built' }))
          hooks.onLoad({ filter: /.*/, namespace: 'built' }, () => ({
            contents: new TextDecoder().decode(generated.bytes),
            resolveDir: ROOT,
          }))
        },
      },
    ],
  })
  return outputFiles[0]!.text
}

/** What `instantiate` wants, compiled outside. */
export function compileModules(files: readonly BuiltFile[]): {
  runtime: WebAssembly.Module
  programs: Record<string, WebAssembly.Module>
} {
  const compiled = (file: BuiltFile): WebAssembly.Module =>
    new WebAssembly.Module(file.bytes as Uint8Array<ArrayBuffer>)
  return {
    runtime: compiled(files.find(({ kind }) => kind === 'runtime')!),
    programs: Object.fromEntries(
      files.filter(({ kind }) => kind === 'program').map((file) => [file.program!, compiled(file)]),
    ),
  }
}

export const DRIVER = `
  import { instantiate } from 'built'
  import { play } from './test/aot/scenario.ts'
  export function drive(modules: never, scenario: string): string {
    const collection = instantiate(modules)
    try {
      return JSON.stringify(play(collection, JSON.parse(scenario)))
    } finally {
      collection.dispose()
    }
  }
`

/** Plays a scenario with a built object where nothing can be compiled. */
export async function playBuilt(files: readonly BuiltFile[], scenario: Scenario): Promise<string[]> {
  const context = forbiddingContext()
  runInContext(await bundleBuild(files, DRIVER), context)
  const { drive } = runInContext('built', context) as { drive(modules: object, scenario: string): string }
  return JSON.parse(drive(compileModules(files), JSON.stringify(scenario)))
}
