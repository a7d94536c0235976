/**
 * Suite `conformance`: the public bpf_conformance programs, in the interpreter (checked and unchecked), in the JIT, and through the plug-in
 * executable; encodings that decoding refuses; texts that the assembler refuses.
 * @module
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { BUILTIN_HELPERS, helpersOf } from '../../src/helpers/index.ts'
import { assemble, decodeProgram } from '../../src/isa/index.ts'
import { raw } from '../../src/spec/platforms/raw.ts'
import { AnybpfError, hexToBytes } from '../../src/util/index.ts'
import { type ExecuteRawOptions, executeRaw } from '../../src/vm/index.ts'
import type { ScoreCase, ScoreResult } from './main.ts'

interface ProgramTest {
  readonly name: string
  readonly insns: string
  readonly mem: string
  /** r0 as `0x…`. */
  readonly result: string
}

interface Corpus {
  readonly tests: readonly ProgramTest[]
  readonly invalid_insns: readonly { readonly name: string; readonly insns: string }[]
  readonly invalid_asm: readonly { readonly name: string; readonly asm: string }[]
}

const PLUGIN = fileURLToPath(new URL('../../dist/conformance-plugin.js', import.meta.url))

const HELPERS = helpersOf(raw, BUILTIN_HELPERS)

export async function score(path: string): Promise<ScoreResult> {
  const corpus = JSON.parse(readFileSync(path, 'utf8')) as Corpus
  const programs = await inParallel(corpus.tests, judgeProgram)
  const encodings = corpus.invalid_insns.map(({ name, insns }) =>
    refused(`invalid_insns ${name}`, 'ERR_DECODE', () => decodeProgram(hexToBytes(insns), 'little')),
  )
  const texts = corpus.invalid_asm.map(({ name, asm }) =>
    refused(`invalid_asm ${name}`, 'ERR_ASSEMBLE', () => assemble(asm, { syntax: 'conformance' })),
  )
  return { cases: [...programs, ...encodings, ...texts] }
}

async function judgeProgram(test: ProgramTest): Promise<ScoreCase> {
  const expected = BigInt(test.result).toString(16)
  const results: Record<string, string> = {
    interpreter: execute(test, {}),
    checked: execute(test, { checked: true }),
    jit: execute(test, { engine: 'jit' }),
    'jit, no budget': execute(test, { engine: 'jit', budget: 0 }),
    'jit, as if verified': execute(test, { engine: 'jit', budget: 0, verified: true }),
    'plug-in': await runPlugin(test, 'interpreter'),
    'plug-in, jit': await runPlugin(test, 'jit'),
  }
  const disagreeing = Object.entries(results).filter(([, result]) => result !== expected)
  return {
    id: test.name,
    expected,
    actual: disagreeing.length === 0 ? expected : disagreeing.map(([how, result]) => `${how}: ${result}`).join('; '),
    agree: disagreeing.length === 0,
  }
}

function execute(test: ProgramTest, options: ExecuteRawOptions): string {
  try {
    const insns = decodeProgram(hexToBytes(test.insns), 'little')
    return executeRaw(insns, hexToBytes(test.mem), { ...options, helpers: HELPERS }).r0.toString(16)
  } catch (error) {
    return String(error)
  }
}

/** What the runner does: program on standard input, memory as an argument, r0 on standard output. */
function runPlugin(test: ProgramTest, engine: string): Promise<string> {
  if (!existsSync(PLUGIN)) return Promise.resolve('dist/conformance-plugin.js is not built (npm run build)')
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [PLUGIN, test.mem, '--engine', engine], { stdio: 'pipe' })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk
      })
    }
    child.on('error', (error) => resolve(String(error)))
    child.on('close', (status) => resolve(status === 0 ? output.trim() : `status ${status}: ${output.trim()}`))
    child.stdin.on('error', () => {})
    child.stdin.end(test.insns)
  })
}

function refused(id: string, code: string, work: () => unknown): ScoreCase {
  const expected = `refused with ${code}`
  try {
    work()
    return { id, expected, actual: 'taken', agree: false }
  } catch (error) {
    const agree = error instanceof AnybpfError && error.code === code
    return { id, expected, actual: agree ? expected : String(error), agree, note: String(error) }
  }
}

/** Results in the order of the items; as many at once as there are processors. */
async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length)
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++
      results[index] = await work(items[index]!)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  return results
}
