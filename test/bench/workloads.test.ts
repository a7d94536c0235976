/**
 * The workloads of `npm run bench -- engines`: what is committed is what their sources compile to, and it runs alike on both
 * engines.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { mapWorkloads, memoryWorkloads, WORKLOADS } from '../../bench/engines/workloads.ts'
import { decodeProgram } from '../../src/isa/index.ts'
import { Runtime } from '../../src/loader/index.ts'
import { parseObject } from '../../src/object/index.ts'
import { executeRaw } from '../../src/vm/index.ts'

const SCRIPT = fileURLToPath(new URL('../../scripts/build-workloads.sh', import.meta.url))
const hasClang = spawnSync('clang-19', ['--version']).status === 0

describe('workloads', () => {
  it.skipIf(!hasClang)(
    'are what clang 19 makes of their sources (skipped without clang-19)',
    { timeout: 60_000 },
    () => {
      const out = mkdtempSync(join(tmpdir(), 'anybpf-workloads-'))
      try {
        execFileSync(SCRIPT, { env: { ...process.env, OUT: out } })
        const committed = readdirSync(WORKLOADS).filter((file) => /\.(bin|o)$/.test(file))
        expect(readdirSync(out).sort()).toEqual(committed.sort())
        for (const file of committed) {
          expect(readFileSync(join(out, file)).equals(readFileSync(join(WORKLOADS, file))), file).toBe(true)
        }
      } finally {
        rmSync(out, { recursive: true, force: true })
      }
    },
  )

  it.each(memoryWorkloads())('$name gives the same on the interpreter and the JIT', ({ code, memory }) => {
    const insns = decodeProgram(code, 'little')
    const [interpreted, compiled] = (['interpreter', 'jit'] as const).map((engine) =>
      executeRaw(insns, memory, { engine, budget: 0 }),
    )
    expect(compiled!.r0).toBe(interpreted!.r0)
    expect(compiled!.memory).toEqual(interpreted!.memory)
  })

  it('programs with maps are accepted by the verifier, and find what they stored', () => {
    const [first] = mapWorkloads()
    const runtime = new Runtime()
    try {
      const { programs, maps } = runtime.load(parseObject(first!.object), { engine: 'jit' })
      for (const { program, before, packets } of mapWorkloads()) {
        for (const packet of [...before, ...packets]) expect(programs[program]!.run(packet).verdict).toBe('XDP_PASS')
      }
      expect(['flows', 'lru_flows', 'routes'].map((name) => maps[name]!.size)).toEqual([64, 64, 64])
    } finally {
      runtime.dispose()
    }
  })
})
