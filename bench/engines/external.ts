/**
 * Engines that are programs of their own: the same C compiled natively, and those that somebody built elsewhere.
 *
 * Each is called as `COMMAND [CODE-FILE] MEMORY-FILE LENGTH COUNT`, and prints one line: r0 and the FNV-1a hash of the memory after
 * the first run (16 hexadecimal digits each), and the nanoseconds of processor time per run of COUNT more runs over that memory,
 * which it has measured itself.
 * @module
 */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Engine, Refusal, type Subject } from './engine.ts'
import { type MemoryWorkload, WORKLOADS, type Workload } from './workloads.ts'

const run = promisify(execFile)
const CLANG = process.env['CLANG'] ?? 'clang-19'

abstract class ExternalEngine implements Engine {
  abstract readonly name: string
  abstract readonly unavailable: string | undefined
  protected readonly folder = mkdtempSync(join(tmpdir(), 'anybpf-bench-'))

  protected abstract command(workload: MemoryWorkload): readonly string[]

  async open(workload: Workload): Promise<Subject> {
    if (workload.kind !== 'memory') throw new Refusal('no maps')
    const memory = join(this.folder, `${workload.name}.mem`)
    writeFileSync(memory, workload.memory)
    const [file, ...first] = this.command(workload) as [string, ...string[]]
    const call = async (count: number): Promise<readonly [outcome: string, ns: number]> => {
      const { stdout } = await run(file, [...first, memory, String(workload.length), String(count)]).catch(
        (error: Error & { stderr?: string }) => {
          throw new Refusal(error.stderr?.trim().split('\n')[0] || error.message)
        },
      )
      const match = /^([0-9a-f]{16} [0-9a-f]{16}) ([0-9.]+)$/m.exec(stdout)
      if (match === null) throw new Refusal(`no result: ${stdout.slice(0, 80)}`)
      return [match[1]!, Number(match[2])]
    }
    const [outcome] = await call(0)
    return { outcome, time: async (count) => (await call(Math.ceil(count)))[1] }
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** clang -O2 of the same C: what there is to win. */
export class NativeEngine extends ExternalEngine {
  readonly name = 'native'
  readonly unavailable =
    spawnSync(CLANG, ['--version']).status === 0 ? undefined : `no ${CLANG} (set CLANG to another one)`

  protected command({ name }: MemoryWorkload): string[] {
    const harness = fileURLToPath(new URL('./native.c', import.meta.url))
    const object = join(this.folder, `${name}.o`)
    const program = join(this.folder, name)
    for (const args of [
      ['-c', join(WORKLOADS, `${name}.c`), '-o', object],
      [harness, object, '-o', program],
    ]) {
      const { status, stderr } = spawnSync(CLANG, ['-O2', ...args], { encoding: 'utf8' })
      if (status !== 0) throw new Refusal(`${CLANG}: ${stderr.split('\n')[0]}`)
    }
    return [program]
  }
}

/** A runner for another BPF engine, at the path that an environment variable gives: see `bench/engines/peers`. */
export class PeerEngine extends ExternalEngine {
  readonly name: string
  readonly unavailable: string | undefined
  private readonly path: string

  constructor(name: string) {
    super()
    this.name = name
    const variable = name.toUpperCase()
    this.path = process.env[variable] ?? ''
    if (this.path === '') this.unavailable = `${variable} is not set to its runner`
    else if (!existsSync(this.path)) this.unavailable = `${variable}: no ${this.path}`
  }

  protected command({ name, code }: MemoryWorkload): string[] {
    const file = join(this.folder, `${name}.bin`)
    writeFileSync(file, code)
    return [this.path, file]
  }
}
