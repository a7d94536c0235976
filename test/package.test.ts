/**
 * The package as a user gets it: packed, unpacked into another project's `node_modules`, imported from JavaScript, run, and
 * type-checked against. Builds into a folder of its own, so it neither needs nor disturbs `dist`.
 */
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
// biome-ignore lint/correctness/useImportExtensions: the script is JavaScript, and has its types beside it
import { buildExecutables } from '../scripts/build-executables.mjs'

const ROOT = join(import.meta.dirname, '..')
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')

interface Manifest {
  readonly version: string
  readonly files: readonly string[]
  readonly exports: Readonly<Record<string, string>>
  readonly bin: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
}

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest
const subpaths = Object.keys(manifest.exports)
  .filter((subpath) => subpath !== './package.json')
  .map((subpath) => `anybpf${subpath.slice(1)}`)

let directory: string
/** A project that has the package installed. */
let project: string
let installed: string
let packed: { readonly size: number; readonly files: readonly { readonly path: string; readonly mode: number }[] }

function run(
  command: string,
  args: readonly string[],
  cwd: string,
): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, NO_COLOR: '1', npm_config_offline: 'true', npm_config_update_notifier: 'false' }
  return spawnSync(command, args, { cwd, encoding: 'utf8', env })
}

/** Runs a module of plain JavaScript in the project. */
function runModule(source: string): string {
  writeFileSync(join(project, 'main.mjs'), source)
  const { status, stdout, stderr } = run(process.execPath, ['main.mjs'], project)
  expect(stderr).toBe('')
  expect(status).toBe(0)
  return stdout
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'anybpf-package-'))
  const source = join(directory, 'source')
  mkdirSync(source)
  for (const file of ['package.json', ...manifest.files]) {
    if (file !== 'dist' && existsSync(join(ROOT, file)))
      cpSync(join(ROOT, file), join(source, file), { recursive: true })
  }
  // What must not be packed.
  writeFileSync(join(source, 'stray.txt'), '')
  const tsc = run(process.execPath, [TSC, '-p', 'tsconfig.build.json', '--outDir', join(source, 'dist')], ROOT)
  expect(tsc.stdout).toBe('')
  await buildExecutables(join(source, 'dist'))

  const pack = run('npm', ['pack', '--json', '--pack-destination', directory], source)
  expect(pack.status, pack.stderr).toBe(0)
  const [result] = JSON.parse(pack.stdout) as [{ filename: string } & typeof packed]
  packed = result

  project = join(directory, 'project')
  installed = join(project, 'node_modules', 'anybpf')
  mkdirSync(installed, { recursive: true })
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }')
  const unpack = run(
    'tar',
    ['-xzf', join(directory, result.filename), '--strip-components=1', '-C', installed],
    project,
  )
  expect(unpack.status, unpack.stderr).toBe(0)
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('the tarball', () => {
  it('holds the library with its types, the executables, documents and the licence, and nothing else', () => {
    const paths = packed.files.map(({ path }) => path)
    for (const wanted of [
      'LICENSE',
      'CHANGELOG.md',
      'package.json',
      'dist/index.js',
      'dist/index.d.ts',
      'dist/cli.js',
    ]) {
      expect(paths).toContain(wanted)
    }
    for (const path of paths) {
      expect(path).toMatch(
        /^(?:dist\/[\w./-]+\.(?:js|d\.ts)|docs\/[\w./-]+|examples\/[\w./-]+|[A-Z]+(?:\.md)?|package\.json)$/,
      )
    }
    expect(paths.filter((path) => path.startsWith('dist/cli/'))).toEqual([])
    const kilobytes = Math.round(packed.size / 1024)
    console.log(`package: ${paths.length} files, ${kilobytes} KiB compressed`)
  })

  it('has what its documents link to', () => {
    const paths = new Set(packed.files.map(({ path }) => path))
    const documents = [...paths].filter((path) => path.endsWith('.md'))
    expect(documents).toContain('docs/verifier.md')
    const missing: string[] = []
    for (const path of documents) {
      for (const [, target] of readFileSync(join(installed, path), 'utf8').matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
        const file = posix.join(posix.dirname(path), target!)
        const there = file.endsWith('/') ? [...paths].some((one) => one.startsWith(file)) : paths.has(file)
        if (!there) missing.push(`${path}: ${target}`)
      }
    }
    expect(missing).toEqual([])
  })

  it('has every file that its manifest names, and a type declaration for every module', () => {
    for (const [subpath, file] of Object.entries(manifest.exports)) {
      expect(existsSync(join(installed, file)), `${subpath}: ${file}`).toBe(true)
      if (file.endsWith('.js')) expect(existsSync(join(installed, file.replace(/\.js$/, '.d.ts'))), file).toBe(true)
    }
    for (const file of Object.values(manifest.bin)) {
      expect(readFileSync(join(installed, file), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
      expect(statSync(join(installed, file)).mode & 0o111, `${file} is executable`).toBe(0o111)
    }
  })

  it('needs nothing else to be installed, and Node only where it says so', async () => {
    expect(manifest.dependencies ?? {}).toEqual({})
    for (const [subpath, file] of Object.entries(manifest.exports)) {
      if (!file.endsWith('.js')) continue
      const { metafile } = await build({
        absWorkingDir: installed,
        entryPoints: [file],
        bundle: true,
        write: false,
        metafile: true,
        format: 'esm',
        platform: 'node',
        logLevel: 'silent',
      })
      const imports = Object.values(metafile.outputs).flatMap((output) => output.imports.map(({ path }) => path))
      if (subpath === './node') expect(imports).toContain('node:fs/promises')
      else expect(imports, subpath).toEqual([])
    }
  })
})

describe('from plain JavaScript', () => {
  it.each(subpaths)('%s can be imported', (subpath) => {
    const names = JSON.parse(
      runModule(`import * as all from '${subpath}'; console.log(JSON.stringify(Object.keys(all)))`),
    )
    expect(names.length).toBeGreaterThan(0)
    expect(names).not.toContain('default')
  })

  it('nothing but the subpaths can be imported', () => {
    expect(runModule(`import('anybpf/dist/index.js').catch((error) => console.log(error.code))`)).toBe(
      'ERR_PACKAGE_PATH_NOT_EXPORTED\n',
    )
  })

  it('an object is loaded and run', () => {
    cpSync(join(ROOT, 'examples', 'xdp-firewall', 'firewall.el.o'), join(project, 'firewall.o'))
    const output = runModule(`
      import { readFileSync } from 'node:fs'
      import { parseObject, Runtime } from 'anybpf'
      import { ethernet, ipv4, tcp } from 'anybpf/net'

      const runtime = new Runtime()
      const spec = parseObject(readFileSync('firewall.o'))
      spec.maps.sources.maxEntries = 16
      const firewall = runtime.load(spec, { globals: { threshold: 2 } })
      firewall.maps.blocked.set({ addr: 0x0a000001 }, 1)
      const syn = (src) => ethernet(ipv4({ src }, tcp({ dport: 22 })))
      for (const src of ['10.0.0.1', '10.0.0.2', '10.0.0.2', '10.0.0.2']) {
        console.log(firewall.programs.firewall.run(syn(src)).verdict)
      }
      console.log(firewall.maps.counters.get('REASON_BLOCKED'))
      runtime.dispose()
    `)
    expect(output).toBe('XDP_DROP\nXDP_PASS\nXDP_PASS\nXDP_DROP\n[ { packets: 1n, bytes: 54n } ]\n')
  })
})

describe('the command', () => {
  it('tells its version', () => {
    const { status, stdout } = run(process.execPath, [join(installed, 'dist', 'cli.js'), '--version'], project)
    expect(status).toBe(0)
    expect(stdout.trim()).toContain(manifest.version)
  })

  it('runs a program', () => {
    const child = spawnSync(process.execPath, [join(installed, 'dist', 'cli.js'), 'run', '-', '--json'], {
      cwd: project,
      input: 'r0 = 42\nexit\n',
      encoding: 'utf8',
    })
    expect(JSON.parse(child.stdout)).toMatchObject({ retval: 42 })
  })
})

const strict = {
  target: 'es2022',
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  noEmit: true,
  typeRoots: [join(ROOT, 'node_modules', '@types')],
}

describe('what anybpf build writes', () => {
  beforeAll(() => {
    cpSync(join(ROOT, 'examples', 'xdp-firewall', 'firewall.el.o'), join(project, 'firewall.o'))
    const build = run(
      process.execPath,
      [join(installed, 'dist', 'cli.js'), 'build', 'firewall.o', '-o', 'dist'],
      project,
    )
    expect(build.stderr).toBe('')
    expect(build.status).toBe(0)
  })

  it('runs as docs/build.md says', () => {
    const blocks = readFileSync(join(ROOT, 'docs', 'build.md'), 'utf8').matchAll(/^```js\n([\s\S]*?)^```$/gm)
    const source = [...blocks].map((match) => match[1]!).find((text) => text.includes('node:fs'))
    expect(runModule(source!)).toBe('XDP_DROP\n')
  })

  it('is small: no verifier, no reader of objects, no compiler', async () => {
    const { metafile, outputFiles } = await build({
      absWorkingDir: project,
      entryPoints: ['dist/firewall.js'],
      bundle: true,
      minify: true,
      write: false,
      metafile: true,
      format: 'esm',
      logLevel: 'silent',
    })
    const inputs = Object.keys(Object.values(metafile.outputs)[0]!.inputs).join('\n')
    for (const absent of [
      /\/elf\//,
      /parse-btf/,
      /verifier\/(?!calls\/record|types)/,
      /compile-/,
      /interpreter/,
      /guest-runtime\.generated/,
    ]) {
      expect(inputs).not.toMatch(absent)
    }
    const { length } = outputFiles[0]!.contents
    console.log(`firewall.js with what it imports: ${(length / 1024).toFixed(1)} KiB minified`)
    expect(length).toBeLessThan(160 * 1024)
  })

  it('has types that name its programs and maps', () => {
    writeFileSync(
      join(project, 'built.ts'),
      `
      import { type Firewall, files, instantiate } from './dist/firewall.js'
      declare const module: object
      const built: Firewall = instantiate({ runtime: module, programs: { firewall: module } })
      const verdict: string | number = built.programs.firewall.run(new Uint8Array(60)).verdict
      const metadata: Uint8Array | undefined = built.programs.firewall.run({ packet: new Uint8Array(60) }).metadata
      built.maps.blocked.set({ addr: 1 }, 1)
      built.maps['.bss'].get(0)
      const file: 'firewall.firewall.wasm' = files.programs.firewall
      // @ts-expect-error: there is no such program
      built.programs.gate
      // @ts-expect-error: there is no such map
      built.maps.allowed
      // @ts-expect-error: a program's module is missing
      instantiate({ runtime: module, programs: {} })
      built.dispose()
      export { file, metadata, verdict }
      `,
    )
    const options = { module: 'nodenext', moduleResolution: 'nodenext', lib: ['es2022'], types: [] }
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: { ...strict, ...options }, files: ['built.ts'] }),
    )
    expect(run(process.execPath, [TSC, '-p', 'tsconfig.json'], project).stdout).toBe('')
  })
})

