/**
 * The pinned compiler, for tests that compile C; they are skipped where it is absent.
 * @module
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseElf } from '../../src/elf/index.ts'

const CLANG = process.env['CLANG'] ?? 'clang-19'

export const hasClang: boolean = spawnSync(CLANG, ['--version']).status === 0

/** `.BTF` of C, compiled for BPF with `-g`; undefined if it has none. Throws with what the compiler says. */
export function btfOfC(source: string, byteOrder: 'little' | 'big' = 'little'): Uint8Array | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'anybpf-c-'))
  try {
    const [input, output] = [join(directory, 'a.c'), join(directory, 'a.o')]
    writeFileSync(input, source)
    const target = byteOrder === 'little' ? 'bpfel' : 'bpfeb'
    const flags = ['-g', '-O0', '-target', target, '-Wno-everything', '-c', input, '-o', output]
    const { status, stderr } = spawnSync(CLANG, flags, { encoding: 'utf8', maxBuffer: 1 << 26 })
    if (status !== 0) throw new Error(stderr.split('\n').slice(0, 10).join('\n'))
    const elf = parseElf(new Uint8Array(readFileSync(output)))
    const section = elf.section('.BTF')
    return section && elf.data(section)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
