/**
 * Real BTF for tests: of the committed objects, of the corpus where there is one, and of the running kernel.
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ElfFile, parseElf } from '../../src/elf/index.ts'
import { corpusObjects } from './objects.ts'

export interface BtfFile {
  /** Path, from the root of where it was found. */
  readonly name: string
  readonly path: string
  readonly btf: Uint8Array
  /** `.BTF.ext`, if there is one. */
  readonly ext: Uint8Array | undefined
}

/** `.BTF` of every object below a folder. */
export function* btfOfObjects(root: string): Generator<BtfFile> {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(?:o|elf)$/.test(entry.name)) continue
    const path = join(entry.parentPath, entry.name)
    let elf: ElfFile
    try {
      elf = parseElf(new Uint8Array(readFileSync(path)))
    } catch {
      continue
    }
    const section = elf.section('.BTF')
    if (section === undefined) continue
    const ext = elf.section('.BTF.ext')
    yield { name: path.slice(root.length + 1), path, btf: elf.data(section), ext: ext && elf.data(ext) }
  }
}

const TESTS = join(import.meta.dirname, '..')

/** Of the objects in this repository. */
export function committedBtf(): BtfFile[] {
  return [...btfOfObjects(join(TESTS, 'objects')), ...btfOfObjects(join(TESTS, '..', 'examples'))]
}

/** Of the corpus; undefined where there is none. */
export function corpusBtf(): BtfFile[] | undefined {
  const root = corpusObjects()
  return root === undefined ? undefined : [...btfOfObjects(root)]
}

const KERNEL = '/sys/kernel/btf/vmlinux'

/** Of the running kernel; undefined where it has none. */
export function kernelBtf(): Uint8Array | undefined {
  return existsSync(KERNEL) ? new Uint8Array(readFileSync(KERNEL)) : undefined
}