describe('type declarations', () => {
  const consumer = (names: readonly string[]): string => `
    import { BpfFault, linux, parseObject, type Program, Runtime } from 'anybpf'
    import { assemble, type Instruction } from 'anybpf/isa'
    import { ethernet, ipv4 } from 'anybpf/net'
    ${names.map((subpath, i) => `import * as all${i} from '${subpath}'`).join('\n    ')}

    const insns: Instruction[] = assemble('r0 = 42\\nexit')
    const runtime = new Runtime({ platform: linux('6.12'), print: (line: string) => void line })
    const program: Program<Uint8Array, { memory: Uint8Array }> = runtime.loadProgram(insns)
    const { retval, memory } = program.run(new Uint8Array(8))
    const sum: number = retval + memory.length
    const spec = parseObject(new Uint8Array())
    const verdict: string | number | undefined = runtime.load(spec).programs['x']?.run(ethernet(ipv4({}))).verdict
    runtime.dispose()
    // @ts-expect-error: verdicts are no booleans
    const wrong: boolean | undefined = verdict
    export { BpfFault, sum, wrong, ${names.map((_, i) => `all${i}`).join(', ')} }
  `
  /** The README's code: JavaScript that is TypeScript, too. */
  const readme = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/^```(?:js|ts)\n([\s\S]*?)^```$/gm)].map(
    (match) => match[1]!,
  )

  const browser = subpaths.filter((subpath) => subpath !== 'anybpf/node')

  it.each([
    {
      who: 'Node.js',
      names: subpaths,
      options: { module: 'nodenext', moduleResolution: 'nodenext', lib: ['es2022', 'dom'], types: ['node'] },
    },
    {
      who: 'a bundler',
      names: browser,
      options: { module: 'esnext', moduleResolution: 'bundler', lib: ['es2022', 'dom'], types: [] },
    },
    {
      who: 'an engine that is neither Node.js nor a browser',
      names: subpaths,
      options: { module: 'nodenext', moduleResolution: 'nodenext', lib: ['es2022'], types: [] },
    },
  ])('hold for a strict consumer for $who that checks libraries too', ({ names, options }) => {
    writeFileSync(join(project, 'consumer.ts'), consumer(names))
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: { ...strict, ...options }, files: ['consumer.ts'] }),
    )
    expect(run(process.execPath, [TSC, '-p', 'tsconfig.json'], project).stdout).toBe('')
  })

  it('hold for the code in README.md', () => {
    expect(readme.length).toBeGreaterThan(1)
    const files = readme.map((text, i) => {
      writeFileSync(join(project, `readme-${i}.ts`), text)
      return `readme-${i}.ts`
    })
    // A skeleton is a file of one's own.
    const skeleton = 'examples/xdp-firewall/firewall.skel.ts'
    mkdirSync(dirname(join(project, skeleton)), { recursive: true })
    copyFileSync(join(ROOT, skeleton), join(project, skeleton))
    const options = {
      ...{ module: 'nodenext', moduleResolution: 'nodenext', lib: ['es2022'], types: ['node'] },
      ...{ allowImportingTsExtensions: true, noEmit: true },
    }
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...strict, ...options }, files }))
    expect(run(process.execPath, [TSC, '-p', 'tsconfig.json'], project).stdout).toBe('')
  })
})
